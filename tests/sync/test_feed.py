"""The feed over the wire: what a tablet carries, what it is told, and what it is never not told."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access import Actor, Role
from app.catalogue import service as catalogue
from app.db import db, new_id, transaction
from app.journal import service as journal
from app.journal.models import Installation, JournalEntry
from app.journal.rules import Event
from app.people.models import Officer
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import NewTask
from app.units import service as units
from app.units.models import Unit
from app.visits import rules as visit_rules
from scheduler import jobs
from sync.feed import service as feed
from sync.feed.models import FeedBody, FeedRow
from tests.factories import OTHER_DISTRICT, PASSWORD
from tests.sync.conftest import ITEMS, Stage, answer, finish, sign, start, whole_visit
from tests.sync.held import Held
from tests.sync.tablet import Tablet


@pytest.fixture
def desk(stage: Stage) -> "Desk":
    return Desk(stage)


class Desk:
    """The supervisor's side: one transaction per verb."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.chen: Actor = stage.make.supervisor()

    def do(self, verb: str, task: Task, *args: Any, by: Actor | None = None, **values: Any) -> None:
        with self.stage.flask_app.app_context(), transaction():
            getattr(tasks, verb)(
                task.id, *args, by=by or self.chen, at=self.stage.clock(), **values
            )

    def reassign(self, task: Task, *officer_ids: UUID) -> None:
        self.do("reassign_task", task, list(officer_ids), officer_ids[0], reason="调岗")

    def rename(self, unit_id: UUID, name: str) -> None:
        with self.stage.flask_app.app_context(), transaction():
            units.change_unit(unit_id, {"name": name}, by=self.chen, at=self.stage.clock())


def differences(stage: Stage) -> list[str]:
    with stage.flask_app.app_context():
        return feed.differences()


def code_of(answer: Any) -> str:
    return str(answer.json["type"]).removeprefix("/problems/")


# --- what a tablet carries ---------------------------------------------------------------------


