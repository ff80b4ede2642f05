"""Who may go where: officers, bars, and the ladder by which rotation is relaxed.

All of it is committed before the draw for the whole list, so that no exclusion can steer a team.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.draws.files import read_names, read_number, read_tsv, write_names, write_tsv
from app.draws.rules import DrawFileMalformed, StratumResult, check_id, check_name

TOP_LEVEL = 3
REASONS = ("recusal", "absence", "last-team", "last-lead")


@dataclass(frozen=True, slots=True)
class Officer:
    """One line of officers.tsv; `room` is the most new tasks (None: no limit)."""

    certificate: str
    base: int
    room: int | None
    takes: frozenset[str]
    leads: frozenset[str]


class Need(NamedTuple):
    """A unit that needs a team."""

    stratum: str
    id: str
    size: int = 2

    @property
    def key(self) -> str:
        return f"{self.stratum}\t{self.id}"


class Bar(NamedTuple):
    """One line of barred.tsv: an officer who may not go, and the kind of reason."""

    stratum: str
    id: str
    certificate: str
    reason: str


@dataclass(frozen=True, slots=True)
class Eligible:
    """One line of eligible.tsv: who may go to a drawn unit, at which level of the ladder."""

    need: Need
    takes: frozenset[str]
    leads: frozenset[str]
    level: int

    @property
    def enough(self) -> bool:
        return len(self.takes) >= self.need.size and bool(self.leads)


# ---- files ---------------------------------------------------------------------------------------


def write_officers(officers: Iterable[Officer]) -> bytes:
    data = write_tsv(
        (
            one.certificate,
            str(one.base),
            "-" if one.room is None else str(one.room),
            write_names(one.takes),
            write_names(one.leads),
        )
        for one in officers
    )
    parse_officers(data)
    return data


def parse_officers(data: bytes) -> list[Officer]:
    """Read officers.tsv; raises DrawFileMalformed."""
    name = "officers.tsv"
    officers = [
        Officer(
            certificate,
            read_number(name, base),
            None if room == "-" else read_number(name, room),
            read_names(name, takes),
            read_names(name, leads),
        )
        for certificate, base, room, takes, leads in read_tsv(name, data, 5)
    ]
    _check_once(name, [one.certificate for one in officers])
    for one in officers:
        check_name(one.certificate)
        if not one.leads <= one.takes:
            raise DrawFileMalformed(f"{one.certificate} 可以主办的专业不在可以参加的专业之内。")
    return officers


def write_eligible(rows: Iterable[Eligible]) -> bytes:
    return write_tsv(
        (
            row.need.stratum,
            row.need.id,
            str(row.need.size),
            write_names(row.takes),
            write_names(row.leads),
            str(row.level),
        )
        for row in rows
    )


def parse_eligible(data: bytes) -> list[Eligible]:
    """Read eligible.tsv; raises DrawFileMalformed."""
    name = "eligible.tsv"
    rows = [
        Eligible(
            Need(stratum, id_, read_number(name, size)),
            read_names(name, takes),
            read_names(name, leads),
            read_number(name, level),
        )
        for stratum, id_, size, takes, leads, level in read_tsv(name, data, 6)
    ]
    _check_once(name, [row.need.key for row in rows])
    for row in rows:
        check_name(row.need.stratum)
        check_id(row.need.id)
        if not row.need.size or not 1 <= row.level <= TOP_LEVEL or not row.leads <= row.takes:
            raise DrawFileMalformed(f"{name} 中“{row.need.id}”一行的人数、等级或主办人不合格。")
    return rows


def write_barred(bars: Iterable[Bar]) -> bytes:
    """Return barred.tsv, for auditors only."""
    data = write_tsv(bars)
    parse_barred(data)
    return data


def parse_barred(data: bytes) -> list[Bar]:
    bars = [Bar(*row) for row in read_tsv("barred.tsv", data, 4)]
    if wrong := [bar for bar in bars if bar.reason not in REASONS]:
        raise DrawFileMalformed(f"barred.tsv 含有不认识的理由“{wrong[0].reason}”。")
    return bars


def _check_once(name: str, keys: Sequence[str]) -> None:
    if twice := [one for one, times in Counter(keys).items() if times > 1]:
        raise DrawFileMalformed(f"{name} 中“{twice[0]}”出现了不止一次。")


# ---- who may go ----------------------------------------------------------------------------------


class Eligibility:
    """Who may go to which unit at each level of the ladder, as committed before the draw.

    Level 1 keeps every bar; at 2 the last team may come again, at 3 also under the same lead.
    Recusal and absence are kept at every level.
    """

    def __init__(self, officers: Sequence[Officer], barred: Iterable[Bar] = ()) -> None:
        self._officers = officers
        self._strata: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._bars: dict[str, list[Bar]] = {}
        for bar in barred:
            self._bars.setdefault(f"{bar.stratum}\t{bar.id}", []).append(bar)

    def row(self, need: Need, level: int) -> Eligible:
        takes, leads = self._of_stratum(need.stratum)
        bars = self._bars.get(need.key, ())
        kept = ("recusal", "absence", "last-team") if level == 1 else ("recusal", "absence")
        out = {bar.certificate for bar in bars if bar.reason in kept}
        led = {bar.certificate for bar in bars if bar.reason == "last-lead" and level < TOP_LEVEL}
        return Eligible(need, takes - out, leads - out - led, level)

    def lowest(self, need: Need) -> Eligible | None:
        """Return the row of the lowest level with enough officers and a lead, if there is one."""
        rows = (self.row(need, level) for level in range(1, TOP_LEVEL + 1))
        return next((row for row in rows if row.enough), None)

    def uncovered(self, needs: Iterable[Need]) -> list[Eligible]:
        """Return the units no level has a team for; such a plan is refused before the seed."""
        return [self.row(need, TOP_LEVEL) for need in needs if not self.lowest(need)]

    def _of_stratum(self, stratum: str) -> tuple[frozenset[str], frozenset[str]]:
        if stratum not in self._strata:
            self._strata[stratum] = (
                frozenset(one.certificate for one in self._officers if stratum in one.takes),
                frozenset(one.certificate for one in self._officers if stratum in one.leads),
            )
        return self._strata[stratum]


def needs_of(results: Iterable[StratumResult], size: int = 2) -> list[Need]:
    """Return the drawn units of a selection, each in need of a team of this size."""
    return [
        Need(result.stratum, lot.id, size)
        for result in results
        for one in result.classes
        for lot in one.selected
    ]
