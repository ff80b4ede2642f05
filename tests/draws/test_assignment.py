import hashlib
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.draws.assignment import (
    AssignmentStuck,
    NobodyLeft,
    TaskUncovered,
    _Walk,
    assign,
    lead_of,
    redraw_slot,
    repeat_assignment,
    write_assignment,
)
from app.draws.eligibility import Bar, Eligible, Need, Officer, write_eligible, write_officers
from app.draws.rules import DrawFileMalformed
from tests.draws.teams import STRATA, is_deficient, optimal, possible, row, staff, teams_of
from tests.draws.vectors import (
    ASSIGNMENT_SHA256,
    ELIGIBLE,
    ELIGIBLE_SHA256,
    LEVELLED_SHA256,
    OFFICERS,
    OFFICERS_SHA256,
    X,
)

SEED = bytes.fromhex(X[1])


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# ---- the published example -----------------------------------------------------------------------


def test_officers_and_eligible_have_the_published_bytes():
    assert digest(write_officers(OFFICERS)) == OFFICERS_SHA256
    assert digest(write_eligible(ELIGIBLE)) == ELIGIBLE_SHA256


@pytest.mark.parametrize(
    ("sweeps", "expected"), [(0, LEVELLED_SHA256), (100, ASSIGNMENT_SHA256)], ids=["start", "walk"]
)
def test_the_published_assignment_is_repeated_to_the_last_byte(sweeps: int, expected: str):
    assignment = repeat_assignment(SEED, OFFICERS, ELIGIBLE, sweeps=sweeps)

    assert digest(write_assignment(assignment.teams)) == expected


def test_loads_and_room_are_those_after_the_draw():
    assignment = repeat_assignment(SEED, OFFICERS, ELIGIBLE)

    assert list(assignment.loads.values()) == [3, 3, 2, 2, 1, 3]
    assert list(assignment.room.values()) == [None, None, 1, None, 0, None]
    assert assignment.raised == {}


def test_the_order_of_officers_and_units_changes_nothing():
    assert repeat_assignment(SEED, OFFICERS[::-1], ELIGIBLE[::-1]).teams == (
        repeat_assignment(SEED, OFFICERS, ELIGIBLE).teams
    )


def test_a_draw_without_units_needs_no_team():
    assert assign(SEED, OFFICERS, []).teams == []
    assert assign(SEED, [], []).teams == []


# ---- complete and optimal -----------------------------------------------------------------------


@st.composite
def tight(draw: st.DrawFn) -> tuple[list[Officer], list[Eligible]]:
    count = draw(st.integers(2, 5))
    officers = staff(
        draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)),
        draw(st.lists(st.sampled_from([0, 1, 1, 2, 3, None]), min_size=count, max_size=count)),
    )
    rows = []
    for n in range(draw(st.integers(1, 4))):
        size = draw(st.integers(1, min(3, count)))
        takes = draw(st.sets(st.integers(0, count - 1), min_size=size))
        leads = draw(st.sets(st.sampled_from(sorted(takes)), min_size=1))
        named = "".join(map(str, sorted(takes))), "".join(map(str, sorted(leads)))
        rows.append(row("s", f"U{n}", *named, size, level=1))
    return officers, rows


@settings(deadline=None, max_examples=400)
@given(tight(), st.binary(min_size=32, max_size=32))
def test_an_assignment_is_found_whenever_one_exists_and_has_the_least_squared_loads(
    case: tuple[list[Officer], list[Eligible]], x: bytes
):
    officers, rows = case
    if not list(possible(officers, rows)):
        with pytest.raises(AssignmentStuck) as caught:
            repeat_assignment(x, officers, rows)
        assert is_deficient(officers, caught.value.rows, caught.value.officers)
        return

    for sweeps in (0, 20):
        assignment = repeat_assignment(x, officers, rows, sweeps=sweeps)
        assert teams_of(assignment, rows) in optimal(officers, rows)
        for team, line in zip(assignment.teams, assignment.rows, strict=True):
            assert (team.stratum, team.id, team.lead in line.leads) == (*line.need[:2], True)


# ---- relaxing rotation ---------------------------------------------------------------------------

