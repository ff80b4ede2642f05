"""Photos that break off anywhere: tus 1.0.0 word for word, one evidence row whatever happens."""

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import flask
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.access import Role
from app.db import db, transaction
from app.evidence.models import Evidence
from app.evidence.rules import object_key, thumbnail_key
from app.journal.models import JournalEntry
from app.storage import Storage
from scheduler.jobs import JOBS
from sync.devices import service as devices
from sync.devices.models import DeviceToken
from sync.devices.rules import DeviceState
from sync.uploads import rules
from sync.uploads.models import Upload
from tests.sync.conftest import Stage
from tests.sync.tablet import Answer, Tablet
from tests.sync.tus import OCTETS, Tus, checksum, described, photo, problem, sha256


@pytest.fixture
def tus(tablet: Tablet) -> Tus:
    """An's tablet, that speaks tus."""
    return Tus(tablet)


def storage_of(stage: Stage) -> Storage:
    """Where the application keeps photos."""
    found: Storage = stage.flask_app.extensions["suicha_storage"]
    return found


def evidence_of(stage: Stage, data: bytes) -> Evidence:
    """The one row of this content."""
    with stage.flask_app.app_context():
        return db.session.scalars(sa.select(Evidence).where(Evidence.sha256 == sha256(data))).one()


def stored(stage: Stage, data: bytes) -> bytes:
    """The bytes that lie under this content's name."""
    return storage_of(stage).get(object_key(evidence_of(stage, data).agency_id, sha256(data)))


def upload_of(stage: Stage, location: str) -> Upload:
    """The row of an upload."""
    return stage.one(Upload, location.rsplit("/", 1)[1])


def pieces(stage: Stage) -> list[str]:
    """The objects that wait to be joined."""
    return [found.key for found in storage_of(stage).list("uploads")]


def events(stage: Stage, event: str) -> int:
    """How often something was journalled."""
    return stage.count(JournalEntry, JournalEntry.event == event)


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


# --- what tus demands -----------------------------------------------------------------------------


def test_options_tell_what_is_offered_to_anybody(stage: Stage, client: FlaskClient):
    for path in ("/api/sync/v1/uploads", f"/api/sync/v1/uploads/{UUID(int=1)}"):
        answer = client.options(path, headers={"Tus-Resumable": "0.2.2"})
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            *("creation", "creation-with-upload", "checksum", "expiration", "termination")
        }
        assert answer.headers["Tus-Max-Size"] == str(4 * 1024**3)
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


@pytest.mark.parametrize("version", ["", "0.2.2", "1.0", "2.0.0"])
def test_another_version_is_refused_unread(stage: Stage, tus: Tus, version: str):
    data = photo()
    location = tus.begin(data)
    for answer in (
        tus.create(photo(2), Tus_Resumable=version),
        tus.patch(location, 0, data, Tus_Resumable=version),
        tus.ask("DELETE", location, Tus_Resumable=version),
    ):
        assert problem(answer) == (412, "tus-version-unsupported")
        assert answer.headers["Tus-Version"] == "1.0.0"
    assert tus.head(location, Tus_Resumable=version).status == 412
    assert tus.offset(location) == 0
    assert stage.count(Upload) == 1


def test_every_answer_carries_the_version(tus: Tus):
    data = photo()
    location = tus.begin(data)
    answers = {
        200: tus.head(location),
        204: tus.patch(location, 0, data[:9]),
        404: tus.head(f"/uploads/{UUID(int=1)}"),
        405: tus.ask("PUT", location),
        409: tus.patch(location, 0, data),
        415: tus.patch(location, 9, data, Content_Type="image/jpeg"),
    }
    missing = tus.ask("HEAD", "/uploads/no-id")
    assert missing.status == 404
    stranger = tus.ask("HEAD", location, Authorization="Bearer x")
    assert stranger.status == 401
    for answer in (*answers.values(), missing, stranger):
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert [answer.status for answer in answers.values()] == list(answers)


def test_a_patch_at_another_offset_changes_nothing(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])
    for offset in (0, 999, 1001, len(data)):
        answer = tus.patch(location, offset, data[1000:1100])
        assert problem(answer) == (409, "upload-offset-wrong")
        assert answer.json["offset"] == 1000
    assert tus.offset(location) == 1000
    assert len(pieces(stage)) == 1


