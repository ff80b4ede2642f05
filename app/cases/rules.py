"""What a case of administrative penalty 行政处罚 may be, and which step may follow which.

The ordinary procedure is a list of steps: `facts` gathers from it what the law asks about, `guards`
says what keeps the next step from being taken, `clocks` which terms run. Limits, thresholds, terms
and causes 案由 are dated rows of the catalogue; money is in fen, days are local.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class Procedure(StrEnum):
    """How a penalty comes about: decided on the spot 简易程序, or step by step 普通程序."""

    SIMPLE = "simple"
    ORDINARY = "ordinary"


class CaseSource(StrEnum):
    """Where a case comes from: a finding of a visit 检查发现, a complaint 投诉举报, another organ
    移送, or an organ above 上级交办."""

    FINDING = "finding"
    COMPLAINT = "complaint"
    TRANSFER = "transfer"
    SUPERIOR = "superior"


class CaseState(StrEnum):
    """How far a case is; `decided-on-site` is of the simple procedure only.

    What follows service – payment, surcharge, enforcement – is told by its own rows, not by a
    state.
    """

    DECIDED_ON_SITE = "decided-on-site"
    OPENED = "opened"
    FILED = "filed"
    INVESTIGATING = "investigating"
    CONCLUDED = "concluded"
    NOTIFIED = "notified"
    HEARING = "hearing"
    DECIDED = "decided"
    SERVED = "served"
    NOT_PUNISHED = "not-punished"
    TRANSFERRED = "transferred"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


class CaseVerb(StrEnum):
    """What can be done to a case."""

    OPEN = "open"
    DECLINE = "decline"
    FILE = "file"
    AMEND = "amend"
    ASSIGN = "assign"
    DECLARE_RECUSAL = "declare-recusal"
    DECIDE_RECUSAL = "decide-recusal"
    COLLECT = "collect"
    CHECK_MONITORING = "check-monitoring"
    EXCLUDE = "exclude"
    PRESERVE = "preserve"
    RESOLVE_PRESERVATION = "resolve-preservation"
    CONCLUDE = "conclude"
    REOPEN = "reopen"
    DISCUSS = "discuss"
    REVIEW = "review"
    NOTIFY = "notify"
    HEAR_DEFENCE = "hear-defence"
    RECHECK_DEFENCE = "recheck-defence"
    WAIVE_DEFENCE = "waive-defence"
    REQUEST_HEARING = "request-hearing"
    CALL_HEARING = "call-hearing"
    HOLD_HEARING = "hold-hearing"
    END_HEARING = "end-hearing"
    STOP_CLOCK = "stop-clock"
    RESUME_CLOCK = "resume-clock"
    EXTEND = "extend"
    DECIDE = "decide"
    NOT_PUNISH = "not-punish"
    SERVE = "serve"
    REPORT = "report"
    CORRECT = "correct"
    REVOKE = "revoke"
    BEGIN_REMEDY = "begin-remedy"
    END_REMEDY = "end-remedy"
    TRANSFER = "transfer"
    TAKE_BACK = "take-back"
    WITHDRAW = "withdraw"
    CLOSE = "close"


class IdKind(StrEnum):
    """By which paper a party is known; `unknown` where nobody could find out."""

    USCC = "uscc"
    IDENTITY_CARD = "identity-card"
    PASSPORT = "passport"
    TRAVEL_PERMIT = "travel-permit"
    RESIDENCE_PERMIT = "residence-permit"
    OTHER = "other"
    UNKNOWN = "unknown"


class EvidenceKind(StrEnum):
    """The eight kinds of evidence (行政处罚法 第四十六条)."""

    DOCUMENT = "document"
    OBJECT = "object"
    AUDIOVISUAL = "audiovisual"
    ELECTRONIC_DATA = "electronic-data"
    WITNESS = "witness"
    PARTY_STATEMENT = "party-statement"
    EXPERT_OPINION = "expert-opinion"
    ON_SITE_RECORD = "on-site-record"


class PreservedOutcome(StrEnum):
    """What becomes of goods that were registered and kept: 返还, 移送, 没收, 检测鉴定, 查封扣押,
    销毁."""

    RETURNED = "returned"
    TRANSFERRED = "transferred"
    CONFISCATED = "confiscated"
    EXAMINED = "examined"
    SEIZED = "seized"
    DESTROYED = "destroyed"


class Proposal(StrEnum):
    """What the report of an investigation proposes (行政处罚法 第五十七条)."""

    PUNISH = "punish"
    NOT_PUNISH = "not-punish"
    TRANSFER = "transfer"
    WITHDRAW = "withdraw"


class HearingEnd(StrEnum):
    """How a requested hearing ends unheld: 放弃, 撤回, 无正当理由缺席."""

    WAIVED = "waived"
    WITHDRAWN = "withdrawn"
    ABSENT = "absent"


class RemedyKind(StrEnum):
    """How a party fights a decision: administrative review 行政复议, suit 行政诉讼."""

    REVIEW = "review"
    SUIT = "suit"


class RemedyResult(StrEnum):
    """How it ended: 驳回, 维持, 变更, 撤销, 确认违法, 责令履行, 撤回, 调解."""

    DISMISSED = "dismissed"
    UPHELD = "upheld"
    CHANGED = "changed"
    REVOKED = "revoked"
    ILLEGAL = "illegal"
    ORDERED = "ordered"
    WITHDRAWN = "withdrawn"
    MEDIATED = "mediated"


class Direction(StrEnum):
    """Whether a matter came in or went out."""

    IN = "in"
    OUT = "out"


class TransferKind(StrEnum):
    """What is asked of the other organ: to take it over 移送, to help 协查, to confer 磋商."""

    HAND_OVER = "hand-over"
    ASSISTANCE = "assistance"
    CONSULTATION = "consultation"


class TransferResult(StrEnum):
    """What became of it: 受理, 不予受理, 已立案, 退回, 已办结."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    FILED = "filed"
    RETURNED = "returned"
    COMPLETED = "completed"


