"""What happened at the office while a tablet was away, and what two tablets did without each other.

Each pair of events is tried in both orders of arrival: nothing is lost in either.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import db, transaction
from app.evidence.models import Evidence, EvidenceLink
from app.evidence.rules import EvidenceState
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.people import accounts
from app.people import service as people
from app.people.models import Account, Officer
from app.tasks import service as tasks
from app.tasks.models import Task
from app.visits import rules as visit_rules
from app.visits.models import Finding, Visit, VisitAnswer
from sync.feed import service as feed
from sync.inbox.models import Operation, Receipt
from tests.factories import OTHER_DISTRICT, PASSWORD
from tests.sync.conftest import ITEMS, Stage, answer, start
from tests.sync.held import Held
from tests.sync.pushed import APPLIED, outcomes
from tests.sync.tablet import Answer, Tablet, op_of
from tests.sync.tus import Tus, photo, sha256


def bodies(pushed: Answer) -> list[str]:
    return [one["receipt"]["body"] for one in pushed.json["results"]]


def of_photo(data: bytes) -> dict[str, Any]:
    return {"sha256": sha256(data), "size": len(data), "mime": "image/jpeg", "role": "photo"}


# --- reassigned, closed, taken away, deleted: a finding, a photo, a word of status -------------


class Office:
    """What people do to a task while its tablet is away."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.chen = stage, stage.make.supervisor()
        self.ding = stage.make.supervisor()
        self.elsewhere = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")

    def _do(self, verb: Callable[..., Any], *args: Any, **more: Any) -> None:
        more = {"by": self.chen, "at": self.stage.clock(), **more}
        with self.stage.flask_app.app_context(), transaction():
            verb(*args, **more)

    def reassigned(self, task: Task) -> None:
        team = [self.stage.make.officer().id for _ in range(2)]
        self._do(tasks.reassign_task, task.id, team, team[0], reason="调岗")

    def closed(self, task: Task) -> None:
        paper = self.stage.make.stored_evidence()
        self._do(tasks.propose_closing, task.id, "ceased", "大门紧锁", [paper])
        self._do(tasks.approve_closing, task.id, by=self.ding)

    def taken_away(self, task: Task) -> None:
        """The task is no longer this agency's, as after a draw that was declared void."""
        with self.stage.make.writing():
            db.session.get_one(Task, task.id).agency_id = self.elsewhere.id

    def deleted(self, task: Task) -> None:
        """Its rows are gone, as after a restore from a backup that lacks them."""
        with self.stage.make.writing():
            of_visit = sa.bindparam("visit", task.visit_id, sa.Uuid())
            of_task = sa.bindparam("task", task.id, sa.Uuid())
            for table in OF_VISIT:
                query = sa.text(f"DELETE FROM {table} WHERE visit_id = :visit")  # noqa: S608
                db.session.execute(query.bindparams(of_visit))
            for table, column in (
                ("visit", "task_id"),
                ("task_officer", "task_id"),
                ("task", "id"),
            ):
                query = sa.text(f"DELETE FROM {table} WHERE {column} = :task")  # noqa: S608
                db.session.execute(query.bindparams(of_task))


OF_VISIT = (
    *("finding", "visit_answer", "visit_attendance", "visit_signature"),
    *("visit_arrival", "visit_mark"),
)
EVENTS: Mapping[str, str] = {
    "reassigned": "late-contribution",
    "closed": "task-closed",
    "taken_away": "task-gone",
    "deleted": "visit-unknown",
}


def offline_work(tablet: Tablet, task: Task, data: bytes) -> list[bytes]:
    """A finding with a photo of its own, a further photo of the visit, and a word of status."""
    said = {"visit_id": str(task.visit_id), "text": "布草间堆放杂物"}
    shown = {"subject_type": "visit", "subject_id": str(task.visit_id)}
    return [
        tablet.op("visit.state_finding", uuid4(), said, attachments=[of_photo(data)]),
        tablet.op("evidence.attach", uuid4(), shown, attachments=[of_photo(data + b"\0")]),
        tablet.op("visit.interrupt", task.visit_id, {"reason": "停电"}),
    ]


