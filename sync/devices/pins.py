"""PINs with which a second officer confirms on a colleague's tablet, without a network."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.db import db, new_id
from app.journal import service as journal
from app.journal.rules import Event
from app.people.accounts import actor_of
from app.people.models import Account
from sync.devices.models import Device, OfficerPin
from sync.devices.service import DeviceUnknown, OfficerNeeded


@dataclass(frozen=True)
class Verifier:
    """What a PIN is checked by: PBKDF2-SHA-256 of it, with a salt of its own."""

    salt: str
    iterations: int
    verifier: str


def set_pin(device: Device, account: Account, new: Verifier, *, at: datetime) -> OfficerPin:
    """Let an account's officer confirm by PIN on colleagues' tablets; a later one replaces it.

    The password has been checked. The verifier is told to tablets on which a colleague with a
    common open task is in session; the journal says only that it was set. Raises OfficerNeeded, and
    DeviceUnknown for an account of another agency.
    """
    if account.officer_id is None:
        raise OfficerNeeded("该账号没有关联监督员，不能设置确认用的 PIN。")
    if account.agency_id != device.agency_id:
        raise DeviceUnknown("本单位没有这台终端。")
    by = actor_of(account)
    pin = db.session.scalars(
        sa.select(OfficerPin).where(OfficerPin.officer_id == account.officer_id).with_for_update()
    ).one_or_none()
    if pin is None:
        pin = OfficerPin(
            id=new_id(),
            agency_id=account.agency_id,
            district=account.district,
            officer_id=account.officer_id,
        )
        db.session.add(pin)
    pin.salt, pin.iterations, pin.verifier = new.salt, new.iterations, new.verifier
    pin.set_at, pin.set_by_kind, pin.set_by_id = at, by.kind, by.id
    journal.record(
        Event.OFFICER_PIN_SET,
        pin,
        by=by,
        at=at,
        data={"officer_id": str(account.officer_id), "device_id": str(device.id)},
    )
    return pin
