"""Samples over HTTP: tablets record them, officers and supervisors enter the results."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.days import local_date
from app.db import transaction
from app.problems import Blueprint, Page, page
from app.visits import queries, samples
from app.visits.models import Sample
from app.visits.samples import Report
from app.visits.schemas import (
    NewSampleResultSchema,
    SampleCardSchema,
    SampleQuerySchema,
    SampleSchema,
    WholeSampleSchema,
)
from app.visits.terms import Reading

blp = Blueprint("samples", __name__, url_prefix="/samples", description="样品")


@blp.route("")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.arguments(SampleQuerySchema, location="query")
@blp.paged(SampleSchema)
def list_samples(query: dict[str, Any]) -> Page[Sample]:
    """查询样品

    card_late=true 只列出检测结果卡逾期未填报的样品。
    """
    limit, cursor = query.pop("limit"), query.pop("cursor")
    query["card_late_on"] = local_date(clock.now()) if query.pop("card_late") else None
    found = queries.samples_of(current_actor().agency_id, **query)
    return page(found, Sample.id, limit=limit, cursor=cursor)


@blp.route("/<uuid:sample_id>")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.etag
@blp.response(200, WholeSampleSchema)
def get_sample(sample_id: UUID) -> dict[str, Any]:
    """查看样品和检测结果；快速检测的结果一般不能作为案件证据"""
    sample = samples.get_sample(sample_id, current_actor().agency_id)
    blp.set_etag(sample.version)
    names = SampleSchema().fields
    whole = {name: getattr(sample, name) for name in names}
    return {**whole, "evidence": samples.is_evidence(sample, at=clock.now())}


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
    readings = tuple(Reading(**one) for one in data.pop("readings"))
    with transaction():
        by = current_actor()
        blp.check_version(samples.get_sample(sample_id, by.agency_id), SampleSchema)
        sample = samples.record_result(
            sample_id, Report(**data, readings=readings), outcome=outcome, by=by, at=clock.now()
        )
    blp.set_etag(sample.version)
    return sample


@blp.route("/<uuid:sample_id>/card", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@blp.etag
@blp.arguments(SampleCardSchema)
@blp.response(200, SampleSchema)
def enter_card(data: dict[str, Any], sample_id: UUID) -> Sample:
    """登记检测结果卡已填报"""
    with transaction():
        by = current_actor()
        blp.check_version(samples.get_sample(sample_id, by.agency_id), SampleSchema)
        sample = samples.enter_card(sample_id, **data, by=by, at=clock.now())
    blp.set_etag(sample.version)
    return sample
