"""A draw from plan to publication, by its services and the steps of the timetable."""

from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa

from app.access import PUBLIC, Actor, Role
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, transaction
from app.draws import bundle, plans, queries, reading, rules, seeding, service, stages, steps
from app.draws.models import DrawFile
from app.draws.stages import EntropyState, Fallback, Level, SelectionKind
from app.people import service as people
from app.people.models import Officer
from app.people.rules import AbsenceReason
from app.tasks.models import Task
from app.units.models import Unit
from tests.draws.office import DEPOSITS, DICE, SECRET, Office

PUBLIC_AT_ONCE = {"manifest.json", "population.tsv", "rules.json"}
REVEALED = {
    "officers.tsv",
    "result.tsv",
    "eligible.tsv",
    "assignment.tsv",
    "reveal.json",
    "SHA256SUMS",
    "changes.json",
}


def dice(office: Office, draw_no: str, digits: str, by: Actor) -> EntropyState:
    with office.flask_app.app_context(), transaction():
        draw = service.get_draw(draw_no, by.agency_id)
        return seeding.enter_dice(draw, digits, by=by, at=office.clock.at).state


def public(office: Office, draw_no: str) -> set[str]:
    with office.draw(draw_no) as draw:
        return {file.name for file in reading.public_files(draw, office.clock.at)}


def lines(content: bytes) -> list[list[str]]:
    return [line.split("\t") for line in content.decode().splitlines()]


def held(office: Office, draw_no: str) -> tuple[str | None, str | None]:
    with office.draw(draw_no) as draw:
        return draw.held_code, draw.held_detail


# --- the whole way ---


def test_a_sealed_draw_runs_by_itself_and_makes_its_tasks(office: Office) -> None:
    draw_no = office.drawn()
    with office.draw(draw_no) as draw:
        assert (draw.state, draw.draw_no) == ("drawn", "310105-2026-0001")
        selection = list(db.session.scalars(queries.selection_of(draw.id)))
        chosen = [one for one in selection if one.kind == SelectionKind.SELECTED]
        tasks = list(db.session.scalars(sa.select(Task)))
        assert len(chosen) == len(tasks) == 4
        assert {task.id for task in tasks} == {one.task_id for one in chosen}
        assert {(task.state, task.origin, task.origin_reference) for task in tasks} == {
            ("assigned", "drawn", draw_no)
        }
        assert {task.checklist_code for task in tasks} == {"lodging"}
        assert all(len(task.team) == 2 and task.lead_officer_id for task in tasks)
        assert all(task.due_on == draw.due_on for task in tasks)


def test_the_stored_files_give_the_stored_result_again(office: Office) -> None:
    draw_no = office.drawn()
    files = office.files(draw_no)
    manifest = bundle.parse_manifest(files["manifest.json"])
    values = {rules.deposit_commitment(value): value.hex() for value in DEPOSITS}
    entropy = [values[commitment] for commitment in manifest.deposits]
    again = bundle.draw(manifest, files["population.tsv"], SECRET, entropy)
    assert again.result_tsv == files["result.tsv"]
    with office.draw(draw_no) as draw:
        assert draw.result_sha256 == again.sha256
        assert draw.manifest_sha256 == manifest.sha256


def test_the_manifest_binds_every_frozen_file_and_its_predecessor(office: Office) -> None:
    first = office.drawn()
    second_plan = office.make.plan(
        name="第二次", deposits_close_at=None, opens_at=None, draw_on=local_date(office.clock.at)
    )
    office.deposits((None, None))
    office.clock.forward(days=1)
    office.tick()
    second = office.number_of(second_plan)
    before, after = (
        bundle.parse_manifest(office.files(no)["manifest.json"]) for no in (first, second)
    )
    assert before.prev == "0" * 64
    assert after.prev == before.sha256
    files = office.files(second)
    for name in ("population.tsv", "rules.json", "officers.tsv", "exclusions.tsv", "barred.tsv"):
        field = f"{name.partition('.')[0]}_sha256"
        assert getattr(after, field) == sha256(files[name]).hexdigest()


def test_a_plan_is_drawn_once_however_often_the_timetable_runs(office: Office) -> None:
    draw_no = office.drawn()
    assert [office.go(days=n) for n in range(3)] == [[], [], []]
    with office.draw(draw_no) as draw:
        assert len(queries.draws_of_plan(draw.plan_id)) == 1
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Task)) == 4


