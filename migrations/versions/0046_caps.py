"""Entries beyond a cap: asked for with a reason, decided by a second person."""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0046"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cap_exception",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("cap_code", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_officer_id", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("proposed_by_kind", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_reason", sa.Text(), nullable=True),
        sa.Column("decided_officer_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'refused')",
            name=op.f("ck_cap_exception_state_known"),
        ),
        sa.CheckConstraint(
            "proposed_at IS NOT NULL AND proposed_by_kind IS NOT NULL",
            name=op.f("ck_cap_exception_proposed_who_and_when"),
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by_kind IS NULL)",
            name=op.f("ck_cap_exception_decided_who_and_when"),
        ),
        sa.CheckConstraint("from_on <= until_on", name=op.f("ck_cap_exception_days_in_order")),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL)",
            name=op.f("ck_cap_exception_decided_when"),
        ),
        sa.CheckConstraint(
            "decided_at IS NULL OR (decided_officer_id IS NOT NULL"
            " AND decided_by_id <> proposed_by_id"
            " AND (proposed_officer_id IS NULL OR decided_officer_id <> proposed_officer_id))",
            name=op.f("ck_cap_exception_second_person"),
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (decided_reason IS NOT NULL)",
            name=op.f("ck_cap_exception_refused_with_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_cap_exception_agency_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_cap_exception_unit_id")),
        sa.ForeignKeyConstraint(
            ["proposed_officer_id"],
            ["officer.id"],
            name=op.f("fk_cap_exception_proposed_officer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_officer_id"], ["officer.id"], name=op.f("fk_cap_exception_decided_officer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cap_exception")),
    )
    op.create_index("ix_cap_exception_district", "cap_exception", ["district"])
    op.create_index("ix_cap_exception_unit_id_cap_code", "cap_exception", ["unit_id", "cap_code"])
    op.create_index("ix_cap_exception_agency_id_id", "cap_exception", ["agency_id", "id"])


def downgrade() -> None:
    op.drop_table("cap_exception")
