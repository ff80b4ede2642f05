"""Every golden file of tests/data has tests that run each of its rows, one case for a row."""

import importlib
from pathlib import Path

import pytest

from tests.reports.test_rules import table

HERE = Path(__file__).parent
FORM, RATES = "reports.test_annual_form", "reports.test_rules"
FIGURES = "reports.test_quantities"
# a file, its rows, and the tests that run them: together as many cases as rows
RUN_BY = {
    "annex2_changning_2023.tsv": (
        19,
        f"{FORM}.test_the_ragged_source_gives_every_cell_of_the_repaired_table",
        f"{FORM}.test_the_sums_are_those_of_the_document",  # the row of the sums
    ),
    "annex2_changning_2023_ragged.tsv": (
        25,
        f"{FORM}.test_every_line_of_the_ragged_source_is_what_it_is_and_is_named_when_ragged",
    ),
    "calendar_2026.tsv": (
        39,
        "catalogue.test_rules.test_every_exceptional_day_of_2026_is_known",
    ),
    "credit_terms.tsv": (
        21,
        "credit.test_terms.test_a_decision_is_shown_as_long_as_its_rules_say",
    ),
    "huadu_2022_specialties.tsv": (9, f"{RATES}.test_every_row_of_huadu_stands_on_its_side"),
    "penalties_golden.tsv": (54, "cases.test_golden.test_a_row_of_the_golden_table_comes_out"),
    "putuo_2024_counts.tsv": (
        94,
        f"{FIGURES}.test_every_figure_of_2024_is_read_with_its_unit_and_printed_as_it_was",
    ),
    "putuo_2025_counts.tsv": (
        18,
        f"{FIGURES}.test_every_figure_of_2025_changes_against_2024_as_published",
    ),
    "task_rates.tsv": (
        10,
        f"{RATES}.test_published_counts_give_the_exact_rates",
        f"{RATES}.test_rows_without_counts_are_refused",  # the traps
    ),
    "uscc_vectors.tsv": (
        22,
        "units.test_rules.test_every_golden_code_is_judged_as_the_standard_judges_it",
    ),
    "working_days.tsv": (101, "catalogue.test_rules.test_every_golden_deadline_is_met"),
}
OURS = {"given_lists.tsv"}  # made here, no published figures


def cases_of(test):
    """How often pytest runs a test: the product of its parameters."""
    module, name = test.rpartition(".")[::2]
    marks = getattr(getattr(importlib.import_module(f"tests.{module}"), name), "pytestmark", [])
    count = 1
    for mark in marks:
        if mark.name == "parametrize":
            count *= len(list(mark.args[1]))
    return count


def test_every_golden_file_is_named_here():
    found = {path.name for path in (HERE / "data").glob("*.tsv")}
    assert found - OURS == RUN_BY.keys()


@pytest.mark.parametrize("name", sorted(RUN_BY))
def test_the_number_of_cases_equals_the_rows(name):
    rows, *tests = RUN_BY[name]
    assert len(table(name)) == rows
    assert sum(cases_of(test) for test in tests) == rows