def test_the_first_sync_brings_tasks_with_units_colleagues_and_the_catalogue(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    stage.make.task(team=[stage.make.officer(), stage.make.officer()])  # somebody else's
    held = Held(tablet)

    held.pull()

    assert held.complete
    assert list(held.shown("task")) == [str(task.id)]
    body = held.bodies("task")[str(task.id)]
    assert body["visit_id"] == str(task.visit_id)
    assert set(held.shown("officer")) == set(body["officer_ids"])
    unit = held.bodies("unit")[str(task.unit_id)]
    assert unit["registrations"] == [{"specialty": "public-places", "object_class": "lodging"}]
    assert "lodging" in {one["code"] for one in held.bodies("checklist").values()}
    assert "no-problem" in {one["code"] for one in held.bodies("outcome_code").values()}
    for kind in ("closing_reason", "setting", "check_item"):
        assert held.shown(kind), kind
    texts = {one["code"]: one for one in held.bodies("law_text").values()}
    for item in held.bodies("check_item").values():
        for code in item["basis"]["law_texts"]:
            assert texts[code]["law"] == item["basis"]["law"]


def test_a_colleague_is_told_by_name_and_certificate_and_not_by_phone(stage: Stage, tablet: Tablet):
    stage.task(tablet)
    held = Held(tablet)
    held.pull()
    for body in held.bodies("officer").values():
        assert set(body) == {
            *("agency_id", "name", "certificate_no", "certificate_valid_until", "team"),
            *("specialties", "lead_specialties", "state"),
        }


def test_every_tablet_of_the_agency_carries_the_units_with_an_open_task_and_no_others(
    stage: Stage, tablet: Tablet
):
    idle = stage.make.unit()
    task = stage.make.task()
    held = Held(tablet)
    held.pull()
    assert str(task.unit_id) in held.shown("unit")
    assert str(idle.id) not in held.shown("unit")
    assert not held.shown("task")


def test_another_district_sees_nothing_of_all_this(stage: Stage, tablet: Tablet):
    stage.task(tablet)
    there = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    bo = stage.make.account(
        Role.OFFICER, login="bo", agency=there, officer=stage.make.officer(there)
    )
    stage.logins["bo"] = bo
    held = Held(stage.tablet("bo"))
    held.pull()
    assert not held.shown("task")
    assert not held.shown("unit")
    assert list(held.shown("officer")) == [str(bo.officer_id)]


def test_a_visit_reaches_the_colleagues_tablet_with_its_answers(stage: Stage, tablet: Tablet):
    bo = stage.tablet("bo")
    task = stage.task(tablet, bo)
    held = Held(bo)
    held.pull()

    tablet.push([start(tablet, task), answer(tablet, task, ITEMS[0], "no", "已过期")])
    rows = held.pull()

    assert {row["type"] for row in rows} == {"task", "visit", "visit_answer"}
    visit = held.bodies("visit")[str(task.visit_id)]
    assert [one["officer_id"] for one in visit["attendance"]] == [str(tablet.officer_id)]
    (given,) = held.bodies("visit_answer").values()
    assert (given["result"], given["note"]) == ("no", "已过期")


# --- scopes change -----------------------------------------------------------------------------


def test_a_reassigned_task_leaves_the_old_tablet_and_comes_to_the_new_one_with_all_of_it(
    stage: Stage, tablet: Tablet, desk: Desk
):
    bo = stage.tablet("bo")
    task = stage.task(tablet)
    old, new = Held(tablet), Held(bo)
    tablet.push([start(tablet, task), answer(tablet, task, ITEMS[0])])
    old.pull()
    new.pull()

    desk.reassign(task, bo.officer_id, stage.make.officer().id)
    gone = old.pull()
    new.pull()

    left = {(row["type"], row["present"], row["body"] is None) for row in gone}
    assert {("task", False, True), ("visit", False, True), ("visit_answer", False, True)} <= left
    for kind in ("task", "visit", "visit_answer"):
        assert not old.shown(kind), kind
        assert new.shown(kind), kind
    assert str(task.unit_id) in new.shown("unit")
    assert str(bo.officer_id) not in old.shown("officer")


@pytest.mark.parametrize("end", ["completed", "closed"])
def test_a_task_that_ended_leaves_the_tablet_and_its_unit_too(
    stage: Stage, tablet: Tablet, desk: Desk, end: str
):
    task = stage.task(tablet)
    held = Held(tablet)
    tablet.push(whole_visit(tablet, task) if end == "completed" else [start(tablet, task)])
    held.pull()
    assert held.shown("task")
    assert held.shown("unit")

    if end == "completed":
        desk.do("complete_task", task)
    else:
        photo = stage.make.stored_evidence()
        desk.do("propose_closing", task, "ceased", "大门紧锁", [photo])
        desk.do("approve_closing", task, by=stage.make.supervisor())
    held.pull()

    for kind in ("task", "unit", "visit", "visit_answer"):
        assert not held.shown(kind), kind
    assert list(held.shown("officer")) == [str(tablet.officer_id)]
    assert stage.count(FeedBody, FeedBody.entity_key == str(task.id)) == 0


def test_a_reopened_task_comes_back_with_its_history(stage: Stage, tablet: Tablet, desk: Desk):
    task = stage.task(tablet)
    tablet.push(whole_visit(tablet, task))
    desk.do("complete_task", task)
    held = Held(tablet)
    held.pull()
    assert not held.shown("visit")

    second = stage.make.supervisor()
    desk.do("reopen_task", task, "漏检一处", second.officer_id)
    held.pull()

    assert list(held.shown("visit")) == [str(task.visit_id)]
    assert held.bodies("task")[str(task.id)]["visit_id"] != str(task.visit_id)
    assert not held.shown("visit_answer")


def test_the_history_of_a_unit_is_its_last_three_signed_visits_with_their_findings(
    stage: Stage, tablet: Tablet, desk: Desk
):
    unit = stage.make.unit()
    team = [stage.officer_of(tablet), stage.make.officer()]
    held, visits = Held(tablet), []
    current = stage.make.task(unit, team=team, checklist_code="lodging")
    for number in range(5):
        stage.clock.forward(days=1)
        tablet_token(stage, tablet)
        task = stage.make.task(unit, team=team, checklist_code="lodging")
        found = {"visit_id": str(task.visit_id), "text": f"发现{number}"}
        begun = [tablet.op("task.accept", task.id, {}), start(tablet, task)]
        stated = tablet.op("visit.state_finding", new_id(), found)
        tablet.push([*begun, stated, *(answer(tablet, task, code) for code in ITEMS)])
        tablet.push([finish(tablet, task), sign(tablet, task)])
        held.pull()
        desk.do("complete_task", task)
        visits.append(str(task.visit_id))
        held.pull()
        assert set(held.shown("visit")) == set(visits[-3:])

    assert {one["text"] for one in held.bodies("finding").values()} == {"发现2", "发现3", "发现4"}
    assert not held.shown("visit_answer")
    assert list(held.shown("task")) == [str(current.id)]
    assert differences(stage) == []


def tablet_token(stage: Stage, tablet: Tablet) -> None:
    """A day later the access token has run out."""
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)


