"""Whether this installation can serve: database, migrations, storage. For `/readyz` and doctor."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from app import entry
from app.db import db
from app.errors import DomainError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


@dataclass(frozen=True)
class Check:
    """One thing that must be right, whether it is, and what was found."""

    name: str
    ok: bool
    found: str


def checks() -> list[Check]:
    """Look at everything a request needs; never raises for what is wrong."""
    return [_look(name, look) for name, look in _LOOKS.items()]


def ready() -> bool:
    """Return whether every check is right."""
    return all(check.ok for check in checks())


@cache
def code_head() -> str:
    """Return the migration that this code is written for."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def _look(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, found=look())
    except (DomainError, SQLAlchemyError, LookupError, OSError) as error:
        db.session.remove()
        return Check(name, ok=False, found=f"{type(error).__name__}: {str(error)[:200]}")


def _database() -> str:
    db.session.execute(sa.text("SELECT 1"))
    return str(db.engine.dialect.name)


def _migrations() -> str:
    found = db.session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if found != code_head():
        raise LookupError(f"the database is at {found}, the code at {code_head()}")
    return str(found)


def _storage() -> str:
    entry.storage().check()
    return entry.config().storage_url.partition("?")[0]


_LOOKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "storage": _storage,
}


def add_look(name: str, look: Callable[[], str]) -> None:
    """Let a feature above have its say; what it raises is what is wrong."""
    _LOOKS[name] = look
