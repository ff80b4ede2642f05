"""What becomes of a document after it was written: its page, its corrections, its service."""

from typing import Any
from uuid import UUID

import flask

from app import clock, entry
from app.access import Role, current_actor, requires
from app.days import local_date
from app.db import transaction
from app.documents import correcting, pages, printing, queries, service, serving
from app.documents.models import Document, DocumentCorrection, DocumentService
from app.documents.schemas import (
    CorrectDocumentSchema,
    CorrectionSchema,
    CorrectionsSchema,
    DeliverServiceSchema,
    ServeDocumentSchema,
    ServiceSchema,
    ServicesSchema,
    UnservedListSchema,
    WholeDocumentSchema,
    WithdrawServiceSchema,
)
from app.documents.serving import Serving, Standing
from app.problems import Blueprint

papers = Blueprint(
    "papers", __name__, url_prefix="/documents", description="文书的打印、更正和送达"
)
services = Blueprint(
    "document-services", __name__, url_prefix="/document-services", description="送达记录"
)
READERS = (Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
WRITERS = (Role.SUPERVISOR, Role.OFFICER)


@papers.route("/<uuid:document_id>/pdf")
@requires(*READERS)
@papers.response(200, pages.BINARY, content_type=pages.MIME)
def print_document(document_id: UUID) -> flask.Response:
    """下载文书 PDF（A4、PDF/A）"""
    document = service.get_document(document_id, current_actor().agency_id)
    return pages.answer(printing.print_document(document, entry.storage()), document.number)


@papers.route("/<uuid:document_id>/corrections")
@requires(*READERS)
@papers.response(200, CorrectionsSchema)
def list_corrections(document_id: UUID) -> dict[str, Any]:
    """查看文书更正"""
    document = service.get_document(document_id, current_actor().agency_id)
    return {"items": queries.corrections_of(document.id)}


@papers.route("/<uuid:document_id>/corrections", methods=["POST"])
@requires(*WRITERS)
@papers.etag
@papers.arguments(CorrectDocumentSchema)
@papers.response(200, CorrectionSchema)
def correct(data: dict[str, Any], document_id: UUID) -> DocumentCorrection:
    """更正已签名的文书"""
    with transaction():
        by = current_actor()
        document = service.get_document(document_id, by.agency_id)
        papers.check_version(document, WholeDocumentSchema)
        correction = correcting.correct(document_id, **data, by=by, at=clock.now())
    papers.set_etag(document.version)
    return correction


@papers.route("/<uuid:document_id>/services")
@requires(*READERS)
@papers.response(200, ServicesSchema)
def list_services(document_id: UUID) -> Standing:
    """查看送达期限和送达记录"""
    return serving.standing_of(service.get_document(document_id, current_actor().agency_id))


@papers.route("/<uuid:document_id>/services", methods=["POST"])
@requires(*WRITERS)
@papers.creates
@papers.arguments(ServeDocumentSchema)
@papers.response(201, ServiceSchema)
def record_service(data: dict[str, Any], document_id: UUID) -> DocumentService:
    """登记送达"""
    with transaction():
        return serving.record_service(
            document_id, Serving(**data), by=current_actor(), at=clock.now()
        )


@services.route("/unserved")
@requires(*READERS)
@services.response(200, UnservedListSchema)
def list_unserved() -> dict[str, Any]:
    """查看应送达而未送达的文书"""
    today = local_date(clock.now())
    return {"items": serving.unserved(current_actor().agency_id, today)}


@services.route("/<uuid:service_id>")
@requires(*READERS)
@services.etag
@services.response(200, ServiceSchema)
def get_service(service_id: UUID) -> DocumentService:
    """查看送达记录"""
    served = serving.get_service(service_id, current_actor().agency_id)
    services.set_etag(served.version)
    return served


@services.route("/<uuid:service_id>/deliver", methods=["POST"])
@requires(*WRITERS)
@services.etag
@services.arguments(DeliverServiceSchema)
@services.response(200, ServiceSchema)
def deliver(data: dict[str, Any], service_id: UUID) -> DocumentService:
    """登记收件日期"""
    with transaction():
        by = current_actor()
        services.check_version(serving.get_service(service_id, by.agency_id), ServiceSchema)
        served = serving.record_delivery(service_id, **data, by=by, at=clock.now())
    services.set_etag(served.version)
    return served


@services.route("/<uuid:service_id>/withdraw", methods=["POST"])
@requires(*WRITERS)
@services.etag
@services.arguments(WithdrawServiceSchema)
@services.response(200, ServiceSchema)
def withdraw(data: dict[str, Any], service_id: UUID) -> DocumentService:
    """撤回送达记录"""
    with transaction():
        by = current_actor()
        services.check_version(serving.get_service(service_id, by.agency_id), ServiceSchema)
        served = serving.withdraw_service(service_id, data["reason"], by=by, at=clock.now())
    services.set_etag(served.version)
    return served


@services.route("/<uuid:service_id>/receipt", methods=["POST"])
@requires(*WRITERS)
@services.etag
@services.response(200, WholeDocumentSchema)
def draw_receipt(service_id: UUID) -> Document:
    """制作送达回执"""
    with transaction():
        by = current_actor()
        served = serving.get_service(service_id, by.agency_id)
        services.check_version(served, ServiceSchema)
        receipt = serving.draw_receipt(service_id, by=by, at=clock.now())
    services.set_etag(served.version)
    return receipt
