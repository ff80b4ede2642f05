"""Devices over HTTP: for tablets, for their supervisors, and discovery for anyone."""

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import flask

from app import canonical, clock, entry
from app.access import (
    Actor,
    ActorKind,
    Role,
    anyone,
    current_actor,
    requires,
    requires_device,
    set_loader,
)
from app.db import db, transaction
from app.journal import service as journal
from app.people import accounts
from app.people.api import per_address
from app.people.models import Account
from app.people.queries import find_account_by_login
from app.problems import Blueprint, NotSignedIn, Page, PageSchema, page
from sync import operations, wire
from sync.devices import keeping, pins, queries, service
from sync.devices.models import Device
from sync.devices.rules import DeviceState
from sync.devices.schemas import (
    ChallengeRequestSchema,
    ChallengeSchema,
    DeviceCodeSchema,
    DeviceReasonSchema,
    DeviceSchema,
    DeviceSessionSchema,
    DeviceSignInSchema,
    DeviceTokenRequestSchema,
    DeviceTokensSchema,
    DiscoverySchema,
    EnrolledSchema,
    MissingSchema,
    MyDeviceSchema,
    NewDeviceCodeSchema,
    NewDeviceSchema,
    NewPinSchema,
    WipedSchema,
)
from sync.devices.service import (
    Known,
    Lives,
    Missing,
    NewDevice,
    TokenRequest,
    Tokens,
    TokenUnknown,
)

blp = Blueprint("sync-devices", __name__, description="终端：登记、登录、令牌")
desk = Blueprint("devices", __name__, url_prefix="/devices", description="终端管理")
codes = Blueprint("device-codes", __name__, url_prefix="/device-codes", description="终端登记码")
discovery = Blueprint("discovery", __name__, url_prefix="/.well-known", description="同步协议发现")
wire.attach(blp)


def init_app(flask_app: flask.Flask) -> None:
    """Register what lies outside the protocol's prefix, and who a device is."""
    api = flask_app.extensions["suicha_api"]
    api.register_blueprint(discovery)
    for found in (desk, codes):
        api.register_blueprint(found, url_prefix=f"/api/v1{found.url_prefix}")
    set_loader(flask_app, ActorKind.DEVICE, load_device)


def load_device() -> Actor:
    """Return the device that calls, by its access token."""
    environ = flask.request.environ
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn("请在 Authorization 请求头中给出终端的访问令牌。")
    at, path = clock.now(), flask.request.path
    bearer = service.device_of_token(token.strip(), path, build=wire.build_told(), at=at)
    flask.g.sync_epoch, flask.g.sync_alert = bearer.epoch, bearer.alert
    flask.g.sync_officers = bearer.officers
    service.refuse_ended(bearer.alert, path, at=at)
    return bearer.actor


def officers_in_session() -> frozenset[UUID]:
    """Return the officers in session on the tablet that calls, as its token was checked."""
    return cast(frozenset[UUID], flask.g.sync_officers)


def _lives() -> Lives:
    settings = entry.config()
    return Lives(
        access=timedelta(seconds=settings.number("ACCESS_TOKEN_S")),
        refresh=timedelta(days=settings.number("REFRESH_TOKEN_DAYS")),
        session=timedelta(days=settings.number("OFFICER_SESSION_DAYS")),
    )


@discovery.route("/suicha")
@anyone
@discovery.response(200, DiscoverySchema)
def discover() -> dict[str, Any]:
    """同步协议的版本、限额与公钥"""
    found, at = journal.installation(), clock.now()
    builds = service.builds_on(at)
    return wire.discovery(
        entry.keys(),
        epoch=found.epoch,
        since=found.created_at,
        min_build=builds.minimum,
        recommended_build=builds.recommended,
        at=at,
    )


@blp.route("/devices", methods=["POST"])
@anyone
@per_address
@blp.arguments(NewDeviceSchema)
@blp.response(201, EnrolledSchema)
@blp.refuses(401, 403, 429)
def enrol(data: dict[str, Any]) -> dict[str, Any]:
    """登记终端"""
    at = clock.now()
    account_id = _checked(data, at)
    with transaction():
        device, session, tokens = service.enrol(
            db.session.get_one(Account, account_id),
            data["code"],
            NewDevice(
                alg=data["alg"],
                key=_key(data["key"]),
                model=data["model"],
                os=data["os"],
                build=data["build"],
            ),
            lives=_lives(),
            at=at,
        )
        epoch = journal.epoch()
    keeping.keep(entry.storage(), device.id)
    return {"device_id": device.id, "epoch": epoch, "session": session, "tokens": tokens}


