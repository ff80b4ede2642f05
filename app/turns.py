"""Turns: so many requests work at once, the others wait, for their body or for their turn.

A thread that waits costs nothing, a thread that works takes the interpreter and a connection from
the others. So the web process has many threads and few turns: a body is read before the turn is
taken, or, where it is streamed, the turn is given back while the line brings nothing. Who waits too
long for a turn is told to come again later, before anything was done.
"""

import io
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

REFUSED = "suicha.no-turn"
TURN = "suicha.turn"
READ_FIRST_BYTES = 1 << 20
_WITHOUT = frozenset({"/healthz", "/readyz", "/metrics"})


class Turns:
    """A number of turns; who comes back from waiting for a body goes before who is new."""

    def __init__(self, count: int) -> None:
        self._free = self._all = count
        self._ended_at = time.monotonic()
        self._returning = 0
        self._changed = threading.Condition()

    def take(self, wait_s: float) -> bool:
        """Take a turn; False when none was free for so long."""
        until = time.monotonic() + wait_s
        with self._changed:
            while self._free < 1 or self._returning:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return False
            self._free -= 1
            return True

    def take_again(self) -> None:
        """Take a turn after a pause, however long that takes."""
        with self._changed:
            self._returning += 1
            while self._free < 1:
                self._changed.wait()
            self._returning -= 1
            self._free -= 1
            if self._free:
                self._changed.notify()

    def quiet_s(self) -> float:
        """Return since when nobody has had a turn; 0 while somebody has."""
        with self._changed:
            return time.monotonic() - self._ended_at if self._free == self._all else 0.0

    def give_back(self) -> None:
        """Let the next one work."""
        with self._changed:
            self._free += 1
            self._ended_at = time.monotonic()
            self._changed.notify_all()


class Turn:
    """The turn of one request, given back while it waits for its body."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        self._turns.give_back()

    def __exit__(self, *_: object) -> None:
        self._turns.take_again()


class CutShort(io.RawIOBase):
    """What came of a body whose line broke: to be read, and then the break, as on the line."""

    def __init__(self, came: bytes) -> None:
        self._came = io.BytesIO(came)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer. Raises OSError at the end."""
        found = self._came.readinto(buffer)
        if len(buffer) and not found:
            raise OSError("the body was cut short")
        return found


class Queue:
    """Wraps an application, so that at most `count` of its requests work at once.

    Who had no turn within `wait_s` reaches the application all the same, with REFUSED in its
    environment, to be told so in the application's own form. `streamed` are the content types
    whose bodies are read by the view, piece by piece, and not before.
    """

    def __init__(self, inner: Wsgi, *, count: int, wait_s: float, streamed: frozenset[str]) -> None:
        self.inner, self.wait_s, self.streamed = inner, wait_s, streamed
        self.turns = Turns(count)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in _WITHOUT:
            return self.inner(environ, start_response)
        self._read_first(environ)
        if not self.turns.take(self.wait_s):
            environ[REFUSED] = True
            return self.inner(environ, start_response)
        environ[TURN] = Turn(self.turns)
        try:
            return self.inner(environ, start_response)
        finally:
            self.turns.give_back()

    def _read_first(self, environ: dict[str, Any]) -> None:
        """Read a small body now; one that breaks off is handed on as short as it came."""
        length = environ.get("CONTENT_LENGTH") or "0"
        kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if not length.isascii() or not length.isdigit() or kind in self.streamed:
            return
        if 0 < int(length) <= READ_FIRST_BYTES:
            body = b""
            with suppress(OSError):
                body = environ["wsgi.input"].read(int(length))
            whole = len(body) == int(length)
            environ["wsgi.input"] = io.BytesIO(body) if whole else CutShort(body)