@pytest.mark.parametrize("offset", ["", "-1", "1.5", "abc"])
def test_an_offset_that_is_no_number_is_refused(tus: Tus, offset: str):
    location = tus.begin(photo())
    answer = tus.ask("PATCH", location, b"x", Upload_Offset=offset, Content_Type=OCTETS)
    assert problem(answer) == (400, "bad-request")


@pytest.mark.parametrize("content_type", ["application/json", "image/jpeg", ""])
def test_a_patch_of_another_type_is_refused(tus: Tus, content_type: str):
    location = tus.begin(photo())
    answer = tus.patch(location, 0, b"x", Content_Type=content_type)
    assert problem(answer) == (415, "media-type-unsupported")


def test_an_empty_patch_changes_nothing(stage: Stage, tus: Tus):
    location = tus.begin(photo())
    answer = tus.patch(location, 0, b"")
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, "0")
    assert pieces(stage) == []


def test_a_whole_upload_takes_nothing_more(tus: Tus):
    data = photo()
    location = tus.send(data)
    assert tus.patch(location, len(data), b"").status == 204
    assert problem(tus.patch(location, len(data), b"x")) == (413, "too-large")
    assert problem(tus.patch(location, 0, data)) == (409, "upload-offset-wrong")
    assert "Upload-Expires" not in tus.head(location).headers


@pytest.mark.parametrize(
    ("size", "mime"), [(rules.PHOTO_BYTES, "image/jpeg"), (rules.VIDEO_BYTES, "video/mp4")]
)
def test_a_file_above_its_limit_is_refused_before_it_begins(tus: Tus, size: int, mime: str):
    assert tus.announce("0" * 64, size, mime).status == 201
    refused = tus.announce("1" * 64, size + 1, mime)
    assert problem(refused) == (413, "too-large")
    assert refused.json["largest_bytes"] == size


def test_more_bytes_than_were_declared_are_refused(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])
    assert problem(tus.patch(location, 1000, data[1000:] + b"x")) == (413, "too-large")
    assert tus.offset(location) == 1000


@pytest.mark.parametrize(
    "length", [None, "", "-1", "1e3", "99999999999999999999"], ids=lambda x: f"<{x}>"
)
def test_an_upload_needs_a_length(stage: Stage, tus: Tus, length: str | None):
    given = {} if length is None else {"Upload_Length": length}
    headers = {"Upload_Metadata": "sha256 YQ==", "Upload_Defer_Length": "1", **given}
    answer = tus.ask("POST", "/uploads", b"", **headers)
    assert problem(answer) == (400, "bad-request")
    assert stage.count(Upload) == 0


def test_a_description_that_cannot_be_is_refused(stage: Stage, tus: Tus):
    data = photo()
    for wrong in ({"size": "1"}, {"sha256": "x"}, {"op_id": "1"}, {"mime": "x"}, {"role": "A"}):
        assert problem(tus.create(data, said=described(data, **wrong))) == (400, "bad-request")
    assert stage.count(Upload) == 0


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_with_its_checksum_is_taken(stage: Stage, tus: Tus, algorithm: str):
    data = photo()
    location = tus.begin(data)
    for start, end in ((0, 1000), (1000, len(data))):
        piece = data[start:end]
        answer = tus.patch(location, start, piece, Upload_Checksum=checksum(piece, algorithm))
        assert answer.status == 204
    assert stored(stage, data) == data


def test_a_later_piece_with_another_checksum_leaves_those_before(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])
    wrong = tus.patch(location, 1000, data[1000:3000], Upload_Checksum=checksum(data[:999]))
    assert problem(wrong) == (460, "checksum-mismatch")
    assert tus.offset(location) == 1000
    assert tus.patch(location, 1000, data[1000:]).status == 204
    assert stored(stage, data) == data


