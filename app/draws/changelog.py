"""What happens to a draw after its result: who goes now, how many places changed, the public log.

Pure. A change is a record of plain values; `changes.json` holds all of a draw in their order. Every
record can be checked from the published files: `faults_of` repeats each lot from the seed.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from app.draws import assignment, eligibility
from app.draws.assignment import Team
from app.draws.eligibility import Eligible, Need
from app.draws.files import read_json, read_tsv, write_json
from app.draws.rules import DrawFileMalformed

FILE_NAME = "changes.json"
Record = Mapping[str, Any]
Key = tuple[str, str]  # stratum, archive number


class ChangeKind(StrEnum):
    """A unit follows another; a place is drawn anew by lot; a person gave a place to another."""

    REPLACEMENT = "replacement"
    SLOT_REDRAW = "slot-redraw"
    REASSIGNMENT = "reassignment"


KIND_NAMES: Mapping[str, str] = {
    ChangeKind.REPLACEMENT: "替换单位",
    ChangeKind.SLOT_REDRAW: "重新抽取人员",
    ChangeKind.REASSIGNMENT: "改派人员",
}


class ChangeState(StrEnum):
    """`confirmed`: a second person agreed, the lot is still to be drawn by the timetable."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    CARRIED_OUT = "carried-out"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


STATE_NAMES: Mapping[str, str] = {
    ChangeState.PROPOSED: "待复核",
    ChangeState.CONFIRMED: "已复核，待抽取",
    ChangeState.CARRIED_OUT: "已办理",
    ChangeState.REFUSED: "不同意",
    ChangeState.WITHDRAWN: "已撤回",
}


class Lot(NamedTuple):
    """Who takes a place, who leads then, and among whom it was drawn with which loads."""

    officer: str
    lead: str
    candidates: Sequence[tuple[str, int]]


@dataclass
class _Going:
    """Who goes to a unit now, and who was drawn for it or for the unit that it follows."""

    lead: str
    members: frozenset[str]
    drawn: frozenset[str]


