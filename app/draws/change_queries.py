"""Reads of what changed after a result, and of what a draw left to be drawn."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.db import db
from app.draws import queries
from app.draws.changelog import ChangeKind, ChangeState
from app.draws.models import Draw, DrawChange, DrawFile, DrawPlan, DrawReserveSkip, DrawSelection
from app.draws.stages import DrawState, SelectionKind
from app.people.models import Absence, Officer, Recusal
from app.people.rules import OfficerState
from app.tasks.models import Task, TaskOfficer
from app.tasks.rules import OPEN_STATES

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
    query = queries.draws_in(agency_id).where(Draw.state.in_(_WITH_TASKS))
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
