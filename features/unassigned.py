"""What is still to be assigned: selected audits and blind reviews that wait for somebody.

Every decision that was selected and neither finished nor assigned is told; which of them were
selected is the ranking's, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.among import among
from features.assignments import Kind, read_frame
from features.earlier_decisions import is_current
from features.rows import microseconds
from features.store import Store
from features.wellbeing import Wellbeing

MOST_TIMED = 20_000
_IDS_A_QUERY = 5_000
_OF_REVIEWS = ["decision_id", "audit_id", "inclusion_probability"]
_JUDGING = ("audit", "review", "appeal")
"""Sources of an outcome whose author is no blind reviewer any more."""


def audits_to_assign(connection: sa.Connection, *, since: datetime) -> pd.DataFrame:
    """Return the decisions that were selected and wait for somebody to audit them.

    Neither finished nor assigned, and selected at `since` or later.

    Returns
    -------
    Columns ``decision_id``, ``selected_at`` (the first time), ``priority`` and ``expected_harm``
    (the largest over the offers that selected it), and of the decision ``policy``, ``language``,
    ``moderator_id``, ``moderator_team``, ``site`` and ``graphic_level``; by id.
    """
    query = _selected(since).where(~_is_audited(), ~_is_assigned(Kind.AUDIT))
    return read_frame(connection, query)


def _selected(since: datetime) -> sa.Select[Any]:
    """Ask for the decisions that were selected at a time or later, by id."""
    offer, decision = schema.selections.c, schema.decisions.c
    chosen = (
        sa.select(
            offer.decision_id,
            sa.func.min(offer.selected_at).label("selected_at"),
            sa.func.max(offer.priority).label("priority"),
            sa.func.max(offer.expected_harm).label("expected_harm"),
        )
        .where(offer.selected.is_(True), offer.selected_at >= microseconds(since))
        .group_by(offer.decision_id)
        .subquery()
    )
    query = sa.select(chosen, *_of_decisions())
    query = query.join(schema.decisions, decision.decision_id == chosen.c.decision_id)
    return query.order_by(chosen.c.decision_id)


def overdue_by_policy(store: Store, *, limits: Wellbeing, now: datetime) -> dict[str, int]:
    """Return how many selected audits are past their due time and not finished, by policy.

    Assigned or not; those selected longer ago than `limits.oldest_days` are nonresponse by now and
    not counted.
    """
    since = now - timedelta(days=limits.oldest_days)
    with store.transaction() as connection:
        table = read_frame(connection, _selected(since).where(~_is_audited()))
    due = [
        limits.due_at(policy, at)
        for policy, at in zip(table["policy"], table["selected_at"], strict=True)
    ]
    late = table.loc[[at <= now for at in due], "policy"]
    return {str(policy): int(count) for policy, count in late.value_counts().sort_index().items()}


def reviews_to_assign(connection: sa.Connection, due: pd.DataFrame) -> pd.DataFrame:
    """Return the reviews of a list that are not assigned to anybody.

    Parameters
    ----------
    due
        Columns ``decision_id``, ``audit_id`` and ``inclusion_probability``.

    Returns
    -------
    These, and of the audit ``audited_at``; of the decision what `audits_to_assign` gives; and
    ``judged_by``, the set of all who must not review it, null where nobody is known: whoever
    audited the decision, reviewed it or settled a dispute of it, at any time, and whoever its audit
    was assigned to.
    """
    decision, outcome = schema.decisions.c, schema.outcomes.c
    query = (
        sa.select(
            outcome.audit_id,
            outcome.audited_at,
            *_of_decisions(),
        )
        .join(schema.decisions, decision.decision_id == outcome.decision_id)
        .where(~_is_assigned(Kind.REVIEW))
        .order_by(outcome.audit_id)
    )
    ids = due["audit_id"].tolist()
    parts = [
        read_frame(
            connection, query.where(among(outcome.audit_id, ids[start : start + _IDS_A_QUERY]))
        )
        for start in range(0, max(len(ids), 1), _IDS_A_QUERY)
    ]
    found = pd.concat(parts, ignore_index=True).merge(due[_OF_REVIEWS], on="audit_id")
    judges = _judges(connection, found["decision_id"].tolist())
    every = [judges.get(decision) for decision in found["decision_id"]]
    return found.assign(judged_by=pd.Series(every, index=found.index, dtype=object))


def _judges(connection: sa.Connection, ids: list[str]) -> dict[str, frozenset[str]]:
    """Return who has judged decisions, or was given them to judge, by decision.

    Outcomes that others supersede count too. An audit may have come without its auditor; then it is
    of whoever it was assigned to.
    """
    outcome, assignment = schema.outcomes.c, schema.assignments.c
    found: dict[str, set[str]] = {}
    for start in range(0, len(ids), _IDS_A_QUERY):
        part = ids[start : start + _IDS_A_QUERY]
        told = sa.select(outcome.decision_id, outcome.auditor_id).where(
            among(outcome.decision_id, part),
            outcome.auditor_id.is_not(None),
            sa.func.coalesce(outcome.source, Kind.AUDIT).in_(_JUDGING),
        )
        given = sa.select(assignment.decision_id, assignment.auditor_id).where(
            among(assignment.decision_id, part),
            assignment.kind == Kind.AUDIT,
            assignment.returned_at.is_(None),
        )
        for decision, auditor in connection.execute(told.union(given)):
            found.setdefault(decision, set()).add(auditor)
    return {decision: frozenset(people) for decision, people in found.items()}


def reviewed(connection: sa.Connection, ids: list[str]) -> set[str]:
    """Return those of the decisions of which a second review stands."""
    outcome = schema.outcomes
    found: set[str] = set()
    for start in range(0, len(ids), _IDS_A_QUERY):
        query = sa.select(outcome.c.decision_id).where(
            among(outcome.c.decision_id, ids[start : start + _IDS_A_QUERY]),
            outcome.c.source == Kind.REVIEW,
            is_current(outcome),
        )
        found.update(connection.scalars(query))
    return found


def taken(connection: sa.Connection, audits: Iterable[str], reviews: Iterable[str]) -> set[str]:
    """Return those of the decisions whose audit, or review, is assigned or finished by now."""
    found: set[str] = set()
    for kind, ids in ((Kind.AUDIT, list(audits)), (Kind.REVIEW, list(reviews))):
        decision, outcome = schema.decisions.c, schema.outcomes.c
        finished = sa.select(outcome.audit_id).where(
            outcome.decision_id == decision.decision_id,
            sa.func.coalesce(outcome.source, Kind.AUDIT) == kind,
        )
        for start in range(0, len(ids), _IDS_A_QUERY):
            query = sa.select(decision.decision_id).where(
                among(decision.decision_id, ids[start : start + _IDS_A_QUERY]),
                sa.or_(finished.correlate(schema.decisions).exists(), _is_assigned(kind)),
            )
            found.update(connection.scalars(query))
    return found


def timed_audits(connection: sa.Connection, *, since: datetime) -> pd.DataFrame:
    """Return the ``policy`` and ``minutes`` of audits that were timed, the latest `MOST_TIMED`."""
    outcome, decision = schema.outcomes.c, schema.decisions.c
    query = (
        sa.select(decision.policy, outcome.minutes)
        .select_from(schema.outcomes)
        .join(schema.decisions, decision.decision_id == outcome.decision_id)
        .where(outcome.audited_at >= microseconds(since), outcome.minutes > 0)
        .order_by(outcome.audited_at.desc())
        .limit(MOST_TIMED)
    )
    return read_frame(connection, query)


def _of_decisions() -> list[sa.Column[Any]]:
    decision = schema.decisions.c
    return [
        decision.policy,
        decision.language,
        decision.moderator_id,
        decision.moderator_team,
        decision.site,
        decision.graphic_level,
    ]


def _is_audited() -> sa.ColumnElement[bool]:
    outcome = schema.outcomes.c
    found = sa.select(outcome.audit_id).where(
        outcome.decision_id == schema.decisions.c.decision_id,
        sa.func.coalesce(outcome.source, Kind.AUDIT) == Kind.AUDIT,
    )
    return found.correlate(schema.decisions).exists()


def _is_assigned(kind: Kind) -> sa.ColumnElement[bool]:
    assignment = schema.assignments.c
    found = sa.select(assignment.assignment_id).where(
        assignment.decision_id == schema.decisions.c.decision_id,
        assignment.kind == kind,
        assignment.returned_at.is_(None),
    )
    return found.correlate(schema.decisions).exists()
