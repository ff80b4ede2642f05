"""The shapes of a dossier over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from app.days import local_date
from app.fields import Count, Id, Instant
from app.problems import PageSchema
from app.reports.sections import SECTIONS
from app.units.schemas import UnitSchema


class SectionQuerySchema(PageSchema):
    """Which part of the dossier, and where to go on."""

    section = fields.String(required=True, validate=validate.OneOf(tuple(SECTIONS)))


class DossierLineSchema(ma.Schema):
    """A line of a part: the id opens the thing itself; codes are those of its own schema."""

    id = Id(required=True)
    on = fields.Method("_on", required=True, metadata={"type": "string", "format": "date"})
    number = fields.String(required=True, allow_none=True)
    title = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, allow_none=True)

    def _on(self, line: Any) -> str:
        day = line.on if line.at is None else local_date(line.at)
        return str(day.isoformat())


class DossierPartSchema(ma.Schema):
    """A part of the dossier: how many lines it has, and the newest of them."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    total = Count(required=True)
    items = fields.List(fields.Nested(DossierLineSchema), required=True)


class YearOfEntriesSchema(ma.Schema):
    """How often a unit was entered in a year; `triggered`: without a task."""

    year = Count(required=True)
    entries = Count(required=True)
    by_origin = fields.Dict(keys=fields.String(), values=Count(), required=True)


class DossierSchema(ma.Schema):
    """Everything about a unit; `GET …/dossier/lines?section=` goes on with a part."""

    unit = fields.Nested(UnitSchema, required=True)
    years = fields.List(fields.Nested(YearOfEntriesSchema), required=True)
    parts = fields.List(fields.Nested(DossierPartSchema), required=True)
    read_at = Instant(required=True)


class ReadingSchema(ma.Schema):
    """Who opened a dossier, and when."""

    id = Id(required=True)
    unit_id = Id(required=True)
    read_at = Instant(required=True)
    read_by_id = Id(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)
