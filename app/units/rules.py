"""What makes one row of the register right, and how a unit's life goes.

A check returns problems and decides nothing: an `error` keeps a row out, a `warning` is shown and
kept. Nothing here asks whether another row exists; that is the register's business.
"""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import StrEnum
from typing import Any

from app.geometry import Area, Crs, convert, from_e7, to_e7
from app.registers import SEPARATORS
from app.registers import Severity as Severity
from app.uscc import USCC_DETAILS, normalise_uscc, subject_id_fits, uscc_error

ARCHIVE_NO_BYTES = 23  # longer, and a lot of a draw would need a second SHA-256 block


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field; `code` is for programs, `detail` a sentence for people."""

    field: str
    code: str
    detail: str
    severity: Severity = Severity.ERROR


# --- 统一社会信用代码, GB 32100-2015 ---


def uscc_problems(
    code: str, *, division_code: str, authority_classes: Collection[str] = ()
) -> list[Problem]:
    """Check a normalised code; what may be lawful although unusual is a warning.

    `division_code` is the district's (a unit may be registered elsewhere and still stand here).
    `authority_classes` are the known first two characters, from the catalogue; empty: not checked.
    """
    if error := uscc_error(code):
        return [Problem("uscc", f"uscc-{error.replace('_', '-')}", USCC_DETAILS[error])]
    warnings = []
    if code[2:8] != division_code:
        detail = f"登记机关行政区划代码为{code[2:8]}，不是本区（{division_code}），请确认。"
        warnings.append(Problem("uscc", "uscc-region-differs", detail, Severity.WARNING))
    if authority_classes and code[:2] not in authority_classes:
        detail = f"登记管理部门和机构类别代码“{code[:2]}”不在已知范围内，请确认。"
        warnings.append(Problem("uscc", "uscc-class-unknown", detail, Severity.WARNING))
    if not subject_id_fits(code):
        detail = "主体标识码（第9至17位）自身的校验码不符，请对照营业执照确认。"
        warnings.append(Problem("uscc", "uscc-subject-id", detail, Severity.WARNING))
    return warnings


# --- 档案编号 ---


def archive_no_problems(archive_no: str) -> list[Problem]:
    """Check that an archive number can be a key of a draw.

    Printable, NFC, no TAB, LF or comma, no space at either end, at most 23 bytes in UTF-8.
    """
    found = []
    if not archive_no:
        found.append(("archive-no-empty", "请填写档案编号。"))
    if not archive_no.isprintable():
        found.append(("archive-no-not-printable", "档案编号含有不可打印的字符（如制表符、换行）。"))
    if archive_no != archive_no.strip():
        found.append(("archive-no-space", "档案编号的前后不能有空格。"))
    if "," in archive_no:
        found.append(("archive-no-comma", "档案编号不能含有英文逗号。"))
    if not unicodedata.is_normalized("NFC", archive_no):
        found.append(("archive-no-not-nfc", "档案编号含有组合字符，请用规范的单个字符重新输入。"))
    size = len(archive_no.encode("utf-8", "surrogatepass"))
    if size > ARCHIVE_NO_BYTES:
        detail = f"档案编号最长{ARCHIVE_NO_BYTES}字节（汉字每个3字节），现为{size}字节。"
        found.append(("archive-no-too-long", detail))
    return [Problem("archive_no", code, detail) for code, detail in found]


# --- 位置 ---


def place_problems(lon_e7: int, lat_e7: int, area: Area) -> list[Problem]:
    """Check that a WGS-84 position lies in the district; name the likely slip if it does not.

    Longitude and latitude swapped, and a GCJ-02 or BD-09 position taken for WGS-84, are recognised
    when undoing them brings the point into the district.
    """
    if abs(lon_e7) > to_e7(180) or abs(lat_e7) > to_e7(90):
        swapped = abs(lat_e7) <= to_e7(180) and area.contains(lat_e7, lon_e7)
        hint = "经度和纬度可能填反了。" if swapped else "请核对小数点。"
        return [Problem("place", "place-out-of-range", f"坐标超出经纬度范围。{hint}")]
    if area.contains(lon_e7, lat_e7):
        return []
    code, hint = _likely_slip(lon_e7, lat_e7, area)
    return [Problem("place", code, f"坐标不在{area.name}范围内。{hint}")]


def _likely_slip(lon_e7: int, lat_e7: int, area: Area) -> tuple[str, str]:
    if area.contains(lat_e7, lon_e7):
        return "place-swapped", "经度和纬度可能填反了。"
    for crs, maker in ((Crs.GCJ02, "高德、腾讯"), (Crs.BD09, "百度")):
        lon, lat = convert(from_e7(lon_e7), from_e7(lat_e7), crs, Crs.WGS84)
        if area.contains(to_e7(lon), to_e7(lat)):
            detail = f"可能是{maker}地图的{crs}坐标，请换算为WGS-84后填写。"
            return "place-other-datum", detail
    return "place-outside-district", "请核对坐标或确认是否属于本辖区。"


# --- 单位状态 ---


class UnitStatus(StrEnum):
    """States of a unit's life; a row is flagged by its state and never deleted."""

    IN_OPERATION = "in-operation"
    SUSPENDED = "suspended"
    LICENCE_OVERDUE = "licence-overdue"
    NOTIFIED = "notified"
    ANNOUNCED = "announced"
    FORCE_CANCELLED = "force-cancelled"
    CLOSED = "closed"
    MOVED = "moved"
    REVOKED = "revoked"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"


