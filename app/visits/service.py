"""Verbs of a visit: start, interrupt, answer, state a finding, finish, sign.

Whatever a tablet says meets what another tablet said before it: the pair's second start is merged,
an answer is merged three-way, and what cannot be is refused with a code that the inbox keeps as the
reason (`late-contribution`, `task-closed`, `task-gone`, `form-version`, `visit-locked` …).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, touch
from app.documents.rules import Signature, SignMethod, signatories
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.units import service as units
from app.visits import door, queries, rules
from app.visits import marks as mark_rules
from app.visits.door import Arrival
from app.visits.marks import Mark, Presence
from app.visits.models import Finding, Visit, VisitAnswer, VisitSignature
from app.visits.rules import (
    AnswerResult,
    CodeMark,
    Merge,
    VisitKind,
    VisitState,
)


class VisitUnknown(NotFound):
    code, title = "visit-unknown", "未找到检查"


class TaskGone(NotFound):
    code, title = "task-gone", "任务已不存在"


class TaskIsClosed(Conflict):
    code, title = "task-closed", "任务已关闭或已完成"


class LateContribution(Conflict):
    code, title = "late-contribution", "任务已改派他人"


class VisitLocked(Conflict):
    code, title = "visit-locked", "检查已签名锁定"


class VisitAlreadyFinished(Conflict):
    code, title = "visit-already-finished", "检查已结束"


class VisitNotFinished(Conflict):
    code, title = "visit-not-finished", "检查尚未结束"


class VisitIncomplete(Invalid):
    code, title = "visit-incomplete", "检查项目未完成"


class VisitIdWrong(Invalid):
    code, title = "visit-id-wrong", "检查编号不符"


class ReasonMissing(Invalid):
    code, title = "visit-reason-missing", "缺少触发原因"


class FormVersionUnknown(Invalid):
    code, title = "form-version", "表单版本不可用"


class ItemUnknown(Invalid):
    code, title = "item-unknown", "检查表中没有该事项"


class OutcomeUnknown(Invalid):
    code, title = "outcome-unknown", "检查结果代码无效"


class AnswerNotAllowed(Invalid):
    code, title = "answer-not-allowed", "该事项不能这样回答"


class NotOnVisit(Forbidden):
    code, title = "not-on-visit", "不是本次检查的人员"


class ContentMissing(Invalid):
    code, title = "content-missing", "缺少内容"


@dataclass(frozen=True)
class Started:
    """A visit that is under way; `merged` when another tablet had started it before."""

    visit: Visit
    merged: bool


@dataclass(frozen=True)
class Answered:
    """What became of an answer, and the answer that stands."""

    outcome: Merge
    current: VisitAnswer
    disputed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stated:
    """What became of a finding, and the finding that stands."""

    outcome: Merge
    current: Finding
    disputed: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class Seen:
    """What the tablet had seen of a row before it changed it: old values, and their version."""

    base: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0


NOTHING_SEEN = Seen()


def get_visit(visit_id: UUID, agency_id: UUID | None) -> Visit:
    """Return a visit of the agency. Raises VisitUnknown, also for another agency's visit."""
    visit = queries.find_visit(visit_id)
    if visit is None or visit.agency_id != agency_id:
        raise VisitUnknown("没有这次检查，或它不属于本机构。")
    return visit


def begun_visit(visit_id: UUID, officer_id: UUID, *, admitted: bool = False, by: Actor) -> Visit:
    """Return a visit of the agency that somebody began.

    What is said about a visit that nobody began comes too late all the same when its task is
    closed or another's meanwhile: raises TaskIsClosed and LateContribution before VisitUnknown.
    """
    if queries.find_visit(visit_id) is None and not admitted:
        task = queries.find_task_of(visit_id)
        if task is not None and task.agency_id == by.agency_id:
            task_for(task.id, officer_id, by=by)
    return get_visit(visit_id, by.agency_id)


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
    fewest = int(catalogue.setting(tasks.TEAM_SIZE, local_date(visit.started_at)))
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
        _items(start.checklist_code, start.form_version)
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
    visit = _open_visit(visit_id, officer_id, by=by)
    if visit.state != VisitState.UNDER_WAY:
        raise VisitAlreadyFinished("本次检查已经结束，不能中断。", finished_at=visit.finished_at)
    visit.interrupted_reason, visit.interrupted_at = reason, at
    visit.interrupted_by_kind, visit.interrupted_by_id = by.kind, by.id
    journal.record(
        Event.VISIT_INTERRUPTED, visit, by=by, at=at, data={"officer_id": str(officer_id)}
    )
    return visit


