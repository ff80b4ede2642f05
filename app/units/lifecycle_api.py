"""Steps in the life of a unit, 校验 and self-checks over HTTP."""

from typing import Any, cast
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.db import transaction
from app.people import service as people
from app.people.models import Agency
from app.problems import Blueprint, Page, page, sole_file
from app.units import life_queries, lifecycle, self_checks, service
from app.units.lifecycle import NewStep, NewVerification
from app.units.lifecycle_rules import LifeVerb
from app.units.lifecycle_schemas import (
    NewStepSchema,
    NewVerificationSchema,
    RefuseStepSchema,
    SelfCheckFileQuerySchema,
    SelfCheckLinesSchema,
    SelfCheckQuerySchema,
    SelfCheckSchema,
    StepQuerySchema,
    StepSchema,
    VerificationQuerySchema,
    VerificationSchema,
)
from app.units.models import SelfCheck, UnitStep, UnitVerification
from app.units.schemas import RegisterFileSchema

steps = Blueprint("unit-steps", __name__, url_prefix="/unit-steps", description="单位状态办理")
verifications = Blueprint(
    "unit-verifications", __name__, url_prefix="/unit-verifications", description="校验"
)
checks = Blueprint("self-checks", __name__, url_prefix="/self-checks", description="自查结果")
BLUEPRINTS = (steps, verifications, checks)

READERS = (
    Role.OFFICER,
    Role.SUPERVISOR,
    Role.LEGAL_REVIEWER,
    Role.CLERK,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
)


@steps.route("")
@requires(*READERS)
@steps.arguments(StepQuerySchema, location="query")
@steps.paged(StepSchema)
def list_steps(query: dict[str, Any]) -> Page[UnitStep]:
    """查询单位状态办理记录"""
    paging = {"limit": query.pop("limit"), "cursor": query.pop("cursor")}
    found: Page[UnitStep] = page(
        life_queries.steps_of(_agency_id(), **query), UnitStep.id, **paging
    )
    return found


@steps.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@steps.creates
@steps.arguments(NewStepSchema)
@steps.response(201, StepSchema)
def take_step(data: dict[str, Any]) -> UnitStep:
    """办理单位状态

    校验通知、公示告知、强制注销、停业、恢复营业、歇业、搬迁、吊销、注销、退出备案。强制注销须由另一名负责人复核后生效。
    """
    unit_id, verb = data.pop("unit_id"), LifeVerb(data.pop("verb"))
    with transaction():
        unit = service.get_unit(unit_id, _agency_id())
        return lifecycle.take_step(unit, NewStep(verb, **data), by=current_actor(), at=clock.now())


@steps.route("/<uuid:step_id>")
@requires(*READERS)
@steps.etag
@steps.response(200, StepSchema)
def get_step(step_id: UUID) -> UnitStep:
    """查看办理记录"""
    step = lifecycle.get_step(step_id, _agency_id())
    steps.set_etag(step.version)
    return step


@steps.route("/<uuid:step_id>/confirm", methods=["POST"])
@requires(Role.SUPERVISOR)
@steps.etag
@steps.response(200, StepSchema)
def confirm_step(step_id: UUID) -> UnitStep:
    """复核同意强制注销"""
    with transaction():
        step = lifecycle.get_step(step_id, _agency_id())
        steps.check_version(step, StepSchema)
        lifecycle.confirm_step(step, by=current_actor(), at=clock.now())
    steps.set_etag(step.version)
    return step


@steps.route("/<uuid:step_id>/refuse", methods=["POST"])
@requires(Role.SUPERVISOR)
@steps.etag
@steps.arguments(RefuseStepSchema)
@steps.response(200, StepSchema)
def refuse_step(data: dict[str, Any], step_id: UUID) -> UnitStep:
    """复核不同意强制注销"""
    with transaction():
        step = lifecycle.get_step(step_id, _agency_id())
        steps.check_version(step, StepSchema)
        lifecycle.refuse_step(step, data["reason"], by=current_actor(), at=clock.now())
    steps.set_etag(step.version)
    return step


@verifications.route("")
@requires(*READERS)
@verifications.arguments(VerificationQuerySchema, location="query")
@verifications.paged(VerificationSchema)
def list_verifications(query: dict[str, Any]) -> Page[UnitVerification]:
    """查询各单位最近一次校验和下次到期日"""
    paging = {"limit": query.pop("limit"), "cursor": query.pop("cursor")}
    rows = life_queries.newest_verifications(_agency_id(), **query)
    found: Page[UnitVerification] = page(rows, UnitVerification.id, **paging)
    return found


@verifications.route("", methods=["POST"])
@requires(Role.SUPERVISOR, Role.CLERK)
@verifications.creates
@verifications.arguments(NewVerificationSchema)
@verifications.response(201, VerificationSchema)
def record_verification(data: dict[str, Any]) -> UnitVerification:
    """登记校验

    床位不满100张的每年校验一次，100张以上的每三年一次。逾期、已通知或公示中的单位校验后恢复在业。
    """
    unit_id = data.pop("unit_id")
    with transaction():
        unit = service.get_unit(unit_id, _agency_id())
        return lifecycle.record_verification(
            unit, NewVerification(**data), by=current_actor(), at=clock.now()
        )


@checks.route("")
@requires(*READERS)
@checks.arguments(SelfCheckQuerySchema, location="query")
@checks.paged(SelfCheckSchema)
def list_self_checks(query: dict[str, Any]) -> Page[SelfCheck]:
    """查询自查结果"""
    paging = {"limit": query.pop("limit"), "cursor": query.pop("cursor")}
    rows = life_queries.self_checks_of(_agency_id(), **query)
    found: Page[SelfCheck] = page(rows, SelfCheck.id, **paging)
    return found


@checks.route("", methods=["POST"])
@requires(Role.SUPERVISOR, Role.CLERK, Role.ADMINISTRATOR)
@checks.arguments(SelfCheckFileQuerySchema, location="query")
@checks.arguments(RegisterFileSchema, location="files")
@checks.response(200, SelfCheckLinesSchema)
def take_self_checks(query: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """导入自查结果

    各行一次写入；有一行不能采用，全部不写入。
    """
    source, preview = sole_file(data).read(), query["preview"]
    with transaction():
        lines = self_checks.take_self_checks(
            source, preview=preview, agency=_agency(), by=current_actor(), at=clock.now()
        )
    return {"preview": preview, "lines": lines}


def _agency() -> Agency:
    return people.get_agency(_agency_id())


def _agency_id() -> UUID:
    """Return the caller's agency: every account has one."""
    return cast(UUID, current_actor().agency_id)
