"""Decisions carry their merged values and reach the tablet they are about."""

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
    op.create_index("ix_device_notice_device_id", "device_notice", ["device_id"])
    op.create_index("ix_device_notice_district", "device_notice", ["district"])


def downgrade() -> None:
    op.drop_table("device_notice")
    for column in ("unsent_at", "unsent", "build"):
        op.drop_column("device_chain", column)
    op.drop_column("review_item", "decision_fields")
    op.drop_column("review_item", "version")
