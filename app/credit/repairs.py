"""Repair 信用修复: application, 履罚核实, decision by another person; and 协同处理 for others.

Nobody is repaired before the least term of publicity is over (国家发展改革委令第58号, 第36号;
上海市优化营商环境条例 第六十七条). What follows is derived: publication pulls the repair entry, a
draw no longer weighs it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.rules import DayKind, Term, due
from app.credit import queries, rules, service
from app.credit.models import CreditCooperation, CreditEntry, CreditRepair
from app.credit.rules import (
    DUTY_NAMES,
    REPAIR_NAMES,
    EntryKind,
    OpenDuty,
    PledgePart,
    RepairState,
)
from app.credit.terms import Publicity
from app.days import local_date
from app.db import db
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.evidence import service as evidence
from app.evidence.models import Evidence
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.units import service as units

HANDLING_DAYS = "repair-handling-days"
PARTS = "repair-parts"


class RepairUnknown(NotFound):
    code, title = "credit-repair-unknown", "未找到信用修复申请"


class RepairNotNeeded(Conflict):
    code, title = "credit-repair-not-needed", "这条信用记录无需修复"


class RepairTooEarly(Conflict):
    """The least term of publicity is not over; extras: `min_end`, `article`."""

    code, title = "credit-repair-too-early", "未满最短公示期"


class RepairPending(Conflict):
    """Extras: `repair_id`."""

    code, title = "credit-repair-pending", "已有正在办理的修复申请"


class RepairPartsMissing(Invalid):
    """Extras: `parts`, what is missing."""

    code, title = "credit-repair-parts-missing", "修复申请材料不齐"


class RepairPartUnknown(Invalid):
    """Extras: `sha256`, the files that are not here."""

    code, title = "credit-repair-part-unknown", "申请材料尚未上传"


class RepairStateWrong(Conflict):
    code, title = "credit-repair-state-wrong", "修复申请状态不允许此操作"


class RepairNotFulfilled(Conflict):
    code, title = "credit-repair-not-fulfilled", "未核实履行处罚义务"


class DutiesOpen(Conflict):
    """The office's own register has duties of the decision open; extras: `open_duties`."""

    code, title = "credit-repair-duties-open", "本机关登记尚有未履行的处罚义务"


class RepairSamePerson(Forbidden):
    code, title = "credit-repair-same-person", "修复决定须由另一人作出"


class CooperationUnknown(NotFound):
    code, title = "credit-cooperation-unknown", "未找到协同处理事项"


class CooperationAnswered(Conflict):
    code, title = "credit-cooperation-answered", "协同处理事项已经答复"


@dataclass(frozen=True)
class Part:
    """A paper of an application, by the hash under which it lies in the evidence."""

    kind: PledgePart
    sha256: str


@dataclass(frozen=True)
class NewRepair:
    """What somebody applies with."""

    entry_id: UUID
    applicant: str
    pledge: str
    pledged_on: date
    parts: Sequence[Part]
    agent: str | None = None


@dataclass(frozen=True)
class Figures:
    """What happened in a period, zeros too; each number has its list."""

    repairs: list[CreditRepair]
    checks: list[CreditRepair]
    cooperations: list[CreditCooperation]

    @staticmethod
    def units_in(found: Collection[CreditRepair]) -> int:
        """Return how many units are concerned; without unit each counts for itself."""
        return len({one.unit_id or one.id for one in found})


def get_repair(repair_id: UUID, agency_id: UUID | None) -> CreditRepair:
    """Return an application of the agency. Raises RepairUnknown, also for another agency's."""
    repair = db.session.get(CreditRepair, repair_id)
    if repair is None or repair.agency_id != agency_id:
        raise RepairUnknown("没有这件信用修复申请，或它不属于本机构。")
    return repair


def paper_of(repair: CreditRepair, digest: str) -> Evidence:
    """Return a paper of an application. Raises EvidenceMissing for what is none of its papers."""
    found = None
    if any(one["sha256"] == digest for one in repair.parts):
        found = evidence.find_stored(repair.agency_id, digest)
    if found is None:
        raise evidence.EvidenceMissing("申请材料中没有这份文件。")
    return found


