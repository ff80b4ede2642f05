"""Fixtures of given lists."""

import pytest

from tests.factories import Make
from tests.lists.desk import Desk


@pytest.fixture
def desk(make: Make) -> Desk:
    """A desk at which lists come in."""
    return Desk(make)
