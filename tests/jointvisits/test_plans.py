"""Plans of joint visits on both databases: proposed, approved, published, withdrawn."""

import json
from datetime import date

import pytest
import sqlalchemy as sa

from app.access import Role
from app.days import local_date
from app.db import db, stop_reading, transaction
from app.jointvisits import queries, service, staffing, watching
from app.jointvisits.models import JointVisit
from app.jointvisits.reading import JointPlanInvalid, problem_of, schedule_of
from app.jointvisits.rules import PlanState, VisitState
from app.jointvisits.service import (
    JointPlanStateWrong,
    JointPlanUnknown,
    NothingToPlan,
    ScheduleFaulty,
)
from app.tasks.models import Task
from app.tasks.second_persons import SecondPersonInvalid
from sync.feed.models import FeedBody
from tests.jointvisits.planned import FIRST, plan_of, propose, step


def told(task):
    """What the tablets of a task's team are told of its plan."""
    query = sa.select(FeedBody.body).where(
        FeedBody.entity_type == "task", FeedBody.entity_key == str(task.id)
    )
    body = json.loads(db.session.scalars(query).one())
    return body["planned_on"], body["joint_visit_id"]


def test_open_tasks_of_a_unit_become_one_entry(make, chen):
    hospital = make.unit(street_code="310105001")
    own = {
        make.task(hospital, specialty=specialty, object_class=None, origin=origin).id
        for specialty, origin in (("public-places", "drawn"), ("medical", "complaint"))
    }
    other = make.task(make.unit(), due_on=date(2026, 11, 20)).id
    plan_id = propose(make, chen)
    visits = queries.visits_of(plan_id)
    assert {frozenset(one.id for one in queries.tasks_of(visit.id)) for visit in visits} == {
        frozenset(own),
        frozenset({other}),
    }
    (late,) = (row for visit in visits for row in visit.tasks if row.task_id == other)
    assert (late.overdue, late.last_on) == (True, date(2026, 12, 14))
    plan = plan_of(plan_id)
    found = plan.comparison
    assert (found["separate"]["entries"], found["merged"]["entries"]) == (3, 2)
    assert (found["entries_saved_percent"], found["entries_above_bound"]) == ("33.3", 0)
    assert len(plan.days) == 23


def test_a_published_plan_tells_its_tasks_their_day_and_a_withdrawn_one_takes_it_back(
    make, chen, dong
):
    task = make.task(team=(make.officer(), make.officer()))
    plan_id = propose(make, chen)
    assert db.session.get_one(Task, task.id).planned_on is None
    assert told(task) == (None, None)
    step(service.approve_plan, plan_id, by=dong, at=make.at)
    step(service.publish_plan, plan_id, by=chen, at=make.at)
    (visit,) = queries.visits_of(plan_id)
    found = db.session.get_one(Task, task.id)
    assert (found.planned_on, found.joint_visit_id) == (visit.planned_on, visit.id)
    assert told(task) == (str(visit.planned_on), str(visit.id))
    with pytest.raises(NothingToPlan):
        propose(make, chen)
    step(service.withdraw_plan, plan_id, "改期", by=chen, at=make.at)
    found = db.session.get_one(Task, task.id)
    assert (found.planned_on, found.joint_visit_id) == (None, None)
    assert propose(make, chen) != plan_id


def test_only_a_second_person_approves_and_only_an_approved_plan_is_published(make, chen, dong):
    make.task()
    plan_id = propose(make, chen)
    with pytest.raises(SecondPersonInvalid):
        step(service.approve_plan, plan_id, by=chen, at=make.at)
    with pytest.raises(JointPlanStateWrong):
        step(service.publish_plan, plan_id, by=dong, at=make.at)
    with pytest.raises(JointPlanUnknown):
        service.get_plan(plan_id, make.agency("310107").id)


def test_who_approves_may_go_along_and_the_plan_says_where(make, chen, dong):
    make.task()
    plan_id = propose(make, chen)
    (visit,) = queries.visits_of(plan_id)
    team = [dong.officer_id, make.officer().id]
    stop_reading()
    with transaction():
        staffing.set_team(
            db.session.get_one(JointVisit, visit.id), team, "小所", by=chen, at=make.at
        )
    step(service.approve_plan, plan_id, by=dong, at=make.at)
    points = watching.points_of(plan_of(plan_id), today=local_date(make.at))
    assert [one.id for one in points.approver_goes] == [visit.id]


def test_another_schedule_of_the_same_tasks_is_judged_and_stored(make, chen):
    unit = make.unit()
    make.task(unit)
    plan_id = propose(make, chen)
    (visit,) = queries.visits_of(plan_id)
    plan = plan_of(plan_id)
    made = schedule_of(plan)
    (stood,) = made.visits
    with pytest.raises(ScheduleFaulty) as refused:
        step(service.replace_schedule, plan_id, type(made)((), ()), by=chen, at=make.at)
    assert refused.value.extras["faults"][0].startswith("dropped")
    moved = type(made)((type(stood)(stood.entry, 0),), ())
    step(service.replace_schedule, plan_id, moved, by=chen, at=make.at)
    (after,) = queries.visits_of(plan_id)
    assert (after.id, after.planned_on) == (visit.id, FIRST)
    assert plan_of(plan_id).maker == "solver"
    assert problem_of(plan).tasks == made.visits[0].entry.tasks


def test_a_period_without_calendar_or_days_is_refused(make, chen):
    make.task()
    with pytest.raises(JointPlanInvalid) as refused:
        propose(make, chen, last_on=date(2027, 3, 31))
    assert refused.value.extras["reason"] == "calendar-2027-missing"
    with pytest.raises(JointPlanInvalid):
        propose(make, chen, first_on=date(2026, 11, 1), last_on=local_date(make.at))


def test_what_finds_no_day_is_listed_with_its_reason(make, chen):
    for _ in range(3):
        make.task(due_on=FIRST)
    plan_id = propose(make, chen, teams=1, visits_each=2)
    states = [(one.state, one.reason is None) for one in queries.visits_of(plan_id)]
    assert states == [(VisitState.PLANNED, True)] * 2 + [(VisitState.UNPLACED, False)]
    assert plan_of(plan_id).comparison["bounds"]["unplaced"] == 1


def test_the_plan_over_http(make, flask_app):
    make.task()
    chen, dong = (make.signed_in(Role.SUPERVISOR, officer=make.officer()) for _ in range(2))
    body = {"first_on": "2026-12-01", "last_on": "2026-12-31", "teams": 1, "visits_each": 2}
    made = chen.post("/api/v1/joint-plans", json=body)
    assert made.status_code == 201
    at = f"/api/v1/joint-plans/{made.json['id']}"
    assert dong.get(f"{at}/visits").json["items"][0]["state"] == "planned"
    version = {"If-Match": dong.get(at).headers["ETag"]}
    assert chen.post(f"{at}/approve", headers=version).status_code == 403
    approved = dong.post(f"{at}/approve", headers=version)
    assert approved.json["state"] == PlanState.APPROVED
    published = chen.post(f"{at}/publish", headers={"If-Match": approved.headers["ETag"]})
    assert published.json["state"] == PlanState.PUBLISHED
