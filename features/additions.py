"""Adding rows under ids that are never reused.

The same row again changes nothing, other content under a used id is refused, and what is new is
inserted. Each function works inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from features import schema
from features.among import among
from features.arrivals import note_offers, note_outcomes
from features.columns import AnyTable, Columns, frame_of, is_null, texts
from features.contract import DECISIONS, OUTCOMES
from features.copying import insert_rows
from features.errors import BadValue, StoreError
from features.rows import as_frame, first_difference
from features.supersession import impossible_supersessions

KNOWN_DECISION = "a decision that the store holds"
"""What is expected of an outcome's decision."""
IDS_A_QUERY = 5_000  # SQLite takes 32,766 parameters at most


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


class OvertakenError(StoreError):
    """Another writer stored some of the same ids between the look and the writing."""


def add_decisions(
    connection: sa.Connection, decisions: pd.DataFrame, *, expected_new: bool = False
) -> Added:
    """Insert decisions, and their content where it came.

    Parameters
    ----------
    expected_new
        Whether none of them should be stored, so that it is quicker to try than to look first.
    """
    added = _add(connection, schema.decisions, decisions, expected_new=expected_new)
    content = [name for name in schema.CONTENT_COLUMNS if name in decisions]
    if not content:
        return added
    rows = decisions[["decision_id", *content]].dropna(how="all", subset=content)
    is_new = rows["decision_id"].isin(added.ids)
    insert_rows(connection, schema.contents, rows[is_new])
    return _without_other_texts(connection, rows[~is_new], added) if "text" in rows else added


def _without_other_texts(connection: sa.Connection, again: pd.DataFrame, added: Added) -> Added:
    """Refuse what came again with another text, where the store still holds the first."""
    again = again.drop(index=[bad.row for bad in added.refused], errors="ignore")
    table = schema.contents
    held: dict[str, str] = {}
    for ids in _parts(again["decision_id"].tolist()):
        query = sa.select(table.c.decision_id, table.c.text).where(among(table.c.decision_id, ids))
        held.update(
            tuple(row) for row in connection.execute(query.where(table.c.text.is_not(None)))
        )
    first = again["decision_id"].map(held)
    other = first.notna() & again["text"].notna() & (first != again["text"])
    refused = [
        _used(int(row), "decision_id", value=value, column="text")
        for row, value in zip(again.index[other], again.loc[other, "decision_id"], strict=True)
    ]
    unchanged = added.unchanged - len(refused)
    return Added(added.ids, unchanged, (*added.refused, *refused))


def _used(row: int, key: str, *, value: str, column: str) -> BadValue:
    return BadValue(row, key, f"{value!r} with another {column}", "an id that is not used")


def add_outcomes(connection: sa.Connection, outcomes: pd.DataFrame) -> Added:
    """Insert outcomes as `insert_outcomes`, and note that they came."""
    added = insert_outcomes(connection, outcomes)
    note_outcomes(connection, added.ids, remake=supersede(outcomes, added.ids))
    return added


def insert_outcomes(connection: sa.Connection, outcomes: pd.DataFrame) -> Added:
    """Insert outcomes; one of an unknown decision, or that replaces itself, is refused.

    That they came must be noted (`features.arrivals`) before the transaction ends: until then
    other writers of outcomes wait, so a long load does it last.
    """
    known = known_ids(connection, schema.decisions.c.decision_id, outcomes["decision_id"])
    refused = orphans(outcomes, known)
    if "supersedes" in outcomes:
        selves = outcomes.loc[outcomes["supersedes"] == outcomes["audit_id"], "supersedes"]
        selves = selves.drop(index=[bad.row for bad in refused], errors="ignore")
        refused += [
            BadValue(int(row), "supersedes", repr(value), "the audit_id of another outcome")
            for row, value in zip(selves.index, selves, strict=True)
        ]
        known_bad = {bad.row for bad in refused}
        circles = impossible_supersessions(connection, outcomes)
        refused += [bad for bad in circles if bad.row not in known_bad]
    added = _add(connection, schema.outcomes, outcomes.drop(index=[bad.row for bad in refused]))
    return Added(added.ids, added.unchanged, (*refused, *added.refused))


def orphans(outcomes: pd.DataFrame, known: set[str]) -> list[BadValue]:
    """Return what is wrong with outcomes of decisions other than these."""
    other = outcomes.loc[~outcomes["decision_id"].isin(known), "decision_id"]
    return [
        BadValue(int(row), "decision_id", repr(value), KNOWN_DECISION)
        for row, value in zip(other.index, other, strict=True)
    ]


