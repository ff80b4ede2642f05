"""The money of cases over HTTP: what is due on a day, paid, delayed, paused and enforced.

What a collection's reader is shown depends on the day, not on the version alone: the answer carries
the version as its ETag for If-Match, and is always sent whole.
"""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.cases import balances, collecting, collecting_queries, enforcing, service
from app.cases.collecting import NewPayment
from app.cases.collecting_models import CaseCollection
from app.cases.collecting_schemas import (
    AskCourtSchema,
    CollectionDaySchema,
    CollectionQuerySchema,
    CollectionRowSchema,
    CollectionSchema,
    ConcludeSchema,
    DecideReliefSchema,
    DemandSchema,
    HandInSchema,
    NewPaymentSchema,
    NewReliefSchema,
)
from app.cases.money import Part
from app.days import local_date
from app.db import transaction
from app.problems import Blueprint, Page, page

blp = Blueprint("collecting", __name__, description="罚没款缴纳和执行")

Verb = Callable[..., CaseCollection]
Shown = tuple[dict[str, Any], int, dict[str, str]]


def _shown(collection: CaseCollection, on: date | None) -> Shown:
    """Return the money of a case as it stands on a day, with the version to change it by."""
    body = balances.summary(collection, on or local_date(clock.now()))
    return body, 200, {"ETag": f'"{collection.version}"'}


@blp.route("/collections")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.arguments(CollectionQuerySchema, location="query")
@blp.paged(CollectionRowSchema)
def list_collections(query: dict[str, Any]) -> Page[CaseCollection]:
    """查询罚没款缴纳情况"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = collecting_queries.collections_of(current_actor().agency_id, **query)
    return page(found, CaseCollection.id, limit=limit, cursor=cursor)


@blp.route("/cases/<uuid:case_id>/collection")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.arguments(CollectionDaySchema, location="query")
@blp.response(200, CollectionSchema)
def get_collection(query: dict[str, Any], case_id: UUID) -> Shown:
    """查看罚没款、加处罚款和缴款期限"""
    case = service.get_case(case_id, current_actor().agency_id)
    return _shown(balances.collection_of(case), query["on"])


@blp.route("/cases/<uuid:case_id>/collection", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.response(200, CollectionSchema)
def open_collection(case_id: UUID) -> Shown:
    """决定送达后开始计算缴款期限"""
    with transaction():
        by, at = current_actor(), clock.now()
        case = service.get_case(case_id, by.agency_id)
        collection = collecting.open_collection(case, by=by, at=at)
    return _shown(collection, None)


@blp.route("/collections/<uuid:collection_id>")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.arguments(CollectionDaySchema, location="query")
@blp.response(200, CollectionSchema)
def show_collection(query: dict[str, Any], collection_id: UUID) -> Shown:
    """查看一笔罚没款"""
    return _shown(balances.get_collection(collection_id, current_actor().agency_id), query["on"])


def _changed(collection_id: UUID, verb: Verb, *args: Any, **values: Any) -> dict[str, Any]:
    """Let a verb change the money of a case in one transaction, on the version that was seen."""
    with transaction():
        by, at = current_actor(), clock.now()
        seen = balances.get_collection(collection_id, by.agency_id)
        blp.check_version(seen, CollectionRowSchema)
        collection = verb(collection_id, *args, **values, by=by, at=at)
    blp.set_etag(collection.version)
    return balances.summary(collection, local_date(at))


@blp.route("/collections/<uuid:collection_id>/payments", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@blp.etag
@blp.arguments(NewPaymentSchema)
@blp.response(200, CollectionSchema)
def record_payment(data: dict[str, Any], collection_id: UUID) -> dict[str, Any]:
    """登记缴款"""
    return _changed(collection_id, collecting.record_payment, NewPayment(**data))


@blp.route("/collections/<uuid:collection_id>/payments/<uuid:payment_id>/hand-in", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@blp.etag
@blp.arguments(HandInSchema)
@blp.response(200, CollectionSchema)
def hand_in(data: dict[str, Any], collection_id: UUID, payment_id: UUID) -> dict[str, Any]:
    """登记当场收缴的罚款交至机关和银行"""
    return _changed(collection_id, collecting.hand_in, payment_id, **data)


@blp.route("/collections/<uuid:collection_id>/reliefs", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@blp.etag
@blp.arguments(NewReliefSchema)
@blp.response(200, CollectionSchema)
def ask_relief(data: dict[str, Any], collection_id: UUID) -> dict[str, Any]:
    """登记延期或者分期缴纳申请"""
    parts = [Part(**one) for one in data.pop("parts")]
    return _changed(collection_id, collecting.ask_relief, parts=parts, **data)


@blp.route("/collections/<uuid:collection_id>/reliefs/<uuid:relief_id>/decide", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(DecideReliefSchema)
@blp.response(200, CollectionSchema)
def decide_relief(data: dict[str, Any], collection_id: UUID, relief_id: UUID) -> dict[str, Any]:
    """审批延期或者分期缴纳"""
    return _changed(collection_id, collecting.decide_relief, relief_id, **data)


@blp.route("/collections/<uuid:collection_id>/demand", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(DemandSchema)
@blp.response(200, CollectionSchema)
def demand_payment(data: dict[str, Any], collection_id: UUID) -> dict[str, Any]:
    """登记催告书送达"""
    return _changed(collection_id, enforcing.demand_payment, **data)


@blp.route("/collections/<uuid:collection_id>/court", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(AskCourtSchema)
@blp.response(200, CollectionSchema)
def ask_court(data: dict[str, Any], collection_id: UUID) -> dict[str, Any]:
    """登记申请法院强制执行"""
    return _changed(collection_id, enforcing.ask_court, **data)


@blp.route("/collections/<uuid:collection_id>/conclude", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(ConcludeSchema)
@blp.response(200, CollectionSchema)
def conclude_collection(data: dict[str, Any], collection_id: UUID) -> dict[str, Any]:
    """登记执行完毕或者终结执行"""
    ground = data.pop("ceasing_ground")
    return _changed(collection_id, enforcing.conclude_collection, **data, ground=ground)
