"""The register of units as a table: its columns, what a row means, what is to become of it.

A column that the file does not have stays as it is in the register; an empty cell empties it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from app.geometry import to_e7
from app.registers import (
    SEPARATOR,
    Planned,
    Reason,
    Severity,
    TableRow,
    Unreadable,
    Verdict,
    doubled,
    is_refused,
    names,
    read_day,
    refused,
    split,
)
from app.units import rules
from app.units.rules import (
    LICENCE_KIND_NAMES,
    STATUS_NAMES,
    Known,
    LicenceData,
    LicenceKind,
    NewUnit,
    Problem,
    Registration,
    UnitStatus,
)

ARCHIVE_NO, NAME, ADDRESS = "档案编号", "单位名称", "地址"
LON, LAT = "经度", "纬度"
REGISTRATIONS, STATE, OPENED_ON = "专业/类别", "状态", "开业日期"
LICENCE_KIND, LICENCE_NO, LICENCE_CLASS = "许可或备案", "证号", "许可类别"
VALID_FROM, VALID_UNTIL, COMMITMENT = "有效期起", "有效期止", "告知承诺"

TEXTS = {
    NAME: "name",
    "招牌名": "sign_name",
    "统一社会信用代码": "uscc",
    "法定代表人": "legal_representative",
    "联系电话": "phone",
    ADDRESS: "address",
    "街道代码": "street_code",
    "网格": "grid_cell",
    "风险等级": "risk_class",
    "信用等级": "credit_class",
    "备注": "note",
}
COLUMNS = (
    ARCHIVE_NO,
    NAME,
    "招牌名",
    "统一社会信用代码",
    "法定代表人",
    "联系电话",
    ADDRESS,
    "街道代码",
    "网格",
    LON,
    LAT,
    REGISTRATIONS,
    "风险等级",
    "信用等级",
    STATE,
    OPENED_ON,
    LICENCE_KIND,
    LICENCE_NO,
    LICENCE_CLASS,
    VALID_FROM,
    VALID_UNTIL,
    COMMITMENT,
    "备注",
)
REQUIRED = (ARCHIVE_NO, NAME, ADDRESS)
TOGETHER = ((LON, LAT), (LICENCE_KIND, LICENCE_NO))  # one without the other means nothing
WIDE = frozenset(
    {"统一社会信用代码", LON, LAT, OPENED_ON, VALID_FROM, VALID_UNTIL}
)  # often typed full-width
_COLUMN_OF = {field: column for column, field in TEXTS.items()} | {
    "archive_no": ARCHIVE_NO,
    "place": LAT,
    "registrations": REGISTRATIONS,
    "licences": LICENCE_NO,
    "state": STATE,
    "opened_on": OPENED_ON,
}
_MOST = 20  # registrations or licences of one unit
_YES = {"是": True, "否": False, "": False}


@dataclass(frozen=True, slots=True)
class Present:
    """What the register and the day say: units by archive number, places taken, what is known."""

    units: Mapping[str, NewUnit]
    places: Mapping[tuple[str, str], str]
    known: Known


def plan_units(rows: Sequence[TableRow], present: Present) -> list[Planned[NewUnit]]:
    """Judge every row: what it would create or change, or why it is kept out.

    A row that says what the register says is `unchanged` and not judged: it was, when it came in.
    """
    same_number = doubled((row.row_no, row.values.get(ARCHIVE_NO, "")) for row in rows)
    same_place = doubled((row.row_no, "\n".join(_place_of(row))) for row in rows)
    words = _Words(present.known)
    return [
        _plan(row, present, words, same_number.get(row.row_no), same_place.get(row.row_no))
        for row in rows
    ]


def _place_of(row: TableRow) -> tuple[str, str]:
    return row.values.get(NAME, "").strip(), row.values.get(ADDRESS, "").strip()


def _plan(
    row: TableRow,
    present: Present,
    words: "_Words",
    same_number: Sequence[int] | None,
    same_place: Sequence[int] | None,
) -> Planned[NewUnit]:
    key = row.values.get(ARCHIVE_NO, "")
    reasons = list(row.faults)
    if same_number:
        detail = (
            f"档案编号“{key}”在文件中重复（另见第 {names(same_number)} 行），请核对后只留一行。"
        )
        reasons.append(Reason("archive-no-doubled", detail, ARCHIVE_NO))
    values, unread = _read(row.values, words)
    reasons += unread
    if is_refused(reasons):
        return refused(row.row_no, key, reasons)
    before = present.units.get(key)
    start = before or NewUnit(archive_no=key, name="", address="")
    after = rules.normalise_unit(replace(start, **values))
    if before is not None:
        changed = tuple(rules.changed_fields(before, after))
        if not changed:
            return Planned(row.row_no, key, Verdict.UNCHANGED, tuple(reasons))
        reasons += _reasons(rules.change_problems(before, after))
        reasons += _another_unit(before, after)
    else:
        changed = ()
    reasons += _reasons(rules.unit_problems(after, present.known))
    reasons += _taken_place(after, present.places, same_place)
    if is_refused(reasons):
        return refused(row.row_no, key, reasons)
    verdict = Verdict.CREATE if before is None else Verdict.CHANGE
    return Planned(row.row_no, key, verdict, tuple(reasons), changed, after)


def _reasons(problems: Iterable[Problem]) -> list[Reason]:
    return [
        Reason(problem.code, problem.detail, _COLUMN_OF[problem.field], problem.severity)
        for problem in problems
    ]


def _another_unit(before: NewUnit, after: NewUnit) -> list[Reason]:
    """Refuse a row that would turn a unit into another one: its number is not free again."""
    if before.name == after.name:
        return []
    if before.uscc and after.uscc:
        other = before.uscc != after.uscc
    else:
        other = before.address != after.address
    if not other:
        return []
    detail = f"档案编号“{before.archive_no}”已属于“{before.name}”，不能用于另一单位。"
    return [Reason("archive-no-of-another-unit", detail, ARCHIVE_NO)]


def _taken_place(
    unit: NewUnit, places: Mapping[tuple[str, str], str], same: Sequence[int] | None
) -> list[Reason]:
    """Warn that two archive numbers may be one unit: a duplicate is a person's decision."""
    found = []
    other = places.get((unit.name, unit.address))
    if other is not None and other != unit.archive_no:
        detail = f"名称和地址与档案编号“{other}”的单位相同，可能是重复底档，请核实。"
        found.append(Reason("duplicate-suspected", detail, NAME, Severity.WARNING))
    if same:
        detail = f"名称和地址与文件第 {names(same)} 行相同，可能是重复底档，请核实。"
        found.append(Reason("duplicate-suspected", detail, NAME, Severity.WARNING))
    return found


