"""Corrective orders and samples on both databases: terms, rechecks, results, and nothing twice."""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from app.access import Role
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.catalogue.rules import Calendar, make_calendar
from app.db import db, new_id, transaction
from app.journal.models import JournalEntry
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.steps import TaskStateWrong
from app.visits import contributing, orders, samples, service, terms
from app.visits.models import CorrectiveOrder, Sample
from app.visits.orders import NewOrder
from app.visits.rules import triggered_visit_id
from app.visits.samples import NewSample, Report
from app.visits.terms import OrderItem, OrderState, SampleResult, SampleState
from scheduler import jobs
from scheduler.jobs import follow_orders

TODAY = date(2026, 11, 21)


# --- terms -------------------------------------------------------------------------------------

CALENDAR = make_calendar([(date(2026, 11, 23), False), (date(2026, 11, 28), True)])
BY_LAW = terms.DayRules(working=(2, 3, 5, 7), moved=False)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, date(2026, 11, 21)),
        (3, date(2026, 11, 26)),  # the 21st is a Saturday, the 23rd a day off by the calendar
        (5, date(2026, 11, 28)),  # a Saturday that is worked
        (4, date(2026, 11, 25)),  # natural days: the law names only some in working days
        (15, date(2026, 12, 6)),  # a Sunday: it does not move
    ],
)
def test_a_term_counts_by_the_editable_calendar(days, expected):
    assert terms.order_due(days, TODAY, BY_LAW, CALENDAR).due_on == expected


def test_an_end_on_a_free_day_moves_only_where_the_catalogue_says_so():
    moved = terms.DayRules(working=(), moved=True)
    assert terms.order_due(15, TODAY, moved, CALENDAR).due_on == date(2026, 12, 7)


def test_a_year_without_calendar_leaves_the_term_open_with_its_reason():
    found = terms.order_due(7, date(2026, 12, 29), BY_LAW, CALENDAR)
    assert (found.due_on, found.reason) == (None, "calendar-2027-missing")
    natural = terms.order_due(15, date(2026, 12, 29), BY_LAW, Calendar(frozenset(), {}))
    assert natural.due_on == date(2027, 1, 13), "natural days need no calendar"


def test_an_order_is_known_by_its_findings_whatever_the_words():
    one, two = new_id(), new_id()
    key = terms.order_key([OrderItem("池水浑浊", one), OrderItem("无证", two)])
    assert key == terms.order_key([OrderItem("无证经营", two), OrderItem("水质浑浊", one)])
    assert key != terms.order_key([OrderItem("池水浑浊", one)])
    assert terms.order_key([OrderItem("甲")]) != terms.order_key([OrderItem("乙")])


@pytest.mark.parametrize(
    ("public", "state"),
    [("合格", OrderState.COMPLIED), ("不合格", OrderState.OVERDUE), ("关闭", None), (None, None)],
)
def test_a_rechecks_public_result_says_what_became_of_the_order(public, state):
    assert terms.recheck_says(public) is state


# --- orders ------------------------------------------------------------------------------------


@pytest.fixture
def field(make, app_context):
    return Field(make)


