"""Measure what scoring costs beside its trees alone, and write what was found as JSON.

``uv run --extra compiled python -m benchmarks.scale_scoring --out FILE.json`` scores a million
decisions in parts of 250,000, by one thread and by two side by side. Beside it stands what the
trees cost on ready matrices: those of the risk alone, and those of both boosters that a score asks.
All of it with LightGBM's trees and, where the extra is there, with compiled ones; with text as it
was read and as categories. ``--data FOLDER`` reads ``decisions_1M.parquet``,
``outcomes_1M.parquet`` and ``bundle`` there, and makes what is missing.

The JSON holds ``runs``: of each the way, trees, threads, seconds and processor seconds (the
least of the repetitions) and rows a second; ``ratio``: the speed of a score as a share of that of
both boosters bare, by either clock; ``part_mb``: the most memory that scoring one part takes on top
of what was there; and ``largest_difference`` in risk between compiled trees and LightGBM's.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import numpy as np
import pandas as pd

from features.contract import DECISIONS, OUTCOMES, check
from features.known import known_before
from features.policies import Policies
from features.simulate import simulate
from models.arrays import Floats
from models.bundle import Bundle, load_bundle, save_bundle
from models.compiled import CompiledTrees, can_compile, compile_bundle, with_compiled
from models.encoding import coded
from models.scoring import features_of, score
from training.learn import learn

THREADS = (1, 2)
_DAYS = 31
_LEARNED_ON = 100_000

Figures = dict[str, Any]


@dataclass(frozen=True)
class Backlog:
    """Decisions with what was known of them, in parts; text as it was read and as categories."""

    as_read: list[tuple[pd.DataFrame, pd.DataFrame]]
    as_categories: list[tuple[pd.DataFrame, pd.DataFrame]]
    rows: int


def measure(folder: Path, rows: int, *, part: int, repetitions: int) -> Figures:
    """Return the figures of the module's first lines."""
    write_data(folder, rows)
    bundle = load_bundle(folder / "bundle")
    backlog = read_backlog(folder, bundle, rows=rows, part=part)
    memory = {
        "text": _peak_mb(lambda: score(bundle, *backlog.as_read[0])),
        "categories": _peak_mb(lambda: score(bundle, *backlog.as_categories[0])),
    }
    runs = _runs(bundle, backlog, trees="lightgbm", repetitions=repetitions)
    difference = None
    if can_compile():
        with TemporaryDirectory() as machine:
            compile_bundle(bundle, Path(machine) / "compiled")
            fast = with_compiled(bundle, Path(machine) / "compiled")
            runs += _runs(fast, backlog, trees="compiled", repetitions=repetitions)
            risks = [
                score(each, *backlog.as_read[0]).overturn_probability for each in (bundle, fast)
            ]
            difference = float(np.abs(risks[0] - risks[1]).max())
    return {
        "rows": rows,
        "rows_of_a_part": part,
        "repetitions": repetitions,
        "runs": runs,
        "ratio": _ratios(runs),
        "part_mb": memory,
        "largest_difference": difference,
    }


