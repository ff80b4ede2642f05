"""Money that does not come in 催告与执行: demand, court, end; what the timetable warns of."""

from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.cases import balances, sanctions
from app.cases import collecting_queries as queries
from app.cases import collecting_rules as rules
from app.cases.balances import (
    CollectionStateWrong,
    PaymentWrong,
    balance,
    court_window,
    deadline_of,
    get_collection,
    is_paused,
    last_due_on,
    refuse_ended,
)
from app.cases.collecting_models import CaseCollection, CollectionAlert
from app.cases.collecting_rules import AlertKind, CeasingGround, CollectionState
from app.cases.models import PenaltyCase
from app.cases.money import PaymentMethod
from app.catalogue import service as catalogue
from app.catalogue.rules import DayKind
from app.days import local_date
from app.db import db, touch
from app.errors import Conflict
from app.journal import service as journal
from app.journal.rules import Event

DEMAND_DAYS = "payment-demand-days"
WARN_DAYS = "payment-warn-days"
COURT_WARN_DAYS = "court-warn-days"


class CourtRefused(Conflict):
    """The court cannot be asked now; extras: `article`, `opens_on`, `closes_on`."""

    code, title = "court-refused", "现在不能申请法院强制执行"


class MoneyOutstanding(Conflict):
    """Extras: what is unpaid, in fen."""

    code, title = "money-outstanding", "款项尚未缴清或者执行完毕"


def demand_payment(
    collection_id: UUID, demanded_on: date, *, by: Actor, at: datetime
) -> CaseCollection:
    """Record that the demand 催告书 was served on who is late; ten working days run from it.

    Raises CollectionUnknown, CollectionStateWrong, also while nothing is late or a review runs.
    """
    collection = get_collection(collection_id, by.agency_id)
    refuse_ended(collection)
    last = last_due_on(collection)
    late = last is not None and last < demanded_on <= local_date(at)
    paused = is_paused(collection)
    if not late or paused or collection.court_applied_on is not None:
        raise CollectionStateWrong(
            "缴款期限届满后才能催告，复议、诉讼期间和申请执行以后不催告。", state=collection.state
        )
    deadline = deadline_of(DEMAND_DAYS, demanded_on, DayKind.WORKING)
    collection.demanded_on = demanded_on
    collection.demand_due_on, collection.demand_due_reason = deadline.due_on, deadline.reason
    data = {"demanded_on": demanded_on.isoformat()}
    journal.record(Event.COLLECTION_DEMANDED, collection, by=by, at=at, data=data)
    return collection


def ask_court(
    collection_id: UUID, applied_on: date, court_name: str, *, by: Actor, at: datetime
) -> CaseCollection:
    """Record that the court was asked to enforce: after the demand's term, inside the window.

    Raises CollectionUnknown, CollectionStateWrong, CourtRefused.
    """
    collection = get_collection(collection_id, by.agency_id)
    refuse_ended(collection)
    if collection.court_applied_on is not None:
        raise CollectionStateWrong("已经申请法院强制执行。", state=collection.state)
    window = court_window(collection)
    demanded = collection.demand_due_on is not None and collection.demand_due_on < applied_on
    inside = window.opens_on <= applied_on <= min(window.closes_on, local_date(at))
    paused = is_paused(collection)
    if not demanded or not inside or paused:
        article = "行政强制法 第五十三条" if demanded else "行政强制法 第五十四条"
        raise CourtRefused(
            "申请法院强制执行，应在催告期满以后、起诉期限届满以后的申请期限以内，并且没有未结束的复议"
            f"或者诉讼（{article}）。",
            article=article,
            opens_on=window.opens_on,
            closes_on=window.closes_on,
            demand_due_on=collection.demand_due_on,
        )
    collection.court_applied_on, collection.court_name = applied_on, court_name
    data = {"applied_on": applied_on.isoformat()}
    journal.record(Event.COLLECTION_BROUGHT_TO_COURT, collection, by=by, at=at, data=data)
    return collection


def conclude_collection(
    collection_id: UUID,
    concluded_on: date,
    note: str,
    *,
    ground: CeasingGround | None,
    by: Actor,
    at: datetime,
) -> CaseCollection:
    """Say that the court enforced it, or, with a ground, that enforcement ceased 终结执行.

    Raises CollectionUnknown, CollectionStateWrong: only the court enforces.
    """
    collection = get_collection(collection_id, by.agency_id)
    refuse_ended(collection)
    if ground is None and collection.court_applied_on is None:
        raise CollectionStateWrong(
            "没有申请法院强制执行，不能登记执行完毕。", state=collection.state
        )
    begins = collection.court_applied_on if ground is None else collection.served_on
    if begins is None or not begins <= concluded_on <= local_date(at):
        raise PaymentWrong("终结日期应在申请或者送达之后、今天之前。")
    collection.state = CollectionState.ENFORCED if ground is None else CollectionState.CEASED
    collection.concluded_on, collection.ceasing_ground = concluded_on, ground
    collection.note = note
    data = {"state": str(collection.state), "ground": ground}
    journal.record(Event.COLLECTION_CONCLUDED, collection, by=by, at=at, data=data)
    return collection


