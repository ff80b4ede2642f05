"""What a tablet is told of an entity: its row and the children that its version guards.

Others are named by id. A body is canonical JSON, so that tablets in any language hash it alike; id
and version stand beside it in the feed's row. It never depends on who reads it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app import canonical, entry
from app.caps.models import UnitLedger
from app.cases.models import PenaltyCase
from app.catalogue.models import CatalogueRow
from app.codes import service as codes
from app.codes.models import VisitCode
from app.db import Base
from app.documents.models import Document, NumberBlock
from app.evidence.models import Evidence
from app.people.models import Officer
from app.tasks.models import Task
from app.units.models import Unit
from app.visits.models import CorrectiveOrder, Finding, Sample, Visit, VisitAnswer
from sync.devices.models import DeviceNotice, OfficerPin
from sync.feed.rules import CATALOGUE_TYPES, Key, id_in, key_of

_AT_ONCE = 500
SUBJECTS = ("task", "visit", "visit_answer", "finding", "document")  # of evidence
_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "task": (
        "agency_id",
        "task_no",
        "unit_id",
        "specialty",
        "object_class",
        "origin",
        "origin_reference",
        "level",
        "checklist_code",
        "due_on",
        "planned_on",
        "joint_visit_id",
        "state",
        "awaiting_results",
        "round",
        "late_waiting",
        "visit_id",
        "lead_officer_id",
        "outcome",
        "return_reason",
        "closing_reason",
    ),
    "unit": (
        "agency_id",
        "archive_no",
        "name",
        "sign_name",
        "uscc",
        "legal_representative",
        "phone",
        "address",
        "street_code",
        "grid_cell",
        "lat_e7",
        "lon_e7",
        "datum",
        "risk_class",
        "credit_class",
        "state",
        "opened_on",
        "note",
    ),
    "visit": (
        "agency_id",
        "task_id",
        "unit_id",
        "kind",
        "state",
        "reason",
        "checklist_code",
        "form_version",
        "code_mark",
        "clock_suspect",
        "interrupted_reason",
        "interrupted_at",
        "started_recorded_at",
        "started_at",
        "finished_at",
        "signed_at",
        "outcome",
        "summary",
    ),
    "visit_answer": (
        "visit_id",
        "item_id",
        "item_code",
        "result",
        "note",
        "officer_id",
        "recorded_at",
    ),
    "finding": (
        "visit_id",
        "item_id",
        "text",
        "basis",
        "handling",
        "correct_within_days",
        "officer_id",
        "recorded_at",
    ),
    "sample": (
        "visit_id",
        "item_id",
        "document_id",
        "number",
        "name",
        "lot",
        "amount",
        "method",
        "place",
        "taken_at",
        "state",
        "result",
        "result_note",
        "report_no",
        "reported_on",
        "officer_id",
        "recorded_at",
    ),
    "corrective_order": (
        "agency_id",
        "visit_id",
        "task_id",
        "unit_id",
        "document_id",
        "number",
        "state",
        "issued_on",
        "correct_within_days",
        "due_on",
        "due_reason",
        "recheck_task_id",
        "note",
        "officer_id",
        "recorded_at",
    ),
    "penalty_case": (
        "agency_id",
        "unit_id",
        "visit_id",
        "finding_id",
        "document_id",
        "number",
        "state",
        "cause_code",
        "cause_from",
        "cause_name",
        "basis_law",
        "basis_article",
        "party_kind",
        "party_name",
        "act",
        "place",
        "warning",
        "fine_fen",
        "acted_on",
        "decided_on",
        "officer_ids",
        "recorded_at",
    ),
    "officer": (
        "agency_id",
        "name",
        "certificate_no",
        "certificate_valid_until",
        "team",
        "specialties",
        "lead_specialties",
        "state",
    ),
    "officer_pin": ("officer_id", "salt", "iterations", "verifier"),
    "device_notice": (
        "device_id",
        "op_id",
        "op_type",
        "entity_id",
        "officer_id",
        "kind",
        "reason",
        "decision",
        "decision_reason",
        "decided_at",
    ),
    "number_block": (
        "kind",
        "series",
        "year",
        "officer_id",
        "first",
        "last",
        "number_form",
        "serial_digits",
    ),
    "unit_ledger": ("unit_id", "counted_until", "from_on", "entries", "exceptions"),
    "visit_code": (
        "agency_id",
        "unit_id",
        "kind",
        "state",
        "short",
        "reason",
        "valid_from",
        "valid_until",
        "beyond_caps",
        "afterwards",
        "requested_at",
        "revoked_at",
        "revoked_reason",
    ),
    "evidence": ("agency_id", "sha256", "mime", "size_bytes", "role", "state", "thumbnail"),
    "document": (
        "kind",
        "number",
        "series",
        "serial",
        "unit_id",
        "visit_id",
        "task_id",
        "fields",
        "officer_id",
        "officer_ids",
        "content_hash",
        "state",
        "issued_recorded_at",
        "issued_at",
        "signed_at",
    ),
}
_MODELS: Mapping[str, type[Base]] = {
    "task": Task,
    "unit": Unit,
    "visit": Visit,
    "visit_answer": VisitAnswer,
    "finding": Finding,
    "sample": Sample,
    "corrective_order": CorrectiveOrder,
    "penalty_case": PenaltyCase,
    "officer": Officer,
    "officer_pin": OfficerPin,
    "device_notice": DeviceNotice,
    "number_block": NumberBlock,
    "visit_code": VisitCode,
    "unit_ledger": UnitLedger,
    "document": Document,
    "evidence": Evidence,
    **dict.fromkeys(CATALOGUE_TYPES, CatalogueRow),
}


# read together with their children, all that changed at once
WHOLE: Mapping[str, Any] = {"evidence": joinedload(Evidence.links)}


def _task(task: Task) -> dict[str, Any]:
    return {"officer_ids": _plain(task.officer_ids())}


def _unit(unit: Unit) -> dict[str, Any]:
    return {
        "registrations": _rows(unit.registrations, "specialty", "object_class"),
        "licences": _rows(
            unit.licences,
            "kind",
            "number",
            "object_class",
            "valid_from",
            "valid_until",
            "commitment",
        ),
    }


def _visit(visit: Visit) -> dict[str, Any]:
    return {
        "attendance": _rows(visit.attendance, "officer_id", "device_id", "recorded_at"),
        "arrivals": _rows(
            visit.arrivals,
            "officer_id",
            "presence",
            "code_id",
            "code_shown",
            "certificate_shown",
            "recusal_asked",
            "recusal_requested",
            "cap_reason",
        ),
        "marks": _rows(visit.marks, "mark", "officer_id"),
        "signatures": _rows(visit.signatures, "role", "officer_id", "method", "recorded_at"),
    }


def _code(code: VisitCode) -> dict[str, Any]:
    """Say what the picture holds as well: a tablet shows it and reads it without a network."""
    return {
        "text": codes.text_of(code, entry.keys().receipt_key),
        "tasks": _rows(code.tasks, "task_id", "visit_id"),
        "officer_ids": _plain(sorted(one.officer_id for one in code.officers)),
    }


def _order(order: CorrectiveOrder) -> dict[str, Any]:
    items = [
        {"finding_id": _plain(one.finding_id), "text": one.text, "basis": one.basis}
        for one in sorted(order.items, key=lambda one: one.place)
    ]
    return {"items": items}


def _document(document: Document) -> dict[str, Any]:
    return {"signatures": _rows(document.signatures, "role", "officer_id", "method", "recorded_at")}


def _evidence(evidence: Evidence) -> dict[str, Any]:
    """Say what it is evidence of; what waits for a supervisor's decision is not shown."""
    links = [
        {
            **{name: _plain(getattr(one, name)) for name in ("subject_type", "subject_id", "role")},
            "recorded_at": _plain(one.claimed_at),
            "attached_at": _plain(one.attached_at),
            "retracted": one.retracted_at is not None,
        }
        for one in evidence.links
        if one.subject_type in SUBJECTS
    ]
    return {"links": sorted(links, key=lambda one: [str(value) for value in one.values()])}


