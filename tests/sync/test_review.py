"""What waits for a supervisor, and what comes of deciding it."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.access import Role
from app.db import db
from app.journal import service as journal
from app.visits.models import VisitAnswer
from sync.cli import device
from sync.inbox.models import Operation, OperationWait, ReviewItem
from sync.inbox.rules import Decision, ReviewKind, ReviewState
from sync.review import rules
from tests.factories import OTHER_DISTRICT
from tests.sync.conftest import Stage, answer, start
from tests.sync.tablet import Tablet, op_of

PATH = "/api/sync/v1/review"
HEADERS = {"Sync-Protocol": "1"}


@pytest.fixture
def chen(stage: Stage) -> FlaskClient:
    """A supervisor of the agency."""
    return stage.make.signed_in(Role.SUPERVISOR)


def listed(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    found = client.get(f"{PATH}{query}", headers=HEADERS)
    assert found.status_code == 200, found.data
    items: list[dict[str, Any]] = json.loads(found.data)["items"]
    return items


def decide(
    client: FlaskClient, item_id: str, decision: str, reason: str = "已核实", **more: Any
) -> Any:
    shown = client.get(f"{PATH}/{item_id}", headers=HEADERS)
    return client.post(
        f"{PATH}/{item_id}",
        json={"decision": decision, "reason": reason, **more},
        headers={**HEADERS, "If-Match": shown.headers.get("ETag", '"1"')},
    )


def told(tablet: Tablet, line: bytes) -> list[tuple[str, str | None]]:
    """Every receipt of an operation, in order: status and reason."""
    found = tablet.request("GET", "/receipts?limit=1000").json["receipts"]
    bodies = [json.loads(one["body"]) for one in found]
    op_id = op_of(line)["op_id"]
    return [(one["status"], one["reason"]) for one in bodies if one["op_id"] == op_id]


@pytest.fixture
def conflict(stage: Stage, tablet: Tablet) -> tuple[Tablet, bytes, bytes]:
    """Bo's tablet, An's answer that stands, and Bo's that says otherwise."""
    bo = stage.tablet("bo")
    task = stage.task(tablet, bo)
    begin, stands = start(tablet, task), answer(tablet, task, "pp-licence", "yes")
    tablet.push([begin, stands])
    begin, other = start(bo, task), answer(bo, task, "pp-licence", "no", "许可证过期")
    bo.push([begin, other])
    return bo, stands, other


def test_a_conflict_shows_both_answers_and_what_can_be_decided(
    chen: FlaskClient, conflict: tuple[Tablet, bytes, bytes]
):
    bo, _, other = conflict

    items = listed(chen, "?kind=conflict")

    assert len(items) == 1
    item = items[0]
    assert json.loads(item["op"]) == op_of(other)
    assert (item["current"]["result"], item["kind"]) == ("yes", "conflict")
    assert item["possible"] == ["accept", "keep", "merge", "return", "decline"]
    assert item["device_id"] == str(bo.device_id)
    assert item["detail"] == {"fields": ["note", "result"]}


def test_an_accepted_answer_stands_and_its_tablet_is_told(
    stage: Stage, chen: FlaskClient, conflict: tuple[Tablet, bytes, bytes]
):
    bo, stands, other = conflict
    item = listed(chen)[0]

    decided = decide(chen, item["id"], "accept")

    assert decided.status_code == 200, decided.data
    assert (decided.json["state"], decided.json["decision"]) == ("decided", "accept")
    row = stage.one(VisitAnswer, op_of(stands)["entity_id"])
    assert (row.result, row.note, row.officer_id) == ("no", "许可证过期", bo.officer_id)
    assert told(bo, other) == [("conflict", "field-conflict"), ("applied", "accepted")]
    assert listed(chen) == []
    again = decide(chen, item["id"], "keep")
    assert (again.status_code, again.json["type"]) == (409, "/problems/already-decided")
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []
    events = stage.all(sa.text("SELECT event FROM journal_entry WHERE event LIKE 'review.%'"))
    assert [row.event for row in events] == ["review.decided"]


