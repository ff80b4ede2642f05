"""Given lists: kept, decided row by row, turned into tasks, and answered by partners.

Whoever changes the rows of a list locks it first, so that of two people who act at once the second
sees what the first one did. Tasks are made once for each row, whatever is repeated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, savepoint, touch
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.lists import matching, queries, rules
from app.lists.matching import Index, Known
from app.lists.models import GivenList, GivenListRow, PartnerResult
from app.lists.rules import (
    Decision,
    Doubles,
    Line,
    ListState,
    MatchedBy,
    NewList,
    Outcome,
    Taken,
)
from app.people.models import Agency
from app.registers import Reason, Severity
from app.tasks import service as tasks
from app.tasks.rules import OPEN_STATES, DrawKind, NewTask, origin_of, suited_checklist


class ListNotFound(NotFound):
    code, title = "given-list-not-found", "未找到下达名单"


class ListRowNotFound(NotFound):
    code, title = "given-list-row-not-found", "未找到名单中的这一行"


class ListInvalid(Invalid):
    """`errors`: pointer and detail of each thing wrong."""

    code, title = "given-list-invalid", "下达名单有误"


class ListTaken(Conflict):
    """`list_id`: the list that has the reference already."""

    code, title = "given-list-taken", "该文号的名单已经登记"


class ListClosed(Conflict):
    """The list is withdrawn, or what is asked cannot be done once it has tasks."""

    code, title = "given-list-closed", "名单状态不允许此操作"


class ListRowSettled(Conflict):
    """`outcome`: where the row stands."""

    code, title = "given-list-row-settled", "该行不能再核对"


class ListDecisionInvalid(Invalid):
    code, title = "given-list-decision-invalid", "核对结果有误"


class PartnerResultInvalid(Invalid):
    code, title = "partner-result-invalid", "部门检查结果有误"


_FIXED = ("level", "reference", "year", "period")  # they stand on the tasks


# --- the list ---


def get_list(list_id: UUID, agency_id: UUID | None) -> GivenList:
    """Return a list of an agency. Raises ListNotFound, also for a foreign one."""
    found = queries.find_list(list_id)
    if found is None or found.agency_id != agency_id:
        raise ListNotFound("没有这份下达名单，或它不属于本机构。")
    return found


def get_row(found: GivenList, row_id: UUID) -> GivenListRow:
    """Return a row of a list. Raises ListRowNotFound."""
    row = queries.find_row(row_id)
    if row is None or row.list_id != found.id:
        raise ListRowNotFound("名单中没有这一行。")
    return row


def save_list(data: NewList, *, agency: Agency, by: Actor, at: datetime) -> GivenList:
    """Register a list under its reference; its files come next.

    Raises ListInvalid (`errors`) and ListTaken (`list_id`).
    """
    found = GivenList(id=new_id(), agency_id=agency.id, district=agency.district)
    _write(found, data, by=by, at=at)
    try:
        with savepoint():
            db.session.add(found)
    except IntegrityError as error:
        raise _taken(agency.id, data.reference) from error
    _record(found, by=by, at=at)
    return found


def change_list(found: GivenList, data: NewList, *, by: Actor, at: datetime) -> GivenList:
    """Replace what is said about a list; a new deadline goes to the tasks that have no other.

    Level, reference and period stand on the tasks and are fixed once there is one. Raises
    ListInvalid, ListTaken, ListClosed.
    """
    open_list(found)
    fixed = [name for name in _FIXED if getattr(found, name) != getattr(data, name)]
    if fixed and queries.has_tasks(found.id):
        raise ListClosed("名单已生成任务，层级、文号、年度和周期不能再改。", fields=fixed)
    due_before = found.due_on
    agency_id, reference = found.agency_id, data.reference
    try:
        with savepoint():
            _write(found, data, by=by, at=at)
    except IntegrityError as error:
        raise _taken(agency_id, reference) from error
    if found.due_on != due_before:
        for row in queries.all_rows(found.id):
            if row.stated_due_on is None:
                move_deadline(row, found.due_on, by=by, at=at)
    _record(found, by=by, at=at)
    return found


def withdraw_list(found: GivenList, reason: str, *, by: Actor, at: datetime) -> GivenList:
    """Take back a list that was entered by mistake. Raises ListClosed once it has tasks."""
    open_list(found)
    if queries.has_tasks(found.id):
        raise ListClosed("名单已生成任务，不能撤回；请逐项关闭任务并写明原因。")
    found.state, found.withdrawn_reason = ListState.WITHDRAWN, reason
    stamp(found, "withdrawn", by=by, at=at)
    _record(found, by=by, at=at)
    return found


def open_list(found: GivenList) -> None:
    """Lock a list for a change. Raises ListClosed for a withdrawn one."""
    queries.lock_list(found)
    if found.state != ListState.OPEN:
        raise ListClosed("名单已撤回。", state=found.state)


def _write(found: GivenList, data: NewList, *, by: Actor, at: datetime) -> None:
    if wrong := rules.faults(data):
        raise ListInvalid(
            "下达名单有误，没有保存：" + "".join(dict.fromkeys(one.detail for one in wrong)),
            errors=[{"pointer": f"#/{one.field}", "detail": one.detail} for one in wrong],
        )
    for name, value in asdict(data).items():
        setattr(found, name, value)
    found.partner_departments = list(data.partner_departments)
    found.state = ListState.OPEN
    stamp(found, "saved", by=by, at=at)


def _taken(agency_id: UUID, reference: str) -> ListTaken:
    other = queries.find_by_reference(agency_id, reference)
    return ListTaken(
        f"文号“{reference}”的名单已经登记；更正的文件请上传到该名单，"
        "一个文号有几份名单的，请在文号后注明附件号。",
        list_id=None if other is None else other.id,
    )


def _record(found: GivenList, *, by: Actor, at: datetime) -> None:
    data = {
        "level": found.level,
        "reference": found.reference,
        "role": found.role,
        "state": found.state,
        "due_on": None if found.due_on is None else found.due_on.isoformat(),
    }
    journal.record(Event.GIVEN_LIST_SAVED, found, by=by, at=at, data=data)


def stamp(row: Any, pair: str, *, by: Actor, at: datetime) -> None:
    """Write who did something to a row, and when."""
    setattr(row, f"{pair}_at", at)
    setattr(row, f"{pair}_by_kind", str(by.kind))
    setattr(row, f"{pair}_by_id", by.id)


# --- rows ---


def line_of(row: GivenListRow) -> Line:
    """Return what a row says."""
    return Line(
        superior_no=row.superior_no,
        archive_no=row.archive_no,
        uscc=row.uscc,
        name=row.name,
        address=row.address,
        specialties=tuple(row.specialties),
        object_class=row.stated_class,
        due_on=row.stated_due_on,
        matters=row.matters,
        note=row.note,
        lead_department=row.lead_department,
        partner_departments=tuple(row.partner_departments),
    )


def due_of(found: GivenList, row: GivenListRow) -> date | None:
    """Return until when a row's task is due: its own day, or that of the whole list."""
    return row.stated_due_on or found.due_on


