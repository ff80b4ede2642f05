"""Findings on both databases: found by the timetable, once, warned of and never in the way."""

import io
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest
import sqlalchemy as sa
from PIL import Image, ImageDraw

from app import canonical, entry
from app.access import Actor, ActorKind, Role
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.db import db, new_id, stop_reading, transaction
from app.evidence import service as evidence
from app.evidence.inspecting import inspect_pictures
from app.evidence.rules import object_key
from app.journal.models import JournalEntry
from app.visits import answering, checking, integrity, queries, rules, service
from app.visits.integrity_rules import Unjudged
from app.visits.models import IntegrityCursor, IntegrityFinding, Visit
from app.visits.service import Start
from scheduler.jobs import JOBS
from tests import chance as chances

LON_E7, LAT_E7 = 1_214_246_780, 312_204_560
KM_E7 = 90_000


def picture(seed, *, plain=False):
    """A picture of its own for each seed, with the grain of a camera."""
    chance = chances.chance(seed)
    noise = Image.frombytes("L", (480, 360), chance.randbytes(480 * 360))
    image = Image.blend(Image.new("L", (480, 360), 128), noise, 0.14).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(0 if plain else 14):
        left, top = chance.randrange(480), chance.randrange(360)
        box = (left, top, left + chance.randrange(40, 200), top + chance.randrange(40, 200))
        draw.rectangle(box, fill=tuple(chance.randrange(256) for _ in range(3)))
    return Image.new("RGB", (480, 360), "white") if plain else image


def saved(image, quality=90, **how):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, **how)
    return out.getvalue()


class Beat:
    """An and Bo on their rounds: visits at places, photos with what they say of themselves."""

    def __init__(self, make):
        self.make = make
        self.an, self.bo = make.officer(name="安"), make.officer(name="博")
        self.devices = {self.an.id: new_id(), self.bo.id: new_id()}

    def by(self, officer):
        device = self.devices[officer.id]
        return Actor(
            ActorKind.DEVICE,
            id=device,
            agency_id=officer.agency_id,
            district=officer.district,
            officer_id=officer.id,
            device_id=device,
        )

    def fix(self, km, at, **changed):
        return {
            "lat_e7": LAT_E7 + round(km * KM_E7),
            "lon_e7": LON_E7,
            "accuracy_cm": 1250,
            "datum": "WGS-84",
            "fixed_at": canonical.instant(at),
            "mock": False,
            "provider": "gps",
            **changed,
        }

    def unit(self, km=0):
        return self.make.unit(lat_e7=LAT_E7 + round(km * KM_E7), lon_e7=LON_E7)

    def visit(self, unit=None, *, km=0, minutes=0, officer=None, suspect=False, **fix):
        """A visit that began so many minutes ago (before the clock), with a fix so far north."""
        officer = officer or self.an
        task = self.make.task(unit or self.unit(), team=(self.an, self.bo))
        begun = self.make.at - timedelta(minutes=minutes)
        start = Start(
            task.id,
            task.unit_id,
            "lodging",
            1,
            fix=None if km is None else self.fix(km, begun, **fix),
            clock_suspect=suspect,
        )
        self.begin(task.visit_id, start, officer, begun)
        return task.visit_id

    def begin(self, visit_id, start, officer, begun):
        with transaction():
            service.start_visit(
                visit_id,
                start,
                officer_id=officer.id,
                device_id=self.devices[officer.id],
                recorded_at=begun,
                by=self.by(officer),
                at=self.make.at,
            )

    def attach(self, data, subject_id, *, subject_type="visit", minutes=0, fix=None, **claim):
        """An operation names a photo; its claim is so many minutes old."""
        by, at = self.by(self.an), self.make.at
        with transaction():
            return evidence.expect(
                sha256(data).hexdigest(),
                size_bytes=len(data),
                mime="image/jpeg",
                role="photo",
                subject_type=subject_type,
                subject_id=subject_id,
                agency_id=self.an.agency_id,
                district=self.an.district,
                claim=evidence.Claim(at=at - timedelta(minutes=minutes), fix=fix, **claim),
                by=by,
                at=at,
            ).id

    def bring(self, data):
        """An upload brings its bytes."""
        digest, agency = sha256(data).hexdigest(), self.an.agency_id
        entry.storage().put(object_key(agency, digest), data)
        inspected = evidence.glance_at(entry.storage(), agency, digest, mime="image/jpeg")
        with transaction():
            evidence.record_stored(
                digest,
                inspected,
                size_bytes=len(data),
                mime="image/jpeg",
                role="photo",
                agency_id=agency,
                district=self.an.district,
                by=self.by(self.an),
                at=self.make.at,
            )

    def photo(self, data, visit_id, **values):
        found = self.attach(data, visit_id, **values)
        self.bring(data)
        return found

    def check(self, *, looked_into=True):
        """Run the job, after the pictures that came were looked into."""
        if looked_into:
            inspect_pictures(at=self.make.at, left_after=timedelta(seconds=-1))
        line = JOBS["check-integrity"].run(at=self.make.at)
        stop_reading()
        return line

    def client(self, *roles, **values):
        """Somebody's client; this context forgets what it read before that."""
        made = self.make.signed_in(*roles, **values)
        stop_reading()
        return made

    def found(self):
        """What is found after a run, oldest first."""
        self.check()
        db.session.remove()
        query = sa.select(IntegrityFinding).order_by(IntegrityFinding.id)
        found = db.session.scalars(query).all()
        stop_reading()  # a request in this context is to see what was committed since
        return found

    def reasons(self):
        return sorted(one.reason for one in self.found())


