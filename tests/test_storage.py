"""One suite for every backend, then what only a disk or only S3 can do wrong."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Thread

import pytest

from app.disk import KEPT_DIRECTORIES, LocalStorage
from app.storage import (
    HashMismatch,
    Joined,
    Storage,
    StorageFull,
    StorageUnreachable,
    StoredObjectMissing,
)
from tests.storage_servers import S3Server

MIB = 1024 * 1024


@pytest.fixture(params=["disk", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "disk":
        return Storage.from_url(f"file://{tmp_path}/photos")
    if request.param == "memory":
        return Storage.from_url("memory://")
    server = request.getfixturevalue("s3_server")
    return Storage.from_url(server.url(f"photos/{uuid.uuid4().hex}"), environ=server.environ)


def large(size: int = 20 * MIB, *, seed: int = 1) -> Iterator[bytes]:
    for number in range(size // MIB):
        yield hashlib.sha256(bytes([seed, number])).digest() * (MIB // 32)


def test_what_was_put_can_be_read_back(storage: Storage) -> None:
    storage.put("evidence/ab/abcd.jpg", b"bytes")

    assert storage.get("evidence/ab/abcd.jpg") == b"bytes"
    assert storage.exists("evidence/ab/abcd.jpg")
    head = storage.head("evidence/ab/abcd.jpg")
    assert (head.key, head.size_bytes) == ("evidence/ab/abcd.jpg", 5)
    assert abs(head.modified_at - datetime.now(UTC)) < timedelta(minutes=1)  # noqa: TID251


def test_an_object_may_be_empty(storage: Storage) -> None:
    assert storage.put_new("a/empty", b"")
    storage.put("a/empty-too", iter(()))

    assert storage.get("a/empty") == storage.get("a/empty-too") == b""
    assert list(storage.stream("a/empty")) == []


def test_put_new_never_replaces(storage: Storage) -> None:
    assert storage.put_new("a/b", b"first") is True
    for second in (b"other", iter([b"ot", b"her"]), large()):
        assert storage.put_new("a/b", second) is False
    assert storage.get("a/b") == b"first"
    assert [found.key for found in storage.list()] == ["a/b"]


def test_put_replaces(storage: Storage) -> None:
    storage.put("a/b", b"first")
    storage.put("a/b", iter([b"sec", b"ond"]))

    assert storage.get("a/b") == b"second"


def test_a_large_stream_is_stored_whole(storage: Storage) -> None:
    assert storage.put_new("a/new", large())
    storage.put("a/put", large())

    whole = b"".join(large())
    assert storage.get("a/new") == whole
    assert storage.get("a/put") == whole


def test_of_many_writers_of_one_new_key_exactly_one_wins(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    """On S3 a conditional PUT is as atomic as the server's: SeaweedFS lets two through at times.

    What the product relies on holds there too: the object is one writer's, whole.
    """
    on_s3 = "s3" in request.node.name
    writers = 8
    for key, size in (("race/small", MIB), ("race/large", 9 * MIB)):
        start = Barrier(writers)

        def write(seed: int, key: str = key, size: int = size, start: Barrier = start) -> bool:
            start.wait()
            return storage.put_new(key, large(size, seed=seed))

        with ThreadPoolExecutor(writers) as pool:
            won = list(pool.map(write, range(writers)))

        winners = {b"".join(large(size, seed=n)) for n, first in enumerate(won) if first}
        assert storage.get(key) in winners
        assert len(winners) == 1 or on_s3


def test_readers_see_the_old_or_the_new_object_and_nothing_between(storage: Storage) -> None:
    versions = {b"".join(large(2 * MIB, seed=seed)) for seed in (1, 2)}
    storage.put("a/b", large(2 * MIB, seed=1))

    def rewrite() -> None:
        for number in range(20):
            storage.put("a/b", large(2 * MIB, seed=number % 2 + 1))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(rewrite)
        seen = 0
        while not writing.done() or not seen:
            assert storage.get("a/b") in versions
            seen += 1
        writing.result()


@pytest.mark.parametrize("put", ["put", "put_new"])
def test_a_stream_that_breaks_off_leaves_nothing(storage: Storage, put: str) -> None:
    def breaking() -> Iterator[bytes]:
        yield from large()
        raise ConnectionError("the tablet has gone")

    with pytest.raises(ConnectionError):
        getattr(storage, put)("a/b", breaking())

    assert not storage.exists("a/b")
    assert list(storage.list()) == []


def test_a_missing_object_is_named(storage: Storage) -> None:
    storage.put("a/b", b"x")
    for key in ("a/missing", "a", "missing/altogether"):
        assert not storage.exists(key)
        for verb in (storage.get, storage.head, storage.stream):
            with pytest.raises(StoredObjectMissing) as missing:
                verb(key)
            assert missing.value.extras == {"key": key}
        with pytest.raises(StoredObjectMissing):
            storage.copy(key, "elsewhere")


def test_a_range_is_cut_to_the_object(storage: Storage) -> None:
    storage.put("a/b", bytes(range(100)))

    def read(start: int, end: int | None) -> bytes:
        return b"".join(storage.stream("a/b", start=start, end=end))

    assert read(0, None) == bytes(range(100))
    assert read(10, 20) == bytes(range(10, 20))
    assert read(90, 1000) == bytes(range(90, 100))
    assert read(100, None) == read(1000, 2000) == read(10, 10) == b""


def test_a_stream_comes_in_bounded_chunks(storage: Storage) -> None:
    storage.put("a/b", large(4 * MIB))
    chunks = list(storage.stream("a/b", chunk_bytes=64 * 1024))

    assert b"".join(chunks) == b"".join(large(4 * MIB))
    assert max(map(len, chunks)) <= 64 * 1024


def test_a_listing_goes_by_whole_segments(storage: Storage) -> None:
    for key in ("uploads/1/0", "uploads/1/1000", "uploads/12/0", "evidence/1"):
        storage.put(key, key.encode())

    assert {found.key for found in storage.list("uploads/1")} == {"uploads/1/0", "uploads/1/1000"}
    assert {found.key: found.size_bytes for found in storage.list()} == {
        "uploads/1/0": 11,
        "uploads/1/1000": 14,
        "uploads/12/0": 12,
        "evidence/1": 10,
    }
    assert list(storage.list("nothing")) == []


def test_a_deleted_object_is_gone_and_may_be_deleted_again(storage: Storage) -> None:
    storage.put("a/b/c", b"x")
    storage.put("a/d", b"y")
    for key in ("a/b/c", "a/b/c", "never/was"):
        storage.delete(key)

    assert not storage.exists("a/b/c")
    assert [found.key for found in storage.list()] == ["a/d"]
    storage.put("a/b", b"the emptied directory is free again")


def test_what_is_discarded_is_gone_and_nothing_else(storage: Storage) -> None:
    for key in ("up/1/a", "up/1/b", "up/2/a"):
        storage.put(key, b"x", durable=False)

    storage.discard(["up/1/a", "up/1/b", "up/1/never"])
    storage.discard([])

    assert [found.key for found in storage.list()] == ["up/2/a"]


def test_a_copy_replaces_and_stands_alone(storage: Storage) -> None:
    storage.put("a/from", large())
    storage.put("a/to", b"old")
    storage.copy("a/from", "a/to")
    storage.delete("a/from")

    assert storage.get("a/to") == b"".join(large())


def test_parts_are_joined_in_the_order_given(storage: Storage) -> None:
    sizes = (3 * MIB, 9 * MIB, 1 * MIB)
    for number, size in enumerate(sizes):
        storage.put(f"uploads/1/{number}", large(size, seed=number))
    whole = b"".join(b"".join(large(size, seed=number)) for number, size in enumerate(sizes))
    sha256 = hashlib.sha256(whole).hexdigest()

    keys = [f"uploads/1/{number}" for number in range(len(sizes))]
    joined = storage.join(keys, to=f"evidence/{sha256}", expect=sha256)

    assert (joined.sha256, joined.size_bytes) == (sha256, len(whole))
    assert storage.get(f"evidence/{sha256}") == whole
    assert storage.exists("uploads/1/0")


def test_a_single_part_joined_stands_alone(storage: Storage) -> None:
    storage.put("parts/1", b"whole")
    digest = hashlib.sha256(b"whole").hexdigest()
    storage.put("whole", b"earlier")

    for _ in range(2):
        assert storage.join(["parts/1"], to="whole", expect=digest).sha256 == digest
    with pytest.raises(HashMismatch):
        storage.join(["parts/1"], to="other", expect="0" * 64)
    storage.delete("parts/1")

    assert storage.get("whole") == b"whole"
    assert not storage.exists("other")


@pytest.mark.parametrize("count", [1, 3])
def test_what_was_hashed_as_it_came_is_joined_as_it_is(storage: Storage, count: int) -> None:
    parts = {
        f"uploads/{number}": b"".join(large(9 * MIB // count, seed=number))
        for number in range(count)
    }
    for key, data in parts.items():
        storage.put(key, data)
    whole = b"".join(parts.values())
    known = Joined(hashlib.sha256(whole).hexdigest(), len(whole))

    joined = storage.join(list(parts), to="evidence/1", expect=known.sha256, known=known)

    assert joined == known
    assert storage.get("evidence/1") == whole


@pytest.mark.parametrize("count", [1, 2])
def test_a_part_that_became_shorter_since_is_noticed(storage: Storage, count: int) -> None:
    keys = [f"uploads/{number}" for number in range(count)]
    for key in keys:
        storage.put(key, b"0123456789")
    known = Joined(hashlib.sha256(b"0123456789" * count).hexdigest(), 10 * count)
    storage.put(keys[-1], b"01234")

    with pytest.raises(HashMismatch):
        storage.join(keys, to="evidence/1", expect=known.sha256, known=known)
    assert not storage.exists("evidence/1")


def test_what_counts_of_the_parts_is_joined(storage: Storage) -> None:
    storage.put("uploads/1", b"0123456789 and what nobody counted")
    storage.put("uploads/2", b"abc and more")

    joined = storage.join(["uploads/1", "uploads/2"], to="whole", sizes=[10, 3])
    alone = storage.join(["uploads/2"], to="alone", sizes=[3])
    known = Joined(hashlib.sha256(b"abc").hexdigest(), 3)
    storage.join(["uploads/2"], to="known", sizes=[3], known=known)

    assert storage.get("whole") == b"0123456789abc"
    assert storage.get("alone") == storage.get("known") == b"abc"
    assert (joined.size_bytes, alone) == (13, known)


def test_an_object_is_written_on_or_says_that_it_is_not(storage: Storage) -> None:
    assert storage.extend("uploads/1", iter([b"0123", b"45"]), at=0)
    rest = iter([b"67", b"89"])

    if storage.extend("uploads/1", rest, at=6):
        assert storage.get("uploads/1") == b"0123456789"
    else:
        assert storage.get("uploads/1") == b"012345"
        assert next(rest) == b"67"


def test_only_one_writes_on_and_only_where_the_object_ends(tmp_path: Path) -> None:
    storage, untouched = LocalStorage(tmp_path), iter([b"x"])
    storage.extend("uploads/1", [b"0123"], at=0)
    seen: list[bool] = []

    def meanwhile() -> Iterator[bytes]:
        yield b"45"
        seen.append(LocalStorage(tmp_path).extend("uploads/1", untouched, at=6))
        yield b"67"

    assert storage.extend("uploads/1", meanwhile(), at=4)
    for at in (6, 9):
        assert not storage.extend("uploads/1", untouched, at=at)
    assert not storage.extend("uploads/2", untouched, at=4)
    assert seen == [False]
    assert next(untouched) == b"x"
    assert storage.get("uploads/1") == b"01234567"


def test_what_breaks_off_while_writing_on_leaves_what_was_there(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.extend("uploads/1", [b"0123"], at=0)

    def broken() -> Iterator[bytes]:
        yield b"45"
        raise ConnectionError

    for key, at in (("uploads/1", 4), ("uploads/2", 0)):
        with pytest.raises(ConnectionError):
            storage.extend(key, broken(), at=at)

    assert storage.get("uploads/1") == b"0123"
    assert not storage.exists("uploads/2")


def test_no_parts_join_to_an_empty_object(storage: Storage) -> None:
    assert storage.join([], to="a/b").size_bytes == 0
    assert storage.get("a/b") == b""


@pytest.mark.parametrize("size", [MIB, 20 * MIB])
def test_joined_bytes_with_another_hash_are_not_published(storage: Storage, size: int) -> None:
    storage.put("uploads/1/0", large(size))
    with pytest.raises(HashMismatch) as mismatch:
        storage.join(["uploads/1/0"], to="evidence/1", expect="0" * 64)

    actual = hashlib.sha256(b"".join(large(size))).hexdigest()
    assert mismatch.value.extras == {"expected": "0" * 64, "actual": actual, "size": size}
    assert not storage.exists("evidence/1")


def test_a_join_with_a_missing_part_names_it_and_publishes_nothing(storage: Storage) -> None:
    storage.put("uploads/1/0", large(9 * MIB))
    with pytest.raises(StoredObjectMissing) as missing:
        storage.join(["uploads/1/0", "uploads/1/9"], to="evidence/1")

    assert missing.value.extras == {"key": "uploads/1/9"}
    assert not storage.exists("evidence/1")


@pytest.mark.parametrize("storage", ["disk", "s3"], indirect=True)
def test_a_join_does_not_hold_the_file_in_memory(storage: Storage) -> None:
    keys = []
    for number in range(8):
        keys.append(f"uploads/1/{number}")
        storage.put(keys[-1], large(8 * MIB, seed=number))

    tracemalloc.start()
    try:
        assert storage.join(keys, to="evidence/1").size_bytes == 64 * MIB
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 40 * MIB


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../a", "a/../../b", "a/./b"),
        *("a/.hidden", ".incoming/x", "a\\..\\b", "a b", "照片", "a%2e%2e", "a\0b", "a\n", "a#1"),
        *("x" * 201, "/".join(["x" * 100] * 6)),
    ],
)
def test_keys_that_are_no_plain_paths_are_refused_by_every_verb(key: str) -> None:
    storage = Storage.from_url("memory://")
    storage.put("good", b"x")
    calls: list[Callable[[], object]] = [
        lambda: storage.put(key, b"x"),
        lambda: storage.put_new(key, b"x"),
        lambda: storage.get(key),
        lambda: storage.stream(key),
        lambda: storage.head(key),
        lambda: storage.exists(key),
        lambda: storage.delete(key),
        lambda: storage.copy(key, "good"),
        lambda: storage.copy("good", key),
        lambda: storage.join([key], to="joined"),
        lambda: storage.join(["good"], to=key),
    ]
    if key:  # all there is
        calls.append(lambda: storage.list(key))
    for call in calls:
        with pytest.raises(ValueError, match="not a storage key"):
            call()


def test_a_disk_refuses_to_leave_its_directory(tmp_path: Path) -> None:
    storage = Storage.from_url(f"file://{tmp_path}/photos")
    storage.put("a", b"x")
    (tmp_path / "outside").write_bytes(b"mine")
    for call in (
        lambda: storage.put("../outside", b"yours"),
        lambda: storage.put_new("../outside", b"yours"),
        lambda: storage.delete("../outside"),
        lambda: storage.copy("a", "../outside"),
    ):
        with pytest.raises(ValueError, match="not a storage key"):
            call()

    assert (tmp_path / "outside").read_bytes() == b"mine"


def test_a_healthy_storage_passes_its_check(storage: Storage) -> None:
    storage.check()
    assert list(storage.list()) == []


def test_what_a_killed_writer_left_is_invisible_and_swept(storage: Storage, tmp_path: Path) -> None:
    storage.put("a/b", b"x")
    if isinstance(storage, LocalStorage):
        (tmp_path / "photos/.incoming/half").write_bytes(b"half a ph")
    else:
        storage._put_parts(".incoming/half", [b"half a ph"])

    assert [found.key for found in storage.list()] == ["a/b"]
    long_ago, soon = (datetime.now(UTC) + timedelta(hours=h) for h in (-1, 1))  # noqa: TID251
    assert storage.sweep(before=long_ago) == 0
    assert storage.sweep(before=soon) == 1
    assert storage.sweep(before=soon) == 0
    assert storage.get("a/b") == b"x"


@pytest.mark.parametrize(
    "url",
    ["", "photos", "file:photos", "file://host/photos", "s3://", "http://x", "s3://b?endpont=x"],
)
def test_an_unknown_storage_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="storage URL"):
        Storage.from_url(url)


# A disk.

WRITER = """
import sys
from pathlib import Path
from app.disk import LocalStorage

