"""The year's plan: what it has to say, how it is revised, and how far its year has come."""

from datetime import date, timedelta
from typing import Any

import pytest

from app.access import Role
from app.catalogue.models import CatalogueRow
from app.db import transaction
from app.draws import annual, annual_plans, annual_queries
from app.draws.annual import Base, Done, Item, Row, Wanted, Way
from app.draws.annual_plans import AnnualPlanInvalid, NewAnnualPlan
from app.draws.population import StratumCode, UnitRow
from app.draws.stages import DrawKind
from app.people import service as people
from app.tasks.rules import JointRole
from tests.draws.office import Office
from tests.factories import OTHER_DISTRICT

LODGING, PLACES = "公共场所/住宿场所", "公共场所"


def item(**values: Any) -> Item:
    given: dict[str, Any] = {
        "level": DrawKind.DISTRICT,
        "stratum": LODGING,
        "rule": [10, 100],
        "scope": "全部",
        "organs": ("本所",),
        "way": Way.ON_SITE,
        "checklists": ("lodging",),
        "basis": "条例",
    }
    return Item(**{**given, **values})


JOINT: dict[str, Any] = {
    "level": DrawKind.CROSS_DEPARTMENT,
    "role": JointRole.LEAD,
    "lead_department": "区卫生健康委",
    "partner_departments": ("区市场监管局",),
    "area": "医疗美容",
}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"rule": 5},
        {"rule": {"A": [5, 100], "D": [1, 1]}, "factor": "credit-grade"},
        JOINT,
        {**JOINT, "role": JointRole.JOIN, "partner_departments": ()},
    ],
)
def test_an_item_that_says_all_is_right(values: dict[str, Any]) -> None:
    assert annual.faults([item(**values)]) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"rule": [2, 1]}, "rule"),
        ({"rule": {"10": [1, 2]}}, "rule"),
        ({"rule": {"A": [1, 2]}}, "factor"),
        ({"factor": "credit-grade"}, "factor"),
        ({"checklists": ()}, "checklists"),
        ({"periods": ("Q1", "Q1")}, "periods"),
        ({"role": JointRole.LEAD}, "role"),
        ({"partner_departments": ("区市场监管局",)}, "role"),
        ({**JOINT, "area": None}, "role"),
        ({**JOINT, "partner_departments": ()}, "partner_departments"),
        ({**JOINT, "partner_departments": ("区卫生健康委",)}, "partner_departments"),
    ],
)
def test_what_is_wrong_with_an_item_is_named(values: dict[str, Any], field: str) -> None:
    assert [one.field for one in annual.faults([item(**values)])] == [f"items/0/{field}"]


def test_a_stratum_stands_once_at_each_level() -> None:
    twice = [item(), item(rule=3), item(level=DrawKind.CITY)]
    assert [one.field for one in annual.faults(twice)] == ["items/0", "items/1"]
    assert [one.field for one in annual.faults([])] == ["items"]


def test_an_item_comes_back_from_its_json_as_it_was() -> None:
    whole = item(**JOINT, periods=("Q1",), listed=9, planned=1)
    back = annual.read_item(whole.as_json())
    assert back.as_json() == whole.as_json()
    assert (back.level, back.role, back.way) == (whole.level, whole.role, whole.way)


def test_bases_count_listed_units_level_by_level() -> None:
    codes = {
        LODGING: StratumCode(LODGING, "public-places", "lodging"),
        PLACES: StratumCode(PLACES, "public-places", None),
    }
    units = [
        UnitRow("1", "in-operation", None, {"credit": "A"}, [("public-places", "lodging")]),
        UnitRow("2", "suspended", None, {"credit": None}, [("public-places", "lodging")]),
        UnitRow("3", "cancelled", None, {"credit": "A"}, [("public-places", "lodging")]),
        UnitRow("4", "in-operation", None, {"credit": "B"}, [("public-places", "bath")]),
    ]
    items = [item(), item(stratum=PLACES), item(stratum=PLACES, level=DrawKind.CITY)]
    bases = annual.count_bases(items, codes, units)
    assert [base.listed for base in bases] == [2, 1, 3], "a class of its own leaves its specialty"
    assert bases[0].classes == {"credit": {"A": 1, None: 1}}


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        (5, 5),
        (500, 23),
        ([10, 100], 3),
        ({"A": [5, 100], "B": [10, 100], "D": [1, 1]}, 1 + 1 + 2),
    ],
)
def test_a_ratio_is_rounded_up_grade_by_grade(rule: Any, number: int) -> None:
    base = Base(23, {"credit": {"A": 20, None: 1, "D": 2}})
    assert annual.planned(rule, base, of="credit", unrated="B") == number


