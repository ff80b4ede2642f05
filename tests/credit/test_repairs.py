"""Repair on both databases: never before the least term, decided by another, with its effects."""

import io
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.access import Role
from app.cases.following import follow_collections
from app.credit import repairs, service
from app.credit.rules import PledgePart
from app.db import db, transaction
from tests.cases.ordinary import Office
from tests.credit.desk import Desk


@pytest.fixture
def desk(make, app_context):
    return Desk(make)


def test_nobody_is_repaired_before_the_least_term(desk):
    desk.on(2027, 1, 11)
    entry = desk.record().entry  # decided on 2026-10-12
    with pytest.raises(repairs.RepairTooEarly) as raised:
        desk.apply(entry)
    assert raised.value.extras["min_end"] == date(2027, 1, 12)
    assert "第36号" in raised.value.extras["article"]
    desk.on(2027, 1, 12)
    assert desk.apply(entry).state == "applied"


def test_a_repair_is_checked_decided_by_another_and_weighs_no_more(desk):
    desk.on(2027, 2, 1)
    entry = desk.record().entry
    repair = desk.apply(entry)
    assert (repair.due_on, repair.due_reason) == (None, "calendar-2027-missing")
    with pytest.raises(repairs.RepairStateWrong):
        desk.decide(repair)
    desk.check(repair)
    with pytest.raises(repairs.RepairSamePerson):
        desk.decide(repair, by=desk.by)
    done = desk.decide(repair)

    assert (done.state, done.repair_entry_id is not None) == ("approved", True)
    standings = service.standings_on(desk.unit.agency_id, date(2027, 1, 31))
    assert standings[desk.unit.id].draw_class == "C"
    assert service.standings_on(desk.unit.agency_id, date(2027, 2, 1)) == {}
    with pytest.raises(repairs.RepairNotNeeded):
        desk.apply(entry)


def test_the_database_keeps_the_second_person(desk):
    desk.on(2027, 2, 1)
    repair = desk.check(desk.apply(desk.record().entry))
    statement = (
        "UPDATE credit_repair SET decided_by_id = checked_by_id, decided_by_kind = 'user',"
        " decided_at = checked_at, state = 'refused'"
    )
    with pytest.raises(IntegrityError), transaction():
        db.session.execute(sa.text(statement))
    assert repair.state == "checked"


def test_what_was_not_fulfilled_is_refused_not_approved_and_may_be_asked_again(desk):
    desk.on(2027, 2, 1)
    entry = desk.record().entry
    repair = desk.apply(entry)
    with pytest.raises(repairs.RepairPending):
        desk.apply(entry)
    desk.check(repair, fulfilled=False)
    with pytest.raises(repairs.RepairNotFulfilled):
        desk.decide(repair)
    assert desk.decide(repair, approve=False).state == "refused"
    assert desk.apply(entry).state == "applied"


def test_papers_are_asked_for_and_have_to_be_here(desk):
    desk.on(2027, 2, 1)
    entry = desk.record().entry
    with pytest.raises(repairs.RepairPartsMissing) as raised:
        desk.apply(entry, PledgePart.PLEDGE)
    assert raised.value.extras["parts"] == ["performance"]
    new = repairs.NewRepair(
        entry.id,
        "某公司",
        "承诺",
        date(2027, 1, 1),
        tuple(repairs.Part(one, "0" * 64) for one in (PledgePart.PLEDGE, PledgePart.PERFORMANCE)),
    )
    with pytest.raises(repairs.RepairPartUnknown), transaction():
        repairs.apply_for_repair(new, **desk.who)


def test_the_papers_of_an_application_come_in_at_the_desk_and_are_read_there(desk):
    desk.on(2027, 2, 1)
    entry = desk.record().entry
    clerk = desk.make.signed_in(Role.CLERK)

    def hand_in(data):
        return clerk.post("/api/v1/evidence", data={"file": (io.BytesIO(data), "材料.pdf")})

    refused = hand_in(b"just words")
    assert (refused.status_code, refused.json["type"]) == (422, "/problems/paper-refused")
    kept = hand_in(b"%PDF-1.7 pledge")
    assert (kept.status_code, kept.json["mime"]) == (201, "application/pdf")
    assert hand_in(b"%PDF-1.7 pledge").json["id"] == kept.json["id"]
    parts = [{"kind": one, "sha256": kept.json["sha256"]} for one in ("pledge", "performance")]
    body = {
        "entry_id": str(entry.id),
        "applicant": "某公司",
        "pledge": "依法诚信经营",
        "pledged_on": "2027-01-31",
        "parts": parts,
    }
    made = clerk.post("/api/v1/credit-repairs", json=body)
    assert made.status_code == 201, made.json
    papers = f"/api/v1/credit-repairs/{made.json['id']}/papers"
    auditor = desk.make.signed_in(Role.AUDITOR)
    assert auditor.get(f"{papers}/{kept.json['sha256']}").data == b"%PDF-1.7 pledge"
    other = desk.make.stored_evidence()
    assert auditor.get(f"{papers}/{other}").status_code == 404


