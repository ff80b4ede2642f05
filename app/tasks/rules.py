"""What may happen to a task, who may be on its team, who may be the second person.

The transition table is the whole truth about states: services ask it and nothing else.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID, uuid5


class DrawKind(StrEnum):
    """At which level units were drawn, and whether other departments take part: a task's level."""

    DISTRICT = "district"
    CITY = "city"
    NATIONAL = "national"
    CROSS_DEPARTMENT = "cross-department"


KIND_NAMES: Mapping[str, str] = {
    DrawKind.DISTRICT: "区抽",
    DrawKind.CITY: "市抽",
    DrawKind.NATIONAL: "国抽",
    DrawKind.CROSS_DEPARTMENT: "跨部门",
}


class JointRole(StrEnum):
    """Whether the agency leads a cross-department inspection or joins another department's."""

    LEAD = "lead"
    JOIN = "join"


ROLE_NAMES: Mapping[str, str] = {JointRole.LEAD: "牵头", JointRole.JOIN: "参与"}


class TaskState(StrEnum):
    """States of a task; `submitted` has the sub-state `awaiting_results` while samples are out."""

    PENDING = "pending"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in-progress"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    CLOSING_PROPOSED = "closing-proposed"
    COMPLETED = "completed"
    CLOSED = "closed"


STATE_NAMES = {
    TaskState.PENDING: "待分派",
    TaskState.ASSIGNED: "已分派",
    TaskState.ACCEPTED: "已分派",
    TaskState.IN_PROGRESS: "检查中",
    TaskState.SUBMITTED: "已检查 · 待录入",
    TaskState.RETURNED: "退回补正",
    TaskState.CLOSING_PROPOSED: "关闭待批",
    TaskState.COMPLETED: "已完成",
    TaskState.CLOSED: "已关闭",
}
AWAITING_RESULTS_NAME = "待检测"


class Verb(StrEnum):
    """Everything that can be done to a task."""

    ASSIGN = "assign"
    REASSIGN = "reassign"
    ACCEPT = "accept"
    START = "start"
    SUBMIT = "submit"
    RETURN = "return"
    ANSWER_RETURN = "answer-return"
    RECORD_RESULTS = "record-results"
    COMPLETE = "complete"
    PROPOSE_CLOSING = "propose-closing"
    APPROVE_CLOSING = "approve-closing"
    REFUSE_CLOSING = "refuse-closing"
    REOPEN = "reopen"


VERB_NAMES = {
    Verb.ASSIGN: "分派",
    Verb.REASSIGN: "改派",
    Verb.ACCEPT: "接收",
    Verb.START: "开始检查",
    Verb.SUBMIT: "提交",
    Verb.RETURN: "退回补正",
    Verb.ANSWER_RETURN: "提交补正",
    Verb.RECORD_RESULTS: "录入检测结果",
    Verb.COMPLETE: "完成",
    Verb.PROPOSE_CLOSING: "申请关闭",
    Verb.APPROVE_CLOSING: "批准关闭",
    Verb.REFUSE_CLOSING: "不批准关闭",
    Verb.REOPEN: "重新打开",
}

_S = TaskState
# None: the state that was kept when the closing was proposed
TRANSITIONS: Mapping[Verb, Mapping[TaskState, TaskState | None]] = {
    Verb.ASSIGN: {_S.PENDING: _S.ASSIGNED},
    Verb.REASSIGN: {
        _S.ASSIGNED: _S.ASSIGNED,
        _S.ACCEPTED: _S.ASSIGNED,
        _S.IN_PROGRESS: _S.ASSIGNED,
        # the visit is signed: the new team answers the return, it does not begin again
        _S.RETURNED: _S.RETURNED,
    },
    Verb.ACCEPT: {_S.ASSIGNED: _S.ACCEPTED},
    Verb.START: {_S.ACCEPTED: _S.IN_PROGRESS},
    Verb.SUBMIT: {_S.IN_PROGRESS: _S.SUBMITTED},
    Verb.RETURN: {_S.SUBMITTED: _S.RETURNED},
    Verb.ANSWER_RETURN: {_S.RETURNED: _S.SUBMITTED},
    Verb.RECORD_RESULTS: {_S.SUBMITTED: _S.COMPLETED},
    Verb.COMPLETE: {_S.SUBMITTED: _S.COMPLETED},
    Verb.PROPOSE_CLOSING: dict.fromkeys(
        (_S.PENDING, _S.ASSIGNED, _S.ACCEPTED, _S.IN_PROGRESS, _S.RETURNED), _S.CLOSING_PROPOSED
    ),
    Verb.APPROVE_CLOSING: {_S.CLOSING_PROPOSED: _S.CLOSED},
    Verb.REFUSE_CLOSING: {_S.CLOSING_PROPOSED: None},
    Verb.REOPEN: {_S.COMPLETED: _S.ASSIGNED, _S.CLOSED: _S.ASSIGNED},
}
OPEN_STATES = frozenset(TaskState) - {TaskState.COMPLETED, TaskState.CLOSED}
UNBEGUN_STATES = frozenset({TaskState.PENDING, TaskState.ASSIGNED, TaskState.ACCEPTED})
VISITED_STATES = frozenset({TaskState.SUBMITTED, TaskState.RETURNED, TaskState.COMPLETED})
BEGUN_STATES = VISITED_STATES | {TaskState.IN_PROGRESS}


