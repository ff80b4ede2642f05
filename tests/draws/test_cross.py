"""One draw, one result: whatever program, database, locale, order or Python repeats it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from app import clock as app_clock
from app import db
from app.draws import rules, verify_draw
from app.draws.assignment import assign, write_assignment
from app.draws.bundle import Drawn, draw, make_manifest, write_population
from app.draws.eligibility import (
    REASONS,
    Bar,
    Eligibility,
    Officer,
    needs_of,
    write_eligible,
    write_officers,
)
from app.draws.rules import Manifest, commit_of
from tests import nodejs, pythons, servers
from tests.chance import Chance, chance
from tests.conftest import KEYS, NOW, FixedClock
from tests.draws.office import Office
from tests.draws.tampering import SOURCE, private, proven
from tests.draws.vectors import FIELDS, SECRET, VECTORS
from tests.factories import Make
from wsgi import create_app

ENTROPY = VECTORS[0].entropy
STRATA = ("公共场所/住宿场所", "医疗机构", "学校", "𠮷Ａ")  # the last sorts otherwise in UTF-16
Row = tuple[str, str, int]


class Case(NamedTuple):
    manifest: Manifest
    population: bytes
    drawn: Drawn


def case(rows: list[Row], **fields: object) -> Case:
    """Draw from rows under a manifest with these fields."""
    population = write_population(rows)
    hash_name = str(fields.get("hash", "sha256"))
    manifest = make_manifest(
        {
            **FIELDS,
            "commit": commit_of(SECRET, hash_name),
            "population_sha256": hashlib.sha256(population).hexdigest(),
            **fields,
        }
    )
    return Case(manifest, population, draw(manifest, population, SECRET, ENTROPY))


def publish(folder: Path, one: Case) -> Path:
    files = {
        "manifest.json": one.manifest.data,
        "population.tsv": one.population,
        "reveal.json": VECTORS[0].reveal,
        "result.tsv": one.drawn.result_tsv,
    }
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def publish_teams(
    folder: Path, one: Case, officers: list[Officer], bars: list[Bar], size: int = 2
) -> bool:
    """Assign and publish teams; return whether there are any, since some unit may have none."""
    needs = needs_of(one.drawn.results, size)
    if Eligibility(officers, bars).uncovered(needs):
        return False
    made = assign(one.drawn.x, officers, needs, bars, one.manifest.hash)
    (folder / "officers.tsv").write_bytes(write_officers(officers))
    (folder / "eligible.tsv").write_bytes(write_eligible(made.rows))
    (folder / "assignment.tsv").write_bytes(write_assignment(made.teams))
    return True


# ---- engine, Python, JavaScript on random draws --------------------------------------------------


def some_rows(dice: Chance) -> list[Row]:
    letters = "AZ09甲乙长-𠮷Ａ"
    weights = (0, 1, 5, 20, 10**15 + 7, 9 * 10**16)
    names = {"".join(dice.choices(letters, k=dice.randint(1, 5))) for _ in range(30)}
    listed = [(name, stratum) for name in sorted(names) for stratum in STRATA]
    chosen = dice.sample(listed, dice.randint(0, len(listed) // 2))
    return [(name, stratum, dice.choice(weights)) for name, stratum in chosen]


def some_rule(dice: Chance, rows: list[Row]) -> object:
    def ratio() -> list[int]:
        den = dice.randint(1, 9)
        return [dice.randint(0, den), den]

    weights = sorted({str(weight) for _, _, weight in rows if weight})
    return dice.choice([dice.randint(0, 9), ratio(), {weight: ratio() for weight in weights}])


def some_officers(dice: Chance) -> list[Officer]:
    officers = []
    for number in range(dice.randint(3, 8)):
        takes = frozenset(dice.sample(STRATA, dice.randint(2, 4)))
        leads = frozenset(dice.sample(sorted(takes), dice.randint(0, len(takes))))
        room = None if dice.random() < 0.5 else dice.randint(0, 6)
        officers.append(Officer(f"证{number}𠮷", dice.randint(0, 3), room, takes, leads))
    return officers


def some_bars(dice: Chance, rows: list[Row], officers: list[Officer]) -> list[Bar]:
    if not rows:
        return []
    found = []
    for _ in range(dice.randint(0, 12)):
        id_, stratum, _weight = dice.choice(rows)
        found.append(Bar(stratum, id_, dice.choice(officers).certificate, dice.choice(REASONS)))
    return found


def test_engine_python_and_javascript_agree_on_150_random_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = chance(2026)
    folders, teams = [], 0
    for number in range(150):
        rows = some_rows(dice)
        one = case(
            rows,
            plan={stratum: some_rule(dice, rows) for stratum in STRATA},
            coordination=dice.choice(["shared", "independent"]),
            hash=dice.choice(["sha256", "sm3"]),
        )
        folders.append(publish(tmp_path / str(number), one))
        officers = some_officers(dice)
        teams += publish_teams(folders[-1], one, officers, some_bars(dice, rows, officers))

    said = nodejs.verify_many(folders)

    assert [one.text for one in said if not one.verified] == []
    assert teams > 50
    for folder, answer in zip(folders, said, strict=True):
        assert verify_draw.main([str(folder)]) == 0
        assert capsys.readouterr().out == answer.text + "\n"
        assert "result.tsv 与重新计算的结果逐字节相同" in answer.text
        assert ("assignment.tsv 与重新" in answer.text) == (folder / "officers.tsv").exists()


# ---- 20,000 units --------------------------------------------------------------------------------


def in_chinese(number: int) -> str:
    return "".join("〇一二三四五六七八九"[int(digit)] for digit in f"{number:05d}")


@pytest.fixture(scope="module")
def crowd() -> Case:
    """A district's list: archive numbers in Chinese, some units in several strata."""
    dice = chance(20_000)
    rows = [
        (f"长宁{in_chinese(number)}", stratum, dice.choice((0, 10, 15, 20, 30, 45, 60)))
        for number in range(20_000)
        for stratum in dice.sample(STRATA, dice.choice((1, 1, 1, 2)))
    ]
    ratios = {str(weight): [weight, 1000] for weight in (10, 15, 20, 30, 45, 60)}
    plan = dict(zip(STRATA, ([7, 100], 400, ratios, [5, 100]), strict=True))
    return case(rows, plan=plan)


