"""A second person decides on a proposed change of a result."""

from datetime import date, datetime

from app.access import Actor, Role
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, touch
from app.draws import register_queries
from app.draws.changelog import ChangeKind, ChangeState, Places, within
from app.draws.changes import (
    RECUSAL,
    ChangeStateWrong,
    beyond_cap,
    cap_on,
    cause_row,
    gone_from,
    is_closing_proposed,
    journal_change,
    key_of,
    places_of,
    stated,
    task_of,
)
from app.draws.models import Draw, DrawChange
from app.draws.replacing import take_reserve
from app.draws.steps import lock, stamp
from app.errors import Conflict, Forbidden
from app.journal.rules import Event
from app.tasks import service as tasks
from app.tasks.second_persons import require_second_person


class ApprovalNotNeeded(Conflict):
    code, title = "draw-approval-not-needed", "不需要批准"


class ApproverRequired(Forbidden):
    code, title = "draw-approver-required", "须由有批准权的人员办理"


class ProposerRequired(Forbidden):
    code, title = "draw-proposer-required", "须由提出人办理"


class DutyNotRefused(Forbidden):
    code, title = "draw-duty-not-refused", "回避不能拒绝"


def confirm_change(change: DrawChange, *, by: Actor, at: datetime) -> DrawChange:
    """Agree to a change as the second person: not the proposer, not on the team.

    A reserve is taken at once, in the order of the lots; a place is drawn anew by the timetable at
    its next run. Raises SecondPersonInvalid, ChangeStateWrong, AdjustmentBeyondCap (without the
    approval that it then needs), ReserveExhausted and what closing a task refuses.
    """
    draw = _decided(change)
    places = places_of(draw)
    ids = register_queries.officer_ids(draw.agency_id)
    team = [ids[one] for one in places.team(key_of(change.line)) if one in ids]
    require_second_person(
        draw.agency_id,
        first_account_id=change.proposed_by_id,
        first_officer_id=change.proposed_officer_id,
        team=[*team, *task_of(change.line).officer_ids()],
        by=by,
    )
    if change.kind == ChangeKind.SLOT_REDRAW:
        _refuse_beyond_cap(change, draw, places, local_date(at))
    change.state = ChangeState.CONFIRMED
    change.confirmed_officer_id = by.officer_id
    stamp(change, "confirmed", by=by, at=at)
    touch(draw)
    journal_change(Event.DRAW_CHANGE_CONFIRMED, change, by=by, at=at, data={})
    db.session.flush()  # the guard of closings looks for the confirmed change
    if change.kind == ChangeKind.REPLACEMENT:
        take_reserve(draw, change, places, by=by, at=at)
    return change


def approve_change(change: DrawChange, reason: str, *, by: Actor, at: datetime) -> DrawChange:
    """Allow a change of officers beyond the cap; who may is a row of the catalogue.

    Not the proposer. Raises ApprovalNotNeeded, ApproverRequired, ChangeStateWrong.
    """
    draw = _decided(change)
    on = local_date(at)
    if change.approved_at is not None or not _is_beyond(change, draw, places_of(draw), on):
        raise ApprovalNotNeeded("这项变更没有超过调整比例上限，不需要批准。")
    role = Role(catalogue.setting("adjustment-approver", on))
    if not by.has(role):
        raise ApproverRequired("目录规定的批准人是其他角色，您不能批准。", role=str(role))
    if by.id == change.proposed_by_id or (
        by.officer_id is not None
        and by.officer_id in (change.proposed_officer_id, change.officer_out_id)
    ):
        raise ApproverRequired("提出人和被替换的人员不能批准，须由其他人办理。", role=str(role))
    change.approved_reason = stated(reason)
    stamp(change, "approved", by=by, at=at)
    journal_change(Event.DRAW_CHANGE_APPROVED, change, by=by, at=at, data={})
    return change


def refuse_change(change: DrawChange, reason: str, *, by: Actor, at: datetime) -> DrawChange:
    """Do not agree to a change: the task is as before. A recusal is a duty and never refused.

    Raises DutyNotRefused, ChangeStateWrong and ChangeInvalid (no reason).
    """
    _decided(change)
    if change.cause == RECUSAL:
        raise DutyNotRefused("回避是法定义务，不能拒绝；确实登记有误的，请更正回避登记。")
    return _end(change, ChangeState.REFUSED, stated(reason), by=by, at=at)


def withdraw_change(change: DrawChange, reason: str, *, by: Actor, at: datetime) -> DrawChange:
    """Take one's own proposal back. Raises ProposerRequired and ChangeStateWrong."""
    _decided(change)
    if by.id is None or by.id != change.proposed_by_id:
        raise ProposerRequired("只有提出人能够撤回；不同意的，请由复核人办理。")
    return _end(change, ChangeState.WITHDRAWN, stated(reason), by=by, at=at)


def lapse(change: DrawChange, reason: str, *, by: Actor, at: datetime) -> DrawChange:
    """End a change that has become pointless, because the task has gone on without it."""
    return _end(change, ChangeState.WITHDRAWN, reason, by=by, at=at)


def _end(
    change: DrawChange, state: ChangeState, reason: str, *, by: Actor, at: datetime
) -> DrawChange:
    task = task_of(change.line)
    change.state, change.ended_reason = state, reason
    stamp(change, "ended", by=by, at=at)
    refused = state is ChangeState.REFUSED
    event = Event.DRAW_CHANGE_REFUSED if refused else Event.DRAW_CHANGE_WITHDRAWN
    journal_change(event, change, by=by, at=at, data={})
    if change.kind == ChangeKind.REPLACEMENT and is_closing_proposed(task):
        tasks.refuse_closing(task.id, reason, by=by, at=at)
    return change


def _decided(change: DrawChange) -> Draw:
    """Lock the draw and read the change anew. Raises ChangeStateWrong once it is decided."""
    lock(change.draw)
    db.session.refresh(change)
    if change.state != ChangeState.PROPOSED:
        raise ChangeStateWrong("这项变更已经办理，不能再次办理。", state=change.state)
    return change.draw


def _refuse_beyond_cap(change: DrawChange, draw: Draw, places: Places, on: date) -> None:
    if change.approved_at is None and _is_beyond(change, draw, places, on):
        raise beyond_cap(_with(change, draw, places), places.total, on)


def _is_beyond(change: DrawChange, draw: Draw, places: Places, on: date) -> bool:
    """Tell whether a change may go on only with an approval: duties never need one."""
    if change.kind != ChangeKind.SLOT_REDRAW or not cause_row(change.cause, on).body["capped"]:
        return False
    after = _with(change, draw, places)
    return after > places.changed(gone_from(draw)) and not within(after, places.total, cap_on(on))


def _with(change: DrawChange, draw: Draw, places: Places) -> int:
    """Return the changed places once all that was agreed to, and this change, are carried out."""
    return places.changed(gone_from(draw, plus=change))
