"""Dated lists of units: who is on them on a day, and that nothing is deleted."""

import io
from datetime import date
from typing import Any

import flask
import pytest

from app.access import Role
from app.units import queries
from tests.conftest import FixedClock
from tests.factories import OTHER_DISTRICT, Make

PATH = "/api/v1/unit-labels"


@pytest.fixture
def chen(flask_app: flask.Flask, make: Make, clock: FixedClock) -> Any:
    """Chen, a supervisor."""
    return make.signed_in(Role.SUPERVISOR)


def body(unit: Any, **values: Any) -> dict[str, Any]:
    return {
        "unit_id": str(unit.id),
        "label": "unobtrusive",
        "from_on": "2026-11-01",
        "source": "2026年无感监管名单",
        **values,
    }


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["type"]


def test_a_unit_comes_on_a_list_and_leaves_it(
    flask_app: flask.Flask, make: Make, chen: Any
) -> None:
    unit = make.unit()
    made = chen.post(PATH, json=body(unit))
    assert (made.status_code, made.json["archive_no"]) == (201, unit.archive_no)
    one = f"{PATH}/{made.json['id']}"
    tag = chen.get(one).headers["ETag"]
    end = {"until_on": "2026-11-20", "reason": "退出名单"}
    assert chen.post(f"{one}/end", json=end).status_code == 428
    ended = chen.post(f"{one}/end", json=end, headers={"If-Match": tag})
    assert (ended.status_code, ended.json["until_on"]) == (200, "2026-11-20")
    tag = ended.headers["ETag"]
    again = chen.post(f"{one}/end", json=end, headers={"If-Match": tag})
    assert problem(again) == (409, "/problems/unit-label-ended")
    with flask_app.app_context():
        on = [queries.labels_on(unit.agency_id, date(2026, 11, day)) for day in (1, 20, 21)]
    assert on == [{unit.id: {"unobtrusive"}}, {unit.id: {"unobtrusive"}}, {}]
    assert len(chen.get(f"{PATH}?unit_id={unit.id}").json["items"]) == 1
    assert chen.get(f"{PATH}?on=2026-11-21").json["items"] == []
    assert chen.get(f"{PATH}?label=pending-case").json["items"] == []


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"label": "nothing"}, (422, "/problems/unit-label-invalid")),
        ({"until_on": "2026-10-31"}, (422, "/problems/unit-label-invalid")),
        ({"from_on": "2026-11-30", "until_on": "2026-12-02"}, (409, "/problems/unit-label-twice")),
        ({"from_on": "2026-10-01"}, (409, "/problems/unit-label-twice")),
    ],
)
def test_what_cannot_be_declared_is_refused(
    make: Make, chen: Any, values: dict[str, Any], answer: tuple[int, str]
) -> None:
    unit = make.unit()
    assert chen.post(PATH, json=body(unit)).status_code == 201
    assert problem(chen.post(PATH, json=body(unit, **values))) == answer


def test_days_before_and_after_an_entry_are_free(make: Make, chen: Any) -> None:
    unit = make.unit()
    make.label(unit, "unobtrusive", from_on=date(2026, 11, 1), until_on=date(2026, 11, 9))
    before = body(unit, from_on="2026-10-01", until_on="2026-10-31")
    after = body(unit, from_on="2026-11-10")
    assert chen.post(PATH, json=before).status_code == 201
    assert chen.post(PATH, json=after).status_code == 201


def test_an_entry_ends_inside_its_days(make: Make, chen: Any) -> None:
    label = make.label(make.unit(), from_on=date(2026, 11, 1), until_on=date(2026, 11, 9))
    for on in ("2026-10-31", "2026-11-10"):
        answer = chen.post(
            f"{PATH}/{label.id}/end",
            json={"until_on": on, "reason": "错"},
            headers={"If-Match": '"1"'},
        )
        assert problem(answer) == (422, "/problems/unit-label-invalid")


def test_a_pending_case_is_not_everybodys_to_know(make: Make, chen: Any) -> None:
    make.label(make.unit())
    assert make.signed_in(Role.AUDITOR).get(PATH).status_code == 200
    for role in (Role.OFFICER, Role.CLERK, Role.ADMINISTRATOR):
        assert make.signed_in(role).get(PATH).status_code == 403


def test_another_agency_finds_nothing(make: Make, chen: Any) -> None:
    label = make.label(make.unit())
    other = make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    bo: Any = make.signed_in(Role.SUPERVISOR, agency=other)
    assert problem(bo.get(f"{PATH}/{label.id}")) == (404, "/problems/unit-label-not-found")
    assert bo.get(PATH).json["items"] == []
    foreign = body(make.unit())
    assert bo.post(PATH, json=foreign).status_code == 404


