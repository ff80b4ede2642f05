"""The ordinary procedure over HTTP: a case to open, a step, and what each verb says in it."""

from collections.abc import Mapping

import marshmallow as ma
from marshmallow import fields, validate

from app.access import Role
from app.cases.clocks import Report
from app.cases.leniency import Ground
from app.cases.rules import (
    CaseSource,
    CaseState,
    CaseVerb,
    EvidenceKind,
    HearingEnd,
    IdKind,
    PartyKind,
    PreservedOutcome,
    Proposal,
    RemedyKind,
    RemedyResult,
)
from app.cases.schemas import SanctionLineSchema
from app.cases.triggers import Circumstance
from app.catalogue.rules import DayKind
from app.documents.rules import ServiceMode
from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Shaped, Text
from app.problems import PageSchema


class CasePartySchema(ma.Schema):
    """Whom a case is about; without a name, `note` describes them."""

    kind = Choice(PartyKind, required=True)
    name = Text(max=200, load_default=None, allow_none=True)
    id_kind = Choice(IdKind, load_default=None, allow_none=True)
    id_number = Text(max=100, load_default=None, allow_none=True)
    representative = Text(max=200, load_default=None, allow_none=True)
    address = Text(max=400, load_default=None, allow_none=True)
    phone = Text(max=100, load_default=None, allow_none=True)
    born_on = Day(load_default=None, allow_none=True)
    note = Text(max=1000, load_default=None, allow_none=True)


