"""A plan of joint visits keeps what people fixed by hand in the plans before it."""

import sqlalchemy as sa
from alembic import op

revision = "0130"
down_revision = "0110"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("pins", sa.JSON(), nullable=False, server_default="[]")
    op.add_column("joint_plan", column)


def downgrade() -> None:
    op.drop_column("joint_plan", "pins")
