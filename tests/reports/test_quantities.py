"""Numbers with units: every figure of 普陀 2024 and 2025, and what adding may and may not do."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.reports.quantities import (
    Quantity,
    Unit,
    UnitsDiffer,
    change_percent,
    count_of,
    money,
    read_quantity,
)
from tests.reports.test_rules import table

PUTUO_2024 = table("putuo_2024_counts.tsv")
PUTUO_2025 = table("putuo_2025_counts.tsv")
BY_KEY = {row["key"]: row for row in PUTUO_2024}
SUM = re.compile(r"= ?([0-9]+(?:\+[0-9]+)+)")


@pytest.mark.parametrize("row", PUTUO_2024, ids=lambda row: row["key"])
def test_every_figure_of_2024_is_read_with_its_unit_and_printed_as_it_was(row):
    quantity = read_quantity(row["value"], row["unit"])
    assert (quantity.text, quantity.unit) == (row["value"], row["unit"])
    if row["value_fen"]:
        assert quantity.fen == int(row["value_fen"])
        assert money(int(row["value_fen"])) == quantity
    if found := SUM.search(row["check"]):
        parts = [count_of(int(part), quantity.unit) for part in found[1].split("+")]
        assert sum(parts[1:], start=parts[0]) == quantity


@pytest.mark.parametrize("row", PUTUO_2025, ids=lambda row: row["key"])
def test_every_figure_of_2025_changes_against_2024_as_published(row):
    now = read_quantity(row["value"], row["unit"])
    if row["value_2024"]:
        before = read_quantity(row["value_2024"], row["unit"])
        assert str(change_percent(now, before)) == row["change_pct_half_up_2dp"]
    if row["key"] in BY_KEY:
        assert BY_KEY[row["key"]]["value"] == row["value_2024"]
    if found := SUM.search(row["check"]):
        assert sum(map(int, found[1].split("+"))) == int(row["value"])


units = st.sampled_from(Unit)
whole = st.integers(0, 10**9)


@given(whole, whole, units, units)
def test_only_what_has_the_same_unit_is_added(first, second, unit, other):
    one, two = count_of(first, unit), count_of(second, other)
    if unit is other:
        assert (one + two).number == first + second
        assert one + two == two + one
    else:
        with pytest.raises(UnitsDiffer):
            one + two


@given(st.integers(0, 10**15))
def test_money_is_exact_to_the_fen(fen):
    assert money(fen).fen == fen
    assert read_quantity(money(fen).text, "万元").fen == fen


@pytest.mark.parametrize(
    ("number", "unit"),
    [("-1", "件"), ("1.5", "件"), ("NaN", "件"), ("1", "箱子"), ("0.0000001", "万元"), ("x", "份")],
)
def test_what_is_no_count_is_refused(number, unit):
    with pytest.raises(ValueError, match=r"\S"):
        read_quantity(number, unit)


def test_against_nothing_no_change_can_be_said():
    assert change_percent(count_of(3, Unit.PIECES), count_of(0, Unit.PIECES)) is None
    with pytest.raises(UnitsDiffer):
        change_percent(count_of(3, Unit.PIECES), count_of(3, Unit.COPIES))
    assert Quantity(Decimal("96.1"), Unit.PERCENT).text == "96.1"
