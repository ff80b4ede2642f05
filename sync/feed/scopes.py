"""Which scopes show an entity. Asked under the stream's lock, so that the answer is the last word.

- A task is in `officer:<id>` of its team from assigned until completed or closed.
- A unit is there for who carries a task at it, is on an unsigned triggered visit, or wants it
  today; and in `agency:<id>` while it has an open task.
- A visit is there for who carries its task, or attended an unsigned triggered one; the newest
  signed ones of a unit come along with the unit, as its history.
- An answer goes with its visit, history apart; a finding goes with its visit.
- A sample goes with its visit.
- A corrective order that is not complied with, and a case that is not closed, go with their unit to
  the officers who carry it.
- What is counted of the entries into a unit goes with it to the officers who carry it.
- An officer is there for themselves and for who shares a task with them.
- What an officer's PIN is checked by is there for who shares a task with them, not for themselves.
- A visit code goes with its tasks to their teams; one without a task is there for its officers
  until the visit that it was used for is signed (`sync/feed/coded.py`).
- Evidence goes with what it is evidence of (`sync/feed/attached.py`).
- A document goes with its visit; one without a visit is there for its officers until it is signed.
- A notice is there for the one device whose operation it is about, a number block for the one
  device that takes numbers from it.

Catalogue rows are in `all`, in a stream of their own.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.caps.models import UnitLedger
from app.cases.models import PenaltyCase
from app.cases.rules import OPEN_CASES, Procedure
from app.catalogue.models import CatalogueRow
from app.codes.models import VisitCode
from app.documents.models import Document, NumberBlock
from app.documents.rules import BlockState
from app.evidence.models import Evidence
from app.people.models import Officer
from app.people.rules import OfficerState
from app.prepared import Prepared
from app.tasks.models import Task, TaskOfficer
from app.tasks.rules import OPEN_STATES, TaskState
from app.units.models import Unit
from app.visits.models import (
    CorrectiveOrder,
    Finding,
    Sample,
    Visit,
    VisitAnswer,
    VisitAttendance,
)
from app.visits.rules import VisitState
from app.visits.terms import UNMET_ORDERS
from sync.devices.models import DeviceNotice, OfficerPin
from sync.feed import rules
from sync.feed.attached import (
    ON_TABLET,
    TEAMS,
    VisitScopes,
    compare_evidence,
    unsigned_scopes,
    uses_of,
)
from sync.feed.coded import compare_codes, compare_ledgers
from sync.feed.comparing import IDS, NOBODY, Compared, Touched, ask, read_stored
from sync.feed.models import FeedRow, FeedWant
from sync.feed.rules import Wanted

# The questions, put together once: this runs in every closing step, under the stream's lock.
_task, _member = Task.__table__.c, TaskOfficer.__table__.c
_visit, _attendance = Visit.__table__.c, VisitAttendance.__table__.c
_unit, _officer, _want = Unit.__table__.c, Officer.__table__.c, FeedWant.__table__.c
_notice, _pin = DeviceNotice.__table__.c, OfficerPin.__table__.c
_block, _paper = NumberBlock.__table__.c, Document.__table__.c
_row, _catalogue = FeedRow.__table__.c, CatalogueRow.__table__.c
_colleague = TaskOfficer.__table__.alias("colleague").c

_TASKS = Prepared(
    sa.select(
        _task.id, _task.district, _task.version, _task.state, _task.unit_id, _task.visit_id
    ).where(_task.id.in_(IDS))
)
_UNITS = Prepared(sa.select(_unit.id, _unit.district, _unit.version).where(_unit.id.in_(IDS)))
_UNIT_OFFICERS = Prepared(
    sa.union(
        sa.select(_task.unit_id, _member.officer_id)
        .join_from(Task.__table__, TaskOfficer.__table__, _task.id == _member.task_id)
        .where(_task.unit_id.in_(IDS), _task.state.in_(ON_TABLET)),
        sa.select(_visit.unit_id, _attendance.officer_id)
        .join_from(Visit.__table__, VisitAttendance.__table__, _visit.id == _attendance.visit_id)
        .where(
            _visit.unit_id.in_(IDS),
            _visit.task_id.is_(None),
            _visit.state != VisitState.SIGNED,
        ),
        sa.select(_want.unit_id, _want.officer_id).where(_want.unit_id.in_(IDS)),
    )
)
_UNIT_AGENCIES = Prepared(
    sa.select(_task.unit_id, _task.agency_id)
    .where(_task.unit_id.in_(IDS), _task.state.in_(OPEN_STATES))
    .distinct()
)
_VISITS = Prepared(
    sa.select(_visit.id, _visit.district, _visit.version, _visit.unit_id, _visit.state).where(
        _visit.id.in_(IDS)
    )
)
_VISIT_OFFICERS = Prepared(
    sa.union(
        sa.select(_visit.id, _member.officer_id)
        .join_from(
            Visit.__table__,
            Task.__table__,
            sa.and_(_task.id == _visit.task_id, _task.visit_id == _visit.id),
        )
        .join(TaskOfficer.__table__, _member.task_id == _task.id)
        .where(_visit.id.in_(IDS), _task.state.in_(ON_TABLET)),
        sa.select(_visit.id, _attendance.officer_id)
        .join_from(Visit.__table__, VisitAttendance.__table__, _visit.id == _attendance.visit_id)
        .where(_visit.id.in_(IDS), _visit.task_id.is_(None), _visit.state != VisitState.SIGNED),
    )
)
_SIGNED = (
    sa.select(
        _visit.id,
        _visit.unit_id,
        sa.func.row_number()
        .over(partition_by=_visit.unit_id, order_by=(_visit.signed_at.desc(), _visit.id.desc()))
        .label("rank"),
    )
    .where(_visit.unit_id.in_(IDS), _visit.state == VisitState.SIGNED)
    .subquery()
)
_HISTORY = Prepared(
    sa.select(_SIGNED.c.id, _SIGNED.c.unit_id).where(_SIGNED.c.rank <= rules.HISTORY)
)
_SIGNED_AT = Prepared(
    sa.select(_visit.id).where(_visit.unit_id.in_(IDS), _visit.state == VisitState.SIGNED)
)
_SHOWN = Prepared(
    sa.select(_row.entity_key).where(_row.entity_key.in_(IDS), _row.present.is_(True))
)
_OFFICERS = Prepared(
    sa.select(_officer.id, _officer.district, _officer.version, _officer.state).where(
        _officer.id.in_(IDS)
    )
)
_PINS = Prepared(
    sa.select(_pin.id, _pin.district, _pin.version, _pin.officer_id).where(_pin.officer_id.in_(IDS))
)
_NOTICES = Prepared(
    sa.select(_notice.id, _notice.district, _notice.version, _notice.device_id).where(
        _notice.id.in_(IDS)
    )
)
_BLOCKS = Prepared(
    sa.select(_block.id, _block.district, _block.version, _block.device_id, _block.state).where(
        _block.id.in_(IDS)
    )
)
_PAPERS = sa.select(
    _paper.id, _paper.visit_id, _paper.district, _paper.version, _paper.state, _paper.officer_ids
)
_DOCUMENTS = Prepared(_PAPERS.where(_paper.id.in_(IDS)))
_DOCUMENTS_AT = Prepared(_PAPERS.where(_paper.visit_id.in_(IDS)))
_COLLEAGUES = Prepared(
    sa.select(_member.officer_id, _colleague.officer_id.label("colleague_id"))
    .join_from(TaskOfficer.__table__, Task.__table__, _task.id == _member.task_id)
    .join(_colleague.task_id.table, _colleague.task_id == _member.task_id)
    .where(_member.officer_id.in_(IDS), _task.state.in_(ON_TABLET))
    .distinct()
)
_CATALOGUE = sa.select(_catalogue.id, _catalogue.version, _catalogue.kind).where(
    _catalogue.kind.in_(rules.CATALOGUE_TYPES)
)


def _children(model: type[VisitAnswer | Finding | Sample], by: str) -> Prepared:
    columns = model.__table__.c
    return Prepared(
        sa.select(columns.id, columns.visit_id, columns.district, columns.version).where(
            columns[by].in_(IDS)
        )
    )


_CHILDREN = {
    "visit_answer": (_children(VisitAnswer, "id"), _children(VisitAnswer, "visit_id")),
    "finding": (_children(Finding, "id"), _children(Finding, "visit_id")),
    "sample": (_children(Sample, "id"), _children(Sample, "visit_id")),
}


def _at_unit(
    model: type[CorrectiveOrder | PenaltyCase], by: str, states: Iterable[str] | None = None
) -> Prepared:
    """Return the question for what goes with a unit: by id, or all of some states at units.

    Cases of the ordinary procedure stay in the office: tablets carry what was decided on the spot.
    """
    columns = model.__table__.c
    query = sa.select(
        columns.id, columns.unit_id, columns.district, columns.version, columns.state
    ).where(columns[by].in_(IDS))
    if model is PenaltyCase:
        query = query.where(columns.procedure == Procedure.SIMPLE)
    return Prepared(query if states is None else query.where(columns.state.in_(sorted(states))))


_AT_UNITS = {
    "corrective_order": (
        _at_unit(CorrectiveOrder, "id"),
        _at_unit(CorrectiveOrder, "unit_id", UNMET_ORDERS),
        UNMET_ORDERS,
    ),
    "penalty_case": (
        _at_unit(PenaltyCase, "id"),
        _at_unit(PenaltyCase, "unit_id", OPEN_CASES),
        OPEN_CASES,
    ),
}


def compare(session: Session, touched: Touched) -> Compared:
    """Return what should be shown of the touched entities, and of all that moves with them.

    A task that comes or goes takes its unit, visit and colleagues along; a unit its history, orders
    and cases; a visit its answers, findings, samples, documents and evidence.
    """
    found = Compared()
    _compare_tasks(session, touched, found)
    unit_scopes = _compare_units(session, touched, found)
    _compare_visits(session, touched, found, unit_scopes)
    _compare_at_units(session, touched, found, unit_scopes)
    _compare_officers(session, touched, found)
    _compare_notices(session, touched, found)
    _compare_blocks(session, touched, found)
    compare_codes(session, touched, found)
    compare_ledgers(session, touched, found, lambda units: _scopes_of(session, units, unit_scopes))
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
        samples=ids(Sample),
        orders=ids(CorrectiveOrder),
        cases=ids(PenaltyCase),
        officers=ids(Officer),
        notices=ids(DeviceNotice),
        blocks=ids(NumberBlock),
        documents=ids(Document),
        evidence=ids(Evidence),
        codes=ids(VisitCode),
        ledgers=ids(UnitLedger),
        parents=visits,
        whole_catalogue=rules.CATALOGUE_STREAM in names,
    )


def _compare_tasks(session: Session, touched: Touched, found: Compared) -> None:
    teams: dict[UUID, set[UUID]] = {}
    for task_id, officer_id in ask(session, TEAMS, touched.tasks):
        teams.setdefault(task_id, set()).add(officer_id)
    read_stored(session, touched.tasks, found)
    for row in ask(session, _TASKS, touched.tasks):
        team = teams.get(row.id, set())
        key = ("task", str(row.id))
        scopes = frozenset(rules.officer_scope(one) for one in team)
        found.wanted[key] = Wanted(row.district, row.version, scopes)
        moves = found.moves(key)
        if moves:
            touched.given.add(row.id)
            touched.officers |= team | _officers_of(found.shown(key))
            touched.visits.add(row.visit_id)
            touched.parents.add(row.visit_id)
        if moves or row.state == TaskState.PENDING or row.state not in OPEN_STATES:
            touched.units.add(row.unit_id)


def _compare_units(
    session: Session, touched: Touched, found: Compared
) -> dict[UUID, frozenset[str]]:
    """Compare units; return the officers' scopes of each."""
    scopes = _officers_at(session, touched.units)
    agencies: dict[UUID, frozenset[str]] = {}
    for unit_id, agency_id in ask(session, _UNIT_AGENCIES, touched.units):
        agencies[unit_id] = agencies.get(unit_id, NOBODY) | {rules.agency_scope(agency_id)}
    read_stored(session, touched.units, found)
    for row in ask(session, _UNITS, touched.units):
        key = ("unit", str(row.id))
        of_unit = scopes[row.id] | agencies.get(row.id, NOBODY)
        found.wanted[key] = Wanted(row.district, row.version, of_unit)
        if found.moves(key):
            touched.moving.add(row.id)
    touched.visits |= _visits_at(session, touched.moving | touched.history_of)
    return scopes


