"""Cards of the national report 信息报告卡: opened with their clock of 5 working days, handed over.

Unit and its changes, inspection, test, and a case at service and at closing (one case, one card,
two reports); a case of the simple procedure or without penalty has the one at closing. The national
platform has no public interface: cards leave as files.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app import canonical
from app.access import Actor
from app.cases.models import PenaltyCase
from app.cases.rules import Procedure
from app.cases.sanctions import KIND_NAMES, SanctionKind
from app.catalogue import service as catalogue
from app.catalogue.rules import DayKind, Term, due
from app.days import local_date
from app.db import db
from app.errors import Conflict, NotFound
from app.journal import service as journal
from app.journal.models import Installation, JournalEntry
from app.journal.rules import Event
from app.publication.models import ReportCard
from app.publication.rules import CARD_NAMES, CardKind, CardState, is_late, wan
from app.publication.sources import BATCH, outcomes, specialty_name
from app.sheets import Cell
from app.tasks.models import Task
from app.units.models import Licence, Unit
from app.visits.models import Sample, Visit
from app.visits.terms import SampleResult, SampleState

CARD_DAYS = "card-days"
RESULT_NAMES = {
    SampleResult.QUALIFIED: "合格",
    SampleResult.UNQUALIFIED: "不合格",
    SampleResult.NOT_JUDGED: "不作判定",
}
COMMON = ("信息卡", "编号", "被监督单位", "统一社会信用代码", "发生日期", "报告期限", "是否逾期")
_OF_CASE = (
    "决定书文号",
    "案由",
    "处罚种类",
    "罚款（万元）",
    "没收违法所得（万元）",
    "决定日期",
    "送达日期",
    "结案日期",
)
_OF_UNIT = (
    "地址",
    "行政区划代码",
    "街道代码",
    "法定代表人",
    "单位类别",
    "许可证或者备案号",
    "状态",
)
# what the card of a unit tells, by the register's names: a change of one of them is reported
TOLD = {
    "name": "名称",
    "uscc": "统一社会信用代码",
    "address": "地址",
    "street_code": "街道代码",
    "legal_representative": "法定代表人",
    "registrations": "单位类别",
    "licences": "许可证或者备案号",
    "state": "状态",
}
OWN: Mapping[CardKind, Sequence[str]] = {
    CardKind.UNIT: _OF_UNIT,
    CardKind.UNIT_CHANGED: (*_OF_UNIT, "变更事项"),
    CardKind.INSPECTION: ("任务编号", "专业", "检查结果"),
    CardKind.TEST: ("样品", "检测结果", "报告编号"),
    CardKind.CASE_SERVED: _OF_CASE,
    CardKind.CASE_CLOSED: _OF_CASE,
}


class CardUnknown(NotFound):
    code, title = "report-card-unknown", "未找到信息卡"


class CardAlreadyReported(Conflict):
    code, title = "report-card-already-reported", "信息卡已经报告"


@dataclass(frozen=True)
class Cause:
    """What a card is about, and the day that starts its clock."""

    kind: CardKind
    subject_id: UUID
    event_on: date
    agency_id: UUID
    district: str
    version: int = 0


def causes(on: date) -> Iterator[Cause]:
    """Yield what needs a card on a day and has none; of acts some hundreds of each kind at a time.

    The unit's own card comes with its licence, its first visit or a change, whichever is first.
    """
    units = set(db.session.scalars(_without(CardKind.UNIT)))
    yield from _licensed(units, on)
    yield from _visits(units)
    yield from _changed(units)
    yield from _samples()
    yield from _cases(CardKind.CASE_SERVED, PenaltyCase.served_on)
    yield from _cases(CardKind.CASE_CLOSED, PenaltyCase.closed_on)


def _without(kind: CardKind) -> sa.Select[Any]:
    return sa.select(ReportCard.subject_id).where(ReportCard.kind == kind)


def _licensed(units: set[UUID], on: date) -> Iterator[Cause]:
    """A unit without card whose licence began; of before the installation others have told."""
    installed = db.session.scalar(sa.select(Installation.created_at))
    if installed is None:
        return
    query = (
        sa.select(Unit.id, Unit.agency_id, Unit.district, sa.func.min(Licence.valid_from))
        .join(Licence, Licence.unit_id == Unit.id)
        .where(
            Licence.valid_from.between(local_date(installed), on),
            Unit.id.not_in(_without(CardKind.UNIT)),
        )
        .group_by(Unit.id, Unit.agency_id, Unit.district)
    )
    for unit_id, agency_id, district, began_on in db.session.execute(query.order_by(Unit.id)).all():
        if began_on is not None:
            units.add(unit_id)
            yield Cause(CardKind.UNIT, unit_id, began_on, agency_id, district)


def _changed(units: set[UUID]) -> Iterator[Cause]:
    """A change of what the card tells, as the journal has it, each once.

    A card tells of its unit as it stands when it leaves: changes of before it was opened are in it.
    """
    own, told = aliased(ReportCard), aliased(ReportCard)
    query = (
        sa.select(JournalEntry, Unit)
        .join(Unit, Unit.id == JournalEntry.subject_id)
        .where(
            JournalEntry.event == Event.UNIT_CHANGED,
            ~sa.exists().where(
                own.kind == CardKind.UNIT_CHANGED,
                own.subject_id == JournalEntry.subject_id,
                own.subject_version == JournalEntry.subject_version,
            ),
            ~sa.exists().where(
                told.kind == CardKind.UNIT,
                told.subject_id == JournalEntry.subject_id,
                told.opened_at >= JournalEntry.at,
            ),
        )
    )
    found = db.session.execute(query.order_by(JournalEntry.stream, JournalEntry.seq)).all()
    standing = set(db.session.scalars(_without(CardKind.UNIT)))
    for entry, unit in found:
        if not _told_fields(entry.text):
            continue
        on, owner = local_date(entry.at), (unit.agency_id, unit.district)
        if unit.id in standing:
            yield Cause(CardKind.UNIT_CHANGED, unit.id, on, *owner, entry.subject_version or 0)
        elif unit.id not in units:
            units.add(unit.id)
            yield Cause(CardKind.UNIT, unit.id, on, *owner)


def _told_fields(text: str) -> list[str]:
    fields = canonical.loads(text)["data"]["fields"]
    return [said for name, said in TOLD.items() if name in fields]


def _visits(units: set[UUID]) -> Iterator[Cause]:
    """A signed visit is inspected; the first one of a unit opens the unit's own card."""
    query = sa.select(Visit).where(
        Visit.signed_at.is_not(None), Visit.id.not_in(_without(CardKind.INSPECTION))
    )
    for visit in db.session.scalars(query.order_by(Visit.id).limit(BATCH)):
        moment = visit.started_at if visit.clock_suspect else visit.started_recorded_at
        on, owner = local_date(moment), (visit.agency_id, visit.district)
        if visit.unit_id not in units:
            units.add(visit.unit_id)
            yield Cause(CardKind.UNIT, visit.unit_id, on, *owner)
        yield Cause(CardKind.INSPECTION, visit.id, on, *owner)


