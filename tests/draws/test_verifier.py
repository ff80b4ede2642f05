"""The stand-alone verifier, written from the format alone, agrees with the engine and refuses."""

import ast
import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.draws import verify_draw
from app.draws.assignment import assign, write_assignment
from app.draws.bundle import draw, make_manifest, write_population, write_reveal
from app.draws.eligibility import (
    Bar,
    Eligibility,
    Officer,
    needs_of,
    write_eligible,
    write_officers,
)
from app.draws.files import write_json
from app.draws.rules import commit_of
from tests.draws.vectors import (
    ASSIGNMENT_SHA256,
    ELIGIBLE,
    FIELDS,
    OFFICERS,
    POPULATION,
    SEALED,
    SECRET,
    VECTORS,
    Vector,
)

SOURCE = Path(verify_draw.__file__)


def bundle(folder: Path, vector: Vector) -> Path:
    """Write a published draw into a folder, the verifier beside it."""
    drawn = draw(vector.manifest, POPULATION, SECRET, vector.entropy)
    files = {
        "manifest.json": vector.manifest.data,
        "population.tsv": POPULATION,
        "reveal.json": vector.reveal,
        "result.tsv": drawn.result_tsv,
        "verify_draw.py": SOURCE.read_bytes(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def with_officers(folder: Path) -> Path:
    bundle(folder, VECTORS[1])
    (folder / "officers.tsv").write_bytes(write_officers(OFFICERS))
    (folder / "eligible.tsv").write_bytes(write_eligible(ELIGIBLE))
    return folder


def run(folder: Path, *names: str) -> tuple[int, str]:
    program = [sys.executable, "-I", str(folder / "verify_draw.py")]
    done = subprocess.run(
        [*program, *(str(folder / name) for name in names)], capture_output=True, check=False
    )
    assert done.stderr == b""
    return done.returncode, done.stdout.decode()


def check(folder: Path, capsys: pytest.CaptureFixture[str], count: int = 3) -> tuple[int, str]:
    names = ["manifest.json", "population.tsv", "reveal.json", "officers.tsv", "eligible.tsv"]
    code = verify_draw.main([str(folder / name) for name in names[:count]])
    return code, capsys.readouterr().out


def test_it_runs_alone_inside_an_exported_folder(tmp_path: Path):
    code, said = run(with_officers(tmp_path))

    assert code == 0, said
    assert VECTORS[1].x in said
    assert VECTORS[1].result_sha256 in said
    assert ASSIGNMENT_SHA256 in said
    assert "验证通过 | Verified" in said


def test_it_takes_files_by_name(tmp_path: Path):
    code, said = run(bundle(tmp_path, VECTORS[0]), "manifest.json", "population.tsv", "reveal.json")

    assert (code, VECTORS[0].result_sha256 in said) == (0, True)


def test_it_says_how_to_call_it_when_called_wrongly(capsys: pytest.CaptureFixture[str]):
    assert verify_draw.main(["manifest.json"]) == 1
    assert "python verify_draw.py manifest.json population.tsv reveal.json" in (
        capsys.readouterr().out
    )


def test_it_needs_no_newer_syntax_than_python_3_8_and_nothing_but_the_standard_library():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 8))

    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    assert {module.split(".")[0] for module in modules} <= sys.stdlib_module_names


