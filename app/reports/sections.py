"""The parts of a dossier 一户一档: what each lists of a unit, the newest first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.caps.models import CapException
from app.cases.models import CaseTransfer, PenaltyCase
from app.codes.models import VisitCode, VisitObjection
from app.complaints.models import Complaint
from app.credit.models import (
    CreditCooperation,
    CreditEntry,
    CreditGrade,
    CreditRepair,
    PointsNotice,
)
from app.db import db
from app.documents.models import Document
from app.jointvisits.models import JointVisit
from app.measures.models import Ban, Referral, Seizure
from app.patrols.models import Patrol, PatrolHint, PatrolUnit
from app.publication.models import CreditReport, Publication
from app.reports.dated import visited_at
from app.reports.models import PermitRecord
from app.tasks.models import Task
from app.units.models import SelfCheck, UnitLabel, UnitStep, UnitVerification
from app.visits.models import CorrectiveOrder, Finding, Sample, UnitContact, Visit, VisitMark

Lines = sa.Select[Any]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the dossier: its name on the page and its selection for a unit.

    `by` is the column that tells when: an instant `at`, or a day `on`.
    """

    code: str
    name: str
    by: str
    lines: Callable[[UUID], Lines]


def _line(
    key: Any, *, at: Any = None, on: Any = None, number: Any = None, title: Any, state: Any = None
) -> Lines:
    """Return the selection of what a part of the dossier shows of each row."""
    named = {"id": key, "at": at, "on": on, "number": number, "title": title, "state": state}
    columns = [(sa.null() if value is None else value).label(name) for name, value in named.items()]
    return sa.select(*columns)


def _grades(unit_id: UUID) -> Lines:
    return _line(
        CreditGrade.id,
        on=CreditGrade.from_on,
        number=CreditGrade.scheme,
        title=CreditGrade.grade,
        state=sa.case((CreditGrade.voided_at.is_(None), "valid"), else_="void"),
    ).where(CreditGrade.unit_id == unit_id)


def _credit(unit_id: UUID) -> Lines:
    return _line(
        CreditEntry.id,
        on=CreditEntry.decided_on,
        number=CreditEntry.reference,
        title=CreditEntry.kind,
        state=CreditEntry.tier,
    ).where(CreditEntry.unit_id == unit_id)


def _repairs(unit_id: UUID) -> Lines:
    return _line(
        CreditRepair.id,
        on=CreditRepair.applied_on,
        title=sa.literal("repair"),
        state=CreditRepair.state,
    ).where(CreditRepair.unit_id == unit_id)


def _tasks(unit_id: UUID) -> Lines:
    return _line(
        Task.id, at=Task.created_at, number=Task.task_no, title=Task.origin, state=Task.state
    ).where(Task.unit_id == unit_id)


def _visits(unit_id: UUID) -> Lines:
    return _line(Visit.id, at=visited_at(), title=Visit.outcome, state=Visit.state).where(
        Visit.unit_id == unit_id
    )


def _codes(unit_id: UUID) -> Lines:
    return _line(
        VisitCode.id,
        at=VisitCode.requested_at,
        number=VisitCode.short,
        title=VisitCode.kind,
        state=VisitCode.state,
    ).where(VisitCode.unit_id == unit_id)


def _marks(unit_id: UUID) -> Lines:
    """Return the visits at whose door something was not in order: its marks, each named once."""
    each = (
        sa.select(VisitMark.visit_id, VisitMark.mark)
        .join(Visit, Visit.id == VisitMark.visit_id)
        .where(Visit.unit_id == unit_id)
        .distinct()
        .order_by(VisitMark.visit_id, VisitMark.mark)
        .subquery()
    )
    marks = sa.func.aggregate_strings(each.c.mark, ",").label("marks")
    of_visit = sa.select(each.c.visit_id, marks).group_by(each.c.visit_id).subquery()
    return _line(Visit.id, at=visited_at(), title=of_visit.c.marks, state=Visit.state).join_from(
        Visit, of_visit, of_visit.c.visit_id == Visit.id
    )


def _exceptions(unit_id: UUID) -> Lines:
    return _line(
        CapException.id,
        on=CapException.from_on,
        title=CapException.cap_code,
        state=CapException.state,
    ).where(CapException.unit_id == unit_id)


def _findings(unit_id: UUID) -> Lines:
    return (
        _line(Finding.id, at=Finding.recorded_at, title=Finding.text, state=Finding.handling)
        .join_from(Finding, Visit, Visit.id == Finding.visit_id)
        .where(Visit.unit_id == unit_id)
    )


def _orders(unit_id: UUID) -> Lines:
    return _line(
        CorrectiveOrder.id,
        on=CorrectiveOrder.issued_on,
        number=CorrectiveOrder.number,
        title=sa.literal("corrective-order"),
        state=CorrectiveOrder.state,
    ).where(CorrectiveOrder.unit_id == unit_id)


def _documents(unit_id: UUID) -> Lines:
    return _line(
        Document.id,
        at=Document.issued_at,
        number=Document.number,
        title=Document.kind,
        state=Document.state,
    ).where(Document.unit_id == unit_id)


