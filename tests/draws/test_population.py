"""Who is on the list with which weight, and what a plan cannot have."""

from datetime import date, timedelta
from typing import Any

import pytest

from app.draws import population
from app.draws.eligibility import Bar, Officer
from app.draws.population import (
    Exclusion,
    LastTeam,
    Listed,
    OfficerRow,
    StratumCode,
    Terms,
    UnitRow,
)
from app.draws.rules import Factor, PlanIncomplete

ON = date(2026, 11, 21)
LODGING = StratumCode("公共场所/住宿场所", "public-places", "lodging")
PLACES = StratumCode("公共场所", "public-places", None)
SCHOOLS = StratumCode("学校卫生", "school-health", None)
RISK = Factor("risk", {"A": 10, "B": 15})


def unit(number: str = "U1", **values: Any) -> UnitRow:
    given: dict[str, Any] = {
        "state": "in-operation",
        "opened_on": None,
        "classes": {"risk": "A"},
        "registrations": [("public-places", "lodging")],
    }
    return UnitRow(number, **{**given, **values})


def listed(*units: UnitRow, strata: tuple[StratumCode, ...] = (LODGING,), **values: Any) -> Any:
    given: dict[str, Any] = {
        "strata": strata,
        "factors": [RISK],
        "unrated": {"risk": "B"},
        "exclusions": frozenset(Exclusion),
        "grace": timedelta(days=30),
        "on": ON,
    }
    return population.list_units(units, Terms(**{**given, **values}))


def test_a_registration_counts_in_its_class_else_in_its_specialty() -> None:
    both = unit(registrations=[("public-places", "lodging"), ("public-places", "swimming")])
    assert [one.stratum for one in listed(both, strata=(LODGING, PLACES))] == [
        "公共场所",
        "公共场所/住宿场所",
    ]
    assert [one.stratum for one in listed(both, strata=(PLACES, SCHOOLS))] == ["公共场所"]
    assert listed(both, strata=(SCHOOLS,)) == []


def test_weight_is_the_product_and_an_unrated_unit_counts_as_the_catalogue_says() -> None:
    credit = Factor("credit", {"A": 1, "C": 2})
    rated = unit(classes={"risk": "A", "credit": "C"})
    unrated = unit(classes={"risk": None, "credit": "A"})
    assert listed(rated, factors=[RISK, credit])[0].weight == 20
    assert listed(unrated, factors=[RISK, credit])[0].weight == 15
    assert listed(rated, factors=[])[0].weight == 1


def test_a_class_without_multiplier_is_refused_with_the_unit() -> None:
    with pytest.raises(PlanIncomplete) as refused:
        listed(unit("U7", classes={"risk": "E"}))
    assert refused.value.extras == {"archive_no": "U7"}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, None),
        ({"state": "notified"}, None),
        ({"state": "suspended"}, Exclusion.NOT_OPERATING),
        ({"state": "announced"}, Exclusion.NOT_OPERATING),
        ({"opened_on": ON - timedelta(days=29)}, Exclusion.NEWLY_OPENED),
        ({"opened_on": ON - timedelta(days=30)}, None),
        ({"open_specialties": {"public-places"}}, Exclusion.OPEN_TASK),
        ({"open_specialties": {"school-health"}}, None),
        ({"drawn_specialties": {"public-places"}}, Exclusion.DRAWN_THIS_YEAR),
    ],
)
def test_every_exclusion_has_its_reason_and_keeps_the_unit_listed(
    values: dict[str, Any], reason: str | None
) -> None:
    row = listed(unit(**values))[0]
    assert row.reason == reason
    assert (row.weight == 0) is (reason is not None)


@pytest.mark.parametrize("state", ["cancelled", "revoked", "force-cancelled", "withdrawn"])
def test_what_ended_for_ever_is_not_listed(state: str) -> None:
    assert listed(unit(state=state)) == []


