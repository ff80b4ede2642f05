"""The life of a task on both databases."""

import threading
from datetime import date, timedelta
from hashlib import sha256

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.access import Actor, ActorKind, Role
from app.db import db, new_id, transaction
from app.evidence import service as evidence
from app.evidence.rules import EvidenceState
from app.journal.models import JournalEntry
from app.people import service as people
from app.tasks import rules, service
from app.tasks.models import Task
from app.tasks.rules import NewTask, TaskState
from app.tasks.second_persons import SecondPersonInvalid
from app.tasks.steps import TaskStateWrong
from app.tasks.teams import NotOnTeam, TeamInvalid
from app.units.models import Unit
from app.units.rules import UnitStatus
from tests.factories import OTHER_DISTRICT


@pytest.fixture
def desk(make, app_context):
    return Desk(make)


class Desk:
    """A supervisor's desk: a task, its team, and the verbs in one transaction each."""

    def __init__(self, make):
        self.make = make
        self.an, self.bo = make.officer(name="安"), make.officer(name="博")
        self.chen, self.ding = make.supervisor(), make.supervisor()
        self.evidence = make.stored_evidence()

    def member(self, officer=None):
        officer = officer or self.an
        return Actor(
            ActorKind.DEVICE,
            id=new_id(),
            agency_id=officer.agency_id,
            district=officer.district,
            officer_id=officer.id,
        )

    def do(self, verb, task, *args, by=None, **values):
        with transaction():
            return getattr(service, verb)(
                id_of(task), *args, by=by or self.chen, at=self.make.at, **values
            )

    def task(self, state=TaskState.PENDING, **values):
        task = self.make.task(**values)
        if state is TaskState.PENDING:
            return task
        self.do("assign_task", task, [self.an.id, self.bo.id], self.an.id)
        steps = [
            ("accept_task", (), {"officer_id": self.an.id}),
            ("start_task", (), {"officer_id": self.an.id}),
            ("submit_task", ("no-problem",), {}),
            ("complete_task", (), {}),
        ]
        order = ["assigned", "accepted", "in-progress", "submitted", "completed"]
        for verb, args, extra in steps[: order.index(state)]:
            self.do(verb, task, *args, by=self.member(), **extra)
        return self.fresh(task)

    def propose(self, task, by=None, **values):
        arguments = {
            "reason": "ceased",
            "note": "大门紧锁",
            "evidence": [self.evidence],
            **values,
        }
        return self.do("propose_closing", task, **arguments, by=by or self.member())

    def close(self, task):
        self.propose(task)
        return self.do("approve_closing", task)

    def fresh(self, task):
        db.session.remove()
        return db.session.get_one(Task, id_of(task))


def id_of(task):
    """Return a task's id, also after a rollback has expired it."""
    return sa.inspect(task).identity[0]


def events(task):
    query = (
        sa.select(JournalEntry.event)
        .where(JournalEntry.subject_id == id_of(task))
        .order_by(JournalEntry.seq)
    )
    return list(db.session.scalars(query))


def test_a_task_goes_from_assignment_to_completion_with_who_and_when(desk):
    task = desk.task(TaskState.COMPLETED)
    assert (task.state, task.outcome, task.round) == ("completed", "no-problem", 1)
    assert [member.officer_id for member in task.team if member.is_lead] == [desk.an.id]
    assert task.lead_officer_id == desk.an.id
    assert task.visit_id == rules.visit_id(task.id, 1)
    assert (task.assigned_by_kind, task.assigned_by_id) == ("user", desk.chen.id)
    assert (task.accepted_by_kind, task.accepted_at) == ("device", desk.make.at)
    assert events(task) == [
        "task.created",
        "task.assigned",
        "task.accepted",
        "task.started",
        "task.submitted",
        "task.completed",
    ]


def test_a_step_out_of_order_is_refused_and_changes_nothing(desk):
    task = desk.task()
    before = task.version
    with pytest.raises(TaskStateWrong) as caught:
        desk.do("complete_task", task)
    assert caught.value.extras["state"] == "pending"
    assert caught.value.extras["possible"] == ["assign", "propose-closing"]
    assert "待分派" in caught.value.detail
    assert desk.fresh(task).version == before
    assert events(task) == ["task.created"]


