"""Service 送达: each mode with the proof that it needs, and by when."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access import Role
from app.catalogue.rules import Deadline
from app.days import local_date
from app.documents import desk as written
from app.documents import rules, service, serving
from app.documents.models import DocumentService
from app.documents.rules import DocumentKind, PaperRole, ServiceMode, ServiceTurn
from app.documents.serving import Serving
from app.people.service import OfficerNotFound
from scheduler.jobs import watch_services
from tests.documents.desk import Desk
from tests.documents.test_desk import NOTICE, actor, draw_up, sign

days = st.dates(date(2026, 11, 20), date(2026, 12, 5))
CONSENT = {"address_stated": "海州路 1 号", "electronic": True, "told": "地址变更应当告知。"}


@pytest.fixture
def desk(make):
    return Desk.of(make)


@pytest.fixture
def notice(desk):
    paper = draw_up(desk)
    return sign(desk, paper, PaperRole.SEAL, Role.SUPERVISOR)


def serve(desk, document, mode, **said):
    on = local_date(desk.make.at)
    values = {"handed_on": on, "recipient": "张三", "place": "海州路 1 号", **said}
    with desk.make.writing():
        return serving.record_service(
            document.id, Serving(mode, **values), by=actor(desk), at=desk.make.at
        )


def served_on(desk, document):
    with desk.make.flask_app.app_context():
        return serving.served_on(document.id)


def test_a_notice_is_due_within_seven_working_days(desk, notice):
    with desk.make.flask_app.app_context():
        standing = serving.standing_of(service.get_document(notice.id, desk.agency.id))
    assert (standing.needed, standing.due_reason, standing.served_on) == (True, None, None)
    assert standing.due_on == date(2026, 12, 1)  # 21 November is a Saturday


@pytest.mark.parametrize(
    ("mode", "said", "missing"),
    [
        (ServiceMode.DIRECT, {}, ["receiver_name"]),
        (ServiceMode.LEFT, {}, ["refusal", "witness-or-evidence"]),
        (ServiceMode.LEFT, {"refusal": "拒收", "evidence": ["ab" * 32]}, ["witness-or-evidence"]),
        (ServiceMode.POST, {}, ["tracking_no"]),
        (ServiceMode.ELECTRONIC, {"channel": "政务服务平台"}, ["consent", "evidence"]),
        (ServiceMode.AGENT, {}, ["agent", "receiver_name"]),
        (ServiceMode.NOTICE, {}, ["channel", "evidence", "note"]),
    ],
)
def test_each_mode_says_what_it_still_needs(desk, notice, mode, said, missing):
    with pytest.raises(serving.ServiceUnproved) as caught:
        serve(desk, notice, mode, **said)
    assert caught.value.extras["missing"] == missing
    assert "第" in caught.value.detail  # the article
    assert desk.count(DocumentService) == 0


def test_what_was_handed_over_or_left_counts_at_once(desk, notice):
    today = local_date(desk.make.at)
    assert serve(desk, notice, ServiceMode.DIRECT, receiver_name="张三").effective_on == today

    left = serve(desk, notice, ServiceMode.LEFT, refusal="拒收", witnesses=["居委会王五"])
    assert (left.effective_on, served_on(desk, notice)) == (today, today)


def test_what_was_posted_counts_from_the_day_it_arrived(desk, notice):
    today = local_date(desk.make.at)
    posted = serve(desk, notice, ServiceMode.POST, tracking_no="EMS1")
    assert (posted.effective_on, served_on(desk, notice)) == (None, None)
    with pytest.raises(serving.ServiceEnded), desk.make.writing():
        serving.draw_receipt(posted.id, by=actor(desk), at=desk.make.at)

    later = desk.make.at + timedelta(days=4)
    with desk.make.writing():
        arrived = serving.record_delivery(
            posted.id, today + timedelta(days=3), "李四", by=actor(desk), at=later
        )
    assert arrived.effective_on == served_on(desk, notice) == today + timedelta(days=3)


def test_electronic_service_needs_an_agreement_that_the_party_signed(desk, notice):
    said = {"channel": "政务服务平台", "evidence": [desk.picture()]}
    consent = draw_up(desk, DocumentKind.SERVICE_ADDRESS, CONSENT)
    with pytest.raises(serving.ServiceUnproved):
        serve(desk, notice, ServiceMode.ELECTRONIC, consent_id=consent.id, **said)

    sign(desk, consent, PaperRole.PARTY, signer_name="张三")
    served = serve(desk, notice, ServiceMode.ELECTRONIC, consent_id=consent.id, **said)
    assert served.effective_on == local_date(desk.make.at)


def test_a_public_notice_counts_after_thirty_days(desk, notice):
    said = {"channel": "政府网站", "evidence": [desk.picture()]}
    served = serve(desk, notice, ServiceMode.NOTICE, note="受送达人下落不明", **said)
    assert served.effective_on == local_date(desk.make.at) + timedelta(days=30)


def test_a_service_can_be_withdrawn_and_stays(desk, notice):
    served = serve(desk, notice, ServiceMode.DIRECT, receiver_name="张三")
    with desk.make.writing():
        serving.withdraw_service(served.id, "签收人写错", by=actor(desk), at=desk.make.at)
    assert served_on(desk, notice) is None
    assert desk.count(DocumentService) == 1


def test_a_receipt_says_what_was_served_once(desk, notice):
    served = serve(
        desk, notice, ServiceMode.LEFT, refusal="拒收", witnesses=["王五", "赵六"], note="门口张贴"
    )
    receipts = []
    for _ in range(2):
        with desk.make.writing():
            receipts.append(serving.draw_receipt(served.id, by=actor(desk), at=desk.make.at))

    assert receipts[0].id == receipts[1].id
    assert receipts[0].kind == DocumentKind.SERVICE_RECEIPT
    assert receipts[0].fields["served_number"] == notice.number
    assert receipts[0].fields["witnesses"] == "王五、赵六"


def test_both_officers_who_served_stand_on_the_receipt(desk, notice):
    colleague = desk.other().officer
    served_by = [desk.officer.id, colleague.id]
    served = serve(desk, notice, ServiceMode.DIRECT, receiver_name="张三", officer_ids=served_by)
    with desk.make.writing():
        receipt = serving.draw_receipt(served.id, by=actor(desk), at=desk.make.at)
    assert receipt.officer_ids == sorted(str(one) for one in served_by)
    with pytest.raises(OfficerNotFound):
        serve(desk, notice, ServiceMode.DIRECT, receiver_name="张三", officer_ids=[uuid4()])


def test_a_service_is_neither_before_its_document_nor_of_an_unsigned_one(desk, notice):
    yesterday = local_date(desk.make.at) - timedelta(days=1)
    with pytest.raises(serving.ServiceDayWrong):
        serve(desk, notice, ServiceMode.DIRECT, receiver_name="张三", handed_on=yesterday)
    with pytest.raises(serving.DocumentNotSigned):
        serve(desk, draw_up(desk), ServiceMode.DIRECT, receiver_name="张三")


def test_a_deadline_into_a_year_without_calendar_stays_open(desk):
    with desk.make.writing():
        late = written.draw_up(
            DocumentKind.PENALTY_NOTICE,
            NOTICE,
            unit_id=desk.unit.id,
            by=actor(desk),
            at=desk.make.at.replace(year=2035, month=12, day=30),
        )
    with desk.make.flask_app.app_context():
        due = serving.due_of(late)
    assert due == Deadline(None, "calendar-2035-missing")


def test_what_is_not_served_is_listed_until_it_is(desk, notice):
    draw_up(desk)  # unsigned: nothing to serve yet
    today = local_date(desk.make.at)

    def listed(on):
        with desk.make.flask_app.app_context():
            found = serving.unserved(desk.agency.id, on)
        return [(one.document.id, one.due_on, one.late) for one in found]

    due_on = date(2026, 12, 1)
    assert listed(today) == listed(due_on) == [(notice.id, due_on, False)]
    assert listed(due_on + timedelta(days=1)) == [(notice.id, due_on, True)]
    serve(desk, notice, ServiceMode.DIRECT, receiver_name="张三")
    assert listed(today) == []


def test_the_timetable_warns_before_the_last_day_and_flags_after_it_once(desk, notice):
    """行政处罚法 第六十一条: seven working days, warned of two days before."""
    draw_up(desk)  # unsigned: nothing to serve yet

    def run(day):
        at = desk.make.at.replace(year=2026, month=day.month, day=day.day)
        with desk.make.flask_app.app_context():
            return watch_services(at=at)

    assert run(date(2026, 11, 28)) == "1 computed"
    assert [run(date(2026, 11, 29)), run(date(2026, 11, 30))] == ["1 warned", "nothing due"]
    assert run(date(2026, 12, 1)) == "nothing due"
    assert [run(date(2026, 12, 2)), run(date(2026, 12, 3))] == ["1 late", "nothing due"]
    with desk.make.flask_app.app_context():
        (listed,) = serving.unserved(desk.agency.id, date(2026, 12, 3))
    assert (listed.late, listed.warned_at is None, listed.late_at is None) == (True, False, False)


def test_what_is_served_is_neither_warned_of_nor_flagged(desk, notice):
    serve(desk, notice, ServiceMode.DIRECT, receiver_name="张三")
    with desk.make.flask_app.app_context():
        assert watch_services(at=desk.make.at.replace(month=12, day=20)) == "nothing due"


@given(kept=days | st.none(), due=days | st.none(), today=days, warned=st.booleans())
def test_a_service_is_flagged_only_after_its_day_and_warned_only_before(kept, due, today, warned):
    values = {"warned": warned, "warn_days": 2, "today": today}
    found = rules.service_turns(kept, due, flagged=False, **values)
    last = kept or due
    assert (ServiceTurn.LATE in found) == (last is not None and today > last)
    assert ServiceTurn.WARNED not in found or (last is not None and today <= last and not warned)
    again = rules.service_turns(last, due, flagged=ServiceTurn.LATE in found, **values)
    assert ServiceTurn.COMPUTED not in again or last is None
    assert ServiceTurn.LATE not in again
