"""A tablet that was long away, lost, suspended or copied: what it may do, what of it is kept."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import db
from app.journal import service as journal
from app.tasks.models import Task
from app.visits.models import Visit, VisitAnswer
from sync.devices import service as devices
from sync.devices.models import Device
from sync.devices.rules import DeviceState
from sync.inbox import rules
from sync.inbox.models import InboxBatch, Operation, Receipt
from tests.factories import PASSWORD
from tests.sync.conftest import ITEMS, Stage, answer, start, whole_visit
from tests.sync.held import Held
from tests.sync.pushed import APPLIED, outcomes
from tests.sync.tablet import Answer, Tablet, op_of
from tests.sync.tus import Tus, photo, sha256

REVIEW = "/api/sync/v1/review"
HEADERS = {"Sync-Protocol": "1"}


def code_of(answer: Answer) -> str:
    return str(answer.json["type"]).removeprefix("/problems/")


# --- long away ---------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [60, 89, 120])
def test_work_of_weeks_offline_arrives_whole_and_nothing_asks_the_tablet_to_erase_itself(
    stage: Stage, tablet: Tablet, days: int
):
    task, held = stage.task(tablet), Held(tablet)
    held.pull()
    lines = []
    for line in (0, 1, 2):
        stage.clock.forward(days=days / 4, minutes=line)
        lines.append(start(tablet, task) if line == 0 else answer(tablet, task, ITEMS[line]))
    stage.clock.forward(days=days / 4)
    data = photo(1, edge=64)

    stale = tablet.push(lines)
    assert (stale.status, code_of(stale)) == (401, "token-expired")
    assert stage.count(InboxBatch) == 0
    renewed = tablet.tokens(refresh=tablet.refresh)
    if days > 90:
        assert (renewed.status, code_of(renewed)) == (401, "token-unknown")
        renewed = tablet.tokens(challenge=tablet.challenge())
    assert (renewed.status, renewed.json["use"]) == (200, "full")
    tablet.keep_tokens(renewed.json)

    pushed = outcomes(tablet.push(lines))
    Tus(tablet).send(data)
    me = tablet.request("GET", "/devices/me").json
    assert me["state"] == "active"
    assert (me["device_seq"], me["op_hash"]) == (3, tablet.prev_hash)
    assert pushed == [APPLIED] * 3, "recorded in the officer's time on the tablet"
    if days > 90:
        assert me["sessions"] == []
        said = {"login": "an", "password": PASSWORD}
        assert tablet.request("POST", "/sessions", said).status == 201
    held.pull()
    assert len(held.shown("visit_answer")) == 2
    assert stage.one(Visit, task.visit_id).state == "under-way"


# --- the states, by route ----------------------------------------------------------------------

ROUTES: Mapping[str, tuple[str, str]] = {
    "feed": ("GET", "/feed"),
    "verify": ("POST", "/verify"),
    "sessions": ("POST", "/sessions"),
    "inbox": ("POST", "/inbox"),
    "receipts": ("GET", "/receipts"),
    "me": ("GET", "/devices/me"),
    "uploads": ("POST", "/uploads"),
    "head": ("HEAD", ""),
    "patch": ("PATCH", ""),
}
PUSHES = {"inbox", "receipts", "me", "uploads", "head", "patch"}


def ask(tablet: Tablet, name: str, location: str, data: bytes, cursor: str) -> Answer:
    """Each route as a tablet that knows nothing of its state asks."""
    tus = Tus(tablet)
    if name == "uploads":
        return tus.create(data)
    if name == "head":
        return tus.head(location)
    if name == "patch":
        return tus.patch(location, 0, data[:10])
    method, path = ROUTES[name]
    body: Any = {
        "verify": {"cursor": cursor, "sets": []},
        "sessions": {"login": "an", "password": PASSWORD},
        "inbox": b"{}\n",
    }.get(name, b"")
    return tablet.request(method, path, body)


@pytest.mark.parametrize("state", list(DeviceState))
def test_a_state_decides_route_by_route_what_a_tablet_may_ask(
    stage: Stage, tablet: Tablet, state: DeviceState
):
    held, data = Held(tablet), photo(2, edge=64)
    held.pull()
    location, cursor = Tus(tablet).begin(data), held.cursor
    if state is not DeviceState.ACTIVE:
        by = stage.make.by(stage.make.home())
        with stage.make.writing():
            devices.change_state(tablet.device_id, state, "遗失", by=by, at=stage.clock())
    renewed = tablet.tokens(refresh=tablet.refresh)
    if state is DeviceState.CLOSED:
        assert renewed.status == 401
    else:
        full = state is DeviceState.ACTIVE
        assert renewed.json["use"] == ("full" if full else "push")
        tablet.keep_tokens(renewed.json)

    found = {name: ask(tablet, name, location, photo(3, edge=64), cursor) for name in ROUTES}

    for name, answered in found.items():
        if state is DeviceState.CLOSED:
            assert answered.status == 401, name
        elif state is DeviceState.ACTIVE or name in PUSHES:
            assert answered.status in {200, 201, 204}, (name, answered.body)
        else:
            assert answered.status == 403, (name, answered.body)
            assert code_of(answered) == "device-suspended", name


def test_what_a_suspended_tablet_pushes_is_kept_whole_and_taken_when_people_say_so(
    stage: Stage, tablet: Tablet, monkeypatch: pytest.MonkeyPatch
):
    """Its cap holds for a day; a lost tablet that comes back has lost nothing."""
    monkeypatch.setattr(rules, "SUSPENDED_OPERATIONS_A_DAY", 15)
    task, by = stage.task(tablet), stage.make.by(stage.make.home())
    with stage.make.writing():
        devices.change_state(
            tablet.device_id, DeviceState.SUSPENDED, "遗失", by=by, at=stage.clock()
        )
    data = photo(4, edge=64)
    shown = {"sha256": sha256(data), "size": len(data), "mime": "image/jpeg", "role": "photo"}
    lines = whole_visit(tablet, task)
    lines.append(answer(tablet, task, ITEMS[0], "no", "x", attachments=[shown]))

    assert outcomes(tablet.push(lines[:12])) == [("quarantined", "device-suspended")] * 12
    capped = tablet.push(lines[12:])
    assert (capped.status, int(capped.headers["Retry-After"]) > 0) == (429, True)
    assert outcomes(tablet.push(lines[12:15])) == [("quarantined", "device-suspended")] * 3
    assert tablet.push(lines[15:]).status == 429
    stage.clock.forward(days=1, minutes=1)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    rest = outcomes(tablet.push(lines[15:]))
    assert rest == [("quarantined", "device-suspended")] * (len(lines) - 15)
    Tus(tablet).send(data)

    assert stage.count(Operation) == stage.count(Receipt) == len(lines)
    assert (stage.count(VisitAnswer), stage.one(Task, task.id).state) == (0, "assigned")
    chen = stage.make.signed_in(Role.SUPERVISOR)
    items = chen.get(f"{REVIEW}?limit=200", headers=HEADERS).get_json()["items"]
    assert {one["op"] for one in items} == {text_of(line) for line in lines}
    with stage.make.writing():
        devices.change_state(tablet.device_id, DeviceState.ACTIVE, "找回", by=by, at=stage.clock())
    chen = stage.make.signed_in(Role.SUPERVISOR)
    by_op = {one["op"]: one["id"] for one in items}
    for line in lines[:-1]:
        path = f"{REVIEW}/{by_op[text_of(line)]}"
        tag = chen.get(path, headers=HEADERS).headers["ETag"]
        said = {"decision": "reopen", "reason": "终端找回"}
        decided = chen.post(path, json=said, headers={**HEADERS, "If-Match": tag})
        assert decided.status_code == 200, decided.get_data(as_text=True)
    assert stage.one(Task, task.id).state == "submitted"
    assert stage.count(VisitAnswer) == len(ITEMS)
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []


def text_of(line: bytes) -> str:
    text: str = json.loads(line)["op"]
    return text


# --- the chain ---------------------------------------------------------------------------------


def test_numbers_that_never_came_are_shown_to_the_supervisor_and_what_follows_is_applied(
    stage: Stage, tablet: Tablet
):
    lines = [tablet.op("task.accept", stage.task(tablet).id, {}) for _ in range(9)]
    came = [lines[place] for place in (0, 3, 4, 8)]

    assert outcomes(tablet.push(came)) == [APPLIED] * 4

    chen = stage.make.signed_in(Role.SUPERVISOR)

    def gaps() -> list[tuple[int, int]]:
        items = chen.get(f"{REVIEW}?kind=gap", headers=HEADERS).get_json()["items"]
        return sorted((one["detail"]["first"], one["detail"]["last"]) for one in items)

    assert gaps() == [(2, 3), (6, 8)]
    missing = chen.get(f"/api/v1/devices/{tablet.device_id}/missing").get_json()
    assert missing["gaps"] == [{"first": 2, "last": 3}, {"first": 6, "last": 8}]
    assert outcomes(tablet.push([lines[1], lines[2], lines[6]])) == [APPLIED] * 3
    assert gaps() == [(6, 6), (8, 8)]
    tablet.push(lines)
    assert gaps() == []
    assert stage.count(Task, Task.state == "accepted") == 9


def test_a_copied_tablet_is_told_apart_from_a_repeat(stage: Stage, tablet: Tablet):
    """Two go on from one place: what came first stands, all of the other is kept."""
    tablet.push([tablet.op("task.accept", stage.task(tablet).id, {})])
    copy = Tablet(
        stage.send(),
        stage.clock,
        **{
            name: getattr(tablet, name)
            for name in (
                *("key", "device_id", "officer_id", "session_id"),
                *("access", "refresh", "seq", "prev_hash"),
            )
        },
    )
    tasks = [stage.task(tablet) for _ in range(4)]
    mine = [tablet.op("task.accept", task.id, {}) for task in tasks[:2]]
    theirs = [copy.op("task.accept", task.id, {}) for task in tasks[2:]]

    assert outcomes(tablet.push(mine)) == [APPLIED] * 2
    assert outcomes(copy.push(theirs)) == [("quarantined", "seq-reuse")] * 2
    assert outcomes(copy.push(theirs)) == [("duplicate", None)] * 2
    assert stage.count(Operation) == stage.count(Receipt) == 5
    states = [stage.one(Task, task.id).state for task in tasks]
    assert states == ["accepted", "accepted", "assigned", "assigned"]
    kept = {row.op for row in stage.all(sa.select(Operation.op))}
    assert {text_of(line) for line in theirs} <= kept
    assert op_of(mine[1])["prev_hash"] != op_of(theirs[1])["prev_hash"]
    with stage.flask_app.app_context():
        assert db.session.get_one(Device, tablet.device_id).state == "active"
