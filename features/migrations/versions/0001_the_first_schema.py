"""The first schema of the store."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "access_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="SHA-256 of the key, never the key"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("moderator_id", sa.Text(), nullable=True),
        sa.Column("moderator_team", sa.Text(), nullable=True),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("item_id", sa.Text(), nullable=True),
        sa.Column("item_group", sa.Text(), nullable=True),
        sa.Column("action_rank", sa.Double(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("content_type", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("handle_seconds", sa.Double(), nullable=True),
        sa.Column("automated_score", sa.Double(), nullable=True),
        sa.Column("reports", sa.Double(), nullable=True),
        sa.Column("skips", sa.Double(), nullable=True),
        sa.Column("views", sa.Double(), nullable=True),
        sa.Column("moderator_tenure_days", sa.Double(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=True),
        sa.Column("graphic_level", sa.Double(), nullable=True),
        sa.Column("extras", sa.JSON(), nullable=True, comment="group_* and x_* columns"),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index("decisions_by_time", ["decided_at"], unique=False)

    op.create_table(
        "plans",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "contents",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("embedding", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decisions.decision_id"],
        ),
        sa.PrimaryKeyConstraint("decision_id"),
        comment="what was decided on; apart, so that it can be dropped alone",
    )
    op.create_table(
        "outcomes",
        sa.Column("audit_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("audited_at", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("auditor_id", sa.Text(), nullable=True),
        sa.Column("corrected_action", sa.Text(), nullable=True),
        sa.Column("corrected_policy", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("inclusion_probability", sa.Double(), nullable=True),
        sa.Column("minutes", sa.Double(), nullable=True),
        sa.Column("root_cause", sa.Text(), nullable=True),
        sa.Column("supersedes", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decisions.decision_id"],
        ),
        sa.PrimaryKeyConstraint("audit_id"),
    )
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.create_index("outcomes_by_decision", ["decision_id"], unique=False)

    op.create_table(
        "selections",
        sa.Column(
            "selection_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("selected_at", sa.BigInteger(), nullable=False),
        sa.Column("over_enforcement", sa.Double(), nullable=False),
        sa.Column("under_enforcement", sa.Double(), nullable=False),
        sa.Column("wrong_selection", sa.Double(), nullable=False),
        sa.Column("overturn_probability", sa.Double(), nullable=False),
        sa.Column("expected_harm", sa.Double(), nullable=False),
        sa.Column("priority", sa.Double(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("inclusion_probability", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("selected", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("random_audit", sa.Boolean(), nullable=False),
        sa.Column("plan_version", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decisions.decision_id"],
        ),
        sa.PrimaryKeyConstraint("selection_id"),
    )
    with op.batch_alter_table("selections", schema=None) as batch_op:
        batch_op.create_index("selections_by_decision", ["decision_id"], unique=False)
        batch_op.create_index("selections_by_time", ["selected_at"], unique=False)


def downgrade() -> None:

    with op.batch_alter_table("selections", schema=None) as batch_op:
        batch_op.drop_index("selections_by_time")
        batch_op.drop_index("selections_by_decision")

    op.drop_table("selections")
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.drop_index("outcomes_by_decision")

    op.drop_table("outcomes")
    op.drop_table("contents")
    op.drop_table("plans")
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.drop_index("decisions_by_time")

    op.drop_table("decisions")
    op.drop_table("access_keys")
