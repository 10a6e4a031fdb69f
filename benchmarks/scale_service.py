"""Measure the service with workers and replicas on one PostgreSQL, and what bounds it.

``uv run python -m benchmarks.scale_service --out FILE.json`` makes a home whose store is a schema
of its own on the server of ``--postgres``, and then, for each number of workers, lets so many
callers post batches to ``/v1/rank``, each the next as soon as the last is answered. Two replicas of
one worker each are called side by side. Every decision is new: no id comes twice.

Beside decisions and calls a second and the percentiles of their answers, the JSON tells the
processor seconds that the service, PostgreSQL and the callers took, and the bytes of its log: on
few cores all of them share, and what the service could do with cores of its own follows from what
a decision costs each. Then outcomes are posted to one replica and looked for at the other, and one
of two replicas is killed while both are called (`benchmarks.scale_replicas`).

Before each way to run the service the tables are vacuumed and analysed, as autovacuum would. The
server must be on this machine, and nothing else may use it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import scale_replicas
from benchmarks.scale_postgres import Gauge, Spent, home_of, indexes_used, own_schema
from benchmarks.serving import call_system
from benchmarks.serving_figures import Run
from benchmarks.serving_home import Scale, Served, Traffic, traffic_of
from benchmarks.serving_systems import System, secondlook

WORKERS, BATCHES, CLIENTS = (1, 2, 4), (1, 50, 500), 8
FASTEST = {1: 500, 50: 8_000, 500: 18_000}
"""Decisions a second, by decisions a call, for which enough are made beforehand."""
_WARM_CALLS = 3 * CLIENTS
_COLUMNS = (
    ("way", "way"),
    ("batch", "batch"),
    ("decisions_per_s", "decisions/s"),
    ("calls_per_s", "calls/s"),
    ("p50_ms", "p50 ms"),
    ("p95_ms", "p95 ms"),
    ("p99_ms", "p99 ms"),
    ("service_cpu_ms", "service"),
    ("postgres_cpu_ms", "postgres"),
    ("callers_cpu_ms", "callers"),
    ("cores_busy", "cores"),
    ("wal_bytes", "WAL B"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is measured.

    Attributes
    ----------
    seconds
        Of each run, about.
    batches
        Decisions a call.
    clients
        Callers at a time, over all replicas.
    """

    seconds: float
    batches: Sequence[int]
    workers: Sequence[int]
    clients: int

    def rows(self) -> int:
        """Return decisions that are made beforehand for each way to run the service."""
        warm = sum(_WARM_CALLS * batch for batch in self.batches)
        return warm + sum(round(self.seconds * fastest(batch)) for batch in self.batches)

    def ways(self) -> list[tuple[str, list[int]]]:
        """Return the ways to run the service, each with the workers of every replica."""
        return [*((f"{n} workers", [n]) for n in self.workers), ("2 replicas", [1, 1])]


@dataclass(frozen=True, slots=True)
class Replica:
    """A service that is up, and a folder for what it is sent."""

    system: System
    folder: Path


def fastest(batch: int) -> int:
    """Return for how many decisions a second enough are made beforehand.

    Examples
    --------
    >>> fastest(1), fastest(400)
    (500, 18000)
    """
    return FASTEST[min(FASTEST, key=lambda known: abs(known - batch))]


def measure_speed(
    served: Served, lines: list[str], wanted: Wanted, *, gauge: Gauge, folder: Path
) -> list[dict[str, Any]]:
    """Measure each way to run the service with each size of batch."""
    found: list[dict[str, Any]] = []
    print(" | ".join(title for _, title in _COLUMNS), flush=True)
    for number, (way, workers) in enumerate(wanted.ways()):
        own = lines[number * wanted.rows() : (number + 1) * wanted.rows()]
        gauge.vacuum()
        with replicas(served, own, workers, folder) as up:
            for batch in wanted.batches:
                figures = measure_batch(up, batch, wanted, gauge=gauge)
                found.append({"way": way, "workers": sum(workers), "batch": batch} | figures)
                print(line_of(found[-1]), flush=True)
    return found


@contextmanager
def replicas(
    served: Served, lines: list[str], workers: Sequence[int], folder: Path
) -> Iterator[list[Replica]]:
    """Run services of one home, each with as many workers as told and decisions of its own."""
    share = len(lines) // len(workers)
    with ExitStack() as up:
        found = []
        for number, count in enumerate(workers):
            place = folder / f"replica-{number}"
            place.mkdir(exist_ok=True)
            traffic = Traffic(lines[number * share : (number + 1) * share])
            system = secondlook(f"replica-{number}", served, traffic, place, workers=count)
            found.append(Replica(up.enter_context(system), place))
        yield found


