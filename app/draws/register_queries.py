"""The rows of the register that a freeze needs: units, officers, open tasks, last teams."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app.days import day_begins, local_date
from app.db import db
from app.draws.models import Draw, DrawSelection
from app.draws.population import LastTeam
from app.draws.stages import DrawState, SelectionKind
from app.people.models import Officer
from app.tasks.models import Task, TaskOfficer
from app.tasks.rules import DRAWN_ORIGINS, OPEN_STATES
from app.units.models import Unit, UnitRegistration
from app.visits.models import Visit

VISITED = ("submitted", "returned", "completed")


class UnitFacts(NamedTuple):
    """A unit with its id, as read for a freeze."""

    id: UUID
    archive_no: str
    state: str
    risk_class: str | None
    credit_class: str | None
    opened_on: date | None


def units_of(agency_id: UUID) -> list[UnitFacts]:
    """Return every unit of an agency, columns only."""
    rows = db.session.execute(
        sa.select(
            Unit.id,
            Unit.archive_no,
            Unit.state,
            Unit.risk_class,
            Unit.credit_class,
            Unit.opened_on,
        ).where(Unit.agency_id == agency_id)
    )
    return [UnitFacts(*row) for row in rows]


def registrations_of(agency_id: UUID) -> dict[UUID, list[tuple[str, str]]]:
    """Return what each unit of an agency is registered for."""
    found: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
    rows = db.session.execute(
        sa.select(
            UnitRegistration.unit_id, UnitRegistration.specialty, UnitRegistration.object_class
        )
        .join(Unit, Unit.id == UnitRegistration.unit_id)
        .where(Unit.agency_id == agency_id)
    )
    for unit_id, specialty, object_class in rows:
        found[unit_id].append((specialty, object_class))
    return found


def open_specialties(agency_id: UUID) -> dict[UUID, set[str]]:
    """Return the specialties in which each unit has an open task."""
    found: dict[UUID, set[str]] = defaultdict(set)
    rows = db.session.execute(
        sa.select(Task.unit_id, Task.specialty).where(
            Task.agency_id == agency_id, Task.state.in_(sorted(OPEN_STATES))
        )
    )
    for unit_id, specialty in rows:
        found[unit_id].add(specialty)
    return found


def open_drawn_tasks(agency_id: UUID) -> dict[str, int]:
    """Return how many tasks of draws and given lists are still open, by specialty."""
    rows = db.session.execute(
        sa.select(Task.specialty, sa.func.count())
        .where(
            Task.agency_id == agency_id,
            Task.origin.in_(DRAWN_ORIGINS),
            Task.state.in_(sorted(OPEN_STATES)),
        )
        .group_by(Task.specialty)
    )
    return {row[0]: row[1] for row in rows}


def drawn_strata(agency_id: UUID, year: int) -> dict[UUID, set[str]]:
    """Return the strata in which each unit was drawn in a year; void draws do not count.

    A reserve counts from the day on which it followed another unit.
    """
    found: dict[UUID, set[str]] = defaultdict(set)
    rows = db.session.execute(
        sa.select(DrawSelection.unit_id, DrawSelection.stratum)
        .join(Draw, Draw.id == DrawSelection.draw_id)
        .where(
            Draw.agency_id == agency_id,
            Draw.year == year,
            Draw.state != DrawState.VOID,
            sa.or_(
                DrawSelection.kind == SelectionKind.SELECTED, DrawSelection.task_id.is_not(None)
            ),
        )
    )
    for unit_id, stratum in rows:
        found[unit_id].add(stratum)
    return found


def visit_days(
    agency_id: UUID, origins: Collection[str], *, since: date
) -> dict[UUID, list[tuple[str, date]]]:
    """Return specialty and day of every visit of each unit since a day, of tasks of these origins.

    The day is the tablet's, unless its clock is suspect: then the day on which the server heard.
    """
    found: dict[UUID, list[tuple[str, date]]] = defaultdict(list)
    rows = db.session.execute(
        sa.select(
            Visit.unit_id,
            Task.specialty,
            Visit.started_recorded_at,
            Visit.started_at,
            Visit.clock_suspect,
        )
        .join(Task, Task.id == Visit.task_id)
        .where(
            Visit.agency_id == agency_id,
            Visit.finished_at.is_not(None),
            Visit.started_at >= day_begins(since),
            Task.origin.in_(origins),
        )
    )
    for unit_id, specialty, recorded_at, heard_at, suspect in rows:
        found[unit_id].append((specialty, local_date(heard_at if suspect else recorded_at)))
    return dict(found)


def open_task_counts(agency_id: UUID) -> dict[UUID, int]:
    """Return how many open tasks each officer has."""
    rows = db.session.execute(
        sa.select(TaskOfficer.officer_id, sa.func.count())
        .join(Task, Task.id == TaskOfficer.task_id)
        .where(Task.agency_id == agency_id, Task.state.in_(sorted(OPEN_STATES)))
        .group_by(TaskOfficer.officer_id)
    )
    return {row[0]: row[1] for row in rows}


def last_teams(agency_id: UUID, *, teams_since: datetime, leads_since: datetime) -> list[LastTeam]:
    """Return who went last to each unit for each specialty.

    A team counts since `teams_since`, its lead since `leads_since`: so long they keep away.
    """
    rows = db.session.execute(
        sa.select(
            Task.id,
            Unit.archive_no,
            Task.specialty,
            Task.submitted_at,
            Officer.certificate_no,
            TaskOfficer.is_lead,
        )
        .join(Unit, Unit.id == Task.unit_id)
        .join(TaskOfficer, TaskOfficer.task_id == Task.id)
        .join(Officer, Officer.id == TaskOfficer.officer_id)
        .where(
            Task.agency_id == agency_id,
            Task.state.in_(VISITED),
            Task.submitted_at >= min(teams_since, leads_since),
        )
    )
    visits: dict[tuple[str, str], dict[tuple[Any, ...], list[tuple[str, bool]]]] = {}
    for task_id, archive_no, specialty, submitted_at, certificate, is_lead in rows:
        visit = visits.setdefault((archive_no, specialty), {})
        visit.setdefault((submitted_at, task_id), []).append((certificate, is_lead))
    found = []
    for (archive_no, specialty), by_time in visits.items():
        at = max(by_time)
        members = by_time[at]
        lead = next((certificate for certificate, is_lead in members if is_lead), None)
        team = [certificate for certificate, _ in members] if at[0] >= teams_since else []
        found.append(LastTeam(archive_no, specialty, team, lead if at[0] >= leads_since else None))
    return found


def unit_ids(agency_id: UUID, archive_nos: Collection[str]) -> dict[str, UUID]:
    """Return the ids of an agency's units by archive number."""
    wanted = set(archive_nos)
    rows = db.session.execute(
        sa.select(Unit.archive_no, Unit.id).where(Unit.agency_id == agency_id)
    )
    return {archive_no: unit_id for archive_no, unit_id in rows if archive_no in wanted}


def officer_ids(agency_id: UUID) -> dict[str, UUID]:
    """Return the ids of an agency's officers by certificate number."""
    rows = db.session.execute(
        sa.select(Officer.certificate_no, Officer.id).where(Officer.agency_id == agency_id)
    )
    return {row.certificate_no: row.id for row in rows}
