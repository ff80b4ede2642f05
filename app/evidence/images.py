"""The only door to Pillow: look into pictures from outside without trusting a byte of them.

Originals are never altered; everything here reads. Whatever arrives, the answer is a Picture, a
thumbnail, NotAPicture or PictureTooLarge. Memory is bounded twice: by the pixels one picture may
have, and by how many are decoded at a time.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from numbers import Rational
from pathlib import Path
from threading import BoundedSemaphore

import pillow_heif
from PIL import ExifTags, Image, UnidentifiedImageError

from app.clock import SHANGHAI
from app.errors import Invalid
from app.evidence import prints
from app.evidence.rules import Place
from app.geometry import E7

FORMATS: Mapping[str, tuple[str, str]] = {  # of Pillow: our name, media type
    "JPEG": ("JPEG", "image/jpeg"),
    "MPO": ("JPEG", "image/jpeg"),  # a JPEG with further pictures behind it, as phones write
    "PNG": ("PNG", "image/png"),
    "WEBP": ("WebP", "image/webp"),
    "HEIF": ("HEIC", "image/heic"),
}
MARK_BYTES = 16  # by which the beginning of each is known
_MARKS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP|....ftyp(?:hei|hev|mif|msf|avi)", re.DOTALL
)
DECODED_AT_ONCE = 2
HASH_EDGE = 8
LOOK_EDGE = 480  # px; a JPEG is decoded at about this size
JPEG_QUALITY = 82
_SCALABLE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_TIME = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_EXIF_OFFSET = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)")
# What decoders of damaged files have been seen to raise; Pillow promises no common class.
_DAMAGE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, KeyError, IndexError),
    *(AttributeError, ArithmeticError, RuntimeError, MemoryError, struct.error, zlib.error),
)

pillow_heif.register_heif_opener()
warnings.simplefilter("error", Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # damaged EXIF is common
_decoding = BoundedSemaphore(DECODED_AT_ONCE)


class NotAPicture(Invalid):
    code, title = "not-a-picture", "文件不是照片"


class PictureTooLarge(Invalid):
    code, title = "picture-too-large", "照片像素过多"


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture says about itself.

    `width` and `height` are as stored; an `orientation` of 5 to 8 swaps them on the screen.
    `taken_at` is an aware UTC instant. `print` is the fingerprint by which a picture used before
    is found; None where there is too little to see. `dhash` is one of 64 bits for outsiders.
    """

    format: str
    mime: str
    width: int
    height: int
    taken_at: datetime | None
    lat_e7: int | None
    lon_e7: int | None
    dhash: str
    print: str | None
    orientation: int

    @property
    def place(self) -> Place | None:
        if self.lat_e7 is None or self.lon_e7 is None:
            return None
        return Place(self.lat_e7, self.lon_e7)


def begins_as_picture(beginning: bytes) -> bool:
    """Tell from the first MARK_BYTES whether a file may be one of FORMATS; `look` knows."""
    return _MARKS.match(beginning) is not None


def look(source: bytes | Path, *, edge_px: int, zone: tzinfo = SHANGHAI) -> tuple[Picture, bytes]:
    """Return what the picture says and its thumbnail, having decoded all of it once.

    A camera time without offset is read as local time of `zone`. EXIF that makes no sense is left
    out, never an error. The thumbnail is a JPEG no longer than `edge_px` at either edge, upright,
    never enlarged; nothing but pixels is carried over: no EXIF, place, comment or colour profile.
    Raises NotAPicture (another format, damaged or cut off) and PictureTooLarge (`pixels_max`).
    """
    with _opened(source) as image:
        exif = _exif(image)
        orientation = _orientation(exif)
        place = _place(exif)
        name, mime = FORMATS[image.format or ""]
        width, height = image.size
        small = _upright(image, orientation, edge_px)
        picture = Picture(
            format=name,
            mime=mime,
            width=width,
            height=height,
            taken_at=_taken_at(exif, zone),
            lat_e7=None if place is None else place.lat_e7,
            lon_e7=None if place is None else place.lon_e7,
            dhash=_dhash(small),
            print=_print(small),
            orientation=orientation,
        )
        return picture, _plain_jpeg(small)


def inspect(source: bytes | Path, *, zone: tzinfo = SHANGHAI) -> Picture:
    """Return what the picture says; as `look`."""
    return look(source, edge_px=LOOK_EDGE, zone=zone)[0]


def thumbnail(source: bytes | Path, *, edge_px: int) -> bytes:
    """Return the picture's thumbnail; as `look`."""
    return look(source, edge_px=edge_px)[1]


def _upright(image: Image.Image, orientation: int, edge_px: int) -> Image.Image:
    """Return the picture small, opaque and turned as it is to be seen."""
    image.draft("RGB", (edge_px, edge_px))
    image.load()
    small = image if image.mode in _SCALABLE else _opaque(image)
    small.thumbnail((edge_px, edge_px), Image.Resampling.LANCZOS)
    return _turned(_opaque(small), orientation)


def _plain_jpeg(image: Image.Image) -> bytes:
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return out.getvalue()