def _cases(unit_id: UUID) -> Lines:
    return _line(
        PenaltyCase.id,
        on=sa.func.coalesce(PenaltyCase.decided_on, PenaltyCase.filed_on, PenaltyCase.opened_on),
        number=PenaltyCase.number,
        title=PenaltyCase.cause_name,
        state=PenaltyCase.state,
    ).where(PenaltyCase.unit_id == unit_id)


def _complaints(unit_id: UUID) -> Lines:
    return _line(
        Complaint.id,
        on=Complaint.received_on,
        number=Complaint.number,
        title=Complaint.kind,
        state=Complaint.state,
    ).where(Complaint.unit_id == unit_id)


def _samples(unit_id: UUID) -> Lines:
    return (
        _line(
            Sample.id,
            at=Sample.taken_at,
            number=Sample.number,
            title=Sample.name,
            state=sa.func.coalesce(Sample.result, Sample.state),
        )
        .join_from(Sample, Visit, Visit.id == Sample.visit_id)
        .where(Visit.unit_id == unit_id)
    )


def _permits(unit_id: UUID) -> Lines:
    return _line(
        PermitRecord.id,
        on=PermitRecord.applied_on,
        number=PermitRecord.record_no,
        title=PermitRecord.item,
        state=PermitRecord.outcome,
    ).where(PermitRecord.unit_id == unit_id)


def _steps(unit_id: UUID) -> Lines:
    return _line(
        UnitStep.id,
        on=UnitStep.on_day,
        number=UnitStep.document_no,
        title=UnitStep.verb,
        state=UnitStep.state,
    ).where(UnitStep.unit_id == unit_id)


def _verifications(unit_id: UUID) -> Lines:
    return _line(
        UnitVerification.id,
        on=UnitVerification.verified_on,
        number=UnitVerification.document_no,
        title=UnitVerification.cycle,
        state=UnitVerification.result,
    ).where(UnitVerification.unit_id == unit_id)


def _self_checks(unit_id: UUID) -> Lines:
    return _line(
        SelfCheck.id,
        on=SelfCheck.checked_on,
        number=SelfCheck.platform,
        title=SelfCheck.problems,
        state=sa.case((SelfCheck.passed, "passed"), else_="failed"),
    ).where(SelfCheck.unit_id == unit_id)


def _publications(unit_id: UUID) -> Lines:
    return _line(
        Publication.id,
        on=Publication.event_on,
        number=Publication.number,
        title=Publication.channel,
        state=Publication.state,
    ).where(Publication.unit_id == unit_id)


def _bans(unit_id: UUID) -> Lines:
    return _line(
        Ban.id, on=Ban.decided_on, number=Ban.number, title=Ban.practice, state=Ban.state
    ).where(Ban.unit_id == unit_id)


def _seizures(unit_id: UUID) -> Lines:
    return _line(
        Seizure.id,
        at=Seizure.applied_at,
        number=Seizure.number,
        title=Seizure.kind,
        state=Seizure.state,
    ).where(Seizure.unit_id == unit_id)


def _transfers(unit_id: UUID) -> Lines:
    return _line(
        CaseTransfer.id,
        on=CaseTransfer.on_day,
        number=CaseTransfer.number,
        title=CaseTransfer.kind,
        state=CaseTransfer.direction,
    ).where(CaseTransfer.unit_id == unit_id)


def _referrals(unit_id: UUID) -> Lines:
    return _line(
        Referral.id,
        at=Referral.referred_at,
        number=Referral.number,
        title=Referral.procuratorate,
        state=Referral.state,
    ).where(Referral.unit_id == unit_id)


def _joint_visits(unit_id: UUID) -> Lines:
    return _line(
        JointVisit.id, on=JointVisit.planned_on, title=JointVisit.kind, state=JointVisit.state
    ).where(JointVisit.unit_id == unit_id, JointVisit.planned_on.is_not(None))


def _contacts(unit_id: UUID) -> Lines:
    """Return talks, help and looks from afar: none is an inspection."""
    return _line(
        UnitContact.id, on=UnitContact.on_day, title=UnitContact.kind, state=UnitContact.outcome
    ).where(UnitContact.unit_id == unit_id)


def _labels(unit_id: UUID) -> Lines:
    return _line(
        UnitLabel.id,
        on=UnitLabel.from_on,
        number=UnitLabel.reference,
        title=UnitLabel.label,
        state=sa.case((UnitLabel.ended_at.is_(None), "valid"), else_="ended"),
    ).where(UnitLabel.unit_id == unit_id)


def _patrols(unit_id: UUID) -> Lines:
    """Return the patrols of assistants on which the unit was seen: never an inspection."""
    return (
        _line(
            Patrol.id,
            on=Patrol.on_day,
            number=Patrol.number,
            title=PatrolUnit.remark,
            state=sa.case((PatrolUnit.problem, "problem"), else_="no-problem"),
        )
        .join_from(PatrolUnit, Patrol, Patrol.id == PatrolUnit.patrol_id)
        .where(PatrolUnit.unit_id == unit_id)
    )


