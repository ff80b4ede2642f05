"""An officer with a tablet and a block of numbers, at a unit."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from app.access import Actor, ActorKind
from app.db import db
from app.documents import service as documents
from app.documents.models import Document, NumberBlock
from app.documents.rules import DocumentKind
from app.evidence import service as evidence
from app.people.models import Agency, Officer
from app.units.models import Unit
from tests.factories import Make

OPINION = {
    "problem": "公共用品用具未按规定清洗消毒",
    "basis": "《公共场所卫生管理条例实施细则》第十四条",
    "advice": "立即按规定清洗消毒公共用品用具",
    "deadline_on": "2026-12-01",
}


@dataclass
class Desk:
    """Who issues documents, from which tablet, to whom."""

    make: Make
    agency: Agency
    officer: Officer
    unit: Unit
    device_id: UUID = field(default_factory=uuid4)

    @classmethod
    def of(cls, make: Make) -> "Desk":
        """The first desk of a test."""
        return cls(make, make.home(), make.officer(), make.unit())

    def other(self) -> "Desk":
        """A colleague with a tablet of their own."""
        return Desk(self.make, self.agency, self.make.officer(), self.unit)

    @property
    def by(self) -> Actor:
        return Actor(
            ActorKind.DEVICE,
            self.device_id,
            self.agency.id,
            self.agency.district,
            officer_id=self.officer.id,
            device_id=self.device_id,
        )

    def allot(
        self, size: int = 5, kind: DocumentKind = DocumentKind.OPINION, year: int | None = None
    ) -> NumberBlock:
        """A block of this tablet and officer."""
        with self.make.writing():
            return documents.allot_block(
                self.agency,
                self.device_id,
                self.officer.id,
                kind,
                size=size,
                year=year,
                by=self.by,
                at=self.make.at,
            )

    def issue(self, serial: int, **changed: Any) -> Document:
        """An opinion under a number."""
        values: dict[str, Any] = {
            "document_id": uuid4(),
            "kind": DocumentKind.OPINION,
            "series": "opinion:2026",
            "fields": OPINION,
            "unit_id": self.unit.id,
            "visit_id": None,
            "task_id": None,
            "officer_id": self.officer.id,
            "device_id": self.device_id,
            "recorded_at": self.make.at - timedelta(minutes=5),
            **changed,
        }
        with self.make.writing():
            return documents.issue_document(
                values.pop("document_id"),
                values.pop("kind"),
                serial=serial,
                **values,
                by=self.by,
                at=self.make.at,
            )

    def picture(self) -> str:
        """The hash of an original that the agency knows."""
        sha256 = hashlib.sha256(uuid4().bytes).hexdigest()
        with self.make.writing():
            evidence.expect(
                sha256,
                size_bytes=3,
                mime="image/jpeg",
                role="photo",
                subject_type="unit",
                subject_id=self.unit.id,
                agency_id=self.agency.id,
                district=self.agency.district,
                by=self.by,
                at=self.make.at,
            )
        return sha256

    def count(self, model: type[Any]) -> int:
        """How many rows there are."""
        with self.make.flask_app.app_context():
            return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0
