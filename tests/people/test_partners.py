"""Officers of partner departments on both databases: registered, changed, shown on a code."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.codes import service as codes
from app.codes.service import NewCode
from app.db import db, transaction
from app.journal.models import JournalEntry
from app.people import partners
from app.people.partners import PartnerMayNotGo, PartnerTaken, PartnerUnknown
from app.people.rules import OfficerState


def test_a_partner_is_registered_once_and_the_journal_names_nobody(make, app_context):
    partner = make.partner(certificate_no="SJ-1", name="周某")
    make.partner(certificate_no="SJ-1", department="教育局")
    with pytest.raises(PartnerTaken):
        make.partner(certificate_no="SJ-1")
    entry = db.session.scalars(
        sa.select(JournalEntry).where(JournalEntry.subject_id == partner.id)
    ).one()
    assert entry.event == "partner-officer.registered"
    assert "周某" not in entry.text
    assert "SJ-1" not in entry.text


def test_a_partner_who_left_or_whose_certificate_ran_out_is_not_sent(make, app_context):
    partner, by = make.partner(), make.supervisor()
    on = partner.certificate_valid_until
    (sent,) = partners.partners_to_send([partner.id], partner.agency_id, on=on)
    assert sent.id == partner.id
    with pytest.raises(PartnerMayNotGo):
        partners.partners_to_send([partner.id], partner.agency_id, on=on + timedelta(days=1))
    with transaction():
        again = partners.get_partner(partner.id, partner.agency_id)
        partners.change_partner(again, {"state": OfficerState.LEFT}, by=by, at=make.at)
    with pytest.raises(PartnerMayNotGo):
        partners.partners_to_send([partner.id], partner.agency_id, on=on)


def test_a_partner_of_another_agency_is_not_found(make, app_context):
    partner = make.partner(make.agency("310104"))
    with pytest.raises(PartnerUnknown):
        partners.get_partner(partner.id, make.home().id)


def test_the_page_of_a_code_shows_who_of_partner_departments_comes_along(make, client):
    unit = make.unit()
    team = [make.officer().id, make.officer().id]
    partner = make.partner(name="周某", certificate_no="SJ-2")
    until, by = make.at + timedelta(days=1), make.supervisor()
    new = NewCode(unit.id, team, make.at, until, partner_ids=[partner.id], reason="线索")
    with make.writing():
        code = codes.request_code(new, agency_id=unit.agency_id, by=by, at=make.at)
        short = code.short
    text = client.get(f"/c/{short}").get_data(as_text=True)
    assert "周某（市场监管局），执法证号 <code>SJ-2</code>" in text
    assert "现制现售饮用水设备" in text
