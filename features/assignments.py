"""Who audits what: assignments as the store holds them.

An audit, and a blind review, is assigned to one person at a time; the database itself sees to it.
An assignment is open until its audit comes in, or until it goes back because its shift is over, its
person has gone, or somebody else finished the audit. Rows are added and never changed but for the
time at which they went back, so that nothing is lost.

Assigning decides who and when, never whether: nothing here touches a selection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.among import among
from features.bulk import insert_columns
from features.rows import as_frame, microseconds

_LOCK = "hashtext('secondlook.assignments ' || current_schema())"


class Kind(StrEnum):
    """What is assigned: named as the source of the outcome that finishes it."""

    AUDIT = "audit"
    REVIEW = "review"
    GOLDEN = "golden"
    CALIBRATION = "calibration"


class State(StrEnum):
    """What became of an assignment."""

    OPEN = "open"
    DONE = "done"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Assigned:
    """One assignment.

    Attributes
    ----------
    audit_id
        The audit that a review looks at; else null.
    auditor_id
        As outcomes have it: a pseudonym, unless the programme keeps plain ids.
    shift_day
        Day on which the shift began, UTC.
    starts_at, minutes
        As planned.
    graphic_level
        0 harmless to 3 extreme.
    due_at
        Null where it is never due.
    value
        By which it was placed: the priority of its selection.
    inclusion_probability
        Of a review, to be sent back with its outcome; null of an audit, whose chance the store
        knows.
    """

    assignment_id: str
    request_id: str
    decision_id: str
    kind: str
    audit_id: str | None
    auditor_id: str
    shift_day: date
    assigned_at: datetime
    starts_at: datetime
    shift_ends_at: datetime
    minutes: float
    graphic_level: int
    due_at: datetime | None
    value: float
    inclusion_probability: float | None = None


def lock_assignments(connection: sa.Connection) -> None:
    """Let nobody else assign until this transaction ends; must come first in it.

    On PostgreSQL only those who assign wait for each other; SQLite has one writer of anything.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def add_assignments(connection: sa.Connection, assigned: Sequence[Assigned]) -> None:
    """Insert assignments; the lock must be held."""
    rows: dict[str, list[Any]] = {
        name: [_stored(getattr(each, name)) for each in assigned] for name in Assigned.__slots__
    }
    insert_columns(connection, schema.assignments, rows)


def return_unfinished(
    connection: sa.Connection, *, now: datetime, day: date, gone: Sequence[str] = ()
) -> int:
    """Take back what was assigned and cannot be waited for, and return how many.

    That is what was assigned on a day before `day` in a shift that is over, what is assigned to
    somebody who has gone, and what somebody else has finished. The lock must be held.

    Parameters
    ----------
    gone
        Ids of auditors whose open assignments go back now.
    """
    table = schema.assignments
    over = sa.and_(table.c.shift_day < day.isoformat(), table.c.shift_ends_at <= microseconds(now))
    reasons = [over, _finished(by_anyone=True)]
    if gone:
        reasons.append(among(table.c.auditor_id, list(gone)))
    query = sa.update(table).where(is_open(), sa.or_(*reasons))
    return connection.execute(query.values(returned_at=microseconds(now))).rowcount


def is_open() -> sa.ColumnElement[bool]:
    """Return whether an assignment waits for its audit."""
    return sa.and_(schema.assignments.c.returned_at.is_(None), ~is_done())


def is_done() -> sa.ColumnElement[bool]:
    """Return whether its outcome came in, from its auditor or from nobody named.

    Of two assignments of one person for the same audit the later one is done.
    """
    table, later = schema.assignments, schema.assignments.alias()
    again = sa.select(later.c.assignment_id).where(
        later.c.decision_id == table.c.decision_id,
        later.c.kind == table.c.kind,
        later.c.auditor_id == table.c.auditor_id,
        later.c.assigned_at > table.c.assigned_at,
    )
    return sa.and_(_finished(by_anyone=False), ~again.correlate(table).exists())


def _finished(*, by_anyone: bool) -> sa.ColumnElement[bool]:
    assignment, outcome = schema.assignments.c, schema.outcomes.c
    found = sa.select(outcome.audit_id).where(
        outcome.decision_id == assignment.decision_id,
        sa.func.coalesce(outcome.source, Kind.AUDIT) == assignment.kind,
    )
    if by_anyone:  # a golden item is there for many
        single = assignment.kind.in_([Kind.AUDIT, Kind.REVIEW])
        return sa.and_(single, found.correlate(schema.assignments).exists())
    unnamed = sa.and_(outcome.auditor_id.is_(None), outcome.audited_at >= assignment.assigned_at)
    found = found.where(sa.or_(outcome.auditor_id == assignment.auditor_id, unnamed))
    return found.correlate(schema.assignments).exists()


def read_assignments(
    connection: sa.Connection,
    *,
    since: date | None = None,
    until: date | None = None,
    auditors: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return assignments of shifts that began on days from `since` to `until`, both included.

    Returns
    -------
    The columns of `Assigned` and ``returned_at``, ``policy``, ``language`` and ``state``, by
    auditor and time.
    """
    table, decision = schema.assignments, schema.decisions
    state = sa.case(
        (is_done(), State.DONE), (table.c.returned_at.is_(None), State.OPEN), else_=State.RETURNED
    )
    query = sa.select(table, decision.c.policy, decision.c.language, state.label("state"))
    query = query.join(decision, decision.c.decision_id == table.c.decision_id)
    if since is not None:
        query = query.where(table.c.shift_day >= since.isoformat())
    if until is not None:
        query = query.where(table.c.shift_day <= until.isoformat())
    if auditors is not None:
        query = query.where(among(table.c.auditor_id, list(auditors)))
    return read_frame(
        connection, query.order_by(table.c.auditor_id, table.c.starts_at, table.c.assignment_id)
    )


def read_frame(connection: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    """Return what a query finds: times as times, numbers as numbers, texts with None for null."""
    result = connection.execute(query)
    names = list(result.keys())
    frame = as_frame(names, result.fetchall(), None)
    texts = [name for name in names if name not in _NUMBERS and not name.endswith("_at")]
    plain = {name: frame[name].astype(object).where(frame[name].notna(), None) for name in texts}
    numbers = {name: frame[name].astype("float64") for name in names if name in _NUMBERS}
    return frame.assign(**plain, **numbers)


_NUMBERS = (
    "value",
    "priority",
    "expected_harm",
    "minutes",
    "graphic_level",
    "inclusion_probability",
)


def _stored(value: object) -> object:
    if isinstance(value, datetime):
        return microseconds(value)
    return value.isoformat() if isinstance(value, date) else value


def day_of(time: datetime) -> date:
    """Return the day of a time, in UTC.

    Examples
    --------
    >>> day_of(datetime.fromisoformat("2026-03-02T00:30:00+01:00")).isoformat()
    '2026-03-01'
    """
    return time.astimezone(UTC).date()
