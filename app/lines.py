"""Connections lent for one statement, past the session.

The session takes longer to begin and end a transaction than most statements take. What is one
statement by itself, a read that need not be of the same moment as any other or a change that
nothing goes with, can do without it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection

from app.db import (
    READ_COMMITTED,
    db,
    how_to_wait,
    is_overload,
    overloaded,
    stop_reading,
    turn_to_write,
)


class Line:
    """A connection of the pool, for one statement."""

    def __init__(self, lent: PoolProxiedConnection, dialect: sa.Dialect) -> None:
        self.dialect = dialect
        self._lent = lent
        self._raw: Any = lent.dbapi_connection

    def run(self, text: str, given: Any) -> Any:
        """Return the driver's cursor. Raises what SQLAlchemy would for the driver's error."""
        return execute(self._raw, self.dialect, text, given, lost=self._lent.invalidate)

    def begin(self, *, durable: bool) -> None:
        """Let the next statement write; on SQLite it is a transaction by itself."""
        if self.dialect.name == "sqlite":
            if pragma := how_to_wait(self._lent.info, durable):
                self.run(pragma, ())
            return
        self._raw.read_only, self._raw.isolation_level = False, READ_COMMITTED
        if not durable:
            self.run("SET LOCAL synchronous_commit = off", None)

    def commit(self) -> None:
        """Let what was written count."""
        if self.dialect.name != "sqlite":
            self.run("COMMIT", None)


@contextmanager
def reading() -> Iterator[Line]:
    """A connection for one read."""
    engine = db.engine
    lent = _lent(engine)
    try:
        if engine.dialect.name == "sqlite":
            yield Line(lent, engine.dialect)
        else:
            with _by_itself(lent.dbapi_connection):
                yield Line(lent, engine.dialect)
    finally:
        lent.close()


@contextmanager
def _by_itself(raw: Any) -> Iterator[None]:
    """Spare PostgreSQL a transaction around one read."""
    raw.autocommit = True
    try:
        yield
    finally:
        if not raw.closed:
            raw.autocommit = False


@contextmanager
def writing(*, durable: bool) -> Iterator[Line]:
    """A connection for one statement that writes, which is then a transaction by itself.

    Ends what the session has read. Nothing is journalled. `durable` and Overloaded as for
    `app.db.transaction`.
    """
    stop_reading()
    engine = db.engine
    try:
        with turn_to_write(engine):
            lent = _lent(engine)
            try:
                line = Line(lent, engine.dialect)
                line.begin(durable=durable)
                yield line
                line.commit()
            finally:
                lent.close()  # and with it what was not committed
    except (OperationalError, PoolTimeout) as error:
        if is_overload(error):
            raise overloaded() from error
        raise


def _lent(engine: Engine) -> PoolProxiedConnection:
    driver: Any = engine.dialect.dbapi
    try:
        return engine.raw_connection()
    except driver.Error as error:
        raise _as_sqlalchemy(error, engine.dialect, "") from error


def execute(
    raw: Any, dialect: sa.Dialect, text: str, given: Any, *, lost: Callable[[Any], object]
) -> Any:
    """Run a statement at the driver and return its cursor.

    Raises what SQLAlchemy would for the driver's error; a connection that broke is `lost`.
    """
    driver: Any = dialect.dbapi
    try:
        if dialect.name == "sqlite":
            return raw.execute(text, given)
        return raw.execute(text, given, binary=True)
    except driver.Error as error:
        if dialect.is_disconnect(error, raw, None):
            lost(error)
        raise _as_sqlalchemy(error, dialect, text, given) from error


def _as_sqlalchemy(
    error: BaseException, dialect: sa.Dialect, text: str, given: Any = None
) -> BaseException:
    driver: Any = dialect.dbapi
    return sa.exc.DBAPIError.instance(text, given, error, driver.Error, dialect=dialect)
