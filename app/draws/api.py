"""Draws over HTTP: supervisors plan, people of different roles bring the chance, auditors look.

No view here opens a seal: secret and deposits are opened by the timetable alone.
"""

import secrets
from typing import Any
from uuid import UUID

import flask

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.db import transaction
from app.draws import (
    annual_api,
    change_api,
    guarding,
    hold_api,
    list_api,
    plan_api,
    queries,
    reading,
    seeding,
    service,
)
from app.draws.models import Draw, DrawDeposit, DrawSelection
from app.draws.plan_api import INSIDERS, READERS
from app.draws.schemas import (
    BeaconSchema,
    DiceEnteredSchema,
    DiceSchema,
    DrawDepositSchema,
    DrawDetailSchema,
    DrawFilesSchema,
    DrawQuerySchema,
    DrawReasonSchema,
    DrawSchema,
    DrawSelectionQuerySchema,
    DrawSelectionSchema,
    LineProofsSchema,
    NewDrawDepositSchema,
    NewStandingDepositSchema,
    ProofQuerySchema,
)
from app.draws.stages import EntropyState
from app.people import service as people
from app.people.models import Agency
from app.problems import Blueprint, Page, PageSchema, page
from app.tasks import service as tasks

blp = Blueprint("draws", __name__, url_prefix="/draws", description="抽取")
deposits = Blueprint("draw-deposits", __name__, url_prefix="/draw-deposits", description="封存")
BLUEPRINTS = (
    annual_api.blp,
    plan_api.blp,
    hold_api.blp,
    list_api.blp,
    blp,
    deposits,
    change_api.blp,
    change_api.decisions,
)


def init_app(_flask_app: flask.Flask) -> None:
    """Let the tasks of a draw ask it before they get another team or are closed as replaced."""
    tasks.guard(teams=guarding.guard_team, closings=guarding.guard_closing)


# ---- draws ---------------------------------------------------------------------------------------


@blp.route("")
@requires(*READERS)
@blp.arguments(DrawQuerySchema, location="query")
@blp.paged(DrawSchema)
def list_draws(query: dict[str, Any]) -> Page[Draw]:
    """查询本机构的抽取，新的在前"""
    year, state = query.pop("year"), query.pop("state")
    statement = queries.draws_in(current_agency_id(), year=year, state=state)
    return page(statement, Draw.id, newest_first=True, **query)


@blp.route("/<draw_no>")
@requires(*READERS)
@blp.etag
@blp.response(200, DrawDetailSchema)
def get_draw(draw_no: str) -> dict[str, Any]:
    """查看抽取：状态、封存、骰子、等待谁"""
    draw = service.get_draw(draw_no, current_agency_id())
    blp.set_etag(draw.version)
    return {
        **queries.columns_of(draw),
        "plan": draw.plan,
        "deposits": [_deposit(one, draw_no) for one in queries.deposits_of(draw.id)],
        "dice": queries.sealed_dice(draw.id),
        "waiting": reading.waiting_for(draw, clock.now()),
        "shortfalls": _shortfalls(draw),
    }


def _shortfalls(draw: Draw) -> Any:
    """Return the units and officers that hold a draw up; who may not go where is for insiders."""
    return (draw.held_extras or {}).get("shortfalls", []) if current_actor().has(*INSIDERS) else []


@blp.route("/<draw_no>/deposits", methods=["POST"])
@requires(*seeding.DEPOSIT_ROLES)
@blp.creates
@blp.arguments(NewDrawDepositSchema)
@blp.response(201, DrawDepositSchema)
def make_deposit(data: dict[str, Any], draw_no: str) -> dict[str, Any]:
    """为一次封存式抽取封存随机数（公告之前）"""
    with transaction():
        draw = service.get_draw(draw_no, current_agency_id())
        made = seeding.deposit(
            draw, _value(data), agency=_agency(), by=current_actor(), at=clock.now()
        )
    return _deposit(made, draw_no)


@blp.route("/<draw_no>/dice", methods=["POST"])
@requires(*seeding.DEPOSIT_ROLES)
@blp.creates
@blp.arguments(DiceSchema)
@blp.response(201, DiceEnteredSchema)
def enter_dice(data: dict[str, Any], draw_no: str) -> dict[str, Any]:
    """录入骰子数字：由不同角色的两人分别录入，一致才封定"""
    with transaction():
        draw = service.get_draw(draw_no, current_agency_id())
        entered = seeding.enter_dice(draw, data["digits"], by=current_actor(), at=clock.now())
    if entered.state is EntropyState.REJECTED:
        raise seeding.dice_mismatch()
    return {"state": entered.state, "draw_no": draw_no, "draw_state": draw.state}


