"""What a trial achieved, overall and by segment, with intervals.

An interval of a share is the wider, at each end, of two: that of drawing item groups anew, and
Clopper and Pearson's (1934) on the effective number of groups. The first alone would be sure of
everything where an error was never found, or always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from models.arrays import Floats
from training.bootstrap import (
    Interval,
    Sample,
    capture_draws,
    interval,
    rate_draws,
    sample_of,
    share_audited,
)
from training.evaluate import BINS, BUDGETS
from training.learn import SEGMENTS, Trial

WATCHED_BUDGET = 0.10
"""Of the figures by segment: at less, a segment's part of the queue is a handful of audits."""


@dataclass(frozen=True, slots=True)
class Rate:
    """An overturn rate.

    Attributes
    ----------
    found
        By the audits.
    expected
        That the model gave to the same decisions.
    """

    found: Interval
    expected: float

    @property
    def ratio(self) -> Interval:
        """Return found over expected; above 1 the model thought too well of the decisions."""
        ends = (self.found.value, self.found.low, self.found.high)
        return Interval(*(end / self.expected for end in ends))


@dataclass(frozen=True, slots=True)
class Segment:
    """What a trial achieved in one segment.

    Attributes
    ----------
    overturns
        Found in its audits, not weighted.
    auroc
        Of the segment alone; null where it has too few overturned, or upheld, audits to rank by.
    capture
        At `WATCHED_BUDGET` of the segment's own decisions; null as `auroc`.
    rate
        Of overturns, found and expected.
    caught
        Share of its errors that the riskiest `WATCHED_BUDGET` of everything holds; null as `auroc`.
    audits_share, errors_share
        Its share of the riskiest `WATCHED_BUDGET` of everything, and of all errors; 0 to 1.
    """

    name: str
    audits: int
    overturns: int
    auroc: float | None
    capture: Interval | None
    rate: Rate
    caught: Interval | None
    audits_share: float
    errors_share: float


@dataclass(frozen=True, slots=True)
class Achieved:
    """What a trial achieved.

    Attributes
    ----------
    audits, overturns, groups
        Counts of the trial; groups are of near-duplicates.
    captures
        Share of errors found, by budget.
    rate
        Of overturns, found and expected.
    segments
        By column, in the order of `training.learn.SEGMENTS`; most audits first.
    """

    audits: int
    overturns: int
    groups: int
    captures: Mapping[float, Interval]
    rate: Rate
    segments: Mapping[str, tuple[Segment, ...]]


def achieved(trial: Trial) -> Achieved:
    """Measure a trial with intervals; every figure weighs an audit by 1/pi."""
    rows = trial.predictions
    return Achieved(
        audits=len(rows),
        overturns=int(rows["overturned"].sum()),
        groups=int(rows["group"].nunique()),
        captures={budget: capture_of(rows, budget) for budget in BUDGETS},
        rate=rate_of(rows),
        segments={name: _segments(name, trial) for name in SEGMENTS if name in trial.segments},
    )


def capture_of(rows: pd.DataFrame, budget: float) -> Interval:
    """Return the share of errors among the riskiest share `budget` of audits, ranked alone."""
    sample, wrong = sample_of(rows, ()), _overturned(rows)
    draws = capture_draws(sample, _risk(rows), wrong, budget=budget)
    return share_interval(draws[:, 0], sample, wrong)


def rate_of(rows: pd.DataFrame) -> Rate:
    """Return the overturn rate that audits found, beside the one expected of them."""
    sample, each = sample_of(rows, ()), np.ones(len(rows))
    draws = rate_draws(sample, _overturned(rows), each)
    found = share_interval(draws[:, 0], sample, each)
    return Rate(found, float(np.average(_risk(rows), weights=sample.weight)))


def rates_by_risk(rows: pd.DataFrame) -> list[Rate]:
    """Return the rates of audits in ten bins of equal count, the least risk first."""
    place = (rows["overturn_probability"].rank(method="first") - 1) * BINS // len(rows)
    return [rate_of(own) for _, own in rows.groupby(place.astype(int))]


def share_interval(draws: Floats, sample: Sample, counted: Floats) -> Interval:
    """Return a share with its interval, its ends between 0 and 1.

    Parameters
    ----------
    draws
        Of the share, the first as it is, shape (1 + replicates,).
    counted
        1 for each audit that the share is of, else 0, shape (rows,).
    """
    figure, held = interval(draws), sample.weight * counted
    groups = np.bincount(sample.group, held)
    effective = float(held.sum() ** 2 / max((groups**2).sum(), 1e-300))
    if not np.isfinite(figure.value) or effective <= 0:
        return Interval(figure.value, np.nan, np.nan)
    least, most = exact_interval(figure.value, effective)
    low, high = np.nan_to_num([figure.low, figure.high], nan=figure.value)
    return Interval(figure.value, max(min(low, least), 0.0), min(max(high, most), 1.0))


def exact_interval(share: float, effective: float) -> tuple[float, float]:
    """Return Clopper and Pearson's 95 % interval of a share of so many, which need not be whole.

    Examples
    --------
    >>> low, high = exact_interval(0.0, 95.0)
    >>> low, round(high, 3)
    (0.0, 0.038)
    """
    found, rest = share * effective, (1 - share) * effective
    low = betaincinv(found, rest + 1, 0.025) if found > 0 else 0.0
    high = betaincinv(found + 1, rest, 0.975) if rest > 0 else 1.0
    return float(low), float(high)


def _risk(rows: pd.DataFrame) -> Floats:
    return rows["overturn_probability"].to_numpy(dtype=float)


def _overturned(rows: pd.DataFrame) -> Floats:
    return rows["overturned"].to_numpy(dtype=float)


def _segments(column: str, trial: Trial) -> tuple[Segment, ...]:
    rows = trial.predictions
    sample, wrong = sample_of(rows, (column,)), _overturned(rows)
    taken = share_audited(_risk(rows), sample.weight[None], sample.period, WATCHED_BUDGET)[0]
    audited, errors = (sample.members @ (sample.weight * each) for each in (taken, wrong))
    caught = capture_draws(sample, _risk(rows), wrong, budget=WATCHED_BUDGET)
    segments = []
    for row in trial.segments[column].to_dict("records"):
        place = sample.segments.index(f"{column} = {row['segment']}")
        belongs = sample.members[[place]].toarray()[0]
        own, ranked = rows[belongs > 0], pd.notna(row["auroc"])
        reached = share_interval(caught[:, place], sample, wrong * belongs) if ranked else None
        segments.append(
            Segment(
                name=row["segment"],
                audits=row["audits"],
                overturns=row["overturns"],
                auroc=row["auroc"] if ranked else None,
                capture=capture_of(own, WATCHED_BUDGET) if ranked else None,
                rate=rate_of(own),
                caught=reached,
                audits_share=float(audited[place] / audited[0]),
                errors_share=float(errors[place] / errors[0]),
            )
        )
    return tuple(sorted(segments, key=lambda segment: -segment.audits))
