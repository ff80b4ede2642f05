"""Which scopes show an entity. Asked under the stream's lock, so that the answer is the last word.

- A task is in `officer:<id>` of its team from assigned until completed or closed.
- A unit is there for who carries a task at it, is on an unsigned triggered visit, or wants it
  today; and in `agency:<id>` while it has an open task.
- A visit is there for who carries its task, or attended an unsigned triggered one; the newest
  signed ones of a unit come along with the unit, as its history.
- An answer goes with its visit, history apart; a finding goes with its visit.
- An officer is there for themselves and for who shares a task with them.

Catalogue rows are in `all`, in a stream of their own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.catalogue.models import CatalogueRow
from app.people.models import Officer
from app.people.rules import OfficerState
from app.tasks.models import Task, TaskOfficer
from app.tasks.rules import OPEN_STATES, TaskState
from app.units.models import Unit
from app.visits.models import Finding, Visit, VisitAnswer, VisitAttendance
from app.visits.rules import VisitState
from sync.feed import rules
from sync.feed.models import FeedRow, FeedWant
from sync.feed.rules import Key, Stored, Wanted

ON_TABLET = OPEN_STATES - {TaskState.PENDING}
_AT_ONCE = 500  # keys in one statement: below every driver's limit of parameters


@dataclass
class Touched:
    """The entities whose rows have to be compared.

    `parents` are visits whose answers and findings have to be, `history_of` units whose signed
    visits have to be; `whole_catalogue` stands for all of its rows.
    """

    tasks: set[UUID] = field(default_factory=set)
    units: set[UUID] = field(default_factory=set)
    visits: set[UUID] = field(default_factory=set)
    answers: set[UUID] = field(default_factory=set)
    findings: set[UUID] = field(default_factory=set)
    officers: set[UUID] = field(default_factory=set)
    parents: set[UUID] = field(default_factory=set)
    history_of: set[UUID] = field(default_factory=set)
    whole_catalogue: bool = False

    def __bool__(self) -> bool:
        return self.whole_catalogue or any(
            (self.tasks, self.units, self.visits, self.answers, self.findings, self.officers)
        )


@dataclass(frozen=True)
class Compared:
    """What should be shown of each entity, and which rows show it."""

    wanted: dict[Key, Wanted] = field(default_factory=dict)
    stored: dict[Key, list[Stored]] = field(default_factory=dict)

    def shown(self, key: Key) -> set[str]:
        """Return the scopes that show an entity now."""
        return {row.scope for row in self.stored.get(key, ()) if row.present}

    def moves(self, key: Key) -> bool:
        """Tell whether the scopes of an entity change."""
        return self.wanted[key].scopes != self.shown(key)


def compare(session: Session, touched: Touched) -> Compared:
    """Return what should be shown of the touched entities, and of all that moves with them.

    A task that comes or goes takes its unit, visit and colleagues along; a unit its history; a
    visit its answers and findings.
    """
    found = Compared()
    _compare_tasks(session, touched, found)
    unit_scopes = _compare_units(session, touched, found)
    _compare_visits(session, touched, found, unit_scopes)
    _compare_officers(session, touched, found)
    if touched.whole_catalogue:
        _compare_catalogue(session, found)
    return found


def everything(session: Session, streams: Iterable[str]) -> Touched:
    """Return all entities of some streams, for a projection from nothing."""
    names = list(streams)

    def ids(model: Any) -> set[UUID]:
        return set(session.scalars(sa.select(model.id).where(model.district.in_(names))))

    visits = ids(Visit)
    return Touched(
        tasks=ids(Task),
        units=ids(Unit),
        visits=visits,
        answers=ids(VisitAnswer),
        findings=ids(Finding),
        officers=ids(Officer),
        parents=visits,
        whole_catalogue=rules.CATALOGUE_STREAM in names,
    )


def _compare_tasks(session: Session, touched: Touched, found: Compared) -> None:
    teams: dict[UUID, set[UUID]] = {}
    for part in _parts(touched.tasks):
        query = (
            sa.select(TaskOfficer.task_id, TaskOfficer.officer_id)
            .join(Task, Task.id == TaskOfficer.task_id)
            .where(Task.id.in_(part), Task.state.in_(ON_TABLET))
        )
        for task_id, officer_id in session.execute(query):
            teams.setdefault(task_id, set()).add(officer_id)
    _read_stored(session, touched.tasks, found)
    columns = (Task.id, Task.district, Task.version, Task.state, Task.unit_id, Task.visit_id)
    for part in _parts(touched.tasks):
        for row in session.execute(sa.select(*columns).where(Task.id.in_(part))):
            team = teams.get(row.id, set())
            key = ("task", str(row.id))
            scopes = frozenset(rules.officer_scope(one) for one in team)
            found.wanted[key] = Wanted(row.district, row.version, scopes)
            moves = found.moves(key)
            if moves:
                touched.officers |= team | _officers_of(found.shown(key))
                touched.visits.add(row.visit_id)
                touched.parents.add(row.visit_id)
            if moves or row.state == TaskState.PENDING or row.state not in OPEN_STATES:
                touched.units.add(row.unit_id)


def _compare_units(
    session: Session, touched: Touched, found: Compared
) -> dict[UUID, frozenset[str]]:
    """Compare units; return the officers' scopes of each."""
    scopes = _unit_scopes(session, touched.units)
    _read_stored(session, touched.units, found)
    moving = set(touched.history_of)
    for part in _parts(touched.units):
        query = sa.select(Unit.id, Unit.district, Unit.version).where(Unit.id.in_(part))
        for row in session.execute(query):
            key = ("unit", str(row.id))
            found.wanted[key] = Wanted(row.district, row.version, frozenset(scopes.get(row.id, ())))
            if found.moves(key):
                moving.add(row.id)
    touched.visits |= _visits_at(session, moving)
    return {unit: _only_officers(scopes.get(unit, ())) for unit in touched.units}


