"""Each attack on a draw is refused, and with a problem of its own.

What an intruder could change is changed as they would, in the rows themselves; then the timetable
goes on, and stops. `docs/draws.md` holds the same table for readers.
"""

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.access import TIMETABLE, Actor, Role
from app.catalogue import service as catalogue
from app.cli import doctor
from app.db import db, new_id, transaction
from app.draws import bundle, outcome, queries, rules, seeding, service, steps
from app.draws.commands import draw_group
from app.draws.files import read_json, write_json
from app.draws.models import Draw, DrawDeposit, DrawEntropy, DrawFile, DrawSelection
from app.draws.stages import DrawState
from app.errors import DomainError
from app.keys import seal
from app.public.failures import every_failure
from app.tasks.models import Task
from tests.draws.office import DICE, SECRET, Office
from tests.draws.vectors import FIELDS, VECTORS
from tests.servers import ROOT

pytestmark = pytest.mark.past_the_services

OTHER = b"another 32 bytes that look random"[:32]
Attack = Callable[[Draw], None]


def one_byte(content: bytes, place: int = -2) -> bytes:
    """The same with one bit turned, near its end."""
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


def file(name: str) -> Attack:
    """Turn one bit of a stored file."""

    def attack(draw: Draw) -> None:
        stored = queries.find_file(draw.id, name)
        assert stored is not None
        stored.content = one_byte(stored.content)

    return attack


def noted(draw: Draw) -> None:
    draw.result_sha256 = "0" * 64


def secret(draw: Draw) -> None:
    draw.secret_sealed = one_byte(draw.secret_sealed or b"")


def another_secret(draw: Draw) -> None:
    draw.secret_sealed = seal(steps.draw_key(), OTHER, aad=steps.aad("secret", draw.id))


def another_deposit(draw: Draw) -> None:
    first = queries.deposits_of(draw.id)[0]
    first.value_sealed = seal(steps.draw_key(), OTHER, aad=steps.aad("deposit", first.id))


def dice(draw: Draw) -> None:
    db.session.execute(sa.update(DrawEntropy).values(digits=DICE[:-1] + "0"))


def selection(draw: Draw) -> None:
    db.session.execute(
        sa.update(DrawSelection)
        .where(DrawSelection.draw_id == draw.id, DrawSelection.rank == 1)
        .values(ticket="0" * 64)
    )


# attack -> (where the draw stands, what is changed, the problem)
STORED: dict[str, tuple[DrawState, Attack, str]] = {
    "a byte of the list": (DrawState.ANNOUNCED, file("population.tsv"), "draw-list-changed"),
    "a byte of the weight rules": (DrawState.ANNOUNCED, file("rules.json"), "draw-rules-changed"),
    "a byte of the manifest": (DrawState.ANNOUNCED, file("manifest.json"), "draw-manifest-changed"),
    "a byte of the officers": (DrawState.ANNOUNCED, file("officers.tsv"), "draw-file-changed"),
    "a byte of the sealed secret": (DrawState.ANNOUNCED, secret, "seal-broken"),
    "another secret, with the draw key": (DrawState.ANNOUNCED, another_secret, "secret-mismatch"),
    "another deposit, with the draw key": (
        DrawState.ANNOUNCED,
        another_deposit,
        "entropy-mismatch",
    ),
    "a digit of the dice": (DrawState.SEEDED, dice, "entropy-changed"),
    "a byte of the result": (DrawState.DRAWN, file("result.tsv"), "draw-result-changed"),
    "a byte of the teams": (DrawState.DRAWN, file("assignment.tsv"), "draw-result-changed"),
    "the result's digest": (DrawState.DRAWN, noted, "draw-result-changed"),
    "a drawn unit in its table": (DrawState.DRAWN, selection, "draw-selection-changed"),
}
REFUSED = {
    "a second draw of a plan and period": "draw-exists",
    "a second draw under one number": "draw-number-taken",
    "a second result of one draw": "draw-drawn-already",
    "sources of chance below 40 bits": "entropy-too-weak",
    "a deposit after the manifest": "deposit-too-late",
    "a call by a role that may not": "role-missing",
    "both throws of the dice by one role": "draw-role-not-suited",
    "a person in the timetable's place": "draw-by-timetable-only",
    "a bundle with an unknown field": "manifest-field-unknown",
}
FROZEN = {name: one for name, one in STORED.items() if one[0] is DrawState.ANNOUNCED}


