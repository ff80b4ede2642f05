"""What a visit code is: its signed text, what it stands for on a day, who may rate.

The text holds 41 bytes and an Ed25519 signature over them, base64url without padding: whoever has
the server's public key reads it without a network. Pure: keys are given as functions.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

PURPOSE = b"suicha-visit-code-1\n"  # before the bytes that are signed: the key has other uses
_SHAPE = struct.Struct(">B16s16sII")
_SIGNATURE = 64
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: none is taken for another
SHORT = 12

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], bool]


class Scanned(StrEnum):
    """Whose code it is: that of a visit, shown by officers, or that of a unit, at its door."""

    VISIT = "visit"
    UNIT = "unit"


_FIRST_BYTE = {Scanned.VISIT: 1, Scanned.UNIT: 2}


class CodeKind(StrEnum):
    """Why somebody comes: by a plan 有计划检查, or for a reason 触发式检查."""

    PLANNED = "planned"
    TRIGGERED = "triggered"


class CodeState(StrEnum):
    """What people did with a code; the rest follows from its days and its visits."""

    ISSUED = "issued"
    REVOKED = "revoked"


class Standing(StrEnum):
    """What a scan says."""

    VALID = "valid"
    NOT_YET = "not-yet"
    EXPIRED = "expired"
    REVOKED = "revoked"
    USED = "used"


class ObjectionState(StrEnum):
    """How far an objection 异议 of a unit is."""

    OPEN = "open"
    ANSWERED = "answered"


class NotACode(Exception):
    """The text is no code at all: cut off, or something else was scanned."""


class NotSigned(Exception):
    """The text looks like a code, and this server did not sign it: forged or altered.

    `claimed` is whose code it pretends to be, as far as it says.
    """

    def __init__(self, claimed: Scanned | None) -> None:
        super().__init__()
        self.claimed = claimed


@dataclass(frozen=True)
class Claim:
    """What a code says by itself; days are instants, whole seconds."""

    scanned: Scanned
    code_id: UUID
    unit_id: UUID
    valid_from: datetime
    valid_until: datetime


def write(claim: Claim, sign: Sign) -> str:
    """Return the text of a code, 140 characters."""
    body = _SHAPE.pack(
        _FIRST_BYTE[claim.scanned],
        claim.code_id.bytes,
        claim.unit_id.bytes,
        int(claim.valid_from.timestamp()),
        int(claim.valid_until.timestamp()),
    )
    signed = body + sign(PURPOSE + body)
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def read(text: str, verify: Verify) -> Claim:
    """Return what a code says. Raises NotACode and NotSigned."""
    try:
        signed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotACode from error
    if len(signed) != _SHAPE.size + _SIGNATURE or write_back(signed) != text:
        raise NotACode
    body, signature = signed[: _SHAPE.size], signed[_SHAPE.size :]
    first, code_id, unit_id, valid_from, valid_until = _SHAPE.unpack(body)
    kinds = {byte: scanned for scanned, byte in _FIRST_BYTE.items()}
    if not verify(signature, PURPOSE + body):
        raise NotSigned(kinds.get(first))
    if first not in kinds:
        raise NotACode
    return Claim(
        kinds[first],
        UUID(bytes=code_id),
        UUID(bytes=unit_id),
        datetime.fromtimestamp(valid_from, UTC),
        datetime.fromtimestamp(valid_until, UTC),
    )


def write_back(signed: bytes) -> str:
    """Return the one text of these bytes: the last character of another could hold spare bits."""
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def short_of(chance: bytes) -> str:
    """Return twelve characters that people can type, from 8 random bytes."""
    number = int.from_bytes(chance[:8])
    return "".join(_LETTERS[number >> 5 * place & 31] for place in range(SHORT))


def normal_short(typed: str) -> str:
    """Return what somebody typed as it was meant: spaces, hyphens, O and I do not matter."""
    plain = "".join(one for one in typed.upper() if one.isalnum())
    return plain.translate(str.maketrans("OILU", "011V"))


def standing(
    state: CodeState, valid_from: datetime, valid_until: datetime, *, used: bool, at: datetime
) -> Standing:
    """Say what a code stands for at an instant; revoked counts before used, used before expired."""
    if state is CodeState.REVOKED:
        return Standing.REVOKED
    if used:
        return Standing.USED
    if at < valid_from:
        return Standing.NOT_YET
    return Standing.VALID if at < valid_until else Standing.EXPIRED


def commitment(nonce: bytes, code_id: UUID, score: int, comment: str | None) -> str:
    """Return what the journal keeps of a rating: who knows the nonce can show that it was not
    changed, and nobody else learns whose it is."""
    content = f"{code_id}\n{score}\n{comment or ''}".encode()
    return hashlib.sha256(nonce + content).hexdigest()


def average(scores: Sequence[int]) -> int | None:
    """Return the average in hundredths, half up; None of nothing."""
    if not scores:
        return None
    return (200 * sum(scores) + len(scores)) // (2 * len(scores))
