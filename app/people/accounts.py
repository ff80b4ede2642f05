"""Accounts and their tokens: who signs in, with what, and what the server knows them by."""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy.exc import IntegrityError

from app import entry
from app.access import PUBLIC, Actor, ActorKind, Role
from app.db import db, savepoint, set_changed, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import queries, rules
from app.people.models import Account, AccountToken, Agency, Officer
from app.people.rules import AccountState, TokenKind
from app.problems import NotSignedIn, TooManyRequests

_TOKEN_PREFIX = {TokenKind.SESSION: "sus_", TokenKind.API: "sua_"}


class SignInRefused(NotSignedIn):
    code, title = "sign-in-refused", "登录失败"


class AccountLocked(TooManyRequests):
    code, title = "account-locked", "账号暂时锁定"


class LoginTaken(Conflict):
    code, title = "login-taken", "登录名已被使用"


class OfficerHasAccount(Conflict):
    code, title = "officer-has-account", "该监督员已有账号"


class OfficerMissing(Invalid):
    code, title = "officer-missing", "账号没有关联监督员"


class PasswordUnfit(Invalid):
    code, title = "password-unfit", "密码不符合要求"


class OwnAccount(Forbidden):
    code, title = "own-account", "不能对本人账号进行此操作"


class RolesNotOwn(Forbidden):
    code, title = "roles-not-own", "不能授予本人没有的角色"


class ExpiryUnfit(Invalid):
    code, title = "expiry-unfit", "有效期不符合要求"


class AccountNotFound(NotFound):
    code, title = "account-not-found", "账号不存在"


class TokenNotFound(NotFound):
    code, title = "token-not-found", "令牌不存在"


# --- passwords -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Compared:
    """What a comparison of passwords found, before anything was decided or counted."""

    account_id: UUID | None
    matches: bool
    new_hash: str | None


def check_password(login: str, password: str, *, at: datetime) -> Account:
    """Return the active account of a login and its password.

    An entry of its own, not to be called inside `transaction()`: a failure is counted and kept
    although it is refused, and hashing is too slow for a write. After `rules.FAILURES_ALLOWED`
    wrong passwords in a row the account is locked for `rules.LOCKED_FOR`, whatever is then sent,
    also by guesses that run at once. An unknown login costs the same hash. Raises SignInRefused and
    AccountLocked.
    """
    compared = _compare(login, password)
    if compared.account_id is None:
        raise _refused()
    with transaction():
        account, failure = _settle(compared, at=at)
    if failure is not None:
        raise failure
    return account


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    return _hasher(entry.config().number("ARGON2_MEMORY_KIB")).hash(password)


def _compare(login: str, password: str) -> _Compared:
    hasher = _hasher(entry.config().number("ARGON2_MEMORY_KIB"))
    account = queries.find_account_by_login(login)
    stored = _nobody(hasher) if account is None else account.password_hash
    try:
        hasher.verify(stored, password)
    except VerifyMismatchError:
        return _Compared(None if account is None else account.id, matches=False, new_hash=None)
    if account is None:
        return _Compared(None, matches=False, new_hash=None)
    outdated = hasher.check_needs_rehash(stored)
    return _Compared(account.id, matches=True, new_hash=hasher.hash(password) if outdated else None)


def _settle(
    compared: _Compared, *, at: datetime
) -> tuple[Account, SignInRefused | AccountLocked | None]:
    """Count an attempt under the account's lock and return what it comes to."""
    account = queries.lock_account(compared.account_id or UUID(int=0))
    attempts = rules.Attempts(account.failed_count, account.locked_until)
    if attempts.locked_at(at):
        return account, _locked(attempts, at)
    if not compared.matches:
        attempts = attempts.after_failure(at)
        _count(account, attempts)
        if attempts.locked_at(at):
            journal.record(Event.ACCOUNT_LOCKED, account, by=PUBLIC, at=at)
            return account, _locked(attempts, at)
        return account, _refused()
    if account.failed_count or account.locked_until:
        _count(account, rules.NO_ATTEMPTS)
    if account.state != AccountState.ACTIVE:
        return account, SignInRefused("账号已停用，请联系管理员。")
    if compared.new_hash:
        _write(account, password_hash=compared.new_hash)
    return account, None


