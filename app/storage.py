"""Where photos, parts of uploads and bundles lie: a disk, memory or S3, behind one interface.

obstore speaks to all three. Its local store, however, answers before the disk has the bytes:
it never calls fsync and does not let us ask for it. A receipt tells a tablet to forget a photo, so
on disk the writing verbs are our own: write beside, fsync, publish by one atomic link or rename,
fsync the directories. A verb that has returned survives a power cut; one that was killed leaves
nothing that a reader could see.
"""

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from app.errors import Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Config

CHUNK_BYTES = 1024 * 1024
PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 3
KEY_BYTES_MAX = 512
FULL_RETRY_S = 600
UNREACHABLE_RETRY_S = 30
PUBLISH_ATTEMPTS = 100
KEPT_DIRECTORIES = 64

_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_INCOMING = ".incoming"  # no key can begin with a dot, so nothing stored is ever mistaken for it
_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL_ANSWER = re.compile(
    r"status code: 507\b|<Code>(?:InsufficientStorage|XMinioStorageFull|QuotaExceeded)</Code>"
)


class StorageFull(Unavailable):
    code, title = "storage-full", "存储空间不足"


class StorageUnreachable(Unavailable):
    code, title = "storage-unreachable", "存储暂时无法访问"


class StoredObjectMissing(NotFound):
    code, title = "stored-object-missing", "文件不存在"


class HashMismatch(Invalid):
    code, title = "hash-mismatch", "文件校验不符"


