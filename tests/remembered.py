"""What comes out the same for every test, worked out once per process."""

import sqlite3
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.db import Base, transaction
from app.journal.models import JournalEntry

# what a load into a database without a catalogue writes; a test compares
LOADED = {
    "catalogue_row": "TRUE",
    "journal_entry": "stream = 'catalogue'",
    "feed_row": "stream = 'catalogue'",
    "feed_body": "entity_key IN (SELECT entity_key FROM feed_row WHERE stream = 'catalogue')",
}
_loads: dict[tuple[type, datetime, Actor], dict[str, Any]] = {}
_builders: dict[tuple[str, ...], Any] = {}
_compile_builder = Rule._compile_builder


def load_catalogue(*, by: Actor, at: datetime) -> None:
    """Load the packaged rows; into a database without any, as the first such load wrote them."""
    with transaction() as session:
        raw = session.connection().connection.dbapi_connection
        key = (type(raw), at, by)
        empty = not _has_catalogue(session)
        if empty and key in _loads:
            for table, rows in _loads[key].items():
                _write(raw, table, rows)
            return
        catalogue.load_defaults(by=by, at=at)
    if empty:
        raw = session.connection().connection.dbapi_connection
        _loads[key] = {table: _read(raw, table, which) for table, which in LOADED.items()}
        session.rollback()


def _has_catalogue(session: Session) -> bool:
    entries = sa.select(JournalEntry.seq).where(JournalEntry.stream == "catalogue")
    found = (session.scalar(query.limit(1)) for query in (sa.select(CatalogueRow.id), entries))
    return any(one is not None for one in found)


def _read(raw: Any, table: str, which: str) -> Any:
    query = f"SELECT * FROM {table} WHERE {which}"  # noqa: S608 - names of LOADED
    if isinstance(raw, sqlite3.Connection):
        return raw.execute(query).fetchall()
    assert isinstance(raw, psycopg.Connection)
    with raw.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
        return b"".join(copy)


def _write(raw: Any, table: str, rows: Any) -> None:
    if isinstance(raw, sqlite3.Connection):
        places = ", ".join("?" * len(rows[0]))
        raw.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 - the same
        return
    with raw.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(rows)


def compile_builder(rule: Rule, append_unknown: bool = True) -> Any:
    """What builds the addresses of a route, compiled for its first application alone.

    To compile them for 450 routes is four fifths of what it takes to make an application. The
    result hangs on nothing but what stands in the key: converters are asked of the rule it is
    called for.
    """
    key = (rule.rule, repr(rule._trace), repr(rule.defaults), repr(append_unknown))
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


def remember_routes() -> None:
    """Let every application of this process use what was compiled for the first one."""
    setattr(Rule, "_compile_builder", compile_builder)  # noqa: B010 - werkzeug's own, not ours


def forget_statements() -> None:
    """Forget what the mappers compiled for an engine that is gone, and would keep for ever.

    A statement is compiled for one engine, which every test has of its own: what the mappers of
    all tables keep by the hundred is of no use to any other.
    """
    for mapper in Base.registry.mappers:
        mapper.__dict__.get("_compiled_cache", {}).clear()
