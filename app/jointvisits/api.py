"""Joint visits over HTTP: a plan is proposed, compared, approved by a second person, published."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.db import stop_reading, transaction
from app.jointvisits import queries, service
from app.jointvisits.models import JointPlan, JointVisit
from app.jointvisits.reading import NewPlan
from app.jointvisits.schemas import (
    JointPlanQuerySchema,
    JointPlanSchema,
    JointVisitQuerySchema,
    JointVisitSchema,
    NewJointPlanSchema,
    ReasonSchema,
)
from app.people import service as people
from app.problems import Blueprint, Page, page

plans = Blueprint("joint-plans", __name__, url_prefix="/joint-plans", description="联合检查计划")
visits = Blueprint("joint-visits", __name__, url_prefix="/joint-visits", description="联合检查")
BLUEPRINTS = (plans, visits)
READERS = (Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR)


@plans.route("")
@requires(*READERS)
@plans.arguments(JointPlanQuerySchema, location="query")
@plans.paged(JointPlanSchema)
def list_plans(query: dict[str, Any]) -> Page[JointPlan]:
    """查询联合检查计划，可比较各方案"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.plans_of(current_agency_id(), **query)
    return page(found, JointPlan.id, limit=limit, cursor=cursor)


@plans.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@plans.creates
@plans.arguments(NewJointPlanSchema)
@plans.response(201, JointPlanSchema)
def propose(data: dict[str, Any]) -> JointPlan:
    """拟订联合检查计划：一家单位的各项任务合并为尽可能少的入企次数，并安排日期

    只纳入尚未开始、也未列入其他已批准计划的任务。
    """
    by, at = current_actor(), clock.now()
    new = NewPlan(
        data["first_on"],
        data["last_on"],
        data["teams"],
        data["visits_each"],
        tuple(data["unit_ids"]),
        tuple(data["towns"]),
    )
    draft = service.draft_plan(new, agency_id=current_agency_id(), at=at)
    stop_reading()
    with transaction():
        agency = people.get_agency(current_agency_id())
        return service.propose_plan(draft, agency=agency, by=by, at=at)


@plans.route("/<uuid:joint_plan_id>")
@requires(*READERS)
@plans.etag
@plans.response(200, JointPlanSchema)
def get_plan(joint_plan_id: UUID) -> JointPlan:
    """查看联合检查计划和比较结果"""
    plan = service.get_plan(joint_plan_id, current_agency_id())
    plans.set_etag(plan.version)
    return plan


@plans.route("/<uuid:joint_plan_id>/approve", methods=["POST"])
@requires(Role.SUPERVISOR)
@plans.etag
@plans.response(200, JointPlanSchema)
def approve(joint_plan_id: UUID) -> JointPlan:
    """批准联合检查计划：拟订人以外的另一名负责人"""
    by = current_actor()
    with transaction():
        plan = service.get_plan(joint_plan_id, by.agency_id)
        plans.check_version(plan, JointPlanSchema)
        service.approve_plan(plan, by=by, at=clock.now())
    plans.set_etag(plan.version)
    return plan


@plans.route("/<uuid:joint_plan_id>/publish", methods=["POST"])
@requires(Role.SUPERVISOR)
@plans.etag
@plans.response(200, JointPlanSchema)
def publish(joint_plan_id: UUID) -> JointPlan:
    """发布联合检查计划：任务得到检查日期，终端随之显示"""
    by = current_actor()
    with transaction():
        plan = service.get_plan(joint_plan_id, by.agency_id)
        plans.check_version(plan, JointPlanSchema)
        service.publish_plan(plan, by=by, at=clock.now())
    plans.set_etag(plan.version)
    return plan


@plans.route("/<uuid:joint_plan_id>/withdraw", methods=["POST"])
@requires(Role.SUPERVISOR)
@plans.etag
@plans.arguments(ReasonSchema)
@plans.response(200, JointPlanSchema)
def withdraw(data: dict[str, Any], joint_plan_id: UUID) -> JointPlan:
    """撤回联合检查计划，写明理由"""
    by = current_actor()
    with transaction():
        plan = service.get_plan(joint_plan_id, by.agency_id)
        plans.check_version(plan, JointPlanSchema)
        service.withdraw_plan(plan, data["reason"], by=by, at=clock.now())
    plans.set_etag(plan.version)
    return plan


@plans.route("/<uuid:joint_plan_id>/visits")
@requires(*READERS)
@plans.arguments(JointVisitQuerySchema, location="query")
@plans.paged(JointVisitSchema)
def list_visits(query: dict[str, Any], joint_plan_id: UUID) -> Page[JointVisit]:
    """查询计划中的各次联合检查，包括没有排上的和不列入的"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    query["zone"] = query.pop("town")
    plan = service.get_plan(joint_plan_id, current_agency_id())
    found = queries.visits_in(plan.id, **query)
    return page(found, JointVisit.id, limit=limit, cursor=cursor)


@visits.route("/<uuid:joint_visit_id>")
@requires(*READERS)
@visits.etag
@visits.response(200, JointVisitSchema)
def get_visit(joint_visit_id: UUID) -> JointVisit:
    """查看一次联合检查"""
    visit = service.get_visit(joint_visit_id, current_agency_id())
    visits.set_etag(visit.version)
    return visit