def test_what_stands_is_kept_by_a_decision_with_its_reason(
    stage: Stage, chen: FlaskClient, conflict: tuple[Tablet, bytes, bytes]
):
    bo, stands, other = conflict
    item = listed(chen)[0]

    assert decide(chen, item["id"], "keep", "").status_code == 422, "a reason is asked for"
    assert decide(chen, item["id"], "keep").status_code == 200

    assert stage.one(VisitAnswer, op_of(stands)["entity_id"]).result == "yes"
    assert told(bo, other)[-1] == ("conflict", "kept")
    shown = chen.get(f"{PATH}/{item['id']}", headers=HEADERS).json
    assert shown
    assert (shown["decision_reason"], shown["possible"]) == ("已核实", ["reopen"])


def test_an_answer_of_a_signed_visit_cannot_be_accepted_any_more(
    stage: Stage, chen: FlaskClient, tablet: Tablet, conflict: tuple[Tablet, bytes, bytes]
):
    _, stands, _ = conflict
    with stage.make.writing():
        db.session.execute(
            sa.text(
                "UPDATE visit SET state = 'signed', signed_at = started_at,"
                " signed_by_kind = 'device', outcome = 'no-problem', finished_at = started_at,"
                " finished_by_kind = 'device'"
            )
        )
    item = listed(chen)[0]

    refused = decide(chen, item["id"], "accept")

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/visit-locked")
    assert stage.one(VisitAnswer, op_of(stands)["entity_id"]).result == "yes"
    assert [one["id"] for one in listed(chen)] == [item["id"]], "it still waits"


