"""Reads of given lists that deserve a name."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm

from app.db import db
from app.lists.matching import Known
from app.lists.models import (
    GivenList,
    GivenListFile,
    GivenListLine,
    GivenListRow,
)
from app.lists.rules import Change, FileState, ListState, Outcome
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.units.models import Unit, UnitRegistration

_AT_ONCE = 500


def find_list(list_id: UUID) -> GivenList | None:
    """Return a list of any agency."""
    return db.session.get(GivenList, list_id)


def find_by_reference(agency_id: UUID, reference: str) -> GivenList | None:
    """Return the list that an agency has under a reference; a withdrawn one has none."""
    return db.session.scalars(
        sa.select(GivenList).where(
            GivenList.agency_id == agency_id,
            GivenList.reference == reference,
            GivenList.state != ListState.WITHDRAWN,
        )
    ).one_or_none()


def lists_of(agency_id: UUID, **filters: Any) -> sa.Select[GivenList]:
    """Return the query for an agency's lists; a filter that is None does not count.

    Filters: `year`, `level`, `state`, `reference`.
    """
    query = sa.select(GivenList).where(GivenList.agency_id == agency_id)
    for name in ("year", "level", "state", "reference"):
        if filters.get(name) is not None:
            query = query.where(getattr(GivenList, name) == filters[name])
    return query


def lock_list(found: GivenList) -> None:
    """Read a list anew and lock its row: who comes second sees what the first one did."""
    db.session.refresh(found, with_for_update={"of": GivenList})


# --- files ---


def find_file(file_id: UUID) -> GivenListFile | None:
    """Return a file of any list."""
    return db.session.get(GivenListFile, file_id)


def files_of(list_id: UUID) -> sa.Select[GivenListFile]:
    """Return the query for the files of a list."""
    return sa.select(GivenListFile).where(GivenListFile.list_id == list_id)


def current_file(list_id: UUID) -> GivenListFile | None:
    """Return the file that holds."""
    return db.session.scalars(
        files_of(list_id).where(GivenListFile.state == FileState.CURRENT)
    ).one_or_none()


def same_preview(list_id: UUID, sha256: str, basis_id: UUID | None) -> GivenListFile | None:
    """Return the preview of the same file over the same rows, if there is one."""
    return db.session.scalars(
        files_of(list_id)
        .where(
            GivenListFile.state == FileState.PREVIEWED,
            GivenListFile.sha256 == sha256,
            GivenListFile.basis_id == basis_id,
        )
        .order_by(GivenListFile.id.desc())
        .limit(1)
    ).one_or_none()


def lines_of(
    file_id: UUID, *, change: Change | None = None, after: int = 0, limit: int | None = None
) -> Sequence[GivenListLine]:
    """Return the lines of a corrected file in its order, those after a position."""
    query = sa.select(GivenListLine).where(
        GivenListLine.file_id == file_id, GivenListLine.position > after
    )
    if change is not None:
        query = query.where(GivenListLine.change == change)
    return db.session.scalars(query.order_by(GivenListLine.position).limit(limit)).all()


# --- rows ---


def find_row(row_id: UUID) -> GivenListRow | None:
    """Return a row of any list."""
    return db.session.get(GivenListRow, row_id)


def rows_of(list_id: UUID, **filters: Any) -> sa.Select[GivenListRow]:
    """Return the query for the rows of a list with unit, task and partners' results.

    Filters: `outcome`, `gone` and `applied` (whether it has a task); None does not count.
    """
    query = (
        sa.select(GivenListRow)
        .where(GivenListRow.list_id == list_id)
        .options(
            orm.selectinload(GivenListRow.unit).options(
                orm.lazyload(Unit.registrations), orm.lazyload(Unit.licences)
            ),
            orm.selectinload(GivenListRow.task),
            orm.selectinload(GivenListRow.partner_results),
        )
    )
    if filters.get("outcome") is not None:
        query = query.where(GivenListRow.outcome == filters["outcome"])
    for name, column in (("gone", GivenListRow.gone_at), ("applied", GivenListRow.task_id)):
        if filters.get(name) is not None:
            query = query.where(column.is_not(None) if filters[name] else column.is_(None))
    return query


def all_rows(list_id: UUID) -> Sequence[GivenListRow]:
    """Return every row of a list, the gone ones too, in the order in which they came."""
    return db.session.scalars(
        sa.select(GivenListRow)
        .where(GivenListRow.list_id == list_id)
        .order_by(GivenListRow.row_no, GivenListRow.id)
    ).all()


def told_rows(list_id: UUID) -> Iterator[GivenListRow]:
    """Return the rows of a list with all that is to be told of them, in the order of the file."""
    ids = db.session.scalars(
        sa.select(GivenListRow.id)
        .where(GivenListRow.list_id == list_id)
        .order_by(GivenListRow.row_no, GivenListRow.id)
    ).all()
    for start in range(0, len(ids), _AT_ONCE):
        lot = ids[start : start + _AT_ONCE]
        query = rows_of(list_id).where(GivenListRow.id.in_(lot))
        found = {row.id: row for row in db.session.scalars(query)}
        yield from (found[one] for one in lot)


def unmade_rows(list_id: UUID) -> Sequence[GivenListRow]:
    """Return the rows that mean a unit for sure and have no task yet, in the order of the file."""
    return db.session.scalars(
        sa.select(GivenListRow)
        .where(
            GivenListRow.list_id == list_id,
            GivenListRow.outcome == Outcome.MATCHED,
            GivenListRow.task_id.is_(None),
            GivenListRow.gone_at.is_(None),
        )
        .order_by(GivenListRow.row_no, GivenListRow.id)
    ).all()


def has_tasks(list_id: UUID) -> bool:
    """Tell whether a task was made from a list."""
    query = sa.select(GivenListRow.id).where(
        GivenListRow.list_id == list_id, GivenListRow.task_id.is_not(None)
    )
    return db.session.scalar(query.limit(1)) is not None


class Counts(NamedTuple):
    """How many rows of a list are what: standing and gone ones, and the tasks of all."""

    outcomes: dict[str, int]
    gone: int
    applied: int
    tasks: dict[str, int]


def counts_of(list_ids: Collection[UUID]) -> dict[UUID, Counts]:
    """Return the counts of lists."""
    made, gone = GivenListRow.task_id.is_not(None), GivenListRow.gone_at.is_not(None)
    rows = db.session.execute(
        sa.select(
            GivenListRow.list_id, GivenListRow.outcome, made, gone, Task.state, sa.func.count()
        )
        .outerjoin(Task, Task.id == GivenListRow.task_id)
        .where(GivenListRow.list_id.in_(list_ids))
        .group_by(GivenListRow.list_id, GivenListRow.outcome, made, gone, Task.state)
    )
    empty = {str(outcome): 0 for outcome in Outcome}
    found = {one: Counts(dict(empty), 0, 0, {}) for one in list_ids}
    for list_id, outcome, is_made, is_gone, state, count in rows:
        before = found[list_id]
        if not is_gone:
            before.outcomes[outcome] += count
        if is_made:
            before.tasks[state] = before.tasks.get(state, 0) + count
        found[list_id] = before._replace(
            gone=before.gone + count * is_gone, applied=before.applied + count * is_made
        )
    return found


# --- the register ---


def known_units(agency_id: UUID) -> list[Known]:
    """Return every unit of an agency as far as it can be recognised."""
    registrations: dict[UUID, list[tuple[str, str]]] = {}
    for unit_id, specialty, object_class in db.session.execute(
        sa.select(
            UnitRegistration.unit_id, UnitRegistration.specialty, UnitRegistration.object_class
        )
        .join(Unit, Unit.id == UnitRegistration.unit_id)
        .where(Unit.agency_id == agency_id)
    ):
        registrations.setdefault(unit_id, []).append((specialty, object_class))
    columns = (Unit.id, Unit.archive_no, Unit.name, Unit.sign_name, Unit.uscc, Unit.address)
    rows = db.session.execute(
        sa.select(*columns, Unit.state).where(Unit.agency_id == agency_id).order_by(Unit.id)
    )
    return [Known(*row, tuple(sorted(registrations.get(row[0], ())))) for row in rows]


# --- for draws ---


class Made(NamedTuple):
    """A task of a list, as an officer draw sees it."""

    task_id: UUID
    archive_no: str
    specialty: str
    state: str
    due_on: date | None


def made_tasks(list_id: UUID) -> list[Made]:
    """Return the tasks of a list in the order of their making; a row that is gone needs none."""
    rows = db.session.execute(
        sa.select(Task.id, Unit.archive_no, Task.specialty, Task.state, Task.due_on)
        .join(GivenListRow, GivenListRow.task_id == Task.id)
        .join(Unit, Unit.id == Task.unit_id)
        .where(
            GivenListRow.list_id == list_id,
            GivenListRow.gone_at.is_(None),
        )
        .order_by(Task.task_no)
    )
    return [Made(*row) for row in rows]


def pending_tasks(list_id: UUID) -> list[Made]:
    """Return the tasks of a list that nobody was sent for yet."""
    return [one for one in made_tasks(list_id) if one.state == TaskState.PENDING]
