"""Reads of cases that deserve a name."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases.acts import Act
from app.cases.models import (
    CaseDeadline,
    CaseRemedy,
    CaseStep,
    CaseTransfer,
    PenaltyCase,
)
from app.cases.rules import CaseState, CaseVerb, Procedure
from app.db import db
from app.parties.rules import normalise_number
from app.units.models import Unit


def find_case(case_id: UUID) -> PenaltyCase | None:
    """Return a case of any agency."""
    return db.session.get(PenaltyCase, case_id)


def find_by_cause(finding_id: UUID, cause_code: str, cause_from: date) -> PenaltyCase | None:
    """Return the case in which a finding is punished by a rule in a version.

    One that was revoked or withdrawn does not stand any more.
    """
    query = _by_cause(finding_id, cause_code, cause_from).where(
        PenaltyCase.revoked_on.is_(None), PenaltyCase.state != CaseState.WITHDRAWN
    )
    return db.session.scalars(query).one_or_none()


def revoked_by_cause(finding_id: UUID, cause_code: str, cause_from: date) -> Sequence[PenaltyCase]:
    """Return the decisions on a finding by a rule in a version that were revoked, newest first."""
    query = _by_cause(finding_id, cause_code, cause_from).where(PenaltyCase.revoked_on.is_not(None))
    return db.session.scalars(query.order_by(PenaltyCase.id.desc())).all()


def _by_cause(finding_id: UUID, cause_code: str, cause_from: date) -> sa.Select[PenaltyCase]:
    return sa.select(PenaltyCase).where(
        PenaltyCase.finding_id == finding_id,
        PenaltyCase.cause_code == cause_code,
        PenaltyCase.cause_from == cause_from,
    )


def cases_like(act: Act, agency_id: UUID, without: UUID) -> Sequence[PenaltyCase]:
    """Return the standing cases of an agency that share finding, party or unit with an act.

    Those of another finding only where the cause is the same and the days meet.
    """
    same: list[sa.ColumnElement[bool]] = []
    if act.unit_id is not None:
        same.append(PenaltyCase.unit_id == act.unit_id)
    if act.party_id_hash is not None:
        same.append(PenaltyCase.party_id_hash == act.party_id_hash)
    if act.party_name is not None:
        named = PenaltyCase.party_name == act.party_name
        # a named party is looked up by its unit first; only without one by name alone
        unplaced = PenaltyCase.unit_id.is_(None)
        same.append(named if act.unit_id is None else sa.and_(unplaced, named))
    met = sa.and_(
        PenaltyCase.cause_code == act.cause_code,
        PenaltyCase.acted_on <= act.until_on,
        sa.func.coalesce(PenaltyCase.act_ended_on, PenaltyCase.acted_on) >= act.from_on,
        sa.or_(*same, sa.false()),
    )
    found = met if act.finding_id is None else sa.or_(PenaltyCase.finding_id == act.finding_id, met)
    query = sa.select(PenaltyCase).where(
        PenaltyCase.agency_id == agency_id,
        PenaltyCase.id != without,
        PenaltyCase.revoked_on.is_(None),
        PenaltyCase.state != CaseState.WITHDRAWN,
        found,
    )
    return db.session.scalars(query.order_by(PenaltyCase.id)).all()


def cases_of(agency_id: UUID | None, **filters: Any) -> sa.Select[PenaltyCase]:
    """Return the query for the cases of an agency; a filter that is None does not count.

    Filters: `procedure`, `state`, `unit_id`, `visit_id`, `cause_code`.
    """
    query = sa.select(PenaltyCase).where(PenaltyCase.agency_id == agency_id)
    for name in ("procedure", "state", "unit_id", "visit_id", "cause_code"):
        if filters.get(name) is not None:
            query = query.where(getattr(PenaltyCase, name) == filters[name])
    return query


def count_opened(agency_id: UUID, year: int) -> int:
    """Return how many ordinary cases of an agency were opened in a year."""
    count = sa.select(sa.func.count()).where(
        PenaltyCase.agency_id == agency_id,
        PenaltyCase.procedure == Procedure.ORDINARY,
        PenaltyCase.opened_on.between(date(year, 1, 1), date(year, 12, 31)),
    )
    return db.session.scalar(count) or 0


def steps_of(case_id: UUID) -> Sequence[CaseStep]:
    """Return the steps of a case, in their order."""
    query = sa.select(CaseStep).where(CaseStep.case_id == case_id).order_by(CaseStep.seq)
    return db.session.scalars(query).all()


def deadlines_of(case_id: UUID) -> Sequence[CaseDeadline]:
    """Return the terms of a case, in the order in which they began."""
    query = sa.select(CaseDeadline).where(CaseDeadline.case_id == case_id)
    return db.session.scalars(query.order_by(CaseDeadline.seq, CaseDeadline.rule_code)).all()


def deadlines_in(
    agency_id: UUID | None, *, on: date, status: str | None = None
) -> sa.Select[CaseDeadline]:
    """Return the query for the running terms of an agency.

    `status`: `waiting` for a calendar or a clock, `warned`, `overdue` on a day; None: all.
    """
    query = sa.select(CaseDeadline).where(
        CaseDeadline.agency_id == agency_id,
        CaseDeadline.met_on.is_(None),
        CaseDeadline.ended_on.is_(None),
    )
    if status == "waiting":
        return query.where(CaseDeadline.due_on.is_(None))
    if status == "warned":
        return query.where(CaseDeadline.warned_at.is_not(None), CaseDeadline.due_on >= on)
    if status == "overdue":
        return query.where(CaseDeadline.of_party.is_(False), CaseDeadline.due_on < on)
    return query


def deadlines_to_follow(on: date) -> Sequence[UUID]:
    """Return the running terms with which the timetable may have to do something on a day.

    Those without a day, and those that no more than their warning is missing of.
    """
    query = sa.select(CaseDeadline.id, CaseDeadline.due_on, CaseDeadline.warn_days).where(
        CaseDeadline.met_on.is_(None),
        CaseDeadline.ended_on.is_(None),
        CaseDeadline.overdue_at.is_(None),
    )
    rows = db.session.execute(query.order_by(CaseDeadline.id))
    return [row.id for row in rows if row.due_on is None or (row.due_on - on).days <= row.warn_days]


def unpunished_of(case_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return on which ground cases ended without a penalty."""
    query = sa.select(CaseStep.case_id, CaseStep.data).where(
        CaseStep.verb == CaseVerb.NOT_PUNISH, CaseStep.case_id.in_(sorted(case_ids))
    )
    return {row.case_id: row.data["ground"] for row in db.session.execute(query)}


