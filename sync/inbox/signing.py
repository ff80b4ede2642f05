"""Receipts signed by a thread of its own, while the one that holds the lock writes on.

libsodium leaves the interpreter to others while it signs, and SQLite while it writes: of two
processors each has its own to do.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.keys import sign_receipt

FEW = 8  # sooner signed than handed over


def begin_to_sign(key: Ed25519PrivateKey, digests: Sequence[str]) -> Callable[[], list[str]]:
    """Begin to sign receipts; return what to call for the signatures, in the same order."""
    if len(digests) <= FEW:
        return lambda: _signatures(key, digests)
    return _signer(os.getpid()).submit(_signatures, key, digests).result


def _signatures(key: Ed25519PrivateKey, digests: Sequence[str]) -> list[str]:
    return [sign_receipt(key, digest) for digest in digests]


@lru_cache(maxsize=1)
def _signer(_process: int) -> ThreadPoolExecutor:
    """Return the thread of this process; one that was there before a fork is not in the child."""
    return ThreadPoolExecutor(1, thread_name_prefix="receipts")
