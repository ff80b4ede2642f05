"""Actors without code or name: record them, identify them later, merge two rows of one person."""

from datetime import datetime
from uuid import UUID

from app.access import Actor
from app.days import local_date
from app.db import db, new_id, touch
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.numbering.queries import take_number
from app.numbering.rules import Register
from app.parties import queries, rules
from app.parties.models import Party, PartyLink
from app.parties.rules import NewParty, PartyState, Subject
from app.people.models import Agency


class PartyUnknown(NotFound):
    code, title = "party-unknown", "未找到当事人"


class PartyInvalid(Invalid):
    code, title = "party-invalid", "当事人资料有误"


class PartyMerged(Conflict):
    code, title = "party-merged", "当事人已并入另一条记录"


def get_party(party_id: UUID, agency_id: UUID | None) -> Party:
    """Return an actor of the agency. Raises PartyUnknown, also for another agency's."""
    party = queries.find_party(party_id)
    if party is None or party.agency_id != agency_id:
        raise PartyUnknown("没有这个当事人，或它不属于本机构。")
    return party


def record_party(data: NewParty, *, agency: Agency, by: Actor, at: datetime) -> Party:
    """Record an actor with what is known of them. With a name or a number they are identified.

    Raises PartyInvalid when nothing is said. Flushes: what follows names the row.
    """
    if not data.says_something:
        raise PartyInvalid("请至少写明姓名、称呼、地点或者体貌特征中的一项。")
    party = Party(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        number=take_number(agency.id, Register.PARTY, local_date(at)),
        type=data.type,
        name=data.name,
        alias=data.alias,
        place=data.place,
        description=data.description,
        state=PartyState.UNKNOWN,
        recorded_at=at,
        recorded_by_kind=by.kind,
        recorded_by_id=by.id,
    )
    if data.id_number is not None:
        _take_number(party, data.id_number)
    if data.name is not None or data.id_number is not None:
        _identified(party, by=by, at=at)
    db.session.add(party)
    db.session.flush()
    data_ = {"number": party.number, "type": party.type, "state": party.state}
    journal.record(Event.PARTY_RECORDED, party, by=by, at=at, data=data_)
    return party


def identify_party(
    party_id: UUID, name: str, id_number: str | None, *, by: Actor, at: datetime
) -> Party:
    """Say who an actor is; what was known of them before stays, and so does their history.

    Who else has the number already is for a person to merge: `queries.same_as` finds them. Raises
    PartyUnknown and PartyMerged.
    """
    party = _standing(party_id, by=by)
    party.name = name
    if id_number is not None:
        _take_number(party, id_number)
    _identified(party, by=by, at=at)
    data = {"with_number": party.id_hash is not None}
    journal.record(Event.PARTY_IDENTIFIED, party, by=by, at=at, data=data)
    return party


def merge_party(party_id: UUID, into_id: UUID, *, by: Actor, at: datetime) -> Party:
    """Say that two rows are one actor: the first stands for the second from now on.

    Rows that were merged into the first follow it. Raises PartyUnknown, PartyMerged and
    PartyInvalid (into itself).
    """
    party, into = _standing(party_id, by=by), _standing(into_id, by=by)
    if party.id == into.id:
        raise PartyInvalid("当事人不能并入自身。")
    for one in queries.same_as(party):
        if one.merged_into_id == party.id:
            one.merged_into_id = into.id
    party.merged_into_id, party.state = into.id, PartyState.MERGED
    party.merged_at, party.merged_by_kind, party.merged_by_id = at, by.kind, by.id
    journal.record(Event.PARTY_MERGED, party, by=by, at=at, data={"into_id": str(into.id)})
    return party


def link_party(
    party_id: UUID, kind: Subject, subject_id: UUID, *, by: Actor, at: datetime
) -> Party:
    """Say that an actor was met in something; again changes nothing.

    That the subject is the agency's is the caller's to check. Raises PartyUnknown.
    """
    party = get_party(party_id, by.agency_id)
    if any((one.subject_type, one.subject_id) == (kind, subject_id) for one in party.links):
        return party
    party.links.append(
        PartyLink(
            subject_type=kind,
            subject_id=subject_id,
            linked_at=at,
            linked_by_kind=by.kind,
            linked_by_id=by.id,
        )
    )
    touch(party)
    data = {"subject_type": str(kind), "subject_id": str(subject_id)}
    journal.record(Event.PARTY_LINKED, party, by=by, at=at, data=data)
    return party


def _standing(party_id: UUID, *, by: Actor) -> Party:
    party = get_party(party_id, by.agency_id)
    if party.state == PartyState.MERGED:
        raise PartyMerged(
            "该当事人已并入另一条记录，请在那条记录上办理。", merged_into_id=party.merged_into_id
        )
    return party


def _take_number(party: Party, id_number: str) -> None:
    if not rules.normalise_number(id_number):
        raise PartyInvalid("证件号码不能为空。")
    party.id_hash = rules.hash_number(party.agency_id, id_number)
    party.id_tail = rules.tail_of(id_number)


def _identified(party: Party, *, by: Actor, at: datetime) -> None:
    party.state = PartyState.IDENTIFIED
    party.identified_at, party.identified_by_kind, party.identified_by_id = at, by.kind, by.id
