"""The life of a unit on paper: 校验, steps up to 强制注销, and how a licence ends.

Each step names its day, document and reason; the row of the unit shows the state and is never
deleted. 强制注销 needs a second person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor, Role
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db, new_id
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Account, Officer
from app.people.rules import OfficerState
from app.units import life_queries, lifecycle_rules, service
from app.units.lifecycle_rules import LifeVerb, StepState, VerificationResult
from app.units.models import Unit, UnitStep, UnitVerification
from app.units.rules import STATUS_NAMES, LicenceKind, UnitStatus

_ANNOUNCE_DAYS = "cancellation-announce-days"


class StepUnknown(NotFound):
    code, title = "unit-step-unknown", "未找到办理记录"


class StepNotPossible(Conflict):
    """Extras: `state`, `possible` verbs."""

    code, title = "unit-step-not-possible", "单位状态不允许此操作"


class StepInvalid(Invalid):
    """`errors`: pointer and detail of each thing wrong."""

    code, title = "unit-step-invalid", "办理内容有误"


class AnnouncementRunning(Conflict):
    """Extras: `from_on`, the first day on which it is possible."""

    code, title = "announcement-running", "公示告知期未满"


class StepWaiting(Conflict):
    code, title = "unit-step-waiting", "强制注销正在等待复核"


class StepDecided(Conflict):
    code, title = "unit-step-decided", "该申请已经处理"


class SecondPersonWrong(Forbidden):
    code, title = "unit-second-person-wrong", "须由另一名负责人复核"


class VerificationTwice(Conflict):
    code, title = "unit-verification-twice", "该日已有校验记录"


@dataclass(frozen=True, slots=True)
class NewStep:
    """What a person does in the life of a unit."""

    verb: LifeVerb
    on_day: date
    reason: str
    document_no: str | None = None


@dataclass(frozen=True, slots=True)
class NewVerification:
    """A 校验; `deferred_until` is the end of the grace of a deferred one."""

    verified_on: date
    result: VerificationResult
    beds: int
    document_no: str
    deferred_until: date | None = None
    note: str | None = None


# --- steps ---


def get_step(step_id: UUID, agency_id: UUID | None) -> UnitStep:
    """Return a step of the agency. Raises StepUnknown, also for another agency's."""
    step = db.session.get(UnitStep, step_id)
    if step is None or step.agency_id != agency_id:
        raise StepUnknown("没有这个办理记录，或它不属于本机构。")
    return step


def take_step(unit: Unit, data: NewStep, *, by: Actor, at: datetime) -> UnitStep:
    """Take a step in the life of a unit; 强制注销 is only proposed, for a second person.

    Raises StepInvalid (`errors`), StepNotPossible (`state`, `possible`), AnnouncementRunning
    (`from_on`) and StepWaiting.
    """
    _refuse_wrong(unit, data, at=at)
    _refuse_impossible(unit, data.verb)
    if data.verb not in lifecycle_rules.BY_TWO:
        return _record(unit, data, StepState.TAKEN, by=by, at=at)
    if life_queries.proposed_step(unit.id) is not None:
        raise StepWaiting("该单位的强制注销已经提出，正在等待另一名负责人复核。")
    _refuse_early(unit, data.on_day)
    return _record(unit, data, StepState.PROPOSED, by=by, at=at)


def confirm_step(step: UnitStep, *, by: Actor, at: datetime) -> None:
    """Let a proposed step take effect, as another officer-supervisor of the agency.

    Raises StepDecided, SecondPersonWrong and StepNotPossible when the unit has gone on since.
    """
    _refuse_decided(step)
    _refuse_second(step, by)
    unit = db.session.get_one(Unit, step.unit_id)
    verb = LifeVerb(step.verb)
    if unit.state != step.before:
        _refuse_impossible(unit, verb)
    step.state, step.confirmed_at = StepState.TAKEN, at
    step.confirmed_by_kind, step.confirmed_by_id = by.kind, by.id
    service.set_state(unit, lifecycle_rules.LEADS_TO[verb], by=by, at=at)
    _journal(Event.UNIT_STEP_TAKEN, step, by=by, at=at)