def test_tasks_count_for_their_class_else_for_their_specialty() -> None:
    items = [item(), item(stratum=PLACES), item(level=DrawKind.CITY)]
    rows = [
        Row("district", PLACES, LODGING, 3, 2),
        Row("district", PLACES, "公共场所/游泳场所", 4, 1),
        Row("district", PLACES, None, 1, 0),
        Row("city", PLACES, LODGING, 9, 9),
        Row("national", PLACES, LODGING, 9, 9),
    ]
    assert annual.progress(items, rows) == [Done(3, 2), Done(5, 1), Done(9, 9)]


def departures(drawn: int, period: str = "2026-Q4", stratum: str = LODGING) -> list[str]:
    items = [item(planned=10, periods=("Q4",))]
    wanted = [Wanted(stratum, PLACES, drawn)]
    found = annual.departures(items, [Done(4, 0)], wanted, level="district", period=period)
    return [one.code for one in found]


def test_a_draw_that_departs_from_the_year_is_told_so() -> None:
    assert departures(6) == []
    assert departures(7) == ["beyond-annual-plan"]
    assert departures(1, "2026-Q3") == ["period-not-planned"]
    assert departures(1, "2026") == departures(1, "2026-H2") == departures(1, "2026-11") == []
    assert departures(1, stratum="公共场所/游泳场所") == ["not-in-annual-plan"]


@pytest.mark.parametrize(
    ("text", "day"), [("03-31", date(2026, 3, 31)), ("02-30", None), ("March", None)]
)
def test_the_last_day_is_the_catalogues(text: str, day: date | None) -> None:
    assert annual.due_on(2026, text) == day


# ---- the office ----------------------------------------------------------------------------------


