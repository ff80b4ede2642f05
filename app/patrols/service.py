"""Verbs of assistants 协管: register them, record a patrol, issue an opinion, hand a hint over.

Assistants have no power of enforcement: a patrol is no inspection, it finds no violation in the
sense of the law and orders nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor, Role
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, set_changed
from app.documents import desk
from app.documents.rules import DocumentKind
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.numbering.queries import take_number
from app.numbering.rules import Register
from app.patrols import queries, rules
from app.patrols.models import (
    Assistant,
    AssistantOpinion,
    Patrol,
    PatrolAssistant,
    PatrolHint,
    PatrolUnit,
)
from app.patrols.rules import AssistantState, Coverage, HintState
from app.people import accounts
from app.people import service as people
from app.people.models import Agency
from app.tasks import service as tasks
from app.tasks.rules import NewTask
from app.units import service as units

ORIGIN = "assistant-hint"
ROUNDS = "patrol-rounds-per-year"


class AssistantUnknown(NotFound):
    code, title = "assistant-unknown", "未找到协管员"


class AssistantInvalid(Invalid):
    code, title = "assistant-invalid", "协管员资料有误"


class PatrolUnknown(NotFound):
    code, title = "patrol-unknown", "未找到巡查记录"


class PatrolInvalid(Invalid):
    code, title = "patrol-invalid", "巡查记录有误"


class HintUnknown(NotFound):
    code, title = "hint-unknown", "未找到协管线索"


class HintDecided(Conflict):
    code, title = "hint-decided", "协管线索已处理"


@dataclass(frozen=True)
class NewAssistant:
    """An assistant of a service unit, with the grid cells that they patrol."""

    name: str
    service_unit: str
    grid_cells: tuple[str, ...]
    account_id: UUID | None = None


@dataclass(frozen=True)
class SeenUnit:
    """A unit that was seen on a patrol, whether something was wrong, and what."""

    unit_id: UUID
    problem: bool = False
    remark: str | None = None


@dataclass(frozen=True)
class NewPatrol:
    """A patrol of a grid cell: by whom, what was seen, and which officer guides them."""

    grid_cell: str
    officer_id: UUID
    assistant_ids: tuple[UUID, ...]
    units: tuple[SeenUnit, ...]
    on_day: date | None = None
    note: str | None = None


@dataclass(frozen=True)
class Check:
    """What officers are to check after a hint."""

    specialty: str
    object_class: str | None = None
    checklist_code: str | None = None


# --- assistants --------------------------------------------------------------------------------


def get_assistant(assistant_id: UUID, agency_id: UUID | None) -> Assistant:
    """Return an assistant of the agency. Raises AssistantUnknown, also for another agency's."""
    found = db.session.get(Assistant, assistant_id)
    if found is None or found.agency_id != agency_id:
        raise AssistantUnknown("没有这名协管员，或不属于本机构。")
    return found


def register_assistant(new: NewAssistant, *, agency: Agency, by: Actor, at: datetime) -> Assistant:
    """Register an assistant; an account of theirs has the role `assistant` and no officer.

    Raises AssistantInvalid and AccountNotFound. Flushes.
    """
    if new.account_id is not None:
        account = accounts.get_account(new.account_id, agency.id)
        if Role.ASSISTANT not in account.roles or account.officer_id is not None:
            raise AssistantInvalid("协管员的账号应只有协管员角色，不能对应执法人员。")
    row = Assistant(
        agency_id=agency.id,
        district=agency.district,
        name=new.name,
        service_unit=new.service_unit,
        grid_cells=sorted(set(new.grid_cells)),
        account_id=new.account_id,
        state=AssistantState.ACTIVE,
        registered_at=at,
        registered_by_kind=by.kind,
        registered_by_id=by.id,
    )
    db.session.add(row)
    db.session.flush()
    data = {"cells": len(row.grid_cells)}
    journal.record(Event.ASSISTANT_REGISTERED, row, by=by, at=at, data=data)
    return row


def change_assistant(
    assistant_id: UUID, changes: Mapping[str, Any], *, by: Actor, at: datetime
) -> Assistant:
    """Change cells, service unit or state of an assistant; nothing differs, nothing happens."""
    row = get_assistant(assistant_id, by.agency_id)
    wanted = dict(changes)
    if "grid_cells" in wanted:
        wanted["grid_cells"] = sorted(set(wanted["grid_cells"]))
    if changed := set_changed(row, wanted):
        journal.record(Event.ASSISTANT_CHANGED, row, by=by, at=at, data={"fields": changed})
    return row


