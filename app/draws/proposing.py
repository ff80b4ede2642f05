"""One person proposes a change of a result: a unit cannot be visited, an officer cannot go."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.days import local_date
from app.db import db, savepoint
from app.draws import change_queries, register_queries
from app.draws.changelog import ChangeKind, ChangeState
from app.draws.changes import (
    RECUSAL,
    REPLACED,
    ChangeInvalid,
    is_closing_proposed,
    journal_change,
    key_of,
    new_change,
    places_of,
    refuse_undrawn,
    stated,
    task_of,
    until_of,
)
from app.draws.models import Draw, DrawChange, DrawSelection
from app.draws.steps import lock
from app.errors import Conflict
from app.journal.rules import Event
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.steps import TaskStateWrong

ABSENCE = "absence"
_OPEN = (ChangeState.PROPOSED, ChangeState.CONFIRMED)


class ChangeExists(Conflict):
    code, title = "draw-change-exists", "已有未办结的变更"


@dataclass(frozen=True)
class Skip:
    """A reserve that the proposer found impossible to visit, with its own reason and evidence."""

    archive_no: str
    cause: str
    note: str
    evidence: Sequence[str] = field(default=())


def propose_replacement(
    draw: Draw,
    task_id: UUID,
    cause: str,
    note: str,
    evidence: Sequence[str],
    *,
    skips: Sequence[Skip] = (),
    by: Actor,
    at: datetime,
) -> DrawChange:
    """Propose that the next reserve follows a unit that cannot be visited.

    The task's closing is proposed with it, under the same rules (reason 替换, stored evidence);
    where a tablet has proposed that already, its proposal and evidence are taken over. `skips` are
    reserves that cannot be visited either, each with a reason and evidence of its own. Raises
    DrawStateWrong, ChangeInvalid, ChangeExists, TaskNotFound, TaskStateWrong, ClosingInvalid.
    """
    line, task = _line_of(draw, task_id)
    on = local_date(at)
    _cause(cause, "replacement", on)
    note = stated(note)
    for skip in skips:
        _refuse_skip(draw, line, skip, on)
    if not is_closing_proposed(task):
        tasks.propose_closing(task.id, REPLACED, note, evidence, by=by, at=at)
    change = new_change(draw, line, ChangeKind.REPLACEMENT, cause, note, by=by, at=at)
    change.evidence = list(task.closing_evidence)
    change.skips = [
        {
            "archive_no": one.archive_no,
            "cause": one.cause,
            "note": one.note.strip(),
            "evidence": list(dict.fromkeys(one.evidence)),
        }
        for one in skips
    ]
    return _add_proposed(change, by=by, at=at)


def _refuse_skip(draw: Draw, line: DrawSelection, skip: Skip, on: date) -> None:
    _cause(skip.cause, "replacement", on)
    stated(skip.note)
    if skip.archive_no not in {one.archive_no for one in change_queries.reserves_of(line)}:
        raise ChangeInvalid(f"“{skip.archive_no}”不是这一层、这一权重的备选单位。")
    tasks.require_evidence(draw.agency_id, skip.evidence)


def propose_redraw(
    draw: Draw,
    task_id: UUID,
    officer_id: UUID,
    cause: str,
    note: str,
    *,
    by: Actor,
    at: datetime,
) -> DrawChange:
    """Propose that an officer's place is drawn anew by lot.

    Recusal and absence have to be declared with the officer; any other cause is `unavailable`.
    Raises DrawStateWrong, ChangeInvalid, ChangeExists, TaskNotFound, TaskStateWrong.
    """
    line, task = _line_of(draw, task_id)
    on = local_date(at)
    _cause(cause, "slot-redraw", on)
    certificate = _certificate_on(draw, line, officer_id)
    if certificate is None:
        raise ChangeInvalid("这名监督员不是该任务的检查人员。")
    _refuse_state(task)
    known_at = _declared(task, officer_id, cause, on)
    change = new_change(draw, line, ChangeKind.SLOT_REDRAW, cause, stated(note), by=by, at=at)
    change.officer_out_id = officer_id
    change.after_freeze = _is_after(known_at or at, draw)
    return _add_proposed(change, by=by, at=at)


def _declared(task: Task, officer_id: UUID, cause: str, on: date) -> datetime | None:
    """Return when the cause was declared; raises ChangeInvalid where it was not."""
    if cause == RECUSAL:
        barred = change_queries.barred_from(
            [officer_id], task.unit_id, from_on=on, until_on=until_of(task, on)
        )
        found = next((one.known_at for one in barred if one.cause == RECUSAL), None)
        if found is None:
            raise ChangeInvalid("尚未登记这名监督员对该单位的回避，请先登记。")
        return found
    if cause == ABSENCE:
        found = change_queries.absent_between(officer_id, from_on=on, until_on=until_of(task, on))
        if found is None:
            raise ChangeInvalid("任务期限内没有登记这名监督员的请假，请先登记，或选择其他原因。")
        return found
    return None


def _is_after(known_at: datetime, draw: Draw) -> bool:
    return draw.frozen_at is None or known_at > draw.frozen_at


def note_bar(
    draw: Draw, line: DrawSelection, barred: change_queries.Barred, *, by: Actor, at: datetime
) -> DrawChange | None:
    """Propose by itself to draw the place of somebody who cannot go anew; a person confirms.

    Returns None where that is proposed already, or an absence was looked at and not agreed to.
    """
    lock(draw)  # before looking: another timetable may be doing the same
    task = task_of(line)
    seen = set(_OPEN) if barred.cause == RECUSAL else {*_OPEN, ChangeState.REFUSED}
    if change_queries.has_redraw(task.id, barred.officer_id, seen):
        return None
    if _certificate_on(draw, line, barred.officer_id) is None:
        return None
    change = new_change(draw, line, ChangeKind.SLOT_REDRAW, barred.cause, "", by=by, at=at)
    change.officer_out_id = barred.officer_id
    change.after_freeze = _is_after(barred.known_at or at, draw)
    return _add_proposed(change, by=by, at=at)


def _certificate_on(draw: Draw, line: DrawSelection, officer_id: UUID) -> str | None:
    """Return the certificate of an officer who is to go to a unit."""
    ids = register_queries.officer_ids(draw.agency_id)
    places = places_of(draw)
    team = places.team(key_of(line)) if places.goes(key_of(line)) else []
    return next((one for one in team if ids.get(one) == officer_id), None)


def _line_of(draw: Draw, task_id: UUID) -> tuple[DrawSelection, Task]:
    """Return the line of a task in a drawn draw, which is locked. Raises DrawStateWrong."""
    lock(draw)
    refuse_undrawn(draw)
    task = tasks.get_task(task_id, draw.agency_id)
    line = change_queries.line_of_task(task.id)
    if line is None or line.draw_id != draw.id:
        raise ChangeInvalid("这个任务不是本次抽取产生的。")
    return line, task


def _refuse_state(task: Task) -> None:
    if task.state not in change_queries.REDRAWABLE:
        raise TaskStateWrong(f"任务 {task.task_no} 现在的状态不能更换检查人员。", state=task.state)


def _add_proposed(change: DrawChange, *, by: Actor, at: datetime) -> DrawChange:
    try:
        with savepoint():
            db.session.add(change)
    except IntegrityError as error:
        raise ChangeExists("同一事项已经提出，尚未办结。") from error
    journal_change(
        Event.DRAW_CHANGE_PROPOSED, change, by=by, at=at, data={"evidence": change.evidence}
    )
    return change


def _cause(code: str, kind: str, on: date) -> CatalogueRow:
    """Return a cause of the catalogue that a change of a kind may have. Raises ChangeInvalid."""
    for row in catalogue.in_force("change_cause", on):
        if row.code == code and kind in row.body["kinds"]:
            return row
    raise ChangeInvalid("请从现行目录中选择变更的原因。")
