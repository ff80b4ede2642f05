"""Samples over HTTP: tablets record them, officers and supervisors enter the results."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.db import transaction
from app.problems import Blueprint, Page, page
from app.visits import queries, samples
from app.visits.models import Sample
from app.visits.samples import Report
from app.visits.schemas import NewSampleResultSchema, SampleQuerySchema, SampleSchema

blp = Blueprint("samples", __name__, url_prefix="/samples", description="样品")


@blp.route("")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.arguments(SampleQuerySchema, location="query")
@blp.paged(SampleSchema)
def list_samples(query: dict[str, Any]) -> Page[Sample]:
    """查询样品"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.samples_of(current_actor().agency_id, **query)
    return page(found, Sample.id, limit=limit, cursor=cursor)


@blp.route("/<uuid:sample_id>")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.etag
@blp.response(200, SampleSchema)
def get_sample(sample_id: UUID) -> Sample:
    """查看样品和检测结果"""
    sample = samples.get_sample(sample_id, current_actor().agency_id)
    blp.set_etag(sample.version)
    return sample


@blp.route("/<uuid:sample_id>/result", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@blp.etag
@blp.arguments(NewSampleResultSchema)
@blp.response(200, SampleSchema)
def record_result(data: dict[str, Any], sample_id: UUID) -> Sample:
    """录入检测结果

    录入最后一份样品的结果时，负责人可以同时确定检查结果（outcome），任务即完成。
    """
    outcome = data.pop("outcome")
    with transaction():
        by = current_actor()
        blp.check_version(samples.get_sample(sample_id, by.agency_id), SampleSchema)
        sample = samples.record_result(
            sample_id, Report(**data), outcome=outcome, by=by, at=clock.now()
        )
    blp.set_etag(sample.version)
    return sample
