"""Complaints and reports, who made them, and the steps that have a term."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "register_number",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_register_number_agency_id")
        ),
        sa.PrimaryKeyConstraint("agency_id", "register", "year", name=op.f("pk_register_number")),
    )
    op.create_table(
        "complaint",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("external_no", sa.Text(), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("accused", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("anonymous", sa.Boolean(), nullable=False),
        sa.Column("reward_claimed", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("organ", sa.Text(), nullable=True),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("result_note", sa.Text(), nullable=True),
        sa.Column("reply_template", sa.Text(), nullable=True),
        sa.Column("reply_text", sa.Text(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("merged_into_id", sa.Uuid(), nullable=True),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("filed_by_kind", sa.Text(), nullable=False),
        sa.Column("filed_by_id", sa.Uuid(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by_kind", sa.Text(), nullable=True),
        sa.Column("accepted_by_id", sa.Uuid(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_by_kind", sa.Text(), nullable=True),
        sa.Column("assigned_by_id", sa.Uuid(), nullable=True),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("concluded_by_kind", sa.Text(), nullable=True),
        sa.Column("concluded_by_id", sa.Uuid(), nullable=True),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replied_by_kind", sa.Text(), nullable=True),
        sa.Column("replied_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_kind", sa.Text(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'merged') = (merged_into_id IS NOT NULL)",
            name=op.f("ck_complaint_merged_into"),
        ),
        sa.CheckConstraint(
            "(state IN ('refused', 'transferred', 'withdrawn', 'merged')) = (ended_at IS NOT NULL)",
            name=op.f("ck_complaint_ended_when"),
        ),
        sa.CheckConstraint(
            "channel IN ('hotline', 'phone', 'letter', 'visit', 'online', 'transferred', 'other')",
            name=op.f("ck_complaint_channel_known"),
        ),
        sa.CheckConstraint("kind IN ('complaint', 'report')", name=op.f("ck_complaint_kind_known")),
        sa.CheckConstraint(
            "result IN ('substantiated', 'partly', 'unsubstantiated', 'unverifiable')",
            name=op.f("ck_complaint_result_known"),
        ),
        sa.CheckConstraint(
            "state IN ('received', 'accepted', 'assigned', 'concluded', 'replied', 'refused',"
            " 'transferred', 'withdrawn', 'merged')",
            name=op.f("ck_complaint_state_known"),
        ),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (accepted_by_kind IS NULL)",
            name=op.f("ck_complaint_accepted_who_and_when"),
        ),
        sa.CheckConstraint(
            "(assigned_at IS NULL) = (assigned_by_kind IS NULL)",
            name=op.f("ck_complaint_assigned_who_and_when"),
        ),
        sa.CheckConstraint(
            "(concluded_at IS NULL) = (concluded_by_kind IS NULL)",
            name=op.f("ck_complaint_concluded_who_and_when"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_kind IS NULL)",
            name=op.f("ck_complaint_ended_who_and_when"),
        ),
        sa.CheckConstraint(
            "(replied_at IS NULL) = (replied_by_kind IS NULL)",
            name=op.f("ck_complaint_replied_who_and_when"),
        ),
        sa.CheckConstraint(
            "(result IS NULL) = (concluded_at IS NULL)", name=op.f("ck_complaint_result_when")
        ),
        sa.CheckConstraint(
            "ended_at IS NULL OR reason IS NOT NULL", name=op.f("ck_complaint_ended_with_reason")
        ),
        sa.CheckConstraint(
            "filed_at IS NOT NULL AND filed_by_kind IS NOT NULL",
            name=op.f("ck_complaint_filed_who_and_when"),
        ),
        sa.CheckConstraint(
            "unit_id IS NOT NULL OR accused IS NOT NULL OR place IS NOT NULL",
            name=op.f("ck_complaint_of_something"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_complaint_agency_id")),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_complaint_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["complaint.id"], name=op.f("fk_complaint_merged_into_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_complaint_task_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_complaint_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
        sa.UniqueConstraint("agency_id", "number", name=op.f("uq_complaint_agency_id_number")),
        sa.UniqueConstraint("task_id", name=op.f("uq_complaint_task_id")),
    )
    with op.batch_alter_table("complaint", schema=None) as batch_op:
        batch_op.create_index("ix_complaint_agency_id_id", ["agency_id", "id"], unique=False)
        batch_op.create_index("ix_complaint_agency_id_state", ["agency_id", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_complaint_district"), ["district"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_complaint_merged_into_id"), ["merged_into_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_complaint_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "complainant",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaint.id"], name=op.f("fk_complainant_complaint_id")
        ),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_complainant")),
    )
    op.create_table(
        "complaint_step",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_reason", sa.Text(), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "step IN ('acceptance', 'assignment', 'reply')",
            name=op.f("ck_complaint_step_step_known"),
        ),
        sa.CheckConstraint(
            "(due_on IS NULL) = (due_reason IS NOT NULL)",
            name=op.f("ck_complaint_step_due_or_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaint.id"], name=op.f("fk_complaint_step_complaint_id")
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["catalogue_row.id"], name=op.f("fk_complaint_step_rule_id")
        ),
        sa.PrimaryKeyConstraint("complaint_id", "step", name=op.f("pk_complaint_step")),
    )
    with op.batch_alter_table("complaint_step", schema=None) as batch_op:
        batch_op.create_index(
            "ix_complaint_step_done_on_due_on", ["done_on", "due_on"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("complaint_step", schema=None) as batch_op:
        batch_op.drop_index("ix_complaint_step_done_on_due_on")

    op.drop_table("complaint_step")
    op.drop_table("complainant")
    with op.batch_alter_table("complaint", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_complaint_unit_id"))
        batch_op.drop_index(batch_op.f("ix_complaint_merged_into_id"))
        batch_op.drop_index(batch_op.f("ix_complaint_district"))
        batch_op.drop_index("ix_complaint_agency_id_state")
        batch_op.drop_index("ix_complaint_agency_id_id")

    op.drop_table("complaint")
    op.drop_table("register_number")
