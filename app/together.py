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
from threading import Condition, Lock
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy.engine import Engine

from app.db import (
    WRITER_WAIT_S,
    Overloaded,
    end_reading,
    has_one_writer,
    in_turn,
    transaction,
    turn_to_write,
)

T = TypeVar("T")
MOST = 8  # pieces in one transaction: whoever waits for the next turn waits no longer


@dataclass(eq=False)
class _Piece:
    """What one thread wants written, and how far that is."""

    work: Callable[[], Any]
    of: Hashable
    durable: bool
    taken: bool = False
    ended: bool = False
    alone: bool = False
    result: Any = None


class _Table:
    """The pieces that the threads of this process have waiting for one database."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: list[_Piece] = []
        self._led = False

    def write(self, engine: Engine, piece: _Piece) -> None:
        """Return when a piece is committed, by this thread or another, or is to be done alone."""
        if not self._is_to_lead(piece):
            return
        taken: Sequence[_Piece] = ()
        try:
            with turn_to_write(engine):
                taken = self._take_along(piece)
                _write(taken)
        finally:
            self._end(piece, taken)

    def _is_to_lead(self, piece: _Piece) -> bool:
        """Wait until the piece has been done or it falls to this thread to lead."""
        until = time.monotonic() + WRITER_WAIT_S
        with self._changed:
            self._waiting.append(piece)
            while not piece.ended and (piece.taken or self._led):
                left = None if piece.taken else until - time.monotonic()
                if left is not None and left <= 0:
                    self._waiting.remove(piece)
                    raise Overloaded("服务器正忙，请稍后重试；数据没有写入。")
                self._changed.wait(left)
            self._led = self._led or not piece.ended
            return not piece.ended

    def _take_along(self, own: _Piece) -> list[_Piece]:
        """Return what is written in this turn, in the order in which it came; one of a kind."""
        with self._changed:
            kinds, found = {own.of}, []
            for piece in self._waiting:
                if piece is own:
                    found.append(piece)
                elif piece.of not in kinds and len(found) < MOST:
                    kinds.add(piece.of)
                    found.append(piece)
            for piece in found:
                piece.taken = True
                self._waiting.remove(piece)
            return found

    def _end(self, own: _Piece, taken: Sequence[_Piece]) -> None:
        with self._changed:
            self._led = False
            for piece in taken:
                piece.ended = True
            if not own.taken:
                self._waiting.remove(own)
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
    piece = _Piece(work, of, durable)
    if has_one_writer(engine):
        _table(engine).write(engine, piece)
    if piece.ended and not piece.alone:
        return cast(T, piece.result)
    with transaction(durable=durable):
        return work()


def _table(engine: Engine) -> _Table:
    with _making:
        return _tables.setdefault(engine, _Table())


def _write(pieces: Sequence[_Piece]) -> None:
    """Do pieces in one transaction. What fails with others in it is left to be done alone."""
    try:
        with in_turn(durable=any(piece.durable for piece in pieces)) as session:
            for piece in pieces:
                piece.result = piece.work()
                if len(pieces) > 1:  # the next one finds the session as if it had one of its own
                    session.flush()
                    session.expunge_all()
    except BaseException as error:
        if len(pieces) == 1:
            raise
        for piece in pieces:
            piece.alone = True
        if not isinstance(error, Exception):
            raise