# --- a list as a table ---

HEAD = "档案编号,统一社会信用代码,名单,开始日期,终止日期,依据,文号\n"


def upload(chen: Any, *lines: str, preview: bool = False, head: str = HEAD) -> Any:
    data = {"file": (io.BytesIO((head + "\n".join(lines) + "\n").encode()), "名单.csv")}
    return chen.post(f"{PATH}/imports?preview={str(preview).lower()}", data=data)


def entries(chen: Any) -> set[tuple[str, str, str, str | None]]:
    items = chen.get(f"{PATH}?limit=100").json["items"]
    return {(one["archive_no"], one["label"], one["from_on"], one["until_on"]) for one in items}


def test_a_table_puts_units_on_a_list_and_again_changes_nothing(make: Make, chen: Any) -> None:
    first, second = make.unit(archive_no="A1"), make.unit(archive_no="A2")
    lines = (
        f"{first.archive_no},,无感监管,2026-11-01,,2026年名单,沪卫监〔2026〕8号",
        f"{second.archive_no},,unobtrusive,2026/11/01,2026年12月31日,2026年名单,",
    )
    shown = upload(chen, *lines, preview=True).json
    assert [line["verdict"] for line in shown["lines"]] == ["create", "create"]
    assert entries(chen) == set()
    assert upload(chen, *lines).status_code == 200
    on_list = {
        ("A1", "unobtrusive", "2026-11-01", None),
        ("A2", "unobtrusive", "2026-11-01", "2026-12-31"),
    }
    assert entries(chen) == on_list
    again = upload(chen, *lines).json
    assert [line["verdict"] for line in again["lines"]] == ["unchanged", "unchanged"]
    assert entries(chen) == on_list


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("B9,,无感监管,2026-11-01,,名单,", "unit-unknown"),
        (",,无感监管,2026-11-01,,名单,", "unit-unknown"),
        (",91350100M000100Y43,无感监管,2026-11-01,,名单,", "unit-unknown"),
        ("A1,,没有的名单,2026-11-01,,名单,", "label-unknown"),
        ("A1,,无感监管,11月,,名单,", "day-unreadable"),
        ("A1,,无感监管,,,名单,", "missing"),
        ("A1,,无感监管,2026-11-01,2026-10-01,名单,", "days-reversed"),
        ("A1,,无感监管,2026-11-01,,,", "missing"),
        (f"A1,,无感监管,2026-11-01,,{'长' * 501},", "too-long"),
        ("A1,,无感监管,2026-11-01", "ragged-row"),
        ("A2,,无感监管,2026-12-01,,名单,", "unit-label-twice"),
    ],
)
def test_one_line_that_cannot_be_taken_keeps_the_whole_table_out(
    make: Make, chen: Any, line: str, code: str
) -> None:
    make.unit(archive_no="A1")
    make.unit(archive_no="A2")
    good = "A2,,无感监管,2026-11-01,,名单,"
    refused = upload(chen, good, line)
    assert problem(refused) == (422, "/problems/unit-label-table-invalid")
    assert [error["pointer"] for error in refused.json["errors"]] == ["#/3"]
    told = upload(chen, good, line, preview=True).json["lines"]
    assert (told[0]["verdict"], told[1]["verdict"]) == ("create", "refuse")
    assert code in {reason["code"] for reason in told[1]["reasons"]}
    assert entries(chen) == set()


def test_a_code_of_one_unit_stands_for_its_archive_number(make: Make, chen: Any) -> None:
    unit = make.unit(uscc="91350100M000100Y43")
    assert upload(chen, ",91350100m000100y43,无感监管,2026-11-01,,名单,").status_code == 200
    assert {one[0] for one in entries(chen)} == {unit.archive_no}


def test_a_table_of_another_agency_finds_none_of_our_units(make: Make, chen: Any) -> None:
    foreign = make.agency(OTHER_DISTRICT)
    make.unit(foreign, archive_no="A1")
    refused = upload(chen, "A1,,无感监管,2026-11-01,,名单,")
    assert problem(refused) == (422, "/problems/unit-label-table-invalid")


def test_a_table_without_its_columns_is_refused(chen: Any) -> None:
    refused = upload(chen, "A1,2026-11-01", head="档案编号,开始日期\n")
    assert problem(refused) == (422, "/problems/sheet-columns-missing")
