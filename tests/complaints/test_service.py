"""Complaints on both databases: from the hotline to the reply, and who may know who complained."""

from datetime import date

import pytest
import sqlalchemy as sa

from app.access import Role
from app.complaints import queries, service
from app.complaints.rules import Channel, ComplaintKind, ComplaintResult
from app.complaints.service import Answer, Check, Identity, NewComplaint
from app.db import db, transaction
from app.journal.models import JournalEntry
from app.tasks.models import Task
from scheduler.jobs import watch_complaints

NAME, PHONE = "陈举报", "13912345678"


@pytest.fixture
def desk(make, app_context):
    return Desk(make)


class Desk:
    """Chen takes complaints in and works on them, one transaction each."""

    def __init__(self, make):
        self.make = make
        self.unit = make.unit()
        self.chen = make.supervisor()

    def do(self, verb, *args, **values):
        with transaction():
            return verb(*args, **values, by=self.chen, at=self.make.at)

    def file(self, **values):
        data = {
            "kind": ComplaintKind.REPORT,
            "channel": Channel.HOTLINE,
            "content": "无证经营",
            "external_no": "20261121-778899",
            "unit_id": self.unit.id,
            "identity": Identity(name=NAME, phone=PHONE),
            **values,
        }
        return self.do(service.file_complaint, NewComplaint(**data), agency=self.make.home())

    def entries(self):
        found = db.session.scalars(sa.select(JournalEntry).order_by(JournalEntry.seq))
        return [one for one in found if one.event.startswith("complain")]


def test_a_complaint_becomes_a_task_and_ends_with_a_reply(desk):
    filed = desk.file()
    assert (filed.number, filed.anonymous) == ("TS-2026-000001", False)
    assert {one.step: one.due_on for one in filed.steps} == {
        "acceptance": date(2026, 11, 27),
        "reply": date(2026, 12, 11),
    }

    desk.do(service.accept_complaint, filed.id)
    found = desk.do(service.assign_complaint, filed.id, Check("public-places", "lodging"))

    task = db.session.get_one(Task, found.task_id)
    assert (task.origin, task.origin_reference) == ("complaint", "TS-2026-000001")
    assert task.due_on == date(2026, 12, 11), "by the day on which it is to be answered"

    desk.do(service.conclude_complaint, filed.id, ComplaintResult.SUBSTANTIATED, "已责令改正")
    replied = desk.do(service.reply_complaint, filed.id, Answer("substantiated"))
    assert "20261121-778899" in replied.reply_text
    assert "属实" in replied.reply_text
    assert all(one.done_on == date(2026, 11, 21) for one in replied.steps)


def test_who_complained_is_in_no_entry_and_every_reading_is_one(desk):
    filed = desk.file()
    desk.do(service.read_complainant, filed.id)

    entries = desk.entries()
    assert [one.event for one in entries] == ["complaint.filed", "complainant.read"]
    assert entries[1].actor_id == desk.chen.id
    for one in entries:
        assert NAME not in one.text
        assert PHONE not in one.text


def test_an_anonymous_report_has_nobody_to_read(desk):
    filed = desk.file(identity=Identity())
    assert filed.anonymous
    with pytest.raises(service.ComplainantUnknown):
        desk.do(service.read_complainant, filed.id)


def test_repeated_complaints_are_seen_merged_and_answered_together(desk):
    first, again = desk.file(), desk.file(external_no=None)
    assert [one.id for one in service.repeats_of(again, at=desk.make.at)] == [first.id]

    desk.do(service.merge_complaint, again.id, first.id, "同一事项")
    with pytest.raises(service.ComplaintStateWrong):
        desk.do(service.merge_complaint, first.id, again.id, "互并")
    desk.do(service.accept_complaint, first.id)
    desk.do(service.conclude_complaint, first.id, ComplaintResult.UNSUBSTANTIATED, "未发现")
    desk.do(service.reply_complaint, first.id, Answer("unsubstantiated"))

    db.session.remove()
    merged = service.get_complaint(again.id, desk.chen.agency_id)
    assert merged.state == "merged"
    assert all(one.done_on for one in merged.steps)


def test_the_timetable_warns_before_a_last_day_and_flags_after_it_once(desk):
    filed = desk.file()
    assert watch_complaints(at=desk.make.at) == "nothing due"

    assert "1 step-warned" in watch_complaints(at=desk.make.clock.forward(days=5))
    desk.make.clock.forward(days=2)
    assert "1 step-late" in watch_complaints(at=desk.make.at)
    assert watch_complaints(at=desk.make.at) == "nothing due"

    late = queries.complaints_of(desk.chen.agency_id, late=True)
    assert [one.id for one in db.session.scalars(late)] == [filed.id]
    desk.do(service.accept_complaint, filed.id)
    assert db.session.scalars(late).all() == [], "done, although late"


def test_whoever_does_not_answer_complaints_does_not_learn_who_complained(desk):
    filed = desk.file()
    address = f"/api/v1/complaints/{filed.id}"
    for role in (Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR, Role.LEGAL_REVIEWER):
        client = desk.make.signed_in(role)
        db.session.remove()
        assert client.get(f"{address}/complainant").status_code == 403, role
        assert PHONE not in client.get(address).get_data(as_text=True)
    clerk = desk.make.signed_in(Role.CLERK)
    db.session.remove()
    assert clerk.get(f"{address}/complainant").json["phone"] == PHONE
    assert desk.entries()[-1].event == "complainant.read"
