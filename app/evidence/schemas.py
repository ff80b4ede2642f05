"""The JSON shape of evidence."""

import marshmallow as ma

from app import fields
from app.evidence.rules import EvidenceState
from app.problems import PageSchema


class EvidenceQuerySchema(PageSchema):
    """Query of the list: what a subject has, or by state."""

    subject_id = fields.Id(load_default=None, allow_none=True)
    state = fields.Choice(EvidenceState, load_default=None, allow_none=True)


class PaperFileSchema(ma.Schema):
    """A paper that somebody handed over."""

    file = ma.fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class EvidenceSchema(ma.Schema):
    """Metadata of one original; offsets hold EXIF against the tablet's record."""

    id = fields.Id(required=True)
    version = fields.Count(required=True)
    sha256 = fields.Sha256(required=True)
    size_bytes = fields.Count(required=True)
    mime = ma.fields.String(required=True)
    role = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    stored_at = fields.Instant(required=True, allow_none=True)
    inspected = ma.fields.Function(
        lambda evidence: not evidence.uninspected,
        required=True,
        metadata={"type": "boolean", "description": "照片是否已处理：之前没有尺寸、位置和缩略图"},
    )
    taken_at = fields.Instant(required=True, allow_none=True)
    lat_e7 = fields.Count(min=-900_000_000, max=900_000_000, required=True, allow_none=True)
    lon_e7 = fields.Count(min=-1_800_000_000, max=1_800_000_000, required=True, allow_none=True)
    width = fields.Count(required=True, allow_none=True)
    height = fields.Count(required=True, allow_none=True)
    place_offset_m = fields.Count(required=True, allow_none=True)
    time_offset_s = fields.Count(required=True, allow_none=True)
