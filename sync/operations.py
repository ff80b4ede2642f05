"""Operations as tablets write and sign them: what both sides must agree on byte for byte. Pure."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from app import canonical

OPERATION_LABEL: Final = "suicha-op-1"
TOKEN_LABEL: Final = "suicha-token-1"  # noqa: S105 - the label of a signature
GENESIS: Final = "0" * 64
OPERATION_BYTES: Final = 256 * 1024


# --- base64, signatures ------------------------------------------------------------------------

_B64 = re.compile(r"[A-Za-z0-9_-]*\Z")


def encode_b64(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_b64(text: str) -> bytes:
    """Return the bytes of base64url without padding. Raises ValueError for any other spelling."""
    if not _B64.match(text):
        raise ValueError("not base64url")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_b64(raw) != text:
        raise ValueError("not the shortest spelling")
    return raw


PublicKey = VerifyKey | ec.EllipticCurvePublicKey


def load_public_key(alg: str, key: bytes) -> PublicKey:
    """Return a device's public key: 32 raw bytes, or the uncompressed point. Raises ValueError."""
    if alg == "Ed25519":
        return VerifyKey(key)
    if alg == "ES256" and len(key) == 65:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    raise ValueError("not a key of a known algorithm")


def is_signed(key: PublicKey, label: str, digest: str, sig: str) -> bool:
    """Tell whether `sig` signs `<label>` LF `<digest>` under `key`. Never raises."""
    message = f"{label}\n{digest}".encode("ascii")
    try:
        raw = decode_b64(sig)
        if isinstance(key, VerifyKey):
            key.verify(message, raw)
            return True
        if len(raw) != 64:
            return False
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(der, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, BadSignatureError, ValueError):
        return False
    return True


# --- operations --------------------------------------------------------------------------------

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_TIME = re.compile(
    r"(19[7-9]|20\d|21\d)\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", re.ASCII
)  # from the epoch on, and so that nobody who adds a day overflows
_TYPE = re.compile(r"[a-z]+\.[a-z_]+\Z")
_MIME = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}\Z")
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")
MAX_DEPENDS_ON: Final = 50
MAX_ATTACHMENTS: Final = 50
Check = Callable[[Any], bool]


class Malformed(ValueError):
    """A line that is no operation of this device; the message says why, for the log.

    `op_id` is what the line claims, where that much could be read; `digest` the hash of its `op`,
    else of the line.
    """

    def __init__(self, reason: str, *, digest: str, op_id: UUID | None = None) -> None:
        super().__init__(reason)
        self.digest = digest
        self.op_id = op_id


class Operation(NamedTuple):
    """One pushed operation, its form checked; `text` is what was signed, `digest` its SHA-256."""

    op_id: UUID
    device_id: UUID
    device_seq: int
    prev_hash: str
    type: str
    entity_id: UUID
    base_version: int
    base: Mapping[str, Any]
    fields: Mapping[str, Any]
    attachments: tuple[Mapping[str, Any], ...]
    depends_on: tuple[UUID, ...]
    officer_id: UUID
    user_session_id: UUID
    recorded_at: datetime
    monotonic_ms: int
    boot_id: str
    form_version: int
    fix: Mapping[str, Any] | None
    confirmation: Mapping[str, Any] | None
    text: str
    digest: str
    sig: str


@lru_cache(maxsize=16384)
def id_of(text: str) -> UUID:
    """Return the id that a text writes; visits, officers and items are named again and again."""
    return UUID(text)


def is_id(value: Any) -> bool:
    """Tell whether a value is a lower-case UUID."""
    return isinstance(value, str) and bool(_UUID.match(value))


def is_hash(value: Any) -> bool:
    """Tell whether a value is a SHA-256 in lower-case hex."""
    return isinstance(value, str) and bool(_HASH.match(value))


def is_time(value: Any) -> bool:
    """Tell whether a value is an instant in the wire's form, of a day from 1970 to 2199."""
    if not isinstance(value, str) or not _TIME.match(value):
        return False
    try:
        canonical.parse_instant(value)
    except ValueError:
        return False
    return True


