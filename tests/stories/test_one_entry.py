"""A hospital that six tasks and the market regulator wait for is entered once.

From the tasks to the plan, the team, the code, a door without a network, and what became of it: on
both databases, over HTTP, with a tablet that signs what it says.
"""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.access import Role
from app.codes.models import VisitRating
from app.days import day_begins
from app.people.models import Account
from app.units.rules import Registration
from scheduler import jobs
from tests.sync.conftest import Stage, item_id
from tests.sync.conftest import stage as stage  # a fixture, shared with the tests of sync
from tests.sync.tablet import Tablet

PERIOD = {"first_on": "2026-11-23", "last_on": "2026-12-18", "teams": 1, "visits_each": 2}
HOSPITAL = (
    Registration("medical", "hospital"),
    Registration("infectious-disease", "infection-hospital"),
    Registration("drinking-water", "secondary-supply"),
    Registration("public-places", "waiting-clinic"),
)
SPECIALTIES = tuple(one.specialty for one in HOSPITAL)
LATE, SOON = date(2026, 12, 18), date(2026, 11, 27)
TAKEN = {"applied", "merged"}
TASKS = (  # specialty, checklist, origin, due, outcome
    ("medical", "medical-practice", "drawn", LATE, "no-problem"),
    ("infectious-disease", "infection", "drawn", LATE, "no-problem"),
    ("infectious-disease", "medical-waste", "routine", date(2026, 12, 11), "ordered-to-correct"),
    ("drinking-water", "secondary-supply", "drawn", LATE, "no-problem"),
    ("public-places", "public-general", "routine", LATE, "no-problem"),
    ("medical", "medical-practice", "complaint", SOON, "lead"),
)


class Day:
    """The agency: who works there, the hospital, and what waits for it."""

    def __init__(self, stage: Stage) -> None:
        make = stage.make
        self.stage, self.make = stage, make
        self.an = self.officer("an", *SPECIALTIES[:2])
        self.bai = self.officer("bai", *SPECIALTIES[2:])
        self.cai = self.officer("cai", *SPECIALTIES)
        desk: dict[str, Any] = {"specialties": ("school-health",), "lead_specialties": ()}
        self.accounts = [
            make.account(Role.SUPERVISOR, officer=make.officer(**desk)),
            make.account(Role.SUPERVISOR, officer=make.officer(**desk)),
            make.account(Role.AUDITOR),
        ]
        self.sign_in()
        self.hospital = make.unit(
            name="上海长宁中心医院", street_code="310105001", registrations=HOSPITAL
        )
        self.tasks = {
            str(
                make.task(
                    self.hospital,
                    specialty=specialty,
                    object_class=None,
                    checklist_code=checklist,
                    origin=origin,
                    due_on=due_on,
                ).id
            ): outcome
            for specialty, checklist, origin, due_on, outcome in TASKS
        }

    def officer(self, login: str, *specialties: str) -> UUID:
        account = self.stage.officer(login, specialties=specialties, lead_specialties=specialties)
        assert account.officer_id is not None
        return account.officer_id

    def sign_in(self) -> None:
        """The office opens in the morning."""
        self.chen, self.dong, self.auditor = map(self.client_of, self.accounts)

    def client_of(self, account: Account) -> FlaskClient:
        client = self.stage.flask_app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = self.make.headers(account)["Authorization"]
        return client

    def make_new(self, path: str, body: Any) -> Any:
        answer = self.chen.post(f"/api/v1{path}", json=body)
        assert answer.status_code == 201, (path, answer.json)
        return answer.json

    def step(self, path: str, verb: str, body: Any = None, *, who: Any = None) -> Any:
        """A verb upon something, by one who has just read it."""
        client = who or self.chen
        version = {"If-Match": client.get(f"/api/v1{path}").headers["ETag"]}
        answer = client.post(f"/api/v1{path}/{verb}", json=body, headers=version)
        assert answer.status_code < 300, (path, verb, answer.json)
        return answer.json

    def read(self, path: str, *, who: Any = None) -> Any:
        answer = (who or self.chen).get(f"/api/v1{path}")
        assert answer.status_code == 200, (path, answer.json)
        return answer.json


