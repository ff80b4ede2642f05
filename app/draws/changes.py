"""What every change of a result has in common: its cause, its cap, its record.

A unit cannot be visited, an officer cannot go. Nobody changes it alone: one proposes (`proposing`),
a second person confirms (`confirming`). A reserve follows in the order of the lots and is taken
with the confirmation (`replacing`); an officer's place is drawn anew by the timetable (`redraws`).
Whatever is carried out leaves a record that the public reads with the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.days import local_date
from app.db import db, new_id, touch
from app.draws import change_queries, register_queries
from app.draws.changelog import ChangeKind, ChangeState, Key, Places, describe_share, within
from app.draws.files import sha256_of, write_json
from app.draws.models import Draw, DrawChange, DrawSelection
from app.draws.stages import DrawState
from app.draws.steps import DrawStateWrong, stamp
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks.models import Task
from app.tasks.rules import TaskState

RECUSAL = "recusal"
REPLACED = "replaced"  # the catalogue's reason for closing a replaced task
_TEAM_FILES = ("officers.tsv", "eligible.tsv", "assignment.tsv")


class ChangeNotFound(NotFound):
    code, title = "draw-change-not-found", "未找到变更"


class ChangeInvalid(Invalid):
    code, title = "draw-change-invalid", "变更内容有误"


class ChangeStateWrong(Conflict):
    """`state`: where the change stands."""

    code, title = "draw-change-state-wrong", "变更状态不允许此操作"


class AdjustmentBeyondCap(Conflict):
    """`changed` of `total` places, `cap`: [numerator, denominator]."""

    code, title = "draw-adjustment-beyond-cap", "超过人员调整比例上限"


@dataclass(frozen=True)
class Figure:
    """In how many places somebody else goes than was drawn, recusals included, and the cap."""

    changed: int
    total: int
    cap: tuple[int, int]

    @property
    def share(self) -> str:
        return describe_share(self.changed, self.total)

    @property
    def kept(self) -> bool:
        return within(self.changed, self.total, self.cap)


def get_change(change_id: UUID, agency_id: UUID | None) -> DrawChange:
    """Return a change of an agency. Raises ChangeNotFound, also for a foreign one."""
    change = change_queries.find_change(change_id)
    if change is None or change.agency_id != agency_id:
        raise ChangeNotFound("没有这项变更，或它不属于本机构。")
    return change


def places_of(draw: Draw) -> Places:
    """Return who goes where now: as drawn, and as changed since."""
    return Places.read(
        change_queries.files_named(draw.id, _TEAM_FILES), records=change_queries.records_of(draw.id)
    )


def figure_of(draw: Draw, on: date) -> Figure:
    """Return how much of the drawn teams was changed. Raises DrawStateWrong before the draw."""
    refuse_undrawn(draw)
    places = places_of(draw)
    return Figure(places.changed(), places.total, cap_on(on))


def refuse_undrawn(draw: Draw) -> None:
    """Raise DrawStateWrong where there is no result that could be changed."""
    if draw.state not in (DrawState.DRAWN, DrawState.PUBLISHED):
        raise DrawStateWrong("抽取还没有产生任务，没有可以变更的内容。", state=draw.state)


def cap_on(on: date) -> tuple[int, int]:
    """Return the share of changed places that needs no approval."""
    num, den = catalogue.setting("replacement-cap", on)
    return int(num), int(den)


def key_of(line: DrawSelection) -> Key:
    return line.stratum, line.archive_no


def until_of(task: Task, on: date) -> date:
    """Return the last day on which a task's visit is to be expected."""
    return max(on, task.due_on or on)


def is_closing_proposed(task: Task) -> bool:
    """Tell whether the task waits to be closed as replaced."""
    return task.state == TaskState.CLOSING_PROPOSED and task.closing_reason == REPLACED


def task_of(line: DrawSelection) -> Task:
    return db.session.get_one(Task, line.task_id)


def new_change(
    draw: Draw,
    line: DrawSelection,
    kind: ChangeKind,
    cause: str,
    note: str,
    *,
    by: Actor,
    at: datetime,
) -> DrawChange:
    """Return a change of a line, proposed and not yet stored."""
    change = DrawChange(
        id=new_id(),
        agency_id=draw.agency_id,
        district=draw.district,
        draw_id=draw.id,
        selection_id=line.id,
        task_id=line.task_id,
        kind=kind,
        cause=cause,
        note=note,
        evidence=[],
        skips=[],
        state=ChangeState.PROPOSED,
        after_freeze=True,
        proposed_officer_id=by.officer_id,
    )
    stamp(change, "proposed", by=by, at=at)
    return change


def beyond_cap(changed: int, total: int, on: date) -> AdjustmentBeyondCap:
    """Return what to raise where so many of the places would be changed."""
    num, den = cap_on(on)
    return AdjustmentBeyondCap(
        f"办理后共有 {total} 个检查人员名额中的 {changed} 个不是原来抽中的人，"
        f"超过 {num * 100 // den}% 的上限。请先提出重新抽取，并由有批准权的人员写明理由批准。",
        changed=changed,
        total=total,
        cap=[num, den],
    )


def gone_from(draw: Draw, plus: DrawChange | None = None) -> set[tuple[Key, str]]:
    """Return the places whose officers will not go, although nobody was drawn for them yet."""
    certificates = {id_: one for one, id_ in register_queries.officer_ids(draw.agency_id).items()}
    going = [
        one for one in change_queries.open_redraws_of(draw.id) if one.state == ChangeState.CONFIRMED
    ]
    return {
        (key_of(one.line), certificates[one.officer_out_id])
        for one in (*going, *([plus] if plus else []))
        if one.officer_out_id in certificates
    }


def record_change(
    draw: Draw, change: DrawChange, record: Mapping[str, Any], *, by: Actor, at: datetime
) -> None:
    """Number and record a change that holds now; the draw must be locked."""
    change.number = change_queries.next_change_number(draw.id)
    change.record = {
        "kind": str(change.kind),
        "number": change.number,
        "on": local_date(at).isoformat(),
        **record,
    }
    change.state, change.held_code, change.held_detail = ChangeState.CARRIED_OUT, None, None
    stamp(change, "carried_out", by=by, at=at)
    touch(draw)
    journal_change(
        Event.DRAW_CHANGE_CARRIED_OUT,
        change,
        by=by,
        at=at,
        data={
            "number": change.number,
            "record_sha256": sha256_of(write_json(change.record)),
            "new_task_id": None if change.new_task_id is None else str(change.new_task_id),
        },
    )
    db.session.flush()  # the next change of this entry counts from the stored records


def journal_change(
    event: Event, change: DrawChange, *, by: Actor, at: datetime, data: Mapping[str, Any]
) -> None:
    """Record an event of a change with what every one of them tells."""
    journal.record(
        event,
        change,
        by=by,
        at=at,
        data={
            "draw_id": str(change.draw_id),
            "task_id": str(change.task_id),
            "kind": str(change.kind),
            "cause": change.cause,
            "state": str(change.state),
            **data,
        },
    )


def cause_row(code: str, on: date) -> CatalogueRow:
    return catalogue.get_row("change_cause", code, on)


def stated(text: str) -> str:
    """Return a reason that somebody had to give. Raises ChangeInvalid where it is empty."""
    if not text.strip():
        raise ChangeInvalid("请写明情况或理由。")
    return text.strip()
