"""Fingerprints: one picture has one, however it was saved; two pictures have two."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from app.evidence import prints
from app.evidence.images import inspect
from tests import chance as chances

HEX = st.integers(0, 2**128 - 1).map(lambda number: f"{number:032x}")


@pytest.fixture(params=[1, 2])
def chance(request):
    """Chance that can be repeated."""
    return chances.chance(request.param)


def scene(chance, width=800, height=600):
    """A picture of shapes in colours, with grain."""
    base = Image.new("RGB", (width, height), colour(chance))
    image = Image.blend(base, grain(chance, width, height, 0.27).convert("RGB"), 0.3)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        left, top = chance.randrange(width), chance.randrange(height)
        box = (left, top, left + chance.randrange(60, 300), top + chance.randrange(60, 300))
        (draw.ellipse if chance.random() < 0.5 else draw.rectangle)(box, fill=colour(chance))
    return image.filter(ImageFilter.GaussianBlur(1))


def colour(chance):
    return tuple(chance.randrange(256) for _ in range(3))


def paper(chance, width=800, height=1100):
    """A page of text: they all look alike from afar, and are not the same."""
    image = Image.new("RGB", (width, height), (250, 249, 246))
    draw = ImageDraw.Draw(image)
    top = 80
    while top < height - 80:
        words = "".join(chance.choice("abcdefgh ijklmn") for _ in range(chance.randrange(8, 60)))
        draw.text((60, top), words, fill="black", font_size=22)
        top += chance.choice([32, 32, 32, 60])
    return image


def wall(chance, width=800, height=600):
    """A white wall: a little light from one side, and the grain of the camera."""
    light = Image.linear_gradient("L").resize((width, height))
    if chance.random() < 0.5:
        light = light.transpose(Image.Transpose.ROTATE_180)
    plain = Image.blend(Image.new("L", (width, height), 235), light, 0.1)
    return Image.blend(plain, grain(chance, width, height, 0.16), 0.08).convert("RGB")


def grain(chance, width, height, strength):
    """The noise of a camera, from the chance that can be repeated."""
    noise = Image.frombytes("L", (width, height), chance.randbytes(width * height))
    return Image.blend(Image.new("L", (width, height), 128), noise, strength)


def saved(image, kind="JPEG", **how):
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def print_of(image, **how):
    return inspect(saved(image, **{"quality": 90, **how})).print


def smaller(image, share):
    return image.resize((round(image.width * share), round(image.height * share)))


@pytest.mark.parametrize("make", [scene, paper])
def test_a_picture_saved_again_or_made_smaller_has_the_same_fingerprint(chance, make):
    for _ in range(6):
        image = make(chance)
        own = print_of(image)
        assert own is not None
        for again in (
            print_of(image, quality=40),
            print_of(smaller(image, 0.5), quality=60),
            print_of(smaller(image, 0.6), quality=30),
            print_of(smaller(image, 1.5)),
            print_of(image, kind="PNG"),
            print_of(image, kind="WEBP", quality=60),
        ):
            assert again is not None
            assert prints.is_same(own, again, bits=prints.SEARCH_BITS), prints.bits_apart(
                own, again
            )


@pytest.mark.parametrize("make", [scene, paper])
def test_different_pictures_have_different_fingerprints(chance, make):
    found = [print_of(make(chance)) for _ in range(30)]
    for place, one in enumerate(found):
        for other in found[place + 1 :]:
            assert not prints.is_same(one, other, bits=prints.SEARCH_BITS)


@pytest.mark.parametrize("plain", ["white", "black", "#808080", "#f4f1ea"])
def test_a_flat_picture_has_none(plain):
    assert print_of(Image.new("RGB", (640, 480), plain)) is None


def test_walls_and_skies_have_none(chance):
    assert {print_of(wall(chance)) for _ in range(10)} == {None}
    assert print_of(Image.linear_gradient("L").resize((640, 480)).convert("RGB")) is None


def test_a_picture_that_was_turned_on_its_side_is_compared_as_it_is_seen(chance):
    image = scene(chance)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = image.transpose(Image.Transpose.ROTATE_90)
    own, again = print_of(image), print_of(turned, exif=exif)
    assert own is not None
    assert again is not None
    assert prints.is_same(own, again, bits=prints.SEARCH_BITS)


@given(HEX, HEX)
def test_the_distance_has_no_direction(one, other):
    assert prints.bits_apart(one, other) == prints.bits_apart(other, one)
    assert prints.bits_apart(one, one) == (0, 0)
    assert prints.is_same(one, other, bits=3) is prints.is_same(other, one, bits=3)


@given(HEX, st.sets(st.integers(64, 127), max_size=prints.SEARCH_BITS))
def test_whatever_differs_in_three_bits_has_a_band_in_common(one, flipped):
    other = int(one, 16)
    for bit in flipped:
        other ^= 1 << bit
    bands = zip(prints.bands(one), prints.bands(f"{other:032x}"), strict=True)
    assert any(own == theirs for own, theirs in bands)
    assert prints.is_same(one, f"{other:032x}", bits=3)


@given(HEX, st.sets(st.integers(64, 127), min_size=4))
def test_more_bits_than_the_search_promises_never_count_as_the_same(one, flipped):
    other = int(one, 16)
    for bit in flipped:
        other ^= 1 << bit
    assert not prints.is_same(one, f"{other:032x}", bits=64)