def test_a_late_start_catches_up_and_keeps_the_time_between_manifest_and_opening(
    office: Office,
) -> None:
    plan = office.sealed()
    assert office.go(days=20)[-1].endswith("announced")
    draw_no = office.number_of(plan)
    with office.draw(draw_no) as draw:
        assert draw.opens_at == office.clock.at + timedelta(hours=3)
    assert office.go(hours=2) == []
    assert [line.split()[-1] for line in office.go(hours=1)] == ["seeded", "drawn"]


def test_results_stay_inside_until_their_day_and_then_anybody_can_verify(office: Office) -> None:
    draw_no = office.drawn()
    assert public(office, draw_no) == PUBLIC_AT_ONCE
    assert office.go(days=29) == []
    assert public(office, draw_no) == PUBLIC_AT_ONCE
    assert office.go(days=2) == [f"{draw_no} published"]
    assert public(office, draw_no) == PUBLIC_AT_ONCE | REVEALED
    secret, entropy = bundle.parse_reveal(office.files(draw_no)["reveal.json"])
    assert secret == SECRET
    assert {bytes.fromhex(text) for text in entropy} == set(DEPOSITS)


def test_a_result_can_wait_for_the_last_visit(office: Office) -> None:
    draw_no = office.drawn(reveal=stages.AFTER_LAST_VISIT)
    assert office.go(days=90) == []
    office.complete_all()
    assert office.tick() == [f"{draw_no} published"]


def test_reasons_of_exclusions_are_for_auditors_only_and_for_ever(office: Office) -> None:
    draw_no = office.drawn()
    office.go(days=60)
    auditor, supervisor = office.person(Role.AUDITOR), office.person(Role.SUPERVISOR)
    with office.draw(draw_no) as draw:
        for name in ("exclusions.tsv", "barred.tsv"):
            assert reading.get_file(draw, name, auditor, office.clock.at).name == name
            for other in (supervisor, PUBLIC):
                with pytest.raises(reading.DrawFileNotFound):
                    reading.get_file(draw, name, other, office.clock.at)


# --- the secret ---


def test_neither_secret_nor_deposits_stand_in_the_database_before_publication(
    office: Office,
) -> None:
    draw_no = office.drawn()
    hidden = [value.hex() for value in (SECRET, *DEPOSITS)]
    dump = office.dump()
    assert draw_no in dump
    assert [value for value in hidden if value in dump] == []
    office.go(days=31)
    assert all(value in office.dump() for value in hidden), "what is published is found"


@pytest.mark.past_the_services
def test_a_sealed_value_that_is_moved_to_another_draw_does_not_open(office: Office) -> None:
    plan = office.sealed()
    office.tick()
    office.go(hours=12)
    draw_no = office.number_of(plan)
    with office.flask_app.app_context(), transaction():
        draw = service.get_draw(draw_no, plan.agency_id)
        for one in queries.deposits_of(draw.id):
            one.value_sealed = draw.secret_sealed or b""
    office.go(hours=4)
    assert office.state(draw_no) == "seeded"
    assert held(office, draw_no)[0] == "seal-broken"


def test_a_frozen_list_that_is_altered_stops_the_draw(office: Office) -> None:
    plan = office.sealed()
    office.tick()
    office.go(hours=12)
    draw_no = office.number_of(plan)
    with office.flask_app.app_context(), transaction():
        draw = service.get_draw(draw_no, plan.agency_id)
        file = queries.find_file(draw.id, "population.tsv")
        assert file is not None
        file.content = file.content.replace(b"\t15\n", b"\t30\n")
    office.go(hours=4)
    assert office.state(draw_no) == "seeded"
    assert held(office, draw_no)[0] == "draw-list-changed"


@pytest.mark.parametrize("name", ["officers.tsv", "barred.tsv"])
def test_altered_officers_or_bars_stop_the_draw(office: Office, name: str) -> None:
    plan = office.sealed()
    office.tick()
    office.go(hours=12)
    draw_no = office.number_of(plan)
    with office.flask_app.app_context(), transaction():
        draw = service.get_draw(draw_no, plan.agency_id)
        db.session.execute(
            sa.update(DrawFile)
            .where(DrawFile.draw_id == draw.id, DrawFile.name == name)
            .values(content=b"310105\n")
        )
    office.go(hours=4)
    assert held(office, draw_no)[0] == "draw-file-changed"


