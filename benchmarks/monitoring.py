"""Measure what monitoring finds, how often it cries for nothing, and what it costs; write JSON.

``uv run --group bench python -m benchmarks.monitoring --out FILE.json`` plants changes into a
simulated programme (`benchmarks.planted`) and lets Second Look, Evidently and NannyML watch it
(`benchmarks.monitoring_looks`), counted alike (`benchmarks.monitoring_counting`); then it monitors
homes of 100,000 and 1,000,000 ranked decisions (`benchmarks.monitoring_cost`).

The JSON holds ``detection``: ``{planted change: {system: days to detect or null}}``, the median
over seeds; ``false_alarms``: ``{system: {what: alerts that begin in a fortnight}}``; ``cost``:
``{rows: {monitor, report, monitor_again: {seconds, cpu_seconds, peak_mb}}}``; and ``detail`` by
seed. A file that is there is added to: parts that are not measured stay as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.monitoring_cost import measure_rows
from benchmarks.monitoring_detection import SYSTEMS, Found, detection, false_alarms, measure_seed

PARTS = ("detection", "false_alarms", "cost")


def measure(arguments: argparse.Namespace, keep: Callable[[str, Found], None]) -> None:
    """Measure the parts asked for; `keep` is given what is known after each step."""
    if {"detection", "false_alarms"} & set(arguments.parts):
        watch_worlds(arguments, keep)
    if "cost" in arguments.parts:
        costs: Found = {}
        for rows in arguments.rows:
            costs[str(rows)] = measure_rows(rows)
            keep(f"{rows:,} rows: {costs[str(rows)]}", {"cost": costs})


def watch_worlds(arguments: argparse.Namespace, keep: Callable[[str, Found], None]) -> None:
    """Let the systems watch each world."""
    by_seed: dict[int, Found] = {}
    changes = arguments.changes if "detection" in arguments.parts else ()
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):

        def report(line: str, found: Found, seed: int = seed) -> None:
            by_seed[seed] = found
            keep(line, summary(by_seed))

        measure_seed(seed, arguments.systems, changes, report)


def summary(by_seed: Mapping[int, Found]) -> Found:
    """Return detection and false alarms over seeds, and everything by seed."""
    found = list(by_seed.values())
    return {
        "detection": detection(found),
        "false_alarms": false_alarms(found),
        "detail": {str(seed): found for seed, found in by_seed.items()},
    }


def added_to(known: Any, new: Any, *, levels: int = 4) -> Any:
    """Return what was known with what is new in its place, for so many levels of names.

    Examples
    --------
    >>> added_to({"cost": {"1": 2}, "detail": 1}, {"cost": {"3": 4}})
    {'cost': {'1': 2, '3': 4}, 'detail': 1}
    >>> added_to({"cost": {"1": 2}}, {"cost": {"3": 4}}, levels=1)
    {'cost': {'3': 4}}
    """
    if levels == 0 or not (isinstance(known, dict) and isinstance(new, dict)):
        return new
    added = {k: added_to(known.get(k), v, levels=levels - 1) for k, v in new.items()}
    return known | added


def table(found: Found) -> str:
    """Return days to detect as a Markdown table."""
    lines = ["| change | " + " | ".join(SYSTEMS) + " |", "|---" * (len(SYSTEMS) + 1) + "|"]
    for change, by_system in found.get("detection", {}).items():
        days = [by_system.get(system) for system in SYSTEMS]
        cells = ["not found" if each is None else f"{each:g}" for each in days]
        lines.append(f"| {change} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="JSON to write, or to add to")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=2, help="number of worlds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--changes", nargs="+", help="names; default: all")
    parser.add_argument("--rows", nargs="+", type=int, default=[100_000, 1_000_000])
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Measure, and keep what is known so far in the file."""
    read = parse(arguments)
    known = json.loads(read.out.read_text(encoding="utf-8")) if read.out.is_file() else {}

    def keep(line: str, found: Found) -> None:
        nonlocal known
        print(line, file=sys.stderr, flush=True)
        known = added_to(known, found)
        read.out.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")

    with import_module("threadpoolctl").threadpool_limits(1):
        measure(read, keep)
    print(table(known))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
