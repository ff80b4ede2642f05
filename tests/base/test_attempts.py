"""Attempts are counted by all processes of a machine together, by minute."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.attempts import Attempts

SECRET = b"secret"
OTHER_PROCESS = """
import sys
from pathlib import Path
from app.attempts import Attempts
print([Attempts(Path(sys.argv[1]), b"secret").count("10.0.0.1", 7) for _ in range(50)][-1])
"""


def test_two_processes_and_their_threads_count_together(tmp_path: Path) -> None:
    path = tmp_path / "attempts"
    command = [sys.executable, "-c", OTHER_PROCESS, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        counter = Attempts(path, SECRET)
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda _: counter.count("10.0.0.1", 7), range(50)))
        other.communicate()
    assert counter.count("10.0.0.1", 7) == 101


def test_another_minute_and_another_address_begin_anew(tmp_path: Path) -> None:
    counter = Attempts(tmp_path / "attempts", SECRET)
    assert [counter.count("10.0.0.1", 7) for _ in range(3)] == [1, 2, 3]
    assert counter.count("10.0.0.2", 7) == 1
    assert counter.count("10.0.0.1", 8) == 1


def test_no_address_is_written_down(tmp_path: Path) -> None:
    counter = Attempts(tmp_path / "attempts", SECRET)
    counter.count("10.0.0.1", 7)
    assert b"10.0.0.1" not in (tmp_path / "attempts").read_bytes()