def answer_item(
    visit_id: UUID,
    item_id: UUID,
    changes: Mapping[str, Any],
    *,
    officer_id: UUID,
    recorded_at: datetime,
    seen: Seen = NOTHING_SEEN,
    admitted: bool = False,
    by: Actor,
    at: datetime,
) -> Answered:
    """Answer a check item: `changes` hold `result` and `note`, as far as the tablet changed them.

    Meets an earlier answer three-way by what the tablet had seen. On a conflict nothing is
    written: the answer that stands is returned with the disputed fields. The item's id is the same
    in every form version. The answer is the visit's at once; its version is there after a flush.
    `admitted`: a supervisor lets in what came too late, or decides between two answers.

    Raises VisitUnknown, VisitLocked (signed), ItemUnknown, ContentMissing, AnswerNotAllowed (the
    catalogue does not offer this answer; `answers`) and what keeps an officer from contributing
    (TaskGone, TaskIsClosed, LateContribution, NotOnVisit).
    """
    visit = _open_visit(visit_id, officer_id, admitted=admitted, by=by)
    item = _item_of(visit, item_id)
    wanted = rules.said(changes, rules.ANSWER_FIELDS)
    answer = visit.answers.get(item_id)
    if answer is not None and sa.inspect(answer).modified:
        db.session.flush()  # what is met has the version that the database gave
    current = None if answer is None else {"result": answer.result, "note": answer.note}
    if wanted.get("result", current and current["result"]) not in set(AnswerResult):
        raise ContentMissing("请选择“是”“否”或“不适用”。")
    if "result" in wanted and wanted["result"] not in item.answers:
        raise AnswerNotAllowed(
            "检查表规定该事项不能这样回答，请在允许的选项中选择。",
            item_code=item.code,
            answers=sorted(item.answers),
        )
    met = rules.resolve(
        current,
        0 if answer is None else answer.version,
        wanted,
        base=rules.said(seen.base, rules.ANSWER_FIELDS),
        base_version=seen.version,
        same_author=answer is not None and answer.officer_id == officer_id,
    )
    if answer is None:
        answer = VisitAnswer(
            id=rules.answer_id(visit_id, item_id),
            agency_id=visit.agency_id,
            district=visit.district,
            visit_id=visit_id,
            item_id=item_id,
            item_code=item.code,
        )
        visit.answers[item_id] = answer
    if met.outcome is Merge.CONFLICT or not met.changes:
        return Answered(met.outcome, answer, met.disputed)
    _write(answer, met.changes, officer_id=officer_id, recorded_at=recorded_at)
    note_answer(answer, met.changes, by=by, at=at)
    return Answered(met.outcome, answer)


def note_answer(answer: Any, changes: Collection[str], *, by: Actor, at: datetime) -> None:
    """Journal that fields of an answer changed; its words stand in its table."""
    journal.record(
        Event.VISIT_ITEM_ANSWERED,
        answer,
        by=by,
        at=at,
        data={
            "visit_id": answer.visit_id,
            "item_code": answer.item_code,
            "fields": sorted(changes),
            "officer_id": answer.officer_id,
        },
    )


def placed_items(visit_id: UUID, item_id: UUID, *, by: Actor) -> tuple[UUID, ...]:
    """Return the items of a visit's own form that an item stands for: nearly always itself.

    A colleague's tablet may carry another version of the checklist than the visit was begun with:
    the catalogue's `checklist_migration` rows say which items were renamed or split. An item that
    no version asks, and one of a visit that nobody began, is returned as it is. Raises
    FormVersionUnknown where the item has no place in the visit's form (withdrawn, new, or a part of
    what it asks).
    """
    visit = queries.find_visit(visit_id)
    if visit is None or visit.agency_id != by.agency_id or visit.checklist_code is None:
        return (item_id,)
    own = _items(visit.checklist_code, visit.form_version)
    if item_id in own:
        return (item_id,)
    maps = queries.item_maps(visit.checklist_code)
    if found := rules.placed(item_id, own.keys(), visit.form_version or 0, maps):
        return found
    if queries.is_of_some_version(visit.checklist_code, item_id):
        raise FormVersionUnknown(
            "本次检查所用的检查表版本没有与之对应的事项，内容已留存，由负责人处理。",
            form_version=visit.form_version,
            item_id=item_id,
        )
    return (item_id,)


