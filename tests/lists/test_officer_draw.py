"""Officers for given lists: everybody on the list is inspected, chance decides by whom."""

import subprocess
import sys
from collections import Counter
from datetime import date
from uuid import UUID

import pytest

from app.access import PUBLIC
from app.draws import queries, reading
from app.people import service as people
from app.tasks import service as tasks
from app.units.rules import Registration
from tests.draws.office import Office
from tests.lists.desk import COLUMNS, URL, Desk, csv

TODAY = "2026-11-21"
TELLING = {"population.tsv", "result.tsv", "eligible.tsv", "assignment.tsv"}
DUE = {"due_on": "2026-12-20"}
PUBLIC_PLACES, WATER = ("public-places", "lodging"), ("drinking-water", "secondary-supply")


class Given(Office):
    """An office with a list of ten units, two of them already shut, and six officers."""

    def __init__(self, flask_app, make, clock):
        super().__init__(flask_app, make, clock)
        self.desk = Desk(make)
        for _ in range(6):
            make.officer(
                specialties=("public-places", "drinking-water"),
                lead_specialties=("public-places", "drinking-water"),
            )
        for number in range(10):
            make.unit(
                archive_no=f"CN{number:03d}",
                state="closed" if number < 2 else "in-operation",
                registrations=[Registration(*(WATER if number > 6 else PUBLIC_PLACES))],
            )
        self.deposits()
        lines = [(f"N{number}", f"CN{number:03d}") for number in range(10)]
        self.list_id = self.desk.listed(csv(*lines, header=COLUMNS[:2]), **DUE)
        self.desk.apply(self.list_id)

    def go(self, **by):
        done = super().go(**by)
        self.desk.sign_in()
        return done

    def order(self, **values):
        """Ask for the draw of officers."""
        body = {"level": "sealed", "draw_on": TODAY, **values}
        return self.desk.client.post(f"{URL}/{self.list_id}/officer-draw", json=body)

    def draw_all(self, **values):
        """Order the draw and let the timetable carry it to its result; return the number."""
        plan = self.order(**values)
        assert plan.status_code == 201, plan.json
        for hours in (0, 12, 4):
            self.go(hours=hours)
        draws = self.desk.client.get(f"/api/v1/draw-plans/{plan.json['id']}").json["draws"]
        return draws[-1]["draw_no"]

    def tasks(self):
        """The list's tasks by archive number."""
        return {task["unit"]["archive_no"]: task for task in self.desk.tasks()}


@pytest.fixture
def given(flask_app, make, clock):
    return Given(flask_app, make, clock)


