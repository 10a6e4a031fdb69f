"""Measure the selection and the estimates, and write what was found as JSON.

``uv run --group bench python -m benchmarks.selection --out FILE.json`` runs it whole, in about half
an hour on one core; ``--simulations``, ``--repetitions``, ``--rows`` and ``--parts`` scale it down.
``--real FOLDER`` adds repeated audits of the real decisions kept there.

The JSON holds ``frontier`` ({design: {K: {capture, width, ...}}}, the mean of the worlds), the same
``frontier_by_world``, ``against_80_20``, ``coverage`` ({interval: {scenario: least coverage of any
domain}}), ``exactness`` ({mode: {z_total, ...}}), ``speed`` (seconds), ``replay``, and
``coverage_cells``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.coverage import SCENARIOS, measure_coverage
from benchmarks.exactness import measure_exactness
from benchmarks.frontier import measure_frontier
from benchmarks.replay import measure_replay
from models.estimate import AuditedFrame, estimate_by
from models.plan import DIALS, RiskFrame, fit_plan
from models.sampling_key import SamplingKey, uniform_numbers
from models.selection import select_batch

PARTS = ("speed", "frontier", "exactness", "replay", "coverage")
FRONTIER_WORLDS = (("logistic", 0), ("logistic", 1), ("logistic", 11), ("frail", 0), ("bursts", 0))
COVERAGE_WORLDS = (("logistic", 7), ("frail", 3), ("bursts", 4))
REAL = {"mhc": "language", "convabuse": "moderator_id"}


def measure_speed(rows: int) -> dict[str, float]:
    """Seconds for the keys, the plan, the selection (keys included) and 40 domains' estimates."""
    rng = np.random.default_rng(0)
    p = rng.beta(0.6, 10, rows)
    policy = np.array([f"policy {i}" for i in range(12)], dtype=object)[rng.integers(0, 12, rows)]
    domain = np.array([f"domain {i}" for i in range(40)], dtype=object)[rng.integers(0, 40, rows)]
    ids = np.array([f"decision-{i:09d}" for i in range(rows)], dtype=object)
    risk = RiskFrame(ids, p, p * rng.choice([1.0, 2.0, 5.0], rows), policy)
    key, audits, marks = SamplingKey("speed", bytes(32)), rows // 50, [time.perf_counter()]
    uniform_numbers(ids, key)
    marks.append(time.perf_counter())
    plan = fit_plan(risk, capacity=audits, key_id="speed")
    marks.append(time.perf_counter())
    drawn = select_batch(risk, plan=plan, key=key, capacity=audits)
    marks.append(time.perf_counter())
    wrong = np.where(drawn.selected, (rng.random(rows) < p).astype(float), np.nan)
    frame = AuditedFrame(p, drawn.inclusion_probability, drawn.selected, wrong)
    marks.append(time.perf_counter())
    estimate_by(frame, domain)
    marks.append(time.perf_counter())
    keys, fitted, selected, _, estimated = np.diff(marks).tolist()
    return {
        "rows": float(rows),
        "keys_s": keys,
        "plan_s": fitted,
        "selection_with_keys_s": selected,
        "plan_keys_and_selection_s": fitted + selected,
        "estimate_40_domains_s": estimated,
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="where to write the JSON")
    parser.add_argument("--simulations", type=int, default=2000, help="per coverage cell")
    parser.add_argument("--repetitions", type=int, default=4000, help="per mode of exactness")
    parser.add_argument("--audits-repeated", type=int, default=500, help="per dial on real data")
    parser.add_argument("--rows", type=int, default=40_000, help="decisions of a simulated day")
    parser.add_argument("--dials", nargs="+", choices=list(DIALS), default=list(DIALS))
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=SCENARIOS)
    parser.add_argument("--speed-rows", type=int, default=1_000_000)
    parser.add_argument("--real", type=Path, help="folder with mhc/ and convabuse/")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run the parts asked for, writing the file after each."""
    options = parse(arguments)
    found: dict[str, object] = {"settings": {k: str(v) for k, v in vars(options).items()}}
    for part in options.parts:
        started = time.perf_counter()
        found |= _run(part, options)
        found[f"seconds_{part}"] = time.perf_counter() - started
        options.out.write_text(json.dumps(found, indent=1))
        print(f"{part}: {time.perf_counter() - started:,.0f} s", file=sys.stderr, flush=True)
    return 0


def _run(part: str, options: argparse.Namespace) -> dict[str, object]:
    if part == "speed":
        return {"speed": measure_speed(options.speed_rows)}
    if part == "frontier":
        return measure_frontier(list(FRONTIER_WORLDS), rows=50_000)
    if part == "exactness":
        return {"exactness": measure_exactness(options.repetitions)}
    if part == "replay":
        return {"replay": _replay(options)}
    measured = measure_coverage(
        list(COVERAGE_WORLDS),
        dials={dial: DIALS[dial] for dial in options.dials},
        scenarios=options.scenarios,
        simulations=options.simulations,
        rows=options.rows,
        progress=lambda cell: _tell(cell, options.out.with_suffix(".cells")),
    )
    return {"coverage": measured["worst"], "coverage_cells": measured["cells"]}


def _replay(options: argparse.Namespace) -> dict[str, object]:
    if options.real is None:
        return {}
    return {
        name: measure_replay(options.real / name, domain, repetitions=options.audits_repeated)
        for name, domain in REAL.items()
    }


def _tell(cell: dict[str, object], log: Path) -> None:
    """Show progress, and keep the cell in case the run is broken off."""
    what = [cell[name] for name in ("world", "scenario", "dial", "period", "overall")]
    print(*what, file=sys.stderr, flush=True)
    with log.open("a") as lines:
        lines.write(json.dumps(cell) + "\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
