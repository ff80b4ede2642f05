"""A server that the simulation owns: started, killed in the middle of its work, started again.

It leaves no process behind: whatever ends the simulation ends the whole process group of the
server, the web server's workers with it.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.clock import SHANGHAI
from sync.simulate.fleet import Fleet
from sync.simulate.line import GaveUp, Stopped, now

ROOT = Path(__file__).resolve().parent.parent.parent
READY_S, END_S = 120.0, 20.0
LOOK_S = 0.005
EARLIEST, LATEST = 0.05, 0.85  # of the work brought home: in between the server is killed
LONGEST_DELAY_S, LONGEST_DEATH_S = 0.2, 1.0


class Server:
    """A web process over the configured data, on a free port of this machine."""

    def __init__(self, environ: Mapping[str, str], stop: threading.Event) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}"
        self._environ = {
            "LOG_LEVEL": "ERROR",
            "SIGN_IN_PER_MINUTE": "100000",  # a whole fleet enrols from one address
            **environ,
            "HOST": "127.0.0.1",
        }
        self._stop = stop
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the web process and wait until it is ready. Raises GaveUp when it ends instead."""
        process = self._begin()
        until = time.monotonic() + READY_S
        while not self._is_ready():
            if process.poll() is not None or time.monotonic() > until:
                raise GaveUp(f"the server did not start (exit code {process.poll()})")
            if self._stop.wait(0.1):
                raise Stopped("stopped while the server started")

    def _begin(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(ROOT / "wsgi.py"), "serve", "--port", str(self.port)]
        with self._lock:
            if self._ended:
                raise Stopped("the server has been ended")
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                command,
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            return self._process

    def _is_ready(self) -> bool:
        address = f"{self.address}/readyz"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - http
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """End it as a power cut would: the process and its workers, at once."""
        with self._lock:
            self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """Let it end properly, for good; what is left of it after a while is killed."""
        with self._lock:
            self._ended = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(END_S)
            self._kill()


@contextmanager
def serving(environ: Mapping[str, str], stop: threading.Event) -> Iterator[Server]:
    """Serve while the block lasts, also where Ctrl-C or SIGTERM ends it."""
    server = Server(environ, stop)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, _leave)
    try:
        server.start()
        yield server
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        stop.set()
        server.end()
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


@dataclass(frozen=True)
class Death:
    """When the server was killed: the local time, and how much was home by then."""

    at: str
    share_home: float
    away_s: float


def kill_times(
    server: Server, count: int, seed: int, say: Callable[[Death], None]
) -> Callable[[Fleet], None]:
    """Return what kills the server `count` times at moments of a seeded chance.

    A moment is a share of the work that has arrived and a delay after it, so that the server dies
    while tablets push and upload, whatever the machine's speed.
    """
    chance = random.Random(f"{seed} kills")
    shares = sorted(chance.uniform(EARLIEST, LATEST) for _ in range(count))
    delays = [
        (chance.uniform(0, LONGEST_DELAY_S), chance.uniform(0, LONGEST_DEATH_S)) for _ in shares
    ]

    def disturb(fleet: Fleet) -> None:
        for share, (delay_s, away_s) in zip(shares, delays, strict=True):
            while fleet.share_home() < share and not fleet.over.is_set():
                _pause(fleet, LOOK_S)
            _pause(fleet, delay_s)
            home = fleet.share_home()
            server.kill()
            local = now().astimezone(SHANGHAI)
            say(Death(f"{local:%H:%M:%S.%f}"[:-3], home, away_s))
            _pause(fleet, away_s)
            server.start()

    return disturb


def _pause(fleet: Fleet, seconds: float) -> None:
    if fleet.stop.wait(seconds):
        raise Stopped("the fleet was stopped")
