"""Rates of many people estimated together: each is drawn towards all, the more the less is known.

Successes are taken as beta-binomial: everybody has a rate of their own, and the rates follow a Beta
distribution whose mean and spread the people tell together. Its two numbers are not set to their
best values but averaged over, so that intervals stay honest where there are few people (Gelman and
others, Bayesian Data Analysis, 3rd edition, 2013, section 5.3, with the prior given there: flat on
the mean and on one over the root of the strength). Trials may be fractions: effective numbers of a
weighted sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, betaln, expit

from features.errors import EstimateError
from models.arrays import Floats

_MEANS = expit(np.linspace(-4.0, 8.0, 97))
_STRENGTHS = np.geomspace(1.0, 2_000.0, 41)
_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Pooled:
    """Rates of people, drawn together; arrays are one a person, rates 0 to 1.

    Attributes
    ----------
    rate, low, high
        Of each person, with the interval.
    trials
        What each person's own evidence is worth, in answers; the rest of what is said of them is
        borrowed from the others.
    mean, lower, upper
        Of somebody of whom nothing is known: the mean, and the range of eight people in ten.
    """

    rate: Floats
    low: Floats
    high: Floats
    trials: Floats
    mean: float
    lower: float
    upper: float


def pool(successes: Floats, trials: Floats, *, level: float = 0.95) -> Pooled:
    """Estimate everybody's rate together.

    Parameters
    ----------
    successes, trials
        One a person, ``0 <= successes <= trials``; 0 trials = nothing known of that person.

    Raises
    ------
    EstimateError
        There is nobody, or successes are not between 0 and the trials.

    Examples
    --------
    >>> successes, trials = np.array([46.0, 45.0, 47.0, 44.0, 2.0]), np.full(5, 50.0)
    >>> trials[4] = 4.0
    >>> pool(successes, trials).rate.round(2)
    array([0.9 , 0.89, 0.91, 0.88, 0.8 ])
    """
    successes, trials = np.asarray(successes, np.float64), np.asarray(trials, np.float64)
    good = (successes >= 0) & (successes <= trials + 1e-9) & np.isfinite(trials)
    if not len(trials) or len(successes) != len(trials) or not good.all():
        raise EstimateError(
            f"rates: {len(trials)} people, {int((~good).sum())} with successes outside 0 to their "
            "trials; expected one or more people, and no such successes."
        )
    a, b, share = _grid(successes, np.maximum(trials - successes, 0.0))
    own = _moments(successes[:, None] + a, (trials - successes).clip(0)[:, None] + b, share)
    low, high = _bounds(*own, level=level)
    everybody = _moments(a[None, :], b[None, :], share)
    lower, upper = _bounds(*everybody, level=0.8)
    return Pooled(
        rate=own[0],
        low=low,
        high=high,
        trials=trials,
        mean=float(everybody[0][0]),
        lower=float(lower[0]),
        upper=float(upper[0]),
    )


def _grid(successes: Floats, failures: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the Beta distributions that the rates could follow, and how likely each is."""
    mean, strength = (each.ravel() for each in np.meshgrid(_MEANS, _STRENGTHS))
    a, b = mean * strength, (1.0 - mean) * strength
    likely = np.log(mean * (1.0 - mean)) - 0.5 * np.log(strength) - len(successes) * betaln(a, b)
    for hits, misses in zip(successes, failures, strict=True):
        likely += betaln(a + hits, b + misses)
    share = np.exp(likely - likely.max())
    return a, b, share / share.sum()


def _moments(a: Floats, b: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of mixtures of Beta distributions, shape (people, parts)."""
    size = a + b
    mean = (a / size) @ share
    square = (a * (a + 1.0) / (size * (size + 1.0))) @ share
    return mean, np.maximum(square - mean**2, _LEAST_VARIANCE)


def _bounds(mean: Floats, variance: Floats, *, level: float) -> tuple[Floats, Floats]:
    """Return quantiles of the Beta distribution of this mean and variance."""
    size = np.maximum(mean * (1.0 - mean) / variance - 1.0, 0.1)
    a, b = mean * size, (1.0 - mean) * size
    low, high = (np.asarray(betaincinv(a, b, 0.5 + s * level / 2), np.float64) for s in (-1, 1))
    return low, high
