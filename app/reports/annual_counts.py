"""What stands behind each number of the form 附件2: one selection, counted or listed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import PenaltyCase
from app.db import db
from app.reports.dated import line, on_days, visited_at, within
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
_VISITS = ("inspections", "found", "complaints", "confirmed")
SUPERVISION = (*_VISITS, "penalised")
COUNTED = (*_PERMITS, *SUPERVISION)


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


def behind(item: Item, column: str, scope: Scope) -> Rows | None:
    """Return the rows that a number of the form counts; None for a column that no table counts.

    批后监管 is counted per object and visit, not limited to the period's permits (5); 查处 by
    penalised cases (6).
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
    return _penalised(item, scope) if column == "penalised" else None


def count_behind(item: Item, column: str, scope: Scope) -> int:
    """Return how many rows stand behind a number; a column that no table counts has none."""
    rows = behind(item, column, scope)
    if rows is None:
        return 0
    return int(db.session.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0)


def _visits(item: Item, column: str, scope: Scope) -> Rows:
    complaint = Task.origin == COMPLAINT
    of_origin = {
        "inspections": sa.or_(Task.id.is_(None), ~complaint),
        "found": sa.or_(Task.id.is_(None), ~complaint),
        "complaints": complaint,
        "confirmed": complaint,
    }[column]
    which = [
        Visit.agency_id == scope.agency_id,
        Visit.state != VisitState.UNDER_WAY,
        within(visited_at(), scope.from_on, scope.until_on),
        of_origin,
        sa.or_(Task.id.is_(None), Task.origin.not_in(sorted(scope.talks))),
        _of_item(item, Visit.unit_id),
    ]
    if column in {"found", "confirmed"}:
        which.append(Visit.outcome.in_(sorted(scope.violations)))
    return (
        sa.select(
            *line("visit", Visit.id, at=visited_at(), unit_id=Visit.unit_id, label=Visit.outcome)
        )
        .select_from(Visit)
        .outerjoin(Task, Task.id == Visit.task_id)
        .where(*which)
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
