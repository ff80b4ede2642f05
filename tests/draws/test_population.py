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
from tests.chance import chance as seeded

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
        "exclusions": {*Exclusion, "pending-case", "unobtrusive"},
        "labels": {"pending-case": "pending-case", "unobtrusive": "unobtrusive"},
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
        ({"capped_specialties": {"public-places"}}, Exclusion.FREQUENCY_CAP),
        ({"capped_specialties": {"school-health"}}, None),
        ({"labels": {"pending-case"}}, "pending-case"),
        ({"labels": {"unobtrusive"}}, "unobtrusive"),
        ({"labels": {"another"}}, None),
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


REASONS: list[dict[str, Any]] = [
    {"state": "suspended"},
    {"opened_on": ON},
    {"open_specialties": {"public-places"}},
    {"drawn_specialties": {"public-places"}},
    {"capped_specialties": {"public-places"}},
    {"labels": {"pending-case"}},
    {"labels": {"unobtrusive"}},
]
EVERY_CODE = {*Exclusion, "pending-case", "unobtrusive"}


def test_a_reason_counts_only_where_the_plan_chose_it() -> None:
    reached = set()
    for values in REASONS:
        reason = listed(unit(**values))[0].reason
        reached.add(reason)
        assert listed(unit(**values), exclusions=EVERY_CODE - {reason})[0].weight == 10
        assert listed(unit(**values), exclusions={reason})[0].weight == 0
    assert reached == {str(code) for code in EVERY_CODE}, "every reason is reachable"


