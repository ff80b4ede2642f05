"""Order is the server's: whatever order the lines come in, whatever the tablet's clock says."""

import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access import Role
from app.days import local_date
from app.db import db
from app.journal.models import JournalEntry
from app.tasks.models import Task
from app.visits import rules as visit_rules
from app.visits.models import Finding, Visit, VisitAnswer
from sync.inbox.models import Operation, OperationWait, ReviewItem
from tests.sync.conftest import ITEMS, Stage, answer, finish, sign, start
from tests.sync.pushed import APPLIED, outcomes
from tests.sync.tablet import Tablet, op_of, written

HEADERS = {"Sync-Protocol": "1"}


def ids(lines: Sequence[bytes]) -> list[str]:
    return [op_of(line)["op_id"] for line in lines]


# --- last first --------------------------------------------------------------------------------


def chained(tablet: Tablet, task: Task) -> list[bytes]:
    """A visit whose operations each wait for the one before."""
    visit = {"visit_id": str(task.visit_id)}
    lines = [start(tablet, task)]

    def after() -> dict[str, Any]:
        return {"depends_on": [op_of(lines[-1])["op_id"]]}

    lines.append(answer(tablet, task, ITEMS[0], "no", "过期", **after()))
    changed = {"base": {"result": "no", "note": "过期"}, "base_version": 1}
    lines.append(answer(tablet, task, ITEMS[0], "yes", "已补办", **changed, **after()))
    lines.append(
        tablet.op("visit.state_finding", uuid4(), {**visit, "text": "地面积水"}, **after())
    )
    lines.append(answer(tablet, task, ITEMS[1], "yes", **after()))
    lines.append(tablet.op("visit.interrupt", task.visit_id, {"reason": "停电"}, **after()))
    lines.append(start(tablet, task, **after()))
    return lines


def final_state(stage: Stage, task: Task) -> dict[str, Any]:
    """What a visit came to, without the ids that differ from one visit to the next."""
    with stage.flask_app.app_context():
        visit, row = db.session.get_one(Visit, task.visit_id), db.session.get_one(Task, task.id)
        of_visit = VisitAnswer.visit_id == visit.id
        answers = db.session.scalars(sa.select(VisitAnswer).where(of_visit)).all()
        found = db.session.scalars(sa.select(Finding).where(Finding.visit_id == visit.id)).all()
        return {
            "task": (row.state, row.round),
            "visit": (visit.state, visit.interrupted_reason, visit.interrupted_at),
            "answers": {one.item_code: (one.result, one.note, one.version) for one in answers},
            "findings": [(one.text, one.version) for one in found],
        }


