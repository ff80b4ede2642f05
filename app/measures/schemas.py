"""The shapes of bans, seizures, referrals and campaigns over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from app.fields import Choice, Count, Day, Flag, Id, Instant, Text
from app.measures.rules import (
    BanState,
    CampaignEventKind,
    Disposition,
    GoodsKind,
    ReferralState,
    SeizureKind,
    SeizureState,
)
from app.problems import PageSchema

_CODE = r"^[a-z0-9]+(-[a-z0-9]+)*$"


def _officers(**options: Any) -> Any:
    return fields.List(Id(), validate=validate.Length(1, 20), **options)


def _organs(**options: Any) -> Any:
    return fields.List(Text(max=200), validate=validate.Length(0, 20), **options)


def _maybe_id() -> Any:
    return Id(load_default=None, allow_none=True)


class AboutSchema(ma.Schema):
    """Whom and what a measure is about."""

    unit_id = _maybe_id()
    party_id = _maybe_id()
    visit_id = _maybe_id()
    case_id = _maybe_id()
    campaign_id = _maybe_id()


class MeasureQuerySchema(PageSchema):
    """Query of measures of an agency, in the order of their ids."""

    unit_id = _maybe_id()
    party_id = _maybe_id()
    case_id = _maybe_id()


class BanQuerySchema(MeasureQuerySchema):
    """Query of bans."""

    state = Choice(BanState, load_default=None, allow_none=True)
    campaign_id = _maybe_id()


class NewBanSchema(AboutSchema):
    """What is banned."""

    practice = Text(max=100, pattern=_CODE, required=True)
    reason = Text(max=4000, required=True)
    basis = Text(max=1000, required=True)
    officer_ids = _officers(required=True)
    partners = _organs(load_default=[])
    decided_on = Day(load_default=None, allow_none=True)
    document_id = _maybe_id()


class AnnounceBanSchema(ma.Schema):
    """When and where a ban was put up."""

    announced_on = Day(required=True)
    where = Text(max=400, required=True)
    document_id = _maybe_id()


class MeasureReasonSchema(ma.Schema):
    """Why."""

    reason = Text(max=1000, required=True)


class BanSchema(ma.Schema):
    """A ban of unlicensed practice."""

    id = Id(required=True)
    version = Count(1, required=True)
    number = Text(max=100, required=True)
    practice = Text(max=100, required=True)
    unit_id = Id(required=True, allow_none=True)
    party_id = Id(required=True, allow_none=True)
    visit_id = Id(required=True, allow_none=True)
    case_id = Id(required=True, allow_none=True)
    campaign_id = Id(required=True, allow_none=True)
    reason = Text(max=4000, required=True)
    basis = Text(max=1000, required=True)
    decided_on = Day(required=True)
    document_id = Id(required=True, allow_none=True)
    officer_ids = fields.List(fields.String(), required=True)
    partners = fields.List(fields.String(), required=True)
    state = Choice(BanState, required=True)
    announced_on = Day(required=True, allow_none=True)
    announced_where = Text(max=400, required=True, allow_none=True)
    announcement_id = Id(required=True, allow_none=True)
    revoked_reason = Text(max=1000, required=True, allow_none=True)
    revoked_at = Instant(required=True, allow_none=True)


class GoodsSchema(ma.Schema):
    """One line of a list of goods: how many, in which unit (箱, 件, 瓶 …)."""

    name = Text(max=200, required=True)
    kind = Choice(GoodsKind, required=True)
    quantity = Count(1, 1_000_000, required=True)
    unit = Text(max=10, required=True)
    maker = Text(max=200, load_default=None, allow_none=True)
    lot = Text(max=100, load_default=None, allow_none=True)


def _goods(**options: Any) -> Any:
    return fields.List(fields.Nested(GoodsSchema), validate=validate.Length(0, 200), **options)


class SeizedGoodsSchema(GoodsSchema):
    """A line of the list, and what became of it."""

    place = Count(1, required=True)
    disposition = Choice(Disposition, required=True)
    disposed_on = Day(required=True, allow_none=True)
    disposition_note = Text(max=1000, required=True, allow_none=True)
    disposition_document_id = Id(required=True, allow_none=True)


class SeizureQuerySchema(MeasureQuerySchema):
    """Query of seizures."""

    state = Choice(SeizureState, load_default=None, allow_none=True)
    kind = Choice(SeizureKind, load_default=None, allow_none=True)
    campaign_id = _maybe_id()


class NewSeizureSchema(AboutSchema):
    """What is to be seized, was seized in urgency, or was confiscated by a case."""

    kind = Choice(SeizureKind, required=True)
    reason = Text(max=4000, required=True)
    basis = Text(max=1000, required=True)
    officer_ids = _officers(required=True)
    urgent = Flag(load_default=False)
    place = Text(max=400, load_default=None, allow_none=True)
    seized_at = Instant(load_default=None, allow_none=True)
    goods = _goods(load_default=[])
    document_id = _maybe_id()


class CarryOutSchema(ma.Schema):
    """The list of goods of an approved seizure; `seized_at` where it is recorded afterwards."""

    goods = _goods(required=True)
    seized_at = Instant(load_default=None, allow_none=True)
    document_id = _maybe_id()


class TestDaysSchema(ma.Schema):
    """How many days of tests do not count."""

    days = Count(1, 365, required=True)


class DisposeSchema(ma.Schema):
    """What becomes of some lines of the list."""

    places = fields.List(Count(1, 200), validate=validate.Length(1, 200), required=True)
    disposition = Choice(Disposition, required=True)
    note = Text(max=1000, load_default=None, allow_none=True)
    document_id = _maybe_id()


class SeizureSchema(ma.Schema):
    """A seizure with its goods; without `due_on`, `due_reason` says what its term waits for."""

    id = Id(required=True)
    version = Count(1, required=True)
    number = Text(max=100, required=True)
    kind = Choice(SeizureKind, required=True)
    unit_id = Id(required=True, allow_none=True)
    party_id = Id(required=True, allow_none=True)
    visit_id = Id(required=True, allow_none=True)
    case_id = Id(required=True, allow_none=True)
    campaign_id = Id(required=True, allow_none=True)
    reason = Text(max=4000, required=True)
    basis = Text(max=1000, required=True)
    place = Text(max=400, required=True, allow_none=True)
    urgent = fields.Boolean(required=True)
    state = Choice(SeizureState, required=True)
    officer_ids = fields.List(fields.String(), required=True)
    document_id = Id(required=True, allow_none=True)
    seized_at = Instant(required=True, allow_none=True)
    approval_due_at = Instant(required=True, allow_none=True)
    approval_late_at = Instant(required=True, allow_none=True)
    extension_days = Count(0, required=True)
    extension_reason = Text(max=1000, required=True, allow_none=True)
    testing_days = Count(0, required=True)
    due_on = Day(required=True, allow_none=True)
    due_reason = Text(max=100, required=True, allow_none=True)
    warned_at = Instant(required=True, allow_none=True)
    late_at = Instant(required=True, allow_none=True)
    refused_reason = Text(max=1000, required=True, allow_none=True)
    applied_at = Instant(required=True)
    approved_at = Instant(required=True, allow_none=True)
    refused_at = Instant(required=True, allow_none=True)
    ended_at = Instant(required=True, allow_none=True)
    goods = fields.List(fields.Nested(SeizedGoodsSchema), required=True)


class ReferralQuerySchema(MeasureQuerySchema):
    """Query of referrals."""

    state = Choice(ReferralState, load_default=None, allow_none=True)


class NewReferralSchema(ma.Schema):
    """What is referred to which procuratorate."""

    unit_id = _maybe_id()
    party_id = _maybe_id()
    case_id = _maybe_id()
    procuratorate = Text(max=200, required=True)
    matter = Text(max=4000, required=True)
    referred_on = Day(load_default=None, allow_none=True)
    document_id = _maybe_id()


class AnswerReferralSchema(ma.Schema):
    """What the procuratorate answered, or how its suit ended."""

    state = Choice(ReferralState, required=True)
    reply = Text(max=4000, required=True)
    replied_on = Day(required=True)


class ReferralSchema(ma.Schema):
    """A referral and its answer."""

    id = Id(required=True)
    version = Count(1, required=True)
    number = Text(max=100, required=True)
    procuratorate = Text(max=200, required=True)
    matter = Text(max=4000, required=True)
    unit_id = Id(required=True, allow_none=True)
    party_id = Id(required=True, allow_none=True)
    case_id = Id(required=True, allow_none=True)
    document_id = Id(required=True, allow_none=True)
    referred_on = Day(required=True)
    state = Choice(ReferralState, required=True)
    reply = Text(max=4000, required=True, allow_none=True)
    replied_on = Day(required=True, allow_none=True)


class NewCampaignSchema(ma.Schema):
    """A campaign as it was approved."""

    name = Text(max=200, required=True)
    basis = Text(max=1000, required=True)
    from_on = Day(required=True)
    until_on = Day(required=True)
    practice = Text(max=100, pattern=_CODE, load_default=None, allow_none=True)
    organs = _organs(load_default=[])
    published_on = Day(load_default=None, allow_none=True)


class CampaignEventSchema(ma.Schema):
    """A joint enforcement or a meeting."""

    kind = Choice(CampaignEventKind, required=True)
    on_day = Day(required=True)
    organs = _organs(load_default=[])
    note = Text(max=1000, load_default=None, allow_none=True)


class CampaignSchema(ma.Schema):
    """A campaign; tasks refer to its number."""

    id = Id(required=True)
    version = Count(1, required=True)
    number = Text(max=100, required=True)
    name = Text(max=200, required=True)
    practice = Text(max=100, required=True, allow_none=True)
    basis = Text(max=1000, required=True)
    from_on = Day(required=True)
    until_on = Day(required=True)
    organs = fields.List(fields.String(), required=True)
    published_on = Day(required=True, allow_none=True)
    events = fields.List(fields.Nested(CampaignEventSchema), required=True)


class MeasureCountsQuerySchema(ma.Schema):
    """Of which days; by default all of the campaign's."""

    from_on = Day(load_default=None, allow_none=True)
    until_on = Day(load_default=None, allow_none=True)


class GoodsTotalSchema(ma.Schema):
    """A sum of goods of one kind in one unit."""

    kind = Choice(GoodsKind, required=True)
    unit = Text(max=10, required=True)
    quantity = Count(0, required=True)


class CampaignCountsSchema(ma.Schema):
    """What a campaign came to: 户次, 人次, 户, 件, 次, and goods by kind and unit."""

    from_on = Day(required=True)
    until_on = Day(required=True)
    tasks = Count(0, required=True)
    visits = Count(0, required=True)
    officer_visits = Count(0, required=True)
    bans = Count(0, required=True)
    cases = Count(0, required=True)
    fine_fen = Count(0, required=True)
    joint_enforcements = Count(0, required=True)
    meetings = Count(0, required=True)
    goods = fields.List(fields.Nested(GoodsTotalSchema), required=True)
