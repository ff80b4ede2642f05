"""Chance is what the plan promises: counted over fixed seeds, by checks that are tried themselves.

Every check here must also fail where it should: for exponential keys (drawing one by one with
chance proportional to weight), for tickets of few bits, for a start taken modulo, for classes in a
fixed order. A check that passes these would not show anything.
"""

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import ceil, floor, log, sqrt
from typing import NamedTuple

import pytest

from app.draws.rules import (
    Hash,
    all_tickets,
    certain,
    hash_named,
    key,
    quotas,
    select,
    systematic,
    ticket,
)
from tests.chance import chance

SEEDS = [hashlib.sha256(f"seed {n}".encode()).digest() for n in range(20_000)]
NEW = hash_named("sha256")
STRATUM = "学校"
Draw = Callable[[bytes], Iterable[bytes]]


class Case(NamedTuple):
    """A stratum: how many units of each weight, and how many are drawn."""

    sizes: Mapping[int, int]
    n: int

    @property
    def classes(self) -> dict[int, list[bytes]]:
        return {weight: named(f"{weight}-", size) for weight, size in self.sizes.items()}


def named(prefix: str, size: int) -> list[bytes]:
    return [f"{prefix}{n:02}".encode() for n in range(size)]


CASES = {
    "classes": Case({10: 30, 20: 20, 40: 10}, 17),
    "singletons": Case({10 + n: 1 for n in range(25)}, 6),
    "certainty": Case({1: 28, 2: 6, 40: 3, 90: 1}, 10),
    "tiny": Case({1: 2, 2: 1, 3: 1}, 2),
}


def chances(case: Case) -> dict[int, Fraction]:
    """Return the chance of a unit of each weight: min(1, c·weight) with the one c that gives n.

    Found by trying where c may lie, not as the engine does.
    """
    for whole in range(len(case.sizes) + 1):
        by_weight = sorted(case.sizes, reverse=True)
        rest = sum(weight * case.sizes[weight] for weight in by_weight[whole:])
        left = case.n - sum(case.sizes[weight] for weight in by_weight[:whole])
        c = Fraction(left, rest) if rest else Fraction(0)
        if all(c * weight < 1 for weight in by_weight[whole:]):
            return {w: Fraction(1) if w in by_weight[:whole] else c * w for w in case.sizes}
    raise AssertionError("more wanted than there are")


# ---- exact, over all starts ----------------------------------------------------------------------


def layouts() -> Iterator[Case]:
    """Yield 400 strata of up to six classes, from none drawn to all."""
    dice = chance(20261122)
    for _ in range(400):
        weights = dice.sample(range(1, 31), dice.randint(1, 6))
        sizes = {weight: dice.randint(1, 12) for weight in weights}
        yield Case(sizes, dice.randint(0, sum(sizes.values())))


def test_in_400_strata_every_unit_has_exactly_its_chance_over_all_starts():
    seen = Counter[str]()
    for case in layouts():
        expected = chances(case)
        whole, m = certain(case.sizes, case.n)
        rest = [(weight, size) for weight, size in case.sizes.items() if weight not in whole]
        total = sum(weight * size for weight, size in rest)
        assert whole == {weight for weight, one in expected.items() if one == 1}

        drawn = Counter[int]()
        for start in range(total):
            rounded = systematic(rest, m, start)
            assert sum(rounded.values()) == m
            for weight, size in rest:
                share = expected[weight] * size
                assert rounded[weight] in (floor(share), ceil(share))
            drawn.update(rounded)

        for weight, size in rest:
            assert drawn[weight] == m * weight * size
            assert Fraction(drawn[weight], total * size) == expected[weight]
        assert sum(expected[weight] * size for weight, size in case.sizes.items()) == case.n
        seen.update(["certain"] * bool(whole), drawn=bool(rest))
    assert min(seen["certain"], seen["drawn"]) > 100


def test_in_400_strata_what_is_drawn_is_one_of_the_roundings_and_its_mean_is_published():
    for number, case in enumerate(layouts()):
        expected = chances(case)
        drawn = quotas(STRATUM, case.sizes, case.n, key(NEW, SEEDS[number], "quota"), NEW)

        assert sum(quota.drawn for quota in drawn.values()) == case.n
        for weight, quota in drawn.items():
            assert quota.expected == expected[weight] * case.sizes[weight]
            assert quota.drawn in (floor(quota.expected), ceil(quota.expected))


# ---- frequencies over 20,000 seeds ---------------------------------------------------------------


