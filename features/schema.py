"""The tables of the store. Times are microseconds since 1970 in UTC, exact on every database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from features.contract import DECISIONS, OUTCOMES, Column, Table

metadata = sa.MetaData()

_TYPES: dict[str, Any] = {
    "text": sa.Text,
    "number": sa.Double,
    "time": sa.BigInteger,
}
CONTENT_COLUMNS = ("text", "embedding")


def _stored(column: Column, *, key: str) -> sa.Column[object]:
    return sa.Column(
        column.name,
        _TYPES[column.kind],
        primary_key=column.name == key,
        nullable=not column.required,
    )


def _contract_columns(table: Table, *, key: str) -> list[sa.Column[object]]:
    return [_stored(c, key=key) for c in table.columns if c.name not in CONTENT_COLUMNS]


decisions = sa.Table(
    "decisions",
    metadata,
    *_contract_columns(DECISIONS, key="decision_id"),
    sa.Column("extras", sa.JSON, comment="group_* and x_* columns"),
    sa.Index("decisions_by_time", "decided_at"),
)
GROUP_NAME = sa.func.coalesce(decisions.c.item_group, decisions.c.item_id, decisions.c.decision_id)
"""The group of near-duplicates of a decision, as `features.history.groups_of`."""

contents = sa.Table(
    "contents",
    metadata,
    sa.Column("decision_id", sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("text", sa.Text),
    sa.Column("embedding", sa.JSON),
    comment="what was decided on; apart, so that it can be dropped alone",
)

outcomes = sa.Table(
    "outcomes",
    metadata,
    *_contract_columns(OUTCOMES, key="audit_id"),
    sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"]),
    sa.Index("outcomes_by_superseded", "supersedes"),
    sa.Index("outcomes_by_time", "audited_at"),
)

_LARGE_COUNT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""Every offer is kept, and a large programme makes billions; SQLite counts only in its INTEGER."""

