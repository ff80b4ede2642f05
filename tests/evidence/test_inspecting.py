"""Pictures are looked into after they arrived: once, by whoever is first, forgotten by nobody."""

import threading
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

import flask
import pytest
import sqlalchemy as sa

from app import entry
from app.access import Role
from app.clock import monotonic
from app.db import db, transaction
from app.evidence import inspecting, service
from app.evidence.images import MARK_BYTES, begins_as_picture
from app.evidence.inspecting import Inspector, inspect_pictures
from app.evidence.models import Evidence, EvidencePrint
from app.evidence.rules import EvidenceState, object_key
from app.journal.models import JournalEntry
from sync.simulate import photo
from tests.chance import chance
from tests.evidence.test_images import encoded
from tests.factories import Make

NOW = timedelta(seconds=-1)


def bring(make: Make, data: bytes, mime: str = "image/jpeg") -> Evidence:
    """What the last piece of an upload leaves behind."""
    agency, digest = make.home(), sha256(data).hexdigest()
    entry.storage().put(object_key(agency.id, digest), data)
    glance = service.glance_at(entry.storage(), agency.id, digest, mime=mime)
    with transaction():
        return service.record_stored(
            digest,
            glance,
            size_bytes=len(data),
            mime=mime,
            role="photo",
            agency_id=agency.id,
            district=agency.district,
            by=make.by(agency),
            at=make.at,
        )


def again(row: Evidence) -> Evidence:
    return db.session.get_one(Evidence, row.id, populate_existing=True)


def events(event: str) -> int:
    query = sa.select(sa.func.count()).where(JournalEntry.event == event)
    return db.session.scalar(query) or 0


@pytest.fixture
def picture(make: Make) -> bytes:
    return photo.take(chance(3), at=make.at, lat_e7=312204560, lon_e7=1214246780)


def test_what_is_known_of_a_picture_comes_later_and_once(
    make: Make, app_context: flask.Flask, picture: bytes
) -> None:
    row = bring(make, picture)
    assert (row.state, row.uninspected, row.thumbnail, row.width) == ("stored", True, False, None)
    version = row.version

    assert inspect_pictures(at=make.at, left_after=NOW).startswith("1 pictures")
    assert inspect_pictures(at=make.at, left_after=NOW).startswith("0 pictures")

    row = again(row)
    assert (row.uninspected, row.thumbnail, row.lat_e7) == (False, True, 312204560)
    assert row.version == version + 1, "tablets hear of it"
    assert db.session.get(EvidencePrint, row.id) is not None
    assert events("evidence.inspected") == 1


def test_the_timetable_leaves_a_new_picture_to_the_web_process(
    make: Make, app_context: flask.Flask, picture: bytes
) -> None:
    row = bring(make, picture)
    inspect_pictures(at=make.at + timedelta(seconds=30))
    assert again(row).uninspected
    inspect_pictures(at=make.at + timedelta(seconds=61))
    assert not again(row).uninspected


def test_of_two_who_look_one_is_counted(
    make: Make, app_context: flask.Flask, picture: bytes
) -> None:
    row = bring(make, picture)
    storage = entry.storage()
    found = service.inspect_stored(storage, row.agency_id, row.sha256, mime=row.mime)
    for first in (True, False):
        with transaction():
            counted = service.record_inspected(row.id, found, by=make.by(make.home()), at=make.at)
        assert counted is first
    assert events("evidence.inspected") == 1


def test_a_picture_whose_bytes_are_gone_stops_no_other(
    make: Make, app_context: flask.Flask, picture: bytes
) -> None:
    gone, other = bring(make, picture), bring(make, picture + b"\0")
    entry.storage().delete(object_key(gone.agency_id, gone.sha256))
    told = inspect_pictures(at=make.at, left_after=NOW)
    assert told == "1 pictures looked into, 1 not in the storage"
    assert (again(gone).uninspected, again(other).uninspected) == (True, False)


@pytest.mark.parametrize(
    ("data", "mime", "state"),
    [
        (b"", "image/jpeg", "not-a-picture"),
        (b"words", "image/jpeg", "not-a-picture"),
        (b"words", "text/plain", "stored"),
    ],
)
def test_what_does_not_begin_as_a_picture_is_told_at_once(
    make: Make, app_context: flask.Flask, data: bytes, mime: str, state: str
) -> None:
    row = bring(make, data, mime)
    assert (row.state, row.uninspected) == (state, False)


def test_a_damaged_picture_is_told_when_it_is_looked_into(
    make: Make, app_context: flask.Flask, picture: bytes
) -> None:
    row = bring(make, picture[: len(picture) // 2])
    assert row.state == EvidenceState.STORED
    inspect_pictures(at=make.at, left_after=NOW)
    assert (again(row).state, again(row).thumbnail) == (EvidenceState.NOT_A_PICTURE, False)


def test_who_asks_for_a_thumbnail_first_has_it_made(
    make: Make, flask_app: flask.Flask, picture: bytes
) -> None:
    with flask_app.app_context():
        row = bring(make, picture)
    chen, address = make.signed_in(Role.SUPERVISOR), f"/api/v1/evidence/{row.id}"
    assert chen.get(address).get_json()["inspected"] is False
    assert chen.get(f"{address}/thumbnail").mimetype == "image/jpeg"
    assert chen.get(address).get_json()["inspected"] is True


def test_a_process_that_is_never_quiet_looks_all_the_same(
    make: Make, flask_app: flask.Flask, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with flask_app.app_context():
        row = bring(make, picture)
    monkeypatch.setattr(inspecting, "PATIENCE_S", 2.0)
    inspector = Inspector(flask_app, lambda: 0.0)
    inspector.start()
    begun = monotonic()
    inspector.add(row.id)

    def is_done() -> bool:
        with flask_app.app_context():
            return not again(row).uninspected

    wait_until(is_done)
    assert monotonic() - begun >= 2.0


def wait_until(true: Callable[[], bool]) -> None:
    until = monotonic() + 20
    while not true():
        assert monotonic() < until
        threading.Event().wait(0.05)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_every_format_is_known_by_its_beginning(name: str) -> None:
    assert begins_as_picture(encoded(name)[:MARK_BYTES])
