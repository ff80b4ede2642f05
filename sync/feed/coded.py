"""Which scopes show a visit code, and what is counted of the entries into a unit.

A code with tasks goes with them: to the team of each, as long as the task is on tablets. A code
without a task is for an entry that somebody has a reason for: it is there for the officers whom it
names, until a visit at which it was shown is signed, or its days are over and nobody used it. A
unit's ledger goes with the unit.
"""

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.caps.models import UnitLedger
from app.codes.models import VisitCode, VisitCodeOfficer, VisitCodeTask
from app.prepared import Prepared
from app.tasks.models import Task, TaskOfficer
from app.visits.models import Visit, VisitArrival
from app.visits.rules import VisitState
from sync.feed import rules
from sync.feed.attached import ON_TABLET
from sync.feed.comparing import IDS, NOBODY, Compared, Touched, ask, read_stored
from sync.feed.rules import Wanted

_code, _named = VisitCode.__table__.c, VisitCodeOfficer.__table__.c
_for, _task, _member = VisitCodeTask.__table__.c, Task.__table__.c, TaskOfficer.__table__.c
_visit, _arrival = Visit.__table__.c, VisitArrival.__table__.c
_ledger = UnitLedger.__table__.c

_CODES = Prepared(sa.select(_code.id, _code.district, _code.version).where(_code.id.in_(IDS)))
_LEDGER_ROWS = sa.select(_ledger.id, _ledger.unit_id, _ledger.district, _ledger.version)
_LEDGERS = Prepared(_LEDGER_ROWS.where(_ledger.id.in_(IDS)))
_LEDGERS_AT = Prepared(_LEDGER_ROWS.where(_ledger.unit_id.in_(IDS)))
_CODES_OF = Prepared(sa.select(_for.code_id).where(_for.task_id.in_(IDS)).distinct())
_CODES_AT = Prepared(
    sa.select(_arrival.code_id)
    .where(_arrival.visit_id.in_(IDS), _arrival.code_id.is_not(None))
    .distinct()
)
_TEAMS = Prepared(
    sa.select(_for.code_id, _member.officer_id)
    .join_from(VisitCodeTask.__table__, Task.__table__, _task.id == _for.task_id)
    .join(TaskOfficer.__table__, _member.task_id == _task.id)
    .where(_for.code_id.in_(IDS), _task.state.in_(ON_TABLET))
)
_WITHOUT_TASK = Prepared(
    sa.select(_named.code_id, _named.officer_id).where(
        _named.code_id.in_(IDS),
        sa.exists().where(_code.id == _named.code_id, _code.ended_on.is_(None)),
        ~sa.exists().where(_for.code_id == _named.code_id),
        ~sa.exists()
        .where(_arrival.code_id == _named.code_id)
        .where(_visit.id == _arrival.visit_id, _visit.state == VisitState.SIGNED),
    )
)


def compare_codes(session: Session, touched: Touched, found: Compared) -> None:
    """Say in which scopes codes should be: those that changed, and those of tasks that move."""
    ids = touched.codes | set(_ids(session, _CODES_OF, touched.given))
    ids |= set(_ids(session, _CODES_AT, touched.signed))
    scopes: dict[UUID, frozenset[str]] = {}
    for question in (_TEAMS, _WITHOUT_TASK):
        for code_id, officer_id in ask(session, question, ids):
            scopes[code_id] = scopes.get(code_id, NOBODY) | {rules.officer_scope(officer_id)}
    read_stored(session, ids, found)
    for row in ask(session, _CODES, ids):
        found.wanted["visit_code", str(row.id)] = Wanted(
            row.district, row.version, scopes.get(row.id, NOBODY)
        )


def compare_ledgers(
    session: Session,
    touched: Touched,
    found: Compared,
    scopes_of: Callable[[set[UUID]], Mapping[UUID, frozenset[str]]],
) -> None:
    """Say in which scopes ledgers should be: those that changed, and those of units that move."""
    rows = {row.id: row for row in ask(session, _LEDGERS_AT, touched.moving)}
    rows.update((row.id, row) for row in ask(session, _LEDGERS, touched.ledgers - rows.keys()))
    scopes = scopes_of({row.unit_id for row in rows.values()})
    read_stored(session, rows, found)
    for row in rows.values():
        found.wanted["unit_ledger", str(row.id)] = Wanted(
            row.district, row.version, scopes[row.unit_id]
        )


def _ids(session: Session, question: Prepared, ids: Iterable[UUID]) -> Iterable[UUID]:
    return (row[0] for row in ask(session, question, ids))
