"""Bans of unlicensed practice 取缔 and referrals to the procuratorate 公益诉讼."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.cases import service as cases
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db, new_id
from app.documents import service as documents
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.measures import rules
from app.measures.models import Ban, Campaign, Referral
from app.measures.rules import BanState, ReferralState
from app.numbering.queries import take_number
from app.numbering.rules import Register
from app.parties import service as parties
from app.parties.rules import Subject
from app.people import service as people
from app.people.models import Agency
from app.tasks.teams import TEAM_SIZE
from app.units import service as units
from app.visits import contributing


class MeasureInvalid(Invalid):
    code, title = "measure-invalid", "措施内容有误"


class MeasureOfNobody(Invalid):
    code, title = "measure-of-nobody", "缺少当事人"


class BanUnknown(NotFound):
    code, title = "ban-unknown", "未找到取缔决定"


class BanStateWrong(Conflict):
    code, title = "ban-state-wrong", "取缔决定状态不允许此操作"


class ReferralUnknown(NotFound):
    code, title = "referral-unknown", "未找到公益诉讼线索移送"


class ReferralStateWrong(Conflict):
    code, title = "referral-state-wrong", "公益诉讼线索状态不允许此操作"


class CampaignUnknown(NotFound):
    code, title = "campaign-unknown", "未找到专项"


@dataclass(frozen=True)
class About:
    """Whom and what a measure is about: a unit, an actor, or both; where it came from."""

    unit_id: UUID | None = None
    party_id: UUID | None = None
    visit_id: UUID | None = None
    case_id: UUID | None = None
    campaign_id: UUID | None = None


@dataclass(frozen=True)
class NewBan:
    """What is banned, by which rule, on which day, and who took part."""

    practice: str
    about: About
    reason: str
    basis: str
    officer_ids: tuple[UUID, ...]
    partners: tuple[str, ...] = ()
    decided_on: date | None = None
    document_id: UUID | None = None


@dataclass(frozen=True)
class NewReferral:
    """What is referred to which procuratorate."""

    procuratorate: str
    matter: str
    about: About
    referred_on: date | None = None
    document_id: UUID | None = None


def refuse_foreign(about: About, agency_id: UUID) -> None:
    """Raise what is not found of what a measure is about, and MeasureOfNobody."""
    if about.unit_id is None and about.party_id is None:
        raise MeasureOfNobody("请指明单位或者当事人；无证、无名的也应先登记。")
    if about.unit_id is not None:
        units.get_unit(about.unit_id, agency_id)
    if about.party_id is not None:
        parties.get_party(about.party_id, agency_id)
    if about.visit_id is not None:
        contributing.get_visit(about.visit_id, agency_id)
    if about.case_id is not None:
        cases.get_case(about.case_id, agency_id)
    if about.campaign_id is not None:
        get_campaign(about.campaign_id, agency_id)


def refuse_officers(officer_ids: Collection[UUID], agency: Agency, on: date) -> None:
    """Raise MeasureInvalid where fewer than the law's two officers are named (行政强制法 第十八条).

    Raises OfficerNotFound for one who is not the agency's.
    """
    least = catalogue.get_row(Kind.SETTING, TEAM_SIZE, on)
    for one in officer_ids:
        people.get_officer(one, agency.id)
    if len(set(officer_ids)) < int(least.body["value"]):
        raise MeasureInvalid(
            f"应由不少于 {least.body['value']} 名执法人员实施（{least.source}）。",
            article=least.source,
        )


def refuse_document(document_id: UUID | None, agency_id: UUID) -> None:
    """Raise DocumentUnknown for a document that is not the agency's."""
    if document_id is not None:
        documents.get_document(document_id, agency_id)


def _day(given: date | None, at: datetime) -> date:
    today = local_date(at)
    if given is not None and given > today:
        raise MeasureInvalid("日期不能晚于今天。", on=given)
    return given or today


def link_subject(about: About, kind: Subject, subject_id: UUID, *, by: Actor, at: datetime) -> None:
    """Let an actor's history show a measure, and the unit, visit and case that it came from."""
    if about.party_id is None:
        return
    met = {
        kind: subject_id,
        Subject.UNIT: about.unit_id,
        Subject.VISIT: about.visit_id,
        Subject.CASE: about.case_id,
    }
    for one, its_id in met.items():
        if its_id is not None:
            parties.link_party(about.party_id, one, its_id, by=by, at=at)


# --- bans --------------------------------------------------------------------------------------


def get_ban(ban_id: UUID, agency_id: UUID | None) -> Ban:
    """Return a ban of the agency. Raises BanUnknown, also for another agency's."""
    ban = db.session.get(Ban, ban_id)
    if ban is None or ban.agency_id != agency_id:
        raise BanUnknown("没有这项取缔决定，或它不属于本机构。")
    return ban


