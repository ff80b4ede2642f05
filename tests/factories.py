"""Factories: `make.unit()`, `make.task()`; each commits in a context of its own, by services."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

import flask
from flask.testing import FlaskClient

from app.access import Actor, ActorKind, Role
from app.days import day_begins, local_date
from app.db import new_id, transaction
from app.draws import annual_plans, plans, seeding
from app.draws.annual import Item, Way
from app.draws.annual_plans import NewAnnualPlan
from app.draws.models import AnnualPlan, DrawDeposit, DrawPlan
from app.draws.stages import DrawKind, Level, NewPlan
from app.evidence import service as evidence
from app.evidence.rules import EvidenceState
from app.people import accounts, partners
from app.people import service as people
from app.people.models import Account, Agency, Officer, PartnerOfficer
from app.people.rules import NewOfficer, NewPartner
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import NewTask
from app.units import labels
from app.units import service as units
from app.units.models import Unit, UnitLabel
from app.units.rules import NewUnit, Registration
from app.visits import answering
from app.visits import service as visits
from app.visits.models import Finding, Visit
from app.visits.service import Start
from tests.remembered import load_catalogue

DISTRICT = "310105"
OTHER_DISTRICT = "310107"
PASSWORD = "correct horse battery"


class Make:
    """Makes what a test needs by the application's own services."""

    def __init__(self, flask_app: flask.Flask, clock: Callable[[], datetime]) -> None:
        self.flask_app = flask_app
        self.clock = clock
        self._home: Agency | None = None
        self._catalogue_loaded = False
        self._numbers = count(1)

    @property
    def at(self) -> datetime:
        return self.clock()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A context and a transaction around what a factory does."""
        with self.flask_app.app_context(), transaction():
            yield

    def by(self, agency: Agency | None = None) -> Actor:
        """Somebody who may make things: a person of the agency without an account."""
        if agency is None:
            return Actor(ActorKind.USER)
        return Actor(ActorKind.USER, agency_id=agency.id, district=agency.district)

    def catalogue(self) -> None:
        """Load the packaged rows, once."""
        with self.flask_app.app_context():
            load_catalogue(by=self.by(), at=self.at)

    def _load_catalogue(self) -> None:
        if not self._catalogue_loaded:
            self.catalogue()
            self._catalogue_loaded = True

    def agency(
        self,
        district: str = DISTRICT,
        name: str = "长宁区卫生监督所",
        boundary: str | None = None,
    ) -> Agency:
        """A further agency of a district."""
        with self.writing():
            return people.create_agency(district, name, by=self.by(), at=self.at, boundary=boundary)

    def home(self, boundary: str | None = None) -> Agency:
        """The agency of An, Chen and Ding; the same each time, with the outline of the first."""
        if self._home is None:
            self._home = self.agency(boundary=boundary)
        return self._home

    def officer(self, agency: Agency | None = None, **values: Any) -> Officer:
        """An officer with a valid certificate who leads public places, unless `values` differ."""
        agency = agency or self.home()
        self._load_catalogue()
        number = next(self._numbers)
        data = NewOfficer(
            **{
                "certificate_no": f"沪{agency.district}{number:04d}",
                "name": f"监督员{number}",
                "certificate_valid_until": date(2028, 12, 31),
                "team": "一科",
                "specialties": ("public-places",),
                "lead_specialties": ("public-places",),
                **values,
            }
        )
        with self.writing():
            return people.register_officer(
                data,
                agency=agency,
                by=self.by(agency),
                at=self.at,
            )

    def partner(self, agency: Agency | None = None, **values: Any) -> PartnerOfficer:
        """An officer of the market regulator with a valid certificate, unless `values` differ."""
        agency = agency or self.home()
        data = NewPartner(
            **{
                "department": "市场监管局",
                "certificate_no": f"市监{agency.district}{next(self._numbers):04d}",
                "name": "协同人员",
                "certificate_valid_until": date(2028, 12, 31),
                "items": ("现制现售饮用水设备",),
                **values,
            }
        )
        with self.writing():
            return partners.register_partner(data, agency=agency, by=self.by(agency), at=self.at)

    def account(
        self,
        *roles: Role,
        agency: Agency | None = None,
        login: str | None = None,
        officer: Officer | None = None,
    ) -> Account:
        """An account with `roles` and the password PASSWORD; an officer's has an officer."""
        agency = agency or self.home()
        if Role.OFFICER in roles and officer is None:
            officer = self.officer(agency)
        with self.writing():
            return accounts.create_account(
                login or f"account{next(self._numbers)}",
                PASSWORD,
                "某人",
                roles,
                agency=agency,
                officer_id=None if officer is None else officer.id,
                by=self.by(agency),
                at=self.at,
            )

    def token(self, account: Account) -> str:
        """A session of an account."""
        with self.writing():
            return accounts.sign_in(account, lasting=timedelta(hours=12), at=self.at)[0]

    def headers(self, account: Account) -> dict[str, str]:
        """The headers with which an account's requests are signed in."""
        return {"Authorization": f"Bearer {self.token(account)}"}

    def signed_in(
        self, *roles: Role, agency: Agency | None = None, officer: Officer | None = None
    ) -> FlaskClient:
        """A client whose requests are those of a new account with `roles`."""
        account = self.account(*roles, agency=agency, officer=officer)
        client = self.flask_app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = self.headers(account)["Authorization"]
        return client

    def actor(self, account: Account) -> Actor:
        """Who an account is to the services."""
        return Actor(
            ActorKind.USER,
            id=account.id,
            agency_id=account.agency_id,
            district=account.district,
            roles=frozenset(Role(role) for role in account.roles),
            officer_id=account.officer_id,
        )

    def supervisor(self, agency: Agency | None = None) -> Actor:
        """A supervisor with a certificate of his own: can be a second person."""
        officer = self.officer(agency or self.home())
        return self.actor(self.account(Role.SUPERVISOR, agency=agency, officer=officer))

    def unit(self, agency: Agency | None = None, **values: Any) -> Unit:
        """A unit that is supervised as 住宿场所, unless `values` differ."""
        agency = agency or self.home()
        self._load_catalogue()
        number = next(self._numbers)
        data = NewUnit(
            **{
                "archive_no": f"GG{number:05d}",
                "name": f"上海第{number}宾馆有限公司",
                "address": f"长宁路{number}号",
                "registrations": (Registration("public-places", "lodging"),),
                **values,
            }
        )
        with self.writing():
            return units.register_unit(data, agency=agency, by=self.by(agency), at=self.at)

    def label(self, unit: Unit, label: str = "pending-case", **values: Any) -> UnitLabel:
        """An entry of a unit on a list, from today on unless `values` differ."""
        data = {
            "unit_id": unit.id,
            "label": label,
            "from_on": local_date(self.at),
            "source": "立案决定",
            **values,
        }
        with self.writing():
            agency = people.get_agency(unit.agency_id)
            return labels.declare_label(
                labels.NewLabel(**data), agency=agency, by=self.by(agency), at=self.at
            )

    def task(
        self,
        unit: Unit | None = None,
        *,
        agency: Agency | None = None,
        team: Sequence[Officer] = (),
        **values: Any,
    ) -> Task:
        """A drawn task of public places; with `team` it is assigned, the first one leads."""
        agency = agency or self.home()
        unit = unit or self.unit(agency)
        data = NewTask(
            **{
                "unit_id": unit.id,
                "specialty": "public-places",
                "object_class": "lodging",
                "origin": "drawn",
                "due_on": date(2026, 12, 20),
                **values,
            }
        )
        by = self.by(agency)
        with self.writing():
            task = tasks.create_task(data, agency=agency, by=by, at=self.at)
            if team:
                ids = [officer.id for officer in team]
                tasks.assign_task(task.id, ids, ids[0], by=by, at=self.at)
            return task

    def tablet_of(self, officer: Officer) -> Actor:
        """A tablet that speaks for an officer, as the services see it."""
        return Actor(
            ActorKind.DEVICE,
            id=new_id(),
            agency_id=officer.agency_id,
            district=officer.district,
            officer_id=officer.id,
        )

    def visit(self, task: Task, *officers: Officer) -> Visit:
        """The visit of a task, started by each of these officers of its team."""
        start = Start(task.id, task.unit_id, task.checklist_code, 1)
        for officer in officers:
            with self.writing():
                by = self.tablet_of(officer)
                started = visits.start_visit(
                    task.visit_id,
                    start,
                    officer_id=officer.id,
                    device_id=by.id,
                    recorded_at=self.at,
                    by=by,
                    at=self.at,
                )
        return started.visit

    def finding(self, visit: Visit, officer: Officer, text: str = "泳池水浑浊") -> Finding:
        """Something that an officer found at a visit under way."""
        with self.writing():
            return answering.state_finding(
                visit.id,
                new_id(),
                {"text": text},
                officer_id=officer.id,
                recorded_at=self.at,
                by=self.tablet_of(officer),
                at=self.at,
            ).current

    def plan(self, agency: Agency | None = None, **values: Any) -> DrawPlan:
        """A sealed plan of 住宿场所 that is due today, unless `values` differ."""
        agency = agency or self.home()
        self._load_catalogue()
        today = local_date(self.at)
        begins = day_begins(today)
        sealed = values.get("level", Level.SEALED) is Level.SEALED
        instants = {
            "deposits_close_at": begins + timedelta(hours=12),
            "opens_at": begins + timedelta(hours=15),
        }
        data = NewPlan(
            **{
                "name": f"计划{next(self._numbers)}",
                "year": 2026,
                "period": "2026-Q4",
                "kind": DrawKind.DISTRICT,
                "strata": {"公共场所/住宿场所": 4},
                "level": Level.SEALED,
                "draw_on": today,
                "due_on": today + timedelta(days=30),
                **(instants if sealed else {}),
                **values,
            }
        )
        with self.writing():
            return plans.save_plan(data, agency=agency, by=self.by(agency), at=self.at)

    def annual_plan(
        self, agency: Agency | None = None, *, publish: bool = True, **values: Any
    ) -> AnnualPlan:
        """A year's plan of one item, a tenth of 住宿场所 by the district; published, or a draft."""
        agency = agency or self.home()
        self._load_catalogue()
        data = {"year": 2026, "title": "年度抽查计划", "items": [self.annual_item()], **values}
        by = self.by(agency)
        with self.writing():
            plan = annual_plans.save_annual_plan(
                NewAnnualPlan(**data), agency=agency, by=by, at=self.at
            )
            if publish:
                annual_plans.publish_annual_plan(plan, by=by, at=self.at)
            return plan

    def annual_item(self, **values: Any) -> Item:
        """A line of a year's plan."""
        given: dict[str, Any] = {
            "level": DrawKind.DISTRICT,
            "stratum": "公共场所/住宿场所",
            "rule": [1, 10],
            "scope": "",
            "organs": (),
            "way": Way.ON_SITE,
            "checklists": (),
            "basis": "公共场所卫生管理条例",
        }
        return Item(**{**given, **values})

    def deposit(self, *roles: Role, value: bytes | None = None) -> DrawDeposit:
        """A standing deposit of a new account with `roles`."""
        account = self.account(*roles)
        value = value or sha256(f"deposit {next(self._numbers)}".encode()).digest()
        with self.writing():
            return seeding.deposit(
                None, value, agency=self.home(), by=self.actor(account), at=self.at
            )

    def stored_evidence(self, agency: Agency | None = None) -> str:
        """The SHA-256 of a stored piece of evidence."""
        agency = agency or self.home()
        digest = sha256(f"evidence {next(self._numbers)}".encode()).hexdigest()
        with self.writing():
            evidence.record_stored(
                digest,
                evidence.Inspected(EvidenceState.STORED, None, thumbnail=False),
                size_bytes=9,
                mime="application/pdf",
                role="closing",
                agency_id=agency.id,
                district=agency.district,
                by=self.by(agency),
                at=self.at,
            )
        return digest
