"""A visit, its task and its tablet's clock may part: what the long walk of the model turned up."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.tasks import service as tasks
from app.tasks.models import Task
from app.visits.models import Visit
from sync.inbox.models import ReviewItem
from tests.sync.conftest import ITEMS, Stage, answer, finish, sign, start, whole_visit
from tests.sync.tablet import Tablet, written


def outcomes(tablet: Tablet, lines: list[bytes]) -> list[tuple[str, str | None]]:
    """What a batch comes to."""
    results: list[dict[str, Any]] = tablet.push(lines).json["results"]
    return [(one["outcome"], one["reason"]) for one in results]


@pytest.mark.parametrize("year", [1970, 2036])
def test_a_clock_that_jumps_during_a_visit_does_not_keep_it_from_being_finished(
    stage: Stage, tablet: Tablet, year: int
):
    task = stage.task(tablet)
    tablet.push([start(tablet, task), *(answer(tablet, task, code) for code in ITEMS)])
    jumped = written(datetime(year, 1, 1, tzinfo=UTC))

    end = [finish(tablet, task, recorded_at=jumped), sign(tablet, task, recorded_at=jumped)]

    assert outcomes(tablet, end) == [("applied", None), ("applied", None)]
    assert stage.one(Task, task.id).state == "submitted"
    assert stage.count(ReviewItem, ReviewItem.kind == "clock") == 1


def test_a_finished_visit_can_still_be_signed_after_its_task_was_reassigned(
    stage: Stage, tablet: Tablet
):
    task, lines = stage.task(tablet), []
    whole = whole_visit(tablet, task)
    tablet.push(whole[:-1])
    team = [tablet.officer_id, stage.make.officer().id]
    with stage.make.writing():
        by = stage.make.by(stage.make.home())
        tasks.reassign_task(task.id, team, team[0], reason="换人", by=by, at=stage.clock())
    assert stage.one(Task, task.id).state == "assigned"

    lines.append(whole[-1])

    assert outcomes(tablet, lines) == [("applied", None)]
    assert stage.one(Task, task.id).state == "submitted"
    assert stage.one(Visit, task.visit_id).state == "signed"


def test_a_visit_of_an_earlier_round_does_not_hand_in_the_present_one(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    whole = whole_visit(tablet, task)
    tablet.push(whole[:5])
    chen, ding = stage.make.supervisor(), stage.make.supervisor()
    photo = stage.make.stored_evidence()
    with stage.make.writing():
        tasks.propose_closing(task.id, "other", "x", [photo], by=chen, at=stage.clock())
        tasks.approve_closing(task.id, by=ding, at=stage.clock())
        tasks.reopen_task(task.id, "漏检", ding.officer_id or task.id, by=chen, at=stage.clock())
    later = stage.one(Task, task.id)
    assert later.visit_id != task.visit_id
    assert outcomes(tablet, [start(tablet, later)]) == [("applied", None)]

    old = outcomes(tablet, whole[5:])

    assert set(old) == {("quarantined", "task-closed")}
    assert stage.one(Task, task.id).state == "in-progress"
    assert stage.one(Visit, task.visit_id).state == "under-way"


@pytest.mark.parametrize("over", ["reassigned", "closed"])
def test_what_is_said_of_a_visit_that_nobody_began_is_late_once_its_task_is_anothers_or_over(
    stage: Stage, tablet: Tablet, over: str
):
    task = stage.task(tablet)
    begun = start(tablet, task)
    said = [answer(tablet, task, ITEMS[0]), finish(tablet, task), sign(tablet, task)]
    chen, ding = stage.make.supervisor(), stage.make.supervisor()
    photo = stage.make.stored_evidence()
    team = [stage.make.officer().id, stage.make.officer().id]
    with stage.make.writing():
        if over == "reassigned":
            tasks.reassign_task(task.id, team, team[0], reason="换人", by=chen, at=stage.clock())
        else:
            tasks.propose_closing(task.id, "other", "x", [photo], by=chen, at=stage.clock())
            tasks.approve_closing(task.id, by=ding, at=stage.clock())

    late = "late-contribution" if over == "reassigned" else "task-closed"
    assert outcomes(tablet, said) == [("quarantined", late)] * 3
    assert outcomes(tablet, [begun]) == [("quarantined", late)]
    assert stage.count(ReviewItem, ReviewItem.kind == "late") == 4
