"""Photos in the feed: they go with what they are evidence of, and a tablet can look at them."""

from typing import Any
from uuid import uuid4

import pytest

from app.access import Role
from app.db import transaction
from app.tasks import service as tasks
from app.tasks.models import Task
from sync.feed import service as feed
from tests.sync.conftest import ITEMS, Stage, answer, finish, sign, start
from tests.sync.held import Held
from tests.sync.tablet import Answer, Tablet, op_of
from tests.sync.tus import Tus, photo, sha256

Evidence = dict[str, dict[str, Any]]


def of_photo(data: bytes) -> dict[str, Any]:
    return {"sha256": sha256(data), "size": len(data), "mime": "image/jpeg", "role": "photo"}


def push(tablet: Tablet, *lines: bytes) -> None:
    results = tablet.push(list(lines)).json["results"]
    assert {one["outcome"] for one in results} == {"applied"}, results


def give(stage: Stage, task: Task, *team: Any) -> None:
    """The task goes to other officers."""
    ids = [one.officer_id if isinstance(one, Tablet) else one.id for one in team]
    by, at = stage.make.supervisor(), stage.clock()
    with stage.flask_app.app_context(), transaction():
        tasks.reassign_task(task.id, ids, ids[0], reason="调岗", by=by, at=at)


def pulled(stage: Stage, held: Held) -> Evidence:
    """What a tablet is shown of photos after a pull, by hash; the feed is as it must be."""
    held.pull()
    assert held.verify() == {"behind": False, "differs": []}
    with stage.flask_app.app_context():
        assert feed.differences() == []
    return {body["sha256"]: body for body in held.bodies("evidence").values()}


def seen(tablet: Tablet, data: bytes, what: str = "", tag: str = "") -> Answer:
    """What a tablet gets that asks for a picture, and has one with this tag."""
    return tablet.request("GET", f"/evidence/{sha256(data)}{what}", If_None_Match=tag)


def linked(body: dict[str, Any]) -> list[tuple[str, str, bool]]:
    return [(one["subject_type"], one["subject_id"], one["retracted"]) for one in body["links"]]


def test_the_new_tablet_is_told_of_the_photos_and_can_look_at_them(stage: Stage, tablet: Tablet):
    bo, third = stage.tablet("bo"), stage.make.officer()
    task, old, new = stage.task(tablet), Held(tablet), Held(bo)
    of_answer, of_finding, of_visit = (photo(number, edge=64) for number in range(3))
    said = {"visit_id": str(task.visit_id), "text": "地面积水"}
    shown = {"subject_type": "visit", "subject_id": str(task.visit_id)}
    begin = start(tablet, task)
    lines = [
        answer(tablet, task, ITEMS[0], "no", "过期", attachments=[of_photo(of_answer)]),
        tablet.op("visit.state_finding", uuid4(), said, attachments=[of_photo(of_finding)]),
        tablet.op("evidence.attach", uuid4(), shown, attachments=[of_photo(of_visit)]),
    ]
    push(tablet, begin, *lines)
    subjects = ["visit_answer", "finding", "visit"]
    ids = [*(op_of(line)["entity_id"] for line in lines[:2]), str(task.visit_id)]
    hashes = [sha256(one) for one in (of_answer, of_finding, of_visit)]
    assert pulled(stage, old).keys() == set(hashes)
    assert not pulled(stage, new)
    Tus(tablet).send(of_answer)

    give(stage, task, bo, third)

    assert not pulled(stage, old)
    told = pulled(stage, new)
    assert [linked(told[one]) for one in hashes] == [
        [(kind, id_, False)] for kind, id_ in zip(subjects, ids, strict=True)
    ]
    body = told[hashes[0]]
    assert (body["state"], body["mime"], body["role"]) == ("stored", "image/jpeg", "photo")
    assert (body["size_bytes"], body["thumbnail"]) == (len(of_answer), False)
    assert body["links"][0]["recorded_at"] == op_of(lines[0])["recorded_at"]
    assert told[hashes[1]]["state"] == "awaited"
    assert seen(bo, of_answer).body == of_answer
    assert seen(bo, of_answer, "/thumbnail").body[:2] == b"\xff\xd8", "made when it is asked for"
    assert pulled(stage, new)[hashes[0]]["thumbnail"] is True
    for what in ("", "/thumbnail"):
        assert seen(tablet, of_answer, what).status == 404, "it left the old one's scope"
        assert seen(bo, of_finding, what).status == 404, "its bytes are not here yet"

    Tus(tablet).send(of_finding)
    assert pulled(stage, new)[hashes[1]]["state"] == "stored"
    assert seen(bo, of_finding).body == of_finding

    give(stage, task, tablet, third)
    assert pulled(stage, old).keys() == set(hashes)
    assert not pulled(stage, new)


def test_a_retracted_photo_stays_and_says_so(stage: Stage, tablet: Tablet):
    task, held, data = stage.task(tablet), Held(tablet), photo(1, edge=64)
    shown = {"subject_type": "visit", "subject_id": str(task.visit_id)}
    begin = start(tablet, task)
    attach = tablet.op("evidence.attach", uuid4(), shown, attachments=[of_photo(data)])
    push(tablet, begin, attach)
    assert linked(pulled(stage, held)[sha256(data)]) == [("visit", str(task.visit_id), False)]

    push(tablet, tablet.op("evidence.retract", uuid4(), {**shown, "sha256": sha256(data)}))

    assert linked(pulled(stage, held)[sha256(data)]) == [("visit", str(task.visit_id), True)]


