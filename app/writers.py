"""The queue of those who write to SQLite, through all processes of one database.

SQLite's own wait for its one writer sleeps ever longer, up to a tenth of a second, however short
the writing is. Here one thread of each process waits for the other processes, and looks again after
a twentieth of what it has waited. Two locks keep it fair: who is next holds the first while it
waits for the second, so that whoever has just written comes after it. Both are the kernel's and go
with the process that holds them, however that ends. SQLite's wait stays underneath, for whoever
writes without this queue.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Condition, Lock
from weakref import finalize

LEAST_PAUSE_S, MOST_PAUSE_S = 0.0002, 0.01


class Writers:
    """The queue within one process, and its place among all, where there is a database file."""

    def __init__(self, database: Path | None) -> None:
        self._database = database
        self._threads = Lock()
        self._changed = Condition()
        self._writes = False
        self._files: _Files | None = None

    def take(self, wait_s: float) -> bool:
        """Become the one who writes; False when that was not to be had within `wait_s`."""
        until = time.monotonic() + wait_s
        if not self._threads.acquire(timeout=wait_s):
            return False
        try:
            self._writes = self._take_file(until)
        finally:
            if not self._writes:
                self._threads.release()
        return self._writes

    def give_back(self) -> None:
        """Let the next one write."""
        if self._files is not None:
            fcntl.flock(self._files.writing, fcntl.LOCK_UN)
        self._writes = False
        self._threads.release()
        with self._changed:
            self._changed.notify_all()

    def give_way(self, wait_s: float) -> float:
        """Wait while another thread of this process writes; return what is left of `wait_s`.

        For long work that could as well be done while another process writes.
        """
        if not self._writes or not wait_s:
            return wait_s
        begun = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: not self._writes, wait_s)
        return max(wait_s - (time.monotonic() - begun), 0)

    def _take_file(self, until: float) -> bool:
        files = self._files
        if files is None or files.process != os.getpid():
            files = self._files = self._open()
        if files is None:
            return True
        if not _lock(files.next, until):
            return False
        try:
            return _lock(files.writing, until)
        finally:
            fcntl.flock(files.next, fcntl.LOCK_UN)

    def _open(self) -> "_Files | None":
        """Return this process's locks; None where no file can be made: then SQLite's wait holds."""
        with suppress(OSError):
            return None if self._database is None else _Files(self._database)
        return None


class _Files:
    """The two lock files beside a database, open in this process; closed with this object.

    They belong to whom the database belongs to, also when a command of root is the first to come.
    """

    def __init__(self, database: Path) -> None:
        self.process = os.getpid()
        self.next = self._opened(database, "next")
        self.writing = self._opened(database, "writing")

    def _opened(self, database: Path, name: str) -> int:
        path, owner = database.with_name(f"{database.name}-{name}"), database.stat()
        found = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, owner.st_mode & 0o666)
        finalize(self, os.close, found)
        if os.geteuid() == 0:
            os.fchown(found, owner.st_uid, owner.st_gid)
        return found


def _lock(file: int, until: float) -> bool:
    """Lock a file for this process alone; False when that was not to be had before `until`."""
    begun = time.monotonic()
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        now = time.monotonic()
        if now >= until:
            return False
        pause = min(max((now - begun) / 20, LEAST_PAUSE_S), MOST_PAUSE_S)
        time.sleep(min(pause, until - now))
