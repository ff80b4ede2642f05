"""A case imposes one or several sanctions; what was decided on the spot is written as lines."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_sanction",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("on_staff", sa.Boolean(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("months", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(amount_fen IS NOT NULL) = (kind IN ('fine', 'confiscated-gains'))",
            name=op.f("ck_case_sanction_amount_when"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_case_sanction_amount_positive")),
        sa.CheckConstraint(
            "kind IN ('warning', 'criticism', 'fine', 'confiscated-gains', 'confiscated-goods',"
            " 'permit-suspended', 'grade-lowered', 'permit-revoked', 'business-restricted',"
            " 'business-suspended', 'closure', 'practice-restricted', 'detention')",
            name=op.f("ck_case_sanction_kind_known"),
        ),
        sa.CheckConstraint("months > 0", name=op.f("ck_case_sanction_months_positive")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["penalty_case.id"], name=op.f("fk_case_sanction_case_id")
        ),
        sa.PrimaryKeyConstraint("case_id", "kind", "on_staff", name=op.f("pk_case_sanction")),
    )
    op.execute(
        "INSERT INTO case_sanction (case_id, kind, on_staff)"
        " SELECT id, 'warning', false FROM penalty_case WHERE warning"
    )
    op.execute(
        "INSERT INTO case_sanction (case_id, kind, on_staff, amount_fen)"
        " SELECT id, 'fine', false, fine_fen FROM penalty_case WHERE fine_fen > 0"
    )


def downgrade() -> None:
    op.drop_table("case_sanction")