def test_a_year_is_drafted_published_and_revised(office: Office) -> None:
    office.register()
    chen: Any = office.make.signed_in(Role.SUPERVISOR)
    one = {"level": "district", "stratum": LODGING, "rule": [25, 100], "basis": "条例"}
    body = {"year": 2026, "title": "二〇二六年度抽查计划", "items": [one]}
    made = chen.post("/api/v1/annual-plans", json=body)
    assert made.status_code == 201, made.json
    line = made.json["items"][0]
    assert (line["listed"], line["planned"], line["drawn"]) == (12, 3, 0)
    assert line["organs"] == ["长宁区卫生监督所"]
    assert line["checklists"] == ["lodging"]
    assert (made.json["late"], made.json["publish_by"]) == (True, "2026-03-31")
    again = chen.post("/api/v1/annual-plans", json=body)
    assert (again.status_code, again.json["type"]) == (409, "/problems/annual-plan-taken")
    path = f"/api/v1/annual-plans/{made.json['id']}"

    def send(method: str, to: str, body: Any = None) -> Any:
        tag = chen.get(to.removesuffix("/publish").removesuffix("/revise")).headers["ETag"]
        return chen.open(to, method=method, json=body, headers={"If-Match": tag})

    changed = send("PUT", path, {**body, "items": [{**one, "rule": 6}]})
    assert changed.json["items"][0]["planned"] == 6
    early = send("POST", f"{path}/revise", {"reason": "上级调整"})
    assert (early.status_code, early.json["type"]) == (409, "/problems/annual-plan-state-wrong")
    published = send("POST", f"{path}/publish")
    assert (published.status_code, published.json["state"]) == (200, "published")
    office.make.unit()
    assert chen.get(path).json["items"][0]["listed"] == 12, "as it was when it was published"
    assert send("PUT", path, body).status_code == 409
    revised = send("POST", f"{path}/revise", {"reason": "上级调整"})
    assert (revised.status_code, revised.json["revision"]) == (201, 2)
    assert revised.json["items"][0]["listed"] == 13
    assert send("POST", f"{path}/revise", {"reason": "再调整"}).status_code == 409
    newer = f"/api/v1/annual-plans/{revised.json['id']}"
    assert send("POST", f"{newer}/publish").json["state"] == "published"
    assert chen.get(path).json["state"] == "superseded"
    assert len(chen.get("/api/v1/annual-plans?year=2026").json["items"]) == 2


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"stratum": "没有的专业"}, "#/items/0/stratum"),
        ({"checklists": ("nothing",)}, "#/items/0/checklists"),
        ({"rule": {"A": [1, 2]}, "factor": "nothing"}, "#/items/0/factor"),
        ({"rule": {"E": [1, 2]}, "factor": "credit-grade"}, "#/items/0/factor"),
    ],
)
def test_what_the_catalogue_does_not_know_is_refused(
    office: Office, values: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(AnnualPlanInvalid) as refused:
        office.make.annual_plan(items=[office.make.annual_item(**values)])
    assert pointer in [one["pointer"] for one in refused.value.extras["errors"]]


def test_a_checklist_with_an_item_without_basis_cannot_be_planned(office: Office) -> None:
    office.make.catalogue()
    with office.flask_app.app_context(), transaction() as session:
        row = session.query(CatalogueRow).filter_by(kind="check_item", code="pp-licence").one()
        row.body = {**row.body, "basis": None}
    with pytest.raises(AnnualPlanInvalid) as refused:
        office.make.annual_plan()
    assert "法律依据" in refused.value.detail


def test_an_agency_that_plans_is_late_after_the_end_of_march(office: Office) -> None:
    office.make.catalogue()
    office.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")  # keeps a register and plans nothing
    draft = office.make.annual_plan(publish=False)

    def late(on: date) -> list[str]:
        with office.flask_app.app_context():
            return [one.agency for one in annual_plans.plans_late(on)]

    assert late(date(2026, 3, 31)) == []
    assert late(date(2026, 4, 1)) == ["长宁区卫生监督所"]
    with office.make.writing():
        plan = annual_plans.get_annual_plan(draft.id, draft.agency_id)
        annual_plans.publish_annual_plan(plan, by=office.make.by(), at=office.clock.at)
        assert annual_plans.is_late(plan, at=office.clock.at), "published, but in November"
    assert late(date(2026, 4, 1)) == []
    assert late(date(2027, 4, 1)) == ["长宁区卫生监督所"]


def test_a_draw_plan_names_a_plan_of_its_own_agency_and_year(office: Office) -> None:
    office.register()
    chen: Any = office.make.signed_in(Role.SUPERVISOR)
    own = office.make.annual_plan()
    foreign = office.make.annual_plan(office.make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    other_year = office.make.annual_plan(year=2027)
    plan = office.make.plan(annual_plan_id=own.id)
    shown = chen.get(f"/api/v1/draw-plans/{plan.id}").json
    wanted = [
        "name",
        "year",
        "period",
        "kind",
        "strata",
        "level",
        "draw_on",
        "due_on",
        "annual_plan_id",
    ]
    body = {key: shown[key] for key in wanted}
    assert body["annual_plan_id"] == str(own.id)
    for wrong in (foreign, other_year):
        answer = chen.post(
            "/api/v1/draw-plans", json={**body, "name": "另一", "annual_plan_id": str(wrong.id)}
        )
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (
            422,
            "#/annual_plan_id",
        )
    shown = chen.get(f"/api/v1/annual-plans/{own.id}").json
    assert [one["id"] for one in shown["draw_plans"]] == [str(plan.id)]


def test_the_year_counts_what_was_drawn_and_completed(office: Office) -> None:
    made = office.make
    office.register()
    annual_plan = made.annual_plan()
    office.deposits()
    made.plan(strata={LODGING: 4}, annual_plan_id=annual_plan.id)
    office.tick()
    office.go(hours=12)
    office.go(hours=4)
    with office.flask_app.app_context():
        plan = annual_queries.find_annual_plan(annual_plan.id)
        assert plan is not None
        rows = annual_plans.progress_of(plan, at=office.clock.at)
        assert [(row.drawn, row.completed) for row in rows] == [(4, 0)]
    office.complete_all()
    made.task(level="district", origin="complaint")
    with office.flask_app.app_context():
        plan = annual_queries.find_annual_plan(annual_plan.id)
        assert plan is not None
        rows = annual_plans.progress_of(plan, at=office.clock.at)
        assert [(row.drawn, row.completed) for row in rows] == [(4, 4)]


def test_a_saved_plan_belongs_to_one_agency(office: Office) -> None:
    plan = office.make.annual_plan()
    other = office.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    bo: Any = office.make.signed_in(Role.SUPERVISOR, agency=other)
    answer = bo.get(f"/api/v1/annual-plans/{plan.id}")
    assert (answer.status_code, answer.json["type"]) == (404, "/problems/annual-plan-not-found")


def test_the_year_of_a_draft_stays(office: Office) -> None:
    plan = office.make.annual_plan(publish=False)
    with office.make.writing():
        found = annual_plans.get_annual_plan(plan.id, plan.agency_id)
        agency = people.get_agency(plan.agency_id)
        data = NewAnnualPlan(2027, "改年度", [office.make.annual_item()])
        with pytest.raises(AnnualPlanInvalid):
            annual_plans.change_annual_plan(
                found, data, agency=agency, by=office.make.by(), at=office.clock.at
            )


def test_the_day_after_the_tasks_are_due_is_the_catalogues_default(office: Office) -> None:
    plan = office.make.plan()
    assert plan.reveal == (plan.due_on + timedelta(days=1)).isoformat()
    assert plan.cutoff_on == plan.draw_on - timedelta(days=1)