@pytest.fixture
def beat(make, app_context):
    return Beat(make)


# --- what is found --------------------------------------------------------------------------------


def test_a_visit_at_its_place_with_its_photos_is_no_finding(beat):
    visit_id = beat.visit(minutes=30)
    beat.photo(saved(picture(1)), visit_id, minutes=20, fix=beat.fix(0.1, beat.make.at))
    assert beat.found() == []


def test_an_arrival_far_from_the_unit_is_found_for_the_officer_whose_tablet_says_it(beat):
    visit_id = beat.visit(minutes=30)
    task_unit = db.session.get_one(Visit, visit_id)
    start = Start(task_unit.task_id, task_unit.unit_id, "lodging", 1, fix=beat.fix(4, beat.make.at))
    beat.begin(visit_id, start, beat.bo, beat.make.at)

    (finding,) = beat.found()

    assert (finding.kind, finding.reason, finding.state) == ("place", "arrival-far", "open")
    assert (finding.visit_id, finding.officer_id) == (visit_id, beat.bo.id)
    assert 3900 < finding.measured["distance_m"] < 4100
    assert [one["code"] for one in finding.thresholds] == [
        "geofence-m",
        "fix-accuracy-max-m",
        "fix-age-max-s",
    ]
    with transaction():
        row = catalogue.get_row("setting", "geofence-m", beat.make.at.date())
    assert finding.thresholds[0]["row_id"] == str(row.id)
    assert finding.thresholds[0]["row_version"] == row.version


def leave(beat, visit_id, *, minutes, km=0, answered=None, officer=None):
    """The visit is answered and ended, so many minutes ago, at so many kilometres from the unit."""
    officer = officer or beat.an
    by, left = beat.by(officer), beat.make.at - timedelta(minutes=minutes)
    acted = left if answered is None else beat.make.at - timedelta(minutes=answered)
    visit = db.session.get_one(Visit, visit_id)
    items = queries.form_items(str(visit.checklist_code), visit.form_version or 0)
    assert items
    stop_reading()
    with transaction():
        for item_id in items:
            answering.answer_item(
                visit_id,
                item_id,
                {"result": rules.AnswerResult.YES, "note": None},
                officer_id=officer.id,
                recorded_at=acted,
                by=by,
                at=beat.make.at,
            )
        service.finish_visit(
            visit_id,
            "no-problem",
            None,
            officer_id=officer.id,
            recorded_at=left,
            fix=None if km is None else beat.fix(km, left),
            by=by,
            at=beat.make.at,
        )


def test_a_departure_at_the_unit_after_the_last_answer_is_no_finding(beat):
    visit_id = beat.visit(minutes=90)
    leave(beat, visit_id, minutes=30, answered=40)
    assert beat.found() == []


def test_a_departure_elsewhere_and_before_what_was_done_there_is_found_and_stops_nothing(beat):
    visit_id = beat.visit(minutes=90)
    leave(beat, visit_id, minutes=60, km=4, answered=30)

    early, far = sorted(beat.found(), key=lambda one: one.reason)

    assert (early.reason, early.kind) == ("departure-early", "time")
    assert early.measured == {"seconds_after": 1800}
    assert [one["code"] for one in early.thresholds] == ["travel-clock-slack-s"]
    assert (far.reason, far.kind, far.officer_id) == ("departure-far", "place", beat.an.id)
    assert 3900 < far.measured["distance_m"] < 4100
    assert db.session.get_one(Visit, visit_id).state == "finished"


