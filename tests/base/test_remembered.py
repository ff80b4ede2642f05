"""What the suite works out once is what each test would have worked out by itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
import sqlalchemy as sa

from app.db import db
from app.journal import service as journal
from sync.feed import service as feed
from tests import remembered, servers
from tests.conftest import FixedClock, Place
from tests.factories import Make
from wsgi import create_app

OWN = {"id", "entity_id"}  # made anew by every load


@pytest.fixture
def second_app(
    place: Place, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[flask.Flask]:
    """An application over a database of its own, like the test's."""
    environ = {**place.environ, "DATA_DIR": str(tmp_path / "second")}
    server = request.getfixturevalue("postgresql_server")
    name = ""
    if place.kind == "postgresql":
        template = request.getfixturevalue("postgresql_template")
        name, environ["DATABASE_URL"] = servers.copy_postgresql(server, template)
    else:
        servers.copy_sqlite(request.getfixturevalue("sqlite_template"), tmp_path / "second")
    made = create_app(environ)
    yield made
    with made.app_context():
        db.session.remove()
        db.engine.dispose()
    if name:
        servers.drop_postgresql(server, name)


def everything(of: flask.Flask) -> dict[str, list[str]]:
    """What stands in every table, but for the ids."""
    with of.app_context():
        return {
            name: sorted(
                repr([value for column, value in row.items() if column not in OWN])
                for row in db.session.execute(sa.select(table)).mappings()
            )
            for name, table in db.metadata.tables.items()
        }


def test_a_copied_catalogue_is_what_a_load_writes(
    flask_app: flask.Flask,
    second_app: flask.Flask,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remembered, "_loads", {})
    before = everything(flask_app)
    Make(flask_app, clock).catalogue()
    loaded = everything(flask_app)
    assert {name for name in loaded if loaded[name] != before[name]} == set(remembered.LOADED)
    assert remembered._loads
    Make(second_app, clock).catalogue()
    assert everything(second_app) == loaded
    Make(second_app, clock).catalogue()  # loads once more, which changes nothing
    assert everything(second_app) == loaded
    with second_app.app_context():
        assert journal.verify()[1] == []
        assert feed.differences() == []


def some(converter: Any) -> str:
    """A value that stands in an address; where only some do, one of them."""
    return str(min(getattr(converter, "items", ["7"])))


def test_a_remembered_route_is_built_as_a_compiled_one(flask_app: flask.Flask) -> None:
    for rule in flask_app.url_map.iter_rules():
        values = {name: some(rule._converters[name]) for name in rule.arguments}
        values["further"] = "度"
        for unknown, built in ((False, rule._build), (True, rule._build_unknown)):
            compiled = remembered._compile_builder(rule, unknown).__get__(rule, None)
            assert built(**values) == compiled(**values), rule.rule
