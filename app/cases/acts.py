"""Whether two cases are about one and the same act 同一违法行为 (行政处罚法 第二十九条).

One act is not fined twice. That it is one act is certain where it is one finding, or where the same
party did what the same cause forbids on the same days; by name or place alone it only may be.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

ARTICLE = "行政处罚法 第二十九条"


class Why(StrEnum):
    """What two cases have in common: the finding, the number of a paper, the unit, the name."""

    FINDING = "finding"
    PAPER = "paper"
    UNIT = "unit"
    NAME = "name"


@dataclass(frozen=True)
class Act:
    """What somebody is punished for: by which cause, from which day to which, who and where."""

    cause_code: str
    from_on: date
    until_on: date
    party_kind: str
    finding_id: UUID | None = None
    unit_id: UUID | None = None
    party_name: str | None = None
    party_id_hash: str | None = None


@dataclass(frozen=True)
class Likeness:
    """That two acts may be one, why, and whether it is certain."""

    why: tuple[Why, ...]
    certain: bool


def likeness(one: Act, other: Act) -> Likeness | None:
    """Return why two acts may be one, None where nothing speaks for it; the order is no matter.

    Of one finding it is one act, whatever the cause: the higher fine applies. Two numbers of papers
    that differ are two parties, and so are two people of different names met at one unit.
    """
    why = _common(one, other)
    if Why.FINDING in why:
        return Likeness(why, certain=True)
    days = one.from_on <= other.until_on and other.from_on <= one.until_on
    if one.cause_code != other.cause_code or not days or not why or _are_two(one, other):
        return None
    own = one.party_kind == other.party_kind == "organisation" and Why.UNIT in why
    return Likeness(why, certain=own or Why.PAPER in why)


def _common(one: Act, other: Act) -> tuple[Why, ...]:
    pairs = {
        Why.FINDING: (one.finding_id, other.finding_id),
        Why.PAPER: (one.party_id_hash, other.party_id_hash),
        Why.UNIT: (one.unit_id, other.unit_id),
        Why.NAME: (one.party_name, other.party_name),
    }
    return tuple(why for why, (own, its) in pairs.items() if own is not None and own == its)


def _are_two(one: Act, other: Act) -> bool:
    """Tell two parties of one kind apart, by their numbers, people without by their names."""
    if one.party_kind != other.party_kind:
        return False  # an owner and the shop may have been punished for one act
    for own, its in (
        (one.party_id_hash, other.party_id_hash),
        (one.party_name, other.party_name) if one.party_kind == "citizen" else (None, None),
    ):
        if own is not None and its is not None:
            return own != its
    return False
