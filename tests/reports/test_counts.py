"""The counts of a period: units, cut-off, year on year, and the list behind every number."""

import io
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import openpyxl
import pytest

from app.access import Role
from app.cases.models import CaseSanction, PenaltyCase
from app.cases.sanctions import KIND_NAMES, SanctionKind
from app.catalogue import seeds
from app.days import local_date
from app.db import db, new_id, transaction
from app.reports import counting, listing, manual_counts, words
from app.reports.counters import COUNTERS, RATES
from app.reports.counting import Share, Span
from app.reports.manual_counts import ManualCountInvalid, NewManualCount
from app.tasks import service as tasks
from tests.factories import OTHER_DISTRICT
from tests.reports.desk import visited
from tests.reports.test_quantities import BY_KEY, PUTUO_2024
from tests.reports.test_task_counts import Office as Tasks

YEAR = (date(2026, 1, 1), date(2026, 12, 31))
MANUAL = {row["code"].replace("-", "_"): row for row in seeds.rows("manual_counters")}
NOT_BY_HAND = [row for row in PUTUO_2024 if row["key"] not in MANUAL]


@pytest.fixture
def office(make, app_context):
    return Office(make)


class Office:
    """An agency whose numbers are asked for."""

    def __init__(self, make):
        self.make = make
        make.catalogue()
        self.agency = make.home()

    def counts(self, *period, **chosen):
        return counting.count_all(self.agency.id, *(period or YEAR), at=self.make.at, **chosen)

    def scope(self):
        return counting.scope_of(self.agency.id, *YEAR, None)

    def numbers(self, *period, **chosen):
        found = self.counts(*period, **chosen)
        return {one.counter.code: one.quantity.text for one in found.counted}

    def case(
        self, *sanctions, decided_on=date(2026, 5, 6), filed_on=None, closed_on=None, **values
    ):
        """A decided case of the ordinary procedure, as a row: only its counting is asked for."""
        closed = closed_on is not None
        at = self.make.at
        values = {"cause_code": "a", "cause_name": "案由", **values}
        with transaction():
            case = PenaltyCase(
                id=new_id(),
                agency_id=self.agency.id,
                district=self.agency.district,
                procedure="ordinary",
                source="superior",
                number=f"沪立〔2026〕{new_id().hex[-6:]}",
                state="closed" if closed else "decided",
                cause_from=date(2026, 1, 1),
                basis_law="法",
                basis_article="条",
                party_kind="organisation",
                party_name="当事人",
                act="行为",
                warning=False,
                fine_fen=0,
                acted_on=filed_on or decided_on,
                opened_on=filed_on or decided_on,
                filed_on=filed_on or decided_on,
                decided_on=decided_on,
                closed_on=closed_on,
                closed_at=at if closed else None,
                closed_by_kind="user" if closed else None,
                **values,
            )
            db.session.add(case)
            db.session.flush()
            for kind in sanctions:
                amount = 10_000 if kind in {"fine", "confiscated-gains"} else None
                db.session.add(
                    CaseSanction(case_id=case.id, kind=kind, on_staff=False, amount_fen=amount)
                )
        return case.id


def test_262_cases_are_46_warnings_and_216_fines_by_the_rule_that_counts_so(office):
    warnings, fines = int(BY_KEY["penalty_warning"]["value"]), int(BY_KEY["penalty_fine"]["value"])
    for _ in range(warnings):
        office.case("warning")
    for number in range(fines):
        gains = ["confiscated-gains"] if number < 7 else []
        office.case("warning", "fine", *gains)
    found = office.numbers(counting="warning-or-fine")
    assert found["cases"] == BY_KEY["penalty_total"]["value"] == "262"
    assert (found["cases-warning"], found["cases-fine"]) == ("46", "216")
    heaviest = office.numbers()
    assert (heaviest["cases-fine"], heaviest["cases-confiscated-gains"]) == ("209", "7")
    assert (heaviest["fines"], heaviest["confiscated-gains"]) == ("2.16", "0.07")
    for numbers in (found, heaviest, office.numbers(counting="seven-kinds")):
        assert sum(int(numbers[f"cases-{kind}"]) for kind in KIND_NAMES) == 262
    assert len(SanctionKind) == len(KIND_NAMES)


def test_the_causes_of_cases_are_counted_each_once_and_listed_with_how_many_there_were(office):
    for code, name, cases in (("b", "未公示", 3), ("c", "未消毒", 1)):
        for _ in range(cases):
            office.case("fine", cause_code=code, cause_name=name)
    office.case("warning", cause_code="d", cause_name="撤销的", revoked_on=date(2026, 6, 30))
    assert office.numbers()["case-causes"] == "2"
    listed = listing.every(
        counting.rows_behind("case-causes", counting.scope_of(office.agency.id, *YEAR, None))
    )
    assert {one.label for one in listed} == {"未公示（3 件）", "未消毒（1 件）"}
    assert {words.type_name(one) for one in listed} == {"案由"}