def following(
    verb: Verb,
    state: TaskState,
    *,
    previous: TaskState | None = None,
    awaiting_results: bool = False,
) -> TaskState | None:
    """Return the state that `verb` leads to, or None when it is not possible in `state`.

    While samples are out a task is completed by its last result and by nothing else; a result can
    only be recorded while one is awaited.
    """
    if state not in TRANSITIONS[verb]:
        return None
    if verb is Verb.COMPLETE and awaiting_results:
        return None
    if verb is Verb.RECORD_RESULTS and not awaiting_results:
        return None
    return TRANSITIONS[verb][state] or previous


def possible_verbs(state: TaskState, *, awaiting_results: bool = False) -> list[Verb]:
    """Return the verbs that are possible in a state, in the order of the table."""
    previous = TaskState.PENDING  # any: only whether a state follows is asked
    return [
        verb
        for verb in Verb
        if following(verb, state, previous=previous, awaiting_results=awaiting_results)
    ]


def state_name(state: TaskState, *, awaiting_results: bool = False) -> str:
    """Return what lists call a state."""
    return AWAITING_RESULTS_NAME if awaiting_results else STATE_NAMES[state]


def visit_id(task_id: UUID, round_: int) -> UUID:
    """Return the id of the visit that a task's round is for, the same wherever it is computed."""
    return uuid5(task_id, f"visit|{round_}")


def task_no(year: int, number: int) -> str:
    """Return a printed task number; numbers count by agency and year of creation."""
    return f"RW-{year}-{number:06d}"


def is_overdue(state: TaskState, due_on: date | None, on: date) -> bool:
    """Say whether an open task's last day has passed."""
    return state in OPEN_STATES and due_on is not None and due_on < on


# --- a new task ---


@dataclass(frozen=True, slots=True)
class NewTask:
    """What a task is made of; specialty, class, origin, checklist and level are catalogue codes.

    `origin_reference` names what it came from (a draw, a complaint's number): a task knows no more.
    `from_on` is the first day on which it may be planned, None for any.
    """

    unit_id: UUID
    specialty: str
    origin: str
    object_class: str | None = None
    origin_reference: str | None = None
    level: str | None = None
    checklist_code: str | None = None
    due_on: date | None = None
    from_on: date | None = None


class Checklist(Protocol):
    """A checklist as the catalogue holds it: the specialty and the classes it is for."""

    @property
    def code(self) -> str: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


DRAWN, JOINT_DRAWN = DRAWN_ORIGINS = ("drawn", "joint-drawn")  # as in the catalogue


def origin_of(kind: str) -> str:
    """Return the origin of a task that was drawn at a level."""
    return JOINT_DRAWN if kind == DrawKind.CROSS_DEPARTMENT else DRAWN


def suited_class(registrations: Iterable[tuple[str, str]], specialty: str) -> str | None:
    """Return the class for which a unit is inspected in a specialty: of several the first code."""
    return min((found for own, found in registrations if own == specialty), default=None)


def suited_checklist(
    checklists: Iterable[Checklist], specialty: str, object_class: str | None
) -> str | None:
    """Return the code of the first checklist for a class of a specialty, or None."""
    return next(
        (
            row.code
            for row in checklists
            if row.body["specialty"] == specialty and object_class in row.body["object_classes"]
        ),
        None,
    )


# --- team ---