def _unit_scopes(session: Session, unit_ids: Iterable[UUID]) -> dict[UUID, set[str]]:
    found: dict[UUID, set[str]] = {}
    for part in _parts(unit_ids):
        for unit_id, officer_id in session.execute(_unit_officers(part)):
            found.setdefault(unit_id, set()).add(rules.officer_scope(officer_id))
        query = sa.select(Task.unit_id, Task.agency_id).where(
            Task.unit_id.in_(part), Task.state.in_(OPEN_STATES)
        )
        for unit_id, agency_id in session.execute(query.distinct()):
            found.setdefault(unit_id, set()).add(rules.agency_scope(agency_id))
    return found


def _unit_officers(unit_ids: Sequence[UUID]) -> sa.CompoundSelect[UUID, UUID]:
    """Return the query of (unit, officer who carries it)."""
    return sa.union(
        sa.select(Task.unit_id, TaskOfficer.officer_id)
        .join(TaskOfficer, TaskOfficer.task_id == Task.id)
        .where(Task.unit_id.in_(unit_ids), Task.state.in_(ON_TABLET)),
        sa.select(Visit.unit_id, VisitAttendance.officer_id)
        .join(VisitAttendance, VisitAttendance.visit_id == Visit.id)
        .where(
            Visit.unit_id.in_(unit_ids),
            Visit.task_id.is_(None),
            Visit.state != VisitState.SIGNED,
        ),
        sa.select(FeedWant.unit_id, FeedWant.officer_id).where(FeedWant.unit_id.in_(unit_ids)),
    )


