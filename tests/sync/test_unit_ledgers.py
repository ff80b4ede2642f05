"""What a tablet knows of the entries into its units, and what it makes of the caps offline."""

from datetime import date

from app.caps import rules, service
from app.caps.rules import Cap, Entered
from app.tasks import service as tasks
from scheduler.jobs import JOBS
from tests.sync.conftest import start, whole_visit
from tests.sync.held import Held


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