_CHILDREN: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "task": _task,
    "unit": _unit,
    "visit": _visit,
    "visit_code": _code,
    "corrective_order": _order,
    "document": _document,
    "evidence": _evidence,
}


def _rows(rows: Iterable[Any], *names: str) -> list[dict[str, Any]]:
    """Return rows as plain values, in an order that does not hang on the database."""
    found = [{name: _plain(getattr(row, name)) for name in names} for row in rows]
    return sorted(found, key=lambda row: [str(value) for value in row.values()])


_WRITTEN = frozenset({str, int, UUID, type(None)})  # as they are


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return canonical.instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def render(entity_type: str, entity: Any) -> str:
    """Return the body of an entity as canonical JSON. Raises NotCanonical for a value beyond it."""
    if entity_type in CATALOGUE_TYPES:
        return canonical.dumps(_catalogue(entity))
    found = {
        name: value if type(value) in _WRITTEN else _plain(value)
        for name, value in ((name, getattr(entity, name)) for name in _COLUMNS[entity_type])
    }
    if entity_type in _CHILDREN:
        found.update(_CHILDREN[entity_type](entity))
    return canonical.dumps_with_ids(found)


def _catalogue(row: CatalogueRow) -> dict[str, Any]:
    """Return a dated row with the members of its kind; a tablet picks the one of its day."""
    return {
        **cast(dict[str, Any], _writable(row.body)),
        "code": row.code,
        "effective_from": row.effective_from.isoformat(),
        "effective_to": None if row.effective_to is None else row.effective_to.isoformat(),
        "source": row.source,
    }


def _writable(value: Any) -> Any:
    """Return a value that canonical JSON can write.

    Agencies write catalogue rows: an object with other keys (grades "A", "B") becomes a list of
    pairs, a fraction its text. One row must not keep everybody's transactions from closing.
    """
    if isinstance(value, Mapping):
        if all(_KEY.match(key) for key in value):
            return {key: _writable(inner) for key, inner in value.items()}
        return [{"key": key, "value": _writable(inner)} for key, inner in sorted(value.items())]
    if isinstance(value, list):
        return [_writable(one) for one in value]
    return str(value) if isinstance(value, float) else value


def load(session: Session, keys: Iterable[Key]) -> dict[Key, str]:
    """Read entities anew and return their bodies; what does not exist is left out.

    What the session holds may be older than the lock; it has no change left to lose, for the
    closing step has flushed.
    """
    by_type: dict[str, list[str]] = {}
    for entity_type, entity_key in keys:
        by_type.setdefault(entity_type, []).append(id_in(entity_key))
    found: dict[Key, str] = {}
    for entity_type, ids in by_type.items():
        model = cast(Any, _MODELS[entity_type])
        for start in range(0, len(ids), _AT_ONCE):
            part = [UUID(one) for one in ids[start : start + _AT_ONCE]]
            query = sa.select(model).where(model.id.in_(part))
            if entity_type in WHOLE:
                query = query.options(WHOLE[entity_type])
            rows = session.scalars(query.execution_options(populate_existing=True))
            for entity in rows.unique():
                found[key_of(entity_type, entity)] = render(entity_type, entity)
    return found
