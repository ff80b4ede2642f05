"""What a tablet is told when things come, go, come back, move, or break off in the middle."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.db import Base, Entity, db, transaction
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency, Officer
from app.tasks import service as tasks
from app.tasks.models import Task
from app.units import service as units
from app.visits.models import Finding, Visit, VisitAnswer
from sync.devices.models import Device
from sync.feed import service as feed
from tests.factories import OTHER_DISTRICT
from tests.sync.conftest import ITEMS, Stage, answer, finish, sign, start
from tests.sync.held import Held, Row
from tests.sync.tablet import Tablet, sha256

KINDS = ("task", "unit", "visit", "visit_answer", "finding", "evidence", "officer")
Shown = dict[str, dict[str, Any]]


def shown(held: Held) -> Shown:
    """Everything that a tablet shows, by type and id."""
    return {kind: held.bodies(kind) for kind in KINDS}


def in_agreement(stage: Stage, *tablets: Held) -> None:
    for held in tablets:
        held.pull()
        assert held.verify() == {"behind": False, "differs": []}
    with stage.flask_app.app_context():
        assert feed.differences() == []


class Desk:
    """The supervisor's side: one transaction per verb."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.chen = stage, stage.make.supervisor()

    def do(self, verb: Callable[..., Any], *args: Any, **more: Any) -> None:
        with self.stage.flask_app.app_context(), transaction():
            verb(*args, **{"by": self.chen, "at": self.stage.clock(), **more})

    def give(self, task: Task, *team: Any) -> None:
        ids = [one.officer_id if isinstance(one, Tablet) else one.id for one in team]
        self.do(tasks.reassign_task, task.id, ids, ids[0], reason="调岗")

    def rename(self, task: Task, name: str) -> None:
        self.do(units.change_unit, task.unit_id, {"name": name})


@pytest.fixture
def desk(stage: Stage) -> Desk:
    return Desk(stage)


def of_photo(task: Task, number: int) -> dict[str, Any]:
    digest = sha256(f"{task.visit_id} {number}")
    return {"sha256": digest, "size": 9, "mime": "image/jpeg", "role": "photo"}


def begun(tablet: Tablet, task: Task) -> None:
    """A visit with answers, findings and a photo of each finding."""
    said = {"visit_id": str(task.visit_id), "text": "地面积水"}
    lines = [
        start(tablet, task),
        *(answer(tablet, task, code) for code in ITEMS[:5]),
        tablet.op("visit.state_finding", uuid4(), said, attachments=[of_photo(task, 0)]),
        tablet.op(
            "visit.state_finding",
            uuid4(),
            {**said, "text": "布草混放"},
            attachments=[of_photo(task, 1)],
        ),
    ]
    assert {one["outcome"] for one in tablet.push(lines).json["results"]} == {"applied"}


# --- away and back -----------------------------------------------------------------------------


def test_what_went_to_a_colleague_and_came_back_comes_with_all_its_children(
    stage: Stage, tablet: Tablet, desk: Desk
):
    bo, third = stage.tablet("bo"), stage.make.officer()
    task = stage.task(tablet)
    begun(tablet, task)
    old, new = Held(tablet), Held(bo)
    old.pull()
    new.pull()
    before = shown(old)
    kinds = ("visit", "visit_answer", "finding", "evidence")
    assert [len(before[kind]) for kind in kinds] == [1, 5, 2, 2]

    for _ in range(2):
        desk.give(task, bo, third)
        in_agreement(stage, old, new)
        for kind in ("task", *kinds):
            assert not shown(old)[kind], kind
            assert shown(new)[kind].keys() == before[kind].keys(), kind
        assert str(task.unit_id) in shown(new)["unit"]

        desk.give(task, tablet, third)
        in_agreement(stage, old, new)
        for kind in kinds:
            assert shown(old)[kind] == before[kind], kind
            assert not shown(new)[kind], kind
        assert list(shown(old)["task"]) == [str(task.id)]