def _hints(unit_id: UUID) -> Lines:
    return _line(
        PatrolHint.id, at=PatrolHint.handed_at, title=PatrolHint.text, state=PatrolHint.state
    ).where(PatrolHint.unit_id == unit_id)


def _points_notices(unit_id: UUID) -> Lines:
    return _line(
        PointsNotice.id,
        at=PointsNotice.due_at,
        number=PointsNotice.scheme,
        title=PointsNotice.effect,
        state=PointsNotice.state,
    ).where(PointsNotice.unit_id == unit_id)


def _cooperations(unit_id: UUID) -> Lines:
    return _line(
        CreditCooperation.id, on=CreditCooperation.received_on, title=CreditCooperation.from_organ
    ).where(CreditCooperation.unit_id == unit_id)


def _credit_reports(unit_id: UUID) -> Lines:
    return _line(
        CreditReport.id, on=CreditReport.as_of, number=CreditReport.code, title=CreditReport.purpose
    ).where(CreditReport.unit_id == unit_id)


def _objections(unit_id: UUID) -> Lines:
    """Return the objections of the unit to a visit, without what they say or who wrote."""
    return _line(
        VisitObjection.id,
        at=VisitObjection.received_at,
        title=sa.literal("objection"),
        state=VisitObjection.state,
    ).where(VisitObjection.unit_id == unit_id)


SECTIONS: Mapping[str, Section] = {
    one.code: one
    for one in (
        Section("steps", "状态办理", "on", _steps),
        Section("labels", "标签", "on", _labels),
        Section("verifications", "校验", "on", _verifications),
        Section("self-checks", "自查", "on", _self_checks),
        Section("permits", "许可办件", "on", _permits),
        Section("grades", "等级", "on", _grades),
        Section("tasks", "任务", "at", _tasks),
        Section("visits", "检查", "at", _visits),
        Section("visit-codes", "检查码", "at", _codes),
        Section("visit-marks", "入企标记", "at", _marks),
        Section("cap-exceptions", "超频次检查", "on", _exceptions),
        Section("joint-visits", "联合检查", "on", _joint_visits),
        Section("objections", "检查异议", "at", _objections),
        Section("contacts", "非检查接触", "on", _contacts),
        Section("patrols", "协管巡查", "on", _patrols),
        Section("patrol-hints", "协管线索", "at", _hints),
        Section("findings", "检查发现", "at", _findings),
        Section("orders", "责令改正", "on", _orders),
        Section("documents", "文书", "at", _documents),
        Section("cases", "案件", "on", _cases),
        Section("bans", "取缔", "on", _bans),
        Section("seizures", "查封扣押没收", "at", _seizures),
        Section("transfers", "移送协查", "on", _transfers),
        Section("referrals", "公益诉讼线索", "at", _referrals),
        Section("publications", "公示", "on", _publications),
        Section("credit", "信用记录", "on", _credit),
        Section("points-notices", "不良执业行为记分告知", "at", _points_notices),
        Section("repairs", "信用修复", "on", _repairs),
        Section("cooperations", "信用修复协同处理", "on", _cooperations),
        Section("credit-reports", "专用信用报告", "on", _credit_reports),
        Section("complaints", "投诉举报", "on", _complaints),
        Section("samples", "样品", "at", _samples),
    )
}


@dataclass(frozen=True, slots=True)
class Part:
    """The newest lines of a part, and how many there are in all."""

    total: int
    items: list[Any]


Place = tuple[datetime | date, UUID]  # when, and which of those at the same time


def newest(section: Section, unit_id: UUID, limit: int) -> Part:
    """Return the newest lines of a part and their number, in one reading."""
    found = section.lines(unit_id).subquery()
    query = (
        sa.select(found, sa.func.count().over().label("total"))
        .order_by(found.c[section.by].desc(), found.c.id.desc())
        .limit(limit)
    )
    rows = db.session.execute(query).all()
    return Part(rows[0].total if rows else 0, list(rows))


def before(section: Section, unit_id: UUID, *, place: Place | None, limit: int) -> list[Any]:
    """Return lines of a part, the newest first, those behind a place in it."""
    found = section.lines(unit_id).subquery()
    when, query = found.c[section.by], sa.select(found)
    if place is not None:
        at, last = place
        query = query.where(sa.or_(when < at, sa.and_(when == at, found.c.id < last)))
    return list(db.session.execute(query.order_by(when.desc(), found.c.id.desc()).limit(limit)))


def visit_times(unit_id: UUID) -> list[tuple[datetime, str | None]]:
    """Return when a unit was entered, and from which origin; every entry that took place."""
    query = (
        sa.select(visited_at(), Task.origin)
        .select_from(Visit)
        .outerjoin(Task, Task.id == Visit.task_id)
        .where(Visit.unit_id == unit_id)
    )
    return [(row[0], row[1]) for row in db.session.execute(query)]
