"""What people change of a result: a unit that cannot be visited, an officer who cannot go.

Nobody does it alone: one proposes, a second person confirms. A reserve follows in the order of the
lots and is taken with the confirmation; an officer's place is drawn anew by the timetable
(`redraws`). Whatever is carried out leaves a record that the public reads with the result.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access import Actor, ActorKind, Role
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.days import local_date
from app.db import db, new_id, savepoint, touch
from app.draws import change_queries, freezing, outcome, register_queries
from app.draws.changelog import ChangeKind, ChangeState, Key, Places, describe_share, within
from app.draws.eligibility import TOP_LEVEL, Eligibility, Eligible, Need, parse_barred
from app.draws.eligibility import parse_officers as read_officers
from app.draws.files import sha256_of, write_json
from app.draws.models import Draw, DrawChange, DrawReserveSkip, DrawSelection
from app.draws.stages import DrawState
from app.draws.steps import DrawStateWrong, lock, stamp
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.units import service as units
from app.units.rules import UnitStatus

REPLACED = "replaced"  # the catalogue's reason for closing a replaced task
UNAVAILABLE, RECUSAL, ABSENCE, BARRED_THERE = "unavailable", "recusal", "absence", "barred-there"
NOT_OPERATING, EXCLUDED = "not-operating", "excluded"
_OPEN = (ChangeState.PROPOSED, ChangeState.CONFIRMED)
_TEAM_FILES = ("officers.tsv", "eligible.tsv", "assignment.tsv")


class ChangeNotFound(NotFound):
    code, title = "draw-change-not-found", "未找到变更"


class ChangeInvalid(Invalid):
    code, title = "draw-change-invalid", "变更内容有误"


class ChangeExists(Conflict):
    code, title = "draw-change-exists", "已有未办结的变更"


class ChangeStateWrong(Conflict):
    """`state`: where the change stands."""

    code, title = "draw-change-state-wrong", "变更状态不允许此操作"


class ReserveExhausted(Conflict):
    """`stratum`, `weight`: the class whose reserves are used up."""

    code, title = "draw-reserve-exhausted", "备选单位已用完"


class ReplacementRequired(Conflict):
    code, title = "draw-replacement-required", "须按抽取变更办理替换"


class TaskReplaced(Conflict):
    code, title = "draw-task-replaced", "任务已被替换"


class AdjustmentBeyondCap(Conflict):
    """`changed` of `total` places, `cap`: [numerator, denominator]."""

    code, title = "draw-adjustment-beyond-cap", "超过人员调整比例上限"


class ApprovalNotNeeded(Conflict):
    code, title = "draw-approval-not-needed", "不需要批准"


class ApproverRequired(Forbidden):
    code, title = "draw-approver-required", "须由有批准权的人员办理"


class ProposerRequired(Forbidden):
    code, title = "draw-proposer-required", "须由提出人办理"


class DutyNotRefused(Forbidden):
    code, title = "draw-duty-not-refused", "回避不能拒绝"


@dataclass(frozen=True)
class Skip:
    """A reserve that the proposer found impossible to visit, with its own reason and evidence."""

    archive_no: str
    cause: str
    note: str
    evidence: Sequence[str] = field(default=())


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


# ---- reading -------------------------------------------------------------------------------------


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
    _refuse_undrawn(draw)
    places = places_of(draw)
    return Figure(places.changed(), places.total, cap_on(on))


def _refuse_undrawn(draw: Draw) -> None:
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


# ---- proposing -----------------------------------------------------------------------------------


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
    note = _stated(note)
    for skip in skips:
        _refuse_skip(draw, line, skip, on)
    if not _is_proposed(task):
        tasks.propose_closing(task.id, REPLACED, note, evidence, by=by, at=at)
    change = _new(draw, line, ChangeKind.REPLACEMENT, cause, note, by=by, at=at)
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


def _is_proposed(task: Task) -> bool:
    return task.state == TaskState.CLOSING_PROPOSED and task.closing_reason == REPLACED


def _refuse_skip(draw: Draw, line: DrawSelection, skip: Skip, on: date) -> None:
    _cause(skip.cause, "replacement", on)
    _stated(skip.note)
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
    change = _new(draw, line, ChangeKind.SLOT_REDRAW, cause, _stated(note), by=by, at=at)
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
    task = _task_of(line)
    seen = set(_OPEN) if barred.cause == RECUSAL else {*_OPEN, ChangeState.REFUSED}
    if change_queries.has_redraw(task.id, barred.officer_id, seen):
        return None
    if _certificate_on(draw, line, barred.officer_id) is None:
        return None
    change = _new(draw, line, ChangeKind.SLOT_REDRAW, barred.cause, "", by=by, at=at)
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
    _refuse_undrawn(draw)
    task = tasks.get_task(task_id, draw.agency_id)
    line = change_queries.line_of_task(task.id)
    if line is None or line.draw_id != draw.id:
        raise ChangeInvalid("这个任务不是本次抽取产生的。")
    return line, task


def _task_of(line: DrawSelection) -> Task:
    return db.session.get_one(Task, line.task_id)


def _refuse_state(task: Task) -> None:
    if task.state not in change_queries.REDRAWABLE:
        raise tasks.TaskStateWrong(
            f"任务 {task.task_no} 现在的状态不能更换检查人员。", state=task.state
        )


def _new(
    draw: Draw,
    line: DrawSelection,
    kind: ChangeKind,
    cause: str,
    note: str,
    *,
    by: Actor,
    at: datetime,
) -> DrawChange:
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


def _add_proposed(change: DrawChange, *, by: Actor, at: datetime) -> DrawChange:
    try:
        with savepoint():
            db.session.add(change)
    except IntegrityError as error:
        raise ChangeExists("同一事项已经提出，尚未办结。") from error
    _record(Event.DRAW_CHANGE_PROPOSED, change, by=by, at=at, data={"evidence": change.evidence})
    return change


# ---- deciding ------------------------------------------------------------------------------------


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
    tasks.require_second_person(
        draw.agency_id,
        first_account_id=change.proposed_by_id,
        first_officer_id=change.proposed_officer_id,
        team=[*team, *_task_of(change.line).officer_ids()],
        by=by,
    )
    if change.kind == ChangeKind.SLOT_REDRAW:
        _refuse_beyond_cap(change, draw, places, local_date(at))
    change.state = ChangeState.CONFIRMED
    change.confirmed_officer_id = by.officer_id
    stamp(change, "confirmed", by=by, at=at)
    touch(draw)
    _record(Event.DRAW_CHANGE_CONFIRMED, change, by=by, at=at, data={})
    db.session.flush()  # the guard of closings looks for the confirmed change
    if change.kind == ChangeKind.REPLACEMENT:
        _replace(draw, change, places, by=by, at=at)
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
    change.approved_reason = _stated(reason)
    stamp(change, "approved", by=by, at=at)
    _record(Event.DRAW_CHANGE_APPROVED, change, by=by, at=at, data={})
    return change


def refuse_change(change: DrawChange, reason: str, *, by: Actor, at: datetime) -> DrawChange:
    """Do not agree to a change: the task is as before. A recusal is a duty and never refused.

    Raises DutyNotRefused, ChangeStateWrong and ChangeInvalid (no reason).
    """
    _decided(change)
    if change.cause == RECUSAL:
        raise DutyNotRefused("回避是法定义务，不能拒绝；确实登记有误的，请更正回避登记。")
    return _end(change, ChangeState.REFUSED, _stated(reason), by=by, at=at)


def withdraw_change(change: DrawChange, reason: str, *, by: Actor, at: datetime) -> DrawChange:
    """Take one's own proposal back. Raises ProposerRequired and ChangeStateWrong."""
    _decided(change)
    if by.id is None or by.id != change.proposed_by_id:
        raise ProposerRequired("只有提出人能够撤回；不同意的，请由复核人办理。")
    return _end(change, ChangeState.WITHDRAWN, _stated(reason), by=by, at=at)


