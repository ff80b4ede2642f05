"""Verbs of complaints and reports 投诉举报: file, accept, assign, conclude, reply, and their ends.

Each step has a last day by a dated row of the catalogue, counted with the working-day calendar.
Who complained is a row of its own: reading it is journalled, and its contents never are.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.catalogue.service import Kind
from app.complaints import queries, rules
from app.complaints.models import Complainant, Complaint, ComplaintStep
from app.complaints.rules import (
    Begins,
    Channel,
    ComplaintKind,
    ComplaintResult,
    ComplaintState,
    ComplaintVerb,
    Step,
)
from app.days import local_date
from app.db import db, new_id, touch
from app.documents import service as documents
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.numbering.queries import take_number
from app.numbering.rules import Register
from app.people import service as people
from app.people.models import Agency
from app.tasks import service as tasks
from app.tasks.rules import NewTask
from app.units import service as units

MOVED = "deadline-moved-to-working-day"
REPEAT_DAYS = "complaint-repeat-days"


class ComplaintUnknown(NotFound):
    code, title = "complaint-unknown", "未找到投诉举报"


class ComplaintInvalid(Invalid):
    code, title = "complaint-invalid", "投诉举报内容有误"


class ComplaintStateWrong(Conflict):
    code, title = "complaint-state-wrong", "投诉举报状态不允许此操作"


class ComplainantUnknown(NotFound):
    code, title = "complainant-unknown", "没有登记投诉举报人"


class UnitNotNamed(Invalid):
    code, title = "complaint-unit-missing", "尚未确定被投诉举报单位"


class ReplyTemplateUnknown(Invalid):
    code, title = "reply-template-unknown", "没有这个答复模板"


@dataclass(frozen=True)
class Identity:
    """Who complained, as far as they said it."""

    name: str | None = None
    phone: str | None = None
    address: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class NewComplaint:
    """What was told; `identity` None or empty makes it anonymous."""

    kind: ComplaintKind
    channel: Channel
    content: str
    received_on: date | None = None
    external_no: str | None = None
    specialty: str | None = None
    unit_id: UUID | None = None
    accused: str | None = None
    place: str | None = None
    reward_claimed: bool = False
    identity: Identity | None = None


@dataclass(frozen=True)
class Check:
    """What is to be checked for a complaint; `unit_id` None: the unit that it names."""

    specialty: str
    object_class: str | None = None
    checklist_code: str | None = None
    unit_id: UUID | None = None


@dataclass(frozen=True)
class Answer:
    """How a complaint is answered: by a template filled, by words, and on which document."""

    template: str
    text: str | None = None
    document_id: UUID | None = None


def get_complaint(complaint_id: UUID, agency_id: UUID | None) -> Complaint:
    """Return a complaint of the agency. Raises ComplaintUnknown, also for another agency's."""
    complaint = queries.find_complaint(complaint_id)
    if complaint is None or complaint.agency_id != agency_id:
        raise ComplaintUnknown("没有这件投诉举报，或它不属于本机构。")
    return complaint


# --- coming in ---------------------------------------------------------------------------------


def file_complaint(data: NewComplaint, *, agency: Agency, by: Actor, at: datetime) -> Complaint:
    """Take in a complaint or report under the next number, its steps with their last days.

    Terms are those in force on the day on which it was received. Raises ComplaintInvalid (nothing
    says against whom; received in the future; an unknown specialty) and UnitNotFound. Flushes.
    """
    today = local_date(at)
    received_on = data.received_on or today
    _refuse_wrong(data, received_on, today, agency)
    identity = data.identity
    anonymous = identity is None or not any(asdict(identity).values())
    complaint = Complaint(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        number=take_number(agency.id, Register.COMPLAINT, today),
        kind=data.kind,
        channel=data.channel,
        external_no=data.external_no,
        received_on=received_on,
        specialty=data.specialty,
        unit_id=data.unit_id,
        accused=data.accused,
        place=data.place,
        content=data.content,
        anonymous=anonymous,
        reward_claimed=data.reward_claimed,
        state=ComplaintState.RECEIVED,
        filed_at=at,
        filed_by_kind=by.kind,
        filed_by_id=by.id,
    )
    db.session.add(complaint)
    _begin_steps(complaint, Begins.RECEIVED, received_on)
    db.session.flush()  # what belongs to it names its id
    if identity is not None and not anonymous:
        db.session.add(Complainant(complaint_id=complaint.id, **asdict(identity)))
    journal.record(
        Event.COMPLAINT_FILED,
        complaint,
        by=by,
        at=at,
        data={
            "number": complaint.number,
            "kind": str(data.kind),
            "channel": str(data.channel),
            "unit_id": None if data.unit_id is None else str(data.unit_id),
            "anonymous": anonymous,
            "steps": _steps_data(complaint),
        },
    )
    return complaint


