"""Opinions that tablets issue: each under a number of its own block, once, whatever the network."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app import canonical
from app.access import Role
from app.db import transaction
from app.documents import rules
from app.documents.models import Document, NumberBlock
from app.documents.rules import DocumentState, EndReason
from app.evidence.models import EvidenceLink
from app.journal import service as journal
from app.tasks import service as tasks
from app.tasks.models import Task
from sync.devices import service as devices
from sync.devices.rules import DeviceState
from sync.feed import service as feed
from sync.inbox.models import Operation
from tests.documents.desk import OPINION
from tests.sync.conftest import Stage, start, whole_visit
from tests.sync.held import Held
from tests.sync.pushed import outcomes
from tests.sync.tablet import Tablet, op_of
from tests.sync.test_review import decide, listed


@pytest.fixture
def chen(stage: Stage) -> FlaskClient:
    """A supervisor of the agency."""
    return stage.make.signed_in(Role.SUPERVISOR)


@pytest.fixture
def bo(stage: Stage) -> Tablet:
    """Bo's tablet."""
    return stage.tablet("bo")


def blocks(tablet: Tablet, series: str = "opinion:2026") -> list[dict[str, Any]]:
    """The tablet's blocks of a series, from its feed."""
    held = Held(tablet)
    held.pull()
    found = [one for one in held.bodies("number_block").values() if one["series"] == series]
    return sorted(found, key=lambda one: int(one["first"]))


def number(block: dict[str, Any], serial: int) -> str:
    """What the tablet prints."""
    text = str(block["number_form"]).replace("{year}", str(block["year"]))
    return text.replace("{serial}", f"{serial:0{block['serial_digits']}d}")


def opinion(
    tablet: Tablet, task: Task, serial: int, *, id_: UUID | None = None, **changed: Any
) -> bytes:
    """An opinion issued at the visit of a task; `fields` and keys of the operation may differ."""
    fields = {
        "series": "opinion:2026",
        "serial": serial,
        "unit_id": str(task.unit_id),
        "visit_id": str(task.visit_id),
        **OPINION,
        **changed.pop("fields", {}),
    }
    return tablet.op("opinion.issue", id_ or uuid4(), fields, **{"form_version": 2, **changed})


def begun(stage: Stage, *tablets: Tablet) -> Task:
    """A task of these tablets' officers whose visit they have started."""
    task = stage.task(*tablets)
    for tablet in tablets:
        tablet.push([start(tablet, task)])
    return task


def one_document(stage: Stage, line: bytes) -> Document:
    return stage.one(Document, op_of(line)["entity_id"])


def settled(stage: Stage) -> None:
    """The feed is what a fresh projection would be, and the journal's chain holds."""
    with stage.flask_app.app_context():
        assert feed.differences() == []
        assert journal.verify()[1] == []


# --- numbers before they are needed ------------------------------------------------------------


def test_a_tablet_carries_numbers_of_every_kind_it_issues_from_its_first_pull(
    stage: Stage, tablet: Tablet, bo: Tablet
):
    held = Held(tablet)
    held.pull()
    found = held.bodies("number_block").values()
    kinds = {"opinion", "corrective-order", "on-site-decision", "sampling-record"}
    assert {one["series"] for one in found} == {f"{kind}:2026" for kind in kinds}
    assert {one["officer_id"] for one in found} == {str(tablet.officer_id)}
    assert blocks(tablet)[0]["last"] < blocks(bo)[0]["first"]
    assert {row["scope"] for row in held.shown("number_block").values()} == {
        f"device:{tablet.device_id}"
    }


def test_an_enrolment_whose_answer_was_lost_gives_no_second_block(stage: Stage):
    account = stage.officer("an")
    tablet, code = stage.blank(), stage.code(account)
    for _ in range(2):
        assert tablet.enrol(code, "an", "correct horse battery").status == 201
    assert len(blocks(tablet)) == 1