FOUR = staff([0] * 4, [None] * 4)
UNIT = Need("s", "U0")


def bars(**reasons: str) -> list[Bar]:
    return [Bar("s", "U0", name, reason) for name, reason in reasons.items()]


def test_with_enough_officers_the_last_team_stays_away():
    assignment = assign(SEED, FOUR, [UNIT], bars(P0="last-team", P1="last-team"))

    assert assignment.rows[0].level == 1
    assert {assignment.teams[0].lead, *assignment.teams[0].others} == {"P2", "P3"}


def test_the_last_lead_may_come_but_not_lead():
    barred = [*bars(P0="last-lead", P1="recusal", P2="recusal")]

    assignment = assign(SEED, FOUR, [UNIT], barred)

    assert (assignment.rows[0].level, assignment.teams[0].lead) == (1, "P3")
    assert assignment.teams[0].others == ("P0",)


def test_the_last_team_comes_again_where_nobody_else_is_left():
    barred = bars(P0="last-team", P1="last-team", P2="absence")

    assignment = assign(SEED, FOUR, [UNIT], barred)

    assert assignment.rows[0].level == 2
    assert assignment.rows[0].takes == {"P0", "P1", "P3"}


def test_the_last_lead_leads_again_where_nobody_else_can():
    officers = [Officer("P0", 0, None, STRATA, STRATA), Officer("P1", 0, None, STRATA, frozenset())]

    assignment = assign(SEED, officers, [UNIT], bars(P0="last-lead"))

    assert (assignment.rows[0].level, assignment.teams[0].lead) == (3, "P0")


@pytest.mark.parametrize("reason", ["recusal", "absence"])
def test_recusal_and_absence_never_fall(reason: str):
    barred = bars(P0=reason, P1=reason, P2=reason)

    with pytest.raises(TaskUncovered, match="U0") as caught:
        assign(SEED, FOUR, [UNIT], barred)

    rows = caught.value.extras["rows"]
    assert rows == [Eligible(UNIT, frozenset(["P3"]), frozenset(["P3"]), 3)]


def test_stuck_tasks_rise_together_and_rooms_only_when_all_are_at_the_top():
    officers = staff([0] * 4, [1, 1, 1, 1])
    needs = [Need("s", "U0"), Need("s", "U1"), Need("s", "U2")]
    barred = [Bar("s", f"U{n}", "P3", "last-team") for n in range(3)]

    assignment = assign(SEED, officers, needs, barred)

    assert {one.level for one in assignment.rows} == {3}
    assert sum(assignment.raised.values()) >= 2
    assert sum(assignment.loads.values()) == 6
    repeated = repeat_assignment(SEED, officers, assignment.rows)
    assert repeated.teams == assignment.teams


def test_a_stuck_task_rises_and_others_stay():
    officers = [
        *staff([0] * 3, [1, 1, None]),
        Officer("Q", 0, None, frozenset("b"), frozenset("b")),
    ]
    needs = [Need("s", "U0"), Need("s", "U1"), Need("b", "U9", 1)]
    barred = [Bar("s", "U0", "P2", "last-team"), Bar("s", "U1", "P2", "last-team")]

    assignment = assign(SEED, officers, needs, barred)

    levels = {one.need.id: one.level for one in assignment.rows}
    assert levels["U9"] == 1
    assert levels["U0"] == levels["U1"] == 2
    assert assignment.raised == {}


@pytest.mark.parametrize(
    "wrong",
    [
        row("s", "U0", "019", "0"),
        row("s", "U0", "0", "0"),
        row("s", "U0", "01", ""),
        row("s", "U0", "01", "2"),
        row("x", "U0", "01", "0"),
    ],
    ids=["unknown", "too few", "no lead", "lead not in team", "other stratum"],
)
def test_a_row_that_officers_tsv_does_not_allow_is_refused(wrong: Eligible):
    with pytest.raises(DrawFileMalformed, match="U0"):
        repeat_assignment(SEED, FOUR, [wrong])


