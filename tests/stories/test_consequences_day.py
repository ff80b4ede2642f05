"""From a finding to its consequence, as the people of an office live it, on both databases."""

from typing import Any
from uuid import uuid4

from app.catalogue import seeds
from app.units.rules import LicenceData, LicenceKind, Registration
from tests.stories.asking import CLINIC, LODGING, numbers_of, pay, read_sheet, shown_of
from tests.stories.house import House


def test_a_clinic_corrects_and_keeps_its_points(spring: House) -> None:
    """责令改正 with its due date, the recheck that the timetable calls, and points to a notice."""
    house = spring
    clinic = house.make.unit(
        name="上海某某口腔门诊部有限公司",
        registrations=(Registration("medical", "outpatient"),),
        risk_class="B",
        credit_class="B",
    )
    unit_id = str(clinic.id)
    task = house.order_task(
        unit_id,
        specialty="medical",
        object_class="outpatient",
        origin="routine",
        checklist_code="medical-practice",
        due_on="2026-04-30",
    )
    house.day("2026-04-08")
    house.begin(task, "medical-practice")
    photo = house.upload(house.an, 4)
    house.answer_all(task, CLINIC, wrong={"md-staff": photo})
    badges = house.find(task, "医务人员未佩戴标牌", "order")
    staff = [house.find(task, f"{who}未取得资格从事诊疗", "points") for who in ("甲", "乙")]
    house.push(
        house.an,
        house.paper(
            house.an,
            task,
            ("corrective-order", "order.issue"),
            violation="医务人员未佩戴标牌",
            basis="医疗机构管理条例第三十条",
            demand="限期改正",
            correct_within_days=15,
            items=[{"text": "医务人员未佩戴标牌", "finding_id": badges}],
        ),
    )
    house.end(task, "ordered-to-correct", "责令限期改正")
    house.day("2026-04-09")
    house.act("chen", f"/tasks/{task['id']}", "complete")
    (order,) = house.get("chen", "/orders", unit_id=unit_id)["items"]
    assert (order["state"], order["due_on"]) == ("open", "2026-04-23")

    # points are given for both findings: the thresholds of the cycle are told
    for finding, reference in zip(staff, ("记〔2026〕1号", "记〔2026〕2号"), strict=True):
        said = {"kind": "points", "item": "mal-unqualified", "reference": reference}
        house.post("chen", f"/findings/{finding}/decisions", reason="使用非卫技人员", **said)
    tally = house.get("clerk", f"/credit-points/units/{unit_id}")
    assert (tally["total"], tally["thresholds"][0]["points"]) == (12, 12)
    (notice,) = house.get("clerk", "/credit-points/notices", unit_id=unit_id)["items"]
    sent = house.act("clerk", f"/credit-points/notices/{notice['id']}", "send", seen=notice)
    assert (sent["threshold"], sent["state"]) == (12, "sent")
    assert house.get("chen", "/findings", without_consequence="true")["items"] == []

    # the term is over: the timetable calls the recheck, whose outcome concludes the order
    house.day("2026-04-24")
    recheck = house.task_of(unit_id, origin="recheck")
    assert recheck["origin_reference"] == order["number"]
    assert house.get("chen", f"/orders/{order['id']}")["state"] == "recheck-due"
    task = house.assign(recheck["id"])
    house.day("2026-04-27")
    house.begin(task, "medical-practice")
    house.answer_all(task, CLINIC, wrong={})
    house.end(task, "no-problem", "已改正")
    house.act("chen", f"/tasks/{task['id']}", "complete")
    house.day("2026-04-28")
    assert house.get("chen", f"/orders/{order['id']}")["state"] == "complied"
    assert len(house.get("chen", "/tasks", origin="recheck")["items"]) == 1


