"""The JSON shape of rescue files and of what came of them."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.fields import Count, Id, Instant
from sync.inbox.schemas import PushResultSchema


class BrokenSchema(ma.Schema):
    """A record that could not be read, by its number from 1; 0 stands for the file."""

    record = Count(required=True)
    reason = fields.String(required=True)


class BlobSchema(ma.Schema):
    """A photo of the file."""

    sha256 = fields.String(required=True)
    state = fields.String(
        required=True, validate=ma.validate.OneOf(["stored", "known", "hash-mismatch"])
    )


class RescueResultSchema(ma.Schema):
    """What came of a file; `device_id` null where it could not be told whose it is."""

    rescue_id = Id(required=True)
    device_id = Id(required=True, allow_none=True)
    results = fields.List(fields.Nested(PushResultSchema), required=True)
    blobs = fields.List(fields.Nested(BlobSchema), required=True)
    broken = fields.List(fields.Nested(BrokenSchema), required=True)


class RescueUploadSchema(ma.Schema):
    """Which uploaded file is to be imported."""

    upload_id = Id(required=True)


class RescueFileSchema(ma.Schema):
    """A rescue file that is kept."""

    id = Id(required=True)
    device_id = Id(required=True, allow_none=True)
    sha256 = fields.String(required=True)
    size_bytes = Count(required=True)
    received_at = Instant(required=True)
    operations = Count(required=True)
    photos = Count(required=True)
    broken = fields.Method("_broken", required=True)

    def _broken(self, row: Any) -> list[dict[str, Any]]:
        return [{"record": record, "reason": reason} for record, reason in row.broken]
