"""Top-up draws and tasks carried over: what a draw left."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.access import Role
from app.days import local_date
from app.db import db
from app.draws import bundle, leftovers, plans, queries, topups
from app.draws.models import DrawPlan
from app.draws.stages import DrawState, Level
from app.draws.steps import DrawStateWrong
from app.draws.topups import NewTopUp
from tests.draws.desk import Desk
from tests.draws.office import Office

STRATUM = "公共场所/住宿场所"


def order(desk: Desk, number: int = 2, stratum: str = STRATUM, **values: Any) -> DrawPlan:
    """A sealed top-up that is due today, with its deposits."""
    today = local_date(desk.make.at)
    given = {
        "strata": {stratum: number},
        "level": Level.SEALED,
        "draw_on": today,
        "due_on": today + timedelta(days=20),
        "reason": "备选用完",
        **values,
    }
    made: DrawPlan = desk.do(topups.order_top_up, NewTopUp(**given), by=desk.chen)
    return made


def drawn(desk: Desk, plan: DrawPlan) -> str:
    """Return the number of the top-up's draw, gone all the way."""
    desk.office.deposits((None, None))
    desk.office.tick()
    for hours in (13, 16):
        desk.office.go(hours=hours)
    number = desk.office.number_of(plan)
    assert desk.office.state(number) == "drawn"
    return number


def population(office: Office, draw_no: str) -> dict[str, str]:
    """Return the weights on a frozen list by archive number."""
    data = office.files(draw_no)["population.tsv"].decode()
    return {line.split("\t")[0]: line.split("\t")[2] for line in data.splitlines()}


def test_a_top_up_draws_among_those_not_drawn_with_a_new_seed(office: Office) -> None:
    desk = Desk(office)
    desk.confirm(desk.replace(desk.lines()[0]))
    taken = {one.archive_no for one in desk.lines("reserve") if one.task_id}
    plan = order(desk)
    top_up = drawn(desk, plan)
    before, after = population(office, desk.draw_no), population(office, top_up)
    gone = {one.archive_no for one in desk.lines()} | taken
    assert set(after) == set(before) - gone
    assert all(after[one] in (before[one], "0") for one in after)
    first, second = (
        bundle.parse_manifest(office.files(no)["manifest.json"]) for no in (desk.draw_no, top_up)
    )
    assert first.draw_no != second.draw_no
    assert second.prev == first.sha256
    assert office.files(top_up)["rules.json"] == office.files(desk.draw_no)["rules.json"]
    with office.draw(top_up) as draw:
        assert draw.plan.top_up_of == desk.draw_no
        assert draw.period == "2026-Q4"
        chosen = [one.row for one in queries.chosen_of(draw.id) if one.row.task_id]
    assert len(chosen) == 2


def test_who_cannot_be_visited_by_now_is_not_drawn_in_the_top_up(office: Office) -> None:
    desk = Desk(office, strata={STRATUM: 3}, weight_factors=[])
    line = desk.lines("reserve")[0]
    desk.make.task(desk.unit(line), due_on=None)
    top_up = drawn(desk, order(desk))
    assert population(office, top_up)[line.archive_no] == "0"
    lines = office.files(top_up)["exclusions.tsv"].decode().splitlines()
    assert f"{line.archive_no}\t{STRATUM}\topen-task" in lines


def test_the_list_of_a_top_up_is_private_until_the_first_result_is_public(office: Office) -> None:
    desk = Desk(office)
    early = order(desk)
    assert not early.list_public
    with pytest.raises(plans.PlanInUse), desk.make.writing():
        plan = plans.get_plan(early.id, early.agency_id)
        plans.change_plan(plan, None, by=desk.chen, at=desk.make.at)  # type: ignore[arg-type]
    number = drawn(desk, early)
    with office.draw(number) as draw:
        file = queries.find_file(draw.id, "population.tsv")
        assert file is not None
        assert file.public_from is None
    office.go(days=40)
    assert office.state(desk.draw_no) == "published"
    assert order(
        desk, draw_on=local_date(desk.make.at), due_on=local_date(desk.make.at)
    ).list_public


