"""A document file 案卷: everything written in a case or at a visit, as one PDF with contents."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app import canonical
from app.days import local_date
from app.documents import printing, queries, serving, typeset
from app.documents.models import Document
from app.documents.wording import NOTHING, day_text, instant_text
from app.errors import Invalid
from app.evidence import queries as evidence
from app.evidence.models import Evidence, EvidenceLink
from app.storage import Storage, StoredObjectMissing

DOCUMENTS_MAX = 300
ROLES = {"photo": "照片", "video": "录像", "audio": "录音", "signature": "签名", "scan": "扫描件"}


class FileTooLarge(Invalid):
    code, title = "file-too-large", "案卷文书过多"


@dataclass(frozen=True)
class Cover:
    """What the cover says; `opened_on` dates a file without documents."""

    title: str
    organ: str
    number: str
    facts: Sequence[tuple[str, str | None]]
    opened_on: date


def bind(
    cover: Cover,
    documents: Collection[Document],
    subjects: Mapping[UUID, str],
    storage: Storage,
) -> bytes:
    """Return a file: cover, contents with page numbers, the documents in order, the evidence.

    `subjects` are what evidence may be attached to besides the documents, with what it is called.
    The same contents are the same bytes. Raises FileTooLarge, PrintBusy, PrintFailed and what a
    storage raises.
    """
    data = data_of(cover, documents, subjects)
    text = json.dumps({"data": data, "layout": typeset.layout_hash()}, sort_keys=True)
    said = canonical.digest(text)
    agency_id = next((one.agency_id for one in documents), None)
    key = f"prints/{agency_id}/files/{said}"
    if agency_id is None:
        return typeset.set_pages("file", data)
    try:
        return storage.get(key)
    except StoredObjectMissing:
        made = typeset.set_pages("file", data)
    return made if storage.put_new(key, made) else storage.get(key)


def data_of(
    cover: Cover, documents: Collection[Document], subjects: Mapping[UUID, str]
) -> dict[str, Any]:
    """Return a file as data for the typesetter. Raises FileTooLarge (`documents_max`)."""
    if len(documents) > DOCUMENTS_MAX:
        raise FileTooLarge("案卷文书过多，请分卷。", documents_max=DOCUMENTS_MAX)
    ordered = sorted(documents, key=lambda one: (one.issued_recorded_at, one.kind, one.serial))
    day = max((local_date(one.issued_recorded_at) for one in ordered), default=cover.opened_on)
    names = {**subjects, **{one.id: one.number for one in ordered}}
    return {
        "title": cover.title,
        "organ": cover.organ,
        "number": cover.number,
        "day": [day.year, day.month, day.day],
        "facts": [[name, value or NOTHING] for name, value in cover.facts],
        "sheets": [printing.sheet_for(one) for one in ordered],
        "pictures": _pictures(names),
        "remarks": _services(ordered),
    }


def _services(documents: Sequence[Document]) -> list[str]:
    numbers = {one.id: one.number for one in documents}
    return [
        f"送达：{numbers[one.document_id]}，{serving.summary_of(one)}"
        for one in queries.services_of(numbers.keys())
        if one.withdrawn_at is None
    ]


def _pictures(names: Mapping[UUID, str]) -> list[dict[str, str]]:
    """Return what was attached as evidence, each original once for each thing it is attached to."""
    found = evidence.links_of(names.keys())
    ordered = sorted(found, key=lambda pair: (_when(*pair), pair[1].sha256, str(pair[0].id)))
    return [
        {
            "of": names[link.subject_id],
            "at": instant_text(_when(link, one)),
            "what": f"{ROLES.get(link.role, link.role)}，{one.mime}，{one.size_bytes} 字节",
            "sha256": one.sha256,
        }
        for link, one in ordered
    ]


def _when(link: EvidenceLink, one: Evidence) -> datetime:
    return link.claimed_at or one.taken_at or link.attached_at


def dated(at: datetime | None) -> str | None:
    """Return the local day of an instant as a cover says it."""
    return None if at is None else day_text(local_date(at))
