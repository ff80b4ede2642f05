"""The yearly form 附件2: every row of 长宁 2023, from the ragged and from the repaired source."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.reports import annual_form
from app.reports.annual_form import (
    COLUMNS,
    COUNTS,
    AnnualRow,
    Fault,
    LineKind,
    Weight,
    add_up,
    cells_of,
    read_annual,
    row_violations,
    table_violations,
)
from tests.reports.test_rules import table

RAGGED = table("annex2_changning_2023_ragged.tsv")
GOLDEN = table("annex2_changning_2023.tsv")
ITEMS = [row for row in GOLDEN if row["序号"] != "合计"]
NAMES = list(annual_form.NAMES.values())


def cells(row):
    return [row[f"c{place}"] or "" for place in range(1, int(row["cell_count"]) + 1)]


READING = read_annual((int(row["seed_line"]), cells(row)) for row in RAGGED)
assert READING.total is not None
TOTAL = READING.total
LINES = {line.row_no: line for line in READING.lines}


def row(**values):
    empty = dict.fromkeys(COUNTS, 0)
    texts = {"no": 1, "department": "卫健委", "item": "公共场所卫生许可", "level": "区级"}
    return AnnualRow(**{**texts, "regulated": "是", **empty, "charges": Decimal(0), **values})


@pytest.mark.parametrize("golden", RAGGED, ids=lambda row: row["seed_line"])
def test_every_line_of_the_ragged_source_is_what_it_is_and_is_named_when_ragged(golden):
    line = LINES[int(golden["seed_line"])]
    assert line.kind == golden["row_kind"]
    assert line.cell_count == int(golden["cell_count"])
    is_ragged = line.kind is LineKind.DATA and line.cell_count != 25
    assert (Fault.RAGGED in [fault for fault, _ in line.faults]) == is_ragged
    assert not is_ragged or line.repairs


@pytest.mark.parametrize(
    ("golden", "found"), list(zip(ITEMS, READING.rows, strict=True)), ids=[r["序号"] for r in ITEMS]
)
def test_the_ragged_source_gives_every_cell_of_the_repaired_table(golden, found):
    assert cells_of(found) == [golden[name] for name in NAMES]
    assert row_violations(found) == []


def test_the_sums_are_those_of_the_document():
    assert len(GOLDEN) == len(READING.rows) + 1 == 19
    golden = GOLDEN[-1]
    assert cells_of(TOTAL) == [golden[name] for name in NAMES]
    assert (TOTAL.applied, TOTAL.commitment, TOTAL.inspections) == (1022, 212, 279)
    assert table_violations(READING.rows, TOTAL) == []


def test_a_split_name_is_joined_with_a_record_of_it():
    line = LINES[59]
    assert line.row is not None
    assert line.row.item == "医疗机构购用麻醉药品、第一类精神药品许可"
    assert Fault.SPLIT in [fault for fault, _ in line.faults]
    assert any("第 61 行" in repair for repair in line.repairs)


def test_a_surplus_cell_that_could_stand_in_two_places_is_left_to_a_person():
    shifted = [*cells_of(row())[:17], "是", "0", "1", "0", "1", "0", "0", "0", "0"]
    assert read_annual([(1, shifted)]).rows == ()
    assert read_annual([(1, shifted)]).unread[0].repairs == ()


def test_a_row_that_lacks_a_cell_is_never_filled_up():
    short = cells_of(row())[:-1]
    reading = read_annual([(7, short)])
    assert [line.row_no for line in reading.unread] == [7]
    assert reading.rows == ()


@pytest.mark.parametrize(
    ("values", "note", "column"),
    [
        ({"applied": 3, "accepted": 2}, 1, "applied"),
        ({"applied": 3, "accepted": 3, "granted": 2, "on_time": 2}, 2, "accepted"),
        ({"applied": 3, "accepted": 3, "granted": 3, "on_time": 2}, 3, "on_time"),
        ({"fully_online": 1}, 4, "fully_online"),
        ({"on_the_spot": 1}, 4, "on_the_spot"),
        ({"found": 1}, 5, "found"),
        ({"confirmed": 1}, 5, "confirmed"),
        ({"penalised": 1}, 6, "penalised"),
    ],
)
def test_what_breaks_a_note_is_named_by_row_and_column(values, note, column):
    found = [one for one in row_violations(row(**values)) if one.column == column]
    assert [one.note for one in found] == [note]
    assert annual_form.NAMES[column] in found[0].detail
    assert "第 1 行" in found[0].detail
    assert found[0].weight is (Weight.HINT if note in {5, 6} else Weight.ERROR)


def test_a_total_that_is_not_the_sum_is_named_by_its_column():
    rows = [row(applied=2, accepted=2, granted=2, on_time=2)]
    wrong = add_up(rows)
    assert table_violations(rows, wrong) == []
    (found,) = table_violations([*rows, row(no=2, commitment=1)], wrong)
    assert (found.note, found.row, found.column) == (7, 0, "commitment")


counts = st.integers(0, 50)


@given(st.tuples(counts, counts, counts, counts, counts, counts), st.integers(0, 24))
def test_a_row_that_keeps_the_notes_survives_a_surplus_zero_or_is_left_alone(numbers, place):
    granted, refused, not_accepted, online, spot, late = numbers
    ended = granted + refused
    late = min(late, ended)
    whole = row(
        applied=ended + not_accepted,
        accepted=ended,
        not_accepted=not_accepted,
        granted=granted,
        refused=refused,
        online=online,
        on_the_spot=min(spot, ended - late),
        on_time=ended - late,
        overdue=late,
        inspections=online,
    )
    assert not [one for one in row_violations(whole) if one.weight is Weight.ERROR]
    right = cells_of(whole)
    assert read_annual([(1, right)]).rows == (whole,)
    reading = read_annual([(1, [*right[: place + 1], "0", *right[place + 1 :]])])
    assert reading.rows in {(), (whole,)}
    assert reading.rows or reading.unread


def test_the_form_has_its_25_columns():
    assert len(COLUMNS) == 25
    assert list(GOLDEN[0])[:25] == NAMES
