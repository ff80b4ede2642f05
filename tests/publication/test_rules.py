"""What follows for a publication, pure: in any order, however often, and exact in its amounts."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue import rules as catalogue
from app.catalogue import seeds
from app.catalogue.rules import DayKind, Term
from app.publication import rules
from app.publication.rules import Facts, PublicationState, Reported, Subject, SubjectType

DAY = date(2026, 10, 12)
days = st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2027, 12, 31)))
facts = st.builds(Facts, revoked_on=days, repaired_on=days, max_end=days)


def followed(facts, on, state=PublicationState.DUE, *, repair_ends=True):
    """Follow until nothing follows, as the timetable does."""
    seen = [state]
    while (state := rules.next_state(seen[-1], facts, on, repair_ends=repair_ends)) is not None:
        assert state not in seen
        seen.append(state)
    return seen


@given(facts, st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.booleans())
def test_following_ends_after_a_few_steps_and_again_changes_nothing(known, on, repair_ends):
    seen = followed(known, on, repair_ends=repair_ends)
    assert followed(known, on, seen[-1], repair_ends=repair_ends) == [seen[-1]]
    assert len(seen) <= 3


@given(facts, st.sampled_from(list(PublicationState)), st.dates(DAY, date(2027, 12, 31)))
def test_a_revoked_decision_is_withdrawn_from_every_state(known, state, on):
    end = followed(known, on, state)[-1]
    revoked = known.revoked_on is not None or state is PublicationState.WITHDRAWN
    assert (end is PublicationState.WITHDRAWN) == revoked


@given(facts, st.dates(date(2026, 1, 1), date(2027, 12, 31)))
def test_nothing_is_public_after_its_last_day_or_its_repair(known, on):
    end = followed(known, on)[-1]
    over = known.max_end is not None and known.max_end < on
    repaired = known.repaired_on is not None and known.repaired_on <= on
    assert (end is PublicationState.PUBLIC) == (
        known.revoked_on is None and not over and not repaired
    )


@given(st.integers(0, 10**15))
def test_an_amount_in_wan_has_six_decimals_and_is_exact(fen):
    text = rules.wan(fen)
    assert Decimal(text) * 1_000_000 == fen
    assert len(text.rpartition(".")[2]) == 6


@pytest.mark.parametrize(
    ("fen", "text"), [(2_306_000, "2.306000"), (1, "0.000001"), (0, "0.000000")]
)
def test_golden_amounts(fen, text):
    assert rules.wan(fen) == text


def test_a_person_is_never_named():
    assert [rules.mask_person(name) for name in ("王小明", "欧阳某", "李")] == [
        "王某某",
        "欧某某",
        "李某",
    ]
    assert rules.may_be_person("王小明", None)
    assert not rules.may_be_person("上海某某游泳馆", None)
    assert not rules.may_be_person("华山医院", "91350100M000100Y43")


def channels():
    return {
        row["code"]: rules.channel_of(row["code"], row)
        for row in seeds.rows("publication_channels")
    }


def test_each_channel_takes_its_own_subjects():
    def subject(kind, origin=None):
        return Subject(kind, UUID(int=1), "1", None, DAY, {}, origin)

    def taking(one):
        return {code for code, channel in channels().items() if rules.takes(channel, one)}

    assert taking(subject(SubjectType.DECISION)) == {"portal", "credit-site"}
    assert taking(subject(SubjectType.RESULT, "complaint")) == {"portal"}
    assert taking(subject(SubjectType.RESULT, "joint-drawn")) == {"portal", "joint-draw"}


def test_the_terms_of_channels_are_twenty_seven_and_three_working_days():
    known = channels()
    assert {one.days.get("decision") for one in known.values()} == {7, None}
    assert {one.days.get("result") for one in known.values()} == {20, None}
    assert {one.withdraw_days for one in known.values()} == {3}


def test_decisions_before_the_holidays_are_due_after_them():
    off = [(date(2026, 10, day), False) for day in range(1, 8)] + [(date(2026, 10, 10), True)]
    calendar = catalogue.make_calendar(off)
    term = Term(channels()["portal"].days["decision"], DayKind.WORKING)
    assert catalogue.due(term, date(2026, 9, 30), calendar).due_on == date(2026, 10, 15)


def test_the_three_rates_have_their_own_denominators_and_lists():
    one, two, three, four = (UUID(int=n) for n in range(1, 5))
    records = [
        Reported(one, DAY, DAY, accepted=True),
        Reported(two, DAY, date(2026, 10, 13), accepted=True),
        Reported(three, None, DAY, accepted=False),
        Reported(four, DAY, None, accepted=False),
    ]
    found = rules.report_rates(records)
    assert {
        name: (rate.numerator, rate.denominator, list(rate.missing)) for name, rate in found.items()
    } == {
        "reporting": (3, 4, [four]),
        "compliance": (2, 3, [three]),
        "timeliness": (2, 3, [two]),
    }
    assert rules.report_rates([])["reporting"] == rules.Rate(0, 0, [])
