"""An office that draws: a register, officers, people who deposit, and the days going by."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any

import flask

from app.access import Role
from app.db import db
from app.draws import progress, queries
from app.draws.models import Draw, DrawPlan
from app.draws.stages import Level
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

    def state(self, draw_no: str) -> str:
        """Return the state of a draw."""
        with self.draw(draw_no) as draw:
            return draw.state

    def files(self, draw_no: str) -> dict[str, bytes]:
        """Return every file of a draw."""
        with self.draw(draw_no) as draw:
            return queries.contents_of(draw.id)