def apply_for_repair(new: NewRepair, *, agency: Agency, by: Actor, at: datetime) -> CreditRepair:
    """Take in an application for the repair of a decision's entry.

    Raises CreditEntryUnknown, RepairNotNeeded (not shown, reversed or repaired already),
    RepairTooEarly, RepairPending, RepairPartsMissing, RepairPartUnknown.
    """
    entry = service.get_entry(new.entry_id, agency.id)
    today = local_date(at)
    shown = _shown(entry, today)
    _refuse_early(shown, today)
    if open_one := queries.find_open_repair(entry.id):
        raise RepairPending(
            "这条记录已有正在办理的修复申请，请在该申请上办理。", repair_id=open_one.id
        )
    _refuse_parts(new.parts, agency, today)
    term = Term(int(catalogue.setting(HANDLING_DAYS, today)), DayKind.WORKING)
    deadline = due(term, today, catalogue.calendar())
    repair = CreditRepair(
        agency_id=agency.id,
        district=agency.district,
        unit_id=entry.unit_id,
        entry_id=entry.id,
        state=RepairState.APPLIED,
        applicant=new.applicant,
        agent=new.agent,
        pledge=new.pledge,
        pledged_on=new.pledged_on,
        parts=[{"kind": str(one.kind), "sha256": one.sha256} for one in new.parts],
        applied_on=today,
        min_end=shown.min_end,
        due_on=deadline.due_on,
        due_reason=deadline.reason,
        applied_at=at,
        applied_by_kind=str(by.kind),
        applied_by_id=by.id,
    )
    db.session.add(repair)
    db.session.flush()  # the journal names its id
    data = {"entry_id": str(entry.id), "min_end": shown.min_end.isoformat()}
    journal.record(Event.CREDIT_REPAIR_APPLIED, repair, by=by, at=at, data=data)
    return repair


def _shown(entry: CreditEntry, today: date) -> Publicity:
    """Return how long an entry is shown. Raises RepairNotNeeded where it is not."""
    if entry.kind == EntryKind.PENALTY and _stands(entry, today):
        shown = service.publicity_of_entry(entry, today)
        if shown is not None and today <= shown.max_end:
            return shown
    raise RepairNotNeeded("这条记录不在信用网站公示，或者已经撤销、修复、期满，无需申请修复。")


def _stands(entry: CreditEntry, today: date) -> bool:
    about = [queries.find_about(entry.id, kind) for kind in (EntryKind.REVERSAL, EntryKind.REPAIR)]
    own = [entry, *(one for one in about if one is not None)]
    return entry in rules.standing(own) and entry.id not in rules.repaired_ids(own, today)


def _refuse_early(shown: Publicity, today: date) -> None:
    if today < shown.min_end:
        raise RepairTooEarly(
            f"最短公示期至 {shown.min_end} 届满（{shown.rule_set}），届满前不予修复。",
            min_end=shown.min_end,
            article=shown.rule_set,
        )


def _refuse_parts(parts: Sequence[Part], agency: Agency, today: date) -> None:
    wanted = catalogue.setting(PARTS, today)
    if missing := sorted(set(wanted) - {str(one.kind) for one in parts}):
        raise RepairPartsMissing("信用修复申请缺少必备材料，请补齐后再申请。", parts=missing)
    unknown = [one.sha256 for one in parts if evidence.find_stored(agency.id, one.sha256) is None]
    if unknown:
        raise RepairPartUnknown("申请材料还没有上传或没有存妥，请先上传。", sha256=unknown)


DutyTeller = Callable[[CreditEntry, date], Sequence[OpenDuty]]
_tellers: list[DutyTeller] = []


def tell_duties(teller: DutyTeller) -> None:
    """Let a higher package tell what of an entry's decision is still owed on a day.

    The last one that says so is asked; `docs/architecture.md` says who.
    """
    _tellers[:] = [teller]


def check_fulfilment(
    repair: CreditRepair,
    *,
    fulfilled: bool,
    note: str,
    open_reason: str | None = None,
    by: Actor,
    at: datetime,
) -> CreditRepair:
    """Say whether the duties of the penalty were fulfilled 履罚核实.

    Kept with what the office's own register had open at that moment. Against it nobody says
    fulfilled without `open_reason` (paid at another organ's account), which is kept too; where
    nothing is open there is none to keep. Raises RepairStateWrong, DutiesOpen.
    """
    _refuse_state(repair, RepairState.APPLIED)
    duties = _open_duties(repair, local_date(at))
    against = fulfilled and bool(duties)
    if against and open_reason is None:
        raise DutiesOpen(
            f"本机关登记的这个决定尚有未履行的义务：{'；'.join(map(_duty, duties))}。"
            "确已履行的，请先登记缴款、执行或者改正的结果；已在本机关登记以外履行的，写明理由。",
            open_duties=[asdict(one) for one in duties],
        )
    repair.state, repair.fulfilled, repair.check_note = RepairState.CHECKED, fulfilled, note
    repair.open_duties = [asdict(one) for one in duties]
    repair.open_reason = open_reason if against else None
    repair.checked_at, repair.checked_by_kind, repair.checked_by_id = at, str(by.kind), by.id
    data = {"fulfilled": fulfilled, "open_duties": repair.open_duties}
    journal.record(Event.CREDIT_REPAIR_CHECKED, repair, by=by, at=at, data=data)
    return repair


def _open_duties(repair: CreditRepair, on: date) -> list[OpenDuty]:
    entry = service.get_entry(repair.entry_id, repair.agency_id)
    return [duty for teller in _tellers for duty in teller(entry, on)]


def _duty(duty: OpenDuty) -> str:
    if duty.amount_fen is None:
        return f"{DUTY_NAMES[duty.kind]}（{duty.number}）未完成"
    yuan, fen = divmod(duty.amount_fen, 100)
    return f"{DUTY_NAMES[duty.kind]}尚欠{yuan}.{fen:02d}元"


