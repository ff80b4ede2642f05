"""Dated lists of units: who is on them on a day, and that nothing is deleted."""

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
