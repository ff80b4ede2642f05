"""The shape of agendas over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import ValidationError, fields

from app.fields import Count, Id, Instant, Text


class AgendaSchema(ma.Schema):
    """An agenda of an officer or a team, without its address."""

    id = Id(required=True)
    version = Count(1, required=True)
    officer_id = Id(required=True, allow_none=True)
    team = Text(max=60, required=True, allow_none=True)
    issued_at = Instant(required=True)
    revoked_at = Instant(required=True, allow_none=True)


class NewAgendaSchema(ma.Schema):
    """Whose agenda: an officer's or a team's, one of the two."""

    officer_id = Id(load_default=None, allow_none=True)
    team = Text(max=60, load_default=None, allow_none=True)

    @ma.validates_schema
    def one_owner(self, data: dict[str, Any], **_: Any) -> None:
        if (data["officer_id"] is None) == (data["team"] is None):
            raise ValidationError("请给出监督员或科室（队），二者选一。", "officer_id")


class IssuedAgendaSchema(AgendaSchema):
    """An agenda with its address, which is shown this once."""

    url = fields.String(required=True)
