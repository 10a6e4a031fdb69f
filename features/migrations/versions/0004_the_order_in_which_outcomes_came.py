"""The order in which outcomes came, so that the processes of a service can follow them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("audit_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", "audit_id"),
    )
    mark = op.create_table(
        "arrival_mark",
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("remade", sa.BigInteger(), nullable=False),
        sa.Column("reweighed", sa.BigInteger(), nullable=False),
        comment="one row",
    )
    op.bulk_insert(mark, [{"last": 0, "remade": 0, "reweighed": 0}])


def downgrade() -> None:
    op.drop_table("arrival_mark")
    op.drop_table("arrivals")
