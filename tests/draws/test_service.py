"""A draw from plan to publication, by its services."""

from hashlib import sha256

import sqlalchemy as sa

from app.access import Actor
from app.days import local_date
from app.db import db, transaction
from app.draws import bundle, queries, rules, service
from app.draws.stages import EntropyState, SelectionKind
from app.tasks.models import Task
from tests.draws.office import DEPOSITS, SECRET, Office


def dice(office: Office, draw_no: str, digits: str, by: Actor) -> EntropyState:
    with office.flask_app.app_context(), transaction():
        draw = service.get_draw(draw_no, by.agency_id)
        return service.enter_dice(draw, digits, by=by, at=office.clock.at).state


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
