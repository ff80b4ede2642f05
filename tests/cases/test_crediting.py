"""What credit record and channels keep of decisions that fall, come again, or see new rules."""

from datetime import date
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from app.cases.models import CaseRemedy
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.credit import service as credit
from app.credit.models import CreditEntry
from app.db import db, transaction
from app.publication.models import Publication
from app.publication.publishing import follow_publications
from tests.cases.ordinary import Office

FILED, DECIDED = date(2026, 9, 1), date(2026, 9, 11)


@pytest.fixture
def office(make, clock, app_context):
    return Office(make, clock)


def decided(office, unit, number, filed, on):
    case = office.open(filed, unit_id=unit.id)
    office.until(case, "file", "collect", "conclude", "notify", "waive-defence", on=filed)
    office.step(case, "decide", on, number=number)
    return case.id


def follow(office, on):
    office.be(on)
    return follow_publications(at=office.make.at)


def entries():
    db.session.remove()
    found = db.session.scalars(sa.select(CreditEntry).order_by(CreditEntry.recorded_at))
    return [(one.kind, one.reference, one.tier) for one in found]


def on_portal():
    found = db.session.scalars(sa.select(Publication).where(Publication.channel == "portal"))
    return {one.number: one.state for one in found}


def test_what_is_decided_anew_after_a_revocation_has_its_own_entry_and_its_own_rows(office):
    unit = office.make.unit()
    first = decided(office, unit, "罚1号", FILED, DECIDED)
    follow(office, date(2026, 9, 14))
    (entry,) = entries()
    case = SimpleNamespace(id=first)
    office.step(case, "revoke", date(2026, 9, 15))
    second = decided(office, unit, "罚2号", date(2026, 9, 16), date(2026, 9, 25))
    for _ in range(2):
        follow(office, date(2026, 9, 28))
        found = entries()
        assert [(kind, reference) for kind, reference, _ in found if kind == "penalty"] == [
            ("penalty", f"case/{first}"),
            ("penalty", f"case/{second}"),
        ]
        assert [one[0] for one in found] == ["penalty", "reversal", "penalty"]
        assert found[0] == entry
        assert on_portal() == {"罚1号": "withdrawn", "罚2号": "public"}


def test_a_rule_set_that_comes_later_changes_no_entry_and_holds_up_no_step(office):
    unit = office.make.unit()
    case_id = decided(office, unit, "罚1号", FILED, DECIDED)
    before = entries()
    with transaction():
        row = catalogue.get_row(Kind.SANCTION_TIER, "fine", DECIDED)
        other = "serious" if row.body["tier"] != "serious" else "minor"
        changed = {**row.body, "tier": other, "raised_from_fen": None, "raised_tier": None}
        catalogue.supersede(
            Kind.SANCTION_TIER,
            "fine",
            changed,
            effective_from=FILED,
            source="更正",
            by=office.chen,
            at=office.make.at,
        )
    case = SimpleNamespace(id=case_id)
    office.step(case, "serve", date(2026, 9, 15))
    office.step(case, "begin-remedy", date(2026, 9, 18))
    remedy_id = str(db.session.scalars(sa.select(CaseRemedy.id)).one())
    office.step(case, "end-remedy", date(2026, 10, 9), result="upheld", remedy_id=remedy_id)
    assert "refused" not in follow(office, date(2026, 10, 10))
    assert entries() == before


def test_a_cause_of_a_safety_sector_is_shown_for_a_year_at_least(office):
    filed, on = date(2026, 3, 2), date(2026, 3, 31)
    decided(office, office.make.unit(), "罚1号", filed, on)
    row = catalogue.get_row(Kind.CASE_CAUSE, "pp-without-licence", filed)
    with transaction():
        catalogue.supersede(
            Kind.CASE_CAUSE,
            "pp-without-licence",
            {**row.body, "safety_sector": True},
            effective_from=filed,
            source="机关确认",
            by=office.chen,
            at=office.make.at,
        )
    decided(office, office.make.unit(), "罚2号", filed, on)
    db.session.remove()
    found = db.session.scalars(sa.select(CreditEntry).order_by(CreditEntry.recorded_at)).all()
    terms = {one.tier: credit.publicity_of_entry(one) for one in found}
    assert {tier: term and term.min_end for tier, term in terms.items()} == {
        "ordinary-sector": date(2026, 6, 30),
        "safety-sector": date(2027, 3, 31),
    }
