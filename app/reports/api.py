"""Reports over HTTP."""

from typing import Any, cast
from uuid import UUID

from marshmallow import RAISE

from app import clock
from app.access import Role, current_actor, requires
from app.days import local_date
from app.problems import Blueprint
from app.reports import (
    annual_api,
    counts_api,
    disturbance_api,
    dossier_api,
    review_api,
    service,
)
from app.reports.schemas import TaskCountsQuerySchema, TaskReportSchema
from app.reports.service import TaskReport

blp = Blueprint("reports", __name__, url_prefix="/reports", description="统计")
BLUEPRINTS = (
    blp,
    annual_api.blp,
    dossier_api.blp,
    counts_api.blp,
    disturbance_api.blp,
    review_api.blp,
)


@blp.route("/task-counts")
@requires(
    Role.OFFICER,
    Role.SUPERVISOR,
    Role.LEGAL_REVIEWER,
    Role.CLERK,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
)
@blp.refuses(404)
@blp.arguments(TaskCountsQuerySchema, location="query", unknown=RAISE)
@blp.response(200, TaskReportSchema)
def count_tasks(query: dict[str, Any]) -> TaskReport:
    """统计任务数、完成率和完结率

    按抽取编号或抽取周期统计时，结转和递补的任务计入抽取它的周期。完成率为已完成任务数除以任务数；完结率为已完成与已关闭任务数之和除以任务数。
    """
    at = clock.now()
    until_on = query.pop("until_on") or local_date(at)
    from_on = query.pop("from_on") or until_on.replace(month=1, day=1)
    agency_id = cast(UUID, current_actor().agency_id)
    drawn = service.drawn(agency_id, draw_no=query.pop("draw_no"), period=query.pop("period"))
    if drawn is not None:
        return service.count_tasks(
            agency_id, drawn.from_on, drawn.until_on, draw_ids=drawn.ids, at=at, **query
        )
    return service.count_tasks(agency_id, from_on, until_on, at=at, **query)
