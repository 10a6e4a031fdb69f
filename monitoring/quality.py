"""How good the programme's decisions were: accuracy with intervals, from the ranked audits.

Every rate here comes from `models.estimate`; this module chooses of what, and sets the errors found
beside those that a uniform sample of the same size would be expected to find.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from features.contract import DIRECTIONS
from features.errors import EstimateError
from models.arrays import Texts
from models.estimate import (
    IDENTITY,
    Estimate,
    Recalibration,
    estimate_by,
    estimate_overturn_rate,
    fit_recalibration,
)
from monitoring.ranked import Ranked

LEVEL = 0.95
_GROUPINGS = (
    ("policy", "Policy"),
    ("language", "Language"),
    ("action", "Action"),
    ("decided_by", "Decided by"),
    ("moderator_team", "Team"),
    ("site", "Site"),
    ("region", "Region"),
    ("source", "How it came in"),
)
_BAND_EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Segment:
    """One group's estimate and how it stands against the whole.

    Attributes
    ----------
    estimate
        Of the group.
    standing
        ``worse`` or ``better`` where the group's rate differs from the overall one by more than
        chance explains, with all groups of all groupings looked at; ``alike`` otherwise;
        ``unknown`` where there are too few audits.
    """

    estimate: Estimate
    standing: str


@dataclass(frozen=True, slots=True)
class Grouping:
    """Estimates by one column.

    Attributes
    ----------
    column, title
        Of the contract, and in words.
    segments
        The groups, most decisions first.
    unlabelled
        Decisions whose value is null; they count towards the whole.
    """

    column: str
    title: str
    segments: tuple[Segment, ...]
    unlabelled: int


@dataclass(frozen=True, slots=True)
class Band:
    """A band of the ranking by risk, riskiest first.

    Attributes
    ----------
    from_share, to_share
        Which shares of the decisions, by risk.
    predicted
        Mean overturn probability that the model gave.
    estimate
        What the audits say of the same decisions.
    captured
        Estimated share of all errors in this band and those before it, 0 to 1; null without errors.
    standing
        ``worse`` where audits find more errors than the model expects, beyond chance; ``better``
        where fewer; else ``alike`` or ``unknown``.
    """

    from_share: float
    to_share: float
    predicted: float
    estimate: Estimate
    captured: float | None
    standing: str


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of a period.

    Attributes
    ----------
    overall
        Of all ranked decisions.
    directions
        The rate of each direction, in the order of `features.contract.DIRECTIONS`.
    groupings
        By policy, language, and so on, where the column holds two values or more.
    days
        By day of the decision, in order.
    bands
        By risk, riskiest first.
    selected, unfinished, audits_beside
        As of `monitoring.ranked.Ranked`.
    earlier_audits
        Audits of earlier periods on which the recalibration was fitted.
    """

    overall: Estimate
    directions: tuple[Estimate, ...]
    groupings: tuple[Grouping, ...]
    days: tuple[Estimate, ...]
    bands: tuple[Band, ...]
    selected: int
    unfinished: int
    audits_beside: int
    earlier_audits: int

    @property
    def compared(self) -> int:
        """Groups looked at, in all groupings."""
        return sum(len(grouping.segments) for grouping in self.groupings)

    @property
    def errors_found(self) -> int:
        """Overturns among the finished audits."""
        return self.overall.overturns

    @property
    def errors_uniform(self) -> float:
        """Overturns expected in a uniform sample of as many decisions."""
        return self.overall.audits * self.overall.overturn_rate

    @property
    def times_uniform(self) -> float | None:
        """Errors found per error of a uniform sample; null where none would be expected."""
        return self.errors_found / self.errors_uniform if self.errors_uniform > 0 else None


def measure_quality(ranked: Ranked, earlier: Ranked | None = None) -> Quality:
    """Estimate the quality of a period.

    Parameters
    ----------
    ranked
        The period.
    earlier
        What was ranked before it, to recalibrate the risk on; null = taken as it is.

    Raises
    ------
    EstimateError
        If no audit of the period is finished.
    """
    if ranked.audits == 0:
        raise EstimateError(
            f"quality: none of the {ranked.selected:,} selected decisions has an audit outcome; "
            "store the outcomes first (`secondlook outcomes`, or POST /v1/outcomes)"
        )
    frame = ranked.audited_frame()
    recalibration, count = recalibrate(earlier)
    overall = estimate_overturn_rate(frame, recalibration=recalibration, level=LEVEL)
    return Quality(
        overall=overall,
        directions=tuple(_of_direction(ranked, earlier, direction) for direction in DIRECTIONS),
        groupings=tuple(_groupings(ranked, recalibration)),
        days=tuple(
            estimate_by(frame, _days(ranked.table), recalibration=recalibration, level=LEVEL)
        ),
        bands=tuple(_bands(ranked, recalibration)),
        selected=ranked.selected,
        unfinished=ranked.unfinished,
        audits_beside=ranked.audits_beside,
        earlier_audits=count,
    )


