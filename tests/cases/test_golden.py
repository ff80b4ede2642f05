"""Every row of the golden table of penalties, through the rules that services ask."""

import csv
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from app.cases import acts, money, sanctions, triggers
from app.cases.acts import Act
from app.cases.money import Paid, Part, Plan, SpotGround
from app.cases.sanctions import SanctionKind, SanctionLine
from app.catalogue import causes, seeds
from app.catalogue.causes import FineRange
from app.catalogue.rules import DayKind, Term, due, holds_on, make_calendar

with (Path(__file__).parents[1] / "data" / "penalties_golden.tsv").open(
    encoding="utf-8", newline=""
) as lines:
    ROWS = list(csv.DictReader(lines, delimiter="\t"))
SETTINGS = {row["code"]: row["value"] for row in seeds.rows("settings")}
LIMITS = {row["code"]: row["fine_max_fen"] for row in seeds.rows("simple_limits")}
COUNTINGS = {row["code"]: row for row in seeds.rows("case_countings")}
KINDS = {name: kind for kind, name in sanctions.KIND_NAMES.items()}
CAUSES = {
    "公共场所无证营业": "pp-without-licence",
    "无证行医(机构)": "practice-without-licence",
    "出租出借医疗机构执业许可证": "licence-lent",
    "非医师行医": "non-doctor",
}
KINDS |= {"暂扣许可证件": SanctionKind.PERMIT_SUSPENDED}
PERCENT = SETTINGS["surcharge-percent"]
Values = dict[str, str]


def pairs(text: str) -> Values:
    return dict(one.split("=", 1) for one in text.split(";"))


def number(values: Values, name: str) -> int:
    return int(values.get(name, "0"))


def yes(flag: bool) -> str:
    return "yes" if flag else "no"


def base_fine(cause: str, on: date) -> causes.Offer:
    """The fine that the plain level of a cause offers on a day."""
    (row,) = (
        one
        for one in seeds.rows("case_causes")
        if one["code"] == CAUSES[cause]
        and holds_on(
            date.fromisoformat(one["effective_from"]),
            one["effective_to"] and date.fromisoformat(one["effective_to"]),
            on,
        )
    )
    (level,) = causes.applicable(causes.levels_of(row), ())
    offer = level.offer_of(SanctionKind.FINE)
    assert offer is not None
    return offer


def surcharge(given: Values) -> Values:
    late = number(given, "late_days") - number(given, "days_in_review_or_suit")
    found = money.surcharge(number(given, "fine_fen"), late, PERCENT)
    return {"surcharge_fen": str(found.amount_fen), "capped": yes(found.capped)}


def surcharge_by_date(given: Values) -> Values:
    fine, paid_on = number(given, "fine_fen"), date.fromisoformat(given["paid"])
    term = Term(SETTINGS["fine-payment-days"], DayKind.NATURAL)
    last = due(term, date.fromisoformat(given["received"]), make_calendar(())).due_on
    assert last is not None
    found = money.surcharge_until(
        fine, [Plan([Part(last, fine)])], [Paid(paid_on, fine)], paid_on, percent=PERCENT
    )
    return {
        "last_day": last.isoformat(),
        "late_days": str(found.late_days),
        "surcharge_fen": str(found.amount_fen),
    }


