"""What a decision can meet: review and suit; the register of transfers; the party's own periods."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "case_deadline",
        sa.Column("of_party", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    _remedies()
    _transfers()


def downgrade() -> None:
    op.drop_table("case_transfer")
    op.drop_table("case_remedy")
    op.drop_column("case_deadline", "of_party")


def _remedies() -> None:
    op.create_table(
        "case_remedy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("organ", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("begun_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("head_attended", sa.Boolean(), nullable=True),
        sa.CheckConstraint("kind IN ('review', 'suit')", name=op.f("ck_case_remedy_kind_known")),
        sa.CheckConstraint(
            "result IN ('dismissed', 'upheld', 'changed', 'revoked', 'illegal', 'ordered',"
            " 'withdrawn', 'mediated')",
            name=op.f("ck_case_remedy_result_known"),
        ),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (result IS NULL)", name=op.f("ck_case_remedy_ended_with_result")
        ),
        sa.CheckConstraint("begun_on <= ended_on", name=op.f("ck_case_remedy_days_in_order")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_case_remedy_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["penalty_case.id"], name=op.f("fk_case_remedy_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_remedy")),
    )
    op.create_index(op.f("ix_case_remedy_case_id"), "case_remedy", ["case_id"])
    op.create_index("ix_case_remedy_agency_id_begun_on", "case_remedy", ["agency_id", "begun_on"])


def _transfers() -> None:
    op.create_table(
        "case_transfer",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("criminal", sa.Boolean(), nullable=False),
        sa.Column("organ", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("result_on", sa.Date(), nullable=True),
        sa.Column("result_note", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "direction IN ('in', 'out')", name=op.f("ck_case_transfer_direction_known")
        ),
        sa.CheckConstraint(
            "kind IN ('hand-over', 'assistance', 'consultation')",
            name=op.f("ck_case_transfer_kind_known"),
        ),
        sa.CheckConstraint(
            "result IN ('accepted', 'declined', 'filed', 'returned', 'completed')",
            name=op.f("ck_case_transfer_result_known"),
        ),
        sa.CheckConstraint(
            "(result IS NULL) = (result_on IS NULL)", name=op.f("ck_case_transfer_result_when")
        ),
        sa.CheckConstraint("on_day <= result_on", name=op.f("ck_case_transfer_days_in_order")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_case_transfer_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["penalty_case.id"], name=op.f("fk_case_transfer_case_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_case_transfer_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_transfer")),
    )
    for columns in (["agency_id", "on_day"], ["case_id"], ["district"], ["unit_id"]):
        op.create_index(op.f(f"ix_case_transfer_{'_'.join(columns)}"), "case_transfer", columns)
