"""The form 行政许可办理和批后监管情况统计表: its 25 columns, its notes as checks, ragged rows.

A row that has more or fewer cells than the form is never shifted into place silently: where
exactly one reading keeps every note, that reading is proposed as a repair, which a person accepts.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any

WIDTH = 25
_TOTAL = "合计"
_WHOLE = re.compile(r"[0-9]{1,12}\Z")
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?\Z")
_RULE = re.compile(r"-+\Z")
_SPACE = re.compile(r"[ \t\r\n\u00a0\u3000]+")
_DROPPED = frozenset({"", "0"})


@dataclass(frozen=True, slots=True)
class AnnualRow:
    """One item of the form, its fields in the order of the columns; `no` 0 is 合计."""

    no: int
    department: str
    item: str
    level: str
    applied: int
    accepted: int
    not_accepted: int
    granted: int
    refused: int
    online: int
    fully_online: int
    commitment: int
    on_the_spot: int
    on_time: int
    overdue: int
    charged: int
    charges: Decimal
    regulated: str
    inspections: int
    found: int
    complaints: int
    confirmed: int
    penalised: int
    review_corrected: int
    suit_lost: int


NAMES = dict(
    zip(
        (field.name for field in fields(AnnualRow)),
        (
            *("序号", "部门名称", "事项名称", "行使层级"),
            *("申请", "受理", "不予受理", "批准", "不予批准"),
            *("网上受理", "全程网办", "告知承诺", "当场办结", "按期办结", "超期办结"),
            *("收费办件量", "收费金额", "是否制定监管制度"),
            *("主动开展监管", "发现违法违规行为", "收到投诉举报", "查实违法违规行为"),
            *("查处违法违规行为", "行政复议被纠错案件量", "行政诉讼法院判决败诉案件量"),
        ),
        strict=True,
    )
)
COLUMNS = tuple(NAMES)
TEXTS = frozenset({"no", "department", "item", "level", "regulated"})
COUNTS = tuple(name for name in COLUMNS if name not in TEXTS)


# --- the notes of the form ---


class Weight(StrEnum):
    """An `error` breaks a note of the form; a `hint` is worth a look."""

    ERROR = "error"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Violation:
    """What does not fit: the note's number, the row (0: 合计), the column, and the sentence."""

    note: int
    row: int
    column: str
    detail: str
    weight: Weight = Weight.ERROR


def row_violations(row: AnnualRow) -> list[Violation]:
    """Check notes (1) to (6) of the form on one row.

    (1) 申请 = 受理 + 不予受理, (2) 受理 = 批准 + 不予批准, (3) 按期 + 超期 = 办结, whether 不予受理
    is among them or not (header and note differ), (4) 全程网办 ⊆ 网上受理 and 当场办结 ⊆ 按期办结.
    (5) 监管 per object and visit and (6) 查处 by cases are ways of counting: what they make
    unlikely is a hint.
    """
    ended = row.granted + row.refused
    where = f"第 {row.no} 行“{row.item}”" if row.no else f"“{_TOTAL}”行"
    wrong = (
        (
            row.applied != row.accepted + row.not_accepted,
            *(1, "applied"),
            f"申请 {row.applied} 不等于受理 {row.accepted} 加不予受理 {row.not_accepted}",
        ),
        (
            row.accepted != ended,
            *(2, "accepted"),
            f"受理 {row.accepted} 不等于批准 {row.granted} 加不予批准 {row.refused}",
        ),
        (
            row.on_time + row.overdue not in {ended, ended + row.not_accepted},
            *(3, "on_time"),
            (
                f"按期办结 {row.on_time} 加超期办结 {row.overdue} 不等于办结 {ended}"
                f"（含不予受理为 {ended + row.not_accepted}）"
            ),
        ),
        (
            row.fully_online > row.online,
            *(4, "fully_online"),
            f"全程网办 {row.fully_online} 多于网上受理 {row.online}",
        ),
        (
            row.on_the_spot > row.on_time,
            *(4, "on_the_spot"),
            f"当场办结 {row.on_the_spot} 多于按期办结 {row.on_time}",
        ),
    )
    unlikely = (
        (
            row.found > row.inspections,
            *(5, "found"),
            f"发现违法违规行为 {row.found} 多于主动开展监管 {row.inspections}",
        ),
        (
            row.confirmed > row.complaints,
            *(5, "confirmed"),
            f"查实违法违规行为 {row.confirmed} 多于收到投诉举报 {row.complaints}",
        ),
        (
            row.penalised > row.found + row.confirmed,
            *(6, "penalised"),
            f"查处 {row.penalised} 多于发现 {row.found} 与查实 {row.confirmed} 之和",
        ),
    )
    return [
        Violation(
            note, row.no, column, f"{where}“{NAMES[column]}”列：{text}（填表说明{note}）。", weight
        )
        for found, weight in ((wrong, Weight.ERROR), (unlikely, Weight.HINT))
        for is_so, note, column, text in found
        if is_so
    ]


