"""The public page tells what was changed of a result: numbers first, then every change."""

import json

import flask
import pytest
from flask.testing import FlaskClient

from app.access import Role
from app.draws import changelog
from tests.conftest import FixedClock
from tests.draws.desk import Desk
from tests.draws.office import Office
from tests.draws.test_topups import drawn, order
from tests.factories import Make
from tests.public.test_draws import page


@pytest.fixture
def desk(flask_app: flask.Flask, make: Make, clock: FixedClock) -> Desk:
    """A draw of one unit, so that every change is about it."""
    office = Office(flask_app, make, clock)
    return Desk(office, strata={"公共场所/住宿场所": 1}, weight_factors=[])


def test_a_hospital_closes_a_reserve_follows_its_officer_steps_back_and_all_of_it_is_public(
    desk: Desk, client: FlaskClient
) -> None:
    (line,) = desk.lines()
    reserve = desk.reserves(line)[0]
    lead, other = desk.team(line.task_id)
    desk.recuse(other, reserve.unit_id)
    desk.confirm(desk.replace(line))
    (taken,) = [one for one in desk.lines("reserve") if one.task_id]
    assert desk.task(taken.task_id).state == "pending", "one of the team may not go there"
    assert desk.office.tick() == [f"{desk.draw_no} place redrawn"]
    lead, second = desk.team(taken.task_id)
    assert other not in (lead, second)
    desk.recuse(second, reserve.unit_id)
    desk.office.tick()
    desk.confirm(desk.found()[-1])
    desk.office.tick()
    assert second not in desk.team(taken.task_id)

    names = [desk.unit(line).name, desk.unit(reserve).name]
    people = [desk.certificate(one) for one in (lead, other, second)]
    before = page(client, desk.draw_no)
    assert "已办理 3 项" in before
    assert "2 个名额" in before
    assert not [one for one in (*names, *people, line.archive_no) if one in before]
    hidden = client.get(f"/public/draws/{desk.draw_no}/files/changes.json")
    assert hidden.status_code == 404

    desk.office.go(days=31)
    after = page(client, desk.draw_no)
    assert [one for one in (*names, *people, line.archive_no) if one not in after] == []
    assert "单位已关闭" in after
    assert "不能检查替换的单位" in after
    assert "冻结后申报回避" in after
    assert "1 个不是原来抽中的人，占 50.0%" in after
    assert "大门紧锁" not in after, "notes stay inside"
    file = client.get(f"/public/draws/{desk.draw_no}/files/changes.json")
    records = changelog.parse_changes(file.data)
    assert [one["kind"] for one in records] == ["replacement", "slot-redraw", "slot-redraw"]
    assert json.loads(file.data)["draw_no"] == desk.draw_no
    assert desk.faults() == []


def test_a_change_after_publication_is_on_the_page_at_once(desk: Desk, client: FlaskClient) -> None:
    desk.office.go(days=31)
    assert "没有变更" in page(client, desk.draw_no)
    (line,) = desk.lines()
    desk.confirm(desk.replace(line))
    text = page(client, desk.draw_no)
    assert "替换单位 1 项" in text
    assert line.archive_no in text


def test_a_place_that_waits_is_counted(desk: Desk, client: FlaskClient) -> None:
    (line,) = desk.lines()
    desk.recuse(desk.team(line.task_id)[1], line.unit_id)
    desk.office.tick()
    assert "另有 1 个名额等待重新抽取" in page(client, desk.draw_no)


def test_a_top_up_and_its_draw_name_each_other(desk: Desk, client: FlaskClient) -> None:
    top_up = drawn(desk, order(desk, reason="游泳季结束"))
    assert f'href="/public/draws/{top_up}"' in page(client, desk.draw_no)
    text = page(client, top_up)
    assert f'href="/public/draws/{desk.draw_no}"' in text
    assert "游泳季结束" in text


def test_what_is_carried_over_is_counted_once_the_result_is_public(
    desk: Desk, client: FlaskClient
) -> None:
    desk.office.go(days=31)
    assert "结转" not in page(client, desk.draw_no)
    desk.office.go(days=15)
    assert "结转：1 项任务" in page(client, desk.draw_no)


def test_supervisors_read_the_log_before_the_public(desk: Desk) -> None:
    desk.confirm(desk.replace(desk.lines()[0]))
    chen = desk.make.signed_in(Role.SUPERVISOR)
    file = chen.get(f"/api/v1/draws/{desk.draw_no}/files/changes.json")
    assert file.status_code == 200
    assert changelog.parse_changes(file.data) == desk.records()
