"""从旧兼从轻: the later rule only where it is nowhere heavier and somewhere lighter."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases.lightness import lighter
from app.catalogue import seeds

ROWS: dict[tuple[str, str], dict[str, Any]] = {
    (row["code"], row["effective_from"]): row for row in seeds.rows("case_causes")
}


def cause(*offers, needs=()):
    return {
        "parties": ["organisation"],
        "levels": [
            {
                "code": "base",
                "name": "一般情形",
                "needs": [{"code": one, "name": one} for one in needs],
                "offers": list(offers),
            }
        ],
    }


def fine(low, high, required=True, **more):
    return {"kind": "fine", "required": required, "min_fen": low, "max_fen": high, **more}


WARNING = {"kind": "warning", "required": True}
EITHER = [
    {"kind": "warning", "required": False, "choice": "a"},
    {"kind": "criticism", "required": False, "choice": "a"},
]


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (cause(fine(10, 20)), cause(fine(10, 20)), False),
        (cause(fine(10, 20)), cause(fine(10, 19)), True),
        (cause(fine(10, 20)), cause(fine(9, 20)), True),
        (cause(fine(10, 20)), cause(fine(9, 21)), False),
        (cause(fine(10, 20)), cause(fine(10, 20, required=False)), True),
        (cause(fine(10, 20, required=False)), cause(fine(10, 20)), False),
        (cause(WARNING, fine(10, 20)), cause(WARNING), True),
        (cause(WARNING), cause(WARNING, fine(10, 20, required=False)), False),
        (cause(*EITHER), cause(WARNING), False),
        (cause(fine(10, 20)), cause(fine(10, 20), needs=["order-unmet"]), True),
        (cause(fine(10, 20), needs=["order-unmet"]), cause(fine(10, 20)), False),
    ],
)
def test_a_later_rule_is_lighter_only_in_every_respect(earlier, later, expected):
    found = lighter(earlier, later, party="organisation")
    assert found.is_lighter is expected
    assert bool(found.reasons) is (earlier != later)


def test_multiples_of_unknown_gains_are_not_compared():
    times: dict[str, Any] = {"kind": "fine", "required": True, "min_base_fen": 1000000}
    old = cause({**times, "times_low": 5, "times_high": 20})
    new = cause({**times, "times_low": 2, "times_high": 10})
    assert not lighter(old, new, party="organisation").is_lighter
    assert lighter(old, new, party="organisation", gains_fen=0).is_lighter


def test_an_act_before_the_law_of_2025_stays_with_the_old_rule():
    old = ROWS["idl-products", "2013-06-29"]
    new = ROWS["idl-products", "2025-09-01"]
    assert old["effective_to"] == "2025-08-31"
    found = lighter(old, new, party="organisation")
    assert not found.is_lighter
    assert "罚款上限由 50000 改为 200000（更重）" in found.reasons
    assert date.fromisoformat(new["effective_from"]) == date(2025, 9, 1)


OFFERS = st.lists(
    st.one_of(
        st.builds(fine, st.integers(0, 3), st.integers(3, 6), st.booleans()),
        st.sampled_from([WARNING, *EITHER]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda offer: offer["kind"],
)


@given(OFFERS, OFFERS)
def test_of_two_rules_not_both_are_lighter(first, second):
    there = lighter(cause(*first), cause(*second), party="organisation")
    back = lighter(cause(*second), cause(*first), party="organisation")
    assert not (there.is_lighter and back.is_lighter)


@given(OFFERS, OFFERS)
def test_a_lighter_rule_offers_no_kind_and_no_amount_more(first, second):
    if not lighter(cause(*first), cause(*second), party="organisation").is_lighter:
        return
    before = {one["kind"]: one for one in first}
    for offer in second:
        old = before[offer["kind"]]
        assert offer.get("max_fen", 0) <= old.get("max_fen", 0)
        assert old["required"] or not offer["required"]
