"""The joint visits of a seeded agency, for the tests that ask every route."""

from datetime import date
from uuid import UUID

from app.access import Actor
from app.caps.rules import Verdict
from app.db import stop_reading
from app.jointvisits import lots, queries, service
from app.jointvisits.models import JointPlan, JointVisit, JointVisitCap, JointVisitOfficer
from app.jointvisits.reading import NewPlan
from app.people.models import Agency
from tests.factories import Make

FIRST, LAST = date(2026, 12, 1), date(2026, 12, 31)


def fill(make: Make, agency: Agency, ids: dict[str, str], approver: Actor) -> None:
    """Leave a plan, and a visit, in each state that a route needs; others proposed them."""
    other = make.supervisor(agency)
    for name in ("", ":approve", ":publish", ":caps", ":code"):
        plan = _propose(make, agency, other)
        ids[f"joint-plan{name}"] = str(plan.id)
        with make.flask_app.app_context():
            (visit,) = queries.visits_of(plan.id)
            ids[f"joint-visit{name}"] = str(visit.id)
            stop_reading()
    near = make.unit(agency)
    for number in (1, 2):
        ids[f"near-task:{number}"] = str(make.task(near, agency=agency, due_on=LAST).id)
    with make.writing():
        ids["joint-lot"] = str(lots.ask_teams(_plan(ids, ":caps", agency), by=other, at=make.at).id)
    for name in (":publish", ":code"):
        with make.writing():
            service.approve_plan(_plan(ids, name, agency), by=approver, at=make.at)
    team = [make.officer(agency).id for _ in range(2)]
    with make.writing():
        service.publish_plan(_plan(ids, ":code", agency), by=other, at=make.at)
        _visit(ids, ":code", agency).officers = [
            JointVisitOfficer(officer_id=one, specialty="public-places", by_lot=False)
            for one in team
        ]
        # as a row: in this world nobody goes somewhere so often
        _visit(ids, ":caps", agency).caps = [
            JointVisitCap(cap_code="clean-by-one-officer", verdict=Verdict.REASON, used=3, most=3)
        ]


def _propose(make: Make, agency: Agency, by: Actor) -> JointPlan:
    unit = make.unit(agency)
    make.task(unit, agency=agency)
    new = NewPlan(FIRST, LAST, 2, 2, unit_ids=(unit.id,))
    with make.flask_app.app_context():
        draft = service.draft_plan(new, agency_id=agency.id, at=make.at)
        stop_reading()
    with make.writing():
        return service.propose_plan(draft, agency=agency, by=by, at=make.at)


def _plan(ids: dict[str, str], name: str, agency: Agency) -> JointPlan:
    return service.get_plan(UUID(ids[f"joint-plan{name}"]), agency.id)


def _visit(ids: dict[str, str], name: str, agency: Agency) -> JointVisit:
    return service.get_visit(UUID(ids[f"joint-visit{name}"]), agency.id)