def test_what_was_closed_and_reopened_comes_back_with_its_children(
    stage: Stage, tablet: Tablet, desk: Desk
):
    task, held = stage.task(tablet), Held(tablet)
    begun(tablet, task)
    held.pull()
    before = shown(held)
    photo, ding = stage.make.stored_evidence(), stage.make.supervisor()
    desk.do(tasks.propose_closing, task.id, "ceased", "大门紧锁", [photo])
    desk.do(tasks.approve_closing, task.id, by=ding)
    in_agreement(stage, held)
    assert not any(shown(held)[kind] for kind in KINDS if kind != "officer")

    desk.do(tasks.reopen_task, task.id, "仍在营业", ding.officer_id)

    in_agreement(stage, held)
    assert list(shown(held)["task"]) == [str(task.id)]
    assert str(task.unit_id) in shown(held)["unit"]
    again = stage.one(Task, task.id)
    assert again.round == 2
    begun(tablet, again)
    in_agreement(stage, held)
    for kind in ("visit", "visit_answer", "finding", "evidence"):
        assert len(shown(held)[kind]) == len(before[kind]), kind


def test_a_scope_entered_late_comes_whole_with_what_is_older_than_the_cursor(
    stage: Stage, tablet: Tablet, desk: Desk
):
    """A unit with a history and a visit under way, given to somebody who synced long before."""
    bo, third = stage.tablet("bo"), stage.make.officer()
    unit = stage.make.unit()
    team = [stage.officer_of(tablet), third]
    for _ in range(2):
        past = stage.make.task(unit, team=team, checklist_code="lodging")
        begun(tablet, past)
        rest = [answer(tablet, past, code) for code in ITEMS[5:]]
        tablet.push([*rest, finish(tablet, past), sign(tablet, past)])
        desk.do(tasks.complete_task, past.id)
    task = stage.make.task(unit, team=team, checklist_code="lodging")
    begun(tablet, task)
    late, old = Held(bo), Held(tablet)
    old.pull()
    late.pull()
    for _ in range(5):
        desk.rename(stage.task(bo), "上海别名宾馆有限公司")
        late.pull()

    desk.give(task, bo, third)
    in_agreement(stage, late, old)

    assert len(shown(late)["visit"]) == 3
    assert len(shown(late)["finding"]) == len(shown(late)["evidence"]) == 6
    assert len(shown(late)["visit_answer"]) == 5, "of the visit under way; history has none"
    assert str(unit.id) in shown(late)["unit"]
    assert str(unit.id) in shown(old)["unit"], "the agency's scope still shows it"
    assert not shown(old)["visit"]


# --- another district --------------------------------------------------------------------------

EVENTS: dict[type[Entity], Event] = {
    Officer: Event.OFFICER_CHANGED,
    Task: Event.TASK_REASSIGNED,
    Visit: Event.VISIT_STARTED,
    VisitAnswer: Event.VISIT_ITEM_ANSWERED,
    Finding: Event.VISIT_FINDING_STATED,
}


def entities() -> Iterator[type[Entity]]:
    for mapper in Base.registry.mappers:
        if issubclass(mapper.class_, Entity):
            yield mapper.class_


def move(stage: Stage, old: str, new: str) -> None:
    """Everything of a district goes over to another, as when two districts are merged."""
    with stage.flask_app.app_context(), transaction():
        for model in entities():
            for row in db.session.scalars(sa.select(model).where(model.district == old)):
                row.district = new
                event = EVENTS.get(model, Event.UNIT_CHANGED)
                for stream in (old, new):
                    by, at = stage.make.by(), stage.clock()
                    subject: Any = row
                    journal.record(event, subject, by=by, at=at, stream=stream)


def test_everything_that_moves_to_another_district_is_gone_there_and_comes_whole_here(
    stage: Stage, tablet: Tablet, desk: Desk
):
    task, held = stage.task(tablet), Held(tablet)
    begun(tablet, task)
    held.pull()
    before = shown(held)
    assert stage.one(Device, tablet.device_id).district == "310105"

    move(stage, "310105", OTHER_DISTRICT)
    rows = held.pull()

    left = [row for row in rows if "type" not in row]
    assert {row["stream"] for row in left} == {"310105"}
    assert {stream for stream, _ in held.rows} == {OTHER_DISTRICT, "catalogue"}
    assert {kind: set(found) for kind, found in shown(held).items()} == {
        kind: set(found) for kind, found in before.items()
    }
    in_agreement(stage, held)
    assert stage.count(Agency, Agency.district == "310105") == 0
    desk.rename(task, "上海静安宾馆有限公司")
    in_agreement(stage, held)
    assert shown(held)["unit"][str(task.unit_id)]["name"] == "上海静安宾馆有限公司"


