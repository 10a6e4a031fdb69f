"""The period as whoever looks every day sees it: figures so far, right at all looks together.

An interval made for one look, read daily, misses the truth on some day far more often than one time
in twenty. Those here hold on all days at once (`models.anytime`), and are wider for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.anytime import Looks, confidence_sequence
from models.arrays import Floats, Positions
from models.estimate import AuditedFrame
from monitoring.standing import LEVEL

LEAST_AUDITS = 30
"""The sequence is asymptotic: with fewer audits so far nothing is said."""


@dataclass(frozen=True, slots=True)
class Look:
    """All that was ranked up to a day.

    Attributes
    ----------
    day
        As 2026-01-31, of the ranking.
    decisions, audits, overturns
        Counts so far.
    rate, low, high
        Overturn rate so far, 0 to 1, with bounds that hold on all days together.
    """

    day: str
    decisions: int
    audits: int
    overturns: int
    rate: float
    low: float
    high: float

    @property
    def accuracy(self) -> float:
        """Share of decisions that an audit would uphold."""
        return 1 - self.rate

    @property
    def accuracy_low(self) -> float:
        """Lower bound of the accuracy."""
        return 1 - self.high

    @property
    def accuracy_high(self) -> float:
        """Upper bound of the accuracy."""
        return 1 - self.low

    @property
    def too_early(self) -> bool:
        """Whether there are too few audits to say anything yet."""
        return self.audits < LEAST_AUDITS


def look_daily(frame: AuditedFrame, risk: Floats, days: Positions) -> list[Look]:
    """Return the figures so far at the end of each day of ranking.

    Parameters
    ----------
    frame
        Of the period, each day's probabilities recalibrated on earlier days alone.
    risk
        The model's own, one a row. The sequence is tightest at the variance that these let expect,
        which has to be fixed before an audit is seen.
    days
        Day of each row, counted from 1970.

    Returns
    -------
    list of Look
        Empty where every decision was audited: there is nothing to be unsure of.
    """
    codes = np.unique(days, return_inverse=True)[1]
    f, pi, done = frame.overturn_probability, frame.inclusion_probability, frame.audited
    planned = float(np.sum((1 / pi - 1) * risk * (1 - risk)))
    if planned <= 0:
        return []
    found = np.where(done, frame.overturned, 0.0)
    residual = np.where(done, found - f, 0.0)
    decisions = _so_far(codes, np.ones(len(frame)))
    variance = np.maximum(
        _so_far(codes, (1 - pi) / pi**2 * residual**2), _so_far(codes, (1 / pi - 1) * f * (1 - f))
    )
    rate = _so_far(codes, f + residual / pi) / decisions
    looks = Looks(rate, variance / decisions**2, decisions)
    low, high = confidence_sequence(looks, planned_variance=planned, level=LEVEL)
    audits, overturns = _so_far(codes, done.astype(float)), _so_far(codes, found)
    least, most = overturns / decisions, 1 - (audits - overturns) / decisions
    rate, low, high = (np.clip(each, least, most) for each in (rate, low, high))
    dates = np.unique(days).astype("datetime64[D]").astype(str)
    columns = zip(dates, decisions, audits, overturns, rate, low, high, strict=True)
    return [
        Look(str(date), int(n), int(a), int(o), float(r), float(b), float(t))
        for date, n, a, o, r, b, t in columns
    ]


def _so_far(codes: Positions, weight: Floats) -> Floats:
    """Total up to the end of each day."""
    return np.cumsum(np.bincount(codes, weight))
