"""Tables of bans, seizures with their goods, referrals to the procuratorate, and campaigns."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, id_column, in_pairs, one_of
from app.measures.rules import (
    BanState,
    CampaignEventKind,
    Disposition,
    Goods,
    GoodsKind,
    ReferralState,
    SeizureKind,
    SeizureState,
)


class Campaign(Entity, Base):
    """A campaign 专项: its tasks have the origin `campaign` and its number as their reference."""

    __tablename__ = "campaign"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    number: Mapped[str]
    name: Mapped[str]
    practice: Mapped[str | None]
    basis: Mapped[str]
    from_on: Mapped[date]
    until_on: Mapped[date]
    organs: Mapped[list[str]]
    published_on: Mapped[date | None]
    ended_at: Mapped[datetime | None]
    ended_by_kind: Mapped[str | None]
    ended_by_id: Mapped[UUID | None]
    planned_at: Mapped[datetime]
    planned_by_kind: Mapped[str]
    planned_by_id: Mapped[UUID | None]

    events: Mapped[list["CampaignEvent"]] = relationship(
        back_populates="campaign",
        order_by="CampaignEvent.id",
        cascade="all, delete-orphan",
        lazy="selectin",
    )

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "number"),
        sa.Index("ix_campaign_agency_id_id", "agency_id", "id"),
        in_pairs("planned", required=True),
        in_pairs("ended"),
        sa.CheckConstraint("from_on <= until_on", name="days_in_order"),
    )


class CampaignEvent(Base):
    """A joint enforcement or a meeting of a campaign, with the organs that took part."""

    __tablename__ = "campaign_event"

    id: Mapped[UUID] = id_column()
    campaign_id: Mapped[UUID] = mapped_column(sa.ForeignKey("campaign.id"), index=True)
    kind: Mapped[str]
    on_day: Mapped[date]
    organs: Mapped[list[str]]
    note: Mapped[str | None]

    campaign: Mapped[Campaign] = relationship(back_populates="events")

    __table_args__ = (one_of("kind", CampaignEventKind),)


class Ban(Entity, Base):
    """A ban of unlicensed practice 取缔, at a unit, of an actor, or both; one is one 户."""

    __tablename__ = "ban"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    number: Mapped[str]
    practice: Mapped[str]
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    party_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("party.id"), index=True)
    visit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("visit.id"), index=True)
    case_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("penalty_case.id"), index=True)
    campaign_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("campaign.id"), index=True)
    reason: Mapped[str]
    basis: Mapped[str]
    decided_on: Mapped[date]
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    officer_ids: Mapped[list[str]]
    partners: Mapped[list[str]]
    state: Mapped[str] = mapped_column(default=BanState.DECIDED)
    announced_on: Mapped[date | None]
    announced_where: Mapped[str | None]
    announcement_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    revoked_reason: Mapped[str | None]
    decided_at: Mapped[datetime]
    decided_by_kind: Mapped[str]
    decided_by_id: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_kind: Mapped[str | None]
    revoked_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "number"),
        sa.Index("ix_ban_agency_id_id", "agency_id", "id"),
        one_of("state", BanState),
        in_pairs("decided", required=True),
        in_pairs("revoked"),
        sa.CheckConstraint("unit_id IS NOT NULL OR party_id IS NOT NULL", name="of_somebody"),
        sa.CheckConstraint(
            "(announced_on IS NULL) = (announced_where IS NULL)", name="announced_where"
        ),
        sa.CheckConstraint("state <> 'announced' OR announced_on IS NOT NULL", name="announced_on"),
        sa.CheckConstraint("(state = 'revoked') = (revoked_at IS NOT NULL)", name="revoked_when"),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_reason IS NULL)", name="revoked_with_reason"
        ),
    )


class Seizure(Entity, Base):
    """Goods or premises that were sealed, detained or confiscated, with their list.

    Without `due_on` nothing is held yet, or the term cannot be said (`due_reason`). The version
    guards the goods.
    """

    __tablename__ = "seizure"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    number: Mapped[str]
    kind: Mapped[str]
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    party_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("party.id"), index=True)
    visit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("visit.id"), index=True)
    case_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("penalty_case.id"), index=True)
    campaign_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("campaign.id"), index=True)
    reason: Mapped[str]
    basis: Mapped[str]
    place: Mapped[str | None]
    urgent: Mapped[bool]
    state: Mapped[str]
    officer_ids: Mapped[list[str]]
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    seized_at: Mapped[datetime | None]
    approval_due_at: Mapped[datetime | None]
    approval_late_at: Mapped[datetime | None]
    days: Mapped[int | None]
    extension_days: Mapped[int] = mapped_column(default=0)
    extension_reason: Mapped[str | None]
    testing_days: Mapped[int] = mapped_column(default=0)
    due_on: Mapped[date | None]
    due_reason: Mapped[str | None]
    warned_at: Mapped[datetime | None]
    late_at: Mapped[datetime | None]
    refused_reason: Mapped[str | None]
    applied_at: Mapped[datetime]
    applied_by_kind: Mapped[str]
    applied_by_id: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    approved_by_kind: Mapped[str | None]
    approved_by_id: Mapped[UUID | None]
    refused_at: Mapped[datetime | None]
    refused_by_kind: Mapped[str | None]
    refused_by_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    ended_by_kind: Mapped[str | None]
    ended_by_id: Mapped[UUID | None]

    goods: Mapped[list["SeizedGoods"]] = relationship(
        back_populates="seizure",
        order_by="SeizedGoods.place",
        cascade="all, delete-orphan",
        lazy="selectin",
    )

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "number"),
        sa.Index("ix_seizure_agency_id_id", "agency_id", "id"),
        sa.Index("ix_seizure_state_due_on", "state", "due_on"),
        one_of("kind", SeizureKind),
        one_of("state", SeizureState),
        in_pairs("applied", required=True),
        in_pairs("approved"),
        in_pairs("refused"),
        in_pairs("ended"),
        sa.CheckConstraint("unit_id IS NOT NULL OR party_id IS NOT NULL", name="of_somebody"),
        sa.CheckConstraint(
            "kind <> 'confiscation' OR case_id IS NOT NULL", name="confiscated_by_a_case"
        ),
        sa.CheckConstraint(
            "state NOT IN ('in-force', 'awaiting-approval')"
            " OR (seized_at IS NOT NULL AND (due_on IS NULL) = (due_reason IS NOT NULL))",
            name="held_with_term",
        ),
        sa.CheckConstraint(
            "state <> 'in-force' OR approved_at IS NOT NULL", name="in_force_approved"
        ),
        sa.CheckConstraint(
            "(refused_at IS NULL) = (refused_reason IS NULL)", name="refused_with_reason"
        ),
        sa.CheckConstraint(
            "approved_by_id IS NULL OR applied_by_id IS NULL OR approved_by_id <> applied_by_id",
            name="second_person",
        ),
    )


class SeizedGoods(Base):
    """One line of the list of goods 物品清单, and what became of it."""

    __tablename__ = "seized_goods"

    seizure_id: Mapped[UUID] = mapped_column(sa.ForeignKey("seizure.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    kind: Mapped[str]
    quantity: Mapped[int]
    unit: Mapped[str]
    maker: Mapped[str | None]
    lot: Mapped[str | None]
    disposition: Mapped[str] = mapped_column(default=Disposition.HELD)
    disposed_on: Mapped[date | None]
    disposition_note: Mapped[str | None]
    disposition_document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))

    seizure: Mapped[Seizure] = relationship(back_populates="goods")

    __table_args__ = (
        one_of("kind", GoodsKind),
        one_of("disposition", Disposition),
        sa.CheckConstraint("quantity > 0", name="something"),
        sa.CheckConstraint("(disposition = 'held') = (disposed_on IS NULL)", name="disposed_when"),
    )

    @property
    def line(self) -> Goods:
        """Return the line as rules count it."""
        return Goods(
            name=self.name,
            kind=GoodsKind(self.kind),
            quantity=self.quantity,
            unit=self.unit,
            maker=self.maker,
            lot=self.lot,
            disposition=Disposition(self.disposition),
        )


class Referral(Entity, Base):
    """A referral to the procuratorate for a suit in the public interest, and its answer."""

    __tablename__ = "referral"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    number: Mapped[str]
    procuratorate: Mapped[str]
    matter: Mapped[str]
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    party_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("party.id"), index=True)
    case_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("penalty_case.id"), index=True)
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    referred_on: Mapped[date]
    state: Mapped[str] = mapped_column(default=ReferralState.REFERRED)
    reply: Mapped[str | None]
    replied_on: Mapped[date | None]
    referred_at: Mapped[datetime]
    referred_by_kind: Mapped[str]
    referred_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "number"),
        sa.Index("ix_referral_agency_id_id", "agency_id", "id"),
        one_of("state", ReferralState),
        in_pairs("referred", required=True),
        sa.CheckConstraint("(reply IS NULL) = (replied_on IS NULL)", name="reply_when"),
        sa.CheckConstraint("(state = 'referred') = (reply IS NULL)", name="answered_when"),
    )
