"""Assistants and their patrols over HTTP: assistants record and hand over, supervisors decide."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Actor, Role, current_actor, requires
from app.db import transaction
from app.patrols import queries, rules, service
from app.patrols.models import Assistant, AssistantOpinion, Patrol, PatrolHint
from app.patrols.schemas import (
    AssistantChangesSchema,
    AssistantOpinionQuerySchema,
    AssistantOpinionSchema,
    AssistantQuerySchema,
    AssistantSchema,
    CoverageQuerySchema,
    CoverageSchema,
    DeclineHintSchema,
    HintQuerySchema,
    HintSchema,
    NewAssistantOpinionSchema,
    NewAssistantSchema,
    NewHintSchema,
    NewPatrolSchema,
    PatrolCountsSchema,
    PatrolDaysSchema,
    PatrolQuerySchema,
    PatrolSchema,
    TakeHintSchema,
)
from app.patrols.service import SeenUnit
from app.people import service as people
from app.people.models import Agency
from app.problems import Blueprint, Page, page

assistants = Blueprint("assistants", __name__, url_prefix="/assistants", description="协管员")
patrols = Blueprint("patrols", __name__, url_prefix="/patrols", description="协管巡查")
hints = Blueprint("hints", __name__, url_prefix="/hints", description="协管线索")
opinions = Blueprint(
    "assistant-opinions", __name__, url_prefix="/assistant-opinions", description="协管意见书"
)
BLUEPRINTS = (assistants, patrols, hints, opinions)
READERS = (Role.SUPERVISOR, Role.OFFICER, Role.ASSISTANT, Role.AUDITOR)
WRITERS = (Role.SUPERVISOR, Role.OFFICER, Role.ASSISTANT)


# --- assistants --------------------------------------------------------------------------------


@assistants.route("")
@requires(*READERS)
@assistants.arguments(AssistantQuerySchema, location="query")
@assistants.paged(AssistantSchema)
def list_assistants(query: dict[str, Any]) -> Page[Assistant]:
    """查询协管员"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.assistants_of(current_actor().agency_id, **query)
    return page(found, Assistant.id, limit=limit, cursor=cursor)


@assistants.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@assistants.creates
@assistants.arguments(NewAssistantSchema)
@assistants.response(201, AssistantSchema)
def register_assistant(data: dict[str, Any]) -> Assistant:
    """登记协管员；协管员没有执法权"""
    cells = tuple(data.pop("grid_cells"))
    with transaction():
        by = current_actor()
        new = service.NewAssistant(grid_cells=cells, **data)
        row = service.register_assistant(new, agency=_agency(by), by=by, at=clock.now())
    assistants.set_etag(row.version)
    return row


@assistants.route("/<uuid:assistant_id>")
@requires(*READERS)
@assistants.etag
@assistants.response(200, AssistantSchema)
def get_assistant(assistant_id: UUID) -> Assistant:
    """查看协管员"""
    row = service.get_assistant(assistant_id, current_actor().agency_id)
    assistants.set_etag(row.version)
    return row


@assistants.route("/<uuid:assistant_id>", methods=["PATCH"])
@requires(Role.SUPERVISOR)
@assistants.etag
@assistants.arguments(AssistantChangesSchema)
@assistants.response(200, AssistantSchema)
def change_assistant(data: dict[str, Any], assistant_id: UUID) -> Assistant:
    """变更网格、服务单位或在岗状态"""
    with transaction():
        by = current_actor()
        row = service.get_assistant(assistant_id, by.agency_id)
        assistants.check_version(row, AssistantSchema)
        row = service.change_assistant(assistant_id, data, by=by, at=clock.now())
    assistants.set_etag(row.version)
    return row


# --- patrols -----------------------------------------------------------------------------------


