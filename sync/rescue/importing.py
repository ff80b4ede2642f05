"""A rescue file is stored whole, then its records are pushed as its tablet would have.

Each batch of operations and each photo is its own transaction: cut anywhere, it is imported again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from app import entry
from app.access import Actor
from app.db import stop_reading, transaction
from app.evidence import service as evidence
from app.evidence.rules import object_key
from app.problems import TooLarge
from app.storage import HashMismatch, Storage
from sync.devices import queries as device_queries
from sync.devices.models import Device
from sync.inbox import queries as inbox_queries
from sync.inbox.batches import packed, store_batch
from sync.inbox.deciding import Result
from sync.inbox.pushing import decide_stored
from sync.inbox.queries import Attested
from sync.rescue import rules, sealing, service
from sync.rescue.models import RescueFile
from sync.rescue.rules import Line, Part, Reader, Unreadable
from sync.rescue.service import Broken
from sync.uploads import queries as upload_queries
from sync.uploads.rules import RESCUE, UploadState
from sync.uploads.service import UploadMissing, rescue_key
from sync.wire import BATCH_BYTES, BATCH_OPERATIONS

PICTURE = "image/jpeg"  # what a photo is that no operation described


class RescueTooLarge(TooLarge):
    code, title = "rescue-too-large", "救援文件过大"


@dataclass(frozen=True)
class Blob:
    """A photo of the file: `stored` now, `known` before, or `hash-mismatch`: kept apart."""

    sha256: str
    state: str


@dataclass
class Imported:
    """What came of a file: results with their first receipts, photos, and what is broken."""

    rescue: RescueFile
    device_id: UUID | None = None
    results: list[tuple[Result, Attested]] = field(default_factory=list)
    blobs: list[Blob] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)


def store_file(rescue_id: UUID, chunks: Iterable[bytes], *, by: Actor, at: datetime) -> RescueFile:
    """Store a file whole before anything of it is read. Raises RescueTooLarge."""
    key = rescue_key(by.agency_id or UUID(int=0), rescue_id)
    digest, size = sha256(), 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            if size > rules.FILE_BYTES:
                raise RescueTooLarge(
                    "救援文件超过上限，请联系管理员。", limit_bytes=rules.FILE_BYTES
                )
            digest.update(chunk)
            yield chunk

    storage = entry.storage()
    storage.put(key, counted())
    with transaction():
        rescue = service.keep_file(rescue_id, digest.hexdigest(), size, by=by, at=at)
    if rescue.id != rescue_id:
        storage.discard([key])
    return rescue


def take_upload(upload_id: UUID, *, by: Actor, at: datetime) -> RescueFile:
    """Keep the rescue file that a supervisor uploaded piece by piece.

    The same bytes again are the first file. Raises UploadMissing for an upload that is not theirs,
    no rescue file, or not whole yet.
    """
    upload = upload_queries.find_upload(upload_id, by=by)
    if upload is None or upload.state != UploadState.DONE or upload.role != RESCUE:
        raise UploadMissing("没有传完的救援文件与这个编号相符，请先完成上传。")
    key = rescue_key(upload.agency_id, upload.id)
    stop_reading()
    with transaction():
        rescue = service.keep_file(upload.id, upload.sha256, upload.size_bytes, by=by, at=at)
    if rescue.id != upload.id:
        entry.storage().discard([key])
    return rescue


def import_file(rescue: RescueFile, *, by: Actor, at: datetime) -> Imported:
    """Push what a stored file holds; again, it finds everything known.

    Signatures and ids are the tablet's own: what it says is judged as in any push, a record that
    cannot be opened is named and the others go in.
    """
    storage, found = entry.storage(), Imported(rescue)
    reader = Reader(storage.stream(rescue_key(rescue.agency_id, rescue.id)))
    device = None
    try:
        header = reader.header()
        device = _device_of(header.device_id, rescue.agency_id)
        found.device_id = device.id
        key = sealing.content_key(header, entry.keys().rescue_key)
        _Import(found, device, storage, by, at).run(reader, key, header.records)
    except Unreadable as error:
        found.broken.append(Broken(0, str(error)))
    with transaction():
        service.note_import(
            service.get_file(rescue.id, rescue.agency_id),
            device,
            operations=len(found.results),
            photos=len(found.blobs),
            broken=found.broken,
            by=by,
            at=at,
        )
    return found


def _device_of(device_id: UUID, agency_id: UUID) -> Device:
    device = device_queries.find_device(device_id)
    if device is None or device.agency_id != agency_id:
        raise Unreadable("device-unknown")
    return device


@dataclass
class _Import:
    """One file being imported."""

    found: Imported
    device: Device
    storage: Storage
    by: Actor
    at: datetime
    lines: list[bytes] = field(default_factory=list)
    parts: dict[str, dict[int, str]] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)

    def run(self, reader: Reader, key: bytes, records: int) -> None:
        number = 0
        try:
            for number, record in enumerate(reader.records(), start=1):
                self._take(number, record, key)
            if number != records:
                self.found.broken.append(Broken(0, "records-missing"))
        except Unreadable as error:
            self.found.broken.append(Broken(number + 1, str(error)))
        self._push()
        for digest in self.wanted:
            self._join(digest)

    def _take(self, number: int, record: bytes, key: bytes) -> None:
        try:
            one = rules.read_record(sealing.open_record(key, record))
        except Unreadable as error:
            self.found.broken.append(Broken(number, str(error)))
            return
        if isinstance(one, Line):
            self._add(number, one.line)
        else:
            self._keep(one)

    def _add(self, number: int, line: bytes) -> None:
        try:
            line.decode()
        except UnicodeDecodeError:
            self.found.broken.append(Broken(number, "record-unreadable"))
            return
        size = sum(len(one) + 1 for one in self.lines)
        if len(self.lines) == BATCH_OPERATIONS or size + len(line) > BATCH_BYTES:
            self._push()
        self.lines += line.split(b"\n")[:BATCH_OPERATIONS]

    def _push(self) -> None:
        """Store what was gathered as a batch of the tablet's and decide it."""
        lines, self.lines = self.lines, []
        if not lines:
            return
        device_id = self.device.id
        raw = b"".join(line + b"\n" for line in lines)
        batch = packed(device_id, raw, at=self.at)
        with transaction():
            batch_id = store_batch(batch)
        results = decide_stored(
            device_id, batch_id, lines, keys=entry.keys(), contact=None, at=self.at
        )
        receipts = inbox_queries.first_receipts({one.operation_id for one in results})
        self.found.results += [(one, receipts[one.operation_id]) for one in results]

    # --- photos

    def _keep(self, part: Part) -> None:
        """Lay a part of a photo aside; what the agency has already needs none."""
        self.wanted[part.sha256] = part.parts
        if evidence.find_stored(self.found.rescue.agency_id, part.sha256) is None:
            base = rescue_key(self.found.rescue.agency_id, self.found.rescue.id)
            key = f"{base}-parts/{part.sha256}/{part.part}"
            self.storage.put(key, part.content)
            self.parts.setdefault(part.sha256, {})[part.part] = key
        stop_reading()

    def _join(self, digest: str) -> None:
        kept = self.parts.get(digest, {})
        keys = [kept[number] for number in sorted(kept)]
        agency_id = self.found.rescue.agency_id
        if evidence.find_stored(agency_id, digest) is not None:
            self.found.blobs.append(Blob(digest, "known"))
        elif len(keys) < self.wanted[digest]:
            self.found.broken.append(Broken(0, "photo-incomplete"))
        else:
            self.found.blobs.append(Blob(digest, self._store(digest, keys)))
        self.storage.discard(keys)

    def _store(self, digest: str, keys: list[str]) -> str:
        agency_id = self.found.rescue.agency_id
        mime = evidence.awaited_type(agency_id, digest) or PICTURE
        stop_reading()
        target = object_key(agency_id, digest)
        try:
            self.storage.join(keys, to=target, expect=digest)
        except HashMismatch:
            self.storage.join(keys, to=f"quarantine/{agency_id}/{self.found.rescue.id}-{digest}")
            return "hash-mismatch"
        inspected = evidence.inspect_stored(self.storage, agency_id, digest, mime=mime)
        values: dict[str, Any] = {"mime": mime, "role": "photo"}
        with transaction():
            evidence.record_stored(
                digest,
                inspected,
                size_bytes=self.storage.head(target).size_bytes,
                agency_id=agency_id,
                district=self.device.district,
                by=self.by,
                at=self.at,
                **values,
            )
        return "stored"