# --- deposits ---


def test_a_draw_waits_for_two_people_of_different_roles(office: Office) -> None:
    office.register()
    plan = office.make.plan()
    office.make.deposit(Role.CLERK)
    office.make.deposit(Role.CLERK)
    office.tick()
    office.go(hours=13)
    draw_no = office.number_of(plan)
    assert office.state(draw_no) == "frozen"
    with office.draw(draw_no) as draw:
        waiting = reading.waiting_for(draw, office.clock.at)
        assert waiting is not None
        assert (waiting.code, waiting.late) == ("deposits", True)
    office.make.deposit(Role.AUDITOR)
    office.tick()
    assert office.state(draw_no) == "announced"
    with office.draw(draw_no) as draw:
        taken = [(one.number, one.role) for one in queries.deposits_of(draw.id)]
    assert taken == [(1, "clerk"), (2, "auditor")], "the second clerk's waits for the next draw"


def test_a_deposit_after_the_manifest_is_refused(office: Office) -> None:
    plan = office.sealed()
    office.tick()
    by = office.person(Role.LEGAL_REVIEWER)

    def make(value: bytes) -> None:
        with office.flask_app.app_context(), transaction():
            draw = service.get_draw(office.number_of(plan), plan.agency_id)
            agency = people.get_agency(plan.agency_id)
            seeding.deposit(draw, value, agency=agency, by=by, at=office.clock.at)

    make(sha256(b"in time").digest())
    with pytest.raises(seeding.DepositTwice):
        make(sha256(b"again").digest())
    office.go(hours=12)
    with pytest.raises(seeding.DepositTooLate):
        make(sha256(b"too late").digest())


def test_a_standing_deposit_serves_one_draw(office: Office) -> None:
    first = office.drawn()
    plan = office.make.plan(
        draw_on=local_date(office.clock.at), deposits_close_at=None, opens_at=None
    )
    office.go(days=1)
    assert office.state(office.number_of(plan)) == "frozen"
    with office.draw(first) as draw:
        assert len(queries.deposits_of(draw.id)) == 2


def test_the_same_value_is_not_deposited_twice(office: Office) -> None:
    office.make.deposit(Role.AUDITOR, value=DEPOSITS[0])
    with pytest.raises(seeding.DepositTwice):
        office.make.deposit(Role.CLERK, value=DEPOSITS[0])


# --- dice ---


def test_dice_typed_by_two_people_of_different_roles_seed_the_draw(office: Office) -> None:
    draw_no = office.announced()
    first, second = office.person(Role.AUDITOR), office.person(Role.SUPERVISOR)
    assert dice(office, draw_no, DICE, first) == EntropyState.FIRST
    assert office.state(draw_no) == "announced"
    assert dice(office, draw_no, DICE, second) == EntropyState.SEALED
    assert office.state(draw_no) == "seeded"
    assert office.tick() == [f"{draw_no} drawn"]
    files = office.files(draw_no)
    again = bundle.draw(
        bundle.parse_manifest(files["manifest.json"]), files["population.tsv"], SECRET, [DICE]
    )
    assert again.result_tsv == files["result.tsv"]


def test_one_person_or_one_role_cannot_enter_the_dice_alone(office: Office) -> None:
    draw_no = office.announced()
    both = office.person(Role.AUDITOR, Role.SUPERVISOR)
    dice(office, draw_no, DICE, both)
    with pytest.raises(seeding.DiceByOnePerson):
        dice(office, draw_no, DICE, both)
    with pytest.raises(seeding.RoleNotSuited):
        dice(office, draw_no, DICE, office.person(Role.AUDITOR))
    assert office.state(draw_no) == "announced"


def test_dice_that_differ_are_struck_out_and_typed_anew_by_both(office: Office) -> None:
    draw_no = office.announced()
    first, second = office.person(Role.AUDITOR), office.person(Role.CLERK)
    dice(office, draw_no, DICE, first)
    assert dice(office, draw_no, DICE[::-1], second) == EntropyState.REJECTED
    assert office.state(draw_no) == "announced"
    assert dice(office, draw_no, DICE, second) == EntropyState.FIRST
    assert dice(office, draw_no, DICE, first) == EntropyState.SEALED
    with office.draw(draw_no) as draw:
        assert [one.state for one in queries.entries_of(draw.id)] == [
            EntropyState.REJECTED,
            EntropyState.REJECTED,
            EntropyState.SEALED,
            EntropyState.SEALED,
        ]


