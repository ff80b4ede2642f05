"""Files of a given list and the rows they make."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.access import Actor
from app.db import db, new_id
from app.journal import service as journal
from app.journal.rules import Event
from app.lists import rules, service
from app.lists.matching import Index
from app.lists.models import GivenList, GivenListFile, GivenListRow
from app.lists.register import DOUBLE, Table
from app.lists.rules import Change, FileState, Line, Outcome
from app.lists.service import Judged
from app.registers import Reason


@dataclass(frozen=True)
class Upload:
    """A file, read and judged line by line; nothing of it is written yet."""

    file_name: str
    sha256: str
    table: Table
    index: Index


def new_file(
    found: GivenList, upload: Upload, state: FileState, *, by: Actor, at: datetime
) -> GivenListFile:
    """Store a file of a list as somebody uploaded it; its counts come later."""
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


def counted(counts: Mapping[Change, int]) -> dict[str, int]:
    """Return how many lines did what, every kind named."""
    return {str(change): counts.get(change, 0) for change in Change}


def insert_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows in bulk, past the session: the file's entry in the journal tells of them."""
    if rows:
        db.session.execute(sa.insert(GivenListRow), rows)


def row_of(
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
        **columns_said(line),
        **judged.columns(),
    }


def columns_said(line: Line) -> dict[str, Any]:
    """Return the columns that hold what a line says."""
    said = asdict(line)
    said["stated_class"] = said.pop("object_class")
    said["stated_due_on"] = said.pop("due_on")
    said["specialties"] = list(line.specialties)
    said["partner_departments"] = list(line.partner_departments)
    return said


def refused_row(
    found: GivenList, file: GivenListFile, row_no: int, line: Line, reasons: Sequence[Reason]
) -> dict[str, Any]:
    """Return the columns of a row that is only reported; no other row has its key."""
    double = any(reason.code == DOUBLE for reason in reasons)
    outcome = Outcome.DUPLICATE if double else Outcome.REFUSED
    row = row_of(found, file, row_no, line, Judged(outcome, reasons=tuple(reasons)))
    return {**row, "key": rules.refused_key(file.id, row_no)}


def record_file(found: GivenList, file: GivenListFile, *, by: Actor, at: datetime) -> None:
    """Record that a file holds now, with what it did to the list."""
    data = {
        "list_id": str(found.id),
        "reference": found.reference,
        "sha256": file.sha256,
        "counts": file.counts,
    }
    journal.record(Event.GIVEN_LIST_IMPORTED, file, by=by, at=at, data=data)


def is_only_reported(row: GivenListRow) -> bool:
    """Tell whether a row is no more than the report of a bad line of an earlier file."""
    reported = row.outcome in (Outcome.REFUSED, Outcome.DUPLICATE)
    return reported and row.key.startswith(rules.REFUSED_KEY)
