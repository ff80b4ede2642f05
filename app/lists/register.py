"""A given list as a table: its columns under the names they come by, and what a line says.

Superiors' tables have no common form: a title above the header, columns of their own, several
specialties in one cell. What is understood is named here; every other column is reported.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from app import cells, sheets
from app.lists.rules import MOST_DEPARTMENTS, Line, normalise_code
from app.registers import Reason, Severity, Unreadable, is_refused, read_day
from app.uscc import normalise_uscc, uscc_error

ARCHIVE_NO, USCC, NAME, ADDRESS = "档案编号", "统一社会信用代码", "单位名称", "地址"
SPECIALTY, OBJECT_CLASS = "专业", "对象类别"
SUPERIOR_NO, DUE_ON, MATTERS, NOTE = "任务编号", "任务期限", "检查事项", "备注"
LEAD_DEPARTMENT, PARTNER_DEPARTMENTS = "牵头部门", "配合部门"
DEPARTMENT, RESULT, FOUND_ON, RESULT_REFERENCE = "部门", "检查结果", "检查日期", "文号"

_NAMES: Mapping[str, tuple[str, ...]] = {
    SUPERIOR_NO: ("任务号", "任务编码", "抽查编号", "抽查任务编号", "任务单号"),
    ARCHIVE_NO: ("档案号", "单位档案编号", "底档编号", "监督档案编号"),
    USCC: ("社会信用代码", "统一信用代码", "信用代码", "机构代码", "统一代码"),
    NAME: (
        "名称",
        "单位全称",
        "被检查单位",
        "被检查单位名称",
        "被监督单位",
        "被监督单位名称",
        "监督对象",
        "监督对象名称",
        "检查对象",
        "检查对象名称",
        "抽查对象",
        "抽查对象名称",
        "机构名称",
        "企业名称",
        "学校名称",
        "用人单位名称",
    ),
    ADDRESS: ("单位地址", "经营地址", "检查地址", "详细地址", "经营场所", "经营场所地址", "住所"),
    SPECIALTY: ("监督专业", "检查专业", "专业名称", "所属专业", "监督类别"),
    OBJECT_CLASS: ("类别", "单位类别", "机构类别", "场所类别", "对象类型", "监督对象类别"),
    DUE_ON: ("完成时限", "完成期限", "任务时限", "截止日期", "截止时间", "检查期限", "完成日期"),
    MATTERS: ("检查内容", "抽查事项", "抽查内容", "检查项目", "抽查项目"),
    NOTE: ("说明", "附注"),
    LEAD_DEPARTMENT: ("发起部门", "牵头单位", "主办部门"),
    PARTNER_DEPARTMENTS: ("参与部门", "联合部门", "协同部门", "配合单位", "参加部门"),
}
_RESULT_NAMES: Mapping[str, tuple[str, ...]] = {
    **{column: _NAMES[column] for column in (SUPERIOR_NO, ARCHIVE_NO, USCC, NAME, ADDRESS)},
    DEPARTMENT: ("检查部门", "配合部门", "参与部门", "联合部门"),
    RESULT: ("结果", "部门检查结果", "检查情况", "抽查结果"),
    FOUND_ON: ("检查时间", "实施日期"),
    RESULT_REFERENCE: ("文书号", "文书编号", "记录编号", "备注"),
}
# how lists call a specialty beside its name in the catalogue
_ALSO: Mapping[str, tuple[str, ...]] = {
    "public-places": ("公共场所卫生",),
    "drinking-water": ("饮用水", "饮用水卫生", "生活饮用水卫生", "供水"),
    "school-health": ("学校",),
    "medical": ("医疗", "医疗机构"),
    "infectious-disease": ("传染病", "传染病卫生", "传染病防治卫生"),
    "occupational": ("职业", "职业健康"),
    "radiation": ("放射", "放射诊疗"),
    "disinfection-products": ("消毒", "消毒产品卫生"),
    "tableware-disinfection": ("餐饮具", "餐饮具消毒", "餐饮具集中消毒服务"),
    "maternal-child": ("妇幼", "妇幼保健"),
    "water-products": ("涉水", "涉及饮用水卫生安全产品"),
}
_MOST: Mapping[str, int] = {
    SUPERIOR_NO: 60,
    ARCHIVE_NO: 60,
    USCC: 40,
    NAME: 100,
    ADDRESS: 200,
    SPECIALTY: 100,
    OBJECT_CLASS: 100,
    DUE_ON: 40,
    MATTERS: 1000,
    NOTE: 1000,
    LEAD_DEPARTMENT: 100,
    PARTNER_DEPARTMENTS: 500,
    DEPARTMENT: 100,
    RESULT: 1000,
    FOUND_ON: 40,
    RESULT_REFERENCE: 200,
}
_WHO = (SUPERIOR_NO, ARCHIVE_NO, USCC, NAME)
_AND = re.compile(r"[、，,；;\n&]|和|及|与")
_PARTS = re.compile(r"[、，,；;\n]")
_HINT = re.compile(r"\(.*?\)|\*|:")
FILE_BYTES = 16 * 1024 * 1024
ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Read:
    """One line of a file: its number there, what it says, and what was wrong with it."""

    row_no: int
    line: Line
    reasons: tuple[Reason, ...]

    @property
    def refused(self) -> bool:
        return is_refused(self.reasons)


@dataclass(frozen=True)
class Table:
    """A file of a list: its lines in order, and the columns that mean nothing here."""

    lines: Sequence[Read]
    ignored: tuple[str, ...]


class PartnerRow(NamedTuple):
    """One line of a table of partners' results."""

    row_no: int
    line: Line
    department: str
    result: str
    found_on: date | None
    reference: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Words:
    """The catalogue's specialties and classes by the words that lists use for them."""

    specialties: Mapping[str, str]
    classes: Mapping[str, Sequence[tuple[str, str]]]  # pairs of specialty and class

    @classmethod
    def of(cls, specialties: Mapping[str, str], classes: Mapping[str, tuple[str, str]]) -> "Words":
        """Build from names by code, and from (specialty, name) by code of a class."""
        by_word = {
            _word(word): code
            for code, name in specialties.items()
            for word in (code, name, *_ALSO.get(code, ()))
        }
        of_class: dict[str, list[tuple[str, str]]] = {}
        for code, (specialty, name) in classes.items():
            for word in {_word(code), _word(name)}:
                of_class.setdefault(word, []).append((specialty, code))
        return cls(by_word, of_class)


