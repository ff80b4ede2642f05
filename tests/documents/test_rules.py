"""Numbers and blocks: what is printed, what is left, what is a gap."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents import rules
from app.documents.rules import DocumentKind

FORM = "{year}—{serial}"


def test_a_number_is_year_and_serial_with_at_least_three_digits():
    assert rules.format_number(FORM, 3, 2026, 1) == "2026—001"
    assert rules.format_number(FORM, 3, 2026, 12_345) == "2026—12345"


def test_a_document_number_of_the_long_form_is_written_too():
    assert (
        rules.format_number("沪长卫公罚〔{year}〕{serial}号", 3, 2026, 7)
        == "沪长卫公罚〔2026〕007号"
    )


@given(st.sampled_from(DocumentKind), st.integers(2000, 2199))
def test_a_series_is_read_as_it_was_written(kind, year):
    assert rules.read_series(rules.series_of(kind, year)) == (kind, year)


@pytest.mark.parametrize("text", ["", "opinion", "opinion:26", "letter:2026", "opinion:2026:1"])
def test_what_is_no_series_is_not_read(text):
    with pytest.raises(ValueError, match=r"."):
        rules.read_series(text)


SERIALS = st.integers(1, 10**6)


@given(st.tuples(st.integers(2000, 2199), SERIALS), st.tuples(st.integers(2000, 2199), SERIALS))
def test_two_numbers_of_a_kind_are_never_printed_alike(one, other):
    printed = {rules.format_number(FORM, 3, *each) for each in (one, other)}
    assert len(printed) == len({one, other})


@given(
    st.integers(1, 50).flatmap(
        lambda size: st.tuples(st.just(size), st.sets(st.integers(1, size + 5)))
    )
)
def test_what_is_used_and_what_is_not_make_up_the_block(drawn):
    size, used = drawn
    runs = rules.unused(1, size, used)
    left = {serial for first, last in runs for serial in range(first, last + 1)}
    assert left == set(range(1, size + 1)) - used
    assert all(after[0] > before[1] + 1 for before, after in pairwise(runs))
    inside = {one for one in used if one <= size}
    assert rules.free_of([(1, size)], used) == size - max(inside, default=0)
    assert {one for run in rules.skipped(1, size, used) for one in range(run[0], run[1] + 1)} == {
        one for one in left if one < max(inside, default=0)
    }


def test_fields_that_say_nothing_are_missing_in_the_order_of_the_template():
    required = ("problem", "basis", "advice", "deadline_on")
    assert rules.missing_fields(required, {"problem": " ", "basis": "第十条", "advice": None}) == [
        "problem",
        "advice",
        "deadline_on",
    ]
    assert rules.missing_fields(("amount_fen", "told"), {"amount_fen": 0, "told": False}) == []


def test_what_is_signed_is_the_same_text_in_whatever_order_it_came():
    one = rules.content_text(
        document_id="a",
        kind="opinion",
        number="2026—001",
        unit_id="u",
        officer_ids=["c", "b"],
        fields={"problem": "x", "advice": "y"},
    )
    assert one == (
        '{"fields":{"advice":"y","problem":"x"},"id":"a","kind":"opinion","number":"2026—001",'
        '"officer_ids":["b","c"],"unit_id":"u"}'
    )