# --- a first sync that breaks off --------------------------------------------------------------


class Careful:
    """Writes a new generation beside the old one, and shows the old until the swap."""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet, self.old, self.new = tablet, Held(tablet), Held(tablet)
        self.swaps = 0

    def begin(self) -> None:
        """From an empty cursor; what is shown stays."""
        self.new = Held(self.tablet)

    def page(self, limit: int, *, lose: bool) -> Row:
        """One page; with `lose` its answer did not arrive the first time."""
        if lose:
            assert self.new.ask(limit=limit).status == 200
        page = self.new.pull_page(limit=limit)
        if page["complete"] and self.old is not self.new:
            self.old, self.swaps = self.new, self.swaps + 1
        return page

    def shown(self) -> Shown:
        return shown(self.old)


def test_a_sync_cut_at_every_page_shows_the_old_until_the_new_is_whole(
    stage: Stage, tablet: Tablet, desk: Desk
):
    others = [stage.make.officer() for _ in range(2)]
    carried = [stage.task(tablet) for _ in range(4)]
    begun(tablet, carried[0])
    careful = Careful(tablet)
    while careful.page(500, lose=True)["more"]:
        pass
    before = careful.shown()
    assert careful.swaps == 1

    meanwhile = iter(
        [
            lambda: desk.rename(carried[1], "上海新名宾馆有限公司"),
            lambda: desk.give(carried[2], *others),
            lambda: begun(tablet, carried[3]),
            lambda: desk.give(carried[0], *others),
            lambda: carried.append(stage.task(tablet)),
            lambda: desk.give(carried[2], tablet, others[0]),
        ]
    )
    careful.begin()
    pages = 0
    while careful.page(12, lose=True)["more"]:
        pages += 1
        assert careful.shown() == before, "the old is usable, and only the old"
        next(meanwhile, lambda: None)()
    assert pages > 6
    assert next(meanwhile, None) is None, "everything happened in between"
    assert careful.swaps == 2
    in_agreement(stage, careful.old)
    ids = {str(one.id) for one in carried} - {str(carried[0].id)}
    assert set(careful.shown()["task"]) == ids
    assert set(careful.shown()["visit"]) == {str(carried[3].visit_id)}


def test_a_sync_whose_cursor_became_too_old_in_the_middle_begins_again_beside_the_old(
    stage: Stage, tablet: Tablet, desk: Desk
):
    others = [stage.make.officer() for _ in range(2)]
    carried = [stage.task(tablet) for _ in range(4)]
    careful = Careful(tablet)
    while careful.page(500, lose=False)["more"]:
        pass
    before = careful.shown()
    desk.give(carried[0], *others)
    unsent = [start(tablet, carried[1]), answer(tablet, carried[1], ITEMS[0])]

    careful.begin()
    while not careful.new.shown("task"):
        careful.page(1, lose=False)
    desk.give(carried[2], *others)
    with stage.make.writing():
        assert feed.drop_tombstones(stage.clock() + timedelta(days=401)) > 0
    for held in (careful.new, careful.old):
        refused = held.ask()
        assert refused.status == 410, refused.body
        assert refused.json["type"] == "/problems/cursor-too-old"
    assert careful.shown() == before

    pushed = tablet.push(unsent).json["results"]
    assert {one["outcome"] for one in pushed} == {"applied"}, "what was not sent goes first"
    careful.begin()
    while careful.page(50, lose=True)["more"]:
        assert careful.shown() == before
    in_agreement(stage, careful.old)
    assert set(careful.shown()["task"]) == {str(carried[1].id), str(carried[3].id)}
    assert len(careful.shown()["visit_answer"]) == 1
