"""What planning, estimating, monitoring and reporting cost on ever more ranked decisions.

``uv run --group bench python -m benchmarks.scale_monitor FOLDER --rows 100000 1000000`` makes a
home of so many ranked decisions on SQLite (`benchmarks.monitoring_home`) and measures each step in
a process of its own. Beyond `MADE_ROWS` decisions a home is grown by copying its rows under other
ids: they cost what others would, and only the time of simulating them is saved.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from benchmarks.monitoring_cost import measure_process
from benchmarks.monitoring_home import make_ranked_home
from features import schema
from features.home import Home, open_home
from features.loading import one_transaction
from features.store import Store, open_store
from models.estimate import AuditedFrame, estimate_by
from monitoring.alarms.alarm import ALARM_STANDS

MADE_ROWS = 1_000_000
"""Decisions that are simulated; more are copies of these."""
STEPS = ("plan", "estimate", "monitor", "report")
_IDS = {
    "decisions": ("decision_id", "item_id", "item_group"),
    "selections": ("decision_id",),
    "outcomes": ("audit_id", "decision_id", "supersedes"),
}
_POLICIES, _AUDITED_SHARE = 12, 0.05


def measure(step: str, rows: int, folder: Path) -> dict[str, float]:
    """Measure one step on so many decisions.

    Parameters
    ----------
    step
        One of `STEPS`. ``monitor`` is the first run on a home, which samples every day.
    folder
        Where homes are made, and found when the same rows are measured again.

    Returns
    -------
    ``rows``; ``seconds`` (elapsed, for ``estimate`` those of the estimate alone); ``cpu_seconds``
    and ``peak_mb`` of the process.
    """
    if step == "estimate":
        command = [sys.executable, "-m", "benchmarks.scale_monitor", "--estimate", str(rows)]
        told = folder / f"estimate-{rows}.json"
        folder.mkdir(parents=True, exist_ok=True)
        cost = measure_process([*command, str(told)])
        seconds = float(json.loads(told.read_text(encoding="utf-8")))
        return _told(rows, seconds, cost.cpu_seconds, cost.peak_mb)
    home = home_of(rows, folder)
    command = [sys.executable, "-m", "secondlook", step, "--home", str(home.path)]
    cost = measure_process(command, allowed=(0, ALARM_STANDS))
    return _told(rows, cost.seconds, cost.cpu_seconds, cost.peak_mb)


def home_of(rows: int, folder: Path) -> Home:
    """Return the home of so many ranked decisions, made where it is not there yet."""
    path = folder / f"home-{rows}"
    if path.is_dir():
        return open_home(path)
    copies = -(-rows // MADE_ROWS)
    home = make_ranked_home(path, rows=rows // copies)
    store = open_store(home.store_url())
    grow(store, copies)
    store.engine.dispose()
    return home


def grow(store: Store, copies: int) -> None:
    """Multiply what a store holds: each copy has its own ids, and is otherwise alike."""
    with one_transaction(store) as connection:
        for number in range(1, copies):
            for table in (schema.decisions, schema.selections, schema.outcomes):
                connection.execute(_copy(table, f"copy{number:03d}-"))


def _copy(table: sa.Table, prefix: str) -> Any:
    columns = [c for c in table.columns if c.name != "selection_id"]
    ids = _IDS[table.name]
    own = [sa.literal(prefix) + c if c.name in ids else c for c in columns]
    originals = sa.select(*own).where(table.c.decision_id.not_like("copy%"))
    return table.insert().from_select([c.name for c in columns], originals)


def time_estimate(rows: int) -> float:
    """Return the seconds that the accuracy of so many decisions takes by policy."""
    rng = np.random.default_rng(rows)
    risk = rng.beta(1, 20, rows)
    audited = rng.random(rows) < _AUDITED_SHARE
    overturned = np.where(audited, rng.random(rows) < risk, np.nan)
    frame = AuditedFrame(risk, np.full(rows, _AUDITED_SHARE), audited, overturned)
    names = np.array([f"policy-{number:02d}" for number in range(_POLICIES)], dtype=object)
    policy = names[rng.integers(0, _POLICIES, rows)]
    began = time.perf_counter()
    estimate_by(frame, policy)
    return time.perf_counter() - began


def _told(rows: int, seconds: float, cpu_seconds: float, peak_mb: float) -> dict[str, float]:
    return {"rows": rows, "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak_mb}


def main(arguments: list[str]) -> int:
    """Measure the steps and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, nargs="?", help="where homes are made and kept")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, MADE_ROWS])
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--estimate", nargs=2, metavar=("ROWS", "FILE"), help=argparse.SUPPRESS)
    read = parser.parse_args(arguments)
    if read.estimate is not None:
        seconds = time_estimate(int(read.estimate[0]))
        Path(read.estimate[1]).write_text(json.dumps(seconds), encoding="utf-8")
        return 0
    if read.folder is None:
        parser.error("FOLDER is needed")
    found = {step: [measure(step, rows, read.folder) for rows in read.rows] for step in read.steps}
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