def remedies_of(case_id: UUID) -> Sequence[CaseRemedy]:
    """Return the reviews and suits about a case, in the order of their beginning."""
    query = sa.select(CaseRemedy).where(CaseRemedy.case_id == case_id)
    return db.session.scalars(query.order_by(CaseRemedy.begun_on, CaseRemedy.id)).all()


def find_transfer(transfer_id: UUID) -> CaseTransfer | None:
    """Return an entry of the register of transfers, of any agency."""
    return db.session.get(CaseTransfer, transfer_id)


def transfers_in(agency_id: UUID | None, **filters: Any) -> sa.Select[CaseTransfer]:
    """Return the query for the register of transfers of an agency; a filter of None counts not.

    Filters: `direction`, `kind`, `criminal`, `case_id`, `unit_id`, and the days `from_on` and
    `until_on`, both included.
    """
    query = sa.select(CaseTransfer).where(CaseTransfer.agency_id == agency_id)
    for name in ("direction", "kind", "criminal", "case_id", "unit_id"):
        if filters.get(name) is not None:
            query = query.where(getattr(CaseTransfer, name) == filters[name])
    if filters.get("from_on") is not None:
        query = query.where(CaseTransfer.on_day >= filters["from_on"])
    if filters.get("until_on") is not None:
        query = query.where(CaseTransfer.on_day <= filters["until_on"])
    return query


def in_order(query: sa.Select[CaseTransfer]) -> Sequence[CaseTransfer]:
    """Return what a query for transfers finds, in the order of their days."""
    return db.session.scalars(query.order_by(CaseTransfer.on_day, CaseTransfer.id)).all()


def units_of_party(agency_id: UUID, case: PenaltyCase) -> set[UUID]:
    """Return the units that are the party's: that of the case, and all with the same code."""
    codes = {normalise_number(case.party_id_number)} if case.party_id_number else set()
    own = set() if case.unit_id is None else {case.unit_id}
    if own:
        codes |= set(db.session.scalars(sa.select(Unit.uscc).where(Unit.id.in_(own))))
    codes -= {None}
    if not codes:
        return own
    same = sa.select(Unit.id).where(Unit.agency_id == agency_id, Unit.uscc.in_(sorted(codes)))
    return own | set(db.session.scalars(same))


def earlier_cases(case: PenaltyCase, unit_ids: Collection[UUID]) -> Sequence[PenaltyCase]:
    """Return the other cases of the agency that may be the same party's, oldest first.

    By unit, by the number of a paper, or by the same name.
    """
    same: list[sa.ColumnElement[bool]] = []
    if unit_ids:
        same.append(PenaltyCase.unit_id.in_(sorted(unit_ids)))
    if case.party_id_hash is not None:
        same.append(PenaltyCase.party_id_hash == case.party_id_hash)
    if case.party_name is not None:
        same.append(PenaltyCase.party_name == case.party_name)
    if not same:
        return []
    query = sa.select(PenaltyCase).where(
        PenaltyCase.agency_id == case.agency_id, PenaltyCase.id != case.id, sa.or_(*same)
    )
    return db.session.scalars(query.order_by(PenaltyCase.id)).all()
