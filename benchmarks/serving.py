"""Measure the service beside its peers, all in one run on one machine, and write it as JSON.

``uv run python -m benchmarks.serving --out FILE.json`` makes the homes and starts every system,
then calls them in turn, repeat by repeat, so that what else the machine does meets all of them
alike. The decisions of every call to the service are new: no id comes twice.

* ``secondlook``: the service with everything on (access key, contract, track records, history,
  features, trees and logistic model, usual action, calibration, keyed draw, store, reasons of the
  selected, access log, metrics), over HTTP. Calls of one row are judged by admission, others are
  closed batches for 5 %.
* ``secondlook_compiled``: the same, its trees compiled (``secondlook promote --compile``).
* ``in_process``: ``booster.predict`` on ready features, one thread, one caller, nothing else.
* ``noop``: a route of the same stack that reads the same bodies and answers a constant.
* ``mlflow``, ``mlserver``, ``fastapi``: predict alone, from ready features over HTTP.
* ``secondlook_demo`` and ``in_process_demo``: the bundle that ``secondlook demo`` trains.
* ``secondlook_text`` and ``in_process_text``: rows with text; in process, the second opinion is
  worked out of the text (hashed n-grams, two linear models), and then the trees predict.

The JSON holds, for one caller, ``{rows_per_s: {system: {rows a call: value}}, latency_ms: {system:
{rows a call: {p50, p99}}}}`` with the server's processor milliseconds for 1,000 rows, the range of
the repeats and ratios of systems side by side; the same for 8 callers under ``clients_8``; and
``start`` and ``memory``. Ratios of processor time are the steadiest on a busy machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightgbm as lgb
import numpy as np

from benchmarks import serving_systems as systems
from benchmarks.serving_figures import Findings, Run
from benchmarks.serving_home import (
    CATEGORIES,
    EXTRAS,
    SMALL,
    Peer,
    Scale,
    Served,
    Traffic,
    compared_home,
    compiled_home,
    demo_home,
    traffic_of,
)
from benchmarks.serving_load import http_request, write_requests
from features.columns import Columns
from models.arrays import Floats
from serving.launch import LOOPBACK, service

PARTS = ("speed", "text", "start", "memory")
PEERS = ("mlflow", "mlserver", "fastapi")
OURS = ("secondlook", "secondlook_2_workers", "secondlook_compiled", "secondlook_demo")
SYSTEMS = (*OURS, "in_process", "in_process_demo", "noop", *PEERS)
_WARM_CALLS = 5
_BLOCKS = 10
_BLOCK_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Shapes:
    """What is called, and how often.

    Attributes
    ----------
    calls
        By rows a call, calls of one repeat.
    clients
        Callers at a time.
    """

    calls: dict[int, int]
    clients: tuple[int, ...]
    repeats: int

    def rows(self) -> int:
        """Return decisions that one system is sent in all."""
        warm = sum(_WARM_CALLS * rows for rows in self.calls)
        once = sum(rows * calls for rows, calls in self.calls.items())
        return warm + self.repeats * len(self.clients) * once


Predict = Callable[[int, int], object]
"""Predicts so many rows from a place on, in this process; from the first again at the end."""


def measure_speed(folder: Path, scale: Scale, shapes: Shapes, wanted: Sequence[str]) -> Any:
    """Measure rows without text: every system, side by side."""
    served, peer = compared_home(folder / "compared", scale)
    more = partial(traffic_of, scale, rows=2 * shapes.rows())  # two systems share a home
    traffic = more(extras=EXTRAS)
    booster, matrix = peer.booster, peer.matrix
    own: dict[str, Predict] = {"in_process": lambda at, rows: _predict(booster, matrix, at, rows)}
    with contextlib.ExitStack() as up:
        ours = {"secondlook": (served, traffic), "secondlook_2_workers": (served, traffic)}
        if "secondlook_compiled" in wanted:
            compiled = compiled_home(served, folder / "compiled")
            ours["secondlook_compiled"] = (compiled, Traffic(traffic.lines))
        if "secondlook_demo" in wanted:
            demo = demo_home(folder / "demo", scale)
            ours["secondlook_demo"] = (demo, more())
            trees, ready = demo.bundle.risk.booster, demo.matrix
            own["in_process_demo"] = lambda at, rows: _predict(trees, ready, at, rows)
        started = [
            up.enter_context(systems.secondlook(name, *given, folder, workers=_workers(name)))
            for name, given in ours.items()
            if name in wanted
        ]
        if "noop" in wanted:
            started.append(up.enter_context(systems.noop(_repeated(traffic, shapes), folder)))
        for name in PEERS:
            if name in wanted:
                started.append(up.enter_context(getattr(systems, name)(peer, folder)))
        kept = {name: predict for name, predict in own.items() if name in wanted}
        return compare(started, kept, shapes, folder) | {"comparison": _told(served, peer)}


def _workers(name: str) -> int:
    return 2 if name.endswith("_2_workers") else 1


def measure_text(folder: Path, scale: Scale, shapes: Shapes) -> Any:
    """Measure rows with text beside the second opinion and the trees in process."""
    served = demo_home(folder / "text", scale, text=True)
    traffic = traffic_of(scale, rows=shapes.rows(), text=True)
    bundle, matrix, told = served.bundle, served.matrix, served.decisions
    texts = Columns.of({name: told[name].to_numpy(dtype=object) for name in ("text", "action")})
    if bundle.opinion is None:
        raise ValueError("text: the bundle has no second opinion")
    opinion = bundle.opinion

    def predict(at: int, rows: int) -> object:
        start = _start(at, rows, len(matrix))
        opinion.of(texts.take(np.arange(start, start + rows)))
        return _predict(bundle.risk.booster, matrix, at, rows)

    with systems.secondlook("secondlook_text", served, traffic, folder) as system:
        return compare([system], {"in_process_text": predict}, shapes, folder)


def compare(
    started: Sequence[systems.System], own: dict[str, Predict], shapes: Shapes, folder: Path
) -> dict[str, Any]:
    """Call every system with every shape, repeat by repeat."""
    for system in started:
        for rows in shapes.calls:
            call_system(system, rows, calls=_WARM_CALLS, clients=1, folder=folder)
    found = {clients: Findings() for clients in shapes.clients}
    for repeat in range(shapes.repeats):
        for rows, calls in shapes.calls.items():
            for clients, findings in found.items():
                for name, predict in own.items():
                    findings.add(name, rows, call_own(predict, rows, calls=calls))
                for system in started:
                    run = call_system(system, rows, calls=calls, clients=clients, folder=folder)
                    findings.add(system.name, rows, run)
        print(f"repeat {repeat + 1} of {shapes.repeats}", flush=True)
    documents = {clients: findings.document() for clients, findings in found.items()}
    first = documents.pop(min(documents))
    return first | {f"clients_{clients}": each for clients, each in documents.items()}


def call_system(
    system: systems.System, rows: int, *, calls: int, clients: int, folder: Path
) -> Run:
    """Call a system from another process.

    Raises
    ------
    RuntimeError
        If a call is not answered with 200.
    """
    file = folder / "requests.bin"
    bodies = (system.body(rows) for _ in range(calls))
    write_requests(file, (http_request(system.path, body, system.headers) for body in bodies))
    arguments = [LOOPBACK, str(system.port), str(clients), str(file)]
    cpu_s = system.cpu_s()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving_load", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parent.parent,
    )
    cpu_s = system.cpu_s() - cpu_s
    read = json.loads(done.stdout)
    if read["failures"]:
        raise RuntimeError(f"{system.name}: {read['failures']}: {read['last_answer'][:500]}")
    sent, seconds = rows * calls, read["seconds"]
    return Run(sent / seconds, read["latency_ms"], 1e6 * cpu_s / sent, read["cpu_s"] / seconds)


def call_own(predict: Predict, rows: int, *, calls: int) -> Run:
    """Predict in this process, from other rows each time."""
    latency_ms, cpu_s, began = [], time.process_time(), time.perf_counter()
    for number in range(calls):
        start = time.perf_counter()
        predict(number * rows, rows)
        latency_ms.append(1e3 * (time.perf_counter() - start))
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    return Run(rows * calls / seconds, latency_ms, 1e6 * cpu_s / (rows * calls), 0.0)


def measure_start(folder: Path, scale: Scale, *, starts: int) -> dict[str, Any]:
    """Measure seconds from starting the service to its being ready, on the demonstration's home."""
    served = demo_home(folder / "start", scale)
    seconds = []
    for _ in range(starts):
        began = time.monotonic()
        with service(served.home, log=folder / "start.log"):
            seconds.append(time.monotonic() - began)
    return {"median_s": float(np.median(seconds)), "seconds": seconds}


