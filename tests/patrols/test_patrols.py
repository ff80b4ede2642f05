"""协管 on both databases: patrols, opinions of their own series, hints that become tasks."""

from datetime import date

import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import db, transaction
from app.documents.models import Document
from app.patrols import queries, rules, service
from app.patrols.service import Check, NewAssistant, NewPatrol, SeenUnit
from app.tasks.models import Task
from app.visits.models import Visit

TODAY = date(2026, 11, 21)
OPINION = {
    "problem": "未公示卫生许可证",
    "basis": "公共场所卫生管理条例",
    "advice": "在醒目位置公示",
    "deadline_on": "2026-12-01",
}


@pytest.fixture
def street(make, app_context):
    return Street(make)


class Street:
    """Two assistants of a service unit, their cell with two units, and the officer who guides."""

    def __init__(self, make):
        self.make = make
        self.officer = make.officer()
        self.chen = make.supervisor()
        self.units = [make.unit(grid_cell="G-01") for _ in range(2)]
        self.assistants = [self.register(name) for name in ("协管员甲", "协管员乙")]

    def do(self, verb, *args, **values):
        with transaction():
            return verb(*args, **values, by=self.chen, at=self.make.at)

    def register(self, name, service_unit="北新泾街道", **values):
        new = NewAssistant(name, service_unit, ("G-01",), **values)
        return self.do(service.register_assistant, new, agency=self.make.home())

    def patrol(self, *seen, by=None, **values):
        new = NewPatrol(
            **{
                "grid_cell": "G-01",
                "officer_id": self.officer.id,
                "assistant_ids": tuple(one.id for one in by or self.assistants),
                "units": tuple(SeenUnit(one.id) for one in seen or self.units),
                **values,
            }
        )
        return self.do(service.record_patrol, new, agency=self.make.home())


def test_a_patrol_is_counted_apart_and_is_no_visit(street):
    patrol = street.patrol()
    street.do(service.issue_opinion, patrol.id, street.units[0].id, OPINION)

    db.session.remove()
    agency_id = street.make.home().id
    found = rules.count(
        queries.seen_in(agency_id, TODAY, TODAY), queries.count_opinions(agency_id, TODAY, TODAY)
    )
    assert (found.assistant_visits, found.unit_visits, found.opinions) == (4, 2, 1)
    assert db.session.scalars(sa.select(Visit)).all() == []


def test_an_opinion_of_assistants_has_a_series_of_its_own(street):
    patrol = street.patrol()
    row = street.do(service.issue_opinion, patrol.id, street.units[0].id, OPINION)
    document = db.session.get_one(Document, row.document_id)
    assert (document.kind, document.series) == ("assistant-opinion", "assistant-opinion:2026")
    assert "协管员甲" in document.fields["assistants"]
    assert document.serial == 1


def test_a_hint_becomes_a_task_of_its_own_origin_once(street):
    patrol = street.patrol()
    hint = street.do(service.hand_hint, patrol.id, street.units[1].id, "疑似无证")
    taken = street.do(service.take_hint, hint.id, Check("public-places", "lodging"))
    task = db.session.get_one(Task, taken.task_id)
    assert (task.origin, task.origin_reference) == ("assistant-hint", patrol.number)
    with pytest.raises(service.HintDecided):
        street.do(service.decline_hint, hint.id, "重复")


def test_a_service_unit_makes_its_rounds_when_every_unit_of_its_cells_was_seen(street):
    one, two = street.units
    street.patrol(one, two, on_day=date(2026, 3, 1))
    street.patrol(one, on_day=date(2026, 6, 1))
    (row,) = service.coverage_of(street.make.home().id, 2026, at=street.make.at)
    assert (row.units, row.rounds, row.required, row.missing, row.met) == (2, 1, 2, 1, False)

    street.patrol(two, on_day=date(2026, 9, 1))
    (row,) = service.coverage_of(street.make.home().id, 2026, at=street.make.at)
    assert (row.rounds, row.met) == (2, True)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda street: {"grid_cell": "G-02"},
        lambda street: {"on_day": date(2026, 11, 22)},
        lambda street: {"by": [street.assistants[0], street.register("丙", "另一单位")]},
        lambda street: {"units": (SeenUnit(street.make.unit(grid_cell="G-09").id),)},
    ],
)
def test_a_patrol_stays_in_its_cell_on_its_day_and_with_its_people(street, wrong):
    with pytest.raises(service.PatrolInvalid):
        street.patrol(**wrong(street))


def test_an_assistant_who_left_patrols_no_more(street):
    client = street.make.signed_in(Role.SUPERVISOR)
    db.session.remove()
    address = f"/api/v1/assistants/{street.assistants[0].id}"
    answer = client.patch(address, json={"state": "left"}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json["state"]) == (200, "left")
    assert answer.json["grid_cells"] == ["G-01"], "what was not named stays"
    db.session.remove()
    with pytest.raises(service.PatrolInvalid):
        street.patrol()


def test_an_assistant_records_and_decides_nothing(street):
    account = street.make.account(Role.ASSISTANT)
    street.register("丙", account_id=account.id)
    with pytest.raises(service.AssistantInvalid):
        street.register("丁", account_id=street.make.account(Role.OFFICER).id)
    hint = street.do(service.hand_hint, street.patrol().id, street.units[0].id, "疑似无证")
    client = street.make.flask_app.test_client()
    headers = street.make.headers(account)
    db.session.remove()
    assert client.get("/api/v1/patrols", headers=headers).status_code == 200
    headers["If-Match"] = '"1"'
    answer = client.post(
        f"/api/v1/hints/{hint.id}/take", json={"specialty": "public-places"}, headers=headers
    )
    assert answer.status_code == 403
