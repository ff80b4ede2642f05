"""Storage on a local disk whose writes are durable.

obstore's local store answers before the disk has the bytes: it never calls fsync and does not let
us ask for it. A receipt tells a tablet to forget a photo, so the writing verbs are our own: write
beside, fsync, publish by one atomic link or rename, fsync the directories.
"""

import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from obstore.store import LocalStore

from app.storage import (
    CHUNK_BYTES,
    INCOMING,
    Joined,
    Storage,
    full,
    missing,
    require_hash,
    require_key,
    unreachable,
)

PUBLISH_ATTEMPTS = 100
KEPT_DIRECTORIES = 64
_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})


class LocalStorage(Storage):
    """A directory whose writes are durable. Needs hard links, as every Linux file system has."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / INCOMING
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
        require_key(key)
        with self._written(data) as temporary:
            return self._publish(temporary, key, replace=False)

    def put(self, key: str, data: bytes | Iterable[bytes], *, durable: bool = True) -> None:
        require_key(key)
        with self._written(data, durable=durable) as temporary:
            self._publish(temporary, key, replace=True, durable=durable)

    def copy(self, key: str, to: str) -> None:
        self.put(to, self.stream(key))

    def delete(self, key: str) -> None:
        require_key(key)
        target = self._root / key
        with _disk_errors():
            try:
                target.unlink(missing_ok=True)
            except NotADirectoryError:
                return  # the key would continue another one, so it cannot exist
            self._sync_directories(self._prune(target.parent))

    def discard(self, keys: Collection[str]) -> None:
        for key in keys:
            require_key(key)
        with _disk_errors():
            for key in keys:
                with suppress(NotADirectoryError):
                    (self._root / key).unlink(missing_ok=True)
            for directory in {(self._root / key).parent for key in keys}:
                self._prune(directory, keep_top=True)

    def extend(self, key: str, chunks: Iterable[bytes], *, at: int) -> bool:
        require_key(key)
        target = self._root / key
        descriptor = _opened_end(target, at) if at else self._opened_new(target)
        if descriptor is None:
            return False
        try:
            # Only the disk's errors are translated: those of the caller's iterator are his.
            for chunk in chunks:
                with _disk_errors():
                    _write_all(descriptor, chunk)
        except BaseException:
            with suppress(OSError):
                if at:
                    os.ftruncate(descriptor, at)  # ours alone until now: nothing behind it counts
                else:
                    target.unlink()
            raise
        finally:
            os.close(descriptor)  # and with it the lock
        return True

    def _opened_new(self, target: Path) -> int:
        with _disk_errors():
            for _ in range(PUBLISH_ATTEMPTS):
                try:
                    return os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                except FileNotFoundError:
                    with suppress(FileNotFoundError):
                        self._make_directory(target.parent)
            raise FileNotFoundError(errno.ENOENT, "directory vanishes again and again")

    def join(
        self,
        parts: Sequence[str],
        *,
        to: str,
        sizes: Sequence[int] | None = None,
        expect: str | None = None,
        known: Joined | None = None,
    ) -> Joined:
        require_key(to)
        held = [self._size(part) for part in parts]
        counted = held if sizes is None else list(sizes)
        is_there = sum(map(min, held, counted)) == (known.size_bytes if known else sum(counted))
        alone = len(parts) == 1 and held == counted
        if not is_there or (known is None and not alone):
            return super().join(parts, to=to, sizes=sizes, expect=expect)  # reads what is there
        found = self._hashed(parts[0]) if known is None else known
        require_hash(found.sha256, found.size_bytes, expect)
        read = self._read_all(parts, counted)
        with self._linked(parts[0]) if alone else self._written(read) as temporary:
            self._publish(temporary, to, replace=True)
        return found

    def _hashed(self, key: str) -> Joined:
        digest, size = hashlib.sha256(), 0
        for chunk in self._read(key):
            digest.update(chunk)
            size += len(chunk)
        return Joined(digest.hexdigest(), size)

    def _size(self, key: str) -> int:
        require_key(key)
        with _disk_errors():
            try:
                return (self._root / key).stat().st_size
            except (FileNotFoundError, NotADirectoryError) as error:
                raise missing(key) from error

    def _read_all(self, keys: Sequence[str], sizes: Sequence[int]) -> Iterator[bytes]:
        for key, size in zip(keys, sizes, strict=True):
            yield from self._read(key, size)

    @contextmanager
    def _linked(self, key: str) -> Iterator[Path]:
        """Yield a second name for an object's file, which is then on the disk."""
        temporary = self._incoming / secrets.token_hex(16)
        try:
            with _disk_errors():
                try:
                    temporary.hardlink_to(self._root / key)
                except FileNotFoundError as error:
                    raise missing(key) from error
                _sync(temporary, os.O_RDONLY)
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def _read(self, key: str, size: int | None = None) -> Iterator[bytes]:
        require_key(key)
        with _disk_errors():
            try:
                descriptor = os.open(self._root / key, os.O_RDONLY)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise missing(key) from error
        try:
            while size is None or size > 0:
                with _disk_errors():
                    chunk = os.read(
                        descriptor, CHUNK_BYTES if size is None else min(size, CHUNK_BYTES)
                    )
                if not chunk:
                    return
                size = None if size is None else size - len(chunk)
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


def _opened_end(target: Path, at: int) -> int | None:
    """Return a file, locked for this writer, that ends at `at`; None where there is no such."""
    try:
        descriptor = os.open(target, os.O_WRONLY)
    except OSError:
        return None
    with suppress(OSError):  # locked by another; or a disk that knows no locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_size == at:
            os.lseek(descriptor, at, os.SEEK_SET)
            return descriptor
    os.close(descriptor)
    return None


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_directory(directory: Path) -> None:
    _sync(directory, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise (full() if error.errno in _FULL_ERRNOS else unreachable()) from error
