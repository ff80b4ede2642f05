"""Reads of draws that deserve a name, and the rows of the register that a freeze needs."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import selectinload, undefer

from app import canonical
from app.days import day_begins, local_date
from app.db import db
from app.draws.changelog import ChangeKind, ChangeState
from app.draws.models import (
    AnnualPlan,
    Draw,
    DrawChange,
    DrawDeposit,
    DrawEntropy,
    DrawFile,
    DrawHold,
    DrawPlan,
    DrawReserveSkip,
    DrawSelection,
)
from app.draws.population import LastTeam
from app.draws.stages import (
    AnnualState,
    DrawState,
    EntropyState,
    PlanState,
    SelectionKind,
    Standing,
)
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.journal.rules import Event
from app.people.models import Absence, Agency, Officer, Recusal
from app.people.rules import OfficerState
from app.tasks.models import Task, TaskOfficer
from app.tasks.rules import OPEN_STATES, TaskState
from app.units.models import Unit, UnitRegistration
from app.visits.models import Visit

DRAWN_ORIGINS = ("drawn", "joint-drawn")
VISITED = ("submitted", "returned", "completed")


# ---- the year's plan -----------------------------------------------------------------------------


def annual_plans_in(agency_id: UUID, year: int | None = None) -> sa.Select[AnnualPlan]:
    """Return the query of an agency's yearly plans, all revisions."""
    query = sa.select(AnnualPlan).where(AnnualPlan.agency_id == agency_id)
    return query if year is None else query.where(AnnualPlan.year == year)


def find_annual_plan(plan_id: UUID) -> AnnualPlan | None:
    return db.session.get(AnnualPlan, plan_id)


def annual_plan_in_force(agency_id: UUID, year: int) -> AnnualPlan | None:
    """Return the published plan of an agency's year."""
    return db.session.scalars(
        annual_plans_in(agency_id, year).where(AnnualPlan.state == AnnualState.PUBLISHED)
    ).one_or_none()


def published_annual_plans(
    district: str | None = None, year: int | None = None
) -> Sequence[AnnualPlan]:
    """Return the yearly plans in force, the newest year first, by district and agency."""
    query = sa.select(AnnualPlan).where(AnnualPlan.state == AnnualState.PUBLISHED)
    if district is not None:
        query = query.where(AnnualPlan.district == district)
    if year is not None:
        query = query.where(AnnualPlan.year == year)
    ordered = query.order_by(AnnualPlan.year.desc(), AnnualPlan.district, AnnualPlan.agency_id)
    return db.session.scalars(ordered).all()


def first_published_at(agency_id: UUID, year: int) -> datetime | None:
    """Return when the first revision of an agency's year became public."""
    return db.session.scalar(
        sa.select(sa.func.min(AnnualPlan.published_at)).where(
            AnnualPlan.agency_id == agency_id, AnnualPlan.year == year
        )
    )


def agencies_without_annual_plan(year: int) -> Sequence[Agency]:
    """Return the agencies that have planned anything, but have no published plan of a year."""
    published = sa.select(AnnualPlan.agency_id).where(
        AnnualPlan.year == year, AnnualPlan.published_at.is_not(None)
    )
    planning = sa.union(sa.select(DrawPlan.agency_id), sa.select(AnnualPlan.agency_id))
    return db.session.scalars(
        sa.select(Agency)
        .where(Agency.id.in_(planning), Agency.id.not_in(published))
        .order_by(Agency.district, Agency.id)
    ).all()


def draw_plans_of(annual_plan: AnnualPlan) -> Sequence[DrawPlan]:
    """Return the draw plans that carry out a year's plan, whichever revision they name."""
    revisions = sa.select(AnnualPlan.id).where(
        AnnualPlan.agency_id == annual_plan.agency_id, AnnualPlan.year == annual_plan.year
    )
    return db.session.scalars(
        sa.select(DrawPlan)
        .where(DrawPlan.annual_plan_id.in_(revisions))
        .order_by(DrawPlan.draw_on, DrawPlan.id)
    ).all()


class TaskCount(NamedTuple):
    """How many tasks of a level, specialty and object class a year has."""

    level: str
    specialty: str
    object_class: str | None
    drawn: int
    completed: int


