"""How much units are disturbed 入企扰企: entries saved, who is entered how often, and too often.

Read from the visits of a period as the ledger of caps does, beside the same days a year before.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app.caps import queries as cap_queries
from app.caps import rules as cap_rules
from app.caps import service as caps
from app.caps.models import CapException
from app.caps.rules import Cap, Verdict
from app.catalogue import queries as catalogue_queries
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.codes import queries as code_queries
from app.days import local_date, year_before
from app.db import db
from app.jointvisits.models import JointPlan, JointVisit, JointVisitTask
from app.jointvisits.rules import PlanState, VisitState
from app.people.models import Officer
from app.reports import disturbance_rules as rules
from app.reports.dated import on_days, visited_at, visited_within
from app.reports.disturbance_rules import NUMBERS, Beyond, By, Code, Entry, Line, Went
from app.reports.quantities import Quantity, change_percent, count_of
from app.reports.service import PeriodReversed
from app.tasks.models import Task
from app.tasks.rules import KIND_NAMES
from app.units.models import Unit
from app.visits.models import Finding, Visit, VisitAttendance


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of the period, and of the same days a year before with the change in per cent."""

    code: Code
    name: str
    quantity: Quantity
    before: Quantity
    change: Decimal | None


@dataclass(frozen=True, slots=True)
class CapLine:
    """What was beyond a cap: entries by what the cap said of them, and how many units."""

    cap: Cap
    units: int
    entries: int
    verdicts: dict[Verdict, int]


@dataclass(frozen=True, slots=True)
class Planned:
    """What published plans of joint visits meant for the days, and what became of their tasks."""

    tasks: int
    entries: int
    saved: int
    visited: int
    made: int
    really_saved: int


@dataclass(frozen=True, slots=True)
class Disturbance:
    """The report of a period; shares are texts of two decimals, None where nothing happened."""

    from_on: date
    until_on: date
    counted: list[Counted]
    tasks_per_entry: str | None
    saved_percent: str | None
    clean_percent: str | None
    again_percent: str | None
    distribution: dict[int, int]
    lines: dict[By, list[Line]]
    caps: list[CapLine]
    planned: Planned


class Chosen(NamedTuple):
    """Which entries are to be listed; what is None does not choose."""

    number: Code | None = None
    by: By | None = None
    code: str | None = None
    unit_id: UUID | None = None
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Excess:
    """An entry beyond a cap, with the exception that lets it be and its reason."""

    beyond: Beyond
    exception_id: UUID | None
    reason: str | None


def report(agency_id: UUID, from_on: date, until_on: date) -> Disturbance:
    """Count the entries of a period, both days included. Raises PeriodReversed."""
    held, first = _held(from_on, until_on)
    every = entries(agency_id, first, until_on)
    now = [one for one in every if one.on >= from_on]
    last = year_before(until_on)
    before = [one for one in every if year_before(from_on) <= one.on <= last]
    excesses = _beyond(every, held, from_on, until_on)
    numbers = {code: rules.count(code, now) for code in Code}
    return Disturbance(
        from_on,
        until_on,
        [_counted(code, numbers[code], rules.count(code, before)) for code in Code],
        tasks_per_entry=_share(numbers[Code.SEPARATE], numbers[Code.ENTRIES], 1),
        saved_percent=_share(numbers[Code.SAVED], numbers[Code.SEPARATE]),
        clean_percent=_share(numbers[Code.CLEAN], numbers[Code.ENTRIES]),
        again_percent=_share(numbers[Code.UNITS_AGAIN], numbers[Code.UNITS]),
        distribution=rules.distribution(now),
        lines={by: rules.lines(by, now) for by in By},
        caps=[_cap_line(cap, excesses) for cap in held],
        planned=_planned(agency_id, from_on, until_on, now),
    )


def chosen_entries(agency_id: UUID, from_on: date, until_on: date, what: Chosen) -> list[Entry]:
    """Return the entries behind a number, of a line or into a unit. Raises PeriodReversed."""
    _in_order(from_on, until_on)
    found = entries(agency_id, from_on, until_on, unit_id=what.unit_id)
    if what.times is not None:
        found = rules.of_units_entered(found, what.times)
    if what.number is not None:
        found = rules.behind(what.number, found)
    if what.by is not None and what.code is not None:
        found = rules.of_kind(what.by, what.code, found)
    return found