def _officers_at(session: Session, unit_ids: Iterable[UUID]) -> dict[UUID, frozenset[str]]:
    """Return the scopes of the officers who carry each unit."""
    found = dict.fromkeys(unit_ids, NOBODY)
    for unit_id, officer_id in ask(session, _UNIT_OFFICERS, found):
        found[unit_id] |= {rules.officer_scope(officer_id)}
    return found


def _visits_at(session: Session, unit_ids: Iterable[UUID]) -> set[UUID]:
    """Return the visits of units that are, or may come to be, shown as their history."""
    units = set(unit_ids)
    found = {row.id for row in ask(session, _HISTORY, units)}
    signed = {str(row.id) for row in ask(session, _SIGNED_AT, units)}
    return found | {UUID(row.entity_key) for row in ask(session, _SHOWN, signed)}


def _compare_visits(
    session: Session,
    touched: Touched,
    found: Compared,
    unit_scopes: Mapping[UUID, frozenset[str]],
) -> None:
    rows, visits = _visit_scopes(session, touched.visits, unit_scopes)
    read_stored(session, touched.visits, found)
    for row in rows:
        key = ("visit", str(row.id))
        scopes = visits[row.id].current | visits[row.id].history
        found.wanted[key] = Wanted(row.district, row.version, scopes)
        if found.moves(key):
            touched.parents.add(row.id)

    def scopes_of_visits(ids: set[UUID]) -> dict[UUID, VisitScopes]:
        _, others = _visit_scopes(session, ids - visits.keys(), unit_scopes)
        return {**visits, **others}

    uses = _compare_children(session, touched, found, visits)
    compare_evidence(session, uses, found, scopes_of_visits)


