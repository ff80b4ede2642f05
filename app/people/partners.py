"""Officers of partner departments 市监, 教育 …: who goes along on joint visits.

Their department answers for them: here stand only their certificate and what they check. They have
no account; a supervisor keeps the list.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.db import db, savepoint, set_changed
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency, PartnerOfficer
from app.people.rules import NewPartner, OfficerState, is_eligible


class PartnerUnknown(NotFound):
    code, title = "partner-officer-unknown", "未找到协同部门执法人员"


class PartnerTaken(Conflict):
    code, title = "partner-officer-taken", "协同部门执法人员已登记"


class PartnerMayNotGo(Invalid):
    """Extras: `officers`, the certificate numbers."""

    code, title = "partner-officer-may-not-go", "协同部门执法人员不能参加"


def register_partner(new: NewPartner, *, agency: Agency, by: Actor, at: datetime) -> PartnerOfficer:
    """Register an officer of a partner department; flushes.

    Raises PartnerTaken where the department has this certificate already.
    """
    partner = PartnerOfficer(
        agency_id=agency.id,
        district=agency.district,
        department=new.department,
        certificate_no=new.certificate_no,
        name=new.name,
        certificate_valid_until=new.certificate_valid_until,
        items=list(new.items),
        state=OfficerState.ACTIVE,
        registered_at=at,
        registered_by_kind=str(by.kind),
        registered_by_id=by.id,
    )
    try:
        with savepoint():
            db.session.add(partner)
    except IntegrityError as error:
        raise _taken() from error
    data = {"department": new.department}
    journal.record(Event.PARTNER_OFFICER_REGISTERED, partner, by=by, at=at, data=data)
    return partner


def change_partner(
    partner: PartnerOfficer, changes: Mapping[str, Any], *, by: Actor, at: datetime
) -> PartnerOfficer:
    """Change any field of `NewPartner`, or `state`. Raises PartnerTaken."""
    wanted = {**changes}
    if "items" in wanted:
        wanted["items"] = list(wanted["items"])
    try:
        with savepoint():
            changed = set_changed(partner, wanted)
    except IntegrityError as error:
        raise _taken() from error
    if changed:
        data = {"fields": changed}
        journal.record(Event.PARTNER_OFFICER_CHANGED, partner, by=by, at=at, data=data)
    return partner


def get_partner(partner_id: UUID, agency_id: UUID | None) -> PartnerOfficer:
    """Return a partner officer of the agency. Raises PartnerUnknown, also for a foreign one."""
    found = db.session.get(PartnerOfficer, partner_id)
    if found is None or found.agency_id != agency_id:
        raise PartnerUnknown("没有这名协同部门执法人员，或不属于本机构。")
    return found


def partners_to_send(
    partner_ids: Collection[UUID], agency_id: UUID | None, *, on: date
) -> list[PartnerOfficer]:
    """Return the partner officers who are to go on a day, in the order of their ids.

    The same holds for them as for one's own (行政处罚法 第四十二条). Raises PartnerUnknown and
    PartnerMayNotGo.
    """
    found = [get_partner(one, agency_id) for one in sorted(set(partner_ids))]
    barred = [
        one.certificate_no
        for one in found
        if not is_eligible(one.state, one.certificate_valid_until, on)
    ]
    if barred:
        raise PartnerMayNotGo("协同部门执法人员已不在岗，或检查当日执法证无效。", officers=barred)
    return found


def _taken() -> PartnerTaken:
    return PartnerTaken("该部门的这个执法证号已经登记，请核对。")
