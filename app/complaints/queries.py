"""Reads of complaints that deserve a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import PenaltyCase
from app.cases.rules import CaseSource
from app.complaints.models import Complainant, Complaint, ComplaintStep
from app.complaints.rules import OPEN_STATES
from app.db import db
from app.tasks.models import Task
from app.visits.models import Visit

FILTERS = ("state", "kind", "channel", "unit_id", "task_id", "external_no", "merged_into_id")


@dataclass(frozen=True)
class Linked:
    """What a complaint led to: the visit of its task, and the cases of that visit."""

    visit_id: UUID | None
    case_ids: Sequence[UUID]


def find_complaint(complaint_id: UUID) -> Complaint | None:
    """Return a complaint of any agency."""
    return db.session.get(Complaint, complaint_id)


def find_complainant(complaint_id: UUID) -> Complainant | None:
    """Return who complained, where they said it."""
    return db.session.get(Complainant, complaint_id)


def complaints_of(
    agency_id: UUID | None, *, late: bool | None = None, **filters: Any
) -> sa.Select[Complaint]:
    """Return the query for the complaints of an agency; a filter that is None does not count."""
    query = sa.select(Complaint).where(Complaint.agency_id == agency_id)
    for name in FILTERS:
        if filters.get(name) is not None:
            query = query.where(getattr(Complaint, name) == filters[name])
    if late is not None:
        found = Complaint.steps.any(
            sa.and_(ComplaintStep.late_at.is_not(None), ComplaintStep.done_on.is_(None))
        )
        query = query.where(found if late else ~found)
    return query


def merged_into(complaint_id: UUID) -> Sequence[Complaint]:
    """Return the complaints that were merged into one, oldest first."""
    query = sa.select(Complaint).where(Complaint.merged_into_id == complaint_id)
    return db.session.scalars(query.order_by(Complaint.id)).all()


def repeats_of(complaint: Complaint, since: date) -> Sequence[Complaint]:
    """Return other open complaints about the same unit, the same accused or place, or of the
    same window number, since a day.

    Only what is said in the same words counts as the same place: the rest is for people to see.
    """
    same = [
        getattr(Complaint, name) == getattr(complaint, name)
        for name in ("unit_id", "accused", "place", "external_no")
        if getattr(complaint, name) is not None
    ]
    query = sa.select(Complaint).where(
        Complaint.agency_id == complaint.agency_id,
        Complaint.id != complaint.id,
        Complaint.state.in_(sorted(OPEN_STATES)),
        Complaint.received_on >= since,
        sa.or_(*same),
    )
    return db.session.scalars(query.order_by(Complaint.id).limit(50)).all()


def linked_to(complaint: Complaint) -> Linked:
    """Return what a complaint led to: its task's visit, once begun, its cases and the visit's.

    A merged complaint led to what the one it was merged into led to.
    """
    main = complaint
    if complaint.merged_into_id is not None:
        main = db.session.get_one(Complaint, complaint.merged_into_id)
    same = [
        sa.and_(
            PenaltyCase.source == CaseSource.COMPLAINT, PenaltyCase.source_reference == main.number
        )
    ]
    visit_id = (
        None
        if main.task_id is None
        else db.session.scalar(
            sa.select(Visit.id).join(Task, Task.visit_id == Visit.id).where(Task.id == main.task_id)
        )
    )
    if visit_id is not None:
        same.append(PenaltyCase.visit_id == visit_id)
    cases = sa.select(PenaltyCase.id).where(PenaltyCase.agency_id == main.agency_id, sa.or_(*same))
    return Linked(visit_id, db.session.scalars(cases.order_by(PenaltyCase.id)).all())


def steps_to_watch() -> list[UUID]:
    """Return the complaints with a step that is not done."""
    query = sa.select(ComplaintStep.complaint_id).where(ComplaintStep.done_on.is_(None)).distinct()
    return sorted(db.session.scalars(query))
