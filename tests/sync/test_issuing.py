"""Orders, penalties and samples of tablets: each has its effect once, or waits for a person."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.access import Role
from app.cases.models import PenaltyCase
from app.documents.models import Document, NumberBlock
from app.evidence.models import EvidenceLink
from app.journal import service as journal
from app.tasks import service as tasks
from app.tasks.models import Task
from app.units.models import Unit
from app.visits.models import CorrectiveOrder, Sample
from scheduler.jobs import follow_orders
from sync.cli import sync
from sync.devices import service as devices
from sync.devices.rules import DeviceState
from sync.feed import service as feed
from sync.inbox.models import Operation, ReviewItem
from sync.inbox.pushing import read_forms, replay_batches
from tests.sync.conftest import Stage, answer, finish, sign, start, whole_visit
from tests.sync.held import Held
from tests.sync.pushed import outcomes
from tests.sync.tablet import Tablet, op_of
from tests.sync.test_review import decide, listed, told

TYPES = ("order.issue", "decision.issue", "sample.record")
ROWS: dict[str, type[Any]] = {
    "order.issue": CorrectiveOrder,
    "decision.issue": PenaltyCase,
    "sample.record": Sample,
}
SERIES = {
    "order.issue": "corrective-order:2026",
    "decision.issue": "on-site-decision:2026",
    "sample.record": "sampling-record:2026",
}
FACT = "张三在禁烟场所吸烟，不听劝阻"
PARTY = "张三"


@dataclass
class Scene:
    """A visit that An and Bo have begun, with a finding of An's; papers are written for it."""

    stage: Stage
    an: Tablet
    bo: Tablet
    task: Task
    finding_id: UUID

    def serial(self, tablet: Tablet, type_: str) -> int:
        """The first number of the tablet's block."""
        query = sa.select(NumberBlock.first).where(
            NumberBlock.device_id == tablet.device_id, NumberBlock.series == SERIES[type_]
        )
        return int(self.stage.all(query)[0].first)

    def fields(self, type_: str) -> dict[str, Any]:
        """What the paper says beside its number."""
        if type_ == "order.issue":
            return {
                "violation": FACT,
                "basis": "上海市公共场所控制吸烟条例",
                "demand": "立即改正",
                "correct_within_days": 15,
                "items": [{"text": FACT, "finding_id": str(self.finding_id)}],
            }
        if type_ == "decision.issue":
            officers = [self.an.officer_id, self.bo.officer_id]
            return {
                "finding_id": str(self.finding_id),
                "cause_code": "smoking",
                "party_kind": "citizen",
                "party_name": PARTY,
                "act": FACT,
                "penalty_kind": "fine",
                "basis": "上海市公共场所控制吸烟条例第十九条",
                "amount_fen": 10000,
                "decided_at": "2026-11-21T01:00:00.000Z",
                "place": "候诊区",
                "payment": "15日内缴至指定银行",
                "remedies": "60日内申请行政复议，六个月内提起行政诉讼",
                "organ": "长宁区卫生健康委员会",
                "officer_ids": [str(one) for one in officers],
            }
        return {
            "sample": "泳池水",
            "amount": "500ml×2",
            "method": "GB/T 18204.6",
            "sampled_at": "2026-11-21T00:30:00.000Z",
            "place": "深水区",
        }

    def paper(
        self,
        tablet: Tablet,
        type_: str,
        *,
        more: int = 0,
        serial: int | None = None,
        fields: dict[str, Any] | None = None,
        without: tuple[str, ...] = (),
        **changed: Any,
    ) -> bytes:
        """An operation that issues a paper: the number `more` after the block's first."""
        number = self.serial(tablet, type_) + more if serial is None else serial
        said = {
            "series": SERIES[type_],
            "serial": number,
            "unit_id": str(self.task.unit_id),
            "visit_id": str(self.task.visit_id),
            **self.fields(type_),
            **(fields or {}),
        }
        for name in without:
            del said[name]
        return tablet.op(type_, changed.pop("id_", uuid4()), said, **changed)

    def reassign(self) -> None:
        """The task goes to Bo and a colleague; An's work is late from now on."""
        mate = self.stage.make.officer()
        with self.stage.make.writing():
            tasks.reassign_task(
                self.task.id,
                [self.bo.officer_id, mate.id],
                self.bo.officer_id,
                reason="调岗",
                by=self.stage.make.by(self.stage.make.home()),
                at=self.stage.clock(),
            )

    def count(self, type_: str) -> int:
        return self.stage.count(ROWS[type_])


