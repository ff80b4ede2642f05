"""Draw closed case files for review, take in what reviewers found, report what came of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.cases.models import PenaltyCase, PenaltyCaseOfficer
from app.cases.rules import CaseState
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db, new_id, touch
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency, Officer
from app.people.rules import OfficerState
from app.reports import review_rules
from app.reports.models import FileReview, ReviewedFile
from app.reports.review_rules import Criterion, Judgement


class ReviewUnknown(NotFound):
    code, title = "file-review-unknown", "未找到案卷评查"


class ReviewInvalid(Invalid):
    """`errors`: pointer and detail of each thing wrong."""

    code, title = "file-review-invalid", "案卷评查内容有误"


class ReviewerInvolved(Conflict):
    code, title = "reviewer-involved", "评查人员都是案件承办人"


class NotTheReviewer(Forbidden):
    code, title = "not-the-reviewer", "不是该案卷的评查人员"


class FileJudged(Conflict):
    code, title = "reviewed-file-judged", "该案卷已经评查"


@dataclass(frozen=True, slots=True)
class NewReview:
    """What is to be reviewed: files closed in the days, so many, by whom, by which seed."""

    name: str
    from_on: date
    until_on: date
    size: int
    seed: str
    reviewer_ids: tuple[UUID, ...]


def draw_review(data: NewReview, *, agency: Agency, by: Actor, at: datetime) -> FileReview:
    """Draw closed files for review and allot each to a reviewer who did not handle it.

    Seed, days and the hash of the population are kept: whoever has the ids draws the same files.
    Raises ReviewInvalid (`errors`) and ReviewerInvolved.
    """
    _refuse_wrong(data, agency)
    population = _closed_files(agency.id, data.from_on, data.until_on)
    if not population:
        raise _invalid([("from_on", "这段时间没有已结案的案卷。")])
    drawn = review_rules.sample(population, data.seed, data.size)
    allotted = review_rules.allot(drawn, data.reviewer_ids, _handlers(drawn))
    if allotted is None:
        raise ReviewerInvolved("有案卷的承办人包括了全部评查人员，请增加评查人员。")
    review = FileReview(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        name=data.name,
        from_on=data.from_on,
        until_on=data.until_on,
        seed=data.seed,
        criteria_on=local_date(at),
        population=len(population),
        population_sha256=review_rules.population_hash(population),
        drawn_at=at,
        drawn_by_kind=by.kind,
        drawn_by_id=by.id,
        files=[
            ReviewedFile(
                id=new_id(),
                agency_id=agency.id,
                district=agency.district,
                case_id=case_id,
                place=place,
                ticket=review_rules.ticket(data.seed, case_id),
                reviewer_id=allotted[case_id],
            )
            for place, case_id in enumerate(drawn, start=1)
        ],
    )
    db.session.add(review)
    journal.record(
        Event.FILE_REVIEW_DRAWN,
        review,
        by=by,
        at=at,
        data={
            "seed": data.seed,
            "population": review.population,
            "population_sha256": review.population_sha256,
            "drawn": [str(case_id) for case_id in drawn],
        },
    )
    return review


def get_review(review_id: UUID, agency_id: UUID) -> FileReview:
    """Return a review of the agency. Raises ReviewUnknown, also for another agency's."""
    found = db.session.get(FileReview, review_id)
    if found is None or found.agency_id != agency_id:
        raise ReviewUnknown("没有这次案卷评查，或它不属于本机构。")
    return found


def criteria_of(review: FileReview) -> list[Criterion]:
    """Return the criteria by which a review judges: those in force when it was drawn."""
    rows = catalogue.in_force(Kind.REVIEW_POINT, review.criteria_on)
    return [review_rules.read_criterion(row.code, row.body) for row in rows]


