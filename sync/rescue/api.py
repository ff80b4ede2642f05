"""Rescue files over HTTP: a supervisor brings what a tablet could not send itself."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import flask

from app import clock
from app.access import Role, current_actor, requires
from app.db import new_id
from app.problems import Blueprint, Page, PageSchema, page
from sync import wire
from sync.inbox.api import answer_of
from sync.rescue import importing, queries, rules, service
from sync.rescue.importing import Imported
from sync.rescue.models import RescueFile
from sync.rescue.schemas import RescueFileSchema, RescueResultSchema, RescueUploadSchema

blp = Blueprint("rescue", __name__, url_prefix="/rescue", description="救援文件")
wire.attach(blp)
_CHUNK = 256 * 1024
_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary", "maxLength": rules.FILE_BYTES}
            },
            "application/json": {"schema": RescueUploadSchema},
        },
    }
}


@blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.doc(**_FILE)
@blp.response(200, RescueResultSchema)
@blp.refuses(413)
def import_file() -> dict[str, Any]:
    """导入救援文件

    8 MiB 以上的文件宜先按 tus 上传（role 为 rescue，可断点续传），再在此给出 upload_id。
    文件先完整留存，再逐条导入；无法解开的记录按序号列出，其余照常导入。重复导入没有副作用。
    """
    by, at = current_actor(), clock.now()
    if flask.request.is_json:
        named = RescueUploadSchema().load(flask.request.get_json())
        rescue = importing.take_upload(named["upload_id"], by=by, at=at)
    else:
        rescue = importing.store_file(new_id(), _body(), by=by, at=at)
    return _result(importing.import_file(rescue, by=by, at=at))


def _body() -> Iterator[bytes]:
    """Read the body piece by piece. Raises FramingWrong when it is cut short or empty."""
    request = flask.request
    request.max_content_length = rules.FILE_BYTES
    if (request.content_length or 0) > rules.FILE_BYTES:
        raise importing.RescueTooLarge(
            "救援文件超过上限，请联系管理员。", limit_bytes=rules.FILE_BYTES
        )
    size = 0
    while chunk := request.stream.read(_CHUNK):
        size += len(chunk)
        yield chunk
    if size == 0 or size < (request.content_length or 0):
        raise wire.FramingWrong("救援文件没有传完或是空的，请重新上传。")


def _result(found: Imported) -> dict[str, Any]:
    return {
        "rescue_id": found.rescue.id,
        "device_id": found.device_id,
        "results": [answer_of(result, receipt) for result, receipt in found.results],
        "blobs": found.blobs,
        "broken": found.broken,
    }


@blp.route("", methods=["GET"])
@requires(Role.SUPERVISOR)
@blp.arguments(PageSchema, location="query")
@blp.paged(RescueFileSchema)
def list_files(query: dict[str, Any]) -> Page[RescueFile]:
    """本单位的救援文件"""
    agency_id = current_actor().agency_id
    if agency_id is None:
        return Page([], None)
    return page(queries.files_of(agency_id), RescueFile.id, **query)


@blp.route("/<uuid:rescue_id>/replay", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.response(200, RescueResultSchema)
def replay(rescue_id: UUID) -> dict[str, Any]:
    """重新导入留存的救援文件"""
    by = current_actor()
    rescue = service.get_file(rescue_id, by.agency_id)
    return _result(importing.import_file(rescue, by=by, at=clock.now()))
