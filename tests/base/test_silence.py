"""Senders who stop in the middle of a body: their threads are free again, what came is kept."""

import http.client
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.silence import Lines, Patience, PatientInput, SenderSilent
from tests.conftest import KEYS
from tests.servers import copy_sqlite, serving

LIMIT_S = 3
HALF_OPEN = 16
HEAD = (
    b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2000\r\n\r\n"
)


class Line:
    """A body that comes piece by piece; None: nothing more for a while."""

    def __init__(self, *pieces: bytes | None) -> None:
        self.pieces = list(pieces)

    def read(self, size: int = -1, /) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if piece is None:
            time.sleep(1)
            return b""
        if 0 <= size < len(piece):
            self.pieces.insert(0, piece[size:])
        return piece if size < 0 else piece[:size]


def body(line: Line, limit_s: float = 0.3) -> PatientInput:
    """A body of a request under way, watched."""
    patience = Patience(lambda environ, start: [environ["wsgi.input"]], limit_s=limit_s)
    given = {"CONTENT_LENGTH": "9", "wsgi.input": line, "REMOTE_ADDR": "192.0.2.1"}
    (made,) = patience(given, None)
    assert isinstance(made, PatientInput)
    patience._bodies.add(made)
    return made


def test_a_whole_body_is_handed_on_as_it_came() -> None:
    content = bytes(range(256)) * 4000
    assert body(Line(content)).read() == content
    assert body(Line(content)).read(10) == content[:10]
    pieces = body(Line(content))
    assert b"".join(iter(lambda: pieces.read(77_777), b"")) == content
    assert body(Line(b"a\nb")).readlines() == [b"a\n", b"b"]
    into = bytearray(4)
    assert body(Line(b"abc")).readinto(into) == 3


def test_what_came_before_the_silence_is_kept_and_then_it_is_told() -> None:
    silent = body(Line(b"a" * 20_000, None))
    assert silent.read() == b"a" * 20_000
    for _ in range(2):
        with pytest.raises(SenderSilent):
            silent.read(1)


def test_an_error_of_the_line_is_the_readers() -> None:
    class Broken(Line):
        def read(self, size: int = -1, /) -> bytes:
            raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        body(Broken()).read()


def test_a_request_without_body_is_left_alone() -> None:
    bare = Line()
    patience = Patience(lambda environ, start: [environ["wsgi.input"]], limit_s=1)
    (left,) = patience({"wsgi.input": bare}, None)
    assert id(left) == id(bare)


def test_only_who_is_silent_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        quiet, busy = (socket.create_connection(listening.getsockname()) for _ in range(2))
        ends = [listening.accept()[0] for _ in range(2)]
        with quiet, busy, ends[0], ends[1]:
            quiet.sendall(b"a")
            time.sleep(0.6)
            busy.sendall(b"b")
            time.sleep(0.1)
            assert Lines().cut("192.0.2.1", 0.4) == 0, "another address"
            assert Lines().cut("127.0.0.1", 0.4) >= 1
            assert [ends[0].recv(9), ends[0].recv(9)] == [b"a", b""]
            assert ends[1].recv(9) == b"b"
            ends[1].settimeout(0.2)
            with pytest.raises(TimeoutError):
                ends[1].recv(9)


@pytest.fixture
def server(sqlite_template: Path, tmp_path: Path) -> Any:
    """A real web process that gives senders three seconds."""
    copy_sqlite(sqlite_template, tmp_path)
    environ = {
        **KEYS,
        "DATA_DIR": str(tmp_path),
        "WEB_PROCESSES": "1",  # the patience depends on how many threads of a process wait
        "BODY_SILENCE_S": str(LIMIT_S),
        "ARGON2_MEMORY_KIB": "256",
        "SIGN_IN_PER_MINUTE": "1000",
    }
    with serving(environ) as address:
        yield urlsplit(address).port


def ask(port: int) -> tuple[int, float]:
    """The status of a page, and how long it took."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/")
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - began


def answer_of(half: socket.socket) -> bytes:
    half.settimeout(30)
    found = b""
    with suppress(TimeoutError):
        while b"/problems/" not in found:
            piece = half.recv(4096)
            if not piece:
                break
            found += piece
    return found


def test_sixteen_silent_senders_hold_eight_threads_no_longer_than_the_limit(server: int) -> None:
    assert ask(server)[0] == 200
    with ExitStack() as stack:
        halves = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server)))
            for _ in range(HALF_OPEN)
        ]
        began = time.monotonic()
        for half in halves:
            half.sendall(HEAD + b'{"login": "an')
        answers = [answer_of(half) for half in halves]
        waited = time.monotonic() - began
        status, took = ask(server)
        assert (status, took < 1) == (200, True), took
        # who still stood in the queue is told that the body was cut short, the others why
        assert {one[9:12] for one in answers} <= {b"408", b"400"}, answers
        assert b"408" in {one[9:12] for one in answers}
        assert all(b"application/problem+json" in one for one in answers)
        assert waited < LIMIT_S + 5


def test_a_slow_sender_who_goes_on_is_served(server: int) -> None:
    content = b'{"login": "nobody", "password": "' + b"x" * 20 + b'"}'
    with socket.create_connection(("127.0.0.1", server)) as slow:
        slow.sendall(HEAD.replace(b"2000", str(len(content)).encode()))
        slow.sendall(content[:10])
        time.sleep(LIMIT_S - 1)
        slow.sendall(content[10:])
        slow.settimeout(30)
        assert slow.recv(4096).startswith(b"HTTP/1.1 401")


def test_a_byte_now_and_then_is_as_good_as_silence(server: int) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server)) as slow:
        slow.sendall(HEAD)
        slow.settimeout(0.4)
        answer = b""
        while not answer and time.monotonic() - began < 60:
            with suppress(TimeoutError):
                slow.sendall(b"a")
                answer = slow.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408")
    assert LIMIT_S <= time.monotonic() - began < LIMIT_S + 10


def test_readers_who_do_not_read_hold_up_nobody(server: int) -> None:
    with ExitStack() as stack:
        for _ in range(80):  # more than there are threads
            half = stack.enter_context(socket.create_connection(("127.0.0.1", server)))
            half.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            half.sendall(b"GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        status, took = ask(server)
        assert (status, took < 20) == (200, True), took
