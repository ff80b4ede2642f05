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


ROW = {
    "name": "某文书",
    "required": [
        {"field": "facts", "name": "事实", "type": "text", "article": "某法 第一条"},
        {"field": "on", "name": "日期", "type": "day"},
        {"field": "Not A Name"},
        "no field",
    ],
    "number_form": "{year}—{serial}",
    "serial_digits": 3,
    "on_tablet": False,
}


def test_a_row_that_says_nothing_of_print_gets_a_line_for_each_field():
    template = rules.read_template("opinion", ROW)

    assert [one.name for one in template.fields] == ["facts", "on"]
    assert [one.text for one in template.body] == ["事实：{facts}", "日期：{on}"]
    assert (template.slots, template.outward) == ((), True)
    assert template.service is rules.ServiceNeed.HANDED_OVER


def test_a_row_of_an_office_says_what_it_knows_and_the_rest_is_left_out():
    row = {
        **ROW,
        "optional": [{"field": "note"}],
        "body": [{"as": "para", "text": "{facts}"}, {"as": "para"}, 7],
        "signatures": ["seal", "nobody", ["seal"]],
        "outward": False,
        "service": ["served"],
    }
    template = rules.read_template("opinion", row)

    assert [(one.style, one.text) for one in template.body] == [("para", "{facts}")]
    assert template.slots == (rules.Slot.SEAL,)
    assert template.required == ("facts", "on")
    assert template.service is rules.ServiceNeed.HANDED_OVER


def test_what_is_wrong_with_a_field_is_said_once():
    template = rules.read_template("opinion", ROW)
    assert rules.wrong_fields(template, {"on": "heute", "more": 1}) == {
        "facts": "“事实”必须填写（某法 第一条）。",
        "more": "这类文书没有这一项。",
        "on": "“日期”应为日期，例如 2026-03-01。",
    }
    assert rules.wrong_fields(template, {"facts": "甲", "on": "2026-03-01"}) == {}


def test_two_officers_sign_and_nobody_waits_for_a_witness():
    slots = [rules.Slot.PARTY, rules.Slot.OFFICERS, rules.Slot.WITNESS, rules.Slot.SEAL]
    assert rules.open_slots(slots, [], team=2) == [slots[0], slots[1], slots[3]]
    assert rules.open_slots(slots, ["party", "officer", "seal"], team=2) == [slots[1]]
    assert rules.open_slots(slots, ["officer", "party", "officer", "seal"], team=2) == []
    assert rules.open_slots(slots, ["officer", "party", "officer", "seal"], team=3) == [slots[1]]
