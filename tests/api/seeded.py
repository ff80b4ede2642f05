"""A seeded world: three agencies with everything in them, built once and copied for every test.

`home` and `neighbour` share a district, `far` lies in another. What a test may touch it finds by
name in a `Side`: the id of an account, of a unit, of a task in each state. A feature that lands
adds its rows to `tests.api.seeds`, one module per subject.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import flask
import pytest
import sqlalchemy as sa

from app import clock as app_clock
from app import db
from app.access import Role
from app.db import Base
from app.journal import service as journal
from app.people import accounts
from app.people.models import Account
from tests import servers
from tests.api.seeds import agency
from tests.api.seeds.builder import LASTING, Side
from tests.conftest import KEYS, NOW, FixedClock
from tests.factories import DISTRICT, OTHER_DISTRICT, Make
from wsgi import create_app

SETTINGS = {
    "ARGON2_MEMORY_KIB": "256",
    "SIGN_IN_PER_MINUTE": "100000",
    "LOG_LEVEL": "CRITICAL",
    **KEYS,
}


@dataclass
class World:
    """The three agencies, as ids and tokens; no database object."""

    home: Side
    neighbour: Side
    far: Side

    @property
    def foreign(self) -> dict[str, Side]:
        return {"foreign agency": self.neighbour, "foreign district": self.far}


@dataclass
class Seeded:
    """A fresh copy of the world under an application of its own."""

    kind: str
    flask_app: flask.Flask
    world: World
    make: Make
    environ: Mapping[str, str]

    def fresh_token(self, side: Side, role: Role) -> str:
        """A new session of a persona: for requests that end the session they come with."""
        account_id = UUID(side[f"account:{role}"])
        with self.flask_app.app_context():
            account = db.db.session.get_one(Account, account_id)
            with db.transaction():
                return accounts.sign_in(account, lasting=LASTING, at=self.make.at)[0]


@dataclass(frozen=True)
class Template:
    """A seeded database and data directory that nobody writes to."""

    kind: str
    place: Path
    database: str
    world: World


@pytest.fixture(scope="session")
def sqlite_world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The world on SQLite."""
    directory = tmp_path_factory.mktemp("sqlite-world")
    servers.copy_sqlite(sqlite_template, directory)
    world = _build({**SETTINGS, "DATA_DIR": str(directory)})
    return Template("sqlite", directory, "", world)


@pytest.fixture(scope="session")
def postgresql_world(
    postgresql_server: str, postgresql_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Template:
    """The world on PostgreSQL."""
    directory = tmp_path_factory.mktemp("postgresql-world")
    name, address = servers.copy_postgresql(postgresql_server, postgresql_template)
    world = _build({**SETTINGS, "DATA_DIR": str(directory), "DATABASE_URL": address})
    return Template("postgresql", directory, name, world)


@pytest.fixture(params=["sqlite", "postgresql"])
def seeded(request: pytest.FixtureRequest) -> Seeded:
    """A copy of the world on each kind of database: a test that takes it runs twice."""
    found: Seeded = request.getfixturevalue(f"{request.param}_seeded")
    return found


@pytest.fixture
def sqlite_seeded(sqlite_world: Template, tmp_path: Path) -> Iterator[Seeded]:
    """A copy of the world on SQLite."""
    yield from opened(sqlite_world, tmp_path / "data", "")


@pytest.fixture
def postgresql_seeded(
    postgresql_world: Template, postgresql_server: str, tmp_path: Path
) -> Iterator[Seeded]:
    """A copy of the world on PostgreSQL."""
    yield from opened(postgresql_world, tmp_path / "data", postgresql_server)


def opened(template: Template, data_dir: Path, server: str) -> Iterator[Seeded]:
    """Copy a world, serve it with its clock standing, and remove it."""
    clock = FixedClock(NOW)
    app_clock.use(clock)
    shutil.copytree(template.place, data_dir)
    environ = {**SETTINGS, "DATA_DIR": str(data_dir)}
    name = ""
    if template.database:
        name, environ["DATABASE_URL"] = servers.copy_postgresql(server, template.database)
    flask_app = create_app(environ)
    yield Seeded(template.kind, flask_app, template.world, Make(flask_app, clock), environ)
    _close(flask_app)
    if name:
        servers.drop_postgresql(server, name)
    app_clock.use(None)


def _close(flask_app: flask.Flask) -> None:
    with flask_app.app_context():
        db.db.session.remove()
        db.db.engine.dispose()


def _build(environ: Mapping[str, str]) -> World:
    clock = FixedClock(NOW)
    app_clock.use(clock)
    flask_app = create_app(environ)
    make = Make(flask_app, clock)
    with make.writing():
        journal.install(at=clock.at)
    sides = [
        agency.fill(make, make.agency(district, name))
        for district, name in (
            (DISTRICT, "长宁区卫生监督所"),
            (DISTRICT, "长宁区疾病预防控制中心"),
            (OTHER_DISTRICT, "普陀区卫生监督所"),
        )
    ]
    with flask_app.app_context():
        for side in sides:
            side.texts |= {str(found) for found in owned(UUID(side["agency"]))}
    _close(flask_app)
    if environ.get("DATABASE_URL", "") == "":
        _settle(Path(environ["DATA_DIR"]) / "suicha.db")
    app_clock.use(None)
    return World(*sides)


def _settle(database: Path) -> None:
    """Bring everything into the one file that is copied."""
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


def owned(agency_id: UUID) -> set[UUID]:
    """Return the ids of all rows of an agency: by `agency_id`, or by what they belong to."""
    found: set[UUID] = {agency_id}
    tables = Base.metadata.sorted_tables
    rows = {
        table: [row._mapping for row in db.db.session.execute(sa.select(table))]
        for table in tables
        if "id" in table.c and isinstance(table.c.id.type, sa.Uuid)
    }
    before = -1
    while before != len(found):
        before = len(found)
        for table, all_rows in rows.items():
            owners = [c.name for c in table.c if c.foreign_keys or c.name == "agency_id"]
            if table.name == "agency":
                continue
            for row in all_rows:
                if found & {row[name] for name in owners}:
                    found.add(row["id"])
    return found
