"""A stored plan goes through the solver: outside any transaction, never worse, never unasked."""

import sys
from datetime import date

import pytest

from app.access import Role
from app.db import db, stop_reading, transaction
from app.jointvisits import changes, improving, lots, queries, service
from app.jointvisits.changes import Change
from app.jointvisits.commands import joint_group
from app.jointvisits.models import JointVisit
from app.jointvisits.reading import schedule_of
from app.jointvisits.rules import ChangeVerb, Maker, Schedule, Visit
from tests.jointvisits.planned import plan_of, propose


@pytest.fixture
def headers(make):
    return make.headers(make.account(Role.SUPERVISOR))


@pytest.fixture
def plan_id(make):
    """A plan of three units of one town that goes there on three days, where one would do."""
    by = make.supervisor()
    for _ in range(3):
        make.task(make.unit(street_code="310105001"))
    with make.flask_app.app_context():
        plan_id = propose(make, by)
    with make.writing():
        plan = plan_of(plan_id)
        made = schedule_of(plan)
        apart = tuple(Visit(one.entry, day) for day, one in enumerate(made.visits))
        service.replace_schedule(plan, Schedule(apart, ()), maker=Maker.GREEDY, by=by, at=make.at)
    return plan_id


def stored(make, plan_id):
    with make.flask_app.app_context():
        return plan_of(plan_id)


def improve(client, plan_id, headers, version, **body):
    address = f"/api/v1/joint-plans/{plan_id}/improve"
    return client.post(address, json=body, headers={**headers, "If-Match": f'"{version}"'})


def test_a_plan_goes_on_fewer_days_and_keeps_its_visits(make, client, headers, plan_id):
    before = stored(make, plan_id)
    assert before.comparison["merged"]["zone_days"] == 3
    with make.flask_app.app_context():
        ids = {visit.id for visit in queries.visits_of(plan_id)}
    answer = improve(client, plan_id, headers, before.version, seconds=5)
    assert answer.status_code == 200, answer.text
    assert (answer.json["maker"], answer.json["faults"]) == ("solver", [])
    assert answer.json["comparison"]["merged"]["zone_days"] == 1
    assert answer.headers["ETag"] != f'"{before.version}"'
    with make.flask_app.app_context():
        assert {visit.id for visit in queries.visits_of(plan_id)} == ids
    again = improve(client, plan_id, headers, answer.json["version"], seconds=5)
    assert again.json["version"] == answer.json["version"], "nothing better, nothing written"


def test_what_was_changed_while_the_solver_worked_is_not_written_over(
    make, client, headers, plan_id, monkeypatch
):
    version = stored(make, plan_id).version

    by, slow = make.supervisor(), improving.solve

    def meanwhile(question, *, seconds):
        with transaction():
            plan = service.get_plan(plan_id, by.agency_id)
            service.withdraw_plan(plan, "另行安排", by=by, at=make.at)
        stop_reading()
        return slow(question, seconds=seconds)

    monkeypatch.setattr(improving, "solve", meanwhile)
    assert improve(client, plan_id, headers, version, seconds=5).status_code == 412
    assert stored(make, plan_id).comparison["merged"]["zone_days"] == 3


def test_refusals_say_why(make, client, headers, plan_id, monkeypatch):
    version = stored(make, plan_id).version
    long = improve(client, plan_id, headers, version, seconds=3000)
    assert (long.status_code, long.json["most_s"]) == (422, 120)
    assert improve(client, plan_id, headers, version + 1).status_code == 412
    with improving._turn:
        busy = improve(client, plan_id, headers, version)
    assert (busy.status_code, busy.json["type"]) == (503, "/problems/solver-busy")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "ortools.sat.python.cp_model", None)
        missing = improve(client, plan_id, headers, version)
    assert (missing.status_code, missing.json["type"]) == (409, "/problems/solver-missing")
    assert "pip install suicha[solver]" in missing.json["detail"]


def test_days_are_not_changed_any_more_once_teams_are_drawn_for_them(
    make, client, headers, plan_id
):
    by = make.supervisor()
    with make.writing():
        lots.ask_teams(plan_of(plan_id), by=by, at=make.at)
    answer = improve(client, plan_id, headers, stored(make, plan_id).version, seconds=5)
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/joint-plan-staffed")


def test_what_somebody_moved_stays_where_it_is_and_the_others_gather(
    make, client, headers, plan_id
):
    by = make.supervisor()
    with make.flask_app.app_context():
        last = queries.visits_of(plan_id)[-1].id
        stop_reading()
    with make.writing():
        visit = db.session.get_one(JointVisit, last)
        moved = Change(ChangeVerb.MOVE, "单位请求", planned_on=date(2026, 12, 24))
        changes.change_by_hand(visit, moved, by=by, at=make.at)
    plan = stored(make, plan_id)
    answer = improve(client, plan_id, headers, plan.version, seconds=5)
    assert (answer.status_code, answer.json["maker"]) == (200, "solver"), answer.text
    with make.flask_app.app_context():
        found = queries.visits_of(plan_id)
        days = [one.planned_on for one in found]
        assert (len(days), len({*days}), days[-1]) == (3, 2, date(2026, 12, 24))
        (late,) = stored(make, plan_id).faults
        assert late.startswith("outside-window")  # as it was moved, and nothing more
        assert {one.id: one.reason for one in found if one.pinned} == {last: "单位请求"}


def test_the_command_improves_a_plan_or_says_what_is_missing(make, plan_id, monkeypatch):
    def run(*arguments):
        return make.flask_app.test_cli_runner().invoke(joint_group, arguments)

    command = ("improve", str(plan_id), "--seconds", "5")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "ortools.sat.python.cp_model", None)
        missing = run(*command)
    assert missing.exit_code == 1
    assert "pip install suicha[solver]" in missing.output
    found = run(*command)
    assert (found.exit_code, "zone-days 3 -> 1, bound 1" in found.output) == (0, True)
    assert stored(make, plan_id).maker == "solver"
    unknown = run("improve", str(last_of(plan_id)))
    assert unknown.exit_code == 1


def last_of(key):
    """Another id than one."""
    return key.__class__(int=key.int ^ 1)
