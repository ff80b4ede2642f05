"""How jobs run: one process holds the lease, each job runs once for each instant it is due.

APScheduler wakes; the lease row says who acts, the run row (unique on job and due instant) keeps a
job single. Nothing else locks, because every job may run twice. A process that dies lets its lease
expire; the next holder takes over the runs it left unfinished and what was due meanwhile.
"""

import os
import secrets
import signal
import socket
import threading
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, cast

import flask
import sqlalchemy as sa
import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import IntegrityError

from app import clock, entry
from app.days import SHANGHAI, day_begins, local_date
from app.db import db, savepoint, transaction
from app.errors import Unavailable
from scheduler.jobs import JOBS
from scheduler.models import SchedulerLease, SchedulerRun
from scheduler.rules import Daily, Outcome, When
from scheduler.timetable import timetable
from sync.epoch import heads

log = structlog.get_logger()
MISFIRE_GRACE_S = 12 * 3600
LINE_MAX = 2000
END_WITHIN_S = 3


def new_holder() -> str:
    """Return a name for this process that no other has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


# ---- lease and runs ------------------------------------------------------------------------------


def take_lease(holder: str, *, lasting: timedelta, at: datetime) -> bool:
    """Take or renew the lease; returns whether `holder` may act until `at + lasting`.

    Of many who try at once one gets it: the row's update is atomic on both databases.
    """
    with transaction() as session:
        if session.get(SchedulerLease, 1) is None:
            try:
                with savepoint():
                    session.add(
                        SchedulerLease(id=1, holder=holder, taken_at=at, expires_at=at + lasting)
                    )
            except IntegrityError:
                return False  # another process made the row just now
            return True
        renewed = _changed(
            sa.update(SchedulerLease)
            .where(SchedulerLease.id == 1, SchedulerLease.holder == holder)
            .values(expires_at=at + lasting)
        )
        return renewed or _changed(
            sa.update(SchedulerLease)
            .where(SchedulerLease.id == 1, SchedulerLease.expires_at <= at)
            .values(holder=holder, taken_at=at, expires_at=at + lasting)
        )


def release_lease(holder: str, *, at: datetime) -> None:
    """Let the next process act at once, instead of when the lease expires."""
    with transaction():
        _changed(
            sa.update(SchedulerLease)
            .where(SchedulerLease.id == 1, SchedulerLease.holder == holder)
            .values(expires_at=at)
        )


def claim_run(job: str, due_at: datetime, holder: str, *, at: datetime) -> SchedulerRun | None:
    """Return the run of a job for an instant if this process is to do it, else None.

    None without the lease, and when it was done. An unfinished run of another process is taken
    over: who holds the lease knows that its former holder is gone, or idle at best.
    """
    with transaction() as session:
        if session.scalar(sa.select(SchedulerLease.holder)) != holder:
            return None
        run = session.scalars(
            sa.select(SchedulerRun).where(SchedulerRun.job == job, SchedulerRun.due_at == due_at)
        ).one_or_none()
        if run is None:
            run = SchedulerRun(job=job, due_at=due_at, holder=holder, started_at=at)
            try:
                with savepoint():
                    session.add(run)
            except IntegrityError:
                return None  # another process claimed it just now
            return run
        if run.finished_at is not None or run.holder == holder:
            return None
        run.holder, run.started_at = holder, at
        return run


def run_job(job: str, due_at: datetime, holder: str, *, at: datetime) -> SchedulerRun | None:
    """Do a job that is due, if it is this process's to do; a failure is noted, never raised."""
    run = claim_run(job, due_at, holder, at=at)
    if run is None:
        return None
    run_id, outcome = run.id, Outcome.DONE
    try:
        line = JOBS[job].run(at=at)
    except Exception as error:  # the last resort: one job must not end the timetable
        log.exception("job failed", job=job)
        outcome, line = Outcome.FAILED, f"{type(error).__name__}: {error}"
    db.session.remove()
    with transaction() as session:
        done = session.get_one(SchedulerRun, run_id)
        done.finished_at, done.outcome, done.line = clock.now(), outcome, line[:LINE_MAX]
    log.info("job", job=job, outcome=str(outcome), line=line[:LINE_MAX])
    return done


