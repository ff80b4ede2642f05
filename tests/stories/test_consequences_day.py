"""From a finding to its consequence, as the people of an office live it, on both databases."""

import io
from datetime import date
from typing import Any

import flask
import openpyxl
import pytest

from app.units.rules import Registration
from tests.conftest import FixedClock
from tests.factories import Make
from tests.stories.house import House, line

POOL = (
    *("pp-licence", "pp-shown", "pp-archive", "pp-training", "pp-health-cert", "pp-testing"),
    *("pool-treatment", "pool-values", "pool-selftest", "pool-new-water", "pool-footbath"),
    *("pool-notice", "pool-swimwear", "pool-chemicals", "pp-disinfectant", "pp-toilet"),
    "pp-accident",
)
POOLS = "公共场所/游泳场所"


def house_on(flask_app: flask.Flask, make: Make, clock: FixedClock, on: str) -> House:
    """An office as it is on a day."""
    return House(flask_app, make, clock, date.fromisoformat(on))


@pytest.fixture
def spring(flask_app: flask.Flask, make: Make, clock: FixedClock) -> House:
    """The office in April 2026, the first month under Order 36."""
    return house_on(flask_app, make, clock, "2026-04-07")


def plan_draw(house: House, period: str, draw_on: str, due_on: str) -> str:
    """Chen plans a draw of pools: every one of them, by the weights of risk and credit."""
    plan = house.post(
        "chen",
        "/draw-plans",
        name=f"游泳场所{period}",
        year=2026,
        period=period,
        kind="district",
        strata={POOLS: [1, 1]},
        level="attended",
        draw_on=draw_on,
        due_on=due_on,
        exclusions=[],
        exclude_drawn=False,
    )
    return str(plan["id"])


def draw(house: House, plan_id: str) -> str:
    """The timetable freezes, auditor and clerk enter the dice, the timetable draws."""
    house.tick()
    (made,) = house.get("chen", f"/draw-plans/{plan_id}")["draws"]
    for who in ("auditor", "clerk"):
        house.post(who, f"/draws/{made['draw_no']}/dice", digits="31415926535897932384")
    house.tick()
    return str(made["draw_no"])


JUNE = {"from_on": "2026-06-01", "until_on": "2026-06-30"}


def read_sheet(data: bytes) -> list[list[Any]]:
    """The cells of a workbook."""
    (sheet,) = openpyxl.load_workbook(io.BytesIO(data)).worksheets
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def shown_of(house: House, subject_id: str) -> list[dict[str, Any]]:
    """What the channels show of a case or of a visit."""
    items = house.get("clerk", "/publications")["items"]
    return [one for one in items if one["subject_id"] == subject_id]


def weights(house: House, plan_id: str) -> dict[str, int]:
    """How many pools of each weight a freeze would hold today."""
    (stratum,) = house.get("chen", f"/draw-plans/{plan_id}/preview")["strata"]
    found: dict[str, int] = stratum["weights"]
    return found


def pay(house: House, case_id: str, on: str, receipt_no: str, **amounts: int) -> dict[str, Any]:
    """Money comes in at the bank; returns what is known of the case's money then."""
    path = f"/collections/{house.get('chen', f'/cases/{case_id}/collection')['id']}"
    said = {"paid_on": on, "method": "bank", "receipt_no": receipt_no, **amounts}
    found: dict[str, Any] = house.act("chen", path, "payments", **said)
    return found


