"""Shapes of sanctions, without app or database; rows of the golden table through the rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases import sanctions
from app.cases.sanctions import SanctionKind, SanctionLine
from app.catalogue import causes, seeds

CAUSES = {row["code"]: row for row in seeds.rows("case_causes")}
COUNTINGS = {row["code"]: row for row in seeds.rows("case_countings")}
KINDS = {name: kind for kind, name in sanctions.KIND_NAMES.items()}
WARNING = SanctionLine(SanctionKind.WARNING)
FINE = SanctionKind.FINE
SHAPES = {
    "parties": ["organisation"],
    "levels": [
        {
            "code": "base",
            "name": "一般情形",
            "needs": [],
            "offers": [
                {"kind": "warning", "required": True},
                {"kind": "fine", "required": False, "min_fen": 0, "max_fen": 500000},
            ],
        },
        {
            "code": "unmet",
            "name": "逾期不改正",
            "needs": [{"code": "order-unmet", "name": "逾期不改正"}],
            "offers": [
                {"kind": "fine", "required": True, "min_fen": 500000, "max_fen": 3000000},
            ],
        },
        {
            "code": "serious",
            "name": "情节严重",
            "needs": [{"code": "serious", "name": "情节严重"}],
            "offers": [
                {"kind": "permit-revoked", "required": False, "choice": "heavy"},
                {
                    "kind": "permit-suspended",
                    "required": False,
                    "choice": "heavy",
                    "min_months": 6,
                    "max_months": 12,
                },
                {
                    "kind": "practice-restricted",
                    "required": False,
                    "on_staff": True,
                    "min_months": 60,
                    "max_months": 60,
                },
            ],
        },
    ],
}
MULTIPLE = {
    "parties": ["organisation"],
    "levels": [
        {
            "code": "base",
            "name": "一般情形",
            "needs": [],
            "offers": [
                {
                    "kind": "fine",
                    "required": True,
                    "times_low": 5,
                    "times_high": 20,
                    "min_base_fen": 1000000,
                }
            ],
        }
    ],
}


def fined(fen):
    return SanctionLine(FINE, fen)


def codes(lines, cause=SHAPES, **values):
    given = {"order_unmet": False, "gains_fen": 0, **values}
    return [one.code for one in sanctions.problems(lines, "organisation", cause, **given)]


@pytest.mark.parametrize(
    ("lines", "values", "expected"),
    [
        ([WARNING], {}, []),
        ([WARNING, fined(500000)], {}, []),
        ([WARNING, fined(500001)], {}, ["fine"]),
        ([fined(500000)], {}, ["order-unmet"]),
        ([fined(3000000)], {}, ["order-unmet"]),
        ([fined(400000)], {}, ["warning"]),
        ([fined(3000000)], {"order_unmet": True}, []),
        ([WARNING], {"order_unmet": True}, ["fine", "warning"]),
        ([fined(400000)], {"order_unmet": True}, ["fine"]),
        ([fined(400000)], {"order_unmet": True, "mitigated": True}, []),
        ([], {}, ["sanction"]),
        ([WARNING, WARNING], {}, ["warning"]),
        ([SanctionLine(SanctionKind.PERMIT_REVOKED)], {}, ["warning", "permit-revoked"]),
        ([SanctionLine(SanctionKind.PERMIT_REVOKED)], {"circumstances": ["serious"]}, []),
        (
            [SanctionLine(SanctionKind.PERMIT_SUSPENDED, months=5)],
            {"circumstances": ["serious"]},
            ["permit-suspended"],
        ),
        (
            [SanctionLine(SanctionKind.PERMIT_SUSPENDED)],
            {"circumstances": ["serious"]},
            ["permit-suspended"],
        ),
        (
            [SanctionLine(SanctionKind.PRACTICE_RESTRICTED, months=60, on_staff=True)],
            {"circumstances": ["serious"]},
            ["choice"],
        ),
        ([WARNING], {"level": "serious"}, ["level"]),
        ([SanctionLine(SanctionKind.WARNING, 100)], {}, ["warning"]),
        ([SanctionLine(SanctionKind.WARNING, months=2)], {}, ["warning"]),
        ([WARNING, SanctionLine(FINE)], {}, ["fine"]),
    ],
)
def test_lines_are_what_the_level_that_the_facts_call_for_offers(lines, values, expected):
    assert codes(lines, **values) == expected


def test_a_party_of_another_kind_is_no_party_of_the_cause():
    (problem,) = sanctions.problems([WARNING], "citizen", SHAPES, order_unmet=False, gains_fen=0)
    assert problem.code == "party"


@pytest.mark.parametrize(
    ("taken", "gains", "repaid", "expected"),
    [
        (3459200, 4532200, 0, []),
        (4532201, 4532200, 0, ["confiscated-gains"]),
        (None, 4532200, 0, ["confiscated-gains"]),
        (None, 4532200, 4532200, []),
        (100, 0, 0, ["confiscated-gains"]),
    ],
)
def test_gains_are_confiscated_by_the_general_law_and_never_more_than_was_found(
    taken, gains, repaid, expected
):
    taken_line = [SanctionLine(SanctionKind.CONFISCATED_GAINS, taken)] if taken else []
    assert codes([WARNING, *taken_line], gains_fen=gains, repaid_fen=repaid) == expected


def test_a_multiple_of_gains_that_nobody_found_out_is_not_computed():
    assert codes([fined(5000000)], MULTIPLE, gains_fen=None) == ["gains"]
    assert codes([fined(5000000)], MULTIPLE) == []
    assert codes([fined(4999999)], MULTIPLE) == ["fine"]


def test_the_kinds_stand_from_the_lightest_to_the_heaviest():
    assert list(sanctions.KIND_NAMES) == list(SanctionKind)
    assert [str(one) for one in SanctionKind] == COUNTINGS["annual-table"]["ranking"]
    for row in COUNTINGS.values():
        assert sorted(row["ranking"]) == sorted(SanctionKind)
    lines = [SanctionLine(SanctionKind.DETENTION), fined(1), WARNING]
    assert sanctions.in_order(lines) == [WARNING, fined(1), SanctionLine(SanctionKind.DETENTION)]


@given(st.integers(0, 10**12), st.integers(1, 20), st.integers(0, 20))
def test_the_range_of_a_multiple_is_exact_and_rises_with_the_gains(gains, low, more):
    offer = causes.Offer(FINE, True, times_low=low, times_high=low + more, min_base_fen=10**6)
    found, richer = causes.fine_range(offer, gains), causes.fine_range(offer, gains + 1)
    assert found is not None
    assert richer is not None
    assert found.base_fen == max(gains, 10**6)
    assert (found.low_fen, found.high_fen) == (found.base_fen * low, found.base_fen * (low + more))
    assert found.low_fen <= richer.low_fen
