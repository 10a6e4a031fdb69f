"""The model as a yes or no: what one cut of risk, the same for everyone, does to each group.

Above the cut lie as many decisions as were audited, the riskiest. Of each group: which share of it
lies above, of its errors, and of its correct decisions. Rates and differences are fairlearn's
(Weerts and others, 2023), weighted by one over the chance of the audit. It is given counted cells
(group, above or not, overturned or not) with their weights, not rows: the figures are the same, and
a million rows take no longer than a hundred.

It sets no intervals: those that fairlearn offers resample rows as if all had been alike likely to
be audited, which they were not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)

from models.arrays import Flags, Floats, Positions, total_by
from models.estimate import AuditedFrame
from monitoring.fairness.found import AtCut

MOST_ABOVE = 0.1
"""The cut leaves at most this share of decisions above it, also where nearly all are audited."""
LEAST_SEEN = 5
"""Overturns, or upheld audits, below which a group's rate among them is not told."""


@dataclass(frozen=True, slots=True)
class Parity:
    """What the cut does to each group, and the largest differences.

    Attributes
    ----------
    groups
        One a group that was asked about, in that order.
    parity_difference, odds_difference
        Between the groups; null where fewer than two can be compared.
    """

    groups: tuple[AtCut, ...]
    parity_difference: float | None
    odds_difference: float | None


def above_cut(risk: Floats, audits: int) -> Flags:
    """Mark the riskiest decisions, as many as were audited but at most a tenth.

    Decisions of one risk go together, to the side that comes nearer to that number; at least one
    lies above.

    Examples
    --------
    >>> above_cut(np.linspace(0.0, 0.9, 10), 4).tolist().index(True)
    9
    """
    rows = len(risk)
    wanted = max(1, min(audits, int(MOST_ABOVE * rows)))
    cut = np.partition(risk, rows - wanted)[rows - wanted]
    with_ties, without = risk >= cut, risk > cut
    above, fewer = int(with_ties.sum()), int(without.sum())
    flags: Flags = without if fewer and wanted - fewer < above - wanted else with_ties
    return flags


def measure_parity(
    frame: AuditedFrame, above: Flags, codes: Positions, asked: Sequence[int]
) -> Parity:
    """Measure what the cut does to each group.

    Parameters
    ----------
    frame
        Its chances and outcomes are read, its probabilities are not.
    codes
        0-based number of the group of each decision.
    asked
        The groups to tell of.
    """
    if not asked:
        return Parity((), None, None)
    rows = frame.audited
    wrong = frame.overturned[rows] == 1.0
    everyone = _cells(codes, above, above, weight=np.ones(len(codes)), asked=asked)
    weight = 1.0 / frame.inclusion_probability[rows]
    audited = _cells(codes[rows], above[rows], wrong, weight=weight, asked=asked)
    seen = _seen(codes[rows], wrong, most=max(asked) + 1)
    told = [group for group in asked if seen[group].min() >= LEAST_SEEN]
    shares = _rates(everyone, {"above": selection_rate})
    rates = _rates(audited, {"errors": true_positive_rate, "correct": false_positive_rate})
    return Parity(
        tuple(
            AtCut(
                above_share=float(shares["above"][group]),
                errors_above=_told(rates["errors"], group, seen[group][1]),
                correct_above=_told(rates["correct"], group, seen[group][0]),
            )
            for group in asked
        ),
        _difference(demographic_parity_difference, everyone, asked),
        _difference(equalized_odds_difference, audited, told),
    )


def _cells(
    codes: Positions, above: Flags, wrong: Flags, *, weight: Floats, asked: Sequence[int]
) -> pd.DataFrame:
    """Add up the weights of each group, side of the cut and outcome."""
    most = max(asked) + 1
    kept = codes < most
    cell = (codes * 4 + above * 2 + wrong)[kept]
    number = np.arange(4 * most)
    cells = pd.DataFrame(
        {
            "group": number // 4,
            "above": number // 2 % 2,
            "wrong": number % 2,
            "weight": total_by(cell, weight[kept], 4 * most),
        }
    )
    return cells[cells["group"].isin(asked) & (cells["weight"] > 0)]


def _rates(cells: pd.DataFrame, rates: Mapping[str, Callable[..., float]]) -> pd.DataFrame:
    """Return fairlearn's rates of each group, by the number of the group."""
    frame = MetricFrame(
        metrics=dict(rates),
        y_true=cells["wrong"],
        y_pred=cells["above"],
        sensitive_features=cells["group"],
        sample_params={name: {"sample_weight": cells["weight"]} for name in rates},
    )
    by_group: pd.DataFrame = frame.by_group
    return by_group


def _difference(
    measure: Callable[..., float], cells: pd.DataFrame, told: Sequence[int]
) -> float | None:
    cells = cells[cells["group"].isin(told)]
    if cells["group"].nunique() < 2:
        return None
    return float(
        measure(
            cells["wrong"],
            cells["above"],
            sensitive_features=cells["group"],
            sample_weight=cells["weight"],
        )
    )


def _seen(codes: Positions, wrong: Flags, *, most: int) -> Floats:
    """Count the upheld and the overturned audits of each group; two columns."""
    kept = codes < most
    return total_by((codes * 2 + wrong)[kept], np.ones(int(kept.sum())), 2 * most).reshape(-1, 2)


def _told(rates: pd.Series, group: int, seen: float) -> float | None:
    return float(rates[group]) if seen >= LEAST_SEEN else None
