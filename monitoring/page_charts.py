"""The charts of the pages, as Vega-Lite specifications with their values within.

Every value drawn stands in a table of the page or of its CSV. A point with too few audits is left
open: its values are null, and Vega breaks the line there. Two things that are told apart by colour
are told apart by shape or dash as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from features.contract import DIRECTIONS
from models.estimate import Estimate
from monitoring.bands import Band
from monitoring.outlook import Row
from monitoring.policies import PolicyFigures
from monitoring.trend import Trends
from monitoring.wording import DIRECTION_WORDS, between, percent, plural

Spec = dict[str, Any]
"""Of Vega-Lite, as `monitoring.vega.chart` takes it."""

_MOST_TICKS = 8
_COLOURS = ("var(--accent)", "var(--warn)", "var(--third)")
_SHAPES = ("circle", "square", "diamond")
_DASHES = ([1, 0], [6, 3], [2, 2])


def accuracy_trend(trends: Trends, overall: Estimate) -> Spec:
    """Draw accuracy step by step in a band of its intervals, with a line where the period stands.

    Examples
    --------
    >>> found = Estimate("2026-01-05", 0.05, 0.04, 0.07, 0.01, 900, 90, 9, 60.0, 0)
    >>> spec = accuracy_trend(Trends("day", (found,), ()), found)
    >>> spec["data"]["values"][0]["figure"], [layer["mark"]["type"] for layer in spec["layer"]]
    (0.95, ['area', 'rule', 'line', 'rule', 'point'])
    """
    values = [
        _when(trends.step, e) | _figure(e, e.accuracy, e.accuracy_low, e.accuracy_high)
        for e in trends.overturned
    ]
    line = {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": "var(--reference)", "strokeDash": [4, 3]},
        "encoding": {"y": {"datum": overall.accuracy, "type": "quantitative"}},
    }
    layers = _band(trends, title="Accuracy", zero=False)
    return {"data": {"values": values}, "layer": [*layers[:3], line, layers[3]]}


def direction_trend(trends: Trends) -> Spec:
    """Draw over- and under-enforcement step by step, each in a band of its intervals."""
    shown = ("over_enforcement", "under_enforcement")
    values = [
        _when(trends.step, e)
        | _figure(e, e.overturn_rate, e.low, e.high)
        | {"error": DIRECTION_WORDS[direction]}
        for direction, steps in trends.directions
        if direction in shown
        for e in steps
    ]
    words = [DIRECTION_WORDS[direction] for direction in shown]
    layers = _band(trends, title="Of decisions", zero=True)
    for layer in layers:
        _told_apart(layer, "error", words)
    return {"data": {"values": values}, "layer": layers}


def calibration(bands: Sequence[Band]) -> Spec:
    """Draw what audits found against what the model expected, with the line of a true risk."""
    shown = [band for band in bands if not band.estimate.audits_needed]
    values = [
        {
            "band": _band_words(band),
            "expected": band.predicted,
            **_figure(
                band.estimate, band.estimate.overturn_rate, band.estimate.low, band.estimate.high
            ),
        }
        for band in shown
    ]
    most = max([0.01, *(max(v["expected"], v["high"]) for v in values)])
    scale = {"domain": [0, most], "nice": False}
    x = _quantity("expected", "Model expects", scale=scale)
    y = _quantity("figure", "Audits say", scale=scale)
    ends = [{"expected": end, "figure": end} for end in (0, most)]
    told = _tooltip(
        ("band", "Decisions", None), ("expected", "Model expects", ".1%"), *_TOLD_FIGURE
    )
    true = {"type": "line", "color": "var(--reference)", "strokeDash": [4, 3], "strokeWidth": 1.5}
    return {
        "layer": [
            {"data": {"values": ends}, "mark": true, "encoding": {"x": x, "y": y}},
            {
                "data": {"values": values},
                "mark": {"type": "rule", "color": "var(--accent-soft)", "strokeWidth": 4},
                "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": values},
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {"x": x, "y": y, "tooltip": told},
            },
        ]
    }


def capture(bands: Sequence[Band]) -> Spec:
    """Draw the share of errors among the riskiest decisions, with that of a ranking by chance."""
    values: list[dict[str, Any]] = [{"decisions": 0.0, "errors": 0.0, "low": 0.0, "high": 0.0}]
    for band, (low, high) in zip(bands, captured_bounds(bands), strict=True):
        if band.captured is not None:
            found = {"decisions": band.to_share, "errors": band.captured}
            values.append(found | {"low": low, "high": high})
    whole = {"domain": [0, 1]}
    x = _quantity("decisions", "Riskiest share of decisions", digits=0, scale=whole)
    y = _quantity("errors", "Share of all errors", digits=0, scale=whole)
    told = _tooltip(
        ("decisions", "Riskiest", ".0%"),
        *(("errors", "Of errors", ".0%"), ("low", "from", ".0%"), ("high", "to", ".0%")),
    )
    chance = [{"decisions": end, "errors": end} for end in (0, 1)]
    by_chance = {"type": "line", "color": "var(--reference)", "strokeDash": [4, 3]}
    return {
        "layer": [
            {
                "data": {"values": chance},
                "mark": by_chance | {"strokeWidth": 1.5},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": {"values": values},
                "mark": {"type": "area", "opacity": 0.45},
                "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": values},
                "mark": {"type": "line", "point": {"size": 60, "opacity": 1}},
                "encoding": {"x": x, "y": y, "tooltip": told},
            },
        ]
    }


def captured_bounds(bands: Sequence[Band]) -> list[tuple[float, float]]:
    """Return the bounds of the share of errors captured up to each band.

    Errors within the cut and beyond it come from different decisions, so their scatter is taken to
    be independent; the share ``a / (a + b)`` then has, to first order, the standard error
    ``sqrt(b² var(a) + a² var(b)) / (a + b)²`` (the delta method). The bounds are 1.96 of it to
    either side, within 0 to 1.
    """
    errors = [b.estimate.decisions * b.estimate.overturn_rate for b in bands]
    variance = [(b.estimate.decisions * b.estimate.standard_error) ** 2 for b in bands]
    total, bounds = sum(errors), []
    for cut in range(1, len(bands) + 1):
        within, beyond = sum(errors[:cut]), sum(errors[cut:])
        spread = beyond**2 * sum(variance[:cut]) + within**2 * sum(variance[cut:])
        half = 1.96 * math.sqrt(spread) / total**2 if total > 0 else 1.0
        share = within / total if total > 0 else 0.0
        bounds.append((max(share - half, 0.0), min(share + half, 1.0)))
    return bounds


def errors_by_policy(policies: Iterable[PolicyFigures]) -> Spec:
    """Draw each policy's rate of each direction with its interval, most estimated harm first."""
    values = [
        {"policy": row.name, "error": DIRECTION_WORDS[direction]}
        | _figure(e, e.overturn_rate, e.low, e.high)
        for row in policies
        for direction, e in zip(DIRECTIONS, row.directions, strict=True)
    ]
    words = [DIRECTION_WORDS[direction] for direction in DIRECTIONS]
    y = {"field": "policy", "type": "nominal", "sort": None, "title": None}
    row_axis = {"axis": {"labelLimit": 150, "domain": False, "ticks": False, "grid": True}}
    place = {"y": y | row_axis, "yOffset": {"field": "error", "sort": words}}
    x = _quantity("figure", "Of decisions", scale={"zero": True})
    told = _tooltip(("policy", "Policy", None), ("error", "Error", None), *_TOLD_FIGURE)
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.45},
            "encoding": place | {"x": x | {"field": "low"}, "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 55},
            "encoding": place | {"x": x, "tooltip": told},
        },
    ]
    for layer in layers:
        _told_apart(layer, "error", words)
    return {"data": {"values": values}, "layer": layers}


