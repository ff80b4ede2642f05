"""What becomes of a finding 结果去向: which ways there are, and which findings have none yet.

What officers write as handling is free text; the catalogue's rows say what its words mean.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID


class Way(StrEnum):
    """The ways that a finding can go."""

    NOTHING = "nothing"  # 不作处理
    OPINION = "opinion"  # 卫生监督意见书
    ORDER = "order"  # 责令改正
    ON_SITE_DECISION = "on-site-decision"  # 当场处罚
    LEAD = "lead"  # 立案线索
    CASE = "case"  # 立案
    TRANSFER = "transfer"  # 移送其他机关
    POINTS = "points"  # 不良执业行为记分
    DECLINED = "declined"  # 线索不予立案


WAY_NAMES = {
    Way.NOTHING: "不作处理",
    Way.OPINION: "卫生监督意见书",
    Way.ORDER: "责令改正",
    Way.ON_SITE_DECISION: "当场处罚",
    Way.LEAD: "立案线索",
    Way.CASE: "立案",
    Way.TRANSFER: "移送其他机关",
    Way.POINTS: "不良执业行为记分",
    Way.DECLINED: "不予立案",
}


class Decision(StrEnum):
    """What a person can decide about a finding; orders, penalties and cases speak for themselves"""

    NOTHING = Way.NOTHING
    OPINION = Way.OPINION
    TRANSFER = Way.TRANSFER
    POINTS = Way.POINTS
    DECLINED = Way.DECLINED


class HandlingRow(Protocol):
    """A row of the catalogue: what a word for the handling of a finding means."""

    @property
    def code(self) -> str: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


def words_of(rows: Iterable[HandlingRow], way: Way) -> list[str]:
    """Return the words that mean a way: a row's code, its name and its other words."""
    return sorted(
        word
        for row in rows
        if row.body["way"] == way
        for word in (row.code, row.body["name"], *row.body["also"])
    )


@dataclass(frozen=True)
class Consequence:
    """One thing that became of a finding; `settled`: nobody has to do anything more for it."""

    way: Way
    state: str
    settled: bool
    reference: str | None = None
    reason: str | None = None
    on: date | None = None
    id: UUID | None = None

    @property
    def name(self) -> str:
        return WAY_NAMES[self.way]


class Whereabouts(StrEnum):
    """Whether a finding went anywhere: nowhere, on its way, or to its end."""

    NONE = "none"
    OPEN = "open"
    SETTLED = "settled"


def whereabouts(found: Collection[Consequence]) -> Whereabouts:
    """Tell how far a finding is by all that became of it."""
    if not found:
        return Whereabouts.NONE
    return Whereabouts.SETTLED if all(one.settled for one in found) else Whereabouts.OPEN


# --- outcomes in the public vocabularies ---------------------------------------------------------


@dataclass(frozen=True)
class PublicOutcome:
    """An outcome as each of the two vocabularies has it."""

    health_code: str
    health_name: str
    public_result: str | None
    market_code: str
    market_name: str


def public_outcome(code: str, rows: Mapping[str, Mapping[str, Any]]) -> PublicOutcome | None:
    """Return an outcome in the words of health and of market regulation; None for an unknown one.

    `rows` are the rows in force by code; each names its counterpart in the other vocabulary.
    """
    row = rows.get(code)
    other = None if row is None else rows.get(str(row["maps_to"]))
    if row is None or other is None:
        return None
    pair = ((code, row), (str(row["maps_to"]), other))
    health = next((one for one in pair if one[1]["vocabulary"] == "health"), pair[0])
    market = next((one for one in pair if one[1]["vocabulary"] == "market"), pair[1])
    return PublicOutcome(
        health_code=health[0],
        health_name=str(health[1]["name"]),
        public_result=health[1]["public_result"],
        market_code=market[0],
        market_name=str(market[1]["name"]),
    )
