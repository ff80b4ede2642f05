"""What is counted by its day is found by its day."""

from alembic import op

revision = "0062"
down_revision = "0038"
branch_labels = None
depends_on = None

INDEXES = (
    ("task", "origin"),
    ("task", "completed_at"),
    ("sample", "taken_at"),
    ("corrective_order", "issued_on"),
    ("penalty_case", "decided_on"),
    ("penalty_case", "filed_on"),
    ("complaint", "received_on"),
    ("publication", "event_on"),
)


def upgrade() -> None:
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_agency_id_{column}", table, ["agency_id", column])


def downgrade() -> None:
    for table, column in INDEXES:
        op.drop_index(f"ix_{table}_agency_id_{column}", table)
