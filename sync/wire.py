"""The wire of the field sync protocol, version 1: operations, receipts, cursors, headers.

What both sides must agree on byte for byte lies here. Reading an operation and checking a signature
are pure; cursors and headers need the running application.
"""

import base64
import hashlib
import hmac
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID, uuid5

import flask
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from app import canonical, clock, entry
from app.journal import service as journal
from app.keys import Keys, key_id, public_bytes, sign_receipt
from app.problems import MediaTypeUnsupported, Problem, TooLarge

PROTOCOL: Final = 1
SUPPORTED: Final = (PROTOCOL,)
OPERATION_LABEL: Final = "suicha-op-1"
TOKEN_LABEL: Final = "suicha-token-1"  # noqa: S105 - the label of a signature
GENESIS: Final = "0" * 64
ALGORITHMS: Final = ("Ed25519", "ES256")

MIB: Final = 1024 * 1024
BATCH_OPERATIONS: Final = 50
BATCH_BYTES: Final = MIB
BATCH_BYTES_UNPACKED: Final = 8 * MIB
OPERATION_BYTES: Final = 256 * 1024
CLOCK_TOLERANCE_S: Final = 300
LIMITS: Final[Mapping[str, int]] = {
    "batch_operations": BATCH_OPERATIONS,
    "batch_bytes": BATCH_BYTES,
    "batch_bytes_unpacked": BATCH_BYTES_UNPACKED,
    "operation_bytes": OPERATION_BYTES,
    "feed_page": 500,
    "feed_page_max": 2000,
    "photo_bytes": 50 * MIB,
    "video_bytes": 250 * MIB,
    "patch_bytes": 8 * MIB,
    "upload_days": 14,
    "tombstone_days": 400,
    "batch_days": 400,
    "receipt_years": 10,
    "clock_tolerance_s": CLOCK_TOLERANCE_S,
}


class ProtocolUnsupported(Problem):
    code, title, status = "protocol-unsupported", "同步协议版本不受支持", 406


class FramingWrong(Problem):
    code, title, status = "framing-wrong", "上报内容的格式有误", 400


class BatchTooLarge(TooLarge):
    code, title = "batch-too-large", "一批上报的内容过大"


class CursorForged(Problem):
    code, title, status = "cursor-forged", "同步游标无效", 400


class CursorOfAnotherDevice(Problem):
    code, title, status = "cursor-of-another-device", "同步游标属于其他终端", 403


class EpochChanged(Problem):
    code, title, status = "epoch-changed", "服务器数据已从备份恢复", 409


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


PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey


def load_public_key(alg: str, key: bytes) -> PublicKey:
    """Return a device's public key: 32 raw bytes, or the uncompressed point. Raises ValueError."""
    if alg == "Ed25519":
        return Ed25519PublicKey.from_public_bytes(key)
    if alg == "ES256" and len(key) == 65:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    raise ValueError("not a key of a known algorithm")


def is_signed(key: PublicKey, label: str, digest: str, sig: str) -> bool:
    """Tell whether `sig` signs `<label>` LF `<digest>` under `key`. Never raises."""
    message = f"{label}\n{digest}".encode("ascii")
    try:
        raw = decode_b64(sig)
        if isinstance(key, Ed25519PublicKey):
            key.verify(raw, message)
            return True
        if len(raw) != 64:
            return False
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(der, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


# --- operations --------------------------------------------------------------------------------

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", re.ASCII)
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


@dataclass(frozen=True, slots=True)
class Operation:
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


def is_id(value: Any) -> bool:
    """Tell whether a value is a lower-case UUID."""
    return isinstance(value, str) and bool(_UUID.match(value))


def is_hash(value: Any) -> bool:
    """Tell whether a value is a SHA-256 in lower-case hex."""
    return isinstance(value, str) and bool(_HASH.match(value))


def is_time(value: Any) -> bool:
    """Tell whether a value is an instant in the wire's form, of a day that exists."""
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
    "size": lambda v: is_integer(v, 1),
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
OPERATION_KEYS: Final = tuple(sorted(_OPERATION))


def parse_line(line: bytes) -> Operation:
    """Return the operation of one inbox line `{"op": "<canonical JSON>", "sig": "…"}`.

    Checks form only: canonical, exactly the keys of the protocol, each of its type. The caller
    compares `device_id` and the signature. Raises Malformed.
    """
    whole = hashlib.sha256(line).hexdigest()
    text, sig = _open_line(line, whole)
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise Malformed("a lone surrogate", digest=whole) from error
    digest = hashlib.sha256(encoded).hexdigest()
    if len(encoded) > OPERATION_BYTES:
        raise Malformed("longer than an operation may be", digest=digest)
    try:
        values = canonical.loads(text)
    except canonical.NotCanonical as error:
        raise Malformed(str(error), digest=digest) from error
    if not isinstance(values, dict):
        raise Malformed("not an object", digest=digest)
    op_id = UUID(values["op_id"]) if is_id(values.get("op_id")) else None
    if values.keys() != _OPERATION.keys():
        raise Malformed("not the keys of an operation", digest=digest, op_id=op_id)
    for key, check in _OPERATION.items():
        if not check(values[key]):
            raise Malformed(f"{key} is not of its type", digest=digest, op_id=op_id)
    return _operation(values, text=text, digest=digest, sig=sig)


def _open_line(line: bytes, whole: str) -> tuple[str, str]:
    """Return `op` and `sig` of a line."""
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
        device_id=UUID(values["device_id"]),
        device_seq=values["device_seq"],
        prev_hash=values["prev_hash"],
        type=values["type"],
        entity_id=UUID(values["entity_id"]),
        base_version=values["base_version"],
        base=values["base"],
        fields=values["fields"],
        attachments=tuple(values["attachments"]),
        depends_on=tuple(UUID(one) for one in values["depends_on"]),
        officer_id=UUID(values["officer_id"]),
        user_session_id=UUID(values["user_session_id"]),
        recorded_at=canonical.parse_instant(values["recorded_at"]),
        monotonic_ms=values["monotonic_ms"],
        boot_id=values["boot_id"],
        form_version=values["form_version"],
        fix=values["fix"],
        confirmation=values["confirmation"],
        text=text,
        digest=digest,
        sig=sig,
    )


