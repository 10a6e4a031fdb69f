"""Small groups drawn towards the others, by as much as chance could have set them apart.

The rate of a group is taken to be one of a family: ``rate ~ (mean, spread²)``, and what audits
found to scatter about it by a known variance. The best guess then lies between the two (Fay and
Herriot, 1979, for incomes of small places; Efron and Morris, 1975). The spread is that at which the
groups scatter just as much as they do (Paule and Mandel, 1982); the variance of the guess counts
that the mean and the spread are themselves estimated (Prasad and Rao, 1990).

It is a better guess of a group's rate than its own audits are, in the mean over groups. It is not a
test: the gaps are made from the figures as found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from models.arrays import Floats
from models.estimate import Estimate
from monitoring.fairness.found import Pooled
from monitoring.standing import LEVEL

LEAST_GROUPS = 3
"""Of fewer, the spread between them cannot be told from chance."""
_FARTHEST = float(norm.ppf(1 - (1 - LEVEL) / 2))


def pool_rates(found: Sequence[Estimate]) -> tuple[list[Pooled | None], float | None]:
    """Draw each rate towards the mean of all.

    Parameters
    ----------
    found
        Every group of one column.

    Returns
    -------
    pooled
        One a group; null for one without an audit, and for all where fewer than three have one.
    spread
        Standard deviation between the groups beyond chance, 0 to 1; null likewise.

    Examples
    --------
    >>> rates, reach = (0.05, 0.06, 0.12, 0.30), (0.01, 0.01, 0.02, 0.25)
    >>> pooled, spread = pool_rates(
    ...     [Estimate("g", r, r - x, r + x, x / 2, 9_000, 900, 5, 900.0, 0)
    ...      for r, x in zip(rates, reach)])
    >>> [round(one.rate, 2) for one in pooled]
    [0.05, 0.06, 0.12, 0.13]
    """
    known = np.array([estimate.audits > 0 for estimate in found], dtype=bool)
    if known.sum() < LEAST_GROUPS:
        return [None] * len(found), None
    audited = [estimate for estimate in found if estimate.audits]
    rate = np.array([estimate.overturn_rate for estimate in audited])
    variance = _variances(audited)
    spread = _spread(rate, variance)
    guesses = iter(_guesses(rate, variance, spread))
    return [next(guesses) if one else None for one in known], spread


def _variances(audited: Sequence[Estimate]) -> Floats:
    """Of each figure: of the audits (not below what the interval says) and of the decisions."""
    size = np.array([estimate.decisions for estimate in audited], dtype=float)
    rate = np.array([estimate.overturn_rate for estimate in audited])
    width = np.array([estimate.high - estimate.low for estimate in audited])
    error = np.array([estimate.standard_error for estimate in audited])
    common = float(np.clip(np.average(rate, weights=size), 0.5 / size.sum(), 1 - 0.5 / size.sum()))
    sampling: Floats = np.maximum(error, width / (2 * _FARTHEST)) ** 2
    return sampling + common * (1 - common) / size


def _spread(rate: Floats, variance: Floats) -> float:
    """Return the standard deviation between groups at which their scatter is as expected."""
    expected = len(rate) - 1

    def excess(between: float) -> float:
        weight = 1.0 / (variance + between)
        mean = float(weight @ rate) / float(weight.sum())
        return float(weight @ (rate - mean) ** 2) - expected

    if excess(0.0) <= 0.0:
        return 0.0
    return float(np.sqrt(brentq(excess, 0.0, float(np.ptp(rate)) ** 2 * len(rate) + 1.0)))


def _guesses(rate: Floats, variance: Floats, spread: float) -> list[Pooled]:
    between = spread**2
    weight = 1.0 / (variance + between)
    mean = float(weight @ rate) / float(weight.sum())
    own = between * weight
    guess = mean + own * (rate - mean)
    unsure = (
        own * variance
        + (1.0 - own) ** 2 / weight.sum()
        + 4.0 * variance**2 * weight**3 / np.sum(weight**2)
    )
    reach = _FARTHEST * np.sqrt(np.minimum(unsure, variance))
    low, high = np.clip(guess - reach, 0.0, 1.0), np.clip(guess + reach, 0.0, 1.0)
    bounded = np.clip(guess, 0.0, 1.0)
    return [
        Pooled(*(float(part) for part in parts))
        for parts in zip(bounded, low, high, own, strict=True)
    ]
