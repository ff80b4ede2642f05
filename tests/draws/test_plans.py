"""Plans of an office: grades, exclusions, who leads, and what the preview says before a freeze."""

import json
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import db, transaction
from app.draws import plans, queries, service
from app.draws.models import DrawPlan
from app.draws.plan_schemas import NewDrawPlanSchema
from app.draws.plans import PlanInvalid
from app.draws.stages import DrawKind, SelectionKind
from app.people import service as people
from app.tasks.rules import JointRole
from app.units.models import Unit
from app.visits.models import Visit
from tests.draws.office import Office

LODGING = "公共场所/住宿场所"
GRADED = {"A": [5, 100], "B": [10, 100], "C": [20, 100], "D": [1, 1]}
JOINT: dict[str, Any] = {
    "kind": DrawKind.CROSS_DEPARTMENT,
    "role": JointRole.LEAD,
    "lead_department": "区卫生健康委",
    "partner_departments": ("区市场监管局", "区文化旅游局"),
    "area": "宾馆、旅馆抽查",
}


def preview(office: Office, plan: DrawPlan) -> Any:
    """What the preview says."""
    chen: Any = office.make.signed_in(Role.SUPERVISOR)
    answer = chen.get(f"/api/v1/draw-plans/{plan.id}/preview")
    assert answer.status_code == 200, answer.json
    return answer.json


def pointers(refused: Any) -> list[str]:
    return [one["pointer"] for one in refused.value.extras["errors"]]


def manifest(office: Office, draw_no: str) -> Any:
    return json.loads(office.files(draw_no)["manifest.json"])


# ---- grades --------------------------------------------------------------------------------------


def test_a_ratio_by_grade_is_frozen_as_one_by_weight_with_its_rule_table(office: Office) -> None:
    for number in range(40):
        office.make.unit(
            archive_no=f"CN{number:03d}", credit_class=["A", "B", None, "D"][number % 4]
        )
    for _ in range(4):
        office.make.officer()
    office.deposits()
    plan = office.make.plan(strata={LODGING: GRADED}, weight_factors=("credit-grade",))
    assert plan.strata == {LODGING: GRADED}, "saved as it was said"
    office.tick()
    office.go(hours=12)
    draw_no = office.number_of(plan)
    assert manifest(office, draw_no)["plan"] == {
        LODGING: {"1": [5, 100], "2": [10, 100], "3": [20, 100], "4": [1, 1]}
    }
    rules = json.loads(office.files(draw_no)["rules.json"])
    assert rules == {
        "factors": [{"field": "credit-grade", "weights": {"A": 1, "B": 2, "C": 3, "D": 4}}]
    }
    weights = [
        line.split("\t")[2]
        for line in office.files(draw_no)["population.tsv"].decode().splitlines()
    ]
    assert (weights.count("1"), weights.count("2"), weights.count("4")) == (10, 20, 10)
    office.go(hours=4)
    with office.draw(draw_no) as draw:
        drawn = db.session.scalars(queries.selection_of(draw.id)).all()
        counts = {1: 0, 2: 0, 4: 0}
        for one in drawn:
            counts[one.weight] += one.kind == "selected"
        assert counts == {1: 1, 2: 2, 4: 10}, "5 % of 10, 10 % of 20 with the unrated, all D"


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"weight_factors": ("risk", "credit")}, "#/weight_factors"),
        ({"weight_factors": ()}, "#/weight_factors"),
        ({"weight_factors": ("credit",)}, f"#/strata/{LODGING}"),
        ({"strata": {LODGING: {"A": [1, 2], "E": [1, 2]}}}, f"#/strata/{LODGING}"),
    ],
)
def test_grades_that_the_rule_table_cannot_tell_apart_are_refused(
    office: Office, values: dict[str, Any], pointer: str
) -> None:
    given = {"strata": {LODGING: GRADED}, "weight_factors": ("credit-grade",), **values}
    with pytest.raises(PlanInvalid) as refused:
        office.make.plan(**given)
    assert pointers(refused) == [pointer]


