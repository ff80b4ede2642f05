"""Reads of the year's plans, and of what was drawn and completed under them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app.days import day_begins
from app.db import db
from app.draws.models import AnnualPlan, DrawPlan
from app.draws.stages import AnnualState
from app.people.models import Agency
from app.tasks.models import Task
from app.tasks.rules import DRAWN_ORIGINS, TaskState


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
