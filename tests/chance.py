"""Chance for tests: seeded, so that a failure can be repeated."""

import random

Chance = random.Random


def chance(seed: int) -> Chance:
    """Return chance that is the same for the same seed."""
    return Chance(seed)