def measure_memory(folder: Path, scale: Scale, *, rows: int) -> dict[str, Any]:
    """Measure memory and latency while so many new decisions are ranked, block by block."""
    served, _ = compared_home(folder / "memory", scale)
    calls = rows // _BLOCKS // _BLOCK_ROWS
    if calls < 1:
        raise ValueError(f"memory: saw {rows:,} rows; expected {_BLOCKS * _BLOCK_ROWS:,} or more")
    warm = _WARM_CALLS * _BLOCK_ROWS
    traffic = traffic_of(scale, rows=warm + _BLOCKS * calls * _BLOCK_ROWS, extras=EXTRAS)
    blocks: list[dict[str, Any]] = []
    with systems.secondlook("secondlook", served, traffic, folder) as system:
        call_system(system, _BLOCK_ROWS, calls=_WARM_CALLS, clients=1, folder=folder)
        for number in range(_BLOCKS):
            run = call_system(system, _BLOCK_ROWS, calls=calls, clients=1, folder=folder)
            resident = list(system.resident_mb().values())
            blocks.append(
                {
                    "ranked": (number + 1) * calls * _BLOCK_ROWS,
                    "p50_ms": float(np.median(run.latency_ms)),
                    "p99_ms": float(np.percentile(run.latency_ms, 99)),
                    "cpu_ms_per_1000_rows": run.cpu_ms,
                    "worker_mb": resident[0],
                    "others_mb": resident[1:],
                }
            )
    first, last = blocks[0], blocks[-1]
    names = ("p50_ms", "cpu_ms_per_1000_rows", "worker_mb")
    return {
        "last_over_first": {name: last[name] / first[name] for name in names},
        "blocks": blocks,
    }