def _count(account: Account, attempts: rules.Attempts) -> None:
    _write(account, failed_count=attempts.failed, locked_until=attempts.locked_until)


def _write(account: Account, **values: Any) -> None:
    """Change what is no content of the account: its version stays, nobody's edit is overtaken."""
    db.session.execute(
        sa.update(Account)
        .where(Account.id == account.id)
        .values(**values)
        .execution_options(synchronize_session="evaluate")
    )


def _refused() -> SignInRefused:
    return SignInRefused("登录名或密码不正确，请重试。")


def _locked(attempts: rules.Attempts, at: datetime) -> AccountLocked:
    until = attempts.locked_until or at
    seconds = max(1, -((at - until) // timedelta(seconds=1)))
    return AccountLocked(
        "密码连续输错次数过多，账号暂时锁定，请稍后再试。",
        headers={"Retry-After": str(seconds)},
        retry_after_s=seconds,
    )


@cache
def _hasher(memory_kib: int) -> PasswordHasher:
    return PasswordHasher(time_cost=3, memory_cost=memory_kib, parallelism=1)


@cache
def _nobody(hasher: PasswordHasher) -> str:
    """Return the hash that an unknown login is compared with: it costs what a real one costs."""
    return hasher.hash(secrets.token_urlsafe(32))


def _check_fitness(login: str, password: str) -> None:
    if not rules.PASSWORD_MIN <= len(password) <= rules.PASSWORD_MAX or password.lower() == login:
        raise PasswordUnfit(
            f"密码应为 {rules.PASSWORD_MIN} 到 {rules.PASSWORD_MAX} 个字符，且不能与登录名相同。"
        )


def make_password() -> str:
    """Return a password that nobody can guess, to be shown once."""
    return secrets.token_urlsafe(12)


# --- accounts --------------------------------------------------------------------------------


def create_account(
    login: str,
    password: str,
    name: str,
    roles: Collection[Role],
    *,
    agency: Agency,
    by: Actor,
    at: datetime,
    officer_id: UUID | None = None,
) -> Account:
    """Add an account to an agency; the login is kept in lower case.

    Raises LoginTaken, PasswordUnfit, OfficerMissing (the role officer without an officer),
    OfficerNotFound and OfficerHasAccount.
    """
    login = login.lower()
    _check_fitness(login, password)
    _check_officer(roles, officer_id, agency_id=agency.id)
    account = Account(
        agency_id=agency.id,
        district=agency.district,
        login=login,
        name=name,
        password_hash=hash_password(password),
        roles=_sorted(roles),
        officer_id=officer_id,
    )
    try:
        with savepoint():
            db.session.add(account)
    except IntegrityError as error:
        if queries.find_account_by_login(login):
            raise LoginTaken("这个登录名已被使用，请换一个。") from error
        raise _has_account() from error
    journal.record(Event.ACCOUNT_CREATED, account, by=by, at=at, data={"roles": _sorted(roles)})
    return account


def get_account(account_id: UUID, agency_id: UUID | None) -> Account:
    """Return an account of an agency. Raises AccountNotFound, also for another agency's."""
    found = db.session.get(Account, account_id)
    if found is None or found.agency_id != agency_id:
        raise AccountNotFound("账号不存在。")
    return found


def change_account(
    account: Account, changes: Mapping[str, Any], *, by: Actor, at: datetime
) -> Account:
    """Change `name`, `roles`, `officer_id` of an account; roles taken away are gone at once.

    Raises OwnAccount when administrators would take away their own role, OfficerMissing,
    OfficerNotFound and OfficerHasAccount.
    """
    roles = changes.get("roles", account.roles)
    officer_id = changes.get("officer_id", account.officer_id)
    if account.id == by.id and Role.ADMINISTRATOR not in roles:
        raise OwnAccount("不能取消本人的管理员角色，请由另一位管理员操作。")
    if officer_id != account.officer_id or roles != account.roles:
        _check_officer(roles, officer_id, agency_id=account.agency_id, account=account)
    wanted = {"name": changes.get("name", account.name), "roles": _sorted(roles)}
    try:
        with savepoint():
            changed = set_changed(account, {**wanted, "officer_id": officer_id})
    except IntegrityError as error:
        raise _has_account() from error
    if changed:
        data = {"fields": changed, "roles": account.roles}
        journal.record(Event.ACCOUNT_CHANGED, account, by=by, at=at, data=data)
    return account


def change_password(account: Account, password: str, *, by: Actor, at: datetime) -> Account:
    """Set a password; every session and API token of the account ends. Raises PasswordUnfit."""
    _check_fitness(account.login, password)
    account.password_hash = hash_password(password)
    _count(account, rules.NO_ATTEMPTS)
    _revoke_all(account, at=at)
    data = {"fields": ["password"]}
    journal.record(Event.ACCOUNT_CHANGED, account, by=by, at=at, data=data)
    return account


def suspend_account(account: Account, *, by: Actor, at: datetime) -> Account:
    """Suspend an account and end its sessions and tokens; again, nothing changes.

    Raises OwnAccount: somebody has to be left who can undo it.
    """
    if account.id == by.id:
        raise OwnAccount("不能停用本人的账号，请由另一位管理员操作。")
    if account.state == AccountState.ACTIVE:
        account.state = AccountState.SUSPENDED
        account.suspended_at, account.suspended_by_kind = at, str(by.kind)
        account.suspended_by_id = by.id
        _revoke_all(account, at=at)
        journal.record(Event.ACCOUNT_SUSPENDED, account, by=by, at=at)
    return account


def reinstate_account(account: Account, *, by: Actor, at: datetime) -> Account:
    """Let a suspended account sign in again; tokens that ended stay ended."""
    if account.state == AccountState.SUSPENDED:
        account.state = AccountState.ACTIVE
        account.suspended_at = account.suspended_by_kind = account.suspended_by_id = None
        data = {"fields": ["state"]}
        journal.record(Event.ACCOUNT_CHANGED, account, by=by, at=at, data=data)
    return account


def actor_of(account: Account, roles: Collection[str] | None = None) -> Actor:
    """Return the actor that an account is, with fewer `roles` where some are given."""
    given = set(account.roles) if roles is None else set(account.roles) & set(roles)
    return Actor(
        ActorKind.USER,
        id=account.id,
        agency_id=account.agency_id,
        district=account.district,
        roles=frozenset(Role(role) for role in given),
        officer_id=account.officer_id,
    )


def _check_officer(
    roles: Collection[str],
    officer_id: UUID | None,
    *,
    agency_id: UUID,
    account: Account | None = None,
) -> None:
    if officer_id is None:
        if Role.OFFICER in roles:
            raise OfficerMissing("监督员角色的账号应关联一名监督员。")
        return
    officer = db.session.get(Officer, officer_id)
    if officer is None or officer.agency_id != agency_id:
        raise OfficerMissing("没有这名监督员，或他不属于本机构。")
    holder = queries.find_account_of_officer(officer_id)
    if holder is not None and holder is not account:
        raise _has_account()


def _has_account() -> OfficerHasAccount:
    return OfficerHasAccount("这名监督员已经有账号，请先解除关联。")


def _sorted(roles: Collection[str]) -> list[str]:
    return sorted({str(role) for role in roles})


# --- tokens ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bearer:
    """Who a bearer token speaks for, and which token it is."""

    actor: Actor
    token_id: UUID
    kind: TokenKind


def sign_in(account: Account, *, lasting: timedelta, at: datetime) -> tuple[str, AccountToken]:
    """Open a session of an account that `check_password` returned; the token is shown once.

    Raises SignInRefused when the account was suspended meanwhile.
    """
    account = queries.lock_account(account.id)
    if account.state != AccountState.ACTIVE:
        raise SignInRefused("账号已停用，请联系管理员。")
    token, row = _issue(
        account, TokenKind.SESSION, "", account.roles, expires_at=at + lasting, at=at
    )
    data = {"token_id": str(row.id)}
    journal.record(Event.ACCOUNT_SIGNED_IN, account, by=actor_of(account), at=at, data=data)
    return token, row


def issue_token(
    name: str, roles: Collection[Role], *, expires_at: datetime, by: Actor, at: datetime
) -> tuple[str, AccountToken]:
    """Make an API token of one's own account with some of one's roles; it is shown once.

    Raises RolesNotOwn (`roles`: those too many) and ExpiryUnfit.
    """
    if missing := set(roles) - by.roles:
        raise RolesNotOwn("令牌的角色应是本人角色的一部分。", roles=_sorted(missing))
    if not at < expires_at <= at + timedelta(days=rules.TOKEN_DAYS_MAX):
        raise ExpiryUnfit(f"有效期应在今后 {rules.TOKEN_DAYS_MAX} 天之内。")
    account = queries.lock_account(_own_id(by))
    token, row = _issue(account, TokenKind.API, name, roles, expires_at=expires_at, at=at)
    data = {"token_id": str(row.id), "roles": row.roles}
    journal.record(Event.TOKEN_ISSUED, account, by=by, at=at, data=data)
    return token, row


def revoke_token(token_id: UUID, *, by: Actor, at: datetime) -> None:
    """End a session or token of one's own account. Raises TokenNotFound."""
    row = db.session.get(AccountToken, token_id)
    if row is None or row.account_id != by.id:
        raise TokenNotFound("令牌不存在。")
    if row.revoked_at is None:
        row.revoked_at = at
        account = db.session.get_one(Account, row.account_id)
        data = {"token_id": str(row.id)}
        journal.record(Event.TOKEN_REVOKED, account, by=by, at=at, data=data)


def read_bearer(token: str, *, at: datetime) -> Bearer:
    """Return whom a bearer token speaks for, with the roles the account has now.

    Raises NotSignedIn for a token that is unknown, revoked, past its end, or of an account that is
    suspended, all in the same words.
    """
    found = queries.find_token(_token_hash(token))
    if found is None:
        raise _not_signed_in()
    row, account = found
    if row.revoked_at is not None or row.expires_at <= at or account.state != AccountState.ACTIVE:
        raise _not_signed_in()
    kind = TokenKind(row.kind)
    return Bearer(actor_of(account, None if kind is TokenKind.SESSION else row.roles), row.id, kind)


def _issue(
    account: Account,
    kind: TokenKind,
    name: str,
    roles: Collection[str],
    *,
    expires_at: datetime,
    at: datetime,
) -> tuple[str, AccountToken]:
    token = _TOKEN_PREFIX[kind] + secrets.token_urlsafe(32)
    row = AccountToken(
        account_id=account.id,
        token_hash=_token_hash(token),
        kind=str(kind),
        name=name,
        roles=_sorted(roles),
        created_at=at,
        expires_at=expires_at,
    )
    db.session.add(row)
    db.session.flush()  # the journal names the token's id
    return token, row


def _revoke_all(account: Account, *, at: datetime) -> None:
    db.session.execute(
        sa.update(AccountToken)
        .where(AccountToken.account_id == account.id, AccountToken.revoked_at.is_(None))
        .values(revoked_at=at)
        .execution_options(synchronize_session="evaluate")
    )


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _own_id(by: Actor) -> UUID:
    if by.id is None:
        raise ValueError("an API token belongs to an account")
    return by.id


def _not_signed_in() -> NotSignedIn:
    return NotSignedIn("登录已失效，请重新登录。")
