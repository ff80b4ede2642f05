"""Reads of credit that deserve a name."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.credit.models import (
    CreditCooperation,
    CreditEntry,
    CreditException,
    CreditGrade,
    CreditRepair,
    CreditScoring,
    PointsCycle,
    PointsNotice,
)
from app.credit.rules import OPEN_REPAIRS, EntryKind, ExceptionState
from app.db import db


def find_entry(agency_id: UUID, kind: str, reference: str) -> CreditEntry | None:
    """Return the entry that a cause made."""
    query = sa.select(CreditEntry).where(
        CreditEntry.agency_id == agency_id,
        CreditEntry.kind == kind,
        CreditEntry.reference == reference,
    )
    return db.session.scalars(query).one_or_none()


def find_about(entry_id: UUID, kind: str) -> CreditEntry | None:
    """Return the repair or the reversal of an entry."""
    query = sa.select(CreditEntry).where(CreditEntry.about_id == entry_id, CreditEntry.kind == kind)
    return db.session.scalars(query).one_or_none()


def entries_in(agency_id: UUID | None, **filters: Any) -> sa.Select[CreditEntry]:
    """Return the query for the entries of an agency; a filter that is None does not count.

    Filters: `unit_id`, `kind`, `reference`.
    """
    query = sa.select(CreditEntry).where(CreditEntry.agency_id == agency_id)
    for name in ("unit_id", "kind", "reference"):
        if filters.get(name) is not None:
            query = query.where(getattr(CreditEntry, name) == filters[name])
    return query


def entries_of_unit(unit_id: UUID) -> Sequence[CreditEntry]:
    """Return every entry of a unit."""
    return db.session.scalars(sa.select(CreditEntry).where(CreditEntry.unit_id == unit_id)).all()


def entries_by_unit(
    agency_id: UUID, unit_id: UUID | None = None
) -> Mapping[UUID, list[CreditEntry]]:
    """Return what was decided about every unit of an agency, or about one; points apart."""
    found: dict[UUID, list[CreditEntry]] = defaultdict(list)
    query = sa.select(CreditEntry).where(
        CreditEntry.agency_id == agency_id,
        CreditEntry.unit_id.is_not(None),
        CreditEntry.kind != EntryKind.POINTS,
    )
    if unit_id is not None:
        query = query.where(CreditEntry.unit_id == unit_id)
    for entry in db.session.scalars(query):
        if entry.unit_id is not None:
            found[entry.unit_id].append(entry)
    return found


def cycles_of(unit_id: UUID, scheme: str) -> Sequence[PointsCycle]:
    """Return the own cycles of a unit."""
    query = sa.select(PointsCycle).where(
        PointsCycle.unit_id == unit_id, PointsCycle.scheme == scheme
    )
    return db.session.scalars(query).all()


def notices_of(unit_id: UUID, scheme: str) -> Sequence[PointsNotice]:
    """Return the notices of a unit under a scheme, in every cycle."""
    query = sa.select(PointsNotice).where(
        PointsNotice.unit_id == unit_id, PointsNotice.scheme == scheme
    )
    return db.session.scalars(query).all()


def notices_in(agency_id: UUID | None, **filters: Any) -> sa.Select[PointsNotice]:
    """Return the query for the notices of an agency, by `state` and `unit_id`."""
    return _filtered(PointsNotice, agency_id, filters, ("state", "unit_id"))


def scorings_of(unit_id: UUID, scheme: str, object_class: str | None) -> Sequence[CreditScoring]:
    """Return the scorings of a unit for one class, oldest first."""
    query = sa.select(CreditScoring).where(
        CreditScoring.unit_id == unit_id,
        CreditScoring.scheme == scheme,
        CreditScoring.object_class.is_not_distinct_from(object_class),
    )
    return db.session.scalars(query.order_by(CreditScoring.scored_on, CreditScoring.id)).all()


def scorings_in(agency_id: UUID | None, **filters: Any) -> sa.Select[CreditScoring]:
    """Return the query for the scorings of an agency, by `unit_id` and `scheme`."""
    return _filtered(CreditScoring, agency_id, filters, ("unit_id", "scheme"))


def find_scoring(agency_id: UUID, scheme: str, reference: str) -> CreditScoring | None:
    """Return the scoring of a sheet."""
    query = sa.select(CreditScoring).where(
        CreditScoring.agency_id == agency_id,
        CreditScoring.scheme == scheme,
        CreditScoring.reference == reference,
    )
    return db.session.scalars(query).one_or_none()


def find_grade(agency_id: UUID, scheme: str, reference: str) -> CreditGrade | None:
    """Return the grade that a cause made."""
    query = sa.select(CreditGrade).where(
        CreditGrade.agency_id == agency_id,
        CreditGrade.scheme == scheme,
        CreditGrade.reference == reference,
    )
    return db.session.scalars(query).one_or_none()


def grades_in(agency_id: UUID | None, **filters: Any) -> sa.Select[CreditGrade]:
    """Return the query for the grades of an agency.

    Filters: `unit_id`, `scheme`, `on` (those in force on a day).
    """
    query = _filtered(CreditGrade, agency_id, filters, ("unit_id", "scheme"))
    on = filters.get("on")
    return query if on is None else query.where(*_in_force(on))


def _in_force(on: date) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        CreditGrade.voided_at.is_(None),
        CreditGrade.from_on <= on,
        sa.or_(CreditGrade.until_on.is_(None), CreditGrade.until_on >= on),
    )


def newest_grades(
    agency_id: UUID | None, on: date, unit_id: UUID | None = None
) -> dict[UUID, CreditGrade]:
    """Return for each unit the newest grade in force on a day that says something to a draw."""
    query = (
        grades_in(agency_id, on=on, unit_id=unit_id)
        .where(CreditGrade.draw_class.is_not(None))
        .order_by(CreditGrade.from_on, CreditGrade.id)
    )
    return {grade.unit_id: grade for grade in db.session.scalars(query)}


def repairs_in(agency_id: UUID | None, **filters: Any) -> sa.Select[CreditRepair]:
    """Return the query for the applications of an agency, by `state`, `unit_id`, `entry_id`."""
    return _filtered(CreditRepair, agency_id, filters, ("state", "unit_id", "entry_id"))


def find_open_repair(entry_id: UUID) -> CreditRepair | None:
    """Return the application for an entry that is not decided yet."""
    query = sa.select(CreditRepair).where(
        CreditRepair.entry_id == entry_id, CreditRepair.state.in_(sorted(OPEN_REPAIRS))
    )
    return db.session.scalars(query).one_or_none()


def exceptions_in(agency_id: UUID | None, **filters: Any) -> sa.Select[CreditException]:
    """Return the query for the exceptions of an agency, by `state` and `entry_id`."""
    return _filtered(CreditException, agency_id, filters, ("state", "entry_id"))


def find_exception(entry_id: UUID) -> CreditException | None:
    """Return the exception for an entry that is proposed or confirmed."""
    query = sa.select(CreditException).where(
        CreditException.entry_id == entry_id, CreditException.state != ExceptionState.DECLINED
    )
    return db.session.scalars(query).one_or_none()


def excepted_references() -> list[str]:
    """Return the references of the entries that are shown by exception, of all agencies."""
    query = (
        sa.select(CreditEntry.reference)
        .join(CreditException, CreditException.entry_id == CreditEntry.id)
        .where(CreditException.state == ExceptionState.CONFIRMED)
    )
    return list(db.session.scalars(query))


def cooperations_in(agency_id: UUID | None, **filters: Any) -> sa.Select[CreditCooperation]:
    """Return the query for the requests that an agency got, by `unit_id`."""
    return _filtered(CreditCooperation, agency_id, filters, ("unit_id",))


def _filtered(
    model: Any, agency_id: UUID | None, filters: Mapping[str, Any], names: Sequence[str]
) -> sa.Select[Any]:
    query = sa.select(model).where(model.agency_id == agency_id)
    for name in names:
        if filters.get(name) is not None:
            query = query.where(getattr(model, name) == filters[name])
    return query
