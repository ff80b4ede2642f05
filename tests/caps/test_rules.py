"""What a cap counts: spans of days, exempt origins, kinds of entries."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.caps import rules
from app.caps.rules import Cap, Entered, Verdict
from app.catalogue import seeds
from app.catalogue.caps import Beyond, Counts, Of, Period, wrong_cap

ON = date(2026, 11, 21)
CAP = Cap(
    "joint",
    "联合检查",
    2,
    Period.YEAR,
    Of.UNIT,
    Counts.ALL,
    Beyond.EXCEPTION,
    frozenset({"complaint", "campaign"}),
)
DRAWN = Entered(date(2026, 3, 1), frozenset({"drawn"}))
OFFICER, OTHER = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("period", "on", "first", "last"),
    [
        (Period.DAY, date(2026, 11, 21), date(2026, 11, 21), date(2026, 11, 21)),
        (Period.WEEK, date(2026, 11, 22), date(2026, 11, 16), date(2026, 11, 22)),
        (Period.MONTH, date(2024, 2, 3), date(2024, 2, 1), date(2024, 2, 29)),
        (Period.QUARTER, date(2026, 11, 21), date(2026, 10, 1), date(2026, 12, 31)),
        (Period.YEAR, date(2026, 11, 21), date(2026, 1, 1), date(2026, 12, 31)),
        (Period.ROLLING_YEAR, date(2026, 11, 21), date(2025, 11, 22), date(2026, 11, 21)),
        (Period.ROLLING_YEAR, date(2024, 2, 29), date(2023, 3, 1), date(2024, 2, 29)),
    ],
)
def test_a_period_begins_and_ends_where_people_say(period, on, first, last):
    assert rules.span(period, on) == (first, last)


@given(st.sampled_from(Period), st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_a_day_lies_in_its_period(period, on):
    first, last = rules.span(period, on)
    assert first <= on <= last
    assert last - first <= timedelta(days=365)


def verdict(cap, intended, *ledger, excepted=False):
    return rules.ask(cap, intended, ledger, excepted=excepted).verdict


def test_the_third_entry_of_a_year_needs_an_exception():
    intended = replace(DRAWN, on=ON)
    assert verdict(CAP, intended, DRAWN) is Verdict.WITHIN
    assert verdict(CAP, intended, DRAWN, DRAWN) is Verdict.EXCEPTION
    assert verdict(CAP, intended, DRAWN, DRAWN, excepted=True) is Verdict.EXCEPTED
    last_year = replace(DRAWN, on=date(2025, 12, 31))
    assert verdict(CAP, intended, DRAWN, last_year) is Verdict.WITHIN


def test_an_exempt_entry_uses_nothing_up_and_is_never_beyond():
    complaint = replace(DRAWN, origins=frozenset({"complaint"}))
    assert verdict(CAP, replace(complaint, on=ON), DRAWN, DRAWN) is Verdict.EXEMPT
    answer = rules.ask(CAP, replace(DRAWN, on=ON), [DRAWN, complaint], excepted=False)
    assert (answer.counted, answer.verdict) == ((DRAWN,), Verdict.WITHIN)


def test_an_entry_for_a_complaint_and_something_else_counts():
    both = replace(DRAWN, origins=frozenset({"complaint", "routine"}))
    assert verdict(CAP, replace(DRAWN, on=ON), DRAWN, both) is Verdict.EXCEPTION


def test_an_entry_of_unknown_origin_counts():
    triggered = replace(DRAWN, origins=frozenset())
    assert verdict(CAP, replace(DRAWN, on=ON), DRAWN, triggered) is Verdict.EXCEPTION


def test_a_cap_on_joint_entries_does_not_see_the_others():
    cap = replace(CAP, counts=Counts.JOINT)
    joint = replace(DRAWN, joint=True)
    assert verdict(cap, replace(joint, on=ON), DRAWN, DRAWN, joint) is Verdict.WITHIN
    assert verdict(cap, replace(joint, on=ON), joint, joint) is Verdict.EXCEPTION
    assert verdict(cap, replace(DRAWN, on=ON), joint, joint) is Verdict.WITHIN


def test_clean_entries_by_one_officer_ask_for_a_reason():
    cap = replace(CAP, most=1, of=Of.UNIT_OFFICER, counts=Counts.CLEAN, beyond=Beyond.REASON)
    clean = replace(DRAWN, clean=True, officers=frozenset({OFFICER}))
    again = replace(DRAWN, on=ON, officers=frozenset({OFFICER, OTHER}))
    assert verdict(cap, again, clean) is Verdict.REASON
    assert verdict(cap, replace(again, officers=frozenset({OTHER})), clean) is Verdict.WITHIN
    assert verdict(cap, again, replace(clean, clean=None)) is Verdict.WITHIN, "not known yet"
    assert verdict(cap, again, replace(clean, clean=False)) is Verdict.WITHIN


def test_only_the_cap_of_an_enterprise_counts_what_took_place_elsewhere():
    ledger = rules.with_elsewhere([DRAWN], [replace(DRAWN, on=date(2026, 2, 1))])
    assert [one.elsewhere for one in ledger] == [True, False]
    intended = replace(DRAWN, on=ON)
    assert verdict(replace(CAP, of=Of.ENTERPRISE), intended, *ledger) is Verdict.EXCEPTION
    for of in set(Of) - {Of.ENTERPRISE}:
        assert verdict(replace(CAP, of=of), intended, *ledger) is Verdict.WITHIN
    assert [rules.read_entry(rules.write_entry(one)) for one in ledger] == ledger


def test_a_cap_may_be_of_a_specialty_a_level_or_a_class():
    cap = replace(CAP, most=0, of=Of.UNIT_SPECIALTY, levels=frozenset({"区抽"}))
    assert verdict(cap, replace(DRAWN, level="国抽")) is Verdict.WITHIN
    assert verdict(cap, replace(DRAWN, level="区抽")) is Verdict.EXCEPTION
    pools = replace(CAP, most=0, object_classes=frozenset({"swimming"}))
    assert verdict(pools, DRAWN) is Verdict.WITHIN
    swimming = replace(DRAWN, object_classes=frozenset({"swimming", "lodging"}))
    assert verdict(pools, swimming) is Verdict.EXCEPTION


ENTRIES = st.lists(
    st.builds(
        Entered,
        st.dates(date(2025, 6, 1), date(2027, 6, 1)),
        st.frozensets(st.sampled_from(["drawn", "complaint", "campaign"]), max_size=2),
        joint=st.booleans(),
        clean=st.sampled_from([None, True, False]),
    ),
    max_size=8,
)
CAPS = st.builds(
    replace,
    st.just(CAP),
    most=st.integers(0, 3),
    period=st.sampled_from(Period),
    counts=st.sampled_from(Counts),
)


@given(CAPS, ENTRIES, st.data())
def test_one_entry_less_never_makes_a_verdict_worse(cap, ledger, data):
    intended = data.draw(
        st.sampled_from([DRAWN, replace(DRAWN, on=ON), replace(DRAWN, joint=True)])
    )
    before = rules.ask(cap, intended, ledger, excepted=False)
    if ledger:
        ledger.pop(data.draw(st.integers(0, len(ledger) - 1)))
    after = rules.ask(cap, intended, ledger, excepted=False)
    assert len(after.counted) <= len(before.counted)
    assert before.verdict is Verdict.EXCEPTION or after.verdict is not Verdict.EXCEPTION


@pytest.mark.parametrize("row", seeds.rows("visit_caps"), ids=lambda row: row["code"])
def test_every_packaged_cap_can_be_read(row):
    origins = {one["code"] for one in seeds.rows("origins")}
    assert wrong_cap(row, origins) == []
    assert Cap.from_body(row["code"], row).most == row["most"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("most", -1),
        ("most", True),
        ("period", "fortnight"),
        ("of", "district"),
        ("counts", "some"),
        ("beyond", "forbid"),
        ("exempt_origins", ["no-such-origin"]),
        ("levels", [1]),
        ("object_classes", "lodging"),
        ("name", ""),
    ],
)
def test_a_row_that_is_no_cap_is_refused(member, value):
    row = {**seeds.rows("visit_caps")[0], member: value}
    assert wrong_cap(row, {one["code"] for one in seeds.rows("origins")}) == [member]
