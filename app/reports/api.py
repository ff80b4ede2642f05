"""Reports over HTTP."""

from typing import Any, cast
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.days import local_date
from app.problems import Blueprint
from app.reports import service
from app.reports.schemas import TaskCountsQuerySchema, TaskReportSchema
from app.reports.service import TaskReport

blp = Blueprint("reports", __name__, url_prefix="/reports", description="统计")


@blp.route("/task-counts")
@requires(
    Role.OFFICER,
    Role.SUPERVISOR,
    Role.LEGAL_REVIEWER,
    Role.CLERK,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
)
@blp.arguments(TaskCountsQuerySchema, location="query")
@blp.response(200, TaskReportSchema)
def count_tasks(query: dict[str, Any]) -> TaskReport:
    """统计任务数、完成率和完结率

    完成率为已完成任务数除以任务数；完结率为已完成与已关闭任务数之和除以任务数。
    """
    at = clock.now()
    until_on = query.pop("until_on") or local_date(at)
    from_on = query.pop("from_on") or until_on.replace(month=1, day=1)
    agency_id = cast(UUID, current_actor().agency_id)
    return service.count_tasks(agency_id, from_on, until_on, at=at, **query)
