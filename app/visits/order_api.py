"""Corrective orders over HTTP: tablets issue them, supervisors say what became of them."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.db import transaction
from app.problems import Blueprint, Page, page
from app.visits import orders, queries
from app.visits.models import CorrectiveOrder
from app.visits.schemas import ConcludeOrderSchema, OrderQuerySchema, OrderSchema

blp = Blueprint("orders", __name__, url_prefix="/orders", description="责令改正")


@blp.route("")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.arguments(OrderQuerySchema, location="query")
@blp.paged(OrderSchema)
def list_orders(query: dict[str, Any]) -> Page[CorrectiveOrder]:
    """查询责令改正"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.orders_of(current_actor().agency_id, **query)
    return page(found, CorrectiveOrder.id, limit=limit, cursor=cursor)


@blp.route("/<uuid:order_id>")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.etag
@blp.response(200, OrderSchema)
def get_order(order_id: UUID) -> CorrectiveOrder:
    """查看责令改正及其改正期限"""
    order = orders.get_order(order_id, current_actor().agency_id)
    blp.set_etag(order.version)
    return order


@blp.route("/<uuid:order_id>/conclude", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(ConcludeOrderSchema)
@blp.response(200, OrderSchema)
def conclude(data: dict[str, Any], order_id: UUID) -> CorrectiveOrder:
    """认定已改正或者逾期未改正"""
    with transaction():
        by = current_actor()
        blp.check_version(orders.get_order(order_id, by.agency_id), OrderSchema)
        order = orders.conclude_order(order_id, **data, by=by, at=clock.now())
    blp.set_etag(order.version)
    return order
