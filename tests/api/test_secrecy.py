"""Nobody reads secret, deposits, a first entry of the dice, or the seed before their time.

Every route is asked, as every role, as a tablet and as nobody, at every state of a sealed and of an
attended draw; answers are searched whole, headers too. A new route is searched as soon as it is.
"""

import base64
import io
import json
import re
import stat
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from app import logs
from app.access import TIMETABLE, Role
from app.cli import doctor, journal_group, show_config
from app.days import local_date
from app.db import db
from app.draws import bundle, progress, queries, rules, seeding, service
from app.draws.commands import draw_group
from app.draws.models import DrawSelection
from app.draws.stages import AUDIENCES, Level, SelectionKind
from app.people.models import Account, Agency
from app.tasks.models import Task
from app.units.models import Unit
from scheduler.cli import scheduler_group
from tests.api import requests
from tests.api.bodies import TOKENS
from tests.api.requests import Operation
from tests.api.seeded import Seeded
from tests.conftest import FixedClock
from wsgi import create_app

SECRET = sha256(b"the secret that nobody may read").digest()
DEPOSITS = {
    Role.LEGAL_REVIEWER: sha256(b"what the reviewer sealed").digest(),
    Role.SUPERVISOR: sha256(b"what the supervisor sealed").digest(),
}
DICE = "73910284655019283746"
STATES = ("frozen", "announced", "seeded", "drawn")
TASKS, JOURNAL = "GET /api/v1/tasks", "GET /api/v1/journal"
FEED = "GET /api/sync/v1/feed"
NEAR = "GET /api/v1/joint-suggestions"  # where a drawn unit happens to have another open task
RESULT = {
    f"GET /api/v1/draws/<draw_no>/{path}"
    for path in ("selection", "files/result.tsv", "files/eligible.tsv", "files/assignment.tsv")
}
# who works with the drawn tasks knows them from the draw on; nobody outside the agency does
WHO_MAY_KNOW: dict[str, set[str]] = {
    "administrator": {JOURNAL, TASKS},
    "auditor": {JOURNAL, TASKS, *RESULT},
    "clerk": {TASKS},
    "device": {FEED},
    "legal-reviewer": {TASKS},
    "officer": {TASKS},
    "supervisor": {TASKS, *RESULT},
}
MAY_SEE_NEAR = {"auditor", "officer", "supervisor"}
PERSONAS = ("anonymous", "suspended", "expired", "device", *(str(role) for role in Role))


def spellings(value: bytes) -> set[bytes]:
    """Every way in which 32 bytes are usually written."""
    coded = {base64.b64encode(value), base64.urlsafe_b64encode(value)}
    bare = {one.rstrip(b"=") for one in coded}
    return {value, value.hex().encode(), value.hex().upper().encode(), *bare}


@dataclass
class Stage:
    """One state of both draws: what is hidden then, and what every answer showed."""

    name: str
    hidden: dict[str, set[bytes]]
    leaks: set[str] = field(default_factory=set)
    shown: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)


