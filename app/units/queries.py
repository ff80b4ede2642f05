"""Reads of the register that deserve a name."""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.people.models import Officer
from app.units.models import (
    Licence,
    RegisterImport,
    RegisterImportRow,
    Unit,
    UnitLabel,
    UnitRegistration,
)
from app.units.rules import (
    PLAIN_FIELDS,
    LicenceData,
    LicenceKind,
    NewUnit,
    Registration,
    UnitStatus,
)

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
    """Return a unit as it stands in the session, with what it guards, as one plain value."""
    plain = {name: getattr(unit, name) for name in PLAIN_FIELDS}
    plain["state"] = UnitStatus(unit.state)
    licence_fields = [field.name for field in dataclasses.fields(LicenceData)]
    registrations = [Registration(one.specialty, one.object_class) for one in unit.registrations]
    licences = [
        LicenceData(LicenceKind(one.kind), *(getattr(one, name) for name in licence_fields[1:]))
        for one in unit.licences
    ]
    return NewUnit(
        **plain,
        registrations=tuple(sorted(registrations)),
        licences=tuple(sorted(licences, key=LicenceData.order)),
    )


def by_archive_no(agency_id: UUID, archive_nos: Collection[str]) -> dict[str, Unit]:
    """Return the units of an agency that have one of `archive_nos`, by number."""
    found: dict[str, Unit] = {}
    for numbers in _in_lots(archive_nos):
        query = sa.select(Unit).where(Unit.agency_id == agency_id, Unit.archive_no.in_(numbers))
        found.update((unit.archive_no, unit) for unit in db.session.scalars(query))
    return found


def known_values(agency_id: UUID, archive_nos: Collection[str]) -> dict[str, NewUnit]:
    """Return what the register holds under `archive_nos`, by number; for many units at once."""
    found: dict[str, NewUnit] = {}
    for numbers in _in_lots(archive_nos):
        found |= _values_where(Unit.agency_id == agency_id, Unit.archive_no.in_(numbers))
    return found


def all_values(agency_id: UUID) -> Iterator[NewUnit]:
    """Return everything an agency's register holds, in the order of its registration."""
    after = UUID(int=0)
    while True:
        query = (
            sa.select(Unit.id)
            .where(Unit.agency_id == agency_id, Unit.id > after)
            .order_by(Unit.id)
            .limit(_AT_ONCE)
        )
        ids = list(db.session.scalars(query))
        if not ids:
            return
        yield from _values_where(Unit.id.in_(ids)).values()
        after = ids[-1]


def _values_where(*conditions: sa.ColumnElement[bool]) -> dict[str, NewUnit]:
    """Return units as plain values without building rows of the session: ten times as fast."""
    columns = [getattr(Unit, name) for name in PLAIN_FIELDS]
    units = db.session.execute(sa.select(Unit.id, *columns).where(*conditions).order_by(Unit.id))
    registrations: dict[UUID, list[Registration]] = defaultdict(list)
    for row in db.session.execute(
        sa.select(
            UnitRegistration.unit_id, UnitRegistration.specialty, UnitRegistration.object_class
        )
        .join(UnitRegistration.unit)
        .where(*conditions)
    ):
        registrations[row[0]].append(Registration(row[1], row[2]))
    licences: dict[UUID, list[LicenceData]] = defaultdict(list)
    fields = [getattr(Licence, field.name) for field in dataclasses.fields(LicenceData)]
    for unit_id, kind, *rest in db.session.execute(
        sa.select(Licence.unit_id, *fields).join(Licence.unit).where(*conditions)
    ):
        licences[unit_id].append(LicenceData(LicenceKind(kind), *rest))
    found = {}
    for unit_id, *values in units:
        plain = dict(zip(PLAIN_FIELDS, values, strict=True))
        plain["state"] = UnitStatus(plain["state"])
        found[plain["archive_no"]] = NewUnit(
            **plain,
            registrations=tuple(sorted(registrations[unit_id])),
            licences=tuple(sorted(licences[unit_id], key=LicenceData.order)),
        )
    return found


def _in_lots(keys: Collection[str]) -> Iterator[list[str]]:
    wanted = sorted(keys)
    for start in range(0, len(wanted), _AT_ONCE):
        yield wanted[start : start + _AT_ONCE]


