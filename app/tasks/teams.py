"""The team of a task: who may be on it, and how it is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.catalogue import service as catalogue
from app.days import local_date
from app.errors import Forbidden, Invalid
from app.tasks import queries, rules
from app.tasks.models import Task, TaskOfficer

TEAM_SIZE = "team-size"  # the catalogue's setting: officers a visit needs at least


class TeamInvalid(Invalid):
    code, title = "team-invalid", "检查人员不符合要求"


class NotOnTeam(Forbidden):
    code, title = "not-on-team", "不是该任务的检查人员"


@dataclass(frozen=True)
class TeamStep:
    """A checked team that a task is about to get from a person or the timetable."""

    task: Task
    officer_ids: Sequence[UUID]
    lead_id: UUID
    reason: str


def refuse_team(task: Task, officer_ids: Sequence[UUID], lead_id: UUID, *, at: datetime) -> None:
    """Raise TeamInvalid when a team must not be sent; the sentence names the officers."""
    today = local_date(at)
    until = max(today, task.due_on or today)
    problems = rules.team_problems(
        officer_ids,
        lead_id,
        queries.candidates(officer_ids, unit_id=task.unit_id, from_on=today, until_on=until),
        agency_id=task.agency_id,
        specialty=task.specialty,
        on=until,
        least=int(catalogue.setting(TEAM_SIZE, today)),
    )
    if problems:
        raise TeamInvalid(
            "".join(problem.detail for problem in problems),
            errors=[
                {
                    "pointer": "#/officer_ids",
                    "code": problem.code,
                    "officer_id": problem.officer_id,
                    "detail": problem.detail,
                }
                for problem in problems
            ],
        )


def set_team(task: Task, officer_ids: Sequence[UUID], lead_id: UUID) -> None:
    """Write a checked team, the lead first; members who stay keep their rows."""
    kept = {member.officer_id: member for member in task.team}
    ordered = sorted(set(officer_ids), key=lambda officer_id: (officer_id != lead_id, officer_id))
    task.team = [
        kept.get(officer_id) or TaskOfficer(officer_id=officer_id, is_lead=False)
        for officer_id in ordered
    ]
    for member in task.team:
        member.is_lead = member.officer_id == lead_id
    task.lead_officer_id = lead_id


def team_data(task: Task) -> dict[str, Any]:
    """Return what the journal is told of a team."""
    return {
        "officer_ids": [str(member.officer_id) for member in task.team],
        "lead_officer_id": str(task.lead_officer_id),
        "round": task.round,
    }


def refuse_outsider(task: Task, officer_id: UUID | None) -> None:
    """Raise NotOnTeam for an officer who is not on the team."""
    if officer_id not in task.officer_ids():
        raise NotOnTeam("您不是这个任务的检查人员，不能办理。", state=task.state)
