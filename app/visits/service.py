"""Verbs of a visit: start, interrupt, finish, sign.

Whatever a tablet says meets what another tablet said before it: the pair's second start is merged
here, answers and findings in `answering`; who comes too late is told so by `contributing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, touch
from app.documents.rules import Signature, SignMethod, signatories
from app.errors import Conflict, Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.tasks.teams import TEAM_SIZE
from app.units import service as units
from app.visits import door, queries, rules
from app.visits import marks as mark_rules
from app.visits.contributing import (
    NotOnVisit,
    VisitIdWrong,
    VisitUnknown,
    get_visit,
    items_of_form,
    open_visit,
    refuse_locked,
    task_for,
    visit_for,
)
from app.visits.door import Arrival
from app.visits.marks import Mark, Presence
from app.visits.models import Visit, VisitSignature
from app.visits.rules import AnswerResult, CodeMark, VisitKind, VisitState


class VisitAlreadyFinished(Conflict):
    code, title = "visit-already-finished", "检查已结束"


class VisitNotFinished(Conflict):
    code, title = "visit-not-finished", "检查尚未结束"


class VisitIncomplete(Invalid):
    code, title = "visit-incomplete", "检查项目未完成"


class ReasonMissing(Invalid):
    code, title = "visit-reason-missing", "缺少触发原因"


class OutcomeUnknown(Invalid):
    code, title = "outcome-unknown", "检查结果代码无效"


@dataclass(frozen=True)
class Started:
    """A visit that is under way; `merged` when another tablet had started it before."""

    visit: Visit
    merged: bool


@dataclass(frozen=True)
class Start:
    """What a tablet says when a visit begins.

    `task_id` None makes it a triggered visit: then `reason` says why, and the id follows from
    `code_request_id`, or without one from unit, day and `officer_ids` (default: the one officer).
    `arrival` is what was said at the door, `companion_id` a colleague of the agency who confirmed
    there by PIN, `marks` what was not in order: they stop nothing.
    """

    task_id: UUID | None
    unit_id: UUID
    checklist_code: str | None
    form_version: int | None
    fix: Mapping[str, Any] | None = None
    code_mark: CodeMark | None = None
    reason: str | None = None
    code_request_id: UUID | None = None
    officer_ids: tuple[UUID, ...] = ()
    clock_suspect: bool = False
    arrival: Arrival | None = None
    companion_id: UUID | None = None
    marks: frozenset[Mark] = frozenset()


def start_visit(
    visit_id: UUID,
    start: Start,
    *,
    officer_id: UUID,
    device_id: UUID | None,
    recorded_at: datetime,
    admitted: bool = False,
    by: Actor,
    at: datetime,
) -> Started:
    """Begin a visit under the id that every tablet of the team computes for it.

    The second tablet's start adds its attendance and nothing else; after an interruption the visit
    goes on. The task moves to in-progress. `recorded_at` is the tablet's clock and kept as data.
    `admitted`: a supervisor lets in what came too late (reassigned, closed); the task stays put.
    Flushes: the next operations of the entry find the visit. Raises TaskGone, TaskIsClosed,
    LateContribution, VisitIdWrong, ReasonMissing, FormVersionUnknown and UnitNotFound.
    """
    _check_start(visit_id, start, officer_id, recorded_at, admitted=admitted, by=by)
    merged = queries.find_visit(visit_id) is not None
    if merged:
        visit = get_visit(visit_id, by.agency_id)
        if visit.unit_id != start.unit_id or visit.task_id != start.task_id:
            raise VisitIdWrong("检查编号与任务或单位不符，请重新同步后再试。")
    else:
        visit = _new_visit(visit_id, start, recorded_at, by=by, at=at)
    came = door.Came(officer_id, device_id, recorded_at, start.fix, suspect=start.clock_suspect)
    marks = door.note_arrival(visit, came, start.arrival, _marks_of(start), at=at)
    if start.companion_id is not None:
        along = replace(came, officer_id=start.companion_id, presence=Presence.PIN)
        door.note_arrival(visit, along, start.arrival, (), at=at)
    if visit.state != VisitState.UNDER_WAY:
        marks |= _judge_presence(visit, officer_id, device_id, at=at)
    if visit.interrupted_at is not None and visit.state == VisitState.UNDER_WAY:
        visit.interrupted_reason = visit.interrupted_at = None
        visit.interrupted_by_kind = visit.interrupted_by_id = None
    if merged:
        touch(visit)
    journal.record(
        Event.VISIT_STARTED,
        visit,
        by=by,
        at=at,
        data={
            "officer_id": str(officer_id),
            "merged": merged,
            "kind": visit.kind,
            "marks": sorted(marks),
        },
    )
    _advance_task(visit, officer_id, by=by, at=at)
    db.session.flush()
    return Started(visit, merged)


def _marks_of(start: Start) -> set[Mark]:
    own = set() if start.code_mark is None else {Mark(start.code_mark.value)}
    said = start.arrival
    if said is None:
        return own | start.marks
    return (
        own
        | start.marks
        | mark_rules.of_door(
            certificate_shown=said.certificate_shown,
            recusal_asked=said.recusal_asked,
            recusal_requested=said.recusal_requested,
        )
    )


def _judge_presence(
    visit: Visit, officer_id: UUID, device_id: UUID | None, *, at: datetime
) -> set[Mark]:
    if not visit.arrivals:
        return set()
    fewest = int(catalogue.setting(TEAM_SIZE, local_date(visit.started_at)))
    return door.judge_presence(visit, fewest, officer_id=officer_id, device_id=device_id, at=at)


def _check_start(
    visit_id: UUID,
    start: Start,
    officer_id: UUID,
    recorded_at: datetime,
    *,
    admitted: bool,
    by: Actor,
) -> None:
    if start.task_id is None:
        _check_triggered(visit_id, start, officer_id, recorded_at)
        return
    task = task_for(start.task_id, officer_id, admitted=admitted, by=by)
    if task.visit_id != visit_id or task.unit_id != start.unit_id:
        raise VisitIdWrong("检查编号与任务或单位不符，请重新同步后再试。")


def _new_visit(
    visit_id: UUID, start: Start, recorded_at: datetime, *, by: Actor, at: datetime
) -> Visit:
    unit = units.get_unit(start.unit_id, _agency_of(by))
    if start.checklist_code is not None:
        items_of_form(start.checklist_code, start.form_version)
    visit = Visit(
        id=visit_id,
        agency_id=unit.agency_id,
        district=unit.district,
        task_id=start.task_id,
        unit_id=start.unit_id,
        kind=VisitKind.TRIGGERED if start.task_id is None else VisitKind.PLANNED,
        state=VisitState.UNDER_WAY,
        reason=start.reason,
        checklist_code=start.checklist_code,
        form_version=start.form_version,
        clock_suspect=start.clock_suspect,
        fix=None if start.fix is None else dict(start.fix),
        started_recorded_at=recorded_at,
        started_at=at,
        started_by_kind=by.kind,
        started_by_id=by.id,
    )
    db.session.add(visit)
    return visit


def _check_triggered(visit_id: UUID, start: Start, officer_id: UUID, recorded_at: datetime) -> None:
    if not (start.reason or "").strip():
        raise ReasonMissing("触发式检查须写明原因。")
    officers = start.officer_ids or (officer_id,)
    if officer_id not in officers:
        raise NotOnVisit("您不在本次检查的人员名单中。")
    expected = rules.triggered_visit_id(
        start.unit_id, local_date(recorded_at), officers, start.code_request_id
    )
    if visit_id != expected:
        raise VisitIdWrong("触发式检查的编号不符合规则，请由负责人核对合并。")


def interrupt_visit(
    visit_id: UUID, reason: str, *, officer_id: UUID, by: Actor, at: datetime
) -> Visit:
    """Note that a visit was broken off; a later start lets it go on.

    Raises VisitUnknown, VisitLocked, VisitAlreadyFinished and what keeps an officer from
    contributing (TaskGone, TaskIsClosed, LateContribution, NotOnVisit).
    """
    visit = open_visit(visit_id, officer_id, by=by)
    if visit.state != VisitState.UNDER_WAY:
        raise VisitAlreadyFinished("本次检查已经结束，不能中断。", finished_at=visit.finished_at)
    visit.interrupted_reason, visit.interrupted_at = reason, at
    visit.interrupted_by_kind, visit.interrupted_by_id = by.kind, by.id
    journal.record(
        Event.VISIT_INTERRUPTED, visit, by=by, at=at, data={"officer_id": str(officer_id)}
    )
    return visit


def finish_visit(
    visit_id: UUID,
    outcome: str,
    summary: str | None,
    *,
    officer_id: UUID,
    recorded_at: datetime,
    fix: Mapping[str, Any] | None = None,
    clock_suspect: bool = False,
    by: Actor,
    at: datetime,
) -> Visit:
    """Finish a visit: every required item is answered, every 否 that asks for a photo has one.

    A photo counts from the operation that promises it. `outcome` is a catalogue code in force on
    the day that counts; of a clock that cannot be right (`clock_suspect`) the arrival's. Finished
    again in the same words, nothing happens. Raises OutcomeUnknown, VisitIncomplete (`items`,
    `without_photo`: item codes), VisitAlreadyFinished (`finished_at`, `outcome`), VisitLocked and
    what keeps an officer from contributing.
    """
    visit = visit_for(visit_id, officer_id, by=by)
    if visit.state != VisitState.UNDER_WAY:
        if (visit.outcome, visit.summary) == (outcome, summary or None):
            return visit
        refuse_locked(visit)
        raise VisitAlreadyFinished(
            "本次检查已经结束，不能再次结束。",
            finished_at=visit.finished_at,
            outcome=visit.outcome,
        )
    suspect = clock_suspect or visit.clock_suspect
    counted = rules.effective_at(recorded_at, at, suspect=suspect)
    known = {row.code for row in catalogue.in_force("outcome_code", local_date(counted))}
    if outcome not in known:
        raise OutcomeUnknown(f"“{outcome}”不是现行的检查结果代码。")
    _refuse_incomplete(visit)
    visit.state, visit.outcome, visit.summary = VisitState.FINISHED, outcome, summary or None
    visit.finished_recorded_at, visit.finished_at = recorded_at, at
    visit.finished_fix = None if fix is None else dict(fix)
    visit.finished_by_kind, visit.finished_by_id = by.kind, by.id
    marks = _judge_presence(visit, officer_id, by.device_id, at=at)
    journal.record(
        Event.VISIT_FINISHED,
        visit,
        by=by,
        at=at,
        data={"officer_id": str(officer_id), "outcome": outcome, "marks": sorted(marks)},
    )
    return visit


def _refuse_incomplete(visit: Visit) -> None:
    if visit.checklist_code is None:
        return
    items = items_of_form(visit.checklist_code, visit.form_version).values()
    stored = visit.answers.values()
    photos = queries.photos_of({answer.id for answer in stored if answer.result == AnswerResult.NO})
    answers = {
        one.item_id: rules.Answer(one.item_id, AnswerResult(one.result), photos.get(one.id, 0))
        for one in stored
    }
    unanswered = rules.unanswered(items, answers)
    without_photo = rules.without_photo(items, answers)
    if unanswered or without_photo:
        raise VisitIncomplete(
            f"还有 {len(unanswered)} 项未填写，{len(without_photo)} 项回答“否”但没有照片。",
            items=unanswered,
            without_photo=without_photo,
        )


def sign_visit(
    visit_id: UUID,
    signature: Signature,
    *,
    officer_id: UUID,
    device_id: UUID | None,
    recorded_at: datetime,
    by: Actor,
    at: datetime,
) -> Visit:
    """Sign a finished visit: it is locked, and its task submitted with the outcome.

    A further signature joins the first and changes nothing else. The tablet's officer signs with
    it; `signature` may add the party's or a witness's, given or refused (with a reason), and a
    colleague of the agency who confirmed by PIN. Raises VisitNotFinished, OfficerNotFound and what
    keeps an officer from contributing.
    """
    visit = visit_for(visit_id, officer_id, by=by)
    if visit.state == VisitState.UNDER_WAY:
        raise VisitNotFinished("检查尚未结束，请先结束检查再签名。")
    if signature.confirmed_by is not None:
        people.get_officer(signature.confirmed_by, visit.agency_id)
    for role, who, method in signatories(signature, officer_id):
        if any(one.role == role and one.officer_id == who for one in visit.signatures):
            continue
        visit.signatures.append(
            VisitSignature(
                role=role,
                officer_id=who,
                method=method,
                reason=signature.refusal if method is SignMethod.REFUSED else None,
                content_hash=signature.content_hash,
                device_id=device_id,
                recorded_at=recorded_at,
            )
        )
    first = visit.state != VisitState.SIGNED
    if first:
        _advance_task(visit, officer_id, by=by, at=at)
        visit.state, visit.signed_at = VisitState.SIGNED, at
        visit.signed_by_kind, visit.signed_by_id = by.kind, by.id
    touch(visit)
    journal.record(
        Event.VISIT_SIGNED,
        visit,
        by=by,
        at=at,
        data={
            "officer_id": str(officer_id),
            "role": str(signature.role),
            "refused": signature.refusal is not None,
        },
    )
    db.session.flush()  # a lost race shows here, not in the task
    if first and visit.task_id is not None:
        tasks.submit_task(visit.task_id, str(visit.outcome), by=by, at=at)
    return visit


def _advance_task(visit: Visit, officer_id: UUID, *, by: Actor, at: datetime) -> None:
    """Let the task follow a visit that is not signed yet; who starts or signs has accepted.

    A task that was reassigned after the visit was finished would else never be handed in.
    """
    if visit.task_id is None or visit.state == VisitState.SIGNED:
        return
    task = db.session.get_one(Task, visit.task_id)
    if officer_id not in task.officer_ids():
        return  # a supervisor let late work in; the task is its new team's
    if task.state == TaskState.ASSIGNED:
        tasks.accept_task(task.id, officer_id=officer_id, by=by, at=at)
    if task.state == TaskState.ACCEPTED:
        tasks.start_task(task.id, officer_id=officer_id, by=by, at=at)


def _agency_of(by: Actor) -> UUID:
    if by.agency_id is None:
        raise VisitUnknown("没有这次检查，或它不属于本机构。")
    return by.agency_id
