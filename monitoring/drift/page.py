"""The page of drift: what moved, since when, how far against chance, and what audits say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.frame import FEATURES
from monitoring.drift import tables
from monitoring.drift.found import LEAST_DISTANCE, PERIOD, Drift, DriftHistory, FeatureDrift
from monitoring.drift.outcome import OVERTURNED, SpanOutcome
from monitoring.pages import Book
from monitoring.wording import short_day, words

DRIFT_PAGE = "drift.html"
MOST_DAYS_DRAWN = 92
"""Days on the chart; a longer period is drawn by week."""
_ROW_HEIGHT = 19
_MARGIN = 70
_MEANINGS = {feature.name: feature.meaning for feature in FEATURES}


@dataclass(frozen=True, slots=True)
class DriftPage:
    """What the page tells.

    Attributes
    ----------
    history
        Null = not measured.
    outcomes
        Of `monitoring.drift.outcome.measure_outcomes`; may be empty.
    evidently
        File of Evidently's own page beside it; null = there is none.
    workspace
        Folder that ``evidently ui`` opens, as the reader would type it; null = there is none.
    """

    history: DriftHistory | None
    outcomes: Sequence[SpanOutcome] = ()
    evidently: str | None = None
    workspace: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A row of what drifted at some time.

    Attributes
    ----------
    drift
        As it stands, or as it was farthest over its limit.
    span
        The span that this is of.
    since
        First drifted day.
    stands
        Whether it drifts now.
    days, weeks
        In how many of them it drifted.
    """

    drift: FeatureDrift
    span: str
    since: str
    stands: bool
    days: int
    weeks: int


def write_drift(book: Book, found: DriftPage) -> Path:
    """Write the page, and its tables beside it, and return its path."""
    history = found.history
    if history is None:
        return book.write(DRIFT_PAGE, history=None, meaning=meaning)
    tables.write_drift_tables(history, found.outcomes, book.folder)
    steps = _steps(history)
    spec = heatmap(steps)
    rows = [row for row in found.outcomes if "-W" in row.span and row.performance is not None]
    return book.write(
        DRIFT_PAGE,
        history=history,
        moved=moved_of(history),
        spec=spec,
        spec_height=_MARGIN + _ROW_HEIGHT * len(_names(steps)),
        step="week" if steps and "-W" in steps[0].span else "day",
        outcomes=[o for span in found.outcomes if span.span == PERIOD for o in span.outcomes],
        period_performance=[o for o in found.outcomes if o.span == PERIOD and o.performance],
        performance=rows,
        overturned=OVERTURNED,
        policies=[(drift, _weeks_of(history, drift.scope)) for drift in history.policies],
        least=LEAST_DISTANCE,
        longest=max([1.5, *(f.over_limit for f in history.period.watched)]),
        evidently=found.evidently,
        workspace=found.workspace,
        files=tables,
        meaning=meaning,
        short_day=short_day,
    )


def meaning(feature: str) -> str:
    """Return what a feature is, in words.

    Examples
    --------
    >>> meaning("log_views"), meaning("x_surface")
    ('Views', 'Surface')
    """
    if feature == "overturn_probability":
        return "Risk that the model gives"
    found = _MEANINGS.get(feature)
    return found[:1].upper() + found[1:] if found else words(feature.removeprefix("x_"))


def moved_of(history: DriftHistory) -> list[Moved]:
    """Return the features that drifted at some time, those that stand first, then the latest."""
    standing = {feature.feature for feature in history.standing}
    rows = []
    for name, since in history.since.items():
        spans = [*history.days, *history.weeks, history.period]
        spans += [history.lately] if history.lately else []
        found = [(f, s.span) for s in spans for f in s.features if f.drifted and f.feature == name]
        farthest, span = max(found, key=lambda pair: pair[0].over_limit)
        days, weeks = (
            sum(name in span.drifted for span in spans) for spans in (history.days, history.weeks)
        )
        rows.append(Moved(farthest, span, since, name in standing, days, weeks))
    return sorted(rows, key=lambda row: (not row.stands, -row.drift.over_limit))


def heatmap(steps: Sequence[Drift]) -> dict[str, Any] | None:
    """Draw features by day: how near each came to its limit, with a dot where it drifted.

    Returns
    -------
    dict or None
        Of Vega-Lite; null where there is nothing to draw.
    """
    values = [
        {"span": step.span, "label": _label(step.span), "feature": meaning(f.feature),
         "over": round(f.over_limit, 2), "where": f.where, "n": step.current_rows,
         "drifted": f.drifted}
        for step in steps for f in step.watched
    ]  # fmt: skip
    if not values:
        return None
    x = {"field": "span", "type": "ordinal", "title": None, "axis": _axis(steps)}
    y = {"field": "feature", "type": "nominal", "title": None, "sort": _names(steps),
         "axis": {"labelLimit": 160, "labelOverlap": False}}  # fmt: skip
    told = [{"field": name, "title": title} for name, title in (
        ("feature", "Input"), ("span", "When"), ("over", "Distance over limit"),
        ("where", "How"), ("n", "Decisions"))]  # fmt: skip
    shade = {"field": "over", "type": "quantitative", "legend": None,
             "scale": {"domain": [0.3, 1], "range": [0.0, 1], "clamp": True}}  # fmt: skip
    cell = {"type": "rect", "stroke": "var(--sheet)", "strokeWidth": 0.5}
    gone = [{"filter": "datum.drifted"}]
    return {
        "data": {"values": values},
        "encoding": {"x": x, "y": y, "tooltip": told},
        "layer": [
            {"mark": {**cell, "color": "var(--track)"}},
            {"mark": {**cell, "color": "var(--accent-soft)"}, "encoding": {"opacity": shade}},
            {"mark": {**cell, "color": "var(--warn)"}, "transform": gone},
            {"mark": {"type": "point", "filled": True, "size": 14, "color": "var(--sheet)",
                      "opacity": 1}, "transform": gone},
        ],
    }  # fmt: skip


def _steps(history: DriftHistory) -> tuple[Drift, ...]:
    steps = history.days if len(history.days) <= MOST_DAYS_DRAWN else history.weeks
    return tuple(step for step in steps if step.features)


def _names(steps: Sequence[Drift]) -> list[str]:
    """Name the watched features, that which came nearest to its limit first."""
    farthest: dict[str, float] = {}
    for step in steps:
        for f in step.watched:
            farthest[f.feature] = max(farthest.get(f.feature, 0.0), f.over_limit)
    return [meaning(name) for name in sorted(farthest, key=lambda name: -farthest[name])]


def _axis(steps: Sequence[Drift]) -> dict[str, Any]:
    every = max(1, len(steps) // 8)
    shown = [step.span for step in steps[::every]]
    return {"values": shown, "labelAngle": 0, "labelFlush": False, "labelExpr": _label_expression(
        shown)}  # fmt: skip


def _label_expression(spans: Sequence[str]) -> str:
    parts = "".join(f"datum.value === '{span}' ? '{_label(span)}' : " for span in spans)
    return f"{parts}datum.value"


def _label(span: str) -> str:
    return span[5:] if "-W" in span else short_day(span)


def _weeks_of(history: DriftHistory, policy: str) -> int:
    return sum(bool(week.drifted) for week in history.policy_weeks if week.scope == policy)
