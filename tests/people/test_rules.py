"""Who may sign in and who may be sent."""

from datetime import UTC, date, datetime, timedelta

from app.people.rules import (
    FAILURES_ALLOWED,
    LOCKED_FOR,
    NO_ATTEMPTS,
    OfficerState,
    is_eligible,
    not_taking_part,
)

AT = datetime(2026, 11, 21, 1, tzinfo=UTC)


def test_only_the_last_allowed_failure_locks():
    attempts = NO_ATTEMPTS
    for _ in range(FAILURES_ALLOWED - 1):
        attempts = attempts.after_failure(AT)
        assert not attempts.locked_at(AT)
    attempts = attempts.after_failure(AT)
    assert attempts.locked_at(AT + LOCKED_FOR - timedelta(seconds=1))
    assert not attempts.locked_at(AT + LOCKED_FOR)


def test_after_a_lock_counting_begins_afresh():
    attempts = NO_ATTEMPTS
    for _ in range(FAILURES_ALLOWED):
        attempts = attempts.after_failure(AT)
    assert attempts.after_failure(AT + LOCKED_FOR).failed == 1


def test_an_officer_goes_up_to_the_last_day_of_the_certificate():
    last = date(2026, 11, 21)
    assert is_eligible(OfficerState.ACTIVE, last, last)
    assert not is_eligible(OfficerState.ACTIVE, last, last + timedelta(days=1))
    assert not is_eligible(OfficerState.LEFT, last, last)


def test_who_leads_a_specialty_takes_part_in_it():
    assert not_taking_part(["a", "b"], ["b"]) == []
    assert not_taking_part(["a"], ["c", "b", "a"]) == ["b", "c"]
