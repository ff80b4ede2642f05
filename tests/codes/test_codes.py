"""Visit codes on both databases: asked for, scanned, rated, objected to."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access import Role
from app.caps import service as caps
from app.codes import service
from app.codes.models import VisitCode, VisitObjection, VisitRating
from app.codes.rules import Standing
from app.codes.service import (
    AlreadyRated,
    CapReached,
    CodeEnded,
    CodeForged,
    CodeInvalid,
    CodeUnknown,
    NewCode,
)
from app.db import db, stop_reading, transaction
from app.journal.models import JournalEntry
from app.visits.models import Visit


class Desk:
    """A unit with one open task, its team, and what a supervisor does with codes."""

    def __init__(self, make, key):
        self.make, self.key = make, key
        self.unit = make.unit()
        self.team = (make.officer(), make.officer())
        self.task = make.task(self.unit, team=self.team, checklist_code="lodging", origin="routine")
        self.by = make.supervisor()

    @property
    def at(self):
        return self.make.at

    def new(self, **values):
        return NewCode(
            **{
                "unit_id": self.unit.id,
                "officer_ids": [one.id for one in self.team],
                "task_ids": [self.task.id],
                "valid_from": self.at,
                "valid_until": self.at + timedelta(days=1),
                **values,
            }
        )

    def issue(self, **values):
        with transaction():
            return service.request_code(
                self.new(**values), agency_id=self.unit.agency_id, by=self.by, at=self.at
            )

    def scan(self, code, **later):
        stop_reading()
        text = service.text_of(code, self.key)
        return service.scan(text, self.key, at=self.at + timedelta(**later))

    def enter(self, origin="routine"):
        """Go in for another task of the unit."""
        team = (self.make.officer(), self.make.officer())
        task = self.make.task(self.unit, team=team, checklist_code="lodging", origin=origin)
        return self.make.visit(task, *team)


@pytest.fixture
def desk(make, app_context):
    return Desk(make, app_context.extensions["suicha_keys"].receipt_key)


def test_a_scan_shows_unit_task_and_officers(desk):
    code = desk.issue()
    seen = desk.scan(code)
    assert (seen.unit.id, [one.id for one in seen.tasks]) == (desk.unit.id, [desk.task.id])
    assert {one.certificate_no for one in seen.officers} == {
        one.certificate_no for one in desk.team
    }
    assert seen.standing is Standing.VALID
    assert desk.scan(code, days=1).standing is Standing.EXPIRED
    assert desk.scan(code, hours=-1).standing is Standing.NOT_YET
    assert service.scan(code.short, desk.key, at=desk.at).code.id == code.id


@pytest.mark.past_the_services
def test_a_code_is_used_once_its_visits_are_finished(desk):
    code = desk.issue()
    visit = desk.make.visit(desk.task, *desk.team)
    assert desk.scan(code).standing is Standing.VALID
    with transaction():
        row = db.session.get_one(Visit, visit.id)
        row.state, row.outcome = "finished", "no-problem"
        row.finished_at, row.finished_by_kind = desk.at, "user"
    assert desk.scan(code).standing is Standing.USED


def test_a_revoked_code_says_so_and_is_not_revoked_twice(desk):
    code = desk.issue()

    def revoke():
        with transaction():
            service.revoke_code(
                code.id, "单位停业", agency_id=desk.unit.agency_id, by=desk.by, at=desk.at
            )

    revoke()
    assert desk.scan(code).standing is Standing.REVOKED
    with pytest.raises(CodeEnded):
        revoke()


def test_what_was_not_signed_here_is_named(desk):
    text = service.text_of(desk.issue(), desk.key)
    with pytest.raises(CodeForged):
        service.scan(("B" if text[0] == "A" else "A") + text[1:], desk.key, at=desk.at)
    for wrong in (text[:-9], "https://example.com/abcdefghijklmnopqrstuvwxyz", "NOSUCHCODE00"):
        with pytest.raises(CodeUnknown):
            service.scan(wrong, desk.key, at=desk.at)


@pytest.mark.parametrize(
    "values",
    [
        {"task_ids": ()},
        {"task_ids": (), "reason": None},
        {"valid_until": None},
        {"officer_ids": "one"},
        {"unit_id": "other"},
        {"valid_from": "long ago"},
    ],
    ids=lambda values: "-".join(f"{name}-{value}" for name, value in values.items()),
)
def test_a_code_that_would_not_hold_at_the_door_is_refused(desk, values):
    changed = dict(values)
    if "valid_until" in changed:
        changed["valid_until"] = desk.at + timedelta(days=40)
    if "officer_ids" in changed:
        changed["officer_ids"] = [desk.team[0].id] * 2
    if "unit_id" in changed:
        changed["unit_id"] = desk.make.unit().id
    if "valid_from" in changed:
        changed["valid_from"] = desk.at - timedelta(days=3)
        changed["valid_until"] = desk.at - timedelta(days=2)
    with pytest.raises(CodeInvalid):
        desk.issue(**changed)


def test_beyond_a_cap_a_planned_code_waits_for_an_exception_and_a_triggered_one_says_so(desk):
    desk.enter()
    desk.enter()
    with pytest.raises(CapReached) as refused:
        desk.issue()
    assert refused.value.extras["caps"] == ["entries-per-year"]
    triggered = desk.issue(task_ids=(), reason="现场发现线索")
    assert "entries-per-year" in triggered.beyond_caps
    day = desk.at.date()
    with transaction():
        wanted = caps.propose_exception(
            desk.unit.id,
            "entries-per-year",
            from_on=day,
            until_on=day,
            reason="群众反映集中",
            agency_id=desk.unit.agency_id,
            by=desk.by,
            at=desk.at,
        )
    second = desk.make.supervisor()
    with transaction():
        caps.approve_exception(wanted.id, by=second, at=desk.at)
    assert "entries-per-year" in desk.issue().beyond_caps


def test_a_rating_is_given_once_and_the_journal_tells_nobody_whose_it_is(desk):
    code, another = desk.issue(), desk.issue()  # both for the same visit
    with transaction():
        service.rate(code, 2, "态度生硬", at=desk.at)
    with pytest.raises(AlreadyRated), transaction():
        service.rate(code, 5, None, at=desk.at)
    with pytest.raises(AlreadyRated), transaction():
        service.rate(another, 5, None, at=desk.at)
    entry = db.session.scalars(
        sa.select(JournalEntry).where(JournalEntry.event == "visit.rated")
    ).one()
    assert entry.subject_id is None
    assert set(json.loads(entry.text)["data"]) == {"agency_id", "commitment"}
    assert str(code.id) not in entry.text
    assert service.average(desk.unit.agency_id, desk.at.date(), desk.at.date()) == (0, None)


def test_ratings_are_shown_by_five_so_that_no_two_looks_differ_by_one(desk):
    """Whoever looks after every rating, at any days, never sees less than five come in."""
    day, seen, listed = desk.at.date(), [], []
    scores = (1, 5, 4, 3, 2, 5, 5, 4, 4, 1, 2)
    for score in scores:
        desk.make.clock.forward(days=1)
        unit = desk.make.unit()
        code = desk.issue(unit_id=unit.id, task_ids=(), reason="现场发现线索")
        version = code.version
        with transaction():
            service.rate(code, score, None, at=desk.at)
        assert db.session.get_one(VisitCode, code.id, populate_existing=True).version == version
        stop_reading()
        seen.append(service.average(desk.unit.agency_id, day, desk.at.date()))
        last = service.average(desk.unit.agency_id, desk.at.date(), desk.at.date())
        assert last[0] in {0, 5}
        stop_reading()
        auditor = desk.make.signed_in(Role.AUDITOR)
        stop_reading()
        listed.append(auditor.get("/api/v1/visit-ratings").json["items"])
        stop_reading()
    assert seen == [(0, None)] * 4 + [(5, 300)] * 5 + [(10, 340)] * 2
    assert [len(items) for items in listed] == [0] * 4 + [5] * 5 + [10] * 2
    for one in listed[-1]:
        assert set(one) == {"id", "score", "comment", "shown_on"}
        assert UUID(one["id"]).version == 4, "an id that grows with time tells whose it is"
    assert len({one["shown_on"] for one in listed[-1]}) == 2


def test_who_came_with_a_revoked_code_can_be_objected_to_and_not_rated(desk, client):
    code = desk.issue()
    path = f"/c/{service.text_of(code, desk.key)}"
    with transaction():
        service.revoke_code(code.id, "改期", agency_id=desk.unit.agency_id, by=desk.by, at=desk.at)
    page = client.get(path).get_data(as_text=True)
    assert "提出异议" in page
    assert "提交评价" not in page
    assert client.post(f"{path}/rating", data={"score": "1"}).status_code == 409
    sent = client.post(f"{path}/objection", data={"text": "持已撤销的检查码入户"})
    assert sent.status_code == 303
    assert "尚未答复" in client.get(path).get_data(as_text=True)
    desk.make.clock.forward(days=40)
    assert "提出异议" not in client.get(path).get_data(as_text=True)
    assert client.post(f"{path}/objection", data={"text": "太晚"}).status_code == 409


def test_ratings_end_with_their_days(desk):
    code = desk.issue()
    for later in (timedelta(hours=-1), timedelta(days=31)):
        with pytest.raises(CodeEnded), transaction():
            service.rate(code, 5, None, at=desk.at + later)


def test_a_phone_scans_verifies_rates_and_objects(desk, client):
    code = desk.issue()
    path = f"/c/{service.text_of(code, desk.key)}"
    page = client.get(path)
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert len(page.data) < 100_000
    for shown in (desk.unit.name, desk.task.task_no, desk.team[0].certificate_no, "有效", "住宿"):
        assert shown in text, shown
    assert client.get(f"/c?code={code.short.lower()}").location == f"/c/{code.short}"

    sent = client.post(f"{path}/rating", data={"score": "5", "comment": "=1+1<b>"})
    assert (sent.status_code, sent.location) == (303, f"{path}?done=rating")
    assert "评价已收到" in client.get(sent.location).get_data(as_text=True)
    assert client.post(f"{path}/rating", data={"score": "5"}).status_code == 409
    assert client.post(f"{path}/rating", data={"score": "9"}).status_code == 422
    assert "请写明异议内容" in client.post(f"{path}/objection", data={"text": " "}).text
    two_lines = {"text": "未出示执法证\r\n也未说明来意", "contact": ""}  # as browsers send them
    assert client.post(f"{path}/objection", data=two_lines).status_code == 303
    stop_reading()
    assert db.session.scalar(sa.select(VisitRating.comment)) == "=1+1<b>"
    assert db.session.scalar(sa.select(VisitObjection.text)) == "未出示执法证\n也未说明来意"
    assert page.headers["Cache-Control"] == "no-store"


def test_a_forged_code_gets_a_page_of_its_own(desk, client):
    text = service.text_of(desk.issue(), desk.key)
    forged = client.get(f"/c/{text[:50]}{'A' if text[50] != 'A' else 'B'}{text[51:]}")
    assert forged.status_code == 422
    assert "不是本系统签发" in forged.get_data(as_text=True)
    assert client.get("/c/NOSUCHCODE00").status_code == 404
    unit_text = service.unit_text(desk.unit, desk.key)
    assert desk.unit.name in client.get(f"/c/{unit_text}").text
    forged = client.get(
        f"/c/{unit_text[:50]}{'A' if unit_text[50] != 'A' else 'B'}{unit_text[51:]}"
    )
    assert forged.status_code == 422
    assert "单位码不是本系统签发" in forged.text


def test_codes_over_http_from_request_to_answer(desk):
    make = desk.make
    officer = make.signed_in(Role.OFFICER, officer=desk.team[0])
    supervisor = make.signed_in(Role.SUPERVISOR, officer=make.officer())
    auditor = make.signed_in(Role.AUDITOR)
    made = officer.post(
        "/api/v1/visit-codes",
        json={
            "unit_id": str(desk.unit.id),
            "task_ids": [str(desk.task.id)],
            "officer_ids": [str(one.id) for one in desk.team],
            "valid_from": "2026-11-21T01:00:00.000Z",
            "valid_until": "2026-11-22T01:00:00.000Z",
        },
    )
    assert made.status_code == 201, made.json
    code = made.json
    picture = officer.get(f"/api/v1/visit-codes/{code['id']}/qr.svg")
    assert (picture.status_code, picture.mimetype) == (200, "image/svg+xml")
    assert picture.data.startswith(b"<svg")
    path = f"/c/{code['text']}"
    phone = make.flask_app.test_client()
    assert phone.post(f"{path}/objection", data={"text": "未出示执法证"}).status_code == 303
    assert phone.post(f"{path}/rating", data={"score": "4"}).status_code == 303
    listed = supervisor.get("/api/v1/visit-objections").json["items"]
    assert [one["text"] for one in listed] == ["未出示执法证"]
    answered = supervisor.post(
        f"/api/v1/visit-objections/{listed[0]['id']}/answer",
        json={"answer": "已核实并向您致歉"},
        headers={"If-Match": '"1"'},
    )
    assert (answered.status_code, answered.json["state"]) == (200, "answered")
    summary = supervisor.get("/api/v1/visit-ratings/summary").json
    assert (summary["count"], summary["average_hundredths"]) == (0, None)
    first = supervisor.get("/api/v1/visit-ratings/summary?until_on=1900-01-01").json["from_on"]
    assert first == "1900-01-01", "no day before those that can be asked for"
    assert supervisor.get("/api/v1/visit-ratings").status_code == 403
    assert auditor.get("/api/v1/visit-ratings").json["items"] == []
    assert "已核实并向您致歉" in phone.get(path).get_data(as_text=True)
    revoked = officer.post(
        f"/api/v1/visit-codes/{code['id']}/revoke",
        json={"reason": "改期"},
        headers={"If-Match": '"1"'},
    )
    assert (revoked.status_code, revoked.json["standing"]) == (200, "revoked")