def supersede(outcomes: pd.DataFrame, ids: Sequence[str]) -> bool:
    """Whether one of these outcomes takes the place of another."""
    if "supersedes" not in outcomes:
        return False
    return bool(outcomes.loc[outcomes["audit_id"].isin(ids), "supersedes"].notna().any())


def add_ranking(connection: sa.Connection, decisions: AnyTable, selections: AnyTable) -> Added:
    """Insert ranked decisions and how each was selected; a refused one is not selected."""
    decisions, selections = _as_frame(decisions), _as_frame(selections)
    added = add_decisions(connection, decisions)
    refused = decisions["decision_id"].loc[[bad.row for bad in added.refused]]
    kept = selections[~selections["decision_id"].isin(refused)]
    insert_rows(connection, schema.selections, kept)
    note_offers(connection, _seen_before(kept["decision_id"], added.ids))
    return added


def _as_frame(table: AnyTable) -> pd.DataFrame:
    return frame_of(table) if isinstance(table, Columns) else table


def insert_ranking(connection: sa.Connection, decisions: AnyTable, selections: AnyTable) -> Added:
    """Insert ranked decisions of which none is stored, and how each was selected.

    Raises
    ------
    OvertakenError
        If one is stored after all; nothing may be committed then.
    """
    parts = [(schema.decisions, decisions), (schema.selections, selections)]
    held = [
        ~is_null(texts(decisions, name)) for name in schema.CONTENT_COLUMNS if name in decisions
    ]
    if held:
        parts.append((schema.contents, decisions.take(np.flatnonzero(np.any(held, axis=0)))))
    try:
        for table, rows in parts:
            insert_rows(connection, table, rows)
    except sa.exc.IntegrityError as error:
        raise _overtaken(schema.decisions) from error
    return Added(tuple(texts(decisions, "decision_id").tolist()), 0, ())


def _overtaken(table: sa.Table) -> OvertakenError:
    return OvertakenError(f"{table.name}: another writer stored the same ids just now; try again")


def _seen_before(decision_ids: pd.Series, new: Sequence[str]) -> list[str]:
    return decision_ids[~decision_ids.isin(new)].tolist()


def _add(
    connection: sa.Connection, table: sa.Table, frame: pd.DataFrame, *, expected_new: bool = False
) -> Added:
    """Insert the rows whose id is new; compare the others with what is stored."""
    key = next(iter(table.primary_key.columns))
    if expected_new and _insert_new(connection, table, frame):
        return Added(tuple(frame[key.name]), 0, ())
    present = known_ids(connection, key, frame[key.name])
    again = frame[key.name].isin(present)
    fresh = frame[~again]
    try:
        insert_rows(connection, table, fresh)
    except sa.exc.IntegrityError as error:
        raise _overtaken(table) from error
    stored = _stored_rows(connection, table, frame[again])
    refused = [
        _used(int(row), key.name, value=value, column=name)
        for row, value, name in first_difference(frame[again], stored, key.name)
    ]
    return Added(tuple(fresh[key.name]), int(again.sum()) - len(refused), tuple(refused))


def _insert_new(connection: sa.Connection, table: sa.Table, frame: pd.DataFrame) -> bool:
    """Insert rows, and return whether that went well; nothing is changed where it did not.

    SQLite's driver has no savepoints to come back to, and looks quickly.
    """
    if connection.dialect.name == "sqlite":
        return False
    try:
        with connection.begin_nested():
            insert_rows(connection, table, frame)
    except sa.exc.IntegrityError:
        return False
    return True


def known_ids(
    connection: sa.Connection, column: sa.Column[Any], ids: Sequence[str] | pd.Series
) -> set[str]:
    """Return those of the ids that stand in a column."""
    present: set[str] = set()
    for part in _parts(list(dict.fromkeys(ids))):
        present.update(connection.scalars(_known(column), {"ids": part}))
    return present


@cache
def _known(column: sa.Column[Any]) -> sa.Select[Any]:
    return sa.select(column).where(among(column, "ids"))


def _stored_rows(connection: sa.Connection, table: sa.Table, frame: pd.DataFrame) -> pd.DataFrame:
    key = next(iter(table.primary_key.columns))
    found: list[Any] = []
    for part in _parts(frame[key.name].tolist()):
        found += connection.execute(sa.select(table).where(among(key, part))).fetchall()
    contract = DECISIONS if table is schema.decisions else OUTCOMES
    return as_frame(table.columns.keys(), found, contract)


def _parts(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), IDS_A_QUERY):
        yield ids[start : start + IDS_A_QUERY]
