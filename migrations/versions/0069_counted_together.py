"""What a year is counted from is read from indices alone."""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0070"
branch_labels = None
depends_on = None

WIDER = (
    (
        "visit",
        "ix_visit_agency_id_started_at",
        "ix_visit_counted",
        "agency_id started_at started_recorded_at clock_suspect state outcome task_id unit_id id",
    ),
    (
        "task",
        "ix_task_agency_id_created_at",
        "ix_task_made",
        "agency_id created_at origin round completed_at closed_at",
    ),
    (
        "task",
        "ix_task_agency_id_completed_at",
        "ix_task_done",
        "agency_id completed_at origin round outcome",
    ),
)
NEW = (
    ("document", "ix_document_kind_issued", "agency_id kind issued_at issued_recorded_at"),
    ("case_step", "ix_case_step_verb_on_day", "verb on_day"),
)
IS_VIDEO = sa.text("mime LIKE 'video/%'")


def upgrade() -> None:
    for table, narrow, wide, columns in WIDER:
        op.drop_index(narrow, table)
        op.create_index(wide, table, columns.split())
    for table, name, columns in NEW:
        op.create_index(name, table, columns.split())
    op.create_index(
        "ix_evidence_video",
        "evidence",
        ["agency_id", "taken_at", "stored_at"],
        sqlite_where=IS_VIDEO,
        postgresql_where=IS_VIDEO,
    )


def downgrade() -> None:
    op.drop_index("ix_evidence_video", "evidence")
    for table, name, _ in NEW:
        op.drop_index(name, table)
    for table, narrow, wide, columns in WIDER:
        op.drop_index(wide, table)
        op.create_index(narrow, table, columns.split()[:2])