class Misfit(NamedTuple):
    """How far the frequencies of a draw lie from the promised chances.

    `unit` and `cls` are the largest |z| of a unit and of a class; the share of a class varies only
    by its rounding. `missed` counts draws that left out a unit which must be drawn.
    """

    unit: float
    cls: float
    missed: int

    @property
    def is_fair(self) -> bool:
        return self.unit < 4.5 and self.cls < 4 and not self.missed


def misfit(case: Case, draw: Draw, classes: Mapping[int, Sequence[bytes]] | None = None) -> Misfit:
    times, drawn = len(SEEDS), Counter[bytes]()
    for x in SEEDS:
        drawn.update(draw(x))
    expected, unit, cls, missed = chances(case), [0.0], [0.0], 0
    for weight, ids in (classes or case.classes).items():
        p = expected[weight]
        if p == 1:
            missed += sum(times - drawn[id_] for id_ in ids)
            continue
        spread = sqrt(times * p * (1 - p))
        unit += [abs(drawn[id_] - times * p) / spread for id_ in ids]
        share = p * len(ids)
        off = abs(sum(drawn[id_] for id_ in ids) - times * share)
        rounding = (share - floor(share)) * (ceil(share) - share)
        cls.append(float(off) / sqrt(times * rounding) if rounding else float(off) * times)
    return Misfit(max(unit), max(cls), missed)


def engine(
    case: Case, coordination: str = "shared", classes: Mapping[int, Sequence[bytes]] | None = None
) -> Draw:
    """Return the product's own draw."""
    population = {STRATUM: classes or case.classes}

    def draw(x: bytes) -> Iterator[bytes]:
        for result in select(population, {STRATUM: case.n}, x, coordination)[0].classes:
            yield from (id_ for _, id_ in result.smallest[: result.quota.drawn])

    return draw


@pytest.mark.parametrize("name", CASES)
def test_every_unit_and_every_class_is_drawn_as_often_as_promised(name: str):
    found = misfit(CASES[name], engine(CASES[name]))

    assert found.is_fair, found


def test_tickets_of_their_own_for_a_stratum_are_as_fair_as_shared_ones():
    found = misfit(CASES["classes"], engine(CASES["classes"], "independent"))

    assert found.is_fair, found


def test_exponential_keys_would_be_noticed():
    """Drawing one by one with chance proportional to weight favours the light units."""
    case = CASES["classes"]
    weights = {id_: weight for weight, ids in case.classes.items() for id_ in ids}

    def draw(x: bytes) -> list[bytes]:
        k = key(NEW, x, "unit")
        lots = {
            id_: log((int.from_bytes(ticket(NEW, k, id_)[:8]) + 0.5) / 2**64) / weight
            for id_, weight in weights.items()
        }
        return sorted(lots, key=lambda id_: lots[id_])[-case.n :]

    found = misfit(case, draw)

    assert not found.is_fair
    assert found.unit > 15
    assert found.cls > 100


def rounded_with(case: Case, start: Callable[[bytes, int], int], new: Hash = NEW) -> Draw:
    """Return a draw by the engine's rounding and tickets, but with another start or hash."""
    classes = case.classes
    total = sum(weight * size for weight, size in case.sizes.items())

    def draw(x: bytes) -> Iterator[bytes]:
        shares = systematic(list(case.sizes.items()), case.n, start(x, total))
        k = key(NEW, x, "unit")
        for weight, ids in classes.items():
            yield from (id_ for _, id_ in all_tickets(new, k, ids)[: shares[weight]])

    return draw


def fair_start(x: bytes, total: int) -> int:
    return int.from_bytes(key(NEW, x, "start")) % total  # 256 bits: even enough here


class FewBits:
    """A hash of four bits: units with the same lot are drawn by their numbers."""

    def __init__(self, data: bytes) -> None:
        self._byte = hashlib.sha256(data).digest()[0] & 0xF0

    def digest(self) -> bytes:
        return bytes([self._byte])


def test_the_control_differs_from_the_engine_only_where_it_is_spoiled():
    found = misfit(CASES["classes"], rounded_with(CASES["classes"], fair_start))

    assert found.is_fair, found


def test_tickets_of_few_bits_would_be_noticed():
    found = misfit(CASES["classes"], rounded_with(CASES["classes"], fair_start, FewBits))

    assert not found.is_fair
    assert found.unit > 10


def test_a_start_taken_modulo_would_be_noticed():
    """One byte where the weights add up to 1,100: most starts never come."""

    def start(x: bytes, total: int) -> int:
        return key(NEW, x, "start")[0] % total

    found = misfit(CASES["classes"], rounded_with(CASES["classes"], start))

    assert not found.is_fair
    assert found.cls > 100


# ---- names of units ------------------------------------------------------------------------------


