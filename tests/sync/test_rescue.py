"""A rescue file: kept whole, imported record by record, twice without doubles, never refused."""

import hashlib
import io
import json
import os
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask.testing import FlaskClient
from PIL import Image

from app.access import Role
from app.evidence.models import Evidence
from app.journal import service as journal
from app.tasks.models import Task
from app.visits.models import VisitAnswer
from sync import operations
from sync.devices import service as devices
from sync.devices.rules import DeviceState
from sync.inbox.models import Operation, Receipt, ReviewItem
from sync.rescue import rules
from sync.rescue.models import RescueFile
from sync.uploads.models import Upload
from tests.factories import OTHER_DISTRICT
from tests.sync.conftest import ITEMS, Stage, answer, start, whole_visit
from tests.sync.tablet import Tablet, b64, canonical, written
from tests.sync.test_review import HEADERS, decide, listed
from tests.sync.tus import Tus, described, metadata, problem

PATH = "/api/sync/v1/rescue"
KEY = bytes(range(32))


@pytest.fixture
def chen(stage: Stage) -> FlaskClient:
    """A supervisor of the agency."""
    return stage.make.signed_in(Role.SUPERVISOR)


def op_record(line: bytes) -> bytes:
    return b'{"kind":"op"}\n' + line + b"\n"


def blob_records(content: bytes, parts: int = 1, digest: str = "") -> list[bytes]:
    name = digest or hashlib.sha256(content).hexdigest()
    size = -(-len(content) // parts)
    return [
        canonical({"kind": "blob", "sha256": name, "part": at, "parts": parts}).encode()
        + b"\n"
        + content[at * size : (at + 1) * size]
        for at in range(parts)
    ]


def header_of(stage: Stage, device_id: object, records: int, **changed: Any) -> dict[str, Any]:
    """The first line, its content key sealed to the server as a tablet does."""
    found = json.loads(stage.flask_app.test_client().get("/.well-known/suicha").data)["rescue_key"]
    ephemeral = X25519PrivateKey.generate()
    epk = ephemeral.public_key().public_bytes_raw()
    server = X25519PublicKey.from_public_bytes(operations.decode_b64(found["key"]))
    wrap = HKDF(SHA256(), 32, salt=epk, info=b"suicha-rescue-1").derive(ephemeral.exchange(server))
    return {
        "format": "suicha-rescue-1",
        "device_id": str(device_id),
        "key_id": found["key_id"],
        "alg": "X25519",
        "epk": b64(epk),
        "sealed": b64(AESGCM(wrap).encrypt(bytes(12), KEY, None)),
        "records": records,
        "at": written(stage.clock()),
        **changed,
    }


def sealed(plain: bytes) -> bytes:
    nonce = os.urandom(12)
    record = nonce + AESGCM(KEY).encrypt(nonce, plain, None)
    return len(record).to_bytes(4, "big") + record


def file_of(
    stage: Stage, device_id: object, plain: Sequence[bytes], *, records: int = -1, **changed: Any
) -> bytes:
    counted = len(plain) if records < 0 else records
    head = canonical(header_of(stage, device_id, counted, **changed)).encode()
    return head + b"\n" + b"".join(sealed(one) for one in plain)


def bring(client: FlaskClient, content: bytes) -> dict[str, Any]:
    found = client.post(PATH, data=content, headers=HEADERS)
    assert found.status_code == 200, found.data
    answered: dict[str, Any] = json.loads(found.data)
    return answered


def picture(shade: int = 90) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, 40, 20)).save(out, "JPEG")
    return out.getvalue()