def _refuse_wrong(data: NewComplaint, received_on: date, today: date, agency: Agency) -> None:
    if data.unit_id is None and data.accused is None and data.place is None:
        raise ComplaintInvalid("请写明被投诉举报的单位、人或者地点。")
    if received_on > today:
        raise ComplaintInvalid("收到日期不能晚于今天。", received_on=received_on)
    if data.unit_id is not None:
        units.get_unit(data.unit_id, agency.id)
    known = {row.code for row in catalogue.in_force(Kind.SPECIALTY, received_on)}
    if data.specialty is not None and data.specialty not in known:
        raise ComplaintInvalid(f"专业“{data.specialty}”不在现行目录中。")


def _begin_steps(complaint: Complaint, begins: Begins, on: date) -> None:
    """Give a complaint the steps whose terms are counted from what happened on a day."""
    calendar = catalogue.calendar()
    moved = bool(catalogue.setting(MOVED, local_date(complaint.filed_at)))
    for row in catalogue.in_force(Kind.COMPLAINT_STEP, complaint.received_on):
        rule = rules.read_step(row.code, row.body)
        if rule.begins is not begins:
            continue
        deadline = rules.step_due(rule, on, calendar, moved=moved)
        complaint.steps.append(
            ComplaintStep(
                step=rule.step,
                rule_id=row.id,
                begins_on=on,
                due_on=deadline.due_on,
                due_reason=deadline.reason,
            )
        )


def _steps_data(complaint: Complaint) -> dict[str, str | None]:
    return {
        str(one.step): None if one.due_on is None else one.due_on.isoformat()
        for one in complaint.steps
    }


# --- on its way --------------------------------------------------------------------------------


def accept_complaint(complaint_id: UUID, *, by: Actor, at: datetime) -> Complaint:
    """Accept a complaint 受理: it is this agency's to check. Raises what `_move` does."""
    complaint = get_complaint(complaint_id, by.agency_id)
    _following(complaint, ComplaintVerb.ACCEPT)
    _begin_steps(complaint, Begins.ACCEPTED, local_date(at))
    complaint.accepted_at, complaint.accepted_by_kind, complaint.accepted_by_id = at, by.kind, by.id
    return _move(complaint, ComplaintVerb.ACCEPT, by=by, at=at, data=_steps_data(complaint))


def assign_complaint(complaint_id: UUID, check: Check, *, by: Actor, at: datetime) -> Complaint:
    """Turn an accepted complaint into a task 交办, due by the day of its reply.

    The task's origin is `complaint`, its reference the complaint's number: it is exempt from the
    cap like every complaint. Raises UnitNotNamed where neither the complaint nor the check names a
    unit of the register, and what keeps a task from being created.
    """
    complaint = get_complaint(complaint_id, by.agency_id)
    _following(complaint, ComplaintVerb.ASSIGN)
    unit_id = check.unit_id or complaint.unit_id
    if unit_id is None:
        raise UnitNotNamed("请先确定或登记被投诉举报的单位（无证的人或地点也可登记），再交办。")
    reply = next((one for one in complaint.steps if one.step == Step.REPLY), None)
    task = tasks.create_task(
        NewTask(
            unit_id=unit_id,
            specialty=check.specialty,
            object_class=check.object_class,
            origin="complaint",
            origin_reference=complaint.number,
            checklist_code=check.checklist_code,
            due_on=None if reply is None else reply.due_on,
        ),
        agency=people.get_agency(complaint.agency_id),
        by=by,
        at=at,
    )
    complaint.unit_id, complaint.task_id = unit_id, task.id
    complaint.assigned_at, complaint.assigned_by_kind, complaint.assigned_by_id = at, by.kind, by.id
    data = {"task_id": str(task.id), "unit_id": str(unit_id)}
    return _move(complaint, ComplaintVerb.ASSIGN, by=by, at=at, data=data)


