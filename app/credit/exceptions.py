"""例外公示: what is in principle not shown is shown after all, when two persons say so.

国家发展改革委令第36号 lets a minor decision 轻微失信 be shown only where that is needed. The term
is its tier's own, counted from the day of the decision; publication pulls what was confirmed.
"""

from datetime import datetime
from uuid import UUID

from app.access import Actor
from app.credit import queries, service, terms
from app.credit.models import CreditEntry, CreditException
from app.credit.rules import EntryKind, ExceptionState
from app.days import local_date
from app.db import db
from app.errors import Conflict, Forbidden, NotFound
from app.journal import service as journal
from app.journal.rules import Event


class ExceptionUnknown(NotFound):
    code, title = "credit-exception-unknown", "未找到例外公示"


class ExceptionNotNeeded(Conflict):
    """The entry is shown anyway, never shown, taken out of the record, or its term is over."""

    code, title = "credit-exception-not-needed", "这条信用记录不能例外公示"


class ExceptionPending(Conflict):
    """Extras: `exception_id`."""

    code, title = "credit-exception-pending", "已有例外公示"


class ExceptionDecided(Conflict):
    code, title = "credit-exception-decided", "例外公示已经决定"


class ExceptionSamePerson(Forbidden):
    code, title = "credit-exception-same-person", "例外公示须由另一人决定"


def get_exception(exception_id: UUID, agency_id: UUID | None) -> CreditException:
    """Return an exception of the agency. Raises ExceptionUnknown, also for another agency's."""
    found = db.session.get(CreditException, exception_id)
    if found is None or found.agency_id != agency_id:
        raise ExceptionUnknown("没有这件例外公示，或它不属于本机构。")
    return found


def propose_exception(entry_id: UUID, reason: str, *, by: Actor, at: datetime) -> CreditException:
    """Propose that a decision is shown although its tier is in principle not.

    Flushes: of two at once one finds the other's. Raises CreditEntryUnknown, ExceptionNotNeeded,
    ExceptionPending.
    """
    entry = service.get_entry(entry_id, by.agency_id)
    _refuse_needless(entry, at)
    if standing := queries.find_exception(entry.id):
        raise ExceptionPending(
            "这条记录已有例外公示，请在该例外公示上办理。", exception_id=standing.id
        )
    found = CreditException(
        agency_id=entry.agency_id,
        district=entry.district,
        entry_id=entry.id,
        state=ExceptionState.PROPOSED,
        reason=reason,
        proposed_at=at,
        proposed_by_kind=str(by.kind),
        proposed_by_id=by.id,
    )
    db.session.add(found)
    db.session.flush()  # the journal names its id
    data = {"entry_id": str(entry.id)}
    journal.record(Event.CREDIT_EXCEPTION_PROPOSED, found, by=by, at=at, data=data)
    return found


def _refuse_needless(entry: CreditEntry, at: datetime) -> None:
    gone = service.is_reversed(entry) or queries.find_about(entry.id, EntryKind.REPAIR) is not None
    if entry.kind == EntryKind.PENALTY and entry.tier is not None and not gone:
        row = service.term_of(entry.tier, entry.decided_on)
        shown = terms.publicity(row, entry.decided_on, exception=True)
        if row.on_site == terms.OnSite.BY_EXCEPTION and shown is not None:
            if local_date(at) <= shown.max_end:
                return
            raise ExceptionNotNeeded(
                f"最长公示期至 {shown.max_end} 已经届满（{shown.rule_set}），不能再公示。"
            )
    raise ExceptionNotNeeded(
        "只有原则上不公示的处罚决定可以例外公示；这条记录本来就公示、从不公示，或者已经撤销、修复。"
    )


def decide_exception(
    found: CreditException, *, confirm: bool, opinion: str, by: Actor, at: datetime
) -> CreditException:
    """Confirm or decline an exception; whoever proposed it does not decide.

    A declined one may be proposed anew. Raises ExceptionDecided, ExceptionSamePerson, and for a
    confirmation ExceptionNotNeeded where the entry was taken out meanwhile or its term is over.
    """
    if found.state != ExceptionState.PROPOSED:
        raise ExceptionDecided("这件例外公示已经决定，请刷新后查看。", state=found.state)
    if by.id is None or by.id == found.proposed_by_id:
        raise ExceptionSamePerson("提出例外公示的人不能自己决定，请由另一名负责人办理。")
    if confirm:
        _refuse_needless(service.get_entry(found.entry_id, found.agency_id), at)
    found.state = ExceptionState.CONFIRMED if confirm else ExceptionState.DECLINED
    found.opinion = opinion
    found.decided_at, found.decided_by_kind, found.decided_by_id = at, str(by.kind), by.id
    data = {"confirmed": confirm, "entry_id": str(found.entry_id)}
    journal.record(Event.CREDIT_EXCEPTION_DECIDED, found, by=by, at=at, data=data)
    return found
