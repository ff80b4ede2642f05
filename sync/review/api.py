"""The review list over HTTP, for supervisors of the agency."""

from typing import Any
from uuid import UUID

import flask

from app import clock, entry
from app.access import Role, current_actor, requires
from app.db import stop_reading, transaction
from app.problems import Blueprint, CursorUnknown, read_cursor, sign_cursor
from sync import wire
from sync.review import matters, service
from sync.review.matters import Count, Matter
from sync.review.queries import Wish
from sync.review.schemas import (
    ReviewCountsSchema,
    ReviewDecisionSchema,
    ReviewItemSchema,
    ReviewListSchema,
    ReviewQuerySchema,
)
from sync.review.service import Ruling

blp = Blueprint("review", __name__, url_prefix="/review", description="待处理的上报")
wire.attach(blp)


@blp.route("")
@requires(Role.SUPERVISOR)
@blp.arguments(ReviewQuerySchema, location="query")
@blp.response(200, ReviewListSchema)
def list_items(query: dict[str, Any]) -> dict[str, Any]:
    """待处理的上报

    默认列出未处理的事项，最早的在前；可按类别、原因、终端和状态筛选。
    """
    agency_id = current_actor().agency_id
    if agency_id is None:
        return {"items": [], "cursor": "", "more": False}
    found = matters.list_matters(
        agency_id,
        Wish(query["kind"], query["reason"], query["device_id"], query["state"]),
        after=_after(query["cursor"]),
        limit=query["limit"] + 1,
        at=clock.now(),
    )
    items = found[: query["limit"]]
    cursor = sign_cursor({"after": str(items[-1].item.id)}) if items else query["cursor"]
    return {"items": items, "cursor": cursor, "more": len(found) > len(items)}


def _after(cursor: str) -> UUID | None:
    if not cursor:
        return None
    try:
        return UUID(str(read_cursor(cursor).get("after")))
    except ValueError as error:
        raise CursorUnknown("分页游标无效，请从第一页重新读取。") from error


@blp.route("/counts")
@requires(Role.SUPERVISOR)
@blp.response(200, ReviewCountsSchema)
def count_items() -> dict[str, list[Count]]:
    """待处理事项的数量，按类别和原因"""
    agency_id = current_actor().agency_id
    if agency_id is None:
        return {"counts": []}
    return {"counts": matters.count_matters(agency_id, clock.now())}


@blp.route("/<uuid:item_id>")
@requires(Role.SUPERVISOR)
@blp.etag
@blp.response(200, ReviewItemSchema)
def show_item(item_id: UUID) -> Matter:
    """查看一项待处理的上报"""
    matter = matters.get_matter(item_id, current_actor().agency_id)
    blp.set_etag(matter.item.version)
    return matter


@blp.route("/<uuid:item_id>/file")
@requires(Role.SUPERVISOR)
@blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
def show_file(item_id: UUID) -> flask.Response:
    """下载与申报不一致的文件

    只有原因为 hash-mismatch 的事项有文件；内容不可信，按未知类型下载。
    """
    key = matters.file_of(item_id, current_actor().agency_id)
    stop_reading()
    size = entry.storage().head(key).size_bytes
    response = flask.Response(entry.storage().stream(key), mimetype="application/octet-stream")
    response.headers["Content-Length"] = str(size)
    response.headers["Content-Disposition"] = f'attachment; filename="{item_id}"'
    return response


@blp.route("/<uuid:item_id>", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(ReviewDecisionSchema)
@blp.response(200, ReviewItemSchema)
def decide(data: dict[str, Any], item_id: UUID) -> Matter:
    """处理一项上报

    采用（accept）、维持（keep）、逐项合并（merge）、重新判定（reopen）、退回监督员（return）或不予采用（decline）。
    """
    by = current_actor()
    with transaction():
        blp.check_version(matters.get_matter(item_id, by.agency_id), ReviewItemSchema)
        service.decide(
            item_id,
            Ruling(data["decision"], data["reason"], data["fields_"]),
            keys=entry.keys(),
            by=by,
            at=clock.now(),
        )
    matter = matters.get_matter(item_id, by.agency_id)
    blp.set_etag(matter.item.version)
    return matter
