"""What other organs, review, suit and court do to a case, on both databases."""

from datetime import date
from typing import Any

import flask
import pytest

from app.units.rules import Registration
from tests.conftest import FixedClock
from tests.factories import Make
from tests.stories.house import House, line

FACTS = "未取得卫生许可证经营游泳场所"
LINES = [line("warning"), line("fine", 360_000)]
NOTICE = {
    "lines": LINES,
    "facts": FACTS,
    "reasons": "违反公共场所卫生管理条例",
    "basis": "公共场所卫生管理条例实施细则第三十五条",
    "rights": "有权陈述、申辩",
}


@pytest.fixture
def spring(flask_app: flask.Flask, make: Make, clock: FixedClock) -> House:
    """The office in April 2026."""
    return House(flask_app, make, clock, date(2026, 4, 7))


def pool_of(house: House) -> str:
    unit = house.make.unit(
        name="上海鹿城游泳会所有限公司",
        uscc="91350100M000100Y43",
        registrations=(Registration("public-places", "swimming"),),
        credit_class="B",
    )
    return str(unit.id)


def opened(house: House, unit_id: str | None, **origin: Any) -> str:
    """An opens a case against the pool."""
    case = house.post(
        "an",
        "/cases",
        unit_id=unit_id,
        cause_code="pp-without-licence",
        party={"kind": "organisation", "name": "上海鹿城游泳会所有限公司"},
        act="未取得公共场所卫生许可证擅自营业",
        acted_on=house.today,
        on=house.today,
        **origin,
    )
    return str(case["id"])


def decided(house: House, case_id: str, number: str) -> None:
    """The rest of the procedure, the party waiving its defence; served on the spot."""
    house.step("an", case_id, "conclude", facts=FACTS, proposal="punish")
    house.step("an", case_id, "notify", **NOTICE)
    house.step("an", case_id, "waive-defence", hearing=True)
    house.step("chen", case_id, "decide", lines=LINES, number=number, facts=FACTS)
    house.step("an", case_id, "serve", mode="direct")


def money_of(house: House, case_id: str) -> dict[str, Any]:
    found: dict[str, Any] = house.get("chen", f"/cases/{case_id}/collection")
    return found


def counted(house: House) -> dict[tuple[str, str, bool], tuple[int, int]]:
    items = house.get("chen", "/case-transfers/counts")["items"]
    return {
        (one["direction"], one["kind"], one["criminal"]): (one["count"], one["answered"])
        for one in items
    }


def test_a_matter_from_another_organ_ends_before_the_court(spring: House) -> None:
    """移送 in, 协查 and 磋商, to the police and back, review upheld, 催告, 申请强制执行."""
    house = spring
    unit_id = pool_of(house)

    # the street's team hands the matter over; the case is opened from that entry
    came = house.post(
        "chen",
        "/case-transfers",
        direction="in",
        kind="hand-over",
        organ="新华路街道综合行政执法队",
        subject="游泳会所无证经营",
        number="新综移〔2026〕7号",
        on="2026-04-07",
        unit_id=unit_id,
    )
    case_id = opened(house, None, source="transfer", transfer_id=came["id"])
    case = house.get("an", f"/cases/{case_id}")
    assert (case["source_reference"], case["unit_id"]) == ("新综移〔2026〕7号", unit_id)
    path = f"/case-transfers/{came['id']}"
    assert house.get("chen", path)["case_id"] == case_id
    house.step("chen", case_id, "file", reason="涉嫌违法", officers=house.pair)
    house.act("chen", path, "answer", result="filed", on="2026-04-07", note="已立案")
    again = house.refused("chen", path, "answer", result="declined", on="2026-04-07")
    assert again["type"] == "/problems/transfer-answered"

    # help is asked for and given, and the prosecutors are conferred with
    house.step("an", case_id, "collect", kind="on-site-record", name="现场笔录", source="现场制作")
    asked = house.post(
        "chen",
        "/case-transfers",
        direction="out",
        kind="assistance",
        organ="市场监督管理局",
        subject="请协助核实登记信息",
        on="2026-04-07",
        case_id=case_id,
    )
    house.day("2026-04-13")
    helped = {"result": "completed", "on": "2026-04-13", "note": "登记信息属实"}
    house.act("chen", f"/case-transfers/{asked['id']}", "answer", **helped)
    house.post(
        "chen",
        "/case-transfers",
        direction="out",
        kind="consultation",
        organ="长宁区人民检察院",
        subject="是否涉嫌犯罪",
        on="2026-04-13",
        case_id=case_id,
        criminal=True,
    )

    # the police look at it for thirty days; nothing is done meanwhile, and the days do not count
    house.step("chen", case_id, "transfer", organ="公安分局", criminal=True, reason="涉嫌犯罪")
    away = house.refused_step("an", case_id, "conclude", facts=FACTS, proposal="punish")
    assert away["type"] == "/problems/case-state-wrong"
    house.day("2026-05-13")
    house.step("chen", case_id, "take-back", reason="不构成犯罪，退回处理")
    assert counted(house) == {
        ("in", "hand-over", False): (1, 1),
        ("in", "hand-over", True): (0, 0),
        ("in", "assistance", False): (0, 0),
        ("in", "assistance", True): (0, 0),
        ("in", "consultation", False): (0, 0),
        ("in", "consultation", True): (0, 0),
        ("out", "hand-over", False): (0, 0),
        ("out", "hand-over", True): (1, 1),
        ("out", "assistance", False): (1, 1),
        ("out", "assistance", True): (0, 0),
        ("out", "consultation", False): (0, 0),
        ("out", "consultation", True): (1, 0),
    }
    terms = house.get("an", f"/cases/{case_id}/deadlines")["items"]
    (decide,) = [one for one in terms if one["rule_code"] == "decide"]
    assert decide["due_on"] == "2026-08-05", "ninety days from 04-07, and thirty away"
    decided(house, case_id, "沪长卫公罚〔2026〕1号")

    # nothing is paid: no demand before the term is over, none while a review runs
    collection = f"/collections/{money_of(house, case_id)['id']}"
    early = house.refused("chen", collection, "demand", demanded_on="2026-05-13")
    assert early["type"] == "/problems/collection-state-wrong"
    house.day("2026-06-01")
    begun = {"kind": "review", "organ": "长宁区人民政府", "number": "长府复〔2026〕9号"}
    house.step("an", case_id, "begin-remedy", **begun)
    (review,) = house.get("fang", f"/cases/{case_id}/remedies")["items"]
    assert (money_of(house, case_id)["standing"], review["result"]) == ("paused", None)
    late = money_of(house, case_id)["balance"]["late_days"]
    house.refused("chen", collection, "demand", demanded_on="2026-06-01")
    closing = house.refused_step("chen", case_id, "close", note="结案")
    assert (closing["type"], closing["fine_fen"]) == ("/problems/money-outstanding", 360_000)

    # upheld long after: the party has fifteen days to sue, then the court can be asked
    house.day("2026-11-30")
    ended = {"remedy_id": review["id"], "result": "upheld"}
    house.step("an", case_id, "end-remedy", **ended)
    money = money_of(house, case_id)
    assert money["balance"]["late_days"] == late, "no day of the review counts"
    assert (money["court_opens_on"], money["court_closes_on"]) == ("2026-12-16", "2027-03-15")
    house.day("2026-12-01")
    demanded = house.act("chen", collection, "demand", demanded_on="2026-12-01")
    assert demanded["demand_due_on"] == "2026-12-15"
    undemanded = house.refused(
        "chen", collection, "court", applied_on="2026-12-01", court_name="长宁区人民法院"
    )
    assert undemanded["article"] == "行政强制法 第五十四条"
    house.day("2026-12-16")
    assert "demand-over" in {one["kind"] for one in money_of(house, case_id)["alerts"]}
    asked_court = {"applied_on": "2026-12-16", "court_name": "长宁区人民法院"}
    assert house.act("chen", collection, "court", **asked_court)["standing"] == "in-court"
    house.day("2026-12-30")
    through = {"concluded_on": "2026-12-30", "note": "法院强制执行到位"}
    assert house.act("chen", collection, "conclude", **through)["state"] == "enforced"
    house.step("chen", case_id, "close", note="已强制执行")
    assert house.get("chen", f"/cases/{case_id}")["state"] == "closed"


