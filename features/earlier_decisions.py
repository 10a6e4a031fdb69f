"""What the store is asked about the past of decisions: the same items, and the same moderators.

A ranking waits for the answer, so that every question goes by ids that have an index, and only what
`features.history` reads is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.additions import IDS_A_QUERY
from features.contract import DECISIONS, OUTCOMES
from features.history import (
    HISTORY_COLUMNS,
    PAUSE_HOURS,
    WINDOW_DAYS,
    WORK_HOURS,
    History,
    groups_of,
    history_of,
)
from features.rows import as_frame, microseconds

_AUDIT_COLUMNS = ("decision_id", "audited_at", "verdict", "corrected_action")

Period = tuple[int, int]
"""From the first on and before the second, in microseconds."""


def read_history(connection: sa.Connection, decisions: pd.DataFrame, *, looks: bool) -> History:
    """Read what `features.history` needs to know of decisions.

    Parameters
    ----------
    looks
        Whether earlier decisions on the same items, and audits of them, are read; the moderators'
        own work is read in either case.

    Returns
    -------
    A history that may also hold a few decisions of other items.
    """
    held: dict[str, Any] = {}
    audits: list[Any] = []
    if len(decisions):
        first, last = decisions["decided_at"].min(), microseconds(decisions["decided_at"].max())
        if looks:
            window = microseconds(first - timedelta(days=WINDOW_DAYS)), last
            audits = _read(connection, groups_of(decisions), lambda ids: _audits(ids, window))
            size = len(HISTORY_COLUMNS)
            held |= {row[0]: row[:size] for row in audits}
            audits = [(row[0], *row[size:]) for row in audits]
            of_items = _read(connection, groups_of(decisions), lambda ids: _looks(ids, window))
            held |= {row[0]: row for row in of_items}
        shift = microseconds(first - timedelta(hours=WORK_HOURS + PAUSE_HOURS)), last
        people = decisions.get("moderator_id", pd.Series(dtype="str"))
        of_people = _read(connection, people, lambda ids: _work(ids, shift))
        held |= {row[0]: row for row in of_people}
    return history_of(
        as_frame(HISTORY_COLUMNS, list(held.values()), DECISIONS),
        as_frame(_AUDIT_COLUMNS, audits, OUTCOMES),
    )


def is_current(outcome: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether no other outcome supersedes this one."""
    later = schema.outcomes.alias("later")
    return ~sa.exists().where(later.c.supersedes == outcome.c.audit_id)


def _looks(groups: list[str], period: Period) -> sa.Select[Any]:
    """Ask for decisions of a period that may belong to the groups.

    To add nothing to the time keeps the index on time out of the plan: 90 days are most of a store.
    """
    at = schema.decisions.c.decided_at + 0
    return sa.select(*_columns()).where(_may_be_of(groups), *_within(at, period))


def _audits(groups: list[str], period: Period) -> sa.Select[Any]:
    """Ask for audits finished in a period, of decisions of any age; the decision comes first."""
    decision, outcome = schema.decisions, schema.outcomes
    return (
        sa.select(*_columns(), *(outcome.c[name] for name in _AUDIT_COLUMNS[1:]))
        .join(outcome, outcome.c.decision_id == decision.c.decision_id)
        .where(
            _may_be_of(groups),
            *_within(outcome.c.audited_at, period),
            sa.func.coalesce(outcome.c.source, "audit") == "audit",
            is_current(outcome),
        )
    )


def _work(moderators: list[str], period: Period) -> sa.Select[Any]:
    """Ask for what moderators decided in a period."""
    decision = schema.decisions.c
    by_them = decision.moderator_id.in_(moderators)
    return sa.select(*_columns()).where(by_them, *_within(decision.decided_at, period))


def _may_be_of(groups: list[str]) -> sa.ColumnElement[bool]:
    """Whether a decision bears one of the names in any of the columns that may name its group.

    Asking here for the other columns to be null would tempt SQLite into reading all such rows.
    """
    decision = schema.decisions.c
    names = (decision.item_group, decision.item_id, decision.decision_id)
    return sa.or_(*(name.in_(groups) for name in names))


def _within(at: sa.ColumnElement[Any], period: Period) -> list[sa.ColumnElement[bool]]:
    return [at >= period[0], at < period[1]]


def _columns() -> list[sa.Column[Any]]:
    return [schema.decisions.c[name] for name in HISTORY_COLUMNS]


def _read(
    connection: sa.Connection, ids: pd.Series, query: Callable[[list[str]], sa.Select[Any]]
) -> list[Any]:
    return [row for part in _parts(ids) for row in connection.execute(query(part)).fetchall()]


def _parts(ids: pd.Series) -> Iterator[list[str]]:
    distinct = ids.dropna().unique().tolist()
    for start in range(0, len(distinct), IDS_A_QUERY):
        yield distinct[start : start + IDS_A_QUERY]
