"""Who was penalised before is found by an index, whatever number of penalties there are."""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0105"
branch_labels = None
depends_on = None

_INDEX = "ix_penalty_case_agency_id_party_id_hash"


def upgrade() -> None:
    op.add_column("penalty_case", sa.Column("party_id_hash", sa.Text(), nullable=True))
    op.create_index(_INDEX, "penalty_case", ["agency_id", "party_id_hash"])


def downgrade() -> None:
    op.drop_index(_INDEX, "penalty_case")
    op.drop_column("penalty_case", "party_id_hash")
