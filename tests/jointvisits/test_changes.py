"""Changes by hand, caps, codes and operations of joint visits, on both databases."""

from datetime import date

import pytest

from app.caps import service as caps
from app.days import local_date
from app.db import db, transaction
from app.jointvisits import capping, changes, operations, queries, readying, service, watching
from app.jointvisits.approving import CapsOpen, DaysOver
from app.jointvisits.changes import Change, ChangeInvalid, JointVisitBegun
from app.jointvisits.fitting import Misfit
from app.jointvisits.models import JointVisit, JointVisitOfficer
from app.jointvisits.operations import OperationInvalid, Warned
from app.jointvisits.readying import CodeIssued
from app.jointvisits.rules import ChangeVerb, PlanState, VisitKind, VisitState
from app.people import service as people
from app.people.rules import AbsenceReason
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.second_persons import SecondPersonInvalid
from app.units.rules import Registration
from tests.jointvisits.planned import (
    FIRST,
    LAST,
    REASON,
    change,
    plan_of,
    propose,
    publish,
    step,
    visit_of,
)

TODAY = date(2026, 11, 21)
MOVED = date(2026, 12, 3)


def again(task):
    return db.session.get_one(Task, task.id)


def test_a_published_visit_is_moved_and_its_tasks_with_it(make, chen, dong):
    task = make.task(due_on=date(2026, 12, 2))
    plan_id = publish(make, chen, dong)
    visit = visit_of(plan_id, task)
    before = visit.planned_on
    foreseen = changes.foresee(visit, Change(ChangeVerb.MOVE, "装修", MOVED), at=make.at)
    assert foreseen.consequences.windows_broken == (str(task.id),)
    assert again(task).planned_on == before
    change(visit.id, ChangeVerb.MOVE, planned_on=MOVED, by=dong, at=make.at)
    assert again(task).planned_on == MOVED
    plan = plan_of(plan_id)
    assert (plan.state, plan.maker) == (PlanState.PUBLISHED, "hand")
    assert plan.faults == [f"outside-window: {task.id}"]
    (kept,) = db.session.scalars(queries.changes_of(plan_id))
    assert (kept.reason, kept.consequences["windows_broken"]) == (REASON, [str(task.id)])


def test_tasks_are_split_off_and_merged_in_and_taken_out_of_the_plan(make, chen, dong):
    unit = make.unit()
    one, two = (make.task(unit, due_on=due) for due in (date(2026, 12, 20), date(2026, 12, 22)))
    plan_id = publish(make, chen, dong)
    visit = visit_of(plan_id, one)
    assert visit.id == visit_of(plan_id, two).id
    given = {"planned_on": MOVED, "task_ids": (two.id,)}
    foreseen, _ = change(visit.id, ChangeVerb.SPLIT, **given, by=chen, at=make.at)
    assert (foreseen.consequences.entries.before, foreseen.consequences.entries.after) == (1, 2)
    other = visit_of(plan_id, two)
    assert (again(two).planned_on, again(two).joint_visit_id) == (MOVED, other.id)
    late = make.task(unit, origin="complaint")
    both = (two.id, late.id)
    change(visit.id, ChangeVerb.MERGE, task_ids=both, by=chen, at=make.at)
    assert {row.task_id for row in visit_of(plan_id, late).tasks} == {one.id, two.id, late.id}
    assert again(late).joint_visit_id == again(two).joint_visit_id == visit.id
    empty = db.session.get_one(JointVisit, other.id)
    assert (empty.state, empty.tasks) == (VisitState.LEFT_OUT, [])
    change(visit.id, ChangeVerb.SHIFT, by=chen, at=make.at)
    assert again(one).joint_visit_id is None
    assert [len(row.tasks) for row in queries.visits_of(propose(make, chen))] == [3]
    change(visit.id, ChangeVerb.MOVE, planned_on=MOVED, by=chen, at=make.at)
    assert again(one).planned_on == MOVED


def give_team(visit_id, *officers):
    with transaction():
        db.session.get_one(JointVisit, visit_id).officers = [
            JointVisitOfficer(officer_id=one, specialty="public-places", by_lot=False)
            for one in officers
        ]


def test_a_task_that_comes_in_gets_the_team_and_who_is_away_that_day_is_said(make, chen, dong):
    unit = make.unit()
    one = make.task(unit)
    plan_id = propose(make, chen)
    visit_id = visit_of(plan_id, one).id
    an, bo = make.officer(), make.officer()
    give_team(visit_id, an.id, bo.id)
    step(service.approve_plan, plan_id, by=dong, at=make.at)
    step(service.publish_plan, plan_id, by=chen, at=make.at)
    late = make.task(unit, origin="complaint")
    with transaction():
        bo = people.get_officer(bo.id, unit.agency_id)
        people.declare_absence(
            bo, AbsenceReason.TRAINING, from_on=MOVED, until_on=MOVED, by=chen, at=make.at
        )
    change(visit_id, ChangeVerb.MERGE, task_ids=(late.id,), by=chen, at=make.at)
    assert set(again(late).officer_ids()) == {an.id, bo.id}
    visit = db.session.get_one(JointVisit, visit_id)
    foreseen = changes.foresee(visit, Change(ChangeVerb.MOVE, "试", MOVED), at=make.at)
    assert foreseen.barred == ((bo.id, MOVED),)