def _word(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


# --- files ---


def read_table(source: bytes, words: Words) -> Table:
    """Read a list. Raises what `sheets.read_sheet` raises; what is wrong with one line is in it."""
    columns, sheet = _opened(source, _NAMES, needed=(_WHO[1:],))
    lines = []
    for row in sheet.rows:
        values, reasons = _values(row, columns)
        line, more = _line(values, words)
        reasons += more
        if not any((line.superior_no, line.archive_no, line.uscc, line.name)):
            detail = "这一行没有写明单位（档案编号、统一社会信用代码或名称），没有采用。"
            reasons.append(Reason("nobody-named", detail))
        lines.append(Read(row.row_no, line, tuple(reasons)))
    known = set(columns)
    return Table(_without_doubles(lines), tuple(name for name in sheet.header if name not in known))


def read_results(source: bytes, words: Words) -> list[PartnerRow]:
    """Read a table of partners' results. Raises what `sheets.read_sheet` raises."""
    columns, sheet = _opened(source, _RESULT_NAMES, needed=(_WHO, (DEPARTMENT,), (RESULT,)))
    found = []
    for row in sheet.rows:
        values, reasons = _values(row, columns)
        line, more = _line(values, words)
        reasons += more
        for column in (DEPARTMENT, RESULT):
            if not values.get(column):
                reasons.append(Reason("missing", f"请填写{column}。", column))
        found_on, unread = _day(values, FOUND_ON)
        found.append(
            PartnerRow(
                row.row_no,
                line,
                values.get(DEPARTMENT, ""),
                values.get(RESULT, ""),
                found_on,
                values.get(RESULT_REFERENCE, ""),
                (*reasons, *unread),
            )
        )
    return found


def _opened(
    source: bytes, names: Mapping[str, Sequence[str]], *, needed: Sequence[Sequence[str]]
) -> tuple[dict[str, str], sheets.Sheet]:
    """Open a table and return what its columns mean: our name by theirs.

    Of each group of `needed` one has to be there.
    """
    meaning = {_head_word(word): name for name, also in names.items() for word in (name, *also)}

    def meant(cells: Iterable[str]) -> list[str]:
        return [meaning[word] for cell in cells if (word := _head_word(cell)) in meaning]

    def is_header(cells: Sequence[str]) -> bool:
        present = set(meant(cells))
        return all(present.intersection(group) for group in needed)

    limits = cells.Limits(file_bytes=FILE_BYTES, rows=ROWS)
    sheet = sheets.read_sheet(source, limits=limits, is_header=is_header)
    if twice := [name for name, times in Counter(meant(sheet.header)).items() if times > 1]:
        raise sheets.SheetColumnsDoubled(
            f"有不止一列表示“{'、'.join(twice)}”；请只保留一列。", columns=twice
        )
    present = set(meant(sheet.header))
    missing = ["或".join(group) for group in needed if not present.intersection(group)]
    if missing:
        raise sheets.SheetColumnsMissing(
            f"前十行中没有找到表头，缺少列：{'；'.join(missing)}。"
            "请把表头写成一行，取消合并单元格后重新导入。",
            columns=missing,
        )
    return {
        cell: meaning[_head_word(cell)] for cell in sheet.header if _head_word(cell) in meaning
    }, sheet


def _head_word(text: str) -> str:
    return _HINT.sub("", _word(text))


def _values(row: sheets.Row, columns: Mapping[str, str]) -> tuple[dict[str, str], list[Reason]]:
    """Return a row's texts by our names of the columns, and the faults of its cells."""
    reasons = [
        Reason(str(problem.fault), problem.detail, problem.column)
        for problem in row.problems
        if problem.column is None or problem.column in columns
    ]
    values = {}
    for theirs, ours in columns.items():
        text = str(row.values[theirs]).strip()
        if len(text) > _MOST[ours]:
            reasons.append(Reason("too-long", f"{ours}最长{_MOST[ours]}个字。", theirs))
            text = text[: _MOST[ours]]
        values[ours] = "".join(c for c in text if c.isprintable() or c == "\n")
    return values, reasons


# --- lines ---


def _line(values: Mapping[str, str], words: Words) -> tuple[Line, list[Reason]]:
    specialties, object_class, reasons = _what(values, words)
    due_on, unread = _day(values, DUE_ON)
    uscc = normalise_uscc(values.get(USCC, ""))
    if uscc and uscc_error(uscc):
        detail = f"统一社会信用代码“{uscc[:20]}”校验不通过，没有用来匹配，请核对。"
        reasons.append(Reason("uscc-wrong", detail, USCC, Severity.WARNING))
    return (
        Line(
            superior_no=values.get(SUPERIOR_NO, ""),
            archive_no=values.get(ARCHIVE_NO, ""),
            uscc=uscc,
            name=values.get(NAME, ""),
            address=values.get(ADDRESS, ""),
            specialties=specialties,
            object_class=object_class,
            due_on=due_on,
            matters=values.get(MATTERS, ""),
            note=values.get(NOTE, ""),
            lead_department=values.get(LEAD_DEPARTMENT, ""),
            partner_departments=_departments(values.get(PARTNER_DEPARTMENTS, "")),
        ),
        [*reasons, *unread],
    )


def _departments(text: str) -> tuple[str, ...]:
    parts = (part.strip() for part in _PARTS.split(text))
    return tuple(dict.fromkeys(part for part in parts if part))[:MOST_DEPARTMENTS]


def _day(values: Mapping[str, str], column: str) -> tuple[date | None, list[Reason]]:
    text = unicodedata.normalize("NFKC", values.get(column, "")).partition("T")[0].strip()
    try:
        return read_day(text), []
    except Unreadable as unreadable:
        return None, [Reason("cell-unreadable", str(unreadable), column)]


def _what(
    values: Mapping[str, str], words: Words
) -> tuple[tuple[str, ...], str | None, list[Reason]]:
    """Return the specialties and the class of a line; 公共场所/住宿场所 in one cell says both."""
    text, _, within = values.get(SPECIALTY, "").partition("/")
    specialties, reasons = specialties_of(text, words)
    stated = values.get(OBJECT_CLASS, "") or within
    if not stated:
        return specialties, None, reasons
    pairs = words.classes.get(_word(stated), ())
    fitting = [pair for pair in pairs if not specialties or pair[0] in specialties]
    if len(fitting) == 1:
        specialty, object_class = fitting[0]
        return specialties or (specialty,), object_class, reasons
    detail = f"对象类别“{stated[:40]}”不在目录中或不属于该专业，按单位登记的类别办理。"
    reasons.append(Reason("object-class-unknown", detail, OBJECT_CLASS, Severity.WARNING))
    return specialties, None, reasons


def specialties_of(text: str, words: Words) -> tuple[tuple[str, ...], list[Reason]]:
    """Return the codes of the specialties that a cell names; one line may name two."""
    if not text.strip():
        return (), []
    parts = [text] if _word(text) in words.specialties else _AND.split(text)
    found, unknown = [], []
    for part in parts:
        word = _word(part)
        code = words.specialties.get(word) or words.specialties.get(word.removesuffix("卫生"))
        (found.append(code) if code else unknown.append(part.strip()))
    if unknown:
        names = "、".join(unknown)[:40]
        detail = f"没有“{names}”这个专业，请按专业目录填写。"
        return (), [Reason("specialty-unknown", detail, SPECIALTY)]
    return tuple(dict.fromkeys(found)), []


def _without_doubles(lines: Sequence[Read]) -> list[Read]:
    """Mark the lines that stand there twice: the same again is a double, anything else a fault.

    Of two lines with one number and different content nobody can tell which is right.
    """
    by_key: dict[str, list[Read]] = {}
    for one in lines:
        if not one.refused:
            by_key.setdefault(one.line.key, []).append(one)
    return [_judged(one, by_key.get(one.line.key, [one])) for one in lines]


def _judged(one: Read, same: Sequence[Read]) -> Read:
    if one.refused or len(same) == 1:
        return one
    first = same[0]
    if all(_alike(first.line, other.line) for other in same):
        if one is first:
            return one
        detail = f"与第 {first.row_no} 行重复，只采用前一行。"
        return Read(one.row_no, one.line, (*one.reasons, Reason(DOUBLE, detail, None)))
    others = "、".join(str(other.row_no) for other in same if other is not one)
    what = "任务编号" if one.line.superior_no else "单位和专业"
    detail = f"{what}与第 {others} 行相同而内容不同，请核对后只留一行。"
    return Read(one.row_no, one.line, (*one.reasons, Reason("line-contradicted", detail)))


DOUBLE = "line-doubled"


def _alike(one: Line, other: Line) -> bool:
    """Tell whether two lines with one key say the same."""
    return (one.due_on, one.matters, normalise_code(one.archive_no), one.uscc, one.name) == (
        other.due_on,
        other.matters,
        normalise_code(other.archive_no),
        other.uscc,
        other.name,
    )


def in_words(line: Line, names: Mapping[str, str]) -> dict[str, Any]:
    """Return what a line says under our names of the columns, for the way out."""
    return {
        SUPERIOR_NO: line.superior_no,
        ARCHIVE_NO: line.archive_no,
        USCC: line.uscc,
        NAME: line.name,
        ADDRESS: line.address,
        SPECIALTY: "和".join(names.get(code, code) for code in line.specialties),
        OBJECT_CLASS: names.get(line.object_class or "", line.object_class or ""),
        DUE_ON: line.due_on,
        MATTERS: line.matters,
        NOTE: line.note,
        LEAD_DEPARTMENT: line.lead_department,
        PARTNER_DEPARTMENTS: "、".join(line.partner_departments),
    }
