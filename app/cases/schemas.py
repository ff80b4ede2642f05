"""The shape of cases over HTTP; a decision on the spot comes from a tablet."""

import marshmallow as ma
from marshmallow import fields

from app.cases.acts import Why
from app.cases.rules import CaseSource, CaseState, IdKind, PartyKind, Procedure, TransferResult
from app.cases.sanctions import SanctionKind
from app.fields import Choice, Count, Day, Flag, Id, Instant, Text
from app.parties.schemas import BeforeSchema
from app.problems import PageSchema


class CaseQuerySchema(PageSchema):
    """Query of the cases of an agency, in the order of their ids."""

    procedure = Choice(Procedure, load_default=None, allow_none=True)
    state = Choice(CaseState, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    visit_id = Id(load_default=None, allow_none=True)
    cause_code = Text(max=100, load_default=None, allow_none=True)


class SanctionLineSchema(ma.Schema):
    """One sanction: money in fen, a term in months; `on_staff`: on the persons in charge."""

    kind = Choice(SanctionKind, required=True)
    amount_fen = Count(1, required=True, allow_none=True)
    months = Count(1, 600, required=True, allow_none=True)
    note = Text(max=1000, required=True, allow_none=True)
    on_staff = Flag(required=True)


class CaseSchema(ma.Schema):
    """A case of the simple or the ordinary procedure; `fine_fen` is in fen, 0.01 yuan."""

    id = Id(required=True)
    version = Count(1, required=True)
    procedure = Choice(Procedure, required=True)
    source = Choice(CaseSource, required=True)
    source_reference = Text(max=200, required=True, allow_none=True)
    unit_id = Id(required=True, allow_none=True)
    visit_id = Id(required=True, allow_none=True)
    finding_id = Id(required=True, allow_none=True)
    document_id = Id(required=True, allow_none=True)
    number = Text(max=200, required=True)
    decision_number = Text(max=200, required=True, allow_none=True)
    state = Choice(CaseState, required=True)
    cause_code = Text(max=100, required=True)
    cause_from = Day(required=True)
    cause_name = Text(max=200, required=True)
    basis_law = Text(max=200, required=True)
    basis_article = Text(max=200, required=True)
    party_kind = Choice(PartyKind, required=True)
    party_name = Text(max=200, required=True, allow_none=True)
    party_id_kind = Choice(IdKind, required=True, allow_none=True)
    party_id_number = Text(max=100, required=True, allow_none=True)
    party_representative = Text(max=200, required=True, allow_none=True)
    party_address = Text(max=400, required=True, allow_none=True)
    party_phone = Text(max=100, required=True, allow_none=True)
    party_born_on = Day(required=True, allow_none=True)
    party_note = Text(max=1000, required=True, allow_none=True)
    act = Text(max=4000, required=True)
    place = Text(max=400, required=True, allow_none=True)
    warning = Flag(required=True)
    fine_fen = Count(required=True)
    sanctions = fields.List(fields.Nested(SanctionLineSchema), attribute="lines", required=True)
    acted_on = Day(required=True)
    act_ended_on = Day(required=True, allow_none=True)
    opened_on = Day(required=True, allow_none=True)
    filed_on = Day(required=True, allow_none=True)
    notified_on = Day(required=True, allow_none=True)
    decided_on = Day(required=True, allow_none=True)
    served_on = Day(required=True, allow_none=True)
    revoked_on = Day(required=True, allow_none=True)
    closed_on = Day(required=True, allow_none=True)
    officer_ids = fields.List(Id(), required=True)
    recorded_at = Instant(required=True, allow_none=True)
    note = Text(max=1000, required=True, allow_none=True)
    decided_at = Instant(required=True, allow_none=True)
    filed_at = Instant(required=True, allow_none=True)
    closed_at = Instant(required=True, allow_none=True)


class CloseCaseSchema(ma.Schema):
    """How the sanction was carried out."""

    note = Text(max=1000, required=True)


class SameActSchema(ma.Schema):
    """A case that may be about the same act; `certain`: it is, and is not fined twice."""

    case_id = Id(attribute="case.id", required=True)
    number = Text(max=200, attribute="case.number", required=True)
    decision_number = Text(
        max=200, attribute="case.decision_number", required=True, allow_none=True
    )
    procedure = Choice(Procedure, attribute="case.procedure", required=True)
    state = Choice(CaseState, attribute="case.state", required=True)
    acted_on = Day(attribute="case.acted_on", required=True)
    decided_on = Day(attribute="case.decided_on", required=True, allow_none=True)
    fine_fen = Count(attribute="case.fine_fen", required=True)
    why = fields.List(Choice(Why), required=True)
    certain = Flag(required=True)


class SameTransferSchema(ma.Schema):
    """What went to another organ since the act, which may fine it there."""

    transfer_id = Id(attribute="id", required=True)
    organ = Text(max=200, required=True)
    number = Text(max=200, required=True, allow_none=True)
    subject = Text(max=1000, required=True)
    on_day = Day(required=True)
    result = Choice(TransferResult, required=True, allow_none=True)


class SameActsSchema(ma.Schema):
    """What else was or is done about the act of a case."""

    cases = fields.List(fields.Nested(SameActSchema), required=True)
    transfers = fields.List(fields.Nested(SameTransferSchema), required=True)


class WholeCaseSchema(CaseSchema):
    """A case, what is known of its party before, and what may be about the same act."""

    before = fields.Nested(BeforeSchema, required=True)
    same_acts = fields.Nested(SameActsSchema, required=True)
