"""A visit code without a task that nobody used leaves the tablets when its days are over."""

import sqlalchemy as sa
from alembic import op

revision = "0107"
down_revision = "0106"
branch_labels = None
depends_on = None

_UNENDED = sa.text("kind = 'triggered' AND ended_on IS NULL")


def upgrade() -> None:
    op.add_column("visit_code", sa.Column("ended_on", sa.Date(), nullable=True))
    op.create_index(
        "ix_visit_code_unended",
        "visit_code",
        ["valid_until"],
        sqlite_where=_UNENDED,
        postgresql_where=_UNENDED,
    )


def downgrade() -> None:
    op.drop_index("ix_visit_code_unended", "visit_code")
    op.drop_column("visit_code", "ended_on")
