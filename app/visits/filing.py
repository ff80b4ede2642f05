"""The document file of a visit: what was written there, and the evidence of what was seen."""

from collections.abc import Mapping
from uuid import UUID

from app.days import local_date
from app.db import db
from app.documents import binding
from app.documents import queries as documents
from app.documents.binding import Cover
from app.people import service as people
from app.storage import Storage
from app.units.models import Unit
from app.visits import queries
from app.visits.models import Visit


def subjects_of(visit_id: UUID) -> Mapping[UUID, str]:
    """Return what evidence of a visit may be attached to, and what a file calls it."""
    answers, findings = queries.answers_of(visit_id), queries.findings_of(visit_id)
    return {
        visit_id: "检查现场",
        **{one.id: "检查项目" for one in answers},
        **{one.id: f"检查发现{number}" for number, one in enumerate(findings, start=1)},
    }


def print_file(visit: Visit, storage: Storage) -> bytes:
    """Return the file 监督检查文书卷 of a visit. Raises what `binding.bind` raises."""
    unit = db.session.get_one(Unit, visit.unit_id)
    written = documents.documents_at(visit.id)
    cover = Cover(
        title="监督检查文书卷",
        organ=people.get_agency(visit.agency_id).name,
        number=unit.archive_no,
        facts=[
            ("被检查单位", unit.name),
            ("统一社会信用代码", unit.uscc),
            ("地址", unit.address),
            ("档案编号", unit.archive_no),
            ("检查开始", binding.dated(visit.started_recorded_at)),
            ("检查结束", binding.dated(visit.finished_recorded_at)),
            ("文书份数", str(len(written))),
        ],
        opened_on=local_date(visit.started_recorded_at),
    )
    return binding.bind(cover, written, subjects_of(visit.id), storage)
