"""A corrected file of a list: compared with its rows and shown before it holds.

What is new, what changed, what is gone. Nothing is ever deleted, and the same file again changes
nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.db import db, touch
from app.errors import Conflict
from app.lists import queries, rules, service
from app.lists.matching import Index
from app.lists.models import GivenList, GivenListFile, GivenListLine, GivenListRow
from app.lists.register import Read
from app.lists.rows import (
    Upload,
    columns_said,
    counted,
    insert_rows,
    is_only_reported,
    new_file,
    record_file,
    refused_row,
    row_of,
)
from app.lists.rules import WHO, Change, FileState, Line, normalise_name
from app.lists.service import Judged
from app.registers import Reason


class ListFileStale(Conflict):
    """The list has another file by now, or the preview was confirmed already."""

    code, title = "given-list-file-stale", "名单已经变化"


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
        self.rows = [row for row in rows if not is_only_reported(row)]
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


def preview_correction(
    found: GivenList, upload: Upload, current: GivenListFile, *, by: Actor, at: datetime
) -> GivenListFile:
    compared = Comparison(queries.all_rows(found.id), upload.index).of(upload.table.lines)
    file = new_file(found, upload, FileState.PREVIEWED, by=by, at=at)
    file.basis_id = current.id
    file.counts = counted(Counter(one.change for one in compared))
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
        if is_only_reported(row) and row.gone_at is None:
            service.stamp(row, "gone", by=by, at=at)
    current.state = FileState.SUPERSEDED
    db.session.flush()  # one file holds at a time
    file.state = FileState.CURRENT
    service.stamp(file, "confirmed", by=by, at=at)
    db.session.flush()
    insert_rows(merge.made)
    touch(found)
    record_file(found, file, by=by, at=at)
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
                self.made.append(refused_row(self.found, self.file, line.row_no, said, reasons))
        elif row is None:
            row_no = line.row_no or 0
            judged = service.judge_once(row_no, said, self.index, self.doubles, reasons)
            self.made.append(row_of(self.found, self.file, row_no, said, judged))
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
        service.write_columns(row, {**columns_said(said), "key": said.key})
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
