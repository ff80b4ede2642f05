"""What becomes of findings: decide, take back, note a reply; leads wait until a person decides.

Orders, penalties on the spot and cases are their own rows and speak for themselves; what is decided
here is what no other row tells of.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.consequences import queries, rules
from app.consequences.models import FindingDecision
from app.consequences.queries import Words
from app.consequences.rules import Decision, PublicOutcome, Way
from app.credit import points
from app.credit import service as credit
from app.credit.points import NewPoints
from app.credit.rules import EntryKind
from app.days import local_date
from app.db import db, new_id
from app.documents import service as documents
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.visits import contributing
from app.visits import queries as visit_queries
from app.visits.models import Finding


class FindingNotFound(NotFound):
    code, title = "finding-not-found", "未找到检查发现"


class FindingDecisionUnknown(NotFound):
    code, title = "finding-decision-unknown", "未找到对检查发现的处理"


class FindingDecidedAlready(Conflict):
    code, title = "finding-decided-already", "该检查发现已作同样处理"


class FindingDecisionInvalid(Invalid):
    code, title = "finding-decision-invalid", "处理内容有误"


class NotALead(Conflict):
    code, title = "not-a-lead", "不是待处理的立案线索"


@dataclass(frozen=True)
class NewDecision:
    """What is decided about a finding, and why; `organ` of a transfer, the document it was.

    `item` is what points are given for; their `reference` is the cause that gives them once.
    """

    kind: Decision
    reason: str
    organ: str | None = None
    reference: str | None = None
    document_id: UUID | None = None
    item: str | None = None


def words_on(on: date) -> Words:
    """Return the words that mean a lead, an opinion or nothing, by the catalogue in force."""
    rows = catalogue.in_force(Kind.FINDING_HANDLING, on)
    return Words(
        lead=rules.words_of(rows, Way.LEAD),
        opinion=rules.words_of(rows, Way.OPINION),
        nothing=rules.words_of(rows, Way.NOTHING),
    )


def get_finding(finding_id: UUID, agency_id: UUID | None) -> Finding:
    """Return a finding of the agency. Raises FindingNotFound, also for another agency's."""
    found = visit_queries.find_finding(finding_id)
    if found is None or found.agency_id != agency_id:
        raise FindingNotFound("没有这项检查发现，或它不属于本机构。")
    return found


def get_decision(decision_id: UUID, agency_id: UUID | None) -> FindingDecision:
    """Return a decision of the agency. Raises FindingDecisionUnknown."""
    found = queries.find_decision(decision_id)
    if found is None or found.agency_id != agency_id:
        raise FindingDecisionUnknown("没有这项处理，或它不属于本机构。")
    return found


def decide(finding_id: UUID, new: NewDecision, *, by: Actor, at: datetime) -> FindingDecision:
    """Decide about a finding: nothing, an opinion, a transfer, points, or no case from it.

    Points are entered in the unit's credit record, once for their reference; without one the
    decision itself is the cause. Flushes: the journal names the row. Raises FindingNotFound,
    FindingDecidedAlready (`decision_id`), FindingDecisionInvalid (a transfer without organ, an
    opinion without document, points without item or under a reference that was reversed),
    DocumentUnknown, PointsItemUnknown, CreditEntryDiffers, and NotALead for declining what is no
    lead.
    """
    finding = get_finding(finding_id, by.agency_id)
    _refuse_incomplete(new)
    if new.kind is Decision.DECLINED:
        refuse_no_lead(finding, at=at)
    if new.document_id is not None:
        documents.get_document(new.document_id, finding.agency_id)
    if known := queries.standing_decision(finding.id, new.kind):
        raise FindingDecidedAlready(
            "这项检查发现已经作过同样的处理，如需更改请先撤销原处理。", decision_id=known.id
        )
    row = FindingDecision(
        id=new_id(),
        agency_id=finding.agency_id,
        district=finding.district,
        finding_id=finding.id,
        kind=new.kind,
        reason=new.reason,
        organ=new.organ,
        reference=new.reference,
        document_id=new.document_id,
        decided_at=at,
        decided_by_kind=by.kind,
        decided_by_id=by.id,
    )
    if new.item is not None:
        row.reference = _give_points(finding, row, new.item, by=by, at=at)
    db.session.add(row)
    db.session.flush()
    journal.record(
        Event.FINDING_DECIDED,
        row,
        by=by,
        at=at,
        data={"finding_id": str(finding.id), "kind": str(new.kind)},
    )
    return row