def test_a_departure_without_a_place_is_not_judged_and_says_so(beat):
    visit_id = beat.visit(minutes=90)
    leave(beat, visit_id, minutes=30, km=None)
    assert beat.found() == []
    shown = integrity.shown_of(db.session.get_one(Visit, visit_id))
    assert ("place", "departure", Unjudged.NO_FIX) in {
        (one.kind, one.of, one.reason) for one in shown.not_judged
    }


def test_a_visit_that_nobody_is_known_to_have_left_is_told_once(beat):
    open_id, left_id = beat.visit(minutes=90), beat.visit(minutes=90)
    leave(beat, left_id, minutes=30)
    assert beat.found() == []
    beat.make.clock.forward(days=1, seconds=1)
    (finding,) = beat.found()
    assert (finding.visit_id, finding.reason) == (open_id, "departure-missing")
    assert [one["code"] for one in finding.thresholds] == ["departure-missing-after-s"]
    assert len(beat.found()) == 1


def test_a_threshold_of_its_day_counts(beat):
    by = beat.make.by(beat.make.home())
    day = beat.make.at.date()
    body = {**catalogue.get_row("setting", "geofence-m", day).body, "value": 5000}
    with transaction():
        catalogue.supersede(
            "setting",
            "geofence-m",
            body,
            effective_from=day,
            source="本所规定",
            by=by,
            at=beat.make.at,
        )
    beat.visit(km=4)
    assert beat.found() == []


def test_a_mocked_place_is_found_and_a_place_nobody_knows_is_not(beat):
    beat.visit(mock=True)
    beat.visit(km=9, minutes=200, datum="自定义")
    beat.visit(km=None, minutes=400)
    assert beat.reasons() == ["arrival-mock"]


def test_two_visits_that_nobody_can_have_made_one_after_the_other_are_found_once(beat):
    first = beat.visit(beat.unit(), minutes=10)
    second = beat.visit(beat.unit(30), km=30, minutes=5)

    (finding,) = beat.found()

    assert (finding.kind, finding.reason) == ("travel", "too-fast")
    assert (finding.other_visit_id, finding.visit_id) == (first, second)
    assert (finding.officer_id, finding.device_id) == (beat.an.id, beat.devices[beat.an.id])
    assert finding.measured["seconds"] == 300
    assert 340 < finding.measured["speed_kmh"] < 380
    assert len(beat.found()) == 1


def test_a_visit_that_comes_late_is_held_against_both_its_neighbours(beat):
    beat.visit(beat.unit(), minutes=60)
    beat.visit(beat.unit(), minutes=10)
    assert beat.found() == []
    beat.visit(beat.unit(30), km=30, minutes=35)
    assert beat.reasons() == []  # 25 minutes each way: 72 km/h
    beat.visit(beat.unit(60), km=60, minutes=33)
    assert beat.reasons() == ["too-fast", "too-fast"]


def test_officers_of_one_tablet_cannot_be_in_two_places_but_two_officers_can(beat):
    beat.visit(beat.unit(), minutes=10)
    beat.visit(beat.unit(30), km=30, minutes=5, officer=beat.bo)
    assert beat.found() == []
    beat.devices[beat.bo.id] = beat.devices[beat.an.id]
    beat.visit(beat.unit(60), km=60, minutes=4, officer=beat.bo)
    assert "too-fast" in beat.reasons()


def test_a_clock_that_was_wrong_is_held_against_nobody(beat):
    visit_id = beat.visit(beat.unit(), minutes=10, suspect=True)
    beat.visit(beat.unit(30), km=30, minutes=5)
    beat.photo(saved(picture(1)), visit_id, minutes=5000)
    assert beat.found() == []


def test_a_photo_of_another_time_is_found_when_it_arrives_and_counted(beat):
    visit_id = beat.visit(minutes=30)
    first = beat.attach(saved(picture(1)), visit_id, minutes=60)

    (finding,) = beat.found()

    assert (finding.reason, finding.evidence_id) == ("photo-outside-visit", first)
    assert finding.measured == {"seconds_before": 1800, "photos": 1}
    worse = beat.attach(saved(picture(2)), visit_id, minutes=90)
    (finding,) = beat.found()
    assert finding.measured == {"seconds_before": 3600, "photos": 2}
    assert (finding.evidence_id, finding.version) == (worse, 2)
    (finding,) = beat.found()
    assert finding.version == 2


