"""tus 1.0.0 at `/uploads`: creation, creation-with-upload, checksum, expiration, termination."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import flask

from app import clock, entry
from app.access import Role, anyone, current_actor, requires_device_or
from app.db import stop_reading, transaction
from app.errors import Unavailable
from app.evidence import inspecting
from app.lean import also
from app.problems import (
    MIME,
    BadRequest,
    Blueprint,
    Gone,
    MediaTypeUnsupported,
    Problem,
    ProblemSchema,
    TooLarge,
    V,
)
from sync import wire
from sync.uploads import queries, rules, service
from sync.uploads.hashing import HASHES
from sync.uploads.models import Underway
from sync.uploads.rules import UploadState

blp = Blueprint("uploads", __name__, url_prefix="/uploads", description="照片上传（tus 1.0.0）")
wire.attach(blp, protocol_optional=True)

PATH = "/api/sync/v1/uploads"
_ALWAYS = (("Tus-Resumable", rules.VERSION),)
LEASE_AFTER_S = 0.1  # a piece that arrives at once needs no lease: of two, one counts
HEARTBEAT_S = 5.0
READ_BYTES = (16 * 1024, 256 * 1024)  # a server's read waits until it has all: grow with the line
READ_S = 0.05
OCTETS = "application/offset+octet-stream"


class TusVersionUnsupported(Problem):
    code, title, status = "tus-version-unsupported", "上传协议版本不受支持", 412


class ChecksumMismatch(Problem):
    code, title, status = "checksum-mismatch", "校验值不一致", 460


class HashMismatch(Problem):
    code, title, status = "hash-mismatch", "文件与申报的校验值不一致", 460


# --- what every request and answer has ------------------------------------------------------------


def init_app(flask_app: flask.Flask) -> None:
    """Let all of tus' core hold at `/uploads`, for answers of the router too."""
    flask_app.after_request(_every_answer)
    inner = flask_app.wsgi_app

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if _is_ours(environ.get("PATH_INFO", "")):
            given = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE")
            environ["REQUEST_METHOD"] = rules.method(environ["REQUEST_METHOD"], given)
        return inner(environ, start_response)

    flask_app.wsgi_app = wsgi_app  # type: ignore[method-assign]  # Flask's documented way


def _is_ours(path: str) -> bool:
    return path == PATH or path.startswith(f"{PATH}/")


def _every_answer(response: flask.Response) -> flask.Response:
    if _is_ours(flask.request.path):
        also(response, _ALWAYS)
    return response


def _require_version() -> None:
    if flask.request.environ.get("HTTP_TUS_RESUMABLE") != rules.VERSION:
        raise TusVersionUnsupported(
            "请在 Tus-Resumable 请求头中给出 1.0.0。", headers={"Tus-Version": rules.VERSION}
        )


def _header(name: str, example: str, *, required: bool = True) -> dict[str, Any]:
    schema = {"type": "string", "maxLength": rules.METADATA_CHARACTERS, "example": example}
    return {"name": name, "in": "header", "required": required, "schema": schema}


_RESUMABLE = _header("Tus-Resumable", rules.VERSION)
_OFFSET = _header("Upload-Offset", "0")
_CHECKSUM = _header("Upload-Checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", required=False)
_BYTES = {OCTETS: {"schema": {"type": "string", "format": "binary"}}}
_MEANING = {
    410: "上传已结束或过期",
    412: "上传协议版本不受支持",
    415: "内容类型不受支持",
    423: "另一连接正在上传",
    460: "校验值不一致",
}


def _answers(*names: str) -> dict[str, Any]:
    """Describe the headers of a good answer."""
    return {name: {"schema": {"type": "string"}} for name in ("Tus-Resumable", *names)}


def _problems(*statuses: int) -> Callable[[V], V]:
    """Document the problems that only tus knows."""

    def decorate(view: V) -> V:
        for status in statuses:
            view = blp.alt_response(
                status, schema=ProblemSchema, content_type=MIME, description=_MEANING[status]
            )(view)
        return view

    return decorate


# --- the five methods -----------------------------------------------------------------------------


@blp.route("", methods=["OPTIONS"])
@anyone
@blp.response(204, headers=_answers("Tus-Version", "Tus-Extension", "Tus-Max-Size"))
def offer() -> flask.Response:
    """查询上传协议的能力"""
    return _offered()


@blp.route("/<uuid:upload_id>", methods=["OPTIONS"])
@anyone
@blp.response(204, headers=_answers("Tus-Version", "Tus-Extension", "Tus-Max-Size"))
def offer_one(upload_id: UUID) -> flask.Response:
    """查询上传协议的能力（单个上传）"""
    return _offered()


def _offered() -> flask.Response:
    response = flask.Response(status=204)
    response.headers["Tus-Version"] = rules.VERSION
    response.headers["Tus-Extension"] = rules.EXTENSIONS
    response.headers["Tus-Max-Size"] = str(rules.RESCUE_BYTES)
    response.headers["Tus-Checksum-Algorithm"] = ",".join(rules.CHECKSUMS)
    return response