class Field:
    """A visit of An and Bo with two findings, and the verbs in one transaction each."""

    def __init__(self, make):
        self.make = make
        self.an, self.bo = make.officer(name="安"), make.officer(name="博")
        self.task = make.task(team=(self.an, self.bo), checklist_code="lodging")
        self.visit = make.visit(self.task, self.an, self.bo)
        self.findings = [make.finding(self.visit, self.an, text) for text in ("池水浑浊", "无证")]
        self.chen = make.supervisor()

    def issue(self, *findings, officer=None, order_id=None, **values):
        officer = officer or self.an
        items = [OrderItem(one.text, one.id) for one in findings or self.findings]
        given = {"correct_within_days": 15, **values}
        with transaction():
            return orders.issue_order(
                order_id or new_id(),
                self.visit.id,
                NewOrder(items=items, number="2026-0001", **given),
                officer_id=officer.id,
                recorded_at=self.make.at,
                by=self.make.tablet_of(officer),
                at=self.make.at,
            )

    def later(self, **delta):
        self.make.clock.forward(**delta)

    def follow(self):
        with transaction():
            catalogue.load_defaults(by=self.make.by(), at=self.make.at)
        return follow_orders(at=self.make.at)

    def order(self):
        db.session.remove()
        return db.session.scalars(sa.select(CorrectiveOrder)).one()

    def rechecks(self):
        db.session.remove()
        return db.session.scalars(sa.select(Task).where(Task.origin == "recheck")).all()

    def supervise(self, verb, *args, **values):
        with transaction():
            return verb(*args, **values, by=self.chen, at=self.make.at)

    def entries(self, event):
        found = db.session.scalars(sa.select(JournalEntry).where(JournalEntry.event == event))
        return [one.text for one in found]


def test_an_order_has_its_items_and_the_last_day_of_its_term(field):
    issued = field.issue()

    assert not issued.again
    order = field.order()
    assert (order.state, order.issued_on, order.due_on) == ("open", TODAY, date(2026, 12, 6))
    assert [one.finding_id for one in order.items] == [one.id for one in field.findings]
    assert (order.unit_id, order.specialty) == (field.task.unit_id, "public-places")


def test_the_journal_tells_of_an_order_without_its_words(field):
    field.issue()
    (entry,) = field.entries("corrective-order.issued")
    assert "池水" not in entry
    assert str(field.findings[0].id) in entry


def test_the_other_tablets_order_of_the_same_findings_makes_no_second_one(field):
    first = field.issue()
    again = field.issue(*reversed(field.findings), officer=field.bo)

    assert again.again
    assert again.order.id == first.order.id
    assert len(field.entries("corrective-order.issued")) == 1


def test_the_same_findings_by_another_term_are_kept_apart_for_a_person(field):
    field.issue()
    with pytest.raises(orders.OrderDiffers):
        field.issue(officer=field.bo, correct_within_days=3)
    with pytest.raises(orders.OrderDiffers):
        field.issue(officer=field.bo, correct_within_days=None, due_on=date(2026, 12, 6))


def test_a_finding_is_ordered_to_be_corrected_once(field):
    first = field.issue(field.findings[0])
    with pytest.raises(orders.FindingAlreadyOrdered):
        field.issue(officer=field.bo)
    with pytest.raises(orders.OrderDiffers):
        field.issue(field.findings[1], order_id=first.order.id)


def test_an_order_names_findings_of_its_own_visit_and_one_term(field):
    other = field.make.task(team=(field.an, field.bo))
    stranger = field.make.finding(field.make.visit(other, field.an), field.an)
    with pytest.raises(orders.FindingUnknown):
        field.issue(stranger)
    with pytest.raises(orders.OrderTermWrong):
        field.issue(correct_within_days=None)
    with pytest.raises(orders.OrderTermWrong):
        field.issue(due_on=date(2026, 12, 1))


def test_an_order_of_who_is_not_on_the_task_any_more_waits_for_a_supervisor(field):
    cai = field.make.officer(name="蔡")
    with pytest.raises(contributing.LateContribution):
        field.issue(officer=cai)


def test_a_handed_over_day_is_the_day(field):
    field.issue(correct_within_days=None, due_on=date(2026, 11, 30))
    assert field.order().due_on == date(2026, 11, 30)


def test_when_the_term_is_over_the_timetable_makes_one_recheck_task(field):
    field.issue(field.findings[0], correct_within_days=3)
    assert field.order().due_on == date(2026, 11, 25)
    assert field.follow() == "nothing due"

    field.later(days=5)
    assert field.follow() == "1 recheck-due"
    assert field.follow() == "nothing due"

    (task,) = field.rechecks()
    order = field.order()
    assert (order.state, order.recheck_task_id) == ("recheck-due", task.id)
    assert (task.origin_reference, task.unit_id) == (order.number, order.unit_id)
    assert (task.specialty, task.checklist_code) == ("public-places", "lodging")
    assert (task.state, task.due_on) == ("pending", date(2026, 12, 9)), "ten working days after"


