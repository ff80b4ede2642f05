"""Stored batches decided again: the same decisions, nothing doubled, nothing dropped undecided."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from app.journal import service as journal
from app.tasks.models import Task
from app.visits.models import Visit, VisitAnswer
from sync.cli import sync
from sync.inbox.batches import packed, store_batch
from sync.inbox.models import InboxBatch, Operation, Receipt
from sync.inbox.pushing import Replayed, drop_old_batches, replay_batches
from tests.sync.conftest import ITEMS, Stage, answer, start, whole_visit
from tests.sync.tablet import Answer, Tablet, op_of


def stored_only(stage: Stage, tablet: Tablet, lines: list[bytes]) -> bytes:
    """A batch whose server died right after it was stored."""
    raw = b"".join(line + b"\n" for line in lines)
    with stage.make.writing():
        store_batch(packed(tablet.device_id, raw, at=stage.clock()))
    return raw


def replay(stage: Stage) -> Replayed:
    with stage.flask_app.app_context():
        return replay_batches(keys=stage.flask_app.extensions["suicha_keys"], at=stage.clock())


def outcomes(stage: Stage) -> Counter[tuple[str, str | None]]:
    rows = stage.all(sa.select(Operation.outcome, Operation.reason))
    return Counter((row[0], row[1]) for row in rows)


def test_a_batch_that_was_stored_and_never_decided_is_decided_by_a_replay(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    lines = [*whole_visit(tablet, task), tablet.op("visit.interrupt", task.visit_id, {}), b"{}"]
    raw = stored_only(stage, tablet, lines)

    assert replay(stage) == Replayed(batches=1, known=0, decided=len(lines))

    assert stage.one(Task, task.id).state == "submitted"
    assert stage.one(Visit, task.visit_id).state == "signed"
    assert outcomes(stage) == {
        ("applied", None): len(lines) - 2,
        ("quarantined", "operation-fields-wrong"): 1,
        ("quarantined", "malformed"): 1,
    }
    receipts = tablet.request("GET", "/receipts?limit=100").json["receipts"]
    assert len(receipts) == len(lines)
    pushed = tablet.push(raw).json["results"]
    assert {one["outcome"] for one in pushed} == {"duplicate"}
    assert sorted(one["receipt"]["body"] for one in pushed) == sorted(r["body"] for r in receipts)


def test_a_replay_of_everything_changes_nothing_and_is_no_contact(stage: Stage, tablet: Tablet):
    bo = stage.tablet("bo")
    task = stage.task(tablet, bo)
    tablet.push(whole_visit(tablet, task))
    bo.push([start(bo, task), answer(bo, task, "pp-licence", "no", "过期"), b"no operation"])
    me = tablet.request("GET", "/devices/me").json
    before, entries = outcomes(stage), stage.all(sa.text("SELECT count(*) FROM journal_entry"))
    contacts = stage.all(sa.text("SELECT last_contact_at FROM device_chain ORDER BY device_id"))
    stage.clock.forward(days=3)

    first, second = replay(stage), replay(stage)

    assert first == second == Replayed(batches=2, known=len(ITEMS) + 4 + 3, decided=0)
    assert outcomes(stage) == before
    assert stage.all(sa.text("SELECT count(*) FROM journal_entry")) == entries
    assert stage.count(Receipt) == len(ITEMS) + 4 + 3
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    assert tablet.request("GET", "/devices/me").json["receipt_seq"] == me["receipt_seq"]
    assert stage.count(VisitAnswer) == len(ITEMS)
    again = stage.all(sa.text("SELECT last_contact_at FROM device_chain ORDER BY device_id"))
    assert again == contacts


def test_a_replay_beside_the_tablets_own_retry_has_one_effect(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    raw = stored_only(stage, tablet, whole_visit(tablet, task))

    def push() -> Answer:
        for _ in range(50):
            found = tablet.push(raw)
            if found.status != 503:
                break
        return found

    with ThreadPoolExecutor(2) as pool:
        pushing, replaying = pool.submit(push), pool.submit(replay, stage)
        pushed, replayed = pushing.result(), replaying.result()

    fresh = sum(one["outcome"] == "applied" for one in pushed.json["results"])
    assert {fresh, replayed.decided} == {0, len(ITEMS) + 4}
    assert stage.count(Receipt) == len(ITEMS) + 4
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []


def test_the_bytes_of_old_batches_are_dropped_and_what_they_said_stays(
    stage: Stage, tablet: Tablet
):
    first, second, third = (stage.task(tablet) for _ in range(3))
    old = tablet.op("task.accept", first.id, {})
    tablet.push([old])
    forgotten = tablet.op("task.accept", second.id, {})
    stored_only(stage, tablet, [forgotten])
    stage.clock.forward(days=399)
    with stage.flask_app.app_context():
        assert drop_old_batches(at=stage.clock()).startswith("0 batches dropped")
    stage.clock.forward(days=1, minutes=1)
    tablet.keep_tokens(tablet.tokens(challenge=tablet.challenge()).json)
    tablet.push([tablet.op("task.accept", third.id, {})])

    with stage.flask_app.app_context():
        said = [drop_old_batches(at=stage.clock()) for _ in range(2)]

    assert said == [
        "2 batches dropped, 1 operations decided before",
        "0 batches dropped, 0 operations decided before",
    ]
    assert stage.one(Task, second.id).state == "accepted", "nobody had decided it"
    assert stage.count(InboxBatch, InboxBatch.content == b"") == 2
    assert stage.count(InboxBatch, InboxBatch.content != b"") == 1
    assert tablet.push([old]).json["results"][0]["outcome"] == "duplicate"
    assert json.loads(old)["op"] in {row.op for row in stage.all(sa.select(Operation.op))}


def test_the_command_replays_all_or_the_batches_of_one_tablet_since_a_day(
    stage: Stage, tablet: Tablet
):
    bo = stage.tablet("bo")
    task = stage.task(tablet, bo)
    stored_only(stage, tablet, [tablet.op("task.accept", task.id, {})])
    stored_only(stage, bo, [start(bo, task)])
    runner = stage.flask_app.test_cli_runner()

    one = runner.invoke(sync, ["replay", "--device", str(bo.device_id), "--since", "2026-11-01"])
    rest = runner.invoke(sync, ["replay"])
    later = runner.invoke(sync, ["replay", "--since", "2030-01-01"])

    assert one.output.strip() == "重放 1 批：0 项先前已处理，保持不变；1 项现在处理。", one
    assert rest.output.strip() == "重放 2 批：1 项先前已处理，保持不变；1 项现在处理。"
    assert later.output.strip() == "重放 0 批：0 项先前已处理，保持不变；0 项现在处理。"
    assert op_of(bo.op("task.accept", task.id, {}))["device_seq"] == 2