def test_exif_of_another_time_and_place_is_found_when_the_bytes_arrive(beat):
    visit_id = beat.visit(minutes=30)
    exif = Image.Exif()
    exif[0x8769] = {0x9003: "2026:11:20 08:59:30", 0x9011: "+08:00"}
    exif[0x8825] = {1: "N", 2: (31.0, 40.0, 0.0), 3: "E", 4: (121.0, 25.0, 0.0)}
    data = saved(picture(1), exif=exif)
    beat.attach(data, visit_id)
    assert beat.found() == []
    beat.bring(data)
    assert beat.reasons() == ["exif-far", "exif-outside-visit"]


def test_photos_after_the_end_are_found_once_the_end_is_known(beat):
    visit_id = beat.visit(minutes=200)
    beat.attach(saved(picture(1)), visit_id, minutes=10)
    assert beat.found() == []
    with transaction():
        visit = db.session.get_one(Visit, visit_id)
        visit.checklist_code = None
    with transaction():
        service.finish_visit(
            visit_id,
            "no-problem",
            None,
            officer_id=beat.an.id,
            recorded_at=beat.make.at - timedelta(minutes=100),
            by=beat.by(beat.an),
            at=beat.make.at,
        )
    (finding,) = beat.found()
    assert finding.measured == {"seconds_after": 5400, "photos": 1}


def test_photos_of_answers_and_findings_count_as_the_visits(beat):
    visit_id = beat.visit(minutes=30)
    with transaction():
        answer = answering.answer_item(
            visit_id,
            rules.item_id("pp-licence"),
            {"result": "no", "note": None},
            officer_id=beat.an.id,
            recorded_at=beat.make.at,
            by=beat.by(beat.an),
            at=beat.make.at,
        ).current
    beat.attach(saved(picture(1)), answer.id, subject_type="visit_answer", minutes=100)
    (finding,) = beat.found()
    assert finding.visit_id == visit_id


# --- pictures used again --------------------------------------------------------------------------


def test_one_file_for_two_units_is_found(beat):
    data = saved(picture(1))
    first, second = beat.visit(minutes=300), beat.visit(minutes=30)
    beat.photo(data, first, minutes=290)
    assert beat.found() == []
    photo = beat.attach(data, second, minutes=20)

    (finding,) = beat.found()

    assert (finding.kind, finding.reason) == ("reuse", "same-file")
    assert (finding.visit_id, finding.other_visit_id) == (second, first)
    assert finding.evidence_id == finding.other_evidence_id == photo
    assert finding.measured == {"other_unit": True}
    assert finding.unit_id != finding.other_unit_id


@pytest.mark.parametrize("later_bytes_first", [False, True])
def test_a_picture_saved_again_for_another_unit_is_found_in_either_order(beat, later_bytes_first):
    image = picture(1)
    data, again = saved(image), saved(image.resize((320, 240)), quality=50)
    first, second = beat.visit(minutes=300), beat.visit(minutes=30)
    beat.attach(data, first, minutes=290)
    beat.attach(again, second, minutes=20)
    for one in (again, data) if later_bytes_first else (data, again):
        beat.bring(one)
        beat.check()

    (finding,) = beat.found()

    assert finding.reason == "same-picture"
    assert (finding.visit_id, finding.other_visit_id) == (second, first)
    assert finding.measured["bits"] <= 3
    assert finding.thresholds[0]["code"] == "picture-reuse-bits"


def test_a_picture_used_again_is_found_when_its_fingerprint_comes_later(beat):
    image = picture(1)
    first, second = beat.visit(minutes=300), beat.visit(minutes=30)
    beat.photo(saved(image), first, minutes=290)
    beat.photo(saved(image, quality=50), second, minutes=20)

    beat.check(looked_into=False)
    shown = integrity.shown_of(db.session.get_one(Visit, second))
    assert Unjudged.NOT_INSPECTED in {gap.reason for gap in shown.not_judged}
    (finding,) = beat.found()

    assert finding.reason == "same-picture"


