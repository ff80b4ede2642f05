"""People over HTTP: sign in, own account and tokens, accounts, agencies, officers."""

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import flask
import sqlalchemy as sa

from app import access, clock, entry, problems
from app.access import ActorKind, Role, anyone, current_actor, requires
from app.attempts import Attempts
from app.days import local_date
from app.db import db, transaction
from app.errors import Forbidden
from app.people import accounts, partner_api, queries, service
from app.people.models import Absence, Account, AccountToken, Agency, Officer, Recusal
from app.people.rules import NewOfficer, TokenKind
from app.people.schemas import (
    AbsenceSchema,
    AccountChangesSchema,
    AccountSchema,
    AgencyChangesSchema,
    AgencySchema,
    MadeTokenSchema,
    MeSchema,
    NewAbsenceSchema,
    NewAccountSchema,
    NewOfficerSchema,
    NewRecusalSchema,
    NewTokenSchema,
    OfficerChangesSchema,
    OfficerQuerySchema,
    OfficerSchema,
    OwnPasswordSchema,
    PasswordSchema,
    RecusalSchema,
    SessionSchema,
    SignInSchema,
    TokenSchema,
)
from app.problems import Blueprint, Page, PageSchema, page

sessions = Blueprint("sessions", __name__, url_prefix="/sessions", description="登录")
me = Blueprint("me", __name__, url_prefix="/me", description="本人")
tokens = Blueprint("tokens", __name__, url_prefix="/tokens", description="API 令牌")
accounts_blp = Blueprint("accounts", __name__, url_prefix="/accounts", description="账号")
agencies = Blueprint("agencies", __name__, url_prefix="/agencies", description="监督机构")
officers = Blueprint("officers", __name__, url_prefix="/officers", description="监督员")
BLUEPRINTS = (sessions, me, tokens, accounts_blp, agencies, officers, partner_api.blp)


class SignInTooOften(problems.TooManyRequests):
    code, title = "sign-in-too-often", "登录过于频繁"


class SessionRequired(Forbidden):
    code, title = "session-required", "需要登录会话"


class NotYourself(Forbidden):
    code, title = "not-yourself", "只能为本人申报"


def init_app(flask_app: flask.Flask) -> None:
    """Hand over who signed-in users are, and count sign-ins by address on this machine."""
    access.set_loader(flask_app, ActorKind.USER, _load_user)
    config = flask_app.extensions["suicha_config"]
    flask_app.extensions["suicha_attempts"] = Attempts(
        config.data_dir / "sign-ins", flask_app.extensions["suicha_keys"].secret_key
    )


def _load_user() -> access.Actor:
    scheme, _, token = flask.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise problems.NotSignedIn("请先登录。")
    flask.g.bearer = accounts.read_bearer(token.strip(), at=clock.now())
    return cast(accounts.Bearer, flask.g.bearer).actor