def test_a_grade_without_ratio_holds_the_draw_and_names_the_units(office: Office) -> None:
    office.register()
    stray = office.make.unit(archive_no="STRAY", credit_class="D")
    office.deposits()
    plan = office.make.plan(strata={LODGING: {"B": [1, 10]}}, weight_factors=("credit-grade",))
    (short,) = preview(office, plan)["shortfalls"]
    assert (short["code"], short["blocking"]) == ("grade-without-ratio", True)
    assert (short["units"], short["unit_count"]) == ([stray.archive_no], 1)
    office.tick()
    draw_no = office.number_of(plan)
    chen: Any = office.make.signed_in(Role.SUPERVISOR)
    held = chen.get(f"/api/v1/draws/{draw_no}").json
    assert held["held_code"] == "draw-plan-not-feasible"
    assert held["shortfalls"] == [short]
    clerk: Any = office.make.signed_in(Role.CLERK)
    assert clerk.get(f"/api/v1/draws/{draw_no}").json["shortfalls"] == []
    with office.make.writing():
        db.session.execute(
            sa.update(Unit).where(Unit.archive_no == "STRAY").values(credit_class="B")
        )
    office.tick()
    freed = chen.get(f"/api/v1/draws/{draw_no}").json
    assert (freed["state"], freed["shortfalls"]) == ("frozen", [])


# ---- feasibility ---------------------------------------------------------------------------------


def test_a_plan_nobody_could_staff_is_refused_with_its_tasks_and_officers(office: Office) -> None:
    units = [office.make.unit(archive_no=f"CN{number:03d}") for number in range(24)]
    officers = [office.make.officer() for _ in range(2)]
    with office.make.writing():
        for unit in units[:22]:
            people.declare_recusal(
                people.get_officer(officers[0].id, officers[0].agency_id),
                unit.id,
                "kinship",
                effective_from=date(2026, 1, 1),
                by=office.make.by(),
                at=office.clock.at,
            )
    office.deposits()
    plan = office.make.plan()
    (short,) = preview(office, plan)["shortfalls"]
    assert (short["code"], short["unit_count"]) == ("unit-uncovered", 22)
    assert short["units"] == [f"CN{number:03d}" for number in range(20)]
    assert short["officers"] == [officers[1].certificate_no]
    stratum = preview(office, plan)["strata"][0]
    assert stratum["bars"] == [
        {"reason": "recusal", "units": 22, "officers": [officers[0].certificate_no]}
    ]
    office.tick()
    with office.draw(office.number_of(plan)) as draw:
        assert draw.state == "planned"
        assert draw.held_extras == {"shortfalls": [short]}
        assert draw.manifest_sha256 is None, "refused before any seed"


# ---- exclusions ----------------------------------------------------------------------------------


def excluded(office: Office, plan: DrawPlan) -> dict[str, int]:
    found: dict[str, int] = preview(office, plan)["strata"][0]["excluded"]
    return found


