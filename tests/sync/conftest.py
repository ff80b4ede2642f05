"""A tablet that is enrolled, with a task on its officer's list."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

import flask
import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import db
from app.evidence import inspecting
from app.journal import service as journal
from app.people.models import Account, Officer
from app.tasks.models import Task
from sync.devices import service as devices
from tests.conftest import FixedClock
from tests.factories import PASSWORD, Make
from tests.sync.tablet import Send, Tablet, through
from tests.sync.tus import Tus

T = TypeVar("T")


@dataclass
class Stage:
    """Makes officers with tablets; requests go to the application in this process."""

    flask_app: flask.Flask
    make: Make
    clock: FixedClock
    logins: dict[str, Account] = field(default_factory=dict)

    def send(self) -> Send:
        """A line of its own: one client per caller."""
        return through(self.flask_app.test_client())

    def officer(self, login: str, **values: Any) -> Account:
        """An officer who can sign in."""
        account = self.make.account(Role.OFFICER, login=login, officer=self.make.officer(**values))
        self.logins[login] = account
        return account

    def code(self, account: Account) -> str:
        """A one-time enrolment code."""
        with self.make.writing():
            found = db.session.get_one(Account, account.id)
            return devices.issue_code(found, by=self.make.by(), at=self.clock())[0]

    def blank(self) -> Tablet:
        """A tablet out of the box."""
        return Tablet(self.send(), self.clock)

    def tablet(self, login: str = "an") -> Tablet:
        """An enrolled tablet of an officer, who is made where needed."""
        account = self.logins.get(login) or self.officer(login)
        made = self.blank()
        answer = made.enrol(self.code(account), login, PASSWORD)
        assert answer.status == 201, answer.body
        return made

    def officer_of(self, tablet: Tablet) -> Officer:
        """The officer in session on a tablet."""
        with self.flask_app.app_context():
            return db.session.get_one(Officer, tablet.officer_id)

    def task(self, *tablets: Tablet) -> Task:
        """A task of lodging whose team are these tablets' officers and one more."""
        team = [self.officer_of(one) for one in tablets]
        return self.make.task(team=[*team, self.make.officer()], checklist_code="lodging")

    def look_into_pictures(self) -> None:
        """What the web process does when it is quiet."""
        with self.flask_app.app_context():
            inspecting.inspect_pictures(at=self.clock(), left_after=timedelta(seconds=-1))

    def one(self, model: type[T], id_: UUID | str) -> T:
        """A row as it is now."""
        with self.flask_app.app_context():
            return db.session.get_one(model, UUID(str(id_)))

    def count(self, model: type[Any], *conditions: Any) -> int:
        """How many rows there are."""
        with self.flask_app.app_context():
            query = sa.select(sa.func.count()).select_from(model).where(*conditions)
            return db.session.scalar(query) or 0

    def all(self, query: Any) -> list[Any]:
        """What a query finds."""
        with self.flask_app.app_context():
            return list(db.session.execute(query).all())


ITEMS = (
    "pp-licence",
    "pp-shown",
    "pp-archive",
    "pp-training",
    "pp-health-cert",
    "pp-testing",
    "lodging-linen",
    "lodging-cups",
    "lodging-disposable",
    "lodging-bathroom",
    "lodging-washroom",
    "lodging-linen-room",
    "pp-disinfectant",
    "pp-aircon",
    "pp-vector",
    "pp-accident",
)


def item_id(code: str) -> str:
    """The id of a check item, as a tablet computes it."""
    return str(uuid5(NAMESPACE_URL, f"suicha:item:{code}"))


def start(tablet: Tablet, task: Task, **changed: Any) -> bytes:
    """The planned visit of a task begins."""
    fields = {
        "task_id": str(task.id),
        "unit_id": str(task.unit_id),
        "checklist_code": "lodging",
        "form_version": 1,
    }
    return tablet.op("visit.start", task.visit_id, fields, **changed)


def answer(
    tablet: Tablet, task: Task, code: str, result: str = "yes", note: str = "", **changed: Any
) -> bytes:
    """A check item is answered."""
    fields = {
        "visit_id": str(task.visit_id),
        "item_id": item_id(code),
        "result": result,
        "note": note,
    }
    entity = uuid5(task.visit_id, item_id(code))
    return tablet.op("visit.answer_item", entity, fields, **changed)


def finish(tablet: Tablet, task: Task, outcome: str = "no-problem", **changed: Any) -> bytes:
    """The visit ends."""
    fields = {"outcome": outcome, "summary": "未见异常"}
    return tablet.op("visit.finish", task.visit_id, fields, **changed)


def sign(tablet: Tablet, task: Task, **changed: Any) -> bytes:
    """The record is signed."""
    fields = {"role": "party", "refused": False, "content_hash": "0" * 64}
    return tablet.op("document.sign", task.visit_id, fields, **changed)


def whole_visit(tablet: Tablet, task: Task) -> list[bytes]:
    """A visit from acceptance to signature, as a tablet writes it offline."""
    return [
        tablet.op("task.accept", task.id, {}),
        start(tablet, task),
        *(answer(tablet, task, code) for code in ITEMS),
        finish(tablet, task),
        sign(tablet, task),
    ]


@pytest.fixture
def stage(flask_app: flask.Flask, make: Make, clock: FixedClock) -> Stage:
    """Officers and tablets."""
    make.catalogue()
    with make.writing():
        journal.install(at=clock())
    return Stage(flask_app, make, clock)


@pytest.fixture
def tablet(stage: Stage) -> Tablet:
    """An's tablet."""
    return stage.tablet("an")


@pytest.fixture
def tus(tablet: Tablet) -> Tus:
    """An's tablet, that speaks tus."""
    return Tus(tablet)
