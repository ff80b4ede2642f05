"""Rates of tasks, against published figures."""

import csv
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from app.catalogue.rules import SETTING_CHOICES
from app.reports import rules
from app.reports.rules import Rounding, SpecialtyCount, TaskCounts

DATA = Path(__file__).parents[1] / "data"


def table(name):
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


ROWS = table("task_rates.tsv")
COUNTED = [row for row in ROWS if row["completed"]]
UNCOUNTED = [row for row in ROWS if not row["completed"]]
HUADU = table("huadu_2022_specialties.tsv")


def counts(row):
    return TaskCounts(*(int(row[key]) for key in ("tasks", "completed", "closed", "open")))


def case_id(row):
    return row["case_id"]


def fraction(text):
    numerator, denominator = text.split("/")
    return Fraction(int(numerator), int(denominator))


def test_the_golden_table_is_split_into_counted_and_uncounted_rows():
    assert (len(COUNTED), len(UNCOUNTED)) == (len(ROWS) - 4, 4)


@pytest.mark.parametrize("row", COUNTED, ids=case_id)
def test_published_counts_give_the_exact_rates(row):
    numbers = counts(row)
    assert numbers.completion == fraction(row["完成率_fraction"])
    assert numbers.settlement == fraction(row["完结率_fraction"])


@pytest.mark.parametrize("row", COUNTED, ids=case_id)
@pytest.mark.parametrize(
    ("rounding", "column"),
    [
        (Rounding.HALF_UP_2DP, "完成率_half_up_2dp"),
        (Rounding.HALF_UP_1DP, "完成率_half_up_1dp"),
        (Rounding.TRUNCATED_1DP, "完成率_truncated_1dp"),
        (Rounding.HALF_UP_0DP, "完成率_half_up_0dp"),
    ],
)
def test_every_named_rounding_shows_the_golden_figure(row, rounding, column):
    assert str(rules.percent(counts(row).completion, rounding)) == row[column]


def roundings_giving(rate, printed):
    """The rules under which a rate is shown as the printed value."""
    return {rounding for rounding in Rounding if rules.percent(rate, rounding) == printed}


def counts_behind(printed, tasks):
    """Every whole number of tasks that some rule shows as the printed value."""
    return [k for k in range(tasks + 1) if roundings_giving(Fraction(k, tasks), printed)]


@pytest.mark.parametrize("row", [r for r in COUNTED if r["published_完成率"]], ids=case_id)
def test_the_printed_completion_rate_comes_from_the_named_roundings(row):
    printed = Decimal(row["published_完成率"].rstrip("%"))
    found = roundings_giving(counts(row).completion, printed)
    named = row["reproduced_by"]
    expected = set(Rounding) if named == "any" else {r.replace("_", "-") for r in named.split(",")}
    assert found == expected


@pytest.mark.parametrize("row", [r for r in COUNTED if r["published_完结率"]], ids=case_id)
def test_the_printed_settlement_rate_is_the_one_with_closed_tasks(row):
    printed = Decimal(row["published_完结率"].rstrip("%"))
    assert rules.percent(counts(row).settlement, Rounding.HALF_UP_2DP) == printed


@pytest.mark.parametrize("row", UNCOUNTED, ids=case_id)
def test_rows_without_counts_are_refused(row):
    with pytest.raises(ValueError, match="invalid literal"):
        counts(row)


@pytest.mark.parametrize("row", [r for r in ROWS if r["components"]], ids=case_id)
def test_the_specialties_of_a_published_total_add_up(row):
    parts = [int(part.split("=")[1]) for part in row["components"].split(";")]
    assert rules.add_up(SpecialtyCount("", part) for part in parts) == (int(row["tasks"]), 0)


def test_no_single_rounding_gives_both_figures_of_putuo():
    first = roundings_giving(Fraction(276, 287), Decimal("96.1"))
    second = roundings_giving(Fraction(381, 397), Decimal("96"))
    assert first == {Rounding.TRUNCATED_1DP}
    assert not first & second


def test_a_printed_rate_can_have_no_count_behind_it():
    (trap,) = [row for row in ROWS if row["class"] == "trap"]
    printed = Decimal(trap["published_完成率"].rstrip("%"))
    assert counts_behind(printed, int(trap["tasks"])) == []


def test_a_printed_rate_can_have_several_counts_behind_it():
    assert len(counts_behind(Decimal("96"), 397)) > 1
    assert counts_behind(Decimal("97.91"), 861) == [843]


def test_counts_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="add up"):
        TaskCounts(10, 8, 1, 0)
    with pytest.raises(ValueError, match="negative"):
        TaskCounts(10, 12, 0, -2)


def test_without_tasks_there_is_no_rate():
    assert TaskCounts(0, 0, 0, 0).completion is None
    assert TaskCounts(0, 0, 0, 0).settlement is None


def test_closing_raises_settlement_but_not_completion():
    before, after = TaskCounts(10, 6, 0, 4), TaskCounts(10, 6, 4, 0)
    assert before.completion == after.completion == Fraction(3, 5)
    assert before.settlement == Fraction(3, 5)
    assert after.settlement == 1


def test_national_and_district_draws_of_putuo_add_up():
    both = TaskCounts(287, 276, 11, 0) + TaskCounts(397, 381, 16, 0)
    assert both == TaskCounts(684, 657, 27, 0)


def test_a_half_is_rounded_up_and_never_to_the_even_digit():
    assert rules.percent(Fraction(1, 8), Rounding.HALF_UP_0DP) == Decimal(13)
    assert rules.percent(Fraction(1, 16), Rounding.HALF_UP_1DP) == Decimal("6.3")
    assert rules.percent(Fraction(1, 16), Rounding.TRUNCATED_1DP) == Decimal("6.2")
    assert str(rules.percent(Fraction(1), Rounding.HALF_UP_2DP)) == "100.00"


@pytest.mark.parametrize("row", HUADU, ids=lambda row: row["specialty"])
def test_every_row_of_huadu_stands_on_its_side(row):
    """A specialty adds to the total, a cross-department one stands apart, the total is the rest."""
    others = [
        SpecialtyCount(r["specialty"], int(r["tasks"]), cross_department=r["in_298"] == "no")
        for r in HUADU
        if r["in_298"] != "total" and r != row
    ]
    inside, outside = rules.add_up(others)
    tasks = int(row["tasks"])
    apart = {"yes": (298 - tasks, 13), "no": (298, 13 - tasks), "total": (tasks, 13)}
    assert (inside, outside) == apart[row["in_298"]]


def test_cross_department_tasks_of_huadu_stand_outside_the_298():
    rows = [
        SpecialtyCount(r["specialty"], int(r["tasks"]), cross_department=r["in_298"] == "no")
        for r in HUADU
        if r["in_298"] != "total"
    ]
    (total,) = [int(r["tasks"]) for r in HUADU if r["in_298"] == "total"]
    assert rules.add_up(rows) == (total, 13)
    assert total == 298


def test_the_setting_of_the_rounding_takes_every_rule_and_no_other():
    assert set(SETTING_CHOICES["rate-rounding"]) == set(Rounding)