def test_a_triggered_visit_brings_its_unit_and_leaves_with_it(stage: Stage, tablet: Tablet):
    unit = stage.make.unit()
    on = stage.clock().date()
    visit_id = visit_rules.triggered_visit_id(unit.id, on, [tablet.officer_id], None)
    fields = {
        "task_id": None,
        "unit_id": str(unit.id),
        "checklist_code": None,
        "form_version": 0,
        "reason": "路过发现",
        "officer_ids": [str(tablet.officer_id)],
    }
    held = Held(tablet)
    held.pull()
    pushed = tablet.push([tablet.op("visit.start", visit_id, fields)])
    assert pushed.json["results"][0]["outcome"] == "applied", pushed.json
    held.pull()
    assert str(unit.id) in held.shown("unit")
    assert list(held.shown("visit")) == [str(visit_id)]

    ended = [
        tablet.op("visit.finish", visit_id, {"outcome": "no-problem", "summary": ""}),
        tablet.op(
            "document.sign", visit_id, {"role": "party", "refused": False, "content_hash": "0" * 64}
        ),
    ]
    assert {one["outcome"] for one in tablet.push(ended).json["results"]} == {"applied"}
    held.pull()
    assert not held.shown("unit")
    assert not held.shown("visit")


def test_a_second_officer_on_the_tablet_brings_their_scope_and_takes_it_along(
    stage: Stage, tablet: Tablet
):
    bo = stage.officer("bo")
    theirs = stage.make.task(
        team=[stage.make.officer(), stage.officer_of(tablet)], checklist_code="lodging"
    )
    own = stage.make.task(team=[stage.one(Officer, str(bo.officer_id)), stage.make.officer()])
    held = Held(tablet)
    held.pull()
    assert set(held.shown("task")) == {str(theirs.id)}

    stage.clock.forward(minutes=1)
    signed_in = tablet.request("POST", "/sessions", {"login": "bo", "password": PASSWORD})
    assert signed_in.status == 201, signed_in.body
    held.pull()
    assert set(held.shown("task")) == {str(theirs.id), str(own.id)}

    stage.clock.forward(days=90)  # An's session ends a minute before Bo's
    stage.clock.forward(seconds=-30)
    held.tablet = tablet
    tablet.keep_tokens(tablet.tokens(challenge=tablet.challenge()).json)
    rows = held.pull()
    assert {"stream": "310105", "scope": f"officer:{tablet.officer_id}", "present": False} in rows
    assert set(held.shown("task")) == {str(own.id)}


def test_a_superseded_catalogue_row_reaches_every_tablet(stage: Stage, tablet: Tablet):
    held = Held(tablet)
    held.pull()
    at = stage.clock()
    with stage.flask_app.app_context(), transaction():
        row = catalogue.get_row("outcome_code", "no-problem", at.date())
        catalogue.supersede(
            "outcome_code",
            "no-problem",
            {**row.body, "name": "未见异常"},
            effective_from=at.date() + timedelta(days=1),
            source="测试",
            by=stage.make.by(),
            at=at,
        )
    rows = held.pull()
    names = {one["name"] for one in held.bodies("outcome_code").values()}
    assert {"未发现问题", "未见异常"} <= names
    assert [row["type"] for row in rows] == ["outcome_code", "outcome_code"]