def refuse_step(step: UnitStep, reason: str, *, by: Actor, at: datetime) -> None:
    """Refuse a proposed step; the unit stays as it is. Raises StepDecided, SecondPersonWrong."""
    _refuse_decided(step)
    _refuse_second(step, by)
    step.state, step.refused_reason = StepState.REFUSED, reason
    step.confirmed_at, step.confirmed_by_kind, step.confirmed_by_id = at, by.kind, by.id
    _journal(Event.UNIT_STEP_REFUSED, step, by=by, at=at)


def _refuse_wrong(unit: Unit, data: NewStep, *, at: datetime) -> None:
    errors = []
    if data.verb not in lifecycle_rules.BY_PERSONS:
        errors.append(("verb", "校验请登记校验结果；逾期未校验由系统按期限标记。"))
    if data.verb in lifecycle_rules.ON_PAPER and not data.document_no:
        errors.append(("document_no", "请填写文书编号。"))
    if data.on_day > local_date(at):
        errors.append(("on_day", "办理日期不能晚于今天。"))
    if data.verb is LifeVerb.ANNOUNCE and (notified := _notified_after(unit, data.on_day)):
        errors.append(("on_day", f"公示告知不能早于校验通知（{notified}）。"))
    if data.verb is LifeVerb.WITHDRAW and not any(
        licence.kind == LicenceKind.FILING for licence in unit.licences
    ):
        errors.append(("verb", "该单位没有备案，退出备案只适用于备案的单位。"))
    if errors:
        raise StepInvalid(
            "".join(detail for _, detail in errors),
            errors=[{"pointer": f"#/{field}", "detail": detail} for field, detail in errors],
        )


def _notified_after(unit: Unit, on_day: date) -> date | None:
    """Return the day of the last notice where it is later; None where the order is right."""
    notified = life_queries.last_step(unit.id, LifeVerb.NOTIFY)
    return notified.on_day if notified is not None and notified.on_day > on_day else None


def _refuse_impossible(unit: Unit, verb: LifeVerb) -> None:
    status = UnitStatus(unit.state)
    if not lifecycle_rules.is_possible(verb, status):
        raise StepNotPossible(
            f"单位现为“{STATUS_NAMES[status]}”，不能办理{lifecycle_rules.VERB_NAMES[verb]}。",
            state=unit.state,
            possible=[str(one) for one in lifecycle_rules.possible_verbs(status)],
        )


def _refuse_early(unit: Unit, on_day: date) -> None:
    announced = life_queries.last_step(unit.id, LifeVerb.ANNOUNCE)
    if announced is None:
        return  # the register came with the announcement; its day is on the paper
    days = int(catalogue.setting(_ANNOUNCE_DAYS, on_day))
    from_on = lifecycle_rules.cancellable_from(announced.on_day, days)
    if on_day < from_on:
        raise AnnouncementRunning(
            f"公示告知应满 {days} 日，{from_on} 起方可强制注销。", from_on=from_on.isoformat()
        )


def _refuse_decided(step: UnitStep) -> None:
    if step.state != StepState.PROPOSED:
        raise StepDecided("该申请已经处理，请刷新。", state=step.state)


def _refuse_second(step: UnitStep, by: Actor) -> None:
    """Another officer-supervisor of the agency, and not the one who proposed it."""
    first = db.session.get(Account, step.recorded_by_id) if step.recorded_by_id else None
    same = by.id == step.recorded_by_id or (
        first is not None and first.officer_id is not None and first.officer_id == by.officer_id
    )
    officer = db.session.get(Officer, by.officer_id) if by.officer_id else None
    able = officer is not None and officer.state == OfficerState.ACTIVE and by.has(Role.SUPERVISOR)
    if same or not able:
        raise SecondPersonWrong("强制注销须由本机构另一名具有执法证的负责人复核。")


def _record(unit: Unit, data: NewStep, state: StepState, *, by: Actor, at: datetime) -> UnitStep:
    before, after = UnitStatus(unit.state), lifecycle_rules.LEADS_TO[data.verb]
    step = UnitStep(
        id=new_id(),
        agency_id=unit.agency_id,
        district=unit.district,
        unit_id=unit.id,
        verb=data.verb,
        before=before,
        after=after,
        state=state,
        on_day=data.on_day,
        document_no=data.document_no,
        reason=data.reason,
        recorded_at=at,
        recorded_by_kind=by.kind,
        recorded_by_id=by.id,
    )
    db.session.add(step)
    if state is StepState.PROPOSED:
        _journal(Event.UNIT_STEP_PROPOSED, step, by=by, at=at)
        return step
    service.set_state(unit, after, by=by, at=at)
    _journal(Event.UNIT_STEP_TAKEN, step, by=by, at=at)
    return step


