"""Alarms on the number of decisions a day: overall, by policy and by language.

A day is set against the same weekday of the weeks before, by their median. Days scatter more than
counting alone would have it, so the scatter is that of the past (by its median, so that an earlier
outlier does not hide the next), and the limit is such that all series together rarely raise a false
alarm. Told is the last full day; while there are fewer than two weeks before it, only that nothing
came at all, and then from the first such day on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from scipy.stats import t as student

from models.arrays import Floats
from monitoring.alarms.alarm import Alarm, Severity
from monitoring.alarms.limits import VolumeLimits
from monitoring.labels import labels_of
from monitoring.recalibrated import Recalibrated
from monitoring.wording import count, plural, words

_COLUMNS = ("policy", "language")
_EVERYTHING = "everything"
_WEEK = 7
_LEAST_SCATTER = 0.05
"""Of a day's logarithm, beside that of counting."""
_TO_STANDARD = 1.4826
"""From the median deviation to the standard deviation, of a normal."""
_SEVERE = 3.0


@dataclass(frozen=True, slots=True)
class _Judged:
    """One day of one series: how many came, how many were expected, and how rare that is."""

    number: float
    expected: float
    chance: float
    days: int


def volume_alarms(watched: Recalibrated, limits: VolumeLimits, *, now: datetime) -> Iterator[Alarm]:
    """Yield an alarm a series whose last full day is not as its past.

    Where nothing came at all, that is told once. Of a backlog, decided long before it was ranked,
    the last full day is that before its last decision.
    """
    table = watched.table
    now -= _backlog(table)
    moment = table["decided_at"].dt.tz_convert("UTC").dt.tz_localize(None)
    dates = moment.to_numpy().astype("datetime64[D]")
    today = np.datetime64(now.astimezone(UTC).date(), "D")
    first, full = dates.min(), int((today - dates.min()).astype(int))
    days = (dates - first).astype(np.int64)
    if full <= limits.fewest_days:
        return
    series = dict(_series(table, days, full))
    chance = 1 / (limits.false_alarm_days * len(series))
    for segment, counts in series.items():
        judged = _judge(counts, limits)
        named = (segment, f"{first + np.timedelta64(_began(counts), 'D')}")
        if judged is not None and judged.chance < chance:
            yield _alarm(named, judged, limits, looks=len(series))
            if segment == _EVERYTHING and judged.number == 0:
                return


def _backlog(table: pd.DataFrame) -> timedelta:
    """Return how long ago the latest decisions were made when they were ranked, in whole days."""
    waited = (table["selected_at"] - table["decided_at"]).min()
    return timedelta(days=max(int(waited.days), 0))


def _series(table: pd.DataFrame, days: np.ndarray, full: int) -> Iterator[tuple[str, Floats]]:
    """Yield the decisions of each full day, of everything and of each policy and language."""
    inside = days < full
    yield _EVERYTHING, np.bincount(days[inside], minlength=full).astype(float)
    for column in _COLUMNS:
        if column in table:
            codes, names = pd.factorize(labels_of(table[column]), sort=True)
            kept = inside & (codes >= 0)
            cells = np.bincount(codes[kept] * full + days[kept], minlength=len(names) * full)
            for name, counts in zip(names, cells.reshape(len(names), full), strict=True):
                yield f"{column}={name}", counts.astype(float)


def _judge(counts: Floats, limits: VolumeLimits) -> _Judged | None:
    """Judge the last day; null where there is too little to judge by, or it is as expected."""
    last = _began(counts)  # where nothing comes any more, the first day without
    past = counts[:last]
    if last < _WEEK or np.sum(past > 0) < limits.fewest_days:
        return None
    expected = _expected(counts, last)
    ratio = (counts[last] + 0.5) / (expected + 0.5)
    if expected < limits.fewest_decisions or 1 / limits.times < ratio < limits.times:
        return None
    usual = np.array([_expected(counts, day) for day in range(_WEEK, last)])
    if len(usual) < _WEEK:
        return _Judged(0.0, expected, 0.0, last) if counts[last] == 0 else None
    before = np.log((past[_WEEK:] + 0.5) / (usual + 0.5))
    spread = _TO_STANDARD * float(np.median(np.abs(before)))
    scatter = np.sqrt(max(spread, _LEAST_SCATTER) ** 2 + 1 / expected)
    chance = 2 * float(student.sf(abs(np.log(ratio)) / scatter, len(before) - 1))
    return _Judged(float(counts[last]), expected, chance, last)


def _expected(counts: Floats, day: int) -> float:
    return float(np.median(counts[day % _WEEK : day : _WEEK]))


def _began(counts: Floats) -> int:
    """Return the last day, or the first of the days without anything that end the series."""
    filled = np.flatnonzero(counts)
    return min(int(filled[-1]) + 1, len(counts) - 1) if len(filled) else len(counts) - 1


def _alarm(named: tuple[str, str], judged: _Judged, limits: VolumeLimits, *, looks: int) -> Alarm:
    segment, day = named
    column, _, value = segment.partition("=")
    who = f"{words(column)} {value}" if value else "All decisions"
    none, more = judged.number == 0, judged.number > judged.expected
    what = "none came" if none else f"{'far more' if more else 'far fewer'} than usual"
    times = max(judged.number, 0.5) / judged.expected
    large = none or times > _SEVERE or times < 1 / _SEVERE
    return Alarm(
        kind="volume",
        segment=segment,
        title=f"{who}: {what}",
        since=day,
        detail=(
            f"{plural(judged.number, 'decision')} on {day}; {count(round(judged.expected))} were "
            f"expected from {plural(judged.days, 'day')} before it."
        ),
        sure=(
            f"{count(looks)} series are looked at each day. Days as unlike their past come by "
            f"chance less than once in {count(limits.false_alarm_days)} days over all of them."
        ),
        next_step=(
            "Look whether decisions still arrive: the load or the caller of the service, and the "
            "names that were sent."
            if not more
            else "Look whether something is sent twice, or a wave of content came; if it stays, "
            "`secondlook plan` again, or audits will not go round."
        ),
        page="index.html",
        value=judged.number,
        limit=judged.expected,
        severity=Severity.SEVERE if large else Severity.WATCH,
    )