@pytest.mark.parametrize("digits", ["", "0123456789", DICE + "0", "0123456789 123456789", "①" * 20])
def test_anything_but_twenty_digits_is_no_throw(office: Office, digits: str) -> None:
    draw_no = office.announced()
    with pytest.raises(seeding.DiceMalformed):
        dice(office, draw_no, digits, office.person(Role.AUDITOR))


def test_an_attended_draw_without_fallback_never_draws_by_itself(office: Office) -> None:
    draw_no = office.announced()
    for _ in range(30):
        office.go(days=1)
    assert office.state(draw_no) == "announced"
    with office.draw(draw_no) as draw:
        waiting = reading.waiting_for(draw, office.clock.at)
        assert waiting is not None
        assert (waiting.code, waiting.late) == ("dice", True)
        assert 15 <= draw.reminders <= 24, "working days only"


def test_a_named_fallback_makes_a_new_sealed_draw_and_publishes_the_old_secret(
    office: Office,
) -> None:
    draw_no = office.announced(fallback=Fallback.SEALED)
    office.deposits()
    lines_done = office.go(days=8)
    assert f"{draw_no} void, replaced by 310105-2026-0002" in lines_done
    assert public(office, draw_no) >= {"manifest.json", "reveal.json"}
    assert "result.tsv" not in office.files(draw_no), "nobody rolled: there is no would-be result"
    office.go(hours=13)
    office.go(hours=4)
    assert office.state("310105-2026-0002") == "drawn"


# --- who is on the list ---


@pytest.mark.past_the_services
def test_who_is_excluded_counts_in_the_base_with_a_reason(office: Office) -> None:
    office.register(units=12)
    with office.flask_app.app_context(), transaction():
        units = {unit.archive_no: unit for unit in db.session.scalars(sa.select(Unit))}
        units["CN000"].state = "suspended"
        units["CN001"].state = "cancelled"
        units["CN002"].opened_on = local_date(office.clock.at) - timedelta(days=10)
        catalogue.supersede(
            "setting",
            "new-unit-grace-days",
            {
                **catalogue.get_row("setting", "new-unit-grace-days", date(2026, 1, 1)).body,
                "value": 30,
            },
            effective_from=date(2026, 10, 1),
            source="测试",
            by=office.make.by(),
            at=office.clock.at,
        )
    office.make.task(units["CN003"])
    office.deposits()
    plan = office.make.plan(strata={"公共场所/住宿场所": [50, 100]})
    office.tick()
    files = office.files(office.number_of(plan))
    assert lines(files["exclusions.tsv"]) == [
        ["CN000", "公共场所/住宿场所", "not-operating"],
        ["CN002", "公共场所/住宿场所", "newly-opened"],
        ["CN003", "公共场所/住宿场所", "open-task"],
    ]
    listed = {id_: weight for id_, _, weight in lines(files["population.tsv"])}
    assert "CN001" not in listed, "what ended for ever is no unit of the register any more"
    assert [listed[id_] for id_ in ("CN000", "CN002", "CN003")] == ["0", "0", "0"]
    with office.draw(office.number_of(plan)) as draw:
        assert [(row["listed"], row["eligible"], row["drawn"]) for row in draw.summary] == [
            (11, 8, 6)
        ], "half of eleven, rounded up"


def test_a_unit_drawn_this_year_is_not_drawn_again_in_its_specialty(office: Office) -> None:
    draw_no = office.drawn()
    office.complete_all()
    drawn = {
        line[4] for line in lines(office.files(draw_no)["result.tsv"]) if line[3] == "selected"
    }
    plan = office.make.plan(
        draw_on=local_date(office.clock.at), deposits_close_at=None, opens_at=None
    )
    office.tick()
    files = office.files(office.number_of(plan))
    assert {id_ for id_, _, reason in lines(files["exclusions.tsv"])} == drawn
    assert {reason for _, _, reason in lines(files["exclusions.tsv"])} == {"drawn-this-year"}
    assert {line[1] for line in lines(files["barred.tsv"])} == drawn, "their last teams stay away"
    assert {line[3] for line in lines(files["barred.tsv"])} == {"last-team", "last-lead"}