def decision_days(given: Values) -> Values:
    filed, decided = (date.fromisoformat(given[name]) for name in ("filed", "decided"))
    last = due(Term(90, DayKind.NATURAL), filed, make_calendar(())).due_on
    assert last is not None
    return {
        "day_number": str((decided - filed) // timedelta(days=1)),
        "within_90": yes(decided <= last),
    }


def amounts(given: Values) -> Values:
    taken, fine = number(given, "confiscated_fen"), number(given, "fine_fen")
    imposed = [
        SanctionLine(SanctionKind.WARNING),
        SanctionLine(SanctionKind.FINE, fine),
        SanctionLine(SanctionKind.CONFISCATED_GAINS, taken),
    ]
    (cause,) = (one for one in seeds.rows("case_causes") if one["effective_to"] == "2025-01-19")
    gains = number(given, "gains_fen")
    found = sanctions.problems(imposed, "organisation", cause, order_unmet=False, gains_fen=gains)
    assert found == []
    return {
        "fine_and_confiscation_fen": str(sum(sanctions.money_of(imposed))),
        "surcharge_included": "no",
    }


def fine_in_range(given: Values) -> Values:
    found = causes.fine_range(base_fine(given["cause"], date(2024, 6, 1)), 0)
    assert found == FineRange(number(given, "min_fen"), number(given, "max_fen"))
    return {"in_range": yes(found.holds(number(given, "fine_fen")))}


def simple_procedure(given: Values) -> Values:
    kind, amount = KINDS[given["kind"]], number(given, "fine_fen")
    line = SanctionLine(kind, amount if kind in sanctions.MONEY else None)
    return {"allowed": yes(sanctions.fits_simple([line], LIMITS[given["party"]]))}


def on_the_spot(given: Values) -> Values:
    hard = given["hard_to_collect_later"] == "yes"
    allowed = money.spot_ground_holds(
        number(given, "fine_fen"),
        SpotGround.HARD_LATER if hard else SpotGround.SMALL,
        max_fen=SETTINGS["spot-collection-max-fen"],
        simple=True,
        by_request=False,
    )
    return {"allowed": yes(allowed)}


def multiplier(given: Values) -> Values:
    offer = base_fine(given["cause"], date(2026, 11, 21))
    shape = (offer.times_low, offer.times_high, offer.min_base_fen)
    assert shape == tuple(
        number(given, name) for name in ("times_low", "times_high", "min_base_fen")
    )
    found = causes.fine_range(offer, number(given, "gains_fen"))
    assert found is not None
    return {
        "base_fen": str(found.base_fen),
        "fine_low_fen": str(found.low_fen),
        "fine_high_fen": str(found.high_fen),
    }


def same_act(given: Values) -> Values:
    """Cases of one finding are one act, whatever the rule: a second fine for it is refused.

    Which of the rules a case goes by is said by who opens it.
    """
    on, finding = date(2026, 11, 21), UUID(int=1)
    one, other = (Act(rule, on, on, "organisation", finding_id=finding) for rule in given)
    like = acts.likeness(one, other)
    assert like is not None
    highest = max(given, key=lambda rule: int(given[rule].split("-")[1]))
    return {"applied": highest, "fines": "1" if like.certain else "2"}


def count_by_heaviest(given: Values) -> Values:
    kinds = [KINDS[name] for name in given["kinds"].split("+")]
    names = {kind: name for name, kind in KINDS.items()}
    annual = sanctions.counted_as(kinds, COUNTINGS["annual-table"])
    exclusive = sanctions.counted_as(kinds, COUNTINGS["warning-or-fine"])
    return {"cases": "1", "annual_table": names[annual], "warning_or_fine": names[exclusive]}


def count_total(given: Values) -> Values:
    decisions = [[KINDS[name]] for name, count in given.items() for _ in range(int(count))]
    found = [sanctions.counted_as(one, COUNTINGS["warning-or-fine"]) for one in decisions]
    assert {name: str(found.count(KINDS[name])) for name in given} == given
    return {"cases": str(len(found))}


def repeated_crime(given: Values) -> Values:
    least = SETTINGS["unlicensed-practice-penalties"]
    goes = sanctions.is_repeated_crime(number(given, "earlier_administrative_penalties"), least)
    return {"transfer_to_police": "yes" if goes else "not on this ground"}


def hearing_right(given: Values) -> Values:
    rows = [triggers.trigger_of(row, row["article"]) for row in seeds.rows("hearing_rights")]
    fined = [SanctionLine(SanctionKind.FINE, number(given, "fine_fen"))]
    return {"hearing_right": yes(bool(triggers.called(rows, fined, given["party"], ())))}


RULES: dict[str, Callable[[Values], Values]] = {
    "surcharge": surcharge,
    "surcharge_by_date": surcharge_by_date,
    "decision_days": decision_days,
    "amounts": amounts,
    "fine_in_range": fine_in_range,
    "simple_procedure": simple_procedure,
    "on_the_spot_collection": on_the_spot,
    "multiplier_of_gains": multiplier,
    "same_act_two_rules": same_act,
    "count_by_heaviest": count_by_heaviest,
    "count_total": count_total,
    "unlicensed_practice_repeat": repeated_crime,
    "hearing_right_by_fine": hearing_right,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["case_id"]))
def test_a_row_of_the_golden_table_comes_out(row):
    assert RULES[row["rule"]](pairs(row["inputs"])) == pairs(row["expected"])


def test_no_row_is_left_out():
    assert {row["rule"] for row in ROWS} == RULES.keys()
    assert len({row["case_id"] for row in ROWS}) == len(ROWS) == 54