def test_a_smoker_is_fined_on_the_spot_without_a_network(spring: House) -> None:
    """控烟: written offline under a number of the tablet's block, home in the evening, once."""
    house = spring
    hall = house.make.unit(
        name="长宁区某医院",
        registrations=(Registration("public-places", "waiting-clinic"),),
    )
    task = house.order_task(
        str(hall.id),
        specialty="public-places",
        object_class="waiting-clinic",
        origin="routine",
        due_on="2026-04-30",
    )
    house.day("2026-04-08")
    house.begin(task, "public-general")
    fact = "在候诊室吸烟，不听劝阻"
    said: dict[str, Any] = {
        "cause_code": "smoking",
        "party_kind": "citizen",
        "party_name": "张三",
        "act": fact,
        "penalty_kind": "fine",
        "basis": "上海市公共场所控制吸烟条例第十九条",
        "amount_fen": 10_000,
        "decided_at": "2026-04-08T01:00:00.000Z",
        "place": "候诊室",
        "payment": "当场缴纳",
        "remedies": "60日内申请行政复议，六个月内提起行政诉讼",
        "organ": "长宁区卫生健康委员会",
        "officer_ids": house.pair,
    }
    kind = ("on-site-decision", "decision.issue")
    first, second = str(uuid4()), str(uuid4())
    numbers = house.numbered(house.an, kind[0])
    written = [
        house.an.op("visit.state_finding", first, {"visit_id": task["visit_id"], "text": fact}),
        house.an.op(
            "visit.state_finding", second, {"visit_id": task["visit_id"], "text": "又一人"}
        ),
        house.paper(house.an, task, kind, at_number=numbers, finding_id=first, **said),
    ]
    too_much: dict[str, Any] = {**said, "finding_id": second, "amount_fen": 30_000}
    beyond = house.paper(house.an, task, kind, at_number=(numbers[0], numbers[1] + 1), **too_much)
    strange = house.paper(
        house.an,
        task,
        kind,
        at_number=(numbers[0], numbers[1] + 5_000),
        **{**said, "finding_id": second},
    )
    house.clock.forward(hours=8)  # no network all day
    house.sign_in()
    house.push(house.an, *written)
    house.push(house.an, *written, again=True)
    for paper, reason in ((beyond, "simple-limit-exceeded"), (strange, "number-not-yours")):
        (result,) = house.an.push([paper]).json["results"]
        assert (result["outcome"], result["reason"]) == ("quarantined", reason)
        if reason == "simple-limit-exceeded":
            assert result["problem"]["article"] == "行政处罚法 第五十一条"

    # one case; what was taken on the spot is handed in within two days; only the portal shows it
    (case,) = house.get("chen", "/cases")["items"]
    assert case["state"] == "decided-on-site"
    house.day("2026-04-09")
    house.act("chen", f"/cases/{case['id']}", "file")
    house.day("2026-04-10")
    money = pay(
        house,
        case["id"],
        "2026-04-08",
        "沪财 0100",
        fine_fen=10_000,
        method="on-the-spot",
        spot_ground="small",
        officer_id=house.pair[0],
    )
    assert money["payments"][0]["hand_in_due_on"] == "2026-04-10"
    path = f"/collections/{money['id']}"
    house.act(
        "an", path, f"payments/{money['payments'][0]['id']}/hand-in", handed_in_on="2026-04-10"
    )
    house.act("chen", f"/cases/{case['id']}", "close", note="已当场收缴并上缴")
    assert [one["channel"] for one in shown_of(house, case["id"])] == ["portal"]
    counts = numbers_of(house, "2026-04-01", "2026-04-30")
    assert (counts["simple-cases"], counts["fines"]) == ("1", "0.01")


