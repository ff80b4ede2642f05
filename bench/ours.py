"""Our side of a benchmark: the real web process over a fresh database, with enrolled tablets."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import flask
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app import clock, db
from app.access import Actor, ActorKind, Role
from app.people import accounts
from app.people import service as people
from app.people.models import Agency
from app.people.rules import NewOfficer
from bench import peers
from sync.devices import service as devices
from wsgi import create_app

DISTRICT = "310105"
SPECIALTY = "public-places"
TOKEN_LIFE = timedelta(hours=2)


@dataclass(frozen=True)
class Enrolled:
    """A tablet that the office knows: its key, its officer in session, its access token."""

    device_id: str
    officer_id: str
    session_id: str
    key: Ed25519PrivateKey
    access: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}", "Sync-Protocol": "1"}


@dataclass(frozen=True)
class Office:
    """An agency with its database and tablets; `served` runs the web process over it."""

    directory: Path
    environ: Mapping[str, str]
    flask_app: flask.Flask
    agency: Agency
    tablets: tuple[Enrolled, ...]

    @property
    def by(self) -> Actor:
        return Actor(ActorKind.USER, agency_id=self.agency.id, district=self.agency.district)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A context and a transaction around what a benchmark prepares."""
        with self.flask_app.app_context(), db.transaction():
            yield


def open_office(directory: Path, *, tablets: int, database_url: str = "") -> Office:
    """Return a new agency with as many tablets, each with an officer of its own."""
    directory.mkdir()
    environ = {
        "DATA_DIR": str(directory / "data"),
        "DATABASE_URL": database_url,
        "STORAGE_URL": "",
        "SUICHA_ENV": "development",
        "ARGON2_MEMORY_KIB": "256",
        "LOG_LEVEL": "WARNING",
    }
    for command in (["db", "upgrade"], ["init"]):
        _run(command, environ)
    flask_app = create_app(environ)
    at = clock.now()
    with flask_app.app_context(), db.transaction():
        agency = people.create_agency(DISTRICT, "长宁区", by=Actor(ActorKind.USER), at=at)
        enrolled = tuple(_enrol(agency, number) for number in range(tablets))
    return Office(directory, environ, flask_app, agency, enrolled)


def _run(command: list[str], environ: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(peers.ROOT / "wsgi.py"), *command],
        cwd=peers.ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise peers.SetUpFailed(f"suicha {' '.join(command)}\n{done.stderr[-2000:]}")


def _enrol(agency: Agency, number: int) -> Enrolled:
    at = clock.now()
    by = Actor(ActorKind.USER, agency_id=agency.id, district=agency.district)
    officer = people.register_officer(
        NewOfficer(
            f"沪{number:04}", "监督员", date(2090, 1, 1), "一科", (SPECIALTY,), (SPECIALTY,)
        ),
        agency=agency,
        by=by,
        at=at,
    )
    account = accounts.create_account(
        f"officer{number}",
        "a long enough password",
        "监督员",
        [Role.OFFICER],
        agency=agency,
        officer_id=officer.id,
        by=by,
        at=at,
    )
    key = Ed25519PrivateKey.generate()
    code, _until = devices.issue_code(account, by=by, at=at)
    device, session, tokens = devices.enrol(
        account,
        code,
        devices.NewDevice("Ed25519", key.public_key().public_bytes_raw(), "Pad", "OS", "1"),
        lives=devices.Lives(access=TOKEN_LIFE, refresh=TOKEN_LIFE, session=TOKEN_LIFE),
        at=at,
    )
    return Enrolled(str(device.id), str(officer.id), str(session.id), key, tokens.access)


@contextmanager
def served(office: Office) -> Iterator[int]:
    """Run the web process over an office's database; yield its port."""
    with office.flask_app.app_context():
        db.db.engine.dispose()
    port = peers.free_port()
    environ = {**office.environ, "LOG_LEVEL": "INFO", "PORT": str(port), "HOST": "127.0.0.1"}
    command = [sys.executable, str(peers.ROOT / "wsgi.py"), "serve"]
    log = office.directory / "log"
    with peers.running(command, log, environ=environ, ready=peers.answers(port)):
        yield port


def database_url(wanted: str, postgresql: str) -> str:
    """Return our database's address: a given one, or a new one where `private` is wanted."""
    return peers.create_database(postgresql, "suicha") if wanted == "private" else wanted
