"""Somebody has to be responsible for every act: agencies, accounts and officers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agency",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("boundary", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agency"),
    )
    op.create_index("ix_agency_district", "agency", ["district"], unique=False)
    op.create_table(
        "officer",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("certificate_no", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("certificate_valid_until", sa.Date(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("specialties", sa.JSON(), nullable=False),
        sa.Column("lead_specialties", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'left')", name=op.f("ck_officer_state_known")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_officer_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_officer"),
        sa.UniqueConstraint("certificate_no", name="uq_officer_certificate_no"),
    )
    op.create_index("ix_officer_agency_id", "officer", ["agency_id"], unique=False)
    op.create_index("ix_officer_district", "officer", ["district"], unique=False)
    op.create_table(
        "absence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("declared_by_kind", sa.Text(), nullable=False),
        sa.Column("declared_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "reason_code IN ('leave', 'sick', 'training', 'secondment', 'other')",
            name=op.f("ck_absence_reason_code_known"),
        ),
        sa.CheckConstraint(
            "declared_at IS NOT NULL AND declared_by_kind IS NOT NULL",
            name=op.f("ck_absence_declared_who_and_when"),
        ),
        sa.CheckConstraint("from_on <= until_on", name=op.f("ck_absence_days_in_order")),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name="fk_absence_officer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_absence"),
    )
    op.create_index("ix_absence_officer_id", "absence", ["officer_id"], unique=False)
    op.create_table(
        "account",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failed_count", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_by_kind", sa.Text(), nullable=True),
        sa.Column("suspended_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'suspended')", name=op.f("ck_account_state_known")),
        sa.CheckConstraint(
            "(suspended_at IS NULL) = (suspended_by_kind IS NULL)",
            name=op.f("ck_account_suspended_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_account_agency_id"),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name="fk_account_officer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("login", name="uq_account_login"),
        sa.UniqueConstraint("officer_id", name="uq_account_officer_id"),
    )
    op.create_index("ix_account_agency_id", "account", ["agency_id"], unique=False)
    op.create_index("ix_account_district", "account", ["district"], unique=False)
    op.create_table(
        "recusal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("declared_by_kind", sa.Text(), nullable=False),
        sa.Column("declared_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "declared_at IS NOT NULL AND declared_by_kind IS NOT NULL",
            name=op.f("ck_recusal_declared_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name="fk_recusal_officer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recusal"),
    )
    op.create_index("ix_recusal_officer_id", "recusal", ["officer_id"], unique=False)
    op.create_index("ix_recusal_unit_id", "recusal", ["unit_id"], unique=False)
    op.create_table(
        "account_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('session', 'api')", name=op.f("ck_account_token_kind_known")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_account_token_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_account_token"),
        sa.UniqueConstraint("token_hash", name="uq_account_token_token_hash"),
    )
    op.create_index("ix_account_token_account_id", "account_token", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_account_token_account_id", table_name="account_token")
    op.drop_table("account_token")
    op.drop_index("ix_recusal_unit_id", table_name="recusal")
    op.drop_index("ix_recusal_officer_id", table_name="recusal")
    op.drop_table("recusal")
    op.drop_index("ix_account_district", table_name="account")
    op.drop_index("ix_account_agency_id", table_name="account")
    op.drop_table("account")
    op.drop_index("ix_absence_officer_id", table_name="absence")
    op.drop_table("absence")
    op.drop_index("ix_officer_district", table_name="officer")
    op.drop_index("ix_officer_agency_id", table_name="officer")
    op.drop_table("officer")
    op.drop_index("ix_agency_district", table_name="agency")
    op.drop_table("agency")
