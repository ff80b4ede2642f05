"""An office that draws: a register, officers, people who deposit, and the days going by."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any

import flask
import sqlalchemy as sa

from app.access import Actor, Role
from app.db import db, transaction
from app.draws import progress, queries, service
from app.draws.models import Draw, DrawPlan
from app.draws.stages import Level
from app.tasks.models import Task
from tests.conftest import FixedClock
from tests.factories import Make

SECRET = sha256(b"the secret of the office").digest()
DEPOSITS = (sha256(b"deposit one").digest(), sha256(b"deposit two").digest())
DICE = "01234567890123456789"


class Office:
    """Drives draws as the timetable does, at the clock's time, with a known secret."""

    def __init__(self, flask_app: flask.Flask, make: Make, clock: FixedClock) -> None:
        self.flask_app, self.make, self.clock = flask_app, make, clock
        self.secret = SECRET

    def register(self, units: int = 12, officers: int = 6) -> None:
        """Make units and officers of public places."""
        for number in range(units):
            self.make.unit(archive_no=f"CN{number:03d}", risk_class="ABCD"[number % 4])
        for _ in range(officers):
            self.make.officer()

    def deposits(self, values: Sequence[bytes | None] = DEPOSITS) -> None:
        """Let an auditor and a clerk seal a standing deposit each."""
        for role, value in zip((Role.AUDITOR, Role.CLERK), values, strict=True):
            self.make.deposit(role, value=value)

    def tick(self, at: datetime | None = None) -> list[str]:
        """Let the timetable do what is due."""
        at = at or self.clock.at
        with self.flask_app.app_context():
            return [
                *progress.run_due(at=at, chance=lambda _purpose: self.secret),
                *progress.publish_due(at=at),
            ]

    def drawn(self, **values: Any) -> str:
        """Return the number of a sealed draw that went all the way to `drawn`."""
        plan = self.sealed(**values)
        self.tick()
        self.clock.forward(hours=12)
        self.tick()
        self.clock.forward(hours=4)
        self.tick()
        return self.number_of(plan)

    def drawn_until_announced(self, **values: Any) -> str:
        """Return the number of a sealed draw whose manifest is public."""
        plan = self.sealed(**values)
        self.tick()
        self.go(hours=12)
        return self.number_of(plan)

    def sealed(self, **values: Any) -> DrawPlan:
        """A sealed plan over a register of twelve, with two standing deposits."""
        self.register()
        self.deposits()
        return self.make.plan(**values)

    def announced(self, **values: Any) -> str:
        """Return the number of an attended draw whose manifest is public."""
        self.register()
        plan = self.make.plan(level=Level.ATTENDED, **values)
        self.tick()
        return self.number_of(plan)

    def number_of(self, plan: DrawPlan) -> str:
        """Return the number of the newest draw of a plan."""
        with self.flask_app.app_context():
            return queries.draws_of_plan(plan.id)[-1].draw_no

    @contextmanager
    def draw(self, draw_no: str) -> Iterator[Draw]:
        """A draw, read in a context of its own."""
        with self.flask_app.app_context():
            found = queries.find_draw(draw_no)
            assert found is not None
            yield found
            db.session.remove()

    def person(self, *roles: Role) -> Actor:
        """Somebody of the office with these roles."""
        return self.make.actor(self.make.account(*roles))

    def complete_all(self) -> None:
        """Let every task be visited and completed."""
        values = {
            f"{prefix}_{name}": value
            for prefix in ("submitted", "completed")
            for name, value in (("at", self.clock.at), ("by_kind", "user"))
        }
        with self.flask_app.app_context(), transaction() as session:
            session.execute(
                sa.update(Task).values(state="completed", outcome="no-problem", **values)
            )

    def go(self, **by: float) -> list[str]:
        """Let time pass, and the timetable do what is due then."""
        self.clock.forward(**by)
        return self.tick()

    def dump(self) -> str:
        """Everything the database holds, as text; bytes as hexadecimal and as what they spell."""
        with self.flask_app.app_context(), db.engine.connect() as connection:
            rows = [
                tuple(row)
                for table in sa.inspect(connection).get_table_names()
                for row in connection.execute(sa.text(f'SELECT * FROM "{table}"'))  # noqa: S608
            ]
        return repr([[_shown(value) for value in row] for row in rows]).lower()

    def state(self, draw_no: str) -> str:
        """Return the state of a draw."""
        with self.draw(draw_no) as draw:
            return draw.state

    def void(self, draw_no: str, reason: str = "名单有误") -> None:
        """Let a supervisor void a draw."""
        by = self.person(Role.SUPERVISOR)
        with self.flask_app.app_context(), transaction():
            service.void_draw(
                service.get_draw(draw_no, by.agency_id), reason, by=by, at=self.clock.at
            )

    def files(self, draw_no: str) -> dict[str, bytes]:
        """Return every file of a draw."""
        with self.draw(draw_no) as draw:
            return queries.contents_of(draw.id)


def _shown(value: object) -> object:
    if not isinstance(value, (bytes, memoryview)):
        return value
    return bytes(value).hex(), bytes(value).decode("latin-1")