@dataclass(frozen=True)
class Judged:
    """What is known of a line: columns of its row."""

    outcome: Outcome
    matched_by: MatchedBy | None = None
    unit_id: UUID | None = None
    specialty: str | None = None
    object_class: str | None = None
    candidates: tuple[dict[str, Any], ...] = ()
    reasons: tuple[Reason, ...] = ()

    def columns(self) -> dict[str, Any]:
        """Return the values of a row's columns."""
        return {
            "outcome": str(self.outcome),
            "matched_by": None if self.matched_by is None else str(self.matched_by),
            "unit_id": self.unit_id,
            "specialty": self.specialty,
            "object_class": self.object_class,
            "candidates": list(self.candidates),
            "reasons": [asdict(reason) for reason in self.reasons],
        }


def judge(line: Line, index: Index, reasons: Sequence[Reason] = ()) -> Judged:
    """Find out which unit a line means and what it is to be inspected for."""
    found = matching.match(line, index)
    said = (*reasons, *found.reasons)
    if found.unit is None:
        return Judged(
            found.outcome,
            candidates=tuple(_shown(one.unit, one.score) for one in found.candidates),
            reasons=said,
        )
    work = matching.work_of(line, found.unit)
    said = (*said, *work.reasons)
    if work.specialty is None:
        return Judged(Outcome.DOUBTFUL, candidates=(_shown(found.unit, 100),), reasons=said)
    return Judged(
        Outcome.MATCHED,
        found.by,
        found.unit.id,
        work.specialty,
        work.object_class,
        reasons=said,
    )