def places_of(agency_id: UUID) -> dict[tuple[str, str], str]:
    """Return one archive number for every (name, address) of an agency's register."""
    query = (
        sa.select(Unit.name, Unit.address, Unit.archive_no)
        .where(Unit.agency_id == agency_id)
        .execution_options(yield_per=5000)
    )
    return {(name, address): number for name, address, number in db.session.execute(query)}


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


def all_import_rows(import_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return every row of an import as plain values, in the file's order."""
    query = (
        sa.select(
            RegisterImportRow.row_no,
            RegisterImportRow.key,
            RegisterImportRow.verdict,
            RegisterImportRow.changed,
            RegisterImportRow.reasons,
            RegisterImportRow.cells,
        )
        .where(RegisterImportRow.import_id == import_id)
        .order_by(RegisterImportRow.row_no)
    )
    return db.session.execute(query).all()


def officers_by_certificate(numbers: Collection[str]) -> dict[str, Officer]:
    """Return the officers of any agency that have one of these certificates, by number."""
    found: dict[str, Officer] = {}
    for lot in _in_lots(numbers):
        query = sa.select(Officer).where(Officer.certificate_no.in_(lot))
        found.update((officer.certificate_no, officer) for officer in db.session.scalars(query))
    return found


def all_officers(agency_id: UUID) -> Iterator[Officer]:
    """Return every officer of an agency in the order of their registration."""
    query = sa.select(Officer).where(Officer.agency_id == agency_id).order_by(Officer.id)
    yield from db.session.scalars(query)


# --- labels ---


def labels_in(
    agency_id: UUID, *, unit_id: UUID | None, label: str | None, on: date | None
) -> sa.Select[UnitLabel]:
    """Return the query of an agency's labels; `on` narrows it to those that hold on a day."""
    query = sa.select(UnitLabel).where(UnitLabel.agency_id == agency_id)
    if unit_id is not None:
        query = query.where(UnitLabel.unit_id == unit_id)
    if label is not None:
        query = query.where(UnitLabel.label == label)
    return query if on is None else query.where(*_holding(on))


def labels_on(agency_id: UUID, on: date) -> dict[UUID, set[str]]:
    """Return the labels that each unit of an agency bears on a day."""
    found: dict[UUID, set[str]] = defaultdict(set)
    rows = db.session.execute(
        sa.select(UnitLabel.unit_id, UnitLabel.label).where(
            UnitLabel.agency_id == agency_id, *_holding(on)
        )
    )
    for unit_id, label in rows:
        found[unit_id].add(label)
    return dict(found)


def overlapping_label(
    unit_id: UUID, label: str, from_on: date, until_on: date | None
) -> UUID | None:
    """Return an entry of the same unit and list that shares a day with these, if there is one."""
    query = sa.select(UnitLabel.id).where(
        UnitLabel.unit_id == unit_id,
        UnitLabel.label == label,
        sa.or_(UnitLabel.until_on.is_(None), UnitLabel.until_on >= from_on),
    )
    if until_on is not None:
        query = query.where(UnitLabel.from_on <= until_on)
    return db.session.scalars(query.limit(1)).one_or_none()


def label_days(agency_id: UUID) -> dict[tuple[UUID, str], list[tuple[date, date | None]]]:
    """Return from when until when each unit of an agency stands on which list."""
    found: dict[tuple[UUID, str], list[tuple[date, date | None]]] = defaultdict(list)
    rows = db.session.execute(
        sa.select(UnitLabel.unit_id, UnitLabel.label, UnitLabel.from_on, UnitLabel.until_on).where(
            UnitLabel.agency_id == agency_id
        )
    )
    for unit_id, label, from_on, until_on in rows:
        found[unit_id, label].append((from_on, until_on))
    return found


def units_by_sign(agency_id: UUID) -> tuple[dict[str, UUID], dict[str, list[UUID]]]:
    """Return the ids of an agency's units by archive number, and by code, which several share."""
    by_uscc: dict[str, list[UUID]] = defaultdict(list)
    by_archive: dict[str, UUID] = {}
    query = sa.select(Unit.id, Unit.archive_no, Unit.uscc).where(Unit.agency_id == agency_id)
    for unit_id, archive_no, uscc in db.session.execute(query):
        by_archive[archive_no] = unit_id
        if uscc:
            by_uscc[uscc].append(unit_id)
    return by_archive, by_uscc


def _holding(on: date) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        UnitLabel.from_on <= on,
        sa.or_(UnitLabel.until_on.is_(None), UnitLabel.until_on >= on),
    )