def tasks_by_stratum(agency_id: UUID, year: int) -> list[TaskCount]:
    """Return the drawn and given tasks that were made in a year, counted."""
    rows = db.session.execute(
        sa.select(
            Task.level,
            Task.specialty,
            Task.object_class,
            sa.func.count(),
            sa.func.count().filter(Task.state == TaskState.COMPLETED),
        )
        .where(
            Task.agency_id == agency_id,
            Task.origin.in_(DRAWN_ORIGINS),
            Task.level.is_not(None),
            Task.created_at >= day_begins(date(year, 1, 1)),
            Task.created_at < day_begins(date(year + 1, 1, 1)),
        )
        .group_by(Task.level, Task.specialty, Task.object_class)
    )
    return [
        TaskCount(str(level), specialty, object_class, drawn, completed)
        for level, specialty, object_class, drawn, completed in rows
    ]


# ---- plans and draws -----------------------------------------------------------------------------


def find_plan(plan_id: UUID) -> DrawPlan | None:
    return db.session.get(DrawPlan, plan_id)


def plans_in(agency_id: UUID, year: int | None = None) -> sa.Select[DrawPlan]:
    """Return the query of an agency's plans."""
    query = sa.select(DrawPlan).where(DrawPlan.agency_id == agency_id)
    return query if year is None else query.where(DrawPlan.year == year)


def plans_of_list(list_id: UUID) -> Sequence[DrawPlan]:
    """Return the plans by which officers for a given list are drawn, oldest first."""
    return db.session.scalars(
        sa.select(DrawPlan).where(DrawPlan.given_list_id == list_id).order_by(DrawPlan.id)
    ).all()


def due_plans(on: date) -> Sequence[DrawPlan]:
    """Return the active plans whose day has come, in the order of their days."""
    return db.session.scalars(
        sa.select(DrawPlan)
        .where(DrawPlan.state == PlanState.ACTIVE, DrawPlan.draw_on <= on)
        .order_by(DrawPlan.draw_on, DrawPlan.id)
    ).all()


def find_draw(draw_no: str) -> Draw | None:
    return db.session.scalars(sa.select(Draw).where(Draw.draw_no == draw_no)).one_or_none()


def draws_in(
    agency_id: UUID | None = None, *, year: int | None = None, state: DrawState | None = None
) -> sa.Select[Draw]:
    """Return the query of an agency's draws (None: of all); None as a filter does not count."""
    query = sa.select(Draw)
    wanted = ((Draw.agency_id, agency_id), (Draw.year, year), (Draw.state, state))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    return query


def columns_of(draw: Draw) -> dict[str, Any]:
    """Return the columns of a draw by name."""
    return {column.key: getattr(draw, column.key) for column in sa.inspect(Draw).column_attrs}


def numbers_of(draw_ids: Collection[UUID]) -> dict[UUID | None, str]:
    """Return the numbers of draws by id."""
    rows = db.session.execute(sa.select(Draw.id, Draw.draw_no).where(Draw.id.in_(draw_ids)))
    return {row.id: row.draw_no for row in rows}


def draws_of_plan(plan_id: UUID) -> Sequence[Draw]:
    """Return the draws of a plan, the void ones too, oldest first."""
    return db.session.scalars(
        sa.select(Draw).where(Draw.plan_id == plan_id).order_by(Draw.planned_at, Draw.serial)
    ).all()


def draws_in_states(states: Collection[DrawState]) -> Sequence[Draw]:
    """Return the draws of all agencies that stand in one of these states, by number."""
    return db.session.scalars(
        sa.select(Draw).where(Draw.state.in_(sorted(states))).order_by(Draw.draw_no)
    ).all()


def void_with_secret() -> Sequence[Draw]:
    """Return the void draws whose secret was announced and is not published yet."""
    revealed = sa.select(DrawFile.draw_id).where(DrawFile.name == "reveal.json")
    return db.session.scalars(
        sa.select(Draw).where(
            Draw.state == DrawState.VOID,
            Draw.secret_sealed.is_not(None),
            Draw.id.not_in(revealed),
        )
    ).all()


def draws_with_secret() -> Sequence[Draw]:
    """Return the draws of all agencies that were announced, by number."""
    return db.session.scalars(
        sa.select(Draw).where(Draw.secret_sealed.is_not(None)).order_by(Draw.draw_no)
    ).all()


def next_serial(district: str, year: int) -> int:
    found = db.session.scalar(
        sa.select(sa.func.max(Draw.serial)).where(Draw.district == district, Draw.year == year)
    )
    floor = journal.floor_of(f"draw:{district}:{year}")
    return max(found or 0, floor.last if floor else 0) + 1


