"""When nobody is punished 不予处罚, and until when somebody may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class Ground(StrEnum):
    """Why there is no penalty: the three of 行政处罚法 第三十三条, those of the person, and others.

    `minor` 轻微并及时改正、没有危害后果; `first` 初次违法、危害后果轻微并及时改正; `no-fault`
    没有主观过错; `child` 不满十四周岁; `mental` 不能辨认或者不能控制自己行为; `no-facts`
    违法事实不能成立; `too-late` 超过追责期限.
    """

    MINOR = "minor"
    FIRST = "first"
    NO_FAULT = "no-fault"
    CHILD = "child"
    MENTAL = "mental"
    NO_FACTS = "no-facts"
    TOO_LATE = "too-late"


ARTICLES: Mapping[Ground, str] = {
    Ground.MINOR: "行政处罚法 第三十三条第一款",
    Ground.FIRST: "行政处罚法 第三十三条第一款",
    Ground.NO_FAULT: "行政处罚法 第三十三条第二款",
    Ground.CHILD: "行政处罚法 第三十条",
    Ground.MENTAL: "行政处罚法 第三十一条",
    Ground.NO_FACTS: "行政处罚法 第五十七条第一款第三项",
    Ground.TOO_LATE: "行政处罚法 第三十六条",
}
EDUCATION = "行政处罚法 第三十三条第三款"
# no education for what was not done, or what nobody may pursue any more
_EDUCATED = frozenset(Ground) - {Ground.NO_FACTS, Ground.TOO_LATE}
_PROVEN = frozenset({Ground.NO_FAULT, Ground.MENTAL})


class Lack(StrEnum):
    """What a ground for not punishing is missing."""

    EDUCATION = "education"
    PROOF = "proof"
    CORRECTION = "correction"
    AGE = "age"
    EARLIER = "earlier"
    LIST = "list"
    LIMITATION = "limitation"


@dataclass(frozen=True)
class Plea:
    """What is said for not punishing: the ground, and what it rests on.

    `listed`: a row of the list of minor acts that was named fits cause and source, None where none
    was named. `earlier`: violations of the same party were found in the whole organ.
    """

    ground: Ground
    education: str | None
    proof: str | None
    corrected: bool
    child: bool
    earlier: bool
    listed: bool | None
    limitation_over: bool


def lacks(plea: Plea) -> list[Lack]:
    """Return what a ground for not punishing is missing; empty when it carries.

    An earlier violation keeps only 初次违法 from carrying; education is recorded always.
    """
    ground = plea.ground
    checks = {
        Lack.EDUCATION: ground not in _EDUCATED or bool(plea.education),
        Lack.PROOF: ground not in _PROVEN or bool(plea.proof),
        Lack.CORRECTION: ground not in {Ground.MINOR, Ground.FIRST} or plea.corrected,
        Lack.AGE: ground is not Ground.CHILD or plea.child,
        Lack.EARLIER: ground is not Ground.FIRST or not plea.earlier,
        Lack.LIST: plea.listed is not False,
        Lack.LIMITATION: ground is not Ground.TOO_LATE or plea.limitation_over,
    }
    return [lack for lack, carried in checks.items() if not carried]


def is_child(age: int | None, punished_from: int) -> bool:
    """Tell whether somebody is under the age from which penalties are; unknown is not."""
    return age is not None and age < punished_from


def age_on(born_on: date | None, on: date) -> int | None:
    """Return how many years somebody had completed on a day; from the birthday on, the next.

    Who is born on 29 February completes a year on 1 March of other years.
    """
    if born_on is None:
        return None
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def is_too_late(ended_on: date, discovered_on: date, years: int) -> bool:
    """Tell whether an act was found when it may be pursued no more (行政处罚法 第三十六条).

    Years count from the day of the act, of a continuing one from its end; its own day of the year
    is still inside.
    """
    last = _same_day(ended_on, years)
    return discovered_on > last


def _same_day(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 2, 28)


def listed(
    row: Mapping[str, Any], *, cause_code: str, source: str, origin: str | None = None
) -> bool:
    """Tell whether a row of the list of minor acts fits; where a case comes from can exclude it.

    `source` is the case's; `origin` that of the task at whose visit it was found: some lists are
    not for what a draw finds (U54).
    """
    return (
        cause_code in row["causes"]
        and source not in row["excluded_sources"]
        and origin not in row.get("excluded_origins", ())
    )
