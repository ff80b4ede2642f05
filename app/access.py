"""Who may call what. Every view carries one of `@requires`, `@requires_device`, `@anyone`,
or, for the few that serve both, `@requires_device_or`.

The decorators read the caller before the view runs and keep a frozen `Actor`, no database object;
`check_every_view` refuses to start an application with a view that says nothing.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar, cast
from uuid import UUID

import flask

from app.db import stop_reading
from app.errors import Forbidden
from app.problems import NotSignedIn, Problem
from app.silence import PatientInput

V = TypeVar("V", bound=Callable[..., Any])


class Role(StrEnum):
    """What an account may do; one account can have several."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    LEGAL_REVIEWER = "legal-reviewer"
    CLERK = "clerk"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    PARTNER = "partner"
    ASSISTANT = "assistant"


class ActorKind(StrEnum):
    """Who acts: a signed-in person, a tablet, the timetable, or the public."""

    USER = "user"
    DEVICE = "device"
    TIMETABLE = "timetable"
    PUBLIC = "public"


@dataclass(frozen=True)
class Actor:
    """Who does something: kind and id go into the journal, the rest decides what they may do.

    `id` is the account's for a user, the device's for a device, None otherwise. `district` is the
    division code of the agency, and the journal stream of what they touch.
    """

    kind: ActorKind
    id: UUID | None = None
    agency_id: UUID | None = None
    district: str | None = None
    roles: frozenset[Role] = field(default_factory=frozenset)
    officer_id: UUID | None = None
    device_id: UUID | None = None

    def has(self, *roles: Role) -> bool:
        """Tell whether the actor has any of `roles`."""
        return bool(self.roles.intersection(roles))


TIMETABLE = Actor(ActorKind.TIMETABLE)
PUBLIC = Actor(ActorKind.PUBLIC)


class RoleMissing(Forbidden):
    code, title = "role-missing", "无权操作"


Loader = Callable[[], Actor]
_EXEMPT = frozenset({"static"})


def set_loader(flask_app: flask.Flask, kind: ActorKind, loader: Loader) -> None:
    """Hand over the function that reads the caller of the present request.

    A loader raises NotSignedIn (or another problem) when there is nobody it knows.
    """
    flask_app.extensions.setdefault("suicha_loaders", {})[kind] = loader


def current_actor() -> Actor:
    """Return who calls. Only inside a view that carries an access decorator."""
    return cast(Actor, flask.g.actor)


def current_agency_id() -> UUID:
    """Return the caller's agency. Only where the decorator lets in who has one: every account."""
    return cast(UUID, current_actor().agency_id)


def requires(*roles: Role) -> Callable[[V], V]:
    """Let only a signed-in user with any of `roles` call the view."""
    wanted = frozenset(roles)
    if not wanted:
        raise ValueError("name the roles that may call this view")

    return _guard(
        lambda: _load_role(wanted), signed_in=True, schemes=["user"], roles=_written(wanted)
    )


def _written(roles: frozenset[Role]) -> list[str]:
    return sorted(str(role) for role in roles)


def _load_role(wanted: frozenset[Role]) -> None:
    if not _load(ActorKind.USER).roles & wanted:
        raise RoleMissing(
            "您的角色不能进行这项操作，如有需要请联系管理员。", roles=_written(wanted)
        )


def requires_device(view: V) -> V:
    """Let only an enrolled device with a good access token call the view."""
    guard = _guard(
        lambda: _load(ActorKind.DEVICE), signed_in=True, schemes=["device"], roles=["device"]
    )
    return guard(view)


def requires_device_or(*roles: Role, reads_on: bool = False) -> Callable[[V], V]:
    """Let an enrolled device, or a signed-in user with any of `roles`, call the view.

    A token that is neither's is answered as an unknown device's. A view that `reads_on` gives the
    connection back itself before it waits for its body.
    """
    wanted = frozenset(roles)

    def check() -> None:
        try:
            _load(ActorKind.DEVICE)
        except Problem as unknown:
            if unknown.status != NotSignedIn.status:
                raise
            try:
                _load_role(wanted)
            except NotSignedIn:
                raise unknown from None

    described = {"schemes": ["device", "user"], "roles": ["device", *_written(wanted)]}
    return _guard(check, signed_in=True, reads_on=reads_on, **described)


def anyone(view: V) -> V:
    """Let anybody call the view, signed in or not."""

    def check() -> None:
        flask.g.actor = PUBLIC

    return _guard(check, signed_in=False, schemes=[], roles=["anyone"])(view)


def _load(kind: ActorKind) -> Actor:
    loader = flask.current_app.extensions.get("suicha_loaders", {}).get(kind)
    if loader is None:
        raise NotSignedIn("请先登录。")
    actor = cast(Actor, loader())
    flask.g.actor = actor
    return actor


def _guard(
    check: Callable[[], Any], *, reads_on: bool = False, **described: Any
) -> Callable[[V], V]:
    def decorate(view: V) -> V:
        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            check()
            waits = isinstance(flask.request.environ.get("wsgi.input"), PatientInput)
            if waits and not reads_on:
                stop_reading()  # a body that is still to come holds no connection
            return view(*args, **kwargs)

        marked: Any = wrapper
        marked._apidoc = {**getattr(view, "_apidoc", {}), "access": described}
        marked.suicha_access = described
        return cast(V, wrapper)

    return decorate


def access_of(flask_app: flask.Flask, endpoint: str) -> dict[str, Any] | None:
    """Return what the access decorator of an endpoint says, or None where there is none."""
    return getattr(flask_app.view_functions[endpoint], "suicha_access", None)


def check_every_view(flask_app: flask.Flask) -> None:
    """Refuse to start an application with a view that does not say who may call it."""
    silent = sorted(
        endpoint
        for endpoint in flask_app.view_functions
        if endpoint not in _EXEMPT and access_of(flask_app, endpoint) is None
    )
    if silent:
        raise RuntimeError(f"views without an access decorator: {', '.join(silent)}")
