"""Over- and under-enforcement by group, as dots with intervals that the page's script draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.estimate import Estimate
from monitoring.fairness.found import Comparison, Fairness, Group, Rate
from monitoring.wording import between, count, percent

MOST_DRAWN = 25
"""Groups in a chart; the table holds the others."""
_GROUP_HEIGHT, _ROOM = 34, 70
_KINDS = (("over", "Over-enforcement"), ("under", "Under-enforcement"))


def drawn_groups(comparison: Comparison) -> tuple[Group, ...]:
    """Return the groups that a chart shows: those with enough audits, most decisions first."""
    return tuple(group for group in comparison.groups if group.enough)[:MOST_DRAWN]


def chart_height(comparison: Comparison) -> int:
    """Return the height of the chart, in CSS pixels."""
    return _ROOM + _GROUP_HEIGHT * len(drawn_groups(comparison))


def directions_chart(comparison: Comparison, found: Fairness) -> dict[str, Any]:
    """Return a Vega-Lite specification of both directions of error by group.

    A dot for over-enforcement, a square for under-enforcement, each with its 95 % interval; the
    dashed lines say where the programme stands.
    """
    groups = drawn_groups(comparison)
    values = [
        _value(group, words, rate)
        for group in groups
        for kind, words in _KINDS
        if (rate := getattr(group, kind)).enough
    ]
    order = [group.name for group in groups]
    return {
        "layer": [
            _reference([found.over, found.under]),
            {
                "data": {"values": values},
                "mark": {"type": "rule", "strokeWidth": 4, "strokeCap": "round", "opacity": 0.45},
                "encoding": _place(order)
                | {"x": _rate_axis("low"), "x2": {"field": "high"}, "color": _colour()},
            },
            {
                "data": {"values": values},
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": _place(order)
                | {
                    "x": _rate_axis("rate"),
                    "color": _colour(),
                    "shape": {
                        "field": "kind",
                        "type": "nominal",
                        "title": None,
                        "scale": {"domain": _words(), "range": ["circle", "square"]},
                    },
                    "tooltip": [
                        {"field": "group", "title": comparison.title},
                        {"field": "kind", "title": "Kind"},
                        {"field": "said", "title": "Of decisions"},
                        {"field": "interval", "title": "95 % interval"},
                        {"field": "n", "title": "n"},
                    ],
                },
            },
        ]
    }


def chart_words(comparison: Comparison) -> str:
    """Return what the chart shows, for those who do not see it."""
    rows = "; ".join(
        f"{group.name}: over {_in_words(group.over)}, under {_in_words(group.under)}"
        for group in drawn_groups(comparison)
    )
    return f"Over- and under-enforcement by {comparison.title.lower()}. {rows}"


def _in_words(rate: Rate) -> str:
    return percent(rate.estimate.overturn_rate) if rate.enough else "not known"


def _value(group: Group, words: str, rate: Rate) -> dict[str, object]:
    estimate = rate.estimate
    return {
        "group": group.name,
        "kind": words,
        "rate": estimate.overturn_rate,
        "low": estimate.low,
        "high": estimate.high,
        "said": percent(estimate.overturn_rate),
        "interval": between(estimate.low, estimate.high),
        "n": f"{count(estimate.decisions)} decisions, {count(estimate.audits)} audits",
    }


def _reference(programme: Sequence[Estimate]) -> dict[str, Any]:
    values = [
        {"kind": words, "rate": estimate.overturn_rate}
        for (_, words), estimate in zip(_KINDS, programme, strict=True)
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "rule", "strokeDash": [4, 3], "strokeWidth": 1.5},
        "encoding": {"x": _rate_axis("rate"), "color": _colour()},
    }


def _place(order: Sequence[str]) -> dict[str, Any]:
    return {
        "y": {"field": "group", "type": "nominal", "title": None, "sort": list(order)}
        | {"axis": {"labelPadding": 10}},
        "yOffset": {"field": "kind", "type": "nominal", "sort": _words()},
    }


def _rate_axis(field: str) -> dict[str, Any]:
    axis = {"format": "~%", "tickCount": 5, "grid": True, "labelFlush": True}
    return {"field": field, "type": "quantitative", "title": "Share of decisions", "axis": axis}


def _colour() -> dict[str, Any]:
    scale = {"domain": _words(), "range": ["var(--accent)", "var(--warn)"]}
    return {"field": "kind", "type": "nominal", "title": None, "scale": scale}


def _words() -> list[str]:
    return [words for _, words in _KINDS]
