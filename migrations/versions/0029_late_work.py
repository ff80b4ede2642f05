"""A task says how many late contributions to it wait for a supervisor."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "task", sa.Column("late_waiting", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column("review_item", sa.Column("task_id", sa.Uuid(), nullable=True))
    op.create_index("ix_review_item_task_id", "review_item", ["task_id"])


def downgrade() -> None:
    op.drop_index("ix_review_item_task_id", "review_item")
    op.drop_column("review_item", "task_id")
    op.drop_column("task", "late_waiting")
