"""What the timetable says of itself to the people of an agency."""

from datetime import timedelta
from typing import Any

import flask
import pytest

from app.access import Role
from app.db import transaction
from app.draws import plans
from app.draws.stages import Level
from scheduler import runner
from scheduler.models import SchedulerRun
from tests.conftest import FixedClock
from tests.draws.office import Office
from tests.factories import OTHER_DISTRICT, Make

PATH = "/api/v1/scheduler/status"


@pytest.fixture
def office(flask_app: flask.Flask, make: Make, clock: FixedClock) -> Office:
    """An office whose timetable the test drives."""
    return Office(flask_app, make, clock)


def ask(office: Office, role: Role, agency: Any = None) -> Any:
    answer: Any = office.make.signed_in(role, agency=agency).get(PATH)
    assert answer.status_code == 200, answer.text
    return answer.json


def run(office: Office, job: str = "run-due-draws") -> None:
    with office.flask_app.app_context():
        runner.take_lease("a", lasting=timedelta(seconds=30), at=office.clock.at)
        runner.run_job(job, office.clock.at, "a", at=office.clock.at)


def test_an_agency_sees_whom_its_draws_wait_for_and_nothing_of_others(office: Office) -> None:
    office.register()
    plan = office.make.plan(level=Level.ATTENDED)
    elsewhere = office.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    foreign = office.make.plan(elsewhere, name="别人的")
    run(office)
    draw_no, theirs_no = office.number_of(plan), office.number_of(foreign)
    found = ask(office, Role.SUPERVISOR)
    assert (found["acting"], found["holder"]) == (True, "a")
    assert [(one["draw_no"], one["waits_for"]) for one in found["waiting"]] == [(draw_no, "dice")]
    waiting = found["waiting"][0]
    assert waiting["roles"] == ["auditor", "legal-reviewer", "clerk", "supervisor"]
    assert "两名不同角色" in waiting["whom"]
    assert waiting["due_at"] == "2026-11-28T09:00:00.000Z"
    job = next(one for one in found["jobs"] if one["job"] == "run-due-draws")
    assert (job["outcome"], job["overdue"]) == ("done", False)
    done = [f"{draw_no} {step}" for step in ("planned", "frozen", "announced")]
    assert job["line"] == "; ".join(done)
    assert theirs_no not in str(found)
    theirs = ask(office, Role.AUDITOR, elsewhere)
    assert [one["draw_no"] for one in theirs["waiting"]] == [theirs_no]
    assert draw_no not in str(theirs)


def test_what_is_late_is_named(office: Office) -> None:
    office.announced()
    office.make.plan(name="还没有开始")
    office.clock.forward(days=8)
    found = ask(office, Role.ADMINISTRATOR)
    late = {(one["what"], one["name"]) for one in found["late"]}
    assert late >= {
        ("draw", "310105-2026-0001"),
        ("draw", "2026-Q4"),
        ("job", "run-due-draws"),
        ("timetable", "timetable"),
        ("annual-plan", "310105-2026"),
    }


def test_a_failure_is_shown_without_what_it_said(office: Office) -> None:
    at = office.clock.at
    with office.flask_app.app_context(), transaction() as session:
        session.add(
            SchedulerRun(
                job="trim-feed",
                due_at=at,
                holder="a",
                started_at=at,
                finished_at=at,
                outcome="failed",
                line="OperationalError: a line of another agency",
            )
        )
    found = ask(office, Role.SUPERVISOR)
    assert "another agency" not in str(found)
    late = {one["name"]: one["detail"] for one in found["late"]}
    assert "失败" in late["trim-feed"]


def test_a_void_draw_that_was_ordered_anew_waits_to_start(office: Office) -> None:
    draw_no = office.drawn_until_announced()
    office.void(draw_no)
    assert ask(office, Role.SUPERVISOR)["waiting"] == []
    with office.draw(draw_no) as draw:
        plan_id, agency_id = draw.plan_id, draw.agency_id
    with office.flask_app.app_context(), transaction():
        plan = plans.get_plan(plan_id, agency_id)
        plans.order_redraw(plan, "名单有误", by=office.make.by(), at=office.clock.at)
    assert [one["waits_for"] for one in ask(office, Role.SUPERVISOR)["waiting"]] == ["start"]


@pytest.mark.parametrize("role", [Role.OFFICER, Role.CLERK, Role.LEGAL_REVIEWER])
def test_others_do_not_need_it(office: Office, role: Role) -> None:
    assert office.make.signed_in(role).get(PATH).status_code == 403
