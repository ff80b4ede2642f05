"""Bytes to store, as they come: in pieces, and as large as asked for."""

import hashlib
from collections.abc import Iterator

MIB = 1024 * 1024


def large(size: int = 20 * MIB, *, seed: int = 1) -> Iterator[bytes]:
    """So many bytes, the same for the same seed."""
    for number in range(size // MIB):
        yield hashlib.sha256(bytes([seed, number])).digest() * (MIB // 32)
