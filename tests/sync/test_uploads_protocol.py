"""tus 1.0.0 word for word: what it demands of every request and answer."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import flask
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.db import db, new_id
from app.journal.models import Installation
from sync.uploads import rules
from sync.uploads.api import PATH
from sync.uploads.models import Upload
from tests.sync.conftest import Stage
from tests.sync.tus import OCTETS, Tus, checksum, described, photo, problem
from tests.sync.uploaded import pieces, stored

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


def test_every_answer_tells_the_epoch_that_another_process_has_just_renewed(
    stage: Stage, client: FlaskClient, tus: Tus
):
    location = tus.begin(b"12345")
    before = client.options(PATH).headers["Sync-Epoch"]
    now = new_id()
    with stage.flask_app.app_context(), db.engine.connect() as another:
        another = another.execution_options(suicha_write=True)
        another.execute(sa.update(Installation).values(epoch=now))
        another.commit()

    told = [
        client.options(PATH).headers["Sync-Epoch"],
        client.post(PATH, headers={"Tus-Resumable": "1.0.0"}).headers["Sync-Epoch"],
        tus.patch(location, 0, b"12345").headers["Sync-Epoch"],
    ]

    assert told == [str(now)] * 3
    assert str(now) != before


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