def unit_key(one: Case) -> bytes:
    return rules.key(rules.hash_named("sha256"), one.drawn.x, "unit")


def listed(one: Case) -> list[list[str]]:
    return [line.split("\t") for line in one.population.decode().splitlines()]


def test_python_and_javascript_repeat_20000_units(crowd: Case, tmp_path: Path) -> None:
    publish(tmp_path, crowd)
    assert len({row[0] for row in listed(crowd)}) == 20_000

    said = nodejs.verify_many([tmp_path])[0]

    assert said.verified, said.text
    assert verify_draw.main([str(tmp_path)]) == 0
    assert f"result.tsv SHA-256 {crowd.drawn.sha256}" in said.text


@pytest.fixture(scope="module")
def in_postgresql(postgresql_server: str, crowd: Case) -> Iterator[Any]:
    """A connection to PostgreSQL that holds the list, in an order of its own, and the quotas."""
    shuffled = listed(crowd)
    chance(1).shuffle(shuffled)
    quotas = [
        (stratum.stratum, one.weight, one.quota.drawn)
        for stratum in crowd.drawn.results
        for one in stratum.classes
    ]
    with psycopg.connect(postgresql_server) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE listed (id text, stratum text, weight bigint)")
        with cursor.copy("COPY listed FROM STDIN") as copy:
            for row in shuffled:
                copy.write_row(row)
        cursor.execute("CREATE TEMP TABLE quota (stratum text, weight bigint, k bigint)")
        cursor.executemany("INSERT INTO quota VALUES (%s, %s, %s)", quotas)
        yield cursor
        connection.rollback()


