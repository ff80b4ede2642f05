"""Where numbers go on after a restore, and which periods of draws wait for an administrator."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "number_floor",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_number_floor")),
    )
    op.create_table(
        "draw_hold",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_by_kind", sa.Text(), nullable=False),
        sa.Column("held_by_id", sa.Uuid(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by_kind", sa.Text(), nullable=True),
        sa.Column("released_by_id", sa.Uuid(), nullable=True),
        sa.Column("release_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "held_at IS NOT NULL AND held_by_kind IS NOT NULL",
            name=op.f("ck_draw_hold_held_who_and_when"),
        ),
        sa.CheckConstraint(
            "(released_at IS NULL) = (released_by_kind IS NULL)",
            name=op.f("ck_draw_hold_released_who_and_when"),
        ),
        sa.CheckConstraint(
            "(released_at IS NULL) = (release_reason IS NULL)",
            name=op.f("ck_draw_hold_released_with_reason"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_draw_hold_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw_hold")),
    )
    op.create_index(op.f("ix_draw_hold_agency_id"), "draw_hold", ["agency_id"])
    op.create_index(op.f("ix_draw_hold_district"), "draw_hold", ["district"])


def downgrade() -> None:
    op.drop_table("draw_hold")
    op.drop_table("number_floor")
