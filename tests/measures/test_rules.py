"""How goods are counted, how long they may be held, what may follow what."""

import csv
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.rules import Calendar
from app.measures import rules
from app.measures.rules import Goods, GoodsKind, SeizureState, SeizureTerm, SeizureVerb

PUTUO = Path(__file__).parents[1] / "data" / "putuo_2024_counts.tsv"
GOODS = st.builds(
    Goods,
    name=st.just("物品"),
    kind=st.sampled_from(GoodsKind),
    quantity=st.integers(1, 1000),
    unit=st.sampled_from(["箱", "件", "瓶"]),
)
NO_CALENDAR = Calendar(frozenset(), {})


@given(st.lists(GOODS, max_size=20))
def test_boxes_and_pieces_are_never_added_together(goods):
    found = rules.totals(goods)
    expected: Counter[tuple[GoodsKind, str]] = Counter()
    for one in goods:
        expected[one.kind, one.unit] += one.quantity
    assert {(one.kind, one.unit): one.quantity for one in found} == dict(expected)


def test_the_goods_of_putuo_2024_count_in_the_units_of_the_report():
    with PUTUO.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["unit"] in {"箱", "件"}]
    kinds = {"没收药品": GoodsKind.DRUG, "没收医疗器械": GoodsKind.DEVICE}
    rows = [row for row in rows if row["label_zh"] in kinds]
    assert len(rows) == 4
    for block in {row["block"] for row in rows}:
        mine = [row for row in rows if row["block"] == block]
        goods = [
            Goods("物品", kinds[row["label_zh"]], int(row["value"]), row["unit"]) for row in mine
        ]
        counted = {(one.kind, one.unit): one.quantity for one in rules.totals(goods)}
        assert counted == {(kinds[r["label_zh"]], r["unit"]): int(r["value"]) for r in mine}


def test_thirty_days_and_thirty_more_are_natural_days_without_those_of_tests():
    begun = date(2026, 11, 21)
    first = rules.seizure_due(begun, SeizureTerm(30), NO_CALENDAR)
    extended = rules.seizure_due(begun, SeizureTerm(30, 30, 7), NO_CALENDAR)
    assert (first.due_on, extended.due_on) == (date(2026, 12, 21), date(2027, 1, 27))


def test_an_urgent_seizure_is_approved_within_24_hours():
    at = datetime(2026, 11, 21, 1, tzinfo=UTC)
    assert rules.approval_due_at(at, 24) - at == timedelta(hours=24)


@given(st.lists(st.sampled_from(SeizureVerb), max_size=10), st.booleans())
def test_nothing_is_in_force_without_an_approval(verbs, urgent):
    state = SeizureState.AWAITING_APPROVAL if urgent else SeizureState.APPLIED
    approved = False
    for verb in verbs:
        following = rules.following(verb, state)
        if following is None:
            continue
        approved = approved or verb is SeizureVerb.APPROVE
        state = following
        assert approved or state is not SeizureState.IN_FORCE
