"""Measure assignment: time, nearness to the bound, broken rules, exposure, and auditors' noise.

``uv run --group bench python -m benchmarks.assignment --out FILE.json`` takes some minutes;
``--parts``, ``--simulations`` and ``--shifts`` scale it down.

The JSON holds ``solve`` (audits, people -> seconds, share of the relaxation's bound),
``violations`` (shifts tried, rules broken), ``exposure`` (before and after, with the errors found)
and ``noise`` (bias of the raw and the corrected figure, coverage of its interval).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.assignment_exposure import measure_exposure
from benchmarks.assignment_noise import noise
from benchmarks.assignment_shifts import make_people, make_work
from models.assignment.assign import assign
from models.assignment.violations import violations
from models.assignment.work import Rules

PARTS = ("solve", "violations", "exposure", "noise")
SIZES = ((2_000, 50), (20_000, 300))
TIGHTNESS = (0.6, 0.9, 1.3)
"""Minutes on shift over minutes of audits."""


def measure_solve(seeds: int) -> list[dict[str, float]]:
    """Return time and share of the bound for each size, tightness and seed."""
    rows = []
    for audits, people in SIZES:
        for tightness in TIGHTNESS:
            for seed in range(seeds):
                rng = np.random.default_rng([audits, seed])
                work = make_work(audits, rng)
                minutes = tightness * float(work.minutes.sum()) / people
                auditors = make_people(people, minutes, rng)
                start = time.perf_counter()
                found = assign(work, auditors, Rules())
                rows.append(
                    {
                        "audits": audits,
                        "people": people,
                        "tightness": tightness,
                        "seconds": time.perf_counter() - start,
                        "share_of_bound": found.share_of_bound,
                        "placed": float((found.person >= 0).mean()),
                        "violations": len(violations(found, work, auditors, Rules())),
                    }
                )
                print(rows[-1], flush=True)
    return rows


def measure_violations(shifts: int) -> dict[str, int]:
    """Return the rules that random shifts break, and audits that wait without a reason."""
    broken = unexplained = waiting = 0
    for seed in range(shifts):
        rng = np.random.default_rng([1, seed])
        rules = Rules(
            graphic_from=int(rng.integers(1, 4)),
            apart_from_site=bool(rng.random() < 0.5),
            most_in_a_row=int(rng.integers(1, 6)),
            graphic_minutes_an_hour=float(rng.choice([5, 15, 30])),
        )
        work = make_work(int(rng.integers(0, 200)), rng)
        auditors = make_people(int(rng.integers(0, 15)), float(rng.choice([15, 60, 240])), rng)
        found = assign(work, auditors, rules)
        broken += len(violations(found, work, auditors, rules))
        waiting += len(found.unplaced)
        unexplained += sum(not each.freed_by for each in found.unplaced)
    return {"shifts": shifts, "broken": broken, "waiting": waiting, "unexplained": unexplained}


def main(arguments: list[str]) -> int:
    """Run the parts that were asked for, and write what they found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shifts", type=int, default=500)
    parser.add_argument("--simulations", type=int, default=1_000)
    asked = parser.parse_args(arguments)
    measure: dict[str, Any] = {
        "solve": lambda: measure_solve(asked.seeds),
        "violations": lambda: measure_violations(asked.shifts),
        "exposure": lambda: measure_exposure(seeds=asked.seeds),
        "noise": lambda: noise(asked.simulations, seed=0),
    }
    found = {part: measure[part]() for part in asked.parts}
    asked.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(json.dumps({k: v for k, v in found.items() if k != "solve"}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
