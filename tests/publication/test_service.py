"""Publication on both databases: from a decision to its end on every channel, and back."""

import io
import json
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import openpyxl
import pytest
import sqlalchemy as sa

from app.access import Role
from app.cases.models import CaseRemedy
from app.cases.opening import Party
from app.cases.rules import IdKind, PartyKind
from app.credit import queries as credit_queries
from app.credit.rules import EntryKind
from app.db import db, transaction
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.publication import queries, service
from app.publication.models import Publication, ReportCard
from app.publication.publishing import follow_publications, open_report_cards
from app.units import service as units
from app.units.rules import LicenceData, LicenceKind
from tests.cases.ordinary import Office, fine
from tests.credit.desk import Desk

FILED, DECIDED = date(2026, 9, 1), date(2026, 9, 11)
EVIL = '=HYPERLINK("x")<script>某会所'


@pytest.fixture
def office(make, clock, app_context):
    return Office(make, clock)


def decided(office, *, lines=None, on=DECIDED, **values):
    case = office.open(FILED, **values)
    office.until(case, "file", "collect", "conclude", on=FILED)
    given = {} if lines is None else {"lines": lines}
    office.step(case, "notify", FILED, **given)
    office.until(case, "waive-defence")
    office.step(case, "decide", on)
    return SimpleNamespace(id=case.id, agency_id=case.agency_id)


def run(office, on):
    office.be(on)
    return follow_publications(at=office.make.at)


def shown(case):
    db.session.remove()
    return {one.channel: one for one in queries.of_subject(case.id)}


def test_a_decision_is_published_within_seven_working_days_on_both_channels(office):
    unit = office.make.unit(name=EVIL, uscc=None)
    case = decided(office, unit_id=unit.id, party=Party(PartyKind.ORGANISATION, name=EVIL))
    entry = credit_queries.find_entry(case.agency_id, EntryKind.PENALTY, f"case/{case.id}")
    assert entry is not None
    assert (entry.tier, entry.unit_id) == ("general", unit.id)

    assert run(office, date(2026, 9, 14)) == "1 planned, 2 public"
    assert run(office, date(2026, 9, 14)) == "nothing due"
    found = shown(case)
    assert {one.state for one in found.values()} == {"public"}
    assert found["portal"].due_on == date(2026, 9, 21)  # Sunday 2026-09-20 is worked
    site = found["credit-site"]
    assert (site.min_end, site.max_end) == (date(2026, 12, 11), date(2027, 9, 11))
    assert found["portal"].max_end == date(2029, 9, 11)


def test_a_revoked_decision_leaves_every_channel_without_its_content_and_stays_away(office):
    case = decided(office)
    run(office, date(2026, 9, 14))
    office.step(case, "serve", date(2026, 9, 15))
    office.step(case, "revoke", date(2026, 9, 23))
    run(office, date(2026, 9, 24))
    run(office, date(2026, 10, 8))
    for one in shown(case).values():
        assert (one.state, one.content) == ("withdrawn", None)
        assert one.withdraw_due_on == date(2026, 9, 29)  # three working days, a holiday between
        assert "撤销" in one.withdrawn_reason
    client = office.make.flask_app.test_client()
    page = client.get(f"/public/decisions/{shown(case)['portal'].id}")
    assert "已撤回" in page.text
    assert "某游泳会所" not in page.text
    assert "某游泳会所" not in client.get("/public/decisions").text
    assert "某游泳会所" not in client.get("/public/decisions.json").text


@pytest.mark.parametrize("result", ["changed", "illegal"])
def test_a_decision_changed_or_found_illegal_is_withdrawn_too(office, result):
    case = decided(office)
    run(office, date(2026, 9, 14))
    office.step(case, "serve", date(2026, 9, 15))
    office.step(case, "begin-remedy", date(2026, 9, 18))
    remedy_id = str(db.session.scalars(sa.select(CaseRemedy.id)).one())
    lines = fine(100_000) if result == "changed" else []
    said = {"result": result, "remedy_id": remedy_id, "lines": lines}
    office.step(case, "end-remedy", date(2026, 10, 9), **said)
    run(office, date(2026, 10, 10))
    assert {one.state for one in shown(case).values()} == {"withdrawn"}


def test_a_pure_warning_is_on_the_portal_and_never_on_the_credit_site(office):
    warning = [one for one in fine(1) if one["kind"] == "warning"]
    case = decided(office, lines=warning, cause_code="pp-without-testing")
    run(office, date(2026, 9, 14))
    assert set(shown(case)) == {"portal"}


