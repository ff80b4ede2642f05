"""Results on their channels: public within 20 working days, withdrawn within 3 of a change."""

from datetime import date
from typing import Any

import pytest

from app.access import Role
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.db import db, transaction
from app.documents.rules import Signature
from app.publication import queries, service
from app.publication.publishing import follow_publications
from app.tasks import service as tasks
from app.visits import service as visits
from tests.cases.ordinary import Office
from tests.reports.desk import visited

VISITED, CHANGED = date(2026, 9, 1), date(2026, 9, 23)


class Results:
    """A pair, a supervisor who completes and reopens, another who agrees."""

    def __init__(self, office):
        self.office, self.make = office, office.make
        self.pair = (office.an, office.bo)
        self.second = self.make.officer()
        self.make.account(Role.SUPERVISOR, officer=self.second)

    def completed(self, origin, outcome="ordered-to-correct", **unit: Any):
        self.office.be(VISITED)
        visit = visited(self.make, self.make.unit(**unit), self.pair, outcome, origin=origin)
        device = self.make.tablet_of(self.pair[0])
        with transaction():
            visits.sign_visit(
                visit.id,
                Signature(),
                officer_id=self.pair[0].id,
                device_id=device.id,
                recorded_at=self.make.at,
                by=device,
                at=self.make.at,
            )
        with transaction():
            tasks.complete_task(visit.task_id, by=self.office.chen, at=self.make.at)
        return visit

    def reopen(self, visit):
        self.office.be(CHANGED)
        with transaction():
            by = self.office.chen
            tasks.reopen_task(visit.task_id, "结果有误", self.second.id, by=by, at=self.make.at)

    def run(self, on):
        self.office.be(on)
        return follow_publications(at=self.make.at)

    def shown(self, visit):
        db.session.remove()
        return {one.channel: one for one in queries.of_subject(visit.id)}


@pytest.fixture
def results(make, clock, app_context):
    return Results(Office(make, clock))


def test_results_are_public_within_twenty_working_days_each_on_its_channels(results):
    found = {origin: results.completed(origin) for origin in ("drawn", "joint-drawn", "routine")}
    assert results.run(date(2026, 9, 2)) == "3 planned, 5 public"
    for origin, visit in found.items():
        shown = results.shown(visit)
        joint = set() if origin == "routine" else {"joint-draw"}
        assert set(shown) == {"portal", *joint}
        for one in shown.values():
            # a worked Sunday and a holiday Friday lie between
            assert (one.state, one.due_on) == ("public", date(2026, 9, 29))
            assert one.content["result"] == "不合格"
    figures = service.figures_of(results.make.home().id, VISITED, VISITED, today=date(2026, 9, 30))
    counted = {
        one["channel"]: (one["published"].numerator, one["published"].denominator, one["late"])
        for one in figures
    }
    assert counted == {"portal": (3, 3, []), "joint-draw": (2, 2, [])}


def test_a_result_of_a_task_that_is_opened_again_leaves_every_channel_in_three_working_days(
    results,
):
    visit = results.completed("drawn", name="上海某某宾馆有限公司")
    kept = results.completed("drawn")
    results.run(date(2026, 9, 2))
    results.reopen(visit)
    results.run(date(2026, 9, 24))
    assert results.run(date(2026, 9, 25)) == "nothing due"
    shown = results.shown(visit)
    assert set(shown) == {"portal", "joint-draw"}
    for one in shown.values():
        assert (one.state, one.content) == ("withdrawn", None)
        assert one.withdraw_due_on == date(2026, 9, 29)
        assert one.ended_at.date() <= one.withdraw_due_on
        assert "重新办理" in one.withdrawn_reason
    assert {one.state for one in results.shown(kept).values()} == {"public"}
    for path in ("results", "results.json", "results.csv"):
        text = results.make.flask_app.test_client().get(f"/public/{path}").text
        assert "上海某某宾馆" not in text


def test_what_is_withdrawn_too_late_is_flagged(results):
    visit = results.completed("drawn")
    results.run(date(2026, 9, 2))
    results.reopen(visit)
    results.run(date(2026, 9, 30))
    clerk = results.make.signed_in(Role.CLERK)
    items = clerk.get("/api/v1/publications").json["items"]
    assert {one["channel"]: one["withdrawn_late"] for one in items} == {
        "portal": True,
        "joint-draw": True,
    }


def test_the_public_pages_name_the_days_of_the_channel_in_force(results):
    results.office.be(VISITED)
    public = results.make.flask_app.test_client()
    assert "20 个工作日内公布" in public.get("/public/results").text
    with transaction():
        row = catalogue.get_row(Kind.PUBLICATION_CHANNEL, service.PORTAL, VISITED)
        subjects = [{**one, "days": 5} for one in row.body["subjects"]]
        catalogue.supersede(
            Kind.PUBLICATION_CHANNEL,
            service.PORTAL,
            {**row.body, "subjects": subjects, "withdraw_days": 2},
            effective_from=VISITED,
            source="本机关规定",
            by=results.office.chen,
            at=results.make.at,
        )
    assert "检查完成后 5 个工作日内公布" in public.get("/public/results").text
    page = public.get("/public/decisions").text
    assert "作出决定后 5 个工作日内公布；变更、撤销的，2 个工作日内撤回" in page
