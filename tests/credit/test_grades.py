"""Grades on both databases: from sheets, declared under a scheme, and what they weigh in a draw."""

from datetime import date

import pytest

from app.access import Role
from app.credit import grades, service
from app.db import transaction
from app.draws import freezing
from tests.credit.desk import Desk


@pytest.fixture
def desk(make, app_context):
    return Desk(make)


def declare(desk, scheme, grade, reference="评估1号", on=date(2026, 5, 1)):
    new = grades.NewGrade(desk.unit.id, scheme, grade, reference, on, "综合风险评估")
    with transaction():
        return grades.declare_grade(new, **desk.who)


def test_a_first_grade_comes_of_two_scorings_three_months_apart_and_later_ones_of_one(desk):
    first = desk.score("评1", date(2026, 2, 1), air=100)
    early = desk.score("评2", date(2026, 4, 30), air=100)
    second = desk.score("评3", date(2026, 5, 1), air=60)
    third = desk.score("评4", date(2026, 10, 1), air=100, linen=100, file=50, training=50)

    assert (first.outcome, first.hundredths, first.grade) == ("first-of-several", 9000, None)
    assert early.outcome == "too-soon"
    assert (second.outcome, second.grade.grade, second.grade.from_on) == (
        "graded",
        "A",
        date(2026, 5, 1),
    )
    assert second.grade.reasons == ["标化分 92.00", "首次评级取各次评分的结果，本次 94.00"]
    assert third.grade.reasons == ["标化分 70.00"]
    assert (third.outcome, third.grade.grade) == ("graded", "B")


def test_the_same_sheet_again_is_one_scoring_and_another_content_is_refused(desk):
    one = desk.score("评1", date(2026, 2, 1), air=100)
    assert desk.score("评1", date(2026, 2, 1), air=100).id == one.id
    with pytest.raises(grades.ScoringDiffers):
        desk.score("评1", date(2026, 2, 1), air=90)


def test_a_failed_key_item_leaves_a_unit_without_grade_and_weighs(desk):
    desk.score("评1", date(2026, 2, 1))
    desk.score("评2", date(2026, 5, 1))
    failed = desk.score("评3", date(2026, 9, 1), utensils=10)

    assert (failed.outcome, failed.grade.grade) == ("key-item-failed", None)
    assert "顾客用品用具" in failed.grade.reasons[0]
    classes = {
        on: service.standings_on(desk.unit.agency_id, on)[desk.unit.id].draw_class
        for on in (date(2026, 8, 31), date(2026, 9, 1))
    }
    assert classes == {date(2026, 8, 31): "A", date(2026, 9, 1): "D"}
    assert desk.score("评4", date(2026, 10, 1)).grade.grade == "A"


def test_no_valid_licence_no_grade(make, app_context):
    desk = Desk(make, licences=())
    assert desk.score("评1", date(2026, 2, 1)).outcome == "no-licence"


def test_an_incomplete_sheet_is_refused_with_its_items(desk):
    with pytest.raises(grades.ScoresWrong) as raised:
        desk.score("评1", date(2026, 2, 1), licence=None, air=101)
    assert [one["pointer"] for one in raised.value.extras["errors"]] == [
        "#/scores/licence",
        "#/scores/air",
    ]


def test_classes_of_occupational_health_are_kept_with_their_scheme_and_weigh_nothing(desk):
    supervision = declare(desk, "occupational-supervision", "甲")
    risk = declare(desk, "occupational-risk", "甲")

    assert {one.scheme for one in grades.grades_of(desk.unit, date(2026, 6, 1))} == {
        supervision.scheme,
        risk.scheme,
    }
    assert service.standings_on(desk.unit.agency_id, date(2026, 6, 1)) == {}
    assert declare(desk, "occupational-risk", "甲").id == risk.id
    with pytest.raises(grades.GradeDiffers):
        declare(desk, "occupational-risk", "丙")
    with pytest.raises(grades.GradeNotInScheme):
        declare(desk, "occupational-risk", "A", "评估2号")
    with pytest.raises(grades.GradeNotInScheme):
        declare(desk, "public-places", "A", "评估3号")  # only a score sheet gives it


def test_a_void_grade_leaves_the_one_before_in_force(desk):
    desk.score("评1", date(2026, 2, 1))
    desk.score("评2", date(2026, 5, 1))
    worse = desk.score("评3", date(2026, 9, 1), air=100, linen=100).grade
    with transaction():
        grades.void_grade(
            grades.get_grade(worse.id, desk.unit.agency_id), "录入有误", by=desk.by, at=desk.make.at
        )
    (now,) = grades.grades_of(desk.unit, date(2026, 10, 1))
    assert now.grade == "A"


def test_the_newest_grade_on_the_cut_off_day_and_a_standing_decision_reach_the_freeze(desk):
    other = desk.make.unit(credit_class="B")
    desk.score("评1", date(2026, 2, 1))
    desk.score("评2", date(2026, 5, 1))
    desk.score("评3", date(2026, 9, 1), air=100, linen=100, file=50, training=50, washroom=50)

    def weights(cutoff_on):
        plan = desk.make.plan(weight_factors=["credit"], cutoff_on=cutoff_on)
        found = freezing.prepare(plan, at=desk.make.at).frozen.listed
        return {one.archive_no: one.weight for one in found}

    before, after = weights(date(2026, 8, 31)), weights(date(2026, 11, 20))
    assert (before[desk.unit.archive_no], after[desk.unit.archive_no]) == (1, 2)
    assert before[other.archive_no] == after[other.archive_no] == 1
    desk.record(unit_id=other.id)
    assert weights(date(2026, 11, 20))[other.archive_no] == 2


def test_the_standing_of_a_unit_is_told_with_its_reasons(desk):
    clerk = desk.make.signed_in(Role.CLERK)
    entry = desk.record().entry
    told = clerk.get(f"/api/v1/credit-entries/units/{desk.unit.id}").json
    assert (told["draw_class"], told["from_register"]) == ("C", False)
    assert told["entry_ids"] == [str(entry.id)]
    assert told["points"]["total"] == 0
