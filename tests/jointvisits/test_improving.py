"""A stored plan goes through the solver: outside any transaction, never worse, never unasked."""

import sys
from datetime import date

import pytest

from app.access import Role
from app.db import db, stop_reading, transaction
from app.jointvisits import improving, queries, service
from app.jointvisits.models import JointPlan
from app.jointvisits.reading import NewPlan, schedule_of
from app.jointvisits.rules import Maker, Schedule, Visit
from app.people import service as people

FIRST, LAST = date(2026, 12, 1), date(2026, 12, 31)


@pytest.fixture
def chen(make):
    return make.headers(make.account(Role.SUPERVISOR))


@pytest.fixture
def plan_id(make):
    """A plan of three units of one town that goes there on three days, where one would do."""
    by = make.supervisor()
    for _ in range(3):
        make.task(make.unit(street_code="310105001"))
    with make.flask_app.app_context():
        draft = service.draft_plan(NewPlan(FIRST, LAST, 2, 2), agency_id=make.home().id, at=make.at)
        stop_reading()
    with make.writing():
        agency = people.get_agency(make.home().id)
        plan = service.propose_plan(draft, agency=agency, by=by, at=make.at)
        made = schedule_of(plan)
        apart = tuple(Visit(one.entry, day) for day, one in enumerate(made.visits))
        service.replace_schedule(plan, Schedule(apart, ()), maker=Maker.GREEDY, by=by, at=make.at)
        return plan.id


def plan_of(make, plan_id):
    with make.flask_app.app_context():
        return db.session.get_one(JointPlan, plan_id)


def improve(client, plan_id, headers, version, **body):
    address = f"/api/v1/joint-plans/{plan_id}/improve"
    return client.post(address, json=body, headers={**headers, "If-Match": f'"{version}"'})


def test_a_plan_goes_on_fewer_days_and_keeps_its_visits(make, client, chen, plan_id):
    before = plan_of(make, plan_id)
    assert before.comparison["merged"]["zone_days"] == 3
    with make.flask_app.app_context():
        ids = {visit.id for visit in queries.visits_of(plan_id)}
    answer = improve(client, plan_id, chen, before.version, seconds=5)
    assert answer.status_code == 200, answer.text
    assert (answer.json["maker"], answer.json["faults"]) == ("solver", [])
    assert answer.json["comparison"]["merged"]["zone_days"] == 1
    assert answer.headers["ETag"] != f'"{before.version}"'
    with make.flask_app.app_context():
        assert {visit.id for visit in queries.visits_of(plan_id)} == ids
    again = improve(client, plan_id, chen, answer.json["version"], seconds=5)
    assert again.json["version"] == answer.json["version"], "nothing better, nothing written"


def test_what_was_changed_while_the_solver_worked_is_not_written_over(
    make, client, chen, plan_id, monkeypatch
):
    version = plan_of(make, plan_id).version

    by, slow = make.supervisor(), improving.solve

    def meanwhile(question, *, seconds):
        with transaction():
            plan = service.get_plan(plan_id, by.agency_id)
            service.withdraw_plan(plan, "另行安排", by=by, at=make.at)
        stop_reading()
        return slow(question, seconds=seconds)

    monkeypatch.setattr(improving, "solve", meanwhile)
    assert improve(client, plan_id, chen, version, seconds=5).status_code == 412
    assert plan_of(make, plan_id).comparison["merged"]["zone_days"] == 3


@pytest.mark.past_the_services
def test_refusals_say_why(make, client, chen, plan_id, monkeypatch):
    version = plan_of(make, plan_id).version
    long = improve(client, plan_id, chen, version, seconds=3000)
    assert (long.status_code, long.json["most_s"]) == (422, 120)
    assert improve(client, plan_id, chen, version + 1).status_code == 412
    with improving._turn:
        busy = improve(client, plan_id, chen, version)
    assert (busy.status_code, busy.json["type"]) == (503, "/problems/solver-busy")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "ortools.sat.python.cp_model", None)
        missing = improve(client, plan_id, chen, version)
    assert (missing.status_code, missing.json["type"]) == (409, "/problems/solver-missing")
    assert "pip install suicha[solver]" in missing.json["detail"]
    with make.writing():
        db.session.get_one(JointPlan, plan_id).maker = Maker.HAND
    by_hand = improve(client, plan_id, chen, version + 1)
    assert by_hand.json["type"] == "/problems/joint-plan-by-hand"