class Places:
    """The places of a draw: drawn by lot, then changed by each record in its order.

    Loads are those of the draw: what officers.tsv says, and one for each unit an officer goes to
    now. So whoever has the published files counts the same.
    """

    def __init__(
        self,
        officers: Sequence[eligibility.Officer],
        rows: Iterable[Eligible],
        teams: Iterable[Team],
    ) -> None:
        self._officers = {one.certificate: one for one in officers}
        self._rows: dict[Key, Eligible] = {(row.need.stratum, row.need.id): row for row in rows}
        self._going: dict[Key, _Going] = {}
        for team in teams:
            members = frozenset((team.lead, *team.others))
            self._going[team.stratum, team.id] = _Going(team.lead, members, members)
        self._redraws: dict[Key, int] = {}

    @classmethod
    def read(cls, files: Mapping[str, bytes], records: Iterable[Record] = ()) -> "Places":
        """Return the places of a draw's files after the given changes."""
        places = cls(
            eligibility.parse_officers(files["officers.tsv"]),
            eligibility.parse_eligible(files["eligible.tsv"]),
            parse_assignment(files["assignment.tsv"]),
        )
        for record in records:
            places.apply(record)
        return places

    def apply(self, record: Record) -> None:
        """Let a change that was carried out take effect."""
        key = (record["stratum"], record["id"])
        going = self._going[key]
        if record["kind"] == ChangeKind.REPLACEMENT:
            del self._going[key]
            key = (record["stratum"], record["reserve"])
            need = Need(record["stratum"], record["reserve"], len(going.members))
            self._rows[key] = Eligible(
                need, frozenset(record["takes"]), frozenset(record["leads"]), record["level"]
            )
            self._going[key] = _Going(record["lead"], going.members, going.drawn)
        elif record["kind"] == ChangeKind.SLOT_REDRAW:
            going.members = going.members - {record["out"]} | {record["in"]}
            going.lead = record["lead"]
            self._redraws[key] = record["redraw"]
        else:
            going.members, going.lead = frozenset(record["team"]), record["lead"]

    def team(self, key: Key) -> list[str]:
        """Return who goes to a unit, the lead first, the others in byte order."""
        going = self._going[key]
        return [going.lead, *sorted(going.members - {going.lead}, key=str.encode)]

    def row(self, key: Key) -> Eligible:
        """Return who may go to a unit, as committed before the draw."""
        return self._rows[key]

    def goes(self, key: Key) -> bool:
        """Tell whether somebody goes to a unit: it was drawn or taken, and not replaced since."""
        return key in self._going

    def next_redraw(self, key: Key) -> int:
        """Return the number of the unit's next redraw, from 1."""
        return self._redraws.get(key, 0) + 1

    def load(self, certificate: str) -> int:
        base = self._officers[certificate].base
        return base + sum(certificate in one.members for one in self._going.values())

    def room(self, certificate: str) -> int | None:
        """Return how many more tasks an officer may get; None: no limit.

        Places that were added for want of officers served the draw alone.
        """
        room = self._officers[certificate].room
        if room is None:
            return None
        return max(0, room - (self.load(certificate) - self._officers[certificate].base))

    @property
    def total(self) -> int:
        """How many places of officers the draw has."""
        return sum(len(one.drawn) for one in self._going.values())

    def changed(self, gone: Collection[tuple[Key, str]] = ()) -> int:
        """Return in how many places somebody else goes than was drawn.

        `gone` are officers who will not go to a unit either, although nobody has followed yet.
        """
        return sum(
            sum(one not in going.members or (key, one) in gone for one in going.drawn)
            for key, going in self._going.items()
        )

    def changed_with(
        self, key: Key, team: Collection[str], gone: Collection[tuple[Key, str]] = ()
    ) -> int:
        """Return the same if another team went to one unit."""
        going = self._going[key]
        before = sum(one not in going.members or (key, one) in gone for one in going.drawn)
        return self.changed(gone) - before + len(going.drawn.difference(team))

    def redraw(
        self, x: bytes, key: Key, leaving: str, *, barred: Collection[str], hash_name: str
    ) -> Lot:
        """Draw by lot who takes the place of `leaving`; raises NobodyLeft.

        `barred` are all who cannot go there for what became known after the freeze.
        """
        team, row = self.team(key), self._rows[key]
        loads = {one: self.load(one) for one in row.takes}
        room = {one: self.room(one) for one in row.takes}
        free = assignment.free_for_slot(row, team, leaving, declared=barred, room=room)
        officer = assignment.redraw_slot(
            x,
            row,
            team,
            leaving,
            declared=barred,
            loads=loads,
            room=room,
            number=self.next_redraw(key),
            hash_name=hash_name,
        )
        lead = self._going[key].lead
        if leaving == lead:
            lead = assignment.lead_of(x, row, {*team, officer} - {leaving}, hash_name)
        candidates = [(one, loads[one]) for one in sorted(free, key=str.encode)]
        return Lot(officer, lead, candidates)


def parse_assignment(data: bytes) -> list[Team]:
    """Read assignment.tsv; raises DrawFileMalformed."""
    return [
        Team(stratum, id_, lead, tuple(others.split(",")) if others else ())
        for stratum, id_, lead, others in read_tsv("assignment.tsv", data, 4)
    ]


def within(changed: int, total: int, cap: Sequence[int]) -> bool:
    """Tell whether so many changed places keep a cap: `changed` / `total` <= cap[0] / cap[1]."""
    return changed * cap[1] <= total * cap[0]


def describe_share(changed: int, total: int) -> str:
    """Return the share of changed places in per cent with one decimal, rounded half up."""
    tenths = (2000 * changed + total) // (2 * total) if total else 0
    return f"{tenths // 10}.{tenths % 10}%"


# ---- the public log ------------------------------------------------------------------------------


def write_changes(draw_no: str, records: Iterable[Record]) -> bytes:
    """Return changes.json: the changes of a draw in their order."""
    return write_json({"changes": list(records), "draw_no": draw_no})


def parse_changes(data: bytes) -> list[dict[str, Any]]:
    """Read changes.json; raises DrawFileMalformed."""
    value = read_json(FILE_NAME, data)
    changes = value.get("changes")
    if set(value) != {"changes", "draw_no"} or not isinstance(changes, list):
        raise DrawFileMalformed(f"{FILE_NAME} 应当含有 changes 和 draw_no。")
    return changes


