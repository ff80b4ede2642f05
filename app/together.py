"""Work of several threads in one transaction, for a database that has one writer at a time.

To begin, to commit and to wait for the disk takes SQLite as long for one batch of a tablet as for
four. So whoever comes to its turn to write takes along what other threads of its process have
waiting for theirs: piece after piece, in the order in which they came, with one closing step and
one commit. Nobody's piece can spoil another's: where anything fails, all of it is undone and each
thread does its own piece alone.

PostgreSQL has many writers; there every piece is a transaction of its own.
"""

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from threading import Condition, Lock
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from app.db import (
    WRITER_WAIT_S,
    Overloaded,
    end_reading,
    has_one_writer,
    in_turn,
    overloaded,
    transaction,
    turn_to_write,
)

log = structlog.get_logger()
T = TypeVar("T")
MOST = 8  # pieces in one transaction: whoever waits for the next turn waits no longer


class _Step(Enum):
    """How far a piece is. What its leader leaves at TAKEN is done alone, whatever became of him."""

    WAITING = auto()
    TAKEN = auto()
    WRITTEN = auto()
    REFUSED = auto()  # the database could not be had in time: alone it would wait as long again


@dataclass(eq=False)
class _Piece:
    """What one thread wants written, until when it waits for its turn, and how far that is."""

    work: Callable[[], Any]
    of: Hashable
    durable: bool
    until: float
    step: _Step = _Step.WAITING
    ended: bool = False
    result: Any = None

    @property
    def left_s(self) -> float:
        return max(self.until - time.monotonic(), 0)


class _Table:
    """The pieces that the threads of this process have waiting for one database, oldest first.

    The first of them leads: its thread waits for the turn to write, for all.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: list[_Piece] = []
        self._led = False

    def write(self, engine: Engine, piece: _Piece) -> None:
        """Return when a piece is written, by this thread or another, or is to be done alone."""
        if not self._is_to_lead(piece):
            return
        taken: list[_Piece] = []
        try:
            with turn_to_write(engine, piece.left_s):
                self._take_along(taken)
                _write(taken)
        finally:
            self._end(piece, taken)

    def _is_to_lead(self, piece: _Piece) -> bool:
        """Wait until the piece has been done or it falls to this thread to lead."""
        with self._changed:
            self._waiting.append(piece)
            try:
                while not piece.ended and not self._falls_to(piece):
                    self._wait(piece)
            except BaseException:
                self._drop(piece)  # it would lead one day, and nobody with it
                raise
            self._led = self._led or not piece.ended
            return not piece.ended

    def _falls_to(self, piece: _Piece) -> bool:
        return not self._led and self._waiting[0] is piece

    def _wait(self, piece: _Piece) -> None:
        """Wait for a change: within the bound, or until who writes the piece has ended."""
        if piece.step is not _Step.WAITING:
            self._changed.wait()
        elif not piece.left_s:
            raise overloaded()
        else:
            self._changed.wait(piece.left_s)

    def _drop(self, piece: _Piece) -> None:
        if piece in self._waiting:
            self._waiting.remove(piece)
            self._changed.notify_all()

    def _take_along(self, taken: list[_Piece]) -> None:
        """Take what is written in this turn, in the order in which it came; one of a kind."""
        with self._changed:
            kinds = set()
            for piece in list(self._waiting):
                if piece.of not in kinds and len(taken) < MOST:
                    kinds.add(piece.of)
                    taken.append(piece)
                    piece.step = _Step.TAKEN
                    self._waiting.remove(piece)

    def _end(self, own: _Piece, taken: Sequence[_Piece]) -> None:
        with self._changed:
            self._led = False
            for piece in taken:
                piece.ended = True
            self._drop(own)
            self._changed.notify_all()


_tables: WeakKeyDictionary[Engine, _Table] = WeakKeyDictionary()
_making = Lock()


def write_together(work: Callable[[], T], *, of: Hashable, durable: bool = True) -> T:
    """Return what `work` comes to, committed; perhaps in one transaction with that of others.

    `work` runs in a write transaction, in this thread or another one's: it asks nothing of the
    request, returns plain values, and can be begun again after all it did was undone. Of two
    pieces `of` the same, neither is in the transaction of the other. Raises what `work` raises, and
    as `transaction()` does; `durable` as there.
    """
    engine = cast(Engine, end_reading().get_bind())
    piece = _Piece(work, of, durable, time.monotonic() + WRITER_WAIT_S)
    if has_one_writer(engine):
        _table(engine).write(engine, piece)
    if piece.step is _Step.WRITTEN:
        return cast(T, piece.result)
    if piece.step is _Step.REFUSED:
        raise overloaded()
    with transaction(durable=durable):
        return work()


def _table(engine: Engine) -> _Table:
    with _making:
        return _tables.setdefault(engine, _Table())


def _write(pieces: Sequence[_Piece]) -> None:
    """Do pieces in one transaction. What fails with others in it is left to be done alone."""
    begun = False
    try:
        with in_turn(durable=any(piece.durable for piece in pieces)) as session:
            begun = True
            for piece in pieces:
                piece.result = piece.work()
                if len(pieces) > 1:
                    _part_from(session)
    except Exception as error:
        if len(pieces) == 1:
            raise
        if begun or not isinstance(error, Overloaded):
            log.info("written apart", pieces=len(pieces), why=type(error).__name__)
            return
    for piece in pieces:
        piece.step = _Step.WRITTEN if begun else _Step.REFUSED


def _part_from(session: Session) -> None:
    """Let the next piece find the session as if it had one of its own.

    What a savepoint undid in a row that stays is read once more: the closing step asks for it.
    """
    session.flush()
    for row in list(session.identity_map.values()):
        if cast(Any, sa.inspect(row)).expired:
            session.refresh(row)
    session.expunge_all()
