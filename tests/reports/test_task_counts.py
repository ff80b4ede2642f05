"""Counts and rates over stored tasks, against published figures."""

from datetime import date

import pytest

from app.access import Role
from app.catalogue import seeds
from app.db import transaction
from app.reports import rules, service
from app.reports.rules import Group, Rounding, TaskCounts
from app.tasks import service as tasks
from app.tasks.rules import NewTask, TaskState
from tests.factories import OTHER_DISTRICT
from tests.reports.test_rules import ROWS

YEAR = (date(2026, 1, 1), date(2026, 12, 31))
YANAN_CODES = {
    "公共场所": "public-places",
    "生活饮用水": "drinking-water",
    "职业卫生": "occupational",
    "放射卫生": "radiation",
    "学校卫生": "school-health",
    "医疗卫生": "medical",
    "传染病防治": "infectious-disease",
    "餐饮具消毒": "tableware-disinfection",
    "妇幼健康": "maternal-child",
}


class Office:
    """An agency that works off tasks by the hundred, each through the services."""

    def __init__(self, make):
        self.make = make
        self.unit = make.unit()
        every = tuple(row["code"] for row in seeds.rows("specialties"))
        self.team = [make.officer(specialties=every, lead_specialties=every).id for _ in range(2)]
        self.chen, self.ding = make.supervisor(), make.supervisor()
        self.evidence = make.stored_evidence()

    def create(self, count, specialty="public-places", origin="drawn", **values):
        data = [NewTask(self.unit.id, specialty, origin, **values)] * count
        return tasks.create_tasks(data, agency=self.make.home(), by=self.chen, at=self.make.at)

    def complete(self, task, outcome="no-problem"):
        who = {"by": self.chen, "at": self.make.at}
        tasks.assign_task(task.id, self.team, self.team[0], **who)
        tasks.accept_task(task.id, officer_id=self.team[0], **who)
        tasks.start_task(task.id, officer_id=self.team[0], **who)
        tasks.submit_task(task.id, outcome, **who)
        if outcome != "awaiting-results":
            tasks.complete_task(task.id, **who)

    def close(self, task):
        at = self.make.at
        tasks.propose_closing(task.id, "ceased", "", [self.evidence], by=self.ding, at=at)
        tasks.approve_closing(task.id, by=self.chen, at=at)

    def count(self, *period, **chosen):
        agency_id = self.make.home().id
        return service.count_tasks(agency_id, *(period or YEAR), at=self.make.at, **chosen)


@pytest.fixture
def office(make, app_context):
    return Office(make)


def numbers(named):
    return {each.code: each.tasks for each in named}


def test_the_published_year_of_yanan_is_reproduced_task_by_task(office):
    (row,) = [row for row in ROWS if row["case_id"] == "yanan2023"]
    parts = dict(part.split("=") for part in row["components"].split(";"))
    with transaction():
        made = [
            task
            for name, number in parts.items()
            for task in office.create(int(number), YANAN_CODES[name])
        ]
        for task in made[:18]:
            office.close(task)
        for task in made[18:]:
            office.complete(task)
    report = office.count()
    assert report.counts == TaskCounts(861, 843, 18, 0)
    completion = report.completion
    assert (completion.name, completion.numerator, completion.denominator) == ("完成率", 843, 861)
    assert (completion.percent, completion.rounding) == ("97.91", Rounding.HALF_UP_2DP)
    settlement = report.settlement
    assert (settlement.name, settlement.numerator, settlement.percent) == ("完结率", 861, "100.00")
    assert {line.code: line.counts.tasks for line in report.by_specialty} == {
        YANAN_CODES[name]: int(number) for name, number in parts.items()
    }
    assert [line.name for line in report.by_specialty][:2] == ["公共场所", "生活饮用水"]


def test_the_published_outcomes_of_shenzhen_add_up_to_its_tasks(office):
    with transaction():
        made = office.create(40)
        outcomes = ["no-problem"] * 11 + ["ordered-to-correct"] * 19 + ["lead"] * 8
        for task, outcome in zip(made, outcomes, strict=False):
            office.complete(task, outcome)
        for task in made[38:]:
            office.close(task)
    report = office.count()
    assert numbers(report.by_outcome) == {
        "no-problem": 11,
        "ordered-to-correct": 19,
        "lead": 8,
        "closed": 2,
    }
    assert sum(numbers(report.by_outcome).values()) == report.counts.tasks == 40
    assert (report.completion.percent, report.settlement.percent) == ("95.00", "100.00")


