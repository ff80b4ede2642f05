"""Documents and number blocks over HTTP; tablets issue and sign through sync."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.db import transaction
from app.documents import blocks, desk, queries, service
from app.documents.blocks import Account
from app.documents.models import Document, NumberBlock
from app.documents.paper_api import papers, services
from app.documents.schemas import (
    DocumentQuerySchema,
    DocumentSchema,
    NewDocumentSchema,
    NumberBlockQuerySchema,
    NumberBlockSchema,
    RewriteDocumentSchema,
    SignDocumentSchema,
    WholeDocumentSchema,
)
from app.problems import Blueprint, Page, page

documents = Blueprint("documents", __name__, url_prefix="/documents", description="执法文书")
number_blocks = Blueprint(
    "number-blocks", __name__, url_prefix="/number-blocks", description="文书号段"
)
BLUEPRINTS = (documents, papers, services, number_blocks)


@documents.route("")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@documents.arguments(DocumentQuerySchema, location="query")
@documents.paged(DocumentSchema)
def list_documents(query: dict[str, Any]) -> Page[Document]:
    """查询执法文书"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.documents_of(current_actor().agency_id, query)
    return page(found, Document.id, limit=limit, cursor=cursor)


@documents.route("", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR)
@documents.creates
@documents.arguments(NewDocumentSchema)
@documents.response(201, WholeDocumentSchema)
def draw_up(data: dict[str, Any]) -> Document:
    """制作文书"""
    with transaction():
        return desk.draw_up(
            data["kind"],
            data["fields"],
            unit_id=data["unit_id"],
            officer_ids=data["officer_ids"],
            by=current_actor(),
            at=clock.now(),
        )


@documents.route("/<uuid:document_id>", methods=["PATCH"])
@requires(Role.OFFICER, Role.SUPERVISOR)
@documents.etag
@documents.arguments(RewriteDocumentSchema)
@documents.response(200, WholeDocumentSchema)
def rewrite(data: dict[str, Any], document_id: UUID) -> Document:
    """修改未签名的文书"""
    with transaction():
        by = current_actor()
        documents.check_version(
            service.get_document(document_id, by.agency_id), WholeDocumentSchema
        )
        document = desk.rewrite(document_id, data["fields"], by=by, at=clock.now())
    documents.set_etag(document.version)
    return document


@documents.route("/<uuid:document_id>/sign", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR, Role.LEGAL_REVIEWER)
@documents.etag
@documents.arguments(SignDocumentSchema)
@documents.response(200, WholeDocumentSchema)
def sign(data: dict[str, Any], document_id: UUID) -> Document:
    """签名、拒绝签名或者用印"""
    with transaction():
        by = current_actor()
        documents.check_version(
            service.get_document(document_id, by.agency_id), WholeDocumentSchema
        )
        document = desk.sign(document_id, **data, by=by, at=clock.now())
    documents.set_etag(document.version)
    return document


@documents.route("/<uuid:document_id>")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@documents.etag
@documents.response(200, WholeDocumentSchema)
def get_document(document_id: UUID) -> Document:
    """查看执法文书的内容和签名"""
    document = service.get_document(document_id, current_actor().agency_id)
    documents.set_etag(document.version)
    return document


@number_blocks.route("")
@requires(Role.SUPERVISOR, Role.AUDITOR)
@number_blocks.arguments(NumberBlockQuerySchema, location="query")
@number_blocks.paged(NumberBlockSchema)
def list_blocks(query: dict[str, Any]) -> Page[Account]:
    """查询文书号段：已用、剩余和空号"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found: Page[NumberBlock] = page(
        queries.blocks_of(current_actor().agency_id, query),
        NumberBlock.id,
        limit=limit,
        cursor=cursor,
    )
    return Page(blocks.accounts_of(found.items), found.next_cursor)
