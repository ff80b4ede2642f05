"""What each type of operation does: from its signed fields to a service's verb.

Every effect runs in a savepoint of its own. What it raises as a DomainError becomes the reason and
the problem document under which the operation is kept.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app import canonical
from app.access import Actor
from app.db import db
from app.errors import Conflict, Invalid
from app.evidence import queries as evidence_queries
from app.evidence import service as evidence
from app.evidence.models import Evidence
from app.evidence.rules import EvidenceState
from app.geometry import find_crs, wgs84_e7
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.units import service as units
from app.units.models import Unit
from app.visits import answering, contributing
from app.visits import rules as visit_rules
from app.visits import service as visits
from app.visits.models import Finding, Visit, VisitAnswer
from sync.inbox import consequences, forms, issuing, rules, starting
from sync.inbox.doing import Doing, Effect, applied, their_task, their_visit
from sync.inbox.placing import placed_in_form
from sync.inbox.rules import OperationType, Outcome
from sync.operations import Operation, is_id


class OperationTypeUnknown(Invalid):
    code, title = "operation-type-unknown", "操作类型未知"


class OperationFieldsWrong(Invalid):
    code, title = "operation-fields-wrong", "操作内容有误"


class SubjectUnknown(Conflict):
    code, title = "subject-unknown", "证据所属内容不存在"


class AttachmentMissing(Invalid):
    code, title = "attachment-missing", "没有附件"


def check(operation: Operation) -> OperationType:
    """Return the type of an operation whose fields have the shape of that type.

    A version that is not known is taken where its fields are all of today's, and no others. Raises
    OperationTypeUnknown, FormVersionUnknown (`form_version` and what is known) and
    OperationFieldsWrong (`fields`).
    """
    try:
        type_ = OperationType(operation.type)
    except ValueError as error:
        raise OperationTypeUnknown("服务器不认识这种操作，内容已留存，由负责人处理。") from error
    wrong = rules.wrong_fields(type_, operation.fields)
    if not wrong:
        return type_  # whatever its version is called, it says nothing that is not understood
    history = forms.HISTORIES[type_]
    if not history.knows(operation.form_version):
        raise contributing.FormVersionUnknown(
            "服务器不认识这一版操作内容，原文已留存；服务器更新后可重新处理。",
            form_version=operation.form_version,
            oldest=history.oldest,
            current=history.current,
        )
    raise OperationFieldsWrong("操作的字段有缺漏或不合要求，内容已留存。", fields=wrong)


def stands_alone(pushed: Operation) -> bool:
    """Tell whether what follows an operation may find it without asking the database."""
    return pushed.type == OperationType.VISIT_ANSWER_ITEM and not pushed.attachments


def load(pushed: Collection[Operation]) -> list[Any]:
    """Read at once the visits and tasks that operations are about.

    Only as long as the caller holds what is returned does the session know it by id.
    """
    if not pushed:
        return []
    named = {one.entity_id for one in pushed}
    for one in pushed:
        for name in ("visit_id", "task_id"):
            if is_id(one.fields.get(name)):
                named.add(UUID(one.fields[name]))
    found = db.session.scalars(
        sa.select(Visit).where(Visit.id.in_(named)).options(selectinload(Visit.answers))
    ).all()
    named.update(visit.task_id for visit in found if visit.task_id is not None)
    return [*found, *db.session.scalars(sa.select(Task).where(Task.id.in_(named)))]


def carry_out(doing: Doing) -> Effect:
    """Expect the operation's attachments, then do what it says.

    What was answered on another version of the checklist takes effect on the items that it stands
    for in the visit's own.
    """
    placed = placed_in_form(doing.operation, by=doing.by)
    if placed == [doing.operation]:
        return _do(doing)
    done = [_do(replace(doing, operation=one)) for one in placed]
    if len(done) == 1:
        db.session.flush()  # the receipt names the version of what it was placed on
        version = done[0].version if done[0].entity is None else done[0].entity.version
        return replace(
            done[0], version=version, entity=None, reason=done[0].reason or forms.MIGRATED
        )
    if any(one.outcome is Outcome.CONFLICT for one in done):
        raise contributing.FormVersionUnknown("该事项已拆分，其中一项另有回答，由负责人处理。")
    return Effect(Outcome.APPLIED, reason=forms.MIGRATED)


def _do(doing: Doing) -> Effect:
    subject_type, subject_id = _subject(doing)
    attach(
        doing.operation,
        subject_type,
        subject_id,
        clock_suspect=doing.clock_suspect,
        by=doing.by,
        at=doing.at,
    )
    return EFFECTS[doing.type](doing)


def attach(
    operation: Operation,
    subject_type: str,
    subject_id: UUID,
    *,
    clock_suspect: bool = False,
    by: Actor,
    at: datetime,
) -> None:
    """Expect every attachment of an operation as evidence of a subject."""
    if by.agency_id is None or by.district is None:
        return
    lon_e7, lat_e7 = _place(operation.fix)
    for one in operation.attachments:
        evidence.expect(
            one["sha256"],
            size_bytes=one["size"],
            mime=one["mime"],
            role=one["role"],
            subject_type=subject_type,
            subject_id=subject_id,
            agency_id=by.agency_id,
            district=by.district,
            op_id=operation.op_id,
            claim=evidence.Claim(
                at=operation.recorded_at,
                lat_e7=lat_e7,
                lon_e7=lon_e7,
                fix=operation.fix,
                suspect=clock_suspect,
            ),
            by=by,
            at=at,
        )


def _place(fix: Mapping[str, Any] | None) -> tuple[int | None, int | None]:
    """Return a tablet's fix as WGS-84 longitude and latitude, none of a datum nobody knows."""
    crs = None if fix is None else find_crs(fix["datum"])
    if fix is None or crs is None:
        return None, None
    return wgs84_e7(fix["lon_e7"], fix["lat_e7"], crs)


