"""By when documents have to be served, and what was said about it."""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_term",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_reason", sa.Text(), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(due_on IS NULL) = (due_reason IS NOT NULL)",
            name=op.f("ck_service_term_due_or_reason"),
        ),
        sa.CheckConstraint(
            "due_on IS NOT NULL OR (warned_at IS NULL AND late_at IS NULL)",
            name=op.f("ck_service_term_noticed_when_due"),
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_service_term_document_id")
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_service_term")),
    )


def downgrade() -> None:
    op.drop_table("service_term")
