"""Joint visits: plans, their visits with tasks, officers and caps; a task knows its day."""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0065"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task", sa.Column("planned_on", sa.Date(), nullable=True))
    op.add_column("task", sa.Column("joint_visit_id", sa.Uuid(), nullable=True))
    op.create_index("ix_task_joint_visit_id", "task", ["joint_visit_id"])
    op.create_table(
        "joint_plan",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("days", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("maker", sa.Text(), nullable=False),
        sa.Column("teams", sa.BigInteger(), nullable=False),
        sa.Column("visits_each", sa.BigInteger(), nullable=False),
        sa.Column("unit_ids", sa.JSON(), nullable=False),
        sa.Column("zones", sa.JSON(), nullable=False),
        sa.Column("comparison", sa.JSON(), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.Column("proposed_officer_id", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("proposed_by_kind", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=True),
        sa.Column("changed_officer_id", sa.Uuid(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.Column("changed_by_kind", sa.Text(), nullable=True),
        sa.Column("changed_by_id", sa.Uuid(), nullable=True),
        sa.Column("approved_officer_id", sa.Uuid(), nullable=True),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("approved_by_kind", sa.Text(), nullable=True),
        sa.Column("approved_by_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("published_by_kind", sa.Text(), nullable=True),
        sa.Column("published_by_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_by_kind", sa.Text(), nullable=True),
        sa.Column("withdrawn_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'withdrawn') = (withdrawn_at IS NOT NULL AND withdrawn_reason IS NOT NULL)",
            name=op.f("ck_joint_plan_withdrawn_with_reason"),
        ),
        sa.CheckConstraint(
            "maker IN ('greedy', 'solver', 'hand')", name=op.f("ck_joint_plan_maker_known")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'published', 'withdrawn')",
            name=op.f("ck_joint_plan_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'published') OR approved_at IS NOT NULL",
            name=op.f("ck_joint_plan_approved_before"),
        ),
        sa.CheckConstraint(
            "(approved_at IS NULL) = (approved_by_kind IS NULL)",
            name=op.f("ck_joint_plan_approved_who_and_when"),
        ),
        sa.CheckConstraint(
            "(changed_at IS NULL) = (changed_by_kind IS NULL)",
            name=op.f("ck_joint_plan_changed_who_and_when"),
        ),
        sa.CheckConstraint(
            "(published_at IS NULL) = (published_by_kind IS NULL)",
            name=op.f("ck_joint_plan_published_who_and_when"),
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by_kind IS NULL)",
            name=op.f("ck_joint_plan_withdrawn_who_and_when"),
        ),
        sa.CheckConstraint(
            "approved_at IS NULL OR (approved_officer_id IS NOT NULL"
            " AND approved_by_id <> proposed_by_id"
            " AND (proposed_officer_id IS NULL OR approved_officer_id <> proposed_officer_id))",
            name=op.f("ck_joint_plan_second_person"),
        ),
        sa.CheckConstraint("first_on <= last_on", name=op.f("ck_joint_plan_days_in_order")),
        sa.CheckConstraint(
            "proposed_at IS NOT NULL AND proposed_by_kind IS NOT NULL",
            name=op.f("ck_joint_plan_proposed_who_and_when"),
        ),
        sa.CheckConstraint(
            "teams >= 1 AND visits_each >= 1", name=op.f("ck_joint_plan_somebody_goes")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_joint_plan_agency_id")),
        sa.ForeignKeyConstraint(
            ["approved_officer_id"], ["officer.id"], name=op.f("fk_joint_plan_approved_officer_id")
        ),
        sa.ForeignKeyConstraint(
            ["changed_officer_id"], ["officer.id"], name=op.f("fk_joint_plan_changed_officer_id")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_officer_id"], ["officer.id"], name=op.f("fk_joint_plan_proposed_officer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_plan")),
    )
    op.create_index("ix_joint_plan_agency_id_id", "joint_plan", ["agency_id", "id"], unique=False)
    op.create_index(op.f("ix_joint_plan_district"), "joint_plan", ["district"], unique=False)
    op.create_table(
        "joint_visit",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("code_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'planned') = (planned_on IS NOT NULL)",
            name=op.f("ck_joint_visit_planned_day"),
        ),
        sa.CheckConstraint(
            "kind IN ('merged', 'operation')", name=op.f("ck_joint_visit_kind_known")
        ),
        sa.CheckConstraint(
            "state = 'planned' OR reason IS NOT NULL", name=op.f("ck_joint_visit_reasoned")
        ),
        sa.CheckConstraint(
            "state IN ('planned', 'unplaced', 'left-out', 'shifted')",
            name=op.f("ck_joint_visit_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_joint_visit_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["code_id"], ["visit_code.id"], name=op.f("fk_joint_visit_code_id")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["joint_plan.id"], name=op.f("fk_joint_visit_plan_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_joint_visit_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_visit")),
    )
    op.create_index(
        "ix_joint_visit_agency_id_planned_on",
        "joint_visit",
        ["agency_id", "planned_on"],
        unique=False,
    )
    op.create_index(op.f("ix_joint_visit_district"), "joint_visit", ["district"], unique=False)
    op.create_index(
        "ix_joint_visit_plan_id_planned_on", "joint_visit", ["plan_id", "planned_on"], unique=False
    )
    op.create_index(op.f("ix_joint_visit_unit_id"), "joint_visit", ["unit_id"], unique=False)
    op.create_table(
        "joint_visit_task",
        sa.Column("joint_visit_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.CheckConstraint("first_on <= last_on", name=op.f("ck_joint_visit_task_days_in_order")),
        sa.ForeignKeyConstraint(
            ["joint_visit_id"], ["joint_visit.id"], name=op.f("fk_joint_visit_task_joint_visit_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_joint_visit_task_task_id")),
        sa.PrimaryKeyConstraint("joint_visit_id", "task_id", name=op.f("pk_joint_visit_task")),
    )
    op.create_index(
        op.f("ix_joint_visit_task_task_id"), "joint_visit_task", ["task_id"], unique=False
    )
    op.create_table(
        "joint_visit_officer",
        sa.Column("joint_visit_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=True),
        sa.Column("by_lot", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["joint_visit_id"],
            ["joint_visit.id"],
            name=op.f("fk_joint_visit_officer_joint_visit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_joint_visit_officer_officer_id")
        ),
        sa.PrimaryKeyConstraint(
            "joint_visit_id", "officer_id", name=op.f("pk_joint_visit_officer")
        ),
    )
    op.create_index(
        op.f("ix_joint_visit_officer_officer_id"),
        "joint_visit_officer",
        ["officer_id"],
        unique=False,
    )
    op.create_table(
        "joint_visit_cap",
        sa.Column("joint_visit_id", sa.Uuid(), nullable=False),
        sa.Column("cap_code", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('within', 'exempt', 'excepted', 'flag', 'reason', 'exception')",
            name=op.f("ck_joint_visit_cap_verdict_known"),
        ),
        sa.CheckConstraint("used >= most", name=op.f("ck_joint_visit_cap_beyond")),
        sa.ForeignKeyConstraint(
            ["joint_visit_id"], ["joint_visit.id"], name=op.f("fk_joint_visit_cap_joint_visit_id")
        ),
        sa.PrimaryKeyConstraint("joint_visit_id", "cap_code", name=op.f("pk_joint_visit_cap")),
    )


def downgrade() -> None:
    op.drop_table("joint_visit_cap")
    op.drop_table("joint_visit_officer")
    op.drop_table("joint_visit_task")
    op.drop_table("joint_visit")
    op.drop_table("joint_plan")
    op.drop_index("ix_task_joint_visit_id", "task")
    op.drop_column("task", "joint_visit_id")
    op.drop_column("task", "planned_on")
