"""The money of a case 缴款与执行: due, paid, delayed, paused.

Amounts are whole fen. Of a receipt the money counts once.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.cases import collecting_queries as queries
from app.cases import money, sanctions
from app.cases.balances import (
    HAND_IN_DAYS,
    PAYMENT_DAYS,
    CollectionStateWrong,
    PaymentWrong,
    balance,
    deadline_of,
    get_collection,
    refuse_ended,
)
from app.cases.collecting_models import (
    CaseCollection,
    CasePayment,
    PaymentRelief,
)
from app.cases.collecting_rules import CollectionState, ReliefKind
from app.cases.models import PenaltyCase
from app.cases.money import Part, PaymentMethod, SpotGround
from app.cases.rules import Procedure, yuan
from app.catalogue import service as catalogue
from app.catalogue.rules import DayKind
from app.days import local_date
from app.db import db, touch
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people

SPOT_MAX = "spot-collection-max-fen"


class NotServedYet(Conflict):
    code, title = "not-served-yet", "处罚决定尚未送达"


class NothingToCollect(Conflict):
    code, title = "nothing-to-collect", "没有应缴的款项"


class PaymentUnknown(NotFound):
    code, title = "payment-unknown", "未找到缴款记录"


class ReceiptTaken(Conflict):
    """The receipt is recorded already, and otherwise; extras: `payment_id`."""

    code, title = "receipt-taken", "票据号码已登记"


class SpotCollectionRefused(Invalid):
    """The fine may not be taken on the spot; extras: `article`."""

    code, title = "spot-collection-refused", "不得当场收缴罚款"


class ReliefWrong(Invalid):
    code, title = "relief-wrong", "延期或者分期有误"


class ReliefUnknown(NotFound):
    code, title = "relief-unknown", "未找到延期或者分期申请"


class SecondPersonNeeded(Forbidden):
    code, title = "second-person-needed", "应由另一人审批"


@dataclass(frozen=True)
class NewPayment:
    """Money that came in: for what, how, under which receipt, and who took it on the spot."""

    paid_on: date
    method: PaymentMethod
    receipt_no: str
    fine_fen: int = 0
    surcharge_fen: int = 0
    confiscated_fen: int = 0
    spot_ground: SpotGround | None = None
    by_request: bool = False
    officer_id: UUID | None = None


# --- what is due -------------------------------------------------------------------------------


def open_collection(case: PenaltyCase, *, by: Actor, at: datetime) -> CaseCollection:
    """Open what a served decision imposed in money; what stands is returned again.

    A decision on the spot is served when it is made. The term runs from the day after service
    (行政处罚法 第六十七条). Flushes: of two who open at once one finds the other's.

    Raises NotServedYet, NothingToCollect.
    """
    if known := queries.of_case(case.id):
        return known
    served_on = case.decided_on if case.procedure == Procedure.SIMPLE else case.served_on
    if served_on is None:
        raise NotServedYet("处罚决定书送达后才开始计算缴款期限。")
    fine, confiscated = sanctions.money_of(case.lines)
    if fine + confiscated == 0:
        raise NothingToCollect("这个决定没有罚款，也没有没收违法所得。")
    deadline = deadline_of(PAYMENT_DAYS, served_on, DayKind.NATURAL)
    collection = CaseCollection(
        agency_id=case.agency_id,
        district=case.district,
        case_id=case.id,
        state=CollectionState.OPEN,
        fine_fen=fine,
        confiscated_fen=confiscated,
        served_on=served_on,
        due_on=deadline.due_on,
        due_reason=deadline.reason,
        opened_at=at,
        opened_by_kind=by.kind,
        opened_by_id=by.id,
    )
    db.session.add(collection)
    data = {"case_id": str(case.id), "fine_fen": fine, "confiscated_fen": confiscated}
    journal.record(Event.COLLECTION_OPENED, collection, by=by, at=at, data=data)
    db.session.flush()
    return collection


# --- what comes in -----------------------------------------------------------------------------


def record_payment(
    collection_id: UUID, new: NewPayment, *, by: Actor, at: datetime
) -> CaseCollection:
    """Record money under its receipt; the same receipt with the same content counts once.

    Never more than is unpaid on the day of payment, each of fine, surcharge and confiscated gains
    by itself. With the last of it the money is settled. Officers take money themselves only where
    the law allows it (第六十八条、第六十九条) and hand it in within `spot-hand-in-days`.

    Raises CollectionUnknown, CollectionStateWrong, ReceiptTaken, PaymentWrong,
    SpotCollectionRefused.
    """
    collection = get_collection(collection_id, by.agency_id)
    if known := next((p for p in collection.payments if p.receipt_no == new.receipt_no), None):
        _refuse_other_receipt(known, new)
        return collection
    refuse_ended(collection)
    _refuse_amounts(collection, new, at)
    spot = new.method == PaymentMethod.ON_THE_SPOT
    if spot:
        _refuse_spot(collection, new)
    hand_in = deadline_of(HAND_IN_DAYS, new.paid_on, DayKind.WORKING).due_on if spot else None
    payment = CasePayment(
        paid_on=new.paid_on,
        fine_fen=new.fine_fen,
        surcharge_fen=new.surcharge_fen,
        confiscated_fen=new.confiscated_fen,
        method=new.method,
        receipt_no=new.receipt_no,
        spot_ground=new.spot_ground if spot else None,
        officer_id=new.officer_id if spot else None,
        hand_in_due_on=hand_in,
        recorded_at=at,
        recorded_by_kind=by.kind,
        recorded_by_id=by.id,
    )
    collection.payments.append(payment)
    touch(collection)
    if balance(collection, local_date(at)).settled:
        collection.state = CollectionState.SETTLED
        collection.concluded_on = max(one.paid_on for one in collection.payments)
    data = {
        "fine_fen": new.fine_fen,
        "surcharge_fen": new.surcharge_fen,
        "confiscated_fen": new.confiscated_fen,
        "method": str(new.method),
        "state": str(collection.state),
    }
    journal.record(Event.COLLECTION_PAID, collection, by=by, at=at, data=data)
    db.session.flush()  # another request may have recorded the same receipt
    return collection


def _refuse_other_receipt(known: CasePayment, new: NewPayment) -> None:
    same = (known.paid_on, known.fine_fen, known.surcharge_fen, known.confiscated_fen)
    if same != (new.paid_on, new.fine_fen, new.surcharge_fen, new.confiscated_fen):
        raise ReceiptTaken("这张票据已经登记，但日期或者金额不同，请核对。", payment_id=known.id)


def _refuse_amounts(collection: CaseCollection, new: NewPayment, at: datetime) -> None:
    if not collection.served_on <= new.paid_on <= local_date(at):
        raise PaymentWrong("缴款日期应在送达之后、今天之前。", served_on=collection.served_on)
    left = balance(collection, new.paid_on)
    later = balance(collection, local_date(at))
    asked = {
        "fine_fen": (new.fine_fen, later.fine_fen),
        "confiscated_fen": (new.confiscated_fen, later.confiscated_fen),
        "surcharge_fen": (new.surcharge_fen, left.surcharge_unpaid_fen),
    }
    if not any(given for given, _ in asked.values()):
        raise PaymentWrong("请填写缴款金额。")
    if any(given > max(most, 0) for given, most in asked.values()):
        raise PaymentWrong(
            "缴款金额超过当日应缴的金额。", **{name: most for name, (_, most) in asked.items()}
        )


def _refuse_spot(collection: CaseCollection, new: NewPayment) -> None:
    most = catalogue.get_row("setting", SPOT_MAX, collection.served_on)
    if new.officer_id is None or new.spot_ground is None:
        raise PaymentWrong("当场收缴应写明收缴的执法人员和理由。")
    people.get_officer(new.officer_id, collection.agency_id)
    allowed = money.spot_ground_holds(
        collection.fine_fen,
        new.spot_ground,
        max_fen=int(most.body["value"]),
        simple=_case_of(collection).procedure == Procedure.SIMPLE,
        by_request=new.by_request,
    )
    if not allowed:
        raise SpotCollectionRefused(
            f"罚款 {yuan(collection.fine_fen)} 元不符合当场收缴的条件"
            f"（{most.source}、第六十九条）。",
            article=most.source,
        )


def _case_of(collection: CaseCollection) -> PenaltyCase:
    return db.session.get_one(PenaltyCase, collection.case_id)


def hand_in(
    collection_id: UUID,
    payment_id: UUID,
    handed_in_on: date,
    banked_on: date | None,
    *,
    by: Actor,
    at: datetime,
) -> CaseCollection:
    """Say when money taken on the spot reached the agency, and the bank (第七十一条).

    Raises CollectionUnknown, PaymentUnknown, PaymentWrong.
    """
    collection = get_collection(collection_id, by.agency_id)
    payment = next((one for one in collection.payments if one.id == payment_id), None)
    if payment is None or payment.method != PaymentMethod.ON_THE_SPOT:
        raise PaymentUnknown("没有这笔当场收缴的缴款。")
    days = [payment.paid_on, handed_in_on, banked_on or handed_in_on, local_date(at)]
    if days != sorted(days):
        raise PaymentWrong("收缴、交至机关、存入银行的日期应依次，且不晚于今天。")
    payment.handed_in_on, payment.banked_on = handed_in_on, banked_on
    touch(collection)
    data = {"payment_id": str(payment.id), "handed_in_on": handed_in_on.isoformat()}
    journal.record(Event.COLLECTION_HANDED_IN, collection, by=by, at=at, data=data)
    return collection


# --- delay and instalments ---------------------------------------------------------------------


def ask_relief(
    collection_id: UUID,
    kind: ReliefKind,
    parts: Collection[Part],
    reason: str,
    applied_on: date,
    *,
    by: Actor,
    at: datetime,
) -> CaseCollection:
    """Take up an application for delay or instalments (第六十六条): parts of what is unpaid.

    Raises CollectionUnknown, CollectionStateWrong, ReliefWrong.
    """
    collection = get_collection(collection_id, by.agency_id)
    refuse_ended(collection)
    if any(one.approved is None for one in collection.reliefs):
        raise CollectionStateWrong("已有一份申请等待审批。", state=collection.state)
    unpaid = balance(collection, local_date(at)).fine_fen
    problems = money.instalment_problems(list(parts), unpaid, applied_on)
    one_part = (len(parts) == 1) == (kind == ReliefKind.DELAY)
    in_time = collection.served_on <= applied_on <= local_date(at)
    if problems or not one_part or not in_time:
        said = [one.detail for one in problems]
        said += [] if one_part else ["延期为一次缴清，分期为两期以上。"]
        said += [] if in_time else ["申请日期应在送达之后、今天之前。"]
        raise ReliefWrong("".join(said), unpaid_fen=unpaid)
    relief = PaymentRelief(
        kind=kind,
        applied_on=applied_on,
        reason=reason,
        parts=[
            {"due_on": part.due_on.isoformat(), "amount_fen": part.amount_fen} for part in parts
        ],
        asked_at=at,
        asked_by_kind=by.kind,
        asked_by_id=by.id,
    )
    collection.reliefs.append(relief)
    touch(collection)
    data = {"kind": str(kind), "parts": len(parts)}
    journal.record(Event.COLLECTION_RELIEF_ASKED, collection, by=by, at=at, data=data)
    return collection


def decide_relief(
    collection_id: UUID, relief_id: UUID, answer: str, *, approved: bool, by: Actor, at: datetime
) -> CaseCollection:
    """Approve or refuse an application; another person than who took it up.

    What was granted holds from the day of the application on: lateness before stays. Raises
    CollectionUnknown, ReliefUnknown, CollectionStateWrong, SecondPersonNeeded, ReliefWrong where
    money came in meanwhile and the parts no longer add up.
    """
    collection = get_collection(collection_id, by.agency_id)
    relief = next((one for one in collection.reliefs if one.id == relief_id), None)
    if relief is None:
        raise ReliefUnknown("没有这份申请。")
    refuse_ended(collection)
    if relief.approved is not None:
        raise CollectionStateWrong("这份申请已经审批。", state=collection.state)
    if relief.asked_by_id == by.id:
        raise SecondPersonNeeded("经办人不能审批自己提交的申请。")
    unpaid = balance(collection, local_date(at)).fine_fen
    if approved and unpaid != sum(part.amount_fen for part in relief.dated_parts):
        raise ReliefWrong("申请之后又有缴款，各期金额应重新申请。", unpaid_fen=unpaid)
    relief.approved, relief.answer = approved, answer
    relief.decided_at, relief.decided_by_kind, relief.decided_by_id = at, by.kind, by.id
    touch(collection)
    data = {"relief_id": str(relief.id), "approved": approved}
    journal.record(Event.COLLECTION_RELIEF_DECIDED, collection, by=by, at=at, data=data)
    return collection
