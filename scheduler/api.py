"""The timetable over HTTP: what ran, what waits for whom, what is late."""

from typing import Any, cast
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.problems import Blueprint
from scheduler import status
from scheduler.schemas import TimetableStatusSchema

blp = Blueprint("scheduler", __name__, url_prefix="/scheduler", description="定时任务")


@blp.route("/status")
@requires(Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR)
@blp.response(200, TimetableStatusSchema)
def show_status() -> dict[str, Any]:
    """查看定时任务：运行了什么、等待谁、什么已逾期"""
    return status.status(at=clock.now(), agency_id=cast(UUID, current_actor().agency_id))
