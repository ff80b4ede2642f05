"""The ordinary procedure over HTTP: open a case, take its steps, read steps, terms and history."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import marshmallow as ma

from app import clock
from app.access import Role, RoleMissing, current_actor, current_agency_id, requires
from app.cases import opening, ordinary, precedents, queries, service
from app.cases.models import CaseDeadline, CaseRemedy, CaseStep, PenaltyCase
from app.cases.opening import NewCase, Party
from app.cases.ordinary import NewStep
from app.cases.rules import CaseVerb
from app.cases.schemas import CaseSchema
from app.cases.step_schemas import (
    VERBS,
    CaseDeadlineQuerySchema,
    CaseDeadlineSchema,
    CaseDeadlinesSchema,
    CaseRemediesSchema,
    CaseStepsSchema,
    NewCaseSchema,
    NewCaseStepSchema,
    PartyHistorySchema,
)
from app.days import local_date
from app.db import transaction
from app.errors import NotFound
from app.people import service as people
from app.problems import Blueprint, Page, page

blp = Blueprint("case-steps", __name__, url_prefix="/cases", description="行政处罚普通程序")
_READERS = (Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)


class StepUnknown(NotFound):
    code, title = "step-unknown", "没有这个步骤"


@blp.route("", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewCaseSchema)
@blp.response(201, CaseSchema)
def open_case(data: dict[str, Any]) -> PenaltyCase:
    """受理普通程序案件"""
    with transaction():
        by = current_actor()
        agency = people.get_agency(current_agency_id())
        new = NewCase(**{**data, "party": Party(**data["party"])})
        case = opening.open_case(new, agency=agency, by=by, at=clock.now())
    blp.set_etag(case.version)
    return case


_VERB = {
    "name": "verb",
    "in": "path",
    "required": True,
    "description": "步骤的代码",
    "schema": {"type": "string", "enum": [str(verb) for verb in VERBS]},
}


@blp.route("/<uuid:case_id>/steps/<verb>", methods=["POST"], parameters=[_VERB])
@requires(Role.OFFICER, Role.SUPERVISOR, Role.LEGAL_REVIEWER)
@blp.etag
@blp.arguments(NewCaseStepSchema)
@blp.response(200, CaseSchema)
def take_step(data: dict[str, Any], case_id: UUID, verb: str) -> PenaltyCase:
    """办理案件的下一步骤

    `data` 的内容按步骤而定：`x-shapes` 写明每个步骤（`verb`）用哪一种，提交的内容按它校验。
    """
    wanted = _verb(verb)
    schema, roles = VERBS[wanted]
    with transaction():
        by = current_actor()
        case = service.get_case(case_id, by.agency_id)
        if not by.has(*roles):
            raise RoleMissing(
                "您的角色不能办理这一步骤，如有需要请联系管理员。", roles=sorted(map(str, roles))
            )
        blp.check_version(case, CaseSchema)
        said = _said(wanted, _loaded(schema(), data["data"]))
        new = NewStep(data["on"], said, tuple(data["officer_ids"]), data["document_id"])
        case = ordinary.take_step(case_id, wanted, new, by=by, at=clock.now())
    blp.set_etag(case.version)
    return case


def _verb(text: str) -> CaseVerb:
    if text not in {str(verb) for verb in VERBS}:
        raise StepUnknown("没有这个步骤，请核对代码。")
    return CaseVerb(text)


def _loaded(schema: ma.Schema, given: dict[str, Any]) -> dict[str, Any]:
    """Read what a step says by its verb's schema; what is wrong is named below `#/data`."""
    try:
        loaded: dict[str, Any] = schema.load(given)
    except ma.ValidationError as error:
        raise ma.ValidationError({"data": error.messages}) from error
    return loaded


def _said(verb: CaseVerb, loaded: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step says as its row keeps it; an amendment's values go into the case."""
    if verb is not CaseVerb.AMEND:
        return {name: _plain(value) for name, value in loaded.items()}
    values = {name: value for name, value in loaded.items() if name != "reason"}
    if "party" in values:
        values["party"] = Party(**values["party"])
    return {"reason": loaded["reason"], "values": values}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, (StrEnum, UUID)) else value


@blp.route("/<uuid:case_id>/steps")
@requires(*_READERS)
@blp.response(200, CaseStepsSchema)
def list_steps(case_id: UUID) -> Mapping[str, Sequence[CaseStep]]:
    """查看案件的各个步骤"""
    case = service.get_case(case_id, current_actor().agency_id)
    return {"items": queries.steps_of(case.id)}


@blp.route("/<uuid:case_id>/deadlines")
@requires(*_READERS)
@blp.response(200, CaseDeadlinesSchema)
def list_deadlines(case_id: UUID) -> Mapping[str, Sequence[CaseDeadline]]:
    """查看案件的各项期限及其依据"""
    case = service.get_case(case_id, current_actor().agency_id)
    return {"items": queries.deadlines_of(case.id)}


@blp.route("/deadlines")
@requires(*_READERS)
@blp.arguments(CaseDeadlineQuerySchema, location="query")
@blp.paged(CaseDeadlineSchema)
def list_running_deadlines(query: dict[str, Any]) -> Page[CaseDeadline]:
    """查询本机构办案期限"""
    found = queries.deadlines_in(
        current_actor().agency_id, on=local_date(clock.now()), status=query["status"]
    )
    return page(found, CaseDeadline.id, limit=query["limit"], cursor=query["cursor"])


@blp.route("/<uuid:case_id>/history")
@requires(*_READERS)
@blp.response(200, PartyHistorySchema)
def show_history(case_id: UUID) -> precedents.History:
    """查询当事人在本机构的违法记录"""
    return precedents.history_of(service.get_case(case_id, current_actor().agency_id))


@blp.route("/<uuid:case_id>/remedies")
@requires(*_READERS)
@blp.response(200, CaseRemediesSchema)
def list_remedies(case_id: UUID) -> Mapping[str, Sequence[CaseRemedy]]:
    """查看案件的复议和诉讼"""
    case = service.get_case(case_id, current_actor().agency_id)
    return {"items": queries.remedies_of(case.id)}
