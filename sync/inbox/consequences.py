"""What a visit leads to, as tablets send it: orders to correct, penalties on the spot, samples.

Each is handed over on paper under a number of the tablet's block: the document and its effect come
in together or not at all. The other tablet's paper of the same has its number accounted for, and no
second effect.
"""

from datetime import date
from typing import Any
from uuid import UUID

from app import canonical
from app.cases import service as cases
from app.cases.rules import PartyKind, Sanction
from app.cases.service import Decision
from app.visits import orders, samples
from app.visits.orders import NewOrder
from app.visits.samples import NewSample
from app.visits.terms import OrderItem
from sync.inbox import issuing, rules
from sync.inbox.doing import Doing, Effect, applied
from sync.inbox.rules import Outcome


def issue_order(doing: Doing) -> Effect:
    """Issue a corrective order; the pair's second one of the same findings joins the first."""
    fields, visit = doing.fields, issuing.visit_of(doing)
    document = issuing.issue_paper(doing, visit)
    due_on = fields.get("deadline_on")
    issued = orders.issue_order(
        doing.entity_id,
        visit.id,
        NewOrder(
            items=[_item(one) for one in fields["items"]],
            number=document.number,
            correct_within_days=fields.get("correct_within_days"),
            due_on=None if due_on is None else date.fromisoformat(due_on),
            clock_suspect=doing.clock_suspect,
        ),
        officer_id=doing.officer_id,
        recorded_at=doing.operation.recorded_at,
        document_id=document.id,
        admitted=doing.admitted,
        by=doing.by,
        at=doing.at,
    )
    return applied(issued.order, Outcome.MERGED if issued.again else Outcome.APPLIED)


def _item(said: dict[str, Any]) -> OrderItem:
    finding_id = said.get("finding_id")
    return OrderItem(
        text=said["text"],
        finding_id=None if finding_id is None else UUID(finding_id),
        basis=said.get("basis"),
    )


def decide(doing: Doing) -> Effect:
    """Take up a decision made on the spot; the same cause again has no second effect."""
    fields, visit = doing.fields, issuing.visit_of(doing)
    document = issuing.issue_paper(doing, visit)
    decided = cases.decide_on_site(
        doing.entity_id,
        visit.id,
        Decision(
            finding_id=doing.id_of("finding_id"),
            cause_code=fields["cause_code"],
            party_kind=PartyKind(fields["party_kind"]),
            sanction=_sanction(fields["penalty_kind"], fields["amount_fen"]),
            officer_ids=tuple(UUID(one) for one in document.officer_ids),
            number=document.number,
            party_name=fields.get("party_name"),
            act=fields.get("act"),
            place=fields.get("place"),
            circumstances=frozenset(fields.get("circumstances", ())),
            factors=frozenset(fields.get("factors", ())),
            clock_suspect=doing.clock_suspect,
        ),
        officer_id=doing.officer_id,
        recorded_at=doing.operation.recorded_at,
        document_id=document.id,
        admitted=doing.admitted,
        by=doing.by,
        at=doing.at,
    )
    effect = applied(decided.case)
    if not decided.again:
        return effect
    return Effect(effect.outcome, effect.version, rules.NO_SECOND_EFFECT)


def _sanction(penalty_kind: str, amount_fen: int) -> Sanction:
    """Return what the paper imposes. Raises SanctionNotOffered where kind and amount disagree."""
    if ("fine" in penalty_kind) != (amount_fen > 0):
        raise cases.SanctionNotOffered(
            "处罚决定书上的处罚种类与罚款金额不一致，内容已留存。",
            errors=[{"pointer": "#/amount_fen", "detail": "只有罚款才有金额，罚款应有金额。"}],
        )
    return Sanction(warning="warning" in penalty_kind, fine_fen=amount_fen)


def record_sample(doing: Doing) -> Effect:
    """Record a sample; its task awaits the result."""
    fields, visit = doing.fields, issuing.visit_of(doing)
    document = issuing.issue_paper(doing, visit)
    item_id = fields.get("item_id")
    recorded = samples.record_sample(
        doing.entity_id,
        visit.id,
        NewSample(
            name=fields["sample"],
            amount=fields["amount"],
            method=fields["method"],
            taken_at=canonical.parse_instant(fields["sampled_at"]),
            item_id=None if item_id is None else UUID(item_id),
            lot=fields.get("lot"),
            place=fields.get("place"),
            number=document.number,
        ),
        officer_id=doing.officer_id,
        recorded_at=doing.operation.recorded_at,
        document_id=document.id,
        admitted=doing.admitted,
        by=doing.by,
        at=doing.at,
    )
    return applied(recorded.sample, Outcome.MERGED if recorded.again else Outcome.APPLIED)
