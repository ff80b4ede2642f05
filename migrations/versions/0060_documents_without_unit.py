"""A document can be to a party whom no register knows."""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0047"
branch_labels = None
depends_on = None

KEPT, EMPTY = "unit_id CHAR(32) NOT NULL", "unit_id CHAR(32)"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rewrite(KEPT, EMPTY)
    else:
        op.alter_column("document", "unit_id", nullable=True)


def downgrade() -> None:
    for table in ("document_correction", "document_service", "document_signature"):
        op.execute(
            f"DELETE FROM {table} WHERE document_id IN"  # noqa: S608 - our own tables
            " (SELECT id FROM document WHERE unit_id IS NULL)"
        )
    op.execute("DELETE FROM document WHERE unit_id IS NULL")
    if op.get_bind().dialect.name == "sqlite":
        _rewrite(f"{EMPTY},", f"{KEPT},")
    else:
        op.alter_column("document", "unit_id", nullable=False)


def _rewrite(old: str, new: str) -> None:
    """Change the text of the table, which leaves its rows as they are; read it anew."""
    bind = op.get_bind()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    bind.execute(
        sa.text(
            "UPDATE sqlite_master SET sql = replace(sql, :old, :new)"
            " WHERE type = 'table' AND name = 'document'"
        ),
        {"old": old, "new": new},
    )
    version = bind.exec_driver_sql("PRAGMA schema_version").scalar_one()
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")
