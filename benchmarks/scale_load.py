"""Loading decisions with every check, beside bare COPY of the same rows.

``python -m benchmarks.scale_load --decisions FILE.parquet --out FILE.json [--rows 10000000]`` loads
as many of the decisions as `--rows` says (all where it is not given) by the plain function behind
``secondlook load`` into a fresh home on PostgreSQL, and copies the same rows, written as CSV
beforehand, into tables of the same kind with the same indexes. Both go into a schema of their own,
made and dropped, on the server of ``SECONDLOOK_TEST_POSTGRES_URL`` with its settings as they are.
``--sqlite`` loads into SQLite too. Each load runs in a process of its own; ``peak_mb`` is of that
process, not of the server.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import psycopg
import pyarrow.csv
import pyarrow.parquet as pq
import sqlalchemy as sa

from benchmarks.monitoring_cost import measure_process
from features.contract import DECISIONS, check
from features.copying import as_arrow
from features.home import Home, make_home
from features.intake import take_decisions
from features.schema import decisions as decisions_table
from features.store import open_store

POSTGRES = "SECONDLOOK_TEST_POSTGRES_URL"
SCHEMA = "secondlook_scale_load"
_ROWS_A_FILE = 250_000
_BLOCK = 1 << 20
_SETTINGS = ("server_version", "shared_buffers", "max_wal_size", "synchronous_commit", "fsync")
_NOW = datetime(2100, 1, 1, tzinfo=UTC)


def measure_load(decisions: Path, url: str | None) -> dict[str, float]:
    """Load decisions into a fresh home, in a process of its own.

    Parameters
    ----------
    url
        SQLAlchemy URL of a PostgreSQL server; null = SQLite.

    Returns
    -------
    ``rows``, ``seconds`` of the load alone, and ``peak_mb`` of the process.
    """
    with TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        place = [] if url is None else ["--into", url]
        command = [sys.executable, "-m", "benchmarks.scale_load", "--decisions", str(decisions)]
        cost = measure_process([*command, "--out", str(told), "--one", *place])
        return {**json.loads(told.read_text()), "peak_mb": cost.peak_mb}


def load_once(decisions: Path, url: str | None) -> dict[str, float]:
    """Load decisions in this process: ``rows`` and ``seconds``."""
    with TemporaryDirectory() as folder, _fresh_home(Path(folder) / "home", url) as home:
        began = time.perf_counter()
        taken = take_decisions(home, decisions, now=_NOW)
        return {"rows": taken.new, "seconds": time.perf_counter() - began}


def measure_copy(blocks: list[Path], url: str) -> dict[str, float]:
    """Copy rows that are CSV already into an empty store: the least that a load can take."""
    with TemporaryDirectory() as folder, _fresh_home(Path(folder) / "home", url) as home:
        place = sa.make_url(home.store_url()).set(drivername="postgresql")
        began = time.perf_counter()
        with psycopg.connect(place.render_as_string(hide_password=False)) as connection:
            rows = _copy(connection, blocks)
        return {"rows": rows, "seconds": time.perf_counter() - began}


def _copy(connection: psycopg.Connection[Any], blocks: list[Path]) -> int:
    names = ", ".join((blocks[0].parent / "columns").read_text().split())
    statement = f"COPY decisions ({names}) FROM STDIN (FORMAT csv)"
    with connection.cursor() as cursor:
        with cursor.copy(statement.encode()) as copy:
            for path in blocks:
                with path.open("rb") as file:
                    while block := file.read(_BLOCK):
                        copy.write(block)
        return cursor.rowcount


@contextmanager
def _fresh_home(path: Path, url: str | None) -> Iterator[Home]:
    """Make a home with an empty store; a schema on PostgreSQL is dropped at the end."""
    home = make_home(path)
    if url is None:
        _initialise(home)
        yield home
        return
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    schema = f"{SCHEMA}_{uuid4().hex[:8]}"
    _run(admin, f"CREATE SCHEMA {schema}")
    home.settings_file.write_text(f'store_url = "{url}?options=-csearch_path%3D{schema}"\n')
    try:
        _initialise(home)
        yield home
    finally:
        _run(admin, f"DROP SCHEMA {schema} CASCADE")
        admin.dispose()


def _run(engine: sa.Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def _initialise(home: Home) -> None:
    store = open_store(home.store_url())
    store.initialise()
    store.engine.dispose()


def _prepare(decisions: Path, folder: Path, rows: int | None) -> tuple[Path, list[Path]]:
    """Write the first rows as one Parquet file, and as CSV in the columns of the store."""
    file, part = folder / "decisions.parquet", 0
    blocks: list[Path] = []
    source = pq.ParquetFile(decisions)
    left = rows or source.metadata.num_rows
    with pq.ParquetWriter(file, source.schema_arrow) as writer:
        for batch in source.iter_batches(_ROWS_A_FILE):
            batch = batch.slice(0, left)
            if not len(batch):
                break
            writer.write_batch(batch)
            blocks.append(_write_csv(batch.to_pandas(), folder / f"{part}.csv"))
            left, part = left - len(batch), part + 1
    return file, blocks


def _write_csv(frame: Any, path: Path) -> Path:
    stored = as_arrow(check(frame, DECISIONS).require(), decisions_table)
    options = pyarrow.csv.WriteOptions(include_header=False)
    pyarrow.csv.write_csv(stored, path, options)
    (path.parent / "columns").write_text(" ".join(stored.column_names))
    return path


def _settings(url: str) -> dict[str, str]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = {n: connection.exec_driver_sql(f"SHOW {n}").scalar_one() for n in _SETTINGS}
    engine.dispose()
    return found


def compare(decisions: Path, url: str, *, rows: int | None, repeats: int) -> dict[str, Any]:
    """Load and copy the same rows in turn, as often as asked; rates are of the quickest of each."""
    with TemporaryDirectory() as folder:
        file, blocks = _prepare(decisions, Path(folder), rows)
        loads, copies = [], []
        for _ in range(repeats):
            copies.append(measure_copy(blocks, url))
            loads.append(measure_load(file, url))
    load, copy = (min(runs, key=lambda run: run["seconds"]) for runs in (loads, copies))
    return {
        "load": loads,
        "bare_copy": copies,
        "load_rows_per_s": load["rows"] / load["seconds"],
        "bare_copy_rows_per_s": copy["rows"] / copy["seconds"],
        "share_of_bare_copy": copy["seconds"] / load["seconds"],
        "server": _settings(url),
    }


def main() -> None:
    """Measure as the arguments ask, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--into", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        figures: dict[str, Any] = dict(load_once(asked.decisions, asked.into))
    else:
        url = os.environ[POSTGRES]
        figures = compare(asked.decisions, url, rows=asked.rows, repeats=asked.repeats)
        if asked.sqlite:
            figures["sqlite"] = measure_load(asked.decisions, None)
    asked.out.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
