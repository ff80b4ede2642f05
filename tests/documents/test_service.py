"""Numbers are allotted once, used once, by whom they were allotted to; contents are complete."""

from datetime import timedelta
from uuid import uuid4

import pytest

from app import canonical
from app.db import transaction
from app.documents import rules
from app.documents import service as documents
from app.documents.models import Document
from app.documents.rules import DocumentKind, DocumentState, SignMethod, SignRole
from tests.documents.desk import OPINION, Desk


@pytest.fixture
def desk(make):
    return Desk.of(make)


def test_blocks_of_a_series_follow_each_other_and_never_overlap(desk):
    blocks = [one.allot(size) for one, size in ((desk, 5), (desk.other(), 3), (desk, 4))]
    assert [(one.first, one.last) for one in blocks] == [(1, 5), (6, 8), (9, 12)]
    assert blocks[0].series == "opinion:2026"


def test_every_kind_and_year_counts_for_itself(desk):
    desk.allot(5)
    assert desk.allot(5, year=2027).first == 1
    assert desk.allot(5, DocumentKind.CORRECTIVE_ORDER).first == 1


def test_a_document_takes_its_number_from_the_block_and_says_who_issued_it(desk):
    block = desk.allot()
    issued = desk.issue(2, number="2026—002")
    assert (issued.number, issued.block_id) == ("2026—002", block.id)
    assert issued.officer_ids == [str(desk.officer.id)]
    assert issued.state == DocumentState.ISSUED
    assert issued.issued_recorded_at == desk.make.at - timedelta(minutes=5)
    text = rules.content_text(
        document_id=issued.id,
        kind="opinion",
        number="2026—002",
        unit_id=desk.unit.id,
        officer_ids=issued.officer_ids,
        fields=OPINION,
    )
    assert issued.content_hash == canonical.digest(text)


def test_the_same_document_again_is_the_same_document(desk):
    desk.allot()
    first = desk.issue(1)
    assert desk.issue(1, document_id=first.id).version == first.version == 1
    assert desk.count(Document) == 1


def test_the_same_id_with_other_contents_is_refused(desk):
    desk.allot()
    first = desk.issue(1)
    with pytest.raises(documents.DocumentIssuedAlready):
        desk.issue(1, document_id=first.id, fields={**OPINION, "problem": "另一个问题"})
    with pytest.raises(documents.DocumentIssuedAlready):
        desk.issue(2, document_id=first.id)


def test_a_number_is_used_once(desk):
    desk.allot()
    first = desk.issue(1)
    with pytest.raises(documents.NumberUsed) as caught:
        desk.issue(1)
    assert caught.value.extras["document_id"] == first.id


def test_a_number_of_another_officer_tablet_or_of_nobody_is_refused(desk):
    desk.allot()
    colleague = desk.other()
    colleague.allot()
    for serial in (6, 11, 0, -1):
        with pytest.raises(documents.NumberNotYours):
            desk.issue(serial)
    with pytest.raises(documents.NumberNotYours):
        desk.issue(1, device_id=uuid4())
    with pytest.raises(documents.NumberNotYours):
        desk.issue(1, officer_id=colleague.officer.id)
    with pytest.raises(documents.NumberNotYours):
        desk.issue(1, kind=DocumentKind.SAMPLING_RECORD)
    assert desk.count(Document) == 0


def test_what_was_printed_is_the_number_of_the_block(desk):
    desk.allot()
    with pytest.raises(documents.NumberWrong) as caught:
        desk.issue(1, number="2026-001")
    assert caught.value.extras["expected"] == "2026—001"


def test_a_document_without_a_required_field_is_incomplete(desk):
    desk.allot()
    with pytest.raises(documents.DocumentIncomplete) as caught:
        desk.issue(1, fields={**OPINION, "advice": " ", "basis": None})
    assert caught.value.extras["missing"] == ["basis", "advice"]


def test_every_kind_has_a_template_in_the_catalogue(desk):
    with desk.make.flask_app.app_context():
        found = {kind: documents.template_of(kind, desk.make.at) for kind in DocumentKind}
    assert all(template.required and template.slots for template in found.values())
    assert {kind for kind, template in found.items() if template.on_tablet} == {
        DocumentKind.OPINION,
        DocumentKind.CORRECTIVE_ORDER,
        DocumentKind.ON_SITE_DECISION,
        DocumentKind.SAMPLING_RECORD,
    }


def test_an_unsigned_document_can_be_changed_and_a_signed_one_cannot(desk):
    desk.allot()
    issued = desk.issue(1)
    signature = rules.Signature(role=SignRole.PARTY)
    more = {"officer_id": desk.officer.id, "recorded_at": desk.make.at}
    with desk.make.flask_app.app_context():
        with transaction():
            changed = documents.change_document(
                issued.id, {"advice": "停用"}, **more, by=desk.by, at=desk.make.at
            )
        assert changed.version == 2
        assert changed.content_hash != issued.content_hash
        with transaction():
            documents.sign_document(
                issued.id,
                signature,
                **more,
                device_id=desk.device_id,
                by=desk.by,
                at=desk.make.at,
            )
        with pytest.raises(documents.DocumentLocked), transaction():
            documents.change_document(
                issued.id, {"advice": "继续"}, **more, by=desk.by, at=desk.make.at
            )
        signed = documents.get_document(issued.id, desk.agency.id)
        assert signed.state == DocumentState.SIGNED
        assert {(one.role, one.method) for one in signed.signatures} == {
            (SignRole.OFFICER, SignMethod.DEVICE_KEY),
            (SignRole.PARTY, SignMethod.HAND),
        }
        assert signed.version == 3


def test_a_signature_under_other_contents_is_refused(desk):
    desk.allot()
    issued = desk.issue(1)
    with desk.make.flask_app.app_context(), pytest.raises(documents.ContentDiffers), transaction():
        documents.sign_document(
            issued.id,
            rules.Signature(content_hash="0" * 64),
            officer_id=desk.officer.id,
            device_id=desk.device_id,
            recorded_at=desk.make.at,
            by=desk.by,
            at=desk.make.at,
        )
