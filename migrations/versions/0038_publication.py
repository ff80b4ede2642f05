"""Publication: what is public where, receipts of platforms, cards, credit reports."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _report_card()
    _credit_report()
    _publication()
    _publication_receipt()


def downgrade() -> None:
    for table in (
        "publication_receipt",
        "publication",
        "credit_report",
        "report_card",
    ):
        op.drop_table(table)


def _report_card() -> None:
    op.create_table(
        "report_card",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("event_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_reason", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_kind", sa.Text(), nullable=False),
        sa.Column("opened_by_id", sa.Uuid(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_by_kind", sa.Text(), nullable=True),
        sa.Column("reported_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'reported') = (reported_at IS NOT NULL)",
            name=op.f("ck_report_card_reported_when"),
        ),
        sa.CheckConstraint(
            "kind IN ('unit', 'inspection', 'test', 'case-served', 'case-closed')",
            name=op.f("ck_report_card_kind_known"),
        ),
        sa.CheckConstraint("state IN ('due', 'reported')", name=op.f("ck_report_card_state_known")),
        sa.CheckConstraint(
            "(due_on IS NULL) = (due_reason IS NOT NULL)", name=op.f("ck_report_card_due_or_reason")
        ),
        sa.CheckConstraint(
            "(reported_at IS NULL) = (reported_by_kind IS NULL)",
            name=op.f("ck_report_card_reported_who_and_when"),
        ),
        sa.CheckConstraint(
            "opened_at IS NOT NULL AND opened_by_kind IS NOT NULL",
            name=op.f("ck_report_card_opened_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_report_card_agency_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_card")),
        sa.UniqueConstraint("kind", "subject_id", name=op.f("uq_report_card_kind_subject_id")),
    )
    op.create_index("ix_report_card_agency_id_id", "report_card", ["agency_id", "id"], unique=False)
    op.create_index(op.f("ix_report_card_district"), "report_card", ["district"], unique=False)


def _credit_report() -> None:
    op.create_table(
        "credit_report",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by_kind", sa.Text(), nullable=False),
        sa.Column("issued_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "issued_at IS NOT NULL AND issued_by_kind IS NOT NULL",
            name=op.f("ck_credit_report_issued_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_credit_report_agency_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_credit_report_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_report")),
        sa.UniqueConstraint("code", name=op.f("uq_credit_report_code")),
    )
    op.create_index(
        "ix_credit_report_agency_id_id", "credit_report", ["agency_id", "id"], unique=False
    )
    op.create_index(op.f("ix_credit_report_district"), "credit_report", ["district"], unique=False)
    op.create_index(op.f("ix_credit_report_unit_id"), "credit_report", ["unit_id"], unique=False)


def _publication() -> None:
    op.create_table(
        "publication",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("event_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_reason", sa.Text(), nullable=True),
        sa.Column("start_on", sa.Date(), nullable=True),
        sa.Column("min_end", sa.Date(), nullable=True),
        sa.Column("max_end", sa.Date(), nullable=True),
        sa.Column("rule_set", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.Column("withdraw_due_on", sa.Date(), nullable=True),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_by_kind", sa.Text(), nullable=False),
        sa.Column("planned_by_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by_kind", sa.Text(), nullable=True),
        sa.Column("published_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_kind", sa.Text(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'withdrawn') = (content IS NULL AND withdrawn_reason IS NOT NULL)",
            name=op.f("ck_publication_withdrawn_without_content"),
        ),
        sa.CheckConstraint(
            "(state IN ('repaired', 'expired', 'withdrawn')) = (ended_at IS NOT NULL)",
            name=op.f("ck_publication_ended_when"),
        ),
        sa.CheckConstraint(
            "state <> 'public' OR published_at IS NOT NULL", name=op.f("ck_publication_public_when")
        ),
        sa.CheckConstraint(
            "state IN ('due', 'public', 'repaired', 'expired', 'withdrawn')",
            name=op.f("ck_publication_state_known"),
        ),
        sa.CheckConstraint(
            "subject_type IN ('decision', 'result')", name=op.f("ck_publication_subject_type_known")
        ),
        sa.CheckConstraint(
            "(due_on IS NULL) = (due_reason IS NOT NULL)", name=op.f("ck_publication_due_or_reason")
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_kind IS NULL)",
            name=op.f("ck_publication_ended_who_and_when"),
        ),
        sa.CheckConstraint(
            "(published_at IS NULL) = (published_by_kind IS NULL)",
            name=op.f("ck_publication_published_who_and_when"),
        ),
        sa.CheckConstraint(
            "planned_at IS NOT NULL AND planned_by_kind IS NOT NULL",
            name=op.f("ck_publication_planned_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_publication_agency_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_publication_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication")),
        sa.UniqueConstraint(
            "channel",
            "subject_type",
            "subject_id",
            name=op.f("uq_publication_channel_subject_type_subject_id"),
        ),
    )
    op.create_index("ix_publication_agency_id_id", "publication", ["agency_id", "id"], unique=False)
    op.create_index(
        "ix_publication_channel_state_event_on",
        "publication",
        ["channel", "state", "event_on"],
        unique=False,
    )
    op.create_index(op.f("ix_publication_district"), "publication", ["district"], unique=False)
    op.create_index("ix_publication_subject_id", "publication", ["subject_id"], unique=False)
    op.create_index(op.f("ix_publication_unit_id"), "publication", ["unit_id"], unique=False)


def _publication_receipt() -> None:
    op.create_table(
        "publication_receipt",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("publication_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("row_no", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by_kind", sa.Text(), nullable=False),
        sa.Column("imported_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "accepted OR reason IS NOT NULL",
            name=op.f("ck_publication_receipt_returned_with_reason"),
        ),
        sa.CheckConstraint(
            "imported_at IS NOT NULL AND imported_by_kind IS NOT NULL",
            name=op.f("ck_publication_receipt_imported_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_publication_receipt_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["publication_id"],
            ["publication.id"],
            name=op.f("fk_publication_receipt_publication_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication_receipt")),
        sa.UniqueConstraint(
            "agency_id",
            "number",
            "reported_on",
            name=op.f("uq_publication_receipt_agency_id_number_reported_on"),
        ),
    )
    op.create_index(
        "ix_publication_receipt_agency_id_id",
        "publication_receipt",
        ["agency_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_publication_receipt_district"), "publication_receipt", ["district"], unique=False
    )
    op.create_index(
        op.f("ix_publication_receipt_publication_id"),
        "publication_receipt",
        ["publication_id"],
        unique=False,
    )
