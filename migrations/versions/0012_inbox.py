"""What tablets push is kept for good: batches, operations with their outcome, receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "inbox_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_inbox_batch_device_id"),
        sa.PrimaryKeyConstraint("id", name="pk_inbox_batch"),
        sa.UniqueConstraint("device_id", "sha256", name="uq_inbox_batch_device_id_sha256"),
    )
    op.create_index("ix_inbox_batch_received_at", "inbox_batch", ["received_at"])
    op.create_table(
        "operation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("op_id", sa.Uuid(), nullable=True),
        sa.Column("claimed_op_id", sa.Uuid(), nullable=True),
        sa.Column("device_seq", sa.BigInteger(), nullable=True),
        sa.Column("op_hash", sa.Text(), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("sig", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("entity_id", sa.Uuid(), nullable=True),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", INSTANT, nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("clock_suspect", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("entity_version", sa.BigInteger(), nullable=True),
        sa.Column("declined", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('applied', 'duplicate', 'merged', 'conflict', 'held', 'quarantined')",
            name=op.f("ck_operation_outcome_known"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_operation_agency_id"),
        sa.ForeignKeyConstraint(["batch_id"], ["inbox_batch.id"], name="fk_operation_batch_id"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_operation_device_id"),
        sa.PrimaryKeyConstraint("id", name="pk_operation"),
        sa.UniqueConstraint("device_id", "device_seq", name="uq_operation_device_id_device_seq"),
        sa.UniqueConstraint("device_id", "key", name="uq_operation_device_id_key"),
        sa.UniqueConstraint("device_id", "op_id", name="uq_operation_device_id_op_id"),
    )
    op.create_index("ix_operation_entity_id", "operation", ["entity_id"])
    op.create_table(
        "operation_wait",
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("parent_op_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_operation_wait_device_id"),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operation.id"], name="fk_operation_wait_operation_id"
        ),
        sa.PrimaryKeyConstraint("operation_id", "parent_op_id", name="pk_operation_wait"),
    )
    op.create_index("ix_operation_wait_device_id", "operation_wait", ["device_id"])
    op.create_table(
        "receipt",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sig", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_receipt_device_id"),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name="fk_receipt_operation_id"),
        sa.PrimaryKeyConstraint("device_id", "receipt_seq", name="pk_receipt"),
    )
    op.create_index("ix_receipt_operation_id", "receipt", ["operation_id"])


def downgrade() -> None:
    for table in ("receipt", "operation_wait", "operation", "inbox_batch"):
        op.drop_table(table)