class Watched:
    """A sealed and an attended draw of the home agency, walked around at every state."""

    def __init__(self, seeded: Seeded) -> None:
        self.seeded = seeded
        self.side = seeded.world.home
        self.spec = requests.document(seeded.flask_app)
        self.operations = requests.operations(seeded.flask_app)
        self.client = seeded.flask_app.test_client()
        clock = seeded.make.clock
        assert isinstance(clock, FixedClock)
        self.clock = clock
        with seeded.flask_app.app_context():
            agency = db.session.get_one(Agency, UUID(self.side["agency"]))
            self.units = {
                name.encode(): str(unit_id)
                for unit_id, archive_no in db.session.execute(sa.select(Unit.id, Unit.archive_no))
                for name in (str(unit_id), archive_no)
            }
        self.names = re.compile(b"|".join(re.escape(name) for name in self.units))
        common: dict[str, Any] = {
            "draw_on": local_date(clock.at),
            "list_public": False,
            "exclude_drawn": False,
        }
        at = clock.at
        instants = {
            "deposits_close_at": at + timedelta(minutes=1),
            "opens_at": at + timedelta(minutes=2),
        }
        make = seeded.make
        strata = {"公共场所/住宿场所": 2}
        self.plans = {
            "sealed": make.plan(agency, name="封", strata=strata, **instants, **common),
            "attended": make.plan(agency, name="骰", strata=strata, level=Level.ATTENDED, **common),
        }
        self.numbers: dict[str, str] = {}

    def tick(self, **by: float) -> None:
        self.clock.forward(**by)
        with self.seeded.flask_app.app_context():
            progress.run_due(at=self.clock.at, chance=lambda _purpose: SECRET)
            for name, plan in self.plans.items():
                self.numbers[name] = queries.draws_of_plan(plan.id)[-1].draw_no

    def states(self) -> set[str]:
        with self.seeded.flask_app.app_context():
            found = [queries.find_draw(draw_no) for draw_no in self.numbers.values()]
            return {one.state for one in found if one is not None}

    def actor(self, role: Role) -> Any:
        with self.seeded.flask_app.app_context():
            account = db.session.get_one(Account, UUID(self.side[f"account:{role}"]))
            return self.seeded.make.actor(account)

    def deposit(self) -> None:
        for role, value in DEPOSITS.items():
            by = self.actor(role)
            with self.seeded.make.writing():
                draw = service.get_draw(self.numbers["sealed"], by.agency_id)
                agency = db.session.get_one(Agency, draw.agency_id)
                seeding.deposit(draw, value, agency=agency, by=by, at=self.clock.at)

    def type_dice(self, role: Role) -> None:
        by = self.actor(role)
        with self.seeded.make.writing():
            draw = service.get_draw(self.numbers["attended"], by.agency_id)
            seeding.enter_dice(draw, DICE, by=by, at=self.clock.at)

    def seeds(self) -> dict[str, set[bytes]]:
        """The seed X of each draw and the keys derived from it, which nobody computes but here."""
        found = {}
        with self.seeded.flask_app.app_context():
            for name, draw_no in self.numbers.items():
                draw = queries.find_draw(draw_no)
                assert draw is not None
                file = queries.find_file(draw.id, "manifest.json")
                if file is None:
                    continue
                manifest = bundle.parse_manifest(file.content)
                sealed = {rules.deposit_commitment(one): one.hex() for one in DEPOSITS.values()}
                entropy = [sealed[one] for one in manifest.deposits] or [DICE]
                x = rules.seed(manifest, SECRET, entropy)
                new = rules.hash_named("sha256")
                keys = [rules.key(new, x, purpose) for purpose in ("unit", "quota", "assign")]
                found[f"X of {name}"] = set().union(*map(spellings, [x, *keys]))
        return found

    # --- asking

    def paths(self, operation: Operation) -> Iterator[dict[str, str]]:
        """What the parameters of a route are: the seeded ones, and those of our own draws."""
        yield {}
        names = set(operation.rule.arguments)
        for kind, draw_no in self.numbers.items():
            own = {"draw_no": draw_no, "plan_id": str(self.plans[kind].id)}
            if operation.method != "GET" or not names & own.keys():
                continue
            given = {name: own[name] for name in names & own.keys()}
            if "name" in names:
                for name in (*AUDIENCES, "bundle.zip", "说明.txt"):
                    yield {**given, "name": name}
            else:
                yield given

    def ask(
        self, operation: Operation, persona: str, changed: Mapping[str, str]
    ) -> Iterator[tuple[str, TestResponse]]:
        """Send a good request, and follow the pages of a list, or of a tablet's feed."""
        request = requests.good(
            self.seeded, operation, self.side, persona, self.spec, **dict(changed)
        )
        if self.is_list(operation):
            request = replace(request, path=f"{request.path}?limit=200")
        token = self.side.tokens.get(persona)
        if persona == "device":
            token = self.side.tokens.get(TOKENS.get(operation.endpoint, "device"))
        elif persona in set(Role) and operation.method not in ("GET", "HEAD"):
            token = self.seeded.fresh_token(self.side, Role(persona))
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        path = request.path
        response = request.send(self.client)
        yield path, response
        if persona == "anonymous":
            return
        while operation.name == FEED and response.is_json and response.get_json().get("more"):
            path = f"{request.path}&cursor={response.get_json()['cursor']}"
            response = self.client.get(path, headers=request.headers)
            yield path, response
        while link := response.headers.get("Link", ""):
            address = urlsplit(link.partition(">")[0].removeprefix("<"))
            response = self.client.get(f"{address.path}?{address.query}", headers=request.headers)
            yield path, response

    def is_list(self, operation: Operation) -> bool:
        """Whether the answer comes in pages."""
        parameters = (operation.documented or {}).get("parameters", [])
        return {"limit", "cursor"} <= {found["name"] for found in parameters}

    def walk(self, stage: Stage, *, reading: bool = True) -> Stage:
        """Ask every route as everybody (writing ones: as who may, and nobody); search the answers.

        Writing ends sessions and moves objects, so a world that was written to is not read again.
        """
        for operation in self.operations:
            if (operation.method in ("GET", "HEAD")) is not reading:
                continue
            personas = set(PERSONAS) if reading else {"anonymous", *operation.roles} & set(PERSONAS)
            for persona in sorted(personas):
                for changed in self.paths(operation):
                    for path, response in self.ask(operation, persona, changed):
                        self.search(stage, operation, persona, path, response)
        return stage

    def search(
        self, stage: Stage, operation: Operation, persona: str, path: str, response: TestResponse
    ) -> None:
        data = response.get_data() + repr(response.headers.to_wsgi_list()).encode()
        for what, values in stage.hidden.items():
            if any(value in data for value in values):
                stage.leaks.add(f"{what}: {operation.method} {path} as {persona}")
        address = f"{operation.method} {path.partition('?')[0]}"
        shown = stage.shown.setdefault((persona, address), Counter())
        shown.update(self.units[found] for found in self.names.findall(data))

    def drawn_units(self) -> set[str]:
        with self.seeded.flask_app.app_context():
            rows = db.session.scalars(
                sa.select(DrawSelection.unit_id)
                .join(Task, Task.id == DrawSelection.task_id)
                .where(
                    DrawSelection.kind == SelectionKind.SELECTED,
                    Task.origin_reference.in_(self.numbers.values()),
                )
            )
            return {str(unit_id) for unit_id in rows}


