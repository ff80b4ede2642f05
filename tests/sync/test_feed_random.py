"""Whatever the services do, in whatever order: the feed is what a fresh projection would be."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access import Actor, ActorKind
from app.db import db, new_id, transaction
from app.documents.rules import Signature
from app.errors import DomainError
from app.evidence import queries as evidence_queries
from app.evidence import service as evidence
from app.evidence.rules import EvidenceState
from app.people import service as people
from app.tasks import service as tasks
from app.tasks.models import Task
from app.units import service as units
from app.units.models import Unit
from app.visits import answering, integrity_queries, queries, rules, service
from app.visits.models import Finding, Visit, VisitAnswer
from app.visits.service import Start
from sync.feed import service as feed
from tests.sync.conftest import Stage
from tests.sync.held import Held
from tests.sync.tablet import Tablet

OFFICERS, TASKS, UNITS = 4, 6, 2
VERBS = (
    "assign",
    "reassign",
    "accept",
    "start",
    "answer",
    "find",
    "shoot",
    "shoot_task",
    "arrive",
    "take_back",
    "finish",
    "sign",
    "do_return",
    "complete",
    "propose",
    "approve",
    "refuse",
    "reopen",
    "rename",
    "change_officer",
    "want",
    "end_wants",
    "trigger",
    "end_trigger",
)
STEP = st.tuples(
    st.sampled_from(VERBS),
    st.integers(0, TASKS - 1),
    st.integers(0, OFFICERS - 1),
    st.integers(0, OFFICERS - 1),
)
VISIT = ("assign", "accept", "start", "answer", "find", "shoot", "finish", "sign")
# usual lives; an example begins with a part of one, so that its steps meet tasks in every state
LIVES = (
    (*VISIT, "complete", "reopen", *VISIT[1:]),
    (*VISIT, "do_return", "reassign", "rename"),
    ("assign", "reassign", "accept", "start", "reassign", "start", "answer", "propose", "approve"),
    ("assign", "start", "answer", *("shoot", "shoot_task") * 2, "arrive", "reassign", "take_back"),
    ("want", "trigger", "change_officer", "end_wants", "end_trigger"),
    ("assign", *("trigger", "end_trigger") * 4, "rename", "complete"),
)


class World:
    """A few officers, units and tasks, and what can happen to them."""

    def __init__(self, stage: Stage, tablet: Tablet) -> None:
        make = stage.make
        self.stage, self.tablet = stage, tablet
        self.officers = [tablet.officer_id, *(make.officer().id for _ in range(OFFICERS - 1))]
        self.units = [make.unit().id for _ in range(UNITS)]
        self.photo = make.stored_evidence()
        self.chen, self.ding = make.supervisor(), make.supervisor()
        self.tasks = [self.new_task(number) for number in range(TASKS)]
        self.triggered: dict[int, UUID] = {}
        self.done: list[str] = []

    def new_task(self, number: int) -> UUID:
        unit = self.stage.one(Unit, str(self.units[number % UNITS]))
        return self.stage.make.task(unit, checklist_code="lodging").id

    def step(self, verb: str, task: int, one: int, other: int) -> None:
        """Do something, in a transaction of its own; what is refused changes nothing."""
        act: Callable[[int, int, int], None] = getattr(self, verb)
        self.stage.clock.forward(seconds=1)
        with self.stage.flask_app.app_context():
            try:
                with transaction():
                    act(task, one, other)
                    self.done.append(verb)
            except DomainError:
                pass
            db.session.remove()

    @property
    def at(self) -> Any:
        return self.stage.clock()

    def device(self, officer: int) -> Actor:
        home = self.stage.make.home()
        return Actor(
            ActorKind.DEVICE,
            id=self.tablet.device_id,
            agency_id=home.id,
            district=home.district,
            officer_id=self.officers[officer],
        )

    def _team(self, one: int, other: int) -> list[UUID]:
        return [self.officers[one], self.officers[other]]

    def _carrier(self, task: Task, one: int) -> dict[str, Any]:
        """An officer of the team, mostly; the tablet's time and who says it."""
        team = task.officer_ids() or self.officers
        officer = team[one % len(team)] if one < OFFICERS - 1 else self.officers[one]
        by = self.device(self.officers.index(officer))
        return {"officer_id": officer, "by": by, "at": self.at}

    def _task(self, number: int) -> Task:
        return db.session.get_one(Task, self.tasks[number])

    def assign(self, task: int, one: int, other: int) -> None:
        team = self._team(one, other)
        tasks.assign_task(self.tasks[task], team, team[0], by=self.chen, at=self.at)

    def reassign(self, task: int, one: int, other: int) -> None:
        team = self._team(one, other)
        tasks.reassign_task(
            self.tasks[task], team, team[0], reason="调岗", by=self.chen, at=self.at
        )

    def accept(self, task: int, one: int, other: int) -> None:
        tasks.accept_task(self.tasks[task], **self._carrier(self._task(task), one))

    def start(self, task: int, one: int, other: int) -> None:
        row = self._task(task)
        service.start_visit(
            row.visit_id,
            Start(row.id, row.unit_id, "lodging", 1),
            **self._carrier(row, one),
            device_id=None,
            recorded_at=self.at,
        )

    def answer(self, task: int, one: int, other: int) -> None:
        row = self._task(task)
        self._answer_all(row.visit_id, **self._carrier(row, one))

    def _answer_all(self, visit_id: UUID, **who: Any) -> None:
        for item in queries.form_items("lodging", 1) or ():
            answering.answer_item(visit_id, item, {"result": "yes"}, **who, recorded_at=self.at)

    def find(self, task: int, one: int, other: int) -> None:
        row = self._task(task)
        answering.state_finding(
            row.visit_id,
            new_id(),
            {"text": "地面积水"},
            **self._carrier(row, one),
            recorded_at=self.at,
        )

    def shoot(self, task: int, one: int, other: int) -> None:
        """A picture of the visit and of all that it says; others may be of the same picture."""
        visit_id = self._task(task).visit_id
        parts = integrity_queries.parts_of(visit_id)
        kinds = ("visit", "visit_answer", "finding")
        models = dict(zip(kinds, (Visit, VisitAnswer, Finding), strict=True))
        for part in sorted(parts)[:: other + 1]:
            kind = next((kind for kind in kinds if db.session.get(models[kind], part)), None)
            if kind is not None:
                self._expect(one, kind, part)

    def shoot_task(self, task: int, one: int, other: int) -> None:
        self._expect(one, "task", self.tasks[task])

    def _expect(self, number: int, kind: str, subject_id: UUID) -> None:
        home = self.stage.make.home()
        evidence.expect(
            self._hash(number),
            size_bytes=9,
            mime="application/pdf",
            role="photo",
            subject_type=kind,
            subject_id=subject_id,
            agency_id=home.id,
            district=home.district,
            by=self.device(0),
            at=self.at,
        )

    def _hash(self, number: int) -> str:
        return f"{number}" * 64

    def arrive(self, task: int, one: int, other: int) -> None:
        home = self.stage.make.home()
        evidence.record_stored(
            self._hash(one),
            evidence.Inspected(EvidenceState.STORED, None, thumbnail=False),
            size_bytes=9,
            mime="application/pdf",
            role="photo",
            agency_id=home.id,
            district=home.district,
            by=self.device(0),
            at=self.at,
        )

    def take_back(self, task: int, one: int, other: int) -> None:
        row = self._task(task)
        uses = evidence_queries.links_of([row.id, *integrity_queries.parts_of(row.visit_id)])
        for link, found in uses[other : other + 1]:
            evidence.retract(found.id, link.subject_id, by=self.device(0), at=self.at)

    def finish(self, task: int, one: int, other: int) -> None:
        row = self._task(task)
        service.finish_visit(
            row.visit_id, "no-problem", None, **self._carrier(row, one), recorded_at=self.at
        )

    def sign(self, task: int, one: int, other: int) -> None:
        row = self._task(task)
        service.sign_visit(
            row.visit_id,
            Signature(),
            **self._carrier(row, one),
            device_id=None,
            recorded_at=self.at,
        )

    def do_return(self, task: int, one: int, other: int) -> None:
        tasks.return_task(self.tasks[task], "请补照片", by=self.chen, at=self.at)

    def complete(self, task: int, one: int, other: int) -> None:
        tasks.complete_task(self.tasks[task], by=self.chen, at=self.at)

    def propose(self, task: int, one: int, other: int) -> None:
        tasks.propose_closing(
            self.tasks[task], "ceased", "大门紧锁", [self.photo], by=self.chen, at=self.at
        )

    def approve(self, task: int, one: int, other: int) -> None:
        tasks.approve_closing(self.tasks[task], by=self.ding, at=self.at)

    def refuse(self, task: int, one: int, other: int) -> None:
        tasks.refuse_closing(self.tasks[task], "仍在营业", by=self.ding, at=self.at)

    def reopen(self, task: int, one: int, other: int) -> None:
        second = self.ding.officer_id or new_id()
        tasks.reopen_task(self.tasks[task], "漏检", second, by=self.chen, at=self.at)

    def rename(self, task: int, one: int, other: int) -> None:
        changes = {"name": f"上海{self.at:%H%M%S}宾馆有限公司"}
        units.change_unit(self.units[task % UNITS], changes, by=self.chen, at=self.at)

    def change_officer(self, task: int, one: int, other: int) -> None:
        officer = people.get_officer(self.officers[one], self.chen.agency_id)
        people.change_officer(officer, {"team": f"{task}科"}, by=self.chen, at=self.at)

    def want(self, task: int, one: int, other: int) -> None:
        on = self.at.date() + timedelta(days=other % 2)
        feed.want_units(
            [self.units[task % UNITS]], [self.officers[one]], on, by=self.device(one), at=self.at
        )

    def end_wants(self, task: int, one: int, other: int) -> None:
        feed.end_wants(self.at.date() + timedelta(days=1), by=self.chen, at=self.at)

    def trigger(self, task: int, one: int, other: int) -> None:
        unit, pair = self.units[task % UNITS], self._team(one, other)
        request = new_id()
        visit_id = rules.triggered_visit_id(unit, self.at.date(), pair, request)
        start = Start(
            *(None, unit, "lodging", 1),
            reason="路过",
            code_request_id=request,
            officer_ids=tuple(pair),
        )
        for officer, number in zip(pair, (one, other), strict=True):
            who: Any = {"officer_id": officer, "by": self.device(number), "at": self.at}
            service.start_visit(visit_id, start, **who, device_id=None, recorded_at=self.at)
        self.triggered[one] = visit_id
        self._answer_all(visit_id, **who)

    def end_trigger(self, task: int, one: int, other: int) -> None:
        visit_id = self.triggered.get(one, new_id())
        who: Any = {"officer_id": self.officers[one], "by": self.device(one), "at": self.at}
        answering.state_finding(
            visit_id, new_id(), {"text": "占道经营"}, **who, recorded_at=self.at
        )
        service.finish_visit(visit_id, "no-problem", None, **who, recorded_at=self.at)
        service.sign_visit(visit_id, Signature(), **who, device_id=None, recorded_at=self.at)


