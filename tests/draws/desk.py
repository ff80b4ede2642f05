"""A drawn draw and the people who change its result."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from app.access import Actor, Role
from app.days import local_date
from app.db import db, transaction
from app.draws import (
    bundle,
    change_queries,
    changelog,
    changes,
    confirming,
    proposing,
    queries,
    rules,
    service,
)
from app.draws.models import DrawChange
from app.people import service as people
from app.people.models import Officer
from app.people.rules import AbsenceReason
from app.tasks import service as tasks
from app.tasks.models import Task
from app.units import service as units
from app.units.models import Unit
from app.units.rules import UnitStatus
from tests.draws.office import Office


class Desk:
    """A drawn draw, and two supervisors who are on no team: one proposes, the other confirms."""

    def __init__(self, office: Office, **values: Any) -> None:
        self.office, self.make = office, office.make
        self.draw_no = office.drawn(**values)
        self.chen, self.ding = self.make.supervisor(), self.make.supervisor()

    def do(self, verb: Callable[..., Any], *args: Any, by: Actor, **values: Any) -> Any:
        """Let somebody do something in one transaction, on the draw or a change by its id."""
        with self.office.flask_app.app_context(), transaction():
            if args and isinstance(args[0], DrawChange):
                args = (changes.get_change(args[0].id, by.agency_id), *args[1:])
            else:
                args = (service.get_draw(self.draw_no, by.agency_id), *args)
            return verb(*args, **values, by=by, at=self.make.at)

    def lines(self, kind: str = "selected") -> list[Any]:
        with self.office.draw(self.draw_no) as draw:
            return [one.row for one in queries.chosen_of(draw.id) if one.row.kind == kind]

    def team(self, task_id: UUID) -> list[UUID]:
        with self.office.flask_app.app_context():
            return db.session.get_one(Task, task_id).officer_ids()

    def task(self, task_id: UUID) -> Task:
        with self.office.flask_app.app_context():
            return db.session.get_one(Task, task_id)

    def recuse(self, officer_id: UUID, unit_id: UUID) -> None:
        with self.make.writing():
            people.declare_recusal(
                db.session.get_one(Officer, officer_id),
                unit_id,
                "kinship",
                effective_from=local_date(self.make.at),
                by=self.chen,
                at=self.make.at,
            )

    def absent(self, officer_id: UUID, until_on: date = date(2027, 3, 1)) -> None:
        with self.make.writing():
            people.declare_absence(
                db.session.get_one(Officer, officer_id),
                AbsenceReason.SICK,
                from_on=local_date(self.make.at),
                until_on=until_on,
                by=self.chen,
                at=self.make.at,
            )

    def found(self) -> list[DrawChange]:
        with self.office.draw(self.draw_no) as draw:
            query = change_queries.changes_of(draw.id).order_by(DrawChange.id)
            return list(db.session.scalars(query))

    def states(self) -> list[str]:
        return [one.state for one in self.found()]

    def certificate(self, officer_id: UUID) -> str:
        with self.office.flask_app.app_context():
            return db.session.get_one(Officer, officer_id).certificate_no

    def faults(self, records: list[dict[str, Any]] | None = None) -> list[str]:
        """What a stranger finds wrong with the published files, or with other records in them."""
        with self.office.draw(self.draw_no) as draw:
            files = queries.contents_of(draw.id)
            told = change_queries.records_of(draw.id) if records is None else records
            files["changes.json"] = changelog.write_changes(draw.draw_no, told)
        manifest = bundle.parse_manifest(files["manifest.json"])
        x = rules.seed(manifest, *bundle.parse_reveal(files["reveal.json"]))
        return changelog.faults_of(x, files)

    def replace(self, line: Any, **values: Any) -> DrawChange:
        """A proposal by Chen that a reserve follows, with evidence."""
        given = {"evidence": [self.make.stored_evidence()], "by": self.chen, **values}
        made: DrawChange = self.do(
            proposing.propose_replacement, line.task_id, "closed", "大门紧锁，人去楼空", **given
        )
        return made

    def confirm(self, change: DrawChange, by: Actor | None = None) -> None:
        self.do(confirming.confirm_change, change, by=by or self.ding)

    def reserves(self, line: Any) -> list[Any]:
        """The reserves of a line's class that have no task, in their order."""
        return [
            one
            for one in self.lines("reserve")
            if (one.stratum, one.weight) == (line.stratum, line.weight) and one.task_id is None
        ]

    def records(self) -> list[dict[str, Any]]:
        with self.office.draw(self.draw_no) as draw:
            return change_queries.records_of(draw.id)

    def figure(self) -> changes.Figure:
        with self.office.draw(self.draw_no) as draw:
            return changes.figure_of(draw, local_date(self.make.at))

    def unit(self, line: Any) -> Unit:
        with self.office.flask_app.app_context():
            return db.session.get_one(Unit, line.unit_id)

    def flag(self, line: Any, state: UnitStatus) -> None:
        with self.make.writing():
            unit = db.session.get_one(Unit, line.unit_id)
            assert units.flag_unit(unit, state, by=self.chen, at=self.make.at)

    def supervising(self, officer_id: UUID) -> Actor:
        """The same officer as a supervisor."""
        with self.office.flask_app.app_context():
            officer = db.session.get_one(Officer, officer_id)
        return self.make.actor(self.make.account(Role.SUPERVISOR, officer=officer))

    def approve(self, change: DrawChange) -> None:
        self.do(confirming.approve_change, change, "抽调参加专项工作", by=self.ding)

    def reassign(self, line: Any, officer_id: UUID) -> None:
        """Give the second place of a team to somebody else, by hand."""
        lead = self.team(line.task_id)[0]
        with self.make.writing():
            tasks.reassign_task(
                line.task_id,
                [lead, officer_id],
                lead,
                reason="外出",
                by=self.chen,
                at=self.make.at,
            )

    @classmethod
    def frozen(cls, office: Office) -> "Desk":
        """A desk before the draw: the manifest is public, the deposits wait to be opened."""
        desk = cls.__new__(cls)
        desk.office, desk.make = office, office.make
        desk.draw_no = office.drawn_until_announced()
        desk.chen, desk.ding = desk.make.supervisor(), desk.make.supervisor()
        return desk

    def redraw(self, line: Any, officer_id: UUID, cause: str = "unavailable") -> Any:
        return self.do(
            proposing.propose_redraw, line.task_id, officer_id, cause, "外出", by=self.chen
        )