def judge_file(
    review: FileReview,
    case_id: UUID,
    judged: Sequence[Judgement],
    note: str | None,
    *,
    by: Actor,
    at: datetime,
) -> ReviewedFile:
    """Take in what the reviewer of a file found, criterion by criterion; once.

    Raises NotTheReviewer, FileJudged and ReviewInvalid (`errors`).
    """
    file = next((one for one in review.files if one.case_id == case_id), None)
    if file is None:
        raise _invalid([("case_id", "该案卷不在这次评查之中。")])
    if by.officer_id != file.reviewer_id:
        raise NotTheReviewer("该案卷由另一名评查人员评查。")
    if file.judged_at is not None:
        raise FileJudged("该案卷已经评查，结果不能更改。")
    criteria = criteria_of(review)
    if problems := review_rules.judgement_problems(judged, criteria):
        raise _invalid(problems)
    file.findings = [asdict(one) for one in judged]
    file.points, file.points_of = review_rules.points_of(judged, criteria)
    file.note = note
    file.judged_at, file.judged_by_kind, file.judged_by_id = at, by.kind, by.id
    touch(review)
    journal.record(
        Event.REVIEWED_FILE_JUDGED,
        file,
        by=by,
        at=at,
        data={"case_id": str(case_id), "points": file.points, "points_of": file.points_of},
    )
    return file


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """What a review came to: how many files are judged and passed, points lost by criterion."""

    judged: int
    passed: int
    mean: str | None
    lost: dict[str, int]


def result_of(review: FileReview) -> ReviewResult:
    """Return what a review came to so far."""
    good = int(catalogue.setting("file-review-good", review.criteria_on))
    worth = {one.code: one.points for one in criteria_of(review)}
    shares = [
        100 * file.points / file.points_of
        for file in review.files
        if file.points is not None and file.points_of
    ]
    lost = dict.fromkeys(worth, 0)
    for file in review.files:
        for one in file.findings or ():
            lost[one["code"]] += worth[one["code"]] - one["points"]
    mean = f"{sum(shares) / len(shares):.1f}" if shares else None
    return ReviewResult(len(shares), sum(share >= good for share in shares), mean, lost)


def _refuse_wrong(data: NewReview, agency: Agency) -> None:
    errors = []
    if data.from_on > data.until_on:
        errors.append(("from_on", "起始日期不能晚于截止日期。"))
    for officer_id in data.reviewer_ids:
        officer = db.session.get(Officer, officer_id)
        if (
            officer is None
            or officer.agency_id != agency.id
            or officer.state != OfficerState.ACTIVE
        ):
            errors.append(("reviewer_ids", "评查人员应为本机构在岗监督员。"))
    if len(set(data.reviewer_ids)) < len(data.reviewer_ids):
        errors.append(("reviewer_ids", "评查人员重复。"))
    if errors:
        raise _invalid(errors)


def _invalid(errors: Sequence[tuple[str, str]]) -> ReviewInvalid:
    return ReviewInvalid(
        "".join(dict.fromkeys(detail for _, detail in errors)),
        errors=[{"pointer": f"#/{field}", "detail": detail} for field, detail in errors],
    )


def _closed_files(agency_id: UUID, from_on: date, until_on: date) -> list[UUID]:
    closed_on = sa.func.coalesce(PenaltyCase.closed_on, PenaltyCase.decided_on)
    query = sa.select(PenaltyCase.id).where(
        PenaltyCase.agency_id == agency_id,
        PenaltyCase.state == CaseState.CLOSED,
        closed_on >= from_on,
        closed_on <= until_on,
    )
    return list(db.session.scalars(query))


def _handlers(case_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    found: dict[UUID, set[UUID]] = {}
    query = sa.select(PenaltyCaseOfficer.case_id, PenaltyCaseOfficer.officer_id).where(
        PenaltyCaseOfficer.case_id.in_(case_ids)
    )
    for case_id, officer_id in db.session.execute(query):
        found.setdefault(case_id, set()).add(officer_id)
    return found
