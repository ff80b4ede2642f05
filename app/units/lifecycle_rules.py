"""How a unit's life goes on paper: 校验 and its cycles, steps with document, day and reason."""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from app.units.rules import UnitStatus, may_follow


class VerificationResult(StrEnum):
    """What a 校验 came to; `deferred` 暂缓校验 has to be passed by the end of its grace."""

    PASSED = "passed"
    DEFERRED = "deferred"


class StepState(StrEnum):
    """Whether a step holds; only 强制注销 is proposed first."""

    PROPOSED = "proposed"
    TAKEN = "taken"
    REFUSED = "refused"


class LifeVerb(StrEnum):
    """What is done in the life of a unit."""

    MARK_OVERDUE = "mark-overdue"
    NOTIFY = "notify"
    ANNOUNCE = "announce"
    FORCE_CANCEL = "force-cancel"
    VERIFY = "verify"
    SUSPEND = "suspend"
    RESUME = "resume"
    CLOSE = "close"
    MOVE = "move"
    REVOKE = "revoke"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"


VERB_NAMES = {
    LifeVerb.MARK_OVERDUE: "逾期未校验",
    LifeVerb.NOTIFY: "校验通知",
    LifeVerb.ANNOUNCE: "公示告知",
    LifeVerb.FORCE_CANCEL: "强制注销",
    LifeVerb.VERIFY: "校验",
    LifeVerb.SUSPEND: "停业",
    LifeVerb.RESUME: "恢复营业",
    LifeVerb.CLOSE: "歇业",
    LifeVerb.MOVE: "搬迁",
    LifeVerb.REVOKE: "吊销",
    LifeVerb.CANCEL: "注销",
    LifeVerb.WITHDRAW: "退出备案",
}
LEADS_TO: Mapping[LifeVerb, UnitStatus] = {
    LifeVerb.MARK_OVERDUE: UnitStatus.LICENCE_OVERDUE,
    LifeVerb.NOTIFY: UnitStatus.NOTIFIED,
    LifeVerb.ANNOUNCE: UnitStatus.ANNOUNCED,
    LifeVerb.FORCE_CANCEL: UnitStatus.FORCE_CANCELLED,
    LifeVerb.VERIFY: UnitStatus.IN_OPERATION,
    LifeVerb.SUSPEND: UnitStatus.SUSPENDED,
    LifeVerb.RESUME: UnitStatus.IN_OPERATION,
    LifeVerb.CLOSE: UnitStatus.CLOSED,
    LifeVerb.MOVE: UnitStatus.MOVED,
    LifeVerb.REVOKE: UnitStatus.REVOKED,
    LifeVerb.CANCEL: UnitStatus.CANCELLED,
    LifeVerb.WITHDRAW: UnitStatus.WITHDRAWN,
}
BY_PERSONS = frozenset(LifeVerb) - {LifeVerb.MARK_OVERDUE, LifeVerb.VERIFY}
ON_PAPER = frozenset(
    {
        LifeVerb.NOTIFY,
        LifeVerb.ANNOUNCE,
        LifeVerb.FORCE_CANCEL,
        LifeVerb.REVOKE,
        LifeVerb.CANCEL,
        LifeVerb.WITHDRAW,
    }
)
BY_TWO = frozenset({LifeVerb.FORCE_CANCEL})
_WAY = frozenset({UnitStatus.LICENCE_OVERDUE, UnitStatus.NOTIFIED, UnitStatus.ANNOUNCED})
_RESUMED_FROM = frozenset({UnitStatus.SUSPENDED, UnitStatus.CLOSED, UnitStatus.MOVED})


def is_possible(verb: LifeVerb, status: UnitStatus) -> bool:
    """Say whether a verb can be done to a unit in this state.

    A unit on its way to 强制注销 comes back by a 校验 only, one that was shut by opening again.
    """
    if verb is LifeVerb.VERIFY:
        return status in _WAY
    if verb is LifeVerb.RESUME:
        return status in _RESUMED_FROM
    return may_follow(status, LEADS_TO[verb])


def possible_verbs(status: UnitStatus) -> list[LifeVerb]:
    """Return what people can do to a unit in this state, in the order of a life."""
    return [verb for verb in LifeVerb if verb in BY_PERSONS and is_possible(verb, status)]


def cancellable_from(announced_on: date, days: int) -> date:
    """Return the first day on which an announced unit may be cancelled by force."""
    return announced_on + timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Cycle:
    """How often units with so many beds are verified 校验; no `beds_until`: any number."""

    code: str
    beds_from: int
    beds_until: int | None
    months: int


def cycle_of(beds: int, cycles: Iterable[Cycle]) -> Cycle | None:
    """Return the cycle in which a number of beds puts a unit; None where no row says it."""
    return next(
        (
            one
            for one in cycles
            if one.beds_from <= beds and (one.beds_until is None or beds <= one.beds_until)
        ),
        None,
    )


def read_cycle(code: str, body: Mapping[str, Any]) -> Cycle:
    """Return a cycle as its row of the catalogue says it."""
    return Cycle(code, body["beds_from"], body["beds_until"], body["months"])


def months_later(day: date, months: int) -> date:
    """Return the same day some months later; where that month is shorter, its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