@blp.route("/<draw_no>/beacon", methods=["POST"])
@requires(*seeding.DEPOSIT_ROLES)
@blp.creates
@blp.arguments(BeaconSchema)
@blp.response(201, DiceEnteredSchema)
def enter_beacon(data: dict[str, Any], draw_no: str) -> dict[str, Any]:
    """录入信标数字：由不同角色的两人分别录入，一致才封定"""
    with transaction():
        draw = service.get_draw(draw_no, current_agency_id())
        entered = seeding.enter_beacon(draw, data["values"], by=current_actor(), at=clock.now())
    if entered.state is EntropyState.REJECTED:
        raise seeding.dice_mismatch()
    return {"state": entered.state, "draw_no": draw_no, "draw_state": draw.state}


@blp.route("/<draw_no>/void", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(DrawReasonSchema)
@blp.response(200, DrawSchema)
def void_draw(data: dict[str, Any], draw_no: str) -> Draw:
    """作废：编号保留，秘密数和本来的结果照样公开"""
    with transaction():
        draw = service.get_draw(draw_no, current_agency_id())
        blp.check_version(draw, DrawSchema)
        service.void_draw(draw, data["reason"], by=current_actor(), at=clock.now())
    blp.set_etag(draw.version)
    return draw


@blp.route("/<draw_no>/selection")
@requires(*INSIDERS)
@blp.arguments(DrawSelectionQuerySchema, location="query")
@blp.paged(DrawSelectionSchema)
def list_selection(query: dict[str, Any], draw_no: str) -> Page[DrawSelection]:
    """查看抽中和备选的单位"""
    draw = service.get_draw(draw_no, current_agency_id())
    kind = query.pop("kind")
    return page(queries.selection_of(draw.id, kind), DrawSelection.id, **query)


@blp.route("/<draw_no>/files")
@requires(*INSIDERS)
@blp.response(200, DrawFilesSchema)
def list_files(draw_no: str) -> dict[str, Any]:
    """查看可以读取的抽取文件"""
    draw = service.get_draw(draw_no, current_agency_id())
    return {"items": reading.readable_files(draw, current_actor(), clock.now())}


@blp.route("/<draw_no>/files/<name>")
@requires(*INSIDERS)
@blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
def get_file(draw_no: str, name: str) -> flask.Response:
    """读取抽取文件，与计算摘要时逐字节相同"""
    draw = service.get_draw(draw_no, current_agency_id())
    file = reading.get_file(draw, name, current_actor(), clock.now())
    return flask.Response(
        file.content,
        content_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{file.name}"'},
    )


@blp.route("/<draw_no>/proof")
@requires(Role.SUPERVISOR, Role.AUDITOR, Role.CLERK)
@blp.refuses(409)
@blp.arguments(ProofQuerySchema, location="query")
@blp.response(200, LineProofsSchema)
def prove_line(query: dict[str, Any], draw_no: str) -> dict[str, Any]:
    """名单不公开时，向被监督单位证明它自己的一行"""
    draw = service.get_draw(draw_no, current_agency_id())
    return {"draw_no": draw_no, "items": reading.prove_lines(draw, query["archive_no"])}


# ---- deposits ------------------------------------------------------------------------------------


@deposits.route("")
@requires(*seeding.DEPOSIT_ROLES)
@deposits.arguments(PageSchema, location="query")
@deposits.paged(DrawDepositSchema)
def list_own_deposits(query: dict[str, Any]) -> Page[Any]:
    """查看本人的封存：只有承诺值"""
    actor = current_actor()
    found = page(queries.deposits_by(actor.id or UUID(int=0)), DrawDeposit.id, **query)
    numbers = queries.numbers_of({one.draw_id for one in found.items if one.draw_id})
    items = [_deposit(one, numbers.get(one.draw_id)) for one in found.items]
    return Page(items, found.next_cursor)


@deposits.route("", methods=["POST"])
@requires(*seeding.DEPOSIT_ROLES)
@deposits.creates
@deposits.arguments(NewStandingDepositSchema)
@deposits.response(201, DrawDepositSchema)
def make_standing_deposit(data: dict[str, Any]) -> dict[str, Any]:
    """为以后的封存式抽取预先封存随机数，每份只用一次"""
    with transaction():
        made = seeding.deposit(
            None,
            _value(data),
            agency=_agency(),
            by=current_actor(),
            at=clock.now(),
            hash_name=data["hash"],
        )
    return _deposit(made, None)


# ---- small things --------------------------------------------------------------------------------


def _agency() -> Agency:
    return people.get_agency(current_agency_id())


def _value(data: dict[str, Any]) -> bytes:
    """Return what the person deposits; what the server draws for them is shown to nobody."""
    given = data["value"]
    return secrets.token_bytes(32) if given is None else bytes.fromhex(given)


def _deposit(one: DrawDeposit, draw_no: str | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "draw_no": draw_no,
        "number": one.number,
        "role": one.role,
        "hash": one.hash,
        "commitment": one.commitment,
        "deposited_at": one.deposited_at,
    }
