"""Operations and checklists of earlier and later builds: read as today, or kept until they can be.

A golden payload is pushed byte for byte as it was signed when its version was the newest.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from app.access import Role
from app.db import transaction
from app.documents.models import Document
from app.evidence.models import EvidenceLink
from app.journal import service as journal
from app.tasks import service as tasks
from app.tasks.models import Task
from app.visits.models import Finding, Visit, VisitAnswer, VisitSignature
from scheduler.jobs import JOBS
from sync.cli import sync
from sync.inbox import forms
from sync.inbox.forms import HISTORIES, Content, History
from sync.inbox.models import Operation, ReviewItem
from sync.inbox.rules import OperationType, wrong_fields
from sync.operations import parse_line
from tests.sync import golden
from tests.sync.conftest import ITEMS, Stage, answer, finish, item_id, start, whole_visit
from tests.sync.golden import Payload, World
from tests.sync.pushed import outcomes
from tests.sync.tablet import Tablet, op_of, sha256
from tests.sync.test_review import decide, listed, told

GOLDEN = golden.payloads()


# --- golden payloads ---------------------------------------------------------------------------


def test_every_type_and_version_has_a_golden_payload():
    """A missing one is written with `python -m tests.sync.golden`; see there."""
    wanted = {
        (str(type_), version)
        for type_ in OperationType
        for version in range(1, HISTORIES[type_].current + 1)
    }
    assert wanted == {(one.type, one.version) for one in GOLDEN}


@pytest.mark.parametrize("payload", GOLDEN, ids=str)
def test_a_golden_payload_is_signed_canonical_and_of_its_type_and_version(payload: Payload):
    found = parse_line(payload.line.encode())
    assert (found.type, found.form_version) == (payload.type, payload.version)
    key = golden.KEY.public_key()
    key.verify(golden.raw(found.sig), f"suicha-op-1\n{sha256(found.text)}".encode())


def _begun(world: World) -> list[bytes]:
    return [start(world.tablet, world.task)]


def _answered(world: World) -> list[bytes]:
    return [*_begun(world), *(answer(world.tablet, world.task, code) for code in ITEMS)]


def _finished(world: World) -> list[bytes]:
    return [*_answered(world), finish(world.tablet, world.task)]


def _attached(world: World) -> list[bytes]:
    photo = {"sha256": golden.PHOTO, "size": 7, "mime": "image/jpeg", "role": "scene"}
    fields = {"subject_type": "task", "subject_id": str(world.task.id)}
    return [world.tablet.op("evidence.attach", world.task.id, fields, attachments=[photo])]


def _signed(world: World) -> list[bytes]:
    return whole_visit(world.tablet, world.task)


BEFORE: Mapping[str, Callable[[World], list[bytes]]] = {
    "task.answer_return": _signed,
    "visit.interrupt": _begun,
    "visit.finish": _answered,
    "visit.answer_item": _begun,
    "visit.state_finding": _begun,
    "evidence.retract": _attached,
    "document.sign": _finished,
    "document.refuse_signature": _finished,
    "order.issue": _begun,
    "opinion.issue": _begun,
    "decision.issue": _begun,
    "sample.record": _begun,
}


def _prepare(world: World, type_: str) -> None:
    """Bring the world to where an operation of this type can come."""
    lines = BEFORE.get(type_, lambda _: [])(world)
    if lines:
        assert {one for one, _ in outcomes(world.tablet.push(lines))} == {"applied"}
    if type_ == "task.answer_return":
        chen = world.stage.make.supervisor()
        with world.stage.flask_app.app_context(), transaction():
            tasks.return_task(world.task.id, "照片不清", by=chen, at=world.stage.clock())


def _task(stage: Stage) -> dict[str, Any]:
    task = stage.one(Task, golden.TASK)
    return {
        "state": task.state,
        "closing_reason": task.closing_reason,
        "closing_note": task.closing_note or None,
        "closing_evidence": task.closing_evidence or None,
    }


def _visit(stage: Stage) -> dict[str, Any]:
    visit = stage.one(Visit, golden.VISIT)
    return {
        name: getattr(visit, name)
        for name in (
            *("state", "kind", "checklist_code", "form_version", "code_mark", "outcome"),
            *("summary", "interrupted_reason", "fix"),
        )
    }


def _answer(stage: Stage) -> dict[str, Any]:
    found = stage.one(VisitAnswer, golden.ANSWER)
    return {"result": found.result, "note": found.note, "item_code": found.item_code}


def _finding(stage: Stage) -> dict[str, Any]:
    found = stage.one(Finding, golden.FINDING)
    names = ("text", "basis", "handling", "correct_within_days")
    return {name: getattr(found, name) for name in names} | {"item_id": str(found.item_id)}


def _photos(stage: Stage) -> dict[str, Any]:
    links = stage.all(sa.select(EvidenceLink.subject_type, EvidenceLink.retracted_at))
    return {
        "subjects": [one.subject_type for one in links],
        "retracted": [one.retracted_at is not None for one in links],
    }


def _signatures(stage: Stage) -> dict[str, Any]:
    columns = (VisitSignature.role, VisitSignature.method, VisitSignature.reason)
    rows = stage.all(sa.select(*columns, VisitSignature.content_hash))
    return {"signatures": sorted([list(row) for row in rows])}


def _review(stage: Stage) -> dict[str, Any]:
    rows = stage.all(sa.select(ReviewItem.kind, ReviewItem.reason, ReviewItem.detail))
    return {"review": [list(row) for row in rows if row.kind != "gap"]}


def _papers(stage: Stage) -> dict[str, Any]:
    rows = stage.all(sa.select(Document.number, Document.state, Document.fields))
    return {"documents": [list(row) for row in rows], **_review(stage)}


EFFECTS: Mapping[str, Callable[[Stage], dict[str, Any]]] = {
    "task": _task,
    "visit": _visit,
    "visit.answer_item": lambda stage: _answer(stage) | _photos(stage),
    "visit.state_finding": _finding,
    "evidence": _photos,
    "document": _signatures,
    "opinion.issue": _papers,
}


def effect_of(stage: Stage, type_: str) -> dict[str, Any]:
    """What an operation of a type left behind."""
    look = EFFECTS.get(type_) or EFFECTS.get(type_.partition(".")[0]) or _review
    return look(stage)


@pytest.mark.parametrize("payload", GOLDEN, ids=str)
def test_a_golden_payload_has_the_effect_that_it_had_when_it_was_written(
    stage: Stage, payload: Payload
):
    world = golden.world(stage)
    _prepare(world, payload.type)

    (found,) = outcomes(world.tablet.push([payload.line.encode()]))

    assert found == (payload.outcome, payload.reason)
    assert effect_of(stage, payload.type) == payload.effect
    kept = stage.all(sa.select(Operation.op).where(Operation.claimed_op_id == op_id(payload)))
    assert [one.op for one in kept] == [json.loads(payload.line)["op"]], "as it was signed"


def op_id(payload: Payload) -> UUID:
    return UUID(op_of(payload.line.encode())["op_id"])


# --- builds of the tablet and releases of the server -------------------------------------------

NEW = OperationType.VISIT_ANSWER_ITEM


def _yes_becomes_a_result(old: Content) -> Content:
    """2: `result` instead of a bare yes or no."""

    def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in values.items() if name != "fulfilled"}
        return rest | ({"result": values["fulfilled"]} if "fulfilled" in values else {})

    return Content(renamed(old.fields), renamed(old.base))


def _remark_becomes_a_note(old: Content) -> Content:
    """3: `note` instead of `remark`."""

    def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in values.items() if name != "remark"}
        return rest | ({"note": values["remark"]} if "remark" in values else {})

    return Content(renamed(old.fields), renamed(old.base))


STEPS = (_yes_becomes_a_result, _remark_becomes_a_note)
WRITTEN: Mapping[int, Mapping[str, Any]] = {
    1: {"fulfilled": "no", "remark": "已过期"},
    2: {"result": "no", "remark": "已过期"},
    3: {"result": "no", "note": "已过期"},
    4: {"result": "no", "note": "已过期", "severity": 2},
}


def _nothing_yet(old: Content) -> Content:
    """4: `severity` beside the others."""
    return old


def _severity_goes(old: Content) -> Content:
    """5: `severity` is given up."""
    return replace(old, fields={k: v for k, v in old.fields.items() if k != "severity"})


def server_of(release: int) -> History:
    """What a release knows: the oldest reads its own version only, the newest five."""
    steps = (*STEPS, _nothing_yet, _severity_goes)
    return History(steps=steps[: release - 1])


def answered(tablet: Tablet, task: Task, version: int, **changed: Any) -> bytes:
    """An answer as a build of the tablet writes it whose forms have this version."""
    item = item_id("pp-licence")
    fields = {"visit_id": str(task.visit_id), "item_id": item, **WRITTEN[version]}
    entity = uuid5(task.visit_id, item)
    return tablet.op("visit.answer_item", entity, fields, form_version=version, **changed)


@pytest.mark.parametrize(
    ("build", "outcome"),
    [
        (1, ("applied", "form-migrated")),
        (2, ("applied", "form-migrated")),
        (3, ("applied", None)),
        (4, ("quarantined", "form-version")),
    ],
    ids=["n-2", "n-1", "n", "n+1"],
)
def test_builds_from_two_back_to_one_ahead_are_read_or_kept(
    stage: Stage,
    tablet: Tablet,
    monkeypatch: pytest.MonkeyPatch,
    build: int,
    outcome: tuple[str, str | None],
):
    monkeypatch.setitem(HISTORIES, NEW, server_of(3))
    task = stage.task(tablet)
    lines = [start(tablet, task), answered(tablet, task, build)]

    pushed = tablet.push(lines)

    assert outcomes(pushed) == [("applied", None), outcome]
    rows = stage.all(sa.select(VisitAnswer.result, VisitAnswer.note))
    assert [tuple(row) for row in rows] == ([("no", "已过期")] if build < 4 else [])
    kept = stage.all(sa.select(Operation.op).where(Operation.type == NEW))
    assert [one.op for one in kept] == [json.loads(lines[1])["op"]], (
        "the signed text is never changed"
    )
    receipt = json.loads(pushed.json["results"][1]["receipt"]["body"])
    assert (receipt["status"], receipt["reason"]) == outcome


@pytest.mark.parametrize("release", [1, 2, 3], ids=["n-2", "n-1", "n"])
@pytest.mark.parametrize("build", [1, 2, 3, 4], ids=["n-2", "n-1", "n", "n+1"])
def test_what_a_build_is_ahead_with_is_kept_and_taken_by_the_release_that_knows_it(
    monkeypatch: pytest.MonkeyPatch, release: int, build: int
):
    monkeypatch.setitem(HISTORIES, NEW, server_of(release))
    history = forms.history_of(NEW)
    assert history.knows(build) == (build <= release)
    if release == 3 and build <= 3:
        read = history.read(Content(WRITTEN[build], {}), build)
        assert read == Content({"result": "no", "note": "已过期"}, {})


@pytest.mark.parametrize("way", ["reopen", "replay", "timetable"])
def test_after_an_update_the_server_takes_what_it_did_not_know(
    stage: Stage, tablet: Tablet, monkeypatch: pytest.MonkeyPatch, way: str
):
    monkeypatch.setitem(HISTORIES, NEW, server_of(2))
    task = stage.task(tablet)
    begun, ahead = start(tablet, task), answered(tablet, task, 4)
    child = tablet.op(
        "evidence.attach",
        uuid5(task.visit_id, item_id("pp-licence")),
        {
            "subject_type": "visit_answer",
            "subject_id": str(uuid5(task.visit_id, item_id("pp-licence"))),
        },
        depends_on=[op_of(ahead)["op_id"]],
        attachments=[{"sha256": "a" * 64, "size": 9, "mime": "image/jpeg", "role": "scene"}],
    )
    first = tablet.push([begun, ahead, child])
    assert outcomes(first)[1:] == [("quarantined", "form-version"), ("held", "waiting")]
    problem = first.json["results"][1]["problem"]
    assert (problem["form_version"], problem["oldest"], problem["current"]) == (4, 1, 2)
    client = stage.make.signed_in(Role.SUPERVISOR)
    (item,) = listed(client, "?kind=quarantine")
    assert json.loads(item["op"])["fields"]["note"] == "已过期", "readable meanwhile"

    take_again(stage, client, way, item["id"])
    assert stage.count(VisitAnswer) == 0, "it stays while the release does not know it"
    monkeypatch.setitem(HISTORIES, NEW, server_of(5))
    take_again(stage, client, way, item["id"])

    assert [(one.result, one.note) for one in rows_of(stage, VisitAnswer)] == [("no", "已过期")]
    states = stage.all(sa.select(Operation.outcome).order_by(Operation.device_seq))
    assert [row.outcome for row in states] == ["applied"] * 3
    assert listed(client, "?kind=quarantine") == []
    assert told(tablet, ahead)[0] == ("quarantined", "form-version")
    assert told(tablet, ahead)[-1] == ("applied", "form-migrated")
    assert told(tablet, child)[-1] == ("applied", None)
    assert outcomes(tablet.push([ahead]))[0] == ("duplicate", None)
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []


@pytest.mark.parametrize("version", [0, 9])
def test_an_unknown_version_that_says_nothing_unknown_is_taken(
    stage: Stage, tablet: Tablet, version: int
):
    task = stage.task(tablet)
    item = item_id("pp-licence")
    fields = {"visit_id": str(task.visit_id), "item_id": item, **WRITTEN[3]}
    begun = start(tablet, task)
    said = tablet.op(NEW, uuid5(task.visit_id, item), fields, form_version=version)
    assert outcomes(tablet.push([begun, said])) == [("applied", None)] * 2


def rows_of(stage: Stage, model: type[Any]) -> list[Any]:
    return [row[0] for row in stage.all(sa.select(model))]


def take_again(stage: Stage, client: FlaskClient, way: str, item_id: str) -> None:
    """Let what was kept be decided again, in one of three ways."""
    if way == "reopen":
        assert decide(client, item_id, "reopen").status_code == 200
    elif way == "replay":
        done = stage.flask_app.test_cli_runner().invoke(sync, ["replay"])
        assert done.exit_code == 0, done.output
    else:
        with stage.flask_app.app_context():
            JOBS["read-kept-forms"].run(at=stage.clock())


def test_a_version_that_was_given_up_is_kept_raw(
    stage: Stage, tablet: Tablet, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(HISTORIES, NEW, History(oldest=2, steps=STEPS[1:]))
    task = stage.task(tablet)
    lines = [start(tablet, task), answered(tablet, task, 1)]
    assert outcomes(tablet.push(lines))[1] == ("quarantined", "form-version")
    assert outcomes(tablet.push([answered(tablet, task, 2)])) == [("applied", "form-migrated")]


def test_a_supervisor_sees_old_and_new_builds_side_by_side_in_todays_words(
    stage: Stage, tablet: Tablet, monkeypatch: pytest.MonkeyPatch
):
    bo = stage.tablet("bo")
    task = stage.task(tablet, bo)
    tablet.push([start(tablet, task), answer(tablet, task, "pp-licence", "yes")])
    monkeypatch.setitem(HISTORIES, NEW, server_of(3))
    pushed = bo.push([start(bo, task), answered(bo, task, 1)])
    assert outcomes(pushed)[1] == ("conflict", "field-conflict")

    client = stage.make.signed_in(Role.SUPERVISOR)
    (item,) = listed(client, "?kind=conflict")

    sides = {one["field"]: (one["theirs"], one["current"]) for one in item["sides"]}
    assert sides == {"result": ("no", "yes"), "note": ("已过期", None)}
    assert decide(client, item["id"], "accept").status_code == 200
    assert [(one.result, one.note) for one in rows_of(stage, VisitAnswer)] == [("no", "已过期")]


def test_a_step_that_cannot_read_an_operation_blocks_no_other(
    stage: Stage, tablet: Tablet, monkeypatch: pytest.MonkeyPatch
):
    def failing(old: Content) -> Content:
        return replace(old, fields={**old.fields, "result": old.fields["nothing"]["of it"]})

    monkeypatch.setitem(HISTORIES, NEW, History(steps=(failing,)))
    task = stage.task(tablet)
    lines = [start(tablet, task), answered(tablet, task, 1), finish(tablet, task)]
    assert outcomes(tablet.push(lines))[:2] == [
        ("applied", None),
        ("quarantined", "operation-fields-wrong"),
    ]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.sampled_from([(t, v) for t, h in HISTORIES.items() for v in range(1, h.current + 1)]),
    st.dictionaries(
        st.sampled_from(["role", "reason", "checklist_code", "form_version", "x"]), _VALUES
    ),
)
def test_a_step_reads_whatever_was_signed(kind: tuple[str, int], fields: dict[str, Any]):
    content = HISTORIES[kind[0]].read(Content(fields, {}), kind[1])
    assert fields.items() <= dict(content.fields).items(), "nothing that was said is lost"


def test_who_refused_is_said_by_tablets_of_today():
    refused = OperationType.DOCUMENT_REFUSE_SIGNATURE
    assert wrong_fields(refused, {"reason": "不认可"}) == ["role"]
    assert wrong_fields(refused, {"reason": "不认可", "role": "officer"}) == ["role"]
    assert wrong_fields(refused, {"reason": "不认可", "role": "witness"}) == []


def test_a_start_that_names_a_checklist_names_its_version():
    fields = {"task_id": None, "unit_id": str(uuid4()), "checklist_code": "lodging"}
    assert wrong_fields(OperationType.VISIT_START, fields) == ["form_version"]
    assert wrong_fields(OperationType.VISIT_START, {**fields, "checklist_code": None}) == []
