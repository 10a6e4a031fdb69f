"""Indexes by which the history of a decision is read.

Items are found by equality alone, and their ids may be as long as addresses on the web, which an
ordered index of PostgreSQL does not take: a hash index does.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("decisions_by_group", "decisions", ["item_group"], postgresql_using="hash")
    op.create_index("decisions_by_item", "decisions", ["item_id"], postgresql_using="hash")
    op.create_index("decisions_by_moderator", "decisions", ["moderator_id", "decided_at"])
    op.create_index("outcomes_by_superseded", "outcomes", ["supersedes"])


def downgrade() -> None:
    op.drop_index("outcomes_by_superseded", table_name="outcomes")
    op.drop_index("decisions_by_moderator", table_name="decisions")
    op.drop_index("decisions_by_item", table_name="decisions")
    op.drop_index("decisions_by_group", table_name="decisions")
