"""A start with its code: whatever is wrong with it, the visit takes place and is marked."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app import entry
from app.access import Role
from app.codes import rules, service
from app.codes.models import VisitCode
from app.codes.rules import Claim, Scanned
from app.days import local_date
from app.db import db, new_id
from app.journal.models import JournalEntry
from app.tasks import service as tasks
from app.units.models import Unit
from app.visits.models import Visit
from app.visits.rules import triggered_visit_id
from scheduler.jobs import JOBS
from tests.sync.conftest import ITEMS, answer, finish
from tests.sync.held import Held
from tests.sync.tablet import written


class Door:
    """An officer's tablet, a task of hers, and codes as a supervisor issues them."""

    def __init__(self, stage, tablet):
        self.stage, self.tablet = stage, tablet
        self.task = stage.task(tablet)
        self.by = stage.make.supervisor()

    @property
    def at(self):
        return self.stage.clock()

    def issue(self, *tasks, **values):
        tasks = tasks or (self.task,)
        officers = {member.officer_id for task in tasks for member in task.team}
        new = service.NewCode(
            **{
                "unit_id": tasks[0].unit_id,
                "officer_ids": sorted(officers),
                "valid_from": self.at - timedelta(hours=1),
                "valid_until": self.at + timedelta(hours=8),
                "task_ids": [one.id for one in tasks],
                **values,
            }
        )
        with self.stage.make.writing():
            return service.request_code(new, agency_id=self.by.agency_id, by=self.by, at=self.at)

    def revoke(self, code, at=None):
        with self.stage.make.writing():
            service.revoke_code(
                code.id, "改期", agency_id=self.by.agency_id, by=self.by, at=at or self.at
            )

    def text(self, code):
        with self.stage.flask_app.app_context():
            return service.text_of(code, entry.keys().receipt_key)

    def start(self, tablet=None, task=None, confirmation=None, **fields):
        tablet, task = tablet or self.tablet, task or self.task
        said = {
            "task_id": str(task.id),
            "unit_id": str(task.unit_id),
            "checklist_code": "lodging",
            "form_version": 1,
            **fields,
        }
        more = {"form_version": 3, "confirmation": confirmation}
        return tablet.op("visit.start", task.visit_id, said, **more)

    def push(self, *lines, tablet=None):
        answer = (tablet or self.tablet).push(lines)
        assert answer.status == 200, answer.body
        return answer.json["results"]

    def marks(self, task=None):
        with self.stage.flask_app.app_context():
            visit = db.session.get_one(Visit, (task or self.task).visit_id)
            return sorted({one.mark for one in visit.marks})

    def shown(self, text, task=None, tablet=None, **fields):
        """Push a start with this code; it is applied; return the marks."""
        line = self.start(tablet, task, code_text=text, **{"code_shown": "unit-scanned", **fields})
        (result,) = self.push(line, tablet=tablet)
        assert result["outcome"] == "applied", result
        return self.marks(task)


@pytest.fixture
def door(stage, tablet):
    return Door(stage, tablet)


def test_a_start_with_its_code_has_no_mark(door):
    assert door.shown(door.text(door.issue())) == []


def altered(text, place):
    return text[:place] + ("B" if text[place] == "A" else "A") + text[place + 1 :]


def test_a_start_whose_code_is_no_good_is_applied_and_marked(stage, door):
    text = door.text(door.issue())
    with stage.flask_app.app_context():
        forged = rules.write(
            Claim(Scanned.VISIT, new_id(), door.task.unit_id, door.at, door.at + timedelta(days=1)),
            Ed25519PrivateKey.generate().sign,
        )
        unit = db.session.get_one(Unit, stage.make.unit().id)
        unit_text = service.unit_text(unit, entry.keys().receipt_key)
    another = stage.task(door.tablet)
    for said, marks in (
        ({"code_text": forged}, ["code-forged"]),
        ({"code_text": altered(text, 70)}, ["code-forged"]),
        ({"code_text": altered(text, 130)}, ["code-forged"]),
        ({"code_text": "https://example.com"}, ["code-forged"]),
        ({"code_text": door.text(door.issue(another))}, ["code-other-unit", "code-other-visit"]),
        (
            {"code_text": unit_text, "unit_code_text": unit_text, "code_shown": "officer-scanned"},
            ["code-forged", "unit-code-other"],
        ),
        ({"unit_code_text": altered(unit_text, 9)}, ["code-missing", "unit-code-forged"]),
    ):
        task = stage.task(door.tablet)
        found = door.shown(said.pop("code_text", None), task=task, **said)
        assert [one for one in found if one != "code-other-officer"] == marks, said


