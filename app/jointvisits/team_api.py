"""Teams of joint visits over HTTP: the lot is asked for, a team is changed by hand."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.days import local_date
from app.db import transaction
from app.jointvisits import lots, service, staffing, team_queries
from app.jointvisits.models import JointVisit
from app.jointvisits.schemas import JointPlanSchema
from app.jointvisits.showing import show_plan
from app.jointvisits.staffing import PartnerItem
from app.jointvisits.team_models import JointTeamLot
from app.jointvisits.team_schemas import (
    JointTeamLotQuerySchema,
    JointTeamLotSchema,
    JointTeamSchema,
    JointTeamSharesSchema,
    NewJointPartnersSchema,
    NewJointTeamSchema,
)
from app.people import partners
from app.problems import Blueprint, Page, page

plans = Blueprint(
    "joint-teams",
    __name__,
    url_prefix="/joint-plans/<uuid:joint_plan_id>",
    description="联合检查组队",
)
visits = Blueprint(
    "joint-visit-teams",
    __name__,
    url_prefix="/joint-visits/<uuid:joint_visit_id>",
    description="联合检查人员",
)
READERS = (Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR)


@plans.route("/teams")
@requires(Role.SUPERVISOR, Role.AUDITOR)  # the manifest says who may not go where
@plans.arguments(JointTeamLotQuerySchema, location="query")
@plans.paged(JointTeamLotSchema)
def list_lots(query: dict[str, Any], joint_plan_id: UUID) -> Page[JointTeamLot]:
    """查询组队抽取：投入的名单、承诺、结果，任何人可据以重算"""
    plan = service.get_plan(joint_plan_id, current_agency_id())
    return page(team_queries.lots_of(plan.id), JointTeamLot.id, **query)


@plans.route("/teams", methods=["POST"])
@requires(Role.SUPERVISOR)
@plans.etag
@plans.response(200, JointTeamLotSchema)
def ask_teams(joint_plan_id: UUID) -> JointTeamLot:
    """提出组队抽取：固定名单和承诺，由定时任务开启随机数并抽取

    已为各任务抽取的人员优先；专业没有覆盖的名额在工作量最少的人员中随机抽取。
    """
    by = current_actor()
    with transaction():
        plan = service.get_plan(joint_plan_id, by.agency_id)
        plans.check_version(show_plan(plan, at=clock.now()), JointPlanSchema)
        lot = lots.ask_teams(plan, by=by, at=clock.now())
    plans.set_etag(plan.version)
    return lot


@plans.route("/team-shares")
@requires(*READERS)
@plans.response(200, JointTeamSharesSchema)
def show_shares(joint_plan_id: UUID) -> dict[str, Any]:
    """查看按计划组队后各次抽取的人员调整比例"""
    plan = service.get_plan(joint_plan_id, current_agency_id())
    return {"draws": staffing.shares_of(plan, on=local_date(clock.now()))}


@visits.route("/team")
@requires(*READERS)
@visits.etag
@visits.response(200, JointTeamSchema)
def get_team(joint_visit_id: UUID) -> dict[str, Any]:
    """查看一次联合检查的人员、协同部门人员和没有覆盖的专业"""
    visit = service.get_visit(joint_visit_id, current_agency_id())
    visits.set_etag(visit.version)
    return _body(visit)


@visits.route("/team", methods=["PUT"])
@requires(Role.SUPERVISOR)
@visits.etag
@visits.arguments(NewJointTeamSchema)
@visits.response(200, JointTeamSchema)
def set_team(data: dict[str, Any], joint_visit_id: UUID) -> dict[str, Any]:
    """改派联合检查人员，写明理由

    计划已发布的，各任务随之改派；抽取任务的人员调整比例超过上限的，须先按抽取变更办理批准。
    """
    by = current_actor()
    with transaction():
        visit = service.get_visit(joint_visit_id, by.agency_id)
        visits.check_version(SimpleNamespace(**_body(visit)), JointTeamSchema)
        staffing.set_team(visit, data["officer_ids"], data["reason"], by=by, at=clock.now())
    visits.set_etag(visit.version)
    return _body(visit)


@visits.route("/partners", methods=["PUT"])
@requires(Role.SUPERVISOR)
@visits.etag
@visits.arguments(NewJointPartnersSchema)
@visits.response(200, JointTeamSchema)
def set_partners(data: dict[str, Any], joint_visit_id: UUID) -> dict[str, Any]:
    """安排协同部门人员及其检查事项"""
    by = current_actor()
    items = [PartnerItem(**one) for one in data["partner_items"]]
    with transaction():
        visit = service.get_visit(joint_visit_id, by.agency_id)
        visits.check_version(SimpleNamespace(**_body(visit)), JointTeamSchema)
        staffing.set_partners(visit, data["partner_ids"], items, by=by, at=clock.now())
    visits.set_etag(visit.version)
    return _body(visit)


def _body(visit: JointVisit) -> dict[str, Any]:
    line = team_queries.lot_line_of(visit.id)
    return {
        "id": visit.id,
        "version": visit.version,
        "planned_on": visit.planned_on,
        "officers": visit.officers,
        "partners": [
            partners.get_partner(one, visit.agency_id) for one in team_queries.partners_of(visit.id)
        ],
        "partner_items": team_queries.items_of(visit.id),
        "uncovered": staffing.uncovered(visit),
        "departments_missing": staffing.departments_missing(visit),
        "gaps": [{"specialty": one[0], "why": one[1]} for one in (line.gaps if line else ())],
        "stays": [{"officer_id": one[0], "why": one[1]} for one in (line.stays if line else ())],
        "changes": team_queries.changes_of(visit.id),
    }
