"""The shapes of sessions, accounts, tokens, agencies, officers, recusals and absences."""

from typing import Any

import marshmallow as ma
from marshmallow import fields as plain

from app.access import Role
from app.fields import Choice, Count, Day, Id, Instant, Text, absent
from app.people.rules import (
    CERTIFICATE_PATTERN,
    LOGIN_PATTERN,
    PASSWORD_MAX,
    PASSWORD_MIN,
    AbsenceReason,
    AccountState,
    OfficerState,
)
from app.problems import PageSchema

_CODE = r"^[a-z0-9][a-z0-9._-]*$"


def _roles(**options: Any) -> plain.List[Any]:
    return plain.List(Choice(Role), validate=ma.validate.Length(1, len(Role)), **options)


def _specialties(**options: Any) -> plain.List[Any]:
    code = Text(max=60, pattern=_CODE, hint="应为目录中的专业代码。")
    return plain.List(code, validate=ma.validate.Length(max=40), **options)


class SignInSchema(ma.Schema):
    """What is asked for at sign-in."""

    login = Text(max=40, required=True)
    password = Text(max=PASSWORD_MAX, required=True)


class AccountSchema(ma.Schema):
    """An account; never its password."""

    id = Id(required=True)
    version = Count(1, required=True)
    login = Text(max=40, required=True)
    name = Text(max=60, required=True)
    roles = _roles(required=True)
    officer_id = Id(required=True, allow_none=True)
    state = Choice(AccountState, required=True)
    locked_until = Instant(required=True, allow_none=True)
    suspended_at = Instant(required=True, allow_none=True)


class SessionSchema(ma.Schema):
    """A new session; the token is shown this once."""

    token = plain.String(required=True)
    expires_at = Instant(required=True)
    account = plain.Nested(AccountSchema, required=True)


class NewAccountSchema(ma.Schema):
    """An account to be added; the role officer needs `officer_id`."""

    login = Text(
        max=40, min=2, pattern=LOGIN_PATTERN, hint="登录名为小写字母、数字和 . _ -。", required=True
    )
    password = Text(max=PASSWORD_MAX, min=PASSWORD_MIN, required=True)
    name = Text(max=60, required=True)
    roles = _roles(required=True)
    officer_id = Id(load_default=None, allow_none=True)


class AccountChangesSchema(ma.Schema):
    """What of an account can be changed; what is left out stays."""

    name = Text(max=60)
    roles = _roles()
    officer_id = Id(allow_none=True)


class OwnPasswordSchema(ma.Schema):
    """A new password, given together with the present one."""

    password = Text(max=PASSWORD_MAX, required=True)
    new_password = Text(max=PASSWORD_MAX, min=PASSWORD_MIN, required=True)


class PasswordSchema(ma.Schema):
    """A password made by the server, shown this once."""

    password = plain.String(required=True)


class TokenSchema(ma.Schema):
    """An API token without its text."""

    id = Id(required=True)
    name = Text(max=60, required=True)
    roles = _roles(required=True)
    created_at = Instant(required=True)
    expires_at = Instant(required=True)
    revoked_at = Instant(required=True, allow_none=True)


class NewTokenSchema(ma.Schema):
    """An API token to be made, with some of one's own roles."""

    name = Text(max=60, required=True)
    roles = _roles(required=True)
    expires_at = Instant(required=True)


class MadeTokenSchema(TokenSchema):
    """A new API token; its text is shown this once."""

    token = plain.String(required=True)


class AgencySchema(ma.Schema):
    """A supervision agency."""

    id = Id(required=True)
    version = Count(1, required=True)
    district = Text(max=12, required=True)
    name = Text(max=100, required=True)
    uscc = Text(max=18, required=True, allow_none=True)
    demo = plain.Boolean(required=True)


class AgencyChangesSchema(ma.Schema):
    """What of an agency can be changed; what is left out stays."""

    name = Text(max=100)
    uscc = Text(max=40, allow_none=True)


class OfficerSchema(ma.Schema):
    """An officer and what they may take part in and lead."""

    id = Id(required=True)
    version = Count(1, required=True)
    certificate_no = Text(max=40, required=True)
    name = Text(max=60, required=True)
    certificate_valid_until = Day(required=True)
    team = Text(max=60, min=0, required=True)
    specialties = _specialties(required=True)
    lead_specialties = _specialties(required=True)
    state = Choice(OfficerState, required=True)


