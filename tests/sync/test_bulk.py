"""A batch taken as one says and leaves what its operations would have, one by one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db
from app.journal.models import JournalEntry
from app.visits.models import VisitAnswer
from sync.feed.models import FeedBody, FeedRow
from sync.inbox import effects
from sync.inbox.doing import Doing, Effect
from sync.inbox.rules import OperationType, Outcome
from tests.sync.conftest import ITEMS, Stage, answer, finish, start
from tests.sync.tablet import Answer, Tablet

FIRST, SECOND, THIRD = ITEMS[:3]


def told(pushed: Answer) -> list[tuple[str, int | None]]:
    """Outcome, and the version that the receipt names, of each operation."""
    assert pushed.status == 200, pushed.body
    bodies = [json.loads(one["receipt"]["body"]) for one in pushed.json["results"]]
    return [(body["status"], body["version"]) for body in bodies]


def answers(stage: Stage) -> dict[str, tuple[str, str | None, int]]:
    columns = (VisitAnswer.item_code, VisitAnswer.result, VisitAnswer.note, VisitAnswer.version)
    return {row[0]: (row[1], row[2], row[3]) for row in stage.all(sa.select(*columns))}


@pytest.fixture
def bulk() -> Iterator[list[int]]:
    """How many rows of answers each statement wrote."""
    found: list[int] = []

    def look(_c: Any, _cursor: Any, statement: str, values: Any, _ctx: Any, many: bool) -> None:
        if statement.startswith("INSERT INTO visit_answer"):
            found.append(len(values) if many else 1)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", look)
    yield found
    sa.event.remove(sa.engine.Engine, "before_cursor_execute", look)


def test_the_answers_of_a_batch_are_written_together(stage: Stage, tablet: Tablet, bulk: list[int]):
    task = stage.task(tablet)
    pushed = tablet.push([start(tablet, task), *(answer(tablet, task, code) for code in ITEMS)])
    assert told(pushed) == [("applied", 1)] * (len(ITEMS) + 1)
    assert bulk == [len(ITEMS)]


def test_the_feed_shows_what_a_batch_wrote_as_it_was_left(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    tablet.push([start(tablet, task)])
    lines = [answer(tablet, task, code) for code in (FIRST, SECOND)]
    again = answer(tablet, task, FIRST, "no", base={"result": "yes"}, base_version=1)

    assert told(tablet.push([*lines, again])) == [("applied", 1), ("applied", 1), ("applied", 2)]

    rows = stage.all(
        sa.select(FeedRow.entity_key, FeedRow.version, FeedBody.version, FeedBody.body)
        .join(FeedBody, FeedBody.entity_key == FeedRow.entity_key)
        .where(FeedRow.entity_type == "visit_answer", FeedRow.present.is_(True))
    )
    shown = {
        (json.loads(body)["item_code"], version, of_body, json.loads(body)["result"])
        for key, version, of_body, body in rows
    }
    assert {key.partition("/")[0] for key, *_ in rows} == {str(task.visit_id)}
    assert shown == {(FIRST, 2, 2, "no"), (SECOND, 1, 1, "yes")}


def test_an_item_answered_again_in_one_batch_has_a_version_for_each_receipt(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    lines = [
        start(tablet, task),
        answer(tablet, task, FIRST, "yes"),
        answer(tablet, task, SECOND, "yes"),
        answer(tablet, task, FIRST, "no", "水质浑浊", base={"result": "yes", "note": None}),
        answer(tablet, task, FIRST, "yes", "已更换", base={"result": "no", "note": "水质浑浊"}),
    ]

    pushed = tablet.push(lines)

    assert told(pushed) == [("applied", n) for n in (1, 1, 1, 2, 3)]
    assert answers(stage) == {FIRST: ("yes", "已更换", 3), SECOND: ("yes", None, 1)}


def test_an_answer_of_an_earlier_batch_is_changed_in_a_later_one(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    tablet.push([start(tablet, task), answer(tablet, task, FIRST, "yes")])

    pushed = tablet.push(
        [
            answer(tablet, task, FIRST, "no", base_version=1, base={"result": "yes"}),
            answer(tablet, task, SECOND, "yes"),
        ]
    )

    assert told(pushed) == [("applied", 2), ("applied", 1)]
    assert answers(stage) == {FIRST: ("no", None, 2), SECOND: ("yes", None, 1)}


def test_finishing_in_the_batch_of_the_answers_sees_them(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    lines = [start(tablet, task), *(answer(tablet, task, code) for code in ITEMS)]
    pushed = tablet.push([*lines, finish(tablet, task)])
    assert told(pushed)[-1] == ("applied", 2)


def test_answers_that_were_read_before_the_batch_failed_are_written_again(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    lines = [start(tablet, task), *(answer(tablet, task, code) for code in ITEMS)]
    ended = [finish(tablet, task), tablet.op("task.dance", task.id, {})]  # finishing reads them

    pushed = tablet.push([*lines, *ended])

    assert [status for status, _ in told(pushed)] == ["applied"] * 18 + ["quarantined"]
    assert sorted(answers(stage)) == sorted(ITEMS)


def test_what_fails_in_a_batch_takes_nothing_with_it_and_is_tried_apart(
    stage: Stage, tablet: Tablet, monkeypatch: pytest.MonkeyPatch
):
    task = stage.task(tablet)

    def broken(doing: Doing) -> Effect:
        db.session.add(VisitAnswer(id=doing.entity_id))  # fails only when it is written
        return Effect(Outcome.APPLIED)

    monkeypatch.setitem(effects.EFFECTS, OperationType.TASK_ANSWER_RETURN, broken)
    lines = [
        start(tablet, task),
        answer(tablet, task, FIRST),
        tablet.op("task.answer_return", task.id, {"note": "已补正"}),
        answer(tablet, task, SECOND),
        tablet.op("visit.answer_item", task.id, {"visit_id": str(task.visit_id)}),
        answer(tablet, task, THIRD),
    ]

    pushed = tablet.push(lines)

    assert [status for status, _ in told(pushed)][:2] == ["applied", "applied"]
    assert [one["outcome"] for one in pushed.json["results"]] == [
        "applied",
        "applied",
        "quarantined",
        "applied",
        "quarantined",
        "applied",
    ]
    assert sorted(answers(stage)) == sorted([FIRST, SECOND, THIRD])
    for event, times in (("visit.started", 1), ("visit.item-answered", 3)):
        assert stage.count(JournalEntry, JournalEntry.event == event) == times