@dataclass(frozen=True)
class StoredObject:
    """What the storage knows about an object without reading it; `modified_at` is its own clock."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class Joined:
    sha256: str
    size_bytes: int


class Storage:
    """Objects by key, each written whole or not at all.

    A key is a path of plain ASCII segments (`evidence/ab/abcd…`); anything else is a mistake of our
    own and raises ValueError. On disk a key cannot be the directory of another one, so no key may
    continue another by `/`. Every verb may raise StorageUnreachable, every writing one StorageFull.
    """

    def __init__(self, store: "ObjectStore") -> None:
        self._store = store

    @staticmethod
    def from_url(url: str, *, environ: Mapping[str, str] | None = None) -> "Storage":
        """Return the storage a URL names: `file:///dir`, `memory://` or
        `s3://bucket/prefix?endpoint=…&region=…`.

        Credentials of S3 are AWS_* out of `environ`, else whatever AWS offers this process. Makes
        no connection: call `check`. Raises ValueError for any other URL.
        """
        parts = urlsplit(url)
        if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
            return LocalStorage(Path(unquote(parts.path)))
        if parts.scheme == "memory":
            return Storage(MemoryStore())
        if parts.scheme == "s3" and parts.netloc:
            options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            if unknown := options.keys() - {"endpoint", "region"}:
                raise ValueError(f"unknown options of a storage URL: {', '.join(sorted(unknown))}")
            prefix = parts.path.strip("/")
            return Storage(_s3_store(parts.netloc, prefix, options, environ or {}))
        raise ValueError("a storage URL begins with file:///, memory:// or s3://bucket")

    def put_new(self, key: str, data: bytes | Iterable[bytes]) -> bool:
        """Store an object unless the key is taken; True if these bytes are now the object.

        Of many who try at once, one wins, and all return only when the winner's bytes are safe.
        On S3 that is as sure as the server's conditional PUT. After a lost answer the S3 client's
        own retry may find its first try and return False.
        """
        _require_key(key)
        beginning, rest = _split(data)
        if rest is None:
            return self._create(key, beginning)
        staged = f"{_INCOMING}/{secrets.token_hex(16)}"
        self._put_parts(staged, chain([beginning], rest))
        try:
            with _translated(key):
                obstore.copy(self._store, staged, key, overwrite=False)
        except AlreadyExistsError:
            return False
        finally:
            with _translated(key):
                obstore.delete(self._store, staged)
        return True

    def put(self, key: str, data: bytes | Iterable[bytes], *, durable: bool = True) -> None:
        """Store an object; readers see the earlier bytes or these, never a mixture.

        Not `durable`: a power cut may take it or cut it short, the end of a process cannot. For
        what is checked before it is used and can be had again; S3 keeps it all the same.
        """
        _require_key(key)
        beginning, rest = _split(data)
        if rest is None:
            with _translated(key):
                obstore.put(self._store, key, beginning, use_multipart=False)
        else:
            self._put_parts(key, chain([beginning], rest))

    def get(self, key: str) -> bytes:
        """Return the whole object; for large ones use `stream`. Raises StoredObjectMissing."""
        _require_key(key)
        with _translated(key):
            return bytes(obstore.get(self._store, key).bytes())

    def stream(
        self, key: str, *, start: int = 0, end: int | None = None, chunk_bytes: int = CHUNK_BYTES
    ) -> Iterator[bytes]:
        """Return the bytes from `start` up to, not including, `end`, in chunks of at most
        `chunk_bytes`.

        Raises StoredObjectMissing at the call, not at the first chunk. A range that begins at or
        behind the end of the object is empty; one that ends behind it stops there.
        """
        _require_key(key)
        with _translated(key):
            size = obstore.head(self._store, key)["size"]
            stop = size if end is None else min(end, size)
            if start >= stop:
                return iter(())
            result = obstore.get(self._store, key, options={"range": (start, stop)})
        return _chunks(key, result.stream(min_chunk_size=chunk_bytes), chunk_bytes)

    def head(self, key: str) -> StoredObject:
        """Raises StoredObjectMissing."""
        _require_key(key)
        with _translated(key):
            meta = obstore.head(self._store, key)
        return StoredObject(key, meta["size"], meta["last_modified"])

    def exists(self, key: str) -> bool:
        try:
            self.head(key)
        except StoredObjectMissing:
            return False
        return True

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Return the objects below `prefix` (whole segments, not part of a name), in no order."""
        if prefix:
            _require_key(prefix)
        return self._listed(prefix)

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is no error, so that cleaning up may be repeated."""
        _require_key(key)
        with suppress(StoredObjectMissing), _translated(key):
            obstore.delete(self._store, key)

    def discard(self, keys: Sequence[str]) -> None:
        """Remove objects that nobody can miss; after a power cut they may be back."""
        for key in keys:
            self.delete(key)

    def copy(self, key: str, to: str) -> None:
        """Copy an object over `to`, without its bytes passing through here. Raises
        StoredObjectMissing."""
        _require_key(key)
        _require_key(to)
        with _translated(key):
            obstore.copy(self._store, key, to)

    def join(
        self,
        parts: Sequence[str],
        *,
        to: str,
        expect: str | None = None,
        known: Joined | None = None,
    ) -> Joined:
        """Store the parts, one behind the other, as one object, and return its SHA-256 and size.

        Never holds more than a few chunks in memory. With `expect` (SHA-256, lower-case hex) other
        bytes are refused as HashMismatch before anything is published. What lies at `to` is
        replaced, so an evidence key is built from the same hash that is expected. The parts stay.
        `known` is what this process hashed while it stored the parts: a disk then takes them as
        they are if they have that size, and does not hash them again.
        """
        digest, size = hashlib.sha256(), 0

        def passing() -> Iterator[bytes]:
            nonlocal size
            for part in parts:
                for chunk in self._read(part):
                    digest.update(chunk)
                    size += len(chunk)
                    yield chunk
            _require_hash(digest.hexdigest(), size, expect)

        self.put(to, passing())
        return Joined(digest.hexdigest(), size)

    def check(self) -> None:
        """Return if the storage can be used now; for /readyz. Raises StorageFull and
        StorageUnreachable."""
        with _translated(""):
            next(iter(obstore.list(self._store, _INCOMING, chunk_size=1)), None)

    def sweep(self, *, before: datetime) -> int:
        """Remove what killed writers left before that instant; return how many.

        Nothing of it was ever visible. Aborted multipart uploads of S3 are hidden from listings:
        a lifecycle rule of the bucket removes them.
        """
        removed = 0
        with _translated(""):
            for page in obstore.list(self._store, _INCOMING):
                for meta in page:
                    if meta["last_modified"] < before:
                        obstore.delete(self._store, meta["path"])
                        removed += 1
        return removed

    def _read(self, key: str) -> Iterator[bytes]:
        """Yield a whole object that is read to its end."""
        yield from self.stream(key)

    def _listed(self, prefix: str) -> Iterator[StoredObject]:
        with _translated(prefix):
            for page in obstore.list(self._store, prefix or None):
                for meta in page:
                    if _is_key(meta["path"]):
                        yield StoredObject(meta["path"], meta["size"], meta["last_modified"])

    def _create(self, key: str, data: bytes) -> bool:
        try:
            with _translated(key):
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        return True

    def _put_parts(self, key: str, chunks: Iterable[bytes]) -> None:
        """Store a stream in parts; an exception, the iterator's too, aborts all of it.

        The writer, not `obstore.put` with an iterator: that one draws from it inside its own
        runtime, and an iterator that itself reads from a store then panics.
        """
        with (
            _translated(key, writing=True),
            obstore.open_writer(
                self._store, key, buffer_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            ) as writer,
        ):
            for chunk in chunks:
                writer.write(chunk)


class LocalStorage(Storage):
    """A directory whose writes are durable. Needs hard links, as every Linux file system has."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / _INCOMING
        with _disk_errors():
            made = [each for each in (root, *root.parents) if not each.exists()]
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._incoming.mkdir(mode=0o700, exist_ok=True)
            for each in made:
                _sync_directory(each.parent)
        self._lock = Lock()
        self._kept: dict[Path, int] = {}
        super().__init__(LocalStore(root))

    def put_new(self, key: str, data: bytes | Iterable[bytes]) -> bool:
        _require_key(key)
        with self._written(data) as temporary:
            return self._publish(temporary, key, replace=False)

    def put(self, key: str, data: bytes | Iterable[bytes], *, durable: bool = True) -> None:
        _require_key(key)
        with self._written(data, durable=durable) as temporary:
            self._publish(temporary, key, replace=True, durable=durable)

    def copy(self, key: str, to: str) -> None:
        self.put(to, self.stream(key))

    def delete(self, key: str) -> None:
        _require_key(key)
        target = self._root / key
        with _disk_errors():
            try:
                target.unlink(missing_ok=True)
            except NotADirectoryError:
                return  # the key would continue another one, so it cannot exist
            self._sync_directories(self._prune(target.parent))

    def discard(self, keys: Sequence[str]) -> None:
        for key in keys:
            _require_key(key)
        with _disk_errors():
            for key in keys:
                with suppress(NotADirectoryError):
                    (self._root / key).unlink(missing_ok=True)
            for directory in {(self._root / key).parent for key in keys}:
                self._prune(directory, keep_top=True)

    def join(
        self,
        parts: Sequence[str],
        *,
        to: str,
        expect: str | None = None,
        known: Joined | None = None,
    ) -> Joined:
        if known is None and len(parts) != 1:
            return super().join(parts, to=to, expect=expect)
        _require_key(to)
        found = self._hashed(parts[0]) if known is None else known
        _require_hash(found.sha256, found.size_bytes, expect)
        if known is not None and sum(map(self._size, parts)) != known.size_bytes:
            return super().join(parts, to=to, expect=expect)  # which reads what is there
        one = len(parts) == 1
        with self._linked(parts[0]) if one else self._written(self._read_all(parts)) as temporary:
            self._publish(temporary, to, replace=True)
        return found

    def _hashed(self, key: str) -> Joined:
        digest, size = hashlib.sha256(), 0
        for chunk in self._read(key):
            digest.update(chunk)
            size += len(chunk)
        return Joined(digest.hexdigest(), size)

    def _size(self, key: str) -> int:
        _require_key(key)
        with _disk_errors():
            try:
                return (self._root / key).stat().st_size
            except (FileNotFoundError, NotADirectoryError) as error:
                raise _missing(key) from error

    def _read_all(self, keys: Sequence[str]) -> Iterator[bytes]:
        for key in keys:
            yield from self._read(key)

    @contextmanager
    def _linked(self, key: str) -> Iterator[Path]:
        """Yield a second name for an object's file, which is then on the disk."""
        temporary = self._incoming / secrets.token_hex(16)
        try:
            with _disk_errors():
                try:
                    temporary.hardlink_to(self._root / key)
                except FileNotFoundError as error:
                    raise _missing(key) from error
                _sync(temporary, os.O_RDONLY)
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def _read(self, key: str) -> Iterator[bytes]:
        _require_key(key)
        with _disk_errors():
            try:
                descriptor = os.open(self._root / key, os.O_RDONLY)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise _missing(key) from error
        try:
            while True:
                with _disk_errors():
                    chunk = os.read(descriptor, CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk
        finally:
            os.close(descriptor)

    def check(self) -> None:
        with self._written(b"?"):
            pass

    @contextmanager
    def _written(self, data: bytes | Iterable[bytes], *, durable: bool = True) -> Iterator[Path]:
        """Yield a file, invisible to readers, that holds the bytes and, if `durable`, is on the
        disk."""
        temporary = self._incoming / secrets.token_hex(16)
        try:
            with _disk_errors():
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                # Only the disk's errors are translated: those of the caller's iterator are his.
                for chunk in [data] if isinstance(data, bytes) else data:
                    with _disk_errors():
                        _write_all(descriptor, chunk)
                if durable:
                    with _disk_errors():
                        os.fsync(descriptor)
            finally:
                os.close(descriptor)
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def _publish(self, temporary: Path, key: str, *, replace: bool, durable: bool = True) -> bool:
        """Give the file its name, in one step that only one of many can win.

        Who comes second also waits for the directories: it may promise the winner's bytes before
        the winner itself has got so far.
        """
        target = self._root / key
        with _disk_errors():
            won = self._link(temporary, target, replace=replace)
            if durable:
                self._sync_directories(target.parent)
        return won

    def _link(self, temporary: Path, target: Path, *, replace: bool) -> bool:
        for _ in range(PUBLISH_ATTEMPTS):
            try:
                self._make_directory(target.parent)
                if replace:
                    temporary.replace(target)
                else:
                    target.hardlink_to(temporary)
            except FileNotFoundError:
                continue  # another process has just removed the emptied directory
            except FileExistsError:
                if not target.is_file():
                    raise
                return False
            return True
        raise FileNotFoundError(errno.ENOENT, "directory vanishes again and again")

    def _make_directory(self, directory: Path) -> None:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError:
            if directory.exists():
                raise
            # made and removed again by others while we looked: the caller tries once more
            raise FileNotFoundError(errno.ENOENT, "directory vanished", str(directory)) from None

    def _sync_directories(self, directory: Path) -> None:
        """Fsync the directory and those above it: a new directory is an entry of its parent, and
        another process may have made it a moment ago without having got to its own fsync.

        Where this process has seen to that before, the directory alone.
        """
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # removed again: there is nothing left to promise
            descriptor = None
        try:
            if descriptor is not None:
                os.fsync(descriptor)
            if directory == self._root or self._is_kept(directory, descriptor):
                return
            self._sync_directories(directory.parent)
            if descriptor is not None and self._keep(directory, descriptor):
                descriptor = None
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _is_kept(self, directory: Path, descriptor: int | None) -> bool:
        """Tell whether a directory is still the one whose own entry is known to be on the disk."""
        with self._lock:
            kept = self._kept.get(directory)
            return (
                kept is not None
                and descriptor is not None
                and os.path.samestat(os.fstat(kept), os.fstat(descriptor))
            )

    def _keep(self, directory: Path, descriptor: int) -> bool:
        """Remember a directory whose own entry is on the disk, by a descriptor that stays open: as
        long as it does, no other directory can pass for this one. Tells whether there was room."""
        with self._lock:
            if directory not in self._kept and len(self._kept) >= KEPT_DIRECTORIES:
                return False
            before = self._kept.get(directory)
            self._kept[directory] = descriptor
        if before is not None:
            os.close(before)
        return True

    def _prune(self, directory: Path, *, keep_top: bool = False) -> Path:
        """Remove the directories that have become empty; return the first that has not.

        With `keep_top` those directly below the root stay: they would come and go with uploads.
        """
        while directory != self._root and not (keep_top and directory.parent == self._root):
            try:
                directory.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                break  # not empty
            directory = directory.parent
        return directory


def _s3_store(
    bucket: str, prefix: str, options: Mapping[str, str], environ: Mapping[str, str]
) -> S3Store:
    endpoint = options.get("endpoint")
    config: S3Config = {
        "region": options.get("region", "us-east-1"),
        "copy_if_not_exists": "multipart",  # the only conditional copy that S3 itself guarantees
    }
    if endpoint:
        config["endpoint"] = endpoint
    if identity := environ.get("AWS_ACCESS_KEY_ID"):
        config["access_key_id"] = identity
    if secret := environ.get("AWS_SECRET_ACCESS_KEY"):
        config["secret_access_key"] = secret
    if token := environ.get("AWS_SESSION_TOKEN"):
        config["session_token"] = token
    client: ClientConfig = {
        "allow_http": endpoint is not None and endpoint.startswith("http:"),
        "connect_timeout": timedelta(seconds=5),
        "read_timeout": timedelta(seconds=30),
        "timeout": timedelta(minutes=10),  # of a whole video, not of one answer
    }
    retry: RetryConfig = {
        "max_retries": 3,
        "retry_timeout": timedelta(seconds=15),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=2),
            "base": 2,
        },
    }
    return S3Store(
        bucket,
        prefix=prefix or None,
        config=config,
        client_options=client,
        retry_config=retry,
    )