def standing(office: Office, state: DrawState) -> str:
    """The number of a draw that went as far as a state."""
    if state is DrawState.ANNOUNCED:
        return office.drawn_until_announced()
    if state is DrawState.DRAWN:
        return office.drawn()
    draw_no = office.announced()
    for role in (Role.AUDITOR, Role.CLERK):
        by = office.person(role)
        with office.flask_app.app_context(), transaction():
            seeding.enter_dice(service.get_draw(draw_no, by.agency_id), DICE, by=by, at=at(office))
    return draw_no


def at(office: Office) -> Any:
    return office.clock.at


def strike(office: Office, draw_no: str, attack: Attack) -> None:
    with office.flask_app.app_context(), transaction():
        attack(service.get_draw(draw_no, office.make.home().id))


def held(office: Office, draw_no: str) -> tuple[str, str | None]:
    with office.draw(draw_no) as draw:
        return draw.state, draw.held_code


def run(office: Office, command: Any, *arguments: str) -> tuple[int, str]:
    done = office.flask_app.test_cli_runner().invoke(command, arguments)
    return done.exit_code, done.output


@pytest.mark.parametrize("name", [name for name, one in STORED.items() if one[1] is not selection])
def test_what_was_changed_in_the_database_stops_the_draw(office: Office, name: str) -> None:
    state, attack, code = STORED[name]
    draw_no = standing(office, state)
    before = office.files(draw_no)
    strike(office, draw_no, attack)
    assert any(line == f"{draw_no} held: {code}" for line in office.go(days=40))
    stopped = {DrawState.ANNOUNCED: DrawState.SEEDED}.get(state, state)
    assert held(office, draw_no) == (stopped, code)
    assert office.files(draw_no).keys() == before.keys(), "nothing was drawn, nothing published"
    with office.flask_app.app_context():
        tasks = db.session.scalar(sa.select(sa.func.count()).select_from(Task))
    assert tasks == (4 if state is DrawState.DRAWN else 0)


@pytest.mark.parametrize("name", STORED)
def test_an_operator_finds_what_was_changed_before_it_matters(office: Office, name: str) -> None:
    state, attack, code = STORED[name]
    draw_no = standing(office, state)
    assert "×" not in run(office, draw_group, "verify", draw_no)[1]
    strike(office, draw_no, attack)
    if attack in (dice, another_secret, another_deposit):  # only the draw itself can tell
        assert run(office, draw_group, "verify", draw_no)[0] == 1
        return
    found, said = run(office, doctor)
    assert (found, code in said) == (1, True), said
    if attack is not secret:
        found, said = run(office, draw_group, "verify", draw_no)
        assert (found, code in said) == (1, True), said


def test_every_attack_has_a_problem_of_its_own_and_stands_in_the_manual() -> None:
    codes = [code for _, _, code in STORED.values()] + list(REFUSED.values())
    results = codes.count("draw-result-changed")
    assert len(codes) - len(set(codes)) == results - 1, "three ways to change one result"
    assert set(codes) <= {one.code for one in every_failure()}
    manual = (ROOT / "docs/draws.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| ([^|]+) \| `([a-z-]+)` \|", manual, re.MULTILINE)
    assert dict(table) == {**{name: one[2] for name, one in STORED.items()}, **REFUSED}


def test_a_weight_rule_changed_after_the_freeze_changes_nothing(office: Office) -> None:
    draw_no = office.drawn_until_announced()
    frozen = office.files(draw_no)
    with office.flask_app.app_context(), transaction():
        for code in ("risk-a", "risk-b", "risk-c", "risk-d"):
            row = catalogue.get_row("weight", code, at(office).date())
            catalogue.supersede(
                "weight",
                code,
                {**row.body, "weight": 1},
                effective_from=row.effective_from.replace(year=row.effective_from.year + 1),
                source="测试",
                by=office.make.by(),
                at=at(office),
            )
    office.go(hours=4)
    assert held(office, draw_no) == (DrawState.DRAWN, None)
    files = office.files(draw_no)
    assert {name: files[name] for name in frozen} == frozen
    weights = {line.split("\t")[1] for line in files["result.tsv"].decode().splitlines()}
    assert weights == {"10", "15", "20", "30"}, "the frozen ones"


# ---- what is refused at the door -----------------------------------------------------------------


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(DomainError) as caught:
        call()
    return caught.value.code


def test_a_second_draw_of_a_plan_and_period_is_refused(office: Office) -> None:
    draw_no = office.drawn()

    def again() -> None:
        with office.flask_app.app_context(), transaction():
            plan = service.get_draw(draw_no, office.make.home().id).plan
            service.start_draw(plan, by=TIMETABLE, at=at(office))

    assert refused(again) == REFUSED["a second draw of a plan and period"]