def test_a_recheck_task_carries_the_teams_outcome_back_to_the_order(field):
    field.issue(correct_within_days=0)
    field.later(days=2)
    field.follow()
    (task,) = field.rechecks()
    ids = [field.an.id, field.bo.id]

    def step(verb, *args, **values):
        field.supervise(getattr(tasks, verb), task.id, *args, **values)

    step("assign_task", ids, ids[0])
    step("accept_task", officer_id=ids[0])
    step("start_task", officer_id=ids[0])
    step("submit_task", "ordered-to-correct")
    assert field.follow() == "nothing due", "a supervisor has not completed it yet"
    step("complete_task")

    assert field.follow() == "1 overdue"
    assert field.order().state == "overdue"
    assert field.follow() == "nothing due"
    concluded = field.supervise(
        orders.conclude_order, field.order().id, complied=True, note="再次复查已改正"
    )
    assert concluded.state == "complied"


def test_a_term_without_calendar_stays_open_and_is_computed_once_the_year_is_loaded(field):
    with transaction():
        db.session.execute(
            sa.update(CatalogueRow)
            .where(CatalogueRow.kind == "calendar", CatalogueRow.code == "2026")
            .values(code="2025x", body={"name": "x", "days": []})
        )
    field.issue(correct_within_days=5)
    order = field.order()
    assert (order.due_on, order.due_reason) == (None, "calendar-2026-missing")
    assert (order.state, follow_orders(at=field.make.at)) == ("open", "1 waiting")

    assert field.follow() == "1 due-computed"
    order = field.order()
    assert (order.due_on, order.due_reason) == (date(2026, 11, 27), None)


def test_an_order_of_a_unit_without_any_kind_is_flagged_and_gets_no_task(field):
    field.issue(correct_within_days=0)
    with transaction():
        db.session.execute(sa.update(CorrectiveOrder).values(specialty=None))
    field.later(days=2)
    assert field.follow() == "1 recheck-due"
    assert (field.order().state, field.order().recheck_task_id) == ("recheck-due", None)
    assert field.follow() == "nothing due"


def test_an_order_that_cannot_be_followed_stands_in_nobodys_way(field):
    field.issue(field.findings[0], correct_within_days=0)
    field.issue(field.findings[1], correct_within_days=0)
    with transaction():
        first = db.session.scalars(sa.select(CorrectiveOrder.id)).first()
        db.session.execute(
            sa.update(CorrectiveOrder)
            .where(CorrectiveOrder.id == first)
            .values(specialty="gone-from-the-catalogue")
        )
    field.later(days=2)
    assert field.follow() == "1 recheck-due, 1 refused"
    assert len(field.rechecks()) == 1


def test_a_triggered_visits_order_is_rechecked_as_the_unit_is_registered(field):
    unit = field.make.unit()
    officer = field.an
    visit_id = triggered_visit_id(unit.id, TODAY, [officer.id], None)
    start = service.Start(None, unit.id, "lodging", 1, reason="群众反映")
    who = {"officer_id": officer.id, "by": field.make.tablet_of(officer), "at": field.make.at}
    with transaction():
        service.start_visit(visit_id, start, **who, device_id=None, recorded_at=field.make.at)
        order = orders.issue_order(
            new_id(),
            visit_id,
            NewOrder([OrderItem("未公示许可证")], "2026-0002", correct_within_days=3),
            **who,
            recorded_at=field.make.at,
        ).order
    assert (order.task_id, order.specialty) == (None, "public-places")
    assert (order.object_class, order.checklist_code) == ("lodging", "lodging")


