"""The stand-alone verifier, written from the format alone, agrees with the engine and refuses."""

import ast
import hashlib
import subprocess
import sys
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
from app.draws.rules import commit_of
from tests.draws.tampering import (
    DAMAGES,
    OFFICER_DAMAGES,
    OWN_DAMAGES,
    SOURCE,
    bundle,
    listed,
    manifest,
    own_items,
    private,
    proven,
    with_officers,
)
from tests.draws.vectors import (
    ASSIGNMENT_SHA256,
    ELIGIBLE,
    FIELDS,
    OFFICERS,
    POPULATION,
    SECRET,
    VECTORS,
    Vector,
)


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


def check_own(folder: Path, own: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    path = folder / "line.json"
    code = verify_draw.main(["--own", str(path) if own == "line.json" else own, str(folder)])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("damage", OWN_DAMAGES)
def test_one_unit_sees_what_was_tampered_with(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    hurt, reason = OWN_DAMAGES[damage]
    proven("U05")(private(tmp_path))
    hurt(tmp_path)

    code, said = check_own(tmp_path, "line.json", capsys)

    assert (code, reason in said) == (1, True), said
    assert "验证不通过 | NOT verified" in said


@pytest.mark.parametrize(
    ("archive_no", "verdict"),
    [
        ("U05", ["U05: selected, rank 2"]),
        ("U06", ["U06: reserve 2", "U06: reserve 2"]),
        ("U09", ["U09: reserve 4", "U09: selected, rank 2"]),
        ("U99", ["U99: weight 0, not in this draw"]),
    ],
)
def test_a_unit_checks_its_own_lot_with_its_line_alone(
    archive_no: str, verdict: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    proven(archive_no)(private(tmp_path))

    code, said = check_own(tmp_path, "line.json", capsys)

    assert code == 0, said
    found = [line.split(" | ")[1] for line in said.splitlines() if f"| {archive_no}: " in line]
    assert found == verdict
    assert said.count("the announced root covers the line") == len(verdict)
    assert not (tmp_path / "population.tsv").exists()


def test_a_unit_of_a_public_list_checks_its_own_lot_by_its_archive_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    bundle(tmp_path, VECTORS[0])

    code, said = check_own(tmp_path, "U08", capsys)

    threshold = (tmp_path / "result.tsv").read_text(encoding="utf-8").splitlines()[9].split("\t")
    assert code == 0, said
    assert "U08: selected, rank 1" in said
    assert f"last ticket drawn of its class {threshold[5]}" in said
    assert said.count("the line is in the announced list") == 2
    assert check_own(tmp_path, "U77", capsys)[0] == 1


def test_a_line_alone_is_judged_but_not_shown_to_be_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    own_items([{"line": "U05\t公共场所\t40"}])(private(tmp_path))

    code, said = check_own(tmp_path, "line.json", capsys)

    assert (code, "U05: selected" in said, "not shown to be listed" in said) == (0, True, True)
    code, said = check_own(tmp_path, "U05", capsys)
    assert (code, "take the file of the line" in said) == (1, True)


def test_a_public_list_must_hold_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    own_items([{"line": "U05\t公共场所\t20"}])(bundle(tmp_path, VECTORS[0]))

    code, said = check_own(tmp_path, "line.json", capsys)

    assert (code, "not in population.tsv" in said) == (1, True)


def test_a_unit_that_was_not_drawn_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = [(f"U{n:03}", "S", 1) for n in range(60)]
    listed_units = write_population(rows)
    digest = hashlib.sha256(listed_units).hexdigest()
    made = make_manifest({**FIELDS, "plan": {"S": 4}, "population_sha256": digest})
    drawn = draw(made, listed_units, SECRET, VECTORS[0].entropy)
    named = {line.split("\t")[4] for line in drawn.result_tsv.decode().splitlines()}
    (tmp_path / "manifest.json").write_bytes(made.data)
    (tmp_path / "population.tsv").write_bytes(listed_units)
    (tmp_path / "reveal.json").write_bytes(VECTORS[0].reveal)
    (tmp_path / "result.tsv").write_bytes(drawn.result_tsv)

    verdicts = {id_: check_own(tmp_path, id_, capsys)[1] for id_, _, _ in rows}

    assert len(named) == 13
    assert {id_ for id_, said in verdicts.items() if f"{id_}: not drawn" in said} == (
        {id_ for id_, _, _ in rows} - named
    )
    assert all("验证通过" in said for said in verdicts.values())


def test_the_list_of_files_is_checked_where_it_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    listed()(bundle(tmp_path, VECTORS[0]))
    digest = hashlib.sha256((tmp_path / "SHA256SUMS").read_bytes()).hexdigest()

    assert verify_draw.main([str(tmp_path)]) == 0
    assert f"SHA256SUMS SHA-256 {digest}" in capsys.readouterr().out


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
