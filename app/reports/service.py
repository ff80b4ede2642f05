"""Compute counts and rates; a number always comes with its cut-off and its parts."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import day_begins, local_date
from app.draws import change_queries, leftovers
from app.draws import service as draws
from app.errors import Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.reports import queries, rules
from app.reports.rules import Rounding, TaskCounts
from app.tasks.rules import AWAITING_RESULTS_NAME, STATE_NAMES

_OPEN_NAME = "未办结"


class PeriodReversed(Invalid):
    code, title = "period-reversed", "起止日期颠倒"


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate as an exact fraction and as it is shown; `percent` is None without tasks."""

    name: str
    numerator: int
    denominator: int
    rounding: Rounding
    percent: str | None


@dataclass(frozen=True, slots=True)
class Named:
    """How many tasks are of one kind."""

    code: str
    name: str
    tasks: int


@dataclass(frozen=True, slots=True)
class SpecialtyLine:
    """One specialty's counts and rates."""

    code: str
    name: str
    counts: TaskCounts
    completion: Rate
    settlement: Rate


@dataclass(frozen=True, slots=True)
class TaskReport:
    """Counts of the inspections of a period; events that are no inspection stand apart."""

    from_on: date
    until_on: date
    as_of: datetime
    counts: TaskCounts
    other_events: int
    completion: Rate
    settlement: Rate
    by_specialty: list[SpecialtyLine]
    by_origin: list[Named]
    by_state: list[Named]
    by_outcome: list[Named]


def count_tasks(
    agency_id: UUID,
    from_on: date,
    until_on: date,
    *,
    at: datetime,
    draw_ids: Collection[UUID] | None = None,
    origin: str | None = None,
    specialty: str | None = None,
    level: str | None = None,
    reference: str | None = None,
    rounding: Rounding | None = None,
) -> TaskReport:
    """Count an agency's tasks made in a period, both days included, as they stand at `at`.

    A task counts in the period that made it, however long it lives; with `draw_ids` the tasks of
    these draws count instead, also a reserve that followed later. What the catalogue calls no
    inspection (合规告知谈话) is in `other_events` and in no rate. Rates are shown as
    `rounding` says, else as the catalogue does on the day of counting. Raises PeriodReversed.
    """
    if from_on > until_on:
        raise PeriodReversed("起始日期不能晚于截止日期，请调整。")
    on = local_date(at)
    groups = queries.task_groups(
        agency_id,
        created_from=day_begins(from_on),
        created_before=day_begins(until_on + timedelta(days=1)),
        draw_ids=draw_ids,
        origin=origin,
        specialty=specialty,
        level=level,
        reference=reference,
    )
    others = {row.code for row in catalogue.in_force("origin", on) if not row.body["is_inspection"]}
    found = rules.gather(group for group in groups if group.origin not in others)
    shown = rounding or Rounding(catalogue.setting("rate-rounding", on))
    return TaskReport(
        from_on=from_on,
        until_on=until_on,
        as_of=at,
        counts=found.total,
        other_events=sum(group.tasks for group in groups if group.origin in others),
        completion=_completion(found.total, shown),
        settlement=_settlement(found.total, shown),
        by_specialty=[
            _line(code, name, found.by_specialty[code], shown)
            for code, name in _names("specialty", on, found.by_specialty)
        ],
        by_origin=_named("origin", on, found.by_origin),
        by_state=_states(found.by_state),
        by_outcome=_named("outcome_code", on, found.by_outcome),
    )


class Drawn(NamedTuple):
    """The draws that a report is about, and the days of their period."""

    ids: frozenset[UUID]
    from_on: date
    until_on: date


def drawn(agency_id: UUID, *, draw_no: str | None, period: str | None) -> Drawn | None:
    """Return the draws of a number or of a period; None where neither is asked for.

    Raises DrawNotFound, also for a foreign number.
    """
    if draw_no is not None:
        draw = draws.get_draw(draw_no, agency_id)
        return Drawn(frozenset({draw.id}), *leftovers.period_days(draw.period))
    if period is not None:
        found = change_queries.drawn_draws(agency_id, period)
        return Drawn(frozenset(draw.id for draw in found), *leftovers.period_days(period))
    return None


def _line(code: str, name: str, counts: TaskCounts, shown: Rounding) -> SpecialtyLine:
    return SpecialtyLine(code, name, counts, _completion(counts, shown), _settlement(counts, shown))


def _completion(counts: TaskCounts, shown: Rounding) -> Rate:
    rate = counts.completion
    return Rate("完成率", counts.completed, counts.tasks, shown, _percent(rate, shown))


def _settlement(counts: TaskCounts, shown: Rounding) -> Rate:
    ended = counts.completed + counts.closed
    return Rate("完结率", ended, counts.tasks, shown, _percent(counts.settlement, shown))


def _percent(rate: Fraction | None, shown: Rounding) -> str | None:
    return None if rate is None else str(rules.percent(rate, shown))


def _names(kind: str, on: date, codes: Collection[str]) -> list[tuple[str, str]]:
    """Return codes with their names, in the catalogue's order; what it no longer knows comes last.

    A task keeps the code of its day, so a code may have left the catalogue since.
    """
    known = [(row.code, str(row.body["name"])) for row in catalogue.in_force(kind, on)]
    present = [(code, name) for code, name in known if code in codes]
    return present + [(code, code) for code in sorted(set(codes) - {code for code, _ in present})]


def _named(kind: str, on: date, tasks: Mapping[str, int]) -> list[Named]:
    ended = [code for code in tasks if code != rules.OPEN]
    found = [Named(code, name, tasks[code]) for code, name in _names(kind, on, ended)]
    if rules.OPEN in tasks:
        found.append(Named(rules.OPEN, _OPEN_NAME, tasks[rules.OPEN]))
    return found


def _states(tasks: Mapping[str, int]) -> list[Named]:
    """Return the states that occur in the order of a task's life; two of them share a name."""
    names = {str(state): name for state, name in STATE_NAMES.items()}
    names["awaiting-results"] = AWAITING_RESULTS_NAME
    return [Named(code, name, tasks[code]) for code, name in names.items() if code in tasks]


def record_export(name: str, file_format: str, data: bytes, *, by: Actor, at: datetime) -> None:
    """Note that a report was taken out as a file, with the hash of its bytes."""
    journal.record(
        Event.REPORT_EXPORTED,
        None,
        by=by,
        at=at,
        data={
            "report": name,
            "format": str(file_format),
            "sha256": hashlib.sha256(data).hexdigest(),
        },
    )
