"""The rescue file as a tablet writes it: a line that says whose it is, then sealed records."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from app import canonical
from sync.operations import decode_b64, is_hash, is_id, is_integer, is_time

FORMAT: Final = "suicha-rescue-1"
MIB: Final = 1024 * 1024
FILE_BYTES: Final = 256 * MIB
HEADER_BYTES: Final = 4096
RECORD_BYTES: Final = 8 * MIB + 4096
RECORDS: Final = 20_000
PARTS: Final = 64
_KEYS: Final = frozenset({"format", "device_id", "key_id", "alg", "epk", "sealed", "records", "at"})


class Unreadable(ValueError):
    """Something in the file that is not what the format says; the message is a code."""


@dataclass(frozen=True)
class Header:
    """Whose file it is, and the content key, sealed to the server's rescue key."""

    device_id: UUID
    key_id: str
    alg: str
    epk: bytes
    sealed: bytes
    records: int


@dataclass(frozen=True)
class Line:
    """A record that holds an operation, as a line of the inbox."""

    line: bytes


@dataclass(frozen=True)
class Part:
    """A record that holds a part of a photo, counted from 0."""

    sha256: str
    part: int
    parts: int
    content: bytes


def read_header(line: bytes) -> Header:
    """Return what the first line says. Raises Unreadable."""
    try:
        values = canonical.loads(line.decode())
        if not isinstance(values, dict) or values.keys() != _KEYS or not _is_sound(values):
            raise Unreadable("header-unreadable")
        return Header(
            device_id=UUID(values["device_id"]),
            key_id=values["key_id"],
            alg=values["alg"],
            epk=decode_b64(values["epk"]),
            sealed=decode_b64(values["sealed"]),
            records=values["records"],
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable("header-unreadable") from error


def _is_sound(values: dict[str, Any]) -> bool:
    texts = ("key_id", "alg", "epk", "sealed")
    return (
        values["format"] == FORMAT
        and is_id(values["device_id"])
        and is_time(values["at"])
        and is_integer(values["records"], 0)
        and all(isinstance(values[name], str) for name in texts)
    )


class Reader:
    """Reads a file piece by piece, holding one record at most."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = bytearray()

    def _fill(self, size: int) -> bool:
        while len(self._held) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._held += chunk
        return True

    def _take(self, size: int) -> bytes:
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    def header(self) -> Header:
        """Return the first line. Raises Unreadable."""
        self._fill(HEADER_BYTES)
        end = self._held.find(b"\n", 0, HEADER_BYTES)
        if end < 0:
            raise Unreadable("header-unreadable")
        line = self._take(end + 1)
        return read_header(line[:-1])

    def records(self) -> Iterator[bytes]:
        """Return one sealed record after the other. Raises Unreadable where the framing ends."""
        for _ in range(RECORDS):
            if not self._fill(4):
                if self._held:
                    raise Unreadable("file-cut")
                return
            size = int.from_bytes(self._take(4), "big")
            if size > RECORD_BYTES:
                raise Unreadable("record-too-large")
            if not self._fill(size):
                raise Unreadable("file-cut")
            yield self._take(size)
        if self._fill(1):
            raise Unreadable("too-many-records")


def read_record(plain: bytes) -> Line | Part:
    """Return what an opened record holds. Raises Unreadable."""
    head, feed, content = plain.partition(b"\n")
    try:
        values = canonical.loads(head.decode())
    except (ValueError, RecursionError) as error:
        raise Unreadable("record-unreadable") from error
    if not feed or not isinstance(values, dict):
        raise Unreadable("record-unreadable")
    if values == {"kind": "op"}:
        return Line(content.removesuffix(b"\n"))
    if (
        values.keys() == {"kind", "sha256", "part", "parts"}
        and values["kind"] == "blob"
        and is_hash(values["sha256"])
        and is_integer(values["parts"], 1, PARTS)
        and is_integer(values["part"], 0, values["parts"] - 1)
    ):
        return Part(values["sha256"], values["part"], values["parts"], content)
    raise Unreadable("record-unreadable")
