"""Repair over HTTP: applications, 履罚核实, decisions, 协同处理, and the figures of a period."""

from typing import Any
from uuid import UUID

import flask

from app import clock
from app.access import Role, current_actor, requires
from app.credit import queries
from app.credit import repairs as service
from app.credit.models import CreditCooperation, CreditRepair
from app.credit.repairs import NewRepair, Part
from app.credit.schemas import (
    AnswerCooperationSchema,
    CheckCreditRepairSchema,
    CooperationQuerySchema,
    CooperationSchema,
    CreditFiguresQuerySchema,
    CreditFiguresSchema,
    CreditRepairQuerySchema,
    CreditRepairSchema,
    DecideCreditRepairSchema,
    NewCooperationSchema,
    NewCreditRepairSchema,
)
from app.db import transaction
from app.evidence.api import send_original
from app.people import service as people
from app.people.models import Agency
from app.problems import Blueprint, Page, page

repairs = Blueprint(
    "credit-repairs", __name__, url_prefix="/credit-repairs", description="信用修复"
)
cooperations = Blueprint(
    "credit-cooperations", __name__, url_prefix="/credit-cooperations", description="协同处理"
)
figures = Blueprint(
    "credit-figures", __name__, url_prefix="/credit-figures", description="信用工作统计"
)

READERS = (Role.CLERK, Role.SUPERVISOR, Role.AUDITOR)
KEEPERS = (Role.CLERK, Role.SUPERVISOR)


@repairs.route("")
@requires(*READERS)
@repairs.arguments(CreditRepairQuerySchema, location="query")
@repairs.paged(CreditRepairSchema)
def list_repairs(query: dict[str, Any]) -> Page[CreditRepair]:
    """查询信用修复申请"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.repairs_in(current_actor().agency_id, **query)
    return page(found, CreditRepair.id, limit=limit, cursor=cursor)


@repairs.route("", methods=["POST"])
@requires(*KEEPERS)
@repairs.creates
@repairs.arguments(NewCreditRepairSchema)
@repairs.response(201, CreditRepairSchema)
def apply_for_repair(data: dict[str, Any]) -> CreditRepair:
    """受理信用修复申请"""
    parts = tuple(Part(**one) for one in data.pop("parts"))
    with transaction():
        return service.apply_for_repair(
            NewRepair(parts=parts, **data), agency=_agency(), by=current_actor(), at=clock.now()
        )


@repairs.route("/<uuid:repair_id>")
@requires(*READERS)
@repairs.etag
@repairs.response(200, CreditRepairSchema)
def get_repair(repair_id: UUID) -> CreditRepair:
    """查看信用修复申请"""
    repair = service.get_repair(repair_id, current_actor().agency_id)
    repairs.set_etag(repair.version)
    return repair


@repairs.route("/<uuid:repair_id>/papers/<digest>")
@requires(*READERS)
@repairs.response(
    200, {"type": "string", "format": "binary"}, content_type="application/octet-stream"
)
def get_paper(repair_id: UUID, digest: str) -> flask.Response:
    """下载信用修复申请的材料"""
    repair = service.get_repair(repair_id, current_actor().agency_id)
    return send_original(service.paper_of(repair, digest))


@repairs.route("/<uuid:repair_id>/check", methods=["POST"])
@requires(*KEEPERS)
@repairs.etag
@repairs.arguments(CheckCreditRepairSchema)
@repairs.response(200, CreditRepairSchema)
def check_fulfilment(data: dict[str, Any], repair_id: UUID) -> CreditRepair:
    """履罚核实

    本机关登记尚有未缴款项或者未完成的改正时，认定已履行须写明理由。
    """
    with transaction():
        repair = _versioned(repair_id)
        service.check_fulfilment(
            repair,
            fulfilled=data["fulfilled"],
            note=data["note"],
            open_reason=data["open_reason"],
            by=current_actor(),
            at=clock.now(),
        )
    repairs.set_etag(repair.version)
    return repair


@repairs.route("/<uuid:repair_id>/decide", methods=["POST"])
@requires(Role.SUPERVISOR)
@repairs.etag
@repairs.arguments(DecideCreditRepairSchema)
@repairs.response(200, CreditRepairSchema)
def decide_repair(data: dict[str, Any], repair_id: UUID) -> CreditRepair:
    """作出信用修复决定

    核实履罚情况的人不能作决定。
    """
    with transaction():
        repair = _versioned(repair_id)
        service.decide_repair(
            repair,
            approve=data["approve"],
            opinion=data["opinion"],
            by=current_actor(),
            at=clock.now(),
        )
    repairs.set_etag(repair.version)
    return repair


@repairs.route("/<uuid:repair_id>/withdraw", methods=["POST"])
@requires(*KEEPERS)
@repairs.etag
@repairs.response(200, CreditRepairSchema)
def withdraw_repair(repair_id: UUID) -> CreditRepair:
    """申请人撤回信用修复申请"""
    with transaction():
        repair = _versioned(repair_id)
        service.withdraw_repair(repair, by=current_actor(), at=clock.now())
    repairs.set_etag(repair.version)
    return repair


def _versioned(repair_id: UUID) -> CreditRepair:
    repair = service.get_repair(repair_id, current_actor().agency_id)
    repairs.check_version(repair, CreditRepairSchema)
    return repair


@cooperations.route("")
@requires(*READERS)
@cooperations.arguments(CooperationQuerySchema, location="query")
@cooperations.paged(CooperationSchema)
def list_cooperations(query: dict[str, Any]) -> Page[CreditCooperation]:
    """查询协同处理事项"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.cooperations_in(current_actor().agency_id, **query)
    return page(found, CreditCooperation.id, limit=limit, cursor=cursor)


