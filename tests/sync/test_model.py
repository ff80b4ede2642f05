"""The suite's walk: fixed, small, over both databases; and the counts that show that it walks."""

from collections.abc import Iterator

import pytest

from tests.conftest import Place
from tests.sync.model.soak import ENVIRON, walk, world_in
from tests.sync.model.world import World

EXAMPLES = 8


@pytest.fixture
def world(place: Place, request: pytest.FixtureRequest) -> Iterator[World]:
    """A staged world."""
    server = ""
    if place.kind == "postgresql":
        server = request.getfixturevalue("postgresql_server")
    with world_in(Place(place.kind, {**place.environ, **ENVIRON}), server) as made:
        yield made


def test_whatever_happens_every_tablet_shows_in_the_end_what_the_model_says(world: World):
    counts = walk(world, number=None, examples=EXAMPLES, real_kills=False)

    assert counts["machines compared"] >= EXAMPLES
    assert counts["steps"] >= 300
    assert counts["operations"] >= 100
    assert any(name.startswith("died") for name in counts), "no server died: the walk is too tame"