@blp.route("", methods=["POST"])
@requires_device_or(Role.SUPERVISOR)
@blp.doc(
    parameters=[
        _RESUMABLE,
        _header("Upload-Length", "5"),
        _header("Upload-Metadata", "sha256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=,size NQ=="),
        _CHECKSUM,
    ],
    requestBody={"required": False, "content": _BYTES},
)
@blp.refuses(429)
@_problems(412, 423, 460)
@blp.response(201, headers=_answers("Location", "Upload-Offset", "Upload-Expires"))
def create() -> flask.Response:
    """开始上传一个文件"""
    _require_version()
    try:
        length = rules.number(flask.request.environ.get("HTTP_UPLOAD_LENGTH"), "Upload-Length")
        described = rules.describe(flask.request.environ.get("HTTP_UPLOAD_METADATA"), length)
    except rules.Unreadable as error:
        raise BadRequest(str(error)) from error
    if length > described.largest_bytes:
        raise TooLarge("文件超过上限，没有开始上传。", largest_bytes=described.largest_bytes)
    lifetime = timedelta(days=entry.config().number("UPLOAD_EXPIRY_DAYS"))
    with transaction(durable=False):
        upload = service.create_upload(
            described, lifetime=lifetime, by=current_actor(), at=clock.now()
        )
    stop_reading()
    has_body = flask.request.mimetype == OCTETS
    if upload.state == UploadState.OPEN and upload.offset_bytes == 0 and (has_body or not length):
        upload = _write(upload, 0)
    response = _told(flask.Response(status=201), upload)
    response.headers["Location"] = f"{PATH}/{upload.id}"
    return response


@blp.route("/<uuid:upload_id>", methods=["HEAD"])
@requires_device_or(Role.SUPERVISOR)
@blp.doc(parameters=[_RESUMABLE])
@_problems(410, 412)
@blp.response(200, headers=_answers("Upload-Offset", "Upload-Length", "Upload-Metadata"))
def look(upload_id: UUID) -> flask.Response:
    """查询已收到多少字节"""
    _require_version()
    upload = _living(upload_id)
    response = _told(flask.Response(status=200), upload)
    response.headers["Upload-Length"] = str(upload.size_bytes)
    response.headers["Upload-Metadata"] = upload.described
    return response


@blp.route("/<uuid:upload_id>", methods=["PATCH"])
@requires_device_or(Role.SUPERVISOR, reads_on=True)
@blp.doc(
    parameters=[_RESUMABLE, _OFFSET, _CHECKSUM],
    requestBody={"required": True, "content": _BYTES},
)
@_problems(410, 412, 415, 423, 460)
@blp.response(204, headers=_answers("Upload-Offset", "Upload-Expires"))
def append(upload_id: UUID) -> flask.Response:
    """从给定位置续传"""
    _require_version()
    if flask.request.mimetype != OCTETS:
        raise MediaTypeUnsupported(f"续传的内容类型应为 {OCTETS}。")
    try:
        offset = rules.number(flask.request.environ.get("HTTP_UPLOAD_OFFSET"), "Upload-Offset")
    except rules.Unreadable as error:
        raise BadRequest(str(error)) from error
    return _told(flask.Response(status=204), _write(_living(upload_id), offset))


@blp.route("/<uuid:upload_id>", methods=["DELETE"])
@requires_device_or(Role.SUPERVISOR)
@blp.doc(parameters=[_RESUMABLE])
@_problems(410, 412)
@blp.response(204, headers=_answers())
def terminate(upload_id: UUID) -> flask.Response:
    """放弃上传"""
    _require_version()
    _living(upload_id)
    with transaction():
        keys = service.end_upload(upload_id, at=clock.now())
    entry.storage().discard(keys)
    return flask.Response(status=204)


def _living(upload_id: UUID) -> Underway:
    """Return an upload of this device or person that goes on or is whole."""
    upload = queries.find_upload(upload_id, by=current_actor())
    if upload is None:
        raise service.UploadMissing("没有这个上传，请重新开始。")
    if upload.state in {UploadState.ENDED, UploadState.HASH_MISMATCH}:
        raise Gone("这个上传已经结束，请重新开始。")
    if upload.state == UploadState.OPEN and upload.expires_at <= clock.now():
        raise Gone("这个上传已经过期，请重新开始。")
    return upload


def _told(response: flask.Response, upload: Underway) -> flask.Response:
    response.headers["Upload-Offset"] = str(upload.offset_bytes)
    if upload.state == UploadState.OPEN:
        expires_at = upload.expires_at.astimezone(UTC)
        response.headers["Upload-Expires"] = format_datetime(expires_at, usegmt=True)
    return response


# --- bytes ----------------------------------------------------------------------------------------


def _write(upload: Underway, offset: int) -> Underway:
    """Take what the request brings from `offset` on; what is stored counts, no more."""
    try:
        wanted = rules.checksum(flask.request.environ.get("HTTP_UPLOAD_CHECKSUM"))
    except rules.Unreadable as error:
        raise BadRequest(str(error)) from error
    service.check_turn(upload, offset, at=clock.now())
    stop_reading()
    body = _Body(upload, offset, wanted)
    if upload.state == UploadState.DONE:
        body.refuse_more()
        return upload
    own = service.own_key(upload, body.lease)
    try:
        return _count(upload, body, service.store_piece(entry.storage(), upload, body, own))
    except BaseException:
        with suppress(Unavailable):
            entry.storage().discard([own])
        with suppress(Unavailable):
            body.let_go()
        raise


