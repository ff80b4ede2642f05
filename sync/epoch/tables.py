"""Every table as lines of JSON, the same for both databases, and back again.

One form for SQLite and PostgreSQL needs no tool of either, and lets an office move from one to the
other. A table's first line names its columns and their kinds, so that it can be read by a later
release; each further line is a row, in the order of the primary key. What is JSON in the database
is kept as its text, byte for byte.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import UtcDateTime

CHUNK_ROWS = 500
CHUNK_BYTES = 256 * 1024


class Unreadable(ValueError):
    """A table's file is not what it should be; the message says why."""


@dataclass
class Written:
    """What is known of a table's file once it was read to its end."""

    rows: int = 0
    rows_sha256: str = ""


_KINDS: Mapping[str, type[sa.types.TypeEngine[Any]]] = {
    "uuid": sa.Uuid,
    "instant": UtcDateTime,
    "date": sa.Date,
    "json": sa.JSON,
    "bytes": sa.LargeBinary,
    "bool": sa.Boolean,
    "int": sa.BigInteger,
    "text": sa.Text,
}
_TO_TEXT: Mapping[str, Callable[[Any], Any]] = {
    "uuid": str,
    "instant": datetime.isoformat,
    "date": date.isoformat,
    "bytes": lambda value: base64.b64encode(bytes(value)).decode(),
}
_FROM_TEXT: Mapping[str, Callable[[Any], Any]] = {
    "uuid": UUID,
    "instant": datetime.fromisoformat,
    "date": date.fromisoformat,
    "bytes": base64.b64decode,
}


def kind_of(column: sa.Column[Any]) -> str:
    """Return the kind of a column. Raises TypeError for a type that no table has had so far."""
    for kind, type_ in _KINDS.items():
        if isinstance(column.type, type_):
            return kind
    raise TypeError(f"{column} has a type that a backup does not know")


# --- out ---------------------------------------------------------------------------------------


def dump(connection: Connection, table: sa.Table, written: Written) -> Iterator[bytes]:
    """Yield a table's file, compressed; `written` is filled when it has ended."""
    columns = [(column.name, kind_of(column)) for column in table.columns]
    header = json.dumps({"table": table.name, "columns": columns}).encode() + b"\n"
    yield from _compressed(_lines(header, connection, table, columns, written))


def _lines(
    header: bytes,
    connection: Connection,
    table: sa.Table,
    columns: Sequence[tuple[str, str]],
    written: Written,
) -> Iterator[bytes]:
    digest = hashlib.sha256(header)
    yield header
    ways = [_TO_TEXT.get(kind) for _, kind in columns]
    for row in connection.execute(_select(connection, table, columns)):
        line = json.dumps(
            [
                value if way is None or value is None else way(value)
                for way, value in zip(ways, row, strict=True)
            ],
            ensure_ascii=False,
            separators=(",", ":"),
        )
        data = line.encode("utf-8", "surrogatepass") + b"\n"
        digest.update(data)
        written.rows += 1
        yield data
    written.rows_sha256 = digest.hexdigest()


def _select(
    connection: Connection, table: sa.Table, columns: Sequence[tuple[str, str]]
) -> sa.Select[Any]:
    """Select a table by primary key, text in the order of its bytes on either database."""
    shown = [
        sa.cast(table.c[name], sa.Text) if kind == "json" else table.c[name]
        for name, kind in columns
    ]
    bytewise = connection.dialect.name == "postgresql"
    order = [
        column.collate("C") if bytewise and isinstance(column.type, sa.Text) else column
        for column in table.primary_key.columns
    ]
    return sa.select(*shown).order_by(*order).execution_options(yield_per=CHUNK_ROWS)


class _Sink:
    """Takes what the compressor writes until somebody asks for it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self.pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        found, self.pieces, self.size = b"".join(self.pieces), [], 0
        return found


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    sink = _Sink()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=3, fileobj=sink, mtime=0) as packed:
        for line in lines:
            packed.write(line)
            if sink.size >= CHUNK_BYTES:
                yield sink.take()
    yield sink.take()


def compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines compressed as tables are."""
    return _compressed(lines)


# --- in ----------------------------------------------------------------------------------------


def read_lines(stream: BinaryIO, read: Written | None = None) -> Iterator[bytes]:
    """Yield the lines of a compressed file. Raises Unreadable where it is none or is cut short."""
    digest = hashlib.sha256()
    rows = -1  # the header is none
    try:
        with gzip.GzipFile(fileobj=stream) as packed:
            for line in packed:
                digest.update(line)
                rows += 1
                yield line
    except (OSError, EOFError) as error:
        raise Unreadable(f"not a compressed file, or cut short: {error}") from error
    if read is not None:
        read.rows, read.rows_sha256 = rows, digest.hexdigest()


def load(connection: Connection, stream: BinaryIO, name: str, read: Written) -> None:
    """Write the rows of a table's file into its empty table; `read` is filled at the end.

    Raises Unreadable for a file of another table or of a form that this release does not know.
    """
    lines = read_lines(stream, read)
    columns = _columns(next(lines, b""), name)
    statement = _insert(connection, name, columns)
    ways = [_FROM_TEXT.get(kind) for _, kind in columns]
    batch: list[dict[str, Any]] = []
    for line in lines:
        batch.append(_row(line, columns, ways))
        if len(batch) == CHUNK_ROWS:
            connection.execute(statement, batch)
            batch = []
    if batch:
        connection.execute(statement, batch)


def _columns(header: bytes, name: str) -> list[tuple[str, str]]:
    try:
        found = json.loads(header)
        columns = [(str(column), str(kind)) for column, kind in found["columns"]]
        right = found["table"] == name and all(kind in _KINDS for _, kind in columns)
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{name}: the first line does not name the columns") from error
    if not right:
        raise Unreadable(f"{name}: the file is another table's, or of a later form")
    return columns


def _row(
    line: bytes,
    columns: Sequence[tuple[str, str]],
    ways: Sequence[Callable[[Any], Any] | None],
) -> dict[str, Any]:
    values = json.loads(line.decode("utf-8", "surrogatepass"))
    return {
        f"new_{name}": value if way is None or value is None else way(value)
        for (name, _), way, value in zip(columns, ways, values, strict=True)
    }


def _insert(
    connection: Connection, name: str, columns: Sequence[tuple[str, str]]
) -> sa.sql.dml.Insert:
    """Return the statement for rows as `_row` makes them, for these columns and no model."""
    table = sa.table(name, *(sa.column(column, _KINDS[kind]()) for column, kind in columns))
    as_json = connection.dialect.name == "postgresql"
    values: dict[str, Any] = {}
    for column, kind in columns:
        given = sa.bindparam(f"new_{column}", type_=sa.Text() if kind == "json" else _KINDS[kind]())
        if kind == "json":
            values[column] = (
                sa.cast(given, sa.JSON) if as_json else sa.type_coerce(given, sa.Text())
            )
        else:
            values[column] = given
    return sa.insert(table).values(values)
