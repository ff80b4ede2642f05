"""The joint visits of a seeded agency, for the tests that ask every route."""

from datetime import date
from uuid import UUID

from app.access import Actor
from app.db import stop_reading
from app.jointvisits import queries, service
from app.jointvisits.models import JointPlan
from app.jointvisits.reading import NewPlan
from app.people.models import Agency
from tests.factories import Make

FIRST, LAST = date(2026, 12, 1), date(2026, 12, 31)


def fill(make: Make, agency: Agency, ids: dict[str, str], approver: Actor) -> None:
    """Leave a plan in each state that a route needs; others proposed and approved them."""
    other = make.supervisor(agency)
    for name in ("joint-plan", "joint-plan:approve", "joint-plan:publish"):
        plan = _propose(make, agency, other)
        ids[name] = str(plan.id)
        if name == "joint-plan:publish":
            with make.writing():
                service.approve_plan(_again(plan), by=approver, at=make.at)
    with make.flask_app.app_context():
        (visit,) = queries.visits_of(UUID(ids["joint-plan"]))
        ids["joint-visit"] = str(visit.id)
        stop_reading()


def _propose(make: Make, agency: Agency, by: Actor) -> JointPlan:
    unit = make.unit(agency)
    make.task(unit, agency=agency)
    new = NewPlan(FIRST, LAST, 2, 2, unit_ids=(unit.id,))
    with make.flask_app.app_context():
        draft = service.draft_plan(new, agency_id=agency.id, at=make.at)
        stop_reading()
    with make.writing():
        return service.propose_plan(draft, agency=agency, by=by, at=make.at)


def _again(plan: JointPlan) -> JointPlan:
    return service.get_plan(plan.id, plan.agency_id)