def test_a_piece_with_another_checksum_is_dropped_whole(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    wrong = tus.patch(location, 0, data[:1000], Upload_Checksum=checksum(data[:999]))
    assert problem(wrong) == (460, "checksum-mismatch")
    assert tus.offset(location) == 0
    assert pieces(stage) == []
    for header in ("md5 YQ==", "sha1 ?", "sha256"):
        answer = tus.patch(location, 0, data[:1000], Upload_Checksum=header)
        assert answer.status == (460 if header == "sha256" else 400)
    assert tus.offset(location) == 0


def test_the_overriding_method_counts(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    over = {"X_HTTP_Method_Override": "PATCH", "Upload_Offset": "0", "Content_Type": OCTETS}
    assert tus.ask("POST", location, data[:50], **over).headers["Upload-Offset"] == "50"
    head = tus.ask("GET", location, X_HTTP_Method_Override="HEAD")
    assert head.headers["Upload-Offset"] == "50"
    assert tus.ask("POST", location, X_HTTP_Method_Override="DELETE").status == 204
    assert tus.ask("POST", X_HTTP_Method_Override="BREW").status == 405


def test_the_overriding_method_counts_nowhere_else(client: FlaskClient):
    answer = client.get("/healthz", headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 200


def test_a_terminated_upload_is_gone_with_its_bytes(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])

    assert tus.ask("DELETE", location).status == 204

    assert pieces(stage) == []
    for answer in (tus.patch(location, 1000, data[1000:]), tus.ask("DELETE", location)):
        assert problem(answer) == (410, "gone")
        assert "Upload-Offset" not in answer.headers
    head = tus.head(location)
    assert (head.status, "Upload-Offset" in head.headers) == (410, False)
    assert tus.begin(data) != location


def test_evidence_outlives_its_upload(stage: Stage, tus: Tus):
    data = photo()
    location = tus.send(data)
    assert tus.ask("DELETE", location).status == 204
    assert tus.head(location).status == 410
    assert stored(stage, data) == data


# --- a line that breaks ---------------------------------------------------------------------------

Read = Callable[[int], bytes]


def feed(chunks: Iterator[bytes]) -> Read:
    """A server's input that gives what comes, and at its end nothing, as a cut line looks."""
    rest = bytearray()

    def read(size: int) -> bytes:
        while len(rest) < size:
            chunk = next(chunks, b"")
            if not chunk:
                break
            rest.extend(chunk)
        found = bytes(rest[:size])
        del rest[:size]
        return found

    return read


class Input:
    """What a WSGI server hands over as the body."""

    def __init__(self, read: Read) -> None:
        self.read = read


def slow_patch(
    stage: Stage,
    tus: Tus,
    location: str,
    offset: int,
    promised: int | None,
    read: Read,
    **headers: str,
) -> Answer:
    """A PATCH whose body comes as `read` gives it; `promised` is its Content-Length."""
    out: dict[str, Any] = {}

    def start_response(status: str, given: list[tuple[str, str]], _info: Any = None) -> None:
        out.update(status=int(status[:3]), headers=dict(given))

    environ: dict[str, Any] = {
        "REQUEST_METHOD": "PATCH",
        "PATH_INFO": location,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": Input(read),
        "wsgi.input_terminated": True,
        "CONTENT_TYPE": OCTETS,
        "HTTP_AUTHORIZATION": f"Bearer {tus.tablet.access}",
        "HTTP_TUS_RESUMABLE": "1.0.0",
        "HTTP_UPLOAD_OFFSET": str(offset),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    if promised is not None:
        environ["CONTENT_LENGTH"] = str(promised)
    body = b"".join(stage.flask_app(environ, start_response))  # type: ignore[arg-type]  # less exact
    return Answer(out["status"], out["headers"], body)


@pytest.mark.parametrize("arrived", [0, 1, 1000, 16384, 16385])
def test_a_cut_piece_keeps_as_many_bytes_as_arrived(stage: Stage, tus: Tus, arrived: int):
    data = photo(edge=1600)
    location = tus.begin(data)
    answer = slow_patch(stage, tus, location, 0, len(data), feed(iter([data[:arrived]])))
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(arrived))
    assert tus.offset(location) == arrived
    assert tus.patch(location, arrived, data[arrived:]).status == 204
    assert stored(stage, data) == data


def test_a_line_that_breaks_with_an_error_keeps_what_arrived(stage: Stage, tus: Tus):
    data = photo(edge=1600)
    location = tus.begin(data)
    chunks = feed(iter([data[:16384]]))

    def read(size: int) -> bytes:
        found = chunks(size)
        if not found:
            raise ConnectionResetError
        return found

    answer = slow_patch(stage, tus, location, 0, len(data), read)
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, "16384")


def test_a_cut_piece_with_a_checksum_is_dropped_whole(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    answer = slow_patch(
        *(stage, tus, location, 0, 1000),
        feed(iter([data[:999]])),
        Upload_Checksum=checksum(data[:999]),
    )
    assert problem(answer) == (460, "checksum-mismatch")
    assert tus.offset(location) == 0


def test_a_body_without_length_is_bounded_all_the_same(stage: Stage, tus: Tus):
    data = photo()
    location = tus.begin(data)
    first = slow_patch(stage, tus, location, 0, None, feed(iter([data[:1000]])))
    assert first.headers["Upload-Offset"] == "1000"
    more = slow_patch(stage, tus, location, 1000, None, feed(iter([data[1000:], b"x"])))
    assert problem(more) == (413, "too-large")
    assert tus.offset(location) == 1000
    rest = slow_patch(stage, tus, location, 1000, None, feed(iter([data[1000:]])))
    assert rest.headers["Upload-Offset"] == str(len(data))
    assert stored(stage, data) == data


# --- two writers ----------------------------------------------------------------------------------


def pausing(data: bytes, pause: Callable[[], None]) -> Iterator[bytes]:
    """Half of the bytes, something that takes longer than a moment, the rest."""
    half = len(data) // 2
    yield data[:half]
    pause()
    yield data[half:]


def test_a_parallel_patch_is_locked_out_and_the_first_goes_on(
    stage: Stage, tus: Tus, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sync.uploads.api.LEASE_AFTER_S", 0.0)
    data = photo(edge=1600)
    location = tus.begin(data)
    other = Tus(tablet_again(stage, tus.tablet))
    seen: list[Answer] = []

    def meanwhile() -> None:
        seen.append(other.patch(location, 0, data))
        seen.append(other.head(location))

    answer = slow_patch(stage, tus, location, 0, len(data), feed(pausing(data, apart(meanwhile))))

    assert problem(seen[0]) == (423, "upload-locked")
    assert seen[1].headers["Upload-Offset"] == "0"
    assert answer.status == 204
    assert stored(stage, data) == data
    assert upload_of(stage, location).lease is None


def test_a_lease_without_heartbeat_is_taken_over(
    stage: Stage, tus: Tus, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sync.uploads.api.LEASE_AFTER_S", 0.0)
    data = photo(edge=1600)
    location = tus.begin(data)
    other = Tus(tablet_again(stage, tus.tablet))
    seen: list[Answer] = []

    def meanwhile() -> None:
        stage.clock.forward(seconds=14)
        seen.append(other.patch(location, 0, data[:5000]))
        stage.clock.forward(seconds=2)
        seen.append(other.patch(location, 0, data[:5000]))

    answer = slow_patch(stage, tus, location, 0, len(data), feed(pausing(data, apart(meanwhile))))

    assert [one.status for one in seen] == [423, 204]
    assert problem(answer) == (409, "upload-offset-wrong")
    assert tus.offset(location) == 5000
    assert tus.patch(location, 5000, data[5000:]).status == 204
    assert stored(stage, data) == data
    assert pieces(stage) == []


def test_who_is_taken_over_writes_on_where_it_does_not_count(
    stage: Stage, tus: Tus, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sync.uploads.api.LEASE_AFTER_S", 0.0)
    data = photo(edge=1600)
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])
    other = Tus(tablet_again(stage, tus.tablet))
    seen: list[Answer] = []

    def meanwhile() -> None:
        stage.clock.forward(seconds=16)
        seen.append(other.patch(location, 1000, data[1000:5000]))
        seen.append(other.patch(location, 5000, data[5000:9000]))

    wrong = bytes(len(data) - 1000)
    answer = slow_patch(
        stage, tus, location, 1000, len(wrong), feed(pausing(wrong, apart(meanwhile)))
    )

    assert [one.status for one in seen] == [204, 204]
    assert problem(answer) == (409, "upload-offset-wrong")
    assert tus.offset(location) == 9000
    assert tus.patch(location, 9000, data[9000:]).status == 204
    assert stored(stage, data) == data
    assert pieces(stage) == []


def test_what_did_not_count_does_not_hinder_what_comes_next(stage: Stage, tus: Tus):
    data = photo(edge=1600)
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])
    root = Path(stage.flask_app.extensions["suicha_config"].data_dir) / "evidence"
    (counted,) = pieces(stage)
    with (root / counted).open("ab") as killed:
        killed.write(b"what a process wrote before it was killed")

    assert tus.offset(location) == 1000
    assert tus.patch(location, 1000, data[1000:2000]).status == 204
    assert tus.patch(location, 2000, data[2000:]).status == 204
    assert stored(stage, data) == data
    assert pieces(stage) == []


def test_a_heartbeat_keeps_the_lease(stage: Stage, tus: Tus, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sync.uploads.api.LEASE_AFTER_S", 0.0)
    monkeypatch.setattr("sync.uploads.api.HEARTBEAT_S", 0.0)
    data = bytes(1000000)
    location = tus.begin(data, mime="application/zip")
    other = Tus(tablet_again(stage, tus.tablet))
    seen: list[int] = []

    def chunks() -> Iterator[bytes]:
        kib = 1024
        bounds = (0, 16 * kib, 80 * kib, 336 * kib, len(data))  # as the server reads
        for start, end in pairwise(bounds):
            yield data[start:end]
            stage.clock.forward(seconds=10)
            apart(lambda: seen.append(other.patch(location, 0, data).status))()

    answer = slow_patch(stage, tus, location, 0, len(data), feed(chunks()))
    assert (answer.status, seen) == (204, [423, 423, 423])
    assert stored(stage, data) == data


def test_of_two_that_send_the_same_piece_at_once_one_counts(stage: Stage, tus: Tus):
    data = photo(edge=1600)
    location = tus.begin(data)
    together = Barrier(2)

    def late(body: bytes) -> Iterator[bytes]:
        together.wait(20)
        yield body

    def patch(_number: int) -> Answer:
        return slow_patch(stage, tus, location, 0, 1000, feed(late(data[:1000])))

    with ThreadPoolExecutor(2) as pool:
        found = sorted(answer.status for answer in pool.map(patch, range(2)))
    assert found in ([204, 409], [204, 423])
    assert tus.offset(location) == 1000
    assert len(pieces(stage)) == 1


def test_of_two_that_send_the_last_piece_at_once_one_makes_the_evidence(stage: Stage, tus: Tus):
    data = photo(edge=1600)
    location = tus.begin(data)
    together = Barrier(2)

    def late() -> Iterator[bytes]:
        together.wait(20)
        yield data

    def patch(_number: int) -> Answer:
        return slow_patch(stage, tus, location, 0, len(data), feed(late()))

    with ThreadPoolExecutor(2) as pool:
        found = sorted(answer.status for answer in pool.map(patch, range(2)))
    assert found[0] == 204
    assert found[1] in {204, 409, 423}
    assert stored(stage, data) == data
    assert events(stage, "evidence.stored") == 1
    assert pieces(stage) == []


def test_two_tablets_that_bring_one_photo_at_once_make_one_evidence(stage: Stage, tus: Tus):
    data = photo(edge=1600)
    both = [tus, Tus(stage.tablet("bo"))]
    places = [one.begin(data) for one in both]
    together = Barrier(2)

    def late() -> Iterator[bytes]:
        together.wait(20)
        yield data

    def patch(one: Tus, location: str) -> Answer:
        return slow_patch(stage, one, location, 0, len(data), feed(late()))

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(patch, both, places))
    assert [answer.status for answer in found] == [204, 204]
    assert stored(stage, data) == data
    assert events(stage, "evidence.stored") == 1


def apart(do: Callable[[], Any]) -> Callable[[], None]:
    """Let something happen in a thread of its own, as another request does."""

    def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(do).result(30)

    return run


def tablet_again(stage: Stage, tablet: Tablet) -> Tablet:
    """The same tablet on another connection."""
    return Tablet(stage.send(), stage.clock, access=tablet.access, device_id=tablet.device_id)


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


# --- what is written about it ---------------------------------------------------------------------


def test_every_status_is_documented(flask_app: flask.Flask, client: FlaskClient):
    paths: Mapping[str, Any] = client.get("/api/openapi.json").get_json()["paths"]
    one, many = (paths[f"/api/sync/v1/uploads{rest}"] for rest in ("/{upload_id}", ""))
    assert set(many["post"]["responses"]) >= {
        *("201", "400", "401", "403", "409", "412", "413", "423", "429", "460", "503")
    }
    assert set(one["patch"]["responses"]) >= {
        *("204", "400", "401", "403", "404", "409", "410", "412", "413", "415", "423", "460", "503")
    }
    assert set(one["head"]["responses"]) >= {"200", "401", "404", "410", "412"}
    assert set(one["delete"]["responses"]) >= {"204", "401", "404", "410", "412"}
    assert {"204"} <= set(one["options"]["responses"]) & set(many["options"]["responses"])
    for method in ("post", "patch", "head", "delete"):
        for status, answer in {**many, **one}[method]["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (method, status)
