"""What a backup must be made of, when a database is older than its head, and where numbers go on.

Pure decisions over values.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

from app import canonical
from app.documents.rules import HEAD_PREFIX
from app.numbering.rules import HEAD_PREFIX as REGISTER_PREFIX

FORMAT = "suicha-backup-1"
MANIFEST = "manifest.json"


# --- the manifest of a backup ------------------------------------------------------------------


class ManifestBroken(ValueError):
    """A manifest cannot be trusted; the message says why."""


@dataclass(frozen=True)
class TableFile:
    """A table in a backup; `rows_sha256` is of the lines before they were compressed."""

    name: str
    file: str
    sha256: str
    size: int
    rows: int
    rows_sha256: str


@dataclass(frozen=True)
class File:
    """A file in a backup."""

    file: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: tables in an order in which each may be loaded after the one before.

    `objects` lists the photos and their hashes, `missing` what the storage lacked when the backup
    was made. `keys` holds the names of the keys in use, never the keys.
    """

    made_at: str
    dialect: str
    revision: str
    epoch: str | None
    head: Mapping[str, Any]
    keys: Mapping[str, str]
    tables: Sequence[TableFile]
    objects: File
    objects_count: int
    objects_bytes: int
    missing: Sequence[str] = ()
    secrets: File | None = None
    format: str = FORMAT

    def files(self) -> list[File]:
        """Return every file that the manifest names itself, photos apart."""
        found = [File(one.file, one.sha256, one.size) for one in self.tables]
        return [*found, self.objects, *([self.secrets] if self.secrets else [])]


def write_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as text that carries its own hash."""
    return _text_of(asdict(manifest))


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest in `data`. Raises ManifestBroken when a byte of it was changed."""
    try:
        whole = json.loads(data)
        body = whole["manifest"]
        if _text_of(body) != data:
            raise ManifestBroken("manifest.json was changed")
        if body.get("format") != FORMAT:
            raise ManifestBroken(f"a form that this release does not know: {body.get('format')}")
        return Manifest(
            **{
                **body,
                "tables": [TableFile(**one) for one in body["tables"]],
                "objects": File(**body["objects"]),
                "secrets": None if body["secrets"] is None else File(**body["secrets"]),
            }
        )
    except ManifestBroken:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestBroken(f"manifest.json cannot be read: {error}") from error


def _text_of(body: Any) -> bytes:
    text = canonical.dumps(body)
    return f'{{"manifest":{text},"sha256":"{canonical.digest(text)}"}}\n'.encode()


# --- the head ----------------------------------------------------------------------------------


HEAD_FORM = 1


@dataclass(frozen=True)
class StreamHead:
    """The newest entry of a stream of the journal."""

    stream: str
    seq: int
    hash: str


@dataclass(frozen=True)
class DrawHead:
    """How far a draw had come, and which plan and period it is of."""

    draw_no: str
    agency_id: str
    plan_id: str
    period: str
    state: str


@dataclass(frozen=True)
class Announced:
    """The manifest that an agency announced last: the next one has to name it."""

    agency_id: str
    serial: int
    manifest_sha256: str


@dataclass(frozen=True)
class Head:
    """What the storage knows of a database: where its numbers stand, and its draws.

    `numbers` is the last number given in each series, `registers` that of each register of an
    agency; None in the head of a release that did not write it yet. `restoring` says that a backup
    is being, or was, read into the database and that nobody has adopted it yet.
    """

    epoch: str | None
    at: str
    streams: Sequence[StreamHead] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)
    draws: Sequence[DrawHead] = ()
    announced: Sequence[Announced] = ()
    restoring: str | None = None
    registers: Mapping[str, int] | None = None

    def value(self) -> dict[str, Any]:
        """Return the head as it is written; the same head is always the same text."""
        body = asdict(self)
        body["numbers"] = _series_out(self.numbers)
        body["registers"] = None if self.registers is None else _series_out(self.registers)
        return {"v": HEAD_FORM, **body}

    def last_numbers(self) -> dict[str, int]:
        """Return the last number of every series that the head knows of."""
        return {**self.numbers, **(self.registers or {})}

    def says_the_same(self, other: "Head | None") -> bool:
        """Tell whether another head differs in nothing but its time."""
        return other is not None and {**self.value(), "at": ""} == {**other.value(), "at": ""}