def _shown(unit: Known, score: int) -> dict[str, Any]:
    return {
        "unit_id": str(unit.id),
        "archive_no": unit.archive_no,
        "name": unit.name,
        "address": unit.address,
        "score": score,
    }


def as_duplicate(judged: Judged, row_no: int) -> Judged:
    """Return a row as the double of an earlier one."""
    detail = f"与第 {row_no} 行是同一单位的同一任务，不再生成任务。"
    return Judged(Outcome.DUPLICATE, reasons=(*judged.reasons, Reason("same-unit", detail)))


def taken_of(row: GivenListRow) -> Taken | None:
    """Return a row that has a unit as far as doubles are concerned; a gone one without task not."""
    if row.unit_id is None or row.specialty is None:
        return None
    if row.gone_at is not None and row.task_id is None:
        return None
    return Taken(row.row_no, row.superior_no, row.unit_id, row.specialty, row.object_class, row.id)


def doubles_of(rows: Iterable[GivenListRow]) -> Doubles:
    """Return the rows that have a unit, to compare others with."""
    return Doubles(one for one in map(taken_of, rows) if one is not None)


def judge_once(
    row_no: int, line: Line, index: Index, doubles: Doubles, reasons: Sequence[Reason] = ()
) -> Judged:
    """Judge a line that has no row yet; a unit that another row has for the same work is a double.

    What is accepted is added to `doubles`.
    """
    judged = judge(line, index, reasons)
    if judged.unit_id is None or judged.specialty is None:
        return judged
    own = Taken(row_no, line.superior_no, judged.unit_id, judged.specialty, judged.object_class)
    if (double := doubles.of(own)) is not None:
        return as_duplicate(judged, double.row_no)
    doubles.add(own)
    return judged


def rematch(found: GivenList, *, by: Actor, at: datetime) -> int:
    """Match the rows that have no unit yet against the register as it is now.

    For units registered since. What a person decided stays. Returns how many rows have changed.
    """
    open_list(found)
    index = Index(queries.known_units(found.agency_id))
    rows = queries.all_rows(found.id)
    doubles = doubles_of(rows)
    changed = 0
    for row in rows:
        open_row = row.outcome in (Outcome.DOUBTFUL, Outcome.UNKNOWN) and row.gone_at is None
        if not open_row or row.decision is not None:
            continue
        judged = judge_once(row.row_no, line_of(row), index, doubles, _kept(row))
        columns = judged.columns()
        if any(getattr(row, name) != value for name, value in columns.items()):
            write_columns(row, columns)
            changed += 1
    if changed:
        data = {"changed": changed, "outcomes": _outcomes(found)}
        touch(found)
        journal.record(Event.GIVEN_LIST_MATCHED, found, by=by, at=at, data=data)
    return changed


def _kept(row: GivenListRow) -> list[Reason]:
    """Return what is said about a row whatever unit it means."""
    found = (Reason(**reason) for reason in row.reasons)
    return [one for one in found if one.code in {"uscc-wrong", "object-class-unknown"}]


def write_columns(row: GivenListRow, columns: Mapping[str, Any]) -> None:
    """Write values of a row's columns."""
    for name, value in columns.items():
        setattr(row, name, value)


def _outcomes(found: GivenList) -> dict[str, int]:
    db.session.flush()
    return queries.counts_of([found.id])[found.id].outcomes