def excesses(agency_id: UUID, from_on: date, until_on: date, cap_code: str) -> list[Excess]:
    """Return the entries of a period beyond a cap. Raises PeriodReversed."""
    held, first = _held(from_on, until_on)
    every = entries(agency_id, first, until_on)
    one_cap = [cap for cap in held if cap.code == cap_code]
    found = _beyond(every, one_cap, from_on, until_on)
    allowed = _exceptions([one.entry for one in found], from_on, until_on)
    return [_with_exception(one, allowed) for one in found]


def names_of(by: By, on: date) -> dict[str, str]:
    """Return how people call the codes by which entries are told apart; others are words already.

    A code that has left the catalogue keeps its last name.
    """
    if by is By.LEVEL:
        return dict(KIND_NAMES)
    if by is not By.ORIGIN:
        return {}
    names = {row.code: str(row.body["name"]) for row in catalogue_queries.rows_of("origin")}
    now = {row.code: str(row.body["name"]) for row in catalogue.in_force("origin", on)}
    return {**names, **now, "triggered": "触发式检查"}


def units_named(entries: Sequence[Entry]) -> dict[UUID, tuple[str, str]]:
    """Return archive number and name of the units of entries."""
    wanted, found = sorted({one.unit_id for one in entries}), {}
    for place in range(0, len(wanted), 500):
        query = sa.select(Unit.id, Unit.archive_no, Unit.name)
        some = query.where(Unit.id.in_(wanted[place : place + 500]))
        found.update({row[0]: (row[1], row[2]) for row in db.session.execute(some)})
    return found


# --- what took place ---------------------------------------------------------------------------


def entries(
    agency_id: UUID, from_on: date, until_on: date, *, unit_id: UUID | None = None
) -> list[Entry]:
    """Return the entries of some days in their order; a talk that is no inspection is none."""
    origins = catalogue_queries.rows_of(Kind.ORIGIN)
    talks = sorted({row.code for row in origins if not row.body["is_inspection"]})
    exempt = {row.code for row in origins if not row.body["counts_to_cap"]}
    which = [
        Visit.agency_id == agency_id,
        visited_within(from_on, until_on),
        sa.or_(Task.id.is_(None), Task.origin.not_in(talks)),
    ]
    if unit_id is not None:
        which.append(Visit.unit_id == unit_id)
    joint = code_queries.visits_with_partners_of(agency_id)
    return rules.entries_of(_visits(which, joint), exempt_origins=exempt)


def _visits(which: Sequence[sa.ColumnElement[bool]], joint: Collection[UUID]) -> list[Went]:
    there = sa.select(Visit.id, VisitAttendance.officer_id, Officer.team)
    officers: dict[UUID, dict[UUID, str]] = {}
    for visit_id, officer_id, team in db.session.execute(
        there.select_from(Visit)
        .outerjoin(Task, Task.id == Visit.task_id)
        .join(VisitAttendance, VisitAttendance.visit_id == Visit.id)
        .join(Officer, Officer.id == VisitAttendance.officer_id)
        .where(*which)
        .order_by(VisitAttendance.recorded_at, VisitAttendance.officer_id)
    ):
        officers.setdefault(visit_id, {})[officer_id] = team
    query = (
        sa.select(
            Visit.id,
            Visit.unit_id,
            visited_at().label("at"),
            Visit.task_id,
            Visit.finished_at,
            sa.exists().where(Finding.visit_id == Visit.id).label("found"),
            Task.origin,
            Task.level,
            Task.specialty,
            Task.object_class,
            Task.lead_officer_id,
        )
        .outerjoin(Task, Task.id == Visit.task_id)
        .where(*which)
    )
    return [
        _went(row, officers.get(row.id, {}), joint=row.id in joint)
        for row in db.session.execute(query)
    ]


