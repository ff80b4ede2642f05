"""A decision that is in principle not shown is shown by exception, when two persons say so."""

import sqlalchemy as sa
from alembic import op

revision = "0112"
down_revision = "0111"
branch_labels = None
depends_on = None

_TABLE = "credit_exception"
_STANDING = sa.text("state <> 'declined'")


def _check(condition: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{_TABLE}_{name}"))


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by_kind", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        _check("state IN ('confirmed', 'declined', 'proposed')", "state_known"),
        _check("proposed_at IS NOT NULL AND proposed_by_kind IS NOT NULL", "proposed_who_and_when"),
        _check("(decided_at IS NULL) = (decided_by_kind IS NULL)", "decided_who_and_when"),
        _check("(state = 'proposed') = (decided_at IS NULL)", "decided_when"),
        _check("(decided_at IS NULL) = (opinion IS NULL)", "decided_with_words"),
        _check("proposed_by_id <> decided_by_id", "second_person"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f(f"fk_{_TABLE}_agency_id")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["credit_entry.id"], name=op.f(f"fk_{_TABLE}_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_TABLE}")),
    )
    op.create_index("ix_credit_exception_agency_id_id", _TABLE, ["agency_id", "id"])
    op.create_index(op.f("ix_credit_exception_district"), _TABLE, ["district"])
    op.create_index(op.f("ix_credit_exception_entry_id"), _TABLE, ["entry_id"])
    op.create_index(
        "uq_credit_exception_standing",
        _TABLE,
        ["entry_id"],
        unique=True,
        sqlite_where=_STANDING,
        postgresql_where=_STANDING,
    )


def downgrade() -> None:
    op.drop_table(_TABLE)
