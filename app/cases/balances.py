"""How the money of a case stands on a day: what is due, in which parts, and what is unpaid.

Amounts are whole fen. The surcharge 加处罚款 is computed for a day and stays apart from the fine.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app.cases import collecting_queries as queries
from app.cases import collecting_rules as rules
from app.cases import money
from app.cases import queries as case_queries
from app.cases.collecting_models import CaseCollection
from app.cases.collecting_rules import CollectionState
from app.cases.models import PenaltyCase
from app.cases.money import Paid, Part, Pause, Plan
from app.cases.rules import RemedyKind
from app.catalogue import service as catalogue
from app.catalogue.rules import DayKind, Deadline, Term, due
from app.db import db
from app.errors import Conflict, Invalid, NotFound

PAYMENT_DAYS = "fine-payment-days"
HAND_IN_DAYS = "spot-hand-in-days"
MOVED = "deadline-moved-to-working-day"
PERCENT = "surcharge-percent"
COURT_MONTHS = "court-enforcement-months"
SUIT_MONTHS = "suit-months"
SUIT_AFTER_REVIEW = "suit-after-review-days"


class CollectionUnknown(NotFound):
    code, title = "collection-unknown", "没有缴款事项"


class CollectionStateWrong(Conflict):
    code, title = "collection-state-wrong", "缴款状态不允许此操作"


class PaymentWrong(Invalid):
    """Extras: what is unpaid on that day, in fen."""

    code, title = "payment-wrong", "缴款内容有误"


@dataclass(frozen=True)
class Balance:
    """What is unpaid at the end of a day; the surcharge is apart from the fine."""

    on: date
    fine_fen: int
    confiscated_fen: int
    surcharge: money.Surcharge
    surcharge_unpaid_fen: int

    @property
    def settled(self) -> bool:
        """Tell whether nothing is left."""
        return rules.settles([self.fine_fen, self.confiscated_fen, self.surcharge_unpaid_fen])


def get_collection(collection_id: UUID, agency_id: UUID | None) -> CaseCollection:
    """Return the money of a case of the agency. Raises CollectionUnknown, also for another's."""
    found = db.session.get(CaseCollection, collection_id)
    if found is None or found.agency_id != agency_id:
        raise CollectionUnknown("没有这个缴款事项，或它不属于本机构。")
    return found


def collection_of(case: PenaltyCase) -> CaseCollection:
    """Return the money of a case. Raises CollectionUnknown before it was opened."""
    found = queries.of_case(case.id)
    if found is None:
        raise CollectionUnknown("处罚决定没有应缴款项，或者尚未送达。")
    return found


def balance(collection: CaseCollection, on: date) -> Balance:
    """Return what is unpaid at the end of a day; what ended is counted up to its end."""
    until = min(on, collection.concluded_on or on)
    paid = [one for one in collection.payments if one.paid_on <= until]
    added = money.surcharge_until(
        collection.fine_fen,
        plans_of(collection),
        [Paid(one.paid_on, one.fine_fen) for one in paid],
        until,
        percent=int(catalogue.setting(PERCENT, collection.served_on)),
        pauses=pauses_of(collection),
    )
    return Balance(
        on=until,
        fine_fen=max(collection.fine_fen - sum(one.fine_fen for one in paid), 0),
        confiscated_fen=max(
            collection.confiscated_fen - sum(one.confiscated_fen for one in paid), 0
        ),
        surcharge=added,
        surcharge_unpaid_fen=max(added.amount_fen - sum(one.surcharge_fen for one in paid), 0),
    )


def refund(collection: CaseCollection, on: date) -> int:
    """Return what was paid beyond what stands: of a decision that was revoked or made lighter."""
    case = db.session.get_one(PenaltyCase, collection.case_id)
    paid = [(one.fine_fen, one.confiscated_fen, one.surcharge_fen) for one in collection.payments]
    if case.revoked_on is not None and case.revoked_on <= on:
        return sum(map(sum, paid))
    left = balance(collection, on)
    owed = (collection.fine_fen, collection.confiscated_fen, left.surcharge.amount_fen)
    given = [sum(each) for each in zip(*paid, strict=True)] or [0, 0, 0]
    return sum(max(own - due, 0) for own, due in zip(given, owed, strict=True))


