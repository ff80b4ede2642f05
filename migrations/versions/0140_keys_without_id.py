"""An operation that holds its id is found by it: only the others need their key in an index."""

import sqlalchemy as sa
from alembic import op

revision = "0140"
down_revision = "0112"
branch_labels = None
depends_on = None

_NAME = "uq_operation_device_id_key"


def upgrade() -> None:
    with op.batch_alter_table("operation", copy_from=_standing()) as batch:
        batch.drop_constraint(op.f(_NAME), type_="unique")
    without_id = sa.text("op_id IS NULL")
    op.create_index(
        _NAME,
        "operation",
        ["device_id", "key"],
        unique=True,
        sqlite_where=without_id,
        postgresql_where=without_id,
    )


def downgrade() -> None:
    op.drop_index(_NAME, "operation")
    with op.batch_alter_table("operation", copy_from=_standing()) as batch:
        batch.create_unique_constraint(op.f(_NAME), ["device_id", "key"])


def _standing() -> sa.Table | None:
    """Return the table with its checks: SQLite makes it anew and would leave them out."""
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        return None
    table = sa.Table("operation", sa.MetaData(), autoload_with=bind)
    for one in sa.inspect(bind).get_check_constraints("operation"):
        table.append_constraint(sa.CheckConstraint(one["sqltext"], name=op.f(str(one["name"]))))
    return table
