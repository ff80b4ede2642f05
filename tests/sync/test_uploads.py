"""Photos that break off anywhere: one evidence row, whatever happens."""

import errno
import os
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import transaction
from app.evidence.models import Evidence
from app.evidence.rules import object_key, thumbnail_key
from scheduler.jobs import JOBS
from sync.devices import service as devices
from sync.devices.models import DeviceToken
from sync.devices.rules import DeviceState
from sync.uploads import rules
from sync.uploads.models import Upload
from tests.sync.conftest import Stage
from tests.sync.tablet import Answer
from tests.sync.tus import Tus, described, photo, problem, sha256
from tests.sync.uploaded import (
    events,
    evidence_of,
    pieces,
    storage_of,
    stored,
    upload_of,
)

# --- the way a photo takes ------------------------------------------------------------------------


def test_a_photo_in_pieces_becomes_one_evidence(stage: Stage, tus: Tus):
    data = photo()

    location = tus.send(data, step=1000)

    assert stored(stage, data) == data
    row = evidence_of(stage, data)
    assert (row.state, row.size_bytes, row.uninspected) == ("stored", len(data), True)
    stage.look_into_pictures()
    row = evidence_of(stage, data)
    assert (row.state, row.width, row.height, row.uninspected) == ("stored", 640, 480, False)
    assert (row.lat_e7, row.lon_e7) == (312204560, 1214246780)
    assert row.taken_at == datetime(2026, 11, 21, 0, 59, 30, tzinfo=UTC)
    assert (row.stored_by_kind, row.stored_by_id) == ("device", tus.tablet.device_id)
    small = storage_of(stage).get(thumbnail_key(row.agency_id, row.sha256))
    assert small[:3] == b"\xff\xd8\xff"
    assert b"Exif" not in small
    assert (events(stage, "evidence.stored"), events(stage, "evidence.inspected")) == (1, 1)
    assert upload_of(stage, location).state == "done"
    assert pieces(stage) == []


def test_creation_tells_where_and_until_when(stage: Stage, tus: Tus):
    data = photo()
    answer = tus.create(data)
    assert answer.status == 201
    assert answer.headers["Upload-Offset"] == "0"
    expires = parsedate_to_datetime(answer.headers["Upload-Expires"])
    assert expires == stage.clock() + timedelta(days=14)
    assert tus.patch(answer.headers["Location"], 0, data[:9]).headers["Upload-Expires"]


def test_creation_may_bring_the_first_bytes_or_all(stage: Stage, tus: Tus):
    first, second = photo(1), photo(2)

    part = tus.create(first, body=first[:1000])
    assert (part.status, part.headers["Upload-Offset"]) == (201, "1000")
    assert tus.patch(part.headers["Location"], 1000, first[1000:]).status == 204
    whole = tus.create(second, body=second)
    assert (whole.status, whole.headers["Upload-Offset"]) == (201, str(len(second)))

    assert (stored(stage, first), stored(stage, second)) == (first, second)


def test_what_comes_with_creation_under_another_type_is_no_content(tus: Tus):
    data = photo()
    answer = tus.create(data, body=data, Content_Type="application/json")
    assert (answer.status, answer.headers["Upload-Offset"]) == (201, "0")


def test_an_empty_file_is_whole_when_it_is_announced(stage: Stage, tus: Tus):
    answer = tus.create(b"")
    assert (answer.status, answer.headers["Upload-Offset"]) == (201, "0")
    assert stored(stage, b"") == b""
    assert evidence_of(stage, b"").state == "not-a-picture"
    assert tus.patch(answer.headers["Location"], 0, b"").status == 204


def test_head_tells_everything_and_is_never_cached(tus: Tus):
    data = photo()
    location = tus.begin(data)
    tus.patch(location, 0, data[:100])
    answer = tus.head(location)
    assert answer.status == 200
    assert answer.headers["Upload-Offset"] == "100"
    assert answer.headers["Upload-Length"] == str(len(data))
    assert "sha256 " in answer.headers["Upload-Metadata"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body == b""


def test_an_announced_type_is_not_opened_as_a_picture(stage: Stage, tus: Tus):
    tus.send(b"moving pictures", mime="video/mp4")
    row = evidence_of(stage, b"moving pictures")
    assert (row.state, row.mime, row.thumbnail) == ("stored", "video/mp4", False)


# --- twice, and from elsewhere --------------------------------------------------------------------


def test_an_upload_asked_for_again_is_the_same_one(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])
    again = tus.create(data)
    assert (again.headers["Location"], again.headers["Upload-Offset"]) == (location, "1000")
    tus.patch(location, 1000, data[1000:])
    third = tus.create(data, body=data)
    assert (third.headers["Location"], third.headers["Upload-Offset"]) == (location, str(len(data)))
    assert stage.count(Upload) == stage.count(Evidence) == 1


