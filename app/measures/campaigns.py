"""Campaigns 专项: a number for tasks to refer to, and what they came to in the units of reports."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.days import local_date
from app.db import db, new_id, touch
from app.journal import service as journal
from app.journal.rules import Event
from app.measures.models import Campaign, CampaignEvent
from app.measures.rules import CampaignEventKind
from app.measures.service import MeasureInvalid, get_campaign, refuse_practice
from app.numbering.queries import take_number
from app.numbering.rules import Register
from app.people.models import Agency


@dataclass(frozen=True)
class NewCampaign:
    """A campaign as it was approved; `practice`: against which illegal practice."""

    name: str
    basis: str
    from_on: date
    until_on: date
    practice: str | None = None
    organs: tuple[str, ...] = ()
    published_on: date | None = None


def plan_campaign(new: NewCampaign, *, agency: Agency, by: Actor, at: datetime) -> Campaign:
    """Plan a campaign under the next number. Raises MeasureInvalid. Flushes."""
    if new.until_on < new.from_on:
        raise MeasureInvalid("专项的结束日期不能早于开始日期。")
    if new.practice is not None:
        refuse_practice(new.practice, local_date(at))
    campaign = Campaign(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        number=take_number(agency.id, Register.CAMPAIGN, local_date(at)),
        name=new.name,
        practice=new.practice,
        basis=new.basis,
        from_on=new.from_on,
        until_on=new.until_on,
        organs=list(new.organs),
        published_on=new.published_on,
        planned_at=at,
        planned_by_kind=by.kind,
        planned_by_id=by.id,
    )
    db.session.add(campaign)
    db.session.flush()
    data = {"number": campaign.number, "practice": campaign.practice}
    journal.record(Event.CAMPAIGN_PLANNED, campaign, by=by, at=at, data=data)
    return campaign


def note_event(
    campaign_id: UUID,
    kind: CampaignEventKind,
    on_day: date,
    organs: tuple[str, ...],
    note: str | None,
    *,
    by: Actor,
    at: datetime,
) -> Campaign:
    """Note a joint enforcement or a meeting of a campaign.

    Raises CampaignUnknown and MeasureInvalid (outside its days, or joint with nobody).
    """
    campaign = get_campaign(campaign_id, by.agency_id)
    if not campaign.from_on <= on_day <= campaign.until_on:
        raise MeasureInvalid("日期不在专项的起止日期之内。")
    if kind is CampaignEventKind.JOINT_ENFORCEMENT and not organs:
        raise MeasureInvalid("部门联合执法应写明参加的部门。")
    campaign.events.append(
        CampaignEvent(id=new_id(), kind=kind, on_day=on_day, organs=list(organs), note=note)
    )
    touch(campaign)
    data = {"kind": str(kind), "on_day": on_day.isoformat()}
    journal.record(Event.CAMPAIGN_EVENT_NOTED, campaign, by=by, at=at, data=data)
    return campaign