STATUS_NAMES = {
    UnitStatus.IN_OPERATION: "在业",
    UnitStatus.SUSPENDED: "停业",
    UnitStatus.LICENCE_OVERDUE: "逾期未校验",
    UnitStatus.NOTIFIED: "已发校验通知",
    UnitStatus.ANNOUNCED: "公示告知",
    UnitStatus.FORCE_CANCELLED: "强制注销",
    UnitStatus.CLOSED: "歇业",
    UnitStatus.MOVED: "搬迁",
    UnitStatus.REVOKED: "吊销",
    UnitStatus.CANCELLED: "注销",
    UnitStatus.WITHDRAWN: "退出备案",
}

_ENDS = {
    UnitStatus.CLOSED,
    UnitStatus.MOVED,
    UnitStatus.REVOKED,
    UnitStatus.CANCELLED,
    UnitStatus.WITHDRAWN,
}
_NEXT: dict[UnitStatus, set[UnitStatus]] = {
    UnitStatus.IN_OPERATION: {UnitStatus.SUSPENDED, UnitStatus.LICENCE_OVERDUE, *_ENDS},
    UnitStatus.SUSPENDED: {UnitStatus.IN_OPERATION, UnitStatus.LICENCE_OVERDUE, *_ENDS},
    UnitStatus.LICENCE_OVERDUE: {UnitStatus.IN_OPERATION, UnitStatus.NOTIFIED, *_ENDS},
    UnitStatus.NOTIFIED: {UnitStatus.IN_OPERATION, UnitStatus.ANNOUNCED, *_ENDS},
    UnitStatus.ANNOUNCED: {UnitStatus.IN_OPERATION, UnitStatus.FORCE_CANCELLED, *_ENDS},
    # A door found shut or a unit gone may open again or come back; what an organ ended does not.
    UnitStatus.CLOSED: {UnitStatus.IN_OPERATION, UnitStatus.REVOKED, UnitStatus.CANCELLED},
    UnitStatus.MOVED: {UnitStatus.IN_OPERATION, UnitStatus.REVOKED, UnitStatus.CANCELLED},
    UnitStatus.FORCE_CANCELLED: set(),
    UnitStatus.REVOKED: set(),
    UnitStatus.CANCELLED: set(),
    UnitStatus.WITHDRAWN: set(),
}


def may_follow(status: UnitStatus, following: UnitStatus) -> bool:
    """Say whether `following` may come directly after `status`."""
    return following in _NEXT[status]


def is_drawable(status: UnitStatus) -> bool:
    """Say whether a unit in this state belongs into the population of a draw.

    A unit on its way to 强制注销 still may practise and stays in; one that is shut, gone or ended
    would only be drawn to be closed again.
    """
    return status in {
        UnitStatus.IN_OPERATION,
        UnitStatus.LICENCE_OVERDUE,
        UnitStatus.NOTIFIED,
        UnitStatus.ANNOUNCED,
    }


# --- 登记内容 ---


class LicenceKind(StrEnum):
    """A permit 许可 is granted, a filing 备案 is handed in."""

    PERMIT = "permit"
    FILING = "filing"


LICENCE_KIND_NAMES = {LicenceKind.PERMIT: "许可", LicenceKind.FILING: "备案"}


