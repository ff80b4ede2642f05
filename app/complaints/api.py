"""Complaints and reports over HTTP: clerks and supervisors handle them, officers read them.

Who complained stands behind a route of its own, for those who answer them; every reading is an
entry of the journal.
"""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Actor, Role, current_actor, requires
from app.complaints import queries, service
from app.complaints.models import Complainant, Complaint
from app.complaints.rules import ComplaintResult
from app.complaints.schemas import (
    ComplainantSchema,
    ComplaintAssignSchema,
    ComplaintMergeSchema,
    ComplaintQuerySchema,
    ComplaintReasonSchema,
    ComplaintReplySchema,
    ComplaintResultSchema,
    ComplaintSchema,
    ComplaintTransferSchema,
    NewComplaintSchema,
    ReplyDraftQuerySchema,
    ReplyDraftSchema,
    WholeComplaintSchema,
)
from app.db import transaction
from app.people import service as people
from app.problems import Blueprint, Page, page

blp = Blueprint("complaints", __name__, url_prefix="/complaints", description="投诉举报")
READERS = (Role.SUPERVISOR, Role.CLERK, Role.OFFICER, Role.AUDITOR)
HANDLERS = (Role.SUPERVISOR, Role.CLERK)


@blp.route("")
@requires(*READERS)
@blp.arguments(ComplaintQuerySchema, location="query")
@blp.paged(ComplaintSchema)
def list_complaints(query: dict[str, Any]) -> Page[Complaint]:
    """查询投诉举报"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.complaints_of(current_actor().agency_id, **query)
    return page(found, Complaint.id, limit=limit, cursor=cursor)


@blp.route("", methods=["POST"])
@requires(*HANDLERS)
@blp.creates
@blp.arguments(NewComplaintSchema)
@blp.response(201, ComplaintSchema)
def file_complaint(data: dict[str, Any]) -> Complaint:
    """登记投诉举报；不写投诉举报人即为匿名"""
    identity = data.pop("complainant")
    with transaction():
        by = current_actor()
        new = service.NewComplaint(
            **data, identity=None if identity is None else service.Identity(**identity)
        )
        complaint = service.file_complaint(new, agency=_agency(by), by=by, at=clock.now())
    blp.set_etag(complaint.version)
    return complaint


@blp.route("/<uuid:complaint_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, WholeComplaintSchema)
def get_complaint(complaint_id: UUID) -> dict[str, Any]:
    """查看投诉举报、办理期限、检查和案件，以及内容相同的其他投诉举报"""
    complaint = service.get_complaint(complaint_id, current_actor().agency_id)
    linked = queries.linked_to(complaint)
    blp.set_etag(complaint.version)
    whole: dict[str, Any] = ComplaintSchema().dump(complaint)
    return {
        **{name: getattr(complaint, name) for name in whole},
        "visit_id": linked.visit_id,
        "case_ids": linked.case_ids,
        "merged": [one.number for one in queries.merged_into(complaint.id)],
        "repeats": [one.number for one in service.repeats_of(complaint, at=clock.now())],
    }


@blp.route("/<uuid:complaint_id>/complainant")
@requires(*HANDLERS)
@blp.response(200, ComplainantSchema)
def read_complainant(complaint_id: UUID) -> Complainant:
    """查看投诉举报人

    只有办理和答复的人员可以查看，每次查看都记入日志。
    """
    with transaction():
        return service.read_complainant(complaint_id, by=current_actor(), at=clock.now())


@blp.route("/<uuid:complaint_id>/reply-draft")
@requires(*HANDLERS)
@blp.arguments(ReplyDraftQuerySchema, location="query")
@blp.response(200, ReplyDraftSchema)
def draft_reply(query: dict[str, Any], complaint_id: UUID) -> dict[str, str]:
    """按模板起草答复"""
    complaint = service.get_complaint(complaint_id, current_actor().agency_id)
    return {"text": service.draft_reply(complaint, query["template"], at=clock.now())}


@blp.route("/<uuid:complaint_id>/accept", methods=["POST"])
@requires(*HANDLERS)
@blp.etag
@blp.response(200, ComplaintSchema)
def accept(complaint_id: UUID) -> Complaint:
    """受理"""
    with transaction():
        by = _checked(complaint_id)
        complaint = service.accept_complaint(complaint_id, by=by, at=clock.now())
    blp.set_etag(complaint.version)
    return complaint


@blp.route("/<uuid:complaint_id>/refuse", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(ComplaintReasonSchema)
@blp.response(200, ComplaintSchema)
def refuse(data: dict[str, Any], complaint_id: UUID) -> Complaint:
    """不予受理，写明理由"""
    with transaction():
        by = _checked(complaint_id)
        complaint = service.refuse_complaint(complaint_id, **data, by=by, at=clock.now())
    blp.set_etag(complaint.version)
    return complaint


@blp.route("/<uuid:complaint_id>/transfer", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(ComplaintTransferSchema)
@blp.response(200, ComplaintSchema)
def transfer(data: dict[str, Any], complaint_id: UUID) -> Complaint:
    """移送有管辖权的机关"""
    with transaction():
        by = _checked(complaint_id)
        complaint = service.transfer_complaint(complaint_id, **data, by=by, at=clock.now())
    blp.set_etag(complaint.version)
    return complaint


@blp.route("/<uuid:complaint_id>/assign", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(ComplaintAssignSchema)
@blp.response(200, ComplaintSchema)
def assign(data: dict[str, Any], complaint_id: UUID) -> Complaint:
    """交办：建立来源为投诉举报的任务"""
    with transaction():
        by = _checked(complaint_id)
        check = service.Check(**data)
        complaint = service.assign_complaint(complaint_id, check, by=by, at=clock.now())
    blp.set_etag(complaint.version)
    return complaint


@blp.route("/<uuid:complaint_id>/conclude", methods=["POST"])
@requires(*HANDLERS)
@blp.etag
@blp.arguments(ComplaintResultSchema)
@blp.response(200, ComplaintSchema)
def conclude(data: dict[str, Any], complaint_id: UUID) -> Complaint:
    """登记核查结果"""
    with transaction():
        by = _checked(complaint_id)
        result = ComplaintResult(data["result"])
        complaint = service.conclude_complaint(
            complaint_id, result, data["note"], by=by, at=clock.now()
        )
    blp.set_etag(complaint.version)
    return complaint


@blp.route("/<uuid:complaint_id>/reply", methods=["POST"])
@requires(*HANDLERS)
@blp.etag
@blp.arguments(ComplaintReplySchema)
@blp.response(200, ComplaintSchema)
def reply(data: dict[str, Any], complaint_id: UUID) -> Complaint:
    """答复；并入的投诉举报一并答复"""
    with transaction():
        by = _checked(complaint_id)
        answer = service.Answer(**data)
        complaint = service.reply_complaint(complaint_id, answer, by=by, at=clock.now())
    blp.set_etag(complaint.version)
    return complaint


@blp.route("/<uuid:complaint_id>/withdraw", methods=["POST"])
@requires(*HANDLERS)
@blp.etag
@blp.arguments(ComplaintReasonSchema)
@blp.response(200, ComplaintSchema)
def withdraw(data: dict[str, Any], complaint_id: UUID) -> Complaint:
    """登记撤回"""
    with transaction():
        by = _checked(complaint_id)
        complaint = service.withdraw_complaint(complaint_id, **data, by=by, at=clock.now())
    blp.set_etag(complaint.version)
    return complaint


@blp.route("/<uuid:complaint_id>/merge", methods=["POST"])
@requires(*HANDLERS)
@blp.etag
@blp.arguments(ComplaintMergeSchema)
@blp.response(200, ComplaintSchema)
def merge(data: dict[str, Any], complaint_id: UUID) -> Complaint:
    """并案：重复的投诉举报并入一件办理"""
    with transaction():
        by = _checked(complaint_id)
        complaint = service.merge_complaint(complaint_id, **data, by=by, at=clock.now())
    blp.set_etag(complaint.version)
    return complaint


def _checked(complaint_id: UUID) -> Actor:
    """Compare the version that was seen with the one that is; return who acts."""
    by = current_actor()
    blp.check_version(service.get_complaint(complaint_id, by.agency_id), ComplaintSchema)
    return by


def _agency(by: Actor) -> Any:
    if by.agency_id is None:
        raise service.ComplaintUnknown("没有这件投诉举报，或它不属于本机构。")
    return people.get_agency(by.agency_id)
