"""A workspace of Evidently with a snapshot a day and a week, for ``evidently ui``.

A snapshot's id is made of its span, so that the same day again replaces it and nothing doubles. One
that would say the same is not written again. Snapshots hold counts of bins, rates and intervals:
no row, no id, nothing of one person.
"""

from __future__ import annotations

import hashlib
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from monitoring.drift.counted import DayCounts
from monitoring.drift.evidently_metrics import (
    AuditedPerformance,
    DriftDistance,
    OverturnRate,
    drift_metric,
    outcome_metrics,
    performance_metrics,
)
from monitoring.drift.found import ALL, PERIOD, Drift, DriftHistory
from monitoring.drift.outcome import SpanOutcome
from monitoring.drift.reference import PREDICTION, Reference

with warnings.catch_warnings():
    # Evidently reaches for a name that numpy has moved; only its import says so.
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently import Report
    from evidently.sdk.models import (
        DashboardModel,
        DashboardPanelPlot,
        DashboardTabModel,
        PanelMetric,
        ProjectModel,
    )
    from evidently.sdk.panels import line_plot_panel
    from evidently.ui.workspace import Workspace

PROJECT = "Second Look"
_NAMESPACE = uuid.UUID("5ec0ad10-0c1e-5a57-8d1f-7a0b5e11d0c5")
PROJECT_ID = uuid.uuid5(_NAMESPACE, PROJECT)
_MAIN = (
    PREDICTION,
    "automated_score",
    "score_mismatch",
    "log_handle_seconds",
    "policy",
    "language",
)
_SAYS = "says"
"""Name in a snapshot's metadata of the hash of all that it says."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What snapshots are made of.

    Attributes
    ----------
    reference, days
        As they were counted.
    history
        What was found of them.
    outcomes
        By span; empty = not measured.
    more
        Further Evidently metrics by span (of fairness, say); those of ``period`` make a snapshot
        of their own.
    """

    reference: Reference
    days: Sequence[DayCounts]
    history: DriftHistory
    outcomes: Sequence[SpanOutcome] = ()
    more: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def write_snapshots(workspace: Path, measured: Measured) -> list[str]:
    """Write a snapshot of each day and week, and of the period, into a workspace.

    Parameters
    ----------
    workspace
        Folder; made where it is missing. Snapshots of other spans in it are left alone.

    Returns
    -------
    list of str
        Spans written; those whose snapshot says the same already are left out.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    opened = Workspace.create(str(workspace))
    if opened.get_project(PROJECT_ID) is None:
        description = "What is decided now, against what the champion learned from."
        opened.add_project(ProjectModel(id=PROJECT_ID, name=PROJECT, description=description))
        opened.save_dashboard(PROJECT_ID, _dashboard())
    outcomes = {outcome.span: outcome for outcome in measured.outcomes}
    history = measured.history
    shown = {day.span for day in history.days}
    measured = replace(measured, days=[day for day in measured.days if day.day in shown])
    spans = (*history.days, *history.weeks, history.period)
    return [drift.span for drift in spans if _write(opened, measured, drift, outcomes)]


def snapshot_id(span: str) -> uuid.UUID:
    """Return the id of a span's snapshot, always the same.

    Examples
    --------
    >>> snapshot_id("2026-01-31") == snapshot_id("2026-01-31") != snapshot_id("2026-W05")
    True
    """
    return uuid.uuid5(_NAMESPACE, span)


def _write(
    opened: Any, measured: Measured, drift: Drift, outcomes: Mapping[str, SpanOutcome]
) -> bool:
    counts = dict(_counts(measured, drift))
    outcome = outcomes.get(drift.span)
    more = measured.more.get(drift.span, ())
    says = _hash(drift, outcome, counts, more)
    place = snapshot_id(drift.span)
    if _says(opened, place) == says:
        return False
    metrics = [*_drift_metrics(measured.reference, drift, counts), *more]
    if outcome is not None:
        metrics += [*outcome_metrics(outcome.outcomes), *performance_metrics(outcome.performance)]
    if not metrics:
        return False
    nothing = pd.DataFrame({"decisions": [drift.current_rows]})
    snapshot = Report(metrics).run(
        nothing,
        None,
        timestamp=_moment(drift.span, measured.days),
        metadata={_SAYS: says, "decisions": str(drift.current_rows)},
        tags=[_sort(drift.span)],
        name=drift.span,
    )
    opened.state.write_snapshot(PROJECT_ID, place, snapshot.to_snapshot_model())
    return True


def _drift_metrics(
    reference: Reference, drift: Drift, counts: Mapping[str, np.ndarray]
) -> Iterator[DriftDistance]:
    bins = {b.feature: b for b in reference.bins}
    for moved in drift.features:
        name = moved.feature
        yield drift_metric(moved, bins[name], before=reference.counts[ALL][name], now=counts[name])


def _counts(measured: Measured, drift: Drift) -> Iterator[tuple[str, np.ndarray]]:
    days = [day for day in measured.days if drift.span in (day.day, _week(day.day), PERIOD)]
    for moved in drift.features:
        parts = (day.counts[ALL].get(moved.feature) for day in days)
        yield moved.feature, np.sum([part for part in parts if part is not None], axis=0)


def _hash(
    drift: Drift, outcome: SpanOutcome | None, counts: Mapping[str, np.ndarray], more: Sequence[Any]
) -> str:
    said = [msgspec.json.encode(part) for part in (drift, outcome)]
    said += [counts[name].tobytes() for name in sorted(counts)]
    said += [repr((metric, getattr(metric, "figures", None))).encode() for metric in more]
    return hashlib.sha256(b"".join(said)).hexdigest()[:16]


def _says(opened: Any, place: uuid.UUID) -> str | None:
    """Return what the snapshot says already; reads its head alone, as snapshots are large."""
    path = Path(opened.path) / str(PROJECT_ID) / "snapshots" / f"{place}.json"
    if not path.is_file():
        return None
    found: str | None = msgspec.json.decode(path.read_bytes(), type=_Head).metadata.get(_SAYS)
    return found


class _Head(msgspec.Struct):
    metadata: dict[str, str]


def _moment(span: str, days: Sequence[DayCounts]) -> datetime:
    """Return the noon of a day, the end of a week as far as it came, or of the period."""
    last = max(day.day for day in days if span in (day.day, _week(day.day), PERIOD))
    hour = {"day": 12, "week": 22, PERIOD: 23}[_sort(span)]
    return datetime.fromisoformat(last).replace(hour=hour, tzinfo=UTC)


def _sort(span: str) -> str:
    return PERIOD if span == PERIOD else "week" if "-W" in span else "day"


def _week(day: str) -> str:
    return f"{date.fromisoformat(day):%G-W%V}"


def _dashboard() -> DashboardModel:
    """Lines over time: main features, rates and performance, by day and by week."""
    panels, tabs = [], []
    for sort, title in (("day", "By day"), ("week", "By week")):
        own = [
            _panel("Distance from training", sort, DriftDistance, "feature", _MAIN),
            _panel("What audits overturn", sort, OverturnRate, "direction", ("overturned",)),
            _panel("Performance on audits", sort, AuditedPerformance, "figure",
                   ("auroc", "capture_05", "expected_over_found")),
        ]  # fmt: skip
        panels += own
        tabs.append(DashboardTabModel(title=title, panels=[panel.id for panel in own]))
    return DashboardModel(tabs=tabs, panels=panels)


def _panel(
    title: str, sort: str, metric: type[Any], label: str, names: Sequence[str]
) -> DashboardPanelPlot:
    alias = metric(**{label: names[0]}).dict()["type"]
    values = [
        PanelMetric(legend=name, tags=[sort], metric=alias, metric_labels={label: name})
        for name in names
    ]
    return line_plot_panel(title=f"{title}, by {sort}", values=values)