def test_a_decision_that_a_court_changed_stands_as_it_was_changed(spring: House) -> None:
    """Paid, sued over, made lighter: money comes back, the credit record is written anew."""
    house = spring
    unit_id = pool_of(house)
    case_id = opened(house, unit_id, source="superior", source_reference="交办〔2026〕3号")
    house.step("chen", case_id, "file", reason="涉嫌违法", officers=house.pair)
    house.step("an", case_id, "collect", kind="on-site-record", name="现场笔录", source="现场制作")
    decided(house, case_id, "沪长卫公罚〔2026〕2号")
    house.day("2026-04-13")
    paid = {"paid_on": "2026-04-13", "method": "bank", "receipt_no": "沪财 0200"}
    collection = f"/collections/{money_of(house, case_id)['id']}"
    assert house.act("chen", collection, "payments", **paid, fine_fen=360_000)["state"] == "settled"
    house.step("an", case_id, "begin-remedy", kind="suit", organ="长宁区人民法院")
    (suit,) = house.get("fang", f"/cases/{case_id}/remedies")["items"]

    # what the court made of it has to be said, and only then
    house.day("2026-05-11")
    ended = {"remedy_id": suit["id"], "head_attended": True}
    for said in ({"result": "changed"}, {"result": "upheld", "lines": LINES}):
        wrong = house.refused_step("an", case_id, "end-remedy", **ended, **said)
        assert wrong["type"] == "/problems/remedy-lines-wrong"
    lighter = [line("warning"), line("fine", 100_000)]
    house.step("an", case_id, "end-remedy", **ended, result="changed", lines=lighter)

    case = house.get("chen", f"/cases/{case_id}")
    assert (case["fine_fen"], case["revoked_on"]) == (100_000, None)
    money = money_of(house, case_id)
    assert (money["fine_fen"], money["refund_fen"], money["state"]) == (100_000, 260_000, "settled")
    house.day("2026-05-12")
    shown = house.get("clerk", "/publications")["items"]
    ended_on = {(one["state"], one["withdraw_due_on"]) for one in shown}
    assert ended_on == {("withdrawn", "2026-05-14")}
    entries = house.get("clerk", "/credit-entries", unit_id=unit_id)["items"]
    made = [(one["kind"], one["data"].get("fine_fen")) for one in entries]
    assert made == [("penalty", 360_000), ("reversal", None), ("penalty", 100_000)]

    # the other organ's own revocation ends the rest, and all of it comes back
    house.step("chen", case_id, "revoke", reason="自行纠正")
    assert money_of(house, case_id)["refund_fen"] == 360_000
    kinds = [one["kind"] for one in house.get("clerk", "/credit-entries", unit_id=unit_id)["items"]]
    assert kinds.count("reversal") == kinds.count("penalty") == 2
