"""例外公示 over HTTP: proposed by one, confirmed or declined by another."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.credit import exceptions as service
from app.credit import queries
from app.credit.models import CreditException
from app.credit.schemas import (
    CreditExceptionQuerySchema,
    CreditExceptionSchema,
    DecideCreditExceptionSchema,
    NewCreditExceptionSchema,
)
from app.db import transaction
from app.problems import Blueprint, Page, page

exceptions = Blueprint(
    "credit-exceptions", __name__, url_prefix="/credit-exceptions", description="例外公示"
)

READERS = (Role.CLERK, Role.SUPERVISOR, Role.AUDITOR)
KEEPERS = (Role.CLERK, Role.SUPERVISOR)


@exceptions.route("")
@requires(*READERS)
@exceptions.arguments(CreditExceptionQuerySchema, location="query")
@exceptions.paged(CreditExceptionSchema)
def list_exceptions(query: dict[str, Any]) -> Page[CreditException]:
    """查询例外公示"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.exceptions_in(current_actor().agency_id, **query)
    return page(found, CreditException.id, limit=limit, cursor=cursor)


@exceptions.route("", methods=["POST"])
@requires(*KEEPERS)
@exceptions.creates
@exceptions.arguments(NewCreditExceptionSchema)
@exceptions.response(201, CreditExceptionSchema)
def propose_exception(data: dict[str, Any]) -> CreditException:
    """提出例外公示

    原则上不公示的处罚决定（轻微失信）确需公示的，写明理由，由另一名负责人决定。
    """
    with transaction():
        return service.propose_exception(
            data["entry_id"], data["reason"], by=current_actor(), at=clock.now()
        )


@exceptions.route("/<uuid:credit_exception_id>")
@requires(*READERS)
@exceptions.etag
@exceptions.response(200, CreditExceptionSchema)
def get_exception(credit_exception_id: UUID) -> CreditException:
    """查看例外公示"""
    found = service.get_exception(credit_exception_id, current_actor().agency_id)
    exceptions.set_etag(found.version)
    return found


@exceptions.route("/<uuid:credit_exception_id>/decide", methods=["POST"])
@requires(Role.SUPERVISOR)
@exceptions.etag
@exceptions.arguments(DecideCreditExceptionSchema)
@exceptions.response(200, CreditExceptionSchema)
def decide_exception(data: dict[str, Any], credit_exception_id: UUID) -> CreditException:
    """决定例外公示

    提出的人不能自己决定；同意的，由定时任务在信用网站公示。
    """
    with transaction():
        found = service.get_exception(credit_exception_id, current_actor().agency_id)
        exceptions.check_version(found, CreditExceptionSchema)
        service.decide_exception(
            found,
            confirm=data["confirm"],
            opinion=data["opinion"],
            by=current_actor(),
            at=clock.now(),
        )
    exceptions.set_etag(found.version)
    return found
