"""A check of fulfilment keeps what the office's own register had open, and why it is not."""

import sqlalchemy as sa
from alembic import op

revision = "0110"
down_revision = "0127"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("credit_repair", sa.Column("open_duties", sa.JSON(), nullable=True))
    op.add_column("credit_repair", sa.Column("open_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("credit_repair", "open_reason")
    op.drop_column("credit_repair", "open_duties")