def test_a_year_of_small_things_is_in_its_figures(spring: House) -> None:
    """协管, 不予处罚, the life-cycle of a unit; every number opens the list behind it."""
    house = spring
    permit = LicenceData(LicenceKind.PERMIT, "沪卫公证字〔2024〕第1号", "lodging")
    lodging = house.make.unit(
        registrations=(Registration("public-places", "lodging"),),
        licences=(permit,),
        grid_cell="G-01",
        credit_class="C",
    )
    unit_id = str(lodging.id)

    # assistants patrol, write an opinion of their own, and hand a hint over
    assistant = house.post(
        "chen", "/assistants", name="孙某", service_unit="新华", grid_cells=["G-01"]
    )
    patrol = house.post(
        "an",
        "/patrols",
        grid_cell="G-01",
        guide_id=house.pair[0],
        assistant_ids=[assistant["id"]],
        seen_units=[{"unit_id": unit_id, "problem": True, "remark": "未公示检测结果"}],
    )
    house.post(
        "an",
        f"/patrols/{patrol['id']}/opinions",
        seen_unit_id=unit_id,
        problem="未公示检测结果",
        basis="公共场所卫生管理条例实施细则",
        advice="请尽快检测并公示",
        deadline_on="2026-04-20",
    )
    hint = house.post(
        "an", f"/patrols/{patrol['id']}/hints", seen_unit_id=unit_id, text="疑似一年未检测"
    )
    taken = {"specialty": "public-places", "object_class": "lodging", "checklist_code": "lodging"}
    taken = house.act("chen", f"/hints/{hint['id']}", "take", **taken)
    task = house.assign(taken["task_id"])

    # nobody is punished: minor, corrected at once, no harm; the education is on record
    house.day("2026-04-10")
    house.begin(task, "lodging")
    photo = house.upload(house.an, 5)
    house.answer_all(task, LODGING, wrong={"pp-testing": photo})
    lead = house.find(task, "2025年未进行卫生检测", "lead", attachments=[photo])
    house.end(task, "lead", "未按规定检测")
    house.act("chen", f"/tasks/{task['id']}", "complete")
    case_id = house.post(
        "an",
        "/cases",
        source="finding",
        finding_id=lead,
        unit_id=unit_id,
        cause_code="pp-without-testing",
        party={"kind": "organisation", "name": lodging.name},
        act="未按照规定进行卫生检测",
        acted_on="2026-04-10",
        on="2026-04-10",
    )["id"]
    house.step("chen", case_id, "file", reason="涉嫌违法", officers=house.pair)
    house.step("an", case_id, "collect", kind="document", name="检测报告", source="当事人提供")
    conclusion = {"facts": "已补检合格，没有危害后果", "proposal": "not-punish"}
    house.day("2026-04-20")
    house.step("an", case_id, "conclude", **conclusion)
    plea = {"ground": "minor", "reason": "轻微并及时改正", "corrected": True}
    plea["minor_offence"] = "testing-corrected"  # an item of the office's own list
    lacking = house.refused_step("chen", case_id, "not-punish", **plea)
    assert lacking["article"] == "行政处罚法 第三十三条第三款"
    house.step("chen", case_id, "not-punish", education="当面教育并发放宣传资料", **plea)
    taken = house.get("fang", f"/cases/{case_id}/steps")["items"][-1]["data"]
    assert "尚未与公布的原文核对" in taken["unconfirmed"][0], "whoever reads it is told"
    house.step("an", case_id, "serve", mode="direct")
    house.step("chen", case_id, "close", note="不予处罚")
    assert shown_of(house, case_id) == []

    # a clinic lets its 校验 lapse and is led to its forced end, by two people
    clinic = house.make.unit(registrations=(Registration("medical", "clinic"),))
    house.post(
        "clerk",
        "/unit-verifications",
        unit_id=str(clinic.id),
        verified_on="2025-04-21",
        result="passed",
        beds=0,
        document_no="校验〔2025〕1号",
    )
    house.day("2026-04-22")
    life = [house.get("chen", f"/units/{clinic.id}")["state"]]
    for verb, on in (("notify", "2026-05-06"), ("announce", "2026-06-08")):
        house.day(on)
        said = {"unit_id": str(clinic.id), "verb": verb, "on_day": on, "reason": "逾期不校验"}
        house.post("chen", "/unit-steps", document_no=f"沪长卫〔2026〕{on}", **said)
        life.append(house.get("chen", f"/units/{clinic.id}")["state"])
    house.day("2026-09-14")
    last = {"verb": "force-cancel", "on_day": "2026-09-14", "document_no": "沪长卫〔2026〕9号"}
    step = house.post("chen", "/unit-steps", unit_id=str(clinic.id), reason="公示期满", **last)
    same = house.refused("chen", f"/unit-steps/{step['id']}", "confirm")
    house.act("gao", f"/unit-steps/{step['id']}", "confirm")
    life.append(house.get("chen", f"/units/{clinic.id}")["state"])
    assert life == ["licence-overdue", "notified", "announced", "force-cancelled"]
    assert same["type"] == "/problems/unit-second-person-wrong"

    # two scorings three months apart make its first grade, which counts in draws
    (form,) = [row for row in seeds.rows("score_sheets") if row["code"] == "score-lodging"]
    full = [{"item": one["code"], "tenths": one["tenths"]} for one in form["items"]]
    standings = []
    for on in ("2026-09-15", "2026-12-16"):
        house.day(on)
        standings.append(house.get("clerk", f"/credit-entries/units/{unit_id}")["draw_class"])
        scored = {"sheet": "score-lodging", "reference": f"评〔{on}〕", "scored_on": on}
        scoring = house.post(
            "an", "/credit-grades/scorings", unit_id=unit_id, scores=full, **scored
        )
    assert (scoring["outcome"], scoring["grade"]["grade"]) == ("graded", "A")
    standings.append(house.get("clerk", f"/credit-entries/units/{unit_id}")["draw_class"])
    assert standings == ["C", "C", "A"]

    # the year's numbers, each with the list behind it; zeros too
    house.day("2026-12-31")
    numbers = numbers_of(house, "2026-01-01", "2026-12-31")
    assert (numbers["inspections"], numbers["officer-visits"]) == ("1", "2")
    assert (numbers["filed-cases"], numbers["cases"], numbers["crime-transfers"]) == ("1", "0", "0")
    year = {"from_on": "2026-01-01", "until_on": "2026-12-31"}
    for code in ("inspections", "officer-visits", "violation-visits", "filed-cases", "cases"):
        behind = house.get("chen", "/reports/counts/entries", counter=code, **year)["items"]
        assert len(behind) == int(numbers[code]), code
    counted = {"from_on": "2026-01-01", "until_on": "2026-12-31"}
    assert house.get("chen", "/patrols/counts", **counted) == {
        "assistant_visits": 1,
        "unit_visits": 1,
        "opinions": 1,
    }
    table = house.get("chen", "/reports/annual-table", year="2026")
    (row,) = [one for one in table["rows"] if one["item"] == "public-places"]
    columns = [one["code"] for one in table["columns"]]
    cells = dict(zip(columns, row["cells"], strict=True))
    of_row = {"year": "2026", "item": "public-places"}
    for column, number in (("inspections", "1"), ("found", "1"), ("penalised", "0")):
        behind = house.get("chen", "/reports/annual-table/entries", column=column, **of_row)
        assert cells[column] == number == str(len(behind["items"])), cells
    assert table["violations"] == []
    sheet = read_sheet(house.file("chen", "/reports/annual-table/export", year="2026"))
    assert any("公共场所卫生许可" in str(cells) for cells in sheet)

    # one dossier, and who read it
    dossier = house.get("chen", f"/units/{unit_id}/dossier")
    assert case_id in str(dossier)
    readings = house.get("auditor", f"/units/{unit_id}/dossier/readings")["items"]
    assert len(readings) == 1
