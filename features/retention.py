"""Rows that retention drops: offers of a day that is kept as sums, and decisions nothing needs.

Each function works inside the caller's transaction. What was selected, audited, assigned, offered
again later, or has an outcome of any kind keeps its rows.
"""

from __future__ import annotations

import sqlalchemy as sa

from features import schema
from features.ranked_day import DAY_US

_OFFERED = schema.selections.alias("offered")


def offers_to_drop(day: int) -> sa.ColumnElement[bool]:
    """Whether an offer is of a decision that counts on a day and needs no row.

    The decision was offered on the day and on none after it, never selected, and has no outcome and
    no assignment. Its offers of earlier days go with it.
    """
    mine = schema.selections.c.decision_id
    begin, end = day * DAY_US, (day + 1) * DAY_US
    of_day = sa.select(_OFFERED.c.decision_id).where(
        _OFFERED.c.selected_at >= begin, _OFFERED.c.selected_at < end
    )
    needed = sa.exists().where(
        _OFFERED.c.decision_id == mine,
        sa.or_(_OFFERED.c.selected.is_(True), _OFFERED.c.selected_at >= end),
    )
    return sa.and_(mine.in_(of_day), ~needed, *_is_nobodys(mine))


def count_offers_to_drop(connection: sa.Connection, day: int) -> int:
    """Return how many offers a day would lose."""
    query = sa.select(sa.func.count()).select_from(schema.selections).where(offers_to_drop(day))
    return int(connection.scalar(query) or 0)


def drop_offers(connection: sa.Connection, day: int) -> int:
    """Delete the offers that a day loses, and return how many."""
    return connection.execute(schema.selections.delete().where(offers_to_drop(day))).rowcount


def count_decisions_to_drop(connection: sa.Connection, *, since: int, until: int) -> int:
    """Return how many decisions of the days ``since <= day < until`` nothing needs."""
    query = sa.select(sa.func.count()).select_from(schema.decisions)
    return int(connection.scalar(query.where(_unneeded(since, until))) or 0)


def drop_decisions(connection: sa.Connection, day: int) -> int:
    """Delete the decisions made on a day that nothing needs, with their content; return how many.

    Needed is what has an offer, an outcome or an assignment.
    """
    unneeded = sa.select(schema.decisions.c.decision_id).where(_unneeded(day, day + 1))
    content = schema.contents
    connection.execute(content.delete().where(content.c.decision_id.in_(unneeded)))
    dropped = connection.execute(schema.decisions.delete().where(_unneeded(day, day + 1)))
    return dropped.rowcount


def days_decided(connection: sa.Connection, *, since: int, until: int) -> list[int]:
    """Return the days ``since <= day < until`` on which a decision that is stored was made."""
    at = schema.decisions.c.decided_at
    found: list[int] = []
    start = since
    while start < until:
        earliest = connection.scalar(sa.select(sa.func.min(at)).where(at >= start * DAY_US))
        if earliest is None or int(earliest) // DAY_US >= until:
            break
        found.append(int(earliest) // DAY_US)
        start = found[-1] + 1
    return found


def note_dropped(
    connection: sa.Connection, *, day: int, dropped: str, rows: int, at: int, by: str
) -> None:
    """Log what was dropped: ``offers`` of a day of ranking, or ``decisions`` of the day."""
    row = {"at": at, "by": by, "day": day, "dropped": dropped, "rows": rows}
    connection.execute(schema.retention_events.insert(), row)


def first_ranked_day(connection: sa.Connection) -> int | None:
    """Return the first day of ranking of all, kept as sums or with rows; null = none."""
    offered = connection.scalar(sa.select(sa.func.min(schema.selections.c.selected_at)))
    kept = connection.scalar(sa.select(sa.func.min(schema.kept_batches.c.day)))
    days = [kept, None if offered is None else offered // DAY_US]
    return min((int(day) for day in days if day is not None), default=None)


def _unneeded(since: int, until: int) -> sa.ColumnElement[bool]:
    mine = schema.decisions.c
    offered = sa.exists().where(_OFFERED.c.decision_id == mine.decision_id)
    return sa.and_(
        mine.decided_at >= since * DAY_US,
        mine.decided_at < until * DAY_US,
        ~offered,
        *_is_nobodys(mine.decision_id),
    )


def _is_nobodys(decision: sa.ColumnElement[str]) -> list[sa.ColumnElement[bool]]:
    """Whether a decision has neither an outcome nor an assignment."""
    outcome, assignment = schema.outcomes.alias(), schema.assignments.alias()
    return [
        ~sa.exists().where(outcome.c.decision_id == decision),
        ~sa.exists().where(assignment.c.decision_id == decision),
    ]
