"""Statements of almost every request: compiled once for each database, run at its driver.

SQLAlchemy looks a statement up, wraps its parameters and describes its rows anew each time; for a
read of one row that takes several times as long as the read. What runs here is of the session's
transaction like everything else, and fails like it. A list goes to the database as one parameter,
so that the statement is the same however long the list is.
"""

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.orm import Session

from app import lines
from app.db import db, has_begun

Statement = sa.Select[Any] | sa.CompoundSelect[Any] | sa.Update | sa.TextClause
_Convert = Callable[[Any], Any] | None
_LIST = re.compile(r"(NOT )?IN \(__\[POSTCOMPILE_(\w+)\]\)")


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement as one database takes it: text, parameters in order, conversions."""

    text: str
    binds: tuple[tuple[str, Any, _Convert], ...]  # name, value where none is given, conversion
    positional: bool
    columns: tuple[tuple[int, Callable[[Any], Any]], ...]  # place, conversion

    def given(self, values: Mapping[str, Any]) -> Any:
        """Return the parameters as the driver takes them."""
        found = [
            (name, _converted(values.get(name, default), convert))
            for name, default, convert in self.binds
        ]
        return [value for _, value in found] if self.positional else dict(found)


class Prepared:
    """A statement with named parameters. One in plain SQL gives values as the driver does.

    A parameter that is `expanding` takes a list of any length.
    """

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._forms: dict[str, _Form] = {}

    @cached_property
    def _row(self) -> Any:
        columns: Any = getattr(self._statement, "selected_columns", None)
        return namedtuple("Row", columns.keys())

    def named(self, session: Session, /, **values: Any) -> list[Any]:
        """Return all rows on a session as tuples with the names of their columns."""
        form, cursor = self._run(session, values)
        make = self._row._make
        if form.columns:
            return [make(_read(row, form.columns)) for row in cursor.fetchall()]
        return [make(row) for row in cursor.fetchall()]

    def rows(self, **values: Any) -> list[Any]:
        """Return all rows as tuples. Raises what SQLAlchemy would for the driver's error."""
        form, cursor = self._run(db.session(), values)
        rows = list(cursor.fetchall())
        return [_read(row, form.columns) for row in rows] if form.columns else rows

    def change(self, **values: Any) -> int:
        """Change rows, in a transaction for writing; return how many. Raises as `rows` does.

        What the session has read of them it still has as it was.
        """
        return int(self._run(db.session(), values)[1].rowcount)

    def rows_alone(self, **values: Any) -> list[Any]:
        """Return all rows as `rows` does, in a connection lent for this one read.

        Costs a fraction of what it costs the session to begin, and is of no moment that the session
        sees later; where the session has begun already it is one of its reads.
        """
        if has_begun():
            return self.rows(**values)
        with lines.reading() as line:
            form = self._form(line.dialect)
            rows = line.run(form.text, form.given(values)).fetchall()
        return [_read(row, form.columns) for row in rows] if form.columns else list(rows)

    def change_alone(self, *, durable: bool = True, **values: Any) -> int:
        """Change rows in a transaction that is this one statement; return how many.

        Ends what the session has read. Raises Overloaded as `transaction` does.
        """
        with lines.writing(durable=durable) as line:
            form = self._form(line.dialect)
            return int(line.run(form.text, form.given(values)).rowcount)

    def _run(self, session: Session, values: Mapping[str, Any]) -> tuple[_Form, Any]:
        connection = _connection(session)
        dialect = connection.dialect
        form = self._form(dialect)
        raw: Any = connection.connection.dbapi_connection
        lost = connection.invalidate
        return form, lines.execute(raw, dialect, form.text, form.given(values), lost=lost)

    def _form(self, dialect: Dialect) -> _Form:
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _compile(self._statement, dialect)
        return form


def _connection(session: Session) -> Connection:
    """Return the connection of the session's transaction; asking for it costs more than a read."""
    known: tuple[Any, Connection] | None = session.info.get("prepared_on")
    if known is not None and known[0] is session.get_transaction():
        return known[1]
    connection = session.connection()
    session.info["prepared_on"] = session.get_transaction(), connection
    return connection


def _read(row: Sequence[Any], columns: Sequence[tuple[int, Callable[[Any], Any]]]) -> Any:
    values = list(row)
    for place, convert in columns:
        if values[place] is not None:
            values[place] = convert(values[place])
    return tuple(values)


def _converted(value: Any, convert: _Convert) -> Any:
    return value if convert is None or value is None else convert(value)


def _compile(statement: Statement, dialect: Dialect) -> _Form:
    compiled: Any = statement.compile(dialect=dialect)
    parameters = {name: parameter for parameter, name in compiled.bind_names.items()}
    names: Sequence[str] = compiled.positiontup or list(parameters)
    binds = tuple(
        (name, *_bind(compiled.params[name], parameters[name], dialect)) for name in names
    )
    processors = (
        column.type.dialect_impl(dialect).result_processor(dialect, None)
        for column in getattr(statement, "selected_columns", ())
    )
    columns = tuple((place, found) for place, found in enumerate(processors) if found)

    def list_of(name: re.Match[str]) -> str:
        return _list_of(name[2], parameters[name[2]], dialect, among=name[1] is None)

    return _Form(_LIST.sub(list_of, compiled.string), binds, bool(compiled.positiontup), columns)


def _list_of(name: str, parameter: Any, dialect: Dialect, *, among: bool) -> str:
    """Return the condition of being in a list that is one parameter, or of not being in it."""
    if dialect.name == "sqlite":
        listed = "IN (SELECT value FROM json_each(?))"
        return listed if among else f"NOT {listed}"
    kind = dialect.type_compiler_instance.process(parameter.type)
    listed = f"(%({name})s::{kind}[])"
    return f"= ANY{listed}" if among else f"<> ALL{listed}"


def _bind(value: Any, parameter: Any, dialect: Dialect) -> tuple[Any, _Convert]:
    """Return a parameter's value where none is given, and how one that is given is converted."""
    convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
    if not parameter.expanding:
        return value, convert
    as_json = dialect.name == "sqlite"

    def all_of(values: Sequence[Any]) -> Any:
        found = list(values) if convert is None else [convert(one) for one in values]
        return orjson.dumps(found).decode() if as_json else found

    if value is None:
        return None, all_of
    return all_of([str(one) if isinstance(one, str) else one for one in value]), None
