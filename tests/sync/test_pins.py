"""A second officer's PIN: chosen online with a password, checked offline on colleagues' tablets."""

import base64
import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import transaction
from app.journal.models import JournalEntry
from app.people import service as people
from app.tasks import service as tasks
from app.visits.models import VisitSignature
from sync.devices.models import OfficerPin
from sync.feed import service as feed
from tests.factories import OTHER_DISTRICT, PASSWORD
from tests.sync.conftest import Stage, whole_visit
from tests.sync.held import Held
from tests.sync.tablet import Answer, Tablet, b64, written

ROUNDS = 600_000
PIN = "628194"
SALT = bytes(range(16))


def derived(pin: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, rounds)


def set_pin(tablet: Tablet, login: str, pin: str = PIN, **changed: Any) -> Answer:
    body = {
        "login": login,
        "password": PASSWORD,
        "salt": b64(SALT),
        "iterations": ROUNDS,
        "verifier": b64(derived(pin, SALT, ROUNDS)),
    }
    return tablet.request("POST", "/pins", {**body, **changed})


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_pin(body: dict[str, Any], typed: str) -> bool:
    """What a tablet does, without a network."""
    found = derived(typed, bytes_of(body["salt"]), body["iterations"])
    return hmac.compare_digest(found, bytes_of(body["verifier"]))


def test_a_colleagues_tablet_checks_a_pin_without_a_network(stage: Stage, tablet: Tablet):
    bo = stage.tablet("bo")
    assert set_pin(bo, "bo").status == 204
    held, own = Held(tablet), Held(bo)
    held.pull()
    assert held.bodies("officer_pin") == {}, "no common task yet"

    stage.task(tablet, bo)
    held.pull()
    own.pull()

    (body,) = held.bodies("officer_pin").values()
    assert body["officer_id"] == str(bo.officer_id)
    assert is_pin(body, PIN)
    assert not is_pin(body, "628195")
    assert own.bodies("officer_pin") == {}, "nobody needs their own"


def test_nobody_else_is_told_and_the_journal_holds_nothing_of_it(stage: Stage, tablet: Tablet):
    bo, third = stage.tablet("bo"), stage.tablet("cai")
    stage.task(tablet, bo)
    stage.task(third)
    set_pin(bo, "bo")
    held = Held(third)
    held.pull()
    assert held.bodies("officer_pin") == {}
    secrets = {b64(SALT), b64(derived(PIN, SALT, ROUNDS)), PIN}
    (entry,) = stage.all(
        sa.select(JournalEntry.text).where(JournalEntry.event == "officer-pin.set")
    )
    assert not any(secret in entry.text for secret in secrets)
    assert sorted(json.loads(entry.text)["data"]) == ["device_id", "officer_id"]


def test_it_leaves_with_the_task_and_with_the_officer(stage: Stage, tablet: Tablet):
    bo = stage.tablet("bo")
    first, second = stage.task(tablet, bo), stage.task(tablet, bo)
    set_pin(bo, "bo")
    held = Held(tablet)
    held.pull()
    assert held.bodies("officer_pin")
    team = [tablet.officer_id, stage.make.officer().id]
    chen = stage.make.supervisor()
    for task in (first, second):
        assert held.bodies("officer_pin"), "another task keeps it"
        with stage.flask_app.app_context(), transaction():
            tasks.reassign_task(task.id, team, team[0], reason="调岗", by=chen, at=stage.clock())
        held.pull()
    assert held.bodies("officer_pin") == {}

    stage.task(tablet, bo)
    held.pull()
    assert held.bodies("officer_pin")
    with stage.flask_app.app_context(), transaction():
        officer = people.get_officer(bo.officer_id, chen.agency_id)
        people.change_officer(officer, {"state": "left"}, by=chen, at=stage.clock())
    held.pull()
    assert held.bodies("officer_pin") == {}
    with stage.flask_app.app_context():
        assert feed.differences() == []


def test_a_new_pin_replaces_the_old_one(stage: Stage, tablet: Tablet):
    bo = stage.tablet("bo")
    stage.task(tablet, bo)
    held = Held(tablet)
    set_pin(bo, "bo")
    held.pull()
    assert set_pin(tablet, "bo", "111222").status == 204, "on any tablet of the agency"
    held.pull()
    (body,) = held.bodies("officer_pin").values()
    assert is_pin(body, "111222")
    assert stage.count(OfficerPin) == 1
    assert held.verify() == {"behind": False, "differs": []}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"password": "wrong"}, 401),
        ({"iterations": 1000}, 422),
        ({"salt": "short"}, 422),
        ({"verifier": "A" * 42}, 422),
        ({"plain": PIN}, 422),
    ],
)
def test_a_pin_is_set_with_the_password_and_enough_rounds(
    stage: Stage, tablet: Tablet, changed: dict[str, Any], status: int
):
    assert set_pin(tablet, "an", **changed).status == status
    assert stage.count(OfficerPin) == 0


def test_another_agencys_officer_sets_no_pin_here(stage: Stage, tablet: Tablet):
    there = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    account = stage.make.account(
        Role.OFFICER, agency=there, login="far", officer=stage.make.officer(there)
    )
    assert set_pin(tablet, account.login).status == 404
    assert stage.count(OfficerPin) == 0


def test_who_confirmed_by_pin_signs_too_and_a_stranger_does_not(stage: Stage, tablet: Tablet):
    bo = stage.tablet("bo")
    task = stage.task(tablet, bo)

    def signed(officer: Any) -> bytes:
        confirmed = {"officer_id": str(officer), "method": "pin", "at": written(stage.clock())}
        fields = {"role": "party", "refused": False, "content_hash": "0" * 64}
        return tablet.op("document.sign", task.visit_id, fields, confirmation=confirmed)

    tablet.push(whole_visit(tablet, task)[:-1])
    stranger = tablet.push([signed(uuid4())]).json["results"][0]
    assert (stranger["outcome"], stranger["reason"]) == ("quarantined", "officer-not-found")
    assert tablet.push([signed(bo.officer_id)]).json["results"][0]["outcome"] == "applied"

    rows = stage.all(sa.select(VisitSignature.officer_id, VisitSignature.method))
    assert {(row.officer_id, row.method) for row in rows} == {
        (tablet.officer_id, "device-key"),
        (tablet.officer_id, "hand"),
        (bo.officer_id, "pin"),
    }