def lock_agency(agency_id: UUID) -> Agency:
    """Return an agency, its row locked until the transaction ends: its draws queue here."""
    return db.session.scalars(
        sa.select(Agency).where(Agency.id == agency_id).with_for_update()
    ).one()


def last_announced(agency_id: UUID) -> Draw | None:
    """Return the draw whose manifest the agency announced last, void ones included."""
    return db.session.scalars(
        sa.select(Draw)
        .where(Draw.agency_id == agency_id, Draw.announce_serial.is_not(None))
        .order_by(Draw.announce_serial.desc())
        .limit(1)
    ).one_or_none()


class Announcement(NamedTuple):
    """The place of a manifest in the chain of an agency's manifests."""

    serial: int
    manifest_sha256: str | None


def last_announcement(agency_id: UUID) -> Announcement:
    """Return the place of the manifest that the next one has to name; 0 before the first.

    Where the database was restored it may be one that only the head remembers.
    """
    found = last_announced(agency_id)
    last = Announcement(0, None)
    if found is not None:
        last = Announcement(found.announce_serial or 0, found.manifest_sha256)
    floor = journal.floor_of(f"announce:{agency_id}")
    if floor is not None and floor.last > last.serial:
        return Announcement(floor.last, floor.hash or last.manifest_sha256)
    return last


def last_numbers() -> dict[str, int]:
    """Return the last draw number of every district and year, by the name of the series."""
    rows = db.session.execute(
        sa.select(Draw.district, Draw.year, sa.func.max(Draw.serial)).group_by(
            Draw.district, Draw.year
        )
    )
    return {f"draw:{district}:{year}": last for district, year, last in rows}


def standings() -> list[tuple[str, str, str, str, str]]:
    """Return number, agency, plan, period and state of every draw, by number."""
    rows = db.session.execute(
        sa.select(Draw.draw_no, Draw.agency_id, Draw.plan_id, Draw.period, Draw.state).order_by(
            Draw.draw_no
        )
    )
    return [(no, str(agency), str(plan), period, state) for no, agency, plan, period, state in rows]


def announcements() -> list[tuple[str, int, str]]:
    """Return agency, serial and hash of the manifest that each agency announced last."""
    newest = (
        sa.select(Draw.agency_id, sa.func.max(Draw.announce_serial).label("serial"))
        .where(Draw.announce_serial.is_not(None))
        .group_by(Draw.agency_id)
        .subquery()
    )
    rows = db.session.execute(
        sa.select(Draw.agency_id, Draw.announce_serial, Draw.manifest_sha256)
        .join(
            newest,
            sa.and_(newest.c.agency_id == Draw.agency_id, newest.c.serial == Draw.announce_serial),
        )
        .order_by(Draw.agency_id)
    )
    return [(str(agency), serial or 0, sha256 or "") for agency, serial, sha256 in rows]


def announced_before(draw: Draw) -> Draw | None:
    """Return the draw whose manifest the agency announced before this one."""
    return db.session.scalars(
        sa.select(Draw).where(
            Draw.agency_id == draw.agency_id,
            Draw.announce_serial == (draw.announce_serial or 0) - 1,
        )
    ).one_or_none()


# ---- deposits, dice, files -----------------------------------------------------------------------


def deposits_of(draw_id: UUID) -> Sequence[DrawDeposit]:
    """Return the deposits of a draw, in the order of the manifest, else of their coming."""
    return db.session.scalars(
        sa.select(DrawDeposit)
        .where(DrawDeposit.draw_id == draw_id)
        .order_by(DrawDeposit.number, DrawDeposit.deposited_at, DrawDeposit.id)
    ).all()


def standing_deposits(agency_id: UUID, hash_name: str) -> Sequence[DrawDeposit]:
    """Return the deposits that wait for any sealed draw of an agency, oldest first."""
    return db.session.scalars(
        sa.select(DrawDeposit)
        .where(
            DrawDeposit.agency_id == agency_id,
            DrawDeposit.draw_id.is_(None),
            DrawDeposit.hash == hash_name,
        )
        .order_by(DrawDeposit.deposited_at, DrawDeposit.id)
    ).all()