@pytest.fixture
def chen(stage: Stage) -> FlaskClient:
    """A supervisor of the agency."""
    return stage.make.signed_in(Role.SUPERVISOR)


@pytest.fixture
def scene(stage: Stage, tablet: Tablet) -> Scene:
    """An and Bo at one visit."""
    bo = stage.tablet("bo")
    task = stage.task(tablet, bo)
    finding_id = uuid4()
    found = {"visit_id": str(task.visit_id), "text": FACT}
    tablet.push([start(tablet, task), tablet.op("visit.state_finding", finding_id, found)])
    bo.push([start(bo, task)])
    return Scene(stage, tablet, bo, task, finding_id)


def settled(stage: Stage) -> None:
    """The feed is what a fresh projection would be, and the journal's chain holds."""
    with stage.flask_app.app_context():
        assert feed.differences() == []
        assert journal.verify()[1] == []


# --- one paper, one effect ---------------------------------------------------------------------


@pytest.mark.parametrize("type_", TYPES)
def test_a_paper_comes_in_with_its_effect_under_one_id_and_number(scene: Scene, type_: str):
    photo = {"sha256": "ab" * 32, "size": 9, "mime": "image/jpeg", "role": "photo"}
    line = scene.paper(scene.an, type_, attachments=[photo])

    assert outcomes(scene.an.push([line])) == [("applied", None)]

    entity_id = op_of(line)["entity_id"]
    row, paper = scene.stage.one(ROWS[type_], entity_id), scene.stage.one(Document, entity_id)
    assert (row.document_id, row.number) == (paper.id, paper.number)
    assert paper.serial == op_of(line)["fields"]["serial"]
    assert scene.stage.count(EvidenceLink, EvidenceLink.subject_type == "document") == 1
    assert scene.stage.count(Operation, Operation.entity_version == row.version) >= 1
    texts = "".join(one.text for one in scene.stage.all(sa.text("SELECT text FROM journal_entry")))
    for word in (PARTY, "吸烟", "泳池水"):
        assert word not in texts
    settled(scene.stage)


@pytest.mark.parametrize("type_", TYPES)
def test_the_same_operation_again_is_a_duplicate_and_a_replay_changes_nothing(
    scene: Scene, type_: str
):
    line = scene.paper(scene.an, type_)
    first = scene.an.push([line])
    again = scene.an.push([line])

    assert outcomes(again) == [("duplicate", None)]
    assert again.json["results"][0]["receipt"] == first.json["results"][0]["receipt"]
    keys = scene.stage.flask_app.extensions["suicha_keys"]
    with scene.stage.flask_app.app_context():
        assert replay_batches(keys=keys, at=scene.stage.clock()).decided == 0
    assert (scene.count(type_), scene.stage.count(Document)) == (1, 1)


@pytest.mark.parametrize("type_", TYPES)
def test_a_number_of_anothers_block_gives_neither_paper_nor_effect(scene: Scene, type_: str):
    line = scene.paper(scene.an, type_, serial=scene.serial(scene.bo, type_))
    assert outcomes(scene.an.push([line])) == [("quarantined", "number-not-yours")]
    assert (scene.count(type_), scene.stage.count(Document)) == (0, 0)


