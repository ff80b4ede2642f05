"""The secret of a lot over teams is promised with the plan, before visits and days are fixed."""

import sqlalchemy as sa
from alembic import op

revision = "0127"
down_revision = "0115"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("joint_plan", "promise_id", sa.Uuid()),
    ("joint_plan", "promise_sealed", sa.LargeBinary()),
    ("joint_plan", "promise_commit", sa.Text()),
    ("joint_team_lot", "promise_id", sa.Uuid()),
)


def upgrade() -> None:
    for table, name, kind in _COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for table, name, _ in reversed(_COLUMNS):
        op.drop_column(table, name)