def test_overdue_cannot_be_said_while_the_term_runs(field):
    order = field.issue().order
    with pytest.raises(orders.OrderStateWrong):
        field.supervise(orders.conclude_order, order.id, complied=False, note="不改")
    done = field.supervise(orders.conclude_order, order.id, complied=True, note="当场改正")
    assert (done.state, done.note) == ("complied", "当场改正")
    with pytest.raises(orders.OrderStateWrong):
        field.supervise(orders.conclude_order, order.id, complied=True, note="再说一次")
    field.later(days=60)
    assert field.follow() == "nothing due"


def test_another_agencys_order_does_not_exist(field):
    order = field.issue().order
    there = field.make.supervisor(field.make.agency("310107", "普陀区卫生监督所"))
    with pytest.raises(orders.OrderUnknown):
        orders.get_order(order.id, there.agency_id)


def test_orders_are_read_and_concluded_over_http(field):
    order = field.issue().order
    client = field.make.signed_in(Role.SUPERVISOR)
    path = f"/api/v1/orders/{order.id}"
    listed = client.get(f"/api/v1/orders?state=open&unit_id={order.unit_id}&due_until=2026-12-31")
    assert [one["id"] for one in listed.json["items"]] == [str(order.id)]
    assert client.get("/api/v1/orders?due_until=2026-11-30").json == {"items": []}
    read = client.get(path)
    assert read.json["items"][0]["text"] == "池水浑浊"
    body = {"complied": True, "note": "复查已改正"}
    assert client.post(f"{path}/conclude", json=body).status_code == 428
    done = client.post(f"{path}/conclude", json=body, headers={"If-Match": read.headers["ETag"]})
    assert (done.status_code, done.json["state"]) == (200, "complied")
    stale = client.post(f"{path}/conclude", json=body, headers={"If-Match": read.headers["ETag"]})
    assert stale.status_code == 412


def test_the_jobs_name_is_on_the_timetable():
    assert jobs.JOBS["follow-orders"].run is follow_orders


# --- samples -----------------------------------------------------------------------------------


def new_sample(**values):
    given = {
        "name": "泳池水",
        "amount": "500ml×2",
        "method": "GB/T 18204.6",
        "taken_at": datetime(2026, 11, 21, 0, 30, tzinfo=UTC),
        **values,
    }
    return NewSample(**given)


class Laboratory(Field):
    """The same visit, from which samples go out."""

    def take(self, new=None, *, officer=None, sample_id=None):
        officer = officer or self.an
        with transaction():
            return samples.record_sample(
                sample_id or new_id(),
                self.visit.id,
                new or new_sample(),
                officer_id=officer.id,
                recorded_at=self.make.at,
                by=self.make.tablet_of(officer),
                at=self.make.at,
            )

    def submit(self, outcome="no-problem"):
        with transaction():
            tasks.submit_task(self.task.id, outcome, by=self.chen, at=self.make.at)

    def report(self, sample, result=SampleResult.QUALIFIED, outcome=None, by=None):
        with transaction():
            report = Report(result, "HJ-2026-88", date(2026, 12, 1), "余氯合格")
            return samples.record_result(
                sample.id, report, outcome=outcome, by=by or self.chen, at=self.make.at
            )

    def now(self):
        db.session.remove()
        return db.session.get_one(Task, self.task.id)


@pytest.fixture
def laboratory(make, app_context):
    return Laboratory(make)


def test_a_task_awaits_results_while_a_sample_of_its_visit_is_out(laboratory):
    sample = laboratory.take().sample
    laboratory.submit("no-problem")

    assert laboratory.now().awaiting_results
    assert laboratory.now().state_name == "待检测"
    with pytest.raises(TaskStateWrong):
        laboratory.supervise(tasks.complete_task, laboratory.task.id)
    with pytest.raises(tasks.SamplesOut):
        laboratory.supervise(tasks.record_results, laboratory.task.id, "no-problem")

    laboratory.report(sample, outcome="no-problem")
    assert (laboratory.now().state, laboratory.now().outcome) == ("completed", "no-problem")
    (stored,) = db.session.scalars(sa.select(Sample)).all()
    assert (stored.state, stored.result) == (SampleState.RESULTED, SampleResult.QUALIFIED)
    assert stored.reported_on == date(2026, 12, 1)


