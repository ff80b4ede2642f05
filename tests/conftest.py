"""Fixtures: an application over a fresh, migrated database of each kind, a clock, a client."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings

from app import clock as app_clock
from app import db
from tests import servers
from tests.emptied import Standing
from tests.factories import Make
from tests.journalled import is_exempt, written_past_the_services
from tests.remembered import forget_statements, remember_routes
from tests.servers import postgresql_server, postgresql_template, sqlite_template
from tests.storage_servers import s3_server
from wsgi import create_app

# fixtures of the session
__all__ = ["postgresql_server", "postgresql_template", "s3_server", "sqlite_template"]

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")  # a busy machine is no fault of the code

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
KEYS = {
    "SECRET_KEY": "11" * 32,
    "SUICHA_RECEIPT_KEY": "22" * 32,
    "SUICHA_DRAW_KEY": "33" * 32,
    "SUICHA_RESCUE_KEY": "44" * 32,
}


class FixedClock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> datetime:
        """Let time pass, as `timedelta(**by)`."""
        self.at += timedelta(**by)
        return self.at


@dataclass(frozen=True)
class Place:
    """Where one test's data lies: the environment a process needs to find it."""

    kind: str
    environ: dict[str, str]


@pytest.fixture
def clock() -> Iterator[FixedClock]:
    """The application's clock, standing at NOW."""
    fixed = FixedClock(NOW)
    app_clock.use(fixed)
    yield fixed
    app_clock.use(None)


@pytest.fixture
def at(clock: FixedClock) -> datetime:
    """The instant at which the test happens."""
    return clock.at


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A fresh migrated database of each kind: a test that takes it runs twice."""
    environ = {
        "DATA_DIR": str(tmp_path / "data"),
        "ARGON2_MEMORY_KIB": "256",
        "SIGN_IN_PER_MINUTE": "1000",
        "LOG_LEVEL": "CRITICAL",
        **KEYS,
    }
    if request.param == "sqlite":
        servers.copy_sqlite(request.getfixturevalue("sqlite_template"), tmp_path / "data")
        yield Place("sqlite", environ)
        return
    standing = request.getfixturevalue("postgresql_standing")
    yield Place("postgresql", {**environ, "DATABASE_URL": standing.take()})
    standing.give_back()


@pytest.fixture(scope="session")
def postgresql_standing(postgresql_server: str, postgresql_template: str) -> Standing:
    """The PostgreSQL database of one test after another."""
    return Standing(postgresql_server, postgresql_template)


@pytest.fixture
def flask_app(
    request: pytest.FixtureRequest, place: Place, clock: FixedClock
) -> Iterator[flask.Flask]:
    """The whole application over the test's database; no context is pushed.

    Afterwards every row is as the journal knows it. A test that changes rows behind the services'
    back on purpose says so with the marker `past_the_services`.
    """
    made = create_app(place.environ)
    made.testing = False
    yield made
    with made.app_context():
        strays = [] if is_exempt(request.node) else written_past_the_services(db.db.session())
        db.db.session.remove()
        db.db.engine.dispose()
    forget_statements()
    assert strays == []


@pytest.fixture
def app_context(flask_app: flask.Flask) -> Iterator[flask.Flask]:
    """The application with its context pushed, for tests of services."""
    with flask_app.app_context():
        yield flask_app


@pytest.fixture
def client(flask_app: flask.Flask) -> FlaskClient:
    """A client of the application, nobody signed in."""
    return flask_app.test_client()


@pytest.fixture
def make(flask_app: flask.Flask, clock: FixedClock) -> Make:
    """Factories that commit in a context of their own."""
    return Make(flask_app, clock)


def pytest_configure(config: Any) -> None:
    """Let a forgotten thread's exception fail the run, like every other warning; save work."""
    warnings.simplefilter("error", pytest.PytestUnhandledThreadExceptionWarning)
    remember_routes()