@pytest.fixture
def world(stage: Stage, tablet: Tablet) -> World:
    return World(stage, tablet)


def test_after_any_calls_the_feed_is_a_fresh_projection_and_the_tablet_agrees(world: World):
    held = Held(world.tablet)

    def agree() -> None:
        with world.stage.flask_app.app_context():
            assert feed.differences() == []
        held.pull(limit=11)
        assert held.verify() == {"behind": False, "differs": []}

    for number, life in enumerate(LIVES):
        for verb in life:
            world.step(verb, number, 0, 1)
            agree()
    assert set(world.done) >= set(VERBS) - {"refuse"}, "the usual lives work"

    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        life=st.sampled_from(LIVES),
        length=st.integers(0, max(len(life) for life in LIVES)),
        number=st.integers(0, TASKS - 1),
        pair=st.sampled_from([(0, 1), (1, 0), (2, 3)]),
        steps=st.lists(STEP, min_size=4, max_size=16),
    )
    def try_out(
        life: tuple[str, ...],
        length: int,
        number: int,
        pair: tuple[int, int],
        steps: list[tuple[str, int, int, int]],
    ) -> None:
        for verb in life[:length]:
            world.step(verb, number, *pair)
        for step in steps:
            world.step(*step)
        agree()

    try_out()
