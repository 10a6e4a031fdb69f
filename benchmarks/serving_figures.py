"""Figures of the serving benchmark: what repeats of each call came to, told side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SIDE_BY_SIDE = (
    ("secondlook", "in_process"),
    ("secondlook", "noop"),
    ("secondlook", "mlflow"),
    ("secondlook", "mlserver"),
    ("secondlook", "fastapi"),
    ("secondlook_compiled", "in_process"),
    ("secondlook_compiled", "mlserver"),
    ("secondlook_demo", "in_process_demo"),
    ("secondlook_text", "in_process_text"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One repeat of a system.

    Attributes
    ----------
    rows_per_s
        Over all callers.
    latency_ms
        Of each call.
    cpu_ms
        Processor time of the server for 1,000 rows, in milliseconds.
    callers_share
        Processor seconds of the callers, by second of the run: at 1 a core was theirs alone, and
        it is they who were measured.
    """

    rows_per_s: float
    latency_ms: Sequence[float]
    cpu_ms: float
    callers_share: float


@dataclass(slots=True)
class Findings:
    """All repeats, by system and rows a call, in the order in which they ran."""

    runs: dict[tuple[str, int], list[Run]] = field(default_factory=dict)

    def add(self, system: str, rows: int, run: Run) -> None:
        """Keep a repeat."""
        self.runs.setdefault((system, rows), []).append(run)

    def document(self) -> dict[str, Any]:
        """Return the figures; each is the median of its repeats, ``spread`` is their range."""
        return {
            "rows_per_s": self._each(lambda runs: _median(run.rows_per_s for run in runs)),
            "latency_ms": self._each(latencies),
            "cpu_ms_per_1000_rows": self._each(lambda runs: _median(run.cpu_ms for run in runs)),
            "spread": self._each(lambda runs: _range([run.rows_per_s for run in runs])),
            "callers_share": self._each(lambda runs: _median(run.callers_share for run in runs)),
            "ratios": self.ratios(),
        }

    def ratios(self) -> dict[str, Any]:
        """Return systems over each other, of repeats that ran one after the other."""
        return {
            f"{ours}/{theirs}": {
                str(rows): _compared(own, self.runs[theirs, rows])
                for (name, rows), own in self.runs.items()
                if name == ours and (theirs, rows) in self.runs
            }
            for ours, theirs in SIDE_BY_SIDE
            if any(name == ours for name, _ in self.runs)
            and any(name == theirs for name, _ in self.runs)
        }

    def _each(self, told: Callable[[Sequence[Run]], object]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for (system, rows), runs in self.runs.items():
            found.setdefault(system, {})[str(rows)] = told(runs)
        return found


def latencies(runs: Sequence[Run]) -> dict[str, float]:
    """Return median and 99th percentile of the calls of all repeats.

    Examples
    --------
    >>> latencies([Run(1.0, [1.0, 3.0], 0.0, 0.0), Run(1.0, [2.0], 0.0, 0.0)])["p50"]
    2.0
    """
    every = np.concatenate([run.latency_ms for run in runs])
    return {"p50": float(np.median(every)), "p99": float(np.percentile(every, 99))}


def _compared(ours: Sequence[Run], theirs: Sequence[Run]) -> dict[str, float | None]:
    pairs = list(zip(ours, theirs, strict=True))
    rate = [a.rows_per_s / b.rows_per_s for a, b in pairs]
    p50 = [float(np.median(a.latency_ms) / np.median(b.latency_ms)) for a, b in pairs]
    low, high = _range(rate)
    return {
        "rows_per_s": _median(rate),
        "rows_per_s_low": low,
        "rows_per_s_high": high,
        "p50": _median(p50),
        "cpu": _cpu_ratio(ours, theirs),
    }


def _cpu_ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> float | None:
    """Return the ratio over all repeats; null where the clock, of 10 ms, saw nothing of theirs."""
    total = sum(run.cpu_ms for run in theirs)
    return sum(run.cpu_ms for run in ours) / total if total else None


def _median(values: Iterable[float]) -> float:
    return float(np.median(list(values)))


def _range(values: Sequence[float]) -> tuple[float, float]:
    return float(min(values)), float(max(values))
