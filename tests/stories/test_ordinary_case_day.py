"""An ordinary case from its finding to its file, as the people of an office live it."""

from app.catalogue import seeds
from app.units.rules import Registration
from tests.documents.pdfs import drawn as pictures_in
from tests.documents.pdfs import pages_of
from tests.stories.asking import (
    CLINIC,
    JUNE,
    POOL,
    draw,
    pay,
    plan_draw,
    read_sheet,
    shown_of,
    term,
    weights,
)
from tests.stories.house import House, line
from tests.sync.tablet import op_of


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
    opinion = house.paper(
        house.an,
        task,
        ("opinion", "opinion.issue"),
        problem="泳池水浑浊度超出限值",
        basis="公共场所卫生管理条例",
        advice="立即换水并检测",
        deadline_on="2026-04-20",
    )
    drawn = [house.upload(house.an, 6, "signature")]
    paper_id = op_of(opinion)["entity_id"]
    signed = {"role": "party", "refused": False}
    signed_line = house.an.op("document.sign", paper_id, signed, attachments=drawn)
    house.push(house.an, opinion, signed_line)
    assert pictures_in(house.file("chen", f"/documents/{paper_id}/pdf")) == [1]
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

    # a credit report says so under a code that anybody checks
    asked = {"unit_id": unit_id, "purpose": "招标", "from_on": "2026-01-01"}
    report = house.post("clerk", "/credit-reports", **asked)
    paper = "".join(pages_of(house.file("clerk", f"/credit-reports/{report['id']}/pdf")))
    assert report["code"] in paper
    public = house.flask_app.test_client()
    checked = f"/public/credit-reports/{report['code']}"
    assert "没有变化" in public.get(checked).text

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
    assert pool.name not in public.get("/public/decisions").text
    assert "1 条已经撤销、修复或者期满" in public.get(checked).text
    house.day("2026-10-08")
    assert weights(house, plan_draw(house, "2026-Q4", "2026-10-08", "2026-12-20")) == {"20": 1}

    # one file, one dossier
    file = house.file("fang", f"/cases/{case_id}/file.pdf")
    assert sum(pictures_in(file)) == 3, "licence, water, and the signature under the opinion"
    assert "警告、罚款3600元、没收违法所得34592元" in "".join(pages_of(file)[0].split())
    assert photo["sha256"] in "".join("".join(pages_of(file)).split()).replace("\u200b", "")
    dossier = house.get("chen", f"/units/{unit_id}/dossier")
    assert number in str(dossier)


