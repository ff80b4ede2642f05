"""What tests of reports need: visits that took place, with their outcome."""

from app.db import transaction
from app.visits import service as visits


def visited(make, unit, officers, outcome="no-problem", *, minutes=60, **task):
    """A task of a unit, visited by these officers for so long and finished with an outcome."""
    visit = make.visit(make.task(unit, team=officers, **task), *officers)
    make.clock.forward(minutes=minutes)
    with make.flask_app.app_context(), transaction():
        return visits.finish_visit(
            visit.id,
            outcome,
            None,
            officer_id=officers[0].id,
            recorded_at=make.at,
            by=make.tablet_of(officers[0]),
            at=make.at,
        )