@pytest.fixture
def day(stage: Stage) -> Day:
    return Day(stage)


def pulled(tablet: Tablet) -> dict[str, list[Any]]:
    """What a tablet is shown after a first sync, by type."""
    found: dict[str, list[Any]] = {}
    cursor, more = "", True
    while more:
        page = tablet.request("GET", f"/feed?limit=500&cursor={cursor}").json
        for row in page["rows"]:
            if row["present"]:
                found.setdefault(row["type"], []).append({"id": row["id"], **row["body"]})
        cursor, more = page["cursor"], page["more"]
    return found


def test_six_tasks_and_the_market_regulator_go_in_once(stage: Stage, day: Day) -> None:
    visit = published(day)
    on = date.fromisoformat(visit["planned_on"])
    assert on <= SOON  # with the complaint, which cannot wait as long as the others

    stage.clock.at = day_begins(on) + timedelta(hours=7)
    day.sign_in()
    tablets = {login: stage.tablet(login) for login in ("an", "bai")}
    first = code_of(day, visit)
    seen = {login: pulled(tablet) for login, tablet in tablets.items()}
    for found in seen.values():
        assert {one["id"]: one["joint_visit_id"] for one in found["task"]} == dict.fromkeys(
            day.tasks, visit["id"]
        )
        assert [one["id"] for one in found["visit_code"]] == [first["id"]]

    # An is on her way, without a network, when the code is taken back and replaced
    day.step(f"/visit-codes/{first['id']}", "revoke", {"reason": "更正检查时间"})
    second = code_of(day, visit)
    page = stage.flask_app.test_client()
    assert "更正检查时间" in page.get(f"/c/{first['text']}").text
    shown = page.get(f"/c/{second['text']}").text
    for words in (
        "市场监督管理局",
        "沪市监0001",
        "药品和医疗器械使用质量",
        "药品管理法 第九十九条",
    ):
        assert words in shown

    stage.clock.forward(hours=2)
    tasks = seen["an"]["task"]
    lines = [
        line
        for task in tasks
        for line in inspected(
            tablets["an"], task, day.tasks[task["id"]], seen["an"]["checklist"], first["text"]
        )
    ]
    bai = [started(tablets["bai"], task, second["text"]) for task in tasks]
    stage.clock.forward(hours=3)
    for tablet, batch in ((tablets["bai"], bai), (tablets["an"], lines)):
        tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
        for begin in range(0, len(batch), 50):
            answer = tablet.push(batch[begin : begin + 50])
            assert answer.status == 200, answer.body
            wrong = [one for one in answer.json["results"] if one["outcome"] not in TAKEN]
            assert not wrong

    # what became of it
    for task_id, outcome in day.tasks.items():
        task = day.read(f"/tasks/{task_id}")
        assert (task["state"], task["outcome"]) == ("submitted", outcome)
        marks = {one["mark"] for one in day.read(f"/visits/{task['visit_id']}")["marks"]}
        assert "code-revoked" in marks
    (entry,) = day.read(f"/units/{day.hospital.id}/entries?until_on={on}")["entries"]
    assert entry["on"] == visit["planned_on"]

    saved = day.read("/reports/disturbance?from_on=2026-10-01&until_on=2026-12-31")
    counted = {one["code"]: one["number"] for one in saved["counted"]}
    assert [counted[code] for code in ("separate", "entries", "saved")] == ["6", "1", "5"]
    assert saved["planned"]["really_saved"] == saved["planned"]["saved"] == 5

    address = f"/c/{second['text']}"
    assert (
        page.post(f"{address}/rating", data={"score": "5", "comment": "一次查完"}).status_code
        == 303
    )
    assert page.post(f"{address}/rating", data={"score": "1"}).status_code == 409
    (rating,) = stage.all(sa.select(VisitRating.code_id, VisitRating.score))
    assert (str(rating.code_id), rating.score) == (second["id"], 5)
    assert day.read("/visit-ratings", who=day.auditor)["items"] == []  # one alone has a name
    assert day.read("/visit-ratings/summary")["count"] == 0
    assert day.chen.get("/api/v1/visit-ratings").status_code == 403


