"""The dossier of a unit 一户一档 over HTTP."""

from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from marshmallow import RAISE

from app import clock
from app.access import Role, current_actor, requires
from app.db import transaction
from app.problems import Blueprint, CursorUnknown, Page, PageSchema, page, read_cursor, sign_cursor
from app.reports import dossiers, queries, sections
from app.reports.dossier_schemas import (
    DossierLineSchema,
    DossierSchema,
    ReadingSchema,
    SectionQuerySchema,
)
from app.reports.models import DossierReading
from app.reports.sections import SECTIONS, Place, Section
from app.units import service as units

blp = Blueprint("dossiers", __name__, url_prefix="/units", description="一户一档")

READERS = (Role.OFFICER, Role.SUPERVISOR, Role.LEGAL_REVIEWER, Role.AUDITOR)


@blp.route("/<uuid:unit_id>/dossier")
@requires(*READERS)
@blp.response(200, DossierSchema)
def read_dossier(unit_id: UUID) -> dict[str, Any]:
    """查看单位档案（一户一档）

    一次列出单位的全部情况，每栏先列最新的几条。查看人和时间记入日志。
    """
    at = _recorded(unit_id)
    found = dossiers.read_dossier(unit_id, _agency_id())
    return {
        "unit": found.unit,
        "years": found.years,
        "parts": [
            {"code": code, "name": SECTIONS[code].name, "total": part.total, "items": part.items}
            for code, part in found.parts.items()
        ],
        "read_at": at,
    }


@blp.route("/<uuid:unit_id>/dossier/lines")
@requires(*READERS)
@blp.arguments(SectionQuerySchema, location="query", unknown=RAISE)
@blp.paged(DossierLineSchema)
def list_lines(query: dict[str, Any], unit_id: UUID) -> Page[Any]:
    """逐页列出档案的一栏，最新的在前"""
    place = _place(query["cursor"], section := dossiers.get_section(query["section"]))
    _recorded(unit_id)
    limit: int = query["limit"]
    found = sections.before(section, unit_id, place=place, limit=limit + 1)
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    when = getattr(last, section.by).isoformat()  # whole, below a millisecond too
    return Page(found[:limit], sign_cursor({"when": when, "id": str(last.id)}))


@blp.route("/<uuid:unit_id>/dossier/readings")
@requires(Role.SUPERVISOR, Role.AUDITOR)
@blp.arguments(PageSchema, location="query", unknown=RAISE)
@blp.paged(ReadingSchema)
def list_readings(query: dict[str, Any], unit_id: UUID) -> Page[dict[str, Any]]:
    """列出谁在何时查看过档案"""
    units.get_unit(unit_id, _agency_id())
    found: Page[DossierReading] = page(
        queries.dossier_readings(unit_id), DossierReading.id, newest_first=True, **query
    )
    names = queries.account_names({one.read_by_id for one in found.items if one.read_by_id})
    return Page(
        [
            {
                "id": one.id,
                "unit_id": one.unit_id,
                "read_at": one.read_at,
                "read_by_id": one.read_by_id,
                "name": names.get(one.read_by_id) if one.read_by_id else None,
            }
            for one in found.items
        ],
        found.next_cursor,
    )


def _recorded(unit_id: UUID) -> Any:
    """Note the reading in a transaction of its own: what is shown was noted before."""
    at = clock.now()
    with transaction():
        dossiers.record_reading(unit_id, by=current_actor(), at=at)
    return at


def _place(cursor: str | None, section: Section) -> Place | None:
    if not cursor:
        return None
    given = read_cursor(cursor)
    try:
        when, key = str(given["when"]), UUID(str(given["id"]))
        if section.by == "on":
            return date.fromisoformat(when), key
        return datetime.fromisoformat(when), key
    except (KeyError, ValueError) as error:
        raise CursorUnknown("分页游标无效，请从第一页重新读取。") from error


def _agency_id() -> UUID:
    """Return the caller's agency: every account has one."""
    return cast(UUID, current_actor().agency_id)
