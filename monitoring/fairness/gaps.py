"""Each group against the rest, with an interval that holds for all groups at once.

Three parts of chance are put together by squaring and adding the distances from a figure to the
bounds of its interval (MOVER: Newcombe, 1998; Zou and Donner, 2008), which keeps the interval as
lopsided as its parts are:

- the audits of the group: its interval from `models.estimate`;
- the audits of all others: theirs, added up;
- the decisions themselves: a group of twelve decisions that were all audited has a rate without
  any sampling error, and it can still be chance (Clopper and Pearson, 1934, at the group's size).

Each part is at the level ``1 - 0.05 / m`` with `m` gaps looked at (Bonferroni). Holm's steps, or
Benjamini and Hochberg's, would let a few more gaps stand out, but give no intervals that go with
it; a reader needs to see how large a gap may be, and to check that it leaves out 0. No assumption
on how groups overlap is needed either: those of one column are others of the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import beta

from models.arrays import Floats
from models.estimate import Estimate
from monitoring.fairness.found import Gap, Standing


def gaps_to_rest(
    found: Sequence[Estimate], strict: Sequence[Estimate], *, level: float
) -> list[Gap]:
    """Set each group against all others of its grouping.

    Parameters
    ----------
    found
        Every group of one column, so that all but one are the rest of that one.
    strict
        The same with intervals at `level`.
    level
        Of each gap, so that all of them hold together (`monitoring.standing.stricter_level`).

    Examples
    --------
    >>> da = Estimate("da", 0.05, 0.04, 0.06, 0.005, 40_000, 2_000, 100, 1_900.0, 0)
    >>> hi = Estimate("hi", 0.20, 0.17, 0.23, 0.015, 10_000, 500, 100, 480.0, 0)
    >>> gaps = gaps_to_rest([da, hi], [da, hi], level=0.95)
    >>> [(gap.standing, round(gap.difference, 2)) for gap in gaps]
    [('better', -0.15), ('worse', 0.15)]
    """
    size = np.array([estimate.decisions for estimate in found], dtype=float)
    rate, low, high = (
        np.array([getattr(estimate, name) for estimate in strict])
        for name in ("overturn_rate", "low", "high")
    )
    others = size.sum() - size
    rest = _of_others(size * rate) / np.maximum(others, 1.0)
    below, above = _distances(rate, low, high, size=size, level=level)
    rest_low = np.sqrt(_of_others((size * (rate - low)) ** 2)) / np.maximum(others, 1.0)
    rest_high = np.sqrt(_of_others((size * (high - rate)) ** 2)) / np.maximum(others, 1.0)
    rest_below, rest_above = _distances(
        rest, rest - rest_low, rest + rest_high, size=others, level=level
    )
    difference = rate - rest
    return [
        _gap(estimate, *bounds, told=bool(left))
        for estimate, left, *bounds in zip(
            found,
            others,
            difference,
            np.maximum(difference - np.hypot(below, rest_above), -1.0),
            np.minimum(difference + np.hypot(above, rest_below), 1.0),
            strict=True,
        )
    ]


def exact_bounds(events: Floats, size: Floats, *, level: float) -> tuple[Floats, Floats]:
    """Return Clopper and Pearson's (1934) bounds of the rate of `events` in `size` decisions.

    Events need not be whole: an estimate may stand for them. With no decisions, 0 to 1.

    Examples
    --------
    >>> low, high = exact_bounds(np.array([0.0, 2.0]), np.array([10.0, 10.0]), level=0.95)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.025], [0.308, 0.556])
    """
    tail = (1.0 - level) / 2.0
    no, yes = size - events, events
    low = np.where(yes > 0, beta.ppf(tail, np.maximum(yes, 1e-12), no + 1.0), 0.0)
    high = np.where(no > 0, beta.ppf(1.0 - tail, yes + 1.0, np.maximum(no, 1e-12)), 1.0)
    return np.asarray(low, dtype=float), np.asarray(high, dtype=float)


def standing_of_interval(low: float, high: float) -> Standing:
    """Return how a difference stands: ``worse`` above 0, ``better`` below, else ``alike``."""
    if low <= 0.0 <= high:
        return "alike"
    return "worse" if low > 0.0 else "better"


def _of_others(values: Floats) -> Floats:
    """Sum over all but each."""
    rest: Floats = np.maximum(values.sum() - values, 0.0)
    return rest


def _distances(
    rate: Floats, low: Floats, high: Floats, *, size: Floats, level: float
) -> tuple[Floats, Floats]:
    """From a rate to its bounds, with the chance of the decisions themselves in them."""
    least, most = exact_bounds(rate * size, size, level=level)
    return np.hypot(rate - low, rate - least), np.hypot(high - rate, most - rate)


def _gap(estimate: Estimate, difference: float, low: float, high: float, *, told: bool) -> Gap:
    known = told and bool(estimate.audits) and not estimate.audits_needed
    standing = standing_of_interval(low, high) if known else "unknown"
    return Gap(float(difference), float(low), float(high), standing)
