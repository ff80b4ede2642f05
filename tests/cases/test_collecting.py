"""The money of a case on both databases: paid, late, granted, paused, enforced, and closed."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.access import Role
from app.cases import balances, collecting, enforcing, ordinary, service
from app.cases.balances import CollectionStateWrong, CollectionUnknown, PaymentWrong
from app.cases.collecting import NewPayment
from app.cases.collecting_rules import CeasingGround, CollectionState, ReliefKind, Standing
from app.cases.following import follow_collections
from app.cases.models import PenaltyCase
from app.cases.money import Part, PaymentMethod, SpotGround
from app.cases.rules import CaseVerb, PartyKind, Sanction
from app.db import db, new_id, transaction

SERVED = date(2026, 11, 21)  # a decision on the spot is served when it is made
DUE = date(2026, 12, 6)
FINE = 300_000


@pytest.fixture
def desk(make, clock, app_context):
    return Desk(make, clock)


class Desk:
    """A case of An and Bo with a fine of 3,000 yuan, and the verbs of two supervisors."""

    def __init__(self, make, clock):
        self.make, self.clock = make, clock
        self.an, self.bo = make.officer(name="安"), make.officer(name="博")
        task = make.task(team=(self.an, self.bo), checklist_code="lodging")
        visit = make.visit(task, self.an)
        finding = make.finding(visit, self.an, "未取得卫生许可证")
        self.chen, self.wu = make.supervisor(), make.supervisor()
        decision = service.Decision(
            finding_id=finding.id,
            cause_code="pp-without-licence",
            party_kind=PartyKind.ORGANISATION,
            sanction=Sanction(warning=True, fine_fen=FINE),
            officer_ids=(self.an.id, self.bo.id),
            number="2026—001",
        )
        with transaction():
            self.case_id = service.decide_on_site(
                new_id(),
                visit.id,
                decision,
                officer_id=self.an.id,
                recorded_at=make.at,
                by=make.tablet_of(self.an),
                at=make.at,
            ).case.id

    @property
    def case(self):
        db.session.remove()
        return db.session.get_one(PenaltyCase, self.case_id)

    @property
    def collection(self):
        return balances.collection_of(self.case)

    @property
    def at(self):
        return self.clock.at

    def do(self, verb, *args, by=None, **values):
        """Let a supervisor do something to the money of the case."""
        with transaction():
            collection = balances.collection_of(db.session.get_one(PenaltyCase, self.case_id))
            return verb(collection.id, *args, **values, by=by or self.chen, at=self.at)

    def step(self, verb, on, **data):
        with transaction():
            new = ordinary.NewStep(on, data)
            return ordinary.take_step(self.case_id, verb, new, by=self.chen, at=self.at)

    def supervise(self, verb, *args):
        with transaction():
            return verb(self.case_id, *args, by=self.chen, at=self.at)

    def open(self):
        with transaction():
            case = db.session.get_one(PenaltyCase, self.case_id)
            return collecting.open_collection(case, by=self.chen, at=self.at)

    def pay(self, paid_on, receipt="A1", **amounts):
        given = {"method": PaymentMethod.BANK, **amounts}
        return self.do(collecting.record_payment, NewPayment(paid_on, receipt_no=receipt, **given))

    def left(self, day):
        found = balances.balance(self.collection, day)
        return found.fine_fen, found.surcharge.amount_fen, found.surcharge_unpaid_fen


def after(days):
    return DUE + timedelta(days=days)


def test_fifteen_days_from_service_without_a_shift_and_the_money_is_opened_once(desk):
    first = desk.open()
    assert (first.fine_fen, first.confiscated_fen, first.due_on) == (FINE, 0, DUE)
    assert DUE.isoweekday() == 7
    assert desk.open().id == first.id


def test_paid_in_time_it_is_settled_and_the_case_can_be_closed(desk):
    desk.supervise(service.file_case)
    desk.open()
    with pytest.raises(enforcing.MoneyOutstanding) as refused:
        desk.supervise(service.close_case, "结案")
    assert refused.value.extras["fine_fen"] == FINE
    desk.clock.forward(days=3)
    paid = desk.pay(SERVED + timedelta(days=3), fine_fen=FINE)
    assert (paid.state, paid.concluded_on) == ("settled", SERVED + timedelta(days=3))
    desk.supervise(service.close_case, "结案")
    assert desk.case.state == "closed"
    with pytest.raises(CollectionStateWrong):
        desk.pay(SERVED + timedelta(days=3), "A2", fine_fen=1)


def test_late_days_add_three_per_cent_apart_from_the_fine(desk):
    desk.open()
    desk.clock.forward(days=18)
    assert desk.left(after(3)) == (FINE, 27_000, 27_000)
    late = desk.pay(after(3), fine_fen=FINE)
    assert (late.state, late.fine_fen) == ("open", FINE)
    desk.clock.forward(days=30)
    assert desk.left(after(33)) == (0, 27_000, 27_000)
    settled = desk.pay(after(20), "A2", surcharge_fen=27_000)
    assert (settled.state, settled.fine_fen, settled.concluded_on) == ("settled", FINE, after(20))


def test_a_receipt_counts_once_and_never_twice_otherwise(desk):
    desk.open()
    desk.pay(SERVED, fine_fen=100_000)
    assert desk.pay(SERVED, fine_fen=100_000).version == desk.collection.version
    assert desk.left(SERVED)[0] == 200_000
    with pytest.raises(collecting.ReceiptTaken):
        desk.pay(SERVED, fine_fen=100_001)


@pytest.mark.parametrize(
    "values",
    [
        {"fine_fen": FINE + 1},
        {"fine_fen": 0},
        {"surcharge_fen": 1},
        {"confiscated_fen": 1},
        {"paid_on": SERVED - timedelta(days=1), "fine_fen": 1},
        {"paid_on": SERVED + timedelta(days=1), "fine_fen": 1},
    ],
)
def test_nobody_pays_more_than_is_due_or_on_a_day_that_cannot_be(desk, values):
    desk.open()
    with pytest.raises(PaymentWrong):
        desk.pay(**{"paid_on": SERVED, **values})


def test_officers_take_a_small_fine_or_one_that_is_hard_to_collect_and_hand_it_in(desk):
    desk.open()
    spot = {
        "method": PaymentMethod.ON_THE_SPOT,
        "officer_id": desk.an.id,
        "fine_fen": FINE,
    }
    with pytest.raises(collecting.SpotCollectionRefused) as refused:
        desk.pay(SERVED, spot_ground=SpotGround.SMALL, **spot)
    assert refused.value.extras["article"] == "行政处罚法 第六十八条"
    taken = desk.pay(SERVED, spot_ground=SpotGround.HARD_LATER, **spot)
    (payment,) = taken.payments
    assert payment.hand_in_due_on == date(2026, 11, 24)
    desk.clock.forward(days=4)
    assert "hand-in-late" in follow_collections(at=desk.at)
    with pytest.raises(PaymentWrong):
        desk.do(collecting.hand_in, payment.id, SERVED, SERVED - timedelta(days=1))
    desk.do(collecting.hand_in, payment.id, date(2026, 11, 23), date(2026, 11, 24))
    assert follow_collections(at=desk.at) == "nothing due"


def test_instalments_are_granted_by_another_person_and_late_only_from_their_own_days(desk):
    desk.open()
    parts = [Part(after(24), 100_000), Part(after(54), 200_000)]
    ask = (ReliefKind.INSTALMENTS, parts, "资金周转困难", SERVED)
    with pytest.raises(collecting.ReliefWrong):
        desk.do(collecting.ask_relief, ReliefKind.DELAY, *ask[1:])
    with pytest.raises(collecting.ReliefWrong):
        desk.do(collecting.ask_relief, ask[0], parts[:1], *ask[2:])
    (relief,) = desk.do(collecting.ask_relief, *ask).reliefs
    with pytest.raises(CollectionStateWrong):
        desk.do(collecting.ask_relief, *ask)
    decide = {"approved": True}
    with pytest.raises(collecting.SecondPersonNeeded):
        desk.do(collecting.decide_relief, relief.id, "同意", **decide)
    with pytest.raises(collecting.ReliefUnknown):
        desk.do(collecting.decide_relief, new_id(), "同意", by=desk.wu, **decide)
    desk.do(collecting.decide_relief, relief.id, "同意", by=desk.wu, **decide)

    assert balances.last_due_on(desk.collection) == after(54)
    assert desk.left(after(24)) == (FINE, 0, 0)
    assert desk.left(after(26)) == (FINE, 6_000, 6_000)


def test_a_refused_application_changes_nothing(desk):
    desk.open()
    ask = (ReliefKind.DELAY, [Part(after(30), FINE)], "资金周转困难", SERVED)
    (relief,) = desk.do(collecting.ask_relief, *ask).reliefs
    desk.do(collecting.decide_relief, relief.id, "不同意", approved=False, by=desk.wu)
    assert balances.last_due_on(desk.collection) == DUE
    with pytest.raises(CollectionStateWrong):
        desk.do(collecting.decide_relief, relief.id, "同意", approved=True, by=desk.wu)


def test_parts_that_no_longer_add_up_are_not_granted(desk):
    desk.open()
    ask = (ReliefKind.DELAY, [Part(after(30), FINE)], "资金周转困难", SERVED)
    (relief,) = desk.do(collecting.ask_relief, *ask).reliefs
    desk.pay(SERVED, fine_fen=1)
    with pytest.raises(collecting.ReliefWrong):
        desk.do(collecting.decide_relief, relief.id, "同意", approved=True, by=desk.wu)


def test_the_surcharge_stands_still_while_a_review_runs(desk):
    desk.open()
    desk.clock.forward(days=45)
    begun = {"kind": "review", "organ": "区人民政府", "number": "复议〔2026〕1号"}
    desk.step(CaseVerb.BEGIN_REMEDY, after(3), **begun)
    assert desk.left(after(20))[1] == 2 * 9_000
    assert balances.standing_of(desk.collection, after(20)) == Standing.PAUSED
    (pause,) = balances.summary(desk.collection, after(20))["pauses"]
    ended: dict[str, object] = {
        "remedy_id": str(pause.id),
        "result": "upheld",
        "head_attended": None,
        "lines": [],
    }
    desk.step(CaseVerb.END_REMEDY, after(22), **ended)
    assert desk.left(after(30))[1] == 10 * 9_000


def test_the_court_is_asked_after_the_demand_and_inside_its_three_months(desk, make):
    make.catalogue()
    desk.open()
    with pytest.raises(CollectionStateWrong):
        desk.do(enforcing.demand_payment, SERVED)
    desk.clock.forward(days=20)
    demanded = desk.do(enforcing.demand_payment, date(2026, 12, 11))
    assert demanded.demand_due_on == date(2026, 12, 25)
    with pytest.raises(enforcing.CourtRefused) as early:
        desk.do(enforcing.ask_court, date(2026, 12, 11), "长宁区人民法院")
    assert early.value.extras["article"] == "行政强制法 第五十四条"
    desk.clock.forward(days=150)
    with pytest.raises(enforcing.CourtRefused) as outside:
        desk.do(enforcing.ask_court, date(2027, 5, 10), "长宁区人民法院")
    assert outside.value.extras["opens_on"] == date(2027, 5, 22)
    assert outside.value.extras["closes_on"] == date(2027, 8, 21)
    desk.clock.forward(days=20)
    asked = desk.do(enforcing.ask_court, date(2027, 5, 25), "长宁区人民法院")
    assert balances.standing_of(asked, date(2027, 5, 26)) == Standing.IN_COURT
    ended = desk.do(enforcing.conclude_collection, date(2027, 5, 28), "执行到位", ground=None)
    assert ended.state == CollectionState.ENFORCED


def test_only_the_court_enforces_and_what_ceases_names_its_ground(desk):
    desk.open()
    with pytest.raises(CollectionStateWrong):
        desk.do(enforcing.conclude_collection, SERVED, "执行完毕", ground=None)
    ceased = desk.do(
        enforcing.conclude_collection, SERVED, "已注销，无财产", ground=CeasingGround.NO_ASSETS
    )
    assert (ceased.state, ceased.ceasing_ground) == ("ceased", "no-assets")
    enforcing.refuse_outstanding(desk.case, SERVED)


def test_the_timetable_opens_warns_and_flags_each_once(desk):
    assert follow_collections(at=desk.at) == "1 opened"
    assert follow_collections(at=desk.at) == "nothing due"
    desk.clock.forward(days=13)
    assert follow_collections(at=desk.at) == "1 due-soon"
    assert follow_collections(at=desk.at) == "nothing due"
    desk.clock.forward(days=3)
    assert follow_collections(at=desk.at) == "1 overdue"
    assert [one.kind for one in desk.collection.alerts] == ["due-soon", "overdue"]
    desk.clock.forward(days=235)
    assert follow_collections(at=desk.at) == "1 court-closing"
    desk.clock.forward(days=60)
    assert follow_collections(at=desk.at) == "1 court-closed"


def test_a_warning_alone_leaves_nothing_to_collect(desk):
    with transaction():
        db.session.execute(sa.text("DELETE FROM case_sanction WHERE kind = 'fine'"))
    db.session.remove()
    with pytest.raises(collecting.NothingToCollect):
        desk.open()
    with pytest.raises(CollectionUnknown):
        _ = desk.collection
    assert follow_collections(at=desk.at) == "nothing due"


def test_money_is_read_paid_and_granted_over_http(desk, make):
    client, other = make.signed_in(Role.SUPERVISOR), make.signed_in(Role.SUPERVISOR)
    there = make.signed_in(Role.SUPERVISOR, agency=make.agency("310107", "普陀区卫生监督所"))
    path = f"/api/v1/cases/{desk.case_id}/collection"
    assert client.get(path).status_code == 404
    opened = client.post(path).json
    assert (opened["standing"], opened["last_due_on"]) == ("due", "2026-12-06")
    shown = client.get(f"{path}?on=2026-12-09").json
    assert shown["balance"] == {
        "on": "2026-12-09",
        "fine_fen": FINE,
        "confiscated_fen": 0,
        "surcharge_fen": 27_000,
        "surcharge_unpaid_fen": 27_000,
        "surcharge_capped": False,
        "late_days": 3,
    }
    money = f"/api/v1/collections/{opened['id']}"
    assert client.get(f"{money}?on=2026-12-09").json == shown
    asked = client.post(
        f"{money}/reliefs",
        json={
            "kind": "delay",
            "reason": "资金周转困难",
            "applied_on": "2026-11-21",
            "parts": [{"due_on": "2027-01-05", "amount_fen": FINE}],
        },
        headers={"If-Match": f'"{shown["version"]}"'},
    )
    assert asked.status_code == 200, asked.json
    relief = asked.json["reliefs"][0]["id"]
    granted = other.post(
        f"{money}/reliefs/{relief}/decide",
        json={"approved": True, "answer": "同意延期"},
        headers={"If-Match": asked.headers["ETag"]},
    )
    assert granted.status_code == 200, granted.json
    assert granted.json["last_due_on"] == "2027-01-05"
    paid = client.post(
        f"{money}/payments",
        json={
            "paid_on": "2026-11-21",
            "method": "bank",
            "receipt_no": "沪财0001",
            "fine_fen": FINE,
        },
        headers={"If-Match": granted.headers["ETag"]},
    )
    assert (paid.json["state"], paid.json["standing"]) == ("settled", "settled")
    listed = client.get("/api/v1/collections?state=settled&due_before=2027-01-01").json
    assert [one["case_id"] for one in listed["items"]] == [str(desk.case_id)]
    assert (there.get(path).status_code, there.get(money).status_code) == (404, 404)
