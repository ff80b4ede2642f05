"""How far the hash of an upload has come, so that nothing has to be read again at its end.

A process remembers it beside object and end of the last piece, which no other piece ever has.
Whoever does not know it (another process, the same one after a restart, an upload from long ago)
leaves it to the joining, which then reads everything.
"""

import hashlib
from collections import OrderedDict
from threading import Lock

REMEMBERED = 1000


class Hashes:
    """The state of SHA-256 after each of the newest pieces, by the piece."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._states: OrderedDict[tuple[str, int], hashlib._Hash] = OrderedDict()

    def after(self, key: str | None, end: int) -> "hashlib._Hash | None":
        """Return the hash to go on with behind a piece; at the beginning a new one."""
        if key is None:
            return hashlib.sha256()
        with self._lock:
            found = self._states.get((key, end))
            return None if found is None else found.copy()

    def remember(self, key: str, end: int, state: "hashlib._Hash") -> None:
        """Note the hash of everything up to `end`, where a piece ends in its object `key`."""
        with self._lock:
            self._states[key, end] = state
            if len(self._states) > REMEMBERED:
                self._states.popitem(last=False)


HASHES = Hashes()