def test_weights_are_the_products_of_the_catalogue_on_the_day(office: Office) -> None:
    plan = office.sealed()
    office.tick()
    files = office.files(office.number_of(plan))
    weights = {id_: int(weight) for id_, _, weight in lines(files["population.tsv"])}
    assert [weights[f"CN{n:03d}"] for n in range(4)] == [10, 15, 20, 30], "credit unrated: as B, 1"
    factors = {one.field: one.weights for one in bundle.parse_rules(files["rules.json"])}
    assert factors["risk"] == {"A": 10, "B": 15, "C": 20, "D": 30}


def test_recusals_and_long_absences_bar_an_officer(office: Office) -> None:
    plan = office.sealed()
    with office.flask_app.app_context(), transaction():
        officers = list(db.session.scalars(sa.select(Officer).order_by(Officer.certificate_no)))
        unit = db.session.scalars(sa.select(Unit).where(Unit.archive_no == "CN005")).one()
        by, at = office.make.by(), office.clock.at
        today = local_date(at)
        people.declare_recusal(officers[0], unit.id, "interest", effective_from=today, by=by, at=at)
        people.declare_absence(
            officers[1],
            AbsenceReason.SECONDMENT,
            from_on=today,
            until_on=plan.due_on,
            by=by,
            at=at,
        )
        people.declare_absence(
            officers[2],
            AbsenceReason.LEAVE,
            from_on=today,
            until_on=today + timedelta(days=5),
            by=by,
            at=at,
        )
        names = [one.certificate_no for one in officers]
    office.tick()
    bars = lines(office.files(office.number_of(plan))["barred.tsv"])
    assert [line[1:] for line in bars if line[3] == "recusal"] == [["CN005", names[0], "recusal"]]
    assert {line[2] for line in bars if line[3] == "absence"} == {names[1]}
    assert sum(line[3] == "absence" for line in bars) == 12


def test_a_plan_with_a_unit_nobody_may_visit_is_refused_before_the_seed(office: Office) -> None:
    plan = office.sealed()
    with office.flask_app.app_context(), transaction():
        unit = db.session.scalars(sa.select(Unit).where(Unit.archive_no == "CN005")).one()
        officers = list(db.session.scalars(sa.select(Officer).order_by(Officer.certificate_no)))
        for officer in officers[1:]:
            people.declare_recusal(
                officer,
                unit.id,
                "interest",
                effective_from=local_date(office.clock.at),
                by=office.make.by(),
                at=office.clock.at,
            )
        left = officers[0].certificate_no
    office.tick()
    draw_no = office.number_of(plan)
    code, detail = held(office, draw_no)
    assert office.state(draw_no) == "planned"
    assert code == "draw-plan-not-feasible"
    assert "CN005" in (detail or "")
    assert left in (detail or "")
    office.make.officer()
    office.tick()
    assert office.state(draw_no) == "frozen"
    assert held(office, draw_no) == (None, None)


def test_a_class_without_ratio_is_refused_before_the_seed(office: Office) -> None:
    plan = office.sealed(strata={"公共场所/住宿场所": {"10": [1, 10], "15": [1, 5]}})
    office.tick()
    code, detail = held(office, office.number_of(plan))
    assert code == "draw-plan-not-feasible"
    assert "权重为 20" in (detail or "")


def test_a_recusal_declared_after_the_freeze_leaves_result_and_slot_open(office: Office) -> None:
    plan = office.sealed()
    office.tick()
    office.go(hours=12)
    with office.flask_app.app_context(), transaction():
        for officer in db.session.scalars(sa.select(Officer)):
            for unit_id in db.session.scalars(sa.select(Unit.id)):
                people.declare_recusal(
                    officer,
                    unit_id,
                    "interest",
                    effective_from=local_date(office.clock.at),
                    by=office.make.by(),
                    at=office.clock.at,
                )
    office.go(hours=4)
    draw_no = office.number_of(plan)
    with office.draw(draw_no):
        assert set(db.session.scalars(sa.select(Task.state))) == {"pending"}
    assert len(lines(office.files(draw_no)["assignment.tsv"])) == 4


