"""Periods that wait since a restore, over HTTP: administrators let them go on, others look."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.access import Role, current_actor, requires
from app.db import transaction
from app.draws import holding
from app.draws.models import DrawHold
from app.draws.plan_api import READERS
from app.draws.schemas import DrawHoldSchema, DrawReasonSchema
from app.problems import Blueprint, Page, PageSchema, page

blp = Blueprint("draw-holds", __name__, url_prefix="/draw-holds", description="恢复后暂停的抽取")


@blp.route("")
@requires(*READERS)
@blp.arguments(PageSchema, location="query")
@blp.paged(DrawHoldSchema)
def list_holds(query: dict[str, Any]) -> Page[DrawHold]:
    """查询恢复后暂停抽取的周期"""
    mine = sa.select(DrawHold).where(DrawHold.agency_id == current_actor().agency_id)
    return page(mine, DrawHold.id, **query)


@blp.route("/<uuid:hold_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, DrawHoldSchema)
def get_hold(hold_id: UUID) -> DrawHold:
    """查看暂停的周期"""
    hold = holding.get_hold(hold_id, current_actor().agency_id)
    blp.set_etag(hold.version)
    return hold


@blp.route("/<uuid:hold_id>/release", methods=["POST"])
@requires(Role.ADMINISTRATOR)
@blp.etag
@blp.arguments(DrawReasonSchema)
@blp.response(200, DrawHoldSchema)
def release_hold(data: dict[str, Any], hold_id: UUID) -> DrawHold:
    """解除暂停，抽取继续进行

    解除之前请核对公告栏、网站和已打印的结果：这一周期是否已经抽取过。
    """
    by = current_actor()
    with transaction():
        hold = holding.get_hold(hold_id, by.agency_id)
        blp.check_version(hold, DrawHoldSchema)
        holding.release_period(hold, data["reason"], by=by, at=clock.now())
    blp.set_etag(hold.version)
    return hold
