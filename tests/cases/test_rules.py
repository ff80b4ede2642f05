"""What may be decided on the spot, without app or database."""

import pytest

from app.cases import rules
from app.cases.rules import CaseState, CaseVerb, PartyKind, Sanction
from app.catalogue import causes, seeds

CAUSES = {row["code"]: row for row in seeds.rows("case_causes")}
CITIZEN, ORGANISATION = PartyKind.CITIZEN, PartyKind.ORGANISATION


def codes(sanction, party, cause):
    return [one.code for one in rules.sanction_problems(sanction, party, CAUSES[cause])]


@pytest.mark.parametrize(
    ("fine_fen", "limit", "exceeds"),
    [(20000, 20000, False), (20001, 20000, True), (300000, 300000, False), (300001, 300000, True)],
)
def test_the_limit_itself_may_be_imposed_and_a_fen_more_may_not(fine_fen, limit, exceeds):
    assert rules.exceeds_simple_limit(Sanction(True, fine_fen), limit) is exceeds


@pytest.mark.parametrize(
    ("sanction", "party", "cause", "expected"),
    [
        (Sanction(False, 5000), CITIZEN, "smoking", []),
        (Sanction(False, 20000), CITIZEN, "smoking", []),
        (Sanction(False, 4999), CITIZEN, "smoking", ["fine"]),
        (Sanction(False, 20001), CITIZEN, "smoking", ["fine"]),
        (Sanction(True, 5000), CITIZEN, "smoking", ["warning"]),
        (Sanction(False, 5000), ORGANISATION, "smoking", ["party"]),
        (Sanction(False, 0), CITIZEN, "smoking", ["sanction", "fine"]),
        (Sanction(True, 0), ORGANISATION, "pp-without-testing", []),
        (Sanction(True, 200000), ORGANISATION, "pp-without-testing", []),
        (Sanction(False, 200000), ORGANISATION, "pp-without-testing", ["warning"]),
        (Sanction(True, 0), ORGANISATION, "pp-without-licence", ["fine"]),
        (Sanction(True, 50000), ORGANISATION, "pp-without-licence", []),
    ],
)
def test_a_sanction_is_what_the_cause_offers(sanction, party, cause, expected):
    assert codes(sanction, party, cause) == expected


def test_a_cause_without_fine_offers_none():
    cause = {"parties": ["organisation"], "warning": "required", "fine": None}
    assert rules.sanction_problems(Sanction(True, 0), ORGANISATION, cause) == []
    (problem,) = rules.sanction_problems(Sanction(True, 1), ORGANISATION, cause)
    assert problem.code == "fine"


@pytest.mark.parametrize(("fen", "text"), [(5000, "50"), (5, "0.05"), (12345, "123.45"), (0, "0")])
def test_amounts_are_printed_without_float(fen, text):
    assert rules.yuan(fen) == text


def test_a_decision_is_filed_and_then_closed_and_nothing_else():
    found = {
        (verb, state): rules.following(verb, state) for verb in CaseVerb for state in CaseState
    }
    assert {key: value for key, value in found.items() if value} == {
        (CaseVerb.FILE, CaseState.DECIDED_ON_SITE): CaseState.FILED,
        (CaseVerb.CLOSE, CaseState.FILED): CaseState.CLOSED,
    }
    assert CaseState.CLOSED not in rules.OPEN_CASES


def test_limits_of_the_law_stand_in_the_catalogue_with_their_days():
    limits = {
        (row["code"], row["effective_from"]): row["fine_max_fen"]
        for row in seeds.rows("simple_limits")
    }
    assert limits == {
        ("citizen", "1996-10-01"): 5000,
        ("organisation", "1996-10-01"): 100000,
        ("citizen", "2021-07-15"): 20000,
        ("organisation", "2021-07-15"): 300000,
    }


def test_every_cause_has_a_basis_and_sanctions_that_fit_each_other():
    specialties = {row["code"] for row in seeds.rows("specialties")} | {None}
    for row in seeds.rows("case_causes"):
        assert row["specialty"] in specialties
        assert row["basis"]["law"]
        assert row["basis"]["article"].startswith("第")
        assert set(row["parties"]) <= {"citizen", "organisation"}
        assert row["warning"] in {"required", "allowed", "none"}
        assert causes.wrong_cause(row) == [], row["code"]
        assert row["fine"] is None or 0 <= row["fine"]["min_fen"] < row["fine"]["max_fen"]