def table_violations(rows: Sequence[AnnualRow], total: AnnualRow | None) -> list[Violation]:
    """Check every row, and (7): 合计 is the sum of each column."""
    found = [one for row in rows for one in row_violations(row)]
    if total is None:
        return found
    sums = add_up(rows)
    for name in COUNTS:
        given, wanted = getattr(total, name), getattr(sums, name)
        if given != wanted:
            detail = f"“{_TOTAL}”行“{NAMES[name]}”列为 {given}，各行之和为 {wanted}（填表说明7）。"
            found.append(Violation(7, 0, name, detail))
    return found


def add_up(rows: Iterable[AnnualRow]) -> AnnualRow:
    """Return 合计: the sum of each column."""
    listed = list(rows)
    sums = {name: sum(getattr(row, name) for row in listed) for name in COUNTS}
    sums["charges"] = Decimal(sums["charges"])
    return AnnualRow(no=0, department="", item=_TOTAL, level="", regulated="", **sums)


def cells_of(row: AnnualRow) -> list[str]:
    """Return a row as the form prints it."""
    values = [str(value) for value in astuple(row)]
    if row.no == 0:
        values[:4] = [_TOTAL, "", "", ""]
    return values


# --- reading a table that somebody typed ---


class LineKind(StrEnum):
    """What a line of the file is."""

    HEADER = "header"
    DATA = "data"
    CONTINUATION = "continuation"
    TOTAL = "total"
    RULE = "rule"
    NOTE = "note"


class Fault(StrEnum):
    """What is wrong with a line."""

    RAGGED = "ragged-row"
    NUMBER = "number-broken"
    REGULATED = "regulated-unclear"
    SPLIT = "row-split"
    SPACES = "spaces-inside"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file as it was, what is wrong with it, and how it would be repaired.

    `row` is what it says once `repairs` hold; None where it is no row or cannot be read.
    """

    row_no: int
    kind: LineKind
    cell_count: int
    faults: tuple[tuple[Fault, str], ...] = ()
    repairs: tuple[str, ...] = ()
    row: AnnualRow | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A file of the form: its lines, the rows they make, 合计 where there is one."""

    lines: tuple[Line, ...]
    rows: tuple[AnnualRow, ...]
    total: AnnualRow | None

    @property
    def unread(self) -> list[Line]:
        """Return the lines that ought to be rows and cannot be read."""
        wanted = {LineKind.DATA, LineKind.TOTAL}
        return [line for line in self.lines if line.kind in wanted and line.row is None]

    @property
    def repaired(self) -> list[Line]:
        """Return the lines that were changed to be read."""
        return [line for line in self.lines if line.repairs]


def read_annual(records: Iterable[tuple[int, Sequence[str]]]) -> Reading:
    """Read a form line by line: `(number of the line, its cells)`. Nothing is guessed.

    The lines before the first numbered one are the header. A line with nothing but a piece of the
    name continues the row above.
    """
    kept: list[tuple[int, LineKind, list[str], list[str]]] = []
    for row_no, cells in records:
        kind = _kind(cells, [kind for _, kind, _, _ in kept])
        pieces = [text.strip() for text in cells]
        if kind is LineKind.CONTINUATION:
            above = next(one for one in reversed(kept) if one[1] is LineKind.DATA)
            above[2][2] += pieces[2]
            above[3].append(f"事项名称与第 {row_no} 行的续行“{pieces[2]}”合并")
        kept.append((row_no, kind, pieces, []))
    joined = {row_no for row_no, _, _, repairs in kept if repairs}
    lines = tuple(
        _line(row_no, kind, cells, repairs, split=row_no in joined)
        for row_no, kind, cells, repairs in kept
    )
    rows = tuple(one.row for one in lines if one.kind is LineKind.DATA and one.row is not None)
    total = next((one.row for one in lines if one.kind is LineKind.TOTAL), None)
    return Reading(lines, rows, total)