def every_deposit() -> Sequence[DrawDeposit]:
    """Return the deposits of all agencies, oldest first."""
    return db.session.scalars(
        sa.select(DrawDeposit).order_by(DrawDeposit.deposited_at, DrawDeposit.id)
    ).all()


def deposits_by(account_id: UUID) -> sa.Select[DrawDeposit]:
    """Return the query of the deposits that a person made."""
    return sa.select(DrawDeposit).where(DrawDeposit.account_id == account_id)


def entries_of(draw_id: UUID) -> Sequence[DrawEntropy]:
    """Return what was typed of the dice of a draw, oldest first."""
    return db.session.scalars(
        sa.select(DrawEntropy)
        .where(DrawEntropy.draw_id == draw_id)
        .order_by(DrawEntropy.attempt, DrawEntropy.entered_at, DrawEntropy.id)
    ).all()


def sealed_dice(draw_id: UUID) -> str | None:
    """Return the digits on which two people agreed."""
    return db.session.scalars(
        sa.select(DrawEntropy.digits)
        .where(DrawEntropy.draw_id == draw_id, DrawEntropy.state == EntropyState.SEALED)
        .limit(1)
    ).one_or_none()


def sealed_values(draw_id: UUID) -> list[str]:
    """Return what two people agreed on, a text for each source; nothing before that."""
    digits = sealed_dice(draw_id)
    return [] if digits is None else digits.split("\n")


def files_of(draw_id: UUID) -> Sequence[DrawFile]:
    """Return the files of a draw without their bytes, by name."""
    return db.session.scalars(
        sa.select(DrawFile).where(DrawFile.draw_id == draw_id).order_by(DrawFile.name)
    ).all()


def find_file(draw_id: UUID, name: str) -> DrawFile | None:
    """Return a file of a draw with its bytes."""
    return db.session.scalars(
        sa.select(DrawFile)
        .where(DrawFile.draw_id == draw_id, DrawFile.name == name)
        .options(undefer(DrawFile.content))
    ).one_or_none()


def contents_of(draw_id: UUID) -> dict[str, bytes]:
    """Return the bytes of every file of a draw, by name."""
    rows = db.session.execute(
        sa.select(DrawFile.name, DrawFile.content).where(DrawFile.draw_id == draw_id)
    )
    return {row.name: row.content for row in rows}


class Chosen(NamedTuple):
    """A line of the result with the unit it means."""

    row: DrawSelection
    unit_name: str
    task_no: str | None


def chosen_of(draw_id: UUID) -> list[Chosen]:
    """Return the selection of a draw, by stratum, weight and rank."""
    rows = db.session.execute(
        sa.select(DrawSelection, Unit.name, Task.task_no)
        .join(Unit, Unit.id == DrawSelection.unit_id)
        .outerjoin(Task, Task.id == DrawSelection.task_id)
        .where(DrawSelection.draw_id == draw_id)
    )
    found = [Chosen(row, name, task_no) for row, name, task_no in rows]
    return sorted(found, key=lambda one: (one.row.stratum.encode(), one.row.weight, one.row.rank))


def chosen_lots(draw_id: UUID) -> Sequence[DrawSelection]:
    """Return the selection of a draw, in no order."""
    return db.session.scalars(selection_of(draw_id)).all()


def selection_of(draw_id: UUID, kind: SelectionKind | None = None) -> sa.Select[DrawSelection]:
    """Return the query of a draw's selection."""
    query = sa.select(DrawSelection).where(DrawSelection.draw_id == draw_id)
    return query if kind is None else query.where(DrawSelection.kind == kind)


def open_tasks_of(draw_id: UUID) -> int:
    """Return how many tasks of a draw are neither completed nor closed."""
    return (
        db.session.scalar(
            sa.select(sa.func.count())
            .select_from(DrawSelection)
            .join(Task, Task.id == DrawSelection.task_id)
            .where(DrawSelection.draw_id == draw_id, Task.state.in_(sorted(OPEN_STATES)))
        )
        or 0
    )


def standing_of(draw: Draw, depositors: Sequence[DrawDeposit], *, enough: bool) -> Standing:
    """Return where a draw stands, as far as waiting is concerned."""
    first = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(DrawEntropy)
        .where(DrawEntropy.draw_id == draw.id, DrawEntropy.state == EntropyState.FIRST)
    )
    return Standing(
        state=draw.state,
        level=draw.level,
        draw_on=draw.draw_on,
        deposits_close_at=draw.deposits_close_at,
        opens_at=draw.opens_at,
        dice_until_at=draw.dice_until_at,
        reveal=draw.reveal,
        deposits=len(depositors),
        enough=enough,
        first_dice=bool(first),
        held=draw.held_detail,
    )


