"""Photos prove something only when their bytes, their origin and their subject are kept apart."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expected_at", _AT, nullable=True),
        sa.Column("expected_by_kind", sa.Text(), nullable=True),
        sa.Column("expected_by_id", sa.Uuid(), nullable=True),
        sa.Column("stored_at", _AT, nullable=True),
        sa.Column("stored_by_kind", sa.Text(), nullable=True),
        sa.Column("stored_by_id", sa.Uuid(), nullable=True),
        sa.Column("taken_at", _AT, nullable=True),
        sa.Column("lat_e7", sa.BigInteger(), nullable=True),
        sa.Column("lon_e7", sa.BigInteger(), nullable=True),
        sa.Column("width", sa.BigInteger(), nullable=True),
        sa.Column("height", sa.BigInteger(), nullable=True),
        sa.Column("dhash", sa.Text(), nullable=True),
        sa.Column("thumbnail", sa.Boolean(), nullable=False),
        sa.Column("claimed_at", _AT, nullable=True),
        sa.Column("claimed_lat_e7", sa.BigInteger(), nullable=True),
        sa.Column("claimed_lon_e7", sa.BigInteger(), nullable=True),
        sa.Column("place_offset_m", sa.BigInteger(), nullable=True),
        sa.Column("time_offset_s", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('awaited', 'stored', 'not-a-picture', 'picture-too-large')",
            name=op.f("ck_evidence_state_known"),
        ),
        sa.CheckConstraint(
            "(expected_at IS NULL) = (expected_by_kind IS NULL)",
            name=op.f("ck_evidence_expected_who_and_when"),
        ),
        sa.CheckConstraint(
            "(stored_at IS NULL) = (stored_by_kind IS NULL)",
            name=op.f("ck_evidence_stored_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_evidence_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
        sa.UniqueConstraint("agency_id", "sha256", name="uq_evidence_agency_id_sha256"),
    )
    op.create_index("ix_evidence_district", "evidence", ["district"])
    op.create_index("ix_evidence_dhash", "evidence", ["agency_id", "dhash"])
    op.create_table(
        "evidence_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("op_id", sa.Uuid(), nullable=True),
        sa.Column("attached_at", _AT, nullable=False),
        sa.Column("attached_by_kind", sa.Text(), nullable=False),
        sa.Column("attached_by_id", sa.Uuid(), nullable=True),
        sa.Column("retracted_at", _AT, nullable=True),
        sa.Column("retracted_by_kind", sa.Text(), nullable=True),
        sa.Column("retracted_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(retracted_at IS NULL) = (retracted_by_kind IS NULL)",
            name=op.f("ck_evidence_link_retracted_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name="fk_evidence_link_evidence_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_link"),
        sa.UniqueConstraint(
            "evidence_id",
            "subject_type",
            "subject_id",
            "role",
            name="uq_evidence_link_evidence_id_subject_type_subject_id_role",
        ),
    )
    op.create_index("ix_evidence_link_evidence_id", "evidence_link", ["evidence_id"])
    op.create_index("ix_evidence_link_subject_id", "evidence_link", ["subject_id"])


def downgrade() -> None:
    op.drop_table("evidence_link")
    op.drop_table("evidence")
