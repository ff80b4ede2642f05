"""What a given list 下达名单 is, when two names are one, and what makes a line of it itself.

A line is found again in a corrected file by its key: the number that the superior gave it, or else
what says which unit is meant.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from app import canonical
from app.tasks.rules import DrawKind, JointRole

PERIOD = r"^20[0-9]{2}(-(Q[1-4]|H[12]|0[1-9]|1[0-2]))?$"
MOST_DEPARTMENTS = 20


class ListState(StrEnum):
    OPEN = "open"
    WITHDRAWN = "withdrawn"


class FileState(StrEnum):
    """A corrected file is previewed first; the one that holds is `current`."""

    PREVIEWED = "previewed"
    CURRENT = "current"
    SUPERSEDED = "superseded"


class Outcome(StrEnum):
    """Whether it is known which unit a row means."""

    MATCHED = "matched"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


OUTCOME_NAMES: Mapping[str, str] = {
    Outcome.MATCHED: "已匹配",
    Outcome.DOUBTFUL: "待核对",
    Outcome.UNKNOWN: "未找到单位",
    Outcome.DUPLICATE: "重复",
    Outcome.REFUSED: "内容有误",
}


class MatchedBy(StrEnum):
    """What a unit was recognised by; a decision is a person's."""

    ARCHIVE_NO = "archive-no"
    USCC = "uscc"
    NAME = "name"
    DECISION = "decision"


class Decision(StrEnum):
    """What a person decided about a row: it is this unit, or the register has none."""

    UNIT = "unit"
    UNKNOWN = "unknown"


class Change(StrEnum):
    """What a line of a corrected file does to the list."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class NewList:
    """What is said about a list as a whole."""

    name: str
    level: DrawKind
    issued_by: str
    reference: str
    year: int
    period: str
    received_on: date
    due_on: date | None = None
    role: JointRole = JointRole.LEAD
    lead_department: str | None = None
    partner_departments: tuple[str, ...] = ()
    field: str | None = None


class Fault(NamedTuple):
    """One thing wrong with a list: the field, and a sentence for the reader."""

    field: str
    detail: str


def faults(data: NewList) -> list[Fault]:
    """Return what keeps a list from being saved, in the order of its fields."""
    found = []
    if not re.match(PERIOD, data.period) or data.period[:4] != str(data.year):
        found.append(Fault("period", "周期应当属于名单年度，例如 2026、2026-Q4 或 2026-11。"))
    if abs(data.received_on.year - data.year) > 1:
        found.append(Fault("received_on", "收到日期应在名单年度前后。"))
    if data.due_on is not None and data.due_on < data.received_on:
        found.append(Fault("due_on", "任务期限不能早于收到日期。"))
    return found + _joint_faults(data)


def _joint_faults(data: NewList) -> list[Fault]:
    """A cross-department list says who leads, who joins, and in which field; another may not."""
    if data.level is not DrawKind.CROSS_DEPARTMENT:
        said = data.role is JointRole.JOIN or data.lead_department or data.partner_departments
        text = "只有跨部门名单才写明参与、牵头部门和配合部门。"
        return [Fault("role", text)] if said else []
    found = []
    if not data.lead_department:
        found.append(Fault("lead_department", "跨部门名单须写明牵头部门。"))
    elif data.lead_department in data.partner_departments:
        found.append(Fault("partner_departments", "牵头部门不能同时是配合部门。"))
    if data.role is JointRole.LEAD and not data.partner_departments:
        found.append(Fault("partner_departments", "牵头的跨部门名单须写明配合部门。"))
    if not data.field:
        found.append(Fault("field", "跨部门名单须写明抽查领域。"))
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """What one line of a list says; specialties and class are catalogue codes."""

    superior_no: str = ""
    archive_no: str = ""
    uscc: str = ""
    name: str = ""
    address: str = ""
    specialties: tuple[str, ...] = ()
    object_class: str | None = None
    due_on: date | None = None
    matters: str = ""
    note: str = ""
    lead_department: str = ""
    partner_departments: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return what the line is known by in its list, the same however it is typed."""
        if self.superior_no:
            return canonical.dumps(["no", normalise_code(self.superior_no)])
        what = [*self.specialties, self.object_class or ""]
        if self.archive_no:
            return canonical.dumps(["archive", normalise_code(self.archive_no), *what])
        who = [self.uscc, normalise_name(self.name), normalise_address(self.address)]
        return canonical.dumps(["unit", *who, *what])


REFUSED_KEY = '["row",'


def refused_key(file_id: UUID, row_no: int) -> str:
    """Return the key of a line that is only reported: no line of another file has it."""
    return canonical.dumps(["row", str(file_id), row_no])


WHO = ("archive_no", "uscc", "name", "address", "specialties", "object_class")  # decide the match
SAID = ("due_on", "matters", "note", "lead_department", "partner_departments")


