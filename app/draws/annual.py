"""The year's plan 年度抽查计划: what it says of each kind of unit, and how far a year has come.

Pure decisions over values. The law (上海市优化营商环境条例) wants published who inspects whom, how,
for what and what share of them: each item says all five.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from app.draws.population import StratumCode, UnitRow, strata_of
from app.draws.stages import (
    KIND_NAMES,
    DrawKind,
    Fault,
    is_graded,
    is_rule,
    joint_faults,
)
from app.tasks.rules import JointRole

QUARTERS = ("Q1", "Q2", "Q3", "Q4")


class Way(StrEnum):
    """How an item is inspected."""

    ON_SITE = "on-site"
    OFF_SITE = "off-site"
    BOTH = "both"


WAY_NAMES: Mapping[str, str] = {
    Way.ON_SITE: "现场检查",
    Way.OFF_SITE: "非现场检查",
    Way.BOTH: "现场与非现场相结合",
}


@dataclass(frozen=True)
class Item:
    """One line of a year's plan; `listed` and `planned` are of the day of publication.

    `factor` names the weight rule by whose grades the rule is given, where it is given by grades.
    No quarters mean any time of the year.
    """

    level: DrawKind
    stratum: str
    rule: Any
    scope: str
    organs: Sequence[str]
    way: Way
    checklists: Sequence[str]
    basis: str
    periods: Sequence[str] = ()
    factor: str | None = None
    role: JointRole | None = None
    lead_department: str | None = None
    partner_departments: Sequence[str] = ()
    area: str | None = None
    listed: int | None = None
    planned: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        return str(self.level), self.stratum

    def as_json(self) -> dict[str, Any]:
        """Return the item as it is stored and published."""
        plain = {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}
        return {key: str(v) if isinstance(v, StrEnum) else v for key, v in plain.items()}


def read_item(stored: Mapping[str, Any]) -> Item:
    """Return an item as it was stored."""
    role = stored["role"]
    return Item(
        **{
            **stored,
            "level": DrawKind(stored["level"]),
            "way": Way(stored["way"]),
            "role": None if role is None else JointRole(role),
        }
    )


def faults(items: Sequence[Item]) -> list[Fault]:
    """Return what keeps a year's plan from being saved, item by item."""
    found: list[Fault] = []
    if not items:
        found.append(Fault("items", "年度计划至少要有一项。"))
    times = Counter(item.key for item in items)
    for number, item in enumerate(items):
        name = f"items/{number}"
        if times[item.key] > 1:
            level = KIND_NAMES[item.level]
            found.append(Fault(name, f"“{item.stratum}”的{level}出现了不止一次。"))
        found += [Fault(f"{name}/{one.field}", one.detail) for one in _item_faults(item)]
    return found


def _item_faults(item: Item) -> Iterable[Fault]:
    weighted = isinstance(item.rule, Mapping) and not is_graded(item.rule)
    if not is_rule(item.rule) or weighted:
        yield Fault("rule", "应为数量、[分子, 分母] 的比例，或按等级规定的比例；比例不超过 1。")
    elif is_graded(item.rule) != (item.factor is not None):
        yield Fault("factor", "按等级规定比例的，应写明依据哪一种等级；其他情况不写。")
    if not item.checklists:
        yield Fault("checklists", "应写明检查项目（检查表）。")
    if len(set(item.periods)) != len(item.periods):
        yield Fault("periods", "季度重复。")
    yield from joint_faults(item, item.level)


# ---- bases ---------------------------------------------------------------------------------------


class Base(NamedTuple):
    """How many units an item is about, and how many of each class of `risk`, `credit`."""

    listed: int
    classes: Mapping[str, Mapping[str | None, int]]


def count_bases(
    items: Sequence[Item], codes: Mapping[str, StratumCode], units: Iterable[UnitRow]
) -> list[Base]:
    """Return the base of every item, over the units that are on the register."""
    by_level: dict[str, list[StratumCode]] = {}
    for item in items:
        if item.stratum in codes:
            by_level.setdefault(str(item.level), []).append(codes[item.stratum])
    listed: Counter[tuple[str, str]] = Counter()
    classes: dict[tuple[str, str], dict[str, Counter[str | None]]] = {}
    for unit in units:
        for level, strata in by_level.items():
            for name in strata_of(unit, strata):
                listed[level, name] += 1
                known = classes.setdefault((level, name), {})
                for field, value in unit.classes.items():
                    known.setdefault(field, Counter())[value] += 1
    return [Base(listed[item.key], classes.get(item.key, {})) for item in items]