def attachments_pending(operation: Operation, agency_id: UUID) -> int:
    """Return how many of an operation's attachments are not in the storage yet."""
    pending = 0
    for sha256 in {one["sha256"] for one in operation.attachments}:
        found = evidence_queries.find_evidence(agency_id, sha256)
        pending += found is None or found.state == EvidenceState.AWAITED
    return pending


_SUBJECT_OF: Mapping[str, str] = {
    "task": "task",
    "visit": "visit",
    "document": "visit",
    "unit": "unit",
    "order": "document",
    "opinion": "document",
    "decision": "document",
    "sample": "document",
}


_SIGNING = {OperationType.DOCUMENT_SIGN, OperationType.DOCUMENT_REFUSE_SIGNATURE}


def _subject(doing: Doing) -> tuple[str, UUID]:
    """Return what an operation's attachments are evidence of."""
    if doing.type is OperationType.VISIT_ANSWER_ITEM:
        return "visit_answer", doing.entity_id
    if doing.type is OperationType.VISIT_STATE_FINDING:
        return "finding", doing.entity_id
    if doing.type in {OperationType.EVIDENCE_ATTACH, OperationType.EVIDENCE_RETRACT}:
        return doing.fields["subject_type"], doing.id_of("subject_id")
    if doing.type in _SIGNING and issuing.find_document(doing.entity_id) is not None:
        return "document", doing.entity_id
    return _SUBJECT_OF[doing.type.partition(".")[0]], doing.entity_id


# --- tasks -------------------------------------------------------------------------------------


def _accept_task(doing: Doing) -> Effect:
    task = their_task(doing.entity_id, doing)
    if task.state != TaskState.ASSIGNED and task.accepted_at is not None:
        return Effect(Outcome.MERGED, task.version)  # the colleague accepted for both
    tasks.accept_task(task.id, officer_id=doing.officer_id, by=doing.by, at=doing.at)
    return applied(task)


def _propose_closing(doing: Doing) -> Effect:
    task = their_task(doing.entity_id, doing)
    tasks.propose_closing(
        task.id,
        doing.fields["reason"],
        doing.fields.get("note") or "",
        doing.fields["evidence"],
        by=doing.by,
        at=doing.at,
    )
    return applied(task)


