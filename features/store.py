"""The store: decisions, outcomes, selections, plans and access keys, on SQLite or PostgreSQL.

Ids are never reused: the same row again changes nothing, other content under a used id is refused.
Whatever a method returned for is committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql, sqlite

from features import schema
from features.contract import DECISIONS, OUTCOMES, Table
from features.errors import BadValue, StoreError
from features.rows import as_frame, as_rows, first_difference, microseconds

_CHUNK_ROWS = 10_000
_IDS_A_QUERY = 5_000  # SQLite takes 32,766 parameters at most


@dataclass(frozen=True, slots=True)
class Added:
    """What became of rows that were handed to the store.

    Attributes
    ----------
    ids
        Ids of the rows that are new.
    unchanged
        Number of rows that were there already, alike.
    refused
        Rows that were not stored, by their position in the table as given, and why.
    """

    ids: tuple[str, ...]
    unchanged: int
    refused: tuple[BadValue, ...]


class Store:
    """One programme's tables, over a SQLAlchemy engine."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def initialise(self) -> None:
        """Make the tables, or bring them up to this version."""
        with self._begin() as connection:
            command.upgrade(_alembic(connection), "head")

    def require_current(self) -> None:
        """Raise `StoreError` unless the tables are of this version and the store answers."""
        with self._begin() as connection:
            seen = MigrationContext.configure(connection).get_current_revision()
            expected = ScriptDirectory.from_config(_alembic(connection)).get_current_head()
        if seen != expected:
            raise StoreError(
                f"store {self.engine.url!r}: saw schema {seen}; expected {expected}; "
                "run `secondlook init`"
            )

    def add_decisions(self, decisions: pd.DataFrame) -> Added:
        """Store decisions that keep the contract, with text and embedding where they came."""
        with self._begin() as connection:
            return _add_decisions(connection, decisions)

    def add_outcomes(self, outcomes: pd.DataFrame) -> Added:
        """Store outcomes; one of a decision that is not there is refused."""
        with self._begin() as connection:
            known = _present(connection, schema.decisions.c.decision_id, outcomes["decision_id"])
            orphan = ~outcomes["decision_id"].isin(known).to_numpy()
            added = _add(connection, schema.outcomes, outcomes[~orphan])
        refused = [
            BadValue(row, "decision_id", repr(value), "a decision that the store holds")
            for row, value in zip(
                outcomes.index[orphan].tolist(), outcomes["decision_id"][orphan], strict=True
            )
        ]
        return Added(added.ids, added.unchanged, (*refused, *added.refused))

    def add_ranking(self, decisions: pd.DataFrame, selections: pd.DataFrame) -> Added:
        """Store ranked decisions and how each was selected, both or neither.

        `selections` has the columns of the table ``selections`` but its own id. A decision with
        other content under its id is refused, with its selection.
        """
        with self._begin() as connection:
            added = _add_decisions(connection, decisions)
            refused = decisions["decision_id"].loc[[bad.row for bad in added.refused]]
            kept = selections[~selections["decision_id"].isin(refused)]
            for rows in _chunks(as_rows(kept, schema.selections)):
                connection.execute(schema.selections.insert(), rows)
        return added

    def decisions(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        decision_ids: Sequence[str] | None = None,
        with_content: bool = False,
    ) -> pd.DataFrame:
        """Return decisions with ``since <= decided_at < until``, by time and id."""
        table = schema.decisions
        query = _between(sa.select(table), table.c.decided_at, since, until)
        if with_content:
            content = schema.contents
            query = query.outerjoin(content, content.c.decision_id == table.c.decision_id)
            query = query.add_columns(content.c.text, content.c.embedding)
        query = query.order_by(table.c.decided_at, table.c.decision_id)
        return self._read_in_parts(query, table.c.decision_id, decision_ids, DECISIONS)

    def outcomes(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        audit_ids: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return outcomes with ``since <= audited_at < until``, by time and id.

        Outcomes that another one supersedes are left out. Where an outcome came without its
        inclusion probability, the largest over the offers of its decision stands for it.
        """
        table = schema.outcomes
        columns = [c for c in table.columns if c.name != "inclusion_probability"]
        query: sa.Select[Any] = sa.select(*columns, _inclusion_probability().label("inclusion_probability"))
        query = _between(query, table.c.audited_at, since, until)
        replaced = sa.select(table.c.supersedes).where(table.c.supersedes.is_not(None))
        query = query.where(table.c.audit_id.not_in(replaced))
        query = query.order_by(table.c.audited_at, table.c.audit_id)
        return self._read_in_parts(query, table.c.audit_id, audit_ids, OUTCOMES)

    def selections(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> pd.DataFrame:
        """Return every offer with ``since <= selected_at < until``, in the order of arrival."""
        table = schema.selections
        query = _between(sa.select(table), table.c.selected_at, since, until)
        return self._read(query.order_by(table.c.selection_id), None)

    def has_decision(self, decision_id: str) -> bool:
        """Whether the store holds this decision."""
        return bool(self.known_decisions([decision_id]))

    def known_decisions(self, ids: Sequence[str] | pd.Series) -> set[str]:
        """Return those of the ids whose decisions the store holds."""
        with self._begin() as connection:
            return _present(connection, schema.decisions.c.decision_id, ids)

    def offers(self, decision_id: str) -> pd.DataFrame:
        """Return the offers of one decision, the earliest first."""
        table = schema.selections
        query = sa.select(table).where(table.c.decision_id == decision_id)
        return self._read(query.order_by(table.c.selection_id), None)

    def add_plan(self, version: str, document: str, made_at: datetime) -> None:
        """Make this the current plan; the same version again renews its time."""
        with self._begin() as connection:
            table = schema.plans
            connection.execute(table.delete().where(table.c.version == version))
            row = {"version": version, "document": document, "made_at": microseconds(made_at)}
            connection.execute(table.insert(), row)

    def plan_document(self) -> str | None:
        """Return the current plan as it was stored, or null where there is none."""
        table = schema.plans
        query = sa.select(table.c.document).order_by(table.c.made_at.desc()).limit(1)
        with self._begin() as connection:
            return connection.scalar(query)

    def add_access_key(self, key_id: str, role: str, digest: str, created_at: datetime) -> None:
        """Store an access key by its digest."""
        row = {
            "key_id": key_id,
            "role": role,
            "digest": digest,
            "created_at": microseconds(created_at),
        }
        with self._begin() as connection:
            connection.execute(schema.access_keys.insert(), row)

    def access_keys(self) -> pd.DataFrame:
        """Return all access keys, revoked ones included."""
        return self._read(sa.select(schema.access_keys), None)

    def revoke_access_key(self, key_id: str, revoked_at: datetime) -> bool:
        """Revoke a key; false where there is none that is still valid."""
        table = schema.access_keys
        change = table.update().where(table.c.key_id == key_id, table.c.revoked_at.is_(None))
        with self._begin() as connection:
            done = connection.execute(change.values(revoked_at=microseconds(revoked_at)))
            return done.rowcount == 1

    def _read(self, query: sa.Select[Any], table: Any) -> pd.DataFrame:
        with self._begin() as connection:
            result = connection.execute(query)
            return as_frame(result.keys(), result.fetchall(), table)

    def _read_in_parts(
        self,
        query: sa.Select[Any],
        key: sa.Column[Any],
        ids: Sequence[str] | None,
        table: Table,
    ) -> pd.DataFrame:
        """Read the rows of the given ids, or all rows where none are given."""
        if ids is None:
            return self._read(query, table)
        names = list(query.selected_columns.keys())
        rows: list[Any] = []
        with self._begin() as connection:
            for start in range(0, len(ids), _IDS_A_QUERY):
                part = query.where(key.in_(list(ids[start : start + _IDS_A_QUERY])))
                rows += connection.execute(part).fetchall()
        return as_frame(names, rows, table)

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        """Open a transaction; what the database says becomes a `StoreError`, secrets left out."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
            raise StoreError(f"store {self.engine.url!r}: {cause}") from error


def open_store(url: str) -> Store:
    """Open the store at a SQLAlchemy URL; nothing is read before the first call.

    Raises
    ------
    StoreError
        If the URL is of a database that is not supported.

    Examples
    --------
    >>> store = open_store("sqlite://")
    >>> store.initialise()
    >>> len(store.decisions())
    0
    """
    try:
        engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise StoreError(
            "store URL: expected sqlite:///FILE or postgresql+psycopg://..."
        ) from error
    if engine.dialect.name not in ("sqlite", "postgresql"):
        raise StoreError(f"store URL: saw {engine.dialect.name}; expected sqlite or postgresql")
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)
    return Store(engine)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """Let readers go on beside a writer, and make a commit outlive a loss of power."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _alembic(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _between(
    query: sa.Select[Any],
    column: sa.Column[Any],
    since: datetime | None,
    until: datetime | None,
) -> sa.Select[Any]:
    if since is not None:
        query = query.where(column >= microseconds(since))
    if until is not None:
        query = query.where(column < microseconds(until))
    return query


def _inclusion_probability() -> sa.ColumnElement[float]:
    """Return an outcome's own inclusion probability, else the largest over its decision's offers.

    Of a decision that was never offered it stays null.
    """
    offer, outcome = schema.selections, schema.outcomes
    offered = sa.select(sa.func.max(offer.c.inclusion_probability)).where(
        offer.c.decision_id == outcome.c.decision_id
    )
    return sa.func.coalesce(outcome.c.inclusion_probability, offered.scalar_subquery())


def _add_decisions(connection: sa.Connection, decisions: pd.DataFrame) -> Added:
    added = _add(connection, schema.decisions, decisions)
    content = [name for name in schema.CONTENT_COLUMNS if name in decisions]
    if content:
        rows = decisions[["decision_id", *content]].dropna(how="all", subset=content)
        rows = rows[rows["decision_id"].isin(added.ids)]
        for chunk in _chunks(as_rows(rows, schema.contents)):
            connection.execute(schema.contents.insert(), chunk)
    return added


def _add(connection: sa.Connection, table: sa.Table, frame: pd.DataFrame) -> Added:
    """Insert the rows whose id is new; compare the others with what is stored."""
    key = next(iter(table.primary_key.columns))
    present = _present(connection, key, frame[key.name])
    again = frame[key.name].isin(present)
    fresh = frame[~again]
    insert: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    statement = insert[connection.dialect.name](table).on_conflict_do_nothing()
    for rows in _chunks(as_rows(fresh, table)):
        done = connection.execute(statement, rows)
        if 0 <= done.rowcount < len(rows):
            raise StoreError(f"{table.name}: another writer stored the same ids; try again")
    stored = _stored_rows(connection, table, frame[again])
    refused = [
        BadValue(int(row), key.name, f"{value!r} with another {name}", "an id that is not used")
        for row, value, name in first_difference(frame[again], stored, key.name)
    ]
    return Added(tuple(fresh[key.name]), int(again.sum()) - len(refused), tuple(refused))


def _present(
    connection: sa.Connection, column: sa.Column[Any], ids: Sequence[str] | pd.Series
) -> set[str]:
    present: set[str] = set()
    unique = pd.unique(pd.Series(ids, dtype="str")).tolist()
    for start in range(0, len(unique), _IDS_A_QUERY):
        query = sa.select(column).where(column.in_(unique[start : start + _IDS_A_QUERY]))
        present.update(connection.scalars(query))
    return present


def _stored_rows(connection: sa.Connection, table: sa.Table, frame: pd.DataFrame) -> pd.DataFrame:
    key = next(iter(table.primary_key.columns))
    ids = frame[key.name].tolist()
    found: list[Any] = []
    for start in range(0, len(ids), _IDS_A_QUERY):
        query = sa.select(table).where(key.in_(ids[start : start + _IDS_A_QUERY]))
        found += connection.execute(query).fetchall()
    contract = DECISIONS if table is schema.decisions else OUTCOMES
    return as_frame(table.columns.keys(), found, contract)


def _chunks(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in np.arange(0, len(rows), _CHUNK_ROWS).tolist():
        yield rows[start : start + _CHUNK_ROWS]