def test_a_quarantined_operation_is_declined_with_all_that_waits_for_it_and_stays_readable(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task = stage.task(tablet)
    bad = tablet.op("visit.interrupt", task.visit_id, {})
    child = tablet.op("task.accept", task.id, {}, depends_on=[op_of(bad)["op_id"]])
    grandchild = start(tablet, task, depends_on=[op_of(child)["op_id"]])
    tablet.push([bad, child, grandchild])
    item = listed(chen)[0]

    assert decide(chen, item["id"], "decline").status_code == 200

    assert told(tablet, bad)[-1] == ("quarantined", "declined")
    assert told(tablet, child)[-1] == ("quarantined", "parent-declined")
    assert told(tablet, grandchild)[-1] == ("quarantined", "parent-declined")
    assert stage.count(OperationWait) == 0
    kept = {row.op for row in stage.all(sa.select(Operation.op))}
    assert kept == {json.loads(line)["op"] for line in (bad, child, grandchild)}
    assert {one["reason"] for one in listed(chen)} == {"parent-declined"}
    late = tablet.op("task.accept", task.id, {}, depends_on=[op_of(bad)["op_id"]])
    result = tablet.push([late]).json["results"][0]
    assert (result["outcome"], result["reason"]) == ("quarantined", "parent-declined")


@pytest.mark.parametrize("decision", ["accept", "merge", "keep"])
def test_a_decision_that_is_not_possible_says_what_is(
    stage: Stage, chen: FlaskClient, tablet: Tablet, decision: str
):
    tablet.push([tablet.op("visit.interrupt", stage.task(tablet).visit_id, {})])
    item = listed(chen)[0]

    refused = decide(chen, item["id"], decision)

    assert refused.status_code == 409
    assert refused.json["type"] == "/problems/decision-not-possible"
    assert refused.json["possible"] == ["reopen", "return", "decline"]
    assert refused.json["detail"]


def test_what_is_held_is_shown_after_five_days(stage: Stage, chen: FlaskClient, tablet: Tablet):
    missing = tablet.op("task.accept", stage.task(tablet).id, {})
    task = stage.task(tablet)
    waits = tablet.op("task.accept", task.id, {}, depends_on=[op_of(missing)["op_id"]])
    tablet.push([waits])
    assert [one["kind"] for one in listed(chen)] == ["gap"]

    stage.clock.forward(hours=11)
    stage.clock.forward(days=5)
    fresh = stage.make.signed_in(Role.SUPERVISOR)

    assert {one["kind"] for one in listed(fresh)} == {"gap", "held"}
    held = listed(fresh, "?kind=held")[0]
    assert decide(fresh, held["id"], "decline").status_code == 200
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    assert told(tablet, waits) == [("held", "waiting"), ("quarantined", "declined")]
    tablet.push([missing])
    assert told(tablet, waits)[-1] == ("quarantined", "declined"), "its parent comes too late"


def test_the_list_pages_and_is_the_agencys_own(stage: Stage, chen: FlaskClient, tablet: Tablet):
    lines = [tablet.op("visit.interrupt", stage.task(tablet).visit_id, {}) for _ in range(5)]
    tablet.push(lines)

    seen, cursor, more = [], "", True
    while more:
        answered = chen.get(f"{PATH}?limit=2&cursor={cursor}", headers=HEADERS).json
        assert answered
        seen += [one["id"] for one in answered["items"]]
        cursor, more = answered["cursor"], answered["more"]

    assert len(seen) == len(set(seen)) == 5
    elsewhere = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    stranger = stage.make.signed_in(Role.SUPERVISOR, agency=elsewhere)
    assert listed(stranger) == []
    assert decide(stranger, seen[0], "decline").status_code == 404
    assert stranger.get(f"{PATH}/{seen[0]}", headers=HEADERS).status_code == 404
    assert stage.make.signed_in(Role.OFFICER).get(PATH, headers=HEADERS).status_code == 403
    assert chen.get(PATH).status_code == 406, "the list speaks the protocol too"


def test_a_gap_and_a_clock_are_taken_note_of(stage: Stage, chen: FlaskClient, tablet: Tablet):
    tablet.op("task.accept", stage.task(tablet).id, {})
    tablet.push([start(tablet, stage.task(tablet), recorded_at="1970-01-01T00:00:00.000Z")])

    for item in listed(chen):
        assert item["possible"] == ["keep"]
        assert decide(chen, item["id"], "keep").status_code == 200

    assert listed(chen) == []
    assert stage.count(ReviewItem, ReviewItem.state == "decided") == 2


@pytest.mark.parametrize("kind", list(ReviewKind))
@pytest.mark.parametrize("reason", ["any", "malformed", "task-gone", "author"])
def test_every_item_can_be_decided_somehow_and_every_refusal_has_its_words(
    kind: ReviewKind, reason: str
):
    case = rules.Case(kind, reason, ReviewState.OPEN, "visit.answer_item", "quarantined")

    offered = rules.possible(case)

    assert offered
    assert len(offered) == len(set(offered))
    assert all(rules.why_not(case, decision) for decision in set(Decision) - set(offered))


def test_a_code_from_the_command_line_enrols_a_tablet(stage: Stage):
    stage.officer("an")
    runner = stage.flask_app.test_cli_runner()

    printed = runner.invoke(device, ["code", "--login", "an"])
    unknown = runner.invoke(device, ["code", "--login", "nobody"])

    assert unknown.exit_code == 1
    code = printed.output.split()[0]
    assert stage.blank().enrol(code, "an", "correct horse battery").status == 201


def test_an_operation_that_came_without_its_visit_is_accepted_once_the_visit_is_there(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task = stage.task(tablet)
    begin = start(tablet, task)
    early = answer(tablet, task, "pp-licence", "no", "过期")
    waits = answer(tablet, task, "pp-shown", depends_on=[op_of(early)["op_id"]])
    assert [one["reason"] for one in tablet.push([early, waits]).json["results"]] == [
        "visit-unknown",
        "waiting",
    ]
    item = listed(chen, "?kind=quarantine")[0]
    assert item["possible"] == ["accept", "merge", "reopen", "return", "decline"]
    refused = decide(chen, item["id"], "accept")
    assert (refused.status_code, refused.json["type"]) == (404, "/problems/visit-unknown")

    tablet.push([begin])
    assert decide(chen, item["id"], "accept").status_code == 200

    assert told(tablet, early) == [("quarantined", "visit-unknown"), ("applied", "accepted")]
    assert told(tablet, waits) == [("held", "waiting"), ("applied", None)]
    assert stage.count(VisitAnswer) == 2
    assert stage.one(VisitAnswer, op_of(early)["entity_id"]).officer_id == tablet.officer_id
    assert listed(chen) == []
    assert tablet.request("GET", "/devices/me").json["device_seq"] == 3


def test_an_accepted_operation_that_would_fight_what_stands_is_not_applied(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task = stage.task(tablet)
    begin = start(tablet, task)
    early = answer(tablet, task, "pp-licence", "no", "过期")
    now = answer(tablet, task, "pp-licence", "yes")
    tablet.push([early])
    tablet.push([begin, now])
    item = listed(chen, "?kind=quarantine")[0]

    refused = decide(chen, item["id"], "accept")

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/still-disputed")
    assert stage.one(VisitAnswer, op_of(now)["entity_id"]).result == "yes"
    assert [one["id"] for one in listed(chen)] == [item["id"]]