def lapse(change: DrawChange, reason: str, *, by: Actor, at: datetime) -> DrawChange:
    """End a change that has become pointless, because the task has gone on without it."""
    return _end(change, ChangeState.WITHDRAWN, reason, by=by, at=at)


def _end(
    change: DrawChange, state: ChangeState, reason: str, *, by: Actor, at: datetime
) -> DrawChange:
    task = _task_of(change.line)
    change.state, change.ended_reason = state, reason
    stamp(change, "ended", by=by, at=at)
    refused = state is ChangeState.REFUSED
    event = Event.DRAW_CHANGE_REFUSED if refused else Event.DRAW_CHANGE_WITHDRAWN
    _record(event, change, by=by, at=at, data={})
    if change.kind == ChangeKind.REPLACEMENT and _is_proposed(task):
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
        raise _beyond_cap(_with(change, draw, places), places.total, on)


def _beyond_cap(changed: int, total: int, on: date) -> AdjustmentBeyondCap:
    num, den = cap_on(on)
    return AdjustmentBeyondCap(
        f"办理后共有 {total} 个检查人员名额中的 {changed} 个不是原来抽中的人，"
        f"超过 {num * 100 // den}% 的上限。请先提出重新抽取，并由有批准权的人员写明理由批准。",
        changed=changed,
        total=total,
        cap=[num, den],
    )