def test_a_second_draw_under_one_number_is_refused(office: Office) -> None:
    draw_no = office.drawn()
    plan = office.make.plan()
    with office.flask_app.app_context(), transaction():
        other = service.get_draw(draw_no, plan.agency_id)
        other.draw_no = "310105-2026-0002"  # somebody gave the next number away beforehand

    def start() -> None:
        with office.flask_app.app_context(), transaction():
            again = queries.find_plan(plan.id)
            assert again is not None
            service.start_draw(again, by=TIMETABLE, at=at(office))

    assert refused(start) == REFUSED["a second draw under one number"]


def test_the_database_keeps_two_draws_from_having_one_number(office: Office) -> None:
    draw_no = office.drawn()
    office.make.plan()
    office.tick()
    with (
        office.flask_app.app_context(),
        pytest.raises(IntegrityError),
        transaction() as session,
    ):
        session.execute(sa.update(Draw).values(draw_no=draw_no))


def test_a_second_result_of_one_draw_is_refused(office: Office) -> None:
    draw_no = office.drawn_until_announced()
    office.clock.forward(hours=3)
    with office.flask_app.app_context():
        with transaction():
            draw = service.get_draw(draw_no, office.make.home().id)
            seeding.open_deposits(draw, by=TIMETABLE, at=at(office))
        computed = outcome.compute_result(service.get_draw(draw_no, draw.agency_id))
    office.tick()

    def store() -> None:
        with office.flask_app.app_context(), transaction():
            drawn = service.get_draw(draw_no, office.make.home().id)
            outcome.store_result(drawn, computed, by=TIMETABLE, at=at(office))

    assert refused(store) == REFUSED["a second result of one draw"]


def test_sources_of_chance_below_40_bits_are_refused() -> None:
    weak = {**FIELDS, "entropy_sources": ["dice:12d10"]}
    code = refused(lambda: bundle.make_manifest(weak))
    assert code == REFUSED["sources of chance below 40 bits"]


def test_a_deposit_after_the_manifest_is_refused_at_every_door(office: Office) -> None:
    draw_no = office.drawn_until_announced()
    code = REFUSED["a deposit after the manifest"]
    answer: Any = office.make.signed_in(Role.AUDITOR).post(
        f"/api/v1/draws/{draw_no}/deposits", json={}
    )
    assert (answer.status_code, answer.json["type"]) == (409, f"/problems/{code}")
    with office.draw(draw_no) as draw:
        before = len(queries.deposits_of(draw.id))
    account = office.make.account(Role.SUPERVISOR)
    with office.flask_app.app_context(), transaction():  # slipped in behind the service's back
        draw = service.get_draw(draw_no, office.make.home().id)
        value, deposit_id = OTHER, new_id()
        db.session.add(
            DrawDeposit(
                id=deposit_id,
                agency_id=draw.agency_id,
                district=draw.district,
                draw_id=draw.id,
                number=before + 1,
                account_id=account.id,
                role="supervisor",
                hash="sha256",
                commitment=rules.deposit_commitment(value),
                value_sealed=seal(steps.draw_key(), value, aad=steps.aad("deposit", deposit_id)),
                deposited_at=at(office),
                deposited_by_kind="user",
                deposited_by_id=None,
            )
        )
    office.go(hours=4)
    assert held(office, draw_no) == (DrawState.SEEDED, "entropy-mismatch")


def test_a_role_that_may_not_is_refused(office: Office) -> None:
    draw_no = office.announced()
    code = REFUSED["a call by a role that may not"]
    for role, path in (
        (Role.OFFICER, "dice"),
        (Role.ADMINISTRATOR, "dice"),
        (Role.OFFICER, "deposits"),
        (Role.AUDITOR, "void"),
    ):
        answer: Any = office.make.signed_in(role).post(f"/api/v1/draws/{draw_no}/{path}", json={})
        assert (answer.status_code, answer.json["type"]) == (403, f"/problems/{code}")


def test_one_role_cannot_enter_both_throws(office: Office) -> None:
    draw_no = office.announced()
    first, second = office.person(Role.CLERK), office.person(Role.CLERK)

    def enter(by: Actor) -> None:
        with office.flask_app.app_context(), transaction():
            draw = service.get_draw(draw_no, by.agency_id)
            seeding.enter_dice(draw, DICE, by=by, at=at(office))

    enter(first)
    assert refused(lambda: enter(second)) == REFUSED["both throws of the dice by one role"]


