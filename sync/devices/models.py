"""Tables of devices: enrolment codes, devices, their officers' sessions, tokens, chains."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Entity, id_column, in_pairs, one_of
from sync.devices.rules import DeviceState, KeyAlgorithm, TokenUse


class Device(Entity, Base):
    """A tablet 终端, known by its public key; the private one never leaves it."""

    __tablename__ = "device"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), index=True)
    alg: Mapped[str]
    public_key: Mapped[bytes] = mapped_column(unique=True)
    model: Mapped[str]
    os: Mapped[str]
    build: Mapped[str]
    state: Mapped[str] = mapped_column(default=DeviceState.ACTIVE)
    state_reason: Mapped[str | None]
    enrolled_at: Mapped[datetime]
    enrolled_by_kind: Mapped[str]
    enrolled_by_id: Mapped[UUID | None]
    state_changed_at: Mapped[datetime | None]
    state_changed_by_kind: Mapped[str | None]
    state_changed_by_id: Mapped[UUID | None]
    wiped_at: Mapped[datetime | None]
    wiped_unsent: Mapped[int | None]

    __table_args__ = (
        one_of("alg", KeyAlgorithm),
        one_of("state", DeviceState),
        in_pairs("enrolled", required=True),
        in_pairs("state_changed"),
        sa.CheckConstraint("(wiped_at IS NULL) = (wiped_unsent IS NULL)", name="wiped_and_unsent"),
    )


class DeviceCode(Base):
    """A one-time enrolment code 终端登记码 for one account, at rest only as its hash."""

    __tablename__ = "device_code"

    id: Mapped[UUID] = id_column()
    code_hash: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"))
    issued_at: Mapped[datetime]
    issued_by_kind: Mapped[str]
    issued_by_id: Mapped[UUID | None]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    device_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("device.id"))

    __table_args__ = (
        in_pairs("issued", required=True),
        sa.CheckConstraint("(used_at IS NULL) = (device_id IS NULL)", name="used_by_a_device"),
    )


class DeviceSession(Base):
    """An officer in session on a tablet: who may sign operations there, and when."""

    __tablename__ = "device_session"

    id: Mapped[UUID] = id_column()
    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("device.id"), index=True)
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"))
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"), index=True)
    opened_at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class DeviceToken(Base):
    """A pair of tokens at rest, by their hashes.

    `parent_id` is the pair whose refresh token bought this one. `superseded_at`: a later pair was
    used, this refresh token is dead and its reuse suspicious. `challenge_hash`: bought by the key.
    """

    __tablename__ = "device_token"

    id: Mapped[UUID] = id_column()
    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("device.id"), index=True)
    parent_id: Mapped[UUID | None]
    access_hash: Mapped[str] = mapped_column(unique=True)
    refresh_hash: Mapped[str] = mapped_column(unique=True)
    use: Mapped[str]
    created_at: Mapped[datetime]
    access_until: Mapped[datetime]
    refresh_until: Mapped[datetime]
    used_at: Mapped[datetime | None]
    superseded_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    challenge_hash: Mapped[str | None] = mapped_column(unique=True)

    __table_args__ = (one_of("use", TokenUse),)


class DeviceNotice(Entity, Base):
    """What a supervisor decided about something a tablet pushed, in words for its officer.

    One per item of the review list, with its id; a later decision changes it. `decision_reason` is
    a person's text: it goes to the tablet and never into the journal.
    """

    __tablename__ = "device_notice"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("device.id"), index=True)
    op_id: Mapped[UUID | None]
    op_type: Mapped[str | None]
    entity_id: Mapped[UUID | None]
    officer_id: Mapped[UUID | None]
    kind: Mapped[str]
    reason: Mapped[str]
    decision: Mapped[str]
    decision_reason: Mapped[str]
    decided_at: Mapped[datetime]


class OfficerPin(Entity, Base):
    """What a colleague's tablet checks an officer's PIN by, offline: PBKDF2-SHA-256, salted.

    The PIN itself never leaves the tablet on which it was chosen. `salt` and `verifier` are
    base64url; they go to the tablets of the officer's colleagues and nowhere else.
    """

    __tablename__ = "officer_pin"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"), unique=True)
    salt: Mapped[str]
    iterations: Mapped[int]
    verifier: Mapped[str]
    set_at: Mapped[datetime]
    set_by_kind: Mapped[str]
    set_by_id: Mapped[UUID | None]

    __table_args__ = (in_pairs("set", required=True),)


class DeviceChain(Base):
    """How far a tablet's chain of operations and our chain of receipts have come.

    One row per device and the lock under which its pushes happen one after another. `missing`
    holds the gaps `[first, last]` in `device_seq`. `build` and `unsent` are what the tablet said of
    itself last: its row in the register would change its version each time.
    """

    __tablename__ = "device_chain"

    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("device.id"), primary_key=True)
    device_seq: Mapped[int] = mapped_column(default=0)
    op_hash: Mapped[str]
    receipt_seq: Mapped[int] = mapped_column(default=0)
    receipt_hash: Mapped[str]
    missing: Mapped[list[Any]]
    last_recorded_at: Mapped[datetime | None]
    last_contact_at: Mapped[datetime | None]
    build: Mapped[str | None]
    unsent: Mapped[int | None]
    unsent_at: Mapped[datetime | None]