def _visit_scopes(
    session: Session, ids: Set[UUID], unit_scopes: Mapping[UUID, frozenset[str]]
) -> tuple[list[Any], dict[UUID, VisitScopes]]:
    """Return the rows of visits, and who is shown each."""
    rows = list(ask(session, _VISITS, ids))
    current: dict[UUID, frozenset[str]] = {}
    for visit_id, officer_id in ask(session, _VISIT_OFFICERS, ids):
        current[visit_id] = current.get(visit_id, NOBODY) | {rules.officer_scope(officer_id)}
    signed_at = {row.unit_id for row in rows if row.state == VisitState.SIGNED}
    history = _history_scopes(session, signed_at, unit_scopes)
    found = {
        row.id: VisitScopes(current.get(row.id, NOBODY), history.get(row.id, NOBODY))
        for row in rows
    }
    return rows, found


def _history_scopes(
    session: Session, unit_ids: Set[UUID], known: Mapping[UUID, frozenset[str]]
) -> dict[UUID, frozenset[str]]:
    """Return who carries a visit as the history of a unit of theirs."""
    scopes = _scopes_of(session, unit_ids, known)
    carried = [unit for unit in unit_ids if scopes[unit]]
    return {row.id: scopes[row.unit_id] for row in ask(session, _HISTORY, carried)}