# --- patrols -----------------------------------------------------------------------------------


def get_patrol(patrol_id: UUID, agency_id: UUID | None) -> Patrol:
    """Return a patrol of the agency. Raises PatrolUnknown, also for another agency's."""
    found = db.session.get(Patrol, patrol_id)
    if found is None or found.agency_id != agency_id:
        raise PatrolUnknown("没有这次巡查，或它不属于本机构。")
    return found


def record_patrol(new: NewPatrol, *, agency: Agency, by: Actor, at: datetime) -> Patrol:
    """Record a patrol under the next number, with who went and what was seen.

    Everybody is active and of one service unit; every unit lies in the cell. Raises PatrolInvalid,
    AssistantUnknown, OfficerNotFound and UnitNotFound. Flushes.
    """
    today = local_date(at)
    on_day = new.on_day or today
    went = [get_assistant(one, agency.id) for one in sorted(set(new.assistant_ids))]
    _refuse_wrong(new, went, on_day, today)
    people.get_officer(new.officer_id, agency.id)
    patrol = Patrol(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        number=take_number(agency.id, Register.PATROL, on_day),
        on_day=on_day,
        grid_cell=new.grid_cell,
        service_unit=went[0].service_unit,
        officer_id=new.officer_id,
        note=new.note,
        recorded_at=at,
        recorded_by_kind=by.kind,
        recorded_by_id=by.id,
    )
    patrol.assistants = [PatrolAssistant(assistant_id=one.id) for one in went]
    for seen in new.units:
        unit = units.get_unit(seen.unit_id, agency.id)
        if unit.grid_cell != new.grid_cell:
            raise PatrolInvalid(f"“{unit.name}”不在网格“{new.grid_cell}”内。", unit_id=unit.id)
        patrol.units.append(PatrolUnit(unit_id=unit.id, problem=seen.problem, remark=seen.remark))
    db.session.add(patrol)
    db.session.flush()
    data = {
        "number": patrol.number,
        "assistants": len(went),
        "units": len(patrol.units),
        "problems": sum(one.problem for one in patrol.units),
    }
    journal.record(Event.PATROL_RECORDED, patrol, by=by, at=at, data=data)
    return patrol


def _refuse_wrong(new: NewPatrol, went: Collection[Assistant], on_day: date, today: date) -> None:
    if on_day > today:
        raise PatrolInvalid("巡查日期不能晚于今天。", on_day=on_day)
    if not went or not new.units:
        raise PatrolInvalid("请写明巡查的协管员和巡查的单位。")
    if len({one.unit_id for one in new.units}) != len(new.units):
        raise PatrolInvalid("同一单位在一次巡查中只登记一次。")
    if len({one.service_unit for one in went}) > 1:
        raise PatrolInvalid("一次巡查的协管员应属于同一协管服务单位。")
    wrong = [
        one.name
        for one in went
        if one.state != AssistantState.ACTIVE or new.grid_cell not in one.grid_cells
    ]
    if wrong:
        raise PatrolInvalid(f"协管员{'、'.join(wrong)}不在岗，或者不负责该网格。")


def issue_opinion(
    patrol_id: UUID, unit_id: UUID, fields: Mapping[str, Any], *, by: Actor, at: datetime
) -> AssistantOpinion:
    """Issue a 卫生监督协管意见书 to a unit that was seen: its own template, its own numbers.

    The assistants of the patrol issue it; the officer who guides them is named on it. Raises
    PatrolUnknown, PatrolInvalid (the unit was not seen) and what keeps a document from being drawn
    up. Flushes.
    """
    patrol = get_patrol(patrol_id, by.agency_id)
    _refuse_unseen(patrol, unit_id)
    names = [get_assistant(one, patrol.agency_id).name for one in patrol.assistant_ids]
    document = desk.draw_up(
        DocumentKind.ASSISTANT_OPINION,
        {**fields, "assistants": "、".join(names)},
        unit_id=unit_id,
        officer_ids=[patrol.officer_id],
        by=by,
        at=at,
    )
    row = AssistantOpinion(
        agency_id=patrol.agency_id,
        district=patrol.district,
        patrol_id=patrol.id,
        unit_id=unit_id,
        document_id=document.id,
        number=document.number,
        issued_on=local_date(at),
        issued_at=at,
        issued_by_kind=by.kind,
        issued_by_id=by.id,
    )
    db.session.add(row)
    db.session.flush()
    data = {
        "patrol_id": str(patrol.id),
        "unit_id": str(unit_id),
        "assistant_ids": [str(one) for one in patrol.assistant_ids],
    }
    journal.record(Event.ASSISTANT_OPINION_ISSUED, row, by=by, at=at, data=data)
    return row


