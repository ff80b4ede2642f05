"""Pictures on paper: the thumbnails of originals, as data that the press can draw.

A thumbnail goes to the press inside its data and lies in no folder on the way. Nothing but
pixels is in one: no EXIF, no place.
"""

from base64 import b64encode
from struct import unpack_from

from app.evidence.models import Evidence
from app.evidence.rules import thumbnail_key
from app.storage import Storage, StoredObjectMissing

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers that tell the size


def small_picture(one: Evidence, storage: Storage) -> str | None:
    """Return the thumbnail of an original for the press, None where there is none (yet).

    Raises what a storage raises.
    """
    if not one.thumbnail:
        return None
    try:
        return drawing_of(storage.get(thumbnail_key(one.agency_id, one.sha256)))
    except StoredObjectMissing:
        return None


def drawing_of(jpeg: bytes) -> str | None:
    """Return a JPEG as an SVG that holds it, the same for the same bytes; None for what is none."""
    size = size_of(jpeg)
    if size is None:
        return None
    width, height = size
    box = f'width="{width}" height="{height}"'
    held = f'<image {box} href="data:image/jpeg;base64,{b64encode(jpeg).decode()}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{held}</svg>'


def size_of(jpeg: bytes) -> tuple[int, int] | None:
    """Return width and height as the frame of a JPEG says them, None for what is no JPEG."""
    if not jpeg.startswith(b"\xff\xd8"):
        return None
    place = 2
    while place + 9 <= len(jpeg) and jpeg[place] == 0xFF:
        if jpeg[place + 1] in _FRAMES:
            height, width = unpack_from(">HH", jpeg, place + 5)
            return (width, height) if width and height else None
        place += 2 + int(unpack_from(">H", jpeg, place + 2)[0])
    return None