@dataclass(frozen=True, slots=True)
class Candidate:
    """An officer as the team rule sees him; `recused` is for the task's unit on its day."""

    officer_id: UUID
    name: str
    agency_id: UUID
    active: bool
    certificate_valid_until: date
    lead_specialties: frozenset[str]
    recused: bool = False


@dataclass(frozen=True, slots=True)
class TeamProblem:
    """What keeps a team from being sent; `officer_id` is None when it concerns all of it."""

    code: str
    detail: str
    officer_id: UUID | None = None


def team_problems(
    wanted: Sequence[UUID],
    lead_id: UUID,
    candidates: Mapping[UUID, Candidate],
    *,
    agency_id: UUID,
    specialty: str,
    on: date,
    least: int,
) -> list[TeamProblem]:
    """Check a team for a visit due `on`: enough officers, each allowed to go, one who may lead.

    `least` is the catalogue's number (行政处罚法 第四十二条). Of the `candidates` found,
    one of another agency is treated as not found and his name is not told.
    """
    found = []
    if len(set(wanted)) < least:
        found.append(TeamProblem("team-too-small", f"每次检查不得少于{least}名监督员。"))
    if lead_id not in wanted:
        found.append(TeamProblem("lead-not-on-team", "主办监督员须在人员名单中。", lead_id))
    for officer_id in dict.fromkeys(wanted):
        officer = candidates.get(officer_id)
        if officer is None or officer.agency_id != agency_id:
            detail = f"本机构没有编号为 {officer_id} 的监督员。"
            found.append(TeamProblem("officer-unknown", detail, officer_id))
        else:
            leads = specialty if officer_id == lead_id else None
            found += _officer_problems(officer, on=on, leads=leads)
    return found


def _officer_problems(officer: Candidate, *, on: date, leads: str | None) -> list[TeamProblem]:
    found = []
    if not officer.active:
        found.append(("officer-inactive", f"{officer.name}已不在岗，不能分派。"))
    if officer.certificate_valid_until < on:
        until = f"{officer.certificate_valid_until:%Y-%m-%d}"
        detail = f"{officer.name}的执法证{until}到期，早于任务期限，不能分派。"
        found.append(("certificate-expired", detail))
    if officer.recused:
        found.append(("officer-recused", f"{officer.name}须对该单位回避，不能分派。"))
    if leads is not None and leads not in officer.lead_specialties:
        found.append(("lead-not-qualified", f"{officer.name}不能主办该专业的检查。"))
    return [TeamProblem(code, detail, officer.officer_id) for code, detail in found]


# --- second person ---


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who decides: account, officer behind it, agency, whether a supervisor in service."""

    account_id: UUID | None
    officer_id: UUID | None
    agency_id: UUID | None
    supervisor: bool


SELF_AGREED = "提出人不能复核自己提出的事项，须由另一名负责人办理。"


def second_person_problem(
    second: Person,
    *,
    agency_id: UUID,
    first_account_id: UUID | None,
    first_officer_id: UUID | None,
    team: Collection[UUID],
    self_agreed: str = SELF_AGREED,
) -> str | None:
    """Return why `second` cannot be the second person, or None; `self_agreed` for the first one.

    Another officer-supervisor of the same agency, not the proposer, not on the team. Who has no
    certificate cannot be told apart from the team, so an account without officer does not do.
    """
    if not second.supervisor or second.officer_id is None or second.agency_id != agency_id:
        return "须由本机构另一名有执法证的负责人复核。"
    if second.officer_id == first_officer_id or (
        second.account_id is not None and second.account_id == first_account_id
    ):
        return self_agreed
    if second.officer_id in team:
        return "该任务的检查人员不能复核本任务，须由另一名负责人办理。"
    return None


# --- closing ---


def evidence_problem(
    wanted: Iterable[str], states: Mapping[str, str], *, awaited_will_do: bool
) -> str | None:
    """Return why the evidence does not carry a closing, or None.

    `states` are the agency's own pieces of evidence by hash. A tablet proposes before its photos
    have arrived (`awaited_will_do`), but nothing is closed on photos of which nobody has one.
    """
    hashes = list(dict.fromkeys(wanted))
    if not hashes:
        return "关闭任务须附证据，例如门店关停的现场照片或登记信息截图。"
    usable = {"stored", "awaited"} if awaited_will_do else {"stored"}
    if not any(states.get(sha256) in usable for sha256 in hashes):
        return "所附证据尚未上传或无法核验，请上传后再办理。"
    return None
