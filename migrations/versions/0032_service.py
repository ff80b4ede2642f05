"""Visible corrections of locked documents, and how documents were served."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0045"
branch_labels = None
depends_on = None

LAST = "'complaint-reply'"
MORE = "'complaint-reply', 'service-address'"
MODES = "'direct', 'left', 'post', 'electronic', 'agent', 'notice'"


def upgrade() -> None:
    _allow(LAST, MORE)
    op.create_table(
        "document_correction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("struck", sa.Text(), nullable=False),
        sa.Column("right_text", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("confirmed_name", sa.Text(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("corrected_by_kind", sa.Text(), nullable=False),
        sa.Column("corrected_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "confirmed_by IN ('proof-seal', 'party', 'officer')",
            name=op.f("ck_document_correction_confirmed_by_known"),
        ),
        sa.CheckConstraint(
            "corrected_at IS NOT NULL AND corrected_by_kind IS NOT NULL",
            name=op.f("ck_document_correction_corrected_who_and_when"),
        ),
        sa.CheckConstraint(
            "number >= 1 AND occurrence >= 1", name=op.f("ck_document_correction_counted")
        ),
        sa.CheckConstraint(
            "struck <> '' AND struck <> right_text",
            name=op.f("ck_document_correction_changes_something"),
        ),
        sa.CheckConstraint(
            "(confirmed_by = 'party') = (confirmed_name IS NOT NULL)",
            name=op.f("ck_document_correction_party_named"),
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name="fk_document_correction_document_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_document_correction"),
        sa.UniqueConstraint(
            "document_id", "number", name="uq_document_correction_document_id_number"
        ),
    )
    op.create_table(
        "document_service",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("mode_from", sa.Date(), nullable=False),
        sa.Column("handed_on", sa.Date(), nullable=False),
        sa.Column("delivered_on", sa.Date(), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("receiver_name", sa.Text(), nullable=True),
        sa.Column("relation", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("witnesses", sa.JSON(), nullable=False),
        sa.Column("tracking_no", sa.Text(), nullable=True),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("officer_ids", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("receipt_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_kind", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by_kind", sa.Text(), nullable=True),
        sa.Column("withdrawn_by_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(f"mode IN ({MODES})", name=op.f("ck_document_service_mode_known")),
        sa.CheckConstraint(
            "recorded_at IS NOT NULL AND recorded_by_kind IS NOT NULL",
            name=op.f("ck_document_service_recorded_who_and_when"),
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by_kind IS NULL)",
            name=op.f("ck_document_service_withdrawn_who_and_when"),
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_reason IS NULL)",
            name=op.f("ck_document_service_withdrawn_why"),
        ),
        sa.CheckConstraint(
            "delivered_on IS NULL OR delivered_on >= handed_on",
            name=op.f("ck_document_service_delivered_after"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_document_service_agency_id"),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name="fk_document_service_document_id"
        ),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["document.id"], name="fk_document_service_consent_id"
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["document.id"], name="fk_document_service_receipt_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_document_service"),
    )
    op.create_index("ix_document_service_district", "document_service", ["district"])
    op.create_index("ix_document_service_document_id", "document_service", ["document_id"])
    op.create_index("ix_document_service_agency_id_id", "document_service", ["agency_id", "id"])


def downgrade() -> None:
    op.drop_table("document_service")
    op.drop_table("document_correction")
    _allow(MORE, LAST)


def _allow(old: str, new: str) -> None:
    """Let the kinds of documents end otherwise; what is stored stays as it is."""
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        bind.exec_driver_sql("PRAGMA writable_schema = ON")
        bind.execute(
            sa.text(
                "UPDATE sqlite_master SET sql = replace(sql, :old, :new)"
                " WHERE type = 'table' AND name IN ('document', 'number_block')"
            ),
            {"old": old, "new": new},
        )
        version = bind.exec_driver_sql("PRAGMA schema_version").scalar_one()
        bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
        bind.exec_driver_sql("PRAGMA writable_schema = OFF")
        return
    for table in ("document", "number_block"):
        name = f"ck_{table}_kind_known"
        query = (
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conname = :name AND conrelid = CAST(:table AS regclass)"
        )
        stands = bind.execute(sa.text(query), {"name": name, "table": table}).scalar_one()
        known = [part.split("'")[0] for part in stands.split("'")[1::2]]
        kept = [one for one in known if f"'{one}'" not in old] + _codes(new)
        op.drop_constraint(op.f(name), table, type_="check")
        values = ", ".join(f"'{one}'" for one in kept)
        op.create_check_constraint(op.f(name), table, f"kind IN ({values})")


def _codes(text: str) -> list[str]:
    return [one.strip().strip("'") for one in text.split(",")]