def _journal(event: Event, step: UnitStep, *, by: Actor, at: datetime) -> None:
    journal.record(
        event,
        step,
        by=by,
        at=at,
        data={
            "unit_id": str(step.unit_id),
            "verb": str(step.verb),
            "before": str(step.before),
            "after": str(step.after),
            "on_day": step.on_day.isoformat(),
        },
    )


# --- 校验 ---


def record_verification(
    unit: Unit, data: NewVerification, *, by: Actor, at: datetime
) -> UnitVerification:
    """Record a 校验 of a unit; when the next is due follows from its beds (医疗机构管理条例 22).

    A unit that was overdue, notified or announced is in operation again. Raises StepInvalid
    (`errors`) and VerificationTwice.
    """
    next_due_on, cycle = _next_due(data, at=at)
    if life_queries.verification_on(unit.id, data.verified_on) is not None:
        raise VerificationTwice("该单位在这一天已有校验记录。")
    row = UnitVerification(
        id=new_id(),
        agency_id=unit.agency_id,
        district=unit.district,
        unit_id=unit.id,
        verified_on=data.verified_on,
        result=data.result,
        beds=data.beds,
        cycle=cycle,
        next_due_on=next_due_on,
        document_no=data.document_no,
        note=data.note,
        recorded_at=at,
        recorded_by_kind=by.kind,
        recorded_by_id=by.id,
    )
    db.session.add(row)
    journal.record(
        Event.UNIT_VERIFICATION_RECORDED,
        row,
        by=by,
        at=at,
        data={
            "unit_id": str(unit.id),
            "cycle": cycle,
            "result": str(data.result),
            "next_due_on": next_due_on.isoformat(),
        },
    )
    current = next_due_on >= local_date(at)
    if current and lifecycle_rules.is_possible(LifeVerb.VERIFY, UnitStatus(unit.state)):
        step = NewStep(LifeVerb.VERIFY, data.verified_on, "校验", data.document_no)
        _record(unit, step, StepState.TAKEN, by=by, at=at)
    return row


def _next_due(data: NewVerification, *, at: datetime) -> tuple[date, str]:
    rows = catalogue.in_force(Kind.VERIFICATION_CYCLE, data.verified_on)
    cycles = [lifecycle_rules.read_cycle(row.code, row.body) for row in rows]
    cycle = lifecycle_rules.cycle_of(data.beds, cycles)
    deferred = data.result is VerificationResult.DEFERRED
    errors = []
    if cycle is None:
        errors.append(("beds", "目录中没有适用于该床位数的校验周期。"))
    if data.verified_on > local_date(at):
        errors.append(("verified_on", "校验日期不能晚于今天。"))
    if deferred != (data.deferred_until is not None):
        errors.append(("deferred_until", "暂缓校验应填写期限，其他结果不填。"))
    elif data.deferred_until is not None and data.deferred_until <= data.verified_on:
        errors.append(("deferred_until", "暂缓校验的期限应晚于校验日期。"))
    if errors or cycle is None:
        raise StepInvalid(
            "".join(detail for _, detail in errors),
            errors=[{"pointer": f"#/{field}", "detail": detail} for field, detail in errors],
        )
    due = data.deferred_until or lifecycle_rules.months_later(data.verified_on, cycle.months)
    return due, cycle.code


def mark_overdue(unit_id: UUID, *, by: Actor, at: datetime) -> bool:
    """Let a unit whose 校验 is overdue show it; return whether it changed. Twice is harmless."""
    unit = db.session.get_one(Unit, unit_id, populate_existing=True)
    due = life_queries.next_due(unit_id)
    today = local_date(at)
    if due is None or due >= today:
        return False
    if not lifecycle_rules.is_possible(LifeVerb.MARK_OVERDUE, UnitStatus(unit.state)):
        return False
    data = NewStep(LifeVerb.MARK_OVERDUE, today, f"应于 {due} 前校验")
    _record(unit, data, StepState.TAKEN, by=by, at=at)
    return True


def overdue_units(on: date) -> Sequence[UUID]:
    """Return the units whose newest 校验 ran out before a day and that do not show it yet."""
    return life_queries.overdue_units(on)
