"""What a step of a case changes beside its state: columns, officers, registers, money."""

from collections.abc import Callable, Mapping
from datetime import date
from uuid import UUID

from app.cases import collecting, enforcing, preparing, remedies, sanctions, triggers
from app.cases.drafts import Draft
from app.cases.models import CaseSanction, PenaltyCaseOfficer
from app.cases.opening import set_cause, set_party
from app.cases.refusals import StepDayWrong
from app.cases.remedies import Ended
from app.cases.rules import (
    CaseState,
    CaseVerb,
    Direction,
    RemedyKind,
    RemedyResult,
    TransferKind,
    TransferResult,
)
from app.cases.sanctions import SanctionKind
from app.cases.transfers import NewTransfer, answer_transfer, open_transfer_of, record_transfer
from app.people import service as people


def _set_officers(draft: Draft) -> None:
    wanted, case = set(draft.officer_ids), draft.case
    case.officers = [one for one in case.officers if one.officer_id in wanted]
    known = set(case.officer_ids)
    case.officers += [PenaltyCaseOfficer(officer_id=one) for one in sorted(wanted - known)]


def _file(draft: Draft) -> None:
    _set_officers(draft)
    case, by = draft.case, draft.by
    case.filed_on = draft.on
    case.filed_at, case.filed_by_kind, case.filed_by_id = draft.at, by.kind, by.id


def _amend(draft: Draft) -> None:
    """Set what became known of party and act; the step keeps which, the case keeps what."""
    case, given = draft.case, draft.data.pop("values")
    for name in given.keys() & {"act", "place", "acted_on", "act_ended_on"}:
        setattr(case, name, given[name])
    if case.acted_on > (case.act_ended_on or case.acted_on) or case.acted_on > draft.on:
        raise StepDayWrong("违法行为的日期不正确。")
    if "party" in given:
        set_party(case, given["party"])
    set_cause(case, given.get("cause_code", case.cause_code))
    draft.data["fields"] = sorted(given)


def _decide_recusal(draft: Draft) -> None:
    """Let an officer whose recusal was granted handle the case no more, nor meet the unit again."""
    if not draft.data["granted"]:
        return
    case, officer_id = draft.case, UUID(draft.data["officer_id"])
    case.officers = [one for one in case.officers if one.officer_id != officer_id]
    if case.unit_id is not None:
        people.declare_recusal(
            people.get_officer(officer_id, case.agency_id),
            case.unit_id,
            draft.data["reason_code"],
            effective_from=draft.on,
            by=draft.by,
            at=draft.at,
        )


def _notify(draft: Draft) -> None:
    draft.case.notified_on = draft.on


def _decide(draft: Draft) -> None:
    case, by = draft.case, draft.by
    lines = preparing.lines_in(draft.data)
    draft.data["lines"] = triggers.as_data(lines)
    case.sanctions = [CaseSanction.of(line) for line in lines]
    case.warning = any(line.kind == SanctionKind.WARNING for line in lines)
    case.fine_fen = sanctions.fine_of(lines)
    case.cause_from = date.fromisoformat(draft.data["rule_from"])
    row = preparing.get_cause(case.cause_code, case.cause_from)
    case.basis_law, case.basis_article = row.body["basis"]["law"], row.body["basis"]["article"]
    case.decision_number, case.decided_on = draft.data["number"], draft.on
    case.decided_at, case.decided_by_kind, case.decided_by_id = draft.at, by.kind, by.id


def _serve(draft: Draft) -> None:
    """Begin the term of payment with the service (行政处罚法 第六十七条)."""
    case = draft.case
    case.served_on = draft.on
    fine, confiscated = sanctions.money_of(case.lines)
    if case.state == CaseState.SERVED and fine + confiscated and case.revoked_on is None:
        collecting.open_collection(case, by=draft.by, at=draft.at)


def _revoke(draft: Draft) -> None:
    """Revoke a decision 撤销 and cease what it imposed in money; a new case may be opened."""
    draft.case.revoked_on = draft.on
    enforcing.cease_revoked(draft.case, draft.on, by=draft.by, at=draft.at)


def _close(draft: Draft) -> None:
    """Close a case whose money is settled, enforced or ceased. Raises MoneyOutstanding."""
    case, by = draft.case, draft.by
    enforcing.refuse_outstanding(case, draft.on)
    case.closed_on, case.note = draft.on, draft.data["note"]
    case.closed_at, case.closed_by_kind, case.closed_by_id = draft.at, by.kind, by.id


def _transfer(draft: Draft) -> None:
    """Enter the case into the register of what was handed to other organs."""
    data, case = draft.data, draft.case
    new = NewTransfer(
        Direction.OUT,
        TransferKind.HAND_OVER,
        data["organ"],
        case.cause_name,
        draft.on,
        criminal=data["criminal"],
        number=data["number"],
        case_id=case.id,
        unit_id=case.unit_id,
    )
    agency = people.get_agency(case.agency_id)
    row = record_transfer(new, agency=agency, by=draft.by, at=draft.at)
    data["transfer_id"] = str(row.id)


def _take_back(draft: Draft) -> None:
    row = open_transfer_of(draft.case.id, draft.case.agency_id)
    if row is not None:
        answer_transfer(
            row.id,
            TransferResult.RETURNED,
            on=draft.on,
            note=draft.data["reason"],
            by=draft.by,
            at=draft.at,
        )


def _begin_remedy(draft: Draft) -> None:
    data = draft.data
    kind, organ, number = RemedyKind(data["kind"]), data["organ"], data["number"]
    remedy = remedies.begin_remedy(draft.case, kind, organ, number, draft.on)
    draft.data["remedy_id"] = str(remedy.id)


def _end_remedy(draft: Draft) -> None:
    data = draft.data
    lines = triggers.as_lines(data.get("lines") or [])
    result = RemedyResult(data["result"])
    ended = Ended(UUID(data["remedy_id"]), result, data["head_attended"], lines)
    remedies.end_remedy(draft.case, ended, draft.on, by=draft.by, at=draft.at)


EFFECTS: Mapping[CaseVerb, Callable[[Draft], None]] = {
    CaseVerb.FILE: _file,
    CaseVerb.AMEND: _amend,
    CaseVerb.ASSIGN: _set_officers,
    CaseVerb.DECIDE_RECUSAL: _decide_recusal,
    CaseVerb.NOTIFY: _notify,
    CaseVerb.DECIDE: _decide,
    CaseVerb.SERVE: _serve,
    CaseVerb.REVOKE: _revoke,
    CaseVerb.BEGIN_REMEDY: _begin_remedy,
    CaseVerb.END_REMEDY: _end_remedy,
    CaseVerb.TRANSFER: _transfer,
    CaseVerb.TAKE_BACK: _take_back,
    CaseVerb.CLOSE: _close,
}