def test_what_is_in_principle_not_shown_is_shown_by_exception_from_its_confirmation_on(office):
    desk = Desk(office.make)
    warning = [one for one in fine(1) if one["kind"] == "warning"]
    case = decided(office, unit_id=desk.unit.id, lines=warning, cause_code="pp-without-testing")
    run(office, date(2026, 9, 14))
    entry = credit_queries.find_entry(case.agency_id, EntryKind.PENALTY, f"case/{case.id}")
    office.be(date(2026, 11, 2))
    proposed = desk.propose(entry)
    run(office, date(2026, 11, 3))
    assert set(shown(case)) == {"portal"}
    desk.settle(proposed)  # on 3 November, a Tuesday
    assert run(office, date(2026, 11, 4)) == "1 planned, 1 public"
    assert run(office, date(2026, 11, 5)) == "nothing due"
    found = shown(case)["credit-site"]
    assert (found.state, found.event_on, found.due_on) == (
        "public",
        date(2026, 11, 3),
        date(2026, 11, 12),
    )
    assert (found.start_on, found.min_end, found.max_end) == (
        DECIDED,
        DECIDED,
        date(2026, 12, 11),
    )
    run(office, date(2026, 12, 12))
    assert shown(case)["credit-site"].state == "expired"


def test_an_expired_and_a_repaired_decision_are_shown_no_longer(office):
    case = decided(office)
    run(office, date(2026, 9, 14))
    run(office, date(2027, 9, 11))
    assert shown(case)["credit-site"].state == "public"
    run(office, date(2027, 9, 12))
    states = {channel: one.state for channel, one in shown(case).items()}
    assert states == {"credit-site": "expired", "portal": "public"}


def test_a_repair_ends_the_publication(office):
    desk = Desk(office.make)
    case = decided(office, unit_id=desk.unit.id)
    run(office, date(2026, 9, 14))
    office.be(date(2026, 12, 11))
    entry = credit_queries.find_entry(case.agency_id, EntryKind.PENALTY, f"case/{case.id}")
    repair = desk.apply(entry)
    desk.check(repair, open_reason="已缴至市级罚没账户")
    desk.decide(repair)
    assert run(office, date(2026, 12, 11)) == "2 repaired"
    assert {one.state for one in shown(case).values()} == {"repaired"}


def test_a_citizen_is_shown_without_name_code_or_act(office):
    party = Party(
        PartyKind.CITIZEN,
        name="王小明",
        id_kind=IdKind.IDENTITY_CARD,
        id_number="31010519900101001X",
    )
    case = decided(office, party=party, act="王小明在候诊区吸烟")
    run(office, date(2026, 9, 14))
    client = office.make.flask_app.test_client()
    for path in ("decisions", "decisions.json", "decisions.csv"):
        text = client.get(f"/public/{path}").text
        assert "王某某" in text
        assert "王小明" not in text
        assert "19900101" not in text
    page = client.get(f"/public/decisions/{shown(case)['portal'].id}")
    assert "王小明" not in page.text
    assert len(page.data) < 100_000


def test_the_list_that_leaves_is_exact_text_and_runs_nothing(office):
    decided(office, party=Party(PartyKind.ORGANISATION, name=EVIL))
    run(office, date(2026, 9, 14))
    clerk = office.make.signed_in(Role.CLERK)
    path = "/api/v1/publications/decisions/export?from_on=2026-09-01&until_on=2026-09-30"
    sheet = openpyxl.load_workbook(io.BytesIO(clerk.get(path).data)).worksheets[0]
    header, row = list(sheet.iter_rows())
    cells = {name.value: cell for name, cell in zip(header, row, strict=True)}
    assert len(header) == 27
    assert (cells["行政相对人名称"].value, cells["行政相对人名称"].data_type) == (EVIL, "s")
    assert (cells["罚款金额（万元）"].value, cells["罚款金额（万元）"].data_type) == (
        "0.360000",
        "s",
    )
    text = clerk.get(f"{path}&format=csv").data.decode("utf-8-sig")
    assert '"\'=HYPERLINK(""x"")<script>某会所"' in text
    page = office.make.flask_app.test_client().get("/public/decisions").text
    assert "<script>" not in page


