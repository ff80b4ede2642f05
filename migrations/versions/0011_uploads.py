"""A photo may break off at any byte: what has arrived is counted piece by piece."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("op_id", sa.Uuid(), nullable=True),
        sa.Column("described", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("offset_bytes", sa.BigInteger(), nullable=False),
        sa.Column("pieces", sa.JSON(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.Column("ended_at", _AT, nullable=True),
        sa.Column("lease", sa.Text(), nullable=True),
        sa.Column("lease_until", _AT, nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'done', 'hash-mismatch', 'ended')",
            name=op.f("ck_upload_state_known"),
        ),
        sa.CheckConstraint(
            "offset_bytes BETWEEN 0 AND size_bytes", name=op.f("ck_upload_offset_inside")
        ),
        sa.CheckConstraint(
            "(state = 'open') = (ended_at IS NULL)", name=op.f("ck_upload_open_or_ended")
        ),
        sa.CheckConstraint(
            "(lease IS NULL) = (lease_until IS NULL)", name=op.f("ck_upload_lease_with_end")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_upload_agency_id"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_upload_device_id"),
        sa.PrimaryKeyConstraint("id", name="pk_upload"),
    )
    op.create_index("ix_upload_device_id_sha256", "upload", ["device_id", "sha256"])
    op.create_index("ix_upload_device_id_created_at", "upload", ["device_id", "created_at"])
    op.create_index("ix_upload_state_expires_at", "upload", ["state", "expires_at"])


def downgrade() -> None:
    op.drop_table("upload")
