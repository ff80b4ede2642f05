"""How a correction 更正 of a signed document shows: the wrong words struck, the right ones beside.

What was signed is never changed: corrections are laid over it in their order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """What became of a piece of text."""

    PLAIN = "plain"
    STRUCK = "struck"
    RIGHT = "right"


@dataclass(frozen=True)
class Piece:
    """A piece of a field's text; `number` is the correction that struck it or wrote it."""

    text: str
    mark: Mark = Mark.PLAIN
    number: int | None = None


@dataclass(frozen=True)
class Change:
    """The `occurrence`-th `struck` of what reads now, replaced by `right` (nothing: left out)."""

    struck: str
    right: str
    number: int
    occurrence: int = 1


def occurrences(pieces: Iterable[Piece], struck: str) -> int:
    """Return how often words stand in what reads now, each within one piece."""
    return sum(one.text.count(struck) for one in pieces if one.mark is not Mark.STRUCK)


def amend(pieces: Sequence[Piece], change: Change) -> list[Piece]:
    """Return the pieces with one correction more. Raises ValueError where the words do not stand.

    Occurrences are counted from the beginning, without overlap.
    """
    left, found = change.occurrence, []
    for place, piece in enumerate(pieces):
        here = 0 if piece.mark is Mark.STRUCK else piece.text.count(change.struck)
        if here < left:
            left -= here
            found.append(piece)
            continue
        return [*found, *_split(piece, change, left), *pieces[place + 1 :]]
    raise ValueError("the words do not stand there")


def _split(piece: Piece, change: Change, occurrence: int) -> list[Piece]:
    start = -len(change.struck)
    for _ in range(occurrence):
        start = piece.text.index(change.struck, start + len(change.struck))
    end = start + len(change.struck)
    parts = [
        Piece(piece.text[:start], piece.mark, piece.number),
        Piece(change.struck, Mark.STRUCK, change.number),
        Piece(change.right, Mark.RIGHT, change.number),
        Piece(piece.text[end:], piece.mark, piece.number),
    ]
    return [one for one in parts if one.text]


def amended(text: str, changes: Iterable[Change]) -> list[Piece]:
    """Return a text with its corrections, in their order; one that no longer fits is left out."""
    pieces = [Piece(text)] if text else []
    for change in changes:
        if occurrences(pieces, change.struck) >= change.occurrence:
            pieces = amend(pieces, change)
    return pieces