def test_operations_pushed_in_any_order_come_to_the_same_final_state(stage: Stage, tablet: Tablet):
    plain = stage.task(tablet)
    for line in chained(tablet, plain):
        assert outcomes(tablet.push([line]))[0][0] in {"applied", "merged"}
    wanted = final_state(stage, plain)
    assert wanted["answers"][ITEMS[0]] == ("yes", "已补办", 2)

    def check(order: Sequence[int]) -> None:
        task = stage.task(tablet)
        lines = chained(tablet, task)
        came = [lines[place] for place in order]
        for batch in (came[:2], came[2:3], came[3:]):
            results = tablet.push(batch).json["results"]
            assert [one["op_id"] for one in results] == ids(batch)
            assert [one["line"] for one in results] == list(range(1, len(batch) + 1))
        assert final_state(stage, task) == wanted
        again = outcomes(tablet.push(came))
        assert {outcome for outcome, _ in again} == {"duplicate"}

    check(range(6, -1, -1))

    @settings(
        max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(st.permutations(range(7)))
    def in_any_order(order: list[int]) -> None:
        check(order)

    in_any_order()
    assert stage.count(OperationWait) == 0
    assert stage.count(ReviewItem, ReviewItem.state == "open") == 0, "no gap, nothing held"


# --- parents -----------------------------------------------------------------------------------


def test_what_depends_on_what_was_declined_or_never_came_waits_alone(stage: Stage, tablet: Tablet):
    chen = stage.make.signed_in(Role.SUPERVISOR)
    task, other = stage.task(tablet), stage.task(tablet)
    never = tablet.op("task.accept", other.id, {})  # stays on the tablet
    bad = tablet.op("visit.interrupt", task.visit_id, {})
    lines = [
        bad,
        tablet.op("task.accept", task.id, {}, depends_on=ids([bad])),
        start(tablet, other, depends_on=ids([never])),
        start(tablet, task),
        *(answer(tablet, task, code) for code in ITEMS),
    ]

    came = outcomes(tablet.push(lines))

    assert came[:3] == [
        ("quarantined", "operation-fields-wrong"),
        ("held", "waiting"),
        ("held", "waiting"),
    ]
    assert came[3:] == [APPLIED] * (1 + len(ITEMS)), "the rest is not held up"
    decline(chen, "quarantine")
    later = tablet.op("visit.interrupt", task.visit_id, {"reason": "x"}, depends_on=ids([bad]))
    assert outcomes(tablet.push([later])) == [("quarantined", "parent-declined")]
    stands = dict(
        stage.all(
            sa.select(Operation.device_seq, Operation.reason).where(Operation.outcome != "applied")
        )
    )
    assert stands == {
        2: "declined",
        3: "parent-declined",
        4: "waiting",
        22: "parent-declined",
    }

    assert [one["kind"] for one in listed(chen) if one["kind"] == "held"] == []
    stage.clock.forward(days=5, minutes=1)
    chen = stage.make.signed_in(Role.SUPERVISOR)
    (held,) = [one for one in listed(chen) if one["kind"] == "held"]
    assert held["op"] == stage.all(sa.select(Operation.op).where(Operation.device_seq == 4))[0].op
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    assert outcomes(tablet.push([never])) == [APPLIED], "it came after all"
    assert stage.one(Visit, other.visit_id).state == "under-way"
    assert [one for one in listed(chen) if one["kind"] == "held"] == []


def listed(client: Any) -> list[dict[str, Any]]:
    found = client.get("/api/sync/v1/review?limit=200", headers=HEADERS)
    assert found.status_code == 200, found.data
    items: list[dict[str, Any]] = found.get_json()["items"]
    return items


def decline(client: Any, kind: str) -> None:
    (item,) = [one for one in listed(client) if one["kind"] == kind]
    path = f"/api/sync/v1/review/{item['id']}"
    tag = client.get(path, headers=HEADERS).headers["ETag"]
    said = {"decision": "decline", "reason": "重复"}
    answered = client.post(path, json=said, headers={**HEADERS, "If-Match": tag})
    assert answered.status_code == 200, answered.data


# --- clocks ------------------------------------------------------------------------------------

CLOCKS = ("right", "two days offline", "stands still", "1970", "ten years ahead", "backwards")


def recorded(kind: str, at: datetime, number: int) -> datetime:
    """What the tablet's clock says at its operation `number`."""
    minute = timedelta(minutes=number)
    return {
        "right": at + timedelta(seconds=number),
        "1970": datetime(1970, 1, 1, tzinfo=UTC) + minute,
        "ten years ahead": at + timedelta(days=3653) + minute,
        "backwards": at + timedelta(minutes=30) - 2 * minute,
        "two days offline": at - timedelta(days=2) + minute,
        "stands still": at,
    }[kind]


@pytest.fixture
def zone() -> Iterator[Any]:
    """Sets the zone in which the server's process lives, until the test ends."""
    before = os.environ.get("TZ")

    def live_in(name: str) -> None:
        os.environ["TZ"] = name
        time.tzset()

    yield live_in
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def test_order_days_and_effects_are_the_same_whatever_the_tablets_clock_says(
    stage: Stage, tablet: Tablet
):
    came, flagged = {}, {}
    for kind in CLOCKS:
        at = stage.clock.forward(days=3)
        tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
        task = stage.task(tablet)
        lines = by_the_clock(tablet, task, kind, at)
        assert outcomes(tablet.push(list(reversed(lines)))) == [APPLIED] * len(lines), kind
        came[kind] = _effects(stage, task, ids(lines))
        suspect = sa.select(Operation.id).where(
            Operation.clock_suspect, Operation.op_id.in_([UUID(one) for one in ids(lines)])
        )
        flagged[kind] = bool(stage.all(suspect))
    assert all(effects == came["right"] for effects in came.values())
    assert {kind for kind, flag in flagged.items() if flag} == {
        *("1970", "ten years ahead", "backwards")
    }
    clocks = ReviewItem.kind == "clock"
    assert stage.count(ReviewItem, clocks) == 3, "once for each start of the device"


def by_the_clock(tablet: Tablet, task: Task, kind: str, at: datetime) -> list[bytes]:
    """A whole visit, its times as this kind of clock gives them."""
    numbers = count()

    def said() -> dict[str, str]:
        return {"recorded_at": written(recorded(kind, at, next(numbers))), "boot_id": kind}

    return [
        tablet.op("task.accept", task.id, {}, **said()),
        start(tablet, task, **said()),
        *(answer(tablet, task, code, **said()) for code in ITEMS),
        finish(tablet, task, **said()),
        sign(tablet, task, **said()),
    ]


def _effects(stage: Stage, task: Task, op_ids: list[str]) -> dict[str, Any]:
    """Order in the journal, and the instants and days that anything hangs on."""
    entries = stage.all(
        sa.select(JournalEntry.op_id)
        .where(JournalEntry.event == "operation.applied")
        .order_by(JournalEntry.seq)
    )
    places = [str(row.op_id) for row in entries if str(row.op_id) in op_ids]
    row, visit = stage.one(Task, task.id), stage.one(Visit, task.visit_id)
    return {
        "order": [op_ids.index(one) for one in places],
        "task": (row.state, row.outcome, row.due_on),
        "at arrival": {row.submitted_at, visit.started_at, visit.finished_at, visit.signed_at}
        == {stage.clock()},
    }


ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati")


def test_the_servers_zone_and_its_summer_time_change_nothing(
    stage: Stage, tablet: Tablet, zone: Any
):
    """Around the hour that New York lives twice: the law's days are Shanghai's."""
    stage.clock.at = datetime(2027, 3, 13, 6, 30, tzinfo=UTC)
    tablet.keep_tokens(tablet.tokens(challenge=tablet.challenge()).json)
    _sign_in(tablet)
    unit, officers, came = stage.make.unit(), [tablet.officer_id], []
    for name in ZONES:
        zone(name)
        base, visits = stage.clock(), []
        for _ in range(3):
            tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
            at = stage.clock()
            visit_id = visit_rules.triggered_visit_id(unit.id, local_date(at), officers, None)
            said = {"task_id": None, "unit_id": str(unit.id), "reason": "举报"}
            pushed = outcomes(tablet.push([tablet.op("visit.start", visit_id, said)]))
            visit = stage.one(Visit, visit_id)
            times = (visit.started_at - base, visit.started_recorded_at - base)
            visits.append((pushed, times, (local_date(at) - local_date(base)).days))
            stage.clock.forward(hours=9, minutes=45)
        came.append(visits)
        stage.clock.at = base + timedelta(days=2)
    assert came == [came[0]] * len(ZONES)
    assert [day for _, _, day in came[0]] == [0, 1, 1], "a new day in Shanghai"


def _sign_in(tablet: Tablet) -> None:
    answered = tablet.request(
        "POST", "/sessions", {"login": "an", "password": "correct horse battery"}
    )
    assert answered.status == 201, answered.body
    tablet.session_id = UUID(answered.json["user_session_id"])
