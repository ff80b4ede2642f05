"""Teams of joint visits: who was drawn for the tasks comes first, the rest is filled by lot.

What goes in is one text (the manifest); with the seed it gives the teams, and whoever has both gets
the same teams again. Chance never decides what a rule decides: coverage comes first, then that the
drawn stay, then the least sum of squared loads.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Any, NamedTuple

from app.draws.files import check_digest, read_json, sha256_of, write_json
from app.draws.rules import (
    DrawFileMalformed,
    Hash,
    SecretMismatch,
    below,
    check_name,
    commit_of,
    hash_named,
    joined,
    key,
)
from app.jointvisits.filling import SWEEPS, Place, fill

ALG = "SSJ1-TEAMS"
_HEAD = b"SSJ1-TEAMS\n"
_WHOLE = ("alg", "lot", "prev", "commit", "sources", "busy", "officers", "visits")


class Why(StrEnum):
    """Why a specialty is not covered, a team is too small, or somebody drawn does not go."""

    NOBODY_MAY = "nobody-may"  # nobody who may go can lead it
    NOBODY_FREE = "nobody-free"  # all who may stand in other visits of the day
    TEAM_FULL = "team-full"
    OUT = "out"  # recusal, absence or certificate
    DAY_FULL = "day-full"
    BY_LOT = "by-lot"  # more were drawn than one team holds


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who can be sent: visits so far, specialties he may lead and may take part in."""

    certificate: str
    load: int
    leads: frozenset[str]
    takes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A visit that needs a team: its day, what has to be covered, who was drawn for its tasks.

    `out` are those who may not go there on that day, for whatever reason. `beside` come along from
    other departments: they take places and cover nothing here.
    """

    key: str
    day: str
    specialties: frozenset[str]
    drawn: frozenset[str]
    out: frozenset[str]
    beside: int = 0


class Sizes(NamedTuple):
    """How many officers a team has at least and at most, how many visits a day each can do."""

    least: int
    most: int
    each: int


class Member(NamedTuple):
    """Somebody who goes: for which specialties (none: as a further officer), and by which lot."""

    certificate: str
    specialties: tuple[str, ...]
    by_lot: bool


class Gap(NamedTuple):
    """What a visit lacks: a specialty, or (None) officers at all."""

    specialty: str | None
    why: Why


class Stays(NamedTuple):
    """Somebody who was drawn for a task and does not go."""

    certificate: str
    why: Why


@dataclass(frozen=True, slots=True)
class Team:
    """The team of a visit, and everything that could not be kept."""

    visit: str
    members: tuple[Member, ...]
    gaps: tuple[Gap, ...]
    stays: tuple[Stays, ...]


# ---- files ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that goes into the lot, fixed before the seed is opened.

    `prev` is the digest of the agency's manifest before, so that no lot can be left out; `commit`
    promises the secret, `sources` name whose chance goes in beside it. `busy` are the visits that
    officers have on a day beside these.
    """

    lot: str
    prev: str
    commit: str
    sources: tuple[str, ...]
    sizes: Sizes
    candidates: tuple[Candidate, ...]
    visits: tuple[Wanted, ...]
    busy: tuple[tuple[str, str, int], ...] = ()


def write_manifest(manifest: Manifest) -> bytes:
    """Return the one text of a manifest. Raises DrawFileMalformed."""
    data = write_json(
        {
            "alg": ALG,
            "lot": manifest.lot,
            "prev": manifest.prev,
            "commit": manifest.commit,
            "sources": list(manifest.sources),
            **manifest.sizes._asdict(),
            "busy": [list(one) for one in sorted(manifest.busy)],
            "officers": [
                [one.certificate, one.load, _sorted(one.leads), _sorted(one.takes)]
                for one in sorted(manifest.candidates, key=lambda one: one.certificate.encode())
            ],
            "visits": [
                [
                    one.key,
                    one.day,
                    _sorted(one.specialties),
                    _sorted(one.drawn),
                    _sorted(one.out),
                    one.beside,
                ]
                for one in sorted(manifest.visits, key=lambda one: one.key.encode())
            ],
        }
    )
    read_manifest(data)
    return data


