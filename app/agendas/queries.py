"""Reads of agendas: by their address, and the visits that stand in them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app.agendas.models import Agenda
from app.db import db
from app.jointvisits.models import JointPlan, JointVisit, JointVisitOfficer, JointVisitTask
from app.jointvisits.rules import PlanState, VisitState
from app.people.models import Account, Officer
from app.people.rules import AccountState, OfficerState
from app.tasks.models import TaskOfficer
from app.units.models import Unit

MOST = 2000


class Planned(NamedTuple):
    """A published joint visit with its day, as far as an agenda tells it."""

    id: UUID
    version: int
    on: date
    unit: str
    address: str
    published_at: datetime
    changed_at: datetime | None
    withdrawn_at: datetime | None


def find_agenda(agenda_id: UUID) -> Agenda | None:
    return db.session.get(Agenda, agenda_id)


def find_by_hash(token_hash: str) -> Agenda | None:
    """Return the agenda behind an address."""
    query = sa.select(Agenda).where(Agenda.token_hash == token_hash)
    return db.session.scalars(query).one_or_none()


def agenda_of(agency_id: UUID, officer_id: UUID | None, team: str | None) -> Agenda | None:
    """Return the agenda of an officer, else of a team."""
    owner = Agenda.team == team if officer_id is None else Agenda.officer_id == officer_id
    query = sa.select(Agenda).where(Agenda.agency_id == agency_id, owner)
    return db.session.scalars(query).one_or_none()


def agendas_in(agency_id: UUID, officer_id: UUID | None = None) -> sa.Select[Agenda]:
    """Return the query for an agency's agendas, or for one officer's."""
    query = sa.select(Agenda).where(Agenda.agency_id == agency_id)
    return query if officer_id is None else query.where(Agenda.officer_id == officer_id)


def serving(agency_id: UUID, officer_id: UUID | None, team: str | None) -> Sequence[Officer]:
    """Return the officers whose visits an agenda holds: who left or is suspended has none."""
    suspended = sa.select(Account.officer_id).where(
        Account.officer_id.is_not(None), Account.state != AccountState.ACTIVE
    )
    query = sa.select(Officer).where(
        Officer.agency_id == agency_id,
        Officer.state == OfficerState.ACTIVE,
        Officer.team == team if officer_id is None else Officer.id == officer_id,
    )
    if officer_id is not None:
        query = query.where(Officer.id.not_in(suspended))
    return db.session.scalars(query).all()


def visits_for(officer_ids: Collection[UUID], first: date, last: date) -> Sequence[Planned]:
    """Return the published visits of officers, by day; those of withdrawn plans too.

    Whoever stands in a visit's team goes; a visit without a team is the affair of its tasks' teams.
    """
    own = JointVisitOfficer.joint_visit_id == JointVisit.id
    of_its_tasks = sa.exists().where(
        JointVisitTask.joint_visit_id == JointVisit.id,
        TaskOfficer.task_id == JointVisitTask.task_id,
        TaskOfficer.officer_id.in_(officer_ids),
    )
    query = (
        sa.select(
            JointVisit.id,
            JointVisit.version,
            JointVisit.planned_on,
            Unit.name,
            Unit.address,
            JointPlan.published_at,
            JointPlan.changed_at,
            JointPlan.withdrawn_at,
        )
        .join(JointPlan, JointPlan.id == JointVisit.plan_id)
        .join(Unit, Unit.id == JointVisit.unit_id)
        .where(
            JointPlan.published_at.is_not(None),
            JointPlan.state.in_([PlanState.PUBLISHED, PlanState.WITHDRAWN]),
            JointVisit.state == VisitState.PLANNED,
            JointVisit.planned_on.between(first, last),
            sa.or_(
                sa.exists().where(own, JointVisitOfficer.officer_id.in_(officer_ids)),
                sa.and_(~sa.exists().where(own), of_its_tasks),
            ),
        )
        .order_by(JointVisit.planned_on, JointVisit.id)
        .limit(MOST)
    )
    return [Planned._make(row) for row in db.session.execute(query)]


def specialties_of(visit_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return the specialty of each task of these visits."""
    found: dict[UUID, list[str]] = {}
    for start in range(0, len(visit_ids), 500):
        query = (
            sa.select(JointVisitTask.joint_visit_id, JointVisitTask.specialty)
            .where(JointVisitTask.joint_visit_id.in_(visit_ids[start : start + 500]))
            .order_by(JointVisitTask.specialty)
        )
        for visit_id, specialty in db.session.execute(query):
            found.setdefault(visit_id, []).append(specialty)
    return found


def last_revision(agency_id: UUID) -> datetime | None:
    """Return when a published plan of the agency was last published, changed or withdrawn."""
    columns = (JointPlan.published_at, JointPlan.changed_at, JointPlan.withdrawn_at)
    query = sa.select(*(sa.func.max(one) for one in columns)).where(
        JointPlan.agency_id == agency_id, JointPlan.published_at.is_not(None)
    )
    return max((one for one in db.session.execute(query).one() if one is not None), default=None)
