"""Seizures over HTTP: officers apply and carry out, another person approves."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Actor, Role, current_actor, requires
from app.db import transaction
from app.measures import goods, queries, service
from app.measures.models import Seizure
from app.measures.rules import Disposition, Goods
from app.measures.schemas import (
    CarryOutSchema,
    DisposeSchema,
    MeasureReasonSchema,
    NewSeizureSchema,
    SeizureQuerySchema,
    SeizureSchema,
    TestDaysSchema,
)
from app.people import service as people
from app.problems import Blueprint, Page, page

seizures = Blueprint("seizures", __name__, url_prefix="/seizures", description="查封扣押和没收物品")
OFFICERS = (Role.SUPERVISOR, Role.OFFICER)


@seizures.route("")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
@seizures.arguments(SeizureQuerySchema, location="query")
@seizures.paged(SeizureSchema)
def list_seizures(query: dict[str, Any]) -> Page[Seizure]:
    """查询查封扣押和没收物品"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.seizures_of(current_actor().agency_id, **query)
    return page(found, Seizure.id, limit=limit, cursor=cursor)


@seizures.route("", methods=["POST"])
@requires(*OFFICERS)
@seizures.creates
@seizures.arguments(NewSeizureSchema)
@seizures.response(201, SeizureSchema)
def apply_seizure(data: dict[str, Any]) -> Seizure:
    """申请查封扣押；紧急情况下事后补办；登记案件没收的物品"""
    names = ("unit_id", "party_id", "visit_id", "case_id", "campaign_id")
    about = service.About(**{name: data.pop(name) for name in names})
    officer_ids, listed = tuple(data.pop("officer_ids")), _goods(data.pop("goods"))
    with transaction():
        by = current_actor()
        if by.agency_id is None:
            raise goods.SeizureUnknown("没有这项查封扣押，或它不属于本机构。")
        new = goods.NewSeizure(about=about, officer_ids=officer_ids, goods=listed, **data)
        agency = people.get_agency(by.agency_id)
        seizure = goods.apply_seizure(new, agency=agency, by=by, at=clock.now())
    seizures.set_etag(seizure.version)
    return seizure


@seizures.route("/<uuid:seizure_id>")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
@seizures.etag
@seizures.response(200, SeizureSchema)
def get_seizure(seizure_id: UUID) -> Seizure:
    """查看查封扣押和物品清单"""
    seizure = goods.get_seizure(seizure_id, current_actor().agency_id)
    seizures.set_etag(seizure.version)
    return seizure


@seizures.route("/<uuid:seizure_id>/approve", methods=["POST"])
@requires(Role.SUPERVISOR)
@seizures.etag
@seizures.response(200, SeizureSchema)
def approve(seizure_id: UUID) -> Seizure:
    """批准，或者补办批准；申请人不能批准自己的申请"""
    with transaction():
        by = _checked(seizure_id)
        seizure = goods.approve_seizure(seizure_id, by=by, at=clock.now())
    seizures.set_etag(seizure.version)
    return seizure


@seizures.route("/<uuid:seizure_id>/refuse", methods=["POST"])
@requires(Role.SUPERVISOR)
@seizures.etag
@seizures.arguments(MeasureReasonSchema)
@seizures.response(200, SeizureSchema)
def refuse(data: dict[str, Any], seizure_id: UUID) -> Seizure:
    """不批准；已经实施的应当立即解除"""
    with transaction():
        by = _checked(seizure_id)
        seizure = goods.refuse_seizure(seizure_id, **data, by=by, at=clock.now())
    seizures.set_etag(seizure.version)
    return seizure


@seizures.route("/<uuid:seizure_id>/carry-out", methods=["POST"])
@requires(*OFFICERS)
@seizures.etag
@seizures.arguments(CarryOutSchema)
@seizures.response(200, SeizureSchema)
def carry_out(data: dict[str, Any], seizure_id: UUID) -> Seizure:
    """实施已批准的查封扣押，制作物品清单"""
    with transaction():
        by = _checked(seizure_id)
        listed = _goods(data["goods"])
        seizure = goods.carry_out_seizure(
            seizure_id, listed, data["document_id"], data["seized_at"], by=by, at=clock.now()
        )
    seizures.set_etag(seizure.version)
    return seizure


@seizures.route("/<uuid:seizure_id>/extend", methods=["POST"])
@requires(Role.SUPERVISOR)
@seizures.etag
@seizures.arguments(MeasureReasonSchema)
@seizures.response(200, SeizureSchema)
def extend(data: dict[str, Any], seizure_id: UUID) -> Seizure:
    """延长期限，只能一次"""
    with transaction():
        by = _checked(seizure_id)
        seizure = goods.extend_seizure(seizure_id, **data, by=by, at=clock.now())
    seizures.set_etag(seizure.version)
    return seizure


@seizures.route("/<uuid:seizure_id>/testing", methods=["POST"])
@requires(*OFFICERS)
@seizures.etag
@seizures.arguments(TestDaysSchema)
@seizures.response(200, SeizureSchema)
def add_testing(data: dict[str, Any], seizure_id: UUID) -> Seizure:
    """扣除检测、检验、技术鉴定的时间"""
    with transaction():
        by = _checked(seizure_id)
        seizure = goods.add_testing(seizure_id, **data, by=by, at=clock.now())
    seizures.set_etag(seizure.version)
    return seizure


@seizures.route("/<uuid:seizure_id>/dispose", methods=["POST"])
@requires(Role.SUPERVISOR)
@seizures.etag
@seizures.arguments(DisposeSchema)
@seizures.response(200, SeizureSchema)
def dispose(data: dict[str, Any], seizure_id: UUID) -> Seizure:
    """决定物品的处理：退还、没收、销毁、移交"""
    disposition = Disposition(data.pop("disposition"))
    with transaction():
        by = _checked(seizure_id)
        seizure = goods.dispose_goods(
            seizure_id, disposition=disposition, **data, by=by, at=clock.now()
        )
    seizures.set_etag(seizure.version)
    return seizure


def _goods(given: list[dict[str, Any]]) -> tuple[Goods, ...]:
    return tuple(Goods(**one) for one in given)


def _checked(seizure_id: UUID) -> Actor:
    """Compare the version that was seen with the one that is; return who acts."""
    by = current_actor()
    seizures.check_version(goods.get_seizure(seizure_id, by.agency_id), SeizureSchema)
    return by
