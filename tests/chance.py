"""Chance for tests: seeded, so that a failure can be repeated."""

import random


def chance(seed: int) -> random.Random:
    """Return chance that is the same for the same seed."""
    return random.Random(seed)
