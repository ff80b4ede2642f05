"""The yearly form 行政许可办理和批后监管情况统计表: counted from records, taken in, written out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app import sheets
from app.access import Actor
from app.catalogue import queries as catalogue_queries
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.db import db, new_id
from app.errors import Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.reports import annual_counts, annual_form, queries
from app.reports.annual_counts import Item, Scope
from app.reports.annual_form import NAMES, AnnualRow, Line, Reading, Violation, Weight
from app.reports.models import AnnualTable
from app.sheetforms import Form, HeadCell

_TOLD = 100
TITLE = "行政许可办理和批后监管情况统计表"
NOTES = (
    (
        "填表说明：1. 申请=受理+不予受理；2. 受理=批准+不予批准；"
        "3. 办结=不予受理+批准+不予批准，按办结时间统计，1月1日至12月31日；"
        "4. 网上受理包含全程网办，按期办结包含当场办结；"
    ),
    (
        "5. 批后监管不限于本期办理的许可，按监管对象、次数统计，一个对象监管一次计一件；"
        "6. 查处违法违规行为按行政处罚案件数统计；7. 合计为各列之和；"
        "8. 镇级数据由区级部门汇总；9. 事项名称以最新主项名称为准。"
    ),
)


class AnnualTableUnreadable(Invalid):
    """`errors`: pointer and detail of each line that cannot be read."""

    code, title = "annual-table-unreadable", "统计表有无法读取的行"


class AnnualTableRagged(Invalid):
    """Lines could be read only after a repair that nobody accepted; `errors` by line."""

    code, title = "annual-table-ragged", "统计表有错位或断开的行"


class AnnualTableWrong(Invalid):
    """The numbers break a note of the form; `errors` name row and column."""

    code, title = "annual-table-wrong", "统计表不符合填表说明"


class PermitItemUnknown(NotFound):
    code, title = "permit-item-unknown", "未找到许可事项"


@dataclass(frozen=True, slots=True)
class Computed:
    """A form as it is counted: its rows with the code of their item, 合计, what does not fit."""

    year: int
    from_on: date
    until_on: date
    items: tuple[Item, ...]
    rows: tuple[AnnualRow, ...]
    total: AnnualRow
    violations: tuple[Violation, ...]


def scope_of(agency: Agency, year: int, until_on: date | None) -> Scope:
    """Return the days of a year, up to a cut-off within it, and what the catalogue says then."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    until_on = last if until_on is None else min(until_on, last)
    outcomes = catalogue_queries.rows_of(Kind.OUTCOME_CODE)
    origins = catalogue_queries.rows_of(Kind.ORIGIN)
    return Scope(
        agency_id=agency.id,
        from_on=first,
        until_on=until_on,
        violations=frozenset(r.code for r in outcomes if r.body["public_result"] == "不合格"),
        talks=frozenset(r.code for r in origins if not r.body["is_inspection"]),
    )


def items_on(on: date) -> list[Item]:
    """Return the items of the form that the catalogue holds on a day, in its order."""
    return [
        Item(
            code=row.code,
            name=str(row.body["name"]),
            level=str(row.body["level"]),
            regulated=bool(row.body["regulated"]),
            object_classes=tuple(row.body["object_classes"]),
        )
        for row in catalogue.in_force(Kind.PERMIT_ITEM, on)
    ]


def get_item(code: str, on: date) -> Item:
    """Return an item of the form. Raises PermitItemUnknown."""
    found = next((item for item in items_on(on) if item.code == code), None)
    if found is None:
        raise PermitItemUnknown("目录中没有在该日有效的这一许可事项。")
    return found


def compute(agency: Agency, year: int, *, until_on: date | None = None) -> Computed:
    """Count the form of a year, or of its days up to a cut-off.

    Permits count when they were closed (填表说明3); supervision counts per object and visit (5),
    penalised cases when they were decided (6).
    """
    scope = scope_of(agency, year, until_on)
    items = items_on(scope.until_on)
    permits = annual_counts.permit_columns(scope)
    rows = [
        _row(place, item, permits.get(item.code, {}), agency, scope)
        for place, item in enumerate(items, start=1)
    ]
    total = annual_form.add_up(rows)
    return Computed(
        year=year,
        from_on=scope.from_on,
        until_on=scope.until_on,
        items=tuple(items),
        rows=tuple(rows),
        total=total,
        violations=tuple(annual_form.table_violations(rows, total)),
    )


def _row(
    place: int, item: Item, permits: dict[str, int], agency: Agency, scope: Scope
) -> AnnualRow:
    counts: dict[str, Any] = {name: permits.get(name, 0) for name in annual_form.COUNTS}
    for name in annual_counts.SUPERVISION:
        counts[name] = annual_counts.count_behind(item, name, scope)
    counts["charges"] = Decimal(counts["charges"]) / 100
    return AnnualRow(
        no=place,
        department=agency.name,
        item=item.name,
        level=item.level,
        regulated="是" if item.regulated else "否",
        **counts,
    )


def rows_behind(
    agency: Agency, year: int, item_code: str, column: str, *, until_on: date | None = None
) -> annual_counts.Rows:
    """Return the selection that a number of the form counts. Raises PermitItemUnknown."""
    scope = scope_of(agency, year, until_on)
    return annual_counts.behind(get_item(item_code, scope.until_on), column, scope)


# --- in ---


@dataclass(frozen=True, slots=True)
class Taken:
    """A file of the form: what was read, what does not fit, and the table it became."""

    reading: Reading
    violations: tuple[Violation, ...]
    table: AnnualTable | None


