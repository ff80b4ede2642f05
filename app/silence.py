"""Bodies whose sender is silent or slow: given up, so that the request's thread is free.

The web server (granian) waits for the rest of a body for ever, knows no limit for it, and a read
cannot be broken off from outside. But the process owns its sockets: a watch looks for reads that
last too long and closes the receiving half of the connections, from the same address, that brought
next to nothing for as long. To the reader that is the end of the line; an answer still goes out.
The more threads wait for bodies, the shorter is the patience with each.
Linux only: elsewhere a reverse proxy has to do it.
"""

import io
import os
import socket
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app.turns import TURN

FLAG = "suicha.silent"
PIECE_BYTES = (1 << 12, 1 << 18)  # so much has to come within the limit: slow, quick
QUICK_S = 0.1
LOOK_S = 0.25
CROWDED = ((0.75, 1.0), (0.5, 3.0))  # this share of the threads waits for bodies: limit in seconds
# places in the kernel's struct tcp_info: milliseconds since data went and came, bytes that came
_TCP_INFO_BYTES, _LAST_DATA_SENT, _LAST_DATA_RECV, _BYTES_RECEIVED = 136, 44, 52, 128

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Input(Protocol):
    """What a server hands over as `wsgi.input`."""

    def read(self, size: int, /) -> bytes: ...


class SenderSilent(OSError):
    """Nothing came for as long as the limit; what came before was handed on."""


class PatientInput(io.RawIOBase):
    """A body read in pieces under the eyes of a watch: `read` raises SenderSilent once cut off."""

    def __init__(self, source: Input, environ: dict[str, Any], patience: "Patience") -> None:
        self._source, self._environ, self._patience = source, environ, patience
        self._step = PIECE_BYTES[0]
        self.address: str = environ.get("REMOTE_ADDR", "")
        self.waiting_since: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the body goes."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def readall(self) -> bytes:
        """Return the rest of the body."""
        return self.read(-1)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes (None, -1: all); less only where the body ends or stops."""
        left = -1 if size is None else size
        pieces: list[bytes] = []
        while left:
            piece = self._piece(self._step if left < 0 else min(self._step, left))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece) if left > 0 else 0
        if not pieces and left and FLAG in self._environ:
            raise SenderSilent("the sender of the body is silent")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        if FLAG in self._environ:
            return b""
        self.waiting_since = began = time.monotonic()
        try:
            with self._environ.get(TURN) or nullcontext():
                found = self._source.read(size)
        finally:
            self.waiting_since = None
        quick = time.monotonic() - began < QUICK_S
        self._step = min(self._step * 16, PIECE_BYTES[1]) if quick else PIECE_BYTES[0]
        return found

    def give_up(self) -> None:
        """Note that the line is cut off: the read under way is the last one."""
        self._environ[FLAG] = True


class Patience:
    """Wraps an application, so that every body it reads is a PatientInput.

    `threads`: how many requests may wait at once; with many of them waiting for bodies the limit is
    that of CROWDED.
    """

    def __init__(
        self,
        inner: Wsgi,
        *,
        limit_s: float,
        threads: int = 64,
        cut: Callable[[str, float], object] | None = None,
    ) -> None:
        self.inner, self.limit_s, self.threads = inner, limit_s, threads
        self._lines = Lines()
        self._cut = cut or self._lines.cut
        self._bodies: set[PatientInput] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, name="silence", daemon=True).start()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH") in (None, "", "0") and not environ.get(
            "HTTP_TRANSFER_ENCODING"
        ):
            return self.inner(environ, start_response)
        body = PatientInput(environ["wsgi.input"], environ, self)
        environ["wsgi.input"] = body
        with self._lock:
            self._bodies.add(body)
        try:
            return self.inner(environ, start_response)
        finally:
            with self._lock:
                self._bodies.discard(body)

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_S)
            now = time.monotonic()
            with self._lock:
                since = [(body, body.waiting_since) for body in self._bodies]
            waited = {body: now - begun for body, begun in since if begun is not None}
            self._lines.look(now if waited else None)
            limit_s = self._limit_s(sum(seconds > LOOK_S for seconds in waited.values()))
            late = [body for body, seconds in waited.items() if seconds > limit_s]
            for body in late:
                body.give_up()
            for address in {body.address for body in late}:
                self._cut(address, limit_s)

    def _limit_s(self, waiting: int) -> float:
        crowded = (s for share, s in CROWDED if waiting >= share * self.threads)
        return min(self.limit_s, next(crowded, self.limit_s))


@dataclass
class Line:
    """A connection of this process: since when it brought less than a piece, counted from there."""

    slow_since: float
    bytes_then: int


class Lines:
    """What the kernel knows of this process's connections.

    A server gives nobody the socket of a request, so it goes by address, and by what came and went:
    whoever is hit besides brought next to nothing and got no answer for as long either, an idle
    connection, or one whose answer takes longer than the limit.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Line] = {}

    def look(self, now: float | None) -> None:
        """Note what came until now; None: nobody waits, nothing is worth knowing."""
        if now is None:
            self._known.clear()
            return
        seen: dict[tuple[str, int], Line] = {}
        for found, peer in _connections():
            with suppress(OSError):
                came = _info(found)[2]
                line = self._known.get(peer)
                if line is None or came - line.bytes_then >= PIECE_BYTES[0]:
                    line = Line(now, came)
                seen[peer] = line
        self._known = seen

    def cut(self, address: str, limit_s: float) -> int:
        """End receiving on the connections from an address that were slow so long.

        Returns how many.
        """
        now, cut = time.monotonic(), 0
        for found, peer in _connections():
            with suppress(OSError):
                if peer[0] == address and self._is_slow(found, peer, now, limit_s):
                    found.shutdown(socket.SHUT_RD)
                    cut += 1
        return cut

    def _is_slow(
        self, found: socket.socket, peer: tuple[str, int], now: float, limit_s: float
    ) -> bool:
        sent_s, came_s, _ = _info(found)
        line = self._known.get(peer)
        slow = line is not None and now - line.slow_since >= limit_s - 2 * LOOK_S
        return sent_s >= limit_s and (came_s >= limit_s or slow)


def _connections() -> Iterator[tuple[socket.socket, tuple[str, int]]]:
    """Give this process's connections with their peers, each open while it is looked at."""
    if sys.platform != "linux":
        return
    for entry in Path("/dev/fd").iterdir():
        with suppress(OSError):
            descriptor = int(entry.name)
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            with socket.socket(fileno=os.dup(descriptor)) as found:
                internet = found.family in (socket.AF_INET, socket.AF_INET6)
                if internet and found.type == socket.SOCK_STREAM:
                    yield found, found.getpeername()[:2]


def _info(found: socket.socket) -> tuple[float, float, int]:
    """Return the seconds since data went and came, and how many bytes came in all."""
    info = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    (sent_ms,) = struct.unpack_from("=I", info, _LAST_DATA_SENT)
    (came_ms,) = struct.unpack_from("=I", info, _LAST_DATA_RECV)
    (came_bytes,) = struct.unpack_from("=Q", info, _BYTES_RECEIVED)
    return sent_ms / 1000, came_ms / 1000, came_bytes