def decide_repair(
    repair: CreditRepair, *, approve: bool, opinion: str, by: Actor, at: datetime
) -> CreditRepair:
    """Decide on a checked application; whoever checked it does not decide.

    An approved one makes a repair entry: publication ends and draws no longer weigh the decision.
    Raises RepairStateWrong, RepairSamePerson, and for an approval RepairNotFulfilled,
    RepairNotNeeded, RepairTooEarly.
    """
    _refuse_state(repair, RepairState.CHECKED)
    if by.id is None or by.id == repair.checked_by_id:
        raise RepairSamePerson("核实履罚情况的人不能再作修复决定，请由另一名负责人办理。")
    if approve:
        _approve(repair, by=by, at=at)
    else:
        repair.state = RepairState.REFUSED
    repair.opinion = opinion
    repair.decided_at, repair.decided_by_kind, repair.decided_by_id = at, str(by.kind), by.id
    data = {"approved": approve, "entry_id": str(repair.entry_id)}
    journal.record(Event.CREDIT_REPAIR_DECIDED, repair, by=by, at=at, data=data)
    return repair


def _approve(repair: CreditRepair, *, by: Actor, at: datetime) -> None:
    if not repair.fulfilled:
        raise RepairNotFulfilled("核实结果为未履行处罚义务，不能准予修复。")
    today = local_date(at)
    entry = service.get_entry(repair.entry_id, repair.agency_id)
    _refuse_early(_shown(entry, today), today)
    made = service.record_repair(entry, f"repair/{repair.id}", today, by=by, at=at)
    repair.state, repair.repair_entry_id = RepairState.APPROVED, made.entry.id


def withdraw_repair(repair: CreditRepair, *, by: Actor, at: datetime) -> CreditRepair:
    """End an application that its applicant took back. Raises RepairStateWrong."""
    _refuse_state(repair, RepairState.APPLIED, RepairState.CHECKED)
    repair.state = RepairState.WITHDRAWN
    journal.record(Event.CREDIT_REPAIR_WITHDRAWN, repair, by=by, at=at, data={})
    return repair


def _refuse_state(repair: CreditRepair, *wanted: RepairState) -> None:
    if repair.state not in wanted:
        name = REPAIR_NAMES[RepairState(repair.state)]
        raise RepairStateWrong(
            f"申请现为“{name}”，不能这样办理。请刷新后再办理。", state=repair.state
        )


# --- requests of others 协同处理 -----------------------------------------------------------------


def receive_cooperation(
    from_organ: str,
    subject: str,
    received_on: date,
    unit_id: UUID | None,
    *,
    agency: Agency,
    by: Actor,
    at: datetime,
) -> CreditCooperation:
    """Note what another organ asks for. Raises UnitNotFound."""
    if unit_id is not None:
        units.get_unit(unit_id, agency.id)
    made = CreditCooperation(
        agency_id=agency.id,
        district=agency.district,
        unit_id=unit_id,
        from_organ=from_organ,
        subject=subject,
        received_on=received_on,
        received_at=at,
        received_by_kind=str(by.kind),
        received_by_id=by.id,
    )
    db.session.add(made)
    db.session.flush()  # the journal names its id
    data = {"received_on": received_on.isoformat()}
    journal.record(Event.CREDIT_COOPERATION_RECEIVED, made, by=by, at=at, data=data)
    return made


def get_cooperation(cooperation_id: UUID, agency_id: UUID | None) -> CreditCooperation:
    """Return a request to the agency. Raises CooperationUnknown, also for another agency's."""
    found = db.session.get(CreditCooperation, cooperation_id)
    if found is None or found.agency_id != agency_id:
        raise CooperationUnknown("没有这件协同处理事项，或它不属于本机构。")
    return found


def answer_cooperation(
    cooperation: CreditCooperation, answer: str, *, by: Actor, at: datetime
) -> CreditCooperation:
    """Answer a request. Raises CooperationAnswered."""
    if cooperation.answered_at is not None:
        raise CooperationAnswered("这件协同处理事项已经答复。")
    cooperation.answer = answer
    cooperation.answered_at = at
    cooperation.answered_by_kind, cooperation.answered_by_id = str(by.kind), by.id
    journal.record(Event.CREDIT_COOPERATION_ANSWERED, cooperation, by=by, at=at, data={})
    return cooperation


def figures_of(agency_id: UUID | None, from_on: date, until_on: date) -> Figures:
    """Return the repairs approved, the checks made and the requests of a period, both days in."""

    def within(moment: datetime | None) -> bool:
        return moment is not None and from_on <= local_date(moment) <= until_on

    repairs = db.session.scalars(queries.repairs_in(agency_id)).all()
    cooperations = db.session.scalars(queries.cooperations_in(agency_id)).all()
    return Figures(
        repairs=[
            one for one in repairs if one.state == RepairState.APPROVED and within(one.decided_at)
        ],
        checks=[one for one in repairs if within(one.checked_at)],
        cooperations=[one for one in cooperations if from_on <= one.received_on <= until_on],
    )
