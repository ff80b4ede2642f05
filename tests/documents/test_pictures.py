"""Pictures on paper: evidence in the file, and how somebody signed, beside hash and place."""

import io
from hashlib import sha256
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from app.db import db
from app.documents import binding, pictures, printing
from app.documents import queries as documents
from app.documents import service as verbs
from app.documents.models import Document
from app.documents.rules import Signature, SignRole
from app.evidence import service as evidence
from app.evidence.rules import object_key
from app.evidence.service import Claim
from tests.documents.desk import Desk
from tests.documents.pdfs import drawn, outside, pages_of, squeezed
from tests.sync.tus import photo


def stroke(number: int = 1) -> bytes:
    """A signature as a tablet draws it: ink on nothing."""
    image = Image.new("RGBA", (900, 300), (0, 0, 0, 0))
    ImageDraw.Draw(image).line([(40, 200), (300, 60), (500, 250 - number), (860, 90)], "black", 12)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def desk(make):
    found = Desk.of(make)
    found.allot()
    return found


def keep(desk, data, role, subject, *, mime="image/jpeg", fix=None):
    """Evidence that arrived, with its thumbnail; returns its hash."""
    storage, digest = desk.make.flask_app.extensions["suicha_storage"], sha256(data).hexdigest()
    where = {"agency_id": desk.agency.id, "district": desk.agency.district}
    storage.put(object_key(desk.agency.id, digest), data)
    seen = evidence.inspect_stored(storage, desk.agency.id, digest, mime=mime)
    values = {"size_bytes": len(data), "mime": mime, "role": role, **where}
    with desk.make.writing():
        evidence.expect(
            digest,
            subject_type=subject[0],
            subject_id=subject[1],
            claim=Claim(desk.make.at, fix=fix),
            by=desk.by,
            at=desk.make.at,
            **values,
        )
        evidence.record_stored(digest, seen, by=desk.by, at=desk.make.at, **values)
    return digest


def sign(desk, document, digest):
    with desk.make.writing():
        verbs.sign_document(
            document.id,
            Signature(SignRole.PARTY, picture_sha256=digest),
            officer_id=desk.officer.id,
            device_id=desk.device_id,
            recorded_at=desk.make.at,
            by=desk.by,
            at=desk.make.at,
        )


def printed(desk, document):
    storage = desk.make.flask_app.extensions["suicha_storage"]
    with desk.make.flask_app.app_context():
        return printing.print_document(db.session.get_one(Document, document.id), storage)


def bound(desk, visit_id):
    storage = desk.make.flask_app.extensions["suicha_storage"]
    cover = binding.Cover("监督检查文书卷", "所", "1", [], desk.make.at.date())
    with desk.make.flask_app.app_context():
        written = documents.documents_in(uuid4(), None, set())
        return binding.bind(cover, written, {visit_id: "检查现场"}, storage)


def test_a_file_shows_its_photographs_with_hash_and_place(desk, monkeypatch):
    visit_id = uuid4()
    here = {"lat_e7": 312204560, "lon_e7": 1214246780, "accuracy_cm": 750}
    digests = [
        keep(desk, photo(n, taken=None), "photo", ("visit", visit_id), fix=here) for n in range(5)
    ]
    keep(desk, b"a recording", "audio", ("visit", visit_id), mime="audio/mp4")
    made = bound(desk, visit_id)
    assert sum(drawn(made)) == len(digests)
    text = squeezed("".join(pages_of(made))).replace("\u200b", "")
    for digest in digests:
        assert text.count(digest) == 2, "in the list, and under its picture"
    assert text.count("北纬31.22045°，东经121.42467°（误差约8米）") == len(digests)
    assert (outside(made), bound(desk, visit_id)) == ([], made)

    monkeypatch.setattr(binding, "PICTURES_MAX", 2)
    fewer = bound(desk, visit_id)
    assert sum(drawn(fewer)) == 2
    assert "其余3张照片只列入清单" in squeezed("".join(pages_of(fewer)))


def test_a_signature_stands_on_the_page_as_it_was_drawn_even_if_it_arrives_late(desk):
    document = desk.issue(1)
    data = stroke()
    sign(desk, document, sha256(data).hexdigest())
    before = printed(desk, document)
    assert (drawn(before), "（手写）" in squeezed(pages_of(before)[0])) == ([0], True)
    keep(desk, data, "signature", ("document", document.id), mime="image/png")
    after = printed(desk, document)
    assert (drawn(after), outside(after)) == ([1], [])
    assert printed(desk, document) == after


def test_a_signature_is_no_photograph_of_the_file(desk):
    visit_id = uuid4()
    keep(desk, stroke(2), "signature", ("visit", visit_id), mime="image/png")
    assert sum(drawn(bound(desk, visit_id))) == 0


@given(st.binary(max_size=300))
def test_bytes_that_are_no_picture_are_not_drawn(data):
    assert pictures.size_of(data) is None or data.startswith(b"\xff\xd8")
    cut = photo(1)[: len(data)]
    assert pictures.size_of(cut) in {None, (640, 480)}
