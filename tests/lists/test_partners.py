"""What other departments found at the units of a cross-department list."""

import io

import pytest

from app.access import Role
from tests.lists.desk import CROSS, URL, csv

RESULTS = ("任务编号", "单位名称", "部门", "检查结果", "检查日期", "文号")


@pytest.fixture
def list_id(desk, make):
    for n in (1, 2):
        make.unit(name=f"上海第{n}美容有限公司", archive_no=f"GG{n}")
    list_id = desk.listed(csv(("N1", "GG1"), ("N2", "GG2")), **CROSS)
    desk.apply(list_id)
    return list_id


def send(desk, list_id, *lines, query=""):
    form = {"file": (io.BytesIO(csv(*lines, header=RESULTS)), "结果.csv")}
    return desk.client.post(f"{URL}/{list_id}/partner-results{query}", data=form)


def results(desk, list_id):
    return [
        {one["department"]: one["result"] for one in row["partner_results"]}
        for row in desk.rows(list_id)
    ]


def test_a_partners_result_stands_beside_the_tasks_own(desk, list_id, make):
    row = desk.rows(list_id)[0]
    body = {
        "department": "区教育局",
        "result": "未发现问题",
        "outcome_code": "market-no-problem",
        "found_on": "2026-11-20",
        "reference": "教检〔2026〕7号",
    }
    clerk = make.signed_in(Role.CLERK)
    answer = clerk.post(f"{URL}/{list_id}/rows/{row['id']}/partner-result", json=body)
    assert answer.status_code == 200, answer.json
    (found,) = answer.json["partner_results"]
    assert {name: found[name] for name in body} == body
    assert answer.json["task"]["state"] == "pending"
    version = answer.json["version"]
    again = clerk.post(f"{URL}/{list_id}/rows/{row['id']}/partner-result", json=body)
    assert again.json["version"] == version, "the same again changes nothing"
    changed = {**body, "result": "责令改正"}
    clerk.post(f"{URL}/{list_id}/rows/{row['id']}/partner-result", json=changed)
    assert results(desk, list_id) == [{"区教育局": "责令改正"}, {}]


def test_a_table_of_results_comes_in_whole_and_a_second_time_changes_nothing(desk, list_id):
    lines = (
        ("N1", "", "区教育局", "未发现问题", "2026-11-20", "7号"),
        ("", "上海第2美容有限责任公司", "区市场监督管理局", "责令改正"),
    )
    seen = send(desk, list_id, *lines, query="?preview=true")
    assert [line["change"] for line in seen.json["lines"]] == ["new", "new"]
    assert results(desk, list_id) == [{}, {}]
    assert send(desk, list_id, *lines).status_code == 200
    assert results(desk, list_id) == [{"区教育局": "未发现问题"}, {"区市场监督管理局": "责令改正"}]
    before = desk.rows(list_id)
    again = send(desk, list_id, *lines)
    assert [line["change"] for line in again.json["lines"]] == ["same", "same"]
    assert desk.rows(list_id) == before


def test_one_bad_line_keeps_the_whole_table_out_and_is_named(desk, list_id):
    lines = (
        ("N1", "", "区教育局", "未发现问题"),
        ("N9", "", "区教育局", "未发现问题"),
        ("N2", "", "", "未发现问题"),
        ("N2", "", "区教育局", "未发现问题", "昨天"),
    )
    seen = send(desk, list_id, *lines, query="?preview=true")
    assert [line["change"] for line in seen.json["lines"]] == ["new", *["refused"] * 3]
    codes = [[reason["code"] for reason in line["reasons"]] for line in seen.json["lines"]]
    assert codes == [[], ["row-unknown"], ["missing"], ["cell-unreadable"]]
    refused = send(desk, list_id, *lines)
    assert (refused.status_code, refused.json["type"]) == (422, "/problems/partner-results-invalid")
    assert [error["pointer"] for error in refused.json["errors"]] == ["#/3", "#/4", "#/5"]
    assert results(desk, list_id) == [{}, {}]


def test_only_cross_department_lists_have_partners(desk, make):
    make.unit(archive_no="GG1")
    list_id = desk.listed(csv(("N1", "GG1")))
    row = desk.rows(list_id)[0]
    body = {"department": "区教育局", "result": "未发现问题"}
    answer = desk.client.post(f"{URL}/{list_id}/rows/{row['id']}/partner-result", json=body)
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/partner-result-invalid")


def test_a_code_that_the_catalogue_does_not_have_is_refused(desk, list_id):
    row = desk.rows(list_id)[0]
    body = {"department": "区教育局", "result": "好", "outcome_code": "fine"}
    answer = desk.client.post(f"{URL}/{list_id}/rows/{row['id']}/partner-result", json=body)
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/partner-result-invalid")


def test_partners_results_go_out_with_the_list(desk, list_id):
    send(desk, list_id, ("N1", "", "区教育局", "未发现问题"))
    text = desk.client.get(f"{URL}/{list_id}/export?format=csv").data.decode("utf-8-sig")
    assert "区教育局：未发现问题" in text
