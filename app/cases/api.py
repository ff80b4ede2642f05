"""Cases over HTTP: tablets bring decisions made on the spot, supervisors file and close them."""

from typing import Any
from uuid import UUID

import flask

from app import clock
from app.access import Role, current_actor, requires
from app.cases import (
    collecting_api,
    discretion_api,
    file_api,
    fulfilling,
    queries,
    same_acts,
    service,
    step_api,
    transfer_api,
)
from app.cases.models import PenaltyCase
from app.cases.schemas import (
    CaseQuerySchema,
    CaseSchema,
    CloseCaseSchema,
    SameActsSchema,
    WholeCaseSchema,
)
from app.credit.repairs import tell_duties
from app.db import transaction
from app.parties.before import before_of
from app.parties.rules import Met
from app.problems import Blueprint, Page, page

blp = Blueprint("cases", __name__, url_prefix="/cases", description="行政处罚案件")
BLUEPRINTS = (
    blp,
    file_api.blp,
    collecting_api.blp,
    discretion_api.blp,
    step_api.blp,
    transfer_api.blp,
)


def init_app(flask_app: flask.Flask) -> None:
    """Let who checks a repair know what of the decision is still owed."""
    tell_duties(fulfilling.open_duties)


_CASE = [one.attribute or name for name, one in CaseSchema().fields.items()]


@blp.route("")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
@blp.arguments(CaseQuerySchema, location="query")
@blp.paged(CaseSchema)
def list_cases(query: dict[str, Any]) -> Page[PenaltyCase]:
    """查询行政处罚案件"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.cases_of(current_actor().agency_id, **query)
    return page(found, PenaltyCase.id, limit=limit, cursor=cursor)


@blp.route("/<uuid:case_id>")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
@blp.etag
@blp.response(200, WholeCaseSchema)
def get_case(case_id: UUID) -> dict[str, Any]:
    """查看行政处罚案件，及其当事人的前案和可能涉及同一违法行为的案件"""
    by = current_actor()
    case = service.get_case(case_id, by.agency_id)
    blp.set_etag(case.version)
    return {
        **{name: getattr(case, name) for name in _CASE},
        "before": before_of(Met.CASE, case.id, by=by, at=clock.now()),
        "same_acts": same_acts.same_acts_of(case),
    }


@blp.route("/<uuid:case_id>/same-acts")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
@blp.response(200, SameActsSchema)
def show_same_acts(case_id: UUID) -> same_acts.SameActs:
    """查看可能涉及同一违法行为的其他案件和移送

    同一违法行为不得给予两次以上罚款（行政处罚法 第二十九条）；`certain` 为真的，不能再次罚款。
    """
    return same_acts.same_acts_of(service.get_case(case_id, current_actor().agency_id))


@blp.route("/<uuid:case_id>/file", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.response(200, CaseSchema)
def file_case(case_id: UUID) -> PenaltyCase:
    """当场处罚决定备案"""
    with transaction():
        by = current_actor()
        blp.check_version(service.get_case(case_id, by.agency_id), CaseSchema)
        case = service.file_case(case_id, by=by, at=clock.now())
    blp.set_etag(case.version)
    return case


@blp.route("/<uuid:case_id>/close", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(CloseCaseSchema)
@blp.response(200, CaseSchema)
def close_case(data: dict[str, Any], case_id: UUID) -> PenaltyCase:
    """结案"""
    with transaction():
        by = current_actor()
        blp.check_version(service.get_case(case_id, by.agency_id), CaseSchema)
        case = service.close_case(case_id, data["note"], by=by, at=clock.now())
    blp.set_etag(case.version)
    return case
