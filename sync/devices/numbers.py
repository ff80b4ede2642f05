"""Tablets have document numbers before they need them, also across the year's turn."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.access import TIMETABLE
from app.db import db, stop_reading, transaction
from app.documents import blocks
from sync.devices import queries
from sync.devices.models import Device
from sync.devices.rules import DeviceState


def supply_numbers(*, at: datetime) -> str:
    """Allot further blocks of numbers to tablets that run short, and end those that are finished.

    For the officers in session on a tablet that may pull. One transaction for each tablet.
    """
    devices = db.session.scalars(
        sa.select(Device.id).where(Device.state != DeviceState.CLOSED).order_by(Device.id)
    ).all()
    ended = allotted = 0
    for device_id in devices:
        officers = _officers_on(device_id, at)
        if not blocks.needs_care(device_id, officers, at=at):
            continue
        with transaction():
            device = db.session.get_one(Device, device_id)
            officers = _officers_on(device_id, at)
            done = blocks.keep_supplied(device.agency_id, device.id, officers, by=TIMETABLE, at=at)
        ended, allotted = ended + done[0], allotted + done[1]
    stop_reading()
    return f"{allotted} blocks allotted, {ended} ended"


def _officers_on(device_id: UUID, at: datetime) -> set[UUID]:
    """Return whom a tablet needs numbers for; nobody while it may only push."""
    device = db.session.get_one(Device, device_id)
    if device.state != DeviceState.ACTIVE:
        return set()
    return set(queries.officers_in_session(device_id, at))