def test_white_pictures_and_different_pictures_are_not_the_same(beat):
    for number in range(3):
        visit_id = beat.visit(minutes=300 - 100 * number)
        minutes = 290 - 100 * number
        beat.photo(saved(picture(1, plain=True), 80 + number), visit_id, minutes=minutes)
        beat.photo(saved(picture(10 + number)), visit_id, minutes=minutes)
    assert beat.found() == []


def test_a_photo_of_one_visit_twice_or_taken_back_is_no_finding(beat):
    data = saved(picture(1))
    first, second = beat.visit(minutes=300), beat.visit(minutes=30)
    photo = beat.photo(data, first, minutes=290)
    beat.attach(saved(picture(1), 60), first, minutes=290)
    beat.attach(data, second, minutes=20)
    with transaction():
        evidence.retract(photo, second, by=beat.by(beat.an), at=beat.make.at)
    assert beat.found() == []


def test_a_picture_used_many_times_is_told_once_for_each_use_and_not_for_each_pair(beat):
    data = saved(picture(1))
    visits = [beat.visit(minutes=600 - 100 * number) for number in range(5)]
    for number, visit_id in enumerate(visits):
        beat.photo(data, visit_id, minutes=590 - 100 * number)
        beat.check()
    found = beat.found()
    assert [one.visit_id for one in found] == visits[1:]
    assert {one.other_visit_id for one in found} == {visits[0]}


def test_what_another_agency_photographed_is_never_compared(beat):
    data = saved(picture(1))
    beat.photo(data, beat.visit(minutes=300), minutes=290)
    agency = beat.make.agency("310107", "普陀区卫生监督所")
    other = Beat.__new__(Beat)
    other.make, other.an, other.bo = beat.make, beat.make.officer(agency), beat.make.officer(agency)
    other.devices = {other.an.id: new_id(), other.bo.id: new_id()}
    unit = beat.make.unit(agency, lat_e7=LAT_E7, lon_e7=LON_E7)
    task = beat.make.task(unit, agency=agency, team=(other.an, other.bo))
    other.begin(task.visit_id, Start(task.id, unit.id, "lodging", 1), other.an, beat.make.at)
    other.photo(data, task.visit_id)
    assert beat.found() == []


def test_a_closed_door_photographed_for_two_tasks_is_found(beat):
    data = saved(picture(1))
    tasks = [beat.make.task(beat.unit(), team=(beat.an, beat.bo)) for _ in range(2)]
    for task in tasks:
        beat.photo(data, task.id, subject_type="task", fix=beat.fix(0, beat.make.at))
    (finding,) = beat.found()
    assert (finding.task_id, finding.other_task_id) == (tasks[1].id, tasks[0].id)


# --- the job --------------------------------------------------------------------------------------


def test_a_run_goes_on_where_the_last_one_ended_and_twice_tells_nothing(beat, monkeypatch):
    monkeypatch.setattr(checking, "BATCH", 2)
    for number in range(5):
        beat.visit(km=5, minutes=500 - 100 * number)
    assert "5 entries looked at, 5 findings told" in beat.check()
    assert "0 findings told" in beat.check()
    entries = sa.select(sa.func.count()).where(JournalEntry.event == "integrity.found")
    assert db.session.scalar(entries) == 5
    with transaction():
        db.session.execute(sa.delete(IntegrityCursor))
    assert "5 entries looked at, 0 findings told" in beat.check()


def test_a_run_that_was_killed_is_done_again_and_tells_each_matter_once(beat, monkeypatch):
    beat.visit(km=5)
    kept = []

    def kill(*args, **values):
        kept.append(args)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("app.visits.integrity.journal.record", kill)
        with pytest.raises(KeyboardInterrupt):
            beat.check()
    assert kept
    db.session.remove()
    assert db.session.scalars(sa.select(IntegrityFinding)).all() == []
    assert len(beat.found()) == 1


def test_a_run_that_was_overtaken_leaves_the_batch_to_the_other(beat):
    beat.visit(km=5)
    batch = checking._next(beat.an.district)
    assert batch is not None
    found = checking._judge(batch)
    assert len(found) == 1
    beat.check()
    assert checking._keep(batch, found, at=beat.make.at) == 0
    assert len(beat.found()) == 1


# --- who is told, who decides ---------------------------------------------------------------------


def ask(client, finding, state="explained", version=1, **body):
    return client.post(
        f"/api/v1/integrity-findings/{finding.id}/decision",
        json={"state": state, "reason": "已核实：单位搬迁尚未登记", **body},
        headers={"If-Match": f'"{version}"'},
    )