def write_data(folder: Path, rows: int) -> None:
    """Simulate a month of so many decisions and learn from some of them, unless it is there."""
    decisions_at, outcomes_at = _files(folder, rows)
    if not (decisions_at.is_file() and outcomes_at.is_file()):
        world = simulate(days=_DAYS, decisions_per_day=-(-rows // _DAYS), audit_share=0.05)
        world.decisions[:rows].to_parquet(decisions_at)
        world.outcomes.to_parquet(outcomes_at)
    if not (folder / "bundle").is_dir():
        decisions = check(pd.read_parquet(decisions_at)[:_LEARNED_ON], DECISIONS).require()
        outcomes = check(pd.read_parquet(outcomes_at), OUTCOMES).require()
        ours = outcomes[outcomes["decision_id"].isin(decisions["decision_id"])]
        save_bundle(learn(decisions, ours, policies=Policies())[0], folder / "bundle")


def _files(folder: Path, rows: int) -> tuple[Path, Path]:
    size = f"{rows // 1_000_000}M" if rows % 1_000_000 == 0 else f"{rows // 1_000}k"
    return folder / f"decisions_{size}.parquet", folder / f"outcomes_{size}.parquet"


def read_backlog(folder: Path, bundle: Bundle, *, rows: int, part: int) -> Backlog:
    """Read the decisions, look up what was known of each, and cut both into parts."""
    decisions_at, outcomes_at = _files(folder, rows)
    decisions = check(pd.read_parquet(decisions_at), DECISIONS).require()
    outcomes = check(pd.read_parquet(outcomes_at), OUTCOMES).require()
    known = known_before(decisions, decisions, outcomes, bundle.record_settings)
    words = [name for name in bundle.risk.encoder.vocabularies if name in decisions]
    read, coded_texts = (
        [
            (table[start : start + part].reset_index(drop=True), known[start : start + part])
            for start in range(0, len(decisions), part)
        ]
        for table in (decisions, decisions.astype(dict.fromkeys(words, "category")))
    )
    return Backlog(read, coded_texts, len(decisions))


def _runs(bundle: Bundle, backlog: Backlog, *, trees: str, repetitions: int) -> list[Figures]:
    """Time every way with the trees of a bundle, each repetition of all ways after another."""
    risk, usual = _ready_matrices(bundle, backlog)
    ways: dict[tuple[str, int], Callable[[], object]] = {}
    for threads in THREADS:
        ways["risk booster bare", threads] = _bare(bundle, risk, [], threads=threads)
        ways["both boosters bare", threads] = _bare(bundle, risk, usual, threads=threads)
        ways["score, text", threads] = _scored(bundle, backlog.as_read, threads)
        ways["score, categories", threads] = _scored(bundle, backlog.as_categories, threads)
    spent = [[_seconds(run) for run in ways.values()] for _ in range(repetitions)]
    return [
        {
            "way": way,
            "trees": trees,
            "threads": threads,
            "seconds": round(seconds, 3),
            "processor_s": round(processor, 3),
            "rows_per_s": round(backlog.rows / seconds),
        }
        for (way, threads), (seconds, processor) in zip(ways, np.min(spent, axis=0), strict=True)
    ]


def _ready_matrices(bundle: Bundle, backlog: Backlog) -> tuple[list[Floats], list[Floats]]:
    """Return what each booster reads of each part."""
    frames = [features_of(bundle, *each) for each in backlog.as_read]
    risk = [bundle.risk.encoder.tree_matrix(frame) for frame in frames]
    usual = bundle.usual
    read = [] if usual is None else [coded(f, usual.inputs, usual.vocabularies) for f in frames]
    return risk, read


def _bare(
    bundle: Bundle, risk: list[Floats], usual: list[Floats], *, threads: int
) -> Callable[[], object]:
    """Ask the boosters alone, with LightGBM's own threads; compiled trees have none, parts do."""
    own = 1 if isinstance(bundle.risk.booster, CompiledTrees) else threads
    calls: list[Callable[[], object]] = [
        partial(bundle.risk.booster.predict, each, raw_score=True, num_threads=own) for each in risk
    ]
    if bundle.usual is not None:
        calls += [partial(bundle.usual.booster.predict, each, num_threads=own) for each in usual]
    return partial(_side_by_side, calls, threads if own < threads else 1)


def _scored(
    bundle: Bundle, parts: Sequence[tuple[pd.DataFrame, pd.DataFrame]], threads: int
) -> Callable[[], object]:
    calls = [partial(_harm, bundle, *part) for part in parts]
    return partial(_side_by_side, calls, threads)


def _harm(bundle: Bundle, decisions: pd.DataFrame, known: pd.DataFrame) -> Floats:
    """Score, and keep of it what a ranking keeps."""
    return score(bundle, decisions, known).expected_harm


def _side_by_side(calls: Sequence[Callable[[], object]], threads: int) -> list[object]:
    with ThreadPoolExecutor(threads) as workers:
        return list(workers.map(lambda call: call(), calls))


def _seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that went by, and those that the processor worked on it."""
    began = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began[0], time.process_time() - began[1]


def _ratios(runs: list[Figures]) -> Figures:
    """Return the seconds of both boosters bare over those of each score, by trees and threads."""
    spent = {(run["trees"], run["threads"], run["way"]): run for run in runs}
    return {
        f"{way}, {trees}, {threads} thread{'s' * (threads > 1)}": {
            kind: round(spent[trees, threads, "both boosters bare"][kind] / run[kind], 3)
            for kind in ("seconds", "processor_s")
        }
        for (trees, threads, way), run in spent.items()
        if way.startswith("score")
    }


def _peak_mb(run: Callable[[], object]) -> float:
    """Return the most memory that is seen in use during a run above what was before; Linux only."""
    before, done, seen = _resident_mb(), Event(), [0.0]

    def watch() -> None:
        while not done.wait(0.002):
            seen.append(_resident_mb())

    with ThreadPoolExecutor(1) as watcher:
        watching = watcher.submit(watch)
        run()
        done.set()
        watching.result()
    return round(max(seen) - before)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="where to write the JSON")
    parser.add_argument("--data", type=Path, help="where decisions, outcomes and bundle are kept")
    parser.add_argument("--rows", type=int, default=1_000_000, help="in whole thousands")
    parser.add_argument("--part", type=int, default=250_000, help="rows that are scored at once")
    parser.add_argument("--repetitions", type=int, default=3)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Measure and write the JSON."""
    asked = parse(arguments)
    with TemporaryDirectory() as scratch:
        folder = asked.data or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        found = measure(folder, asked.rows, part=asked.part, repetitions=asked.repetitions)
    asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
