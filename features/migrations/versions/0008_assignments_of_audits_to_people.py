"""Who audits what and when, the indexes by which it is read, and whose exposure a key may show."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assignments",
        sa.Column("assignment_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="audit, review, golden, calibration"),
        sa.Column("audit_id", sa.Text(), nullable=True, comment="the audit that a review looks at"),
        sa.Column("auditor_id", sa.Text(), nullable=False),
        sa.Column(
            "shift_day", sa.Text(), nullable=False, comment="day on which the shift began, UTC"
        ),
        sa.Column("assigned_at", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False, comment="as planned"),
        sa.Column("shift_ends_at", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.Double(), nullable=False, comment="as planned"),
        sa.Column("graphic_level", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("value", sa.Double(), nullable=False, comment="by which it was placed"),
        sa.Column(
            "inclusion_probability",
            sa.Double(),
            nullable=True,
            comment="of a review, to be sent back",
        ),
        sa.Column(
            "returned_at",
            sa.BigInteger(),
            nullable=True,
            comment="when it went back to be assigned anew",
        ),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"]),
        sa.PrimaryKeyConstraint("assignment_id"),
        comment="who audits what; never changed but for returned_at",
    )
    op.create_index("assignments_by_decision", "assignments", ["decision_id"])
    op.create_index("assignments_by_day", "assignments", ["shift_day"])
    _index_where(
        "assignments_to_one_person",
        "assignments",
        ["decision_id", "kind"],
        where="returned_at IS NULL AND kind IN ('audit', 'review')",
        unique=True,
    )
    yes = "true" if op.get_context().dialect.name == "postgresql" else "1"
    _index_where(
        "selections_to_audit",
        "selections",
        ["selected_at"],
        where=f"selected IS {yes}",
        unique=False,
    )
    op.create_index("outcomes_by_time", "outcomes", ["audited_at"])
    op.create_table(
        "lookups",
        sa.Column(
            "lookup_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="access key, or user@machine"),
        sa.Column(
            "auditor_id",
            sa.Text(),
            nullable=True,
            comment="whose exposure was looked at; null = everybody's",
        ),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("until", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lookup_id"),
    )
    op.add_column(
        "access_keys",
        sa.Column("auditor_id", sa.Text(), nullable=True, comment="whose own exposure it may show"),
    )


def downgrade() -> None:
    with op.batch_alter_table("access_keys") as batch_op:
        batch_op.drop_column("auditor_id")
    op.drop_table("lookups")
    op.drop_index("outcomes_by_time", table_name="outcomes")
    op.drop_index("selections_to_audit", table_name="selections")
    op.drop_table("assignments")


def _index_where(name: str, table: str, columns: list[str], *, where: str, unique: bool) -> None:
    condition = sa.text(where)
    op.create_index(
        name,
        table,
        columns,
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )
