"""The tablets of a seeded agency, and what they sent."""

from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import sqlalchemy as sa

from app import db
from app.access import Actor, ActorKind, Role
from app.people import accounts
from sync.devices import service as devices
from sync.devices.rules import DeviceState
from sync.inbox.models import ReviewItem
from sync.rescue import importing as rescuing
from sync.review import mismatches
from sync.uploads import rules as upload_rules
from sync.uploads import service as uploads
from tests.api.seeds.builder import LASTING, Builder
from tests.sync.tablet import through

LIVES = devices.Lives(
    access=timedelta(hours=1), refresh=timedelta(days=90), session=timedelta(days=90)
)


def fill(builder: Builder) -> None:
    """Tablets: one that works, one to suspend, one to wipe, and a code for a new one."""
    for name in ("working", "spare", "lost", "obsolete", "suspended", "wiping"):
        _tablet(builder, name)
    for name, state in (
        ("suspended", DeviceState.SUSPENDED),
        ("wiping", DeviceState.WIPE_REQUESTED),
    ):
        device_id = UUID(builder.side[f"device:{name}"])
        with builder.make.writing():
            by = builder.actor(Role.SUPERVISOR)
            devices.change_state(device_id, state, "遗失", by=by, at=builder.make.at)
    builder.side.ids["device"] = builder.side["device:spare"]
    builder.side.values["code"] = _code(builder)
    send = through(builder.make.flask_app.test_client())
    working = builder.side.tablet("working", send, builder.make.clock)
    answer = working.request("GET", "/feed")
    assert answer.status == 200, answer.body
    builder.side.values["cursor"] = answer.json["cursor"]
    task = builder.task("accepted")
    line = working.op(
        "visit.start",
        task.visit_id,
        {
            "task_id": str(task.id),
            "unit_id": str(task.unit_id),
            "checklist_code": "lodging",
            "form_version": 1,
        },
    )
    builder.side.values["line"] = line.decode()
    _review(builder)
    _rescue(builder)
    _uploads(builder)


def _code(builder: Builder) -> str:
    account_id = builder.accounts[Role.OFFICER].id
    with builder.make.writing():
        account = accounts.get_account(account_id, builder.agency.id)
        by = builder.actor(Role.SUPERVISOR)
        return devices.issue_code(account, by=by, at=builder.make.at)[0]


def _tablet(builder: Builder, name: str) -> None:
    code = _code(builder)
    key = builder.side.key(name).public_key().public_bytes_raw()
    new = devices.NewDevice("Ed25519", key, "Pad 6", "Android 15", "1")
    with builder.make.writing():
        account = accounts.get_account(builder.accounts[Role.OFFICER].id, builder.agency.id)
        device, session, tokens = devices.enrol(account, code, new, lives=LIVES, at=builder.make.at)
        builder.side.values[f"tablet:{name}"] = {
            "device_id": device.id,
            "officer_id": session.officer_id,
            "session_id": session.id,
            "access": tokens.access,
            "refresh": tokens.refresh,
        }
    builder.keep(f"device:{name}", device)
    builder.side.tokens["device" if name == "working" else f"device:{name}"] = tokens.access


def _review(builder: Builder) -> None:
    """An operation that a supervisor has to look at: its task does not exist."""
    send = through(builder.make.flask_app.test_client())
    tablet = builder.side.tablet("spare", send, builder.make.clock)
    visit_id, task_id = db.new_id(), db.new_id()
    fields = {
        "task_id": str(task_id),
        "unit_id": builder.side["unit"],
        "checklist_code": "lodging",
        "form_version": 1,
    }
    answer = tablet.push([tablet.op("visit.start", visit_id, fields)])
    assert answer.json["results"][0]["outcome"] == "quarantined", answer.body
    with builder.make.flask_app.app_context():
        query = sa.select(ReviewItem).where(ReviewItem.agency_id == builder.agency.id)
        builder.keep("item", db.db.session.scalars(query).one())


def _rescue(builder: Builder) -> None:
    """A rescue file that nobody can read, kept all the same."""
    by = builder.make.by(builder.agency)
    with builder.make.flask_app.app_context():
        kept = rescuing.store_file(db.new_id(), [b"torn"], by=by, at=builder.make.at)
        builder.keep("rescue", kept)


def _uploads(builder: Builder) -> None:
    """Uploads of the working tablet that have begun: to go on with, and to give up."""
    device = builder.side.values["tablet:working"]["device_id"]
    by = Actor(
        ActorKind.DEVICE,
        id=device,
        agency_id=builder.agency.id,
        district=builder.agency.district,
        device_id=device,
    )
    for name in ("append", "end"):
        described = upload_rules.describe(metadata_of(name.encode()), len(name))
        with builder.make.writing():
            upload = uploads.create_upload(described, lifetime=LASTING, by=by, at=builder.make.at)
        builder.keep(f"upload:{name}", upload)
    _mismatch(builder, by)


def _mismatch(builder: Builder, by: Actor) -> None:
    """A file that was not what the tablet had said, on the review list."""
    said = upload_rules.describe(metadata_of(builder.agency.id.bytes), 16)
    storage = builder.make.flask_app.extensions["suicha_storage"]
    key = f"uploads/{db.new_id()}/0-seed"
    storage.put(key, b"x" * 16)
    with builder.make.writing():
        upload = uploads.create_upload(said, lifetime=LASTING, by=by, at=builder.make.at)
    with builder.make.flask_app.app_context():
        whole = uploads.join_whole(storage, upload, key)
        with db.transaction():
            uploads.finish_upload(upload, whole, by=by, at=builder.make.at)
        mismatches.list_quarantined_files(at=builder.make.at)
        query = sa.select(ReviewItem).where(
            ReviewItem.agency_id == builder.agency.id, ReviewItem.key.startswith("file:")
        )
        builder.keep("item:file", db.db.session.scalars(query).one())
    storage.discard([key])
    by = builder.actor(Role.SUPERVISOR)
    for name in ("rescue-append", "rescue-end"):
        described = upload_rules.describe(
            metadata_of(name.encode(), upload_rules.RESCUE), len(name)
        )
        with builder.make.writing():
            upload = uploads.create_upload(described, lifetime=LASTING, by=by, at=builder.make.at)
        builder.keep(f"upload:{name}", upload)


def metadata_of(content: bytes, role: str = "photo") -> str:
    """The `Upload-Metadata` of a document."""
    given = {
        "sha256": sha256(content).hexdigest(),
        "size": str(len(content)),
        "mime": "text/plain",
        "role": role,
    }
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in given.items())
