"""Papers that officers hand over at a visit, under numbers from the tablet's own blocks.

Opinions, orders to correct, decisions on the spot and sampling records. An order and a decision
stand on a finding; both tablets of a pair know it by one id, and hand the party the same. Now and
then a form is spoiled: its number is never used, and stands as a gap in the books.
"""

from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4, uuid5

from sync.simulate.line import instant
from sync.simulate.tablet import Tablet

OPINIONS = 0.6  # share of the visits at which an opinion is issued
ORDERS_EVERY, DECISIONS_EVERY, SAMPLES_EVERY = 2, 3, 4  # of a tablet's visits: the first, …
SPOILED_EVERY = 5  # of the forms: 1, 6, 11 …
DAYS_TO_CORRECT = 15
_OPINION = {
    "problem": "现场检查发现卫生管理档案记录不完整。",
    "basis": "《公共场所卫生管理条例实施细则》",
    "advice": "请补齐记录并按规定保存，于期限内整改完毕。",
}
_DECISION = {
    "place": "经营场所内",
    "payment": "自收到本决定书之日起15日内缴至指定银行。",
    "remedies": "可在60日内申请行政复议，或在六个月内提起行政诉讼。",
    "organ": "区卫生健康委员会",
}
_CITIZEN = "王某"
_SAMPLE = {"sample": "公共用品用具表面涂抹样", "amount": "2份", "method": "GB/T 18204.4"}


def hand_over(tablet: Tablet, task: dict[str, Any], at: datetime, *, number: int) -> bool:
    """Hand over what the tablet's visit of this number leads to; tell whether that is an order."""
    ordered = _act_on_finding(tablet, task, at, number=number)
    if number % SAMPLES_EVERY == 0:
        said = {**_SAMPLE, "sampled_at": instant(at)}
        _issue(tablet, task, "sample.record", "sampling-record", said, at)
    if tablet.chance.random() < OPINIONS:
        until = (at + timedelta(days=DAYS_TO_CORRECT)).date()
        said = {**_OPINION, "deadline_on": until.isoformat()}
        _issue(tablet, task, "opinion.issue", "opinion", said, at)
    return ordered


def hand_over_too(tablet: Tablet, task: dict[str, Any], at: datetime, *, number: int) -> None:
    """Write the same order and decision as the colleague who leads the visit, on the own tablet.

    The finding goes before: whichever of the two tablets comes home first, its papers stand on it.
    """
    _act_on_finding(tablet, task, at, number=number)


def _act_on_finding(tablet: Tablet, task: dict[str, Any], at: datetime, *, number: int) -> bool:
    """State what is wrong at some visits, order it to be corrected, and punish it."""
    orders, decides = number % ORDERS_EVERY == 0, number % DECISIONS_EVERY == 0
    cause = _cause(tablet, task)
    if cause is None or not (orders or decides):
        return False
    visit_id = task["visit_id"]
    finding_id = str(uuid5(UUID(visit_id), "finding"))
    found = {"visit_id": visit_id, "text": cause["name"], "basis": _basis(cause)}
    tablet.operate("visit.state_finding", finding_id, found, at=at)
    if orders:
        said = _order(cause, finding_id)
        orders = _issue(tablet, task, "order.issue", "corrective-order", said, at)
    if decides:
        said = _decision(tablet, task, cause, finding_id, at)
        _issue(tablet, task, "decision.issue", "on-site-decision", said, at)
    return orders


def _cause(tablet: Tablet, task: dict[str, Any]) -> dict[str, Any] | None:
    """Return a cause 案由 that fits a task and can be punished on the spot: the pair agrees on it.

    With the party, and with the fine as high as both the cause and the simple procedure allow.
    """
    limits = tablet.in_force("simple_limit")
    offered = []
    for cause in tablet.in_force("case_cause").values():
        party = cause["parties"][0]
        fine = cause["fine"] or {"min_fen": 0, "max_fen": 0}
        amount_fen = min(fine["max_fen"], limits[party]["fine_max_fen"])
        fits = cause["specialty"] in {None, task["specialty"]}
        fits = fits and task.get("object_class") not in cause["not_for_object_classes"]
        sanctioned = amount_fen > 0 or cause["warning"] != "none"
        if fits and sanctioned and amount_fen >= fine["min_fen"]:
            offered.append({**cause, "party": party, "amount_fen": amount_fen})
    offered.sort(key=lambda one: str(one["code"]))
    return Random(task["visit_id"]).choice(offered) if offered else None


def _basis(cause: dict[str, Any]) -> str:
    return f"《{cause['basis']['law']}》{cause['basis']['article']}"


def _order(cause: dict[str, Any], finding_id: str) -> dict[str, Any]:
    return {
        "violation": cause["name"],
        "basis": _basis(cause),
        "demand": "立即停止违法行为，并于期限内改正。",
        "correct_within_days": DAYS_TO_CORRECT,
        "items": [{"text": cause["name"], "finding_id": finding_id}],
    }


def _decision(
    tablet: Tablet, task: dict[str, Any], cause: dict[str, Any], finding_id: str, at: datetime
) -> dict[str, Any]:
    unit = tablet.rows[("unit", task["unit_id"])]["body"]
    kinds = [
        *(["warning"] if cause["warning"] != "none" else []),
        *(["fine"] if cause["amount_fen"] else []),
    ]
    return {
        **_DECISION,
        "finding_id": finding_id,
        "cause_code": cause["code"],
        "party_kind": cause["party"],
        "party_name": unit["name"] if cause["party"] == "organisation" else _CITIZEN,
        "act": cause["name"],
        "basis": _basis(cause),
        "penalty_kind": "-and-".join(kinds),
        "amount_fen": cause["amount_fen"],
        "decided_at": instant(at),
        "officer_ids": task["officer_ids"],
    }


def _issue(
    tablet: Tablet,
    task: dict[str, Any],
    type_: str,
    form: str,
    said: dict[str, Any],
    at: datetime,
) -> bool:
    """Issue a paper at a visit under the next number; tell whether the tablet has one for it."""
    taken = tablet.take_number(form)
    if taken and taken[1] % SPOILED_EVERY == 1:
        taken = tablet.take_number(form)
    if taken is None:
        return False
    series, serial, number = taken
    document_id = str(uuid4())
    fields = {
        **said,
        "series": series,
        "serial": serial,
        "number": number,
        "unit_id": task["unit_id"],
        "visit_id": task["visit_id"],
    }
    op_id = tablet.operate(type_, document_id, fields, at=at)
    tablet.made.append(
        {
            "kind": "number",
            "device_id": tablet.device_id,
            "op_id": op_id,
            "document_id": document_id,
            "series": series,
            "serial": serial,
            "number": number,
        }
    )
    return True