class Register(StrEnum):
    """What can be imported."""

    UNITS = "units"
    OFFICERS = "officers"


class ImportState(StrEnum):
    PREVIEWED = "previewed"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True, order=True)
class Registration:
    """One thing a unit is supervised for, by catalogue codes."""

    specialty: str
    object_class: str


@dataclass(frozen=True, slots=True)
class LicenceData:
    """One permit or filing; `commitment` marks 告知承诺."""

    kind: LicenceKind
    number: str
    object_class: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    commitment: bool = False

    def order(self) -> tuple[str, ...]:
        """Return a sort key: the register holds licences as a set."""
        rest = (self.object_class, self.valid_from, self.valid_until, self.commitment)
        return (self.kind, self.number, *(str(value or "") for value in rest))


@dataclass(frozen=True, slots=True)
class NewUnit:
    """Everything the register holds of a unit; a change of a unit is a whole new one of these."""

    archive_no: str
    name: str
    address: str
    sign_name: str | None = None
    uscc: str | None = None
    legal_representative: str | None = None
    phone: str | None = None
    street_code: str | None = None
    grid_cell: str | None = None
    lat_e7: int | None = None
    lon_e7: int | None = None
    risk_class: str | None = None
    credit_class: str | None = None
    state: UnitStatus = UnitStatus.IN_OPERATION
    opened_on: date | None = None
    note: str | None = None
    registrations: tuple[Registration, ...] = ()
    licences: tuple[LicenceData, ...] = ()


UNIT_FIELDS = tuple(f.name for f in fields(NewUnit))
PLAIN_FIELDS = tuple(name for name in UNIT_FIELDS if name not in {"registrations", "licences"})


@dataclass(frozen=True, slots=True)
class Known:
    """What a row of the register is judged by, as it stands on a day.

    `specialties` and `object_classes` are names by code, `specialty_of` the specialty of an object
    class. Without `area` no place is checked.
    """

    division_code: str
    area: Area | None = None
    specialties: Mapping[str, str] = field(default_factory=dict)
    object_classes: Mapping[str, str] = field(default_factory=dict)
    specialty_of: Mapping[str, str] = field(default_factory=dict)
    authority_classes: frozenset[str] = frozenset()


MAX_LENGTHS = {
    "name": 100,
    "sign_name": 100,
    "address": 200,
    "legal_representative": 60,
    "phone": 40,
    "street_code": 12,
    "grid_cell": 40,
    "risk_class": 20,
    "credit_class": 20,
    "note": 1000,
}
FIELD_NAMES = {
    "archive_no": "档案编号",
    "name": "单位名称",
    "sign_name": "招牌名",
    "uscc": "统一社会信用代码",
    "legal_representative": "法定代表人",
    "phone": "联系电话",
    "address": "地址",
    "street_code": "街道代码",
    "grid_cell": "网格",
    "place": "经纬度",
    "risk_class": "风险等级",
    "credit_class": "信用等级",
    "state": "状态",
    "opened_on": "开业日期",
    "note": "备注",
    "registrations": "专业/类别",
    "licences": "许可或备案",
}


def normalise_unit(unit: NewUnit) -> NewUnit:
    """Return a unit as it is kept: no space at the ends, empty is None, sets without order."""
    values: dict[str, Any] = {name: getattr(unit, name) for name in UNIT_FIELDS}
    for name, value in values.items():
        if type(value) is str and name != "archive_no":
            values[name] = value.strip() or (value.strip() if name in {"name", "address"} else None)
    if values["uscc"]:
        values["uscc"] = normalise_uscc(values["uscc"]) or None
    values["registrations"] = tuple(sorted(set(unit.registrations)))
    licences = {replace(one, number=one.number.strip()) for one in unit.licences}
    values["licences"] = tuple(sorted(licences, key=LicenceData.order))
    return NewUnit(**values)


def unit_problems(unit: NewUnit, known: Known) -> list[Problem]:
    """Check everything about one unit that can be judged without other units."""
    found = archive_no_problems(unit.archive_no)
    found += _text_problems(unit)
    if unit.uscc:
        found += uscc_problems(
            unit.uscc,
            division_code=known.division_code,
            authority_classes=known.authority_classes,
        )
    found += _position_problems(unit, known)
    found += _registration_problems(unit, known)
    for licence in unit.licences:
        found += _licence_problems(licence, known)
    return found


