"""The JSON shape of devices, their sessions and tokens."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Id, Instant, Text
from sync.devices.rules import Alert, DeviceState, KeyAlgorithm, TokenUse
from sync.wire import CLOCK_TOLERANCE_S, LIMITS

_B64 = r"^[A-Za-z0-9_-]*$"


class DeviceSessionSchema(ma.Schema):
    """An officer in session on a tablet."""

    user_session_id = Id(required=True, attribute="id")
    officer_id = Id(required=True)
    until = Instant(required=True)


class DeviceTokensSchema(ma.Schema):
    """A pair of tokens, shown once."""

    access = fields.String(required=True)
    access_until = Instant(required=True)
    refresh = fields.String(required=True)
    refresh_until = Instant(required=True)
    use = Choice(TokenUse, required=True)


class NewDeviceSchema(ma.Schema):
    """A tablet asks to become a device."""

    code = Text(max=40, required=True, metadata={"description": "一次性登记码"})
    login = Text(max=100, required=True)
    password = Text(max=200, required=True)
    alg = Choice(KeyAlgorithm, required=True)
    key = Text(max=100, pattern=_B64, required=True, metadata={"description": "公钥，base64url"})
    model = Text(max=100, required=True)
    os = Text(max=100, required=True)
    build = Text(max=40, required=True)


class EnrolledSchema(ma.Schema):
    """What a tablet needs to know once it is a device."""

    device_id = Id(required=True)
    epoch = Id(required=True)
    session = fields.Nested(DeviceSessionSchema, required=True)
    tokens = fields.Nested(DeviceTokensSchema, required=True)


class NewPinSchema(ma.Schema):
    """What an officer's PIN is checked by on colleagues' tablets: PBKDF2-SHA-256, base64url.

    At least 600,000 rounds, a salt of 16 to 32 bytes of its own (not the one that wraps the content
    key), a verifier of 32 bytes.
    """

    login = Text(max=100, required=True)
    password = Text(max=200, required=True)
    salt = Text(pattern=r"^[A-Za-z0-9_-]{22,43}$", max=43, required=True)
    iterations = Count(600_000, 10_000_000, required=True)
    verifier = Text(pattern=r"^[A-Za-z0-9_-]{43}$", max=43, required=True)


class DeviceSignInSchema(ma.Schema):
    """A further officer signs in on a tablet."""

    login = Text(max=100, required=True)
    password = Text(max=200, required=True)


class ChallengeRequestSchema(ma.Schema):
    """Which device wants a challenge."""

    device_id = Id(required=True)


class ChallengeSchema(ma.Schema):
    """A challenge to be signed by the device's key."""

    challenge = fields.String(required=True)
    until = Instant(required=True)


class DeviceTokenRequestSchema(ma.Schema):
    """A request for new tokens: a refresh token, or a challenge, signed by the device's key."""

    device_id = Id(required=True)
    refresh = Text(max=100, required=True, allow_none=True)
    challenge = Text(max=200, required=True, allow_none=True)
    at = Instant(required=True, metadata={"description": "终端时钟"})
    sig = Text(max=100, pattern=_B64, required=True)

    @ma.validates_schema
    def one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a request that gives neither or both."""
        if (data.get("refresh") is None) == (data.get("challenge") is None):
            raise ma.ValidationError("refresh 与 challenge 应给出且只给出一个。", "refresh")


class MyDeviceSchema(ma.Schema):
    """What the server knows of the tablet that asks."""

    device_id = Id(required=True)
    state = Choice(DeviceState, required=True)
    sessions = fields.List(fields.Nested(DeviceSessionSchema), required=True)
    device_seq = Count(required=True)
    op_hash = fields.String(required=True)
    receipt_seq = Count(required=True)


class WipedSchema(ma.Schema):
    """A tablet's word that it erased itself."""

    unsent = Count(max=10_000_000, required=True)
    at = Instant(required=True)


class ReceiptKeySchema(ma.Schema):
    """A public key that receipts are signed with."""

    key_id = fields.String(required=True)
    alg = fields.String(required=True)
    key = fields.String(required=True)
    from_ = fields.String(required=True, data_key="from", attribute="from")
    until = fields.String(required=True, allow_none=True)


class RescueKeySchema(ma.Schema):
    """The public key that rescue files are sealed to."""

    key_id = fields.String(required=True)
    alg = fields.String(required=True)
    key = fields.String(required=True)


LimitsSchema = ma.Schema.from_dict(
    {name: fields.Integer(required=True) for name in LIMITS}, name="LimitsSchema"
)


class DiscoverySchema(ma.Schema):
    """What a tablet must know before it enrols."""

    protocols = fields.List(fields.Integer(), required=True)
    min_build = fields.String(required=True)
    recommended_build = fields.String(required=True)
    epoch = Id(required=True)
    server_time = fields.String(
        required=True, metadata={"description": f"终端时钟相差 {CLOCK_TOLERANCE_S} 秒以上会被标记"}
    )
    limits = fields.Nested(LimitsSchema, required=True)
    checksums = fields.List(fields.String(), required=True)
    receipt_keys = fields.List(fields.Nested(ReceiptKeySchema), required=True)
    rescue_key = fields.Nested(RescueKeySchema, required=True)


class NewDeviceCodeSchema(ma.Schema):
    """For whose account a tablet shall be enrolled."""

    login = Text(max=100, required=True)


class DeviceCodeSchema(ma.Schema):
    """A one-time enrolment code, shown once."""

    code = fields.String(required=True)
    login = fields.String(required=True)
    expires_at = Instant(required=True)


class DeviceSchema(ma.Schema):
    """A device as its agency sees it; `build` and `unsent` as the tablet said last."""

    id = Id(required=True, attribute="device.id")
    version = Count(required=True)
    state = Choice(DeviceState, required=True, attribute="device.state")
    state_reason = fields.String(required=True, allow_none=True, attribute="device.state_reason")
    alg = Choice(KeyAlgorithm, required=True, attribute="device.alg")
    model = fields.String(required=True, attribute="device.model")
    os = fields.String(required=True, attribute="device.os")
    build = fields.String(required=True)
    alert = Choice(Alert, required=True, allow_none=True)
    last_seen_at = Instant(required=True)
    unsent = Count(required=True, allow_none=True, attribute="chain.unsent")
    unsent_at = Instant(required=True, allow_none=True, attribute="chain.unsent_at")
    device_seq = Count(required=True, attribute="chain.device_seq")
    missing = Count(required=True)
    enrolled_at = Instant(required=True, attribute="device.enrolled_at")
    state_changed_at = Instant(required=True, allow_none=True, attribute="device.state_changed_at")
    wiped_at = Instant(required=True, allow_none=True, attribute="device.wiped_at")
    wiped_unsent = Count(required=True, allow_none=True, attribute="device.wiped_unsent")


class GapSchema(ma.Schema):
    """Operations of a tablet that never came, by their numbers."""

    first = Count(required=True)
    last = Count(required=True)


class MissingSchema(ma.Schema):
    """What never arrived from a device; `photos` are hashes, at most 1,000."""

    gaps = fields.List(fields.Nested(GapSchema), required=True)
    unsent = Count(required=True, allow_none=True)
    unsent_at = Instant(required=True, allow_none=True)
    wiped_at = Instant(required=True, allow_none=True)
    photos = fields.List(fields.String(), required=True)


class DeviceReasonSchema(ma.Schema):
    """Why a device's state is changed."""

    reason = Text(max=500, required=True)
