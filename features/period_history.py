"""What the store holds of a period, whole: for whoever asks about more decisions than it holds.

`features.earlier_decisions` asks by the ids of items and moderators. For a backlog of millions that
is millions of ids, while the store may hold little of the period, or nothing.
"""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.blocks import read_blocks
from features.columns import Columns
from features.earlier_decisions import Period, is_current
from features.history import judged_of


def count_up_to(connection: sa.Connection, table: sa.Table, most: int) -> int:
    """Count the rows of a table, but no further than `most`."""
    some = sa.select(sa.literal(1)).select_from(table).limit(most).subquery()
    return int(connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0)


def past_decisions(connection: sa.Connection, period: Period) -> pd.DataFrame:
    """Return every decision of a period, with the name of its ``group`` of near-duplicates."""
    decision = schema.decisions.c
    query = sa.select(
        decision.decision_id,
        schema.GROUP_NAME.label("group"),
        decision.decided_at,
        decision.action,
        decision.moderator_id,
        decision.language,
    ).where(decision.decided_at >= period[0], decision.decided_at < period[1])
    return read_blocks(connection, query, None)


def judged_in(connection: sa.Connection, period: Period) -> Columns:
    """Return what audits finished in a period said was right, as `features.history.judged_of`."""
    decision, outcome = schema.decisions.c, schema.outcomes.c
    query = sa.select(
        schema.GROUP_NAME.label("decision_id"),
        decision.action,
        outcome.audited_at,
        outcome.verdict,
        outcome.corrected_action,
    ).where(
        outcome.decision_id == decision.decision_id,
        outcome.audited_at >= period[0],
        outcome.audited_at < period[1],
        sa.func.coalesce(outcome.source, "audit") == "audit",
        is_current(schema.outcomes),
    )
    return judged_of(read_blocks(connection, query, None))


def stored_ids(connection: sa.Connection) -> pd.Series:
    """Return the ids of all decisions."""
    return read_blocks(connection, sa.select(schema.decisions.c.decision_id), None)["decision_id"]
