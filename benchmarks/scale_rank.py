"""Ranking a backlog from one command, beside what the bare trees cost on a ready matrix.

``uv run --group bench python -m benchmarks.scale_rank --out FILE.json [--rows 10000 100000]
[--data FOLDER] [--repeats 3] [--keep selected] [--compiled]``: for each size a simulated month of
so many decisions of which 5 % were audited (`--data` keeps and reuses ``decisions_N.parquet``,
``outcomes_N.parquet`` and ``bundle``), a home on SQLite that holds the audited ones with what the
audits found, a published bundle and its plan. The function behind ``secondlook rank`` then ranks
the file for 1 % of its volume, in a process of its own whose peak memory is that of it and of all
that it starts. Beside it, also in a process of its own, ``booster.predict`` of the bundle's
boosters on the ready matrix of `MATRIX_ROWS` rows, repeated until so many rows are predicted, with
LightGBM's own number of threads: the risk booster alone, and both that a score needs.

The JSON has a row for each size and repeat: ``seconds``, ``rows_s``, ``peak_mb``, ``steps``
(seconds of each), ``bare_risk_s``, ``bare_both_s``, and the share of the bare rows a second that
the command reaches, ``of_risk`` and ``of_both``; ``of_both_cpu`` compares the seconds of processor
time (``cpu_s``, ``bare_both_cpu_s``), which other work on the machine disturbs less. With
``--compiled`` the home has its trees as machine code.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import psutil

from features.collecting import collect_rarely
from features.contract import DECISIONS, OUTCOMES, check
from features.home import Home, make_home, open_home
from features.intake import add_decisions, add_outcomes
from features.known import known_before
from features.policies import Policies
from features.simulate import simulate
from features.store import open_store
from models.bundle import load_bundle, save_bundle
from models.compiled import compile_bundle, compiled_folder
from models.encoding import coded
from models.publication import open_champion, publish
from models.scoring import features_of
from serving.backlog.asked import Asked, Keep
from serving.backlog.ranking import rank_file
from training.learn import LearningSettings, learn
from training.planning import fit_current_plan, make_current

ROWS = (10_000, 100_000, 1_000_000)
DAYS, AUDIT_SHARE, CAPACITY_SHARE = 31, 0.05, 0.01
LEARNED_ON = 100_000
MATRIX_ROWS = 250_000
NOW = datetime(2026, 3, 1, tzinfo=UTC)
_MB = 1024 * 1024
_LOOK_S = 0.02
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def measure_rank(
    rows: int, data: Path, *, keep: str = "selected", compiled: bool = False
) -> dict[str, Any]:
    """Rank so many rows once, in a process of its own.

    Returns
    -------
    ``rows``, ``seconds``, ``cpu_s``, ``rows_s``, ``peak_mb``, ``selected``, ``out_mb``, ``steps``.
    """
    prepare(data, rows)
    with TemporaryDirectory(dir=data) as scratch:
        home = home_of(Path(scratch) / "home", data, rows, compiled=compiled)
        asked = [str(home.path), str(decisions_of(data, rows)), str(rows), keep]
        told, peak_mb = _in_a_process("rank", asked)
    return {"rows": rows, **told, "rows_s": rows / told["seconds"], "peak_mb": peak_mb}


def measure_bare(rows: int, data: Path) -> dict[str, float]:
    """Return the seconds of the bare boosters on so many rows, in a process of its own."""
    prepare(data, rows)
    return _in_a_process("bare", [str(data), str(rows)])[0]


def prepare(data: Path, rows: int) -> None:
    """Make decisions, outcomes and a bundle, unless they are there."""
    data.mkdir(parents=True, exist_ok=True)
    for size in {rows} if (data / "bundle").exists() else {rows, LEARNED_ON}:
        if not outcomes_of(data, size).is_file():
            made = simulate(
                days=DAYS, decisions_per_day=round(size / DAYS), audit_share=AUDIT_SHARE, seed=0
            )
            made.decisions.to_parquet(decisions_of(data, size), row_group_size=500_000)
            made.outcomes.to_parquet(outcomes_of(data, size))
    if not (data / "bundle").exists():
        decisions = check(pd.read_parquet(decisions_of(data, LEARNED_ON)), DECISIONS).require()
        outcomes = check(pd.read_parquet(outcomes_of(data, LEARNED_ON)), OUTCOMES).require()
        settings = LearningSettings(earlier_looks=True)
        bundle, _ = learn(decisions, outcomes, policies=Policies(), settings=settings)
        save_bundle(bundle, data / "bundle")


def decisions_of(data: Path, rows: int) -> Path:
    """Return where the decisions of a size lie."""
    return data / f"decisions_{rows}.parquet"


def outcomes_of(data: Path, rows: int) -> Path:
    """Return where the outcomes of a size lie."""
    return data / f"outcomes_{rows}.parquet"


def home_of(path: Path, data: Path, rows: int, *, compiled: bool) -> Home:
    """Make a home that knows of the audits, in which the bundle serves."""
    home = make_home(path)
    store = open_store(home.store_url())
    store.initialise()
    outcomes = check(pd.read_parquet(outcomes_of(data, rows)), OUTCOMES).require()
    decisions = pd.read_parquet(
        decisions_of(data, rows), filters=[("decision_id", "in", set(outcomes["decision_id"]))]
    )
    add_decisions(home, check(decisions, DECISIONS).require())
    add_outcomes(home, outcomes)
    publish(home, data / "bundle", "1")
    bundle = open_champion(home).bundle
    make_current(store, fit_current_plan(home, bundle), NOW)
    store.engine.dispose()
    if compiled:
        compile_bundle(bundle, compiled_folder(home))
    return home


def rank_here(home: Path, path: Path, rows: int, keep: str) -> dict[str, Any]:
    """Rank a file in this process, set as a command's is; tell the seconds of each step."""
    collect_rarely()
    began, worked = time.perf_counter(), time.process_time()
    told: list[tuple[str, float]] = []
    to = home.parent / "ranked.parquet"
    capacity = max(round(CAPACITY_SHARE * rows), 1)
    ranked = rank_file(
        open_home(home),
        Asked(path, to, NOW, capacity=capacity, keep=Keep(keep)),
        progress=lambda words: told.append((words, time.perf_counter())),
    )
    ended = time.perf_counter()
    ends = [*(at for _, at in told[1:]), ended]
    steps = {words: end - at for (words, at), end in zip(told, ends, strict=True)}
    return {
        "seconds": ended - began,
        "cpu_s": time.process_time() - worked,
        "selected": ranked.selected,
        "out_mb": to.stat().st_size / _MB,
        "steps": {"opening": told[0][1] - began, **steps},
    }


