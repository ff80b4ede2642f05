"""Pictures that are still to be looked into."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "evidence",
        sa.Column("uninspected", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(
        "ix_evidence_uninspected",
        "evidence",
        ["id"],
        sqlite_where=sa.text("uninspected = 1"),
        postgresql_where=sa.text("uninspected"),
    )


def downgrade() -> None:
    op.drop_index("ix_evidence_uninspected", "evidence")
    op.drop_column("evidence", "uninspected")
