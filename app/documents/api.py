"""Documents and number blocks over HTTP, for reading: tablets issue and sign."""

from typing import Any
from uuid import UUID

from app.access import Role, current_actor, requires
from app.documents import blocks, queries, service
from app.documents.blocks import Account
from app.documents.models import Document, NumberBlock
from app.documents.schemas import (
    DocumentQuerySchema,
    DocumentSchema,
    NumberBlockQuerySchema,
    NumberBlockSchema,
    WholeDocumentSchema,
)
from app.problems import Blueprint, Page, page

documents = Blueprint("documents", __name__, url_prefix="/documents", description="执法文书")
number_blocks = Blueprint(
    "number-blocks", __name__, url_prefix="/number-blocks", description="文书号段"
)
BLUEPRINTS = (documents, number_blocks)


@documents.route("")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@documents.arguments(DocumentQuerySchema, location="query")
@documents.paged(DocumentSchema)
def list_documents(query: dict[str, Any]) -> Page[Document]:
    """查询执法文书"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.documents_of(current_actor().agency_id, query)
    return page(found, Document.id, limit=limit, cursor=cursor)


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
