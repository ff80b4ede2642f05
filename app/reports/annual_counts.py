"""What stands behind each number of the form 附件2: one selection, counted or listed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import CaseRemedy, PenaltyCase
from app.cases.rules import RemedyKind, RemedyResult
from app.complaints.models import Complaint
from app.complaints.rules import ComplaintResult
from app.db import db
from app.reports.dated import after, line, on_days, visited_at, visited_within
from app.reports.models import PermitRecord
from app.reports.permit_rules import PermitOutcome
from app.tasks.models import Task
from app.units.models import UnitRegistration
from app.visits.models import Visit
from app.visits.rules import VisitState

Rows = sa.Select[Any]  # the columns of `dated.line`


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the form as the catalogue holds it."""

    code: str
    name: str
    level: str
    regulated: bool
    object_classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose form, of which days, and what the catalogue says meanwhile."""

    agency_id: UUID
    from_on: date
    until_on: date
    violations: frozenset[str]  # outcomes that are published as 不合格
    talks: frozenset[str]  # origins that are no inspections


COMPLAINT = "complaint"
_PERMITS: Mapping[str, Callable[[], Any]] = {
    "applied": sa.true,
    "accepted": lambda: PermitRecord.outcome != PermitOutcome.NOT_ACCEPTED,
    "not_accepted": lambda: PermitRecord.outcome == PermitOutcome.NOT_ACCEPTED,
    "granted": lambda: PermitRecord.outcome == PermitOutcome.GRANTED,
    "refused": lambda: PermitRecord.outcome == PermitOutcome.REFUSED,
    "online": lambda: PermitRecord.online,
    "fully_online": lambda: PermitRecord.fully_online,
    "commitment": lambda: PermitRecord.commitment,
    "on_the_spot": lambda: sa.and_(PermitRecord.on_the_spot, ~_overdue()),
    "on_time": lambda: ~_overdue(),
    "overdue": lambda: _overdue(),
    "charged": lambda: PermitRecord.charge_fen > 0,
    "charges": lambda: PermitRecord.charge_fen > 0,
}
_VISITS = ("inspections", "found")
_COMPLAINTS = ("complaints", "confirmed")
_REMEDIES = {"review_corrected": RemedyKind.REVIEW, "suit_lost": RemedyKind.SUIT}
SUPERVISION = (*_VISITS, *_COMPLAINTS, "penalised", *_REMEDIES)
_TRUE = (ComplaintResult.SUBSTANTIATED, ComplaintResult.PARTLY)
_AGAINST_US = (
    RemedyResult.CHANGED,
    RemedyResult.REVOKED,
    RemedyResult.ILLEGAL,
    RemedyResult.ORDERED,
)


def _overdue() -> sa.ColumnElement[bool]:
    return sa.and_(PermitRecord.due_on.is_not(None), PermitRecord.closed_on > PermitRecord.due_on)


def permit_columns(scope: Scope) -> dict[str, dict[str, int]]:
    """Return the numbers of permits by item and column, all in one reading.

    What is closed in the period counts, whenever it was applied for (填表说明3).
    """
    sums = [
        sa.func.sum(
            sa.case((which(), PermitRecord.charge_fen if name == "charges" else 1), else_=0)
        )
        for name, which in _PERMITS.items()
    ]
    query = (
        sa.select(PermitRecord.item, *sums)
        .where(*_closed_in(scope))
        .group_by(PermitRecord.item)
    )  # fmt: skip
    return {
        row[0]: {name: int(number) for name, number in zip(_PERMITS, row[1:], strict=True)}
        for row in db.session.execute(query)
    }


def _closed_in(scope: Scope) -> Sequence[sa.ColumnElement[bool]]:
    return (
        PermitRecord.agency_id == scope.agency_id,
        on_days(PermitRecord.closed_on, scope.from_on, scope.until_on),
    )


def behind(item: Item, column: str, scope: Scope) -> Rows:
    """Return the rows that a number of the form counts.

    批后监管 is counted per object and visit, not limited to the period's permits (5); 查处 by
    penalised cases (6); complaints when they came in, remedies when they ended.
    """
    if column in _PERMITS:
        return sa.select(
            *line(
                "permit_record",
                PermitRecord.id,
                on=PermitRecord.closed_on,
                unit_id=PermitRecord.unit_id,
                label=PermitRecord.record_no,
                amount=PermitRecord.charge_fen,
            )
        ).where(*_closed_in(scope), PermitRecord.item == item.code, _PERMITS[column]())
    if column in _VISITS:
        return _visits(item, column, scope)
    if column in _COMPLAINTS:
        return _complaints(item, column, scope)
    return _penalised(item, scope) if column == "penalised" else _remedies(item, column, scope)


def count_behind(item: Item, column: str, scope: Scope) -> int:
    """Return how many rows stand behind a number."""
    rows = behind(item, column, scope)
    return int(db.session.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0)


def _visits(item: Item, column: str, scope: Scope) -> Rows:
    which = [
        Visit.agency_id == scope.agency_id,
        Visit.state != VisitState.UNDER_WAY,
        visited_within(scope.from_on, scope.until_on),
        sa.or_(Task.id.is_(None), Task.origin.not_in(sorted({COMPLAINT, *scope.talks}))),
        _of_item(item, Visit.unit_id),
    ]
    if column == "found":
        which.append(Visit.outcome.in_(sorted(scope.violations)))
    return (
        sa.select(
            *line("visit", Visit.id, at=visited_at(), unit_id=Visit.unit_id, label=Visit.outcome)
        )
        .select_from(Visit)
        .outerjoin(Task, Task.id == Visit.task_id)
        .where(*which)
    )


def _complaints(item: Item, column: str, scope: Scope) -> Rows:
    """Complaints of the days about a holder; one about nobody who is known belongs to no item."""
    rows = (
        sa.select(
            *line(
                "complaint",
                Complaint.id,
                on=Complaint.received_on,
                unit_id=Complaint.unit_id,
                label=Complaint.number,
            )
        )
        .select_from(Complaint)
        .outerjoin(Task, Task.id == Complaint.task_id)
        .where(
            Complaint.agency_id == scope.agency_id,
            on_days(Complaint.received_on, scope.from_on, scope.until_on),
            _of_item(item, Complaint.unit_id),
        )
    )
    if column == "complaints":
        return rows
    return rows.where(
        Complaint.result.in_(_TRUE), Complaint.concluded_at < after(scope.until_on)
    )  # fmt: skip


def _remedies(item: Item, column: str, scope: Scope) -> Rows:
    """Reviews and suits that ended against the agency in the days 被纠错, 败诉."""
    return (
        sa.select(
            *line(
                "case_remedy",
                CaseRemedy.id,
                on=CaseRemedy.ended_on,
                unit_id=PenaltyCase.unit_id,
                label=CaseRemedy.result,
            )
        )
        .select_from(CaseRemedy)
        .join(PenaltyCase, PenaltyCase.id == CaseRemedy.case_id)
        .outerjoin(Visit, Visit.id == PenaltyCase.visit_id)
        .outerjoin(Task, Task.id == Visit.task_id)
        .where(
            CaseRemedy.agency_id == scope.agency_id,
            CaseRemedy.kind == _REMEDIES[column],
            CaseRemedy.result.in_(_AGAINST_US),
            on_days(CaseRemedy.ended_on, scope.from_on, scope.until_on),
            _of_item(item, PenaltyCase.unit_id),
        )
    )


def _penalised(item: Item, scope: Scope) -> Rows:
    return (
        sa.select(
            *line(
                "penalty_case",
                PenaltyCase.id,
                on=PenaltyCase.decided_on,
                unit_id=PenaltyCase.unit_id,
                label=PenaltyCase.number,
            )
        )
        .select_from(PenaltyCase)
        .outerjoin(Visit, Visit.id == PenaltyCase.visit_id)
        .outerjoin(Task, Task.id == Visit.task_id)
        .where(
            PenaltyCase.agency_id == scope.agency_id,
            on_days(PenaltyCase.decided_on, scope.from_on, scope.until_on),
            _of_item(item, PenaltyCase.unit_id),
        )
    )


def _of_item(item: Item, unit_id: Any) -> sa.ColumnElement[bool]:
    """Say that a visit or case is about a holder of this permit.

    By the object class of its task, else by what the unit is registered for; an item without
    classes is held by the units to which it was granted.
    """
    if not item.object_classes:
        granted = sa.select(PermitRecord.unit_id).where(
            PermitRecord.item == item.code,
            PermitRecord.outcome == PermitOutcome.GRANTED,
            PermitRecord.unit_id.is_not(None),
        )
        return sa.cast(unit_id.in_(granted), sa.Boolean)
    registered = sa.exists().where(
        UnitRegistration.unit_id == unit_id,
        UnitRegistration.object_class.in_(item.object_classes),
    )
    return sa.or_(
        Task.object_class.in_(item.object_classes),
        sa.and_(Task.object_class.is_(None), registered),
    )
