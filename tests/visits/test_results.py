"""Laboratory results whole, and what is no inspection, on both databases."""

from datetime import date

import pytest
import sqlalchemy as sa

from app.catalogue.rules import make_calendar
from app.db import db, new_id, transaction
from app.visits import contacts, queries, samples, terms
from app.visits.contacts import NewContact
from app.visits.models import Sample, Visit
from app.visits.samples import NewSample, Report
from app.visits.terms import ContactKind, Reading, SampleResult, Verdict

OVER = Reading("浑浊度", "7.2", Verdict.OVER, "NTU", "≤5")


@pytest.fixture
def laboratory(make, app_context):
    return Laboratory(make)


class Laboratory:
    """A visit whose sample is out, and who enters what comes back."""

    def __init__(self, make):
        self.make = make
        an, bo = make.officer(), make.officer()
        task = make.task(team=(an, bo))
        visit = make.visit(task, an, bo)
        self.officer, self.chen = an, make.supervisor()
        new = NewSample("泳池水", "500ml", "GB/T 18204.6", taken_at=make.at)
        with transaction():
            self.sample_id = samples.record_sample(
                new_id(),
                visit.id,
                new,
                officer_id=an.id,
                recorded_at=make.at,
                by=make.tablet_of(an),
                at=make.at,
            ).sample.id

    def do(self, verb, *args, **values):
        with transaction():
            return verb(*args, **values, by=self.chen, at=self.make.at)


def test_a_result_over_its_limit_is_kept_with_its_laboratory_and_the_last_day_of_its_card(
    laboratory,
):
    report = Report(
        SampleResult.UNQUALIFIED,
        reported_on=date(2026, 11, 20),
        laboratory="区疾病预防控制中心",
        readings=(OVER,),
    )
    sample = laboratory.do(samples.record_result, laboratory.sample_id, report)
    assert (sample.laboratory, sample.readings[0]["verdict"]) == ("区疾病预防控制中心", "over")
    assert sample.card_due_on == date(2026, 11, 27), "five working days"
    assert samples.is_evidence(sample, at=laboratory.make.at)

    late = queries.samples_of(laboratory.chen.agency_id, card_late_on=date(2026, 11, 28))
    assert [one.id for one in db.session.scalars(late)] == [sample.id]
    laboratory.do(samples.enter_card, sample.id, date(2026, 11, 21))
    assert db.session.scalars(late).all() == []
    with pytest.raises(samples.CardNotDue):
        laboratory.do(samples.enter_card, sample.id, date(2026, 11, 21))


def test_a_value_over_its_limit_cannot_be_called_qualified(laboratory):
    report = Report(SampleResult.QUALIFIED, readings=(OVER,))
    with pytest.raises(samples.SampleResultDiffers):
        laboratory.do(samples.record_result, laboratory.sample_id, report)
    assert db.session.get_one(Sample, laboratory.sample_id).result is None


def test_a_rapid_test_is_no_evidence(laboratory):
    report = Report(SampleResult.UNQUALIFIED, rapid=True)
    sample = laboratory.do(samples.record_result, laboratory.sample_id, report)
    assert not samples.is_evidence(sample, at=laboratory.make.at)


def test_a_card_into_a_year_without_calendar_is_due_when_that_is_loaded():
    found = terms.card_due(date(2026, 12, 29), 5, make_calendar([(date(2026, 1, 1), False)]))
    assert (found.due_on, found.reason) == (None, "calendar-2027-missing")


def test_a_talk_is_no_visit_and_a_look_from_afar_has_an_outcome(laboratory):
    make = laboratory.make
    unit, before = make.unit(), len(db.session.scalars(sa.select(Visit)).all())
    who = (laboratory.officer.id,)
    talk = NewContact(unit.id, ContactKind.COMPLIANCE_TALK, who, "合规告知谈话")
    laboratory.do(contacts.record_contact, talk, agency=make.home())
    afar = NewContact(
        unit.id, ContactKind.OFF_SITE_CHECK, who, "视频检查", outcome="off-site-no-problem"
    )
    found = laboratory.do(contacts.record_contact, afar, agency=make.home())
    assert found.outcome == "off-site-no-problem"
    assert len(db.session.scalars(sa.select(Visit)).all()) == before
    for wrong in (
        NewContact(unit.id, ContactKind.OFF_SITE_CHECK, who, "视频检查"),
        NewContact(unit.id, ContactKind.ASSISTANCE, who, "帮扶", outcome="no-problem"),
        NewContact(unit.id, ContactKind.OFF_SITE_CHECK, who, "视频", outcome="market-ordered"),
    ):
        with pytest.raises(contacts.ContactInvalid):
            laboratory.do(contacts.record_contact, wrong, agency=make.home())