def test_task_numbers_count_by_agency_and_year(desk, clock):
    agency = desk.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    first, second = desk.make.task(), desk.make.task()
    foreign = desk.make.task(agency=agency)
    clock.forward(days=60)
    later = desk.make.task()
    numbers = [task.task_no for task in (first, second, foreign, later)]
    assert numbers == ["RW-2026-000001", "RW-2026-000002", "RW-2026-000001", "RW-2027-000001"]


def test_a_task_that_names_unknown_things_is_not_created(desk):
    agency = desk.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    foreign = desk.make.unit(agency)
    data = [
        NewTask(foreign.id, "public-places", "drawn"),
        NewTask(desk.make.unit().id, "dentistry", "rumour", checklist_code="none"),
        NewTask(desk.make.unit().id, "public-places", "drawn", object_class="clinic"),
    ]
    with pytest.raises(service.TaskInvalid) as caught, transaction():
        service.create_tasks(data, agency=desk.make.home(), by=desk.chen, at=desk.make.at)
    assert [error["pointer"] for error in caught.value.extras["errors"]] == [
        "#/0/unit_id",
        "#/1/specialty",
        "#/1/origin",
        "#/1/checklist_code",
        "#/2/object_class",
    ]
    assert db.session.scalar(sa.select(sa.func.count(Task.id))) == 0


def test_a_code_that_is_no_longer_in_force_makes_no_task(desk, at):
    unit = desk.make.unit()
    with pytest.raises(service.TaskInvalid), transaction():
        service.create_task(
            NewTask(unit.id, "public-places", "drawn"),
            agency=desk.make.home(),
            by=desk.chen,
            at=at - timedelta(days=365 * 20),
        )


def test_a_foreign_agencys_task_is_not_found(desk):
    agency = desk.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    foreign = desk.make.task(agency=agency)
    with pytest.raises(service.TaskNotFound):
        desk.do("assign_task", foreign, [desk.an.id, desk.bo.id], desk.an.id)


def test_a_team_of_those_who_may_not_go_is_refused_by_name(desk):
    task = desk.task(due_on=date(2026, 12, 20))
    recused = desk.make.officer(name="丁")
    expired = desk.make.officer(name="戊", certificate_valid_until=date(2026, 12, 19))
    helper = desk.make.officer(name="己", lead_specialties=())
    with transaction():
        officer = people.get_officer(recused.id, task.agency_id)
        people.declare_recusal(
            officer,
            task.unit_id,
            "kinship",
            effective_from=date(2026, 12, 1),
            by=desk.chen,
            at=desk.make.at,
        )
    wanted = [recused.id, expired.id, helper.id]
    with pytest.raises(TeamInvalid) as caught:
        desk.do("assign_task", task, wanted, helper.id)
    found = {(e["code"], e["officer_id"]) for e in caught.value.extras["errors"]}
    assert found == {
        ("officer-recused", recused.id),
        ("certificate-expired", expired.id),
        ("lead-not-qualified", helper.id),
    }
    assert all(name in caught.value.detail for name in "丁戊己")
    assert desk.fresh(task).team == []


def test_a_recusal_for_another_unit_or_time_keeps_nobody_away(desk):
    task = desk.task(due_on=date(2026, 12, 20))
    other = desk.make.unit()
    with transaction():
        officer = people.get_officer(desk.bo.id, task.agency_id)
        declare = {"by": desk.chen, "at": desk.make.at}
        people.declare_recusal(
            officer, other.id, "kinship", effective_from=date(2026, 1, 1), **declare
        )
        people.declare_recusal(
            officer,
            task.unit_id,
            "kinship",
            effective_from=date(2026, 1, 1),
            effective_to=date(2026, 11, 20),
            **declare,
        )
        people.declare_recusal(
            officer, task.unit_id, "kinship", effective_from=date(2026, 12, 21), **declare
        )
    assert desk.do("assign_task", task, [desk.an.id, desk.bo.id], desk.an.id).state == "assigned"


