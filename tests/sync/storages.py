"""The application over each database with photos on a disk and on S3: for tests that say so.

A module imports both fixtures; its tests then run four times.
"""

import uuid
from collections.abc import Iterator

import flask
import pytest

from app import db
from tests.conftest import FixedClock, Place
from tests.storage_servers import S3Server
from wsgi import create_app


def on_s3(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings for a place of its own on the suite's S3 server."""
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    return {"STORAGE_URL": server.url(f"photos/{uuid.uuid4().hex}")}


@pytest.fixture(params=["disk", "s3"])
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Where photos lie: the settings for it."""
    if request.param == "disk":
        return {}
    return on_s3(request.getfixturevalue("s3_server"), monkeypatch)


@pytest.fixture
def flask_app(place: Place, where: dict[str, str], clock: FixedClock) -> Iterator[flask.Flask]:
    """The whole application over the test's database and storage; no context is pushed."""
    made = create_app({**place.environ, **where})
    made.testing = False
    yield made
    with made.app_context():
        db.db.session.remove()
        db.db.engine.dispose()
