"""An office whose people work through the public API, on days that the story names."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import flask
from werkzeug.test import TestResponse

from app.access import Role
from app.journal import service as journal
from scheduler.jobs import JOBS
from tests.conftest import FixedClock
from tests.factories import Make
from tests.sync.conftest import Stage
from tests.sync.held import Held
from tests.sync.tablet import Tablet
from tests.sync.tus import Tus, photo

API = "/api/v1"
NOT_DRAWN: Mapping[str, Any] = {"specialties": (), "lead_specialties": ()}
NIGHT = (
    *("run-due-draws", "publish-due-results", "follow-orders", "follow-case-deadlines"),
    *("follow-licences", "follow-collections", "watch-complaints", "follow-publications"),
    "open-report-cards",
)


class House:
    """An and Bo with their tablets, Chen and Gao who lead, Fang who reviews, and the others.

    Every verb is a request of the public API or an operation of a tablet; a day that is reached
    lets the timetable do first what is due.
    """

    def __init__(self, flask_app: flask.Flask, make: Make, clock: FixedClock, on: date) -> None:
        self.flask_app, self.make, self.clock = flask_app, make, clock
        self.stage = Stage(flask_app, make, clock)
        clock.at = _morning(on)
        make.catalogue()
        with make.writing():
            journal.install(at=clock())
        specialties = ("public-places", "medical")
        both = {"specialties": specialties, "lead_specialties": specialties}
        self.an, self.bo = (self.stage.tablet(self.login(one, both)) for one in ("an", "bo"))
        self.accounts = {one: self.stage.logins[one] for one in ("an", "bo")}
        self.heads: dict[str, str] = {}  # the officers who lead, by name
        for name, role in (
            ("chen", Role.SUPERVISOR),
            ("gao", Role.SUPERVISOR),
            ("fang", Role.LEGAL_REVIEWER),
            ("clerk", Role.CLERK),
            ("auditor", Role.AUDITOR),
            ("ding", Role.ADMINISTRATOR),
        ):
            officer = make.officer(**NOT_DRAWN) if role is Role.SUPERVISOR else None
            if officer is not None:
                self.heads[name] = str(officer.id)
            self.accounts[name] = make.account(role, officer=officer)
        self.people = {name: flask_app.test_client() for name in self.accounts}
        self.sign_in()
        self.pair = [str(one.officer_id) for one in (self.an, self.bo)]

    def login(self, name: str, values: Mapping[str, Any]) -> str:
        self.stage.officer(name, **values)
        return name

    def sign_in(self) -> None:
        """Everybody begins a session, the tablets theirs too."""
        for name, client in self.people.items():
            headers = self.make.headers(self.accounts[name])
            client.environ_base["HTTP_AUTHORIZATION"] = headers["Authorization"]
        for tablet in (self.an, self.bo):
            answer = tablet.tokens(challenge=tablet.challenge())
            assert answer.status == 200, answer.body
            tablet.keep_tokens(answer.json)

    # --- days

    def day(self, on: str) -> None:
        """Reach a day of office at nine; the timetable has done what was due by then."""
        self.clock.at = _morning(date.fromisoformat(on))
        self.sign_in()
        self.tick()

    def tick(self) -> None:
        """Let the timetable do what is due."""
        with self.flask_app.app_context():
            for job in NIGHT:
                JOBS[job].run(at=self.clock())

    @property
    def today(self) -> str:
        return self.clock().astimezone(UTC).date().isoformat()

    # --- requests

    def get(self, who: str, path: str, **query: str) -> Any:
        """Read something, as somebody."""
        answer = self.people[who].get(API + path, query_string=query)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json

    def file(self, who: str, path: str, **query: str) -> bytes:
        """Download a file, as somebody."""
        answer = self.people[who].get(API + path, query_string=query)
        assert answer.status_code == 200, (path, answer.text)
        data: bytes = answer.data
        return data

    def post(self, who: str, path: str, /, **said: Any) -> Any:
        """Create or do something that has no version."""
        return _good(self.people[who].post(API + path, json=said))

    def act(self, who: str, thing: str, verb: str, /, **said: Any) -> Any:
        """Do something to a thing as it stands: what it is read as is what is changed."""
        return _good(self.tried(who, thing, verb, **said))

    def tried(self, who: str, thing: str, verb: str, /, **said: Any) -> TestResponse:
        """The same, whatever comes of it; `seen` in a list where it has no page of its own."""
        if (known := said.pop("seen", None)) is None:
            answer = self.people[who].get(API + thing)
            assert answer.status_code == 200, answer.text
            known = _said(answer)
        version = f'"{known["version"]}"'
        headers = {"If-Match": version}
        return self.people[who].post(f"{API}{thing}/{verb}", json=said, headers=headers)

    def not_yet(self, who: str, path: str, /, **said: Any) -> dict[str, Any]:
        """Ask for what may not be; returns the problem."""
        return _problem(self.people[who].post(API + path, json=said))

    def refused(self, who: str, thing: str, verb: str, /, **said: Any) -> dict[str, Any]:
        """Do something that may not be done; returns the problem."""
        return _problem(self.tried(who, thing, verb, **said))

    # --- cases

    def step(self, who: str, case_id: str, verb: str, /, **said: Any) -> Any:
        """Take a step of a case today."""
        return _good(self.tried_step(who, case_id, verb, **said))

    def refused_step(self, who: str, case_id: str, verb: str, /, **said: Any) -> dict[str, Any]:
        """Take a step that may not be taken; returns the problem."""
        return _problem(self.tried_step(who, case_id, verb, **said))

    def tried_step(self, who: str, case_id: str, verb: str, /, **said: Any) -> TestResponse:
        """The same, whatever comes of it; `officers` take it."""
        seen = self.people[who].get(f"{API}/cases/{case_id}")
        body = {"on": self.today, "officer_ids": said.pop("officers", []), "data": said}
        headers = {"If-Match": seen.headers["ETag"]}
        path = f"{API}/cases/{case_id}/steps/{verb}"
        return self.people[who].post(path, json=body, headers=headers)

    # --- tablets

    def push(self, tablet: Tablet, *lines: bytes, again: bool = False) -> None:
        """Send operations; every one is applied, or merged with the pair's; `again`: known."""
        answer = tablet.push(list(lines))
        assert answer.status == 200, answer.body
        said = [(one["outcome"], one.get("problem")) for one in answer.json["results"]]
        assert {outcome for outcome, _ in said} <= (
            {"duplicate"} if again else {"applied", "merged"}
        ), said

    def upload(self, tablet: Tablet, number: int, role: str = "photo") -> dict[str, Any]:
        """Upload a picture, and look into it; returns how an operation attaches it."""
        data = photo(number, taken=None)
        Tus(tablet).send(data, role=role)
        self.stage.look_into_pictures()
        digest = sha256(data).hexdigest()
        return {"sha256": digest, "size": len(data), "mime": "image/jpeg", "role": role}

    def stored(self) -> str:
        """A paper that lies in the evidence; its hash."""
        return self.make.stored_evidence()

    def numbered(self, tablet: Tablet, kind: str) -> tuple[str, int]:
        """The series of a kind, and the first number of the tablet's own block of it."""
        held = Held(tablet)
        held.pull()
        blocks = held.bodies("number_block").values()
        series = f"{kind}:{self.today[:4]}"
        return series, min(int(one["first"]) for one in blocks if one["series"] == series)

    def paper(
        self, tablet: Tablet, task: Mapping[str, Any], kind: tuple[str, str], **said: Any
    ) -> bytes:
        """A numbered paper of a tablet, written at the visit of a task.

        `kind` is that of the document and the type of the operation.
        """
        series, serial = said.pop("at_number", None) or self.numbered(tablet, kind[0])
        attached = said.pop("attachments", [])
        fields = {
            "series": series,
            "serial": serial,
            "unit_id": task["unit_id"],
            "visit_id": task["visit_id"],
            **said,
        }
        return tablet.op(kind[1], uuid4(), fields, form_version=2, attachments=attached)

    def begin(self, task: Mapping[str, Any], checklist: str) -> None:
        """Both officers begin the visit of a task."""
        fields = {
            "task_id": task["id"],
            "unit_id": task["unit_id"],
            "checklist_code": checklist,
            "form_version": 1,
        }
        self.push(self.an, self.an.op("task.accept", task["id"], {}))
        for tablet in (self.an, self.bo):
            self.push(tablet, tablet.op("visit.start", task["visit_id"], fields))

    def answer_all(
        self, task: Mapping[str, Any], items: Sequence[str], wrong: Mapping[str, Any]
    ) -> None:
        """An answers every item of the checklist; `wrong` are no, each with its photo."""
        lines = []
        for code in items:
            item = uuid5(NAMESPACE_URL, f"suicha:item:{code}")
            fields = {
                "visit_id": task["visit_id"],
                "item_id": str(item),
                "result": "no" if code in wrong else "yes",
                "note": "",
            }
            entity = uuid5(UUID(task["visit_id"]), str(item))
            photos = [wrong[code]] if code in wrong else []
            lines.append(self.an.op("visit.answer_item", entity, fields, attachments=photos))
        self.push(self.an, *lines)

    def find(self, task: Mapping[str, Any], text: str, handling: str, **more: Any) -> str:
        """An states a finding; returns its id."""
        entity = uuid4()
        fields = {"visit_id": task["visit_id"], "text": text, "handling": handling}
        self.push(self.an, self.an.op("visit.state_finding", entity, fields, **more))
        return str(entity)

    def end(self, task: Mapping[str, Any], outcome: str, summary: str) -> None:
        """The visit ends and its record is signed."""
        said = {"outcome": outcome, "summary": summary}
        signed = {"role": "party", "refused": False, "content_hash": "0" * 64}
        self.push(
            self.an,
            self.an.op("visit.finish", task["visit_id"], said),
            self.an.op("document.sign", task["visit_id"], signed),
        )

    def order_task(self, unit_id: str, **said: Any) -> dict[str, Any]:
        """Chen makes a task and gives it to An and Bo."""
        made = self.post("chen", "/tasks", unit_id=unit_id, **said)
        return self.assign(made["id"])

    def assign(self, task_id: str) -> dict[str, Any]:
        """Chen gives a task to An and Bo."""
        team = {"officer_ids": self.pair, "lead_officer_id": self.pair[0]}
        task = self.act("chen", f"/tasks/{task_id}", "assign", **team)
        return {**task, "unit_id": task["unit"]["id"]}

    def task_of(self, unit_id: str, **query: str) -> dict[str, Any]:
        """The one task of a unit among those that a query finds."""
        items = self.get("chen", "/tasks", **query)["items"]
        (found,) = [one for one in items if one["unit"]["id"] == unit_id]
        task: dict[str, Any] = {**found, "unit_id": unit_id}
        return task


def _morning(on: date) -> datetime:
    return datetime.combine(on, time(1, 0), UTC)


def _said(answer: TestResponse) -> dict[str, Any]:
    said: dict[str, Any] = answer.json or {}
    return said


def _problem(answer: TestResponse) -> dict[str, Any]:
    assert answer.status_code in {403, 409, 422}, (answer.request.path, answer.text)
    return _said(answer)


def _good(answer: TestResponse) -> Any:
    assert answer.status_code in {200, 201}, (answer.request.path, answer.text)
    return answer.json


def line(kind: str, amount_fen: int | None = None) -> dict[str, Any]:
    """A line of a sanction."""
    shape = {"months": None, "note": None, "on_staff": False}
    return {"kind": kind, "amount_fen": amount_fen, **shape}
