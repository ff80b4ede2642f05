"""Caps over HTTP: asked before anybody goes; a second person lets entries beyond them happen."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.caps import queries, rules, service
from app.caps.models import CapException
from app.caps.rules import Entered
from app.caps.schemas import (
    CapAnswersSchema,
    CapExceptionQuerySchema,
    CapExceptionRefusalSchema,
    CapExceptionSchema,
    CapQuerySchema,
    EntriesQuerySchema,
    EntriesSchema,
    NewCapExceptionSchema,
)
from app.catalogue.caps import Period
from app.days import local_date
from app.db import transaction
from app.errors import Invalid
from app.problems import Blueprint, Page, page
from app.units import service as units

blp = Blueprint("caps", __name__, url_prefix="/units/<uuid:unit_id>", description="检查频次")
exceptions_blp = Blueprint(
    "cap-exceptions", __name__, url_prefix="/cap-exceptions", description="超频次检查"
)
BLUEPRINTS = (blp, exceptions_blp)
READERS = (Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR)
_LONGEST = timedelta(days=3 * 366)


class EntriesSpanWrong(Invalid):
    code, title = "entries-span-wrong", "查询日期有误"


@blp.route("/caps")
@requires(*READERS)
@blp.arguments(CapQuerySchema, location="query")
@blp.response(200, CapAnswersSchema)
def ask_caps(query: dict[str, Any], unit_id: UUID) -> dict[str, Any]:
    """查询一次检查是否超过检查频次上限

    列出当日有效的每项上限、已计入的检查和结论。不计入的检查（投诉举报等）照样记录在案。
    """
    on: date = query["on"] or local_date(clock.now())
    intended = service.Intended(
        on,
        _some(query["origin"]),
        joint=query["joint"],
        level=query["level"],
        officers=_some(query["officer_id"]),
        specialties=_some(query["specialty"]),
    )
    ledger = service.ask(unit_id, intended, agency_id=current_agency_id())
    caps = [
        {
            "cap": one.cap,
            "first": one.first,
            "last": one.last,
            "used": len(one.counted),
            "counted": [_entry(entry) for entry in one.counted],
            "verdict": one.verdict,
            "exception_id": ledger.exceptions.get(one.cap.code),
        }
        for one in ledger.answers
    ]
    return {"unit_id": unit_id, "on": on, "caps": caps}


@blp.route("/entries")
@requires(*READERS)
@blp.arguments(EntriesQuerySchema, location="query")
@blp.response(200, EntriesSchema)
def list_entries(query: dict[str, Any], unit_id: UUID) -> dict[str, Any]:
    """查询单位何时被检查过：同日同一队伍的检查计一次"""
    last: date = query["until_on"] or local_date(clock.now())
    first: date = query["from_on"] or rules.span(Period.ROLLING_YEAR, last)[0]
    if not first <= last <= first + _LONGEST:
        raise EntriesSpanWrong("截止日期应不早于起始日期，且不超过三年。")
    units.get_unit(unit_id, current_agency_id())
    return {"entries": [_entry(one) for one in service.entries(unit_id, first, last)]}


@exceptions_blp.route("")
@requires(*READERS)
@exceptions_blp.arguments(CapExceptionQuerySchema, location="query")
@exceptions_blp.paged(CapExceptionSchema)
def list_exceptions(query: dict[str, Any]) -> Page[CapException]:
    """查询超频次检查申请"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.exceptions_of(current_agency_id(), **query)
    return page(found, CapException.id, limit=limit, cursor=cursor)


@exceptions_blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@exceptions_blp.creates
@exceptions_blp.arguments(NewCapExceptionSchema)
@exceptions_blp.response(201, CapExceptionSchema)
def propose(data: dict[str, Any]) -> CapException:
    """申请超频次检查：写明单位、上限、日期和理由"""
    with transaction():
        return service.propose_exception(
            **data, agency_id=current_agency_id(), by=current_actor(), at=clock.now()
        )


@exceptions_blp.route("/<uuid:exception_id>")
@requires(*READERS)
@exceptions_blp.etag
@exceptions_blp.response(200, CapExceptionSchema)
def get_exception(exception_id: UUID) -> CapException:
    """查看超频次检查申请"""
    found = service.get_exception(exception_id, current_agency_id())
    exceptions_blp.set_etag(found.version)
    return found


@exceptions_blp.route("/<uuid:exception_id>/approve", methods=["POST"])
@requires(Role.SUPERVISOR)
@exceptions_blp.etag
@exceptions_blp.response(200, CapExceptionSchema)
def approve(exception_id: UUID) -> CapException:
    """批准超频次检查：申请人以外的另一名负责人"""
    by = current_actor()
    with transaction():
        found = service.get_exception(exception_id, by.agency_id)
        exceptions_blp.check_version(found, CapExceptionSchema)
        found = service.approve_exception(exception_id, by=by, at=clock.now())
    exceptions_blp.set_etag(found.version)
    return found


@exceptions_blp.route("/<uuid:exception_id>/refuse", methods=["POST"])
@requires(Role.SUPERVISOR)
@exceptions_blp.etag
@exceptions_blp.arguments(CapExceptionRefusalSchema)
@exceptions_blp.response(200, CapExceptionSchema)
def refuse(data: dict[str, Any], exception_id: UUID) -> CapException:
    """不予批准超频次检查，写明理由"""
    by = current_actor()
    with transaction():
        found = service.get_exception(exception_id, by.agency_id)
        exceptions_blp.check_version(found, CapExceptionSchema)
        found = service.refuse_exception(exception_id, data["reason"], by=by, at=clock.now())
    exceptions_blp.set_etag(found.version)
    return found


def _some(value: Any) -> frozenset[Any]:
    return frozenset() if value is None else frozenset({value})


def _entry(one: Entered) -> dict[str, Any]:
    return {
        "id": one.id,
        "on": one.on,
        "origins": sorted(one.origins),
        "joint": one.joint,
        "clean": one.clean,
        "elsewhere": one.elsewhere,
    }
