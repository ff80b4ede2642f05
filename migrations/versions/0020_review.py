"""Decisions reach the tablet they are about; what a tablet cannot send comes as a rescue file."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    version = sa.Column("version", sa.BigInteger(), server_default="1", nullable=False)
    op.add_column("review_item", version)
    op.add_column("review_item", sa.Column("decision_fields", sa.JSON(), nullable=True))
    for column in (
        sa.Column("build", sa.Text(), nullable=True),
        sa.Column("unsent", sa.BigInteger(), nullable=True),
        sa.Column("unsent_at", INSTANT, nullable=True),
    ):
        op.add_column("device_chain", column)
    op.create_table(
        "device_notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("op_id", sa.Uuid(), nullable=True),
        sa.Column("op_type", sa.Text(), nullable=True),
        sa.Column("entity_id", sa.Uuid(), nullable=True),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decision_reason", sa.Text(), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_device_notice_agency_id"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_device_notice_device_id"),
        sa.PrimaryKeyConstraint("id", name="pk_device_notice"),
    )
    op.create_table(
        "rescue_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("received_by_kind", sa.Text(), nullable=False),
        sa.Column("received_by_id", sa.Uuid(), nullable=True),
        sa.Column("operations", sa.BigInteger(), nullable=False),
        sa.Column("photos", sa.BigInteger(), nullable=False),
        sa.Column("broken", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "received_at IS NOT NULL AND received_by_kind IS NOT NULL",
            name=op.f("ck_rescue_file_received_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_rescue_file_agency_id"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_rescue_file_device_id"),
        sa.PrimaryKeyConstraint("id", name="pk_rescue_file"),
        sa.UniqueConstraint("agency_id", "sha256", name="uq_rescue_file_agency_id_sha256"),
    )
    op.create_index("ix_device_notice_device_id", "device_notice", ["device_id"])
    op.create_index("ix_device_notice_district", "device_notice", ["district"])


def downgrade() -> None:
    op.drop_table("rescue_file")
    op.drop_table("device_notice")
    for column in ("unsent_at", "unsent", "build"):
        op.drop_column("device_chain", column)
    op.drop_column("review_item", "decision_fields")
    op.drop_column("review_item", "version")