def changed_fields(before: Line, after: Line) -> list[str]:
    """Return the names of the fields in which a corrected line differs, spelling aside."""
    forms = {"name": normalise_name, "address": normalise_address}
    found = []
    for field in (*WHO, *SAID):
        old, new = getattr(before, field), getattr(after, field)
        form = forms.get(field)
        if (form(old) != form(new)) if form else (old != new):
            found.append(field)
    return found


# --- names ---

_BRACKETS = str.maketrans("[]{}<>〔〕【】〈〉《》「」『』", "()()()()()()()()()")
_LEGAL = (("有限责任公司", "有限公司"), ("有限責任公司", "有限公司"))
_BLANKS = re.compile(r"[\s\u200b-\u200f\ufeff]+")
_IGNORED = re.compile(r"[\s\u200b-\u200f\ufeff·•・.。,，、\"'“”\u2018\u2019\-—\u2013_]+")
_NUMBER = re.compile(r"\d+")


def normalise_name(text: str) -> str:
    """Return the form in which two spellings of one name are equal; applying it twice is once.

    Width, case, blanks, points and hyphens, the shape of brackets, and 有限责任公司 against
    有限公司 do not tell units apart. What stands in brackets does, and so does 股份.
    """
    return _settled(text, _name_once)


def normalise_address(text: str) -> str:
    """Return an address without what only its spelling adds; 壹号 and 1号 stay different."""
    return _settled(text, _address_once)


def normalise_code(text: str) -> str:
    """Return a number as it should be typed: half-width, upper case, no blanks."""
    return "".join(unicodedata.normalize("NFKC", text).upper().split())


def _settled(text: str, once: Callable[[str], str]) -> str:
    """Apply until nothing changes: what falls away may let its neighbours join."""
    while (following := once(text)) != text:
        text = following
    return text


def _name_once(text: str) -> str:
    text = _IGNORED.sub("", _folded(text).translate(_BRACKETS))
    for form, short in _LEGAL:
        text = text.replace(form, short)
    return text


def _address_once(text: str) -> str:
    # a hyphen between numbers is part of an address: 3-201 is not 3201
    return _BLANKS.sub("", _folded(text).translate(_BRACKETS))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


# --- likeness ---


def bigrams(text: str) -> Counter[str]:
    """Return the pairs of neighbours of a normalised text; one character stands for itself."""
    return Counter(text[n : n + 2] for n in range(max(1, len(text) - 1)) if text)


def likeness(one: Counter[str], other: Counter[str]) -> int:
    """Return how much two texts share, 0 to 100, in whole numbers (Dice on pairs)."""
    total = one.total() + other.total()
    return 200 * (one & other).total() // total if total else 0


def addresses_agree(one: str, other: str) -> bool:
    """Tell whether two addresses can be one place: one lies in the other, or road and number agree.

    An address that is not stated contradicts nothing.
    """
    a, b = sorted((normalise_address(one), normalise_address(other)), key=len)
    if not a or _lies_in(a, b):
        return True
    if not (numbers := _NUMBER.findall(a)) or numbers != _NUMBER.findall(b):
        return False
    roads = sorted((_NUMBER.split(a)[0], _NUMBER.split(b)[0]), key=len)
    return roads[1].endswith(roads[0])  # town and district are often left out


def _lies_in(short: str, long: str) -> bool:
    """Tell whether a text stands in another without cutting a number in two."""
    at = long.find(short)
    while at >= 0:
        before, after = long[at - 1 : at], long[at + len(short) : at + len(short) + 1]
        cut = (short[0].isdigit() and before.isdigit()) or (short[-1].isdigit() and after.isdigit())
        if not cut:
            return True
        at = long.find(short, at + 1)
    return False


# --- rows ---


@dataclass(frozen=True, slots=True)
class Taken:
    """A row that has a unit, as far as doubles are concerned."""

    row_no: int
    superior_no: str
    unit_id: UUID
    specialty: str
    object_class: str | None
    row_id: UUID | None = None


class Doubles:
    """The rows that have a unit, to find the one that already means the same work."""

    def __init__(self, rows: Iterable[Taken] = ()) -> None:
        self._by_unit: dict[UUID, list[Taken]] = defaultdict(list)
        for row in rows:
            self.add(row)

    def add(self, row: Taken) -> None:
        """Let later rows be compared with this one too."""
        self._by_unit[row.unit_id].append(row)

    def of(self, row: Taken, *, but: UUID | None = None) -> Taken | None:
        """Return another row for which one task would be enough, leaving out the row `but`.

        Two numbers of the superior are two tasks, even at one unit.
        """
        for other in self._by_unit.get(row.unit_id, ()):
            same = (other.specialty, other.object_class) == (row.specialty, row.object_class)
            if same and (but is None or other.row_id != but) and not _are_apart(row, other):
                return other
        return None


def _are_apart(one: Taken, other: Taken) -> bool:
    if not one.superior_no or not other.superior_no:
        return False
    return normalise_code(one.superior_no) != normalise_code(other.superior_no)
