"""Credit over HTTP: the record, points, grades, and how a unit stands; repair beside it."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.credit import grades, points, queries, service
from app.credit.exception_api import exceptions
from app.credit.grades import NewGrade, NewScoring
from app.credit.models import CreditEntry, CreditGrade, CreditScoring, PointsCycle, PointsNotice
from app.credit.points import NewPoints, Tally
from app.credit.repair_api import cooperations, figures, repairs
from app.credit.rules import Cycle
from app.credit.schemas import (
    CreditEntryQuerySchema,
    CreditEntrySchema,
    CreditGradeQuerySchema,
    CreditGradeSchema,
    CreditScoringQuerySchema,
    CreditScoringSchema,
    CreditStandingSchema,
    NewCreditGradeSchema,
    NewCreditScoringSchema,
    NewPointsCycleSchema,
    NewPointsSchema,
    PointsCycleSchema,
    PointsNoticeQuerySchema,
    PointsNoticeSchema,
    PointsTallyQuerySchema,
    PointsTallySchema,
    ReverseEntrySchema,
    VoidCreditGradeSchema,
)
from app.days import local_date
from app.db import transaction
from app.people import service as people
from app.people.models import Agency
from app.problems import Blueprint, Page, page
from app.units import service as units

entries = Blueprint(
    "credit-entries", __name__, url_prefix="/credit-entries", description="信用记录"
)
credit_points = Blueprint(
    "credit-points", __name__, url_prefix="/credit-points", description="不良执业行为记分"
)
credit_grades = Blueprint(
    "credit-grades", __name__, url_prefix="/credit-grades", description="量化分级与等级"
)
BLUEPRINTS = (entries, credit_points, credit_grades, repairs, exceptions, cooperations, figures)

READERS = (Role.CLERK, Role.SUPERVISOR, Role.AUDITOR)
KEEPERS = (Role.CLERK, Role.SUPERVISOR)
SCORERS = (Role.OFFICER, *KEEPERS)
MALPRACTICE = "malpractice"


# --- the record ---


@entries.route("")
@requires(*READERS)
@entries.arguments(CreditEntryQuerySchema, location="query")
@entries.paged(CreditEntrySchema)
def list_entries(query: dict[str, Any]) -> Page[CreditEntry]:
    """查询信用记录"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.entries_in(current_actor().agency_id, **query)
    return page(found, CreditEntry.id, limit=limit, cursor=cursor)


@entries.route("/<uuid:entry_id>")
@requires(*READERS)
@entries.etag
@entries.response(200, CreditEntrySchema)
def get_entry(entry_id: UUID) -> CreditEntry:
    """查看信用记录"""
    entry = service.get_entry(entry_id, current_actor().agency_id)
    entries.set_etag(entry.version)
    return entry


@entries.route("/<uuid:entry_id>/reverse", methods=["POST"])
@requires(*KEEPERS)
@entries.creates
@entries.arguments(ReverseEntrySchema)
@entries.response(201, CreditEntrySchema)
def reverse_entry(data: dict[str, Any], entry_id: UUID) -> CreditEntry:
    """撤销信用记录

    原记录不改，另记一条撤销记录；再次撤销不产生新的记录。
    """
    with transaction():
        at, by = clock.now(), current_actor()
        done = service.reverse(entry_id, data["reason"], local_date(at), by=by, at=at)
        points.settle(service.get_entry(entry_id, by.agency_id), by=by, at=at)
    return done.entry


@entries.route("/units/<uuid:unit_id>")
@requires(*READERS, Role.OFFICER)
@entries.response(200, CreditStandingSchema)
def show_standing(unit_id: UUID) -> dict[str, Any]:
    """查看单位的信用状况

    抽取时采用的等级及其来由、现行各方案等级、本周期记分。
    """
    unit = units.get_unit(unit_id, _agency_id())
    on = local_date(clock.now())
    standing = service.standings_on(unit.agency_id, on, unit_id=unit.id).get(unit.id)
    return {
        "unit_id": unit.id,
        "on": on,
        "draw_class": unit.credit_class if standing is None else standing.draw_class,
        "from_register": standing is None,
        "entry_ids": [] if standing is None else list(standing.entry_ids),
        "grades": grades.grades_of(unit, on),
        "points": points.tally_of(unit.id, MALPRACTICE, on),
    }


# --- points ---


@credit_points.route("", methods=["POST"])
@requires(*KEEPERS)
@credit_points.creates
@credit_points.arguments(NewPointsSchema)
@credit_points.response(201, CreditEntrySchema)
def give_points(data: dict[str, Any]) -> CreditEntry:
    """记分"""
    with transaction():
        return points.give_points(
            NewPoints(**data), agency=_agency(), by=current_actor(), at=clock.now()
        )


@credit_points.route("/units/<uuid:unit_id>")
@requires(*READERS)
@credit_points.arguments(PointsTallyQuerySchema, location="query")
@credit_points.response(200, PointsTallySchema)
def show_tally(query: dict[str, Any], unit_id: UUID) -> Tally:
    """查看单位本周期的记分"""
    unit = units.get_unit(unit_id, _agency_id())
    return points.tally_of(unit.id, query["scheme"], query["on"] or local_date(clock.now()))