# --- a row's cells ---


class _Words:
    """The catalogue's names and codes as people write them."""

    def __init__(self, known: Known) -> None:
        self.specialties = _both(known.specialties)
        self.classes = {
            (known.specialty_of[code], word): code
            for code, name in known.object_classes.items()
            for word in (name, code)
        }
        self.any_class = _both(known.object_classes)
        self.statuses = _both(STATUS_NAMES)
        self.kinds = _both(LICENCE_KIND_NAMES)


def _both(names_by_code: Mapping[Any, str]) -> dict[str, Any]:
    """Return codes by their name and by themselves."""
    return {word: code for code, name in names_by_code.items() for word in (str(code), name)}


def _read(values: Mapping[str, str], words: _Words) -> tuple[dict[str, Any], list[Reason]]:
    """Return the fields of a row by name, and why some could not be read."""
    found: dict[str, Any] = {
        field: values[column].strip() for column, field in TEXTS.items() if column in values
    }
    reasons = []
    for column, reader in _READERS.items():
        if column not in values:
            continue
        try:
            found |= reader(values, words)
        except Unreadable as unreadable:
            reasons.append(Reason("cell-unreadable", str(unreadable), column))
    return found, reasons


def _read_lat(values: Mapping[str, str], _words: _Words) -> dict[str, Any]:
    return {"lat_e7": _degrees(values[LAT]), "lon_e7": _degrees(values[LON])}


