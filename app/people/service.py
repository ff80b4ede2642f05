"""Agencies and officers: who there is, who may be sent, who keeps away from whom."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, savepoint, set_changed, touch
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import accounts, queries, rules
from app.people.models import Absence, Agency, Officer, Recusal
from app.people.rules import AbsenceReason, NewOfficer, OfficerState
from app.uscc import USCC_DETAILS, normalise_uscc, uscc_error


class AgencyNotFound(NotFound):
    code, title = "agency-not-found", "监督机构不存在"


class AgencyCodeWrong(Invalid):
    """`errors`: pointer and detail."""

    code, title = "agency-code-wrong", "机构代码有误"


class OfficerNotFound(NotFound):
    code, title = "officer-not-found", "监督员不存在"


class CertificateTaken(Conflict):
    code, title = "certificate-taken", "执法证号已登记"


class SpecialtyUnknown(Invalid):
    code, title = "specialty-unknown", "专业代码无效"


class LeadNotTakingPart(Invalid):
    code, title = "lead-not-taking-part", "主办专业不在参与专业之内"


class DaysReversed(Invalid):
    code, title = "days-reversed", "起止日期颠倒"


# --- agencies --------------------------------------------------------------------------------


def create_agency(
    district: str,
    name: str,
    *,
    by: Actor,
    at: datetime,
    demo: bool = False,
    boundary: str | None = None,
    uscc: str | None = None,
) -> Agency:
    """Add a supervision agency; `district` is its six-digit division code and journal stream.

    `boundary` is the district's outline, GeoJSON text as `app.geometry.load_area` takes it; `uscc`
    its code 统一社会信用代码. Raises AgencyCodeWrong (`errors`).
    """
    code = None if uscc is None else _code(uscc)
    agency = Agency(district=district, name=name, demo=demo, boundary=boundary, uscc=code)
    db.session.add(agency)
    db.session.flush()  # the journal and the first accounts name its id
    journal.record(Event.AGENCY_REGISTERED, agency, by=by, at=at, data={"demo": demo})
    return agency


def get_agency(agency_id: UUID) -> Agency:
    """Return an agency. Raises AgencyNotFound."""
    found = db.session.get(Agency, agency_id)
    if found is None:
        raise AgencyNotFound("监督机构不存在。")
    return found


def change_agency(agency: Agency, changes: Mapping[str, Any], *, by: Actor, at: datetime) -> Agency:
    """Change the name of an agency, or its code `uscc` (GB 32100-2015; None: it has none).

    Documents and lists of before keep what they said. Raises AgencyCodeWrong (`errors`).
    """
    wanted = dict(changes)
    if wanted.get("uscc") is not None:
        wanted["uscc"] = _code(wanted["uscc"])
    if changed := set_changed(agency, wanted):
        journal.record(Event.AGENCY_CHANGED, agency, by=by, at=at, data={"fields": changed})
    return agency


def _code(typed: str) -> str:
    code = normalise_uscc(typed)
    if error := uscc_error(code):
        detail = USCC_DETAILS[error]
        raise AgencyCodeWrong(detail, errors=[{"pointer": "#/uscc", "detail": detail}])
    return code


# --- officers --------------------------------------------------------------------------------


def register_officer(data: NewOfficer, *, agency: Agency, by: Actor, at: datetime) -> Officer:
    """Add an officer to an agency.

    Raises CertificateTaken, SpecialtyUnknown (`codes`) and LeadNotTakingPart (`codes`).
    """
    _check_specialties(data.specialties, data.lead_specialties, on=local_date(at))
    officer = Officer(
        agency_id=agency.id,
        district=agency.district,
        certificate_no=data.certificate_no,
        name=data.name,
        certificate_valid_until=data.certificate_valid_until,
        team=data.team,
        specialties=sorted(set(data.specialties)),
        lead_specialties=sorted(set(data.lead_specialties)),
    )
    try:
        with savepoint():
            db.session.add(officer)
    except IntegrityError as error:
        raise _taken() from error
    journal.record(Event.OFFICER_REGISTERED, officer, by=by, at=at)
    return officer


def get_officer(officer_id: UUID, agency_id: UUID | None) -> Officer:
    """Return an officer of an agency. Raises OfficerNotFound, also for another agency's."""
    found = db.session.get(Officer, officer_id)
    if found is None or found.agency_id != agency_id:
        raise OfficerNotFound("监督员不存在。")
    return found


