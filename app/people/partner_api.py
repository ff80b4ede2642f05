"""Officers of partner departments over HTTP."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.db import transaction
from app.people import partners, queries, service
from app.people.models import PartnerOfficer
from app.people.rules import NewPartner
from app.people.schemas import (
    NewPartnerSchema,
    PartnerChangesSchema,
    PartnerQuerySchema,
    PartnerSchema,
)
from app.problems import Blueprint, Page, page

blp = Blueprint(
    "partner-officers", __name__, url_prefix="/partner-officers", description="协同部门执法人员"
)
READERS = (Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR)


@blp.route("")
@requires(*READERS)
@blp.arguments(PartnerQuerySchema, location="query")
@blp.paged(PartnerSchema)
def list_partners(query: dict[str, Any]) -> Page[PartnerOfficer]:
    """列出协同部门的执法人员"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.partners_in(current_agency_id(), **query)
    return page(found, PartnerOfficer.id, limit=limit, cursor=cursor)


@blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewPartnerSchema)
@blp.response(201, PartnerSchema)
def register_partner(data: dict[str, Any]) -> PartnerOfficer:
    """登记协同部门的执法人员；他们不在本系统登录"""
    with transaction():
        agency = service.get_agency(current_agency_id())
        return partners.register_partner(
            NewPartner(**{**data, "items": tuple(data["items"])}),
            agency=agency,
            by=current_actor(),
            at=clock.now(),
        )


@blp.route("/<uuid:partner_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, PartnerSchema)
def show_partner(partner_id: UUID) -> PartnerOfficer:
    """查看协同部门的执法人员"""
    partner = partners.get_partner(partner_id, current_agency_id())
    blp.set_etag(partner.version)
    return partner


@blp.route("/<uuid:partner_id>", methods=["PATCH"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(PartnerChangesSchema)
@blp.response(200, PartnerSchema)
def change_partner(data: dict[str, Any], partner_id: UUID) -> PartnerOfficer:
    """修改协同部门执法人员的信息，或记明其已不在岗"""
    with transaction():
        partner = partners.get_partner(partner_id, current_agency_id())
        blp.check_version(partner, PartnerSchema)
        partners.change_partner(partner, data, by=current_actor(), at=clock.now())
    blp.set_etag(partner.version)
    return partner
