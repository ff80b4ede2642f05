"""Reads of teams of joint visits that deserve a name."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.draws.models import Draw, DrawSelection
from app.jointvisits.models import JointPlan, JointVisit, JointVisitOfficer, JointVisitTask
from app.jointvisits.rules import LotState, PlanState, VisitState
from app.jointvisits.team_models import (
    JointTeamChange,
    JointTeamLot,
    JointTeamLotVisit,
    JointVisitItem,
    JointVisitPartner,
)
from app.people.models import Officer
from app.tasks.models import Task
from app.tasks.rules import UNBEGUN_STATES
from app.units.models import Unit


def lots_of(plan_id: UUID) -> sa.Select[JointTeamLot]:
    """Return the query for the lots of a plan."""
    return sa.select(JointTeamLot).where(JointTeamLot.plan_id == plan_id)


def asked_lots() -> list[UUID]:
    """Return the lots that wait for the timetable, of every agency, in their order."""
    query = sa.select(JointTeamLot.id).where(JointTeamLot.state == LotState.ASKED)
    return list(db.session.scalars(query.order_by(JointTeamLot.id)))


def has_lot(plan_id: UUID) -> bool:
    """Tell whether the teams of a plan were asked for by lot, drawn or not."""
    return db.session.scalars(lots_of(plan_id).limit(1)).first() is not None


def is_waiting(plan_id: UUID) -> bool:
    """Tell whether a lot of a plan waits for the timetable."""
    query = lots_of(plan_id).where(JointTeamLot.state == LotState.ASKED)
    return db.session.scalars(query.limit(1)).first() is not None


def last_lot(agency_id: UUID) -> JointTeamLot | None:
    """Return an agency's newest lot, of whatever plan."""
    query = sa.select(JointTeamLot).where(JointTeamLot.agency_id == agency_id)
    return db.session.scalars(query.order_by(JointTeamLot.number.desc()).limit(1)).first()


def lot_before(lot: JointTeamLot) -> JointTeamLot | None:
    """Return the lot of the same agency that a lot has to name as the one before."""
    query = sa.select(JointTeamLot).where(
        JointTeamLot.agency_id == lot.agency_id, JointTeamLot.number < lot.number
    )
    return db.session.scalars(query.order_by(JointTeamLot.number.desc()).limit(1)).first()


def decided(plan_id: UUID) -> set[tuple[UUID, date]]:
    """Return the visits of a plan, each with its day, whose team a lot or a person decided."""
    lots = (
        sa.select(JointTeamLotVisit.joint_visit_id, JointTeamLotVisit.planned_on)
        .join(JointTeamLot, JointTeamLot.id == JointTeamLotVisit.lot_id)
        .where(JointTeamLot.plan_id == plan_id)
    )
    hands = (
        sa.select(JointTeamChange.joint_visit_id, JointTeamChange.planned_on)
        .join(JointVisit, JointVisit.id == JointTeamChange.joint_visit_id)
        .where(JointVisit.plan_id == plan_id)
    )
    return {(row[0], row[1]) for query in (lots, hands) for row in db.session.execute(query)}


def archive_nos(visits: Collection[JointVisit]) -> dict[UUID, str]:
    """Return the archive number of every visit's unit, by the id of the unit."""
    ids = sorted({one.unit_id for one in visits})
    found: dict[UUID, str] = {}
    for start in range(0, len(ids), 500):
        query = sa.select(Unit.id, Unit.archive_no).where(Unit.id.in_(ids[start : start + 500]))
        found.update({row[0]: row[1] for row in db.session.execute(query)})
    return found


def unbegun_tasks(plan_id: UUID) -> dict[UUID, list[Task]]:
    """Return the tasks that nobody began of every visit of a plan, by the visit."""
    query = (
        sa.select(JointVisitTask.joint_visit_id, Task)
        .join(Task, Task.id == JointVisitTask.task_id)
        .join(JointVisit, JointVisit.id == JointVisitTask.joint_visit_id)
        .where(JointVisit.plan_id == plan_id, Task.state.in_(sorted(UNBEGUN_STATES)))
        .order_by(Task.id)
    )
    found: dict[UUID, list[Task]] = {}
    for visit_id, task in db.session.execute(query):
        found.setdefault(visit_id, []).append(task)
    return found


def draws_of(plan_id: UUID) -> Sequence[Draw]:
    """Return the draws whose tasks the visits of a plan carry, by their numbers."""
    drawn = (
        sa.select(DrawSelection.draw_id)
        .join(JointVisitTask, JointVisitTask.task_id == DrawSelection.task_id)
        .join(JointVisit, JointVisit.id == JointVisitTask.joint_visit_id)
        .where(JointVisit.plan_id == plan_id)
    )
    query = sa.select(Draw).where(Draw.id.in_(drawn)).order_by(Draw.draw_no)
    return db.session.scalars(query).all()


def drawn_tasks(plan_id: UUID) -> set[UUID]:
    """Return the tasks of a plan that a draw made, or that followed one."""
    query = (
        sa.select(JointVisitTask.task_id)
        .join(DrawSelection, DrawSelection.task_id == JointVisitTask.task_id)
        .join(JointVisit, JointVisit.id == JointVisitTask.joint_visit_id)
        .where(JointVisit.plan_id == plan_id)
    )
    return set(db.session.scalars(query))