def _scopes_of(
    session: Session, unit_ids: Set[UUID], known: Mapping[UUID, frozenset[str]]
) -> Mapping[UUID, frozenset[str]]:
    """Return the officers' scopes of units, asking for those that are not known yet."""
    return {**known, **_officers_at(session, unit_ids - known.keys())}


def _compare_at_units(
    session: Session,
    touched: Touched,
    found: Compared,
    known: Mapping[UUID, frozenset[str]],
) -> None:
    """Compare the orders and cases that were touched, and those of units whose officers change."""
    for kind, ids in (("corrective_order", touched.orders), ("penalty_case", touched.cases)):
        by_id, by_unit, shown_states = _AT_UNITS[kind]
        rows = {row.id: row for row in ask(session, by_unit, touched.moving)}
        rows.update((row.id, row) for row in ask(session, by_id, ids - rows.keys()))
        scopes = _scopes_of(session, {row.unit_id for row in rows.values()}, known)
        read_stored(session, rows, found)
        for row in rows.values():
            shown = scopes[row.unit_id] if row.state in shown_states else NOBODY
            found.wanted[kind, str(row.id)] = Wanted(row.district, row.version, shown)


def _compare_children(
    session: Session,
    touched: Touched,
    found: Compared,
    visits: Mapping[UUID, VisitScopes],
) -> list[Any]:
    """Compare what goes with visits; return the uses of the evidence that has to be compared."""
    subjects = touched.parents | touched.given
    rows: list[tuple[str, Any]] = []
    fresh: list[tuple[str, Any]] = []
    for kind, ids in (
        ("visit_answer", touched.answers),
        ("finding", touched.findings),
        ("sample", touched.samples),
    ):
        by_id, by_visit = _CHILDREN[kind]
        written = touched.fresh.get(kind, {})
        moved = {row.id: row for row in ask(session, by_visit, touched.parents)}
        subjects |= moved.keys()
        rows += ((kind, row) for row in moved.values() if row.id not in written)
        rows += ((kind, row) for row in ask(session, by_id, ids - moved.keys() - written.keys()))
        fresh += ((kind, row) for row in written.values())
    papers = {row.id: row for row in ask(session, _DOCUMENTS_AT, touched.parents)}
    papers.update(
        (row.id, row) for row in ask(session, _DOCUMENTS, touched.documents - papers.keys())
    )
    rows += (("document", row) for row in papers.values())
    uses = uses_of(session, subjects | papers.keys() | touched.evidence)
    read_stored(session, {rules.key_of(kind, row)[1] for kind, row in rows}, found)
    read_stored(session, {use.id for use in uses}, found)
    for kind, row in (*rows, *fresh):
        found.wanted[rules.key_of(kind, row)] = Wanted(
            row.district, row.version, _child_scopes(kind, row, visits)
        )
    return uses