def per_address(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let an address call a sign-in view SIGN_IN_PER_MINUTE times a minute, on this machine."""

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        attempts: Attempts = flask.current_app.extensions["suicha_attempts"]
        seconds = int(clock.now().timestamp())
        who = f"{flask.request.endpoint} {flask.request.remote_addr}"
        if attempts.count(who, seconds // 60) > entry.config().number("SIGN_IN_PER_MINUTE"):
            raise SignInTooOften(
                "登录过于频繁，请一分钟后再试。", headers={"Retry-After": str(60 - seconds % 60)}
            )
        return view(*args, **kwargs)

    return wrapper


# --- sessions --------------------------------------------------------------------------------


@sessions.route("", methods=["POST"])
@anyone
@per_address
@sessions.arguments(SignInSchema)
@sessions.response(201, SessionSchema)
@sessions.refuses(401, 429)
def open_session(data: dict[str, Any]) -> dict[str, Any]:
    """登录

    连续输错密码五次，账号锁定十五分钟。
    """
    at = clock.now()
    account = accounts.check_password(data["login"], data["password"], at=at)
    lasting = timedelta(hours=entry.config().number("SESSION_HOURS"))
    with transaction():
        token, row = accounts.sign_in(account, lasting=lasting, at=at)
    return {"token": token, "expires_at": row.expires_at, "account": account}


@sessions.route("/current", methods=["DELETE"])
@requires(*Role)
@sessions.response(204)
def close_session() -> None:
    """退出登录"""
    with transaction():
        accounts.revoke_token(flask.g.bearer.token_id, by=current_actor(), at=clock.now())


# --- one's own account -----------------------------------------------------------------------


def _own_account() -> Account:
    return db.session.get_one(Account, current_actor().id)


@me.route("")
@requires(*Role)
@me.response(200, MeSchema)
def show_me() -> dict[str, Any]:
    """查看本人账号"""
    account = _own_account()
    return {
        "account": account,
        "agency": service.get_agency(account.agency_id),
        "officer": account.officer_id and db.session.get_one(Officer, account.officer_id),
        "roles": sorted(current_actor().roles),
    }


@me.route("/password", methods=["POST"])
@requires(*Role)
@per_address
@me.arguments(OwnPasswordSchema)
@me.response(204)
@me.refuses(429)
def change_own_password(data: dict[str, Any]) -> None:
    """修改本人密码

    所有登录会话和令牌随即失效。
    """
    at = clock.now()
    accounts.check_password(_own_account().login, data["password"], at=at)
    with transaction():
        accounts.change_password(_own_account(), data["new_password"], by=current_actor(), at=at)


# --- API tokens ------------------------------------------------------------------------------


def require_session() -> None:
    """Refuse a caller with an API token: no token makes another secret. Raises SessionRequired."""
    if cast(accounts.Bearer, flask.g.bearer).kind is not TokenKind.SESSION:
        raise SessionRequired("令牌不能再生成令牌，请登录后操作。")


@tokens.route("")
@requires(*Role)
@tokens.arguments(PageSchema, location="query")
@tokens.paged(TokenSchema)
def list_tokens(page_args: dict[str, Any]) -> Page[AccountToken]:
    """列出本人的 API 令牌"""
    own = queries.tokens_of(_own_account().id).where(AccountToken.kind == TokenKind.API)
    return page(own, AccountToken.id, **page_args)


@tokens.route("", methods=["POST"])
@requires(*Role)
@tokens.arguments(NewTokenSchema)
@tokens.response(201, MadeTokenSchema)
def make_token(data: dict[str, Any]) -> dict[str, Any]:
    """新建 API 令牌

    令牌只显示这一次。须以登录会话操作，令牌不能再生成令牌。
    """
    # no Idempotency-Key: the kept answer would hold the token, which exists here as a hash only
    require_session()
    with transaction():
        token, row = accounts.issue_token(
            data["name"],
            data["roles"],
            expires_at=data["expires_at"],
            by=current_actor(),
            at=clock.now(),
        )
    return {"token": token, **{name: getattr(row, name) for name in TokenSchema().fields}}


@tokens.route("/<uuid:token_id>", methods=["DELETE"])
@requires(*Role)
@tokens.response(204)
def revoke_token(token_id: UUID) -> None:
    """作废本人的 API 令牌"""
    with transaction():
        accounts.revoke_token(token_id, by=current_actor(), at=clock.now())


# --- accounts --------------------------------------------------------------------------------


@accounts_blp.route("")
@requires(Role.ADMINISTRATOR)
@accounts_blp.arguments(PageSchema, location="query")
@accounts_blp.paged(AccountSchema)
def list_accounts(page_args: dict[str, Any]) -> Page[Account]:
    """列出本机构的账号"""
    return page(queries.accounts_in(_agency_id()), Account.id, **page_args)


@accounts_blp.route("", methods=["POST"])
@requires(Role.ADMINISTRATOR)
@accounts_blp.creates
@accounts_blp.arguments(NewAccountSchema)
@accounts_blp.response(201, AccountSchema)
def create_account(data: dict[str, Any]) -> Account:
    """新建账号"""
    with transaction():
        return accounts.create_account(
            **data, agency=service.get_agency(_agency_id()), by=current_actor(), at=clock.now()
        )


@accounts_blp.route("/<uuid:account_id>")
@requires(Role.ADMINISTRATOR)
@accounts_blp.etag
@accounts_blp.response(200, AccountSchema)
def show_account(account_id: UUID) -> Account:
    """查看账号"""
    account = accounts.get_account(account_id, _agency_id())
    accounts_blp.set_etag(account.version)
    return account


@accounts_blp.route("/<uuid:account_id>", methods=["PATCH"])
@requires(Role.ADMINISTRATOR)
@accounts_blp.etag
@accounts_blp.arguments(AccountChangesSchema)
@accounts_blp.response(200, AccountSchema)
def change_account(data: dict[str, Any], account_id: UUID) -> Account:
    """修改账号"""
    with transaction():
        account = accounts.get_account(account_id, _agency_id())
        accounts_blp.check_version(account, AccountSchema)
        accounts.change_account(account, data, by=current_actor(), at=clock.now())
    accounts_blp.set_etag(account.version)
    return account


@accounts_blp.route("/<uuid:account_id>/suspend", methods=["POST"])
@requires(Role.ADMINISTRATOR)
@accounts_blp.response(200, AccountSchema)
def suspend_account(account_id: UUID) -> Account:
    """停用账号

    其登录会话和令牌随即失效。
    """
    with transaction():
        account = accounts.get_account(account_id, _agency_id())
        return accounts.suspend_account(account, by=current_actor(), at=clock.now())


@accounts_blp.route("/<uuid:account_id>/reinstate", methods=["POST"])
@requires(Role.ADMINISTRATOR)
@accounts_blp.response(200, AccountSchema)
def reinstate_account(account_id: UUID) -> Account:
    """恢复账号"""
    with transaction():
        account = accounts.get_account(account_id, _agency_id())
        return accounts.reinstate_account(account, by=current_actor(), at=clock.now())


@accounts_blp.route("/<uuid:account_id>/reset-password", methods=["POST"])
@requires(Role.ADMINISTRATOR)
@accounts_blp.response(200, PasswordSchema)
def reset_password(account_id: UUID) -> dict[str, str]:
    """重置密码

    新密码由系统生成，只显示这一次；原有登录会话和令牌随即失效。
    """
    password = accounts.make_password()
    with transaction():
        account = accounts.get_account(account_id, _agency_id())
        accounts.change_password(account, password, by=current_actor(), at=clock.now())
    return {"password": password}


# --- agencies --------------------------------------------------------------------------------


@agencies.route("")
@requires(*Role)
@agencies.arguments(PageSchema, location="query")
@agencies.paged(AgencySchema)
def list_agencies(page_args: dict[str, Any]) -> Page[Agency]:
    """列出所属的监督机构"""
    return page(sa.select(Agency).where(Agency.id == _agency_id()), Agency.id, **page_args)


@agencies.route("/<uuid:agency_id>")
@requires(*Role)
@agencies.etag
@agencies.response(200, AgencySchema)
def show_agency(agency_id: UUID) -> Agency:
    """查看监督机构"""
    agency = _own_agency(agency_id)
    agencies.set_etag(agency.version)
    return agency


@agencies.route("/<uuid:agency_id>", methods=["PATCH"])
@requires(Role.ADMINISTRATOR)
@agencies.etag
@agencies.arguments(AgencyChangesSchema)
@agencies.response(200, AgencySchema)
def change_agency(data: dict[str, Any], agency_id: UUID) -> Agency:
    """修改监督机构的名称和统一社会信用代码

    双公示清单中处罚机关和数据来源单位的代码由此填写。
    """
    with transaction():
        agency = _own_agency(agency_id)
        agencies.check_version(agency, AgencySchema)
        service.change_agency(agency, data, by=current_actor(), at=clock.now())
    agencies.set_etag(agency.version)
    return agency


def _own_agency(agency_id: UUID) -> Agency:
    if agency_id != _agency_id():
        raise service.AgencyNotFound("监督机构不存在。")
    return service.get_agency(agency_id)


def _agency_id() -> UUID:
    return cast(UUID, current_actor().agency_id)


# --- officers --------------------------------------------------------------------------------


@officers.route("")
@requires(Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR)
@officers.arguments(OfficerQuerySchema, location="query")
@officers.paged(OfficerSchema)
def list_officers(query: dict[str, Any]) -> Page[Officer]:
    """列出本机构的监督员"""
    state = query.pop("state")
    return page(queries.officers_in(_agency_id(), state), Officer.id, **query)


@officers.route("", methods=["POST"])
@requires(Role.SUPERVISOR, Role.ADMINISTRATOR)
@officers.creates
@officers.arguments(NewOfficerSchema)
@officers.response(201, OfficerSchema)
def register_officer(data: dict[str, Any]) -> Officer:
    """登记监督员"""
    with transaction():
        agency = service.get_agency(_agency_id())
        return service.register_officer(
            NewOfficer(**data), agency=agency, by=current_actor(), at=clock.now()
        )


@officers.route("/<uuid:officer_id>")
@requires(Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR)
@officers.etag
@officers.response(200, OfficerSchema)
def show_officer(officer_id: UUID) -> Officer:
    """查看监督员"""
    officer = service.get_officer(officer_id, _agency_id())
    officers.set_etag(officer.version)
    return officer


@officers.route("/<uuid:officer_id>", methods=["PATCH"])
@requires(Role.SUPERVISOR, Role.ADMINISTRATOR)
@officers.etag
@officers.arguments(OfficerChangesSchema)
@officers.response(200, OfficerSchema)
def change_officer(data: dict[str, Any], officer_id: UUID) -> Officer:
    """修改监督员信息"""
    with transaction():
        officer = service.get_officer(officer_id, _agency_id())
        officers.check_version(officer, OfficerSchema)
        service.change_officer(officer, data, by=current_actor(), at=clock.now())
    officers.set_etag(officer.version)
    return officer


@officers.route("/<uuid:officer_id>/recusals")
@requires(Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR)
@officers.arguments(PageSchema, location="query")
@officers.paged(RecusalSchema)
def list_recusals(page_args: dict[str, Any], officer_id: UUID) -> Page[Recusal]:
    """列出监督员的回避"""
    officer = _reachable(officer_id, Role.SUPERVISOR, Role.AUDITOR)
    return page(sa.select(Recusal).where(Recusal.officer_id == officer.id), Recusal.id, **page_args)


@officers.route("/<uuid:officer_id>/recusals", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR)
@officers.creates
@officers.arguments(NewRecusalSchema)
@officers.response(201, RecusalSchema)
def declare_recusal(data: dict[str, Any], officer_id: UUID) -> Recusal:
    """申报回避

    随时可以申报，不会被拒绝。
    """
    at = clock.now()
    data["effective_from"] = data["effective_from"] or local_date(at)
    with transaction():
        officer = _reachable(officer_id, Role.SUPERVISOR)
        return service.declare_recusal(officer, **data, by=current_actor(), at=at)


@officers.route("/<uuid:officer_id>/absences")
@requires(Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR)
@officers.arguments(PageSchema, location="query")
@officers.paged(AbsenceSchema)
def list_absences(page_args: dict[str, Any], officer_id: UUID) -> Page[Absence]:
    """列出监督员的缺勤"""
    officer = _reachable(officer_id, Role.SUPERVISOR, Role.AUDITOR)
    return page(sa.select(Absence).where(Absence.officer_id == officer.id), Absence.id, **page_args)


@officers.route("/<uuid:officer_id>/absences", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR)
@officers.creates
@officers.arguments(NewAbsenceSchema)
@officers.response(201, AbsenceSchema)
def declare_absence(data: dict[str, Any], officer_id: UUID) -> Absence:
    """申报缺勤"""
    with transaction():
        officer = _reachable(officer_id, Role.SUPERVISOR)
        return service.declare_absence(
            officer,
            data["reason_code"],
            from_on=data["from_on"],
            until_on=data["until_on"],
            by=current_actor(),
            at=clock.now(),
        )


def _reachable(officer_id: UUID, *roles: Role) -> Officer:
    """Return an officer of one's agency: oneself, or anybody for those who have one of `roles`."""
    actor = current_actor()
    officer = service.get_officer(officer_id, _agency_id())
    if actor.officer_id != officer.id and not actor.has(*roles):
        raise NotYourself("监督员只能查看和申报本人的回避和缺勤。")
    return officer
