"""Credit over HTTP: entries and their reversal."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.credit import queries, service
from app.credit.models import CreditEntry
from app.credit.schemas import EntryQuerySchema, EntrySchema, ReverseSchema
from app.days import local_date
from app.db import transaction
from app.problems import Blueprint, Page, page

blp = Blueprint("credit-entries", __name__, url_prefix="/credit-entries", description="信用记录")
BLUEPRINTS = (blp,)

READERS = (Role.CLERK, Role.SUPERVISOR, Role.AUDITOR)
KEEPERS = (Role.CLERK, Role.SUPERVISOR)


@blp.route("")
@requires(*READERS)
@blp.arguments(EntryQuerySchema, location="query")
@blp.paged(EntrySchema)
def list_entries(query: dict[str, Any]) -> Page[CreditEntry]:
    """查询信用记录"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.entries_in(current_actor().agency_id, **query)
    return page(found, CreditEntry.id, limit=limit, cursor=cursor)


@blp.route("/<uuid:entry_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, EntrySchema)
def get_entry(entry_id: UUID) -> CreditEntry:
    """查看信用记录"""
    entry = service.get_entry(entry_id, current_actor().agency_id)
    blp.set_etag(entry.version)
    return entry


@blp.route("/<uuid:entry_id>/reverse", methods=["POST"])
@requires(*KEEPERS)
@blp.creates
@blp.arguments(ReverseSchema)
@blp.response(201, EntrySchema)
def reverse_entry(data: dict[str, Any], entry_id: UUID) -> CreditEntry:
    """撤销信用记录

    原记录不改，另记一条撤销记录；再次撤销不产生新的记录。
    """
    with transaction():
        at = clock.now()
        done = service.reverse(entry_id, data["reason"], local_date(at), by=current_actor(), at=at)
    return done.entry