def test_a_start_without_a_code_is_marked(door):
    (result,) = door.push(door.start(code_shown="not-shown"))
    assert (result["outcome"], door.marks()) == ("applied", ["code-missing"])
    assert door.stage.one(Visit, door.task.visit_id).code_mark == "code-missing"


def test_a_code_that_expired_while_the_tablet_was_offline_is_marked(door):
    code = door.issue(valid_until=door.at + timedelta(minutes=40))
    door.stage.clock.forward(minutes=50)
    assert door.shown(door.text(code)) == ["code-expired"]


def test_a_code_revoked_before_the_start_is_marked_and_one_revoked_after_it_is_not(door):
    code = door.issue()
    line = door.start(code_text=door.text(code), code_shown="unit-scanned")
    door.stage.clock.forward(minutes=10)
    door.revoke(code)
    door.push(line)
    assert door.marks() == []
    later = door.stage.task(door.tablet)
    second = door.issue(later)
    door.revoke(second)
    assert door.shown(door.text(second), task=later) == ["code-revoked"]


def test_one_code_on_two_tablets_marks_both_visits_and_the_pair_at_one_visit_does_not(stage, door):
    bo = stage.tablet("bo")
    hers, his = stage.task(door.tablet, bo), stage.task(bo)
    text = door.text(door.issue(hers))
    assert door.shown(text, task=hers) == []
    line = door.start(bo, hers, code_text=text, code_shown="unit-scanned")
    assert [one["outcome"] for one in door.push(line, tablet=bo)] == ["merged"]
    assert door.marks(hers) == []
    found = door.shown(text, task=his, tablet=bo)
    assert {"code-other-unit", "code-other-visit", "code-shared"} <= set(found)
    assert door.marks(hers) == ["code-shared"]


@contextmanager
def held_after_arriving(stage, marker):
    """Let the thread `marker` wait, its officer's arrival written, just before it commits."""
    written, go_on = threading.Event(), threading.Event()
    arrived = set()

    def here():
        return threading.current_thread().name

    def look(_connection, _cursor, statement, *_more):
        if here().startswith(marker) and statement.startswith("INSERT INTO visit_arrival"):
            arrived.add(here())

    def wait(_connection):
        if here() in arrived and not written.is_set():
            written.set()
            assert go_on.wait(20)

    with stage.flask_app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", look)
    sa.event.listen(engine, "commit", wait)
    try:
        yield written, go_on
    finally:
        go_on.set()
        sa.event.remove(engine, "commit", wait)
        sa.event.remove(engine, "before_cursor_execute", look)


def test_of_two_tablets_that_use_one_code_at_once_the_later_sees_the_other(stage, door):
    """Each has its own connection; the first has written and not committed when the other comes."""
    bo = stage.tablet("bo")
    hers, his = stage.task(door.tablet), stage.task(bo)
    text = door.text(door.issue(hers))
    said = {"code_text": text, "code_shown": "unit-scanned"}
    lines = door.start(task=hers, **said), door.start(bo, his, **said)
    with (
        ThreadPoolExecutor(1, thread_name_prefix="first") as first,
        ThreadPoolExecutor(1, thread_name_prefix="second") as second,
        held_after_arriving(stage, "first") as (written, go_on),
    ):
        early = first.submit(door.push, lines[0])
        assert written.wait(20)
        late = second.submit(door.push, lines[1], tablet=bo)
        time.sleep(0.5)
        assert not late.done(), "it waits for the code that the other holds"
        go_on.set()
        outcomes = [one.result(20)[0]["outcome"] for one in (early, late)]
    assert outcomes == ["applied", "applied"]
    assert door.marks(hers) == ["code-shared"]
    assert {"code-shared", "code-other-unit", "code-other-visit"} <= set(door.marks(his))
    with stage.flask_app.app_context():
        marked = sa.select(JournalEntry.subject_id).where(JournalEntry.event == "visit.marked")
        assert hers.visit_id in set(db.session.scalars(marked))