def chunks():
    yield b"x" * 100_000
    print("half", flush=True)
    sys.stdin.read()

LocalStorage(Path(sys.argv[1])).put_new("a/b", chunks())
"""


def test_a_writer_killed_in_the_middle_leaves_no_object(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half\n"
        writer.send_signal(signal.SIGKILL)

    storage = LocalStorage(tmp_path)
    assert len(list((tmp_path / ".incoming").iterdir())) == 1
    assert not storage.exists("a/b")
    assert list(storage.list()) == []
    assert storage.put_new("a/b", b"whole")


class Recorder:
    """Notes in which order the system was asked to make what durable, and still asks it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, str]] = []
        for name in ("link", "replace"):
            monkeypatch.setattr(os, name, self._publishing(name, getattr(os, name)))
        real = os.fsync

        def fsync(descriptor: int) -> None:
            self.calls.append(("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)

    def _publishing(self, name: str, real: Callable[..., None]) -> Callable[..., None]:
        def publish(source: str | Path, target: str | Path, **options: object) -> None:
            self.calls.append(("publish", str(target)))
            real(source, target, **options)

        return publish


def test_bytes_and_then_every_directory_are_synced_before_a_verb_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("from", b"x")
    recorder = Recorder(monkeypatch)
    for verb, call in {
        "new1/put_new/x": lambda: storage.put_new("new1/put_new/x", b"x"),
        "new2/put/x": lambda: storage.put("new2/put/x", b"x"),
        "new3/copy/x": lambda: storage.copy("from", "new3/copy/x"),
        "new4/join/x": lambda: storage.join(["from", "from"], to="new4/join/x"),
    }.items():
        recorder.calls.clear()
        call()
        kinds = [kind for kind, _ in recorder.calls]
        assert kinds == ["fsync", "publish", "fsync", "fsync", "fsync"]
        assert recorder.calls[0][1].startswith(f"{tmp_path}/.incoming/")
        target = tmp_path / verb
        assert [path for _, path in recorder.calls[1:]] == [
            str(each) for each in (target, *target.parents[:3])
        ]


def test_a_single_part_is_synced_before_it_becomes_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("from", b"x", durable=False)
    recorder = Recorder(monkeypatch)

    storage.join(["from"], to="a/whole")

    linked, *rest = recorder.calls
    assert linked[0] == "publish"
    assert linked[1].startswith(f"{tmp_path}/.incoming/")
    assert rest == [
        ("fsync", linked[1]),
        ("publish", str(tmp_path / "a/whole")),
        ("fsync", str(tmp_path / "a")),
        ("fsync", str(tmp_path)),
    ]
    assert list((tmp_path / ".incoming").iterdir()) == []


def test_what_is_not_to_be_durable_waits_for_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    recorder = Recorder(monkeypatch)

    storage.put("a/b/piece", b"x", durable=False)
    assert storage.get("a/b/piece") == b"x"
    storage.discard(["a/b/piece"])

    assert [kind for kind, _ in recorder.calls] == ["publish"]
    assert not (tmp_path / "a/b").exists()


def test_who_finds_the_object_there_syncs_its_directories_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LocalStorage(tmp_path).put_new("a/b", b"x")
    another_process = LocalStorage(tmp_path)
    recorder = Recorder(monkeypatch)

    assert another_process.put_new("a/b", b"x") is False
    assert [path for _, path in recorder.calls[-2:]] == [str(tmp_path / "a"), str(tmp_path)]


def test_a_directory_that_is_known_to_stand_is_synced_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("a/b/1", b"x")
    recorder = Recorder(monkeypatch)

    storage.put("a/b/2", b"x")

    directories = [path for kind, path in recorder.calls[1:] if kind == "fsync"]
    assert directories == [str(tmp_path / "a/b")]


def test_a_directory_made_anew_by_another_process_is_synced_with_those_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("a/b/1", b"x")
    (tmp_path / "a/b/1").unlink()
    (tmp_path / "a/b").rmdir()
    (tmp_path / "a/b").mkdir()
    recorder = Recorder(monkeypatch)

    storage.put("a/b/2", b"x")

    directories = [path for kind, path in recorder.calls[1:] if kind == "fsync"]
    assert directories == [str(tmp_path / "a/b"), str(tmp_path / "a")]


def test_many_directories_are_not_all_kept_open(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(2 * KEPT_DIRECTORIES):
        storage.put(f"a/{number}/x", b"x")

    assert len(list(Path("/proc/self/fd").iterdir())) <= before + KEPT_DIRECTORIES + 1


def test_objects_are_readable_by_the_service_alone(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "photos")
    storage.put("a/b", b"x")

    assert (tmp_path / "photos/a/b").stat().st_mode & 0o077 == 0
    assert (tmp_path / "photos").stat().st_mode & 0o077 == 0


def test_an_emptied_directory_goes_while_others_write_into_it(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)

    def churn(number: int) -> None:
        for _ in range(100):
            storage.put(f"uploads/1/{number}", b"x")
            storage.delete(f"uploads/1/{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(churn, range(4)))

    assert [path.name for path in tmp_path.iterdir()] == [".incoming"]
    assert list((tmp_path / ".incoming").iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    storage = LocalStorage(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as broken:
        broken.setattr(os, call, full)
        with pytest.raises(StorageFull) as problem:
            storage.put_new("a/b", b"x")

    assert problem.value.code == "storage-full"
    assert problem.value.retry_after_s > 0
    assert list(storage.list()) == []
    assert list((tmp_path / ".incoming").iterdir()) == []
    assert storage.put_new("a/b", b"after space was added")


def test_the_kernel_says_full_as_we_expect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    storage, real = LocalStorage(tmp_path), os.open

    def open_full(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if Path(path).parent.name == ".incoming":
            real(path, flags, mode)
            return real("/dev/full", os.O_WRONLY)
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", open_full)
    for call in (storage.check, lambda: storage.put("a", b"x")):
        with pytest.raises(StorageFull):
            call()


def test_a_broken_disk_is_not_called_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = LocalStorage(tmp_path)

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StorageUnreachable):
        storage.check()
    with pytest.raises(StorageUnreachable):
        storage.put("a/b", b"x")
    assert not storage.exists("a/b")


def test_a_key_below_another_object_is_refused_on_disk(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("a", b"x")
    for call in (lambda: storage.put("a/b", b"y"), lambda: storage.put_new("a/b", b"y")):
        with pytest.raises(StorageUnreachable):
            call()
    storage.delete("a/b")
    assert storage.get("a") == b"x"


# S3.


@pytest.fixture
def answering() -> Iterator[tuple[type[BaseHTTPRequestHandler], str]]:
    """An S3 that answers everything with one status and one error code."""

    class Answer(BaseHTTPRequestHandler):
        status, error = 507, "InsufficientStorage"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = f"<Error><Code>{self.error}</Code></Error>".encode()
            self.send_response(self.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_POST = do_GET = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, args=(0.05,)).start()
        yield Answer, f"s3://photos?endpoint=http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (507, "InsufficientStorage", StorageFull),
        (503, "QuotaExceeded", StorageFull),
        (403, "QuotaExceeded", StorageFull),
        (503, "SlowDown", StorageUnreachable),
        (500, "InternalError", StorageUnreachable),
        (403, "SignatureDoesNotMatch", StorageUnreachable),
    ],
)
def test_what_s3_answers_is_told_apart(
    answering: tuple[type[BaseHTTPRequestHandler], str],
    status: int,
    error: str,
    expected: type[Exception],
) -> None:
    handler, url = answering
    handler.status, handler.error = status, error  # type: ignore[attr-defined]
    storage = Storage.from_url(
        url, environ={"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    )
    for call in (
        lambda: storage.put("a/b", b"x"),
        lambda: storage.put_new("a/b", b"x"),
        lambda: storage.put("a/b", large()),
    ):
        with pytest.raises(expected):
            call()


def test_an_s3_that_is_away_is_unreachable() -> None:
    storage = Storage.from_url(
        "s3://photos?endpoint=http://127.0.0.1:1",
        environ={"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"},
    )
    for call in (storage.check, lambda: storage.get("a"), lambda: list(storage.list("a"))):
        with pytest.raises(StorageUnreachable):
            call()


def test_wrong_s3_credentials_fail_the_check(s3_server: "S3Server") -> None:
    right = Storage.from_url(s3_server.url("photos"), environ=s3_server.environ)
    right.put("a", b"x")
    right.check()
    wrong = Storage.from_url(
        s3_server.url("photos"), environ=s3_server.environ | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    )
    for call in (wrong.check, lambda: wrong.get("a"), lambda: wrong.put_new("b", b"x")):
        with pytest.raises(StorageUnreachable):
            call()
    missing = Storage.from_url(s3_server.url("no-such-bucket"), environ=s3_server.environ)
    with pytest.raises(StorageUnreachable):
        missing.check()
