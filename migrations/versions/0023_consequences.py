"""Consequences of visits: corrective orders, samples, and penalties decided on the spot."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _orders()
    _samples()
    _cases()


def downgrade() -> None:
    for table in (
        "penalty_case_officer",
        "penalty_case",
        "sample",
        "corrective_order_item",
        "corrective_order",
    ):
        op.drop_table(table)


def _orders() -> None:
    op.create_table(
        "corrective_order",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("content_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("correct_within_days", sa.BigInteger(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_reason", sa.Text(), nullable=True),
        sa.Column("specialty", sa.Text(), nullable=True),
        sa.Column("object_class", sa.Text(), nullable=True),
        sa.Column("checklist_code", sa.Text(), nullable=True),
        sa.Column("recheck_task_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by_kind", sa.Text(), nullable=False),
        sa.Column("issued_by_id", sa.Uuid(), nullable=True),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("concluded_by_kind", sa.Text(), nullable=True),
        sa.Column("concluded_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('complied', 'overdue')) = (concluded_at IS NOT NULL)",
            name=op.f("ck_corrective_order_concluded_when"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'recheck-due', 'complied', 'overdue')",
            name=op.f("ck_corrective_order_state_known"),
        ),
        sa.CheckConstraint(
            "(concluded_at IS NULL) = (concluded_by_kind IS NULL)",
            name=op.f("ck_corrective_order_concluded_who_and_when"),
        ),
        sa.CheckConstraint(
            "(due_on IS NULL) = (due_reason IS NOT NULL)",
            name=op.f("ck_corrective_order_due_or_reason"),
        ),
        sa.CheckConstraint(
            "correct_within_days >= 0", name=op.f("ck_corrective_order_days_not_negative")
        ),
        sa.CheckConstraint(
            "issued_at IS NOT NULL AND issued_by_kind IS NOT NULL",
            name=op.f("ck_corrective_order_issued_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_corrective_order_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_corrective_order_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_corrective_order_officer_id")
        ),
        sa.ForeignKeyConstraint(
            ["recheck_task_id"], ["task.id"], name=op.f("fk_corrective_order_recheck_task_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_corrective_order_task_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_corrective_order_unit_id")),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["visit.id"], name=op.f("fk_corrective_order_visit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrective_order")),
        sa.UniqueConstraint("recheck_task_id", name=op.f("uq_corrective_order_recheck_task_id")),
        sa.UniqueConstraint(
            "visit_id", "content_key", name=op.f("uq_corrective_order_visit_id_content_key")
        ),
    )
    op.create_index(
        "ix_corrective_order_agency_id_id", "corrective_order", ["agency_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_corrective_order_district"), "corrective_order", ["district"], unique=False
    )
    op.create_index(
        "ix_corrective_order_state_due_on", "corrective_order", ["state", "due_on"], unique=False
    )
    op.create_index(
        "ix_corrective_order_unit_id_state", "corrective_order", ["unit_id", "state"], unique=False
    )
    op.create_table(
        "corrective_order_item",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("finding_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["finding_id"], ["finding.id"], name=op.f("fk_corrective_order_item_finding_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["corrective_order.id"], name=op.f("fk_corrective_order_item_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "place", name=op.f("pk_corrective_order_item")),
        sa.UniqueConstraint("finding_id", name=op.f("uq_corrective_order_item_finding_id")),
    )


def _samples() -> None:
    op.create_table(
        "sample",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lot", sa.Text(), nullable=True),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("result_note", sa.Text(), nullable=True),
        sa.Column("report_no", sa.Text(), nullable=True),
        sa.Column("reported_on", sa.Date(), nullable=True),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resulted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resulted_by_kind", sa.Text(), nullable=True),
        sa.Column("resulted_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'resulted') = (result IS NOT NULL AND resulted_at IS NOT NULL)",
            name=op.f("ck_sample_resulted_when"),
        ),
        sa.CheckConstraint(
            "result IN ('qualified', 'unqualified', 'not-judged')",
            name=op.f("ck_sample_result_known"),
        ),
        sa.CheckConstraint("state IN ('awaited', 'resulted')", name=op.f("ck_sample_state_known")),
        sa.CheckConstraint(
            "(resulted_at IS NULL) = (resulted_by_kind IS NULL)",
            name=op.f("ck_sample_resulted_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_sample_agency_id")),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_sample_document_id")
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name=op.f("fk_sample_officer_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_sample_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample")),
        sa.UniqueConstraint("visit_id", "number", name=op.f("uq_sample_visit_id_number")),
    )
    op.create_index("ix_sample_agency_id_id", "sample", ["agency_id", "id"], unique=False)
    op.create_index(op.f("ix_sample_district"), "sample", ["district"], unique=False)
    op.create_index(op.f("ix_sample_visit_id"), "sample", ["visit_id"], unique=False)


def _cases() -> None:
    op.create_table(
        "penalty_case",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("finding_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cause_code", sa.Text(), nullable=False),
        sa.Column("cause_from", sa.Date(), nullable=False),
        sa.Column("cause_name", sa.Text(), nullable=False),
        sa.Column("basis_law", sa.Text(), nullable=False),
        sa.Column("basis_article", sa.Text(), nullable=False),
        sa.Column("party_kind", sa.Text(), nullable=False),
        sa.Column("party_name", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("warning", sa.Boolean(), nullable=False),
        sa.Column("fine_fen", sa.BigInteger(), nullable=False),
        sa.Column("acted_on", sa.Date(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_kind", sa.Text(), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filed_by_kind", sa.Text(), nullable=True),
        sa.Column("filed_by_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_kind", sa.Text(), nullable=True),
        sa.Column("closed_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_penalty_case_closed_when")
        ),
        sa.CheckConstraint(
            "(state = 'decided-on-site') = (filed_at IS NULL)",
            name=op.f("ck_penalty_case_filed_when"),
        ),
        sa.CheckConstraint(
            "party_kind IN ('citizen', 'organisation')",
            name=op.f("ck_penalty_case_party_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('decided-on-site', 'filed', 'closed')",
            name=op.f("ck_penalty_case_state_known"),
        ),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_by_kind IS NULL)",
            name=op.f("ck_penalty_case_closed_who_and_when"),
        ),
        sa.CheckConstraint(
            "(filed_at IS NULL) = (filed_by_kind IS NULL)",
            name=op.f("ck_penalty_case_filed_who_and_when"),
        ),
        sa.CheckConstraint(
            "decided_at IS NOT NULL AND decided_by_kind IS NOT NULL",
            name=op.f("ck_penalty_case_decided_who_and_when"),
        ),
        sa.CheckConstraint(
            "fine_fen >= 0 AND (warning OR fine_fen > 0)", name=op.f("ck_penalty_case_sanctioned")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_penalty_case_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_penalty_case_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["finding_id"], ["finding.id"], name=op.f("fk_penalty_case_finding_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_penalty_case_officer_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_penalty_case_unit_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_penalty_case_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_penalty_case")),
        sa.UniqueConstraint(
            "finding_id",
            "cause_code",
            "cause_from",
            name=op.f("uq_penalty_case_finding_id_cause_code_cause_from"),
        ),
    )
    op.create_index(
        "ix_penalty_case_agency_id_id", "penalty_case", ["agency_id", "id"], unique=False
    )
    op.create_index(op.f("ix_penalty_case_district"), "penalty_case", ["district"], unique=False)
    op.create_index(
        "ix_penalty_case_unit_id_state", "penalty_case", ["unit_id", "state"], unique=False
    )
    op.create_index(op.f("ix_penalty_case_visit_id"), "penalty_case", ["visit_id"], unique=False)
    op.create_table(
        "penalty_case_officer",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["penalty_case.id"], name=op.f("fk_penalty_case_officer_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_penalty_case_officer_officer_id")
        ),
        sa.PrimaryKeyConstraint("case_id", "officer_id", name=op.f("pk_penalty_case_officer")),
    )
    op.create_index(
        op.f("ix_penalty_case_officer_officer_id"),
        "penalty_case_officer",
        ["officer_id"],
        unique=False,
    )