def test_a_plan_may_draw_the_same_unit_twice_a_year() -> None:
    again = unit(drawn_specialties={"public-places"})
    assert (
        listed(again, exclusions=frozenset(Exclusion) - {Exclusion.DRAWN_THIS_YEAR})[0].weight == 10
    )


def test_room_is_what_the_limit_leaves() -> None:
    rows = [OfficerRow("P1", {"public-places"}, {"public-places", "school-health"}, 3)]
    officer = population.list_officers(rows, [LODGING, SCHOOLS], 5)[0]
    assert (officer.base, officer.room) == (3, 2)
    assert officer.takes == officer.leads == {"公共场所/住宿场所"}, "leads only where he takes part"
    assert population.list_officers(rows, [LODGING], 2)[0].room == 0
    assert population.list_officers(rows, [LODGING], None)[0].room is None


def officer(certificate: str, *strata: str, room: int | None = None) -> Officer:
    names = frozenset(strata or (LODGING.name,))
    return Officer(certificate, 0, room, names, names)


def test_bars_name_only_who_could_go_at_all() -> None:
    units = [Listed("U1", LODGING.name, 10, None), Listed("U2", LODGING.name, 0, "open-task")]
    bars = population.list_bars(
        units,
        [officer("P1"), officer("P2"), officer("P3", SCHOOLS.name)],
        [LODGING, SCHOOLS],
        recusals={("P1", "U1"), ("P3", "U1"), ("P9", "U1")},
        away={"P2"},
        last_teams=[LastTeam("U1", "public-places", ["P1", "P2"], "P2")],
    )
    assert set(bars) == {
        Bar(LODGING.name, "U1", "P1", "recusal"),
        Bar(LODGING.name, "U1", "P1", "last-team"),
        Bar(LODGING.name, "U1", "P2", "absence"),
        Bar(LODGING.name, "U1", "P2", "last-team"),
        Bar(LODGING.name, "U1", "P2", "last-lead"),
        Bar(LODGING.name, "U2", "P2", "absence"),
    }


def frozen(rule: Any, weights: list[int], officers: list[Officer], bars: list[Bar]) -> Any:
    units = [Listed(f"U{n}", LODGING.name, weight, None) for n, weight in enumerate(weights)]
    return population.freeze(
        units, officers, bars, strata=[LODGING], rules={LODGING.name: rule}, team_size=2
    )


TWO = [officer("P1"), officer("P2")]


def test_a_ratio_is_of_all_listed_and_rounded_up() -> None:
    row = frozen([25, 100], [10, 10, 0, 20, 20], TWO, []).strata[0]
    assert (row.listed, row.eligible, row.drawn) == (5, 4, 2)
    assert row.weights == {10: 2, 20: 2}


@pytest.mark.parametrize(
    ("rule", "weights", "officers", "bars", "code", "blocking"),
    [
        (3, [], TWO, [], "stratum-empty", False),
        (3, [10, 0, 0], TWO, [], "fewer-than-wanted", False),
        ({"10": [1, 2]}, [10, 20], TWO, [], "class-without-ratio", True),
        (1, [10], TWO[:1], [], "unit-uncovered", True),
        (1, [10], TWO, [Bar(LODGING.name, "U0", "P1", "recusal")], "unit-uncovered", True),
        (2, [10, 10], [officer("P1", room=1), officer("P2", room=1)], [], "room-short", False),
    ],
)
def test_what_a_plan_cannot_have_is_said_before_the_seed(
    rule: Any,
    weights: list[int],
    officers: list[Officer],
    bars: list[Bar],
    code: str,
    blocking: bool,
) -> None:
    found = frozen(rule, weights, officers, bars).shortfalls
    assert [(one.code, one.blocking) for one in found] == [(code, blocking)]


def test_rotation_alone_never_makes_a_plan_infeasible() -> None:
    bars = [Bar(LODGING.name, "U0", one.certificate, "last-team") for one in TWO]
    assert frozen(1, [10], TWO, bars).shortfalls == []
