"""Cases of the demo district: decided on the spot, paid and closed, before a hearing.

Each goes its way through the services that an office uses, with the documents that belong to it.
They are filed after the draws: no lot depends on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.cases import collecting, filing, opening, ordinary
from app.cases import service as cases
from app.cases.collecting import NewPayment
from app.cases.models import PenaltyCase
from app.cases.money import PaymentMethod
from app.cases.opening import NewCase, Party
from app.cases.ordinary import NewStep
from app.cases.rules import CaseSource, CaseVerb, PartyKind, Procedure, Sanction
from app.cases.service import Decision
from app.catalogue import service as catalogue
from app.days import SHANGHAI, day_begins, local_date
from app.db import db, new_id, transaction
from app.demo.registers import actor_of
from app.documents import desk, serving
from app.documents import service as documents
from app.documents.models import Document
from app.documents.rules import DocumentKind, PaperRole, ServiceMode, Signature, SignRole
from app.documents.serving import Serving
from app.people.models import Agency, Officer
from app.tasks.models import Task
from app.units.models import Unit, UnitRegistration
from app.units.rules import UnitStatus
from app.visits import answering

_REMEDIES = (
    "可以自收到本决定书之日起六十日内申请行政复议，也可以在六个月内直接向人民法院提起行政诉讼。"
)
_PAYMENT = (
    "自收到本决定书之日起十五日内到指定银行缴纳罚款；"
    "逾期不缴纳的，每日按罚款数额的百分之三加处罚款。"
)
_SERVICES = ("lodging", "bathing", "beauty-hair")
_NOBODYS: dict[str, Any] = {"months": None, "note": None, "on_staff": False}
_WARNING: dict[str, Any] = {"kind": "warning", "amount_fen": None, **_NOBODYS}


# --- on the spot -------------------------------------------------------------------------------

_CUPS = "演示：客用杯具未按规定清洗消毒。"


def decide_at_visit(task: Task, lead: Officer, *, at: datetime) -> None:
    """State a finding at a visit that is under way and punish it on the spot, with its paper."""
    by = actor_of(lead.certificate_no)
    finding_id, document_id = new_id(), new_id()
    common: dict[str, Any] = {"officer_id": lead.id, "recorded_at": at, "by": by, "at": at}
    answering.state_finding(
        task.visit_id, finding_id, {"text": _CUPS, "handling": "on-site-decision"}, **common
    )
    agency = db.session.get_one(Agency, task.agency_id)
    device_id = new_id()  # of a tablet that is not there any more; its block is used up
    kind = DocumentKind.ON_SITE_DECISION
    block = documents.allot_block(agency, device_id, lead.id, kind, size=1, by=by, at=at)
    document = documents.issue_document(
        document_id,
        kind,
        series=block.series,
        serial=block.first,
        fields={
            "act": _CUPS,
            "penalty_kind": "warning-and-fine",
            "basis": "《公共场所卫生管理条例实施细则》第三十六条第二项",
            "amount_fen": 500_00,
            "decided_at": at.astimezone(SHANGHAI).isoformat(),
            "place": str(db.session.get_one(Unit, task.unit_id).address),
            "payment": _PAYMENT,
            "remedies": _REMEDIES,
            "organ": agency.name,
        },
        unit_id=task.unit_id,
        visit_id=task.visit_id,
        task_id=task.id,
        officer_ids=sorted(task.officer_ids()),
        device_id=device_id,
        **common,
    )
    decision = Decision(
        finding_id=finding_id,
        cause_code="pp-without-disinfection",
        party_kind=PartyKind.ORGANISATION,
        sanction=Sanction(warning=True, fine_fen=500_00),
        officer_ids=tuple(sorted(task.officer_ids())),
        number=document.number,
    )
    cases.decide_on_site(new_id(), task.visit_id, decision, document_id=document_id, **common)
    colleague = next((one for one in sorted(task.officer_ids()) if one != lead.id), None)
    signed = Signature(SignRole.PARTY, document.content_hash, confirmed_by=colleague)
    documents.sign_document(document_id, signed, device_id=device_id, **common)


def settle_decided(agency_id: UUID) -> None:
    """File what was decided on the spot; its fine comes in at the bank, the case is closed."""
    by = actor_of("kezhang")
    query = sa.select(PenaltyCase.id, PenaltyCase.acted_on).where(
        PenaltyCase.agency_id == agency_id, PenaltyCase.procedure == Procedure.SIMPLE
    )
    for case_id, acted_on in db.session.execute(query).all():
        with transaction():
            noon = day_begins(acted_on) + timedelta(hours=12)
            case = cases.file_case(case_id, by=by, at=noon + timedelta(days=1))
            _pay(case, noon + timedelta(days=6), "演示-票据-0001", by=by)
            cases.close_case(case_id, "演示：罚款已缴清。", by=by, at=noon + timedelta(days=7))


# --- the ordinary procedure --------------------------------------------------------------------


@dataclass
class Folder:
    """A case that is led: each day is so many days from the day of the demo, at noon."""

    on: date
    case_id: UUID
    handlers: tuple[UUID, ...]

    def day(self, days: int) -> date:
        """Return a day of the case, on a Friday where it would be on a weekend."""
        day = self.on + timedelta(days=days)
        return day - timedelta(days=max(0, day.weekday() - 4))

    def noon(self, days: int) -> datetime:
        """Return when something of that day is recorded."""
        return day_begins(self.day(days)) + timedelta(hours=12)

    def step(
        self,
        days: int,
        verb: CaseVerb,
        data: Mapping[str, Any],
        *,
        login: str = "kezhang",
        document: Document | None = None,
    ) -> PenaltyCase:
        """Take a step of the case."""
        named = self.handlers if verb is CaseVerb.FILE else ()
        step = NewStep(self.day(days), dict(data), named, None if document is None else document.id)
        with transaction():
            by, at = actor_of(login), self.noon(days)
            return ordinary.take_step(self.case_id, verb, step, by=by, at=at)

    def write(self, days: int, kind: DocumentKind, fields: Mapping[str, Any]) -> Document:
        """Draw a document up for the case, and put the seal under it."""
        with transaction():
            by, at = actor_of("kezhang"), self.noon(days)
            case = cases.get_case(self.case_id, by.agency_id)
            document = desk.draw_up(
                kind,
                fields,
                unit_id=case.unit_id,
                party=filing.party_of(case),
                case_id=case.id,
                officer_ids=self.handlers,
                by=by,
                at=at,
            )
            return desk.sign(document.id, PaperRole.SEAL, by=by, at=at)

    def hand_over(self, days: int, document: Document, receiver: str) -> None:
        """Serve a document directly, with its receipt."""
        recipient = str((document.names or {})["unit"])
        said = Serving(
            ServiceMode.DIRECT,
            self.day(days),
            recipient,
            "当事人住所",
            receiver_name=receiver,
            officer_ids=self.handlers,
        )
        with transaction():
            handler = db.session.get_one(Officer, self.handlers[0])
            by, at = actor_of(handler.certificate_no), self.noon(days)
            served = serving.record_service(document.id, said, by=by, at=at)
            receipt = serving.draw_receipt(served.id, by=by, at=at)
            desk.sign(receipt.id, PaperRole.PARTY, signer_name=receiver, by=by, at=at)


def _begin(
    agency_id: UUID, new: NewCase, handlers: tuple[UUID, ...], *, on: date, days: int
) -> Folder:
    folder = Folder(on, new_id(), handlers)
    day = folder.day(days)
    with transaction():
        agency = db.session.get_one(Agency, agency_id)
        by, at = actor_of("kezhang"), folder.noon(days)
        new = replace(new, acted_on=day, on=day)
        folder.case_id = opening.open_case(new, agency=agency, by=by, at=at).id
    folder.step(days + 1, CaseVerb.FILE, {"reason": "涉嫌违法，应当给予行政处罚（演示）"})
    evidence = {"kind": "on-site-record", "name": "现场笔录（演示）", "source": "现场制作"}
    more: dict[str, Any] = {"made_on": None, "evidence": [], "monitoring": False}
    folder.step(days + 2, CaseVerb.COLLECT, {**evidence, **more})
    return folder


def _told(lines: list[dict[str, Any]], facts: str, basis: str) -> dict[str, Any]:
    rights = "当事人有权陈述、申辩；符合听证条件的，可以要求听证"
    reasons = "上述行为违反有关卫生管理规定"
    return {"lines": lines, "facts": facts, "reasons": reasons, "basis": basis, "rights": rights}


def _concluded(facts: str, gains_fen: int | None) -> dict[str, Any]:
    plain = {"circumstances": [], "needs": [], "order_unmet": False, "mitigated": False}
    money = {"gains_fen": gains_fen, "repaid_fen": 0}
    return {"facts": facts, "proposal": "punish", **plain, **money}


def decide_and_close(agency_id: UUID, handlers: tuple[UUID, ...], *, on: date) -> None:
    """Lead a case of a unit of the register to its decision, its service, its payment, its end."""
    unit = _public_place(agency_id)
    if unit is None:
        return
    name = "演示负责人"
    party = Party(PartyKind.ORGANISATION, name=unit.name, representative=name, address=unit.address)
    act = "安排未获得有效健康合格证明的从业人员从事直接为顾客服务工作（演示）"
    new = NewCase(
        source=CaseSource.COMPLAINT,
        cause_code="pp-without-health-certificate",
        party=party,
        act=act,
        acted_on=on,
        on=on,
        unit_id=unit.id,
    )
    folder = _begin(agency_id, new, handlers, on=on, days=-76)
    facts = f"演示：{unit.name}安排一名未取得有效健康合格证明的从业人员直接为顾客服务。"
    basis = "《公共场所卫生管理条例实施细则》第三十八条"
    lines = [_WARNING, {"kind": "fine", "amount_fen": 2_000_00, **_NOBODYS}]
    folder.step(-66, CaseVerb.CONCLUDE, _concluded(facts, None))
    said = {"facts": facts, "basis": basis, "content": "警告；罚款2000元。"}
    told = _told(lines, facts, basis)
    notice = {**said, "reasons": told["reasons"], "rights": told["rights"]}
    paper = folder.write(-64, DocumentKind.PENALTY_NOTICE, notice)
    folder.step(-64, CaseVerb.NOTIFY, told, document=paper)
    folder.hand_over(-64, paper, name)
    folder.step(-62, CaseVerb.HEAR_DEFENCE, {"statement": "演示：已调离岗位，请求从轻。"})
    checked = {"accepted": True, "conclusion": "演示：予以采纳，拟罚款数额已在下限附近。"}
    folder.step(-58, CaseVerb.RECHECK_DEFENCE, checked)
    decision = {
        **said,
        "evidence": "现场笔录、健康合格证明查验记录、当事人陈述（演示）",
        "performance": _PAYMENT,
        "remedies": _REMEDIES,
        "organ": db.session.get_one(Agency, agency_id).name,
        "decided_on": folder.day(-46).isoformat(),
    }
    paper = folder.write(-46, DocumentKind.PENALTY_DECISION, decision)
    decided = {"lines": lines, "number": paper.number, "facts": facts, "another_act": None}
    folder.step(-46, CaseVerb.DECIDE, decided, login="suozhang", document=paper)
    folder.hand_over(-44, paper, name)
    case = folder.step(-44, CaseVerb.SERVE, {"mode": "direct", "note": None})
    folder.step(-41, CaseVerb.REPORT, {"which": "first"})
    with transaction():
        _pay(case, folder.noon(-38), "演示-票据-0002", by=actor_of("kezhang"))
    folder.step(-37, CaseVerb.CLOSE, {"note": "演示：罚款已缴清。"}, login="suozhang")
    folder.step(-35, CaseVerb.REPORT, {"which": "second"})


def call_hearing(agency_id: UUID, handlers: tuple[UUID, ...], chair_id: UUID, *, on: date) -> None:
    """Lead a case to its hearing, which is called where the calendar says when it may be."""
    act = "未取得医疗机构执业许可证擅自执业（演示）"
    who = Party(PartyKind.CITIZEN, name="演示当事人", note="租用民房开展诊疗活动")
    new = NewCase(
        source=CaseSource.COMPLAINT,
        cause_code="practice-without-licence",
        party=who,
        act=act,
        acted_on=on,
        on=on,
        place="长宁区某小区民房（演示）",
    )
    facts = "演示：当事人未取得医疗机构执业许可证开展诊疗活动，违法所得 23060 元。"
    basis = "《基本医疗卫生与健康促进法》第九十九条第一款"
    lines = [
        {"kind": "confiscated-gains", "amount_fen": 23_060_00, **_NOBODYS},
        {"kind": "fine", "amount_fen": 115_300_00, **_NOBODYS},
    ]
    folder = _begin(agency_id, new, handlers, on=on, days=-41)
    folder.step(-20, CaseVerb.CONCLUDE, _concluded(facts, 23_060_00))
    told = _told(lines, facts, basis)
    content = "没收违法所得23060元；罚款115300元。"
    notice = {name: told[name] for name in ("facts", "reasons", "basis", "rights")}
    kind = DocumentKind.HEARING_RIGHTS_NOTICE
    paper = folder.write(-13, kind, {**notice, "content": content})
    folder.step(-13, CaseVerb.NOTIFY, told, document=paper)
    folder.hand_over(-13, paper, "演示当事人")
    folder.step(-10, CaseVerb.REQUEST_HEARING, {"agents": ["演示代理人"]})
    held_on = folder.day(21)
    if held_on.year not in catalogue.calendar().years:
        return
    called = {"held_on": held_on.isoformat(), "place": "三楼会议室（演示）", "open": True}
    more = {"chair_id": str(chair_id), "closed_reason": None}
    folder.step(0, CaseVerb.CALL_HEARING, {**called, **more})


def _public_place(agency_id: UUID) -> Unit | None:
    """Return the last hotel, bath or hairdresser of the register that is in operation."""
    query = (
        sa.select(Unit)
        .where(Unit.agency_id == agency_id, Unit.state == UnitStatus.IN_OPERATION)
        .where(Unit.registrations.any(UnitRegistration.object_class.in_(_SERVICES)))
        .order_by(Unit.archive_no.desc())
        .limit(1)
    )
    return db.session.scalars(query).one_or_none()


def _pay(case: PenaltyCase, at: datetime, receipt_no: str, *, by: Actor) -> None:
    """Let the whole fine come in at the bank."""
    collection = collecting.open_collection(case, by=by, at=at)
    new = NewPayment(local_date(at), PaymentMethod.BANK, receipt_no, fine_fen=collection.fine_fen)
    collecting.record_payment(collection.id, new, by=by, at=at)
