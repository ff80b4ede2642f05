"""What people change by hand in a plan of joint visits is kept, with what it leads to."""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0065a"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "joint_visit_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("joint_visit_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=True),
        sa.Column("task_ids", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("consequences", sa.JSON(), nullable=False),
        sa.Column("changed_officer_id", sa.Uuid(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by_kind", sa.Text(), nullable=False),
        sa.Column("changed_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "verb IN ('move', 'split', 'merge', 'leave-out', 'shift')",
            name=op.f("ck_joint_visit_change_verb_known"),
        ),
        sa.CheckConstraint(
            "changed_at IS NOT NULL AND changed_by_kind IS NOT NULL",
            name=op.f("ck_joint_visit_change_changed_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_joint_visit_change_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["changed_officer_id"],
            ["officer.id"],
            name=op.f("fk_joint_visit_change_changed_officer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["joint_plan.id"], name=op.f("fk_joint_visit_change_plan_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_visit_change")),
    )
    op.create_index(
        "ix_joint_visit_change_joint_visit_id", "joint_visit_change", ["joint_visit_id"]
    )
    op.create_index("ix_joint_visit_change_plan_id", "joint_visit_change", ["plan_id"])


def downgrade() -> None:
    op.drop_table("joint_visit_change")
