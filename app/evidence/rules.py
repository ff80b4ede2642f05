"""What a picture says about itself, held against what the tablet recorded: hints, never proof."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.geometry import distance_m


@dataclass(frozen=True, slots=True)
class Place:
    """A WGS-84 position in whole 1e-7 degrees."""

    lat_e7: int
    lon_e7: int


def compare_place(exif: Place | None, fix: Place | None) -> float | None:
    """Return the metres between the picture's own place and the tablet's fix, if both are known."""
    if exif is None or fix is None:
        return None
    return distance_m(exif.lon_e7, exif.lat_e7, fix.lon_e7, fix.lat_e7)


def compare_time(taken_at: datetime | None, recorded_at: datetime | None) -> float | None:
    """Return the seconds between the picture's own instant and the tablet's, whichever is first."""
    if taken_at is None or recorded_at is None:
        return None
    return abs((taken_at - recorded_at).total_seconds())


class EvidenceState(StrEnum):
    """How far a piece of evidence has come; a picture that is none is kept all the same."""

    AWAITED = "awaited"
    STORED = "stored"
    NOT_A_PICTURE = "not-a-picture"
    PICTURE_TOO_LARGE = "picture-too-large"


_PAPERS = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n": "image/png"}


def paper_type(data: bytes) -> str | None:
    """Return the media type of a paper by its first bytes; None where it is none that is taken."""
    return next((mime for mark, mime in _PAPERS.items() if data.startswith(mark)), None)


def object_key(agency_id: object, sha256: str) -> str:
    """Return where the original bytes lie: by agency and content."""
    return f"evidence/{agency_id}/{sha256}"


def thumbnail_key(agency_id: object, sha256: str) -> str:
    """Return where the derived small picture lies."""
    return f"thumbnails/{agency_id}/{sha256}.jpg"


def is_picture(mime: str) -> bool:
    """Tell whether evidence of this type is to be opened as a picture."""
    return mime.startswith("image/")
