"""What the journal holds: its events and the hash chain of its entries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app import canonical

GENESIS = "0" * 64
ENTRY_KEYS = (
    "actor_id",
    "actor_kind",
    "agency_id",
    "at",
    "data",
    "device_id",
    "event",
    "op_id",
    "prev_hash",
    "seq",
    "stream",
    "subject_id",
    "subject_type",
    "subject_version",
)
_KEYS = frozenset(ENTRY_KEYS)


class Event(StrEnum):
    """Everything that can be done, `noun.past-participle`; docs/architecture.md lists them."""

    JOURNAL_HEAD_PUBLISHED = "journal.head-published"
    JOURNAL_RESTORED = "journal.restored"
    BACKUP_MADE = "backup.made"
    DEMO_LOADED = "demo.loaded"
    CATALOGUE_LOADED = "catalogue.loaded"
    CATALOGUE_SUPERSEDED = "catalogue.superseded"
    AGENCY_REGISTERED = "agency.registered"
    AGENCY_CHANGED = "agency.changed"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_SUSPENDED = "account.suspended"
    ACCOUNT_SIGNED_IN = "account.signed-in"
    ACCOUNT_LOCKED = "account.locked"
    TOKEN_ISSUED = "token.issued"  # noqa: S105 - an event's name
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - an event's name
    OFFICER_REGISTERED = "officer.registered"
    OFFICER_CHANGED = "officer.changed"
    PARTNER_OFFICER_REGISTERED = "partner-officer.registered"
    PARTNER_OFFICER_CHANGED = "partner-officer.changed"
    AGENDA_ISSUED = "agenda.issued"
    AGENDA_REVOKED = "agenda.revoked"
    RECUSAL_DECLARED = "recusal.declared"
    ABSENCE_DECLARED = "absence.declared"
    UNIT_REGISTERED = "unit.registered"
    UNIT_CHANGED = "unit.changed"
    UNIT_LABEL_DECLARED = "unit-label.declared"
    UNIT_LABEL_ENDED = "unit-label.ended"
    UNIT_STEP_PROPOSED = "unit-step.proposed"
    UNIT_STEP_TAKEN = "unit-step.taken"
    UNIT_STEP_REFUSED = "unit-step.refused"
    UNIT_VERIFICATION_RECORDED = "unit-verification.recorded"
    SELF_CHECKS_IMPORTED = "self-checks.imported"
    UNIT_WANTED = "unit.wanted"
    UNIT_WANT_ENDED = "unit.want-ended"
    REGISTER_IMPORTED = "register.imported"
    REGISTER_EXPORTED = "register.exported"
    EVIDENCE_STORED = "evidence.stored"
    EVIDENCE_INSPECTED = "evidence.inspected"
    EVIDENCE_ATTACHED = "evidence.attached"
    EVIDENCE_RETRACTED = "evidence.retracted"
    EVIDENCE_LOST = "evidence.lost"
    JOINT_PLAN_PROPOSED = "joint-plan.proposed"
    JOINT_PLAN_RESCHEDULED = "joint-plan.rescheduled"
    JOINT_PLAN_CHANGED = "joint-plan.changed"
    JOINT_VISIT_PLANNED = "joint-visit.planned"
    JOINT_VISIT_CHANGED = "joint-visit.changed"
    JOINT_VISIT_STAFFED = "joint-visit.staffed"
    JOINT_VISIT_CODE_DROPPED = "joint-visit.code-dropped"
    JOINT_VISIT_CAP_ANSWERED = "joint-visit.cap-answered"
    JOINT_VISIT_CODE_REQUESTED = "joint-visit.code-requested"
    JOINT_PLAN_APPROVED = "joint-plan.approved"
    JOINT_PLAN_PUBLISHED = "joint-plan.published"
    JOINT_PLAN_WITHDRAWN = "joint-plan.withdrawn"
    JOINT_TEAMS_PROMISED = "joint-teams.promised"
    JOINT_TEAMS_ASKED = "joint-teams.asked"
    JOINT_TEAMS_DRAWN = "joint-teams.drawn"
    JOINT_VISIT_TEAM_CHANGED = "joint-visit.team-changed"
    JOINT_SUGGESTION_DISMISSED = "joint-suggestion.dismissed"
    JOINT_VISIT_PARTNERS_CHANGED = "joint-visit.partners-changed"
    TASK_CREATED = "task.created"
    TASK_PLANNED = "task.planned"
    TASK_PLAN_DROPPED = "task.plan-dropped"
    TASK_ASSIGNED = "task.assigned"
    TASK_REASSIGNED = "task.reassigned"
    TASK_ACCEPTED = "task.accepted"
    TASK_STARTED = "task.started"
    TASK_SUBMITTED = "task.submitted"
    TASK_RETURNED = "task.returned"
    TASK_RETURN_ANSWERED = "task.return-answered"
    TASK_RESULTS_AWAITED = "task.results-awaited"
    TASK_RESULTS_RECORDED = "task.results-recorded"
    TASK_COMPLETED = "task.completed"
    TASK_CLOSING_PROPOSED = "task.closing-proposed"
    TASK_CLOSING_REFUSED = "task.closing-refused"
    TASK_CLOSED = "task.closed"
    TASK_REOPENED = "task.reopened"
    TASK_DEADLINE_CHANGED = "task.deadline-changed"
    TASK_LATE_NOTED = "task.late-noted"
    COMPLAINT_FILED = "complaint.filed"
    COMPLAINT_ACCEPTED = "complaint.accepted"
    COMPLAINT_REFUSED = "complaint.refused"
    COMPLAINT_TRANSFERRED = "complaint.transferred"
    COMPLAINT_ASSIGNED = "complaint.assigned"
    COMPLAINT_CONCLUDED = "complaint.concluded"
    COMPLAINT_REPLIED = "complaint.replied"
    COMPLAINT_WITHDRAWN = "complaint.withdrawn"
    COMPLAINT_MERGED = "complaint.merged"
    COMPLAINT_DUE_COMPUTED = "complaint.due-computed"
    COMPLAINT_STEP_WARNED = "complaint.step-warned"
    COMPLAINT_STEP_LATE = "complaint.step-late"
    COMPLAINANT_READ = "complainant.read"
    SAMPLE_CARD_ENTERED = "sample.card-entered"
    UNIT_CONTACTED = "unit.contacted"
    ASSISTANT_REGISTERED = "assistant.registered"
    ASSISTANT_CHANGED = "assistant.changed"
    PATROL_RECORDED = "patrol.recorded"
    ASSISTANT_OPINION_ISSUED = "assistant-opinion.issued"
    PATROL_HINT_HANDED = "patrol-hint.handed"
    PATROL_HINT_DECIDED = "patrol-hint.decided"
    FINDING_DECIDED = "finding.decided"
    FINDING_DECISION_REVOKED = "finding.decision-revoked"
    FINDING_TRANSFER_ANSWERED = "finding.transfer-answered"
    PARTY_RECORDED = "party.recorded"
    PARTY_IDENTIFIED = "party.identified"
    PARTY_MERGED = "party.merged"
    PARTY_LINKED = "party.linked"
    BAN_DECIDED = "ban.decided"
    BAN_ANNOUNCED = "ban.announced"
    BAN_REVOKED = "ban.revoked"
    SEIZURE_APPLIED = "seizure.applied"
    SEIZURE_APPROVED = "seizure.approved"
    SEIZURE_REFUSED = "seizure.refused"
    SEIZURE_CARRIED_OUT = "seizure.carried-out"
    SEIZURE_EXTENDED = "seizure.extended"
    SEIZURE_TESTED = "seizure.tested"
    SEIZURE_DISPOSED = "seizure.disposed"
    SEIZURE_APPROVAL_LATE = "seizure.approval-late"
    SEIZURE_WARNED = "seizure.warned"
    SEIZURE_LATE = "seizure.late"
    REFERRAL_MADE = "referral.made"
    REFERRAL_ANSWERED = "referral.answered"
    CAMPAIGN_PLANNED = "campaign.planned"
    CAMPAIGN_EVENT_NOTED = "campaign.event-noted"
    GIVEN_LIST_SAVED = "given-list.saved"
    GIVEN_LIST_IMPORTED = "given-list.imported"
    GIVEN_LIST_MATCHED = "given-list.matched"
    GIVEN_LIST_ROW_DECIDED = "given-list-row.decided"
    GIVEN_LIST_APPLIED = "given-list.applied"
    GIVEN_LIST_EXPORTED = "given-list.exported"
    PARTNER_RESULT_RECORDED = "partner-result.recorded"
    VISIT_PLANNED = "visit.planned"
    VISIT_STARTED = "visit.started"
    VISIT_INTERRUPTED = "visit.interrupted"
    VISIT_ITEM_ANSWERED = "visit.item-answered"
    VISIT_FINDING_STATED = "visit.finding-stated"
    VISIT_FINISHED = "visit.finished"
    VISIT_MARKED = "visit.marked"
    VISIT_SIGNED = "visit.signed"
    NUMBER_BLOCK_ALLOTTED = "number-block.allotted"
    NUMBER_BLOCK_ENDED = "number-block.ended"
    DOCUMENT_ISSUED = "document.issued"
    DOCUMENT_CHANGED = "document.changed"
    DOCUMENT_SIGNED = "document.signed"
    DOCUMENT_CORRECTED = "document.corrected"
    DOCUMENT_SERVICE_RECORDED = "document-service.recorded"
    DOCUMENT_SERVICE_DELIVERED = "document-service.delivered"
    DOCUMENT_SERVICE_RECEIPTED = "document-service.receipted"
    DOCUMENT_SERVICE_WITHDRAWN = "document-service.withdrawn"
    DOCUMENT_SERVICE_COMPUTED = "document.service-computed"
    DOCUMENT_SERVICE_WARNED = "document.service-warned"
    DOCUMENT_SERVICE_LATE = "document.service-late"
    INTEGRITY_FOUND = "integrity.found"
    INTEGRITY_DECIDED = "integrity.decided"
    CORRECTIVE_ORDER_ISSUED = "corrective-order.issued"
    CORRECTIVE_ORDER_DUE_COMPUTED = "corrective-order.due-computed"
    CORRECTIVE_ORDER_RECHECK_DUE = "corrective-order.recheck-due"
    CORRECTIVE_ORDER_CONCLUDED = "corrective-order.concluded"
    UNIT_LEDGER_COUNTED = "unit-ledger.counted"
    CAP_EXCEPTION_PROPOSED = "cap-exception.proposed"
    CAP_EXCEPTION_DECIDED = "cap-exception.decided"
    VISIT_CODE_ISSUED = "visit-code.issued"
    VISIT_CODE_EXTENDED = "visit-code.extended"
    VISIT_CODE_ENDED = "visit-code.ended"
    VISIT_CODE_REVOKED = "visit-code.revoked"
    VISIT_RATED = "visit.rated"
    VISIT_OBJECTION_RECEIVED = "visit-objection.received"
    VISIT_OBJECTION_ANSWERED = "visit-objection.answered"
    SAMPLE_RECORDED = "sample.recorded"
    SAMPLE_RESULT_RECORDED = "sample.result-recorded"
    PENALTY_CASE_DECIDED = "penalty-case.decided"
    PENALTY_CASE_FILED = "penalty-case.filed"
    PENALTY_CASE_CLOSED = "penalty-case.closed"
    COLLECTION_OPENED = "collection.opened"
    COLLECTION_CHANGED = "collection.changed"
    COLLECTION_PAID = "collection.paid"
    COLLECTION_HANDED_IN = "collection.handed-in"
    COLLECTION_RELIEF_ASKED = "collection.relief-asked"
    COLLECTION_RELIEF_DECIDED = "collection.relief-decided"
    COLLECTION_DEMANDED = "collection.demanded"
    COLLECTION_BROUGHT_TO_COURT = "collection.brought-to-court"
    COLLECTION_CONCLUDED = "collection.concluded"
    COLLECTION_ALERTED = "collection.alerted"
    DISCRETION_PROPOSED = "discretion.proposed"
    DISCRETION_DEVIATION_ASKED = "discretion.deviation-asked"
    DISCRETION_DEVIATION_DECIDED = "discretion.deviation-decided"
    CREDIT_ENTRY_RECORDED = "credit-entry.recorded"
    POINTS_CYCLE_OPENED = "points-cycle.opened"
    POINTS_NOTICE_CHANGED = "points-notice.changed"
    CREDIT_SCORING_RECORDED = "credit-scoring.recorded"
    CREDIT_GRADE_GIVEN = "credit-grade.given"
    CREDIT_GRADE_VOIDED = "credit-grade.voided"
    CREDIT_REPAIR_APPLIED = "credit-repair.applied"
    CREDIT_REPAIR_CHECKED = "credit-repair.checked"
    CREDIT_REPAIR_DECIDED = "credit-repair.decided"
    CREDIT_REPAIR_WITHDRAWN = "credit-repair.withdrawn"
    CREDIT_EXCEPTION_PROPOSED = "credit-exception.proposed"
    CREDIT_EXCEPTION_DECIDED = "credit-exception.decided"
    CREDIT_COOPERATION_RECEIVED = "credit-cooperation.received"
    CREDIT_COOPERATION_ANSWERED = "credit-cooperation.answered"
    PENALTY_CASE_OPENED = "penalty-case.opened"
    PENALTY_CASE_ADVANCED = "penalty-case.advanced"
    CASE_DEADLINE_COMPUTED = "case-deadline.computed"
    CASE_DEADLINE_WARNED = "case-deadline.warned"
    CASE_DEADLINE_PASSED = "case-deadline.passed"
    CASE_DEADLINE_ENDED = "case-deadline.ended"
    CASE_TRANSFER_RECORDED = "case-transfer.recorded"
    CASE_TRANSFER_ANSWERED = "case-transfer.answered"
    PUBLICATION_PLANNED = "publication.planned"
    PUBLICATION_PUBLISHED = "publication.published"
    PUBLICATION_ENDED = "publication.ended"
    PUBLICATION_RECEIPT_IMPORTED = "publication-receipt.imported"
    REPORT_CARD_OPENED = "report-card.opened"
    REPORT_CARD_REPORTED = "report-card.reported"
    CREDIT_REPORT_ISSUED = "credit-report.issued"
    ANNUAL_PLAN_SAVED = "annual-plan.saved"
    ANNUAL_PLAN_PUBLISHED = "annual-plan.published"
    ANNUAL_PLAN_SUPERSEDED = "annual-plan.superseded"
    DRAW_PLAN_SAVED = "draw-plan.saved"
    DRAW_PLANNED = "draw.planned"
    DRAW_FROZEN = "draw.frozen"
    DRAW_ANNOUNCED = "draw.announced"
    DRAW_DEPOSITED = "draw.deposited"
    DRAW_DEPOSIT_COUNTED = "draw.deposit-counted"
    DRAW_HELD = "draw.held"
    DRAW_PERIOD_HELD = "draw-period.held"
    DRAW_PERIOD_RELEASED = "draw-period.released"
    DRAW_REMINDED = "draw.reminded"
    DRAW_ENTROPY_ENTERED = "draw.entropy-entered"
    DRAW_SEEDED = "draw.seeded"
    DRAW_DRAWN = "draw.drawn"
    DRAW_PUBLISHED = "draw.published"
    DRAW_VOIDED = "draw.voided"
    DRAW_TOP_UP_ORDERED = "draw.top-up-ordered"
    DRAW_CHANGE_PROPOSED = "draw-change.proposed"
    DRAW_CHANGE_APPROVED = "draw-change.approved"
    DRAW_CHANGE_CONFIRMED = "draw-change.confirmed"
    DRAW_CHANGE_HELD = "draw-change.held"
    DRAW_CHANGE_CARRIED_OUT = "draw-change.carried-out"
    DRAW_CHANGE_REFUSED = "draw-change.refused"
    DRAW_CHANGE_WITHDRAWN = "draw-change.withdrawn"
    DEVICE_CODE_ISSUED = "device.code-issued"
    DEVICE_ENROLLED = "device.enrolled"
    DEVICE_SESSION_OPENED = "device.session-opened"
    OFFICER_PIN_SET = "officer-pin.set"
    DEVICE_TOKENS_REVOKED = "device.tokens-revoked"
    DEVICE_SUSPENDED = "device.suspended"
    DEVICE_WIPE_REQUESTED = "device.wipe-requested"
    DEVICE_WIPED = "device.wiped"
    DEVICE_REINSTATED = "device.reinstated"
    DEVICE_CLOSED = "device.closed"
    DEVICE_RECOVERED = "device.recovered"
    OPERATION_APPLIED = "operation.applied"
    OPERATION_MERGED = "operation.merged"
    OPERATION_CONFLICTED = "operation.conflicted"
    OPERATION_HELD = "operation.held"
    OPERATION_QUARANTINED = "operation.quarantined"
    UPLOAD_QUARANTINED = "upload.quarantined"
    RESCUE_RECEIVED = "rescue.received"
    RESCUE_IMPORTED = "rescue.imported"
    REVIEW_DECIDED = "review.decided"
    PERMIT_RECORDS_IMPORTED = "permit-records.imported"
    ANNUAL_TABLE_IMPORTED = "annual-table.imported"
    MANUAL_COUNT_RECORDED = "manual-count.recorded"
    MANUAL_COUNT_VOIDED = "manual-count.voided"
    REPORT_EXPORTED = "report.exported"
    FILE_REVIEW_DRAWN = "file-review.drawn"
    REVIEWED_FILE_JUDGED = "reviewed-file.judged"
    DOSSIER_READ = "dossier.read"
    FEED_REBUILT = "feed.rebuilt"


@dataclass(frozen=True)
class Break:
    """Where a chain does not hold: the entry and what is wrong with it."""

    stream: str
    seq: int
    reason: str


def entry_text(values: Mapping[str, Any]) -> str:
    """Return the canonical text of an entry; its keys are exactly those of the protocol.

    Ids may be given as they are.
    """
    if values.keys() != _KEYS:
        raise ValueError("an entry has exactly the keys of ENTRY_KEYS")
    return canonical.dumps_with_ids(values)


def entry_hash(text: str) -> str:
    """Return the hash of an entry: SHA-256 of its canonical text."""
    return canonical.digest(text)


def first_break(
    stream: str, entries: Iterable[tuple[int, str, str]], *, after: tuple[int, str] = (0, GENESIS)
) -> Break | None:
    """Walk `(seq, hash, text)` in order of seq and return where the chain first fails, or None."""
    previous_seq, previous_hash = after
    for seq, stored_hash, text in entries:
        if entry_hash(text) != stored_hash:
            return Break(stream, seq, "the text does not have the stored hash")
        try:
            values = canonical.loads(text)
        except canonical.NotCanonical:
            return Break(stream, seq, "the text is not canonical")
        if values.get("stream") != stream or values.get("seq") != seq:
            return Break(stream, seq, "the entry is not the one of this place")
        if values.get("prev_hash") != previous_hash:
            return Break(stream, seq, f"it does not follow entry {previous_seq}")
        previous_seq, previous_hash = seq, stored_hash
    return None
