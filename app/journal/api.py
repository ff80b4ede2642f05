"""The journal over HTTP: read by auditors and administrators, changed by nobody."""

from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from marshmallow import fields

from app import db
from app.access import Role, current_actor, requires
from app.fields import Id, Instant, Text, absent
from app.journal.models import JournalEntry
from app.problems import Blueprint, PageSchema, read_cursor, sign_cursor

blp = Blueprint("journal", __name__, url_prefix="/journal", description="日志")


class JournalQuerySchema(PageSchema):
    """Query of the journal: by subject or by event, newest first."""

    subject_id = Id(load_default=absent)
    event = Text(max=60, load_default=absent)


class JournalEntrySchema(ma.Schema):
    """One entry: its place, hash, and canonical text as hashed."""

    stream = fields.String(required=True)
    seq = fields.Integer(required=True)
    hash = fields.String(required=True)
    event = fields.String(required=True)
    at = Instant(required=True)
    subject_type = fields.String(required=True, allow_none=True)
    subject_id = fields.UUID(required=True, allow_none=True)
    text = fields.String(required=True)


class JournalPageSchema(ma.Schema):
    """One page of entries and the cursor of the next."""

    items = fields.List(fields.Nested(JournalEntrySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@blp.route("")
@requires(Role.AUDITOR, Role.ADMINISTRATOR)
@blp.arguments(JournalQuerySchema, location="query")
@blp.response(200, JournalPageSchema)
def list_entries(query: dict[str, Any]) -> dict[str, Any]:
    """查询本机构的日志

    一个辖区的各机构共用一条日志链；这里只给出本机构的条目和不属于任何机构的条目。
    """
    actor = current_actor()
    statement = sa.select(JournalEntry).where(
        JournalEntry.stream == actor.district,
        sa.or_(JournalEntry.agency_id == actor.agency_id, JournalEntry.agency_id.is_(None)),
    )
    if query["subject_id"]:
        statement = statement.where(JournalEntry.subject_id == query["subject_id"])
    if query["event"]:
        statement = statement.where(JournalEntry.event == query["event"])
    if query["cursor"]:
        before = int(read_cursor(query["cursor"]).get("before", 0))
        statement = statement.where(JournalEntry.seq < before)
    rows = list(
        db.db.session.scalars(statement.order_by(JournalEntry.seq.desc()).limit(query["limit"] + 1))
    )
    items = rows[: query["limit"]]
    more = len(rows) > len(items)
    return {
        "items": items,
        "next_cursor": sign_cursor({"before": items[-1].seq}) if more else None,
    }
