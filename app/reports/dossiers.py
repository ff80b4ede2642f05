"""The dossier of a unit 一户一档: one answer with everything, and a record of who read it."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access import Actor
from app.catalogue import queries as catalogue
from app.days import local_date
from app.db import db, new_id
from app.errors import NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.reports import sections
from app.reports.models import DossierReading
from app.reports.sections import SECTIONS, Part, Section
from app.units import service as units
from app.units.models import Unit

FIRST = 10  # lines of a part that come with the dossier


class SectionUnknown(NotFound):
    code, title = "dossier-section-unknown", "未找到档案栏目"


@dataclass(frozen=True, slots=True)
class YearOfEntries:
    """How often a unit was entered in a year, in all and by origin; `triggered` had no task."""

    year: int
    entries: int
    by_origin: dict[str, int]


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything about a unit: itself, its parts with their newest lines, its entries per year."""

    unit: Unit
    parts: dict[str, Part]
    years: list[YearOfEntries]


def record_reading(unit_id: UUID, *, by: Actor, at: datetime) -> None:
    """Note that somebody opens a dossier, before it is shown. Raises UnitNotFound.

    A row to list readers by, and an entry of the journal, which nobody can take back.
    """
    unit = units.get_unit(unit_id, _agency_of(by))
    reading = DossierReading(
        id=new_id(),
        agency_id=unit.agency_id,
        district=unit.district,
        unit_id=unit.id,
        read_at=at,
        read_by_kind=by.kind,
        read_by_id=by.id,
    )
    db.session.add(reading)
    journal.record(Event.DOSSIER_READ, reading, by=by, at=at, data={"unit_id": str(unit.id)})


def read_dossier(unit_id: UUID, agency_id: UUID) -> Dossier:
    """Return the dossier of a unit of the agency. Raises UnitNotFound."""
    unit = units.get_unit(unit_id, agency_id)
    parts = {code: sections.newest(one, unit.id, FIRST) for code, one in SECTIONS.items()}
    return Dossier(unit, parts, _years(unit.id))


def get_section(code: str) -> Section:
    """Return a part of the dossier. Raises SectionUnknown."""
    if code not in SECTIONS:
        raise SectionUnknown("档案中没有这个栏目。")
    return SECTIONS[code]


def _years(unit_id: UUID) -> list[YearOfEntries]:
    """Count entries per year; a talk that is no inspection is no entry."""
    talks = {r.code for r in catalogue.rows_of("origin") if not r.body["is_inspection"]}
    by_year: dict[int, Counter[str]] = {}
    for at, origin in sections.visit_times(unit_id):
        if origin not in talks:
            by_year.setdefault(local_date(at).year, Counter())[origin or "triggered"] += 1
    return [
        YearOfEntries(year, counted.total(), dict(sorted(counted.items())))
        for year, counted in sorted(by_year.items(), reverse=True)
    ]


def _agency_of(by: Actor) -> UUID:
    if by.agency_id is None:
        raise units.UnitNotFound("没有这个单位，或它不属于本机构。")
    return by.agency_id