class NewCaseSchema(ma.Schema):
    """A case of the ordinary procedure that is opened."""

    source = Choice(CaseSource, required=True)
    cause_code = Text(max=100, required=True)
    party = fields.Nested(CasePartySchema, required=True)
    act = Text(max=4000, required=True)
    acted_on = Day(required=True)
    on = Day(required=True)
    finding_id = Id(load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    transfer_id = Id(load_default=None, allow_none=True)
    source_reference = Text(max=200, load_default=None, allow_none=True)
    place = Text(max=400, load_default=None, allow_none=True)
    act_ended_on = Day(load_default=None, allow_none=True)
    discovered_on = Day(load_default=None, allow_none=True)
    grave = Flag(load_default=False)


class CaseStepSchema(ma.Schema):
    """A step that was taken."""

    seq = Count(1, required=True)
    verb = Choice(CaseVerb, required=True)
    on_day = Day(required=True)
    state = Choice(CaseState, required=True)
    document_id = Id(required=True, allow_none=True)
    officer_ids = fields.List(Id(), required=True)
    data = fields.Dict(required=True)
    recorded_at = Instant(required=True)


class CaseStepsSchema(ma.Schema):
    """The steps of a case, in their order."""

    items = fields.List(fields.Nested(CaseStepSchema), required=True)


class CaseDeadlineSchema(ma.Schema):
    """A term of the law in a case: rule, article, its day or why there is none yet."""

    id = Id(required=True)
    case_id = Id(required=True)
    seq = Count(1, required=True)
    rule_code = Text(max=100, required=True)
    name = Text(max=200, required=True)
    article = Text(max=200, required=True)
    days = Count(1, required=True)
    day_kind = Choice(DayKind, required=True)
    of_party = Flag(required=True)
    starts_on = Day(required=True)
    moved_days = Count(required=True)
    due_on = Day(required=True, allow_none=True)
    open_reason = Text(max=100, required=True, allow_none=True)
    met_on = Day(required=True, allow_none=True)
    ended_on = Day(required=True, allow_none=True)
    warned_at = Instant(required=True, allow_none=True)
    overdue_at = Instant(required=True, allow_none=True)


class CaseDeadlinesSchema(ma.Schema):
    """The terms of a case, in the order in which they began."""

    items = fields.List(fields.Nested(CaseDeadlineSchema), required=True)


class CaseDeadlineQuerySchema(PageSchema):
    """Query of the running terms of an agency."""

    status = Text(
        max=10,
        pattern=r"^(waiting|warned|overdue)$",
        load_default=None,
        allow_none=True,
        metadata={"description": "waiting 等待日历或中止, warned 已提醒, overdue 已逾期"},
    )


class PartyHitSchema(ma.Schema):
    """An earlier violation that may be the same party's, and why it is thought so."""

    case_id = Id(required=True)
    number = Text(max=200, required=True)
    cause_code = Text(max=100, required=True)
    cause_name = Text(max=200, required=True)
    acted_on = Day(required=True)
    decided_on = Day(required=True, allow_none=True)
    punished = Flag(required=True)
    why = fields.List(Text(max=20), required=True)
    certain = Flag(required=True)


class PartyHistorySchema(ma.Schema):
    """What the whole organ knows of a party; `police`: the act is to be looked at as a crime."""

    hits = fields.List(fields.Nested(PartyHitSchema), required=True)
    police = Flag(required=True)
    police_article = Text(max=400, required=True)


class CaseRemedySchema(ma.Schema):
    """A review or a suit about a decision."""

    id = Id(required=True)
    kind = Choice(RemedyKind, required=True)
    organ = Text(max=200, required=True)
    number = Text(max=200, required=True, allow_none=True)
    begun_on = Day(required=True)
    ended_on = Day(required=True, allow_none=True)
    result = Choice(RemedyResult, required=True, allow_none=True)
    head_attended = Flag(required=True, allow_none=True)


class CaseRemediesSchema(ma.Schema):
    """The reviews and suits about a case."""

    items = fields.List(fields.Nested(CaseRemedySchema), required=True)


# --- what each verb says -----------------------------------------------------------------------


class _Nothing(ma.Schema):
    """A verb that says nothing more."""


class _Reason(ma.Schema):
    reason = Text(max=1000, required=True)


class _Amend(_Reason):
    party = fields.Nested(CasePartySchema)
    cause_code = Text(max=100)
    act = Text(max=4000)
    place = Text(max=400, allow_none=True)
    acted_on = Day()
    act_ended_on = Day(allow_none=True)


class _DeclareRecusal(ma.Schema):
    officer_id = Id(required=True)
    reason_code = Text(max=100, required=True)
    declared_by = Text(max=20, pattern=r"^(officer|party)$", required=True)
    note = Text(max=1000, required=True)


class _DecideRecusal(_Reason):
    officer_id = Id(required=True)
    granted = Flag(required=True)


class _Collect(ma.Schema):
    kind = Choice(EvidenceKind, required=True)
    name = Text(max=200, required=True)
    source = Text(max=1000, required=True)
    made_on = Day(load_default=None, allow_none=True)
    evidence = fields.List(Sha256(), load_default=list, validate=validate.Length(max=200))
    monitoring = Flag(load_default=False)


class _CheckMonitoring(ma.Schema):
    item = Count(1, required=True)
    legal = Text(max=1000, required=True)
    technical = Text(max=1000, required=True)
    passed = Flag(required=True)


class _Exclude(_Reason):
    item = Count(1, required=True)


class PreservedGoodsSchema(ma.Schema):
    """Goods that were registered and kept: what, how much, where."""

    name = Text(max=200, required=True)
    quantity = Text(max=100, required=True)
    place = Text(max=200, required=True)


class _Preserve(_Reason):
    goods = fields.List(
        fields.Nested(PreservedGoodsSchema), required=True, validate=validate.Length(1, 200)
    )


class _ResolvePreservation(ma.Schema):
    item = Count(1, required=True)
    outcome = Choice(PreservedOutcome, required=True)
    note = Text(max=1000, required=True)


class _Conclude(ma.Schema):
    facts = Text(max=4000, required=True)
    proposal = Choice(Proposal, required=True)
    circumstances = fields.List(
        Choice(Circumstance), load_default=list, validate=validate.Length(max=10)
    )
    needs = fields.List(Text(max=100), load_default=list, validate=validate.Length(max=20))
    order_unmet = Flag(load_default=False)
    gains_fen = Count(load_default=None, allow_none=True)
    repaid_fen = Count(load_default=0)
    mitigated = Flag(load_default=False)


class _Discuss(ma.Schema):
    members = fields.List(Text(max=100), required=True, validate=validate.Length(2, 50))
    conclusion = Text(max=4000, required=True)


class _Review(ma.Schema):
    passed = Flag(required=True)
    opinion = Text(max=4000, required=True)
    first_time = Flag(required=True)
    exam_passed = Flag(required=True)


_LINES = fields.List(
    fields.Nested(SanctionLineSchema), required=True, validate=validate.Length(1, 20)
)


class _Notify(ma.Schema):
    lines = _LINES
    facts = Text(max=4000, required=True)
    reasons = Text(max=4000, required=True)
    basis = Text(max=1000, required=True)
    rights = Text(max=1000, required=True)


class _HearDefence(ma.Schema):
    statement = Text(max=4000, required=True)


class _RecheckDefence(ma.Schema):
    accepted = Flag(required=True)
    conclusion = Text(max=4000, required=True)


class _WaiveDefence(ma.Schema):
    hearing = Flag(required=True)


_AGENTS = fields.List(Text(max=100), load_default=list, validate=validate.Length(max=20))


class _RequestHearing(ma.Schema):
    agents = _AGENTS


class _CallHearing(ma.Schema):
    held_on = Day(required=True)
    place = Text(max=200, required=True)
    chair_id = Id(required=True)
    open = Flag(required=True)
    closed_reason = Text(max=400, load_default=None, allow_none=True)

    @ma.validates_schema
    def check_reason(self, data: Mapping[str, object], **_options: object) -> None:
        """A hearing is public unless secrets or privacy forbid it (行政处罚法 第六十四条第三项)."""
        if not data["open"] and not data["closed_reason"]:
            raise ma.ValidationError("不公开举行的，应写明理由。", "closed_reason")


class _HoldHearing(ma.Schema):
    chair_id = Id(required=True)
    agents = _AGENTS
    record = Text(max=4000, required=True)


class _EndHearing(ma.Schema):
    how = Choice(HearingEnd, required=True)
    note = Text(max=1000, required=True)


class _StopClock(_Reason):
    clock = Text(max=100, required=True)


class _Extend(_StopClock):
    days = Count(1, 3650, required=True)


class _Decide(ma.Schema):
    lines = _LINES
    number = Text(max=200, required=True)
    facts = Text(max=4000, required=True)
    another_act = Text(max=1000, load_default=None, allow_none=True)


class _NotPunish(_Reason):
    ground = Choice(Ground, required=True)
    education = Text(max=4000, load_default=None, allow_none=True)
    proof = Text(max=4000, load_default=None, allow_none=True)
    corrected = Flag(load_default=False)
    minor_offence = Text(max=100, load_default=None, allow_none=True)
    hits_explained = Text(max=1000, load_default=None, allow_none=True)


class _Serve(ma.Schema):
    mode = Choice(ServiceMode, required=True)
    note = Text(max=1000, load_default=None, allow_none=True)


class _Report(ma.Schema):
    which = Choice(Report, required=True)


class _Correct(ma.Schema):
    what = Text(max=200, required=True)
    text = Text(max=4000, required=True)


class _BeginRemedy(ma.Schema):
    kind = Choice(RemedyKind, required=True)
    organ = Text(max=200, required=True)
    number = Text(max=200, load_default=None, allow_none=True)


class _EndRemedy(ma.Schema):
    remedy_id = Id(required=True)
    result = Choice(RemedyResult, required=True)
    head_attended = Flag(load_default=None, allow_none=True)
    lines = fields.List(
        fields.Nested(SanctionLineSchema), load_default=list, validate=validate.Length(max=20)
    )


class _Transfer(_Reason):
    organ = Text(max=200, required=True)
    criminal = Flag(required=True)
    number = Text(max=200, load_default=None, allow_none=True)


class _Withdraw(_Reason):
    proposed_officer_id = Id(required=True)


class _Close(ma.Schema):
    note = Text(max=1000, required=True)


_FIELD = frozenset({Role.OFFICER, Role.SUPERVISOR})
_HEAD = frozenset({Role.SUPERVISOR})
_HEARING = frozenset({Role.OFFICER, Role.SUPERVISOR, Role.LEGAL_REVIEWER})
_REVIEW = frozenset({Role.LEGAL_REVIEWER})

# what a verb says, and who may call it
VERBS: Mapping[CaseVerb, tuple[type[ma.Schema], frozenset[Role]]] = {
    CaseVerb.DECLINE: (_Reason, _HEAD),
    CaseVerb.FILE: (_Reason, _HEAD),
    CaseVerb.AMEND: (_Amend, _FIELD),
    CaseVerb.ASSIGN: (_Reason, _HEAD),
    CaseVerb.DECLARE_RECUSAL: (_DeclareRecusal, _FIELD),
    CaseVerb.DECIDE_RECUSAL: (_DecideRecusal, _HEAD),
    CaseVerb.COLLECT: (_Collect, _FIELD),
    CaseVerb.CHECK_MONITORING: (_CheckMonitoring, _HEARING),
    CaseVerb.EXCLUDE: (_Exclude, _HEARING),
    CaseVerb.PRESERVE: (_Preserve, _HEAD),
    CaseVerb.RESOLVE_PRESERVATION: (_ResolvePreservation, _HEAD),
    CaseVerb.CONCLUDE: (_Conclude, _FIELD),
    CaseVerb.REOPEN: (_Reason, _HEAD),
    CaseVerb.DISCUSS: (_Discuss, _HEAD),
    CaseVerb.REVIEW: (_Review, _REVIEW),
    CaseVerb.NOTIFY: (_Notify, _FIELD),
    CaseVerb.HEAR_DEFENCE: (_HearDefence, _FIELD),
    CaseVerb.RECHECK_DEFENCE: (_RecheckDefence, _FIELD),
    CaseVerb.WAIVE_DEFENCE: (_WaiveDefence, _FIELD),
    CaseVerb.REQUEST_HEARING: (_RequestHearing, _HEARING),
    CaseVerb.CALL_HEARING: (_CallHearing, _HEARING),
    CaseVerb.HOLD_HEARING: (_HoldHearing, _HEARING),
    CaseVerb.END_HEARING: (_EndHearing, _HEARING),
    CaseVerb.STOP_CLOCK: (_StopClock, _HEAD),
    CaseVerb.RESUME_CLOCK: (_Nothing, _HEAD),
    CaseVerb.EXTEND: (_Extend, _HEAD),
    CaseVerb.DECIDE: (_Decide, _HEAD),
    CaseVerb.NOT_PUNISH: (_NotPunish, _HEAD),
    CaseVerb.SERVE: (_Serve, _FIELD),
    CaseVerb.REPORT: (_Report, _FIELD),
    CaseVerb.CORRECT: (_Correct, _HEAD),
    CaseVerb.REVOKE: (_Reason, _HEAD),
    CaseVerb.BEGIN_REMEDY: (_BeginRemedy, _FIELD),
    CaseVerb.END_REMEDY: (_EndRemedy, _FIELD),
    CaseVerb.TRANSFER: (_Transfer, _HEAD),
    CaseVerb.TAKE_BACK: (_Reason, _HEAD),
    CaseVerb.WITHDRAW: (_Withdraw, _HEAD),
    CaseVerb.CLOSE: (_Close, _HEAD),
}


class NewCaseStepSchema(ma.Schema):
    """A step of a case: its day, by which officers, on which document; `data` is its verb's."""

    on = Day(required=True)
    officer_ids = fields.List(Id(), load_default=list, validate=validate.Length(max=20))
    document_id = Id(load_default=None, allow_none=True)
    data = Shaped(
        {str(verb): shape for verb, (shape, _roles) in VERBS.items()},
        prefix="CaseStep",
        required=True,
        metadata={"description": "按步骤（verb）而定，x-shapes 写明每个步骤的内容"},
    )
