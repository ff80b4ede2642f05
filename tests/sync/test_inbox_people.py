"""Who signed what is pushed, and what happens when several say something about one thing."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from app.db import db
from app.evidence.models import EvidenceLink
from app.journal import service as journal
from app.people import accounts
from app.people.models import Account, Officer
from app.tasks.models import Task
from app.visits.models import Visit, VisitAnswer
from sync.devices import service as devices
from sync.devices.rules import DeviceState
from sync.inbox import rules
from sync.inbox.models import Operation, ReviewItem
from tests.factories import OTHER_DISTRICT, PASSWORD
from tests.sync.conftest import ITEMS, Stage, answer, start, whole_visit
from tests.sync.pushed import APPLIED, outcomes, values_of
from tests.sync.tablet import Answer, Tablet, op_of


def test_an_officer_who_is_not_in_session_on_the_tablet_is_no_author(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    bo = stage.tablet("bo")
    lines = [
        tablet.op("task.accept", task.id, {}, officer_id=str(bo.officer_id)),
        tablet.op("task.accept", task.id, {}, user_session_id=str(bo.session_id)),
        tablet.op("task.accept", task.id, {}, user_session_id=str(uuid4())),
    ]

    assert outcomes(tablet.push(lines)) == [("quarantined", "author")] * 3
    assert stage.one(Task, task.id).state == "assigned"


def test_after_a_change_of_shift_each_operation_is_its_own_officers(stage: Stage, tablet: Tablet):
    stage.officer("bo")
    session = tablet.request("POST", "/sessions", {"login": "bo", "password": PASSWORD}).json
    bo = stage.make.task(
        team=[stage.one(Officer, session["officer_id"]), stage.make.officer()],
        checklist_code="lodging",
    )
    mine = stage.task(tablet)
    theirs = {
        "officer_id": session["officer_id"],
        "user_session_id": session["user_session_id"],
    }

    pushed = tablet.push(
        [
            tablet.op("task.accept", mine.id, {}),
            tablet.op("task.accept", bo.id, {}, **theirs),
            tablet.op("task.accept", bo.id, {}),
        ]
    )

    assert outcomes(pushed) == [APPLIED, APPLIED, ("quarantined", "late-contribution")]


def test_work_recorded_in_session_is_taken_after_the_session_ended_and_later_work_is_not(
    stage: Stage, tablet: Tablet
):
    first, second = stage.task(tablet), stage.task(tablet)
    stage.clock.forward(days=89)
    within = tablet.op("task.accept", first.id, {})
    stage.clock.forward(days=5)
    after = tablet.op("task.accept", second.id, {})
    tablet.keep_tokens(tablet.tokens(challenge=tablet.challenge()).json)

    assert outcomes(tablet.push([within, after])) == [APPLIED, ("quarantined", "author")]


def test_a_suspended_officers_operations_wait_for_a_supervisor(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    with stage.make.writing():
        account = db.session.get_one(Account, stage.logins["an"].id)
        accounts.suspend_account(account, by=stage.make.by(), at=stage.clock())

    pushed = tablet.push([tablet.op("task.accept", task.id, {})])

    assert outcomes(pushed) == [("quarantined", "author")]


def test_what_a_suspended_device_pushes_is_kept_and_capped_for_the_day(
    stage: Stage, tablet: Tablet, monkeypatch: pytest.MonkeyPatch
):
    task = stage.task(tablet)
    with stage.make.writing():
        devices.change_state(
            tablet.device_id,
            DeviceState.SUSPENDED,
            "遗失",
            by=stage.make.by(stage.make.home()),
            at=stage.clock(),
        )
    lines = [tablet.op("task.accept", task.id, {}) for _ in range(3)]

    assert outcomes(tablet.push(lines[:2])) == [("quarantined", "device-suspended")] * 2
    assert stage.one(Task, task.id).state == "assigned"
    monkeypatch.setattr(rules, "SUSPENDED_OPERATIONS_A_DAY", 2)
    capped = tablet.push(lines[2:])
    assert (capped.status, capped.headers["Retry-After"]) == (429, "3600")
    stage.clock.forward(days=1)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    assert outcomes(tablet.push(lines[2:])) == [("quarantined", "device-suspended")]


def test_two_tablets_of_a_pair_make_one_visit_and_a_conflict_on_one_item_only(
    stage: Stage, tablet: Tablet
):
    bo = stage.tablet("bo")
    task = stage.task(tablet, bo)
    tablet.push([start(tablet, task), answer(tablet, task, "pp-licence", "yes")])

    pushed = bo.push(
        [
            bo.op("task.accept", task.id, {}),
            start(bo, task),
            answer(bo, task, "pp-licence", "no", "许可证过期"),
            answer(bo, task, "pp-shown", "yes"),
        ]
    )

    assert outcomes(pushed) == [
        ("merged", None),
        ("merged", None),
        ("conflict", "field-conflict"),
        APPLIED,
    ]
    assert stage.count(Visit) == 1
    stands = stage.one(VisitAnswer, op_of(answer(tablet, task, "pp-licence"))["entity_id"])
    assert stands.result == "yes"
    assert stage.count(ReviewItem, ReviewItem.kind == "conflict") == 1
    assert stage.count(Operation, Operation.outcome == "conflict") == 1


@pytest.mark.past_the_services
@pytest.mark.parametrize("ending", ["reassigned", "closed", "gone"])
def test_work_that_came_too_late_is_kept_with_its_photos(stage: Stage, tablet: Tablet, ending: str):
    task = stage.task(tablet)
    tablet.push([start(tablet, task)])
    photo = {"sha256": "ab" * 32, "size": 9, "mime": "image/jpeg", "role": "photo"}
    late = answer(tablet, task, "pp-licence", "no", "脏", attachments=[photo])
    stranger = start(tablet, stage.task(stage.tablet("bo")))
    elsewhere = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    with stage.make.writing():
        row = db.session.get_one(Task, task.id)
        if ending == "reassigned":
            row.team = [one for one in row.team if one.officer_id != tablet.officer_id]
        elif ending == "closed":
            row.state, row.outcome = "completed", "no-problem"
        else:
            row.agency_id = elsewhere.id
    reason = {"reassigned": "late-contribution", "closed": "task-closed", "gone": "task-gone"}

    pushed = tablet.push([late, stranger])

    assert outcomes(pushed) == [
        ("quarantined", reason[ending]),
        ("quarantined", "late-contribution"),
    ]
    assert stage.count(ReviewItem, ReviewItem.kind == "late") == 2
    assert stage.count(EvidenceLink, EvidenceLink.subject_type == "operation") == 1
    assert values_of(pushed.json["results"][0]["receipt"])["attachments_pending"] == 1
    assert stage.count(VisitAnswer) == 0


def until_answered(tablet: Tablet, lines: list[bytes]) -> Answer:
    for _ in range(100):
        found = tablet.push(lines)
        if found.status != 503:
            return found
    return found


def test_eight_tablets_push_at_once_and_all_arrive(stage: Stage):
    tablets = [stage.tablet(f"officer{number}") for number in range(8)]
    work = [(one, whole_visit(one, stage.task(one))) for one in tablets]
    for one, _ in work:
        one.send = stage.send()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda pair: until_answered(*pair), work))

    assert [outcomes(found) for found in answers] == [[APPLIED] * (len(ITEMS) + 4)] * 8
    assert stage.count(VisitAnswer) == 8 * len(ITEMS)
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []


def test_both_tablets_of_a_pair_start_one_visit_at_the_same_moment(stage: Stage):
    an, bo = stage.tablet("an"), stage.tablet("bo")
    for _ in range(5):
        task = stage.task(an, bo)
        work = [
            (one, [start(one, task), answer(one, task, code)])
            for one, code in ((an, "pp-licence"), (bo, "pp-shown"))
        ]
        for one, _ in work:
            one.send = stage.send()
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda pair: until_answered(*pair), work))

        starts = sorted(outcomes(found)[0][0] for found in answers)
        assert starts == ["applied", "merged"]
        assert [outcomes(found)[1] for found in answers] == [APPLIED, APPLIED]
        with stage.flask_app.app_context():
            visit = db.session.get_one(Visit, task.visit_id)
            assert len(visit.attendance) == 2
