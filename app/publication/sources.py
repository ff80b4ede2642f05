"""What may become public, read from cases and visits, with nobody's identity in it.

A natural person is shown as 王某某 and never with code, act or address; of an organisation its name
and code are shown. Who acts for an organisation is never shown.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases import crediting
from app.cases.models import CaseRemedy, PenaltyCase
from app.cases.rules import IdKind, PartyKind
from app.cases.sanctions import KIND_NAMES, SanctionKind
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db
from app.people import service as people
from app.publication import queries, rules
from app.publication.models import Publication
from app.publication.rules import PublicationState, Subject, SubjectType
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.units.models import Unit
from app.visits.models import Visit

BATCH = 500
SANCTION_NAMES = {str(kind): name for kind, name in KIND_NAMES.items()}


def decision_of(case: PenaltyCase) -> Subject | None:
    """Return what may be shown of a decided case, None of one that is not decided."""
    if case.decided_on is None:
        return None
    unit = None if case.unit_id is None else db.session.get(Unit, case.unit_id)
    person = case.party_kind == PartyKind.CITIZEN
    name = case.party_name or "姓名不详"
    number = case.decision_number or case.number
    content = {
        "party": rules.mask_person(name) if person else name,
        "uscc": None if person else _code_of(case, unit),
        "number": number,
        "cause": case.cause_name,
        "act": None if person else case.act,
        "basis": f"{case.basis_law} {case.basis_article}",
        "kinds": [KIND_NAMES[line.kind] for line in case.lines if not line.on_staff],
        "fine_fen": _fen(case, SanctionKind.FINE),
        "confiscated_fen": _fen(case, SanctionKind.CONFISCATED_GAINS),
        "decided_on": case.decided_on.isoformat(),
        "agency": people.get_agency(case.agency_id).name,
        "district": case.district,
    }
    return Subject(SubjectType.DECISION, case.id, number, case.unit_id, case.decided_on, content)


def _code_of(case: PenaltyCase, unit: Unit | None) -> str | None:
    """Return the code of an organisation: the case's own, else the register's."""
    if case.party_id_kind == IdKind.USCC:
        return case.party_id_number
    return None if unit is None else unit.uscc


def _fen(case: PenaltyCase, kind: SanctionKind) -> int:
    return sum(
        line.amount_fen or 0 for line in case.lines if line.kind is kind and not line.on_staff
    )


def result_of(visit: Visit, task: Task, names: Mapping[str, Mapping[str, Any]]) -> Subject | None:
    """Return what may be shown of a completed task's visit, None where its outcome says nothing.

    `names` are the bodies of the outcome codes in force.
    """
    outcome = names.get(task.outcome or "")
    if outcome is None or outcome["public_result"] is None:
        return None
    unit = db.session.get_one(Unit, visit.unit_id)
    person = rules.may_be_person(unit.name, unit.uscc)
    visited_on = local_date(visit.started_at if visit.clock_suspect else visit.started_recorded_at)
    content = {
        "party": rules.mask_person(unit.name) if person else unit.name,
        "uscc": unit.uscc,
        "number": task.task_no,
        "specialty": specialty_name(task.specialty, visited_on),
        "result": outcome["public_result"],
        "outcome": outcome["name"],
        "visited_on": visited_on.isoformat(),
        "agency": people.get_agency(visit.agency_id).name,
        "district": visit.district,
    }
    return Subject(
        SubjectType.RESULT, visit.id, task.task_no, unit.id, visited_on, content, task.origin
    )


def specialty_name(code: str, on: date) -> str:
    """Return the name of a specialty on a day, its code where the catalogue has none."""
    for row in catalogue.in_force("specialty", on):
        if row.code == code:
            return str(row.body["name"])
    return code


def outcomes(on: date) -> dict[str, Mapping[str, Any]]:
    """Return the outcome codes in force by code."""
    return {row.code: row.body for row in catalogue.in_force("outcome_code", on)}


def cases_to_follow() -> list[UUID]:
    """Return the decided cases that no channel knows yet, and the overturned ones still shown.

    Also those shown by exception, as long as the credit site does not know them.
    """
    known = sa.select(Publication.subject_id).where(
        Publication.subject_type == SubjectType.DECISION
    )
    standing = known.where(Publication.state != PublicationState.WITHDRAWN)
    overturned = sa.select(CaseRemedy.case_id).where(
        CaseRemedy.result.in_(sorted(crediting.OVERTURNED))
    )
    gone = sa.or_(PenaltyCase.revoked_on.is_not(None), PenaltyCase.id.in_(overturned))
    query = (
        sa.select(PenaltyCase.id)
        .where(
            PenaltyCase.decided_on.is_not(None),
            PenaltyCase.filed_on.is_not(None),
            PenaltyCase.state.in_(sorted(crediting.STANDING)),
            sa.case(
                (gone, PenaltyCase.id.in_(standing)),
                else_=sa.or_(
                    PenaltyCase.id.not_in(known), PenaltyCase.id.in_(queries.excepted_cases())
                ),
            ),
        )
        .order_by(PenaltyCase.id)
        .limit(BATCH)
    )
    return list(db.session.scalars(query))


def visits_to_publish(on: date) -> list[UUID]:
    """Return the visits of completed tasks that no channel knows yet."""
    said = [code for code, body in outcomes(on).items() if body["public_result"] is not None]
    shown = sa.select(Publication.subject_id).where(Publication.subject_type == SubjectType.RESULT)
    query = (
        sa.select(Visit.id)
        .join(Task, Task.visit_id == Visit.id)
        .where(Task.state == TaskState.COMPLETED, Task.outcome.in_(said), Visit.id.not_in(shown))
        .order_by(Visit.id)
        .limit(BATCH)
    )
    return list(db.session.scalars(query))


def task_of(visit_id: UUID) -> Task | None:
    """Return the task that a visit was for in its present round."""
    return db.session.scalars(sa.select(Task).where(Task.visit_id == visit_id)).one_or_none()