selections = sa.Table(
    "selections",
    metadata,
    sa.Column("selection_id", _LARGE_COUNT, primary_key=True, autoincrement=True),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("decision_id", sa.ForeignKey("decisions.decision_id"), nullable=False),
    sa.Column("selected_at", sa.BigInteger, nullable=False),
    sa.Column("over_enforcement", sa.Double, nullable=False),
    sa.Column("under_enforcement", sa.Double, nullable=False),
    sa.Column("wrong_selection", sa.Double, nullable=False),
    sa.Column("overturn_probability", sa.Double, nullable=False),
    sa.Column("expected_harm", sa.Double, nullable=False),
    sa.Column("priority", sa.Double, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("inclusion_probability", sa.Double, nullable=False),
    sa.Column("threshold", sa.Double, nullable=False),
    sa.Column("selected", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("random_audit", sa.Boolean, nullable=False),
    sa.Column("plan_version", sa.Text, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Index("selections_by_decision", "decision_id"),
    sa.Index("selections_by_time", "selected_at"),
)
sa.Index(
    "selections_to_audit",
    selections.c.selected_at,
    sqlite_where=selections.c.selected.is_(True),
    postgresql_where=selections.c.selected.is_(True),
)

assignments = sa.Table(
    "assignments",
    metadata,
    sa.Column("assignment_id", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("decision_id", sa.ForeignKey("decisions.decision_id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="audit, review, golden, calibration"),
    sa.Column("audit_id", sa.Text, comment="the audit that a review looks at"),
    sa.Column("auditor_id", sa.Text, nullable=False),
    sa.Column("shift_day", sa.Text, nullable=False, comment="day on which the shift began, UTC"),
    sa.Column("assigned_at", sa.BigInteger, nullable=False),
    sa.Column("starts_at", sa.BigInteger, nullable=False, comment="as planned"),
    sa.Column("shift_ends_at", sa.BigInteger, nullable=False),
    sa.Column("minutes", sa.Double, nullable=False, comment="as planned"),
    sa.Column("graphic_level", sa.Integer, nullable=False),
    sa.Column("due_at", sa.BigInteger),
    sa.Column("value", sa.Double, nullable=False, comment="by which it was placed"),
    sa.Column("inclusion_probability", sa.Double, comment="of a review, to be sent back"),
    sa.Column("returned_at", sa.BigInteger, comment="when it went back to be assigned anew"),
    sa.Index("assignments_by_decision", "decision_id"),
    sa.Index("assignments_by_day", "shift_day"),
    comment="who audits what; never changed but for returned_at",
)
_ONE_PERSON = sa.text("returned_at IS NULL AND kind IN ('audit', 'review')")
sa.Index(
    "assignments_to_one_person",
    assignments.c.decision_id,
    assignments.c.kind,
    unique=True,
    sqlite_where=_ONE_PERSON,
    postgresql_where=_ONE_PERSON,
)

lookups = sa.Table(
    "lookups",
    metadata,
    sa.Column("lookup_id", _LARGE_COUNT, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("by", sa.Text, nullable=False, comment="access key, or user@machine"),
    sa.Column("auditor_id", sa.Text, comment="whose exposure was looked at; null = everybody's"),
    sa.Column("since", sa.Text, nullable=False),
    sa.Column("until", sa.Text, nullable=False),
)

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)

access_keys = sa.Table(
    "access_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, comment="SHA-256 of the key, never the key"),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
    sa.Column("expires_at", sa.BigInteger),
    sa.Column("auditor_id", sa.Text, comment="whose own exposure it may show"),
)

key_events = sa.Table(
    "key_events",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("by", sa.Text, comment="as far as known"),
    sa.Column("successor", sa.Text),
    sa.Column("expires_at", sa.BigInteger),
)

ended_sessions = sa.Table(
    "ended_sessions",
    metadata,
    sa.Column("session_id", sa.Text, primary_key=True),
    sa.Column("ends_at", sa.BigInteger, nullable=False),
)

answers = sa.Table(
    "answers",
    metadata,
    sa.Column("access_key_id", sa.Text, primary_key=True),
    sa.Column("idempotency_key", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, comment="SHA-256 of the request"),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="as sent, deflated"),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Index("answers_by_time", "made_at"),
)

arrivals = sa.Table(
    "arrivals",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("audit_id", sa.Text, primary_key=True),
)

arrival_mark = sa.Table(
    "arrival_mark",
    metadata,
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("remade", sa.BigInteger, nullable=False),
    sa.Column("reweighed", sa.BigInteger, nullable=False),
    comment="one row",
)

shadow_scores = sa.Table(
    "shadow_scores",
    metadata,
    sa.Column("score_id", _LARGE_COUNT, primary_key=True, autoincrement=True),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("decision_id", sa.Text, nullable=False),
    sa.Column("scored_at", sa.BigInteger, nullable=False),
    sa.Column("bundle_version", sa.Text, nullable=False),
    sa.Column("over_enforcement", sa.Double, nullable=False),
    sa.Column("under_enforcement", sa.Double, nullable=False),
    sa.Column("wrong_selection", sa.Double, nullable=False),
    sa.Column("overturn_probability", sa.Double, nullable=False),
    sa.Column("expected_harm", sa.Double, nullable=False),
    sa.Index("shadow_scores_by_decision", "decision_id"),
)

kept_batches = sa.Table(
    "kept_batches",
    metadata,
    sa.Column("batch_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, nullable=False, comment="of ranking, UTC, counted from 1970"),
    sa.Column("manner", sa.Text, nullable=False, comment="ranked, retained"),
    sa.Column("decisions", sa.BigInteger, nullable=False),
    sa.Column("selected", sa.BigInteger, nullable=False),
    sa.Column("kept_at", sa.BigInteger, nullable=False),
    sa.Index("kept_batches_by_day", "day"),
    comment="ranked decisions that are kept as sums, but for those that were selected",
)

kept_sums = sa.Table(
    "kept_sums",
    metadata,
    sa.Column("sum_id", _LARGE_COUNT, primary_key=True, autoincrement=True),
    sa.Column("batch_id", sa.ForeignKey("kept_batches.batch_id"), nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("grouped_by", sa.Text, nullable=False, comment="column of the label"),
    sa.Column("label", sa.Text),
    sa.Column("what", sa.Text, nullable=False, comment="which risk, or severity"),
    sa.Column("first_node", sa.Integer, nullable=False),
    sa.Column("kinds", sa.Integer, nullable=False, comment="rows of the sums"),
    sa.Column("decisions", sa.Double, nullable=False),
    sa.Column("predicted", sa.Double, nullable=False),
    sa.Column("sums", sa.LargeBinary, nullable=False, comment="little-endian doubles, deflated"),
    sa.Index("kept_sums_by_batch", "batch_id", "grouped_by", "what"),
)

kept_audits = sa.Table(
    "kept_audits",
    metadata,
    sa.Column("decision_id", sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("batch_id", sa.ForeignKey("kept_batches.batch_id"), nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("over_enforcement", sa.Double, nullable=False),
    sa.Column("under_enforcement", sa.Double, nullable=False),
    sa.Column("wrong_selection", sa.Double, nullable=False),
    sa.Column("overturn_probability", sa.Double, nullable=False),
    sa.Column(
        "inclusion_probability",
        sa.Double,
        nullable=False,
        comment="lowered by the share of audits that were finished when the day was kept",
    ),
    sa.Column("harm", sa.Double, nullable=False, comment="of the decision if it is wrong"),
    sa.Index("kept_audits_by_batch", "batch_id"),
    comment="audits that count beside the sums of a day that was retained",
)

retention_events = sa.Table(
    "retention_events",
    metadata,
    sa.Column("event_id", _LARGE_COUNT, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("by", sa.Text, nullable=False, comment="user@machine"),
    sa.Column("day", sa.Integer, nullable=False, comment="of ranking, or of decision, from 1970"),
    sa.Column("dropped", sa.Text, nullable=False, comment="offers, decisions"),
    sa.Column("rows", sa.BigInteger, nullable=False),
)


def _index(name: str, *sought: Any, read: tuple[sa.Column[Any], ...], **of_postgresql: Any) -> None:
    """Declare an index by which rows are sought, for either database.

    In SQLite it also holds the columns that are then read, as to open each row takes three times as
    long. In PostgreSQL it does not: an ordered index there takes no entry of over 2,704 bytes.
    """
    sa.Index(name, *sought, *read, info={"dialect": "sqlite"}).ddl_if(dialect="sqlite")
    plain = sa.Index(name, *sought, info={"dialect": "postgresql"}, **of_postgresql)
    plain.ddl_if(dialect="postgresql")


def _declare_indexes() -> None:
    decision, outcome = decisions.c, outcomes.c
    _index(
        "decisions_by_group",
        GROUP_NAME,
        read=(decision.decided_at, decision.action, decision.moderator_id, decision.decision_id),
        postgresql_using="hash",
    )
    _index(
        "decisions_by_moderator",
        decision.moderator_id,
        decision.decided_at,
        read=(decision.language, decision.decision_id),
    )
    _index(
        "outcomes_by_decision",
        outcome.decision_id,
        read=(
            outcome.audited_at,
            outcome.verdict,
            outcome.corrected_action,
            outcome.source,
            outcome.audit_id,
        ),
    )


_declare_indexes()
