"""Sums by day of decisions whose rows are not kept, their audits, and what was dropped when."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_LARGE_COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OF_RISK = ("over_enforcement", "under_enforcement", "wrong_selection", "overturn_probability")


def upgrade() -> None:
    op.create_table(
        "kept_batches",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column(
            "day", sa.Integer(), nullable=False, comment="of ranking, UTC, counted from 1970"
        ),
        sa.Column("manner", sa.Text(), nullable=False, comment="ranked, retained"),
        sa.Column("decisions", sa.BigInteger(), nullable=False),
        sa.Column("selected", sa.BigInteger(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id"),
        comment="ranked decisions that are kept as sums, but for those that were selected",
    )
    op.create_index("kept_batches_by_day", "kept_batches", ["day"])
    op.create_table(
        "kept_sums",
        sa.Column("sum_id", _LARGE_COUNT, autoincrement=True, nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("grouped_by", sa.Text(), nullable=False, comment="column of the label"),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False, comment="which risk, or severity"),
        sa.Column("first_node", sa.Integer(), nullable=False),
        sa.Column("kinds", sa.Integer(), nullable=False, comment="rows of the sums"),
        sa.Column("decisions", sa.Double(), nullable=False),
        sa.Column("predicted", sa.Double(), nullable=False),
        sa.Column(
            "sums", sa.LargeBinary(), nullable=False, comment="little-endian doubles, deflated"
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["kept_batches.batch_id"]),
        sa.PrimaryKeyConstraint("sum_id"),
    )
    op.create_index("kept_sums_by_batch", "kept_sums", ["batch_id", "grouped_by", "what"])
    op.create_table(
        "kept_audits",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in _OF_RISK),
        sa.Column(
            "inclusion_probability",
            sa.Double(),
            nullable=False,
            comment="lowered by the share of audits that were finished when the day was kept",
        ),
        sa.Column("harm", sa.Double(), nullable=False, comment="of the decision if it is wrong"),
        sa.ForeignKeyConstraint(["batch_id"], ["kept_batches.batch_id"]),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"]),
        sa.PrimaryKeyConstraint("decision_id"),
        comment="audits that count beside the sums of a day that was retained",
    )
    op.create_index("kept_audits_by_batch", "kept_audits", ["batch_id"])
    op.create_table(
        "retention_events",
        sa.Column("event_id", _LARGE_COUNT, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="user@machine"),
        sa.Column(
            "day", sa.Integer(), nullable=False, comment="of ranking, or of decision, from 1970"
        ),
        sa.Column("dropped", sa.Text(), nullable=False, comment="offers, decisions"),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )


def downgrade() -> None:
    op.drop_table("retention_events")
    op.drop_table("kept_audits")
    op.drop_table("kept_sums")
    op.drop_table("kept_batches")
