"""Several web processes under one command: one count, one limit, and one that dies is replaced."""

import http.client
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app import clock, config
from tests.conftest import KEYS
from tests.servers import copy_sqlite, process_of

PER_MINUTE = 4


@pytest.fixture
def server(sqlite_template: Path, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A server of two web processes: its port, and the number of the process that started them."""
    copy_sqlite(sqlite_template, tmp_path)
    environ = {
        **KEYS,
        "DATA_DIR": str(tmp_path),
        "WEB_PROCESSES": "2",
        "ARGON2_MEMORY_KIB": "256",
        "SIGN_IN_PER_MINUTE": str(PER_MINUTE),
    }
    with process_of(environ) as (address, pid):
        yield urlsplit(address).port or 0, pid


def ask(port: int, path: str, body: dict[str, str] | None = None) -> tuple[int, str]:
    """One request over a connection of its own, which any of the processes may take."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    content, headers = None, {}
    if body is not None:
        content, headers = json.dumps(body), {"Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, content, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def workers(pid: int) -> list[int]:
    """The web processes that a server runs."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(one) for one in found.split()]


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def counted(port: int) -> int:
    text = ask(port, "/metrics")[1]
    found = re.search(r'suicha_requests_total\{method="GET",route="/",status="200"\} (\d+)', text)
    return 0 if found is None else int(found[1])


def test_they_count_requests_and_sign_ins_together_and_a_dead_one_is_replaced(
    server: tuple[int, int],
) -> None:
    port, pid = server
    assert len(workers(pid)) == 2
    for _ in range(30):
        assert ask(port, "/")[0] == 200
    assert [counted(port) for _ in range(5)] == [30] * 5
    while clock.now().second > 50:  # all within one minute
        time.sleep(1)
    wrong = {"login": "nobody", "password": "wrong"}
    answers = [ask(port, "/api/v1/sessions", wrong)[0] for _ in range(PER_MINUTE + 6)]
    assert answers == [401] * PER_MINUTE + [429] * 6

    dead = workers(pid)[0]
    os.kill(dead, signal.SIGKILL)

    until(lambda: len(set(workers(pid)) - {dead}) == 2)
    until(lambda: all(ask(port, "/")[0] == 200 for _ in range(10)))
    assert counted(port) >= 40, "what the dead one had counted stays"


def test_by_itself_a_server_runs_a_process_for_each_processor_and_at_most_two() -> None:
    mine = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mine)})
        assert config.read({}).web_processes == 1
        assert config.read({"WEB_PROCESSES": "3"}).web_processes == 3
    finally:
        os.sched_setaffinity(0, mine)
    assert config.read({}).web_processes == min(len(mine), 2)
