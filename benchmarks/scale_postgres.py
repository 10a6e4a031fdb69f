"""A schema of one's own on a PostgreSQL server of this machine, and what the server spends on it.

Processor time is read from the system by the process ids that the server names, so that the server
must run on this machine. The write-ahead log is that of the whole server: who wants figures lets
nothing else write to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

import psutil
import sqlalchemy as sa

from benchmarks.kills import store_url
from benchmarks.serving_home import Scale, Served, demo_home
from features.home import make_home

SETTINGS = (
    "server_version",
    "shared_buffers",
    "synchronous_commit",
    "fsync",
    "full_page_writes",
    "wal_compression",
    "max_wal_size",
    "checkpoint_timeout",
    "autovacuum",
)
LARGE = ("decisions", "outcomes", "selections")
_COMMITS = 200


@dataclass(frozen=True, slots=True)
class Spent:
    """What the server has spent up to a moment, or between two.

    Attributes
    ----------
    sessions_s
        Processor seconds of the connections of the store.
    background_s
        Processor seconds of the server's own processes: checkpointer, writers of pages and log.
    wal_bytes
        Of the whole server.
    """

    sessions_s: float
    background_s: float
    wal_bytes: int


class Gauge:
    """Reads what a PostgreSQL server spends.

    Parameters
    ----------
    url
        SQLAlchemy URL of the database.
    name
        By which the server knows the connections that are measured.
    """

    def __init__(self, url: str, name: str) -> None:
        self._name = name
        self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        self._seen: dict[int, float] = {}

    def read(self) -> Spent:
        """Return what is spent so far; a connection that is gone counts as last seen."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.text("SELECT pid, application_name, datname FROM pg_stat_activity")
            ).all()
            wal = connection.scalar(sa.text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))
        ours = [pid for pid, name, _ in rows if name == self._name]
        own = [pid for pid, _, database in rows if database is None]
        self._seen |= {pid: _cpu_s(pid) for pid in ours}
        background_s = sum(_cpu_s(pid) for pid in own)
        return Spent(sum(self._seen.values()), background_s, int(wal or 0))

    def since(self, before: Spent) -> Spent:
        """Return what was spent since a reading."""
        now = self.read()
        return Spent(
            now.sessions_s - before.sessions_s,
            now.background_s - before.background_s,
            now.wal_bytes - before.wal_bytes,
        )

    def settings(self) -> dict[str, str]:
        """Return the settings of the server that matter here."""
        with self._engine.connect() as connection:
            return {
                name: str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())
                for name in SETTINGS
            }

    def commit_ms(self) -> float:
        """Return milliseconds that a transaction of one row takes, as the mean of many in turn."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE commits (number bigint)")
            began = perf_counter()
            for number in range(_COMMITS):
                connection.exec_driver_sql(f"INSERT INTO commits VALUES ({number})")
            taken_s = perf_counter() - began
            connection.exec_driver_sql("DROP TABLE commits")
        return 1e3 * taken_s / _COMMITS

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.text(query)).mappings()]

    def count(self, what: str) -> int:
        """Return how many rows a table, with a condition where one follows, has."""
        return int(self.rows(f"SELECT count(*) AS held FROM {what}")[0]["held"])

    def bytes_of(self, table: str) -> int:
        """Return bytes of a table with its partitions and the indexes of all."""
        parts = f"SELECT relid FROM pg_partition_tree('{table}') UNION SELECT '{table}'::regclass"
        query = f"SELECT sum(pg_total_relation_size(relid)) AS held FROM ({parts}) AS parts"
        return int(self.rows(query)[0]["held"])

    def schema_bytes(self) -> int:
        """Return bytes of all tables of the schema and their indexes."""
        return sum(self.relations(least=0).values())

    def relations(self, least: int = 100_000) -> dict[str, int]:
        """Return bytes of each table, what is stored apart included, and of each index.

        Parameters
        ----------
        least
            Smaller ones are left out.
        """
        rows = self.rows(
            """
            SELECT relname AS name, CASE relkind WHEN 'r' THEN pg_table_size(oid)
                   ELSE pg_relation_size(oid) END AS held
            FROM pg_class WHERE relnamespace = current_schema()::regnamespace
            AND relkind IN ('r', 'i') ORDER BY 2 DESC
            """
        )
        return {row["name"]: int(row["held"]) for row in rows if row["held"] >= least}

    def run(self, *statements: str) -> float:
        """Run statements, each a transaction of its own, and return the seconds that they took."""
        began = perf_counter()
        with self._engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        return perf_counter() - began

    def vacuum(self) -> float:
        """Do what a server's autovacuum does in time, and return the seconds that it took.

        Without statistics of the tables the server looks rows up in the wrong order.
        """
        return self.run(*(f"VACUUM (ANALYZE) {name}" for name in LARGE))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


@contextmanager
def own_schema(postgres: str) -> Iterator[tuple[str, Gauge]]:
    """Yield the URL of a store in a new schema, which is dropped afterwards, and its gauge.

    The connections of a store that is opened by this URL are those that the gauge measures.
    """
    with store_url(postgres, Path()) as url:
        if url is None:
            raise ValueError("saw no URL of PostgreSQL; expected one")
        name = f"secondlook-scale-{uuid4().hex}"
        gauge = Gauge(url, name)
        try:
            yield f"{url}&application_name={name}", gauge
        finally:
            gauge.close()


def home_of(url: str, folder: Path, scale: Scale) -> Served:
    """Make the home of the demonstration with its store at a URL."""
    settings = make_home(folder).settings_file
    settings.write_text(f'store_url = "{url}"\n', encoding="utf-8")
    return demo_home(folder, scale)


def indexes_used(gauge: Gauge) -> list[dict[str, Any]]:
    """Return the indexes of the schema with their bytes, and how often each was looked into."""
    return gauge.rows(
        """
        SELECT relname AS "table", indexrelname AS "index", idx_scan AS looks,
               pg_relation_size(indexrelid) AS bytes
        FROM pg_stat_user_indexes WHERE schemaname = current_schema() ORDER BY 1, 2
        """
    )


def _cpu_s(pid: int) -> float:
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0
