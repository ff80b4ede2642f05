"""Which scopes show a piece of evidence, and what a team is told of a colleague's late work.

Evidence is there for who is shown what it is evidence of: a visit, a finding or a document with the
unit's history, an answer without it, a task with its team. One original that several things rest on
is one entity, in the scopes of them all. A task's notice goes with the task.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.documents.models import Document
from app.documents.rules import DocumentState
from app.evidence.models import Evidence, EvidenceLink
from app.prepared import Prepared
from app.tasks.models import Task, TaskOfficer
from app.tasks.rules import OPEN_STATES, TaskState
from app.visits.models import Finding, VisitAnswer
from sync.feed import rules
from sync.feed.comparing import IDS, NOBODY, Compared, ask
from sync.feed.rules import Wanted

ON_TABLET = OPEN_STATES - {TaskState.PENDING}
_original, _link = Evidence.__table__.c, EvidenceLink.__table__.c
_answer, _finding, _paper = VisitAnswer.__table__.c, Finding.__table__.c, Document.__table__.c
_task, _member = Task.__table__.c, TaskOfficer.__table__.c

TEAMS = Prepared(
    sa.select(_member.task_id, _member.officer_id)
    .join_from(TaskOfficer.__table__, Task.__table__, _task.id == _member.task_id)
    .where(_task.id.in_(IDS), _task.state.in_(ON_TABLET))
)
# every use of the evidence that is asked for by its own id, or by what it is evidence of
_USES = Prepared(
    sa.select(
        _original.id,
        _original.district,
        _original.version,
        _link.subject_type,
        _link.subject_id,
        sa.func.coalesce(
            sa.case((_link.subject_type == "visit", _link.subject_id)),
            _answer.visit_id,
            _finding.visit_id,
            _paper.visit_id,
        ).label("visit_id"),
        _paper.state,
        _paper.officer_ids,
    )
    .join_from(EvidenceLink.__table__, Evidence.__table__, _original.id == _link.evidence_id)
    .outerjoin(
        VisitAnswer.__table__,
        sa.and_(_link.subject_type == "visit_answer", _answer.id == _link.subject_id),
    )
    .outerjoin(
        Finding.__table__, sa.and_(_link.subject_type == "finding", _finding.id == _link.subject_id)
    )
    .outerjoin(
        Document.__table__, sa.and_(_link.subject_type == "document", _paper.id == _link.subject_id)
    )
    .where(
        _link.evidence_id.in_(
            sa.union(
                sa.select(_link.evidence_id).where(_link.subject_id.in_(IDS)),
                sa.select(_original.id).where(_original.id.in_(IDS)),
            )
        )
    )
)


@dataclass(frozen=True)
class VisitScopes:
    """Who is shown a visit: now, and as the history of a unit."""

    current: frozenset[str] = NOBODY
    history: frozenset[str] = NOBODY


def uses_of(session: Session, ids: Iterable[UUID]) -> list[Any]:
    """Return all uses of the evidence with these ids, or of these subjects."""
    return list(ask(session, _USES, ids))


def compare_evidence(
    session: Session,
    uses: Collection[Any],
    found: Compared,
    visits: Callable[[set[UUID]], dict[UUID, VisitScopes]],
) -> None:
    """Say in which scopes the evidence should be that these are the uses of."""
    at_visits = visits({use.visit_id for use in uses if use.visit_id is not None})
    teams = _teams(session, {use.subject_id for use in uses if use.subject_type == "task"}, found)
    for use in uses:
        key = ("evidence", str(use.id))
        before = found.wanted.get(key)
        scopes = _scopes(use, at_visits, teams) | (NOBODY if before is None else before.scopes)
        found.wanted[key] = Wanted(use.district, use.version, scopes)


def _scopes(
    use: Any, at_visits: dict[UUID, VisitScopes], teams: dict[UUID, frozenset[str]]
) -> frozenset[str]:
    if use.subject_type == "task":
        return teams.get(use.subject_id, NOBODY)
    if use.visit_id is None:
        return unsigned_scopes(use.state, use.officer_ids)
    visit = at_visits.get(use.visit_id, VisitScopes())
    if use.subject_type == "visit_answer":
        return visit.current
    return visit.current | visit.history


def unsigned_scopes(state: str | None, officer_ids: Iterable[str] | None) -> frozenset[str]:
    """Return who is shown a document without a visit: its officers, until it is signed."""
    if state != DocumentState.ISSUED:
        return NOBODY
    return frozenset(rules.officer_scope(one) for one in officer_ids or ())


def _teams(session: Session, task_ids: set[UUID], found: Compared) -> dict[UUID, frozenset[str]]:
    """Return who is shown each task; those that were compared are not asked for again."""
    known = {one: found.wanted.get(("task", str(one))) for one in task_ids}
    teams = {one: NOBODY if want is None else want.scopes for one, want in known.items()}
    for task_id, officer_id in ask(session, TEAMS, [k for k, want in known.items() if not want]):
        teams[task_id] |= {rules.officer_scope(officer_id)}
    return teams
