"""What only a disk can do wrong."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.disk import KEPT_DIRECTORIES, LocalStorage
from app.storage import Storage, StorageFull, StorageUnreachable

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
