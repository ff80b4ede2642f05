"""A visit begins: what a tablet says of the door goes to the verb that judges and marks it."""

from uuid import UUID

from app import entry
from app.codes import at_door
from app.visits import rules as visit_rules
from app.visits import service as visits
from app.visits.door import Arrival
from app.visits.marks import Shown
from sync.inbox.doing import Doing, Effect, applied
from sync.inbox.rules import Outcome
from sync.operations import Operation

SAID_AT_DOOR = ("certificate_shown", "recusal_asked", "recusal_requested", "cap_reason")


def start_visit(doing: Doing) -> Effect:
    """Begin a visit; whatever is wrong with its code is marked, nothing is refused for it."""
    fields = doing.fields
    shown = Shown(fields.get("code_shown", Shown.NOT_SAID))
    started = at_door.start_visit(
        doing.entity_id,
        visits.Start(
            task_id=None if fields["task_id"] is None else UUID(fields["task_id"]),
            unit_id=doing.id_of("unit_id"),
            checklist_code=fields.get("checklist_code"),
            form_version=fields.get("form_version"),
            fix=doing.operation.fix,
            code_mark=_mark(fields.get("code_mark")),
            reason=fields.get("reason"),
            code_request_id=_id_or_none(fields.get("code_request_id")),
            officer_ids=tuple(UUID(one) for one in fields.get("officer_ids", ())),
            clock_suspect=doing.clock_suspect,
            arrival=Arrival(shown, **{name: fields.get(name) for name in SAID_AT_DOOR}),
        ),
        at_door.Said(shown, fields.get("code_text"), fields.get("unit_code_text")),
        at_door.Author(
            doing.officer_id,
            doing.operation.device_id,
            doing.operation.recorded_at,
            admitted=doing.admitted,
            confirmed_by=_confirmed_by(doing.operation),
        ),
        verify=at_door.verifier(entry.keys().receipt_key.public_key()),
        by=doing.by,
        at=doing.at,
    )
    return applied(started.visit, Outcome.MERGED if started.merged else Outcome.APPLIED)


def _confirmed_by(operation: Operation) -> UUID | None:
    said = operation.confirmation
    return None if said is None else UUID(said["officer_id"])


def _mark(code: str | None) -> visit_rules.CodeMark | None:
    return None if code is None else visit_rules.CodeMark(code)


def _id_or_none(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