def decide_row(
    found: GivenList,
    row: GivenListRow,
    decision: Decision,
    *,
    unit_id: UUID | None = None,
    specialty: str | None = None,
    object_class: str | None = None,
    note: str = "",
    by: Actor,
    at: datetime,
) -> GivenListRow:
    """Say which unit a row means, or that the register has none: a person does, by name and time.

    A decision can be changed until the row has its task. Raises ListRowSettled and
    ListDecisionInvalid (a unit of nobody's, no specialty, another row's work).
    """
    open_list(found)
    db.session.refresh(row)
    _refuse_settled(row)
    if decision is Decision.UNKNOWN:
        detail = "经核对，底档中没有这家单位。"
        reason = Reason("decided-unknown", detail, None, Severity.WARNING)
        judged = Judged(
            Outcome.UNKNOWN, candidates=tuple(row.candidates), reasons=(*_kept(row), reason)
        )
    else:
        judged = _decided(found, row, unit_id, specialty, object_class, at=at)
    write_columns(row, judged.columns())
    row.decision, row.decision_note = str(decision), note.strip() or None
    stamp(row, "decided", by=by, at=at)
    journal.record(
        Event.GIVEN_LIST_ROW_DECIDED,
        row,
        by=by,
        at=at,
        data={
            "list_id": str(found.id),
            "row_no": row.row_no,
            "decision": str(decision),
            "unit_id": None if judged.unit_id is None else str(judged.unit_id),
            "specialty": judged.specialty,
        },
    )
    return row


def _refuse_settled(row: GivenListRow) -> None:
    if row.task_id is not None:
        raise ListRowSettled("该行已生成任务，不能再改核对结果。", outcome=row.outcome)
    if row.gone_at is not None:
        raise ListRowSettled("更正后的名单已没有这一行。", outcome=row.outcome)
    if row.outcome in (Outcome.REFUSED, Outcome.DUPLICATE) and row.decision is None:
        raise ListRowSettled("该行内容有误或重复，请更正文件后重新上传。", outcome=row.outcome)


def _decided(
    found: GivenList,
    row: GivenListRow,
    unit_id: UUID | None,
    specialty: str | None,
    object_class: str | None,
    *,
    at: datetime,
) -> Judged:
    """Return what a row becomes when a person names its unit, and its work where asked."""
    index = Index(queries.known_units(found.agency_id))
    unit = None if unit_id is None else index.by_id.get(unit_id)
    if unit is None:
        raise ListDecisionInvalid("请选择本机构底档中的一家单位。")
    work = matching.work_of(line_of(row), unit)
    chosen = specialty or work.specialty
    if chosen is None:
        raise ListDecisionInvalid("名单没有写明专业，请同时指定专业。")
    if chosen != work.specialty:
        work = matching.work_of(Line(specialties=(chosen,)), unit)
    object_class = object_class or work.object_class
    _refuse_codes(chosen, object_class, on=local_date(at))
    own = Taken(row.row_no, row.superior_no, unit.id, chosen, object_class)
    double = doubles_of(queries.all_rows(found.id)).of(own, but=row.id)
    if double is not None:
        raise ListDecisionInvalid(
            f"第 {double.row_no} 行已是“{unit.name}”的同一任务，这一行不能再选。",
            row_no=double.row_no,
        )
    reasons = tuple(matching.warnings_of(line_of(row), unit))
    return Judged(
        Outcome.MATCHED,
        MatchedBy.DECISION,
        unit.id,
        chosen,
        object_class,
        candidates=tuple(row.candidates),
        reasons=(*_kept(row), *reasons, *work.reasons),
    )


def _refuse_codes(specialty: str, object_class: str | None, *, on: date) -> None:
    if specialty not in {row.code for row in catalogue.in_force("specialty", on)}:
        raise ListDecisionInvalid(f"专业“{specialty}”不在现行目录中。")
    if object_class is None:
        return
    classes = {row.code: row.body for row in catalogue.in_force("object_class", on)}
    if object_class not in classes or classes[object_class]["specialty"] != specialty:
        raise ListDecisionInvalid(f"专业“{specialty}”下没有对象类别“{object_class}”。")