def _answer_return(doing: Doing) -> Effect:
    task = their_task(doing.entity_id, doing)
    tasks.answer_return(task.id, doing.fields.get("outcome"), by=doing.by, at=doing.at)
    return applied(task)


# --- visits ------------------------------------------------------------------------------------


def _interrupt_visit(doing: Doing) -> Effect:
    visit = visits.interrupt_visit(
        doing.entity_id,
        doing.fields["reason"],
        officer_id=doing.officer_id,
        by=doing.by,
        at=doing.at,
    )
    return applied(visit)


def _finish_visit(doing: Doing) -> Effect:
    visit = visits.finish_visit(
        doing.entity_id,
        doing.fields["outcome"],
        doing.fields.get("summary"),
        officer_id=doing.officer_id,
        recorded_at=doing.operation.recorded_at,
        fix=doing.operation.fix,
        clock_suspect=doing.clock_suspect,
        by=doing.by,
        at=doing.at,
    )
    return applied(visit)


def _seen(doing: Doing) -> answering.Seen:
    return answering.Seen(base=doing.operation.base, version=doing.operation.base_version)


def _answer_item(doing: Doing) -> Effect:
    answered = answering.answer_item(
        doing.id_of("visit_id"),
        doing.id_of("item_id"),
        {name: doing.fields[name] for name in ("result", "note") if name in doing.fields},
        officer_id=doing.officer_id,
        recorded_at=doing.operation.recorded_at,
        seen=_seen(doing),
        admitted=doing.admitted,
        by=doing.by,
        at=doing.at,
    )
    if answered.outcome is visit_rules.Merge.CONFLICT:
        return _met(answered.outcome, answered.current, answered.disputed)
    return Effect(Outcome(str(answered.outcome)), entity=answered.current)


def _state_finding(doing: Doing) -> Effect:
    changes = {name: value for name, value in doing.fields.items() if name != "visit_id"}
    if changes.get("item_id") is not None:
        changes["item_id"] = UUID(changes["item_id"])
    stated = answering.state_finding(
        doing.id_of("visit_id"),
        doing.entity_id,
        changes,
        officer_id=doing.officer_id,
        recorded_at=doing.operation.recorded_at,
        seen=_seen(doing),
        admitted=doing.admitted,
        by=doing.by,
        at=doing.at,
    )
    return _met(stated.outcome, stated.current, stated.disputed)


def _met(
    merge: visit_rules.Merge, current: VisitAnswer | Finding, disputed: tuple[str, ...]
) -> Effect:
    outcome = Outcome(str(merge))
    if outcome is not Outcome.CONFLICT:
        return applied(current, outcome)
    return Effect(outcome, current.version, "field-conflict", {"fields": list(disputed)})


def _sign(doing: Doing) -> Effect:
    """Sign a document, or the record of a visit, whichever the operation names."""
    document = issuing.find_document(doing.entity_id)
    if document is not None:
        return issuing.sign(doing, document)
    visit = visits.sign_visit(
        doing.entity_id,
        issuing.signature_of(doing),
        officer_id=doing.officer_id,
        device_id=doing.operation.device_id,
        recorded_at=doing.operation.recorded_at,
        by=doing.by,
        at=doing.at,
    )
    return applied(visit)


# --- evidence ----------------------------------------------------------------------------------


def _refuse_stranger(doing: Doing) -> None:
    """Refuse evidence for what is not the author's: his task, or a visit he is part of."""
    subject_type, subject_id = _subject(doing)
    if subject_type == "task":
        their_task(subject_id, doing)
        return
    if subject_type != "visit":
        row: VisitAnswer | Finding | None
        if subject_type == "visit_answer":
            row = db.session.get(VisitAnswer, subject_id)
        else:
            row = db.session.get(Finding, subject_id)
        if row is None:
            raise SubjectUnknown("证据所属的内容还没有上报，证据已留存。")
        subject_id = row.visit_id
    their_visit(subject_id, doing)