def _is_key(key: str) -> bool:
    return len(key) <= KEY_BYTES_MAX and all(
        _SEGMENT.fullmatch(segment) for segment in key.split("/")
    )


def _require_key(key: str) -> None:
    if not _is_key(key):
        raise ValueError(f"not a storage key: {key!r}")


def _split(data: bytes | Iterable[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """Return the bytes that one request can carry, and the rest if there is one."""
    if isinstance(data, bytes):
        return data, None
    beginning, rest = bytearray(), iter(data)
    for chunk in rest:
        beginning += chunk
        if len(beginning) >= PART_BYTES:
            return bytes(beginning), rest
    return bytes(beginning), None


def _chunks(key: str, stream: Iterator[bytes], chunk_bytes: int) -> Iterator[bytes]:
    while True:
        with _translated(key):
            piece = next(stream, None)
        if piece is None:
            return
        for start in range(0, len(piece), chunk_bytes):
            yield bytes(piece[start : start + chunk_bytes])


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def _require_hash(actual: str, size: int, expect: str | None) -> None:
    if expect is not None and actual != expect:
        raise HashMismatch(
            "收到的文件与申报的校验值不一致，文件没有入库；请重新上传原文件。",
            expected=expect,
            actual=actual,
            size=size,
        )


def _sync_directory(directory: Path) -> None:
    _sync(directory, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(key: str, *, writing: bool = False) -> Iterator[None]:
    """Turn obstore's errors into ours. While `writing` from an iterator a FileNotFoundError is the
    iterator's own and passes through."""
    try:
        yield
    except AlreadyExistsError:
        raise
    except FileNotFoundError as error:
        if writing:
            raise
        raise _missing(key) from error
    except BaseError as error:
        raise (_full() if _FULL_ANSWER.search(str(error)) else _unreachable()) from error


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise (_full() if error.errno in _FULL_ERRNOS else _unreachable()) from error


def _missing(key: str) -> StoredObjectMissing:
    return StoredObjectMissing("存储中没有这个文件，可能尚未上传完成或已被清理。", key=key)


def _full() -> StorageFull:
    return StorageFull(
        "服务器存储空间已满，文件暂时不能保存；终端会保留文件并自动重试，请通知管理员扩容。",
        retry_after_s=FULL_RETRY_S,
    )


def _unreachable() -> StorageUnreachable:
    return StorageUnreachable(
        "文件存储暂时无法访问，请稍后重试；多次出现时请通知管理员。",
        retry_after_s=UNREACHABLE_RETRY_S,
    )
