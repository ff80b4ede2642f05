"""Officers for given lists over HTTP."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.db import transaction
from app.draws import given
from app.draws.given import OfficerDraw
from app.draws.models import DrawPlan
from app.draws.plan_schemas import DrawPlanSchema, NewOfficerDrawSchema
from app.lists import service as lists
from app.people import service as people
from app.problems import Blueprint

blp = Blueprint("list-draws", __name__, url_prefix="/lists", description="下达名单的检查人员")


@blp.route("/<uuid:list_id>/officer-draw", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewOfficerDrawSchema)
@blp.response(201, DrawPlanSchema)
def plan_officers(data: dict[str, Any], list_id: UUID) -> DrawPlan:
    """为名单的待分派任务抽取检查人员

    单位由名单确定，全部列入；检查人员按公告、随机数、结果的同一程序抽取，任何人可以验证。
    """
    agency_id = current_actor().agency_id
    with transaction():
        found = lists.get_list(list_id, agency_id)
        return given.plan_officers(
            found,
            OfficerDraw(**data),
            agency=people.get_agency(found.agency_id),
            by=current_actor(),
            at=clock.now(),
        )
