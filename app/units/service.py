"""The register of supervised units: register, change, find."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, touch
from app.errors import Conflict, Invalid, NotFound
from app.geometry import Area, load_area
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.units import queries, rules
from app.units.models import Licence, Unit, UnitRegistration
from app.units.rules import (
    PLAIN_FIELDS,
    Known,
    NewUnit,
    Problem,
    Registration,
    Severity,
    UnitStatus,
)


class UnitNotFound(NotFound):
    code, title = "unit-not-found", "未找到单位"


class UnitInvalid(Invalid):
    code, title = "unit-invalid", "单位资料有误"


class ArchiveNoTaken(Conflict):
    code, title = "archive-no-taken", "档案编号已被使用"


def get_unit(unit_id: UUID, agency_id: UUID) -> Unit:
    """Return a unit of the agency. Raises UnitNotFound, also for another agency's unit."""
    unit = queries.find_unit(unit_id)
    if unit is None or unit.agency_id != agency_id:
        raise UnitNotFound("没有这个单位，或它不属于本机构。")
    return unit


def find_by_archive_no(agency_id: UUID, archive_no: str) -> Unit | None:
    """Return the unit with this archive number in the agency, or None."""
    return queries.find_by_archive_no(agency_id, archive_no)


def known_on(on: date, agency: Agency) -> Known:
    """Return what a unit of an agency is judged by: the catalogue in force `on`, the outline."""
    specialties = catalogue.in_force("specialty", on)
    classes = catalogue.in_force("object_class", on)
    return Known(
        division_code=agency.district,
        area=_area(agency.boundary) if agency.boundary else None,
        specialties={row.code: str(row.body["name"]) for row in specialties},
        object_classes={row.code: str(row.body["name"]) for row in classes},
        specialty_of={row.code: str(row.body["specialty"]) for row in classes},
    )


@lru_cache(maxsize=32)
def _area(boundary: str) -> Area:
    """Return a prepared outline; preparing takes longer than a thousand questions."""
    return load_area(json.loads(boundary))


def register_unit(data: NewUnit, *, agency: Agency, by: Actor, at: datetime) -> Unit:
    """Register a unit under an archive number that the agency has never given before.

    Warnings (a code of another district, say) do not stop it. Raises UnitInvalid (`errors`: field,
    code, detail) and ArchiveNoTaken (`unit_id`). Flushes: later verbs of the entry find the unit.
    """
    unit = rules.normalise_unit(data)
    known = known_on(local_date(at), agency)
    refuse_errors(rules.unit_problems(unit, known))
    if taken := queries.find_by_archive_no(agency.id, unit.archive_no):
        raise ArchiveNoTaken(
            f"档案编号“{unit.archive_no}”已经登记，档案编号不能重复使用。", unit_id=taken.id
        )
    (row,) = add_units([unit], agency=agency, by=by, at=at)
    db.session.refresh(row, ["registrations", "licences"])
    return row


def add_units(data: Sequence[NewUnit], *, agency: Agency, by: Actor, at: datetime) -> list[Unit]:
    """Add units that have been judged already, and flush.

    What they guard goes past the session in bulk: a district's register has 60,000 such rows.
    """
    rows = []
    for one in data:
        row = Unit(id=new_id(), agency_id=agency.id, district=agency.district)
        for name in PLAIN_FIELDS:
            setattr(row, name, getattr(one, name))
        rows.append(row)
        journal.record(
            Event.UNIT_REGISTERED, row, by=by, at=at, data={"archive_no": one.archive_no}
        )
    db.session.add_all(rows)
    db.session.flush()
    registrations = [
        {"id": new_id(), "unit_id": row.id, **asdict(registration)}
        for row, one in zip(rows, data, strict=True)
        for registration in one.registrations
    ]
    licences = [
        {"id": new_id(), "unit_id": row.id, **asdict(licence)}
        for row, one in zip(rows, data, strict=True)
        for licence in one.licences
    ]
    for table, values in ((UnitRegistration, registrations), (Licence, licences)):
        if values:
            db.session.execute(sa.insert(table), values)
    return rows


def change_unit(unit_id: UUID, changes: Mapping[str, Any], *, by: Actor, at: datetime) -> Unit:
    """Change fields of a unit; `changes` holds new values by the names of `NewUnit`.

    The archive number is fixed, and a state changes by a step of its life (`units.lifecycle`).
    Nothing is journalled when nothing changes. Raises UnitNotFound and UnitInvalid (`errors`).
    """
    unit = get_unit(unit_id, _agency_of(by))
    before = queries.values_of(unit)
    after = rules.normalise_unit(replace(before, **changes))
    known = known_on(local_date(at), db.session.get_one(Agency, unit.agency_id))
    problems = rules.unit_problems(after, known) + rules.change_problems(before, after)
    if before.state != after.state:
        detail = "单位状态的变化请按办理事项登记，写明日期、文书和原因。"
        problems.append(Problem("state", "state-needs-step", detail))
    refuse_errors(problems)
    if changed := rules.changed_fields(before, after):
        apply_change(unit, after, changed, by=by, at=at)
    return unit


def set_state(unit: Unit, state: UnitStatus, *, by: Actor, at: datetime) -> None:
    """Let a unit's row show a state that a step of its life led to; who may is judged before."""
    apply_change(unit, replace(queries.values_of(unit), state=state), ["state"], by=by, at=at)


def flag_unit(unit: Unit, state: UnitStatus, *, by: Actor, at: datetime) -> bool:
    """Let a unit's row show what was found out about it; it is never deleted.

    A state that cannot follow the present one is left alone: an organ's decision stands above what
    was seen at the door. Returns whether the row changed.
    """
    if not rules.may_follow(UnitStatus(unit.state), state):
        return False
    apply_change(unit, replace(queries.values_of(unit), state=state), ["state"], by=by, at=at)
    return True


def apply_change(
    unit: Unit, after: NewUnit, changed: Sequence[str], *, by: Actor, at: datetime
) -> None:
    """Write the `changed` fields of a judged change and journal their names."""
    _take_over(unit, after, changed)
    touch(unit)
    journal.record(Event.UNIT_CHANGED, unit, by=by, at=at, data={"fields": list(changed)})


def refuse_errors(problems: Sequence[Problem]) -> None:
    """Raise UnitInvalid when one of `problems` is more than a warning."""
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise UnitInvalid(
            "".join(dict.fromkeys(problem.detail for problem in errors)),
            errors=[
                {"pointer": f"#/{problem.field}", "code": problem.code, "detail": problem.detail}
                for problem in errors
            ],
        )


def _agency_of(by: Actor) -> UUID:
    if by.agency_id is None:
        raise UnitNotFound("没有这个单位，或它不属于本机构。")
    return by.agency_id


def _take_over(row: Unit, unit: NewUnit, changed: Sequence[str]) -> None:
    """Write the changed values of `unit` into its row; of the sets only what differs."""
    for name in changed:
        if name in PLAIN_FIELDS:
            setattr(row, name, getattr(unit, name))
    if "registrations" in changed:
        kept = {Registration(r.specialty, r.object_class): r for r in row.registrations}
        row.registrations = [
            kept.get(one) or UnitRegistration(**asdict(one)) for one in unit.registrations
        ]
    if "licences" in changed:
        row.licences = [Licence(**asdict(one)) for one in unit.licences]
