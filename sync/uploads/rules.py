"""tus 1.0.0, its reading and its decisions: headers in, values out. No server, no database."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
CHECKSUMS = ("sha1", "sha256")
PHOTO_BYTES = 50 * 1024 * 1024
VIDEO_BYTES = 250 * 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_MIME = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}\Z")
_ROLE = re.compile(r"[a-z][a-z-]{0,29}\Z")
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,15})\Z")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class UploadState(StrEnum):
    """How far an upload has come."""

    OPEN = "open"
    DONE = "done"
    HASH_MISMATCH = "hash-mismatch"
    ENDED = "ended"


class Unreadable(ValueError):
    """A header that breaks the protocol; the message is Chinese and says which."""


@dataclass(frozen=True)
class Described:
    """What `Upload-Metadata` says of a file."""

    sha256: str
    size_bytes: int
    role: str
    mime: str
    op_id: str | None

    @property
    def largest_bytes(self) -> int:
        """The limit for this type of file."""
        return VIDEO_BYTES if self.mime.startswith("video/") else PHOTO_BYTES


def number(text: str | None, name: str) -> int:
    """Return a header's whole number. Raises Unreadable."""
    if text is None or not _NUMBER.match(text):
        raise Unreadable(f"请求头 {name} 应为非负整数。")
    return int(text)


def metadata(text: str | None) -> dict[str, str]:
    """Return the pairs of an `Upload-Metadata` header. Raises Unreadable."""
    found: dict[str, str] = {}
    for pair in (text or "").split(","):
        key, _, value = pair.strip().partition(" ")
        if not key:
            continue
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Unreadable(f"Upload-Metadata 中的 {key[:40]} 不是有效的 Base64 文本。") from error
    return found


def describe(text: str | None, length: int) -> Described:
    """Return what is to be uploaded. Raises Unreadable for missing or contradictory metadata."""
    given = metadata(text)
    if not _HASH.match(given.get("sha256", "")):
        raise Unreadable("Upload-Metadata 缺少 sha256（64 位小写十六进制）。")
    if number(given.get("size"), "Upload-Metadata size") != length:
        raise Unreadable("Upload-Metadata 的 size 与 Upload-Length 不一致。")
    mime = given.get("mime") or given.get("filetype") or "image/jpeg"
    role = given.get("role", "photo")
    if not _MIME.match(mime) or not _ROLE.match(role):
        raise Unreadable("Upload-Metadata 的 mime 或 role 无法识别。")
    op_id = given.get("op_id") or None
    if op_id is not None and not _ID.match(op_id):
        raise Unreadable("Upload-Metadata 的 op_id 应为小写 UUID。")
    return Described(given["sha256"], length, role, mime, op_id)


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
    except binascii.Error as error:
        raise Unreadable("Upload-Checksum 不是有效的 Base64 文本。") from error


def method(given: str, override: str | None) -> str:
    """Return the method a request means: `X-HTTP-Method-Override` wins (tus core)."""
    allowed: Mapping[str, str] = {"PATCH": "PATCH", "DELETE": "DELETE", "HEAD": "HEAD"}
    return allowed.get((override or "").upper(), given)