@credit_points.route("/cycles", methods=["POST"])
@requires(*KEEPERS)
@credit_points.creates
@credit_points.arguments(NewPointsCycleSchema)
@credit_points.response(201, PointsCycleSchema)
def open_cycle(data: dict[str, Any]) -> PointsCycle:
    """设定单位的记分周期（随校验）"""
    with transaction():
        return points.open_cycle(
            data["unit_id"],
            data["scheme"],
            Cycle(data["from_on"], data["until_on"]),
            agency=_agency(),
            by=current_actor(),
            at=clock.now(),
        )


@credit_points.route("/notices")
@requires(*READERS)
@credit_points.arguments(PointsNoticeQuerySchema, location="query")
@credit_points.paged(PointsNoticeSchema)
def list_notices(query: dict[str, Any]) -> Page[PointsNotice]:
    """查询对登记机关的记分通报"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.notices_in(_agency_id(), **query)
    return page(found, PointsNotice.id, limit=limit, cursor=cursor)


@credit_points.route("/notices/<uuid:notice_id>")
@requires(*READERS)
@credit_points.etag
@credit_points.response(200, PointsNoticeSchema)
def get_notice(notice_id: UUID) -> PointsNotice:
    """查看记分通报"""
    notice = points.get_notice(notice_id, _agency_id())
    credit_points.set_etag(notice.version)
    return notice


@credit_points.route("/notices/<uuid:notice_id>/send", methods=["POST"])
@requires(*KEEPERS)
@credit_points.etag
@credit_points.response(200, PointsNoticeSchema)
def send_notice(notice_id: UUID) -> PointsNotice:
    """记分通报送达登记机关"""
    with transaction():
        notice = points.get_notice(notice_id, _agency_id())
        credit_points.check_version(notice, PointsNoticeSchema)
        points.send_notice(notice, by=current_actor(), at=clock.now())
    credit_points.set_etag(notice.version)
    return notice


# --- grades ---


@credit_grades.route("")
@requires(*READERS, Role.OFFICER)
@credit_grades.arguments(CreditGradeQuerySchema, location="query")
@credit_grades.paged(CreditGradeSchema)
def list_grades(query: dict[str, Any]) -> Page[CreditGrade]:
    """查询等级"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.grades_in(_agency_id(), **query)
    return page(found, CreditGrade.id, limit=limit, cursor=cursor)


@credit_grades.route("", methods=["POST"])
@requires(*KEEPERS)
@credit_grades.creates
@credit_grades.arguments(NewCreditGradeSchema)
@credit_grades.response(201, CreditGradeSchema)
def declare_grade(data: dict[str, Any]) -> CreditGrade:
    """登记评定的等级（须写明方案）"""
    with transaction():
        return grades.declare_grade(
            NewGrade(**data), agency=_agency(), by=current_actor(), at=clock.now()
        )


@credit_grades.route("/scorings")
@requires(*READERS, Role.OFFICER)
@credit_grades.arguments(CreditScoringQuerySchema, location="query")
@credit_grades.paged(CreditScoringSchema)
def list_scorings(query: dict[str, Any]) -> Page[CreditScoring]:
    """查询评分表"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.scorings_in(_agency_id(), **query)
    return page(found, CreditScoring.id, limit=limit, cursor=cursor)


@credit_grades.route("/scorings", methods=["POST"])
@requires(*SCORERS)
@credit_grades.creates
@credit_grades.arguments(NewCreditScoringSchema)
@credit_grades.response(201, CreditScoringSchema)
def record_scoring(data: dict[str, Any]) -> CreditScoring:
    """上报评分表并评级"""
    scores = {one["item"]: one["tenths"] for one in data.pop("scores")}
    with transaction():
        return grades.record_scoring(
            NewScoring(scores=scores, **data),
            agency=_agency(),
            by=current_actor(),
            at=clock.now(),
        )


@credit_grades.route("/<uuid:grade_id>")
@requires(*READERS, Role.OFFICER)
@credit_grades.etag
@credit_grades.response(200, CreditGradeSchema)
def get_grade(grade_id: UUID) -> CreditGrade:
    """查看等级及其理由"""
    grade = grades.get_grade(grade_id, _agency_id())
    credit_grades.set_etag(grade.version)
    return grade


@credit_grades.route("/<uuid:grade_id>/void", methods=["POST"])
@requires(*KEEPERS)
@credit_grades.etag
@credit_grades.arguments(VoidCreditGradeSchema)
@credit_grades.response(200, CreditGradeSchema)
def void_grade(data: dict[str, Any], grade_id: UUID) -> CreditGrade:
    """等级作废"""
    with transaction():
        grade = grades.get_grade(grade_id, _agency_id())
        credit_grades.check_version(grade, CreditGradeSchema)
        grades.void_grade(grade, data["reason"], by=current_actor(), at=clock.now())
    credit_grades.set_etag(grade.version)
    return grade


def _agency() -> Agency:
    return people.get_agency(_agency_id())


def _agency_id() -> UUID:
    agency_id = current_actor().agency_id
    if agency_id is None:
        raise people.AgencyNotFound("没有这个机构。")
    return agency_id
