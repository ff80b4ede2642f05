"""Actors without code or name over HTTP: officers record them, supervisors identify and merge."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Actor, Role, current_actor, requires
from app.db import transaction
from app.parties import queries, service
from app.parties.models import Party
from app.parties.rules import NewParty
from app.parties.schemas import (
    IdentifyPartySchema,
    MergePartySchema,
    NewPartySchema,
    PartyQuerySchema,
    PartySchema,
)
from app.people import service as people
from app.problems import Blueprint, Page, page

blp = Blueprint("parties", __name__, url_prefix="/parties", description="身份不明的当事人")


@blp.route("")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.arguments(PartyQuerySchema, location="query")
@blp.paged(PartySchema)
def list_parties(query: dict[str, Any]) -> Page[Party]:
    """查询身份不明或后来查明的当事人"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.parties_of(current_actor().agency_id, **query)
    return page(found, Party.id, limit=limit, cursor=cursor)


@blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@blp.creates
@blp.arguments(NewPartySchema)
@blp.response(201, PartySchema)
def record_party(data: dict[str, Any]) -> Party:
    """登记当事人：姓名、称呼、地点或者体貌特征，知道多少写多少"""
    with transaction():
        by = current_actor()
        agency = people.get_agency(_agency_id(by))
        party = service.record_party(NewParty(**data), agency=agency, by=by, at=clock.now())
    blp.set_etag(party.version)
    return party


@blp.route("/<uuid:party_id>")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.etag
@blp.response(200, PartySchema)
def get_party(party_id: UUID) -> Party:
    """查看当事人"""
    party = service.get_party(party_id, current_actor().agency_id)
    blp.set_etag(party.version)
    return party


@blp.route("/<uuid:party_id>/identify", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@blp.etag
@blp.arguments(IdentifyPartySchema)
@blp.response(200, PartySchema)
def identify(data: dict[str, Any], party_id: UUID) -> Party:
    """查明身份；原有的称呼、地点和记录保留"""
    with transaction():
        by = _checked(party_id)
        party = service.identify_party(party_id, **data, by=by, at=clock.now())
    blp.set_etag(party.version)
    return party


@blp.route("/<uuid:party_id>/merge", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(MergePartySchema)
@blp.response(200, PartySchema)
def merge(data: dict[str, Any], party_id: UUID) -> Party:
    """认定两条记录为同一当事人"""
    with transaction():
        by = _checked(party_id)
        party = service.merge_party(party_id, data["same_party_id"], by=by, at=clock.now())
    blp.set_etag(party.version)
    return party


def _checked(party_id: UUID) -> Actor:
    """Compare the version that was seen with the one that is; return who acts."""
    by = current_actor()
    blp.check_version(service.get_party(party_id, by.agency_id), PartySchema)
    return by


def _agency_id(by: Actor) -> UUID:
    if by.agency_id is None:
        raise service.PartyUnknown("没有这个当事人，或它不属于本机构。")
    return by.agency_id