def take_table(
    source: bytes,
    *,
    year: int,
    file_name: str,
    preview: bool,
    repair: bool,
    agency: Agency,
    by: Actor,
    at: datetime,
) -> Taken:
    """Take in a form that somebody filled in; a preview writes nothing.

    Ragged and broken lines are named, never shifted silently: what a repair would be is told, and
    holds only with `repair`. What was repaired is kept with the table. Raises
    AnnualTableUnreadable, AnnualTableRagged, AnnualTableWrong and what `sheets` raises.
    """
    reading = annual_form.read_annual(sheets.read_cells(source))
    found = annual_form.table_violations(reading.rows, reading.total)
    if preview:
        return Taken(reading, tuple(found), None)
    _refuse(reading, found, repair=repair)
    table = AnnualTable(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        year=year,
        file_name=file_name,
        sha256=hashlib.sha256(source).hexdigest(),
        rows=[annual_form.cells_of(row) for row in reading.rows],
        repairs=[
            {"row_no": line.row_no, "repairs": list(line.repairs)} for line in reading.repaired
        ],
        imported_at=at,
        imported_by_kind=by.kind,
        imported_by_id=by.id,
    )
    db.session.add(table)
    journal.record(
        Event.ANNUAL_TABLE_IMPORTED,
        table,
        by=by,
        at=at,
        data={
            "year": year,
            "sha256": table.sha256,
            "rows": len(table.rows),
            "repaired": len(table.repairs),
        },
    )
    return Taken(reading, tuple(found), table)


def _refuse(reading: Reading, found: Sequence[Violation], *, repair: bool) -> None:
    if not reading.rows and not reading.unread:
        raise AnnualTableUnreadable("表中没有编了序号的行，请上传统计表。", errors=[])
    if reading.unread:
        raise AnnualTableUnreadable(
            f"有 {len(reading.unread)} 行无法读取，没有写入，请更正后重新上传。",
            errors=_by_line(reading.unread),
        )
    if reading.repaired and not repair:
        raise AnnualTableRagged(
            f"有 {len(reading.repaired)} 行错位或断开，没有写入；"
            "请更正后重新上传，或核对后同意修复。",
            errors=_by_line(reading.repaired),
        )
    wrong = [one for one in found if one.weight is Weight.ERROR]
    if wrong:
        raise AnnualTableWrong(
            f"有 {len(wrong)} 处不符合填表说明，没有写入，请更正后重新上传。",
            errors=[
                {"pointer": f"#/{one.row}/{one.column}", "detail": one.detail}
                for one in wrong[:_TOLD]
            ],
        )


def _by_line(lines: Sequence[Line]) -> list[dict[str, str]]:
    return [
        {
            "pointer": f"#/{line.row_no}",
            "detail": "".join(detail for _, detail in line.faults),
        }
        for line in lines[:_TOLD]
    ]


def imported(agency: Agency, year: int) -> tuple[AnnualTable, list[AnnualRow]] | None:
    """Return the newest form of a year that came in as a file, with its rows."""
    table = queries.newest_annual_table(agency.id, year)
    if table is None:
        return None
    reading = annual_form.read_annual(enumerate(table.rows, start=1))
    return table, list(reading.rows)


# --- out ---


def form_of(rows: Sequence[AnnualRow], *, title: str) -> Form:
    """Return the form with its three header rows, 合计 and notes, like the original."""
    total = annual_form.add_up(rows)
    body: list[list[Any]] = [_cells(row) for row in rows]
    body.append(["合计", "", "", "", *_cells(total)[4:]])
    return Form(
        name=TITLE[:28],
        title=title,
        head=_HEAD,
        rows=body,
        notes=NOTES,
        widths=(5, 14, 28, 8, *([8] * 13), 10, *([9] * 7)),
    )


def _cells(row: AnnualRow) -> list[Any]:
    return [getattr(row, name) for name in annual_form.COLUMNS]


def _head() -> tuple[HeadCell, ...]:
    """Return the header: which columns stand under which heading."""
    place = {name: number for number, name in enumerate(annual_form.COLUMNS)}

    def over(text: str, row: int, first: str, last: str) -> HeadCell:
        return HeadCell(text, row, place[first], row, place[last])

    def down(name: str, row: int) -> HeadCell:
        return HeadCell(NAMES[name], row, place[name], 2, place[name])

    return (
        *(down(name, 0) for name in ("no", "department", "item", "level")),
        over("行政许可办理情况", 0, "applied", "overdue"),
        over("收费情况", 0, "charged", "charges"),
        over("批后监管情况", 0, "regulated", "penalised"),
        over("复议诉讼情况", 0, "review_corrected", "suit_lost"),
        *(down(n, 1) for n in ("applied", "accepted", "not_accepted", "granted", "refused")),
        over("办结办件（包括批准和不予批准）中", 1, "online", "overdue"),
        *(down(name, 1) for name in ("charged", "charges", "regulated")),
        over("主动开展监管", 1, "inspections", "found"),
        over("投诉举报查处", 1, "complaints", "confirmed"),
        *(down(name, 1) for name in ("penalised", "review_corrected", "suit_lost")),
        *(
            down(name, 2)
            for name in (
                *("online", "fully_online", "commitment", "on_the_spot", "on_time", "overdue"),
                *("inspections", "found", "complaints", "confirmed"),
            )
        ),
    )


_HEAD = _head()