def entry_of(draw_id: UUID, event: Event) -> JournalEntry | None:
    """Return the journal entry that proves when a step of a draw was made."""
    return db.session.scalars(
        sa.select(JournalEntry)
        .where(JournalEntry.subject_id == draw_id, JournalEntry.event == event)
        .order_by(JournalEntry.seq)
        .limit(1)
    ).one_or_none()


def journal_of(draw_id: UUID, event: Event | None = None) -> list[dict[str, Any]]:
    """Return what the journal's entries about a draw say, oldest first."""
    query = sa.select(JournalEntry.text).where(JournalEntry.subject_id == draw_id)
    if event is not None:
        query = query.where(JournalEntry.event == event)
    texts = db.session.scalars(query.order_by(JournalEntry.seq))
    return [canonical.loads(text)["data"] for text in texts]


# ---- what waits since a restore ------------------------------------------------------------------


def holds_of(agency_id: UUID | None, period: str | None = None) -> Sequence[DrawHold]:
    """Return the periods of an agency (None: of all) that nobody has released, oldest first."""
    query = sa.select(DrawHold).where(DrawHold.released_at.is_(None))
    if agency_id is not None:
        query = query.where(DrawHold.agency_id == agency_id)
    if period is not None:
        query = query.where(DrawHold.period == period)
    return db.session.scalars(query.order_by(DrawHold.held_at, DrawHold.id)).all()


def is_held(agency_id: UUID, period: str) -> bool:
    """Tell whether the draws of a period wait for an administrator."""
    query = sa.select(DrawHold.id).where(
        DrawHold.agency_id == agency_id, DrawHold.period == period, DrawHold.released_at.is_(None)
    )
    return db.session.scalar(query.limit(1)) is not None


# ---- the register --------------------------------------------------------------------------------


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


# ---- changes after the result --------------------------------------------------------------------

REDRAWABLE = ("pending", "assigned", "accepted", "in-progress", "returned")
_WITH_TASKS = (DrawState.DRAWN, DrawState.PUBLISHED)
_OPEN_CHANGES = (ChangeState.PROPOSED, ChangeState.CONFIRMED)


def files_named(draw_id: UUID, names: Collection[str]) -> dict[str, bytes]:
    """Return the bytes of some files of a draw, by name."""
    rows = db.session.execute(
        sa.select(DrawFile.name, DrawFile.content).where(
            DrawFile.draw_id == draw_id, DrawFile.name.in_(sorted(names))
        )
    )
    return {row.name: row.content for row in rows}


def line_of_task(task_id: UUID) -> DrawSelection | None:
    """Return the line of a result that a task was made for, or last got its team by."""
    return db.session.scalars(
        sa.select(DrawSelection)
        .where(DrawSelection.task_id == task_id)
        .order_by(DrawSelection.id.desc())
        .limit(1)
    ).one_or_none()


def reserves_of(line: DrawSelection) -> Sequence[DrawSelection]:
    """Return the reserves of a line's class in their order."""
    return db.session.scalars(
        sa.select(DrawSelection)
        .where(
            DrawSelection.draw_id == line.draw_id,
            DrawSelection.stratum == line.stratum,
            DrawSelection.weight == line.weight,
            DrawSelection.kind == SelectionKind.RESERVE,
        )
        .order_by(DrawSelection.rank)
    ).all()


def skipped_of(draw_id: UUID) -> set[UUID]:
    """Return the ids of the reserves of a draw that were passed over."""
    return set(
        db.session.scalars(
            sa.select(DrawReserveSkip.selection_id)
            .join(DrawChange, DrawChange.id == DrawReserveSkip.change_id)
            .where(DrawChange.draw_id == draw_id)
        )
    )


def find_change(change_id: UUID) -> DrawChange | None:
    return db.session.get(DrawChange, change_id)


def changes_of(
    draw_id: UUID, *, state: ChangeState | None = None, kind: ChangeKind | None = None
) -> sa.Select[DrawChange]:
    """Return the query of a draw's changes; None as a filter does not count."""
    query = sa.select(DrawChange).where(DrawChange.draw_id == draw_id)
    wanted = ((DrawChange.state, state), (DrawChange.kind, kind))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    return query