def _count(upload: Underway, body: "_Body", key: str) -> Underway:
    """Let a stored piece count, and the whole with the last one."""
    if upload.offset_bytes + body.size == upload.size_bytes:
        return _finish(upload, body, key)
    if not body.size:
        entry.storage().discard({key}.difference(service.keys_of(upload)))
        return upload
    service.add_piece(upload, size_bytes=body.size, key=key)
    if body.whole is not None:
        HASHES.remember(key, upload.offset_bytes, body.whole)
    return upload


def _finish(upload: Underway, body: "_Body", key: str) -> Underway:
    storage, keys = entry.storage(), {*service.keys_of(upload), key}
    sha256 = None if body.whole is None else body.whole.hexdigest()
    try:
        whole = service.join_whole(storage, upload, key, sha256=sha256)
    except service.PiecesLost as lost:
        _rewind(upload, lost.extras["offset"])
        raise
    with transaction():
        picture = service.finish_upload(upload, whole, by=current_actor(), at=clock.now())
    if picture is not None:
        inspecting.soon(picture)
    storage.discard(keys)
    if upload.state == UploadState.HASH_MISMATCH:
        raise HashMismatch("收到的文件与申报的校验值不一致；服务器已另存备查，请重新上传原件。")
    return upload


def _rewind(upload: Underway, offset: int) -> None:
    """Go back to what is still there; the tablet sends the rest again."""
    dropped = service.keys_of(upload, begin=offset)
    with transaction():
        service.rewind_upload(upload, offset)
    entry.storage().discard(dropped)


class _Body:
    """The bytes of a request, counted, hashed and bounded; while they come, a lease is kept alive.

    A client that goes away looks like a normal end to a WSGI server: `check` compares with what was
    promised.
    """

    def __init__(self, upload: Underway, offset: int, wanted: tuple[str, bytes] | None) -> None:
        self.upload_id, self.offset = upload.id, offset
        self.room = upload.size_bytes - offset
        self.promised = flask.request.content_length
        self.size = 0
        self.lease = secrets.token_hex(16)
        self.leased = False
        self._input = flask.request.environ["wsgi.input"]
        self._wanted = wanted
        self._digest = hashlib.new(wanted[0], usedforsecurity=False) if wanted else None
        self.whole = HASHES.after(upload.pieces[-1][2] if upload.pieces else None, offset)
        self._beat_at = clock.monotonic() + LEASE_AFTER_S
        if self.promised is not None and self.promised > self.room:
            raise self._too_much()

    def __iter__(self) -> Iterator[bytes]:
        left = self.room if self.promised is None else self.promised
        step, read_at = READ_BYTES[0], clock.monotonic()
        while left > 0:
            chunk = self._read(min(step, left))
            now = clock.monotonic()
            step = min(step * 16, READ_BYTES[1]) if now - read_at < READ_S else READ_BYTES[0]
            if now >= self._beat_at:
                self._beat()
            read_at = clock.monotonic()
            if not chunk:
                break
            left -= len(chunk)
            self.size += len(chunk)
            for digest in (self._digest, self.whole):
                if digest is not None:
                    digest.update(chunk)
            yield chunk
        if not left:
            self.refuse_more()
        self._check()

    def refuse_more(self) -> None:
        """Raise TooLarge when a body without announced length goes on."""
        if self.promised is None and self._read(1):
            raise self._too_much()

    def _read(self, size: int) -> bytes:
        try:
            found: bytes = self._input.read(size)
        except OSError:
            return b""  # the line broke: what came until now counts
        return found

    def _too_much(self) -> TooLarge:
        return TooLarge("内容超过了申报的文件大小，这一段没有写入。", room_bytes=self.room)

    def _beat(self) -> None:
        """Hold the lease, now and for a while; a busy database may let one beat pass."""
        life = timedelta(seconds=entry.config().number("UPLOAD_LEASE_S"))
        with suppress(Unavailable), transaction(durable=False):
            service.hold_lease(
                self.upload_id, self.lease, offset=self.offset, life=life, at=clock.now()
            )
            self.leased = True
        stop_reading()
        self._beat_at = clock.monotonic() + HEARTBEAT_S

    def _check(self) -> None:
        """Raise ChecksumMismatch unless the bytes are those of the checksum that came with them."""
        if self._wanted is None or self._digest is None:
            return
        cut = self.promised is not None and self.size < self.promised
        if cut or not secrets.compare_digest(self._digest.digest(), self._wanted[1]):
            raise ChecksumMismatch("这一段与校验值不一致，已丢弃，请重传这一段。")

    def let_go(self) -> None:
        """Let the next writer in."""
        if self.leased:
            with transaction(durable=False):
                service.release_lease(self.upload_id, self.lease)
