"""What lies on the demo district's desk: complaints, a patrol with a hint, cases in their stages.

They are recorded after the draws: no lot depends on them.
"""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases import opening, ordinary
from app.cases.opening import NewCase, Party
from app.cases.ordinary import NewStep
from app.cases.rules import CaseSource, CaseVerb, PartyKind
from app.complaints import service as complaints
from app.complaints.rules import Channel, ComplaintKind, ComplaintResult
from app.complaints.service import Answer, Identity, NewComplaint
from app.days import day_begins
from app.db import db, transaction
from app.demo import casework
from app.demo.registers import actor_of
from app.patrols import service as patrols
from app.patrols.service import NewAssistant, NewPatrol, SeenUnit
from app.people import accounts
from app.people import service as people
from app.people.models import Account, Agency, Officer
from app.people.rules import NewOfficer
from app.units.models import Unit
from app.units.rules import UnitStatus

_ACT = "未依法取得公共场所卫生许可证擅自营业（演示）"
_FINE = {"months": None, "note": None, "on_staff": False}
_STEPS: tuple[tuple[int, CaseVerb, dict[str, Any]], ...] = (
    (-18, CaseVerb.FILE, {"reason": "涉嫌违法，应当给予行政处罚（演示）"}),
    (
        -16,
        CaseVerb.COLLECT,
        {
            "kind": "on-site-record",
            "name": "现场笔录（演示）",
            "source": "现场制作",
            "made_on": None,
            "evidence": [],
            "monitoring": False,
        },
    ),
    (
        -8,
        CaseVerb.CONCLUDE,
        {
            "facts": _ACT,
            "proposal": "punish",
            "circumstances": [],
            "needs": [],
            "order_unmet": False,
            "gains_fen": None,
            "repaid_fen": 0,
            "mitigated": False,
        },
    ),
    (
        -2,
        CaseVerb.NOTIFY,
        {
            "lines": [
                {"kind": "warning", "amount_fen": None, **_FINE},
                {"kind": "fine", "amount_fen": 3_600_00, **_FINE},
            ],
            "facts": _ACT,
            "reasons": "违反公共场所卫生管理规定",
            "basis": "公共场所卫生管理条例实施细则第三十五条",
            "rights": "当事人有权陈述、申辩",
        },
    ),
)


def load(agency_id: UUID, *, on: date) -> None:
    """Record a complaint up to its reply, one that waits, a patrol, cases in several stages."""
    unit = db.session.scalars(
        sa.select(Unit)
        .where(Unit.agency_id == agency_id, Unit.state == UnitStatus.IN_OPERATION)
        .order_by(Unit.archive_no)
        .limit(1)
    ).one()
    _complain(agency_id, unit.id, on=on)
    _patrol(agency_id, unit.id, on=on)
    _punish(agency_id, on=on)
    heads = _certify(agency_id, on=on)
    casework.settle_decided(agency_id)
    casework.decide_and_close(agency_id, _handlers(agency_id), on=on)
    casework.call_hearing(agency_id, _handlers(agency_id), heads["suozhang"], on=on)


def _complain(agency_id: UUID, unit_id: UUID, *, on: date) -> None:
    by, at = actor_of("kezhang"), day_begins(on) + timedelta(hours=16, minutes=10)
    received = at - timedelta(days=9)
    answered = NewComplaint(
        kind=ComplaintKind.COMPLAINT,
        channel=Channel.HOTLINE,
        content="演示：顾客反映店内公共用品用具更换不及时。",
        external_no="演示-12345-001",
        unit_id=unit_id,
        identity=Identity(name="演示投诉人", phone="021-55500000"),
    )
    waiting = NewComplaint(
        kind=ComplaintKind.REPORT,
        channel=Channel.ONLINE,
        content="演示：举报某处无证开展美容服务。",
        accused="某美容工作室（演示）",
    )
    with transaction():
        agency = db.session.get_one(Agency, agency_id)
        filed = complaints.file_complaint(answered, agency=agency, by=by, at=received)
        complaints.accept_complaint(filed.id, by=by, at=received + timedelta(days=1))
        complaints.conclude_complaint(
            filed.id,
            ComplaintResult.UNSUBSTANTIATED,
            "演示：经核查现场记录，用品用具已按规定更换。",
            by=by,
            at=received + timedelta(days=7),
        )
        complaints.reply_complaint(filed.id, Answer("unsubstantiated"), by=by, at=at)
        complaints.file_complaint(waiting, agency=agency, by=by, at=at)


