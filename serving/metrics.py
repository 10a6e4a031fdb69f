"""What a team would alert on, for Prometheus; routes are labelled by their pattern.

BentoML's own request metrics are switched off: they label each request with its whole path, so that
every decision id asked for would become a series of its own, and be readable by whoever scrapes.
"""

from __future__ import annotations

from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)


class ServiceMetrics:
    """The metrics of one service process.

    Parameters
    ----------
    folder
        Where the workers of one service share their metrics; null for a single process.

    Examples
    --------
    >>> metrics = ServiceMetrics()
    >>> metrics.count_rows("/v1/rank", "ranked", 5)
    >>> 'secondlook_rows_total{result="ranked",route="/v1/rank"} 5.0' in metrics.text().decode()
    True
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "secondlook_requests", "Requests answered", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "secondlook_request_seconds",
            "Time from the request to its answer",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._rows = Counter(
            "secondlook_rows",
            "Rows by what became of them",
            ["route", "result"],
            registry=self._registry,
        )
        self._risk = self._share("secondlook_overturn_probability", "Risk of ranked decisions")
        self._inclusion = self._share(
            "secondlook_inclusion_probability", "Chance of audit of ranked decisions"
        )
        self._ready = Gauge(
            "secondlook_ready",
            "1 while rankings can be answered and stored",
            multiprocess_mode="livemin",
            registry=self._registry,
        )
        self._refused = Gauge(
            "secondlook_update_refused",
            "1 while a published model or plan is refused and an older one answers",
            multiprocess_mode="livemax",
            registry=self._registry,
        )

    def _share(self, name: str, meaning: str) -> Histogram:
        return Histogram(name, meaning, buckets=_SHARES, registry=self._registry)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_rows(self, route: str, result: str, rows: int) -> None:
        """Count rows that were ``ranked``, ``selected``, ``accepted``, ``unchanged``, ..."""
        self._rows.labels(route, result).inc(rows)

    def observe_draw(self, overturn_probability: float, inclusion_probability: float) -> None:
        """Count a ranked decision by its risk and its chance of audit."""
        self._risk.observe(overturn_probability)
        self._inclusion.observe(inclusion_probability)

    def tell_standing(self, *, ready: bool, refused: bool) -> None:
        """Say whether the service is ready, and whether it refused what was published."""
        self._ready.set(ready)
        self._refused.set(refused)

    def text(self) -> bytes:
        """Return all metrics as Prometheus reads them."""
        if self._folder is None:
            return generate_latest(self._registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(shared)