def test_what_the_agency_has_needs_no_bytes(stage: Stage, tus: Tus):
    data = photo()
    tus.send(data)
    colleague = Tus(stage.tablet("bo"))

    answer = colleague.create(data)

    assert (answer.status, answer.headers["Upload-Offset"]) == (201, str(len(data)))
    location = answer.headers["Location"]
    assert problem(colleague.patch(location, 0, data)) == (409, "upload-offset-wrong")
    assert colleague.offset(location) == len(data)
    assert events(stage, "evidence.stored") == 1


def test_what_another_agency_has_is_never_told(stage: Stage, tus: Tus):
    data = photo()
    tus.send(data)
    other = stage.make.agency("310107", "普陀区卫生监督所")
    officer = stage.make.officer(other)
    account = stage.make.account(Role.OFFICER, login="fang", agency=other, officer=officer)
    stage.logins["fang"] = account
    stranger = Tus(stage.tablet("fang"))

    answer = stranger.create(data)

    assert (answer.status, answer.headers["Upload-Offset"]) == (201, "0")
    stranger.patch(answer.headers["Location"], 0, data)
    assert stage.count(Evidence) == 2
    assert events(stage, "evidence.stored") == 2


def test_the_upload_of_another_tablet_is_not_there(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    colleague = Tus(stage.tablet("bo"))
    for answer in (
        colleague.patch(location, 0, data),
        colleague.ask("DELETE", location),
    ):
        assert problem(answer) == (404, "upload-missing")
        assert "Upload-Offset" not in answer.headers
    assert colleague.head(location).status == 404
    assert colleague.begin(data) != location


# --- what is not what it claims -------------------------------------------------------------------


def test_other_bytes_than_announced_are_kept_apart_and_told(stage: Stage, tus: Tus):
    data, other = photo(1), photo(2)
    announced = described(other, size=str(len(data)))
    location = tus.create(data, said=announced).headers["Location"]

    answer = tus.patch(location, 0, data)

    assert problem(answer) == (460, "hash-mismatch")
    upload = upload_of(stage, location)
    assert upload.state == "hash-mismatch"
    assert storage_of(stage).get(f"quarantine/{upload.agency_id}/{upload.id}") == data
    assert stage.count(Evidence) == 0
    assert not storage_of(stage).exists(object_key(upload.agency_id, sha256(other)))
    assert events(stage, "upload.quarantined") == 1
    assert tus.head(location).status == 410
    assert pieces(stage) == []
    assert tus.create(data, said=announced).headers["Location"] != location


def bomb() -> bytes:
    """A small file that says it holds more pixels than anybody photographs."""
    data = bytearray(photo())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (photo()[:-2000], "not-a-picture"),
        (b"not a picture at all", "not-a-picture"),
        (bomb(), "picture-too-large"),
    ],
    ids=["truncated", "text", "bomb"],
)
def test_a_photo_that_cannot_be_opened_is_kept_and_told_by_its_state(
    stage: Stage, tus: Tus, data: bytes, state: str
):
    tus.send(data)
    stage.look_into_pictures()
    row = evidence_of(stage, data)
    assert (row.state, row.thumbnail, row.width) == (state, False, None)
    assert stored(stage, data) == data
    assert Tus(stage.tablet("bo")).create(data).headers["Upload-Offset"] == str(len(data))


# --- a device that is suspended, a storage that is full, a power cut ------------------------------


def suspend(stage: Stage, tus: Tus, state: str = "suspended") -> None:
    """What a supervisor decides about a tablet."""
    by = stage.make.by(stage.make.home())
    with stage.make.writing():
        wanted = DeviceState(state)
        devices.change_state(tus.tablet.device_id, wanted, "遗失", by=by, at=stage.clock())


@pytest.mark.parametrize("state", ["suspended", "wipe-requested"])
def test_a_suspended_tablet_still_gets_rid_of_its_photos(stage: Stage, tus: Tus, state: str):
    suspend(stage, tus, state)
    data = photo()
    tus.send(data)
    assert stored(stage, data) == data


