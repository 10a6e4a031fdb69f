"""Correct work of people that audits re-opened: who bears the false alarms of the selection.

An audit that upholds a decision cost its maker a second look at work that was right. A count of
what happened, not an estimate: nothing is weighted. Only decisions made by people are counted, as
an automated one is no burden to anybody.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.arrays import Floats, Positions, total_by
from monitoring.fairness.found import Reopened, Standing
from monitoring.fairness.gaps import exact_bounds, standing_of_interval
from monitoring.standing import LEVEL

LEAST_AUDITS = 10
"""Of a group, and of all others, below which nothing is said to differ."""


def count_reopened(
    table: pd.DataFrame, codes: Positions, groups: int, *, level: float
) -> list[Reopened | None]:
    """Count the upheld audits of people's decisions, per group.

    Parameters
    ----------
    table
        ``decided_by``, ``audited`` and ``overturned``, as of `monitoring.ranked.Ranked`.
    codes
        0-based number of the group of each decision.
    level
        Of each comparison with the others.

    Returns
    -------
    list
        One a group; null where no decision of people was audited.

    Examples
    --------
    >>> table = pd.DataFrame({"decided_by": "people", "audited": [True] * 40,
    ...     "overturned": [1.0] * 15 + [0.0] * 25})
    >>> found = count_reopened(table, np.repeat([0, 1], 20), 2, level=0.95)
    >>> [(one.upheld, one.standing) for one in found]
    [(5, 'better'), (20, 'worse')]
    """
    if "decided_by" not in table:
        return [None] * groups
    people = (table["decided_by"] == "people").to_numpy(dtype=bool)
    audited = people & table["audited"].to_numpy(dtype=bool)
    held = audited & (table["overturned"].to_numpy(dtype=float) == 0.0)
    decisions, audits, upheld = (_count(codes, rows, groups) for rows in (people, audited, held))
    share = upheld / np.maximum(audits, 1.0)
    low, high = exact_bounds(upheld, audits, level=LEVEL)
    others = audits.sum() - audits
    others_share = (upheld.sum() - upheld) / np.maximum(others, 1.0)
    standings = _standings(upheld, audits, level=level)
    return [
        Reopened(
            decisions=int(decisions[group]),
            audits=int(audits[group]),
            upheld=int(upheld[group]),
            share=float(share[group]),
            low=float(low[group]),
            high=float(high[group]),
            others_share=float(others_share[group]) if others[group] else None,
            standing=standings[group],
        )
        if audits[group]
        else None
        for group in range(groups)
    ]


def _count(codes: Positions, rows: np.ndarray, groups: int) -> Floats:
    return total_by(codes[rows], np.ones(int(rows.sum())), groups)


def _standings(upheld: Floats, audits: Floats, *, level: float) -> list[Standing]:
    """Set each share of upheld audits against that of all others (MOVER of exact bounds)."""
    others, others_upheld = audits.sum() - audits, upheld.sum() - upheld
    share, rest = upheld / np.maximum(audits, 1.0), others_upheld / np.maximum(others, 1.0)
    low, high = exact_bounds(upheld, audits, level=level)
    rest_low, rest_high = exact_bounds(others_upheld, others, level=level)
    least = share - rest - np.hypot(share - low, rest_high - rest)
    most = share - rest + np.hypot(high - share, rest - rest_low)
    enough = np.minimum(audits, others) >= LEAST_AUDITS
    return [
        standing_of_interval(float(low), float(high)) if told else "unknown"
        for told, low, high in zip(enough, least, most, strict=True)
    ]
