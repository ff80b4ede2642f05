"""Given lists in and out as tables: the first file, corrected ones, partners' results, the answer.

The first file makes the rows. A corrected one is compared with them and shown before it holds:
what is new, what changed, what is gone. Nothing is ever deleted, and the same file again changes
nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import sheets
from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, touch
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.lists import queries, register, rules, service
from app.lists.matching import Index
from app.lists.models import GivenList, GivenListFile, GivenListLine, GivenListRow
from app.lists.register import DOUBLE, PartnerRow, Read, Table, Words
from app.lists.rules import (
    OUTCOME_NAMES,
    WHO,
    Change,
    FileState,
    Line,
    Outcome,
    normalise_code,
    normalise_name,
)
from app.lists.service import Judged, NewPartnerResult
from app.registers import Reason
from app.tasks.models import Task

_TOLD = 50  # lines that an error tells of


class ListFileNotFound(NotFound):
    code, title = "given-list-file-not-found", "未找到名单文件"


class ListFileStale(Conflict):
    """The list has another file by now, or the preview was confirmed already."""

    code, title = "given-list-file-stale", "名单已经变化"


class PartnerResultsInvalid(Invalid):
    """`errors`: line by line what is wrong; nothing of the file was taken."""

    code, title = "partner-results-invalid", "部门检查结果表有误"


@dataclass(frozen=True)
class Upload:
    """A file, read and judged line by line; nothing of it is written yet."""

    file_name: str
    sha256: str
    table: Table
    index: Index


def read_upload(source: bytes, file_name: str, *, agency_id: UUID, at: datetime) -> Upload:
    """Read a list; outside any transaction, because a table takes time.

    Raises the errors of `sheets.read_sheet`; what is wrong with single lines is in them.
    """
    table = register.read_table(source, words_on(local_date(at)))
    index = Index(queries.known_units(agency_id))
    return Upload(file_name, hashlib.sha256(source).hexdigest(), table, index)


def words_on(on: date) -> Words:
    """Return the words for specialties and classes of the catalogue in force on a day."""
    specialties = {row.code: str(row.body["name"]) for row in catalogue.in_force("specialty", on)}
    classes = {
        row.code: (str(row.body["specialty"]), str(row.body["name"]))
        for row in catalogue.in_force("object_class", on)
    }
    return Words.of(specialties, classes)


@dataclass(frozen=True)
class Received:
    """What became of a file; `unchanged`: it is the one that holds, and nothing was written."""

    file: GivenListFile
    unchanged: bool


def receive_file(found: GivenList, upload: Upload, *, by: Actor, at: datetime) -> Received:
    """Take a file of a list: the first makes the rows, the same again nothing, others a preview.

    Raises ListClosed for a withdrawn list.
    """
    service.open_list(found)
    current = queries.current_file(found.id)
    if current is None:
        return Received(_first(found, upload, by=by, at=at), unchanged=False)
    if current.sha256 == upload.sha256:
        return Received(current, unchanged=True)
    previewed = queries.same_preview(found.id, upload.sha256, current.id)
    if previewed is not None:
        return Received(previewed, unchanged=False)
    return Received(_correction(found, upload, current, by=by, at=at), unchanged=False)


def _new_file(
    found: GivenList, upload: Upload, state: FileState, *, by: Actor, at: datetime
) -> GivenListFile:
    file = GivenListFile(
        id=new_id(),
        agency_id=found.agency_id,
        district=found.district,
        list_id=found.id,
        state=state,
        sha256=upload.sha256,
        file_name=upload.file_name,
        counts={},
        ignored_columns=list(upload.table.ignored),
    )
    service.stamp(file, "uploaded", by=by, at=at)
    db.session.add(file)
    return file


def _first(found: GivenList, upload: Upload, *, by: Actor, at: datetime) -> GivenListFile:
    file = _new_file(found, upload, FileState.CURRENT, by=by, at=at)
    service.stamp(file, "confirmed", by=by, at=at)
    doubles = rules.Doubles()
    rows = []
    for read in upload.table.lines:
        if read.refused:
            rows.append(_refused_row(found, file, read.row_no, read.line, read.reasons))
        else:
            judged = service.judge_once(read.row_no, read.line, upload.index, doubles, read.reasons)
            rows.append(_row(found, file, read.row_no, read.line, judged))
    refused = sum(read.refused for read in upload.table.lines)
    file.counts = _counted({Change.NEW: len(rows) - refused, Change.REFUSED: refused})
    db.session.flush()  # its rows are written past the session, in bulk
    _insert(rows)
    touch(found)
    _record(found, file, by=by, at=at)
    return file


def _counted(counts: Mapping[Change, int]) -> dict[str, int]:
    return {str(change): counts.get(change, 0) for change in Change}


def _insert(rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        db.session.execute(sa.insert(GivenListRow), rows)


def _row(
    found: GivenList, file: GivenListFile, row_no: int, line: Line, judged: Judged
) -> dict[str, Any]:
    """Return the columns of a new row."""
    return {
        "id": new_id(),
        "version": 1,
        "agency_id": found.agency_id,
        "district": found.district,
        "list_id": found.id,
        "file_id": file.id,
        "row_no": row_no,
        "key": line.key,
        **_said(line),
        **judged.columns(),
    }


def _said(line: Line) -> dict[str, Any]:
    """Return the columns that hold what a line says."""
    said = asdict(line)
    said["stated_class"] = said.pop("object_class")
    said["stated_due_on"] = said.pop("due_on")
    said["specialties"] = list(line.specialties)
    said["partner_departments"] = list(line.partner_departments)
    return said


def _refused_row(
    found: GivenList, file: GivenListFile, row_no: int, line: Line, reasons: Sequence[Reason]
) -> dict[str, Any]:
    """Return the columns of a row that is only reported; no other row has its key."""
    double = any(reason.code == DOUBLE for reason in reasons)
    outcome = Outcome.DUPLICATE if double else Outcome.REFUSED
    row = _row(found, file, row_no, line, Judged(outcome, reasons=tuple(reasons)))
    return {**row, "key": rules.refused_key(file.id, row_no)}


def _record(found: GivenList, file: GivenListFile, *, by: Actor, at: datetime) -> None:
    data = {
        "list_id": str(found.id),
        "reference": found.reference,
        "sha256": file.sha256,
        "counts": file.counts,
    }
    journal.record(Event.GIVEN_LIST_IMPORTED, file, by=by, at=at, data=data)


# --- corrected files ---


@dataclass(frozen=True)
class Compared:
    """What one line does to the list, and the row it is about."""

    change: Change
    row_no: int | None
    line: Line
    reasons: tuple[Reason, ...] = ()
    changed: tuple[str, ...] = ()
    row: GivenListRow | None = None


class Comparison:
    """A corrected file beside the rows of its list."""

    def __init__(self, rows: Sequence[GivenListRow], index: Index) -> None:
        self.index = index
        self.rows = [row for row in rows if not _only_reported(row)]
        self.by_key = {row.key: row for row in self.rows}
        self.lines = {row.id: service.line_of(row) for row in self.rows}
        self.paired: set[UUID] = set()

    def of(self, reads: Sequence[Read]) -> list[Compared]:
        """Compare every line; rows that no line is about any more come last, as gone."""
        known = [self.by_key.get(read.line.key) for read in reads]
        self.paired = {row.id for row in known if row is not None}
        self.by_place = self._places()
        found = [self._compared(*both) for both in zip(reads, known, strict=True)]
        gone = [
            Compared(Change.GONE, None, self.lines[row.id], row=row)
            for row in self.rows
            if row.id not in self.paired and row.gone_at is None
        ]
        return found + gone

    def _places(self) -> dict[Any, list[GivenListRow]]:
        """Return the rows that no key found, by unit and by name and address."""
        found: dict[Any, list[GivenListRow]] = {}
        for row in self.rows:
            if row.id not in self.paired:
                for place in _places_of(self.lines[row.id], row.unit_id):
                    found.setdefault(place, []).append(row)
        return found

    def _compared(self, read: Read, row: GivenListRow | None) -> Compared:
        if read.refused:
            return Compared(Change.REFUSED, read.row_no, read.line, read.reasons, row=row)
        if row is None:
            row = self._again(read.line)
        if row is None:
            return Compared(Change.NEW, read.row_no, read.line, read.reasons)
        changed = rules.changed_fields(self.lines[row.id], read.line)
        if row.gone_at is not None:
            changed.append("gone")
        if self._is_another(row, read.line, changed):
            detail = (
                "该行已生成任务，更正后的内容指向另一家单位或另一专业，没有采用；"
                "请先关闭原任务，再以新的任务编号下达。"
            )
            reasons = (*read.reasons, Reason("task-of-another-unit", detail))
            return Compared(Change.REFUSED, read.row_no, read.line, reasons, tuple(changed), row)
        change = Change.CHANGED if changed else Change.SAME
        return Compared(change, read.row_no, read.line, read.reasons, tuple(changed), row)

    def _again(self, line: Line) -> GivenListRow | None:
        """Return the row that a line means although its key is new: a number was added, say."""
        judged = service.judge(line, self.index)
        for place in _places_of(line, judged.unit_id):
            for row in self.by_place.get(place, ()):
                if row.id not in self.paired and _same_work(row, line, judged):
                    self.paired.add(row.id)
                    return row
        return None

    def _is_another(self, row: GivenListRow, line: Line, changed: Iterable[str]) -> bool:
        """Tell whether a row that has a task would get another unit or specialty."""
        if row.task_id is None or not set(WHO).intersection(changed):
            return False
        judged = service.judge(line, self.index)
        if judged.unit_id is None:
            return not _says_less(self.lines[row.id], line)
        return (judged.unit_id, judged.specialty) != (row.unit_id, row.specialty)


def _only_reported(row: GivenListRow) -> bool:
    """Tell whether a row is no more than the report of a bad line of an earlier file."""
    reported = row.outcome in (Outcome.REFUSED, Outcome.DUPLICATE)
    return reported and row.key.startswith(rules.REFUSED_KEY)


def _places_of(line: Line, unit_id: UUID | None) -> list[Any]:
    name = normalise_name(line.name)
    places: list[Any] = [] if unit_id is None else [unit_id]
    return [*places, (name, rules.normalise_address(line.address))] if name else places


def _same_work(row: GivenListRow, line: Line, judged: Judged) -> bool:
    """Tell whether a row and a line mean one task: the number is missing on one side at least."""
    if row.superior_no and line.superior_no:
        return False
    if row.specialty is not None and judged.specialty is not None:
        return row.specialty == judged.specialty
    return not row.specialties or not line.specialties or row.specialties == list(line.specialties)


def _says_less(before: Line, after: Line) -> bool:
    """Tell whether a line only leaves out what it said of its unit, or says it in another way."""
    pairs = [(getattr(before, name), getattr(after, name)) for name in WHO]
    return all(not new or old == new for old, new in pairs)


def _correction(
    found: GivenList, upload: Upload, current: GivenListFile, *, by: Actor, at: datetime
) -> GivenListFile:
    compared = Comparison(queries.all_rows(found.id), upload.index).of(upload.table.lines)
    file = _new_file(found, upload, FileState.PREVIEWED, by=by, at=at)
    file.basis_id = current.id
    file.counts = _counted(Counter(one.change for one in compared))
    db.session.flush()
    rows = [
        {
            "file_id": file.id,
            "position": position,
            "row_no": one.row_no,
            "change": str(one.change),
            "changed": list(one.changed),
            "reasons": [asdict(reason) for reason in one.reasons],
            "row_id": None if one.row is None else one.row.id,
            "said": _stored(one.line),
        }
        for position, one in enumerate(compared, 1)
    ]
    if rows:
        db.session.execute(sa.insert(GivenListLine), rows)
    return file


def _stored(line: Line) -> dict[str, Any]:
    said = asdict(line)
    said["due_on"] = None if line.due_on is None else line.due_on.isoformat()
    return said


def _read_again(said: Mapping[str, Any]) -> Line:
    values = dict(said)
    values["due_on"] = None if said["due_on"] is None else date.fromisoformat(said["due_on"])
    for name in ("specialties", "partner_departments"):
        values[name] = tuple(said[name])
    return Line(**values)


def get_file(found: GivenList, file_id: UUID) -> GivenListFile:
    """Return a file of a list. Raises ListFileNotFound."""
    file = queries.find_file(file_id)
    if file is None or file.list_id != found.id:
        raise ListFileNotFound("名单没有这个文件。")
    return file


def confirm_file(
    found: GivenList, file: GivenListFile, *, by: Actor, at: datetime
) -> GivenListFile:
    """Let a previewed correction hold: new rows come in, changes are taken over, the rest is gone.

    A changed deadline goes to the row's open task; a row that is gone keeps its task. Raises
    ListClosed, and ListFileStale when another file holds by now.
    """
    service.open_list(found)
    db.session.refresh(file)
    current = queries.current_file(found.id)
    if file.state != FileState.PREVIEWED or current is None or file.basis_id != current.id:
        raise ListFileStale("预览之后名单已经变化，没有采用；请重新上传。", state=file.state)
    merge = _Merge(found, file, by, at)
    for line in queries.lines_of(file.id):
        merge.take(line)
    for row in merge.rows.values():
        if _only_reported(row) and row.gone_at is None:
            service.stamp(row, "gone", by=by, at=at)
    current.state = FileState.SUPERSEDED
    db.session.flush()  # one file holds at a time
    file.state = FileState.CURRENT
    service.stamp(file, "confirmed", by=by, at=at)
    db.session.flush()
    _insert(merge.made)
    touch(found)
    _record(found, file, by=by, at=at)
    return file


class _Merge:
    """Lines of a confirmed file, taken into the rows one by one."""

    def __init__(self, found: GivenList, file: GivenListFile, by: Actor, at: datetime) -> None:
        self.found, self.file, self.by, self.at = found, file, by, at
        self.rows = {row.id: row for row in queries.all_rows(found.id)}
        self.index = Index(queries.known_units(found.agency_id))
        self.doubles = service.doubles_of(self.rows.values())
        self.made: list[dict[str, Any]] = []

    def take(self, line: GivenListLine) -> None:
        row = None if line.row_id is None else self.rows[line.row_id]
        reasons = [Reason(**reason) for reason in line.reasons]
        said = _read_again(line.said)
        if line.change == Change.GONE:
            self._gone(row)
        elif line.change == Change.REFUSED:
            if row is None and line.row_no is not None:
                self.made.append(_refused_row(self.found, self.file, line.row_no, said, reasons))
        elif row is None:
            row_no = line.row_no or 0
            judged = service.judge_once(row_no, said, self.index, self.doubles, reasons)
            self.made.append(_row(self.found, self.file, row_no, said, judged))
        else:
            self._changed(row, line, said, reasons)

    def _gone(self, row: GivenListRow | None) -> None:
        if row is not None and row.gone_at is None:
            service.stamp(row, "gone", by=self.by, at=self.at)

    def _changed(
        self, row: GivenListRow, line: GivenListLine, said: Line, reasons: Sequence[Reason]
    ) -> None:
        row.row_no, row.file_id = line.row_no or row.row_no, self.file.id
        row.gone_at = row.gone_by_kind = row.gone_by_id = None
        if line.change == Change.SAME:
            return
        due_before = service.due_of(self.found, row)
        service.write_columns(row, {**_said(said), "key": said.key})
        due_on = service.due_of(self.found, row)
        if due_on != due_before:
            service.move_deadline(row, due_on, by=self.by, at=self.at)
        if row.task_id is None and set(WHO).intersection(line.changed):
            self._match_anew(row, said, reasons)

    def _match_anew(self, row: GivenListRow, said: Line, reasons: Sequence[Reason]) -> None:
        """What a person decided was about what the row said before."""
        judged = service.judge(said, self.index, reasons)
        if judged.unit_id is not None and judged.specialty is not None:
            own = rules.Taken(
                row.row_no, said.superior_no, judged.unit_id, judged.specialty, judged.object_class
            )
            if (double := self.doubles.of(own, but=row.id)) is not None:
                judged = service.as_duplicate(judged, double.row_no)
            else:
                self.doubles.add(own)
        service.write_columns(row, judged.columns())
        row.decision = row.decision_note = None
        row.decided_at = row.decided_by_kind = row.decided_by_id = None


# --- partners' results ---


@dataclass(frozen=True)
class PartnerLine:
    """What became of one line of a table of results."""

    row_no: int
    change: Change
    department: str
    reasons: tuple[Reason, ...]


def take_partner_results(
    found: GivenList, rows: Sequence[PartnerRow], *, preview: bool, by: Actor, at: datetime
) -> list[PartnerLine]:
    """Write down what partners found, every line of a table or none.

    A preview tells the same and writes nothing. A line that was taken before changes nothing.
    Raises PartnerResultsInvalid (`errors` by line) and what `record_partner_result` raises.
    """
    service.open_list(found)
    finder = _RowFinder(queries.told_rows(found.id))
    located = [(one, *finder.find(one)) for one in rows]
    wrong = [(one, reasons) for one, row, reasons in located if row is None]
    if wrong and not preview:
        raise PartnerResultsInvalid(
            f"有 {len(wrong)} 行不能采用，全部没有写入，请更正后重新上传。",
            errors=[
                {"pointer": f"#/{one.row_no}", "detail": "".join(r.detail for r in reasons)}
                for one, reasons in wrong[:_TOLD]
            ],
        )
    return [
        PartnerLine(
            one.row_no,
            Change.REFUSED if row is None else _taken_result(found, row, one, preview, by, at),
            one.department,
            reasons,
        )
        for one, row, reasons in located
    ]


def _taken_result(
    found: GivenList,
    row: GivenListRow,
    one: PartnerRow,
    preview: bool,
    by: Actor,
    at: datetime,
) -> Change:
    data = NewPartnerResult(
        one.department, one.result, found_on=one.found_on, reference=one.reference or None
    )
    known = next((own for own in row.partner_results if own.department == data.department), None)
    if known is not None and known.outcome_code is not None:
        data = NewPartnerResult(**{**asdict(data), "outcome_code": known.outcome_code})
    if known is not None and all(getattr(known, k) == v for k, v in asdict(data).items()):
        return Change.SAME
    if not preview:
        service.record_partner_result(found, row, data, by=by, at=at)
    return Change.NEW if known is None else Change.CHANGED


class _RowFinder:
    """Finds the row of a list that a line of another table means, or says why it cannot."""

    def __init__(self, rows: Iterable[GivenListRow]) -> None:
        self.found: dict[tuple[str, str], list[GivenListRow]] = {}
        for row in rows:
            if _only_reported(row):
                continue
            signs = {*_signs(row.superior_no, row.archive_no, row.uscc, row.name)}
            if (unit := row.unit) is not None:
                signs |= {*_signs("", unit.archive_no, unit.uscc or "", unit.name)}
            for sign in signs:
                self.found.setdefault(sign, []).append(row)

    def find(self, one: PartnerRow) -> tuple[GivenListRow | None, tuple[Reason, ...]]:
        if any(reason.severity == "error" for reason in one.reasons):
            return None, one.reasons
        line = one.line
        for sign in _signs(line.superior_no, line.archive_no, line.uscc, line.name):
            rows = self.found.get(sign, [])
            if len(rows) > 1 and line.specialties:
                rows = [row for row in rows if row.specialty in line.specialties]
            if len(rows) == 1:
                return rows[0], one.reasons
            if len(rows) > 1:
                detail = f"名单中有 {len(rows)} 行与此相符，请填写任务编号。"
                return None, (*one.reasons, Reason("row-of-several", detail))
        detail = "名单中没有这家单位。"
        return None, (*one.reasons, Reason("row-unknown", detail))


def _signs(superior_no: str, archive_no: str, uscc: str, name: str) -> Iterator[tuple[str, str]]:
    """Return what a row can be found by, the surest first."""
    signs = (
        ("no", normalise_code(superior_no)),
        ("archive", normalise_code(archive_no)),
        ("uscc", uscc),
        ("name", normalise_name(name)),
    )
    return (sign for sign in signs if sign[1])


# --- export ---

_OWN = (
    register.SUPERIOR_NO,
    register.ARCHIVE_NO,
    register.USCC,
    register.NAME,
    register.ADDRESS,
    register.SPECIALTY,
    register.OBJECT_CLASS,
    register.DUE_ON,
    register.MATTERS,
    register.NOTE,
    register.LEAD_DEPARTMENT,
    register.PARTNER_DEPARTMENTS,
)
EXPORT_COLUMNS = (
    *_OWN,
    "匹配情况",
    "本机构档案编号",
    "本机构单位名称",
    "任务",
    "任务状态",
    "检查人员",
    "检查日期",
    "检查结果",
    "关闭原因",
    "部门检查结果",
)


def export_list(found: GivenList, file_format: str, *, at: datetime) -> bytes:
    """Return a list with its results as a table, to be sent back; `file_format` is xlsx or csv.

    Outside any transaction. It holds names of officers.
    """
    names = _Names(local_date(at))
    rows = (
        [*_own_cells(row, names), *_found_cells(row, names)] for row in queries.told_rows(found.id)
    )
    if file_format == "csv":
        return b"".join(sheets.write_csv(EXPORT_COLUMNS, rows))
    return sheets.write_xlsx(EXPORT_COLUMNS, rows, name="下达名单")


def record_export(found: GivenList, file_format: str, *, by: Actor, at: datetime) -> None:
    """Write down that somebody took a list out."""
    journal.record(Event.GIVEN_LIST_EXPORTED, found, by=by, at=at, data={"format": file_format})


class _Names:
    """The catalogue's names by code."""

    def __init__(self, on: date) -> None:
        self.of = {
            kind: {row.code: str(row.body["name"]) for row in catalogue.in_force(kind, on)}
            for kind in ("specialty", "object_class", "outcome_code", "closing_reason")
        }

    def __call__(self, kind: str, code: str | None) -> str:
        return self.of[kind].get(code or "", code or "")


def _own_cells(row: GivenListRow, names: _Names) -> list[sheets.Cell]:
    both = {**names.of["specialty"], **names.of["object_class"]}
    said = register.in_words(service.line_of(row), both)
    return [said[column] for column in _OWN]


def _found_cells(row: GivenListRow, names: _Names) -> list[sheets.Cell]:
    unit, task = row.unit, row.task
    outcome = OUTCOME_NAMES[row.outcome]
    results = "；".join(f"{one.department}：{one.result}" for one in row.partner_results)
    return [
        outcome if row.gone_at is None else f"{outcome}（已不在名单）",
        None if unit is None else unit.archive_no,
        None if unit is None else unit.name,
        *([None] * 6 if task is None else _task_cells(task, names)),
        results,
    ]


def _task_cells(task: Task, names: _Names) -> list[sheets.Cell]:
    submitted = None if task.submitted_at is None else local_date(task.submitted_at)
    return [
        task.task_no,
        task.state_name,
        "、".join(member.name for member in task.team),
        submitted,
        names("outcome_code", task.outcome),
        names("closing_reason", task.closing_reason) if task.state == "closed" else None,
    ]
