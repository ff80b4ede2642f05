"""Every unit's chance is exactly what the plan promises: counted over all starts, not sampled."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.draws.rules import (
    PlanIncomplete,
    certain,
    hash_named,
    key,
    quotas,
    quotas_by_ratio,
    systematic,
    wanted,
)

NEW = hash_named("sha256")
sizes_by_weight = st.dictionaries(
    st.integers(1, 12), st.integers(1, 9), min_size=1, max_size=6
).flatmap(lambda sizes: st.tuples(st.just(sizes), st.integers(0, sum(sizes.values()) + 2)))


@settings(deadline=None, max_examples=400)
@given(sizes_by_weight)
def test_over_all_starts_every_class_gets_exactly_its_share(case: tuple[dict[int, int], int]):
    sizes, n = case
    whole, m = certain(sizes, min(n, sum(sizes.values())))
    rest = [(weight, size) for weight, size in sizes.items() if weight not in whole]
    total = sum(weight * size for weight, size in rest)

    sums = dict.fromkeys(dict(rest), 0)
    for start in range(total):
        drawn = systematic(rest, m, start)
        assert sum(drawn.values()) == m
        for weight, size in rest:
            share = Fraction(m * weight * size, total)
            assert drawn[weight] in {share.__floor__(), share.__ceil__()}
            sums[weight] += drawn[weight]

    assert sums == {weight: m * weight * size for weight, size in rest}


@settings(deadline=None, max_examples=400)
@given(sizes_by_weight)
def test_chances_are_proportional_to_weight_and_certain_units_are_those_that_must_be(
    case: tuple[dict[int, int], int],
):
    sizes, n = case
    n = min(n, sum(sizes.values()))

    drawn = quotas("公共场所", sizes, n, key(NEW, b"x" * 32, "quota"), NEW)

    chance = {weight: drawn[weight].expected / size for weight, size in sizes.items()}
    assert sum(chance[weight] * size for weight, size in sizes.items()) == n
    assert sum(quota.drawn for quota in drawn.values()) == n
    per_weight = {chance[weight] / weight for weight in sizes if chance[weight] < 1}
    assert len(per_weight) <= 1
    if per_weight:  # a certain unit is one whose proportional chance would reach 1
        scale = per_weight.pop()
        assert all(scale * weight >= 1 for weight in sizes if chance[weight] == 1)


def test_all_units_are_certain_when_as_many_are_wanted_as_there_are():
    assert certain({10: 3, 20: 4}, 7) == ({10, 20}, 0)


def test_a_class_far_heavier_than_the_rest_is_taken_whole():
    assert certain({1: 30, 100: 2}, 4) == ({100}, 2)


def test_none_is_certain_when_none_is_wanted():
    assert certain({10: 3, 20: 4}, 0) == (set(), 0)


def test_a_class_whose_share_is_exactly_its_size_is_certain():
    assert certain({1: 2, 2: 2}, 3) == ({2}, 1)


@pytest.mark.parametrize(
    ("rule", "listed", "eligible", "n"),
    [
        (3, 13, 12, 3),
        (30, 13, 12, 12),
        ((25, 100), 13, 12, 4),
        ((1, 1), 13, 12, 12),
        ((0, 5), 13, 12, 0),
        ((5, 100), 10, 10, 1),
        ((1, 10), 10, 10, 1),
        ((5, 100), 0, 0, 0),
    ],
)
def test_a_ratio_is_of_all_listed_units_rounded_up_and_capped_at_the_eligible(
    rule: int | tuple[int, int], listed: int, eligible: int, n: int
):
    assert wanted(rule, listed, eligible) == n


def test_a_ratio_for_each_class_is_rounded_up_in_each():
    drawn = quotas_by_ratio(
        "公共场所", {10: 21, 20: 10, 40: 3}, {10: (1, 20), 20: (1, 10), 40: (1, 1)}
    )

    assert {weight: quota.drawn for weight, quota in drawn.items()} == {10: 2, 20: 1, 40: 3}


def test_a_class_that_occurs_without_a_ratio_is_refused():
    with pytest.raises(PlanIncomplete, match="权重为 20"):
        quotas_by_ratio("公共场所", {10: 21, 20: 1}, {10: (1, 20)})


def test_of_several_classes_without_a_ratio_the_lightest_is_named():
    sizes = dict.fromkeys((33, 2, 17, 8), 1)

    with pytest.raises(PlanIncomplete, match="权重为 2 的"):
        quotas_by_ratio("公共场所", sizes, {})
