"""What keeps a plan from being approved and published: one person alone, caps, days over."""

from collections.abc import Sequence
from datetime import date

from app.access import Actor
from app.errors import Conflict
from app.jointvisits import capping, queries
from app.jointvisits.models import JointPlan, JointVisit
from app.tasks.second_persons import require_second_person


class CapsOpen(Conflict):
    """Extras: `joint_visits`, each with the caps that nobody approved an exception for."""

    code, title = "joint-caps-open", "计划中有超过检查频次上限的检查"


class DaysOver(Conflict):
    """Extras: `days` that are over, and the `joint_visits` that nobody went on."""

    code, title = "joint-days-over", "计划中有日期已过的检查"


def require_second(plan: JointPlan, *, by: Actor) -> None:
    """Raise SecondPersonInvalid unless `by` may approve what another had in hand last.

    Who proposed a plan that another changed since may: each has seen what the other did. Who
    changed it last never may.
    """
    require_second_person(
        plan.agency_id,
        first_account_id=plan.drafted_by_id,
        first_officer_id=plan.drafted_officer_id,
        team=(),
        by=by,
        self_agreed="计划的最后经手人（拟订人或调整人）不能自己批准，须由另一名负责人办理。",
    )


def refuse_open_caps(plan: JointPlan, visits: Sequence[JointVisit]) -> None:
    """Ask the caps once more. Raises CapsOpen."""
    capping.keep_caps(plan, visits)
    barred = {visit.id: capping.open_exceptions(visit) for visit in visits}
    found = [{"id": str(key), "caps": caps} for key, caps in barred.items() if caps]
    if found:
        raise CapsOpen(
            f"有 {len(found)} 次检查超过检查频次上限而未经批准，请申请、改期或不列入本计划。",
            joint_visits=found[:100],
        )


def refuse_days_over(plan: JointPlan, *, today: date) -> None:
    """Refuse a plan of which a visit that nobody began stands on a day before today.

    What was begun or closed meanwhile hinders nobody. Raises DaysOver.
    """
    over = queries.days_over([plan.id], today).get(plan.id, [])
    if not over:
        return
    days = sorted({one.planned_on for one in over})
    named = "、".join(day.isoformat() for day in days[:10]) + ("等" if len(days) > 10 else "")
    raise DaysOver(
        f"有 {len(over)} 次检查排在已过的日期（{named}），请改期、移到下一期或不列入，"
        "也可以撤回后重新拟订。",
        days=[day.isoformat() for day in days],
        joint_visits=[str(one.id) for one in over[:100]],
    )
