"""Tasks: who has to go where, in which state, and who did what to it when."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PAIRS = (
    "assigned",
    "accepted",
    "started",
    "submitted",
    "returned",
    "completed",
    "closing_proposed",
    "closed",
    "closing_refused",
    "reopened",
)


def _who_and_when(prefix: str, *, required: bool = False) -> list[sa.Column[object]]:
    return [
        sa.Column(f"{prefix}_at", sa.DateTime(timezone=True), nullable=not required),
        sa.Column(f"{prefix}_by_kind", sa.Text(), nullable=not required),
        sa.Column(f"{prefix}_by_id", sa.Uuid(), nullable=True),
    ]


def _in_pair(prefix: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(
        f"({prefix}_at IS NULL) = ({prefix}_by_kind IS NULL)",
        name=op.f(f"ck_task_{prefix}_who_and_when"),
    )


def upgrade() -> None:
    op.create_table(
        "task",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("task_no", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("object_class", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("origin_reference", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("checklist_code", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("previous_state", sa.Text(), nullable=True),
        sa.Column("awaiting_results", sa.Boolean(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("lead_officer_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reassign_reason", sa.Text(), nullable=True),
        sa.Column("return_reason", sa.Text(), nullable=True),
        sa.Column("closing_reason", sa.Text(), nullable=True),
        sa.Column("closing_note", sa.Text(), nullable=True),
        sa.Column("closing_evidence", sa.JSON(), nullable=False),
        sa.Column("closing_proposed_officer_id", sa.Uuid(), nullable=True),
        sa.Column("closed_officer_id", sa.Uuid(), nullable=True),
        sa.Column("closing_refused_reason", sa.Text(), nullable=True),
        sa.Column("reopen_reason", sa.Text(), nullable=True),
        sa.Column("reopened_officer_id", sa.Uuid(), nullable=True),
        sa.Column("reopened_second_officer_id", sa.Uuid(), nullable=True),
        *_who_and_when("created", required=True),
        *(column for pair in _PAIRS for column in _who_and_when(pair)),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'assigned', 'accepted', 'in-progress', 'submitted', 'returned',"
            " 'closing-proposed', 'completed', 'closed')",
            name=op.f("ck_task_state_known"),
        ),
        sa.CheckConstraint(
            "created_at IS NOT NULL AND created_by_kind IS NOT NULL",
            name=op.f("ck_task_created_who_and_when"),
        ),
        *(_in_pair(pair) for pair in _PAIRS),
        sa.CheckConstraint("round >= 1", name=op.f("ck_task_round_counts")),
        sa.CheckConstraint(
            "NOT awaiting_results OR state = 'submitted'",
            name=op.f("ck_task_results_awaited_when_submitted"),
        ),
        sa.CheckConstraint(
            "state <> 'completed' OR outcome IS NOT NULL", name=op.f("ck_task_outcome_stated")
        ),
        sa.CheckConstraint(
            "(state = 'closing-proposed') = (previous_state IS NOT NULL)",
            name=op.f("ck_task_previous_state_kept"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'closing-proposed', 'closed') OR lead_officer_id IS NOT NULL",
            name=op.f("ck_task_led"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('closing-proposed', 'closed')"
            " OR (closing_reason IS NOT NULL AND closing_proposed_at IS NOT NULL)",
            name=op.f("ck_task_closing_reasoned"),
        ),
        sa.CheckConstraint(
            "state <> 'closed' OR (closed_at IS NOT NULL AND closed_officer_id IS NOT NULL)",
            name=op.f("ck_task_closed_by_second_person"),
        ),
        sa.CheckConstraint(
            "closed_officer_id IS NULL OR ("
            "closed_by_id <> closing_proposed_by_id"
            " AND (closing_proposed_officer_id IS NULL"
            " OR closed_officer_id <> closing_proposed_officer_id))",
            name=op.f("ck_task_closing_second_person"),
        ),
        sa.CheckConstraint(
            "reopened_at IS NULL OR (reopen_reason IS NOT NULL"
            " AND reopened_second_officer_id IS NOT NULL"
            " AND (reopened_officer_id IS NULL"
            " OR reopened_second_officer_id <> reopened_officer_id))",
            name=op.f("ck_task_reopening_second_person"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_task_agency_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_task_unit_id"),
        sa.ForeignKeyConstraint(
            ["lead_officer_id"], ["officer.id"], name="fk_task_lead_officer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_task"),
        sa.UniqueConstraint("agency_id", "task_no", name="uq_task_agency_id_task_no"),
        sa.UniqueConstraint("visit_id", name="uq_task_visit_id"),
    )
    op.create_index("ix_task_agency_id_created_at", "task", ["agency_id", "created_at"])
    op.create_index("ix_task_agency_id_state", "task", ["agency_id", "state"])
    op.create_index("ix_task_district", "task", ["district"])
    op.create_index("ix_task_unit_id", "task", ["unit_id"])
    op.create_table(
        "task_officer",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("is_lead", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name="fk_task_officer_officer_id"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_task_officer_task_id"),
        sa.PrimaryKeyConstraint("task_id", "officer_id", name="pk_task_officer"),
    )
    op.create_index("ix_task_officer_officer_id", "task_officer", ["officer_id"])
    op.create_table(
        "task_number",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_task_number_agency_id"),
        sa.PrimaryKeyConstraint("agency_id", "year", name="pk_task_number"),
    )


def downgrade() -> None:
    op.drop_table("task_number")
    op.drop_table("task_officer")
    op.drop_table("task")
