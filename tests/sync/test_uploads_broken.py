"""Lines that break off at any byte, and two that write at once: what arrived counts, once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Barrier

import pytest

from tests.sync.conftest import Stage
from tests.sync.tablet import Answer
from tests.sync.tus import Tus, checksum, photo, problem
from tests.sync.uploaded import (
    apart,
    events,
    feed,
    pausing,
    pieces,
    slow_patch,
    stored,
    tablet_again,
    upload_of,
)

# --- a line that breaks ---------------------------------------------------------------------------


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
        bounds = (0, 16 * kib, 272 * kib, 528 * kib, len(data))  # as the server reads
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
