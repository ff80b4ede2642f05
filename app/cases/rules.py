"""What a case of administrative penalty 行政处罚 may be: its states, and the limits on the spot.

Limits, causes 案由 and their sanctions are dated rows of the catalogue; money is in fen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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


VERB_NAMES = {CaseVerb.FILE: "备案", CaseVerb.CLOSE: "结案"}
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
