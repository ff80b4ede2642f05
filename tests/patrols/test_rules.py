"""How patrols are counted and when a service unit has made its rounds."""

from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.patrols import rules
from app.patrols.rules import Seen

A, B = UUID(int=1), UUID(int=2)
DAYS = [date(2026, month, 1) for month in range(1, 5)]
SEEN = st.lists(
    st.builds(
        Seen,
        unit_id=st.sampled_from([A, B]),
        on=st.sampled_from(DAYS),
        assistants=st.integers(1, 4),
    )
)


@given(SEEN, st.integers(0, 50))
def test_assistants_units_and_opinions_are_three_counters(seen, opinions):
    found = rules.count(seen, opinions)
    assert found.unit_visits == len(seen) <= found.assistant_visits
    assert found.opinions == opinions


@given(SEEN)
def test_a_round_is_whole_only_when_every_unit_was_seen(seen):
    (row,) = rules.coverage({"甲": [A, B]}, seen, 2)
    times = [len({one.on for one in seen if one.unit_id == unit}) for unit in (A, B)]
    assert row.rounds == min(times)
    assert row.met == (row.missing == 0) == (min(times) >= 2)


def test_twice_on_one_day_is_once():
    twice = [Seen(A, DAYS[0], 1), Seen(A, DAYS[0], 2)]
    assert rules.coverage({"甲": [A]}, twice, 2)[0].rounds == 1