VERB_NAMES: Mapping[CaseVerb, str] = {
    CaseVerb.OPEN: "受理",
    CaseVerb.DECLINE: "不予立案",
    CaseVerb.FILE: "立案",
    CaseVerb.AMEND: "补正案情",
    CaseVerb.ASSIGN: "指定承办人",
    CaseVerb.DECLARE_RECUSAL: "申请回避",
    CaseVerb.DECIDE_RECUSAL: "决定回避",
    CaseVerb.COLLECT: "收集证据",
    CaseVerb.CHECK_MONITORING: "审核电子监控记录",
    CaseVerb.EXCLUDE: "排除证据",
    CaseVerb.PRESERVE: "先行登记保存",
    CaseVerb.RESOLVE_PRESERVATION: "处理登记保存物品",
    CaseVerb.CONCLUDE: "调查终结",
    CaseVerb.REOPEN: "补充调查",
    CaseVerb.DISCUSS: "集体讨论",
    CaseVerb.REVIEW: "法制审核",
    CaseVerb.NOTIFY: "事先告知",
    CaseVerb.HEAR_DEFENCE: "听取陈述申辩",
    CaseVerb.RECHECK_DEFENCE: "复核陈述申辩",
    CaseVerb.WAIVE_DEFENCE: "放弃陈述申辩",
    CaseVerb.REQUEST_HEARING: "申请听证",
    CaseVerb.CALL_HEARING: "通知听证",
    CaseVerb.HOLD_HEARING: "举行听证",
    CaseVerb.END_HEARING: "终止听证",
    CaseVerb.STOP_CLOCK: "中止期限",
    CaseVerb.RESUME_CLOCK: "恢复期限",
    CaseVerb.EXTEND: "延长期限",
    CaseVerb.DECIDE: "作出处罚决定",
    CaseVerb.NOT_PUNISH: "不予处罚",
    CaseVerb.SERVE: "送达",
    CaseVerb.REPORT: "上报个案信息",
    CaseVerb.CORRECT: "更正决定",
    CaseVerb.REVOKE: "撤销决定",
    CaseVerb.BEGIN_REMEDY: "登记复议或者诉讼",
    CaseVerb.END_REMEDY: "登记复议或者诉讼结果",
    CaseVerb.TRANSFER: "移送",
    CaseVerb.TAKE_BACK: "接回移送案件",
    CaseVerb.WITHDRAW: "销案",
    CaseVerb.CLOSE: "结案",
}
STATE_NAMES = {
    CaseState.DECIDED_ON_SITE: "当场决定",
    CaseState.OPENED: "已受理",
    CaseState.FILED: "已立案",
    CaseState.INVESTIGATING: "调查中",
    CaseState.CONCLUDED: "调查终结",
    CaseState.NOTIFIED: "已告知",
    CaseState.HEARING: "听证中",
    CaseState.DECIDED: "已决定",
    CaseState.SERVED: "已送达",
    CaseState.NOT_PUNISHED: "不予处罚",
    CaseState.TRANSFERRED: "已移送",
    CaseState.WITHDRAWN: "已销案",
    CaseState.CLOSED: "已结案",
}
ON_SITE: Mapping[CaseVerb, Mapping[CaseState, CaseState]] = {
    CaseVerb.FILE: {CaseState.DECIDED_ON_SITE: CaseState.FILED},
    CaseVerb.CLOSE: {CaseState.FILED: CaseState.CLOSED},
}
_S = CaseState
BEFORE_DECISION = (_S.FILED, _S.INVESTIGATING, _S.CONCLUDED, _S.NOTIFIED, _S.HEARING)
_JUDGED = (_S.CONCLUDED, _S.NOTIFIED, _S.HEARING)
_DECIDED = (_S.DECIDED, _S.SERVED, _S.CLOSED)


