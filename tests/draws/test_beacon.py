"""Beacon draws: the round is named before anybody can know it, two people type what it showed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.access import Actor, Role
from app.db import transaction
from app.draws import plans, reading, seeding, service, stages, steps, verify_draw
from app.draws.models import DrawPlan
from app.draws.rules import EntropyTooWeak
from app.draws.stages import Fallback, Level
from tests.draws.office import Office

CHAIN = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
SHOWN = "5f" * 32
LOTTERY, DICE = "lottery:ssq:2026123", "dice:20d10"
VALUES = ["03 07 11 19 25 31+08", "01234567890123456789"]


def round_after(at: datetime, hours: float) -> str:
    """The source that names the first drand round so many hours after an instant."""
    began, seconds = stages.DRAND_CHAINS[CHAIN]
    number = int((at + timedelta(hours=hours) - began).total_seconds()) // seconds + 2
    return f"beacon:drand:{CHAIN}:{number}"


@pytest.fixture
def allowed(office: Office) -> Office:
    """An office whose operator allows beacons, with its register."""
    config = office.flask_app.extensions["suicha_config"]
    config.values["BEACON_DRAWS"] = "1"
    office.register()
    return office


def announced(office: Office, *sources: str, **values: Any) -> str:
    """The number of a beacon draw whose manifest is public."""
    plan = office.make.plan(level=Level.BEACON, beacon=sources, **values)
    office.tick()
    return office.number_of(plan)


def enter(office: Office, draw_no: str, values: list[str], by: Actor) -> str:
    with office.flask_app.app_context(), transaction():
        draw = service.get_draw(draw_no, by.agency_id)
        return seeding.enter_beacon(draw, values, by=by, at=office.clock.at).state


def test_a_round_typed_by_two_people_draws_and_anybody_can_verify(
    allowed: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = round_after(allowed.clock.at, 24)
    draw_no = announced(allowed, source, reveal=stages.AT_DRAW)
    allowed.go(hours=25)
    assert enter(allowed, draw_no, [SHOWN], allowed.person(Role.AUDITOR)) == "first"
    assert SHOWN not in str(allowed.files(draw_no))
    assert enter(allowed, draw_no, [SHOWN], allowed.person(Role.SUPERVISOR)) == "sealed"
    allowed.tick()

    assert allowed.state(draw_no) == "published"
    with allowed.draw(draw_no) as draw:
        for name, content in reading.public_bundle(draw, allowed.clock.at).items():
            (tmp_path / name).write_bytes(content)
    assert verify_draw.main([str(tmp_path)]) == 0
    assert "验证通过" in capsys.readouterr().out
    page = allowed.flask_app.test_client().get(f"/public/draws/{draw_no}").text
    assert SHOWN in page
    assert source in page


def test_a_lottery_is_joined_with_dice_and_keeps_the_order_of_its_sources(allowed: Office) -> None:
    draw_no = announced(allowed, LOTTERY, DICE)
    clerk, auditor = allowed.person(Role.CLERK), allowed.person(Role.AUDITOR)

    with pytest.raises(seeding.BeaconMalformed, match="不是来源"):
        enter(allowed, draw_no, VALUES[::-1], clerk)
    with pytest.raises(seeding.BeaconMalformed, match="有 2 个"):
        enter(allowed, draw_no, VALUES[:1], clerk)
    assert enter(allowed, draw_no, VALUES, clerk) == "first"
    with pytest.raises(seeding.DiceByOnePerson):
        enter(allowed, draw_no, VALUES, clerk)
    assert enter(allowed, draw_no, VALUES, auditor) == "sealed"
    allowed.tick()

    assert allowed.state(draw_no) == "drawn"
    with allowed.draw(draw_no) as draw:
        assert seeding.unseal_chance(draw)[1] == VALUES


def test_values_that_differ_are_struck_out(allowed: Office) -> None:
    draw_no = announced(allowed, LOTTERY, DICE)
    other = [VALUES[0], "9" * 20]

    assert enter(allowed, draw_no, VALUES, allowed.person(Role.CLERK)) == "first"
    assert enter(allowed, draw_no, other, allowed.person(Role.AUDITOR)) == "rejected"
    assert allowed.state(draw_no) == "announced"


def test_without_the_operators_leave_no_plan_names_a_beacon(office: Office) -> None:
    with pytest.raises(plans.BeaconOff):
        office.make.plan(level=Level.BEACON, beacon=(LOTTERY, DICE))


def test_a_lottery_alone_is_too_little_chance(allowed: Office) -> None:
    with pytest.raises(EntropyTooWeak, match="24 比特"):
        allowed.make.plan(level=Level.BEACON, beacon=(LOTTERY,))


@pytest.mark.parametrize(
    ("level", "sources"),
    [
        (Level.BEACON, ()),
        (Level.BEACON, (DICE, DICE)),
        (Level.BEACON, ("lottery:none:2026123", DICE)),
        (Level.BEACON, ("beacon:drand:52db9ba7:1", DICE)),
        (Level.BEACON, ("明天的气温", DICE)),
        (Level.SEALED, (DICE,)),
        (Level.ATTENDED, (DICE,)),
    ],
)
def test_sources_that_cannot_be_are_refused(
    allowed: Office, level: Level, sources: tuple[str, ...]
) -> None:
    with pytest.raises(plans.PlanInvalid) as refused:
        allowed.make.plan(level=level, beacon=sources)

    assert {error["pointer"] for error in refused.value.extras["errors"]} == {"#/beacon"}


def test_a_round_that_is_known_already_holds_the_draw_before_anything_is_frozen(
    allowed: Office,
) -> None:
    draw_no = announced(allowed, round_after(allowed.clock.at, -1))

    assert allowed.state(draw_no) == "planned"
    with allowed.draw(draw_no) as draw:
        assert draw.held_code == "beacon-passed"


def test_a_round_is_not_entered_before_it_is_known(allowed: Office) -> None:
    draw_no = announced(allowed, round_after(allowed.clock.at, 24))

    with pytest.raises(steps.NotYet):
        enter(allowed, draw_no, [SHOWN], allowed.person(Role.CLERK))


def test_an_attended_draw_takes_no_beacon_and_a_beacon_draw_no_dice(allowed: Office) -> None:
    draw_no = announced(allowed, LOTTERY, DICE)
    by = allowed.person(Role.CLERK)

    with pytest.raises(steps.DrawStateWrong), allowed.flask_app.app_context(), transaction():
        draw = service.get_draw(draw_no, by.agency_id)
        seeding.enter_dice(draw, VALUES[1], by=by, at=allowed.clock.at)


def test_a_beacon_nobody_entered_falls_back_as_its_plan_said(allowed: Office) -> None:
    plan: DrawPlan = allowed.make.plan(
        level=Level.BEACON,
        beacon=(round_after(allowed.clock.at, 24),),
        fallback=Fallback.SEALED,
        dice_until_at=allowed.clock.at + timedelta(days=3),
    )
    allowed.deposits()
    allowed.tick()
    first = allowed.number_of(plan)
    allowed.go(days=4)
    second = allowed.number_of(plan)

    assert (allowed.state(first), first != second) == ("void", True)
    for hours in (1, 13, 4):
        allowed.go(hours=hours)
    assert allowed.state(second) == "drawn"


def test_the_first_round_of_quicknet_was_when_its_operators_say() -> None:
    assert stages.round_at(f"beacon:drand:{CHAIN}:1") == datetime(
        2023, 8, 23, 15, 9, 27, tzinfo=UTC
    )
    assert stages.round_at(LOTTERY) is None


@pytest.mark.parametrize(
    ("source", "text", "good"),
    [
        (f"beacon:drand:{CHAIN}:7", SHOWN, True),
        (f"beacon:drand:{CHAIN}:7", SHOWN.upper(), False),
        (f"beacon:drand:{CHAIN}:7", SHOWN[:-1], False),
        (LOTTERY, "03 07 11 19 25 31+08", True),
        (LOTTERY, "03 07\n11", False),
        ("lottery:3d:2026123", "071", True),
        (DICE, "0" * 20, True),
        (DICE, "0" * 19, False),
    ],
)
def test_a_source_shows_its_own_form(source: str, text: str, good: bool) -> None:
    assert stages.gives(source, text) is good
