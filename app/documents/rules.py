"""What documents there are, how they are numbered, and what each has to say.

Numbers count by agency, kind and year. A tablet issues them from blocks that were allotted to it
and its officer, so that two tablets never write the same number.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from app import canonical


class DocumentKind(StrEnum):
    """The law-enforcement documents 执法文书 that the product issues."""

    OPINION = "opinion"  # 卫生监督意见书
    CORRECTIVE_ORDER = "corrective-order"  # 责令改正通知书
    ON_SITE_DECISION = "on-site-decision"  # 当场行政处罚决定书
    VISIT_RECORD = "visit-record"  # 现场笔录
    SAMPLING_RECORD = "sampling-record"  # 采样记录


class DocumentState(StrEnum):
    """How far a document is. `signed` locks it: what comes later is a document of its own."""

    ISSUED = "issued"
    SIGNED = "signed"


class BlockState(StrEnum):
    """`ended`: no tablet takes a further number from it; what was written before still counts."""

    OPEN = "open"
    ENDED = "ended"


class EndReason(StrEnum):
    """Why no further number is taken from a block.

    `restored`: a restored database does not know whether its numbers were given out.
    """

    USED_UP = "used-up"
    DEVICE_CLOSED = "device-closed"
    YEAR_OVER = "year-over"
    RESTORED = "restored"


class SignRole(StrEnum):
    """Whose signature it is: an officer's, the supervised party's 当事人, a witness's 见证人."""

    OFFICER = "officer"
    PARTY = "party"
    WITNESS = "witness"


class SignMethod(StrEnum):
    """How it was signed: the tablet's key, a PIN on a colleague's tablet, by hand, or refused."""

    DEVICE_KEY = "device-key"
    PIN = "pin"
    HAND = "hand"
    REFUSED = "refused"


@dataclass(frozen=True)
class Signature:
    """A signature on a tablet; `confirmed_by` is the colleague who gave their PIN on it.

    `content_hash` is of what was shown when it was signed; `refusal` says why the party did not.
    """

    role: SignRole = SignRole.OFFICER
    content_hash: str | None = None
    refusal: str | None = None
    confirmed_by: UUID | None = None


def signatories(signature: Signature, officer_id: UUID) -> list[tuple[SignRole, UUID, SignMethod]]:
    """Return who signs, as what and how, when an officer's tablet sends a signature.

    The tablet's officer signs with it, and a colleague who confirmed by PIN; the party or a witness
    by hand, or not.
    """
    found = [(SignRole.OFFICER, officer_id, SignMethod.DEVICE_KEY)]
    if signature.confirmed_by is not None and signature.confirmed_by != officer_id:
        found.append((SignRole.OFFICER, signature.confirmed_by, SignMethod.PIN))
    if signature.role is not SignRole.OFFICER:
        method = SignMethod.HAND if signature.refusal is None else SignMethod.REFUSED
        found.append((signature.role, officer_id, method))
    return found


# --- numbers -----------------------------------------------------------------------------------

HEAD_PREFIX = "document."
_SERIES = re.compile(r"([a-z]+(?:-[a-z]+)*):([0-9]{4})\Z")


def series_of(kind: DocumentKind, year: int) -> str:
    """Return the name of the series in which an agency numbers a kind of document in a year."""
    return f"{kind}:{year:04d}"


def read_series(series: str) -> tuple[DocumentKind, int]:
    """Return the kind and the year of a series. Raises ValueError for what is none."""
    found = _SERIES.match(series)
    if found is None:
        raise ValueError(f"not a series: {series!r}")
    return DocumentKind(found[1]), int(found[2])


def head_series(agency_id: object, series: str) -> str:
    """Return the name that a series has among all agencies', `<prefix><kind>:<agency>:<year>`."""
    kind, year = series.split(":")
    return f"{HEAD_PREFIX}{kind}:{agency_id}:{year}"