def answer_id(visit_id: UUID, item_id: UUID) -> UUID:
    """Return the id of an answer, which both sides compute."""
    return uuid5(visit_id, str(item_id))


# --- receipts ----------------------------------------------------------------------------------

RECEIPT_KEYS: Final = (
    "attachments_pending",
    "device_id",
    "device_seq",
    "journal_seq",
    "key_id",
    "op_hash",
    "op_id",
    "prev_receipt_hash",
    "reason",
    "receipt_seq",
    "received_at",
    "status",
    "stream",
    "v",
    "version",
)


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt as sent: canonical body, signature, and the hash that the next one names."""

    body: str
    sig: str
    digest: str


def make_receipt(values: Mapping[str, Any], keys: Keys) -> SignedReceipt:
    """Return the signed receipt of `values`, which lack only `v` and `key_id`."""
    body = canonical.dumps({**values, "v": 1, "key_id": key_id(public_bytes(keys.receipt_key))})
    digest = canonical.digest(body)
    return SignedReceipt(body, sign_receipt(keys.receipt_key, digest), digest)


# --- the feed's cursor -------------------------------------------------------------------------

CURSOR_VERSION: Final = 1
MAX_CURSOR: Final = 8000
_MAC_BYTES: Final = 16


@dataclass(frozen=True)
class Cursor:
    """How far a tablet has read: `streams` maps stream to scope to the last `seq` seen there."""

    epoch: UUID
    device: UUID
    generation: UUID
    streams: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    version: int = CURSOR_VERSION


def encode_cursor(cursor: Cursor) -> str:
    """Return the cursor as opaque text that only this server can have made."""
    body = json.dumps(
        [
            cursor.version,
            cursor.epoch.hex,
            cursor.device.hex,
            cursor.generation.hex,
            cursor.streams,
        ],
        separators=(",", ":"),
    ).encode()
    return encode_b64(body + _cursor_mac(body))


def decode_cursor(text: str, device_id: UUID, epoch: UUID) -> Cursor:
    """Return the cursor that `encode_cursor` made for this device.

    Raises CursorForged (400), CursorOfAnotherDevice (403) and EpochChanged (409, `epoch`). Whether
    it is too old only the feed knows.
    """
    raw = _cursor_bytes(text)
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if not hmac.compare_digest(mac, _cursor_mac(body)):
        raise CursorForged("同步游标不是本服务器签发的，请从空游标重新开始。")
    version, of_epoch, of_device, generation, streams = json.loads(body)
    cursor = Cursor(UUID(of_epoch), UUID(of_device), UUID(generation), streams, version)
    if cursor.device != device_id:
        raise CursorOfAnotherDevice("同步游标属于另一台终端，请从空游标重新开始。")
    if cursor.epoch != epoch:
        raise EpochChanged(
            "服务器数据已从备份恢复：请重新上报最近 30 天的操作，再从空游标重新同步。",
            epoch=epoch,
        )
    return cursor


def _cursor_bytes(text: str) -> bytes:
    try:
        raw = decode_b64(text) if len(text) <= MAX_CURSOR else b""
    except ValueError:
        raw = b""
    if len(raw) <= _MAC_BYTES:
        raise CursorForged("同步游标不是本服务器签发的，请从空游标重新开始。")
    return raw


def _cursor_mac(body: bytes) -> bytes:
    key = hashlib.sha256(b"feed-cursor" + entry.keys().secret_key).digest()
    return hmac.digest(key, body, "sha256")[:_MAC_BYTES]


# --- headers -----------------------------------------------------------------------------------


def attach(blueprint: flask.Blueprint, *, protocol_optional: bool = False) -> None:
    """Let every request of a blueprint speak the protocol's headers, both ways.

    Another or no `Sync-Protocol` is answered 406 with the supported list (`protocol_optional`: none
    passes). `Device-Time` is compared, never obeyed: see `clock_skew_s`. The answer, a problem too,
    carries `Sync-Protocol`, `Sync-Epoch` and `Server-Time`.
    """

    def before() -> None:
        given = flask.request.headers.get("Sync-Protocol")
        if given is None and protocol_optional:
            return
        if given != str(PROTOCOL):
            raise ProtocolUnsupported(
                "请在 Sync-Protocol 请求头中给出服务器支持的协议版本。", supported=list(SUPPORTED)
            )

    blueprint.before_request(before)
    blueprint.after_request(_answer_headers)


def _answer_headers(response: flask.Response) -> flask.Response:
    response.headers["Sync-Protocol"] = str(PROTOCOL)
    response.headers["Server-Time"] = canonical.instant(clock.now())
    if response.status_code < 500:
        response.headers["Sync-Epoch"] = str(present_epoch())
    return response


def present_epoch() -> UUID:
    """Return this installation's epoch, read once per request."""
    if "sync_epoch" not in flask.g:
        flask.g.sync_epoch = journal.epoch()
    return cast(UUID, flask.g.sync_epoch)


