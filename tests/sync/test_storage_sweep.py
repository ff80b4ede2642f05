"""Storage and rows compared, on disk and on S3: what is named, what is cleared, what stays."""

from datetime import datetime, timedelta

import pytest

from app import clock as app_clock
from app.access import Role
from app.cli import doctor
from app.evidence import sweeping
from app.evidence.models import Evidence
from app.evidence.rules import object_key, thumbnail_key
from app.storage import Storage
from scheduler.jobs import JOBS
from sync.inbox.models import ReviewItem
from sync.uploads.commands import evidence_group
from sync.uploads.models import Upload
from tests.sync.conftest import Stage
from tests.sync.storages import flask_app, where
from tests.sync.tus import Tus, described, photo, sha256

__all__ = ["flask_app", "where"]  # each database with photos on a disk and on S3
COMMANDS = {"doctor": doctor, "evidence": evidence_group}
UUID_OF_NOBODY = "00000000-0000-7000-8000-000000000000"
LATER = timedelta(days=400)  # S3 dates objects by its own clock


@pytest.fixture
def tus(stage: Stage) -> Tus:
    """An's tablet, that speaks tus."""
    return Tus(stage.tablet("an"))


def storage_of(stage: Stage) -> Storage:
    found: Storage = stage.flask_app.extensions["suicha_storage"]
    return found


def keys(stage: Stage, prefix: str) -> list[str]:
    return sorted(found.key for found in storage_of(stage).list(prefix))


def agency_of(tus: Tus, stage: Stage) -> object:
    return stage.officer_of(tus.tablet).agency_id


def run(stage: Stage, job: str, at: datetime | None = None) -> str:
    with stage.flask_app.app_context():
        return JOBS[job].run(at=at or stage.clock() + LATER)


def command(stage: Stage, *words: str) -> tuple[int, str]:
    """A command, run long after everything happened."""
    app_clock.use(lambda: stage.clock.at + LATER)
    try:
        result = stage.flask_app.test_cli_runner().invoke(COMMANDS[words[0]], words[1:])
    finally:
        app_clock.use(stage.clock)
    return result.exit_code, result.output


def test_where_rows_and_storage_agree_nothing_is_named_and_nothing_removed(stage: Stage, tus: Tus):
    tus.send(photo(1))
    tus.send(b"no picture", mime="application/pdf")
    before = keys(stage, "evidence") + keys(stage, "thumbnails")

    line = run(stage, "sweep-evidence")

    assert line == "2 originals, 0 gone, 0 of no row; 0 thumbnails removed, 0 made again"
    assert keys(stage, "evidence") + keys(stage, "thumbnails") == before
    code, output = command(stage, "evidence", "sweep")
    assert (code, output) == (0, "2 originals, 0 gone; 0 removed, 0 made again\n")


def test_an_original_of_no_row_is_named_and_kept(stage: Stage, tus: Tus):
    agency = agency_of(tus, stage)
    strays = [object_key(agency, "a" * 64), f"evidence/{UUID_OF_NOBODY}/{'b' * 64}"]
    for key in strays:
        storage_of(stage).put(key, b"bytes that nobody knows")

    line = run(stage, "sweep-evidence")

    assert "0 gone, 2 of no row" in line
    code, output = command(stage, "evidence", "sweep")
    assert code == 0
    assert sorted(output.splitlines()[:2]) == sorted(f"UNKNOWN  {key}" for key in strays)
    assert all(storage_of(stage).exists(key) for key in strays)


def test_an_original_that_is_gone_is_named_and_its_row_stays(stage: Stage, tus: Tus):
    data, other = photo(1), photo(2)
    for one in (data, other):
        tus.send(one)
    key = object_key(agency_of(tus, stage), sha256(data))
    storage_of(stage).delete(key)

    assert "1 originals, 1 gone" in run(stage, "sweep-evidence")

    code, output = command(stage, "evidence", "sweep", "--look")
    assert (code, f"GONE     {key}" in output) == (1, True)
    code, output = command(stage, "doctor")
    assert (code, f"GONE     {key}" in output) == (1, True)
    assert stage.count(Evidence) == 2


def test_a_thumbnail_of_nothing_goes_and_one_that_is_gone_is_made_again(stage: Stage, tus: Tus):
    data = photo(1)
    tus.send(data)
    stage.look_into_pictures()
    own = thumbnail_key(agency_of(tus, stage), sha256(data))
    stray = thumbnail_key(agency_of(tus, stage), "c" * 64)
    storage_of(stage).put(stray, b"small")
    storage_of(stage).delete(own)

    code, output = command(stage, "evidence", "sweep", "--look")
    assert code == 0
    assert output.splitlines()[:2] == [f"STRAY    {stray}", f"UNMADE   {own}"]
    assert keys(stage, "thumbnails") == [stray]

    assert "1 thumbnails removed, 1 made again" in run(stage, "sweep-evidence")
    assert keys(stage, "thumbnails") == [own]
    assert storage_of(stage).get(own)[:3] == b"\xff\xd8\xff"


