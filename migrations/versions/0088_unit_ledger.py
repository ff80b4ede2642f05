"""Tablets are told how often their units were entered, and up to when that counts."""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0088"
down_revision = "0069a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unit_ledger",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("counted_until", UtcDateTime(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("entries", sa.JSON(), nullable=False),
        sa.Column("exceptions", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_unit_ledger_agency_id_agency")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_unit_ledger_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_ledger")),
        sa.UniqueConstraint("unit_id", name=op.f("uq_unit_ledger_unit_id")),
    )
    op.create_index(op.f("ix_unit_ledger_district"), "unit_ledger", ["district"])


def downgrade() -> None:
    op.drop_table("unit_ledger")
