"""Graphic exposure by day as a chart: the most and the median of a person, and the cap.

Days on which too few people audited, or nobody, are left open. All that is drawn stands in the
table below it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from features.exposure import DaySpread
from monitoring.auditor_days import AuditorDays
from monitoring.wording import count, plural, short_day

Spec = dict[str, Any]
"""Of Vega-Lite, as `monitoring.vega.chart` takes it."""

_LINES = {"highest": "most of a person", "median": "median"}
_MOST_TICKS = 8


def exposure_by_day(found: AuditorDays) -> Spec:
    """Draw graphic minutes of a person by day, with a line at the cap.

    Examples
    --------
    >>> from datetime import date
    >>> from features.wellbeing import Wellbeing
    >>> day = DaySpread(date(2026, 3, 2), 6, 5, 155.0, 5, 0, 0,
    ...     {"median": 26.0, "ninth_decile": 46.0, "highest": 51.0}, None)
    >>> spec = exposure_by_day(AuditorDays(day.day, day.day, Wellbeing(), (day,), ()))
    >>> [(row["of"], row["minutes"]) for row in spec["data"]["values"]]
    [('most of a person', 51.0), ('median', 26.0)]
    >>> spec["layer"][0]["encoding"]["y"]["datum"]
    120.0
    """
    values = list(_values(found))
    cap = {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": "var(--reference)", "strokeDash": [4, 3]},
        "encoding": {"y": {"datum": found.limits.graphic_minutes_a_day, "type": "quantitative"}},
    }
    return {
        "data": {"values": values},
        "layer": [cap, *(_layer(kind, len(values)) for kind in ("line", "point"))],
    }


def exposure_in_words(found: AuditorDays) -> str:
    """Return what the chart shows, for who does not see it."""
    told = [day for day in found.told if day.minutes_of_people is not None]
    if not told:
        return "Graphic minutes of a person by day: too few people on every day."
    top = max(told, key=lambda day: _minutes(day, "highest") or 0.0)
    return (
        f"Graphic minutes of a person by day, {plural(len(told), 'day')}. The most was "
        f"{count(round(_minutes(top, 'highest') or 0.0, 1))} on {short_day(top.day.isoformat())}; "
        f"the cap is {count(found.limits.graphic_minutes_a_day)}."
    )


def _values(found: AuditorDays) -> Iterator[Spec]:
    """Yield a point for each line and calendar day from the first to the last with work."""
    by_day = {day.day: day for day in found.days}
    first, last = min(by_day), max(by_day)
    for number in range((last - first).days + 1):
        at = first + timedelta(days=number)
        day = by_day.get(at)
        for share, of in _LINES.items():
            minutes = None if day is None else _minutes(day, share)
            people = 0 if day is None else day.people
            yield {"when": at.isoformat(), "of": of, "minutes": minutes, "people": people}


def _minutes(day: DaySpread, share: str) -> float | None:
    return None if day.minutes_of_people is None else round(day.minutes_of_people[share], 2)


def _layer(kind: str, values: int) -> Spec:
    every = math.ceil(values / len(_LINES) / _MOST_TICKS)
    ticks = {"format": "%-d %b", "tickCount": {"interval": "day", "step": every}}
    when = {"field": "when", "type": "temporal", "timeUnit": "utcyearmonthdate"}
    of = {"field": "of", "type": "nominal", "title": None, "sort": None}
    words = list(_LINES.values())
    colours = {"domain": words, "range": ["var(--warn)", "var(--accent)"]}
    encoding: Spec = {
        "x": {**when, "title": None, "axis": ticks},
        "y": {"field": "minutes", "type": "quantitative", "title": "Graphic minutes"},
        "color": {**of, "scale": colours},
    }
    if kind == "line":
        dashes = {"domain": words, "range": [[1, 0], [6, 3]]}
        encoding["strokeDash"] = {**of, "scale": dashes}
        return {"mark": {"type": "line", "strokeWidth": 2}, "encoding": encoding}
    encoding["shape"] = {**of, "scale": {"domain": words, "range": ["circle", "square"]}}
    encoding["tooltip"] = [
        {"field": "when", "type": "temporal", "title": "Day", "format": "%-d %b %Y"},
        {"field": "of", "title": "Of people"},
        {"field": "minutes", "title": "Graphic minutes", "format": ".1f"},
        {"field": "people", "title": "People"},
    ]
    return {"mark": {"type": "point", "filled": True, "size": 40}, "encoding": encoding}
