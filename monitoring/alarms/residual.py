"""Alarms on segments in which audits do not find what the model expects of them.

A change that the watch saw becomes one of two alarms. ``residual``: more errors are made in the
segment than before (or surely fewer). ``calibration``: the risk is off there, too sure of itself or
the wrong way round, while its share of errors may be what it was. Each tells the rate with its
interval from `models.estimate`; the evidence is that of `monitoring.alarms.evidence`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.arrays import Flags
from models.estimate import AuditedFrame, Estimate, estimate_overturn_rate
from monitoring.alarms.alarm import Alarm, Severity
from monitoring.alarms.lens import LEVEL, SLOPE
from monitoring.alarms.limits import ResidualLimits
from monitoring.alarms.watch import Seen, Shifted, watch_segments
from monitoring.recalibrated import Recalibrated
from monitoring.standing import LEVEL as INTERVAL
from monitoring.wording import DIRECTION_WORDS, between, count, percent, plural

LARGE = 0.7
"""Shift of the log-odds, about a doubling, from which an alarm is severe."""
_CLEARLY_MORE = 1.5
"""Times as many errors as foretold that a changed slope must have brought to count as more."""
_NAMES_SHOWN = 4
_YEARS_SURE = 3650.0
_COMPARED = ("language", "region", "site", "moderator_team", "content_type", "decided_by")
"""Columns that have a section of their own on the page of languages and groups."""


@dataclass(frozen=True, slots=True)
class _Figures:
    """What is known of a segment since it changed.

    ``now`` and ``before`` estimate all of its decisions, null where nothing can be said;
    ``expected`` is the steady risk's mean; ``found`` and ``foretold`` count the audits' errors.
    """

    now: Estimate | None
    before: Estimate | None
    expected: float
    audits: int
    found: int
    foretold: float

    @property
    def sure(self) -> int:
        """1 where the estimate of all decisions lies above what was expected, -1 below, else 0."""
        if self.now is None:
            return 0
        return int(self.now.low > self.expected) - int(self.now.high < self.expected)


def residual_alarms(watched: Recalibrated, limits: ResidualLimits) -> Iterator[Alarm]:
    """Yield an alarm a segment whose audits changed against the risk, the surest first."""
    seen = watch_segments(watched, limits)
    for shifted in seen.shifted:
        figures = _measure(watched, seen, shifted)
        yield _alarm(seen, shifted, figures, limits)


def kind_of(shifted: Shifted, *, found: float, foretold: float, sure: int) -> str:
    """Return which of the two alarms a change is.

    Parameters
    ----------
    found, foretold
        Errors in the audits since the change.
    sure
        1 where the whole segment surely has more errors than expected, -1 where fewer, else 0.

    Notes
    -----
    Audits that find fewer errors than foretold are mostly of what was picked for its risk: unless
    the whole segment surely has fewer errors, it is the risk that is off. So is a changed slope,
    unless it brought more errors where the risk is low.
    """
    if found < foretold:
        return LEVEL if sure < 0 and shifted.lens.kind == LEVEL else SLOPE
    many = sure > 0 or found >= _CLEARLY_MORE * foretold
    return LEVEL if shifted.lens.kind == LEVEL or many else SLOPE


def _measure(watched: Recalibrated, seen: Seen, shifted: Shifted) -> _Figures:
    direction = shifted.lens.direction
    frame = watched.ranked.audited_frame(direction)
    risk = seen.risk[direction]
    inside = shifted.lens.cut.rows(watched.table, shifted.number)
    later = inside & (seen.baseline.days >= shifted.change.day)
    earlier = inside & (seen.baseline.days < shifted.change.day)
    done = later & frame.audited
    frame = AuditedFrame(risk, frame.inclusion_probability, frame.audited, frame.overturned)
    return _Figures(
        now=_estimated(frame, later),
        before=_estimated(frame, earlier),
        expected=float(risk[later].mean()),
        audits=int(done.sum()),
        found=int(frame.overturned[done].sum()),
        foretold=float(risk[done].sum()),
    )


def _estimated(frame: AuditedFrame, rows: Flags) -> Estimate | None:
    if not (frame.audited & rows).any():
        return None
    part = AuditedFrame(
        frame.overturn_probability[rows],
        frame.inclusion_probability[rows],
        frame.audited[rows],
        frame.overturned[rows],
    )
    found = estimate_overturn_rate(part, level=INTERVAL)
    return None if found.audits_needed else found


def _alarm(seen: Seen, shifted: Shifted, figures: _Figures, limits: ResidualLimits) -> Alarm:
    kind = kind_of(shifted, found=figures.found, foretold=figures.foretold, sure=figures.sure)
    segment = shifted.lens.cut.in_words(shifted.number)
    what = DIRECTION_WORDS.get(shifted.lens.direction or "", "errors").lower()
    rises = figures.found > figures.foretold
    large = kind == SLOPE or (rises and abs(shifted.change.shift) >= LARGE)
    return Alarm(
        kind=kind,
        segment=shifted.name,
        title=_title(kind, segment, what, rises=rises),
        since=seen.baseline.date(shifted.change.day),
        detail=_detail(seen, shifted, figures),
        sure=_sure(seen, shifted, limits),
        next_step=_next_step(kind, rises=rises),
        page=_page(kind, shifted.lens.cut.columns),
        value=figures.found / figures.audits if figures.audits else float("nan"),
        limit=figures.foretold / figures.audits if figures.audits else float("nan"),
        severity=Severity.SEVERE if large else Severity.WATCH,
    )


def _title(kind: str, segment: str, what: str, *, rises: bool) -> str:
    named = segment[0].upper() + segment[1:]
    if kind == SLOPE:
        return f"{named}: the model's risk no longer fits what audits find"
    return f"{named}: audits find {'more' if rises else 'fewer'} {what} than expected"


def _detail(seen: Seen, shifted: Shifted, figures: _Figures) -> str:
    start = seen.baseline.date(shifted.change.day)
    beginning = shifted.change.day <= seen.baseline.watched_from
    since = f"All through the period, from {start} on" if beginning else f"Since {start}"
    parts = [
        f"{since}, {plural(figures.audits, 'audit')} found {_cases(shifted, figures.found)}, "
        f"where the model foretold {count(round(figures.foretold, 1))}."
    ]
    if figures.now is not None:
        parts.append(
            f"Of all its decisions {percent(figures.now.overturn_rate)} are so (95 % interval "
            f"{between(figures.now.low, figures.now.high)}); {percent(figures.expected)} was "
            "expected."
        )
    else:
        parts.append("There are too few audits yet to give the rate of all its decisions.")
    if figures.before is not None and not beginning:
        parts.append(
            f"Before it was {percent(figures.before.overturn_rate)} "
            f"({between(figures.before.low, figures.before.high)})."
        )
    return " ".join([*parts, *_included(shifted)])


def _cases(shifted: Shifted, number: int) -> str:
    direction = shifted.lens.direction
    if direction is None:
        return plural(number, "error")
    return f"{plural(number, 'case')} of {DIRECTION_WORDS[direction].lower()}"


def _included(shifted: Shifted) -> Iterator[str]:
    if shifted.includes:
        shown = "; ".join(shifted.includes[:_NAMES_SHOWN]).replace("everything", "the whole")
        rest = len(shifted.includes) - _NAMES_SHOWN
        more = f" and {plural(rest, 'other segment')}" if rest > 0 else ""
        yield f"This explains what is seen in {shown}{more} as well."


def _sure(seen: Seen, shifted: Shifted, limits: ResidualLimits) -> str:
    days = limits.false_alarm_days * float(np.exp(min(max(shifted.strength, 0.0), 20.0)))
    rare = "10 years" if days >= _YEARS_SURE else plural(round(days), "day")
    return (
        f"{plural(seen.watched, 'look')} at segments and kinds of error are taken each day. Over "
        f"all of them, chance gives evidence as strong as this at most once in {rare}."
    )


def _next_step(kind: str, *, rises: bool) -> str:
    if kind == SLOPE:
        return (
            "Published figures stay right, but errors are missed there. Look whether the inputs of "
            "this segment are recorded as before (Drift), then train the model again."
        )
    if rises:
        return (
            "Read the overturned decisions of these days together: did a policy text, a queue, a "
            "tool or a training change on that day? Once it is mended or here to stay, train the "
            "model again, so that these decisions are ranked by their new risk."
        )
    return (
        "Check that audits are done as before (a new guide, new auditors). If the decisions have "
        "become better, train the model again, so that audits go where errors are."
    )


def _page(kind: str, columns: tuple[str, ...]) -> str:
    if kind == SLOPE:
        return "model.html#calibration"
    if columns == ("policy",):
        return "policies.html#policy"
    if len(columns) == 1 and (columns[0] in _COMPARED or columns[0].startswith("group_")):
        return f"fairness.html#{columns[0]}"
    return "leads.html" if columns else "index.html"