def _child_scopes(kind: str, row: Any, visits: Mapping[UUID, VisitScopes]) -> frozenset[str]:
    if row.visit_id is None:
        return unsigned_scopes(row.state, row.officer_ids)
    visit = visits.get(row.visit_id, VisitScopes())
    return visit.current if kind == "visit_answer" else visit.current | visit.history


def _compare_officers(session: Session, touched: Touched, found: Compared) -> None:
    sharing: dict[UUID, frozenset[str]] = {}
    for officer_id, colleague_id in ask(session, _COLLEAGUES, touched.officers):
        scope = rules.officer_scope(colleague_id)
        sharing[officer_id] = sharing.get(officer_id, NOBODY) | {scope}
    read_stored(session, touched.officers, found)
    active = set()
    for row in ask(session, _OFFICERS, touched.officers):
        scopes = sharing.get(row.id, NOBODY)
        if row.state == OfficerState.ACTIVE:
            scopes |= {rules.officer_scope(row.id)}
            active.add(row.id)
        found.wanted["officer", str(row.id)] = Wanted(row.district, row.version, scopes)
    pins = list(ask(session, _PINS, touched.officers))
    read_stored(session, [row.id for row in pins], found)
    for row in pins:
        scopes = sharing.get(row.officer_id, NOBODY) if row.officer_id in active else NOBODY
        scopes -= {rules.officer_scope(row.officer_id)}
        found.wanted["officer_pin", str(row.id)] = Wanted(row.district, row.version, scopes)


def _compare_notices(session: Session, touched: Touched, found: Compared) -> None:
    read_stored(session, touched.notices, found)
    for row in ask(session, _NOTICES, touched.notices):
        found.wanted["device_notice", str(row.id)] = Wanted(
            row.district, row.version, frozenset({rules.device_scope(row.device_id)})
        )


def _compare_blocks(session: Session, touched: Touched, found: Compared) -> None:
    read_stored(session, touched.blocks, found)
    for row in ask(session, _BLOCKS, touched.blocks):
        scopes = {rules.device_scope(row.device_id)} if row.state == BlockState.OPEN else ()
        found.wanted["number_block", str(row.id)] = Wanted(
            row.district, row.version, frozenset(scopes)
        )


def _compare_catalogue(session: Session, found: Compared) -> None:
    rows = session.execute(_CATALOGUE).all()
    read_stored(session, [row.id for row in rows], found)
    for row in rows:
        found.wanted[row.kind, str(row.id)] = Wanted(
            rules.CATALOGUE_STREAM, row.version, frozenset({rules.ALL})
        )


def _officers_of(scopes: Iterable[str]) -> set[UUID]:
    return {
        UUID(scope.removeprefix("officer:")) for scope in scopes if scope.startswith("officer:")
    }
