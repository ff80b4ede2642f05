"""Tasks by origin and cases by the day of closing are counted from indices alone."""

from alembic import op

revision = "0120"
down_revision = "0125"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_task_agency_id_origin_id", "task", ["agency_id", "origin", "id"])
    op.drop_index("ix_task_agency_id_origin", "task")
    op.create_index(
        "ix_penalty_case_agency_id_closed_on", "penalty_case", ["agency_id", "closed_on"]
    )


def downgrade() -> None:
    op.drop_index("ix_penalty_case_agency_id_closed_on", "penalty_case")
    op.create_index("ix_task_agency_id_origin", "task", ["agency_id", "origin"])
    op.drop_index("ix_task_agency_id_origin_id", "task")
