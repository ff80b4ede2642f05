"""What the storage keeps of a device, so that no restore locks out a tablet.

A device that was enrolled, or a session that was opened, after the last backup would be unknown to
the restored database, and with them the work signed in their name; a device that was suspended
since would be trusted again. So a small record of each lies beside the photos, written before the
tablet is answered. It holds ids, states and the public key.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from app import canonical
from app.access import Actor
from app.db import db
from app.documents import blocks
from app.errors import Unavailable
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Account, Agency, Officer
from app.storage import Storage
from sync import operations
from sync.devices import queries
from sync.devices.models import Device, DeviceChain, DeviceSession
from sync.devices.rules import DeviceState

log = structlog.get_logger()
FOLDER = "devices"
RECOVERED = "按恢复前留存的终端记录"


def keep(storage: Storage, device_id: UUID) -> None:
    """Write down what a restore has to know of a device; after the commit, before the answer.

    Raises what the storage raises: the tablet then asks again, which is harmless.
    """
    device = db.session.get_one(Device, device_id, populate_existing=True)
    record = {
        "v": 1,
        "device_id": str(device.id),
        "version": device.version,
        "agency_id": str(device.agency_id),
        "district": device.district,
        "alg": device.alg,
        "key": operations.encode_b64(device.public_key),
        "model": device.model,
        "os": device.os,
        "build": device.build,
        "state": device.state,
        "enrolled_at": canonical.instant(device.enrolled_at),
        "enrolled_by_kind": device.enrolled_by_kind,
        "enrolled_by_id": _text(device.enrolled_by_id),
        "sessions": [_session(one) for one in queries.sessions_of(device.id)],
    }
    storage.put(f"{FOLDER}/{device.id}", canonical.dumps(record).encode())


def keep_quietly(storage: Storage, device_id: UUID) -> None:
    """Write down what a person decided about a device; a storage that is away does not undo it.

    `keep_all` makes up for it.
    """
    try:
        keep(storage, device_id)
    except Unavailable as error:
        log.warning("a device's record was not written", device=str(device_id), why=error.code)


def keep_all(storage: Storage) -> int:
    """Write the records of all devices anew; return how many there are."""
    found = db.session.scalars(sa.select(Device.id).order_by(Device.id)).all()
    for device_id in found:
        keep(storage, device_id)
    return len(found)


def _session(session: DeviceSession) -> dict[str, Any]:
    return {
        "id": str(session.id),
        "officer_id": str(session.officer_id),
        "account_id": str(session.account_id),
        "opened_at": canonical.instant(session.opened_at),
        "until": canonical.instant(session.until),
        "ended_at": None if session.ended_at is None else canonical.instant(session.ended_at),
    }


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def records(storage: Storage) -> Iterator[dict[str, Any]]:
    """Yield what the storage keeps of every device; what cannot be read is logged and left out."""
    for found in storage.list(FOLDER):
        try:
            yield json.loads(storage.get(found.key))
        except ValueError:
            log.warning("a device's record cannot be read", key=found.key)


def recover(record: dict[str, Any], *, by: Actor, at: datetime) -> str | None:
    """Bring a device to where its record says it was; return what was done, None where nothing was.

    Never makes a device more trusted than it is. What belongs to an agency or account that the
    database does not know cannot be recovered.
    """
    device = db.session.get(Device, UUID(record["device_id"]))
    done = []
    if device is None:
        device = _enrol_again(record, at=at)
        if device is None:
            return "unknown-agency"
        done.append("enrolled")
    elif device.state != record["state"] and _is_newer(record, device):
        _restrict(device, record["state"], by=by, at=at)
        done.append(record["state"])
    opened = sum(_open_again(device, one) for one in record["sessions"])
    if opened:
        done.append(f"sessions:{opened}")
    if not done:
        return None
    db.session.flush()  # the entry names the version that the row has now
    data = {"recovered": done}
    journal.record(Event.DEVICE_RECOVERED, device, by=by, at=at, data=data)
    return " ".join(done)


def _enrol_again(record: dict[str, Any], *, at: datetime) -> Device | None:
    agency = db.session.get(Agency, UUID(record["agency_id"]))
    if agency is None:
        return None
    device = Device(
        id=UUID(record["device_id"]),
        district=record["district"],
        agency_id=agency.id,
        alg=record["alg"],
        public_key=operations.decode_b64(record["key"]),
        model=record["model"],
        os=record["os"],
        build=record["build"],
        state=record["state"],
        enrolled_at=canonical.parse_instant(record["enrolled_at"]),
        enrolled_by_kind=record["enrolled_by_kind"],
        enrolled_by_id=None if record["enrolled_by_id"] is None else UUID(record["enrolled_by_id"]),
    )
    db.session.add(device)
    db.session.flush()  # chain and sessions refer to the row
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
    db.session.flush()
    return device


def _is_newer(record: dict[str, Any], device: Device) -> bool:
    """Tell whether a record restricts a device of which the database knows less."""
    return device.state == DeviceState.ACTIVE and device.version < int(record["version"])


def _restrict(device: Device, state: str, *, by: Actor, at: datetime) -> None:
    device.state, device.state_reason = state, RECOVERED
    device.state_changed_at = at
    device.state_changed_by_kind, device.state_changed_by_id = by.kind, by.id
    if state == DeviceState.CLOSED:
        blocks.end_of_device(device.id, by=by, at=at)


def _open_again(device: Device, record: dict[str, Any]) -> bool:
    """Add a session that the database does not know, or end one that had ended."""
    ended_at = record["ended_at"] and canonical.parse_instant(record["ended_at"])
    found = db.session.get(DeviceSession, UUID(record["id"]))
    if found is not None:
        if ended_at is None or found.ended_at is not None:
            return False
        found.ended_at = ended_at
        return True
    account = db.session.get(Account, UUID(record["account_id"]))
    officer = db.session.get(Officer, UUID(record["officer_id"]))
    if account is None or officer is None:
        return False
    db.session.add(
        DeviceSession(
            id=UUID(record["id"]),
            device_id=device.id,
            officer_id=officer.id,
            account_id=account.id,
            opened_at=canonical.parse_instant(record["opened_at"]),
            until=canonical.parse_instant(record["until"]),
            ended_at=ended_at,
        )
    )
    return True
