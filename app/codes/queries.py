"""Reads of visit codes that deserve a name."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.codes.models import (
    VisitCode,
    VisitCodeOfficer,
    VisitCodeTask,
    VisitObjection,
    VisitRating,
)
from app.codes.rules import CodeKind, CodeState
from app.db import db
from app.people.models import Officer
from app.tasks.models import Task
from app.visits.models import Visit, VisitArrival
from app.visits.rules import VisitState


def find_code(code_id: UUID) -> VisitCode | None:
    return db.session.get(VisitCode, code_id)


def find_short(short: str) -> VisitCode | None:
    """Return the code that somebody typed."""
    return db.session.scalars(sa.select(VisitCode).where(VisitCode.short == short)).one_or_none()


def lock_code(code_id: UUID, agency_id: UUID | None) -> VisitCode | None:
    """Return a code of an agency as it is now, and keep others from using it meanwhile."""
    query = (
        sa.select(VisitCode)
        .where(VisitCode.id == code_id, VisitCode.agency_id == agency_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(query).one_or_none()


def visits_with_partners(visit_ids: Collection[UUID]) -> set[UUID]:
    """Return those visits to which officers of partner departments came along, by their codes."""
    wanted, found = sorted(visit_ids), set[UUID]()
    for place in range(0, len(wanted), 500):
        query = _with_partners().where(VisitCodeTask.visit_id.in_(wanted[place : place + 500]))
        found.update(db.session.scalars(query))
    return found


def visits_with_partners_of(agency_id: UUID) -> set[UUID]:
    """Return the visits of an agency to which officers of partner departments came along."""
    return set(db.session.scalars(_with_partners().where(VisitCode.agency_id == agency_id)))


def _with_partners() -> sa.Select[UUID]:
    return (
        sa.select(VisitCodeTask.visit_id)
        .join(VisitCode, VisitCode.id == VisitCodeTask.code_id)
        .where(VisitCode.state != CodeState.REVOKED, VisitCode.partners.any())
    )


def is_foreign(code_id: UUID, agency_id: UUID | None) -> bool:
    """Tell whether an id is that of another agency's code."""
    query = sa.select(VisitCode.agency_id).where(VisitCode.id == code_id)
    return db.session.scalar(query) not in {None, agency_id}


def unused(before: datetime) -> Sequence[UUID]:
    """Return codes without a task whose days are over, which nobody used and nobody ended."""
    query = sa.select(VisitCode.id).where(
        VisitCode.kind == CodeKind.TRIGGERED,
        VisitCode.ended_on.is_(None),
        VisitCode.valid_until <= before,
        ~VisitCode.tasks.any(),
        ~sa.exists().where(VisitArrival.code_id == VisitCode.id),
    )
    return db.session.scalars(query.order_by(VisitCode.id)).all()


def arrivals_with(code_id: UUID) -> Sequence[VisitArrival]:
    """Return the starts at which a code was used, in one order."""
    query = sa.select(VisitArrival).where(VisitArrival.code_id == code_id)
    return db.session.scalars(query.order_by(VisitArrival.visit_id, VisitArrival.officer_id)).all()


def officers_among(officer_ids: Collection[UUID], agency_id: UUID) -> Sequence[UUID]:
    """Return those ids that are officers of an agency."""
    query = sa.select(Officer.id).where(Officer.id.in_(officer_ids), Officer.agency_id == agency_id)
    return db.session.scalars(query).all()


def codes_of(agency_id: UUID, **filters: Any) -> sa.Select[VisitCode]:
    """Return the query for codes; filters `unit_id`, `state`, `task_id`, `officer_id`."""
    query = sa.select(VisitCode).where(VisitCode.agency_id == agency_id)
    for name in ("unit_id", "state"):
        if filters.get(name) is not None:
            query = query.where(getattr(VisitCode, name) == filters[name])
    if filters.get("task_id") is not None:
        query = query.where(VisitCode.tasks.any(VisitCodeTask.task_id == filters["task_id"]))
    if filters.get("officer_id") is not None:
        query = query.where(
            VisitCode.officers.any(VisitCodeOfficer.officer_id == filters["officer_id"])
        )
    return query


def tasks_by_id(task_ids: Collection[UUID]) -> Sequence[Task]:
    """Return tasks of any agency, in the order of their numbers."""
    query = sa.select(Task).where(Task.id.in_(task_ids)).order_by(Task.task_no)
    return db.session.scalars(query).all()


def unfinished(visit_ids: Collection[UUID]) -> int:
    """Count the visits among these that are not finished, begun or not."""
    ended = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(Visit)
        .where(Visit.id.in_(visit_ids), Visit.state != VisitState.UNDER_WAY)
    )
    return len(set(visit_ids)) - int(ended or 0)


def codes_beside(code_id: UUID) -> Sequence[UUID]:
    """Return the code and every other that is for a visit of it, in the order of their ids."""
    own = sa.select(VisitCodeTask.visit_id).where(VisitCodeTask.code_id == code_id)
    query = sa.select(VisitCodeTask.code_id).where(VisitCodeTask.visit_id.in_(own)).distinct()
    return sorted({code_id, *db.session.scalars(query)})


def is_rated(code_ids: Collection[UUID]) -> bool:
    """Tell whether somebody rated by one of these codes."""
    rated = sa.exists().where(VisitRating.code_id.in_(code_ids))
    return bool(db.session.scalar(sa.select(rated)))


def ratings_of(agency_id: UUID) -> sa.Select[VisitRating]:
    """Return the query for the ratings of an agency that are shown: for auditors alone."""
    return sa.select(VisitRating).where(
        VisitRating.agency_id == agency_id, VisitRating.shown_on.is_not(None)
    )


def lock_unshown(agency_id: UUID) -> Sequence[VisitRating]:
    """Return the ratings that wait until they are enough, and let nobody else show them."""
    query = (
        sa.select(VisitRating)
        .where(VisitRating.agency_id == agency_id, VisitRating.shown_on.is_(None))
        .order_by(VisitRating.id)
        .with_for_update()
    )
    return db.session.scalars(query).all()


def scores_of(agency_id: UUID, first: date, last: date) -> Sequence[int]:
    """Return the scores that came to be shown on these days, in no order that tells anything."""
    query = sa.select(VisitRating.score).where(
        VisitRating.agency_id == agency_id, VisitRating.shown_on.between(first, last)
    )
    return db.session.scalars(query.order_by(VisitRating.score)).all()


def objections_to(code_id: UUID) -> Sequence[VisitObjection]:
    """Return what was objected to from the page of a code, oldest first."""
    query = sa.select(VisitObjection).where(VisitObjection.code_id == code_id)
    return db.session.scalars(query.order_by(VisitObjection.id)).all()


def objections_of(agency_id: UUID, **filters: Any) -> sa.Select[VisitObjection]:
    """Return the query for an agency's objections; filters `unit_id`, `code_id` and `state`."""
    query = sa.select(VisitObjection).where(VisitObjection.agency_id == agency_id)
    for name in ("unit_id", "code_id", "state"):
        if filters.get(name) is not None:
            query = query.where(getattr(VisitObjection, name) == filters[name])
    return query
