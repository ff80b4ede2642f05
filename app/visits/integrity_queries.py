"""Reads for what makes a person look again, and of the findings themselves."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.tasks.models import Task
from app.visits.integrity_rules import Reason, Use
from app.visits.models import (
    Finding,
    IntegrityFinding,
    Sample,
    Visit,
    VisitAnswer,
    VisitAttendance,
)
from app.visits.rules import VisitState


def findings_of(agency_id: UUID | None, **filters: Any) -> sa.Select[IntegrityFinding]:
    """Return the query for an agency's findings; a filter that is None does not count.

    Filters: `kind`, `state`, `unit_id` and `visit_id` (either of two), `officer_id` (who attended
    either visit, or is named).
    """
    query = sa.select(IntegrityFinding).where(IntegrityFinding.agency_id == agency_id)
    for name in ("kind", "state"):
        if filters.get(name) is not None:
            query = query.where(getattr(IntegrityFinding, name) == filters[name])
    for name in ("unit_id", "visit_id"):
        if filters.get(name) is not None:
            query = query.where(
                sa.or_(
                    getattr(IntegrityFinding, name) == filters[name],
                    getattr(IntegrityFinding, f"other_{name}") == filters[name],
                )
            )
    if filters.get("officer_id") is not None:
        visits = sa.select(VisitAttendance.visit_id).where(
            VisitAttendance.officer_id == filters["officer_id"]
        )
        query = query.where(
            sa.or_(
                IntegrityFinding.officer_id == filters["officer_id"],
                IntegrityFinding.visit_id.in_(visits),
                IntegrityFinding.other_visit_id.in_(visits),
            )
        )
    return query


def findings_of_visit(visit_id: UUID) -> Sequence[IntegrityFinding]:
    """Return the findings on a visit, whichever of the two it is; oldest first."""
    return db.session.scalars(
        sa.select(IntegrityFinding)
        .where(
            sa.or_(
                IntegrityFinding.visit_id == visit_id, IntegrityFinding.other_visit_id == visit_id
            )
        )
        .order_by(IntegrityFinding.id)
    ).all()


def findings_by_key(agency_id: UUID, keys: Collection[str]) -> dict[str, IntegrityFinding]:
    """Return the findings of these keys, as they are now."""
    found = db.session.scalars(
        sa.select(IntegrityFinding)
        .where(IntegrityFinding.agency_id == agency_id, IntegrityFinding.key.in_(keys))
        .execution_options(populate_existing=True)
    )
    return {one.key: one for one in found}


def officers_at(visit_ids: Collection[UUID | None]) -> set[UUID]:
    """Return who attended any of these visits."""
    query = sa.select(VisitAttendance.officer_id).where(VisitAttendance.visit_id.in_(visit_ids))
    return set(db.session.scalars(query))


def parts_of(visit_id: UUID) -> set[UUID]:
    """Return the visit and what is part of it: its photos are attached to any of these."""
    parts = {visit_id}
    for table in (VisitAnswer, Finding):
        parts.update(db.session.scalars(sa.select(table.id).where(table.visit_id == visit_id)))
    return parts


def acts_of(visit_id: UUID) -> Sequence[datetime]:
    """Return when the last answer, finding and sample of a visit were made, by their tablets."""
    last = (
        sa.select(sa.func.max(table.recorded_at).label("at")).where(table.visit_id == visit_id)
        for table in (VisitAnswer, Finding, Sample)
    )
    acts = sa.union_all(*last).subquery()
    return db.session.scalars(sa.select(acts.c.at).where(acts.c.at.is_not(None))).all()


UNENDED_AT_ONCE = 100


def unended(before: datetime) -> Sequence[Visit]:
    """Return visits that began before an instant, are under way still, and were not told of."""
    told = sa.exists().where(
        IntegrityFinding.visit_id == Visit.id,
        IntegrityFinding.reason == Reason.DEPARTURE_MISSING,
    )
    query = sa.select(Visit).where(
        Visit.state == VisitState.UNDER_WAY,
        Visit.started_at < before,
        Visit.interrupted_at.is_(None),
        ~told,
    )
    return db.session.scalars(query.order_by(Visit.started_at).limit(UNENDED_AT_ONCE)).all()


def uses_by_subject(subjects: Collection[tuple[str, UUID]]) -> Mapping[tuple[str, UUID], Use]:
    """Return of what each subject of a photo is part: a visit, or a task without one."""
    by_type: dict[str, set[UUID]] = {}
    for kind, subject_id in subjects:
        by_type.setdefault(kind, set()).add(subject_id)
    visits = {("visit", one): one for one in by_type.get("visit", ())}
    for kind, table in (("visit_answer", VisitAnswer), ("finding", Finding)):
        for row in db.session.execute(
            sa.select(table.id, table.visit_id).where(table.id.in_(by_type.get(kind, ())))
        ):
            visits[kind, row.id] = row.visit_id
    units = _units(Visit, set(visits.values()))
    found = {
        subject: Use("visit", visit_id, units[visit_id])
        for subject, visit_id in visits.items()
        if visit_id in units
    }
    for task_id, unit_id in _units(Task, by_type.get("task", set())).items():
        found["task", task_id] = Use("task", task_id, unit_id)
    return found


def _units(table: type[Visit | Task], ids: Collection[UUID]) -> dict[UUID, UUID]:
    rows = db.session.execute(sa.select(table.id, table.unit_id).where(table.id.in_(ids)))
    return {row.id: row.unit_id for row in rows}


def neighbours(visit: Visit, attendance: VisitAttendance) -> list[tuple[Visit, VisitAttendance]]:
    """Return the visits before and after this one, of the same officer and of the same tablet.

    By the tablets' clocks; visits whose clock was wrong are passed over.
    """
    found: dict[UUID, tuple[Visit, VisitAttendance]] = {}
    whose: list[sa.ColumnElement[bool]] = [VisitAttendance.officer_id == attendance.officer_id]
    if attendance.device_id is not None:
        whose.append(VisitAttendance.device_id == attendance.device_id)
    for same in whose:
        query = (
            sa.select(Visit, VisitAttendance)
            .join(VisitAttendance, VisitAttendance.visit_id == Visit.id)
            .where(
                same,
                Visit.agency_id == visit.agency_id,
                Visit.id != visit.id,
                Visit.clock_suspect.is_(False),
                VisitAttendance.clock_suspect.is_(False),
            )
            .limit(1)
        )
        when = VisitAttendance.recorded_at
        for row in (
            *db.session.execute(
                query.where(when <= attendance.recorded_at).order_by(when.desc(), Visit.id)
            ),
            *db.session.execute(
                query.where(when > attendance.recorded_at).order_by(when, Visit.id)
            ),
        ):
            found[row[0].id] = (row[0], row[1])
    return list(found.values())
