"""Fixtures of the public pages."""

import flask
import pytest

from tests.conftest import FixedClock
from tests.draws.office import Office
from tests.factories import Make


@pytest.fixture
def office(flask_app: flask.Flask, make: Make, clock: FixedClock) -> Office:
    """An office whose timetable the test drives."""
    return Office(flask_app, make, clock)