def export(office, **query):
    """The rows of the list as the office hands it over, by column."""
    clerk = office.make.signed_in(Role.CLERK)
    period = {"from_on": "2026-09-01", "until_on": "2026-09-30", **query}
    found = clerk.get("/api/v1/publications/decisions/export", query_string=period)
    sheet = openpyxl.load_workbook(io.BytesIO(found.data)).worksheets[0]
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_the_list_says_what_the_register_and_the_case_know(office):
    permit = LicenceData(LicenceKind.PERMIT, "沪卫公证字〔2024〕第1号", "lodging")
    unit = office.make.unit(
        uscc="91350100M000100Y43", legal_representative="赵某", licences=(permit,)
    )
    lines = [{**fine(1)[0], "kind": "permit-revoked"}]
    case = office.open(date(2026, 9, 1), unit_id=unit.id, cause_code="pp-without-testing")
    office.until(case, "file", "collect", on=date(2026, 9, 1))
    office.step(case, "conclude", needs=["serious"], circumstances=["serious"])
    office.step(case, "notify", date(2026, 9, 2), lines=lines)
    office.until(case, "waive-defence", "discuss", "review", on=date(2026, 9, 3))
    office.step(case, "decide", DECIDED, lines=lines)
    decided(office, party=Party(PartyKind.CITIZEN, name="王小明", representative="钱某"))
    run(office, date(2026, 9, 14))
    with transaction():
        agency = people.get_agency(case.agency_id)
        own = {"uscc": "12310105DEM0YYYY97"}
        people.change_agency(agency, own, by=office.chen, at=office.make.at)
    organisation, citizen = export(office)
    for column in ("处罚机关统一社会信用代码", "数据来源单位统一社会信用代码"):
        assert organisation[column] == citizen[column] == own["uscc"]
    assert organisation["行政相对人代码_1（统一社会信用代码）"] == "91350100M000100Y43"
    assert organisation["法定代表人"] == "赵某"
    assert organisation["暂扣或吊销证照名称及编号"] == "许可 沪卫公证字〔2024〕第1号"
    assert organisation["处罚内容"] == organisation["处罚类别"] == "吊销许可证件"
    assert organisation["处罚有效期"] is None
    assert citizen["处罚内容"] == "警告；罚款 0.360000 万元"
    assert (citizen["法定代表人"], citizen["行政相对人名称"]) == (None, "王某某")
    text = office.make.flask_app.test_client().get("/public/decisions.csv").data.decode()
    assert "91350100M000100Y43" in text
    assert "赵某" not in text, "who acts for it is for the platform alone"


def test_receipts_are_counted_once_with_their_rates_and_lists(office):
    case = decided(office)
    other = decided(office, on=date(2026, 9, 12))
    run(office, date(2026, 9, 14))
    office.be(date(2026, 9, 24))
    clerk = office.make.signed_in(Role.CLERK)
    number = shown(case)["credit-site"].number
    other_id = shown(other)["credit-site"].id
    with transaction():
        row = db.session.get_one(Publication, other_id)
        row.number = "另一号"
        service._journal(Event.PUBLICATION_PLANNED, row, by=office.chen, at=office.make.at)
    lines = (
        "决定书文号,上报日期,结果,退回原因\n"
        f"{number},2026-09-15,退回,缺代码\n{number},2026-09-16,入库,\n没有的,2026-09-16,入库,\n"
    )

    def bring(text):
        file = (io.BytesIO(text.encode()), "回执.csv")
        return clerk.post("/api/v1/publications/receipts", data={"file": file})

    assert bring(lines).json == {"added": 3, "known": 0, "unmatched": ["没有的"]}
    assert bring(lines).json["known"] == 3
    wrong = bring("决定书文号,上报日期,结果\nA,2099-01-01,也许\n")
    assert (wrong.status_code, wrong.json["errors"][0]["pointer"]) == (422, "#/rows/2")
    figures = clerk.get("/api/v1/publications/figures?from_on=2026-09-01&until_on=2026-09-30").json
    missing = [str(shown(other)["credit-site"].id)]
    assert figures["reporting"] == {"numerator": 1, "denominator": 2, "missing": missing}
    assert figures["compliance"]["numerator"] == figures["timeliness"]["numerator"] == 1
    (site,) = [one for one in figures["channels"] if one["channel"] == "credit-site"]
    assert site["published"]["numerator"] == site["published"]["denominator"] == 2
    assert site["late"] == []


def test_what_is_published_after_its_day_is_flagged(office):
    case = decided(office)
    run(office, date(2026, 9, 30))
    clerk = office.make.signed_in(Role.CLERK)
    path = f"/api/v1/publications/{shown(case)['portal'].id}"
    assert clerk.get(path).json["late"]
    answer = clerk.post(
        f"{path}/withdraw", json={"reason": "涉及秘密"}, headers={"If-Match": '"2"'}
    )
    assert (answer.json["state"], answer.json["content"]) == ("withdrawn", None)
    again = clerk.post(f"{path}/withdraw", json={"reason": "再次"}, headers={"If-Match": '"3"'})
    assert again.status_code == 409


def test_a_deadline_into_a_year_without_calendar_stays_open_and_publishes_all_the_same(office):
    case = decided(office)
    office.step(case, "serve", date(2026, 12, 30))
    office.be(date(2026, 12, 31))
    open_report_cards(at=office.make.at)
    (card,) = db.session.scalars(queries.cards_in(case.agency_id)).all()
    assert (card.kind, card.due_on, card.due_reason) == (
        "case-served",
        None,
        "calendar-2027-missing",
    )