def test_a_complaint_about_an_unlicensed_practice(spring: House) -> None:
    """Complaint and reply, 先行登记保存, hearing, review, discussion, instalments, file review."""
    house = spring
    place = house.make.unit(
        name="某诊所",
        uscc=None,
        registrations=(Registration("medical", "clinic"),),
    )
    unit_id = str(place.id)

    # the complaint becomes a task
    house.day("2026-05-11")
    complaint = house.post(
        "clerk",
        "/complaints",
        kind="complaint",
        channel="hotline",
        content="长宁路一居民楼内有人无证看病",
        unit_id=unit_id,
        complainant={"name": "王某", "phone": "13800000000"},
    )
    path = f"/complaints/{complaint['id']}"
    house.day("2026-05-12")
    house.act("clerk", path, "accept")
    checked = {"specialty": "medical", "object_class": "clinic"}
    assigned = house.act("chen", path, "assign", checklist_code="medical-practice", **checked)
    task = house.assign(assigned["task_id"])
    assert task["origin"] == "complaint"

    # the visit finds nobody with a licence; what is there is registered and kept
    house.day("2026-05-13")
    house.begin(task, "medical-practice")
    photo = house.upload(house.an, 3)
    house.answer_all(task, CLINIC, wrong={"md-licence": photo})
    lead = house.find(task, "未取得医疗机构执业许可证开展诊疗活动", "lead", attachments=[photo])
    house.end(task, "lead", "无证行医")
    house.act("chen", f"/tasks/{task['id']}", "complete")
    case_id = house.post(
        "an",
        "/cases",
        source="finding",
        finding_id=lead,
        unit_id=unit_id,
        cause_code="practice-without-licence",
        party={"kind": "citizen", "name": "李小明"},
        act="未取得医疗机构执业许可证擅自执业",
        acted_on="2026-05-13",
        on="2026-05-13",
    )["id"]
    house.step("chen", case_id, "file", reason="涉嫌无证行医", officers=house.pair)
    house.step("an", case_id, "collect", kind="on-site-record", name="现场笔录", source="现场")
    goods = [{"name": "药品", "quantity": "11箱", "place": "诊室"}]
    house.step("chen", case_id, "preserve", goods=goods, reason="证据可能灭失")
    assert term(house, case_id, "preservation")["due_on"] == "2026-05-22"
    ban = house.post(
        "chen",
        "/bans",
        practice="unlicensed-practice",
        unit_id=unit_id,
        case_id=case_id,
        reason="未取得许可擅自执业",
        basis="医疗机构管理条例",
        officer_ids=house.pair,
        partners=["公安分局"],
    )
    house.act("chen", f"/bans/{ban['id']}", "announce", announced_on=house.today, where="门口")

    # the complainant learns what came of it
    house.day("2026-05-14")
    house.act("clerk", path, "conclude", result="substantiated", note="已立案查处")
    draft = house.get("clerk", f"{path}/reply-draft", template="substantiated")["text"]
    assert complaint["number"] in draft
    answered = house.act("clerk", path, "reply", template="substantiated")
    assert answered["state"] == "replied"
    assert {one["step"]: one["done_on"] for one in answered["steps"]} == {
        "acceptance": "2026-05-12",
        "assignment": "2026-05-12",
        "reply": "2026-05-14",
    }

    # the goods are dealt with in their seven working days; the investigation ends
    house.day("2026-05-20")
    steps = house.get("an", f"/cases/{case_id}/steps")["items"]
    (kept,) = [one["seq"] for one in steps if one["verb"] == "preserve"]
    ended = {"item": kept, "outcome": "confiscated", "note": "拟没收"}
    house.step("chen", case_id, "resolve-preservation", **ended)
    assert term(house, case_id, "preservation")["met_on"] == house.today
    house.day("2026-05-27")
    facts = "2026年3月至5月未取得许可证开展诊疗活动，违法所得 23,060 元。"
    house.step(
        "an",
        case_id,
        "conclude",
        facts=facts,
        proposal="punish",
        gains_fen=2_306_000,
        circumstances=["serious"],
    )
    proposal = house.post("an", f"/cases/{case_id}/discretion", gains_fen=2_306_000)
    assert (proposal["low_fen"], proposal["high_fen"]) == (11_530_000, 46_120_000)
    house.day("2026-05-28")
    lines = [line("confiscated-gains", 2_306_000), line("fine", 11_530_000)]
    if proposal["lines"] != lines:
        house.post(
            "an", f"/cases/{case_id}/discretion/deviation", lines=lines, reason="初次，配合调查"
        )
        house.post(
            "gao", f"/cases/{case_id}/discretion/deviation/decide", approved=True, answer="同意"
        )
    house.step(
        "an",
        case_id,
        "notify",
        lines=lines,
        facts=facts,
        reasons="违反基本医疗卫生与健康促进法",
        basis="基本医疗卫生与健康促进法第九十九条",
        rights="陈述、申辩，要求听证",
    )

    # the party asks for a hearing in time, is told seven working days before, and is heard
    house.day("2026-06-01")
    house.step("an", case_id, "request-hearing", agents=["赵律师"])
    house.day("2026-06-03")
    called = {"place": "三楼会议室", "open": True, "chair_id": house.heads["gao"]}
    soon = house.refused_step("gao", case_id, "call-hearing", held_on="2026-06-08", **called)
    assert soon["article"] == "行政处罚法 第六十四条第二项、第八十五条"
    house.step("gao", case_id, "call-hearing", held_on="2026-06-15", **called)
    house.day("2026-06-15")
    house.step(
        "gao",
        case_id,
        "hold-hearing",
        chair_id=house.heads["gao"],
        agents=["赵律师"],
        record="当事人承认事实，请求从轻",
    )

    # no decision without discussion and a review after the hearing
    house.day("2026-06-16")
    number = "沪长卫医罚〔2026〕2号"
    decided = {"lines": lines, "number": number, "facts": facts}
    missing = house.refused_step("chen", case_id, "decide", **decided)
    assert missing["article"] == "行政处罚法 第五十七条第二款"
    house.step("chen", case_id, "discuss", members=["所长", "副所长"], conclusion="同意")
    missing = house.refused_step("chen", case_id, "decide", **decided)
    assert missing["article"] == "行政处罚法 第五十八条"
    house.step(
        "fang",
        case_id,
        "review",
        passed=True,
        opinion="事实清楚，程序合法",
        first_time=False,
        exam_passed=True,
    )
    house.day("2026-06-18")
    house.step("chen", case_id, "decide", **decided)

    # the party does not sign: left at the door, with a witness, and still served
    house.day("2026-06-22")
    house.step("an", case_id, "serve", mode="left", note="拒收，居委会见证，拍照")
    house.day("2026-06-23")
    (entry,) = [one for one in shown_of(house, case_id) if one["channel"] == "portal"]
    assert (entry["state"], entry["content"]["party"]) == ("public", "李某某")
    public = house.flask_app.test_client().get("/public/decisions").text
    assert number in public
    assert "李小明" not in public

    # two instalments; three late days of the second cost three per cent each
    house.day("2026-07-01")
    opened = f"/collections/{house.get('chen', f'/cases/{case_id}/collection')['id']}"
    parts = [{"due_on": one, "amount_fen": 5_765_000} for one in ("2026-07-07", "2026-08-07")]
    asked = {"kind": "instalments", "reason": "经济困难", "parts": parts}
    relief = house.act("an", opened, "reliefs", applied_on="2026-07-01", **asked)["reliefs"][0]
    verb = f"reliefs/{relief['id']}/decide"
    house.act("gao", opened, verb, approved=True, answer="同意分期缴纳")
    house.day("2026-07-07")
    pay(house, case_id, "2026-07-07", "沪财 0002", fine_fen=5_765_000, confiscated_fen=2_306_000)
    house.day("2026-08-10")
    late = house.get("chen", f"/cases/{case_id}/collection")["balance"]
    assert (late["late_days"], late["surcharge_fen"]) == (3, 518_850)
    owed = {"fine_fen": 5_765_000, "surcharge_fen": 518_850}
    assert pay(house, case_id, "2026-08-10", "沪财 0003", **owed)["state"] == "settled"
    house.step("chen", case_id, "close", note="分期缴清")

    # the closed file is drawn and judged by somebody who did not handle it
    house.day("2026-11-02")
    review = house.post(
        "fang",
        "/reports/file-reviews",
        name="2026年案卷评查",
        size=1,
        seed="0123456789",
        reviewer_ids=[house.heads["gao"]],
        from_on="2026-01-01",
        until_on="2026-10-31",
    )
    assert [one["case_id"] for one in review["files"]] == [case_id]
    points = {row["code"]: row["points"] for row in seeds.rows("review_points")}
    judged = [
        {"code": code, "points": most - (2 if code == "service" else 0), "note": "见证人未留电话"}
        for code, most in points.items()
    ]
    path = f"/reports/file-reviews/{review['id']}"
    house.act("gao", path, "judge", case_id=case_id, judgements=judged)
    result = house.get("auditor", path)["result"]
    assert (result["judged"], result["lost"]["service"]) == (1, 2)
