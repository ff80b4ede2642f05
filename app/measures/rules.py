"""取缔, 查封扣押, 公益诉讼 and 专项: states, terms, and how goods are counted.

Goods carry odd units: boxes and pieces are never added together.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.catalogue.rules import Calendar, DayKind, Deadline, Term, due


class BanState(StrEnum):
    """A ban of unlicensed practice 取缔: decided, announced 公告, or revoked."""

    DECIDED = "decided"
    ANNOUNCED = "announced"
    REVOKED = "revoked"


class SeizureKind(StrEnum):
    """查封, 扣押, or the goods that a penalty decision confiscated 没收."""

    SEALING = "sealing"
    DETENTION = "detention"
    CONFISCATION = "confiscation"


class SeizureState(StrEnum):
    """How far a seizure is.

    `applied` and `approved` are before it; `awaiting-approval` was urgent and still needs one.
    """

    APPLIED = "applied"
    APPROVED = "approved"
    REFUSED = "refused"
    AWAITING_APPROVAL = "awaiting-approval"
    IN_FORCE = "in-force"
    ENDED = "ended"


class SeizureVerb(StrEnum):
    """What can be done to a seizure."""

    APPROVE = "approve"
    REFUSE = "refuse"
    CARRY_OUT = "carry-out"
    EXTEND = "extend"
    TEST = "test"
    DISPOSE = "dispose"


SEIZURE_NAMES = {
    SeizureState.APPLIED: "待批准",
    SeizureState.APPROVED: "已批准 · 待实施",
    SeizureState.REFUSED: "未批准",
    SeizureState.AWAITING_APPROVAL: "已实施 · 待补办批准",
    SeizureState.IN_FORCE: "查封扣押中",
    SeizureState.ENDED: "已处理完毕",
}
VERB_NAMES = {
    SeizureVerb.APPROVE: "批准",
    SeizureVerb.REFUSE: "不批准",
    SeizureVerb.CARRY_OUT: "实施",
    SeizureVerb.EXTEND: "延长期限",
    SeizureVerb.TEST: "扣除检测时间",
    SeizureVerb.DISPOSE: "处理物品",
}
_S = SeizureState
_HELD = {_S.IN_FORCE: _S.IN_FORCE, _S.AWAITING_APPROVAL: _S.AWAITING_APPROVAL}
TRANSITIONS: Mapping[SeizureVerb, Mapping[SeizureState, SeizureState]] = {
    SeizureVerb.APPROVE: {_S.APPLIED: _S.APPROVED, _S.AWAITING_APPROVAL: _S.IN_FORCE},
    # 行政强制法 第十九条: what is not approved is lifted at once, and the goods go back
    SeizureVerb.REFUSE: {_S.APPLIED: _S.REFUSED, _S.AWAITING_APPROVAL: _S.REFUSED},
    SeizureVerb.CARRY_OUT: {_S.APPROVED: _S.IN_FORCE},
    SeizureVerb.EXTEND: {_S.IN_FORCE: _S.IN_FORCE},
    SeizureVerb.TEST: _HELD,
    SeizureVerb.DISPOSE: {**_HELD, _S.REFUSED: _S.REFUSED},
}


def following(verb: SeizureVerb, state: SeizureState) -> SeizureState | None:
    """Return the state that a verb leads to, or None when it is not possible in `state`."""
    return TRANSITIONS[verb].get(state)


class GoodsKind(StrEnum):
    """What kind of goods: 药品, 医疗器械, 其他."""

    DRUG = "drug"
    DEVICE = "device"
    OTHER = "other"


class Disposition(StrEnum):
    """What became of goods: still held, given back, confiscated, destroyed, handed over."""

    HELD = "held"
    RETURNED = "returned"
    CONFISCATED = "confiscated"
    DESTROYED = "destroyed"
    HANDED_OVER = "handed-over"


@dataclass(frozen=True)
class Goods:
    """One line of a list of goods 物品清单: how many of what, in which unit."""

    name: str
    kind: GoodsKind
    quantity: int
    unit: str
    maker: str | None = None
    lot: str | None = None
    disposition: Disposition = Disposition.HELD


@dataclass(frozen=True)
class GoodsTotal:
    """A sum of goods of one kind in one unit."""

    kind: GoodsKind
    unit: str
    quantity: int


def totals(goods: Iterable[Goods]) -> list[GoodsTotal]:
    """Return the sums by kind and unit: 11 箱 and 68 件 are two numbers, never one."""
    found: Counter[tuple[GoodsKind, str]] = Counter()
    for one in goods:
        found[one.kind, one.unit] += one.quantity
    return [GoodsTotal(kind, unit, found[kind, unit]) for kind, unit in sorted(found)]


# --- terms of a seizure (行政强制法 第十九条、第二十五条) ---------------------------------------


def approval_due_at(seized_at: datetime, hours: int) -> datetime:
    """Return until when the approval of an urgent seizure has to be there."""
    return seized_at + timedelta(hours=hours)


@dataclass(frozen=True)
class SeizureTerm:
    """How long goods may be held: days, days of an extension, days of tests that do not count."""

    days: int
    extension_days: int = 0
    testing_days: int = 0


def seizure_due(seized_on: date, term: SeizureTerm, calendar: Calendar) -> Deadline:
    """Return the last day on which goods may be held, in natural days from the day after."""
    days = term.days + term.extension_days + term.testing_days
    return due(Term(days, DayKind.NATURAL), seized_on, calendar)


class ReferralState(StrEnum):
    """A referral to the procuratorate for a suit in the public interest 公益诉讼线索移送."""

    REFERRED = "referred"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not-accepted"
    SUED = "sued"
    CLOSED = "closed"


REFERRAL_STEPS: Mapping[ReferralState, frozenset[ReferralState]] = {
    ReferralState.REFERRED: frozenset({ReferralState.ACCEPTED, ReferralState.NOT_ACCEPTED}),
    ReferralState.ACCEPTED: frozenset({ReferralState.SUED, ReferralState.CLOSED}),
    ReferralState.SUED: frozenset({ReferralState.CLOSED}),
    ReferralState.NOT_ACCEPTED: frozenset(),
    ReferralState.CLOSED: frozenset(),
}


class CampaignEventKind(StrEnum):
    """What a campaign counts beside visits: joint enforcement 部门联合执法, a meeting 会议."""

    JOINT_ENFORCEMENT = "joint-enforcement"
    MEETING = "meeting"
