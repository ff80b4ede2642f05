"""What supervisors decide, and how the tablet learns of it: merge, reopen, return, late work."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.access import Role
from app.db import db
from app.evidence.models import Evidence, EvidenceLink
from app.journal import service as journal
from app.people.models import Officer
from app.tasks import service as tasks
from app.tasks.models import Task
from app.units.models import Unit
from app.visits.models import Finding, Visit, VisitAnswer
from sync.devices import service as devices
from sync.devices.models import DeviceNotice
from sync.devices.rules import DeviceState
from sync.feed import service as feed
from sync.inbox.models import Operation, OperationWait, ReviewItem
from sync.review.absences import list_missing_photos
from tests.sync.conftest import Stage, answer, finish, start, whole_visit
from tests.sync.held import Held
from tests.sync.tablet import Tablet, op_of
from tests.sync.test_review import HEADERS, PATH, decide, listed, told

PHOTO = {"sha256": "ab" * 32, "size": 1000, "mime": "image/jpeg", "role": "photo"}


@pytest.fixture
def chen(stage: Stage) -> FlaskClient:
    """A supervisor of the agency."""
    return stage.make.signed_in(Role.SUPERVISOR)


@pytest.fixture
def bo(stage: Stage) -> Tablet:
    """Bo's tablet."""
    return stage.tablet("bo")


def notices(tablet: Tablet) -> list[dict[str, Any]]:
    """What the tablet was told in its feed."""
    held = Held(tablet)
    held.pull()
    return list(held.bodies("device_notice").values())


def dispute(stage: Stage, tablet: Tablet, bo: Tablet) -> tuple[bytes, bytes]:
    """An's answer that stands, and Bo's that says otherwise."""
    task = stage.task(tablet, bo)
    begin, stands = start(tablet, task), answer(tablet, task, "pp-licence", "yes", "有证")
    tablet.push([begin, stands])
    stage.clock.forward(minutes=5)
    seen = {"result": "no", "note": None}
    begin, other = start(bo, task), answer(bo, task, "pp-licence", "no", "许可证过期", base=seen)
    bo.push([begin, other])
    return stands, other


# --- side by side ------------------------------------------------------------------------------


