"""How sure a figure of past audits is: the same figure over and over, on item groups drawn anew.

Near-duplicates stand or fall together, so whole groups are drawn. Every group is drawn a Poisson
number of times with mean 1, which stands in for drawing as many groups as there are with
replacement. Contenders are always judged on the same draws, so that their difference is as sure as
paired figures are. The first draw is the audits as they are: its figure is the estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import ndtri

from models.arrays import Floats, Positions

REPLICATES = 400
_CELLS = 4_000_000
"""Numbers held at once: draws of many audits are worked off in parts."""

EVERYTHING = "everything"
"""Name of the segment that holds all audits."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Audits on which contenders are judged, a row each, and the segments that they fall into.

    Attributes
    ----------
    weight
        One over each audit's inclusion probability.
    period
        Number of the stretch of time that has a budget of its own, from 0.
    group
        Number of each audit's group of near-duplicates, from 0.
    segments
        Name of each segment: `EVERYTHING`, then as ``language = en``.
    members
        Shape (segments, rows): 1 where a row belongs to a segment.
    """

    weight: Floats
    period: Positions
    group: Positions
    segments: tuple[str, ...]
    members: sparse.csr_array

    def __len__(self) -> int:
        return len(self.weight)

    def audits(self) -> Floats:
        """Return the number of audits of each segment."""
        return np.asarray(self.members @ np.ones(len(self)))

    def effective(self, count: Floats) -> Floats:
        """Return Kish's effective number of what is counted in each segment, at unequal weights."""
        total, squares = (
            self.members @ (self.weight * count),
            self.members @ ((self.weight * count) ** 2),
        )
        return np.asarray(total**2 / np.where(squares > 0, squares, 1.0))


def sample_of(rows: pd.DataFrame, columns: tuple[str, ...], *, period: str | None = None) -> Sample:
    """Return the audits of a table with ``group``, ``inclusion`` and columns of segments.

    Parameters
    ----------
    columns
        Whose values name segments; a null belongs to none.
    period
        Column of the stretches of time; null = all are one.

    Examples
    --------
    >>> rows = pd.DataFrame({"group": ["a", "b"], "inclusion": [1, 0.5], "language": ["en", None]})
    >>> sample_of(rows, ("language",)).segments
    ('everything', 'language = en')
    """
    names, members = [EVERYTHING], [np.ones(len(rows), dtype=bool)]
    for column in columns:
        codes, values = pd.factorize(rows[column], sort=True)
        names += [f"{column} = {value}" for value in values]
        members += [codes == code for code in range(len(values))]
    periods = np.zeros(len(rows)) if period is None else pd.factorize(rows[period], sort=True)[0]
    return Sample(
        weight=1.0 / rows["inclusion"].to_numpy(dtype=float),
        period=np.asarray(periods, dtype=np.int64),
        group=np.asarray(pd.factorize(rows["group"])[0], dtype=np.int64),
        segments=tuple(names),
        members=sparse.csr_array(np.array(members, dtype=float)),
    )


def totals(
    sample: Sample,
    of: Callable[[Floats], tuple[Floats, ...]],
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> tuple[Floats, ...]:
    """Return totals by segment in every draw, each of shape (1 + replicates, segments).

    Parameters
    ----------
    of
        From the weights of the rows in some draws, shape (draws, rows), to what is added up, of the
        same shape. The first draw is the sample itself.
    """
    parts = [
        tuple((sample.members @ each.T).T for each in of(weights))
        for weights in _drawn(sample, replicates, seed)
    ]
    return tuple(np.concatenate(each) for each in zip(*parts, strict=True))


def _drawn(sample: Sample, replicates: int, seed: int) -> Iterator[Floats]:
    """Yield the weights of some draws at a time; the draws do not depend on how many at a time."""
    yield sample.weight[None, :]
    rng, groups = np.random.default_rng(seed), int(sample.group.max(initial=-1)) + 1
    step = max(_CELLS // max(len(sample), 1), 1)
    for start in range(0, replicates, step):
        times = rng.poisson(1.0, (min(step, replicates - start), groups))
        yield times[:, sample.group] * sample.weight


def capture_draws(
    sample: Sample,
    score: Floats,
    worth: Floats,
    *,
    budget: float,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Floats:
    """Return the share of each segment's errors that one common budget finds, in every draw.

    Parameters
    ----------
    score
        By which decisions are ranked; higher is audited sooner.
    worth
        What an audit of each row undoes: 1 for an error and 0 for none, or the harm.
    budget
        Share of all decisions of a period that is audited, whatever segment they are of.

    Returns
    -------
    Shape (1 + replicates, segments), 0 to 1; null where a draw holds no error of a segment.
    """

    def found(weights: Floats) -> tuple[Floats, ...]:
        taken = share_audited(score, weights, sample.period, budget)
        return weights * taken * worth, weights * worth

    caught, all_of_it = totals(sample, found, replicates=replicates, seed=seed)
    return _ratio(caught, all_of_it)


def rate_draws(sample: Sample, above: Floats, below: Floats, *, seed: int = 0) -> Floats:
    """Return the total of one column over that of another by segment, in every draw."""
    return _ratio(*totals(sample, lambda w: (w * above, w * below), seed=seed))


def share_audited(score: Floats, weights: Floats, period: Positions, budget: float) -> Floats:
    """Return how much of each row the riskiest share `budget` of each period takes, 0 to 1.

    Rows that score alike are taken alike: the last of them that the budget reaches share in it.

    Parameters
    ----------
    weights
        Shape (draws, rows).

    Examples
    --------
    >>> share_audited(np.array([0.9, 0.1, 0.1]), np.ones((1, 3)), np.zeros(3, dtype=int), 2 / 3)
    array([[1. , 0.5, 0.5]])
    """
    taken = np.empty(weights.shape)
    for number in np.unique(period):
        rows = np.flatnonzero(period == number)
        block = np.unique(-score[rows], return_inverse=True)[1]
        order = np.argsort(block, kind="stable")
        starts = np.flatnonzero(np.diff(block[order], prepend=-1))
        held = np.add.reduceat(weights[:, rows[order]], starts, axis=1)
        left = budget * held.sum(axis=1, keepdims=True) - (np.cumsum(held, axis=1) - held)
        share = np.clip(left / np.where(held > 0, held, 1.0), 0.0, 1.0)
        taken[:, rows] = share[:, block]
    return taken


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and how far it may be off.

    Attributes
    ----------
    value, low, high
        Null where the figure cannot be given.
    """

    value: float
    low: float
    high: float


def interval(draws: Floats, *, comparisons: int = 1, level: float = 0.95) -> Interval:
    """Return the figure of the first draw, plus and minus its standard error over the others.

    Parameters
    ----------
    draws
        Of one figure, shape (1 + replicates,).
    comparisons
        How many figures are looked at together: the interval is as wide as to hold them all at
        `level` (Bonferroni).

    Examples
    --------
    >>> draws = np.concatenate([[0.5], np.random.default_rng(0).normal(0.5, 0.1, 4000)])
    >>> one, of_ten = interval(draws), interval(draws, comparisons=10)
    >>> f"{one.low:.1f} {of_ten.low:.1f}"
    '0.3 0.2'
    """
    usable = draws[1:][np.isfinite(draws[1:])]
    if not np.isfinite(draws[0]) or len(usable) < len(draws) // 2:
        return Interval(float(draws[0]), np.nan, np.nan)
    half = ndtri(1 - (1 - level) / (2 * comparisons)) * float(usable.std(ddof=1))
    return Interval(float(draws[0]), float(draws[0]) - half, float(draws[0]) + half)
