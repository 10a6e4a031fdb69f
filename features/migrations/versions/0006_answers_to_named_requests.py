"""Answers to requests that named themselves, so that the same request is answered alike."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("access_key_id", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="SHA-256 of the request"),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="as sent, deflated"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("access_key_id", "idempotency_key"),
    )
    op.create_index("answers_by_time", "answers", ["made_at"])


def downgrade() -> None:
    op.drop_index("answers_by_time", table_name="answers")
    op.drop_table("answers")
