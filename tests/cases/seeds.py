"""The money of a seeded case, for the tests that ask every route."""

from datetime import date, timedelta
from typing import Any

from app.access import Actor
from app.cases import collecting, discretion
from app.cases.collecting import NewPayment
from app.cases.collecting_rules import ReliefKind
from app.cases.models import PenaltyCase
from app.cases.money import Part, PaymentMethod, SpotGround
from app.cases.tiers import Facts
from app.db import db
from tests.factories import Make


def fill(make: Make, ids: dict[str, str], case: PenaltyCase, by: Actor) -> None:
    """Open what a case imposed in money; a part was taken on the spot, a delay is applied for."""
    today = date(2026, 11, 21)
    values: dict[str, Any] = {"by": by, "at": make.at}
    spot = NewPayment(
        today,
        PaymentMethod.ON_THE_SPOT,
        "沪财0001",
        fine_fen=100,
        spot_ground=SpotGround.SMALL,
        officer_id=case.officer_id,
    )
    facts = Facts(party_kind=case.party_kind)
    with make.writing():
        own = db.session.get_one(PenaltyCase, case.id)
        discretion.propose_discretion(own, facts, object_class=None, **values)
    with make.writing():
        own = db.session.get_one(PenaltyCase, case.id)
        opened = collecting.open_collection(own, **values)
        collecting.record_payment(opened.id, spot, **values)
        later = [Part(today + timedelta(days=60), opened.fine_fen - 100)]
        collecting.ask_relief(opened.id, ReliefKind.DELAY, later, "资金周转困难", today, **values)
        db.session.flush()
        ids["collection"] = str(opened.id)
        ids["payment"] = str(opened.payments[0].id)
        ids["relief"] = str(opened.reliefs[0].id)
