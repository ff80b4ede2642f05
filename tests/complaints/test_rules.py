"""What may happen to a complaint, when its steps are due, and how a reply is written."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue import rules as catalogue
from app.catalogue import seeds
from app.catalogue.rules import DayKind, make_calendar
from app.complaints import rules
from app.complaints.rules import Begins, ComplaintState, ComplaintVerb, Step, StepRule


def calendar_2026():
    (row,) = [row for row in seeds.rows("calendar") if row["code"] == "2026"]
    return make_calendar((date.fromisoformat(d["day"]), d["worked"]) for d in row["days"])


@pytest.mark.parametrize(
    ("begins", "days", "expected"),
    [
        (date(2026, 9, 24), 5, date(2026, 10, 9)),  # Mid-Autumn and National Day between
        (date(2026, 2, 13), 2, date(2026, 2, 24)),  # the 14th is a Saturday that is worked
    ],
)
def test_a_step_counts_working_days_over_the_holidays_of_2026(begins, days, expected):
    rule = StepRule(Step.REPLY, days, DayKind.WORKING, Begins.RECEIVED, 1)
    assert rules.step_due(rule, begins, calendar_2026(), moved=False).due_on == expected


def test_a_step_into_a_year_without_calendar_stays_open_with_its_reason():
    rule = StepRule(Step.REPLY, 15, DayKind.WORKING, Begins.RECEIVED, 3)
    found = rules.step_due(rule, date(2026, 12, 20), calendar_2026(), moved=False)
    assert (found.due_on, found.reason) == (None, "calendar-2027-missing")


def test_the_packaged_terms_are_steps_that_an_agency_still_confirms():
    rows = {row["code"]: row for row in seeds.rows("complaint_steps")}
    assert set(rows) == set(catalogue.COMPLAINT_STEPS) == set(Step)
    for code, row in rows.items():
        assert catalogue.wrong_step(code, row) == []
        assert not row["confirmed"]


@given(st.lists(st.sampled_from(ComplaintVerb), max_size=12))
def test_no_sequence_of_verbs_replies_without_a_result_or_leaves_an_end(verbs):
    state, concluded = ComplaintState.RECEIVED, False
    for verb in verbs:
        following = rules.following(verb, state)
        if following is None:
            continue
        assert state in rules.OPEN_STATES, "an end is an end"
        concluded = concluded or verb is ComplaintVerb.CONCLUDE
        assert verb is not ComplaintVerb.REPLY or concluded
        state = following


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_filled_in_is_taken_literally(name, other):
    filled = rules.fill_template("{subject}|{unknown}", {"subject": name, "unknown2": other})
    assert filled == name + "|{unknown}"


def test_a_value_that_looks_like_a_place_is_not_filled_again():
    found = rules.fill_template("{subject}", {"subject": "{number}", "number": "TS-1"})
    assert found == "{number}"