def test_a_colleague_who_showed_the_code_answers_for_the_pair_in_either_order(stage, door):
    bo = stage.tablet("bo")
    for first_shows in (True, False):
        task = stage.task(door.tablet, bo)
        text = door.text(door.issue(task))
        lines = {
            True: {"code_text": text, "code_shown": "unit-scanned"},
            False: {"code_shown": "not-shown"},
        }
        door.push(door.start(task=task, **lines[first_shows]))
        door.push(door.start(bo, task, **lines[not first_shows]), tablet=bo)
        assert door.marks(task) == []


def test_a_triggered_start_without_a_network_gets_its_code_afterwards_and_is_rated(stage, door):
    bo = stage.tablet("bo")
    unit = stage.make.unit()
    both = [
        stage.make.task(
            unit, team=[stage.officer_of(one) for one in pair], checklist_code="lodging"
        )
        for pair in ((door.tablet, bo), (bo, door.tablet))
    ]
    team = sorted([str(door.tablet.officer_id), str(bo.officer_id)])
    said = {"code_shown": "triggered", "reason": "检查码已撤销，群众举报", "officer_ids": team}
    door.push(*(door.start(task=one, code_mark="code-revoked", **said) for one in both))
    (merged,) = door.push(door.start(bo, both[0], **said), tablet=bo)
    assert merged["outcome"] == "merged"

    assert set(door.marks(both[0])) == {"code-revoked", "code-missing", "code-afterwards"}
    (code,) = stage.all(sa.select(VisitCode))[0]
    assert (code.kind, code.afterwards, code.reason) == ("triggered", True, said["reason"])
    assert {one.visit_id for one in code.tasks} == {one.visit_id for one in both}
    assert {str(one.officer_id) for one in code.officers} == set(team)
    with stage.make.writing():
        service.rate(db.session.merge(code), 5, None, at=stage.clock())


def test_a_tablet_gets_the_codes_of_its_tasks_hears_of_a_revocation_and_loses_them(stage, door):
    code, held = door.issue(), Held(door.tablet)
    held.pull()
    body = held.bodies("visit_code")[str(code.id)]
    assert body["text"] == door.text(code)
    assert body["tasks"] == [{"task_id": str(door.task.id), "visit_id": str(door.task.visit_id)}]
    assert (body["state"], body["revoked_at"]) == ("issued", None)
    door.revoke(code)
    held.pull()
    assert held.bodies("visit_code")[str(code.id)]["state"] == "revoked"
    stranger = Held(stage.tablet("cui"))
    stranger.pull()
    assert stranger.bodies("visit_code") == {}
    other = [one.id for one in (stage.make.officer(), stage.make.officer())]
    with stage.make.writing():
        reassign = {"reason": "换人", "by": door.by, "at": stage.clock()}
        tasks.reassign_task(door.task.id, other, other[0], **reassign)
    held.pull()
    assert held.bodies("visit_code") == {}


def test_a_code_without_a_task_leaves_the_tablets_when_its_days_passed_unused(stage, door):
    bo = stage.tablet("bo")
    pair = sorted([door.tablet.officer_id, bo.officer_id])
    asked = {"task_ids": (), "officer_ids": pair, "reason": "现场发现线索"}
    unused, used, long = (
        door.issue(
            **asked, unit_id=stage.make.unit().id, valid_until=door.at + timedelta(hours=more)
        )
        for more in (8, 8, 48)
    )
    held = Held(door.tablet)
    held.pull()
    assert set(held.bodies("visit_code")) == {str(one.id) for one in (unused, used, long)}
    said = {
        "task_id": None,
        "unit_id": str(used.unit_id),
        "checklist_code": None,
        "form_version": None,
        "reason": "现场发现线索",
        "code_shown": "triggered",
        "code_request_id": str(used.id),
        "officer_ids": [str(one) for one in pair],
    }
    day = local_date(door.at)
    visit_id = triggered_visit_id(used.unit_id, day, pair, used.id)
    line = door.tablet.op("visit.start", visit_id, said, form_version=3)
    (result,) = door.push(line)
    assert result["outcome"] == "applied", result

    def ended():
        with stage.flask_app.app_context():
            return JOBS["end-visit-codes"].run(at=stage.clock())

    assert ended() == "0 unused codes ended"
    stage.clock.forward(hours=9)
    assert (ended(), ended()) == ("1 unused codes ended", "0 unused codes ended")
    door.tablet.keep_tokens(door.tablet.tokens(refresh=door.tablet.refresh).json)
    held.pull()
    assert set(held.bodies("visit_code")) == {str(used.id), str(long.id)}


