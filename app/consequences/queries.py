"""Reads of findings and of what became of them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import PenaltyCase
from app.cases.rules import CaseState, Procedure
from app.consequences.models import FindingDecision
from app.consequences.rules import Consequence, Decision, Way
from app.days import local_date
from app.db import db
from app.documents.models import Document
from app.documents.rules import DocumentKind
from app.visits.models import CorrectiveOrder, CorrectiveOrderItem, Finding, Visit
from app.visits.terms import OrderState

_CASE_ENDS = frozenset(
    {CaseState.CLOSED, CaseState.WITHDRAWN, CaseState.NOT_PUNISHED, CaseState.TRANSFERRED}
)

REVOKED = "revoked"  # a case whose decision was taken back


@dataclass(frozen=True)
class Words:
    """The words of the handling of a finding that mean a lead, an opinion, or nothing."""

    lead: Sequence[str] = ()
    opinion: Sequence[str] = ()
    nothing: Sequence[str] = ()


def find_decision(decision_id: UUID) -> FindingDecision | None:
    """Return a decision about a finding of any agency."""
    return db.session.get(FindingDecision, decision_id)


def standing_decision(finding_id: UUID, kind: Decision) -> FindingDecision | None:
    """Return the decision of a kind about a finding that was not taken back."""
    query = sa.select(FindingDecision).where(
        FindingDecision.finding_id == finding_id,
        FindingDecision.kind == kind,
        FindingDecision.revoked_at.is_(None),
    )
    return db.session.scalars(query).one_or_none()


def is_points_cause(agency_id: UUID, reference: str) -> bool:
    """Tell whether a decision that stands gave points for a cause."""
    query = sa.select(FindingDecision.id).where(
        FindingDecision.agency_id == agency_id,
        FindingDecision.kind == Decision.POINTS,
        FindingDecision.reference == reference,
        FindingDecision.revoked_at.is_(None),
    )
    return db.session.scalar(query.limit(1)) is not None


def _has_order() -> sa.ColumnElement[bool]:
    return sa.exists().where(CorrectiveOrderItem.finding_id == Finding.id)


def _has_case() -> sa.ColumnElement[bool]:
    """A case that was revoked is none: the finding waits again."""
    return sa.exists().where(PenaltyCase.finding_id == Finding.id, PenaltyCase.revoked_on.is_(None))


def _has_decision(*kinds: Decision) -> sa.ColumnElement[bool]:
    found = sa.exists().where(
        FindingDecision.finding_id == Finding.id, FindingDecision.revoked_at.is_(None)
    )
    return found.where(FindingDecision.kind.in_(sorted(kinds))) if kinds else found


def _has_opinion(words: Words) -> sa.ColumnElement[bool]:
    """The officer wrote that an opinion is the answer, and the visit has one."""
    issued = sa.exists().where(
        Document.visit_id == Finding.visit_id, Document.kind == DocumentKind.OPINION
    )
    return sa.and_(Finding.handling.in_(words.opinion), issued)


def _is_lead(words: Words) -> sa.ColumnElement[bool]:
    """A lead waits: no case was opened from the finding, and nobody declined to."""
    return sa.and_(
        Finding.handling.in_(words.lead), ~_has_case(), ~_has_decision(Decision.DECLINED)
    )


def findings_of(
    agency_id: UUID | None,
    words: Words,
    *,
    without_consequence: bool | None = None,
    **filters: Any,
) -> sa.Select[Finding]:
    """Return the query for the findings of an agency; a filter that is None does not count.

    Filters: `visit_id`, `unit_id`, and `without_consequence`: of which nothing became.
    """
    query = sa.select(Finding).where(Finding.agency_id == agency_id)
    if filters.get("visit_id") is not None:
        query = query.where(Finding.visit_id == filters["visit_id"])
    if filters.get("unit_id") is not None:
        visits = sa.select(Visit.id).where(Visit.unit_id == filters["unit_id"])
        query = query.where(Finding.visit_id.in_(visits))
    if without_consequence is None:
        return query
    went = sa.or_(
        _has_order(),
        _has_case(),
        _has_decision(),
        sa.func.coalesce(Finding.handling.in_([*words.lead, *words.nothing]), sa.false()),
        sa.func.coalesce(_has_opinion(words), sa.false()),
    )
    return query.where(~went if without_consequence else went)


def leads_of(agency_id: UUID | None, words: Words, **filters: Any) -> sa.Select[Finding]:
    """Return the query for the leads that wait for a case or for a person to decline one."""
    return findings_of(agency_id, words, **filters).where(_is_lead(words))


def consequences_of(
    findings: Collection[Finding], words: Words
) -> Mapping[UUID, list[Consequence]]:
    """Return what became of each of some findings: five questions, however many they are."""
    ids = [one.id for one in findings]
    found: dict[UUID, list[Consequence]] = defaultdict(list)
    _add_orders(found, ids)
    _add_cases(found, ids)
    _add_decisions(found, ids)
    _add_words(found, findings, words)
    return {one: found.get(one, []) for one in ids}


Found = dict[UUID, list[Consequence]]


def _add_orders(found: Found, ids: Collection[UUID]) -> None:
    rows = db.session.execute(
        sa.select(CorrectiveOrderItem.finding_id, CorrectiveOrder)
        .join(CorrectiveOrder, CorrectiveOrder.id == CorrectiveOrderItem.order_id)
        .where(CorrectiveOrderItem.finding_id.in_(ids))
        .order_by(CorrectiveOrder.id)
    )
    for finding_id, order in rows:
        if finding_id is None:
            continue
        found[finding_id].append(
            Consequence(
                Way.ORDER,
                order.state,
                order.state == OrderState.COMPLIED,
                reference=order.number,
                on=order.issued_on,
                id=order.id,
            )
        )


def _add_cases(found: Found, ids: Collection[UUID]) -> None:
    query = sa.select(PenaltyCase).where(PenaltyCase.finding_id.in_(ids))
    for case in db.session.scalars(query.order_by(PenaltyCase.id)):
        way = Way.ON_SITE_DECISION if case.procedure == Procedure.SIMPLE else Way.CASE
        if case.finding_id is not None:
            found[case.finding_id].append(
                Consequence(
                    way,
                    case.state if case.revoked_on is None else REVOKED,
                    case.revoked_on is not None or case.state in _CASE_ENDS,
                    reference=case.number,
                    on=case.decided_on or case.opened_on,
                    id=case.id,
                )
            )


def _add_decisions(found: Found, ids: Collection[UUID]) -> None:
    query = sa.select(FindingDecision).where(
        FindingDecision.finding_id.in_(ids), FindingDecision.revoked_at.is_(None)
    )
    for one in db.session.scalars(query.order_by(FindingDecision.id)):
        waits = one.kind == Decision.TRANSFER and one.reply is None
        found[one.finding_id].append(
            Consequence(
                Way(one.kind),
                "awaiting-reply" if waits else "decided",
                not waits,
                reference=one.organ or one.reference,
                reason=one.reason,
                on=local_date(one.decided_at),
                id=one.id,
            )
        )


def _add_words(found: Found, findings: Collection[Finding], words: Words) -> None:
    """Add what the officer's word says: a lead that waits, an opinion that was issued, nothing."""
    said = {one.visit_id for one in findings if one.handling in words.opinion}
    query = sa.select(Document).where(
        Document.visit_id.in_(said), Document.kind == DocumentKind.OPINION
    )
    opinions = {one.visit_id: one for one in db.session.scalars(query)} if said else {}
    for one in findings:
        opinion = opinions.get(one.visit_id)
        ways = {become.way for become in found[one.id] if become.state != REVOKED}
        if one.handling in words.lead and not ways & {Way.CASE, Way.ON_SITE_DECISION, Way.DECLINED}:
            found[one.id].append(Consequence(Way.LEAD, "waiting", settled=False))
        if one.handling in words.opinion and opinion is not None and Way.OPINION not in ways:
            found[one.id].append(
                Consequence(
                    Way.OPINION, opinion.state, True, reference=opinion.number, id=opinion.id
                )
            )
        if one.handling in words.nothing and Way.NOTHING not in ways:
            found[one.id].append(Consequence(Way.NOTHING, "by-officer", settled=True))
