import io
import struct
import tracemalloc
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageDraw
from PIL.TiffImagePlugin import IFDRational

from app.evidence.images import NotAPicture, Picture, PictureTooLarge, inspect, thumbnail

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

GPS, BASE = ExifTags.GPS, ExifTags.Base
HALL: dict[int, object] = {  # 31.2204560 N 121.4246780 E
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (31, 13, Fraction(136416, 10000)),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (121, 25, Fraction(288408, 10000)),
}


def scene(width: int = 640, height: int = 480, mode: str = "RGB") -> Image.Image:
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((width // 8, height // 8, width // 2, height // 2), fill="red")
    draw.rectangle((width * 3 // 4, 0, width, height // 3), fill="blue")
    return image.convert(mode)


def exif_of(gps: Mapping[int, object] | None = None, /, **tags: object) -> Image.Exif:
    exif = Image.Exif()
    if "Orientation" in tags:
        exif[BASE.Orientation] = tags.pop("Orientation")
    if tags:
        exif.get_ifd(ExifTags.IFD.Exif).update({BASE[name]: tags[name] for name in tags})
    if gps:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    return exif


def jpeg(
    image: Image.Image | None = None, *, exif: Image.Exif | None = None, **how: object
) -> bytes:
    return encoded("JPEG", image, exif=exif, **how)


def encoded(
    kind: str, image: Image.Image | None = None, *, exif: Image.Exif | None = None, **how: object
) -> bytes:
    out = io.BytesIO()
    if exif is not None:
        how["exif"] = exif.tobytes()  # the HEIC encoder sees the orientation in bytes only
    (image or scene()).save(out, kind, **how)
    return out.getvalue()


def bits_apart(one: Picture, other: Picture) -> int:
    return (int(one.dhash, 16) ^ int(other.dhash, 16)).bit_count()


@pytest.mark.parametrize(
    ("kind", "name", "mime"),
    [
        ("JPEG", "JPEG", "image/jpeg"),
        ("PNG", "PNG", "image/png"),
        ("WEBP", "WebP", "image/webp"),
        ("HEIF", "HEIC", "image/heic"),
        ("MPO", "JPEG", "image/jpeg"),
    ],
)
def test_a_picture_says_what_when_and_where(
    kind: str, name: str, mime: str, tmp_path: Path
) -> None:
    exif = exif_of(
        HALL, DateTimeOriginal="2026:11:20 09:02:03", OffsetTimeOriginal="+08:00", Orientation=1
    )
    data = encoded(kind, exif=exif, save_all=kind == "MPO")
    (tmp_path / "picture").write_bytes(data)

    picture = inspect(data)

    assert (picture.format, picture.mime) == (name, mime)
    assert (picture.width, picture.height, picture.orientation) == (640, 480, 1)
    assert picture.taken_at == datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)
    assert (picture.lat_e7, picture.lon_e7) == (312204560, 1214246780)
    assert picture.place is not None
    assert bits_apart(picture, inspect(jpeg())) <= 2
    assert inspect(tmp_path / "picture") == picture


def test_a_bare_picture_says_little() -> None:
    picture = inspect(jpeg())
    assert (picture.taken_at, picture.lat_e7, picture.lon_e7) == (None, None, None)
    assert (picture.place, picture.orientation) == (None, 1)


@pytest.mark.parametrize(
    ("lat_ref", "lon_ref", "signs"),
    [("N", "W", (1, -1)), ("S", "E", (-1, 1)), ("s", "w", (-1, -1))],
)
def test_hemispheres_have_signs(lat_ref: str, lon_ref: str, signs: tuple[int, int]) -> None:
    gps = HALL | {GPS.GPSLatitudeRef: lat_ref, GPS.GPSLongitudeRef: lon_ref}
    picture = inspect(jpeg(exif=exif_of(gps)))
    assert (picture.lat_e7, picture.lon_e7) == (signs[0] * 312204560, signs[1] * 1214246780)


@pytest.mark.parametrize(
    "wrong",
    [
        {GPS.GPSLatitudeRef: ""},
        {GPS.GPSLatitudeRef: "X"},
        {GPS.GPSLatitudeRef: "E"},
        {GPS.GPSLatitude: (IFDRational(31, 0), 13, 13)},
        {GPS.GPSLatitude: (31, IFDRational(0, 0), 13)},
        {GPS.GPSLatitude: (31, 13)},
        {GPS.GPSLatitude: (31, 61, 0)},
        {GPS.GPSLatitude: (31, 13, 61)},
        {GPS.GPSLatitude: (91, 0, 0)},
        {GPS.GPSLatitude: (90, 0, 1)},
        {GPS.GPSLongitude: (181, 0, 0)},
        {GPS.GPSLongitude: (4_000_000_000, 0, 0)},
        {GPS.GPSLatitude: (0, 0, 0), GPS.GPSLongitude: (0, 0, 0)},
    ],
)
def test_a_place_that_makes_no_sense_is_no_place(wrong: dict[int, object]) -> None:
    picture = inspect(jpeg(exif=exif_of(HALL | wrong, DateTimeOriginal="2026:11:20 09:02:03")))
    assert picture.place is None
    assert picture.taken_at is not None


@pytest.mark.parametrize("missing", HALL)
def test_half_a_place_is_no_place(missing: int) -> None:
    gps = {tag: value for tag, value in HALL.items() if tag != missing}
    assert inspect(jpeg(exif=exif_of(gps))).place is None


def tiff(*entries: tuple[int, int, int, bytes], at: int = 8) -> bytes:
    """A directory as raw bytes: (tag, type, count, value), with whatever a camera may have lied."""
    return struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries
    )


@pytest.mark.parametrize(
    "entries",
    [
        [(2, 2, 4, b"31N\0")],  # text where rationals belong
        [(2, 5, 3, struct.pack("<I", 0xFFFFFF))],  # values beyond the end
        [(2, 5, 0xFFFFFFF, struct.pack("<I", 8))],  # more values than bytes
        [(2, 10, 3, struct.pack("<I", 8))],  # signed
        [(2, 99, 3, b"\0\0\0\0")],  # unknown type
        [(1, 4, 1, b"\x4e\0\0\0"), (3, 4, 1, b"\x45\0\0\0")],  # numbers where letters belong
    ],
)
def test_a_lying_gps_directory_costs_nothing_but_the_place(
    entries: list[tuple[int, int, int, bytes]],
) -> None:
    main = tiff((BASE.GPSInfo, 4, 1, struct.pack("<I", 26))) + b"\0\0\0\0"
    raw = b"Exif\0\0II*\0\x08\0\0\0" + main + tiff(*entries) + b"\0\0\0\0"
    out = io.BytesIO()
    scene().save(out, "JPEG", exif=raw)
    assert inspect(out.getvalue()).place is None


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"DateTimeOriginal": "2026:11:20 09:02:03"}, (1, 2, 3)),
        ({"DateTimeOriginal": "2026:11:20 09:02:03", "OffsetTimeOriginal": "+00:00"}, (9, 2, 3)),
        ({"DateTimeOriginal": "2026-11-20T09:02:03", "OffsetTimeOriginal": "-01:30"}, (10, 32, 3)),
        ({"DateTimeOriginal": "2026:11:20 09:02:03", "OffsetTimeOriginal": "   :  "}, (1, 2, 3)),
    ],
)
def test_a_time_without_offset_is_local(
    tags: dict[str, object], expected: tuple[int, int, int]
) -> None:
    picture = inspect(jpeg(exif=exif_of(**tags)))
    assert picture.taken_at == datetime(2026, 11, 20, *expected, tzinfo=UTC)


