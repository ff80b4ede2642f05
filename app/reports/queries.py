"""Reads over the tables of all features."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.draws.models import DrawSelection
from app.people.models import Account
from app.reports.models import AnnualTable, DossierReading, ManualCount, PermitRecord
from app.reports.rules import Group
from app.tasks.models import Task
from app.tasks.rules import TaskState


def task_groups(
    agency_id: UUID,
    *,
    created_from: datetime,
    created_before: datetime,
    draw_ids: Collection[UUID] | None = None,
    origin: str | None,
    specialty: str | None,
    level: str | None,
    reference: str | None,
) -> list[Group]:
    """Return how many tasks of a period an agency has, by what tells them apart.

    With `draw_ids` the tasks of these draws, reserves that followed included, whenever made.
    """
    kinds = (Task.specialty, Task.origin, Task.state, Task.awaiting_results, Task.outcome)
    given = (
        (Task.origin, origin),
        (Task.specialty, specialty),
        (Task.level, level),
        (Task.origin_reference, reference),
    )
    which = [Task.created_at >= created_from, Task.created_at < created_before]
    if draw_ids is not None:
        lines = sa.select(DrawSelection.task_id).where(DrawSelection.draw_id.in_(sorted(draw_ids)))
        which = [Task.id.in_(lines)]
    query = (
        sa.select(*kinds, sa.func.count())
        .where(
            Task.agency_id == agency_id,
            *which,
            *(column == value for column, value in given if value is not None),
        )
        .group_by(*kinds)
    )
    return [
        Group(row[0], row[1], TaskState(row[2]), row[3], row[4], row[5])
        for row in db.session.execute(query)
    ]


_AT_ONCE = 500


def permits_by_number(agency_id: UUID, numbers: Sequence[str]) -> dict[str, PermitRecord]:
    """Return the permits of an agency that have one of these numbers."""
    found: dict[str, PermitRecord] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        query = sa.select(PermitRecord).where(
            PermitRecord.agency_id == agency_id,
            PermitRecord.record_no.in_(numbers[start : start + _AT_ONCE]),
        )
        found.update((row.record_no, row) for row in db.session.scalars(query))
    return found


def manual_counts(agency_id: UUID, from_on: date, until_on: date) -> Sequence[ManualCount]:
    """Return the numbers kept by hand for periods that lie in this one and were not voided."""
    query = sa.select(ManualCount).where(
        ManualCount.agency_id == agency_id,
        ManualCount.from_on >= from_on,
        ManualCount.until_on <= until_on,
        ManualCount.voided_at.is_(None),
    )
    return db.session.scalars(query.order_by(ManualCount.id)).all()


def all_manual_counts(agency_id: UUID) -> sa.Select[ManualCount]:
    """Return the query of every number kept by hand, voided ones too."""
    return sa.select(ManualCount).where(ManualCount.agency_id == agency_id)


def newest_annual_table(agency_id: UUID, year: int) -> AnnualTable | None:
    """Return the form of a year that came in last."""
    query = sa.select(AnnualTable).where(
        AnnualTable.agency_id == agency_id, AnnualTable.year == year
    )
    return db.session.scalars(query.order_by(AnnualTable.id.desc()).limit(1)).one_or_none()


def dossier_readings(unit_id: UUID) -> sa.Select[DossierReading]:
    """Return the query of who opened the dossier of a unit."""
    return sa.select(DossierReading).where(DossierReading.unit_id == unit_id)


def account_names(ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of accounts by id."""
    query = sa.select(Account.id, Account.name).where(Account.id.in_(sorted(ids)))
    return {row[0]: row[1] for row in db.session.execute(query)}
