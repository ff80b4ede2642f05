"""The review list over HTTP, for supervisors of the agency."""

from typing import Any
from uuid import UUID

from app import clock, entry
from app.access import Role, current_actor, requires
from app.db import transaction
from app.problems import Blueprint, CursorUnknown, read_cursor, sign_cursor
from sync import wire
from sync.review import service
from sync.review.schemas import (
    ReviewDecisionSchema,
    ReviewItemSchema,
    ReviewListSchema,
    ReviewQuerySchema,
)
from sync.review.service import Matter

blp = Blueprint("review", __name__, url_prefix="/review", description="待处理的上报")
wire.attach(blp)


@blp.route("")
@requires(Role.SUPERVISOR)
@blp.arguments(ReviewQuerySchema, location="query")
@blp.response(200, ReviewListSchema)
def list_items(query: dict[str, Any]) -> dict[str, Any]:
    """待处理的上报"""
    agency_id = current_actor().agency_id
    if agency_id is None:
        return {"items": [], "cursor": "", "more": False}
    found = service.list_matters(
        agency_id,
        query["kind"],
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


@blp.route("/<uuid:item_id>")
@requires(Role.SUPERVISOR)
@blp.response(200, ReviewItemSchema)
def show_item(item_id: UUID) -> Matter:
    """查看一项待处理的上报"""
    return service.get_matter(item_id, current_actor().agency_id)


@blp.route("/<uuid:item_id>", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.arguments(ReviewDecisionSchema)
@blp.response(200, ReviewItemSchema)
def decide(data: dict[str, Any], item_id: UUID) -> Matter:
    """处理一项上报"""
    by = current_actor()
    with transaction():
        service.decide(
            item_id, data["decision"], data["reason"], keys=entry.keys(), by=by, at=clock.now()
        )
    return service.get_matter(item_id, by.agency_id)
