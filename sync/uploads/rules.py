"""tus 1.0.0, its reading and its decisions: headers in, values out. No server, no database."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Piece = Sequence[Any]  # offset, size, object: as JSON gives it back

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,checksum,expiration,termination"
CHECKSUMS: Final = ("sha1", "sha256")
PHOTO_BYTES: Final = 50 * 1024 * 1024
VIDEO_BYTES: Final = 250 * 1024 * 1024
RESCUE_BYTES: Final = 4 * 1024 * 1024 * 1024
RESCUE: Final = "rescue"  # the role of what a supervisor brings for a tablet
PUSH_BYTES_A_DAY: Final = 2 * 1024 * 1024 * 1024  # of a device that is suspended
METADATA_CHARACTERS: Final = 4000
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_MIME = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}\Z")
_ROLE = re.compile(r"[a-z][a-z-]{0,29}\Z")
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,14})\Z")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_KEY = re.compile(r"[!-+\--~]{1,100}\Z")  # ASCII without space and comma
_METHOD = re.compile(r"[A-Z]{1,20}\Z")


class UploadState(StrEnum):
    """How far an upload has come; only an open one takes bytes."""

    OPEN = "open"
    DONE = "done"
    HASH_MISMATCH = "hash-mismatch"
    ENDED = "ended"


class Unreadable(ValueError):
    """A header that breaks the protocol; the message is Chinese and says which."""


@dataclass(frozen=True)
class Described:
    """What `Upload-Metadata` says of a file; `mime` is None where it says nothing of it."""

    sha256: str
    size_bytes: int
    role: str
    mime: str | None
    op_id: str | None
    text: str

    @property
    def is_rescue(self) -> bool:
        """Whether it is a rescue file, which a person brings and no tablet."""
        return self.role == RESCUE

    @property
    def largest_bytes(self) -> int:
        """The limit for this type of file."""
        if self.is_rescue:
            return RESCUE_BYTES
        is_video = self.mime is not None and self.mime.startswith("video/")
        return VIDEO_BYTES if is_video else PHOTO_BYTES


def number(text: str | None, name: str) -> int:
    """Return a header's whole number. Raises Unreadable."""
    if text is None or not _NUMBER.match(text):
        raise Unreadable(f"请求头 {name} 应为非负整数。")
    return int(text)


def metadata(text: str) -> dict[str, str]:
    """Return the pairs of an `Upload-Metadata` header. Raises Unreadable."""
    if len(text) > METADATA_CHARACTERS:
        raise Unreadable(f"Upload-Metadata 超过 {METADATA_CHARACTERS} 个字符。")
    found: dict[str, str] = {}
    for pair in text.split(",") if text else ():
        key, _, value = pair.strip(" ").partition(" ")
        if not _KEY.match(key) or key in found:
            raise Unreadable("Upload-Metadata 中的键为空、重复或含有不允许的字符。")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except ValueError as error:
            raise Unreadable(f"Upload-Metadata 中的 {key} 不是有效的 Base64 文本。") from error
    return found


def describe(text: str | None, length: int) -> Described:
    """Return what is to be uploaded. Raises Unreadable for missing or contradictory metadata."""
    given = metadata(text or "")
    if not _HASH.match(given.get("sha256", "")):
        raise Unreadable("Upload-Metadata 缺少 sha256（64 位小写十六进制）。")
    if number(given.get("size"), "Upload-Metadata size") != length:
        raise Unreadable("Upload-Metadata 的 size 与 Upload-Length 不一致。")
    mime = given.get("mime") or given.get("filetype") or None
    role = given.get("role", "photo")
    if not _ROLE.match(role) or (mime is not None and not _MIME.match(mime)):
        raise Unreadable("Upload-Metadata 的 mime 或 role 无法识别。")
    op_id = given.get("op_id") or None
    if op_id is not None and not _ID.match(op_id):
        raise Unreadable("Upload-Metadata 的 op_id 应为小写 UUID。")
    return Described(given["sha256"], length, role, mime, op_id, text or "")


def checksum(text: str | None) -> tuple[str, bytes] | None:
    """Return algorithm and digest of an `Upload-Checksum` header, or None without one.

    Raises Unreadable for an algorithm that is not offered or a digest that cannot be read.
    """
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    if algorithm not in CHECKSUMS:
        raise Unreadable("Upload-Checksum 的算法不受支持，可用 sha1 或 sha256。")
    try:
        return algorithm, base64.b64decode(value, validate=True)
    except ValueError as error:
        raise Unreadable("Upload-Checksum 不是有效的 Base64 文本。") from error


def method(given: str, override: str | None) -> str:
    """Return the method a request means: `X-HTTP-Method-Override`, if there, and never its own."""
    wanted = (override or "").strip().upper()
    return wanted if _METHOD.match(wanted) else given


def objects(pieces: Sequence[Piece]) -> dict[str, int]:
    """Return the objects that pieces lie in, in order, and how many bytes of each count.

    Pieces of one object follow on one another; what lies behind them in it does not count.
    """
    found: dict[str, int] = {}
    for _, size, key in pieces:
        found[key] = found.get(key, 0) + size
    return found


def first_broken(pieces: Sequence[Piece], stored: Mapping[str, int]) -> int | None:
    """Return the offset of the first piece that the storage no longer holds whole, if any.

    `stored` is how long each object is now, one that is gone not being there: a power cut takes
    what was not yet on the disk.
    """
    ends: dict[str, int] = {}
    for offset, size, key in pieces:
        ends[key] = ends.get(key, 0) + size
        if stored.get(key, -1) < ends[key]:
            return int(offset)
    return None
