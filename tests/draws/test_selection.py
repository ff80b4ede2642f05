import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.draws.bundle import write_population, write_result
from app.draws.rules import (
    DrawRefused,
    HashUnavailable,
    PlanIncomplete,
    Population,
    all_tickets,
    below,
    hash_named,
    key,
    select,
    smallest,
)
from tests.draws.vectors import ROWS

NEW = hash_named("sha256")


def seed_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def ids(count: int, form: str = "长{:05}") -> list[bytes]:
    return [form.format(n).encode() for n in range(count)]


def drawn_ids(
    population: Population, plan: dict[str, int], x: bytes, coordination: str = "shared"
) -> dict[str, set[str]]:
    results = select(population, plan, x, coordination)
    return {one.stratum: {lot.id for cls in one.classes for lot in cls.selected} for one in results}


@pytest.mark.parametrize("count", [1_000, 20_000])
@pytest.mark.parametrize("share", [0, 1, 139, 140, "half", "all"])
def test_the_prefilter_gives_what_a_full_sort_gives(count: int, share: int | str):
    units = ids(count)
    k = {"half": count // 2, "all": count}.get(str(share), share)
    q = min(count, 2 * int(k) + 5)

    assert smallest(NEW, b"k" * 32, units, q) == all_tickets(NEW, b"k" * 32, units)[:q]


@pytest.mark.parametrize("q", range(6))
def test_a_class_about_as_large_as_the_prefilter_keeps_is_drawn_right(q: int):
    for count in range(45, 90):
        units = ids(count)
        assert smallest(NEW, b"k" * 32, units, q) == all_tickets(NEW, b"k" * 32, units)[:q]


def test_a_class_whose_tickets_are_all_high_is_sorted_whole():
    """Ids chosen so that hardly any passes the bound: the result must not be short."""
    k, units = b"k" * 32, ids(20_000)
    high = [id_ for _, id_ in all_tickets(NEW, k, units)[10_000:]]

    assert smallest(NEW, k, high, 100) == all_tickets(NEW, k, high)[:100]


def test_the_smallest_tickets_are_drawn_and_the_next_are_reserves():
    population = {"学校": {10: ids(100)}}

    (school,) = select(population, {"学校": 10}, seed_of("x"))

    (result,) = school.classes
    tickets = [
        id_.decode() for _, id_ in all_tickets(NEW, key(NEW, seed_of("x"), "unit"), ids(100))
    ]
    assert [lot.id for lot in result.selected] == tickets[:10]
    assert [lot.id for lot in result.reserves] == tickets[10:25]
    assert [lot.rank for lot in result.lots()] == list(range(1, 26))
    assert result.threshold == result.selected[-1].ticket


def test_a_class_of_which_none_is_drawn_still_has_five_reserves():
    (school,) = select({"学校": {10: ids(100)}}, {"学校": 0}, seed_of("x"))

    (result,) = school.classes
    assert (result.selected, len(result.reserves), result.threshold) == ([], 5, None)


def test_excluded_units_count_in_the_base_but_are_never_drawn():
    population = {"学校": {0: ids(60, "停{}"), 10: ids(40)}}

    (school,) = select(population, {"学校": (1, 10)}, seed_of("x"))

    assert (school.listed, school.eligible, school.drawn) == (100, 40, 10)
    assert [result.weight for result in school.classes] == [10]


def test_where_all_units_are_excluded_none_is_drawn():
    (school,) = select({"学校": {0: ids(3)}}, {"学校": (1, 2)}, seed_of("x"))

    assert (school.listed, school.eligible, school.drawn, school.classes) == (3, 0, 0, [])


def test_a_stratum_without_units_is_drawn_as_nothing():
    (school,) = select({}, {"学校": 5}, seed_of("x"))

    assert (school.listed, school.eligible, school.drawn) == (0, 0, 0)
    assert write_result([school]) == b""


def test_more_wanted_than_there_are_draws_all_and_leaves_no_reserve():
    (school,) = select({"学校": {10: ids(3), 30: ids(4, "U{}")}}, {"学校": 50}, seed_of("x"))

    assert school.drawn == 7
    assert [one.reserves for one in school.classes] == [[], []]


def test_a_stratum_that_the_plan_does_not_name_is_refused():
    with pytest.raises(PlanIncomplete, match="学校"):
        select({"学校": {10: ids(3)}}, {"医疗机构": 1}, seed_of("x"))


def test_of_several_strata_that_the_plan_does_not_name_the_first_is_named():
    population = {f"第{n}类": {10: ids(1)} for n in range(9, 0, -1)}

    with pytest.raises(PlanIncomplete, match="第1类"):
        select(population, {}, seed_of("x"))


def test_an_unknown_coordination_is_refused():
    with pytest.raises(DrawRefused, match="mixed"):
        select({}, {}, seed_of("x"), "mixed")


def test_results_come_in_byte_order_of_strata_and_by_weight_as_a_number():
    population = {"医": {9: ids(1)}, "A": {100: ids(1), 20: ids(1, "B{}")}, "公": {1: ids(1)}}

    results = select(population, {"医": 1, "公": 1, "A": 2}, seed_of("x"))

    rows = [line.split("\t")[:2] for line in write_result(results).decode().splitlines()]
    assert rows == [["A", "20"], ["A", "100"], ["公", "1"], ["医", "9"]]


@settings(deadline=None, max_examples=50)
@given(st.permutations(ROWS))
def test_the_order_of_the_register_changes_nothing(rows: list[tuple[str, str, int]]):
    assert write_population(rows) == write_population(ROWS)


@settings(deadline=None, max_examples=50)
@given(st.permutations(ids(30)))
def test_the_order_inside_a_class_changes_nothing(units: list[bytes]):
    plan = {"学校": 7}

    assert select({"学校": {10: units}}, plan, seed_of("x")) == select(
        {"学校": {10: ids(30)}}, plan, seed_of("x")
    )


def test_a_unit_more_in_another_stratum_changes_nothing_here():
    population = {"学校": {10: ids(40), 20: ids(9, "U{}")}, "医疗机构": {10: ids(20)}}
    more = {**population, "医疗机构": {10: ids(21)}}
    plan = {"学校": 9, "医疗机构": 5}

    assert select(population, plan, seed_of("x"))[1] == select(more, plan, seed_of("x"))[1]


def test_a_unit_more_in_the_stratum_leaves_the_order_of_tickets_and_moves_quotas_by_one_at_most():
    sizes = {10: ids(40), 20: ids(30, "U{}"), 30: ids(11, "V{}")}
    (before,) = select({"学校": sizes}, {"学校": 9}, seed_of("x"))
    (after,) = select({"学校": {**sizes, 20: ids(31, "U{}")}}, {"学校": 9}, seed_of("x"))

    for old, new in zip(before.classes, after.classes, strict=True):
        assert abs(old.quota.drawn - new.quota.drawn) <= 1
        known = [lot.id for lot in new.lots() if lot.id != "U30"]
        both = min(len(known), len(old.lots()))
        assert known[:both] == [lot.id for lot in old.lots()][:both]


def test_shared_tickets_disturb_fewer_units_than_independent_ones():
    units = {f"S{n}": {10: ids(400)} for n in range(4)}
    plan = dict.fromkeys(units, 40)

    def disturbed(coordination: str) -> int:
        return len(set().union(*drawn_ids(units, plan, seed_of("x"), coordination).values()))

    assert disturbed("shared") == 40
    assert disturbed("independent") > 100


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 1 << 40), st.text(max_size=5))
def test_a_number_below_n_is_below_n(n: int, label: str):
    assert 0 <= below(NEW, b"k" * 32, label, n) < n


