"""Reviews of closed case files 案卷评查 and cost figures over HTTP."""

from datetime import date
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from marshmallow import RAISE

from app import clock
from app.access import Role, current_actor, requires
from app.days import local_date
from app.db import transaction
from app.people import service as people
from app.problems import Blueprint, Page, PageSchema, page
from app.reports import costs, reviews
from app.reports.costs import TaskCost
from app.reports.models import FileReview
from app.reports.review_rules import Judgement
from app.reports.review_schemas import (
    CostQuerySchema,
    CostsSchema,
    FileReviewSchema,
    JudgeFileSchema,
    NewReviewSchema,
    ShownReviewSchema,
    TaskCostQuerySchema,
    TaskCostSchema,
)
from app.reports.reviews import NewReview
from app.tasks.models import Task

blp = Blueprint("file-reviews", __name__, url_prefix="/reports", description="案卷评查和成本")

READERS = (Role.SUPERVISOR, Role.LEGAL_REVIEWER, Role.OFFICER, Role.AUDITOR)


@blp.route("/file-reviews")
@requires(*READERS)
@blp.arguments(PageSchema, location="query", unknown=RAISE)
@blp.paged(FileReviewSchema)
def list_reviews(query: dict[str, Any]) -> Page[FileReview]:
    """列出案卷评查"""
    rows = sa.select(FileReview).where(FileReview.agency_id == _agency_id())
    found: Page[FileReview] = page(rows, FileReview.id, newest_first=True, **query)
    return found


@blp.route("/file-reviews", methods=["POST"])
@requires(Role.SUPERVISOR, Role.LEGAL_REVIEWER)
@blp.creates
@blp.arguments(NewReviewSchema)
@blp.response(201, FileReviewSchema)
def draw_review(data: dict[str, Any]) -> FileReview:
    """随机抽取已结案的案卷评查

    按种子和案卷编号计算，任何人可以重复；承办人不评查自己的案卷。
    """
    data["reviewer_ids"] = tuple(data["reviewer_ids"])
    with transaction():
        agency = people.get_agency(_agency_id())
        return reviews.draw_review(
            NewReview(**data), agency=agency, by=current_actor(), at=clock.now()
        )


@blp.route("/file-reviews/<uuid:review_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, ShownReviewSchema)
def show_review(review_id: UUID) -> dict[str, Any]:
    """查看案卷评查和结果"""
    review = reviews.get_review(review_id, _agency_id())
    blp.set_etag(review.version)
    shown = {name: getattr(review, name) for name in FileReviewSchema().fields}
    return {**shown, "result": reviews.result_of(review)}


@blp.route("/file-reviews/<uuid:review_id>/judge", methods=["POST"])
@requires(Role.SUPERVISOR, Role.LEGAL_REVIEWER, Role.OFFICER)
@blp.etag
@blp.arguments(JudgeFileSchema)
@blp.response(200, FileReviewSchema)
def judge_file(data: dict[str, Any], review_id: UUID) -> FileReview:
    """提交一份案卷的评查结果"""
    judged = [Judgement(**one) for one in data["judgements"]]
    with transaction():
        review = reviews.get_review(review_id, _agency_id())
        blp.check_version(review, FileReviewSchema)
        reviews.judge_file(
            review, data["case_id"], judged, data["note"], by=current_actor(), at=clock.now()
        )
    blp.set_etag(review.version)
    return review


@blp.route("/costs")
@requires(*READERS)
@blp.arguments(CostQuerySchema, location="query", unknown=RAISE)
@blp.response(200, CostsSchema)
def show_costs(query: dict[str, Any]) -> dict[str, Any]:
    """统计检查的工时和采样数（成本核算）"""
    from_on, until_on = _period(query)
    lines = costs.costs(_agency_id(), from_on, until_on)
    return {"from_on": from_on, "until_on": until_on, "lines": lines}


@blp.route("/costs/tasks")
@requires(*READERS)
@blp.arguments(TaskCostQuerySchema, location="query", unknown=RAISE)
@blp.paged(TaskCostSchema)
def list_task_costs(query: dict[str, Any]) -> Page[TaskCost]:
    """逐项任务列出工时和采样数"""
    agency_id, period = _agency_id(), _period(query)
    rows = costs.tasks_visited(agency_id, *period, query["specialty"])
    found = page(rows, Task.id, limit=query["limit"], cursor=query["cursor"])
    return Page(costs.task_costs(found.items, agency_id, *period), found.next_cursor)


def _period(query: dict[str, Any]) -> tuple[date, date]:
    until_on = query["until_on"] or local_date(clock.now())
    return query["from_on"] or until_on.replace(month=1, day=1), until_on


def _agency_id() -> UUID:
    """Return the caller's agency: every account has one."""
    return cast(UUID, current_actor().agency_id)
