"""Publicity terms: every golden row on both sides of 2026-04-01, and what the months do."""

import csv
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue import rules, seeds
from app.catalogue.causes import SanctionKind
from app.credit import terms
from app.credit.terms import MonthEnd, OnSite, Publicity, TierRow, Transition

GOLDEN = Path(__file__).resolve().parent.parent / "data" / "credit_terms.tsv"
with GOLDEN.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
TIERS = {
    "other sector, fine or other kind above warning": ("ordinary-sector", False),
    "食品、药品、特种设备、安全生产、消防": ("safety-sector", False),
    "简易程序": ("simple", False),
    "警告 / 通报批评 only": ("warning-only", False),
    "轻微": ("minor", False),
    "轻微, published by exception": ("minor", True),
    "一般": ("general", False),
    "严重": ("serious", False),
}
BOTH = {  # decided before the change: the same decision under the rules of either side
    "一般 (decided and published before 2026-04-01)": (Transition.DECIDED, Transition.SHORTER),
    "一般 (same decision, Order 36 end)": (Transition.NEW, Transition.SHORTER),
}
ON_SITE = {
    "yes": OnSite.YES,
    "no": OnSite.NO,
    "in principle no": OnSite.BY_EXCEPTION,
    "by exception": OnSite.BY_EXCEPTION,
}
CHANGED_ON = date(2026, 4, 1)
days = st.dates(date(2023, 5, 1), date(2090, 1, 1))


def row_on(name, code, on):
    found = rules.in_force(
        [
            SimpleNamespace(
                code=row["code"],
                effective_from=date.fromisoformat(row["effective_from"]),
                effective_to=row["effective_to"] and date.fromisoformat(row["effective_to"]),
                body=row,
            )
            for row in seeds.rows(name)
            if row["code"] == code
        ],
        on,
    )
    return found[0].body if found else None


def term(tier, on):
    return terms.term_row(tier, row_on("publicity_terms", tier, on))


def test_every_golden_row_is_read():
    assert len(ROWS) == 21
    assert {row["tier_or_kind"] for row in ROWS} == TIERS.keys() | BOTH.keys()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["case_id"])
def test_a_decision_is_shown_as_long_as_its_rules_say(row):
    on = date.fromisoformat(row["decision_date"])
    expected = row["min_end"] and (
        date.fromisoformat(row["min_end"]),
        date.fromisoformat(row["max_end"]),
    )
    if row["tier_or_kind"] in BOTH:
        decided = terms.publicity(term("ordinary-sector", on), on)
        newer = terms.publicity(term("general", CHANGED_ON), on)
        chosen, _ = BOTH[row["tier_or_kind"]]
        found = terms.across(decided, newer, chosen)
    else:
        tier, exception = TIERS[row["tier_or_kind"]]
        known = term(tier, on)
        assert known.on_site is ON_SITE[row["credit_site_publication"]]
        found = terms.publicity(known, on, exception=exception)
    assert (found and (found.min_end, found.max_end)) == (expected or None)
    if found is not None:
        assert found.start_on == on
        assert row["month_end_clamped"] == (
            "yes" if {found.min_end.day, found.max_end.day} != {on.day} else "no"
        )


def test_the_shorter_of_two_rule_sets_can_be_chosen():
    long = Publicity("58", date(2026, 3, 15), date(2026, 6, 15), date(2029, 3, 15))
    short = Publicity("36", date(2026, 3, 15), date(2026, 6, 15), date(2027, 3, 15))
    assert terms.across(long, short, Transition.SHORTER) == short
    assert terms.across(short, long, Transition.SHORTER) == short
    assert terms.across(None, long, Transition.NEW) is None


def test_a_month_end_may_be_said_to_go_on_to_the_next_day():
    assert terms.add_months(date(2025, 11, 30), 3) == date(2026, 2, 28)
    assert terms.add_months(date(2025, 11, 30), 3, MonthEnd.NEXT_DAY) == date(2026, 3, 1)


@given(days, st.sampled_from(["minor", "general", "serious"]), st.booleans())
def test_no_term_ends_before_it_begins(on, tier, exception):
    on = max(on, CHANGED_ON)
    found = terms.publicity(term(tier, on), on, exception=exception)
    if found is not None:
        assert on <= found.min_end < found.max_end
        assert found.start_on == on


@given(days, days, st.integers(0, 40))
def test_months_keep_the_order_of_days(one, other, months):
    first, last = sorted([one, other])
    assert terms.add_months(first, months) <= terms.add_months(last, months)


def tiers_on(on):
    return [
        TierRow(
            sanction=code,
            **{
                name: found[name]
                for name in ("tier", "safety_tier", "raised_from_fen", "raised_tier")
            },
        )
        for code in sorted({row["code"] for row in seeds.rows("sanction_tiers")})
        if (found := row_on("sanction_tiers", code, on))
    ]


def severities_on(on):
    codes = {row["code"] for row in seeds.rows("publicity_terms")}
    return {
        code: found["severity"] for code in codes if (found := row_on("publicity_terms", code, on))
    }


@pytest.mark.parametrize(
    ("on", "sanctions", "simple", "safety", "tier"),
    [
        (date(2026, 3, 31), ["fine"], True, False, "simple"),
        (date(2026, 3, 31), ["warning", "criticism"], False, False, "warning-only"),
        (date(2026, 3, 31), ["warning", "fine"], False, False, "ordinary-sector"),
        (date(2026, 3, 31), ["warning", "fine"], False, True, "safety-sector"),
        (date(2026, 4, 1), ["fine"], True, False, "minor"),
        (date(2026, 4, 1), ["warning"], False, False, "minor"),
        (date(2026, 4, 1), ["warning", "fine", "confiscated-gains"], False, True, "general"),
        (date(2026, 4, 1), ["fine", "permit-revoked"], False, False, "serious"),
        (date(2026, 4, 1), ["an-unknown-kind"], False, False, None),
        (date(2023, 4, 30), ["fine"], False, False, None),
    ],
)
def test_the_gravest_sanction_says_the_tier_and_the_simple_procedure_its_own(
    on, sanctions, simple, safety, tier
):
    assert (
        terms.tier_of(sanctions, tiers_on(on), severities_on(on), simple=simple, safety=safety)
        == tier
    )


def test_every_kind_of_sanction_has_a_tier_under_both_rule_sets():
    for on in (date(2026, 3, 31), date(2026, 4, 1)):
        assert {row.sanction for row in tiers_on(on)} == {*SanctionKind, "simple-procedure"}


def test_an_amount_raises_the_tier_where_the_row_says_from_when():
    row = TierRow("fine", "general", None, 10_000_000, "serious")
    known = {"general": 1, "serious": 2}
    assert terms.tier_of(["fine"], [row], known, simple=False, fine_fen=9_999_999) == "general"
    assert terms.tier_of(["fine"], [row], known, simple=False, fine_fen=10_000_000) == "serious"


def test_every_tier_that_a_sanction_leads_to_has_a_term_that_day():
    for row in seeds.rows("sanction_tiers"):
        on = date.fromisoformat(row["effective_from"])
        for tier in (row["tier"], row["safety_tier"], row["raised_tier"]):
            assert tier is None or row_on("publicity_terms", tier, on), (row["code"], tier)


def test_a_simple_or_pure_warning_penalty_never_gets_onto_the_credit_site():
    for on in (date(2026, 3, 31), date(2026, 4, 1)):
        for sanctions, simple in ((["fine"], True), (["warning"], False), (["criticism"], False)):
            tier = terms.tier_of(sanctions, tiers_on(on), severities_on(on), simple=simple)
            assert terms.publicity(term(tier, on), on) is None
