"""Objections and requests of other sites are found by their unit: parts of its dossier."""

from alembic import op

revision = "0121"
down_revision = "0126"
branch_labels = None
depends_on = None

_TABLES = ("visit_objection", "credit_cooperation")


def upgrade() -> None:
    for table in _TABLES:
        op.create_index(f"ix_{table}_unit_id", table, ["unit_id"])


def downgrade() -> None:
    for table in _TABLES:
        op.drop_index(f"ix_{table}_unit_id", table)
