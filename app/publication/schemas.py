"""The shape of publication over HTTP."""

from enum import StrEnum

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text
from app.problems import PageSchema
from app.publication.rules import CardKind, CardState, PublicationState, SubjectType


class FileFormat(StrEnum):
    """As what a list leaves."""

    XLSX = "xlsx"
    CSV = "csv"


class PublicationQuerySchema(PageSchema):
    """Query of the publications of an agency, in the order of their ids."""

    channel = Text(max=100, load_default=None, allow_none=True)
    state = Choice(PublicationState, load_default=None, allow_none=True)
    subject_type = Choice(SubjectType, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    from_on = Day(load_default=None, allow_none=True)
    until_on = Day(load_default=None, allow_none=True)


class PublicationSchema(ma.Schema):
    """Something public on one channel; `late`: shown, or withdrawn, after its last day."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True, allow_none=True)
    channel = Text(max=100, required=True)
    subject_type = Choice(SubjectType, required=True)
    subject_id = Id(required=True)
    number = Text(max=200, required=True)
    event_on = Day(required=True)
    due_on = Day(required=True, allow_none=True)
    due_reason = Text(max=100, required=True, allow_none=True)
    late = Flag(required=True)
    start_on = Day(required=True, allow_none=True)
    min_end = Day(required=True, allow_none=True)
    max_end = Day(required=True, allow_none=True)
    rule_set = Text(max=200, required=True, allow_none=True)
    state = Choice(PublicationState, required=True)
    content = fields.Dict(required=True, allow_none=True)
    withdrawn_reason = Text(max=1000, required=True, allow_none=True)
    withdraw_due_on = Day(required=True, allow_none=True)
    withdrawn_late = Flag(required=True)
    published_at = Instant(required=True, allow_none=True)
    ended_at = Instant(required=True, allow_none=True)


class WithdrawPublicationSchema(ma.Schema):
    """Why something is taken off a channel."""

    reason = Text(max=1000, required=True)


class PublicationPeriodSchema(ma.Schema):
    """The period of decisions and visits, both days in it."""

    from_on = Day(required=True)
    until_on = Day(required=True)


class DecisionExportSchema(PublicationPeriodSchema):
    """Which decisions leave, of which channel, as what."""

    channel = Text(max=100, load_default="portal")
    format = Choice(FileFormat, load_default=FileFormat.XLSX)


class PublicationRateSchema(ma.Schema):
    """A rate with its numerator, its denominator, and who is missing from the numerator."""

    numerator = Count(required=True)
    denominator = Count(required=True)
    missing = fields.List(Id(), required=True)


class PublicationChannelFiguresSchema(ma.Schema):
    """How many of the subjects of a period a channel shows or showed, and which came late."""

    channel = Text(max=100, required=True)
    subject_type = Choice(SubjectType, required=True)
    published = fields.Nested(PublicationRateSchema, required=True)
    late = fields.List(Id(), required=True)


class PublicationFiguresSchema(ma.Schema):
    """Publication by channel, and the three credit rates 上报率, 合规率, 及时率."""

    channels = fields.List(fields.Nested(PublicationChannelFiguresSchema), required=True)
    reporting = fields.Nested(PublicationRateSchema, required=True)
    compliance = fields.Nested(PublicationRateSchema, required=True)
    timeliness = fields.Nested(PublicationRateSchema, required=True)


class PublicationReceiptFileSchema(ma.Schema):
    """A table of receipts, XLSX or CSV."""

    file = fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class TakenPublicationReceiptsSchema(ma.Schema):
    """What an import came to."""

    added = Count(required=True)
    known = Count(required=True)
    unmatched = fields.List(Text(max=200), required=True)


class PublicationReceiptSchema(ma.Schema):
    """What the platform answered about one record."""

    id = Id(required=True)
    publication_id = Id(required=True, allow_none=True)
    number = Text(max=200, required=True)
    reported_on = Day(required=True)
    accepted = Flag(required=True)
    reason = Text(max=1000, required=True, allow_none=True)
    file_sha256 = Sha256(required=True)
    row_no = Count(required=True)
    imported_at = Instant(required=True)


class ReportCardQuerySchema(PageSchema):
    """Query of the cards of an agency, in the order of their ids."""

    kind = Choice(CardKind, load_default=None, allow_none=True)
    state = Choice(CardState, load_default=None, allow_none=True)


class ReportCardSchema(ma.Schema):
    """A card of the national report; `late`: its 5 working days are over, or were."""

    id = Id(required=True)
    version = Count(1, required=True)
    kind = Choice(CardKind, required=True)
    subject_id = Id(required=True)
    event_on = Day(required=True)
    due_on = Day(required=True, allow_none=True)
    due_reason = Text(max=100, required=True, allow_none=True)
    late = Flag(required=True)
    state = Choice(CardState, required=True)
    reported_at = Instant(required=True, allow_none=True)


class ReportCardExportSchema(ma.Schema):
    """Which cards leave as a file."""

    kind = Choice(CardKind, required=True)
    state = Choice(CardState, load_default=CardState.DUE)
    format = Choice(FileFormat, load_default=FileFormat.XLSX)


class CreditReportQuerySchema(PageSchema):
    """Query of the credit reports of an agency, in the order of their ids."""

    unit_id = Id(load_default=None, allow_none=True)


class NewCreditReportSchema(ma.Schema):
    """For which unit a report is issued, for what, and of which decisions; without days, of all."""

    unit_id = Id(required=True)
    purpose = Text(max=200, required=True)
    from_on = Day(load_default=None, allow_none=True)
    until_on = Day(load_default=None, allow_none=True)


class CreditReportSchema(ma.Schema):
    """An issued report; anybody checks it at `/public/credit-reports/<code>`."""

    id = Id(required=True)
    unit_id = Id(required=True)
    code = Text(max=40, required=True)
    as_of = Day(required=True)
    purpose = Text(max=200, required=True)
    body = Text(max=1_000_000, required=True)
    sha256 = Sha256(required=True)
    issued_at = Instant(required=True)
