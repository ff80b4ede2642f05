"""Money of a decision: properties of surcharge, parts and terms, without app or database."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases import money
from app.cases.money import Paid, Part, Pause, Plan, SpotGround

DAY = date(2026, 1, 31)
FINES = st.integers(1, 10**10)


@given(FINES, st.integers(0, 400), st.integers(0, 400))
def test_a_surcharge_rises_with_the_days_and_never_exceeds_the_fine(fine, days, more):
    first, later = money.surcharge(fine, days, 3), money.surcharge(fine, days + more, 3)
    assert 0 <= first.amount_fen <= later.amount_fen <= fine
    assert later.capped == (later.amount_fen == fine)


@given(FINES, st.integers(0, 120))
def test_day_by_day_and_at_once_are_the_same_surcharge(fine, days):
    until = DAY + timedelta(days=days)
    found = money.surcharge_until(fine, [Plan([Part(DAY, fine)])], [], until, percent=3)
    assert found.amount_fen == money.surcharge(fine, days, 3).amount_fen


@given(FINES, st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
def test_days_of_review_or_suit_do_not_count(fine, days, begins, lasts):
    pause = Pause(DAY + timedelta(days=begins), DAY + timedelta(days=begins + lasts))
    until = DAY + timedelta(days=days)
    paused = sum(pause.holds(DAY + timedelta(days=one)) for one in range(1, days + 1))
    found = money.surcharge_until(
        fine, [Plan([Part(DAY, fine)])], [], until, percent=3, pauses=[pause]
    )
    assert found.amount_fen == money.surcharge(fine, days - paused, 3).amount_fen


@given(st.lists(st.integers(1, 10**8), min_size=1, max_size=6), st.integers(1, 90))
def test_parts_that_were_granted_are_never_dearer_than_the_whole_at_once(amounts, days):
    fine, until = sum(amounts), DAY + timedelta(days=days)
    parts = [Part(DAY + timedelta(days=30 * place), one) for place, one in enumerate(amounts)]
    split = money.surcharge_until(fine, [Plan(parts)], [], until, percent=3)
    whole = money.surcharge_until(fine, [Plan([Part(DAY, fine)])], [], until, percent=3)
    assert split.amount_fen <= whole.amount_fen
    assert money.instalment_problems(parts, fine, DAY - timedelta(days=1)) == []
    assert money.instalment_problems(parts, fine + 1, DAY - timedelta(days=1)) != []


def test_what_is_paid_in_part_adds_less_from_the_next_day_on():
    paid = [Paid(DAY + timedelta(days=2), 600_00)]
    parts = [Part(DAY, 1000_00)]
    found = money.surcharge_until(1000_00, [Plan(parts)], paid, DAY + timedelta(days=4), percent=3)
    assert (found.amount_fen, found.late_days) == (2 * 30_00 + 2 * 12_00, 4)


def test_what_is_granted_leaves_the_days_before_as_they_were():
    later = Plan([Part(DAY + timedelta(days=30), 1000_00)], DAY + timedelta(days=3))
    plans = [Plan([Part(DAY, 1000_00)]), later]
    found = money.surcharge_until(1000_00, plans, [], DAY + timedelta(days=31), percent=3)
    assert (found.amount_fen, found.late_days) == (3 * 30_00, 3)


def test_what_was_paid_in_time_adds_nothing_ever():
    parts, paid = [Part(DAY, 100)], [Paid(DAY, 100)]
    found = money.surcharge_until(100, [Plan(parts)], paid, date(2199, 1, 1), percent=3)
    assert found == money.Surcharge(0, False, 0)


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        ([], 2),
        ([Part(DAY, 100)], 1),
        ([Part(DAY + timedelta(days=2), 50), Part(DAY + timedelta(days=1), 50)], 1),
        ([Part(DAY + timedelta(days=1), 100), Part(DAY + timedelta(days=2), 0)], 1),
    ],
)
def test_parts_add_up_and_follow_each_other(parts, count):
    assert len(money.instalment_problems(parts, 100, DAY)) == count


@pytest.mark.parametrize(
    ("ground", "simple", "by_request", "expected"),
    [
        (SpotGround.SMALL, False, True, False),
        (SpotGround.REMOTE, False, True, True),
        (SpotGround.REMOTE, True, False, False),
        (SpotGround.HARD_LATER, False, False, False),
    ],
)
def test_who_may_take_money_on_the_spot(ground, simple, by_request, expected):
    allowed = money.spot_ground_holds(
        100, ground, max_fen=10000, simple=simple, by_request=by_request
    )
    assert allowed is expected


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2026, 11, 21), 6, date(2027, 5, 21)),
        (date(2026, 6, 15), 6, date(2026, 12, 15)),
        (date(2026, 12, 31), 12, date(2027, 12, 31)),
    ],
)
def test_a_month_without_the_day_ends_on_its_last(day, months, expected):
    assert money.add_months(day, months) == expected


def test_the_court_is_asked_after_the_term_for_a_suit_or_after_the_suit():
    served = date(2026, 1, 15)
    plain = money.court_window(served, [], suit_months=6, months=3)
    assert (plain.opens_on, plain.closes_on) == (date(2026, 7, 16), date(2026, 10, 15))
    sued = money.court_window(served, [date(2026, 12, 1)], suit_months=6, months=3)
    assert (sued.opens_on, sued.closes_on) == (date(2026, 12, 2), date(2027, 3, 1))


@given(st.lists(st.integers(1, 10_000), max_size=5), st.integers(0, 30_000))
def test_parts_of_a_lighter_fine_never_ask_for_more_than_it(amounts, most):
    parts = [money.Part(date(2026, 1, 1 + day), amount) for day, amount in enumerate(amounts)]
    kept = money.cut(parts, most)
    assert sum(one.amount_fen for one in kept) == min(sum(amounts), most)
    assert [one.due_on for one in kept] == [one.due_on for one in parts][: len(kept)]
