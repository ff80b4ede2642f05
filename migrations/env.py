"""Run the migrations on the database of the running application."""

import importlib
import pkgutil
from typing import Any

from alembic import context

import app
import scheduler
import sync
from app.db import Base, UtcDateTime, db


def load_models() -> None:
    """Import every `models.py`, so that the metadata is whole."""
    for package in (app, sync, scheduler):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith(".models"):
                importlib.import_module(found.name)


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Write our own types as plain ones, so that a migration imports nothing of ours."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


load_models()
with db.engine.connect().execution_options(suicha_write=True) as connection:
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
