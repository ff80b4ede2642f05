"""Which unit of the register a line of a list means: surely, perhaps, or none.

Nothing that contradicts itself is accepted: a code of one unit with the name of another, a name
that two units share, an address elsewhere. Then a person decides, with the candidates before them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import NamedTuple
from uuid import UUID

from app.lists.rules import (
    Line,
    MatchedBy,
    Outcome,
    addresses_agree,
    bigrams,
    likeness,
    normalise_code,
    normalise_name,
)
from app.registers import Reason, Severity
from app.tasks.rules import suited_class
from app.units.rules import STATUS_NAMES, UnitStatus
from app.uscc import uscc_error

MOST_CANDIDATES = 5
NEAR = 55  # of 100: a candidate
KIN = 40  # of 100: below it two names are not spellings of one
_LOOKED_AT = 50  # names that share most pairs, whose likeness is computed exactly
_ENDED = frozenset(
    {
        UnitStatus.FORCE_CANCELLED,
        UnitStatus.CLOSED,
        UnitStatus.MOVED,
        UnitStatus.REVOKED,
        UnitStatus.CANCELLED,
        UnitStatus.WITHDRAWN,
    }
)


class Known(NamedTuple):
    """A unit as far as it can be recognised."""

    id: UUID
    archive_no: str
    name: str
    sign_name: str | None
    uscc: str | None
    address: str
    state: str
    registrations: tuple[tuple[str, str], ...] = ()


class Candidate(NamedTuple):
    """A unit that a line may mean, and how much their names share, 0 to 100."""

    unit: Known
    score: int


@dataclass(frozen=True)
class Match:
    """What was found out about a line; `unit` only where there is no doubt."""

    outcome: Outcome
    by: MatchedBy | None = None
    unit: Known | None = None
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()


class Index:
    """The units of an agency, found by number, code, name and likeness of names."""

    def __init__(self, units: Iterable[Known]) -> None:
        self.by_archive: dict[str, Known] = {}
        self.by_id: dict[UUID, Known] = {}
        self._by_uscc: dict[str, list[Known]] = defaultdict(list)
        self._by_name: dict[str, list[Known]] = defaultdict(list)
        self._names: list[tuple[Known, Counter[str], int]] = []
        self._pairs: dict[str, list[int]] = defaultdict(list)  # places in `_names`
        for unit in units:
            self.by_id[unit.id] = unit
            self.by_archive[normalise_code(unit.archive_no)] = unit
            if unit.uscc:
                self._by_uscc[unit.uscc].append(unit)
            self._by_name[normalise_name(unit.name)].append(unit)
            for name in {normalise_name(unit.name), normalise_name(unit.sign_name or "")}:
                found = bigrams(name)
                for pair in found:
                    self._pairs[pair].append(len(self._names))
                self._names.append((unit, found, found.total()))

    def with_code(self, uscc: str) -> Sequence[Known]:
        """Return the units that have a code, which several premises may share."""
        return self._by_uscc.get(uscc, ())

    def with_name(self, name: str) -> Sequence[Known]:
        """Return the units of a name, however it is spelt."""
        key = normalise_name(name)
        return self._by_name.get(key, ()) if key else ()

    def near(self, name: str) -> list[Candidate]:
        """Return the units whose names are most like a name, the likest first."""
        wanted = bigrams(normalise_name(name))
        shared: Counter[int] = Counter()
        for pair in wanted:
            shared.update(self._pairs.get(pair, ()))
        size = wanted.total()
        likeliest = nlargest(
            _LOOKED_AT, shared, key=lambda place: shared[place] / (size + self._names[place][2])
        )
        scores: dict[UUID, int] = {}
        for place in likeliest:
            unit, found, _ = self._names[place]
            scores[unit.id] = max(scores.get(unit.id, 0), likeness(wanted, found))
        best = sorted(
            (-score, self.by_id[unit_id].archive_no, unit_id)
            for unit_id, score in scores.items()
            if score >= NEAR
        )
        return [Candidate(self.by_id[one], -score) for score, _, one in best[:MOST_CANDIDATES]]


def match(line: Line, index: Index) -> Match:
    """Find the unit that a line means: by archive number, by code, by name; near names are doubts.

    A later sign may contradict an earlier one, and then nothing is accepted.
    """
    reasons: list[Reason] = []
    if line.archive_no:
        unit = index.by_archive.get(normalise_code(line.archive_no))
        if unit is not None:
            return _checked(line, unit, MatchedBy.ARCHIVE_NO, index)
        detail = f"本机构没有档案编号“{line.archive_no}”，改按代码和名称匹配。"
        reasons.append(Reason("archive-no-unknown", detail, None, Severity.WARNING))
    found = _by_code(line, index) or _by_name(line, index) or _by_likeness(line, index)
    return Match(found.outcome, found.by, found.unit, found.candidates, (*reasons, *found.reasons))


def _by_code(line: Line, index: Index) -> Match | None:
    if not line.uscc or uscc_error(line.uscc):
        return None
    units = index.with_code(line.uscc)
    if not units:
        return None
    if len(units) == 1:
        return _checked(line, units[0], MatchedBy.USCC, index)
    told = _told_apart(line, units)
    if len(told) == 1 and (line.name or line.address):
        return _checked(line, told[0], MatchedBy.USCC, index)
    detail = f"统一社会信用代码“{line.uscc}”名下有 {len(units)} 家单位，请选择是哪一家。"
    return _doubt(line, told or units, "code-of-several", detail)


def _by_name(line: Line, index: Index) -> Match | None:
    units = index.with_name(line.name)
    if not units:
        return None
    told = units if len(units) == 1 else _told_apart(line, units)
    if len(told) == 1:
        return _checked(line, told[0], MatchedBy.NAME, index)
    detail = f"有 {len(units)} 家单位名为“{line.name}”，请选择是哪一家。"
    return _doubt(line, told or units, "name-of-several", detail)


def _by_likeness(line: Line, index: Index) -> Match:
    candidates = index.near(line.name) if line.name else []
    if not candidates:
        detail = "底档中没有找到这家单位，请核对或先登记底档。"
        return Match(Outcome.UNKNOWN, reasons=(Reason("unit-unknown", detail),))
    detail = "没有完全相同的单位，请在名称相近的单位中核对。"
    return Match(
        Outcome.DOUBTFUL,
        candidates=tuple(candidates),
        reasons=(Reason("name-near", detail, None, Severity.WARNING),),
    )


def _told_apart(line: Line, units: Sequence[Known]) -> list[Known]:
    """Return those of several units that name and address leave; an address has to be stated."""
    found = list(units)
    if line.name:
        named = [one for one in found if normalise_name(one.name) == normalise_name(line.name)]
        signed = [one for one in found if _is_called(line.name, one)]
        found = named or signed or found
    if len(found) > 1 and line.address:
        found = [one for one in found if addresses_agree(one.address, line.address)]
    elif len(found) == len(units):
        return found if len(found) == 1 else []
    return found


def _is_called(name: str, unit: Known) -> bool:
    return normalise_name(name) in {normalise_name(unit.name), normalise_name(unit.sign_name or "")}


def _checked(line: Line, unit: Known, by: MatchedBy, index: Index) -> Match:
    """Accept a unit unless another sign of the line speaks against it."""
    against = _against(line, unit, index)
    if against is None:
        return Match(Outcome.MATCHED, by, unit, reasons=tuple(warnings_of(line, unit)))
    code, detail = against
    others = [unit, *index.with_code(line.uscc), *index.with_name(line.name)]
    return _doubt(line, list({one.id: one for one in others}.values()), code, detail)


def _against(line: Line, unit: Known, index: Index) -> tuple[str, str] | None:
    coded = not uscc_error(line.uscc) if line.uscc else False
    if coded and unit.uscc and unit.uscc != line.uscc:
        return "code-differs", f"档案编号“{unit.archive_no}”的统一社会信用代码与名单不同。"
    if coded and not unit.uscc and index.with_code(line.uscc):
        return "code-of-another", f"名单中的统一社会信用代码属于另一家单位，不是“{unit.name}”。"
    if line.name and not _is_called(line.name, unit):
        if any(one.id != unit.id for one in index.with_name(line.name)):
            return "name-of-another", f"名单中的名称是另一家单位的，不是“{unit.name}”。"
        if _alike(line.name, unit) < KIN:
            return "name-differs", f"名单中的名称与“{unit.name}”相差很大。"
    if not addresses_agree(line.address, unit.address):
        return "address-differs", f"名单中的地址与“{unit.name}”的地址“{unit.address}”不同。"
    return None


def warnings_of(line: Line, unit: Known) -> list[Reason]:
    """Return what a person should know of a unit that a line means."""
    found = []
    if line.name and not _is_called(line.name, unit):
        found.append(("name-varies", f"底档中的名称是“{unit.name}”。"))
    if unit.state in _ENDED:
        name = STATUS_NAMES[UnitStatus(unit.state)]
        found.append(("unit-ended", f"该单位状态为“{name}”，仍按名单生成任务，请核实。"))
    return [Reason(code, detail, None, Severity.WARNING) for code, detail in found]


def _alike(name: str, unit: Known) -> int:
    wanted = bigrams(normalise_name(name))
    names = {normalise_name(unit.name), normalise_name(unit.sign_name or "")}
    return max(likeness(wanted, bigrams(one)) for one in names)


def _doubt(line: Line, units: Sequence[Known], code: str, detail: str) -> Match:
    scored = sorted(
        (Candidate(unit, _alike(line.name, unit) if line.name else 0) for unit in units),
        key=lambda one: (-one.score, one.unit.archive_no),
    )
    return Match(
        Outcome.DOUBTFUL,
        candidates=tuple(scored[:MOST_CANDIDATES]),
        reasons=(Reason(code, f"{detail}请核对。", None, Severity.WARNING),),
    )


# --- what the unit is to be inspected for ---


class Work(NamedTuple):
    """The specialty and class of a row's task; no specialty where nobody can tell it yet."""

    specialty: str | None
    object_class: str | None
    reasons: tuple[Reason, ...] = ()


def work_of(line: Line, unit: Known) -> Work:
    """Return what a unit is inspected for: of the specialties a line names the first it has.

    A line is one task also where it names two specialties. A specialty the unit is not registered
    for is taken as the list says.
    """
    own = [specialty for specialty, _ in unit.registrations]
    wanted = line.specialties or tuple(dict.fromkeys(own))
    if not line.specialties and len(wanted) != 1:
        has = "没有登记专业" if not wanted else "登记了多个专业"
        detail = f"名单没有写明专业，“{unit.name}”{has}，请指定。"
        return Work(None, None, (Reason("specialty-open", detail, None, Severity.WARNING),))
    specialty = next((one for one in wanted if one in own), wanted[0])
    reasons: tuple[Reason, ...] = ()
    if specialty not in own:
        detail = f"底档中“{unit.name}”没有登记该专业，按名单办理，请核实底档。"
        reasons = (Reason("not-registered", detail, None, Severity.WARNING),)
    stated = line.object_class if len(line.specialties) <= 1 else None
    if line.object_class and (specialty, line.object_class) in unit.registrations:
        stated = line.object_class
    return Work(specialty, stated or suited_class(unit.registrations, specialty), reasons)