def test_what_is_younger_than_a_day_is_left_alone(stage: Stage, tus: Tus):
    storage = storage_of(stage)
    stray = thumbnail_key(agency_of(tus, stage), "c" * 64)
    for key in (stray, object_key(agency_of(tus, stage), "a" * 64), "uploads/odd/0-x"):
        storage.put(key, b"on its way")
    young = storage.head(stray).modified_at + timedelta(hours=23)

    assert "0 gone, 0 of no row; 0 thumbnails removed" in run(stage, "sweep-evidence", young)
    assert "0 orphans" in run(stage, "expire-uploads", young)
    assert len(keys(stage, "thumbnails")) == 1

    older = young + timedelta(hours=2)
    assert "1 of no row; 1 thumbnails removed" in run(stage, "sweep-evidence", older)
    assert "1 orphans" in run(stage, "expire-uploads", older)


def test_pieces_that_count_stay_and_others_go_by_the_command_too(stage: Stage, tus: Tus):
    data = photo(1)
    location = tus.begin(data)
    tus.patch(location, 0, data[:1000])
    (counted,) = keys(stage, "uploads")
    stray = f"{counted.rsplit('/', 1)[0]}/1000-killed"
    storage_of(stage).put(stray, b"stray")

    code, output = command(stage, "evidence", "sweep")

    assert (code, f"STRAY    {stray}" in output) == (0, True)
    assert keys(stage, "uploads") == [counted]
    assert tus.patch(location, 1000, data[1000:]).status == 204


def test_many_batches_are_compared_as_one(stage: Stage, tus: Tus, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sweeping, "BATCH", 2)
    for number in range(5):
        tus.send(f"file {number}".encode(), mime="application/pdf")
    gone = object_key(agency_of(tus, stage), sha256(b"file 3"))
    storage_of(stage).delete(gone)
    with stage.flask_app.app_context():
        found = sweeping.survey(storage_of(stage), before=stage.clock() + LATER)
    assert (found.looked_at, found.gone, found.unknown) == (4, [gone], [])


# --- files that are not what they were said to be -------------------------------------------------


def mismatch(tus: Tus) -> tuple[str, bytes]:
    """A file whose bytes are not those that were announced."""
    data, other = photo(1), photo(2)
    announced = described(other, size=str(len(data)))
    location = tus.create(data, said=announced).headers["Location"]
    assert tus.patch(location, 0, data).status == 460
    return location.rsplit("/", 1)[1], data


def test_a_file_of_another_hash_waits_for_a_supervisor_who_can_read_it(stage: Stage, tus: Tus):
    upload_id, data = mismatch(tus)
    assert run(stage, "list-quarantined-files", stage.clock()) == "1 files listed"
    assert run(stage, "list-quarantined-files", stage.clock()) == "0 files listed"
    chen = stage.make.signed_in(Role.SUPERVISOR)
    wire = {"Sync-Protocol": "1"}

    listed = chen.get("/api/sync/v1/review?kind=quarantine", headers=wire)
    (item,) = listed.get_json()["items"]

    assert (item["reason"], item["possible"]) == ("hash-mismatch", ["keep"])
    assert item["detail"] == {
        "upload_id": upload_id,
        "sha256": sha256(photo(2)),
        "found_sha256": sha256(data),
        "size_bytes": len(data),
    }
    address = f"/api/sync/v1/review/{item['id']}"
    answer = chen.get(f"{address}/file", headers=wire)
    assert (answer.data, answer.mimetype) == (data, "application/octet-stream")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    foreign = stage.make.signed_in(Role.SUPERVISOR, agency=stage.make.agency("310107", "普陀"))
    assert foreign.get(f"{address}/file", headers=wire).status_code == 404

    for decision, status in (("accept", 409), ("keep", 200), ("keep", 409)):
        decided = chen.post(
            address,
            json={"decision": decision, "reason": "终端存储损坏，原件已重传"},
            headers={**wire, "If-Match": f'"{1 if status != 409 or decision == "accept" else 2}"'},
        )
        assert decided.status_code == status, decided.json
    assert chen.get(f"{address}/file", headers=wire).data == data
    assert run(stage, "list-quarantined-files", stage.clock()) == "0 files listed"
    assert stage.count(ReviewItem, ReviewItem.state == "open") == 0


def test_a_quarantined_file_that_is_gone_is_named_and_a_nameless_one_is_kept(
    stage: Stage, tus: Tus
):
    upload_id, _ = mismatch(tus)
    upload = stage.one(Upload, upload_id)
    own = f"quarantine/{upload.agency_id}/{upload_id}"
    nameless = f"quarantine/{upload.agency_id}/{UUID_OF_NOBODY}"
    storage_of(stage).put(nameless, b"bytes")
    code, output = command(stage, "evidence", "sweep")
    assert (code, f"UNKNOWN  {nameless}" in output) == (0, True)
    storage_of(stage).delete(own)
    code, output = command(stage, "evidence", "sweep")
    assert (code, f"GONE     {own}" in output) == (1, True)
    assert storage_of(stage).exists(nameless)