def test_other_numbers_for_the_units_change_no_frequency():
    case = CASES["classes"]
    renamed = [id_ for ids in case.classes.values() for id_ in ids]
    chance(5).shuffle(renamed)
    names = iter(renamed)
    classes = {weight: [next(names) for _ in ids] for weight, ids in case.classes.items()}

    found = misfit(case, engine(case, classes=classes), classes)

    assert found.is_fair, found


@pytest.mark.parametrize("name", CASES)
def test_other_numbers_for_the_units_leave_the_share_of_every_class(name: str):
    """The lot that rounds the shares does not know whom it rounds."""
    plan, classes = {STRATUM: CASES[name].n}, CASES[name].classes
    other = {weight: [b"\xe9\x95\xbf" + id_ for id_ in ids] for weight, ids in classes.items()}

    for x in SEEDS[:500]:
        (first,), (second,) = (select({STRATUM: one}, plan, x) for one in (classes, other))
        assert [one.quota for one in first.classes] == [one.quota for one in second.classes]


FORMS = {
    "sequential": "{:06}",
    "prefix": "310105-{:06}",
    "Chinese prefix": "长卫{:06}",
    "suffix": "{:06}-A",
    "zeros before": "00000000000000000{:06}",
    "legacy": "GC{:06}/2009",
}


def correlation(new: Hash, k: bytes, units: Sequence[bytes]) -> float:
    """Return how strongly the rank of a ticket hangs on the rank of the archive number."""
    count = len(units)
    rank = {id_: n for n, (_, id_) in enumerate(all_tickets(new, k, units))}
    square = sum((n - rank[id_]) ** 2 for n, id_ in enumerate(units))
    return 1 - 6 * square / (count * (count**2 - 1))


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_archive_numbers_has_no_say_in_the_tickets(form: str):
    units = [FORMS[form].format(n).encode() for n in range(3_000)]

    for x in SEEDS[:20]:
        assert abs(correlation(NEW, key(NEW, x, "unit"), units)) < 4 / sqrt(len(units))


class Checksum:
    """What must not serve as a hash: neighbouring numbers get neighbouring sums."""

    def __init__(self, data: bytes) -> None:
        self._sum = zlib.adler32(data)

    def digest(self) -> bytes:
        return self._sum.to_bytes(4, "big")


@pytest.mark.parametrize("form", FORMS)
def test_a_ticket_that_follows_the_archive_number_would_be_noticed(form: str):
    units = [FORMS[form].format(n).encode() for n in range(3_000)]

    assert abs(correlation(Checksum, key(NEW, SEEDS[0], "unit"), units)) > 5 * 4 / sqrt(len(units))


# ---- together ------------------------------------------------------------------------------------


def pairs_drawn(draw: Draw, seeds: Iterable[bytes]) -> set[frozenset[bytes]]:
    return {frozenset(pair) for x in seeds for pair in combinations(draw(x), 2)}


def test_every_pair_of_units_of_different_weight_can_be_drawn_together():
    assert len(pairs_drawn(engine(CASES["singletons"]), SEEDS)) == 25 * 24 // 2


def test_classes_in_a_fixed_order_would_be_noticed():
    """Neighbours in the order never come together: the same count misses pairs for ever."""
    found = pairs_drawn(rounded_with(CASES["singletons"], fair_start), SEEDS)

    assert len(found) < 150


def several_registers() -> tuple[dict[str, dict[int, list[bytes]]], dict[str, tuple[int, int]]]:
    """Return 1,500 units, four in ten of them in several of ten strata, of two weights."""
    dice = chance(7)
    population: dict[str, dict[int, list[bytes]]] = {f"S{n}": {10: [], 30: []} for n in range(10)}
    for n in range(1_500):
        unit = f"310105-{n:04}".encode()
        weight, several = dice.choice([10, 10, 30]), dice.random() < 0.4
        for stratum in dice.sample(sorted(population), dice.randint(2, 4) if several else 1):
            population[stratum][weight].append(unit)
    return population, dict.fromkeys(population, (5, 100))


def test_shared_tickets_never_disturb_more_units_and_give_every_stratum_the_same_shares():
    population, plan = several_registers()
    disturbed: dict[str, list[int]] = {"shared": [], "independent": []}
    for x in SEEDS[:150]:
        shares = []
        for coordination, counts in disturbed.items():
            results = select(population, plan, x, coordination)
            classes = [one for result in results for one in result.classes]
            units = {id_ for one in classes for _, id_ in one.smallest[: one.quota.drawn]}
            counts.append(len(units))
            shares.append([one.quota for one in classes])
        assert shares[0] == shares[1]

    assert all(a <= b for a, b in zip(*disturbed.values(), strict=True))
    assert sum(disturbed["shared"]) < 0.85 * sum(disturbed["independent"])
