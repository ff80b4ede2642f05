"""The real side: the application over a real database, tablets, supervisors; and the comparison.

A world is staged once (agency, officers, tablets, units, tasks, catalogue) and put back to that for
every example. Tablets and supervisors speak HTTP only.
"""

import copy
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import flask
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask.testing import FlaskClient

from app import entry
from app.access import Role
from app.db import Base, db
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.people import accounts as people
from app.storage import Storage
from app.tasks import service as tasks
from sync.devices import service as devices
from sync.feed import service as feed
from sync.inbox import pushing
from tests.conftest import FixedClock, Place
from tests.factories import PASSWORD, Make
from tests.servers import ROOT
from tests.sync.conftest import item_id
from tests.sync.model.databases import Database
from tests.sync.model.lines import Line
from tests.sync.model.model import Model
from tests.sync.model.state import CheckItem, Device, Sitting, Task
from tests.sync.model.tablets import Made, Sim, unb64
from tests.sync.model.views import view_of
from tests.sync.tablet import Answer, Tablet
from tests.sync.test_killed import over

CHECKLIST = "public-exempt"
OFFICERS = ("an", "bo", "cai", "dan")
TABLETS = ("an", "bo", "cai")
UNITS = 2
TEAMS = (
    ("an", "bo"),
    ("bo", "cai"),
    ("cai", "an"),
)  # of the tasks that are assigned from the start
HEADERS = {"Sync-Protocol": "1"}
ENTITIES = ("task", "unit", "visit", "visit_answer", "finding", "officer", "device_notice")
CATALOGUE = Path(ROOT) / "app" / "catalogue" / "data"


def packaged(name: str) -> list[dict[str, Any]]:
    """A packaged table of the catalogue, as data."""
    found: list[dict[str, Any]] = json.loads((CATALOGUE / f"{name}.json").read_text("utf-8"))
    return found


def check_items() -> dict[str, CheckItem]:
    """The items of the checklist that everybody uses here, by id."""
    known = {row["code"]: row for row in packaged("check_items")}
    form = next(row for row in packaged("checklists") if row["code"] == CHECKLIST)
    codes = [code for section in form["sections"] for code in section["items"]]
    return {
        item_id(code): CheckItem(
            required=known[code]["required"],
            photo_on_no=known[code]["on_no"]["photo_required"],
            answers=frozenset(known[code].get("answers", ("yes", "no", "not-applicable"))),
        )
        for code in codes
    }


@dataclass
class Ids:
    """UUIDv7s in a row, so that the same walk has the same ids wherever it is walked."""

    time: int = 1
    count: int = 0

    def __call__(self) -> UUID:
        self.count += 1
        return UUID(int=self.time << 80 | 7 << 76 | 2 << 62 | self.count)


AFTER_REAL_IDS = 0x7F << 40  # a served process takes its ids from the clock on the wall


