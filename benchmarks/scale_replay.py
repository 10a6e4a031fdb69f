"""Replay of track records at scale, side by side with `pandas.merge_asof` and DuckDB's ASOF JOIN.

All three are given the same decisions and the same events of audits and answer the same question:
of every decision and each of the nine keys, the effective number of audits and the shrunk rate as
they were known when it was made. Each runs in a process of its own, the tables loaded before the
clock starts, several times in turn; the results must be equal to 1e-9.

Each is given text, and text as codes (categories for ours, integers for pandas, an ENUM for DuckDB)
made before the clock starts. DuckDB keeps its answer in a table of its own.

    python -m benchmarks.scale_replay DECISIONS OUTCOMES [--large DECISIONS OUTCOMES]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.scale_replay_rivals import duckdb_rival, pandas_rival
from features.record_rates import KEYS, PARTS, RECORD_COLUMNS
from features.track_record import RecordSettings, events, replay

SETTINGS = RecordSettings()
TOLERANCE = 1e-9
TOOLS = ("ours", "ours_codes", "pandas_text", "pandas_codes", "duckdb_text", "duckdb_codes")
Answer = pd.DataFrame | Callable[[], pd.DataFrame]
"""What a tool gives, or what fetches it from where the tool keeps it."""
_READ = ["decision_id", "decided_at", *PARTS]


def measure_ours(decisions_path: Path | str, outcomes_path: Path | str) -> dict[str, float]:
    """Return rows, seconds, CPU seconds and peak MB of a replay, the events made of the outcomes.

    It runs in a process of its own; reading the two tables is not counted in the seconds.
    """
    return _in_a_process("whole", decisions_path, outcomes_path, "")


def side_by_side(decisions: Path, outcomes: Path, *, repeats: int) -> dict[str, dict[str, object]]:
    """Measure every tool in turn, so many times, and hold the results against ours."""
    with TemporaryDirectory() as folder:
        past = Path(folder) / "past.parquet"
        _events(decisions, outcomes).to_parquet(past)
        runs: dict[str, list[dict[str, float]]] = {tool: [] for tool in TOOLS}
        for _ in range(repeats):
            for tool in TOOLS:
                runs[tool].append(_in_a_process(tool, decisions, past, folder))
        ours = pd.read_parquet(Path(folder) / "ours.parquet")
        return {
            tool: _summary(runs[tool], runs["ours"])
            | {"largest_difference": _difference(ours, Path(folder) / f"{tool}.parquet")}
            for tool in TOOLS
        }


def _events(decisions: Path, outcomes: Path) -> pd.DataFrame:
    return events(pd.read_parquet(decisions, columns=_READ), pd.read_parquet(outcomes))


def _difference(ours: pd.DataFrame, other: Path) -> float:
    """Return the largest difference of a number; infinite where one is null and one is not."""
    theirs = pd.read_parquet(other)[list(RECORD_COLUMNS)].to_numpy()
    own = ours.to_numpy()
    if not np.array_equal(np.isnan(own), np.isnan(theirs)):
        return float("inf")
    return float(np.nanmax(np.abs(own - theirs)))


def _summary(runs: list[dict[str, float]], ours: list[dict[str, float]]) -> dict[str, object]:
    seconds = [run["seconds"] for run in runs]
    cpu = [run["cpu_seconds"] for run in runs]
    return {
        "rows": runs[0]["rows"],
        "seconds": statistics.median(seconds),
        "seconds_least": min(seconds),
        "seconds_most": max(seconds),
        "cpu_seconds": statistics.median(cpu),
        "peak_mb": max(run["peak_mb"] for run in runs),
        "times_ours": statistics.median(seconds) / statistics.median(r["seconds"] for r in ours),
        "cpu_times_ours": statistics.median(cpu)
        / statistics.median(r["cpu_seconds"] for r in ours),
    }


def _in_a_process(tool: str, *words: Path | str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.scale_replay", "--child", tool, *map(str, words)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def _child(tool: str, decisions: str, other: str, folder: str) -> None:
    """Run one tool, and tell what it took."""
    made = pd.read_parquet(decisions, columns=_READ)
    table = pd.read_parquet(other)
    runs: dict[str, Callable[[], Callable[[], Answer]]] = {
        "whole": lambda: lambda: replay(made, events(made, table), SETTINGS),
        "ours": lambda: lambda: replay(made, table, SETTINGS),
        "ours_codes": lambda: _ours_of_codes(made, table),
        "pandas_text": lambda: pandas_rival(made, table, SETTINGS, as_codes=False),
        "pandas_codes": lambda: pandas_rival(made, table, SETTINGS, as_codes=True),
        "duckdb_text": lambda: duckdb_rival(made, table, SETTINGS, as_codes=False),
        "duckdb_codes": lambda: duckdb_rival(made, table, SETTINGS, as_codes=True),
    }
    run = runs[tool]()
    started, busy = time.perf_counter(), time.process_time()
    answer = run()
    seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if folder:
        _table(answer).to_parquet(Path(folder) / f"{tool}.parquet")
    told = {"rows": len(made), "seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak}
    print(json.dumps(told))


def _ours_of_codes(decisions: pd.DataFrame, past: pd.DataFrame) -> Callable[[], Answer]:
    made, taught = (each.astype(dict.fromkeys(PARTS, "category")) for each in (decisions, past))
    return lambda: replay(made, taught, SETTINGS)


def _table(answer: Answer) -> pd.DataFrame:
    """Return the answer as a table; DuckDB's is fetched only now."""
    return answer if isinstance(answer, pd.DataFrame) else answer()


def _print(figures: dict[str, dict[str, object]]) -> None:
    print(
        f"{'':14}{'seconds':>9}{'least':>8}{'most':>8}{'cpu s':>8}{'peak MB':>9}{'times':>7}"
        "  off by"
    )
    for tool, row in figures.items():
        print(
            f"{tool:14}{row['seconds']:9.2f}{row['seconds_least']:8.2f}{row['seconds_most']:8.2f}"
            f"{row['cpu_seconds']:8.2f}{row['peak_mb']:9.0f}{row['times_ours']:7.1f}"
            f"  {row['largest_difference']:.1e}"
        )


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("decisions", type=Path)
    parser.add_argument("outcomes", type=Path)
    parser.add_argument("--large", type=Path, nargs=2, help="decisions and outcomes for ours alone")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--to", type=Path, help="JSON file of the figures")
    words = parser.parse_args()
    figures = side_by_side(words.decisions, words.outcomes, repeats=words.repeats)
    _print(figures)
    found: dict[str, object] = {"keys": [key.name for key in KEYS], "side_by_side": figures}
    if words.large:
        found["ours_large"] = measure_ours(*words.large)
        print(found["ours_large"])
    if words.to:
        words.to.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if any(not row["largest_difference"] <= TOLERANCE for row in figures.values()):  # type: ignore[operator]
        sys.exit("the results differ")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(*sys.argv[2:6])
    else:
        main()