def _is_beyond(change: DrawChange, draw: Draw, places: Places, on: date) -> bool:
    """Tell whether a change may go on only with an approval: duties never need one."""
    if change.kind != ChangeKind.SLOT_REDRAW or not _cause_row(change.cause, on).body["capped"]:
        return False
    after = _with(change, draw, places)
    return after > places.changed(gone_from(draw)) and not within(after, places.total, cap_on(on))


def _with(change: DrawChange, draw: Draw, places: Places) -> int:
    """Return the changed places once all that was agreed to, and this change, are carried out."""
    return places.changed(gone_from(draw, plus=change))


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


# ---- a reserve follows ---------------------------------------------------------------------------


def _replace(draw: Draw, change: DrawChange, places: Places, *, by: Actor, at: datetime) -> None:
    """Close the task, take the next reserve, and send it the same team as far as it may go."""
    line, on = change.line, local_date(at)
    task = _task_of(line)
    if not _is_proposed(task):
        raise ChangeStateWrong("任务已经不在替换审批中，请先撤回本变更。", state=task.state)
    tasks.approve_closing(task.id, by=by, at=at)
    row = _cause_row(change.cause, on)
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
        with suppress(tasks.TeamInvalid):  # before anything is changed; the timetable looks at it
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
        public = _cause_row(cause if given or cause == NOT_OPERATING else EXCLUDED, on)
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
    change = _new(draw, reserve, ChangeKind.SLOT_REDRAW, BARRED_THERE, "", by=by, at=at)
    change.officer_out_id = officer_id
    change.after_freeze = False
    change.proposed_by_kind = replacement.proposed_by_kind
    change.proposed_by_id = replacement.proposed_by_id
    change.proposed_officer_id = replacement.proposed_officer_id
    change.state, change.confirmed_officer_id = ChangeState.CONFIRMED, by.officer_id
    stamp(change, "confirmed", by=by, at=at)
    db.session.add(change)
    _record(Event.DRAW_CHANGE_CONFIRMED, change, by=by, at=at, data={})


# ---- a person gives a task another team ----------------------------------------------------------


def guard_team(step: tasks.TeamStep, by: Actor, at: datetime) -> None:
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
    change = _new(draw, line, ChangeKind.REASSIGNMENT, UNAVAILABLE, step.reason, by=by, at=at)
    row = _cause_row(UNAVAILABLE, local_date(at))
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
        raise _beyond_cap(changed, places.total, on)


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


# ---- every change --------------------------------------------------------------------------------


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
    _record(
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


def _record(
    event: Event, change: DrawChange, *, by: Actor, at: datetime, data: Mapping[str, Any]
) -> None:
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


def _cause(code: str, kind: str, on: date) -> CatalogueRow:
    """Return a cause of the catalogue that a change of a kind may have. Raises ChangeInvalid."""
    for row in catalogue.in_force("change_cause", on):
        if row.code == code and kind in row.body["kinds"]:
            return row
    raise ChangeInvalid("请从现行目录中选择变更的原因。")


def _cause_row(code: str, on: date) -> CatalogueRow:
    return catalogue.get_row("change_cause", code, on)


def _stated(text: str) -> str:
    if not text.strip():
        raise ChangeInvalid("请写明情况或理由。")
    return text.strip()
