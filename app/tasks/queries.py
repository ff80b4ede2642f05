"""Reads of tasks that deserve a name, and the next task number."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql, sqlite

from app.access import Role
from app.db import db
from app.evidence.models import Evidence
from app.people.models import Account, Officer, Recusal
from app.people.rules import AccountState, OfficerState
from app.tasks.models import Task, TaskNumber, TaskOfficer
from app.tasks.rules import OPEN_STATES, Candidate, Person
from app.units.models import Unit

_AT_ONCE = 500  # keys in one statement: below every driver's limit of parameters


def find_task(task_id: UUID) -> Task | None:
    """Return a task of any agency."""
    return db.session.get(Task, task_id)


def tasks_of(agency_id: UUID, *, on: date, **filters: Any) -> sa.Select[Task]:
    """Return the query for an agency's tasks; a filter that is None does not count.

    Filters: `state`, `officer_id` (on the team), `unit_id`, `origin`, `specialty`, `level`,
    `overdue` (open and due before `on`, or the opposite), `due_from`, `due_until` (included).
    """
    query = sa.select(Task).where(Task.agency_id == agency_id).options(orm.selectinload(Task.unit))
    for name in ("state", "unit_id", "origin", "specialty", "level"):
        if filters.get(name) is not None:
            query = query.where(getattr(Task, name) == filters[name])
    if filters.get("officer_id") is not None:
        query = query.where(Task.team.any(TaskOfficer.officer_id == filters["officer_id"]))
    if filters.get("due_from") is not None:
        query = query.where(Task.due_on >= filters["due_from"])
    if filters.get("due_until") is not None:
        query = query.where(Task.due_on <= filters["due_until"])
    if filters.get("overdue") is not None:
        overdue = sa.and_(
            Task.due_on.is_not(None), Task.due_on < on, Task.state.in_(sorted(OPEN_STATES))
        )
        query = query.where(overdue if filters["overdue"] else sa.not_(overdue))
    return query


def agencies_of_units(unit_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the agency of each unit that exists."""
    found: dict[UUID, UUID] = {}
    wanted = sorted(unit_ids)
    for start in range(0, len(wanted), _AT_ONCE):
        query = sa.select(Unit.id, Unit.agency_id).where(
            Unit.id.in_(wanted[start : start + _AT_ONCE])
        )
        found.update((unit_id, agency_id) for unit_id, agency_id in db.session.execute(query))
    return found


def candidates(
    officer_ids: Sequence[UUID], *, unit_id: UUID, from_on: date, until_on: date
) -> dict[UUID, Candidate]:
    """Return the officers found, as the team rule sees them for a visit between two days."""
    recused = set(
        db.session.scalars(
            sa.select(Recusal.officer_id).where(
                Recusal.officer_id.in_(officer_ids),
                Recusal.unit_id == unit_id,
                Recusal.effective_from <= until_on,
                sa.or_(Recusal.effective_to.is_(None), Recusal.effective_to >= from_on),
            )
        )
    )
    officers = db.session.scalars(sa.select(Officer).where(Officer.id.in_(officer_ids)))
    return {
        officer.id: Candidate(
            officer_id=officer.id,
            name=officer.name,
            agency_id=officer.agency_id,
            active=officer.state == OfficerState.ACTIVE,
            certificate_valid_until=officer.certificate_valid_until,
            lead_specialties=frozenset(officer.lead_specialties),
            recused=officer.id in recused,
        )
        for officer in officers
    }


def is_in_service(officer_id: UUID) -> bool:
    """Tell whether an officer exists and has not left."""
    officer = db.session.get(Officer, officer_id)
    return officer is not None and officer.state == OfficerState.ACTIVE


def person_of_officer(officer_id: UUID) -> Person | None:
    """Return the account of an officer as somebody who decides, or None where there is none."""
    account = db.session.scalars(
        sa.select(Account).where(Account.officer_id == officer_id)
    ).one_or_none()
    if account is None:
        return None
    active = account.state == AccountState.ACTIVE and is_in_service(officer_id)
    return Person(
        account_id=account.id,
        officer_id=officer_id,
        agency_id=account.agency_id,
        supervisor=active and Role.SUPERVISOR in account.roles,
    )


def evidence_states(agency_id: UUID, hashes: Iterable[str]) -> dict[str, str]:
    """Return the states of an agency's own pieces of evidence, by hash."""
    query = sa.select(Evidence).where(
        Evidence.agency_id == agency_id, Evidence.sha256.in_(sorted(set(hashes)))
    )
    return {evidence.sha256: evidence.state for evidence in db.session.scalars(query)}


def take_numbers(agency_id: UUID, year: int, count: int) -> range:
    """Take the next `count` task numbers of an agency's year; nobody else gets them.

    Its row stays locked until the transaction ends; a transaction undone gives them back.
    """
    dialect = db.session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = (
        insert(TaskNumber)
        .values(agency_id=agency_id, year=year, last=count)
        .on_conflict_do_update(
            index_elements=["agency_id", "year"], set_={"last": TaskNumber.last + count}
        )
        .returning(TaskNumber.last)
    )
    last = db.session.execute(statement).scalar_one()
    return range(last - count + 1, last + 1)


def last_numbers() -> dict[str, int]:
    """Return the last task number of every agency and year, by the name of the series."""
    rows = db.session.execute(sa.select(TaskNumber.agency_id, TaskNumber.year, TaskNumber.last))
    return {f"task:{agency_id}:{year}": last for agency_id, year, last in rows}


def raise_number(agency_id: UUID, year: int, last: int) -> None:
    """Let an agency's numbers of a year go on above `last`; one that is higher already stays."""
    found = db.session.get(TaskNumber, (agency_id, year), with_for_update=True)
    if found is None:
        db.session.add(TaskNumber(agency_id=agency_id, year=year, last=last))
    else:
        found.last = max(found.last, last)