def faults_of(x: bytes, files: Mapping[str, bytes], *, hash_name: str = "sha256") -> list[str]:
    """Return what does not hold in the published changes of a draw, as sentences; none: all holds.

    `files` are the published bytes by name. Repeated are the order of the reserves, every lot with
    its candidates and loads, and who leads. That nobody was kept away without a reason cannot be
    seen from outside: who is missing among the candidates is seen, why is not.
    """
    places = Places.read(files)
    reserves = _Reserves(read_result(files["result.tsv"]))
    found: list[str] = []
    for number, record in enumerate(parse_changes(files[FILE_NAME]), 1):
        try:
            faults = list(_faults(x, places, reserves, number, record, hash_name))
            if not faults:
                places.apply(record)
        except (KeyError, TypeError, ValueError) as error:
            faults = [f"内容不完整：{error!r}"]
        found += [f"第 {number} 项变更：{fault}" for fault in faults]
    return found


def _faults(
    x: bytes, places: Places, reserves: "_Reserves", number: int, record: Record, hash_name: str
) -> Iterator[str]:
    key = (record["stratum"], record["id"])
    if record["number"] != number:
        yield "编号不连续"
    if not places.goes(key):
        yield "没有派人去这个单位"
    elif record["kind"] == ChangeKind.REPLACEMENT:
        if (fault := reserves.take(record)) is not None:
            yield fault
        if record["team"] != places.team(key):
            yield "检查人员不是原来的一组"
    elif record["kind"] == ChangeKind.SLOT_REDRAW:
        yield from _lot_faults(x, places, key, record, hash_name)


def _lot_faults(
    x: bytes, places: Places, key: Key, record: Record, hash_name: str
) -> Iterator[str]:
    team, row = places.team(key), places.row(key)
    if record["team"] != team or record["out"] not in team:
        yield "检查人员与此前不符"
        return
    if record["redraw"] != places.next_redraw(key):
        yield "重新抽取的次数不符"
    named = [one for one, _ in record["candidates"]]
    if not set(named) <= row.takes - set(team):
        yield "候选人不在可以派出的人之内"
        return
    if any(places.load(one) != load for one, load in record["candidates"]):
        yield "候选人的任务数不符"
    barred = row.takes.difference(named, team)
    again = places.redraw(x, key, record["out"], barred=barred, hash_name=hash_name)
    if [list(one) for one in again.candidates] != [list(one) for one in record["candidates"]]:
        yield "候选人没有名额或不能主办"
    if (again.officer, again.lead) != (record["in"], record["lead"]):
        yield "抽出的人不是任务最少、签号最小的"


class ResultLine(NamedTuple):
    """One line of result.tsv."""

    stratum: str
    weight: int
    rank: int
    kind: str
    id: str


def read_result(data: bytes) -> list[ResultLine]:
    """Read result.tsv, which has its own order."""
    lines = [line.split("\t") for line in data.decode().splitlines()]
    return [ResultLine(one[0], int(one[1]), int(one[2]), one[3], one[4]) for one in lines]


class _Reserves:
    """The reserves of each class in their order, and how far they are used up."""

    def __init__(self, lines: Iterable[ResultLine]) -> None:
        self._lines = list(lines)
        self._classes = {(one.stratum, one.id): one.weight for one in self._lines}
        self._used: set[Key] = set()

    def take(self, record: Record) -> str | None:
        """Use up what a replacement takes and skips; return what is wrong with it."""
        stratum, weight = record["stratum"], record["weight"]
        if self._classes.get((stratum, record["id"])) != weight:
            return "权重与结果不符"
        due = [
            one
            for one in self._lines
            if (one.stratum, one.weight, one.kind) == (stratum, weight, "reserve")
            and (stratum, one.id) not in self._used
        ]
        named = [*((one["id"], one["rank"]) for one in record["skipped"])]
        named.append((record["reserve"], record["rank"]))
        if named != [(one.id, one.rank) for one in sorted(due, key=_rank)[: len(named)]]:
            return "没有按名次取备选单位"
        self._used |= {(stratum, id_) for id_, _ in named}
        return None


def _rank(line: ResultLine) -> int:
    return line.rank
