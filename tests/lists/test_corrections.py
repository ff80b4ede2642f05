"""Corrected files: shown before they hold, nothing deleted, no task doubled."""

from uuid import UUID

import pytest

from app.tasks import service as tasks
from tests.lists.desk import URL, csv

FIRST = (
    ("N1", "GG1", "", "", "", "公共场所", "2026-09-30"),
    ("N2", "GG2", "", "", "", "公共场所"),
    ("N3", "GG3", "", "", "", "公共场所"),
)


@pytest.fixture
def units(make):
    return {
        f"GG{n}": make.unit(
            name=f"上海第{n}宾馆有限公司", archive_no=f"GG{n}", address=f"长宁路{n}号"
        )
        for n in range(1, 6)
    }


@pytest.fixture
def list_id(desk, units):
    list_id = desk.listed(csv(*FIRST))
    desk.apply(list_id)
    return list_id


def problem(answer):
    return answer.status_code, answer.json["type"].removeprefix("/problems/")


def preview(desk, list_id, *lines, **form):
    found = desk.upload(list_id, csv(*lines, **form))
    assert found["state"] == "previewed"
    return found


def confirmed(desk, list_id, *lines, **form):
    answer = desk.confirm(list_id, preview(desk, list_id, *lines, **form)["id"])
    assert answer.status_code == 200, answer.json
    return answer.json


def dues(desk):
    return {task["unit"]["archive_no"]: task["due_on"] for task in desk.tasks()}


CORRECTED = (
    ("N1", "GG1", "", "", "", "公共场所", "2026-10-15"),
    ("N2", "GG2", "", "", "", "公共场所"),
    ("N4", "GG4", "", "", "", "公共场所"),
)


def test_a_corrected_file_shows_what_is_new_changed_and_gone_and_changes_nothing(desk, list_id):
    before = desk.show(list_id)["rows"], desk.rows(list_id), desk.tasks()
    found = preview(desk, list_id, *CORRECTED)
    assert found["counts"] == {"new": 1, "same": 1, "changed": 1, "gone": 1, "refused": 0}
    lines = desk.lines(list_id, found["id"])
    assert [(line["superior_no"], line["change"], line["changed"]) for line in lines] == [
        ("N1", "changed", ["due_on"]),
        ("N2", "same", []),
        ("N4", "new", []),
        ("N3", "gone", []),
    ]
    (gone,) = desk.lines(list_id, found["id"], change="gone")
    assert (gone["row_no"], gone["superior_no"]) == (None, "N3")
    assert (desk.show(list_id)["rows"], desk.rows(list_id), desk.tasks()) == before
    assert preview(desk, list_id, *CORRECTED)["id"] == found["id"], "the same preview again"


def test_a_confirmed_correction_adds_rows_moves_deadlines_and_keeps_what_is_gone(desk, list_id):
    before = {task["unit"]["archive_no"]: task["id"] for task in desk.tasks()}
    confirmed(desk, list_id, *CORRECTED)
    assert dues(desk) == {"GG1": "2026-10-15", "GG2": "2026-10-31", "GG3": "2026-10-31"}
    assert desk.apply(list_id)["created"] == 1
    after = {task["unit"]["archive_no"]: task["id"] for task in desk.tasks()}
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {"GG4"}
    (gone,) = desk.rows(list_id, gone="true")
    assert (gone["superior_no"], gone["task"]["state"]) == ("N3", "pending")
    assert desk.show(list_id)["rows"]["gone"] == 1
    files = [file["state"] for file in desk.pages(f"{URL}/{list_id}/files", {})]
    assert files == ["superseded", "current"]


def test_the_first_file_again_is_a_correction_of_the_correction(desk, list_id):
    confirmed(desk, list_id, *CORRECTED)
    desk.apply(list_id)
    confirmed(desk, list_id, *FIRST)
    assert desk.apply(list_id)["created"] == 0
    assert dues(desk)["GG1"] == "2026-09-30"
    assert [row["superior_no"] for row in desk.rows(list_id, gone="true")] == ["N4"]
    assert len(desk.tasks()) == 4


