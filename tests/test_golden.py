"""Every golden file of tests/data has a test that runs each of its rows."""

from pathlib import Path

import pytest

from tests.reports.test_rules import table

HERE = Path(__file__).parent
# a file, its rows, and the tests that run every one of them
RUN_BY = {
    "annex2_changning_2023.tsv": (19, ("reports/test_annual_form.py",)),
    "annex2_changning_2023_ragged.tsv": (25, ("reports/test_annual_form.py",)),
    "calendar_2026.tsv": (39, ("catalogue/test_calendars.py",)),
    "credit_terms.tsv": (21, ("credit/test_terms.py",)),
    "huadu_2022_specialties.tsv": (9, ("reports/test_rules.py",)),
    "penalties_golden.tsv": (54, ("cases/test_golden.py",)),
    "putuo_2024_counts.tsv": (94, ("reports/test_quantities.py",)),
    "putuo_2025_counts.tsv": (18, ("reports/test_quantities.py",)),
    "task_rates.tsv": (10, ("reports/test_rules.py",)),
    "uscc_vectors.tsv": (22, ("units/test_rules.py",)),
    "working_days.tsv": (101, ("catalogue/test_rules.py",)),
}
OURS = {"given_lists.tsv"}  # made here, no published figures


def test_every_golden_file_is_named_here():
    found = {path.name for path in (HERE / "data").glob("*.tsv")}
    assert found - OURS == RUN_BY.keys()


@pytest.mark.parametrize("name", sorted(RUN_BY))
def test_a_golden_file_has_its_rows_and_a_test_that_reads_them(name):
    rows, tests = RUN_BY[name]
    assert len(table(name)) == rows
    for test in tests:
        text = (HERE / test).read_text(encoding="utf-8")
        assert name in text, test
