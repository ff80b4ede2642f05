"""The list 双公示 names the organ by its code 统一社会信用代码."""

import sqlalchemy as sa
from alembic import op

revision = "0095"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agency", sa.Column("uscc", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("agency", "uscc")
