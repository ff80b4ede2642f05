"""Bodies whose sender falls silent: given up after a while, so that the request's thread is free.

The web server (granian) waits for the rest of a body for ever, knows no limit for it, and a read
cannot be broken off from outside. But the process owns its sockets: a watch looks for reads that
last too long and closes the receiving half of the connections, from the same address, on which the
kernel saw no data for as long. To the reader that is the end of the line; an answer still goes out.
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
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

FLAG = "suicha.silent"
PIECE_BYTES = (1 << 14, 1 << 18)  # so much has to come within the limit: slow, quick
QUICK_S = 0.1
LOOK_S = 0.25
_LAST_DATA_RECV = 52  # its place in the kernel's struct tcp_info, in milliseconds

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
            found = self._source.read(size)
        finally:
            self.waiting_since = None
        quick = time.monotonic() - began < QUICK_S
        self._step = min(self._step * 4, PIECE_BYTES[1]) if quick else PIECE_BYTES[0]
        return found

    def give_up(self) -> None:
        """Note that the line is cut off: the read under way is the last one."""
        self._environ[FLAG] = True


class Patience:
    """Wraps an application, so that every body it reads is a PatientInput."""

    def __init__(
        self, inner: Wsgi, *, limit_s: float, cut: Callable[[str, float], object] | None = None
    ) -> None:
        self.inner, self.limit_s = inner, limit_s
        self._cut = cut or cut_silent
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
                waiting = list(self._bodies)
            late = [
                body
                for body in waiting
                if body.waiting_since is not None and now - body.waiting_since > self.limit_s
            ]
            for body in late:
                body.give_up()
            for address in {body.address for body in late}:
                self._cut(address, self.limit_s)


def cut_silent(address: str, limit_s: float) -> int:
    """End receiving on this process's connections from an address that were silent so long.

    Returns how many. A server gives nobody the socket of a request, so it goes by address and by
    the kernel's own count of the time since the last data: whoever is hit besides had sent nothing
    for as long either, an idle connection, or one whose answer takes longer than the limit.
    """
    cut = 0
    for entry in Path("/dev/fd").iterdir():
        with suppress(OSError):
            cut += _cut_one(int(entry.name), address, limit_s)
    return cut


def _cut_one(descriptor: int, address: str, limit_s: float) -> bool:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode) or sys.platform != "linux":
        return False
    with socket.socket(fileno=os.dup(descriptor)) as found:
        internet = found.family in (socket.AF_INET, socket.AF_INET6)
        if not internet or found.type != socket.SOCK_STREAM or found.getpeername()[0] != address:
            return False
        info = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        (silent_ms,) = struct.unpack_from("=I", info, _LAST_DATA_RECV)
        if silent_ms < limit_s * 1000:
            return False
        found.shutdown(socket.SHUT_RD)
        return True