def test_reassigning_keeps_who_stays_and_lets_the_new_team_begin(desk):
    task = desk.task(TaskState.IN_PROGRESS)
    new = desk.make.officer(name="新")
    desk.do("reassign_task", task, [desk.bo.id, new.id], new.id, reason="安调离")
    task = desk.fresh(task)
    assert task.state == "assigned"
    assert {m.officer_id: m.is_lead for m in task.team} == {desk.bo.id: False, new.id: True}
    with pytest.raises(NotOnTeam):
        desk.do("accept_task", task, officer_id=desk.an.id, by=desk.member())
    assert desk.do("accept_task", task, officer_id=new.id, by=desk.member(new)).state == "accepted"


def test_whoever_leads_stands_first_as_soon_as_the_team_is_written(desk):
    task, team = desk.task(TaskState.ASSIGNED), [desk.an.id, desk.bo.id]
    for lead in (*team, *reversed(team)):
        written = desk.do("reassign_task", task, team, lead, reason="轮换")
        assert written.officer_ids() == desk.fresh(task).officer_ids()
        assert written.officer_ids()[0] == lead


def test_reassigning_needs_a_reason(desk):
    task = desk.task(TaskState.ASSIGNED)
    with pytest.raises(service.TaskInvalid):
        desk.do("reassign_task", task, [desk.an.id, desk.bo.id], desk.bo.id, reason="  ")
    assert desk.fresh(task).lead_officer_id == desk.an.id


def test_a_returned_task_stays_returned_when_it_changes_hands(desk):
    task = desk.task(TaskState.SUBMITTED)
    desk.do("return_task", task, "照片不清")
    new = desk.make.officer()
    desk.do("reassign_task", task, [desk.bo.id, new.id], new.id, reason="安调离")
    assert desk.fresh(task).state == "returned"
    desk.do("answer_return", task, by=desk.member(new))
    task = desk.fresh(task)
    assert (task.state, task.outcome) == ("submitted", "no-problem")


def test_while_samples_are_out_only_the_last_result_completes(desk):
    task = desk.task(TaskState.IN_PROGRESS)
    desk.do("submit_task", task, "awaiting-results", by=desk.member())
    with pytest.raises(TaskStateWrong) as caught:
        desk.do("complete_task", task)
    assert "待检测" in caught.value.detail
    with pytest.raises(service.TaskInvalid):
        desk.do("record_results", task, "awaiting-results")
    task = desk.do("record_results", task, "ordered-to-correct")
    assert (task.state, task.awaiting_results) == ("completed", False)


def test_no_result_is_recorded_that_nobody_awaits(desk):
    task = desk.task(TaskState.SUBMITTED)
    with pytest.raises(TaskStateWrong):
        desk.do("record_results", task, "no-problem")


@pytest.mark.parametrize("outcome", ["closed", "market-no-problem", "splendid"])
def test_a_visit_cannot_have_an_outcome_that_is_not_its(desk, outcome):
    task = desk.task(TaskState.IN_PROGRESS)
    with pytest.raises(service.TaskInvalid):
        desk.do("submit_task", task, outcome, by=desk.member())
    assert desk.fresh(task).state == "in-progress"


# --- closing ---


def test_a_closing_needs_a_reason_evidence_and_a_second_person(desk):
    task = desk.task(TaskState.ACCEPTED)
    with pytest.raises(service.ClosingInvalid):
        desk.propose(task, reason="too-far")
    with pytest.raises(service.ClosingInvalid):
        desk.propose(task, evidence=[])
    with pytest.raises(service.ClosingInvalid):
        desk.propose(task, evidence=["0" * 64])
    desk.propose(task)
    task = desk.do("approve_closing", task)
    assert (task.state, task.closing_reason) == ("closed", "ceased")
    assert task.closed_officer_id == desk.chen.officer_id


@pytest.mark.parametrize(
    ("reason", "before", "after"),
    [
        ("ceased", "in-operation", "closed"),
        ("moved", "in-operation", "moved"),
        ("replaced", "in-operation", "in-operation"),
        ("ceased", "revoked", "revoked"),
    ],
)
def test_a_closed_task_flags_its_unit_which_stays(desk, reason, before, after):
    unit = desk.make.unit(state=UnitStatus(before))
    task = desk.task(unit=unit)
    desk.propose(task, reason=reason, by=desk.ding)
    desk.do("approve_closing", task)
    db.session.remove()
    assert db.session.get_one(Unit, unit.id).state == after


