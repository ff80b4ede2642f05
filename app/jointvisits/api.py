"""Joint visits over HTTP: a plan is proposed, compared, approved by a second person, published."""

from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import flask

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.caps.rules import Answer, span
from app.catalogue.caps import Period
from app.days import local_date
from app.db import stop_reading, transaction
from app.jointvisits import (
    changes,
    improve_api,
    operations,
    queries,
    readying,
    service,
    staffing,
    suggestion_api,
    team_api,
    watching,
)
from app.jointvisits.capping import needs
from app.jointvisits.changes import Change, Foreseen
from app.jointvisits.models import JointPlan, JointVisit, JointVisitChange
from app.jointvisits.reading import NewPlan
from app.jointvisits.schemas import (
    CalledSchema,
    ChangedSchema,
    JointCapAnswerSchema,
    JointChangeSchema,
    JointPlanQuerySchema,
    JointPlanReasonSchema,
    JointPlanSchema,
    JointVisitQuerySchema,
    JointVisitSchema,
    NewChangeSchema,
    NewJointPlanSchema,
    NewOperationsSchema,
    OperationsQuerySchema,
    PointsSchema,
    QuarterSchema,
)
from app.jointvisits.showing import show_plan, show_plans
from app.people import service as people
from app.problems import Blueprint, Page, PageSchema, page

plans = Blueprint("joint-plans", __name__, url_prefix="/joint-plans", description="联合检查计划")
visits = Blueprint("joint-visits", __name__, url_prefix="/joint-visits", description="联合检查")
operation_blp = Blueprint(
    "joint-operations", __name__, url_prefix="/joint-operations", description="全事项检查"
)
BLUEPRINTS = (
    *(plans, visits, operation_blp),
    *(team_api.plans, team_api.visits, suggestion_api.blp, improve_api.blp),
)
READERS = (Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR)


def init_app(_flask_app: flask.Flask) -> None:
    """Let the tasks of a plan have its teams when it is published, and when it is changed then."""
    service.guard(staffing.give_teams)
    changes.follow(staffing.follow_change)


