"""Plans as tests of services make them: proposed, approved, published, changed by hand."""

from datetime import date

from app.db import db, stop_reading, transaction
from app.jointvisits import changes, queries, service
from app.jointvisits.changes import Change
from app.jointvisits.models import JointPlan, JointVisit
from app.jointvisits.reading import NewPlan
from app.people import service as people

FIRST, LAST = date(2026, 12, 1), date(2026, 12, 31)
REASON = "单位请求"


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


def visit_of(plan_id, task):
    """The visit of a plan that a task is part of."""
    (found,) = [
        visit
        for visit in queries.visits_of(plan_id)
        if task.id in {row.task_id for row in visit.tasks}
    ]
    return found


def change(visit_id, verb, *, by, at, **values):
    """Change a visit by hand, for `REASON`."""
    with transaction():
        visit = db.session.get_one(JointVisit, visit_id)
        return changes.change_by_hand(visit, Change(verb, REASON, **values), by=by, at=at)
