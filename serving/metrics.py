"""What a team would alert on, for Prometheus; routes are labelled by their pattern.

What was done is counted in files that the workers of one service share and that outlive them: a
counter never falls while the service runs. How things stand is told by the workers that live
(`serving.worker_state`), so that nothing of a dead one, or of an earlier model, is left.

BentoML's own request metrics are switched off: they label each request with its whole path, so that
every decision id asked for would become a series of its own, and be readable by whoever scrapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    generate_latest,
)
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from serving.alarm_metrics import AlarmMetrics
from serving.payload import Mode, RejectedRow
from serving.worker_state import WorkerState, living, state_families

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
_ROWS, _AMOUNT = "_rows", "_amount"


class ServiceMetrics:
    """The metrics of one service.

    Parameters
    ----------
    folder
        Where the workers of one service share their metrics; null for a single process.
    alarms
        Record of the alarms that stand; null = they are not told.

    Examples
    --------
    >>> metrics = ServiceMetrics()
    >>> metrics.count_rows("/v1/rank", "ranked", 5)
    >>> 'secondlook_rows_total{result="ranked",route="/v1/rank"} 5.0' in metrics.text().decode()
    True
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, folder: Path | None = None, *, alarms: Path | None = None) -> None:
        self.folder = folder
        self._alarms = alarms
        self._registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests answered", "route", "status")
        self._seconds = Histogram(
            "secondlook_request_duration_seconds",
            "Time from the request to its answer",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._rows = self._counter("rows", "Rows by what became of them", "route", "result")
        self._rejected = self._counter(
            "rejected_rows", "Rows that were not taken, by why", "route", "fault"
        )
        self._selected = self._counter(
            "selected_audits", "Decisions selected for audit for the first time", "mode"
        )
        self._minutes = self._counter(
            "selected_audit_minutes", "Minutes of audit work selected, as the plan reckons", "mode"
        )
        self._asked = self._counter(
            "batch_capacity", "Capacity that closed batches asked for, in the plan's unit", "unit"
        )
        self._shadowed = self._counter(
            "shadow_rows", "Rows shown to a challenger, by what became of them", "result"
        )
        self._store_errors = self._counter("store_errors", "Requests that the store failed")
        self._risk = _Distribution("secondlook_overturn_probability", self._registry)
        self._inclusion = _Distribution("secondlook_inclusion_probability", self._registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"secondlook_{name}", meaning, labels, registry=self._registry)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_rows(self, route: str, result: str, rows: int) -> None:
        """Count rows that were ``ranked``, ``selected``, ``accepted``, ``unchanged``, ..."""
        self._rows.labels(route, result).inc(rows)

    def count_rejected(self, route: str, rejected: Iterable[RejectedRow]) -> None:
        """Count each row once that was not taken, however much of it is wrong.

        A field that is wrong in every row stands for no row and is not counted.
        """
        faults = {row.index: row.fault for row in rejected if row.index is not None}
        self.count_rows(route, "rejected", len(faults))
        for fault in faults.values():
            self._rejected.labels(route, fault).inc()

    def count_selected(self, mode: Mode, audits: int, minutes: float | None = None) -> None:
        """Count what was newly selected; minutes only where the plan spends them."""
        self._selected.labels(mode).inc(audits)
        if minutes is not None:
            self._minutes.labels(mode).inc(minutes)

    def count_capacity(self, unit: str, capacity: float) -> None:
        """Count what a closed batch may spend, in ``audits`` or ``minutes``."""
        self._asked.labels(unit).inc(capacity)

    def count_shadowed(self, result: str, rows: int) -> None:
        """Count rows that a challenger ``scored``, or that were ``dropped`` or ``failed``."""
        self._shadowed.labels(result).inc(rows)

    def count_store_error(self) -> None:
        """Count a request that failed because of the store."""
        self._store_errors.inc()

    def observe_draws(self, overturn: Sequence[float], inclusion: Sequence[float]) -> None:
        """Count ranked decisions by their risk and their chance of audit, each 0 to 1."""
        self._risk.observe(overturn)
        self._inclusion.observe(inclusion)

    def text(self, own: WorkerState | None = None) -> bytes:
        """Return all metrics as Prometheus reads them; `own` is how this worker stands."""
        counted: Collector = self._registry
        if self.folder is not None:
            counted = MultiProcessCollector(None, path=str(self.folder))  # type: ignore[no-untyped-call]
        shared = CollectorRegistry()
        shared.register(_Together(counted, living(self.folder, own)))
        if self._alarms is not None:
            shared.register(AlarmMetrics(self._alarms))
        return generate_latest(shared)


class _Distribution:
    """A histogram that takes many values at once; one `observe` a row would cost more than ranking.

    It is kept as two counters, of rows by bucket and of the sum, and told as a histogram.
    """

    def __init__(self, name: str, registry: CollectorRegistry) -> None:
        self._bounds = np.array(_SHARES)
        self._rows = Counter(name + _ROWS, "Rows by bucket", ["le"], registry=registry)
        self._amount = Counter(name + _AMOUNT, "Sum of the values", registry=registry)
        self._by_bucket = [self._rows.labels(str(bound)) for bound in (*_SHARES, "+Inf")]

    def observe(self, values: Sequence[float]) -> None:
        found = np.asarray(values, dtype=np.float64)
        buckets = np.searchsorted(self._bounds, found, side="left")
        for bucket, rows in enumerate(np.bincount(buckets)):
            if rows:
                self._by_bucket[bucket].inc(float(rows))
        self._amount.inc(float(found.sum()))


class _Together(Collector):
    """What was counted, and how the workers stand, as one."""

    def __init__(self, counted: Collector, states: Sequence[WorkerState]) -> None:
        self._counted = counted
        self._states = states

    def collect(self) -> Iterator[Metric]:
        parts: dict[str, Metric] = {}
        for family in self._counted.collect():
            if family.name.endswith((_ROWS, _AMOUNT)) and family.name in _PARTS:
                parts[family.name] = family
            else:
                family.samples = [s for s in family.samples if not s.name.endswith("_created")]
                yield family
        for name, meaning in _DISTRIBUTIONS.items():
            if name + _ROWS in parts:
                yield _histogram(name, meaning, parts)
        yield from state_families(self._states)


_DISTRIBUTIONS = {
    "secondlook_overturn_probability": "Risk of ranked decisions",
    "secondlook_inclusion_probability": "Chance of audit of ranked decisions",
}
_PARTS = {name + part for name in _DISTRIBUTIONS for part in (_ROWS, _AMOUNT)}


def _histogram(name: str, meaning: str, parts: dict[str, Metric]) -> Metric:
    counted = [s for s in parts[name + _ROWS].samples if s.name.endswith("_total")]
    rows = {sample.labels["le"]: sample.value for sample in counted}
    so_far, buckets = 0.0, []
    for bound in (*map(str, _SHARES), "+Inf"):
        so_far += rows.get(bound, 0.0)
        buckets.append((bound, so_far))
    amount = sum(s.value for s in parts[name + _AMOUNT].samples if s.name.endswith("_total"))
    return HistogramMetricFamily(name, meaning, buckets, sum_value=amount)
