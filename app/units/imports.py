"""Registers in and out: units and officers from a table, judged row by row, applied whole.

A preview writes nothing into the register; applying judges every row again and writes all that is
not refused in one transaction, or nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import cells, sheets
from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, savepoint
from app.errors import Conflict, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import register as officer_register
from app.people import service as people
from app.people.models import Agency, Officer
from app.people.register import OfficerData
from app.people.rules import NewOfficer, OfficerState
from app.registers import Planned, Reason, Severity, TableRow, Verdict
from app.units import queries, service
from app.units import register as unit_register
from app.units.models import RegisterImport, RegisterImportRow
from app.units.rules import ImportState, NewUnit, Register

A = TypeVar("A")

FILE_BYTES = 16 * 1024 * 1024
ROWS = 50_000
_TOLD = 50  # rows that an error tells of


class ImportNotFound(NotFound):
    code, title = "import-not-found", "未找到导入记录"


class ImportAlreadyApplied(Conflict):
    code, title = "import-already-applied", "该文件已导入"


class ImportMoved(Conflict):
    """The register has changed since the preview; extras: `moved` rows, `moved_count`."""

    code, title = "import-moved", "预览后登记资料已变化"


class Kind(Protocol):
    """What the two registers do differently."""

    columns: tuple[str, ...]
    required: tuple[str, ...]
    together: tuple[tuple[str, str], ...]
    wide: frozenset[str]
    key: str

    def plan(self, rows: Sequence[TableRow], agency: Agency, at: datetime) -> list[Planned[Any]]:
        """Judge rows against the register as it stands."""
        ...

    def write(
        self, planned: Sequence[Planned[Any]], agency: Agency, by: Actor, at: datetime
    ) -> None:
        """Write the rows that create or change something."""
        ...

    def export(self, agency: Agency, at: datetime) -> Iterator[Sequence[str]]:
        """Return the cells of everything in the register."""
        ...


class _Units(Kind):
    columns = unit_register.COLUMNS
    required = unit_register.REQUIRED
    together = unit_register.TOGETHER
    wide = unit_register.WIDE
    key = unit_register.ARCHIVE_NO

    def plan(self, rows: Sequence[TableRow], agency: Agency, at: datetime) -> list[Planned[Any]]:
        keys = {row.values.get(self.key, "") for row in rows}
        present = unit_register.Present(
            units=queries.known_values(agency.id, keys),
            places=queries.places_of(agency.id),
            known=service.known_on(local_date(at), agency),
        )
        return list(unit_register.plan_units(rows, present))

    def write(
        self, planned: Sequence[Planned[Any]], agency: Agency, by: Actor, at: datetime
    ) -> None:
        new = [_after(row, NewUnit) for row in planned if row.verdict is Verdict.CREATE]
        service.add_units(new, agency=agency, by=by, at=at)
        changes = [row for row in planned if row.verdict is Verdict.CHANGE]
        found = queries.by_archive_no(agency.id, [row.key for row in changes])
        for row in changes:
            after = _after(row, NewUnit)
            service.apply_change(found[row.key], after, row.changed, by=by, at=at)

    def export(self, agency: Agency, at: datetime) -> Iterator[Sequence[str]]:
        known = service.known_on(local_date(at), agency)
        for unit in queries.all_values(agency.id):
            yield unit_register.export_row(unit, known)


class _Officers(Kind):
    columns = officer_register.COLUMNS
    required = officer_register.REQUIRED
    together = ()
    wide = frozenset({officer_register.VALID_UNTIL})
    key = officer_register.CERTIFICATE_NO

    def plan(self, rows: Sequence[TableRow], agency: Agency, at: datetime) -> list[Planned[Any]]:
        keys = {row.values.get(self.key, "").strip() for row in rows}
        found = queries.officers_by_certificate(keys)
        own = {key: one for key, one in found.items() if one.agency_id == agency.id}
        on = local_date(at)
        present = officer_register.Present(
            officers={key: _data_of(officer) for key, officer in own.items()},
            elsewhere=frozenset(found.keys() - own.keys()),
            specialties=_specialties(at),
            on=on,
        )
        return list(officer_register.plan_officers(rows, present))

    def write(
        self, planned: Sequence[Planned[Any]], agency: Agency, by: Actor, at: datetime
    ) -> None:
        found = queries.officers_by_certificate(
            [row.key for row in planned if row.verdict is Verdict.CHANGE]
        )
        for row in planned:
            if row.verdict is Verdict.CREATE:
                after = _after(row, OfficerData)
                values = {key: value for key, value in asdict(after).items() if key != "state"}
                officer = people.register_officer(NewOfficer(**values), agency=agency, by=by, at=at)
                people.change_officer(officer, {"state": after.state}, by=by, at=at)
            elif row.verdict is Verdict.CHANGE:
                changes = {name: getattr(row.after, name) for name in row.changed}
                people.change_officer(found[row.key], changes, by=by, at=at)

    def export(self, agency: Agency, at: datetime) -> Iterator[Sequence[str]]:
        specialties = _specialties(at)
        for officer in queries.all_officers(agency.id):
            yield officer_register.export_row(_data_of(officer), specialties)


def _after(row: Planned[Any], kind: type[A]) -> A:
    """Return the new value of a row that is not refused."""
    assert isinstance(row.after, kind)  # noqa: S101 - what a plan promises
    return row.after


def _specialties(at: datetime) -> dict[str, str]:
    rows = catalogue.in_force("specialty", local_date(at))
    return {row.code: str(row.body["name"]) for row in rows}


def _data_of(officer: Officer) -> OfficerData:
    return OfficerData(
        certificate_no=officer.certificate_no,
        name=officer.name,
        certificate_valid_until=officer.certificate_valid_until,
        team=officer.team,
        specialties=tuple(sorted(officer.specialties)),
        lead_specialties=tuple(sorted(officer.lead_specialties)),
        state=OfficerState(officer.state),
    )


KINDS: Mapping[Register, Kind] = {Register.UNITS: _Units(), Register.OFFICERS: _Officers()}


# --- preview ---


@dataclass(frozen=True)
class Preview:
    """A file, read and judged, and nothing of it written yet."""

    register: Register
    file_name: str
    sha256: str
    header: tuple[str, ...]
    rows: Sequence[TableRow]
    planned: Sequence[Planned[Any]]


def read_preview(
    register: Register, source: bytes, file_name: str, *, agency: Agency, at: datetime
) -> Preview:
    """Read a table and judge its rows; outside any transaction, because a table takes time.

    Raises the errors of `sheets.read_sheet` for a file that is no table, too large or without the
    columns; what is wrong with single rows is in their reasons.
    """
    kind = KINDS[register]
    limits = cells.Limits(file_bytes=FILE_BYTES, rows=ROWS)
    sheet = sheets.read_sheet(source, required=kind.required, nfkc=kind.wide, limits=limits)
    half = [
        other
        for pair in kind.together
        for one, other in (pair, pair[::-1])
        if one in sheet.header and other not in sheet.header
    ]
    if half:
        raise sheets.SheetColumnsMissing(
            f"表头缺少列：{'、'.join(half)}；请使用导出的模板填写后导入。", columns=half
        )
    rows = [_row(row, kind) for row in sheet.rows]
    planned = kind.plan(rows, agency, at)
    digest = hashlib.sha256(source).hexdigest()
    return Preview(register, file_name, digest, sheet.header, rows, planned)


def _row(row: sheets.Row, kind: Kind) -> TableRow:
    """Return a row with the faults of the columns that mean something."""
    faults = tuple(
        Reason(str(problem.fault), problem.detail, problem.column)
        for problem in row.problems
        if problem.column is None or problem.column in kind.columns
    )
    return TableRow(row.row_no, row.values, faults)


def record_preview(preview: Preview, *, agency: Agency, by: Actor, at: datetime) -> RegisterImport:
    """Keep a preview, so that a person can look at it and apply it."""
    found = RegisterImport(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        register=preview.register,
        state=ImportState.PREVIEWED,
        sha256=preview.sha256,
        file_name=preview.file_name,
        counts=_counts(preview.planned),
        columns=list(preview.header),
        previewed_at=at,
        previewed_by_kind=str(by.kind),
        previewed_by_id=by.id,
    )
    db.session.add(found)
    db.session.flush()  # its rows are written past the session, in bulk
    rows = [
        {
            "import_id": found.id,
            "row_no": planned.row_no,
            "key": "".join(c for c in planned.key if c.isprintable())[:100],
            "verdict": str(planned.verdict),
            "reasons": [asdict(reason) for reason in planned.reasons],
            "changed": list(planned.changed),
            "cells": None if row.faults else [row.values[name] for name in preview.header],
        }
        for row, planned in zip(preview.rows, preview.planned, strict=True)
    ]
    if rows:
        db.session.execute(sa.insert(RegisterImportRow), rows)
    return found


def _counts(planned: Iterable[Planned[Any]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for row in planned:
        found[str(row.verdict)] += 1
        found["warned"] += any(reason.severity is Severity.WARNING for reason in row.reasons)
    names = [*(str(verdict) for verdict in Verdict), "warned"]
    return {name: found[name] for name in names}


def get_import(import_id: UUID, register: Register, agency_id: UUID) -> RegisterImport:
    """Return an import of an agency's register. Raises ImportNotFound."""
    found = queries.find_import(import_id)
    if found is None or found.agency_id != agency_id or found.register != register:
        raise ImportNotFound("没有这次导入，或它不属于本机构。")
    return found