@pytest.mark.parametrize(
    "act",
    [
        lambda draw, **who: service.announce_draw(draw, secret=SECRET, **who),
        lambda draw, **who: seeding.open_deposits(draw, **who),
        lambda draw, **who: outcome.store_result(draw, None, **who),  # type: ignore[arg-type]
        lambda draw, **who: service.publish_draw(draw, **who),
        lambda draw, **who: service.reveal_void(draw, **who),
    ],
    ids=["announce", "open", "draw", "publish", "reveal"],
)
def test_nobody_steps_into_the_timetables_place(office: Office, act: Any) -> None:
    draw_no = office.drawn_until_announced()
    everything = office.person(*Role)

    def step() -> None:
        with office.flask_app.app_context(), transaction():
            act(service.get_draw(draw_no, everything.agency_id), by=everything, at=at(office))

    assert refused(step) == REFUSED["a person in the timetable's place"]


def test_a_bundle_with_an_unknown_field_is_refused() -> None:
    fields = read_json("manifest.json", VECTORS[0].manifest.data)
    code = refused(lambda: bundle.parse_manifest(write_json({**fields, "lucky": 1})))
    assert code == REFUSED["a bundle with an unknown field"]


# ---- the same against the verifier that strangers run --------------------------------------------


def flip(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_bytes(one_byte(path.read_bytes()))

    return change


def reveal(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        fields = read_json("reveal.json", (folder / "reveal.json").read_bytes())
        change(fields)
        (folder / "reveal.json").write_bytes(write_json(fields))

    return write


def manifest(**fields: Any) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        found = read_json("manifest.json", (folder / "manifest.json").read_bytes())
        (folder / "manifest.json").write_bytes(write_json({**found, **fields}))

    return write


def exchange(folder: Path) -> None:
    first, second, *rest = (folder / "result.tsv").read_bytes().splitlines(keepends=True)
    (folder / "result.tsv").write_bytes(b"".join([second, first, *rest]))


BUNDLES: dict[str, tuple[Callable[[Path], None], str]] = {
    "list": (flip("population.tsv"), "population.tsv 与公告的摘要不符"),
    "rules": (flip("rules.json"), "rules.json 与公告的摘要不符"),
    "officers": (flip("officers.tsv"), "officers.tsv 与公告的摘要不符"),
    "secret": (reveal(lambda f: f.update(secret=OTHER.hex())), "秘密数与承诺值不符"),
    "entropy": (reveal(lambda f: f["entropy"].reverse()), "与承诺值不符"),
    "result": (exchange, "result.tsv 与重新计算的结果不同"),
    "teams": (flip("assignment.tsv"), "assignment.tsv 与重新计算的结果不同"),
    "unknown field": (manifest(lucky=1), "有不认识的字段 lucky"),
    "weak chance": (manifest(entropy_sources=["dice:3d10"]), "至少 40"),
    "another plan": (manifest(draw_no="310105-2026-0009"), "result.tsv 与重新计算的结果不同"),
}


@pytest.fixture
def published(office: Office, tmp_path: Path) -> Path:
    """The bundle of a published draw, as anybody downloads it."""
    draw_no = office.drawn()
    office.go(days=31)
    address = f"/public/draws/{draw_no}/files/bundle.zip"
    archive = office.flask_app.test_client().get(address).data
    folder = tmp_path / "bundle"
    zipfile.ZipFile(BytesIO(archive)).extractall(folder)
    return folder


def check(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", "verify_draw.py"], cwd=folder, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode()


def test_a_stranger_sees_each_change_of_a_published_bundle(published: Path) -> None:
    code, said = check(published)
    assert code == 0, said
    (published / "SHA256SUMS").unlink()  # with it the first difference would end each check
    whole = {path.name: path.read_bytes() for path in published.iterdir()}
    for name, (change, sentence) in BUNDLES.items():
        change(published)
        code, said = check(published)
        assert (code, sentence in said) == (1, True), f"{name}: {said}"
        for file_name, content in whole.items():
            (published / file_name).write_bytes(content)


def test_whatever_bit_of_a_published_file_is_turned_the_verifier_refuses(published: Path) -> None:
    for name in ("manifest.json", "population.tsv", "reveal.json", "result.tsv", "assignment.tsv"):
        path = published / name
        content = path.read_bytes()
        for place in range(0, len(content), max(1, len(content) // 12)):
            path.write_bytes(one_byte(content, place))
            assert check(published)[0] == 1, f"{name} at {place}"
        path.write_bytes(content)


def test_files_that_nobody_drew_are_no_stored_files(office: Office) -> None:
    draw_no = office.drawn_until_announced()
    with office.flask_app.app_context(), transaction() as session:
        draw = service.get_draw(draw_no, office.make.home().id)
        session.execute(
            sa.delete(DrawFile).where(DrawFile.draw_id == draw.id, DrawFile.name == "barred.tsv")
        )
    office.go(hours=4)
    assert held(office, draw_no) == (DrawState.SEEDED, "draw-file-changed")
