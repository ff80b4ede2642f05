"""Suggestions over HTTP: open tasks of a unit that fall near to each other could be one entry."""

from typing import Any

from app import clock
from app.access import Role, current_agency_id, requires
from app.jointvisits import suggesting
from app.jointvisits.suggesting import Suggestion
from app.jointvisits.suggestion_schemas import SuggestionQuerySchema, SuggestionSchema
from app.problems import Blueprint, CursorUnknown, Page, read_cursor, sign_cursor

blp = Blueprint(
    "joint-suggestions", __name__, url_prefix="/joint-suggestions", description="合并入企建议"
)


@blp.route("")
@requires(Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR)
@blp.refuses(404)
@blp.arguments(SuggestionQuerySchema, location="query")
@blp.paged(SuggestionSchema)
def list_suggestions(query: dict[str, Any]) -> Page[Suggestion]:
    """建议合并的任务：同一单位尚未开始的任务，到期日相差不超过规定天数

    附一次入企和分别入企各会达到的检查频次上限。逾期的任务按当日到期计。
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