# --- apply ---


def apply_import(
    import_id: UUID, register: Register, *, agency: Agency, by: Actor, at: datetime
) -> RegisterImport:
    """Take a previewed file over: every row that is not refused, all of them or none.

    Every row is judged again. Raises ImportNotFound, ImportAlreadyApplied, and ImportMoved (`moved`
    rows with `was` and `now`) when a row would now come to something else than the preview said.
    """
    found = get_import(import_id, register, agency.id)
    if found.state == ImportState.APPLIED:
        raise ImportAlreadyApplied(
            "该文件已经导入，不能重复导入；如有新的资料，请重新上传。", applied_at=found.applied_at
        )
    kind = KINDS[register]
    stored = queries.all_import_rows(import_id)
    planned = kind.plan([_again(row, found.columns, kind) for row in stored], agency, at)
    _refuse_moved(stored, planned)
    try:
        with savepoint():
            kind.write(planned, agency, by, at)
    except (IntegrityError, Conflict) as error:
        raise ImportMoved("导入时登记资料被他人修改，没有写入任何数据，请重新预览。") from error
    found.state = ImportState.APPLIED
    found.applied_at, found.applied_by_kind, found.applied_by_id = at, str(by.kind), by.id
    data = {"register": str(register), "sha256": found.sha256, "counts": found.counts}
    journal.record(Event.REGISTER_IMPORTED, found, by=by, at=at, data=data)
    db.session.execute(
        sa.update(RegisterImportRow)
        .where(RegisterImportRow.import_id == import_id)
        .values(cells=None)
        .execution_options(synchronize_session=False)
    )
    return found


