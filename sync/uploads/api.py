"""tus 1.0.0 at `/uploads`: creation, creation-with-upload, checksum, expiration, termination."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import flask

from app import clock, entry
from app.access import anyone, current_actor, requires_device
from app.db import transaction
from app.problems import (
    BadRequest,
    Blueprint,
    Gone,
    MediaTypeUnsupported,
    Problem,
    TooLarge,
)
from sync import wire
from sync.uploads import rules, service
from sync.uploads.models import Upload
from sync.uploads.rules import UploadState

blp = Blueprint("uploads", __name__, url_prefix="/uploads", description="照片上传（tus 1.0.0）")
wire.attach(blp, protocol_optional=True)

HEARTBEAT_S = 5.0
READ_BYTES = 256 * 1024
OCTETS = "application/offset+octet-stream"


class TusVersionUnsupported(Problem):
    code, title, status = "tus-version-unsupported", "上传协议版本不受支持", 412


class UploadLocked(Problem):
    code, title, status = "upload-locked", "上传正由另一连接进行", 423


class ChecksumMismatch(Problem):
    code, title, status = "checksum-mismatch", "校验值不一致", 460


class HashMismatch(Problem):
    code, title, status = "hash-mismatch", "文件与申报的校验值不一致", 460


def _require_version() -> None:
    if flask.request.headers.get("Tus-Resumable") != rules.VERSION:
        raise TusVersionUnsupported(
            "请在 Tus-Resumable 请求头中给出 1.0.0。", headers={"Tus-Version": rules.VERSION}
        )


def _every_answer(response: flask.Response) -> flask.Response:
    if flask.request.method != "OPTIONS":
        response.headers["Tus-Resumable"] = rules.VERSION
    if flask.request.method == "HEAD":
        response.headers["Cache-Control"] = "no-store"
    if response.status_code in {403, 404, 410}:
        response.headers.pop("Upload-Offset", None)
    return response


blp.after_request(_every_answer)


@blp.route("", methods=["OPTIONS"])
@blp.route("/<uuid:upload_id>", methods=["OPTIONS"])
@anyone
@blp.response(204)
def options(upload_id: UUID | None = None) -> flask.Response:
    """查询上传协议的能力"""
    response = flask.Response(status=204)
    response.headers["Tus-Resumable"] = rules.VERSION
    response.headers["Tus-Version"] = rules.VERSION
    response.headers["Tus-Extension"] = rules.EXTENSIONS
    response.headers["Tus-Max-Size"] = str(rules.VIDEO_BYTES)
    response.headers["Tus-Checksum-Algorithm"] = ",".join(rules.CHECKSUMS)
    return response


def _tus_header(name: str, *, required: bool = True, example: str = "1.0.0") -> dict[str, Any]:
    schema = {"type": "string", "maxLength": 2000, "example": example}
    return {"name": name, "in": "header", "required": required, "schema": schema}


_RESUMABLE = _tus_header("Tus-Resumable")


@blp.route("", methods=["POST"])
@requires_device
@blp.doc(
    parameters=[
        _RESUMABLE,
        _tus_header("Upload-Length", example="5"),
        _tus_header("Upload-Metadata", example="sha256 …,size …,role …,op_id …"),
        _tus_header("Upload-Checksum", required=False, example="sha256 …"),
    ]
)
@blp.alt_response(412, description="协议版本不受支持")
@blp.alt_response(460, description="校验值不一致")
@blp.response(201)
def create() -> flask.Response:
    """开始上传一个文件"""
    _require_version()
    try:
        length = rules.number(flask.request.headers.get("Upload-Length"), "Upload-Length")
        described = rules.describe(flask.request.headers.get("Upload-Metadata"), length)
    except rules.Unreadable as error:
        raise BadRequest(str(error)) from error
    if length > described.largest_bytes:
        raise TooLarge("文件超过上限，没有开始上传。", largest_bytes=described.largest_bytes)
    at = clock.now()
    lifetime = timedelta(days=entry.config().number("UPLOAD_EXPIRY_DAYS"))
    with transaction():
        upload, _known = service.create_upload(
            described, lifetime=lifetime, by=current_actor(), at=at
        )
    offset = upload.offset_bytes
    if flask.request.mimetype == OCTETS and upload.state == UploadState.OPEN and offset == 0:
        offset = _write(upload, 0).offset_bytes
    response = flask.Response(status=201)
    response.headers["Location"] = f"{flask.request.path}/{upload.id}"
    return _described(response, upload, offset)


@blp.route("/<uuid:upload_id>", methods=["HEAD", "GET"])
@requires_device
@blp.doc(parameters=[_RESUMABLE])
@blp.alt_response(410, description="上传已结束")
@blp.alt_response(412, description="协议版本不受支持")
@blp.response(200)
def look(upload_id: UUID) -> flask.Response:
    """查询已收到多少字节"""
    _require_version()
    upload = _open_upload(upload_id)
    response = flask.Response(status=200)
    response.headers["Upload-Length"] = str(upload.size_bytes)
    response.headers["Cache-Control"] = "no-store"
    return _described(response, upload, upload.offset_bytes)


@blp.route("/<uuid:upload_id>", methods=["PATCH"])
@requires_device
@blp.doc(
    parameters=[
        _RESUMABLE,
        _tus_header("Upload-Offset", example="0"),
        _tus_header("Upload-Checksum", required=False, example="sha256 …"),
    ],
    requestBody={"content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}},
)
@blp.alt_response(410, description="上传已结束")
@blp.alt_response(412, description="协议版本不受支持")
@blp.alt_response(423, description="另一连接正在上传")
@blp.alt_response(460, description="校验值不一致")
@blp.response(204)
def append(upload_id: UUID) -> flask.Response:
    """从给定位置续传"""
    _require_version()
    if flask.request.mimetype != OCTETS:
        raise MediaTypeUnsupported(f"续传的内容类型应为 {OCTETS}。")
    try:
        offset = rules.number(flask.request.headers.get("Upload-Offset"), "Upload-Offset")
    except rules.Unreadable as error:
        raise BadRequest(str(error)) from error
    upload = _write(_open_upload(upload_id), offset)
    return _described(flask.Response(status=204), upload, upload.offset_bytes)


@blp.route("/<uuid:upload_id>", methods=["DELETE"])
@requires_device
@blp.doc(parameters=[_RESUMABLE])
@blp.alt_response(410, description="上传已结束")
@blp.alt_response(412, description="协议版本不受支持")
@blp.response(204)
def terminate(upload_id: UUID) -> flask.Response:
    """放弃上传"""
    _require_version()
    _open_upload(upload_id)
    with transaction():
        keys = service.end_upload(upload_id, at=clock.now())
    for key in keys:
        entry.storage().delete(key)
    return flask.Response(status=204)


def _open_upload(upload_id: UUID) -> Upload:
    upload = service.find_upload(upload_id, device_id=current_actor().device_id)
    if upload is None:
        raise service.UploadMissing("没有这个上传，请重新开始。")
    if upload.state in {UploadState.ENDED, UploadState.HASH_MISMATCH}:
        raise Gone("这个上传已经结束，请重新开始。")
    if upload.state == UploadState.OPEN and upload.expires_at <= clock.now():
        raise Gone("这个上传已经过期，请重新开始。")
    return upload


def _described(response: flask.Response, upload: Upload, offset: int) -> flask.Response:
    response.headers["Upload-Offset"] = str(offset)
    if upload.state == UploadState.OPEN:
        response.headers["Upload-Expires"] = format_datetime(
            upload.expires_at.astimezone(UTC), usegmt=True
        )
    return response


def _write(upload: Upload, offset: int) -> Upload:
    """Take what the request brings from `offset` on; what is durably stored counts, no more."""
    try:
        wanted = rules.checksum(flask.request.headers.get("Upload-Checksum"))
    except rules.Unreadable as error:
        raise BadRequest(str(error)) from error
    promised = flask.request.content_length
    room = upload.size_bytes - offset
    if promised is not None and promised > room > -1:
        raise TooLarge("内容超过了申报的文件大小，没有写入。", room_bytes=room)
    lease, life = secrets.token_hex(16), timedelta(seconds=entry.config().number("UPLOAD_LEASE_S"))
    at = clock.now()
    with transaction():
        if not service.lease_upload(upload.id, lease, offset=offset, until=at + life, at=at):
            raise UploadLocked("同一文件正由另一连接上传，请稍后再试。")
    key = f"uploads/{upload.id}/{offset}-{lease}"
    body = _Body(room, wanted, lambda: _beat(upload.id, lease, life))
    try:
        return _store(upload, lease, offset, key, body, promised)
    except BaseException:
        with transaction():
            service.release_lease(upload.id, lease)
        raise


def _beat(upload_id: UUID, lease: str, life: timedelta) -> None:
    with transaction():
        service.keep_lease(upload_id, lease, until=clock.now() + life)


def _store(
    upload: Upload, lease: str, offset: int, key: str, body: "_Body", promised: int | None
) -> Upload:
    storage = entry.storage()
    storage.put_new(key, iter(body))
    cut = promised is not None and body.size < promised
    if body.wanted is not None and (cut or not body.agrees()):
        storage.delete(key)
        raise ChecksumMismatch("这一段与校验值不一致，已丢弃，请重传这一段。")
    if body.size == 0:
        storage.delete(key)
    whole = None
    if offset + body.size == upload.size_bytes:
        keys = service.part_keys(upload.id) + ([key] if body.size else [])
        whole = service.join_whole(storage, upload, keys)
    with transaction():
        upload = service.add_part(
            upload.id,
            lease,
            offset=offset,
            size_bytes=body.size,
            key=key,
            whole=whole,
            by=current_actor(),
            at=clock.now(),
        )
    if whole is not None:
        _clear(upload.id)
    if upload.state == UploadState.HASH_MISMATCH:
        raise HashMismatch("收到的文件与申报的校验值不一致；服务器已另存备查，请重新上传原件。")
    return upload


def _clear(upload_id: UUID) -> None:
    """Delete the pieces of a whole file; what is left behind by a crash, the timetable clears."""
    with transaction():
        keys = service.end_upload(upload_id, at=clock.now())
    for key in keys:
        entry.storage().delete(key)


class _Body:
    """The bytes of a request, counted, hashed and bounded, with a heartbeat while they come.

    A client that goes away looks like a normal end here: whoever asks compares `size` with what
    was promised.
    """

    def __init__(
        self, room: int, wanted: tuple[str, bytes] | None, beat: Callable[[], None]
    ) -> None:
        self.room = room
        self.wanted = wanted
        self.beat = beat
        self.size = 0
        self.digest = hashlib.new(wanted[0], usedforsecurity=False) if wanted else None

    def __iter__(self) -> Iterator[bytes]:
        source = flask.request.environ["wsgi.input"]
        promised = flask.request.content_length
        left = self.room if promised is None else min(promised, self.room)
        beaten = clock.monotonic()
        while left > 0:
            try:
                chunk = source.read(min(READ_BYTES, left))
            except OSError:
                return  # the line broke: what came until now counts
            if not chunk:
                return
            left -= len(chunk)
            self.size += len(chunk)
            if self.digest:
                self.digest.update(chunk)
            yield chunk
            if clock.monotonic() - beaten > HEARTBEAT_S:
                beaten = clock.monotonic()
                self.beat()

    def agrees(self) -> bool:
        """Tell whether the bytes have the checksum that came with them."""
        return self.wanted is None or (
            self.digest is not None and secrets.compare_digest(self.digest.digest(), self.wanted[1])
        )


def init_app(flask_app: flask.Flask) -> None:
    """Let `X-HTTP-Method-Override` mean what tus says it means, for uploads only."""
    inner = flask_app.wsgi_app

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "/uploads" in environ.get("PATH_INFO", ""):
            given = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE")
            environ["REQUEST_METHOD"] = rules.method(environ["REQUEST_METHOD"], given)
        return inner(environ, start_response)

    flask_app.wsgi_app = wsgi_app  # type: ignore[method-assign]  # Flask's documented way


def expire_uploads(*, at: datetime) -> str:
    """Clear uploads that expired or were left behind; a job of the timetable."""
    count = 0
    for upload_id in service.overdue_uploads(at=at):
        with transaction():
            keys = service.end_upload(upload_id, at=at)
        for key in keys:
            entry.storage().delete(key)
        count += 1
    return f"{count} uploads cleared"
