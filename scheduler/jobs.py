"""What happens without anyone asking. A job is a function `(*, at) -> str`: its line in the log.

Each item is its own transaction, and twice is harmless: what was done is found done.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import CursorResult

from app import entry
from app.access import TIMETABLE
from app.caps import ledgers
from app.cases import deadlines
from app.cases import queries as case_queries
from app.cases.following import follow_collections
from app.codes import queries as code_queries
from app.codes import service as codes
from app.complaints import queries as complaint_queries
from app.complaints.watching import watch_complaint
from app.days import local_date
from app.db import db, stop_reading, transaction
from app.documents.watching import services_to_watch, watch_service
from app.draws import progress
from app.errors import DomainError
from app.evidence.inspecting import inspect_pictures
from app.evidence.sweeping import sweep_evidence
from app.jointvisits import lots, team_queries
from app.journal import service as journal
from app.journal.idempotency import KEPT
from app.journal.models import IdempotencyKey
from app.measures import queries as measure_queries
from app.measures.goods import watch_seizure
from app.publication.publishing import follow_publications, open_report_cards
from app.tasks import after_permit
from app.units import lifecycle
from app.visits import orders
from app.visits import queries as visit_queries
from app.visits.checking import check_integrity
from scheduler.models import SchedulerRun
from scheduler.rules import RUNS_KEPT
from sync.devices import keeping
from sync.devices.numbers import supply_numbers
from sync.epoch import heads
from sync.feed import service as feed
from sync.inbox.pushing import drop_old_batches, read_forms
from sync.review.absences import list_missing_photos
from sync.review.mismatches import list_quarantined_files
from sync.uploads.cleaning import expire_uploads
from sync.wire import LIMITS

log = structlog.get_logger()

Run = Callable[..., str]
HEAD_KEY = "journal/head.json"


@dataclass(frozen=True)
class Job:
    """One thing the timetable does: what it is called, does, and means to an operator."""

    name: str
    run: Run
    meaning: str


def run_due_draws(*, at: datetime) -> str:
    """Freeze, announce, open and draw what is due; remind of what waits for people."""
    return _line(progress.run_due(at=at))


def publish_due_results(*, at: datetime) -> str:
    """Publish the results whose day has come."""
    return _line(progress.publish_due(at=at))


def form_joint_teams(*, at: datetime) -> str:
    """Draw the teams of joint visits that were asked for; each lot is its own transaction.

    One that cannot be opened stands in nobody's way, and says why.
    """
    waiting, drawn = team_queries.asked_lots(), 0
    for lot_id in waiting:
        stop_reading()
        try:
            lot = lots.get_lot(lot_id)
            opened = lots.open_lot(lot)
            teams = lots.work_out(lot, opened)
            with transaction():
                drawn += lots.form_teams(lot_id, opened, teams, by=TIMETABLE, at=at) is not None
        except DomainError as error:
            with transaction():
                lots.hold(lot_id, error)
    return f"{drawn} of {len(waiting)} lots over teams drawn"


def publish_journal_head(*, at: datetime) -> str:
    """Publish the head of every stream once a day, on the public page and beside the photos.

    And write the records of devices anew that a restore would need.
    """
    with transaction():
        published = journal.publish_heads(by=TIMETABLE, at=at)
    newest = journal.published_heads(1)[0]
    # again also when it was published before: somebody may have been killed in between
    entry.storage().put(HEAD_KEY, newest.text.encode())
    heads.publish_head(at=at)
    keeping.keep_all(entry.storage())
    verb = "published" if published else "already published"
    return f"{verb} as entry {newest.seq} of {newest.stream}"


def count_unit_ledgers(*, at: datetime) -> str:
    """Tell tablets of the entries into their units, where something took place since."""
    stale = ledgers.stale_units()
    for start in range(0, len(stale), ledgers.AT_ONCE):
        with transaction():
            part = stale[start : start + ledgers.AT_ONCE]
            ledgers.count_ledgers(part, by=TIMETABLE, at=at)
    return f"entries into {len(stale)} units counted"


def forget_old_keys(*, at: datetime) -> str:
    """Forget idempotency keys past their day and runs that nobody looks at any more."""
    with transaction():
        keys = _delete(sa.delete(IdempotencyKey).where(IdempotencyKey.at < at - KEPT))
        runs = _delete(
            sa.delete(SchedulerRun).where(
                SchedulerRun.started_at < at - RUNS_KEPT, SchedulerRun.finished_at.is_not(None)
            )
        )
    return f"{keys} keys, {runs} runs"


def trim_feed(*, at: datetime) -> str:
    """Let units leave that officers wanted for an earlier day, and drop tombstones past their term.

    A tablet whose cursor is older than a tombstone that was dropped begins a new generation.
    """
    with transaction():
        ended = feed.end_wants(local_date(at), by=TIMETABLE, at=at)
    with transaction():
        dropped = feed.drop_tombstones(at - timedelta(days=LIMITS["tombstone_days"]))
    return f"{ended} wants ended, {dropped} tombstones dropped"


def end_visit_codes(*, at: datetime) -> str:
    """Let visit codes without a task leave the tablets when their days passed unused."""
    found = code_queries.unused(at)
    stop_reading()
    for code_id in found:
        with transaction():
            codes.end_unused_code(code_id, by=TIMETABLE, at=at)
    return f"{len(found)} unused codes ended"


def follow_orders(*, at: datetime) -> str:
    """Compute terms that a calendar was missing for, call rechecks, conclude what was rechecked.

    Each order is its own transaction: one that cannot be followed stands in nobody's way.
    """
    done: Counter[str] = Counter()
    for order_id in visit_queries.orders_to_follow(local_date(at)):
        try:
            with transaction():
                step = orders.follow_order(order_id, by=TIMETABLE, at=at)
        except DomainError as error:
            log.warning("order not followed", order=str(order_id), problem=error.code)
            step = "refused"
        done[step or "waiting"] += 1
    return ", ".join(f"{count} {step}" for step, count in sorted(done.items())) or "nothing due"


def watch_seizures(*, at: datetime) -> str:
    """Flag late approvals of urgent seizures, warn before the end of terms and flag after it."""
    noticed: Counter[str] = Counter()
    for seizure_id in measure_queries.seizures_to_watch():
        with transaction():
            noticed.update(watch_seizure(seizure_id, by=TIMETABLE, at=at))
    return ", ".join(f"{count} {what}" for what, count in sorted(noticed.items())) or "nothing due"


def watch_complaints(*, at: datetime) -> str:
    """Warn before the last day of a complaint's steps, flag after it, compute what was open.

    Each complaint is its own transaction.
    """
    noticed: Counter[str] = Counter()
    for complaint_id in complaint_queries.steps_to_watch():
        with transaction():
            noticed.update(watch_complaint(complaint_id, by=TIMETABLE, at=at))
    return ", ".join(f"{count} {what}" for what, count in sorted(noticed.items())) or "nothing due"


def follow_case_deadlines(*, at: datetime) -> str:
    """Compute terms of cases that a calendar was missing for, warn of them, flag what passed.

    Each term is its own transaction, and nothing that was done is done again.
    """
    done: Counter[str] = Counter()
    for deadline_id in case_queries.deadlines_to_follow(local_date(at)):
        with transaction():
            turn = deadlines.follow_deadline(deadline_id, by=TIMETABLE, at=at)
        if turn is not None:
            done[turn] += 1
    return ", ".join(f"{count} {turn}" for turn, count in sorted(done.items())) or "nothing due"


def watch_services(*, at: datetime) -> str:
    """Warn before the last day for serving a document, flag after it, compute what was open.

    Each document is its own transaction.
    """
    noticed: Counter[str] = Counter()
    for document_id in services_to_watch(local_date(at)):
        with transaction():
            noticed.update(watch_service(document_id, by=TIMETABLE, at=at))
    return ", ".join(f"{count} {what}" for what, count in sorted(noticed.items())) or "nothing due"


def follow_licences(*, at: datetime) -> str:
    """Mark units whose 校验 ran out, and create the checks after permits granted on a promise.

    Each is its own transaction: one that cannot be done stands in nobody's way.
    """
    done: Counter[str] = Counter()
    for unit_id in lifecycle.overdue_units(local_date(at)):
        with transaction():
            done["overdue"] += lifecycle.mark_overdue(unit_id, by=TIMETABLE, at=at)
    for one in after_permit.promised(local_date(at)):
        try:
            with transaction():
                made = after_permit.create_check(one, on=local_date(at), by=TIMETABLE, at=at)
                done["checks"] += made is not None
        except DomainError as error:
            log.warning("check not created", unit=str(one.unit_id), problem=error.code)
            done["refused"] += 1
    return ", ".join(f"{count} {step}" for step, count in sorted(done.items())) or "nothing due"


def _delete(statement: sa.Delete) -> int:
    return cast("CursorResult[Any]", db.session.execute(statement)).rowcount


JOBS: Mapping[str, Job] = {
    job.name: job
    for job in (
        Job("run-due-draws", run_due_draws, "freezes, announces and draws what is due"),
        Job("form-joint-teams", form_joint_teams, "draws the teams of joint visits"),
        Job("publish-due-results", publish_due_results, "publishes results whose day has come"),
        Job("publish-journal-head", publish_journal_head, "publishes the head of every stream"),
        Job(
            "count-unit-ledgers",
            count_unit_ledgers,
            "counts for tablets how often their units were entered, where something took place",
        ),
        Job("forget-old-keys", forget_old_keys, "forgets idempotency keys after a day"),
        Job("end-visit-codes", end_visit_codes, "lets unused visit codes leave the tablets"),
        Job("trim-feed", trim_feed, "ends yesterday's wanted units, drops old tombstones"),
        Job(
            "inspect-pictures",
            inspect_pictures,
            "looks into pictures that the web process did not get to: place, size, thumbnail",
        ),
        Job(
            "check-integrity",
            check_integrity,
            "looks at new visits and photos: place, journey, time, pictures used again",
        ),
        Job(
            "drop-old-batches",
            drop_old_batches,
            "drops raw batches after 400 days; operations and receipts stay",
        ),
        Job(
            "list-missing-photos",
            list_missing_photos,
            "lists photos that were promised and stay away for five days",
        ),
        Job(
            "read-kept-forms",
            read_forms,
            "decides again what tablets sent before this server knew its form or served its type",
        ),
        Job(
            "follow-orders",
            follow_orders,
            "computes terms of corrective orders, calls and concludes rechecks",
        ),
        Job(
            "watch-seizures",
            watch_seizures,
            "flags late approvals of seizures, warns before and flags after their terms",
        ),
        Job(
            "watch-complaints",
            watch_complaints,
            "warns before and flags after the last day of a complaint's steps",
        ),
        Job(
            "follow-case-deadlines",
            follow_case_deadlines,
            "computes terms of penalty cases, warns before they end, flags what passed",
        ),
        Job(
            "watch-services",
            watch_services,
            "warns before and flags after the last day for serving a document",
        ),
        Job(
            "follow-licences",
            follow_licences,
            "marks units whose 校验 ran out, creates checks after permits granted on a promise",
        ),
        Job(
            "follow-collections",
            follow_collections,
            "opens the money of served decisions, warns before its terms end and flags after",
        ),
        Job(
            "follow-publications",
            follow_publications,
            "publishes what is due, ends what is over, withdraws what was revoked",
        ),
        Job(
            "open-report-cards",
            open_report_cards,
            "opens cards of the national report with their 5 working days",
        ),
        Job(
            "supply-numbers",
            supply_numbers,
            "allots document numbers to tablets that run short, ends finished blocks",
        ),
        Job(
            "list-quarantined-files",
            list_quarantined_files,
            "lists files that are not what they were said to be",
        ),
        Job(
            "sweep-evidence",
            sweep_evidence,
            "names photos without row and rows without photo, clears thumbnails of neither",
        ),
        Job("expire-uploads", expire_uploads, "clears uploads nobody came back to, and orphans"),
    )
}


def _line(done: list[str]) -> str:
    return "; ".join(done) or "nothing due"