def _refuse_unseen(patrol: Patrol, unit_id: UUID) -> None:
    if unit_id not in {one.unit_id for one in patrol.units}:
        raise PatrolInvalid("这次巡查没有登记该单位。", unit_id=unit_id)


# --- hints -------------------------------------------------------------------------------------


def get_hint(hint_id: UUID, agency_id: UUID | None) -> PatrolHint:
    """Return a hint of the agency. Raises HintUnknown, also for another agency's."""
    found = db.session.get(PatrolHint, hint_id)
    if found is None or found.agency_id != agency_id:
        raise HintUnknown("没有这条协管线索，或它不属于本机构。")
    return found


def hand_hint(patrol_id: UUID, unit_id: UUID, text: str, *, by: Actor, at: datetime) -> PatrolHint:
    """Hand a hint over to the officers: what assistants may not judge, officers check.

    Raises PatrolUnknown and PatrolInvalid (the unit was not seen). Flushes.
    """
    patrol = get_patrol(patrol_id, by.agency_id)
    _refuse_unseen(patrol, unit_id)
    row = PatrolHint(
        agency_id=patrol.agency_id,
        district=patrol.district,
        patrol_id=patrol.id,
        unit_id=unit_id,
        text=text,
        state=HintState.WAITING,
        handed_at=at,
        handed_by_kind=by.kind,
        handed_by_id=by.id,
    )
    db.session.add(row)
    db.session.flush()
    data = {"patrol_id": str(patrol.id), "unit_id": str(unit_id)}
    journal.record(Event.PATROL_HINT_HANDED, row, by=by, at=at, data=data)
    return row


def take_hint(hint_id: UUID, check: Check, *, by: Actor, at: datetime) -> PatrolHint:
    """Make a task of a hint: its origin is 协管线索, its reference the patrol's number.

    Raises HintUnknown, HintDecided and what keeps a task from being created.
    """
    hint = _waiting(hint_id, by=by)
    patrol = get_patrol(hint.patrol_id, by.agency_id)
    task = tasks.create_task(
        NewTask(
            unit_id=hint.unit_id,
            specialty=check.specialty,
            object_class=check.object_class,
            origin=ORIGIN,
            origin_reference=patrol.number,
            checklist_code=check.checklist_code,
        ),
        agency=people.get_agency(hint.agency_id),
        by=by,
        at=at,
    )
    hint.task_id = task.id
    return _decide(hint, HintState.TAKEN, by=by, at=at, data={"task_id": str(task.id)})


def decline_hint(hint_id: UUID, reason: str, *, by: Actor, at: datetime) -> PatrolHint:
    """Decline a hint, with a reason. Raises HintUnknown and HintDecided."""
    hint = _waiting(hint_id, by=by)
    hint.reason = reason
    return _decide(hint, HintState.DECLINED, by=by, at=at, data={})


def _waiting(hint_id: UUID, *, by: Actor) -> PatrolHint:
    hint = get_hint(hint_id, by.agency_id)
    if hint.state != HintState.WAITING:
        raise HintDecided("这条协管线索已经处理，请刷新后再办理。", state=hint.state)
    return hint


def _decide(
    hint: PatrolHint, state: HintState, *, by: Actor, at: datetime, data: dict[str, Any]
) -> PatrolHint:
    hint.state, hint.decided_at = state, at
    hint.decided_by_kind, hint.decided_by_id = by.kind, by.id
    data = {"state": str(state), **data}
    journal.record(Event.PATROL_HINT_DECIDED, hint, by=by, at=at, data=data)
    return hint


def coverage_of(agency_id: UUID | None, year: int, *, at: datetime) -> list[Coverage]:
    """Return how far each service unit has come with its rounds of a year, by today's rule."""
    required = int(catalogue.setting(ROUNDS, local_date(at)))
    seen = queries.seen_in(agency_id, date(year, 1, 1), date(year, 12, 31))
    return rules.coverage(queries.units_by_service(agency_id), seen, required)
