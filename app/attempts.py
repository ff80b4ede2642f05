"""How often an address tried within the present minute, counted for all processes of a machine.

A small file of counters that every web process of a data directory shares. An address is a slot by
its keyed hash, so that none is written down; two that share one share their attempts, which makes
the limit stricter and never weaker. A process that dies while it counts leaves no lock behind.
"""

import fcntl
import hashlib
import struct
from pathlib import Path
from threading import Lock

SLOTS = 1 << 16
_RECORD = struct.Struct("=QQ")  # minute, attempts in it


class Attempts:
    """The counters in a file, which is made when it is not there; who tried, and what, by name."""

    def __init__(self, path: Path, secret: bytes) -> None:
        self._path, self._secret = path, secret[:64]
        self._lock = Lock()  # the file's keeps other processes out, not other threads

    def count(self, who: str, minute: int) -> int:
        """Count one more attempt and return how many there were in this minute, with it."""
        digest = hashlib.blake2b(who.encode(), key=self._secret, digest_size=4).digest()
        place = int.from_bytes(digest) % SLOTS * _RECORD.size
        self._path.touch(mode=0o600)
        with self._lock, self._path.open("r+b", buffering=0) as file:
            fcntl.lockf(file, fcntl.LOCK_EX)  # until the file is closed
            file.seek(place)
            then, before = _RECORD.unpack(file.read(_RECORD.size).ljust(_RECORD.size, b"\0"))
            attempts = before + 1 if then == minute else 1
            file.seek(place)
            file.write(_RECORD.pack(minute, attempts))
        return int(attempts)