def recalibrate(earlier: Ranked | None, direction: str | None = None) -> tuple[Recalibration, int]:
    """Return the recalibration fitted on earlier audits, and their number."""
    if earlier is None:
        return IDENTITY, 0
    frame = earlier.audited_frame(direction)
    done = frame.audited
    fitted = fit_recalibration(
        frame.overturn_probability[done], frame.overturned[done], frame.inclusion_probability[done]
    )
    return fitted, int(done.sum())


def groupings_of(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the columns to group by, with their titles: those with two values or more."""
    own = [
        (name, name.removeprefix("group_").replace("_", " ").capitalize())
        for name in sorted(map(str, table))
        if name.startswith("group_")
    ]
    return [
        (name, title)
        for name, title in (*_GROUPINGS, *own)
        if name in table and table[name].nunique() > 1
    ]


def _groupings(ranked: Ranked, recalibration: Recalibration) -> Iterator[Grouping]:
    """Estimate each value of each column."""
    frame, columns = ranked.audited_frame(), groupings_of(ranked.table)
    overall = estimate_overturn_rate(frame, recalibration=recalibration, level=LEVEL)
    compared = sum(ranked.table[column].nunique() for column, _ in columns)
    for column, title in columns:
        labels = _labels(ranked.table[column])
        estimates = estimate_by(frame, labels, recalibration=recalibration, level=LEVEL)
        stricter = estimate_by(
            frame, labels, recalibration=recalibration, level=1 - (1 - LEVEL) / compared
        )
        segments = [
            Segment(estimate, _standing(strict, overall.overturn_rate, compared=compared))
            for estimate, strict in zip(estimates, stricter, strict=True)
        ]
        segments.sort(key=lambda segment: (-segment.estimate.decisions, segment.estimate.domain))
        yield Grouping(column, title, tuple(segments), int(pd.isna(labels).sum()))


def _standing(estimate: Estimate, expected: float, *, compared: int) -> str:
    """Say whether a rate differs from the expected one, with so many rates compared.

    `estimate` has its interval at the level of so many comparisons: the expected rate must lie
    outside. A handful of decisions that were all audited have a rate without any sampling error;
    that it is not the expected one can still be chance. So the scatter of decisions counts beside
    that of the audits.
    """
    if estimate.audits_needed or not estimate.audits:
        return "unknown"
    scatter = estimate.standard_error**2 + expected * (1 - expected) / estimate.decisions
    difference = estimate.overturn_rate - expected
    farthest = float(norm.ppf(1 - (1 - LEVEL) / 2 / max(compared, 1)))
    inside = estimate.low <= expected <= estimate.high
    if inside or abs(difference) <= farthest * math.sqrt(scatter):
        return "alike"
    return "worse" if difference > 0 else "better"


def _of_direction(ranked: Ranked, earlier: Ranked | None, direction: str) -> Estimate:
    recalibration, _ = recalibrate(earlier, direction)
    labels = np.full(len(ranked.table), direction, dtype=object)
    frame = ranked.audited_frame(direction)
    return estimate_by(frame, labels, recalibration=recalibration, level=LEVEL)[0]


def _bands(ranked: Ranked, recalibration: Recalibration) -> list[Band]:
    frame = ranked.audited_frame()
    place = pd.Series(-frame.overturn_probability).rank(method="first").to_numpy() / len(frame)
    edges = np.array(_BAND_EDGES)
    number = np.searchsorted(edges, place, side="left") - 1
    labels = number.astype(object)
    present = np.unique(number)
    estimates, stricter = (
        estimate_by(frame, labels, recalibration=recalibration, level=level)
        for level in (LEVEL, 1 - (1 - LEVEL) / len(present))
    )
    predicted = pd.Series(frame.overturn_probability).groupby(number).mean()
    errors = np.array([e.decisions * e.overturn_rate for e in estimates])
    captured = _running_share(errors)
    return [
        Band(
            from_share=float(edges[n]),
            to_share=float(edges[n + 1]),
            predicted=float(predicted[n]),
            estimate=estimate,
            captured=share,
            standing=_standing(strict, float(predicted[n]), compared=len(present)),
        )
        for n, estimate, strict, share in zip(present, estimates, stricter, captured, strict=True)
    ]


def _running_share(errors: np.ndarray) -> Sequence[float | None]:
    total = float(errors.sum())
    return [None] * len(errors) if total <= 0 else (np.cumsum(errors) / total).tolist()


def _days(table: pd.DataFrame) -> Texts:
    return np.asarray(table["decided_at"].dt.strftime("%Y-%m-%d"), dtype=object)


def _labels(values: pd.Series) -> Texts:
    return np.asarray(values.astype("str").astype(object).where(values.notna(), None))
