"""Forms: how what a tablet of an earlier build wrote reads today.

`form_version` of an operation says in which version of its type's fields it was written. Every type
has one history: the oldest version that is still read, and a pure step from each version to the
next. What is checked, carried out and shown are the fields of today; what was signed stays as it
is. The steps are kept as long as tablets, stored batches or rescue files may hold such operations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app import canonical
from sync.inbox.rules import OperationType
from sync.operations import Operation

MIGRATED: Final = "form-migrated"  # the reason in a receipt: done, and read otherwise than signed


@dataclass(frozen=True, slots=True)
class Content:
    """What an operation says, and what its tablet had seen of it before."""

    fields: Mapping[str, Any]
    base: Mapping[str, Any]


Step = Callable[[Content], Content]


@dataclass(frozen=True, slots=True)
class History:
    """The versions of one type's fields: the oldest that is read, and the steps up to today's.

    `steps[0]` leads from `oldest` to the version after it. Where a version is given up, its step
    goes and `oldest` rises; its operations are then kept raw.
    """

    oldest: int = 1
    steps: tuple[Step, ...] = ()

    @property
    def current(self) -> int:
        """The version that tablets of today write, and that the shapes describe."""
        return self.oldest + len(self.steps)

    def knows(self, version: int) -> bool:
        """Tell whether operations of a version can be read."""
        return self.oldest <= version <= self.current

    def read(self, content: Content, version: int) -> Content:
        """Return what was written in a known version as it reads today."""
        for step in self.steps[version - self.oldest :]:
            content = step(content)
        return content


# --- the steps ---------------------------------------------------------------------------------


def _start_says_its_checklist(old: Content) -> Content:
    """2: the checklist's version stands in `fields`; before, it could be left out and was 1."""
    if old.fields.get("checklist_code") is None or "form_version" in old.fields:
        return old
    return replace(old, fields={**old.fields, "form_version": 1})


def _start_can_say_its_code(old: Content) -> Content:
    """3: `code_shown` and what goes with it; who does not say it reads as `not-said`."""
    return old


def _start_can_say_why_again(old: Content) -> Content:
    """4: `cap_reason`, why somebody goes in beyond a cap; before, nobody was asked."""
    return old


def _refusal_says_who(old: Content) -> Content:
    """2: `role` says who refused; before, it could be left out and was the party 当事人."""
    return replace(old, fields={"role": "party", **old.fields})


HISTORIES: Final[dict[str, History]] = {
    **dict.fromkeys(OperationType, History()),
    OperationType.VISIT_START: History(
        steps=(_start_says_its_checklist, _start_can_say_its_code, _start_can_say_why_again)
    ),
    OperationType.DOCUMENT_REFUSE_SIGNATURE: History(steps=(_refusal_says_who,)),
    OperationType.OPINION_ISSUE: History(oldest=2),  # 1 had no number: nothing can be issued by it
}


# --- operations --------------------------------------------------------------------------------


_FIRST: Final = History()


def history_of(type_: str) -> History:
    """Return the history of a type; an unknown one has known nothing but the first version."""
    return HISTORIES.get(type_, _FIRST)


def as_today(operation: Operation) -> Operation:
    """Return an operation with the fields and base that it has today; its signed text stays.

    One whose version is not known stays as it is, as does one that a step cannot read: what it says
    then fails today's check and is kept like any other.
    """
    history, version = history_of(operation.type), operation.form_version
    if version == history.current or not history.knows(version):
        return operation
    try:
        content = history.read(Content(operation.fields, operation.base), version)
    except (AttributeError, LookupError, TypeError, ValueError):
        return operation
    return operation._replace(fields=content.fields, base=content.base)


def reads_otherwise(operation: Operation) -> bool:
    """Tell whether an operation has other fields today than were signed."""
    if operation.form_version == history_of(operation.type).current:
        return False
    signed = canonical.loads(operation.text)
    return (signed["fields"], signed["base"]) != (operation.fields, operation.base)
