"""Reads of bans, seizures, referrals and campaigns that deserve a name, and their counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import PenaltyCase
from app.days import day_begins
from app.db import db
from app.measures.models import Ban, Campaign, CampaignEvent, Referral, SeizedGoods, Seizure
from app.measures.rules import BanState, CampaignEventKind, Disposition, Goods, SeizureState
from app.tasks.models import Task
from app.visits.models import Visit, VisitAttendance


def _where(query: sa.Select[Any], model: Any, filters: dict[str, Any]) -> sa.Select[Any]:
    given = [getattr(model, name) == value for name, value in filters.items() if value is not None]
    return query.where(*given)


def bans_of(agency_id: UUID | None, **filters: Any) -> sa.Select[Ban]:
    """Return the query for the bans of an agency; a filter that is None does not count."""
    return _where(sa.select(Ban).where(Ban.agency_id == agency_id), Ban, filters)


def seizures_of(agency_id: UUID | None, **filters: Any) -> sa.Select[Seizure]:
    """Return the query for the seizures of an agency; a filter that is None does not count."""
    return _where(sa.select(Seizure).where(Seizure.agency_id == agency_id), Seizure, filters)


def referrals_of(agency_id: UUID | None, **filters: Any) -> sa.Select[Referral]:
    """Return the query for the referrals of an agency; a filter that is None does not count."""
    return _where(sa.select(Referral).where(Referral.agency_id == agency_id), Referral, filters)


def campaigns_of(agency_id: UUID | None, **filters: Any) -> sa.Select[Campaign]:
    """Return the query for the campaigns of an agency; a filter that is None does not count."""
    return _where(sa.select(Campaign).where(Campaign.agency_id == agency_id), Campaign, filters)


def seizures_to_watch() -> list[UUID]:
    """Return the seizures that hold goods, or whose approval is still to come."""
    query = sa.select(Seizure.id).where(
        Seizure.state.in_([SeizureState.IN_FORCE, SeizureState.AWAITING_APPROVAL])
    )
    return sorted(db.session.scalars(query))


@dataclass(frozen=True)
class CampaignFacts:
    """What a campaign came to: visits in 户次, officer-visits in 人次, bans in 户, cases in 件."""

    tasks: int
    visits: int
    officer_visits: int
    bans: int
    cases: int
    fine_fen: int
    joint_enforcements: int
    meetings: int
    goods: Sequence[Goods]


def facts_of(campaign: Campaign, from_on: date, until_on: date) -> CampaignFacts:
    """Count what a campaign came to in some days, both included.

    A visit belongs to the day on which it began, a case to that of its decision; the cases are
    those of the campaign's visits. Goods are those that were confiscated.
    """
    visits = _visits_of(campaign, from_on, until_on)
    attended = sa.select(sa.func.count()).select_from(VisitAttendance)
    bans = sa.select(sa.func.count()).where(
        Ban.campaign_id == campaign.id,
        Ban.state != BanState.REVOKED,
        Ban.decided_on.between(from_on, until_on),
    )
    tasks = sa.select(sa.func.count()).where(
        Task.agency_id == campaign.agency_id,
        Task.origin == "campaign",
        Task.origin_reference == campaign.number,
    )
    all_visits = _visits_of(campaign, campaign.from_on, date.max)
    cases = sa.select(
        sa.func.count(), sa.func.coalesce(sa.func.sum(PenaltyCase.fine_fen), 0)
    ).where(
        PenaltyCase.visit_id.in_(all_visits),
        PenaltyCase.decided_on.between(from_on, until_on),
        PenaltyCase.revoked_on.is_(None),
    )
    count, fine = db.session.execute(cases).one()
    return CampaignFacts(
        tasks=db.session.scalar(tasks) or 0,
        visits=db.session.scalar(sa.select(sa.func.count()).select_from(visits.subquery())) or 0,
        officer_visits=db.session.scalar(attended.where(VisitAttendance.visit_id.in_(visits))) or 0,
        bans=db.session.scalar(bans) or 0,
        cases=count,
        fine_fen=int(fine),
        joint_enforcements=_events(
            campaign, CampaignEventKind.JOINT_ENFORCEMENT, from_on, until_on
        ),
        meetings=_events(campaign, CampaignEventKind.MEETING, from_on, until_on),
        goods=_confiscated(campaign, from_on, until_on),
    )


def _visits_of(campaign: Campaign, from_on: date, until_on: date) -> sa.Select[UUID]:
    query = (
        sa.select(Visit.id)
        .join(Task, Task.id == Visit.task_id)
        .where(
            Task.agency_id == campaign.agency_id,
            Task.origin == "campaign",
            Task.origin_reference == campaign.number,
            Visit.started_at >= day_begins(from_on),
        )
    )
    if until_on < date.max:
        query = query.where(Visit.started_at < _after(until_on))
    return query


def _after(on: date) -> datetime:
    return day_begins(date.fromordinal(on.toordinal() + 1))


def _events(campaign: Campaign, kind: CampaignEventKind, from_on: date, until_on: date) -> int:
    query = sa.select(sa.func.count()).where(
        CampaignEvent.campaign_id == campaign.id,
        CampaignEvent.kind == kind,
        CampaignEvent.on_day.between(from_on, until_on),
    )
    return db.session.scalar(query) or 0


def _confiscated(campaign: Campaign, from_on: date, until_on: date) -> list[Goods]:
    query = (
        sa.select(SeizedGoods)
        .join(Seizure, Seizure.id == SeizedGoods.seizure_id)
        .where(
            Seizure.campaign_id == campaign.id,
            SeizedGoods.disposition.in_([Disposition.CONFISCATED, Disposition.DESTROYED]),
            SeizedGoods.disposed_on.between(from_on, until_on),
        )
        .order_by(SeizedGoods.seizure_id, SeizedGoods.place)
    )
    return [one.line for one in db.session.scalars(query)]
