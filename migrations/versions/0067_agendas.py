"""Agendas: a secret address for the calendar of each officer and each team."""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0067"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agenda",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("token_hash", sa.Text(), nullable=True),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("issued_by_kind", sa.Text(), nullable=False),
        sa.Column("issued_by_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_by_kind", sa.Text(), nullable=True),
        sa.Column("revoked_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "issued_at IS NOT NULL AND issued_by_kind IS NOT NULL",
            name=op.f("ck_agenda_issued_who_and_when"),
        ),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by_kind IS NULL)",
            name=op.f("ck_agenda_revoked_who_and_when"),
        ),
        sa.CheckConstraint(
            "(officer_id IS NULL) <> (team IS NULL)", name=op.f("ck_agenda_of_somebody")
        ),
        sa.CheckConstraint(
            "(token_hash IS NULL) = (revoked_at IS NOT NULL)", name=op.f("ck_agenda_revoked")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_agenda_agency_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name=op.f("fk_agenda_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agenda")),
        sa.UniqueConstraint("officer_id", name=op.f("uq_agenda_officer_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_agenda_token_hash")),
        sa.UniqueConstraint("agency_id", "team", name=op.f("uq_agenda_agency_id_team")),
    )
    op.create_index("ix_agenda_agency_id_id", "agenda", ["agency_id", "id"], unique=False)
    op.create_index(op.f("ix_agenda_district"), "agenda", ["district"], unique=False)


def downgrade() -> None:
    op.drop_table("agenda")