def test_a_drawn_pool_without_licence(spring: House) -> None:
    """From the visit to the paid fine, the credit record, and the next quarter's weight.

    The amounts and the three late days are those of a published model case of 2021.
    """
    house = spring
    pool = house.make.unit(
        name="上海鹿城游泳会所有限公司",
        uscc="91350100M000100Y43",
        legal_representative="陈某",
        registrations=(Registration("public-places", "swimming"),),
        risk_class="C",
        credit_class="B",
    )
    unit_id = str(pool.id)
    plan_id = plan_draw(house, "2026-Q2", "2026-04-07", "2026-06-30")
    assert weights(house, plan_id) == {"20": 1}
    draw_no = draw(house, plan_id)

    # An and Bo go there: water that wants advice, and no licence
    house.day("2026-04-13")
    task = house.task_of(unit_id, origin="drawn")
    assert (task["origin_reference"], task["state"]) == (draw_no, "assigned")
    house.begin(task, "swimming")
    photo, water = (house.upload(house.an, number) for number in (1, 2))
    house.answer_all(task, POOL, wrong={"pp-licence": photo, "pool-values": water})
    house.find(task, "泳池水浑浊度 1.2 NTU", "opinion")
    lead = house.find(task, "不能出示公共场所卫生许可证，正在营业", "lead", attachments=[photo])
    house.push(
        house.an,
        house.paper(
            house.an,
            task,
            "opinion",
            "opinion.issue",
            problem="泳池水浑浊度超出限值",
            basis="公共场所卫生管理条例",
            advice="立即换水并检测",
            deadline_on="2026-04-20",
        ),
    )
    house.end(task, "lead", "未取得卫生许可证营业")

    # Chen completes the task; the lead waits until a case is opened from it
    house.day("2026-04-14")
    house.act("chen", f"/tasks/{task['id']}", "complete")
    assert [one["id"] for one in house.get("chen", "/leads")["items"]] == [lead]
    said = house.get("chen", f"/outcomes/visits/{task['visit_id']}")
    assert "发现问题待后续处理" in str(said)
    case = house.post(
        "an",
        "/cases",
        source="finding",
        finding_id=lead,
        unit_id=unit_id,
        cause_code="pp-without-licence",
        party={"kind": "organisation", "name": pool.name, "representative": "陈某"},
        act="未取得公共场所卫生许可证擅自营业",
        acted_on="2026-04-13",
        on="2026-04-14",
    )
    case_id = case["id"]
    assert house.get("chen", "/leads")["items"] == []

    # filed, with evidence of its kinds; discretion has its reasons
    house.day("2026-04-15")
    house.step("chen", case_id, "file", reason="涉嫌违法", officers=house.pair)
    house.step("an", case_id, "collect", kind="on-site-record", name="现场笔录", source="现场制作")
    house.step(
        "an",
        case_id,
        "collect",
        kind="audiovisual",
        name="营业现场照片",
        source="现场拍摄",
        evidence=[photo["sha256"]],
    )
    proposal = house.post("an", f"/cases/{case_id}/discretion", gains_fen=4_532_200)
    assert (proposal["benchmark"], proposal["low_fen"], proposal["high_fen"]) == (
        "none",
        50_000,
        500_000,
    )
    assert house.get("fang", f"/cases/{case_id}/like-cases")["measure"] == "amount"

    # no decision without the notice; defence is heard and checked
    house.day("2026-05-08")
    facts = "2026年2月至4月未取得卫生许可证经营游泳场所，收入 45,322 元。"
    house.step("an", case_id, "conclude", facts=facts, proposal="punish", gains_fen=4_532_200)
    lines = [line("warning"), line("confiscated-gains", 3_459_200), line("fine", 360_000)]
    early = house.refused_step("chen", case_id, "decide", lines=lines, number="早", facts=facts)
    assert early["article"] == "行政处罚法 第四十四条、第六十二条"
    house.day("2026-05-11")
    house.step(
        "an",
        case_id,
        "notify",
        lines=lines,
        facts=facts,
        reasons="违反公共场所卫生管理条例",
        basis="公共场所卫生管理条例实施细则第三十五条",
        rights="有权陈述、申辩",
    )
    house.day("2026-05-12")
    house.step("an", case_id, "hear-defence", statement="已在补办许可证，请求从轻")
    house.step("an", case_id, "recheck-defence", accepted=True, conclusion="予以采纳")

    # decided on day 51 of 90, served on the spot, shown on portal and credit site within 7 days
    house.day("2026-06-05")
    number = "沪长卫公罚〔2026〕1号"
    house.step("chen", case_id, "decide", lines=lines, number=number, facts=facts)
    terms = {
        one["rule_code"]: one for one in house.get("an", f"/cases/{case_id}/deadlines")["items"]
    }
    assert (terms["decide"]["due_on"], terms["decide"]["met_on"]) == ("2026-07-14", "2026-06-05")
    house.step("an", case_id, "serve", mode="direct")
    house.day("2026-06-08")
    shown = shown_of(house, case_id)
    assert {one["channel"]: (one["state"], one["due_on"]) for one in shown} == {
        "portal": ("public", "2026-06-16"),
        "credit-site": ("public", "2026-06-16"),
    }
    sheet = read_sheet(house.file("clerk", "/publications/decisions/export", **JUNE))
    assert number in str(sheet)
    assert [sheet[1][16], sheet[1][17]] == ["0.360000", "3.459200"]

    # the fifteenth day is a Saturday, and does not move: three late days cost 324 yuan
    house.day("2026-06-23")
    money = house.get("chen", f"/cases/{case_id}/collection")
    assert (money["due_on"], money["balance"]["late_days"]) == ("2026-06-20", 3)
    assert money["balance"]["surcharge_fen"] == 32_400
    owed = {"confiscated_fen": 3_459_200, "fine_fen": 360_000, "surcharge_fen": 32_400}
    assert pay(house, case_id, "2026-06-23", "沪财 0001", **owed)["state"] == "settled"
    house.day("2026-06-24")
    house.step("chen", case_id, "close", note="罚款、没收款和加处罚款已缴清")
    house.day("2026-06-25")
    kinds = {one["kind"] for one in house.get("clerk", "/report-cards")["items"]}
    assert {"inspection", "case-served", "case-closed"} <= kinds

    # the record weighs in the next quarter's draw, until the decision is repaired
    entries = house.get("clerk", "/credit-entries", unit_id=unit_id)["items"]
    assert [(one["kind"], one["tier"]) for one in entries] == [("penalty", "general")]
    house.day("2026-07-07")
    next_id = plan_draw(house, "2026-Q3", "2026-07-07", "2026-09-30")
    assert weights(house, next_id) == {"40": 1}
    repair = {
        "entry_id": entries[0]["id"],
        "applicant": pool.name,
        "pledge": "承诺守法经营",
        "pledged_on": "2026-07-07",
        "parts": [{"kind": kind, "sha256": house.stored()} for kind in ("pledge", "performance")],
    }
    early = house.not_yet("clerk", "/credit-repairs", **repair)
    assert (early["type"], early["min_end"]) == ("/problems/credit-repair-too-early", "2026-09-05")
    house.day("2026-09-07")
    asked = house.post("clerk", "/credit-repairs", **repair)
    asked_path = f"/credit-repairs/{asked['id']}"
    house.act("chen", asked_path, "check", fulfilled=True, note="已缴清并取得许可证")
    same = house.refused("chen", asked_path, "decide", approve=True, opinion="准予")
    assert same["type"] == "/problems/credit-repair-same-person"
    house.act("gao", asked_path, "decide", approve=True, opinion="准予修复")
    house.day("2026-09-08")
    assert {one["state"] for one in shown_of(house, case_id)} == {"repaired"}
    assert pool.name not in house.make.flask_app.test_client().get("/public/decisions").text
    house.day("2026-10-08")
    assert weights(house, plan_draw(house, "2026-Q4", "2026-10-08", "2026-12-20")) == {"20": 1}

    # one file, one dossier
    assert house.file("fang", f"/cases/{case_id}/file.pdf").startswith(b"%PDF")
    dossier = house.get("chen", f"/units/{unit_id}/dossier")
    assert number in str(dossier)