def test_a_row_may_name_only_those_who_take_part_and_lead_in_its_stratum():
    s, other = frozenset("s"), frozenset("a")
    officers = [
        *staff([0] * 2, [None] * 2),
        Officer("P2", 0, None, s, other),
        Officer("P3", 0, None, other, s),
    ]

    repeat_assignment(SEED, officers, [row("s", "U0", "012", "01")])
    for takes, leads in (("0123", "01"), ("012", "012")):
        with pytest.raises(DrawFileMalformed, match="U0"):
            repeat_assignment(SEED, officers, [row("s", "U0", takes, leads)])


def test_who_is_stuck_is_said_in_words_and_by_name():
    officers, rows = staff([0, 0], [1, 1]), [row("s", f"U{n}", "01", "01", 2, 1) for n in range(2)]

    with pytest.raises(AssignmentStuck, match="2 项任务一共只有 2 名监督员") as caught:
        repeat_assignment(SEED, officers, rows)

    assert caught.value.officers == caught.value.extras["officers"] == ["P0", "P1"]
    assert set(caught.value.rows) == set(caught.value.extras["rows"]) == set(rows)


def test_a_word_beyond_the_last_whole_multiple_is_thrown_away():
    """With n = 3 that is the highest word alone: no draw will ever show it."""
    walk = object.__new__(_Walk)
    walk.words = iter([(1 << 64) - 1, 5, (1 << 64) - 2])

    assert walk._below(3) == 5 % 3
    assert walk._below(3) == ((1 << 64) - 2) % 3


# ---- one slot again ------------------------------------------------------------------------------

LINE = row("s", "U0", "0123", "01")


EQUAL = {f"P{n}": 1 for n in range(4)}
UNLIMITED: dict[str, int | None] = dict.fromkeys(EQUAL)


def redrawn(
    team: str = "02",
    leaving: str = "P2",
    *,
    declared: Sequence[str] = (),
    loads: Mapping[str, int] = EQUAL,
    room: Mapping[str, int | None] = UNLIMITED,
    number: int = 1,
) -> str:
    return redraw_slot(
        SEED,
        LINE,
        [f"P{one}" for one in team],
        leaving,
        declared=[leaving, *declared],
        loads=loads,
        room=room,
        number=number,
    )


def test_a_slot_is_redrawn_among_the_others():
    assert redrawn() in {"P1", "P3"}
    assert {redrawn(number=number) for number in range(1, 20)} == {"P1", "P3"}


def test_among_equals_the_smallest_lot_of_the_redraw_takes_the_slot():
    k = hashlib.sha256(SEED + b"\0assign").digest()
    for number in range(1, 9):
        lots = {
            name: hashlib.sha256(k + f"redraw\t{number}\ts\tU0\t{name}".encode()).digest()
            for name in ("P1", "P3")
        }
        assert redrawn(number=number) == min(lots, key=lambda name: lots[name])


def test_the_least_loaded_takes_the_slot():
    assert redrawn(loads={"P0": 0, "P1": 4, "P2": 0, "P3": 3}) == "P3"


def test_who_declared_before_or_has_no_room_does_not_come():
    assert redrawn(declared=["P1"]) == "P3"
    assert redrawn(room={"P0": None, "P1": 1, "P2": None, "P3": 0}) == "P1"


def test_a_leaving_lead_is_followed_by_one_who_may_lead():
    assert {redrawn("02", "P0", number=number) for number in range(1, 20)} == {"P1"}
    assert {redrawn("01", "P0", number=number) for number in range(1, 20)} == {"P2", "P3"}


def test_where_nobody_is_left_the_redraw_says_so():
    with pytest.raises(NobodyLeft):
        redrawn("02", "P0", declared=["P1"])


def test_the_lead_of_a_team_is_drawn_among_those_who_may():
    assert lead_of(SEED, LINE, ["P0", "P3"]) == "P0"
    leads = {lead_of(hashlib.sha256(bytes([n])).digest(), LINE, ["P0", "P1"]) for n in range(20)}
    assert leads == {"P0", "P1"}


def test_the_drawn_lead_is_the_lead_of_his_team():
    assignment = repeat_assignment(SEED, OFFICERS, ELIGIBLE)

    for team, line in zip(assignment.teams, assignment.rows, strict=True):
        assert lead_of(SEED, line, [team.lead, *team.others]) == team.lead
