"""Suggestions over HTTP: open tasks of a unit that fall near to each other could be one entry."""

from typing import Any

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.db import transaction
from app.jointvisits import queries, suggesting
from app.jointvisits.models import JointSuggestionDismissal
from app.jointvisits.suggesting import Suggestion
from app.jointvisits.suggestion_schemas import (
    DismissalQuerySchema,
    DismissalSchema,
    NewDismissalSchema,
    SuggestionQuerySchema,
    SuggestionSchema,
)
from app.people import service as people
from app.problems import Blueprint, CursorUnknown, Page, page, read_cursor, sign_cursor

blp = Blueprint(
    "joint-suggestions", __name__, url_prefix="/joint-suggestions", description="合并入企建议"
)


READERS = (Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR)


@blp.route("")
@requires(*READERS)
@blp.refuses(404)
@blp.arguments(SuggestionQuerySchema, location="query")
@blp.paged(SuggestionSchema)
def list_suggestions(query: dict[str, Any]) -> Page[Suggestion]:
    """建议合并的任务：同一单位尚未开始的任务，到期日相差不超过规定天数

    附一次入企和分别入企各会达到的检查频次上限。逾期的任务按当日到期计。已写明理由不采纳的不再列出，
    任务或其期限有变化的除外。
    """
    after = ""
    if query["cursor"]:
        after = read_cursor(query["cursor"]).get("after", "")
        if not isinstance(after, str):
            raise CursorUnknown("分页游标无效，请从第一页重新读取。")
    found = suggesting.suggest(
        current_agency_id(),
        within_days=query["within_days"],
        unit_id=query["unit_id"],
        after=after,
        limit=query["limit"],
        at=clock.now(),
    )
    place = found.next_place
    return Page(found.items, None if place is None else sign_cursor({"after": place}))


@blp.route("/dismissals")
@requires(*READERS)
@blp.arguments(DismissalQuerySchema, location="query")
@blp.paged(DismissalSchema)
def list_dismissals(query: dict[str, Any]) -> Page[JointSuggestionDismissal]:
    """查询不采纳的合并入企建议及理由"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.dismissals_of(current_agency_id(), **query)
    return page(found, JointSuggestionDismissal.id, limit=limit, cursor=cursor)


@blp.route("/dismissals", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewDismissalSchema)
@blp.response(201, DismissalSchema)
def dismiss(data: dict[str, Any]) -> JointSuggestionDismissal:
    """不采纳一项合并入企建议，写明理由；任务或其期限有变化的，会再次建议"""
    with transaction():
        agency = people.get_agency(current_agency_id())
        return suggesting.dismiss(**data, agency=agency, by=current_actor(), at=clock.now())
