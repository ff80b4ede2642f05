"""Bans, referrals and campaigns over HTTP, and what is known of repeat offenders."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import flask

from app import clock
from app.access import Actor, Role, current_actor, requires
from app.db import transaction
from app.measures import campaigns, offenders, queries, rules, service
from app.measures.goods_api import seizures
from app.measures.models import Ban, Campaign, Referral
from app.measures.rules import CampaignEventKind, ReferralState
from app.measures.schemas import (
    AnnounceBanSchema,
    AnswerReferralSchema,
    BanQuerySchema,
    BanSchema,
    CampaignCountsSchema,
    CampaignEventSchema,
    CampaignSchema,
    MeasureCountsQuerySchema,
    MeasureReasonSchema,
    NewBanSchema,
    NewCampaignSchema,
    NewReferralSchema,
    ReferralQuerySchema,
    ReferralSchema,
)
from app.measures.service import About
from app.parties.before import tell_before
from app.parties.models import Party
from app.parties.rules import Met
from app.parties.schemas import (
    HistoryQuerySchema,
    HistorySchema,
    NewPartyLinkSchema,
    PartySchema,
)
from app.people import service as people
from app.people.models import Agency
from app.problems import Blueprint, Page, PageSchema, page

bans = Blueprint("bans", __name__, url_prefix="/bans", description="取缔")
referrals = Blueprint("referrals", __name__, url_prefix="/referrals", description="公益诉讼线索")
campaign_blp = Blueprint("campaigns", __name__, url_prefix="/campaigns", description="专项")
histories = Blueprint("histories", __name__, url_prefix="/histories", description="当事人的前案")
party_links = Blueprint(
    "party-links", __name__, url_prefix="/party-links", description="当事人出现的地方"
)
BLUEPRINTS = (bans, seizures, referrals, campaign_blp, party_links, histories)
READERS = (Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)


def init_app(flask_app: flask.Flask) -> None:
    """Let visits and cases show what is known of their people before."""
    tell_before(offenders.before)


def agency_of(by: Actor) -> Agency:
    """Return the agency of who acts. Raises BanUnknown for one without."""
    if by.agency_id is None:
        raise service.BanUnknown("没有这项措施，或它不属于本机构。")
    return people.get_agency(by.agency_id)


def about_of(data: dict[str, Any]) -> About:
    """Take out of a body whom and what a measure is about."""
    names = ("unit_id", "party_id", "visit_id", "case_id", "campaign_id")
    return About(**{name: data.pop(name, None) for name in names})


# --- bans --------------------------------------------------------------------------------------


@bans.route("")
@requires(*READERS)
@bans.arguments(BanQuerySchema, location="query")
@bans.paged(BanSchema)
def list_bans(query: dict[str, Any]) -> Page[Ban]:
    """查询取缔决定"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.bans_of(current_actor().agency_id, **query)
    return page(found, Ban.id, limit=limit, cursor=cursor)


@bans.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@bans.creates
@bans.arguments(NewBanSchema)
@bans.response(201, BanSchema)
def decide_ban(data: dict[str, Any]) -> Ban:
    """决定取缔无证执业"""
    about = about_of(data)
    officer_ids, partners = tuple(data.pop("officer_ids")), tuple(data.pop("partners"))
    with transaction():
        by = current_actor()
        new = service.NewBan(about=about, officer_ids=officer_ids, partners=partners, **data)
        ban = service.decide_ban(new, agency=agency_of(by), by=by, at=clock.now())
    bans.set_etag(ban.version)
    return ban


@bans.route("/<uuid:ban_id>")
@requires(*READERS)
@bans.etag
@bans.response(200, BanSchema)
def get_ban(ban_id: UUID) -> Ban:
    """查看取缔决定"""
    ban = service.get_ban(ban_id, current_actor().agency_id)
    bans.set_etag(ban.version)
    return ban


@bans.route("/<uuid:ban_id>/announce", methods=["POST"])
@requires(Role.SUPERVISOR)
@bans.etag
@bans.arguments(AnnounceBanSchema)
@bans.response(200, BanSchema)
def announce_ban(data: dict[str, Any], ban_id: UUID) -> Ban:
    """登记取缔公告"""
    with transaction():
        by = current_actor()
        bans.check_version(service.get_ban(ban_id, by.agency_id), BanSchema)
        ban = service.announce_ban(ban_id, **data, by=by, at=clock.now())
    bans.set_etag(ban.version)
    return ban


@bans.route("/<uuid:ban_id>/revoke", methods=["POST"])
@requires(Role.SUPERVISOR)
@bans.etag
@bans.arguments(MeasureReasonSchema)
@bans.response(200, BanSchema)
def revoke_ban(data: dict[str, Any], ban_id: UUID) -> Ban:
    """撤销取缔决定"""
    with transaction():
        by = current_actor()
        bans.check_version(service.get_ban(ban_id, by.agency_id), BanSchema)
        ban = service.revoke_ban(ban_id, **data, by=by, at=clock.now())
    bans.set_etag(ban.version)
    return ban


# --- referrals ---------------------------------------------------------------------------------


