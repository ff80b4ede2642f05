"""Reads of the register that deserve a name."""

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.units.models import RegisterImport, RegisterImportRow, Unit, UnitRegistration
from app.units.rules import LicenceData, LicenceKind, NewUnit, Registration, UnitStatus

_AT_ONCE = 500  # keys in one statement: below every driver's limit of parameters


def find_unit(unit_id: UUID) -> Unit | None:
    """Return a unit of any agency."""
    return db.session.get(Unit, unit_id)


def find_by_archive_no(agency_id: UUID, archive_no: str) -> Unit | None:
    """Return the unit that has this archive number in this agency."""
    query = sa.select(Unit).where(Unit.agency_id == agency_id, Unit.archive_no == archive_no)
    return db.session.scalars(query).one_or_none()


def units_of(agency_id: UUID, **filters: Any) -> sa.Select[Unit]:
    """Return the query for the units of an agency; a filter that is None does not count.

    Filters: `text` (in name, sign name or archive number, no wildcards), `specialty`,
    `object_class`, `state`, `street_code`.
    """
    query = sa.select(Unit).where(Unit.agency_id == agency_id)
    if text := filters.get("text"):
        columns = (Unit.name, Unit.sign_name, Unit.archive_no)
        query = query.where(
            sa.or_(*(column.icontains(text, autoescape=True) for column in columns))
        )
    for name in ("state", "street_code"):
        if filters.get(name) is not None:
            query = query.where(getattr(Unit, name) == filters[name])
    registration = {
        name: filters[name]
        for name in ("specialty", "object_class")
        if filters.get(name) is not None
    }
    if registration:
        matches = (getattr(UnitRegistration, name) == value for name, value in registration.items())
        query = query.where(Unit.registrations.any(sa.and_(*matches)))
    return query


def values_of(unit: Unit) -> NewUnit:
    """Return a unit's row and what it guards as one plain value."""
    registrations = [Registration(r.specialty, r.object_class) for r in unit.registrations]
    licences = [
        LicenceData(
            LicenceKind(one.kind),
            one.number,
            one.object_class,
            one.valid_from,
            one.valid_until,
            one.commitment,
        )
        for one in unit.licences
    ]
    return NewUnit(
        archive_no=unit.archive_no,
        name=unit.name,
        address=unit.address,
        sign_name=unit.sign_name,
        uscc=unit.uscc,
        legal_representative=unit.legal_representative,
        phone=unit.phone,
        street_code=unit.street_code,
        grid_cell=unit.grid_cell,
        lat_e7=unit.lat_e7,
        lon_e7=unit.lon_e7,
        risk_class=unit.risk_class,
        credit_class=unit.credit_class,
        state=UnitStatus(unit.state),
        opened_on=unit.opened_on,
        note=unit.note,
        registrations=tuple(sorted(registrations)),
        licences=tuple(sorted(licences, key=LicenceData.order)),
    )


def by_archive_no(agency_id: UUID, archive_nos: Collection[str]) -> dict[str, Unit]:
    """Return the units of an agency that have one of `archive_nos`, by number."""
    found: dict[str, Unit] = {}
    wanted = sorted(archive_nos)
    for start in range(0, len(wanted), _AT_ONCE):
        query = sa.select(Unit).where(
            Unit.agency_id == agency_id, Unit.archive_no.in_(wanted[start : start + _AT_ONCE])
        )
        found.update((unit.archive_no, unit) for unit in db.session.scalars(query))
    return found


def places_of(agency_id: UUID) -> dict[tuple[str, str], str]:
    """Return one archive number for every (name, address) of an agency's register."""
    query = (
        sa.select(Unit.name, Unit.address, Unit.archive_no)
        .where(Unit.agency_id == agency_id)
        .execution_options(yield_per=5000)
    )
    return {(name, address): number for name, address, number in db.session.execute(query)}


def all_units(agency_id: UUID) -> Iterator[Unit]:
    """Return every unit of an agency with what it guards, in the order of its registration."""
    query = (
        sa.select(Unit)
        .where(Unit.agency_id == agency_id)
        .order_by(Unit.id)
        .execution_options(yield_per=1000)
    )
    yield from db.session.scalars(query)


def find_import(import_id: UUID) -> RegisterImport | None:
    """Return an import of any agency."""
    return db.session.get(RegisterImport, import_id)


def import_rows(
    import_id: UUID, *, verdict: str | None = None, after: int = 0, limit: int | None = None
) -> list[RegisterImportRow]:
    """Return rows of an import in the file's order, those after row number `after`."""
    query = sa.select(RegisterImportRow).where(
        RegisterImportRow.import_id == import_id, RegisterImportRow.row_no > after
    )
    if verdict is not None:
        query = query.where(RegisterImportRow.verdict == verdict)
    return list(db.session.scalars(query.order_by(RegisterImportRow.row_no).limit(limit)))
