"""What the law gives is data with dates and a source: one table for every kind of row."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalogue_row",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "effective_to IS NULL OR effective_from <= effective_to",
            name=op.f("ck_catalogue_row_days_in_order"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_catalogue_row"),
        sa.UniqueConstraint(
            "kind", "code", "effective_from", name="uq_catalogue_row_kind_code_effective_from"
        ),
    )


def downgrade() -> None:
    op.drop_table("catalogue_row")
