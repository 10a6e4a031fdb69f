"""Measure how the store grows with ranked decisions, and what deleting them gives back.

``uv run python -m benchmarks.scale_store --out FILE.json`` stores simulated decisions with a made
offer each, the way a ranking stores them, in a schema of its own on PostgreSQL and in SQLite, and
tells bytes and seconds for a million. On PostgreSQL it goes on (`benchmarks.scale_retention`): what
each column and index takes, what the questions about a past day cost that admission asks, what a
day's partition would change, and what is left when old decisions that nobody audited are deleted.

The offers are made up: figures of full length drawn at random, one decision in a hundred selected
and audited. Ids count up by default as those of many queues do; with ``--ids random`` they are
random like UUIDs. Nothing else may use the server, whose log is measured as a whole.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd

from benchmarks import scale_retention
from benchmarks.scale_postgres import Gauge, own_schema
from benchmarks.serving_home import Scale, past_of
from features.pseudonym import pseudonymise
from features.store import Store, open_store

DAYS = 20
SELECTED_SHARE = 0.01
ROWS_A_CALL = 500
ROWS_A_WRITE = 5_000
_MARKS = 4
_KEY = b"pseudonyms of a benchmark, no secret"[:32]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Decisions as the store takes them, and the offer of each.

    Attributes
    ----------
    outcomes
        Of audits of the selected.
    """

    decisions: pd.DataFrame
    offers: pd.DataFrame
    outcomes: pd.DataFrame

    def parts(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Yield what one write stores, in the order of time."""
        for start in range(0, len(self.offers), ROWS_A_WRITE):
            rows = slice(start, start + ROWS_A_WRITE)
            yield self.decisions.iloc[rows], self.offers.iloc[rows]


def ranked_of(rows: int, *, text: bool, random_ids: bool) -> Ranked:
    """Make decisions of `DAYS` days, an offer of each, and audits of the selected."""
    made = past_of(Scale(DAYS, -(-rows // DAYS), audit_share=SELECTED_SHARE), text=text)
    decisions, outcomes = made.decisions.iloc[:rows], made.outcomes
    outcomes = outcomes[outcomes["decision_id"].isin(decisions["decision_id"])]
    if random_ids:
        names = {name: uuid4().hex for name in decisions["decision_id"]}
        decisions, outcomes = (
            table.assign(decision_id=table["decision_id"].map(names))
            for table in (decisions, outcomes)
        )
    people = [pseudonymise(table, _KEY) for table in (decisions, outcomes)]
    return Ranked(people[0], offers_of(decisions, set(outcomes["decision_id"])), people[1])


def offers_of(decisions: pd.DataFrame, audited: set[str]) -> pd.DataFrame:
    """Make an offer of each decision, an hour after it was made."""
    rows = len(decisions)
    rng = np.random.default_rng(rows)
    risk = rng.beta(1.0, 20.0, size=(rows, 3))
    selected = decisions["decision_id"].isin(audited).to_numpy()
    calls = [uuid4().hex for _ in range(-(-rows // ROWS_A_CALL))]
    at = decisions["decided_at"].astype("int64").to_numpy() + 3_600_000_000
    return pd.DataFrame(
        {
            "request_id": [calls[row // ROWS_A_CALL] for row in range(rows)],
            "decision_id": decisions["decision_id"],
            "selected_at": at,
            "over_enforcement": risk[:, 0],
            "under_enforcement": risk[:, 1],
            "wrong_selection": risk[:, 2],
            "overturn_probability": risk.sum(axis=1),
            "expected_harm": rng.gamma(1.0, 0.1, size=rows),
            "priority": rng.gamma(1.0, 0.3, size=rows),
            "rank": np.arange(rows) % ROWS_A_CALL + 1,
            "inclusion_probability": rng.beta(1.0, 60.0, size=rows),
            "threshold": 1.0 + (np.arange(rows) // ROWS_A_CALL) / rows,
            "selected": selected,
            "reason": np.where(selected, "risk", "random"),
            "random_audit": rng.random(rows) < SELECTED_SHARE / 10,
            "plan_version": "f3a9c1d20b7e",
            "model_version": "12",
            "key_id": "2026-11",
        }
    )


def fill(store: Store, ranked: Ranked, gauge: Gauge | None, file: Path) -> dict[str, Any]:
    """Store all, and return seconds and how the store grew."""
    store.initialise()
    grown: list[dict[str, int]] = []
    before, began = gauge.read() if gauge else None, perf_counter()
    parts = list(ranked.parts())
    for number, (decisions, offers) in enumerate(parts, start=1):
        store.add_ranking(decisions, offers, none_stored=True)
        if number * _MARKS // len(parts) > len(grown):
            held = gauge.schema_bytes() if gauge else _file_bytes(file)
            grown.append({"decisions": number * ROWS_A_WRITE, "bytes": held})
    seconds = perf_counter() - began
    spent = gauge.since(before) if gauge and before else None
    store.add_outcomes(ranked.outcomes)
    rows = len(ranked.offers)
    told: dict[str, Any] = {"decisions": rows, "seconds": seconds, "grown": grown}
    if spent:
        told |= {"wal_bytes": spent.wal_bytes / rows, "postgres_cpu_s": spent.sessions_s}
    return told


def _file_bytes(file: Path) -> int:
    return sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))


def measure_postgres(ranked: Ranked, url: str, *, sizes_alone: bool) -> dict[str, Any]:
    """Measure the store on PostgreSQL, and what deleting gives back unless sizes alone count."""
    with own_schema(url) as (place, gauge):
        store = open_store(place)
        told = fill(store, ranked, gauge, Path())
        told["settings"] = gauge.settings()
        told["vacuum_s"] = gauge.vacuum()
        told["tables"] = gauge.relations()
        if not sizes_alone:
            told |= scale_retention.measure(store, gauge)
        store.engine.dispose()
        return told


def measure_sqlite(ranked: Ranked, folder: Path) -> dict[str, Any]:
    """Measure the store on SQLite."""
    file = folder / "store.db"
    store = open_store(f"sqlite:///{file}")
    told = fill(store, ranked, None, file)
    with store.engine.begin() as connection:
        pages = connection.exec_driver_sql("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
        told["tables"] = {name: size for name, size in pages if size > 100_000}
    began = perf_counter()
    with store.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM")
    told["vacuum_s"] = perf_counter() - began
    store.engine.dispose()
    told["bytes_after_vacuum"] = _file_bytes(file)
    file.unlink()
    return told


def table_of(results: dict[str, Any]) -> str:
    """Return megabytes for a million decisions, by database, table and index."""
    lines = []
    for name, told in results.items():
        if not isinstance(told, dict) or "tables" not in told:
            continue
        per = 1e6 / told["decisions"]
        lines.append(f"{name}: {told['seconds'] * per:,.0f} s a million")
        for part, size in told["tables"].items():
            lines.append(f"  {part:32} {size * per / 1e6:10,.1f} MB")
        lines.append(f"  {'all':32} {sum(told['tables'].values()) * per / 1e6:10,.1f} MB")
    return "\n".join(lines)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="where to write the JSON")
    url = os.environ.get("SECONDLOOK_TEST_POSTGRES_URL")
    parser.add_argument("--postgres", default=url, help="SQLAlchemy URL of a database")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--text-rows", type=int, default=100_000, help="of the run with text")
    parser.add_argument("--ids", choices=("counting", "random"), default="counting")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Measure, keep what is known so far in the file, and print a table."""
    read = parse(arguments)
    results: dict[str, Any] = {"rows": read.rows, "ids": read.ids, "load_before": os.getloadavg()}
    for suffix, rows, text in (("", read.rows, False), ("_with_text", read.text_rows, True)):
        ranked = ranked_of(rows, text=text, random_ids=read.ids == "random")
        for name in ("postgres", "sqlite"):
            with TemporaryDirectory() as folder:
                results[name + suffix] = (
                    measure_postgres(ranked, read.postgres, sizes_alone=text)
                    if name == "postgres"
                    else measure_sqlite(ranked, Path(folder))
                )
            read.out.write_text(json.dumps(results, indent=1) + "\n")
    print(table_of(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