def test_a_sample_that_comes_after_the_task_was_submitted_lets_it_wait(laboratory):
    laboratory.submit()
    assert not laboratory.now().awaiting_results
    laboratory.take()
    assert laboratory.now().awaiting_results
    laboratory.take(new_sample(name="毛巾"))
    assert len(laboratory.entries("task.results-awaited")) == 1


def test_the_task_is_completed_with_the_last_result_and_by_a_supervisor(laboratory):
    first, second = laboratory.take().sample, laboratory.take(new_sample(name="毛巾")).sample
    laboratory.submit("awaiting-results")
    officer = laboratory.make.actor(
        laboratory.make.account(Role.OFFICER, officer=laboratory.make.officer())
    )
    with pytest.raises(samples.OutcomeNotAsked):
        laboratory.report(first, outcome="no-problem")
    laboratory.report(first, SampleResult.UNQUALIFIED, by=officer)
    with pytest.raises(samples.OutcomeBySupervisor):
        laboratory.report(second, outcome="lead", by=officer)
    laboratory.report(second, by=officer)
    assert laboratory.now().state == "submitted"
    laboratory.supervise(tasks.record_results, laboratory.task.id, "lead")
    assert laboratory.now().state == "completed"


def test_a_result_is_recorded_once(laboratory):
    sample = laboratory.take().sample
    laboratory.report(sample)
    with pytest.raises(samples.SampleResultKnown):
        laboratory.report(sample, SampleResult.UNQUALIFIED)
    laboratory.submit()
    assert not laboratory.now().awaiting_results


def test_the_same_sample_again_is_one_and_another_under_its_number_is_kept_apart(laboratory):
    first = laboratory.take(new_sample(number="2026-0007"))
    again = laboratory.take(new_sample(number="2026-0007"), officer=laboratory.bo)
    assert (again.again, again.sample.id) == (True, first.sample.id)
    with pytest.raises(samples.SampleDiffers):
        laboratory.take(new_sample(number="2026-0007", lot="20261101"))
    with pytest.raises(samples.SampleDiffers):
        laboratory.take(new_sample(name="毛巾"), sample_id=first.sample.id)
    (entry,) = laboratory.entries("sample.recorded")
    assert "泳池" not in entry


def test_a_sample_without_task_or_of_a_stranger(laboratory):
    cai = laboratory.make.officer(name="蔡")
    with pytest.raises(contributing.LateContribution):
        laboratory.take(officer=cai)
    with pytest.raises(samples.SampleUnknown):
        samples.get_sample(new_id(), laboratory.an.agency_id)


def test_results_are_entered_over_http_on_the_version_that_was_seen(laboratory):
    sample = laboratory.take().sample
    laboratory.submit()
    client = laboratory.make.signed_in(Role.SUPERVISOR)
    path = f"/api/v1/samples/{sample.id}"
    listed = client.get(f"/api/v1/samples?state=awaited&visit_id={laboratory.visit.id}")
    assert [one["id"] for one in listed.json["items"]] == [str(sample.id)]
    read = client.get(path)
    assert read.json["taken_at"] == "2026-11-21T00:30:00.000Z"
    body = {"result": "unqualified", "report_no": "HJ-1", "reported_on": "2026-11-20"}
    assert client.post(f"{path}/result", json=body).status_code == 428
    seen = {"If-Match": read.headers["ETag"]}
    wrong = client.post(f"{path}/result", json={**body, "outcome": "nonsense"}, headers=seen)
    assert (wrong.status_code, wrong.json["type"]) == (422, "/problems/task-invalid")
    done = client.post(f"{path}/result", json={**body, "outcome": "lead"}, headers=seen)
    assert (done.status_code, done.json["result"]) == (200, "unqualified")
    assert laboratory.now().state == "completed"
