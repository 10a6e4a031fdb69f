"""Decisions that at least two people judged, or a panel: what a golden set is chosen from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.among import among
from features.assignments import read_frame
from features.earlier_decisions import is_current
from features.rows import microseconds


def judged_twice(
    connection: sa.Connection, *, since: datetime, settled: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the decisions that two people audited or reviewed since a time, and their outcomes.

    Parameters
    ----------
    settled
        Ids of decisions that a panel settled; those that the store holds come too.

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
    ).where(_either(decision.decision_id, twice, settled))
    outcomes = sa.select(
        outcome.decision_id,
        outcome.verdict,
        outcome.audited_at,
        outcome.auditor_id,
        outcome.source,
    ).where(_either(outcome.decision_id, twice, settled), is_current(schema.outcomes))
    return (
        read_frame(connection, decisions.order_by(decision.decision_id)),
        read_frame(connection, outcomes.order_by(outcome.audited_at, outcome.audit_id)),
    )


def _either(
    column: sa.Column[Any], query: sa.Select[Any], ids: Sequence[str]
) -> sa.ColumnElement[bool]:
    return sa.or_(column.in_(query), among(column, ids)) if ids else column.in_(query)