def test_open_tasks_are_shown_by_state_with_those_awaiting_results_apart(office):
    with transaction():
        made = office.create(4)
        office.complete(made[0])
        office.complete(made[1], "awaiting-results")
    report = office.count()
    assert report.counts == TaskCounts(4, 1, 0, 3)
    assert numbers(report.by_state) == {"completed": 1, "awaiting-results": 1, "pending": 2}
    assert numbers(report.by_outcome) == {"no-problem": 1, "open": 3}
    names = {each.code: each.name for each in report.by_state}
    assert names["awaiting-results"] == "待检测"


def test_a_compliance_talk_is_no_inspection_and_in_no_rate(office):
    with transaction():
        office.complete(office.create(1)[0])
        office.create(3, origin="compliance-talk")
    report = office.count()
    assert (report.counts, report.other_events) == (TaskCounts(1, 1, 0, 0), 3)
    assert numbers(report.by_origin) == {"drawn": 1}
    alone = office.count(origin="compliance-talk")
    assert (alone.counts.tasks, alone.other_events) == (0, 3)
    assert (alone.completion.percent, alone.completion.denominator) == (None, 0)


def test_a_task_counts_on_the_local_day_it_was_made(office, clock):
    clock.at = clock.at.replace(day=20, hour=15, minute=59)
    with transaction():
        office.create(1)
    clock.forward(minutes=1)
    with transaction():
        office.create(2)
    assert office.count(date(2026, 11, 20), date(2026, 11, 20)).counts.tasks == 1
    assert office.count(date(2026, 11, 21), date(2026, 11, 21)).counts.tasks == 2
    assert office.count(date(2026, 11, 22), date(2026, 12, 31)).counts.tasks == 0


def test_filters_narrow_what_is_counted(office):
    with transaction():
        office.create(1, level="国抽")
        office.create(2, level="区抽")
        office.create(4, "medical", "complaint")
    assert office.count(level="国抽").counts.tasks == 1
    assert office.count(specialty="medical").counts.tasks == 4
    assert office.count(origin="drawn").counts.tasks == 3
    assert numbers(office.count().by_origin) == {"drawn": 3, "complaint": 4}


def test_a_named_rounding_shows_the_same_fraction_otherwise(office):
    with transaction():
        made = office.create(3)
        for task in made[:2]:
            office.complete(task)
    assert office.count().completion.percent == "66.67"
    assert office.count(rounding=Rounding.TRUNCATED_1DP).completion.percent == "66.6"


def test_another_agencys_tasks_are_not_counted(office, make):
    make.task(agency=make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    assert office.count().counts.tasks == 0


def test_a_period_before_the_catalogue_began_is_empty_and_no_failure(office):
    report = office.count(date(1990, 1, 1), date(1990, 12, 31))
    assert (report.counts.tasks, report.completion.percent) == (0, None)


def test_a_reversed_period_is_refused(office):
    with pytest.raises(service.PeriodReversed):
        office.count(date(2026, 2, 1), date(2026, 1, 1))


def test_a_completed_task_without_outcome_is_not_counted_away():
    with pytest.raises(ValueError, match="outcome"):
        rules.gather([Group("medical", "drawn", TaskState.COMPLETED, False, None, 1)])


def test_the_report_comes_over_http_with_its_cut_off(make):
    make.task()
    client = make.signed_in(Role.AUDITOR)
    answer = client.get("/api/v1/reports/task-counts?until_on=2026-11-30")
    assert answer.status_code == 200, answer.json
    assert (answer.json["from_on"], answer.json["until_on"]) == ("2026-01-01", "2026-11-30")
    assert answer.json["as_of"] == "2026-11-21T01:00:00.000Z"
    assert answer.json["counts"] == {"tasks": 1, "completed": 0, "closed": 0, "open": 1}
    assert answer.json["completion"] == {
        "name": "完成率",
        "numerator": 0,
        "denominator": 1,
        "rounding": "half-up-2dp",
        "percent": "0.00",
    }
    misspelt = client.get("/api/v1/reports/task-counts?from=2026-11-01")
    assert misspelt.status_code == 422, "nobody takes the numbers of other days for theirs"
    assert [one["pointer"] for one in misspelt.json["errors"]] == ["#/from"]
    refused = client.get("/api/v1/reports/task-counts?from_on=2026-12-01&until_on=2026-11-30")
    assert refused.status_code == 422
    assert refused.json["type"] == "/problems/period-reversed"
