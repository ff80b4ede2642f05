"""A reserve follows a unit that cannot be visited, with the same team as far as it may go."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db
from app.draws import change_queries, freezing, outcome, register_queries
from app.draws.changelog import ChangeKind, ChangeState, Places
from app.draws.changes import (
    ChangeStateWrong,
    cause_row,
    is_closing_proposed,
    journal_change,
    key_of,
    new_change,
    record_change,
    task_of,
    until_of,
)
from app.draws.eligibility import TOP_LEVEL, Eligibility, Eligible, Need, parse_barred
from app.draws.eligibility import parse_officers as read_officers
from app.draws.models import Draw, DrawChange, DrawReserveSkip, DrawSelection
from app.draws.steps import stamp
from app.errors import Conflict
from app.journal.rules import Event
from app.people import service as people
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.teams import TeamInvalid
from app.units import service as units
from app.units.rules import UnitStatus

BARRED_THERE, NOT_OPERATING, EXCLUDED = "barred-there", "not-operating", "excluded"


class ReserveExhausted(Conflict):
    """`stratum`, `weight`: the class whose reserves are used up."""

    code, title = "draw-reserve-exhausted", "备选单位已用完"


def take_reserve(
    draw: Draw, change: DrawChange, places: Places, *, by: Actor, at: datetime
) -> None:
    """Close the task, take the next reserve, and send it the same team as far as it may go.

    The draw must be locked. Raises ChangeStateWrong, ReserveExhausted and what closing refuses.
    """
    line, on = change.line, local_date(at)
    task = task_of(line)
    if not is_closing_proposed(task):
        raise ChangeStateWrong("任务已经不在替换审批中，请先撤回本变更。", state=task.state)
    tasks.approve_closing(task.id, by=by, at=at)
    row = cause_row(change.cause, on)
    if row.body["unit_status"]:
        units.flag_unit(task.unit, UnitStatus(row.body["unit_status"]), by=by, at=at)
    reserve, passed = _next_reserve(draw, change, by=by, at=at)
    team = places.team(key_of(line))
    eligible = _eligible(draw, reserve, len(team))
    barred = _barred_there(draw, reserve, task, team, eligible, on)
    made = _make_task(draw, reserve, task, by=by, at=at)
    lead = _lead_there(team, eligible, barred)
    change.reserve_id, change.new_task_id = reserve.id, made.id
    record_change(
        draw,
        change,
        {
            "stratum": line.stratum,
            "weight": line.weight,
            "id": line.archive_no,
            "reserve": reserve.archive_no,
            "rank": reserve.rank,
            "skipped": passed,
            "team": team,
            "lead": lead,
            "takes": sorted(eligible.takes, key=str.encode),
            "leads": sorted(eligible.leads, key=str.encode),
            "level": eligible.level,
            "cause": row.body["public"],
        },
        by=by,
        at=at,
    )
    ids = register_queries.officer_ids(draw.agency_id)
    if not barred:
        with suppress(TeamInvalid):  # before anything is changed; the timetable looks at it
            tasks.assign_task(made.id, [ids[one] for one in team], ids[lead], by=by, at=at)
    reserve.task_id = made.id  # only now one of the draw: its first team is no change of one
    db.session.flush()  # the places to be drawn anew name its task
    for certificate in barred:
        _redraw_there(draw, reserve, change, ids[certificate], by=by, at=at)


def _next_reserve(
    draw: Draw, change: DrawChange, *, by: Actor, at: datetime
) -> tuple[DrawSelection, list[dict[str, Any]]]:
    """Return the first reserve that can be visited, and those passed over, which are recorded.

    What a freeze of today would exclude is passed over for the same reason, which stays inside.
    """
    named = {one["archive_no"]: one for one in change.skips}
    used = change_queries.skipped_of(draw.id)
    on = local_date(at)
    reasons = freezing.reasons_now(draw.plan, change.line.stratum, on=on)
    passed: list[dict[str, Any]] = []
    for reserve in change_queries.reserves_of(change.line):
        if reserve.task_id is not None or reserve.id in used:
            continue
        given = named.get(reserve.archive_no)
        cause = given["cause"] if given else reasons.get(reserve.archive_no, NOT_OPERATING)
        if cause is None:
            return reserve, passed
        skip = DrawReserveSkip(
            change_id=change.id,
            selection_id=reserve.id,
            archive_no=reserve.archive_no,
            rank=reserve.rank,
            cause=cause,
            note=given["note"] if given else "",
            evidence=given["evidence"] if given else [],
            automatic=given is None,
        )
        stamp(skip, "skipped", by=by, at=at)
        db.session.add(skip)
        public = cause_row(cause if given or cause == NOT_OPERATING else EXCLUDED, on)
        passed.append(
            {"id": reserve.archive_no, "rank": reserve.rank, "cause": public.body["public"]}
        )
    raise ReserveExhausted(
        f"“{change.line.stratum}”权重 {change.line.weight} 的备选单位已经用完。"
        "请撤回本变更，按实际原因关闭任务，并办理补抽。",
        stratum=change.line.stratum,
        weight=change.line.weight,
    )


def _eligible(draw: Draw, reserve: DrawSelection, size: int) -> Eligible:
    """Return who may go to a reserve, by the bars and the ladder committed before the draw."""
    files = change_queries.files_named(draw.id, ("officers.tsv", "barred.tsv"))
    ladder = Eligibility(read_officers(files["officers.tsv"]), parse_barred(files["barred.tsv"]))
    need = Need(reserve.stratum, reserve.archive_no, size)
    return ladder.lowest(need) or ladder.row(need, TOP_LEVEL)


def _barred_there(
    draw: Draw,
    reserve: DrawSelection,
    task: Task,
    team: Sequence[str],
    eligible: Eligible,
    on: date,
) -> list[str]:
    """Return who of a team may not go to the reserve: its lead, if else nobody may lead."""
    ids = register_queries.officer_ids(draw.agency_id)
    now = change_queries.barred_from(
        [ids[one] for one in team], reserve.unit_id, from_on=on, until_on=until_of(task, on)
    )
    known = {one.officer_id for one in now}
    barred = [one for one in team if one not in eligible.takes or ids[one] in known]
    if not barred and not eligible.leads.intersection(team):
        return [team[0]]
    return barred


def _lead_there(team: Sequence[str], eligible: Eligible, barred: Collection[str]) -> str:
    """Return who leads at the reserve: the same, else the first of the team who may.

    While the lead's place waits to be drawn anew it stays the lead's.
    """
    if team[0] in barred or team[0] in eligible.leads:
        return team[0]
    return next((one for one in team if one in eligible.leads and one not in barred), team[0])


def _make_task(draw: Draw, reserve: DrawSelection, task: Task, *, by: Actor, at: datetime) -> Task:
    """Make the reserve's task: same origin, level and deadline."""
    strata = {row["name"]: row for row in draw.summary}
    data = outcome.new_task(
        draw,
        strata[reserve.stratum],
        reserve.unit_id,
        register_queries.registrations_of(draw.agency_id),
        catalogue.in_force("checklist", local_date(at)),
    )
    return tasks.create_task(data, agency=people.get_agency(draw.agency_id), by=by, at=at)


def _redraw_there(
    draw: Draw,
    reserve: DrawSelection,
    replacement: DrawChange,
    officer_id: UUID,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Let a place be drawn anew at the reserve: both people agreed to it with the replacement."""
    change = new_change(draw, reserve, ChangeKind.SLOT_REDRAW, BARRED_THERE, "", by=by, at=at)
    change.officer_out_id = officer_id
    change.after_freeze = False
    change.proposed_by_kind = replacement.proposed_by_kind
    change.proposed_by_id = replacement.proposed_by_id
    change.proposed_officer_id = replacement.proposed_officer_id
    change.state, change.confirmed_officer_id = ChangeState.CONFIRMED, by.officer_id
    stamp(change, "confirmed", by=by, at=at)
    db.session.add(change)
    journal_change(Event.DRAW_CHANGE_CONFIRMED, change, by=by, at=at, data={})
