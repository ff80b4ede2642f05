"""Reads of devices."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import ActorKind
from app.db import db
from app.evidence.models import Evidence
from app.evidence.rules import EvidenceState
from app.journal.models import Installation
from app.people.models import Account
from app.people.rules import AccountState
from app.prepared import Prepared
from sync.devices.models import Device, DeviceChain, DeviceCode, DeviceSession, DeviceToken

# What every request of a tablet reads; putting it together each time cost as much again.
_device, _token = Device.__table__, DeviceToken.__table__
_chain = DeviceChain.__table__
_session, _account = DeviceSession.__table__, Account.__table__
_installation = Installation.__table__
_sitting = sa.and_(
    _session.c.ended_at.is_(None),
    _session.c.until > sa.bindparam("at", type_=_session.c.until.type),
    sa.select(_account.c.id)
    .where(_account.c.id == _session.c.account_id, _account.c.state == AccountState.ACTIVE)
    .exists(),
)
_BEARER = Prepared(
    sa.select(
        _device.c.id,
        _device.c.agency_id,
        _device.c.district,
        _device.c.state,
        _token.c.access_until,
        _token.c.revoked_at.is_not(None).label("revoked"),
        _installation.c.epoch,
        sa.func.coalesce(_chain.c.build, _device.c.build).label("build"),
        _session.c.officer_id,
    )
    .join_from(_device, _token, _token.c.device_id == _device.c.id)
    .join(_installation, _installation.c.id == 1)
    .join(_chain, _chain.c.device_id == _device.c.id)
    .outerjoin(_session, sa.and_(_session.c.device_id == _device.c.id, _sitting))
    .where(_token.c.access_hash == sa.bindparam("access_hash"))
)


@dataclass(frozen=True)
class Bearer:
    """Who an access token stands for, who is in session there, and the epoch.

    In the order of the columns of what is read.
    """

    id: UUID
    agency_id: UUID
    district: str
    state: str
    access_until: datetime
    revoked: bool
    epoch: UUID
    build: str
    officers: frozenset[UUID]


def bearer(access_hash: str, at: datetime) -> Bearer | None:
    """Return who an access token stands for, in one read."""
    rows = _BEARER.rows_alone(access_hash=access_hash, at=at)
    if not rows:
        return None
    officers = frozenset(row[-1] for row in rows if row[-1] is not None)
    one: tuple[Any, ...] = (*rows[0][:-1], officers)
    return Bearer(*one)


def find_code(code_hash: str) -> DeviceCode | None:
    """Return an enrolment code by its hash, locked: of two tablets that use it, one is first."""
    query = sa.select(DeviceCode).where(DeviceCode.code_hash == code_hash).with_for_update()
    return db.session.scalars(query).one_or_none()


def find_by_key(public_key: bytes) -> Device | None:
    """Return the device that has this public key."""
    return db.session.scalars(
        sa.select(Device).where(Device.public_key == public_key)
    ).one_or_none()


def find_device(device_id: UUID, *, lock: bool = False) -> Device | None:
    """Return a device; with `lock` nobody else changes it until the transaction ends."""
    return db.session.get(
        Device, device_id, with_for_update=True if lock else None, populate_existing=lock
    )


def open_sessions(device_id: UUID, at: datetime) -> Sequence[DeviceSession]:
    """Return the sessions on a device whose accounts may act, oldest first."""
    return db.session.scalars(
        sa.select(DeviceSession)
        .join(Account, Account.id == DeviceSession.account_id)
        .where(*_in_session(device_id, at))
        .order_by(DeviceSession.opened_at, DeviceSession.id)
    ).all()


def sessions_of(device_id: UUID) -> Sequence[DeviceSession]:
    """Return every session that was ever opened on a device, oldest first."""
    return db.session.scalars(
        sa.select(DeviceSession)
        .where(DeviceSession.device_id == device_id)
        .order_by(DeviceSession.opened_at, DeviceSession.id)
    ).all()


def _in_session(device_id: UUID, at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        DeviceSession.device_id == device_id,
        DeviceSession.ended_at.is_(None),
        DeviceSession.until > at,
        Account.state == AccountState.ACTIVE,
    )


def officers_in_session(device_id: UUID, at: datetime) -> Sequence[UUID]:
    """Return the officers whose tasks a device is fed, in no order that means anything."""
    query = sa.select(DeviceSession.officer_id).join(
        Account, Account.id == DeviceSession.account_id
    )
    return db.session.scalars(query.where(*_in_session(device_id, at)).distinct()).all()


_KEY = Prepared(
    sa.select(_device.c.alg, _device.c.public_key).where(
        _device.c.id == sa.bindparam("device_id", type_=sa.Uuid())
    )
)


def key_of(device_id: UUID) -> tuple[str, bytes]:
    """Return by which algorithm a device signs, and its public key; neither ever changes."""
    [(alg, public_key)] = _KEY.rows(device_id=device_id)
    return alg, public_key


@dataclass(frozen=True, slots=True)
class Sender:
    """A device whose batch is decided. In the order of the columns of what is read."""

    id: UUID
    agency_id: UUID
    district: str
    state: str


@dataclass(frozen=True, slots=True)
class ChainSoFar:
    """How far a device's chain of operations and our chain of receipts have come.

    In the order of the columns of what is read.
    """

    device_seq: int
    op_hash: str
    missing: list[list[int]]
    last_recorded_at: datetime | None
    receipt_seq: int
    receipt_hash: str


_LOCKED = Prepared(
    sa.select(
        _chain.c.device_seq,
        _chain.c.op_hash,
        _chain.c.missing,
        _chain.c.last_recorded_at,
        _chain.c.receipt_seq,
        _chain.c.receipt_hash,
    )
    .where(_chain.c.device_id == sa.bindparam("device_id", type_=sa.Uuid()))
    .with_for_update()
)
_SENDER = Prepared(
    sa.select(_device.c.id, _device.c.agency_id, _device.c.district, _device.c.state).where(
        _device.c.id == sa.bindparam("device_id", type_=sa.Uuid())
    )
)


def locked(device_id: UUID) -> tuple[Sender, ChainSoFar]:
    """Return a device and its chain, under the lock of which its pushes happen one by one."""
    [chain] = _LOCKED.rows(device_id=device_id)
    [sender] = _SENDER.rows(device_id=device_id)
    return Sender(*sender), ChainSoFar(*chain)


def chain_of(device_id: UUID, *, lock: bool = False) -> DeviceChain:
    """Return a device's chain; with `lock` its pushes happen one after another."""
    query = sa.select(DeviceChain).where(DeviceChain.device_id == device_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(query).one()


def devices_of(agency_id: UUID) -> sa.Select[Device]:
    """Return the query of an agency's devices."""
    return sa.select(Device).where(Device.agency_id == agency_id)


def token_by_refresh(device_id: UUID, refresh_hash: str) -> DeviceToken | None:
    """Return the pair of tokens that a refresh token belongs to."""
    return db.session.scalars(
        sa.select(DeviceToken).where(
            DeviceToken.device_id == device_id, DeviceToken.refresh_hash == refresh_hash
        )
    ).one_or_none()


def challenge_used(challenge_hash: str) -> bool:
    """Tell whether a challenge has bought tokens already."""
    return (
        db.session.scalar(
            sa.select(DeviceToken.id).where(DeviceToken.challenge_hash == challenge_hash)
        )
        is not None
    )


def chains_of(device_ids: Collection[UUID]) -> dict[UUID, DeviceChain]:
    """Return the chains of devices as they are now."""
    rows = db.session.scalars(
        sa.select(DeviceChain)
        .where(DeviceChain.device_id.in_(device_ids))
        .execution_options(populate_existing=True)
    )
    return {row.device_id: row for row in rows}


def renewals_of(device_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Return when each device last got tokens: a tablet in use does every hour."""
    rows = db.session.execute(
        sa.select(DeviceToken.device_id, sa.func.max(DeviceToken.created_at))
        .where(DeviceToken.device_id.in_(device_ids))
        .group_by(DeviceToken.device_id)
    )
    return {row[0]: row[1] for row in rows}


def photos_awaited(device_id: UUID, limit: int) -> Sequence[str]:
    """Return the hashes of photos that a device promised and that have not come."""
    return db.session.scalars(
        sa.select(Evidence.sha256)
        .where(
            Evidence.state == EvidenceState.AWAITED,
            Evidence.expected_by_kind == ActorKind.DEVICE,
            Evidence.expected_by_id == device_id,
        )
        .order_by(Evidence.id)
        .limit(limit)
    ).all()
