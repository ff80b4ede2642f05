"""The documents of a seeded agency."""

from app import db
from app.access import Role
from app.days import local_date
from app.documents import desk, serving
from app.documents import service as documents
from app.documents.rules import DocumentKind, PaperRole, ServiceMode
from app.documents.serving import Serving
from app.visits.models import Visit
from tests.api.seeds.builder import Builder
from tests.documents.desk import OPINION


def fill(builder: Builder, visit: Visit) -> None:
    """An opinion that was issued at a visit, under a number of a block."""
    officer_id, tablet, by = builder.officers[0].id, db.new_id(), builder.actor(Role.OFFICER)
    with builder.make.writing():
        block = documents.allot_block(
            builder.agency,
            tablet,
            officer_id,
            DocumentKind.OPINION,
            size=3,
            by=by,
            at=builder.make.at,
        )
        issued = documents.issue_document(
            db.new_id(),
            DocumentKind.OPINION,
            series=block.series,
            serial=block.first + 1,
            fields=OPINION,
            unit_id=visit.unit_id,
            visit_id=visit.id,
            task_id=visit.task_id,
            officer_id=officer_id,
            device_id=tablet,
            recorded_at=builder.make.at,
            by=by,
            at=builder.make.at,
        )
    builder.keep("number-block", block)
    builder.keep("document", issued)
    _signed_papers(builder, visit)


def _signed_papers(builder: Builder, visit: Visit) -> None:
    """A document of a desk that is signed, and two that were posted: one arrived."""
    by = builder.actor(Role.OFFICER)
    for name in ("signed", "posted", "arrived"):
        with builder.make.writing():
            paper = desk.draw_up(
                DocumentKind.OPINION,
                OPINION,
                unit_id=visit.unit_id,
                officer_ids=[builder.officers[0].id],
                by=by,
                at=builder.make.at,
            )
            desk.sign(paper.id, PaperRole.PARTY, signer_name="张三", by=by, at=builder.make.at)
        builder.keep(f"document:{name}", paper)
        if name == "signed":
            continue
        posted = Serving(
            mode=ServiceMode.POST,
            handed_on=local_date(builder.make.at),
            recipient="张三",
            place="海州路 1 号",
            tracking_no="EMS1",
        )
        with builder.make.writing():
            served = serving.record_service(paper.id, posted, by=by, at=builder.make.at)
            if name == "arrived":
                serving.record_delivery(
                    served.id, local_date(builder.make.at), "张三", by=by, at=builder.make.at
                )
        builder.keep(f"service:{name}", served)
