"""Proposals of discretion and spreads of like cases, without app or database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases import sanctions, spread, tiers
from app.cases.sanctions import SanctionKind, SanctionLine
from app.cases.tiers import BenchmarkState, Factor, Facts
from app.catalogue import causes, seeds
from app.catalogue.causes import FineRange, TierClass

CAUSES = {row["code"]: row for row in seeds.rows("case_causes") if row["effective_to"] is None}
TIERS = [tiers.tier_of(row["code"], row, row["source"]) for row in seeds.rows("discretion_tiers")]
FACTORS = [
    Factor(row["code"], row["name"], TierClass(row["effect"]), row["source"])
    for row in seeds.rows("discretion_factors")
]
BY_CAUSE = {
    code: [
        one
        for one, row in zip(TIERS, seeds.rows("discretion_tiers"), strict=True)
        if row["cause"] == code
    ]
    for code in CAUSES
}


def proposed(cause="odl-construction", *, start=(1, 2), benchmark="in-force", **values):
    facts = Facts(**{"party_kind": "organisation", **values})
    return tiers.propose(
        CAUSES[cause],
        BY_CAUSE[cause],
        FACTORS,
        facts,
        benchmark=BenchmarkState(benchmark),
        start=start,
    )


@pytest.mark.parametrize(
    ("values", "tier", "fine"),
    [
        ({"circumstances": frozenset({"corrected-in-time"})}, "odl-69-2-corrected", None),
        (
            {"circumstances": frozenset({"plain-hazard"}), "order_unmet": True},
            "odl-69-2-plain",
            FineRange(10_000_000, 25_000_000),
        ),
        (
            {"circumstances": frozenset({"serious-hazard"}), "order_unmet": True},
            "odl-69-2-serious",
            FineRange(25_000_000, 50_000_000),
        ),
        (
            {"factors": frozenset({"epidemic-emergency"}), "order_unmet": True},
            "odl-69-2-serious",
            FineRange(25_000_000, 50_000_000),
        ),
        ({"order_unmet": True}, "odl-69-2-plain", FineRange(10_000_000, 25_000_000)),
    ],
)
def test_circumstances_lead_to_their_tier_and_its_range(values, tier, fine):
    found = proposed(**values)
    assert found is not None
    assert (found.tier.code, found.fine) == (tier, fine)
    assert found.reasons


def test_factors_against_each_other_are_left_to_the_person():
    factors = frozenset({"harm-removed", "epidemic-emergency"})
    found = proposed("drinking-water", factors=factors)
    assert (found.klass, found.tier.code) == (TierClass.NORMAL, "drinking-water-normal")
    assert any("并存" in one for one in found.reasons)


def test_no_benchmark_in_force_is_an_answer_with_the_range_of_the_law():
    found = proposed("pp-without-licence", benchmark="lapsed")
    assert found.tier is None
    assert found.fine == FineRange(50_000, 500_000)
    assert any("无有效裁量基准" in one for one in found.reasons)
    assert [str(one.kind) for one in found.lines] == ["warning", "fine"]


def test_gains_are_proposed_for_confiscation_as_they_were_found():
    found = proposed("practice-without-licence", gains_fen=2_306_000)
    assert found.fine == FineRange(11_530_000, 46_120_000, 2_306_000)
    taken = [one for one in found.lines if one.kind == SanctionKind.CONFISCATED_GAINS]
    assert taken == [SanctionLine(SanctionKind.CONFISCATED_GAINS, 2_306_000)]


NEEDS = sorted(
    {
        need
        for cause in CAUSES.values()
        for level in causes.levels_of(cause)
        for need in level.needs
        if need != "order-unmet"
    }
    | {code for tier in TIERS for code in tier.circumstances}
)


@given(
    st.sampled_from(sorted(CAUSES)),
    st.sets(st.sampled_from(NEEDS), max_size=3),
    st.sets(st.sampled_from([one.code for one in FACTORS]), max_size=3),
    st.booleans(),
    st.integers(0, 10**9),
    st.integers(0, 10),
)
def test_a_proposal_is_always_inside_the_law(code, found, factors, unmet, gains, place):
    cause = CAUSES[code]
    party = cause["parties"][0]
    facts = {
        "party_kind": party,
        "circumstances": frozenset(found),
        "factors": frozenset(factors),
        "order_unmet": unmet,
        "gains_fen": gains,
    }
    proposal = proposed(code, start=(place, 10), **facts)
    if proposal is None:
        assert not causes.applicable(
            causes.levels_of(cause), found | ({"order-unmet"} if unmet else set())
        )
        return
    problems = sanctions.problems(
        proposal.lines,
        party,
        cause,
        order_unmet=unmet,
        gains_fen=gains,
        circumstances=found,
        level=proposal.level,
    )
    assert problems == []
    assert tiers.deviations(proposal.lines, proposal.lines, proposal.fine, tier=True) == []


def test_what_leaves_the_tier_is_named():
    warning, fine = SanctionLine(SanctionKind.WARNING), SanctionLine(SanctionKind.FINE, 500)
    tier = FineRange(600, 900)
    found = tiers.deviations([warning, fine], [fine], tier, tier=True)
    assert [one.code for one in found] == ["warning", "fine"]
    assert tiers.deviations([warning, fine], [fine], tier, tier=False) == []


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_a_spread_is_in_order_and_of_values_that_occur(values):
    found = spread.spread_of(values)
    assert found is not None
    five = [found.least, found.lower, found.median, found.upper, found.most]
    assert five == sorted(five)
    assert set(five) <= set(values)
    assert found.count == len(values)
    fences = spread.fences_of(found, least=1, times=(3, 2))
    assert not spread.is_outlier(found.median, fences)


@pytest.mark.parametrize(
    ("values", "value", "expected"),
    [
        ([100, 100, 110, 120, 120], 151, True),
        ([100, 100, 110, 120, 120], 150, False),
        ([100, 100, 110, 120, 120], 69, True),
        ([100, 100, 100, 100, 100], 101, True),
        ([100, 100, 110, 120], 100_000, False),
    ],
)
def test_an_outlier_is_told_from_five_cases_on(values, value, expected):
    fences = spread.fences_of(spread.spread_of(values), least=5, times=(3, 2))
    assert spread.is_outlier(value, fences) is expected


def test_nothing_has_no_spread():
    assert spread.spread_of([]) is None
    assert spread.measured(5_000_000, 1_000_000) == 500


@given(
    st.sampled_from(sorted(CAUSES)),
    st.integers(0, 400_000),
    st.integers(0, 4),
    st.booleans(),
)
def test_on_the_spot_a_proposal_stays_within_the_limit_or_says_that_it_cannot(
    code, most, place, unmet
):
    found = proposed(code, start=(place, 4), order_unmet=unmet, gains_fen=None)
    if found is None:
        return
    cut = tiers.within_simple(found, most, "行政处罚法 第五十一条")
    if any("普通程序" in one for one in cut.reasons[len(found.reasons) :]):
        low = 0 if found.fine is None else found.fine.low_fen
        kinds = {one.kind for one in found.lines}
        assert low > most or kinds - {SanctionKind.WARNING, SanctionKind.FINE}
        assert cut.lines == found.lines
    else:
        assert sanctions.fits_simple(cut.lines, most)
        assert cut.fine is None or cut.fine.high_fen <= most


def test_a_benchmark_without_tiers_says_that_they_are_not_loaded():
    """The days of the benchmark of Chinese medicine are known, its tiers are not."""
    found = proposed("clinic-without-filing", benchmark="in-force")
    assert (found.tier, found.benchmark) == (None, BenchmarkState.IN_FORCE)
    assert any("尚未载入该案由的档次" in one for one in found.reasons)
    known = proposed("odl-construction", circumstances=frozenset({"unheard-of"}))
    assert not any("尚未载入" in one for one in known.reasons)