def _patrol(agency_id: UUID, unit_id: UUID, *, on: date) -> None:
    by, at = actor_of("kezhang"), day_begins(on) + timedelta(hours=16, minutes=20)
    with transaction():
        agency = db.session.get_one(Agency, agency_id)
        unit = db.session.get_one(Unit, unit_id)
        cell = str(unit.grid_cell)
        who = NewAssistant("演示协管员", "社区卫生服务中心（演示）", (cell,))
        assistant = patrols.register_assistant(who, agency=agency, by=by, at=at)
        seen = SeenUnit(unit.id, problem=True, remark="演示：消毒记录未见近期登记。")
        new = NewPatrol(cell, _handlers(agency_id)[0], (assistant.id,), (seen,))
        patrol = patrols.record_patrol(new, agency=agency, by=by, at=at)
        text = "演示：该单位消毒记录缺失，请监督员核查。"
        patrols.hand_hint(patrol.id, unit.id, text, by=by, at=at)


def _punish(agency_id: UUID, *, on: date) -> None:
    by, noon = actor_of("kezhang"), day_begins(on) + timedelta(hours=12)
    opened = on - timedelta(days=20)
    new = NewCase(
        source=CaseSource.COMPLAINT,
        cause_code="pp-without-licence",
        party=Party(PartyKind.ORGANISATION, name="某游泳会所（演示）"),
        act=_ACT,
        acted_on=opened,
        on=opened,
    )
    with transaction():
        agency = db.session.get_one(Agency, agency_id)
        case = opening.open_case(new, agency=agency, by=by, at=noon - timedelta(days=20))
        case_id = case.id
    for days, verb, data in _STEPS:
        day, at = on + timedelta(days=days), noon + timedelta(days=days)
        with transaction():
            who = _handlers(agency_id) if verb is CaseVerb.FILE else ()
            step = NewStep(day, dict(data), who)
            ordinary.take_step(case_id, verb, step, by=by, at=at)


def _handlers(agency_id: UUID) -> tuple[UUID, ...]:
    query = sa.select(Officer.id).where(Officer.agency_id == agency_id)
    return tuple(db.session.scalars(query.order_by(Officer.certificate_no).limit(5)))[-2:]


def _certify(agency_id: UUID, *, on: date) -> dict[str, UUID]:
    """Give the two heads certificates, so that each can be the other's second person.

    They take part in no specialty: no lot and no team counts them in. Returns who they are as
    officers, by their logins.
    """
    heads = {}
    by, at = actor_of("admin"), day_begins(on) + timedelta(hours=16, minutes=25)
    with transaction():
        agency = db.session.get_one(Agency, agency_id)
        for number, login in enumerate(("kezhang", "suozhang"), 901):
            account = db.session.scalars(sa.select(Account).where(Account.login == login)).one()
            data = NewOfficer(
                certificate_no=f"{agency.district}{number}",
                name=account.name,
                certificate_valid_until=date(on.year + 2, 12, 31),
                team="所领导（演示）",
                specialties=(),
                lead_specialties=(),
            )
            officer = people.register_officer(data, agency=agency, by=by, at=at)
            accounts.change_account(account, {"officer_id": officer.id}, by=by, at=at)
            heads[login] = officer.id
    return heads