@pytest.mark.parametrize(
    ("lines", "header"),
    [
        ([(f"GG{n}", "公共场所") for n in (1, 2, 3)], ("档案编号", "专业")),
        ([(f"上海第{n}宾馆有限责任公司",) for n in (1, 2, 3)], ("单位名称",)),
        (
            [(f"上海第{n}宾馆有限公司", f"长宁区长宁路{n}号", "公共场所") for n in (3, 2, 1)],
            ("单位名称", "地址", "专业"),
        ),
    ],
)
def test_a_file_with_other_columns_means_the_same_rows(desk, list_id, lines, header):
    """The superior's second file has no numbers: it is known by its units."""
    found = preview(desk, list_id, *lines, header=header)
    assert (found["counts"]["new"], found["counts"]["gone"]) == (0, 0)
    assert desk.confirm(list_id, found["id"]).status_code == 200
    assert desk.apply(list_id)["created"] == 0
    assert len(desk.tasks()) == 3


def test_a_number_that_moves_to_another_unit_does_not_take_its_task_along(desk, list_id):
    moved = (("N1", "GG5", "", "", "", "公共场所"), *FIRST[1:])
    found = preview(desk, list_id, *moved)
    (line,) = desk.lines(list_id, found["id"], change="refused")
    assert [reason["code"] for reason in line["reasons"]] == ["task-of-another-unit"]
    desk.confirm(list_id, found["id"])
    desk.apply(list_id)
    assert sorted(dues(desk)) == ["GG1", "GG2", "GG3"]
    assert desk.rows(list_id)[0]["unit"]["archive_no"] == "GG1"


def test_before_there_are_tasks_a_corrected_unit_is_matched_anew(desk, units):
    list_id = desk.listed(csv(("N1", "", "", "没有登记的单位"), ("N2", "GG2")))
    row = desk.rows(list_id)[0]
    desk.decide(list_id, row, decision="unknown")
    confirmed(desk, list_id, ("N1", "", "", "上海第1宾馆有限公司"), ("N2", "GG2"))
    row = desk.rows(list_id)[0]
    assert (row["outcome"], row["decision"]) == ("matched", None)
    assert desk.apply(list_id)["created"] == 2


def test_a_deadline_of_an_ended_task_stays(desk, list_id, make):
    task = desk.tasks()[0]
    digest = make.stored_evidence()
    url = f"/api/v1/tasks/{task['id']}"
    first, second = make.supervisor(), make.supervisor()
    with make.writing():
        tasks.propose_closing(UUID(task["id"]), "ceased", "", [digest], by=first, at=make.at)
    with make.writing():
        tasks.approve_closing(UUID(task["id"]), by=second, at=make.at)
    confirmed(desk, list_id, *CORRECTED)
    assert desk.client.get(url).json["due_on"] == "2026-09-30"
    assert desk.rows(list_id)[0]["stated_due_on"] == "2026-10-15"


def test_a_broken_line_neither_changes_its_row_nor_makes_it_gone(desk, list_id):
    broken = (("N1", "GG1", "", "", "", "公共场所", "=TODAY()"), *FIRST[1:])
    found = preview(desk, list_id, *broken)
    assert found["counts"] == {"new": 0, "same": 2, "changed": 0, "gone": 0, "refused": 1}
    desk.confirm(list_id, found["id"])
    assert [row["outcome"] for row in desk.rows(list_id)] == ["matched"] * 3
    assert dues(desk)["GG1"] == "2026-09-30"


def test_faults_of_an_earlier_file_do_not_outlive_it(desk, units):
    list_id = desk.listed(csv(("N1", "GG1"), ("N2", "GG2", "", "", "", "牙科")))
    assert desk.show(list_id)["rows"]["refused"] == 1
    confirmed(desk, list_id, ("N1", "GG1"), ("N2", "GG2", "", "", "", "公共场所"))
    counts = desk.show(list_id)["rows"]
    assert (counts["refused"], counts["matched"]) == (0, 2)


def test_of_two_previews_only_one_can_hold(desk, list_id):
    one = preview(desk, list_id, *CORRECTED)
    two = preview(desk, list_id, *FIRST[:2])
    assert desk.confirm(list_id, one["id"]).status_code == 200
    assert problem(desk.confirm(list_id, two["id"])) == (409, "given-list-file-stale")
    assert problem(desk.confirm(list_id, one["id"])) == (409, "given-list-file-stale")


def test_other_wording_is_no_change(desk, units):
    list_id = desk.listed(csv(("N1", "", "", "上海第1宾馆有限公司", "长宁路1号")))
    again = ("N1", "", "", "上海 第1宾馆有限责任公司", "长宁路 1号")
    assert preview(desk, list_id, again)["counts"]["same"] == 1