def test_exclusions_never_lower_the_base_or_the_number_due() -> None:
    chance = seeded(2026)
    for _ in range(50):
        units = [
            unit(f"U{n}", **(chance.choice(REASONS) if chance.random() < 0.4 else {}))
            for n in range(chance.randrange(1, 40))
        ]
        ratio = [chance.randrange(1, 20), 20]
        chosen = {code for code in EVERY_CODE if chance.random() < 0.5}
        rows = [
            population.freeze(
                listed(*units, exclusions=exclusions),
                TWO,
                [],
                strata=[LODGING],
                rules={LODGING.name: ratio},
                team_size=2,
            ).strata[0]
            for exclusions in (set(), chosen)
        ]
        free, some = rows
        assert some.listed == free.listed == len(units)
        due = -(-len(units) * ratio[0] // ratio[1])
        assert some.drawn == min(due, some.eligible)
        assert some.eligible + sum(some.excluded.values()) == some.listed


# ---- frequency cap -------------------------------------------------------------------------------

DAYS = [date(2026, 2, 3), date(2026, 2, 3), date(2026, 8, 1)]


@pytest.mark.parametrize(
    ("period", "cutoff_on", "since"),
    [
        ("calendar-year", date(2026, 11, 20), date(2026, 1, 1)),
        ("rolling-year", date(2026, 11, 20), date(2025, 11, 21)),
        ("calendar-year", date(2025, 12, 31), date(2026, 1, 1)),
    ],
)
def test_a_cap_counts_from_its_period_to_the_cutoff(
    period: str, cutoff_on: date, since: date
) -> None:
    setting = {"visits": 2, "scope": "agency"}
    cap = population.cap_of(setting, period, draw_on=date(2026, 11, 21), cutoff_on=cutoff_on)
    assert cap == population.Cap(2, False, since, cutoff_on)


def used_up(visits: int, *, by_specialty: bool = False, until: date = ON) -> set[str]:
    cap = population.Cap(visits, by_specialty, date(2026, 1, 1), until)
    entries = [
        ("public-places", DAYS[0]),
        ("school-health", DAYS[1]),
        ("public-places", DAYS[2]),
        ("public-places", date(2025, 12, 31)),
    ]
    return set(population.capped(entries, cap, {"public-places", "school-health"}))


def test_visits_of_one_day_are_one_entry() -> None:
    assert used_up(2) == {"public-places", "school-health"}
    assert used_up(3) == set(), "two specialties on one day count once, last year does not"


def test_a_cap_may_count_each_specialty_by_itself() -> None:
    assert used_up(2, by_specialty=True) == {"public-places"}
    assert used_up(1, by_specialty=True) == {"public-places", "school-health"}


def test_what_happened_after_the_cutoff_does_not_count() -> None:
    assert used_up(2, until=date(2026, 7, 31)) == set()


# ---- ratios by grade -----------------------------------------------------------------------------

GRADES = Factor("credit-grade", {"A": 1, "B": 2, "C": 3, "D": 4})
BY_GRADE = {"A": [5, 100], "B": [10, 100], "C": [20, 100], "D": [1, 1]}


def test_a_ratio_by_grade_becomes_one_by_weight() -> None:
    rules = {LODGING.name: BY_GRADE, SCHOOLS.name: 3}
    assert population.by_weight(rules, [GRADES]) == {
        LODGING.name: {"1": [5, 100], "2": [10, 100], "3": [20, 100], "4": [1, 1]},
        SCHOOLS.name: 3,
    }


@pytest.mark.parametrize(
    ("rule", "weights"),
    [
        ({"A": [5, 100], "B": [10, 100]}, {"A": 1, "B": 1}),
        ({"A": [5, 100], "E": [10, 100]}, {"A": 1, "B": 2}),
    ],
)
def test_grades_that_cannot_be_told_apart_are_refused(rule: Any, weights: Any) -> None:
    with pytest.raises(PlanIncomplete):
        population.by_weight({LODGING.name: rule}, [Factor("credit", weights)])
    with pytest.raises(PlanIncomplete):
        population.by_weight({LODGING.name: BY_GRADE}, [GRADES, RISK])


def test_grades_of_one_weight_may_share_one_ratio() -> None:
    rule = {"A": [5, 100], "B": [5, 100], "C": [1, 1]}
    factor = Factor("credit", {"A": 1, "B": 1, "C": 2})
    assert population.by_weight({LODGING.name: rule}, [factor])[LODGING.name] == {
        "1": [5, 100],
        "2": [1, 1],
    }


def test_the_number_due_of_each_grade_is_rounded_up() -> None:
    chance = seeded(2026)
    for _ in range(50):
        sizes = {grade: chance.randrange(0, 30) for grade in "ABCD"}
        units = [
            unit(f"{grade}{n}", classes={"credit-grade": grade})
            for grade, size in sizes.items()
            for n in range(size)
        ]
        ratios = {grade: [chance.randrange(0, 11), 10] for grade in "ABCD"}
        row = population.freeze(
            listed(*units, factors=[GRADES], unrated={"credit-grade": "B"}),
            TWO,
            [],
            strata=[LODGING],
            rules=population.by_weight({LODGING.name: ratios}, [GRADES]),
            team_size=2,
            grades={LODGING.name: set(ratios)},
        ).strata[0]
        due = {grade: -(-sizes[grade] * num // den) for grade, (num, den) in ratios.items()}
        assert row.drawn == sum(due.values())
        found = {one.weight: one.expected for one in population.shares(row)}
        assert found == {GRADES.weights[grade]: due[grade] for grade in due if sizes[grade]}


def test_a_grade_that_occurs_and_has_no_ratio_is_refused_with_its_units() -> None:
    rule = {"A": [5, 100], "B": [5, 100]}
    factor = Factor("credit", {"A": 1, "B": 1, "C": 1})
    units = [unit("U1", classes={"credit": "C"}), unit("U2", classes={"credit": "A"})]
    found = population.freeze(
        listed(*units, factors=[factor], unrated={}),
        TWO,
        [],
        strata=[LODGING],
        rules=population.by_weight({LODGING.name: rule}, [factor]),
        team_size=2,
        grades={LODGING.name: set(rule)},
    ).shortfalls
    assert [(one.code, one.units, one.blocking) for one in found] == [
        ("grade-without-ratio", ["U1"], True)
    ], "although its weight has one"


# ---- chances and sets ----------------------------------------------------------------------------


def test_shares_are_exact_and_sum_to_the_number_due() -> None:
    row = frozen(3, [10, 10, 20, 20, 20, 0], TWO, []).strata[0]
    shares = population.shares(row)
    assert [(one.weight, one.units, str(one.expected), str(one.chance)) for one in shares] == [
        (10, 2, "3/4", "3/8"),
        (20, 3, "9/4", "3/4"),
    ]
    whole = population.shares(frozen(4, [10, 10, 10, 900], TWO, []).strata[0])
    assert [(one.weight, str(one.expected)) for one in whole] == [(10, "3"), (900, "1")]
    nothing = population.shares(frozen(0, [10], TWO, []).strata[0])
    assert [str(one.expected) for one in nothing] == ["0"]


def test_a_unit_nobody_can_go_to_is_named_with_who_is_left() -> None:
    bars = [Bar(LODGING.name, f"U{n:02d}", "P1", "recusal") for n in range(25)]
    units = [Listed(f"U{n:02d}", LODGING.name, 10, None) for n in range(30)]
    found = population.freeze(
        units, TWO, bars, strata=[LODGING], rules={LODGING.name: 1}, team_size=2
    ).blocking
    assert [(one.code, one.unit_count, one.officers) for one in found] == [
        ("unit-uncovered", 25, ["P2"])
    ]
    assert found[0].units == [f"U{n:02d}" for n in range(20)], "the first twenty"


def test_too_little_room_for_any_selection_names_the_officers() -> None:
    narrow = [officer("P1", room=1), officer("P2", room=1), officer("P3", SCHOOLS.name, room=9)]
    (short,) = frozen(2, [10, 10, 10], narrow, []).shortfalls
    assert (short.code, short.officers, short.units) == ("room-short", ("P1", "P2"), ())


def test_too_few_leads_for_the_number_due_are_found_although_places_suffice() -> None:
    names = frozenset({LODGING.name})
    lead = Officer("P1", 0, 1, names, names)
    others = [Officer(f"P{n}", 0, 9, names, frozenset()) for n in range(2, 5)]
    (short,) = frozen(2, [10, 10, 10], [lead, *others], []).shortfalls
    assert (short.code, "P1" in short.officers) == ("room-short", True)


def test_a_selection_that_may_be_short_of_people_is_told_with_its_units() -> None:
    people = [officer("P1", room=1), officer("P2", room=1), officer("P3", room=9)]
    bars = [Bar(LODGING.name, f"U{n}", "P3", "recusal") for n in (0, 1)]
    found = frozen(2, [10, 10, 10, 10], [*people, officer("P4", room=9)], bars).shortfalls
    assert found == []
    bars += [Bar(LODGING.name, f"U{n}", "P4", "recusal") for n in (0, 1)]
    (may,) = frozen(2, [10, 10, 10, 10], [*people, officer("P4", room=9)], bars).shortfalls
    assert (may.code, may.units, may.officers, may.blocking) == (
        "room-may-be-short",
        ["U0", "U1"],
        ["P1", "P2"],
        False,
    )