@pytest.mark.past_the_services
@pytest.mark.parametrize("event", EVENTS)
def test_what_was_done_offline_is_kept_whichever_came_first(
    stage: Stage, tablet: Tablet, event: str
):
    office, tus = Office(stage), Tus(tablet)
    chen = stage.make.signed_in(Role.SUPERVISOR)
    for number, event_first in enumerate((True, False)):
        task, data = stage.task(tablet), photo(number, edge=64)
        assert outcomes(tablet.push([start(tablet, task)])) == [APPLIED]
        work = offline_work(tablet, task, data)
        if event_first:
            getattr(office, event)(task)
            before = stage.count(Finding)
            pushed = tablet.push(work)
            assert outcomes(pushed) == [("quarantined", EVENTS[event])] * 3
            assert stage.count(Finding) == before, "nobody accepted it yet"
        else:
            pushed = tablet.push(work)
            assert outcomes(pushed) == [APPLIED] * 3
            getattr(office, event)(task)
        tus.send(data)
        tus.send(data + b"\0")

        again = tablet.push(work)
        assert {outcome for outcome, _ in outcomes(again)} == {"duplicate"}
        assert bodies(again) == bodies(pushed)
        subjects = {row.subject_type for row in links_of(stage, work)}
        assert subjects == ({"operation"} if event_first else {"finding", "visit"})
        hashes = [sha256(data), sha256(data + b"\0")]
        stored = Evidence.state == EvidenceState.STORED, Evidence.sha256.in_(hashes)
        assert stage.count(Evidence, *stored) == 2

    waiting = listed(chen)
    applied = {json.loads(line)["op"] for line in work}
    assert applied.isdisjoint(one["op"] for one in waiting), "what was applied waits for nobody"
    kind = "quarantine" if event == "deleted" else "late"
    assert [(one["kind"], one["reason"]) for one in waiting] == [(kind, EVENTS[event])] * 3
    assert {one["officer_id"] for one in waiting} == {str(tablet.officer_id)}
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []


def links_of(stage: Stage, lines: Sequence[bytes]) -> list[Any]:
    ids = [UUID(op_of(line)["op_id"]) for line in lines]
    return stage.all(sa.select(EvidenceLink.subject_type).where(EvidenceLink.op_id.in_(ids)))


def listed(client: Any) -> list[dict[str, Any]]:
    found = client.get("/api/sync/v1/review?limit=200", headers={"Sync-Protocol": "1"})
    assert found.status_code == 200, found.data
    items: list[dict[str, Any]] = found.get_json()["items"]
    return items


# --- one visit on both tablets -----------------------------------------------------------------


class Pair:
    """Two tablets without a network, and the one visit that both begin."""

    def __init__(self, stage: Stage, an: Tablet, bo: Tablet, kind: str) -> None:
        self.stage, self.an, self.bo, self.kind = stage, an, bo, kind
        self.task = stage.task(an, bo)
        self.unit_id, self.task_id = self.task.unit_id, str(self.task.id)
        self.visit_id = self.task.visit_id
        self.said: dict[str, Any] = {"task_id": self.task_id}
        if kind == "planned":
            return
        officers = [bo.officer_id, an.officer_id]
        request = uuid4() if kind == "triggered by a request" else None
        self.visit_id = visit_rules.triggered_visit_id(
            self.unit_id, stage.clock().date(), officers, request
        )
        self.said = {
            "task_id": None,
            "reason": "群众举报",
            "officer_ids": [str(x) for x in officers],
        }
        if request is not None:
            self.said["code_request_id"] = str(request)

    def work(self, tablet: Tablet, item: str, data: bytes) -> list[bytes]:
        """What one tablet writes: it begins the visit, answers, finds and photographs."""
        begun = {"unit_id": str(self.unit_id), "checklist_code": "lodging", "form_version": 1}
        item_id = visit_rules.item_id(item)
        visit = {"visit_id": str(self.visit_id)}
        return [
            tablet.op("visit.start", self.visit_id, {**begun, **self.said}),
            tablet.op(
                "visit.answer_item",
                visit_rules.answer_id(self.visit_id, item_id),
                {**visit, "item_id": str(item_id), "result": "no", "note": item},
            ),
            tablet.op(
                "visit.state_finding",
                uuid4(),
                {**visit, "text": item},
                attachments=[of_photo(data)],
            ),
        ]

    def entry(self) -> dict[str, Any]:
        """The visit as it stands, by whom."""
        with self.stage.flask_app.app_context():
            visit = db.session.get_one(Visit, self.visit_id)
            of_it = VisitAnswer.visit_id == self.visit_id
            answers = db.session.scalars(sa.select(VisitAnswer).where(of_it)).all()
            found = db.session.scalars(
                sa.select(Finding).where(Finding.visit_id == self.visit_id)
            ).all()
            links = db.session.scalars(
                sa.select(EvidenceLink).where(EvidenceLink.subject_id.in_([f.id for f in found]))
            ).all()
            return {
                "state": visit.state,
                "kind": visit.kind,
                "attendance": {(one.officer_id, one.device_id) for one in visit.attendance},
                "answers": {(one.item_code, one.officer_id) for one in answers},
                "findings": {(one.text, one.officer_id) for one in found},
                "photos": len(links),
            }