def read_manifest(data: bytes) -> Manifest:
    """Return what a text says. Raises DrawFileMalformed, also for any other writing of the same."""
    name = "teams.json"
    value = read_json(name, data)
    try:
        manifest = Manifest(
            value["lot"],
            value["prev"],
            value["commit"],
            tuple(value["sources"]),
            Sizes(value["least"], value["most"], value["each"]),
            tuple(Candidate(a, n, _set(b), _set(c)) for a, n, b, c in value["officers"]),
            tuple(
                Wanted(a, b, _set(c), _set(d), _set(e), n) for a, b, c, d, e, n in value["visits"]
            ),
            tuple((a, b, n) for a, b, n in value["busy"]),
        )
        _check(manifest, value)
    except (KeyError, TypeError, ValueError) as error:
        raise DrawFileMalformed(f"{name} 的内容不完整或格式不正确。") from error
    if write_json(value) != data:
        raise DrawFileMalformed(f"{name} 不是规范的写法。")
    return manifest


def _check(manifest: Manifest, value: Mapping[str, Any]) -> None:
    known = {one.certificate for one in manifest.candidates}
    keys = {one.key for one in manifest.visits}
    sizes = manifest.sizes
    for one in (*known, *keys):
        check_name(one)
    days = [one[:2] for one in manifest.busy]
    sound = (
        set(value) == {*_WHOLE, *Sizes._fields}
        and value["alg"] == ALG
        and 1 <= sizes.least <= sizes.most
        and sizes.each >= 1
        and len(known) == len(manifest.candidates)
        and len(keys) == len(manifest.visits)
        and len(set(days)) == len(days)
        and all(one.load >= 0 for one in manifest.candidates)
        and all(one.drawn | one.out <= known and one.beside >= 0 for one in manifest.visits)
        and all(name in known and n >= 0 for name, _, n in manifest.busy)
    )
    if not sound:
        raise DrawFileMalformed("teams.json 的内容互相不符。")


def write_teams(teams: Iterable[Team]) -> bytes:
    """Return the one text of the teams: who goes, what is not covered, who stays and why."""
    return write_json(
        {
            one.visit: {
                "members": [[*member[:2], int(member.by_lot)] for member in one.members],
                "gaps": [[gap.specialty or "", str(gap.why)] for gap in one.gaps],
                "stays": [[stays.certificate, str(stays.why)] for stays in one.stays],
            }
            for one in teams
        }
    )


def seed_of(manifest: bytes, secret: bytes, entropy: Sequence[str]) -> bytes:
    """Return what decides: of the fixed text, the secret promised in it, and what others gave.

    `entropy` stands for the sources of the manifest, in their order. Raises SecretMismatch where
    the secret is not the one that was promised.
    """
    found = read_manifest(manifest)
    if commit_of(secret) != found.commit or len(entropy) != len(found.sources):
        raise SecretMismatch("秘密数或随机数与公告的承诺不符。")
    new = hash_named("sha256")
    parts = [len(one.encode()).to_bytes(4, "big") + one.encode() for one in entropy]
    return joined(new, _HEAD, joined(new, manifest), secret, len(parts).to_bytes(4, "big"), *parts)


def verify(
    manifest: bytes, secret: bytes, entropy: Sequence[str], teams: bytes, digest: str | None = None
) -> list[str]:
    """Return the keys of the visits whose stated teams are not those of the lot; none: all hold.

    `digest` is what was promised of the manifest. Raises DrawFileChanged, DrawFileMalformed and
    SecretMismatch.
    """
    check_digest("teams.json", manifest, digest)
    seed = seed_of(manifest, secret, entropy)
    right = read_json("teams", write_teams(form(read_manifest(manifest), seed)))
    stated = read_json("teams", teams)
    return sorted(one for one in {*right, *stated} if right.get(one) != stated.get(one))


def digest_of(data: bytes) -> str:
    """Return what is promised of a text."""
    return sha256_of(data)


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names, key=str.encode)


def _set(names: Sequence[str]) -> frozenset[str]:
    if not isinstance(names, list) or len(set(names)) != len(names):
        raise DrawFileMalformed("teams.json 有重复的名称。")
    for one in names:
        check_name(one)
    return frozenset(names)


# ---- the lot -------------------------------------------------------------------------------------


def form(manifest: Manifest, seed: bytes, *, sweeps: int = SWEEPS) -> list[Team]:
    """Form the teams of all visits, in the order of their keys; the same seed gives the same teams.

    1. Visits in the order of a lot: of those drawn for its tasks who may go and have a visit left
       that day, as many go as fit. Do not all fit, the team that covers most goes, then the one
       with most of them, and among equals the lot decides.
    2. What they do not cover is divided among the fewest further officers who can cover it, by lot
       where there are several ways; a team that is still too small gets further officers.
    3. These places are filled together (`filling`): fair first, then by lot.
    """
    return _Forming(manifest, seed, sweeps).teams()


