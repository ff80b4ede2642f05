"""Plans over HTTP: supervisors plan, preview, withdraw and order anew what was void."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.db import transaction
from app.draws import plans, preview, queries
from app.draws.models import DrawPlan
from app.draws.plan_schemas import (
    DrawPlanQuerySchema,
    DrawPlanSchema,
    DrawPreviewSchema,
    NewDrawPlanSchema,
)
from app.draws.schemas import DrawReasonSchema
from app.draws.stages import NewPlan
from app.people import service as people
from app.people.models import Agency
from app.problems import Blueprint, Page, page

blp = Blueprint("draw-plans", __name__, url_prefix="/draw-plans", description="抽查计划")

READERS = (
    Role.SUPERVISOR,
    Role.LEGAL_REVIEWER,
    Role.CLERK,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
)
INSIDERS = (Role.SUPERVISOR, Role.AUDITOR)


@blp.route("")
@requires(*READERS)
@blp.arguments(DrawPlanQuerySchema, location="query")
@blp.paged(DrawPlanSchema)
def list_plans(query: dict[str, Any]) -> Page[DrawPlan]:
    """查询本机构的抽查计划"""
    year = query.pop("year")
    return page(queries.plans_in(current_agency_id(), year), DrawPlan.id, **query)


@blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewDrawPlanSchema)
@blp.response(201, DrawPlanSchema)
def save_plan(data: dict[str, Any]) -> DrawPlan:
    """制定抽查计划"""
    with transaction():
        return plans.save_plan(_plan(data), agency=_agency(), by=current_actor(), at=clock.now())


@blp.route("/<uuid:plan_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, DrawPlanSchema)
def get_plan(plan_id: UUID) -> DrawPlan:
    """查看抽查计划"""
    plan = plans.get_plan(plan_id, current_agency_id())
    blp.set_etag(plan.version)
    return plan


@blp.route("/<uuid:plan_id>", methods=["PUT"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(NewDrawPlanSchema)
@blp.response(200, DrawPlanSchema)
def change_plan(data: dict[str, Any], plan_id: UUID) -> DrawPlan:
    """修改抽查计划（冻结名单之前）"""
    with transaction():
        plan = plans.get_plan(plan_id, current_agency_id())
        blp.check_version(plan, DrawPlanSchema)
        plans.change_plan(plan, _plan(data), by=current_actor(), at=clock.now())
    blp.set_etag(plan.version)
    return plan


@blp.route("/<uuid:plan_id>/preview")
@requires(*INSIDERS)
@blp.response(200, DrawPreviewSchema)
def preview_plan(plan_id: UUID) -> dict[str, Any]:
    """预览：分层、基数、应抽数、各级机会、排除、回避、结转、无法满足之处；不写入任何数据"""
    plan = plans.get_plan(plan_id, current_agency_id())
    return preview.preview_plan(plan, at=clock.now())


@blp.route("/<uuid:plan_id>/withdraw", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(DrawReasonSchema)
@blp.response(200, DrawPlanSchema)
def withdraw_plan(data: dict[str, Any], plan_id: UUID) -> DrawPlan:
    """撤回抽查计划（冻结名单之前）"""
    with transaction():
        plan = plans.get_plan(plan_id, current_agency_id())
        blp.check_version(plan, DrawPlanSchema)
        plans.withdraw_plan(plan, data["reason"], by=current_actor(), at=clock.now())
    blp.set_etag(plan.version)
    return plan


@blp.route("/<uuid:plan_id>/redraw", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(DrawReasonSchema)
@blp.response(200, DrawPlanSchema)
def order_redraw(data: dict[str, Any], plan_id: UUID) -> DrawPlan:
    """抽取作废后重新抽取：新编号、新公告、新随机数"""
    with transaction():
        plan = plans.get_plan(plan_id, current_agency_id())
        blp.check_version(plan, DrawPlanSchema)
        plans.order_redraw(plan, data["reason"], by=current_actor(), at=clock.now())
    blp.set_etag(plan.version)
    return plan


def _agency() -> Agency:
    return people.get_agency(current_agency_id())


def _plan(data: dict[str, Any]) -> NewPlan:
    names = ("beacon", "weight_factors", "exclusions", "partner_departments")
    lists = {
        name: None if data[name] is None else tuple(dict.fromkeys(data[name])) for name in names
    }
    return NewPlan(**{**data, **lists})
