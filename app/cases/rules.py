"""What a case of administrative penalty 行政处罚 may be: its states, and the limits on the spot.

Limits, causes 案由 and their sanctions are dated rows of the catalogue; money is in fen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class CaseState(StrEnum):
    """How far a case of the simple procedure 简易程序 is."""

    DECIDED_ON_SITE = "decided-on-site"
    FILED = "filed"
    CLOSED = "closed"


class CaseVerb(StrEnum):
    """What can be done to a case that was decided on the spot."""

    FILE = "file"
    CLOSE = "close"


VERB_NAMES = {CaseVerb.FILE: "备案", CaseVerb.CLOSE: "结案"}
STATE_NAMES = {
    CaseState.DECIDED_ON_SITE: "当场决定",
    CaseState.FILED: "已备案",
    CaseState.CLOSED: "已结案",
}
TRANSITIONS: Mapping[CaseVerb, Mapping[CaseState, CaseState]] = {
    CaseVerb.FILE: {CaseState.DECIDED_ON_SITE: CaseState.FILED},
    CaseVerb.CLOSE: {CaseState.FILED: CaseState.CLOSED},
}
OPEN_CASES = frozenset(CaseState) - {CaseState.CLOSED}


def following(verb: CaseVerb, state: CaseState) -> CaseState | None:
    """Return the state that a verb leads to, None when it is not possible in `state`."""
    return TRANSITIONS[verb].get(state)


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