def test_a_plan_applies_what_the_catalogue_presets_and_what_it_must(office: Office) -> None:
    office.make.catalogue()
    every = [
        "not-operating",
        "newly-opened",
        "open-task",
        "drawn-this-year",
        "frequency-cap",
        "pending-case",
        "unobtrusive",
    ]
    assert office.make.plan().exclusions == every
    assert office.make.plan(exclusions=()).exclusions == ["not-operating", "open-task"]
    without = office.make.plan(exclude_drawn=False)
    assert "drawn-this-year" not in without.exclusions
    assert not without.exclude_drawn
    only = office.make.plan(exclusions=("drawn-this-year",))
    assert only.exclude_drawn


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"exclusions": ("nothing",)}, "#/exclusions"),
        ({"exclusions": ("open-task",), "exclude_drawn": True}, "#/exclude_drawn"),
        ({"cutoff_on": date(2026, 12, 31)}, "#/cutoff_on"),
    ],
)
def test_exclusions_that_contradict_are_refused(
    office: Office, values: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(PlanInvalid) as refused:
        office.make.plan(**values)
    assert pointers(refused) == [pointer]


def test_units_on_a_list_are_not_drawn_and_keep_the_base(office: Office) -> None:
    office.register()
    with office.flask_app.app_context():
        units = list(db.session.scalars(sa.select(Unit).order_by(Unit.archive_no)))
    office.make.label(units[0], "pending-case")
    office.make.label(units[1], "unobtrusive")
    office.make.label(units[2], "pending-case", from_on=date(2027, 1, 1))
    plan = office.make.plan(strata={LODGING: [50, 100]})
    row = preview(office, plan)["strata"][0]
    assert row["excluded"] == {"pending-case": 1, "unobtrusive": 1}
    assert (row["listed"], row["eligible"], row["drawn"]) == (12, 10, 6)
    office.deposits()
    office.tick()
    files = office.files(office.number_of(plan))
    reasons = dict(line.split("\t")[::2] for line in files["exclusions.tsv"].decode().splitlines())
    assert reasons == {"CN000": "pending-case", "CN001": "unobtrusive"}
    chosen = office.make.plan(strata={LODGING: 1}, exclusions=("pending-case",))
    assert excluded(office, chosen) == {"pending-case": 1}


def visited(
    office: Office, unit: Unit, *days: date, origin: str = "drawn", suspect: bool = False
) -> None:
    """Let a unit have been visited on these days."""
    team = [office.make.officer(), office.make.officer()]
    for day in days:
        task = office.make.task(unit, team=team, origin=origin)
        at = office.clock.at.replace(year=day.year, month=day.month, day=day.day)
        with office.make.writing():
            done = {
                f"{step}_{name}": value
                for step in ("submitted", "completed")
                for name, value in (("at", at), ("by_kind", "user"))
            }
            db.session.execute(
                sa.update(type(task))
                .where(type(task).id == task.id)
                .values(state="completed", outcome="no-problem", **done)
            )
            db.session.add(
                Visit(
                    id=task.visit_id,
                    agency_id=unit.agency_id,
                    district=unit.district,
                    task_id=task.id,
                    unit_id=unit.id,
                    kind="planned",
                    state="finished",
                    started_recorded_at=at,
                    started_at=at,
                    started_by_kind="user",
                    finished_at=at,
                    finished_recorded_at=at,
                    finished_by_kind="user",
                    outcome="no-problem",
                )
            )


@pytest.mark.past_the_services
def test_a_unit_that_was_entered_often_enough_is_left_alone(office: Office) -> None:
    office.register(units=5)
    with office.flask_app.app_context():
        units = list(db.session.scalars(sa.select(Unit).order_by(Unit.archive_no)))
    visited(office, units[0], date(2026, 2, 3), date(2026, 9, 3))
    visited(office, units[1], date(2026, 9, 3))
    visited(office, units[2], date(2025, 9, 3), date(2026, 9, 3))
    visited(office, units[3], date(2026, 2, 3), date(2026, 9, 3), origin="complaint")
    plan = office.make.plan(strata={LODGING: 1}, exclusions=("frequency-cap",))
    assert excluded(office, plan) == {"frequency-cap": 1}
    assert plan.cutoff_on == plan.draw_on - timedelta(days=1)
    earlier = office.make.plan(
        strata={LODGING: 1}, exclusions=("frequency-cap",), cutoff_on=date(2026, 8, 31)
    )
    assert excluded(office, earlier) == {}, "counted up to the stated day"


# ---- preview -------------------------------------------------------------------------------------


def test_the_preview_says_chances_carry_over_and_departures(office: Office) -> None:
    office.register()
    office.make.task(origin="drawn")
    year = office.make.annual_plan(items=[office.make.annual_item(rule=2)])
    plan = office.make.plan(
        strata={LODGING: [25, 100], "公共场所/游泳场所": 1}, annual_plan_id=year.id
    )
    found = preview(office, plan)
    row = found["strata"][0]
    assert (row["listed"], row["eligible"], row["drawn"]) == (13, 12, 4)
    assert [one["weight"] for one in row["classes"]] == [10, 15, 20, 30]
    assert row["classes"][0] == {
        "weight": 10,
        "units": 3,
        "expected": "8/15",
        "least": 0,
        "most": 1,
        "chance": "8/45",
    }
    assert row["carried_over"] == {
        "tasks": 1,
        "path": "/api/v1/tasks?origin=drawn&specialty=public-places",
    }
    assert [(one["code"], one["stratum"]) for one in found["departures"]] == [
        ("not-in-annual-plan", "公共场所/游泳场所"),
        ("beyond-annual-plan", LODGING),
    ]
    assert {one["code"]: one["units"] for one in found["exclusions"]}["open-task"] == 1
    assert found["cutoff_on"] == str(plan.cutoff_on)


def test_an_unpublished_year_is_told_but_keeps_nothing_back(office: Office) -> None:
    office.register()
    year = office.make.annual_plan(publish=False)
    plan = office.make.plan(strata={LODGING: 1}, annual_plan_id=year.id)
    assert [one["code"] for one in preview(office, plan)["departures"]] == [
        "annual-plan-not-published"
    ]
    office.deposits()
    office.tick()
    assert office.state(office.number_of(plan)) == "frozen"


# ---- departments ---------------------------------------------------------------------------------


def test_a_cross_department_plan_says_who_leads_and_who_joins(office: Office) -> None:
    plan = office.make.plan(**JOINT)
    assert (plan.role, plan.partner_departments) == ("lead", ["区市场监管局", "区文化旅游局"])
    joined = {**JOINT, "role": JointRole.JOIN, "partner_departments": ()}
    assert office.make.plan(**joined).role == "join"


@pytest.mark.parametrize(
    "values",
    [
        {**JOINT, "role": None},
        {**JOINT, "lead_department": None},
        {**JOINT, "area": None},
        {**JOINT, "kind": DrawKind.CITY},
        {"area": "医疗美容"},
    ],
)
def test_roles_belong_to_cross_department_plans_alone(
    office: Office, values: dict[str, Any]
) -> None:
    with pytest.raises(PlanInvalid) as refused:
        office.make.plan(**values)
    assert pointers(refused) == ["#/role"]


def test_the_plan_of_a_task_is_found_by_the_number_of_its_draw(office: Office) -> None:
    draw_no = office.drawn(**JOINT)
    with office.draw(draw_no) as draw:
        chosen = queries.selection_of(draw.id, SelectionKind.SELECTED)
        (task, *_) = db.session.scalars(chosen).all()
        assert (draw.plan.area, draw.plan.role) == ("宾馆、旅馆抽查", "lead")
        assert task.task_id is not None
        found = service.get_draw(draw_no, draw.agency_id)
        assert found.plan.lead_department == "区卫生健康委"


def test_a_plan_is_changed_whole(office: Office) -> None:
    plan = office.make.plan(exclusions=())
    chen: Any = office.make.signed_in(Role.SUPERVISOR)
    path = f"/api/v1/draw-plans/{plan.id}"
    shown = chen.get(path)
    body = {key: value for key, value in shown.json.items() if key in NewDrawPlanSchema().fields}
    body["reveal"] = "after-due"
    answer = chen.put(path, json=body, headers={"If-Match": shown.headers["ETag"]})
    assert answer.status_code == 200, answer.json
    assert answer.json["exclusions"] == ["not-operating", "open-task"]
    assert answer.json["reveal"] == (plan.due_on + timedelta(days=1)).isoformat()
    with office.flask_app.app_context(), transaction():
        assert (
            plans.get_plan(UUID(answer.json["id"]), plan.agency_id).exclusions == body["exclusions"]
        )