@referrals.route("")
@requires(*READERS)
@referrals.arguments(ReferralQuerySchema, location="query")
@referrals.paged(ReferralSchema)
def list_referrals(query: dict[str, Any]) -> Page[Referral]:
    """查询公益诉讼线索移送"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.referrals_of(current_actor().agency_id, **query)
    return page(found, Referral.id, limit=limit, cursor=cursor)


@referrals.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@referrals.creates
@referrals.arguments(NewReferralSchema)
@referrals.response(201, ReferralSchema)
def refer(data: dict[str, Any]) -> Referral:
    """向检察院移送公益诉讼线索"""
    about = about_of(data)
    with transaction():
        by = current_actor()
        new = service.NewReferral(about=about, **data)
        referral = service.refer(new, agency=agency_of(by), by=by, at=clock.now())
    referrals.set_etag(referral.version)
    return referral


@referrals.route("/<uuid:referral_id>")
@requires(*READERS)
@referrals.etag
@referrals.response(200, ReferralSchema)
def get_referral(referral_id: UUID) -> Referral:
    """查看公益诉讼线索移送"""
    referral = service.get_referral(referral_id, current_actor().agency_id)
    referrals.set_etag(referral.version)
    return referral


@referrals.route("/<uuid:referral_id>/answer", methods=["POST"])
@requires(Role.SUPERVISOR)
@referrals.etag
@referrals.arguments(AnswerReferralSchema)
@referrals.response(200, ReferralSchema)
def answer_referral(data: dict[str, Any], referral_id: UUID) -> Referral:
    """登记检察院的回复和办理情况"""
    state = ReferralState(data.pop("state"))
    with transaction():
        by = current_actor()
        referrals.check_version(service.get_referral(referral_id, by.agency_id), ReferralSchema)
        referral = service.answer_referral(referral_id, state, **data, by=by, at=clock.now())
    referrals.set_etag(referral.version)
    return referral


# --- campaigns ---------------------------------------------------------------------------------


@campaign_blp.route("")
@requires(*READERS)
@campaign_blp.arguments(PageSchema, location="query")
@campaign_blp.paged(CampaignSchema)
def list_campaigns(query: dict[str, Any]) -> Page[Campaign]:
    """查询专项"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.campaigns_of(current_actor().agency_id)
    return page(found, Campaign.id, limit=limit, cursor=cursor)


@campaign_blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@campaign_blp.creates
@campaign_blp.arguments(NewCampaignSchema)
@campaign_blp.response(201, CampaignSchema)
def plan_campaign(data: dict[str, Any]) -> Campaign:
    """登记专项；任务的来源编号填写专项编号"""
    organs = tuple(data.pop("organs"))
    with transaction():
        by = current_actor()
        new = campaigns.NewCampaign(organs=organs, **data)
        campaign = campaigns.plan_campaign(new, agency=agency_of(by), by=by, at=clock.now())
    campaign_blp.set_etag(campaign.version)
    return campaign


@campaign_blp.route("/<uuid:campaign_id>")
@requires(*READERS)
@campaign_blp.etag
@campaign_blp.response(200, CampaignSchema)
def get_campaign(campaign_id: UUID) -> Campaign:
    """查看专项"""
    campaign = service.get_campaign(campaign_id, current_actor().agency_id)
    campaign_blp.set_etag(campaign.version)
    return campaign


@campaign_blp.route("/<uuid:campaign_id>/events", methods=["POST"])
@requires(Role.SUPERVISOR)
@campaign_blp.etag
@campaign_blp.arguments(CampaignEventSchema)
@campaign_blp.response(200, CampaignSchema)
def note_event(data: dict[str, Any], campaign_id: UUID) -> Campaign:
    """登记专项中的部门联合执法或会议"""
    kind = CampaignEventKind(data["kind"])
    with transaction():
        by = current_actor()
        campaign_blp.check_version(service.get_campaign(campaign_id, by.agency_id), CampaignSchema)
        campaign = campaigns.note_event(
            campaign_id,
            kind,
            data["on_day"],
            tuple(data["organs"]),
            data["note"],
            by=by,
            at=clock.now(),
        )
    campaign_blp.set_etag(campaign.version)
    return campaign


@campaign_blp.route("/<uuid:campaign_id>/counts")
@requires(*READERS)
@campaign_blp.arguments(MeasureCountsQuerySchema, location="query")
@campaign_blp.response(200, CampaignCountsSchema)
def get_counts(query: dict[str, Any], campaign_id: UUID) -> dict[str, Any]:
    """专项的户次、人次、取缔户数、案件、罚款和没收物品（箱、件分别计数）"""
    campaign = service.get_campaign(campaign_id, current_actor().agency_id)
    from_on = query["from_on"] or campaign.from_on
    until_on = query["until_on"] or campaign.until_on
    facts = queries.facts_of(campaign, from_on, until_on)
    counted = {**asdict(facts), "goods": rules.totals(facts.goods)}
    return {"from_on": from_on, "until_on": until_on, **counted}


# --- actors ------------------------------------------------------------------------------------


@party_links.route("", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@party_links.creates
@party_links.arguments(NewPartyLinkSchema)
@party_links.response(201, PartySchema)
def link_party(data: dict[str, Any]) -> Party:
    """登记当事人出现在哪个单位、哪次检查或哪个案件中"""
    with transaction():
        by = current_actor()
        party = offenders.meet(
            data["party_id"], Met(data["met_in"]), data["met_id"], by=by, at=clock.now()
        )
    party_links.set_etag(party.version)
    return party


# --- repeat offenders --------------------------------------------------------------------------


@histories.route("")
@requires(*READERS)
@histories.arguments(HistoryQuerySchema, location="query")
@histories.response(200, HistorySchema)
def get_history(query: dict[str, Any]) -> Any:
    """查询当事人、单位、检查或案件当事人的前案和取缔

    在本机构全部案件中按证件号码、称呼和地点查找；提示只供核查，不作认定。
    """
    return offenders.history(offenders.Asked(**query), by=current_actor(), at=clock.now())
