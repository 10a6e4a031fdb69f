"""Evidence of a change: how much better "it shifted on some day" explains audits than "as before".

An audit of a decision finds an error with probability f if the risk is right. A shift tilts it: its
log-odds become logit f + s z, with z = 1 for a change of level, and z the decision's own place in
the risk for a change of slope. No segment's f is quite right, so "as before" is not s = 0 but an
ordinary misfit u, drawn once for the segment and kept (normal with a small standard deviation), and
"it changed" is u before some day and u + d from it on, with d drawn from a list of shifts.

For each day on which the change may have begun the ratio of the two explanations is a martingale
with mean 1 while nothing changes, and the evidence is the sum of these ratios over the days: the
e-detector of Shiryaev and Roberts (Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric
framework for sequential change detection", 2023). So it crosses a limit c by chance at most once
in c days on average, however the days are looked at. A whole family of segments gives one false
alarm in D days when each has the limit D x (their number).

Both explanations are of the outcomes given which decisions were audited, so that no weight 1/pi
enters: the choice of what to audit knows f but not the outcome. Weighted sums would be right too,
and weaker, since they give the rarest audits most of the say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from models.arrays import Flags, Floats, Positions

STEP = 0.1
ENDS_BELOW = 0.05
"""Share of its limit that the evidence of a standing alarm must fall below for it to end."""
CAP = 20.0
"""Times its limit at which evidence is cut."""
_LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class Lattice:
    """Which misfits are ordinary, and which shifts are looked for; all are multiples of `STEP`.

    Attributes
    ----------
    ordinary, ordinary_weight
        Misfits, and their prior probabilities.
    shifts, shift_weight
        Shifts from it, and theirs.
    """

    ordinary: Floats
    ordinary_weight: Floats
    shifts: Floats
    shift_weight: Floats

    @property
    def tilts(self) -> Floats:
        """Every tilt that the likelihood is needed at, in order, `STEP` apart."""
        low = min(self.ordinary.min(), self.ordinary.min() + self.shifts.min())
        high = max(self.ordinary.max(), self.ordinary.max() + self.shifts.max())
        return np.arange(round(low / STEP), round(high / STEP) + 1) * STEP

    @property
    def before(self) -> Positions:
        """Position of each misfit among the tilts."""
        return _steps(self.ordinary - self.tilts[0])

    @property
    def after(self) -> Positions:
        """Position of each misfit plus each shift (misfits x shifts) among the tilts."""
        both = self.ordinary[:, None] + self.shifts
        return _steps(both - self.tilts[0])


def _steps(distance: Floats) -> Positions:
    steps: Positions = np.rint(distance / STEP).astype(np.int64)
    return steps


def lattice(*, misfit: float, shifts: dict[float, float]) -> Lattice:
    """Return the lattice of a normal ordinary misfit and the shifts with their weights.

    Examples
    --------
    >>> lattice(misfit=0.1, shifts={0.5: 1.0}).tilts.round(1).tolist()[:3]
    [-0.3, -0.2, -0.1]
    """
    reach = max(1, math.ceil(2.5 * misfit / STEP))
    ordinary = np.arange(-reach, reach + 1, dtype=np.float64) * STEP
    weight = np.exp(-0.5 * (ordinary / misfit) ** 2)
    sizes = np.array(list(shifts))
    shares = np.array(list(shifts.values()))
    return Lattice(ordinary, weight / weight.sum(), sizes, shares / shares.sum())


def tilted_gains(f: Floats, y: Floats, z: Floats | float, tilts: Floats) -> Floats:
    """Return each audit's log-likelihood under each tilt, less that of none (audits x tilts).

    Parameters
    ----------
    f, y, z
        Risk in (0, 1), outcome 0 or 1, and the direction of the tilt, one an audit.

    Examples
    --------
    >>> one = np.ones(1)
    >>> tilted_gains(one / 2, one, 1.0, np.array([0.0, 9.0])).round(2).tolist()
    [[0.0, 0.69]]
    """
    gains = np.empty((len(f), len(tilts)))
    for column, tilt in enumerate(tilts):
        gains[:, column] = tilt * z * y - np.log1p(f * np.expm1(tilt * z))
    return gains


def sum_by_cell(
    gains: Floats, audits: Positions, cells: Positions, *, segments: int, days: int
) -> Floats:
    """Return log-likelihoods (segments x days x tilts).

    Parameters
    ----------
    audits, cells
        Rows of `gains` that count, and the cell of each: its segment times `days`, plus its day.
    """
    shape = (segments * days, len(gains))
    belongs = csr_array((np.ones(len(audits)), (cells, audits)), shape=shape)
    found: Floats = np.asarray(belongs @ gains)
    return found.reshape(segments, days, -1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a change, at the end of each day.

    Attributes
    ----------
    ratio
        Segments x days, 0 or above: by chance it first reaches a limit of c at most once in c days.
    stands
        Segments x days: whether an alarm stands.
    """

    ratio: Floats
    stands: Flags