def bare_here(data: Path, rows: int) -> dict[str, float]:
    """Predict so many rows of ready matrices in this process."""
    bundle = load_bundle(data / "bundle")
    decisions = check(pd.read_parquet(decisions_of(data, rows)).tail(MATRIX_ROWS), DECISIONS)
    outcomes = check(pd.read_parquet(outcomes_of(data, rows)), OUTCOMES).require()
    made = decisions.require()
    known = known_before(made, made, outcomes, bundle.record_settings)
    frame = features_of(bundle, made, known)
    matrix = np.ascontiguousarray(bundle.risk.encoder.tree_matrix(frame))
    worked = time.process_time()
    seconds = {"bare_risk_s": _predicting(bundle.risk.booster, matrix, rows, raw_score=True)}
    seconds["bare_both_s"] = seconds["bare_risk_s"]
    if bundle.usual is not None:
        usual = np.ascontiguousarray(coded(frame, bundle.usual.inputs, bundle.usual.vocabularies))
        seconds["bare_both_s"] += _predicting(bundle.usual.booster, usual, rows, raw_score=False)
    return {**seconds, "bare_both_cpu_s": time.process_time() - worked}


def _predicting(booster: Any, matrix: np.ndarray, rows: int, *, raw_score: bool) -> float:
    booster.predict(matrix[:1_000], raw_score=raw_score)
    began, left = time.perf_counter(), rows
    while left > 0:
        booster.predict(matrix[:left], raw_score=raw_score)
        left -= len(matrix)
    return time.perf_counter() - began


def _in_a_process(what: str, asked: Sequence[str]) -> tuple[dict[str, Any], float]:
    """Run a part of this module apart, with as many threads as it likes; return its peak in MB."""
    environment = {name: own for name, own in os.environ.items() if name not in _THREADS}
    command = [sys.executable, "-m", "benchmarks.scale_rank", "--only", what, *asked]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _resident_mb(process.pid))
            time.sleep(_LOOK_S)
        told = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise RuntimeError(f"scale_rank: {what} ended with status {process.returncode}")
    return json.loads(told.splitlines()[-1]), peak


def _resident_mb(pid: int) -> float:
    try:
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
        return float(sum(each.memory_info().rss for each in tree)) / _MB
    except psutil.NoSuchProcess:
        return 0.0


def _only(what: str, asked: Sequence[str]) -> dict[str, Any]:
    if what == "rank":
        return rank_here(Path(asked[0]), Path(asked[1]), int(asked[2]), asked[3])
    return bare_here(Path(asked[0]), int(asked[1]))


def _measured(asked: argparse.Namespace, rows: int) -> dict[str, Any]:
    own = measure_rank(rows, asked.data, keep=asked.keep, compiled=asked.compiled)
    bare = measure_bare(rows, asked.data)
    shares = {
        "of_risk": bare["bare_risk_s"] / own["seconds"],
        "of_both": bare["bare_both_s"] / own["seconds"],
        "of_both_cpu": bare["bare_both_cpu_s"] / own["cpu_s"],
    }
    return {**own, **bare, **shares, "compiled": asked.compiled, "keep": asked.keep}


def main() -> None:
    """Measure each size, print a table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[*ROWS])
    parser.add_argument("--data", type=Path, default=Path(".scale"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", choices=[each.value for each in Keep], default="selected")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--only", nargs="+")
    asked = parser.parse_args()
    if asked.only:
        print(json.dumps(_only(asked.only[0], asked.only[1:])))
        return
    found = [_measured(asked, rows) for rows in asked.rows for _ in range(asked.repeats)]
    columns = ["rows", "seconds", "rows_s", "peak_mb", "of_risk", "of_both", "of_both_cpu"]
    print(pd.DataFrame(found)[columns].to_string(index=False, float_format="{:,.2f}".format))
    print(json.dumps(found[-1]["steps"], indent=1))
    if asked.out:
        asked.out.write_text(json.dumps({"cores": os.cpu_count(), "runs": found}, indent=1))


if __name__ == "__main__":
    main()