def _degrees(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    try:
        degrees = Decimal(text)
    except InvalidOperation as error:
        raise Unreadable(f"坐标“{text[:20]}”不是数字，请写成 121.4246780 的形式。") from error
    if not degrees.is_finite() or abs(degrees) > 1000:
        raise Unreadable(f"坐标“{text[:20]}”超出范围，请核对小数点。")
    return to_e7(degrees)


def _read_state(values: Mapping[str, str], words: _Words) -> dict[str, Any]:
    text = values[STATE].strip()
    if not text:
        return {}
    if text not in words.statuses:
        known = "、".join(STATUS_NAMES.values())
        raise Unreadable(f"没有“{text[:20]}”这个状态，应为：{known}。")
    return {"state": UnitStatus(words.statuses[text])}


def _read_opened_on(values: Mapping[str, str], _words: _Words) -> dict[str, Any]:
    return {"opened_on": read_day(values[OPENED_ON].strip())}


def _read_registrations(values: Mapping[str, str], words: _Words) -> dict[str, Any]:
    parts = [part for part in split(values[REGISTRATIONS]) if part]
    if len(parts) > _MOST:
        raise Unreadable(f"一个单位最多填 {_MOST} 个专业/类别。")
    return {"registrations": tuple(_registration(part, words) for part in parts)}


def _registration(text: str, words: _Words) -> Registration:
    specialty, slash, object_class = (part.strip() for part in text.partition("/"))
    if not slash or not object_class:
        raise Unreadable(f"“{text[:40]}”应写成“专业/类别”，例如“公共场所/住宿场所”。")
    code = words.specialties.get(specialty, specialty)
    known = words.classes.get((code, object_class)) or words.any_class.get(object_class)
    return Registration(code, known or object_class)


def _read_licences(values: Mapping[str, str], words: _Words) -> dict[str, Any]:
    numbers = split(values[LICENCE_NO])
    kinds = _entries(values, LICENCE_KIND, len(numbers))
    classes = _entries(values, LICENCE_CLASS, len(numbers))
    starts = _entries(values, VALID_FROM, len(numbers))
    ends = _entries(values, VALID_UNTIL, len(numbers))
    commitments = _entries(values, COMMITMENT, len(numbers))
    if len(numbers) > _MOST:
        raise Unreadable(f"一个单位最多填 {_MOST} 个许可或备案。")
    return {
        "licences": tuple(
            LicenceData(
                kind=_kind(kinds[index], words),
                number=number,
                object_class=words.any_class.get(classes[index], classes[index]) or None,
                valid_from=read_day(starts[index]),
                valid_until=read_day(ends[index]),
                commitment=_commitment(commitments[index]),
            )
            for index, number in enumerate(numbers)
        )
    }


def _entries(values: Mapping[str, str], column: str, count: int) -> list[str]:
    """Return a column's values, one for each licence; a column that is empty says nothing."""
    found = split(values.get(column, ""))
    if not found:
        return [""] * count
    if len(found) != count:
        raise Unreadable(
            f"“{column}”有 {len(found)} 项，“{LICENCE_NO}”有 {count} 项；"
            f"多个证件请用“{SEPARATOR}”分开并一一对应。"
        )
    return found


def _kind(text: str, words: _Words) -> LicenceKind:
    if text not in words.kinds:
        raise Unreadable(f"“{text[:20]}”应为“许可”或“备案”。")
    return LicenceKind(words.kinds[text])


def _commitment(text: str) -> bool:
    if text not in _YES:
        raise Unreadable(f"告知承诺“{text[:20]}”应为“是”或“否”。")
    return _YES[text]


_Reader = Callable[[Mapping[str, str], _Words], dict[str, Any]]
_READERS: Mapping[str, _Reader] = {
    LAT: _read_lat,
    STATE: _read_state,
    OPENED_ON: _read_opened_on,
    REGISTRATIONS: _read_registrations,
    LICENCE_NO: _read_licences,
}


# --- the way out ---


def export_row(unit: NewUnit, known: Known) -> list[str]:
    """Return a unit's cells in the order of COLUMNS; taken in again they change nothing."""
    cells = {column: getattr(unit, field) or "" for column, field in TEXTS.items()}
    cells[ARCHIVE_NO] = unit.archive_no
    cells[LON], cells[LAT] = _degrees_text(unit.lon_e7), _degrees_text(unit.lat_e7)
    cells[STATE] = STATUS_NAMES[unit.state]
    cells[OPENED_ON] = str(unit.opened_on or "")
    cells[REGISTRATIONS] = SEPARATOR.join(
        f"{known.specialties.get(one.specialty, one.specialty)}/"
        f"{known.object_classes.get(one.object_class, one.object_class)}"
        for one in unit.registrations
    )
    licences = unit.licences
    cells[LICENCE_KIND] = _joined(LICENCE_KIND_NAMES[one.kind] for one in licences)
    cells[LICENCE_NO] = _joined(one.number for one in licences)
    cells[LICENCE_CLASS] = _joined(
        known.object_classes.get(one.object_class or "", one.object_class or "") for one in licences
    )
    cells[VALID_FROM] = _joined(str(one.valid_from or "") for one in licences)
    cells[VALID_UNTIL] = _joined(str(one.valid_until or "") for one in licences)
    cells[COMMITMENT] = _joined("是" if one.commitment else "否" for one in licences)
    return [cells[column] for column in COLUMNS]


def _joined(values: Iterable[str]) -> str:
    return SEPARATOR.join(values)


def _degrees_text(value_e7: int | None) -> str:
    return "" if value_e7 is None else f"{Decimal(value_e7).scaleb(-7):.7f}"
