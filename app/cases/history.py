"""Who was penalised before: organ-wide, by identity number, actor, unit, alias and place.

A penalty counts once it was decided and as long as it was not revoked.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import PenaltyCase
from app.cases.rules import CaseState
from app.db import db
from app.parties import queries as parties
from app.parties import rules as party_rules
from app.parties.models import Party
from app.parties.rules import Subject

_NO_PENALTY = (CaseState.NOT_PUNISHED, CaseState.TRANSFERRED, CaseState.WITHDRAWN)


@dataclass(frozen=True)
class Known:
    """By what somebody can be recognised; whatever is None says nothing."""

    id_number: str | None = None
    id_hash: str | None = None
    party_ids: Collection[UUID] = ()
    unit_id: UUID | None = None


def known_of(party: Party) -> Known:
    """Return by what an actor is recognised, with all rows of the same actor."""
    same = parties.same_as(party)
    return Known(
        id_hash=next((one.id_hash for one in same if one.id_hash is not None), None),
        party_ids=[one.id for one in same],
    )


def known_of_case(case: PenaltyCase) -> Known:
    """Return by what the party of a case is recognised: its number, its unit, linked actors."""
    linked = parties.met_in(case.agency_id, [case.id])
    same = [other.id for one in linked for other in parties.same_as(one)]
    return Known(id_number=case.party_id_number, party_ids=same, unit_id=case.unit_id)


def history_of(
    agency_id: UUID | None,
    who: Known,
    *,
    causes: Collection[str] | None = None,
    before: date | None = None,
    without: UUID | None = None,
) -> Sequence[PenaltyCase]:
    """Return the penalties that somebody got from the whole organ, oldest first.

    `causes` keeps those of some causes, `before` those decided before a day, `without` leaves a
    case out (the one that asks). Read it for 初次违法 (行政处罚法 第三十三条) and for what follows
    from earlier penalties.
    """
    same = _recognised(agency_id, who)
    if not same:
        return []
    query = sa.select(PenaltyCase).where(
        PenaltyCase.agency_id == agency_id,
        PenaltyCase.decided_on.is_not(None),
        PenaltyCase.revoked_on.is_(None),
        PenaltyCase.state.not_in(_NO_PENALTY),
        sa.or_(*same),
    )
    if causes is not None:
        query = query.where(PenaltyCase.cause_code.in_(sorted(causes)))
    if before is not None:
        query = query.where(PenaltyCase.decided_on < before)
    if without is not None:
        query = query.where(PenaltyCase.id != without)
    return db.session.scalars(query.order_by(PenaltyCase.decided_on, PenaltyCase.id)).all()


def _recognised(agency_id: UUID | None, who: Known) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    party_ids = set(who.party_ids)
    hashes = set() if who.id_hash is None else {who.id_hash}
    if who.id_number and agency_id is not None:
        hashes.add(party_rules.hash_number(agency_id, who.id_number))
    if hashes and agency_id is not None:
        found.append(PenaltyCase.party_id_hash.in_(sorted(hashes)))
        party_ids |= {row.id for one in hashes for row in parties.with_hash(agency_id, one)}
    cases = parties.subjects_of(party_ids, Subject.CASE)
    if cases:
        found.append(PenaltyCase.id.in_(sorted(cases)))
    places = parties.subjects_of(party_ids, Subject.UNIT)
    if who.unit_id is not None:
        places.add(who.unit_id)
    if places:
        found.append(PenaltyCase.unit_id.in_(sorted(places)))
    return found
