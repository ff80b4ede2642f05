"""Seizures 查封扣押 and confiscated goods 没收物品, with their lists and terms.

行政强制法: approval before (第十八条), urgent ones within 24 hours after (第十九条); no more
than 30 days and one extension of 30 more (第二十五条), tests not counted; all of them are rows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, touch
from app.errors import Conflict, Forbidden, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.measures import rules
from app.measures.models import SeizedGoods, Seizure
from app.measures.rules import (
    Disposition,
    Goods,
    SeizureKind,
    SeizureState,
    SeizureTerm,
    SeizureVerb,
)
from app.measures.service import (
    About,
    MeasureInvalid,
    link_subject,
    refuse_document,
    refuse_foreign,
    refuse_officers,
)
from app.numbering.queries import take_number
from app.numbering.rules import Register
from app.parties.rules import Subject
from app.people.models import Agency

APPROVAL_HOURS = "seizure-approval-hours"
DAYS = "seizure-days"
EXTENSION_DAYS = "seizure-extension-days"
WARN_DAYS = "seizure-warn-days"


class SeizureUnknown(NotFound):
    code, title = "seizure-unknown", "未找到查封扣押"


class SeizureStateWrong(Conflict):
    code, title = "seizure-state-wrong", "查封扣押状态不允许此操作"


class SeizureNeedsSecond(Forbidden):
    code, title = "seizure-needs-second", "应由另一名负责人批准"


@dataclass(frozen=True)
class NewSeizure:
    """What is to be seized; `urgent`: it was, and the approval comes after it."""

    kind: SeizureKind
    about: About
    reason: str
    basis: str
    officer_ids: tuple[UUID, ...]
    urgent: bool = False
    place: str | None = None
    seized_at: datetime | None = None
    goods: tuple[Goods, ...] = ()
    document_id: UUID | None = None


def get_seizure(seizure_id: UUID, agency_id: UUID | None) -> Seizure:
    """Return a seizure of the agency. Raises SeizureUnknown, also for another agency's."""
    seizure = db.session.get(Seizure, seizure_id)
    if seizure is None or seizure.agency_id != agency_id:
        raise SeizureUnknown("没有这项查封扣押，或它不属于本机构。")
    return seizure


def apply_seizure(new: NewSeizure, *, agency: Agency, by: Actor, at: datetime) -> Seizure:
    """Apply for a seizure; note an urgent one that was carried out, or goods a case confiscated.

    An urgent one awaits its approval within the hours of the catalogue, and its list of goods is
    there at once. Confiscated goods belong to a case and need no approval of their own. Flushes.
    Raises MeasureInvalid (no goods; an application with goods), MeasureOfNobody and what is not
    found.
    """
    today = local_date(at)
    refuse_foreign(new.about, agency.id)
    refuse_officers(new.officer_ids, agency, today)
    refuse_document(new.document_id, agency.id)
    at_once = new.urgent or new.kind is SeizureKind.CONFISCATION
    _refuse_wrong(new, at_once=at_once, at=at)
    seizure = Seizure(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        number=take_number(agency.id, Register.SEIZURE, today),
        kind=new.kind,
        unit_id=new.about.unit_id,
        party_id=new.about.party_id,
        visit_id=new.about.visit_id,
        case_id=new.about.case_id,
        campaign_id=new.about.campaign_id,
        reason=new.reason,
        basis=new.basis,
        place=new.place,
        urgent=new.urgent,
        state=SeizureState.APPLIED,
        officer_ids=sorted({str(one) for one in new.officer_ids}),
        document_id=new.document_id,
        extension_days=0,
        testing_days=0,
        applied_at=at,
        applied_by_kind=by.kind,
        applied_by_id=by.id,
    )
    _list_goods(seizure, new.goods)
    if new.kind is SeizureKind.CONFISCATION:
        _confiscate(seizure, today, by=by, at=at)
    elif new.urgent:
        _hold(seizure, new.seized_at or at, today)
        seizure.state = SeizureState.AWAITING_APPROVAL
        hours = int(catalogue.setting(APPROVAL_HOURS, today))
        seizure.approval_due_at = rules.approval_due_at(new.seized_at or at, hours)
    db.session.add(seizure)
    db.session.flush()
    data = {
        "number": seizure.number,
        "kind": seizure.kind,
        "urgent": seizure.urgent,
        "state": seizure.state,
        "lines": len(new.goods),
    }
    journal.record(Event.SEIZURE_APPLIED, seizure, by=by, at=at, data=data)
    link_subject(new.about, Subject.SEIZURE, seizure.id, by=by, at=at)
    return seizure


