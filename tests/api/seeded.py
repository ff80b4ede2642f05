"""A seeded world: three agencies with everything in them, built once and copied for every test.

`home` and `neighbour` share a district, `far` lies in another. What a test may touch it finds by
name in a `Side`: the id of an account, of a unit, of a task in each state. A feature that lands
adds its rows to `_Builder`, one method per feature.
"""

import io
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import flask
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from app import canonical, db
from app import clock as app_clock
from app.access import TIMETABLE, Actor, ActorKind, Role
from app.caps import service as caps
from app.caps.models import CapException
from app.cases import opening, transfers
from app.cases import service as cases
from app.cases.models import PenaltyCase
from app.cases.opening import NewCase, Party
from app.cases.rules import CaseSource, Direction, PartyKind, Sanction, TransferKind
from app.cases.service import Decision
from app.cases.transfers import NewTransfer
from app.catalogue import service as catalogue
from app.codes import service as codes
from app.codes.models import VisitCode
from app.codes.service import NewCode
from app.complaints import service as complaints
from app.complaints.models import Complaint
from app.complaints.rules import Channel, ComplaintKind, ComplaintResult
from app.complaints.service import Identity, NewComplaint
from app.consequences import service as consequences
from app.consequences.rules import Decision as FindingWay
from app.consequences.service import NewDecision
from app.days import day_begins, local_date
from app.db import Base
from app.documents import desk, serving
from app.documents import service as documents
from app.documents.rules import DocumentKind, PaperRole, ServiceMode
from app.documents.serving import Serving
from app.draws import holding, progress, proposing, seeding
from app.draws import queries as draw_queries
from app.draws import service as draws
from app.draws.models import DrawPlan
from app.draws.stages import Level
from app.evidence import service as evidence
from app.evidence.rules import object_key
from app.journal import service as journal
from app.lists import imports as list_imports
from app.lists import queries as list_queries
from app.lists import service as lists
from app.lists.models import GivenList
from app.lists.rules import NewList
from app.measures import campaigns
from app.measures import goods as seizures
from app.measures import service as measures
from app.measures.campaigns import NewCampaign
from app.measures.goods import NewSeizure
from app.measures.rules import Goods, GoodsKind, SeizureKind
from app.measures.service import About, NewBan, NewReferral
from app.parties import service as parties
from app.parties.rules import ActorType, NewParty
from app.patrols import service as patrols
from app.people import accounts
from app.people import service as people
from app.people.models import Account, Agency, Officer
from app.people.rules import AbsenceReason
from app.reports import manual_counts
from app.reports.annual_form import NAMES
from app.reports.manual_counts import NewManualCount
from app.reports.models import FileReview
from app.reports.permit_rules import COLUMNS as PERMIT_COLUMNS
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import DrawKind
from app.units import imports, lifecycle
from app.units import service as units
from app.units.lifecycle import NewStep
from app.units.lifecycle_rules import LifeVerb
from app.units.models import Unit, UnitStep
from app.units.rules import Register, UnitStatus
from app.visits import contacts, doubts, integrity, integrity_queries, orders, samples
from app.visits import service as visits
from app.visits.models import Finding, Visit
from app.visits.orders import NewOrder
from app.visits.samples import NewSample
from app.visits.terms import ContactKind, OrderItem
from sync.devices import service as devices
from sync.devices.rules import DeviceState
from sync.inbox.models import ReviewItem
from sync.rescue import importing as rescuing
from sync.review import mismatches
from sync.uploads import rules as upload_rules
from sync.uploads import service as uploads
from tests import servers
from tests.agendas.seeds import fill as fill_agendas
from tests.cases.seeds import fill as fill_money
from tests.conftest import KEYS, NOW, FixedClock
from tests.credit.seeds import fill as fill_credit
from tests.documents.desk import OPINION
from tests.factories import DISTRICT, OTHER_DISTRICT, Make
from tests.jointvisits.seeds import fill as fill_joint_visits
from tests.publication.seeds import fill as fill_publication
from tests.sync.tablet import Send, Tablet, through
from wsgi import create_app

SETTINGS = {
    "ARGON2_MEMORY_KIB": "256",
    "SIGN_IN_PER_MINUTE": "100000",
    "LOG_LEVEL": "CRITICAL",
    **KEYS,
}
LASTING = timedelta(days=3)
_BEGUN = ("assigned", "accepted", "in-progress", "submitted")
WAYS: dict[str, tuple[str, ...]] = {
    "pending": (),
    **{state: _BEGUN[: place + 1] for place, state in enumerate(_BEGUN)},
    "returned": (*_BEGUN, "returned"),
    "completed": (*_BEGUN, "completed"),
    "closing-proposed": ("assigned", "closing-proposed"),
    "closed": ("assigned", "closing-proposed", "closed"),
}
TASK_FOR = {
    "assign": "pending",
    "reassign": "accepted",
    "accept": "assigned",
    "return": "submitted",
    "answer-return": "returned",
    "complete": "submitted",
    "record-results": "submitted",
    "propose-closing": "in-progress",
    "approve-closing": "closing-proposed",
    "refuse-closing": "closing-proposed",
    "reopen": "completed",
    "reopen-closed": "closed",
}
LIVES = devices.Lives(
    access=timedelta(hours=1), refresh=timedelta(days=90), session=timedelta(days=90)
)