def conclude_complaint(
    complaint_id: UUID, result: ComplaintResult, note: str, *, by: Actor, at: datetime
) -> Complaint:
    """Say what the check came to; it may also be settled without a visit (data, a telephone call).

    Raises ComplaintUnknown and ComplaintStateWrong.
    """
    complaint = get_complaint(complaint_id, by.agency_id)
    _following(complaint, ComplaintVerb.CONCLUDE)
    complaint.result, complaint.result_note = result, note
    complaint.concluded_at = at
    complaint.concluded_by_kind, complaint.concluded_by_id = by.kind, by.id
    return _move(complaint, ComplaintVerb.CONCLUDE, by=by, at=at, data={"result": str(result)})


def reply_complaint(complaint_id: UUID, answer: Answer, *, by: Actor, at: datetime) -> Complaint:
    """Answer a concluded complaint 答复, and with it those that were merged into it.

    Without words of its own the reply is the template's, filled. Who complained without a name
    cannot be answered: the reply is kept, and the step is done with it. Raises
    ReplyTemplateUnknown, DocumentUnknown, ComplaintUnknown and ComplaintStateWrong.
    """
    complaint = get_complaint(complaint_id, by.agency_id)
    _following(complaint, ComplaintVerb.REPLY)
    text = answer.text or draft_reply(complaint, answer.template, at=at)
    _template(answer.template, at)
    if answer.document_id is not None:
        documents.get_document(answer.document_id, complaint.agency_id)
    complaint.reply_template, complaint.reply_text = answer.template, text
    complaint.document_id = answer.document_id
    complaint.replied_at, complaint.replied_by_kind, complaint.replied_by_id = at, by.kind, by.id
    for other in queries.merged_into(complaint.id):
        _finish_steps(other, set(Step), local_date(at))
        touch(other)
        journal.record(
            Event.COMPLAINT_REPLIED, other, by=by, at=at, data={"with": str(complaint.id)}
        )
    return _move(complaint, ComplaintVerb.REPLY, by=by, at=at, data={"template": answer.template})


def draft_reply(complaint: Complaint, template: str, *, at: datetime) -> str:
    """Return the words of a template, filled for a complaint. Raises ReplyTemplateUnknown."""
    unit = None
    if complaint.unit_id is not None:
        unit = units.get_unit(complaint.unit_id, complaint.agency_id).name
    result = complaint.result
    values = {
        "agency": people.get_agency(complaint.agency_id).name,
        "number": complaint.external_no or complaint.number,
        "received_on": _written(complaint.received_on),
        "today": _written(local_date(at)),
        "subject": unit or complaint.accused or complaint.place or "",
        "result": "" if result is None else rules.RESULT_NAMES[ComplaintResult(result)],
        "note": complaint.result_note or complaint.reason or "",
        "organ": complaint.organ or "",
    }
    return rules.fill_template(str(_template(template, at).body["text"]), values)


def _template(code: str, at: datetime) -> CatalogueRow:
    try:
        return catalogue.get_row(Kind.REPLY_TEMPLATE, code, local_date(at))
    except catalogue.CatalogueRowMissing as error:
        raise ReplyTemplateUnknown("目录中没有这个答复模板，请重新选择。", template=code) from error


