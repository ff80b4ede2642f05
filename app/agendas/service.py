"""Agendas: made, renewed, revoked, and read by whoever has the address."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access import Actor, Role
from app.agendas import queries, rules
from app.agendas.models import Agenda
from app.agendas.queries import Planned
from app.agendas.rules import Appointment
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db
from app.errors import Conflict, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.people.models import Officer


class AgendaUnknown(NotFound):
    code, title = "agenda-unknown", "未找到日程"


class TeamUnknown(NotFound):
    code, title = "team-unknown", "未找到科室（队）"


class AgendaThere(Conflict):
    """Extras: `agenda_id`."""

    code, title = "agenda-there", "日程已存在"


@dataclass(frozen=True)
class Feed:
    """An agenda as it stands: what is sent, and when a plan behind it last changed."""

    content: bytes
    revised_at: datetime


def make_agenda(
    officer_id: UUID | None, team: str | None, *, agency_id: UUID, by: Actor, at: datetime
) -> tuple[str, Agenda]:
    """Make the agenda of an officer or of a team; its token is shown this once.

    Officers make their own, supervisors anybody's of their agency. Raises OfficerNotFound,
    AgendaUnknown and TeamUnknown for whom the caller may not, AgendaThere where there is one.
    """
    if officer_id is not None:
        people.get_officer(officer_id, agency_id)
        if not _may(by, agency_id, officer_id):
            raise AgendaUnknown("没有这名监督员的日程，或它不归您管理。")
    elif not by.has(Role.SUPERVISOR) or not queries.serving(agency_id, None, team):
        raise TeamUnknown("没有这个科室（队），或它不归您管理。")
    if (there := queries.agenda_of(agency_id, officer_id, team)) is not None:
        raise AgendaThere(
            "日程已经存在，需要新地址的请更换地址，旧地址随即失效。", agenda_id=str(there.id)
        )
    token = _new_token()
    agenda = Agenda(
        agency_id=agency_id,
        district=people.get_agency(agency_id).district,
        officer_id=officer_id,
        team=team,
        token_hash=_hash(token),
        issued_at=at,
        issued_by_kind=str(by.kind),
        issued_by_id=by.id,
    )
    db.session.add(agenda)
    db.session.flush()  # the journal names the id
    journal.record(Event.AGENDA_ISSUED, agenda, by=by, at=at, data=_owner(agenda))
    return token, agenda


def get_agenda(agenda_id: UUID, *, by: Actor) -> Agenda:
    """Return an agenda that the caller may manage: their own, or as supervisor their agency's.

    Raises AgendaUnknown.
    """
    agenda = queries.find_agenda(agenda_id)
    if agenda is None or not _may(by, agenda.agency_id, agenda.officer_id):
        raise AgendaUnknown("没有这份日程，或它不归您管理。")
    return agenda


def renew_agenda(agenda: Agenda, *, by: Actor, at: datetime) -> str:
    """Give an agenda a new token, shown this once; the old one ends, a revoked one comes back."""
    token = _new_token()
    agenda.token_hash = _hash(token)
    agenda.issued_at, agenda.issued_by_kind, agenda.issued_by_id = at, str(by.kind), by.id
    agenda.revoked_at = agenda.revoked_by_kind = agenda.revoked_by_id = None
    journal.record(Event.AGENDA_ISSUED, agenda, by=by, at=at, data=_owner(agenda))
    return token


def revoke_agenda(agenda: Agenda, *, by: Actor, at: datetime) -> None:
    """End an agenda's address; again, nothing changes."""
    if agenda.revoked_at is not None:
        return
    agenda.token_hash = None
    agenda.revoked_at, agenda.revoked_by_kind, agenda.revoked_by_id = at, str(by.kind), by.id
    journal.record(Event.AGENDA_REVOKED, agenda, by=by, at=at, data=_owner(agenda))


def read_agenda(token: str, *, at: datetime) -> Feed:
    """Return what stands behind an address: a month past, and what is planned from now on.

    It names units and specialties, nobody but its owner. Raises AgendaUnknown in the same words
    for an address that never was, one that ended, and an officer who left or is suspended.
    """
    agenda = queries.find_by_hash(_hash(token))
    if agenda is None:
        raise _no_such_address()
    officers = queries.serving(agenda.agency_id, agenda.officer_id, agenda.team)
    if not officers:
        raise _no_such_address()
    visits = queries.visits_for([one.id for one in officers], *rules.span(local_date(at)))
    content = rules.write_calendar(_name(agenda, officers[0]), _appointments(visits, at))
    revised_at = max(agenda.issued_at, queries.last_revision(agenda.agency_id) or agenda.issued_at)
    return Feed(content, revised_at)


def _appointments(visits: Sequence[Planned], at: datetime) -> list[Appointment]:
    carried = queries.specialties_of([one.id for one in visits])
    names = {row.code: row.body["name"] for row in catalogue.in_force("specialty", local_date(at))}
    found = []
    for one in visits:
        tasks = carried.get(one.id, [])
        specialties = "、".join(names.get(code, code) for code in dict.fromkeys(tasks))
        stamps = (one.published_at, one.changed_at, one.withdrawn_at)
        found.append(
            Appointment(
                uid=str(one.id),
                sequence=one.version + (one.withdrawn_at is not None),
                on=one.on,
                revised_at=max(stamp for stamp in stamps if stamp is not None),
                summary=f"联合检查：{one.unit}",
                location=one.address,
                description=f"共 {len(tasks)} 项任务：{specialties}",
                cancelled=one.withdrawn_at is not None,
            )
        )
    return found


def _name(agenda: Agenda, officer: Officer) -> str:
    return f"随查日程 {agenda.team if agenda.officer_id is None else officer.name}"


def _may(by: Actor, agency_id: UUID, officer_id: UUID | None) -> bool:
    own = officer_id is not None and by.officer_id == officer_id
    return by.agency_id == agency_id and (own or by.has(Role.SUPERVISOR))


def _owner(agenda: Agenda) -> dict[str, str]:
    if agenda.officer_id is None:
        return {"team": agenda.team or ""}
    return {"officer_id": str(agenda.officer_id)}


def _new_token() -> str:
    return secrets.token_urlsafe(32)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _no_such_address() -> AgendaUnknown:
    return AgendaUnknown("这个日程地址不存在或已失效，请向本人或科室负责人索取新的地址。")
