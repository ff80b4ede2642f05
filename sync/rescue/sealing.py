"""Opens what a tablet sealed: its content key with the server's rescue key, records with that."""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.keys import NONCE_BYTES, key_id, public_bytes
from sync.rescue.rules import FORMAT, Header, Unreadable

CONTENT_KEY_BYTES: Final = 32


def content_key(header: Header, key: X25519PrivateKey) -> bytes:
    """Return the key that the records are sealed with. Raises Unreadable."""
    if header.alg != "X25519" or header.key_id != key_id(public_bytes(key)):
        raise Unreadable("key-unknown")
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(header.epk))
        wrap = HKDF(SHA256(), CONTENT_KEY_BYTES, salt=header.epk, info=FORMAT.encode())
        found = AESGCM(wrap.derive(shared)).decrypt(bytes(NONCE_BYTES), header.sealed, None)
    except (InvalidTag, ValueError) as error:
        raise Unreadable("seal-broken") from error
    if len(found) != CONTENT_KEY_BYTES:
        raise Unreadable("seal-broken")
    return found


def open_record(key: bytes, record: bytes) -> bytes:
    """Return a record's plain bytes. Raises Unreadable for another key or an altered byte."""
    try:
        return AESGCM(key).decrypt(record[:NONCE_BYTES], record[NONCE_BYTES:], None)
    except (InvalidTag, ValueError) as error:
        raise Unreadable("record-broken") from error
