"""Visits: what happened at a unit, who was there, what was answered, found and signed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _visit()
    _people()
    _contents()


def _visit() -> None:
    op.create_table(
        "visit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("checklist_code", sa.Text(), nullable=True),
        sa.Column("form_version", sa.BigInteger(), nullable=True),
        sa.Column("code_mark", sa.Text(), nullable=True),
        sa.Column("clock_suspect", sa.Boolean(), nullable=False),
        sa.Column("fix", sa.JSON(), nullable=True),
        sa.Column("started_recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by_kind", sa.Text(), nullable=False),
        sa.Column("started_by_id", sa.Uuid(), nullable=True),
        sa.Column("interrupted_reason", sa.Text(), nullable=True),
        sa.Column("interrupted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("interrupted_by_kind", sa.Text(), nullable=True),
        sa.Column("interrupted_by_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("finished_recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_by_kind", sa.Text(), nullable=True),
        sa.Column("finished_by_id", sa.Uuid(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by_kind", sa.Text(), nullable=True),
        sa.Column("signed_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind IN ('planned', 'triggered')", name=op.f("ck_visit_kind_known")),
        sa.CheckConstraint(
            "state IN ('under-way', 'finished', 'signed')", name=op.f("ck_visit_state_known")
        ),
        sa.CheckConstraint(
            "code_mark IN ('code-missing', 'code-revoked', 'code-expired')",
            name=op.f("ck_visit_code_mark_known"),
        ),
        sa.CheckConstraint(
            "started_at IS NOT NULL AND started_by_kind IS NOT NULL",
            name=op.f("ck_visit_started_who_and_when"),
        ),
        *(
            sa.CheckConstraint(
                f"({prefix}_at IS NULL) = ({prefix}_by_kind IS NULL)",
                name=op.f(f"ck_visit_{prefix}_who_and_when"),
            )
            for prefix in ("interrupted", "finished", "signed")
        ),
        sa.CheckConstraint(
            "(kind = 'planned') = (task_id IS NOT NULL)", name=op.f("ck_visit_planned_has_task")
        ),
        sa.CheckConstraint(
            "kind = 'planned' OR reason IS NOT NULL", name=op.f("ck_visit_triggered_has_reason")
        ),
        sa.CheckConstraint(
            "state = 'under-way' OR (finished_at IS NOT NULL AND outcome IS NOT NULL)",
            name=op.f("ck_visit_finished_has_outcome"),
        ),
        sa.CheckConstraint(
            "(state = 'signed') = (signed_at IS NOT NULL)", name=op.f("ck_visit_signed_when")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_visit_agency_id"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_visit_task_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_visit_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_visit"),
    )
    op.create_index("ix_visit_district", "visit", ["district"])
    op.create_index("ix_visit_task_id", "visit", ["task_id"])
    op.create_index("ix_visit_unit_id_signed_at", "visit", ["unit_id", "signed_at"])
    op.create_index("ix_visit_agency_id_id", "visit", ["agency_id", "id"])


def _people() -> None:
    op.create_table(
        "visit_attendance",
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name="fk_visit_attendance_visit_id"),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name="fk_visit_attendance_officer_id"
        ),
        sa.PrimaryKeyConstraint("visit_id", "officer_id", name="pk_visit_attendance"),
    )
    op.create_index("ix_visit_attendance_officer_id", "visit_attendance", ["officer_id"])
    op.create_table(
        "visit_signature",
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('officer', 'party', 'witness')", name=op.f("ck_visit_signature_role_known")
        ),
        sa.CheckConstraint(
            "method IN ('device-key', 'pin', 'hand', 'refused')",
            name=op.f("ck_visit_signature_method_known"),
        ),
        sa.CheckConstraint(
            "(method = 'refused') = (reason IS NOT NULL)",
            name=op.f("ck_visit_signature_refused_with_reason"),
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name="fk_visit_signature_visit_id"),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name="fk_visit_signature_officer_id"
        ),
        sa.PrimaryKeyConstraint("visit_id", "role", "officer_id", name="pk_visit_signature"),
    )


def _contents() -> None:
    op.create_table(
        "visit_answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "result IN ('yes', 'no', 'not-applicable')", name=op.f("ck_visit_answer_result_known")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_visit_answer_agency_id"),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name="fk_visit_answer_visit_id"),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name="fk_visit_answer_officer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_visit_answer"),
        sa.UniqueConstraint("visit_id", "item_id", name="uq_visit_answer_visit_id_item_id"),
    )
    op.create_index("ix_visit_answer_district", "visit_answer", ["district"])
    op.create_table(
        "finding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("handling", sa.Text(), nullable=True),
        sa.Column("correct_within_days", sa.BigInteger(), nullable=True),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("correct_within_days >= 0", name=op.f("ck_finding_days_not_negative")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_finding_agency_id"),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name="fk_finding_visit_id"),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name="fk_finding_officer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
    )
    op.create_index("ix_finding_district", "finding", ["district"])
    op.create_index("ix_finding_visit_id", "finding", ["visit_id"])


def downgrade() -> None:
    for table in ("finding", "visit_answer", "visit_signature", "visit_attendance", "visit"):
        op.drop_table(table)
