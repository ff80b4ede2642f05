"""An office that handles cases of the ordinary procedure, for tests of its steps."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from app.access import Role
from app.cases import collecting, opening, ordinary, queries
from app.cases.collecting import NewPayment
from app.cases.collecting_models import CaseCollection
from app.cases.collecting_queries import of_case
from app.cases.money import PaymentMethod
from app.cases.opening import NewCase, Party
from app.cases.ordinary import NewStep
from app.cases.rules import CaseSource, CaseVerb, PartyKind
from app.db import db, transaction

DEFAULTS: dict[CaseVerb, dict[str, Any]] = {
    CaseVerb.DECLINE: {"reason": "不属于本机关管辖"},
    CaseVerb.FILE: {"reason": "涉嫌违法"},
    CaseVerb.ASSIGN: {"reason": "人员调整"},
    CaseVerb.DECLARE_RECUSAL: {
        "reason_code": "kinship",
        "declared_by": "party",
        "note": "近亲属",
    },
    CaseVerb.DECIDE_RECUSAL: {"granted": True, "reason": "情况属实"},
    CaseVerb.COLLECT: {
        "kind": "on-site-record",
        "name": "现场笔录",
        "source": "现场制作",
        "made_on": None,
        "evidence": [],
        "monitoring": False,
    },
    CaseVerb.CHECK_MONITORING: {"legal": "设置合法", "technical": "符合标准", "passed": True},
    CaseVerb.EXCLUDE: {"reason": "以非法手段取得"},
    CaseVerb.PRESERVE: {
        "goods": [{"name": "药品", "quantity": "11箱", "place": "诊室"}],
        "reason": "证据可能灭失",
    },
    CaseVerb.RESOLVE_PRESERVATION: {"outcome": "returned", "note": "已返还"},
    CaseVerb.CONCLUDE: {
        "facts": "未取得许可证擅自营业",
        "proposal": "punish",
        "circumstances": [],
        "needs": [],
        "order_unmet": False,
        "gains_fen": None,
        "repaid_fen": 0,
        "mitigated": False,
    },
    CaseVerb.REOPEN: {"reason": "补充调查"},
    CaseVerb.DISCUSS: {"members": ["所长", "副所长"], "conclusion": "同意"},
    CaseVerb.REVIEW: {
        "passed": True,
        "opinion": "程序合法",
        "first_time": False,
        "exam_passed": True,
    },
    CaseVerb.NOTIFY: {
        "lines": [
            {
                "kind": "warning",
                "amount_fen": None,
                "months": None,
                "note": None,
                "on_staff": False,
            },
            {"kind": "fine", "amount_fen": 360000, "months": None, "note": None, "on_staff": False},
        ],
        "facts": "未取得许可证擅自营业",
        "reasons": "违反公共场所卫生管理规定",
        "basis": "公共场所卫生管理条例实施细则第三十五条",
        "rights": "陈述、申辩",
    },
    CaseVerb.HEAR_DEFENCE: {"statement": "请求从轻"},
    CaseVerb.RECHECK_DEFENCE: {"accepted": False, "conclusion": "不予采纳"},
    CaseVerb.WAIVE_DEFENCE: {"hearing": True},
    CaseVerb.REQUEST_HEARING: {"agents": []},
    CaseVerb.CALL_HEARING: {"place": "会议室", "open": True, "closed_reason": None},
    CaseVerb.HOLD_HEARING: {"agents": ["代理人"], "record": "听证笔录"},
    CaseVerb.END_HEARING: {"how": "withdrawn", "note": "撤回"},
    CaseVerb.STOP_CLOCK: {"clock": "appraisal", "reason": "检测"},
    CaseVerb.EXTEND: {"clock": "extend-head", "days": 30, "reason": "案情复杂"},
    CaseVerb.DECIDE: {
        "number": "沪卫罚〔2026〕1号",
        "facts": "未取得许可证擅自营业",
        "another_act": None,
    },
    CaseVerb.NOT_PUNISH: {
        "ground": "minor",
        "education": "当面教育",
        "proof": None,
        "corrected": True,
        "minor_offence": None,
        "hits_explained": None,
        "reason": "轻微并及时改正",
    },
    CaseVerb.SERVE: {"mode": "direct", "note": None},
    CaseVerb.CORRECT: {"what": "地址", "text": "更正为长宁路1号"},
    CaseVerb.REVOKE: {"reason": "认定事实有误"},
    CaseVerb.BEGIN_REMEDY: {"kind": "review", "organ": "区人民政府", "number": None},
    CaseVerb.END_REMEDY: {"result": "upheld", "head_attended": None},
    CaseVerb.TRANSFER: {
        "organ": "公安分局",
        "criminal": True,
        "number": None,
        "reason": "涉嫌犯罪",
    },
    CaseVerb.TAKE_BACK: {"reason": "不予立案"},
    CaseVerb.WITHDRAW: {"reason": "违法事实不能成立"},
    CaseVerb.CLOSE: {"note": "已缴清"},
}


class Office:
    """Handlers An and Bo, head Chen, reviewer Fang; cases and their steps, one transaction each."""

    def __init__(self, make, clock):
        self.make, self.clock = make, clock
        self.an, self.bo = make.officer(name="安"), make.officer(name="博")
        self.chen = make.supervisor()
        self.fang = make.actor(make.account(Role.LEGAL_REVIEWER))
        self.handler = make.actor(make.account(Role.OFFICER, officer=self.an))
        self.last = {}

    def be(self, on: date) -> None:
        """Let it be a day in Shanghai, at nine in the morning."""
        self.clock.at = datetime.combine(on, time(1, 0), UTC)

    def open(self, on: date, **values: Any):
        """A case against an organisation that a complaint led to, unless `values` differ."""
        self.be(on)
        given = {
            "source": CaseSource.COMPLAINT,
            "cause_code": "pp-without-licence",
            "party": Party(PartyKind.ORGANISATION, name="某游泳会所"),
            "act": "未取得卫生许可证擅自营业",
            "acted_on": on,
            "on": on,
            **values,
        }
        with transaction():
            agency = self.make.home()
            return opening.open_case(
                NewCase(**given), agency=agency, by=self.handler, at=self.make.at
            )

    def step(self, case, verb: str, on: date | None = None, *, by=None, officers=None, **data: Any):
        """Take a step on a day, today unless given; what it does not say is as usual."""
        known = CaseVerb(verb)
        if on is not None:
            self.be(on)
        on = on or self.clock.at.date()
        if by is None:
            by = self.fang if known is CaseVerb.REVIEW else self.chen
        said = {**DEFAULTS.get(known, {}), **data}
        if known is CaseVerb.DECIDE and "lines" not in said:
            said["lines"] = self.last.get(case.id, DEFAULTS[CaseVerb.NOTIFY]["lines"])
        if known is CaseVerb.NOTIFY:
            self.last[case.id] = said["lines"]
        if officers is None and known is CaseVerb.FILE:
            officers = (self.an, self.bo)
        new = NewStep(on, said, tuple(one.id for one in officers or ()))
        with transaction():
            return ordinary.take_step(case.id, known, new, by=by, at=self.make.at)

    def until(self, case, *verbs: str, on: date | None = None):
        """Take some steps as usual, all on one day."""
        for verb in verbs:
            case = self.step(case, verb, on)
        return case

    def pay(self, case, on: date) -> None:
        """Let the fine of a served case be paid on a day, whole."""
        self.be(on)
        with transaction():
            opened = self.money(case)
            paid = NewPayment(on, PaymentMethod.BANK, "沪财0001", fine_fen=opened.fine_fen)
            collecting.record_payment(opened.id, paid, by=self.chen, at=self.make.at)

    def money(self, case) -> CaseCollection:
        """What a case imposed in money."""
        found = of_case(case.id)
        assert found is not None
        return found

    def terms(self, case):
        """The terms of a case by their rule; of several of one rule the last."""
        db.session.remove()
        return {one.rule_code: one for one in queries.deadlines_of(case.id)}


def fine(amount_fen: int, *, warning: bool = True) -> list[dict[str, Any]]:
    """The lines of a fine, with a warning."""
    shape = {"months": None, "note": None, "on_staff": False}
    lines = [{"kind": "fine", "amount_fen": amount_fen, **shape}]
    return [{"kind": "warning", "amount_fen": None, **shape}, *lines] if warning else lines


def days(count: int) -> timedelta:
    """So many days."""
    return timedelta(days=count)
