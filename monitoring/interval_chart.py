"""A chart of named figures with their intervals, one a row, set against a dashed reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ROW_HEIGHT, _ROOM = 34, 64
_LABEL_LIMIT = 200


def interval_height(rows: int) -> int:
    """Return the height of such a chart, in CSS pixels."""
    return _ROOM + _ROW_HEIGHT * rows


def interval_chart(
    values: Sequence[Mapping[str, object]],
    *,
    reference: float,
    title: str,
    form: str = "~%",
    tooltip: Mapping[str, str],
    faint: str | None = None,
) -> dict[str, Any]:
    """Return a Vega-Lite specification.

    Parameters
    ----------
    values
        Rows in order: ``name``, ``figure``, ``low``, ``high``, and what the tooltip and `faint`
        read.
    reference
        Where the dashed line stands.
    title, form
        Of the axis, and its number format.
    tooltip
        Fields with their titles.
    faint
        Expression of Vega over ``datum`` that is true of rows without emphasis; null = none.

    Examples
    --------
    >>> spec = interval_chart([{"name": "spam", "figure": 0.1, "low": 0.05, "high": 0.2}],
    ...     reference=0.08, title="Wrong", tooltip={"name": "Policy"})
    >>> [layer["mark"]["type"] for layer in spec["layer"]]
    ['rule', 'rule', 'point']
    """
    rows, colour = list(values), _colour(faint)
    dashed = {"type": "rule", "strokeDash": [4, 3], "color": "var(--reference)"}
    wide = {"type": "rule", "strokeWidth": 5, "strokeCap": "round", "opacity": 0.45}
    dot = {"type": "point", "filled": True, "size": 80, "opacity": 1}
    place = {
        "field": "name",
        "type": "nominal",
        "title": None,
        "sort": [row["name"] for row in rows],
        "axis": {"labelLimit": _LABEL_LIMIT, "labelPadding": 8},
    }

    def across(field: str) -> dict[str, Any]:
        axis = {"format": form, "tickCount": 5, "grid": True, "labelFlush": True}
        return {"field": field, "type": "quantitative", "title": title, "axis": axis}

    whisker = {"y": place, "x": across("low"), "x2": {"field": "high"}, "color": colour}
    shown = [{"field": field, "title": words} for field, words in tooltip.items()]
    point = {"y": place, "x": across("figure"), "color": colour, "tooltip": shown}
    return {
        "layer": [
            _layer([{"figure": reference}], dashed, {"x": across("figure")}),
            _layer(rows, wide, whisker),
            _layer(rows, dot, point),
        ]
    }


def _layer(
    values: Sequence[Mapping[str, object]], mark: dict[str, Any], encoding: dict[str, Any]
) -> dict[str, Any]:
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def _colour(faint: str | None) -> dict[str, Any]:
    plain: dict[str, Any] = {"value": "var(--accent)"}
    if faint is None:
        return plain
    return {"condition": {"test": faint, "value": "var(--soft)"}, **plain}