# --- tasks ---


@dataclass(frozen=True)
class Applied:
    """How many tasks one apply has made, and how many rows still wait for a decision."""

    created: int
    waiting: int


def apply_list(found: GivenList, *, agency: Agency, by: Actor, at: datetime) -> Applied:
    """Make a task of every row whose unit is known, all of them or none; others stay open.

    Each row gets one task, however often and by how many people at once this is done. Raises
    ListClosed and what `tasks.create_tasks` refuses.
    """
    open_list(found)
    rows = queries.unmade_rows(found.id)
    checklists = catalogue.in_force("checklist", local_date(at))
    made = tasks.create_tasks(
        [_new_task(found, row, checklists) for row in rows], agency=agency, by=by, at=at
    )
    for row, task in zip(rows, made, strict=True):
        row.task_id = task.id
    outcomes = _outcomes(found)
    waiting = outcomes[Outcome.DOUBTFUL] + outcomes[Outcome.UNKNOWN]
    if made:
        touch(found)
        data = {"reference": found.reference, "created": len(made), "waiting": waiting}
        journal.record(Event.GIVEN_LIST_APPLIED, found, by=by, at=at, data=data)
    return Applied(len(made), waiting)


def _new_task(found: GivenList, row: GivenListRow, checklists: Sequence[Any]) -> NewTask:
    if row.unit_id is None or row.specialty is None:  # kept by a check constraint
        raise RuntimeError("a matched row has a unit and a specialty")
    return NewTask(
        unit_id=row.unit_id,
        specialty=row.specialty,
        origin=origin_of(found.level),
        object_class=row.object_class,
        origin_reference=found.reference,
        level=found.level,
        checklist_code=suited_checklist(checklists, row.specialty, row.object_class),
        due_on=due_of(found, row),
    )


def move_deadline(row: GivenListRow, due_on: date | None, *, by: Actor, at: datetime) -> bool:
    """Give a row's task another deadline while it is open. Returns whether it changed."""
    if row.task_id is None:
        return False
    task = tasks.get_task(row.task_id, row.agency_id)
    if task.state not in OPEN_STATES or task.due_on == due_on:
        return False
    tasks.change_deadline(task.id, due_on, by=by, at=at)
    return True


# --- partners ---


@dataclass(frozen=True, slots=True)
class NewPartnerResult:
    """What a department found at a unit; `outcome_code` is the catalogue's, where it has one."""

    department: str
    result: str
    outcome_code: str | None = None
    found_on: date | None = None
    reference: str | None = None


def record_partner_result(
    found: GivenList, row: GivenListRow, data: NewPartnerResult, *, by: Actor, at: datetime
) -> tuple[PartnerResult, bool]:
    """Write down what a partner found at a row's unit; said again it changes nothing.

    Returns the result and whether anything changed. Raises PartnerResultInvalid for a list that is
    not across departments, and for a code the catalogue does not have.
    """
    open_list(found)
    if found.level != DrawKind.CROSS_DEPARTMENT:
        raise PartnerResultInvalid("只有跨部门名单才有其他部门的检查结果。")
    if data.outcome_code is not None:
        codes = {one.code for one in catalogue.in_force("outcome_code", local_date(at))}
        if data.outcome_code not in codes:
            raise PartnerResultInvalid(f"检查结果“{data.outcome_code}”不在现行目录中。")
    one = next((own for own in row.partner_results if own.department == data.department), None)
    if one is not None and all(getattr(one, k) == v for k, v in asdict(data).items()):
        return one, False
    if one is None:
        one = PartnerResult(
            id=new_id(), agency_id=found.agency_id, district=found.district, row_id=row.id
        )
        row.partner_results.append(one)
    for name, value in asdict(data).items():
        setattr(one, name, value)
    stamp(one, "recorded", by=by, at=at)
    touch(row)
    journal.record(
        Event.PARTNER_RESULT_RECORDED,
        one,
        by=by,
        at=at,
        data={"list_id": str(found.id), "row_no": row.row_no, "outcome_code": one.outcome_code},
    )
    return one, True
