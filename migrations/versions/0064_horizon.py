"""A scope remembers when tombstones were dropped: who began to read after that misses none."""

import sqlalchemy as sa
from alembic import op

from app.db import new_id

revision = "0064"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feed_horizon", sa.Column("dropped_id", sa.Uuid(), nullable=True))
    horizon = sa.table("feed_horizon", sa.column("dropped_id", sa.Uuid()))
    op.execute(horizon.update().values(dropped_id=new_id()))


def downgrade() -> None:
    op.drop_column("feed_horizon", "dropped_id")
