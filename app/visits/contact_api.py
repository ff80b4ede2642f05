"""Contacts with units over HTTP: what is recorded beside visits and never counted among them."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.db import transaction
from app.people import service as people
from app.problems import Blueprint, Page, page
from app.visits import contacts
from app.visits.contacts import ContactUnknown, NewContact
from app.visits.models import UnitContact
from app.visits.schemas import ContactQuerySchema, ContactSchema, NewContactSchema

blp = Blueprint("contacts", __name__, url_prefix="/contacts", description="不属于检查的事项")


@blp.route("")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.arguments(ContactQuerySchema, location="query")
@blp.paged(ContactSchema)
def list_contacts(query: dict[str, Any]) -> Page[UnitContact]:
    """查询合规告知谈话、帮扶、非现场检查"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = contacts.contacts_of(current_actor().agency_id, **query)
    return page(found, UnitContact.id, limit=limit, cursor=cursor)


@blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@blp.creates
@blp.arguments(NewContactSchema)
@blp.response(201, ContactSchema)
def record_contact(data: dict[str, Any]) -> UnitContact:
    """登记合规告知谈话、帮扶、合规提示或非现场检查；不计入检查"""
    officer_ids = tuple(data.pop("officer_ids"))
    with transaction():
        by = current_actor()
        if by.agency_id is None:
            raise ContactUnknown("没有这条记录，或它不属于本机构。")
        new = NewContact(officer_ids=officer_ids, **data)
        agency = people.get_agency(by.agency_id)
        row = contacts.record_contact(new, agency=agency, by=by, at=clock.now())
    blp.set_etag(row.version)
    return row


@blp.route("/<uuid:contact_id>")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.etag
@blp.response(200, ContactSchema)
def get_contact(contact_id: UUID) -> UnitContact:
    """查看一条记录"""
    row = contacts.get_contact(contact_id, current_actor().agency_id)
    blp.set_etag(row.version)
    return row