@cooperations.route("", methods=["POST"])
@requires(*KEEPERS)
@cooperations.creates
@cooperations.arguments(NewCooperationSchema)
@cooperations.response(201, CooperationSchema)
def receive_cooperation(data: dict[str, Any]) -> CreditCooperation:
    """登记协同处理事项"""
    with transaction():
        return service.receive_cooperation(
            data["from_organ"],
            data["subject"],
            data["received_on"],
            data["unit_id"],
            agency=_agency(),
            by=current_actor(),
            at=clock.now(),
        )


@cooperations.route("/<uuid:cooperation_id>")
@requires(*READERS)
@cooperations.etag
@cooperations.response(200, CooperationSchema)
def get_cooperation(cooperation_id: UUID) -> CreditCooperation:
    """查看协同处理事项"""
    found = service.get_cooperation(cooperation_id, current_actor().agency_id)
    cooperations.set_etag(found.version)
    return found


@cooperations.route("/<uuid:cooperation_id>/answer", methods=["POST"])
@requires(*KEEPERS)
@cooperations.etag
@cooperations.arguments(AnswerCooperationSchema)
@cooperations.response(200, CooperationSchema)
def answer_cooperation(data: dict[str, Any], cooperation_id: UUID) -> CreditCooperation:
    """答复协同处理事项"""
    with transaction():
        found = service.get_cooperation(cooperation_id, current_actor().agency_id)
        cooperations.check_version(found, CooperationSchema)
        service.answer_cooperation(found, data["answer"], by=current_actor(), at=clock.now())
    cooperations.set_etag(found.version)
    return found


@figures.route("")
@requires(*READERS)
@figures.arguments(CreditFiguresQuerySchema, location="query")
@figures.response(200, CreditFiguresSchema)
def show_figures(query: dict[str, Any]) -> dict[str, Any]:
    """统计一段时间的信用修复、履罚核实和协同处理

    没有的计为零；每个数字附清单。
    """
    found = service.figures_of(current_actor().agency_id, query["from_on"], query["until_on"])
    return {
        "repairs": len(found.repairs),
        "repaired_units": found.units_in(found.repairs),
        "repair_ids": [one.id for one in found.repairs],
        "checks": len(found.checks),
        "checked_units": found.units_in(found.checks),
        "check_ids": [one.id for one in found.checks],
        "cooperations": len(found.cooperations),
        "cooperation_ids": [one.id for one in found.cooperations],
    }


def _agency() -> Agency:
    agency_id = current_actor().agency_id
    if agency_id is None:
        raise people.AgencyNotFound("没有这个机构。")
    return people.get_agency(agency_id)