def test_the_same_evidence_of_another_agency_does_not_count(desk):
    agency = desk.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    task = desk.task(TaskState.ACCEPTED)
    with pytest.raises(service.ClosingInvalid):
        desk.propose(task, evidence=[desk.make.stored_evidence(agency)])


def test_a_tablet_proposes_before_its_photo_has_arrived_but_nothing_is_closed_on_it(desk):
    task = desk.task(TaskState.ACCEPTED)
    photo = sha256(b"a photo that is still on the tablet").hexdigest()
    member = desk.member()
    with transaction():
        evidence.expect(
            photo,
            size_bytes=3,
            mime="application/pdf",
            role="closing",
            subject_type="task",
            subject_id=id_of(task),
            agency_id=member.agency_id,
            district=member.district,
            by=member,
            at=desk.make.at,
        )
    with pytest.raises(service.ClosingInvalid):
        desk.propose(task, evidence=[photo], by=desk.ding)
    desk.propose(task, evidence=[photo])
    with pytest.raises(service.ClosingInvalid) as caught:
        desk.do("approve_closing", task)
    assert caught.value.extras["missing"] == [photo]
    with transaction():
        evidence.record_stored(
            photo,
            evidence.Inspected(EvidenceState.STORED, None, thumbnail=False),
            size_bytes=3,
            mime="application/pdf",
            role="closing",
            agency_id=member.agency_id,
            district=member.district,
            by=member,
            at=desk.make.at,
        )
    assert desk.do("approve_closing", task).state == "closed"


def test_nobody_outside_the_team_proposes_but_a_supervisor(desk):
    task = desk.task(TaskState.ACCEPTED)
    with pytest.raises(NotOnTeam):
        desk.propose(task, by=desk.member(desk.make.officer()))
    assert desk.propose(task, by=desk.ding).state == "closing-proposed"


def test_who_proposed_cannot_approve(desk):
    task = desk.task(TaskState.ACCEPTED)
    desk.propose(task, by=desk.chen)
    with pytest.raises(SecondPersonInvalid):
        desk.do("approve_closing", task, by=desk.chen)
    assert desk.do("approve_closing", task, by=desk.ding).state == "closed"


def test_who_is_on_the_team_cannot_approve(desk):
    task = desk.task()
    own = people.get_officer(desk.ding.officer_id, task.agency_id)
    desk.do("assign_task", task, [desk.an.id, own.id], desk.an.id)
    desk.propose(task)
    with pytest.raises(SecondPersonInvalid):
        desk.do("approve_closing", task, by=desk.ding)


def test_a_supervisor_without_certificate_cannot_approve(desk):
    task = desk.task(TaskState.ACCEPTED)
    desk.propose(task)
    clerk = desk.make.actor(desk.make.account(Role.SUPERVISOR))
    with pytest.raises(SecondPersonInvalid):
        desk.do("approve_closing", task, by=clerk)


def test_the_database_itself_keeps_proposer_and_second_person_apart(desk):
    task = desk.task(TaskState.ACCEPTED)
    desk.propose(task)
    forged = (
        sa.update(Task)
        .where(Task.id == task.id)
        .values(
            state="closed",
            previous_state=None,
            closed_at=desk.make.at,
            closed_by_kind="user",
            closed_by_id=new_id(),
            closed_officer_id=desk.an.id,
        )
    )
    with pytest.raises(IntegrityError), transaction():
        db.session.execute(forged)
    with pytest.raises(IntegrityError), transaction():
        db.session.execute(forged.values(closed_officer_id=None))


@pytest.mark.parametrize("state", ["pending", "assigned", "accepted", "in-progress", "returned"])
def test_a_refused_closing_gives_the_task_back_as_it_was(desk, state):
    wanted = TaskState.SUBMITTED if state == "returned" else TaskState(state)
    task = desk.task(wanted)
    if state == "returned":
        desk.do("return_task", task, "照片不清")
    desk.propose(task, by=desk.ding)
    assert desk.fresh(task).state == "closing-proposed"
    desk.do("refuse_closing", task, "门店仍在营业")
    task = desk.fresh(task)
    assert (task.state, task.previous_state) == (state, None)
    desk.propose(task, by=desk.ding)
    assert desk.do("approve_closing", task).state == "closed"


