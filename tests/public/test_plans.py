"""The public pages of years' plans: all that the law wants published, and no draft."""

from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from app.access import Role
from app.db import transaction
from app.draws import annual_plans
from app.draws.stages import DrawKind
from app.tasks.rules import JointRole
from tests.conftest import FixedClock
from tests.draws.office import Office
from tests.factories import OTHER_DISTRICT, Make
from tests.public.test_pages import LIMIT_BYTES, Outline

PATH = "/public/plans/310105/2026"
LODGING = "公共场所/住宿场所"


@pytest.fixture
def office(flask_app: flask.Flask, make: Make, clock: FixedClock) -> Office:
    """An office whose timetable the test drives."""
    return Office(flask_app, make, clock)


def page(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    assert len(answer.data) < LIMIT_BYTES
    outline = Outline(answer.text)
    assert "script" not in outline.tags
    assert outline.handlers == []
    return answer.text


def test_a_published_plan_says_who_whom_how_what_and_how_many(
    office: Office, client: FlaskClient
) -> None:
    office.register()
    joint = office.make.annual_item(
        level=DrawKind.CROSS_DEPARTMENT,
        rule={"A": [1, 10], "B": [1, 5], "C": [1, 2], "D": [1, 1]},
        factor="credit-grade",
        role=JointRole.LEAD,
        lead_department="区卫生健康委",
        partner_departments=("区市场监管局",),
        area="宾馆、旅馆",
    )
    office.make.annual_plan(items=[office.make.annual_item(rule=[25, 100]), joint])
    text = page(client, PATH)
    for said in (
        "长宁区卫生监督所",
        LODGING,
        "现场检查",
        "住宿场所卫生监督检查表",
        "25%",
        "逾期公布",
    ):
        assert said in text
    for said in ("牵头", "宾馆、旅馆", "区市场监管局", "A 级：10%；B 级：20%"):
        assert said in text
    assert f'href="{PATH}"' in page(client, "/public/plans")
    found: Any = client.get(f"{PATH}.json").json
    assert found["publish_by"] == "2026-03-31"
    (plan,) = found["plans"]
    first, second = plan["items"]
    assert (first["listed"], first["planned"], first["drawn"]) == (12, 3, 0)
    assert (second["planned"], second["role"]) == (3, "lead")
    assert plan["late"] is True


def test_a_draft_and_a_superseded_plan_are_not_shown(office: Office, client: FlaskClient) -> None:
    draft = office.make.annual_plan(publish=False, title="还是草案")
    for path in (PATH, f"{PATH}.json", "/public/plans/310105/1", "/public/plans/0/2026"):
        answer = client.get(path)
        assert (answer.status_code, "没有公布" in answer.text) == (404, True)
    with office.flask_app.app_context(), transaction():
        plan = annual_plans.get_annual_plan(draft.id, draft.agency_id)
        annual_plans.publish_annual_plan(plan, by=office.make.by(), at=office.clock.at)
        revised = annual_plans.revise_annual_plan(
            plan, "上级调整", by=office.make.by(), at=office.clock.at
        )
        revised_id = revised.id
    assert "上级调整" not in page(client, PATH)
    with office.flask_app.app_context(), transaction():
        plan = annual_plans.get_annual_plan(revised_id, draft.agency_id)
        annual_plans.publish_annual_plan(plan, by=office.make.by(), at=office.clock.at)
    text = page(client, PATH)
    assert "第 2 版" in text
    assert "上级调整" in text
    assert text.count("<h1>") == 1


def test_the_plans_of_a_districts_agencies_stand_on_one_page(
    office: Office, client: FlaskClient
) -> None:
    office.make.annual_plan(title="所的计划")
    office.make.annual_plan(office.make.agency(name="长宁区疾控中心"), title="中心的计划")
    office.make.annual_plan(office.make.agency(OTHER_DISTRICT, "普陀区卫生监督所"), title="邻区")
    text = page(client, PATH)
    assert "所的计划" in text
    assert "中心的计划" in text
    assert "邻区" not in text


def test_a_draw_shows_its_year_its_departments_and_what_its_switches_mean(
    office: Office, client: FlaskClient
) -> None:
    year = office.make.annual_plan(title="二〇二六年度计划")
    draw_no = office.drawn_until_announced(
        kind=DrawKind.CROSS_DEPARTMENT,
        role=JointRole.LEAD,
        lead_department="区卫生健康委",
        partner_departments=("区市场监管局",),
        area="宾馆、旅馆",
        annual_plan_id=year.id,
        strata={LODGING: {"A": [1, 10], "B": [1, 5]}},
        weight_factors=("credit-grade",),
    )
    text = page(client, f"/public/draws/{draw_no}")
    for said in ("牵头 · 宾馆、旅馆", "区市场监管局", "二〇二六年度计划", "<code>shared</code>"):
        assert said in text
    assert "A 级：10%；B 级：20%（公告中：权重 1：10%；权重 2：20%）" in text
    assert "统计到 2026年11月20日" in text
    clerk: Any = office.make.signed_in(Role.CLERK)
    assert clerk.get(f"/api/v1/draws/{draw_no}").status_code == 200