def test_every_counter_has_as_many_lines_as_its_number_says(office, make):
    officers = [make.officer(), make.officer()]
    unit = make.unit()
    for outcome in ("no-problem", "ordered-to-correct", "no-problem"):
        visited(make, unit, officers, outcome, origin="routine")
        make.clock.forward(days=1)
    visited(make, unit, officers, origin="compliance-talk")
    office.case("fine", "confiscated-gains")
    scope = counting.scope_of(office.agency.id, *YEAR, None)
    found = office.counts()
    by_code = {one.counter.code: one for one in found.counted}
    assert list(by_code) == list(COUNTERS)
    for code, line in by_code.items():
        listed = listing.every(counting.rows_behind(code, scope))
        keys = [(one.id, one.part) for one in listed]
        assert len(set(keys)) == len(keys), code
        if not line.counter.money and not line.counter.sums:
            assert len(listed) == int(line.quantity.text), code
    numbers = {code: line.quantity.text for code, line in by_code.items()}
    assert numbers["inspections"] == "3"
    assert numbers["inspected-units"] == "1"
    assert numbers["officer-visits"] == "6"
    assert numbers["violation-visits"] == "1"
    assert numbers["crime-transfers"] == "0"  # zero is reported
    assert {by_code[code].counter.unit for code in ("inspections", "officer-visits")} == {
        "户次",
        "人次",
    }
    for rate in RATES:
        assert {rate.numerator, rate.denominator} <= COUNTERS.keys()


def test_a_cut_off_day_shows_how_things_stood_then(office, make):
    chen, ding = make.supervisor(), make.supervisor()
    work = Tasks(make)
    first = local_date(make.at)
    with transaction():
        (one,), (other,) = work.create(1), work.create(1)
    make.clock.forward(days=1)
    with transaction():
        work.complete(one)
    make.clock.forward(days=1)
    with transaction():
        tasks.reopen_task(one.id, "补查", ding.officer_id, by=chen, at=make.at)
    make.clock.forward(days=1)
    with transaction():
        for verb in ("accept_task", "start_task"):
            getattr(tasks, verb)(one.id, officer_id=work.team[0], by=chen, at=make.at)
        tasks.submit_task(one.id, "no-problem", by=chen, at=make.at)
        tasks.complete_task(one.id, by=chen, at=make.at)
    make.clock.forward(days=1)
    with transaction():
        work.complete(other)
        tasks.reopen_task(other.id, "补查", ding.officer_id, by=chen, at=make.at)
    done = [office.numbers(first, first + timedelta(days=n))["tasks-completed"] for n in range(5)]
    assert done == ["0", "1", "0", "1", "1"]  # what is undone elsewhere undoes nothing here
    rates = {one.rate.code: one for one in office.counts(first, first + timedelta(days=1)).rates}
    assert rates["completion"].now == Share(1, 2, "50.00")


def test_a_year_stands_beside_the_one_before(office):
    for decided_on in (date(2025, 5, 6), date(2026, 5, 6), date(2026, 5, 7)):
        office.case("fine", decided_on=decided_on)
    (cases,) = [one for one in office.counts().counted if one.counter.code == "cases"]
    assert (cases.quantity.text, cases.before.text, cases.change) == ("2", "1", Decimal("100.00"))
    assert office.numbers(date(2026, 5, 7), date(2026, 5, 7))["cases"] == "1"
    leap = office.counts(date(2024, 2, 29), date(2024, 2, 29))
    assert leap.days[0].now.cases == 0


def test_the_days_that_cases_took_have_a_mean_and_a_median(office):
    filed = date(2026, 3, 1)
    for days in (10, 20, 90):
        decided_on = filed + timedelta(days=days)
        office.case("fine", filed_on=filed, decided_on=decided_on, closed_on=decided_on)
    earlier, closed_on = date(2025, 3, 1), date(2025, 3, 8)
    office.case("fine", filed_on=earlier, decided_on=closed_on, closed_on=closed_on)
    to_decision, to_closing = office.counts().days
    assert to_decision.now == Span(3, Decimal("40.0"), Decimal("20.0"))
    assert to_closing.now == to_decision.now
    assert to_closing.before == to_decision.before == Span(1, Decimal("7.0"), Decimal("7.0"))
    for one in (to_decision, to_closing):
        behind = listing.every(counting.rows_behind(one.counter, office.scope()))
        assert [entry.label for entry in behind] == ["2026-03-01"] * 3


