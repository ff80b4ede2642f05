"""Quarters from fixed seeds, for joint visits: 60 working days in 14 zones.

No maker of schedules has a part in this.
"""

import random
from collections.abc import Iterator

from app.jointvisits.rules import OpenTask, Window

DAYS = 60
ZONES = 14


def instance(units: int, seed: int) -> list[OpenTask]:
    """Return the tasks of a quarter; 15 in 100 are complaints with ten days each."""
    chance = random.Random(seed)
    zones = [chance.randrange(ZONES) for _ in range(units)]
    return [task for unit in range(units) for task in _of_unit(unit, zones[unit], chance)]


def _of_unit(unit: int, zone: int, chance: random.Random) -> Iterator[OpenTask]:
    count = chance.choices([1, 2, 3, 4, 5], [0.45, 0.28, 0.15, 0.08, 0.04])[0]
    for specialty in chance.sample(range(10), count):
        window = _window(chance)
        department = chance.randrange(3)
        yield OpenTask(
            id=f"{unit:05}-{specialty}",
            unit=f"{unit:05}",
            zone=f"{zone:02}",
            specialty=str(specialty),
            department=str(department),
            window=window,
        )


def _window(chance: random.Random) -> Window:
    if chance.random() < 0.15:
        first = chance.randrange(0, 50)
        return Window(first, first + 9)
    if chance.random() < 0.35:
        half = chance.randrange(2)
        return Window(30 * half, 30 * half + 29)
    return Window(0, DAYS - 1)
