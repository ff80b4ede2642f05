"""Agendas over HTTP, for those who own them; the feed itself is a public page."""

from typing import Any
from uuid import UUID

import flask

from app import clock, entry
from app.access import Role, current_actor, current_agency_id, requires
from app.agendas import queries, service
from app.agendas.models import Agenda
from app.agendas.schemas import AgendaSchema, IssuedAgendaSchema, NewAgendaSchema
from app.db import transaction
from app.people.api import require_session
from app.problems import Blueprint, Page, PageSchema, page

blp = Blueprint("agendas", __name__, url_prefix="/agendas", description="日程订阅")
OWNERS = (Role.OFFICER, Role.SUPERVISOR)


@blp.route("")
@requires(*OWNERS)
@blp.arguments(PageSchema, location="query")
@blp.paged(AgendaSchema)
def list_agendas(page_args: dict[str, Any]) -> Page[Agenda]:
    """查询日程：本人的，科室负责人可查本机构全部"""
    by = current_actor()
    if not by.has(Role.SUPERVISOR) and by.officer_id is None:
        return Page([], None)
    own = None if by.has(Role.SUPERVISOR) else by.officer_id
    return page(queries.agendas_in(current_agency_id(), own), Agenda.id, **page_args)


@blp.route("", methods=["POST"])
@requires(*OWNERS)
@blp.arguments(NewAgendaSchema)
@blp.response(201, IssuedAgendaSchema)
def make_agenda(data: dict[str, Any]) -> dict[str, Any]:
    """新建日程订阅地址

    地址只显示这一次，知道地址的人无须登录即可查看日程，请勿外传。须以登录会话操作。
    """
    # no Idempotency-Key: the kept answer would hold the address, of which we keep a hash only
    require_session()
    with transaction():
        token, agenda = service.make_agenda(
            data["officer_id"],
            data["team"],
            agency_id=current_agency_id(),
            by=current_actor(),
            at=clock.now(),
        )
    return _issued(agenda, token)


@blp.route("/<uuid:agenda_id>")
@requires(*OWNERS)
@blp.etag
@blp.response(200, AgendaSchema)
def get_agenda(agenda_id: UUID) -> Agenda:
    """查看日程"""
    agenda = service.get_agenda(agenda_id, by=current_actor())
    blp.set_etag(agenda.version)
    return agenda


@blp.route("/<uuid:agenda_id>/renew", methods=["POST"])
@requires(*OWNERS)
@blp.etag
@blp.response(200, IssuedAgendaSchema)
def renew(agenda_id: UUID) -> dict[str, Any]:
    """更换日程地址，旧地址随即失效；已作废的重新启用"""
    require_session()
    with transaction():
        agenda = service.get_agenda(agenda_id, by=current_actor())
        blp.check_version(agenda, AgendaSchema)
        token = service.renew_agenda(agenda, by=current_actor(), at=clock.now())
    blp.set_etag(agenda.version)
    return _issued(agenda, token)


@blp.route("/<uuid:agenda_id>/revoke", methods=["POST"])
@requires(*OWNERS)
@blp.etag
@blp.response(200, AgendaSchema)
def revoke(agenda_id: UUID) -> Agenda:
    """作废日程地址"""
    with transaction():
        agenda = service.get_agenda(agenda_id, by=current_actor())
        blp.check_version(agenda, AgendaSchema)
        service.revoke_agenda(agenda, by=current_actor(), at=clock.now())
    blp.set_etag(agenda.version)
    return agenda


def _issued(agenda: Agenda, token: str) -> dict[str, Any]:
    base = (entry.config().text("PUBLIC_URL") or flask.request.url_root).rstrip("/")
    own = {name: getattr(agenda, name) for name in AgendaSchema().fields}
    return {**own, "url": f"{base}/calendars/{token}.ics"}
