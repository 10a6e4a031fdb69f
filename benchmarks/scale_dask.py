"""Replay, ranking and training on a local Dask cluster of two workers, beside the local engine.

``uv run --group bench python -m benchmarks.scale_dask --data FOLDER --out FILE.json
[--rows 1000000] [--parts 8] [--only replay rank learn]``: the decisions of
`benchmarks.scale_rank.prepare`, a simulated month of which 5 % were audited, are laid out as a
folder of so many Parquet files. Both engines read that folder: ``replay`` writes what was known of
every decision, ``rank`` ranks for 1 % of the volume in a home of its own, ``learn`` reads, checks
and learns a model with its trial. Both run in the same process one after the other, the workers
beside it; the cluster is started before the clock, except for ``rank``, which starts its own.

The JSON has an entry for each: seconds of either engine, whether what came out is equal to the last
bit, the largest difference, and for ``learn`` whether the model text is the same.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.scale_rank import CAPACITY_SHARE, NOW, decisions_of, home_of, outcomes_of, prepare
from features.cluster.connection import open_cluster
from features.cluster.replay import Tables, replay_parts
from features.contract import DECISIONS, OUTCOMES
from features.home import Home
from features.partitions import Reading
from features.policies import Policies
from features.replay_file import replay_file
from features.track_record import RecordSettings
from models.bundle import Bundle
from serving.backlog.asked import Asked, Keep
from serving.backlog.dask_ranking import rank_backlog_dask
from serving.backlog.ranking import rank_file
from training.dask_engine import engine_on
from training.engine import HERE, Engine
from training.learn import LearningSettings, Trial, learn
from training.source import Border

WORKERS = 2
LATE = datetime(2100, 1, 1, tzinfo=UTC)


def in_parts(data: Path, rows: int, parts: int, folder: Path) -> Path:
    """Lay the decisions of a size out as a folder of Parquet files."""
    folder.mkdir()
    table = pq.read_table(decisions_of(data, rows)).replace_schema_metadata(None)
    ends = np.linspace(0, len(table), parts + 1).astype(int)
    for number, (first, last) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
        part = table.slice(first, last - first)
        pq.write_table(part, folder / f"part-{number:05d}.parquet")
    return folder


def measure_replay(data: Path, rows: int, decisions: Path, scratch: Path) -> dict[str, Any]:
    """Replay with either engine; columns must be equal to the last bit."""
    outcomes, settings = outcomes_of(data, rows), RecordSettings()
    local_s = _timed(
        lambda: replay_file(decisions, outcomes, scratch / "local", settings=settings)
    )[0]
    with open_cluster(workers=WORKERS) as client:
        tables = Tables(decisions, outcomes, Reading(DECISIONS))
        dask_s = _timed(lambda: replay_parts(client, tables, scratch / "dask", settings=settings))[
            0
        ]
    told = difference(_read(scratch / "local"), _read(scratch / "dask"))
    return {"rows": rows, "local_s": local_s, "dask_s": dask_s, **told}


def measure_rank(data: Path, rows: int, decisions: Path, scratch: Path) -> dict[str, Any]:
    """Rank with either engine in homes alike."""
    one = home_of(scratch / "one", data, rows, compiled=False)
    shutil.copytree(one.path, scratch / "other")
    here, there = scratch / "ranked.parquet", scratch / "ranked"
    capacity = round(CAPACITY_SHARE * rows)
    asked = Asked(decisions, here, NOW, capacity=capacity, keep=Keep.SELECTED)
    local_s = _timed(lambda: rank_file(one, asked))[0]
    other, asked = Home(scratch / "other"), replace(asked, to=there)
    dask_s = _timed(lambda: rank_backlog_dask(other, asked, scheduler=None))[0]
    told = difference(pd.read_parquet(here), _read(there))
    return {"rows": rows, "local_s": local_s, "dask_s": dask_s, **told}


def measure_learn(data: Path, rows: int, decisions: Path, _: Path) -> dict[str, Any]:
    """Read, check and learn with either engine."""
    outcomes = outcomes_of(data, rows)
    local_s, (bundle, trial) = _timed(lambda: _learned(HERE, decisions, outcomes))
    with open_cluster(workers=WORKERS) as client:
        engine = engine_on(client)
        dask_s, (other, tried) = _timed(lambda: _learned(engine, decisions, outcomes))
    same = _texts(bundle) == _texts(other)
    told = difference(trial.predictions, tried.predictions)
    return {"rows": rows, "local_s": local_s, "dask_s": dask_s, "same_text": same, **told}


MEASURES = {"replay": measure_replay, "rank": measure_rank, "learn": measure_learn}


def _learned(engine: Engine, decisions: Path, outcomes: Path) -> tuple[Bundle, Trial]:
    border = Border(None, None, LATE, None, skip_bad=False)
    tables = (
        engine.read_table(path, table, border)
        for path, table in ((decisions, DECISIONS), (outcomes, OUTCOMES))
    )
    settings = LearningSettings(earlier_looks=True)
    return learn(*tables, policies=Policies(), settings=settings, engine=engine)


def _texts(bundle: Bundle) -> list[str]:
    boosters = [bundle.risk.booster, *([bundle.usual.booster] if bundle.usual else [])]
    return [booster.model_to_string() for booster in boosters]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made


def _read(folder: Path) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(part) for part in sorted(folder.glob("*.parquet"))])


def difference(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    """Return whether two tables hold the same decisions alike, and how far numbers part."""
    one, other = (table.sort_values("decision_id", ignore_index=True) for table in (one, other))
    numbers = one.select_dtypes("number").columns
    apart = (one[numbers] - other[numbers]).abs().max().max()
    return {"equal": bool(one.equals(other)), "largest_difference": float(apart)}


def main(words: Sequence[str] | None = None) -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES))
    asked = parser.parse_args(words)
    prepare(asked.data, asked.rows)
    found: dict[str, Any] = {}
    for step in asked.only:
        with TemporaryDirectory(dir=asked.data) as scratch:
            decisions = in_parts(asked.data, asked.rows, asked.parts, Path(scratch) / "decisions")
            found[step] = MEASURES[step](asked.data, asked.rows, decisions, Path(scratch))
        asked.out.write_text(json.dumps({"engine": found}, indent=1), encoding="utf-8")
        print(step, found[step])  # noqa: T201, a benchmark tells what it found


if __name__ == "__main__":
    main()