@pytest.mark.parametrize("type_", TYPES)
def test_a_number_that_was_used_gives_no_second_effect(scene: Scene, type_: str):
    other = uuid4()
    found = {"visit_id": str(scene.task.visit_id), "text": "又一处"}
    scene.an.push([scene.an.op("visit.state_finding", other, found)])
    changed: dict[str, dict[str, Any]] = {
        "order.issue": {"items": [{"text": "又一处", "finding_id": str(other)}]},
        "decision.issue": {"finding_id": str(other)},
        "sample.record": {"sample": "毛巾"},
    }
    first = scene.paper(scene.an, type_)
    second = scene.paper(scene.an, type_, fields=changed[type_])
    assert outcomes(scene.an.push([first, second])) == [
        ("applied", None),
        ("quarantined", "number-used"),
    ]
    assert scene.count(type_) == 1


WRONG: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("order.issue", {"items": []}, ()),
    ("order.issue", {"items": [{"text": ""}]}, ()),
    ("order.issue", {"items": [{"text": "x", "finding_id": "y"}]}, ()),
    ("order.issue", {"items": [{"text": "x", "more": 1}]}, ()),
    ("order.issue", {"items": "x"}, ()),
    ("order.issue", {"deadline_on": "2026-02-31"}, ()),
    ("order.issue", {"correct_within_days": -1}, ()),
    ("order.issue", {}, ("visit_id",)),
    ("decision.issue", {"amount_fen": -1}, ()),
    ("decision.issue", {"amount_fen": True}, ()),
    ("decision.issue", {"penalty_kind": "prison"}, ()),
    ("decision.issue", {"party_kind": "dog"}, ()),
    ("decision.issue", {"decided_at": "2026-11-21"}, ()),
    ("decision.issue", {}, ("finding_id",)),
    ("decision.issue", {}, ("cause_code",)),
    ("sample.record", {"sampled_at": "yesterday"}, ()),
    ("sample.record", {"sample": ""}, ()),
    ("sample.record", {"surprise": "x"}, ()),
    ("sample.record", {}, ("series",)),
]


@pytest.mark.parametrize(("type_", "fields", "without"), WRONG)
def test_wrong_fields_are_kept_and_not_done(
    scene: Scene, type_: str, fields: dict[str, Any], without: tuple[str, ...]
):
    line = scene.paper(scene.an, type_, fields=fields, without=without)
    assert outcomes(scene.an.push([line])) == [("quarantined", "operation-fields-wrong")]
    kept = scene.stage.all(sa.select(Operation.problem).where(Operation.type == type_))
    assert json.loads(kept[0].problem)["fields"] == sorted([*fields, *without])
    assert (scene.count(type_), scene.stage.count(Document)) == (0, 0)


REFUSED: list[tuple[str, dict[str, Any], tuple[str, ...], str]] = [
    ("order.issue", {"deadline_on": "2026-12-01"}, (), "order-term-wrong"),
    ("order.issue", {}, ("correct_within_days",), "order-term-wrong"),
    ("order.issue", {"demand": ""}, (), "document-incomplete"),
    ("decision.issue", {"amount_fen": 20001}, (), "simple-limit-exceeded"),
    ("decision.issue", {"amount_fen": 4000}, (), "sanction-not-offered"),
    ("decision.issue", {"amount_fen": 0}, (), "sanction-not-offered"),
    ("decision.issue", {"penalty_kind": "warning"}, (), "sanction-not-offered"),
    ("decision.issue", {"cause_code": "no-such"}, (), "case-cause-unknown"),
    ("decision.issue", {"finding_id": str(uuid4())}, (), "finding-unknown"),
    ("decision.issue", {}, ("officer_ids",), "officers-too-few"),
    ("decision.issue", {}, ("remedies",), "document-incomplete"),
    ("sample.record", {"unit_id": str(uuid4())}, (), "visit-id-wrong"),
]


@pytest.mark.parametrize(("type_", "fields", "without", "code"), REFUSED)
def test_what_the_rules_refuse_waits_for_a_person_and_uses_no_number(
    scene: Scene,
    chen: FlaskClient,
    type_: str,
    fields: dict[str, Any],
    without: tuple[str, ...],
    code: str,
):
    line = scene.paper(scene.an, type_, fields=fields, without=without)
    assert outcomes(scene.an.push([line])) == [("quarantined", code)]
    item = listed(chen, "?kind=quarantine")[0]
    refused = decide(chen, item["id"], "accept")
    assert refused.status_code in {403, 404, 409, 422}
    assert refused.json["type"] == f"/problems/{code}"
    assert (scene.count(type_), scene.stage.count(Document)) == (0, 0)