def decide_ban(new: NewBan, *, agency: Agency, by: Actor, at: datetime) -> Ban:
    """Ban an unlicensed practice; the decision counts as one 户, its officers as 人次.

    Raises MeasureInvalid, MeasureOfNobody and what is not found. Flushes: links name the ban.
    """
    on = _day(new.decided_on, at)
    refuse_foreign(new.about, agency.id)
    refuse_officers(new.officer_ids, agency, local_date(at))
    refuse_document(new.document_id, agency.id)
    refuse_practice(new.practice, on)
    ban = Ban(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        number=take_number(agency.id, Register.BAN, on),
        practice=new.practice,
        unit_id=new.about.unit_id,
        party_id=new.about.party_id,
        visit_id=new.about.visit_id,
        case_id=new.about.case_id,
        campaign_id=new.about.campaign_id,
        reason=new.reason,
        basis=new.basis,
        decided_on=on,
        document_id=new.document_id,
        officer_ids=sorted({str(one) for one in new.officer_ids}),
        partners=list(new.partners),
        state=BanState.DECIDED,
        decided_at=at,
        decided_by_kind=by.kind,
        decided_by_id=by.id,
    )
    db.session.add(ban)
    db.session.flush()
    data = {
        "number": ban.number,
        "practice": ban.practice,
        "officer_ids": ban.officer_ids,
        "partners": len(ban.partners),
    }
    journal.record(Event.BAN_DECIDED, ban, by=by, at=at, data=data)
    link_subject(new.about, Subject.BAN, ban.id, by=by, at=at)
    return ban


def refuse_practice(practice: str, on: date) -> None:
    """Raise MeasureInvalid for a practice that the catalogue does not know on a day."""
    if practice not in {row.code for row in catalogue.in_force(Kind.ILLEGAL_PRACTICE, on)}:
        raise MeasureInvalid(f"“{practice}”不在现行的非法执业类别目录中。")


def announce_ban(
    ban_id: UUID,
    announced_on: date,
    where: str,
    document_id: UUID | None,
    *,
    by: Actor,
    at: datetime,
) -> Ban:
    """Announce a ban 公告: when and where it was put up. Raises BanUnknown and BanStateWrong."""
    ban = get_ban(ban_id, by.agency_id)
    if ban.state != BanState.DECIDED:
        raise BanStateWrong("取缔决定已经公告或已撤销，请刷新后再办理。", state=ban.state)
    if announced_on < ban.decided_on:
        raise MeasureInvalid("公告日期不能早于决定日期。", decided_on=ban.decided_on)
    refuse_document(document_id, ban.agency_id)
    ban.state, ban.announced_on, ban.announced_where = BanState.ANNOUNCED, announced_on, where
    ban.announcement_id = document_id
    data = {"announced_on": announced_on.isoformat()}
    journal.record(Event.BAN_ANNOUNCED, ban, by=by, at=at, data=data)
    return ban


def revoke_ban(ban_id: UUID, reason: str, *, by: Actor, at: datetime) -> Ban:
    """Revoke a ban, with its reason; it is counted no more. Raises BanUnknown, BanStateWrong."""
    ban = get_ban(ban_id, by.agency_id)
    if ban.state == BanState.REVOKED:
        raise BanStateWrong("取缔决定已经撤销。", state=ban.state)
    ban.state, ban.revoked_reason = BanState.REVOKED, reason
    ban.revoked_at, ban.revoked_by_kind, ban.revoked_by_id = at, by.kind, by.id
    journal.record(Event.BAN_REVOKED, ban, by=by, at=at, data={})
    return ban


# --- referrals ---------------------------------------------------------------------------------


def get_referral(referral_id: UUID, agency_id: UUID | None) -> Referral:
    """Return a referral of the agency. Raises ReferralUnknown, also for another agency's."""
    referral = db.session.get(Referral, referral_id)
    if referral is None or referral.agency_id != agency_id:
        raise ReferralUnknown("没有这项公益诉讼线索移送，或它不属于本机构。")
    return referral


def refer(new: NewReferral, *, agency: Agency, by: Actor, at: datetime) -> Referral:
    """Refer a matter to the procuratorate for a suit in the public interest. Flushes."""
    on = _day(new.referred_on, at)
    refuse_foreign(new.about, agency.id)
    refuse_document(new.document_id, agency.id)
    referral = Referral(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        number=take_number(agency.id, Register.REFERRAL, on),
        procuratorate=new.procuratorate,
        matter=new.matter,
        unit_id=new.about.unit_id,
        party_id=new.about.party_id,
        case_id=new.about.case_id,
        document_id=new.document_id,
        referred_on=on,
        state=ReferralState.REFERRED,
        referred_at=at,
        referred_by_kind=by.kind,
        referred_by_id=by.id,
    )
    db.session.add(referral)
    db.session.flush()
    journal.record(Event.REFERRAL_MADE, referral, by=by, at=at, data={"number": referral.number})
    return referral


def answer_referral(
    referral_id: UUID,
    state: ReferralState,
    reply: str,
    replied_on: date,
    *,
    by: Actor,
    at: datetime,
) -> Referral:
    """Note what the procuratorate answered, or how its suit ended.

    Raises ReferralUnknown, ReferralStateWrong (`state`) and MeasureInvalid (before the referral).
    """
    referral = get_referral(referral_id, by.agency_id)
    if state not in rules.REFERRAL_STEPS[ReferralState(referral.state)]:
        raise ReferralStateWrong(
            "线索现在的状态不能这样登记，请刷新后再办理。", state=referral.state
        )
    if replied_on < referral.referred_on or replied_on > local_date(at):
        raise MeasureInvalid("回复日期应在移送之后，且不晚于今天。")
    referral.state, referral.reply, referral.replied_on = state, reply, replied_on
    journal.record(Event.REFERRAL_ANSWERED, referral, by=by, at=at, data={"state": str(state)})
    return referral


def get_campaign(campaign_id: UUID, agency_id: UUID | None) -> Campaign:
    """Return a campaign of the agency. Raises CampaignUnknown, also for another agency's."""
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is None or campaign.agency_id != agency_id:
        raise CampaignUnknown("没有这个专项，或它不属于本机构。")
    return campaign
