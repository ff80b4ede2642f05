"""Discretion and like cases on both databases: kept, deviated from, compared."""

from datetime import date

import pytest

from app.access import Role
from app.cases import discretion, like_cases
from app.cases.models import CaseSanction, PenaltyCase
from app.cases.sanctions import SanctionKind, SanctionLine
from app.cases.tiers import Facts
from app.db import db, new_id, transaction
from tests.cases.ordinary import Office, fine

DAY = date(2026, 3, 2)
FACTS = Facts("organisation")
HIGH = [SanctionLine(SanctionKind.FINE, 400_000)]


@pytest.fixture
def office(make, clock, app_context):
    return Office(make, clock)


def water(office):
    return office.open(DAY, cause_code="drinking-water", act="供水不符合卫生规范")


def do(office, case, verb, *args, by=None, **values):
    with transaction():
        own = db.session.get_one(PenaltyCase, case.id)
        return verb(own, *args, **values, by=by or office.handler, at=office.make.at)


def propose(office, case, facts=FACTS):
    return do(office, case, discretion.propose_discretion, facts, object_class=None)


def test_a_proposal_is_kept_with_the_rule_of_the_act_and_its_reasons(office):
    case = water(office)
    with pytest.raises(discretion.DiscretionUnknown):
        discretion.get_discretion(case)
    found = propose(office, case)
    assert (found.tier_code, found.tier_class) == ("drinking-water-normal", "normal")
    assert (found.low_fen, found.high_fen, found.benchmark) == (50_000, 200_000, "in-force")
    assert found.lines == [
        {"kind": "fine", "amount_fen": 125_000, "months": None, "note": None, "on_staff": False}
    ]
    assert any("一般" in one for one in found.reasons)
    with pytest.raises(discretion.FactorUnknown):
        propose(office, case, Facts("organisation", factors=frozenset({"no-such"})))
    with pytest.raises(discretion.OrderNotUnmet):
        propose(office, case, Facts("organisation", order_unmet=True))
    clinic = office.open(DAY, cause_code="non-doctor", act="非医师行医")
    with pytest.raises(discretion.DiscretionEmpty):
        propose(office, clinic)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 1, 31), "in-force"),
        (date(2025, 2, 1), "lapsed"),
        (date(2025, 4, 30), "lapsed"),
        (date(2025, 5, 1), "in-force"),
        (date(2019, 12, 31), "none"),
    ],
)
def test_a_gap_between_two_benchmarks_is_an_answer(office, day, expected):
    case = water(office)
    case.cause_code = "clinic-without-filing" if day.year > 2022 else "pp-without-licence"
    assert discretion.law_of(case, "tcm-clinic", day).benchmark == expected
    db.session.remove()


def test_who_leaves_the_tier_needs_a_reason_and_another_person(office):
    case = water(office)
    propose(office, case)
    discretion.refuse_deviation(case, [SanctionLine(SanctionKind.FINE, 200_000)])
    with pytest.raises(discretion.DeviationNotApproved):
        discretion.refuse_deviation(case, HIGH)
    with pytest.raises(discretion.DeviationUnlawful):
        beyond = [SanctionLine(SanctionKind.FINE, 500_001)]
        do(office, case, discretion.ask_deviation, beyond, "后果严重")
    with pytest.raises(discretion.DeviationStateWrong):
        do(office, case, discretion.decide_deviation, "同意", approved=True, by=office.chen)
    do(office, case, discretion.ask_deviation, HIGH, "后果严重")
    with pytest.raises(discretion.DeviationStateWrong):
        do(office, case, discretion.ask_deviation, HIGH, "后果严重")
    with pytest.raises(discretion.DeviationNeedsAnother):
        do(office, case, discretion.decide_deviation, "同意", approved=True)
    with pytest.raises(discretion.DeviationNotApproved):
        discretion.refuse_deviation(case, HIGH)
    do(office, case, discretion.decide_deviation, "同意", approved=True, by=office.chen)
    discretion.refuse_deviation(case, HIGH)
    with pytest.raises(discretion.DeviationNotApproved):
        discretion.refuse_deviation(case, [SanctionLine(SanctionKind.FINE, 400_001)])


def test_the_decision_itself_asks_for_the_approval(office):
    case = water(office)
    propose(office, case)
    lines = fine(400_000, warning=False)
    office.until(case, "file", "collect", "conclude", on=DAY)
    office.step(case, "notify", DAY, lines=lines)
    with pytest.raises(discretion.DeviationNotApproved):
        office.step(case, "decide", date(2026, 3, 16))


@pytest.mark.past_the_services
def test_past_decisions_lie_before_the_reviewer_and_an_outlier_is_told(office, make):
    case, client = water(office), make.signed_in(Role.LEGAL_REVIEWER)
    for place, amount in enumerate((60_000, 60_000, 70_000, 80_000, 80_000)):
        other = water(office)
        propose(office, other)
        with transaction():
            own = db.session.get_one(PenaltyCase, other.id)
            own.decided_on, own.fine_fen = DAY, amount
            own.decision_number = f"罚〔2026〕{place}号"
            own.sanctions = [_row(amount)]
    propose(office, case)
    found = like_cases.likeness_of(case, DAY, 120_000)
    assert found.spread is not None
    assert (found.spread.count, found.spread.least, found.spread.most) == (5, 60_000, 80_000)
    assert (found.spread.lower, found.spread.median, found.spread.upper) == (60_000, 70_000, 80_000)
    assert (found.outlier, len(found.cases)) == (True, 5)
    assert like_cases.likeness_of(case, DAY, 110_000).outlier is False

    db.session.remove()
    shown = client.get(f"/api/v1/cases/{case.id}/like-cases?fine_fen=120000").json
    assert (shown["outlier"], shown["measure"], shown["spread"]["count"]) == (True, "amount", 5)
    assert client.get(f"/api/v1/cases/{case.id}/discretion").json["level"] == "base"
    assert client.get(f"/api/v1/cases/{new_id()}/like-cases").status_code == 404


def _row(amount):
    return CaseSanction.of(SanctionLine(SanctionKind.FINE, amount))


def test_a_deviation_is_asked_for_and_approved_over_http(office, make):
    case = water(office)
    asking, approving = make.signed_in(Role.OFFICER), make.signed_in(Role.SUPERVISOR)
    path = f"/api/v1/cases/{case.id}/discretion"
    made = asking.post(path, json={"circumstances": ["serious-harm"]})
    assert (made.status_code, made.json["tier_code"]) == (201, "drinking-water-heavier")
    wanted = {"lines": fine(20_000, warning=False), "reason": "首次且及时改正"}
    asked = asking.post(f"{path}/deviation", json=wanted)
    assert asked.json["deviation_state"] == "asked", asked.json
    answer = {"approved": False, "answer": "情节不符"}
    refused = approving.post(f"{path}/deviation/decide", json=answer)
    assert refused.json["deviation_state"] == "refused"