def _refuse_incomplete(new: NewDecision) -> None:
    if (new.kind is Decision.TRANSFER) != (new.organ is not None):
        raise FindingDecisionInvalid("移送应写明接收的机关，其他处理不写。")
    if new.kind is Decision.OPINION and new.document_id is None:
        raise FindingDecisionInvalid("请指明所出具的卫生监督意见书。")
    if (new.kind is Decision.POINTS) != (new.item is not None):
        raise FindingDecisionInvalid("记分应写明记分事项，其他处理不写。")


def _give_points(
    finding: Finding, row: FindingDecision, item: str, *, by: Actor, at: datetime
) -> str:
    """Enter the points of an item in the unit's record; return the cause that they are of."""
    reference = row.reference or f"finding-decision/{row.id}"
    visit = contributing.get_visit(finding.visit_id, finding.agency_id)
    new = NewPoints(visit.unit_id, item, reference, local_date(at))
    agency = people.get_agency(finding.agency_id)
    entry = points.give_points(new, agency=agency, by=by, at=at)
    if credit.is_reversed(entry):
        raise FindingDecisionInvalid(
            "这一事由的记分已经撤销，请以新的文号记分。", reference=reference
        )
    return reference


def _take_points_back(row: FindingDecision, reason: str, *, by: Actor, at: datetime) -> None:
    """Reverse the points of a decision, unless another one that stands rests on them too."""
    if row.reference is None or queries.is_points_cause(row.agency_id, row.reference):
        return
    entry = credit.find_entry(row.agency_id, EntryKind.POINTS, row.reference)
    if entry is not None:
        credit.reverse(entry.id, reason, local_date(at), by=by, at=at)
        points.settle(entry, by=by, at=at)


def refuse_no_lead(finding: Finding, *, at: datetime) -> None:
    """Raise NotALead for a finding that does not wait for a case."""
    words = words_on(local_date(at))
    found = queries.leads_of(finding.agency_id, words).where(Finding.id == finding.id)
    if db.session.scalars(found).one_or_none() is None:
        raise NotALead("这项检查发现不是待处理的立案线索，或者已经立案、已决定不予立案。")


def note_reply(
    decision_id: UUID, reply: str, replied_on: date, *, by: Actor, at: datetime
) -> FindingDecision:
    """Note what the organ answered to which a finding was transferred.

    Raises FindingDecisionUnknown and FindingDecisionInvalid (no transfer, or taken back).
    """
    row = get_decision(decision_id, by.agency_id)
    if row.kind != Decision.TRANSFER or row.revoked_at is not None:
        raise FindingDecisionInvalid("只有未撤销的移送才能登记回复。")
    row.reply, row.replied_on = reply, replied_on
    data = {"finding_id": str(row.finding_id), "replied_on": replied_on.isoformat()}
    journal.record(Event.FINDING_TRANSFER_ANSWERED, row, by=by, at=at, data=data)
    return row


def revoke(decision_id: UUID, reason: str, *, by: Actor, at: datetime) -> FindingDecision:
    """Take a decision back, with a reason: the finding is without it again, the row stays.

    Points are reversed in the credit record, unless another finding's decision names their cause.
    Raises FindingDecisionUnknown and FindingDecidedAlready (taken back before).
    """
    row = get_decision(decision_id, by.agency_id)
    if row.revoked_at is not None:
        raise FindingDecidedAlready("这项处理已经撤销。", decision_id=row.id)
    row.revoked_reason, row.revoked_at = reason, at
    row.revoked_by_kind, row.revoked_by_id = by.kind, by.id
    data = {"finding_id": str(row.finding_id), "kind": row.kind}
    journal.record(Event.FINDING_DECISION_REVOKED, row, by=by, at=at, data=data)
    if row.kind == Decision.POINTS:
        db.session.flush()  # what stands is asked of the database
        _take_points_back(row, reason, by=by, at=at)
    return row


def outcome_of(visit_id: UUID, *, by: Actor, at: datetime) -> PublicOutcome | None:
    """Return the outcome of a visit in both public vocabularies; None while it has none.

    By the rows in force on the day on which it was finished. Raises VisitUnknown.
    """
    visit = contributing.get_visit(visit_id, by.agency_id)
    if visit.outcome is None or visit.finished_at is None:
        return None
    on = local_date(visit.finished_at)
    rows = {row.code: row.body for row in catalogue.in_force(Kind.OUTCOME_CODE, on)}
    return rules.public_outcome(visit.outcome, rows)
