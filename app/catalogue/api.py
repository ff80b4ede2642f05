"""The catalogue over HTTP: read by everybody who is signed in, superseded by administrators."""

import re
from typing import Any

from app import clock
from app.access import Role, current_actor, requires
from app.catalogue import queries, service
from app.catalogue.models import CatalogueRow
from app.catalogue.schemas import (
    CatalogueQuerySchema,
    CatalogueRowSchema,
    NewCatalogueRowSchema,
    OnSchema,
)
from app.days import local_date
from app.db import transaction
from app.problems import Blueprint, Page, page

blp = Blueprint("catalogue", __name__, url_prefix="/catalogue", description="目录")

_KIND = f"<any({','.join(repr(str(kind)) for kind in service.Kind)}):kind>"
_ROW = f"/{_KIND}/<string(maxlength=100):code>"
_EXAMPLE = [
    {"in": "path", "name": "kind", "example": "setting"},
    {"in": "path", "name": "code", "example": "geofence-m"},
]
_CODE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+\Z")


@blp.route(f"/{_KIND}")
@requires(*Role)
@blp.arguments(CatalogueQuerySchema, location="query")
@blp.paged(CatalogueRowSchema)
def list_rows(query: dict[str, Any], kind: str) -> Page[CatalogueRow]:
    """列出某日有效的目录项"""
    on = query.pop("on") or local_date(clock.now())
    return page(queries.holding(kind, on), CatalogueRow.id, **query)


@blp.route(_ROW, parameters=_EXAMPLE)
@requires(*Role)
@blp.etag
@blp.arguments(OnSchema, location="query")
@blp.response(200, CatalogueRowSchema)
def show_row(query: dict[str, Any], kind: str, code: str) -> CatalogueRow:
    """查看某日有效的一项"""
    row = service.get_row(kind, _known(code), query["on"] or local_date(clock.now()))
    blp.set_etag(row.version)
    return row


@blp.route(_ROW, methods=["POST"], parameters=_EXAMPLE)
@requires(Role.ADMINISTRATOR)
@blp.creates
@blp.arguments(NewCatalogueRowSchema)
@blp.response(201, CatalogueRowSchema)
def supersede_row(data: dict[str, Any], kind: str, code: str) -> CatalogueRow:
    """以新的一行取代现行的一项

    现行的一行在新行生效前一日终止；不得留空档，不得重叠。
    """
    with transaction():
        return service.supersede(kind, _known(code), **data, by=current_actor(), at=clock.now())


def _known(code: str) -> str:
    """Return a code that a database can be asked for."""
    if not _CODE.match(code):
        raise service.CatalogueRowMissing("目录中没有这一项。")
    return code