def test_a_supervisor_lists_the_visits_that_are_marked_and_reads_why(stage, door, client):
    door.push(door.start(code_shown="not-shown"))
    account = stage.make.account(Role.SUPERVISOR, login="chen")
    headers = stage.make.headers(account)
    for query, count in (("mark=code-missing", 1), ("mark=code-forged", 0), ("marked=false", 0)):
        found = client.get(f"/api/v1/visits?{query}", headers=headers)
        assert len(found.json["items"]) == count, found.json
    (mark,) = client.get("/api/v1/visits?marked=true", headers=headers).json["items"][0]["marks"]
    assert (mark["mark"], mark["words"]) == ("code-missing", "入企时没有检查码")
    whole = client.get(f"/api/v1/visits/{door.task.visit_id}", headers=headers).json
    assert [one["code_shown"] for one in whole["arrivals"]] == ["not-shown"]


def confirmed(door, officer_id):
    return {"officer_id": str(officer_id), "method": "pin", "at": written(door.at)}


def test_a_colleague_who_confirms_by_pin_came_along_and_one_officer_alone_is_marked(stage, door):
    bo = stage.tablet("bo")
    alone, together, late = (stage.task(door.tablet, bo) for _ in range(3))
    for task, by_pin in ((alone, None), (together, confirmed(door, bo.officer_id)), (late, None)):
        said = {"code_shown": "not-shown"}
        door.push(
            door.start(task=task, confirmation=by_pin, **said),
            *(answer(door.tablet, task, code) for code in ITEMS),
            finish(door.tablet, task),
        )
    assert "officer-alone" in door.marks(alone)
    assert "officer-alone" not in door.marks(together)
    came = stage.one(Visit, together.visit_id)
    assert {one.officer_id for one in came.attendance} == {door.tablet.officer_id, bo.officer_id}

    assert "officer-alone" in door.marks(late)
    door.push(door.start(bo, late, code_shown="not-shown"), tablet=bo)
    assert "officer-alone" not in door.marks(late)


@pytest.mark.parametrize("pin_first", [True, False])
def test_who_confirmed_by_pin_and_starts_himself_came_as_his_own_tablet_says(
    stage, door, pin_first
):
    bo = stage.tablet("bo")
    task = stage.task(door.tablet, bo)
    by_pin = confirmed(door, bo.officer_id)
    lines = [
        (door.start(task=task, code_shown="not-shown", confirmation=by_pin), door.tablet),
        (door.start(bo, task, code_shown="not-shown"), bo),
    ]
    for line, tablet in lines if pin_first else lines[::-1]:
        door.push(line, tablet=tablet)
    with stage.flask_app.app_context():
        visit = db.session.get_one(Visit, task.visit_id)
        (arrival,) = [one for one in visit.arrivals if one.officer_id == bo.officer_id]
        (attended,) = [one for one in visit.attendance if one.officer_id == bo.officer_id]
        assert (arrival.presence, arrival.device_id) == ("own", bo.device_id)
        assert attended.device_id == bo.device_id


def test_what_was_not_shown_or_asked_at_the_door_and_a_stranger_are_marked(door):
    line = door.start(
        code_shown="not-shown",
        certificate_shown=False,
        recusal_asked=False,
        recusal_requested=True,
        confirmation=confirmed(door, new_id()),
    )
    (result,) = door.push(line)
    assert (result["outcome"], door.marks()) == (
        "applied",
        [
            *("certificate-not-shown", "code-missing", "presence-unproven"),
            *("recusal-not-asked", "recusal-requested"),
        ],
    )