def test_one_picture_of_two_visits_is_there_for_both_and_leaves_with_neither_alone(
    stage: Stage, tablet: Tablet
):
    bo, others = stage.tablet("bo"), [stage.make.officer() for _ in range(2)]
    data = photo(2, edge=64)
    old, new = Held(tablet), Held(bo)
    first, second = stage.task(tablet), stage.task(bo)
    for one, task in ((tablet, first), (bo, second)):
        begin = start(one, task)
        push(one, begin, answer(one, task, ITEMS[0], "no", "过期", attachments=[of_photo(data)]))
    for held in (old, new):
        assert len(pulled(stage, held)[sha256(data)]["links"]) == 2

    give(stage, first, *others)

    assert not pulled(stage, old)
    assert sha256(data) in pulled(stage, new)
    give(stage, first, bo, others[0])
    give(stage, second, *others)
    assert sha256(data) in pulled(stage, new)
    give(stage, first, *others)
    assert not pulled(stage, new)


def test_a_units_history_has_the_photos_of_its_findings_and_not_those_of_answers(
    stage: Stage, tablet: Tablet
):
    bo, third, unit = stage.tablet("bo"), stage.make.officer(), stage.make.unit()
    team = [stage.officer_of(tablet), third]
    task = stage.make.task(unit, team=team, checklist_code="lodging")
    of_answer, of_finding = photo(3, edge=64), photo(4, edge=64)
    said = {"visit_id": str(task.visit_id), "text": "地面积水"}
    push(
        tablet,
        start(tablet, task),
        answer(tablet, task, ITEMS[0], attachments=[of_photo(of_answer)]),
        *(answer(tablet, task, code) for code in ITEMS[1:]),
        tablet.op("visit.state_finding", uuid4(), said, attachments=[of_photo(of_finding)]),
        finish(tablet, task),
        sign(tablet, task),
    )
    by = stage.make.supervisor()
    with stage.flask_app.app_context(), transaction():
        tasks.complete_task(task.id, by=by, at=stage.clock())

    stage.make.task(unit, team=[stage.officer_of(bo), third], checklist_code="lodging")

    assert pulled(stage, Held(bo)).keys() == {sha256(of_finding)}


def test_a_photo_of_a_task_goes_with_its_team(stage: Stage, tablet: Tablet):
    bo, third = stage.tablet("bo"), stage.make.officer()
    task, old, new, data = stage.task(tablet), Held(tablet), Held(bo), photo(5, edge=64)
    shown = {"subject_type": "task", "subject_id": str(task.id)}
    push(tablet, tablet.op("evidence.attach", uuid4(), shown, attachments=[of_photo(data)]))
    assert linked(pulled(stage, old)[sha256(data)]) == [("task", str(task.id), False)]

    give(stage, task, bo, third)

    assert not pulled(stage, old)
    assert sha256(data) in pulled(stage, new)


def test_a_picture_is_kept_by_the_tablet_and_not_sent_again(stage: Stage, tablet: Tablet):
    task, data = stage.task(tablet), photo(6, edge=64)
    begin = start(tablet, task)
    push(tablet, begin, answer(tablet, task, ITEMS[0], attachments=[of_photo(data)]))
    Tus(tablet).send(data)
    for what in ("", "/thumbnail"):
        first = seen(tablet, data, what)
        assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        again = seen(tablet, data, what, first.headers["ETag"])
        assert (first.status, again.status, again.body) == (200, 304, b"")


@pytest.mark.parametrize("what", ["", "/thumbnail"])
def test_nobody_else_sees_a_picture(stage: Stage, tablet: Tablet, what: str):
    task, data = stage.task(tablet), photo(7, edge=64)
    begin = start(tablet, task)
    push(tablet, begin, answer(tablet, task, ITEMS[0], attachments=[of_photo(data)]))
    Tus(tablet).send(data)
    assert seen(tablet, data, what).status == 200

    assert seen(stage.tablet("bo"), data, what).status == 404
    for strange in ("0" * 64, "0" * 63, "%00", sha256(data).upper()):
        assert tablet.request("GET", f"/evidence/{strange}{what}").status == 404
    chen = stage.make.signed_in(Role.SUPERVISOR)
    path, head = f"/api/sync/v1/evidence/{sha256(data)}{what}", {"Sync-Protocol": "1"}
    assert chen.get(path, headers=head).status_code == 401


def test_late_work_that_waits_shows_its_photos_to_the_supervisor_only(stage: Stage, tablet: Tablet):
    bo, third = stage.tablet("bo"), stage.make.officer()
    task, data = stage.task(tablet), photo(8, edge=64)
    push(tablet, start(tablet, task))
    give(stage, task, bo, third)
    late = answer(tablet, task, ITEMS[0], "no", "过期", attachments=[of_photo(data)])
    assert tablet.push([late]).json["results"][0]["reason"] == "late-contribution"
    Tus(tablet).send(data)
    for held in (Held(tablet), Held(bo)):
        assert not pulled(stage, held)
    assert seen(bo, data).status == 404
