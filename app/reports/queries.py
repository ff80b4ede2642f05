"""Reads over the tables of all features."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.draws.models import DrawSelection
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
