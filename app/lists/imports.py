"""Given lists come in as tables: the first file makes the rows, others are compared with them."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, touch
from app.errors import NotFound
from app.lists import queries, register, rules, service
from app.lists.corrections import preview_correction
from app.lists.matching import Index
from app.lists.models import GivenList, GivenListFile
from app.lists.register import Words
from app.lists.rows import Upload, counted, insert_rows, new_file, record_file, refused_row, row_of
from app.lists.rules import Change, FileState


class ListFileNotFound(NotFound):
    code, title = "given-list-file-not-found", "未找到名单文件"


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
    return Received(preview_correction(found, upload, current, by=by, at=at), unchanged=False)


def _first(found: GivenList, upload: Upload, *, by: Actor, at: datetime) -> GivenListFile:
    file = new_file(found, upload, FileState.CURRENT, by=by, at=at)
    service.stamp(file, "confirmed", by=by, at=at)
    doubles = rules.Doubles()
    rows = []
    for read in upload.table.lines:
        if read.refused:
            rows.append(refused_row(found, file, read.row_no, read.line, read.reasons))
        else:
            judged = service.judge_once(read.row_no, read.line, upload.index, doubles, read.reasons)
            rows.append(row_of(found, file, read.row_no, read.line, judged))
    refused = sum(read.refused for read in upload.table.lines)
    file.counts = counted({Change.NEW: len(rows) - refused, Change.REFUSED: refused})
    db.session.flush()  # its rows are written past the session, in bulk
    insert_rows(rows)
    touch(found)
    record_file(found, file, by=by, at=at)
    return file


def get_file(found: GivenList, file_id: UUID) -> GivenListFile:
    """Return a file of a list. Raises ListFileNotFound."""
    file = queries.find_file(file_id)
    if file is None or file.list_id != found.id:
        raise ListFileNotFound("名单没有这个文件。")
    return file