def evidence_by_day(likelihood: Floats, grid: Lattice, *, limit: float) -> Evidence:
    """Return the evidence of a change, and from when to when an alarm stands.

    An alarm stands from the day on which the evidence reaches the limit until it has fallen well
    below (`ENDS_BELOW`). While it stands, what is usual in the segment is what it was before, so
    that a change that stays is not taken for usual in the end, and its end not for another change.
    Evidence is cut at a multiple of the limit (`CAP`), so that it can fall within days.

    Parameters
    ----------
    likelihood
        Segments x days x tilts, as of `sum_by_cell`.
    limit
        Above 0.

    Examples
    --------
    >>> grid = lattice(misfit=0.1, shifts={1.0: 1.0})
    >>> nothing = np.zeros((1, 3, len(grid.tilts)))
    >>> evidence_by_day(nothing, grid, limit=100.0).ratio.round(6).tolist()
    [[1.0, 2.0, 3.0]]
    """
    segments, days, _ = likelihood.shape
    believed = np.tile(grid.ordinary_weight, (segments, 1))
    held = np.zeros((segments, len(grid.ordinary), len(grid.shifts)))
    ratio, stands = np.empty((segments, days)), np.zeros((segments, days), dtype=np.bool_)
    standing, (before, after) = stands[:, 0].copy(), (grid.before, grid.after)
    for day in range(days):
        today = likelihood[:, day]
        gain = np.exp(today - today.max(axis=1, keepdims=True))
        as_before = believed * gain[:, before]
        total = np.maximum(as_before.sum(axis=1), _LEAST)
        held += believed[:, :, None] * grid.shift_weight
        held *= gain[:, after] / total[:, None, None]
        held *= np.minimum(1.0, CAP * limit / np.maximum(held.sum(axis=(1, 2)), _LEAST))[
            :, None, None
        ]
        ratio[:, day] = held.sum(axis=(1, 2))
        least = np.where(standing, ENDS_BELOW * limit, limit)
        standing = stands[:, day] = ratio[:, day] >= least
        believed = np.where(standing[:, None], believed, as_before / total[:, None])
    return Evidence(ratio, stands)


@dataclass(frozen=True, slots=True)
class Change:
    """The most likely change of one segment.

    Attributes
    ----------
    day
        The first day after it, counted from the first of the likelihood.
    shift
        Of the log-odds, or of the slope.
    log_ratio
        Logarithm of the ratio of the two explanations, summed over the days.
    """

    day: int
    shift: float
    log_ratio: float


def likely_change(likelihood: Floats, grid: Lattice) -> Change:
    """Return when a segment (days x tilts) changed most likely, by how much, and how surely."""
    so_far = np.vstack([np.zeros(likelihood.shape[1]), np.cumsum(likelihood, axis=0)])
    whole, before = so_far[-1], so_far[:-1]
    prior = np.log(grid.ordinary_weight)
    as_before = _log_sum(prior + whole[grid.before])
    rest = (whole - before)[:, grid.after]
    changed = (prior + before[:, grid.before])[:, :, None] + rest + np.log(grid.shift_weight)
    by_day = np.array([_log_sum(each.ravel()) for each in changed])
    by_shift = np.array([_log_sum(changed[:, :, n].ravel()) for n in range(len(grid.shifts))])
    return Change(
        day=int(by_day.argmax()),
        shift=float(grid.shifts[by_shift.argmax()]),
        log_ratio=_log_sum(by_day) - as_before,
    )


def _log_sum(values: Floats) -> float:
    most = float(values.max())
    return most + math.log(float(np.exp(values - most).sum()))
