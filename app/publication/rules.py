"""What becomes public where, by when and until when; what it says, and how it is counted.

Channels are dated rows of the catalogue. Dates are local (Asia/Shanghai), money is in fen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

CREDIT_SITE = "credit-site"


class PublicationState(StrEnum):
    """How far a publication is on its channel."""

    DUE = "due"
    PUBLIC = "public"
    REPAIRED = "repaired"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class SubjectType(StrEnum):
    """What is published: a penalty decision, or the result of a visit."""

    DECISION = "decision"
    RESULT = "result"


class CardKind(StrEnum):
    """The cards of the national report, each with its own 5 working days."""

    UNIT = "unit"
    UNIT_CHANGED = "unit-changed"
    INSPECTION = "inspection"
    TEST = "test"
    CASE_SERVED = "case-served"
    CASE_CLOSED = "case-closed"


class CardState(StrEnum):
    """Whether a card was handed over."""

    DUE = "due"
    REPORTED = "reported"


class TermKind(StrEnum):
    """How long a channel shows something: by the credit rules, so many months, or for good."""

    CREDIT = "credit"
    MONTHS = "months"
    OPEN = "open"


STATE_NAMES = {
    PublicationState.DUE: "待公示",
    PublicationState.PUBLIC: "公示中",
    PublicationState.REPAIRED: "已修复，停止公示",
    PublicationState.EXPIRED: "公示期满",
    PublicationState.WITHDRAWN: "已撤回",
}
CARD_NAMES = {
    CardKind.UNIT: "被监督单位信息卡",
    CardKind.UNIT_CHANGED: "被监督单位信息卡（变更）",
    CardKind.INSPECTION: "监督检查信息卡",
    CardKind.TEST: "监督检测信息卡",
    CardKind.CASE_SERVED: "案件查处信息卡（送达）",
    CardKind.CASE_CLOSED: "案件查处信息卡（结案）",
}
FEN_OF_WAN = 1_000_000  # 1 万元 = 10,000 yuan
SHORT_NAME = 4  # a name without code that is no longer may be a person's


@dataclass(frozen=True)
class Channel:
    """A channel on a day: within how many working days it shows what, and for how long.

    `origins` narrows results to tasks of these origins; None takes all.
    """

    code: str
    days: Mapping[str, int]
    origins: Collection[str] | None
    term: TermKind
    months: int | None
    withdraw_days: int
    repair_ends: bool


@dataclass(frozen=True)
class Subject:
    """Something that may become public, as the sources tell it. `content` is anonymised."""

    type: SubjectType
    id: UUID
    number: str
    unit_id: UUID | None
    event_on: date
    content: Mapping[str, Any]
    origin: str | None = None


@dataclass(frozen=True)
class Facts:
    """What decides the next step of a publication; `revoked_on` is when its subject changed."""

    revoked_on: date | None = None
    repaired_on: date | None = None
    max_end: date | None = None


def channel_of(code: str, body: Mapping[str, Any]) -> Channel:
    """Return a channel as the catalogue writes it."""
    return Channel(
        code=code,
        days={one["subject"]: one["days"] for one in body["subjects"]},
        origins=None if body["origins"] is None else frozenset(body["origins"]),
        term=TermKind(body["term"]),
        months=body["months"],
        withdraw_days=body["withdraw_days"],
        repair_ends=body["repair_ends"],
    )


def takes(channel: Channel, subject: Subject) -> bool:
    """Tell whether a channel shows a subject of this kind and origin at all."""
    wanted = channel.origins is None or subject.origin in channel.origins
    return subject.type in channel.days and wanted


def next_state(
    state: PublicationState, facts: Facts, on: date, *, repair_ends: bool
) -> PublicationState | None:
    """Return the state that follows on a day, None where nothing follows.

    A revoked decision is withdrawn from every state, also from one that ended otherwise. What was
    never shown and may no longer be is ended without having been public.
    """
    if state is PublicationState.WITHDRAWN:
        return None
    if facts.revoked_on is not None:
        return PublicationState.WITHDRAWN
    if state in {PublicationState.REPAIRED, PublicationState.EXPIRED}:
        return None
    if repair_ends and facts.repaired_on is not None and facts.repaired_on <= on:
        return PublicationState.REPAIRED
    if facts.max_end is not None and facts.max_end < on:
        return PublicationState.EXPIRED
    return PublicationState.PUBLIC if state is PublicationState.DUE else None


def is_late(due_on: date | None, done_on: date | None, today: date) -> bool:
    """Tell whether a term was missed, or is being missed; an open term never is."""
    return due_on is not None and due_on < (done_on or today)


def wan(fen: int) -> str:
    """Return an amount in 万元 with six decimals, exactly."""
    return f"{fen // FEN_OF_WAN}.{fen % FEN_OF_WAN:06d}"


def mask_person(name: str) -> str:
    """Return a person's name as it may be shown: 王某某."""
    return name[:1] + "某" * max(1, len(name) - 1)


def may_be_person(name: str, uscc: str | None) -> bool:
    """Tell whether a unit without code may be a natural person, by the length of its name."""
    return uscc is None and len(name) <= SHORT_NAME


@dataclass(frozen=True)
class Rate:
    """A rate with its numerator, its denominator, and who is missing from the numerator."""

    numerator: int
    denominator: int
    missing: Sequence[UUID]


@dataclass(frozen=True)
class Reported:
    """What is known of one record that has to be reported: receipts, and by when it was due."""

    id: UUID
    due_on: date | None
    reported_on: date | None
    accepted: bool


def report_rates(records: Sequence[Reported]) -> dict[str, Rate]:
    """Return 上报率 (of all), 合规率 and 及时率 (of those reported).

    A record whose term is open counts as in time.
    """
    sent = [one for one in records if one.reported_on is not None]
    right = [one for one in sent if one.accepted]
    timely = [
        one
        for one in sent
        if one.due_on is None or (one.reported_on is not None and one.reported_on <= one.due_on)
    ]
    return {
        "reporting": _rate(sent, records),
        "compliance": _rate(right, sent),
        "timeliness": _rate(timely, sent),
    }


def _rate(numerator: Sequence[Reported], denominator: Sequence[Reported]) -> Rate:
    there = {one.id for one in numerator}
    missing = [one.id for one in denominator if one.id not in there]
    return Rate(len(numerator), len(denominator), missing)
