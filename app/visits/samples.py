"""Samples 采样: taken at a visit, out at the laboratory, back with a result.

While a sample of a visit is out its task awaits results: it is completed by the last one.
"""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor, Role
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.visits import contributing, queries, terms
from app.visits.models import Sample, Visit
from app.visits.terms import Reading, SampleResult, SampleState

CARD_DAYS = "card-days"
RAPID_WILL_DO = "rapid-test-evidence"
FIELDS = ("item_id", "name", "lot", "amount", "method", "place", "taken_at")


class SampleUnknown(NotFound):
    code, title = "sample-unknown", "未找到样品"


class SampleDiffers(Conflict):
    code, title = "sample-differs", "与已登记的样品不一致"


class SampleResultKnown(Conflict):
    code, title = "sample-result-known", "检测结果已录入"


class SampleResultDiffers(Invalid):
    code, title = "sample-result-differs", "检测结果与检测项目不一致"


class CardNotDue(Conflict):
    code, title = "card-not-due", "不能登记检测结果卡"


class OutcomeNotAsked(Invalid):
    code, title = "outcome-not-asked", "现在不能填写检查结果"


class OutcomeBySupervisor(Forbidden):
    code, title = "outcome-by-supervisor", "检查结果由负责人确定"


@dataclass(frozen=True)
class NewSample:
    """What was taken: of what, which lot, how much, how, where and when by the tablet's clock."""

    name: str
    amount: str
    method: str
    taken_at: datetime
    item_id: UUID | None = None
    lot: str | None = None
    place: str | None = None
    number: str | None = None


@dataclass(frozen=True)
class Recorded:
    """A sample that is known; `again` when another tablet had recorded the same before."""

    sample: Sample
    again: bool


def get_sample(sample_id: UUID, agency_id: UUID | None) -> Sample:
    """Return a sample of the agency. Raises SampleUnknown, also for another agency's."""
    sample = db.session.get(Sample, sample_id)
    if sample is None or sample.agency_id != agency_id:
        raise SampleUnknown("没有这份样品，或它不属于本机构。")
    return sample


def record_sample(
    sample_id: UUID,
    visit_id: UUID,
    new: NewSample,
    *,
    officer_id: UUID,
    recorded_at: datetime,
    document_id: UUID | None = None,
    admitted: bool = False,
    by: Actor,
    at: datetime,
) -> Recorded:
    """Record a sample of a visit, under the id that the tablet gave it; its task awaits results.

    A sample is the same by its id, or by its number in the visit; recorded again in the same words
    it is there once. A task that was submitted already waits from now on, one that is done stays as
    it is. Flushes: of two at once one finds the other's.

    Raises SampleDiffers, and what keeps an officer from contributing (VisitUnknown, TaskGone,
    TaskIsClosed, LateContribution, NotOnVisit).
    """
    visit = contributing.visit_for(visit_id, officer_id, admitted=admitted, by=by)
    if known := queries.find_sample(sample_id, visit_id, new.number):
        if known.visit_id != visit_id or any(
            getattr(known, name) != getattr(new, name) for name in FIELDS
        ):
            raise SampleDiffers(
                "这个样品编号已登记另一份样品，内容已留存，由负责人核对。", sample_id=known.id
            )
        return Recorded(known, again=True)
    sample = Sample(
        id=sample_id,
        agency_id=visit.agency_id,
        district=visit.district,
        visit_id=visit_id,
        document_id=document_id,
        number=new.number,
        state=SampleState.AWAITED,
        officer_id=officer_id,
        recorded_at=recorded_at,
        **{name: getattr(new, name) for name in FIELDS},
    )
    db.session.add(sample)
    journal.record(
        Event.SAMPLE_RECORDED,
        sample,
        by=by,
        at=at,
        data={"visit_id": str(visit_id), "officer_id": str(officer_id)},
    )
    db.session.flush()
    _let_task_wait(visit, by=by, at=at)
    return Recorded(sample, again=False)


def _let_task_wait(visit: Visit, *, by: Actor, at: datetime) -> None:
    task = None if visit.task_id is None else db.session.get(Task, visit.task_id)
    if task is None or task.visit_id != visit.id:
        return
    if task.state == TaskState.SUBMITTED and not task.awaiting_results:
        tasks.await_results(task.id, by=by, at=at)


def are_out(task: Task) -> bool:
    """Tell whether a sample of a task's visit is still without result; given to `tasks.watch`."""
    return queries.samples_out(task.visit_id) > 0