def test_every_task_of_a_list_gets_a_drawn_team_and_a_stranger_can_verify_it(given, tmp_path):
    before = {number: task["id"] for number, task in given.tasks().items()}
    draw_no = given.draw_all()
    after = given.tasks()
    assert {number: task["id"] for number, task in after.items()} == before, "no task is new"
    assert Counter(task["state"] for task in after.values()) == {"assigned": 10}
    assert {len(task["team"]) for task in after.values()} == {2}
    loads = Counter(member["officer_id"] for task in after.values() for member in task["team"])
    assert max(loads.values()) - min(loads.values()) <= 1
    given.go(days=30)
    assert given.state(draw_no) == "published"
    with given.draw(draw_no) as draw:
        published = reading.public_bundle(draw, given.clock.at)
        chosen = queries.chosen_of(draw.id)
    assert [str(one.row.task_id) for one in chosen] == [
        before[one.row.archive_no] for one in chosen
    ]
    for name, content in published.items():
        (tmp_path / name).write_bytes(content)
    ran = subprocess.run(
        [sys.executable, "verify_draw.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    sent = {}
    for line in published["assignment.tsv"].decode().splitlines():
        stratum, archive_no, lead, others = line.split("\t")
        sent[archive_no] = (stratum, lead, others)
    with given.flask_app.app_context():
        officers = {
            str(one.id): one.certificate_no
            for one in people.officers_of(given.make.home().id, date(2026, 11, 21))
        }
    for archive_no, task in after.items():
        stratum, lead, others = sent[archive_no]
        assert stratum == ("生活饮用水" if archive_no > "CN006" else "公共场所")
        assert officers[task["lead_officer_id"]] == lead
        assert {officers[one["officer_id"]] for one in task["team"]} == {lead, *others.split(",")}


def test_nobody_on_the_list_is_named_in_public_before_the_result_is(given):
    plan = given.order()
    for hours in (0, 12):
        given.go(hours=hours)
    (draw,) = given.desk.client.get(f"/api/v1/draw-plans/{plan.json['id']}").json["draws"]
    public = given.flask_app.test_client()
    for hours in (0, 4):
        given.go(hours=hours)
        with given.draw(draw["draw_no"]) as found:
            names = {file.name for file in reading.public_files(found, given.clock.at)}
            assert "manifest.json" in names
            assert not names & TELLING
            with pytest.raises(reading.DrawFileNotFound):
                reading.get_file(found, "population.tsv", PUBLIC, given.clock.at)
        page = public.get(f"/public/draws/{draw['draw_no']}").get_data(as_text=True)
        assert "名单由上级下达，与结果一同公开" in page
        assert "CN00" not in page
    assert given.state(draw["draw_no"]) == "drawn"


def test_a_void_officer_draw_does_not_name_the_list(given):
    plan = given.order(level="attended")
    given.go(hours=0)
    (found,) = given.desk.client.get(f"/api/v1/draw-plans/{plan.json['id']}").json["draws"]
    given.void(found["draw_no"])
    given.go(hours=1)
    with given.draw(found["draw_no"]) as draw:
        names = {file.name for file in reading.public_files(draw, given.clock.at)}
    assert "reveal.json" in names
    assert not names & TELLING


def test_the_population_is_what_is_pending_at_the_freeze_and_who_has_a_team_keeps_it(given):
    tasks_before = given.tasks()
    task = tasks_before["CN005"]
    team = [one.id for one in map(given.make.officer, [None] * 2)]
    given.desk.client.post(
        f"/api/v1/tasks/{task['id']}/assign",
        json={"officer_ids": [str(one) for one in team], "lead_officer_id": str(team[0])},
        headers={"If-Match": f'"{task["version"]}"'},
    )
    draw_no = given.draw_all()
    listed = given.files(draw_no)["population.tsv"].decode().splitlines()
    assert len(listed) == 9
    assert all(line.endswith("\t1") for line in listed)
    assert "CN005" not in {line.partition("\t")[0] for line in listed}
    after = given.tasks()["CN005"]
    assert {one["officer_id"] for one in after["team"]} == {str(one) for one in team}


def test_a_task_assigned_after_the_freeze_stays_with_its_team(given):
    plan = given.order()
    given.go(hours=0)
    task = given.tasks()["CN005"]
    team = [one.id for one in map(given.make.officer, [None] * 2)]
    with given.make.writing():
        by = given.make.by(given.make.home())
        tasks.assign_task(UUID(task["id"]), team, team[0], by=by, at=given.clock.at)
    for hours in (12, 4):
        given.go(hours=hours)
    (found,) = given.desk.client.get(f"/api/v1/draw-plans/{plan.json['id']}").json["draws"]
    assert found["state"] == "drawn"
    after = given.tasks()
    assert {one["officer_id"] for one in after["CN005"]["team"]} == {str(one) for one in team}
    assert Counter(one["state"] for one in after.values()) == {"assigned": 10}


def test_two_tasks_of_one_specialty_at_one_unit_go_to_one_team(given):
    again = given.desk.listed(
        csv(("M1", "CN009"), ("M2", "CN009"), header=COLUMNS[:2]),
        **DUE,
        reference="又一份〔2026〕1号",
    )
    given.desk.apply(again)
    given.list_id = again
    given.draw_all()
    teams = [
        sorted(one["officer_id"] for one in task["team"])
        for task in given.desk.tasks("又一份〔2026〕1号")
    ]
    assert len(teams) == 2
    assert teams[0] == teams[1]


def test_one_officer_draw_at_a_time_and_none_without_tasks(given):
    first = given.order()
    second = given.order()
    assert (second.status_code, second.json["type"]) == (409, "/problems/officer-draw-under-way")
    assert second.json["plan_id"] == first.json["id"]
    for hours in (0, 12, 4):
        given.go(hours=hours)
    nothing = given.order()
    assert nothing.status_code == 409
    assert nothing.json["type"] == "/problems/given-list-nothing-to-assign"


def test_a_plan_about_a_list_keeps_its_units_when_it_is_changed(given):
    plan = given.order(level="attended").json
    body = {
        "name": "另一名称",
        "year": 2025,
        "period": "2025",
        "kind": "district",
        "strata": {"公共场所": 1},
        "level": "attended",
        "draw_on": TODAY,
        "due_on": "2026-12-30",
    }
    changed = given.desk.client.put(
        f"/api/v1/draw-plans/{plan['id']}",
        json=body,
        headers={"If-Match": f'"{plan["version"]}"'},
    )
    assert changed.status_code == 200, changed.json
    assert changed.json["name"] == "另一名称"
    kept = ("given_list_id", "kind", "strata", "year", "weight_factors")
    assert {name: changed.json[name] for name in kept} == {name: plan[name] for name in kept}
    assert plan["strata"] == {"公共场所": [1, 1], "生活饮用水": [1, 1]}


def test_a_list_without_deadline_asks_until_when_certificates_must_hold(given):
    found = given.desk.listed(
        csv(("K1", "CN003"), header=COLUMNS[:2]), due_on=None, reference="无期限〔2026〕1号"
    )
    given.desk.apply(found)
    given.list_id = found
    refused = given.order()
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "#/due_on")
    assert given.order(due_on="2026-12-31").status_code == 201


def test_officers_that_are_missing_hold_the_draw_and_say_which_unit(given, make):
    make.unit(archive_no="YL001", registrations=[Registration("medical", "clinic")])
    found = given.desk.listed(
        csv(("K1", "YL001"), header=COLUMNS[:2]), **DUE, reference="医疗〔2026〕1号"
    )
    given.desk.apply(found)
    given.list_id = found
    plan = given.order(level="attended").json
    given.go(hours=0)
    (draw,) = given.desk.client.get(f"/api/v1/draw-plans/{plan['id']}").json["draws"]
    with given.draw(draw["draw_no"]) as held:
        assert held.held_code == "draw-plan-not-feasible"
        assert "YL001" in (held.held_detail or "")
