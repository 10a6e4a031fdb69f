"""Sums of many ranked decisions: what they cost, what they take, and that the figure is the same.

``python -m benchmarks.scale_sums [--rows N] [--repeats K] [--out FILE.json]`` draws decisions of 12
policies, 10 languages, 10 teams, 4 regions and others over one day, in parts of 500,000, and prints
the seconds and peak memory of summing them, and, for a frame of all rows by policy, of the figure
from sums and from rows, with the largest difference of any rate, interval end or standard error.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from features.contract import DIRECTIONS
from features.kept_sums import OVERTURN, KeptSums, SumKey
from models.audited_frame import AuditedFrame
from models.estimate import Estimate, estimate_by
from models.kept_estimate import KeptPart, estimate_kept_by
from models.kept_sums import RankedRows, add_sums, sum_rows
from models.recalibration import Recalibration

ROWS_A_PART = 500_000
RECALIBRATION = Recalibration(-0.4, 0.8)
LABELS = {
    **{"policy": 12, "language": 10, "action": 4, "decided_by": 2, "moderator_team": 10},
    **{"site": 3, "region": 4, "source": 4, "day": 2},
}
_COMPARED = ("overturn_rate", "low", "high", "standard_error")
Result = TypeVar("Result")


def measure_sums(rows: int) -> dict[str, Any]:
    """Sum and estimate once; seconds, megabytes, and the largest difference."""
    parts = list(make_parts(rows))
    sums, summed_s = _timed(lambda: add_sums([sum_rows(part) for part in parts]))
    summing_mb = _peak_mb()
    frame, names = _frame(parts)
    audits, own = _audits(frame, names)
    policies = [(key, each) for key, each in sums.items() if key[1:4:2] == ("policy", OVERTURN)]
    kept = [KeptPart(key.label, each, RECALIBRATION) for key, each in policies]
    from_sums, sums_s = _timed(lambda: estimate_kept_by(kept, audits, own))
    from_rows, rows_s = _timed(lambda: estimate_by(frame, names, recalibration=RECALIBRATION))
    return {
        "rows": rows,
        "summing_s": summed_s,
        "summing_peak_mb": summing_mb,
        "labels": len({(key.column, key.label) for key in sums}),
        "kept_mb": sum(each.sums.nbytes for each in sums.values()) / 1e6,
        "stored_mb": stored_bytes(sums) / 1e6,
        "estimate_from_sums_s": sums_s,
        "estimate_from_rows_s": rows_s,
        "largest_difference": _difference(from_sums, from_rows),
    }


def make_parts(rows: int) -> Iterator[RankedRows]:
    """Yield ranked decisions of a day in parts; some labels are far more frequent than others."""
    rng = np.random.default_rng(0)
    for start in range(0, rows, ROWS_A_PART):
        count = min(ROWS_A_PART, rows - start)
        risk = np.clip(rng.beta(0.8, 14.0, count), 1e-5, 0.99)
        chance = np.clip(0.01 * np.sqrt(risk) / np.sqrt(risk).mean(), 1e-4, 1.0)
        shares = rng.dirichlet([3.0, 1.0, 1.0], count)
        yield RankedRows(
            model_version="1",
            labels={
                column: (_skewed(rng, count, size), [f"{column} {n}" for n in range(size)])
                for column, size in LABELS.items()
            },
            risk={OVERTURN: risk}
            | {name: risk * shares[:, place] for place, name in enumerate(DIRECTIONS)},
            inclusion_probability=chance,
            harm=rng.gamma(1.5, 1.0, count) + 0.01,
        )


def stored_bytes(sums: dict[SumKey, KeptSums]) -> int:
    """Return what the sums take as they are stored, deflated."""
    return sum(len(zlib.compress(each.sums.astype("<f8").tobytes())) for each in sums.values())


def _skewed(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    return np.minimum(rng.geometric(2.0 / (size + 1), count) - 1, size - 1).astype(np.int64)


def _frame(parts: list[RankedRows]) -> tuple[AuditedFrame, np.ndarray]:
    rng = np.random.default_rng(1)
    risk = np.concatenate([part.risk[OVERTURN] for part in parts])
    chance = np.concatenate([part.inclusion_probability for part in parts])
    numbers = np.concatenate([part.labels["policy"][0] for part in parts])
    audited = rng.random(len(risk)) < chance
    wrong = (rng.random(len(risk)) < risk * 1.3).astype(float)
    names = np.array(parts[0].labels["policy"][1], dtype=object)[numbers]
    return AuditedFrame(risk, chance, audited, np.where(audited, wrong, np.nan)), names


def _audits(frame: AuditedFrame, names: np.ndarray) -> tuple[AuditedFrame, np.ndarray]:
    rows = np.flatnonzero(frame.audited)
    risk = RECALIBRATION.apply(frame.overturn_probability[rows])
    chance, found = frame.inclusion_probability[rows], frame.overturned[rows]
    return AuditedFrame(risk, chance, frame.audited[rows], found), names[rows]


def _difference(mine: list[Estimate], rows: list[Estimate]) -> float:
    return max(
        abs(float(getattr(one, field)) - float(getattr(other, field)))
        for one, other in zip(mine, rows, strict=True)
        for field in _COMPARED
    )


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    begun = time.perf_counter()
    done = work()
    return done, time.perf_counter() - begun


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    runs = [measure_sums(given.rows) for _ in range(given.repeats)]
    for name in runs[0]:
        values = [run[name] for run in runs]
        middle, low, high = np.median(values), min(values), max(values)
        print(f"{name:22} {middle:12.4g}   {low:.4g} to {high:.4g}")
    if given.out is not None:
        given.out.write_text(json.dumps(runs, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