def test_numbers_below_three_are_uniform():
    counts = [0, 0, 0]
    for n in range(3_000):
        counts[below(NEW, b"k" * 32, str(n), 3)] += 1

    assert all(abs(count - 1_000) < 120 for count in counts)


def test_a_block_beyond_the_last_whole_multiple_is_thrown_away():
    """With n just above half of all blocks about every second one must be refused."""
    n = (1 << 255) + 1
    numbers = [below(NEW, b"k" * 32, str(label), n) for label in range(200)]
    first = [
        int.from_bytes(hashlib.sha256(b"k" * 32 + b"\1" + str(label).encode() + bytes(4)).digest())
        for label in range(200)
    ]

    assert [a == b for a, b in zip(numbers, first, strict=True)] == [one < n for one in first]


def test_the_last_whole_multiple_itself_is_thrown_away_and_the_number_before_it_is_not():
    """With n = 3 only the highest of all blocks is beyond; a hash gives blocks as we like them."""

    class Blocks:
        def __init__(self, data: bytes) -> None:
            self._number = (1 << 256) - 1 - int.from_bytes(data[-4:])

        def digest(self) -> bytes:
            return self._number.to_bytes(32, "big")

    assert below(Blocks, b"k", "", 3) == ((1 << 256) - 2) % 3


def test_as_many_numbers_as_there_are_blocks_can_be_asked_for():
    block = hashlib.sha256(b"k" * 32 + b"\1" + b"start" + bytes(4)).digest()

    assert below(NEW, b"k" * 32, "start", 1 << 256) == int.from_bytes(block)


@pytest.mark.parametrize("n", [0, (1 << 256) + 1])
def test_a_sum_of_weights_that_no_block_can_reach_is_refused(n: int):
    with pytest.raises(DrawRefused, match="权重之和"):
        below(NEW, b"k" * 32, "start", n)


def test_sm3_takes_the_place_of_sha256():
    new = hash_named("sm3")

    assert new(b"abc").digest().hex() == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )
    assert select({"学校": {1: ids(90)}}, {"学校": 5}, seed_of("x"), hash_name="sm3") != select(
        {"学校": {1: ids(90)}}, {"学校": 5}, seed_of("x")
    )


def test_an_unknown_hash_is_refused():
    with pytest.raises(HashUnavailable, match="md5"):
        hash_named("md5")


def test_a_machine_without_sm3_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hashlib, "algorithms_available", {"sha256"})

    with pytest.raises(HashUnavailable, match="SM3"):
        hash_named("sm3")
