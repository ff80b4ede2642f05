"""One process acts, each due instant is run once, and what was cut off is carried on."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import flask
import pytest
import sqlalchemy as sa

from app import canonical, entry
from app.db import db, transaction
from app.journal import service as journal
from app.journal.models import IdempotencyKey
from scheduler import jobs, runner
from scheduler.cli import scheduler_group
from scheduler.models import SchedulerRun
from tests.conftest import FixedClock
from tests.draws.office import Office
from tests.factories import Make

LASTING = timedelta(seconds=30)
JOB = "forget-old-keys"


@pytest.fixture
def office(flask_app: flask.Flask, make: Make, clock: FixedClock) -> Office:
    """An office whose timetable the test drives."""
    return Office(flask_app, make, clock)


def take(holder: str, at: datetime) -> bool:
    return runner.take_lease(holder, lasting=LASTING, at=at)


def test_the_lease_belongs_to_one_until_it_expires_or_is_released(
    app_context: flask.Flask, at: datetime
) -> None:
    assert [take("a", at), take("b", at), take("a", at)] == [True, False, True]
    assert not take("b", at + LASTING - timedelta(seconds=1))
    assert take("b", at + LASTING)
    assert not take("a", at + LASTING)
    runner.release_lease("a", at=at + LASTING)
    assert not take("a", at + LASTING), "only its holder releases it"
    runner.release_lease("b", at=at + LASTING)
    assert take("a", at + LASTING)


def test_of_many_who_take_the_lease_at_once_one_gets_it(
    flask_app: flask.Flask, at: datetime
) -> None:
    def race(name: str) -> bool:
        with flask_app.app_context():
            return take(name, at)

    for round_ in range(5):
        with ThreadPoolExecutor(6) as pool:
            won = list(pool.map(race, [f"{round_}-{n}" for n in range(6)]))
        assert sum(won) == 1
        at += LASTING


def test_a_run_is_claimed_once_and_only_with_the_lease(
    app_context: flask.Flask, at: datetime
) -> None:
    assert runner.claim_run(JOB, at, "a", at=at) is None
    take("a", at)
    assert runner.claim_run(JOB, at, "a", at=at) is not None
    assert runner.claim_run(JOB, at, "a", at=at) is None
    assert runner.claim_run(JOB, at + LASTING, "a", at=at) is not None


def test_an_unfinished_run_is_taken_over_by_the_next_holder(
    app_context: flask.Flask, at: datetime
) -> None:
    take("dead", at)
    runner.claim_run(JOB, at, "dead", at=at)
    later = at + LASTING
    take("next", later)
    done = runner.run_job(JOB, at, "next", at=later)
    assert done is not None
    assert (done.holder, done.outcome, done.line) == ("next", "done", "0 keys, 0 runs")
    assert runner.run_job(JOB, at, "next", at=later) is None, "finished is finished"


def test_a_job_that_fails_is_noted_and_ends_nothing(
    app_context: flask.Flask, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*, at: datetime) -> str:
        raise RuntimeError(f"broken at {at:%Y}")

    monkeypatch.setitem(dict(jobs.JOBS), JOB, jobs.Job(JOB, fail, ""))
    monkeypatch.setattr(runner, "JOBS", {JOB: jobs.Job(JOB, fail, "")})
    take("a", at)
    done = runner.run_job(JOB, at, "a", at=at)
    assert done is not None
    assert (done.outcome, done.line) == ("failed", "RuntimeError: broken at 2026")


def test_old_keys_and_runs_are_forgotten_and_young_ones_kept(
    app_context: flask.Flask, at: datetime, make: Make
) -> None:
    account = make.account()
    with transaction() as session:
        for name, age in (("old", 25), ("young", 23)):
            session.add(
                IdempotencyKey(
                    account_id=account.id,
                    key=name,
                    request_hash="x",
                    at=at - timedelta(hours=age),
                )
            )
        for days in (31, 29):
            started = at - timedelta(days=days)
            session.add(
                SchedulerRun(
                    job=JOB,
                    due_at=started,
                    holder="a",
                    started_at=started,
                    finished_at=started,
                    outcome="done",
                )
            )
    assert jobs.forget_old_keys(at=at) == "1 keys, 1 runs"
    db.session.remove()
    assert list(db.session.scalars(sa.select(IdempotencyKey.key))) == ["young"]


def test_the_journal_head_is_published_daily_and_kept_beside_the_photos(
    app_context: flask.Flask, at: datetime, make: Make
) -> None:
    make.home()
    assert jobs.publish_journal_head(at=at).startswith("published")
    assert jobs.publish_journal_head(at=at).startswith("already published")
    kept = canonical.loads(entry.storage().get(jobs.HEAD_KEY).decode())
    streams = {head["stream"]: head["hash"] for head in kept["data"]["heads"]}
    assert streams["310105"] == journal.heads()["310105"][1]


def status(office: Office) -> dict[str, Any]:
    done = office.flask_app.test_cli_runner().invoke(scheduler_group, ["status", "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_status_says_what_waits_for_whom_and_what_is_late(office: Office) -> None:
    draw_no = office.announced()
    office.make.plan(name="还没有开始")
    found = status(office)
    assert not found["acting"]
    assert "timetable" in {one["what"] for one in found["late"]}
    waits = {one["draw_no"]: (one["waits_for"], one["late"]) for one in found["waiting"]}
    assert waits == {draw_no: ("dice", False), None: ("start", True)}
    with office.flask_app.app_context():
        runner.take_lease("a", lasting=LASTING, at=office.clock.at)
        runner.run_job("run-due-draws", office.clock.at, "a", at=office.clock.at)
    office.clock.forward(days=10)
    with office.flask_app.app_context():
        runner.take_lease("a", lasting=LASTING, at=office.clock.at)
    found = status(office)
    assert found["acting"]
    assert found["holder"] == "a"
    assert {one["waits_for"]: one["late"] for one in found["waiting"]} == {
        "dice": True,
        "deposits": True,
    }
    last = next(job for job in found["jobs"] if job["job"] == "run-due-draws")
    assert last["outcome"] == "done"
    assert "310105-2026-0002 frozen" in last["line"]
    text = office.flask_app.test_cli_runner().invoke(scheduler_group, ["status"]).output
    assert "LATE" in text