def test_a_conflict_shows_each_field_side_by_side_with_who_said_it_when_and_where(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    stands, other = dispute(stage, tablet, bo)

    item = listed(chen, "?kind=conflict")[0]

    sides = {side["field"]: side for side in item["sides"]}
    assert set(sides) == {"result", "note"}
    result = sides["result"]
    assert (result["base"], result["theirs"], result["current"]) == ("no", "no", "yes")
    assert result["disputed"] is True
    assert result["theirs_by"]["device_id"] == str(bo.device_id)
    assert result["theirs_by"]["officer_id"] == str(bo.officer_id)
    assert result["theirs_by"]["recorded_at"] == op_of(other)["recorded_at"]
    assert result["current_by"]["device_id"] == str(tablet.device_id)
    assert result["current_by"]["recorded_at"] == op_of(stands)["recorded_at"]


def test_the_list_can_be_asked_by_reason_device_and_state_and_counted(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    dispute(stage, tablet, bo)
    tablet.push([tablet.op("visit.interrupt", uuid4(), {})])

    assert len(listed(chen)) == 2
    assert [one["kind"] for one in listed(chen, "?reason=operation-fields-wrong")] == ["quarantine"]
    assert [one["kind"] for one in listed(chen, f"?device_id={bo.device_id}")] == ["conflict"]
    assert listed(chen, "?state=decided") == []
    counted = chen.get(f"{PATH}/counts", headers=HEADERS).json
    assert counted
    assert [(one["kind"], one["reason"], one["count"]) for one in counted["counts"]] == [
        ("conflict", "field-conflict", 1),
        ("quarantine", "operation-fields-wrong", 1),
    ]
    decide(chen, listed(chen)[0]["id"], "keep")
    assert [one["decision"] for one in listed(chen, "?state=decided")] == ["keep"]


# --- merge -------------------------------------------------------------------------------------


def test_a_merge_writes_each_field_as_decided_and_the_tablet_is_told(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    stands, other = dispute(stage, tablet, bo)
    item = listed(chen)[0]

    merged = decide(chen, item["id"], "merge", fields={"result": "no", "note": "有证，已过期"})

    assert merged.status_code == 200, merged.data
    assert merged.json["decision_fields"] == {"result": "no", "note": "有证，已过期"}
    row = stage.one(VisitAnswer, op_of(stands)["entity_id"])
    assert (row.result, row.note) == ("no", "有证，已过期")
    assert told(bo, other) == [("conflict", "field-conflict"), ("merged", "merged")]
    told_bo = notices(bo)
    assert [(one["decision"], one["decision_reason"]) for one in told_bo] == [("merge", "已核实")]
    assert told_bo[0]["op_id"] == op_of(other)["op_id"]
    assert notices(tablet) == [], "it is the other tablet's matter"
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []
        assert feed.differences() == []
    texts = "".join(row.text for row in stage.all(sa.text("SELECT text FROM journal_entry")))
    assert "已过期" not in texts
    assert "已核实" not in texts


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (None, ["fields"]),
        ({}, ["fields"]),
        ({"result": "perhaps"}, ["result"]),
        ({"visit_id": "x"}, ["visit_id"]),
        ({"note": "\u0000"}, ["note"]),
        ({"note": 5, "result": "yes"}, ["note"]),
    ],
)
def test_a_merge_that_breaks_the_rules_of_the_operation_is_refused_and_the_item_waits(
    stage: Stage,
    chen: FlaskClient,
    tablet: Tablet,
    bo: Tablet,
    fields: Any,
    wrong: list[str],
):
    stands, _ = dispute(stage, tablet, bo)
    item = listed(chen)[0]

    refused = decide(chen, item["id"], "merge", fields=fields)

    assert (refused.status_code, refused.json["type"]) == (422, "/problems/merge-wrong")
    assert refused.json["fields"] == wrong
    assert stage.one(VisitAnswer, op_of(stands)["entity_id"]).note == "有证"
    assert [one["id"] for one in listed(chen)] == [item["id"]]


def test_a_finding_in_conflict_is_accepted_or_merged_like_an_answer(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    task, found = stage.task(tablet, bo), uuid4()
    said = {"visit_id": str(task.visit_id), "text": "泳池水浑浊"}
    tablet.push([start(tablet, task), tablet.op("visit.state_finding", found, said)])
    other = {**said, "text": "泳池水发绿", "correct_within_days": 3}
    bo.push([start(bo, task), bo.op("visit.state_finding", found, other)])
    item = listed(chen, "?kind=conflict")[0]

    assert decide(chen, item["id"], "keep", fields={"text": "x"}).status_code == 422
    assert decide(chen, item["id"], "accept").status_code == 200

    row = stage.one(Finding, found)
    assert (row.text, row.correct_within_days, row.officer_id) == ("泳池水发绿", 3, bo.officer_id)


# --- corrections of a unit ---------------------------------------------------------------------


def propose(stage: Stage, tablet: Tablet, **fields: Any) -> tuple[Unit, bytes]:
    """A correction of a unit as an officer proposes it."""
    unit = stage.one(Unit, stage.task(tablet).unit_id)
    line = tablet.op("unit.propose_correction", unit.id, fields, base={"phone": unit.phone})
    tablet.push([line])
    return unit, line


def test_an_accepted_correction_changes_the_unit_with_the_supervisor_as_actor(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    unit, line = propose(stage, tablet, phone="021-5555 0101", name="祥云泳馆")
    item = listed(chen)[0]
    assert [side["field"] for side in item["sides"]] == ["name", "phone"]
    assert item["sides"][0]["current"] == unit.name

    assert decide(chen, item["id"], "accept").status_code == 200

    row = stage.one(Unit, unit.id)
    assert (row.phone, row.name, row.version) == ("021-5555 0101", "祥云泳馆", unit.version + 1)
    assert told(tablet, line) == [("conflict", "unit-correction"), ("applied", "accepted")]
    entries = stage.all(
        sa.text("SELECT actor_kind FROM journal_entry WHERE event = 'unit.changed'")
    )
    assert [row.actor_kind for row in entries] == ["user"]


def test_a_correction_is_taken_in_part_or_refused_by_the_rules_of_the_register(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    unit, line = propose(stage, tablet, phone="021-5555 0101", name="祥云泳馆")
    item = listed(chen)[0]

    refused = decide(chen, item["id"], "merge", fields={"name": " "})
    merged = decide(chen, item["id"], "merge", fields={"phone": "021-5555 0102"})

    assert (refused.status_code, refused.json["type"]) == (422, "/problems/unit-invalid")
    assert merged.status_code == 200, merged.data
    row = stage.one(Unit, unit.id)
    assert (row.phone, row.name) == ("021-5555 0102", unit.name)
    assert told(tablet, line)[-1] == ("merged", "merged")


# --- late work ---------------------------------------------------------------------------------


def reassigned(stage: Stage, tablet: Tablet, bo: Tablet) -> Task:
    """A task that left An's list for Bo's while An was offline."""
    task, mate = stage.task(tablet), stage.make.officer()
    with stage.make.writing():
        team = [db.session.get_one(Officer, bo.officer_id), mate]
        tasks.reassign_task(
            task.id,
            [one.id for one in team],
            bo.officer_id,
            reason="换班",
            by=stage.make.by(stage.make.home()),
            at=stage.clock(),
        )
    return task


def test_late_work_is_accepted_as_an_addendum_with_its_author_and_photos(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    task = reassigned(stage, tablet, bo)
    begin = start(tablet, task)
    late = answer(tablet, task, "pp-licence", "no", "过期", attachments=[PHOTO])
    bo.push([start(bo, task)])
    pushed = tablet.push([begin, late, finish(tablet, task)]).json["results"]
    assert {one["reason"] for one in pushed} == {"late-contribution"}
    items = {json.loads(one["op"])["type"]: one for one in listed(chen, "?kind=late")}

    assert "accept" not in items["visit.finish"]["possible"], "the visit is another's"
    for type_ in ("visit.start", "visit.answer_item"):
        decided = decide(chen, items[type_]["id"], "accept")
        assert decided.status_code == 200, decided.data

    visit = stage.one(Visit, task.visit_id)
    assert {one.officer_id for one in visit.attendance} == {tablet.officer_id, bo.officer_id}
    row = stage.one(VisitAnswer, op_of(late)["entity_id"])
    assert (row.result, row.officer_id) == ("no", tablet.officer_id)
    assert stage.count(EvidenceLink, EvidenceLink.subject_id == row.id) == 1
    assert told(tablet, late)[-1] == ("applied", "accepted")


def test_late_work_that_fights_what_the_new_team_said_is_merged_field_by_field(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    task = reassigned(stage, tablet, bo)
    late = answer(tablet, task, "pp-licence", "no", "过期")
    begin, stands = start(bo, task), answer(bo, task, "pp-licence", "yes")
    bo.push([begin, stands])
    tablet.push([late])
    item = listed(chen, "?kind=late")[0]

    refused = decide(chen, item["id"], "accept")
    merged = decide(chen, item["id"], "merge", fields={"result": "no", "note": "过期"})

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/still-disputed")
    assert refused.json["disputed"] == ["note", "result"]
    assert merged.status_code == 200, merged.data
    assert stage.one(VisitAnswer, op_of(late)["entity_id"]).result == "no"


def test_late_work_on_a_signed_visit_is_not_accepted_the_signed_record_stays(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    task = reassigned(stage, tablet, bo)
    whole = whole_visit(bo, task)
    bo.push(whole[:3])
    tablet.push([answer(tablet, task, "pp-licence", "no", "过期")])
    bo.push(whole[3:])
    item = listed(chen, "?kind=late")[0]

    refused = decide(chen, item["id"], "accept")

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/visit-locked")
    assert [one["id"] for one in listed(chen, "?kind=late")] == [item["id"]]


# --- reopen ------------------------------------------------------------------------------------


def test_reopened_work_is_decided_by_the_rules_again_once_the_task_is_back(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    task = reassigned(stage, tablet, bo)
    begin = start(tablet, task)
    child = answer(tablet, task, "pp-licence", depends_on=[op_of(begin)["op_id"]])
    tablet.push([begin, child])
    item = listed(chen, "?kind=late")[0]

    still = decide(chen, item["id"], "reopen")
    assert still.status_code == 200
    assert (still.json["state"], still.json["reason"]) == ("open", "late-contribution")
    mate = stage.make.officer()
    with stage.make.writing():
        tasks.reassign_task(
            task.id,
            [tablet.officer_id, mate.id],
            tablet.officer_id,
            reason="换回",
            by=stage.make.by(stage.make.home()),
            at=stage.clock(),
        )
    decided = decide(chen, item["id"], "reopen")

    assert (decided.json["state"], decided.json["decision"]) == ("decided", "reopen")
    assert told(tablet, begin)[-1] == ("applied", None)
    assert told(tablet, child) == [("held", "waiting"), ("applied", None)]
    assert stage.count(OperationWait) == 0
    again = decide(chen, item["id"], "reopen")
    assert (again.status_code, again.json["type"]) == (409, "/problems/already-decided")


def test_a_declined_operation_can_be_reopened_and_accepted_after_all(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task = stage.task(tablet)
    early = answer(tablet, task, "pp-licence", "no", "过期")
    tablet.push([early])
    item = listed(chen, "?kind=quarantine")[0]
    assert decide(chen, item["id"], "decline").status_code == 200
    assert listed(chen) == []

    reopened = decide(chen, item["id"], "reopen")
    assert (reopened.json["state"], reopened.json["reason"]) == ("open", "visit-unknown")
    tablet.push([start(tablet, task)])
    assert decide(chen, item["id"], "accept").status_code == 200

    assert told(tablet, early) == [
        ("quarantined", "visit-unknown"),
        ("quarantined", "declined"),
        ("quarantined", "visit-unknown"),
        ("applied", "accepted"),
    ]
    assert [one["decision"] for one in notices(tablet)] == ["accept"]


def test_work_of_a_suspended_tablet_is_taken_when_it_is_reopened_after_its_reinstatement(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    home = stage.make.home()

    def become(state: DeviceState) -> None:
        with stage.make.writing():
            by = stage.make.by(home)
            devices.change_state(tablet.device_id, state, "核查", by=by, at=stage.clock())

    task = stage.task(tablet)
    become(DeviceState.SUSPENDED)
    line = tablet.op("task.accept", task.id, {})
    tablet.push([line])
    item = listed(chen)[0]

    assert decide(chen, item["id"], "reopen").json["reason"] == "device-suspended"
    become(DeviceState.ACTIVE)
    assert decide(chen, item["id"], "reopen").json["state"] == "decided"

    assert stage.one(Task, task.id).state == "accepted"
    assert told(tablet, line)[-1] == ("applied", None)


# --- return ------------------------------------------------------------------------------------


def test_returned_work_reaches_the_inspector_with_its_reason_and_is_answered_by_a_new_operation(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    _, other = dispute(stage, tablet, bo)
    item = listed(chen)[0]

    assert decide(chen, item["id"], "return", "请补拍许可证照片").status_code == 200

    assert told(bo, other)[-1] == ("conflict", "returned")
    notice = notices(bo)[0]
    assert notice["decision_reason"] == "请补拍许可证照片"
    assert (notice["decision"], notice["op_type"]) == ("return", "visit.answer_item")
    assert (notice["op_id"], notice["entity_id"]) == (
        op_of(other)["op_id"],
        op_of(other)["entity_id"],
    )
    shown = chen.get(f"{PATH}/{item['id']}", headers=HEADERS).json
    assert shown
    assert shown["answered_by"] is None
    stage.clock.forward(minutes=10)
    fields = op_of(other)["fields"]
    new = bo.op(
        "visit.answer_item",
        op_of(other)["entity_id"],
        {**fields, "note": "过期，见照片"},
        base_version=1,
    )
    assert bo.push([new]).json["results"][0]["outcome"] in {"applied", "merged"}
    shown = chen.get(f"{PATH}/{item['id']}", headers=HEADERS).json
    assert shown
    assert shown["answered_by"] == op_of(new)["op_id"]


def test_what_waits_for_returned_work_is_kept_and_can_be_accepted_later(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task = stage.task(tablet)
    begin = tablet.op("visit.start", task.visit_id, {"unit_id": "x"})
    child = tablet.op("task.accept", task.id, {}, depends_on=[op_of(begin)["op_id"]])
    tablet.push([begin, child])

    assert decide(chen, listed(chen)[0]["id"], "return", "请重新开始检查").status_code == 200

    assert told(tablet, child)[-1] == ("quarantined", "parent-declined")
    item = listed(chen)[0]
    assert decide(chen, item["id"], "accept").status_code == 200
    assert stage.one(Task, task.id).state == "accepted"


# --- two supervisors ---------------------------------------------------------------------------


def test_of_two_supervisors_who_decide_at_once_one_does_and_the_other_hears_of_it(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    stands, other = dispute(stage, tablet, bo)
    item = listed(chen)[0]
    second = stage.make.signed_in(Role.SUPERVISOR)

    def say(one: tuple[FlaskClient, str]) -> tuple[int, str]:
        client, decision = one
        for _ in range(50):
            found = client.post(
                f"{PATH}/{item['id']}",
                json={"decision": decision, "reason": "已核实"},
                headers={**HEADERS, "If-Match": f'"{item["version"]}"'},
            )
            if found.status_code != 503:
                break
        return found.status_code, (found.json or {}).get("type", "")

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(say, [(chen, "accept"), (second, "keep")]))

    assert sorted(status for status, _ in said)[0] == 200
    lost = next(one for one in said if one[0] != 200)
    assert lost in {(409, "/problems/already-decided"), (412, "/problems/version-stale")}
    assert len(told(bo, other)) == 2
    won = "no" if said[0][0] == 200 else "yes"
    assert stage.one(VisitAnswer, op_of(stands)["entity_id"]).result == won
    missing = chen.post(
        f"{PATH}/{item['id']}", json={"decision": "keep", "reason": "x"}, headers=HEADERS
    )
    assert missing.status_code == 428


# --- photos that stay away ---------------------------------------------------------------------


def test_a_photo_that_stays_away_is_listed_once_and_leaves_when_it_arrives(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task = stage.task(tablet)
    begin, line = start(tablet, task), answer(tablet, task, "pp-licence", attachments=[PHOTO])
    tablet.push([begin, line])

    def look() -> str:
        with stage.flask_app.app_context():
            return list_missing_photos(at=stage.clock())

    assert look() == "0 photos missing, 0 arrived"
    stage.clock.forward(days=6)
    assert look() == "1 photos missing, 0 arrived"
    assert look() == "0 photos missing, 0 arrived"
    fresh = stage.make.signed_in(Role.SUPERVISOR)
    item = listed(fresh, "?kind=photos")[0]
    assert item["detail"] == {"sha256": PHOTO["sha256"]}
    assert (item["device_id"], item["possible"]) == (str(tablet.device_id), ["keep"])
    assert json.loads(item["op"]) == op_of(line)

    with stage.make.writing():
        stored = {"state": "stored", "stored_at": stage.clock(), "stored_by_kind": "device"}
        db.session.execute(sa.update(Evidence).values(stored))
    assert look() == "0 photos missing, 1 arrived"
    assert listed(fresh, "?kind=photos") == []


def test_notices_are_kept_by_the_feed_as_a_fresh_projection_would(
    stage: Stage, chen: FlaskClient, tablet: Tablet, bo: Tablet
):
    dispute(stage, tablet, bo)
    item = listed(chen)[0]
    decide(chen, item["id"], "decline")
    decide(chen, item["id"], "reopen")
    decide(chen, item["id"], "accept")

    held = Held(bo)
    held.pull()

    assert held.verify() == {"behind": False, "differs": []}
    with stage.flask_app.app_context():
        assert feed.differences() == []
        notice = db.session.scalars(sa.select(DeviceNotice)).one()
    assert (notice.decision, notice.version) == ("accept", 3)
    assert stage.count(ReviewItem, ReviewItem.state == "decided") == 1
    assert stage.count(Operation, Operation.reason == "accepted") == 1
