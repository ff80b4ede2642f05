"""Documents: the blocks their numbers come from, what was issued to whom, and who signed it."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0028"
branch_labels = None
depends_on = None

KINDS = "('opinion', 'corrective-order', 'on-site-decision', 'visit-record', 'sampling-record')"


def upgrade() -> None:
    _numbers()
    _documents()


def _numbers() -> None:
    op.create_table(
        "number_series",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_number_series_agency_id"),
        sa.PrimaryKeyConstraint("agency_id", "series", name="pk_number_series"),
    )
    op.create_table(
        "number_block",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("number_form", sa.Text(), nullable=False),
        sa.Column("serial_digits", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("allotted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("allotted_by_kind", sa.Text(), nullable=False),
        sa.Column("allotted_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_kind", sa.Text(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(f"kind IN {KINDS}", name=op.f("ck_number_block_kind_known")),
        sa.CheckConstraint("state IN ('open', 'ended')", name=op.f("ck_number_block_state_known")),
        sa.CheckConstraint(
            "end_reason IN ('used-up', 'device-closed', 'year-over', 'restored')",
            name=op.f("ck_number_block_end_reason_known"),
        ),
        sa.CheckConstraint(
            "allotted_at IS NOT NULL AND allotted_by_kind IS NOT NULL",
            name=op.f("ck_number_block_allotted_who_and_when"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_kind IS NULL)",
            name=op.f("ck_number_block_ended_who_and_when"),
        ),
        sa.CheckConstraint(
            "1 <= first AND first <= last", name=op.f("ck_number_block_range_counts")
        ),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_number_block_ended_when")
        ),
        sa.CheckConstraint(
            "(state = 'ended') = (end_reason IS NOT NULL)", name=op.f("ck_number_block_ended_why")
        ),
        sa.CheckConstraint(
            "(device_id IS NOT NULL AND officer_id IS NOT NULL)"
            " OR (end_reason IS NOT NULL AND end_reason = 'restored')",
            name=op.f("ck_number_block_somebodys"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_number_block_agency_id"),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name="fk_number_block_officer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_number_block"),
        sa.UniqueConstraint(
            "agency_id", "series", "first", name="uq_number_block_agency_id_series_first"
        ),
    )
    op.create_index("ix_number_block_district", "number_block", ["district"])
    op.create_index("ix_number_block_device_id_state", "number_block", ["device_id", "state"])
    op.create_index("ix_number_block_agency_id_id", "number_block", ["agency_id", "id"])


def _documents() -> None:
    op.create_table(
        "document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("block_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("officer_ids", sa.JSON(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("issued_recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by_kind", sa.Text(), nullable=False),
        sa.Column("issued_by_id", sa.Uuid(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by_kind", sa.Text(), nullable=True),
        sa.Column("signed_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(f"kind IN {KINDS}", name=op.f("ck_document_kind_known")),
        sa.CheckConstraint("state IN ('issued', 'signed')", name=op.f("ck_document_state_known")),
        sa.CheckConstraint(
            "issued_at IS NOT NULL AND issued_by_kind IS NOT NULL",
            name=op.f("ck_document_issued_who_and_when"),
        ),
        sa.CheckConstraint(
            "(signed_at IS NULL) = (signed_by_kind IS NULL)",
            name=op.f("ck_document_signed_who_and_when"),
        ),
        sa.CheckConstraint(
            "(state = 'signed') = (signed_at IS NOT NULL)", name=op.f("ck_document_signed_when")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_document_agency_id"),
        sa.ForeignKeyConstraint(["block_id"], ["number_block.id"], name="fk_document_block_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_document_unit_id"),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name="fk_document_visit_id"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_document_task_id"),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name="fk_document_officer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
        sa.UniqueConstraint(
            "agency_id", "series", "serial", name="uq_document_agency_id_series_serial"
        ),
    )
    for column in ("district", "block_id", "unit_id", "visit_id", "task_id"):
        op.create_index(f"ix_document_{column}", "document", [column])
    op.create_index("ix_document_agency_id_id", "document", ["agency_id", "id"])
    op.create_table(
        "document_signature",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('officer', 'party', 'witness')", name=op.f("ck_document_signature_role_known")
        ),
        sa.CheckConstraint(
            "method IN ('device-key', 'pin', 'hand', 'refused')",
            name=op.f("ck_document_signature_method_known"),
        ),
        sa.CheckConstraint(
            "(method = 'refused') = (reason IS NOT NULL)",
            name=op.f("ck_document_signature_refused_with_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name="fk_document_signature_document_id"
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name="fk_document_signature_officer_id"
        ),
        sa.PrimaryKeyConstraint("document_id", "role", "officer_id", name="pk_document_signature"),
    )


def downgrade() -> None:
    for table in ("document_signature", "document", "number_block", "number_series"):
        op.drop_table(table)
