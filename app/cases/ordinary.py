"""The ordinary procedure 普通程序 of a case: opened by a person, then taken step by step.

Every step is one call: what it says is completed, guards decide, the case follows, its terms are
kept. A step is never changed; what was wrong is answered by a further one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.cases import enforcing, guards, handlers, preparing, queries, sanctions, triggers
from app.cases.deadlines import keep_deadlines
from app.cases.facts import Step, read
from app.cases.models import (
    CaseRemedy,
    CaseSanction,
    CaseStep,
    PenaltyCase,
    PenaltyCaseOfficer,
)
from app.cases.money import Pause
from app.cases.preparing import Draft
from app.cases.refusals import StepDayWrong, StepItemUnknown, refuse
from app.cases.rules import (
    STEPS,
    CaseSource,
    CaseState,
    CaseVerb,
    Direction,
    IdKind,
    PartyKind,
    Procedure,
    RemedyKind,
    RemedyResult,
    TransferKind,
    TransferResult,
)
from app.cases.sanctions import SanctionKind
from app.cases.service import CaseStateWrong, get_case
from app.cases.transfers import (
    NewTransfer,
    answer_transfer,
    get_transfer,
    open_transfer_of,
    record_transfer,
)
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, touch
from app.documents import service as documents
from app.errors import Conflict, Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
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


@dataclass(frozen=True)
class NewStep:
    """A step that is to be taken: on which day, what it says, by whom, on which paper."""

    on: date
    data: Mapping[str, Any] = field(default_factory=dict)
    officer_ids: tuple[UUID, ...] = ()
    document_id: UUID | None = None


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
    _set_cause(case, new.cause_code)
    _set_party(case, new.party)
    case.number = _number(agency, new.on)
    discovered_on = new.discovered_on or new.on
    data = {"discovered_on": discovered_on.isoformat(), "grave": new.grave}
    db.session.add(case)
    db.session.flush()  # the step refers to the case
    step = Step(1, CaseVerb.OPEN, new.on, data)
    _keep_step(case, step, (), None, by=by, at=at)
    keep_deadlines(case, [step])
    if new.transfer_id is not None:
        get_transfer(new.transfer_id, agency.id).case_id = case.id
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
    if case.unit_id is not None:
        units.get_unit(case.unit_id, case.agency_id)


def _set_cause(case: PenaltyCase, code: str) -> None:
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


def _set_party(case: PenaltyCase, party: Party) -> None:
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
    case.party_representative, case.party_address = party.representative, party.address
    case.party_phone, case.party_born_on = party.phone, party.born_on


def _number(agency: Agency, on: date) -> str:
    form: str = catalogue.setting("case-number-form", on)
    serial = queries.next_serial(agency.id, on.year)
    return form.replace("{year}", f"{on.year}").replace("{serial}", f"{serial}")


# --- every step --------------------------------------------------------------------------------


def take_step(
    case_id: UUID, verb: CaseVerb, new: NewStep, *, by: Actor, at: datetime
) -> PenaltyCase:
    """Take the next step of a case; `new.data` has the members of the verb's schema.

    Flushes: the next step in one transaction reads the terms. Raises CaseUnknown, CaseStateWrong,
    StepDayWrong, NotOnCase, DocumentUnknown, the problems of `preparing` and those of `refusals`.
    """
    case = get_case(case_id, by.agency_id)
    if case.procedure != Procedure.ORDINARY:
        raise CaseStateWrong("当场处罚的案件不适用普通程序的步骤。", state=case.state)
    if new.on > local_date(at):
        raise StepDayWrong("办理日期不能晚于今天。")
    handlers.refuse_outsider(case, by)
    if new.document_id is not None:
        documents.get_document(new.document_id, case.agency_id)
    steps = steps_of(case)
    facts = read(steps)
    refuse(guards.misplaced(verb, facts, new.on), state=case.state)
    draft = Draft(case, facts, steps, verb, new.on, dict(new.data), new.officer_ids, by, at)
    preparing.prepare(draft)
    found = guards.obstacles(verb, facts, new.on, draft.data, preparing.demands_of(draft))
    refuse(found, state=case.state)
    case.state = STEPS[verb][CaseState(case.state)]
    if (follow := _EFFECTS.get(verb)) is not None:
        follow(draft)
    step = Step(facts.seq + 1, verb, new.on, draft.data)
    _keep_step(case, step, draft.officer_ids, new.document_id, by=by, at=at)
    keep_deadlines(case, [*steps, step])
    touch(case)
    db.session.flush()
    _record(case, step, by=by, at=at)
    return case


def steps_of(case: PenaltyCase) -> list[Step]:
    """Return the steps of a case as the rules read them."""
    return [
        Step(one.seq, CaseVerb(one.verb), one.on_day, one.data) for one in queries.steps_of(case.id)
    ]


def _keep_step(
    case: PenaltyCase,
    step: Step,
    officer_ids: tuple[UUID, ...],
    document_id: UUID | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
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


_EVENTS = {
    CaseVerb.FILE: Event.PENALTY_CASE_FILED,
    CaseVerb.DECIDE: Event.PENALTY_CASE_DECIDED,
    CaseVerb.CLOSE: Event.PENALTY_CASE_CLOSED,
}


def _record(case: PenaltyCase, step: Step, *, by: Actor, at: datetime) -> None:
    data: dict[str, Any] = {
        "verb": str(step.verb),
        "seq": step.seq,
        "on": step.on.isoformat(),
        "state": str(case.state),
    }
    if step.verb is CaseVerb.DECIDE:
        data |= {"cause_code": case.cause_code, "cause_from": case.cause_from.isoformat()}
        data |= {"fine_fen": case.fine_fen, "kinds": [str(one.kind) for one in case.lines]}
    event = _EVENTS.get(step.verb, Event.PENALTY_CASE_ADVANCED)
    journal.record(event, case, by=by, at=at, data=data)


# --- what a step changes -----------------------------------------------------------------------


def _set_officers(draft: Draft) -> None:
    wanted, case = set(draft.officer_ids), draft.case
    case.officers = [one for one in case.officers if one.officer_id in wanted]
    known = set(case.officer_ids)
    case.officers += [PenaltyCaseOfficer(officer_id=one) for one in sorted(wanted - known)]


def _file(draft: Draft) -> None:
    _set_officers(draft)
    case, by = draft.case, draft.by
    case.filed_on = draft.on
    case.filed_at, case.filed_by_kind, case.filed_by_id = draft.at, by.kind, by.id


def _amend(draft: Draft) -> None:
    """Set what became known of party and act; the step keeps which, the case keeps what."""
    case, given = draft.case, draft.data.pop("values")
    for name in given.keys() & {"act", "place", "acted_on", "act_ended_on"}:
        setattr(case, name, given[name])
    if case.acted_on > (case.act_ended_on or case.acted_on) or case.acted_on > draft.on:
        raise StepDayWrong("违法行为的日期不正确。")
    if "party" in given:
        _set_party(case, given["party"])
    _set_cause(case, given.get("cause_code", case.cause_code))
    draft.data["fields"] = sorted(given)


def _decide_recusal(draft: Draft) -> None:
    """Let an officer whose recusal was granted handle the case no more, nor meet the unit again."""
    if not draft.data["granted"]:
        return
    case, officer_id = draft.case, UUID(draft.data["officer_id"])
    case.officers = [one for one in case.officers if one.officer_id != officer_id]
    if case.unit_id is not None:
        people.declare_recusal(
            people.get_officer(officer_id, case.agency_id),
            case.unit_id,
            draft.data["reason_code"],
            effective_from=draft.on,
            by=draft.by,
            at=draft.at,
        )


def _notify(draft: Draft) -> None:
    draft.case.notified_on = draft.on


def _decide(draft: Draft) -> None:
    case, by = draft.case, draft.by
    lines = preparing.lines_in(draft.data)
    draft.data["lines"] = triggers.as_data(lines)
    case.sanctions = [CaseSanction.of(line) for line in lines]
    case.warning = any(line.kind == SanctionKind.WARNING for line in lines)
    case.fine_fen = sanctions.fine_of(lines)
    case.cause_from = date.fromisoformat(draft.data["rule_from"])
    row = preparing.get_cause(case.cause_code, case.cause_from)
    case.basis_law, case.basis_article = row.body["basis"]["law"], row.body["basis"]["article"]
    case.decision_number, case.decided_on = draft.data["number"], draft.on
    case.decided_at, case.decided_by_kind, case.decided_by_id = draft.at, by.kind, by.id


def _serve(draft: Draft) -> None:
    draft.case.served_on = draft.on


def _revoke(draft: Draft) -> None:
    draft.case.revoked_on = draft.on


def _close(draft: Draft) -> None:
    case, by = draft.case, draft.by
    enforcing.refuse_outstanding(case, draft.on)
    case.closed_on, case.note = draft.on, draft.data["note"]
    case.closed_at, case.closed_by_kind, case.closed_by_id = draft.at, by.kind, by.id


def _transfer(draft: Draft) -> None:
    """Enter the case into the register of what was handed to other organs."""
    data, case = draft.data, draft.case
    new = NewTransfer(
        Direction.OUT,
        TransferKind.HAND_OVER,
        data["organ"],
        case.cause_name,
        draft.on,
        criminal=data["criminal"],
        number=data["number"],
        case_id=case.id,
        unit_id=case.unit_id,
    )
    agency = people.get_agency(case.agency_id)
    row = record_transfer(new, agency=agency, by=draft.by, at=draft.at)
    data["transfer_id"] = str(row.id)


def _take_back(draft: Draft) -> None:
    row = open_transfer_of(draft.case.id, draft.case.agency_id)
    if row is not None:
        answer_transfer(
            row.id,
            TransferResult.RETURNED,
            on=draft.on,
            note=draft.data["reason"],
            by=draft.by,
            at=draft.at,
        )


def _begin_remedy(draft: Draft) -> None:
    remedy = CaseRemedy(
        id=new_id(),
        case_id=draft.case.id,
        agency_id=draft.case.agency_id,
        kind=RemedyKind(draft.data["kind"]),
        organ=draft.data["organ"],
        number=draft.data["number"],
        begun_on=draft.on,
    )
    db.session.add(remedy)
    draft.data["remedy_id"] = str(remedy.id)


def _end_remedy(draft: Draft) -> None:
    wanted = UUID(draft.data["remedy_id"])
    found = [one for one in queries.remedies_of(draft.case.id) if one.id == wanted]
    if not found or found[0].ended_on is not None:
        raise StepItemUnknown("案件没有这次复议或者诉讼，或者结果已经登记。")
    found[0].ended_on, found[0].result = draft.on, RemedyResult(draft.data["result"])
    found[0].head_attended = draft.data["head_attended"]


_EFFECTS: Mapping[CaseVerb, Callable[[Draft], None]] = {
    CaseVerb.FILE: _file,
    CaseVerb.AMEND: _amend,
    CaseVerb.ASSIGN: _set_officers,
    CaseVerb.DECIDE_RECUSAL: _decide_recusal,
    CaseVerb.NOTIFY: _notify,
    CaseVerb.DECIDE: _decide,
    CaseVerb.SERVE: _serve,
    CaseVerb.REVOKE: _revoke,
    CaseVerb.BEGIN_REMEDY: _begin_remedy,
    CaseVerb.END_REMEDY: _end_remedy,
    CaseVerb.TRANSFER: _transfer,
    CaseVerb.TAKE_BACK: _take_back,
    CaseVerb.CLOSE: _close,
}


# --- what others ask ---------------------------------------------------------------------------


def pauses_of(case_id: UUID) -> list[Pause]:
    """Return the days on which no surcharge runs: those of reviews and suits, both ends included.

    行政处罚法 第七十三条第三款.
    """
    return [Pause(one.begun_on, one.ended_on) for one in queries.remedies_of(case_id)]
