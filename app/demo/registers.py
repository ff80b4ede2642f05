"""The registers of the demo district, brought in by the services that an office would use."""

from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from app.access import TIMETABLE, Actor, ActorKind, Role
from app.catalogue import service as catalogue
from app.db import db
from app.demo.accounts import NEIGHBOUR_STAFF, PASSWORD, STAFF
from app.demo.district import District, Officer, Unit
from app.people import accounts
from app.people import service as people
from app.people.models import Account, Agency
from app.people.rules import AbsenceReason, NewOfficer
from app.units import service as units
from app.units.rules import LicenceData, LicenceKind, NewUnit, Registration

DATA = Path(__file__).parent / "data"
NOTE = "演示数据，单位为虚构"


def load(district: District, *, at: datetime, on: date) -> None:
    """Bring in catalogue, agencies, accounts, officers and units; for an empty database."""
    catalogue.load_defaults(by=TIMETABLE, at=at)
    for found in district.agencies:
        outline = DATA / f"district_{found.division_code}.geojson"
        agency = people.create_agency(
            found.division_code,
            found.name,
            by=TIMETABLE,
            at=at,
            demo=True,
            boundary=outline.read_text(encoding="utf-8"),
            uscc=found.uscc,
        )
        staff = (
            STAFF if found.division_code == district.agencies[0].division_code else NEIGHBOUR_STAFF
        )
        for login, name, roles in staff:
            accounts.create_account(
                login, PASSWORD, name, roles, agency=agency, by=TIMETABLE, at=at
            )
        by = Actor(ActorKind.TIMETABLE, agency_id=agency.id, district=agency.district)
        own = [unit for unit in district.units if unit.agency_code == found.code]
        rows = units.add_units([_new_unit(unit) for unit in own], agency=agency, by=by, at=at)
        ids = {row.archive_no: row.id for row in rows}
        for officer in district.officers:
            if officer.agency_code == found.code:
                _add_officer(officer, agency, ids, by=by, at=at, on=on)


def _new_unit(unit: Unit) -> NewUnit:
    return NewUnit(
        archive_no=unit.archive_no,
        name=unit.name,
        address=unit.address,
        sign_name=unit.sign_name,
        uscc=unit.uscc,
        legal_representative=unit.legal_representative,
        phone=unit.phone,
        street_code=unit.street_code,
        grid_cell=unit.cell_code,
        lat_e7=unit.lat_e7,
        lon_e7=unit.lon_e7,
        risk_class=unit.risk_class,
        credit_class=unit.credit_class,
        state=unit.status,
        opened_on=unit.opened_on,
        note=NOTE,
        registrations=tuple(
            Registration(found.specialty, found.object_class) for found in unit.registrations
        ),
        licences=tuple(
            LicenceData(
                kind=LicenceKind(found.kind),
                number=found.number,
                object_class=found.object_class,
                valid_from=found.valid_from,
                valid_until=found.valid_until,
                commitment=found.commitment,
            )
            for found in unit.licences
        ),
    )


def _add_officer(
    officer: Officer,
    agency: Agency,
    unit_ids: dict[str, UUID],
    *,
    by: Actor,
    at: datetime,
    on: date,
) -> None:
    row = people.register_officer(
        NewOfficer(
            certificate_no=officer.certificate_no,
            name=officer.name,
            certificate_valid_until=officer.certificate_until,
            team=officer.team,
            specialties=officer.takes_part,
            lead_specialties=officer.leads,
        ),
        agency=agency,
        by=by,
        at=at,
    )
    roles = [Role.OFFICER, *([Role.SUPERVISOR] if officer.supervisor else [])]
    accounts.create_account(
        officer.certificate_no,
        PASSWORD,
        officer.name,
        roles,
        agency=agency,
        by=by,
        at=at,
        officer_id=row.id,
    )
    for recusal in officer.recusals:
        people.declare_recusal(
            row, unit_ids[recusal.archive_no], recusal.reason, effective_from=on, by=by, at=at
        )
    for absence in officer.absences:
        people.declare_absence(
            row,
            AbsenceReason(absence.reason),
            from_on=absence.from_on,
            until_on=absence.until_on,
            by=by,
            at=at,
        )


def actor_of(login: str) -> Actor:
    """Return who acts when the demo acts in the name of one of its accounts."""
    account = db.session.query(Account).filter_by(login=login).one()
    return accounts.actor_of(account)