def _attach_evidence(doing: Doing) -> Effect:
    _refuse_stranger(doing)
    if not doing.operation.attachments:
        raise AttachmentMissing("这项操作没有附带任何文件。")
    return Effect(Outcome.APPLIED)


def _retract_evidence(doing: Doing) -> Effect:
    _refuse_stranger(doing)
    found = _find_evidence(doing)
    evidence.retract(found.id, doing.id_of("subject_id"), by=doing.by, at=doing.at)
    return applied(found)


def _find_evidence(doing: Doing) -> Evidence:
    agency_id = doing.by.agency_id
    found = (
        None
        if agency_id is None
        else evidence_queries.find_evidence(agency_id, doing.fields["sha256"])
    )
    if found is None:
        raise evidence.EvidenceMissing("没有这份证据，或它不属于本机构。")
    return found


# --- units --------------------------------------------------------------------------------------


def _propose_correction(doing: Doing) -> Effect:
    """Put a proposed correction before a supervisor: the register's value stays until then."""
    if doing.by.agency_id is None:
        raise units.UnitNotFound("没有这个单位，或它不属于本机构。")
    unit = units.get_unit(doing.entity_id, doing.by.agency_id)
    return Effect(
        Outcome.CONFLICT, unit.version, rules.CORRECTION, {"fields": sorted(doing.fields)}
    )


EFFECTS: dict[OperationType, Callable[[Doing], Effect]] = {
    OperationType.TASK_ACCEPT: _accept_task,
    OperationType.TASK_PROPOSE_CLOSING: _propose_closing,
    OperationType.TASK_ANSWER_RETURN: _answer_return,
    OperationType.VISIT_START: starting.start_visit,
    OperationType.VISIT_INTERRUPT: _interrupt_visit,
    OperationType.VISIT_FINISH: _finish_visit,
    OperationType.VISIT_ANSWER_ITEM: _answer_item,
    OperationType.VISIT_STATE_FINDING: _state_finding,
    OperationType.EVIDENCE_ATTACH: _attach_evidence,
    OperationType.EVIDENCE_RETRACT: _retract_evidence,
    OperationType.DOCUMENT_SIGN: _sign,
    OperationType.DOCUMENT_REFUSE_SIGNATURE: _sign,
    OperationType.ORDER_ISSUE: consequences.issue_order,
    OperationType.OPINION_ISSUE: issuing.issue,
    OperationType.DECISION_ISSUE: consequences.decide,
    OperationType.SAMPLE_RECORD: consequences.record_sample,
    OperationType.UNIT_PROPOSE_CORRECTION: _propose_correction,
}


def current_of(type_: str | None, entity_id: UUID | None) -> dict[str, Any] | None:
    """Return what stands now where an operation wanted something else, for the review list."""
    if entity_id is None:
        return None
    if type_ == OperationType.VISIT_ANSWER_ITEM:
        answer = db.session.get(VisitAnswer, entity_id)
        return None if answer is None else _shown(answer, ("result", "note", "officer_id"))
    if type_ == OperationType.VISIT_STATE_FINDING:
        finding = db.session.get(Finding, entity_id)
        return (
            None
            if finding is None
            else _shown(finding, (*visit_rules.FINDING_FIELDS, "officer_id"))
        )
    if type_ is not None and type_ in issuing.KINDS:
        return issuing.current_of(type_, entity_id)
    if type_ == OperationType.UNIT_PROPOSE_CORRECTION:
        unit = db.session.get(Unit, entity_id)
        names = ("version", *rules.CORRECTABLE)
        return None if unit is None else {name: getattr(unit, name) for name in names}
    return None


def _shown(row: VisitAnswer | Finding, names: tuple[str, ...]) -> dict[str, Any]:
    plain: dict[str, Any] = {"version": row.version}
    for name in names:
        value = getattr(row, name)
        plain[name] = str(value) if isinstance(value, UUID) else value
    return {**plain, "recorded_at": canonical.instant(row.recorded_at)}
