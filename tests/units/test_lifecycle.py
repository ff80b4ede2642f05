"""The life of a unit: 校验 and its cycles, steps on paper, checks after permits, self-checks."""

import io
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.access import TIMETABLE, Role
from app.catalogue import seeds
from app.db import db, transaction
from app.tasks.models import Task
from app.units import lifecycle, lifecycle_rules, service
from app.units.lifecycle import NewStep, NewVerification
from app.units.lifecycle_rules import LifeVerb, VerificationResult
from app.units.models import Unit, UnitStep
from app.units.rules import LicenceData, LicenceKind, UnitStatus, is_drawable
from scheduler.jobs import follow_licences
from tests.factories import OTHER_DISTRICT

CYCLES = [lifecycle_rules.read_cycle(row["code"], row) for row in seeds.rows("verification_cycles")]


@given(st.integers(0, 5000))
def test_every_number_of_beds_has_one_cycle(beds):
    found = [one for one in CYCLES if lifecycle_rules.cycle_of(beds, [one])]
    assert [one.months for one in found] == ([12] if beds < 100 else [36])


@given(st.dates(date(1990, 1, 1), date(2100, 12, 31)), st.integers(1, 48))
def test_a_term_of_months_ends_on_the_same_day_or_the_months_last(day, months):
    later = lifecycle_rules.months_later(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


@given(st.lists(st.sampled_from(sorted(lifecycle_rules.BY_PERSONS)), max_size=8))
def test_no_order_of_steps_leads_out_of_an_end_or_around_the_announcement(verbs):
    status, seen = UnitStatus.IN_OPERATION, [UnitStatus.IN_OPERATION]
    for verb in verbs:
        if lifecycle_rules.is_possible(LifeVerb(verb), status):
            status = lifecycle_rules.LEADS_TO[LifeVerb(verb)]
            seen.append(status)
    if UnitStatus.FORCE_CANCELLED in seen:
        assert UnitStatus.ANNOUNCED in seen
    ends = {UnitStatus.FORCE_CANCELLED, UnitStatus.REVOKED, UnitStatus.CANCELLED}
    assert all(one is status for one in seen if one in ends)


class Office:
    """A supervisor who works on units, and the timetable's nights."""

    def __init__(self, make):
        self.make = make
        self.chen, self.ding = make.supervisor(), make.supervisor()

    def verify(self, unit, beds=20, on=None, **values):
        data = NewVerification(
            verified_on=on or date(2025, 11, 1),
            result=VerificationResult.PASSED,
            beds=beds,
            document_no="校验〔2025〕7号",
            **values,
        )
        with transaction():
            row = service.get_unit(unit.id, self.chen.agency_id)
            return lifecycle.record_verification(row, data, by=self.chen, at=self.make.at)

    def step(self, unit, verb, on=None, document="沪卫〔2026〕1号"):
        data = NewStep(LifeVerb(verb), on or self.today, "长期停止执业", document)
        with transaction():
            row = service.get_unit(unit.id, self.chen.agency_id)
            return lifecycle.take_step(row, data, by=self.chen, at=self.make.at)

    @property
    def today(self):
        return date(2026, 11, 21) + (self.make.at.date() - date(2026, 11, 21))

    def night(self):
        return follow_licences(at=self.make.at)

    def state(self, unit):
        return db.session.scalar(sa.select(Unit.state).where(Unit.id == unit.id))


@pytest.fixture
def office(make, app_context):
    return Office(make)


def test_a_unit_that_misses_its_verification_is_led_to_its_forced_cancellation(office, make):
    small, large = make.unit(), make.unit()
    assert office.verify(small).next_due_on == date(2026, 11, 1)
    assert office.verify(large, beds=100).next_due_on == date(2028, 11, 1)
    assert office.night() == "1 overdue"
    assert office.night() == "nothing due"
    assert (office.state(small), office.state(large)) == ("licence-overdue", "in-operation")
    office.step(small, "notify")
    office.step(small, "announce")
    with pytest.raises(lifecycle.AnnouncementRunning) as early:
        office.step(small, "force-cancel")
    assert early.value.extras["from_on"] == (office.today + timedelta(days=30)).isoformat()
    make.clock.forward(days=30)
    step = office.step(small, "force-cancel")
    assert (step.state, office.state(small)) == ("proposed", "announced")
    with pytest.raises(lifecycle.StepWaiting):
        office.step(small, "force-cancel")
    clerk = make.actor(make.account(Role.SUPERVISOR))  # no certificate
    for wrong in (office.chen, clerk):
        with pytest.raises(lifecycle.SecondPersonWrong), transaction():
            lifecycle.confirm_step(db.session.get_one(UnitStep, step.id), by=wrong, at=make.at)
    with transaction():
        row = db.session.get_one(UnitStep, step.id)
        lifecycle.confirm_step(row, by=office.ding, at=make.at)
    assert office.state(small) == "force-cancelled"  # flagged, and still there
    assert office.night() == "nothing due"
    verbs = db.session.scalars(
        sa.select(UnitStep.verb).where(UnitStep.unit_id == small.id).order_by(UnitStep.id)
    ).all()
    assert verbs == ["mark-overdue", "notify", "announce", "force-cancel"]
    with pytest.raises(lifecycle.StepNotPossible):
        office.step(small, "resume")


def test_nothing_is_announced_before_the_unit_was_notified(office, make):
    unit = make.unit()
    office.verify(unit)
    office.night()
    office.step(unit, "notify")
    with pytest.raises(lifecycle.StepInvalid) as early:
        office.step(unit, "announce", on=office.today - timedelta(days=1))
    assert early.value.extras["errors"][0]["pointer"] == "#/on_day"


def test_a_verification_brings_a_unit_back_and_an_old_one_does_not(office, make):
    unit = make.unit()
    office.verify(unit)
    office.night()
    office.step(unit, "notify")
    with pytest.raises(lifecycle.StepNotPossible):
        office.step(unit, "resume")
    office.verify(unit, on=date(2024, 11, 1))
    assert office.state(unit) == "notified"
    office.verify(unit, on=date(2026, 11, 20))
    assert office.state(unit) == "in-operation"
    assert office.night() == "nothing due"
    with pytest.raises(lifecycle.VerificationTwice):
        office.verify(unit, on=date(2026, 11, 20))


def test_a_refused_cancellation_leaves_the_unit_as_it_was(office, make):
    unit = make.unit()
    office.verify(unit)
    office.night()
    office.step(unit, "notify")
    office.step(unit, "announce")
    make.clock.forward(days=31)
    step = office.step(unit, "force-cancel")
    with transaction():
        row = db.session.get_one(UnitStep, step.id)
        lifecycle.refuse_step(row, "单位已申请校验", by=office.ding, at=make.at)
    assert office.state(unit) == "announced"
    with pytest.raises(lifecycle.StepDecided), transaction():
        lifecycle.confirm_step(db.session.get_one(UnitStep, step.id), by=office.ding, at=make.at)


@pytest.mark.parametrize("verb", ["suspend", "close", "move", "revoke", "cancel"])
def test_a_unit_that_stops_leaves_the_draws_with_document_day_and_reason(office, make, verb):
    unit = make.unit()
    step = office.step(unit, verb, on=date(2026, 11, 3))
    assert (step.on_day, step.document_no, step.reason) == (
        date(2026, 11, 3),
        "沪卫〔2026〕1号",
        "长期停止执业",
    )
    assert not is_drawable(UnitStatus(office.state(unit)))


def test_an_end_needs_its_document_and_no_day_of_the_future(office, make):
    unit = make.unit()
    for values in ({"document": None}, {"on": office.today + timedelta(days=1)}):
        with pytest.raises(lifecycle.StepInvalid):
            office.step(unit, "revoke", **values)
    with pytest.raises(lifecycle.StepInvalid, match="备案"):
        office.step(unit, "withdraw")
    clinic = make.unit(licences=(LicenceData(LicenceKind.FILING, "诊所备〔2023〕9号"),))
    assert office.step(clinic, "withdraw").after == "withdrawn"


def promised(make, number="卫公证字〔2026〕第1号", granted=date(2026, 11, 2), **values):
    licence = LicenceData(LicenceKind.PERMIT, number, "lodging", granted, None, True)
    return make.unit(licences=(licence,), **values)


def test_a_licence_granted_on_a_promise_is_checked_exactly_once(office, make):
    unit = promised(make)
    promised(make, granted=date(2025, 12, 31))  # before the rule
    promised(make, granted=date(2026, 12, 31))  # not yet
    assert office.night() == "1 checks"
    assert office.night() == "nothing due"
    with transaction():  # licences are replaced whole when one changes
        kept = LicenceData(
            LicenceKind.PERMIT, "卫公证字〔2026〕第1号", "lodging", date(2026, 11, 2), None, True
        )
        more = LicenceData(LicenceKind.FILING, "卫公备〔2026〕2号", "lodging", date(2026, 11, 3))
        service.change_unit(unit.id, {"licences": (kept, more)}, by=office.chen, at=make.at)
    assert office.night() == "nothing due"
    (task,) = db.session.scalars(sa.select(Task)).all()
    assert (task.unit_id, task.origin, task.origin_reference) == (
        unit.id,
        "after-permit",
        "卫公证字〔2026〕第1号",
    )
    assert (task.specialty, task.object_class) == ("public-places", "lodging")
    assert task.checklist_code == "lodging"
    assert task.due_on == date(2027, 1, 1)
    assert task.created_by_kind == TIMETABLE.kind


def test_a_unit_that_is_shut_gets_no_check_until_it_opens(office, make):
    unit = promised(make)
    office.step(unit, "suspend")
    assert office.night() == "nothing due"
    office.step(unit, "resume")
    assert office.night() == "1 checks"


def table(*lines):
    text = "\n".join(["档案编号,自查日期,自查平台,自查结果,存在问题", *lines])
    return {"file": (io.BytesIO(text.encode()), "自查.csv")}


def test_self_checks_come_in_once_and_are_shown(make):
    unit = make.unit()
    clerk, path = make.signed_in(Role.CLERK), "/api/v1/self-checks"
    good = (
        f"{unit.archive_no},2026-10-01,随申办,合格,",
        f"{unit.archive_no},2026-10-02,随申办,不合格,未公示",
    )
    for _ in range(2):
        assert clerk.post(f"{path}?preview=false", data=table(*good)).status_code == 200
    shown = clerk.get(f"{path}?unit_id={unit.id}").json["items"]
    assert [(one["passed"], one["problems"]) for one in shown] == [(True, None), (False, "未公示")]
    wrong = clerk.post(
        f"{path}?preview=false", data=table(f"{unit.archive_no},2026-10-03,随申办,不合格,")
    )
    assert wrong.json["errors"][0]["pointer"] == "#/2"
    stranger = make.signed_in(Role.CLERK, agency=make.agency(OTHER_DISTRICT, "普陀区"))
    assert stranger.get(path).json["items"] == []
