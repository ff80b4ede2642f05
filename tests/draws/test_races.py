"""Several who do the same at once: the database lets one through, whatever the lease says."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import sqlalchemy as sa

from app.access import Role
from app.db import db, transaction
from app.draws import progress, queries, seeding, service
from app.draws.models import Draw
from app.draws.stages import EntropyState
from app.tasks.models import Task
from tests.draws.office import DICE, Office

AT_ONCE = 4


def test_many_timetables_without_any_lease_draw_each_plan_once(office: Office) -> None:
    office.register()
    for number in range(2):
        office.deposits((None, None))
        office.make.plan(name=f"计划{number}", exclude_drawn=False)
    barrier = Barrier(AT_ONCE)

    def run(_: int) -> list[str]:
        barrier.wait()
        with office.flask_app.app_context():
            return progress.run_due(at=office.clock.at)

    done: list[str] = []
    for hours in (0, 12, 4):
        office.clock.forward(hours=hours)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            done += [line for lines in pool.map(run, range(AT_ONCE)) for line in lines]
    steps = ("planned", "frozen", "announced", "seeded", "drawn")
    assert sorted(done) == sorted(
        f"310105-2026-000{number} {step}" for number in (1, 2) for step in steps
    )
    with office.flask_app.app_context():
        states = list(db.session.scalars(sa.select(Draw.state)))
        serials = set(db.session.scalars(sa.select(Draw.announce_serial)))
        tasks = db.session.scalar(sa.select(sa.func.count()).select_from(Task))
    assert states == ["drawn", "drawn"]
    assert serials == {1, 2}, "one chain of manifests"
    assert tasks == 8


def test_two_who_type_the_dice_at_once_seal_them_together(office: Office) -> None:
    draw_no = office.announced()
    people = [office.person(role) for role in (Role.AUDITOR, Role.CLERK)]
    barrier = Barrier(len(people))

    def enter(number: int) -> str:
        by = people[number]
        barrier.wait()
        with office.flask_app.app_context(), transaction():
            draw = service.get_draw(draw_no, by.agency_id)
            return seeding.enter_dice(draw, DICE, by=by, at=office.clock.at).state

    with ThreadPoolExecutor(len(people)) as pool:
        states = sorted(pool.map(enter, range(len(people))))
    assert states == [EntropyState.FIRST, EntropyState.SEALED]
    with office.draw(draw_no) as draw:
        assert [one.state for one in queries.entries_of(draw.id)] == [EntropyState.SEALED] * 2
        assert draw.state == "seeded"
