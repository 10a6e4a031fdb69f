"""Alarms on what the model reads: inputs that have moved and stay so, told by where they come from.

One day on which an input drifts is no alarm. It has to drift on several days, one after the other
and the latest among them, or over the latest week of which most is there. What follows the audits,
track records and the predicted risk, moves a little every day and has to move farther. Inputs of
one source are one alarm, for they move together; many of them at once, or one of them far, mostly
mean that something broke.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from features.frame import FEATURES, OPINION_FEATURES
from monitoring.alarms.alarm import Alarm, Severity
from monitoring.alarms.limits import DriftLimits
from monitoring.drift.found import Drift, DriftHistory, FeatureDrift
from monitoring.wording import count, plural, words

_LEARNED = ("predicted risk", "track record")
_MOST_OF_A_WEEK = 4
_NAMES_SHOWN = 4
_SOURCES = {feature.name: feature.family for feature in (*FEATURES, *OPINION_FEATURES)}
_NAMED = {
    "overturn_probability": "predicted risk",
    "automated_score": "automated score",
    "score_mismatch": "automated score",
}
_MEANINGS = {feature.name: feature.meaning for feature in (*FEATURES, *OPINION_FEATURES)}


@dataclass(frozen=True, slots=True)
class _Moved:
    """An input that drifted persistently, as the span shows it that was looked at."""

    drift: FeatureDrift
    span: str
    since: str | None


def drift_alarms(history: DriftHistory | None, limits: DriftLimits) -> Iterator[Alarm]:
    """Yield an alarm a source of inputs, the farthest moved first."""
    if history is None:
        return
    moved = {
        name: each
        for name, each in _persistent(history, limits.days).items()
        if source_of(name) not in _LEARNED or each.drift.distance >= limits.learned
    }
    by_source: dict[str, list[_Moved]] = {}
    for each in sorted(moved.values(), key=lambda m: -m.drift.over_limit):
        by_source.setdefault(source_of(each.drift.feature), []).append(each)
    for source, inputs in by_source.items():
        yield _alarm(source, inputs, len(moved), history, limits)


def source_of(feature: str) -> str:
    """Return where an input comes from, as one word or two.

    Examples
    --------
    >>> source_of("team_rate"), source_of("score_mismatch"), source_of("overturn_probability")
    ('track record', 'automated score', 'predicted risk')
    """
    source = _NAMED.get(feature, _SOURCES.get(feature, "decision"))
    return words(feature).lower() if source == "decision" else source


def _persistent(history: DriftHistory, days: int) -> Mapping[str, _Moved]:
    """Return what drifts now and did before."""
    found: dict[str, _Moved] = {}
    latest = history.days[-days:]
    if len(latest) == days:
        each_day = [set(day.drifted) for day in latest]
        found |= _of_span(latest[-1], set.intersection(*each_day), history)
    for week in [week for week in history.weeks if _days_in(week, history) >= _MOST_OF_A_WEEK][-1:]:
        found = _of_span(week, set(week.drifted), history) | found
    return found


def _days_in(week: Drift, history: DriftHistory) -> int:
    """Return how many days of a week were measured."""
    return sum(f"{date.fromisoformat(day.span):%G-W%V}" == week.span for day in history.days)


def _of_span(span: Drift, names: set[str], history: DriftHistory) -> dict[str, _Moved]:
    return {
        f.feature: _Moved(f, span.span, f.since or history.since.get(f.feature))
        for f in span.features
        if f.feature in names
    }


def _alarm(
    source: str,
    inputs: Sequence[_Moved],
    in_all: int,
    history: DriftHistory,
    limits: DriftLimits,
) -> Alarm:
    first, broken = inputs[0].drift, [m for m in inputs if m.drift.distance >= limits.broken]
    severe = bool(broken) or len(inputs) >= limits.related
    named = _MEANINGS.get(first.feature, words(first.feature))
    more = f" and {plural(len(inputs) - 1, 'other input')}" if len(inputs) > 1 else ""
    verb = "may be broken" if broken else "moved"
    compared = len(history.period.watched)
    return Alarm(
        kind="drift",
        segment=f"inputs={source}",
        title=f"{named[0].upper()}{named[1:]}{more}: {verb}",
        since=min((m.since for m in inputs if m.since), default=None),
        detail=" ".join(map(_in_words, inputs[:_NAMES_SHOWN])),
        sure=(
            f"{plural(compared, 'input')} are compared each day and week, with limits set for all "
            f"of them together; {count(in_all)} stay beyond theirs now. "
            f"{'One day' if limits.days == 1 else plural(limits.days, 'day')} in a row, or a whole "
            "week, must show it."
        ),
        next_step=_next_step(source, broken=bool(broken)),
        page="drift.html",
        value=first.distance,
        limit=first.limit,
        severity=Severity.SEVERE if severe else Severity.WATCH,
    )


def _in_words(moved: _Moved) -> str:
    drift = moved.drift
    where = f" ({drift.where})" if drift.where else ""
    return (
        f"{_MEANINGS.get(drift.feature, words(drift.feature))}: {drift.distance:.2f} standard "
        f"deviations in {moved.span}, where chance makes {drift.by_chance:.2f} and "
        f"{drift.limit:.2f} is the limit{where}."
    )


def _next_step(source: str, *, broken: bool) -> str:
    if source == "predicted risk":
        return (
            "The model ranks otherwise than when it was made: look for the input that moved with "
            "it, and at the calibration. Train again if the inputs are right."
        )
    if broken:
        return (
            "Ask who delivers this input whether it is still recorded, on the same scale. Until "
            "then the ranking misses errors; the published figures stay right."
        )
    return (
        "Ask whether the work changed (other content, a new queue) or only how it is recorded. "
        "If the work did, train the model again; the published figures stay right."
    )