def _written(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


# --- other ends --------------------------------------------------------------------------------


def refuse_complaint(complaint_id: UUID, reason: str, *, by: Actor, at: datetime) -> Complaint:
    """Refuse a complaint 不予受理, with its reason; whoever complained is told that reason."""
    return _end(complaint_id, ComplaintVerb.REFUSE, reason, by=by, at=at)


def transfer_complaint(
    complaint_id: UUID, organ: str, reason: str, *, by: Actor, at: datetime
) -> Complaint:
    """Hand a complaint over to the organ that it belongs to."""
    complaint = get_complaint(complaint_id, by.agency_id)
    _following(complaint, ComplaintVerb.TRANSFER)
    complaint.organ = organ
    return _end(complaint_id, ComplaintVerb.TRANSFER, reason, by=by, at=at)


def withdraw_complaint(complaint_id: UUID, reason: str, *, by: Actor, at: datetime) -> Complaint:
    """Note that whoever complained took it back; a task that it led to stays."""
    return _end(complaint_id, ComplaintVerb.WITHDRAW, reason, by=by, at=at)


def merge_complaint(
    complaint_id: UUID, into_id: UUID, reason: str, *, by: Actor, at: datetime
) -> Complaint:
    """Merge a repeated complaint into an open one; it is answered together with that.

    Raises ComplaintUnknown, ComplaintInvalid (into itself) and ComplaintStateWrong, also where the
    other is not open or was merged itself.
    """
    complaint = get_complaint(complaint_id, by.agency_id)
    _following(complaint, ComplaintVerb.MERGE)
    main = get_complaint(into_id, by.agency_id)
    if main.id == complaint.id:
        raise ComplaintInvalid("投诉举报不能并入自身。")
    if main.state not in rules.OPEN_STATES or queries.merged_into(complaint.id):
        raise ComplaintStateWrong(
            "只能并入尚未办结的投诉举报，已有并案的应作为主件。", state=main.state
        )
    complaint.merged_into_id = main.id
    return _end(complaint_id, ComplaintVerb.MERGE, reason, by=by, at=at)


def _end(
    complaint_id: UUID, verb: ComplaintVerb, reason: str, *, by: Actor, at: datetime
) -> Complaint:
    complaint = get_complaint(complaint_id, by.agency_id)
    _following(complaint, verb)
    complaint.reason, complaint.ended_at = reason, at
    complaint.ended_by_kind, complaint.ended_by_id = by.kind, by.id
    data: dict[str, Any] = {}
    if complaint.merged_into_id is not None:
        data["merged_into_id"] = str(complaint.merged_into_id)
    return _move(complaint, verb, by=by, at=at, data=data)


_EVENTS = {
    ComplaintVerb.ACCEPT: Event.COMPLAINT_ACCEPTED,
    ComplaintVerb.REFUSE: Event.COMPLAINT_REFUSED,
    ComplaintVerb.TRANSFER: Event.COMPLAINT_TRANSFERRED,
    ComplaintVerb.ASSIGN: Event.COMPLAINT_ASSIGNED,
    ComplaintVerb.CONCLUDE: Event.COMPLAINT_CONCLUDED,
    ComplaintVerb.REPLY: Event.COMPLAINT_REPLIED,
    ComplaintVerb.WITHDRAW: Event.COMPLAINT_WITHDRAWN,
    ComplaintVerb.MERGE: Event.COMPLAINT_MERGED,
}


def _following(complaint: Complaint, verb: ComplaintVerb) -> ComplaintState:
    """Return the state that follows. Raises ComplaintStateWrong (`state`, `verb`)."""
    state = ComplaintState(complaint.state)
    following = rules.following(verb, state)
    if following is None:
        raise ComplaintStateWrong(
            f"投诉举报现为“{rules.STATE_NAMES[state]}”，不能{rules.VERB_NAMES[verb]}。"
            "请刷新后再办理。",
            state=str(state),
            verb=str(verb),
        )
    return following


def _move(
    complaint: Complaint, verb: ComplaintVerb, *, by: Actor, at: datetime, data: dict[str, Any]
) -> Complaint:
    """Take a step: the state that follows, the steps that are done with it, one entry."""
    complaint.state = _following(complaint, verb)
    _finish_steps(complaint, rules.STEPS_DONE[verb], local_date(at))
    journal.record(_EVENTS[verb], complaint, by=by, at=at, data={"state": complaint.state, **data})
    return complaint


def _finish_steps(complaint: Complaint, done: Collection[str], on: date) -> None:
    for one in complaint.steps:
        if one.step in done and one.done_on is None:
            one.done_on = on


# --- who complained ----------------------------------------------------------------------------


def read_complainant(complaint_id: UUID, *, by: Actor, at: datetime) -> Complainant:
    """Return who complained; that it was read, and by whom, is journalled first.

    Raises ComplaintUnknown and ComplainantUnknown (anonymous).
    """
    complaint = get_complaint(complaint_id, by.agency_id)
    found = queries.find_complainant(complaint_id)
    if found is None:
        raise ComplainantUnknown("这件投诉举报是匿名的，没有登记投诉举报人。")
    journal.record(Event.COMPLAINANT_READ, complaint, by=by, at=at, data={})
    return found


def repeats_of(complaint: Complaint, *, at: datetime) -> Sequence[Complaint]:
    """Return open complaints about the same, within the days that the catalogue says."""
    days = int(catalogue.setting(REPEAT_DAYS, local_date(at)))
    return queries.repeats_of(complaint, complaint.received_on - timedelta(days=days))
