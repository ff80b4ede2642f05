"""A plan as it is shown: what is stored, and which of its days are over by now."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

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
            **{name: getattr(plan, name) for name in sorted(names - {"days_over", "pins_before"})},
            pins_before=[_pin(one) for one in plan.pins],
            days_over=over.get(plan.id, []),
        )
        for plan in plans
    ]


def _pin(stored: Mapping[str, Any]) -> dict[str, Any]:
    on = stored["planned_on"]
    return {**stored, "planned_on": None if on is None else date.fromisoformat(on)}


def show_plan(plan: JointPlan, *, at: datetime) -> SimpleNamespace:
    """Return a plan as `JointPlanSchema` shows it at an instant."""
    return show_plans([plan], at=at)[0]