def test_who_changed_a_plan_last_never_approves_it_and_who_proposed_it_then_may(make, chen, dong):
    task = make.task()
    plan_id = propose(make, chen)
    step(service.approve_plan, plan_id, by=dong, at=make.at)
    visit = visit_of(plan_id, task)
    for last, other in ((dong, chen), (chen, dong), (dong, chen)):
        change(
            visit.id,
            ChangeVerb.MOVE,
            planned_on=MOVED if last is dong else LAST,
            by=last,
            at=make.at,
        )
        assert plan_of(plan_id).state == PlanState.PROPOSED
        with pytest.raises(SecondPersonInvalid, match="最后经手人"):
            step(service.approve_plan, plan_id, by=last, at=make.at)
        step(service.approve_plan, plan_id, by=other, at=make.at)
    step(service.publish_plan, plan_id, by=chen, at=make.at)
    # changed after it was published, by who approved it: that approval stands
    change(visit.id, ChangeVerb.MOVE, planned_on=LAST, by=chen, at=make.at)
    assert plan_of(plan_id).state == PlanState.PUBLISHED


def test_a_plan_with_days_that_are_over_is_not_published(make, clock, chen, dong):
    team, first = (make.officer(), make.officer()), date(2026, 12, 1)
    late, begun = make.task(due_on=first), make.task(due_on=first, team=team)
    plan_id = propose(make, chen)
    step(service.approve_plan, plan_id, by=dong, at=make.at)
    clock.forward(days=11)  # 2 December
    today = local_date(make.at)
    assert watching.days_over([plan_id], today=today) == {plan_id: [first]}
    with pytest.raises(DaysOver) as refused:
        step(service.publish_plan, plan_id, by=chen, at=make.at)
    assert refused.value.extras["days"] == ["2026-12-01"]
    assert len(refused.value.extras["joint_visits"]) == 2
    make.visit(begun, *team)  # somebody went
    change(visit_of(plan_id, late).id, ChangeVerb.MOVE, planned_on=LAST, by=chen, at=make.at)
    step(service.approve_plan, plan_id, by=dong, at=make.at)
    step(service.publish_plan, plan_id, by=chen, at=make.at)
    assert watching.days_over([plan_id], today=today) == {}


def test_only_what_is_impossible_is_refused(make, chen):
    task, other = make.task(), make.task()
    visit = visit_of(propose(make, chen), task)
    saturday, next_year = date(2026, 12, 5), date(2027, 1, 4)
    for values in (
        {"verb": ChangeVerb.MOVE, "planned_on": saturday},
        {"verb": ChangeVerb.MOVE, "planned_on": next_year},
        {"verb": ChangeVerb.MOVE, "planned_on": visit.planned_on},
        {"verb": ChangeVerb.MOVE},
        {"verb": ChangeVerb.SPLIT, "planned_on": MOVED},
        {"verb": ChangeVerb.SPLIT, "planned_on": MOVED, "task_ids": (task.id,)},
        {"verb": ChangeVerb.MERGE},
        {"verb": ChangeVerb.MERGE, "task_ids": (other.id,)},
        {"verb": ChangeVerb.MERGE, "task_ids": (task.id,)},
    ):
        with pytest.raises(ChangeInvalid):
            changes.foresee(visit, Change(reason="试", **values), at=make.at)


def test_what_was_begun_is_not_moved_and_what_changed_meanwhile_is_said(make, chen, dong):
    team = (make.officer(), make.officer())
    begun, shorter, closed = make.task(team=team), make.task(), make.task()
    plan_id = publish(make, chen, dong)
    make.visit(begun, *team)
    with transaction():
        tasks.change_deadline(shorter.id, TODAY, by=chen, at=make.at)
    with pytest.raises(JointVisitBegun):
        visit = visit_of(plan_id, begun)
        changes.foresee(visit, Change(ChangeVerb.LEAVE_OUT, "试"), at=make.at)
    found = watching.points_of(plan_of(plan_id), today=TODAY)
    assert [(one.task_id, one.misfit) for one in found.misfits] == [
        (shorter.id, Misfit.DUE_EARLIER)
    ]
    step(service.withdraw_plan, plan_id, "改期", by=chen, at=make.at)
    assert again(begun).joint_visit_id is not None
    assert again(closed).joint_visit_id is None


def enter(make, unit):
    team = (make.officer(), make.officer())
    make.visit(make.task(unit, team=team, origin="routine", checklist_code="lodging"), *team)


