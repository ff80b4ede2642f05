"""A plan may take its chance from a beacon that it names beforehand.

SQLite cannot change a check, but lets the text of a table be edited where the rows already agree
with it (section 8 of its page on ALTER TABLE): nothing is copied, and nothing else of it is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ("draw_plan", "draw")
TWO = "level IN ('sealed', 'attended')"
THREE = "level IN ('sealed', 'attended', 'beacon')"


def upgrade() -> None:
    op.add_column("draw_plan", sa.Column("beacon", sa.JSON(), nullable=False, server_default="[]"))
    for table in TABLES:
        _exchange(table, TWO, THREE)


def downgrade() -> None:
    for table in TABLES:
        _exchange(table, THREE, TWO)
    op.drop_column("draw_plan", "beacon")


def _exchange(table: str, before: str, after: str) -> None:
    """Let a table's check on the level say `after` instead of `before`."""
    name = f"ck_{table}_level_known"
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f(name), table, type_="check")
        op.create_check_constraint(op.f(name), table, after)
        return
    run = op.get_bind().exec_driver_sql
    version = run("PRAGMA schema_version").scalar_one()
    (words,) = run("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).one()
    if before not in words:
        raise RuntimeError(f"the table {table} does not say {before}")
    run("PRAGMA writable_schema = ON")
    run(
        "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?",
        (words.replace(before, after), table),
    )
    run(f"PRAGMA schema_version = {version + 1}")
    run("PRAGMA writable_schema = OFF")
