"""Operations and checklists of earlier and later builds: read as today, or kept until they can be.

A golden payload is pushed byte for byte as it was signed when its version was the newest.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.access import Actor, Role
from app.catalogue import service as catalogue
from app.db import transaction
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
from tests.sync.tablet import Answer, Tablet, op_of, sha256

GOLDEN = golden.payloads()


def outcomes(pushed: Answer) -> list[tuple[str, str | None]]:
    assert pushed.status == 200, pushed.body
    return [(one["outcome"], one["reason"]) for one in pushed.json["results"]]


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


EFFECTS: Mapping[str, Callable[[Stage], dict[str, Any]]] = {
    "task": _task,
    "visit": _visit,
    "visit.answer_item": lambda stage: _answer(stage) | _photos(stage),
    "visit.state_finding": _finding,
    "evidence": _photos,
    "document": _signatures,
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
