"""What a trial achieved, overall and by segment, with intervals.

An interval is that of the figure's linearised error, summed by groups of near-duplicates, which
stand or fall together; it costs no drawing anew, so that a card of many audits is made in seconds.
That of a share is Korn and Graubard's (1998): Clopper and Pearson's exact one on as many audits of
equal weight as would err alike, so that it is not sure of everything where nothing was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from models.arrays import Floats
from training.bootstrap import Interval, share_audited
from training.evaluate import BINS, BUDGETS
from training.learn import SEGMENTS, Trial

WATCHED_BUDGET = 0.10
"""Of the figures by segment: at less, a segment's part of the queue is a handful of audits."""
_NORMAL = 1.959964
_FEWEST_NEAR = 20


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
    return _reached(rows, budget, overturned_of(rows))


def rate_of(rows: pd.DataFrame) -> Rate:
    """Return the overturn rate that audits found, beside the one expected of them."""
    wrong, weight = overturned_of(rows), weight_of(rows)
    found = float(np.average(wrong, weights=weight))
    influence = weight * (wrong - found) / weight.sum()
    expected = float(np.average(risk_of(rows), weights=weight))
    return Rate(_share(found, influence, rows, weight), expected)


def rates_by_risk(rows: pd.DataFrame) -> list[Rate]:
    """Return the rates of audits in ten bins of equal count, the least risk first."""
    place = (rows["overturn_probability"].rank(method="first") - 1) * BINS // len(rows)
    return [rate_of(own) for _, own in rows.groupby(place.astype(int))]


def capture_at(score: Floats, worth: Floats, weight: Floats, budget: float) -> tuple[float, Floats]:
    """Return the share of all worth that the riskiest share `budget` of rows holds, linearised.

    Parameters
    ----------
    worth
        Of auditing each row: 1 for an error, else 0.
    weight
        One over the inclusion probability.

    Returns
    -------
    The share, and what each row moves it by, shape (rows,): by being reached or not, and by moving
    where the budget ends, at the rate of worth around there.
    """
    taken = share_audited(score, weight[None], np.zeros(len(score), dtype=int), budget)[0]
    total = float((weight * worth).sum())
    if total <= 0:
        return np.nan, np.full(len(score), np.nan)
    share = float((weight * worth * taken).sum() / total)
    near = _near(score, weight, budget)
    around = np.average(worth[near], weights=weight[near])
    return share, weight * (worth * (taken - share) - around * (taken - budget)) / total


def _near(score: Floats, weight: Floats, budget: float) -> np.ndarray:
    """Return the rows around the end of a budget: half as many again, and half as many fewer."""
    order = np.argsort(-score, kind="stable")
    held = weight[order]
    distance = np.abs((np.cumsum(held) - held / 2) / held.sum() - budget)
    count = max(int((distance <= budget / 2).sum()), _FEWEST_NEAR)
    return np.asarray(order[np.argsort(distance, kind="stable")[:count]])


def interval_of(value: float, influence: Floats, rows: pd.DataFrame) -> Interval:
    """Return the 95 % interval of a figure from what each audit moves it by."""
    half = _NORMAL * _error(influence, rows)
    return Interval(value, value - half, value + half)


def _error(influence: Floats, rows: pd.DataFrame) -> float:
    return float(np.sqrt((_by_group(rows, influence) ** 2).sum()))


def _share(value: float, influence: Floats, rows: pd.DataFrame, counted: Floats) -> Interval:
    """Return the interval of a share of the audits that are counted, by their weights."""
    if not np.isfinite(value):
        return Interval(value, np.nan, np.nan)
    if 0 < value < 1:
        effective = value * (1 - value) / _error(influence, rows) ** 2
    else:  # it errs by nothing that could be seen
        groups = _by_group(rows, counted)
        effective = float(groups.sum() ** 2 / (groups**2).sum())
    return Interval(value, *exact_interval(value, effective))


def _by_group(rows: pd.DataFrame, values: Floats) -> Floats:
    return np.bincount(pd.factorize(rows["group"])[0], values).astype(np.float64, copy=False)


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


def risk_of(rows: pd.DataFrame) -> Floats:
    """Return what the model said of audits, 0 to 1."""
    return rows["overturn_probability"].to_numpy(dtype=float)


def overturned_of(rows: pd.DataFrame) -> Floats:
    """Return what audits found, 0 or 1."""
    return rows["overturned"].to_numpy(dtype=float)


def weight_of(rows: pd.DataFrame) -> Floats:
    """Return one over the inclusion probability of audits."""
    return 1 / rows["inclusion"].to_numpy(dtype=float)


def _reached(rows: pd.DataFrame, budget: float, worth: Floats) -> Interval:
    weight = weight_of(rows)
    value, influence = capture_at(risk_of(rows), worth, weight, budget)
    return _share(value, influence, rows, weight * worth)


def _segments(column: str, trial: Trial) -> tuple[Segment, ...]:
    rows = trial.predictions
    weight, wrong = weight_of(rows), overturned_of(rows)
    every = np.zeros(len(rows), dtype=int)
    audited = weight * share_audited(risk_of(rows), weight[None], every, WATCHED_BUDGET)[0]
    errors = weight * wrong
    places = rows.groupby(rows[column].astype(str)).indices
    segments = []
    for row in trial.segments[column].to_dict("records"):
        place = places[row["segment"]]
        own, belongs = rows.iloc[place], np.zeros(len(rows))
        belongs[place] = 1.0
        ranked = pd.notna(row["auroc"])
        segments.append(
            Segment(
                name=row["segment"],
                audits=row["audits"],
                overturns=row["overturns"],
                auroc=row["auroc"] if ranked else None,
                capture=capture_of(own, WATCHED_BUDGET) if ranked else None,
                rate=rate_of(own),
                caught=_reached(rows, WATCHED_BUDGET, wrong * belongs) if ranked else None,
                audits_share=float(audited[place].sum() / audited.sum()),
                errors_share=float(errors[place].sum() / errors.sum()),
            )
        )
    return tuple(sorted(segments, key=lambda segment: -segment.audits))
