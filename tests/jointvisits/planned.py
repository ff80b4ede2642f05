"""Plans as tests of services make them: proposed, approved, published."""

from datetime import date

from app.db import db, stop_reading, transaction
from app.jointvisits import service
from app.jointvisits.models import JointPlan
from app.jointvisits.reading import NewPlan
from app.people import service as people

FIRST, LAST = date(2026, 12, 1), date(2026, 12, 31)


def propose(make, chen, **values):
    """A plan of December, for everything that waits."""
    new = NewPlan(**{"first_on": FIRST, "last_on": LAST, "teams": 2, "visits_each": 2, **values})
    stop_reading()
    draft = service.draft_plan(new, agency_id=make.home().id, at=make.at)
    stop_reading()
    with transaction():
        agency = people.get_agency(make.home().id)
        return service.propose_plan(draft, agency=agency, by=chen, at=make.at).id


def plan_of(plan_id):
    return db.session.get_one(JointPlan, plan_id)


def step(verb, plan_id, *data, by, at):
    """Take a step of a plan."""
    with transaction():
        return verb(plan_of(plan_id), *data, by=by, at=at)


def publish(make, chen, dong, **values):
    """A plan that Chen proposed and published and Dong approved."""
    plan_id = propose(make, chen, **values)
    step(service.approve_plan, plan_id, by=dong, at=make.at)
    step(service.publish_plan, plan_id, by=chen, at=make.at)
    return plan_id
