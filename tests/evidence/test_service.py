"""Evidence: the same row whichever comes first, held against what the tablet said."""

import io
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import flask
import pytest
from PIL import Image

from app import entry
from app.access import Actor, Role
from app.db import db, new_id, transaction
from app.evidence import queries, service
from app.evidence.models import Evidence
from app.evidence.rules import EvidenceState, object_key, thumbnail_key
from app.people.models import Agency
from sync.simulate import photo
from tests.chance import chance
from tests.factories import OTHER_DISTRICT, Make

LAT_E7, LON_E7 = 312_204_560, 1_214_246_780


class Desk:
    """One agency's evidence: the two ways in which content arrives."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.agency: Agency = make.home()
        self.by: Actor = make.by(self.agency)
        self.subject = new_id()

    def say(self, digest: str, size: int, *, lat_e7: int = LAT_E7, minutes: float = 0) -> None:
        """An operation names the photo, with place and time of the tablet."""
        claim = service.Claim(self.make.at + timedelta(minutes=minutes), lat_e7, LON_E7)
        with transaction():
            service.expect(
                digest,
                size_bytes=size,
                mime="image/jpeg",
                role="photo",
                subject_type="visit",
                subject_id=self.subject,
                agency_id=self.agency.id,
                district=self.agency.district,
                claim=claim,
                by=self.by,
                at=self.make.at,
            )

    def bring(self, data: bytes) -> None:
        """An upload brings the bytes."""
        digest = sha256(data).hexdigest()
        entry.storage().put(object_key(self.agency.id, digest), data)
        inspected = service.inspect_stored(
            entry.storage(), self.agency.id, digest, mime="image/jpeg"
        )
        with transaction():
            service.record_stored(
                digest,
                inspected,
                size_bytes=len(data),
                mime="image/jpeg",
                role="photo",
                agency_id=self.agency.id,
                district=self.agency.district,
                by=self.by,
                at=self.make.at,
            )

    def found(self, data: bytes) -> Evidence:
        db.session.remove()
        row = queries.find_evidence(self.agency.id, sha256(data).hexdigest())
        assert row is not None
        return row


@pytest.fixture
def desk(make: Make, app_context: flask.Flask) -> Desk:
    return Desk(make)


@pytest.fixture
def picture(make: Make) -> bytes:
    return photo.take(chance(3), at=make.at, lat_e7=LAT_E7, lon_e7=LON_E7)


def facts(row: Evidence) -> dict[str, Any]:
    names = ("state", "size_bytes", "taken_at", "lat_e7", "width", "dhash", "place_offset_m")
    return {name: getattr(row, name) for name in (*names, "time_offset_s", "thumbnail")}


def test_operation_first_or_upload_first_ends_in_the_same(desk: Desk, picture: bytes) -> None:
    digest = sha256(picture).hexdigest()
    desk.say(digest, len(picture))
    assert queries.awaited_of([desk.subject]) == {desk.subject: 1}
    assert service.find_stored(desk.agency.id, digest) is None
    desk.bring(picture)
    one = facts(desk.found(picture))
    other = photo.take(chance(4), at=desk.make.at, lat_e7=LAT_E7, lon_e7=LON_E7)
    desk.bring(other)
    desk.say(sha256(other).hexdigest(), len(other))
    two = facts(desk.found(other))
    for changing in ("size_bytes", "dhash"):
        one.pop(changing)
        two.pop(changing)
    assert one == two
    assert one["state"] == EvidenceState.STORED
    assert queries.awaited_of([desk.subject]) == {}


@pytest.mark.parametrize("first", ["say", "bring"])
def test_place_and_time_of_the_picture_are_held_against_the_tablets(
    desk: Desk, picture: bytes, first: str
) -> None:
    steps: dict[str, Callable[[], None]] = {
        "say": lambda: desk.say(
            sha256(picture).hexdigest(), len(picture), lat_e7=LAT_E7 + 45_000, minutes=7
        ),
        "bring": lambda: desk.bring(picture),
    }
    steps.pop(first)()
    next(iter(steps.values()))()
    row = desk.found(picture)
    assert row.place_offset_m == pytest.approx(500, abs=5)
    assert row.time_offset_s == 7 * 60


def test_what_was_said_twice_is_attached_once_and_can_be_taken_back(
    desk: Desk, picture: bytes
) -> None:
    digest = sha256(picture).hexdigest()
    desk.say(digest, len(picture))
    desk.say(digest, len(picture))
    assert len(queries.links_of([desk.subject])) == 1
    evidence_id = desk.found(picture).id
    with transaction():
        service.retract(evidence_id, desk.subject, by=desk.by, at=desk.make.at)
    assert queries.links_of([desk.subject]) == []
    assert desk.found(picture).state == EvidenceState.AWAITED
    with pytest.raises(service.EvidenceMissing), transaction():
        service.retract(UUID(int=1), desk.subject, by=desk.by, at=desk.make.at)


def test_a_thumbnail_carries_no_place(desk: Desk, picture: bytes) -> None:
    desk.bring(picture)
    small = entry.storage().get(thumbnail_key(desk.agency.id, sha256(picture).hexdigest()))
    with Image.open(io.BytesIO(small)) as image:
        assert max(image.size) <= service.THUMBNAIL_EDGE_PX
        assert not image.getexif()


def bomb() -> bytes:
    """A picture of 400 megapixels in a few hundred kilobytes."""
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG", optimize=True)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (b"this is no photo, it only says so", EvidenceState.NOT_A_PICTURE),
        (bomb(), EvidenceState.PICTURE_TOO_LARGE),
    ],
    ids=["text", "bomb"],
)
def test_what_is_no_good_picture_is_kept_and_told_by_its_state(
    desk: Desk, data: bytes, state: EvidenceState
) -> None:
    desk.bring(data)
    row = desk.found(data)
    assert (row.state, row.thumbnail) == (state, False)
    assert entry.storage().get(object_key(desk.agency.id, row.sha256)) == data


def test_originals_are_for_the_agency_that_owns_them(
    make: Make, flask_app: flask.Flask, picture: bytes
) -> None:
    with flask_app.app_context():
        desk = Desk(make)
        desk.bring(picture)
        url = f"/api/v1/evidence/{desk.found(picture).id}"
    own = make.signed_in(Role.SUPERVISOR)
    assert own.get(url).get_json()["sha256"] == sha256(picture).hexdigest()
    assert own.get(f"{url}/original").get_data() == picture
    assert own.get(f"{url}/thumbnail").mimetype == "image/jpeg"
    foreign = make.signed_in(
        Role.SUPERVISOR, agency=make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    )
    for path in ("", "/original", "/thumbnail"):
        assert foreign.get(url + path).status_code == 404