def test_a_rescue_file_is_imported_whole_as_its_tablet_would_have_pushed_it(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task, photo = stage.task(tablet), picture()
    digest = hashlib.sha256(photo).hexdigest()
    attachment = {"sha256": digest, "size": len(photo), "mime": "image/jpeg", "role": "photo"}
    lines = whole_visit(tablet, task)
    extra = stage.task(tablet)
    lines += [start(tablet, extra), answer(tablet, extra, ITEMS[0], attachments=[attachment])]
    content = file_of(
        stage, tablet.device_id, [*map(op_record, lines), *blob_records(photo, parts=3)]
    )

    first, second = bring(chen, content), bring(chen, content)

    assert first["device_id"] == str(tablet.device_id)
    assert first["broken"] == second["broken"] == []
    assert [one["outcome"] for one in first["results"]] == ["applied"] * len(lines)
    assert [one["outcome"] for one in second["results"]] == ["duplicate"] * len(lines)
    assert [one["receipt"] for one in first["results"]] == [
        one["receipt"] for one in second["results"]
    ]
    assert first["blobs"] == [{"sha256": digest, "state": "stored"}]
    assert second["blobs"] == [{"sha256": digest, "state": "known"}]
    assert stage.one(Task, task.id).state == "submitted"
    assert stage.count(Evidence, Evidence.sha256 == digest, Evidence.state == "stored") == 1
    assert stage.count(Receipt) == len(lines)
    assert stage.count(RescueFile) == 1
    with stage.flask_app.app_context():
        storage = stage.flask_app.extensions["suicha_storage"]
        kept = [one.key for one in storage.list("rescue")]
        assert kept == [f"rescue/{stage.make.home().id}/{first['rescue_id']}"]
        assert storage.get(kept[0]) == content
        assert journal.verify()[1] == []
    item = listed(chen, "?kind=gap")[0]
    assert (item["reason"], item["detail"]["operations"]) == ("rescue-imported", len(lines))
    assert decide(chen, item["id"], "keep").status_code == 200
    pushed = tablet.push(lines[:3]).json["results"]
    assert {one["outcome"] for one in pushed} == {"duplicate"}


def test_a_changed_byte_names_its_record_and_the_others_go_in(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    tasks = [stage.task(tablet) for _ in range(3)]
    lines = [tablet.op("task.accept", task.id, {}) for task in tasks]
    records = [sealed(op_record(line)) for line in lines]
    records[1] = records[1][:-1] + bytes([records[1][-1] ^ 1])
    head = canonical(header_of(stage, tablet.device_id, 3)).encode() + b"\n"

    found = bring(chen, head + b"".join(records))

    assert found["broken"] == [{"record": 2, "reason": "record-broken"}]
    assert [stage.one(Task, task.id).state for task in tasks] == [
        "accepted",
        "assigned",
        "accepted",
    ]
    item = listed(chen, "?reason=rescue-incomplete")[0]
    assert item["detail"]["records"] == [2]
    assert {one["reason"] for one in listed(chen)} == {"rescue-incomplete", "operations-missing"}


def test_a_file_of_a_suspended_or_closed_tablet_waits_for_a_supervisor(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task, home = stage.task(tablet), stage.make.home()
    content = file_of(stage, tablet.device_id, [op_record(tablet.op("task.accept", task.id, {}))])
    with stage.make.writing():
        devices.change_state(
            tablet.device_id,
            DeviceState.CLOSED,
            "密钥遗失",
            by=stage.make.by(home),
            at=stage.clock(),
        )

    found = bring(chen, content)

    result = found["results"][0]
    assert (result["outcome"], result["reason"]) == ("quarantined", "device-suspended")
    item = listed(chen, "?kind=quarantine")[0]
    assert decide(chen, item["id"], "accept").status_code == 200
    assert stage.one(Task, task.id).state == "accepted"


def test_forged_lines_in_a_file_are_judged_as_in_any_push(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    line = stage.tablet("bo").op("task.accept", stage.task(tablet).id, {})

    found = bring(chen, file_of(stage, tablet.device_id, [op_record(line), op_record(b"{}")]))

    assert [one["reason"] for one in found["results"]] == ["malformed", "malformed"]


def test_a_photo_with_another_hash_or_with_a_part_missing_is_named(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    wrong = blob_records(picture(1), digest="ab" * 32)
    half = blob_records(picture(2), parts=2)[:1]

    found = bring(chen, file_of(stage, tablet.device_id, [*wrong, *half]))

    assert found["blobs"] == [{"sha256": "ab" * 32, "state": "hash-mismatch"}]
    assert found["broken"] == [{"record": 0, "reason": "photo-incomplete"}]
    assert stage.count(Evidence) == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no rescue file", "header-unreadable"),
        (b"\n", "header-unreadable"),
        (b"[" * 3000 + b"\n", "header-unreadable"),
        (b'{"format":"suicha-rescue-1"}\n', "header-unreadable"),
    ],
)
def test_whatever_comes_is_kept_whole_and_not_refused(
    stage: Stage, chen: FlaskClient, content: bytes, reason: str
):
    found = bring(chen, content)

    assert found["broken"] == [{"record": 0, "reason": reason}]
    assert (found["device_id"], found["results"]) == (None, [])
    with stage.flask_app.app_context():
        storage = stage.flask_app.extensions["suicha_storage"]
        key = f"rescue/{stage.make.home().id}/{found['rescue_id']}"
        assert storage.get(key) == content
    kept = chen.get(PATH, headers=HEADERS).json
    assert kept
    assert kept["items"][0]["broken"] == found["broken"]
    assert chen.post(PATH, data=b"", headers=HEADERS).status_code == 400


def test_a_cut_file_another_key_and_an_unknown_tablet_are_told_apart(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task = stage.task(tablet)
    whole = file_of(stage, tablet.device_id, [op_record(tablet.op("task.accept", task.id, {}))] * 2)
    cases = {
        "file-cut": whole[:-5],
        "key-unknown": file_of(stage, tablet.device_id, [], key_id="0" * 16),
        "seal-broken": file_of(stage, tablet.device_id, [], sealed=b64(bytes(48))),
        "device-unknown": file_of(stage, uuid4(), []),
        "record-too-large": file_of(stage, tablet.device_id, [], records=1) + b"\xff" * 8,
        "records-missing": file_of(stage, tablet.device_id, [], records=3),
        "record-unreadable": file_of(stage, tablet.device_id, [b'{"kind":"op"}']),
    }

    found = {name: bring(chen, content)["broken"] for name, content in cases.items()}

    assert {name: broken[0]["reason"] for name, broken in found.items()} == {
        name: name for name in cases
    }
    assert stage.one(Task, task.id).state == "accepted", "what came before the cut is in"


def test_the_file_is_imported_again_from_what_is_kept_and_only_by_its_own_agency(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task = stage.task(tablet)
    begin = start(tablet, task)
    content = file_of(
        stage, tablet.device_id, [op_record(begin), op_record(answer(tablet, task, ITEMS[0]))]
    )
    first = bring(chen, content)
    path = f"{PATH}/{first['rescue_id']}/replay"

    again = chen.post(path, headers=HEADERS).json

    assert again
    assert [one["outcome"] for one in again["results"]] == ["duplicate"] * 2
    assert stage.count(VisitAnswer) == 1
    assert stage.count(Operation) == 2
    assert stage.count(ReviewItem, ReviewItem.reason == "rescue-imported") == 1
    elsewhere = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    stranger = stage.make.signed_in(Role.SUPERVISOR, agency=elsewhere)
    assert stranger.post(path, headers=HEADERS).status_code == 404
    assert bring(stranger, content)["broken"] == [{"record": 0, "reason": "device-unknown"}]
    assert (
        stage.make.signed_in(Role.OFFICER).post(PATH, data=b"x", headers=HEADERS).status_code == 403
    )


def test_a_file_above_the_limit_is_refused_before_it_is_read(
    stage: Stage, chen: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rules, "FILE_BYTES", 1000)

    refused = chen.post(PATH, data=b"x" * 1001, headers=HEADERS)

    assert refused.status_code == 413
    assert stage.count(RescueFile) == 0


def test_a_file_holds_no_more_records_than_memory_allows(
    stage: Stage, chen: FlaskClient, tablet: Tablet, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rules, "RECORDS", 2)
    lines = [tablet.op("task.accept", stage.task(tablet).id, {}) for _ in range(3)]

    found = bring(chen, file_of(stage, tablet.device_id, [op_record(one) for one in lines]))

    assert [one["outcome"] for one in found["results"]] == ["applied", "applied"]
    assert found["broken"] == [{"record": 3, "reason": "too-many-records"}]
    events = stage.all(sa.text("SELECT event FROM journal_entry WHERE event LIKE 'rescue.%'"))
    assert sorted(row.event for row in events) == ["rescue.imported", "rescue.received"]


# --- brought piece by piece ----------------------------------------------------------------------

UPLOADS = "/api/sync/v1/uploads"


def tus_headers(**more: str) -> dict[str, str]:
    """Headers of a supervisor's tus request."""
    return {"Tus-Resumable": "1.0.0", **{name.replace("_", "-"): v for name, v in more.items()}}


def begin_upload(client: FlaskClient, content: bytes, role: str = "rescue") -> Any:
    digest = hashlib.sha256(content).hexdigest()
    said = metadata({"sha256": digest, "size": str(len(content)), "role": role})
    headers = tus_headers(Upload_Length=str(len(content)), Upload_Metadata=said)
    return client.post(UPLOADS, headers=headers)


def send_pieces(client: FlaskClient, content: bytes, step: int) -> str:
    """Upload in pieces, each asked for anew; returns the upload's id."""
    begun = begin_upload(client, content)
    assert begun.status_code == 201, begun.data
    location = begun.headers["Location"]
    while True:
        told = client.head(location, headers=tus_headers())
        offset = int(told.headers["Upload-Offset"])
        if offset == len(content):
            return str(location.rsplit("/", 1)[1])
        headers = tus_headers(Upload_Offset=str(offset))
        piece = content[offset : offset + step]
        sent = client.patch(
            location, data=piece, headers=headers, content_type="application/offset+octet-stream"
        )
        assert sent.status_code == 204, sent.data


def bring_upload(client: FlaskClient, upload_id: str) -> dict[str, Any]:
    found = client.post(PATH, json={"upload_id": upload_id}, headers=HEADERS)
    assert found.status_code == 200, found.data
    answered: dict[str, Any] = json.loads(found.data)
    return answered


def test_a_large_rescue_file_comes_in_pieces_and_is_imported_like_any_other(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task, photo = stage.task(tablet), picture()
    lines = whole_visit(tablet, task)
    content = file_of(stage, tablet.device_id, [*map(op_record, lines), *blob_records(photo)])

    upload_id = send_pieces(chen, content, step=700)
    found, again = bring_upload(chen, upload_id), bring_upload(chen, upload_id)
    whole = bring(chen, content)

    assert [one["outcome"] for one in found["results"]] == ["applied"] * len(lines)
    assert {one["outcome"] for one in again["results"]} == {"duplicate"}
    assert found["blobs"][0]["state"] == "stored"
    assert {found["rescue_id"], again["rescue_id"], whole["rescue_id"]} == {upload_id}
    assert stage.count(RescueFile) == 1
    assert stage.count(Evidence) == 1  # the photo; the file itself is none


def test_only_its_sender_can_go_on_with_a_rescue_file_and_only_a_whole_one_is_imported(
    stage: Stage, chen: FlaskClient
):
    content = b"not even half" * 100
    location = begin_upload(chen, content).headers["Location"]
    named = {"upload_id": location.rsplit("/", 1)[1]}
    colleague = stage.make.signed_in(Role.SUPERVISOR)

    assert colleague.head(location, headers=tus_headers()).status_code == 404
    assert chen.post(PATH, json=named, headers=HEADERS).status_code == 404
    assert colleague.post(PATH, json=named, headers=HEADERS).status_code == 404
    assert chen.post(PATH, json={}, headers=HEADERS).status_code == 422
    assert chen.head(location, headers=tus_headers()).headers["Upload-Offset"] == "0"


def test_people_upload_rescue_files_and_tablets_evidence(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    officer = stage.make.signed_in(Role.OFFICER)
    refused = Tus(tablet).create(b"rescue", said=described(b"rescue", role="rescue"))

    assert begin_upload(chen, b"photo", role="photo").status_code == 422
    assert begin_upload(officer, b"rescue").status_code == 403
    assert problem(refused) == (422, "upload-role-not-theirs")
    assert stage.count(Upload) == 0
