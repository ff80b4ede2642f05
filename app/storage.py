"""Where photos, parts of uploads and bundles lie: a disk, memory or S3, behind one interface.

obstore speaks to all three; on disk the writing verbs are our own (`app/disk.py`). A verb that has
returned survives a power cut; one that was killed leaves nothing that a reader could see. What is
not to be durable says so.
"""

import hashlib
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import MemoryStore, S3Store

from app.errors import Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Config

CHUNK_BYTES = 1024 * 1024
PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 3
KEY_BYTES_MAX = 512
FULL_RETRY_S = 600
UNREACHABLE_RETRY_S = 30

_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
INCOMING = ".incoming"  # no key can begin with a dot, so nothing stored is ever mistaken for it
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
        from app.disk import LocalStorage  # which is made of this class

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
        require_key(key)
        beginning, rest = _split(data)
        if rest is None:
            return self._create(key, beginning)
        staged = f"{INCOMING}/{secrets.token_hex(16)}"
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
        require_key(key)
        beginning, rest = _split(data)
        if rest is None:
            with _translated(key):
                obstore.put(self._store, key, beginning, use_multipart=False)
        else:
            self._put_parts(key, chain([beginning], rest))

    def extend(self, key: str, chunks: Iterable[bytes], *, at: int) -> bool:
        """Write on behind the first `at` bytes of an object, not durably; from 0 on it is new.

        For what nobody reads before he knows how much of it counts: it grows before the eyes of
        readers, and what a killed writer left stays behind what counts. An exception of `chunks`
        leaves what was there. False, and nothing taken of `chunks`, where the object is not exactly
        so long, somebody else is writing on, or the storage writes objects only whole: then the
        rest wants an object of its own.
        """
        if at:
            return False
        self.put(key, chunks, durable=False)
        return True

    def get(self, key: str) -> bytes:
        """Return the whole object; for large ones use `stream`. Raises StoredObjectMissing."""
        require_key(key)
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
        require_key(key)
        with _translated(key):
            size = obstore.head(self._store, key)["size"]
            stop = size if end is None else min(end, size)
            if start >= stop:
                return iter(())
            result = obstore.get(self._store, key, options={"range": (start, stop)})
        return _chunks(key, result.stream(min_chunk_size=chunk_bytes), chunk_bytes)

    def head(self, key: str) -> StoredObject:
        """Raises StoredObjectMissing."""
        require_key(key)
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
            require_key(prefix)
        return self._listed(prefix)

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is no error, so that cleaning up may be repeated."""
        require_key(key)
        with suppress(StoredObjectMissing), _translated(key):
            obstore.delete(self._store, key)

    def discard(self, keys: Collection[str]) -> None:
        """Remove objects that nobody can miss; after a power cut they may be back."""
        for key in keys:
            self.delete(key)

    def copy(self, key: str, to: str) -> None:
        """Copy an object over `to`, without its bytes passing through here. Raises
        StoredObjectMissing."""
        require_key(key)
        require_key(to)
        with _translated(key):
            obstore.copy(self._store, key, to)

    def join(
        self,
        parts: Sequence[str],
        *,
        to: str,
        sizes: Sequence[int] | None = None,
        expect: str | None = None,
        known: Joined | None = None,
    ) -> Joined:
        """Store the parts, one behind the other, as one object, and return its SHA-256 and size.

        `sizes` say how many of each part's first bytes count; without them all do.

        Never holds more than a few chunks in memory. With `expect` (SHA-256, lower-case hex) other
        bytes are refused as HashMismatch before anything is published. What lies at `to` is
        replaced, so an evidence key is built from the same hash that is expected. The parts stay.
        `known` is what this process hashed while it stored the parts: a disk then takes them as
        they are if they have that size, and does not hash them again.
        """
        digest, size = hashlib.sha256(), 0

        def passing() -> Iterator[bytes]:
            nonlocal size
            for part, counted in zip(parts, repeat(None) if sizes is None else sizes, strict=False):
                for chunk in self._read(part, counted):
                    digest.update(chunk)
                    size += len(chunk)
                    yield chunk
            require_hash(digest.hexdigest(), size, expect)

        self.put(to, passing())
        return Joined(digest.hexdigest(), size)

    def check(self) -> None:
        """Return if the storage can be used now; for /readyz. Raises StorageFull and
        StorageUnreachable."""
        with _translated(""):
            next(iter(obstore.list(self._store, INCOMING, chunk_size=1)), None)

    def sweep(self, *, before: datetime) -> int:
        """Remove what killed writers left before that instant; return how many.

        Nothing of it was ever visible. Aborted multipart uploads of S3 are hidden from listings:
        a lifecycle rule of the bucket removes them.
        """
        removed = 0
        with _translated(""):
            for page in obstore.list(self._store, INCOMING):
                for meta in page:
                    if meta["last_modified"] < before:
                        obstore.delete(self._store, meta["path"])
                        removed += 1
        return removed

    def _read(self, key: str, size: int | None = None) -> Iterator[bytes]:
        """Yield an object, or its first `size` bytes."""
        yield from self.stream(key, end=size)

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


def require_key(key: str) -> None:
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


def require_hash(actual: str, size: int, expect: str | None) -> None:
    if expect is not None and actual != expect:
        raise HashMismatch(
            "收到的文件与申报的校验值不一致，文件没有入库；请重新上传原文件。",
            expected=expect,
            actual=actual,
            size=size,
        )


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
        raise missing(key) from error
    except BaseError as error:
        raise (full() if _FULL_ANSWER.search(str(error)) else unreachable()) from error


def missing(key: str) -> StoredObjectMissing:
    return StoredObjectMissing("存储中没有这个文件，可能尚未上传完成或已被清理。", key=key)


def full() -> StorageFull:
    return StorageFull(
        "服务器存储空间已满，文件暂时不能保存；终端会保留文件并自动重试，请通知管理员扩容。",
        retry_after_s=FULL_RETRY_S,
    )


def unreachable() -> StorageUnreachable:
    return StorageUnreachable(
        "文件存储暂时无法访问，请稍后重试；多次出现时请通知管理员。",
        retry_after_s=UNREACHABLE_RETRY_S,
    )
