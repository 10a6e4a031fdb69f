"""The tilted-score interval: which true rates would make the audits' figure unsurprising.

Every rate theta is stood for by the recalibrated probabilities moved together on the log-odds scale
until their mean is theta. Under those, the figure's variance and skewness follow from the inclusion
probabilities of the *whole frame*; theta is in the interval when the figure lies between the two
normal quantiles corrected for that skewness (Cornish-Fisher). Needs no audit found wrong, and with
equal chances and a constant probability it is Wilson's interval.

Frame sums are taken over a histogram (domain x log-odds), each row shared among its four nearest
nodes by cubic interpolation, so a million rows cost what a few hundred do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import expit, logit, ndtri

from models.arrays import Floats, Positions, total_by

NODES = 385
OUTERMOST = 12.0
"""Nodes span -12 to 12 in log-odds, 1/16 apart: within 1e-6 of summing every row."""
SHIFTS = np.concatenate(
    [np.linspace(-12, -4, 17)[:-1], np.linspace(-4, 4, 65), np.linspace(4, 12, 17)[1:]]
)
LARGEST_SKEWNESS = 1.5
BACKGROUND = 0.1
"""Share of a domain's errors that the null spreads evenly over it, whatever the model says.

Where the model is upside down in one language, errors sit where it expects none, chances are small
and each error found weighs much; a null that trusts the model there is too narrow.
"""
ALL_RIGHT, ALL_WRONG = -60.0, 60.0
"""Shifts at which no decision, or every one, is wrong."""
LEAST_PROBABILITY = 1e-5
"""Of the null only: at 0 no shift could raise it, and the family would hold no other rate."""
_ROWS_A_BLOCK = 1_000_000
TINY = 1e-100
"""In place of a zero divisor; its powers still are numbers."""


@dataclass(frozen=True, slots=True)
class FrameSums:
    """What the frame says before any outcome is seen; arrays are (domain,) or (domain, shift).

    Attributes
    ----------
    size
        Sum of severities (rows, where severity is 1).
    rate, variance, third
        Per shift: the rate stood for, and the null variance and third moment of the figure.
    """

    size: Floats
    rate: Floats
    variance: Floats
    third: Floats


@dataclass(frozen=True, slots=True)
class Weights:
    """Per row, how it enters the size, the variance and the third moment."""

    first: Floats
    second: Floats
    third: Floats

    @staticmethod
    def of(inclusion_probability: Floats, severity: Floats) -> Weights:
        """Work them out from the chance in (0, 1] and the weight of an error."""
        pi = inclusion_probability
        second = severity**2 * (1.0 / pi - 1.0)
        return Weights(severity, second, severity * second * (1.0 / pi - 2.0))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where each row lies in the histogram (domain x log-odds).

    Attributes
    ----------
    cell
        Number of the node below the row, within the row's domain.
    upper_share
        How far the row lies from that node to the next, 0 to 1.
    """

    cell: Positions
    upper_share: Floats
    domains: int


def place_rows(domain: Positions, probability: Floats, *, domains: int) -> Placement:
    """Place rows by domain and recalibrated probability, each between two nodes."""
    log_odds = logit(np.clip(probability, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY))
    place = (log_odds + OUTERMOST) * ((NODES - 1) / (2.0 * OUTERMOST))
    place = np.clip(place, 0.0, NODES - 1 - 1e-9)
    lower = place.astype(np.int64)
    return Placement(domain * NODES + lower, place - lower, domains)


def sum_frame(placement: Placement, weights: Weights) -> FrameSums:
    """Sum the frame over a histogram of log-odds.

    Examples
    --------
    >>> n = 1000
    >>> domain, f = np.zeros(n, np.int64), np.full(n, 0.1)
    >>> weights = Weights.of(np.full(n, 0.05), np.ones(n))
    >>> exact = sum_frame_exactly(domain, f, weights, domains=1)
    >>> quick = sum_frame(place_rows(domain, f, domains=1), weights)
    >>> bool(np.allclose(exact.variance, quick.variance, rtol=1e-6))
    True
    """
    tilted, second, third = _node_tables()
    size, of_second, of_third = _shared(placement, (weights.first, weights.second, weights.third))
    return _frame_sums(size.sum(axis=1), size @ tilted, of_second @ second, of_third @ third)


def sum_frame_exactly(
    domain: Positions, probability: Floats, weights: Weights, *, domains: int
) -> FrameSums:
    """Sum every row; for small frames, and to check the histogram against."""
    log_odds = logit(np.clip(probability, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY))
    shifts = [*SHIFTS, ALL_RIGHT, ALL_WRONG]
    sums = np.zeros((3, domains, len(shifts)))
    for column, shift in enumerate(shifts):
        tilted, second, third = _moments(log_odds, shift)
        sums[0, :, column] = total_by(domain, weights.first * tilted, domains)
        sums[1, :, column] = total_by(domain, weights.second * second, domains)
        sums[2, :, column] = total_by(domain, weights.third * third, domains)
    return _frame_sums(total_by(domain, weights.first, domains), *sums)


