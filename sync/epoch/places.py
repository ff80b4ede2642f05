"""Where a backup lies: a directory, an S3 bucket, or one tar file."""

import io
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from app.storage import CHUNK_BYTES, Storage, StoredObject, StoredObjectMissing

_SPOOL_BYTES = 16 * 1024 * 1024


class Place(Protocol):
    """Files by name, each written whole or not at all. `Storage` is one, a tar file another."""

    def put(self, key: str, data: bytes | Iterable[bytes]) -> None: ...
    def stream(self, key: str) -> Iterator[bytes]: ...
    def list(self, prefix: str = "") -> Iterator[StoredObject]: ...
    def delete(self, key: str) -> None: ...


class Tar:
    """One tar file: written from its beginning to its end, or read in any order."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def put(self, key: str, data: bytes | Iterable[bytes]) -> None:
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
            for chunk in [data] if isinstance(data, bytes) else data:
                spool.write(chunk)
            member = tarfile.TarInfo(key)
            member.size, member.mode = spool.tell(), 0o600
            spool.seek(0)
            self._archive.addfile(member, cast(BinaryIO, spool))

    def stream(self, key: str) -> Iterator[bytes]:
        try:
            found = None if self._archive.mode == "w" else self._archive.extractfile(key)
        except KeyError:
            found = None
        if found is None:
            raise StoredObjectMissing("备份中没有这个文件。", key=key)
        return iter(lambda: found.read(CHUNK_BYTES), b"")

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Nothing in a tar file is ever taken over from an earlier backup."""
        return iter(())

    def delete(self, key: str) -> None:
        raise io.UnsupportedOperation("a tar file is written once")


@contextmanager
def to_write(name: str) -> Iterator[Place]:
    """Yield the place for a new backup. A tar file gets its name when it is whole, not before.

    A new directory is its owner's alone: a backup holds names and photos.
    """
    if not name.endswith(".tar"):
        if "://" not in name:
            Path(name).mkdir(mode=0o700, parents=True, exist_ok=True)
        yield _storage_at(name)
        return
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path
            with tarfile.open(fileobj=file, mode="w") as archive:
                yield Tar(archive)
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).replace(path)
        _sync_directory(path.parent)
    finally:
        Path(unfinished).unlink(missing_ok=True)


@contextmanager
def to_read(name: str) -> Iterator[Place]:
    """Yield the place of a backup that is there. Raises FileNotFoundError and tarfile.TarError."""
    if "://" in name or Path(name).is_dir():
        yield _storage_at(name)
    else:
        with tarfile.open(name, mode="r:") as archive:
            yield Tar(archive)


def _storage_at(name: str) -> Storage:
    return Storage.from_url(name if "://" in name else Path(name).absolute().as_uri())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Reader(io.RawIOBase):
    """Chunks as a file that can be read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._chunks, None)
            if piece is None:
                return 0
            self._rest = piece
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def as_file(chunks: Iterator[bytes]) -> BinaryIO:
    """Return chunks as a binary file, read once from its beginning."""
    return cast(BinaryIO, io.BufferedReader(_Reader(chunks), CHUNK_BYTES))