def format_number(form: str, digits: int, year: int, serial: int) -> str:
    """Return a printed number 编号: the form with its `{year}` and `{serial}` filled in.

    The serial has at least `digits` digits; a longer one is never cut.
    """
    return form.replace("{year}", f"{year:04d}").replace("{serial}", f"{serial:0{digits}d}")


# --- what a document says ------------------------------------------------------------------------


@dataclass(frozen=True)
class Template:
    """What the catalogue says of a kind of document on a day.

    `required` are the names of the fields without which it is not complete; `on_tablet` says that
    tablets issue it and carry blocks of its numbers.
    """

    kind: DocumentKind
    name: str
    required: tuple[str, ...]
    number_form: str
    serial_digits: int
    on_tablet: bool


NUMBER_FORM = "{year}—{serial}"
MAX_DIGITS = 9


def read_template(code: str, body: Mapping[str, Any]) -> Template:
    """Return the template in a catalogue row's body; agencies write such rows.

    A form that would print two numbers alike is not used. Raises ValueError for a code that is no
    kind of document.
    """
    form = body["number_form"]
    return Template(
        kind=DocumentKind(code),
        name=str(body["name"]),
        required=tuple(
            str(one["field"])
            for one in body["required"]
            if isinstance(one, Mapping) and "field" in one
        ),
        number_form=form if "{year}" in form and "{serial}" in form else NUMBER_FORM,
        serial_digits=min(max(int(body["serial_digits"]), 1), MAX_DIGITS),
        on_tablet=bool(body["on_tablet"]),
    )


def missing_fields(required: Iterable[str], fields: Mapping[str, Any]) -> list[str]:
    """Return the required fields that say nothing, in the order of the template."""
    return [name for name in required if _is_empty(fields.get(name))]


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or value == [] or value == {}


def content_text(
    *,
    document_id: object,
    kind: str,
    number: str,
    unit_id: object,
    officer_ids: Iterable[object],
    fields: Mapping[str, Any],
) -> str:
    """Return what a document says as canonical JSON: what is signed is the SHA-256 of this text.

    A tablet computes the same. The document's id makes the hash say nothing of the contents.
    """
    return canonical.dumps(
        {
            "fields": dict(fields),
            "id": str(document_id),
            "kind": str(kind),
            "number": number,
            "officer_ids": sorted(str(one) for one in officer_ids),
            "unit_id": str(unit_id),
        }
    )


# --- blocks ------------------------------------------------------------------------------------


def unused(first: int, last: int, used: Collection[int]) -> list[tuple[int, int]]:
    """Return the runs `(first, last)` of a block's numbers that no document has."""
    runs: list[tuple[int, int]] = []
    start = first
    for serial in [*sorted(one for one in used if first <= one <= last), last + 1]:
        if start < serial:
            runs.append((start, serial - 1))
        start = serial + 1
    return runs


def skipped(first: int, last: int, used: Collection[int]) -> list[tuple[int, int]]:
    """Return the unused runs below the highest number used: left out, or still on the tablet."""
    highest = max((one for one in used if first <= one <= last), default=first - 1)
    return [run for run in unused(first, last, used) if run[1] < highest]


def free_of(blocks: Sequence[tuple[int, int]], used: Collection[int]) -> int:
    """Return how many numbers above the last one used in each block are left."""
    return sum(
        last - max((one for one in used if first <= one <= last), default=first - 1)
        for first, last in blocks
    )


# --- the year's turn ---------------------------------------------------------------------------


def years_to_carry(today: date, ahead_days: int) -> list[int]:
    """Return the years of which a tablet carries numbers: this one, and in time the next."""
    begins = date(today.year + 1, 1, 1)
    return [today.year, *([today.year + 1] if (begins - today).days <= ahead_days else [])]


def is_over(year: int, today: date, close_days: int) -> bool:
    """Tell whether a year's blocks end: it has been over for `close_days`."""
    return (today - date(year + 1, 1, 1)).days >= close_days
