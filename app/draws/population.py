"""What is frozen before a draw: who is on the list with which weight, and who may go where.

Pure: rows of the register in, rows of the files out. Every exclusion has a reason, and whoever is
excluded still counts in the base, so that exclusions cannot lower what has to be inspected.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

from app.draws.assignment import AssignmentStuck, find_stuck
from app.draws.eligibility import TOP_LEVEL, Bar, Eligibility, Eligible, Need, Officer
from app.draws.rules import Factor, PlanIncomplete, certain, wanted
from app.draws.stages import is_graded

IN_OPERATION = frozenset({"in-operation", "licence-overdue", "notified"})
MAY_COME_BACK = frozenset({"suspended", "closed", "moved", "announced"})
EXAMPLES = 20


class Exclusion(StrEnum):
    """Why a listed unit has weight 0; for auditors, never for the public.

    The catalogue's `draw_exclusion` rows name them, and add those that stand for a label.
    """

    NOT_OPERATING = "not-operating"
    NEWLY_OPENED = "newly-opened"
    OPEN_TASK = "open-task"
    DRAWN_THIS_YEAR = "drawn-this-year"
    FREQUENCY_CAP = "frequency-cap"


class StratumCode(NamedTuple):
    """A stratum by name and by the catalogue's codes; without class it is a whole specialty."""

    name: str
    specialty: str
    object_class: str | None


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit as the register has it; `registrations` are pairs of specialty and object class."""

    archive_no: str
    state: str
    opened_on: date | None
    classes: Mapping[str, str | None]
    registrations: Sequence[tuple[str, str]]
    open_specialties: Collection[str] = ()
    drawn_specialties: Collection[str] = ()
    capped_specialties: Collection[str] = ()
    labels: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class OfficerRow:
    """An officer whose certificate is valid to the end; `away` when absent on every day of it."""

    certificate: str
    specialties: Collection[str]
    lead_specialties: Collection[str]
    open_tasks: int = 0
    away: bool = False


class LastTeam(NamedTuple):
    """Who went to a unit for a specialty last time, and until when each keeps away from it."""

    archive_no: str
    specialty: str
    certificates: Collection[str]
    lead: str | None


class Listed(NamedTuple):
    """A unit in a stratum; `grade` where one factor alone makes the weight."""

    archive_no: str
    stratum: str
    weight: int
    reason: str | None
    grade: str | None = None


class Cap(NamedTuple):
    """How many days of inspection a unit may have in a span of days, both included."""

    visits: int
    by_specialty: bool
    since: date
    until: date


def cap_of(setting: Mapping[str, Any], period: str, *, draw_on: date, cutoff_on: date) -> Cap:
    """Return the cap as the catalogue's rows give it, counted up to a cut-off day.

    `period` is calendar-year (that of the draw) or rolling-year (the 365 days up to the cut-off).
    """
    rolling = period == "rolling-year"
    since = cutoff_on - timedelta(days=364) if rolling else date(draw_on.year, 1, 1)
    return Cap(int(setting["visits"]), setting["scope"] == "specialty", since, cutoff_on)


def capped(
    entries: Iterable[tuple[str, date]], cap: Cap, specialties: Collection[str]
) -> frozenset[str]:
    """Return for which of a unit's specialties the cap is used up.

    `entries` are specialty and day of each visit that counts; visits of one day are one entry.
    """
    counted = [(specialty, day) for specialty, day in entries if cap.since <= day <= cap.until]
    if not cap.by_specialty:
        used = len({day for _, day in counted}) >= cap.visits
        return frozenset(specialties) if used else frozenset()
    return frozenset(
        one
        for one in specialties
        if len({day for specialty, day in counted if specialty == one}) >= cap.visits
    )


@dataclass(frozen=True)
class Terms:
    """What the plan and the catalogue say about who is listed with which weight.

    `exclusions` are the codes that the plan chose; `labels` says which of them stand for a label
    of the unit.
    """

    strata: Sequence[StratumCode]
    factors: Sequence[Factor]
    unrated: Mapping[str, str]
    exclusions: Collection[str]
    grace: timedelta
    on: date
    labels: Mapping[str, str] = field(default_factory=dict)


class StratumRow(NamedTuple):
    """One stratum with both bases, and what it will draw."""

    name: str
    specialty: str
    object_class: str | None
    rule: Any
    listed: int
    eligible: int
    drawn: int
    excluded: Mapping[str, int]
    weights: Mapping[int, int]
    takes: int
    leads: int


class Shortfall(NamedTuple):
    """What a plan cannot have: a code, the stratum, a sentence for the reader, and whose fault.

    `units` are archive numbers, at most twenty of `unit_count`; `officers` certificate numbers:
    together the tasks and the officers that cannot be matched.
    """

    code: str
    stratum: str
    detail: str
    blocking: bool
    units: Sequence[str] = ()
    unit_count: int = 0
    officers: Sequence[str] = ()


@dataclass(frozen=True)
class Frozen:
    """Everything that a freeze would hold."""

    listed: Sequence[Listed]
    officers: Sequence[Officer]
    bars: Sequence[Bar]
    strata: Sequence[StratumRow]
    shortfalls: Sequence[Shortfall] = field(default=())

    @property
    def blocking(self) -> list[Shortfall]:
        return [one for one in self.shortfalls if one.blocking]


# ---- units ---------------------------------------------------------------------------------------


def list_units(units: Iterable[UnitRow], terms: Terms) -> list[Listed]:
    """Return one row for every unit and stratum it belongs to.

    The stratum of a registration is that of its object class, else that of its specialty. Units
    whose end is final are not listed. Raises PlanIncomplete where a class has no multiplier.
    """
    by_class = _by_class(terms.strata)
    specialties = {one.name: one.specialty for one in terms.strata}
    found: list[Listed] = []
    for unit in units:
        if unit.state not in IN_OPERATION | MAY_COME_BACK:
            continue
        if not (strata := _strata_of(unit, by_class)):
            continue
        weight, grade = _weight(unit, terms)
        for name in strata:
            reason = _reason(unit, specialties[name], terms)
            found.append(Listed(unit.archive_no, name, 0 if reason else weight, reason, grade))
    return found


def strata_of(unit: UnitRow, strata: Sequence[StratumCode]) -> list[str]:
    """Return the strata in which a unit counts, whatever excludes it; none when it is gone."""
    if unit.state not in IN_OPERATION | MAY_COME_BACK:
        return []
    return _strata_of(unit, _by_class(strata))


def _by_class(strata: Sequence[StratumCode]) -> dict[tuple[str, str | None], str]:
    return {(one.specialty, one.object_class): one.name for one in strata}


def _strata_of(unit: UnitRow, by_class: Mapping[tuple[str, str | None], str]) -> list[str]:
    names = {
        by_class.get((specialty, object_class)) or by_class.get((specialty, None))
        for specialty, object_class in unit.registrations
    }
    return sorted(name for name in names if name is not None)


def _weight(unit: UnitRow, terms: Terms) -> tuple[int, str | None]:
    weight, grades = 1, []
    for factor in terms.factors:
        value = unit.classes.get(factor.field) or terms.unrated.get(factor.field, "")
        if value not in factor.weights:
            raise PlanIncomplete(
                f"权重规则没有为“{factor.field}”的等级“{value}”规定倍数，请在目录中补充。",
                archive_no=unit.archive_no,
            )
        weight *= factor.weights[value]
        grades.append(value)
    return weight, grades[0] if len(grades) == 1 else None


def _reason(unit: UnitRow, specialty: str, terms: Terms) -> str | None:
    """Return the first reason that applies, of those that the plan chose."""
    reasons = (one for one in _reasons(unit, specialty, terms) if one in terms.exclusions)
    return next(reasons, None)


def _reasons(unit: UnitRow, specialty: str, terms: Terms) -> Iterable[str]:
    if unit.state not in IN_OPERATION:
        yield str(Exclusion.NOT_OPERATING)
    if unit.opened_on is not None and terms.on < unit.opened_on + terms.grace:
        yield str(Exclusion.NEWLY_OPENED)
    if specialty in unit.open_specialties:
        yield str(Exclusion.OPEN_TASK)
    if specialty in unit.drawn_specialties:
        yield str(Exclusion.DRAWN_THIS_YEAR)
    if specialty in unit.capped_specialties:
        yield str(Exclusion.FREQUENCY_CAP)
    yield from (code for code, label in terms.labels.items() if label in unit.labels)


# ---- ratios by grade -----------------------------------------------------------------------------


def by_weight(rules: Mapping[str, Any], factors: Sequence[Factor]) -> dict[str, Any]:
    """Return the rules as a manifest names them: a ratio by grade becomes one by weight.

    Raises PlanIncomplete where a grade has no weight, or two grades with different ratios share
    one: then the ratio of neither would be what the plan says.
    """
    return {
        name: _by_weight(name, rule, factors) if is_graded(rule) else rule
        for name, rule in rules.items()
    }


def _by_weight(name: str, rule: Mapping[str, Any], factors: Sequence[Factor]) -> dict[str, Any]:
    if len(factors) != 1:
        raise PlanIncomplete("按等级规定比例的计划，应当只用一种等级作权重因素。")
    found: dict[str, tuple[str, Any]] = {}
    for grade, ratio in sorted(rule.items()):
        if grade not in factors[0].weights:
            raise PlanIncomplete(f"“{name}”规定了 {grade} 级的比例，权重规则没有这一级。")
        weight = str(factors[0].weights[grade])
        other, known = found.setdefault(weight, (grade, ratio))
        if list(known) != list(ratio):
            raise PlanIncomplete(
                f"“{name}”的 {other} 级和 {grade} 级比例不同，权重规则却给了相同的权重 {weight}，"
                "请改用各级权重不同的规则（例如 credit-grade）。"
            )
    return {weight: ratio for weight, (_, ratio) in found.items()}


def list_given(units: Iterable[tuple[str, str]], strata: Sequence[StratumCode]) -> list[Listed]:
    """Return one row for every unit and stratum of a given list; pairs of number and specialty.

    The list says who is inspected: nobody is left out and nobody is likelier than others.
    """
    names = {one.specialty: one.name for one in strata if one.object_class is None}
    found = {(number, names[specialty]) for number, specialty in units if specialty in names}
    return [Listed(number, name, 1, None) for number, name in sorted(found)]


# ---- officers ------------------------------------------------------------------------------------


def list_officers(
    officers: Iterable[OfficerRow], strata: Sequence[StratumCode], limit: int | None
) -> list[Officer]:
    """Return the lines of officers.tsv; `limit` is the most open tasks an officer may have."""

    def names(specialties: Collection[str]) -> frozenset[str]:
        return frozenset(one.name for one in strata if one.specialty in specialties)

    return [
        Officer(
            one.certificate,
            one.open_tasks,
            None if limit is None else max(0, limit - one.open_tasks),
            names(one.specialties),
            names(set(one.specialties) & set(one.lead_specialties)),
        )
        for one in officers
    ]


def list_bars(
    listed: Sequence[Listed],
    officers: Sequence[Officer],
    strata: Sequence[StratumCode],
    *,
    recusals: Collection[tuple[str, str]],
    away: Collection[str],
    last_teams: Iterable[LastTeam],
) -> list[Bar]:
    """Return the lines of barred.tsv for the whole list.

    `recusals` are pairs of certificate and archive number. Only who could go at all is barred. The
    last lead stands there twice: as one of the last team, and as its lead.
    """
    takes = {one.certificate: one.takes for one in officers}
    specialties = {one.name: one.specialty for one in strata}
    recused: dict[str, list[str]] = {}
    for certificate, archive_no in recusals:
        recused.setdefault(archive_no, []).append(certificate)
    teams = {(one.archive_no, one.specialty): one for one in last_teams}
    bars: set[Bar] = set()
    for unit in listed:
        last = teams.get((unit.archive_no, specialties[unit.stratum]))
        reasons = [
            *((certificate, "recusal") for certificate in recused.get(unit.archive_no, ())),
            *((certificate, "absence") for certificate in away),
            *((certificate, "last-team") for certificate in (last.certificates if last else ())),
            *([(last.lead, "last-lead")] if last and last.lead else ()),
        ]
        bars.update(
            Bar(unit.stratum, unit.archive_no, certificate, reason)
            for certificate, reason in reasons
            if unit.stratum in takes.get(certificate, ())
        )
    return sorted(bars)


# ---- the whole -----------------------------------------------------------------------------------


def freeze(
    listed: Sequence[Listed],
    officers: Sequence[Officer],
    bars: Sequence[Bar],
    *,
    strata: Sequence[StratumCode],
    rules: Mapping[str, Any],
    team_size: int,
    grades: Mapping[str, Collection[str]] | None = None,
) -> Frozen:
    """Return what is to be frozen, with both bases of every stratum and what cannot be met.

    `rules` are those by weight; `grades` names the grades of each stratum that gave a ratio by
    grade.
    """
    by_stratum: dict[str, list[Listed]] = {one.name: [] for one in strata}
    for unit in listed:
        by_stratum[unit.stratum].append(unit)
    rows = [_stratum_row(one, rules[one.name], by_stratum[one.name], officers) for one in strata]
    shortfalls = [
        *(found for row in rows for found in _missing(row, by_stratum[row.name], grades or {})),
        *_uncovered(listed, officers, bars, team_size),
        *_crowded(rows, by_stratum, officers, bars, team_size),
    ]
    return Frozen(listed, officers, bars, rows, shortfalls)


def _stratum_row(
    one: StratumCode, rule: Any, units: Sequence[Listed], officers: Sequence[Officer]
) -> StratumRow:
    weights = Counter(unit.weight for unit in units if unit.weight)
    eligible = weights.total()
    if isinstance(rule, Mapping):
        drawn = sum(
            wanted(tuple(rule[str(weight)]), count, count)
            for weight, count in weights.items()
            if str(weight) in rule
        )
    else:
        exact = rule if isinstance(rule, int) else (rule[0], rule[1])
        drawn = wanted(exact, len(units), eligible)
    return StratumRow(
        name=one.name,
        specialty=one.specialty,
        object_class=one.object_class,
        rule=rule,
        listed=len(units),
        eligible=eligible,
        drawn=drawn,
        excluded=Counter(unit.reason for unit in units if unit.reason),
        weights=weights,
        takes=sum(one.name in officer.takes for officer in officers),
        leads=sum(one.name in officer.leads for officer in officers),
    )


class Share(NamedTuple):
    """A weight class with its exact mean over all seeds, and the chance of one of its units."""

    weight: int
    units: int
    expected: Fraction
    chance: Fraction


def shares(row: StratumRow) -> list[Share]:
    """Return what each weight class of a stratum may expect, by weight."""
    sizes = {weight: row.weights[weight] for weight in sorted(row.weights)}
    if isinstance(row.rule, Mapping):
        means = {
            weight: Fraction(wanted(tuple(row.rule.get(str(weight), (0, 1))), size, size))
            for weight, size in sizes.items()
        }
    else:
        whole, left = certain(sizes, row.drawn)
        total = sum(weight * size for weight, size in sizes.items() if weight not in whole)
        means = {
            weight: Fraction(
                size if weight in whole else left * weight * size, 1 if weight in whole else total
            )
            for weight, size in sizes.items()
        }
    return [
        Share(weight, size, means[weight], means[weight] / size) for weight, size in sizes.items()
    ]


def _missing(
    row: StratumRow, units: Sequence[Listed], grades: Mapping[str, Collection[str]]
) -> Iterable[Shortfall]:
    """What a stratum lacks by itself: units, or a ratio for one of its weights or grades."""
    if not row.listed:
        detail = f"“{row.name}”没有在册单位，不会抽取。"
        yield Shortfall("stratum-empty", row.name, detail, blocking=False)
    if row.name in grades:
        yield from _without_ratio(row, units, grades[row.name])
    elif isinstance(row.rule, Mapping):
        for weight in sorted(row.weights):
            if str(weight) not in row.rule:
                numbers = [one.archive_no for one in units if one.weight == weight]
                detail = f"“{row.name}”有权重为 {weight} 的单位，计划没有规定它的抽查比例。"
                yield _shortfall("class-without-ratio", row.name, detail, numbers)
    if isinstance(row.rule, Mapping):
        return
    n = row.rule if isinstance(row.rule, int) else -(-row.listed * row.rule[0] // row.rule[1])
    if row.listed and n > row.eligible:
        detail = f"“{row.name}”应抽 {n} 家，可抽的只有 {row.eligible} 家，将全部抽取。"
        yield Shortfall("fewer-than-wanted", row.name, detail, blocking=False)


def _without_ratio(
    row: StratumRow, units: Sequence[Listed], grades: Collection[str]
) -> Iterable[Shortfall]:
    drawable = [one for one in units if one.weight]
    for grade in sorted({one.grade or "" for one in drawable} - set(grades)):
        numbers = [one.archive_no for one in drawable if one.grade == grade]
        detail = f"“{row.name}”有 {grade} 级的单位，计划没有规定这一级的抽查比例。"
        yield _shortfall("grade-without-ratio", row.name, detail, numbers)


def _shortfall(
    code: str,
    stratum: str,
    detail: str,
    units: Collection[str],
    officers: Iterable[str] = (),
    *,
    blocking: bool = True,
) -> Shortfall:
    shown = sorted(units, key=str.encode)[:EXAMPLES]
    names = sorted(set(officers), key=str.encode)
    return Shortfall(code, stratum, detail, blocking, shown, len(units), names)


def _uncovered(
    listed: Sequence[Listed], officers: Sequence[Officer], bars: Sequence[Bar], team_size: int
) -> Iterable[Shortfall]:
    """Units for which there is no team even when rotation is given up: refused before the seed.

    Each of them may be drawn, so that no selection is safe.
    """
    needs = [Need(unit.stratum, unit.archive_no, team_size) for unit in listed if unit.weight]
    by_stratum: dict[str, list[Eligible]] = {}
    for row in Eligibility(officers, bars).uncovered(needs):
        by_stratum.setdefault(row.need.stratum, []).append(row)
    for stratum, rows in sorted(by_stratum.items()):
        one = rows[0]
        names = "、".join(sorted(one.takes)) or "无"
        leads = "、".join(sorted(one.leads)) or "无"
        detail = (
            f"“{stratum}”有 {len(rows)} 家单位无人可派，例如档案编号 {one.need.id}："
            f"需要 {team_size} 人，除去回避和请假后可以参加的是 {names}，可以主办的是 {leads}。"
        )
        yield _shortfall(
            "unit-uncovered",
            stratum,
            detail,
            [row.need.id for row in rows],
            (certificate for row in rows for certificate in row.takes),
        )


def _crowded(
    rows: Sequence[StratumRow],
    by_stratum: Mapping[str, Sequence[Listed]],
    officers: Sequence[Officer],
    bars: Sequence[Bar],
    team_size: int,
) -> Iterable[Shortfall]:
    """Work that the officers have no room for: places will be added by the rule, and shown.

    First as if nobody were barred: what gets stuck then gets stuck for every selection. Else with
    the units that are hardest to staff: then it depends on who is drawn. Stuck tasks and officers
    are a set of Hall.
    """
    if all(officer.room is None for officer in officers):
        return
    open_to_all, barred = Eligibility(officers), Eligibility(officers, bars)
    best = [
        open_to_all.row(Need(row.name, str(number), team_size), TOP_LEVEL)
        for row in rows
        for number in range(row.drawn)
    ]
    stuck = find_stuck(officers, [one for one in best if one.enough])
    if stuck is not None:
        told = f"{_tasks_of(stuck)}，无论抽中哪些单位都会超出名额，将按规则增加名额并在结果中列明。"
        yield Shortfall("room-short", "", told, False, (), len(stuck.rows), tuple(stuck.officers))
        return
    worst: list[Eligible] = []
    for row in rows:
        drawable = [one for one in by_stratum[row.name] if one.weight]
        found = [
            barred.row(Need(row.name, one.archive_no, team_size), TOP_LEVEL) for one in drawable
        ]
        found.sort(key=lambda one: (len(one.leads), len(one.takes), one.need.id.encode()))
        worst += [one for one in found if one.enough][: row.drawn]
    stuck = find_stuck(officers, worst)
    if stuck is not None:
        told = f"{_tasks_of(stuck)}，若抽中这些单位将超出名额，届时按规则增加名额并在结果中列明。"
        units = [row.need.id for row in stuck.rows]
        yield _shortfall("room-may-be-short", "", told, units, stuck.officers, blocking=False)


def _tasks_of(stuck: AssignmentStuck) -> str:
    names = "、".join(f"“{name}”" for name in sorted({row.need.stratum for row in stuck.rows}))
    return f"{names}的 {len(stuck.rows)} 项任务一共只有 {len(stuck.officers)} 名监督员可派"