def what_if(
    rows: Sequence[Row], of: str, title: str, *, digits: int, as_percent: bool = False
) -> Spec:
    """Draw one figure of the what-if by capacity, a line a dial; `page.js` moves what is chosen.

    Parameters
    ----------
    rows
        Of the whole.
    of, title
        The figure, as of `monitoring.outlook.Row`, and its name.
    digits, as_percent
        How its axis is written: decimals, and whether as per cent.
    """
    values = [{"capacity": r.capacity, "dial": r.dial, of: getattr(r, of)} for r in rows]
    now = [value for value, row in zip(values, rows, strict=True) if row.is_now]
    x: Spec = {"field": "capacity", "type": "quantitative", "title": "Capacity a day"}
    x |= {"scale": {"zero": False, "nice": False}}
    y: Spec = {"field": of, "type": "quantitative", "title": title, "scale": {"zero": True}}
    y |= {"axis": {"format": f".{digits}%" if as_percent else f",.{digits}f"}}
    dial: Spec = {"field": "dial", "type": "nominal", "sort": None, "title": "Dial"}
    dashes = {"range": [[1, 0], [8, 3], [4, 3], [2, 2], [8, 2, 2, 2]]}
    line = {"x": x, "y": y, "color": dial, "strokeDash": dial | {"scale": dashes}}
    ink: Spec = {"type": "point", "color": "var(--ink)", "opacity": 1}
    return {
        "datasets": {"rows": values, "now": now, "chosen": now},
        "layer": [
            {"data": {"name": "rows"}, "mark": {"type": "line"}, "encoding": line},
            {
                "data": {"name": "now"},
                "mark": ink | {"shape": "diamond", "size": 130},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": {"name": "chosen"},
                "mark": ink | {"filled": False, "size": 260, "strokeWidth": 2.5},
                "encoding": {"x": x, "y": y},
            },
        ],
    }


