"""Cost of each step as rows grow: seconds and peak memory, and the slope of one over the other.

``uv run --group bench python -m benchmarks.scale --out FILE.json [--rows 10000 100000 1000000
10000000] [--steps load replay ...] [--data FOLDER]`` makes a simulated month of so many decisions
(`--data` keeps and reuses them) and runs each step at each size in a process of its own, whose peak
counts what it starts. The JSON holds ``{step: [{rows, seconds, peak_mb}]}``, ``exponent`` (slope of
log seconds on log rows from 100,000 on) and, with `--dask-rows`, ``engine``: the same work locally
and on two Dask workers, see `benchmarks.scale_dask`. What is there already in FILE is kept, so that
a run can be gone on with.

Steps: ``load`` (into PostgreSQL by the function behind ``secondlook load``; SQLite where
``SECONDLOOK_TEST_POSTGRES_URL`` names no server), ``replay`` (track records of every decision),
``frame`` (features of every decision, what was known of them given), ``train`` (the whole of
``secondlook train`` on the file), ``rank`` (the file as one backlog, the selected kept), and, in a
home in which so many were ranked, ``plan``, ``estimate``, ``monitor`` and ``report``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import scale_dask, scale_load, scale_monitor, scale_rank, scale_replay
from benchmarks.monitoring_cost import measure_process
from benchmarks.scale_rank import decisions_of, outcomes_of
from features.home import make_home
from features.known import known_before
from features.store import open_store
from models.bundle import load_bundle
from models.scoring import features_of
from training.source import Source
from training.train import train

ROWS = (10_000, 100_000, 1_000_000, 10_000_000)
SLOPE_FROM = 100_000
"""Below it most of the time is the same whatever the rows."""
PART = 250_000
FEWEST_ROWS = {"train": 100_000}
"""Of fewer decisions, 5 % of them audited, there are too few overturns to learn from."""
RECORDED = ("rows", "seconds", "peak_mb")

Figures = dict[str, Any]


def frame_here(data: Path, rows: int) -> float:
    """Return the seconds that the features of every decision take, a part at a time."""
    decisions = pd.read_parquet(decisions_of(data, rows))
    outcomes = pd.read_parquet(outcomes_of(data, rows))
    bundle = load_bundle(data / "bundle")
    known = known_before(decisions, decisions, outcomes, bundle.record_settings)
    began = time.perf_counter()
    for start in range(0, len(decisions), PART):
        part = slice(start, start + PART)
        features_of(bundle, decisions.iloc[part], known.iloc[part])
    return time.perf_counter() - began


def train_here(data: Path, rows: int) -> float:
    """Return the seconds of the whole of ``secondlook train`` on the files of a size."""
    with TemporaryDirectory() as scratch:
        home = make_home(Path(scratch))
        open_store(home.store_url()).initialise()
        began = time.perf_counter()
        train(home, source=Source(decisions_of(data, rows), outcomes_of(data, rows)))
        return time.perf_counter() - began


HERE: dict[str, Callable[[Path, int], float]] = {"frame": frame_here, "train": train_here}


def _apart(step: str, data: Path, rows: int) -> Figures:
    """Run a step of this module in a process of its own."""
    told = data / f"{step}.seconds"
    command = [sys.executable, "-m", "benchmarks.scale", "--only", step, "--data", str(data)]
    cost = measure_process([*command, "--rows", str(rows), "--out", str(told)])
    seconds = float(told.read_text(encoding="ascii"))
    told.unlink()
    return {"rows": rows, "seconds": seconds, "peak_mb": cost.peak_mb}


def _load(data: Path, rows: int) -> Figures:
    url = os.environ.get(scale_load.POSTGRES)
    return {**scale_load.measure_load(decisions_of(data, rows), url)}


def _replay(data: Path, rows: int) -> Figures:
    return {**scale_replay.measure_ours(decisions_of(data, rows), outcomes_of(data, rows))}


def _of_ranked(step: str) -> Callable[[Path, int], Figures]:
    return lambda data, rows: {**scale_monitor.measure(step, rows, data / "homes")}


STEPS: dict[str, Callable[[Path, int], Figures]] = {
    "load": _load,
    "replay": _replay,
    "frame": lambda data, rows: _apart("frame", data, rows),
    "train": lambda data, rows: _apart("train", data, rows),
    "rank": lambda data, rows: scale_rank.measure_rank(rows, data),
    **{step: _of_ranked(step) for step in scale_monitor.STEPS},
}


def exponent(figures: list[Figures]) -> float | None:
    """Return the slope of log seconds on log rows, from `SLOPE_FROM` on; null for one size.

    Examples
    --------
    >>> figures = [{"rows": n, "seconds": n / 1e5} for n in (10_000, 100_000, 1_000_000)]
    >>> round(exponent(figures), 6)
    1.0
    """
    large = [each for each in figures if each["rows"] >= SLOPE_FROM]
    if len({each["rows"] for each in large}) < 2:
        return None
    rows, seconds = (np.log([each[name] for each in large]) for name in ("rows", "seconds"))
    return float(np.polyfit(rows, seconds, 1)[0])


def measure(data: Path, out: Path, *, rows: list[int], steps: list[str]) -> Figures:
    """Measure each step at each size, and write what is found after each."""
    found: Figures = json.loads(out.read_text()) if out.is_file() else {}
    for size in rows:
        scale_rank.prepare(data, size)
        for step in (each for each in steps if size >= FEWEST_ROWS.get(each, 0)):
            known = {each["rows"]: each for each in found.get(step, [])}
            cost = STEPS[step](data, size)
            known[size] = {name: cost[name] for name in RECORDED} | {"rows": size}
            found[step] = [known[each] for each in sorted(known)]
            print(f"{size:>11,} {step:9} {cost['seconds']:9.2f} s {cost['peak_mb']:7,.0f} MB")
            sys.stdout.flush()
            _write(found, out)
    return found


def _write(found: Figures, out: Path) -> None:
    found["exponent"] = {step: exponent(found[step]) for step in STEPS if step in found}
    out.write_text(json.dumps(found, indent=1))


def _compare_engines(data: Path, out: Path, rows: int) -> None:
    """Add the same work by either engine, as `benchmarks.scale_dask` finds it."""
    with TemporaryDirectory() as scratch:
        place = Path(scratch) / "engine.json"
        scale_dask.main(["--data", str(data), "--rows", str(rows), "--out", str(place)])
        engine = json.loads(place.read_text())
    _write(json.loads(out.read_text()) | engine, out)


def main() -> None:
    """Measure as the arguments ask, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[*ROWS])
    parser.add_argument("--steps", nargs="*", choices=[*STEPS], default=[*STEPS])
    parser.add_argument("--dask-rows", type=int)
    parser.add_argument("--only", choices=[*HERE])
    asked = parser.parse_args()
    if asked.only:
        asked.out.write_text(str(HERE[asked.only](asked.data, asked.rows[0])))
        return
    with TemporaryDirectory() as scratch:
        data = asked.data or Path(scratch)
        found = measure(data, asked.out, rows=asked.rows, steps=asked.steps)
        print(json.dumps(found.get("exponent"), indent=1))
        if asked.dask_rows:
            _compare_engines(data, asked.out, asked.dask_rows)


if __name__ == "__main__":
    main()