def planned(rule: Any, base: Base, *, of: str | None = None, unrated: str | None = None) -> int:
    """Return how many units a rule comes to; ratios are rounded up, grade by grade.

    `of` is the class (`risk`, `credit`) whose grades the rule names, `unrated` the grade of units
    that have none.
    """
    if isinstance(rule, int):
        return min(rule, base.listed)
    if not isinstance(rule, Mapping):
        return int(-(-base.listed * rule[0] // rule[1]))
    sizes: Counter[str | None] = Counter()
    for grade, count in base.classes.get(of or "", {}).items():
        sizes[grade or unrated] += count
    return sum(int(-(-sizes[grade] * num // den)) for grade, (num, den) in rule.items())


# ---- how far the year has come -------------------------------------------------------------------


class Done(NamedTuple):
    """How many were drawn (or given) in a year, and how many of these tasks are completed."""

    drawn: int
    completed: int


class Row(NamedTuple):
    """How many tasks of a level and stratum there are; a stratum is a specialty and its class."""

    level: str
    specialty: str
    stratum: str | None
    drawn: int
    completed: int


def match(level: str, stratum: str | None, specialty: str, items: Sequence[Item]) -> int | None:
    """Return the number of the item under which a stratum falls: its own, else its specialty's."""
    keys = {item.key: number for number, item in enumerate(items)}
    own = None if stratum is None else keys.get((level, stratum))
    return keys.get((level, specialty)) if own is None else own


def progress(items: Sequence[Item], rows: Iterable[Row]) -> list[Done]:
    """Return for every item how far it has come."""
    drawn, completed = [0] * len(items), [0] * len(items)
    for row in rows:
        number = match(row.level, row.stratum, row.specialty, items)
        if number is not None:
            drawn[number] += row.drawn
            completed[number] += row.completed
    return [Done(*pair) for pair in zip(drawn, completed, strict=True)]


class Warned(NamedTuple):
    """In what a draw departs from the year's plan; said, never forbidden."""

    code: str
    stratum: str
    detail: str


class Wanted(NamedTuple):
    """How many units of a stratum a draw is going to take."""

    stratum: str
    specialty: str
    drawn: int


def departures(
    items: Sequence[Item],
    done: Sequence[Done],
    wanted: Sequence[Wanted],
    *,
    level: str,
    period: str,
) -> list[Warned]:
    """Return in what a draw of a level and period departs from the year's plan."""
    found: list[Warned] = []
    sums: Counter[int] = Counter()
    quarters = quarters_of(period)
    for one in wanted:
        number = match(level, one.stratum, one.specialty, items)
        if number is None:
            detail = f"“{one.stratum}”的{KIND_NAMES[level]}不在年度抽查计划内。"
            found.append(Warned("not-in-annual-plan", one.stratum, detail))
            continue
        sums[number] += one.drawn
        periods = items[number].periods
        if periods and not quarters & set(periods):
            detail = f"年度抽查计划安排“{one.stratum}”在 {'、'.join(periods)} 抽查。"
            found.append(Warned("period-not-planned", one.stratum, detail))
    for number, more in sorted(sums.items()):
        item, before = items[number], done[number].drawn
        if item.planned is not None and before + more > item.planned:
            detail = (
                f"年度抽查计划安排“{item.stratum}” {item.planned} 家，"
                f"已抽 {before} 家，加上本次 {more} 家将超出计划。"
            )
            found.append(Warned("beyond-annual-plan", item.stratum, detail))
    return found


def quarters_of(period: str) -> set[str]:
    """Return the quarters that a period (`2026`, `2026-Q4`, `2026-H2`, `2026-11`) lies in."""
    part = period[5:]
    if part.startswith("Q"):
        return {part}
    if part.startswith("H"):
        return set(QUARTERS[:2] if part == "H1" else QUARTERS[2:])
    return {QUARTERS[(int(part) - 1) // 3]} if part else set(QUARTERS)


def due_on(year: int, publish_by: str) -> date | None:
    """Return the day by which the plan of a year is published; `publish_by` is `03-31`."""
    if not re.fullmatch(r"[01]\d-[0-3]\d", publish_by):
        return None
    try:
        return date.fromisoformat(f"{year}-{publish_by}")
    except ValueError:
        return None