def test_a_colleague_who_signs_in_on_the_tablet_has_numbers_of_their_own(
    stage: Stage, tablet: Tablet
):
    stage.officer("bo")
    answer = tablet.request(
        "POST", "/sessions", {"login": "bo", "password": "correct horse battery"}
    )
    assert answer.status == 201
    found = blocks(tablet)
    assert [one["officer_id"] for one in found] == [
        str(tablet.officer_id),
        answer.json["officer_id"],
    ]
    assert found[0]["last"] < found[1]["first"]


def test_who_uses_up_their_numbers_finds_more_in_the_next_pull(stage: Stage, tablet: Tablet):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    serials = range(block["first"], block["last"] + 1)
    pushed = tablet.push([*(opinion(tablet, task, s) for s in serials)])
    assert set(outcomes(pushed)) == {("applied", None)}
    assert [one["first"] for one in blocks(tablet)] == [block["first"], block["last"] + 1]
    settled(stage)


# --- issuing -----------------------------------------------------------------------------------


def test_an_opinion_is_issued_under_the_number_that_was_printed(stage: Stage, tablet: Tablet):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    printed = number(block, block["first"])
    both = [str(one) for one in task.officer_ids()]
    line = opinion(
        tablet, task, block["first"], fields={"number": printed, "officer_ids": both, "note": None}
    )

    assert outcomes(tablet.push([line])) == [("applied", None)]

    document = one_document(stage, line)
    assert (document.number, document.visit_id, document.task_id) == (
        printed,
        task.visit_id,
        task.id,
    )
    assert document.officer_ids == sorted(both)
    assert document.fields == OPINION
    assert document.state == DocumentState.ISSUED
    held = Held(tablet)
    held.pull()
    body = held.bodies("document")[op_of(line)["entity_id"]]
    assert (body["number"], body["fields"]) == (printed, OPINION)
    settled(stage)


def test_an_opinion_sent_again_and_again_is_one_document(stage: Stage, tablet: Tablet):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    lines = [opinion(tablet, task, block["first"])]
    tablet.push(lines)
    with ThreadPoolExecutor(5) as pool:
        sent = [Tablet(stage.send(), stage.clock, access=tablet.access) for _ in range(5)]
        answers = list(pool.map(lambda one: one.push(lines), sent))
    assert {pair for answer in answers for pair in outcomes(answer)} == {("duplicate", None)}
    assert stage.count(Document) == 1


def test_the_operation_under_another_op_id_is_still_one_document(stage: Stage, tablet: Tablet):
    task, block, id_ = begun(stage, tablet), blocks(tablet)[0], uuid4()
    for _ in range(2):
        line = opinion(tablet, task, block["first"], id_=id_)
        assert outcomes(tablet.push([line])) == [("applied", None)]
    assert stage.one(Document, id_).version == 1


def test_a_number_outside_the_block_is_quarantined_and_kept(
    stage: Stage, tablet: Tablet, bo: Tablet, chen: FlaskClient
):
    task = begun(stage, tablet, bo)
    theirs = blocks(bo)[0]["first"]
    lines = [opinion(tablet, task, serial) for serial in (theirs, 999_999)]

    pushed = tablet.push([*lines])

    assert outcomes(pushed) == [("quarantined", "number-not-yours")] * 2
    kept = stage.all(sa.select(Operation.op).where(Operation.outcome == "quarantined"))
    assert {row.op for row in kept} == {json.loads(line)["op"] for line in lines}
    assert stage.count(Document) == 0
    refused = decide(chen, listed(chen)[0]["id"], "accept")
    assert (refused.status_code, refused.json["type"]) == (403, "/problems/number-not-yours")
    assert outcomes(bo.push([opinion(bo, task, theirs)]))[0] == ("applied", None)


