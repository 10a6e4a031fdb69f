"""The interval of a sum or difference of independent estimates, from their own intervals.

MOVER (method of variance estimates recovery): each bound of the whole is as far from its figure as
the parts' bounds on that side are from theirs, squared and added (Zou and Donner 2008; for weighted
sums Zou, Huang and Zhang 2009). So it keeps the skewness of intervals near 0 that a common standard
error would lose. Estimates of disjoint groups, or of periods without a decision in common, are
independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from models.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Combined:
    """A weighted sum of rates.

    Attributes
    ----------
    figure, low, high
        The sum and the bounds of its interval, at the level of the parts' intervals.
    standard_error
        Of the figure.
    """

    figure: float
    low: float
    high: float
    standard_error: float


def combine(estimates: Sequence[Estimate], weights: Sequence[float]) -> Combined:
    """Return the weighted sum of the overturn rates of independent estimates.

    Parameters
    ----------
    weights
        Of any sign; -1 and 1 make a difference.

    Examples
    --------
    >>> before = Estimate("before", 0.05, 0.04, 0.07, 0.007, 4_000, 400, 20, 390.0, 0)
    >>> after = Estimate("after", 0.09, 0.07, 0.12, 0.012, 4_000, 400, 36, 390.0, 0)
    >>> rise = combine([before, after], [-1, 1])
    >>> round(rise.figure, 3), round(rise.low, 3), round(rise.high, 3)
    (0.04, 0.012, 0.072)
    """
    pairs = list(zip(estimates, weights, strict=True))
    figure = sum(w * e.overturn_rate for e, w in pairs)
    below = sum((w * (e.overturn_rate - (e.low if w > 0 else e.high))) ** 2 for e, w in pairs)
    above = sum((w * (e.overturn_rate - (e.high if w > 0 else e.low))) ** 2 for e, w in pairs)
    spread = math.sqrt(sum((w * e.standard_error) ** 2 for e, w in pairs))
    return Combined(figure, figure - math.sqrt(below), figure + math.sqrt(above), spread)
