"""Teams by hand: who goes instead and why, who comes along from partner departments.

What a plan decides its tasks get when it is published, through the tasks' own verbs: so the cap on
changed officers of a draw is kept where it always is (`app.draws.guarding.guard_team`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.days import local_date
from app.db import db, new_id, touch
from app.draws import change_queries, changes, register_queries
from app.errors import Conflict, Invalid
from app.jointvisits import capping, queries, service, team_queries
from app.jointvisits.lots import Bars, fill_team, sizes_on
from app.jointvisits.models import JointPlan, JointVisit
from app.jointvisits.rules import PlanState, VisitState
from app.jointvisits.team_models import JointTeamChange, JointVisitItem, JointVisitPartner
from app.jointvisits.teaming import Member
from app.journal import service as journal
from app.journal.rules import Event
from app.people import partners
from app.people import service as people
from app.people.models import Officer
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import UNBEGUN_STATES, TaskState


class JointTeamInvalid(Invalid):
    """Extras: `errors`, each with a code, the officer and a sentence."""

    code, title = "joint-team-invalid", "联合检查人员不符合要求"


class JointVisitNotPlanned(Conflict):
    code, title = "joint-visit-not-planned", "联合检查没有排定日期"


@dataclass(frozen=True)
class PartnerItem:
    """What a partner department checks on the visit, and on what basis."""

    department: str
    item: str
    basis: str


@dataclass(frozen=True)
class Share:
    """How much of a draw's teams is changed once this plan's teams go."""

    draw_no: str
    changed: int
    total: int
    share: str
    kept: bool


# ---- by hand -------------------------------------------------------------------------------------


def set_team(
    visit: JointVisit, officer_ids: Sequence[UUID], reason: str, *, by: Actor, at: datetime
) -> JointVisit:
    """Give a visit another team, with the reason.

    Whoever does it has changed the plan: it has to be approved by another. Of a published plan the
    tasks that nobody began get the team at once and the visit's code is taken back. Raises
    JointPlanStateWrong, JointVisitNotPlanned, TeamsWaiting, JointTeamInvalid, and what the tasks'
    guards refuse (AdjustmentBeyondCap).
    """
    plan = _open_plan(visit)
    if team_queries.is_waiting(plan.id):
        raise service.TeamsWaiting("组队抽取已经提出，完成之后才能改派。")
    officers = _checked(plan, visit, officer_ids, on=_day(visit), at=at)
    before = {one.officer_id: one for one in visit.officers}
    wanted = {one.id for one in officers}
    change = JointTeamChange(
        id=new_id(),
        joint_visit_id=visit.id,
        planned_on=_day(visit),
        reason=reason,
        officer_ids_out=sorted(str(one) for one in before if one not in wanted),
        officer_ids_in=sorted(str(one) for one in wanted if one not in before),
        changed_at=at,
        changed_by_kind=str(by.kind),
        changed_by_id=by.id,
    )
    db.session.add(change)
    asked = {row.specialty for row in visit.tasks}
    fill_team(
        visit,
        [
            (
                one.id,
                Member(
                    one.certificate_no,
                    tuple(sorted(asked.intersection(one.lead_specialties))),
                    by_lot=one.id in before and before[one.id].by_lot,
                ),
            )
            for one in officers
        ],
    )
    visit.pinned = True  # the team was chosen for this day
    service.note_change(visit, by=by, at=at)
    data = {
        "plan_id": str(plan.id),
        "officer_ids_out": change.officer_ids_out,
        "officer_ids_in": change.officer_ids_in,
    }
    journal.record(Event.JOINT_VISIT_TEAM_CHANGED, visit, by=by, at=at, data=data)
    db.session.flush()
    if plan.state == PlanState.PUBLISHED:
        service.revoke_code(visit, by=by, at=at)
        own = team_queries.unbegun_tasks(plan.id).get(visit.id, [])
        give_team(visit, own, team_queries.drawn_tasks(plan.id), reason, by=by, at=at)
    return visit


def _open_plan(visit: JointVisit) -> JointPlan:
    plan = visit.plan
    if plan.state == PlanState.WITHDRAWN:
        raise service.JointPlanStateWrong("计划已撤回，不能再变更。", state=plan.state)
    _day(visit)
    return plan


def _day(visit: JointVisit) -> date:
    if visit.state != VisitState.PLANNED or visit.planned_on is None:
        raise JointVisitNotPlanned("这次联合检查没有排定日期，不能安排人员。")
    return visit.planned_on


def _checked(
    plan: JointPlan, visit: JointVisit, officer_ids: Sequence[UUID], *, on: date, at: datetime
) -> list[Officer]:
    """Return the officers of a team that may be sent. Raises JointTeamInvalid, OfficerNotFound."""
    sizes = sizes_on(local_date(at), plan)
    along = len(team_queries.partners_of(visit.id))
    officers = [people.get_officer(one, visit.agency_id) for one in sorted(set(officer_ids))]
    errors: list[dict[str, Any]] = []
    if len(officers) < sizes.least:
        errors.append(_error("team-too-small", f"检查人员不得少于 {sizes.least} 人。"))
    if len(officers) + along > max(sizes.most, sizes.least + along):
        detail = f"检查人员连同协同部门人员不得超过 {sizes.most} 人。"
        errors.append(_error("team-too-large", detail))
    out = Bars.read(officers, on, on).out(visit.unit_id, on)
    busy = team_queries.busy(plan, on, on, but={visit.id})
    for one in officers:
        if one.id in out:
            detail = f"{one.name}须回避、当日缺勤、已不在岗或执法证无效，不能参加。"
            errors.append(_error("officer-barred", detail, one.id))
        elif busy[one.id, on] >= sizes.each:
            detail = f"{one.name}当日已安排 {busy[one.id, on]} 次检查。"
            errors.append(_error("officer-busy", detail, one.id))
    if errors:
        raise JointTeamInvalid("".join(one["detail"] for one in errors), errors=errors)
    return officers


def _error(code: str, detail: str, officer_id: UUID | None = None) -> dict[str, Any]:
    return {"pointer": "#/officer_ids", "code": code, "officer_id": officer_id, "detail": detail}


def uncovered(visit: JointVisit) -> list[str]:
    """Return the specialties of a visit that nobody of its team may lead, by code."""
    officers = [people.get_officer(one.officer_id, visit.agency_id) for one in visit.officers]
    leads = {name for one in officers for name in one.lead_specialties}
    return sorted({row.specialty for row in visit.tasks} - leads)


def departments_missing(visit: JointVisit) -> list[str]:
    """Return the partner departments of whose items somebody should come along, and nobody does."""
    along = {
        partners.get_partner(one, visit.agency_id).department
        for one in team_queries.partners_of(visit.id)
    }
    return sorted({one.department for one in team_queries.items_of(visit.id)} - along)


# ---- partner departments -------------------------------------------------------------------------


def set_partners(
    visit: JointVisit,
    partner_ids: Sequence[UUID],
    items: Iterable[PartnerItem],
    *,
    by: Actor,
    at: datetime,
) -> JointVisit:
    """Say who of partner departments comes along on a visit, and what they check there.

    They take places of the team: best said before the lot is asked for. With them it is an
    inspection of several departments, of which caps are asked anew. On a published plan the visit's
    code is taken back. Raises JointPlanStateWrong, JointVisitNotPlanned, PartnerUnknown
    and PartnerMayNotGo.
    """
    plan, on = _open_plan(visit), _day(visit)
    along = partners.partners_to_send(partner_ids, visit.agency_id, on=on)
    busy = team_queries.partners_busy(plan, on, but=visit.id)
    full = [one.certificate_no for one in along if busy[one.id] >= plan.visits_each]
    if full:
        raise partners.PartnerMayNotGo("协同部门人员当日的检查次数已满。", officers=full)
    for old in team_queries.partner_rows(visit.id):
        db.session.delete(old)
    for item in team_queries.items_of(visit.id):
        db.session.delete(item)
    db.session.flush()  # the same partner may come again
    db.session.add_all(
        JointVisitPartner(joint_visit_id=visit.id, partner_id=one.id) for one in along
    )
    rows = [
        JointVisitItem(
            id=new_id(),
            joint_visit_id=visit.id,
            department=one.department,
            item=one.item,
            basis=one.basis,
        )
        for one in items
    ]
    db.session.add_all(rows)
    touch(visit)
    visit.pinned = True  # who comes along was asked for this day
    service.note_change(visit, by=by, at=at)
    data = {
        "plan_id": str(plan.id),
        "partner_ids": [str(one.id) for one in along],
        "items": len(rows),
    }
    journal.record(Event.JOINT_VISIT_PARTNERS_CHANGED, visit, by=by, at=at, data=data)
    db.session.flush()
    together = [one for one in queries.visits_of(plan.id) if one.unit_id == visit.unit_id]
    capping.keep_caps(plan, together)
    if plan.state == PlanState.PUBLISHED:
        service.revoke_code(visit, by=by, at=at)
    return visit


# ---- what the tasks get --------------------------------------------------------------------------


def give_teams(plan: JointPlan, visits: Sequence[JointVisit], by: Actor, at: datetime) -> None:
    """Let the tasks of a plan that is being published have its teams; a guard of publishing.

    Raises TeamsWaiting, JointTeamInvalid where somebody became barred since, and
    AdjustmentBeyondCap where too many of a draw's officers would be others.
    """
    if team_queries.is_waiting(plan.id):
        raise service.TeamsWaiting("组队抽取尚未完成，不能发布。")
    planned = _staffed(visits)
    refuse_barred(plan, visits)
    waiting, drawn = team_queries.unbegun_tasks(plan.id), team_queries.drawn_tasks(plan.id)
    for visit in planned:
        own = waiting.get(visit.id, [])
        give_team(visit, own, drawn, "联合检查计划：按计划组队。", by=by, at=at)


def _staffed(visits: Sequence[JointVisit]) -> list[JointVisit]:
    return [one for one in visits if one.state == VisitState.PLANNED and one.officers]


def refuse_barred(plan: JointPlan, visits: Sequence[JointVisit]) -> None:
    """Refuse teams of which somebody may not go any more, or would go too often on a day.

    Asked before a plan is approved and once more when it is published. Raises JointTeamInvalid.
    """
    planned = _staffed(visits)
    if not planned:
        return
    days = [_day(one) for one in planned]
    ids = sorted({row.officer_id for one in planned for row in one.officers})
    officers = {one: people.get_officer(one, plan.agency_id) for one in ids}
    bars = Bars.read([*officers.values()], min(days), max(days))
    busy = team_queries.busy(plan, min(days), max(days))
    errors: list[dict[str, Any]] = []
    for visit, day in zip(planned, days, strict=True):
        out = bars.out(visit.unit_id, day)
        for row in visit.officers:
            name = officers[row.officer_id].name
            if row.officer_id in out:
                detail = f"{name}须回避、{day} 缺勤、已不在岗或执法证无效。"
                errors.append(_error("officer-barred", detail, row.officer_id))
            elif busy[row.officer_id, day] > plan.visits_each:
                detail = f"{name}在 {day} 已安排 {busy[row.officer_id, day]} 次检查。"
                errors.append(_error("officer-busy", detail, row.officer_id))
    if errors:
        raise JointTeamInvalid("".join(one["detail"] for one in errors[:5]), errors=errors[:100])


def follow_change(visits: Sequence[JointVisit], reason: str, by: Actor, at: datetime) -> None:
    """Let tasks that came into a visit of a published plan by hand have its team.

    Raises AdjustmentBeyondCap where too many of a draw's officers would be others.
    """
    for visit in visits:
        if visit.state == VisitState.PLANNED and visit.officers:
            own = [one for one in queries.tasks_of(visit.id) if one.state in UNBEGUN_STATES]
            drawn = team_queries.drawn_tasks(visit.plan_id)
            give_team(visit, own, drawn, reason, by=by, at=at)


def give_team(
    visit: JointVisit,
    own: Iterable[Task],
    drawn: Collection[UUID],
    reason: str,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Give tasks of a visit its team, as far as theirs differs; `drawn` are those of draws.

    A drawn task whose whole team goes keeps it: what was drawn is not undone. One that nobody of
    the team may lead keeps its own too; the visit says so (`uncovered`).
    """
    for task, team, lead in _wanted_teams(visit, own, drawn):
        if task.state == TaskState.PENDING:
            tasks.assign_task(task.id, team, lead, by=by, at=at)
        else:
            tasks.reassign_task(task.id, team, lead, reason=reason, by=by, at=at)