# --- reopening ---


def test_a_reopened_task_has_a_new_round_and_a_new_visit(desk):
    task = desk.close(desk.task(TaskState.ACCEPTED))
    first = task.visit_id
    desk.do("reopen_task", task, "重新开业", desk.ding.officer_id)
    task = desk.fresh(task)
    assert (task.state, task.round, task.outcome) == ("assigned", 2, None)
    assert task.visit_id == rules.visit_id(task.id, 2) != first
    assert task.reopened_second_officer_id == desk.ding.officer_id
    assert desk.close(task).state == "closed"


def test_reopening_needs_a_second_person_who_is_another(desk):
    task = desk.task(TaskState.COMPLETED)
    for second in (desk.chen.officer_id, desk.an.id, new_id(), desk.make.officer().id):
        with pytest.raises(SecondPersonInvalid):
            desk.do("reopen_task", task, "结果有误", second)
    assert desk.fresh(task).state == "completed"


def test_reopening_needs_a_reason(desk):
    task = desk.task(TaskState.COMPLETED)
    with pytest.raises(service.TaskInvalid):
        desk.do("reopen_task", task, " ", desk.ding.officer_id)


def test_a_task_that_never_had_a_team_needs_one_to_be_reopened(desk):
    task = desk.task()
    desk.propose(task, by=desk.ding)
    desk.do("approve_closing", task)
    with pytest.raises(TeamInvalid):
        desk.do("reopen_task", task, "重新开业", desk.ding.officer_id)
    task = desk.do(
        "reopen_task",
        task,
        "重新开业",
        desk.ding.officer_id,
        officer_ids=[desk.an.id, desk.bo.id],
        lead_id=desk.an.id,
    )
    assert task.state == "assigned"


def test_a_team_that_may_no_longer_go_is_not_sent_again(desk, clock):
    task = desk.task(TaskState.COMPLETED)
    clock.forward(days=3 * 365)
    with pytest.raises(TeamInvalid) as caught:
        desk.do("reopen_task", task, "结果有误", desk.ding.officer_id)
    assert {e["code"] for e in caught.value.extras["errors"]} == {"certificate-expired"}


# --- races ---


def race(flask_app, *works):
    """Run each of `works` in a context and thread of its own; return what each came to."""
    results, barrier = {}, threading.Barrier(len(works))

    def run(index, work):
        with flask_app.app_context():
            barrier.wait()
            try:
                results[index] = work()
            except Exception as error:  # noqa: BLE001 - what it came to
                results[index] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[index] for index in range(len(works))]


def test_of_two_supervisors_who_assign_at_once_one_wins(desk, flask_app, at):
    task = desk.task()
    others = [desk.make.officer() for _ in range(2)]
    pairs = ([desk.an.id, desk.bo.id], [officer.id for officer in others])

    def assign(team):
        def work():
            with transaction():
                service.assign_task(task.id, team, team[0], by=desk.chen, at=at)
            return tuple(team)

        return work

    results = race(flask_app, *(assign(pair) for pair in pairs))
    won = [result for result in results if isinstance(result, tuple)]
    (lost,) = [result for result in results if isinstance(result, Exception)]
    assert type(lost).__name__ in {"ChangedMeanwhile", "TaskStateWrong"}
    assert set(desk.fresh(task).officer_ids()) == set(won[0])
    assert events(task).count("task.assigned") == 1


def test_tasks_made_at_once_have_different_numbers(desk, flask_app, at):
    unit, agency = desk.make.unit(), desk.make.home()

    def create():
        with transaction():
            data = [NewTask(unit.id, "public-places", "complaint")] * 5
            return [
                t.task_no for t in service.create_tasks(data, agency=agency, by=desk.chen, at=at)
            ]

    results = race(flask_app, *[create] * 6)
    assert [r for r in results if isinstance(r, Exception)] == []
    numbers = sorted(number for result in results for number in result)
    assert numbers == [f"RW-2026-{n:06d}" for n in range(1, 31)]