def test_the_number_of_a_paper_that_did_not_come_in_is_accounted_for(
    scene: Scene, chen: FlaskClient
):
    """It may have been handed over: neither free nor skipped, until it comes in or is declined."""
    beyond = {"amount_fen": 30000}
    later = scene.paper(scene.an, "decision.issue", more=3)
    refused = [scene.paper(scene.an, "decision.issue", more=n, fields=beyond) for n in (1, 5)]
    scene.an.push([*refused, later])
    first = scene.serial(scene.an, "decision.issue")

    def account() -> tuple[int, int, list[tuple[int, int, str]]]:
        answer = chen.get("/api/v1/number-blocks?kind=on-site-decision")
        blocks = (answer.json or {})["items"]
        own = next(one for one in blocks if one["first"] == first)
        gaps = [(one["first"] - first, one["last"] - first, one["reason"]) for one in own["gaps"]]
        return own["used"], own["last"] - first + 1 - own["free"], gaps

    between = [(0, 0, "skipped"), (1, 1, "quarantined"), (2, 2, "skipped"), (4, 4, "skipped")]
    assert account() == (1, 6, [*between, (5, 5, "quarantined")])

    items = listed(chen, "?kind=quarantine")
    assert decide(chen, items[0]["id"], "decline").status_code == 200
    said = [reason for _, _, reason in account()[2] if reason != "skipped"]
    assert sorted(said) == ["declined", "quarantined"]


def test_a_fine_above_the_limit_names_limit_and_article(scene: Scene):
    scene.an.push([scene.paper(scene.an, "decision.issue", fields={"amount_fen": 30000})])
    kept = scene.stage.all(sa.select(Operation.problem).where(Operation.type == "decision.issue"))[
        0
    ]
    problem = json.loads(kept.problem)
    assert (problem["limit_fen"], problem["fine_fen"]) == (20000, 30000)
    assert problem["article"] == "行政处罚法 第五十一条"
    assert "200 元" in problem["detail"]


# --- the pair ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "said"),
    [("order.issue", ("merged", None)), ("decision.issue", ("applied", "no-second-effect"))],
)
def test_the_pairs_second_paper_is_accounted_for_and_has_no_second_effect(
    scene: Scene, type_: str, said: tuple[str, str | None]
):
    scene.an.push([scene.paper(scene.an, type_)])
    assert outcomes(scene.bo.push([scene.paper(scene.bo, type_)])) == [said]
    assert (scene.count(type_), scene.stage.count(Document)) == (1, 2)
    settled(scene.stage)


@pytest.mark.parametrize(
    ("type_", "fields", "code"),
    [
        ("order.issue", {"correct_within_days": 3}, "order-differs"),
        ("decision.issue", {"amount_fen": 20000}, "decision-differs"),
    ],
)
def test_a_second_paper_that_says_otherwise_is_kept_for_a_person(
    scene: Scene, type_: str, fields: dict[str, Any], code: str
):
    scene.an.push([scene.paper(scene.an, type_)])
    pushed = scene.bo.push([scene.paper(scene.bo, type_, fields=fields)])
    assert outcomes(pushed) == [("quarantined", code)]
    assert scene.count(type_) == 1