def change_officer(
    officer: Officer, changes: Mapping[str, Any], *, by: Actor, at: datetime
) -> Officer:
    """Change any field of `NewOfficer`, or `state`; who leaves can no longer sign in.

    Raises CertificateTaken, SpecialtyUnknown and LeadNotTakingPart.
    """
    wanted = {**changes}
    for name in ("specialties", "lead_specialties"):
        if name in wanted:
            wanted[name] = sorted(set(wanted[name]))
    specialties = wanted.get("specialties", officer.specialties)
    leads = wanted.get("lead_specialties", officer.lead_specialties)
    if (specialties, leads) != (officer.specialties, officer.lead_specialties):
        _check_specialties(specialties, leads, on=local_date(at))
    try:
        with savepoint():
            changed = set_changed(officer, wanted)
    except IntegrityError as error:
        raise _taken() from error
    if not changed:
        return officer
    journal.record(Event.OFFICER_CHANGED, officer, by=by, at=at, data={"fields": changed})
    if "state" in changed and officer.state == OfficerState.LEFT:
        account = queries.find_account_of_officer(officer.id)
        if account is not None:
            accounts.suspend_account(account, by=by, at=at)
    return officer


def officers_of(agency_id: UUID, on: date) -> Sequence[Officer]:
    """Return the officers who may be sent on a day: active, certificate valid on it (APL 42)."""
    return queries.eligible_officers(agency_id, on)


def declare_recusal(
    officer: Officer,
    unit_id: UUID,
    reason_code: str,
    *,
    effective_from: date,
    by: Actor,
    at: datetime,
    effective_to: date | None = None,
    note: str = "",
) -> Recusal:
    """Keep an officer away from a unit from a day on (行政处罚法 第四十三条).

    A recusal is a duty at any time and never refused: not for its reason, its unit, a draw that has
    begun, nor because the same was declared before. Raises only DaysReversed.
    """
    if effective_to is not None and effective_to < effective_from:
        raise DaysReversed("终止日期不能早于起始日期。")
    officer = queries.lock_officer(officer.id)  # not to fail by being second to an edit
    recusal = Recusal(
        officer_id=officer.id,
        unit_id=unit_id,
        reason_code=reason_code,
        note=note,
        effective_from=effective_from,
        effective_to=effective_to,
        declared_at=at,
        declared_by_kind=str(by.kind),
        declared_by_id=by.id,
    )
    data = {"unit_id": str(unit_id), "effective_from": effective_from.isoformat()}
    _add_to(officer, recusal, Event.RECUSAL_DECLARED, data, by=by, at=at)
    return recusal


def declare_absence(
    officer: Officer,
    reason: AbsenceReason,
    *,
    from_on: date,
    until_on: date,
    by: Actor,
    at: datetime,
) -> Absence:
    """Say on which days, both included, an officer cannot go. Raises DaysReversed."""
    if until_on < from_on:
        raise DaysReversed("终止日期不能早于起始日期。")
    officer = queries.lock_officer(officer.id)  # not to fail by being second to an edit
    absence = Absence(
        officer_id=officer.id,
        from_on=from_on,
        until_on=until_on,
        reason_code=str(reason),
        declared_at=at,
        declared_by_kind=str(by.kind),
        declared_by_id=by.id,
    )
    data = {"from_on": from_on.isoformat(), "until_on": until_on.isoformat()}
    _add_to(officer, absence, Event.ABSENCE_DECLARED, data, by=by, at=at)
    return absence


def recusals_of(officer_ids: Collection[UUID], on: date | None = None) -> Sequence[Recusal]:
    """Return the recusals of officers, those that hold on a day where one is given."""
    return queries.recusals_of(officer_ids, on)


def absences_of(officer_ids: Collection[UUID], from_on: date, until_on: date) -> Sequence[Absence]:
    """Return the absences of officers that touch the days from `from_on` to `until_on`."""
    return queries.absences_of(officer_ids, from_on, until_on)


def _check_specialties(
    specialties: Collection[str], lead_specialties: Collection[str], *, on: date
) -> None:
    known = {row.code for row in catalogue.in_force(catalogue.Kind.SPECIALTY, on)}
    if unknown := sorted({*specialties, *lead_specialties} - known):
        raise SpecialtyUnknown("专业代码不在现行目录中，请核对。", codes=unknown)
    if alone := rules.not_taking_part(specialties, lead_specialties):
        raise LeadNotTakingPart("主办专业应同时列入参与专业。", codes=alone)


def _taken() -> CertificateTaken:
    return CertificateTaken("这个执法证号已经登记，请核对。")


def _add_to(
    officer: Officer,
    row: Recusal | Absence,
    event: Event,
    data: Mapping[str, Any],
    *,
    by: Actor,
    at: datetime,
) -> None:
    db.session.add(row)
    touch(officer)
    db.session.flush()  # the journal names the row's id
    journal.record(event, officer, by=by, at=at, data={**data, "id": str(row.id)})