def test_cards_are_opened_once_with_their_five_working_days_and_leave_as_a_file(office):
    warning = [one for one in fine(1) if one["kind"] == "warning"]
    case = decided(office, lines=warning, cause_code="pp-without-testing")
    office.step(case, "serve", date(2026, 9, 15))
    office.step(case, "report", which="first")
    office.step(case, "close", date(2026, 9, 24))
    clerk = office.make.signed_in(Role.CLERK)
    for _ in range(2):
        open_report_cards(at=office.make.at)
    db.session.remove()
    cards = {one.kind: one for one in db.session.scalars(queries.cards_in(case.agency_id))}
    assert {kind: one.due_on for kind, one in cards.items()} == {
        "case-served": date(2026, 9, 21),
        "case-closed": date(2026, 10, 9),
    }
    sheet = clerk.get("/api/v1/report-cards/export?kind=case-closed").data
    rows = list(openpyxl.load_workbook(io.BytesIO(sheet)).worksheets[0].iter_rows(values_only=True))
    card = dict(zip(rows[0], rows[1], strict=True))
    assert card["信息卡"] == "案件查处信息卡（结案）"
    assert (card["处罚种类"], card["罚款（万元）"]) == ("警告", "0.000000")
    days = [str(card[name])[:10] for name in ("送达日期", "结案日期")]
    assert days == ["2026-09-15", "2026-09-24"]
    path = f"/api/v1/report-cards/{cards['case-served'].id}/report"
    assert clerk.post(path, headers={"If-Match": '"1"'}).json["late"]
    assert clerk.post(path, headers={"If-Match": '"2"'}).status_code == 409
    assert db.session.get_one(ReportCard, cards["case-closed"].id).state == "due"


def test_a_credit_report_is_checked_by_its_code_and_forgets_what_was_withdrawn(office):
    unit = office.make.unit()
    case = decided(office, unit_id=unit.id)
    clerk = office.make.signed_in(Role.CLERK)
    body = {"unit_id": str(unit.id), "purpose": "上市合规"}
    report = clerk.post("/api/v1/credit-reports", json=body).json
    assert len(json.loads(report["body"])["entries"]) == 1
    client = office.make.flask_app.test_client()
    path = f"/public/credit-reports/{report['code']}"
    assert "没有变化" in client.get(path).text
    assert "罚款" in client.get(path).text
    office.step(case, "serve", date(2026, 9, 15))
    office.step(case, "revoke", date(2026, 9, 23))
    after = client.get(path).text
    assert "1 条已经撤销" in after
    assert "罚款" not in after
    assert client.get("/public/credit-reports/NOSUCHCODE").status_code == 404


def test_the_card_of_a_unit_comes_with_its_licence_and_one_more_with_every_change(office):
    office.be(date(2026, 11, 23))
    with transaction():
        journal.install(at=office.make.at)
    office.be(date(2026, 11, 30))
    old = LicenceData(LicenceKind.PERMIT, "沪卫公证字2019第1号", "lodging", date(2019, 1, 1), None)
    new = replace(old, number="沪卫公证字2026第9号", valid_from=date(2026, 11, 26))
    office.make.unit(licences=(old,))
    unit = office.make.unit(licences=(new,))

    def change(on, **values):
        office.be(on)
        with transaction():
            units.change_unit(unit.id, values, by=office.chen, at=office.make.at)

    def run(on):
        office.be(on)
        for _ in range(2):
            open_report_cards(at=office.make.at)
        db.session.remove()
        found = office.make.signed_in(Role.CLERK).get("/api/v1/report-cards").json["items"]
        assert {one["subject_id"] for one in found} == {str(unit.id)}
        return [(one["kind"], one["event_on"], one["due_on"]) for one in found]

    first = ("unit", "2026-11-26", "2026-12-03")
    assert run(date(2026, 11, 30)) == [first]
    change(date(2026, 12, 2), address="长宁路2号")
    change(date(2026, 12, 3), phone="021-00000000")  # the card does not tell it
    change(date(2026, 12, 4), legal_representative="王五", address="长宁路3号")
    moved = ("unit-changed", "2026-12-02", "2026-12-09")
    both = ("unit-changed", "2026-12-04", "2026-12-11")
    assert run(date(2026, 12, 5)) == [first, moved, both]
    assert run(date(2026, 12, 7)) == [first, moved, both]
    db.session.remove()
    clerk = office.make.signed_in(Role.CLERK)
    sheet = clerk.get("/api/v1/report-cards/export?kind=unit-changed")
    assert sheet.status_code == 200, sheet.json
    rows = list(
        openpyxl.load_workbook(io.BytesIO(sheet.data)).worksheets[0].iter_rows(values_only=True)
    )
    cards = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [one["变更事项"] for one in cards] == ["地址", "地址、法定代表人"]
    assert {one["地址"] for one in cards} == {"长宁路3号"}
