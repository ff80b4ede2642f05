"""How a draw goes from plan to publication, decided over plain values."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from app.draws import stages
from app.draws.stages import Depositor, DrawState, Fallback, Level, Standing

AT = datetime(2026, 11, 21, 1, tzinfo=UTC)
AN, BO, CHEN = (UUID(int=n) for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("depositors", "enough"),
    [
        ([], False),
        ([(AN, "auditor")], False),
        ([(AN, "auditor"), (BO, "auditor")], False),
        ([(AN, "auditor"), (AN, "clerk")], False),
        ([(AN, "auditor"), (BO, "clerk")], True),
        ([(AN, "auditor"), (BO, "auditor"), (CHEN, "clerk")], True),
    ],
)
def test_two_people_of_two_roles_are_enough(
    depositors: list[tuple[UUID, str]], enough: bool
) -> None:
    assert stages.are_enough([Depositor(*one) for one in depositors]) is enough


@pytest.mark.parametrize(
    ("own", "standing", "taken"),
    [
        ([], [(AN, "auditor"), (BO, "auditor"), (CHEN, "clerk")], [0, 2]),
        ([(AN, "auditor")], [(AN, "clerk"), (BO, "auditor"), (CHEN, "clerk")], [2]),
        ([(AN, "auditor"), (BO, "clerk")], [(CHEN, "supervisor")], []),
        ([], [(AN, "auditor")], [0]),
    ],
)
def test_a_draw_takes_the_oldest_standing_deposits_it_needs(
    own: list[tuple[UUID, str]], standing: list[tuple[UUID, str]], taken: list[int]
) -> None:
    found = stages.fill_up([Depositor(*one) for one in own], [Depositor(*one) for one in standing])
    assert found == taken


def test_states_follow_one_way_and_a_result_is_never_taken_back() -> None:
    ways = {
        (before, after)
        for before in DrawState
        for after in DrawState
        if stages.may_follow(before, after)
    }
    forward = list(DrawState)[:6]
    assert ways == {
        *pairwise(forward),
        *((state, DrawState.VOID) for state in forward[:4]),
    }


def test_the_time_between_manifest_and_opening_is_never_shorter_than_planned() -> None:
    closes, opens = AT, AT + timedelta(hours=3)
    assert stages.opening_at(closes, opens, announced_at=AT) == opens
    late = AT + timedelta(hours=1)
    assert stages.opening_at(closes, opens, announced_at=late) == late + timedelta(hours=3)
    early = AT - timedelta(hours=1)
    assert stages.opening_at(closes, opens, announced_at=early) == opens


@pytest.mark.parametrize(
    ("reveal", "open_tasks", "at", "revealed"),
    [
        ("at-draw", 4, AT, True),
        ("after-last-visit", 1, AT, False),
        ("after-last-visit", 0, AT, True),
        ("2026-11-21", 4, datetime(2026, 11, 20, 15, 59, tzinfo=UTC), False),
        ("2026-11-21", 4, datetime(2026, 11, 20, 16, 0, tzinfo=UTC), True),
        ("2026-13-01", 0, datetime(2030, 1, 1, tzinfo=UTC), False),
    ],
)
def test_a_result_is_public_from_its_local_day(
    reveal: str, open_tasks: int, at: datetime, revealed: bool
) -> None:
    assert stages.is_revealed(reveal, open_tasks=open_tasks, at=at) is revealed


def test_the_second_person_acts_in_another_role_than_the_first() -> None:
    allowed = ("auditor", "clerk")
    assert stages.role_for({"clerk", "auditor"}, allowed, None) == "auditor"
    assert stages.role_for({"clerk", "auditor"}, allowed, "auditor") == "clerk"
    assert stages.role_for({"auditor"}, allowed, "auditor") is None
    assert stages.role_for({"officer"}, allowed, None) is None


@pytest.mark.parametrize(
    ("digits", "good"),
    [("0" * 20, True), ("0" * 19, False), ("0" * 21, False), ("\u0660" * 20, False), ("", False)],
)
def test_dice_are_twenty_digits(digits: str, good: bool) -> None:
    assert stages.are_dice(digits) is good


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (7, "7 家"),
        ([25, 100], "25%"),
        ([1, 3], "1/3"),
        ({"20": [1, 4], "10": [1, 10]}, "权重 10：10%；权重 20：25%"),
    ],
)
def test_a_rule_is_said_in_words(rule: Any, words: str) -> None:
    assert stages.describe_rule(rule) == words


def test_the_announced_sources_carry_the_rule_for_failure() -> None:
    assert stages.sources_of(Level.SEALED, 2) == [
        "deposit:1；无法开启的，本次抽取作废",
        "deposit:2；无法开启的，本次抽取作废",
    ]
    waits, replaced = (
        stages.sources_of(Level.ATTENDED, 0, fallback)[0]
        for fallback in (Fallback.NONE, Fallback.SEALED)
    )
    assert waits.startswith("dice:20d10；")
    assert "逾期未录入的公示为逾期" in waits
    assert "改为封存式另行抽取" in replaced


def standing(state: DrawState, **values: Any) -> Standing:
    given: dict[str, Any] = {
        "state": state,
        "level": Level.SEALED,
        "draw_on": date(2026, 11, 21),
        "deposits_close_at": AT,
        "opens_at": AT + timedelta(hours=3),
        "dice_until_at": AT + timedelta(days=7),
        "reveal": "2026-12-01",
        "deposits": 0,
        "enough": False,
        "first_dice": False,
    }
    return Standing(**{**given, **values})


@pytest.mark.parametrize(
    ("draw", "after", "code", "late"),
    [
        (standing(DrawState.PLANNED), timedelta(days=-1), "freeze", False),
        (standing(DrawState.PLANNED), timedelta(0), "freeze", True),
        (standing(DrawState.PLANNED, held="无人可派"), timedelta(0), "held", True),
        (standing(DrawState.FROZEN), timedelta(hours=-1), "deposits", False),
        (standing(DrawState.FROZEN), timedelta(0), "deposits", True),
        (standing(DrawState.FROZEN, enough=True), timedelta(hours=-1), "announce", False),
        (standing(DrawState.ANNOUNCED), timedelta(hours=2), "opening", False),
        (standing(DrawState.ANNOUNCED), timedelta(hours=3), "opening", True),
        (standing(DrawState.ANNOUNCED, level=Level.ATTENDED), timedelta(0), "dice", False),
        (standing(DrawState.ANNOUNCED, level=Level.ATTENDED), timedelta(days=7), "dice", True),
        (standing(DrawState.SEEDED), timedelta(0), "draw", False),
        (standing(DrawState.DRAWN), timedelta(days=9), "reveal", False),
        (standing(DrawState.DRAWN), timedelta(days=10), "reveal", True),
        (standing(DrawState.DRAWN, reveal="after-last-visit"), timedelta(days=99), "reveal", False),
    ],
)
def test_what_a_draw_waits_for_and_since_when_it_is_late(
    draw: Standing, after: timedelta, code: str, late: bool
) -> None:
    waiting = stages.waiting_for(draw, AT + after)
    assert waiting is not None
    assert (waiting.code, waiting.late) == (code, late)


def test_a_published_or_void_draw_waits_for_nobody() -> None:
    assert stages.waiting_for(standing(DrawState.PUBLISHED), AT) is None
    assert stages.waiting_for(standing(DrawState.VOID), AT) is None


def test_the_second_person_is_asked_for_the_same_dice() -> None:
    attended = {"level": Level.ATTENDED}
    first = stages.waiting_for(standing(DrawState.ANNOUNCED, **attended), AT)
    second = stages.waiting_for(standing(DrawState.ANNOUNCED, first_dice=True, **attended), AT)
    assert first is not None
    assert second is not None
    assert "两人" in first.detail
    assert "第二人" in second.detail
