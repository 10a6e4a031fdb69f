"""What the store is asked about the past of decisions: the same items, and the same moderators.

A ranking waits for the answer, so that every question goes by ids that have an index, and only what
`features.history` reads is fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import sqlalchemy as sa

from features import schema
from features.additions import IDS_A_QUERY
from features.among import among
from features.columns import AnyTable, Columns, texts, times
from features.history import (
    LOOK_INPUTS,
    PAUSE_HOURS,
    WINDOW_DAYS,
    WORK_HOURS,
    WORK_INPUTS,
    History,
    group_names,
    judged_of,
)

_AUDIT_COLUMNS = ("audited_at", "verdict", "corrected_action")
_HOUR_US = 3_600_000_000

Query = sa.Select[Any]
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
    found: list[Any] = []
    audits: list[Any] = []
    work: list[Any] = []
    if len(decisions):
        made = times(decisions, "decided_at")
        first, last = int(made.min()), int(made.max())
        if looks:
            groups = _distinct(group_names(decisions))
            window = first - WINDOW_DAYS * 24 * _HOUR_US, last
            found = _read(connection, _looks(), groups, window)
            audits = _read(connection, _audits(), groups, window)
        shift = first - int((WORK_HOURS + PAUSE_HOURS) * _HOUR_US), last
        people = _distinct(texts(decisions, "moderator_id"))
        work = _read(connection, _work(), people, shift)
    judged = judged_of(_as_columns((*LOOK_INPUTS[:4], *_AUDIT_COLUMNS), audits))
    return History(_as_columns(LOOK_INPUTS, found), judged, _as_columns(WORK_INPUTS, work))


def is_current(outcome: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether no other outcome supersedes this one."""
    later = schema.outcomes.alias("later")
    return ~sa.exists().where(later.c.supersedes == outcome.c.audit_id)


@cache
def _looks() -> Query:
    """Ask for decisions of a period on items of the groups, columns `LOOK_INPUTS`.

    To add nothing to the time keeps the index on time out of the plan: 90 days are most of a store.
    """
    decision = schema.decisions.c
    return _of_groups([decision.moderator_id], _within(decision.decided_at + 0))


@cache
def _audits() -> Query:
    """Ask for audits finished in a period, of decisions of any age on items of the groups.

    The source is not hidden in a function: of that PostgreSQL would guess that it leaves few
    outcomes, and start from all of them instead of from the groups.
    """
    outcome = schema.outcomes.c
    conditions = [
        outcome.decision_id == schema.decisions.c.decision_id,
        *_within(outcome.audited_at),
        sa.or_(outcome.source.is_(None), outcome.source == "audit"),
        is_current(schema.outcomes),
    ]
    return _of_groups([outcome[name] for name in _AUDIT_COLUMNS], conditions)


def _of_groups(
    columns: Sequence[sa.ColumnElement[Any]],
    conditions: Sequence[sa.ColumnElement[bool]],
) -> Query:
    """Ask for decisions by the name of their group, and for the columns given."""
    decision, group = schema.decisions.c, schema.GROUP_NAME
    names = (decision.decision_id, group, decision.decided_at, decision.action)
    return sa.select(*names, *columns).where(among(group, "ids"), *conditions)


@cache
def _work() -> Query:
    """Ask for what moderators decided in a period, columns `WORK_INPUTS`."""
    decision = schema.decisions.c
    columns = [decision[name] for name in WORK_INPUTS]
    by_them = among(decision.moderator_id, "ids")
    return sa.select(*columns).where(by_them, *_within(decision.decided_at))


def _within(at: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
    return [at >= sa.bindparam("since"), at < sa.bindparam("until")]


def _read(connection: sa.Connection, query: Query, ids: list[str], period: Period) -> list[Any]:
    rows: list[Any] = []
    for start in range(0, len(ids), IDS_A_QUERY):
        given = {"ids": ids[start : start + IDS_A_QUERY], "since": period[0], "until": period[1]}
        with connection.execute(query, given) as result:
            rows += result.cursor.fetchall()  # the driver's own rows: they are many, and plain
    return rows


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
