"""The demo district shows a complaint, a patrol, cases and a plan of joint visits, once."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.cases.collecting_models import CaseCollection
from app.cases.models import CaseStep, PenaltyCase
from app.complaints.models import Complaint
from app.days import day_begins
from app.db import db, stop_reading, transaction
from app.demo import service
from app.demo.registers import actor_of
from app.documents.models import Document
from app.jointvisits import service as joint_visits
from app.jointvisits.models import JointPlan
from app.patrols.models import Patrol, PatrolHint
from app.tasks.second_persons import SecondPersonInvalid

ON, YEAR_END = date(2026, 10, 8), date(2026, 12, 31)


def test_the_desk_of_the_demo_has_each_affair_once(app_context):
    said: list[str] = []
    for _ in range(2):
        service.load(on=ON, today=ON, units=160, officers=60, say=said.append)
        db.session.remove()
    complaints = db.session.scalars(sa.select(Complaint).order_by(Complaint.number)).all()
    assert [(one.number, one.state) for one in complaints] == [
        ("TS-2026-000001", "replied"),
        ("TS-2026-000002", "received"),
    ]
    assert all(step.due_on for one in complaints for step in one.steps)
    assert [one.number for one in db.session.scalars(sa.select(Patrol))] == ["XG-2026-000001"]
    assert [one.state for one in db.session.scalars(sa.select(PatrolHint))] == ["waiting"]
    cases = db.session.scalars(sa.select(PenaltyCase)).all()
    stages = sorted((one.procedure, one.state, one.fine_fen) for one in cases)
    assert stages == [
        ("ordinary", "closed", 2_000_00),
        ("ordinary", "hearing", 0),
        ("ordinary", "notified", 0),
        ("simple", "closed", 500_00),
    ]
    (waiting,) = [one for one in cases if one.state == "notified"]
    assert waiting.filed_on == date(2026, 9, 20)
    (heard,) = [one for one in cases if one.state == "hearing"]
    called = sa.select(CaseStep.verb).where(CaseStep.case_id == heard.id).order_by(CaseStep.seq)
    assert db.session.scalars(called).all()[-2:] == ["request-hearing", "call-hearing"]
    paid = sa.select(CaseCollection.state, sa.func.count()).group_by(CaseCollection.state)
    assert db.session.execute(paid).all() == [("settled", 2)]
    papers = db.session.scalars(sa.select(Document)).all()
    assert {str(one.state) for one in papers} == {"signed"}
    assert {one.kind for one in papers} >= {"on-site-decision", "penalty-decision"}
    (plan,) = db.session.scalars(sa.select(JointPlan)).all()
    assert (plan.state, plan.first_on, plan.last_on) == ("proposed", date(2026, 10, 9), YEAR_END)
    assert plan.comparison["tasks"] > 0
    assert plan.comparison["merged"]["unplaced"] == 0
    assert plan.comparison["entries_saved"] >= 8  # a hospital's matters go in together
    assert plan.comparison["entries_above_bound"] == 0


def test_each_head_of_the_demo_can_be_the_others_second_person(app_context):
    service.load(on=ON, today=ON, units=160, officers=60, say=lambda line: None)
    heads = {login: actor_of(login) for login in ("kezhang", "suozhang")}
    stop_reading()
    (plan_id,) = db.session.scalars(sa.select(JointPlan.id))
    with pytest.raises(SecondPersonInvalid), transaction():
        plan = db.session.get_one(JointPlan, plan_id)
        joint_visits.approve_plan(plan, by=heads["kezhang"], at=day_begins(ON) + timedelta(days=1))
    with transaction():
        plan = db.session.get_one(JointPlan, plan_id)
        joint_visits.approve_plan(plan, by=heads["suozhang"], at=day_begins(ON) + timedelta(days=1))
    assert plan.state == "approved"