def interval(
    figure: Floats,
    sums: FrameSums,
    *,
    inflation: Floats,
    observed_variance: Floats,
    level: float,
) -> tuple[Floats, Floats]:
    """Lower and upper bound of the rate, per domain.

    Parameters
    ----------
    figure
        The difference estimate, per domain.
    inflation
        Factor on the null variance, per domain, at least 1: how badly the model fits.
    observed_variance
        Of the figure, per domain, from its audits; the larger of it and the null is used.
    level
        Share of intervals meant to hold the true rate, as 0.95.
    """
    z = float(ndtri(0.5 + level / 2.0))
    spread = (
        np.sqrt(np.maximum(inflation[:, None] * sums.variance, observed_variance[:, None])) + 1e-12
    )
    surprise = (figure[:, None] - sums.rate) / spread
    skewness = sums.third / np.maximum(sums.variance, TINY) ** 1.5
    bend = (z * z - 1.0) * np.clip(skewness, -LARGEST_SKEWNESS, LARGEST_SKEWNESS) / 6.0
    low = _crossing(sums.rate, surprise - (z + bend))
    high = _crossing(sums.rate, surprise - (-z + bend))
    return low, high


def null_at(sums: FrameSums, figure: Floats) -> tuple[Floats, Floats]:
    """Rate within the family nearest to the figure, and the null variance there, per domain."""
    rate = np.clip(figure, sums.rate[:, 0], sums.rate[:, -1])
    variance = [
        np.interp(rate[row], sums.rate[row], sums.variance[row]) for row in range(len(rate))
    ]
    return rate, np.array(variance)


def _crossing(rate: Floats, height: Floats) -> Floats:
    """Rate at which ``height`` falls through 0; 0 or 1 where it never does."""
    above = np.sum(height > 0.0, axis=1)
    last = np.clip(above, 1, height.shape[1] - 1)
    row = np.arange(len(rate))
    before, after = height[row, last - 1], height[row, last]
    fall = np.where(before == after, 1.0, before - after)
    part = np.clip(before / fall, 0.0, 1.0)
    found = rate[row, last - 1] + part * (rate[row, last] - rate[row, last - 1])
    found = np.where(above == 0, 0.0, found)
    crossing: Floats = np.where(above == height.shape[1], 1.0, found)
    return crossing


def _moments(log_odds: Floats, shift: float | Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, second and third moment of (y - f) when y has the shifted log-odds."""
    f, q = expit(log_odds), expit(log_odds + shift)
    second = q * (1.0 - f) ** 2 + (1.0 - q) * f**2
    return q, second, q * (1.0 - f) ** 3 - (1.0 - q) * f**3


@lru_cache(maxsize=1)
def _node_tables() -> tuple[Floats, Floats, Floats]:
    nodes = np.linspace(-OUTERMOST, OUTERMOST, NODES)
    return _moments(nodes[:, None], np.array([[*SHIFTS, ALL_RIGHT, ALL_WRONG]]))


def cubic_shares(part: Floats) -> tuple[Floats, ...]:
    """Return what a row gives to four nodes: before the one below it, that, and the two above.

    Sums to 1, and keeps the row's mean, square and cube: Lagrange's interpolation.

    Parameters
    ----------
    part
        How far each row lies from the node below to the next, 0 to 1.
    """
    t = part
    before, after, far = t + 1.0, t - 1.0, t - 2.0
    return (
        -t * after * far / 6.0,
        before * after * far / 2.0,
        -before * t * far / 2.0,
        before * t * after / 6.0,
    )


def _shared(placement: Placement, weights: Sequence[Floats]) -> Floats:
    """Histograms (weight, domain, node), each row shared among the four nodes nearest to it."""
    cells = placement.domains * NODES
    flat = np.zeros((len(weights), cells))
    for start in range(0, len(placement.cell), _ROWS_A_BLOCK):
        block = slice(start, start + _ROWS_A_BLOCK)
        below = placement.cell[block]
        for offset, share in enumerate(cubic_shares(placement.upper_share[block]), start=-1):
            for histogram, weight in zip(flat, weights, strict=True):
                histogram += total_by(below + offset, weight[block] * share, cells)
    return flat.reshape(len(weights), placement.domains, NODES)


def _frame_sums(size: Floats, tilted: Floats, second: Floats, third: Floats) -> FrameSums:
    """Divide by the size, and mix the evenly spread share of errors into the moments."""
    per = np.maximum(size, TINY)[:, None]
    rate = tilted[:, : len(SHIFTS)] / per

    def mixed(moment: Floats) -> Floats:
        even = rate * moment[:, -1:] + (1.0 - rate) * moment[:, -2:-1]
        return (1.0 - BACKGROUND) * moment[:, : len(SHIFTS)] + BACKGROUND * even

    return FrameSums(
        size=size, rate=rate, variance=mixed(second) / per**2, third=mixed(third) / per**3
    )
