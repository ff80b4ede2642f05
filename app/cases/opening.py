"""How a case of the ordinary procedure 普通程序 begins: where it comes from, whom it is about."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.cases import preparing, queries
from app.cases.deadlines import keep_deadlines
from app.cases.facts import Step
from app.cases.models import CaseStep, PenaltyCase
from app.cases.refusals import StepDayWrong
from app.cases.rules import (
    CaseSource,
    CaseState,
    CaseVerb,
    Direction,
    IdKind,
    PartyKind,
    Procedure,
)
from app.cases.transfers import get_transfer
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id
from app.errors import Conflict, Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.numbering.queries import take_serial
from app.numbering.rules import Register
from app.parties.rules import hash_number
from app.people.models import Agency
from app.units import service as units
from app.visits import queries as visit_queries
from app.visits.orders import FindingUnknown


class CaseOpenAlready(Conflict):
    """The finding is a case by this cause already; extras: `case_id`, `number`."""

    code, title = "case-open-already", "该检查发现已经立案"


class CaseOriginWrong(Invalid):
    code, title = "case-origin-wrong", "案件来源不完整"


class PartyNotDescribed(Invalid):
    code, title = "party-not-described", "当事人信息不完整"


@dataclass(frozen=True)
class Party:
    """Whom a case is about; where nobody knows the name, `note` describes them."""

    kind: PartyKind
    name: str | None = None
    id_kind: IdKind | None = None
    id_number: str | None = None
    representative: str | None = None
    address: str | None = None
    phone: str | None = None
    born_on: date | None = None
    note: str | None = None


@dataclass(frozen=True)
class NewCase:
    """What a case begins with; `discovered_on` is when the act was found, else the day of opening.

    `grave`: it touches life, health or safety and did harm, so that it can be pursued for five
    years. `transfer_id`: the entry of the register by which another organ handed it over.
    """

    source: CaseSource
    cause_code: str
    party: Party
    act: str
    acted_on: date
    on: date
    finding_id: UUID | None = None
    unit_id: UUID | None = None
    transfer_id: UUID | None = None
    source_reference: str | None = None
    place: str | None = None
    act_ended_on: date | None = None
    discovered_on: date | None = None
    grave: bool = False


# --- opening -----------------------------------------------------------------------------------


def open_case(new: NewCase, *, agency: Agency, by: Actor, at: datetime) -> PenaltyCase:
    """Open a case of the ordinary procedure 案件受理 (行政处罚法 第五十四条).

    From a finding, a complaint, another organ or one above; from a finding it takes unit and visit.
    The cause is that of the day of the act. Flushes: a second case of the same finding and cause is
    refused by the database too.

    Raises FindingUnknown, UnitNotFound, TransferUnknown, CauseUnknown, CaseOriginWrong,
    PartyNotDescribed, StepDayWrong and CaseOpenAlready.
    """
    _refuse_days(new, today=local_date(at))
    case = PenaltyCase(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        procedure=Procedure.ORDINARY,
        source=new.source,
        source_reference=new.source_reference,
        state=CaseState.OPENED,
        act=new.act,
        place=new.place,
        acted_on=new.acted_on,
        act_ended_on=new.act_ended_on,
        opened_on=new.on,
        warning=False,
        fine_fen=0,
        party_kind=new.party.kind,
    )
    _set_origin(case, new)
    set_cause(case, new.cause_code)
    set_party(case, new.party)
    case.number = _number(agency, new.on)
    discovered_on = new.discovered_on or new.on
    data = {"discovered_on": discovered_on.isoformat(), "grave": new.grave}
    db.session.add(case)
    db.session.flush()  # the step refers to the case
    step = Step(1, CaseVerb.OPEN, new.on, data)
    keep_step(case, step, (), None, by=by, at=at)
    keep_deadlines(case, [step])
    if new.transfer_id is not None:
        transfer = get_transfer(new.transfer_id, agency.id)
        transfer.case_id = transfer.case_id or case.id  # of several parties the first case
    journal.record(
        Event.PENALTY_CASE_OPENED,
        case,
        by=by,
        at=at,
        data={
            "source": str(new.source),
            "cause_code": case.cause_code,
            "cause_from": case.cause_from.isoformat(),
            "unit_id": None if case.unit_id is None else str(case.unit_id),
            "finding_id": None if case.finding_id is None else str(case.finding_id),
        },
    )
    return case


def _refuse_days(new: NewCase, *, today: date) -> None:
    ended_on = new.act_ended_on or new.acted_on
    if not new.acted_on <= ended_on <= new.on <= today:
        raise StepDayWrong("日期应按违法行为开始、终了、受理的先后，且不晚于今天。")
    if new.discovered_on is not None and not new.acted_on <= new.discovered_on <= new.on:
        raise StepDayWrong("发现日期应在违法行为开始之后、受理之前。")


def _set_origin(case: PenaltyCase, new: NewCase) -> None:
    """Take unit and visit from the finding; name what else the case comes from."""
    case.unit_id = new.unit_id
    if (new.source is CaseSource.FINDING) != (new.finding_id is not None):
        raise CaseOriginWrong("来源为检查发现的，应当且只能引用检查发现。")
    if new.finding_id is not None:
        finding = visit_queries.find_finding(new.finding_id)
        if finding is None or finding.agency_id != case.agency_id:
            raise FindingUnknown("没有这项检查发现，或它不属于本机构。")
        visit = visit_queries.find_visit(finding.visit_id)
        case.finding_id, case.visit_id = finding.id, finding.visit_id
        case.unit_id = None if visit is None else visit.unit_id
    if new.transfer_id is not None:
        transfer = get_transfer(new.transfer_id, case.agency_id)
        if new.source is not CaseSource.TRANSFER or transfer.direction != Direction.IN:
            raise CaseOriginWrong("只有移送来的案件可以引用收到的移送登记。")
        case.source_reference = new.source_reference or transfer.number
        case.unit_id = case.unit_id or transfer.unit_id
    if case.unit_id is not None:
        units.get_unit(case.unit_id, case.agency_id)


def set_cause(case: PenaltyCase, code: str) -> None:
    """Take the cause's row of the day of the act. Raises CauseUnknown, CaseOpenAlready."""
    row = preparing.get_cause(code, case.act_ended_on or case.acted_on)
    if case.finding_id is not None:
        known = queries.find_by_cause(case.finding_id, row.code, row.effective_from)
        if known is not None and known.id != case.id:
            raise CaseOpenAlready(
                "这项检查发现已按该案由立案或者处罚。", case_id=known.id, number=known.number
            )
    case.cause_code, case.cause_from = row.code, row.effective_from
    case.cause_name = row.body["name"]
    case.basis_law = row.body["basis"]["law"]
    case.basis_article = row.body["basis"]["article"]


