"""A fleet with a server of its own that is killed while the tablets come home."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db import db, transaction
from app.people.models import Agency
from tests import servers
from tests.stories.conftest import Office
from wsgi import create_app


@pytest.fixture(scope="module")
def data(office: Office) -> Office:
    """The district, and nobody who serves it."""
    office.kill()
    return office


def arguments(ledger: Path, *more: str) -> tuple[str, ...]:
    return (
        "simulate",
        *("--tablets", "2", "--tasks", "1", "--photos", "2", "--seed", "5"),
        *("--ledger", str(ledger), *more),
    )


@pytest.mark.timeout(600)
def test_nothing_is_lost_when_the_server_is_killed_in_the_middle(
    data: Office, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    faults = ("--serve", "--kill-server", "2", "--lose", "5%", "--cut", "5%")
    done = data.suicha(*arguments(ledger, *faults))
    assert "种子 5\n" in done.stdout
    shares = [int(share) for share in re.findall(r"当时已上报 (\d+)%", done.stdout)]
    assert len(shares) == 2
    assert shares == sorted(shares)
    assert shares[0] < 100, "killed while they came home"
    judged = data.suicha("audit", "--ledger", str(ledger))
    assert "0 lost, 0 doubled, 0 wrong" in judged.stdout
    assert data.suicha("journal", "verify").stdout.endswith("0 broken chains\n")


def descendants(pid: int) -> set[int]:
    """The processes that a process started, and theirs; those of new sessions too."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found, newest = set[int](), {pid}
    while newest:
        newest = {child for child, parent in parents.items() if parent in newest} - found
        found |= newest
    return found


def hear_interrupts() -> None:
    """Take SIGINT as at a terminal: what runs in the background of a shell inherits deafness."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_fleet_leaves_no_process_behind(
    data: Office, tmp_path: Path, number: signal.Signals
) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("looks for processes in /proc")
    command = [sys.executable, "-m", "wsgi", *arguments(tmp_path / "l.jsonl", "--serve")]
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=servers.ROOT,
            env={**os.environ, **data.environ},
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=hear_interrupts,
        )
    try:
        started = set[int]()
        while "检查中" not in log.read_text(encoding="utf-8"):  # the server is ready by then
            assert process.poll() is None
            started |= descendants(process.pid)
            time.sleep(0.05)
        assert len(started) >= 2, "the web process and its worker"
        process.send_signal(number)
        assert process.wait(60) != 0
        until = time.monotonic() + 10  # one that was killed is there until it is looked after
        while (alive := {pid for pid in started if Path(f"/proc/{pid}").exists()}) and (
            time.monotonic() < until
        ):
            time.sleep(0.05)
        assert not alive
    finally:
        process.kill()
        process.wait()


def test_only_an_own_server_may_be_killed(data: Office, tmp_path: Path) -> None:
    refused = data.suicha(*arguments(tmp_path / "l.jsonl", "--kill-server", "1"), check=False)
    assert refused.returncode == 2
    assert "--serve" in refused.stderr


@pytest.fixture
def no_demo(data: Office) -> Iterator[None]:
    """The same district, as if it were nobody's demo."""

    def turn(demo: bool) -> None:
        flask_app = create_app(data.environ)
        with flask_app.app_context():
            with transaction() as session:
                session.query(Agency).update({"demo": demo})
            db.session.remove()
            db.engine.dispose()

    turn(False)
    yield
    turn(True)


@pytest.mark.timeout(300)
def test_a_server_that_is_no_demo_needs_a_yes(data: Office, no_demo: None, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    refused = data.suicha(*arguments(ledger, "--serve"), check=False)
    assert refused.returncode == 1
    assert "--yes" in refused.stderr
    assert not ledger.exists()
    data.suicha(*arguments(ledger, "--serve", "--yes"))
    assert ledger.exists()