def trend_in_words(name: str, steps: Sequence[Estimate], *, accuracy: bool) -> str:
    """Return what a trend shows for those who do not see it: its first, last and least sure step.

    Examples
    --------
    >>> day = Estimate("2026-01-05", 0.05, 0.04, 0.07, 0.01, 900, 90, 9, 60.0, 0)
    >>> trend_in_words("Accuracy", [day], accuracy=True)
    'Accuracy, 1 step: 2026-01-05 95.0 % (93.0 to 96.0 %).'
    """
    shown = [e for e in steps if not e.audits_needed]
    if not shown:
        return f"{name}: no step has audits enough."
    ends = shown[:1] if len(shown) == 1 else [shown[0], shown[-1]]
    told = "; ".join(
        f"{e.domain} {percent(e.accuracy)} ({between(e.accuracy_low, e.accuracy_high)})"
        if accuracy
        else f"{e.domain} {percent(e.overturn_rate)} ({between(e.low, e.high)})"
        for e in ends
    )
    return f"{name}, {plural(len(shown), 'step')}: {told}."


def _band(trends: Trends, *, title: str, zero: bool) -> list[Spec]:
    """Return area, rule, line and point of a figure in a band of its intervals."""
    x = _time(trends)
    y = _quantity("figure", title, scale={"zero": zero})
    bounds = {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}}
    told = _tooltip(("label", trends.step.capitalize(), None), *_TOLD_FIGURE)
    return [
        {"mark": {"type": "area", "opacity": 0.22}, "encoding": bounds},
        {
            "mark": {"type": "rule", "color": "var(--accent)", "opacity": 0.4, "strokeWidth": 1.5},
            "encoding": bounds,
        },
        {"mark": {"type": "line"}, "encoding": {"x": x, "y": y}},
        {
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 55},
            "encoding": {"x": x, "y": y, "tooltip": told},
        },
    ]


def _told_apart(layer: Spec, field: str, words: Sequence[str]) -> None:
    """Give a layer a colour for each word, and a shape or a dash where its mark has one."""
    count = len(words)
    by = {"field": field, "type": "nominal", "title": None, "sort": None}
    scale: dict[str, Any] = {"domain": list(words), "range": list(_COLOURS[:count])}
    layer["encoding"] = layer["encoding"] | {"color": by | {"scale": scale}}
    kind = layer["mark"]["type"]
    if kind == "point":
        shapes = {"domain": list(words), "range": list(_SHAPES[:count])}
        layer["encoding"]["shape"] = by | {"scale": shapes}
    if kind == "line":
        dashes = {"domain": list(words), "range": list(_DASHES[:count])}
        layer["encoding"]["strokeDash"] = by | {"scale": dashes}


def _when(step: str, estimate: Estimate) -> dict[str, Any]:
    label = estimate.domain
    if step == "week":
        monday = datetime.strptime(f"{label}-1", "%G-W%V-%u")
        return {"when": monday.date().isoformat(), "label": label}
    return {"when": label, "label": label}


def _figure(estimate: Estimate, figure: float, low: float, high: float) -> dict[str, Any]:
    counts = {"audits": estimate.audits, "decisions": estimate.decisions}
    if estimate.audits_needed:
        return {"figure": None, "low": None, "high": None, **counts}
    return {"figure": figure, "low": low, "high": high, **counts}


def _time(trends: Trends) -> Spec:
    every = math.ceil(len(trends.overturned) / _MOST_TICKS)
    ticks = {"format": "%-d %b", "tickCount": {"interval": trends.step, "step": every}}
    return {
        "field": "when",
        "type": "temporal",
        "timeUnit": "utcyearmonthdate",
        "title": None if trends.step == "day" else "Week of",
        "axis": ticks,
    }


def _quantity(
    field: str, title: str, *, digits: int = 1, scale: Mapping[str, object] | None = None
) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "axis": {"format": f".{digits}%"},
        "scale": dict(scale or {}),
    }


def _tooltip(*fields: tuple[str, str, str | None]) -> list[Spec]:
    return [
        {"field": field, "title": title} | ({"format": form} if form is not None else {})
        for field, title, form in fields
    ]


_TOLD_FIGURE = (
    ("figure", "Estimate", ".1%"),
    ("low", "from", ".1%"),
    ("high", "to", ".1%"),
    ("audits", "Audits", ","),
)


def _band_words(band: Band) -> str:
    if band.from_share == 0:
        return f"riskiest {percent(band.to_share, 0)}"
    return between(band.from_share, band.to_share, 0)
