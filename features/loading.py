"""Batches of a file into the store within one transaction, whose rows are all kept or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.additions import (
    Added,
    OvertakenError,
    add_decisions,
    insert_outcomes,
    known_ids,
    orphans,
    supersede,
)
from features.arrivals import note_outcomes
from features.errors import BadValue
from features.store import Store

_ATTEMPTS = 3
_SQLITE_CACHE_KIB = 262_144
_NOTHING = Added((), 0, ())


class Loader(Protocol):
    """What takes the batches of one table."""

    def add(self, rows: pd.DataFrame) -> Added:
        """Store checked rows."""

    def finish(self) -> tuple[pd.DataFrame, Added] | None:
        """Store what had to wait for the last batch: these rows, and what became of them."""


class DecisionLoader:
    """Decisions: tried unseen as long as all were new, which spares a look at every id."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._all_new = True

    def add(self, rows: pd.DataFrame) -> Added:
        """Store decisions, with their content where it came."""
        added = _settled(
            self._connection,
            lambda: add_decisions(self._connection, rows, expected_new=self._all_new),
        )
        self._all_new = self._all_new and len(added.ids) == len(rows)
        return added

    def finish(self) -> None:
        """Nothing has to wait."""


class OutcomeLoader:
    """Outcomes: those that replace another wait for the last batch, which may hold the other."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._waiting: list[pd.DataFrame] = []
        self._new: list[str] = []

    def add(self, rows: pd.DataFrame) -> Added:
        """Store outcomes that replace none; one of an unknown decision is refused."""
        waits = rows.reindex(columns=["supersedes"])["supersedes"].notna()
        added = self._insert(rows[~waits])
        lost = self._wait(rows[waits]) if waits.any() else []
        return replace(added, refused=(*added.refused, *lost))

    def _wait(self, rows: pd.DataFrame) -> list[BadValue]:
        """Keep rows for the last batch, and return what is wrong with the others."""
        decision_id = schema.decisions.c.decision_id
        lost = orphans(rows, known_ids(self._connection, decision_id, rows["decision_id"]))
        self._waiting.append(rows.drop(index=[bad.row for bad in lost]))
        return lost

    def finish(self) -> tuple[pd.DataFrame, Added] | None:
        """Store those that waited, and note all that came."""
        waited = pd.concat(self._waiting) if self._waiting else None
        added = _NOTHING if waited is None else self._insert(waited)
        remake = waited is not None and supersede(waited, added.ids)
        note_outcomes(self._connection, self._new, remake=remake)
        return None if waited is None else (waited, added)

    def _insert(self, rows: pd.DataFrame) -> Added:
        added = _settled(self._connection, lambda: insert_outcomes(self._connection, rows))
        self._new.extend(added.ids)
        return added


@contextmanager
def one_transaction(store: Store) -> Iterator[sa.Connection]:
    """Open a transaction for many rows.

    On SQLite, which has one writer, it is the writer from the start and has a larger cache.
    """
    with store.transaction() as connection:
        if connection.dialect.name != "sqlite":
            yield connection
            return
        kept = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
        connection.exec_driver_sql(f"PRAGMA cache_size = -{_SQLITE_CACHE_KIB}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield connection
        finally:
            connection.connection.execute(f"PRAGMA cache_size = {kept}")


def count_anew(connection: sa.Connection, table: str) -> None:
    """Let PostgreSQL count what a table holds after a large load.

    Until its autovacuum comes by it would plan as if the table were as small as before.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE {table}")


def _settled(connection: sa.Connection, add: Callable[[], Added]) -> Added:
    """Add rows, anew where another writer stored the same ids meanwhile."""
    if connection.dialect.name == "sqlite":
        return add()
    for _ in range(_ATTEMPTS - 1):
        try:
            with connection.begin_nested():
                return add()
        except OvertakenError:
            continue
    return add()