@dataclass
class Side:
    """What one agency has, by name; `texts` are what only its own people may read."""

    district: str
    ids: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> str:
        return self.ids[name]

    def key(self, name: str) -> Ed25519PrivateKey:
        """The key of a tablet: its own in every agency."""
        seed = sha256(f"{self['agency']} {name}".encode()).digest()
        return Ed25519PrivateKey.from_private_bytes(seed)

    def tablet(self, name: str, send: Send, now: Callable[[], datetime]) -> Tablet:
        """The tablet of a name, as it was when the world was made."""
        return Tablet(send, now, key=self.key(name), **self.values[f"tablet:{name}"])


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
        _Builder(make, make.agency(district, name)).side
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


def metadata_of(content: bytes, role: str = "photo") -> str:
    """The `Upload-Metadata` of a document."""
    given = {
        "sha256": sha256(content).hexdigest(),
        "size": str(len(content)),
        "mime": "text/plain",
        "role": role,
    }
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in given.items())


class _Builder:
    """Fills one agency, by services."""

    def __init__(self, make: Make, agency: Agency) -> None:
        self.make, self.agency = make, agency
        self.side = Side(agency.district, ids={"agency": str(agency.id)})
        self.officers: list[Officer] = []
        self.accounts: dict[Role, Account] = {}
        self.people()
        self.evidence()
        self.units()
        self.tasks()
        self.visits()
        self.catalogue()
        self.devices()
        self.review()
        self.rescue()
        self.uploads()
        self.lists()
        self.complaints()
        self.measures()
        self.patrols()
        fill_credit(self.make, self.agency, self.side.ids, self.actor(Role.CLERK))
        fill_publication(self.make, self.agency, self.side.ids, self.actor(Role.CLERK))
        fill_agendas(self.make, self.agency, self.side.ids, self.actor(Role.OFFICER))
        fill_joint_visits(self.make, self.agency, self.side.ids, self.actor(Role.SUPERVISOR))
        receipts = "决定书文号,上报日期,结果\n没有的文号,2026-11-02,入库\n"
        self.side.values["table:receipts"] = receipts
        self.side.values["table:paper"] = "%PDF-1.7\n"
        self.draws()
        self.reports()

    def keep(self, name: str, row: Any) -> None:
        """Remember a row's id by name."""
        self.side.ids[name] = str(row.id)

    def actor(self, role: Role) -> Actor:
        """A persona, as services know them."""
        return self.make.actor(self.accounts[role])

    # --- reports

    def reports(self) -> None:
        """A number kept by hand, and tables of permits and of the yearly form."""
        number = NewManualCount(
            counter="docs-open",
            number="114",
            from_on=date(2026, 1, 1),
            until_on=date(2026, 10, 31),
            source=f"办公室台账{self.agency.id.hex[-6:]}",
            sourced_on=date(2026, 11, 2),
        )
        with self.make.writing():
            agency = people.get_agency(self.agency.id)
            by = self.actor(Role.CLERK)
            count = manual_counts.record_count(number, agency=agency, by=by, at=self.make.at)
            self.keep("manual-count", count)
        self.side.texts.add(number.source)
        self.side.values["table:self-checks"] = "档案编号,自查日期,自查平台,自查结果\n"
        self.keep("file-review", self._file_review())
        for name in ("unit-step", "unit-step:confirm", "unit-step:refuse"):
            self.keep(name, self._proposed_cancellation())
        self.side.values["table:permits"] = f"{','.join(PERMIT_COLUMNS)}\n"
        self.side.values["table:annual"] = f"{','.join(NAMES.values())}\n"

    def _file_review(self) -> FileReview:
        """A review of a file, as rows: no case of this world is closed for good."""
        at = self.make.at
        with self.make.writing():
            review = FileReview(
                id=db.new_id(),
                agency_id=self.agency.id,
                district=self.agency.district,
                name="案卷评查",
                from_on=date(2026, 1, 1),
                until_on=date(2026, 12, 31),
                seed="0123456789",
                criteria_on=local_date(at),
                population=1,
                population_sha256=sha256(b"").hexdigest(),
                drawn_at=at,
                drawn_by_kind=ActorKind.USER,
            )
            db.db.session.add(review)
            return review

    def _proposed_cancellation(self) -> UnitStep:
        """A forced cancellation that waits for a second person."""
        unit, at = self._unit(), self.make.at
        with self.make.writing():
            row = db.db.session.get_one(Unit, unit.id)
            for status in (UnitStatus.LICENCE_OVERDUE, UnitStatus.NOTIFIED, UnitStatus.ANNOUNCED):
                units.flag_unit(row, status, by=self.second, at=at)
            step = NewStep(LifeVerb.FORCE_CANCEL, local_date(at), "逾期不校验", "注销〔2026〕1号")
            return lifecycle.take_step(row, step, by=self.second, at=at)

    # --- people

    def people(self) -> None:
        """An account of every role, one suspended and one expired session, spare ones to change."""
        self.officers = [self.make.officer(self.agency) for _ in range(6)]
        with_officer = {Role.OFFICER: 0, Role.SUPERVISOR: 1}
        for role in Role:
            officer = self.officers[with_officer[role]] if role in with_officer else None
            account = self._account(role, str(role), officer=officer)
            self.accounts[role] = account
            self.side.tokens[role] = self.make.token(account)
            self.keep(f"token:{role}", self._api_token(account, role))
        second = self._account(Role.SUPERVISOR, "second", officer=self.officers[2])
        self.second = self.make.actor(second)
        self.side.tokens["second"] = self.make.token(second)
        self._account(Role.CLERK, "spare")
        self.keep("officer", self.officers[3])
        self.keep("officer:own", self.officers[0])
        self.keep("officer:member", self.officers[4])
        self.keep("officer:second", self.officers[2])
        self.side.texts |= {officer.certificate_no for officer in self.officers}
        self._ended_sessions()
        with self.make.writing():
            officer = people.get_officer(self.officers[3].id, self.agency.id)
            by = self.actor(Role.SUPERVISOR)
            people.declare_recusal(
                officer,
                db.new_id(),
                "kinship",
                effective_from=date(2026, 1, 1),
                by=by,
                at=self.make.at,
            )
            people.declare_absence(
                officer,
                AbsenceReason.LEAVE,
                from_on=date(2027, 1, 4),
                until_on=date(2027, 1, 8),
                by=by,
                at=self.make.at,
            )

    def _account(self, role: Role, name: str, officer: Officer | None = None) -> Account:
        login = f"{name}.{self.agency.id.hex[-6:]}"
        account = self.make.account(role, agency=self.agency, login=login, officer=officer)
        self.side.logins[name] = login
        self.side.texts.add(login)
        self.keep(f"account:{name}", account)
        return account

    def _api_token(self, account: Account, role: Role) -> Any:
        with self.make.writing():
            return accounts.issue_token(
                "接口",
                [role],
                expires_at=self.make.at + timedelta(days=30),
                by=self.make.actor(account),
                at=self.make.at,
            )[1]

    def _ended_sessions(self) -> None:
        gone = self._account(Role.SUPERVISOR, "suspended", officer=self.officers[5])
        self.side.tokens["suspended"] = self.make.token(gone)
        with self.make.writing():
            account = accounts.get_account(gone.id, self.agency.id)
            accounts.suspend_account(account, by=self.actor(Role.ADMINISTRATOR), at=self.make.at)
        with self.make.writing():
            self.side.tokens["expired"] = accounts.sign_in(
                self.accounts[Role.SUPERVISOR],
                lasting=timedelta(hours=12),
                at=self.make.at - timedelta(hours=13),
            )[0]

    # --- evidence

    def evidence(self) -> None:
        """One stored picture with its thumbnail."""
        out = io.BytesIO()
        colour = tuple(self.agency.id.bytes[-3:])
        Image.new("RGB", (40, 30), colour).save(out, "JPEG")
        digest = sha256(out.getvalue()).hexdigest()
        storage = self.make.flask_app.extensions["suicha_storage"]
        storage.put_new(object_key(self.agency.id, digest), out.getvalue())
        with self.make.writing():
            stored = evidence.record_stored(
                digest,
                evidence.inspect_stored(storage, self.agency.id, digest, mime="image/jpeg"),
                size_bytes=len(out.getvalue()),
                mime="image/jpeg",
                role="closing",
                agency_id=self.agency.id,
                district=self.agency.district,
                by=self.actor(Role.OFFICER),
                at=self.make.at,
            )
        self.keep("evidence", stored)
        self.side.ids["sha256"] = digest
        self.side.texts.add(digest)

    # --- units

    def units(self) -> None:
        """Units to inspect: one to change, one for each task."""
        self.keep("unit", self._unit())
        self.keep("label", self.make.label(self._unit()))
        for name in ("cap-exception:approve", "cap-exception:refuse"):
            self.keep(name, self._cap_exception())
        for name in ("visit-code", "visit-code:revoke"):
            self.keep(name, self._visit_code())
        tables = {
            "units": "档案编号,单位名称,地址\nIMPORT-1,进门宾馆,长宁路8号\n",
            "officers": "执法证号,姓名,执法证有效期至\n沪IMPORT-1,进,2028-12-31\n",
        }
        for register, table in tables.items():
            table = table.replace("IMPORT", self.agency.id.hex[-6:])
            self.side.values[f"table:{register}"] = table
            self._import(Register(register), table.encode())
        self.side.values["table:labels"] = "档案编号,名单,开始日期,依据\n"

    def _import(self, register: Register, table: bytes) -> None:
        with self.make.flask_app.app_context():
            agency = people.get_agency(self.agency.id)
            at, by = self.make.at, self.actor(Role.SUPERVISOR)
            preview = imports.read_preview(register, table, "名册.csv", agency=agency, at=at)
        with self.make.writing():
            agency = people.get_agency(self.agency.id)
            found = imports.record_preview(preview, agency=agency, by=by, at=at)
        self.keep(f"import:{register}", found)
        self.side.texts |= {planned.key for planned in preview.planned}

    def _unit(self) -> Unit:
        unit = self.make.unit(self.agency)
        self.side.texts.add(unit.archive_no)
        self.side.ids["archive_no"] = unit.archive_no
        return unit

    def _cap_exception(self) -> CapException:
        """An exception that another supervisor asked for."""
        unit, day = self._unit(), local_date(self.make.at)
        by = self.make.supervisor(self.agency)
        with self.make.writing():
            return caps.propose_exception(
                unit.id,
                "entries-per-year",
                from_on=day,
                until_on=day,
                reason="群众反映集中",
                agency_id=unit.agency_id,
                by=by,
                at=self.make.at,
            )

    def _visit_code(self) -> VisitCode:
        """A code for a visit that nobody planned, with an objection; its text and short form.

        Somebody of a partner department comes along.
        """
        unit, at = self._unit(), self.make.at
        along = self.make.partner(self.agency)
        self.keep("partner", along)
        team = [self.make.officer(self.agency).id for _ in range(2)]
        until = at + timedelta(days=1)
        new = NewCode(unit.id, team, at, until, partner_ids=[along.id], reason="现场发现线索")
        by = self.make.supervisor(self.agency)
        with self.make.writing():
            code = codes.request_code(new, agency_id=unit.agency_id, by=by, at=at)
            self.keep("objection", codes.object_to(code, "未出示执法证", None, at=at))
        key = self.make.flask_app.extensions["suicha_keys"].receipt_key
        self.side.ids["code-text"] = codes.text_of(code, key)
        return code

    # --- tasks

    def tasks(self) -> None:
        """A task for every verb, in the state in which it can be done; one to look at."""
        self.keep("task", self._task("pending"))
        for verb, state in TASK_FOR.items():
            outcome = "awaiting-results" if verb == "record-results" else "no-problem"
            self.keep(f"task:{verb}", self._task(state, outcome=outcome))

    def _task(self, state: str, outcome: str = "no-problem") -> Task:
        """A task of the officer and a colleague; the supervisor is not on the team."""
        task = self.make.task(self._unit(), agency=self.agency)
        own, member = self.officers[0].id, self.officers[4].id
        officer, supervisor = self.actor(Role.OFFICER), self.actor(Role.SUPERVISOR)
        digest = self.side.ids["sha256"]
        steps: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
            "assigned": (tasks.assign_task, ([own, member], own), {"by": supervisor}),
            "accepted": (tasks.accept_task, (), {"officer_id": own, "by": officer}),
            "in-progress": (tasks.start_task, (), {"officer_id": own, "by": officer}),
            "submitted": (tasks.submit_task, (outcome,), {"by": officer}),
            "returned": (tasks.return_task, ("照片不清楚",), {"by": supervisor}),
            "completed": (tasks.complete_task, (), {"by": supervisor}),
            "closing-proposed": (
                tasks.propose_closing,
                ("ceased", "已停业", [digest]),
                {"by": officer},
            ),
            "closed": (tasks.approve_closing, (), {"by": supervisor}),
        }
        for step in WAYS[state]:
            verb, args, values = steps[step]
            with self.make.writing():
                task = verb(task.id, *args, **values, at=self.make.at)
        return task

    # --- lists

    def lists(self) -> None:
        """A cross-department list with a task, an unknown row, and a correction to confirm."""
        own = self._unit().archive_no
        head = "任务编号,档案编号,单位名称,专业"
        first = f"{head}\nN1,{own},,公共场所\nN2,,没有登记的单位,公共场所\n"
        found = self._list("list", first)
        with self.make.writing():
            agency = people.get_agency(self.agency.id)
            by, at = self.actor(Role.SUPERVISOR), self.make.at
            lists.apply_list(lists.get_list(found.id, agency.id), agency=agency, by=by, at=at)
        corrected = f"{first}N3,,也没有登记的单位,公共场所\n"
        self._list_file(found, "list-file:previewed", corrected)
        with self.make.flask_app.app_context():
            rows = list_queries.all_rows(found.id)
            self.keep("list-row", rows[-1])
        self._list("list:withdraw", first)
        self.side.values["table:list"] = f"{corrected}N4,,还没有登记的单位,公共场所\n"
        results = "任务编号,部门,检查结果\nN1,区教育局,未发现问题\n"
        self.side.values["table:partner-results"] = results

    def _list(self, name: str, table: str) -> GivenList:
        data = NewList(
            name="跨部门联合抽查",
            level=DrawKind.CROSS_DEPARTMENT,
            issued_by="区市场监督管理局",
            reference=f"{self.agency.id.hex[-6:]} {name}",
            year=2026,
            period="2026",
            received_on=date(2026, 11, 2),
            lead_department="区卫生健康委员会",
            partner_departments=("区市场监督管理局",),
            field="医疗美容",
        )
        with self.make.writing():
            agency = people.get_agency(self.agency.id)
            by = self.actor(Role.SUPERVISOR)
            found = lists.save_list(data, agency=agency, by=by, at=self.make.at)
        self.keep(name, found)
        self.side.texts.add(found.reference)
        self._list_file(found, "list-file:current", table)
        return found

    def _list_file(self, found: GivenList, name: str, table: str) -> None:
        by, at = self.actor(Role.SUPERVISOR), self.make.at
        with self.make.flask_app.app_context():
            upload = list_imports.read_upload(
                table.encode(), "名单.csv", agency_id=self.agency.id, at=at
            )
        with self.make.writing():
            own = lists.get_list(found.id, self.agency.id)
            received = list_imports.receive_file(own, upload, by=by, at=at)
        if found.id == UUID(self.side["list"]):
            self.keep(name, received.file)

    # --- visits

    def visits(self) -> None:
        """A visit under way."""
        task = self._task("accepted")
        start = visits.Start(task.id, task.unit_id, "lodging", 1)
        with self.make.writing():
            started = visits.start_visit(
                task.visit_id,
                start,
                officer_id=self.officers[0].id,
                device_id=None,
                recorded_at=self.make.at - timedelta(minutes=5),
                by=self.actor(Role.OFFICER),
                at=self.make.at,
            )
        self.keep("visit", started.visit)
        self._photo(started.visit.id)
        self._consequences(started.visit)
        self._mocked_visit()
        self._document(started.visit)

    def _photo(self, visit_id: UUID) -> None:
        """The stored picture is evidence of a visit: the team's tablets carry it."""
        with self.make.writing():
            evidence.expect(
                self.side.ids["sha256"],
                size_bytes=0,
                mime="image/jpeg",
                role="closing",
                subject_type="visit",
                subject_id=visit_id,
                agency_id=self.agency.id,
                district=self.agency.district,
                by=self.actor(Role.OFFICER),
                at=self.make.at,
            )

    def _mocked_visit(self) -> None:
        """A visit whose tablet said that its place was made up: something to look at."""
        task = self._task("accepted")
        fix = {
            "lat_e7": 312_204_560,
            "lon_e7": 1_214_246_780,
            "accuracy_cm": 1000,
            "datum": "WGS-84",
            "fixed_at": canonical.instant(self.make.at),
            "mock": True,
            "provider": "gps",
        }
        start = visits.Start(task.id, task.unit_id, "lodging", 1, fix=fix)
        with self.make.writing():
            visit = visits.start_visit(
                task.visit_id,
                start,
                officer_id=self.officers[0].id,
                device_id=None,
                recorded_at=self.make.at,
                by=self.actor(Role.OFFICER),
                at=self.make.at,
            ).visit
        with self.make.writing():
            limits = doubts.limits_on(local_date(self.make.at))
            found = integrity.judge_visit(visit, limits).found
            integrity.keep(found, by=TIMETABLE, at=self.make.at)
        with self.make.flask_app.app_context():
            self.keep("integrity-finding", integrity_queries.findings_of_visit(visit.id)[0])

    def _consequences(self, visit: Visit) -> None:
        """What the visit leads to: an order, a sample that is out, two penalties."""
        author = self.officers[0]
        who: dict[str, Any] = {
            "officer_id": author.id,
            "recorded_at": self.make.at,
            "at": self.make.at,
        }
        by = self.actor(Role.OFFICER)
        items = [OrderItem("地面不洁")]
        new = NewOrder(items=items, number="2026—001", correct_within_days=15)
        taken = NewSample("泳池水", "500ml", "GB/T 18204.6", taken_at=self.make.at)
        with self.make.writing():
            order = orders.issue_order(db.new_id(), visit.id, new, by=by, **who).order
            sample = samples.record_sample(db.new_id(), visit.id, taken, by=by, **who).sample
        self.keep("order", order)
        self.keep("sample", sample)
        for name in ("case", "case:filed"):
            self.keep(name, self._case(visit, author, by))
        with self.make.writing():
            case_id = UUID(self.side["case:filed"])
            cases.file_case(case_id, by=self.actor(Role.SUPERVISOR), at=self.make.at)
        fined = self._case(visit, author, by, fine_fen=9000)
        self.keep("case:fined", fined)
        fill_money(self.make, self.side.ids, fined, self.actor(Role.OFFICER))
        self._ordinary_case()

    def _ordinary_case(self) -> None:
        """A case that a complaint led to, and a matter that another organ was asked about."""
        on, by = local_date(self.make.at), self.actor(Role.SUPERVISOR)
        new = NewCase(
            CaseSource.COMPLAINT,
            "pp-without-testing",
            Party(PartyKind.ORGANISATION, name="某宾馆"),
            "未按照规定检测",
            on,
            on,
        )
        with self.make.writing():
            case = opening.open_case(new, agency=self.agency, by=by, at=self.make.at)
        self.keep("case:ordinary", case)
        asked = NewTransfer(Direction.OUT, TransferKind.ASSISTANCE, "市场监管局", "协查", on)
        with self.make.writing():
            row = transfers.record_transfer(asked, agency=self.agency, by=by, at=self.make.at)
        self.keep("transfer", row)

    def _case(self, visit: Visit, author: Officer, by: Actor, *, fine_fen: int = 0) -> PenaltyCase:
        decision = Decision(
            finding_id=self.make.finding(visit, author).id,
            cause_code="pp-without-testing",
            party_kind=PartyKind.ORGANISATION,
            sanction=Sanction(warning=True, fine_fen=fine_fen),
            officer_ids=(author.id, self.officers[4].id),
            number="2026—001",
        )
        with self.make.writing():
            return cases.decide_on_site(
                db.new_id(),
                visit.id,
                decision,
                officer_id=author.id,
                recorded_at=self.make.at,
                by=by,
                at=self.make.at,
            ).case

    def _document(self, visit: Visit) -> None:
        """An opinion that was issued at a visit, under a number of a block."""
        officer_id, tablet, by = self.officers[0].id, db.new_id(), self.actor(Role.OFFICER)
        with self.make.writing():
            block = documents.allot_block(
                self.agency,
                tablet,
                officer_id,
                DocumentKind.OPINION,
                size=3,
                by=by,
                at=self.make.at,
            )
            issued = documents.issue_document(
                db.new_id(),
                DocumentKind.OPINION,
                series=block.series,
                serial=block.first + 1,
                fields=OPINION,
                unit_id=visit.unit_id,
                visit_id=visit.id,
                task_id=visit.task_id,
                officer_id=officer_id,
                device_id=tablet,
                recorded_at=self.make.at,
                by=by,
                at=self.make.at,
            )
        self.keep("number-block", block)
        self.keep("document", issued)
        self._signed_papers(visit)

    def _signed_papers(self, visit: Visit) -> None:
        """A document of a desk that is signed, and two that were posted: one arrived."""
        by = self.actor(Role.OFFICER)
        for name in ("signed", "posted", "arrived"):
            with self.make.writing():
                paper = desk.draw_up(
                    DocumentKind.OPINION,
                    OPINION,
                    unit_id=visit.unit_id,
                    officer_ids=[self.officers[0].id],
                    by=by,
                    at=self.make.at,
                )
                desk.sign(paper.id, PaperRole.PARTY, signer_name="张三", by=by, at=self.make.at)
            self.keep(f"document:{name}", paper)
            if name == "signed":
                continue
            posted = Serving(
                mode=ServiceMode.POST,
                handed_on=local_date(self.make.at),
                recipient="张三",
                place="海州路 1 号",
                tracking_no="EMS1",
            )
            with self.make.writing():
                served = serving.record_service(paper.id, posted, by=by, at=self.make.at)
                if name == "arrived":
                    serving.record_delivery(
                        served.id, local_date(self.make.at), "张三", by=by, at=self.make.at
                    )
            self.keep(f"service:{name}", served)

    # --- catalogue

    def catalogue(self) -> None:
        """What a catalogue row holds now, to supersede it by the same."""
        with self.make.flask_app.app_context():
            row = catalogue.get_row("object_class", "lodging", local_date(self.make.at))
            self.side.values["lodging"] = row.body

    # --- devices

    def devices(self) -> None:
        """Tablets: one that works, one to suspend, one to wipe, and a code for a new one."""
        for name in ("working", "spare", "lost", "obsolete", "suspended", "wiping"):
            self._tablet(name)
        for name, state in (
            ("suspended", DeviceState.SUSPENDED),
            ("wiping", DeviceState.WIPE_REQUESTED),
        ):
            device_id = UUID(self.side[f"device:{name}"])
            with self.make.writing():
                by = self.actor(Role.SUPERVISOR)
                devices.change_state(device_id, state, "遗失", by=by, at=self.make.at)
        self.side.ids["device"] = self.side["device:spare"]
        self.side.values["code"] = self._code()
        send = through(self.make.flask_app.test_client())
        working = self.side.tablet("working", send, self.make.clock)
        answer = working.request("GET", "/feed")
        assert answer.status == 200, answer.body
        self.side.values["cursor"] = answer.json["cursor"]
        task = self._task("accepted")
        line = working.op(
            "visit.start",
            task.visit_id,
            {
                "task_id": str(task.id),
                "unit_id": str(task.unit_id),
                "checklist_code": "lodging",
                "form_version": 1,
            },
        )
        self.side.values["line"] = line.decode()

    def _code(self) -> str:
        account_id = self.accounts[Role.OFFICER].id
        with self.make.writing():
            account = accounts.get_account(account_id, self.agency.id)
            by = self.actor(Role.SUPERVISOR)
            return devices.issue_code(account, by=by, at=self.make.at)[0]

    def _tablet(self, name: str) -> None:
        code = self._code()
        key = self.side.key(name).public_key().public_bytes_raw()
        new = devices.NewDevice("Ed25519", key, "Pad 6", "Android 15", "1")
        with self.make.writing():
            account = accounts.get_account(self.accounts[Role.OFFICER].id, self.agency.id)
            device, session, tokens = devices.enrol(
                account, code, new, lives=LIVES, at=self.make.at
            )
            self.side.values[f"tablet:{name}"] = {
                "device_id": device.id,
                "officer_id": session.officer_id,
                "session_id": session.id,
                "access": tokens.access,
                "refresh": tokens.refresh,
            }
        self.keep(f"device:{name}", device)
        self.side.tokens["device" if name == "working" else f"device:{name}"] = tokens.access

    # --- review

    def review(self) -> None:
        """An operation that a supervisor has to look at: its task does not exist."""
        send = through(self.make.flask_app.test_client())
        tablet = self.side.tablet("spare", send, self.make.clock)
        visit_id, task_id = db.new_id(), db.new_id()
        fields = {
            "task_id": str(task_id),
            "unit_id": self.side["unit"],
            "checklist_code": "lodging",
            "form_version": 1,
        }
        answer = tablet.push([tablet.op("visit.start", visit_id, fields)])
        assert answer.json["results"][0]["outcome"] == "quarantined", answer.body
        with self.make.flask_app.app_context():
            query = sa.select(ReviewItem).where(ReviewItem.agency_id == self.agency.id)
            self.keep("item", db.db.session.scalars(query).one())

    def rescue(self) -> None:
        """A rescue file that nobody can read, kept all the same."""
        by = self.make.by(self.agency)
        with self.make.flask_app.app_context():
            kept = rescuing.store_file(db.new_id(), [b"torn"], by=by, at=self.make.at)
            self.keep("rescue", kept)

    # --- uploads

    def uploads(self) -> None:
        """Uploads of the working tablet that have begun: to go on with, and to give up."""
        device = self.side.values["tablet:working"]["device_id"]
        by = Actor(
            ActorKind.DEVICE,
            id=device,
            agency_id=self.agency.id,
            district=self.agency.district,
            device_id=device,
        )
        for name in ("append", "end"):
            described = upload_rules.describe(metadata_of(name.encode()), len(name))
            with self.make.writing():
                upload = uploads.create_upload(described, lifetime=LASTING, by=by, at=self.make.at)
            self.keep(f"upload:{name}", upload)
        self._mismatch(by)

    def _mismatch(self, by: Actor) -> None:
        """A file that was not what the tablet had said, on the review list."""
        said = upload_rules.describe(metadata_of(self.agency.id.bytes), 16)
        storage = self.make.flask_app.extensions["suicha_storage"]
        key = f"uploads/{db.new_id()}/0-seed"
        storage.put(key, b"x" * 16)
        with self.make.writing():
            upload = uploads.create_upload(said, lifetime=LASTING, by=by, at=self.make.at)
        with self.make.flask_app.app_context():
            whole = uploads.join_whole(storage, upload, key)
            with db.transaction():
                uploads.finish_upload(upload, whole, by=by, at=self.make.at)
            mismatches.list_quarantined_files(at=self.make.at)
            query = sa.select(ReviewItem).where(
                ReviewItem.agency_id == self.agency.id, ReviewItem.key.startswith("file:")
            )
            self.keep("item:file", db.db.session.scalars(query).one())
        storage.discard([key])
        by = self.actor(Role.SUPERVISOR)
        for name in ("rescue-append", "rescue-end"):
            described = upload_rules.describe(
                metadata_of(name.encode(), upload_rules.RESCUE), len(name)
            )
            with self.make.writing():
                upload = uploads.create_upload(described, lifetime=LASTING, by=by, at=self.make.at)
            self.keep(f"upload:{name}", upload)

    # --- complaints

    def complaints(self) -> None:
        """Complaints in each state that a verb needs, with who complained."""
        by = self.actor(Role.SUPERVISOR)
        at = self.make.at
        for name in ("accept", "refuse", "transfer", "withdraw", "merge", "assign", "conclude"):
            self.keep(f"complaint:{name}", self._complaint(name in {"assign", "conclude"}))
        replying = self._complaint(accepted=True)
        with self.make.writing():
            result = ComplaintResult.UNSUBSTANTIATED
            complaints.conclude_complaint(replying.id, result, "现场未发现", by=by, at=at)
        self.keep("complaint:reply", replying)
        self.keep("complaint", self._complaint(accepted=False))

    def _complaint(self, accepted: bool) -> Complaint:
        who = Identity(name="匿名举报人丙", phone="13800000000")
        new = NewComplaint(
            kind=ComplaintKind.COMPLAINT,
            channel=Channel.HOTLINE,
            content="泳池水浑浊",
            unit_id=UUID(self.side["unit"]),
            identity=who,
        )
        by, at = self.actor(Role.CLERK), self.make.at
        with self.make.writing():
            complaint = complaints.file_complaint(new, agency=self.agency, by=by, at=at)
            if accepted:
                complaints.accept_complaint(complaint.id, by=by, at=at)
        return complaint

    # --- measures

    def measures(self) -> None:
        """A finding of which nothing became, a lead, decisions, actors, bans, seizures, a campaign.

        Each in the state that a verb needs.
        """
        by, at = self.actor(Role.SUPERVISOR), self.make.at
        an, bo = self.officers[0], self.officers[4]
        task = self.make.task(self._unit(), agency=self.agency, team=(an, bo))
        visit = self.make.visit(task, an, bo)
        found = [self.make.finding(visit, an, f"问题{number}") for number in range(3)]
        self.keep("finding", found[0])
        self.keep("finding:lead", found[1])
        with self.make.writing():
            lead = db.db.session.get_one(Finding, found[1].id)
            lead.handling = "lead"
            db.touch(lead)
            for name, organ in (("reply", "市场监督管理局"), ("revoke", None)):
                kind = FindingWay.TRANSFER if organ else FindingWay.NOTHING
                new = NewDecision(kind, "按规定", organ)
                row = consequences.decide(found[2].id, new, by=by, at=at)
                self.keep(f"finding-decision:{name}", row)
        for name in ("identify", "merge", "other"):
            with self.make.writing():
                new_party = NewParty(ActorType.CITIZEN, alias=f"张医生{name}", place="某弄堂")
                party = parties.record_party(new_party, agency=self.agency, by=by, at=at)
            self.keep(f"party:{name}", party)
        self._bans(by, at)
        self._seizures(at)

    def _bans(self, by: Actor, at: datetime) -> None:
        about = About(party_id=UUID(self.side["party:other"]))
        officers = (self.officers[0].id, self.officers[4].id)
        for name in ("announce", "revoke"):
            with self.make.writing():
                new = NewBan("unlicensed-practice", about, "无证行医", "医师法", officers)
                ban = measures.decide_ban(new, agency=self.agency, by=by, at=at)
            self.keep(f"ban:{name}", ban)
        with self.make.writing():
            referral = measures.refer(
                NewReferral("区人民检察院", "无证行医", about), agency=self.agency, by=by, at=at
            )
            campaign = campaigns.plan_campaign(
                NewCampaign("打非专项", "工作方案", date(2026, 11, 1), date(2026, 12, 31)),
                agency=self.agency,
                by=by,
                at=at,
            )
        self.keep("referral", referral)
        self.keep("campaign", campaign)

    def _seizures(self, at: datetime) -> None:
        about = About(party_id=UUID(self.side["party:other"]))
        officers = (self.officers[0].id, self.officers[4].id)
        goods = (Goods("注射液", GoodsKind.DRUG, 2, "箱"),)
        an = self.actor(Role.OFFICER)
        for name in ("approve", "refuse", "carry-out", "extend", "testing", "dispose"):
            urgent = name in {"extend", "testing", "dispose"}
            new = NewSeizure(
                SeizureKind.DETENTION,
                about,
                "无证行医",
                "医师法",
                officers,
                urgent=urgent,
                goods=goods if urgent else (),
            )
            with self.make.writing():
                seizure = seizures.apply_seizure(new, agency=self.agency, by=an, at=at)
                if name in {"carry-out", "extend"}:
                    seizures.approve_seizure(seizure.id, by=self.second, at=at)
            self.keep(f"seizure:{name}", seizure)

    # --- patrols

    def patrols(self) -> None:
        """An assistant, a patrol of a cell with one unit, two hints; a talk that is no visit."""
        by, at = self.actor(Role.SUPERVISOR), self.make.at
        unit = self.make.unit(self.agency, grid_cell="G-01", archive_no="XG-1")
        self.keep("unit:seen", unit)
        new = patrols.NewAssistant("协管员甲", "某街道社区卫生服务中心", ("G-01",))
        with self.make.writing():
            assistant = patrols.register_assistant(new, agency=self.agency, by=by, at=at)
        self.keep("assistant", assistant)
        with self.make.writing():
            patrol = patrols.record_patrol(
                patrols.NewPatrol(
                    "G-01",
                    self.officers[0].id,
                    (assistant.id,),
                    (patrols.SeenUnit(unit.id, problem=True, remark="未公示"),),
                ),
                agency=self.agency,
                by=by,
                at=at,
            )
        self.keep("patrol", patrol)
        for name in ("take", "decline"):
            with self.make.writing():
                hint = patrols.hand_hint(patrol.id, unit.id, "疑似无证", by=by, at=at)
            self.keep(f"hint:{name}", hint)
        with self.make.writing():
            talk = contacts.record_contact(
                contacts.NewContact(
                    unit.id, ContactKind.COMPLIANCE_TALK, (self.officers[0].id,), "合规告知"
                ),
                agency=self.agency,
                by=by,
                at=at,
            )
        self.keep("contact", talk)

    # --- draws

    def annual_plans(self) -> None:
        """Years' plans: one published, a draft to change, one to publish."""
        for year, name in ((2026, "published"), (2027, "draft"), (2028, "publish")):
            plan = self.make.annual_plan(
                self.agency, year=year, publish=name == "published", title=f"计划{year}"
            )
            self.keep(f"annual-plan:{name}", plan)

    def draws(self) -> None:
        """Plans before their freeze; draws that are planned, announced, void, and drawn."""
        self.annual_plans()
        for _ in range(8):
            self._unit()
        self._drawn()
        later = local_date(self.make.at) + timedelta(days=20)
        begins = day_begins(later)
        for name in ("change", "withdraw"):
            plan = self.make.plan(
                self.agency,
                draw_on=later,
                due_on=later + timedelta(days=20),
                deposits_close_at=begins + timedelta(hours=12),
                opens_at=begins + timedelta(hours=15),
            )
            self.keep(f"plan:{name}", plan)
        due = {
            "planned": self.make.plan(self.agency, strata={"公共场所/住宿场所": 1}),
            **{
                name: self.make.plan(
                    self.agency, level=Level.ATTENDED, strata={"公共场所/住宿场所": 1}
                )
                for name in ("announced", "to-void", "void")
            },
        }
        self._tick(self.make.at)
        for name, plan in due.items():
            self._keep_draw(name, plan)
        self.keep("plan:redraw", due["void"])
        with self.make.writing():
            holding.hold_period(
                self.agency, "2025-Q1", "备份之后可能抽取过", by=self.make.by(), at=self.make.at
            )
            hold = draw_queries.holds_of(self.agency.id)[0]
        self.keep("hold", hold)
        with self.make.writing():
            draw = draws.get_draw(self.side["draw:void"], self.agency.id)
            draws.void_draw(draw, "名单有误", by=self.actor(Role.SUPERVISOR), at=self.make.at)

    def _drawn(self) -> None:
        """Yesterday's sealed draw, with its deposits, all the way to its tasks."""
        clock, now = self.make.clock, self.make.at
        assert isinstance(clock, FixedClock)
        clock.forward(days=-1)
        for role in (Role.AUDITOR, Role.CLERK):
            value = sha256(f"{self.agency.id} {role}".encode()).digest()
            with self.make.writing():
                seeding.deposit(
                    None, value, agency=self.agency, by=self.actor(role), at=self.make.at
                )
        with self.make.writing():  # supervisors who can be second persons are on no drawn team
            for officer in self.officers[1:3]:
                people.declare_absence(
                    officer,
                    AbsenceReason.LEAVE,
                    from_on=date(2026, 1, 1),
                    until_on=date(2027, 12, 31),
                    by=self.actor(Role.SUPERVISOR),
                    at=self.make.at,
                )
        plan = self.make.plan(self.agency, strata={"公共场所/住宿场所": 3})
        for hours in (0, 12, 4):
            clock.forward(hours=hours)
            self._tick(clock.at)
        clock.at = now
        self._keep_draw("drawn", plan)
        self._changes()

    def _changes(self) -> None:
        """Changes that are proposed: to confirm, to refuse, to withdraw; a task without any."""
        with self.make.flask_app.app_context():
            draw = draws.get_draw(self.side["draw:drawn"], self.agency.id)
            found = [one.row.task_id for one in draw_queries.chosen_of(draw.id) if one.task_no]
            task_ids = [task_id for task_id in found if task_id is not None]
            teams = [tasks.get_task(one, self.agency.id).officer_ids() for one in task_ids]
        self.side.ids["task:drawn"] = str(task_ids[0])
        self.side.ids["officer:drawn"] = str(teams[0][0])
        digest = self.side.ids["sha256"]
        wanted: dict[str, tuple[Any, tuple[Any, ...], Actor]] = {
            "confirm": (
                proposing.propose_replacement,
                (task_ids[1], "closed", "关门", [digest]),
                self.second,
            ),
            "refuse": (
                proposing.propose_redraw,
                (task_ids[2], teams[2][0], "unavailable", "外出"),
                self.second,
            ),
            "withdraw": (
                proposing.propose_redraw,
                (task_ids[2], teams[2][1], "unavailable", "外出"),
                self.actor(Role.SUPERVISOR),
            ),
        }
        for name, (verb, args, by) in wanted.items():
            with self.make.writing():
                draw = draws.get_draw(self.side["draw:drawn"], self.agency.id)
                self.keep(f"change:{name}", verb(draw, *args, by=by, at=self.make.at))

    def _tick(self, at: datetime) -> None:
        with self.make.flask_app.app_context():
            secret = sha256(b"a secret of the test").digest()
            progress.run_due(at=at, chance=lambda _purpose: secret)

    def _keep_draw(self, name: str, plan: DrawPlan) -> None:
        with self.make.flask_app.app_context():
            draw = draw_queries.draws_of_plan(plan.id)[-1]
            expected = {"planned": "frozen", "drawn": "drawn"}.get(name, "announced")
            assert draw.state == expected, (name, draw.state, draw.held_detail)
            self.side.ids[f"draw:{name}"] = draw.draw_no
