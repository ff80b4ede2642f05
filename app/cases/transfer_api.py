"""The register of transfers over HTTP: what went to other organs and what came from them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import marshmallow as ma
from marshmallow import fields

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.cases import queries, transfers
from app.cases.models import CaseTransfer
from app.cases.rules import Direction, TransferKind, TransferResult
from app.cases.transfers import NewTransfer
from app.db import transaction
from app.fields import Choice, Count, Day, Flag, Id, Text
from app.people import service as people
from app.problems import Blueprint, Page, PageSchema, page

blp = Blueprint(
    "case-transfers", __name__, url_prefix="/case-transfers", description="案件移送、协查、磋商"
)
_READERS = (Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)


class _Span(ma.Schema):
    """Days of a period, both included."""

    from_on = Day(load_default=None, allow_none=True)
    until_on = Day(load_default=None, allow_none=True)


class CaseTransferQuerySchema(PageSchema, _Span):
    """Query of the register of transfers, in the order of their ids."""

    direction = Choice(Direction, load_default=None, allow_none=True)
    kind = Choice(TransferKind, load_default=None, allow_none=True)
    criminal = Flag(load_default=None, allow_none=True)
    case_id = Id(load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)


class CaseTransferSchema(ma.Schema):
    """A matter that was handed over, taken in or discussed."""

    id = Id(required=True)
    version = Count(1, required=True)
    direction = Choice(Direction, required=True)
    kind = Choice(TransferKind, required=True)
    criminal = Flag(required=True)
    organ = Text(max=200, required=True)
    number = Text(max=200, required=True, allow_none=True)
    subject = Text(max=1000, required=True)
    on_day = Day(required=True)
    case_id = Id(required=True, allow_none=True)
    unit_id = Id(required=True, allow_none=True)
    result = Choice(TransferResult, required=True, allow_none=True)
    result_on = Day(required=True, allow_none=True)
    result_note = Text(max=1000, required=True, allow_none=True)


class NewCaseTransferSchema(ma.Schema):
    """A matter to write into the register."""

    direction = Choice(Direction, required=True)
    kind = Choice(TransferKind, required=True)
    organ = Text(max=200, required=True)
    subject = Text(max=1000, required=True)
    on = Day(required=True)
    criminal = Flag(load_default=False)
    number = Text(max=200, load_default=None, allow_none=True)
    case_id = Id(load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)


class TransferAnswerSchema(ma.Schema):
    """What became of a matter."""

    result = Choice(TransferResult, required=True)
    on = Day(required=True)
    note = Text(max=1000, load_default=None, allow_none=True)


class TransferCountSchema(ma.Schema):
    """How many matters of a direction and kind; `criminal`: with criminal justice 行刑衔接."""

    direction = Choice(Direction, required=True)
    kind = Choice(TransferKind, required=True)
    criminal = Flag(required=True)
    count = Count(required=True)
    answered = Count(required=True)


class TransferCountsSchema(ma.Schema):
    """The counts of every direction and kind, those without a matter as zero."""

    items = fields.List(fields.Nested(TransferCountSchema), required=True)


@blp.route("")
@requires(*_READERS)
@blp.arguments(CaseTransferQuerySchema, location="query")
@blp.paged(CaseTransferSchema)
def list_transfers(query: dict[str, Any]) -> Page[CaseTransfer]:
    """查询移送、协查、磋商登记"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.transfers_in(current_actor().agency_id, **query)
    return page(found, CaseTransfer.id, limit=limit, cursor=cursor)


@blp.route("/counts")
@requires(*_READERS)
@blp.arguments(_Span, location="query")
@blp.response(200, TransferCountsSchema)
def count_transfers(query: dict[str, Any]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """统计移送、协查、磋商和行刑衔接，零件也列出"""
    return {"items": transfers.count_transfers(current_actor().agency_id, **query)}


@blp.route("/<uuid:transfer_id>")
@requires(*_READERS)
@blp.etag
@blp.response(200, CaseTransferSchema)
def get_transfer(transfer_id: UUID) -> CaseTransfer:
    """查看一条登记"""
    found = transfers.get_transfer(transfer_id, current_actor().agency_id)
    blp.set_etag(found.version)
    return found


@blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewCaseTransferSchema)
@blp.response(201, CaseTransferSchema)
def record_transfer(data: dict[str, Any]) -> CaseTransfer:
    """登记移送、协查或者磋商"""
    with transaction():
        by = current_actor()
        agency = people.get_agency(current_agency_id())
        made = transfers.record_transfer(NewTransfer(**data), agency=agency, by=by, at=clock.now())
    blp.set_etag(made.version)
    return made


@blp.route("/<uuid:transfer_id>/answer", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(TransferAnswerSchema)
@blp.response(200, CaseTransferSchema)
def answer_transfer(data: dict[str, Any], transfer_id: UUID) -> CaseTransfer:
    """登记结果"""
    with transaction():
        by = current_actor()
        blp.check_version(transfers.get_transfer(transfer_id, by.agency_id), CaseTransferSchema)
        row = transfers.answer_transfer(
            transfer_id, data["result"], on=data["on"], note=data["note"], by=by, at=clock.now()
        )
    blp.set_etag(row.version)
    return row