def test_an_entity_that_changes_stream_is_gone_in_the_old_and_present_in_the_new(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    with stage.flask_app.app_context(), transaction():
        unit = db.session.get_one(Unit, task.unit_id)
        unit.district = OTHER_DISTRICT
        for stream in ("310105", OTHER_DISTRICT):
            journal.record(
                Event.UNIT_CHANGED,
                unit,
                by=stage.make.by(),
                at=stage.clock(),
                stream=stream,
            )
    rows = stage.all(
        sa.select(FeedRow.stream, FeedRow.present)
        .where(FeedRow.entity_key == str(task.unit_id))
        .distinct()
    )
    assert set(rows) == {("310105", False), (OTHER_DISTRICT, True)}


# --- units for triggered visits ----------------------------------------------------------------


def test_a_wanted_unit_joins_for_the_day_and_leaves_on_the_next(stage: Stage, tablet: Tablet):
    unit, other = stage.make.unit(), stage.make.unit()
    held = Held(tablet)
    held.pull(want=f"{unit.id}")
    assert list(held.shown("unit")) == [str(unit.id)]
    entries = stage.count(JournalEntry)
    held.pull(want=f"{unit.id}")
    assert stage.count(JournalEntry) == entries  # asked again, nothing happens

    stage.clock.forward(days=1)
    tablet_token(stage, tablet)
    held.pull(want=f"{other.id}")
    assert list(held.shown("unit")) == [str(other.id)]

    with stage.flask_app.app_context(), transaction():
        tomorrow = stage.clock().date() + timedelta(days=1)
        assert feed.end_wants(tomorrow, by=stage.make.by(), at=stage.clock()) == 1
    held.pull()
    assert not held.shown("unit")
    assert differences(stage) == []


def test_another_agencys_unit_cannot_be_wanted(stage: Stage, tablet: Tablet):
    there = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    unit = stage.make.unit(there)
    answer = Held(tablet).ask(want=str(unit.id))
    assert (answer.status, code_of(answer)) == (404, "unit-not-found")


# --- pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_a_sync_cut_at_every_page_while_rows_change_ends_with_what_the_server_shows(
    stage: Stage, tablet: Tablet, desk: Desk, limit: int
):
    carried = [stage.task(tablet) for _ in range(4)]
    events = iter(
        [
            lambda: desk.rename(carried[0].unit_id, "上海新名宾馆有限公司"),
            lambda: desk.reassign(carried[1], *(stage.make.officer().id for _ in range(2))),
            lambda: stage.task(tablet),
            lambda: desk.rename(carried[2].unit_id, "上海再名宾馆有限公司"),
        ]
    )
    held, seen = Held(tablet), []

    def meanwhile() -> None:
        seen.append(held.cursor)
        if len(seen) % (3 if limit == 1 else 1) == 0:
            next(events, lambda: None)()

    held.pull(between=meanwhile, limit=limit)
    for event in events:
        event()
    held.pull(limit=limit)

    assert held.verify() == {"behind": False, "differs": []}
    assert len(held.shown("task")) == 4
    assert held.bodies("unit")[str(carried[0].unit_id)]["name"] == "上海新名宾馆有限公司"
    resumed = Held(tablet, cursor=seen[len(seen) // 2])  # lost everything since that page
    resumed.rows = {}
    assert resumed.pull_page(limit=limit)["generation"] == held.generation


def test_rows_of_one_transaction_come_in_pages_without_loss_or_repetition(
    stage: Stage, tablet: Tablet
):
    make = stage.make
    team = [stage.officer_of(tablet).id, make.officer().id]
    numbers = [make.unit().id for _ in range(9)]
    with make.writing():
        for unit_id in numbers:
            new = NewTask(unit_id, "public-places", "drawn", object_class="lodging")
            task = tasks.create_task(new, agency=make.home(), by=make.by(make.home()), at=make.at)
            tasks.assign_task(task.id, team, team[0], by=make.by(make.home()), at=make.at)
    held, received = Held(tablet), []
    while True:
        page = held.pull_page(limit=4)
        assert len(page["rows"]) <= 4
        received += [(row["scope"], row["type"], row["id"]) for row in page["rows"]]
        if not page["more"]:
            break
    assert len(received) == len(set(received))
    assert len(held.shown("task")) == 9
    assert held.verify() == {"behind": False, "differs": []}


def test_a_tablet_that_has_everything_is_told_so_without_a_body(stage: Stage, tablet: Tablet):
    stage.task(tablet)
    held = Held(tablet)
    held.pull()
    first = held.ask()
    assert (first.status, first.json["rows"], first.json["cursor"]) == (200, [], held.cursor)
    again = held.ask(If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    stage.task(tablet)
    assert held.ask(If_None_Match=first.headers["ETag"]).status == 200


def test_complete_is_said_with_the_last_page_of_the_first_sync(stage: Stage, tablet: Tablet):
    stage.task(tablet)
    held = Held(tablet)
    page = held.pull_page(limit=20)
    assert (page["more"], page["complete"]) == (True, False)
    while page["more"]:
        page = held.pull_page(limit=20)
    assert page["complete"]


def test_an_empty_cursor_opens_another_generation(stage: Stage, tablet: Tablet):
    first, second = Held(tablet), Held(tablet)
    first.pull()
    second.pull()
    assert first.generation != second.generation
    assert first.rows == second.rows


@pytest.mark.parametrize("query", ["limit=0", "limit=2001", "limit=x", "want=abc", "cursor=%00"])
def test_a_pull_that_makes_no_sense_is_refused(tablet: Tablet, query: str):
    assert tablet.request("GET", f"/feed?{query}").status in {400, 422}


# --- cursors -----------------------------------------------------------------------------------


def test_an_unknown_and_a_forged_cursor_are_refused(stage: Stage, tablet: Tablet):
    held = Held(tablet)
    held.pull()
    middle = len(held.cursor) // 2
    swapped = "B" if held.cursor[middle] == "A" else "A"
    for forged in ("abc", "A" * 200, held.cursor[:middle] + swapped + held.cursor[middle + 1 :]):
        held.cursor = forged
        answer = held.ask()
        assert (answer.status, code_of(answer)) == (400, "cursor-forged"), forged


def test_another_tablets_cursor_is_refused(stage: Stage, tablet: Tablet):
    held = Held(tablet)
    held.pull()
    held.tablet = stage.tablet("bo")
    answer = held.ask()
    assert (answer.status, code_of(answer)) == (403, "cursor-of-another-device")


def test_after_a_restore_the_cursor_and_the_epoch_are_refused(stage: Stage, tablet: Tablet):
    held = Held(tablet)
    held.pull()
    with stage.make.writing():
        found = db.session.scalars(sa.select(Installation)).one()
        old, found.epoch = found.epoch, new_id()
    answer = held.ask()
    assert (answer.status, code_of(answer)) == (409, "epoch-changed")
    held.cursor = ""
    assert held.ask(Sync_Epoch=str(old)).status == 409
    held.pull()


def test_a_cursor_that_missed_dropped_tombstones_is_too_old_and_a_quiet_one_is_not(
    stage: Stage, tablet: Tablet, desk: Desk
):
    task = stage.task(tablet)
    behind, abreast = Held(tablet), Held(tablet)
    behind.pull()
    abreast.pull()
    desk.reassign(task, *(stage.make.officer().id for _ in range(2)))
    abreast.pull()
    later = stage.clock() + timedelta(days=401)
    with stage.make.writing():
        assert feed.drop_tombstones(later) > 0

    answer = behind.ask()
    assert (answer.status, code_of(answer)) == (410, "cursor-too-old")
    assert abreast.ask().status == 200
    behind.cursor, behind.rows = "", {}
    behind.pull(limit=1)  # page after page: who begins anew has nothing to miss
    assert not behind.shown("task")
    assert behind.verify() == {"behind": False, "differs": []}


def test_a_suspended_tablet_pulls_nothing(stage: Stage, tablet: Tablet):
    held = Held(tablet)
    held.pull()
    client = stage.make.signed_in(Role.SUPERVISOR)
    path = f"/api/v1/devices/{tablet.device_id}"
    tag = stage.make.signed_in(Role.AUDITOR).get(path).headers["ETag"]
    suspended = client.post(f"{path}/suspend", json={"reason": "遗失"}, headers={"If-Match": tag})
    assert suspended.status_code == 200, suspended.data
    answer = held.ask()
    assert (answer.status, code_of(answer)) == (403, "device-suspended")
    verified = tablet.request("POST", "/verify", {"cursor": held.cursor, "sets": []})
    assert verified.status == 403


# --- verify ------------------------------------------------------------------------------------


def test_verify_says_behind_before_it_compares(stage: Stage, tablet: Tablet):
    held = Held(tablet)
    held.pull()
    stage.task(tablet)
    assert held.verify([]) == {"behind": True, "differs": []}


def test_verify_names_the_sets_that_differ_and_those_the_tablet_lacks(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    held = Held(tablet)
    held.pull()
    scope = f"officer:{tablet.officer_id}"
    sets = held.sets()
    right = next(one for one in sets if (one["scope"], one["type"]) == (scope, "task"))
    wrong = {**right, "hash": "0" * 64}
    lacking = [one for one in sets if (one["scope"], one["type"]) != (scope, "unit")]
    found = held.verify([wrong if one is right else one for one in lacking])
    assert not found["behind"]
    assert {(one["scope"], one["type"]) for one in found["differs"]} == {
        (scope, "task"),
        (scope, "unit"),
    }
    assert right in found["differs"]
    strange = {"scope": scope, "type": "visit", "count": 3, "hash": "1" * 64}
    (extra,) = held.verify([*sets, strange])["differs"]
    assert (extra["type"], extra["count"]) == ("visit", 0)
    assert str(task.id) in held.shown("task")


# --- the projection itself ---------------------------------------------------------------------


def test_a_body_is_rendered_once_and_shared_by_the_scopes(stage: Stage, tablet: Tablet):
    task = stage.task(tablet, stage.tablet("bo"))
    unit = str(task.unit_id)
    assert stage.count(FeedRow, FeedRow.entity_key == unit) == 4  # three officers, the agency
    assert stage.count(FeedBody, FeedBody.entity_key == unit) == 1


def test_a_body_is_the_same_whichever_way_it_was_rendered(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    tablet.push(whole_visit(tablet, task))
    assert differences(stage) == []


def test_a_rebuild_writes_only_what_differs(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    held = Held(tablet)
    held.pull()
    with stage.make.writing():
        db.session.execute(
            sa.update(FeedBody).where(FeedBody.entity_key == str(task.id)).values(body="{}")
        )
        db.session.execute(sa.delete(FeedRow).where(FeedRow.entity_key == str(task.unit_id)))
    assert len(differences(stage)) >= 3

    with stage.make.writing():
        feed.rebuild(by=stage.make.by(), at=stage.clock())

    assert differences(stage) == []
    rows = held.pull()
    assert {row["id"] for row in rows} == {str(task.id), str(task.unit_id)}
    assert held.bodies("task")[str(task.id)]["visit_id"] == str(task.visit_id)
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []


def test_what_is_undone_is_not_told(stage: Stage, tablet: Tablet, desk: Desk):
    task = stage.task(tablet)
    held = Held(tablet)
    held.pull()
    with (
        pytest.raises(RuntimeError, match="undone"),
        stage.flask_app.app_context(),
        transaction(),
    ):
        units.change_unit(
            task.unit_id, {"name": "上海不成宾馆有限公司"}, by=desk.chen, at=stage.clock()
        )
        raise RuntimeError("undone")
    assert held.pull() == []


def test_finish_and_sign_reach_the_tablet_as_the_server_sees_them(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    held = Held(tablet)
    tablet.push([start(tablet, task), *(answer(tablet, task, code) for code in ITEMS)])
    tablet.push([finish(tablet, task), sign(tablet, task)])
    held.pull()
    body = held.bodies("visit")[str(task.visit_id)]
    assert (body["state"], body["outcome"]) == ("signed", "no-problem")
    assert held.bodies("task")[str(task.id)]["state"] == "submitted"
    assert len(held.shown("visit_answer")) == len(ITEMS)
    assert json.loads(json.dumps(body)) == body


def test_the_timetable_ends_wants_and_drops_tombstones_past_their_term(
    stage: Stage, tablet: Tablet, desk: Desk
):
    task = stage.task(tablet)
    unit = stage.make.unit()
    held = Held(tablet)
    held.pull(want=str(unit.id))
    desk.reassign(task, *(stage.make.officer().id for _ in range(2)))
    gone = stage.count(FeedRow, FeedRow.present.is_(False))
    with stage.flask_app.app_context():
        assert jobs.trim_feed(at=stage.clock()) == "0 wants ended, 0 tombstones dropped"
        tomorrow = stage.clock.forward(days=1)
        assert jobs.trim_feed(at=tomorrow) == "1 wants ended, 0 tombstones dropped"
        later = stage.clock.forward(days=400)
        assert jobs.trim_feed(at=later) == f"0 wants ended, {gone} tombstones dropped"
    assert differences(stage) == []
