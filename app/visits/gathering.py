"""New answers and findings of many operations, decided in memory and written in bulk.

`service.answer_item` and `service.state_finding` are the verbs. What says something new of a visit
that its officer may change, and meets nothing that stands, needs no row read for it alone and no
flush of its own: it is gathered here under the same rules, journalled in its turn, and written with
the others. Anything else is not taken, and the caller goes to the verb, which knows why.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm.util import identity_key

from app.access import Actor
from app.db import db, insert_rows
from app.prepared import Prepared
from app.tasks.models import Task, TaskOfficer
from app.tasks.rules import OPEN_STATES
from app.visits import answering, queries, rules
from app.visits.models import Finding, Visit, VisitAnswer, VisitAttendance
from app.visits.rules import AnswerResult, VisitState

_IDS: Any = sa.bindparam("ids", expanding=True)
_visit, _task, _member = Visit.__table__.c, Task.__table__.c, TaskOfficer.__table__.c
_attendance = VisitAttendance.__table__.c
_RESULTS = frozenset(AnswerResult)

_VISITS = Prepared(
    sa.select(
        _visit.id, _visit.district, _visit.task_id, _visit.checklist_code, _visit.form_version
    ).where(
        _visit.id.in_(_IDS),
        _visit.agency_id == sa.bindparam("agency_id", type_=sa.Uuid()),
        _visit.state != VisitState.SIGNED,
    )
)
_TEAMS = Prepared(
    sa.select(_visit.id, _member.officer_id)
    .join_from(
        Visit.__table__,
        Task.__table__,
        sa.and_(
            _task.id == _visit.task_id,
            _task.visit_id == _visit.id,
            _task.agency_id == _visit.agency_id,
        ),
    )
    .join(TaskOfficer.__table__, _member.task_id == _task.id)
    .where(_visit.id.in_(_IDS), _task.state.in_(OPEN_STATES))
)
_ATTENDING = Prepared(
    sa.select(_attendance.visit_id, _attendance.officer_id).where(_attendance.visit_id.in_(_IDS))
)
_TAKEN = {
    model: Prepared(sa.select(model.__table__.c.id).where(model.__table__.c.id.in_(_IDS)))
    for model in (VisitAnswer, Finding)
}


@dataclass(slots=True)
class NewAnswer:
    """The row of an answer that is not written yet; the journal and the feed take it as one."""

    id: UUID
    district: str
    agency_id: UUID
    visit_id: UUID
    item_id: UUID
    item_code: str
    result: str
    note: str | None
    officer_id: UUID
    recorded_at: datetime
    version: int = 1
    __tablename__: ClassVar[str] = VisitAnswer.__tablename__


@dataclass(slots=True)
class NewFinding:
    """The row of a finding that is not written yet."""

    id: UUID
    district: str
    agency_id: UUID
    visit_id: UUID
    item_id: UUID | None
    text: str
    basis: str | None
    handling: str | None
    correct_within_days: int | None
    officer_id: UUID
    recorded_at: datetime
    version: int = 1
    __tablename__: ClassVar[str] = Finding.__tablename__


@dataclass(frozen=True, slots=True)
class Open:
    """A visit that is not signed, the items of its form, and who may contribute to it."""

    district: str
    items: Mapping[UUID, rules.Item]
    officers: set[UUID]


@dataclass
class Gathering:
    """What stands of some visits, read at once, and what was gathered for them since."""

    agency_id: UUID
    visits: dict[UUID, Open]
    taken: set[UUID]
    answers: list[NewAnswer] = field(default_factory=list)
    findings: list[NewFinding] = field(default_factory=list)

    @staticmethod
    def of(
        visit_ids: Collection[UUID],
        *,
        answers: Collection[UUID],
        findings: Collection[UUID],
        agency_id: UUID,
    ) -> "Gathering":
        """Read some visits with their teams, and which of these answers and findings exist."""
        taken: set[UUID] = set()
        for model, ids in ((VisitAnswer, answers), (Finding, findings)):
            if ids:
                taken.update(row[0] for row in _TAKEN[model].rows(ids=list(ids)))
        visits = _read_visits(list(visit_ids), agency_id) if visit_ids else {}
        return Gathering(agency_id, visits, taken)

    def answer(
        self,
        answer_id: UUID,
        visit_id: UUID,
        item_id: UUID,
        changes: Mapping[str, Any],
        *,
        officer_id: UUID,
        recorded_at: datetime,
        by: Actor,
        at: datetime,
    ) -> NewAnswer | None:
        """Gather a new answer; None where it is not plain what becomes of it."""
        visit = self._open(visit_id, officer_id, answer_id)
        item = None if visit is None else visit.items.get(item_id)
        wanted = rules.said(changes, rules.ANSWER_FIELDS)
        result = wanted.get("result")
        if visit is None or item is None or result not in _RESULTS & item.answers:
            return None
        if answer_id != rules.answer_id(visit_id, item_id):
            return None
        answer = NewAnswer(
            id=answer_id,
            district=visit.district,
            agency_id=self.agency_id,
            visit_id=visit_id,
            item_id=item_id,
            item_code=item.code,
            result=result,
            note=wanted.get("note"),
            officer_id=officer_id,
            recorded_at=recorded_at,
        )
        self.taken.add(answer_id)
        self.answers.append(answer)
        answering.note_answer(answer, wanted, by=by, at=at)
        return answer

    def finding(
        self,
        finding_id: UUID,
        visit_id: UUID,
        changes: Mapping[str, Any],
        *,
        officer_id: UUID,
        recorded_at: datetime,
        by: Actor,
        at: datetime,
    ) -> NewFinding | None:
        """Gather a new finding; None where it is not plain what becomes of it."""
        visit = self._open(visit_id, officer_id, finding_id)
        wanted = rules.said(changes, rules.FINDING_FIELDS)
        item_id = wanted.get("item_id")
        if visit is None or not wanted.get("text"):
            return None
        if item_id is not None and item_id not in visit.items:
            return None
        finding = NewFinding(
            id=finding_id,
            district=visit.district,
            agency_id=self.agency_id,
            visit_id=visit_id,
            item_id=item_id,
            text=wanted["text"],
            basis=wanted.get("basis"),
            handling=wanted.get("handling"),
            correct_within_days=wanted.get("correct_within_days"),
            officer_id=officer_id,
            recorded_at=recorded_at,
        )
        self.taken.add(finding_id)
        self.findings.append(finding)
        answering.note_finding(finding, wanted, by=by, at=at)
        return finding

    def write(self) -> None:
        """Write what was gathered; what the session holds of its visits learns of it.

        Raises what the database says where another was first with the same answer.
        """
        insert_rows(VisitAnswer, [_row(one) for one in self.answers])
        insert_rows(Finding, [_row(one) for one in self.findings])
        session = db.session()
        for visit_id in {one.visit_id for one in self.answers}:
            visit = session.identity_map.get(identity_key(Visit, visit_id))
            if visit is not None:
                session.expire(visit, ["answers"])
        self.answers, self.findings = [], []

    def _open(self, visit_id: UUID, officer_id: UUID, entity_id: UUID) -> Open | None:
        visit = self.visits.get(visit_id)
        if visit is None or officer_id not in visit.officers or entity_id in self.taken:
            return None
        return visit


def forget_undone() -> None:
    """Let the session forget answers and findings after a savepoint was undone.

    What was written in bulk and read afterwards is nothing that the session made: it would keep it,
    and take a new one of the same id for a second.
    """
    session = db.session()
    for one in list(session.identity_map.values()):
        if isinstance(one, (VisitAnswer, Finding)):
            session.expunge(one)


def _read_visits(ids: list[UUID], agency_id: UUID) -> dict[UUID, Open]:
    rows = _VISITS.named(db.session(), ids=ids, agency_id=agency_id)
    found = {
        row.id: Open(row.district, _items(row.checklist_code, row.form_version), set())
        for row in rows
    }
    planned = [row.id for row in rows if row.task_id is not None]
    for question, visits in ((_TEAMS, planned), (_ATTENDING, list(found.keys() - set(planned)))):
        if visits:
            for visit_id, officer_id in question.rows(ids=visits):
                found[visit_id].officers.add(officer_id)
    return found


def _items(code: str | None, form_version: int | None) -> Mapping[UUID, rules.Item]:
    return {} if code is None else queries.form_items(code, form_version or 0) or {}


def _row(one: NewAnswer | NewFinding) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}