def _checked(data: dict[str, Any], at: datetime) -> UUID:
    """Return the account whose login and password these are; an entry of its own."""
    return accounts.check_password(data["login"], data["password"], at=at).id


def _key(text: str) -> bytes:
    try:
        return operations.decode_b64(text)
    except ValueError as error:
        raise service.DeviceKeyUnusable("公钥应以 base64url 写成，末尾不补等号。") from error


@blp.route("/sessions", methods=["POST"])
@requires_device
@per_address
@blp.arguments(DeviceSignInSchema)
@blp.response(201, DeviceSessionSchema)
@blp.refuses(429)
def sign_in(data: dict[str, Any]) -> Any:
    """监督员在终端上登录"""
    at = clock.now()
    device_id = _me()
    account_id = _checked(data, at)
    with transaction():
        device = service.get_device(device_id, current_actor().agency_id)
        account = db.session.get_one(Account, account_id)
        session = service.open_session(device, account, lives=_lives(), at=at)
    keeping.keep(entry.storage(), device_id)
    return session


@blp.route("/pins", methods=["POST"])
@requires_device
@per_address
@blp.arguments(NewPinSchema)
@blp.response(204)
@blp.refuses(429)
def set_pin(data: dict[str, Any]) -> None:
    """设置协办确认用的 PIN

    只传送 PBKDF2-SHA-256 校验值，PIN 本身不离开终端；
    校验值下发到有共同任务的同事的终端，供离线确认。
    """
    at = clock.now()
    device_id = _me()
    account_id = _checked(data, at)
    verifier = pins.Verifier(data["salt"], data["iterations"], data["verifier"])
    with transaction():
        device = service.get_device(device_id, current_actor().agency_id)
        pins.set_pin(device, db.session.get_one(Account, account_id), verifier, at=at)


def _me() -> UUID:
    device_id = current_actor().device_id
    if device_id is None:
        raise NotSignedIn("请在 Authorization 请求头中给出终端的访问令牌。")
    return device_id


@blp.route("/challenge", methods=["POST"])
@anyone
@blp.arguments(ChallengeRequestSchema)
@blp.response(200, ChallengeSchema)
def challenge(data: dict[str, Any]) -> dict[str, Any]:
    """获取待签名的质询"""
    text, until = service.make_challenge(
        data["device_id"], secret=entry.keys().secret_key, at=clock.now()
    )
    return {"challenge": text, "until": until}


@blp.route("/tokens", methods=["POST"])
@anyone
@blp.arguments(DeviceTokenRequestSchema)
@blp.response(200, DeviceTokensSchema)
@blp.refuses(401)
def renew(data: dict[str, Any]) -> Tokens:
    """换取新的终端令牌"""
    given = flask.request.get_json()
    request = TokenRequest(
        device_id=data["device_id"],
        refresh=data["refresh"],
        challenge=data["challenge"],
        digest=canonical.digest(canonical.dumps({k: v for k, v in given.items() if k != "sig"})),
        sig=data["sig"],
    )
    with transaction():
        tokens = service.renew_tokens(
            request, lives=_lives(), secret=entry.keys().secret_key, at=clock.now()
        )
    if tokens is None:
        raise TokenUnknown("刷新令牌已被用过，本终端的令牌已全部作废；请用终端密钥重新获取。")
    return tokens


@blp.route("/devices/me")
@requires_device
@blp.response(200, MyDeviceSchema)
def show_me() -> dict[str, Any]:
    """本终端的状态"""
    device_id = _me()
    device = service.get_device(device_id, current_actor().agency_id)
    chain = queries.chain_of(device_id)
    return {
        "device_id": device.id,
        "state": device.state,
        "sessions": queries.open_sessions(device_id, clock.now()),
        "device_seq": chain.device_seq,
        "op_hash": chain.op_hash,
        "receipt_seq": chain.receipt_seq,
    }


@blp.route("/devices/me/wiped", methods=["POST"])
@requires_device
@blp.arguments(WipedSchema)
@blp.response(204)
def wiped(data: dict[str, Any]) -> None:
    """终端已清除"""
    with transaction():
        service.note_wiped(_me(), data["unsent"], by=current_actor(), at=clock.now())


