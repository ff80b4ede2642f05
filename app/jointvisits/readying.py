"""What a joint visit needs before anybody goes: an answer for each cap, and its one visit code."""

from datetime import date, datetime, timedelta
from uuid import UUID

from app.access import Actor
from app.caps import service as caps
from app.caps.models import CapException
from app.caps.rules import Verdict
from app.codes import service as codes
from app.codes.models import VisitCode
from app.codes.rules import CodeState
from app.days import day_begins
from app.db import db, touch
from app.errors import Conflict, Invalid
from app.jointvisits import queries, team_queries
from app.jointvisits.models import JointVisit, JointVisitCap
from app.jointvisits.rules import PlanState, VisitState
from app.jointvisits.service import JointPlanStateWrong
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks.rules import OPEN_STATES


class CapAnswerInvalid(Invalid):
    code, title = "joint-cap-answer-invalid", "检查频次说明有误"


class CodeIssued(Conflict):
    """Extras: `code_id`."""

    code, title = "joint-visit-code-issued", "联合检查已有检查码"


def answer_cap(
    visit: JointVisit,
    cap_code: str,
    reason: str,
    *,
    until_on: date | None = None,
    by: Actor,
    at: datetime,
) -> CapException | None:
    """Answer a cap that a visit is beyond: give the reason it wants, or ask for an exception.

    An exception, from the planned day to `until_on`, is returned as it was proposed: a second
    person approves or refuses it. Raises CapAnswerInvalid and what `propose_exception` raises.
    """
    row = next((one for one in visit.caps if one.cap_code == cap_code), None)
    if row is None or visit.planned_on is None:
        raise CapAnswerInvalid("这次检查没有达到该项频次上限。")
    found = None
    if row.verdict == Verdict.EXCEPTION:
        found = caps.propose_exception(
            visit.unit_id,
            cap_code,
            from_on=visit.planned_on,
            until_on=until_on or visit.planned_on,
            reason=reason,
            agency_id=visit.agency_id,
            by=by,
            at=at,
        )
    elif row.verdict != Verdict.REASON:
        raise CapAnswerInvalid("该项频次上限不需要说明或批准。", verdict=row.verdict)
    _answered(visit, row, reason, found, by=by, at=at)
    return found


def _answered(
    visit: JointVisit,
    row: JointVisitCap,
    reason: str,
    found: CapException | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    row.reason = reason
    touch(visit)
    exception_id = None if found is None else str(found.id)
    data = {"cap_code": row.cap_code, "exception_id": exception_id}
    journal.record(Event.JOINT_VISIT_CAP_ANSWERED, visit, by=by, at=at, data=data)


def request_code(visit: JointVisit, *, by: Actor, at: datetime) -> VisitCode:
    """Ask for the one code of a published visit: all its tasks, its whole team, its day.

    Raises JointPlanStateWrong, CodeIssued and what `codes.request_code` raises (too few officers,
    certificates, recusal, caps, a day that is over).
    """
    if visit.plan.state != PlanState.PUBLISHED or visit.state != VisitState.PLANNED:
        raise JointPlanStateWrong(
            "计划发布后，已排定日期的检查才能申请检查码。", state=visit.plan.state
        )
    if _has_code(visit):
        raise CodeIssued(
            "这次联合检查已有检查码；需要更换的，请先撤销。", code_id=str(visit.code_id)
        )
    if visit.planned_on is None:
        raise AssertionError("a planned visit has its day")
    begins = day_begins(visit.planned_on)
    new = codes.NewCode(
        unit_id=visit.unit_id,
        officer_ids=[one.officer_id for one in visit.officers],
        valid_from=begins,
        valid_until=begins + timedelta(days=1),
        task_ids=_open_tasks(visit),
        partner_ids=team_queries.partners_of(visit.id),
        reason="；".join(one.reason for one in visit.caps if one.reason) or None,
    )
    code = codes.request_code(new, agency_id=visit.agency_id, by=by, at=at)
    visit.code_id = code.id
    db.session.flush()
    data = {"code_id": str(code.id)}
    journal.record(Event.JOINT_VISIT_CODE_REQUESTED, visit, by=by, at=at, data=data)
    return code


def _has_code(visit: JointVisit) -> bool:
    if visit.code_id is None:
        return False
    return codes.get_code(visit.code_id, visit.agency_id).state != CodeState.REVOKED


def _open_tasks(visit: JointVisit) -> list[UUID]:
    found = [task.id for task in queries.tasks_of(visit.id) if task.state in OPEN_STATES]
    if not found:
        raise CapAnswerInvalid("这次联合检查的任务都已办结。")
    return found
