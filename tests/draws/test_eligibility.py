import pytest

from app.draws.bundle import draw
from app.draws.eligibility import (
    Bar,
    Eligibility,
    Need,
    needs_of,
    parse_barred,
    parse_eligible,
    parse_officers,
    write_barred,
    write_eligible,
    write_officers,
)
from app.draws.rules import DrawFileMalformed
from tests.draws.vectors import ELIGIBLE, OFFICERS, POPULATION, SECRET, VECTORS


def test_officers_and_eligible_are_read_as_written():
    assert parse_officers(write_officers(OFFICERS)) == OFFICERS
    assert parse_eligible(write_eligible(ELIGIBLE)) == ELIGIBLE


def test_bars_are_read_as_written():
    bars = [Bar("学校", "U1", "C1", "absence"), Bar("学校", "U1", "C1", "recusal")]

    assert parse_barred(write_barred(bars[::-1])) == bars


@pytest.mark.parametrize(
    "data",
    [
        b"C1\t0\t-\tS\n",
        b"C1\t-1\t-\tS\tS\n",
        b"C1\t0\t\tS\tS\n",
        b"C1\t0\t01\tS\tS\n",
        b"C1\t0\t-\tS,S\tS\n",
        b"C1\t0\t-\tS,\tS\n",
        b"C1\t0\t-\tS\tT\n",
        b"C1\t0\t-\tS\tS\nC1\t1\t-\tS\tS\n",
        b"C2\t0\t-\tS\tS\nC1\t0\t-\tS\tS\n",
        b"\t0\t-\tS\tS\n",
        b"C,1\t0\t-\tS\tS\n",
        b"C1\t0\t-\tS\tS",
    ],
)
def test_malformed_officers_are_refused(data: bytes):
    with pytest.raises(DrawFileMalformed):
        parse_officers(data)


@pytest.mark.parametrize(
    "data",
    [
        b"S\tU1\t2\tC1,C2\tC1\n",
        b"S\tU1\t0\tC1,C2\tC1\t1\n",
        b"S\tU1\t2\tC1,C2\tC1\t0\n",
        b"S\tU1\t2\tC1,C2\tC1\t4\n",
        b"S\tU1\t2\tC1,C2\tC3\t1\n",
        b"S\tU1\t2\tC1,C1\tC1\t1\n",
        b"S\tU1\t2\tC1,C2\tC1\t1\nS\tU1\t2\tC1,C3\tC1\t1\n",
        b"\tU1\t2\tC1,C2\tC1\t1\n",
        b"S\tAAAAAAAAAAAAAAAAAAAAAAAA\t2\tC1,C2\tC1\t1\n",
    ],
)
def test_malformed_eligible_rows_are_refused(data: bytes):
    with pytest.raises(DrawFileMalformed):
        parse_eligible(data)


def test_a_bar_has_one_of_four_reasons():
    with pytest.raises(DrawFileMalformed, match="holiday"):
        write_barred([Bar("学校", "U1", "C1", "holiday")])


def test_the_drawn_units_are_in_need_of_a_team_and_reserves_are_not():
    drawn = draw(VECTORS[1].manifest, POPULATION, SECRET, VECTORS[1].entropy)

    needs = needs_of(drawn.results)

    assert needs == [row.need for row in ELIGIBLE]
    assert needs_of(drawn.results, 3)[0] == Need("公共场所", "U00", 3)


def test_without_bars_all_who_are_qualified_may_go():
    row = Eligibility(OFFICERS).row(Need("医疗机构", "U08"), 1)

    assert row.takes == {f"31010500{n}" for n in (1, 2, 4, 5, 6)}
    assert row.leads == {f"31010500{n}" for n in (2, 4, 5)}


def test_units_without_any_team_are_named_with_whom_they_have():
    need, other = Need("医疗机构", "U08"), Need("医疗机构", "U09")
    barred = [Bar("医疗机构", "U08", f"31010500{n}", "recusal") for n in (2, 4, 5)]

    (row,) = Eligibility(OFFICERS, barred).uncovered([need, other])

    assert (row.need, sorted(row.leads)) == (need, [])
    assert row.takes == {"310105001", "310105006"}
