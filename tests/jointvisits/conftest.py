"""After each test every row is as the journal knows it."""

from collections.abc import Iterator

import pytest

from app.db import db
from tests.journalled import written_past_the_services


@pytest.fixture(autouse=True)
def journalled(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look at the database of the test, where it has one and changes nothing on purpose."""
    flask_app = None
    if "flask_app" in request.fixturenames:
        flask_app = request.getfixturevalue("flask_app")
    yield
    if flask_app is not None and request.node.get_closest_marker("past_the_services") is None:
        with flask_app.app_context():
            assert written_past_the_services(db.session()) == []