def _visits_at(session: Session, unit_ids: Iterable[UUID]) -> set[UUID]:
    """Return the visits of units that are, or may come to be, shown as their history."""
    found: set[UUID] = set()
    for part in _parts(unit_ids):
        found.update(session.scalars(sa.select(_ranked(part).c.id)))
        shown = sa.select(Visit.id).where(Visit.unit_id.in_(part), Visit.state == VisitState.SIGNED)
        ids = [str(one) for one in session.scalars(shown)]
        for some in _parts(ids):
            rows = sa.select(FeedRow.entity_id).where(
                FeedRow.entity_id.in_(some), FeedRow.present.is_(True)
            )
            found.update(UUID(one) for one in session.scalars(rows))
    return found


def _ranked(unit_ids: Sequence[UUID]) -> sa.Subquery:
    """Return the newest signed visits of units, as many of each as its history shows."""
    rank = (
        sa.func.row_number()
        .over(partition_by=Visit.unit_id, order_by=(Visit.signed_at.desc(), Visit.id.desc()))
        .label("rank")
    )
    ranked = (
        sa.select(Visit.id, Visit.unit_id, rank)
        .where(Visit.unit_id.in_(unit_ids), Visit.state == VisitState.SIGNED)
        .subquery()
    )
    return sa.select(ranked.c.id, ranked.c.unit_id).where(ranked.c.rank <= rules.HISTORY).subquery()


def _compare_visits(
    session: Session,
    touched: Touched,
    found: Compared,
    unit_scopes: Mapping[UUID, frozenset[str]],
) -> None:
    columns = (Visit.id, Visit.district, Visit.version, Visit.unit_id)
    rows = [
        row
        for part in _parts(touched.visits)
        for row in session.execute(sa.select(*columns).where(Visit.id.in_(part)))
    ]
    current = _current_scopes(session, touched.visits)
    history = _history_scopes(session, {row.unit_id for row in rows}, unit_scopes)
    _read_stored(session, touched.visits, found)
    for row in rows:
        key = ("visit", str(row.id))
        scopes = current.get(row.id, frozenset()) | history.get(row.id, frozenset())
        found.wanted[key] = Wanted(row.district, row.version, scopes)
        if found.moves(key):
            touched.parents.add(row.id)
    _compare_children(session, touched, found, current, history)


def _current_scopes(session: Session, visit_ids: Iterable[UUID]) -> dict[UUID, frozenset[str]]:
    """Return who carries each visit: by its task, or by having been there."""
    found: dict[UUID, frozenset[str]] = {}
    for part in _parts(visit_ids):
        query = sa.union(
            sa.select(Visit.id, TaskOfficer.officer_id)
            .join(Task, sa.and_(Task.id == Visit.task_id, Task.visit_id == Visit.id))
            .join(TaskOfficer, TaskOfficer.task_id == Task.id)
            .where(Visit.id.in_(part), Task.state.in_(ON_TABLET)),
            sa.select(Visit.id, VisitAttendance.officer_id)
            .join(VisitAttendance, VisitAttendance.visit_id == Visit.id)
            .where(Visit.id.in_(part), Visit.task_id.is_(None), Visit.state != VisitState.SIGNED),
        )
        for visit_id, officer_id in session.execute(query):
            scope = rules.officer_scope(officer_id)
            found[visit_id] = found.get(visit_id, frozenset()) | {scope}
    return found


def _history_scopes(
    session: Session, unit_ids: Iterable[UUID], known: Mapping[UUID, frozenset[str]]
) -> dict[UUID, frozenset[str]]:
    """Return who carries a visit as the history of a unit of theirs."""
    units = set(unit_ids)
    missing = units - known.keys()
    scopes = dict(known)
    for unit, of_unit in _unit_scopes(session, missing).items():
        scopes[unit] = _only_officers(of_unit)
    carried = [unit for unit in units if scopes.get(unit)]
    found: dict[UUID, frozenset[str]] = {}
    for part in _parts(carried):
        ranked = _ranked(part)
        for visit_id, unit_id in session.execute(sa.select(ranked.c.id, ranked.c.unit_id)):
            found[visit_id] = scopes[unit_id]
    return found


