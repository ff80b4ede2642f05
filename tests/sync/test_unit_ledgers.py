"""What a tablet knows of the entries into its units, and what it makes of the caps offline."""

from datetime import date

import pytest
import sqlalchemy as sa

from app.caps import rules, service
from app.caps.models import CapException
from app.caps.rules import Cap, Entered
from app.db import db
from app.tasks import service as tasks
from app.visits.models import Visit
from scheduler.jobs import JOBS
from sync.simulate import door
from sync.simulate.line import Faults, Line
from sync.simulate.tablet import Tablet as SimulatedTablet
from tests.chance import chance
from tests.sync.conftest import start, whole_visit
from tests.sync.held import Held
from tests.sync.pushed import APPLIED, outcomes


def count(stage):
    with stage.flask_app.app_context():
        return JOBS["count-unit-ledgers"].run(at=stage.clock())


def asked_offline(held, unit_id, intended):
    """What each cap says of an entry, by the tablet's own rows alone."""
    (ledger,) = [one for one in held.bodies("unit_ledger").values() if one["unit_id"] == unit_id]
    entries = [rules.read_entry(one) for one in ledger["entries"]]
    on = intended.on.isoformat()
    excepted = {
        one["cap_code"] for one in ledger["exceptions"] if one["from_on"] <= on <= one["until_on"]
    }
    caps = [
        Cap.from_body(body["code"], body)
        for body in held.bodies("visit_cap").values()
        if body["effective_from"] <= on <= (body["effective_to"] or on)
    ]
    return {
        cap.code: rules.ask(cap, intended, entries, excepted=cap.code in excepted).verdict
        for cap in caps
    }


def test_a_tablet_answers_as_the_server_would_up_to_the_instant_that_it_is_told(stage, tablet):
    unit = stage.make.unit()
    team = [stage.officer_of(tablet), stage.make.officer()]
    first, second = (
        stage.make.task(unit, team=team, checklist_code="lodging", origin="routine")
        for _ in range(2)
    )
    held = Held(tablet)
    assert count(stage).startswith("entries into 1 ")
    held.pull()
    (empty,) = held.bodies("unit_ledger").values()
    assert (empty["unit_id"], empty["entries"]) == (str(unit.id), [])

    tablet.push(whole_visit(tablet, first))
    stage.clock.forward(minutes=10)
    count(stage)
    held.pull()
    (told,) = held.bodies("unit_ledger").values()
    assert [one["visit_id"] for one in told["entries"]] == [str(first.visit_id)]
    assert told["counted_until"] > empty["counted_until"]

    today = date(2026, 11, 21)
    officers = frozenset(one.id for one in team)
    offline = asked_offline(
        held, str(unit.id), Entered(today, frozenset({"routine"}), officers=officers)
    )
    with stage.flask_app.app_context():
        intended = service.Intended(today, frozenset({"routine"}), officers=officers)
        answers = service.ask(unit.id, intended, agency_id=unit.agency_id).answers
    assert offline == {one.cap.code: one.verdict for one in answers}
    assert offline["entries-per-day"] == "flag"

    assert count(stage).startswith("entries into 0 "), "nothing took place since"
    tablet.push([start(tablet, second)])
    assert count(stage).startswith("entries into 1 ")


def went(stage, unit, *team):
    """An entry by a team of its own, as the ledger knows it."""
    task = stage.make.task(unit, team=team, checklist_code="lodging", origin="routine")
    stage.make.visit(task, *team)


def offline(held):
    """The simulated tablet, with the rows that this one holds and nobody at the other end."""
    found = SimulatedTablet(Line("http://127.0.0.1:9", name="an", faults=Faults(chance(1))), seed=1)
    for rows in held.rows.values():
        found.rows.update(rows)
    return found


def start_saying(tablet, task, **said):
    fields = {
        "task_id": str(task.id),
        "unit_id": str(task.unit_id),
        "checklist_code": "lodging",
        "form_version": 1,
        "code_shown": "not-shown",
        **said,
    }
    return tablet.op("visit.start", task.visit_id, fields, form_version=4)


@pytest.mark.parametrize("said", [True, False])
def test_beyond_a_cap_a_tablet_warns_and_asks_why_and_the_server_marks_and_waits(
    stage, tablet, said
):
    unit = stage.make.unit()
    for _ in range(2):
        went(stage, unit, stage.make.officer(), stage.make.officer())
    team = [stage.officer_of(tablet), stage.make.officer()]
    task, along = (
        stage.make.task(unit, team=team, checklist_code="lodging", origin="routine")
        for _ in range(2)
    )
    count(stage)
    held = Held(tablet)
    held.pull()
    simulated = offline(held)
    row = {"id": str(task.id), **simulated.rows["task", str(task.id)]["body"]}
    fields = door.beyond_caps(simulated, row, stage.clock())
    assert fields == {"cap_reason": door.AGAIN}
    assert [one["reason"] for one in simulated.made] == ["cap-exceeded"]

    shown = fields if said else {}
    pushed = tablet.push([start_saying(tablet, one, **shown) for one in (task, along)])
    assert outcomes(pushed) == [APPLIED, APPLIED], "nothing is refused for a cap"
    with stage.flask_app.app_context():
        marks = [
            {one.mark for one in db.session.get_one(Visit, one.visit_id).marks}
            for one in (task, along)
        ]
        wanted = {"cap-exceeded"} if said else {"cap-exceeded", "cap-unreasoned"}
        assert [one & {"cap-exceeded", "cap-unreasoned"} for one in marks] == [wanted, wanted]
        asked = db.session.scalars(sa.select(CapException)).all()
    if not said:
        assert asked == []
        return
    (one,) = asked  # one entry, for whatever it was
    assert (one.cap_code, one.state, one.reason) == ("entries-per-year", "proposed", door.AGAIN)
    assert one.proposed_officer_id == stage.officer_of(tablet).id
    by = stage.make.supervisor()
    with stage.make.writing():
        service.approve_exception(one.id, by=by, at=stage.clock())
    stage.clock.forward(minutes=10)
    count(stage)
    held.pull()
    assert door.beyond_caps(offline(held), row, stage.clock()) == {}


def test_a_ledger_leaves_with_the_unit_and_no_other_tablet_sees_it(stage, tablet):
    task = stage.task(tablet)
    count(stage)
    held, stranger = Held(tablet), Held(stage.tablet("cui"))
    held.pull()
    stranger.pull()
    assert len(held.bodies("unit_ledger")) == 1
    assert stranger.bodies("unit_ledger") == {}
    other = [one.id for one in (stage.make.officer(), stage.make.officer())]
    by = stage.make.supervisor()
    with stage.make.writing():
        tasks.reassign_task(task.id, other, other[0], reason="换人", by=by, at=stage.clock())
    held.pull()
    assert held.bodies("unit_ledger") == {}
