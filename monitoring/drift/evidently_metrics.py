"""Drift, outcome and performance as Evidently metrics, so that they stand in its workspace.

Evidently's own tests of drift see a set size of change, or a p-value; these metrics carry the
distances and limits of `monitoring.drift.measure` and the rates of `monitoring.drift.outcome`. They
do not compute from rows, and a snapshot of them holds none: counts of bins, rates and intervals.

The results are of Evidently's own kinds, so its interface reads a snapshot without this module.
Importing it imports Evidently, which takes seconds.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.arrays import Positions
from monitoring.drift.found import FeatureDrift
from monitoring.drift.outcome import Outcome, Performance
from monitoring.drift.reference import FeatureBins
from monitoring.wording import between, percent, plural, words

with warnings.catch_warnings():
    # Evidently reaches for a name that numpy has moved; only its import says so.
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently._pydantic_compat import PrivateAttr
    from evidently.core.metric_types import SingleValueCalculation, SingleValueMetric
    from evidently.legacy.renderers.html_widgets import (
        CounterData,
        WidgetSize,
        counter,
        plotly_data,
        table_data,
    )
    from evidently.tests import lt

_THEN, _NOW = "#8a8f98", "#1f6feb"
_FIGURES = (
    ("auroc", "AUROC: an error has a higher risk than a right decision"),
    ("log_loss", "Log loss of the risk"),
    ("brier", "Brier score of the risk"),
    ("expected_over_found", "Overturns expected over those found"),
    ("capture_05", "Share of errors among the riskiest 5 %"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure that is known, with the way it is shown.

    Attributes
    ----------
    value
        The figure.
    title
        Over it.
    widgets
        Evidently's, in order.
    """

    value: float
    title: str
    widgets: tuple[Any, ...]


class _Known(SingleValueMetric):  # type: ignore[misc]
    """A metric whose figure is measured elsewhere."""

    _shown: Any = PrivateAttr(default=None)

    def showing(self, shown: Shown) -> Any:
        """Return the metric with its figure."""
        self._shown = shown
        return self

    @property
    def shown(self) -> Shown:
        """The figure that it puts into a report."""
        shown: Shown = self._shown
        return shown


class DriftDistance(_Known):
    """How far a feature moved; its test fails where that is beyond its limit."""

    feature: str


class OverturnRate(_Known):
    """Share of decisions that an audit would overturn, or of one direction."""

    direction: str


class AuditedPerformance(_Known):
    """A figure of the risk on finished audits, weighted by one over their chance."""

    figure: str


def _put(calculation: Any) -> Any:
    shown: Shown = calculation.metric.shown
    result = calculation.result(shown.value)
    result.widget = list(shown.widgets)
    return result


class DriftDistanceCalculation(SingleValueCalculation[DriftDistance]):  # type: ignore[misc]
    """Puts the distance into a report."""

    def calculate(self, context: object, current_data: object, reference_data: object) -> Any:
        """Return the distance; the data of the report is not read."""
        return _put(self)

    def display_name(self) -> str:
        """Return the title."""
        return str(self.metric.shown.title)


class OverturnRateCalculation(SingleValueCalculation[OverturnRate]):  # type: ignore[misc]
    """Puts the rate into a report."""

    def calculate(self, context: object, current_data: object, reference_data: object) -> Any:
        """Return the rate; the data of the report is not read."""
        return _put(self)

    def display_name(self) -> str:
        """Return the title."""
        return str(self.metric.shown.title)


class AuditedPerformanceCalculation(
    SingleValueCalculation[AuditedPerformance]  # type: ignore[misc]
):
    """Puts the figure into a report."""

    def calculate(self, context: object, current_data: object, reference_data: object) -> Any:
        """Return the figure; the data of the report is not read."""
        return _put(self)

    def display_name(self) -> str:
        """Return the title."""
        return str(self.metric.shown.title)


def drift_metric(
    moved: FeatureDrift, bins: FeatureBins, *, before: Positions, now: Positions
) -> DriftDistance:
    """Return the metric of a feature, with both distributions by the bins of the profile.

    Parameters
    ----------
    before, now
        Decisions, one a bin.
    """
    title = f"{words(moved.feature)}: {moved.where}"
    counters = [
        CounterData("distance", f"{moved.distance:.3f}"),
        CounterData("by chance", f"{moved.by_chance:.3f}"),
        CounterData("limit", f"{moved.limit:.3f}"),
    ]
    bars = [
        {"type": "bar", "name": name, "x": list(bins.labels), "y": _shares(side),
         "marker": {"color": color}}
        for name, side, color in (("training", before, _THEN), ("now", now, _NOW))
    ]  # fmt: skip
    layout = {"barmode": "group",  "yaxis": {"tickformat": ".0%"},
              "margin": {"t": 10}}  # fmt: skip
    widgets = (
        counter(counters=counters, title=title, size=WidgetSize.HALF),
        plotly_data(title="", data=bars, layout=layout, size=WidgetSize.HALF),
    )
    tests = None if moved.grows else [lt(moved.limit, alias=words(moved.feature))]
    metric = DriftDistance(feature=moved.feature, tests=tests or [])
    return metric.showing(Shown(moved.distance, title, widgets))  # type: ignore[no-any-return]


def outcome_metrics(outcomes: Sequence[Outcome]) -> list[OverturnRate]:
    """Return the metrics of a span's rates, those with too few audits left out."""
    return [_outcome_metric(outcome) for outcome in outcomes if not outcome.estimate.audits_needed]


def _outcome_metric(outcome: Outcome) -> OverturnRate:
    found = outcome.estimate
    title = f"{words(outcome.kind)}, from {plural(found.audits, 'audit')}"
    row = (
        percent(found.overturn_rate, 2),
        between(found.low, found.high, 2),
        percent(outcome.expected, 2),
        "not known" if outcome.trained is None else percent(outcome.trained, 2),
        plural(found.decisions, "decision"),
    )
    header = ("Audits say", "95 % interval", "Model expects", "In training", "Of")
    table = table_data(title=title, column_names=header, data=[row])
    metric = OverturnRate(direction=outcome.kind)
    return metric.showing(  # type: ignore[no-any-return]
        Shown(found.overturn_rate, title, (table,))
    )


def performance_metrics(performance: Performance | None) -> list[AuditedPerformance]:
    """Return the metrics of a span's risk; none where there are too few audits."""
    if performance is None:
        return []
    n = plural(performance.audits, "audit")
    found = []
    for figure, meaning in _FIGURES:
        value = float(getattr(performance, figure))
        title = f"{meaning} ({n}, weighted by 1/π)"
        widget = counter(counters=[CounterData("", f"{value:.3f}")], title=title,
                         size=WidgetSize.HALF)  # fmt: skip
        metric = AuditedPerformance(figure=figure)
        found.append(metric.showing(Shown(value, title, (widget,))))
    return found


def _shares(counts: Positions) -> list[float]:
    return [round(float(share), 5) for share in counts / max(counts.sum(), 1)]