@dataclass(frozen=True)
class Report:
    """What the laboratory reports of a sample."""

    result: SampleResult
    report_no: str | None = None
    reported_on: date | None = None
    note: str | None = None
    laboratory: str | None = None
    rapid: bool = False
    readings: tuple[Reading, ...] = ()


def record_result(
    sample_id: UUID, report: Report, *, outcome: str | None = None, by: Actor, at: datetime
) -> Sample:
    """Record the result of a sample, once.

    With the last one a supervisor may say the `outcome`, which completes the task as
    `tasks.record_results` does; without it the task goes on waiting for that. Flushes: what is
    still out is asked of the database.

    Its card is due so many working days after the report. Raises SampleUnknown, SampleResultKnown,
    SampleResultDiffers (a value is over its limit, and it is said to be 合格), OutcomeBySupervisor,
    OutcomeNotAsked (samples are out, or the task awaits nothing) and what keeps the task from being
    completed.
    """
    sample = get_sample(sample_id, by.agency_id)
    if sample.state == SampleState.RESULTED:
        raise SampleResultKnown("该样品的检测结果已经录入，不能再次录入。", result=sample.result)
    if outcome is not None and not by.has(Role.SUPERVISOR):
        raise OutcomeBySupervisor("最后一项检测结果录入后，由负责人确定检查结果并完成任务。")
    sample.state, sample.result = SampleState.RESULTED, report.result
    sample.report_no, sample.reported_on = report.report_no, report.reported_on
    sample.result_note = report.note
    _keep_report(sample, report, local_date(at))
    sample.resulted_at, sample.resulted_by_kind, sample.resulted_by_id = at, by.kind, by.id
    journal.record(
        Event.SAMPLE_RESULT_RECORDED,
        sample,
        by=by,
        at=at,
        data={"visit_id": str(sample.visit_id), "result": str(report.result)},
    )
    db.session.flush()
    if outcome is not None:
        tasks.record_results(_waiting_task(sample).id, outcome, by=by, at=at)
    return sample


def _keep_report(sample: Sample, report: Report, today: date) -> None:
    if not terms.agrees(report.result, report.readings):
        raise SampleResultDiffers("有检测项目超过或低于限值，检测结果不能是合格。")
    sample.laboratory, sample.rapid = report.laboratory, report.rapid
    sample.readings = [asdict(one) for one in report.readings] or None
    _compute_card(sample, report.reported_on or today, today)


def _compute_card(sample: Sample, begins_on: date, today: date) -> None:
    days = int(catalogue.setting(CARD_DAYS, today))
    found = terms.card_due(begins_on, days, catalogue.calendar())
    sample.card_due_on, sample.card_due_reason = found.due_on, found.reason


def enter_card(sample_id: UUID, entered_on: date, *, by: Actor, at: datetime) -> Sample:
    """Note that the card of a result was entered in the national system.

    Raises SampleUnknown, and CardNotDue without a result, before it, or when it was noted.
    """
    sample = get_sample(sample_id, by.agency_id)
    resulted = sample.resulted_at
    if resulted is None or sample.card_entered_on is not None:
        raise CardNotDue("检测结果还没有录入，或者卡片已经登记。")
    if not (sample.reported_on or local_date(resulted)) <= entered_on <= local_date(at):
        raise CardNotDue("卡片填报日期应在检测报告之后，且不晚于今天。")
    sample.card_entered_on = entered_on
    data = {
        "entered_on": entered_on.isoformat(),
        "due_on": None if sample.card_due_on is None else sample.card_due_on.isoformat(),
    }
    journal.record(Event.SAMPLE_CARD_ENTERED, sample, by=by, at=at, data=data)
    return sample


def is_evidence(sample: Sample, *, at: datetime) -> bool:
    """Tell whether a result can be evidence, by the catalogue on the day on which it came in.

    Before there is a result, by the catalogue of today.
    """
    on = local_date(sample.resulted_at or at)
    return terms.is_evidence(
        rapid=sample.rapid, rapid_will_do=bool(catalogue.setting(RAPID_WILL_DO, on))
    )


def _waiting_task(sample: Sample) -> Task:
    """Return the task that waits for nothing but this sample's result."""
    visit = db.session.get_one(Visit, sample.visit_id)
    task = None if visit.task_id is None else db.session.get(Task, visit.task_id)
    if task is None or task.visit_id != visit.id or not task.awaiting_results or are_out(task):
        raise OutcomeNotAsked("只有录入最后一份样品的结果时，才能确定检查结果。")
    return task
