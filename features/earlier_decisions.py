"""What the store is asked about the past of decisions: the same items, and the same moderators.

A ranking waits for the answer, so that every question goes by ids that have an index, and only what
`features.history` reads is fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sqlalchemy as sa

from features import schema
from features.additions import IDS_A_QUERY
from features.columns import AnyTable, Columns, texts, times
from features.history import (
    HISTORY_COLUMNS,
    PAUSE_HOURS,
    WINDOW_DAYS,
    WORK_HOURS,
    History,
    group_names,
    judged_of,
)

_AUDIT_COLUMNS = ("audited_at", "verdict", "corrected_action")
_HOUR_US = 3_600_000_000

Period = tuple[int, int]
"""From the first on and before the second, in microseconds."""


def read_history(connection: sa.Connection, decisions: AnyTable, *, looks: bool) -> History:
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
        made = times(decisions, "decided_at")
        first, last = int(made.min()), int(made.max())
        if looks:
            groups = _distinct(group_names(decisions))
            window = first - WINDOW_DAYS * 24 * _HOUR_US, last
            audits = _read(connection, groups, lambda ids: _audits(ids, window))
            size = len(HISTORY_COLUMNS)
            held |= {row[0]: row[:size] for row in audits}
            of_items = _read(connection, groups, lambda ids: _looks(ids, window))
            held |= {row[0]: row for row in of_items}
        shift = first - int((WORK_HOURS + PAUSE_HOURS) * _HOUR_US), last
        people = _distinct(texts(decisions, "moderator_id"))
        of_people = _read(connection, people, lambda ids: _work(ids, shift))
        held |= {row[0]: row for row in of_people}
    return History(
        _as_columns(HISTORY_COLUMNS, list(held.values())),
        judged_of(_as_columns((*HISTORY_COLUMNS, *_AUDIT_COLUMNS), audits)),
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
        sa.select(*_columns(), *(outcome.c[name] for name in _AUDIT_COLUMNS))
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
    connection: sa.Connection, ids: list[str], query: Callable[[list[str]], sa.Select[Any]]
) -> list[Any]:
    parts = (ids[start : start + IDS_A_QUERY] for start in range(0, len(ids), IDS_A_QUERY))
    return [row for part in parts for row in connection.execute(query(part)).fetchall()]


def _distinct(values: np.ndarray) -> list[str]:
    return [value for value in dict.fromkeys(values.tolist()) if value is not None]


def _as_columns(names: tuple[str, ...], rows: list[Any]) -> Columns:
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    kinds = {name: np.int64 if name.endswith("_at") else object for name in names}
    return Columns(
        len(rows),
        {name: _array(own, kinds[name]) for name, own in zip(names, columns, strict=True)},
    )


def _array(values: tuple[Any, ...], kind: type) -> np.ndarray:
    array: np.ndarray = np.empty(len(values), dtype=kind)
    array[:] = values
    return array
