"""Tasks and their life: whatever the origin, who has to go where and what became of it.

A verb that the state does not allow raises TaskStateWrong and changes nothing; of two people who
act at once one wins and the other gets a Conflict. `by` without an agency (the timetable) may act
for every agency, all others only for their own.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor, ActorKind, Role
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.tasks import queries, rules
from app.tasks.models import Task
from app.tasks.rules import OPEN_STATES, NewTask, Person, TaskState, Verb
from app.tasks.second_persons import person_of, refuse_second_person
from app.tasks.steps import TaskStateWrong, clear, following, move, stamp
from app.tasks.teams import TeamInvalid, TeamStep, refuse_outsider, refuse_team, set_team, team_data
from app.units import service as units
from app.units.rules import UnitStatus


class TaskNotFound(NotFound):
    code, title = "task-not-found", "未找到任务"


class TaskInvalid(Invalid):
    code, title = "task-invalid", "任务内容有误"


class SamplesOut(Conflict):
    code, title = "samples-out", "样品尚未全部出结果"


class ClosingInvalid(Invalid):
    code, title = "closing-invalid", "关闭申请不完整"


TeamGuard = Callable[[TeamStep, Actor, datetime], None]
ClosingGuard = Callable[[Task, Actor, datetime], None]
SampleWatch = Callable[[Task], bool]
_team_guards: list[TeamGuard] = []
_closing_guards: list[ClosingGuard] = []
_sample_watches: list[SampleWatch] = []


def guard(*, teams: TeamGuard, closings: ClosingGuard) -> None:
    """Ask a higher package before a task gets a team or is closed; a guard may refuse or record.

    A task knows its origin and no more: what its origin demands (the teams of a draw may change
    only within a cap) is said from above. `docs/architecture.md` lists who does.
    """
    if teams not in _team_guards:
        _team_guards.append(teams)
    if closings not in _closing_guards:
        _closing_guards.append(closings)


def watch(samples: SampleWatch) -> None:
    """Ask a higher package whether samples of a task are still out: the task waits as long."""
    if samples not in _sample_watches:
        _sample_watches.append(samples)


def guards() -> Sequence[TeamGuard | ClosingGuard | SampleWatch]:
    """Return who is asked."""
    return (*_team_guards, *_closing_guards, *_sample_watches)


# --- find ---


def get_task(task_id: UUID, agency_id: UUID | None) -> Task:
    """Return a task of an agency (None: of any). Raises TaskNotFound, also for a foreign one."""
    task = queries.find_task(task_id)
    if task is None or (agency_id is not None and task.agency_id != agency_id):
        raise TaskNotFound("没有这个任务，或它不属于本机构。")
    return task


# --- create ---


def create_task(data: NewTask, *, agency: Agency, by: Actor, at: datetime) -> Task:
    """Create one task; see `create_tasks`."""
    return create_tasks([data], agency=agency, by=by, at=at)[0]


def create_tasks(data: Sequence[NewTask], *, agency: Agency, by: Actor, at: datetime) -> list[Task]:
    """Create tasks, `pending` and numbered in the order given; all of them or none.

    Numbers are unique in the agency and may have gaps. Codes are judged by the catalogue in force
    on the day. Raises TaskInvalid (`errors`). Flushes: later verbs of the entry find the tasks.
    """
    if not data:
        return []
    on = local_date(at)
    _refuse_unknown(data, agency_id=agency.id, on=on)
    numbers = queries.take_numbers(agency.id, on.year, len(data))
    tasks = []
    for number, one in zip(numbers, data, strict=True):
        task_id = new_id()
        task = Task(
            id=task_id,
            agency_id=agency.id,
            district=agency.district,
            task_no=rules.task_no(on.year, number),
            unit_id=one.unit_id,
            specialty=one.specialty,
            object_class=one.object_class,
            origin=one.origin,
            origin_reference=one.origin_reference,
            level=one.level,
            checklist_code=one.checklist_code,
            from_on=one.from_on,
            due_on=one.due_on,
            state=TaskState.PENDING,
            round=1,
            visit_id=rules.visit_id(task_id, 1),
            closing_evidence=[],
        )
        stamp(task, "created", by=by, at=at)
        db.session.add(task)
        journal.record(Event.TASK_CREATED, task, by=by, at=at, data=_created(one, task.task_no))
        tasks.append(task)
    db.session.flush()
    return tasks


def _created(data: NewTask, task_no: str) -> dict[str, Any]:
    return {
        "task_no": task_no,
        "unit_id": str(data.unit_id),
        "specialty": data.specialty,
        "origin": data.origin,
        "origin_reference": data.origin_reference,
    }


def _refuse_unknown(data: Sequence[NewTask], *, agency_id: UUID, on: date) -> None:
    """Raise TaskInvalid when a task names something that does not exist or is not in force."""
    agencies = queries.agencies_of_units({one.unit_id for one in data})
    codes = {
        kind: {row.code: row.body for row in catalogue.in_force(kind, on)}
        for kind in ("specialty", "object_class", "origin", "checklist")
    }
    errors = []
    for index, one in enumerate(data):
        for field, detail in _unknown(one, codes):
            errors.append({"pointer": f"#/{index}/{field}", "detail": detail})
        if agencies.get(one.unit_id) != agency_id:
            detail = "没有这个单位，或它不属于本机构。"
            errors.append({"pointer": f"#/{index}/unit_id", "detail": detail})
    if errors:
        details = dict.fromkeys(error["detail"] for error in errors)
        raise TaskInvalid("".join(list(details)[:5]), errors=errors[:100])


def _unknown(one: NewTask, codes: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    found = []
    if one.from_on is not None and one.due_on is not None and one.due_on < one.from_on:
        found.append(("from_on", "任务最早日期不能晚于期限。"))
    if one.specialty not in codes["specialty"]:
        found.append(("specialty", f"专业“{one.specialty}”不在现行目录中。"))
    if one.origin not in codes["origin"]:
        found.append(("origin", f"任务来源“{one.origin}”不在现行目录中。"))
    if one.checklist_code is not None and one.checklist_code not in codes["checklist"]:
        found.append(("checklist_code", f"检查表“{one.checklist_code}”不在现行目录中。"))
    if one.object_class is not None:
        body = codes["object_class"].get(one.object_class)
        if body is None or body["specialty"] != one.specialty:
            detail = f"专业“{one.specialty}”下没有对象类别“{one.object_class}”。"
            found.append(("object_class", detail))
    return found


# --- team ---


def assign_task(
    task_id: UUID, officer_ids: Sequence[UUID], lead_id: UUID, *, by: Actor, at: datetime
) -> Task:
    """Give a pending task to a team. Raises TaskStateWrong, TeamInvalid (`errors` by officer)."""
    task = get_task(task_id, by.agency_id)
    state = following(task, Verb.ASSIGN)
    refuse_team(task, officer_ids, lead_id, at=at)
    _ask_guards(TeamStep(task, officer_ids, lead_id, ""), by=by, at=at)
    set_team(task, officer_ids, lead_id)
    return move(task, Verb.ASSIGN, state, by=by, at=at, data=team_data(task))


def reassign_task(
    task_id: UUID,
    officer_ids: Sequence[UUID],
    lead_id: UUID,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> Task:
    """Give a task to another team; a returned one stays returned, the new team answers.

    Raises TaskStateWrong, TeamInvalid and TaskInvalid (no reason).
    """
    task = get_task(task_id, by.agency_id)
    state = following(task, Verb.REASSIGN)
    refuse_team(task, officer_ids, lead_id, at=at)
    task.reassign_reason = _stated(reason, "请填写改派理由。")
    _ask_guards(TeamStep(task, officer_ids, lead_id, task.reassign_reason), by=by, at=at)
    before = [str(officer_id) for officer_id in task.officer_ids()]
    set_team(task, officer_ids, lead_id)
    data = {**team_data(task), "officer_ids_before": before}
    return move(task, Verb.REASSIGN, state, by=by, at=at, data=data)


def _ask_guards(step: TeamStep, *, by: Actor, at: datetime) -> None:
    for ask in _team_guards:
        ask(step, by, at)


def change_deadline(task_id: UUID, due_on: date | None, *, by: Actor, at: datetime) -> Task:
    """Give an open task another last day: who ordered it moved it. Raises TaskStateWrong."""
    task = get_task(task_id, by.agency_id)
    if TaskState(task.state) not in OPEN_STATES:
        raise TaskStateWrong(
            f"任务 {task.task_no} 已经办结，期限不能再改。", state=task.state, possible=[]
        )
    before, task.due_on = task.due_on, due_on
    data = {
        "due_on": None if due_on is None else due_on.isoformat(),
        "due_on_before": None if before is None else before.isoformat(),
    }
    journal.record(Event.TASK_DEADLINE_CHANGED, task, by=by, at=at, data=data)
    return task


def note_late(task: Task, waiting: int, *, by: Actor, at: datetime) -> None:
    """Note how many contributions of officers who no longer carry the task wait for a supervisor.

    Nothing is journalled where the number stays.
    """
    if task.late_waiting != waiting:
        task.late_waiting = waiting
        journal.record(Event.TASK_LATE_NOTED, task, by=by, at=at, data={"waiting": waiting})


# --- the visit's side ---


def accept_task(task_id: UUID, *, officer_id: UUID, by: Actor, at: datetime) -> Task:
    """Accept an assigned task for its team. Raises NotOnTeam and TaskStateWrong."""
    task = get_task(task_id, by.agency_id)
    refuse_outsider(task, officer_id)
    state = following(task, Verb.ACCEPT)
    return move(task, Verb.ACCEPT, state, by=by, at=at, data={"officer_id": str(officer_id)})


def start_task(task_id: UUID, *, officer_id: UUID, by: Actor, at: datetime) -> Task:
    """Begin the visit of an accepted task. Raises NotOnTeam and TaskStateWrong."""
    task = get_task(task_id, by.agency_id)
    refuse_outsider(task, officer_id)
    state = following(task, Verb.START)
    return move(task, Verb.START, state, by=by, at=at, data={"officer_id": str(officer_id)})


def submit_task(task_id: UUID, outcome: str, *, by: Actor, at: datetime) -> Task:
    """Hand in what the visit found; who was there is the visit's business.

    `outcome` is a catalogue code; one that ends no task (待检测) says that samples are out, as does
    one whose results are not here. Raises TaskStateWrong and TaskInvalid.
    """
    return _hand_in(task_id, Verb.SUBMIT, outcome, by=by, at=at)


def answer_return(task_id: UUID, outcome: str | None = None, *, by: Actor, at: datetime) -> Task:
    """Hand in the supplement to a returned task; without an outcome the first one stays.

    Raises TaskStateWrong and TaskInvalid.
    """
    return _hand_in(task_id, Verb.ANSWER_RETURN, outcome, by=by, at=at)


def _hand_in(task_id: UUID, verb: Verb, outcome: str | None, *, by: Actor, at: datetime) -> Task:
    task = get_task(task_id, by.agency_id)
    state = following(task, verb)
    stated = outcome or task.outcome or ""
    awaiting = not _ends_task(stated, at=at) or _samples_out(task)
    task.outcome = stated
    data = {"outcome": stated, "awaiting_results": awaiting}
    move(task, verb, state, by=by, at=at, data=data)
    task.awaiting_results = awaiting
    return task


def _samples_out(task: Task) -> bool:
    return any(out(task) for out in _sample_watches)


def await_results(task_id: UUID, *, by: Actor, at: datetime) -> Task:
    """Let a submitted task wait for results: a sample of its visit came to be known only now.

    Raises TaskStateWrong for a task in another state.
    """
    task = get_task(task_id, by.agency_id)
    following(task, Verb.COMPLETE)  # what can be completed can wait for results
    task.awaiting_results = True
    data = {"outcome": task.outcome, "awaiting_results": True}
    journal.record(Event.TASK_RESULTS_AWAITED, task, by=by, at=at, data=data)
    return task


def record_results(task_id: UUID, outcome: str, *, by: Actor, at: datetime) -> Task:
    """Record the last result of the samples: the task is completed with this outcome.

    Raises TaskStateWrong when no result is awaited, SamplesOut while further ones are, TaskInvalid
    when the outcome ends nothing.
    """
    task = get_task(task_id, by.agency_id)
    state = following(task, Verb.RECORD_RESULTS)
    if _samples_out(task):
        raise SamplesOut("还有样品没有录入检测结果，任务不能完成。", state=str(task.state))
    if not _ends_task(outcome, at=at):
        raise TaskInvalid("最后一项检测结果录入后任务即完成，请选择最终的检查结果。")
    task.outcome = outcome
    return move(task, Verb.RECORD_RESULTS, state, by=by, at=at, data={"outcome": outcome})


def return_task(task_id: UUID, reason: str, *, by: Actor, at: datetime) -> Task:
    """Send a submitted task back for a supplement; the signed visit stays as it is.

    Raises TaskStateWrong and TaskInvalid (no reason).
    """
    task = get_task(task_id, by.agency_id)
    state = following(task, Verb.RETURN)
    task.return_reason = _stated(reason, "请写明退回理由和需要补正的内容。")
    return move(task, Verb.RETURN, state, by=by, at=at)


def complete_task(task_id: UUID, *, by: Actor, at: datetime) -> Task:
    """Complete a submitted task. Raises TaskStateWrong, also while results are awaited."""
    task = get_task(task_id, by.agency_id)
    state = following(task, Verb.COMPLETE)
    return move(task, Verb.COMPLETE, state, by=by, at=at, data={"outcome": task.outcome})


def _ends_task(outcome: str, *, at: datetime) -> bool:
    """Tell whether a visit with this outcome can complete its task; False: samples are out.

    Raises TaskInvalid for an outcome that a visit cannot have: unknown, another department's, or
    the one of a closed task.
    """
    for row in catalogue.in_force("outcome_code", local_date(at)):
        ends = row.body["ends_task"]
        if row.code == outcome and row.body["vocabulary"] == "health" and ends != "closed":
            return bool(ends == "completed")
    raise TaskInvalid(f"检查结果“{outcome}”不在现行目录中，请从目录中选择。")


# --- closing ---


def propose_closing(
    task_id: UUID,
    reason: str,
    note: str,
    evidence: Sequence[str],
    *,
    by: Actor,
    at: datetime,
) -> Task:
    """Propose to close a task that cannot be inspected: a reason of the catalogue, evidence.

    Only a member of the team or a supervisor may. Evidence is named by SHA-256; from a tablet it
    may still be on its way. Raises NotOnTeam, TaskStateWrong and ClosingInvalid.
    """
    task = get_task(task_id, by.agency_id)
    if not by.has(Role.SUPERVISOR):
        refuse_outsider(task, by.officer_id)
    state = following(task, Verb.PROPOSE_CLOSING)
    if reason not in {row.code for row in catalogue.in_force("closing_reason", local_date(at))}:
        raise ClosingInvalid("请从现行目录中选择关闭原因。")
    hashes = list(dict.fromkeys(evidence))
    _refuse_evidence(task, hashes, awaited_will_do=by.kind is ActorKind.DEVICE)
    task.closing_reason, task.closing_note = reason, note.strip()
    task.closing_evidence = hashes
    task.closing_proposed_officer_id = by.officer_id
    task.closed_officer_id = task.closing_refused_reason = None
    for pair in ("closed", "closing_refused"):
        clear(task, pair)
    data = {"reason": reason, "evidence": hashes, "officer_id": _text(by.officer_id)}
    before = task.state
    move(task, Verb.PROPOSE_CLOSING, state, by=by, at=at, data={**data, "state_before": before})
    task.previous_state = before
    return task


def approve_closing(task_id: UUID, *, by: Actor, at: datetime) -> Task:
    """Close a task as the second person: it stays in every denominator.

    Another officer-supervisor of the agency, not the proposer, not on the team. The unit's row is
    flagged as the closing reason says (停业, 搬迁 …). Raises SecondPersonInvalid, TaskStateWrong,
    and ClosingInvalid while evidence is not stored.
    """
    task = get_task(task_id, by.agency_id)
    state = following(task, Verb.APPROVE_CLOSING)
    refuse_second_person(
        task,
        person_of(by),
        first_account_id=task.closing_proposed_by_id,
        first_officer_id=task.closing_proposed_officer_id,
    )
    _refuse_evidence(task, task.closing_evidence, awaited_will_do=False)
    for ask in _closing_guards:
        ask(task, by, at)
    task.closed_officer_id = by.officer_id
    data = {"reason": task.closing_reason, "officer_id": _text(by.officer_id)}
    move(task, Verb.APPROVE_CLOSING, state, by=by, at=at, data=data)
    _flag_unit(task, by=by, at=at)
    return task


def _flag_unit(task: Task, *, by: Actor, at: datetime) -> None:
    """Let the register show why a task was closed, where the reason says something of the unit."""
    for row in catalogue.in_force("closing_reason", local_date(at)):
        if row.code == task.closing_reason and row.body["unit_status"]:
            units.flag_unit(task.unit, UnitStatus(row.body["unit_status"]), by=by, at=at)


def refuse_closing(task_id: UUID, reason: str, *, by: Actor, at: datetime) -> Task:
    """Refuse a proposed closing: the task is again what it was before.

    Raises TaskStateWrong and TaskInvalid (no reason).
    """
    task = get_task(task_id, by.agency_id)
    state = following(task, Verb.REFUSE_CLOSING)
    task.closing_refused_reason = _stated(reason, "请写明不批准关闭的理由。")
    return move(task, Verb.REFUSE_CLOSING, state, by=by, at=at)


def reopen_task(
    task_id: UUID,
    reason: str,
    second_id: UUID,
    *,
    officer_ids: Sequence[UUID] | None = None,
    lead_id: UUID | None = None,
    by: Actor,
    at: datetime,
) -> Task:
    """Open a completed or closed task again, for a new visit of a new round.

    `second_id` is the officer who agrees as second person. The team stays unless another is given;
    it is checked as on assigning, and a task that never had one needs one. Raises TaskStateWrong,
    SecondPersonInvalid, TeamInvalid and TaskInvalid (no reason).
    """
    task = get_task(task_id, by.agency_id)
    state = following(task, Verb.REOPEN)
    team = list(task.officer_ids() if officer_ids is None else officer_ids)
    lead = lead_id or task.lead_officer_id
    if lead is None or not team:
        raise TeamInvalid("该任务还没有检查人员，重新打开时请同时指定人员和主办。", errors=[])
    second = queries.person_of_officer(second_id)
    refuse_second_person(
        task,
        second or Person(None, second_id, None, supervisor=False),
        first_account_id=by.id,
        first_officer_id=by.officer_id,
        team=team,
    )
    refuse_team(task, team, lead, at=at)
    task.reopen_reason = _stated(reason, "请写明重新打开任务的理由。")
    _ask_guards(TeamStep(task, team, lead, task.reopen_reason), by=by, at=at)
    set_team(task, team, lead)
    task.reopened_officer_id, task.reopened_second_officer_id = by.officer_id, second_id
    task.outcome = task.planned_on = task.joint_visit_id = None
    task.round += 1
    task.visit_id = rules.visit_id(task.id, task.round)
    data = {**team_data(task), "second_officer_id": str(second_id)}
    return move(task, Verb.REOPEN, state, by=by, at=at, data=data)


def require_evidence(agency_id: UUID, hashes: Sequence[str]) -> None:
    """Raise ClosingInvalid unless one of these is stored evidence of the agency."""
    states = queries.evidence_states(agency_id, hashes) if hashes else {}
    if problem := rules.evidence_problem(hashes, states, awaited_will_do=False):
        raise ClosingInvalid(problem, missing=list(hashes))


def _refuse_evidence(task: Task, hashes: Sequence[str], *, awaited_will_do: bool) -> None:
    states = queries.evidence_states(task.agency_id, hashes) if hashes else {}
    problem = rules.evidence_problem(hashes, states, awaited_will_do=awaited_will_do)
    if problem:
        missing = [sha256 for sha256 in hashes if states.get(sha256) != "stored"]
        raise ClosingInvalid(problem, missing=missing)


def _stated(reason: str, otherwise: str) -> str:
    if not reason.strip():
        raise TaskInvalid(otherwise)
    return reason.strip()


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
