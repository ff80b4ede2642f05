"""What the demo district does together: key institutions, their operation of the quarter, a plan.

A hospital with several specialties, what is wanted there because of a complaint, and a school or
clinic that was drawn anyway: so the plan has something to gather.
"""

from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa

from app.catalogue import service as catalogue
from app.days import day_begins
from app.db import db, stop_reading, transaction
from app.demo.quarters import quarter_end, secret
from app.demo.registers import actor_of
from app.jointvisits import operations
from app.jointvisits import service as joint_visits
from app.jointvisits.reading import JointPlanInvalid, NewPlan
from app.people.models import Agency
from app.tasks import service as tasks
from app.tasks.rules import NewTask, suited_checklist
from app.units import labels
from app.units.labels import NewLabel
from app.units.models import Unit
from app.units.rules import UnitStatus

KEY_INSTITUTIONS = 8
TEAMS, VISITS_EACH = 6, 2  # a day


def load(seed: str, agency_id: UUID, *, on: date, today: date) -> None:
    """Name the key institutions, call their operation, follow a complaint; propose a plan.

    The plan is of the rest of the quarter, where there is a working day left in it: the rest from
    `today` on, where the demo shows a quarter that began before.
    """
    after = today if on < today <= quarter_end(on) else on
    _call_operations(agency_id, on=on, after=after)
    _propose(seed, agency_id, on=on, after=after)


def _call_operations(agency_id: UUID, *, on: date, after: date) -> None:
    """Call an operation at the institutions with most specialties, and a complaint at the first."""
    by, at = actor_of("kezhang"), day_begins(on) + timedelta(hours=16, minutes=27)
    with transaction():
        agency = db.session.get_one(Agency, agency_id)
        units = _most_various(agency_id)
        for unit in units:
            label = NewLabel(unit.id, operations.KEY, on, "重点机构名录（演示）")
            labels.declare_label(label, agency=agency, by=by, at=at)
        if not units:
            return
        operations.call_operations(agency, on, by=by, at=at)
        specialty, object_class = sorted(operations.matters_of(units[0]))[0]
        checklists = catalogue.in_force(catalogue.Kind.CHECKLIST, on)
        complaint = NewTask(
            unit_id=units[0].id,
            specialty=specialty,
            object_class=object_class,
            origin="complaint",
            origin_reference="演示：群众来信",
            checklist_code=suited_checklist(checklists, specialty, object_class),
            due_on=min(after + timedelta(days=14), quarter_end(on)),
        )
        tasks.create_tasks([complaint], agency=agency, by=by, at=at)


def _most_various(agency_id: UUID) -> list[Unit]:
    """Return the units in operation that are supervised for most specialties, at least two."""
    query = sa.select(Unit).where(
        Unit.agency_id == agency_id, Unit.state == UnitStatus.IN_OPERATION
    )
    found = [
        (len({one.specialty for one in unit.registrations}), unit)
        for unit in db.session.scalars(query)
    ]
    several = sorted(found, key=lambda one: (-one[0], one[1].archive_no))[:KEY_INSTITUTIONS]
    return [unit for number, unit in several if number > 1]


def _propose(seed: str, agency_id: UUID, *, on: date, after: date) -> None:
    by, at = actor_of("kezhang"), day_begins(on) + timedelta(hours=16, minutes=30)
    new = NewPlan(after + timedelta(days=1), quarter_end(on), TEAMS, VISITS_EACH)
    try:
        draft = joint_visits.draft_plan(new, agency_id=agency_id, at=at)
    except (JointPlanInvalid, joint_visits.NothingToPlan):
        return
    finally:
        stop_reading()
    with transaction():
        agency = db.session.get_one(Agency, agency_id)
        joint_visits.propose_plan(
            draft, agency=agency, by=by, at=at, chance=lambda: secret(seed)(f"joint-teams/{on}")
        )
