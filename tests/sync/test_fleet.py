"""Who goes out in a simulated fleet."""

import json
import random  # noqa: TID251 - a tablet that is simulated
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.catalogue import seeds
from sync.inbox.rules import OperationType, wrong_fields
from sync.simulate import fleet
from sync.simulate.fleet import choose
from sync.simulate.line import Faults, GaveUp, Line
from sync.simulate.tablet import Tablet


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


def test_a_matter_without_a_checklist_is_visited_all_the_same() -> None:
    chance = random.Random(1)  # noqa: S311 - of a line that nobody uses
    line = Line("http://127.0.0.1:1", name="offline", faults=Faults(chance))
    tablet = Tablet(line, seed=1)
    tablet.server_key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    tablet.officer_id = str(uuid4())
    matter: dict[str, Any] = {
        "id": str(uuid4()),
        "visit_id": str(uuid4()),
        "unit_id": str(uuid4()),
        "officer_ids": [tablet.officer_id],
        "checklist_code": None,
        "origin": "drawn",
        "level": "district",
        "specialty": "public-places",
    }
    unit = {
        "lat_e7": 312_200_000,
        "lon_e7": 1_214_200_000,
        "datum": "WGS-84",
        "registrations": [],
    }
    tablet.rows["unit", matter["unit_id"]] = {"body": unit}
    for row in seeds.rows("settings"):
        here = {"id": row["code"], "version": 1, "present": True, "body": row}
        tablet.rows["setting", row["code"]] = here
    checklist, items = fleet._list_of(tablet, matter)
    fleet._start(tablet, matter, checklist, datetime(2026, 11, 20, 2, tzinfo=UTC))
    (started,) = (json.loads(one["op"]) for one in tablet.outbox)
    assert (checklist, items, started["type"]) == (None, [], "visit.start")
    assert wrong_fields(OperationType.VISIT_START, started["fields"]) == []
