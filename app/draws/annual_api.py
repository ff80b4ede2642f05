"""Years' plans over HTTP: drafted and published by supervisors, read by the whole office."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.db import transaction
from app.draws import annual_plans, annual_queries
from app.draws.annual import Item
from app.draws.annual_plans import NewAnnualPlan
from app.draws.annual_schemas import (
    AnnualPlanDetailSchema,
    AnnualPlanQuerySchema,
    AnnualPlanSchema,
    NewAnnualPlanSchema,
    RevisionSchema,
)
from app.draws.models import AnnualPlan
from app.draws.plan_api import READERS
from app.people import service as people
from app.people.models import Agency
from app.problems import Blueprint, Page, page

_LISTS = ("organs", "checklists", "periods", "partner_departments")
blp = Blueprint("annual-plans", __name__, url_prefix="/annual-plans", description="年度抽查计划")


@blp.route("")
@requires(*READERS)
@blp.arguments(AnnualPlanQuerySchema, location="query")
@blp.paged(AnnualPlanSchema)
def list_annual_plans(query: dict[str, Any]) -> Page[dict[str, Any]]:
    """查询本机构的年度抽查计划及其修订"""
    year, at = query.pop("year"), clock.now()
    found = page(annual_queries.annual_plans_in(current_agency_id(), year), AnnualPlan.id, **query)
    return Page([_headline(plan, at) for plan in found.items], found.next_cursor)


@blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewAnnualPlanSchema)
@blp.response(201, AnnualPlanDetailSchema)
def save_annual_plan(data: dict[str, Any]) -> dict[str, Any]:
    """拟订年度抽查计划"""
    at = clock.now()
    with transaction():
        plan = annual_plans.save_annual_plan(
            _plan(data), agency=_agency(), by=current_actor(), at=at
        )
    return _shown(plan, at)


@blp.route("/<uuid:annual_plan_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, AnnualPlanDetailSchema)
def get_annual_plan(annual_plan_id: UUID) -> dict[str, Any]:
    """查看年度抽查计划：每项应抽、已抽、已完成"""
    plan = annual_plans.get_annual_plan(annual_plan_id, current_agency_id())
    blp.set_etag(plan.version)
    return _shown(plan, clock.now())


@blp.route("/<uuid:annual_plan_id>", methods=["PUT"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(NewAnnualPlanSchema)
@blp.response(200, AnnualPlanDetailSchema)
def change_annual_plan(data: dict[str, Any], annual_plan_id: UUID) -> dict[str, Any]:
    """修改草案"""
    at = clock.now()
    with transaction():
        plan = annual_plans.get_annual_plan(annual_plan_id, current_agency_id())
        blp.check_version(plan, AnnualPlanSchema)
        annual_plans.change_annual_plan(
            plan, _plan(data), agency=_agency(), by=current_actor(), at=at
        )
    blp.set_etag(plan.version)
    return _shown(plan, at)


@blp.route("/<uuid:annual_plan_id>/publish", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.response(200, AnnualPlanDetailSchema)
def publish_annual_plan(annual_plan_id: UUID) -> dict[str, Any]:
    """公布年度抽查计划；此后只能修订"""
    at = clock.now()
    with transaction():
        plan = annual_plans.get_annual_plan(annual_plan_id, current_agency_id())
        blp.check_version(plan, AnnualPlanSchema)
        annual_plans.publish_annual_plan(plan, by=current_actor(), at=at)
    blp.set_etag(plan.version)
    return _shown(plan, at)


@blp.route("/<uuid:annual_plan_id>/revise", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(RevisionSchema)
@blp.response(201, AnnualPlanDetailSchema)
def revise_annual_plan(data: dict[str, Any], annual_plan_id: UUID) -> dict[str, Any]:
    """修订已公布的年度抽查计划：得到一份新草案，公布之前原计划继续有效"""
    at = clock.now()
    with transaction():
        plan = annual_plans.get_annual_plan(annual_plan_id, current_agency_id())
        blp.check_version(plan, AnnualPlanSchema)
        revised = annual_plans.revise_annual_plan(plan, data["reason"], by=current_actor(), at=at)
    blp.set_etag(revised.version)
    return _shown(revised, at)


def _agency() -> Agency:
    return people.get_agency(current_agency_id())


def _plan(data: dict[str, Any]) -> NewAnnualPlan:
    items = [
        Item(**{**one, **{name: tuple(one[name]) for name in _LISTS}}) for one in data["items"]
    ]
    return NewAnnualPlan(data["year"], data["title"], items, data["note"])


def _headline(plan: AnnualPlan, at: datetime) -> dict[str, Any]:
    names = AnnualPlanSchema().fields.keys() - {"publish_by", "late"}
    return {
        **{name: getattr(plan, name) for name in names},
        "publish_by": annual_plans.publish_by(plan.year),
        "late": annual_plans.is_late(plan, at=at),
    }


def _shown(plan: AnnualPlan, at: datetime) -> dict[str, Any]:
    return {
        **_headline(plan, at),
        "items": [
            {**asdict(row.item), "drawn": row.drawn, "completed": row.completed}
            for row in annual_plans.progress_of(plan, at=at)
        ],
        "draw_plans": annual_queries.draw_plans_of(plan),
    }