def find_draw(draw_no: str) -> Draw:
    """Return the draw of a number that a manifest names."""
    return db.session.scalars(sa.select(Draw).where(Draw.draw_no == draw_no)).one()


def busy(
    plan: JointPlan, first: date, last: date, *, but: Collection[UUID] = ()
) -> Counter[tuple[UUID, date]]:
    """Count the visits that officers have on these days, by this plan and by those in force.

    `but` are visits that do not count.
    """
    query = (
        sa.select(JointVisitOfficer.officer_id, JointVisit.planned_on, JointVisit.id)
        .join(JointVisit, JointVisit.id == JointVisitOfficer.joint_visit_id)
        .join(JointPlan, JointPlan.id == JointVisit.plan_id)
        .where(
            JointVisit.agency_id == plan.agency_id,
            JointVisit.state == VisitState.PLANNED,
            JointVisit.planned_on.between(first, last),
            _counts_beside(plan),
        )
    )
    skipped = set(but)
    return Counter(
        (officer_id, day)
        for officer_id, day, visit_id in db.session.execute(query)
        if visit_id not in skipped and day is not None
    )


def partners_of(joint_visit_id: UUID) -> list[UUID]:
    """Return the partner officers who come along on a visit."""
    query = sa.select(JointVisitPartner.partner_id).where(
        JointVisitPartner.joint_visit_id == joint_visit_id
    )
    return sorted(db.session.scalars(query))


def with_partners(joint_visit_ids: Collection[UUID]) -> set[UUID]:
    """Return those joint visits on which officers of partner departments come along."""
    wanted, found = sorted(joint_visit_ids), set[UUID]()
    for start in range(0, len(wanted), 500):
        query = sa.select(JointVisitPartner.joint_visit_id).where(
            JointVisitPartner.joint_visit_id.in_(wanted[start : start + 500])
        )
        found.update(db.session.scalars(query))
    return found


def partners_in_plan(plan_id: UUID) -> Counter[UUID]:
    """Count the partner officers of every visit of a plan."""
    query = (
        sa.select(JointVisitPartner.joint_visit_id)
        .join(JointVisit, JointVisit.id == JointVisitPartner.joint_visit_id)
        .where(JointVisit.plan_id == plan_id)
    )
    return Counter(db.session.scalars(query))


def partners_busy(plan: JointPlan, on: date, *, but: UUID) -> Counter[UUID]:
    """Count the visits that partner officers have on a day, by this plan and by those in force."""
    query = (
        sa.select(JointVisitPartner.partner_id)
        .join(JointVisit, JointVisit.id == JointVisitPartner.joint_visit_id)
        .join(JointPlan, JointPlan.id == JointVisit.plan_id)
        .where(
            JointVisit.agency_id == plan.agency_id,
            JointVisit.state == VisitState.PLANNED,
            JointVisit.planned_on == on,
            JointVisit.id != but,
            _counts_beside(plan),
        )
    )
    return Counter(db.session.scalars(query))


def _counts_beside(plan: JointPlan) -> sa.ColumnElement[bool]:
    in_force = [PlanState.APPROVED, PlanState.PUBLISHED]
    return sa.or_(JointPlan.id == plan.id, JointPlan.state.in_(in_force))


def items_of(joint_visit_id: UUID) -> list[JointVisitItem]:
    """Return what partner departments check on a visit."""
    query = sa.select(JointVisitItem).where(JointVisitItem.joint_visit_id == joint_visit_id)
    return list(db.session.scalars(query.order_by(JointVisitItem.id)))


def items_of_code(code_id: UUID) -> list[JointVisitItem]:
    """Return what partner departments check on the visit that a code is for."""
    query = (
        sa.select(JointVisitItem)
        .join(JointVisit, JointVisit.id == JointVisitItem.joint_visit_id)
        .where(JointVisit.code_id == code_id)
    )
    return list(db.session.scalars(query.order_by(JointVisitItem.id)))


def changes_of(joint_visit_id: UUID) -> list[JointTeamChange]:
    """Return how a team was changed by hand, in order."""
    query = sa.select(JointTeamChange).where(JointTeamChange.joint_visit_id == joint_visit_id)
    return list(db.session.scalars(query.order_by(JointTeamChange.id)))


def lot_line_of(joint_visit_id: UUID) -> JointTeamLotVisit | None:
    """Return what the newest lot said of a visit."""
    query = (
        sa.select(JointTeamLotVisit)
        .where(JointTeamLotVisit.joint_visit_id == joint_visit_id)
        .order_by(JointTeamLotVisit.lot_id.desc())
    )
    return db.session.scalars(query.limit(1)).first()


def leads_of(agency_id: UUID) -> dict[UUID, Collection[str]]:
    """Return what each officer of an agency may lead."""
    query = sa.select(Officer.id, Officer.lead_specialties).where(Officer.agency_id == agency_id)
    return {row[0]: row[1] for row in db.session.execute(query)}


def partner_rows(joint_visit_id: UUID) -> list[JointVisitPartner]:
    """Return the rows of who comes along on a visit."""
    query = sa.select(JointVisitPartner).where(JointVisitPartner.joint_visit_id == joint_visit_id)
    return list(db.session.scalars(query))
