"""Decisions that at least two people judged: what a golden set can be chosen from."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.assignments import read_frame
from features.earlier_decisions import is_current
from features.rows import microseconds


def judged_twice(
    connection: sa.Connection, *, since: datetime
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the decisions that two people audited or reviewed since a time, and their outcomes.

    Returns
    -------
    Of the decisions ``decision_id``, ``decided_at``, ``policy``, ``policy_version``, ``language``,
    ``moderator_id``, ``moderator_team``, ``site`` and ``graphic_level``; of all their outcomes that
    stand ``decision_id``, ``verdict``, ``audited_at``, ``auditor_id`` and ``source``.
    """
    outcome, decision = schema.outcomes.c, schema.decisions.c
    twice = (
        sa.select(outcome.decision_id)
        .where(
            outcome.audited_at >= microseconds(since),
            outcome.auditor_id.is_not(None),
            sa.func.coalesce(outcome.source, "audit").in_(["audit", "review"]),
        )
        .group_by(outcome.decision_id)
        .having(sa.func.count(outcome.auditor_id.distinct()) > 1)
    )
    decisions = sa.select(
        decision.decision_id,
        decision.decided_at,
        decision.policy,
        decision.policy_version,
        decision.language,
        decision.moderator_id,
        decision.moderator_team,
        decision.site,
        decision.graphic_level,
    ).where(decision.decision_id.in_(twice))
    outcomes = sa.select(
        outcome.decision_id,
        outcome.verdict,
        outcome.audited_at,
        outcome.auditor_id,
        outcome.source,
    ).where(outcome.decision_id.in_(twice), is_current(schema.outcomes))
    return (
        read_frame(connection, decisions.order_by(decision.decision_id)),
        read_frame(connection, outcomes.order_by(outcome.audited_at, outcome.audit_id)),
    )
