"""How the workers of one service stand: each writes it down, whoever is scraped tells it of all.

A worker that lives but has written nothing for `SILENT_S` counts as not ready; what a dead one
wrote is left out.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from prometheus_client import Metric, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

SILENT_S = 30.0
_PREFIX = "worker-"
_OF_PROCESSES = {
    "secondlook_process_resident_memory_bytes": "Memory of a worker, resident",
    "secondlook_process_cpu_seconds": "Processor time of a worker",
    "secondlook_process_start_time_seconds": "When a worker started, since 1970",
    "secondlook_process_open_fds": "Files and sockets that a worker holds open",
    "secondlook_process_max_fds": "Most that it may hold open",
}


class Served(msgspec.Struct, frozen=True):
    """What a worker answers with.

    ``unit`` is what the plan counts, ``audits`` or ``minutes``; ``capacity_per_day`` is in it, null
    where the settings give none; ``budget_per_decision`` is what the plan was fitted for.
    """

    model_version: str
    bundle_version: str
    plan_version: str
    unit: str
    budget_per_decision: float
    capacity_per_day: float | None = None


class WorkerState(msgspec.Struct, frozen=True):
    """How one worker stands.

    ``told_at_s`` is on the machine's monotonic clock, which the workers share. ``records_lag_s``
    is for how long at most the track records in memory may lack an outcome that the store holds.
    """

    pid: int
    told_at_s: float
    ready: bool
    update_refused: bool
    calls_in_work: int
    calls_waiting: int
    call_places: int
    records_lag_s: float | None = None
    served: Served | None = None


def write_state(folder: Path, state: WorkerState) -> None:
    """Write down how a worker stands, so that a reader never sees half of it.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    place = folder / f"{_PREFIX}{state.pid}.json"
    beside = place.with_suffix(".part")
    beside.write_bytes(msgspec.json.encode(state))
    beside.replace(place)


def living(folder: Path | None, own: WorkerState | None) -> list[WorkerState]:
    """Return the states of the workers that live, this one's as given; files of dead ones go."""
    states = {} if own is None else {own.pid: own}
    for place in sorted(folder.glob(f"{_PREFIX}*.json")) if folder else ():
        try:
            state = msgspec.json.decode(place.read_bytes(), type=WorkerState)
        except (OSError, msgspec.DecodeError):
            continue  # another process cleans up, or a newer version wrote it
        if _lives(state.pid):
            states.setdefault(state.pid, state)
        else:
            with contextlib.suppress(OSError):
                place.unlink()
    return list(states.values())


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def state_families(states: Sequence[WorkerState]) -> Iterator[Metric]:
    """Yield the metrics of how the workers stand.

    Examples
    --------
    >>> import time
    >>> state = WorkerState(1, time.monotonic(), True, False, 2, 0, 66)
    >>> [f.samples[0].value for f in state_families([state]) if f.name == "secondlook_ready"]
    [1.0]
    """
    if not states:
        return
    now = time.monotonic()
    heard = [state for state in states if now - state.told_at_s <= SILENT_S]
    ready = len(heard) == len(states) and all(state.ready for state in heard)
    refused = any(state.update_refused for state in heard)
    yield _gauge("ready", "1 while every worker can rank and store", ready)
    yield _gauge("update_refused", "1 while a published model or plan is refused", refused)
    yield _gauge("workers", "Workers that were heard of lately", len(heard))
    yield _gauge("calls_in_work", "Heavy calls being worked on", _sum(heard, _in_work))
    yield _gauge("calls_waiting", "Heavy calls that wait for a thread", _sum(heard, _waiting))
    yield _gauge("call_places", "Heavy calls that there is room for", _sum(heard, _places))
    lags = [state.records_lag_s for state in heard if state.records_lag_s is not None]
    if lags:
        meaning = "For how long at most the track records may lack a stored outcome"
        yield _gauge("records_lag_seconds", meaning, max(lags))
    yield from _served_families([state.served for state in heard if state.served])
    yield from _process_families([state.pid for state in states])


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"secondlook_{name}", meaning, value=float(value))


def _sum(states: Sequence[WorkerState], of: Callable[[WorkerState], int]) -> int:
    return sum(map(of, states))


def _in_work(state: WorkerState) -> int:
    return state.calls_in_work


def _waiting(state: WorkerState) -> int:
    return state.calls_waiting


def _places(state: WorkerState) -> int:
    return state.call_places


def _served_families(served: Sequence[Served]) -> Iterator[Metric]:
    """Yield which versions answer, and their capacity; a version that no worker has is gone."""
    labels = ["model_version", "bundle_version", "plan_version"]
    meaning = "Workers that answer with these versions"
    info = GaugeMetricFamily("secondlook_serving_workers", meaning, labels=labels)
    versions = Counter((s.model_version, s.bundle_version, s.plan_version) for s in served)
    for found, workers in sorted(versions.items()):
        info.add_metric(found, float(workers))
    if served:
        yield info
        last = served[-1]
        per_decision = GaugeMetricFamily(
            "secondlook_plan_budget_per_decision",
            "Audits, or minutes of them, that the plan spends a decision",
            labels=["unit"],
        )
        per_decision.add_metric([last.unit], last.budget_per_decision)
        yield per_decision
        if last.capacity_per_day is not None:
            per_day = GaugeMetricFamily(
                "secondlook_capacity_per_day",
                "Audits, or minutes of them, that the settings give a day",
                labels=["unit"],
            )
            per_day.add_metric([last.unit], last.capacity_per_day)
            yield per_day


def _process_families(pids: Sequence[int]) -> Iterator[Metric]:
    families: dict[str, Metric] = {}
    for name, meaning in _OF_PROCESSES.items():
        kind = CounterMetricFamily if name.endswith("cpu_seconds") else GaugeMetricFamily
        families[name] = kind(name, meaning, labels=["pid"])
    for pid in pids:
        for family in _process(pid).collect():
            if family.name in families:
                for sample in family.samples:
                    families[family.name].add_sample(sample.name, {"pid": str(pid)}, sample.value)
    yield from (family for family in families.values() if family.samples)


def _process(pid: int) -> ProcessCollector:
    return ProcessCollector("secondlook", lambda: pid, registry=None)