def test_a_suspended_tablet_has_two_gibibytes_a_day(stage: Stage, tus: Tus):
    def announce(number: int, size: int = rules.VIDEO_BYTES) -> Answer:
        return tus.announce(f"{number:064x}", size, "video/mp4")

    last_forever(stage)
    suspend(stage, tus)
    assert [announce(number).status for number in range(8)] == [201] * 8

    refused = announce(8)

    assert problem(refused) == (429, "push-cap-reached")
    assert announce(0).status == 201  # begun already
    assert announce(9, size=1024).status == 201
    wait = int(refused.headers["Retry-After"])
    stage.clock.forward(seconds=wait - 2)
    assert announce(8).status == 429
    stage.clock.forward(seconds=2)
    assert announce(8).status == 201


def test_an_active_tablet_has_no_cap(stage: Stage, tus: Tus):
    found = [tus.announce(f"{n:064x}", rules.VIDEO_BYTES, "video/mp4").status for n in range(9)]
    assert found == [201] * 9


def last_forever(stage: Stage) -> None:
    """Let access tokens outlive what the test waits for."""
    with stage.flask_app.app_context(), transaction() as session:
        session.execute(
            sa.update(DeviceToken).values(access_until=stage.clock() + timedelta(days=100))
        )


def test_a_full_storage_answers_503_and_nothing_has_changed(
    stage: Stage, tus: Tus, monkeypatch: pytest.MonkeyPatch
):
    data = photo()
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        answer = tus.patch(location, 1000, data[1000:])
    assert problem(answer) == (503, "storage-full")
    assert int(answer.headers["Retry-After"]) > 0
    assert tus.offset(location) == 1000
    assert tus.patch(location, 1000, data[1000:]).status == 204
    assert stored(stage, data) == data


@pytest.mark.parametrize(
    ("left", "offset"), [(None, 0), (0, 0), (100, 0), (1000, 1000), (1100, 1000)]
)
def test_what_a_power_cut_took_is_sent_again(stage: Stage, tus: Tus, left: int | None, offset: int):
    data = photo(edge=1600)
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])
    tus.patch(location, 1000, data[1000:2000])
    storage = storage_of(stage)
    (key,) = pieces(stage)
    if left is None:
        storage.delete(key)
    else:
        storage.put(key, storage.get(key)[:left])

    answer = tus.patch(location, 2000, data[2000:])

    assert problem(answer) == (409, "upload-offset-wrong")
    assert answer.json["offset"] == tus.offset(location) == offset
    assert list(storage.list("quarantine")) == []
    tus.send(data)
    assert stored(stage, data) == data
    assert pieces(stage) == []


# --- what the timetable clears --------------------------------------------------------------------


def expire(stage: Stage) -> str:
    """What the timetable does every night."""
    with stage.flask_app.app_context():
        return JOBS["expire-uploads"].run(at=stage.clock())


def test_an_expired_upload_is_gone_and_its_bytes_are_cleared(stage: Stage, tus: Tus):
    data, other = photo(1), photo(2)
    last_forever(stage)
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])
    done = tus.send(other)
    stage.clock.forward(days=14, seconds=-1)
    assert tus.offset(location) == 1000
    stage.clock.forward(seconds=1)

    gone = tus.patch(location, 1000, data[1000:])

    assert problem(gone) == (410, "gone")
    assert "Upload-Offset" not in gone.headers
    assert expire(stage).startswith("1 uploads ended")
    assert pieces(stage) == []
    assert expire(stage).startswith("0 uploads ended")
    assert upload_of(stage, location).state == "ended"
    assert upload_of(stage, done).state == "done"
    assert stored(stage, other) == other
    assert tus.begin(data) != location


def test_only_old_pieces_that_do_not_count_are_swept(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])
    (counted,) = pieces(stage)
    storage, upload = storage_of(stage), counted.partition(".")[0]
    strays = [f"{upload}.1000-killed", f"uploads/{UUID(int=5)}.0-x", "uploads/odd"]
    for key in (*strays, f"{upload}.1000-young"):
        storage.put(key, b"stray")
    old = (stage.clock() - timedelta(days=1, seconds=1)).timestamp()
    young = (stage.clock() - timedelta(hours=23)).timestamp()
    root = Path(stage.flask_app.extensions["suicha_config"].data_dir) / "evidence"
    for key in (counted, *strays):
        os.utime(root / key, (old, old))
    os.utime(root / f"{upload}.1000-young", (young, young))

    assert "3 orphans" in expire(stage)

    assert sorted(pieces(stage)) == sorted([counted, f"{upload}.1000-young"])
    tus.send(data)
    assert stored(stage, data) == data
