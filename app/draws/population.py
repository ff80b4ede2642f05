"""What is frozen before a draw: who is on the list with which weight, and who may go where.

Pure: rows of the register in, rows of the files out. Every exclusion has a reason, and whoever is
excluded still counts in the base, so that exclusions cannot lower what has to be inspected.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from app.draws.eligibility import Bar, Eligibility, Need, Officer
from app.draws.rules import Factor, PlanIncomplete, wanted

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
    archive_no: str
    stratum: str
    weight: int
    reason: str | None


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
    """What a plan cannot have: a code, the stratum, and a sentence for the reader."""

    code: str
    stratum: str
    detail: str
    blocking: bool


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
        weight = _weight(unit, terms)
        for name in strata:
            reason = _reason(unit, specialties[name], terms)
            found.append(Listed(unit.archive_no, name, 0 if reason else weight, reason))
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


def _weight(unit: UnitRow, terms: Terms) -> int:
    weight = 1
    for factor in terms.factors:
        value = unit.classes.get(factor.field) or terms.unrated.get(factor.field, "")
        if value not in factor.weights:
            raise PlanIncomplete(
                f"权重规则没有为“{factor.field}”的等级“{value}”规定倍数，请在目录中补充。",
                archive_no=unit.archive_no,
            )
        weight *= factor.weights[value]
    return weight


def _reason(unit: UnitRow, specialty: str, terms: Terms) -> str | None:
    """Return the first reason that applies, of those that the plan chose."""
    new = unit.opened_on is not None and terms.on < unit.opened_on + terms.grace
    found: dict[str, bool] = {
        Exclusion.NOT_OPERATING: unit.state not in IN_OPERATION,
        Exclusion.NEWLY_OPENED: new,
        Exclusion.OPEN_TASK: specialty in unit.open_specialties,
        Exclusion.DRAWN_THIS_YEAR: specialty in unit.drawn_specialties,
        Exclusion.FREQUENCY_CAP: specialty in unit.capped_specialties,
        **{code: label in unit.labels for code, label in terms.labels.items()},
    }
    return next(
        (str(code) for code, holds in found.items() if holds and code in terms.exclusions), None
    )


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
) -> Frozen:
    """Return what is to be frozen, with both bases of every stratum and what cannot be met."""
    rows = [_stratum_row(one, rules[one.name], listed, officers) for one in strata]
    shortfalls = [
        *(found for row in rows for found in _missing(row)),
        *_uncovered(listed, officers, bars, team_size),
        *_crowded(rows, officers, team_size),
    ]
    return Frozen(listed, officers, bars, rows, shortfalls)


def _stratum_row(
    one: StratumCode, rule: Any, listed: Sequence[Listed], officers: Sequence[Officer]
) -> StratumRow:
    units = [unit for unit in listed if unit.stratum == one.name]
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


def _missing(row: StratumRow) -> Iterable[Shortfall]:
    """What a stratum lacks by itself: units, or a ratio for one of its weights."""
    if not row.listed:
        detail = f"“{row.name}”没有在册单位，不会抽取。"
        yield Shortfall("stratum-empty", row.name, detail, blocking=False)
    if isinstance(row.rule, Mapping):
        for weight in sorted(row.weights):
            if str(weight) not in row.rule:
                detail = f"“{row.name}”有权重为 {weight} 的单位，计划没有规定它的抽查比例。"
                yield Shortfall("class-without-ratio", row.name, detail, blocking=True)
        return
    n = row.rule if isinstance(row.rule, int) else -(-row.listed * row.rule[0] // row.rule[1])
    if row.listed and n > row.eligible:
        detail = f"“{row.name}”应抽 {n} 家，可抽的只有 {row.eligible} 家，将全部抽取。"
        yield Shortfall("fewer-than-wanted", row.name, detail, blocking=False)


def _uncovered(
    listed: Sequence[Listed], officers: Sequence[Officer], bars: Sequence[Bar], team_size: int
) -> Iterable[Shortfall]:
    """Units for which there is no team even when rotation is given up: refused before the seed."""
    needs = [Need(unit.stratum, unit.archive_no, team_size) for unit in listed if unit.weight]
    by_stratum: dict[str, list[Any]] = {}
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
        yield Shortfall("unit-uncovered", stratum, detail, blocking=True)


def _crowded(
    rows: Sequence[StratumRow], officers: Sequence[Officer], team_size: int
) -> Iterable[Shortfall]:
    """More places to fill than the officers have room for: places will be added, and shown."""
    if any(officer.room is None for officer in officers):
        return
    room = sum(officer.room or 0 for officer in officers)
    slots = sum(row.drawn for row in rows) * team_size
    if slots > room:
        detail = f"共需 {slots} 人次，监督员的名额合计 {room}，将按规则增加名额并在结果中列明。"
        yield Shortfall("room-short", "", detail, blocking=False)
