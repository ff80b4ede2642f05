"""What happens to devices: enrolment, sessions, tokens, and what supervisors decide about them."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app import canonical, entry
from app.access import Actor, ActorKind
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db
from app.documents import blocks
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.accounts import actor_of
from app.people.models import Account
from app.people.rules import AccountState
from app.problems import Problem, TooManyRequests
from sync import operations
from sync.devices import queries, rules
from sync.devices.models import (
    Device,
    DeviceChain,
    DeviceCode,
    DeviceNotice,
    DeviceSession,
    DeviceToken,
)
from sync.devices.rules import Alert, Builds, DeviceState, TokenUse
from sync.wire import Contact

PHOTOS_NAMED = 1000


class TokenUnknown(Problem):
    code, title, status = "token-unknown", "终端令牌无效", 401


class TokenExpired(Problem):
    code, title, status = "token-expired", "终端令牌已过期", 401


class DeviceClosed(Problem):
    code, title, status = "device-closed", "终端已注销", 401


class DeviceUnknown(NotFound):
    code, title = "device-unknown", "没有这台终端"


class DeviceSuspended(Forbidden):
    code, title = "device-suspended", "终端已停用"


class BuildEnded(Forbidden):
    code, title = "hard-eol", "终端应用版本已停止服务"


class PushCapReached(TooManyRequests):
    code, title = "push-cap-reached", "停用终端当日上报已达上限"


class DeviceStateWrong(Conflict):
    code, title = "device-state-wrong", "终端状态不允许此操作"


class EnrolmentCodeUnknown(Forbidden):
    code, title = "enrolment-code-unknown", "终端登记码无效"


class DeviceKeyUnusable(Invalid):
    code, title = "device-key-unusable", "终端公钥无法使用"


class DeviceKeyTaken(Conflict):
    code, title = "device-key-taken", "终端公钥已被使用"


class OfficerNeeded(Forbidden):
    code, title = "officer-needed", "账号不是监督员"


@dataclass(frozen=True)
class Tokens:
    """A new pair of tokens, in the only moment in which they are known."""

    access: str
    access_until: datetime
    refresh: str
    refresh_until: datetime
    use: TokenUse


@dataclass(frozen=True)
class Lives:
    """How long things last, from the settings."""

    access: timedelta
    refresh: timedelta
    session: timedelta


@dataclass(frozen=True)
class NewDevice:
    """What a tablet says about itself when it enrols."""

    alg: str
    key: bytes
    model: str
    os: str
    build: str


def issue_code(account: Account, *, by: Actor, at: datetime) -> tuple[str, datetime]:
    """Return a new one-time enrolment code for an account, and until when it is good.

    Raises OfficerNeeded when the account belongs to no officer: nobody could sign with the device.
    """
    if account.officer_id is None or account.state != AccountState.ACTIVE:
        raise OfficerNeeded("该账号没有关联在岗监督员，不能登记终端。")
    code = "".join(secrets.choice(rules.CODE_ALPHABET) for _ in range(rules.CODE_LETTERS))
    row = DeviceCode(
        code_hash=_hash(code),
        account_id=account.id,
        issued_at=at,
        issued_by_kind=by.kind,
        issued_by_id=by.id,
        expires_at=at + rules.CODE_LIFE,
    )
    db.session.add(row)
    db.session.flush()  # the entry names the row
    journal.record(Event.DEVICE_CODE_ISSUED, account, by=by, at=at, data={"code_id": str(row.id)})
    return rules.show_code(code), row.expires_at


def enrol(
    account: Account, code: str, new: NewDevice, *, lives: Lives, at: datetime
) -> tuple[Device, DeviceSession, Tokens]:
    """Make a tablet a device of the account's agency, with a session of its officer and tokens.

    The password has been checked. Sent again with the same key and code (the answer was lost) it
    finds the same device and gives new tokens. Raises EnrolmentCodeUnknown, DeviceKeyUnusable,
    DeviceKeyTaken, DeviceClosed, OfficerNeeded.
    """
    try:
        operations.load_public_key(new.alg, new.key)
    except ValueError as error:
        raise DeviceKeyUnusable("公钥与所声明的算法不符，请重新生成密钥后登记。") from error
    row = queries.find_code(_hash(rules.read_code(code)))
    device = queries.find_by_key(new.key)
    if row is None or row.account_id != account.id or at >= row.expires_at:
        raise EnrolmentCodeUnknown("登记码无效或已过期，请向科长重新索取。")
    if row.used_at is not None and (device is None or row.device_id != device.id):
        raise EnrolmentCodeUnknown("登记码已经用过，请向科长重新索取。")
    by = actor_of(account)
    if device is None:
        device = _new_device(account, new, by=by, at=at)
    elif device.agency_id != account.agency_id:
        raise DeviceKeyTaken("这把公钥已登记在其他单位，请重新生成密钥后登记。")
    elif device.state == DeviceState.CLOSED:
        raise DeviceClosed("这台终端已经注销，请重新生成密钥后登记。")
    row.used_at, row.device_id = row.used_at or at, device.id
    session = open_session(device, account, lives=lives, at=at)
    return device, session, _issue(device, lives=lives, at=at)


def _new_device(account: Account, new: NewDevice, *, by: Actor, at: datetime) -> Device:
    device = Device(
        district=account.district,
        agency_id=account.agency_id,
        alg=new.alg,
        public_key=new.key,
        model=new.model,
        os=new.os,
        build=new.build,
        state=DeviceState.ACTIVE,
        enrolled_at=at,
        enrolled_by_kind=by.kind,
        enrolled_by_id=by.id,
    )
    db.session.add(device)
    db.session.flush()  # chain, session and tokens refer to the row
    db.session.add(
        DeviceChain(
            device_id=device.id,
            device_seq=0,
            op_hash=operations.GENESIS,
            receipt_seq=0,
            receipt_hash=operations.GENESIS,
            missing=[],
        )
    )
    journal.record(Event.DEVICE_ENROLLED, device, by=by, at=at, data={"alg": new.alg})
    return device


def open_session(device: Device, account: Account, *, lives: Lives, at: datetime) -> DeviceSession:
    """Put an account's officer in session on a device, or prolong the session that is open.

    With numbers for the documents that the officer may issue there.
    The password has been checked. Raises OfficerNeeded, and DeviceUnknown for an account of
    another agency.
    """
    if account.officer_id is None:
        raise OfficerNeeded("该账号没有关联监督员，不能在终端上登录。")
    if account.agency_id != device.agency_id:
        raise DeviceUnknown("本单位没有这台终端。")
    by = actor_of(account)
    blocks.supply(device.agency_id, device.id, {account.officer_id}, by=by, at=at)
    for found in queries.open_sessions(device.id, at):
        if found.account_id == account.id and found.officer_id == account.officer_id:
            found.until = at + lives.session
            return found
    session = DeviceSession(
        device_id=device.id,
        officer_id=account.officer_id,
        account_id=account.id,
        opened_at=at,
        until=at + lives.session,
    )
    db.session.add(session)
    db.session.flush()  # the entry names the session
    data = {"officer_id": str(account.officer_id), "session_id": str(session.id)}
    journal.record(Event.DEVICE_SESSION_OPENED, device, by=by, at=at, data=data)
    return session


# --- tokens ------------------------------------------------------------------------------------


def make_challenge(device_id: UUID, *, secret: bytes, at: datetime) -> tuple[str, datetime]:
    """Return a challenge for a device, and until when it is good. Nothing is stored.

    Any id gets one, so that nobody learns which devices exist.
    """
    until = at + rules.CHALLENGE_LIFE
    body = device_id.bytes + int(until.timestamp()).to_bytes(8, "big") + secrets.token_bytes(8)
    return operations.encode_b64(body + _challenge_mac(body, secret)), until


def _check_challenge(challenge: str, device_id: UUID, *, secret: bytes, at: datetime) -> None:
    try:
        raw = operations.decode_b64(challenge)
    except ValueError:
        raw = b""
    body, mac = raw[:-16], raw[-16:]
    if (
        len(body) != 32
        or not hmac.compare_digest(mac, _challenge_mac(body, secret))
        or body[:16] != device_id.bytes
        or int.from_bytes(body[16:24], "big") < at.timestamp()
        or queries.challenge_used(_hash(challenge))
    ):
        raise TokenUnknown("质询无效、已过期或已用过，请重新获取质询。")


def _challenge_mac(body: bytes, secret: bytes) -> bytes:
    key = hashlib.sha256(b"device-challenge" + secret).digest()
    return hmac.digest(key, body, "sha256")[:16]


@dataclass(frozen=True)
class TokenRequest:
    """What a tablet sends for new tokens; `digest` is what `sig` covers."""

    device_id: UUID
    refresh: str | None
    challenge: str | None
    digest: str
    sig: str


def renew_tokens(
    request: TokenRequest, *, lives: Lives, secret: bytes, at: datetime
) -> Tokens | None:
    """Return new tokens for a refresh token, or for a challenge signed by the device's key.

    A refresh token stays good until one that it bought is first used for the next renewal. One that
    comes back later may be a thief's: then all tokens of the device are revoked, the device is
    not, and None is returned so that the caller can commit before refusing. Renewing by refresh
    token prolongs the officers' open sessions. Raises TokenUnknown, DeviceClosed.
    """
    device = queries.find_device(request.device_id, lock=True)
    if device is None or not operations.is_signed(
        operations.load_public_key(device.alg, device.public_key),
        operations.TOKEN_LABEL,
        request.digest,
        request.sig,
    ):
        raise TokenUnknown("终端未登记或签名不符，请检查终端密钥。")
    if device.state == DeviceState.CLOSED:
        raise DeviceClosed("这台终端已经注销，未上报的内容请导出救援文件交科长导入。")
    if request.challenge is not None:
        _check_challenge(request.challenge, device.id, secret=secret, at=at)
        _revoke(device.id, at=at)
        return _issue(device, lives=lives, at=at, challenge=request.challenge)
    return _rotate(device, request.refresh or "", lives=lives, at=at)


def _rotate(device: Device, refresh: str, *, lives: Lives, at: datetime) -> Tokens | None:
    pair = queries.token_by_refresh(device.id, _hash(refresh))
    if pair is None or pair.revoked_at is not None or at >= pair.refresh_until:
        raise TokenUnknown("刷新令牌无效或已过期，请用终端密钥重新获取令牌。")
    if pair.superseded_at is not None:
        _revoke(device.id, at=at)
        by = Actor(ActorKind.DEVICE, device.id, device.agency_id, device.district)
        journal.record(Event.DEVICE_TOKENS_REVOKED, device, by=by, at=at, data={"reason": "reused"})
        return None
    if pair.used_at is None:
        pair.used_at = at
        if pair.parent_id is not None:
            _supersede(device.id, pair, at=at)
    for session in queries.open_sessions(device.id, at):
        session.until = at + lives.session
    _forget_expired(device.id, at=at)
    return _issue(device, lives=lives, at=at, parent_id=pair.id)


def _supersede(device_id: UUID, pair: DeviceToken, *, at: datetime) -> None:
    """Let the pair that bought this one, and its other purchases, be good no longer."""
    db.session.execute(
        sa.update(DeviceToken)
        .where(
            DeviceToken.device_id == device_id,
            DeviceToken.id != pair.id,
            DeviceToken.superseded_at.is_(None),
            sa.or_(DeviceToken.id == pair.parent_id, DeviceToken.parent_id == pair.parent_id),
        )
        .values(superseded_at=at)
    )


def _revoke(device_id: UUID, *, at: datetime) -> None:
    db.session.execute(
        sa.update(DeviceToken)
        .where(DeviceToken.device_id == device_id, DeviceToken.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def _forget_expired(device_id: UUID, *, at: datetime) -> None:
    db.session.execute(
        sa.delete(DeviceToken).where(
            DeviceToken.device_id == device_id, DeviceToken.refresh_until <= at
        )
    )


def _issue(
    device: Device,
    *,
    lives: Lives,
    at: datetime,
    parent_id: UUID | None = None,
    challenge: str | None = None,
) -> Tokens:
    tokens = Tokens(
        access=secrets.token_urlsafe(32),
        access_until=at + lives.access,
        refresh=secrets.token_urlsafe(32),
        refresh_until=at + lives.refresh,
        use=rules.use_of(DeviceState(device.state)),
    )
    db.session.add(
        DeviceToken(
            device_id=device.id,
            parent_id=parent_id,
            access_hash=_hash(tokens.access),
            refresh_hash=_hash(tokens.refresh),
            use=tokens.use,
            created_at=at,
            access_until=tokens.access_until,
            refresh_until=tokens.refresh_until,
            challenge_hash=None if challenge is None else _hash(challenge),
        )
    )
    return tokens


def _hash(secret: str) -> str:
    return canonical.digest(secret)


@dataclass(frozen=True)
class Bearer:
    """Who an access token stands for, who is in session, the epoch, how the build ends."""

    actor: Actor
    officers: frozenset[UUID]
    epoch: UUID
    alert: Alert | None


def device_of_token(access: str, path: str, *, build: str | None, at: datetime) -> Bearer:
    """Return the device an access token stands for; `build` is what the request says it runs.

    Raises TokenUnknown, TokenExpired, DeviceClosed (401), and DeviceSuspended (403) when `path` is
    not one that a suspended device may call. Whether its build may, `refuse_ended` decides.
    """
    found = queries.bearer(_hash(access), at)
    if found is None or found.revoked:
        raise TokenUnknown("访问令牌无效，请用刷新令牌或终端密钥重新获取。")
    if found.state == DeviceState.CLOSED:
        raise DeviceClosed("这台终端已经注销，未上报的内容请导出救援文件交科长导入。")
    if at >= found.access_until:
        raise TokenExpired("访问令牌已过期，请用刷新令牌重新获取。")
    if not rules.may_call(DeviceState(found.state), path):
        raise DeviceSuspended(
            "终端已停用，只能上报尚未送达的内容；如需恢复请联系管理员。", state=found.state
        )
    actor = Actor(ActorKind.DEVICE, found.id, found.agency_id, found.district, device_id=found.id)
    return Bearer(actor, found.officers, found.epoch, builds_on(at).alert_of(build or found.build))


def refuse_ended(alert: Alert | None, path: str, *, at: datetime) -> None:
    """Refuse a build past its end anything but bringing home what it holds. Raises BuildEnded."""
    if alert is Alert.HARD and not rules.is_push(path):
        raise BuildEnded(
            "终端应用版本过旧，请更新后再同步；未上报的内容仍可上报，不会丢失。",
            min_build=builds_on(at).minimum,
        )


_BUILDS_KEPT = timedelta(seconds=60)
_builds: WeakKeyDictionary[Engine, tuple[datetime, Builds]] = WeakKeyDictionary()


def builds_on(at: datetime) -> Builds:
    """Return which builds are served; a change of the catalogue holds after a minute.

    The operator's MIN_BUILD is a floor; without a row it alone counts.
    """
    known = _builds.get(db.engine)
    if known is not None and known[0] <= at < known[0] + _BUILDS_KEPT:
        return known[1]
    on, floor = local_date(at), entry.config().text("MIN_BUILD")
    minimum = max(_build_of("tablet-build-min", on), floor, key=rules.build_number)
    recommended = max(_build_of("tablet-build-recommended", on), minimum, key=rules.build_number)
    found = Builds(minimum, recommended)
    _builds[db.engine] = (at, found)
    return found


def _build_of(code: str, on: date) -> str:
    try:
        return str(catalogue.setting(code, on))
    except catalogue.CatalogueRowMissing:
        return ""


@dataclass(frozen=True)
class Known:
    """A device as its agency sees it: the register, and what the tablet said of itself last."""

    device: Device
    chain: DeviceChain
    last_seen_at: datetime
    alert: Alert | None

    @property
    def version(self) -> int:
        return self.device.version

    @property
    def build(self) -> str:
        return self.chain.build or self.device.build

    @property
    def missing(self) -> int:
        return sum(last - first + 1 for first, last in self.chain.missing)


def known_devices(devices: Sequence[Device], *, at: datetime) -> list[Known]:
    """Return devices with when they were last seen, their build and what they still hold."""
    ids = {device.id for device in devices}
    chains, renewals, builds = queries.chains_of(ids), queries.renewals_of(ids), builds_on(at)
    found = []
    for device in devices:
        chain = chains[device.id]
        seen = (device.enrolled_at, renewals.get(device.id), chain.last_contact_at)
        found.append(
            Known(
                device=device,
                chain=chain,
                last_seen_at=max(one for one in seen if one is not None),
                alert=builds.alert_of(chain.build or device.build),
            )
        )
    return found


@dataclass(frozen=True)
class Missing:
    """What never arrived from a device, as far as anybody can know."""

    gaps: Sequence[Any]
    unsent: int | None
    unsent_at: datetime | None
    wiped_at: datetime | None
    photos: Sequence[str]


def missing_of(device: Device) -> Missing:
    """Return the numbers that are missing, what the tablet last said it holds, photos promised.

    After a wipe its own last word counts; a number above the highest that came is not known.
    """
    chain = queries.chain_of(device.id)
    wiped = device.wiped_at is not None
    return Missing(
        gaps=[{"first": first, "last": last} for first, last in chain.missing],
        unsent=device.wiped_unsent if wiped else chain.unsent,
        unsent_at=device.wiped_at if wiped else chain.unsent_at,
        wiped_at=device.wiped_at,
        photos=queries.photos_awaited(device.id, PHOTOS_NAMED),
    )


# --- what supervisors and administrators decide ------------------------------------------------


def get_device(device_id: UUID, agency_id: UUID | None) -> Device:
    """Return a device of the agency. Raises DeviceUnknown."""
    device = queries.find_device(device_id)
    if device is None or device.agency_id != agency_id:
        raise DeviceUnknown("本单位没有这台终端。")
    return device


_EVENTS = {
    DeviceState.ACTIVE: Event.DEVICE_REINSTATED,
    DeviceState.SUSPENDED: Event.DEVICE_SUSPENDED,
    DeviceState.WIPE_REQUESTED: Event.DEVICE_WIPE_REQUESTED,
    DeviceState.CLOSED: Event.DEVICE_CLOSED,
}


def change_state(
    device_id: UUID, wanted: DeviceState, reason: str, *, by: Actor, at: datetime
) -> Device:
    """Suspend a device, ask it to wipe itself, reinstate or close it.

    What a suspended device pushes is kept and waits in quarantine. Raises DeviceUnknown and
    DeviceStateWrong (`state`).
    """
    device = get_device(device_id, by.agency_id)
    if not rules.may_become(DeviceState(device.state), wanted):
        raise DeviceStateWrong("终端的当前状态不允许此操作，请刷新后重试。", state=device.state)
    device.state, device.state_reason = wanted, reason
    device.state_changed_at = at
    device.state_changed_by_kind, device.state_changed_by_id = by.kind, by.id
    if wanted is DeviceState.CLOSED:
        _revoke(device.id, at=at)
        blocks.end_of_device(device.id, by=by, at=at)
    journal.record(_EVENTS[wanted], device, by=by, at=at, data={"state": str(wanted)})
    return device


@dataclass(frozen=True)
class Notice:
    """What a tablet is told about an operation of its own, and what was decided."""

    op_id: UUID | None
    op_type: str | None
    entity_id: UUID | None
    officer_id: UUID | None
    kind: str
    reason: str
    decision: str
    decision_reason: str


def tell_device(
    notice_id: UUID, device: Device, notice: Notice, *, by: Actor, at: datetime
) -> DeviceNotice:
    """Put a decision into what a tablet is fed; a later one about the same matter replaces it.

    Journalled as `review.decided`: names and codes, not the reason's words.
    """
    row = db.session.get(DeviceNotice, notice_id)
    if row is None:
        row = DeviceNotice(
            id=notice_id,
            agency_id=device.agency_id,
            district=device.district,
            device_id=device.id,
        )
        db.session.add(row)
    for name, value in asdict(notice).items():
        setattr(row, name, value)
    row.decided_at = at
    data = {"item_id": str(notice_id), "kind": notice.kind, "decision": notice.decision}
    journal.record(Event.REVIEW_DECIDED, row, by=by, at=at, data=data, op_id=notice.op_id)
    return row


def said_in(contact: Contact, *, at: datetime) -> dict[str, Any]:
    """Return what a device's chain keeps of a contact; what it did not say stays as it was."""
    values: dict[str, Any] = {"last_contact_at": at}
    if contact.build is not None:
        values["build"] = contact.build
    if contact.unsent is not None:
        values.update(unsent=contact.unsent, unsent_at=at)
    return values


def report_lost(device_id: UUID, reason: str, *, by: Actor, at: datetime) -> Device:
    """Suspend a device at the word of an officer who is in session on it.

    Raises DeviceUnknown for anybody else.
    """
    if by.officer_id is None or by.officer_id not in queries.officers_in_session(device_id, at):
        raise DeviceUnknown("您没有在这台终端上登录。")
    return change_state(device_id, DeviceState.SUSPENDED, reason, by=by, at=at)


def note_wiped(device_id: UUID, unsent: int, *, by: Actor, at: datetime) -> None:
    """Keep a tablet's word that it erased itself, and how many operations it had not sent.

    Said again, it changes nothing. Raises DeviceStateWrong when nobody asked for it.
    """
    device = queries.find_device(device_id, lock=True)
    if device is None or device.state != DeviceState.WIPE_REQUESTED:
        raise DeviceStateWrong("没有对这台终端提出清除要求。")
    if device.wiped_at is not None:
        return
    device.wiped_at, device.wiped_unsent = at, unsent
    journal.record(Event.DEVICE_WIPED, device, by=by, at=at, data={"unsent": unsent})