def state_finding(
    visit_id: UUID,
    finding_id: UUID,
    changes: Mapping[str, Any],
    *,
    officer_id: UUID,
    recorded_at: datetime,
    seen: Seen = NOTHING_SEEN,
    admitted: bool = False,
    by: Actor,
    at: datetime,
) -> Stated:
    """State what was found, under the id that the tablet gave it; later ones of that id change it.

    `changes` hold fields of FINDING_FIELDS. Conflicts and refusals as in `answer_item`. Flushes for
    the same reason. Raises ContentMissing for a new finding without `text`.
    """
    visit = _open_visit(visit_id, officer_id, admitted=admitted, by=by)
    wanted = rules.said(changes, rules.FINDING_FIELDS)
    if wanted.get("item_id") is not None:
        _item_of(visit, wanted["item_id"])
    finding = queries.find_finding(finding_id)
    if finding is not None and finding.visit_id != visit_id:
        raise VisitIdWrong("该检查发现属于另一次检查，请重新同步后再试。")
    if not wanted.get("text", finding and finding.text):
        raise ContentMissing("请写明发现的问题。")
    met = rules.resolve(
        None
        if finding is None
        else {name: getattr(finding, name) for name in rules.FINDING_FIELDS},
        0 if finding is None else finding.version,
        wanted,
        base=rules.said(seen.base, rules.FINDING_FIELDS),
        base_version=seen.version,
        same_author=finding is not None and finding.officer_id == officer_id,
    )
    if finding is None:
        finding = Finding(
            id=finding_id,
            agency_id=visit.agency_id,
            district=visit.district,
            visit_id=visit_id,
        )
        db.session.add(finding)
    if met.outcome is Merge.CONFLICT or not met.changes:
        return Stated(met.outcome, finding, met.disputed)
    _write(finding, met.changes, officer_id=officer_id, recorded_at=recorded_at)
    note_finding(finding, met.changes, by=by, at=at)
    db.session.flush()
    return Stated(met.outcome, finding)


def note_finding(finding: Any, changes: Collection[str], *, by: Actor, at: datetime) -> None:
    """Journal that fields of a finding changed; its words stand in its table."""
    journal.record(
        Event.VISIT_FINDING_STATED,
        finding,
        by=by,
        at=at,
        data={
            "visit_id": str(finding.visit_id),
            "fields": sorted(changes),
            "officer_id": str(finding.officer_id),
        },
    )


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
        _refuse_locked(visit)
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
    items = _items(visit.checklist_code, visit.form_version).values()
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


# --- who may contribute, and to what ---


def _open_visit(visit_id: UUID, officer_id: UUID, *, admitted: bool = False, by: Actor) -> Visit:
    """Return a visit whose contents this officer may still change."""
    visit = visit_for(visit_id, officer_id, admitted=admitted, by=by)
    _refuse_locked(visit)
    return visit


def _refuse_locked(visit: Visit) -> None:
    if visit.state == VisitState.SIGNED:
        raise VisitLocked(
            "本次检查已签名锁定，内容不能再改；需要更正请办理补正。", signed_at=visit.signed_at
        )


def visit_for(visit_id: UUID, officer_id: UUID, *, admitted: bool = False, by: Actor) -> Visit:
    """Return a visit that this officer is part of, and whose task is still theirs.

    The visit of a round that is over ended with it: what comes to it now is late.
    """
    visit = begun_visit(visit_id, officer_id, admitted=admitted, by=by)
    if visit.task_id is not None:
        task = task_for(visit.task_id, officer_id, admitted=admitted, by=by)
        if task.visit_id != visit.id and not admitted:
            raise TaskIsClosed(
                "任务已重新打开，这次检查属于上一轮；内容已留存，由负责人处理。", state=task.state
            )
    elif not admitted and officer_id not in _attending(visit):
        raise NotOnVisit("您不是本次检查的人员，不能修改其内容。")
    return visit


def _attending(visit: Visit) -> Collection[UUID]:
    return {one.officer_id for one in visit.attendance}


def task_for(task_id: UUID, officer_id: UUID, *, admitted: bool = False, by: Actor) -> Task:
    """Return an open task on whose team this officer is; whoever is `admitted` may be late.

    Raises TaskGone, TaskIsClosed and LateContribution: the three ways in which work offline can
    come too late.
    """
    task = db.session.get(Task, task_id)
    if task is None or task.agency_id != by.agency_id:
        raise TaskGone("该任务已不存在，内容已留存，由负责人处理。")
    if admitted:
        return task
    if task.state in {TaskState.COMPLETED, TaskState.CLOSED}:
        raise TaskIsClosed("该任务已完成或已关闭，内容已留存，由负责人处理。", state=task.state)
    if officer_id not in task.officer_ids():
        raise LateContribution("该任务已改派他人，内容已留存，由负责人处理。", task_id=task.id)
    return task


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


def _items(code: str, form_version: int | None) -> Mapping[UUID, rules.Item]:
    items = queries.form_items(code, form_version or 0)
    if items is None:
        raise FormVersionUnknown(
            "服务器没有这一版检查表，内容已留存，由负责人处理。",
            checklist_code=code,
            form_version=form_version,
        )
    return items


def _item_of(visit: Visit, item_id: UUID) -> rules.Item:
    items = {} if visit.checklist_code is None else _items(visit.checklist_code, visit.form_version)
    if item_id not in items:
        raise ItemUnknown("本次检查的检查表中没有该事项。", item_id=item_id)
    return items[item_id]


def _agency_of(by: Actor) -> UUID:
    if by.agency_id is None:
        raise VisitUnknown("没有这次检查，或它不属于本机构。")
    return by.agency_id


def _write(
    row: VisitAnswer | Finding,
    changes: Mapping[str, Any],
    *,
    officer_id: UUID,
    recorded_at: datetime,
) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.officer_id, row.recorded_at = officer_id, recorded_at
