"""The shapes of actors over HTTP: an identity number goes in, only its last characters come out."""

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Flag, Id, Instant, Text
from app.parties.rules import ActorType, Met, PartyState, Subject
from app.problems import PageSchema


class PartyQuerySchema(PageSchema):
    """Query of the actors of an agency, in the order of their ids."""

    state = Choice(PartyState, load_default=None, allow_none=True)
    type = Choice(ActorType, load_default=None, allow_none=True)
    subject_id = Id(load_default=None, allow_none=True)


class NewPartySchema(ma.Schema):
    """What is known of an actor: any of these."""

    type = Choice(ActorType, required=True)
    name = Text(max=100, load_default=None, allow_none=True)
    alias = Text(max=100, load_default=None, allow_none=True)
    place = Text(max=400, load_default=None, allow_none=True)
    description = Text(max=2000, load_default=None, allow_none=True)
    id_number = Text(max=40, load_default=None, allow_none=True)


class IdentifyPartySchema(ma.Schema):
    """Who it is."""

    name = Text(max=100, required=True)
    id_number = Text(max=40, load_default=None, allow_none=True)


class MergePartySchema(ma.Schema):
    """Whose other row it is."""

    same_party_id = Id(required=True)


class PartyLinkSchema(ma.Schema):
    """What an actor was met in."""

    subject_type = Choice(Subject, required=True)
    subject_id = Id(required=True)


class NewPartyLinkSchema(ma.Schema):
    """Who was met, and in which unit, visit or case."""

    party_id = Id(required=True)
    met_in = Choice(Met, required=True)
    met_id = Id(required=True)


class PartySchema(ma.Schema):
    """An actor; what was known first stays when they are identified."""

    id = Id(required=True)
    version = Count(1, required=True)
    number = Text(max=100, required=True)
    type = Choice(ActorType, required=True)
    name = Text(max=100, required=True, allow_none=True)
    alias = Text(max=100, required=True, allow_none=True)
    place = Text(max=400, required=True, allow_none=True)
    description = Text(max=2000, required=True, allow_none=True)
    id_tail = Text(max=4, required=True, allow_none=True)
    state = Choice(PartyState, required=True)
    merged_into_id = Id(required=True, allow_none=True)
    recorded_at = Instant(required=True)
    identified_at = Instant(required=True, allow_none=True)
    merged_at = Instant(required=True, allow_none=True)
    links = fields.List(fields.Nested(PartyLinkSchema), required=True)


class HistoryQuerySchema(ma.Schema):
    """About whom is asked."""

    party_id = Id(load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    visit_id = Id(load_default=None, allow_none=True)
    case_id = Id(load_default=None, allow_none=True)


class PastCaseSchema(ma.Schema):
    """A penalty that somebody got before."""

    id = Id(required=True)
    number = Text(max=200, required=True)
    cause_code = Text(max=100, required=True)
    cause_name = Text(max=400, required=True)
    decided_on = fields.Date(required=True, allow_none=True)
    fine_fen = Count(0, required=True)


class PastBanSchema(ma.Schema):
    """A ban that somebody got before."""

    id = Id(required=True)
    number = Text(max=100, required=True)
    practice = Text(max=100, required=True)
    decided_on = fields.Date(required=True)


class CrimeHintSchema(ma.Schema):
    """A further act may be a crime: how many penalties there are, after how many, by which rule."""

    practice = Text(max=100, required=True)
    name = Text(max=200, required=True)
    penalties = Count(0, required=True)
    after = Count(0, required=True)
    source = Text(max=400, required=True)


class HistorySchema(ma.Schema):
    """What the organ knows of somebody before; `repeat`: there is something."""

    repeat = Flag(required=True)
    cases = fields.List(fields.Nested(PastCaseSchema), required=True)
    bans = fields.List(fields.Nested(PastBanSchema), required=True)
    parties = fields.List(fields.Nested(PartySchema), required=True)
    hints = fields.List(fields.Nested(CrimeHintSchema), required=True)


class BeforeSchema(ma.Schema):
    """How often the people of a visit or a case were penalised and banned, apart from itself."""

    repeat = Flag(required=True)
    penalties = Count(required=True)
    bans = Count(required=True)
    hints = fields.List(fields.Nested(CrimeHintSchema), required=True)
