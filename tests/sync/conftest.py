"""A tablet that is enrolled, with a task on its officer's list."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import flask
import pytest

from app.access import Role
from app.db import db
from app.journal import service as journal
from app.people.models import Account, Officer
from sync.devices import service as devices
from tests.conftest import FixedClock
from tests.factories import PASSWORD, Make
from tests.sync.tablet import Send, Tablet, through


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
def in_app(flask_app: flask.Flask) -> Callable[[Callable[[], object]], object]:
    """Ask the database something in a context of its own."""

    def ask(question: Callable[[], object]) -> object:
        with flask_app.app_context():
            return question()

    return ask