def _wanted_teams(
    visit: JointVisit, own: Iterable[Task], drawn: Collection[UUID]
) -> list[tuple[Task, list[UUID], UUID]]:
    team = [one.officer_id for one in visit.officers]
    officers = {one: people.get_officer(one, visit.agency_id) for one in team}
    found = []
    for task in own:
        goes = set(task.officer_ids())
        if goes == set(team) or (goes and goes <= set(team) and task.id in drawn):
            continue
        if lead := _lead(task, officers, visit):
            found.append((task, team, lead))
    return found


def _lead(task: Task, officers: Mapping[UUID, Officer], visit: JointVisit) -> UUID | None:
    """Return who leads a task: who led it, else who goes for its specialty, else who may."""
    able = [one for one, who in officers.items() if task.specialty in who.lead_specialties]
    if task.lead_officer_id in able:
        return task.lead_officer_id
    goes_for = {one.officer_id for one in visit.officers if one.specialty == task.specialty}
    return min(able, key=lambda one: (one not in goes_for, one), default=None)


def shares_of(plan: JointPlan, *, on: date) -> list[Share]:
    """Return how much of each draw's teams will be changed, and whether that keeps the cap.

    What publishing would count, by the same figures; places changed before are in it.
    """
    given = _certificates_by_task(plan)
    found = []
    for draw in team_queries.draws_of(plan.id):
        figure = changes.figure_of(draw, on)
        places, more = changes.places_of(draw), 0
        for task_id, team in given.items():
            line = change_queries.line_of_task(task_id)
            if line is not None and line.draw_id == draw.id and places.goes(changes.key_of(line)):
                more += places.changed_with(changes.key_of(line), team) - figure.changed
        after = changes.Figure(figure.changed + more, figure.total, figure.cap)
        found.append(Share(draw.draw_no, after.changed, after.total, after.share, after.kept))
    return found


def _certificates_by_task(plan: JointPlan) -> dict[UUID, list[str]]:
    names = {id_: one for one, id_ in register_queries.officer_ids(plan.agency_id).items()}
    waiting, drawn = team_queries.unbegun_tasks(plan.id), team_queries.drawn_tasks(plan.id)
    return {
        task.id: [names[one] for one in team]
        for visit in queries.visits_of(plan.id)
        if visit.state == VisitState.PLANNED
        for task, team, _ in _wanted_teams(visit, waiting.get(visit.id, ()), drawn)
    }