def _went(row: Any, officers: dict[UUID, str], *, joint: bool) -> Went:
    leads = officers.get(row.lead_officer_id)
    return Went(
        id=row.id,
        unit_id=row.unit_id,
        on=local_date(row.at),
        at=row.at,
        officers=frozenset(officers),
        department=leads if leads is not None else next(iter(officers.values()), ""),
        task_id=row.task_id,
        origin=row.origin,
        level=row.level,
        specialty=row.specialty,
        object_class=row.object_class,
        finished=row.finished_at is not None,
        found=row.found,
        joint=joint,
    )


# --- caps and plans ----------------------------------------------------------------------------


def _held(from_on: date, until_on: date) -> tuple[list[Cap], date]:
    """Return the caps in force at the cut-off, and the first day that has to be read for them."""
    _in_order(from_on, until_on)
    held = caps.caps_on(until_on)
    firsts = [cap_rules.span(cap.period, from_on)[0] for cap in held]
    return held, min([year_before(from_on), *firsts])


def _beyond(
    every: Sequence[Entry], held: Sequence[Cap], from_on: date, until_on: date
) -> list[Beyond]:
    allowed = _exceptions(every, from_on, until_on)

    def excepted(unit_id: UUID, cap_code: str, on: date) -> bool:
        return any(
            one.from_on <= on <= one.until_on for one in allowed.get((unit_id, cap_code), ())
        )

    siblings = cap_queries.siblings_of({one.unit_id for one in every})
    return rules.beyond(every, held, from_on=from_on, excepted=excepted, siblings=siblings)


def _exceptions(
    every: Sequence[Entry], from_on: date, until_on: date
) -> dict[tuple[UUID, str], list[CapException]]:
    found: dict[tuple[UUID, str], list[CapException]] = {}
    for one in cap_queries.approved_between({one.unit_id for one in every}, from_on, until_on):
        found.setdefault((one.unit_id, one.cap_code), []).append(one)
    return found


def _with_exception(one: Beyond, allowed: dict[tuple[UUID, str], list[CapException]]) -> Excess:
    on = one.entry.on
    for exception in allowed.get((one.entry.unit_id, one.cap.code), ()):
        if exception.from_on <= on <= exception.until_on:
            return Excess(one, exception.id, exception.reason)
    return Excess(one, None, None)


def _cap_line(cap: Cap, found: Sequence[Beyond]) -> CapLine:
    own = [one for one in found if one.cap.code == cap.code]
    verdicts: dict[Verdict, int] = {}
    for one in own:
        verdicts[one.verdict] = verdicts.get(one.verdict, 0) + 1
    return CapLine(cap, len({one.entry.unit_id for one in own}), len(own), verdicts)


def _planned(agency_id: UUID, from_on: date, until_on: date, made: Sequence[Entry]) -> Planned:
    """Compare what published plans meant to save with what the visits of their tasks saved."""
    query = (
        sa.select(JointVisit.id, JointVisitTask.task_id)
        .join_from(JointVisit, JointPlan, JointPlan.id == JointVisit.plan_id)
        .join(JointVisitTask, JointVisitTask.joint_visit_id == JointVisit.id)
        .where(
            JointVisit.agency_id == agency_id,
            JointVisit.state == VisitState.PLANNED,
            on_days(JointVisit.planned_on, from_on, until_on),
            JointPlan.state == PlanState.PUBLISHED,
        )
    )
    rows = db.session.execute(query).all()
    tasks = {row[1] for row in rows}
    planned = len({row[0] for row in rows})
    own = [[one for one in entry.visits if one.task_id in tasks] for entry in made]
    visited, entered = sum(map(len, own)), sum(1 for some in own if some)
    return Planned(
        tasks=len(tasks),
        entries=planned,
        saved=len(tasks) - planned,
        visited=visited,
        made=entered,
        really_saved=visited - entered,
    )


# --- figures -----------------------------------------------------------------------------------


def _counted(code: Code, number: int, earlier: int) -> Counted:
    unit = NUMBERS[code].unit
    now, before = count_of(number, unit), count_of(earlier, unit)
    return Counted(code, NUMBERS[code].name, now, before, change_percent(now, before))


def _share(part: int, whole: int, factor: int = 100) -> str | None:
    if not whole:
        return None
    return str((Decimal(part * factor) / whole).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


def _in_order(from_on: date, until_on: date) -> None:
    if from_on > until_on:
        raise PeriodReversed("起始日期不能晚于截止日期，请调整。")
