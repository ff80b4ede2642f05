"""Run the migrations on the database of the running application."""

from typing import Any

from alembic import context
from sqlalchemy.engine import Connection

from app.db import Base, UtcDateTime, db


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Write our own types as plain ones, so that a migration imports nothing of ours."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def follow_keys(connection: Connection, *, on: bool) -> None:
    """Let SQLite follow foreign keys or not: it cannot make a table anew that others refer to.

    Said outside of a transaction, inside of one it has no effect. A migration that makes a table
    anew checks the keys itself.
    """
    if connection.dialect.name == "sqlite":
        raw: Any = connection.connection.dbapi_connection
        raw.execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")


with db.engine.connect().execution_options(suicha_write=True) as connection:
    follow_keys(connection, on=False)
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_item,
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
    follow_keys(connection, on=True)