def test_the_zone_of_a_time_without_offset_can_be_named() -> None:
    data = jpeg(exif=exif_of(DateTimeOriginal="2026:11:20 09:02:03"))
    picture = inspect(data, zone=ZoneInfo("Europe/Berlin"))
    assert picture.taken_at == datetime(2026, 11, 20, 8, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    ["", "0000:00:00 00:00:00", "2026:13:20 09:02:03", "2026:02:30 09:02:03", "    :  :     :  :  ",
     "yesterday", "2026:11:20", "0001:01:01 00:00:00", "\uff12026:11:20 09:02:03"],
)  # fmt: skip
def test_a_time_that_makes_no_sense_is_no_time(value: str) -> None:
    tags = {"DateTimeOriginal": value, "OffsetTimeOriginal": "+08:00"}
    assert inspect(jpeg(exif=exif_of(HALL, **tags))).taken_at is None


@pytest.mark.parametrize("offset", ["+99:00", "+24:00", "-08:99", "8", "Z"])
def test_an_offset_that_makes_no_sense_counts_as_none(offset: str) -> None:
    tags: dict[str, object] = {"OffsetTimeOriginal": offset}
    picture = inspect(jpeg(exif=exif_of(DateTimeOriginal="2026:11:20 09:02:03", **tags)))
    assert picture.taken_at == datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_unknown_orientation_is_upright(orientation: int) -> None:
    assert inspect(jpeg(exif=exif_of(Orientation=orientation))).orientation == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_by_orientation_shows_the_same_picture(orientation: int) -> None:
    undone = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # which transposition undoes each
    upright = scene()
    stored = (
        upright if orientation == 1 else upright.transpose(Image.Transpose(undone[orientation]))
    )
    data = jpeg(stored, exif=exif_of(Orientation=orientation), quality=95)

    picture = inspect(data)
    assert (picture.width, picture.height) == stored.size
    assert bits_apart(picture, inspect(jpeg(quality=95))) <= 2
    small = Image.open(io.BytesIO(thumbnail(data, edge_px=160)))
    assert small.size == (160, 120)
    red, green, blue = small.getpixel((50, 40))  # type: ignore[misc]
    assert red > 200
    assert green < 60
    assert blue < 60