def _refuse_wrong(new: NewSeizure, *, at_once: bool, at: datetime) -> None:
    if at_once != bool(new.goods):
        raise MeasureInvalid("已经实施的应附物品清单；尚未实施的在实施时登记物品。")
    if new.kind is SeizureKind.CONFISCATION and new.about.case_id is None:
        raise MeasureInvalid("没收物品以处罚决定为依据，请指明案件。")
    if new.kind is SeizureKind.CONFISCATION and new.urgent:
        raise MeasureInvalid("没收物品不适用紧急情况下的查封扣押。")
    if new.seized_at is not None and (not new.urgent or new.seized_at > at):
        raise MeasureInvalid("实施时间只在紧急情况下事后登记时填写，且不能晚于现在。")


def _list_goods(seizure: Seizure, goods: Sequence[Goods]) -> None:
    seizure.goods = [
        SeizedGoods(
            place=place,
            name=one.name,
            kind=one.kind,
            quantity=one.quantity,
            unit=one.unit,
            maker=one.maker,
            lot=one.lot,
            disposition=Disposition.HELD,
        )
        for place, one in enumerate(goods, 1)
    ]


def _confiscate(seizure: Seizure, on: date, *, by: Actor, at: datetime) -> None:
    for one in seizure.goods:
        one.disposition, one.disposed_on = Disposition.CONFISCATED, on
    seizure.seized_at = at
    _end(seizure, by=by, at=at)


def _end(seizure: Seizure, *, by: Actor, at: datetime) -> None:
    seizure.state, seizure.ended_at = SeizureState.ENDED, at
    seizure.ended_by_kind, seizure.ended_by_id = by.kind, by.id


def _hold(seizure: Seizure, seized_at: datetime, today: date) -> None:
    seizure.seized_at = seized_at
    seizure.days = int(catalogue.setting(DAYS, today))
    _compute_due(seizure)


def _compute_due(seizure: Seizure) -> None:
    if seizure.seized_at is None or seizure.days is None:
        return
    term = SeizureTerm(seizure.days, seizure.extension_days, seizure.testing_days)
    found = rules.seizure_due(local_date(seizure.seized_at), term, catalogue.calendar())
    seizure.due_on, seizure.due_reason = found.due_on, found.reason
    seizure.warned_at = seizure.late_at = None


def approve_seizure(seizure_id: UUID, *, by: Actor, at: datetime) -> Seizure:
    """Approve a seizure, before it or after an urgent one; another person than who applied.

    Raises SeizureUnknown, SeizureStateWrong and SeizureNeedsSecond.
    """
    seizure = get_seizure(seizure_id, by.agency_id)
    state = _following(seizure, SeizureVerb.APPROVE)
    if by.id is not None and by.id == seizure.applied_by_id:
        raise SeizureNeedsSecond("申请人不能批准自己的申请，应由机关负责人批准。")
    seizure.state = state
    seizure.approved_at, seizure.approved_by_kind, seizure.approved_by_id = at, by.kind, by.id
    late = seizure.approval_due_at is not None and at > seizure.approval_due_at
    data = {"state": seizure.state, "late": late}
    journal.record(Event.SEIZURE_APPROVED, seizure, by=by, at=at, data=data)
    return seizure


def refuse_seizure(seizure_id: UUID, reason: str, *, by: Actor, at: datetime) -> Seizure:
    """Refuse a seizure; goods of an urgent one are to be given back at once (第十九条)."""
    seizure = get_seizure(seizure_id, by.agency_id)
    seizure.state = _following(seizure, SeizureVerb.REFUSE)
    seizure.refused_reason, seizure.refused_at = reason, at
    seizure.refused_by_kind, seizure.refused_by_id = by.kind, by.id
    data = {"lines": len(seizure.goods)}
    journal.record(Event.SEIZURE_REFUSED, seizure, by=by, at=at, data=data)
    return seizure


def carry_out_seizure(
    seizure_id: UUID,
    goods: Sequence[Goods],
    document_id: UUID | None,
    seized_at: datetime | None = None,
    *,
    by: Actor,
    at: datetime,
) -> Seizure:
    """Carry out an approved seizure: the list of goods, and the term that begins.

    `seized_at`: when it was done, where it is recorded afterwards; never before the approval.
    Raises SeizureUnknown, SeizureStateWrong, MeasureInvalid (no goods, another time) and
    DocumentUnknown.
    """
    seizure = get_seizure(seizure_id, by.agency_id)
    seizure.state = _following(seizure, SeizureVerb.CARRY_OUT)
    if not goods:
        raise MeasureInvalid("实施查封扣押应当场制作物品清单。")
    done_at = seized_at or at
    if done_at > at or (seizure.approved_at is not None and done_at < seizure.approved_at):
        raise MeasureInvalid("实施时间应在批准之后，且不能晚于现在。")
    refuse_document(document_id, seizure.agency_id)
    seizure.document_id = document_id or seizure.document_id
    _list_goods(seizure, goods)
    _hold(seizure, done_at, local_date(done_at))
    data = {"lines": len(goods), "due_on": _written(seizure.due_on)}
    journal.record(Event.SEIZURE_CARRIED_OUT, seizure, by=by, at=at, data=data)
    return seizure


