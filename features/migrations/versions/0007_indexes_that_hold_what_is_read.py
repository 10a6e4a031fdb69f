"""Indexes by which the history of a decision is read, SQLite's with all that is read by them.

One index on the name of a decision's group takes the place of one on each column that may name it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_GROUP = "coalesce(item_group, item_id, decision_id)"
_OF_DECISIONS = ("decided_at", "action", "moderator_id", "decision_id")
_OF_OUTCOMES = ("audited_at", "verdict", "corrected_action", "source", "audit_id")


def upgrade() -> None:
    op.drop_index("decisions_by_group", table_name="decisions")
    op.drop_index("decisions_by_item", table_name="decisions")
    if op.get_context().dialect.name == "postgresql":
        op.create_index(
            "decisions_by_group", "decisions", [sa.text(f"({_GROUP})")], postgresql_using="hash"
        )
        return
    op.create_index("decisions_by_group", "decisions", [sa.text(_GROUP), *_OF_DECISIONS])
    op.drop_index("decisions_by_moderator", table_name="decisions")
    op.create_index(
        "decisions_by_moderator",
        "decisions",
        ["moderator_id", "decided_at", "language", "decision_id"],
    )
    op.drop_index("outcomes_by_decision", table_name="outcomes")
    op.create_index("outcomes_by_decision", "outcomes", ["decision_id", *_OF_OUTCOMES])


def downgrade() -> None:
    op.drop_index("decisions_by_group", table_name="decisions")
    op.create_index("decisions_by_group", "decisions", ["item_group"], postgresql_using="hash")
    op.create_index("decisions_by_item", "decisions", ["item_id"], postgresql_using="hash")
    if op.get_context().dialect.name == "postgresql":
        return
    op.drop_index("decisions_by_moderator", table_name="decisions")
    op.create_index("decisions_by_moderator", "decisions", ["moderator_id", "decided_at"])
    op.drop_index("outcomes_by_decision", table_name="outcomes")
    op.create_index("outcomes_by_decision", "outcomes", ["decision_id"])
