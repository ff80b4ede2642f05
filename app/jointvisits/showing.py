"""A plan as it is shown: what is stored, and which of its days are over by now."""

from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace

from app.days import local_date
from app.jointvisits import watching
from app.jointvisits.models import JointPlan
from app.jointvisits.schemas import JointPlanSchema


def show_plans(plans: Sequence[JointPlan], *, at: datetime) -> list[SimpleNamespace]:
    """Return plans as `JointPlanSchema` shows them at an instant."""
    over = watching.days_over({plan.id for plan in plans}, today=local_date(at))
    names = {one.attribute or name for name, one in JointPlanSchema().fields.items()}
    return [
        SimpleNamespace(
            **{name: getattr(plan, name) for name in sorted(names - {"days_over"})},
            days_over=over.get(plan.id, []),
        )
        for plan in plans
    ]


def show_plan(plan: JointPlan, *, at: datetime) -> SimpleNamespace:
    """Return a plan as `JointPlanSchema` shows it at an instant."""
    return show_plans([plan], at=at)[0]
