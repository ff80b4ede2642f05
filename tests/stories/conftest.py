"""An office in spring; a small demo district of each database, served by a real process."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import flask
import pytest

from tests import servers
from tests.conftest import KEYS, FixedClock
from tests.factories import Make
from tests.stories.house import House

UNITS = "420"
ON = "2026-10-08"


@dataclass
class Office:
    """A loaded district, and the process that serves it while there is one."""

    environ: dict[str, str]
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def suicha(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command as an operator would."""
        return subprocess.run(
            [sys.executable, "-m", "wsgi", *arguments],
            cwd=servers.ROOT,
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            timeout=240,
            check=check,
        )

    def open(self) -> None:
        """Start the web process and wait until it is ready."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wsgi", "serve", "--port", str(self.port)],
            cwd=servers.ROOT,
            env={**os.environ, **self.environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.address}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise TimeoutError("the web process is not ready")

    def kill(self) -> None:
        """End the web process and its workers as a power cut would."""
        if self.process is not None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def office(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """A demo district in a database of its own, served until the module ends."""
    data_dir = tmp_path_factory.mktemp("office")
    environ = {
        "DATA_DIR": str(data_dir),
        "ARGON2_MEMORY_KIB": "256",
        "SIGN_IN_PER_MINUTE": "1000",
        "LOG_LEVEL": "ERROR",
        **KEYS,
    }
    server, name = "", ""
    if request.param == "sqlite":
        servers.copy_sqlite(request.getfixturevalue("sqlite_template"), data_dir)
    else:
        server = request.getfixturevalue("postgresql_server")
        template = request.getfixturevalue("postgresql_template")
        name, environ["DATABASE_URL"] = servers.copy_postgresql(server, template)
    found = Office(environ, free_port())
    found.suicha("demo", "--on", ON, "--units", UNITS)
    found.open()
    yield found
    found.kill()
    if name:
        servers.drop_postgresql(server, name)


@pytest.fixture
def spring(flask_app: flask.Flask, make: Make, clock: FixedClock) -> House:
    """An office in April 2026, the first month under Order 36."""
    return House(flask_app, make, clock, date(2026, 4, 7))
