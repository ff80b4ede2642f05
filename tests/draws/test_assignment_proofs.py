"""The assignment is complete, fair and uniform: judged by a flow, by counting, by enumeration.

Where a check rests on chance, the same check must fail for the start without the walk.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import sqrt
from typing import NamedTuple

import pytest

from app.draws.assignment import (
    Assignment,
    AssignmentStuck,
    TaskUncovered,
    assign,
    repeat_assignment,
)
from app.draws.eligibility import REASONS, TOP_LEVEL, Bar, Eligibility, Eligible, Need, Officer
from tests.chance import Chance, chance
from tests.draws.teams import Teams, best, is_deficient, optimal, row, staff, teams_of

SEEDS = [hashlib.sha256(f"tv{n}".encode()).digest() for n in range(6_000)]
NAMES = ("公共场所", "医疗机构", "学校")


class Plan(NamedTuple):
    officers: list[Officer]
    rows: list[Eligible]


# ---- complete and least, against a flow ----------------------------------------------------------


def some(dice: Chance, names: Sequence[str], least: int) -> frozenset[str]:
    return frozenset(dice.sample(names, dice.randint(least, len(names))))


def tight_plans() -> Iterable[Plan]:
    """Yield 400 plans of up to 40 tasks and 15 officers whose places just suffice, or do not."""
    dice = chance(3)
    for _ in range(400):
        count = dice.randint(3, 15)
        names = [f"3101{n:04}" for n in range(count)]
        rows = []
        for n in range(dice.randint(1, 40)):
            takes = some(dice, names, 3) if dice.random() < 0.4 else some(dice, names[:4], 3)
            leads = frozenset(dice.sample(sorted(takes), dice.randint(1, 2)))
            rows.append(Eligible(Need("学校", f"U{n:02}", dice.randint(1, 3)), takes, leads, 1))
        share = sum(one.need.size for one in rows) * dice.uniform(1.0, 2.5) / count
        officers = [
            Officer(
                name,
                dice.randint(0, 4),
                None if dice.random() < 0.25 else round(share * dice.uniform(0.5, 1.5)),
                frozenset(["学校"]),
                frozenset(["学校"]),
            )
            for name in names
        ]
        yield Plan(officers, rows)


def squares(assignment: Assignment) -> int:
    return sum(load * load for load in assignment.loads.values())


def check_rules(plan: Plan, assignment: Assignment) -> None:
    """Assert the hard rules of every team, and that loads and room are what the teams make."""
    rows, new = {row.need: row for row in assignment.rows}, Counter[str]()
    assert len(assignment.teams) == len(rows) == len(plan.rows)
    for team in assignment.teams:
        line = next(row for row in rows.values() if (team.stratum, team.id) == row.need[:2])
        members = {team.lead, *team.others}
        assert len(members) == 1 + len(team.others) == line.need.size
        assert members <= line.takes
        assert team.lead in line.leads
        new.update(members)
    for one in plan.officers:
        raised = assignment.raised.get(one.certificate, 0)
        left = None if one.room is None else one.room + raised - new[one.certificate]
        assert left is None or left >= 0
        assert assignment.room[one.certificate] == left
        assert assignment.loads[one.certificate] == one.base + new[one.certificate]


def test_in_400_tight_plans_all_are_filled_whenever_a_flow_fills_them_and_with_the_same_squares():
    verdicts = Counter[bool]()
    for plan, x in zip(tight_plans(), SEEDS, strict=False):
        flow = best(plan.officers, plan.rows)
        possible = flow.filled == sum(one.need.size for one in plan.rows)
        verdicts[possible] += 1
        if possible:
            for sweeps in (0, 3):
                assignment = repeat_assignment(x, plan.officers, plan.rows, sweeps=sweeps)
                check_rules(plan, assignment)
                assert squares(assignment) == flow.squares
                assert not assignment.raised
            continue
        with pytest.raises(AssignmentStuck) as caught:
            repeat_assignment(x, plan.officers, plan.rows)
        stuck = caught.value
        assert is_deficient(plan.officers, stuck.rows, stuck.officers)
        assert best(plan.officers, stuck.rows).filled < sum(one.need.size for one in stuck.rows)
    assert min(verdicts[True], verdicts[False]) > 100


# ---- recusal and rotation ------------------------------------------------------------------------


class Barred(NamedTuple):
    officers: list[Officer]
    needs: list[Need]
    bars: list[Bar]


def barred_plans(count: int) -> Iterable[Barred]:
    dice = chance(11)
    for _ in range(count):
        names = [f"3101{n:04}" for n in range(dice.randint(4, 10))]
        officers = []
        for name in names:
            takes = some(dice, NAMES, 2)
            room = dice.choice([None, 2, 4, 6])
            officers.append(Officer(name, dice.randint(0, 2), room, takes, some(dice, NAMES, 0)))
            officers[-1] = Officer(name, officers[-1].base, room, takes, officers[-1].leads & takes)
        needs = [
            Need(dice.choice(NAMES), f"U{n:02}", dice.choice([2, 2, 2, 1, 3]))
            for n in range(dice.randint(1, 14))
        ]
        bars = [
            Bar(need.stratum, need.id, name, dice.choice(REASONS))
            for need in needs
            for name in names
            if dice.random() < 0.25
        ]
        yield Barred(officers, needs, bars)


def check_bars(given: Barred, assignment: Assignment) -> None:
    """Assert what the bars forbid at the published level of each unit."""
    levels = {row.need[:2]: row.level for row in assignment.rows}
    teams = {(team.stratum, team.id): team for team in assignment.teams}
    for bar in given.bars:
        team = teams[bar[:2]]
        comes = bar.certificate in (team.lead, *team.others)
        if bar.reason == "last-lead":
            assert team.lead != bar.certificate or levels[bar[:2]] == TOP_LEVEL
        else:
            assert not comes or (bar.reason == "last-team" and levels[bar[:2]] > 1)
    known = {one.certificate: one for one in given.officers}
    for team in assignment.teams:
        assert team.stratum in known[team.lead].leads
        assert all(team.stratum in known[one].takes for one in team.others)


def test_recusal_and_absence_always_hold_and_rotation_falls_only_where_it_must():
    met = Counter[str]()
    for given, x in zip(barred_plans(400), SEEDS, strict=False):
        eligibility = Eligibility(given.officers, given.bars)
        lowest = [eligibility.lowest(need) for need in given.needs]
        if None in lowest:
            met["uncovered"] += 1
            with pytest.raises(TaskUncovered):
                assign(x, given.officers, given.needs, given.bars)
            continue
        assignment = assign(x, given.officers, given.needs, given.bars)
        rows = [one for one in lowest if one is not None]
        check_bars(given, assignment)
        check_rules(Plan(given.officers, rows), assignment)

        filled = best(given.officers, rows).filled
        suffices = filled == sum(need.size for need in given.needs)
        relaxed = {row.need: row.level for row in assignment.rows} != {
            row.need: row.level for row in rows
        }
        assert suffices == (not relaxed and not assignment.raised)
        if assignment.raised:  # only for units whose rotation has fallen altogether
            top = [row for row in assignment.rows if row.level == TOP_LEVEL]
            assert best(given.officers, top).filled < sum(row.need.size for row in top)
        met.update(suffices=suffices, relaxed=relaxed, raised=bool(assignment.raised))
    assert min(met[one] for one in ("uncovered", "suffices", "relaxed", "raised")) > 20


# ---- uniform -------------------------------------------------------------------------------------

SKILLS = [
    row("a", "U0", "0123", "01"),
    row("a", "U1", "0123", "01"),
    row("b", "U2", "1234", "34"),
    row("b", "U3", "01234", "24"),
]
RECUSAL = [
    row("a", "U0", "012", "012"),
    row("a", "U1", "123", "1"),
    row("b", "U2", "234", "34"),
    row("b", "U3", "034", "04"),
]


class Enumerable(NamedTuple):
    """A plan small enough to try everything.

    How far from uniform over the seeds: perfect chance (`noise`), the start alone, and the walk.
    """

    plan: Plan
    solutions: int
    noise: float
    start: float
    walk: float


ENUMERABLE = {
    "free": Enumerable(
        Plan(staff([0] * 4, [None] * 4), [row("s", f"U{n}", "0123", "0123") for n in range(3)]),
        90,
        0.051,
        0.140,
        0.050,
    ),
    "skills": Enumerable(Plan(staff([0] * 5, [None] * 5), SKILLS), 223, 0.079, 0.171, 0.081),
    "recusal": Enumerable(Plan(staff([0] * 5, [None] * 5), RECUSAL), 25, 0.025, 0.109, 0.027),
    "unequal loads and rooms": Enumerable(
        Plan(staff([2, 0, 0, 1, 0], [None, 2, None, 1, None]), SKILLS), 25, 0.025, 0.279, 0.020
    ),
}


NAMINGS = {
    "as they are": {f"P{n}": f"P{n}" for n in range(5)},
    "turned round": {f"P{n}": f"P{4 - n}" for n in range(5)},
    "numbers": {f"P{n}": f"{310105009 - 3 * n % 7}" for n in range(5)},
}


def drawn(
    name: str, sweeps: int, naming: str = "as they are", times: int = len(SEEDS)
) -> Counter[Teams]:
    """Return how often each assignment is drawn; the officers are renamed, and named back."""
    names = NAMINGS[naming]
    back = {new: old for old, new in names.items()}
    officers, rows = renamed(ENUMERABLE[name].plan, names)
    counts = Counter[Teams]()
    for x in SEEDS[:times]:
        teams = teams_of(repeat_assignment(x, officers, rows, sweeps=sweeps), rows)
        counts[tuple(frozenset(back[one] for one in team) for team in teams)] += 1
    return counts


def renamed(plan: Plan, names: Mapping[str, str]) -> Plan:
    def those(old: Iterable[str]) -> frozenset[str]:
        return frozenset(names[name] for name in old)

    return Plan(
        [
            Officer(names[one.certificate], one.base, one.room, one.takes, one.leads)
            for one in plan.officers
        ],
        [Eligible(one.need, those(one.takes), those(one.leads), one.level) for one in plan.rows],
    )


def distance(counts: Mapping[Teams, int], fair: Iterable[Teams]) -> float:
    """Return the total variation between the drawn assignments and all fair ones alike."""
    fair, times = set(fair), sum(counts.values())
    assert counts.keys() <= fair
    return sum(abs(counts.get(teams, 0) / times - 1 / len(fair)) for teams in fair) / 2


@pytest.mark.parametrize("name", ENUMERABLE)
def test_every_fair_assignment_is_as_likely_as_any_other(name: str):
    case = ENUMERABLE[name]
    fair = optimal(*case.plan)

    found = distance(drawn(name, 100), fair)

    assert len(fair) == case.solutions
    assert found < case.noise + 0.02
    assert found == pytest.approx(case.walk, abs=0.0006)


@pytest.mark.parametrize("name", ENUMERABLE)
def test_the_start_without_the_walk_would_be_noticed(name: str):
    case = ENUMERABLE[name]

    found = distance(drawn(name, 0), optimal(*case.plan))

    assert found > case.noise + 0.02 + 0.05
    assert found == pytest.approx(case.start, abs=0.0006)


@pytest.mark.parametrize("name", ENUMERABLE)
def test_perfect_chance_shows_the_noise_that_is_allowed_for(name: str):
    case, dice = ENUMERABLE[name], chance(1)
    fair = list(optimal(*case.plan))

    found = [distance(Counter(dice.choices(fair, k=len(SEEDS))), fair) for _ in range(5)]

    assert sum(found) / 5 == pytest.approx(case.noise, abs=0.008)


# ---- names of officers ---------------------------------------------------------------------------


def worst_marginal(name: str, counts: Mapping[Teams, int]) -> float:
    """Return the largest |z| of "this officer goes to this unit" against all fair assignments."""
    plan, times = ENUMERABLE[name].plan, sum(counts.values())
    fair, worst = optimal(*plan), 0.0
    for t, one in enumerate(plan.rows):
        for officer in one.takes:
            p = Fraction(sum(officer in teams[t] for teams in fair), len(fair))
            went = sum(count for teams, count in counts.items() if officer in teams[t])
            off, spread = abs(float(went - times * p)), sqrt(times * p * (1 - p))
            worst = max(worst, off / spread if spread else off * times)
    return worst


@pytest.mark.parametrize("naming", ["turned round", "numbers"])
@pytest.mark.parametrize("name", ["recusal", "unequal loads and rooms"])
def test_other_certificate_numbers_change_no_frequency(name: str, naming: str):
    assert worst_marginal(name, drawn(name, 100, naming, 1_000)) < 4.5


@pytest.mark.parametrize("naming", NAMINGS)
def test_a_start_that_prefers_some_officers_would_be_noticed(naming: str):
    name = "unequal loads and rooms"

    assert worst_marginal(name, drawn(name, 0, naming)) > 15


def test_each_of_those_who_may_lead_leads_as_often_as_the_others():
    plan, times = ENUMERABLE["free"].plan, 3_000
    leads = Counter[str]()
    for x in SEEDS[:times]:
        leads.update(team.lead for team in repeat_assignment(x, *plan, sweeps=0).teams)

    slots = times * len(plan.rows)
    assert all(abs(leads[f"P{n}"] - slots / 4) < 4.5 * sqrt(slots * 3 / 16) for n in range(4))