def _series_out(numbers: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"series": name, "last": last} for name, last in sorted(numbers.items())]


def _series_in(value: Any) -> dict[str, int]:
    return {one["series"]: int(one["last"]) for one in value}


class HeadBroken(ValueError):
    """A head cannot be read; the message says why."""


def read_head(value: Any) -> Head:
    """Return the head that `Head.value` wrote. Raises HeadBroken."""
    try:
        body = dict(value)
        if body.pop("v") != HEAD_FORM:
            raise HeadBroken("the head has a form that this release does not know")
        registers = body.pop("registers", None)
        return Head(
            **{
                **body,
                "streams": [StreamHead(**one) for one in body["streams"]],
                "numbers": _series_in(body["numbers"]),
                "registers": None if registers is None else _series_in(registers),
                "draws": [DrawHead(**one) for one in body["draws"]],
                "announced": [Announced(**one) for one in body["announced"]],
            }
        )
    except HeadBroken:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise HeadBroken(f"the head cannot be read: {error}") from error


def read_kept(text: str) -> Head:
    """Return what somebody kept: a copy of the head, or an entry in which heads were published.

    Raises HeadBroken.
    """
    try:
        value = json.loads(text)
        if "v" in value:
            return read_head(value)
        data = value.get("data", value)
        return Head(epoch=None, at="", streams=[StreamHead(**one) for one in data["heads"]])
    except HeadBroken:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HeadBroken(f"neither a head nor published heads: {error}") from error


def unlike(head: Head, epoch: UUID | None, hashes: Mapping[str, str | None]) -> str | None:
    """Return in what a database is not the one of a head, or None where it is, or is newer.

    `hashes` are, for each stream of the head, the hash that the database has at the head's number.
    """
    if head.epoch is not None and head.epoch != str(epoch):
        return "epoch"
    for one in head.streams:
        if hashes.get(one.stream) != one.hash:
            return "older" if hashes.get(one.stream) is None else "other"
    return None


# --- going on above what may have been given out -------------------------------------------------


@dataclass(frozen=True)
class Margins:
    """How far above the last number that is known of numbers go on."""

    entries: int
    tasks: int
    draws: int
    documents: int
    registers: int


KNOWN = Margins(
    entries=10_000, tasks=1_000, draws=10, documents=2_000, registers=100
)  # a head is seconds old
BLIND = Margins(
    entries=1_000_000, tasks=10_000, draws=100, documents=20_000, registers=10_000
)  # nobody knows since when


def margins_above(head: Head | None) -> Margins:
    """Return the margins above the head that the storage keeps; what it cannot know is blind."""
    if head is None:
        return BLIND
    return KNOWN if head.registers is not None else replace(KNOWN, registers=BLIND.registers)


@dataclass(frozen=True)
class Lost:
    """What a stream may have lost: entries from `first` on, known up to `known`."""

    stream: str
    first: int
    known: int
    goes_on_at: int
    lost_hash: str | None


def lost_of(local: Mapping[str, StreamHead], heads: Iterable[Head], margins: Margins) -> list[Lost]:
    """Return, for every stream that anybody knows of, what may be lost and where it goes on."""
    far: dict[str, StreamHead] = dict(local)
    for head in heads:
        for one in head.streams:
            if one.stream not in far or one.seq > far[one.stream].seq:
                far[one.stream] = one
    found = []
    for stream, newest in sorted(far.items()):
        here = local[stream].seq if stream in local else 0
        found.append(
            Lost(
                stream,
                first=here + 1,
                known=newest.seq,
                goes_on_at=newest.seq + margins.entries + 1,
                lost_hash=newest.hash if newest.seq > here else None,
            )
        )
    return found


def floor_of(series: str, last: int, margins: Margins) -> int:
    """Return the number above which a series goes on: no number up to it is given again."""
    kind = series.partition(":")[0]
    if kind.startswith(HEAD_PREFIX):
        return last + margins.documents
    if kind.startswith(REGISTER_PREFIX):
        return last + margins.registers
    return last + (margins.tasks if kind == "task" else margins.draws)
