"""Repeatable chance for the demo district: SHA-256 of seed, label and a counter.

It is the same on every machine, Python version and hash seed. It decides nothing real: draws have
their own public seed.
"""

import hashlib
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

T = TypeVar("T")
_WORD_BYTES = 8
_WORDS = 2 ** (8 * _WORD_BYTES)


class Chance:
    """A stream of choices that depends on `seed` and `label` only."""

    def __init__(self, seed: str, label: str) -> None:
        self._key = hashlib.sha256(f"{seed}\t{label}".encode()).digest()
        self._counter = 0
        self._block = b""

    def _word(self) -> int:
        if not self._block:
            self._block = hashlib.sha256(self._key + self._counter.to_bytes(8, "big")).digest()
            self._counter += 1
        word, self._block = self._block[:_WORD_BYTES], self._block[_WORD_BYTES:]
        return int.from_bytes(word, "big")

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to `limit` - 1, each exactly as likely (rejection)."""
        fair = _WORDS - _WORDS % limit
        while (word := self._word()) >= fair:
            pass
        return word % limit

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def happens(self, num: int, den: int) -> bool:
        """Say yes `num` times in `den`."""
        return self.below(den) < num

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of `choices`."""
        return choices[self.below(len(choices))]

    def weighted(self, choices: Sequence[tuple[T, int]]) -> T:
        """Return one of `choices`, each as likely as its whole-number weight says."""
        sums = list(accumulate(weight for _, weight in choices))
        lot = self.below(sums[-1])
        return next(choice for (choice, _), end in zip(choices, sums, strict=True) if lot < end)

    def shuffle(self, items: Sequence[T]) -> list[T]:
        """Return the items in another order, every order as likely (Fisher–Yates)."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed

    def sample(self, items: Sequence[T], size: int) -> list[T]:
        """Return `size` different items in random order."""
        return self.shuffle(items)[:size]