def test_a_number_is_used_for_one_document_only(stage: Stage, tablet: Tablet):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    lines = [opinion(tablet, task, block["first"]) for _ in range(2)]
    pushed = tablet.push([*lines])
    assert outcomes(pushed) == [("applied", None), ("quarantined", "number-used")]
    assert stage.count(Document) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"advice": ""}, "document-incomplete"),
        ({"deadline_on": None}, "document-incomplete"),
        ({"number": "意见2026第1号"}, "number-wrong"),
        ({"unit_id": str(uuid4())}, "visit-id-wrong"),
        ({"visit_id": None, "unit_id": str(uuid4())}, "unit-not-found"),
        ({"officer_ids": [str(uuid4())]}, "officer-not-found"),
        ({"visit_id": str(uuid4())}, "visit-unknown"),
        ({"series": "opinion:2025"}, "number-not-yours"),
        ({"series": "corrective-order:2026"}, "number-not-yours"),
        ({"series": "opinion"}, "operation-fields-wrong"),
        ({"serial": 0}, "operation-fields-wrong"),
        ({"text": "x"}, "operation-fields-wrong"),
    ],
)
def test_what_cannot_be_issued_is_kept_with_its_reason(
    stage: Stage, tablet: Tablet, fields: dict[str, Any], reason: str
):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    line = opinion(tablet, task, block["first"], fields=fields)
    assert outcomes(tablet.push([line])) == [("quarantined", reason)]
    assert stage.count(Document) == 0


def test_an_opinion_without_a_visit_stands_with_its_officer_until_it_is_signed(
    stage: Stage, tablet: Tablet
):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    line = opinion(tablet, task, block["first"], fields={"visit_id": None})
    assert outcomes(tablet.push([line])) == [("applied", None)]
    held = Held(tablet)
    held.pull()
    assert list(held.shown("document")) == [op_of(line)["entity_id"]]
    tablet.push([tablet.op("document.sign", op_of(line)["entity_id"], {"role": "party"})])
    held.pull()
    assert held.shown("document") == {}
    settled(stage)


def test_a_photo_of_the_paper_belongs_to_the_document(stage: Stage, tablet: Tablet):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    photo = {"sha256": "ab" * 32, "size": 1000, "mime": "image/jpeg", "role": "photo"}
    line = opinion(tablet, task, block["first"], attachments=[photo])
    assert outcomes(tablet.push([line])) == [("applied", None)]
    links = stage.all(sa.select(EvidenceLink.subject_type, EvidenceLink.subject_id))
    assert [(row[0], str(row[1])) for row in links] == [("document", op_of(line)["entity_id"])]


def test_two_tablets_push_at_once_and_no_number_is_given_twice(
    stage: Stage, tablet: Tablet, bo: Tablet
):
    task = begun(stage, tablet, bo)

    def fill(mine: Tablet) -> list[tuple[str, str | None]]:
        done = []
        for _ in range(3):  # each time what the last pull brought
            for block in blocks(mine):
                serials = range(block["first"], block["last"] + 1)
                done += outcomes(mine.push([opinion(mine, task, serial) for serial in serials]))
        return done

    with ThreadPoolExecutor(2) as pool:
        done = [pair for found in pool.map(fill, (tablet, bo)) for pair in found]

    allowed = {("applied", None), ("quarantined", "number-used")}
    assert set(done) <= allowed, "a block that stays open is offered again"
    numbers = stage.all(sa.select(Document.serial, Document.device_id))
    assert len(numbers) == done.count(("applied", None))
    spans = stage.all(
        sa.select(NumberBlock.first, NumberBlock.last, NumberBlock.device_id)
        .where(NumberBlock.series == "opinion:2026")
        .order_by(NumberBlock.first)
    )
    assert spans[0].first == 1
    assert all(spans[i].last + 1 == spans[i + 1].first for i in range(len(spans) - 1))
    for serial, device_id in numbers:
        owner = next(one.device_id for one in spans if one.first <= serial <= one.last)
        assert owner == device_id
    settled(stage)


# --- late, twice, otherwise --------------------------------------------------------------------