@pytest.mark.parametrize(
    ("tier", "day"), [("minor", date(2026, 5, 1)), ("simple", date(2026, 3, 1))]
)
def test_what_is_not_shown_needs_no_repair(desk, tier, day):
    entry = desk.record(tier=tier, decided_on=day).entry
    with pytest.raises(repairs.RepairNotNeeded):
        desk.apply(entry)


def test_a_minor_one_that_is_shown_by_exception_is_repaired_as_soon_as_it_is_fulfilled(desk):
    entry = desk.record(tier="minor", decided_on=date(2026, 11, 20)).entry
    desk.settle(desk.propose(entry))
    assert desk.apply(entry).min_end == date(2026, 11, 20)


def test_the_figures_of_a_period_count_zeros_too(desk):
    clerk = desk.make.signed_in(Role.CLERK)
    path = "/api/v1/credit-figures?from_on=2027-01-01&until_on=2027-03-31"
    none = clerk.get(path).json
    assert (none["repairs"], none["checks"], none["cooperations"]) == (0, 0, 0)
    desk.on(2027, 2, 1)
    repair = desk.apply(desk.record().entry)
    desk.check(repair)
    desk.decide(repair)
    some = desk.make.signed_in(Role.CLERK).get(path).json
    assert (some["repairs"], some["repaired_units"], some["checks"]) == (1, 1, 1)
    assert some["repair_ids"] == [str(repair.id)]


def test_requests_of_others_are_answered_once(desk):
    clerk = desk.make.signed_in(Role.CLERK)
    body = {"from_organ": "市信用中心", "subject": "核对公示信息", "received_on": "2026-11-20"}
    made = clerk.post("/api/v1/credit-cooperations", json=body).json
    path = f"/api/v1/credit-cooperations/{made['id']}/answer"
    given = {"json": {"answer": "已核对"}}
    assert clerk.post(path, headers={"If-Match": '"1"'}, **given).status_code == 200
    assert clerk.post(path, headers={"If-Match": '"2"'}, **given).status_code == 409


def test_nobody_says_fulfilled_against_the_register_without_a_reason(make, clock, app_context):
    office, unit = Office(make, clock), make.unit()
    case = office.open(date(2026, 9, 1), unit_id=unit.id)
    office.until(
        case, "file", "collect", "conclude", "notify", "waive-defence", on=date(2026, 9, 1)
    )
    office.step(case, "decide", date(2026, 9, 11))
    office.step(case, "serve", date(2026, 9, 15))
    office.be(date(2026, 12, 14))
    follow_collections(at=make.at)
    clerk = make.signed_in(Role.CLERK)
    entry = clerk.get(f"/api/v1/credit-entries?unit_id={unit.id}").json["items"][0]
    sha256 = make.stored_evidence()
    body = {
        "entry_id": entry["id"],
        "applicant": "某公司",
        "pledge": "依法诚信经营",
        "pledged_on": "2026-12-14",
        "parts": [{"kind": one, "sha256": sha256} for one in ("pledge", "performance")],
    }

    def apply():
        made = clerk.post("/api/v1/credit-repairs", json=body)
        return f"/api/v1/credit-repairs/{made.json['id']}"

    def act(path, verb, **data):
        match = {"If-Match": clerk.get(path).headers["ETag"]}
        return clerk.post(f"{path}/{verb}", json=data or None, headers=match)

    said = {"fulfilled": True, "note": "已核对"}
    owed = [("fine", 360_000), ("surcharge", 360_000)]  # 加处罚款 is no more than the fine
    path = apply()
    refused = act(path, "check", **said)
    assert (refused.status_code, refused.json["type"]) == (
        409,
        "/problems/credit-repair-duties-open",
    )
    assert [(one["kind"], one["amount_fen"]) for one in refused.json["open_duties"]] == owed
    assert "罚款尚欠3600.00元" in refused.json["detail"]
    reason = "已缴至法院执行账户，见执行裁定"
    assert act(path, "check", **said, open_reason=reason).status_code == 200
    shown = make.signed_in(Role.SUPERVISOR).get(path).json
    assert [(one["kind"], one["amount_fen"]) for one in shown["open_duties"]] == owed
    assert shown["open_reason"] == reason

    assert act(path, "withdraw").status_code == 200
    office.pay(case, date(2026, 9, 20))  # before the term was over: nothing was added
    office.be(date(2026, 12, 14))
    free = act(apply(), "check", **said, open_reason="不需要的理由")
    assert (free.status_code, free.json["open_duties"], free.json["open_reason"]) == (200, [], None)