@pytest.mark.parametrize("type_", ["order.issue", "decision.issue"])
def test_ten_threads_of_two_tablets_a_replay_and_an_accepted_conflict_make_one_effect(
    scene: Scene, chen: FlaskClient, type_: str
):
    lines = {one.device_id: scene.paper(one, type_) for one in (scene.an, scene.bo)}

    def push(tablet: Tablet) -> list[tuple[str, str | None]]:
        for _ in range(50):
            own = Tablet(scene.stage.send(), tablet.now, key=tablet.key, access=tablet.access)
            answered = own.push([lines[tablet.device_id]])
            if answered.status != 503:
                return outcomes(answered)
        raise AssertionError("never taken")

    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(push, [scene.an, scene.bo] * 5))

    assert all(len(one) == 1 for one in found)
    assert {one[0][0] for one in found} <= {"applied", "merged", "duplicate"}
    assert scene.count(type_) == 1
    differing = {"order.issue": {"correct_within_days": 7}, "decision.issue": {"amount_fen": 9000}}
    scene.bo.push([scene.paper(scene.bo, type_, more=1, fields=differing[type_])])
    item = listed(chen, "?kind=quarantine")[0]
    assert decide(chen, item["id"], "accept").status_code == 409
    keys = scene.stage.flask_app.extensions["suicha_keys"]
    with scene.stage.flask_app.app_context():
        replay_batches(keys=keys, at=scene.stage.clock())
    assert scene.count(type_) == 1
    settled(scene.stage)


# --- late --------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", TYPES)
def test_a_late_paper_has_no_effect_until_a_supervisor_accepts_it(
    scene: Scene, chen: FlaskClient, type_: str
):
    line = scene.paper(scene.an, type_)
    scene.reassign()

    assert outcomes(scene.an.push([line])) == [("quarantined", "late-contribution")]
    assert (scene.count(type_), scene.stage.count(Document)) == (0, 0)

    item = listed(chen, "?kind=late")[0]
    assert "accept" in item["possible"]
    accepted = decide(chen, item["id"], "accept")
    assert accepted.status_code == 200, accepted.data
    assert (scene.count(type_), scene.stage.count(Document)) == (1, 1)
    assert told(scene.an, line)[-1] == ("applied", "accepted")
    settled(scene.stage)


def test_a_late_decision_of_what_was_punished_already_is_accepted_without_a_second_penalty(
    scene: Scene, chen: FlaskClient
):
    line = scene.paper(scene.an, "decision.issue")
    scene.reassign()
    mates = scene.stage.one(Task, scene.task.id).officer_ids()
    theirs = {"officer_ids": [str(one) for one in mates]}
    assert outcomes(scene.bo.push([scene.paper(scene.bo, "decision.issue", fields=theirs)])) == [
        ("applied", None)
    ]
    scene.an.push([line])

    accepted = decide(chen, listed(chen, "?kind=late")[0]["id"], "accept")

    assert accepted.status_code == 200, accepted.data
    assert scene.count("decision.issue") == 1


@pytest.mark.parametrize("type_", TYPES)
def test_a_declined_late_paper_never_has_an_effect(scene: Scene, chen: FlaskClient, type_: str):
    line = scene.paper(scene.an, type_)
    scene.reassign()
    scene.an.push([line])
    assert decide(chen, listed(chen, "?kind=late")[0]["id"], "decline").status_code == 200
    keys = scene.stage.flask_app.extensions["suicha_keys"]
    with scene.stage.flask_app.app_context():
        replay_batches(keys=keys, at=scene.stage.clock())
    assert scene.count(type_) == 0


def test_a_decision_waits_for_its_finding_and_is_released_by_it(scene: Scene):
    finding_id = uuid4()
    found = {"visit_id": str(scene.task.visit_id), "text": FACT}
    finding = scene.an.op("visit.state_finding", finding_id, found)
    parent = op_of(finding)["op_id"]
    fields = {"finding_id": str(finding_id)}
    line = scene.paper(scene.an, "decision.issue", fields=fields, depends_on=[parent])

    assert outcomes(scene.an.push([line])) == [("held", "waiting")]
    assert scene.count("decision.issue") == 0
    scene.an.push([finding])
    assert told(scene.an, line)[-1] == ("applied", None)
    assert scene.count("decision.issue") == 1


# --- what an older server held -----------------------------------------------------------------