def plans_of(collection: CaseCollection) -> list[Plan]:
    """Return in which parts the fine is due: at first whole, later as was granted."""
    if collection.due_on is None:
        return []
    found = [Plan([Part(collection.due_on, collection.fine_fen)])]
    for relief in collection.reliefs:
        if relief.approved:
            parts = money.cut(relief.dated_parts, collection.fine_fen)
            before = collection.fine_fen - sum(part.amount_fen for part in parts)
            first = [Part(collection.due_on, before)] if before else []
            found.append(Plan([*first, *parts], relief.applied_on))
    return found


def pauses_of(collection: CaseCollection) -> list[Pause]:
    """Return the days of reviews and suits, on which no surcharge runs (第七十三条)."""
    steps = case_queries.remedies_of(collection.case_id)
    return [Pause(one.begun_on, one.ended_on) for one in steps]


def is_paused(collection: CaseCollection) -> bool:
    """Tell whether a review or suit has not ended."""
    return any(one.until_on is None for one in pauses_of(collection))


def last_due_on(collection: CaseCollection) -> date | None:
    """Return the last day for the money, as it was granted."""
    plans = plans_of(collection)
    return plans[-1].parts[-1].due_on if plans else None


def court_window(collection: CaseCollection) -> money.Window:
    """Return on which days the court can be asked to enforce (行政强制法 第五十三条).

    After a review the party has `suit-after-review-days` to sue (行政诉讼法 第四十五条).
    """
    again = timedelta(days=int(catalogue.setting(SUIT_AFTER_REVIEW, collection.served_on)))
    ended = [
        one.ended_on + (again if one.kind == RemedyKind.REVIEW else timedelta(0))
        for one in case_queries.remedies_of(collection.case_id)
        if one.ended_on is not None
    ]
    return money.court_window(
        collection.served_on,
        ended,
        suit_months=int(catalogue.setting(SUIT_MONTHS, collection.served_on)),
        months=int(catalogue.setting(COURT_MONTHS, collection.served_on)),
    )


def standing_of(collection: CaseCollection, today: date) -> rules.Standing:
    """Return how far the money is on a day."""
    return rules.standing(
        CollectionState(collection.state),
        today,
        last_due_on(collection),
        paused=is_paused(collection),
        demanded=collection.demanded_on is not None,
        in_court=collection.court_applied_on is not None,
    )


def summary(collection: CaseCollection, on: date) -> dict[str, Any]:
    """Return the money of a case, and what is unpaid at the end of a day, for a reader."""
    left, window = balance(collection, on), court_window(collection)
    columns = {one.key: getattr(collection, one.key) for one in CaseCollection.__table__.columns}
    below = {name: getattr(collection, name) for name in ("payments", "reliefs")}
    return {
        **columns,
        **below,
        "pauses": case_queries.remedies_of(collection.case_id),
        "alerts": collection.alerts,
        "standing": standing_of(collection, on),
        "last_due_on": last_due_on(collection),
        "court_opens_on": window.opens_on,
        "court_closes_on": window.closes_on,
        "balance": {
            "on": left.on,
            "fine_fen": left.fine_fen,
            "confiscated_fen": left.confiscated_fen,
            "surcharge_fen": left.surcharge.amount_fen,
            "surcharge_unpaid_fen": left.surcharge_unpaid_fen,
            "surcharge_capped": left.surcharge.capped,
            "late_days": left.surcharge.late_days,
        },
        "refund_fen": refund(collection, on),
    }


def refuse_ended(collection: CaseCollection) -> None:
    """Raise CollectionStateWrong when nothing is left to do."""
    if collection.state != CollectionState.OPEN:
        raise CollectionStateWrong("款项已经缴清或者终结。", state=collection.state)


def deadline_of(setting: str, on: date, kind: DayKind) -> Deadline:
    """Return when the term of a setting ends; open where a calendar is missing for it."""
    days = int(catalogue.setting(setting, on))
    moved = kind == DayKind.NATURAL and bool(catalogue.setting(MOVED, on))
    return due(Term(days, kind, moved), on, catalogue.calendar())