def check_epoch() -> None:
    """Refuse a request that names another `Sync-Epoch` than the present. For pulls, never pushes.

    Raises EpochChanged (409, `epoch`).
    """
    given = flask.request.headers.get("Sync-Epoch")
    if given and given != str(present_epoch()):
        raise EpochChanged(
            "服务器数据已从备份恢复：请重新上报最近 30 天的操作，再从空游标重新同步。",
            epoch=present_epoch(),
        )


def clock_skew_s(at: datetime) -> int | None:
    """Return how far the tablet's clock is ahead of ours in seconds, None where it does not say.

    A time that cannot be read counts as far as can be: a broken clock is no reason to refuse.
    """
    given = flask.request.headers.get("Device-Time")
    if given is None:
        return None
    if not is_time(given):
        return 2**31
    return int((canonical.parse_instant(given) - at).total_seconds())


# --- bodies ------------------------------------------------------------------------------------


def read_body(*, packed: int = BATCH_BYTES, unpacked: int = BATCH_BYTES_UNPACKED) -> bytes:
    """Return the request's body, unpacked where it is gzip, holding no more than the limits.

    Raises BatchTooLarge (413) as soon as a limit is passed, FramingWrong (400) for a body that is
    cut short or no gzip, MediaTypeUnsupported (415) for another encoding.
    """
    request = flask.request
    if (request.content_length or 0) > packed:
        raise _too_large(packed, unpacked)
    raw = request.stream.read(packed + 1)
    if len(raw) > packed:
        raise _too_large(packed, unpacked)
    if request.content_length is not None and len(raw) < request.content_length:
        raise FramingWrong("上报内容没有传完，请整批重新上报。")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return raw
    if encoding != "gzip":
        raise MediaTypeUnsupported("请求内容只能不压缩或用 gzip 压缩。")
    return _gunzip(raw, packed, unpacked)


def _gunzip(raw: bytes, packed: int, unpacked: int) -> bytes:
    machine = zlib.decompressobj(wbits=31)
    try:
        found = machine.decompress(raw, unpacked + 1)
    except zlib.error as error:
        raise FramingWrong("压缩内容无法解开，请整批重新上报。") from error
    if len(found) > unpacked:
        raise _too_large(packed, unpacked)
    if not machine.eof or machine.unused_data:
        raise FramingWrong("压缩内容不完整，请整批重新上报。")
    return found


def _too_large(packed: int, unpacked: int) -> BatchTooLarge:
    return BatchTooLarge(
        "一批上报的内容超过上限，请分成两半分别上报。",
        limit_bytes=packed,
        limit_bytes_unpacked=unpacked,
    )


# --- discovery ---------------------------------------------------------------------------------


def discovery(
    keys: Keys, *, epoch: UUID, since: datetime, min_build: str, at: datetime
) -> dict[str, Any]:
    """Return what a tablet must know before it enrols; `since` is when this installation began."""
    receipt, rescue = public_bytes(keys.receipt_key), public_bytes(keys.rescue_key)
    return {
        "protocols": list(SUPPORTED),
        "min_build": min_build,
        "epoch": epoch,
        "server_time": canonical.instant(at),
        "limits": dict(LIMITS),
        "checksums": ["sha1", "sha256"],
        "receipt_keys": [
            {
                "key_id": key_id(receipt),
                "alg": "Ed25519",
                "key": encode_b64(receipt),
                "from": canonical.instant(since),
                "until": None,
            }
        ],
        "rescue_key": {"key_id": key_id(rescue), "alg": "X25519", "key": encode_b64(rescue)},
    }
