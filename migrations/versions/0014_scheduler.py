"""The timetable: which process holds it, and what ran when."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scheduler_lease",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_scheduler_lease_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_scheduler_lease"),
    )
    op.create_table(
        "scheduler_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("line", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('done', 'failed')", name=op.f("ck_scheduler_run_outcome_known")
        ),
        sa.CheckConstraint(
            "(finished_at IS NULL) = (outcome IS NULL)",
            name=op.f("ck_scheduler_run_finished_with_outcome"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_scheduler_run"),
        sa.UniqueConstraint("job", "due_at", name="uq_scheduler_run_job_due_at"),
    )
    op.create_index("ix_scheduler_run_started_at", "scheduler_run", ["started_at"])


def downgrade() -> None:
    op.drop_table("scheduler_run")
    op.drop_table("scheduler_lease")
