"""Reads of the life of units: steps, 校验, self-checks."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.db import db
from app.units.lifecycle_rules import LifeVerb, StepState
from app.units.models import SelfCheck, Unit, UnitStep, UnitVerification
from app.units.rules import UnitStatus


def steps_of(agency_id: UUID, **filters: object) -> sa.Select[UnitStep]:
    """Return the query for the steps of an agency. Filters: `unit_id`, `state`."""
    query = sa.select(UnitStep).where(UnitStep.agency_id == agency_id)
    for name, value in filters.items():
        if value is not None:
            query = query.where(getattr(UnitStep, name) == value)
    return query


def proposed_step(unit_id: UUID) -> UnitStep | None:
    """Return the step of a unit that waits for a second person."""
    query = sa.select(UnitStep).where(
        UnitStep.unit_id == unit_id, UnitStep.state == StepState.PROPOSED
    )
    return db.session.scalars(query.limit(1)).one_or_none()


def last_step(unit_id: UUID, verb: LifeVerb) -> UnitStep | None:
    """Return the last step of a kind that holds."""
    query = sa.select(UnitStep).where(
        UnitStep.unit_id == unit_id, UnitStep.verb == verb, UnitStep.state == StepState.TAKEN
    )
    return db.session.scalars(query.order_by(UnitStep.id.desc()).limit(1)).one_or_none()


def verification_on(unit_id: UUID, day: date) -> UnitVerification | None:
    """Return the 校验 of a unit on a day."""
    query = sa.select(UnitVerification).where(
        UnitVerification.unit_id == unit_id, UnitVerification.verified_on == day
    )
    return db.session.scalars(query).one_or_none()


def next_due(unit_id: UUID) -> date | None:
    """Return when the next 校验 of a unit is due, None where none was ever recorded."""
    query = (
        sa.select(UnitVerification.next_due_on)
        .where(UnitVerification.unit_id == unit_id)
        .order_by(UnitVerification.verified_on.desc())
        .limit(1)
    )
    return db.session.scalar(query)


def newest_verifications(
    agency_id: UUID, *, unit_id: UUID | None, due_until: date | None
) -> sa.Select[UnitVerification]:
    """Return the query for each unit's newest 校验; `due_until`: whose next is due by a day."""
    query = sa.select(UnitVerification).where(
        UnitVerification.agency_id == agency_id, ~_newer_exists()
    )
    if unit_id is not None:
        query = query.where(UnitVerification.unit_id == unit_id)
    if due_until is not None:
        query = query.where(UnitVerification.next_due_on <= due_until)
    return query


def overdue_units(on: date) -> Sequence[UUID]:
    """Return the units whose newest 校验 ran out before a day and that are open or suspended."""
    query = (
        sa.select(UnitVerification.unit_id)
        .join(Unit, Unit.id == UnitVerification.unit_id)
        .where(
            UnitVerification.next_due_on < on,
            Unit.state.in_([UnitStatus.IN_OPERATION, UnitStatus.SUSPENDED]),
            ~_newer_exists(),
        )
        .order_by(UnitVerification.unit_id)
    )
    return db.session.scalars(query).all()


def _newer_exists() -> sa.ColumnElement[bool]:
    newer = aliased(UnitVerification)
    return sa.exists().where(
        newer.unit_id == UnitVerification.unit_id,
        newer.verified_on > UnitVerification.verified_on,
    )


def self_checks_of(agency_id: UUID, *, unit_id: UUID | None) -> sa.Select[SelfCheck]:
    """Return the query for the self-checks of an agency, or of one unit."""
    query = sa.select(SelfCheck).where(SelfCheck.agency_id == agency_id)
    return query if unit_id is None else query.where(SelfCheck.unit_id == unit_id)


def known_self_checks(agency_id: UUID) -> set[tuple[UUID, str, date]]:
    """Return which self-checks came in already."""
    query = sa.select(SelfCheck.unit_id, SelfCheck.platform, SelfCheck.checked_on).where(
        SelfCheck.agency_id == agency_id
    )
    return {(row[0], row[1], row[2]) for row in db.session.execute(query)}
