"""Reads of assistants and patrols that deserve a name."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.patrols.models import (
    Assistant,
    AssistantOpinion,
    Patrol,
    PatrolAssistant,
    PatrolHint,
    PatrolUnit,
)
from app.patrols.rules import AssistantState, Seen
from app.units.models import Unit
from app.units.rules import UnitStatus, is_drawable

_SUPERVISED = sorted(one for one in UnitStatus if is_drawable(one))


def assistants_of(agency_id: UUID | None, **filters: Any) -> sa.Select[Assistant]:
    """Return the query for the assistants of an agency; a filter that is None does not count."""
    query = sa.select(Assistant).where(Assistant.agency_id == agency_id)
    return _where(query, Assistant, filters)


def patrols_of(agency_id: UUID | None, **filters: Any) -> sa.Select[Patrol]:
    """Return the query for the patrols of an agency.

    Filters: `grid_cell`, `service_unit`, `unit_id` (that was seen), `from_on`, `until_on`.
    """
    query = sa.select(Patrol).where(Patrol.agency_id == agency_id)
    for name in ("grid_cell", "service_unit"):
        if filters.get(name) is not None:
            query = query.where(getattr(Patrol, name) == filters[name])
    if filters.get("unit_id") is not None:
        query = query.where(Patrol.units.any(unit_id=filters["unit_id"]))
    if filters.get("from_on") is not None:
        query = query.where(Patrol.on_day >= filters["from_on"])
    if filters.get("until_on") is not None:
        query = query.where(Patrol.on_day <= filters["until_on"])
    return query


def hints_of(agency_id: UUID | None, **filters: Any) -> sa.Select[PatrolHint]:
    """Return the query for the hints of an agency; a filter that is None does not count."""
    return _where(
        sa.select(PatrolHint).where(PatrolHint.agency_id == agency_id), PatrolHint, filters
    )


def opinions_of(agency_id: UUID | None, **filters: Any) -> sa.Select[AssistantOpinion]:
    """Return the query for the opinions of assistants of an agency."""
    query = sa.select(AssistantOpinion).where(AssistantOpinion.agency_id == agency_id)
    return _where(query, AssistantOpinion, filters)


def _where(query: sa.Select[Any], model: Any, filters: Mapping[str, Any]) -> sa.Select[Any]:
    given = [getattr(model, name) == value for name, value in filters.items() if value is not None]
    return query.where(*given)


def seen_in(agency_id: UUID | None, from_on: date, until_on: date) -> list[Seen]:
    """Return every unit that was seen on a patrol of some days, with how many assistants."""
    went = (
        sa.select(PatrolAssistant.patrol_id, sa.func.count().label("many"))
        .group_by(PatrolAssistant.patrol_id)
        .subquery()
    )
    rows = db.session.execute(
        sa.select(PatrolUnit.unit_id, Patrol.on_day, went.c.many)
        .join(Patrol, Patrol.id == PatrolUnit.patrol_id)
        .join(went, went.c.patrol_id == Patrol.id)
        .where(Patrol.agency_id == agency_id, Patrol.on_day.between(from_on, until_on))
    )
    return [Seen(*row) for row in rows]


def count_opinions(agency_id: UUID | None, from_on: date, until_on: date) -> int:
    """Count the opinions of assistants of some days."""
    query = sa.select(sa.func.count()).where(
        AssistantOpinion.agency_id == agency_id,
        AssistantOpinion.issued_on.between(from_on, until_on),
    )
    return db.session.scalar(query) or 0


def units_by_service(agency_id: UUID | None) -> dict[str, set[UUID]]:
    """Return the supervised units in the grid cells of each service unit's active assistants."""
    query = assistants_of(agency_id, state=AssistantState.ACTIVE)
    cells: dict[str, set[str]] = {}
    for one in db.session.scalars(query):
        cells.setdefault(one.service_unit, set()).update(one.grid_cells)
    wanted = sorted({cell for each in cells.values() for cell in each})
    rows: Sequence[Any] = db.session.execute(
        sa.select(Unit.id, Unit.grid_cell).where(
            Unit.agency_id == agency_id,
            Unit.grid_cell.in_(wanted),
            Unit.state.in_(_SUPERVISED),
        )
    ).all()
    return {name: {unit for unit, cell in rows if cell in own} for name, own in cells.items()}