def test_a_heic_that_turns_itself_is_not_turned_twice() -> None:
    stored = scene().transpose(Image.Transpose.ROTATE_90)
    data = encoded("HEIF", stored, exif=exif_of(HALL, Orientation=6))
    assert b"irot" in data

    picture = inspect(data)

    assert bits_apart(picture, inspect(jpeg())) <= 3
    assert (picture.width, picture.height, picture.orientation) == (640, 480, 1)
    assert picture.place is not None


def test_the_same_picture_is_known_again_and_another_is_not() -> None:
    original = inspect(jpeg(scene(4000, 3000)))
    smaller = inspect(jpeg(scene(4000, 3000).resize((1000, 750)), quality=40))
    other = inspect(jpeg(scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT)))

    assert len(original.dhash) == 16
    assert bits_apart(original, smaller) <= 2
    assert bits_apart(original, other) > 10


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "P"),
     ("PNG", "1"), ("PNG", "I;16"), ("WEBP", "RGBA"), ("HEIF", "RGB")],
)  # fmt: skip
def test_every_kind_of_pixel_gives_a_thumbnail(kind: str, mode: str) -> None:
    image = Image.new("I;16", (640, 480), 999) if mode == "I;16" else scene(mode=mode)
    data = encoded(kind, image)
    assert inspect(data).width == 640
    small = Image.open(io.BytesIO(thumbnail(data, edge_px=64)))
    assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (64, 48))


def test_transparency_becomes_white() -> None:
    small = thumbnail(encoded("PNG", Image.new("RGBA", (64, 64), (0, 0, 0, 0))), edge_px=32)
    assert Image.open(io.BytesIO(small)).getpixel((5, 5)) == (255, 255, 255)


def test_a_thumbnail_tells_nothing_but_pixels() -> None:
    exif = exif_of(HALL, DateTimeOriginal="2026:11:20 09:02:03", Orientation=6)
    data = jpeg(exif=exif, comment=b"secret", xmp=b"<secret/>", icc_profile=b"secret" * 100)
    assert data.count(b"secret") == 102

    small = thumbnail(data, edge_px=160)

    assert b"secret" not in small
    assert b"Exif" not in small
    assert not Image.open(io.BytesIO(small)).getexif()


def test_a_thumbnail_is_never_larger_than_its_picture() -> None:
    small = Image.open(io.BytesIO(thumbnail(jpeg(scene(40, 20)), edge_px=160)))
    assert small.size == (40, 20)


# Bad input.

POLYGLOT = b"GIF89a/*" + b"\0" * 20 + jpeg()
NOT_PICTURES = {
    "empty": b"",
    "text": "这不是照片".encode() * 100,
    "html": b"<html><script>alert(1)</script></html>",
    "gif": encoded("GIF", scene(mode="P")),
    "bmp": encoded("BMP"),
    "tiff": encoded("TIFF"),
    "gif polyglot": POLYGLOT,
    "pdf": b"%PDF-1.7\n" + jpeg(),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "elf": b"\x7fELF" + b"\0" * 200,
    "jpeg marker alone": b"\xff\xd8\xff",
    "png signature alone": b"\x89PNG\r\n\x1a\n",
    "heic brand alone": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "webp header alone": b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0",
}


