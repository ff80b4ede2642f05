import hashlib

import pytest

from app.draws.assignment import Assignment, repeat_assignment, write_assignment
from app.draws.eligibility import (
    parse_eligible,
    parse_officers,
    write_eligible,
    write_officers,
)
from tests.draws.vectors import (
    ASSIGNMENT_SHA256,
    ELIGIBLE,
    ELIGIBLE_SHA256,
    LEVELLED_SHA256,
    OFFICERS,
    OFFICERS_SHA256,
    X,
)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def vector(sweeps: int) -> Assignment:
    return repeat_assignment(bytes.fromhex(X[1]), OFFICERS, ELIGIBLE, sweeps=sweeps)


def test_officers_and_eligible_have_the_published_bytes():
    officers, eligible = write_officers(OFFICERS), write_eligible(ELIGIBLE)

    assert (digest(officers), digest(eligible)) == (OFFICERS_SHA256, ELIGIBLE_SHA256)
    assert parse_officers(officers) == OFFICERS
    assert parse_eligible(eligible) == ELIGIBLE


@pytest.mark.parametrize(
    ("sweeps", "expected"), [(0, LEVELLED_SHA256), (100, ASSIGNMENT_SHA256)], ids=["start", "walk"]
)
def test_the_published_assignment_is_repeated_to_the_last_byte(sweeps: int, expected: str):
    assert digest(write_assignment(vector(sweeps).teams)) == expected


def test_loads_are_those_before_the_draw_and_the_new_tasks():
    assert list(vector(100).loads.values()) == [3, 3, 2, 2, 1, 3]
