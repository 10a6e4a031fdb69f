"""What a challenger that looks on scored, beside the model that answered."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shadow_scores",
        sa.Column(
            "score_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("scored_at", sa.BigInteger(), nullable=False),
        sa.Column("bundle_version", sa.Text(), nullable=False),
        sa.Column("over_enforcement", sa.Double(), nullable=False),
        sa.Column("under_enforcement", sa.Double(), nullable=False),
        sa.Column("wrong_selection", sa.Double(), nullable=False),
        sa.Column("overturn_probability", sa.Double(), nullable=False),
        sa.Column("expected_harm", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("score_id"),
    )
    op.create_index("shadow_scores_by_decision", "shadow_scores", ["decision_id"])


def downgrade() -> None:
    op.drop_index("shadow_scores_by_decision", table_name="shadow_scores")
    op.drop_table("shadow_scores")
