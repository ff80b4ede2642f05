"""Fingerprints of pictures: nearly the same however often a picture was saved or made smaller.

128 bits in hex. The first half is a pHash: which of the 64 lowest frequencies of a grey picture of
32 × 32 are stronger than their median. The second half is a dHash: which pixels of a grey picture
of 9 × 8 are clearly brighter than the one before. The first half is what is searched for, the
second tells apart what only looks alike from afar. Neither survives a crop or a turn: a hint for a
person, never proof. Pure: pixels in, bits out.
"""

import math
from operator import mul
from typing import Final

GREY_EDGE: Final = 32
STEP_SIZE: Final = (9, 8)
HALF_HEX: Final = 16
BANDS: Final = 4
SEARCH_BITS: Final = BANDS - 1  # so few changed bits leave at least one band as it was
LIKE_BITS: Final = 8  # of the second half; saved again, at most 4 were seen to change
_KEPT = 8
_STEP = 3  # of 256 greys: less is noise
_LEAST = 120.0  # median strength of the frequencies; walls and skies lie below 85, paper above 200
_WAVES: Final = [
    [math.cos(math.pi * (2 * place + 1) * wave / (2 * GREY_EDGE)) for place in range(GREY_EDGE)]
    for wave in range(_KEPT + 1)
]


def fingerprint(grey: bytes, steps: bytes) -> str | None:
    """Return the fingerprint of a picture from its two reductions, rows from the top.

    None where there is too little to see: every white wall would look like every other.
    """
    strengths = _frequencies(grey)
    sizes = sorted(abs(one) for one in strengths)
    if sizes[len(sizes) // 2] < _LEAST:
        return None
    median = sorted(strengths)[len(strengths) // 2]
    return _hex([one > median for one in strengths]) + _hex(_brighter(steps))


def _frequencies(grey: bytes) -> list[float]:
    """Return the 64 lowest frequencies but the constant one (DCT-II, unscaled)."""
    rows = [grey[at : at + GREY_EDGE] for at in range(0, GREY_EDGE * GREY_EDGE, GREY_EDGE)]
    across = [[sum(map(mul, row, wave)) for row in rows] for wave in _WAVES]
    found = [
        sum(map(mul, across[right], _WAVES[down]))
        for down in range(_KEPT)
        for right in range(_KEPT)
        if right or down
    ]
    return [*found, sum(map(mul, across[0], _WAVES[_KEPT]))]


def _brighter(steps: bytes) -> list[bool]:
    width, height = STEP_SIZE
    return [
        steps[row * width + column + 1] - steps[row * width + column] > _STEP
        for row in range(height)
        for column in range(width - 1)
    ]


def _hex(bits: list[bool]) -> str:
    number = 0
    for bit in bits:
        number = number << 1 | bit
    return f"{number:0{HALF_HEX}x}"


def bands(print_: str) -> tuple[int, ...]:
    """Return the first half of a fingerprint in four parts of 16 bits, for the index."""
    size = HALF_HEX // BANDS
    return tuple(int(print_[at : at + size], 16) for at in range(0, HALF_HEX, size))


def bits_apart(one: str, other: str) -> tuple[int, int]:
    """Return how many bits of the two halves differ."""
    differing = [
        (int(one[half], 16) ^ int(other[half], 16)).bit_count()
        for half in (slice(0, HALF_HEX), slice(HALF_HEX, None))
    ]
    return differing[0], differing[1]


def is_same(one: str, other: str, *, bits: int) -> bool:
    """Tell whether two fingerprints are of one picture: `bits` is what the first half may differ.

    More than SEARCH_BITS counts as that: the index promises no more.
    """
    searched, compared = bits_apart(one, other)
    return searched <= min(bits, SEARCH_BITS) and compared <= LIKE_BITS
