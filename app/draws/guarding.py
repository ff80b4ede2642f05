"""What a draw demands of the tasks it made, asked by them before a team or a closing."""

from collections.abc import Collection
from datetime import date, datetime

from app.access import Actor, ActorKind
from app.days import local_date
from app.db import db
from app.draws import change_queries, register_queries
from app.draws.changelog import ChangeKind, Key, Places, within
from app.draws.changes import (
    REPLACED,
    beyond_cap,
    cap_on,
    cause_row,
    gone_from,
    key_of,
    new_change,
    places_of,
    record_change,
)
from app.draws.models import Draw
from app.draws.steps import lock
from app.errors import Conflict
from app.tasks.models import Task
from app.tasks.teams import TeamStep

UNAVAILABLE = "unavailable"  # the cause of a team that a person gives


class ReplacementRequired(Conflict):
    code, title = "draw-replacement-required", "须按抽取变更办理替换"


class TaskReplaced(Conflict):
    code, title = "draw-task-replaced", "任务已被替换"


def guard_team(step: TeamStep, by: Actor, at: datetime) -> None:
    """Count a team that a person gives to a task of a draw, and keep the cap.

    The drawn team itself is no change. Raises AdjustmentBeyondCap (a place for which nobody was
    left to draw is excepted) and TaskReplaced.
    """
    line = None if by.kind is ActorKind.TIMETABLE else change_queries.line_of_task(step.task.id)
    if line is None:
        return
    draw = db.session.get_one(Draw, line.draw_id)
    lock(draw)
    places, key = places_of(draw), key_of(line)
    if not places.goes(key):
        raise TaskReplaced("该任务已由备选单位替换，不能重新打开。")
    certificates = {id_: one for one, id_ in register_queries.officer_ids(draw.agency_id).items()}
    team = [certificates[one] for one in step.officer_ids]
    lead, before = certificates[step.lead_id], places.team(key)
    if set(team) == set(before) and lead == before[0]:
        return
    _refuse_team_beyond_cap(draw, places, key, team, local_date(at))
    change = new_change(draw, line, ChangeKind.REASSIGNMENT, UNAVAILABLE, step.reason, by=by, at=at)
    row = cause_row(UNAVAILABLE, local_date(at))
    others = sorted(set(team) - {lead}, key=str.encode)
    db.session.add(change)
    record_change(
        draw,
        change,
        {
            "stratum": line.stratum,
            "id": line.archive_no,
            "out": sorted(set(before) - set(team), key=str.encode),
            "in": sorted(set(team) - set(before), key=str.encode),
            "team": [lead, *others],
            "lead": lead,
            "cause": row.body["public"],
        },
        by=by,
        at=at,
    )


def _refuse_team_beyond_cap(
    draw: Draw, places: Places, key: Key, team: Collection[str], on: date
) -> None:
    held = {
        (key_of(one.line), one.officer_out_id)
        for one in change_queries.open_redraws_of(draw.id)
        if one.held_code is not None
    }
    ids = register_queries.officer_ids(draw.agency_id)
    if all((key, ids[one]) in held for one in set(places.team(key)) - set(team)):
        return  # of these nobody was left to draw, or only the lead changes
    gone = gone_from(draw)
    changed = places.changed_with(key, team, gone)
    if changed > places.changed(gone) and not within(changed, places.total, cap_on(on)):
        raise beyond_cap(changed, places.total, on)


def guard_closing(task: Task, by: Actor, at: datetime) -> None:
    """Let nobody close a task of a draw as replaced unless a reserve follows it.

    Raises ReplacementRequired.
    """
    del by, at
    if task.closing_reason != REPLACED:
        return
    line = change_queries.line_of_task(task.id)
    if line is not None and not change_queries.is_being_replaced(task.id):
        raise ReplacementRequired(
            "抽中单位的替换须提出抽取变更，由备选单位依次递补，不能只关闭任务。"
        )