def test_a_rate_stands_beside_that_of_the_year_before(office):
    office.case("fine", decided_on=date(2026, 5, 6))
    for kind in ("fine", "warning"):
        office.case(kind, decided_on=date(2025, 5, 6))
    rates = {one.rate.code: one for one in office.counts().rates}
    share = rates["simple-share"]
    assert (share.now, share.before) == (Share(0, 1, "0.00"), Share(0, 2, "0.00"))
    assert rates["credit-reporting"].before == Share(0, 0, None)


def test_every_figure_of_work_outside_is_entered_by_hand_and_comes_back_with_its_unit(office):
    agency, make = office.agency, office.make
    period = (date(2024, 1, 1), date(2024, 10, 31))
    rows = [row for row in PUTUO_2024 if row["key"] in MANUAL]
    assert len(rows) + len(NOT_BY_HAND) == len(PUTUO_2024) == 94
    with transaction():
        for row in rows:
            data = NewManualCount(
                counter=row["key"].replace("_", "-"),
                number=row["value"],
                from_on=period[0],
                until_on=period[1],
                source="普卫健审监〔2024〕2号",
                sourced_on=date(2024, 11, 20),
                at_least="余" in row["note"],
            )
            manual_counts.record_count(data, agency=agency, by=make.by(agency), at=make.at)
    found = office.counts(*period).manual
    assert [(one.quantity.text, one.quantity.unit) for one in found] == [
        (row["value"], row["unit"]) for row in rows
    ]
    assert office.counts(date(2024, 1, 1), date(2024, 6, 30)).manual == []
    with pytest.raises(ManualCountInvalid), transaction():
        data = NewManualCount("proposals", "1.5", *period, "台账", period[1])
        manual_counts.record_count(data, agency=agency, by=make.by(agency), at=make.at)


def test_counts_and_their_lists_are_read_and_taken_out_over_http(make):
    officers = [make.officer(), make.officer()]
    unit = make.unit(name="=1+1浴室")
    for _ in range(3):
        visited(make, unit, officers, origin="routine")
    reader = make.signed_in(Role.AUDITOR)
    path = "/api/v1/reports/counts"
    days = f"from_on=2026-11-01&until_on={(make.at + timedelta(days=1)).date()}"
    found = reader.get(f"{path}?{days}").json
    numbers = {one["code"]: one for one in found["counted"]}
    assert (numbers["inspections"]["number"], numbers["inspections"]["unit"]) == ("3", "户次")
    assert found["uncounted"]
    seen, link = [], f"{path}/entries?{days}&counter=officer-visits&limit=4"
    while link:
        page = reader.get(link)
        seen += [(one["id"], one["part"]) for one in page.json["items"]]
        link = page.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert len(seen) == len(set(seen)) == 6
    assert all(one < two for one, two in pairwise(seen))
    book = openpyxl.load_workbook(
        io.BytesIO(reader.get(f"{path}/entries/export?{days}&counter=inspections").data)
    )
    sheet = book.worksheets[0]
    assert [row[2].value for row in sheet.iter_rows(min_row=2)] == ["=1+1浴室"] * 3
    assert {row[2].data_type for row in sheet.iter_rows(min_row=2)} == {"s"}
    assert {row[3].value for row in sheet.iter_rows(min_row=2)} == {"检查"}
    assert {row[4].value for row in sheet.iter_rows(min_row=2)} == {"未发现问题"}
    book = openpyxl.load_workbook(io.BytesIO(reader.get(f"{path}/export?{days}").data))
    lines = {row[1].value: row for row in book.worksheets[0].iter_rows()}
    assert (lines["监督检查"][2].value, lines["监督检查"][2].data_type) == (3, "n")
    assert [cell.value for cell in lines["项目"][6:]] == ["分子", "分母"]
    assert [cell.value for cell in lines["查实率"][6:]] == [0, 0]
    text = reader.get(f"{path}/export?{days}&format=csv").data.decode("utf-8-sig")
    assert "监督检查,监督检查,3,户次,0," in text
    wrong = reader.get(f"{path}?from_on=2026-12-01&until_on=2026-11-01")
    assert wrong.json["type"] == "/problems/period-reversed"
    assert reader.get(f"{path}?counting=nothing").status_code == 404
    stranger = make.signed_in(Role.AUDITOR, agency=make.agency(OTHER_DISTRICT, "普陀区"))
    other = {one["code"]: one["number"] for one in stranger.get(f"{path}?{days}").json["counted"]}
    assert set(other.values()) == {"0"}