def records_of(draw_id: UUID) -> list[dict[str, Any]]:
    """Return the public records of a draw's changes, in the order of their carrying out."""
    return [
        record
        for record in db.session.scalars(
            sa.select(DrawChange.record)
            .where(DrawChange.draw_id == draw_id, DrawChange.number.is_not(None))
            .order_by(DrawChange.number)
        )
        if record is not None
    ]


def open_redraws_of(draw_id: UUID) -> Sequence[DrawChange]:
    """Return the redraws of a draw that are proposed or confirmed, oldest first."""
    return db.session.scalars(
        changes_of(draw_id, kind=ChangeKind.SLOT_REDRAW)
        .where(DrawChange.state.in_(_OPEN_CHANGES))
        .order_by(DrawChange.proposed_at, DrawChange.id)
    ).all()


def confirmed_redraws() -> Sequence[DrawChange]:
    """Return the redraws of all agencies whose lot is to be drawn, in the order of agreement."""
    return db.session.scalars(
        sa.select(DrawChange)
        .where(DrawChange.kind == ChangeKind.SLOT_REDRAW, DrawChange.state == ChangeState.CONFIRMED)
        .order_by(DrawChange.confirmed_at, DrawChange.id)
    ).all()


def next_change_number(draw_id: UUID) -> int:
    found = db.session.scalar(
        sa.select(sa.func.max(DrawChange.number)).where(DrawChange.draw_id == draw_id)
    )
    return (found or 0) + 1


class Barred(NamedTuple):
    """Somebody who cannot go to a unit, why, and when that became known."""

    officer_id: UUID
    cause: str
    known_at: datetime | None


def barred_from(
    officer_ids: Collection[UUID], unit_id: UUID, *, from_on: date, until_on: date
) -> list[Barred]:
    """Return who of these cannot go to a unit on any of the days, both included.

    Recusal comes before absence, absence before leaving the service or an expired certificate.
    """
    found: dict[UUID, Barred] = {}
    recusals = sa.select(Recusal.officer_id, Recusal.declared_at).where(
        Recusal.officer_id.in_(officer_ids),
        Recusal.unit_id == unit_id,
        Recusal.effective_from <= until_on,
        sa.or_(Recusal.effective_to.is_(None), Recusal.effective_to >= from_on),
    )
    absences = sa.select(Absence.officer_id, Absence.declared_at).where(
        Absence.officer_id.in_(officer_ids),
        Absence.from_on <= from_on,
        Absence.until_on >= until_on,
    )
    for cause, query in (("recusal", recusals), ("absence", absences)):
        for officer_id, declared_at in db.session.execute(query):
            found.setdefault(officer_id, Barred(officer_id, cause, declared_at))
    gone = sa.select(Officer.id).where(
        Officer.id.in_(officer_ids),
        sa.or_(Officer.state != OfficerState.ACTIVE, Officer.certificate_valid_until < until_on),
    )
    for officer_id in db.session.scalars(gone):
        found.setdefault(officer_id, Barred(officer_id, "unavailable", None))
    return list(found.values())


def absent_between(officer_id: UUID, *, from_on: date, until_on: date) -> datetime | None:
    """Return when an absence was declared that touches one of the days."""
    return db.session.scalar(
        sa.select(sa.func.max(Absence.declared_at)).where(
            Absence.officer_id == officer_id,
            Absence.from_on <= until_on,
            Absence.until_on >= from_on,
        )
    )


class Member(NamedTuple):
    """An officer on the team of an open task of a draw."""

    draw_id: UUID
    task_id: UUID
    unit_id: UUID
    due_on: date | None
    officer_id: UUID