@pytest.mark.parametrize("name", NOT_PICTURES)
def test_what_is_no_picture_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(NOT_PICTURES[name])
    for source in (NOT_PICTURES[name], tmp_path / "photo.jpg"):
        with pytest.raises(NotAPicture) as refused:
            inspect(source)
        with pytest.raises(NotAPicture):
            thumbnail(source, edge_px=64)
    assert refused.value.code == "not-a-picture"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_truncated_picture_is_refused(kind: str, kept: float) -> None:
    data = encoded(kind)
    with pytest.raises(NotAPicture):
        inspect(data[: int(len(data) * kept)])


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int, pixels: bytes = b"") -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(pixels)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


def peak_of(call: object) -> int:
    tracemalloc.start()
    try:
        assert callable(call)
        call()
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("edges", [(60_000, 60_000), (9_460, 9_460), (2**31 - 1, 1)])
def test_a_header_claiming_too_many_pixels_is_refused_unread(edges: tuple[int, int]) -> None:
    data = png_claiming(*edges)

    def look() -> None:
        for call in (lambda: inspect(data), lambda: thumbnail(data, edge_px=64)):
            with pytest.raises(PictureTooLarge) as refused:
                call()
            assert refused.value.code == "picture-too-large"
            assert refused.value.extras["pixels_max"] == 89_478_485

    assert peak_of(look) < 1024 * 1024


def test_a_jpeg_claiming_too_many_pixels_is_refused() -> None:
    data = bytearray(jpeg())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    with pytest.raises(PictureTooLarge):
        inspect(bytes(data))


def test_a_small_file_that_unpacks_to_too_many_pixels_is_refused() -> None:
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    with pytest.raises(PictureTooLarge):
        inspect(out.getvalue())


def test_a_picture_with_a_bomb_in_its_text_is_refused_or_read_without_it() -> None:
    bomb = png_chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"\0" * 200_000_000, 9))
    data = encoded("PNG")

    def look() -> None:
        with pytest.raises(NotAPicture):
            inspect(data[:33] + bomb + data[33:])

    assert peak_of(look) < 16 * 1024 * 1024


def test_the_largest_picture_allowed_is_still_read() -> None:
    out = io.BytesIO()
    Image.new("L", (12_000, 7_400), 128).save(out, "JPEG", quality=50)
    assert inspect(out.getvalue()).width == 12_000


def test_many_pictures_at_once_are_all_read() -> None:
    data = jpeg(scene(2000, 1500))
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: inspect(data), range(16)))) == 1


def test_the_door_is_free_again_after_a_refusal() -> None:
    for _ in range(5):
        with pytest.raises(NotAPicture):
            inspect(b"")
    assert inspect(jpeg()).width == 640


def test_a_missing_file_is_not_called_a_bad_picture(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "missing.jpg")


PREFIXES = [
    b"",
    b"\xff\xd8\xff\xe1\x00\x40Exif\0\0II*\0\x08\0\0\0",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"RIFF\xff\0\0\0WEBPVP8X",
    b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
]


@given(prefix=st.sampled_from(PREFIXES), rest=st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_random_bytes_are_refused_and_nothing_else(prefix: bytes, rest: bytes) -> None:
    with pytest.raises((NotAPicture, PictureTooLarge)):
        inspect(prefix + rest)


WHOLE = {
    kind: encoded(kind, scene(48, 32), exif=exif_of(HALL, DateTimeOriginal="2026:11:20 09:02:03"))
    for kind in ("JPEG", "PNG", "WEBP", "HEIF")
}


@given(
    kind=st.sampled_from(sorted(WHOLE)),
    damage=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=30
    ),
    early=st.booleans(),
)
@settings(max_examples=500, deadline=None)
def test_a_damaged_picture_is_read_or_refused_and_nothing_else(
    kind: str, damage: list[tuple[float, int]], early: bool
) -> None:
    data = bytearray(WHOLE[kind])
    reach = min(len(data), 500) if early else len(data)
    for where, value in damage:
        data[int(where * reach)] = value
    for look in (inspect, lambda source: thumbnail(source, edge_px=16)):
        with suppress(NotAPicture, PictureTooLarge):
            look(bytes(data))
