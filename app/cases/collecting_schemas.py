"""The shape of the money of cases over HTTP; every amount is whole fen, a hundredth of a yuan."""

import marshmallow as ma
from marshmallow import fields, validate

from app.cases.collecting_rules import (
    AlertKind,
    CeasingGround,
    CollectionState,
    ReliefKind,
    Standing,
)
from app.cases.money import PaymentMethod, SpotGround
from app.cases.rules import RemedyKind
from app.fields import Choice, Count, Day, Flag, Id, Instant, Text, absent
from app.problems import PageSchema

MAX_FEN = 10**13  # a hundred thousand million yuan
MAX_PARTS = 60


class PaymentSchema(ma.Schema):
    """Money that came in, under its receipt."""

    id = Id(required=True)
    paid_on = Day(required=True)
    fine_fen = Count(required=True)
    surcharge_fen = Count(required=True)
    confiscated_fen = Count(required=True)
    method = Choice(PaymentMethod, required=True)
    receipt_no = Text(max=100, required=True)
    spot_ground = Choice(SpotGround, required=True, allow_none=True)
    officer_id = Id(required=True, allow_none=True)
    hand_in_due_on = Day(required=True, allow_none=True)
    handed_in_on = Day(required=True, allow_none=True)
    banked_on = Day(required=True, allow_none=True)
    recorded_at = Instant(required=True)


class PartSchema(ma.Schema):
    """A part of the fine and the last day for it."""

    due_on = Day(required=True)
    amount_fen = Count(1, MAX_FEN, required=True)


class ReliefSchema(ma.Schema):
    """A delay or instalments that the party applied for, and the answer."""

    id = Id(required=True)
    kind = Choice(ReliefKind, required=True)
    applied_on = Day(required=True)
    reason = Text(max=1000, required=True)
    parts = fields.List(fields.Nested(PartSchema), attribute="dated_parts", required=True)
    approved = Flag(required=True, allow_none=True)
    answer = Text(max=1000, required=True, allow_none=True)
    asked_at = Instant(required=True)
    decided_at = Instant(required=True, allow_none=True)


class PauseSchema(ma.Schema):
    """Days of a review or suit, a step of the case, on which no surcharge runs."""

    id = Id(required=True)
    reason = Choice(RemedyKind, attribute="kind", required=True)
    from_on = Day(attribute="begun_on", required=True)
    until_on = Day(attribute="ended_on", required=True, allow_none=True)
    reference = Text(max=200, attribute="number", required=True, allow_none=True)


class AlertSchema(ma.Schema):
    """What the timetable warned of or flagged."""

    kind = Choice(AlertKind, required=True)
    about_on = Day(required=True)
    noted_at = Instant(required=True)


class BalanceSchema(ma.Schema):
    """What is unpaid at the end of a day; the surcharge is apart from the fine."""

    on = Day(required=True)
    fine_fen = Count(required=True)
    confiscated_fen = Count(required=True)
    surcharge_fen = Count(required=True)
    surcharge_unpaid_fen = fields.Integer(required=True)
    surcharge_capped = Flag(required=True)
    late_days = Count(required=True)


class CollectionRowSchema(ma.Schema):
    """The money of a case, in a list."""

    id = Id(required=True)
    version = Count(1, required=True)
    case_id = Id(required=True)
    state = Choice(CollectionState, required=True)
    fine_fen = Count(required=True)
    confiscated_fen = Count(required=True)
    served_on = Day(required=True)
    due_on = Day(required=True, allow_none=True)
    due_reason = Text(max=100, required=True, allow_none=True)
    alerts = fields.List(fields.Nested(AlertSchema), required=True)


class CollectionSchema(CollectionRowSchema):
    """The money of a case with all that happened to it, and what is unpaid on a day.

    `last_due_on` is the last day as it was granted; `court_opens_on` to `court_closes_on` are the
    days on which the court can be asked to enforce; `refund_fen` was paid beyond what stands.
    """

    demanded_on = Day(required=True, allow_none=True)
    demand_due_on = Day(required=True, allow_none=True)
    demand_due_reason = Text(max=100, required=True, allow_none=True)
    court_applied_on = Day(required=True, allow_none=True)
    court_name = Text(max=200, required=True, allow_none=True)
    concluded_on = Day(required=True, allow_none=True)
    ceasing_ground = Choice(CeasingGround, required=True, allow_none=True)
    note = Text(max=1000, required=True, allow_none=True)
    payments = fields.List(fields.Nested(PaymentSchema), required=True)
    reliefs = fields.List(fields.Nested(ReliefSchema), required=True)
    pauses = fields.List(fields.Nested(PauseSchema), required=True)
    standing = Choice(Standing, required=True)
    last_due_on = Day(required=True, allow_none=True)
    court_opens_on = Day(required=True)
    court_closes_on = Day(required=True)
    balance = fields.Nested(BalanceSchema, required=True)
    refund_fen = Count(required=True)


class CollectionDaySchema(ma.Schema):
    """The day for which to compute; else today."""

    on = Day(load_default=absent)


class CollectionQuerySchema(PageSchema):
    """Query of the money of an agency's cases."""

    state = Choice(CollectionState, load_default=absent)
    due_before = Day(load_default=absent)


class NewPaymentSchema(ma.Schema):
    """Money that came in; on the spot with its ground and who took it."""

    paid_on = Day(required=True)
    method = Choice(PaymentMethod, required=True)
    receipt_no = Text(max=100, required=True)
    fine_fen = Count(0, MAX_FEN, load_default=0)
    surcharge_fen = Count(0, MAX_FEN, load_default=0)
    confiscated_fen = Count(0, MAX_FEN, load_default=0)
    spot_ground = Choice(SpotGround, load_default=None, allow_none=True)
    by_request = Flag(load_default=False)
    officer_id = Id(load_default=None, allow_none=True)


class HandInSchema(ma.Schema):
    """When money taken on the spot reached the agency, and the bank."""

    handed_in_on = Day(required=True)
    banked_on = Day(load_default=None, allow_none=True)


class NewReliefSchema(ma.Schema):
    """An application for delay (one part) or instalments."""

    kind = Choice(ReliefKind, required=True)
    reason = Text(max=1000, required=True)
    applied_on = Day(required=True)
    parts = fields.List(
        fields.Nested(PartSchema), required=True, validate=validate.Length(1, MAX_PARTS)
    )


class DecideReliefSchema(ma.Schema):
    """The answer to an application."""

    approved = Flag(required=True)
    answer = Text(max=1000, required=True)


class DemandSchema(ma.Schema):
    """When the demand was served."""

    demanded_on = Day(required=True)


class AskCourtSchema(ma.Schema):
    """When which court was asked to enforce."""

    applied_on = Day(required=True)
    court_name = Text(max=200, required=True)


class ConcludeSchema(ma.Schema):
    """How enforcement ended; a ground where it ceased."""

    concluded_on = Day(required=True)
    note = Text(max=1000, required=True)
    ceasing_ground = Choice(CeasingGround, load_default=None, allow_none=True)