def is_integer(value: Any, low: int, high: int = 2**53 - 1) -> bool:
    """Tell whether a value is a whole number from `low` to `high`, and not true or false."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _matches(pattern: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and bool(pattern.match(value))


def _text(longest: int) -> Check:
    return lambda value: isinstance(value, str) and 0 < len(value) <= longest and "\0" not in value


def _has(value: Any, checks: Mapping[str, Check]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == checks.keys()
        and all(check(value[key]) for key, check in checks.items())
    )


def _list_of(check: Check, longest: int) -> Check:
    return lambda value: (
        isinstance(value, list) and len(value) <= longest and all(check(one) for one in value)
    )


_ATTACHMENT: Mapping[str, Check] = {
    "sha256": is_hash,
    "size": lambda v: is_integer(v, 0),
    "mime": _matches(_MIME),
    "role": _matches(_ROLE),
}
_FIX: Mapping[str, Check] = {
    "accuracy_cm": lambda v: is_integer(v, 0),
    "datum": _text(20),
    "fixed_at": is_time,
    "lat_e7": lambda v: is_integer(v, -900_000_000, 900_000_000),
    "lon_e7": lambda v: is_integer(v, -1_800_000_000, 1_800_000_000),
    "mock": lambda v: isinstance(v, bool),
    "provider": _text(40),
}
_CONFIRMATION: Mapping[str, Check] = {"officer_id": is_id, "method": _matches(_ROLE), "at": is_time}
_OPERATION: Mapping[str, Check] = {
    "attachments": _list_of(lambda v: _has(v, _ATTACHMENT), MAX_ATTACHMENTS),
    "base": lambda v: isinstance(v, dict),
    "base_version": lambda v: is_integer(v, 0),
    "boot_id": _text(64),
    "confirmation": lambda v: v is None or _has(v, _CONFIRMATION),
    "depends_on": _list_of(is_id, MAX_DEPENDS_ON),
    "device_id": is_id,
    "device_seq": lambda v: is_integer(v, 1),
    "entity_id": is_id,
    "fields": lambda v: isinstance(v, dict),
    "fix": lambda v: v is None or _has(v, _FIX),
    "form_version": lambda v: is_integer(v, 0, 1_000_000),
    "monotonic_ms": lambda v: is_integer(v, 0),
    "officer_id": is_id,
    "op_id": _matches(_UUID7),
    "prev_hash": is_hash,
    "recorded_at": is_time,
    "type": lambda v: isinstance(v, str) and len(v) <= 60 and bool(_TYPE.match(v)),
    "user_session_id": is_id,
    "v": lambda v: is_integer(v, 1, 1),
}


def parse_line(line: bytes) -> Operation:
    """Return the operation of one inbox line `{"op": "<canonical JSON>", "sig": "…"}`.

    Checks form only: canonical, exactly the keys of the protocol, each of its type. The caller
    compares `device_id` and the signature. Raises Malformed.
    """
    text, sig = _open_line(line)
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise Malformed("a lone surrogate", digest=_digest(line)) from error
    digest = hashlib.sha256(encoded).hexdigest()
    if len(encoded) > OPERATION_BYTES:
        raise Malformed("longer than an operation may be", digest=digest)
    try:
        values = canonical.loads(text)
    except canonical.NotCanonical as error:
        raise Malformed(str(error), digest=digest) from error
    if not isinstance(values, dict):
        raise Malformed("not an object", digest=digest)
    if values.keys() != _OPERATION.keys():
        raise Malformed("not the keys of an operation", digest=digest, op_id=_claimed(values))
    for key, check in _OPERATION.items():
        if not check(values[key]):
            raise Malformed(f"{key} is not of its type", digest=digest, op_id=_claimed(values))
    return _operation(values, text=text, digest=digest, sig=sig)


def _claimed(values: Mapping[str, Any]) -> UUID | None:
    return UUID(values["op_id"]) if is_id(values.get("op_id")) else None


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _open_line(line: bytes) -> tuple[str, str]:
    """Return `op` and `sig` of a line; the usual spelling, without doubt, is read faster."""
    try:
        found = orjson.loads(line)
        text, sig = found["op"], found["sig"]
        op_as_written, sig_as_written = orjson.dumps(text), orjson.dumps(sig)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, LookupError, TypeError):
        return _open_strange_line(line)
    if type(text) is type(sig) is str and line in (
        b'{"op":%b,"sig":%b}' % (op_as_written, sig_as_written),
        b'{"op": %b, "sig": %b}' % (op_as_written, sig_as_written),
    ):
        return text, sig
    return _open_strange_line(line)


def _open_strange_line(line: bytes) -> tuple[str, str]:
    whole = _digest(line)
    try:
        found = json.loads(line.decode(), object_pairs_hook=_pairs)
    except (ValueError, RecursionError) as error:
        raise Malformed("the line is no JSON", digest=whole) from error
    if (
        not isinstance(found, dict)
        or found.keys() != {"op", "sig"}
        or not all(isinstance(value, str) for value in found.values())
    ):
        raise Malformed("the line has not exactly op and sig", digest=whole)
    return found["op"], found["sig"]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _operation(values: Mapping[str, Any], *, text: str, digest: str, sig: str) -> Operation:
    return Operation(
        op_id=UUID(values["op_id"]),
        device_id=id_of(values["device_id"]),
        device_seq=values["device_seq"],
        prev_hash=values["prev_hash"],
        type=values["type"],
        entity_id=UUID(values["entity_id"]),
        base_version=values["base_version"],
        base=values["base"],
        fields=values["fields"],
        attachments=tuple(values["attachments"]),
        depends_on=tuple(UUID(one) for one in values["depends_on"]),
        officer_id=id_of(values["officer_id"]),
        user_session_id=id_of(values["user_session_id"]),
        recorded_at=datetime.fromisoformat(values["recorded_at"]),
        monotonic_ms=values["monotonic_ms"],
        boot_id=values["boot_id"],
        form_version=values["form_version"],
        fix=values["fix"],
        confirmation=values["confirmation"],
        text=text,
        digest=digest,
        sig=sig,
    )