def cease_revoked(case: PenaltyCase, on: date, *, by: Actor, at: datetime) -> None:
    """Let nothing more be asked for under a decision that was revoked (行政强制法 第四十条)."""
    found = queries.of_case(case.id)
    if found is not None and found.state == CollectionState.OPEN:
        ground = CeasingGround.DECISION_REVOKED
        conclude_collection(found.id, on, "处罚决定已撤销", ground=ground, by=by, at=at)


def follow_change(case: PenaltyCase, on: date, *, by: Actor, at: datetime) -> None:
    """Let what is owed be what review or suit made of a decision; without money it ceases."""
    found = queries.of_case(case.id)
    if found is None:
        return
    fine, confiscated = sanctions.money_of(case.lines)
    if fine + confiscated == 0:
        cease_revoked(case, on, by=by, at=at)
        return
    found.fine_fen, found.confiscated_fen = fine, confiscated
    if found.state == CollectionState.OPEN and balance(found, local_date(at)).settled:
        found.state, found.concluded_on = CollectionState.SETTLED, on
    data = {"fine_fen": fine, "confiscated_fen": confiscated, "state": str(found.state)}
    journal.record(Event.COLLECTION_CHANGED, found, by=by, at=at, data=data)


def refuse_outstanding(case: PenaltyCase, on: date) -> None:
    """Raise MoneyOutstanding while money of a case is neither paid, enforced nor ceased.

    Under a revoked decision that was never served nothing is owed.
    """
    fine, confiscated = sanctions.money_of(case.lines)
    found = queries.of_case(case.id)
    if fine + confiscated == 0 or (found is None and case.revoked_on is not None):
        return
    if found is not None and found.state != CollectionState.OPEN:
        return
    left = None if found is None else balance(found, on)
    raise MoneyOutstanding(
        "罚款、没收违法所得和加处罚款缴清，或者执行完毕、终结执行以后才能结案。",
        fine_fen=fine if left is None else left.fine_fen,
        confiscated_fen=confiscated if left is None else left.confiscated_fen,
        surcharge_fen=0 if left is None else left.surcharge_unpaid_fen,
    )


# --- what the timetable does -------------------------------------------------------------------


def follow_collection(collection_id: UUID, *, by: Actor, at: datetime) -> list[AlertKind]:
    """Compute a term that a calendar was missing for, and note what is due or late, each once."""
    collection = db.session.get_one(CaseCollection, collection_id, populate_existing=True)
    today = local_date(at)
    if collection.due_on is None:
        deadline = deadline_of(balances.PAYMENT_DAYS, collection.served_on, DayKind.NATURAL)
        collection.due_on, collection.due_reason = deadline.due_on, deadline.reason
    if collection.demanded_on is not None and collection.demand_due_on is None:
        deadline = deadline_of(DEMAND_DAYS, collection.demanded_on, DayKind.WORKING)
        collection.demand_due_on, collection.demand_due_reason = deadline.due_on, deadline.reason
    for payment in collection.payments:
        if payment.method == PaymentMethod.ON_THE_SPOT and payment.hand_in_due_on is None:
            found = deadline_of(balances.HAND_IN_DAYS, payment.paid_on, DayKind.WORKING)
            payment.hand_in_due_on = found.due_on
    known = {(one.kind, one.about_on) for one in collection.alerts}
    news = [one for one in _alerts(collection, today) if one not in known]
    for kind, about_on in news:
        collection.alerts.append(CollectionAlert(kind=kind, about_on=about_on, noted_at=at))
    if news:
        touch(collection)
        data = {"alerts": [f"{kind}:{about_on.isoformat()}" for kind, about_on in news]}
        journal.record(Event.COLLECTION_ALERTED, collection, by=by, at=at, data=data)
    return [kind for kind, _ in news]


def _alerts(collection: CaseCollection, today: date) -> list[tuple[AlertKind, date]]:
    days = rules.Days(
        due_on=last_due_on(collection),
        demand_due_on=collection.demand_due_on,
        court=court_window(collection),
        in_court=collection.court_applied_on is not None,
        hand_in_due_on=[
            one.hand_in_due_on
            for one in collection.payments
            if one.hand_in_due_on is not None and one.handed_in_on is None
        ],
    )
    return rules.alerts_on(
        today,
        days,
        unpaid=collection.state == CollectionState.OPEN and not is_paused(collection),
        warn_days=int(catalogue.setting(WARN_DAYS, today)),
        court_warn_days=int(catalogue.setting(COURT_WARN_DAYS, today)),
    )
