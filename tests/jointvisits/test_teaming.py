"""Teams: rules kept whatever comes in, fair first, then by a lot that anybody can repeat."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.draws.files import write_json
from app.draws.rules import DrawFileChanged, DrawFileMalformed, SecretMismatch, commit_of
from app.jointvisits import teaming
from app.jointvisits.filling import Place, fill
from app.jointvisits.teaming import Candidate, Gap, Manifest, Sizes, Team, Wanted, Why
from tests.chance import chance

SECRET = sha256(b"test secret").digest()
SPECIALTIES = "abcd"
USUAL = Sizes(2, 4, 2)


def manifest(
    candidates: Sequence[Candidate], visits: Sequence[Wanted], sizes: Sizes = USUAL
) -> Manifest:
    return Manifest(
        "lot 1", "0" * 64, commit_of(SECRET), (), sizes, tuple(candidates), tuple(visits)
    )


def person(certificate: str, leads: str, *, load: int = 0, takes: str = "") -> Candidate:
    return Candidate(certificate, load, frozenset(leads), frozenset(leads + takes))


def visit(
    key: str, specialties: str, *, day: str = "1", drawn: str = "", out: str = "", beside: int = 0
) -> Wanted:
    return Wanted(key, day, frozenset(specialties), frozenset(drawn), frozenset(out), beside)


def seeds(count: int) -> Iterator[bytes]:
    return (sha256(b"team%d" % one).digest() for one in range(count))


NAMES = "PQRSTUV"
FEW = st.lists(st.sampled_from(SPECIALTIES), unique=True, max_size=4).map("".join)
SOME_NAMES = st.lists(st.sampled_from(NAMES), unique=True, max_size=5).map("".join)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    least = draw(st.integers(1, 3))
    sizes = Sizes(least, draw(st.integers(least, 4)), draw(st.integers(1, 2)))
    people = [
        person(name, draw(FEW), load=draw(st.integers(0, 3)), takes=draw(FEW)) for name in NAMES
    ]
    visits = [
        visit(
            f"v{number}",
            draw(FEW.filter(bool)),
            day=draw(st.sampled_from("12")),
            drawn=draw(SOME_NAMES),
            out=draw(SOME_NAMES),
            beside=draw(st.integers(0, 2)),
        )
        for number in range(draw(st.integers(0, 5)))
    ]
    busy = tuple((name, day, draw(st.integers(0, 2))) for name in draw(SOME_NAMES) for day in "12")
    return replace(manifest(people, visits, sizes), busy=busy)


def most_of(given_: Manifest, one: Wanted) -> int:
    return max(given_.sizes.least, given_.sizes.most - one.beside)


def faults(given_: Manifest, teams: Sequence[Team]) -> list[str]:
    """What teams break; shares nothing with their maker but its nouns."""
    people = {one.certificate: one for one in given_.candidates}
    wanted = {one.key: one for one in given_.visits}
    found = [] if {one.visit for one in teams} == set(wanted) else ["visit dropped"]
    days = Counter(
        (member.certificate, wanted[team.visit].day) for team in teams for member in team.members
    )
    busy = {(name, day): n for name, day, n in given_.busy}
    found += [
        f"overfull: {one}" for one, n in days.items() if n + busy.get(one, 0) > given_.sizes.each
    ]
    for team in teams:
        asked = wanted[team.visit]
        names = [one.certificate for one in team.members]
        covered = {name for one in names for name in people[one].leads} & asked.specialties
        listed = {one.specialty for one in team.gaps}
        found += [f"twice: {team}"] * (len(set(names)) < len(names))
        found += [f"too many: {team}"] * (len(names) > most_of(given_, asked))
        found += [f"may not go: {team}"] * bool(asked.out.intersection(names))
        found += [f"not listed: {team}"] * (not asked.specialties <= covered | listed)
        found += [f"listed and covered: {team}"] * bool(covered & listed)
        found += [f"small: {team}"] * (len(names) < given_.sizes.least and not team.gaps)
        stayed = {one.certificate for one in team.stays}
        found += [f"drawn, gone: {team}"] * (asked.drawn != (asked.drawn & set(names)) | stayed)
        found += [f"lot: {team}"] * any(
            one.by_lot == (one.certificate in asked.drawn) for one in team.members
        )
        found += [f"idle: {team}"] * any(
            one.by_lot and not (people[one.certificate].takes & asked.specialties)
            for one in team.members
        )
    return found


@settings(max_examples=150)
@given(manifests(), st.binary(min_size=32, max_size=32))
def test_a_team_keeps_every_rule_or_says_what_it_lacks(asked: Manifest, seed: bytes) -> None:
    teams = teaming.form(asked, seed, sweeps=5)
    assert faults(asked, teams) == []


@settings(max_examples=100)
@given(manifests(), st.binary(min_size=32, max_size=32))
def test_a_gap_has_the_reason_that_it_says(asked: Manifest, seed: bytes) -> None:
    people = asked.candidates
    wanted = {one.key: one for one in asked.visits}
    teams = teaming.form(asked, seed, sweeps=1)
    for team in teams:
        one = wanted[team.visit]
        for gap in team.gaps:
            able = [
                who
                for who in people
                if who.certificate not in one.out
                and (gap.specialty in who.leads or (not gap.specialty and who.takes))
            ]
            if gap.why is Why.NOBODY_MAY and gap.specialty:
                assert able == []
            if gap.why is Why.TEAM_FULL:
                assert len(team.members) + _unfilled(team) >= most_of(asked, one)
        for stays in team.stays:
            assert (stays.why is Why.OUT) == (stays.certificate in one.out)


def _unfilled(team: Team) -> int:
    return sum(one.why is not Why.TEAM_FULL for one in team.gaps)


@given(manifests(), st.binary(min_size=32, max_size=32), st.permutations(range(7)))
def test_the_order_of_the_rows_decides_nothing(
    asked: Manifest, seed: bytes, order: list[int]
) -> None:
    people = tuple(asked.candidates[place] for place in order)
    visits = tuple(asked.visits[place] for place in order if place < len(asked.visits))
    other = replace(asked, candidates=people, visits=visits)
    assert teaming.write_manifest(asked) == teaming.write_manifest(other)
    assert teaming.form(asked, seed, sweeps=3) == teaming.form(other, seed, sweeps=3)


def test_everybody_drawn_goes_while_the_team_holds_them_and_the_rest_is_filled() -> None:
    people = [person(name, "a") for name in "PQR"] + [person("S", "b"), person("T", "b", load=1)]
    (team,) = teaming.form(manifest(people, [visit("v", "ab", drawn="PQR")]), SECRET)
    assert [one.certificate for one in team.members] == ["P", "Q", "R", "S"]
    assert [one.by_lot for one in team.members] == [False, False, False, True]
    assert team.members[3].specialties == ("b",)


def test_one_of_four_drawn_stays_only_where_a_specialty_would_go_without() -> None:
    people = [person(name, "a") for name in "PQRS"] + [person("T", "b")]
    stayed = Counter[str]()
    for seed in seeds(400):
        (team,) = teaming.form(manifest(people, [visit("v", "ab", drawn="PQRS")]), seed, sweeps=1)
        assert len(team.members) == 4
        assert team.gaps == ()
        stayed.update(one.certificate for one in team.stays)
    assert set(stayed) == set("PQRS")
    assert all(60 <= n <= 140 for n in stayed.values())


def test_what_nobody_covers_is_listed_with_its_reason() -> None:
    people = [person("P", "a"), person("Q", "a"), person("R", "b")]
    visits = [visit("v1", "ac", out="R"), visit("v2", "ab"), visit("v3", "b", drawn="R")]
    teams = teaming.form(manifest(people, visits, Sizes(1, 2, 1)), SECRET)
    assert [one.gaps for one in teams] == [
        (Gap("c", Why.NOBODY_MAY),),
        (Gap("b", Why.NOBODY_FREE),),
        (),
    ]


# ---- fair first ----------------------------------------------------------------------------------


@st.composite
def fillings(draw: st.DrawFn) -> tuple[list[Place], dict[str, int], dict[tuple[str, str], int]]:
    visits = {f"v{n}": draw(st.sampled_from("12")) for n in range(3)}
    named = [draw(st.sampled_from(sorted(visits))) for _ in range(draw(st.integers(0, 5)))]
    names = NAMES[:4]
    places = [
        Place(
            one, visits[one], number, frozenset(draw(st.sets(st.sampled_from(names), max_size=4)))
        )
        for number, one in enumerate(named)
    ]
    loads = {name: draw(st.integers(0, 3)) for name in names}
    busy = {(name, day): draw(st.integers(0, 1)) for name in names for day in "12"}
    return places, loads, busy


def every_way(
    places: Sequence[Place],
    loads: Mapping[str, int],
    busy: Mapping[tuple[str, str], int],
    each: int,
) -> Iterator[tuple[str | None, ...]]:
    """All ways to fill these places that keep the hard rules."""
    for way in product(*([None, *sorted(one.may)] for one in places)):
        seats = [(i, one.visit) for i, one in zip(way, places, strict=True) if i]
        days = Counter((i, one.day) for i, one in zip(way, places, strict=True) if i)
        if len(set(seats)) == len(seats) and all(
            n + busy.get(one, 0) <= each for one, n in days.items()
        ):
            yield way


def squares(way: Sequence[str | None], loads: Mapping[str, int]) -> int:
    new = Counter(i for i in way if i)
    return sum((load + new[i]) ** 2 for i, load in loads.items())


@settings(max_examples=300)
@given(fillings(), st.integers(1, 2), st.binary(min_size=8, max_size=8))
def test_as_many_places_are_filled_as_can_be_and_the_loads_are_as_level_as_can_be(
    given_: tuple[list[Place], dict[str, int], dict[tuple[str, str], int]], each: int, k: bytes
) -> None:
    places, loads, busy = given_
    way = tuple(fill(sha256, k, places, loads=loads, busy=busy, each=each, sweeps=10))
    ways = list(every_way(places, loads, busy, each))
    assert way in ways
    assert sum(i is not None for i in way) == max(sum(i is not None for i in one) for one in ways)
    same = [one for one in ways if [i is None for i in one] == [i is None for i in way]]
    assert squares(way, loads) == min(squares(one, loads) for one in same)


# ---- random among the fair -----------------------------------------------------------------------

TWO_DAYS = [
    Place("v1", "1", 1, frozenset("PQR")),
    Place("v1", "1", 2, frozenset("PQRS")),
    Place("v2", "1", 1, frozenset("QRS")),
    Place("v3", "2", 1, frozenset("PQ")),
]
NO_LOADS = dict.fromkeys("PQRS", 0)
Filler = Callable[[Sequence[Place], bytes], Sequence[str | None]]


def drawn_fill(places: Sequence[Place], seed: bytes, *, sweeps: int = 100) -> list[str | None]:
    return fill(sha256, seed, places, loads=NO_LOADS, busy={}, each=1, sweeps=sweeps)


def first_come(places: Sequence[Place], seed: bytes) -> list[str | None]:
    """A stub as people do it: by load, then who stands first in a list that the lot turns."""
    names = sorted(NO_LOADS)
    turn = seed[0] % len(names)
    order = names[turn:] + names[:turn]
    fair = _fair(places)
    return list(min(fair, key=lambda way: [order.index(i) for i in way if i]))


def _fair(places: Sequence[Place]) -> list[tuple[str | None, ...]]:
    full = [one for one in every_way(places, NO_LOADS, {}, 1) if None not in one]
    least = min(squares(one, NO_LOADS) for one in full)
    return [one for one in full if squares(one, NO_LOADS) == least]


def variation(filler: Filler, places: Sequence[Place], count: int) -> tuple[float, float]:
    """Return the total variation to all fair ways alike, and the one that pure chance shows."""
    fair = _fair(places)
    seen = Counter(tuple(filler(places, seed)) for seed in seeds(count))
    assert set(seen) <= set(fair)
    pure = Counter(chance(1).choices(fair, k=count))
    return _distance(seen, fair, count), _distance(pure, fair, count)


def _distance(
    seen: Mapping[tuple[str | None, ...], int], fair: Sequence[tuple[str | None, ...]], count: int
) -> float:
    return sum(abs(seen.get(one, 0) / count - 1 / len(fair)) for one in fair) / 2


def test_every_fair_way_is_as_likely_as_any_other() -> None:
    found, noise = variation(drawn_fill, TWO_DAYS, 3000)
    assert found <= noise + 0.02


@pytest.mark.parametrize("biased", [first_come, partial(drawn_fill, sweeps=0)])
def test_the_same_measure_refuses_a_biased_lot(biased: Filler) -> None:
    found, noise = variation(biased, TWO_DAYS, 2000)
    assert found > noise + 0.02


def test_other_names_leave_the_frequencies_unchanged() -> None:
    people = [person("P", "ab"), person("Q", "a"), person("R", "b", load=1), person("S", "ab")]
    visits = [visit("v1", "ab", drawn="P"), visit("v2", "b", out="Q"), visit("v3", "a", day="2")]
    count = 800
    plain = _frequencies(people, visits, dict(zip("PQRS", "PQRS", strict=True)), count)
    for order in list(permutations("PQRS"))[5::9]:
        other = _frequencies(people, visits, dict(zip("PQRS", order, strict=True)), count)
        for one in {*plain, *other}:
            share = (plain[one] + other[one]) / (2 * count)
            spread = (2 * count * share * (1 - share)) ** 0.5
            assert abs(plain[one] - other[one]) <= 4.5 * spread


def _frequencies(
    people: Sequence[Candidate], visits: Sequence[Wanted], names: Mapping[str, str], count: int
) -> Counter[tuple[str, str]]:
    """How often each person goes to each visit, when people have other certificates."""
    back = {new: old for old, new in names.items()}
    others = manifest(
        [replace(one, certificate=names[one.certificate]) for one in people],
        [
            replace(
                one,
                drawn=frozenset(names[i] for i in one.drawn),
                out=frozenset(names[i] for i in one.out),
            )
            for one in visits
        ],
    )
    return Counter(
        (team.visit, back[member.certificate])
        for seed in seeds(count)
        for team in teaming.form(others, seed, sweeps=20)
        for member in team.members
    )


# ---- repeated by a stranger ----------------------------------------------------------------------


def example() -> Manifest:
    people = [
        person("310105001", "a", load=2),
        person("310105002", "ab"),
        person("310105003", "b", load=1),
        person("310105004", "c", takes="a"),
        person("310105005", "abc"),
    ]
    visits = [
        replace(visit("U01", "ab"), drawn=frozenset({"310105002", "310105003"})),
        replace(visit("U02", "abc"), out=frozenset({"310105005"})),
        visit("U03", "c", day="2"),
    ]
    return replace(manifest(people, visits), sources=("draw:2026-001",))


def test_whoever_has_the_text_and_the_secret_gets_the_same_teams() -> None:
    data = teaming.write_manifest(example())
    seed = teaming.seed_of(data, SECRET, ["00ff"])
    teams = teaming.write_teams(teaming.form(teaming.read_manifest(data), seed))
    assert teaming.verify(data, SECRET, ["00ff"], teams, teaming.digest_of(data)) == []
    assert teaming.digest_of(data) == (
        "c9756dca530ce0c555401ae7347612cd825904c580e9d70099368d7f1d207bf1"
    )
    assert teaming.digest_of(teams) == (
        "ea12787fe8fa4d7d433f7d92758f0b7e4f67546da785a883773f20ac754b0756"
    )


def test_an_altered_team_another_secret_and_an_altered_text_are_found() -> None:
    data = teaming.write_manifest(example())
    seed = teaming.seed_of(data, SECRET, ["00ff"])
    stated = json.loads(teaming.write_teams(teaming.form(teaming.read_manifest(data), seed)))
    stated["U03"]["members"][0][0] = "310105001"
    altered = write_json(stated)
    assert teaming.verify(data, SECRET, ["00ff"], altered) == ["U03"]
    with pytest.raises(SecretMismatch):
        teaming.verify(data, bytes(32), ["00ff"], altered)
    with pytest.raises(SecretMismatch):
        teaming.verify(data, SECRET, [], altered)
    other = data.replace(b'"310105003",1,', b'"310105003",0,')
    with pytest.raises(DrawFileChanged):
        teaming.verify(other, SECRET, ["00ff"], altered, teaming.digest_of(data))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"least":2', b'"least":5'),
        (b'"each":2', b'"each":0'),
        (b'"each":2', b'"each":"2"'),
        (b'"each":2', b'"each":2,"more":1'),
        (b'"each":2', b'"each": 2'),
        (b'["310105004",0,["c"]', b'["310105001",0,["c"]'),
        (b'["310105002","310105003"]', b'["310105009"]'),
        (b'["310105002","310105003"]', b'["310105002","310105002"]'),
        (b'["310105002","310105003"]', b'"31"'),
        (b'"SSJ1-TEAMS"', b'"SSJ1"'),
    ],
)
def test_a_text_that_is_not_sound_is_refused(old: bytes, new: bytes) -> None:
    data = teaming.write_manifest(example())
    assert data.count(old) == 1
    with pytest.raises(DrawFileMalformed):
        teaming.read_manifest(data.replace(old, new))