def _stays(*states: CaseState) -> dict[CaseState, CaseState]:
    return {state: state for state in states}


def _leads(to: CaseState, *states: CaseState) -> dict[CaseState, CaseState]:
    return dict.fromkeys(states, to)


STEPS: Mapping[CaseVerb, Mapping[CaseState, CaseState]] = {
    CaseVerb.DECLINE: _leads(_S.WITHDRAWN, _S.OPENED),
    CaseVerb.FILE: _leads(_S.FILED, _S.OPENED),
    CaseVerb.AMEND: _stays(_S.OPENED, _S.FILED, _S.INVESTIGATING, _S.CONCLUDED),
    CaseVerb.ASSIGN: _stays(*BEFORE_DECISION),
    CaseVerb.DECLARE_RECUSAL: _stays(*BEFORE_DECISION),
    CaseVerb.DECIDE_RECUSAL: _stays(*BEFORE_DECISION),
    CaseVerb.COLLECT: _leads(_S.INVESTIGATING, _S.FILED, _S.INVESTIGATING),
    CaseVerb.CHECK_MONITORING: _stays(_S.INVESTIGATING),
    CaseVerb.EXCLUDE: _stays(_S.INVESTIGATING, *_JUDGED),
    CaseVerb.PRESERVE: _leads(_S.INVESTIGATING, _S.FILED, _S.INVESTIGATING)
    | _stays(_S.OPENED, *_JUDGED),
    CaseVerb.RESOLVE_PRESERVATION: _stays(*CaseState),
    CaseVerb.CONCLUDE: _leads(_S.CONCLUDED, _S.INVESTIGATING),
    CaseVerb.REOPEN: _leads(_S.INVESTIGATING, *_JUDGED),
    CaseVerb.DISCUSS: _stays(*_JUDGED),
    CaseVerb.REVIEW: _stays(*_JUDGED),
    CaseVerb.NOTIFY: _leads(_S.NOTIFIED, *_JUDGED),
    CaseVerb.HEAR_DEFENCE: _stays(_S.NOTIFIED, _S.HEARING),
    CaseVerb.RECHECK_DEFENCE: _stays(_S.NOTIFIED, _S.HEARING),
    CaseVerb.WAIVE_DEFENCE: _stays(_S.NOTIFIED, _S.HEARING),
    CaseVerb.REQUEST_HEARING: _leads(_S.HEARING, _S.NOTIFIED),
    CaseVerb.CALL_HEARING: _stays(_S.HEARING),
    CaseVerb.HOLD_HEARING: _stays(_S.HEARING),
    CaseVerb.END_HEARING: _leads(_S.NOTIFIED, _S.HEARING),
    CaseVerb.STOP_CLOCK: _stays(*BEFORE_DECISION),
    CaseVerb.RESUME_CLOCK: _stays(*BEFORE_DECISION),
    CaseVerb.EXTEND: _stays(*BEFORE_DECISION),
    CaseVerb.DECIDE: _leads(_S.DECIDED, _S.NOTIFIED, _S.HEARING),
    CaseVerb.NOT_PUNISH: _leads(_S.NOT_PUNISHED, *_JUDGED),
    CaseVerb.SERVE: {_S.DECIDED: _S.SERVED, _S.NOT_PUNISHED: _S.NOT_PUNISHED},
    CaseVerb.REPORT: _stays(_S.SERVED, _S.CLOSED),
    CaseVerb.CORRECT: _stays(*_DECIDED),
    CaseVerb.REVOKE: _stays(*_DECIDED),
    CaseVerb.BEGIN_REMEDY: _stays(_S.SERVED, _S.CLOSED, _S.NOT_PUNISHED),
    CaseVerb.END_REMEDY: _stays(_S.SERVED, _S.CLOSED, _S.NOT_PUNISHED),
    CaseVerb.TRANSFER: _leads(_S.TRANSFERRED, _S.OPENED, *BEFORE_DECISION),
    CaseVerb.TAKE_BACK: _leads(_S.INVESTIGATING, _S.TRANSFERRED),
    CaseVerb.WITHDRAW: _leads(_S.WITHDRAWN, *BEFORE_DECISION),
    CaseVerb.CLOSE: _leads(_S.CLOSED, _S.SERVED, _S.NOT_PUNISHED, _S.TRANSFERRED),
}
# what may be done to a decision made on the spot beside filing and closing it
AFTER_ON_SITE: Mapping[CaseVerb, Mapping[CaseState, CaseState]] = {
    verb: _stays(_S.DECIDED_ON_SITE, _S.FILED, _S.CLOSED)
    for verb in (CaseVerb.REVOKE, CaseVerb.BEGIN_REMEDY, CaseVerb.END_REMEDY)
}
ENDED_CASES = frozenset({CaseState.CLOSED, CaseState.WITHDRAWN})
OPEN_CASES = frozenset(CaseState) - ENDED_CASES


