"""Papers that come in at a desk: what an applicant or a party hands over, scanned or as a file.

They are kept like all evidence, under the hash of their bytes: durable before the row says so.
"""

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from app import entry
from app.access import Actor
from app.db import stop_reading, transaction
from app.errors import Invalid
from app.evidence import rules, service
from app.evidence.models import Evidence

ROLE = "paper"


class PaperRefused(Invalid):
    code, title = "paper-refused", "文件不能采用"


def take_in(data: bytes, *, agency_id: UUID, district: str, by: Actor, at: datetime) -> Evidence:
    """Keep a paper; the same bytes again are the same evidence. Outside any transaction.

    Raises PaperRefused for what begins as neither PDF nor JPEG nor PNG.
    """
    mime = rules.paper_type(data)
    if mime is None:
        raise PaperRefused("请上传 PDF、JPEG 或者 PNG 文件。")
    digest = sha256(data).hexdigest()
    stop_reading()
    entry.storage().put_new(rules.object_key(agency_id, digest), data)
    inspected = service.inspect_stored(entry.storage(), agency_id, digest, mime=mime)
    with transaction():
        return service.record_stored(
            digest,
            inspected,
            size_bytes=len(data),
            mime=mime,
            role=ROLE,
            agency_id=agency_id,
            district=district,
            by=by,
            at=at,
        )