def _items(**options: Any) -> plain.List[Any]:
    return plain.List(Text(max=200), validate=ma.validate.Length(max=40), **options)


class PartnerSchema(ma.Schema):
    """An officer of a partner department, and what the department checks through them."""

    id = Id(required=True)
    version = Count(1, required=True)
    department = Text(max=60, required=True)
    certificate_no = Text(max=40, required=True)
    name = Text(max=60, required=True)
    certificate_valid_until = Day(required=True)
    items = _items(required=True)
    state = Choice(OfficerState, required=True)
    registered_at = Instant(required=True)


class NewPartnerSchema(ma.Schema):
    """An officer of a partner department to be registered."""

    department = Text(max=60, required=True)
    certificate_no = Text(
        max=40,
        pattern=CERTIFICATE_PATTERN,
        hint="执法证号不能含空格、逗号或特殊字符。",
        required=True,
    )
    name = Text(max=60, required=True)
    certificate_valid_until = Day(required=True)
    items = _items(load_default=())


class PartnerChangesSchema(ma.Schema):
    """What of a partner officer can be changed; what is left out stays."""

    department = Text(max=60)
    certificate_no = Text(
        max=40, pattern=CERTIFICATE_PATTERN, hint="执法证号不能含空格、逗号或特殊字符。"
    )
    name = Text(max=60)
    certificate_valid_until = Day()
    items = _items()
    state = Choice(OfficerState)


class PartnerQuerySchema(PageSchema):
    """Query of the partner officers: of one department, in one state."""

    department = Text(max=60, load_default=absent)
    state = Choice(OfficerState, load_default=absent)


class MeSchema(ma.Schema):
    """Who is signed in, with the roles that the token carries."""

    account = plain.Nested(AccountSchema, required=True)
    agency = plain.Nested(AgencySchema, required=True)
    officer = plain.Nested(OfficerSchema, required=True, allow_none=True)
    roles = _roles(required=True)


class OfficerQuerySchema(PageSchema):
    """Query of the officers: everybody, or those in one state."""

    state = Choice(OfficerState, load_default=absent)


class NewOfficerSchema(ma.Schema):
    """An officer to be registered."""

    certificate_no = Text(
        max=40,
        pattern=CERTIFICATE_PATTERN,
        hint="执法证号不能含空格、逗号或特殊字符。",
        required=True,
    )
    name = Text(max=60, required=True)
    certificate_valid_until = Day(required=True)
    team = Text(max=60, min=0, load_default="")
    specialties = _specialties(load_default=())
    lead_specialties = _specialties(load_default=())


class OfficerChangesSchema(ma.Schema):
    """What of an officer can be changed; what is left out stays."""

    certificate_no = Text(
        max=40, pattern=CERTIFICATE_PATTERN, hint="执法证号不能含空格、逗号或特殊字符。"
    )
    name = Text(max=60)
    certificate_valid_until = Day()
    team = Text(max=60, min=0)
    specialties = _specialties()
    lead_specialties = _specialties()
    state = Choice(OfficerState)


class NewRecusalSchema(ma.Schema):
    """A recusal to be declared; it holds from today where no day is given."""

    unit_id = Id(required=True)
    reason_code = Text(max=60, pattern=_CODE, required=True)
    note = Text(max=500, min=0, load_default="")
    effective_from = Day(load_default=None, allow_none=True)
    effective_to = Day(load_default=None, allow_none=True)


class RecusalSchema(ma.Schema):
    """A declared recusal."""

    id = Id(required=True)
    officer_id = Id(required=True)
    unit_id = Id(required=True)
    reason_code = Text(max=60, required=True)
    note = Text(max=500, min=0, required=True)
    effective_from = Day(required=True)
    effective_to = Day(required=True, allow_none=True)
    declared_at = Instant(required=True)


class NewAbsenceSchema(ma.Schema):
    """Days on which an officer cannot go."""

    from_on = Day(required=True)
    until_on = Day(required=True)
    reason_code = Choice(AbsenceReason, required=True)


class AbsenceSchema(NewAbsenceSchema):
    """A declared absence."""

    id = Id(required=True)
    officer_id = Id(required=True)
    declared_at = Instant(required=True)