def _changed(statement: sa.Update) -> bool:
    result = cast("CursorResult[Any]", db.session.execute(statement))
    return result.rowcount == 1


# ---- the process ---------------------------------------------------------------------------------


class Runner:
    """The timetable's process: wakes for its jobs until it is told to end."""

    def __init__(self, flask_app: flask.Flask) -> None:
        self.flask_app = flask_app
        self.holder = new_holder()
        with flask_app.app_context():
            self.lasting = timedelta(seconds=entry.config().number("TIMETABLE_LEASE_S"))
            self.times = timetable(tick_s=entry.config().number("TIMETABLE_TICK_S"))
        self.holds = False
        self.busy = threading.Lock()
        self.ending = threading.Event()
        self.scheduler = BackgroundScheduler(
            timezone=SHANGHAI,
            executors={"default": ThreadPoolExecutor(1), "lease": ThreadPoolExecutor(1)},
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                "misfire_grace_time": MISFIRE_GRACE_S,
            },
        )

    def run(self) -> None:
        """Run until SIGTERM or SIGINT, then end at once: what was cut off is carried on later."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self.scheduler.add_job(
            self._renew,
            IntervalTrigger(seconds=max(1, self.lasting.total_seconds() / 3)),
            executor="lease",
            id="lease",
            next_run_time=clock.now(),
        )
        for name, when in self.times.items():
            self.scheduler.add_job(self._fire, _trigger(when), args=(name,), id=name)
        self.scheduler.start()
        log.info("timetable ready", holder=self.holder, jobs=sorted(self.times))
        self.ending.wait()
        self._end()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """End; a second signal, or three seconds without an end, leaves at once."""
        if self.ending.is_set():
            os._exit(0)
        last = threading.Timer(END_WITHIN_S, os._exit, (0,))
        last.daemon = True
        last.start()
        self.ending.set()

    def _end(self) -> None:
        """Leave without waiting for a job: its transaction rolls back, as at a power cut."""
        try:
            self.scheduler.shutdown(wait=False)
            if self.holds and self.busy.acquire(blocking=False):
                with self.flask_app.app_context():
                    release_lease(self.holder, at=clock.now())
            log.info("timetable ended", holder=self.holder)
        finally:  # whoever read the log may be gone: that must not keep the process
            os._exit(0)

    def _renew(self) -> None:
        with self.flask_app.app_context():
            try:
                heads.guard().check()
                holds = take_lease(self.holder, lasting=self.lasting, at=clock.now())
            except Unavailable as error:  # overloaded, or a restored database nobody adopted
                log.warning("lease not renewed", holder=self.holder, why=error.code)
                self.holds = False
                return
            if holds:
                heads.publish_quietly(at=clock.now())
        if holds and not self.holds:
            log.info("timetable acts", holder=self.holder)
            for name in self.times:  # what was due while nobody acted
                self.scheduler.add_job(self._fire, args=(name,))
        self.holds = holds

    def _fire(self, name: str) -> None:
        with self.busy, self.flask_app.app_context():
            at = clock.now()
            try:
                heads.guard().check()
                run_job(name, self.times[name].last_due(at), self.holder, at=at)
            except Unavailable as error:
                log.warning("job not begun", job=name, why=error.code)
                return
            heads.publish_quietly(at=clock.now())


def _trigger(when: When) -> CronTrigger | IntervalTrigger:
    if isinstance(when, Daily):
        return CronTrigger(hour=when.hour, minute=when.minute, timezone=SHANGHAI)
    begins = day_begins(local_date(clock.now()))
    return IntervalTrigger(seconds=when.seconds, start_date=begins, timezone=SHANGHAI)