def test_an_opinion_of_a_reassigned_task_is_a_late_contribution_and_can_be_let_in(
    stage: Stage, tablet: Tablet, bo: Tablet, chen: FlaskClient
):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    supervisor, colleague = stage.make.supervisor(), stage.make.officer()
    with stage.flask_app.app_context(), transaction():
        team = [bo.officer_id, colleague.id]
        tasks.reassign_task(task.id, team, team[0], reason="调岗", by=supervisor, at=stage.clock())
    line = opinion(tablet, task, block["first"])

    assert outcomes(tablet.push([line])) == [("quarantined", "late-contribution")]

    assert stage.count(Document) == 0
    item = listed(chen, "?kind=late")[0]
    accepted = decide(chen, item["id"], "accept")
    assert accepted.status_code == 200, accepted.data
    document = one_document(stage, line)
    assert (document.officer_id, document.serial) == (tablet.officer_id, block["first"])
    settled(stage)


def test_an_unsigned_opinion_is_changed_by_whoever_saw_it_and_a_dispute_is_a_conflict(
    stage: Stage, tablet: Tablet, bo: Tablet, chen: FlaskClient
):
    task, block, id_ = begun(stage, tablet, bo), blocks(tablet)[0], uuid4()
    both = {"officer_ids": [str(tablet.officer_id), str(bo.officer_id)]}
    tablet.push([opinion(tablet, task, block["first"], id_=id_, fields=both)])

    saw = {"base_version": 1, "base": {"advice": OPINION["advice"]}}
    changed = opinion(
        bo, task, block["first"], id_=id_, fields={**both, "advice": "停用并封存"}, **saw
    )
    assert outcomes(bo.push([changed])) == [("applied", None)]
    late = opinion(
        tablet, task, block["first"], id_=id_, fields={**both, "advice": "立即停用"}, **saw
    )
    assert outcomes(tablet.push([late])) == [("conflict", "field-conflict")]

    document = one_document(stage, late)
    assert (document.fields["advice"], document.number) == ("停用并封存", "2026—001")
    item = listed(chen, "?kind=conflict")[0]
    assert {side["field"] for side in item["sides"] if side["disputed"]} == {"advice"}
    merged = decide(chen, item["id"], "merge", fields={"advice": "立即停用并封存"})
    assert merged.status_code == 200, merged.data
    assert one_document(stage, late).fields["advice"] == "立即停用并封存"
    settled(stage)


def test_the_same_id_under_another_number_or_unit_is_not_another_document(
    stage: Stage, tablet: Tablet
):
    task, block, id_ = begun(stage, tablet), blocks(tablet)[0], uuid4()
    lines = [opinion(tablet, task, block["first"] + step, id_=id_) for step in (0, 1)]
    pushed = tablet.push([*lines])
    assert outcomes(pushed) == [("applied", None), ("quarantined", "document-issued-already")]


# --- signing -----------------------------------------------------------------------------------


def test_both_officers_and_the_party_sign_and_the_document_is_locked(stage: Stage, tablet: Tablet):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    other = next(one for one in task.officer_ids() if one != tablet.officer_id)
    line = opinion(tablet, task, block["first"])
    tablet.push([line])
    document = one_document(stage, line)
    shown = canonical.digest(
        rules.content_text(
            document_id=document.id,
            kind="opinion",
            number=number(block, block["first"]),
            unit_id=task.unit_id,
            officer_ids=[tablet.officer_id],
            fields=OPINION,
        )
    )
    pin = {"officer_id": str(other), "method": "pin", "at": op_of(line)["recorded_at"]}
    signed = tablet.op(
        "document.sign",
        document.id,
        {"role": "party", "content_hash": shown},
        confirmation=pin,
    )
    changed = opinion(
        tablet,
        task,
        block["first"],
        id_=document.id,
        fields={"advice": "再议"},
        base_version=2,
    )

    pushed = tablet.push([signed, changed])

    assert outcomes(pushed) == [("applied", None), ("quarantined", "document-locked")]
    found = stage.all(sa.text("SELECT role, method FROM document_signature ORDER BY role, method"))
    assert [tuple(row) for row in found] == [
        ("officer", "device-key"),
        ("officer", "pin"),
        ("party", "hand"),
    ]
    assert one_document(stage, line).state == DocumentState.SIGNED
    held = Held(tablet)
    held.pull()
    body = held.bodies("document")[str(document.id)]
    assert (body["state"], len(body["signatures"])) == ("signed", 3)
    settled(stage)