class _Open(NamedTuple):
    """A place that is filled by lot: for these specialties, of this visit."""

    visit: Wanted
    specialties: tuple[str, ...]


class _Forming:
    def __init__(self, manifest: Manifest, seed: bytes, sweeps: int) -> None:
        self.new: Hash = hash_named("sha256")
        self.k = key(self.new, seed, "teams")
        self.sweeps = sweeps
        self.sizes = manifest.sizes
        self.people = {one.certificate: one for one in manifest.candidates}
        self.visits = sorted(
            manifest.visits, key=lambda one: joined(self.new, self.k, b"visit\t", one.key.encode())
        )
        self.busy = Counter({(name, day): n for name, day, n in manifest.busy})
        self.goes: dict[str, frozenset[str]] = {}
        self.stays: dict[str, list[Stays]] = {}
        self.gaps: dict[str, list[Gap]] = {one.key: [] for one in self.visits}

    def teams(self) -> list[Team]:
        for visit in self.visits:
            self._keep_drawn(visit)
        places = [place for visit in self.visits for place in self._divide(visit)]
        places += [place for visit in self.visits for place in self._enlarge(visit, places)]
        added = self._fill(places)
        return [
            self._team(visit, added) for visit in sorted(self.visits, key=lambda o: o.key.encode())
        ]

    # --- 1. who was drawn

    def _keep_drawn(self, visit: Wanted) -> None:
        may = visit.drawn - visit.out
        free = {one for one in may if self.busy[one, visit.day] < self.sizes.each}
        goes = self._best(visit, free)
        self.goes[visit.key] = goes
        for one in goes:
            self.busy[one, visit.day] += 1
        why = (
            (visit.drawn & visit.out, Why.OUT),
            (may - free, Why.DAY_FULL),
            (free - goes, Why.BY_LOT),
        )
        self.stays[visit.key] = [Stays(one, reason) for who, reason in why for one in _sorted(who)]

    def _best(self, visit: Wanted, free: Collection[str]) -> frozenset[str]:
        """Return who of the drawn go: most covered, then most of them, then by lot."""
        patterns = self._patterns(visit, visit.specialties, beside=visit.drawn)
        most: dict[tuple[frozenset[str], int], int] = {}
        best: tuple[int, int] = (-1, -1)
        equals: list[tuple[str, ...]] = []
        for size in range(min(len(free), self._most(visit)), -1, -1):
            for group in combinations(_sorted(free), size):
                left = visit.specialties - self._leads(group)
                if (left, size) not in most:
                    most[left, size] = _most_covered(left, patterns, self._most(visit) - size)
                rank = (len(visit.specialties) - len(left) + most[left, size], size)
                if rank > best:
                    best, equals = rank, []
                if rank == best:
                    equals.append(group)
            if best[0] == len(visit.specialties):
                break  # fewer of them cannot cover more
        return frozenset(equals[below(self.new, self.k, f"kept\t{visit.key}", len(equals))])

    # --- 2. what is missing

    def _most(self, visit: Wanted) -> int:
        """Return how many of one's own a team can have: never fewer than it must."""
        return max(self.sizes.least, self.sizes.most - visit.beside)

    def _divide(self, visit: Wanted) -> list[_Open]:
        """Divide what the drawn do not cover among the fewest further officers, by lot."""
        left = visit.specialties - self._leads(self.goes[visit.key])
        room = self._most(visit) - len(self.goes[visit.key])
        patterns = self._patterns(visit, left, beside=visit.drawn)
        most = _most_covered(left, patterns, room)
        ways = next(
            found
            for number in range(room + 1)
            if (
                found := [
                    one
                    for one in combinations(patterns, number)
                    if len(frozenset[str]().union(*one)) == most
                ]
            )
        )
        way = ways[below(self.new, self.k, f"way\t{visit.key}", len(ways))]
        parts: list[list[str]] = [[] for _ in way]
        for specialty in _sorted(frozenset[str]().union(*way)):
            able = [part for pattern, part in zip(way, parts, strict=True) if specialty in pattern]
            lot = below(self.new, self.k, f"part\t{visit.key}\t{specialty}", len(able))
            able[lot].append(specialty)
        for specialty in _sorted(left - frozenset[str]().union(*way)):
            self.gaps[visit.key].append(Gap(specialty, self._why(visit, specialty)))
        return [_Open(visit, tuple(part)) for part in sorted(parts)]

    def _why(self, visit: Wanted, specialty: str) -> Why:
        able = [one for one in self._who(visit) if specialty in one.leads]
        if not able:
            return Why.NOBODY_MAY
        if any(self.busy[one.certificate, visit.day] < self.sizes.each for one in able):
            return Why.TEAM_FULL
        return Why.NOBODY_FREE

    def _enlarge(self, visit: Wanted, places: Iterable[_Open]) -> list[_Open]:
        there = len(self.goes[visit.key]) + sum(one.visit is visit for one in places)
        return [_Open(visit, ())] * max(0, self.sizes.least - there)

    def _patterns(
        self, visit: Wanted, left: Collection[str], *, beside: Collection[str]
    ) -> list[frozenset[str]]:
        """Return what single further officers could cover, each that no other includes."""
        found = {
            one.leads.intersection(left)
            for one in self._who(visit)
            if one.certificate not in beside
            and self.busy[one.certificate, visit.day] < self.sizes.each
        } - {frozenset()}
        widest = [one for one in found if not any(one < other for other in found)]
        return sorted(widest, key=_sorted)

    def _who(self, visit: Wanted) -> Iterator[Candidate]:
        return (one for name, one in self.people.items() if name not in visit.out)

    def _leads(self, group: Iterable[str]) -> frozenset[str]:
        return frozenset[str]().union(*(self.people[one].leads for one in group))

    # --- 3. by lot

    def _fill(self, places: Sequence[_Open]) -> dict[str, list[Member]]:
        loads = {name: one.load for name, one in self.people.items()}
        loads.update(Counter(one for goes in self.goes.values() for one in goes) + Counter(loads))
        numbers: Counter[str] = Counter()
        wanted = []
        for one in places:
            numbers[one.visit.key] += 1
            may = frozenset(self._may(one))
            wanted.append(Place(one.visit.key, one.visit.day, numbers[one.visit.key], may))
        holders = fill(
            self.new,
            self.k,
            wanted,
            loads=loads,
            busy=self.busy,
            each=self.sizes.each,
            sweeps=self.sweeps,
        )
        added: dict[str, list[Member]] = {one.key: [] for one in self.visits}
        for one, place, holder in zip(places, wanted, holders, strict=True):
            if holder is None:
                why = Why.NOBODY_FREE if place.may else Why.NOBODY_MAY
                self.gaps[place.visit] += [Gap(name, why) for name in (*one.specialties, None)]
            else:
                added[place.visit].append(Member(holder, one.specialties, by_lot=True))
        return added

    def _may(self, one: _Open) -> Iterator[str]:
        """Return who may have a place: who leads all of it, or takes part in anything there."""
        visit, asked = one.visit, set(one.specialties)
        for candidate in self._who(visit):
            fits = asked <= candidate.leads if asked else candidate.takes & visit.specialties
            if fits and candidate.certificate not in visit.drawn:
                yield candidate.certificate

    def _also(self, member: Member, gaps: Collection[Gap]) -> Member:
        """Let a further officer stand for what nobody was found for, where he may lead it."""
        leads = self.people[member.certificate].leads
        also = [gap.specialty for gap in gaps if gap.specialty and gap.specialty in leads]
        return member._replace(specialties=tuple(_sorted({*member.specialties, *also})))

    def _team(self, visit: Wanted, added: Mapping[str, Sequence[Member]]) -> Team:
        drawn = [
            Member(one, tuple(_sorted(self.people[one].leads & visit.specialties)), by_lot=False)
            for one in _sorted(self.goes[visit.key])
        ]
        others = [self._also(one, self.gaps[visit.key]) for one in added[visit.key]]
        covered: set[str | None] = {
            specialty for one in (*drawn, *others) for specialty in one.specialties
        }
        by_lot = sorted(others, key=lambda one: one.certificate.encode())
        if len(drawn) + len(by_lot) >= self.sizes.least:
            covered.add(None)  # large enough, whoever was looked for
        gaps = {one.specialty: one for one in self.gaps[visit.key] if one.specialty not in covered}
        return Team(
            visit.key,
            (*drawn, *by_lot),
            tuple(gaps[one] for one in sorted(gaps, key=lambda one: (one is None, one or ""))),
            tuple(self.stays[visit.key]),
        )


def _most_covered(left: Collection[str], patterns: Sequence[frozenset[str]], number: int) -> int:
    """Return how many of the specialties so many further officers can cover together."""
    fewest = min(number, len(patterns))
    return max(
        (
            len(frozenset[str]().union(*group).intersection(left))
            for group in combinations(patterns, fewest)
        ),
        default=0,
    )
