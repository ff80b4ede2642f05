"""Teams of joint visits: lots, changes by hand, partner officers and what they check."""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0080"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "joint_team_lot",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("manifest_sha256", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("entropy", sa.JSON(), nullable=False),
        sa.Column("teams", sa.Text(), nullable=True),
        sa.Column("teams_sha256", sa.Text(), nullable=True),
        sa.Column("held_code", sa.Text(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("asked_by_kind", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("drawn_at", UtcDateTime(), nullable=True),
        sa.Column("drawn_by_kind", sa.Text(), nullable=True),
        sa.Column("drawn_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('asked', 'drawn')", name=op.f("ck_joint_team_lot_state_known")
        ),
        sa.CheckConstraint(
            "asked_at IS NOT NULL AND asked_by_kind IS NOT NULL",
            name=op.f("ck_joint_team_lot_asked_who_and_when"),
        ),
        sa.CheckConstraint(
            "(drawn_at IS NULL) = (drawn_by_kind IS NULL)",
            name=op.f("ck_joint_team_lot_drawn_who_and_when"),
        ),
        sa.CheckConstraint(
            "(state = 'drawn') = (drawn_at IS NOT NULL AND secret IS NOT NULL"
            " AND teams IS NOT NULL AND teams_sha256 IS NOT NULL)",
            name=op.f("ck_joint_team_lot_drawn_is_open"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_joint_team_lot_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["joint_plan.id"], name=op.f("fk_joint_team_lot_plan_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_team_lot")),
        sa.UniqueConstraint("agency_id", "number", name=op.f("uq_joint_team_lot_agency_id_number")),
    )
    op.create_index("ix_joint_team_lot_district", "joint_team_lot", ["district"])
    op.create_index("ix_joint_team_lot_plan_id", "joint_team_lot", ["plan_id"])
    op.create_table(
        "joint_team_lot_visit",
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("joint_visit_id", sa.Uuid(), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("gaps", sa.JSON(), nullable=False),
        sa.Column("stays", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["joint_team_lot.id"], name=op.f("fk_joint_team_lot_visit_lot_id")
        ),
        sa.PrimaryKeyConstraint("lot_id", "key", name=op.f("pk_joint_team_lot_visit")),
    )
    op.create_index(
        "ix_joint_team_lot_visit_joint_visit_id", "joint_team_lot_visit", ["joint_visit_id"]
    )
    op.create_table(
        "joint_team_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("joint_visit_id", sa.Uuid(), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("officer_ids_out", sa.JSON(), nullable=False),
        sa.Column("officer_ids_in", sa.JSON(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by_kind", sa.Text(), nullable=False),
        sa.Column("changed_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "changed_at IS NOT NULL AND changed_by_kind IS NOT NULL",
            name=op.f("ck_joint_team_change_changed_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["joint_visit_id"],
            ["joint_visit.id"],
            name=op.f("fk_joint_team_change_joint_visit_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_team_change")),
    )
    op.create_index("ix_joint_team_change_joint_visit_id", "joint_team_change", ["joint_visit_id"])
    op.create_table(
        "joint_visit_partner",
        sa.Column("joint_visit_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["joint_visit_id"],
            ["joint_visit.id"],
            name=op.f("fk_joint_visit_partner_joint_visit_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner_officer.id"], name=op.f("fk_joint_visit_partner_partner_id")
        ),
        sa.PrimaryKeyConstraint(
            "joint_visit_id", "partner_id", name=op.f("pk_joint_visit_partner")
        ),
    )
    op.create_index("ix_joint_visit_partner_partner_id", "joint_visit_partner", ["partner_id"])
    op.create_table(
        "joint_visit_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("joint_visit_id", sa.Uuid(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["joint_visit_id"],
            ["joint_visit.id"],
            name=op.f("fk_joint_visit_item_joint_visit_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_visit_item")),
    )
    op.create_index("ix_joint_visit_item_joint_visit_id", "joint_visit_item", ["joint_visit_id"])


def downgrade() -> None:
    for name in (
        "joint_visit_item",
        "joint_visit_partner",
        "joint_team_change",
        "joint_team_lot_visit",
        "joint_team_lot",
    ):
        op.drop_table(name)
