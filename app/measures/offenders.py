"""Repeat offenders 屡犯: who was penalised or banned before, organ-wide, and what that means.

司法解释（2016）第二条第四项: who practises medicine illegally again after two administrative
penalties for it commits a crime. The number and the causes are rows of the catalogue; this is a
hint, never a decision.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.cases import service as cases
from app.cases.history import Known, history_of, known_of
from app.cases.models import PenaltyCase
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db
from app.measures.models import Ban
from app.measures.rules import BanState
from app.measures.service import MeasureOfNobody
from app.parties import queries as parties
from app.parties import service as party_service
from app.parties.before import Before
from app.parties.models import Party
from app.parties.rules import Met, Subject
from app.units import service as units
from app.visits import contributing


@dataclass(frozen=True)
class Asked:
    """About whom is asked: an actor, a unit, everybody of a visit, the party of a case."""

    party_id: UUID | None = None
    unit_id: UUID | None = None
    visit_id: UUID | None = None
    case_id: UUID | None = None


@dataclass(frozen=True)
class CrimeHint:
    """A further act may be a crime: so many penalties for a practice, by which rule."""

    practice: str
    name: str
    penalties: int
    after: int
    source: str


@dataclass(frozen=True)
class History:
    """What is known of somebody: penalties, bans, the same actor's rows, and what follows."""

    cases: Sequence[PenaltyCase]
    bans: Sequence[Ban]
    parties: Sequence[Party]
    hints: Sequence[CrimeHint]

    @property
    def repeat(self) -> bool:
        return bool(self.cases or self.bans)


def meet(party_id: UUID, kind: Met, met_id: UUID, *, by: Actor, at: datetime) -> Party:
    """Say that an actor was met in a unit, a visit or a case; again changes nothing.

    Raises PartyUnknown, UnitNotFound, VisitUnknown and CaseUnknown.
    """
    party_service.get_party(party_id, by.agency_id)
    if kind is Met.CASE:
        cases.get_case(met_id, by.agency_id)
    elif kind is Met.VISIT:
        contributing.get_visit(met_id, by.agency_id)
    elif by.agency_id is not None:
        units.get_unit(met_id, by.agency_id)
    return party_service.link_party(party_id, Subject(kind), met_id, by=by, at=at)


def history(asked: Asked, *, by: Actor, at: datetime) -> History:
    """Return what the organ knows of somebody before; the case that asks is left out.

    Raises MeasureOfNobody when nobody is named, and what is not found.
    """
    if asked == Asked():
        raise MeasureOfNobody("请指明当事人、单位、检查或案件。")
    found = _recognise(asked, by=by)
    penalties = history_of(by.agency_id, found, without=asked.case_id)
    party_ids = list(found.party_ids)
    bans = _bans(by.agency_id, party_ids, found.unit_id)
    same = [one for party_id in party_ids if (one := parties.find_party(party_id)) is not None]
    return History(penalties, bans, same, _hints(penalties, local_date(at)))


def before(kind: Met, met_id: UUID, by: Actor, at: datetime) -> Before:
    """Return how often the people of a visit or a case were penalised or banned, but for itself.

    What the visit or the case itself led to is not before it.
    """
    own = {"visit_id": met_id} if kind is Met.VISIT else {"case_id": met_id}
    asked = Asked(**own) if kind is not Met.UNIT else Asked(unit_id=met_id)
    found = history(asked, by=by, at=at)
    penalties = [one for one in found.cases if one.visit_id is None or one.visit_id != met_id]
    bans = [one for one in found.bans if met_id not in {one.visit_id, one.case_id}]
    return Before(len(penalties), len(bans), _hints(penalties, local_date(at)))


def _recognise(asked: Asked, *, by: Actor) -> Known:
    """Gather by what the people of a visit or a case, an actor or a unit are recognised."""
    subjects: list[UUID] = []
    unit_id, id_number = asked.unit_id, None
    rows: list[Party] = []
    if asked.visit_id is not None:
        visit = contributing.get_visit(asked.visit_id, by.agency_id)
        unit_id, subjects = unit_id or visit.unit_id, [*subjects, visit.id]
    if asked.case_id is not None:
        case = cases.get_case(asked.case_id, by.agency_id)
        unit_id, id_number = unit_id or case.unit_id, case.party_id_number
        subjects.append(case.id)
    if asked.party_id is not None:
        rows.append(party_service.get_party(asked.party_id, by.agency_id))
    if unit_id is not None and by.agency_id is not None:
        units.get_unit(unit_id, by.agency_id)
        subjects.append(unit_id)
    rows += parties.met_in(by.agency_id, subjects)
    known = [known_of(one) for one in rows]
    ids = {one for each in known for one in each.party_ids}
    id_hash = next((one.id_hash for one in known if one.id_hash is not None), None)
    return Known(id_number=id_number, id_hash=id_hash, party_ids=sorted(ids), unit_id=unit_id)


def _bans(agency_id: UUID | None, party_ids: Collection[UUID], unit_id: UUID | None) -> Any:
    query = sa.select(Ban).where(
        Ban.agency_id == agency_id,
        Ban.state != BanState.REVOKED,
        sa.or_(Ban.party_id.in_(party_ids), Ban.unit_id == unit_id),
    )
    return db.session.scalars(query.order_by(Ban.decided_on, Ban.id)).all()


def _hints(penalties: Sequence[PenaltyCase], on: date) -> list[CrimeHint]:
    found = []
    for row in catalogue.in_force(Kind.ILLEGAL_PRACTICE, on):
        after, causes = row.body["crime_after"], set(row.body["causes"])
        count = sum(one.cause_code in causes for one in penalties)
        if after and count >= after:
            name = str(row.body["name"])
            found.append(CrimeHint(row.code, name, count, after, row.source))
    return found