def test_a_cap_keeps_a_plan_from_approval_until_a_second_person_excepts_it(make, chen, dong):
    unit = make.unit()
    enter(make, unit)
    enter(make, unit)
    drawn, exempt = make.task(unit), make.task(make.unit(), origin="complaint")
    plan_id = propose(make, chen)
    visit = visit_of(plan_id, drawn)
    assert [(one.cap_code, one.verdict, one.used) for one in visit.caps] == [
        ("entries-per-year", "exception", 2)
    ]
    assert visit_of(plan_id, exempt).caps == []
    with pytest.raises(CapsOpen):
        step(service.approve_plan, plan_id, by=dong, at=make.at)
    with transaction():
        visit = db.session.get_one(JointVisit, visit.id)
        asked = readying.answer_cap(visit, "entries-per-year", "群众反映集中", by=chen, at=make.at)
    assert asked is not None
    with transaction():
        caps.approve_exception(asked.id, by=dong, at=make.at)
    (point,) = watching.points_of(plan_of(plan_id), today=TODAY).caps
    assert (str(point.answer.verdict), point.needed) == ("excepted", False)
    step(service.approve_plan, plan_id, by=dong, at=make.at)
    (cap,) = visit_of(plan_id, drawn).caps
    assert (cap.verdict, cap.reason) == ("excepted", "群众反映集中")


def test_what_other_plans_bring_counts_and_what_was_visited_keeps_its_caps(make, chen, dong):
    unit = make.unit()
    enter(make, unit)
    first = make.task(unit)
    publish(make, chen, dong)
    second = make.task(unit, origin="routine")
    plan_id = propose(make, chen)
    reached = [(one.cap_code, one.verdict, one.used) for one in visit_of(plan_id, second).caps]
    assert ("entries-per-year", "exception", 2) in reached
    team = [make.officer().id for _ in range(2)]
    with transaction():
        visit = db.session.get_one(JointVisit, visit_of(plan_id, second).id)
        tasks.assign_task(second.id, team, team[0], by=chen, at=make.at)
        again(second).state = "in-progress"
        db.session.flush()
        capping.keep_caps(plan_of(plan_id), [visit])
    assert len(visit_of(plan_id, second).caps) == len(reached)
    assert again(first).joint_visit_id is not None


def test_a_published_visit_gets_one_code_which_a_change_takes_back(make, chen, dong):
    unit = make.unit()
    own = [make.task(unit) for _ in range(2)]
    officers = [make.officer().id for _ in range(2)]
    plan_id = publish(make, chen, dong)
    visit_id = visit_of(plan_id, own[0]).id
    give_team(visit_id, *officers)
    with transaction():
        visit = db.session.get_one(JointVisit, visit_id)
        code = readying.request_code(visit, by=chen, at=make.at)
    assert {one.task_id for one in code.tasks} == {one.id for one in own}
    assert {one.officer_id for one in code.officers} == set(officers)
    with pytest.raises(CodeIssued), transaction():
        readying.request_code(db.session.get_one(JointVisit, visit_id), by=chen, at=make.at)
    foreseen, _ = change(visit_id, ChangeVerb.MOVE, planned_on=MOVED, by=chen, at=make.at)
    assert foreseen.codes == (code.id,)
    assert db.session.get_one(type(code), code.id).state == "revoked"
    assert db.session.get_one(JointVisit, visit_id).code_id is None


def test_operations_of_key_institutions_are_called_planned_and_counted(make, chen, dong):
    matters = (
        Registration("public-places", "lodging"),
        Registration("public-places", "swimming"),
    )
    hospital, other = make.unit(registrations=matters), make.unit()
    make.label(hospital, "key-institution")
    make.task(hospital)
    agency = make.home()

    def found(on=FIRST):
        (one,) = operations.operations_of(agency.id, on, today=TODAY)
        return one.planned, one.held, one.warning

    assert found() == (0, 0, Warned.TOO_FEW)
    with transaction():
        made = operations.call_operations(agency, FIRST, by=chen, at=make.at)
        assert [one.object_class for one in made] == ["swimming"]
        assert operations.call_operations(agency, FIRST, by=chen, at=make.at) == []
    with pytest.raises(OperationInvalid), transaction():
        operations.call_operations(agency, FIRST, [other.id], by=chen, at=make.at)
    with transaction():
        (key,) = operations.key_institutions(agency.id, FIRST)
        ahead = operations.call_operations(agency, date(2027, 2, 1), [key], by=chen, at=make.at)
    assert [one.from_on for one in ahead] == [date(2027, 1, 1)] * 2
    plan_id = publish(make, chen, dong)
    (visit,) = queries.visits_of(plan_id)  # nothing of the next quarter is in it
    assert visit.kind == VisitKind.OPERATION
    assert not {one.task_id for one in visit.tasks} & {one.id for one in ahead}
    assert found() == (1, 0, None)
    one = visit.tasks[0].task_id
    given = {"planned_on": MOVED, "task_ids": (one,)}
    change(visit.id, ChangeVerb.SPLIT, **given, by=chen, at=make.at)
    assert found() == (0, 0, Warned.TOO_FEW)
