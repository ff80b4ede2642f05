"""What each tablet must see in the end, by the pure model: what its officers carry."""

from collections.abc import Iterable
from typing import Any

from tests.sync.model.model import Model
from tests.sync.model.state import Device, Visit

ON_TABLET = (*("assigned", "accepted", "in-progress", "submitted", "returned", "closing-proposed"),)
Shown = dict[str, dict[str, Any]]


def view_of(model: Model, device: Device) -> dict[str, Shown]:
    """Return type -> id -> what a tablet shows, of tasks, visits, answers, findings, units …"""
    officers = {one.officer for one in device.sittings.values()} - model.suspended
    found: dict[str, Shown] = {
        name: {}
        for name in ("task", "visit", "visit_answer", "finding", "unit", "officer", "device_notice")
    }
    for officer in officers:
        _add_officer(model, officer, found)
    for task in model.tasks.values():
        if task.state not in {"completed", "closed"}:
            found["unit"][task.unit] = dict(model.units[task.unit])
    for op in device.order:
        if op.item is not None and op.item.decisions:
            found["device_notice"][op.id] = {"decision": op.item.decision}
    return found


def _add_officer(model: Model, officer: str, found: dict[str, Shown]) -> None:
    carried = [
        task for task in model.tasks.values() if task.state in ON_TABLET and officer in task.team
    ]
    on_the_way = [
        visit
        for visit in model.visits.values()
        if visit.task is None and visit.state != "signed" and officer in visit.attendance
    ]
    found["officer"].update({one: {} for task in carried for one in task.team} | {officer: {}})
    for task in carried:
        found["task"][task.id] = {
            "state": task.state,
            "round": task.round,
            "visit_id": task.visit,
            "unit_id": task.unit,
            "lead_officer_id": task.lead,
            "officer_ids": sorted(task.team),
            "outcome": task.outcome,
        }
    current = [model.visits[task.visit] for task in carried if task.visit in model.visits]
    units = {task.unit for task in carried} | {visit.unit for visit in on_the_way}
    for visit in [*current, *on_the_way]:
        _add_visit(visit, found, answers=True)
    for unit in units:
        found["unit"][unit] = dict(model.units[unit])
        for visit in _history(model.visits.values(), unit):
            _add_visit(visit, found, answers=False)


def _history(visits: Iterable[Visit], unit: str) -> list[Visit]:
    """The newest three signed visits of a unit."""
    signed = [visit for visit in visits if visit.unit == unit and visit.signed_at is not None]
    return sorted(signed, key=lambda one: (one.signed_at, one.id), reverse=True)[:3]


def _add_visit(visit: Visit, found: dict[str, Shown], *, answers: bool) -> None:
    found["visit"][visit.id] = {
        "task_id": visit.task,
        "unit_id": visit.unit,
        "state": visit.state,
        "outcome": visit.outcome,
        "summary": visit.summary,
        "interrupted_reason": visit.interrupted,
        "clock_suspect": visit.suspect,
        "attendance": sorted(visit.attendance),
        "signatures": sorted(visit.signatures),
    }
    rows = {"finding": visit.findings, **({"visit_answer": visit.answers} if answers else {})}
    for kind, held in rows.items():
        for row in held.values():
            found[kind][row.id] = {
                **row.values,
                "officer_id": row.officer,
                "version": row.version,
                "visit_id": visit.id,
            }
