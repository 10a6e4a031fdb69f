"""Keys that expire, who did what to the keys, and sessions that were ended."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_keys", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "key_events",
        sa.Column("event_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True, comment="as far as known"),
        sa.Column("successor", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
    )
    for action, at in (("created", "created_at"), ("revoked", "revoked_at")):
        op.execute(
            f"INSERT INTO key_events (at, action, key_id) SELECT {at}, '{action}', key_id "
            f"FROM access_keys WHERE {at} IS NOT NULL ORDER BY {at}"
        )
    op.create_table(
        "ended_sessions",
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_id"),
    )


def downgrade() -> None:
    op.drop_table("ended_sessions")
    op.drop_table("key_events")
    with op.batch_alter_table("access_keys") as batch_op:
        batch_op.drop_column("expires_at")