def test_a_refused_signature_is_kept_with_its_reason_and_locks_too(stage: Stage, tablet: Tablet):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    line = opinion(tablet, task, block["first"])
    refused = tablet.op(
        "document.refuse_signature", op_of(line)["entity_id"], {"reason": "当事人拒绝签收"}
    )
    tablet.push([line, refused])
    found = stage.all(sa.text("SELECT method, reason FROM document_signature ORDER BY method"))
    assert [tuple(row) for row in found] == [("device-key", None), ("refused", "当事人拒绝签收")]
    assert one_document(stage, line).state == DocumentState.SIGNED


def test_a_signature_under_something_else_waits_for_a_supervisor(stage: Stage, tablet: Tablet):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    line = opinion(tablet, task, block["first"])
    signed = tablet.op(
        "document.sign", op_of(line)["entity_id"], {"role": "party", "content_hash": "0" * 64}
    )
    pushed = tablet.push([line, signed])
    assert outcomes(pushed)[1] == ("quarantined", "content-differs")
    assert one_document(stage, line).state == DocumentState.ISSUED


def test_the_record_of_the_visit_is_signed_as_ever_and_an_opinion_may_follow_it(
    stage: Stage, tablet: Tablet
):
    task, block = stage.task(tablet), blocks(tablet)[0]
    pushed = tablet.push([*whole_visit(tablet, task), opinion(tablet, task, block["first"])])
    assert set(outcomes(pushed)) == {("applied", None)}
    settled(stage)


# --- the end of numbers ------------------------------------------------------------------------


def test_the_numbers_of_a_closed_tablet_that_nobody_used_are_gaps_and_late_papers_close_them(
    stage: Stage, tablet: Tablet, chen: FlaskClient
):
    task, block = begun(stage, tablet), blocks(tablet)[0]
    first = block["first"]
    tablet.push([opinion(tablet, task, first), opinion(tablet, task, first + 2)])
    supervisor = stage.make.supervisor()
    with stage.flask_app.app_context(), transaction():
        devices.change_state(
            tablet.device_id, DeviceState.SUSPENDED, "遗失", by=supervisor, at=stage.clock()
        )
    late = opinion(tablet, task, first + 1)
    assert outcomes(tablet.push([late])) == [("quarantined", "device-suspended")]
    with stage.flask_app.app_context(), transaction():
        devices.change_state(
            tablet.device_id, DeviceState.CLOSED, "遗失", by=supervisor, at=stage.clock()
        )

    ended = stage.all(sa.select(NumberBlock.end_reason).distinct())
    assert [row[0] for row in ended] == [EndReason.DEVICE_CLOSED]
    item = listed(chen, "?reason=device-suspended")[0]
    assert decide(chen, item["id"], "accept").status_code == 200
    assert one_document(stage, late).serial == first + 1
    settled(stage)


def test_before_the_new_year_a_tablet_carries_numbers_of_both_years(stage: Stage, tablet: Tablet):
    assert blocks(tablet, "opinion:2027") == []
    stage.clock.at = datetime(2026, 12, 15, 1, tzinfo=UTC)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    tablet.request("POST", "/sessions", {"login": "an", "password": "correct horse battery"})
    ahead = blocks(tablet, "opinion:2027")
    assert [one["first"] for one in ahead] == [1]
    assert number(ahead[0], 1) == "2027—001"
    task = begun(stage, tablet)
    stage.clock.at = datetime(2027, 1, 2, 1, tzinfo=UTC)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    line = opinion(tablet, task, 1, fields={"series": "opinion:2027"})
    assert outcomes(tablet.push([line])) == [("applied", None)]
    assert one_document(stage, line).number == "2027—001"
