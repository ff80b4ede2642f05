"""Engine, session, types and the one place that commits.

Reads and writes are separate transactions. Outside `transaction()` a session begins DEFERRED on
SQLite and REPEATABLE READ, READ ONLY on PostgreSQL: what is read together is of one moment.
`transaction()` begins IMMEDIATE or READ COMMITTED. A single statement can do without a session: see
`app.lines`.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, cast
from uuid import UUID
from weakref import WeakKeyDictionary

import sqlalchemy as sa
import uuid_utils
import uuid_utils.compat
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    declared_attr,
    make_transient_to_detached,
    mapped_column,
)
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.exc import StaleDataError

from app.errors import Conflict, Unavailable
from app.writers import Writers


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware instant, stored in UTC; naive values are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC)

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[datetime | None], Any] | None:
        """Write an instant as SQLAlchemy does for SQLite, in a fifth of the time."""
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)

        def written(value: datetime | None) -> str | None:
            found = self.process_bind_param(value, dialect)
            return None if found is None else found.isoformat(" ", "microseconds")[:26]

        return written

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of every table: named constraints, aware instants, UUID keys."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        date: sa.Date(),
        UUID: sa.Uuid(),
        str: sa.Text(),
        int: sa.BigInteger(),
        bytes: sa.LargeBinary(),
        dict[str, Any]: sa.JSON(),
        list[Any]: sa.JSON(),
        list[str]: sa.JSON(),
    }


def new_id() -> UUID:
    """Return a UUIDv7: identity that is also local in an index."""
    return uuid_utils.compat.uuid7()


def new_id_text() -> str:
    """Return a UUIDv7 as text, for what is told and not stored as an id."""
    return str(uuid_utils.uuid7())


def id_column() -> Mapped[UUID]:
    """Return the primary key column that every entity has."""
    return mapped_column(primary_key=True, default=new_id)


def one_of(column: str, states: type[StrEnum]) -> sa.CheckConstraint:
    """Return the check constraint that keeps a text column inside an enumeration."""
    allowed = ", ".join(f"'{state}'" for state in states)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_known")


def in_pairs(prefix: str, *, required: bool = False) -> sa.CheckConstraint:
    """Return the constraint that keeps `<prefix>_at` and `<prefix>_by_kind` together."""
    both = f"({prefix}_at IS NULL) = ({prefix}_by_kind IS NULL)"
    return sa.CheckConstraint(
        f"{prefix}_at IS NOT NULL AND {prefix}_by_kind IS NOT NULL" if required else both,
        name=f"{prefix}_who_and_when",
    )


db = SQLAlchemy(
    metadata=Base.metadata, session_options={"expire_on_commit": False, "autoflush": False}
)

READ_COMMITTED, REPEATABLE_READ = 2, 3  # as psycopg numbers them
WRITER_WAIT_S = 10
CHECKPOINT_PAGES = 8000  # of 4 KiB: what many transactions change is copied once
# SQLite has one writer at a time
_queues: WeakKeyDictionary[Engine, Writers] = WeakKeyDictionary()
Closing = Callable[[Session], None]
_closing_steps: list[Closing] = []


class Overloaded(Unavailable):
    code, title = "overloaded", "服务器繁忙"


class ChangedMeanwhile(Conflict):
    code, title = "changed-meanwhile", "内容已被他人修改"


class UnderWay(Conflict):
    code, title = "under-way", "相同的请求正在处理"


def init_app(flask_app: Flask) -> None:
    """Bind the session to the configured database and set both databases up to begin properly."""
    db.init_app(flask_app)
    with flask_app.app_context():
        prepare_engine(db.engine)


def prepare_engine(engine: Engine) -> None:
    """Make an engine begin as this module promises; also for engines that tests put in place."""
    if engine.dialect.name == "sqlite":
        _queues[engine] = Writers(_file_of(engine))
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "begin", _begin_postgresql)


def _file_of(engine: Engine) -> Path | None:
    """Return the file of a SQLite database; None where it is in memory."""
    database = engine.url.database
    return Path(database).absolute() if database and database != ":memory:" else None


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"busy_timeout = {WRITER_WAIT_S * 1000}",
        "cache_size = -32000",
        "temp_store = MEMORY",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("suicha_write", False):
        _tell_sqlite(connection, "BEGIN")
        return
    if pragma := how_to_wait(connection.info, options.get("suicha_durable", True)):
        _tell_sqlite(connection, pragma)
    _tell_sqlite(connection, "BEGIN IMMEDIATE")


def how_to_wait(info: dict[Any, Any], durable: bool) -> str | None:
    """Return what tells a connection to SQLite whether to wait for the disk, if it must be told."""
    level = "FULL" if durable else "NORMAL"
    if info.get("synchronous", "FULL") == level:
        return None
    info["synchronous"] = level
    return f"PRAGMA synchronous = {level}"


def _tell_sqlite(connection: Connection, text: str) -> None:
    """Run what takes and gives nothing, past SQLAlchemy, for which it is a statement like any."""
    raw: Any = connection.connection.dbapi_connection
    try:
        raw.execute(text)
    except sqlite3.Error as error:
        raise sa.exc.DBAPIError.instance(
            text, None, error, sqlite3.Error, dialect=connection.dialect
        ) from error


def _begin_postgresql(connection: Connection) -> None:
    options = connection.get_execution_options()
    raw: Any = connection.connection.dbapi_connection
    writes = options.get("suicha_write", False)
    raw.read_only = not writes
    raw.isolation_level = READ_COMMITTED if writes else REPEATABLE_READ
    if not options.get("suicha_durable", True):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def on_closing(step: Closing) -> None:
    """Register the last thing a write transaction does before its commit (the journal's)."""
    if step not in _closing_steps:
        _closing_steps.append(step)


def also_write(row: Base) -> None:
    """Let `row` be written by the next transaction of this session, with its effect."""
    db.session.info.setdefault("also_write", []).append(row)


def in_transaction() -> bool:
    """Return whether a write transaction of `transaction()` is open in this session."""
    return bool(db.session.info.get("writing", False))


def stop_reading() -> None:
    """Give the connection back between two transactions: for who waits for something slow next.

    Rows that were read stay as they are and belong to no session any more.
    """
    if not db.session.registry.has():
        return
    session = db.session()
    if session.info.get("writing"):
        raise RuntimeError("a write transaction is open")
    if session.in_transaction() or session.identity_map:
        session.close()


def has_begun() -> bool:
    """Return whether the session reads or writes."""
    return db.session.registry.has() and db.session().in_transaction()


def has_one_writer(engine: Engine) -> bool:
    """Tell whether those who write to a database queue for it."""
    return engine in _queues


def overloaded() -> Overloaded:
    """Return what tells that the database was not to be had in time."""
    return Overloaded("服务器正忙，请稍后重试；数据没有写入。")


@contextmanager
def turn_to_write(engine: Engine, wait_s: float | None = None) -> Iterator[None]:
    """Wait until it is this thread's turn to write to SQLite. Raises Overloaded."""
    queue = _queues.get(engine)
    if queue is not None and not queue.take(WRITER_WAIT_S if wait_s is None else wait_s):
        raise overloaded()
    try:
        yield
    finally:
        if queue is not None:
            queue.give_back()


@contextmanager
def transaction(*, durable: bool = True) -> Iterator[Session]:
    """One entry, one transaction: commits on success, rolls back on any exception.

    Ends what was read before, then begins a write. Refuses to nest. Raises Overloaded when no
    connection or lock is to be had in time and ChangedMeanwhile when a version was overtaken.

    Not `durable`: a power cut may undo it, together with all that followed it and was not durable
    either; the end of a process cannot. Only for what whoever asked will do again by itself.
    """
    engine = cast(Engine, end_reading().get_bind())
    with turn_to_write(engine), in_turn(durable=durable) as session:
        yield session


def end_reading() -> Session:
    """End what the session has read, for who waits for a turn to write next. Refuses to nest."""
    session = db.session()
    if session.info.get("writing"):
        raise RuntimeError("transaction() does not nest; use savepoint()")
    session.rollback()
    return session


@contextmanager
def in_turn(*, durable: bool) -> Iterator[Session]:
    """The transaction of who has the turn to write already; as `transaction()` otherwise."""
    session = db.session()
    session.info.update(writing=True, waiting=[])
    try:
        session.connection(execution_options={"suicha_write": True, "suicha_durable": durable})
        yield session
        session.flush()
        _write_also(session)
        for step in _closing_steps:
            step(session)
        session.commit()
    except (OperationalError, PoolTimeout) as error:
        session.rollback()
        if is_overload(error):
            raise overloaded() from error
        raise
    except StaleDataError as error:
        session.rollback()
        raise ChangedMeanwhile("该内容刚刚被他人修改，请刷新后重试。") from error
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("writing", None)
        session.info.pop("waiting", None)
        session.info.pop("also_write", None)
        session.info.pop("above", None)


def giving_way(most_s: float) -> Callable[[], None]:
    """Return what to call between two pieces of long work outside a transaction.

    It waits while another thread of this process writes to SQLite, `most_s` in all: the work would
    take the interpreter from the thread for which every other process waits.
    """
    queue, left_s = _queues.get(db.engine), most_s

    def give_way() -> None:
        nonlocal left_s
        if queue is not None:
            left_s = queue.give_way(left_s)

    return give_way


def _write_also(session: Session) -> None:
    """Write what stands beside the effect; another request may have been first with the same."""
    session.add_all(session.info.pop("also_write", []))
    try:
        session.flush()
    except IntegrityError as error:
        raise UnderWay("相同的请求正在处理或已经处理，请稍后查看结果。") from error


def insert_rows(model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write new rows, each naming every column, in one statement past the session.

    For what is written by the hundred and read by nobody in this transaction: the session keeps
    nothing of it. A value is prepared for the database as everywhere, a column at a time. Raises
    what the database says.
    """
    if rows:
        _insert(model, rows)


def put_rows(model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, each naming every column, over those of the same key, past the session."""
    if rows:
        _insert(model, rows, _instead(cast(sa.Table, model.__table__)))


@lru_cache
def _instead(table: sa.Table) -> str:
    key = [column.name for column in table.primary_key]
    rest = [column.name for column in table.columns if column.name not in key]
    return (
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET "
        f"{', '.join(f'{name} = excluded.{name}' for name in rest)}"
    )


def insert_unless(model: type[Base], row: Mapping[str, Any], *, unique: Sequence[str]) -> bool:
    """Write a new row at once, past the session, unless there is one with the same values in
    `unique`; tell whether it was written."""
    return _insert(model, [row], f" ON CONFLICT ({', '.join(unique)}) DO NOTHING") == 1


def add_unless(row: Base, *, unique: Sequence[str]) -> bool:
    """As `insert_unless`, and the session has the row then like one that it read.

    Every column is written as it is in `row`, without defaults.
    """
    model = type(row)
    values = {column.key: getattr(row, column.key) for column in model.__table__.columns}
    if not insert_unless(model, values, unique=unique):
        return False
    make_transient_to_detached(row)
    db.session.add(row)
    return True


def _insert(model: type[Base], rows: Sequence[Mapping[str, Any]], also: str = "") -> int:
    """Return how many rows were written."""
    connection = db.session().connection()
    statement, columns = _insertion(cast(sa.Table, model.__table__), connection.dialect)
    values = [_prepared([row[name] for row in rows], prepare) for name, prepare in columns]
    done = connection.exec_driver_sql(
        statement + also,
        list(zip(*values, strict=True)),
        execution_options={"preserve_rowcount": True},
    )
    return done.rowcount


@lru_cache
def _insertion(
    table: sa.Table, dialect: sa.Dialect
) -> tuple[str, list[tuple[str, Callable[[Any], Any] | None]]]:
    """Return the statement that inserts a row by position, and how each column's value is bound."""
    place = "?" if dialect.paramstyle == "qmark" else "%s"
    names = [column.name for column in table.columns]
    quoted = ", ".join(dialect.identifier_preparer.quote(name) for name in names)
    places = ", ".join([place] * len(names))
    statement = f"INSERT INTO {table.name} ({quoted}) VALUES ({places})"  # noqa: S608 - our names
    types = [column.type.dialect_impl(dialect) for column in table.columns]
    prepare = [one.bind_processor(dialect) for one in types]
    return statement, list(zip(names, prepare, strict=True))


def _prepared(values: list[Any], prepare: Callable[[Any], Any] | None) -> list[Any]:
    """Return a column's values as its database takes them; one that all rows share, once."""
    if prepare is None:
        return values
    first = values[0]
    if values[-1] is first and values.count(first) == len(values):
        return [prepare(first)] * len(values)
    return [prepare(value) for value in values]


def is_overload(error: Exception) -> bool:
    """Tell a locked or exhausted database from a broken one."""
    if isinstance(error, PoolTimeout):
        return True
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return getattr(cause, "sqlstate", None) in {"53300", "55P03", "40P01", "57014"}


@contextmanager
def savepoint() -> Iterator[None]:
    """A part that may fail alone: an exception undoes its rows and its waiting journal entries.

    The exception goes on to the caller. Objects made inside are then detached: keep ids.
    """
    session = db.session()
    waiting: list[Any] = session.info["waiting"]
    mark = len(waiting)
    nested = session.begin_nested()
    try:
        yield
        session.flush()
    except BaseException:
        nested.rollback()
        del waiting[mark:]
        raise
    nested.commit()


class Entity:
    """Mixin of every journalled row: UUIDv7 key, version for optimistic locking, district, agency.

    `version` begins at 1 and rises with every change of the row; an UPDATE that finds another
    version raises StaleDataError, which `transaction()` turns into ChangedMeanwhile.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int] = mapped_column(nullable=False)
    district: Mapped[str] = mapped_column(index=True)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy's form
        return {"version_id_col": cls.version}


def touch(entity: Entity) -> None:
    """Let the version of an entity rise although only rows that it guards changed."""
    flag_modified(entity, "district")


def set_changed(row: Any, wanted: Mapping[str, Any]) -> list[str]:
    """Set what differs and return the names of the fields that changed."""
    changed = [name for name, value in wanted.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, wanted[name])
    return sorted(changed)