def test_a_private_list_is_proved_line_by_line(office: Office) -> None:
    draw_no = office.drawn(list_public=False)
    office.go(days=31)
    assert public(office, draw_no) == (PUBLIC_AT_ONCE | REVEALED) - {"population.tsv"}
    files = office.files(draw_no)
    manifest = bundle.parse_manifest(files["manifest.json"])
    listed = files["population.tsv"].decode().splitlines()
    salts = [bytes.fromhex(line[2]) for line in lines(files["salts.tsv"])]
    leaves = [bundle.merkle_leaf(salt, line) for salt, line in zip(salts, listed, strict=True)]
    assert len(set(salts)) == 12
    assert bundle.merkle_holds(
        leaves[5], 5, 12, bundle.merkle_proof(leaves, 5), bytes.fromhex(manifest.merkle_root or "")
    )


# --- void ---


def test_a_void_draw_keeps_its_number_and_shows_secret_and_would_be_result(office: Office) -> None:
    plan = office.sealed()
    office.tick()
    office.go(hours=12)
    draw_no = office.number_of(plan)
    office.void(draw_no)
    assert office.tick() == [f"{draw_no} revealed"]
    assert public(office, draw_no) >= {"manifest.json", "reveal.json", "result.tsv"}
    assert lines(office.files(draw_no)["result.tsv"])
    with office.draw(draw_no):
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Task)) == 0
    assert office.go(days=30) == [], "nothing draws again by itself"


def test_a_void_draw_is_repeated_only_on_order_with_a_new_number_and_manifest(
    office: Office,
) -> None:
    draw_no = office.drawn_until_announced()
    office.void(draw_no)
    office.tick()
    with office.flask_app.app_context(), transaction():
        plan = service.get_draw(draw_no, office.make.home().id).plan
        by = office.make.by(office.make.home())
        plans.order_redraw(plan, "名单已更正", by=by, at=office.clock.at)
    office.deposits((None, None))
    office.tick()
    assert office.state("310105-2026-0002") == "announced"
    before, after = (
        bundle.parse_manifest(office.files(no)["manifest.json"])
        for no in (draw_no, "310105-2026-0002")
    )
    assert after.prev == before.sha256


def test_a_drawn_draw_cannot_be_voided(office: Office) -> None:
    draw_no = office.drawn()
    with pytest.raises(steps.DrawStateWrong):
        office.void(draw_no)


# --- plans ---


def test_a_plan_that_was_frozen_cannot_be_changed_or_withdrawn(office: Office) -> None:
    plan = office.sealed()
    office.tick()
    with office.flask_app.app_context(), transaction():
        again = plans.get_plan(plan.id, plan.agency_id)
        with pytest.raises(plans.PlanInUse):
            plans.withdraw_plan(again, "不需要", by=office.make.by(), at=office.clock.at)


def test_a_withdrawn_plan_is_not_drawn(office: Office) -> None:
    plan = office.sealed()
    with office.flask_app.app_context(), transaction():
        again = plans.get_plan(plan.id, plan.agency_id)
        plans.withdraw_plan(again, "不需要", by=office.make.by(), at=office.clock.at)
    assert office.go(days=5) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"period": "2025-Q4"}, "period"),
        ({"strata": {}}, "strata"),
        ({"strata": {"没有的专业": 3}}, "strata/没有的专业"),
        ({"strata": {"公共场所": [3, 2]}}, "strata/公共场所"),
        ({"due_on": date(2026, 11, 1)}, "due_on"),
        ({"reveal": "tomorrow"}, "reveal"),
        ({"reveal": "2026-11-01"}, "reveal"),
        ({"weight_factors": ("size",)}, "weight_factors"),
        ({"level": Level.ATTENDED, "fallback": Fallback.SEALED, "reveal": "x"}, "reveal"),
        ({"fallback": Fallback.SEALED}, "fallback"),
        ({"team_size": 1}, "team_size"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(
    office: Office, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(plans.PlanInvalid) as refused:
        office.make.plan(**values)
    assert f"#/{field}" in {error["pointer"] for error in refused.value.extras["errors"]}


def test_two_plans_of_one_period_need_different_names(office: Office) -> None:
    office.make.plan(name="四季度")
    with pytest.raises(plans.PlanTaken):
        office.make.plan(name="四季度")