def _samples() -> Iterator[Cause]:
    query = sa.select(Sample).where(
        Sample.state == SampleState.RESULTED, Sample.id.not_in(_without(CardKind.TEST))
    )
    for sample in db.session.scalars(query.order_by(Sample.id).limit(BATCH)):
        if sample.resulted_at is not None:
            on = sample.reported_on or local_date(sample.resulted_at)
            yield Cause(CardKind.TEST, sample.id, on, sample.agency_id, sample.district)


def _cases(kind: CardKind, column: Any) -> Iterator[Cause]:
    query = sa.select(PenaltyCase).where(column.is_not(None), PenaltyCase.id.not_in(_without(kind)))
    if kind is CardKind.CASE_SERVED:
        query = query.where(PenaltyCase.procedure == Procedure.ORDINARY)
    for case in db.session.scalars(query.order_by(PenaltyCase.id).limit(BATCH)):
        yield Cause(kind, case.id, getattr(case, column.key), case.agency_id, case.district)


def open_card(cause: Cause, *, by: Actor, at: datetime) -> ReportCard:
    """Open a card, once for each cause, with the last day on which it may be handed over."""
    query = sa.select(ReportCard).where(
        ReportCard.kind == cause.kind,
        ReportCard.subject_id == cause.subject_id,
        ReportCard.subject_version == cause.version,
    )
    if known := db.session.scalars(query).one_or_none():
        return known
    card = ReportCard(
        agency_id=cause.agency_id,
        district=cause.district,
        kind=cause.kind,
        subject_id=cause.subject_id,
        subject_version=cause.version,
        event_on=cause.event_on,
        state=CardState.DUE,
        opened_at=at,
        opened_by_kind=str(by.kind),
        opened_by_id=by.id,
    )
    _set_due(card)
    db.session.add(card)
    db.session.flush()  # the journal names its id
    _journal(Event.REPORT_CARD_OPENED, card, by=by, at=at)
    return card


def _set_due(card: ReportCard) -> None:
    days = int(catalogue.setting(CARD_DAYS, card.event_on))
    deadline = due(Term(days, DayKind.WORKING), card.event_on, catalogue.calendar())
    card.due_on, card.due_reason = deadline.due_on, deadline.reason


def open_terms() -> list[UUID]:
    """Return the cards whose last day could not be computed."""
    query = sa.select(ReportCard.id).where(
        ReportCard.due_on.is_(None), ReportCard.state == CardState.DUE
    )
    return list(db.session.scalars(query.order_by(ReportCard.id).limit(BATCH)))


def compute_due(card_id: UUID, *, by: Actor, at: datetime) -> bool:
    """Compute the last day of a card once the calendar is there; tell whether it could be."""
    card = db.session.get_one(ReportCard, card_id, populate_existing=True)
    _set_due(card)
    if card.due_on is None:
        return False
    _journal(Event.REPORT_CARD_OPENED, card, by=by, at=at)
    return True


def get_card(card_id: UUID, agency_id: UUID | None) -> ReportCard:
    """Return a card of the agency. Raises CardUnknown, also for another agency's."""
    card = db.session.get(ReportCard, card_id)
    if card is None or card.agency_id != agency_id:
        raise CardUnknown("没有这张信息卡，或它不属于本机构。")
    return card


