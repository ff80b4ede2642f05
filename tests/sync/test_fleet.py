"""Who goes out in a simulated fleet."""

from typing import Any

import pytest

from sync.simulate.fleet import choose
from sync.simulate.line import GaveUp


def task(number: int, lead: str, mate: str) -> dict[str, Any]:
    team = [{"officer_id": lead}, {"officer_id": mate}]
    return {"id": f"{number:04d}", "lead_officer_id": lead, "team": team}


APART = [
    task(1, "a", "v"),
    task(2, "b", "w"),
    task(3, "b", "z"),
    task(4, "c", "x"),
    task(5, "d", "y"),
]


def test_who_leads_most_goes_out_first() -> None:
    assert choose(APART, 3) == ["b", "a", "c"]


def test_of_four_strangers_the_last_gives_way_to_a_colleague_of_a_first_visit() -> None:
    assert choose(APART, 4) == ["b", "a", "c", "v"]


def test_where_two_go_together_already_nobody_gives_way() -> None:
    assert choose([task(1, "a", "b"), *APART[1:]], 4) == ["b", "a", "c", "d"]


def test_too_few_officers_with_a_task_are_no_fleet() -> None:
    with pytest.raises(GaveUp, match="only 2 officers"):
        choose(APART[:1], 3)
