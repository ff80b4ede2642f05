"""Tablets become known by their keys: codes, devices, sessions, tokens, chains."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "device",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("alg", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("os", sa.Text(), nullable=False),
        sa.Column("build", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("enrolled_at", INSTANT, nullable=False),
        sa.Column("enrolled_by_kind", sa.Text(), nullable=False),
        sa.Column("enrolled_by_id", sa.Uuid(), nullable=True),
        sa.Column("state_changed_at", INSTANT, nullable=True),
        sa.Column("state_changed_by_kind", sa.Text(), nullable=True),
        sa.Column("state_changed_by_id", sa.Uuid(), nullable=True),
        sa.Column("wiped_at", INSTANT, nullable=True),
        sa.Column("wiped_unsent", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("alg IN ('Ed25519', 'ES256')", name=op.f("ck_device_alg_known")),
        sa.CheckConstraint(
            "state IN ('active', 'suspended', 'wipe-requested', 'closed')",
            name=op.f("ck_device_state_known"),
        ),
        sa.CheckConstraint(
            "enrolled_at IS NOT NULL AND enrolled_by_kind IS NOT NULL",
            name=op.f("ck_device_enrolled_who_and_when"),
        ),
        sa.CheckConstraint(
            "(state_changed_at IS NULL) = (state_changed_by_kind IS NULL)",
            name=op.f("ck_device_state_changed_who_and_when"),
        ),
        sa.CheckConstraint(
            "(wiped_at IS NULL) = (wiped_unsent IS NULL)", name=op.f("ck_device_wiped_and_unsent")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_device_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_device"),
        sa.UniqueConstraint("public_key", name="uq_device_public_key"),
    )
    op.create_index("ix_device_agency_id", "device", ["agency_id"])
    op.create_index("ix_device_district", "device", ["district"])
    op.create_table(
        "device_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("issued_by_kind", sa.Text(), nullable=False),
        sa.Column("issued_by_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "issued_at IS NOT NULL AND issued_by_kind IS NOT NULL",
            name=op.f("ck_device_code_issued_who_and_when"),
        ),
        sa.CheckConstraint(
            "(used_at IS NULL) = (device_id IS NULL)", name=op.f("ck_device_code_used_by_a_device")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_device_code_account_id"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_device_code_device_id"),
        sa.PrimaryKeyConstraint("id", name="pk_device_code"),
        sa.UniqueConstraint("code_hash", name="uq_device_code_code_hash"),
    )
    op.create_table(
        "device_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_device_session_account_id"
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_device_session_device_id"),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name="fk_device_session_officer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_device_session"),
    )
    op.create_index("ix_device_session_account_id", "device_session", ["account_id"])
    op.create_index("ix_device_session_device_id", "device_session", ["device_id"])
    op.create_table(
        "device_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("access_hash", sa.Text(), nullable=False),
        sa.Column("refresh_hash", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("access_until", INSTANT, nullable=False),
        sa.Column("refresh_until", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("superseded_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("challenge_hash", sa.Text(), nullable=True),
        sa.CheckConstraint("use IN ('full', 'push')", name=op.f("ck_device_token_use_known")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_device_token_device_id"),
        sa.PrimaryKeyConstraint("id", name="pk_device_token"),
        sa.UniqueConstraint("access_hash", name="uq_device_token_access_hash"),
        sa.UniqueConstraint("challenge_hash", name="uq_device_token_challenge_hash"),
        sa.UniqueConstraint("refresh_hash", name="uq_device_token_refresh_hash"),
    )
    op.create_index("ix_device_token_device_id", "device_token", ["device_id"])
    op.create_table(
        "device_chain",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("device_seq", sa.BigInteger(), nullable=False),
        sa.Column("op_hash", sa.Text(), nullable=False),
        sa.Column("receipt_seq", sa.BigInteger(), nullable=False),
        sa.Column("receipt_hash", sa.Text(), nullable=False),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("last_recorded_at", INSTANT, nullable=True),
        sa.Column("last_contact_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_device_chain_device_id"),
        sa.PrimaryKeyConstraint("device_id", name="pk_device_chain"),
    )


def downgrade() -> None:
    for table in ("device_chain", "device_token", "device_session", "device_code", "device"):
        op.drop_table(table)