def held_by_an_older_server(scene: Scene, *lines: bytes) -> None:
    """Operations as a server left them that could not serve their types yet."""

    def become(state: DeviceState) -> None:
        with scene.stage.make.writing():
            by = scene.stage.make.by(scene.stage.make.home())
            devices.change_state(scene.an.device_id, state, "核查", by=by, at=scene.stage.clock())

    become(DeviceState.SUSPENDED)
    scene.an.push(list(lines))
    become(DeviceState.ACTIVE)
    with scene.stage.make.writing():
        session = scene.stage.flask_app.extensions["sqlalchemy"].session
        unserved = {"outcome": "held", "reason": "not-yet-served", "problem": None}
        waiting = Operation.reason == "device-suspended"
        session.execute(sa.update(Operation).where(waiting).values(unserved))
        session.execute(sa.update(ReviewItem).values(kind="held", reason="not-yet-served"))


def by_command(stage: Stage) -> str:
    found = stage.flask_app.test_cli_runner().invoke(sync, ["replay"])
    assert found.exit_code == 0, found.output
    return str(found.output)


def by_timetable(stage: Stage) -> str:
    with stage.flask_app.app_context():
        return read_forms(at=stage.clock())


@pytest.mark.parametrize("way", [by_command, by_timetable])
def test_what_an_older_server_held_is_decided_by_itself(
    scene: Scene, chen: FlaskClient, way: Callable[[Stage], str]
):
    line = scene.paper(scene.an, "order.issue")
    old = scene.an.op("sample.record", uuid4(), {"text": "按旧格式"})
    held_by_an_older_server(scene, line, old)
    assert {one["reason"] for one in listed(chen, "?kind=held")} == {"not-yet-served"}

    assert "2" in way(scene.stage)

    assert told(scene.an, line)[-1] == ("applied", None)
    assert scene.count("order.issue") == 1
    assert told(scene.an, old)[-1] == ("quarantined", "operation-fields-wrong")
    assert [one["reason"] for one in listed(chen)] == ["operation-fields-wrong"]
    before = scene.stage.count(Operation)
    way(scene.stage)
    assert (scene.stage.count(Operation), scene.count("order.issue")) == (before, 1)
    assert len(told(scene.an, line)) == 2
    settled(scene.stage)


def test_what_an_older_server_held_can_be_reopened_by_a_supervisor(scene: Scene, chen: FlaskClient):
    line = scene.paper(scene.an, "order.issue")
    held_by_an_older_server(scene, line)
    item = listed(chen, "?kind=held")[0]
    assert item["possible"] == ["reopen", "return", "decline"]
    assert decide(chen, item["id"], "reopen").json["state"] == "decided"
    assert scene.count("order.issue") == 1


# --- the feed ----------------------------------------------------------------------------------


def test_open_orders_and_cases_go_with_the_unit_and_leave_with_it(scene: Scene):
    held, bos = Held(scene.an), Held(scene.bo)
    held.pull()
    bos.pull()
    scene.an.push([scene.paper(scene.an, one) for one in TYPES])
    for one in (held, bos):
        one.pull()
        assert len(one.shown("corrective_order")) == len(one.shown("penalty_case")) == 1
        assert len(one.shown("sample")) == 1
    (order,) = held.bodies("corrective_order").values()
    assert order["items"] == [{"text": FACT, "finding_id": str(scene.finding_id), "basis": None}]
    assert (order["due_on"], order["state"]) == ("2026-12-06", "open")
    (case,) = held.bodies("penalty_case").values()
    assert (case["fine_fen"], case["cause_from"]) == (10000, "2024-01-01")
    assert {one["code"] for one in held.bodies("simple_limit").values()} == {
        "citizen",
        "organisation",
    }
    assert "smoking" in {one["code"] for one in held.bodies("case_cause").values()}

    scene.reassign()
    rows = held.pull()

    gone = {row["type"] for row in rows if row.get("present") is False}
    assert {"corrective_order", "penalty_case", "sample", "unit"} <= gone
    assert not held.shown("corrective_order")
    bos.pull()
    assert bos.shown("corrective_order")
    assert held.verify() == bos.verify() == {"behind": False, "differs": []}
    settled(scene.stage)