@plans.route("")
@requires(*READERS)
@plans.arguments(JointPlanQuerySchema, location="query")
@plans.paged(JointPlanSchema)
def list_plans(query: dict[str, Any]) -> Page[SimpleNamespace]:
    """查询联合检查计划，可比较各方案"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.plans_of(current_agency_id(), **query)
    told = page(found, JointPlan.id, limit=limit, cursor=cursor)
    return Page(show_plans(told.items, at=clock.now()), told.next_cursor)


@plans.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@plans.creates
@plans.arguments(NewJointPlanSchema)
@plans.response(201, JointPlanSchema)
def propose(data: dict[str, Any]) -> SimpleNamespace:
    """拟订联合检查计划：一家单位的各项任务合并为尽可能少的入企次数，并安排日期

    只纳入尚未开始、也未列入其他已批准计划的任务。此前计划中人工调整过的检查保留其日期和人员，未保留的列明原因。
    """
    by, at = current_actor(), clock.now()
    new = NewPlan(
        data["first_on"],
        data["last_on"],
        data["teams"],
        data["visits_each"],
        tuple(data["unit_ids"]),
        tuple(data["towns"]),
        data["keep_pins"],
    )
    draft = service.draft_plan(new, agency_id=current_agency_id(), at=at)
    stop_reading()
    with transaction():
        agency = people.get_agency(current_agency_id())
        plan = service.propose_plan(draft, agency=agency, by=by, at=at)
    return show_plan(plan, at=clock.now())


@plans.route("/<uuid:joint_plan_id>")
@requires(*READERS)
@plans.etag
@plans.response(200, JointPlanSchema)
def get_plan(joint_plan_id: UUID) -> SimpleNamespace:
    """查看联合检查计划和比较结果"""
    plan = service.get_plan(joint_plan_id, current_agency_id())
    plans.set_etag(plan.version)
    return show_plan(plan, at=clock.now())


@plans.route("/<uuid:joint_plan_id>/approve", methods=["POST"])
@requires(Role.SUPERVISOR)
@plans.etag
@plans.response(200, JointPlanSchema)
def approve(joint_plan_id: UUID) -> SimpleNamespace:
    """批准联合检查计划：拟订人、调整人以外的另一名负责人；批准人自己参加的检查列入例外"""
    by = current_actor()
    with transaction():
        plan = service.get_plan(joint_plan_id, by.agency_id)
        plans.check_version(show_plan(plan, at=clock.now()), JointPlanSchema)
        staffing.refuse_barred(plan, queries.visits_of(plan.id))
        service.approve_plan(plan, by=by, at=clock.now())
    plans.set_etag(plan.version)
    return show_plan(plan, at=clock.now())


@plans.route("/<uuid:joint_plan_id>/publish", methods=["POST"])
@requires(Role.SUPERVISOR)
@plans.etag
@plans.response(200, JointPlanSchema)
def publish(joint_plan_id: UUID) -> SimpleNamespace:
    """发布联合检查计划：任务得到检查日期，终端随之显示"""
    by = current_actor()
    with transaction():
        plan = service.get_plan(joint_plan_id, by.agency_id)
        plans.check_version(show_plan(plan, at=clock.now()), JointPlanSchema)
        service.publish_plan(plan, by=by, at=clock.now())
    plans.set_etag(plan.version)
    return show_plan(plan, at=clock.now())


@plans.route("/<uuid:joint_plan_id>/withdraw", methods=["POST"])
@requires(Role.SUPERVISOR)
@plans.etag
@plans.arguments(JointPlanReasonSchema)
@plans.response(200, JointPlanSchema)
def withdraw(data: dict[str, Any], joint_plan_id: UUID) -> SimpleNamespace:
    """撤回联合检查计划，写明理由"""
    by = current_actor()
    with transaction():
        plan = service.get_plan(joint_plan_id, by.agency_id)
        plans.check_version(show_plan(plan, at=clock.now()), JointPlanSchema)
        service.withdraw_plan(plan, data["reason"], by=by, at=clock.now())
    plans.set_etag(plan.version)
    return show_plan(plan, at=clock.now())


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


@plans.route("/<uuid:joint_plan_id>/changes")
@requires(*READERS)
@plans.arguments(PageSchema, location="query")
@plans.paged(JointChangeSchema)
def list_changes(query: dict[str, Any], joint_plan_id: UUID) -> Page[JointVisitChange]:
    """查询对计划的人工调整及理由"""
    plan = service.get_plan(joint_plan_id, current_agency_id())
    return page(queries.changes_of(plan.id), JointVisitChange.id, **query)


@plans.route("/<uuid:joint_plan_id>/exceptions")
@requires(*READERS)
@plans.response(200, PointsSchema)
def list_exceptions(joint_plan_id: UUID) -> dict[str, Any]:
    """查询计划中的例外：频次上限、没有日期的检查及理由、不再合适的任务、批准人参加的检查"""
    plan = service.get_plan(joint_plan_id, current_agency_id())
    found = watching.points_of(plan, today=local_date(clock.now()))
    return {
        "caps": [_reached(one.visit.id, one.answer, needed=one.needed) for one in found.caps],
        "without_day": found.without_day,
        "misfits": [
            {
                "joint_visit_id": one.visit.id,
                "task_id": one.task_id,
                "task_no": one.task_no,
                "misfit": one.misfit,
            }
            for one in found.misfits
        ],
        "approver_goes": [one.id for one in found.approver_goes],
    }


@visits.route("/<uuid:joint_visit_id>")
@requires(*READERS)
@visits.etag
@visits.response(200, JointVisitSchema)
def get_visit(joint_visit_id: UUID) -> JointVisit:
    """查看一次联合检查"""
    visit = service.get_visit(joint_visit_id, current_agency_id())
    visits.set_etag(visit.version)
    return visit


@visits.route("/<uuid:joint_visit_id>/changes", methods=["POST"])
@requires(Role.SUPERVISOR)
@visits.etag
@visits.arguments(NewChangeSchema)
@visits.response(200, ChangedSchema)
def change(data: dict[str, Any], joint_visit_id: UUID) -> dict[str, Any]:
    """人工调整一次联合检查：改期、拆分、并入、不列入、移到下一期；可先预览后果

    只有做不到的才拒绝；超出期限、频次、人力的照记后果和理由。
    """
    by, at = current_actor(), clock.now()
    preview, touched = data.pop("preview"), list[JointVisit]()
    wanted = Change(**{**data, "task_ids": tuple(dict.fromkeys(data["task_ids"]))})
    if preview:
        visit = service.get_visit(joint_visit_id, by.agency_id)
        visits.check_version(visit, JointVisitSchema)
        foreseen = changes.foresee(visit, wanted, at=at)
    else:
        with transaction():
            visit = service.get_visit(joint_visit_id, by.agency_id)
            visits.check_version(visit, JointVisitSchema)
            foreseen, touched = changes.change_by_hand(visit, wanted, by=by, at=at)
    visits.set_etag(visit.version)
    return {
        "preview": preview,
        "consequences": _consequences(visit.plan.working_days, foreseen),
        "joint_visits": touched,
    }


@visits.route("/<uuid:joint_visit_id>/caps", methods=["POST"])
@requires(Role.SUPERVISOR)
@visits.etag
@visits.arguments(JointCapAnswerSchema)
@visits.response(200, JointVisitSchema)
def answer_cap(data: dict[str, Any], joint_visit_id: UUID) -> JointVisit:
    """对达到的频次上限说明理由；须经批准的，同时提出超频次检查申请，由另一名负责人批准"""
    by = current_actor()
    with transaction():
        visit = service.get_visit(joint_visit_id, by.agency_id)
        visits.check_version(visit, JointVisitSchema)
        readying.answer_cap(visit, **data, by=by, at=clock.now())
    visits.set_etag(visit.version)
    return visit


@visits.route("/<uuid:joint_visit_id>/visit-code", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR)
@visits.etag
@visits.response(200, JointVisitSchema)
def request_code(joint_visit_id: UUID) -> JointVisit:
    """为一次联合检查申请一个检查码：列明全部任务和检查人员"""
    by = current_actor()
    with transaction():
        visit = service.get_visit(joint_visit_id, by.agency_id)
        visits.check_version(visit, JointVisitSchema)
        readying.request_code(visit, by=by, at=clock.now())
    visits.set_etag(visit.version)
    return visit


@operation_blp.route("")
@requires(*READERS)
@operation_blp.arguments(OperationsQuerySchema, location="query")
@operation_blp.response(200, QuarterSchema)
def list_operations(query: dict[str, Any]) -> dict[str, Any]:
    """查询重点机构每季度的全事项检查次数，过少过多的提示"""
    today = local_date(clock.now())
    on = query["on"] or today
    first, last = span(Period.QUARTER, on)
    least, most = operations.wanted_on(on)
    found = operations.operations_of(current_agency_id(), on, today=today)
    return {"first_on": first, "last_on": last, "least": least, "most": most, "units": found}


@operation_blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@operation_blp.creates
@operation_blp.arguments(NewOperationsSchema)
@operation_blp.response(201, CalledSchema)
def call_operations(data: dict[str, Any]) -> dict[str, Any]:
    """为重点机构安排本季度的全事项检查：按登记的各专业补齐任务，由下一份计划合并"""
    with transaction():
        found = operations.call_operations(
            people.get_agency(current_agency_id()),
            data["on"],
            data["unit_ids"],
            by=current_actor(),
            at=clock.now(),
        )
    return {"task_ids": [task.id for task in found]}


def _consequences(days: Sequence[date], foreseen: Foreseen) -> dict[str, Any]:
    """Return consequences with days instead of their numbers."""
    told = foreseen.consequences
    return {
        "entries": told.entries,
        "unplaced": told.unplaced,
        "zone_days": told.zone_days,
        "windows_broken": told.windows_broken,
        "days": [
            {"on": days[one.day], "before": one.before, "after": one.after, "most": one.most}
            for one in told.days
        ],
        "officers": [
            {
                "officer_id": one.officer,
                "on": days[one.day],
                "visits": one.visits,
                "most": one.most,
            }
            for one in told.officers
        ],
        "barred": [{"officer_id": who, "on": on} for who, on in foreseen.barred],
        "uncovered": told.uncovered,
        "caps": [
            _reached(key, one, needed=needs(one.verdict, reasoned=False))
            for key, answers in foreseen.caps.items()
            for one in answers
        ],
        "codes_revoked": foreseen.codes,
        "faults": told.faults,
    }


def _reached(joint_visit_id: UUID, answer: Answer, *, needed: bool) -> dict[str, Any]:
    return {
        "joint_visit_id": joint_visit_id,
        "cap_code": answer.cap.code,
        "name": answer.cap.name,
        "verdict": answer.verdict,
        "used": len(answer.counted),
        "most": answer.cap.most,
        "needed": needed,
    }
