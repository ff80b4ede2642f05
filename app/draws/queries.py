"""Reads of draws that deserve a name: plans, draws, deposits, dice, files, holds."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from app import canonical
from app.db import db
from app.draws.models import (
    Draw,
    DrawDeposit,
    DrawEntropy,
    DrawFile,
    DrawHold,
    DrawPlan,
    DrawSelection,
)
from app.draws.stages import DrawState, EntropyState, PlanState, SelectionKind, Standing
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.journal.rules import Event
from app.people.models import Agency
from app.tasks.models import Task
from app.tasks.rules import OPEN_STATES
from app.units.models import Unit

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