@contextmanager
def _opened(source: bytes | Path) -> Iterator[Image.Image]:
    """Yield the picture, opened and not yet decoded, and speak for every failure inside."""
    with _decoding:
        try:
            file = io.BytesIO(source) if isinstance(source, bytes) else source
            with Image.open(file, formats=["JPEG", "PNG", "WEBP", "HEIF"]) as image:
                _require_size(image)
                yield image
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_large() from error
        except FileNotFoundError:
            raise
        except UnidentifiedImageError as error:
            raise NotAPicture(
                "文件内容不是 JPEG、PNG、HEIC 或 WebP 照片，没有采用；请重新拍摄或选择照片。"
            ) from error
        except _DAMAGE as error:
            raise NotAPicture("照片数据损坏或不完整，无法打开；请重新上传原文件。") from error


def _require_size(image: Image.Image) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise UnidentifiedImageError
    if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
        raise _too_large()


def _too_large() -> PictureTooLarge:
    return PictureTooLarge(
        "照片像素过多，为保护服务器没有打开；请用相机的普通分辨率重新拍摄。",
        pixels_max=Image.MAX_IMAGE_PIXELS,
    )


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _opaque(image: Image.Image) -> Image.Image:
    """Return the pixels as RGB, on white where the picture is transparent."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    colours = image.convert("RGBA")
    paper = Image.new("RGBA", colours.size, "white")
    return Image.alpha_composite(paper, colours).convert("RGB")


def _dhash(image: Image.Image) -> str:
    """Return 64 bits in hex: is each pixel of the tiny grey picture darker than its neighbour."""
    tiny = _opaque(image).convert("L")
    tiny = tiny.resize((HASH_EDGE + 1, HASH_EDGE), Image.Resampling.LANCZOS)
    pixels, width = tiny.tobytes(), HASH_EDGE + 1
    bits = 0
    for row in range(HASH_EDGE):
        for column in range(HASH_EDGE):
            at = row * width + column
            bits = bits << 1 | (pixels[at] < pixels[at + 1])
    return f"{bits:016x}"


def _print(image: Image.Image) -> str | None:
    grey = _opaque(image).convert("L")
    whole = grey.resize((prints.GREY_EDGE, prints.GREY_EDGE), Image.Resampling.LANCZOS)
    steps = grey.resize(prints.STEP_SIZE, Image.Resampling.LANCZOS)
    return prints.fingerprint(whole.tobytes(), steps.tobytes())


@dataclass(frozen=True, slots=True)
class _Tags:
    """The directories apart: the numbers of GPS tags are taken in the others as well."""

    photo: Mapping[int, object]
    gps: Mapping[int, object]


def _exif(image: Image.Image) -> _Tags:
    """Return the tags that can be read; a damaged directory is empty."""
    photo: dict[int, object] = {}
    gps: dict[int, object] = {}
    try:
        exif = image.getexif()
        photo.update(exif)
    except _DAMAGE:
        return _Tags(photo, gps)
    for directory, tags in ((ExifTags.IFD.Exif, photo), (ExifTags.IFD.GPSInfo, gps)):
        try:
            tags.update(exif.get_ifd(directory))
        except _DAMAGE:
            continue
    return _Tags(photo, gps)


def _orientation(tags: _Tags) -> int:
    value = tags.photo.get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _place(tags: _Tags) -> Place | None:
    lat = _angle(
        tags.gps.get(ExifTags.GPS.GPSLatitude), tags.gps.get(ExifTags.GPS.GPSLatitudeRef), "NS"
    )
    lon = _angle(
        tags.gps.get(ExifTags.GPS.GPSLongitude), tags.gps.get(ExifTags.GPS.GPSLongitudeRef), "EW"
    )
    if lat is None or lon is None or abs(lat) > 90 * E7 or abs(lon) > 180 * E7:
        return None
    if lat == lon == 0:
        return None  # what cameras write that have no fix
    return Place(lat_e7=lat, lon_e7=lon)


def _angle(value: object, reference: object, signs: str) -> int | None:
    """Return whole 1e-7 degrees of degrees, minutes, seconds and a hemisphere, or None."""
    hemisphere = _text(reference).upper()
    if hemisphere not in set(signs) or not isinstance(value, tuple) or len(value) != 3:
        return None
    parts = [_fraction(part) for part in value]
    if any(part is None or part < 0 for part in parts):
        return None
    degrees, minutes, seconds = (part or Fraction() for part in parts)
    if minutes > 60 or seconds > 60:
        return None
    size = round((degrees + minutes / 60 + seconds / 3600) * E7)
    return -size if hemisphere == signs[1] else size


def _fraction(value: object) -> Fraction | None:
    """Return a rational of EXIF; None for a denominator of zero and for what is no number."""
    if not isinstance(value, Rational):
        return None
    top, bottom = value.numerator, value.denominator
    if not isinstance(top, int) or not isinstance(bottom, int) or bottom == 0:
        return None
    return Fraction(top, bottom)


def _taken_at(tags: _Tags, zone: tzinfo) -> datetime | None:
    found = _EXIF_TIME.fullmatch(_text(tags.photo.get(ExifTags.Base.DateTimeOriginal)))
    if found is None:
        return None
    offset = _EXIF_OFFSET.fullmatch(_text(tags.photo.get(ExifTags.Base.OffsetTimeOriginal)))
    try:
        year, month, day, hour, minute, second = (int(digits) for digits in found.groups())
        local = datetime(year, month, day, hour, minute, second, tzinfo=_zone(offset) or zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(offset: re.Match[str] | None) -> timezone | None:
    if offset is None:
        return None
    size = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
    return timezone(-size if offset[1] == "-" else size)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return value.strip("\0 ") if isinstance(value, str) else ""