def published(day: Day) -> Any:
    """The joint visit: planned, its team by lot, approved by a second person, published."""
    cai = {"unit_id": str(day.hospital.id), "reason_code": "kinship"}
    day.make_new(f"/officers/{day.cai}/recusals", cai)
    plan = day.make_new("/joint-plans", {**PERIOD, "unit_ids": [str(day.hospital.id)]})
    compared = plan["comparison"]
    assert (compared["separate"]["entries"], compared["merged"]["entries"]) == (6, 1)
    path = f"/joint-plans/{plan['id']}"
    day.step(path, "teams")
    with day.stage.flask_app.app_context():
        jobs.form_joint_teams(at=day.stage.clock())
    (visit,) = day.read(f"{path}/visits")["items"]
    team = {one["officer_id"] for one in visit["officers"]}
    assert team == {
        str(day.an),
        str(day.bai),
    }  # Cai stays away
    partner = day.make_new(
        "/partner-officers",
        {
            "department": "市场监督管理局",
            "certificate_no": "沪市监0001",
            "name": "丁",
            "certificate_valid_until": "2028-12-31",
        },
    )
    along = {
        "partner_ids": [partner["id"]],
        "partner_items": [
            {
                "department": "市场监督管理局",
                "item": "药品和医疗器械使用质量",
                "basis": "药品管理法 第九十九条",
            }
        ],
    }
    version = {"If-Match": day.chen.get(f"/api/v1/joint-visits/{visit['id']}/team").headers["ETag"]}
    answer = day.chen.put(
        f"/api/v1/joint-visits/{visit['id']}/partners", json=along, headers=version
    )
    assert answer.status_code == 200, answer.json
    day.step(path, "approve", who=day.dong)
    day.step(path, "publish")
    return day.read(f"/joint-visits/{visit['id']}")


def code_of(day: Day, visit: Any) -> Any:
    """Ask for the one code of a joint visit."""
    asked = day.step(f"/joint-visits/{visit['id']}", "visit-code")
    return day.read(f"/visit-codes/{asked['code_id']}")


def started(tablet: Tablet, task: Any, text: str) -> bytes:
    """A tablet starts a visit of the entry with the code that the hospital scanned from it."""
    head = {
        "task_id": task["id"],
        "unit_id": task["unit_id"],
        "checklist_code": task["checklist_code"],
        "form_version": 1,
        "code_shown": "unit-scanned",
        "code_text": text,
    }
    return tablet.op("visit.start", UUID(task["visit_id"]), head, form_version=3)


def inspected(
    tablet: Tablet, task: Any, outcome: str, checklists: list[Any], text: str
) -> list[bytes]:
    """A whole visit of the entry: started, every item of its checklist answered, ended, signed."""
    visit = UUID(task["visit_id"])
    checklist = next(one for one in checklists if one["code"] == task["checklist_code"])
    lines = [tablet.op("task.accept", task["id"], {}), started(tablet, task, text)]
    for item in [item for part in checklist["sections"] for item in part["items"]]:
        answer = {"visit_id": str(visit), "item_id": item_id(item), "result": "yes", "note": ""}
        lines.append(tablet.op("visit.answer_item", uuid5(visit, item_id(item)), answer))
    end = {"outcome": outcome, "summary": ""}
    signed = {"role": "party", "refused": False, "content_hash": "0" * 64}
    lines.append(tablet.op("visit.finish", visit, end))
    lines.append(tablet.op("document.sign", visit, signed))
    return lines