def test_a_top_up_asks_for_no_more_than_is_left_and_for_nothing_else(office: Office) -> None:
    desk = Desk(office)
    with pytest.raises(topups.TopUpInvalid) as caught:
        order(desk, 9)
    assert "只剩 8 家" in caught.value.detail
    with pytest.raises(topups.TopUpInvalid):
        order(desk, stratum="公共场所/游泳场所")
    with office.flask_app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(DrawPlan)) == 1


def test_a_top_up_comes_after_its_draw(office: Office) -> None:
    desk = Desk.frozen(office)
    with pytest.raises(DrawStateWrong):
        order(desk)


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2026", "2026-12-31"),
        ("2026-Q1", "2026-03-31"),
        ("2026-Q4", "2026-12-31"),
        ("2026-H1", "2026-06-30"),
        ("2028-02", "2028-02-29"),
    ],
)
def test_a_period_ends_with_its_last_day(period: str, end: str) -> None:
    assert leftovers.period_end(period).isoformat() == end


def test_a_task_not_finished_in_its_period_stays_with_its_draw(office: Office) -> None:
    desk = Desk(office)
    task_ids = {one.task_id for one in desk.lines()}

    def carried(draw_id: Any = None) -> set[Any]:
        with office.flask_app.app_context():
            query = leftovers.carried_over(
                desk.chen.agency_id or draw_id, local_date(desk.make.at), draw_id
            )
            return {task.id for task in db.session.scalars(query)}

    team = [office.make.officer(), office.make.officer()]
    office.make.task(team=team)  # from elsewhere
    assert carried() == set()
    office.clock.at = office.clock.at.replace(year=2026, month=12, day=31, hour=15)
    assert carried() == set(), "the last day of the quarter"
    office.go(hours=2)
    with office.draw(desk.draw_no) as draw:
        draw_id = draw.id
        assert draw.state == DrawState.PUBLISHED
        assert leftovers.count_carried_over(draw, local_date(desk.make.at)) == 4
    assert carried() == carried(draw_id) == task_ids
    today = local_date(office.clock.at)
    office.make.plan(
        name="下一季度", year=2027, period="2027-Q1", draw_on=today, strata={STRATUM: 2}
    )
    office.tick()
    following = "310105-2027-0001"
    weights = population(office, following)
    assert {weights[one.archive_no] for one in desk.lines()} == {"0"}
    lines = office.files(following)["exclusions.tsv"].decode().splitlines()
    reasons = {line.split("\t")[0]: line.split("\t")[2] for line in lines}
    assert {reasons[one.archive_no] for one in desk.lines()} == {"open-task"}
    office.complete_all()
    assert carried() == set()


def test_whatever_a_draw_made_counts_in_the_period_that_drew_it(office: Office) -> None:
    desk = Desk(office)
    office.go(days=45)
    desk.confirm(desk.replace(desk.lines()[0]))  # the reserve follows in January
    chen: Any = office.make.signed_in(Role.SUPERVISOR)

    def count(query: str) -> dict[str, int]:
        answer = chen.get(f"/api/v1/reports/task-counts?{query}")
        assert answer.status_code == 200, answer.json
        counts: dict[str, int] = answer.json["counts"]
        return counts

    whole = {"tasks": 5, "completed": 0, "closed": 1, "open": 4}
    assert count(f"draw_no={desk.draw_no}") == whole
    assert count("period=2026-Q4") == whole
    assert count("period=2027-Q1")["tasks"] == 0
    assert count("from_on=2027-01-01&until_on=2027-03-31")["tasks"] == 1, "by the day it was made"
    both = chen.get("/api/v1/reports/task-counts?period=2026-Q4&from_on=2026-01-01")
    assert both.status_code == 422
    assert chen.get("/api/v1/reports/task-counts?draw_no=310105-2026-0099").status_code == 404


@pytest.mark.parametrize(
    ("period", "begins"),
    [
        ("2026", "2026-01-01"),
        ("2026-Q2", "2026-04-01"),
        ("2026-H2", "2026-07-01"),
        ("2026-11", "2026-11-01"),
    ],
)
def test_a_period_begins_with_its_first_day(period: str, begins: str) -> None:
    assert leftovers.period_days(period)[0].isoformat() == begins