def _again(row: sa.Row[Any], header: Sequence[str], kind: Kind) -> TableRow:
    """Return a row as it was read; one with faults in its cells is kept out again."""
    if row.cells is not None:
        return TableRow(row.row_no, dict(zip(header, row.cells, strict=True)))
    faults = tuple(Reason(**reason) for reason in row.reasons)
    return TableRow(row.row_no, {kind.key: row.key}, faults)


def _refuse_moved(stored: Sequence[sa.Row[Any]], planned: Sequence[Planned[Any]]) -> None:
    moved = [
        {
            "row_no": row.row_no,
            "key": row.key,
            "was": row.verdict,
            "now": str(again.verdict),
            "reasons": [reason.detail for reason in again.reasons],
        }
        for row, again in zip(stored, planned, strict=True)
        if (row.verdict, tuple(row.changed)) != again.outcome()
    ]
    if moved:
        raise ImportMoved(
            f"预览之后登记资料已变化，有 {len(moved)} 行的结果与预览不同，没有写入任何数据；"
            "请重新上传预览。",
            moved_count=len(moved),
            moved=moved[:_TOLD],
        )


# --- export ---


def export_register(register: Register, file_format: str, *, agency: Agency, at: datetime) -> bytes:
    """Return a whole register as a table that comes in again unchanged.

    `file_format` is xlsx or csv. Outside any transaction.
    """
    kind = KINDS[register]
    rows = kind.export(agency, at)
    if file_format == "csv":
        return b"".join(sheets.write_csv(kind.columns, rows))
    return sheets.write_xlsx(kind.columns, rows)


def record_export(
    register: Register, file_format: str, *, agency: Agency, by: Actor, at: datetime
) -> None:
    """Write down that somebody took a register out: it holds personal values."""
    data = {"register": str(register), "format": file_format}
    journal.record(Event.REGISTER_EXPORTED, agency, by=by, at=at, data=data)
