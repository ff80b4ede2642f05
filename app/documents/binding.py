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
from app.documents.pictures import small_picture
from app.documents.wording import NOTHING, day_text, instant_text
from app.errors import Invalid
from app.evidence import queries as evidence
from app.evidence.models import Evidence, EvidenceLink
from app.storage import Storage, StoredObjectMissing

DOCUMENTS_MAX = 300
PICTURES_MAX = 200
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
    data = data_of(cover, documents, subjects, storage)
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
    cover: Cover, documents: Collection[Document], subjects: Mapping[UUID, str], storage: Storage
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
        "sheets": [printing.sheet_for(one, storage) for one in ordered],
        **_pictures(names, storage),
        "remarks": _services(ordered),
    }


def _services(documents: Sequence[Document]) -> list[str]:
    numbers = {one.id: one.number for one in documents}
    return [
        f"送达：{numbers[one.document_id]}，{serving.summary_of(one)}"
        for one in queries.services_of(numbers.keys())
        if one.withdrawn_at is None
    ]


def _pictures(names: Mapping[UUID, str], storage: Storage) -> dict[str, Any]:
    """Return what was attached as evidence, each original once for each thing it is attached to.

    What has a small picture is shown with it, each original once and the first PICTURES_MAX of
    them; signatures are shown where they were given.
    """
    found = evidence.links_of(names.keys())
    ordered = sorted(found, key=lambda pair: (_when(*pair), pair[1].sha256, str(pair[0].id)))
    first = {one.id: link.id for link, one in reversed(ordered) if _is_shown(link, one)}
    shown = [one for link, one in ordered if first.get(one.id) == link.id]
    drawn = {first[one.id]: small_picture(one, storage) for one in shown[:PICTURES_MAX]}
    rest = len(shown) - PICTURES_MAX
    return {
        "pictures": [
            {
                "of": names[link.subject_id],
                "at": instant_text(_when(link, one)),
                "what": f"{ROLES.get(link.role, link.role)}，{one.mime}，{one.size_bytes} 字节",
                "sha256": one.sha256,
                "place": _where(link, one),
                "picture": drawn.get(link.id),
            }
            for link, one in ordered
        ],
        "unshown": f"其余 {rest} 张照片只列入清单。" if rest > 0 else None,
    }


def _is_shown(link: EvidenceLink, one: Evidence) -> bool:
    return one.thumbnail and link.role != "signature"


def _where(link: EvidenceLink, one: Evidence) -> str:
    """Return where it was taken: as the tablet knew, else as the picture says."""
    fix = link.claimed_fix or {}
    lat_e7, lon_e7 = fix.get("lat_e7", one.lat_e7), fix.get("lon_e7", one.lon_e7)
    if lat_e7 is None or lon_e7 is None:
        return "没有记录拍摄地点"
    north, east = "北纬" if lat_e7 >= 0 else "南纬", "东经" if lon_e7 >= 0 else "西经"
    near = f"（误差约 {-(-fix['accuracy_cm'] // 100)} 米）" if "accuracy_cm" in fix else ""
    return f"{north} {_degrees(lat_e7)}，{east} {_degrees(lon_e7)}{near}"


def _degrees(value_e7: int) -> str:
    """Return degrees with five decimals, about a metre, cut off."""
    whole, part = divmod(abs(value_e7), 10_000_000)
    return f"{whole}.{part // 100:05d}°"


def _when(link: EvidenceLink, one: Evidence) -> datetime:
    return link.claimed_at or one.taken_at or link.attached_at


def dated(at: datetime | None) -> str | None:
    """Return the local day of an instant as a cover says it."""
    return None if at is None else day_text(local_date(at))
