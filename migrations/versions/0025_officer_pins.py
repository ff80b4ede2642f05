"""A second officer confirms by PIN on a colleague's tablet: what it is checked by, offline."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "officer_pin",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("iterations", sa.BigInteger(), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by_kind", sa.Text(), nullable=False),
        sa.Column("set_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "set_at IS NOT NULL AND set_by_kind IS NOT NULL",
            name=op.f("ck_officer_pin_set_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_officer_pin_agency_id"),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name="fk_officer_pin_officer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_officer_pin"),
        sa.UniqueConstraint("officer_id", name="uq_officer_pin_officer_id"),
    )
    op.create_index("ix_officer_pin_district", "officer_pin", ["district"])


def downgrade() -> None:
    op.drop_table("officer_pin")