def report_card(card: ReportCard, *, by: Actor, at: datetime) -> ReportCard:
    """Say that a card was handed over to the national system. Raises CardAlreadyReported."""
    if card.state == CardState.REPORTED:
        raise CardAlreadyReported("这张信息卡已经报告。")
    card.state = CardState.REPORTED
    card.reported_at, card.reported_by_kind, card.reported_by_id = at, str(by.kind), by.id
    _journal(Event.REPORT_CARD_REPORTED, card, by=by, at=at)
    return card


def card_is_late(card: ReportCard, today: date) -> bool:
    """Tell whether a card's term was missed, or is being missed."""
    done = None if card.reported_at is None else local_date(card.reported_at)
    return is_late(card.due_on, done, today)


def table(cards: Sequence[ReportCard], kind: CardKind, today: date) -> list[list[Cell]]:
    """Return the rows of a file of cards of one kind, under the headers COMMON and OWN."""
    names = outcomes(today)
    return [_row(card, kind, names, today) for card in cards if card.kind == kind]


def _row(
    card: ReportCard, kind: CardKind, names: Mapping[str, Mapping[str, Any]], today: date
) -> list[Cell]:
    unit_id, own = _TELLERS[kind](card, names, today)
    unit = None if unit_id is None else db.session.get(Unit, unit_id)
    return [
        CARD_NAMES[kind],
        str(card.id),
        "" if unit is None else unit.name,
        "" if unit is None else unit.uscc,
        card.event_on,
        card.due_on or card.due_reason,
        "是" if card_is_late(card, today) else "否",
        *own,
    ]


_Told = tuple[UUID | None, list[Cell]]
_Names = Mapping[str, Mapping[str, Any]]


def _of_unit(card: ReportCard, names: _Names, today: date) -> _Told:
    unit = db.session.get_one(Unit, card.subject_id)
    classes = {row.code: str(row.body["name"]) for row in catalogue.in_force("object_class", today)}
    codes = sorted({one.object_class for one in unit.registrations if one.object_class})
    kinds = "、".join(classes.get(code, code) for code in codes)
    licences = "、".join(one.number for one in unit.licences)
    region = unit.street_code[:6] if unit.street_code else unit.district
    return unit.id, [
        unit.address,
        region,
        unit.street_code,
        unit.legal_representative,
        kinds or None,
        licences or None,
        unit.state_name,
    ]


def _of_change(card: ReportCard, names: _Names, today: date) -> _Told:
    unit_id, own = _of_unit(card, names, today)
    query = sa.select(JournalEntry.text).where(
        JournalEntry.subject_id == card.subject_id,
        JournalEntry.subject_version == card.subject_version,
        JournalEntry.event == Event.UNIT_CHANGED,
    )
    said = [name for text in db.session.scalars(query) for name in _told_fields(text)]
    return unit_id, [*own, "、".join(dict.fromkeys(said))]


def _of_visit(card: ReportCard, names: _Names, today: date) -> _Told:
    visit = db.session.get_one(Visit, card.subject_id)
    task = None if visit.task_id is None else db.session.get(Task, visit.task_id)
    result = names.get(visit.outcome or "", {}).get("name", visit.outcome)
    specialty = None if task is None else specialty_name(task.specialty, today)
    return visit.unit_id, [None if task is None else task.task_no, specialty, result]


def _of_sample(card: ReportCard, names: _Names, today: date) -> _Told:
    sample = db.session.get_one(Sample, card.subject_id)
    visit = db.session.get_one(Visit, sample.visit_id)
    result = None if sample.result is None else RESULT_NAMES[SampleResult(sample.result)]
    return visit.unit_id, [sample.name, result, sample.report_no]


def _of_case(card: ReportCard, names: _Names, today: date) -> _Told:
    case = db.session.get_one(PenaltyCase, card.subject_id)
    own = [line for line in case.lines if not line.on_staff]
    gains = sum(one.amount_fen or 0 for one in own if one.kind is SanctionKind.CONFISCATED_GAINS)
    return case.unit_id, [
        case.decision_number or case.number,
        case.cause_name,
        "；".join(KIND_NAMES[line.kind] for line in own) or None,
        wan(case.fine_fen),
        wan(gains),
        case.decided_on,
        case.served_on,
        case.closed_on,
    ]


_TELLERS: Mapping[CardKind, Callable[[ReportCard, _Names, date], _Told]] = {
    CardKind.UNIT: _of_unit,
    CardKind.UNIT_CHANGED: _of_change,
    CardKind.INSPECTION: _of_visit,
    CardKind.TEST: _of_sample,
    CardKind.CASE_SERVED: _of_case,
    CardKind.CASE_CLOSED: _of_case,
}


def _journal(event: Event, card: ReportCard, *, by: Actor, at: datetime) -> None:
    data = {
        "kind": str(card.kind),
        "subject_id": str(card.subject_id),
        "due_on": None if card.due_on is None else card.due_on.isoformat(),
    }
    journal.record(event, card, by=by, at=at, data=data)