def test_a_supervisor_decides_with_a_reason_and_the_journal_keeps_it(beat):
    beat.visit(km=5)
    (finding,) = beat.found()
    client = beat.client(Role.SUPERVISOR, officer=beat.make.officer())

    answer = ask(client, finding)

    assert answer.status_code == 200, answer.json
    assert (answer.json["state"], answer.json["version"]) == ("explained", 2)
    assert answer.json["decision_reason"] == "已核实：单位搬迁尚未登记"
    assert ask(client, finding, "upheld").status_code == 412
    assert ask(client, finding, "upheld", 2).json["state"] == "upheld"
    events = sa.select(JournalEntry.text).where(JournalEntry.event == "integrity.decided")
    texts = db.session.scalars(events.order_by(JournalEntry.seq)).all()
    assert [canonical.loads(text)["data"]["to"] for text in texts] == ["explained", "upheld"]
    assert "搬迁" not in "".join(texts)
    assert "0 findings told" in beat.check()


@pytest.mark.parametrize(
    "body", [{"state": "open"}, {"reason": ""}, {"reason": None}, {"state": None}, {"more": 1}]
)
def test_a_decision_is_one_of_two_and_has_a_reason(beat, body):
    beat.visit(km=5)
    (finding,) = beat.found()
    client = beat.client(Role.SUPERVISOR)
    assert ask(client, finding, **body).status_code == 422


def test_nobody_decides_about_his_own_visit(beat):
    beat.visit(km=5)
    (finding,) = beat.found()
    own = beat.client(Role.SUPERVISOR, officer=beat.an)
    refused = ask(own, finding)
    assert (refused.status_code, refused.json["type"]) == (403, "/problems/own-integrity-finding")


def test_supervisors_and_auditors_are_told_with_the_visit_and_officers_are_not(beat):
    visit_id = beat.visit(km=5)
    data = saved(picture(1, plain=True))
    beat.photo(data, visit_id, fix=beat.fix(0, beat.make.at, datum="?"))
    beat.attach(b"not here yet", visit_id)
    (finding,) = beat.found()
    address = f"/api/v1/visits/{visit_id}"

    for role in (Role.SUPERVISOR, Role.AUDITOR):
        shown = beat.client(role).get(address).json["integrity"]
        assert [one["id"] for one in shown["findings"]] == [str(finding.id)]
        assert {(one["kind"], one["reason"]): one["count"] for one in shown["not_judged"]} == {
            ("place", "datum-unknown"): 1,
            ("place", "no-fix"): 1,
            ("reuse", "not-arrived"): 1,
            ("reuse", "too-little-to-see"): 1,
        }
    officer = beat.client(Role.OFFICER, officer=beat.an)
    assert officer.get(address).json["integrity"] is None
    assert officer.get("/api/v1/integrity-findings").status_code == 403


def test_the_list_is_of_the_agency_and_can_be_narrowed(beat):
    far = beat.visit(km=5, minutes=300)
    beat.visit(minutes=200, mock=True, officer=beat.bo)
    beat.check()
    client = beat.client(Role.AUDITOR)
    address = "/api/v1/integrity-findings"

    def ids(**query):
        items = client.get(address, query_string=query).json["items"]
        return [UUID(one["visit_id"]) for one in items]

    assert len(ids()) == 2
    assert ids(visit_id=str(far)) == [far]
    assert ids(officer_id=str(beat.an.id)) == [far]
    assert len(ids(kind="place", state="open")) == 2
    assert ids(kind="reuse") == []
    assert ids(state="upheld") == []
    agency = beat.make.agency("310107", "普陀区卫生监督所")
    foreign = beat.client(Role.SUPERVISOR, agency=agency)
    assert foreign.get(address).json["items"] == []
    (finding, _) = beat.found()
    assert foreign.get(f"{address}/{finding.id}").status_code == 404
    assert ask(foreign, finding).status_code == 404


def test_a_catalogue_without_the_thresholds_hides_nothing_else(beat):
    visit_id = beat.visit(km=5)
    beat.check()
    with transaction() as session:
        session.execute(sa.delete(CatalogueRow).where(CatalogueRow.code == "fix-age-max-s"))
    shown = beat.client(Role.SUPERVISOR).get(f"/api/v1/visits/{visit_id}")
    assert shown.status_code == 200
    assert len(shown.json["integrity"]["findings"]) == 1
    assert shown.json["integrity"]["not_judged"] == []
