"""A special credit report on paper: what stands, literally, with the code that proves it."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from app.access import Role
from app.credit.terms import add_months
from app.days import local_date
from app.documents import typeset
from app.documents.layout import Statement, sheet_of_statement
from app.documents.wording import day_text, instant_text
from tests.cases.ordinary import Office
from tests.documents.pdfs import outside, squeezed, text_of
from tests.documents.test_layout import HOSTILE, body_of
from tests.factories import OTHER_DISTRICT
from tests.publication.test_service import decided

AT = datetime(2026, 11, 20, 3, 5, tzinfo=UTC)


@pytest.fixture
def office(make, clock, app_context):
    return Office(make, clock)


def issued(office, **values):
    """A report on a unit with one decision, by a clerk, and where its page is."""
    unit = office.make.unit(**values)
    case = decided(office, unit_id=unit.id)
    clerk = office.make.signed_in(Role.CLERK)
    body = {"unit_id": str(unit.id), "purpose": "上市 *合规* #panic"}
    report = clerk.post("/api/v1/credit-reports", json=body).json
    return case, clerk, report, f"/api/v1/credit-reports/{report['id']}/pdf"


def test_the_paper_says_what_the_report_says_and_where_it_is_checked(office):
    _, clerk, report, address = issued(office, name="#panic[<b>某 $x$ 会所*")
    number = json.loads(report["body"])["entries"][0]["number"]
    assert "〔2026〕" in number
    first = clerk.get(address)
    assert (first.status_code, first.mimetype) == (200, "application/pdf")
    text = text_of(first.data)
    for said in (
        "专用信用报告",
        "单位名称：#panic[<b>某$x$会所*",
        "用途：上市*合规*#panic",
        f"核验码：{report['code']}",
        f"/public/credit-reports/{report['code']}",
        f"出具时间：{instant_text(office.make.at)}",
        f"截至{day_text(local_date(office.make.at))}，信用记录中有下列公示期内的行政处罚1条",
        f"1{number}罚款、警告",
        day_text(date(2026, 9, 11)),
    ):
        assert squeezed(said) in text, said
    assert report["sha256"] in text.replace("SHA-256", "")
    assert outside(first.data) == []

    again = clerk.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert clerk.get(address).data == first.data


def test_what_was_withdrawn_is_counted_and_not_printed(office):
    case, clerk, _, address = issued(office)
    before = clerk.get(address)
    office.step(case, "serve", date(2026, 9, 15))
    office.step(case, "revoke", date(2026, 9, 23))
    after = office.make.signed_in(Role.CLERK).get(address)
    text = text_of(after.data)
    assert "罚款" not in text
    assert "1条已经撤销、修复或者期满，不再列出" in text
    assert after.headers["ETag"] != before.headers["ETag"]


def test_a_report_tells_of_the_decisions_of_its_period_alone(office):
    _, _, whole, _ = issued(office)
    office.be(date(2026, 9, 20))
    clerk = office.make.signed_in(Role.CLERK)
    body = {"unit_id": whole["unit_id"], "purpose": "招标"}

    def asked(**days):
        return clerk.post("/api/v1/credit-reports", json={**body, **days})

    inside = asked(from_on="2026-09-11", until_on="2026-09-11").json
    before = asked(until_on="2026-09-10").json
    after = asked(from_on="2026-09-12").json
    told = [json.loads(one["body"])["entries"] for one in (whole, inside, before, after)]
    assert [len(one) for one in told] == [1, 1, 0, 0]
    text = text_of(clerk.get(f"/api/v1/credit-reports/{after['id']}/pdf").data)
    assert squeezed(f"决定日期：{day_text(date(2026, 9, 12))}起") in text
    assert "没有公示期内的行政处罚" in text
    page = office.make.flask_app.test_client().get(f"/public/credit-reports/{before['code']}").text
    assert f"至{day_text(date(2026, 9, 10))}止" in page
    assert "出具以后记录没有变化" in page


def test_a_period_of_which_nothing_is_shown_any_more_is_refused_with_the_rule(office):
    _, clerk, whole, _ = issued(office)
    today = local_date(office.make.at)
    earliest = add_months(today, -36)
    body = {"unit_id": whole["unit_id"], "purpose": "招标"}
    for days, good in (
        ({"from_on": earliest.isoformat()}, True),
        ({"from_on": (earliest - timedelta(days=1)).isoformat()}, False),
        ({"until_on": (today + timedelta(days=1)).isoformat()}, False),
        ({"from_on": "2026-09-11", "until_on": "2026-09-10"}, False),
    ):
        answer = clerk.post("/api/v1/credit-reports", json={**body, **days})
        assert answer.status_code == (201 if good else 422), days
        if not good and "from_on" in days and "until_on" not in days:
            assert answer.json["earliest_on"] == earliest.isoformat()
            assert "第36号" in answer.json["article"]


def test_another_agency_sees_no_paper(office):
    *_, address = issued(office)
    elsewhere = office.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    assert office.make.signed_in(Role.CLERK, agency=elsewhere).get(address).status_code == 404


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_words_stand_there_literally_and_stay_on_the_page(name):
    pdf = typeset.set_pages("document", sheet_of_statement(statement(name)))
    body = body_of(pdf)
    assert body.count(squeezed(name)) >= 3
    assert f"1{squeezed(name[:60])}乙" in body
    assert outside(pdf) == []


def test_many_rows_run_over_pages_and_are_the_same_bytes():
    sheet = sheet_of_statement(statement("甲", rows=200))
    pdf = typeset.set_pages("document", sheet)
    assert pdf == typeset.set_pages("document", sheet)
    assert all(f"{number}甲乙" in text_of(pdf) for number in (1, 100, 200))
    assert outside(pdf) == []


def statement(text, rows=1):
    return Statement(
        organ="海州区卫生健康委员会监督所",
        title="专用信用报告",
        number=f"核验码：{'ABCD' * 4}",
        issued_on=date(2026, 11, 20),
        content_hash="0123456789abcdef" * 4,
        facts=[("单位名称", text), ("用途", text)],
        words=text,
        head=("处罚种类", "公示至"),
        rows=[(text[:60], "乙")] * rows,
        remarks=["核验地址：https://example.cn/" + "x" * 300],
    )
