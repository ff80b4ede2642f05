"""The line between a simulated tablet and its server: loses, cuts, waits, asks again, counts.

A request is asked until it is answered: what got lost waits a little longer every time, by chance,
so that a fleet that lost its server does not come back in step; `Retry-After` is obeyed.
"""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from app import canonical

PATIENCE_S = 180.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 8.0
_LOST_ON_THE_WAY = (OSError, http.client.HTTPException)


class GaveUp(Exception):
    """The server did not answer usefully, however often it was asked."""


class Stopped(GaveUp):
    """The fleet was stopped from outside."""


class Lost(Exception):
    """The response of this request was lost on the way (simulated)."""


@dataclass
class Faults:
    """How often the line fails: shares between 0 and 1, decided by a seeded chance."""

    chance: random.Random
    lose: float = 0.0
    cut: float = 0.0

    def loses(self) -> bool:
        return self.chance.random() < self.lose

    def cuts(self) -> bool:
        return self.chance.random() < self.cut


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Counters:
    """What one tablet did, for the closing table."""

    tasks: int = 0
    operations: int = 0
    photos: int = 0
    warnings: int = 0  # of codes and places, said at the door
    bytes_sent: int = 0
    requests: int = 0
    retries: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)  # of good answers, by kind
    refused: Counter[int] = field(default_factory=Counter)  # by status, whatever is not good

    def begin_measuring(self) -> None:
        """Forget the times until now: what follows is what is measured."""
        self.seconds, self.refused = {}, Counter()


class Line:
    """Requests to one server; `headers` adds what every request carries."""

    def __init__(
        self, server: str, *, name: str, faults: Faults, stop: threading.Event | None = None
    ) -> None:
        self.server, self.name, self.faults = urlsplit(server), name, faults
        self.stop = stop or threading.Event()
        self.counters = Counters()
        self._chance = random.Random(f"{name} waits")

    def reach(self) -> None:
        """See that there is a server at all. Raises GaveUp at once where there is none."""
        try:
            self._once("GET", "/healthz", None, {}, cut=False)
        except Lost:
            return
        except _LOST_ON_THE_WAY as error:
            raise GaveUp(f"no server at {self.server.geturl()}: {error}") from error

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Callable[[], Mapping[str, str]],
        *,
        kind: str = "other",
        cut: bool = False,
    ) -> Answer:
        """Ask until there is an answer that is not 429 or 503.

        `cut`: the first attempt breaks off in its body; then the caller hears of it (Lost) and
        asks what arrived. Raises GaveUp once nothing useful came for PATIENCE_S.
        """
        until, attempt = time.monotonic() + PATIENCE_S, 0
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                answer = self._once(method, path, body, headers(), cut=cut and not attempt)
            except (Lost, *_LOST_ON_THE_WAY) as error:
                self._wait(self._back_off(attempt))
                if cut and not attempt:
                    raise Lost from error
                attempt += 1
                continue
            attempt += 1
            if answer.status < 400:
                self.counters.seconds.setdefault(kind, []).append(time.monotonic() - began)
                return answer
            self.counters.refused[answer.status] += 1
            if answer.status not in {429, 503}:
                return answer
            asked = float(answer.headers.get("retry-after", "0"))
            self._wait(asked + self._back_off(attempt))
        raise GaveUp(f"{self.name}: {method} {path} has no answer for {PATIENCE_S:.0f} s")

    def _back_off(self, attempt: int) -> float:
        return self._chance.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt))

    def _wait(self, seconds: float) -> None:
        self.counters.retries += 1
        self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Wait. Raises Stopped when the fleet is stopped meanwhile."""
        if self.stop.wait(seconds):
            raise Stopped(f"{self.name} was stopped")

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], *, cut: bool
    ) -> Answer:
        if self.stop.is_set():
            raise Stopped(f"{self.name} was stopped")
        self.counters.requests += 1
        connection = http.client.HTTPConnection(self.server.netloc, timeout=60)
        try:
            if cut and body:
                self._send_part(connection, method, path, body, headers)
                raise Lost
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            answer = Answer(
                response.status,
                {key.lower(): value for key, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()
        self.counters.bytes_sent += len(body or b"")
        if self.faults.loses():
            raise Lost
        return answer

    def _send_part(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> None:
        """Promise the whole body, send a part of it and hang up."""
        connection.putrequest(method, path)
        for key, value in headers.items():
            connection.putheader(key, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        part = body[: self.faults.chance.randrange(len(body))]
        connection.send(part)
        self.counters.bytes_sent += len(part)


def instant(at: datetime) -> str:
    """Return an instant in the wire's form."""
    return canonical.instant(at)


def now() -> datetime:
    """Return the time of the tablet's clock."""
    return datetime.now(UTC)