@pytest.fixture
def watched(seeded: Seeded) -> Watched:
    return Watched(seeded)


CHANCE = {
    "secret": spellings(SECRET),
    **{f"deposit of the {role}": spellings(value) for role, value in DEPOSITS.items()},
}


def reach(watched: Watched, state: str) -> Stage:
    """Bring both draws to a state, from the one before."""
    if state == "frozen":
        watched.tick()
        watched.deposit()
        return Stage(state, CHANCE)
    if state == "announced":
        watched.tick(minutes=1)
        watched.type_dice(Role.AUDITOR)
        first = {"first entry of the dice": {DICE.encode()}}
        return Stage(state, {**CHANCE, **first, **watched.seeds()})
    if state == "seeded":
        watched.type_dice(Role.CLERK)
        watched.clock.forward(minutes=1)
        with watched.seeded.make.writing():
            draw = service.get_draw(watched.numbers["sealed"], UUID(watched.side["agency"]))
            seeding.open_deposits(draw, by=TIMETABLE, at=watched.clock.at)
    else:
        watched.tick()
    assert watched.states() == {state}
    return Stage(state, {**CHANCE, **watched.seeds()})


def test_no_answer_shows_secret_deposits_dice_or_seed_before_their_time(watched: Watched) -> None:
    stages = [watched.walk(reach(watched, state)) for state in STATES]
    assert {stage.name: sorted(stage.leaks) for stage in stages} == {state: [] for state in STATES}
    learned = who_learned(watched, stages[-2], stages[-1])
    assert {persona for persona, paths in learned.items() if NEAR in paths} <= MAY_SEE_NEAR
    assert {persona: paths - {NEAR} for persona, paths in learned.items()} == WHO_MAY_KNOW


@pytest.mark.parametrize("state", STATES)
def test_no_answer_to_a_write_shows_them_either(watched: Watched, state: str) -> None:
    for before in STATES[: STATES.index(state)]:
        reach(watched, before)
    stage = watched.walk(reach(watched, state), reading=False)
    assert stage.leaks == set()
    assert len({path for _, path in stage.shown}) > 60, "every writing route was asked"


def who_learned(watched: Watched, before: Stage, after: Stage) -> dict[str, set[str]]:
    """Return by which routes who saw a drawn unit more often than before the draw.

    What a unit's own address answers says nothing: its readings grow by every walk.
    """
    drawn = watched.drawn_units()
    assert drawn
    found: dict[str, set[str]] = {}
    for (persona, path), units in after.shown.items():
        others = {unit for unit in drawn if unit not in path}
        if (units - before.shown.get((persona, path), Counter())).keys() & others:
            for draw_no in watched.numbers.values():
                path = path.replace(draw_no, "<draw_no>")
            found.setdefault(persona, set()).add(path)
    return found


# ---- beside the routes: commands, logs, the bytes on the disk ------------------------------------