@pytest.mark.parametrize("vector", VECTORS, ids=["shared", "ratios", "sealed"])
def test_it_repeats_the_published_draws(
    vector: Vector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code, said = check(bundle(tmp_path, vector), capsys)

    assert (code, vector.x in said, vector.result_sha256 in said) == (0, True, True)


Damage = Callable[[Path], None]


def replaced(name: str, old: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        assert old.encode() in data
        (folder / name).write_bytes(data.replace(old.encode(), new.encode(), 1))

    return damage


def written(name: str, data: bytes) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return damage


def both(*damages: Damage) -> Damage:
    def damage(folder: Path) -> None:
        for one in damages:
            one(folder)

    return damage


def manifest(**changes: object) -> Damage:
    """Change the manifest and with it nothing else: the digests still fit."""

    def damage(folder: Path) -> None:
        fields = {"alg": "SSJ1", **FIELDS, **changes}
        (folder / "manifest.json").write_bytes(write_json(fields))

    return damage


def population(data: bytes) -> Damage:
    def damage(folder: Path) -> None:
        manifest(population_sha256=hashlib.sha256(data).hexdigest())(folder)
        (folder / "population.tsv").write_bytes(data)

    return damage


def reveal(**changes: object) -> Damage:
    def damage(folder: Path) -> None:
        fields = {"secret": SECRET.hex(), "entropy": VECTORS[0].entropy, **changes}
        (folder / "reveal.json").write_bytes(write_json(fields))

    return damage


def zeros(folder: Path) -> None:
    commit = hashlib.sha256(b"SSJ1-COMMIT\n" + bytes(32)).hexdigest()
    manifest(commit=commit)(folder)
    reveal(secret="0" * 64)(folder)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "one letter of the list": (replaced("population.tsv", "U99", "U98"), "population.tsv is not"),
    "one byte of the result": (replaced("result.tsv", "selected", "reserve"), "result.tsv differs"),
    "another secret": (reveal(secret="1" * 64), "secret is not"),
    "zeros for a lost secret": (zeros, "secret is not"),
    "other dice": (reveal(entropy=["1" * 20, "x"]), "result.tsv differs"),
    "one value too few": (reveal(entropy=["1" * 20]), "differ in number"),
    "a third field in reveal": (reveal(more=1), "nothing else"),
    "secret in upper case": (reveal(secret=SECRET.hex().upper()), "malformed"),
    "an empty value": (reveal(entropy=["1" * 20, ""]), "malformed"),
    "an unknown field": (manifest(note="x"), "unknown field note"),
    "a wrong algorithm": (manifest(alg="SSJ2"), "alg is malformed"),
    "a doubled key": (replaced("manifest.json", '{"alg"', '{"prev":"0","alg"'), "twice"),
    "a broken plan": (manifest(plan={"公共场所": [2, 1], "医疗机构": 3}), "plan is malformed"),
    "half a number": (replaced("manifest.json", "3}", "3.0}"), "no integer"),
    "an unnamed stratum": (manifest(plan={"公共场所": 3}), "does not name"),
    "a class without ratio": (
        manifest(plan={"公共场所": {"10": [1, 2]}, "医疗机构": 3}),
        "no ratio for 20",
    ),
    "weak dice": (manifest(entropy_sources=["dice:5d10", "dice:3d6"]), "at least 40"),
    "a deposit not announced": (
        manifest(entropy_sources=["deposit:1", "x"], deposits=[]),
        "no commitment",
    ),
    "another deposit": (
        both(
            manifest(entropy_sources=["deposit:2", "x"], deposits=SEALED),
            reveal(entropy=["1" * 64, "x"]),
        ),
        "not the value committed",
    ),
    "no final LF": (population(POPULATION[:-1]), "no LF"),
    "unsorted": (population(b"U2\tS\t1\nU1\tS\t1\n"), "byte order"),
    "a line twice": (population(b"U1\tS\t1\nU1\tS\t1\n"), "byte order"),
    "a unit twice": (population(b"U1\tS\t1\nU1\tS\t2\n"), "stands twice"),
    "CR": (population(b"U1\tS\t1\r\n"), "bad characters"),
    "not NFC": (population(b"e\xcc\x81\tS\t1\n"), "bad characters"),
    "BOM": (population(b"\xef\xbb\xbfU1\tS\t1\n"), "bad characters"),
    "not UTF-8": (population(b"\xff\tS\t1\n"), "not UTF-8"),
    "a comma": (population(b"U,1\tS\t1\n"), "comma"),
    "24 bytes": (population(b"A" * 24 + b"\tS\t1\n"), "longer than 23"),
    "leading zero": (population(b"U1\tS\t01\n"), "no decimal"),
    "two columns": (population(b"U1\tS\n"), "3 columns"),
    "other weight rules": (
        both(manifest(rules_sha256="1" * 64), written("rules.json", b"{}")),
        "rules.json is not",
    ),
    "no reveal yet": (lambda folder: (folder / "reveal.json").unlink(), "cannot read reveal.json"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_tampered_with_is_not_verified(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    hurt, reason = DAMAGES[damage]
    hurt(bundle(tmp_path, VECTORS[0]))

    code, said = check(tmp_path, capsys)

    assert code == 1
    assert reason in said
    assert "验证不通过 | NOT verified" in said


OFFICER_DAMAGES: dict[str, tuple[Damage, str]] = {
    "a drawn unit left out": (
        replaced("eligible.tsv", "医疗机构\tU09\t2\t", "医疗机构\tU10\t2\t"),
        "does not list the drawn",
    ),
    "an officer who is not listed": (
        replaced("eligible.tsv", "310105001,310105002,310105003,310105006", "3,310105001"),
        "may not go",
    ),
    "a lead who may not lead": (
        replaced("eligible.tsv", "\t310105001,310105003\t1", "\t310105002\t1"),
        "may not go",
    ),
    "level 4": (replaced("eligible.tsv", "\t1\n", "\t4\n"), "level of U00 is wrong"),
    "no lead": (replaced("eligible.tsv", "\t310105001,310105003\t1", "\t\t1"), "is wrong"),
    "an officer twice": (
        replaced("officers.tsv", "310105002\t0", "310105001\t9"),
        "a certificate stands twice",
    ),
    "a load with a sign": (replaced("officers.tsv", "310105002\t0", "310105002\t-0"), "no decimal"),
    "another assignment": (
        written("assignment.tsv", b"x\n"),
        "assignment.tsv differs",
    ),
    "no room below the top level": (
        both(
            replaced("officers.tsv", "310105001\t2\t-", "310105001\t2\t0"),
            replaced("officers.tsv", "310105003\t1\t2", "310105003\t1\t0"),
        ),
        "below level 3",
    ),
}


@pytest.mark.parametrize("damage", OFFICER_DAMAGES)
def test_what_was_tampered_with_in_the_assignment_is_not_verified(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    hurt, reason = OFFICER_DAMAGES[damage]
    with_officers(tmp_path)
    hurt(tmp_path)

    code, said = check(tmp_path, capsys, 5)

    assert (code, reason in said) == (1, True), said


def test_officers_must_be_those_committed_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    bundle(tmp_path, VECTORS[0])
    manifest(officers_sha256="1" * 64)(tmp_path)
    (tmp_path / "result.tsv").unlink()
    (tmp_path / "officers.tsv").write_bytes(write_officers(OFFICERS))
    (tmp_path / "eligible.tsv").write_bytes(write_eligible(ELIGIBLE))

    code, said = check(tmp_path, capsys, 5)

    assert (code, "officers.tsv is not the file" in said) == (1, True)


names = st.text("AZ09甲乙长-", min_size=1, max_size=6)
strata = st.sampled_from(["公共场所/游泳场所", "医疗机构", "S", "学校"])
units = st.dictionaries(
    st.tuples(names, strata), st.integers(0, 4).map(lambda n: n * n * 5), max_size=40
)
ratios = st.integers(1, 9).flatmap(lambda den: st.tuples(st.integers(0, den), st.just(den)))
rule = st.one_of(
    st.integers(0, 12),
    ratios.map(list),
    st.tuples(*[ratios.map(list)] * 4).map(
        lambda four: dict(zip(["5", "20", "45", "80"], four, strict=True))
    ),
)


@settings(deadline=None, max_examples=60)
@given(
    units,
    st.tuples(rule, rule, rule, rule),
    st.sampled_from(["shared", "independent"]),
    st.sampled_from(["sha256", "sm3"]),
)
def test_engine_and_verifier_agree_on_any_draw(
    rows: dict[tuple[str, str], int], rules: tuple[object, ...], coordination: str, hash_name: str
):
    listed = write_population((id_, stratum, weight) for (id_, stratum), weight in rows.items())
    plan = dict(zip(["公共场所/游泳场所", "医疗机构", "S", "学校"], rules, strict=True))
    made = make_manifest(
        {
            **FIELDS,
            "commit": commit_of(SECRET, hash_name),
            "population_sha256": hashlib.sha256(listed).hexdigest(),
            "plan": plan,
            "coordination": coordination,
            "hash": hash_name,
        }
    )
    drawn = draw(made, listed, SECRET, VECTORS[0].entropy)

    fields = verify_draw.read_manifest(made.data)
    chance = verify_draw.Chance(fields, made.data, write_reveal(SECRET, VECTORS[0].entropy))
    result, _ = verify_draw.select(chance, fields, verify_draw.read_population(listed))

    assert chance.x == drawn.x
    assert result == drawn.result_tsv


officer = st.tuples(
    st.integers(0, 3),
    st.none() | st.integers(0, 4),
    st.sets(st.sampled_from(["公共场所", "医疗机构"]), min_size=1),
    st.booleans(),
)
bars = st.lists(
    st.tuples(
        st.sampled_from(POPULATION.decode().splitlines()),
        st.integers(0, 6),
        st.sampled_from(["recusal", "absence", "last-team", "last-lead"]),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(officer, min_size=4, max_size=7), bars, st.sampled_from(["sha256", "sm3"]))
def test_engine_and_verifier_agree_on_any_assignment(
    staff: list[tuple[int, int | None, set[str], bool]],
    barred: list[tuple[str, int, str]],
    hash_name: str,
):
    officers = [
        Officer(f"C{n}", base, room, frozenset(takes), frozenset(takes if leads else ()))
        for n, (base, room, takes, leads) in enumerate(staff)
    ]
    cells = [(line.split("\t"), n, reason) for line, n, reason in barred]
    rows = [Bar(cell[1], cell[0], f"C{n}", reason) for cell, n, reason in cells]
    commit = commit_of(SECRET, hash_name)
    made = make_manifest({**FIELDS, "hash": hash_name, "commit": commit})
    drawn = draw(made, POPULATION, SECRET, VECTORS[0].entropy)
    needs = needs_of(drawn.results)
    assume(not Eligibility(officers, rows).uncovered(needs))
    teams = assign(drawn.x, officers, needs, rows, hash_name)

    fields = verify_draw.read_manifest(made.data)
    chance = verify_draw.Chance(fields, made.data, write_reveal(SECRET, VECTORS[0].entropy))
    chosen = [(need.stratum, need.id) for need in needs]
    repeated = verify_draw.assign(
        chance, write_officers(officers), write_eligible(teams.rows), chosen
    )

    assert repeated == write_assignment(teams.teams)
