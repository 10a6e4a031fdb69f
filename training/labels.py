"""How many audits overturned, overall and by policy: what a bundle's card keeps of its labels.

Every rate weighs an audit by one over its inclusion probability, so that it speaks of all decisions
and two programmes that pick their audits differently compare. What it rests on is Kish's effective
number of audits, the square of the summed weights over the sum of their squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betainc

from features.contract import DIRECTIONS


@dataclass(frozen=True, slots=True)
class Rate:
    """An overturn rate and what it rests on.

    Attributes
    ----------
    audits, overturns
        As counted.
    effective
        Audits of equal weight that would tell as much, above 0 where there are any.
    rate
        Weighted, 0 to 1; 0 where there are no audits.
    """

    audits: int
    overturns: int
    effective: float
    rate: float

    def __str__(self) -> str:
        return f"{self.rate:.1%} ({self.overturns:,} of {self.audits:,} audits overturned)"

    @property
    def due(self) -> float:
        """Return the overturns among as many audits as it rests on."""
        return self.rate * self.effective


def overturned(verdicts: pd.Series) -> np.ndarray:
    """Return 1 where a verdict overturns the decision, else 0."""
    return np.asarray(verdicts.isin(DIRECTIONS).to_numpy(dtype=float))


def rate_of(wrong: np.ndarray, weight: np.ndarray) -> Rate:
    """Return the weighted rate of audits.

    Parameters
    ----------
    wrong
        0 or 1, an audit each.
    weight
        One over their inclusion probability.

    Examples
    --------
    >>> rate_of(np.array([1.0, 0.0]), np.array([1.0, 3.0]))
    Rate(audits=2, overturns=1, effective=1.6, rate=0.25)
    """
    if not len(wrong):
        return Rate(0, 0, 0.0, 0.0)
    total = float(weight.sum())
    effective = total**2 / float((weight**2).sum())
    return Rate(len(wrong), int(wrong.sum()), effective, float((weight * wrong).sum()) / total)


def rates_by(segment: pd.Series, wrong: np.ndarray, weight: np.ndarray) -> dict[str, Rate]:
    """Return the rate of each value of a column, in the order of their names; null has none."""
    places = segment.groupby(segment).indices
    return {str(name): rate_of(wrong[own], weight[own]) for name, own in sorted(places.items())}


def chance_of_change(before: Rate, after: Rate) -> float:
    """Return how likely two rates at least as far apart are if nothing changed, 0 to 1, two-sided.

    Given their sum, the overturns of one side are binomial with its share of the audits; of rates
    above one half, what was upheld is counted instead. It errs on the side of chance where rates
    are high.

    Examples
    --------
    >>> chance_of_change(Rate(1000, 100, 1000.0, 0.10), Rate(1000, 50, 1000.0, 0.05)) < 1e-4
    True
    >>> chance_of_change(Rate(100, 10, 100.0, 0.10), Rate(100, 5, 100.0, 0.05)) > 0.1
    True
    """
    sizes = before.effective, after.effective
    counts = before.due, after.due
    if sum(counts) > sum(sizes) / 2:
        counts = sizes[0] - counts[0], sizes[1] - counts[1]
    total, share = sum(counts), sizes[1] / max(sum(sizes), 1e-12)
    if total <= 0 or not 0 < share < 1:
        return 1.0
    # P(X <= k) and P(X >= k) of a binomial, for counts that need not be whole.
    low = betainc(max(total - counts[1], 1e-9), counts[1] + 1, 1 - share)
    high = betainc(max(counts[1], 1e-9), total - counts[1] + 1, share)
    return float(min(1.0, 2 * min(low, high)))


def ratio(before: Rate, after: Rate) -> float:
    """Return how many times the smaller of two rates the larger one is, at least 1.

    Half an overturn is added to each side, so that none found is not taken for never.
    """
    first, second = ((side.due + 0.5) / (side.effective + 1) for side in (before, after))
    return float(max(first / second, second / first))


def label_counts(audited: pd.DataFrame) -> dict[str, Any]:
    """Return what a card keeps of the labels that a model learned from, ready for JSON.

    Parameters
    ----------
    audited
        ``policy``, ``verdict`` and ``inclusion`` (0 < π <= 1) of each audited decision.

    Returns
    -------
    ``overall``, and ``policy`` with a row for each policy: the fields of `Rate`.

    Examples
    --------
    >>> audited = pd.DataFrame({"policy": ["spam", "hate"], "inclusion": [1.0, 1.0],
    ...                         "verdict": ["correct", "over_enforcement"]})
    >>> label_counts(audited)["policy"]["hate"]
    {'audits': 1, 'overturns': 1, 'effective': 1.0, 'rate': 1.0}
    """
    wrong, weight = overturned(audited["verdict"]), 1.0 / audited["inclusion"].to_numpy(dtype=float)
    by_policy = rates_by(audited["policy"], wrong, weight)
    return {
        "overall": _as_row(rate_of(wrong, weight)),
        "policy": {name: _as_row(rate) for name, rate in by_policy.items()},
    }


def read_label_counts(card: dict[str, Any]) -> tuple[Rate, dict[str, Rate]] | None:
    """Return the overall rate and that of each policy that a card keeps; null where it keeps none.

    Examples
    --------
    >>> read_label_counts({"audits": 10}) is None
    True
    """
    kept = card.get("labels")
    if kept is None:
        return None
    return Rate(**kept["overall"]), {name: Rate(**row) for name, row in kept["policy"].items()}


def _as_row(rate: Rate) -> dict[str, Any]:
    return {
        "audits": rate.audits,
        "overturns": rate.overturns,
        "effective": rate.effective,
        "rate": rate.rate,
    }
