"""Officers of partner departments, who go along on visits and stand on their codes."""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0066"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partner_officer",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("certificate_no", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("certificate_valid_until", sa.Date(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("registered_at", UtcDateTime(), nullable=False),
        sa.Column("registered_by_kind", sa.Text(), nullable=False),
        sa.Column("registered_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('active', 'left')", name=op.f("ck_partner_officer_state_known")
        ),
        sa.CheckConstraint(
            "registered_at IS NOT NULL AND registered_by_kind IS NOT NULL",
            name=op.f("ck_partner_officer_registered_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_partner_officer_agency_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_officer")),
        sa.UniqueConstraint(
            "agency_id",
            "department",
            "certificate_no",
            name=op.f("uq_partner_officer_agency_id_department_certificate_no"),
        ),
    )
    op.create_index("ix_partner_officer_agency_id_id", "partner_officer", ["agency_id", "id"])
    op.create_index("ix_partner_officer_district", "partner_officer", ["district"])
    op.create_table(
        "visit_code_partner",
        sa.Column("code_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["code_id"], ["visit_code.id"], name=op.f("fk_visit_code_partner_code_id")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner_officer.id"], name=op.f("fk_visit_code_partner_partner_id")
        ),
        sa.PrimaryKeyConstraint("code_id", "partner_id", name=op.f("pk_visit_code_partner")),
    )
    op.create_index("ix_visit_code_partner_partner_id", "visit_code_partner", ["partner_id"])


def downgrade() -> None:
    op.drop_table("visit_code_partner")
    op.drop_table("partner_officer")
