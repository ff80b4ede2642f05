"""The wire of the field sync protocol, version 1: headers, bodies, receipts, cursors, discovery."""

import functools
import hashlib
import hmac
import io
import json
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import flask
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.globals import app_ctx

from app import canonical, clock, entry
from app.journal import service as journal
from app.keys import Keys, key_id, public_bytes
from app.lean import also
from app.problems import MIME, MediaTypeUnsupported, Problem, ProblemSchema, TooLarge
from sync.operations import OPERATION_BYTES, decode_b64, encode_b64, is_time

PROTOCOL: Final = 1
_SPOKEN: Final = ("Sync-Protocol", str(PROTOCOL))
SUPPORTED: Final = (PROTOCOL,)

MIB: Final = 1024 * 1024
BATCH_OPERATIONS: Final = 50
BATCH_BYTES: Final = MIB
BATCH_BYTES_UNPACKED: Final = 8 * MIB
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


# --- receipts ----------------------------------------------------------------------------------


def receipt_body(values: Mapping[str, Any], key: Ed25519PrivateKey) -> str:
    """Return the canonical receipt of `values`, which lack only `v` and `key_id`; ids as they are.

    What is signed, and what the next one names, is its SHA-256.
    """
    return canonical.dumps_with_ids({**values, "v": 1, "key_id": _receipt_key_id(key)})


@functools.lru_cache(maxsize=4)
def _receipt_key_id(key: Ed25519PrivateKey) -> str:
    return key_id(public_bytes(key))


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
    passes). A JSON body may come as gzip. `Device-Time` is compared, never obeyed: see
    `clock_skew_s`. The answer, a problem too, carries `Sync-Protocol`, `Sync-Epoch` and
    `Server-Time`; `Alert` where the tablet's build ends, `Backoff` where it should wait.
    """

    def before() -> None:
        given = flask.request.environ.get("HTTP_SYNC_PROTOCOL")
        if given is None and protocol_optional:
            return
        if given != str(PROTOCOL):
            raise ProtocolUnsupported(
                "请在 Sync-Protocol 请求头中给出服务器支持的协议版本。", supported=list(SUPPORTED)
            )
        _unpack_json()

    blueprint.before_request(before)
    blueprint.after_request(_answer_headers)
    documented = getattr(blueprint, "_prepare_doc_cbks", None)  # flask-smorest's place for it
    if documented is not None:
        documented.append(functools.partial(_document, required=not protocol_optional))


def _document(
    doc: dict[str, Any], doc_info: dict[str, Any], *, required: bool, **_: Any
) -> dict[str, Any]:
    """Add the protocol's header and its refusal to an operation's description."""
    header = {
        "name": "Sync-Protocol",
        "in": "header",
        "required": required,
        "schema": {"type": "string", "enum": [str(version) for version in SUPPORTED]},
    }
    doc.setdefault("parameters", []).append(header)
    content = {MIME: {"schema": ProblemSchema}}
    doc.setdefault("responses", {})["406"] = {
        "description": "协议版本不受支持",
        "content": content,
    }
    return doc


def _answer_headers(response: flask.Response) -> flask.Response:
    also(response, (_SPOKEN, ("Server-Time", canonical.instant(clock.now()))))
    if alert := app_ctx.g.get("sync_alert"):
        also(response, (("Alert", alert),))
    if response.status_code >= 400 and (wait := response.headers.get("Retry-After")):
        also(response, (("Backoff", wait),))
    if response.status_code < 500:
        with suppress(journal.NotInitialised):
            also(response, (("Sync-Epoch", _written(present_epoch())),))
    return response


_written = functools.lru_cache(maxsize=4)(str)


def present_epoch() -> UUID:
    """Return this installation's epoch, read once per request."""
    values = app_ctx.g
    found: UUID | None = values.get("sync_epoch")
    if found is None:
        values.sync_epoch = found = journal.epoch()
    return found


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


@dataclass(frozen=True)
class Contact:
    """What a tablet says of itself when it calls; None where it does not say.

    `skew_s`: how far its clock is ahead of ours; `unsent`: how many operations it still holds.
    """

    skew_s: int | None = None
    build: str | None = None
    unsent: int | None = None


_BUILD = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,39}\Z")
_COUNT = re.compile(r"[0-9]{1,9}\Z")


def contact(at: datetime) -> Contact:
    """Return what the tablet says of itself in the headers of this request.

    `Device-Build` and `Device-Unsent` are optional; one that cannot be read was not said.
    """
    unsent = flask.request.headers.get("Device-Unsent", "")
    return Contact(
        skew_s=clock_skew_s(at),
        build=build_told(),
        unsent=int(unsent) if _COUNT.match(unsent) else None,
    )


def build_told() -> str | None:
    """Return the build that the tablet says it runs, if it can be read."""
    build = flask.request.environ.get("HTTP_DEVICE_BUILD", "")
    return build if _BUILD.match(build) else None


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


def _unpack_json() -> None:
    """Let a compressed JSON body be read like any other; others are read by `read_body`."""
    if "HTTP_CONTENT_ENCODING" in flask.request.environ and flask.request.is_json:
        flask.request.stream = io.BytesIO(read_body())


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
    keys: Keys,
    *,
    epoch: UUID,
    since: datetime,
    min_build: str,
    recommended_build: str,
    at: datetime,
) -> dict[str, Any]:
    """Return what a tablet must know before it enrols; `since` is when this installation began."""
    receipt, rescue = public_bytes(keys.receipt_key), public_bytes(keys.rescue_key)
    return {
        "protocols": list(SUPPORTED),
        "min_build": min_build,
        "recommended_build": recommended_build,
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