@patrols.route("")
@requires(*READERS)
@patrols.arguments(PatrolQuerySchema, location="query")
@patrols.paged(PatrolSchema)
def list_patrols(query: dict[str, Any]) -> Page[Patrol]:
    """查询协管巡查"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.patrols_of(current_actor().agency_id, **query)
    return page(found, Patrol.id, limit=limit, cursor=cursor)


@patrols.route("", methods=["POST"])
@requires(*WRITERS)
@patrols.creates
@patrols.arguments(NewPatrolSchema)
@patrols.response(201, PatrolSchema)
def record_patrol(data: dict[str, Any]) -> Patrol:
    """登记一次网格巡查；巡查不是检查"""
    with transaction():
        by = current_actor()
        new = service.NewPatrol(
            grid_cell=data["grid_cell"],
            officer_id=data["guide_id"],
            assistant_ids=tuple(data["assistant_ids"]),
            units=tuple(SeenUnit(**one) for one in data["seen_units"]),
            on_day=data["on_day"],
            note=data["note"],
        )
        patrol = service.record_patrol(new, agency=_agency(by), by=by, at=clock.now())
    patrols.set_etag(patrol.version)
    return patrol


@patrols.route("/counts")
@requires(*READERS)
@patrols.arguments(PatrolDaysSchema, location="query")
@patrols.response(200, PatrolCountsSchema)
def get_counts(query: dict[str, Any]) -> rules.Counts:
    """协管人次、间次、意见书份数，与监督员的分开统计"""
    agency_id, days = current_actor().agency_id, (query["from_on"], query["until_on"])
    return rules.count(queries.seen_in(agency_id, *days), queries.count_opinions(agency_id, *days))


@patrols.route("/coverage")
@requires(*READERS)
@patrols.arguments(CoverageQuerySchema, location="query")
@patrols.response(200, CoverageSchema)
def get_coverage(query: dict[str, Any]) -> dict[str, Any]:
    """各协管服务单位本年全覆盖巡查的轮次"""
    agency_id = current_actor().agency_id
    return {"rows": service.coverage_of(agency_id, query["in_year"], at=clock.now())}


@patrols.route("/<uuid:patrol_id>")
@requires(*READERS)
@patrols.etag
@patrols.response(200, PatrolSchema)
def get_patrol(patrol_id: UUID) -> Patrol:
    """查看一次巡查"""
    patrol = service.get_patrol(patrol_id, current_actor().agency_id)
    patrols.set_etag(patrol.version)
    return patrol


@patrols.route("/<uuid:patrol_id>/opinions", methods=["POST"])
@requires(*WRITERS)
@patrols.creates
@patrols.arguments(NewAssistantOpinionSchema)
@patrols.response(201, AssistantOpinionSchema)
def issue_opinion(data: dict[str, Any], patrol_id: UUID) -> AssistantOpinion:
    """出具卫生监督协管意见书，单独编号"""
    unit_id = data.pop("seen_unit_id")
    with transaction():
        written = {**data, "deadline_on": data["deadline_on"].isoformat()}
        row = service.issue_opinion(patrol_id, unit_id, written, by=current_actor(), at=clock.now())
    patrols.set_etag(row.version)
    return row


@patrols.route("/<uuid:patrol_id>/hints", methods=["POST"])
@requires(*WRITERS)
@patrols.creates
@patrols.arguments(NewHintSchema)
@patrols.response(201, HintSchema)
def hand_hint(data: dict[str, Any], patrol_id: UUID) -> PatrolHint:
    """向监督员移交线索"""
    with transaction():
        row = service.hand_hint(
            patrol_id, data["seen_unit_id"], data["text"], by=current_actor(), at=clock.now()
        )
    patrols.set_etag(row.version)
    return row


# --- hints and opinions ------------------------------------------------------------------------


@hints.route("")
@requires(*READERS)
@hints.arguments(HintQuerySchema, location="query")
@hints.paged(HintSchema)
def list_hints(query: dict[str, Any]) -> Page[PatrolHint]:
    """查询协管线索"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.hints_of(current_actor().agency_id, **query)
    return page(found, PatrolHint.id, limit=limit, cursor=cursor)


@hints.route("/<uuid:hint_id>")
@requires(*READERS)
@hints.etag
@hints.response(200, HintSchema)
def get_hint(hint_id: UUID) -> PatrolHint:
    """查看协管线索"""
    hint = service.get_hint(hint_id, current_actor().agency_id)
    hints.set_etag(hint.version)
    return hint


@hints.route("/<uuid:hint_id>/take", methods=["POST"])
@requires(Role.SUPERVISOR)
@hints.etag
@hints.arguments(TakeHintSchema)
@hints.response(200, HintSchema)
def take_hint(data: dict[str, Any], hint_id: UUID) -> PatrolHint:
    """采纳线索，建立来源为协管线索的任务"""
    with transaction():
        by = current_actor()
        hints.check_version(service.get_hint(hint_id, by.agency_id), HintSchema)
        check = service.Check(**data)
        hint = service.take_hint(hint_id, check, by=by, at=clock.now())
    hints.set_etag(hint.version)
    return hint


@hints.route("/<uuid:hint_id>/decline", methods=["POST"])
@requires(Role.SUPERVISOR)
@hints.etag
@hints.arguments(DeclineHintSchema)
@hints.response(200, HintSchema)
def decline_hint(data: dict[str, Any], hint_id: UUID) -> PatrolHint:
    """不采纳线索，写明理由"""
    with transaction():
        by = current_actor()
        hints.check_version(service.get_hint(hint_id, by.agency_id), HintSchema)
        hint = service.decline_hint(hint_id, **data, by=by, at=clock.now())
    hints.set_etag(hint.version)
    return hint


@opinions.route("")
@requires(*READERS)
@opinions.arguments(AssistantOpinionQuerySchema, location="query")
@opinions.paged(AssistantOpinionSchema)
def list_opinions(query: dict[str, Any]) -> Page[AssistantOpinion]:
    """查询卫生监督协管意见书"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.opinions_of(current_actor().agency_id, **query)
    return page(found, AssistantOpinion.id, limit=limit, cursor=cursor)


def _agency(by: Actor) -> Agency:
    if by.agency_id is None:
        raise service.PatrolUnknown("没有这次巡查，或它不属于本机构。")
    return people.get_agency(by.agency_id)
