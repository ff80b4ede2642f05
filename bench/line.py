"""A client's side of a benchmark: kept-alive connections, and many clients at once."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

TIMEOUT_S = 120


class Refused(Exception):
    """A server answered otherwise than the benchmark expects."""


class Line:
    """One client's kept-alive connection to a server of 127.0.0.1."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self.headers = {"Accept-Encoding": "identity", **(headers or {})}

    def open(self) -> None:
        """Connect now, so that the first request is no slower than the next."""
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        status: Sequence[int] = (200,),
    ) -> bytes:
        """Return the body of the answer, as it came. Raises Refused for another status."""
        if self.connection.sock is None:
            self.open()
        self.connection.request(method, path, body, {**self.headers, **(headers or {})})
        answer = self.connection.getresponse()
        found = answer.read()
        if answer.status not in status:
            raise Refused(f"{method} {path}: {answer.status} {found[:500]!r}")
        return found

    def get(self, path: str, encoding: str = "identity") -> bytes:
        """Return what a path answers, packed as asked for."""
        return self.ask("GET", path, headers={"Accept-Encoding": encoding})

    def close(self) -> None:
        self.connection.close()


def seconds_of(work: Callable[[], Any]) -> float:
    """Return how long some work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def alternate(
    works: Mapping[str, Callable[[], Any]],
    rounds: int,
    *,
    pick: Callable[[Sequence[float]], float] = median,
) -> dict[str, float]:
    """Do each work once to warm it, then `rounds` times in turn; return the median seconds of each.

    In turn, because a machine's speed drifts: what stands beside each other ran beside each other.
    With `min` as `pick` whatever else the machine did meanwhile is left out.
    """
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            seconds = seconds_of(work)
            if number:
                found[name].append(seconds)
    return {name: pick(seconds) for name, seconds in found.items()}


def at_once(works: Sequence[Callable[[], Any]]) -> float:
    """Let clients begin together; return the seconds until the last has ended."""
    gate = threading.Barrier(len(works) + 1)

    def wait_and_do(work: Callable[[], Any]) -> None:
        gate.wait()
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        waiting = [pool.submit(wait_and_do, work) for work in works]
        gate.wait()
        begin = time.perf_counter()
        for one in waiting:
            one.result()
        return time.perf_counter() - begin