def test_postgresql_puts_20000_tickets_in_the_same_order(in_postgresql: Any, crowd: Case) -> None:
    key = unit_key(crowd)
    ids = {row[0] for row in listed(crowd)}
    lots = sorted((hashlib.sha256(key + id_.encode()).digest(), id_) for id_ in ids)

    found = in_postgresql.execute(
        "SELECT sha256(%(k)s || convert_to(id, 'UTF8')), id FROM listed GROUP BY id"
        " ORDER BY sha256(%(k)s || convert_to(id, 'UTF8'))",
        {"k": key},
    ).fetchall()

    assert found == lots


def test_postgresql_selects_the_same_bytes(in_postgresql: Any, crowd: Case) -> None:
    rows = in_postgresql.execute(
        """
        WITH lot AS (
            SELECT stratum, weight, id, sha256(%(k)s || convert_to(id, 'UTF8')) AS ticket
            FROM listed
        ), ranked AS (
            SELECT *, row_number() OVER (PARTITION BY stratum, weight ORDER BY ticket) AS rank
            FROM lot
        )
        SELECT stratum, weight, rank, CASE WHEN rank <= k THEN 'selected' ELSE 'reserve' END,
               id, encode(ticket, 'hex')
        FROM ranked JOIN quota USING (stratum, weight) WHERE rank <= 2 * k + 5
        ORDER BY convert_to(stratum, 'UTF8'), weight, rank
        """,
        {"k": unit_key(crowd)},
    ).fetchall()

    written = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    assert written.encode() == crowd.drawn.result_tsv


# ---- row orders, locales, hash seeds -------------------------------------------------------------


def district() -> tuple[Case, list[Officer]]:
    """A few hundred units and their officers."""
    dice = chance(300)
    rows = [(f"长{in_chinese(n)}", STRATA[n % 4], dice.choice((0, 10, 20))) for n in range(320)]
    one = case(rows, plan={stratum: [1, 10] for stratum in STRATA})
    every = frozenset(STRATA)
    officers = [Officer(f"证{n}", n % 3, None, every, every) for n in range(12)]
    return one, officers


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The district's draw with its teams, and the verifier beside it."""
    one, officers = district()
    folder = publish(tmp_path_factory.mktemp("district"), one)
    assert publish_teams(folder, one, officers, [])
    shutil.copy(SOURCE, folder)
    return folder


def test_the_order_of_rows_changes_no_byte(published: Path) -> None:
    one, officers = district()
    rows = [(id_, stratum, int(weight)) for id_, stratum, weight in listed(one)]
    for seed in range(50):
        chance(seed).shuffle(rows)
        again = case(rows, plan=one.manifest.plan)
        assert again.population == one.population
        assert again.drawn.result_tsv == one.drawn.result_tsv
    needs = needs_of(one.drawn.results)
    for seed in range(3):
        chance(seed).shuffle(needs)
        chance(seed).shuffle(officers)
        made = assign(one.drawn.x, officers, needs, [], "sha256")
        assert write_assignment(made.teams) == (published / "assignment.tsv").read_bytes()