def everything_on_disk(seeded: Seeded) -> bytes:
    """Every byte under DATA_DIR, the database's with its write-ahead log among them.

    On PostgreSQL also the files of its own data directory: tables and log as they lie there.
    """
    places = [Path(seeded.environ["DATA_DIR"])]
    with seeded.flask_app.app_context():
        if seeded.kind == "postgresql":
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("CHECKPOINT"))
                places.append(Path(connection.scalar(sa.text("SHOW data_directory")) or ""))
        db.session.remove()
    files = [file for place in places for file in place.rglob("*") if file.is_file()]
    assert any(file.name.endswith("-wal") or file.parent.name == "pg_wal" for file in files)
    return b"".join(file.read_bytes() for file in files if file.parent.name != "keys")


def commands(watched: Watched, place: Path) -> str:
    """What the commands say, and what `export` writes."""
    runner = watched.seeded.flask_app.test_cli_runner()
    said = []
    for command, *arguments in (
        (draw_group, "list"),
        (draw_group, "list", "--json"),
        *((draw_group, "verify", draw_no) for draw_no in watched.numbers.values()),
        *(
            (draw_group, "export", draw_no, "--to", str(place / draw_no))
            for draw_no in watched.numbers.values()
        ),
        (journal_group, "verify"),
        (journal_group, "head"),
        (show_config,),
        (doctor,),
        (scheduler_group, "status"),
        (scheduler_group, "status", "--json"),
    ):
        done = runner.invoke(command, arguments)
        assert done.output
        said.append(done.output)
    for file in place.rglob("*"):
        if file.is_file():
            said.append(file.read_bytes().decode("latin-1"))
    return "\n".join(said)


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """All that is logged meanwhile, from DEBUG up."""
    written, before = io.StringIO(), sys.stderr
    sys.stderr = written
    try:
        logs.configure("DEBUG")
        yield written
    finally:
        sys.stderr = before
        logs.configure("CRITICAL")


def found_in(data: bytes, stage: Stage) -> list[str]:
    return sorted(what for what, values in stage.hidden.items() if any(v in data for v in values))


def test_commands_logs_and_disk_keep_them_too(watched: Watched, tmp_path: Path) -> None:
    seeded = watched.seeded
    with logged() as log:
        for state in STATES:
            stage = reach(watched, state)
            watched.client.get(f"/public/draws/{watched.numbers['sealed']}")
            said = commands(watched, tmp_path / state)
            assert found_in(said.encode("latin-1", "replace"), stage) == [], state
            without_dice = replace(
                stage, hidden={k: v for k, v in stage.hidden.items() if "dice" not in k}
            )  # a throw is no secret of the database: who threw saw it
            assert found_in(everything_on_disk(seeded), without_dice) == [], state
            assert found_in(log.getvalue().encode(), stage) == [], state
        runner_log = log.getvalue()
    lines = [json.loads(line) for line in runner_log.splitlines()]
    assert any(line.get("event") == "request" for line in lines), "the log was taken"
    publish(watched)
    assert len(found_in(everything_on_disk(seeded), stage)) >= 3, "the search finds what is there"


def publish(watched: Watched) -> None:
    watched.clock.forward(days=31)
    with watched.seeded.flask_app.app_context():
        progress.publish_due(at=watched.clock.at)


def test_a_copy_of_the_database_without_the_key_opens_nothing_and_says_so(
    watched: Watched,
) -> None:
    for state in STATES[:2]:
        reach(watched, state)
    watched.type_dice(Role.CLERK)
    watched.clock.forward(minutes=1)
    other = create_app({**watched.seeded.environ, "SUICHA_DRAW_KEY": "ab" * 32})
    with other.app_context():
        done = progress.run_due(at=watched.clock.at)
        held = {
            draw.draw_no: (draw.state, draw.held_code)
            for draw in map(queries.find_draw, watched.numbers.values())
            if draw is not None
        }
        db.session.remove()
        db.engine.dispose()
    assert f"{watched.numbers['sealed']} held: seal-broken" in done
    assert held == dict.fromkeys(watched.numbers.values(), ("seeded", "seal-broken"))
    said = other.test_cli_runner().invoke(doctor)
    assert said.exit_code == 1
    assert "draw key     WRONG seal-broken: it does not open the secret of " in said.output
    with other.app_context():
        db.engine.dispose()
    assert "draw key     ok" in watched.seeded.flask_app.test_cli_runner().invoke(doctor).output
    watched.tick()
    assert watched.states() == {"drawn"}, "with the right key it goes on"


def test_the_draw_key_lies_outside_the_database_for_its_owner_alone(tmp_path: Path) -> None:
    flask_app = create_app({"DATA_DIR": str(tmp_path), "LOG_LEVEL": "CRITICAL"})
    kept = tmp_path / "keys" / "draw_key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert flask_app.extensions["suicha_keys"].sources["draw_key"] == f"file:{kept}"