def measure_batch(
    up: Sequence[Replica], batch: int, wanted: Wanted, *, gauge: Gauge
) -> dict[str, Any]:
    """Call the services with batches of one size for a while, and return what it came to."""
    share = wanted.clients // len(up)
    began = perf_counter()
    warm = call_all(up, batch, calls=_WARM_CALLS // len(up), clients=share)
    pace = sum(run.rows_per_s for run in warm)
    calls = round(min(pace, fastest(batch)) * wanted.seconds / batch / len(up))
    before, began = gauge.read(), perf_counter()
    runs = call_all(up, batch, calls=max(calls, share), clients=share)
    spent = gauge.since(before)
    return figures_of(runs, batch, spent=spent) | {"run_s": perf_counter() - began}


def call_all(up: Sequence[Replica], batch: int, *, calls: int, clients: int) -> list[Run]:
    """Call every service as often, side by side."""

    def call(replica: Replica) -> Run:
        return call_system(
            replica.system, batch, calls=calls, clients=clients, folder=replica.folder
        )

    with ThreadPoolExecutor(len(up)) as pool:
        return list(pool.map(call, up))


def figures_of(runs: Sequence[Run], batch: int, *, spent: Spent) -> dict[str, Any]:
    """Return the figures of runs that went side by side.

    Processor time is in milliseconds for 1,000 decisions. Callers and background processes count.

    Examples
    --------
    >>> run = Run(1000.0, [40.0, 60.0], 50.0, 0.1)
    >>> told = figures_of([run], 500, spent=Spent(0.02, 0.0, 500_000))
    >>> told["p50_ms"], told["postgres_cpu_ms"], told["decisions_per_s_a_core_of_the_service"]
    (50.0, 20.0, 20000.0)
    """
    latency_ms = np.concatenate([run.latency_ms for run in runs])
    rows = batch * len(latency_ms)
    rate = sum(run.rows_per_s for run in runs)
    seconds = rows / rate
    service = float(np.mean([run.cpu_ms for run in runs]))
    callers = 1e6 * sum(run.callers_share for run in runs) * seconds / rows
    postgres = 1e6 * (spent.sessions_s + spent.background_s) / rows
    percentiles = {f"p{q}_ms": float(np.percentile(latency_ms, q)) for q in (50, 95, 99)}
    return {
        "decisions": rows,
        "decisions_per_s": rate,
        "calls_per_s": rate / batch,
        **percentiles,
        "service_cpu_ms": service,
        "postgres_cpu_ms": postgres,
        "postgres_background_cpu_ms": 1e6 * spent.background_s / rows,
        "callers_cpu_ms": callers,
        "cores_busy": (service + postgres + callers) * rate / 1e6,
        "wal_bytes": spent.wal_bytes / rows,
        "decisions_per_s_a_core_of_the_service": 1e6 / service if service else None,
        "decisions_per_s_a_core_of_postgres": 1e6 / postgres if postgres else None,
    }


def line_of(figures: dict[str, Any]) -> str:
    """Return the figures of one run as a line of a table."""
    values = (figures[name] for name, _ in _COLUMNS)
    return " | ".join(
        value if isinstance(value, str) else f"{value:,.{0 if value >= 100 else 1}f}"
        for value in values
    )


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="where to write the JSON")
    url = os.environ.get("SECONDLOOK_TEST_POSTGRES_URL")
    parser.add_argument("--postgres", default=url, help="SQLAlchemy URL of a database")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each run")
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--workers", nargs="+", type=int, default=WORKERS)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--small", action="store_true", help="a small home, to try the programme")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Measure, keep what is known so far in the file, and print a table."""
    read = parse(arguments)
    wanted = Wanted(read.seconds, read.batches, read.workers, read.clients)
    scale = scale_replicas.SMALL if read.small else Scale()
    load = [round(each, 2) for each in os.getloadavg()]
    results: dict[str, Any] = {"cores": os.cpu_count(), "load_before": load}
    with TemporaryDirectory() as place, own_schema(read.postgres) as (url, gauge):
        folder = Path(place)
        served = home_of(url, folder / "home", scale)
        results["postgres"] = gauge.settings() | {"commit_ms": gauge.commit_ms()}
        results["wanted"] = asdict(wanted)
        lines = traffic_of(scale, rows=len(wanted.ways()) * wanted.rows()).lines

        def keep(name: str, figures: object) -> None:
            results[name] = figures
            read.out.write_text(json.dumps(results, indent=1) + "\n")

        keep("speed", measure_speed(served, lines, wanted, gauge=gauge, folder=folder))
        keep("indexes", indexes_used(gauge))
        keep("replicas", scale_replicas.measure(read.postgres, folder / "replicas"))
        print(json.dumps(results["replicas"], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
