"""Reads of actors that deserve a name."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.parties.models import Party, PartyLink
from app.parties.rules import Subject


def find_party(party_id: UUID) -> Party | None:
    """Return an actor of any agency."""
    return db.session.get(Party, party_id)


def parties_of(agency_id: UUID | None, **filters: Any) -> sa.Select[Party]:
    """Return the query for the actors of an agency; a filter that is None does not count.

    Filters: `state`, `type`, `id_hash`, `subject_id` (what they were met in).
    """
    query = sa.select(Party).where(Party.agency_id == agency_id)
    for name in ("state", "type", "id_hash"):
        if filters.get(name) is not None:
            query = query.where(getattr(Party, name) == filters[name])
    if filters.get("subject_id") is not None:
        query = query.where(Party.links.any(subject_id=filters["subject_id"]))
    return query


def with_hash(agency_id: UUID, id_hash: str) -> Sequence[Party]:
    """Return the actors with the same identity number, oldest first."""
    query = parties_of(agency_id, id_hash=id_hash)
    return db.session.scalars(query.order_by(Party.id)).all()


def same_as(party: Party) -> Sequence[Party]:
    """Return the rows of the same actor: merged ones, by number, by the same alias and place.

    An alias alone (张医生) or a place alone means nobody; both together do.
    """
    root = party.merged_into_id or party.id
    same = [Party.id == root, Party.merged_into_id == root]
    if party.id_hash is not None:
        same.append(Party.id_hash == party.id_hash)
    if party.alias is not None and party.place is not None:
        same.append(sa.and_(Party.alias == party.alias, Party.place == party.place))
    query = sa.select(Party).where(Party.agency_id == party.agency_id, sa.or_(*same))
    return db.session.scalars(query.order_by(Party.id)).all()


def met_in(agency_id: UUID | None, subject_ids: Collection[UUID]) -> Sequence[Party]:
    """Return the actors that were met in any of some units, visits, cases, bans or seizures."""
    query = sa.select(Party).where(
        Party.agency_id == agency_id,
        Party.links.any(PartyLink.subject_id.in_(subject_ids)),
    )
    return db.session.scalars(query.order_by(Party.id)).all()


def subjects_of(party_ids: Collection[UUID], kind: Subject) -> set[UUID]:
    """Return the ids of what some actors were met in, of a kind."""
    query = sa.select(PartyLink.subject_id).where(
        PartyLink.party_id.in_(party_ids), PartyLink.subject_type == kind
    )
    return set(db.session.scalars(query))
