"""The cases of a seeded agency: what a visit leads to."""

from typing import Any
from uuid import UUID

from app import db
from app.access import Actor, Role
from app.cases import opening, transfers
from app.cases import service as cases
from app.cases.models import PenaltyCase
from app.cases.opening import NewCase, Party
from app.cases.rules import CaseSource, Direction, PartyKind, Sanction, TransferKind
from app.cases.service import Decision
from app.cases.transfers import NewTransfer
from app.days import local_date
from app.people.models import Officer
from app.visits import orders, samples
from app.visits.models import Visit
from app.visits.orders import NewOrder
from app.visits.samples import NewSample
from app.visits.terms import OrderItem
from tests.api.seeds.builder import Builder
from tests.cases.seeds import fill as fill_money


def fill(builder: Builder, visit: Visit) -> None:
    """What the visit leads to: an order, a sample that is out, two penalties."""
    author = builder.officers[0]
    who: dict[str, Any] = {
        "officer_id": author.id,
        "recorded_at": builder.make.at,
        "at": builder.make.at,
    }
    by = builder.actor(Role.OFFICER)
    items = [OrderItem("地面不洁")]
    new = NewOrder(items=items, number="2026—001", correct_within_days=15)
    taken = NewSample("泳池水", "500ml", "GB/T 18204.6", taken_at=builder.make.at)
    with builder.make.writing():
        order = orders.issue_order(db.new_id(), visit.id, new, by=by, **who).order
        sample = samples.record_sample(db.new_id(), visit.id, taken, by=by, **who).sample
    builder.keep("order", order)
    builder.keep("sample", sample)
    for name in ("case", "case:filed"):
        builder.keep(name, _case(builder, visit, author, by))
    with builder.make.writing():
        case_id = UUID(builder.side["case:filed"])
        cases.file_case(case_id, by=builder.actor(Role.SUPERVISOR), at=builder.make.at)
    fined = _case(builder, visit, author, by, fine_fen=9000)
    builder.keep("case:fined", fined)
    fill_money(builder.make, builder.side.ids, fined, builder.actor(Role.OFFICER))
    _ordinary_case(builder)


def _ordinary_case(builder: Builder) -> None:
    """A case that a complaint led to, and a matter that another organ was asked about."""
    on, by = local_date(builder.make.at), builder.actor(Role.SUPERVISOR)
    new = NewCase(
        CaseSource.COMPLAINT,
        "pp-without-testing",
        Party(PartyKind.ORGANISATION, name="某宾馆"),
        "未按照规定检测",
        on,
        on,
    )
    with builder.make.writing():
        case = opening.open_case(new, agency=builder.agency, by=by, at=builder.make.at)
    builder.keep("case:ordinary", case)
    asked = NewTransfer(Direction.OUT, TransferKind.ASSISTANCE, "市场监管局", "协查", on)
    with builder.make.writing():
        row = transfers.record_transfer(asked, agency=builder.agency, by=by, at=builder.make.at)
    builder.keep("transfer", row)


def _case(
    builder: Builder, visit: Visit, author: Officer, by: Actor, *, fine_fen: int = 0
) -> PenaltyCase:
    decision = Decision(
        finding_id=builder.make.finding(visit, author).id,
        cause_code="pp-without-testing",
        party_kind=PartyKind.ORGANISATION,
        sanction=Sanction(warning=True, fine_fen=fine_fen),
        officer_ids=(author.id, builder.officers[4].id),
        number="2026—001",
    )
    with builder.make.writing():
        return cases.decide_on_site(
            db.new_id(),
            visit.id,
            decision,
            officer_id=author.id,
            recorded_at=builder.make.at,
            by=by,
            at=builder.make.at,
        ).case
