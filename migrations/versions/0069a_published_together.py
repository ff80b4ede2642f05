"""What is counted of publications is read from indices alone."""

from alembic import op

revision = "0069a"
down_revision = "0067"
branch_labels = None
depends_on = None

NEW = (
    ("ix_publication_counted", "agency_id event_on subject_type published_at ended_at due_on"),
    ("ix_publication_reported", "agency_id channel event_on state ended_at id"),
)


def upgrade() -> None:
    op.drop_index("ix_publication_agency_id_event_on", "publication")
    for name, columns in NEW:
        op.create_index(name, "publication", columns.split())


def downgrade() -> None:
    for name, _ in NEW:
        op.drop_index(name, "publication")
    op.create_index("ix_publication_agency_id_event_on", "publication", ["agency_id", "event_on"])