def _predict(booster: lgb.Booster, matrix: Floats, at: int, rows: int) -> object:
    start = _start(at, rows, len(matrix))
    return booster.predict(matrix[start : start + rows], num_threads=1)


def _start(at: int, rows: int, ready: int) -> int:
    return at % max(ready - rows + 1, 1)


def _repeated(traffic: Traffic, shapes: Shapes) -> systems.Body:
    """Return a body of each length again and again: the no-op looks at none."""
    lines = traffic.lines[: max(shapes.calls)]
    bodies = {rows: Traffic(lines[:rows]).body(rows) for rows in shapes.calls}
    return bodies.__getitem__


def _told(served: Served, peer: Peer) -> dict[str, Any]:
    """Return what the comparison is made on."""
    booster = served.bundle.risk.booster
    return {
        "trees": booster.num_trees(),
        "features": peer.matrix.shape[1],
        "categorical": list(CATEGORIES),
        "own_inputs": EXTRAS,
        "null_features_of_the_text": booster.num_feature() - peer.matrix.shape[1],
        "largest_difference_of_the_peers_booster": peer.difference,
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="where to write the JSON")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 100, 1_000], help="rows a call")
    parser.add_argument("--calls", nargs="+", type=int, default=[400, 80, 24], help="a repeat")
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--ranked", type=int, default=500_000, help="decisions of part memory")
    parser.add_argument("--small", action="store_true", help="a small home, to try the programme")
    return parser.parse_args(arguments)


def parts_of(read: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Any]]:
    """Measure part by part, and yield its figures by their place in the file."""
    scale = SMALL if read.small else Scale()
    calls = dict(zip(read.rows, read.calls, strict=True))
    shapes = Shapes(calls, tuple(read.clients), read.repeats)
    if "speed" in read.parts:
        yield "", measure_speed(folder, scale, shapes, read.systems)
    if "text" in read.parts:
        yield "text", measure_text(folder, scale, shapes)
    if "start" in read.parts:
        yield "start", measure_start(folder, scale, starts=read.starts)
    if "memory" in read.parts:
        yield "memory", measure_memory(folder, scale, rows=read.ranked)


def main(arguments: list[str]) -> int:
    """Measure, and keep what is known so far in the file."""
    read = parse(arguments)
    load = [round(each, 2) for each in os.getloadavg()]
    results: dict[str, Any] = {
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load_before": load,
        }
    }
    threads = import_module("threadpoolctl").threadpool_limits(1)
    with threads, TemporaryDirectory() as folder:
        for place, figures in parts_of(read, Path(folder)):
            results |= {place: figures} if place else figures
            read.out.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
