"""A photo and its operation, in any order, whole or broken, once or twice, through two machines."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import flask
import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import db, transaction
from app.evidence import service as evidence
from app.evidence.models import Evidence, EvidenceLink
from app.evidence.rules import object_key
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.storage import Storage
from app.tasks.models import Task
from app.visits.models import VisitAnswer
from sync.feed import service as feed
from sync.inbox.models import Operation, Receipt
from sync.uploads import service as uploads
from sync.uploads.models import Upload
from tests.conftest import Place
from tests.sync.conftest import ITEMS, Stage, answer, start, whole_visit
from tests.sync.held import Held
from tests.sync.pushed import APPLIED, outcomes
from tests.sync.tablet import Answer, Tablet, through
from tests.sync.tus import Tus, photo, problem, sha256
from wsgi import create_app


def of_photo(data: bytes) -> dict[str, Any]:
    return {"sha256": sha256(data), "size": len(data), "mime": "image/jpeg", "role": "photo"}


class Shot:
    """One photo of one answer, and what becomes of it."""

    def __init__(self, stage: Stage, tablet: Tablet, data: bytes) -> None:
        self.stage, self.tablet, self.tus, self.data = stage, tablet, Tus(tablet), data
        self.task = stage.task(tablet)
        shown = {"attachments": [of_photo(data)]}
        self.lines = [
            start(tablet, self.task),
            answer(tablet, self.task, ITEMS[0], "no", "过期", **shown),
        ]

    def say(self) -> None:
        assert {outcome for outcome, _ in outcomes(self.tablet.push(self.lines))} <= {
            *("applied", "duplicate")
        }

    def bring(self, step: int = 1 << 30) -> None:
        self.tus.send(self.data, step=step)

    def bring_wrong(self) -> None:
        """Bytes of the same length that are not what was announced."""
        location = self.tus.begin(self.data)
        wrong = self.tus.patch(location, 0, b"\0" * len(self.data))
        assert problem(wrong) == (460, "hash-mismatch")

    def bring_cut(self) -> None:
        """Half of it, and then nothing for a while."""
        location = self.tus.begin(self.data)
        assert self.tus.patch(location, 0, self.data[: len(self.data) // 2]).status == 204
        self.stage.clock.forward(minutes=5)
        assert self.tus.offset(location) == len(self.data) // 2

    def end(self) -> dict[str, Any]:
        """What all of it came to."""
        self.stage.look_into_pictures()
        digest = sha256(self.data)
        storage: Storage = self.stage.flask_app.extensions["suicha_storage"]
        with self.stage.flask_app.app_context():
            (row,) = db.session.scalars(sa.select(Evidence).where(Evidence.sha256 == digest)).all()
            links = db.session.scalars(
                sa.select(EvidenceLink).where(EvidenceLink.evidence_id == row.id)
            ).all()
            given = db.session.scalars(
                sa.select(VisitAnswer).where(VisitAnswer.visit_id == self.task.visit_id)
            ).all()
            awaited = evidence.awaited_of([one.id for one in given])
            texts = db.session.scalars(
                sa.select(JournalEntry.event).where(JournalEntry.subject_id == row.id)
            ).all()
            return {
                "state": row.state,
                "size": row.size_bytes,
                "links": [(one.subject_type, one.role) for one in links],
                "answers": [(one.item_code, one.result) for one in given],
                "awaited": sum(awaited.values()),
                "events": sorted(texts),
                "whole": storage.get(object_key(row.agency_id, digest)) == self.data,
                "thumbnail": row.thumbnail,
                "place": (row.lat_e7, row.lon_e7, row.place_offset_m),
            }


WAYS: Mapping[str, tuple[str, ...]] = {
    "after its operation": ("say", "bring"),
    "before its operation": ("bring", "say"),
    "twice": ("say", "bring", "bring"),
    "twice, around its operation": ("bring", "say", "bring"),
    "said twice": ("say", "say", "bring", "say"),
    "cut, then whole": ("say", "bring_cut", "bring"),
    "cut before its operation came": ("bring_cut", "say", "bring"),
    "wrong bytes first": ("say", "bring_wrong", "bring"),
    "wrong bytes before its operation": ("bring_wrong", "say", "bring"),
}


def test_a_photo_comes_to_the_same_end_whichever_way_it_took(stage: Stage, tablet: Tablet):
    ends = {}
    for number, (way, steps) in enumerate(WAYS.items()):
        shot = Shot(stage, tablet, photo(number, edge=128))
        for step in steps:
            getattr(shot, step)()
        ends[way] = shot.end()
        assert ends[way].pop("size") == len(shot.data), way
        assert ends[way]["state"] == "stored", way
    assert [way for way, end in ends.items() if end != ends["after its operation"]] == []
    plain = ends["after its operation"]
    assert plain["events"] == ["evidence.attached", "evidence.inspected", "evidence.stored"]
    assert (plain["awaited"], plain["whole"], plain["thumbnail"]) == (0, True, True)
    stage.clock.forward(days=6)
    chen = stage.make.signed_in(Role.SUPERVISOR)
    waiting = chen.get("/api/sync/v1/review?kind=photos", headers={"Sync-Protocol": "1"})
    assert waiting.get_json()["items"] == []


@pytest.mark.parametrize("broken", ["nothing", "truncated", "no picture"])
@pytest.mark.parametrize("first", ["say", "bring"])
def test_a_photo_that_is_none_is_kept_with_what_was_said_of_it(
    stage: Stage, tablet: Tablet, broken: str, first: str
):
    whole = photo(7, edge=128)
    data = {"nothing": b"", "truncated": whole[: len(whole) // 2], "no picture": b"x" * 900}[broken]
    shot = Shot(stage, tablet, data)
    for step in (first, "bring" if first == "say" else "say"):
        getattr(shot, step)()
    end = shot.end()
    assert (end["state"], end["whole"], end["awaited"]) == ("not-a-picture", True, 0)
    assert end["answers"] == [(ITEMS[0], "no")], "the answer stands"
    assert end["links"] == [("visit_answer", "photo")]


def test_one_picture_for_two_answers_and_twice_for_one_is_stored_once(stage: Stage, tablet: Tablet):
    task, data = stage.task(tablet), photo(1, edge=128)
    twice = {"attachments": [of_photo(data), of_photo(data)]}
    lines = [
        start(tablet, task),
        answer(tablet, task, ITEMS[0], "no", "过期", **twice),
        answer(tablet, task, ITEMS[1], "no", "脏", attachments=[of_photo(data)]),
    ]
    assert outcomes(tablet.push(lines)) == [APPLIED] * 3
    Tus(tablet).send(data)
    Tus(stage.tablet("bo")).send(data)
    assert stage.count(Evidence) == 1
    assert stage.count(EvidenceLink) == 2
    assert stage.count(JournalEntry, JournalEntry.event == "evidence.stored") == 1


# --- two web machines --------------------------------------------------------------------------


@pytest.fixture
def machines(stage: Stage, place: Place) -> Iterator[list[flask.Flask]]:
    """Two machines over one database and one storage."""
    second = create_app(place.environ)
    yield [stage.flask_app, second]
    with second.app_context():
        db.session.remove()
        db.engine.dispose()


def in_turn(machines: list[flask.Flask]) -> Callable[..., Answer]:
    """A balancer that gives each request to the other machine than the one before."""
    sends = [through(one.test_client()) for one in machines]
    turn = [0]

    def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        turn[0] = 1 - turn[0]
        return sends[turn[0]](method, path, body, headers)

    return send


def test_two_web_machines_in_turn_are_one_server(
    stage: Stage, tablet: Tablet, machines: list[flask.Flask]
):
    tablet.send = in_turn(machines)
    task, tus, held = stage.task(tablet), Tus(tablet), Held(tablet)
    lines, data = whole_visit(tablet, task), photo(3)

    location = tus.begin(data)
    for begin in range(0, len(data), 3000):
        piece = data[begin : begin + 3000]
        assert tus.patch(location, begin, piece).status == 204
    for begin in range(0, len(lines), 3):
        assert {one for one, _ in outcomes(tablet.push(lines[begin : begin + 3]))} == {"applied"}
        held.pull_page(limit=20)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    tablet.keep_tokens(tablet.tokens(challenge=tablet.challenge()).json)
    held.pull(limit=20)

    assert {one for one, _ in outcomes(tablet.push(lines))} == {"duplicate"}
    assert stage.one(Task, task.id).state == "submitted"
    assert stage.count(Operation) == stage.count(Receipt) == len(lines)
    with stage.flask_app.app_context():
        (row,) = db.session.scalars(sa.select(Evidence)).all()
        storage: Storage = machines[1].extensions["suicha_storage"]
        assert (row.state, storage.get(object_key(row.agency_id, row.sha256))) == ("stored", data)
        assert feed.differences() == []
        assert journal.verify()[1] == []
    assert held.verify() == {"behind": False, "differs": []}


def test_a_lease_taken_on_one_machine_holds_on_the_other_until_it_is_stale(
    stage: Stage, tablet: Tablet, machines: list[flask.Flask]
):
    data, sends = photo(4), [through(one.test_client()) for one in machines]
    here = Tus(tablet)
    there = Tus(Tablet(sends[1], stage.clock, access=tablet.access))
    location = here.begin(data)
    assert here.patch(location, 0, data[:100]).status == 204
    upload_id = UUID(location.rsplit("/", 1)[1])
    with machines[0].app_context(), transaction():
        life = timedelta(seconds=15)
        uploads.hold_lease(upload_id, "a" * 32, offset=100, life=life, at=stage.clock())

    locked = there.patch(location, 100, data[100:])
    assert problem(locked) == (423, "upload-locked")
    assert there.offset(location) == 100
    stage.clock.forward(seconds=16)
    assert there.patch(location, 100, data[100:200]).status == 204
    late = here.patch(location, 100, data[100:300])

    assert problem(late) == (409, "upload-offset-wrong")
    assert here.patch(location, 200, data[200:]).status == 204
    row = stage.one(Upload, upload_id)
    assert (row.state, row.lease) == ("done", None)
    assert stage.count(Evidence, Evidence.state == "stored") == 1
