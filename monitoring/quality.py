"""How good the programme's decisions were: accuracy with intervals, from the ranked audits.

Every rate here comes from `models.estimate`; this module chooses of what, and sets the errors found
beside those that a uniform sample of the same size would be expected to find.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.errors import EstimateError
from models.arrays import Texts
from models.estimate import Estimate, estimate_by, estimate_overturn_rate
from models.nonresponse import Nonresponse
from monitoring.bands import Band, measure_bands
from monitoring.groups import Grouping, measure_groups
from monitoring.looks import Look, look_daily
from monitoring.recalibrated import Recalibrated, ranked_days
from monitoring.severity import by_severity
from monitoring.standing import LEVEL
from monitoring.uniform_check import UniformCheck, count_uniform

_WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of a period.

    Attributes
    ----------
    overall
        Of all ranked decisions.
    by_severity
        The same with each decision counted by the harm that it would do if it were wrong.
    uniform
        The plain count of the uniform sample; null where none of it is audited.
    directions
        The rate of each direction, in the order of `features.contract.DIRECTIONS`.
    groupings
        By policy, language, and so on, where the column holds two values or more.
    days, weeks
        By day and ISO week of the decision, in order; no weeks where the period is one or less.
    looks
        Figures so far at the end of each day of ranking, for those who look daily.
    bands
        By risk, riskiest first.
    nonresponse, audits_beside
        As of `monitoring.ranked.Ranked`.
    earlier_audits
        Audits of earlier periods that the recalibration began with.
    recalibrated
        Decisions before whose day there was an audit to recalibrate on.
    """

    overall: Estimate
    by_severity: Estimate
    uniform: UniformCheck | None
    directions: tuple[Estimate, ...]
    groupings: tuple[Grouping, ...]
    days: tuple[Estimate, ...]
    weeks: tuple[Estimate, ...]
    looks: tuple[Look, ...]
    bands: tuple[Band, ...]
    nonresponse: Nonresponse
    audits_beside: int
    earlier_audits: int
    recalibrated: int

    @property
    def selected(self) -> int:
        """Decisions selected for audit."""
        return self.nonresponse.selected

    @property
    def unfinished(self) -> int:
        """Selected decisions without an audit."""
        return self.nonresponse.selected - self.nonresponse.finished

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


def measure_quality(period: Recalibrated) -> Quality:
    """Estimate the quality of a period.

    Raises
    ------
    EstimateError
        If no audit of the period is finished.
    """
    ranked, earlier = period.ranked, period.earlier
    if ranked.audits == 0:
        raise EstimateError(
            f"quality: none of the {ranked.selected:,} selected decisions has an audit outcome; "
            "store the outcomes first (`secondlook outcomes`, or POST /v1/outcomes)"
        )
    table, frame = period.table, period.frame()
    risk = table["overturn_probability"].to_numpy(dtype=float)
    overall = estimate_overturn_rate(frame, level=LEVEL)
    severe = estimate_overturn_rate(by_severity(frame, table), level=LEVEL)
    return Quality(
        overall=overall,
        by_severity=replace(severe, domain="severity-weighted"),
        uniform=count_uniform(table),
        directions=tuple(_of_direction(period, direction) for direction in DIRECTIONS),
        groupings=tuple(measure_groups(period, overall=overall.overturn_rate)),
        days=tuple(estimate_by(frame, _dates(table, "%Y-%m-%d"), level=LEVEL)),
        weeks=tuple(estimate_by(frame, _dates(table, "%G-W%V"), level=LEVEL))
        if _days_spanned(table) > _WEEK_DAYS
        else (),
        looks=tuple(look_daily(frame, risk, ranked_days(table))),
        bands=tuple(measure_bands(frame, risk)),
        nonresponse=ranked.nonresponse,
        audits_beside=ranked.audits_beside,
        earlier_audits=0 if earlier is None else earlier.audits,
        recalibrated=period.recalibrated_decisions,
    )


def _of_direction(period: Recalibrated, direction: str) -> Estimate:
    found = estimate_overturn_rate(period.frame(direction=direction), level=LEVEL)
    return replace(found, domain=direction)


def _dates(table: pd.DataFrame, form: str) -> Texts:
    codes, days = pd.factorize(table["decided_at"].dt.normalize())
    return np.asarray(pd.DatetimeIndex(days).strftime(form), dtype=object)[codes]


def _days_spanned(table: pd.DataFrame) -> int:
    """Count the dates from the first decision to the last, both included."""
    dates = table["decided_at"].dt.normalize()
    return int((dates.max() - dates.min()).days) + 1