def extend_seizure(seizure_id: UUID, reason: str, *, by: Actor, at: datetime) -> Seizure:
    """Extend the term of a seizure once, before it ends.

    Raises SeizureUnknown and SeizureStateWrong: also extended before, or the term is over.
    """
    seizure = get_seizure(seizure_id, by.agency_id)
    _following(seizure, SeizureVerb.EXTEND)
    today = local_date(at)
    if seizure.extension_days or (seizure.due_on is not None and seizure.due_on < today):
        raise SeizureStateWrong(
            "期限只能延长一次，并应在届满前办理（行政强制法第二十五条）。", state=seizure.state
        )
    seizure.extension_days = int(catalogue.setting(EXTENSION_DAYS, today))
    seizure.extension_reason = reason
    _compute_due(seizure)
    data = {"due_on": _written(seizure.due_on)}
    journal.record(Event.SEIZURE_EXTENDED, seizure, by=by, at=at, data=data)
    return seizure


def add_testing(seizure_id: UUID, days: int, *, by: Actor, at: datetime) -> Seizure:
    """Leave days of tests out of the term (第二十五条: they are told to the party)."""
    seizure = get_seizure(seizure_id, by.agency_id)
    _following(seizure, SeizureVerb.TEST)
    seizure.testing_days += days
    _compute_due(seizure)
    data = {"days": days, "due_on": _written(seizure.due_on)}
    journal.record(Event.SEIZURE_TESTED, seizure, by=by, at=at, data=data)
    return seizure


def dispose_goods(
    seizure_id: UUID,
    places: Collection[int],
    disposition: Disposition,
    note: str | None,
    document_id: UUID | None,
    *,
    by: Actor,
    at: datetime,
) -> Seizure:
    """Decide what becomes of lines of the list; the seizure ends with its last one.

    What was not approved can only be given back. Raises SeizureUnknown, SeizureStateWrong and
    MeasureInvalid (unknown or decided lines, `held`).
    """
    seizure = get_seizure(seizure_id, by.agency_id)
    _following(seizure, SeizureVerb.DISPOSE)
    refuse_document(document_id, seizure.agency_id)
    if disposition is Disposition.HELD or (
        seizure.state == SeizureState.REFUSED and disposition is not Disposition.RETURNED
    ):
        raise MeasureInvalid("未获批准的查封扣押应当立即解除，物品只能退还。")
    held = {one.place: one for one in seizure.goods if one.disposition == Disposition.HELD}
    if not set(places) or set(places) - held.keys():
        raise MeasureInvalid("清单中没有这些待处理的物品。", places=sorted(held))
    for place in places:
        one = held[place]
        one.disposition, one.disposed_on = disposition, local_date(at)
        one.disposition_note, one.disposition_document_id = note, document_id
    touch(seizure)
    if len(held) == len(set(places)):
        _end(seizure, by=by, at=at)
    data = {"places": sorted(places), "disposition": str(disposition), "state": seizure.state}
    journal.record(Event.SEIZURE_DISPOSED, seizure, by=by, at=at, data=data)
    return seizure


def _following(seizure: Seizure, verb: SeizureVerb) -> SeizureState:
    """Return the state that follows. Raises SeizureStateWrong (`state`, `verb`)."""
    state = SeizureState(seizure.state)
    following = rules.following(verb, state)
    if following is None:
        raise SeizureStateWrong(
            f"现为“{rules.SEIZURE_NAMES[state]}”，不能{rules.VERB_NAMES[verb]}。请刷新后再办理。",
            state=str(state),
            verb=str(verb),
        )
    return following


def _written(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def watch_seizure(seizure_id: UUID, *, by: Actor, at: datetime) -> list[str]:
    """Flag an approval that is late, warn before the end of a term and flag after it, once each.

    For the timetable; again is harmless. A term that waited for a calendar is computed.
    """
    seizure = db.session.get_one(Seizure, seizure_id, populate_existing=True)
    today, found = local_date(at), []
    if seizure.due_on is None:
        _compute_due(seizure)
    if (
        seizure.state == SeizureState.AWAITING_APPROVAL
        and seizure.approval_late_at is None
        and seizure.approval_due_at is not None
        and at > seizure.approval_due_at
    ):
        seizure.approval_late_at = at
        found.append(Event.SEIZURE_APPROVAL_LATE)
    if seizure.due_on is not None:
        warn = timedelta(days=int(catalogue.setting(WARN_DAYS, today)))
        if seizure.warned_at is None and today >= seizure.due_on - warn:
            seizure.warned_at = at
            found.append(Event.SEIZURE_WARNED)
        if seizure.late_at is None and today > seizure.due_on:
            seizure.late_at = at
            found.append(Event.SEIZURE_LATE)
    for event in found:
        data = {"due_on": _written(seizure.due_on)}
        journal.record(event, seizure, by=by, at=at, data=data)
    return [event.value.partition(".")[2] for event in found]