@dataclass
class World:
    """Everything real, and the model beside it."""

    flask_app: flask.Flask
    place: Place
    clock: FixedClock
    database: Database
    ids: Ids = field(default_factory=Ids)
    officers: dict[str, str] = field(default_factory=dict)
    supervisors: dict[str, tuple[FlaskClient, str]] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    tablets: list[Sim] = field(default_factory=list)
    model: Model = field(default_factory=lambda: Model(CHECKLIST, check_items()))
    raw: list[tuple[str, list[tuple[Mapping[str, Any], str]]]] = field(default_factory=list)
    head: tuple[int, str] = (0, "")

    # --- staging

    def stage(self) -> None:
        """Make agency, officers, tablets, units and tasks, and keep all of it."""
        make = Make(self.flask_app, self.clock)
        make.catalogue()
        with make.writing():
            journal.install(at=self.clock())
        rows = {name: make.officer() for name in OFFICERS}
        self.officers = {name: str(row.id) for name, row in rows.items()}
        accounts = {
            name: make.account(Role.OFFICER, login=name, officer=row) for name, row in rows.items()
        }
        self.accounts = {name: str(account.id) for name, account in accounts.items()}
        for name in ("chen", "ding"):
            officer = make.officer()
            account = make.account(Role.SUPERVISOR, Role.ADMINISTRATOR, login=name, officer=officer)
            client = self.flask_app.test_client()
            with make.writing():
                token = people.sign_in(account, lasting=timedelta(days=365), at=self.clock())[0]
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
            self.supervisors[name] = (client, str(officer.id))
        for number, name in enumerate(TABLETS):
            with make.writing():
                account = accounts[name]
                code = devices.issue_code(account, by=make.by(), at=self.clock())[0]
            self._enrol(number, name, code)
        for _ in range(UNITS):
            unit = make.unit()
            self.model.units[str(unit.id)] = {"phone": unit.phone, "state": "in-operation"}
        units = list(self.model.units)
        by = make.by(make.home())
        for number, names in enumerate(TEAMS):
            task, team = self.add_task(units[number % UNITS]), [self.officers[one] for one in names]
            with make.writing():
                ids = [UUID(one) for one in team]
                tasks.assign_task(UUID(task.id), ids, ids[0], by=by, at=self.clock())
            task.state, task.team, task.lead = "assigned", tuple(sorted(team)), team[0]
        self.add_task(units[0])
        self.database.keep()
        states = self._tablet_states()
        self._staged = (copy.deepcopy(self.model), self.clock.at, states, self.ids.count)

    def _enrol(self, number: int, name: str, code: str) -> None:
        line = Line(self.flask_app)
        tablet = Tablet(line, self.clock)
        answer = tablet.enrol(code, name, PASSWORD)
        assert answer.status == 201, answer.body
        known = json.loads(line("GET", "/.well-known/suicha", b"", {}).body)["receipt_keys"][0]
        session = answer.json["session"]
        sim = Sim(
            name,
            number,
            line,
            self.clock,
            tablet,
            Ed25519PublicKey.from_public_bytes(unb64(known["key"])),
            {session["officer_id"]: session["user_session_id"]},
            session["officer_id"],
            datetime.fromisoformat(answer.json["tokens"]["access_until"]),
        )
        tablet.now = sim.now
        self.tablets.append(sim)
        device = Device(sim.id)
        device.sittings[session["user_session_id"]] = Sitting(sim.officer, self.clock())
        self.model.devices[sim.id] = device

    def add_task(self, unit: str) -> Task:
        """A further pending task, known to both sides."""
        client, _ = self.supervisors["chen"]
        body = {
            "unit_id": unit,
            "specialty": "public-places",
            "object_class": "sports-venue",
            "origin": "drawn",
            "checklist_code": CHECKLIST,
        }
        answer = client.post("/api/v1/tasks", json=body)
        assert answer.status_code == 201, answer.data
        row = json.loads(answer.data)
        task = Task(row["id"], unit, row["visit_id"])
        self.model.tasks[task.id] = task
        return task

    def _tablet_states(self) -> list[dict[str, Any]]:
        return [
            {
                "access": sim.tablet.access,
                "refresh": sim.tablet.refresh,
                "sittings": dict(sim.sittings),
                "officer": sim.officer,
                "access_until": sim.access_until,
            }
            for sim in self.tablets
        ]

    def put_back(self) -> None:
        """Let everything be as it was staged."""
        self.database.put_back()
        self.flask_app.extensions["suicha_storage"] = Storage.from_url("memory://")
        model, at, states, self.ids.count = self._staged
        self.ids.time = 1
        self.model, self.clock.at, self.raw, self.head = copy.deepcopy(model), at, [], (0, "")
        fresh = []
        for sim, state in zip(self.tablets, states, strict=True):
            tablet = Tablet(
                sim.line,
                self.clock,
                key=sim.tablet.key,
                device_id=sim.tablet.device_id,
                access=state["access"],
                refresh=state["refresh"],
            )
            sim.line.fault = None
            new = Sim(
                sim.name,
                sim.number,
                sim.line,
                self.clock,
                tablet,
                sim.receipt_key,
                dict(state["sittings"]),
                state["officer"],
                state["access_until"],
            )
            tablet.now = new.now
            fresh.append(new)
        self.tablets = fresh

    # --- pushing, as the model hears of it

    def taken(self, sim: Sim, ops: Sequence[Made]) -> list[tuple[str, str | None]]:
        """Tell the model that the server took a batch."""
        pairs = [(one.values, one.hash) for one in ops]
        skew = sim.offset.total_seconds()
        return self.model.push(sim.id, pairs, at=self.clock(), skew_s=skew)

    def compare_results(
        self, expected: Sequence[tuple[str, str | None]], results: Sequence[Mapping[str, Any]]
    ) -> None:
        """Outcome and reason of every line are the model's."""
        found = [(one["outcome"], one["reason"]) for one in results]
        assert found == list(expected), f"expected {list(expected)}, the server said {found}"
        for one in results:
            quarantined = one["outcome"] == "quarantined"
            assert (one["problem"] is not None) is quarantined
            if quarantined:
                assert one["problem"]["type"] == f"/problems/{one['reason']}"

    def replay(self) -> None:
        """Decide every stored batch again, as an operator does; the model, what was not decided."""
        with self.flask_app.app_context():
            pushing.replay_batches(keys=entry.keys(), at=self.clock())
            db.session.remove()
        waiting, self.raw = self.raw, []
        for device_id, pairs in waiting:
            self.model.push(device_id, pairs, at=self.clock(), skew_s=None)

    def kill_for_real(self, sim: Sim, ops: Sequence[Made], point: str) -> str:
        """Push to a process of its own that ends by SIGKILL; return what is left of the push.

        `answered` where the batch was too small for the process to come to its point.
        """
        sim.ask("GET", "/devices/me")
        self.ids.time = AFTER_REAL_IDS
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.sync.crashing", point, self.clock().isoformat()],
            cwd=ROOT,
            env={**os.environ, **self.place.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert server.stdout is not None
            victim = Tablet(over(int(server.stdout.readline())), sim.now, access=sim.tablet.access)
            victim.push([one.line for one in ops])
        except (OSError, http.client.HTTPException):
            assert server.wait(20) == -signal.SIGKILL
            return "all" if point == "after_the_commit_before_the_answer" else "raw"
        finally:
            server.kill()
            server.communicate()
        return "answered"

    # --- supervisors

    def supervise(
        self, who: str, path: str, body: Mapping[str, Any] | None = None, *, repeat: bool = False
    ) -> Answer:
        """One step on the version that stands; `repeat`: the answer was lost, and it comes again.

        Of the two one counts: the repeat names a version that is no more.
        """
        client, _ = self.supervisors[who]
        shown = client.get(path.rpartition("/")[0])
        headers = {"If-Match": shown.headers.get("ETag", '"0"')}
        first = client.post(path, json=body, headers=headers)
        if repeat and first.status_code == 200:
            assert client.post(path, json=body, headers=headers).status_code == 412
        return Answer(first.status_code, dict(first.headers), first.data)

    def change_unit(self, unit: str, changes: Mapping[str, Any]) -> Answer:
        """Change the register."""
        client, _ = self.supervisors["chen"]
        path = f"/api/v1/units/{unit}"
        headers = {"If-Match": client.get(path).headers["ETag"]}
        response = client.patch(path, json=changes, headers=headers)
        return Answer(response.status_code, dict(response.headers), response.data)

    def decide(self, item_id: str, body: Mapping[str, Any]) -> Answer:
        """Decide a matter of the review list."""
        client, _ = self.supervisors["chen"]
        path = f"/api/sync/v1/review/{item_id}"
        shown = client.get(path, headers=HEADERS)
        headers = {**HEADERS, "If-Match": shown.headers["ETag"]}
        response = client.post(path, json=body, headers=headers)
        return Answer(response.status_code, dict(response.headers), response.data)

    def op_of(self, text: str) -> dict[str, Any]:
        """An operation as it was signed."""
        found: dict[str, Any] = json.loads(text)
        return found

    def review(self, state: str = "open") -> list[dict[str, Any]]:
        """The review list, as a supervisor reads it page by page."""
        client, _ = self.supervisors["chen"]
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            path = f"/api/sync/v1/review?state={state}&limit=50&cursor={cursor}"
            found = client.get(path, headers=HEADERS)
            assert found.status_code == 200, found.data
            page = json.loads(found.data)
            items += page["items"]
            cursor = page["cursor"]
            if not page["more"]:
                return items

    # --- invariants

    def check_journal(self) -> None:
        """The chain grows and what stood in it stands."""
        if self.head[0]:
            assert self._entry(self.head[0]) == self.head[1], "an entry of the journal changed"
        with self.flask_app.app_context():
            heads = journal.heads()
            db.session.remove()
        newest = heads["310105"]
        assert newest[0] >= self.head[0], "the journal became shorter"
        self.head = newest

    def _entry(self, seq: int) -> str:
        with self.flask_app.app_context():
            query = "SELECT hash FROM journal_entry WHERE stream = '310105' AND seq = :seq"
            found = db.session.execute(sa.text(query), {"seq": seq}).scalar_one()
            db.session.remove()
        return str(found)

    def check_versions(self) -> None:
        """Every entity has the version of its newest entry; the chains hold; the feed is fresh."""
        with self.flask_app.app_context():
            for name in ENTITIES:
                table, entry_of = Base.metadata.tables[name], JournalEntry
                newest = (
                    sa.select(sa.func.max(entry_of.subject_version))
                    .where(entry_of.subject_id == table.c.id, entry_of.subject_type == name)
                    .scalar_subquery()
                )
                query = sa.select(table.c.id, table.c.version, newest.label("newest"))
                rows = db.session.execute(query).all()
                wrong = [tuple(row) for row in rows if row.version != row.newest]
                assert wrong == [], f"{name}: rows written outside the journal {wrong}"
            assert journal.verify()[1] == []
            assert feed.differences() == []
            db.session.remove()

    def check_receipts(self, sim: Sim) -> None:
        """Every operation that came has its receipts, in the model's words; no other has one."""
        device = self.model.devices[sim.id]
        found = [(one["op_id"], one["status"], one["reason"]) for one in sim.all_receipts()]
        assert found == device.receipts, _differing(device.receipts, found)

    def check_view(self, sim: Sim) -> None:
        """What a tablet shows is what the model says that it must see."""
        expected = view_of(self.model, self.model.devices[sim.id])
        for kind, wanted in expected.items():
            rows = sim.store.view(kind)
            shown = {id_: _as_modelled(kind, row) for id_, row in rows.items()}
            if kind == "device_notice":
                shown = {one["op_id"]: {"decision": one["decision"]} for one in shown.values()}
            found = {
                id_: {name: value for name, value in body.items() if name in wanted.get(id_, body)}
                for id_, body in shown.items()
            }
            assert found == wanted, f"{sim.name}'s {kind}: {_differing(wanted, found)}"
        assert sim.ask(
            "POST", "/verify", {"cursor": sim.store.cursor, "sets": sim.store.sets()}
        ).json == {
            "behind": False,
            "differs": [],
        }

    def check_stored(self) -> None:
        """Every answer and finding is stored once with the model's values, seen by a tablet or not.

        And every operation is there once, whole and readable.
        """
        with self.flask_app.app_context():
            answers = db.session.execute(
                sa.text("SELECT id, result, note, version FROM visit_answer")
            )
            found: dict[str, tuple[Any, ...]] = {
                str(UUID(str(row.id))): (row.result, row.note, row.version) for row in answers
            }
            findings = db.session.execute(sa.text("SELECT id, text, version FROM finding"))
            found |= {str(UUID(str(row.id))): (row.text, row.version) for row in findings}
            ops = db.session.execute(
                sa.text("SELECT op_id, op, outcome, reason FROM operation ORDER BY id")
            ).all()
            visits = db.session.execute(sa.text("SELECT id, state FROM visit")).all()
            stored = db.session.execute(sa.text("SELECT sha256, state FROM evidence")).all()
            db.session.remove()
        wanted: dict[str, tuple[Any, ...]] = {}
        for visit in self.model.visits.values():
            for row in visit.answers.values():
                wanted[row.id] = (row.values["result"], row.values["note"], row.version)
            for row in visit.findings.values():
                wanted[row.id] = (row.values["text"], row.version)
        assert found == wanted, _differing(wanted, found)
        states = {str(UUID(str(row.id))): row.state for row in visits}
        assert states == {one.id: one.state for one in self.model.visits.values()}
        texts = sorted((row.op, row.outcome, row.reason) for row in ops)
        arrived = [
            (json.loads(one.line)["op"], op.outcome, op.reason)
            for sim in self.tablets
            for one in sim.made
            if (op := self.model.devices[sim.id].ops.get(one.id)) is not None
        ]
        assert texts == sorted(arrived), "every operation is stored once, whole"
        photos = {row.sha256: row.state for row in stored}
        assert photos == {
            **dict.fromkeys(self.model.expected, "awaited"),
            **dict.fromkeys(self.model.stored, "stored"),
        }


def _as_modelled(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a row in the model's words."""
    body = dict(row["body"])
    if kind == "visit":
        body["attendance"] = sorted(one["officer_id"] for one in body["attendance"])
        body["signatures"] = sorted((one["role"], one["officer_id"]) for one in body["signatures"])
    elif kind == "task":
        body["officer_ids"] = sorted(body["officer_ids"])
    elif kind in {"visit_answer", "finding"}:
        body["version"] = row["version"]
    return body


def _differing(wanted: Any, found: Any) -> str:
    """What is only on one side, short enough to be read."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        keys = [key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key)]
        return "; ".join(
            f"{key}: the model says {wanted.get(key)}, found {found.get(key)}" for key in keys[:5]
        )
    return f"the model says {wanted}, found {found}"