def set_party(case: PenaltyCase, party: Party) -> None:
    """Name the party; a unit's name and code stand in where none are given for an organisation."""
    name, id_kind, id_number = party.name, party.id_kind, party.id_number
    if case.unit_id is not None and party.kind is PartyKind.ORGANISATION:
        unit = units.get_unit(case.unit_id, case.agency_id)
        name = name or unit.name
        if id_kind is None and unit.uscc is not None:
            id_kind, id_number = IdKind.USCC, unit.uscc
    if name is None and party.note is None:
        raise PartyNotDescribed("当事人姓名或者名称不明的，应当描述其特征。")
    if (id_number is None) != (id_kind in {None, IdKind.UNKNOWN}):
        raise PartyNotDescribed("证件种类和号码应当同时填写；身份不明的不填号码。")
    case.party_kind, case.party_name, case.party_note = party.kind, name, party.note
    case.party_id_kind, case.party_id_number = id_kind, id_number
    case.party_id_hash = None if id_number is None else hash_number(case.agency_id, id_number)
    case.party_representative, case.party_address = party.representative, party.address
    case.party_phone, case.party_born_on = party.phone, party.born_on


def _number(agency: Agency, on: date) -> str:
    form: str = catalogue.setting("case-number-form", on)
    opened = queries.count_opened(agency.id, on.year)  # before these numbers had a register
    serial = take_serial(agency.id, Register.CASE, on.year, above=opened)
    return form.replace("{year}", f"{on.year}").replace("{serial}", f"{serial}")


def keep_step(
    case: PenaltyCase,
    step: Step,
    officer_ids: tuple[UUID, ...],
    document_id: UUID | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Keep a step for good; the case stands as it is after it."""
    db.session.add(
        CaseStep(
            case_id=case.id,
            seq=step.seq,
            verb=step.verb,
            on_day=step.on,
            state=case.state,
            document_id=document_id,
            officer_ids=[str(one) for one in officer_ids],
            data=dict(step.data),
            recorded_at=at,
            recorded_by_kind=by.kind,
            recorded_by_id=by.id,
        )
    )
