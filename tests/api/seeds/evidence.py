"""The evidence of a seeded agency."""

import io
from hashlib import sha256

from PIL import Image

from app.access import Role
from app.evidence import service as evidence
from app.evidence.rules import object_key
from tests.api.seeds.builder import Builder


def fill(builder: Builder) -> None:
    """One stored picture with its thumbnail."""
    out = io.BytesIO()
    colour = tuple(builder.agency.id.bytes[-3:])
    Image.new("RGB", (40, 30), colour).save(out, "JPEG")
    digest = sha256(out.getvalue()).hexdigest()
    storage = builder.make.flask_app.extensions["suicha_storage"]
    storage.put_new(object_key(builder.agency.id, digest), out.getvalue())
    with builder.make.writing():
        stored = evidence.record_stored(
            digest,
            evidence.inspect_stored(storage, builder.agency.id, digest, mime="image/jpeg"),
            size_bytes=len(out.getvalue()),
            mime="image/jpeg",
            role="closing",
            agency_id=builder.agency.id,
            district=builder.agency.district,
            by=builder.actor(Role.OFFICER),
            at=builder.make.at,
        )
    builder.keep("evidence", stored)
    builder.side.ids["sha256"] = digest
    builder.side.texts.add(digest)
