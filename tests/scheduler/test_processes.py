"""Real timetable processes over one database: together, killed, told to end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from time import monotonic, sleep

import flask
import pytest
import sqlalchemy as sa

from app import clock as app_clock
from app.access import Role
from app.days import day_begins, local_date
from app.db import db
from app.draws.models import Draw, DrawSelection
from app.draws.stages import DrawState, SelectionKind
from app.tasks.models import Task
from scheduler.models import SchedulerLease, SchedulerRun
from tests.conftest import Place
from tests.factories import Make
from tests.servers import ROOT

PLANS = 3
PATIENCE_S = 90


@pytest.fixture
def plans(place: Place, flask_app: flask.Flask) -> flask.Flask:
    """Three sealed plans that were due yesterday by the system's clock, as the processes see it."""
    app_clock.use(None)
    make = Make(flask_app, app_clock.now)
    today = local_date(app_clock.now())
    begins = day_begins(today - timedelta(days=1))
    for number in range(30):
        make.unit(archive_no=f"CN{number:03d}")
    for _ in range(8):
        make.officer(certificate_valid_until=date(today.year + 5, 12, 31))
    for number in range(PLANS):
        make.deposit(Role.AUDITOR)
        make.deposit(Role.CLERK)
        make.plan(
            name=f"计划{number}",
            year=today.year,
            period=str(today.year),
            draw_on=today - timedelta(days=1),
            due_on=today + timedelta(days=30),
            deposits_close_at=begins,
            opens_at=begins + timedelta(seconds=1),
            exclude_drawn=False,
        )
    return flask_app


@contextmanager
def timetables(place: Place, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Timetable processes, killed at the end whatever happens."""
    environ = {
        **os.environ,
        **place.environ,
        "LOG_LEVEL": "INFO",
        "TIMETABLE_TICK_S": "1",
        "TIMETABLE_LEASE_S": "3",
    }
    running = [
        subprocess.Popen(
            [sys.executable, "wsgi.py", "scheduler", "run"],
            cwd=ROOT,
            env=environ,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(count)
    ]
    try:
        yield running
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
            process.communicate()


def until(flask_app: flask.Flask, wanted: Callable[[list[str]], bool]) -> None:
    """Wait until the states of the draws are as wanted."""
    end = monotonic() + PATIENCE_S
    states: list[str] = []
    while monotonic() < end:
        with flask_app.app_context():
            states = list(db.session.scalars(sa.select(Draw.state)))
            db.session.remove()
        if wanted(states):
            return
        sleep(0.05)
    raise AssertionError(f"the draws stand at {states}")


def all_drawn(states: list[str]) -> bool:
    return len(states) == PLANS and set(states) == {DrawState.DRAWN}


def check_drawn_once(flask_app: flask.Flask) -> None:
    """Each plan has one draw, each drawn unit one task, each due instant one run."""
    with flask_app.app_context():
        draws = list(db.session.scalars(sa.select(Draw)))
        assert len({draw.plan_id for draw in draws}) == len(draws) == PLANS
        assert {draw.state for draw in draws} == {DrawState.DRAWN}
        chosen = list(
            db.session.scalars(
                sa.select(DrawSelection.task_id).where(DrawSelection.kind == SelectionKind.SELECTED)
            )
        )
        assert len(chosen) == len(set(chosen)) == 4 * PLANS
        assert set(chosen) == set(db.session.scalars(sa.select(Task.id)))
        due = db.session.execute(sa.select(SchedulerRun.job, SchedulerRun.due_at)).all()
        assert len(due) == len(set(due))
        db.session.remove()


def stop(process: subprocess.Popen[str]) -> tuple[int, float, str]:
    """End a process politely once it listens; return its code, how long it took, and its log."""
    assert process.stderr is not None
    log = ""
    for line in process.stderr:
        log += line
        if '"timetable ready"' in line:
            break
    began = monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=20)
    return code, monotonic() - began, log + process.stderr.read()


def test_two_timetables_at_a_time_draw_each_plan_once(place: Place, plans: flask.Flask) -> None:
    with timetables(place, 2) as running:
        until(plans, all_drawn)
        ended = [stop(process) for process in running]
    check_drawn_once(plans)
    assert [code for code, _, _ in ended] == [0, 0]
    assert max(seconds for _, seconds, _ in ended) < 5
    logs = [log for _, _, log in ended]
    assert all('"timetable ready"' in log for log in logs)
    assert sum('"timetable acts"' in log for log in logs) == 1, "the other stood by"


@pytest.mark.parametrize(
    "when",
    [
        DrawState.PLANNED,
        DrawState.FROZEN,
        DrawState.ANNOUNCED,
        DrawState.SEEDED,
        DrawState.DRAWN,
    ],
)
def test_of_two_timetables_the_other_goes_on_when_the_acting_one_is_killed(
    place: Place, plans: flask.Flask, when: DrawState
) -> None:
    with timetables(place, 2) as running:
        until(plans, lambda states: bool(states) and max(map(order, states)) >= order(when))
        acting, other = sorted(running, key=lambda process: process.pid != holder(plans))
        acting.kill()
        until(plans, all_drawn)
        code, _, log = stop(other)
    check_drawn_once(plans)
    assert code == 0
    assert '"timetable acts"' in log or when is DrawState.DRAWN, "it took over"


def test_a_timetable_killed_in_the_middle_is_carried_on_by_the_next(
    place: Place, plans: flask.Flask
) -> None:
    with timetables(place, 1) as running:
        until(plans, lambda states: any(order(one) >= order(DrawState.FROZEN) for one in states))
        running[0].kill()
    with timetables(place, 1) as running:
        until(plans, all_drawn)
        stop(running[0])
    check_drawn_once(plans)


def test_a_timetable_whose_log_nobody_reads_any_more_ends_when_told(place: Place) -> None:
    with timetables(place, 1) as running:
        process = running[0]
        assert process.stderr is not None
        for line in process.stderr:
            if '"timetable ready"' in line:
                break
        process.stderr.close()
        process.stderr = None
        sleep(2)  # its next lines go nowhere
        began = monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert monotonic() - began < 5


def holder(flask_app: flask.Flask) -> int:
    """The process that acts."""
    with flask_app.app_context():
        name = db.session.scalars(sa.select(SchedulerLease.holder)).one()
        db.session.remove()
    return int(name.split(":")[1])


def order(state: str) -> int:
    return list(DrawState).index(DrawState(state))