def _text_problems(unit: NewUnit) -> list[Problem]:
    found = []
    for name in ("name", "address"):
        if not getattr(unit, name):
            found.append(Problem(name, f"{name}-missing", f"请填写{FIELD_NAMES[name]}。"))
    for name, most in MAX_LENGTHS.items():
        value = getattr(unit, name)
        if not value:
            continue
        label = FIELD_NAMES[name]
        if len(value) > most:
            found.append(Problem(name, "too-long", f"{label}最长{most}个字。"))
        if any(_is_control(c) for c in value):
            found.append(Problem(name, "control-character", f"{label}含有控制字符。"))
    return found


def _is_control(character: str) -> bool:
    """Tell what no table can hold: control characters, halves of pairs, noncharacters."""
    if character in "\ufffe\uffff":
        return True
    return unicodedata.category(character) in {"Cc", "Cs"} and character != "\n"


def _position_problems(unit: NewUnit, known: Known) -> list[Problem]:
    if unit.lat_e7 is None and unit.lon_e7 is None:
        return []
    if unit.lat_e7 is None or unit.lon_e7 is None:
        return [Problem("place", "place-half", "经度和纬度须同时填写或同时留空。")]
    if known.area is not None:
        return place_problems(unit.lon_e7, unit.lat_e7, known.area)
    if abs(unit.lon_e7) > to_e7(180) or abs(unit.lat_e7) > to_e7(90):
        return [Problem("place", "place-out-of-range", "坐标超出经纬度范围。请核对小数点。")]
    return []


def _registration_problems(unit: NewUnit, known: Known) -> list[Problem]:
    found = []
    for one in unit.registrations:
        if one.specialty not in known.specialties:
            detail = f"没有“{one.specialty}”这个专业，请按专业目录填写。"
            found.append(Problem("registrations", "specialty-unknown", detail))
        elif one.object_class not in known.object_classes:
            detail = f"没有“{one.object_class}”这个对象类别，请按类别目录填写。"
            found.append(Problem("registrations", "object-class-unknown", detail))
        elif known.specialty_of[one.object_class] != one.specialty:
            detail = (
                f"对象类别“{known.object_classes[one.object_class]}”不属于专业"
                f"“{known.specialties[one.specialty]}”。"
            )
            found.append(Problem("registrations", "object-class-elsewhere", detail))
    return found


def _licence_problems(licence: LicenceData, known: Known) -> list[Problem]:
    found = []
    if not licence.number or len(licence.number) > 60:
        found.append(("licence-number", "许可证号或备案号应为1至60个字。"))
    elif SEPARATORS.intersection(licence.number):
        found.append(("licence-number", f"证号“{licence.number}”含有不允许的字符。"))
    if licence.object_class and licence.object_class not in known.object_classes:
        detail = f"没有“{licence.object_class}”这个对象类别，请按类别目录填写。"
        found.append(("licence-class-unknown", detail))
    if licence.valid_from and licence.valid_until and licence.valid_from > licence.valid_until:
        detail = f"证号“{licence.number}”的有效期起止颠倒。"
        found.append(("licence-dates-reversed", detail))
    return [Problem("licences", code, detail) for code, detail in found]


def changed_fields(before: NewUnit, after: NewUnit) -> list[str]:
    """Return the names of the fields in which two normalised units differ, in register order."""
    return [name for name in UNIT_FIELDS if getattr(before, name) != getattr(after, name)]


def change_problems(before: NewUnit, after: NewUnit) -> list[Problem]:
    """Check what a unit may not turn into: another archive number, a state that cannot follow."""
    found = []
    if before.archive_no != after.archive_no:
        found.append(Problem("archive_no", "archive-no-fixed", "档案编号登记后不能更改。"))
    if before.state != after.state and not may_follow(before.state, after.state):
        detail = f"状态不能由“{STATUS_NAMES[before.state]}”变为“{STATUS_NAMES[after.state]}”。"
        found.append(Problem("state", "state-cannot-follow", detail))
    return found


# --- 个人信息 ---


def mask_phone(number: str) -> str:
    """Hide the middle of a telephone number: the last four digits stay, and three at the front."""
    if len(number) < 10:
        return "*" * len(number)
    return number[:3] + "*" * (len(number) - 7) + number[-4:]


def mask_person_name(name: str) -> str:
    """Hide a person's given name: 王小明 becomes 王**."""
    return name[:1] + "*" * (len(name) - 1)
