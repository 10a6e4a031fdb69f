"""Measure what learning costs beside bare LightGBM, and write it as JSON.

``uv run python -m benchmarks.training --out FILE.json [--rows 10000 100000 1000000]`` simulates 60
days, half of whose decisions are audited, so that as many audits are known as are asked for.
``learn`` is `training.learn.learn`, the heart of `secondlook train`: it tries a model, fits the one
that ships, and calibrates both. ``bare`` is one ``lightgbm.train`` on the features of the same
audits, with as many rounds, leaves and threads as our trees, all else as LightGBM has it; ``alike``
the same with every parameter that our trees have. Each runs in a process of its own. The JSON holds
for each: ``audits``, ``seconds`` (wall), ``cpu_s`` (user and system, all threads), ``peak_mb``
(resident, all of the process) and ``loaded_mb`` (what of it the process held before it began); of
``learn`` also ``steps``, the seconds at which each began. ``ratio`` is its seconds over bare's, and
``cpu_ratio`` its processor time over bare's: on a busy machine, and with ``OMP_NUM_THREADS=1`` and
``OPENBLAS_NUM_THREADS=1``, only that one compares.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.contract import DECISIONS, DIRECTIONS, check
from features.policies import Policies
from features.simulate import simulate
from features.track_record import RecordSettings
from models.encoding import fit_encoder
from models.halves import RiskSettings, tree_parameters
from training.learn import learn
from training.material import assemble, fit_opinions

DAYS, SHARE = 60, 0.5
KNOWN_DAYS = DAYS - 2.75
"""Days' worth of audits that have arrived: none of the last day, and each takes half to 3 days."""
ROWS = (10_000, 100_000, 1_000_000)
SYSTEMS = ("bare", "alike", "learn")

Figures = dict[str, Any]


def write_tables(folder: Path, audits: int) -> None:
    """Simulate about as many audits, and write decisions and outcomes as Parquet."""
    per_day = round(audits / SHARE / KNOWN_DAYS)
    world = simulate(days=DAYS, decisions_per_day=per_day, audit_share=SHARE)
    check(world.decisions, DECISIONS).require().to_parquet(folder / "decisions.parquet")
    world.outcomes.to_parquet(folder / "outcomes.parquet")


def read_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read what `write_tables` wrote."""
    decisions, outcomes = (
        pd.read_parquet(folder / f"{name}.parquet") for name in ("decisions", "outcomes")
    )
    return decisions, outcomes


def write_matrix(folder: Path) -> None:
    """Write the features and labels of all audits, as the trees that ship read them."""
    material = assemble(*read_tables(folder), record=RecordSettings())
    everything = np.ones(len(material.audited), dtype=bool)
    frame = fit_opinions(material, everything, unseen=~everything).train_frame
    encoder = fit_encoder(frame, material.extras)
    np.savez(
        folder / "matrix.npz",
        matrix=encoder.tree_matrix(frame),
        label=material.audited["verdict"].isin(DIRECTIONS).to_numpy(dtype=float),
        categories=encoder.categories,
        monotone=[feature.monotone for feature in encoder.features],
    )


def measure_learning(folder: Path) -> Figures:
    """Return the cost of `learn`."""
    decisions, outcomes = read_tables(folder)
    steps: list[tuple[str, float]] = []
    began = time.perf_counter()

    def tell(line: str) -> None:
        steps.append((line, round(time.perf_counter() - began, 2)))
        print(f"  {steps[-1][1]:.1f} s: {line}", file=sys.stderr, flush=True)

    def run() -> None:
        learn(decisions, outcomes, policies=Policies(), progress=tell)

    return _timed(run) | {"audits": len(outcomes), "steps": steps}


def measure_trees(folder: Path, *, alike: bool) -> Figures:
    """Return the cost of one `lightgbm.train`."""
    with np.load(folder / "matrix.npz") as held:
        matrix, label = held["matrix"], held["label"]
        categories, monotone = held["categories"].tolist(), held["monotone"].tolist()
    settings = RiskSettings()
    ours = tree_parameters(settings, rows=len(label), monotone=monotone)
    kept = ("objective", "learning_rate", "num_leaves", "min_data_in_leaf", "num_threads")
    parameters = ours if alike else {name: ours[name] for name in kept} | {"verbose": -1}

    def run() -> None:
        dataset = lgb.Dataset(matrix, label, categorical_feature=categories, params={"verbose": -1})
        lgb.train(parameters, dataset, num_boost_round=settings.rounds)

    return _timed(run) | {"audits": len(label)}


def _timed(run: Callable[[], None]) -> Figures:
    loaded, cpu, began = _resident_mb(), time.process_time(), time.perf_counter()
    run()
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "loaded_mb": round(loaded),
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1024**2


def measure(rows: list[int], tell: Callable[[list[Figures]], None]) -> list[Figures]:
    """Measure every size, each step in a process of its own, and tell after each."""
    found: list[Figures] = []
    for audits in rows:
        with tempfile.TemporaryDirectory() as scratch:
            for step in ("tables", "matrix"):
                _apart(step, Path(scratch), audits)
            systems = {name: json.loads(_apart(name, Path(scratch), audits)) for name in SYSTEMS}
        learning, bare = systems["learn"], systems["bare"]
        ratios = {
            name: round(learning[figure] / max(bare[figure], 0.01), 2)
            for name, figure in (("ratio", "seconds"), ("cpu_ratio", "cpu_s"))
        }
        found.append({"asked": audits} | ratios | systems)
        tell(found)
    return found


def _apart(step: str, folder: Path, audits: int) -> str:
    command = (sys.executable, "-m", "benchmarks.training", "--step", step)
    more = ("--folder", str(folder), "--rows", str(audits))
    print(f"{audits:,} audits: {step}", file=sys.stderr, flush=True)
    return subprocess.run((*command, *more), check=True, stdout=subprocess.PIPE, text=True).stdout


def run_step(step: str, folder: Path, audits: int) -> Figures:
    """Do one step in this process; those that only write have no figures."""
    figures: Figures = {}
    if step == "tables":
        write_tables(folder, audits)
    elif step == "matrix":
        write_matrix(folder)
    elif step == "learn":
        figures = measure_learning(folder)
    else:
        figures = measure_trees(folder, alike=step == "alike")
    return figures


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS), help="audits")
    parser.add_argument("--step", choices=("tables", "matrix", *SYSTEMS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    read = parser.parse_args(arguments)
    if read.step is None and read.out is None:
        parser.error("--out is missing: where to write the JSON")
    return read


def main(arguments: list[str]) -> int:
    """Measure, and keep what is known so far in the file."""
    read = parse(arguments)
    if read.step is not None:
        print(json.dumps(run_step(read.step, read.folder, read.rows[0])))
        return 0

    def tell(found: list[Figures]) -> None:
        read.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        one = found[-1]
        told = ", ".join(f"{n} {one[n]['seconds']} s, {one[n]['peak_mb']} MB" for n in SYSTEMS)
        print(
            f"{one['asked']:,} audits: {told}; {one['ratio']} times bare, "
            f"{one['cpu_ratio']} times its processor time"
        )

    measure(read.rows, tell)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