def _compare_children(
    session: Session,
    touched: Touched,
    found: Compared,
    current: Mapping[UUID, frozenset[str]],
    history: Mapping[UUID, frozenset[str]],
) -> None:
    nobody: frozenset[str] = frozenset()
    for kind, model, ids in (
        ("visit_answer", VisitAnswer, touched.answers),
        ("finding", Finding, touched.findings),
    ):
        rows = _children(session, model, ids, touched.parents)
        _read_stored(session, [row.id for row in rows], found)
        for row in rows:
            scopes = current.get(row.visit_id, nobody)
            if kind == "finding":
                scopes |= history.get(row.visit_id, nobody)
            found.wanted[kind, str(row.id)] = Wanted(row.district, row.version, scopes)


def _children(
    session: Session, model: Any, ids: Iterable[UUID], parents: Iterable[UUID]
) -> list[sa.Row[Any]]:
    columns = (model.id, model.visit_id, model.district, model.version)
    found: dict[UUID, sa.Row[Any]] = {}
    for column, wanted in ((model.id, ids), (model.visit_id, parents)):
        for part in _parts(wanted):
            for row in session.execute(sa.select(*columns).where(column.in_(part))):
                found[row.id] = row
    return list(found.values())


def _compare_officers(session: Session, touched: Touched, found: Compared) -> None:
    mine, theirs = sa.orm.aliased(TaskOfficer), sa.orm.aliased(TaskOfficer)
    _read_stored(session, touched.officers, found)
    for part in _parts(touched.officers):
        sharing: dict[UUID, set[str]] = {}
        query = (
            sa.select(mine.officer_id, theirs.officer_id)
            .join(theirs, theirs.task_id == mine.task_id)
            .join(Task, Task.id == mine.task_id)
            .where(mine.officer_id.in_(part), Task.state.in_(ON_TABLET))
            .distinct()
        )
        for officer_id, colleague_id in session.execute(query):
            sharing.setdefault(officer_id, set()).add(rules.officer_scope(colleague_id))
        columns = (Officer.id, Officer.district, Officer.version, Officer.state)
        for row in session.execute(sa.select(*columns).where(Officer.id.in_(part))):
            scopes = sharing.get(row.id, set())
            if row.state == OfficerState.ACTIVE:
                scopes.add(rules.officer_scope(row.id))
            found.wanted["officer", str(row.id)] = Wanted(
                row.district, row.version, frozenset(scopes)
            )


def _compare_catalogue(session: Session, found: Compared) -> None:
    rows = session.execute(
        sa.select(CatalogueRow.id, CatalogueRow.version, CatalogueRow.kind).where(
            CatalogueRow.kind.in_(rules.CATALOGUE_TYPES)
        )
    ).all()
    _read_stored(session, [row.id for row in rows], found)
    for row in rows:
        found.wanted[row.kind, str(row.id)] = Wanted(
            rules.CATALOGUE_STREAM, row.version, frozenset({rules.ALL})
        )


def _read_stored(session: Session, ids: Iterable[UUID], found: Compared) -> None:
    columns = (
        FeedRow.entity_type,
        FeedRow.entity_id,
        FeedRow.stream,
        FeedRow.scope,
        FeedRow.version,
        FeedRow.present,
    )
    for part in _parts([str(one) for one in ids]):
        for row in session.execute(sa.select(*columns).where(FeedRow.entity_id.in_(part))):
            found.stored.setdefault((row.entity_type, row.entity_id), []).append(
                Stored(row.stream, row.scope, row.version, row.present)
            )


def _officers_of(scopes: Iterable[str]) -> set[UUID]:
    return {UUID(scope.removeprefix("officer:")) for scope in _only_officers(scopes)}


def _only_officers(scopes: Iterable[str]) -> frozenset[str]:
    return frozenset(scope for scope in scopes if scope.startswith("officer:"))


def _parts(ids: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """Return keys in portions, in one order: the same question is asked the same way."""
    ordered = sorted(set(ids))
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))