ENGINE = """
import hashlib, locale, pathlib, sys
locale.setlocale(locale.LC_ALL, "")
from app.draws import assignment, bundle, eligibility
files = {path.name: path.read_bytes() for path in pathlib.Path(sys.argv[1]).iterdir()}
manifest = bundle.parse_manifest(files["manifest.json"])
drawn = bundle.draw(manifest, files["population.tsv"], *bundle.parse_reveal(files["reveal.json"]))
officers = eligibility.parse_officers(files["officers.tsv"])
made = assignment.assign(drawn.x, officers, eligibility.needs_of(drawn.results), [], "sha256")
assert drawn.result_tsv == files["result.tsv"]
assert assignment.write_assignment(made.teams) == files["assignment.tsv"]
assert eligibility.write_eligible(made.rows) == files["eligible.tsv"]
print("same", locale.setlocale(locale.LC_COLLATE))
"""


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings with which a process finds Chinese and Turkish, built where their sources lie."""
    place = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef") is None:
        return {}
    for name in ("zh_CN", "tr_TR"):
        command = ["localedef", "-i", name, "-f", "UTF-8", str(place / f"{name}.UTF-8")]
        subprocess.run(command, capture_output=True, check=False, timeout=60)
    return {"LOCPATH": str(place)} if any(place.iterdir()) else {}


@pytest.mark.parametrize(
    ("locale", "hash_seed"), [("zh_CN.UTF-8", "0"), ("tr_TR.UTF-8", "1"), ("C", "random")]
)
def test_neither_locale_nor_hash_seed_changes_a_byte(
    locale: str, hash_seed: str, published: Path, locales: dict[str, str]
) -> None:
    found = locale if locale == "C" or locales else "C"
    environ = {**os.environ, **locales, "LC_ALL": found, "PYTHONHASHSEED": hash_seed}
    environ["PYTHONUTF8"] = "0"  # else Python would not look at the locale

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=servers.ROOT, env=environ, capture_output=True, check=False, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode(errors="replace")
        return done.stdout.decode(errors="replace")

    strict = (sys.executable, "-W", "error")
    assert run(*strict, "-c", ENGINE, str(published)) == f"same {found}\n"
    assert "| Verified" in run(*strict, str(published / "verify_draw.py"))
    assert "| Verified" in run(nodejs.node(), str(SOURCE.with_suffix(".js")), str(published))


# ---- databases -----------------------------------------------------------------------------------


def office_files(environ: dict[str, str]) -> dict[str, bytes]:
    """Return the files of a draw that went all the way to publication over one database."""
    fixed = FixedClock(NOW)
    app_clock.use(fixed)
    flask_app = create_app({**environ, "ARGON2_MEMORY_KIB": "256", "LOG_LEVEL": "CRITICAL", **KEYS})
    try:
        office = Office(flask_app, Make(flask_app, fixed), fixed)
        draw_no = office.drawn()
        office.go(days=31)
        return office.files(draw_no)
    finally:
        app_clock.use(None)
        with flask_app.app_context():
            db.db.session.remove()
            db.db.engine.dispose()


def test_both_databases_give_the_same_files(
    sqlite_template: Path, postgresql_server: str, postgresql_template: str, tmp_path: Path
) -> None:
    servers.copy_sqlite(sqlite_template, tmp_path / "sqlite")
    name, address = servers.copy_postgresql(postgresql_server, postgresql_template)
    try:
        one = office_files({"DATA_DIR": str(tmp_path / "sqlite")})
        two = office_files({"DATA_DIR": str(tmp_path / "pg"), "DATABASE_URL": address})
    finally:
        servers.drop_postgresql(postgresql_server, name)

    assert one.keys() == two.keys() >= {"result.tsv", "assignment.tsv", "SHA256SUMS"}
    assert {name for name in one if one[name] != two[name]} == set()


# ---- other Pythons -------------------------------------------------------------------------------


def test_every_python_at_hand_verifies_and_refuses_alike(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "draw")
    result = tmp_path / "draw" / "result.tsv"
    programs = pythons.at_hand()
    assert programs
    for program in programs:
        code, said = pythons.verify(program, published)
        assert (code, "| Verified" in said) == (0, True), (program, said)
    result.write_bytes(result.read_bytes().replace(b"selected", b"reserve", 1))
    for program in programs:
        code, said = pythons.verify(program, tmp_path / "draw")
        assert (code, "result.tsv differs" in said) == (1, True), (program, said)


@pytest.mark.timeout(600)
def test_python_3_13_in_webassembly_verifies_alike(published: Path) -> None:
    version, said = pythons.in_webassembly(published)
    assert version.startswith("3.13.")
    assert said.splitlines()[-1] == "验证通过 | Verified"
    assert "assignment.tsv agrees to the last byte" in said


def test_the_lock_of_the_other_python_names_no_registry() -> None:
    packages = json.loads((pythons.HERE / "package-lock.json").read_text())["packages"]
    assert "node_modules/pyodide" in packages
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name
    assert "omit-lockfile-registry-resolved=true" in (pythons.HERE / ".npmrc").read_text()


def test_a_unit_s_own_line_is_judged_alike_by_every_python(tmp_path: Path) -> None:
    proven("U05")(tmp_path)
    shutil.copy(SOURCE, private(tmp_path))
    said = {pythons.verify(program, tmp_path, "line.json") for program in pythons.at_hand()}
    assert len(said) == 1
    assert "U05: selected, rank 2" in said.pop()[1]