@pytest.mark.parametrize("kind", ["planned", "triggered", "triggered by a request"])
def test_both_tablets_of_a_pair_begin_one_visit_without_each_other(stage: Stage, kind: str):
    an, bo = stage.tablet("an"), stage.tablet("bo")
    entries = []
    for first, second in ((an, bo), (bo, an)):
        pair = Pair(stage, an, bo, kind)
        work = {
            an.device_id: pair.work(an, ITEMS[0], photo(1, edge=64)),
            bo.device_id: pair.work(bo, ITEMS[1], photo(2, edge=64)),
        }
        came = [outcomes(one.push(work[one.device_id])) for one in (first, second)]

        assert came == [[APPLIED] * 3, [("merged", None), APPLIED, APPLIED]]
        entry = pair.entry()
        assert entry["attendance"] == {(x.officer_id, x.device_id) for x in (an, bo)}
        assert entry["answers"] == {(ITEMS[0], an.officer_id), (ITEMS[1], bo.officer_id)}
        assert entry["findings"] == {(ITEMS[0], an.officer_id), (ITEMS[1], bo.officer_id)}
        assert entry["photos"] == 2
        began = JournalEntry.event == "visit.started", JournalEntry.subject_id == pair.visit_id
        assert stage.count(JournalEntry, *began) == 2
        assert stage.count(Visit, Visit.unit_id == pair.unit_id) == 1
        for one in (an, bo):
            held = Held(one)
            held.pull()
            assert str(pair.visit_id) in held.shown("visit")
            texts = {body["text"] for body in held.bodies("finding").values()}
            assert texts == {ITEMS[0], ITEMS[1]}
        entries.append(entry)
    assert entries[0] == entries[1], "who was first makes no difference"
    with stage.flask_app.app_context():
        assert feed.differences() == []


# --- who it was --------------------------------------------------------------------------------


def test_whoever_signed_is_the_author_or_nobody_is(stage: Stage, tablet: Tablet):
    """Every way in which officer, session and time can fail to agree; none of them is guessed."""
    bo = stage.tablet("bo")
    stage.officer("cai")
    shared = tablet.request("POST", "/sessions", {"login": "cai", "password": PASSWORD}).json
    cai = {"officer_id": shared["officer_id"], "user_session_id": shared["user_session_id"]}
    stranger = stage.make.officer(stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    team = [
        stage.one(Officer, one) for one in (tablet.officer_id, bo.officer_id, cai["officer_id"])
    ]
    task = stage.make.task(team=team, checklist_code="lodging")
    tablet.push([start(tablet, task)])
    mine = {"officer_id": str(tablet.officer_id), "user_session_id": str(tablet.session_id)}
    theirs = {"officer_id": str(bo.officer_id), "user_session_id": str(bo.session_id)}
    cases: list[tuple[dict[str, str], str | None]] = [
        (mine, str(tablet.officer_id)),
        (cai, cai["officer_id"]),
        ({**mine, "officer_id": cai["officer_id"]}, None),
        ({**cai, "officer_id": mine["officer_id"]}, None),
        (theirs, None),
        ({**mine, "officer_id": theirs["officer_id"]}, None),
        ({**mine, "user_session_id": theirs["user_session_id"]}, None),
        ({**mine, "officer_id": str(stranger.id)}, None),
        ({**mine, "officer_id": str(uuid4())}, None),
        ({**mine, "user_session_id": str(uuid4())}, None),
    ]
    lines = [answer(tablet, task, ITEMS[number], **said) for number, (said, _) in enumerate(cases)]

    found = outcomes(tablet.push(lines))

    assert found == [APPLIED if who else ("quarantined", "author") for _, who in cases]
    stands = dict(stage.all(sa.select(VisitAnswer.item_code, VisitAnswer.officer_id)))
    wanted = {ITEMS[n]: UUID(who) for n, (_, who) in enumerate(cases) if who is not None}
    assert stands == wanted


@pytest.mark.parametrize("ending", ["suspended", "left", "run out"])
def test_a_session_that_ended_takes_back_nothing_and_lends_nobody_a_name(
    stage: Stage, tablet: Tablet, ending: str
):
    task = stage.task(tablet)
    before = [start(tablet, task), answer(tablet, task, ITEMS[0])]
    by = stage.make.by(stage.make.home())
    if ending == "run out":
        stage.clock.forward(days=91)
    else:
        with stage.make.writing():
            account = db.session.get_one(Account, stage.logins["an"].id)
            officer = db.session.get_one(Officer, tablet.officer_id)
            who: Any = {"by": by, "at": stage.clock()}
            if ending == "suspended":
                accounts.suspend_account(account, **who)
            else:
                people.change_officer(officer, {"state": "left"}, **who)
    after = answer(tablet, task, ITEMS[1])
    if ending == "run out":
        tablet.keep_tokens(tablet.tokens(challenge=tablet.challenge()).json)

    found = outcomes(tablet.push([*before, after]))

    refused = ("quarantined", "author")
    if ending == "run out":
        assert found == [APPLIED, APPLIED, refused]
    else:
        assert found == [refused] * 3, "a supervisor decides about all of it"
    assert stage.count(Operation) == stage.count(Receipt) == 3
    named = stage.all(sa.select(VisitAnswer.officer_id))
    assert [row.officer_id for row in named] == [tablet.officer_id] * (ending == "run out")