def members_to_look_at(on: date) -> list[Member]:
    """Return who stands on a team of a draw and may not be able to go: a few, to be looked at.

    That is whoever declared a recusal from the unit or an absence that has begun, or has left.
    """
    return [
        Member(*row)
        for row in db.session.execute(
            sa.select(
                DrawSelection.draw_id, Task.id, Task.unit_id, Task.due_on, TaskOfficer.officer_id
            )
            .join(Task, Task.id == DrawSelection.task_id)
            .join(Draw, Draw.id == DrawSelection.draw_id)
            .join(TaskOfficer, TaskOfficer.task_id == Task.id)
            .join(Officer, Officer.id == TaskOfficer.officer_id)
            .outerjoin(
                Recusal,
                sa.and_(Recusal.officer_id == Officer.id, Recusal.unit_id == Task.unit_id),
            )
            .outerjoin(Absence, sa.and_(Absence.officer_id == Officer.id, Absence.from_on <= on))
            .where(
                Draw.state.in_(_WITH_TASKS),
                Task.state.in_(REDRAWABLE),
                sa.or_(
                    Recusal.id.is_not(None),
                    sa.and_(Absence.id.is_not(None), Absence.until_on >= Task.due_on),
                    Officer.state != OfficerState.ACTIVE,
                ),
            )
            .distinct()
            .order_by(Task.id, TaskOfficer.officer_id)
        )
    ]


def lines_without_team() -> Sequence[DrawSelection]:
    """Return the lines of all results whose task still waits for its team."""
    return db.session.scalars(
        sa.select(DrawSelection)
        .join(Task, Task.id == DrawSelection.task_id)
        .join(Draw, Draw.id == DrawSelection.draw_id)
        .where(Draw.state.in_(_WITH_TASKS), Task.state == "pending")
        .order_by(DrawSelection.id)
    ).all()


def has_redraw(task_id: UUID, officer_id: UUID, states: Collection[ChangeState]) -> bool:
    """Tell whether a redraw of an officer's place stands in one of these states."""
    query = sa.select(DrawChange.id).where(
        DrawChange.task_id == task_id,
        DrawChange.officer_out_id == officer_id,
        DrawChange.kind == ChangeKind.SLOT_REDRAW,
        DrawChange.state.in_(sorted(states)),
    )
    return db.session.scalar(query.limit(1)) is not None


def undecided_changes(agency_id: UUID | None) -> Sequence[DrawChange]:
    """Return the changes that wait for a second person, or for somebody to be drawn (None: all)."""
    query = sa.select(DrawChange).where(
        sa.or_(
            DrawChange.state == ChangeState.PROPOSED,
            sa.and_(DrawChange.state == ChangeState.CONFIRMED, DrawChange.held_code.is_not(None)),
        )
    )
    if agency_id is not None:
        query = query.where(DrawChange.agency_id == agency_id)
    return db.session.scalars(query.order_by(DrawChange.proposed_at, DrawChange.id)).all()


def is_being_replaced(task_id: UUID) -> bool:
    """Tell whether two people agreed to replace a task's unit in this very entry."""
    query = sa.select(DrawChange.id).where(
        DrawChange.task_id == task_id,
        DrawChange.kind == ChangeKind.REPLACEMENT,
        DrawChange.state == ChangeState.CONFIRMED,
    )
    return db.session.scalar(query.limit(1)) is not None


# ---- what a draw left ----------------------------------------------------------------------------


def drawn_lines(draw_id: UUID) -> set[tuple[str, str]]:
    """Return archive number and stratum of what was drawn, reserves that followed included."""
    rows = db.session.execute(
        sa.select(DrawSelection.archive_no, DrawSelection.stratum).where(
            DrawSelection.draw_id == draw_id,
            sa.or_(
                DrawSelection.kind == SelectionKind.SELECTED, DrawSelection.task_id.is_not(None)
            ),
        )
    )
    return {(row.archive_no, row.stratum) for row in rows}


def drawn_draws(agency_id: UUID, period: str | None = None) -> Sequence[Draw]:
    """Return the draws of an agency that have tasks, those of a period where one is given."""
    query = draws_in(agency_id).where(Draw.state.in_(_WITH_TASKS))
    if period is not None:
        query = query.where(Draw.period == period)
    return db.session.scalars(query.order_by(Draw.draw_no)).all()


def open_tasks_in(draw_ids: Collection[UUID]) -> sa.Select[Task]:
    """Return the query of the open tasks of draws."""
    lines = sa.select(DrawSelection.task_id).where(DrawSelection.draw_id.in_(sorted(draw_ids)))
    return (
        sa.select(Task)
        .where(Task.id.in_(lines), Task.state.in_(sorted(OPEN_STATES)))
        .options(selectinload(Task.unit))
    )


def top_ups_of(draw_no: str) -> Sequence[DrawPlan]:
    """Return the plans that complete a draw, oldest first."""
    return db.session.scalars(
        sa.select(DrawPlan).where(DrawPlan.top_up_of == draw_no).order_by(DrawPlan.id)
    ).all()
