"""The store: decisions, outcomes, selections, plans and access keys, on SQLite or PostgreSQL.

Ids are never reused: the same row again changes nothing, other content under a used id is refused.
Whatever a method returned for is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from features import earlier_offers, schema
from features.additions import (
    IDS_A_QUERY,
    Added,
    OvertakenError,
    add_decisions,
    add_outcomes,
    add_ranking,
    insert_ranking,
    known_ids,
)
from features.among import among
from features.answers import (
    Acknowledge,
    Asked,
    EarlierAnswer,
    earlier_answer,
    keep_answer,
    purge_answers,
)
from features.blocks import read_blocks
from features.columns import AnyTable
from features.contract import DECISIONS, OUTCOMES, Table
from features.earlier_decisions import is_current, read_history
from features.earlier_offers import FirstOffer, RankedSample
from features.engine import for_reading, open_engine
from features.errors import StoreError
from features.history import History
from features.rows import as_frame, microseconds

__all__ = ["Added", "Store", "open_store"]

_ATTEMPTS = 3


class Store:
    """One programme's tables, over a SQLAlchemy engine."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._reading = for_reading(engine)

    @property
    def place(self) -> str:
        """Where the store is, for messages: without a password, in the query neither."""
        return self.engine.url.set(query={}).render_as_string(hide_password=True)

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
                f"store {self.place}: saw schema {seen}; expected {expected}; run `secondlook init`"
            )

    def add_decisions(self, decisions: pd.DataFrame) -> Added:
        """Store decisions that keep the contract, with text and embedding where they came."""
        return self._settle(lambda connection: add_decisions(connection, decisions))

    def add_outcomes(
        self, outcomes: pd.DataFrame, *, acknowledge: Acknowledge | None = None
    ) -> Added:
        """Store outcomes; one of a decision that is not there is refused.

        `acknowledge` is called within the transaction: what it raises undoes the whole.

        Raises
        ------
        AnsweredMeanwhileError
            If an answer is to be kept of a request that is answered already; nothing is stored.
        """
        return self._settle(lambda connection: add_outcomes(connection, outcomes), acknowledge)

    def add_ranking(
        self,
        decisions: AnyTable,
        selections: AnyTable,
        *,
        acknowledge: Acknowledge | None = None,
        none_stored: bool = False,
    ) -> Added:
        """Store ranked decisions and how each was selected, both or neither.

        `selections` has the columns of the table ``selections`` but its own id. A decision with
        other content under its id is refused, with its selection. `acknowledge` and what is raised
        are as for `add_outcomes`. Where a look into the store has just found none of the decisions
        (`none_stored`), it is not asked for them again unless another writer was quicker.
        """
        if none_stored:
            with suppress(OvertakenError):
                return self._added(
                    lambda connection: insert_ranking(connection, decisions, selections),
                    acknowledge,
                )
        return self._settle(
            lambda connection: add_ranking(connection, decisions, selections), acknowledge
        )

    def earlier_answer(self, asked: Asked) -> EarlierAnswer | None:
        """Return what was answered under the key of a request; null where nothing was."""
        with self._look() as connection:
            return earlier_answer(connection, asked)

    def purge_answers(self, now: datetime) -> int:
        """Delete some of the answers that are kept no longer, and return how many."""
        with self._begin() as connection:
            return purge_answers(connection, now)

    def decisions(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        decision_ids: Sequence[str] | None = None,
        with_content: bool = False,
    ) -> pd.DataFrame:
        """Return decisions with ``since <= decided_at < until``, by time and id.

        Parameters
        ----------
        decision_ids
            Which alone are returned, in order where they are few; null = all.
        with_content
            Whether text and embedding are read, where they are stored.
        """
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
        query: sa.Select[Any] = sa.select(
            *columns, earlier_offers.chance_of_audit().label("inclusion_probability")
        )
        query = _between(query, table.c.audited_at, since, until)
        query = query.where(is_current(table))
        query = query.order_by(table.c.audited_at, table.c.audit_id)
        return self._read_in_parts(query, table.c.audit_id, audit_ids, OUTCOMES)

    def history(self, decisions: AnyTable, *, looks: bool) -> History:
        """Return what is stored of the past of decisions that keep the contract.

        Where `looks`, these are decisions on the same items of the last 90 days, and the audits
        of such items of any age that were finished in these days; and the moderators' own
        decisions of the last day. Each is counted back from the earliest of the decisions.
        """
        with self._look() as connection:
            return read_history(connection, decisions, looks=looks)

    def selections(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> pd.DataFrame:
        """Return every offer with ``since <= selected_at < until``, in the order of arrival."""
        table = schema.selections
        query = _between(sa.select(table), table.c.selected_at, since, until)
        return self.read(query.order_by(table.c.selection_id))

    def random_audits(self) -> set[str]:
        """Return the decisions that any offer took into the embedded uniform sample."""
        offer = schema.selections.c
        query = sa.select(offer.decision_id).where(offer.random_audit, offer.selected)
        with self._begin() as connection:
            return set(connection.scalars(query))

    def has_decision(self, decision_id: str) -> bool:
        """Whether the store holds this decision."""
        return bool(self.known_decisions([decision_id]))

    def known_decisions(self, ids: Sequence[str] | pd.Series) -> set[str]:
        """Return those of the ids whose decisions the store holds."""
        with self._look() as connection:
            return known_ids(connection, schema.decisions.c.decision_id, ids)

    def offers(self, decision_id: str) -> pd.DataFrame:
        """Return the offers of one decision, the earliest first."""
        table = schema.selections
        query = sa.select(table).where(table.c.decision_id == decision_id)
        return self.read(query.order_by(table.c.selection_id))

    def first_offers(self, decision_ids: Sequence[str]) -> dict[str, FirstOffer]:
        """Return the first offer of each decision; those that were never offered are left out."""
        rows: list[Any] = []
        with self._look() as connection:
            for start in range(0, len(decision_ids), IDS_A_QUERY):
                part = {"ids": list(decision_ids[start : start + IDS_A_QUERY])}
                rows += connection.execute(earlier_offers.first_and_selected(), part).fetchall()
        return {name: FirstOffer(key_id, bool(selected)) for name, key_id, selected in rows}

    def count_offers(self, since: datetime, until: datetime) -> int:
        """Return how many offers there were with ``since <= selected_at < until``."""
        with self._look() as connection:
            return int(connection.scalar(earlier_offers.count(since, until)) or 0)

    def first_offer_at(self) -> datetime | None:
        """Return when the first offer of all was made; null where there is none."""
        with self._look() as connection:
            at = connection.scalar(earlier_offers.earliest())
        return None if at is None else pd.Timestamp(at, unit="us", tz="UTC").to_pydatetime()

    def ranked_sample(self, since: datetime, until: datetime, *, most: int) -> RankedSample:
        """Return the decisions ranked in a period, or `most` of them; the same at every call."""
        one_in = max(self.count_offers(since, until) / most, 1.0)
        query = earlier_offers.sample(since, until, one_in=one_in, most=most)
        table = self.read(query)
        return RankedSample(table, len(table) * one_in)

    def add_plan(self, version: str, document: str, made_at: datetime) -> None:
        """Make this the current plan; the same version again renews its time.

        A plan of a machine whose clock is behind is dated just after the one it follows.
        """
        with self._begin() as connection:
            table = schema.plans
            connection.execute(table.delete().where(table.c.version == version))
            last = connection.scalar(sa.select(sa.func.max(table.c.made_at)))
            at = max(microseconds(made_at), (last or 0) + 1)
            row = {"version": version, "document": document, "made_at": at}
            connection.execute(table.insert(), row)

    def plan_document(self) -> str | None:
        """Return the current plan as it was stored, or null where there is none."""
        table = schema.plans
        query = sa.select(table.c.document).order_by(table.c.made_at.desc()).limit(1)
        with self._look() as connection:
            return connection.scalar(query)

    def plan_documents(self) -> dict[str, str]:
        """Return every plan that was ever current as it was stored, by version, oldest first."""
        table = schema.plans
        query = sa.select(table.c.version, table.c.document).order_by(table.c.made_at)
        with self._look() as connection:
            return {row.version: row.document for row in connection.execute(query)}

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        """Open a transaction, for tables that a module of their own reads and writes.

        What the database says is raised as a `StoreError`.
        """
        return self._begin()

    def read(
        self, query: sa.Select[Any], table: Table | None = None, *, coded: Collection[str] = ()
    ) -> pd.DataFrame:
        """Return what a query of a module of its own finds, as `features.blocks.read_blocks`."""
        with self._look() as connection:
            return read_blocks(connection, query, table, coded=coded)

    def _read_in_parts(
        self,
        query: sa.Select[Any],
        key: sa.Column[Any],
        ids: Sequence[str] | None,
        table: Table,
    ) -> pd.DataFrame:
        """Read the rows of the given ids, or all rows where none are given."""
        if ids is None:
            return self.read(query, table)
        names = list(query.selected_columns.keys())
        rows: list[Any] = []
        with self._look() as connection:
            for start in range(0, len(ids), IDS_A_QUERY):
                part = query.where(among(key, ids[start : start + IDS_A_QUERY]))
                rows += connection.execute(part).fetchall()
        return as_frame(names, rows, table)

    def _settle(
        self, add: Callable[[sa.Connection], Added], acknowledge: Acknowledge | None = None
    ) -> Added:
        """Add in one transaction, anew where another writer stored the same ids meanwhile."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._added(add, acknowledge)
            except OvertakenError:
                continue
        return self._added(add, acknowledge)

    def _added(
        self, add: Callable[[sa.Connection], Added], acknowledge: Acknowledge | None
    ) -> Added:
        with self._begin() as connection:
            added = add(connection)
            answer = acknowledge(added) if acknowledge else None
            if answer is not None:
                keep_answer(connection, answer)
            return added

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        with self._told(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _look(self) -> Iterator[sa.Connection]:
        """Open a connection for reading alone: each query sees what is committed by then."""
        with self._told(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Make what the database says a `StoreError`, secrets left out."""
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
            raise StoreError(f"store {self.place}: {cause}") from error
        except CommandError as error:
            raise StoreError(
                f"store {self.place}: {error}; it was made by a later version: use that one"
            ) from error


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
    return Store(open_engine(url))


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