@codes.route("", methods=["POST"])
@requires(Role.SUPERVISOR, Role.ADMINISTRATOR)
@codes.creates
@codes.arguments(NewDeviceCodeSchema)
@codes.response(201, DeviceCodeSchema)
def issue_code(data: dict[str, Any]) -> dict[str, Any]:
    """签发终端登记码"""
    by = current_actor()
    with transaction():
        account = _account(data["login"], by)
        code, expires_at = service.issue_code(account, by=by, at=clock.now())
    return {"code": code, "login": data["login"], "expires_at": expires_at}


def _account(login: str, by: Actor) -> Account:
    account = find_account_by_login(login.lower())
    if account is None or account.agency_id != by.agency_id:
        raise accounts.AccountNotFound("本单位没有这个账号。")
    return account


@desk.route("")
@requires(Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR)
@desk.arguments(PageSchema, location="query")
@desk.paged(DeviceSchema)
def list_devices(query: dict[str, Any]) -> Page[Known]:
    """本单位终端"""
    agency_id = current_actor().agency_id
    if agency_id is None:
        return Page([], None)
    found = page(queries.devices_of(agency_id), Device.id, **query)
    return Page(service.known_devices(found.items, at=clock.now()), found.next_cursor)


@desk.route("/<uuid:device_id>")
@requires(Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR)
@desk.etag
@desk.response(200, DeviceSchema)
def show_device(device_id: UUID) -> Known:
    """查看终端"""
    device = service.get_device(device_id, current_actor().agency_id)
    desk.set_etag(device.version)
    return _known(device)


def _known(device: Device) -> Known:
    return service.known_devices([device], at=clock.now())[0]


@desk.route("/<uuid:device_id>/missing")
@requires(Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR)
@desk.response(200, MissingSchema)
def show_missing(device_id: UUID) -> Missing:
    """终端尚未送达的内容

    缺失的操作序号、终端最近报告的未上报数量、已登记而未收到的照片；清除前后都可查看。
    """
    return service.missing_of(service.get_device(device_id, current_actor().agency_id))


@desk.route("/<uuid:device_id>/suspend", methods=["POST"])
@requires(Role.SUPERVISOR)
@desk.etag
@desk.arguments(DeviceReasonSchema)
@desk.response(200, DeviceSchema)
def suspend(data: dict[str, Any], device_id: UUID) -> Known:
    """停用终端"""
    return _change(device_id, DeviceState.SUSPENDED, data["reason"])


@desk.route("/<uuid:device_id>/request-wipe", methods=["POST"])
@requires(Role.SUPERVISOR)
@desk.etag
@desk.arguments(DeviceReasonSchema)
@desk.response(200, DeviceSchema)
def request_wipe(data: dict[str, Any], device_id: UUID) -> Known:
    """要求终端清除数据"""
    return _change(device_id, DeviceState.WIPE_REQUESTED, data["reason"])


@desk.route("/<uuid:device_id>/reinstate", methods=["POST"])
@requires(Role.ADMINISTRATOR)
@desk.etag
@desk.arguments(DeviceReasonSchema)
@desk.response(200, DeviceSchema)
def reinstate(data: dict[str, Any], device_id: UUID) -> Known:
    """恢复终端"""
    return _change(device_id, DeviceState.ACTIVE, data["reason"])


@desk.route("/<uuid:device_id>/close", methods=["POST"])
@requires(Role.ADMINISTRATOR)
@desk.etag
@desk.arguments(DeviceReasonSchema)
@desk.response(200, DeviceSchema)
def close(data: dict[str, Any], device_id: UUID) -> Known:
    """注销终端"""
    return _change(device_id, DeviceState.CLOSED, data["reason"])


@desk.route("/<uuid:device_id>/report-lost", methods=["POST"])
@requires(Role.OFFICER)
@desk.arguments(DeviceReasonSchema)
@desk.response(200, DeviceSchema)
def report_lost(data: dict[str, Any], device_id: UUID) -> Known:
    """监督员报告终端遗失"""
    with transaction():
        device = service.report_lost(device_id, data["reason"], by=current_actor(), at=clock.now())
    keeping.keep_quietly(entry.storage(), device_id)
    return _known(device)


def _change(device_id: UUID, wanted: DeviceState, reason: str) -> Known:
    by = current_actor()
    with transaction():
        desk.check_version(_known(service.get_device(device_id, by.agency_id)), DeviceSchema)
        device = service.change_state(device_id, wanted, reason, by=by, at=clock.now())
    keeping.keep_quietly(entry.storage(), device_id)
    desk.set_etag(device.version)
    return _known(device)
