"""Receipts signed beside, while the thread that holds the lock writes on."""

from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.beside import begin_beside
from app.keys import sign_receipt

FEW = 8  # sooner signed than handed over


def begin_to_sign(key: Ed25519PrivateKey, digests: Sequence[str]) -> Callable[[], list[str]]:
    """Begin to sign receipts; return what to call for the signatures, in the same order."""
    if len(digests) <= FEW:
        return lambda: _signatures(key, digests)
    return begin_beside(lambda: _signatures(key, digests))


def _signatures(key: Ed25519PrivateKey, digests: Sequence[str]) -> list[str]:
    return [sign_receipt(key, digest) for digest in digests]
