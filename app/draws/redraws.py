"""Places drawn anew by lot, and who cannot go by what was declared: all by the timetable.

The seed of the draw gives every lot (docs/draws.md, "Changes after the result"), and
the timetable alone opens the seal. What it proposes by itself a supervisor still has to confirm.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db
from app.draws import bundle, change_queries, register_queries, rules
from app.draws.assignment import NobodyLeft
from app.draws.changelog import ChangeState, Key, Lot, Places
from app.draws.changes import RECUSAL, key_of, places_of, record_change, until_of
from app.draws.confirming import lapse
from app.draws.models import Draw, DrawChange, DrawSelection
from app.draws.proposing import note_bar
from app.draws.seeding import unseal_chance
from app.draws.steps import lock
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.tasks.teams import TeamInvalid


class Found(NamedTuple):
    """Somebody who stands on a team and cannot go."""

    draw_id: UUID
    selection_id: UUID
    barred: change_queries.Barred


# ---- who cannot go -------------------------------------------------------------------------------


def find_barred(*, at: datetime) -> list[Found]:
    """Return who stands on a team of an open task of any draw and cannot go; reads only."""
    on = local_date(at)
    found: dict[tuple[UUID, UUID], Found] = {}
    for member in change_queries.members_to_look_at(on):
        line = change_queries.line_of_task(member.task_id)
        if line is not None:
            _look_at(found, line, [member.officer_id], at=at)
    for line in change_queries.lines_without_team():
        draw = db.session.get_one(Draw, line.draw_id)
        places, ids = places_of(draw), register_queries.officer_ids(draw.agency_id)
        if places.goes(key_of(line)):
            team = [ids[one] for one in places.team(key_of(line)) if one in ids]
            _look_at(found, line, team, at=at)
    return list(found.values())


def _look_at(
    found: dict[tuple[UUID, UUID], Found],
    line: DrawSelection,
    officer_ids: Sequence[UUID],
    *,
    at: datetime,
) -> None:
    task = db.session.get_one(Task, line.task_id)
    on = local_date(at)
    for barred in change_queries.barred_from(
        officer_ids, task.unit_id, from_on=on, until_on=until_of(task, on)
    ):
        found[line.id, barred.officer_id] = Found(line.draw_id, line.id, barred)


def propose_for(draw: Draw, found: Found, *, by: Actor, at: datetime) -> str | None:
    """Propose that the place of somebody who cannot go is drawn anew; None: it is already."""
    line = db.session.get_one(DrawSelection, found.selection_id)
    change = note_bar(draw, line, found.barred, by=by, at=at)
    return None if change is None else f"{draw.draw_no} redraw proposed: {change.cause}"


# ---- the lot -------------------------------------------------------------------------------------


def seed_of(draw: Draw) -> bytes:
    """Return X of a drawn draw; outside any transaction, and only by the timetable.

    Raises SecretMismatch, EntropyMismatch where somebody changed what had been fixed.
    """
    data = change_queries.files_named(draw.id, ("manifest.json",))["manifest.json"]
    secret, entropy = unseal_chance(draw)
    return rules.seed(bundle.parse_manifest(data), secret, entropy)


def redraw(draw: Draw, change_id: UUID, x: bytes, *, by: Actor, at: datetime) -> str | None:
    """Draw a confirmed place anew and give the task its team; return what was done.

    Among the eligible who are not on the team, were not barred since, and have room: least load,
    then the smallest lot. With nobody left the place waits, and says so. A task that has gone on
    without it ends the change.
    """
    lock(draw)
    change = db.session.get_one(DrawChange, change_id)
    db.session.refresh(change)
    if change.state != ChangeState.CONFIRMED:
        return None
    line = change.line
    task = db.session.get_one(Task, line.task_id)
    if task.state == TaskState.CLOSING_PROPOSED:
        return None  # first it is decided whether anybody goes at all
    places, key = places_of(draw), key_of(line)
    certificates = {id_: one for one, id_ in register_queries.officer_ids(draw.agency_id).items()}
    leaving = certificates[change.officer_out_id] if change.officer_out_id else ""
    if task.state not in change_queries.REDRAWABLE or not _goes(places, key, leaving):
        lapse(change, "任务的检查人员已经不同，不再需要重新抽取。", by=by, at=at)
        return f"{draw.draw_no} redraw lapsed"
    out = _barred(draw, task, places, key, certificates, at=at)
    try:
        lot = places.redraw(x, key, leaving, barred=out, hash_name=draw.hash)
    except NobodyLeft as error:
        return _hold(draw, change, error, by=by, at=at)
    _store(draw, change, places, lot, leaving, by=by, at=at)
    _send(draw, task, key, by=by, at=at)
    return f"{draw.draw_no} place redrawn"


def _goes(places: Places, key: Key, certificate: str) -> bool:
    return places.goes(key) and certificate in places.team(key)


def _barred(
    draw: Draw,
    task: Task,
    places: Places,
    key: Key,
    certificates: dict[UUID, str],
    *,
    at: datetime,
) -> set[str]:
    """Return who cannot go for what became known since the freeze, and who left the team before."""
    ids = {one: id_ for id_, one in certificates.items()}
    on = local_date(at)
    takes = [ids[one] for one in places.row(key).takes if one in ids]
    now = change_queries.barred_from(takes, task.unit_id, from_on=on, until_on=until_of(task, on))
    before = {
        record["out"]
        for record in change_queries.records_of(draw.id)
        if record["kind"] == "slot-redraw" and (record["stratum"], record["id"]) == key
    }
    waiting = {
        certificates[one.officer_out_id]
        for one in change_queries.open_redraws_of(draw.id)
        if key_of(one.line) == key and one.officer_out_id in certificates
    }
    return {certificates[one.officer_id] for one in now} | before | waiting


def _store(
    draw: Draw,
    change: DrawChange,
    places: Places,
    lot: Lot,
    leaving: str,
    *,
    by: Actor,
    at: datetime,
) -> None:
    key = key_of(change.line)
    draw.held_code, draw.held_detail = None, None
    change.redraw_no = places.next_redraw(key)
    change.officer_in_id = register_queries.officer_ids(draw.agency_id)[lot.officer]
    row = catalogue.get_row("change_cause", change.cause, local_date(at))
    cause = row.body["public"]
    if change.cause == RECUSAL and not change.after_freeze:
        cause = row.body["name"]
    record_change(
        draw,
        change,
        {
            "stratum": key[0],
            "id": key[1],
            "redraw": change.redraw_no,
            "team": places.team(key),
            "out": leaving,
            "in": lot.officer,
            "lead": lot.lead,
            "candidates": [list(one) for one in lot.candidates],
            "after_freeze": 1 if change.after_freeze else 0,
            "cause": cause,
        },
        by=by,
        at=at,
    )


def _send(draw: Draw, task: Task, key: Key, *, by: Actor, at: datetime) -> None:
    """Give the task its team; while another place of it waits, it may have to wait too."""
    by = replace(by, agency_id=draw.agency_id, district=draw.district)
    ids = register_queries.officer_ids(draw.agency_id)
    team = [ids[one] for one in places_of(draw).team(key)]
    waiting = any(key_of(one.line) == key for one in change_queries.open_redraws_of(draw.id))
    with suppress(TeamInvalid):  # refused before anything is changed
        if task.state != TaskState.PENDING:
            tasks.reassign_task(
                task.id, team, team[0], reason="抽取变更：重新抽取检查人员。", by=by, at=at
            )
        elif not waiting:
            tasks.assign_task(task.id, team, team[0], by=by, at=at)


def _hold(
    draw: Draw, change: DrawChange, error: NobodyLeft, *, by: Actor, at: datetime
) -> str | None:
    if change.held_code == error.code:
        return None
    change.held_code, change.held_detail = error.code, error.detail
    data = {"draw_id": str(draw.id), "task_id": str(change.task_id), "code": error.code}
    journal.record(Event.DRAW_CHANGE_HELD, change, by=by, at=at, data=data)
    return f"{draw.draw_no} redraw waits: {error.code}"