def test_whoever_carries_the_unit_later_gets_what_is_open_there(scene: Scene, chen: FlaskClient):
    lines = [scene.paper(scene.an, one) for one in ("order.issue", "decision.issue")]
    scene.an.push(lines)
    cai = scene.stage.tablet("cai")
    held = Held(cai)
    held.pull()
    assert not held.shown("corrective_order")

    unit = scene.stage.one(Unit, scene.task.unit_id)
    team = [scene.stage.officer_of(cai), scene.stage.make.officer()]
    scene.stage.make.task(unit, team=team)
    held.pull()
    assert set(held.shown("corrective_order")) == {op_of(lines[0])["entity_id"]}
    assert set(held.shown("penalty_case")) == {op_of(lines[1])["entity_id"]}

    order_id, case_id = (op_of(line)["entity_id"] for line in lines)
    due: dict[str, Any] = chen.post(f"/api/v1/cases/{case_id}/collection").get_json()
    paid = {"paid_on": due["served_on"], "method": "bank", "receipt_no": "沪财0001"}
    chen.post(
        f"/api/v1/collections/{due['id']}/payments",
        json={**paid, "fine_fen": due["fine_fen"]},
        headers={"If-Match": f'"{due["version"]}"'},
    )
    for path, body in (
        (f"orders/{order_id}/conclude", {"complied": True, "note": "已改正"}),
        (f"cases/{case_id}/file", None),
        (f"cases/{case_id}/close", {"note": "已缴款"}),
    ):
        place = f"/api/v1/{path}"
        etag = chen.get(place.rpartition("/")[0]).headers["ETag"]
        done = chen.post(place, json=body, headers={"If-Match": etag})
        assert done.status_code == 200, done.data
    rows = held.pull()
    assert {(row["type"], row["present"]) for row in rows} == {
        ("corrective_order", False),
        ("penalty_case", False),
    }
    settled(scene.stage)


# --- a whole day -------------------------------------------------------------------------------


def test_a_visit_with_a_sample_waits_for_its_result_and_an_order_for_its_recheck(
    scene: Scene, chen: FlaskClient
):
    an, task = scene.an, scene.task
    whole = whole_visit(an, task)[2:-2]
    papers = [scene.paper(an, "sample.record"), scene.paper(an, "order.issue")]
    an.push([*whole, *papers, finish(an, task, "ordered-to-correct"), sign(an, task)])

    found = scene.stage.one(Task, task.id)
    assert (found.state, found.awaiting_results) == ("submitted", True)
    sample = json.loads(chen.get("/api/v1/samples?state=awaited").data)["items"][0]
    etag = chen.get(f"/api/v1/samples/{sample['id']}").headers["ETag"]
    report = {"result": "unqualified", "report_no": "HJ-88", "outcome": "ordered-to-correct"}
    done = chen.post(
        f"/api/v1/samples/{sample['id']}/result", json=report, headers={"If-Match": etag}
    )
    assert done.status_code == 200, done.data
    assert scene.stage.one(Task, task.id).state == "completed"

    scene.stage.clock.forward(days=16)
    with scene.stage.flask_app.app_context():
        assert follow_orders(at=scene.stage.clock()) == "1 recheck-due"
        assert follow_orders(at=scene.stage.clock()) == "nothing due"
    assert scene.stage.count(Task, Task.origin == "recheck") == 1
    settled(scene.stage)


def test_a_signed_record_takes_no_answers_and_still_the_papers_of_its_visit(scene: Scene):
    an, task = scene.an, scene.task
    an.push([*whole_visit(an, task)[2:]])
    late = answer(an, task, "pp-licence", "no", base_version=1)
    pushed = an.push([late, *(scene.paper(an, one) for one in TYPES)])
    assert outcomes(pushed) == [
        ("quarantined", "visit-locked"),
        ("applied", None),
        ("applied", None),
        ("applied", None),
    ]
    assert scene.stage.one(Task, task.id).awaiting_results