def _kind(cells: Sequence[str], before: Sequence[LineKind]) -> LineKind:
    texts = [text.strip() for text in cells]
    first = texts[0] if texts else ""
    if all(_RULE.match(text) for text in texts if text):
        return LineKind.RULE
    if first.replace(" ", "") == _TOTAL:
        return LineKind.TOTAL
    if _WHOLE.match(first) and len(texts) > 4:
        return LineKind.DATA
    if LineKind.TOTAL in before:
        return LineKind.NOTE
    if LineKind.DATA not in before:
        return LineKind.HEADER
    only_name = len(texts) > 2 and texts[2] and not any(texts[:2]) and not any(texts[3:])
    return LineKind.CONTINUATION if only_name else LineKind.NOTE


def _line(
    row_no: int, kind: LineKind, cells: list[str], repairs: list[str], *, split: bool
) -> Line:
    count = len(cells)
    if kind not in {LineKind.DATA, LineKind.TOTAL}:
        return Line(row_no, kind, count)
    faults: list[tuple[Fault, str]] = []
    if split:
        faults.append((Fault.SPLIT, f"第 {row_no} 行的事项名称跨行。"))
    cells = _joined(row_no, cells, faults, repairs)
    if count != WIDTH:
        detail = f"第 {row_no} 行有 {count} 个单元格，应为 {WIDTH} 个，可能错位。"
        faults.append((Fault.RAGGED, detail))
        row, repair = _without_surplus(cells, is_total=kind is LineKind.TOTAL)
        repairs += [repair] if repair else []
    else:
        row = _row(cells, is_total=kind is LineKind.TOTAL)
    if row is None and count == WIDTH:
        faults.append((_what_is_wrong(cells), f"第 {row_no} 行有单元格不是所在列应有的内容。"))
    found = tuple(repairs) if row is not None else ()
    return Line(row_no, kind, count, tuple(faults), found, row)


def _joined(
    row_no: int, cells: Sequence[str], faults: list[tuple[Fault, str]], repairs: list[str]
) -> list[str]:
    """Take the spaces out of cells that a page broke: Chinese has none, nor have numbers."""
    made = [_SPACE.sub("", text) for text in cells]
    for before, after in zip(cells, made, strict=True):
        if before == after:
            continue
        fault = Fault.NUMBER if _AMOUNT.match(after) else Fault.SPACES
        faults.append((fault, f"第 {row_no} 行的“{before}”中有空格。"))
        repairs.append(f"“{before}”去掉空格为“{after}”")
    return made


def _without_surplus(
    cells: Sequence[str], *, is_total: bool
) -> tuple[AnnualRow | None, str | None]:
    """Return the one row that is left when a surplus 0 or empty cell is taken out, and the repair.

    Every reading has to keep the notes; where two different ones do, nobody can tell which it is.
    """
    if len(cells) != WIDTH + 1:
        return None, None
    found: dict[tuple[object, ...], tuple[AnnualRow, int]] = {}
    for place, text in enumerate(cells):
        if text in _DROPPED:
            row = _row([*cells[:place], *cells[place + 1 :]], is_total=is_total)
            if row is not None and not _breaks_a_note(row):
                found.setdefault(astuple(row), (row, place))
    if len(found) != 1:
        return None, None
    (row, place) = next(iter(found.values()))
    return row, f"去掉第 {place + 1} 个单元格处多余的“{cells[place]}”，其余读法都不合填表说明"


def _breaks_a_note(row: AnnualRow) -> bool:
    return any(one.weight is Weight.ERROR for one in row_violations(row))


def _what_is_wrong(cells: Sequence[str]) -> Fault:
    regulated = COLUMNS.index("regulated")
    return Fault.NUMBER if cells[regulated] in {"是", "否"} else Fault.REGULATED


def _row(cells: Sequence[str], *, is_total: bool) -> AnnualRow | None:
    """Return what 25 cells say, None where one is not what its column holds."""
    values = dict(zip(COLUMNS, cells, strict=True))
    numbers = {name: values[name] for name in COUNTS}
    charges = numbers.pop("charges")
    if not _AMOUNT.match(charges) or not all(_WHOLE.match(text) for text in numbers.values()):
        return None
    if is_total:
        if any(values[name] for name in ("department", "item", "level", "regulated")):
            return None
        texts = {"no": 0, "department": "", "item": _TOTAL, "level": "", "regulated": ""}
    else:
        if values["regulated"] not in {"是", "否"} or not values["item"]:
            return None
        texts = {name: values[name] for name in TEXTS}
        texts["no"] = int(str(values["no"]))
    values_of: dict[str, Any] = {**texts, **{name: int(text) for name, text in numbers.items()}}
    return AnnualRow(**values_of, charges=Decimal(charges))