def following(verb: CaseVerb, state: CaseState) -> CaseState | None:
    """Return the state that a verb leads a case decided on the spot to, None when it cannot."""
    return ON_SITE.get(verb, {}).get(state)


class PartyKind(StrEnum):
    """Who is punished: a citizen 公民, or a legal person or other organisation."""

    CITIZEN = "citizen"
    ORGANISATION = "organisation"


@dataclass(frozen=True)
class Sanction:
    """What is imposed: a warning 警告, a fine 罚款, or both."""

    warning: bool
    fine_fen: int


def is_late_copy(number: str, decided_on: date, gone: str, revoked_on: date | None) -> bool:
    """Tell whether a decision made on the spot is one that was revoked, and only arrives late.

    It has its number, or was made before the day of the revocation; what is decided after that
    under a number of its own is a new decision.
    """
    return number == gone or (revoked_on is not None and decided_on < revoked_on)


@dataclass(frozen=True)
class Problem:
    """What keeps a decision from being made on the spot: a stable code, and the sentence."""

    code: str
    detail: str


def yuan(fen: int) -> str:
    """Return an amount in yuan as documents print it, without float."""
    whole, rest = divmod(fen, 100)
    return f"{whole}" if rest == 0 else f"{whole}.{rest:02d}"


def exceeds_simple_limit(sanction: Sanction, fine_max_fen: int) -> bool:
    """Tell whether a fine is above what may be imposed on the spot (行政处罚法 第五十一条)."""
    return sanction.fine_fen > fine_max_fen


def sanction_problems(
    sanction: Sanction, party: PartyKind, cause: Mapping[str, Any]
) -> list[Problem]:
    """Compare a sanction with what the cause's row offers; empty when it may be imposed.

    `cause` has `parties`, `warning` (required, allowed or none) and `fine` (`min_fen`, `max_fen`,
    `required`), which is None where the rule knows no fine.
    """
    found = []
    if party not in cause["parties"]:
        found.append(Problem("party", "该案由不适用于这类当事人。"))
    if not sanction.warning and sanction.fine_fen == 0:
        found.append(Problem("sanction", "当场处罚应为警告或者罚款，至少选择一种。"))
    if cause["warning"] == "required" and not sanction.warning:
        found.append(Problem("warning", "该案由应当给予警告。"))
    if cause["warning"] == "none" and sanction.warning:
        found.append(Problem("warning", "该案由没有警告这一处罚种类。"))
    return found + _fine_problems(sanction.fine_fen, cause["fine"])


def _fine_problems(fine_fen: int, fine: Mapping[str, Any] | None) -> list[Problem]:
    if fine is None:
        return [] if fine_fen == 0 else [Problem("fine", "该案由没有罚款这一处罚种类。")]
    if fine_fen == 0:
        return [Problem("fine", "该案由应当并处罚款。")] if fine["required"] else []
    low, high = fine["min_fen"], fine["max_fen"]
    if low <= fine_fen <= high:
        return []
    return [Problem("fine", f"罚款应在 {yuan(low)} 元至 {yuan(high)} 元之间。")]
